#include "sim/platform/lambda_model.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/heap.h"

#define NONE SIM_MODEL_NONE
#define NEVER SIM_MODEL_NEVER
#define SECOND UINT64_C(1000000000)

enum {
    FIRST_CAPACITY = 64
};

enum place_state {
    PLACE_IDLE, /* or not there */
    PLACE_BOOTING,
    PLACE_RUNNING,
};

/* An environment, by its index. */
struct place {
    const struct sim_demand *demand;
    uint64_t deadline_ns;
    uint64_t starts_ns; /* BOOTING: when the handler would run */
    uint64_t oom_ns;    /* RUNNING: when it will have used too much, or NEVER */
    uint32_t job;
    uint32_t record;   /* async: of the job */
    uint32_t queue_id; /* async */
    uint32_t generation;
    uint32_t before, after; /* in a lane */
    uint32_t lane;          /* NONE: in none */
    enum place_state state;
};

/*
 * Running places of functions with the same timeout, in the order of their
 * deadlines: the last to start is the last to be killed, so that the end of
 * a list is where each belongs.
 */
struct lane {
    uint64_t timeout_ns;
    uint32_t first, last;
};

/* An asynchronous job. Its number is the tag of its events in the queue. */
struct record {
    const struct sim_demand *demand;
    uint32_t job;
    uint32_t copies;    /* events in the queue or being delivered */
    uint32_t next_free; /* unused: the next of those */
    bool started, good;
};

struct words {
    struct sim_cause timeout, oom, old;
};

struct model {
    struct sim_lambda_model_config config;
    struct sim_lambda *lambda;
    struct sim_lambda_queue *queue; /* NULL: sync */
    struct sim_lambda_function *functions;
    struct words *words; /* by function */
    uint32_t *lane_of;   /* by function */
    struct lane *lanes;
    uint32_t lane_count;
    struct place *places;
    uint32_t place_capacity;
    struct sim_heap due; /* by place: START, OOM, a deadline of no lane */
    struct record *records;
    uint32_t record_capacity, record_free;
    struct sim_cause died;
    struct sim_model_counts counts;
    struct sim_actions *actions; /* of the call under way */
};

/* Small things ------------------------------------------------------------ */

static struct sim_lambda_env env_of(const struct model *m, uint32_t index)
{
    return (struct sim_lambda_env){index, m->places[index].generation};
}

static struct sim_action *act(struct model *m, uint64_t time_ns,
                              enum sim_action_kind kind, uint32_t place,
                              uint32_t job)
{
    struct sim_action *action = sim_actions_add(m->actions, time_ns, kind);
    if (action) {
        action->place = place;
        action->job = job;
    }
    return action;
}

static void lane_add(struct model *m, uint32_t index)
{
    struct place *place = &m->places[index];
    place->lane = m->lane_of[place->demand->function];
    struct lane *lane = &m->lanes[place->lane];
    assert(lane->last == NONE ||
           m->places[lane->last].deadline_ns <= place->deadline_ns);
    place->before = lane->last;
    place->after = NONE;
    if (lane->last == NONE)
        lane->first = index;
    else
        m->places[lane->last].after = index;
    lane->last = index;
}

static void lane_cut(struct model *m, struct place *place)
{
    struct lane *lane = &m->lanes[place->lane];
    if (place->before == NONE)
        lane->first = place->after;
    else
        m->places[place->before].after = place->after;
    if (place->after == NONE)
        lane->last = place->before;
    else
        m->places[place->after].before = place->before;
    place->lane = NONE;
}

/* No place has more to come than what runs in it. */
static void settle(struct model *m, uint32_t index)
{
    struct place *place = &m->places[index];
    if (place->lane != NONE)
        lane_cut(m, place);
    sim_heap_cut(&m->due, index);
    place->state = PLACE_IDLE;
    place->job = NONE;
}

/* Room for one more environment, whatever its index. */
static bool room(struct model *m)
{
    uint32_t wanted = sim_lambda_counts(m->lambda)->envs_peak + 1;
    if (wanted <= m->place_capacity)
        return true;
    uint32_t capacity =
        m->place_capacity ? 2 * m->place_capacity : FIRST_CAPACITY;
    if (capacity < wanted || sim_heap_reserve(&m->due, capacity))
        return false;
    struct place *places = realloc(m->places, capacity * sizeof(*places));
    if (!places)
        return false;
    for (uint32_t i = m->place_capacity; i < capacity; i++)
        places[i] = (struct place){.job = NONE, .lane = NONE};
    m->places = places;
    m->place_capacity = capacity;
    return true;
}

