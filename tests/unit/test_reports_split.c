#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "reports/split.h"
#include "tests/support/synthetic.h"

#define MS UINT64_C(1000000)

enum {
    OWNER = 2,
    WORKER = 7,
    OTHER_WORKER = 8
};

/* A splitter fed by hand; times are milliseconds since the run was due. */
struct bed {
    struct report_splitter *splitter;
    uint64_t parts[REPORT_PARTS];
};

static struct bed bed_of(int claims_run)
{
    struct bed bed = {.splitter = report_splitter_new(claims_run)};
    cr_assert(bed.splitter);
    report_splitter_start(bed.splitter, 1, 1000 * MS);
    return bed;
}

static struct bed bed_new(void)
{
    return bed_of(0);
}

static void feed(struct bed *bed, uint64_t ms, struct engine_record record)
{
    record.time_ns = (1000 + ms) * MS;
    if (record.run == 0)
        record.run = 1;
    report_splitter_feed(bed->splitter, &record);
}

static void work(struct bed *bed, uint64_t ms, unsigned kind, uint32_t op,
                 uint32_t attempt)
{
    feed(bed, ms,
         (struct engine_record){.kind = (uint16_t)kind,
                                .op = op,
                                .attempt = attempt,
                                .node = WORKER,
                                .peer = WORKER});
}

static void event(struct bed *bed, uint64_t ms, unsigned kind, uint32_t op,
                  uint32_t attempt, uint64_t a)
{
    feed(bed, ms,
         (struct engine_record){.kind = ENGINE_REC_EVENT,
                                .detail = (uint16_t)kind,
                                .op = op,
                                .attempt = attempt,
                                .a = a});
}

static void operation(struct bed *bed, uint64_t ms, unsigned kind, uint32_t op,
                      unsigned type)
{
    feed(bed, ms,
         (struct engine_record){.kind = ENGINE_REC_EVENT,
                                .detail = (uint16_t)kind,
                                .op = op,
                                .state = (uint16_t)type});
}

static void step(struct bed *bed, uint64_t ms, unsigned kind, uint32_t op)
{
    feed(bed, ms,
         (struct engine_record){.kind = (uint16_t)kind,
                                .op = op,
                                .attempt = 1,
                                .node = WORKER,
                                .b = 77});
}

static void gone(struct bed *bed, uint64_t ms, uint16_t node)
{
    feed(bed, ms,
         (struct engine_record){.kind = ENGINE_REC_PROC_DOWN, .node = node});
}

/* An attempt that is taken at once, as far as its code's begin. */
static void attempt(struct bed *bed, uint64_t ms, uint32_t op, uint32_t number)
{
    work(bed, ms, ENGINE_REC_WORK_PUT, op, number);
    work(bed, ms, ENGINE_REC_INVOKED, op, number);
    work(bed, ms, ENGINE_REC_WORK_CLAIMED, op, number);
    work(bed, ms, ENGINE_REC_ATTEMPT_BEGIN, op, number);
}

/* An invocation of the handler that is claimed at once. */
static void invocation(struct bed *bed, uint64_t ms, uint32_t number)
{
    work(bed, ms, ENGINE_REC_WORK_PUT, 0, number);
    work(bed, ms, ENGINE_REC_INVOKED, 0, number);
    work(bed, ms, ENGINE_REC_WORK_CLAIMED, 0, number);
}

static void end(struct bed *bed, uint64_t ms)
{
    cr_assert(
        report_splitter_end(bed->splitter, 1, (1000 + ms) * MS, bed->parts));
    uint64_t sum = 0;
    for (int i = 0; i < REPORT_PARTS; i++)
        sum += bed->parts[i];
    cr_expect_eq(sum, ms * MS);
    cr_expect_eq(report_splitter_backlog(bed->splitter), 0);
    report_splitter_free(bed->splitter);
}

/* The parts in milliseconds, in the order of the enumeration. */
static void expect(const struct bed *bed, const uint64_t ms[REPORT_PARTS])
{
    for (int i = 0; i < REPORT_PARTS; i++)
        cr_expect_eq(bed->parts[i], ms[i] * MS, "%s is %llu ns",
                     report_part_name((enum report_part)i),
                     (unsigned long long)bed->parts[i]);
}

