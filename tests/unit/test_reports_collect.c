#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/synthetic.h"

#define MS 1000000ull

/* A collector fed by hand over the synthetic world without its records. */
struct bed {
    struct synthetic *synthetic;
    struct report_collect *collect;
    uint64_t now;
};

static struct bed bed_new(uint64_t runs, uint64_t retained_max)
{
    struct synthetic_options options = {.runs = 0, .crash_every = 1};
    struct bed bed = {.synthetic = synthetic_new(&options), .now = 1000 * MS};
    bed.synthetic->world.runs_max = runs;
    bed.synthetic->world.retained_max = retained_max;
    bed.collect = report_collect_new(&bed.synthetic->world);
    cr_assert(bed.collect);
    return bed;
}

static void bed_free(struct bed *bed)
{
    report_collect_free(bed->collect);
    synthetic_free(bed->synthetic);
}

static void feed(struct bed *bed, struct engine_record record)
{
    bed->now += MS;
    record.time_ns = bed->now;
    report_collect_feed(bed->collect, &record, 1);
}

static void start(struct bed *bed, uint64_t run)
{
    feed(bed, (struct engine_record){.kind = ENGINE_REC_START_SENT,
                                     .run = run,
                                     .a = bed->now + MS,
                                     .op = 0});
}

static void state(struct bed *bed, uint64_t run, unsigned run_state)
{
    feed(bed, (struct engine_record){.kind = ENGINE_REC_APPENDED,
                                     .run = run,
                                     .state = (uint16_t)run_state});
}

Test(reports_collect, every_run_is_counted_in_exactly_one_way)
{
    struct bed bed = bed_new(10, 0);
    static const unsigned last[] = {ENGINE_RUN_SUCCEEDED, ENGINE_RUN_FAILED,
                                    ENGINE_RUN_BLOCKED, ENGINE_RUN_RUNNING,
                                    ENGINE_RUN_SUSPENDED};
    for (uint64_t run = 1; run <= 5; run++) {
        start(&bed, run);
        state(&bed, run, ENGINE_RUN_RUNNING);
        state(&bed, run, last[run - 1]);
    }
    start(&bed, 6);                     /* never durable */
    state(&bed, 1, ENGINE_RUN_FAILED);  /* ended already */
    state(&bed, 11, ENGINE_RUN_FAILED); /* beyond runs_max */
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->runs.started, 6);
    cr_assert_eq(stats->runs.succeeded, 1);
    cr_assert_eq(stats->runs.failed, 1);
    cr_assert_eq(stats->runs.blocked, 1);
    cr_assert_eq(stats->runs.stuck, 3);
    cr_assert_eq(stats->latency.count, 2);
    cr_assert_eq(stats->buckets[0].in_flight, 1);
    bed_free(&bed);
}

Test(reports_collect, latency_counts_from_when_the_run_was_due)
{
    struct bed bed = bed_new(1, 0);
    bed.now = 5000 * MS;
    feed(&bed,
         (struct engine_record){
             .kind = ENGINE_REC_START_SENT, .run = 1, .a = 4000 * MS, .op = 0});
    state(&bed, 1, ENGINE_RUN_SUCCEEDED);
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->latency.max, 1002 * MS);
    cr_assert_eq(report_collect_due(bed.collect, 1), 4000 * MS);
    bed_free(&bed);
}

static struct engine_record fault(unsigned action, unsigned node, int busy)
{
    return (struct engine_record){.kind = ENGINE_REC_FAULT,
                                  .key = SYNTHETIC_POINT_CRASH,
                                  .detail = (uint16_t)action,
                                  .node = (uint16_t)node,
                                  .count = busy ? 1 : 0};
}

static struct engine_record process(unsigned kind, unsigned node, unsigned why)
{
    return (struct engine_record){.kind = (uint16_t)kind,
                                  .node = (uint16_t)node,
                                  .detail = (uint16_t)why};
}

