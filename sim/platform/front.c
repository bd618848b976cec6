#include "sim/platform/front.h"

#include <stdlib.h>
#include <string.h>

#include "sim/platform/front_private.h"

/* What hangs hangs so long if nothing ends it. */
#define SIM_FRONT_HANG_NS (3600 * SIM_FRONT_SECOND)

static void answer(struct sim_front *f, const struct engine_message *message,
                   enum engine_message_kind kind)
{
    struct engine_message reply = *message;
    reply.size = sizeof(reply);
    reply.kind = (uint16_t)kind;
    reply.from = f->config.node;
    reply.to = message->from;
    sim_net_send(sim_front_world_of(f), &reply);
}

/* SIM_FRONT_NONE without memory. */
static uint32_t new_job(struct sim_front *f,
                        const struct engine_message *message, bool hangs)
{
    if (f->free_job == SIM_FRONT_NONE) {
        uint32_t count =
            f->job_count ? 2 * f->job_count : SIM_FRONT_FIRST_CAPACITY;
        struct sim_front_job *jobs = realloc(f->jobs, count * sizeof(*jobs));
        if (!jobs)
            return SIM_FRONT_NONE;
        for (uint32_t i = f->job_count; i < count; i++)
            jobs[i].next_free = i + 1 < count ? i + 1 : SIM_FRONT_NONE;
        f->free_job = f->job_count;
        f->jobs = jobs;
        f->job_count = count;
    }
    uint32_t id = f->free_job;
    f->free_job = f->jobs[id].next_free;
    f->jobs[id] = (struct sim_front_job){.message = *message, .hangs = hangs};
    return id;
}

/* Tells a model that wants to know which processes stand still. */
static void look_around(struct sim_front *f)
{
    if (!f->ops->answers)
        return;
    for (uint32_t i = 0; i < f->place_count; i++) {
        struct sim_front_place *place = &f->places[i];
        if (!place->worker)
            continue;
        bool silent =
            sim_node(sim_front_world_of(f), sim_front_node_of(f, i))->state !=
            SIM_PROCESS_UP;
        if (silent != place->silent)
            f->ops->answers(f->model, sim_front_now_of(f), i, !silent);
        place->silent = silent;
    }
}

static void throttle(struct sim_front *f, const struct engine_message *message,
                     unsigned reason, uint64_t actual, uint64_t limit,
                     bool quiet)
{
    sim_front_note(f, ENGINE_REC_THROTTLED, message, SIM_FRONT_NONE, reason,
                   actual, limit);
    if (!quiet)
        answer(f, message, ENGINE_MSG_THROTTLED);
}

static void refuse(struct sim_front *f, const struct engine_message *message,
                   const struct sim_cause *cause, bool quiet)
{
    struct sim_action about = {.place = SIM_FRONT_NONE, .cause = cause};
    sim_front_log_job(f, SIM_FRONT_REFUSED, &about, message);
    if (!quiet)
        sim_front_answer_failed(f, message, cause);
}

static bool expired(struct sim_front *f, const struct engine_message *message)
{
    struct sim_cause cause = {.error = ENGINE_ERR_NONE};
    if (!f->config.credentials ||
        sim_credentials_valid(f->config.credentials, sim_front_now_of(f)))
        return false;
    sim_credentials_say_expired(f->ops->kind, &cause);
    refuse(f, message, &cause, false);
    return true;
}

/* One copy of a dispatch; `quiet`: another one answers. */
static void submit(struct sim_front *f, const struct engine_message *message,
                   bool hangs, bool quiet)
{
    struct sim_submitted out = {.answer = SIM_SUBMIT_ACCEPTED};
    if (f->running >= f->config.worker_count * (uint64_t)f->config.slots &&
        !sim_front_is_owned(f)) {
        throttle(f, message, SIM_FRONT_BY_NODES, f->running,
                 f->config.worker_count, quiet);
        return;
    }
    struct sim_job job = {
        .id = new_job(f, message, hangs),
        .demand = &f->config.demands[message->a][message->op],
        .payload_bytes = f->config.payload_bytes,
        .execution = (message->flags & ENGINE_DISPATCH_FRESH) != 0,
    };
    if (job.id == SIM_FRONT_NONE ||
        f->ops->submit(f->model, sim_front_now_of(f), &job, &out,
                       &f->actions)) {
        sim_front_world_of(f)->failed = true;
        return;
    }
    if (out.answer != SIM_SUBMIT_ACCEPTED)
        sim_front_free_job(f, job.id);
    if (out.answer == SIM_SUBMIT_THROTTLED)
        throttle(f, message, out.reason, out.actual, out.limit, quiet);
    else if (out.answer == SIM_SUBMIT_REFUSED)
        refuse(f, message, &out.cause, quiet);
    else if (!quiet)
        answer(f, message, ENGINE_MSG_ACCEPTED);
    sim_front_carry_out(f);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_front *f = self;
    struct engine_decision decision = {0};
    if (message->kind != ENGINE_MSG_DISPATCH)
        return;
    (void)sim_point(sim_front_world_of(f), SIM_POINT_PLATFORM_INVOKE,
                    f->config.node, message->run, message->op + 1,
                    message->attempt, &decision);
    if (decision.action == ENGINE_ACT_LOSE)
        return;
    if (decision.action == ENGINE_ACT_THROTTLE) {
        throttle(f, message, SIM_FRONT_BY_FAULT, f->running,
                 f->ops->counts(f->model)->limit, false);
        return;
    }
    sim_front_catch_up(f);
    look_around(f);
    if (expired(f, message))
        return;
    if (decision.action == ENGINE_ACT_DUPLICATE)
        submit(f, message, false, true);
    submit(f, message, decision.action == ENGINE_ACT_TIMEOUT, false);
}

