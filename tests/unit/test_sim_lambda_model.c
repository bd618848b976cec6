/*
 * Lambda behind the interface of all platforms: what comes out as actions,
 * and that every job ends once, whatever happens to it.
 */
#include "sim/platform/lambda_model.h"

#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/cause_check.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define START (5 * SECOND)
#define READY (START + 244 * MS) /* of a place that is opened at START */

struct bed {
    struct sim_lambda_function function;
    struct sim_lambda_model_config config;
    struct sim_demand demand;
    struct sim_model model;
    struct sim_actions actions;
    struct sim_submitted out;
};

static void describe(struct bed *bed)
{
    *bed = (struct bed){.demand = {.name = "charge"}};
    struct sim_lambda_function *function = &bed->function;
    sim_dist_constant(&function->placement, 100 * MS);
    sim_dist_constant(&function->init, 144 * MS);
    function->timeout_ns = 3 * SECOND;
    function->memory_mb = 1769;
    function->reserved = SIM_LAMBDA_UNRESERVED;
    function->price_gb_s_pico = 16666700;
    bed->config = (struct sim_lambda_model_config){
        .functions = function,
        .function_count = 1,
        .lambda = {.account_concurrency = 1000,
                   .unreserved_min = 100,
                   .scaling_burst = 1000,
                   .scaling_refill = {100, SECOND},
                   .request_rate = {10, SECOND},
                   .init_limit_ns = 10 * SECOND,
                   .mb_per_vcpu = 1769,
                   .vcpu_max = 6,
                   .memory_min_mb = 128,
                   .memory_max_mb = 10240,
                   .timeout_max_ns = 900 * SECOND,
                   .sync_payload_max = 6291456,
                   .async_payload_max = 1048576,
                   .billing_step_ns = MS,
                   .init_billed = true,
                   .price_request_pico = 200000},
        .queue = {.payload_max = 1048576,
                  .retries = 2,
                  .retry_ns = {MINUTE, 2 * MINUTE},
                  .throttle_first_ns = SECOND,
                  .throttle_max_ns = 5 * MINUTE,
                  .age_max_ns = 6 * HOUR},
    };
    sim_dist_uniform(&bed->config.lambda.idle_expiry, 5 * MINUTE, 7 * MINUTE);
}

static void make(struct bed *bed)
{
    cr_assert_eq(sim_lambda_model(&bed->model, &bed->config, 7), 0);
}

static void end(struct bed *bed)
{
    bed->model.ops->free(bed->model.self);
    sim_actions_free(&bed->actions);
}

static enum sim_submit_answer submit(struct bed *bed, uint64_t now_ns,
                                     uint32_t job)
{
    struct sim_job asked = {
        .id = job, .demand = &bed->demand, .payload_bytes = 100};
    bed->actions.count = 0;
    memset(&bed->out, 0, sizeof(bed->out));
    cr_assert_eq(bed->model.ops->submit(bed->model.self, now_ns, &asked,
                                        &bed->out, &bed->actions),
                 0);
    return bed->out.answer;
}

static void advance(struct bed *bed, uint64_t now_ns)
{
    bed->actions.count = 0;
    bed->model.ops->advance(bed->model.self, now_ns, &bed->actions);
}

static void finish(struct bed *bed, uint64_t now_ns, uint32_t place,
                   uint32_t job)
{
    bed->actions.count = 0;
    bed->model.ops->finished(bed->model.self, now_ns, place, job,
                             &bed->actions);
}

static uint64_t next(const struct bed *bed)
{
    return bed->model.ops->next_ns(bed->model.self);
}

static const struct sim_model_counts *count(const struct bed *bed)
{
    return bed->model.ops->counts(bed->model.self);
}

