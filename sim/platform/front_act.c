#include <stdlib.h>
#include <string.h>

#include "sim/platform/front_private.h"

/* About a job, or none, and a place, or none. */
static struct engine_record record_of(const struct sim_front *f,
                                      enum engine_record_kind kind,
                                      const struct engine_message *message,
                                      uint32_t place)
{
    return (struct engine_record){
        .kind = (uint16_t)kind,
        .node = (uint16_t)f->config.node,
        .peer = (uint16_t)(place != SIM_FRONT_NONE ? sim_front_node_of(f, place)
                                                   : 0),
        .op = message ? message->op : UINT32_MAX,
        .run = message ? message->run : 0,
        .attempt = message ? message->attempt : 0,
    };
}

void sim_front_note(struct sim_front *f, enum engine_record_kind kind,
                    const struct engine_message *message, uint32_t place,
                    unsigned detail, uint64_t a, uint64_t b)
{
    struct engine_record record = record_of(f, kind, message, place);
    record.detail = (uint16_t)detail;
    record.a = a;
    record.b = b;
    sim_record(sim_front_world_of(f), &record);
}

void sim_front_gauge(struct sim_front *f)
{
    sim_front_note(f, ENGINE_REC_GAUGE, NULL, SIM_FRONT_NONE, 0, f->running,
                   f->ops->counts(f->model)->limit);
}

void sim_front_log_job(struct sim_front *f, enum sim_front_log what,
                       const struct sim_action *action,
                       const struct engine_message *message)
{
    struct engine_record record =
        record_of(f, ENGINE_REC_PLATFORM, message, action->place);
    record.detail = action->code;
    record.count = (uint16_t)what;
    record.a = what == SIM_FRONT_WARNED ? action->deadline_ns : action->a;
    if (action->cause)
        record.b = action->cause->error;
    sim_record(sim_front_world_of(f), &record);
}

void sim_front_answer_failed(struct sim_front *f,
                             const struct engine_message *message,
                             const struct sim_cause *cause)
{
    static const struct sim_cause unknown = {ENGINE_ERR_UNKNOWN, ""};
    const struct sim_cause *why = cause ? cause : &unknown;
    size_t size = strnlen(why->words, sizeof(why->words));
    struct engine_message reply = *message;
    reply.size = (uint32_t)(sizeof(reply) + size);
    reply.kind = ENGINE_MSG_FAILED;
    reply.flags = 0;
    reply.from = f->config.node;
    reply.to = message->from;
    reply.a = why->error;
    sim_net_send2(sim_front_world_of(f), &reply, why->words, size);
}

void sim_front_free_job(struct sim_front *f, uint32_t id)
{
    f->jobs[id].next_free = f->free_job;
    f->free_job = id;
}

void sim_front_reap(struct sim_front *f, uint32_t id)
{
    if (f->jobs[id].over && f->jobs[id].runs == 0)
        sim_front_free_job(f, id);
}

bool sim_front_grow_places(struct sim_front *f, uint32_t wanted)
{
    uint32_t count = f->place_count ? f->place_count : SIM_FRONT_FIRST_CAPACITY;
    uint32_t slots = f->config.slots;
    while (count < wanted)
        count *= 2;
    struct sim_front_place *places =
        realloc(f->places, count * sizeof(*places));
    if (places)
        f->places = places;
    struct sim_front_run *runs =
        realloc(f->runs, (size_t)count * slots * sizeof(*runs));
    if (runs)
        f->runs = runs;
    if (!places || !runs)
        return false;
    size_t added = count - f->place_count;
    memset(places + f->place_count, 0, added * sizeof(*places));
    memset(sim_front_runs_of(f, f->place_count), 0,
           added * slots * sizeof(*runs));
    f->place_count = count;
    return true;
}

/* NULL without memory. */
static struct sim_front_place *place_at(struct sim_front *f, uint32_t index)
{
    if (index >= f->place_count && !sim_front_grow_places(f, index + 1)) {
        sim_front_world_of(f)->failed = true;
        return NULL;
    }
    return &f->places[index];
}