/* Jobs of the queue ------------------------------------------------------- */

static bool record_take(struct model *m, uint32_t *index)
{
    if (m->record_free == NONE) {
        uint32_t old = m->record_capacity;
        uint32_t capacity = old ? 2 * old : FIRST_CAPACITY;
        struct record *records =
            capacity > old ? realloc(m->records, capacity * sizeof(*records))
                           : NULL;
        if (!records)
            return false;
        for (uint32_t i = old; i < capacity; i++)
            records[i] =
                (struct record){.next_free = i + 1 < capacity ? i + 1 : NONE};
        m->records = records;
        m->record_capacity = capacity;
        m->record_free = old;
    }
    *index = m->record_free;
    m->record_free = m->records[*index].next_free;
    return true;
}

static void job_over(struct model *m, uint64_t now_ns, uint32_t job,
                     const struct sim_cause *cause)
{
    struct sim_action *action =
        act(m, now_ns, cause ? SIM_ACTION_FAIL : SIM_ACTION_FORGET, NONE, job);
    if (action)
        action->cause = cause;
    m->counts.jobs--;
    if (cause)
        m->counts.failed++;
    else
        m->counts.done++;
}

/* One of the events of a job has left the queue; `cause`: it went wrong. */
static void copy_over(struct model *m, uint64_t now_ns, uint32_t index,
                      const struct sim_cause *cause)
{
    struct record *record = &m->records[index];
    record->good |= !cause;
    if (--record->copies > 0)
        return;
    job_over(m, now_ns, record->job, record->good ? NULL : cause);
    record->job = NONE;
    record->next_free = m->record_free;
    m->record_free = index;
}

/* What the queue has decided about an event that did not go well. */
static void fate(struct model *m, uint64_t now_ns, uint32_t index, int decided,
                 const struct sim_cause *cause, struct sim_action state)
{
    struct record *record = &m->records[index];
    if (decided == SIM_LAMBDA_AGAIN) {
        struct sim_action *action =
            act(m, now_ns, SIM_ACTION_STATE, NONE, record->job);
        m->counts.queued++;
        if (action) {
            action->code = state.code;
            action->a = state.a;
        }
        return;
    }
    if (decided < 0)
        m->actions->failed = true;
    copy_over(m, now_ns, index,
              decided == SIM_LAMBDA_GIVEN_UP_OLD
                  ? &m->words[record->demand->function].old
                  : cause);
}

/* Places ------------------------------------------------------------------ */

static void start(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct place *place = &m->places[index];
    struct sim_action *action =
        act(m, now_ns, SIM_ACTION_START, index, place->job);
    if (action)
        action->deadline_ns = place->deadline_ns;
    m->counts.starts++;
    if (place->record != NONE) {
        struct record *record = &m->records[place->record];
        m->counts.restarts += record->started;
        record->started = true;
    }
}

/* Where the deadline is the timeout from now, it belongs into a lane. */
static void run(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct place *place = &m->places[index];
    uint64_t timeout_ns = m->functions[place->demand->function].timeout_ns;
    place->state = PLACE_RUNNING;
    place->oom_ns = NEVER;
    if (place->deadline_ns == now_ns + timeout_ns)
        lane_add(m, index);
    else
        sim_heap_set(&m->due, index, place->deadline_ns);
    start(m, now_ns, index);
}

static void open_place(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct place *place = &m->places[index];
    struct sim_action *action =
        act(m, now_ns, SIM_ACTION_OPEN, index, place->job);
    if (action)
        action->a = place->starts_ns - now_ns;
    place->state = PLACE_BOOTING;
    m->counts.cold++;
    m->counts.places_opened++;
    if (++m->counts.places > m->counts.places_peak)
        m->counts.places_peak = m->counts.places;
    sim_heap_set(&m->due, index,
                 place->starts_ns < place->deadline_ns ? place->starts_ns
                                                       : place->deadline_ns);
}

static void placed_at(struct model *m, uint64_t now_ns,
                      const struct sim_lambda_placed *placed,
                      const struct place *what)
{
    uint32_t index = placed->env.index;
    struct place *place = &m->places[index];
    *place = *what;
    place->generation = placed->env.generation;
    place->deadline_ns = placed->deadline_ns;
    place->starts_ns = placed->starts_ns;
    m->counts.running++;
    if (placed->answer == SIM_LAMBDA_COLD)
        open_place(m, now_ns, index);
    else
        run(m, now_ns, index);
}

