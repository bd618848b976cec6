#include "sim/platform/lambda_queue.h"

#include <criterion/criterion.h>

#include "engine/random.h"

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define START (5 * SECOND)

static struct sim_lambda_queue *made(uint32_t duplicate_ppb)
{
    struct sim_lambda_queue_config config = {
        .payload_max = 1048576,
        .retries = 2,
        .retry_ns = {MINUTE, 2 * MINUTE},
        .throttle_first_ns = SECOND,
        .throttle_max_ns = 5 * MINUTE,
        .age_max_ns = 360 * MINUTE,
        .duplicate_ppb = duplicate_ppb,
    };
    struct sim_lambda_queue *queue = sim_lambda_queue_new(&config, 7);
    cr_assert_not_null(queue);
    return queue;
}

static struct sim_lambda_queued pop(struct sim_lambda_queue *queue,
                                    uint64_t now_ns)
{
    struct sim_lambda_queued event;
    cr_assert_eq(sim_lambda_queue_next(queue), now_ns);
    cr_assert(sim_lambda_queue_pop(queue, now_ns, &event));
    return event;
}

Test(sim_lambda_queue, an_event_is_delivered_as_it_was_pushed)
{
    struct sim_lambda_queue *queue = made(0);
    cr_assert_eq(sim_lambda_queue_push(queue, START, 3, 99, 12345), 0);
    struct sim_lambda_queued event = pop(queue, START);
    cr_assert_eq(event.function, 3);
    cr_assert_eq(event.payload_bytes, 99);
    cr_assert_eq(event.tag, 12345);
    cr_assert_eq(event.attempt, 1);
    cr_assert_eq(event.pushed_ns, START);
    cr_assert_not(sim_lambda_queue_pop(queue, START, &event));
    sim_lambda_queue_done(queue, event.id);
    cr_assert_eq(sim_lambda_queue_count(queue), 0);
    cr_assert_eq(sim_lambda_queue_next(queue), SIM_LAMBDA_QUEUE_NEVER);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, a_payload_is_accepted_at_the_limit_and_refused_above)
{
    struct sim_lambda_queue *queue = made(0);
    cr_assert_eq(sim_lambda_queue_push(queue, START, 0, 1048576, 0), 0);
    cr_assert_eq(sim_lambda_queue_push(queue, START, 0, 1048577, 0),
                 SIM_LAMBDA_QUEUE_ETOOBIG);
    cr_assert_eq(sim_lambda_queue_count(queue), 1);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, errors_are_retried_after_1_and_2_minutes_then_given_up)
{
    struct sim_lambda_queue *queue = made(0);
    sim_lambda_queue_push(queue, START, 0, 0, 0);
    struct sim_lambda_queued event = pop(queue, START);
    uint64_t now_ns = START + 10 * SECOND;
    cr_assert_eq(sim_lambda_queue_failed(queue, event.id, now_ns),
                 SIM_LAMBDA_AGAIN);
    now_ns += MINUTE;
    event = pop(queue, now_ns);
    cr_assert_eq(event.attempt, 2);
    cr_assert_eq(sim_lambda_queue_failed(queue, event.id, now_ns),
                 SIM_LAMBDA_AGAIN);
    now_ns += 2 * MINUTE;
    event = pop(queue, now_ns);
    cr_assert_eq(event.attempt, 3);
    cr_assert_eq(sim_lambda_queue_failed(queue, event.id, now_ns),
                 SIM_LAMBDA_GIVEN_UP);
    cr_assert_eq(sim_lambda_queue_count(queue), 0);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, throttled_events_wait_1_s_doubling_to_5_minutes)
{
    static const uint64_t waits[] = {1,  2,   4,   8,   16,  32,
                                     64, 128, 256, 300, 300, 300};
    struct sim_lambda_queue *queue = made(0);
    uint64_t now_ns = START;
    sim_lambda_queue_push(queue, START, 0, 0, 0);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct sim_lambda_queued event = pop(queue, now_ns);
        cr_assert_eq(event.attempt, 1);
        cr_assert_eq(sim_lambda_queue_throttled(queue, event.id, now_ns),
                     SIM_LAMBDA_AGAIN);
        now_ns += waits[i] * SECOND;
    }
    cr_assert_eq(sim_lambda_queue_next(queue), now_ns);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, throttled_events_are_given_up_after_6_hours)
{
    struct sim_lambda_queue *queue = made(0);
    sim_lambda_queue_push(queue, START, 0, 0, 0);
    uint64_t now_ns;
    int fate;
    do {
        now_ns = sim_lambda_queue_next(queue);
        struct sim_lambda_queued event = pop(queue, now_ns);
        fate = sim_lambda_queue_throttled(queue, event.id, now_ns);
    } while (fate == SIM_LAMBDA_AGAIN);
    cr_assert_eq(fate, SIM_LAMBDA_GIVEN_UP_OLD);
    cr_assert_leq(now_ns - START, 360 * MINUTE);
    cr_assert_gt(now_ns - START, 355 * MINUTE);
    cr_assert_eq(sim_lambda_queue_count(queue), 0);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, an_error_starts_the_throttle_wait_anew)
{
    struct sim_lambda_queue *queue = made(0);
    sim_lambda_queue_push(queue, START, 0, 0, 0);
    uint32_t id = pop(queue, START).id;
    sim_lambda_queue_throttled(queue, id, START);
    id = pop(queue, START + SECOND).id;
    sim_lambda_queue_failed(queue, id, START + SECOND);
    uint64_t now_ns = START + SECOND + MINUTE;
    id = pop(queue, now_ns).id;
    sim_lambda_queue_throttled(queue, id, now_ns);
    cr_assert_eq(sim_lambda_queue_next(queue), now_ns + SECOND);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, a_duplicate_has_the_same_tag_and_says_so)
{
    struct sim_lambda_queue *queue = made(1000000000);
    sim_lambda_queue_push(queue, START, 0, 0, 42);
    struct sim_lambda_queued first = pop(queue, START);
    struct sim_lambda_queued second = pop(queue, START);
    cr_assert_eq(first.tag, 42);
    cr_assert_eq(second.tag, 42);
    cr_assert_not(first.duplicate);
    cr_assert(second.duplicate);
    cr_assert_neq(first.id, second.id);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, duplicates_are_as_frequent_as_configured)
{
    struct sim_lambda_queue *queue = made(10000000);
    struct sim_lambda_queued event;
    uint32_t duplicates = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        cr_assert_eq(sim_lambda_queue_push(queue, START + i, 0, 0, i), 0);
        while (sim_lambda_queue_pop(queue, START + i, &event)) {
            duplicates += event.duplicate;
            sim_lambda_queue_done(queue, event.id);
        }
    }
    cr_assert(duplicates > 850 && duplicates < 1150, "%u", duplicates);
    cr_assert_eq(sim_lambda_queue_count(queue), 0);
    sim_lambda_queue_free(queue);
}

