#include "engine/coordinator.h"

#include <criterion/criterion.h>

#include "engine/random.h"
#include "tests/support/engine_bed.h"

enum {
    A = BED_MACHINE, /* coordinators */
    B = BED_MACHINE + 1,
    RUN = 5
};

/* Why a run is owned no more: detail of DISOWNED. */
enum {
    DONE = 1,
    SUSPENDED,
    FENCED,
    EXPIRED
};

static struct engine_bed bed;
static char text[4096];

/* A fresh bed with one coordinator that has looked for due runs once. */
static void open_with(const struct engine_node *nodes, uint32_t count,
                      const struct engine_store_limits *limits)
{
    engine_bed_open(&bed, engine_bed_chain(nodes, count), limits);
    engine_bed_coordinator(&bed, A);
    engine_bed_wake(&bed, A);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE), ENGINE_COMMITTED);
}

static void open_steps(void)
{
    const struct engine_node nodes[] = {engine_bed_step("s0"),
                                        engine_bed_step("s1")};
    open_with(nodes, 2, NULL);
}

static void open_wait(uint64_t ns)
{
    const struct engine_node node = engine_bed_wait("w", ns);
    open_with(&node, 1, NULL);
}

static void done(void)
{
    struct engine_graph *graph = (struct engine_graph *)bed.graphs[0];
    engine_bed_close(&bed);
    engine_graph_free(graph);
}

static const struct engine_message *said(uint32_t kind)
{
    const struct engine_bed_post *post = engine_bed_message_post(&bed, kind);
    return post ? engine_bed_head(post) : NULL;
}

static uint32_t owned_by(uint32_t node)
{
    return engine_coordinator_owned(
        engine_bed_machine(&bed, node)->coordinator);
}

static const char *story(void)
{
    return engine_bed_story(&bed, RUN, text, sizeof(text));
}

/* RUN is created and confirmed; its first step is dispatched or waits. */
static void started(void)
{
    engine_bed_start(&bed, A, RUN);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CREATE), ENGINE_COMMITTED);
    cr_assert(said(ENGINE_MSG_STARTED));
}

/* A worker does the attempt and says so. */
static void perform(uint32_t op, uint32_t attempt)
{
    engine_bed_claim(&bed, RUN, op, attempt, 30 * BED_S);
    cr_assert_eq(engine_bed_finish(&bed, RUN, op, attempt, 0, 0),
                 ENGINE_COMMITTED);
    engine_bed_hint(&bed, A, RUN, op, attempt, 0, 0);
}

/* Both steps have succeeded; the result has been sent once. */
static void finished(void)
{
    started();
    for (uint32_t op = 0; op < 2; op++) {
        perform(op, 1);
        cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND),
                     ENGINE_COMMITTED);
    }
    cr_assert_eq(said(ENGINE_MSG_RESULT)->a, ENGINE_RUN_SUCCEEDED);
}

/* Time passes, and the store answers within 100 ms. */
static void live(uint32_t node, uint64_t ns)
{
    for (uint64_t passed = 0; passed < ns; passed += 100 * BED_MS) {
        engine_bed_run_for(&bed, node, 100 * BED_MS);
        engine_bed_serve_all(&bed);
    }
}

/* Starting -------------------------------------------------------------------
 */

Test(engine_coordinator, nothing_is_promised_before_the_run_is_durable)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    engine_bed_serve(&bed, ENGINE_REQ_CREATE);
    cr_assert_eq(said(ENGINE_MSG_STARTED)->to, BED_CLIENT);
    const struct engine_message *dispatch = said(ENGINE_MSG_DISPATCH);
    cr_assert_eq(dispatch->to, BED_PLATFORM);
    cr_assert_eq(dispatch->op, 0);
    cr_assert_eq(dispatch->attempt, 1);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1");
    done();
}

Test(engine_coordinator, a_start_repeated_while_in_doubt_is_not_confirmed)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    engine_bed_lose_all(&bed); /* CREATE is lost */
    engine_bed_start(&bed, A, RUN);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    engine_bed_run_for(&bed, A, 2 * BED_S); /* unknown: it looks */
    engine_bed_start(&bed, A, RUN);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_FENCED);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    cr_assert_eq(owned_by(A), 0);
    engine_bed_start(&bed, A, RUN);
    engine_bed_serve(&bed, ENGINE_REQ_CREATE);
    cr_assert(said(ENGINE_MSG_STARTED));
    done();
}

