/*
 * What reaches a handler from outside in its own time: messages of a source
 * that is no run, with gaps, doubles and crashes; receiving with a timeout;
 * waits until a time of the clock.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/random.h"
#include "tests/support/durable_bed.h"

#define S ENGINE_SECOND

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

enum {
    MESSAGES_MAX = 40
};

static struct engine_bytes say(struct engine_context *c, const char *format,
                               uint64_t a, uint64_t b)
{
    char *words = engine_context_memory(c, 96);

    (void)snprintf(words, 96, format, (unsigned long long)a,
                   (unsigned long long)b);
    return engine_text_bytes(words);
}

/* Sources ----------------------------------------------------------------- */

/* What the handler saw; each step runs once for each message. */
struct seen {
    uint32_t count;
    char words[MESSAGES_MAX][16];
};

static int see(struct engine_attempt *a, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    struct seen *seen = self;

    (void)a;
    cr_assert_lt(seen->count, MESSAGES_MAX);
    (void)snprintf(seen->words[seen->count++], 16, "%.*s", (int)input.size,
                   (const char *)input.data);
    *out = input;
    return ENGINE_DONE;
}

/* Takes what comes until the end; the result lists it in its order. */
static int take_all(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    static const struct engine_step_options once = {.semantics =
                                                        ENGINE_AT_MOST_ONCE};
    char *all = engine_context_memory(c, 16 * MESSAGES_MAX);
    size_t used = 0;

    (void)input;
    cr_assert_not_null(all);
    for (;;) {
        struct engine_bytes message;
        bool end;

        TRY(engine_receive(c, "orders", &message, &end));
        if (end)
            break;
        if (self)
            TRY(engine_step(c, "see", see, self, message, &once, &message));
        used += (size_t)snprintf(all + used, 16 * MESSAGES_MAX - used, "%.*s ",
                                 (int)message.size, (const char *)message.data);
    }
    *out = (struct engine_bytes){all, used};
    return ENGINE_DONE;
}

static void offer(struct durable_bed *bed, uint64_t number)
{
    char words[16];

    (void)snprintf(words, sizeof(words), "m%llu", (unsigned long long)number);
    durable_bed_signal(bed, ENGINE_SIG_MESSAGE, UINT32_MAX, 0, "orders", number,
                       words);
}

/* A seed's numbers, one after the other. */
struct draws {
    struct engine_stream stream;
    uint64_t index;
};

static uint64_t draw(struct draws *draws, uint64_t n)
{
    return engine_draw_below(&draws->stream, draws->index++, n);
}

/* All that there is and was, from a number that may have been taken. */
static void offer_all(struct durable_bed *bed, struct draws *draws,
                      uint64_t count)
{
    uint64_t order[MESSAGES_MAX];

    for (uint64_t i = 0; i < count; i++) {
        uint64_t other = draw(draws, i + 1);

        order[i] = order[other];
        order[other] = i + 1;
    }
    durable_bed_signal(bed, ENGINE_SIG_END_OF_STREAM, UINT32_MAX, 0, "orders",
                       count + 1, "");
    for (uint64_t i = 0; i < count; i++)
        offer(bed, order[i]);
}

/* Somebody sends, dies, or goes on. */
static void happen(struct durable_bed *bed, struct draws *draws, uint64_t count)
{
    switch (draw(draws, 12)) {
    case 0:
        durable_bed_crash_worker(bed);
        break;
    case 1:
        durable_bed_crash_service(bed);
        break;
    case 2:
    case 3:
        offer(bed, 1 + draw(draws, count));
        break;
    default:
        (void)durable_bed_step(bed);
        break;
    }
}

static void expect_all(const struct durable_bed *bed, uint64_t count,
                       uint64_t seed)
{
    char expected[16 * MESSAGES_MAX] = "";
    size_t used = 0;

    for (uint64_t i = 1; i <= count; i++)
        used += (size_t)snprintf(expected + used, sizeof(expected) - used,
                                 "m%llu ", (unsigned long long)i);
    cr_assert_str_eq(durable_bed_result(bed), expected, "seed %llu",
                     (unsigned long long)seed);
}