/* Success in spite of errors of chance p: 1 - p^3 of all events. */
Test(sim_lambda_queue, two_retries_leave_the_cube_of_the_error_share)
{
    struct sim_lambda_queue *queue = made(0);
    struct engine_stream errors;
    struct sim_lambda_queued event;
    uint64_t draw = 0;
    uint32_t lost = 0;
    engine_stream_init(&errors, 1, "errors", 0);
    for (uint64_t i = 0; i < 100000; i++) {
        sim_lambda_queue_push(queue, START, 0, 0, i);
    }
    while (sim_lambda_queue_count(queue) > 0) {
        uint64_t now_ns = sim_lambda_queue_next(queue);
        cr_assert(sim_lambda_queue_pop(queue, now_ns, &event));
        if (engine_draw_chance(&errors, draw++, 300000000)) {
            lost += sim_lambda_queue_failed(queue, event.id, now_ns) ==
                    SIM_LAMBDA_GIVEN_UP;
        } else {
            sim_lambda_queue_done(queue, event.id);
        }
    }
    cr_assert(lost > 2500 && lost < 2900, "%u of about 2700", lost);
    sim_lambda_queue_free(queue);
}

/* A queue of 40 events with a backlog of 10, all delivered. */
static struct sim_lambda_queue *long_one(uint32_t drop_ppb)
{
    struct sim_lambda_queue_config config = {
        .payload_max = 1048576,
        .throttle_first_ns = SECOND,
        .throttle_max_ns = 5 * MINUTE,
        .age_max_ns = 360 * MINUTE,
        .backlog = 10,
        .drop_ppb = drop_ppb,
    };
    struct sim_lambda_queue *queue = sim_lambda_queue_new(&config, 7);
    struct sim_lambda_queued event;
    for (uint32_t i = 0; i < 40; i++) {
        cr_assert_eq(sim_lambda_queue_push(queue, START, 0, 1, i), 0);
        cr_assert(sim_lambda_queue_pop(queue, START, &event));
    }
    return queue;
}

Test(sim_lambda_queue, a_long_queue_waits_longer)
{
    struct sim_lambda_queue *queue = long_one(0);
    cr_assert_eq(sim_lambda_queue_throttled(queue, 0, START), SIM_LAMBDA_AGAIN);
    cr_assert_eq(sim_lambda_queue_next(queue), START + 5 * SECOND);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, a_short_queue_waits_as_usual)
{
    struct sim_lambda_queue *queue = long_one(0);
    for (uint32_t id = 10; id < 40; id++)
        sim_lambda_queue_done(queue, id);
    cr_assert_eq(sim_lambda_queue_throttled(queue, 0, START), SIM_LAMBDA_AGAIN);
    cr_assert_eq(sim_lambda_queue_next(queue), START + SECOND);
    sim_lambda_queue_free(queue);
}

Test(sim_lambda_queue, a_long_queue_may_lose_what_is_throttled)
{
    struct sim_lambda_queue *queue = long_one(ENGINE_CHANCE_ALWAYS);
    for (uint32_t id = 0; id < 30; id++)
        cr_assert_eq(sim_lambda_queue_throttled(queue, id, START),
                     SIM_LAMBDA_DROPPED);
    cr_assert_eq(sim_lambda_queue_throttled(queue, 30, START),
                 SIM_LAMBDA_AGAIN);
    cr_assert_eq(sim_lambda_queue_count(queue), 10);
    sim_lambda_queue_free(queue);
}