Test(engine_coordinator, a_start_whose_reply_was_lost_is_confirmed_by_reading)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    engine_bed_apply(&bed, engine_bed_request(engine_bed_request_post(
                               &bed, ENGINE_REQ_CREATE)));
    engine_bed_run_for(&bed, A, 2 * BED_S);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert(said(ENGINE_MSG_STARTED));
    cr_assert(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator, a_start_repeated_when_durable_is_confirmed_at_once)
{
    open_steps();
    started();
    engine_bed_start(&bed, A, RUN);
    cr_assert(said(ENGINE_MSG_STARTED));
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_CREATE));
    done();
}

Test(engine_coordinator, a_run_of_another_is_confirmed_and_left_alone)
{
    open_steps();
    engine_bed_coordinator(&bed, B);
    engine_bed_start(&bed, B, RUN);
    engine_bed_serve(&bed, ENGINE_REQ_CREATE);
    engine_bed_lose_all(&bed);
    engine_bed_start(&bed, A, RUN);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CREATE), ENGINE_CONFLICT);
    cr_assert_eq(said(ENGINE_MSG_STARTED)->from, A);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator, what_cannot_be_taken_is_answered_busy)
{
    open_steps();
    bed.coordinator.runs_max = 1;
    engine_bed_coordinator(&bed, A);
    started();
    engine_bed_start(&bed, A, RUN + 1);
    cr_assert_eq(said(ENGINE_MSG_BUSY)->run, RUN + 1);
    engine_bed_start(&bed, A, 0);
    cr_assert(said(ENGINE_MSG_BUSY));
    struct engine_message strange = {
        .kind = ENGINE_MSG_START, .from = BED_CLIENT, .run = 9, .a = 1};
    engine_bed_coordinator(&bed, B);
    engine_bed_message(&bed, B, &strange, NULL, 0); /* no such workflow */
    cr_assert(said(ENGINE_MSG_BUSY));
    cr_assert_eq(owned_by(B), 0);
    done();
}

/* Eight runs are due, each success asks for more. */
Test(engine_coordinator, runs_taken_over_stay_within_the_maximum)
{
    open_steps();
    bed.coordinator.runs_max = 3;
    for (uint64_t run = 1; run <= 8; run++) {
        engine_bed_start(&bed, A, run);
        engine_bed_serve(&bed, ENGINE_REQ_CREATE);
    }
    engine_bed_lose_all(&bed);
    engine_bed_kill(&bed, A);
    engine_bed_pass(&bed, 31 * BED_S);
    engine_bed_coordinator(&bed, B);
    engine_bed_wake(&bed, B);
    while (engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE))
        cr_assert_leq(owned_by(B), 3);
    cr_assert_eq(owned_by(B), 3);
    done();
}

/* Outcomes -------------------------------------------------------------------
 */

Test(engine_coordinator, after_a_time_out_it_reads_before_it_acts)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_apply(&bed, engine_bed_request(engine_bed_request_post(
                               &bed, ENGINE_REQ_APPEND)));
    cr_assert_null(said(ENGINE_MSG_DISPATCH)); /* s1 is not known durable */
    engine_bed_pass(&bed, 2 * BED_S);
    engine_bed_wake(&bed, A);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_APPEND));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->op, 1);
    done();
}

Test(engine_coordinator, a_write_lost_on_its_way_is_decided_again)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_lose_all(&bed);
    engine_bed_pass(&bed, 2 * BED_S);
    engine_bed_wake(&bed, A);
    engine_bed_serve(&bed, ENGINE_REQ_LOAD);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_succeeded:0.1 "
                              "op_succeeded:0.1 op_scheduled:1.1");
    done();
}

Test(engine_coordinator, a_conflict_makes_it_read_again)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_refuse(&bed, ENGINE_REQ_APPEND, ENGINE_CONFLICT, 0, 0);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->op, 1);
    done();
}

Test(engine_coordinator, fenced_it_lets_the_run_go_and_says_nothing)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_refuse(&bed, ENGINE_REQ_APPEND, ENGINE_FENCED, 0, 0);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_eq(bed.disowned_detail, FENCED);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    done();
}

