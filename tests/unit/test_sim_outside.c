/*
 * The outside against a store that answers as it is told: signs of life,
 * answers and actions until they are taken, each under an id of its own.
 */
#include "sim/outside.h"

#include <criterion/criterion.h>

#include "sim/effect.h"
#include "tests/support/durable_bed.h"
#include "tests/support/sim_bed.h"

#define SECOND (1000 * SIM_BED_MS)

enum {
    WORKER = SIM_NODE_WORKER,
    HOLDER = SIM_NODE_COORDINATOR,
    SEEN_MAX = 64
};

/* One request that the store was asked. */
struct seen {
    uint64_t time_ns; /* since the start of the world */
    struct engine_hash id;
    uint64_t run;
    uint32_t op;
    uint32_t kind;
    uint32_t value_size;
    uint16_t actor_size;
    uint16_t reason_size;
};

struct rig {
    struct sim_bed *bed;
    struct sim_outside *outside;
    struct sim_probe *worker;
    struct sim_probe *holder;
    struct sim_answer answer;
    const struct sim_answer *answers[1];
    struct sim_operator operator;
    struct seen seen[SEEN_MAX];
    uint32_t count;
    uint32_t silent;    /* so many requests are not answered */
    uint32_t conflicts; /* then so many find no run */
    uint32_t fenced;    /* from the so-manyth on the run has ended; 0: never */
};

static void asked(void *self, const struct engine_message *message)
{
    struct rig *rig = self;
    const struct engine_request *request = (const void *)(message + 1);
    const struct engine_item *item =
        engine_item_first(request, sizeof(*request));
    struct engine_signal signal;
    memcpy(&signal, engine_item_payload(item), sizeof(signal));
    cr_assert_eq(
        engine_request_check(request, message->size - sizeof(*message)), 0);
    cr_assert_lt(rig->count, SEEN_MAX);
    cr_assert_eq(signal.run, request->run);
    rig->seen[rig->count++] =
        (struct seen){rig->bed->world->now_ns - SIM_BED_START_NS,
                      {item->a, item->b},
                      request->run,
                      item->op,
                      item->kind,
                      signal.value_size,
                      signal.actor_size,
                      signal.reason_size};
    if (rig->count <= rig->silent)
        return;
    struct engine_reply reply = {
        .size = sizeof(reply),
        .kind = ENGINE_REQ_SIGNAL,
        .outcome = ENGINE_COMMITTED,
        .id = request->id,
        .run = request->run,
        .holder = (uint64_t)HOLDER << 32 | 1,
    };
    if (rig->count <= rig->silent + rig->conflicts)
        reply.outcome = ENGINE_CONFLICT;
    if (rig->fenced && rig->count >= rig->fenced)
        reply.outcome = ENGINE_FENCED;
    const struct engine_message head = {
        .size = sizeof(head) + sizeof(reply),
        .kind = ENGINE_MSG_REPLY,
        .from = SIM_NODE_STORE,
        .to = message->from,
        .run = request->run,
    };
    sim_net_send2(rig->bed->world, &head, &reply, sizeof(reply));
}

static const struct sim_actor_ops store = {.message = asked};

static uint64_t arrival(void *self, uint64_t index)
{
    (void)self;
    return index * SECOND;
}

static void rig_open(struct rig *rig, bool operates)
{
    struct sim_clock clock = sim_bed_clock();
    rig->bed = sim_bed_new(1, NULL);
    rig->answers[0] = &rig->answer;
    struct sim_outside_config config = {
        .world = rig->bed->world,
        .answers = rig->answers,
        .operators = &rig->operator,
        .operator_count = operates,
        .runs = 20,
        .timeout_ns = 500 * SIM_BED_MS,
        .arrival = arrival,
    };
    sim_node_set(rig->bed->world, SIM_NODE_STORE, &store, rig, &clock,
                 UINT64_MAX);
    rig->outside = sim_outside_new(&config, &clock);
    rig->worker = sim_bed_probe(rig->bed, WORKER, UINT64_MAX);
    rig->holder = sim_bed_probe(rig->bed, HOLDER, UINT64_MAX);
    sim_process_start(rig->bed->world, SIM_NODE_STORE);
    sim_process_start(rig->bed->world, WORKER);
    sim_process_start(rig->bed->world, HOLDER);
    sim_process_start(rig->bed->world, SIM_NODE_OUTSIDE);
}

static void rig_close(struct rig *rig)
{
    sim_bed_free(rig->bed);
    sim_outside_free(rig->outside);
}

/* Callbacks ----------------------------------------------------------------
 */

static int make_callback(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_callback *callback = self;
    int flow = engine_create_callback(c, "ask", NULL, callback);
    (void)input;
    return flow ? flow : engine_callback_result(c, callback, out);
}