static void close_place(struct model *m, uint64_t time_ns, uint32_t index,
                        enum sim_lambda_end why, const struct sim_cause *cause)
{
    struct sim_action *action =
        act(m, time_ns, SIM_ACTION_CLOSE, index, m->places[index].job);
    if (action) {
        action->code = (uint16_t)why;
        action->cause = cause;
    }
    m->counts.places--;
    m->counts.places_closed++;
}

static void gone(void *self, struct sim_lambda_env env, uint64_t time_ns)
{
    close_place(self, time_ns, env.index, SIM_LAMBDA_END_EXPIRED, NULL);
}

/* The environment ends, and what ran in it has gone wrong. */
static void end_place(struct model *m, uint64_t now_ns, uint32_t index,
                      enum sim_lambda_end why, const struct sim_cause *cause)
{
    struct place was = m->places[index];
    sim_lambda_kill(m->lambda, env_of(m, index), now_ns);
    close_place(m, now_ns, index, why, cause);
    settle(m, index);
    if (was.state == PLACE_IDLE)
        return;
    m->counts.running--;
    if (was.record == NONE) {
        job_over(m, now_ns, was.job, cause);
        return;
    }
    int decided = sim_lambda_queue_failed(m->queue, was.queue_id, now_ns);
    fate(m, now_ns, was.record, decided, cause,
         (struct sim_action){.code = SIM_LAMBDA_STATE_RETRIED});
}

static void place_due(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct place *place = &m->places[index];
    const struct words *words = &m->words[place->demand->function];
    if (place->deadline_ns <= now_ns)
        end_place(m, now_ns, index, SIM_LAMBDA_END_KILLED, &words->timeout);
    else if (place->state == PLACE_BOOTING)
        run(m, now_ns, index);
    else
        end_place(m, now_ns, index, SIM_LAMBDA_END_OOM, &words->oom);
}

/* Jobs -------------------------------------------------------------------- */

static int ask(struct model *m, uint64_t now_ns,
               const struct sim_demand *demand, uint64_t payload_bytes,
               struct sim_lambda_placed *placed)
{
    struct sim_lambda_request request = {.function = demand->function,
                                         .mode = m->config.mode,
                                         .payload_bytes = payload_bytes};
    if (!room(m))
        return -1;
    sim_lambda_expire(m->lambda, now_ns, gone, m);
    return sim_lambda_invoke(m->lambda, now_ns, &request, placed) ? -1 : 0;
}

static void too_large(struct model *m, uint64_t limit, uint64_t actual,
                      struct sim_submitted *out)
{
    m->counts.refused++;
    out->answer = SIM_SUBMIT_REFUSED;
    out->limit = limit;
    out->actual = actual;
    out->cause.error = ENGINE_ERR_SIZE_LIMIT;
    snprintf(out->cause.words, sizeof(out->cause.words),
             "lambda: RequestEntityTooLargeException: Request must be smaller "
             "than %" PRIu64 " bytes for the InvokeFunction operation (found "
             "%" PRIu64 ")",
             limit, actual);
}

static int submit_sync(struct model *m, uint64_t now_ns,
                       const struct sim_job *job, struct sim_submitted *out)
{
    struct sim_lambda_placed placed;
    if (ask(m, now_ns, job->demand, job->payload_bytes, &placed))
        return -1;
    m->counts.submitted++;
    switch (placed.answer) {
    case SIM_LAMBDA_THROTTLED:
        m->counts.throttled++;
        out->answer = SIM_SUBMIT_THROTTLED;
        out->reason = (uint16_t)placed.reason;
        out->limit = placed.limit;
        out->actual = placed.actual;
        return 0;
    case SIM_LAMBDA_TOO_LARGE:
        too_large(m, placed.limit, placed.actual, out);
        return 0;
    default:
        m->counts.jobs++;
        out->answer = SIM_SUBMIT_ACCEPTED;
        placed_at(m, now_ns, &placed,
                  &(struct place){.demand = job->demand,
                                  .job = job->id,
                                  .record = NONE,
                                  .lane = NONE});
        return 0;
    }
}