Test(engine_coordinator, a_failure_is_looked_at_but_not_at_once)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_refuse(&bed, ENGINE_REQ_APPEND, ENGINE_FAILED, 0, 0);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    engine_bed_run_for(&bed, A, BED_S - 1);
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_LOAD));
    engine_bed_run_for(&bed, A, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    done();
}

Test(engine_coordinator, refused_as_too_early_it_waits_as_long_as_it_was_told)
{
    open_wait(10 * BED_S);
    started();
    engine_bed_run_for(&bed, A, 10 * BED_S);
    cr_assert_eq(engine_bed_refuse(&bed, ENGINE_REQ_APPEND, ENGINE_REFUSED,
                                   1000, 1000 + 300 * BED_MS),
                 ENGINE_REFUSED);
    engine_bed_run_for(&bed, A, 300 * BED_MS - 1);
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_LOAD));
    engine_bed_run_for(&bed, A, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    cr_assert_eq(said(ENGINE_MSG_RESULT)->a, ENGINE_RUN_SUCCEEDED);
    done();
}

Test(engine_coordinator, replies_to_nothing_in_flight_change_nothing)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    struct engine_bed_post *create =
        engine_bed_request_post(&bed, ENGINE_REQ_CREATE);
    struct engine_reply reply = {
        .size = sizeof(reply),
        .kind = ENGINE_REQ_CREATE,
        .outcome = ENGINE_COMMITTED,
        .id = engine_bed_request(create)->id,
        .run = RUN + 1,
        .seq = 3,
        .store_time_ns = bed.now_ns,
    };
    engine_bed_reply(&bed, A, &reply); /* of another run */
    reply.run = RUN;
    reply.id++;
    engine_bed_reply(&bed, A, &reply); /* of another request */
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    reply.id--;
    engine_bed_reply(&bed, A, &reply);
    cr_assert_eq(engine_bed_waiting(&bed), 2); /* STARTED and DISPATCH */
    engine_bed_reply(&bed, A, &reply);         /* twice */
    cr_assert_eq(engine_bed_waiting(&bed), 2);
    done();
}

/* The former process had asked for the same run in its first requests, too. */
Test(engine_coordinator, a_reply_to_the_process_before_is_not_taken_as_its_own)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    engine_bed_apply(&bed, engine_bed_request(engine_bed_request_post(
                               &bed, ENGINE_REQ_CREATE)));
    engine_bed_coordinator(&bed, A);
    engine_bed_wake(&bed, A);
    engine_bed_start(&bed, A, RUN);
    cr_assert(engine_bed_request_post(&bed, ENGINE_REQ_CREATE));
    engine_bed_reply(&bed, A, (const void *)bed.reply.bytes);
    cr_assert_null(said(ENGINE_MSG_STARTED));
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    done();
}

/* Leases ---------------------------------------------------------------------
 */

/* The longest time between two renewals of RUN over five minutes. */
Test(engine_coordinator, a_lease_is_renewed_within_a_third_of_its_time)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    uint64_t end = bed.now_ns + 300 * BED_S;
    uint64_t last = bed.now_ns;
    unsigned renewals = 0;
    while (bed.now_ns < end) {
        engine_bed_run_for(&bed, A, 100 * BED_MS);
        engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE);
        engine_bed_serve(&bed, ENGINE_REQ_MAIL);
        if (engine_bed_serve(&bed, ENGINE_REQ_RENEW)) {
            cr_assert_leq(bed.now_ns - last, 10 * BED_S + 200 * BED_MS);
            last = bed.now_ns;
            renewals++;
        }
    }
    cr_assert_geq(renewals, 29);
    cr_assert_eq(owned_by(A), 1);
    done();
}

Test(engine_coordinator, without_renewal_it_stops_before_the_lease_ends)
{
    open_steps();
    started();
    engine_bed_run_for(&bed, A, 29 * BED_S - 1);
    cr_assert_eq(owned_by(A), 1);
    engine_bed_run_for(&bed, A, 1);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_eq(bed.disowned_detail, EXPIRED);
    done();
}