Test(reports_collect, a_crash_is_effective_only_if_a_process_goes_down)
{
    struct bed bed = bed_new(1, 0);
    feed(&bed, fault(ENGINE_ACT_CRASH, 5, 1));
    feed(&bed, process(ENGINE_REC_PROC_DOWN, 5, ENGINE_ACT_CRASH));
    feed(&bed, fault(ENGINE_ACT_CRASH, 5, 0)); /* it is down already */
    feed(&bed, process(ENGINE_REC_PROC_UP, 5, 0));
    feed(&bed, process(ENGINE_REC_PROC_DOWN, 5, 0)); /* a shutdown */
    feed(&bed, fault(ENGINE_ACT_PAUSE, 6, 1));
    feed(&bed, process(ENGINE_REC_PROC_PAUSED, 6, 0));
    feed(&bed, fault(ENGINE_ACT_LOSE, 6, 0));
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->fault_count, 1);
    cr_assert_eq(stats->faults[0].armed, 1);
    cr_assert_eq(stats->faults[0].fired, 4);
    cr_assert_eq(stats->faults[0].effective, 3);
    cr_assert_eq(stats->faults[0].in_flight, 2);
    cr_assert_eq(stats->crashes, 1);
    bed_free(&bed);
}

Test(reports_collect, the_consequence_may_be_recorded_before_its_fault)
{
    struct bed bed = bed_new(1, 0);
    struct engine_record records[] = {
        process(ENGINE_REC_PROC_DOWN, 5, ENGINE_ACT_CRASH),
        fault(ENGINE_ACT_CRASH, 5, 1)};
    records[0].time_ns = records[1].time_ns = 7 * MS;
    report_collect_feed(bed.collect, records, 2);
    cr_assert_eq(report_collect_finish(bed.collect)->faults[0].effective, 1);
    bed_free(&bed);
}

Test(reports_collect, bands_last_from_a_fault_to_its_end)
{
    struct bed bed = bed_new(1, 0);
    feed(&bed, process(ENGINE_REC_PROC_DOWN, 5, ENGINE_ACT_CRASH));
    feed(&bed, process(ENGINE_REC_PROC_PAUSED, 6, 0));
    feed(&bed, process(ENGINE_REC_PROC_UP, 5, 0));
    feed(&bed, fault(ENGINE_ACT_CUT, 3, 1));
    feed(&bed, (struct engine_record){.kind = ENGINE_REC_FAULT_ENDED,
                                      .key = SYNTHETIC_POINT_CRASH,
                                      .node = 3});
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->band_count, 3);
    cr_assert_eq(stats->bands[0].kind, REPORT_BAND_DOWN);
    cr_assert_eq(stats->bands[0].to_ns - stats->bands[0].from_ns, 2 * MS);
    cr_assert_eq(stats->bands[1].kind, REPORT_BAND_FAULT);
    cr_assert_eq(stats->bands[1].to_ns - stats->bands[1].from_ns, MS);
    cr_assert_eq(stats->bands[2].kind, REPORT_BAND_PAUSED);
    cr_assert_eq(stats->bands[2].to_ns, stats->last_ns);
    bed_free(&bed);
}

Test(reports_collect, an_environment_that_dies_is_no_outage)
{
    struct bed bed = bed_new(1, 0);
    feed(&bed, (struct engine_record){
                   .kind = ENGINE_REC_ENV_STARTED, .node = 4, .peer = 5});
    feed(&bed, process(ENGINE_REC_PROC_DOWN, 5, ENGINE_ACT_CRASH));
    feed(&bed, process(ENGINE_REC_PROC_DOWN, 6, ENGINE_ACT_CRASH));
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->crashes, 2);
    cr_assert_eq(stats->band_count, 1);
    cr_assert_eq(stats->bands[0].node, 6);
    bed_free(&bed);
}

static void platform_log(struct bed *bed, uint32_t what, uint64_t notice_ns)
{
    feed(bed, (struct engine_record){.kind = ENGINE_REC_PLATFORM,
                                     .node = 4,
                                     .count = what,
                                     .a = bed->now + MS + notice_ns});
}

Test(reports_collect,
     places_that_are_warned_are_counted_with_the_shortest_notice)
{
    struct bed bed = bed_new(1, 0);
    platform_log(&bed, 0, 1 * MS); /* a state */
    platform_log(&bed, 1, 7 * MS);
    platform_log(&bed, 1, 5 * MS);
    platform_log(&bed, 1, 6 * MS);
    platform_log(&bed, 2, 1 * MS); /* given up */
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_expect_eq(stats->platform.warned, 3);
    cr_expect_eq(stats->platform.notice_ns, 5 * MS);
    bed_free(&bed);
}

static void effect(struct bed *bed, uint64_t run, unsigned kind,
                   uint64_t before)
{
    feed(bed, (struct engine_record){
                  .kind = (uint16_t)kind, .run = run, .op = 1, .a = before});
}