Test(engine_triggers, each_input_is_taken_once_in_order_whoever_dies)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct draws draws = {.index = 0};
        struct durable_bed bed;
        uint64_t count;

        engine_stream_init(&draws.stream, seed, "test/trigger", 0);
        count = 1 + draw(&draws, MESSAGES_MAX - 1);
        durable_bed_init(&bed, take_all, NULL, "");
        bed.sync = draw(&draws, 2);
        for (uint32_t i = 0; i < 300; i++)
            happen(&bed, &draws, count);
        offer_all(&bed, &draws, count);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "seed %llu",
                     (unsigned long long)seed);
        expect_all(&bed, count, seed);
        cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_SUCCEEDED),
                     count + 1);
        durable_bed_free(&bed);
    }
}

/* Several senders --------------------------------------------------------- */

enum {
    SENDERS = 3,
    EACH_MAX = 12
};

/* Takes n messages that say "last"; an end that comes earlier says nothing. */
static int take_from_three(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    size_t room = 16 * (size_t)SENDERS * EACH_MAX;
    char *all = engine_context_memory(c, room);
    size_t used = 0;

    (void)self;
    (void)input;
    cr_assert_not_null(all);
    for (uint32_t last = 0; last < SENDERS;) {
        struct engine_bytes message;
        bool end;

        TRY(engine_receive(c, "orders", &message, &end));
        if (end) {
            TRY(engine_wait(c, "nap", S));
            continue;
        }
        last += ((const char *)message.data)[0] == 'z';
        used += (size_t)snprintf(all + used, room - used, "%.*s ",
                                 (int)message.size, (const char *)message.data);
    }
    *out = (struct engine_bytes){all, used};
    return ENGINE_DONE;
}

static const char *const actors[SENDERS] = {"run 7", "run 77", "a source"};

/* Message n of this sender, or its end behind the last. */
static void say_one(struct durable_bed *bed, uint32_t sender, uint64_t n,
                    uint64_t count)
{
    char words[16];

    (void)snprintf(words, sizeof(words), "%c%u.%llu", n == count ? 'z' : 'm',
                   sender, (unsigned long long)n);
    durable_bed_signal_from(bed, actors[sender],
                            n > count ? ENGINE_SIG_END_OF_STREAM
                                      : ENGINE_SIG_MESSAGE,
                            UINT32_MAX, 0, "orders", n, n > count ? "" : words);
}

/* Each sender's words are there once, in its order. */
static void expect_each(const struct durable_bed *bed, const uint64_t *counts,
                        uint64_t seed)
{
    uint64_t seen[SENDERS] = {0};
    const char *at = durable_bed_result(bed);
    unsigned sender;
    unsigned n;

    for (; *at; at = strchr(at, ' ') + 1) {
        cr_assert_eq(sscanf(at + 1, "%u.%u", &sender, &n), 2);
        cr_assert_lt(sender, SENDERS);
        cr_assert_eq(n, ++seen[sender], "seed %llu: %s",
                     (unsigned long long)seed, durable_bed_result(bed));
    }
    for (uint32_t i = 0; i < SENDERS; i++)
        cr_assert_eq(seen[i], counts[i], "seed %llu: %s",
                     (unsigned long long)seed, durable_bed_result(bed));
}

/* Each sends all it has and its end, in any order, some of it twice. */
static void say_all(struct durable_bed *bed, struct draws *draws,
                    const uint64_t *counts)
{
    for (uint32_t i = 0; i < SENDERS; i++) {
        uint32_t sender = SENDERS - 1 - i;

        for (uint64_t n = counts[sender] + 1; n > 0; n--) {
            say_one(bed, sender, n, counts[sender]);
            if (draw(draws, 4) == 0)
                say_one(bed, sender, 1 + draw(draws, counts[sender] + 1),
                        counts[sender]);
        }
        for (uint64_t steps = draw(draws, 40); steps > 0; steps--)
            (void)durable_bed_step(bed);
    }
}