static const struct sim_action *the(const struct bed *bed, uint32_t i,
                                    enum sim_action_kind kind)
{
    cr_assert_lt(i, bed->actions.count, "only %u actions", bed->actions.count);
    cr_assert_eq(bed->actions.list[i].kind, kind, "action %u is a %u", i,
                 bed->actions.list[i].kind);
    cr_assert_null(cause_fault("lambda", bed->actions.list[i].cause));
    return &bed->actions.list[i];
}

/* Runs one job to its end at once, so that a place is warm. */
static void warm(struct bed *bed)
{
    cr_assert_eq(submit(bed, START, 0), SIM_SUBMIT_ACCEPTED);
    advance(bed, READY);
    finish(bed, READY, 0, 0);
}

Test(lambda_model, a_cold_start_opens_a_place_and_starts_after_init)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    cr_assert_eq(submit(&bed, START, 17), SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(bed.actions.count, 1);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_OPEN)->a, 244 * MS);
    cr_assert_eq(next(&bed), READY);
    advance(&bed, READY);
    const struct sim_action *start = the(&bed, 0, SIM_ACTION_START);
    cr_assert_eq(start->job, 17);
    cr_assert_eq(start->time_ns, READY);
    cr_assert_eq(start->deadline_ns, READY + 3 * SECOND);
    end(&bed);
}

Test(lambda_model, a_warm_start_comes_with_the_submission)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    warm(&bed);
    the(&bed, 0, SIM_ACTION_FORGET);
    cr_assert_eq(submit(&bed, READY + SECOND, 1), SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(bed.actions.count, 1);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_START)->place, 0);
    cr_assert_eq(count(&bed)->cold, 1);
    cr_assert_eq(count(&bed)->starts, 2);
    end(&bed);
}

Test(lambda_model, a_place_without_a_job_is_frozen)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    cr_assert(bed.model.ops->freezes);
    end(&bed);
}

Test(lambda_model, work_beyond_the_timeout_is_killed_with_its_words)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    submit(&bed, START, 3);
    advance(&bed, READY);
    cr_assert_eq(next(&bed), READY + 3 * SECOND);
    advance(&bed, READY + 3 * SECOND);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_CLOSE)->code, SIM_LAMBDA_END_KILLED);
    const struct sim_action *fail = the(&bed, 1, SIM_ACTION_FAIL);
    cr_assert_eq(fail->job, 3);
    cr_assert_eq(fail->cause->error, ENGINE_ERR_TIMED_OUT);
    cr_assert(strstr(fail->cause->words, "Task timed out after 3.00 seconds"));
    cr_assert_eq(count(&bed)->jobs, 0);
    cr_assert_eq(count(&bed)->places, 0);
    end(&bed);
}

Test(lambda_model, a_second_init_beyond_the_timeout_never_starts)
{
    struct bed bed;
    describe(&bed);
    sim_dist_constant(&bed.function.init, 11 * SECOND);
    make(&bed);
    submit(&bed, START, 3);
    uint64_t killed_ns = START + 100 * MS + 13 * SECOND;
    cr_assert_eq(next(&bed), killed_ns);
    advance(&bed, killed_ns);
    the(&bed, 0, SIM_ACTION_CLOSE);
    the(&bed, 1, SIM_ACTION_FAIL);
    cr_assert_eq(count(&bed)->starts, 0);
    end(&bed);
}

Test(lambda_model, a_second_init_leaves_the_handler_the_rest_of_the_timeout)
{
    struct bed bed;
    describe(&bed);
    sim_dist_constant(&bed.function.init, 11 * SECOND);
    bed.function.timeout_ns = 20 * SECOND;
    make(&bed);
    submit(&bed, START, 3);
    advance(&bed, START + 100 * MS + 21 * SECOND);
    uint64_t killed_ns = the(&bed, 0, SIM_ACTION_START)->deadline_ns;
    cr_assert_eq(killed_ns, START + 100 * MS + 30 * SECOND);
    cr_assert_eq(next(&bed), killed_ns);
    advance(&bed, killed_ns);
    the(&bed, 1, SIM_ACTION_FAIL);
    end(&bed);
}

