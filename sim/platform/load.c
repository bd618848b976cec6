#include "sim/platform/load.h"

#include <stdlib.h>

#include "sim/queue.h"

enum {
    AGAIN, /* target: job that was throttled, lost or given up */
    END,   /* target: run, arg: its serial */
    CRASH, /* the same */
    ANSWER /* target: place that has started again */
};

struct job {
    uint64_t since_ns;
    uint64_t number;
    uint64_t draw; /* of its time */
    uint32_t runs; /* under way: a platform may start it twice */
    uint32_t next_free;
    bool started;
    bool done;      /* a run of it has ended well */
    bool throttled; /* and told so */
    bool over;      /* for the platform */
};

/* A job's work in a place. */
struct run {
    uint64_t serial; /* of its END; 0: it is free */
    uint32_t job;
    uint32_t place;
    uint32_t next; /* in the place, or of the free ones */
};

struct place {
    uint64_t since_ns;
    uint32_t first; /* run */
    bool used;      /* the next start in it is not cold */
};

struct load {
    const struct sim_load_config *config;
    const struct sim_model_ops *ops;
    void *model;
    struct sim_queue *queue;
    struct sim_actions actions;
    struct engine_stream stream, crashes;
    struct job *jobs;
    struct run *runs;
    struct place *places;
    uint32_t jobs_made, jobs_capacity, free_job, jobs_open;
    uint32_t runs_made, runs_capacity, free_run;
    uint32_t place_count;
    uint64_t arrived, starts, now_ns, end_ns;
    uint64_t arrival_ns; /* of the next, UINT64_MAX: there is none */
    uint64_t time_draw;  /* of its work */
    bool failed;
};

static void push(struct load *l, uint64_t time_ns, uint32_t kind,
                 uint32_t target, uint64_t arg)
{
    struct sim_event event = {time_ns, target, kind, arg};
    l->failed |= sim_queue_push(l->queue, &event) != 0;
}

static void tell(struct load *l, enum sim_load_kind kind, const struct job *job,
                 uint32_t place, bool cold)
{
    struct sim_load_event event = {
        .time_ns = l->now_ns,
        .since_ns = job->since_ns,
        .number = job->number,
        .kind = kind,
        .place = place,
        .cold = cold,
        .again = job->started,
    };
    l->config->seen(l->config->self, &event);
}

static void tell_place(struct load *l, enum sim_load_kind kind, uint32_t place)
{
    struct sim_load_event event = {
        .time_ns = l->now_ns,
        .since_ns = l->places[place].since_ns,
        .kind = kind,
        .place = place,
    };
    l->config->seen(l->config->self, &event);
}

/* Room for one more than `used`; the new list, or NULL without memory. */
static void *grown(struct load *l, void *list, uint32_t used,
                   uint32_t *capacity, size_t size)
{
    if (used < *capacity)
        return list;
    uint32_t more = *capacity ? 2 * *capacity : 1024;
    void *longer = realloc(list, more * size);
    if (longer)
        *capacity = more;
    else
        l->failed = true;
    return longer;
}

/* SIM_MODEL_NONE without memory. */
static uint32_t new_job(struct load *l)
{
    uint32_t id = l->free_job;
    if (id != SIM_MODEL_NONE) {
        l->free_job = l->jobs[id].next_free;
    } else {
        void *list = grown(l, l->jobs, l->jobs_made, &l->jobs_capacity,
                           sizeof(*l->jobs));
        if (!list)
            return SIM_MODEL_NONE;
        l->jobs = list;
        id = l->jobs_made++;
    }
    l->jobs[id] = (struct job){.since_ns = l->now_ns, .number = l->arrived};
    l->jobs_open++;
    return id;
}

static void free_job(struct load *l, uint32_t id)
{
    l->jobs[id].next_free = l->free_job;
    l->free_job = id;
    l->jobs_open--;
}

/* SIM_MODEL_NONE without memory. */
static uint32_t new_run(struct load *l)
{
    uint32_t at = l->free_run;
    if (at != SIM_MODEL_NONE) {
        l->free_run = l->runs[at].next;
        return at;
    }
    void *list =
        grown(l, l->runs, l->runs_made, &l->runs_capacity, sizeof(*l->runs));
    if (!list)
        return SIM_MODEL_NONE;
    l->runs = list;
    return l->runs_made++;
}

static struct place *place_at(struct load *l, uint32_t index)
{
    if (index >= l->place_count) {
        uint32_t count = l->place_count ? l->place_count : 64;
        while (count <= index)
            count *= 2;
        struct place *places = realloc(l->places, count * sizeof(*places));
        if (!places) {
            l->failed = true;
            return NULL;
        }
        for (uint32_t i = l->place_count; i < count; i++)
            places[i] = (struct place){.first = SIM_MODEL_NONE};
        l->places = places;
        l->place_count = count;
    }
    return &l->places[index];
}