bool sim_front_worker_ready(struct sim_front *f, uint32_t index)
{
    struct sim_front_place *place = &f->places[index];
    if (place->worker || index >= f->config.worker_count)
        return place->worker != NULL;
    struct sim_worker_config config = f->config.worker;
    config.engine.node = sim_front_node_of(f, index);
    config.engine.slots = f->config.slots;
    config.engine.defects.node = sim_front_is_owned(f)
                                     ? config.engine.node
                                     : f->config.worker.engine.defects.node;
    config.platform = &f->platform;
    struct sim_clock clock;
    f->config.clock(f->config.clock_self, config.engine.node, &clock);
    place->worker = sim_worker_node_new(
        &config, &clock,
        sim_front_is_owned(f) ? f->config.restart_ns[index] : SIM_FRONT_NEVER);
    if (!place->worker)
        sim_front_world_of(f)->failed = true;
    return place->worker != NULL;
}

struct sim_attempt sim_front_attempt_of(const struct sim_front *f,
                                        const struct sim_front_run *run)
{
    const struct engine_message *message = &f->jobs[run->job].message;
    return (struct sim_attempt){message->run, message->op, message->attempt};
}

struct sim_front_run *sim_front_run_of(const struct sim_front *f,
                                       uint32_t place,
                                       const struct sim_attempt *attempt,
                                       bool taken)
{
    struct sim_front_run *runs = sim_front_runs_of(f, place);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || runs[i].taken != taken)
            continue;
        struct sim_attempt its = sim_front_attempt_of(f, &runs[i]);
        if (its.run == attempt->run && its.op == attempt->op &&
            its.attempt == attempt->attempt)
            return &runs[i];
    }
    return NULL;
}

struct sim_front_run *sim_front_run_started(const struct sim_front *f,
                                            uint32_t place, uint64_t serial)
{
    struct sim_front_run *runs = sim_front_runs_of(f, place);
    for (uint32_t i = 0; i < f->config.slots; i++)
        if (runs[i].serial == serial)
            return &runs[i];
    return NULL;
}

void sim_front_leave(struct sim_front *f, struct sim_front_run *run)
{
    uint32_t id = run->job;
    run->serial = 0;
    f->running--;
    f->jobs[id].runs--;
    sim_front_reap(f, id);
}

void sim_front_timer_for(struct sim_front *f, uint64_t time_ns,
                         enum sim_front_timer what, uint32_t place,
                         uint64_t serial)
{
    sim_timer_at(sim_front_world_of(f), f->config.node, time_ns,
                 (serial << SIM_FRONT_PLACE_BITS | place)
                         << SIM_FRONT_TIMER_BITS |
                     (uint64_t)what);
}

void sim_front_set_timer(struct sim_front *f)
{
    uint64_t next_ns = f->ops->next_ns(f->model);
    if (next_ns >= f->timer_ns)
        return;
    f->timer_ns = next_ns;
    sim_front_timer_for(
        f, next_ns > sim_front_now_of(f) ? next_ns : sim_front_now_of(f),
        SIM_FRONT_TIMER_MODEL, 0, 0);
}

void sim_front_exited(struct sim_front *f, uint32_t place)
{
    f->places[place].died = true;
    f->ops->exited(f->model, sim_front_now_of(f), place, SIM_FRONT_EXIT_KILLED,
                   &f->actions);
}

static void exit_died(struct sim_front *f)
{
    for (uint32_t i = 0; f->died > 0 && i < f->place_count; i++)
        if (f->places[i].died && f->places[i].open) {
            f->died--;
            sim_front_exited(f, i);
            return;
        }
    f->died = 0;
}

static void act(struct sim_front *f, const struct sim_action *action);

void sim_front_carry_out(struct sim_front *f)
{
    if (f->acting)
        return;
    f->acting = true;
    do {
        for (uint32_t i = 0; i < f->actions.count; i++) {
            struct sim_action action = f->actions.list[i];
            act(f, &action);
        }
        f->actions.count = 0;
        if (f->died > 0)
            exit_died(f);
    } while (f->actions.count > 0);
    f->acting = false;
    if (f->actions.failed)
        sim_front_world_of(f)->failed = true;
    sim_front_set_timer(f);
}