/* service, replay, start-up, queueing, retry wait, waiting, engine */
#define EXPECT(bed, ...)                                                       \
    expect(bed, (const uint64_t[REPORT_PARTS]){__VA_ARGS__})

Test(reports_split, a_step_queues_is_claimed_runs_and_is_committed)
{
    struct bed bed = bed_new();
    work(&bed, 5, ENGINE_REC_WORK_PUT, 0, 1);
    cr_expect_eq(report_splitter_backlog(bed.splitter), 1);
    work(&bed, 25, ENGINE_REC_INVOKED, 0, 1);
    cr_expect_eq(report_splitter_backlog(bed.splitter), 0);
    work(&bed, 27, ENGINE_REC_WORK_CLAIMED, 0, 1);
    work(&bed, 30, ENGINE_REC_ATTEMPT_BEGIN, 0, 1);
    work(&bed, 130, ENGINE_REC_ATTEMPT_END, 0, 1);
    work(&bed, 131, ENGINE_REC_WORK_DONE, 0, 1);
    end(&bed, 140);
    EXPECT(&bed, 100, 0, 0, 20, 0, 0, 5 + 5 + 10);
}

Test(reports_split, a_worker_that_takes_work_from_the_store_ends_the_queueing)
{
    struct bed bed = bed_new();
    work(&bed, 0, ENGINE_REC_WORK_PUT, 3, 1);
    work(&bed, 20, ENGINE_REC_WORK_CLAIMED, 3, 1);
    work(&bed, 22, ENGINE_REC_ATTEMPT_BEGIN, 3, 1);
    end(&bed, 30);
    EXPECT(&bed, 8, 0, 0, 20, 0, 0, 2);
}

static struct engine_record place(unsigned kind, uint64_t start_up_ms)
{
    return (struct engine_record){.kind = (uint16_t)kind,
                                  .attempt = 1,
                                  .peer = WORKER,
                                  .detail = 1,
                                  .a = start_up_ms * MS};
}

Test(reports_split, a_place_said_to_start_starts_until_it_takes_the_attempt)
{
    struct bed bed = bed_new();
    work(&bed, 10, ENGINE_REC_WORK_PUT, 0, 1);
    feed(&bed, 12, place(ENGINE_REC_ENV_STARTED, 200));
    feed(&bed, 212, place(ENGINE_REC_INVOKED, 0));
    end(&bed, 220);
    EXPECT(&bed, 0, 0, 200, 2, 0, 0, 10 + 8);
}

Test(reports_split, a_place_said_to_have_started_turns_queueing_into_start_up)
{
    struct bed bed = bed_new();
    work(&bed, 10, ENGINE_REC_WORK_PUT, 0, 1);
    feed(&bed, 300, place(ENGINE_REC_ENV_STARTED, 200));
    feed(&bed, 300, place(ENGINE_REC_INVOKED, 0));
    end(&bed, 320);
    EXPECT(&bed, 0, 0, 200, 90, 0, 0, 10 + 20);
}

Test(reports_split, two_places_that_start_together_are_counted_once)
{
    struct bed bed = bed_new();
    for (uint32_t op = 0; op < 2; op++)
        work(&bed, 0, ENGINE_REC_WORK_PUT, op, 1);
    for (uint32_t op = 0; op < 2; op++) {
        struct engine_record started = place(ENGINE_REC_ENV_STARTED, 60);
        struct engine_record taken = place(ENGINE_REC_INVOKED, 0);
        started.op = taken.op = op;
        feed(&bed, 100 + 10 * op, started);
        feed(&bed, 100 + 10 * op, taken);
    }
    end(&bed, 120);
    EXPECT(&bed, 0, 0, 60 + 10, 40, 0, 0, 10);
}

Test(reports_split, a_place_never_starts_before_the_attempt_was_ready)
{
    struct bed bed = bed_new();
    work(&bed, 50, ENGINE_REC_WORK_PUT, 0, 1);
    feed(&bed, 70, place(ENGINE_REC_ENV_STARTED, 500));
    feed(&bed, 70, place(ENGINE_REC_INVOKED, 0));
    end(&bed, 80);
    EXPECT(&bed, 0, 0, 20, 0, 0, 0, 50 + 10);
}