Test(lambda_model, an_idle_place_is_closed_when_it_expires_not_later)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    warm(&bed);
    advance(&bed, START + HOUR);
    cr_assert_eq(bed.actions.count, 1);
    const struct sim_action *close = the(&bed, 0, SIM_ACTION_CLOSE);
    cr_assert_eq(close->code, SIM_LAMBDA_END_EXPIRED);
    cr_assert_geq(close->time_ns, READY + 5 * MINUTE);
    cr_assert_leq(close->time_ns, READY + 7 * MINUTE);
    cr_assert_eq(next(&bed), SIM_MODEL_NEVER);
    end(&bed);
}

Test(lambda_model, a_process_that_dies_fails_its_job_with_its_exit_code)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    submit(&bed, START, 3);
    advance(&bed, READY);
    bed.actions.count = 0;
    bed.model.ops->exited(bed.model.self, READY + SECOND, 0, 137, &bed.actions);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_CLOSE)->code, SIM_LAMBDA_END_LOST);
    cr_assert(strstr(the(&bed, 1, SIM_ACTION_FAIL)->cause->words,
                     "signal 9 (killed)"));
    end(&bed);
}

Test(lambda_model, work_that_needs_more_than_the_memory_is_killed_half_way)
{
    struct bed bed;
    struct sim_work work = {.nominal_ns = 2 * SECOND, .threads = 1};
    describe(&bed);
    bed.demand.peak_mb = 1770;
    make(&bed);
    submit(&bed, START, 3);
    advance(&bed, READY);
    cr_assert_eq(
        bed.model.ops->run_ns(bed.model.self, READY, 0, 3, &work, &bed.actions),
        2 * SECOND);
    advance(&bed, READY + SECOND);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_CLOSE)->code, SIM_LAMBDA_END_OOM);
    cr_assert_eq(the(&bed, 1, SIM_ACTION_FAIL)->cause->error, ENGINE_ERR_OOM);
    end(&bed);
}

Test(lambda_model, concurrency_above_the_accounts_is_throttled)
{
    struct bed bed;
    describe(&bed);
    bed.config.lambda.account_concurrency = 2;
    make(&bed);
    cr_assert_eq(submit(&bed, START, 0), SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(submit(&bed, START, 1), SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(submit(&bed, START, 2), SIM_SUBMIT_THROTTLED);
    cr_assert_str_eq(bed.model.ops->reason_name(bed.out.reason), "account");
    cr_assert_eq(bed.out.limit, 2);
    cr_assert_eq(bed.out.actual, 2);
    cr_assert_eq(count(&bed)->jobs, 2);
    end(&bed);
}

Test(lambda_model, a_request_above_the_payload_limit_is_refused)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    struct sim_job job = {.demand = &bed.demand, .payload_bytes = 6291457};
    bed.model.ops->submit(bed.model.self, START, &job, &bed.out, &bed.actions);
    cr_assert_eq(bed.out.answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(bed.out.cause.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_null(cause_fault("lambda", &bed.out.cause));
    cr_assert(strstr(bed.out.cause.words, "RequestEntityTooLargeException"));
    end(&bed);
}

Test(lambda_model, an_event_is_tried_again_after_one_and_two_minutes)
{
    struct bed bed;
    uint64_t now_ns = START;
    describe(&bed);
    bed.config.mode = SIM_LAMBDA_ASYNC;
    make(&bed);
    submit(&bed, START, 3);
    static const uint64_t waits[] = {0, MINUTE, 2 * MINUTE};
    for (uint32_t i = 0; i < 3; i++) {
        now_ns += waits[i];
        cr_assert_eq(next(&bed), now_ns);
        advance(&bed, now_ns);
        cr_assert_eq(the(&bed, 0, SIM_ACTION_OPEN)->job, 3);
        now_ns += 244 * MS;
        advance(&bed, now_ns);
        uint32_t place = the(&bed, 0, SIM_ACTION_START)->place;
        bed.actions.count = 0;
        bed.model.ops->exited(bed.model.self, now_ns, place, 1, &bed.actions);
        the(&bed, 0, SIM_ACTION_CLOSE);
    }
    cr_assert(
        strstr(the(&bed, 1, SIM_ACTION_FAIL)->cause->words, "exit status 1"));
    cr_assert_eq(count(&bed)->restarts, 2);
    end(&bed);
}

Test(lambda_model, a_throttled_event_goes_back_to_the_queue)
{
    struct bed bed;
    describe(&bed);
    bed.config.mode = SIM_LAMBDA_ASYNC;
    bed.config.lambda.account_concurrency = 1;
    make(&bed);
    cr_assert_eq(submit(&bed, START, 0), SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(submit(&bed, START, 1), SIM_SUBMIT_ACCEPTED);
    advance(&bed, START);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_OPEN)->job, 0);
    const struct sim_action *state = the(&bed, 1, SIM_ACTION_STATE);
    cr_assert_eq(state->job, 1);
    cr_assert_eq(state->code, SIM_LAMBDA_STATE_THROTTLED);
    advance(&bed, READY);
    finish(&bed, READY, 0, 0);
    advance(&bed, START + SECOND);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_START)->job, 1);
    end(&bed);
}

