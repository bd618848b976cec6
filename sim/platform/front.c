#include "sim/platform/front.h"

#include <stdlib.h>
#include <string.h>

#define NONE SIM_MODEL_NONE
#define NEVER SIM_MODEL_NEVER
#define SECOND UINT64_C(1000000000)

/* Timer arguments of the front end: what, and about which start where. */
enum front_timer {
    TIMER_MODEL,
    TIMER_HANG,
    TIMER_DIE,
    TIMER_BEYOND, /* there is no node for the place */
    TIMER_END     /* of a process that could not end while it asked */
};

enum {
    TIMER_BITS = 3,
    PLACE_BITS = 24,
    EXIT_KILLED = 137,
    FIRST_CAPACITY = 64
};

/* How long into an attempt a fault inside it strikes. */
static const uint64_t strike_ns = UINT64_C(10000000);
/* What hangs hangs so long if nothing ends it. */
static const uint64_t hang_ns = 3600 * SECOND;

/* A job's work in a place. */
struct run {
    uint64_t serial; /* of its START; 0: free */
    uint64_t deadline_ns;
    uint32_t job;
    bool taken; /* the worker has it */
};

struct place {
    struct sim_worker_node *worker; /* kept for the next of this index */
    uint64_t born_ns;
    bool open;
    bool used; /* something was started in it */
    bool died; /* by itself: the model does not know yet, or just now */
    bool silent;
};

struct job {
    struct engine_message message;
    uint32_t runs;
    uint32_t next_free;
    bool hangs;
    bool over; /* for the model */
};

struct sim_front {
    struct sim_front_config config;
    const struct sim_model_ops *ops;
    void *model;
    struct sim_platform platform;
    struct sim_actions actions;
    struct place *places;
    struct run *runs; /* by place and slot */
    uint32_t place_count;
    struct job *jobs;
    uint32_t job_count;
    uint32_t free_job;
    uint32_t died;   /* places that died while actions were carried out */
    uint32_t asking; /* node whose process waits for an answer */
    uint64_t serial;
    uint64_t running;
    uint64_t timer_ns; /* of the model's timer */
    uint64_t hosts_failed;
    struct engine_stream hosts;
    bool acting;
    bool stopped;
};

static struct sim_world *world_of(const struct sim_front *f)
{
    return f->config.world;
}

static uint64_t now_of(const struct sim_front *f)
{
    return f->config.world->now_ns;
}

static uint32_t node_of(const struct sim_front *f, uint32_t place)
{
    return f->config.worker_first + place;
}

static bool is_owned(const struct sim_front *f)
{
    return f->config.restart_ns != NULL;
}

static struct run *runs_of(const struct sim_front *f, uint32_t place)
{
    return f->runs + (size_t)place * f->config.slots;
}

/* Records ------------------------------------------------------------------ */

/* About a job, or none, and a place, or none. */
static struct engine_record record_of(const struct sim_front *f,
                                      enum engine_record_kind kind,
                                      const struct engine_message *message,
                                      uint32_t place)
{
    return (struct engine_record){
        .kind = (uint16_t)kind,
        .node = (uint16_t)f->config.node,
        .peer = (uint16_t)(place != NONE ? node_of(f, place) : 0),
        .op = message ? message->op : UINT32_MAX,
        .run = message ? message->run : 0,
        .attempt = message ? message->attempt : 0,
    };
}

static void note(struct sim_front *f, enum engine_record_kind kind,
                 const struct engine_message *message, uint32_t place,
                 unsigned detail, uint64_t a, uint64_t b)
{
    struct engine_record record = record_of(f, kind, message, place);
    record.detail = (uint16_t)detail;
    record.a = a;
    record.b = b;
    sim_record(world_of(f), &record);
}

static void gauge(struct sim_front *f)
{
    note(f, ENGINE_REC_GAUGE, NULL, NONE, 0, f->running,
         f->ops->counts(f->model)->limit);
}

/* What a platform's own log says of a job. */
static void log_job(struct sim_front *f, enum sim_front_log what,
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
    sim_record(world_of(f), &record);
}

/* Answers ------------------------------------------------------------------ */

static void answer(struct sim_front *f, const struct engine_message *message,
                   enum engine_message_kind kind)
{
    struct engine_message reply = *message;
    reply.size = sizeof(reply);
    reply.kind = (uint16_t)kind;
    reply.from = f->config.node;
    reply.to = message->from;
    sim_net_send(world_of(f), &reply);
}