static void submit(struct load *l, uint32_t id)
{
    struct sim_job job = {.id = id,
                          .demand = l->config->demand,
                          .payload_bytes = l->config->payload_bytes};
    struct sim_submitted out;
    if (l->ops->submit(l->model, l->now_ns, &job, &out, &l->actions)) {
        l->failed = true;
        return;
    }
    struct job *about = &l->jobs[id];
    bool throttled = out.answer == SIM_SUBMIT_THROTTLED;
    if (out.answer == SIM_SUBMIT_ACCEPTED) {
        tell(l, SIM_LOAD_ARRIVED, about, SIM_MODEL_NONE, false);
        return;
    }
    if (!throttled || !about->throttled)
        tell(l, throttled ? SIM_LOAD_THROTTLED : SIM_LOAD_REFUSED, about,
             SIM_MODEL_NONE, false);
    about->throttled = true;
    if (throttled && l->config->retry_ns)
        push(l, l->now_ns + l->config->retry_ns, AGAIN, id, 0);
    else
        free_job(l, id);
}

/* One block of the stream serves one arrival: the gap before, the time. */
static void plan_arrival(struct load *l)
{
    uint64_t draws[2];
    l->arrival_ns = UINT64_MAX;
    if (l->arrived == l->config->arrivals)
        return;
    engine_stream_block(&l->stream, l->arrived, draws);
    l->arrival_ns = l->now_ns + sim_dist_at(&l->config->gap, draws[0]);
    l->time_draw = draws[1];
}

static void arrive(struct load *l)
{
    uint32_t id = new_job(l);
    if (id == SIM_MODEL_NONE)
        return;
    l->jobs[id].draw = l->time_draw;
    l->arrived++;
    plan_arrival(l);
    submit(l, id);
}

static void start(struct load *l, const struct sim_action *action)
{
    struct place *place = place_at(l, action->place);
    uint32_t at = new_run(l);
    if (!place || at == SIM_MODEL_NONE)
        return;
    struct job *job = &l->jobs[action->job];
    bool cold = !place->used;
    const struct sim_dist *time = cold ? &l->config->cold : &l->config->warm;
    struct sim_work work = {
        .nominal_ns = sim_dist_at(time, job->draw),
        .threads = 1,
    };
    place->used = true;
    l->runs[at] =
        (struct run){++l->starts, action->job, action->place, place->first};
    place->first = at;
    job->runs++;
    tell(l, SIM_LOAD_STARTED, job, action->place, cold);
    job->started = true;
    uint64_t takes_ns = l->ops->run_ns(l->model, l->now_ns, action->place,
                                       action->job, &work, &l->actions);
    uint64_t crash_ns = UINT64_MAX;
    if (l->config->crashes)
        crash_ns = sim_dist_draw(&l->config->crash, &l->crashes, l->starts);
    bool crash = crash_ns < takes_ns;
    push(l, l->now_ns + action->a + (crash ? crash_ns : takes_ns),
         crash ? CRASH : END, at, l->starts);
}

/* Takes a run out of its place. */
static void leave(struct load *l, uint32_t at)
{
    struct run *run = &l->runs[at];
    uint32_t *link = &l->places[run->place].first;
    while (*link != at)
        link = &l->runs[*link].next;
    *link = run->next;
    run->serial = 0;
    run->next = l->free_run;
    l->free_run = at;
    l->jobs[run->job].runs--;
}

static void reap(struct load *l, uint32_t id)
{
    if (l->jobs[id].over && l->jobs[id].runs == 0)
        free_job(l, id);
}

/* What ran in a place that is gone does not run any more. */
static void cut_all(struct load *l, struct place *place)
{
    while (place->first != SIM_MODEL_NONE) {
        uint32_t at = place->first;
        uint32_t id = l->runs[at].job;
        leave(l, at);
        tell(l, SIM_LOAD_CUT, &l->jobs[id], l->runs[at].place, false);
        reap(l, id);
    }
}

static void pace(struct load *l, uint32_t index)
{
    for (uint32_t at = l->places[index].first; at != SIM_MODEL_NONE;
         at = l->runs[at].next) {
        struct run *run = &l->runs[at];
        run->serial = ++l->starts;
        push(l,
             l->now_ns + l->ops->left_ns(l->model, l->now_ns, index, run->job),
             END, at, run->serial);
    }
}

/* The platform has nothing more to do with it: done, lost or given up. */
static void over(struct load *l, uint32_t id)
{
    struct job *job = &l->jobs[id];
    if (!job->done) {
        tell(l, SIM_LOAD_GONE, job, SIM_MODEL_NONE, false);
        if (l->config->resubmit) {
            push(l, l->now_ns, AGAIN, id, 0);
            return;
        }
    }
    job->over = true;
    reap(l, id);
}