Test(reports_split, a_refused_attempt_queues_until_it_is_taken)
{
    struct bed bed = bed_new();
    work(&bed, 0, ENGINE_REC_WORK_PUT, 0, 1);
    work(&bed, 5, ENGINE_REC_THROTTLED, 0, 1);
    work(&bed, 80, ENGINE_REC_THROTTLED, 0, 1);
    work(&bed, 200, ENGINE_REC_INVOKED, 0, 1);
    work(&bed, 200, ENGINE_REC_THROTTLED, 0, 1); /* its double */
    end(&bed, 210);
    EXPECT(&bed, 0, 0, 0, 200, 0, 0, 10);
}

Test(reports_split, a_failed_step_waits_for_its_repetition)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    work(&bed, 10, ENGINE_REC_ATTEMPT_END, 0, 1);
    work(&bed, 11, ENGINE_REC_WORK_DONE, 0, 1);
    event(&bed, 15, ENGINE_EV_RETRY_SCHEDULED, 0, 1, 1000 * MS);
    attempt(&bed, 1020, 0, 2);
    work(&bed, 1050, ENGINE_REC_ATTEMPT_END, 0, 2);
    work(&bed, 1052, ENGINE_REC_WORK_DONE, 0, 2);
    event(&bed, 1053, ENGINE_EV_OP_SUCCEEDED, 0, 0, 0);
    end(&bed, 1053);
    EXPECT(&bed, 10 + 30, 0, 0, 0, 1005, 0, 5 + 3);
}

Test(reports_split, a_retry_without_delay_is_no_wait)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    work(&bed, 10, ENGINE_REC_WORK_CUT, 0, 1);
    event(&bed, 10, ENGINE_EV_RETRY_SCHEDULED, 0, 1, 0);
    attempt(&bed, 15, 0, 2);
    end(&bed, 20);
    EXPECT(&bed, 15, 0, 0, 0, 0, 0, 5);
}

Test(reports_split, code_stops_with_its_worker_and_the_rest_is_take_over)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    gone(&bed, 40, WORKER);
    work(&bed, 41, ENGINE_REC_ATTEMPT_END, 0, 1); /* it says no more */
    work(&bed, 100, ENGINE_REC_WORK_CUT, 0, 1);
    attempt(&bed, 110, 0, 2);
    gone(&bed, 120, OTHER_WORKER);
    work(&bed, 150, ENGINE_REC_ATTEMPT_END, 0, 2);
    end(&bed, 150);
    EXPECT(&bed, 40 + 40, 0, 0, 0, 0, 0, 60 + 10);
}

Test(reports_split, what_was_on_its_way_to_a_place_that_dies_queues_again)
{
    struct bed bed = bed_new();
    work(&bed, 0, ENGINE_REC_WORK_PUT, 0, 1);
    feed(&bed, 10, place(ENGINE_REC_ENV_STARTED, 200));
    feed(&bed, 60,
         (struct engine_record){.kind = ENGINE_REC_ENV_ENDED, .peer = WORKER});
    cr_expect_eq(report_splitter_backlog(bed.splitter), 1);
    work(&bed, 100, ENGINE_REC_INVOKED, 0, 1);
    end(&bed, 100);
    EXPECT(&bed, 0, 0, 50, 10 + 40, 0, 0, 0);
}

Test(reports_split, an_attempt_that_its_platform_kills_runs_no_more)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    work(&bed, 30, ENGINE_REC_KILLED, 0, 1);
    end(&bed, 50);
    EXPECT(&bed, 30, 0, 0, 0, 0, 0, 20);
}

Test(reports_split, an_older_attempt_that_still_runs_serves_nobody)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    work(&bed, 10, ENGINE_REC_WORK_CUT, 0, 1);
    work(&bed, 10, ENGINE_REC_WORK_PUT, 0, 2);
    work(&bed, 20, ENGINE_REC_ATTEMPT_BEGIN, 0, 1);
    work(&bed, 30, ENGINE_REC_ATTEMPT_END, 0, 1);
    end(&bed, 40);
    EXPECT(&bed, 10, 0, 0, 30, 0, 0, 0);
}

Test(reports_split, a_graph_waits_until_its_timer_fires)
{
    struct bed bed = bed_new();
    event(&bed, 10, ENGINE_EV_WAIT_STARTED, 2, 0, 500 * MS);
    event(&bed, 512, ENGINE_EV_WAIT_FIRED, 2, 0, 0);
    end(&bed, 520);
    EXPECT(&bed, 0, 0, 0, 0, 0, 502, 10 + 8);
}