static void answer_failed(struct sim_front *f,
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
    sim_net_send2(world_of(f), &reply, why->words, size);
}

/* Jobs --------------------------------------------------------------------- */

/* NONE without memory. */
static uint32_t new_job(struct sim_front *f,
                        const struct engine_message *message, bool hangs)
{
    if (f->free_job == NONE) {
        uint32_t count = f->job_count ? 2 * f->job_count : FIRST_CAPACITY;
        struct job *jobs = realloc(f->jobs, count * sizeof(*jobs));
        if (!jobs)
            return NONE;
        for (uint32_t i = f->job_count; i < count; i++)
            jobs[i].next_free = i + 1 < count ? i + 1 : NONE;
        f->free_job = f->job_count;
        f->jobs = jobs;
        f->job_count = count;
    }
    uint32_t id = f->free_job;
    f->free_job = f->jobs[id].next_free;
    f->jobs[id] = (struct job){.message = *message, .hangs = hangs};
    return id;
}

static void free_job(struct sim_front *f, uint32_t id)
{
    f->jobs[id].next_free = f->free_job;
    f->free_job = id;
}

/* The model may have done with a job that still runs somewhere. */
static void reap(struct sim_front *f, uint32_t id)
{
    if (f->jobs[id].over && f->jobs[id].runs == 0)
        free_job(f, id);
}

/* Places ------------------------------------------------------------------- */

static bool grow_places(struct sim_front *f, uint32_t wanted)
{
    uint32_t count = f->place_count ? f->place_count : FIRST_CAPACITY;
    uint32_t slots = f->config.slots;
    while (count < wanted)
        count *= 2;
    struct place *places = realloc(f->places, count * sizeof(*places));
    if (places)
        f->places = places;
    struct run *runs = realloc(f->runs, (size_t)count * slots * sizeof(*runs));
    if (runs)
        f->runs = runs;
    if (!places || !runs)
        return false;
    size_t added = count - f->place_count;
    memset(places + f->place_count, 0, added * sizeof(*places));
    memset(runs_of(f, f->place_count), 0, added * slots * sizeof(*runs));
    f->place_count = count;
    return true;
}

/* NULL without memory. */
static struct place *place_at(struct sim_front *f, uint32_t index)
{
    if (index >= f->place_count && !grow_places(f, index + 1)) {
        world_of(f)->failed = true;
        return NULL;
    }
    return &f->places[index];
}

/* False: there is no node for it, or no memory. */
static bool worker_ready(struct sim_front *f, uint32_t index)
{
    struct place *place = &f->places[index];
    if (place->worker || index >= f->config.worker_count)
        return place->worker != NULL;
    struct sim_worker_config config = f->config.worker;
    config.engine.node = node_of(f, index);
    config.engine.slots = f->config.slots;
    config.engine.defects.node =
        is_owned(f) ? config.engine.node : f->config.worker.engine.defects.node;
    config.platform = &f->platform;
    struct sim_clock clock;
    f->config.clock(f->config.clock_self, config.engine.node, &clock);
    place->worker = sim_worker_node_new(
        &config, &clock, is_owned(f) ? f->config.restart_ns[index] : NEVER);
    if (!place->worker)
        world_of(f)->failed = true;
    return place->worker != NULL;
}

static struct sim_attempt attempt_of(const struct sim_front *f,
                                     const struct run *run)
{
    const struct engine_message *message = &f->jobs[run->job].message;
    return (struct sim_attempt){message->run, message->op, message->attempt};
}

/* The run of an attempt that the worker has, or has not taken; or NULL. */
static struct run *run_of(const struct sim_front *f, uint32_t place,
                          const struct sim_attempt *attempt, bool taken)
{
    struct run *runs = runs_of(f, place);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || runs[i].taken != taken)
            continue;
        struct sim_attempt its = attempt_of(f, &runs[i]);
        if (its.run == attempt->run && its.op == attempt->op &&
            its.attempt == attempt->attempt)
            return &runs[i];
    }
    return NULL;
}

/* The run of this START, or NULL if it is over. */
static struct run *run_started(const struct sim_front *f, uint32_t place,
                               uint64_t serial)
{
    struct run *runs = runs_of(f, place);
    for (uint32_t i = 0; i < f->config.slots; i++)
        if (runs[i].serial == serial)
            return &runs[i];
    return NULL;
}