void sim_front_catch_up(struct sim_front *f)
{
    if (f->ops->next_ns(f->model) > sim_front_now_of(f))
        return;
    f->ops->advance(f->model, sim_front_now_of(f), &f->actions);
    sim_front_carry_out(f);
}

static void open_place(struct sim_front *f, const struct sim_action *action)
{
    struct sim_front_place *place = place_at(f, action->place);
    if (!place)
        return;
    place->open = true;
    place->used =
        action->job == SIM_FRONT_NONE; /* made ahead: no start is cold */
    place->died = false;
    place->born_ns = sim_front_now_of(f);
    if (sim_front_is_owned(f))
        return;
    (void)sim_front_worker_ready(f, action->place);
    sim_front_note(f, ENGINE_REC_ENV_STARTED,
                   action->job != SIM_FRONT_NONE ? &f->jobs[action->job].message
                                                 : NULL,
                   action->place, 0, action->a, 0);
}

static void begin_faults(struct sim_front *f, uint32_t place,
                         const struct sim_front_run *run)
{
    const struct sim_front_job *job = &f->jobs[run->job];
    uint64_t at_ns = sim_front_now_of(f) + SIM_FRONT_STRIKE_NS;
    struct engine_decision decision;
    if (sim_front_is_owned(f))
        return;
    if (job->hangs)
        sim_front_timer_for(f, at_ns, SIM_FRONT_TIMER_HANG, place, run->serial);
    if (sim_point(sim_front_world_of(f), SIM_POINT_PLATFORM_RUN,
                  sim_front_node_of(f, place), job->message.run,
                  job->message.op + 1, job->message.attempt, &decision))
        sim_front_timer_for(f, at_ns, SIM_FRONT_TIMER_DIE, place, run->serial);
}

static void hand_over(struct sim_front *f, uint32_t place,
                      const struct sim_front_run *run, uint64_t delay_ns)
{
    struct engine_message message = f->jobs[run->job].message;
    message.size = sizeof(message);
    message.from = f->config.node;
    message.to = sim_front_node_of(f, place);
    if (!sim_front_is_owned(f)) {
        sim_process_start(sim_front_world_of(f), message.to);
        sim_process_thaw(sim_front_world_of(f), message.to);
    }
    sim_local_send(sim_front_world_of(f), &message, delay_ns);
    begin_faults(f, place, run);
}

static void start(struct sim_front *f, const struct sim_action *action)
{
    struct sim_front_place *place = place_at(f, action->place);
    struct sim_front_run *run =
        place ? sim_front_run_started(f, action->place, 0) : NULL;
    if (!run)
        return;
    bool cold = !place->used && !sim_front_is_owned(f);
    *run = (struct sim_front_run){.serial = ++f->serial,
                                  .deadline_ns = action->deadline_ns,
                                  .job = action->job};
    f->jobs[run->job].runs++;
    f->running++;
    place->used = true;
    if (!place->worker) {
        sim_front_timer_for(f, sim_front_now_of(f) + SIM_FRONT_SECOND,
                            SIM_FRONT_TIMER_BEYOND, action->place, run->serial);
        return;
    }
    sim_front_note(f, ENGINE_REC_INVOKED, &f->jobs[run->job].message,
                   action->place, cold ? 1 : 2, 0, 0);
    sim_front_gauge(f);
    hand_over(f, action->place, run, action->a);
}

/* What ran there does not run any more. How many that was. */
static uint32_t cut_runs(struct sim_front *f, const struct sim_action *action)
{
    struct sim_front_run *runs = sim_front_runs_of(f, action->place);
    bool late = action->cause && action->cause->error == ENGINE_ERR_TIMED_OUT;
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial)
            continue;
        if (late || runs[i].deadline_ns <= sim_front_now_of(f))
            sim_front_note(f, ENGINE_REC_KILLED, &f->jobs[runs[i].job].message,
                           action->place, 0, 0, 0);
        sim_front_leave(f, &runs[i]);
        count++;
    }
    if (count == 0 && late && action->job != SIM_FRONT_NONE)
        sim_front_note(f, ENGINE_REC_KILLED, &f->jobs[action->job].message,
                       action->place, 0, 0,
                       0); /* it never got to its handler */
    return count;
}