static void state(struct bed *bed, uint64_t ms, unsigned run_state)
{
    feed(bed, ms,
         (struct engine_record){.kind = ENGINE_REC_APPENDED,
                                .state = (uint16_t)run_state});
}

Test(reports_split, a_run_that_an_operator_holds_waits)
{
    struct bed bed = bed_new();
    state(&bed, 10, ENGINE_RUN_RUNNING);
    state(&bed, 20, ENGINE_RUN_BLOCKED);
    state(&bed, 50, ENGINE_RUN_RUNNING);
    state(&bed, 60, ENGINE_RUN_PAUSED);
    state(&bed, 61, 0); /* a row that says nothing of it */
    state(&bed, 70, ENGINE_RUN_RUNNING);
    end(&bed, 75);
    EXPECT(&bed, 0, 0, 0, 0, 0, 30 + 10, 35);
}

Test(reports_split, of_several_things_at_once_the_first_in_order_counts)
{
    struct bed bed = bed_new();
    event(&bed, 0, ENGINE_EV_WAIT_STARTED, 1, 0, 5 * MS);
    event(&bed, 10, ENGINE_EV_RETRY_SCHEDULED, 2, 1, 5 * MS);
    work(&bed, 20, ENGINE_REC_WORK_PUT, 3, 1);
    struct engine_record other = place(ENGINE_REC_ENV_STARTED, 500);
    work(&bed, 30, ENGINE_REC_WORK_PUT, 4, 1);
    other.op = 4;
    feed(&bed, 30, other);
    attempt(&bed, 40, 5, 1);
    work(&bed, 50, ENGINE_REC_WORK_DONE, 5, 1);
    work(&bed, 60, ENGINE_REC_WORK_CUT, 4, 1);
    work(&bed, 70, ENGINE_REC_WORK_CUT, 3, 1);
    event(&bed, 80, ENGINE_EV_OP_FAILED, 2, 0, 0);
    event(&bed, 90, ENGINE_EV_WAIT_FIRED, 1, 0, 0);
    end(&bed, 100);
    EXPECT(&bed, 10, 0, 10 + 10, 10 + 10, 10 + 10, 10 + 10, 10);
}

Test(reports_split, a_handlers_steps_are_served_and_its_commits_are_not)
{
    struct bed bed = bed_new();
    invocation(&bed, 0, 1);
    step(&bed, 5, ENGINE_REC_ATTEMPT_BEGIN, 1);
    step(&bed, 45, ENGINE_REC_ATTEMPT_END, 1);
    event(&bed, 50, ENGINE_EV_CHECKPOINT, 0, 1, 0);
    step(&bed, 52, ENGINE_REC_ATTEMPT_BEGIN, 2);
    step(&bed, 62, ENGINE_REC_ATTEMPT_BEGIN, 3);
    step(&bed, 72, ENGINE_REC_ATTEMPT_END, 2);
    step(&bed, 82, ENGINE_REC_ATTEMPT_END, 3);
    end(&bed, 90);
    EXPECT(&bed, 40 + 30, 0, 0, 0, 0, 0, 5 + 7 + 8);
}

/* As far as the second invocation, which is claimed 100 ms later. */
static void once_more(struct bed *bed)
{
    invocation(bed, 0, 1);
    event(bed, 0, ENGINE_EV_CHECKPOINT, 0, 1, 0);
    operation(bed, 0, ENGINE_EV_OPERATION_STARTED, 1, ENGINE_OPERATION_WAIT);
    work(bed, 2, ENGINE_REC_WORK_DONE, 0, 1);
    operation(bed, 100, ENGINE_EV_OPERATION_FIRED, 1, ENGINE_OPERATION_WAIT);
    invocation(bed, 100, 2);
}

Test(reports_split, a_handler_replays_until_it_does_something_new)
{
    struct bed bed = bed_new();
    once_more(&bed);
    step(&bed, 130, ENGINE_REC_ATTEMPT_BEGIN, 2);
    step(&bed, 140, ENGINE_REC_ATTEMPT_END, 2);
    end(&bed, 145);
    EXPECT(&bed, 10, 30, 0, 0, 0, 100, 5);
}