static void leave(struct sim_front *f, struct run *run)
{
    uint32_t id = run->job;
    run->serial = 0;
    f->running--;
    f->jobs[id].runs--;
    reap(f, id);
}

/* The model ------------------------------------------------------------------
 */

static void timer_for(struct sim_front *f, uint64_t time_ns,
                      enum front_timer what, uint32_t place, uint64_t serial)
{
    sim_timer_at(world_of(f), f->config.node, time_ns,
                 (serial << PLACE_BITS | place) << TIMER_BITS | (uint64_t)what);
}

static void set_timer(struct sim_front *f)
{
    uint64_t next_ns = f->ops->next_ns(f->model);
    if (next_ns >= f->timer_ns)
        return;
    f->timer_ns = next_ns;
    timer_for(f, next_ns > now_of(f) ? next_ns : now_of(f), TIMER_MODEL, 0, 0);
}

static void exited(struct sim_front *f, uint32_t place)
{
    f->places[place].died = true;
    f->ops->exited(f->model, now_of(f), place, EXIT_KILLED, &f->actions);
}

static void exit_died(struct sim_front *f)
{
    for (uint32_t i = 0; f->died > 0 && i < f->place_count; i++)
        if (f->places[i].died && f->places[i].open) {
            f->died--;
            exited(f, i);
            return;
        }
    f->died = 0;
}

static void act(struct sim_front *f, const struct sim_action *action);

/* Does what the model has decided, and what comes of that. */
static void carry_out(struct sim_front *f)
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
        world_of(f)->failed = true;
    set_timer(f);
}

/* Before the model is asked anything: what was due until now. */
static void catch_up(struct sim_front *f)
{
    if (f->ops->next_ns(f->model) > now_of(f))
        return;
    f->ops->advance(f->model, now_of(f), &f->actions);
    carry_out(f);
}

/* Tells a model that wants to know which processes stand still. */
static void look_around(struct sim_front *f)
{
    if (!f->ops->answers)
        return;
    for (uint32_t i = 0; i < f->place_count; i++) {
        struct place *place = &f->places[i];
        if (!place->worker)
            continue;
        bool silent =
            sim_node(world_of(f), node_of(f, i))->state != SIM_PROCESS_UP;
        if (silent != place->silent)
            f->ops->answers(f->model, now_of(f), i, !silent);
        place->silent = silent;
    }
}

/* What the model decides ----------------------------------------------------
 */

static void open_place(struct sim_front *f, const struct sim_action *action)
{
    struct place *place = place_at(f, action->place);
    if (!place)
        return;
    place->open = true;
    place->used = false;
    place->died = false;
    place->born_ns = now_of(f);
    if (is_owned(f))
        return;
    (void)worker_ready(f, action->place);
    note(f, ENGINE_REC_ENV_STARTED,
         action->job != NONE ? &f->jobs[action->job].message : NULL,
         action->place, 0, action->a, 0);
}

static void begin_faults(struct sim_front *f, uint32_t place,
                         const struct run *run)
{
    const struct job *job = &f->jobs[run->job];
    uint64_t at_ns = now_of(f) + strike_ns;
    struct engine_decision decision;
    if (is_owned(f))
        return;
    if (job->hangs)
        timer_for(f, at_ns, TIMER_HANG, place, run->serial);
    if (sim_point(world_of(f), SIM_POINT_PLATFORM_RUN, node_of(f, place),
                  job->message.run, job->message.op + 1, job->message.attempt,
                  &decision))
        timer_for(f, at_ns, TIMER_DIE, place, run->serial);
}

static void hand_over(struct sim_front *f, uint32_t place,
                      const struct run *run, uint64_t delay_ns)
{
    struct engine_message message = f->jobs[run->job].message;
    message.size = sizeof(message);
    message.from = f->config.node;
    message.to = node_of(f, place);
    if (!is_owned(f))
        sim_process_start(world_of(f), message.to);
    sim_local_send(world_of(f), &message, delay_ns);
    begin_faults(f, place, run);
}

static void start(struct sim_front *f, const struct sim_action *action)
{
    struct place *place = place_at(f, action->place);
    struct run *run = place ? run_started(f, action->place, 0) : NULL;
    if (!run)
        return;
    bool cold = !place->used && !is_owned(f);
    *run = (struct run){.serial = ++f->serial,
                        .deadline_ns = action->deadline_ns,
                        .job = action->job};
    f->jobs[run->job].runs++;
    f->running++;
    place->used = true;
    if (!place->worker) {
        timer_for(f, now_of(f) + SECOND, TIMER_BEYOND, action->place,
                  run->serial);
        return;
    }
    note(f, ENGINE_REC_INVOKED, &f->jobs[run->job].message, action->place,
         cold ? 1 : 2, 0, 0);
    gauge(f);
    hand_over(f, action->place, run, action->a);
}