static void op_succeeded(struct bed *bed, uint64_t run)
{
    feed(bed, (struct engine_record){.kind = ENGINE_REC_EVENT,
                                     .run = run,
                                     .op = 1,
                                     .detail = ENGINE_EV_OP_SUCCEEDED});
}

Test(reports_collect, a_step_that_succeeds_without_its_effect_has_lost_it)
{
    struct bed bed = bed_new(4, 0);
    for (uint64_t run = 1; run <= 4; run++)
        start(&bed, run);
    effect(&bed, 1, ENGINE_REC_EFFECT_APPLIED, 0);
    effect(&bed, 1, ENGINE_REC_EFFECT_REPEAT, 1);
    op_succeeded(&bed, 1);
    effect(&bed, 2, ENGINE_REC_EFFECT_APPLIED, 0);
    effect(&bed, 2, ENGINE_REC_EFFECT_APPLIED, 1);
    op_succeeded(&bed, 2);
    op_succeeded(&bed, 3);                         /* lost */
    effect(&bed, 4, ENGINE_REC_EFFECT_APPLIED, 0); /* not lost, not done */
    const struct report_step *step =
        &report_collect_finish(bed.collect)->steps[1];
    cr_assert_str_eq(step->name, "charge card");
    cr_assert_eq(step->applied, 4);
    cr_assert_eq(step->repeats, 1);
    cr_assert_eq(step->duplicates, 1);
    cr_assert_eq(step->lost, 1);
    bed_free(&bed);
}

static void work(struct bed *bed, unsigned kind, uint32_t attempt)
{
    feed(bed,
         (struct engine_record){
             .kind = (uint16_t)kind, .run = 1, .op = 0, .attempt = attempt});
}

Test(reports_collect, an_attempt_is_split_into_waiting_and_code)
{
    struct bed bed = bed_new(1, 0);
    start(&bed, 1);
    work(&bed, ENGINE_REC_WORK_PUT, 1);
    bed.now += 10 * MS;
    work(&bed, ENGINE_REC_WORK_CLAIMED, 1);
    work(&bed, ENGINE_REC_ATTEMPT_BEGIN, 1);
    work(&bed, ENGINE_REC_WORK_CLAIMED, 1); /* a heartbeat */
    bed.now += 20 * MS;
    work(&bed, ENGINE_REC_ATTEMPT_END, 1);
    work(&bed, ENGINE_REC_WORK_DONE, 1);
    work(&bed, ENGINE_REC_WORK_PUT, 2);
    work(&bed, ENGINE_REC_WORK_CUT, 2);
    const struct report_step *step =
        &report_collect_finish(bed.collect)->steps[0];
    cr_assert_eq(step->dispatch.max, 11 * MS);
    cr_assert_eq(step->code.max, 22 * MS);
    cr_assert_eq(step->total.max, 35 * MS);
    cr_assert_eq(step->dispatch.count, 1);
    cr_assert_eq(step->attempts, 2);
    cr_assert_eq(step->retries, 1);
    cr_assert_eq(step->cut, 1);
    bed_free(&bed);
}

Test(reports_collect, the_backlog_drains_when_no_more_runs_fly_than_before)
{
    struct bed bed = bed_new(9, 0);
    start(&bed, 1);
    feed(&bed, fault(ENGINE_ACT_LOSE, 3, 1));
    start(&bed, 2);
    start(&bed, 3);
    feed(&bed, fault(ENGINE_ACT_LOSE, 3, 1));
    state(&bed, 1, ENGINE_RUN_SUCCEEDED);
    state(&bed, 2, ENGINE_RUN_SUCCEEDED);
    state(&bed, 3, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(report_collect_finish(bed.collect)->drain_ns, 2 * MS);
    bed_free(&bed);
}

Test(reports_collect, a_cut_link_lasts_as_long_as_it_was_told_to)
{
    struct bed bed = bed_new(9, 0);
    struct engine_record cut = fault(ENGINE_ACT_CUT, 3, 1);
    cut.a = 5 * MS;
    start(&bed, 1);
    feed(&bed, cut);
    uint64_t from_ns = bed.now;
    start(&bed, 2);
    state(&bed, 1, ENGINE_RUN_SUCCEEDED); /* drained, but the cut lasts */
    bed.now += 10 * MS;
    state(&bed, 2, ENGINE_RUN_SUCCEEDED);
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->band_count, 1);
    cr_assert_eq(stats->bands[0].to_ns, from_ns + 5 * MS);
    cr_assert_eq(stats->last_fault_ns, from_ns + 5 * MS);
    cr_assert_eq(stats->drain_ns, bed.now - from_ns - 5 * MS);
    bed_free(&bed);
}

