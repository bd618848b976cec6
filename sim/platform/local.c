#include "sim/platform/local.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NONE SIM_MODEL_NONE

struct worker {
    uint32_t given;
    bool silent; /* takes no work */
};

struct local {
    struct sim_local_config config;
    struct engine_stream latencies;
    struct worker *workers;
    uint32_t *slots; /* job in each; NONE: free */
    uint32_t *queue; /* a ring of jobs */
    uint32_t head, capacity;
    bool opened;
    struct sim_model_counts counts;
};

static struct sim_action *act(struct sim_actions *actions, uint64_t now_ns,
                              enum sim_action_kind kind, uint32_t place,
                              uint32_t job)
{
    struct sim_action *action = sim_actions_add(actions, now_ns, kind);
    if (action) {
        action->place = place;
        action->job = job;
    }
    return action;
}

static void open_place(struct local *l, uint64_t now_ns, uint32_t place,
                       struct sim_actions *actions)
{
    act(actions, now_ns, SIM_ACTION_OPEN, place, NONE);
    l->counts.places_opened++;
    if (++l->counts.places > l->counts.places_peak)
        l->counts.places_peak = l->counts.places;
}

/* The worker with most free slots, the first of equals; NONE: there is none. */
static uint32_t choose(const struct local *l)
{
    uint32_t best = NONE;
    for (uint32_t i = 0; i < l->config.workers; i++)
        if (!l->workers[i].silent && l->workers[i].given < l->config.slots &&
            (best == NONE || l->workers[i].given < l->workers[best].given))
            best = i;
    return best;
}

/* The slot of a worker that holds this, a job or NONE. */
static uint32_t *slot_of(const struct local *l, uint32_t worker, uint32_t what)
{
    uint32_t *slot = l->slots + (size_t)worker * l->config.slots;
    for (uint32_t i = 0; i < l->config.slots; i++)
        if (slot[i] == what)
            return &slot[i];
    assert(false);
    return NULL;
}

static void give(struct local *l, uint64_t now_ns, uint32_t worker,
                 uint32_t job, struct sim_actions *actions)
{
    struct sim_action *action =
        act(actions, now_ns, SIM_ACTION_START, worker, job);
    if (action)
        action->a = 1 + sim_dist_draw(&l->config.dispatch_latency,
                                      &l->latencies, l->counts.starts);
    *slot_of(l, worker, NONE) = job;
    l->workers[worker].given++;
    l->counts.starts++;
    l->counts.running++;
}

static void drain(struct local *l, uint64_t now_ns, struct sim_actions *actions)
{
    uint32_t worker;
    while (l->counts.queued > 0 && (worker = choose(l)) != NONE) {
        uint32_t job = l->queue[l->head];
        l->head = (l->head + 1) % l->capacity;
        l->counts.queued--;
        give(l, now_ns, worker, job, actions);
    }
}

static bool enqueue(struct local *l, uint32_t job)
{
    if (l->counts.queued == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
        uint32_t *queue = malloc(capacity * sizeof(*queue));
        if (!queue)
            return false;
        for (uint32_t i = 0; i < l->counts.queued; i++)
            queue[i] = l->queue[(l->head + i) % l->capacity];
        free(l->queue);
        l->queue = queue;
        l->head = 0;
        l->capacity = capacity;
    }
    l->queue[(l->head + l->counts.queued++) % l->capacity] = job;
    return true;
}

static void advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct local *l = self;
    for (uint32_t i = 0; !l->opened && i < l->config.workers; i++)
        open_place(l, now_ns, i, actions);
    l->opened = true;
    drain(l, now_ns, actions);
}

static uint64_t next_ns(const void *self)
{
    const struct local *l = self;
    return l->opened ? SIM_MODEL_NEVER : 0;
}

static int submit(void *self, uint64_t now_ns, const struct sim_job *job,
                  struct sim_submitted *out, struct sim_actions *actions)
{
    struct local *l = self;
    if (!enqueue(l, job->id))
        return -1;
    out->answer = SIM_SUBMIT_ACCEPTED;
    l->counts.submitted++;
    l->counts.jobs++;
    drain(l, now_ns, actions);
    return 0;
}

static void forget(struct local *l, uint64_t now_ns, uint32_t job,
                   struct sim_actions *actions)
{
    act(actions, now_ns, SIM_ACTION_FORGET, NONE, job);
    l->counts.jobs--;
    l->counts.running--;
}