Test(reports_split, a_checkpoint_or_the_end_of_the_invocation_ends_its_replay)
{
    struct bed bed = bed_new();
    once_more(&bed);
    event(&bed, 120, ENGINE_EV_CHECKPOINT, 0, 2, 0);
    end(&bed, 125);
    EXPECT(&bed, 0, 20, 0, 0, 0, 100, 5);
    bed = bed_new();
    once_more(&bed);
    work(&bed, 120, ENGINE_REC_WORK_DONE, 0, 2);
    end(&bed, 125);
    EXPECT(&bed, 0, 20, 0, 0, 0, 100, 5);
}

Test(reports_split, a_first_invocation_has_nothing_to_replay)
{
    struct bed bed = bed_new();
    invocation(&bed, 0, 1);
    work(&bed, 20, ENGINE_REC_WORK_CUT, 0, 1);
    invocation(&bed, 20, 2);
    end(&bed, 30);
    EXPECT(&bed, 0, 0, 0, 0, 0, 0, 30);
}

Test(reports_split, a_replay_without_an_owner_is_take_over)
{
    struct bed bed = bed_new();
    feed(&bed, 0,
         (struct engine_record){.kind = ENGINE_REC_LEASE_GRANTED,
                                .peer = OWNER});
    once_more(&bed);
    gone(&bed, 110, OWNER);
    feed(&bed, 160,
         (struct engine_record){.kind = ENGINE_REC_LEASE_GRANTED,
                                .peer = OWNER + 1});
    event(&bed, 170, ENGINE_EV_CHECKPOINT, 0, 2, 0);
    end(&bed, 170);
    EXPECT(&bed, 0, 10 + 10, 0, 0, 0, 100, 50);
}

Test(reports_split, steps_of_a_dead_or_given_up_invocation_serve_nobody)
{
    struct bed bed = bed_new();
    invocation(&bed, 0, 1);
    step(&bed, 0, ENGINE_REC_ATTEMPT_BEGIN, 1);
    gone(&bed, 10, WORKER);
    step(&bed, 12, ENGINE_REC_ATTEMPT_BEGIN, 2);
    work(&bed, 30, ENGINE_REC_WORK_CUT, 0, 1);
    invocation(&bed, 40, 2);
    step(&bed, 40, ENGINE_REC_ATTEMPT_BEGIN, 1);
    work(&bed, 60, ENGINE_REC_WORK_CUT, 0, 2);
    end(&bed, 70);
    EXPECT(&bed, 10 + 20, 0, 0, 0, 0, 0, 30 + 10);
}

Test(reports_split, a_handler_waits_for_timers_answers_runs_and_messages)
{
    static const unsigned types[] = {
        ENGINE_OPERATION_WAIT, ENGINE_OPERATION_CALLBACK,
        ENGINE_OPERATION_INVOKE, ENGINE_OPERATION_SEND,
        ENGINE_OPERATION_RECEIVE};
    static const unsigned ends[] = {
        ENGINE_EV_OPERATION_FIRED, ENGINE_EV_OPERATION_SUCCEEDED,
        ENGINE_EV_OPERATION_FAILED, ENGINE_EV_OPERATION_CANCELLED,
        ENGINE_EV_OPERATION_TIMED_OUT};
    struct bed bed = bed_new();
    for (uint32_t i = 0; i < 5; i++) {
        operation(&bed, 20 * i, ENGINE_EV_OPERATION_STARTED, i + 1, types[i]);
        operation(&bed, 20 * i + 9, ends[i], i + 1, types[i]);
    }
    operation(&bed, 90, ENGINE_EV_OPERATION_STARTED, 6,
              ENGINE_OPERATION_CONTEXT);
    operation(&bed, 91, ENGINE_EV_OPERATION_STARTED, 7, ENGINE_OPERATION_STEP);
    end(&bed, 100);
    EXPECT(&bed, 0, 0, 0, 0, 0, 5 * 9, 55);
}

Test(reports_split, a_handlers_step_waits_to_be_repeated)
{
    struct bed bed = bed_new();
    operation(&bed, 10, ENGINE_EV_OPERATION_RETRY, 1, ENGINE_OPERATION_STEP);
    operation(&bed, 20, ENGINE_EV_OPERATION_STARTED, 2,
              ENGINE_OPERATION_CALLBACK);
    operation(&bed, 40, ENGINE_EV_OPERATION_READY, 1, ENGINE_OPERATION_STEP);
    operation(&bed, 60, ENGINE_EV_OPERATION_STOPPED, 2,
              ENGINE_OPERATION_CALLBACK);
    end(&bed, 65);
    EXPECT(&bed, 0, 0, 0, 0, 30, 20, 15);
}