Test(lambda_model, an_event_that_is_too_old_is_given_up)
{
    struct bed bed;
    uint64_t last_ns = START;
    describe(&bed);
    bed.config.mode = SIM_LAMBDA_ASYNC;
    bed.config.lambda.account_concurrency = 1;
    bed.function.timeout_ns = 900 * SECOND;
    bed.function.reserved = 0;
    bed.config.lambda.unreserved_min = 0;
    make(&bed);
    submit(&bed, START, 0);
    while (count(&bed)->jobs > 0) {
        last_ns = next(&bed);
        advance(&bed, last_ns);
    }
    const struct sim_action *fail = the(&bed, 0, SIM_ACTION_FAIL);
    cr_assert(strstr(fail->cause->words, "EventAgeExceeded"));
    cr_assert_leq(last_ns, START + 6 * HOUR);
    cr_assert_geq(last_ns, START + 6 * HOUR - 5 * MINUTE);
    end(&bed);
}

Test(lambda_model, a_doubled_event_runs_twice_and_ends_once)
{
    struct bed bed;
    describe(&bed);
    bed.config.mode = SIM_LAMBDA_ASYNC;
    bed.config.queue.duplicate_ppb = ENGINE_CHANCE_ALWAYS;
    make(&bed);
    submit(&bed, START, 0);
    advance(&bed, START);
    advance(&bed, READY);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_START)->job, 0);
    cr_assert_eq(the(&bed, 1, SIM_ACTION_START)->job, 0);
    finish(&bed, READY, 0, 0);
    cr_assert_eq(bed.actions.count, 0);
    finish(&bed, READY, 1, 0);
    the(&bed, 0, SIM_ACTION_FORGET);
    end(&bed);
}

Test(lambda_model, provisioned_places_are_opened_without_a_job)
{
    struct bed bed;
    describe(&bed);
    bed.function.provisioned = 2;
    bed.config.lambda.start_ns = START;
    bed.config.lambda.ahead_rate = (struct sim_rate){6000, MINUTE};
    make(&bed);
    cr_assert_eq(next(&bed), START);
    advance(&bed, START + SECOND);
    const struct sim_action *open = the(&bed, 0, SIM_ACTION_OPEN);
    cr_assert_eq(open->job, SIM_MODEL_NONE);
    cr_assert_eq(open->a, 244 * MS);
    cr_assert_eq(the(&bed, 1, SIM_ACTION_OPEN)->time_ns, START + 10 * MS);
    submit(&bed, START + SECOND, 0);
    the(&bed, 0, SIM_ACTION_START);
    cr_assert_eq(count(&bed)->cold, 0);
    cr_assert_eq(next(&bed), START + 4 * SECOND);
    end(&bed);
}