static int submit_async(struct model *m, uint64_t now_ns,
                        const struct sim_job *job, struct sim_submitted *out)
{
    uint32_t index;
    uint32_t before = sim_lambda_queue_count(m->queue);
    if (job->payload_bytes > m->config.queue.payload_max) {
        m->counts.submitted++;
        too_large(m, m->config.queue.payload_max, job->payload_bytes, out);
        return 0;
    }
    if (!record_take(m, &index))
        return -1;
    int error = sim_lambda_queue_push(m->queue, now_ns, job->demand->function,
                                      job->payload_bytes, index);
    uint32_t copies = sim_lambda_queue_count(m->queue) - before;
    struct record *record = &m->records[index];
    if (copies == 0) {
        record->next_free = m->record_free;
        m->record_free = index;
        return -1;
    }
    m->actions->failed |= error != 0;
    *record = (struct record){
        .demand = job->demand, .job = job->id, .copies = copies};
    out->answer = SIM_SUBMIT_ACCEPTED;
    m->counts.submitted++;
    m->counts.jobs++;
    m->counts.queued += copies;
    return 0;
}

static int submit(void *self, uint64_t now_ns, const struct sim_job *job,
                  struct sim_submitted *out, struct sim_actions *actions)
{
    struct model *m = self;
    assert(job->demand->function < m->config.function_count);
    m->actions = actions;
    return m->queue ? submit_async(m, now_ns, job, out)
                    : submit_sync(m, now_ns, job, out);
}

/* One event of the queue is due. False: there was none. */
static bool deliver(struct model *m, uint64_t now_ns)
{
    struct sim_lambda_queued event;
    struct sim_lambda_placed placed = {.answer = SIM_LAMBDA_THROTTLED};
    if (!sim_lambda_queue_pop(m->queue, now_ns, &event))
        return false;
    uint32_t index = (uint32_t)event.tag;
    const struct record *record = &m->records[index];
    m->counts.queued--;
    if (ask(m, now_ns, record->demand, event.payload_bytes, &placed))
        m->actions->failed = true;
    if (placed.answer == SIM_LAMBDA_WARM || placed.answer == SIM_LAMBDA_COLD) {
        placed_at(m, now_ns, &placed,
                  &(struct place){.demand = record->demand,
                                  .job = record->job,
                                  .record = index,
                                  .queue_id = event.id,
                                  .lane = NONE});
        return true;
    }
    m->counts.throttled++;
    fate(m, now_ns, index,
         sim_lambda_queue_throttled(m->queue, event.id, now_ns), NULL,
         (struct sim_action){.code = SIM_LAMBDA_STATE_THROTTLED,
                             .a = placed.reason});
    return true;
}

/* Time -------------------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_ns(const void *self)
{
    const struct model *m = self;
    uint64_t next =
        sooner(sim_lambda_next_expiry(m->lambda), sim_heap_next(&m->due));
    for (uint32_t i = 0; i < m->lane_count; i++)
        if (m->lanes[i].first != NONE)
            next = sooner(next, m->places[m->lanes[i].first].deadline_ns);
    if (m->queue)
        next = sooner(next, sim_lambda_queue_next(m->queue));
    return next;
}

/* All that is due at one time: what ends before what begins. */
static void advance_to(struct model *m, uint64_t now_ns)
{
    sim_lambda_expire(m->lambda, now_ns, gone, m);
    for (uint32_t i = 0; i < m->lane_count; i++) {
        uint32_t first;
        while ((first = m->lanes[i].first) != NONE &&
               m->places[first].deadline_ns <= now_ns)
            place_due(m, now_ns, first);
    }
    while (sim_heap_next(&m->due) <= now_ns)
        place_due(m, now_ns, sim_heap_pop(&m->due));
    while (m->queue && deliver(m, now_ns))
        continue;
}

static void advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct model *m = self;
    uint64_t next;
    m->actions = actions;
    while ((next = next_ns(m)) <= now_ns)
        advance_to(m, next);
}

/* What the work says ------------------------------------------------------ */

static void finished(void *self, uint64_t now_ns, uint32_t index, uint32_t job,
                     struct sim_actions *actions)
{
    struct model *m = self;
    struct place *place = &m->places[index];
    uint32_t record = place->record;
    assert(place->state == PLACE_RUNNING && place->job == job);
    m->actions = actions;
    sim_lambda_finish(m->lambda, env_of(m, index), now_ns);
    if (record != NONE)
        sim_lambda_queue_done(m->queue, place->queue_id);
    settle(m, index);
    m->counts.running--;
    if (record == NONE)
        job_over(m, now_ns, job, NULL);
    else
        copy_over(m, now_ns, record, NULL);
}

