#include <string.h>

#include "scenarios/validate/validate.h"

/* Levels are first measured in batches of this long. */
#define LEVEL_BATCH_S 0.001

/* A shorter wait is that of handing over, not of a queue. */
#define MICROSECOND 1000

enum {
    TICK_EVERY = 4096 /* events */
};

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

/* What was so until now. */
static void pass(struct validate_watch *w, uint64_t now_ns)
{
    if (now_ns <= w->at_ns)
        return;
    double lasted = seconds(now_ns - w->at_ns);
    double running = w->running_now;
    double places = w->places_now;
    report_means_add(&w->running, running, lasted);
    report_means_add(&w->running_squared, running * running, lasted);
    report_means_add(&w->places, places, lasted);
    report_means_add(&w->idle, places - running, lasted);
    if (w->places_now < VALIDATE_LEVELS)
        w->levels[w->places_now] += lasted;
    w->at_ns = now_ns;
}

static void start(struct validate_watch *w, const struct sim_load_event *event)
{
    w->running_now++;
    w->last_start_ns = event->time_ns;
    if (w->first_start_ns == 0)
        w->first_start_ns = event->time_ns;
    if (event->again)
        return;
    uint64_t wait_ns = event->time_ns - event->since_ns;
    report_means_add(&w->wait, (double)wait_ns, 1);
    report_means_add(&w->waited, wait_ns >= MICROSECOND, 1);
    report_means_add(&w->cold, event->cold, 1);
    w->starts++;
    w->cold_starts += event->cold;
}

static void seen(void *self, const struct sim_load_event *event)
{
    struct validate_watch *w = self;
    if (++w->seen % TICK_EVERY == 0 && w->validate->tick)
        w->validate->tick(w->validate->tick_self);
    pass(w, event->time_ns);
    if (event->kind == SIM_LOAD_ARRIVED)
        w->last_accepted_ns = event->time_ns;
    switch (event->kind) {
    case SIM_LOAD_ARRIVED:
    case SIM_LOAD_THROTTLED:
    case SIM_LOAD_REFUSED:
        if (event->again)
            break;
        report_means_add(&w->throttled, event->kind != SIM_LOAD_ARRIVED, 1);
        report_means_add(&w->empty, w->running_now == 0, 1);
        break;
    case SIM_LOAD_STARTED:
        start(w, event);
        break;
    case SIM_LOAD_ENDED:
        w->running_now--;
        w->ended++;
        w->last_end_ns = event->time_ns;
        report_means_add(&w->sojourn,
                         (double)(event->time_ns - event->since_ns), 1);
        break;
    case SIM_LOAD_CUT:
        w->running_now--;
        w->cut++;
        break;
    case SIM_LOAD_GONE:
        w->gone++;
        break;
    case SIM_LOAD_OPENED:
        w->places_now++;
        break;
    case SIM_LOAD_CLOSED:
        w->places_now--;
        report_means_add(&w->life, (double)(event->time_ns - event->since_ns),
                         1);
        break;
    }
}

static void init(struct validate_watch *w)
{
    memset(w, 0, sizeof(*w));
    report_means_init(&w->wait, 1);
    report_means_init(&w->waited, 1);
    report_means_init(&w->throttled, 1);
    report_means_init(&w->cold, 1);
    report_means_init(&w->empty, 1);
    report_means_init(&w->running, LEVEL_BATCH_S);
    report_means_init(&w->running_squared, LEVEL_BATCH_S);
    report_means_init(&w->places, LEVEL_BATCH_S);
    report_means_init(&w->idle, LEVEL_BATCH_S);
    report_means_init(&w->life, 1);
    report_means_init(&w->sojourn, 1);
    w->at_ns = SIM_LOAD_START_NS;
}

bool validate_watch(struct validate *v, struct sim_load_config *config,
                    struct validate_watch *watch)
{
    uint64_t now_ns;
    init(watch);
    watch->validate = v;
    config->seen = seen;
    config->self = watch;
    if (!config->demand)
        config->demand = &validate_plain;
    config->seed += v->seed;
    if (sim_load_run(config, &now_ns) != 0)
        v->failed = true;
    else if (config->end_ns)
        pass(watch, config->end_ns);
    return !v->failed;
}