static void finish(struct sim_front *f, uint32_t place,
                   struct sim_front_run *run)
{
    uint32_t id = run->job;
    if (f->ops->freezes && !sim_front_is_owned(f))
        sim_front_timer_for(f, sim_front_now_of(f), SIM_FRONT_TIMER_FREEZE,
                            place, 0);
    f->jobs[id].runs++; /* it must outlive what the model says of it */
    sim_front_leave(f, run);
    f->ops->finished(f->model, sim_front_now_of(f), place, id, &f->actions);
    f->jobs[id].runs--;
    sim_front_reap(f, id);
}

static void delivered(void *self, uint32_t node,
                      const struct sim_attempt *attempt)
{
    struct sim_front *f = self;
    uint32_t place = node - f->config.worker_first;
    sim_front_catch_up(f);
    struct sim_front_run *run = sim_front_run_of(f, place, attempt, false);
    if (!run)
        return;
    run->taken = !sim_front_run_of(f, place, attempt, true) &&
                 sim_worker_node_has(f->places[place].worker, attempt);
    if (run->taken)
        return;
    look_around(f);
    finish(f, place, run);
    sim_front_carry_out(f);
}

static void idle(void *self, uint32_t node)
{
    struct sim_front *f = self;
    uint32_t place = node - f->config.worker_first;
    struct sim_front_run *runs = sim_front_runs_of(f, place);
    bool over = sim_front_is_owned(f);
    sim_front_catch_up(f);
    look_around(f);
    for (uint32_t i = 0; i < f->config.slots; i++) {
        if (!runs[i].serial || !runs[i].taken)
            continue;
        struct sim_attempt attempt = sim_front_attempt_of(f, &runs[i]);
        if (sim_worker_node_has(f->places[place].worker, &attempt))
            continue;
        finish(f, place, &runs[i]);
        over = true;
    }
    if (over)
        sim_front_gauge(f);
    if (sim_front_is_owned(f)) /* others may answer again by now */
        f->ops->advance(f->model, sim_front_now_of(f), &f->actions);
    sim_front_carry_out(f);
}

static void lost(void *self, uint32_t node)
{
    struct sim_front *f = self;
    uint32_t index = node - f->config.worker_first;
    struct sim_front_place *place = &f->places[index];
    if (f->stopped || !place->open || place->died)
        return;
    place->died = true;
    if (f->acting) {
        f->died++;
        return;
    }
    sim_front_catch_up(f);
    if (!f->places[index].open)
        return;
    sim_front_exited(f, index);
    sim_front_carry_out(f);
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
    sim_front_catch_up(f);
    const struct sim_front_run *run = sim_front_run_of(f, place, attempt, true);
    uint64_t takes_ns = nominal_ns;
    if (run)
        takes_ns = f->ops->run_ns(f->model, sim_front_now_of(f), place,
                                  run->job, &work, &f->actions);
    sim_front_carry_out(f);
    f->asking = 0;
    return takes_ns;
}

static bool checkpoint(void *self, uint32_t node,
                       const struct engine_message *message)
{
    struct sim_front *f = self;
    if (!f->ops->checkpoint)
        return true;
    sim_front_catch_up(f);
    if (f->ops->checkpoint(f->model, sim_front_now_of(f)))
        return true;
    sim_front_note(f, ENGINE_REC_THROTTLED, message,
                   node - f->config.worker_first, SIM_FRONT_BY_CHECKPOINTS,
                   f->running, f->ops->counts(f->model)->limit);
    return false;
}