Test(reports_split, in_capacity_mode_a_claim_runs_and_nothing_is_the_engines)
{
    struct bed bed = bed_of(1);
    work(&bed, 10, ENGINE_REC_WORK_PUT, 0, 1);
    work(&bed, 20, ENGINE_REC_THROTTLED, 0, 1);
    feed(&bed, 50, place(ENGINE_REC_INVOKED, 0)); /* cold */
    work(&bed, 50, ENGINE_REC_WORK_CLAIMED, 0, 1);
    work(&bed, 90, ENGINE_REC_WORK_CUT, 0, 1);
    work(&bed, 190, ENGINE_REC_WORK_PUT, 0, 2);
    work(&bed, 200, ENGINE_REC_WORK_CLAIMED, 0, 2);
    work(&bed, 210, ENGINE_REC_WORK_DONE, 0, 2);
    end(&bed, 260);
    EXPECT(&bed, 40 + 10, 0, 30, 10 + 10, 100, 10 + 50, 0);
}

Test(reports_split, a_run_is_not_late_before_it_is_due)
{
    struct bed bed = {.splitter = report_splitter_new(0)};
    report_splitter_start(bed.splitter, 1, 1500 * MS);
    work(&bed, 0, ENGINE_REC_WORK_PUT, 0, 1);
    cr_assert(report_splitter_end(bed.splitter, 1, 1200 * MS, bed.parts));
    EXPECT(&bed, 0, 0, 0, 0, 0, 0, 0);
    cr_assert_not(report_splitter_end(bed.splitter, 1, 1300 * MS, bed.parts));
    report_splitter_free(bed.splitter);
}

Test(reports_split, a_clock_that_is_set_back_does_not_add_time)
{
    struct bed bed = bed_new();
    attempt(&bed, 0, 0, 1);
    work(&bed, 100, ENGINE_REC_ATTEMPT_END, 0, 1);
    end(&bed, 60);
    EXPECT(&bed, 60, 0, 0, 0, 0, 0, 0);
}