static void act(struct load *l, const struct sim_action *action)
{
    struct place *place;
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_OPEN:
        place = place_at(l, action->place);
        if (!place)
            return;
        *place = (struct place){.since_ns = l->now_ns,
                                .first = SIM_MODEL_NONE,
                                .used = action->job == SIM_MODEL_NONE};
        tell_place(l, SIM_LOAD_OPENED, action->place);
        break;
    case SIM_ACTION_CLOSE:
        place = place_at(l, action->place);
        if (!place)
            return;
        cut_all(l, place);
        tell_place(l, SIM_LOAD_CLOSED, action->place);
        break;
    case SIM_ACTION_START:
        start(l, action);
        break;
    case SIM_ACTION_PACE:
        pace(l, action->place);
        break;
    case SIM_ACTION_FAIL:
    case SIM_ACTION_FORGET:
        over(l, action->job);
        break;
    case SIM_ACTION_STATE:
    case SIM_ACTION_WARN:
        break;
    }
}

/* Acting may make more actions: they come behind. */
static void carry_out(struct load *l)
{
    uint64_t now_ns = l->now_ns;
    for (uint32_t i = 0; i < l->actions.count; i++) {
        struct sim_action action = l->actions.list[i];
        l->now_ns = action.time_ns < now_ns ? action.time_ns : now_ns;
        act(l, &action);
    }
    l->now_ns = now_ns;
    l->failed |= l->actions.failed;
    l->actions.count = 0;
}

static void ended(struct load *l, uint32_t at, uint64_t serial, bool crashed)
{
    struct run run = l->runs[at];
    if (run.serial != serial)
        return; /* it was cut, or goes at another pace */
    struct job *job = &l->jobs[run.job];
    leave(l, at);
    tell(l, crashed ? SIM_LOAD_CUT : SIM_LOAD_ENDED, job, run.place, false);
    if (crashed) {
        l->ops->exited(l->model, l->now_ns, run.place, 137, &l->actions);
        if (l->ops->answers && l->config->restart_ns) {
            l->ops->answers(l->model, l->now_ns, run.place, false);
            push(l, l->now_ns + l->config->restart_ns, ANSWER, run.place, 0);
        }
    } else {
        job->done = true;
        l->ops->finished(l->model, l->now_ns, run.place, run.job, &l->actions);
    }
}

static void step(struct load *l)
{
    struct sim_event event;
    (void)sim_queue_pop(l->queue, &event);
    l->now_ns = event.time_ns;
    if (event.kind == AGAIN) {
        submit(l, event.target);
    } else if (event.kind == ANSWER) {
        l->ops->answers(l->model, l->now_ns, event.target, true);
        l->ops->advance(l->model, l->now_ns, &l->actions);
    } else {
        ended(l, event.target, event.arg, event.kind == CRASH);
    }
}

/* Whichever comes first: the platform, an end, an arrival. False: nothing. */
static bool next(struct load *l)
{
    uint64_t event_ns = sim_queue_peek_time(l->queue);
    uint64_t model_ns = l->ops->next_ns(l->model);
    uint64_t own_ns = event_ns < l->arrival_ns ? event_ns : l->arrival_ns;
    if ((model_ns < own_ns ? model_ns : own_ns) > l->end_ns)
        return false;
    if (own_ns == UINT64_MAX && l->jobs_open == 0)
        return false; /* only the platform's own upkeep is left */
    if (model_ns <= own_ns) {
        l->now_ns = model_ns;
        l->ops->advance(l->model, model_ns, &l->actions);
    } else if (event_ns <= l->arrival_ns) {
        step(l);
    } else {
        l->now_ns = l->arrival_ns;
        arrive(l);
    }
    if (l->actions.count)
        carry_out(l);
    return !l->failed;
}

static int result(const struct load *l)
{
    if (l->failed)
        return SIM_LOAD_ENOMEM;
    return l->jobs_open > 0 && l->config->end_ns == 0 ? SIM_LOAD_ESTUCK : 0;
}

int sim_load_run(const struct sim_load_config *config, uint64_t *now_ns)
{
    struct load l = {
        .config = config,
        .ops = config->model.ops,
        .model = config->model.self,
        .free_job = SIM_MODEL_NONE,
        .free_run = SIM_MODEL_NONE,
        .now_ns = SIM_LOAD_START_NS,
        .end_ns = config->end_ns ? config->end_ns : UINT64_MAX - 1,
    };
    engine_stream_init(&l.stream, config->seed, "load", 0);
    engine_stream_init(&l.crashes, config->seed, "load/crash", 0);
    l.queue = sim_queue_new(1024);
    if (!l.queue)
        return SIM_LOAD_ENOMEM;
    plan_arrival(&l);
    while (next(&l))
        ;
    *now_ns = l.now_ns;
    sim_queue_free(l.queue);
    sim_actions_free(&l.actions);
    free(l.jobs);
    free(l.runs);
    free(l.places);
    return result(&l);
}