/* What ran there does not run any more. How many that was. */
static uint32_t cut_runs(struct sim_front *f, const struct sim_action *action)
{
    struct run *runs = runs_of(f, action->place);
    bool late = action->cause && action->cause->error == ENGINE_ERR_TIMED_OUT;
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial)
            continue;
        if (late || runs[i].deadline_ns <= now_of(f))
            note(f, ENGINE_REC_KILLED, &f->jobs[runs[i].job].message,
                 action->place, 0, 0, 0);
        leave(f, &runs[i]);
        count++;
    }
    if (count == 0 && late && action->job != NONE)
        note(f, ENGINE_REC_KILLED, &f->jobs[action->job].message, action->place,
             0, 0, 0); /* it never got to its handler */
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
    uint32_t node = node_of(f, place);
    if (node == f->asking)
        timer_for(f, now_of(f), TIMER_END, place, why);
    else
        sim_process_crash(world_of(f), node, why);
}

static void close_place(struct sim_front *f, const struct sim_action *action)
{
    struct place *place = place_at(f, action->place);
    if (!place || !place->open)
        return;
    place->open = false;
    place->died = false;
    uint32_t runs = cut_runs(f, action);
    if (is_owned(f))
        return;
    if (place->worker)
        kill_process(f, action->place, why_killed(action, runs));
    note(f, ENGINE_REC_ENV_ENDED, NULL, action->place, action->code,
         now_of(f) - place->born_ns, 0);
    if (runs > 0)
        gauge(f);
}

static void pace(struct sim_front *f, uint32_t index)
{
    struct run *runs = runs_of(f, index);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || !runs[i].taken || !f->ops->left_ns)
            continue;
        struct sim_attempt attempt = attempt_of(f, &runs[i]);
        uint64_t left_ns =
            f->ops->left_ns(f->model, now_of(f), index, runs[i].job);
        sim_worker_node_pace(f->places[index].worker, &attempt, left_ns);
    }
}

/* The model has nothing more to do with it. */
static void job_over(struct sim_front *f, const struct sim_action *action)
{
    struct job *job = &f->jobs[action->job];
    if (action->kind == SIM_ACTION_FAIL) {
        log_job(f, SIM_FRONT_GAVE_UP, action, &job->message);
        answer_failed(f, &job->message, action->cause);
    }
    job->over = true;
    reap(f, action->job);
}