static unsigned why_killed(const struct sim_action *action, uint32_t runs)
{
    if (action->cause && action->cause->error == ENGINE_ERR_OOM)
        return ENGINE_ACT_OOM;
    if (action->cause && action->cause->error == ENGINE_ERR_TIMED_OUT)
        return ENGINE_ACT_TIMEOUT;
    return runs > 0 ? ENGINE_ACT_CRASH : 0;
}

static void kill_process(struct sim_front *f, uint32_t place, unsigned why)
{
    uint32_t node = sim_front_node_of(f, place);
    if (node == f->asking)
        sim_front_timer_for(f, sim_front_now_of(f), SIM_FRONT_TIMER_END, place,
                            why);
    else
        sim_process_crash(sim_front_world_of(f), node, why);
}

static void close_place(struct sim_front *f, const struct sim_action *action)
{
    struct sim_front_place *place = place_at(f, action->place);
    if (!place || !place->open)
        return;
    place->open = false;
    place->died = false;
    uint32_t runs = cut_runs(f, action);
    if (sim_front_is_owned(f))
        return;
    if (place->worker)
        kill_process(f, action->place, why_killed(action, runs));
    sim_front_note(f, ENGINE_REC_ENV_ENDED, NULL, action->place, action->code,
                   sim_front_now_of(f) - place->born_ns, 0);
    if (runs > 0)
        sim_front_gauge(f);
}

static void pace(struct sim_front *f, uint32_t index)
{
    struct sim_front_run *runs = sim_front_runs_of(f, index);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || !runs[i].taken || !f->ops->left_ns)
            continue;
        struct sim_attempt attempt = sim_front_attempt_of(f, &runs[i]);
        uint64_t left_ns =
            f->ops->left_ns(f->model, sim_front_now_of(f), index, runs[i].job);
        sim_worker_node_pace(f->places[index].worker, &attempt, left_ns);
    }
}

/* A defect: who does not know the task has acknowledged it all the same. */
static bool is_swallowed(const struct sim_front *f,
                         const struct sim_action *action)
{
    return action->cause && strstr(action->cause->words, ": NotRegistered: ") &&
           engine_defect(&f->config.worker.engine.defects,
                         ENGINE_DEFECT_UNREGISTERED_ACKED);
}

/* The model has nothing more to do with it. */
static void job_over(struct sim_front *f, const struct sim_action *action)
{
    struct sim_front_job *job = &f->jobs[action->job];
    if (action->kind == SIM_ACTION_FAIL && !is_swallowed(f, action)) {
        sim_front_log_job(f, SIM_FRONT_GAVE_UP, action, &job->message);
        sim_front_answer_failed(f, &job->message, action->cause);
    }
    job->over = true;
    sim_front_reap(f, action->job);
}

static void act(struct sim_front *f, const struct sim_action *action)
{
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_STATE:
    case SIM_ACTION_WARN:
        sim_front_log_job(f,
                          action->kind == SIM_ACTION_WARN ? SIM_FRONT_WARNED
                                                          : SIM_FRONT_STATE,
                          action,
                          action->job != SIM_FRONT_NONE
                              ? &f->jobs[action->job].message
                              : NULL);
        break;
    case SIM_ACTION_OPEN:
        open_place(f, action);
        break;
    case SIM_ACTION_START:
        start(f, action);
        break;
    case SIM_ACTION_PACE:
        if (action->place < f->place_count && f->places[action->place].worker)
            pace(f, action->place);
        break;
    case SIM_ACTION_CLOSE:
        close_place(f, action);
        break;
    case SIM_ACTION_FAIL:
    case SIM_ACTION_FORGET:
        job_over(f, action);
        break;
    }
}