static void say_died(struct sim_cause *cause, uint32_t exit_code)
{
    cause->error = ENGINE_ERR_INTERRUPTED;
    if (exit_code > 128)
        snprintf(cause->words, sizeof(cause->words),
                 "lambda: Unhandled: the function has failed\n"
                 "runtime: Runtime.ExitError: Runtime exited with error: "
                 "signal %u%s",
                 exit_code - 128, exit_code == 137 ? " (killed)" : "");
    else
        snprintf(cause->words, sizeof(cause->words),
                 "lambda: Unhandled: the function has failed\n"
                 "runtime: Runtime.ExitError: Runtime exited with error: exit "
                 "status %u",
                 exit_code);
}

static void exited(void *self, uint64_t now_ns, uint32_t index,
                   uint32_t exit_code, struct sim_actions *actions)
{
    struct model *m = self;
    m->actions = actions;
    say_died(&m->died, exit_code);
    end_place(m, now_ns, index, SIM_LAMBDA_END_LOST, &m->died);
}

/* Half-way through work that needs more than there is, it has used it. */
static void out_of_memory(struct model *m, uint64_t now_ns, uint32_t index,
                          uint64_t takes_ns)
{
    struct place *place = &m->places[index];
    place->oom_ns = now_ns + takes_ns / 2;
    if (place->oom_ns < place->deadline_ns)
        sim_heap_set(&m->due, index, place->oom_ns);
}

static uint64_t run_ns(void *self, uint64_t now_ns, uint32_t index,
                       uint32_t job, const struct sim_work *work,
                       struct sim_actions *actions)
{
    struct model *m = self;
    struct place *place = &m->places[index];
    (void)actions;
    assert(place->state == PLACE_RUNNING && place->job == job);
    struct sim_lambda_work asked = {
        .nominal_ns = work->nominal_ns,
        .cpu_ppb = work->cpu_ppb,
        .threads = m->config.threads ? m->config.threads : work->threads,
    };
    uint64_t takes_ns =
        sim_lambda_run_time(m->lambda, env_of(m, index), &asked);
    if (place->demand->peak_mb >
        m->functions[place->demand->function].memory_mb)
        out_of_memory(m, now_ns, index, takes_ns);
    return takes_ns;
}

/* Looking ----------------------------------------------------------------- */

static const struct sim_model_counts *counts(const void *self)
{
    const struct model *m = self;
    return &m->counts;
}

static uint64_t cost_nano(const void *self, uint64_t now_ns)
{
    const struct model *m = self;
    (void)now_ns;
    return sim_lambda_cost_nano(m->lambda);
}

static bool cost_line(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano)
{
    *name = "requests and duration";
    *nano = cost_nano(self, now_ns);
    return i == 0;
}

static bool explain_place(const struct model *m, uint64_t now_ns, uint32_t job,
                          char *text, size_t size)
{
    for (uint32_t i = 0; i < m->place_capacity; i++) {
        const struct place *place = &m->places[i];
        bool booting = place->state == PLACE_BOOTING;
        uint64_t at_ns = booting ? place->starts_ns : place->deadline_ns;
        if (place->state == PLACE_IDLE || place->job != job)
            continue;
        snprintf(text, size, "%s environment %u, %s in %" PRIu64 " ms",
                 booting ? "it waits for" : "it runs in", i,
                 booting ? "ready" : "ended by the platform",
                 (at_ns - now_ns) / 1000000);
        return true;
    }
    return false;
}

static void explain(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size)
{
    const struct model *m = self;
    if (explain_place(m, now_ns, job, text, size))
        return;
    for (uint32_t i = 0; i < m->record_capacity; i++)
        if (m->records[i].copies > 0 && m->records[i].job == job) {
            snprintf(text, size,
                     "it waits in the queue of asynchronous invocations, "
                     "among %u events",
                     sim_lambda_queue_count(m->queue));
            return;
        }
    snprintf(text, size, "the platform does not know it");
}