Test(engine_coordinator, a_process_that_stood_still_does_not_act_when_it_wakes)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S);
    engine_bed_finish(&bed, RUN, 0, 1, 0, 0);
    engine_bed_pass(&bed, 29 * BED_S);
    engine_bed_hint(&bed, A, RUN, 0, 1, 0, 0);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_APPEND));
    done();
}

Test(engine_coordinator, a_renewal_counts_from_when_it_was_asked_for)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    engine_bed_run_for(&bed, A, 10 * BED_S); /* asks at 5 s and at 10 s */
    cr_assert(engine_bed_request_post(&bed, ENGINE_REQ_RENEW));
    struct engine_bed_post *last =
        engine_bed_request_post(&bed, ENGINE_REQ_RENEW);
    cr_assert(last);
    engine_bed_run_for(&bed, A, 4 * BED_S);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(last)),
                 ENGINE_COMMITTED);
    engine_bed_reply(&bed, A, (const void *)bed.reply.bytes);
    engine_bed_run_for(&bed, A, 25 * BED_S - 1); /* until 39 s */
    cr_assert_eq(owned_by(A), 1);
    engine_bed_run_for(&bed, A, 1);
    cr_assert_eq(owned_by(A), 0);
    done();
}

/* It has created the run before, heard nothing of it, and now asks again. */
Test(engine_coordinator, a_lease_found_on_looking_counts_from_its_first_try)
{
    open_steps();
    engine_bed_start(&bed, A, RUN);
    struct engine_bed_post *create =
        engine_bed_request_post(&bed, ENGINE_REQ_CREATE);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(create)),
                 ENGINE_COMMITTED);
    engine_bed_run_for(&bed, A, 29 * BED_S);
    engine_bed_lose_all(&bed);
    cr_assert_eq(owned_by(A), 0);
    engine_bed_start(&bed, A, RUN);
    cr_assert(engine_bed_request_post(&bed, ENGINE_REQ_CREATE));
    engine_bed_lose_all(&bed);
    engine_bed_run_for(&bed, A, 2 * BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_LOAD), ENGINE_COMMITTED);
    cr_assert_eq(said(ENGINE_MSG_STARTED)->run, RUN);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator, a_renewal_that_says_lost_drops_the_run)
{
    open_steps();
    started();
    engine_bed_pass(&bed, 31 * BED_S); /* by the store's clock it is over */
    engine_bed_coordinator(&bed, B);
    engine_bed_wake(&bed, B);
    engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE);
    cr_assert_eq(owned_by(B), 1);
    engine_bed_machine(&bed, A)->mono_ns -= 26 * BED_S; /* A's stood still */
    engine_bed_wake(&bed, A);
    cr_assert_eq(owned_by(A), 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_RENEW), ENGINE_COMMITTED);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_eq(bed.disowned_detail, FENCED);
    done();
}

Test(engine_coordinator, a_lease_granted_too_long_ago_is_not_acted_upon)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    engine_bed_kill(&bed, A);
    engine_bed_pass(&bed, 31 * BED_S);
    bed.coordinator.scan_ns = 100 * BED_S;
    engine_bed_coordinator(&bed, B);
    engine_bed_wake(&bed, B);
    struct engine_bed_post *acquire =
        engine_bed_request_post(&bed, ENGINE_REQ_ACQUIRE);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(acquire)),
                 ENGINE_COMMITTED);
    engine_bed_pass(&bed, 29 * BED_S);
    engine_bed_reply(&bed, B, (const void *)bed.reply.bytes);
    cr_assert_eq(owned_by(B), 0);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator, the_run_of_a_dead_owner_is_taken_up_with_its_state)
{
    open_steps();
    started();
    perform(0, 1);
    engine_bed_serve(&bed, ENGINE_REQ_APPEND);
    engine_bed_lose_all(&bed);
    engine_bed_kill(&bed, A);
    engine_bed_coordinator(&bed, B);
    live(B, 29 * BED_S);
    cr_assert_eq(owned_by(B), 0);
    live(B, 6 * BED_S);
    cr_assert_eq(owned_by(B), 1);
    const struct engine_message *dispatch = said(ENGINE_MSG_DISPATCH);
    cr_assert_eq(dispatch->op, 1);
    cr_assert_eq(dispatch->attempt, 1);
    cr_assert_eq(dispatch->token, 2);
    done();
}