Test(engine_triggers, what_several_send_on_one_edge_all_arrives_once_in_order)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct draws draws = {.index = 0};
        uint64_t counts[SENDERS];
        struct durable_bed bed;

        engine_stream_init(&draws.stream, seed, "test/senders", 0);
        for (uint32_t i = 0; i < SENDERS; i++)
            counts[i] = 1 + draw(&draws, EACH_MAX);
        durable_bed_init(&bed, take_from_three, NULL, "");
        bed.sync = draw(&draws, 2);
        for (uint32_t i = 0; i < 200; i++) {
            uint32_t sender = (uint32_t)draw(&draws, SENDERS);

            switch (draw(&draws, 10)) {
            case 0:
                durable_bed_crash_worker(&bed);
                break;
            case 1:
                durable_bed_crash_service(&bed);
                break;
            case 2:
            case 3:
                say_one(&bed, sender, 1 + draw(&draws, counts[sender] + 1),
                        counts[sender]);
                break;
            default:
                (void)durable_bed_step(&bed);
                break;
            }
        }
        say_all(&bed, &draws, counts);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "seed %llu",
                     (unsigned long long)seed);
        expect_each(&bed, counts, seed);
        durable_bed_free(&bed);
    }
}

Test(engine_triggers, what_is_done_with_an_input_is_done_once)
{
    struct seen seen = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, take_all, &seen, "");
    offer(&bed, 2);
    offer(&bed, 1);
    offer(&bed, 2);
    offer(&bed, 1);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_eq(seen.count, 2);
    offer(&bed, 1);
    offer(&bed, 3);
    durable_bed_signal(&bed, ENGINE_SIG_END_OF_STREAM, UINT32_MAX, 0, "orders",
                       4, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(seen.count, 3);
    cr_assert_str_eq(seen.words[0], "m1");
    cr_assert_str_eq(seen.words[1], "m2");
    cr_assert_str_eq(seen.words[2], "m3");
    durable_bed_free(&bed);
}

Test(engine_triggers, two_inputs_of_the_same_words_are_two)
{
    struct seen seen = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, take_all, &seen, "");
    for (uint64_t number = 1; number <= 2; number++)
        for (int again = 0; again < 2; again++) {
            durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, UINT32_MAX, 0,
                               "orders", number, "7");
            durable_bed_crash_worker(&bed);
            durable_bed_crash_service(&bed);
        }
    durable_bed_signal(&bed, ENGINE_SIG_END_OF_STREAM, UINT32_MAX, 0, "orders",
                       3, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(seen.count, 2);
    cr_expect_str_eq(seen.words[0], "7");
    cr_expect_str_eq(seen.words[1], "7");
    durable_bed_free(&bed);
}

Test(engine_triggers, an_input_waits_for_those_before_it)
{
    struct durable_bed bed;

    durable_bed_init(&bed, take_all, NULL, "");
    offer(&bed, 3);
    offer(&bed, 2);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_INBOX_CONSUMED), 0);
    offer(&bed, 1);
    durable_bed_signal(&bed, ENGINE_SIG_END_OF_STREAM, UINT32_MAX, 0, "orders",
                       4, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "m1 m2 m3 ");
    durable_bed_free(&bed);
}

/* Inactivity -------------------------------------------------------------- */

/* Waits for an order; once without one, naps and asks again. */
static int take_two(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    uint64_t *patience = self;
    struct engine_bytes message = {"", 0};
    uint32_t idle = 0;
    bool end = true;

    (void)input;
    for (uint32_t got = 0; got < 2;) {
        int flow = engine_receive_for(c, "orders", *patience, &message, &end);

        if (flow != ENGINE_FAILED_FLOW) {
            if (flow)
                return flow;
            got++;
            continue;
        }
        if (engine_error_of(c)->error != ENGINE_ERR_TIMED_OUT || end)
            return flow;
        idle++;
        TRY(engine_wait(c, "nap", 100 * S));
    }
    *out =
        say(c, "idle %llu at %llu", idle, (engine_time(c) - engine_now(c)) / S);
    return ENGINE_DONE;
}