static void act(struct sim_front *f, const struct sim_action *action)
{
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_STATE:
    case SIM_ACTION_WARN:
        log_job(f,
                action->kind == SIM_ACTION_WARN ? SIM_FRONT_WARNED
                                                : SIM_FRONT_STATE,
                action,
                action->job != NONE ? &f->jobs[action->job].message : NULL);
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

/* Dispatches ----------------------------------------------------------------
 */

static void throttle(struct sim_front *f, const struct engine_message *message,
                     unsigned reason, uint64_t actual, uint64_t limit,
                     bool quiet)
{
    note(f, ENGINE_REC_THROTTLED, message, NONE, reason, actual, limit);
    if (!quiet)
        answer(f, message, ENGINE_MSG_THROTTLED);
}

static void refuse(struct sim_front *f, const struct engine_message *message,
                   const struct sim_cause *cause, bool quiet)
{
    struct sim_action about = {.place = NONE, .cause = cause};
    log_job(f, SIM_FRONT_REFUSED, &about, message);
    if (!quiet)
        answer_failed(f, message, cause);
}

static bool expired(struct sim_front *f, const struct engine_message *message)
{
    static const struct sim_cause cause = {
        ENGINE_ERR_AUTH_EXPIRED,
        "platform: submission refused\n"
        "credentials: ExpiredToken: The security token included in the "
        "request is expired"};
    if (!f->config.credentials ||
        sim_credentials_valid(f->config.credentials, now_of(f)))
        return false;
    refuse(f, message, &cause, false);
    return true;
}

/* One copy of a dispatch; `quiet`: another one answers. */
static void submit(struct sim_front *f, const struct engine_message *message,
                   bool hangs, bool quiet)
{
    struct sim_submitted out = {.answer = SIM_SUBMIT_ACCEPTED};
    if (f->running >= f->config.worker_count * (uint64_t)f->config.slots &&
        !is_owned(f)) {
        throttle(f, message, SIM_FRONT_BY_NODES, f->running,
                 f->config.worker_count, quiet);
        return;
    }
    struct sim_job job = {
        .id = new_job(f, message, hangs),
        .demand = &f->config.demands[message->a][message->op],
        .payload_bytes = f->config.payload_bytes,
    };
    if (job.id == NONE ||
        f->ops->submit(f->model, now_of(f), &job, &out, &f->actions)) {
        world_of(f)->failed = true;
        return;
    }
    if (out.answer != SIM_SUBMIT_ACCEPTED)
        free_job(f, job.id);
    if (out.answer == SIM_SUBMIT_THROTTLED)
        throttle(f, message, out.reason, out.actual, out.limit, quiet);
    else if (out.answer == SIM_SUBMIT_REFUSED)
        refuse(f, message, &out.cause, quiet);
    else if (!quiet)
        answer(f, message, ENGINE_MSG_ACCEPTED);
    carry_out(f);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_front *f = self;
    struct engine_decision decision = {0};
    if (message->kind != ENGINE_MSG_DISPATCH)
        return;
    (void)sim_point(world_of(f), SIM_POINT_PLATFORM_INVOKE, f->config.node,
                    message->run, message->op + 1, message->attempt, &decision);
    if (decision.action == ENGINE_ACT_LOSE)
        return;
    if (decision.action == ENGINE_ACT_THROTTLE) {
        throttle(f, message, SIM_FRONT_BY_FAULT, 0, 0, false);
        return;
    }
    catch_up(f);
    look_around(f);
    if (expired(f, message))
        return;
    if (decision.action == ENGINE_ACT_DUPLICATE)
        submit(f, message, false, true);
    submit(f, message, decision.action == ENGINE_ACT_TIMEOUT, false);
}

/* What the workers say ------------------------------------------------------
 */

static void finish(struct sim_front *f, uint32_t place, struct run *run)
{
    uint32_t id = run->job;
    f->jobs[id].runs++; /* it must outlive what the model says of it */
    leave(f, run);
    f->ops->finished(f->model, now_of(f), place, id, &f->actions);
    f->jobs[id].runs--;
    reap(f, id);
}

static void delivered(void *self, uint32_t node,
                      const struct sim_attempt *attempt)
{
    struct sim_front *f = self;
    uint32_t place = node - f->config.worker_first;
    catch_up(f);
    struct run *run = run_of(f, place, attempt, false);
    if (!run)
        return;
    run->taken = !run_of(f, place, attempt, true) &&
                 sim_worker_node_has(f->places[place].worker, attempt);
    if (run->taken)
        return;
    look_around(f);
    finish(f, place, run);
    carry_out(f);
}

static void idle(void *self, uint32_t node)
{
    struct sim_front *f = self;
    uint32_t place = node - f->config.worker_first;
    struct run *runs = runs_of(f, place);
    bool over = is_owned(f);
    catch_up(f);
    look_around(f);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || !runs[i].taken)
            continue;
        struct sim_attempt attempt = attempt_of(f, &runs[i]);
        if (sim_worker_node_has(f->places[place].worker, &attempt))
            continue;
        finish(f, place, &runs[i]);
        over = true;
    }
    if (over)
        gauge(f);
    if (is_owned(f)) /* others may answer again by now */
        f->ops->advance(f->model, now_of(f), &f->actions);
    carry_out(f);
}

static void lost(void *self, uint32_t node)
{
    struct sim_front *f = self;
    uint32_t index = node - f->config.worker_first;
    struct place *place = &f->places[index];
    if (f->stopped || !place->open || place->died)
        return;
    place->died = true;
    if (f->acting) {
        f->died++;
        return;
    }
    catch_up(f);
    if (!f->places[index].open)
        return;
    exited(f, index);
    carry_out(f);
}

static uint64_t run_time(void *self, uint32_t node,
                         const struct sim_attempt *attempt, uint64_t nominal_ns,
                         uint32_t cpu_share_ppb)
{
    struct sim_front *f = self;
    uint32_t place = node - f->config.worker_first;
    struct sim_work work = {
        .nominal_ns = nominal_ns,
        .cpu_ppb = cpu_share_ppb,
        .threads = f->config.threads,
    };
    f->asking = node;
    catch_up(f);
    const struct run *run = run_of(f, place, attempt, true);
    uint64_t takes_ns = nominal_ns;
    if (run)
        takes_ns = f->ops->run_ns(f->model, now_of(f), place, run->job, &work,
                                  &f->actions);
    carry_out(f);
    f->asking = 0;
    return takes_ns;
}