/* Time -----------------------------------------------------------------------
 */

/* The failure is in the log, its next attempt is not: the owner dies. */
Test(engine_coordinator, a_retry_outlives_the_owner_that_promised_it)
{
    open_steps();
    started();
    engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S);
    cr_assert_eq(engine_bed_finish(&bed, RUN, 0, 1, ENGINE_ERR_NETWORK, true),
                 ENGINE_COMMITTED);
    engine_bed_hint(&bed, A, RUN, 0, 1, ENGINE_ERR_NETWORK, true);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_failed:0.1 "
                              "retry_scheduled:0.1");
    engine_bed_lose_all(&bed);
    engine_bed_kill(&bed, A);
    engine_bed_coordinator(&bed, B);
    live(B, 40 * BED_S);
    cr_assert_eq(owned_by(B), 1);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_failed:0.1 "
                              "retry_scheduled:0.1 lease_acquired "
                              "op_scheduled:0.2");
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->attempt, 2);
    done();
}

Test(engine_coordinator, a_wait_fires_when_the_store_says_it_is_time)
{
    open_wait(10 * BED_S);
    started();
    engine_bed_run_for(&bed, A, 10 * BED_S - 1);
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_APPEND));
    engine_bed_run_for(&bed, A, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    cr_assert_str_eq(story(), "run_created wait_started:0.0 wait_fired:0.0 "
                              "op_succeeded:0.0 run_succeeded");
    done();
}

/* A fast clock: the store refuses, the wait is not fired early. */
Test(engine_coordinator, a_clock_that_runs_ahead_fires_nothing_early)
{
    open_wait(10 * BED_S);
    started();
    engine_bed_machine(&bed, A)->mono_ns += 3 * BED_S;
    engine_bed_run_for(&bed, A, 7 * BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_REFUSED);
    cr_assert_str_eq(story(), "run_created wait_started:0.0");
    live(A, 4 * BED_S);
    cr_assert_eq(said(ENGINE_MSG_RESULT)->a, ENGINE_RUN_SUCCEEDED);
    done();
}

Test(engine_coordinator, a_long_wait_gives_the_lease_back_until_it_is_due)
{
    open_wait(1000 * BED_S);
    started();
    live(A, 5 * BED_S);
    struct engine_run_row row;
    cr_assert(engine_bed_row(&bed, RUN, &row));
    cr_assert_eq(row.state, ENGINE_RUN_SUSPENDED);
    cr_assert_eq(row.holder, 0);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_eq(bed.disowned_detail, SUSPENDED);
    engine_bed_kill(&bed, A); /* whoever is there takes it up */
    engine_bed_coordinator(&bed, B);
    uint64_t due = row.wake_ns;
    while (bed.now_ns < due + 6 * BED_S) {
        cr_assert(bed.now_ns >= due || owned_by(B) == 0);
        live(B, BED_S);
    }
    cr_assert_str_eq(story(), "run_created wait_started:0.0 run_suspended "
                              "lease_acquired wait_fired:0.0 "
                              "op_succeeded:0.0 run_succeeded");
    done();
}

/* Damage ---------------------------------------------------------------------
 */

/* A run whose log holds this one event, leased to nobody who lives. */
static void plant(uint16_t kind, uint32_t op, uint32_t attempt)
{
    struct engine_item event = {
        .type = ENGINE_ITEM_EVENT, .kind = kind, .op = op, .attempt = attempt};
    engine_bed_ask(&bed, ENGINE_REQ_CREATE, RUN);
    engine_bed_add(&bed, &event, NULL, 0);
    cr_assert_eq(engine_bed_apply_own(&bed), ENGINE_COMMITTED);
    engine_bed_pass(&bed, 31 * BED_S);
}

/* Requests served until nothing more is asked for; at most 50. */
static unsigned settle(uint32_t node)
{
    unsigned served = 0;
    engine_bed_wake(&bed, node);
    for (bool some = true; some && served < 50;) {
        some = false;
        for (uint32_t kind = 1; kind < ENGINE_REQ_COUNT; kind++) {
            if (!engine_bed_serve(&bed, kind))
                continue;
            some = true;
            served++;
        }
    }
    return served;
}