Test(engine_triggers, a_receiver_learns_that_nothing_comes_and_loses_nothing)
{
    uint64_t patience = 10 * S;
    struct durable_bed bed;
    char story[512];

    for (unsigned crash = 0; crash < 2; crash++) {
        durable_bed_init(&bed, take_two, &patience, "");
        while (durable_bed_count(&bed, ENGINE_EV_OPERATION_TIMED_OUT) == 0)
            cr_assert(durable_bed_step(&bed));
        offer(&bed, 2); /* while nobody receives */
        offer(&bed, 1);
        if (crash) {
            durable_bed_crash_worker(&bed);
            durable_bed_crash_service(&bed);
        }
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_str_eq(durable_bed_result(&bed), "idle 1 at 110");
        cr_assert_str_eq(
            durable_bed_story(&bed, story, sizeof(story)),
            "started orders; timed_out orders; started nap; fired nap; "
            "started orders; succeeded orders; started orders; "
            "succeeded orders");
        durable_bed_free(&bed);
    }
}

Test(engine_triggers, a_receivers_timeout_is_bounded_by_the_profile)
{
    uint64_t patience;
    struct durable_bed bed;

    durable_bed_init(&bed, take_two, &patience, "");
    patience = bed.limits.callback_max_ns + 1;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    cr_assert_neq(strstr(bed.words, "a receiver's timeout of"), NULL);
    durable_bed_free(&bed);
}

/* Waits until a time ------------------------------------------------------ */

struct until {
    uint64_t moments[3]; /* after the start */
    uint32_t count;
};

static int wait_until(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    const struct until *until = self;

    (void)input;
    for (uint32_t i = 0; i < until->count; i++)
        TRY(engine_wait_until(c, "moment",
                              DURABLE_START_NS + until->moments[i]));
    *out = say(c, "%llu of %llu", (engine_time(c) - DURABLE_START_NS) / S,
               engine_now(c) / S);
    return ENGINE_DONE;
}

Test(engine_triggers, a_wait_until_a_moment_ends_then_or_at_once)
{
    struct until until = {{3600 * S, 60 * S, 7200 * S}, 3};
    struct durable_bed bed;

    for (unsigned die = 0; die < 60; die++) {
        durable_bed_init(&bed, wait_until, &until, "");
        bed.sync = die % 2;
        for (unsigned i = 0; i < die / 2; i++)
            (void)durable_bed_step(&bed);
        durable_bed_crash_worker(&bed);
        durable_bed_crash_service(&bed);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_eq(bed.now_ns, DURABLE_START_NS + 7200 * S);
        cr_assert_str_eq(durable_bed_result(&bed), "7200 of 1700000000");
        durable_bed_free(&bed);
    }
}

Test(engine_triggers, an_overdue_wait_ends_at_the_time_it_is_met)
{
    struct until until = {{3600 * S, 60 * S}, 2};
    struct durable_bed bed;

    durable_bed_init(&bed, wait_until, &until, "");
    while (durable_bed_count(&bed, ENGINE_EV_OPERATION_FIRED) == 0)
        cr_assert(durable_bed_step(&bed));
    bed.now_ns += 30 * S;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(bed.now_ns, DURABLE_START_NS + 3630 * S);
    cr_assert_str_eq(durable_bed_result(&bed), "3630 of 1700000000");
    durable_bed_free(&bed);
}

Test(engine_triggers, a_wait_until_too_late_a_moment_is_refused)
{
    struct until until = {.count = 1};
    struct durable_bed bed;

    durable_bed_init(&bed, wait_until, &until, "");
    until.moments[0] = bed.limits.wait_max_ns;
    while (!durable_bed_find(&bed, "moment"))
        cr_assert(durable_bed_step(&bed));
    durable_bed_free(&bed);
    durable_bed_init(&bed, wait_until, &until, "");
    until.moments[0] = bed.limits.wait_max_ns + 1;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    durable_bed_free(&bed);
}