Test(lambda_model, an_event_that_the_queue_loses_is_forgotten_not_failed)
{
    struct bed bed;
    describe(&bed);
    bed.config.mode = SIM_LAMBDA_ASYNC;
    bed.config.queue.backlog = 1;
    bed.config.queue.drop_ppb = ENGINE_CHANCE_ALWAYS;
    bed.function.reserved = 0;
    bed.config.lambda.unreserved_min = 0;
    make(&bed);
    submit(&bed, START, 0);
    submit(&bed, START, 1);
    advance(&bed, START);
    cr_assert_eq(the(&bed, 0, SIM_ACTION_FORGET)->job, 0);
    cr_assert_eq(count(&bed)->lost, 1);
    end(&bed);
}

/* How many lines a bill has, and that they add up to all of it. */
static uint32_t lines_of(const struct bed *bed, uint64_t now_ns)
{
    const struct sim_model_ops *ops = bed->model.ops;
    uint64_t sum = 0, nano;
    uint32_t count = 0;
    const char *name;
    while (ops->cost_line(bed->model.self, now_ns, count, &name, &nano)) {
        cr_assert(*name);
        sum += nano;
        count++;
    }
    uint64_t all = ops->cost_nano(bed->model.self, now_ns);
    cr_assert(sum <= all && all - sum < count, "%lu of %lu", sum, all);
    return count;
}

Test(lambda_model, the_bill_speaks_of_provisioned_places_where_there_are_some)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    warm(&bed);
    cr_assert_eq(lines_of(&bed, START + MINUTE), 2);
    end(&bed);
    describe(&bed);
    bed.function.provisioned = 2;
    bed.function.price_ahead_gb_s_pico = 4166700;
    bed.config.lambda.ahead_rate = (struct sim_rate){6000, MINUTE};
    make(&bed);
    advance(&bed, START);
    advance(&bed, START + SECOND);
    submit(&bed, START + SECOND, 0);
    finish(&bed, START + 2 * SECOND, the(&bed, 0, SIM_ACTION_START)->place, 0);
    cr_assert_eq(lines_of(&bed, START + MINUTE), 4);
    end(&bed);
}

/* Whatever happens: jobs end once, places hold one job, counts add up ------ */

enum {
    JOBS = 64,
    PLACES = 256,
    STEPS = 20000
};

struct ledger {
    struct bed bed;
    struct engine_stream draws;
    uint64_t index, now_ns, digest;
    uint64_t submitted, over;
    bool open[JOBS]; /* accepted and not over */
    bool there[PLACES];
    uint32_t runs[PLACES]; /* the job, or NONE */
};

static uint64_t below(struct ledger *l, uint64_t n)
{
    return engine_draw_below(&l->draws, l->index++, n);
}

static void note(struct ledger *l, const struct sim_action *action)
{
    cr_assert_leq(action->time_ns, l->now_ns);
    cr_assert_null(cause_fault("lambda", action->cause));
    l->digest = (l->digest ^ action->time_ns ^ action->kind ^ action->job) *
                UINT64_C(1099511628211);
    switch (action->kind) {
    case SIM_ACTION_OPEN:
        cr_assert_not(l->there[action->place]);
        l->there[action->place] = true;
        break;
    case SIM_ACTION_START:
        cr_assert(l->there[action->place]);
        cr_assert(l->open[action->job]);
        cr_assert_eq(l->runs[action->place], SIM_MODEL_NONE);
        cr_assert_gt(action->deadline_ns, l->now_ns);
        l->runs[action->place] = action->job;
        break;
    case SIM_ACTION_CLOSE:
        cr_assert(l->there[action->place]);
        l->there[action->place] = false;
        l->runs[action->place] = SIM_MODEL_NONE;
        break;
    case SIM_ACTION_FAIL:
    case SIM_ACTION_FORGET:
        cr_assert(l->open[action->job]);
        l->open[action->job] = false;
        l->over++;
        break;
    default:
        break;
    }
}