static void lease(struct bed *bed, unsigned kind, uint64_t token)
{
    feed(bed, (struct engine_record){
                  .kind = (uint16_t)kind, .run = 1, .token = token});
}

Test(reports_collect, a_lease_that_was_given_back_is_not_taken_over)
{
    struct bed bed = bed_new(9, 0);
    lease(&bed, ENGINE_REC_LEASE_GRANTED, 1);
    lease(&bed, ENGINE_REC_LEASE_RELEASED, 1);
    lease(&bed, ENGINE_REC_LEASE_GRANTED, 2);
    lease(&bed, ENGINE_REC_LEASE_GRANTED, 3);
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->store.takeovers, 1);
    bed_free(&bed);
}

Test(reports_collect, a_renewal_of_many_leases_is_one_commit)
{
    struct bed bed = bed_new(9, 0);
    struct engine_record records[3] = {
        {.kind = ENGINE_REC_LEASE_RENEWED, .run = 1, .peer = 1, .time_ns = MS},
        {.kind = ENGINE_REC_LEASE_RENEWED, .run = 2, .peer = 1, .time_ns = MS},
        {.kind = ENGINE_REC_LEASE_RENEWED, .run = 3, .peer = 2, .time_ns = MS}};
    report_collect_feed(bed.collect, records, 3);
    cr_assert_eq(report_collect_finish(bed.collect)->commits, 2);
    bed_free(&bed);
}

Test(reports_collect, full_room_keeps_the_run_that_is_followed)
{
    struct synthetic_options options = {.runs = 60, .crash_every = 11};
    struct synthetic *synthetic = synthetic_new(&options);
    synthetic->world.retained_max = 800;
    synthetic->world.follow = 59;
    struct report_collect *collect = report_collect_new(&synthetic->world);
    report_collect_feed(collect, synthetic->records, synthetic->count);
    size_t kept;
    uint64_t left_out;
    const struct report_retained *retained =
        report_collect_retained(collect, &kept, &left_out);
    cr_assert_leq(kept, 800);
    size_t seen = 0;
    size_t all = 0;
    for (size_t i = 0; i < kept; i++) {
        const struct engine_record *record = &retained[i].record;
        cr_assert_eq(memcmp(record, &synthetic->records[retained[i].index],
                            sizeof(*record)),
                     0);
        seen += record->run == 59;
    }
    for (size_t i = 0; i < synthetic->count; i++)
        all += synthetic->records[i].run == 59;
    cr_assert_eq(seen, all);
    report_collect_free(collect);
    synthetic_free(synthetic);
}

Test(reports_collect, how_the_stream_is_cut_into_blocks_changes_nothing)
{
    struct synthetic_options options = {
        .runs = 200, .crash_every = 13, .outage = 1};
    struct synthetic *synthetic = synthetic_new(&options);
    struct report_collect *whole = report_collect_new(&synthetic->world);
    struct report_collect *parts = report_collect_new(&synthetic->world);
    report_collect_feed(whole, synthetic->records, synthetic->count);
    for (size_t at = 0; at < synthetic->count;) {
        size_t size = 1 + at % 97;
        if (size > synthetic->count - at)
            size = synthetic->count - at;
        report_collect_feed(parts, synthetic->records + at, size);
        at += size;
    }
    const struct report_stats *a = report_collect_finish(whole);
    const struct report_stats *b = report_collect_finish(parts);
    cr_assert_eq(a->runs.succeeded, 200);
    cr_assert_eq(a->commits, b->commits);
    cr_assert_eq(a->latency.sum_lo, b->latency.sum_lo);
    cr_assert_arr_eq(a->buckets, b->buckets, sizeof(a->buckets));
    report_collect_free(whole);
    report_collect_free(parts);
    synthetic_free(synthetic);
}

Test(reports_collect, no_records_at_all_are_no_runs)
{
    struct bed bed = bed_new(5, 0);
    const struct report_stats *stats = report_collect_finish(bed.collect);
    cr_assert_eq(stats->events, 0);
    cr_assert_eq(stats->runs.started, 0);
    cr_assert_eq(stats->bucket_count, 0);
    bed_free(&bed);
}