static const char *state_name(uint32_t code)
{
    static const char *const names[] = {"", "queued", "throttled", "retried"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "";
}

static const char *end_name(uint32_t code)
{
    static const char *const names[] = {
        "", "expired", "lost", "killed at its timeout", "out of memory"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "";
}

static const char *reason_name(uint32_t reason)
{
    return sim_lambda_reason_name((enum sim_lambda_reason)reason);
}

/* Making it --------------------------------------------------------------- */

static void model_free(void *self)
{
    struct model *m = self;
    if (!m)
        return;
    sim_lambda_free(m->lambda);
    sim_lambda_queue_free(m->queue);
    sim_heap_deinit(&m->due);
    free(m->functions);
    free(m->words);
    free(m->lane_of);
    free(m->lanes);
    free(m->places);
    free(m->records);
    free(m);
}

static void say(struct model *m, uint32_t index)
{
    const struct sim_lambda_function *about = &m->functions[index];
    struct words *words = &m->words[index];
    words->timeout.error = ENGINE_ERR_TIMED_OUT;
    snprintf(words->timeout.words, sizeof(words->timeout.words),
             "lambda: Unhandled: the function has failed\n"
             "sandbox: Sandbox.Timedout: Task timed out after %" PRIu64
             ".%02" PRIu64 " seconds",
             about->timeout_ns / SECOND,
             about->timeout_ns % SECOND / (SECOND / 100));
    words->oom.error = ENGINE_ERR_OOM;
    snprintf(words->oom.words, sizeof(words->oom.words),
             "lambda: Unhandled: the function has failed\n"
             "runtime: Runtime.OutOfMemory: Runtime exited with error: signal: "
             "killed; all of its %u MB were used",
             about->memory_mb);
    words->old.error = ENGINE_ERR_THROTTLED;
    snprintf(words->old.words, sizeof(words->old.words),
             "lambda: EventAgeExceeded: the event was in the queue for "
             "%" PRIu64 " seconds",
             m->config.queue.age_max_ns / SECOND);
}

static void lane_for(struct model *m, uint32_t index)
{
    uint64_t timeout_ns = m->functions[index].timeout_ns;
    uint32_t i = 0;
    while (i < m->lane_count && m->lanes[i].timeout_ns != timeout_ns)
        i++;
    if (i == m->lane_count)
        m->lanes[m->lane_count++] = (struct lane){timeout_ns, NONE, NONE};
    m->lane_of[index] = i;
}

static bool tables(struct model *m)
{
    const struct sim_lambda_model_config *config = &m->config;
    uint32_t count = config->function_count;
    m->functions = calloc(count, sizeof(*m->functions));
    m->words = calloc(count, sizeof(*m->words));
    m->lane_of = calloc(count, sizeof(*m->lane_of));
    m->lanes = calloc(count, sizeof(*m->lanes));
    if (!m->functions || !m->words || !m->lane_of || !m->lanes)
        return false;
    memcpy(m->functions, config->functions, count * sizeof(*m->functions));
    for (uint32_t i = 0; i < count; i++) {
        say(m, i);
        lane_for(m, i);
    }
    return true;
}

static int fill(struct model *m, uint64_t seed)
{
    const struct sim_lambda_model_config *config = &m->config;
    int error = sim_lambda_new(&m->lambda, &config->lambda, config->functions,
                               config->function_count, seed);
    if (error)
        return error == SIM_LAMBDA_ENOMEM ? -1 : -2;
    if (!tables(m))
        return -1;
    if (config->mode == SIM_LAMBDA_SYNC)
        return 0;
    m->queue = sim_lambda_queue_new(&config->queue, seed);
    return m->queue ? 0 : -1;
}

static const struct sim_model_ops ops = {
    .kind = "lambda",
    .freezes = true,
    .free = model_free,
    .submit = submit,
    .next_ns = next_ns,
    .advance = advance,
    .finished = finished,
    .exited = exited,
    .run_ns = run_ns,
    .counts = counts,
    .cost_nano = cost_nano,
    .cost_line = cost_line,
    .explain = explain,
    .state_name = state_name,
    .end_name = end_name,
    .reason_name = reason_name,
};

int sim_lambda_model(struct sim_model *model,
                     const struct sim_lambda_model_config *config,
                     uint64_t seed)
{
    struct model *m = calloc(1, sizeof(*m));
    if (!m)
        return -1;
    m->config = *config;
    m->record_free = NONE;
    m->counts.limit = config->lambda.account_concurrency;
    int error = fill(m, seed);
    if (error) {
        model_free(m);
        return error;
    }
    m->config.functions = m->functions;
    *model = (struct sim_model){&ops, m};
    return 0;
}

const struct sim_lambda *
sim_lambda_model_platform(const struct sim_model *model)
{
    assert(model->ops == &ops);
    const struct model *m = model->self;
    return m->lambda;
}