Test(engine_coordinator, a_log_that_does_not_begin_blocks_its_run)
{
    open_steps();
    plant(ENGINE_EV_OP_SCHEDULED, 0, 1);
    cr_assert_lt(settle(A), 20, "it asks for ever");
    struct engine_run_row row;
    cr_assert(engine_bed_row(&bed, RUN, &row));
    cr_assert_eq(row.state, ENGINE_RUN_BLOCKED);
    cr_assert_eq(owned_by(A), 0);
    cr_assert_geq(bed.records[ENGINE_REC_ENGINE_ERROR], 1);
    done();
}

Test(engine_coordinator, a_log_whose_work_is_missing_blocks_its_run)
{
    open_steps();
    struct engine_item created = {.type = ENGINE_ITEM_EVENT,
                                  .kind = ENGINE_EV_RUN_CREATED,
                                  .op = UINT32_MAX};
    struct engine_item scheduled = {.type = ENGINE_ITEM_EVENT,
                                    .kind = ENGINE_EV_OP_SCHEDULED,
                                    .attempt = 1};
    engine_bed_ask(&bed, ENGINE_REQ_CREATE, RUN);
    engine_bed_add(&bed, &created, NULL, 0);
    engine_bed_add(&bed, &scheduled, NULL, 0);
    cr_assert_eq(engine_bed_apply_own(&bed), ENGINE_COMMITTED);
    engine_bed_pass(&bed, 31 * BED_S);
    cr_assert_lt(settle(A), 20);
    struct engine_run_row row;
    cr_assert(engine_bed_row(&bed, RUN, &row));
    cr_assert_eq(row.state, ENGINE_RUN_BLOCKED);
    done();
}

/* The row says that the run has succeeded, its log does not. */
Test(engine_coordinator, a_row_that_contradicts_its_log_is_not_asked_for_ever)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    struct engine_request *request =
        engine_bed_ask(&bed, ENGINE_REQ_APPEND, RUN);
    request->sender = (uint64_t)A << 32 | 1;
    request->token = 1;
    request->seq = 3;
    request->state = ENGINE_RUN_SUCCEEDED;
    cr_assert_eq(engine_bed_apply_own(&bed), ENGINE_COMMITTED);
    engine_bed_pass(&bed, 2 * BED_S);
    engine_bed_hint(&bed, A, RUN, 0, 1, 0, 0);
    cr_assert_lt(settle(A), 20, "it asks for ever");
    cr_assert_eq(owned_by(A), 0);
    done();
}

/* Dispatch and mail ----------------------------------------------------------
 */

Test(engine_coordinator, a_dispatch_is_sent_again_until_it_is_accepted)
{
    open_steps();
    started();
    cr_assert(said(ENGINE_MSG_DISPATCH));
    engine_bed_run_for(&bed, A, BED_S);
    cr_assert(said(ENGINE_MSG_DISPATCH));
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    engine_bed_run_for(&bed, A, 4 * BED_S);
    cr_assert_null(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator, an_accepted_dispatch_that_got_lost_is_sent_again)
{
    open_steps();
    started();
    cr_assert(said(ENGINE_MSG_DISPATCH));
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    engine_bed_run_for(&bed, A, BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_MAIL), ENGINE_COMMITTED);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->op, 0); /* nobody had claimed it */
    done();
}

Test(engine_coordinator, what_waits_in_a_queue_is_looked_at_but_not_sent_again)
{
    uint32_t looks = 0;
    open_steps();
    bed.coordinator.lease_ttl_ns = 100000 * BED_S;
    bed.coordinator.dispatch_timeout_ns = 600 * BED_S;
    engine_bed_coordinator(&bed, A);
    started();
    cr_assert(said(ENGINE_MSG_DISPATCH));
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    for (uint32_t s = 0; s < 590; s += 5) {
        engine_bed_run_for(&bed, A, 5 * BED_S);
        engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE);
        looks += engine_bed_serve(&bed, ENGINE_REQ_MAIL) == ENGINE_COMMITTED;
        cr_assert_null(said(ENGINE_MSG_DISPATCH), "after %u s", s);
    }
    cr_expect_geq(looks, 16, "a claim that ran out would not be found");
    done();
}