static const struct sim_platform_ops platform_ops = {
    .delivered = delivered,
    .idle = idle,
    .run_time = run_time,
    .lost = lost,
    .checkpoint = checkpoint,
};

static void strike(struct sim_front *f, enum sim_front_timer what,
                   uint32_t place, uint64_t serial)
{
    const struct sim_front_run *run = sim_front_run_started(f, place, serial);
    if (!run)
        return;
    uint64_t left_ns = run->deadline_ns - sim_front_now_of(f);
    if (what == SIM_FRONT_TIMER_DIE)
        sim_process_crash(sim_front_world_of(f), sim_front_node_of(f, place),
                          ENGINE_ACT_CRASH);
    else if (what == SIM_FRONT_TIMER_HANG)
        sim_process_pause(sim_front_world_of(f), sim_front_node_of(f, place),
                          run->deadline_ns == SIM_FRONT_NEVER
                              ? SIM_FRONT_HANG_NS
                              : left_ns + SIM_FRONT_STRIKE_NS);
    else {
        sim_front_exited(f, place);
        sim_front_carry_out(f);
    }
}

/* Its process has done with what it was at when its job ended. */
static void freeze(struct sim_front *f, uint32_t place)
{
    const struct sim_front_run *runs = sim_front_runs_of(f, place);
    for (uint32_t i = 0; i < f->config.slots; i++)
        if (runs[i].serial)
            return;
    if (f->places[place].open)
        sim_process_freeze(sim_front_world_of(f), sim_front_node_of(f, place));
}

static void timer(void *self, uint64_t arg)
{
    struct sim_front *f = self;
    enum sim_front_timer what =
        (enum sim_front_timer)(arg & ((1U << SIM_FRONT_TIMER_BITS) - 1));
    uint32_t place = (uint32_t)(arg >> SIM_FRONT_TIMER_BITS) &
                     ((1U << SIM_FRONT_PLACE_BITS) - 1);
    uint64_t serial = arg >> (SIM_FRONT_TIMER_BITS + SIM_FRONT_PLACE_BITS);
    if (what == SIM_FRONT_TIMER_MODEL) {
        if (sim_front_now_of(f) >= f->timer_ns)
            f->timer_ns = SIM_FRONT_NEVER;
        sim_front_catch_up(f);
        sim_front_set_timer(f);
    } else if (what == SIM_FRONT_TIMER_END) {
        sim_process_crash(sim_front_world_of(f), sim_front_node_of(f, place),
                          (unsigned)serial);
    } else if (what == SIM_FRONT_TIMER_FREEZE) {
        freeze(f, place);
    } else if (place < f->place_count) {
        strike(f, what, place, serial);
    }
}

static void begin(void *self)
{
    struct sim_front *f = self;
    f->stopped = false;
    f->timer_ns = SIM_FRONT_NEVER;
    sim_front_catch_up(f);
    sim_front_set_timer(f);
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
    sim_front_catch_up(f);
    uint64_t count = f->ops->counts(f->model)->hosts_started;
    uint64_t first =
        count ? engine_draw_below(&f->hosts, f->hosts_failed++, count) : 0;
    bool failed = false;
    for (uint64_t i = 0; i < count && !failed; i++)
        failed =
            f->ops->fail_host(f->model, sim_front_now_of(f),
                              (uint32_t)((first + i) % count), &f->actions);
    sim_front_carry_out(f);
    return failed;
}

bool sim_front_outage(struct sim_front *f, uint64_t duration_ns)
{
    if (!f->ops->outage)
        return false;
    sim_front_catch_up(f);
    f->ops->outage(f->model, sim_front_now_of(f),
                   sim_front_now_of(f) + duration_ns, &f->actions);
    sim_front_carry_out(f);
    return true;
}

const struct sim_worker_node *sim_front_worker(const struct sim_front *f,
                                               uint32_t place)
{
    return place < f->place_count ? f->places[place].worker : NULL;
}

static bool own_workers(struct sim_front *f)
{
    bool ready = sim_front_grow_places(f, f->config.worker_count);
    for (uint32_t i = 0; ready && i < f->config.worker_count; i++)
        ready = sim_front_worker_ready(f, i);
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
    f->platform = (struct sim_platform){
        &platform_ops, f, f->ops->left_ns != NULL,
        f->ops->response_max ? f->ops->response_max(f->model) : 0};
    f->free_job = SIM_FRONT_NONE;
    f->timer_ns = SIM_FRONT_NEVER;
    engine_stream_init(&f->hosts, config->seed, "sim/platform/host", 0);
    if (sim_front_is_owned(f) && !own_workers(f)) {
        sim_front_free(f);
        return NULL;
    }
    sim_node_set(config->world, config->node, &ops, f, clock, SIM_FRONT_NEVER);
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