static const struct sim_platform_ops platform_ops = {
    .delivered = delivered,
    .idle = idle,
    .run_time = run_time,
    .lost = lost,
};

/* Time ----------------------------------------------------------------------
 */

static void strike(struct sim_front *f, enum front_timer what, uint32_t place,
                   uint64_t serial)
{
    const struct run *run = run_started(f, place, serial);
    if (!run)
        return;
    uint64_t left_ns = run->deadline_ns - now_of(f);
    if (what == TIMER_DIE)
        sim_process_crash(world_of(f), node_of(f, place), ENGINE_ACT_CRASH);
    else if (what == TIMER_HANG)
        sim_process_pause(world_of(f), node_of(f, place),
                          run->deadline_ns == NEVER ? hang_ns
                                                    : left_ns + strike_ns);
    else {
        exited(f, place);
        carry_out(f);
    }
}

static void timer(void *self, uint64_t arg)
{
    struct sim_front *f = self;
    enum front_timer what = (enum front_timer)(arg & ((1U << TIMER_BITS) - 1));
    uint32_t place = (uint32_t)(arg >> TIMER_BITS) & ((1U << PLACE_BITS) - 1);
    uint64_t serial = arg >> (TIMER_BITS + PLACE_BITS);
    if (what == TIMER_MODEL) {
        if (now_of(f) >= f->timer_ns)
            f->timer_ns = NEVER;
        catch_up(f);
        set_timer(f);
    } else if (what == TIMER_END) {
        sim_process_crash(world_of(f), node_of(f, place), (unsigned)serial);
    } else if (place < f->place_count) {
        strike(f, what, place, serial);
    }
}

static void begin(void *self)
{
    struct sim_front *f = self;
    f->stopped = false;
    f->timer_ns = NEVER;
    catch_up(f);
    set_timer(f);
}

static void stop(void *self)
{
    struct sim_front *f = self;
    f->stopped = true;
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = begin,
    .stop = stop,
};

bool sim_front_fail_host(struct sim_front *f)
{
    if (!f->ops->fail_host)
        return false;
    catch_up(f);
    uint64_t count = f->ops->counts(f->model)->hosts_started;
    uint64_t first =
        count ? engine_draw_below(&f->hosts, f->hosts_failed++, count) : 0;
    bool failed = false;
    for (uint64_t i = 0; i < count && !failed; i++)
        failed = f->ops->fail_host(
            f->model, now_of(f), (uint32_t)((first + i) % count), &f->actions);
    carry_out(f);
    return failed;
}

bool sim_front_outage(struct sim_front *f, uint64_t duration_ns)
{
    if (!f->ops->outage)
        return false;
    catch_up(f);
    f->ops->outage(f->model, now_of(f), now_of(f) + duration_ns, &f->actions);
    carry_out(f);
    return true;
}

const struct sim_worker_node *sim_front_worker(const struct sim_front *f,
                                               uint32_t place)
{
    return place < f->place_count ? f->places[place].worker : NULL;
}

static bool own_workers(struct sim_front *f)
{
    bool ready = grow_places(f, f->config.worker_count);
    for (uint32_t i = 0; ready && i < f->config.worker_count; i++)
        ready = worker_ready(f, i);
    return ready;
}

struct sim_front *sim_front_new(const struct sim_front_config *config,
                                const struct sim_clock *clock)
{
    struct sim_front *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->config = *config;
    f->ops = config->model.ops;
    f->model = config->model.self;
    f->platform =
        (struct sim_platform){&platform_ops, f, f->ops->left_ns != NULL};
    f->free_job = NONE;
    f->timer_ns = NEVER;
    engine_stream_init(&f->hosts, config->seed, "sim/platform/host", 0);
    if (is_owned(f) && !own_workers(f)) {
        sim_front_free(f);
        return NULL;
    }
    sim_node_set(config->world, config->node, &ops, f, clock, NEVER);
    return f;
}

void sim_front_free(struct sim_front *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->place_count; i++)
        sim_worker_node_free(f->places[i].worker);
    sim_actions_free(&f->actions);
    free(f->places);
    free(f->runs);
    free(f->jobs);
    free(f);
}