/* The id of the first operation's callback of DURABLE_RUN. */
static void callback_id(char *id, size_t size)
{
    struct engine_callback callback;
    struct durable_bed bed;
    durable_bed_init(&bed, make_callback, &callback, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_lt(strlen(callback.id), size);
    memset(id, 0, size);
    strcpy(id, callback.id);
    durable_bed_free(&bed);
}

static void tell(struct rig *rig, uint64_t at_ns)
{
    struct sim_callback callback = {0};
    const struct engine_message message = {
        .size = sizeof(message) + sizeof(callback),
        .kind = ENGINE_MSG_EFFECT,
        .from = WORKER,
        .to = SIM_NODE_OUTSIDE,
        .run = DURABLE_RUN,
        .token = 7,
    };
    callback_id(callback.id, sizeof(callback.id));
    sim_bed_run(rig->bed, at_ns);
    sim_net_send2(rig->bed->world, &message, &callback, sizeof(callback));
}

static void answer_after(struct rig *rig, uint64_t ns,
                         enum sim_answer_kind kind)
{
    *rig = (struct rig){0};
    rig->answer =
        (struct sim_answer){.kind = kind, .times = 1, .value_bytes = 9};
    (void)sim_dist_constant(&rig->answer.after, ns);
    rig_open(rig, false);
}

Test(sim_outside, a_callback_is_answered_when_its_time_has_come)
{
    struct rig rig;
    answer_after(&rig, 5 * SECOND, SIM_ANSWER_SUCCESS);
    tell(&rig, SECOND);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 1);
    cr_expect_geq(rig.seen[0].time_ns, 6 * SECOND);
    cr_expect_lt(rig.seen[0].time_ns, 6 * SECOND + 10 * SIM_BED_MS);
    cr_expect_eq(rig.seen[0].kind, ENGINE_SIG_CALLBACK_SUCCEED);
    cr_expect_eq(rig.seen[0].run, DURABLE_RUN);
    cr_expect_eq(rig.seen[0].op, 1);
    cr_expect_eq(rig.seen[0].value_size, 9);
    cr_expect_eq(sim_probe_count(rig.worker, SEEN_MESSAGE), 1, "it is done");
    cr_expect_eq(sim_probe_count(rig.holder, SEEN_MESSAGE), 1, "it is woken");
    cr_expect_eq(sim_outside_callbacks(rig.outside), 1);
    cr_expect_eq(sim_outside_signals(rig.outside), 1);
    rig_close(&rig);
}

Test(sim_outside, being_told_twice_makes_one_answer)
{
    struct rig rig;
    answer_after(&rig, 5 * SECOND, SIM_ANSWER_FAILURE);
    tell(&rig, SECOND);
    tell(&rig, 2 * SECOND);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 1);
    cr_expect_eq(rig.seen[0].kind, ENGINE_SIG_CALLBACK_FAIL);
    cr_expect_gt(rig.seen[0].value_size, 0);
    cr_expect_eq(sim_probe_count(rig.worker, SEEN_MESSAGE), 2);
    rig_close(&rig);
}

Test(sim_outside, an_answer_that_nobody_takes_is_given_again_under_its_id)
{
    struct rig rig;
    answer_after(&rig, SECOND, SIM_ANSWER_SUCCESS);
    rig.silent = 3;
    rig.answer.times = 2;
    tell(&rig, 0);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 5, "three in vain, and two copies");
    for (uint32_t i = 1; i < rig.count; i++)
        cr_expect(engine_hash_equal(rig.seen[0].id, rig.seen[i].id));
    cr_expect_geq(rig.seen[3].time_ns - rig.seen[0].time_ns, 3 * SECOND / 2);
    rig_close(&rig);
}

Test(sim_outside, what_it_asks_for_and_is_answered_is_recorded_once_each)
{
    struct rig rig;
    answer_after(&rig, SECOND, SIM_ANSWER_SUCCESS);
    rig.silent = 2;
    rig.conflicts = 1;
    tell(&rig, 0);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 4);
    cr_assert_eq(sim_bed_count(rig.bed, ENGINE_REC_SIGNAL_SENT), 1);
    cr_assert_eq(sim_bed_count(rig.bed, ENGINE_REC_SIGNAL_ANSWERED), 2);
    const struct engine_record *sent =
        sim_bed_record(rig.bed, ENGINE_REC_SIGNAL_SENT, 0);
    cr_expect_eq(sent->run, DURABLE_RUN);
    cr_expect_eq(sent->detail, ENGINE_SIG_CALLBACK_SUCCEED);
    cr_expect_eq(sent->a, rig.seen[0].id.lo);
    cr_expect_eq(sent->b, rig.seen[0].id.hi);
    static const uint32_t outcomes[] = {ENGINE_CONFLICT, ENGINE_COMMITTED};
    for (size_t i = 0; i < 2; i++) {
        const struct engine_record *answered =
            sim_bed_record(rig.bed, ENGINE_REC_SIGNAL_ANSWERED, i);
        cr_expect_eq(answered->count, outcomes[i]);
        cr_expect_eq(answered->a, sent->a);
        cr_expect_eq(answered->state, 0);
    }
    rig_close(&rig);
}