static void take(struct ledger *l)
{
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < l->bed.actions.count; i++) {
        cr_assert_geq(l->bed.actions.list[i].time_ns, last_ns);
        last_ns = l->bed.actions.list[i].time_ns;
        note(l, &l->bed.actions.list[i]);
    }
}

static void act_on_place(struct ledger *l, uint32_t place)
{
    uint32_t job = l->runs[place];
    if (!l->there[place])
        return;
    if (job != SIM_MODEL_NONE && below(l, 4) > 0) {
        l->runs[place] = SIM_MODEL_NONE;
        finish(&l->bed, l->now_ns, place, job);
    } else if (below(l, 8) == 0) {
        l->bed.actions.count = 0;
        l->bed.model.ops->exited(l->bed.model.self, l->now_ns, place, 1,
                                 &l->bed.actions);
    } else {
        return;
    }
    take(l);
}

static void act_at_random(struct ledger *l)
{
    uint32_t job = (uint32_t)below(l, JOBS);
    if (below(l, 2) > 0) {
        act_on_place(l, (uint32_t)below(l, 24));
    } else if (!l->open[job] &&
               submit(&l->bed, l->now_ns, job) == SIM_SUBMIT_ACCEPTED) {
        l->open[job] = true;
        l->submitted++;
        take(l);
    }
}

static void check(const struct ledger *l)
{
    const struct sim_model_counts *counts = count(&l->bed);
    uint32_t places = 0, open = 0;
    for (uint32_t i = 0; i < PLACES; i++)
        places += l->there[i];
    for (uint32_t i = 0; i < JOBS; i++)
        open += l->open[i];
    cr_assert_eq(counts->places, places);
    cr_assert_eq(counts->jobs, open);
    cr_assert_leq(counts->running, 20);
    cr_assert_eq(counts->done + counts->failed + counts->lost, l->over);
    cr_assert_eq(counts->places_opened - counts->places_closed, places);
}

static uint64_t storm(enum sim_lambda_mode mode, uint64_t seed)
{
    struct ledger *l = calloc(1, sizeof(*l));
    describe(&l->bed);
    l->bed.config.mode = mode;
    l->bed.config.lambda.account_concurrency = 20;
    l->bed.config.queue.duplicate_ppb = ENGINE_CHANCE_ALWAYS / 10;
    l->bed.config.queue.backlog = 10;
    l->bed.config.queue.drop_ppb = ENGINE_CHANCE_ALWAYS / 100;
    l->bed.function.provisioned = 4;
    l->bed.config.lambda.unreserved_min = 0;
    l->bed.config.lambda.start_ns = START;
    l->bed.config.lambda.ahead_rate = (struct sim_rate){6000, MINUTE};
    make(&l->bed);
    engine_stream_init(&l->draws, seed, "storm", 0);
    for (uint32_t i = 0; i < PLACES; i++)
        l->runs[i] = SIM_MODEL_NONE;
    l->now_ns = START;
    for (uint32_t i = 0; i < STEPS; i++) {
        uint64_t steps_ns = below(l, 500) == 0 ? HOUR : below(l, 800 * MS);
        uint64_t until_ns = l->now_ns + steps_ns;
        for (uint64_t at; (at = next(&l->bed)) <= until_ns;) {
            cr_assert_geq(at, l->now_ns, "next is in the past");
            l->now_ns = at;
            advance(&l->bed, at);
            take(l);
        }
        l->now_ns = until_ns;
        act_at_random(l);
        check(l);
    }
    for (uint64_t at; (at = next(&l->bed)) != SIM_MODEL_NEVER;) {
        cr_assert_lt(at, l->now_ns + 24 * HOUR);
        l->now_ns = at;
        advance(&l->bed, at);
        take(l);
    }
    check(l);
    cr_assert_gt(l->submitted, STEPS / 20);
    cr_assert_eq(l->submitted, l->over);
    uint64_t digest = l->digest;
    end(&l->bed);
    free(l);
    return digest;
}

