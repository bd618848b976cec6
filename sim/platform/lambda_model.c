#include "sim/platform/lambda_model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/lambda_places.h"
#include "sim/platform/lambda_records.h"
#include "sim/platform/lambda_words.h"

#define NONE SIM_MODEL_NONE

struct model {
    struct sim_lambda_model_config config;
    struct sim_lambda *lambda;
    struct sim_lambda_queue *queue; /* NULL: sync */
    struct sim_lambda_function *functions;
    struct sim_lambda_words *words; /* by function */
    struct sim_lambda_places places;
    struct sim_lambda_records records;
    struct sim_lambda_durable_gate gate;
    bool gated;
    struct sim_cause died;
    struct sim_model_counts counts;
    struct sim_actions *actions; /* of the call under way */
};

/* Small things ------------------------------------------------------------ */

static struct sim_lambda_env env_of(const struct model *m, uint32_t index)
{
    return (struct sim_lambda_env){index, m->places.list[index].generation};
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

/* Jobs of the queue ------------------------------------------------------- */

static void done(struct model *m, uint64_t now_ns, uint32_t job)
{
    act(m, now_ns, SIM_ACTION_FORGET, NONE, job);
    m->counts.jobs--;
    m->counts.done++;
}

static void lost(struct model *m, uint64_t now_ns, uint32_t job)
{
    act(m, now_ns, SIM_ACTION_FORGET, NONE, job);
    m->counts.jobs--;
    m->counts.lost++;
}

static void failed(struct model *m, uint64_t now_ns, uint32_t job,
                   const struct sim_cause *cause)
{
    struct sim_action *action = act(m, now_ns, SIM_ACTION_FAIL, NONE, job);
    if (action)
        action->cause = cause;
    m->counts.jobs--;
    m->counts.failed++;
}

/*
 * One of the events of a job has left the queue: good, or given up for a
 * cause, or lost without one.
 */
static void copy_over(struct model *m, uint64_t now_ns, uint32_t index,
                      bool good, const struct sim_cause *cause)
{
    struct sim_lambda_record *record = &m->records.list[index];
    record->good |= good;
    if (--record->copies > 0)
        return;
    if (record->good)
        done(m, now_ns, record->job);
    else if (cause)
        failed(m, now_ns, record->job, cause);
    else
        lost(m, now_ns, record->job);
    sim_lambda_record_give(&m->records, index);
}

/* What the queue has decided about an event that did not go well. */
static void fate(struct model *m, uint64_t now_ns, uint32_t index, int decided,
                 const struct sim_cause *cause, struct sim_action state)
{
    struct sim_lambda_record *record = &m->records.list[index];
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
    if (decided == SIM_LAMBDA_GIVEN_UP_OLD)
        cause = &m->words[record->demand->function].old;
    if (decided == SIM_LAMBDA_DROPPED)
        cause = NULL;
    copy_over(m, now_ns, index, false, cause);
}

/* Places ------------------------------------------------------------------ */

static void start(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct sim_lambda_place *place = &m->places.list[index];
    struct sim_action *action =
        act(m, now_ns, SIM_ACTION_START, index, place->job);
    if (action)
        action->deadline_ns = place->deadline_ns;
    m->counts.starts++;
    if (place->record != NONE) {
        struct sim_lambda_record *record = &m->records.list[place->record];
        m->counts.restarts += record->started;
        record->started = true;
    }
}

static void run(struct model *m, uint64_t now_ns, uint32_t index)
{
    sim_lambda_places_run(&m->places, now_ns, index);
    start(m, now_ns, index);
}

/* A place is there; it will have started after so long. */
static void opened(struct model *m, uint64_t now_ns, uint32_t index,
                   uint32_t job, uint64_t takes_ns)
{
    struct sim_action *action = act(m, now_ns, SIM_ACTION_OPEN, index, job);
    if (action)
        action->a = takes_ns;
    m->counts.places_opened++;
    if (++m->counts.places > m->counts.places_peak)
        m->counts.places_peak = m->counts.places;
}

/* One that is made ahead of need. */
static void made(void *self, struct sim_lambda_env env, uint64_t time_ns,
                 uint64_t ready_ns)
{
    struct model *m = self;
    if (!sim_lambda_places_room(&m->places, env.index)) {
        m->actions->failed = true;
        return;
    }
    m->places.list[env.index] =
        (struct sim_lambda_place){.job = NONE,
                                  .record = NONE,
                                  .lane = NONE,
                                  .generation = env.generation};
    opened(m, time_ns, env.index, NONE, ready_ns - time_ns);
}

static void boot(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct sim_lambda_place *place = &m->places.list[index];
    opened(m, now_ns, index, place->job, place->starts_ns - now_ns);
    place->state = SIM_LAMBDA_PLACE_BOOTING;
    m->counts.cold++;
    sim_heap_set(&m->places.due, index,
                 place->starts_ns < place->deadline_ns ? place->starts_ns
                                                       : place->deadline_ns);
}

/* Field by field: copied at once it would stall who reads it next. */
static void placed_at(struct model *m, uint64_t now_ns,
                      const struct sim_lambda_placed *placed,
                      const struct sim_demand *demand, uint32_t job,
                      uint32_t record, uint32_t queue_id)
{
    uint32_t index = placed->env.index;
    struct sim_lambda_place *place = &m->places.list[index];
    place->demand = demand;
    place->job = job;
    place->record = record;
    place->queue_id = queue_id;
    place->lane = NONE;
    place->generation = placed->env.generation;
    place->deadline_ns = placed->deadline_ns;
    place->starts_ns = placed->starts_ns;
    m->counts.running++;
    if (placed->answer == SIM_LAMBDA_COLD)
        boot(m, now_ns, index);
    else
        run(m, now_ns, index);
}

static void close_place(struct model *m, uint64_t time_ns, uint32_t index,
                        enum sim_lambda_end why, const struct sim_cause *cause)
{
    struct sim_action *action =
        act(m, time_ns, SIM_ACTION_CLOSE, index, m->places.list[index].job);
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
    struct sim_lambda_place was = m->places.list[index];
    sim_lambda_kill(m->lambda, env_of(m, index), now_ns);
    close_place(m, now_ns, index, why, cause);
    sim_lambda_places_settle(&m->places, index);
    if (was.state == SIM_LAMBDA_PLACE_IDLE)
        return;
    m->counts.running--;
    if (was.record == NONE) {
        failed(m, now_ns, was.job, cause);
        return;
    }
    int decided = sim_lambda_queue_failed(m->queue, was.queue_id, now_ns);
    fate(m, now_ns, was.record, decided, cause,
         (struct sim_action){.code = SIM_LAMBDA_STATE_RETRIED});
}

static void place_due(struct model *m, uint64_t now_ns, uint32_t index)
{
    struct sim_lambda_place *place = &m->places.list[index];
    const struct sim_lambda_words *words = &m->words[place->demand->function];
    if (place->deadline_ns <= now_ns)
        end_place(m, now_ns, index, SIM_LAMBDA_END_KILLED, &words->timeout);
    else if (place->state == SIM_LAMBDA_PLACE_BOOTING)
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
    sim_lambda_begin(m->lambda, now_ns);
    sim_lambda_expire(m->lambda, now_ns, gone, m);
    if (!sim_lambda_places_room(&m->places,
                                sim_lambda_counts(m->lambda)->envs_peak))
        return -1;
    return sim_lambda_invoke(m->lambda, now_ns, &request, placed) ? -1 : 0;
}

static void too_large(struct model *m, uint64_t limit, uint64_t actual,
                      struct sim_submitted *out)
{
    m->counts.refused++;
    out->answer = SIM_SUBMIT_REFUSED;
    out->limit = limit;
    out->actual = actual;
    sim_lambda_say_too_large(&out->cause, limit, actual);
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
        placed_at(m, now_ns, &placed, job->demand, job->id, NONE, 0);
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
    if (!sim_lambda_record_take(&m->records, &index))
        return -1;
    int error = sim_lambda_queue_push(m->queue, now_ns, job->demand->function,
                                      job->payload_bytes, index);
    uint32_t copies = sim_lambda_queue_count(m->queue) - before;
    struct sim_lambda_record *record = &m->records.list[index];
    if (copies == 0) {
        sim_lambda_record_give(&m->records, index);
        return -1;
    }
    m->actions->failed |= error != 0;
    *record = (struct sim_lambda_record){
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
    if (job->demand->memory_mb > m->config.lambda.memory_max_mb) {
        m->counts.submitted++;
        m->counts.refused++;
        out->answer = SIM_SUBMIT_REFUSED;
        out->limit = m->config.lambda.memory_max_mb;
        out->actual = job->demand->memory_mb;
        sim_lambda_say_too_much_memory(&out->cause, out->limit, out->actual);
        return 0;
    }
    if (job->execution && m->gated &&
        !sim_lambda_durable_start(&m->gate, now_ns)) {
        m->counts.submitted++;
        m->counts.throttled++;
        out->answer = SIM_SUBMIT_THROTTLED;
        out->reason = SIM_LAMBDA_BY_EXECUTIONS;
        out->limit = m->counts.limit;
        out->actual = m->counts.running;
        return 0;
    }
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
    const struct sim_lambda_record *record = &m->records.list[index];
    m->counts.queued--;
    if (ask(m, now_ns, record->demand, event.payload_bytes, &placed))
        m->actions->failed = true;
    if (placed.answer == SIM_LAMBDA_WARM || placed.answer == SIM_LAMBDA_COLD) {
        placed_at(m, now_ns, &placed, record->demand, record->job, index,
                  event.id);
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

static uint64_t next_ns(const void *self)
{
    const struct model *m = self;
    uint64_t next = sim_lambda_next_expiry(m->lambda);
    uint64_t place = sim_lambda_places_next(&m->places);
    uint64_t event = m->queue ? sim_lambda_queue_next(m->queue) : next;
    next = place < next ? place : next;
    return event < next ? event : next;
}

/* All that is due at one time: what ends before what begins. */
static void advance_to(struct model *m, uint64_t now_ns)
{
    uint32_t index;
    sim_lambda_expire(m->lambda, now_ns, gone, m);
    while ((index = sim_lambda_places_due(&m->places, now_ns)) != NONE)
        place_due(m, now_ns, index);
    while (m->queue && deliver(m, now_ns))
        continue;
}

static void advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct model *m = self;
    uint64_t next;
    m->actions = actions;
    sim_lambda_begin(m->lambda, now_ns);
    while ((next = next_ns(m)) <= now_ns)
        advance_to(m, next);
}

/* What the work says ------------------------------------------------------ */

static void finished(void *self, uint64_t now_ns, uint32_t index, uint32_t job,
                     struct sim_actions *actions)
{
    struct model *m = self;
    struct sim_lambda_place *place = &m->places.list[index];
    uint32_t record = place->record;
    assert(place->state == SIM_LAMBDA_PLACE_RUNNING && place->job == job);
    m->actions = actions;
    sim_lambda_finish(m->lambda, env_of(m, index), now_ns);
    if (record != NONE)
        sim_lambda_queue_done(m->queue, place->queue_id);
    sim_lambda_places_settle(&m->places, index);
    m->counts.running--;
    if (record == NONE)
        done(m, now_ns, job);
    else
        copy_over(m, now_ns, record, true, NULL);
}

static void exited(void *self, uint64_t now_ns, uint32_t index,
                   uint32_t exit_code, struct sim_actions *actions)
{
    struct model *m = self;
    m->actions = actions;
    sim_lambda_say_died(&m->died, exit_code);
    end_place(m, now_ns, index, SIM_LAMBDA_END_LOST, &m->died);
}

/* Half-way through work that needs more than there is, it has used it. */
static void out_of_memory(struct model *m, uint64_t now_ns, uint32_t index,
                          uint64_t takes_ns)
{
    struct sim_lambda_place *place = &m->places.list[index];
    uint64_t used_ns = now_ns + takes_ns / 2;
    if (used_ns < place->deadline_ns)
        sim_heap_set(&m->places.due, index, used_ns);
}

static uint64_t run_ns(void *self, uint64_t now_ns, uint32_t index,
                       uint32_t job, const struct sim_work *work,
                       struct sim_actions *actions)
{
    struct model *m = self;
    struct sim_lambda_place *place = &m->places.list[index];
    (void)actions;
    assert(place->state == SIM_LAMBDA_PLACE_RUNNING && place->job == job);
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
    return sim_lambda_total_nano(m->lambda, now_ns);
}

static bool cost_line(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano)
{
    const struct model *m = self;
    if (i >= sim_lambda_line_count(m->lambda))
        return false;
    *name = sim_lambda_line_name((enum sim_lambda_line)i);
    *nano = sim_lambda_line_nano(m->lambda, now_ns, (enum sim_lambda_line)i);
    return true;
}

static void explain(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size)
{
    const struct model *m = self;
    if (sim_lambda_places_explain(&m->places, now_ns, job, text, size))
        return;
    if (sim_lambda_records_hold(&m->records, job)) {
        snprintf(text, size, "it waits in the queue, among %u events",
                 sim_lambda_queue_count(m->queue));
        return;
    }
    snprintf(text, size, "the platform does not know it");
}

static bool checkpoint(void *self, uint64_t now_ns)
{
    struct model *m = self;
    return !m->gated || sim_lambda_durable_checkpoint(&m->gate, now_ns);
}

static const char *reason_name(uint32_t reason)
{
    if (reason == SIM_LAMBDA_BY_EXECUTIONS)
        return "executions";
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
    sim_lambda_places_deinit(&m->places);
    free(m->functions);
    free(m->words);
    free(m->records.list);
    free(m);
}

static bool tables(struct model *m)
{
    const struct sim_lambda_model_config *config = &m->config;
    uint32_t count = config->function_count;
    m->functions = calloc(count, sizeof(*m->functions));
    m->words = calloc(count, sizeof(*m->words));
    if (!m->functions || !m->words)
        return false;
    memcpy(m->functions, config->functions, count * sizeof(*m->functions));
    for (uint32_t i = 0; i < count; i++)
        sim_lambda_words_init(&m->words[i], &m->functions[i],
                              config->queue.age_max_ns);
    return sim_lambda_places_init(&m->places, m->functions, count) == 0;
}

static int fill(struct model *m, uint64_t seed)
{
    const struct sim_lambda_model_config *config = &m->config;
    int error = sim_lambda_new(&m->lambda, &config->lambda, config->functions,
                               config->function_count, seed);
    if (error)
        return error == SIM_LAMBDA_ENOMEM ? -1 : -2;
    sim_lambda_on_made(m->lambda, made, m);
    m->gated = config->durable.start_rate.count > 0;
    if (m->gated && !sim_lambda_durable_gate_init(&m->gate, &config->durable))
        return -2;
    if (!tables(m))
        return -1;
    if (config->mode == SIM_LAMBDA_SYNC)
        return 0;
    m->queue = sim_lambda_queue_new(&config->queue, seed);
    return m->queue ? 0 : -1;
}

static uint64_t response_max(const void *self)
{
    const struct model *m = self;
    return sim_lambda_payload_max(m->lambda, m->config.mode);
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
    .response_max = response_max,
    .checkpoint = checkpoint,
    .run_ns = run_ns,
    .counts = counts,
    .cost_nano = cost_nano,
    .cost_line = cost_line,
    .explain = explain,
    .state_name = sim_lambda_state_name,
    .end_name = sim_lambda_end_name,
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
    m->records.first_free = NONE;
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