Test(sim_outside, signs_of_life_go_on_until_the_answer_and_differ)
{
    struct rig rig;
    answer_after(&rig, 10 * SECOND, SIM_ANSWER_SUCCESS);
    rig.answer.heartbeat_every_ns = 3 * SECOND;
    tell(&rig, 0);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 4);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(rig.seen[i].kind, ENGINE_SIG_CALLBACK_HEARTBEAT);
    cr_expect_eq(rig.seen[3].kind, ENGINE_SIG_CALLBACK_SUCCEED);
    for (uint32_t i = 1; i < 4; i++)
        cr_expect_not(engine_hash_equal(rig.seen[i - 1].id, rig.seen[i].id));
    rig_close(&rig);
}

Test(sim_outside, who_never_answers_may_show_signs_of_life)
{
    struct rig rig;
    answer_after(&rig, 10 * SECOND, SIM_ANSWER_NOTHING);
    rig.answer.heartbeat_every_ns = 4 * SECOND;
    tell(&rig, 0);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 2);
    cr_expect_eq(rig.seen[1].kind, ENGINE_SIG_CALLBACK_HEARTBEAT);
    rig_close(&rig);
}

Test(sim_outside, a_run_that_has_ended_is_left_alone)
{
    struct rig rig;
    answer_after(&rig, 10 * SECOND, SIM_ANSWER_SUCCESS);
    rig.answer.heartbeat_every_ns = SECOND;
    rig.fenced = 2;
    tell(&rig, 0);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_expect_eq(rig.count, 2);
    rig_close(&rig);
}

/* Operators ----------------------------------------------------------------
 */

static void operate(struct rig *rig, const struct sim_operator *operator)
{
    *rig = (struct rig){.operator= * operator};
    rig_open(rig, true);
}

static const struct sim_operator pause_some = {
    .kind = ENGINE_SIG_PAUSE,
    .at_ns = 3 * SECOND,
    .first_run = 4,
    .last_run = 12,
    .each = 4,
    .actor = "night shift",
    .reason = "closed",
};

Test(sim_outside, an_operator_acts_on_the_runs_that_were_chosen)
{
    struct rig rig;
    operate(&rig, &pause_some);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect_eq(rig.seen[i].run, 4 + 4 * i);
        cr_expect_eq(rig.seen[i].kind, ENGINE_SIG_PAUSE);
        cr_expect_eq(rig.seen[i].op, UINT32_MAX);
        cr_expect_eq(rig.seen[i].actor_size, strlen("night shift"));
        cr_expect_eq(rig.seen[i].reason_size, strlen("closed"));
        cr_expect_lt(rig.seen[i].time_ns - 3 * SECOND, 10 * SIM_BED_MS);
    }
    rig_close(&rig);
}

Test(sim_outside, an_action_may_be_counted_from_when_its_run_is_due)
{
    struct sim_operator operator= pause_some;
    struct rig rig;
    operator.of_run = true;
    operate(&rig, &operator);
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_lt(rig.seen[i].time_ns - (6 + 4 * i) * SECOND,
                     10 * SIM_BED_MS, "run %u is due at %u s", 4 + 4 * i,
                     3 + 4 * i);
    rig_close(&rig);
}

Test(sim_outside, an_action_waits_for_its_run_to_be_there)
{
    struct sim_operator operator= pause_some;
    struct rig rig;
    operator.first_run = operator.last_run = 8;
    operate(&rig, &operator);
    rig.conflicts = 4;
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 5);
    cr_expect(engine_hash_equal(rig.seen[0].id, rig.seen[4].id));
    rig_close(&rig);
}

Test(sim_outside, an_action_is_repeated_until_its_run_has_ended)
{
    struct sim_operator operator= pause_some;
    struct rig rig;
    operator.first_run = operator.last_run = 8;
    operator.every_ns = 5 * SECOND;
    operate(&rig, &operator);
    rig.fenced = 4;
    sim_bed_run(rig.bed, 60 * SECOND);
    cr_assert_eq(rig.count, 4);
    for (uint32_t i = 1; i < 4; i++) {
        cr_expect_not(engine_hash_equal(rig.seen[i - 1].id, rig.seen[i].id));
        cr_expect_geq(rig.seen[i].time_ns - rig.seen[i - 1].time_ns,
                      5 * SECOND);
    }
    rig_close(&rig);
}