Test(lambda_model, every_job_ends_once_whatever_happens)
{
    storm(SIM_LAMBDA_SYNC, 1);
    storm(SIM_LAMBDA_ASYNC, 1);
}

Test(lambda_model, the_same_seed_gives_the_same_actions)
{
    cr_assert_eq(storm(SIM_LAMBDA_ASYNC, 2), storm(SIM_LAMBDA_ASYNC, 2));
    cr_assert_neq(storm(SIM_LAMBDA_ASYNC, 2), storm(SIM_LAMBDA_ASYNC, 3));
}

static enum sim_submit_answer submit_execution(struct bed *bed, uint32_t id,
                                               uint64_t now_ns, bool first)
{
    struct sim_job job = {.id = id, .demand = &bed->demand, .execution = first};
    bed->out = (struct sim_submitted){.answer = SIM_SUBMIT_ACCEPTED};
    cr_assert_eq(bed->model.ops->submit(bed->model.self, now_ns, &job,
                                        &bed->out, &bed->actions),
                 0);
    return bed->out.answer;
}

Test(lambda_model, durable_executions_are_started_at_their_rate)
{
    struct bed bed;
    describe(&bed);
    bed.config.durable.start_rate = (struct sim_rate){2, SECOND};
    bed.config.durable.checkpoint_rate = (struct sim_rate){3, SECOND};
    make(&bed);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(submit_execution(&bed, i, START, true),
                     i < 2 ? SIM_SUBMIT_ACCEPTED : SIM_SUBMIT_THROTTLED, "%u",
                     i);
    cr_expect_str_eq(bed.model.ops->reason_name(bed.out.reason), "executions");
    cr_expect_leq(bed.out.actual, bed.out.limit);
    cr_expect_eq(submit_execution(&bed, 3, START, false), SIM_SUBMIT_ACCEPTED,
                 "later invocations start nothing");
    cr_expect_eq(submit_execution(&bed, 4, START + SECOND / 2, true),
                 SIM_SUBMIT_ACCEPTED);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_eq(bed.model.ops->checkpoint(bed.model.self, START + SECOND),
                     i < 3, "%u", i);
    sim_actions_free(&bed.actions);
    bed.model.ops->free(bed.model.self);
}

Test(lambda_model, without_their_rates_executions_are_not_counted)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    for (uint32_t i = 0; i < 500; i++) {
        cr_expect_eq(submit_execution(&bed, i, START, true),
                     SIM_SUBMIT_ACCEPTED);
        cr_expect(bed.model.ops->checkpoint(bed.model.self, START));
    }
    sim_actions_free(&bed.actions);
    bed.model.ops->free(bed.model.self);
}

Test(lambda_model, an_answer_may_be_6_mb)
{
    struct bed bed;
    describe(&bed);
    make(&bed);
    cr_expect_eq(bed.model.ops->response_max(bed.model.self), 6291456);
    sim_actions_free(&bed.actions);
    bed.model.ops->free(bed.model.self);
}

Test(lambda_model, a_function_of_more_memory_than_there_is_is_refused)
{
    struct bed bed;
    describe(&bed);
    bed.demand.memory_mb = 10241;
    make(&bed);
    cr_expect_eq(submit_execution(&bed, 1, START, false), SIM_SUBMIT_REFUSED);
    cr_expect_eq(bed.out.cause.error, ENGINE_ERR_VALIDATION);
    cr_expect(strstr(bed.out.cause.words, "10241 MB, at most 10240 MB"));
    sim_actions_free(&bed.actions);
    bed.model.ops->free(bed.model.self);
}