Test(engine_coordinator, throttled_it_backs_off_up_to_ten_seconds)
{
    open_steps();
    bed.coordinator.lease_ttl_ns = 100000 * BED_S;
    engine_bed_coordinator(&bed, A);
    started();
    uint64_t longest = 0;
    uint64_t first = 0;
    for (int i = 0; i < 40; i++) {
        cr_assert(said(ENGINE_MSG_DISPATCH));
        engine_bed_tell(&bed, A, ENGINE_MSG_THROTTLED, RUN, 0, 1);
        uint64_t before = bed.now_ns;
        while (engine_bed_waiting(&bed) == 0 ||
               !bed.posts[bed.post_count - 1] ||
               bed.posts[bed.post_count - 1]->kind != ENGINE_DO_SEND ||
               bed.posts[bed.post_count - 1]->taken) {
            engine_bed_run_for(&bed, A, 10 * BED_MS);
            cr_assert_lt(bed.now_ns - before, 11 * BED_S);
        }
        uint64_t waited = bed.now_ns - before;
        first = first ? first : waited;
        longest = waited > longest ? waited : longest;
    }
    cr_assert_leq(first, 110 * BED_MS);
    cr_assert_gt(longest, 5 * BED_S);
    done();
}

Test(engine_coordinator, what_a_platform_says_about_other_attempts_is_ignored)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    static const struct {
        uint64_t run;
        uint32_t op, attempt;
    } wrong[] = {{RUN + 1, 0, 1}, {RUN, 0, 2}, {RUN, 1, 1}, {RUN, 77, 1}};
    for (unsigned i = 0; i < 4; i++) {
        engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, wrong[i].run, wrong[i].op,
                        wrong[i].attempt);
        engine_bed_tell(&bed, A, ENGINE_MSG_THROTTLED, wrong[i].run,
                        wrong[i].op, wrong[i].attempt);
        engine_bed_hint(&bed, A, wrong[i].run, wrong[i].op, wrong[i].attempt, 0,
                        0);
    }
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    engine_bed_run_for(&bed, A, BED_S); /* neither accepted nor throttled */
    cr_assert(said(ENGINE_MSG_DISPATCH));
    done();
}

Test(engine_coordinator,
     a_hint_about_another_operation_than_it_names_is_ignored)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    struct engine_item work = {.type = ENGINE_ITEM_WORK,
                               .kind = ENGINE_WORK_DONE,
                               .op = 4000000,
                               .attempt = 1};
    struct engine_message message = {
        .kind = ENGINE_MSG_HINT, .run = RUN, .attempt = 1};
    engine_bed_message(&bed, A, &message, &work, sizeof(work));
    engine_bed_message(&bed, A, &message, NULL, 0);
    work.op = 0;
    work.size = 1000; /* more than was sent */
    engine_bed_message(&bed, A, &message, &work, sizeof(work));
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    done();
}

Test(engine_coordinator, a_hint_heard_twice_counts_once)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    perform(0, 1);
    engine_bed_hint(&bed, A, RUN, 0, 1, 0, 0);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    engine_bed_hint(&bed, A, RUN, 0, 1, 0, 0);
    engine_bed_serve_all(&bed);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_succeeded:0.1 "
                              "op_succeeded:0.1 op_scheduled:1.1");
    done();
}

Test(engine_coordinator, a_lost_hint_is_found_by_looking)
{
    open_steps();
    started();
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    engine_bed_lose_all(&bed);
    engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S);
    engine_bed_finish(&bed, RUN, 0, 1, 0, 0);
    engine_bed_run_for(&bed, A, BED_S);
    engine_bed_serve_all(&bed);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->op, 1);
    done();
}

/* The report came between the look and its answer. */
Test(engine_coordinator, a_hint_heard_while_it_looks_is_not_forgotten)
{
    open_steps();
    started();
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S);
    engine_bed_lose_all(&bed);
    engine_bed_run_for(&bed, A, BED_S);
    engine_bed_apply(&bed, engine_bed_request(
                               engine_bed_request_post(&bed, ENGINE_REQ_MAIL)));
    struct engine_block old = bed.reply;
    engine_block_init(&bed.reply);
    perform(0, 1);
    engine_bed_reply(&bed, A, (const void *)old.bytes);
    engine_bed_serve_all(&bed);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->op, 1);
    engine_block_free(&old);
    done();
}