Test(reports_split, an_invoked_run_is_backlog_and_nobodys_latency)
{
    struct bed bed = bed_new();
    struct engine_record record = {.kind = ENGINE_REC_EVENT,
                                   .run = UINT64_C(1) << 60,
                                   .detail = ENGINE_EV_RUN_CREATED};
    feed(&bed, 0, record);
    record.kind = ENGINE_REC_WORK_PUT;
    record.attempt = 1;
    feed(&bed, 10, record);
    cr_expect_eq(report_splitter_backlog(bed.splitter), 1);
    record.kind = ENGINE_REC_APPENDED;
    record.state = ENGINE_RUN_CANCELLED;
    feed(&bed, 20, record);
    cr_expect_eq(report_splitter_backlog(bed.splitter), 0);
    end(&bed, 30);
    EXPECT(&bed, 0, 0, 0, 0, 0, 0, 30);
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Any record, mostly of a kind that means something here. */
static struct engine_record any(uint64_t *random)
{
    static const uint16_t kinds[] = {
        ENGINE_REC_APPENDED,      ENGINE_REC_EVENT,
        ENGINE_REC_EVENT,         ENGINE_REC_EVENT,
        ENGINE_REC_WORK_PUT,      ENGINE_REC_WORK_PUT,
        ENGINE_REC_WORK_CLAIMED,  ENGINE_REC_WORK_DONE,
        ENGINE_REC_WORK_CUT,      ENGINE_REC_ATTEMPT_BEGIN,
        ENGINE_REC_ATTEMPT_BEGIN, ENGINE_REC_ATTEMPT_END,
        ENGINE_REC_INVOKED,       ENGINE_REC_THROTTLED,
        ENGINE_REC_ENV_STARTED,   ENGINE_REC_ENV_ENDED,
        ENGINE_REC_KILLED,        ENGINE_REC_PROC_DOWN,
        ENGINE_REC_LEASE_GRANTED};
    struct engine_record record = {
        .kind = kinds[next(random) % (sizeof(kinds) / sizeof(*kinds))],
        .run = next(random) % 12,
        .op = (uint32_t)(next(random) % 4),
        .attempt = (uint32_t)(next(random) % 2 + 1),
        .node = (uint16_t)(next(random) % 70),
        .peer = (uint16_t)(next(random) % 5),
        .a = next(random) % 3 * next(random) % (50 * MS),
        .b = next(random) % 2,
        .state = (uint16_t)(next(random) % ENGINE_RUN_STATE_COUNT)};
    if (record.kind != ENGINE_REC_APPENDED)
        record.state = (uint16_t)(next(random) % ENGINE_OPERATION_TYPE_COUNT);
    record.detail = record.kind == ENGINE_REC_EVENT
                        ? (uint16_t)(next(random) % ENGINE_EV_COUNT)
                        : (uint16_t)(next(random) % 3);
    return record;
}

Test(reports_split, whatever_the_records_say_the_parts_add_up_to_the_latency)
{
    uint64_t random = UINT64_C(88172645463325252);
    uint64_t used[REPORT_PARTS] = {0};
    for (int world = 0; world < 200; world++) {
        struct report_splitter *splitter = report_splitter_new(world % 4 == 3);
        uint64_t due[12] = {0};
        uint64_t now = 1000 * MS;
        cr_assert(splitter);
        for (int i = 0; i < 2000; i++) {
            uint64_t run = next(&random) % 8 + 1;
            uint64_t parts[REPORT_PARTS];
            uint64_t sum = 0;
            now += next(&random) % 4 * next(&random) % (20 * MS);
            struct engine_record record = any(&random);
            record.time_ns = now;
            report_splitter_feed(splitter, &record);
            if (!due[run]) {
                due[run] = now - 50 * MS + next(&random) % (100 * MS);
                report_splitter_start(splitter, run, due[run]);
            } else if (next(&random) % 50 == 0) {
                cr_assert(report_splitter_end(splitter, run, now, parts));
                for (int k = 0; k < REPORT_PARTS; k++) {
                    sum += parts[k];
                    used[k] += parts[k];
                }
                cr_assert_eq(sum, now > due[run] ? now - due[run] : 0);
                due[run] = 0;
            }
        }
        report_splitter_free(splitter);
    }
    for (int k = 0; k < REPORT_PARTS; k++)
        cr_expect_gt(used[k], 0, "%s", report_part_name((enum report_part)k));
}

Test(reports_split, what_has_ended_leaves_nothing_behind)
{
    struct report_splitter *splitter = report_splitter_new(0);
    struct engine_record record = {.kind = ENGINE_REC_WORK_PUT, .attempt = 1};
    uint64_t parts[REPORT_PARTS];
    cr_assert(splitter);
    for (uint64_t run = 1; run <= 100000; run++) {
        record.run = run;
        record.time_ns = run * MS;
        report_splitter_start(splitter, run, record.time_ns);
        for (record.op = 0; record.op < 5; record.op++)
            report_splitter_feed(splitter, &record);
        cr_assert_leq(report_splitter_backlog(splitter), 50);
        if (run >= 10)
            cr_assert(report_splitter_end(splitter, run - 9, run * MS, parts));
    }
    cr_expect_not(report_splitter_failed(splitter));
    report_splitter_free(splitter);
}

/* Through the collector: each part's sum over runs and over time. */
Test(reports_split, the_figures_of_all_runs_add_up_to_their_latency)
{
    struct synthetic_options options = {
        .runs = 300, .trips = 50, .crash_every = 7, .outage = 1};
    struct synthetic *synthetic = synthetic_new(&options);
    struct report_collect *collect = report_collect_new(&synthetic->world);
    uint64_t sum = 0;
    uint64_t over_time = 0;
    report_collect_feed(collect, synthetic->records, synthetic->count);
    const struct report_stats *stats = report_collect_finish(collect);
    for (int k = 0; k < REPORT_PARTS; k++) {
        const struct report_hist *part = &stats->split.parts[k];
        uint64_t column = 0;
        cr_expect_eq(part->count, stats->latency.count);
        for (uint32_t i = 0; i < stats->bucket_count; i++)
            column += stats->buckets[i].split_ns[k];
        cr_expect_eq(column, part->sum_lo);
        sum += part->sum_lo;
        over_time += column;
    }
    cr_expect_eq(sum, stats->latency.sum_lo);
    cr_expect_eq(over_time, stats->latency.sum_lo);
    report_collect_free(collect);
    synthetic_free(synthetic);
}