static void finished(void *self, uint64_t now_ns, uint32_t place, uint32_t job,
                     struct sim_actions *actions)
{
    struct local *l = self;
    *slot_of(l, place, job) = NONE;
    l->workers[place].given--;
    l->counts.done++;
    forget(l, now_ns, job, actions);
    drain(l, now_ns, actions);
}

static void exited(void *self, uint64_t now_ns, uint32_t place,
                   uint32_t exit_code, struct sim_actions *actions)
{
    struct local *l = self;
    uint32_t *slots = l->slots + (size_t)place * l->config.slots;
    (void)exit_code;
    act(actions, now_ns, SIM_ACTION_CLOSE, place, NONE);
    l->counts.places--;
    l->counts.places_closed++;
    for (uint32_t i = 0; i < l->config.slots; i++) {
        if (slots[i] == NONE)
            continue;
        l->counts.lost++;
        forget(l, now_ns, slots[i], actions);
        slots[i] = NONE;
    }
    l->workers[place].given = 0;
    open_place(l, now_ns, place, actions);
}

static void answers(void *self, uint64_t now_ns, uint32_t place, bool does)
{
    struct local *l = self;
    (void)now_ns;
    l->workers[place].silent = !does;
}

static uint64_t run_ns(void *self, uint64_t now_ns, uint32_t place,
                       uint32_t job, const struct sim_work *work,
                       struct sim_actions *actions)
{
    (void)self;
    (void)now_ns;
    (void)place;
    (void)job;
    (void)actions;
    return work->nominal_ns;
}

static const struct sim_model_counts *counts(const void *self)
{
    const struct local *l = self;
    return &l->counts;
}

static uint64_t cost_nano(const void *self, uint64_t now_ns)
{
    (void)self;
    (void)now_ns;
    return 0;
}

static bool cost_line(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano)
{
    (void)self;
    (void)now_ns;
    (void)i;
    (void)name;
    (void)nano;
    return false;
}

static void explain(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size)
{
    const struct local *l = self;
    (void)now_ns;
    for (uint32_t i = 0; i < l->counts.queued; i++) {
        if (l->queue[(l->head + i) % l->capacity] != job)
            continue;
        snprintf(text, size,
                 "it waits for a slot: %u jobs are before it, %u of %u slots "
                 "are taken",
                 i, l->counts.running, (uint32_t)l->counts.limit);
        return;
    }
    for (uint32_t i = 0; i < l->config.workers * l->config.slots; i++)
        if (l->slots[i] == job) {
            snprintf(text, size, "it was given to worker %u",
                     i / l->config.slots + 1);
            return;
        }
    snprintf(text, size, "the workers do not know it");
}

static const char *no_name(uint32_t code)
{
    (void)code;
    return "";
}

static const char *end_name(uint32_t code)
{
    (void)code;
    return "its process died";
}

static void model_free(void *self)
{
    struct local *l = self;
    if (!l)
        return;
    free(l->workers);
    free(l->slots);
    free(l->queue);
    free(l);
}

static const struct sim_model_ops ops = {
    .kind = "local",
    .free = model_free,
    .submit = submit,
    .next_ns = next_ns,
    .advance = advance,
    .finished = finished,
    .exited = exited,
    .answers = answers,
    .run_ns = run_ns,
    .counts = counts,
    .cost_nano = cost_nano,
    .cost_line = cost_line,
    .explain = explain,
    .state_name = no_name,
    .end_name = end_name,
    .reason_name = no_name,
};

int sim_local_model(struct sim_model *model,
                    const struct sim_local_config *config, uint64_t seed)
{
    if (config->workers == 0 || config->slots == 0 ||
        config->workers > UINT32_MAX / config->slots)
        return -2;
    struct local *l = calloc(1, sizeof(*l));
    if (!l)
        return -1;
    size_t slots = (size_t)config->workers * config->slots;
    l->config = *config;
    l->counts.limit = slots;
    l->workers = calloc(config->workers, sizeof(*l->workers));
    l->slots = malloc(slots * sizeof(*l->slots));
    if (!l->workers || !l->slots) {
        model_free(l);
        return -1;
    }
    for (size_t i = 0; i < slots; i++)
        l->slots[i] = NONE;
    engine_stream_init(&l->latencies, seed, "sim/local/dispatch", 0);
    *model = (struct sim_model){&ops, l};
    return 0;
}