Test(engine_coordinator, an_attempt_whose_worker_vanished_is_cut_and_retried)
{
    open_steps();
    started();
    engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, 0, 1);
    engine_bed_lose_all(&bed);
    engine_bed_claim(&bed, RUN, 0, 1, 8 * BED_S);
    live(A, 12 * BED_S);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_interrupted:0.1 "
                              "retry_scheduled:0.1 op_scheduled:0.2");
    done();
}

/* Results --------------------------------------------------------------------
 */

Test(engine_coordinator, a_result_is_sent_until_it_is_acknowledged)
{
    open_steps();
    finished();
    for (int i = 0; i < 3; i++) {
        live(A, 32 * BED_S);
        cr_assert_eq(said(ENGINE_MSG_RESULT)->run, RUN);
        engine_bed_lose_all(&bed);
    }
    engine_bed_tell(&bed, A, ENGINE_MSG_RESULT_ACK, RUN, 0, 0);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_ACK), ENGINE_COMMITTED);
    cr_assert_eq(owned_by(A), 0);
    struct engine_run_row row;
    engine_bed_row(&bed, RUN, &row);
    cr_assert_eq(row.wake_ns, UINT64_MAX);
    done();
}

Test(engine_coordinator, a_client_that_never_answers_is_asked_ever_less_often)
{
    open_steps();
    finished();
    unsigned late = 0;
    for (unsigned s = 0; s < 9600; s++) {
        engine_bed_run_for(&bed, A, BED_S);
        engine_bed_serve_all(&bed);
        while (said(ENGINE_MSG_RESULT))
            late += s >= 7600;
        while (bed.post_count > 0)
            engine_bed_discard(&bed, 0);
    }
    cr_assert_geq(late, 62); /* every 32 s */
    cr_assert_leq(late, 63);
    done();
}

Test(engine_coordinator,
     an_acknowledgement_before_the_end_is_no_acknowledgement)
{
    open_steps();
    started();
    engine_bed_lose_all(&bed);
    engine_bed_tell(&bed, A, ENGINE_MSG_RESULT_ACK, RUN, 0, 0);
    engine_bed_tell(&bed, A, ENGINE_MSG_RESULT_ACK, RUN + 1, 0, 0);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    for (uint32_t op = 0; op < 2; op++) {
        perform(op, 1);
        engine_bed_serve(&bed, ENGINE_REQ_APPEND);
    }
    cr_assert(said(ENGINE_MSG_RESULT));
    cr_assert_null(engine_bed_request_post(&bed, ENGINE_REQ_ACK));
    done();
}

Test(engine_coordinator, a_result_not_acknowledged_outlives_its_owner)
{
    open_steps();
    finished();
    engine_bed_kill(&bed, A);
    engine_bed_pass(&bed, 31 * BED_S);
    engine_bed_coordinator(&bed, B);
    engine_bed_wake(&bed, B);
    engine_bed_serve_all(&bed);
    cr_assert_eq(said(ENGINE_MSG_RESULT)->from, B);
    engine_bed_tell(&bed, B, ENGINE_MSG_RESULT_ACK, RUN, 0, 0);
    engine_bed_lose_all(&bed); /* the acknowledgement is in doubt */
    engine_bed_run_for(&bed, B, 2 * BED_S);
    engine_bed_serve_all(&bed);
    cr_assert_eq(owned_by(B), 0);
    cr_assert_str_eq(strrchr(story(), ' '), " run_succeeded");
    done();
}

Test(engine_coordinator, a_full_history_fails_the_run_when_its_work_is_done)
{
    struct engine_store_limits limits = engine_bed_limits();
    limits.history_ops_max = 5;
    const struct engine_node nodes[] = {engine_bed_step("s0"),
                                        engine_bed_step("s1")};
    open_with(nodes, 2, &limits);
    started();
    perform(0, 1); /* 2 events so far, 4 more are asked for */
    engine_bed_serve_all(&bed);
    cr_assert_eq(said(ENGINE_MSG_RESULT)->a, ENGINE_RUN_FAILED);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 run_failed");
    done();
}
