#include "engine/run.h"

#include <criterion/criterion.h>

#include "engine/value.h"
#include "tests/support/engine_bed.h"

/* s0 -> s1 -> w2, and s3 alone. */
static struct engine_graph *small_graph(void)
{
    const struct engine_node nodes[] = {
        engine_bed_step("s0"), engine_bed_step("s1"), engine_bed_wait("w2", 5),
        engine_bed_step("s3")};
    const struct engine_edge_names edges[] = {{"s0", "out", "s1", "in"},
                                              {"s1", "out", "w2", "in"}};
    return engine_graph_new("small", nodes, 4, edges, 2, NULL);
}

/* One event as a test writes it. */
struct event {
    uint16_t kind;
    uint32_t op, attempt;
    uint64_t a, b;
};

#define RUN(kind)                                                              \
    {                                                                          \
        (kind), UINT32_MAX, 0, 0, 0                                            \
    }

static int apply(struct engine_run *run, const struct event *event,
                 uint64_t time_ns)
{
    struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                               .kind = event->kind,
                               .op = event->op,
                               .attempt = event->attempt,
                               .a = event->a,
                               .b = event->b};
    return engine_run_apply(run, &item, time_ns);
}

/* A prelude that must be accepted, then one event. */
struct story {
    struct event before[12];
    struct event last;
};

#define CREATED RUN(ENGINE_EV_RUN_CREATED)
#define SCHEDULED(op, n)                                                       \
    {                                                                          \
        ENGINE_EV_OP_SCHEDULED, op, n, 0, 0                                    \
    }
#define STARTED(op, n)                                                         \
    {                                                                          \
        ENGINE_EV_ATTEMPT_STARTED, op, n, 0, 0                                 \
    }
#define DONE(op, n)                                                            \
    {                                                                          \
        ENGINE_EV_ATTEMPT_SUCCEEDED, op, n, 0, 0                               \
    }
#define BROKE(op, n)                                                           \
    {                                                                          \
        ENGINE_EV_ATTEMPT_FAILED, op, n, ENGINE_ERR_USER, 1                    \
    }
#define RETRY(op, n)                                                           \
    {                                                                          \
        ENGINE_EV_RETRY_SCHEDULED, op, (n)-1, 9, n                             \
    }
#define OP_DONE(op, n)                                                         \
    {                                                                          \
        ENGINE_EV_OP_SUCCEEDED, op, n, 0, 0                                    \
    }
#define OP_BROKE(op, n)                                                        \
    {                                                                          \
        ENGINE_EV_OP_FAILED, op, n, 0, 0                                       \
    }
#define WAITS(op)                                                              \
    {                                                                          \
        ENGINE_EV_WAIT_STARTED, op, 0, 5, 0                                    \
    }
#define FIRED(op)                                                              \
    {                                                                          \
        ENGINE_EV_WAIT_FIRED, op, 0, 0, 6                                      \
    }
#define S0_DONE CREATED, SCHEDULED(0, 1), DONE(0, 1), OP_DONE(0, 1)
#define S1_DONE S0_DONE, SCHEDULED(1, 1), DONE(1, 1), OP_DONE(1, 1)

static const struct story impossible[] = {
    {{{0}}, SCHEDULED(0, 1)},
    {{{0}}, RUN(ENGINE_EV_LEASE_ACQUIRED)},
    {{CREATED}, CREATED},
    {{CREATED}, {0, 0, 0, 0, 0}},
    {{CREATED}, {ENGINE_EV_COUNT, 0, 0, 0, 0}},
    {{CREATED}, SCHEDULED(4, 1)},
    {{CREATED}, SCHEDULED(UINT32_MAX, 1)},
    {{CREATED}, SCHEDULED(0, 2)},
    {{CREATED}, SCHEDULED(0, 0)},
    {{CREATED}, SCHEDULED(1, 1)}, /* s0 has not ended */
    {{CREATED, SCHEDULED(0, 1)}, SCHEDULED(0, 1)},
    {{CREATED, SCHEDULED(0, 1), DONE(0, 1)}, SCHEDULED(1, 1)},
    {{S1_DONE}, SCHEDULED(2, 1)}, /* a wait has no attempts */
    {{CREATED}, WAITS(0)},        /* a step does not wait */
    {{CREATED}, WAITS(2)},        /* its turn has not come */
    {{CREATED}, STARTED(0, 1)},
    {{CREATED, SCHEDULED(0, 1)}, STARTED(0, 2)},
    {{CREATED}, DONE(0, 1)},
    {{CREATED, SCHEDULED(0, 1)}, DONE(0, 2)},
    {{CREATED, SCHEDULED(0, 1), DONE(0, 1)}, DONE(0, 1)},
    {{CREATED, SCHEDULED(0, 1), DONE(0, 1)}, BROKE(0, 1)},
    {{CREATED, SCHEDULED(0, 1)}, {ENGINE_EV_ATTEMPT_FAILED, 0, 1, 0, 0}},
    {{CREATED, SCHEDULED(0, 1)}, OP_DONE(0, 1)},
    {{CREATED, SCHEDULED(0, 1), DONE(0, 1)}, OP_BROKE(0, 1)},
    {{CREATED, SCHEDULED(0, 1), BROKE(0, 1)}, OP_DONE(0, 1)},
    {{CREATED, SCHEDULED(0, 1), DONE(0, 1)}, RETRY(0, 2)},
    {{CREATED, SCHEDULED(0, 1)}, RETRY(0, 2)},
    {{CREATED, SCHEDULED(0, 1), BROKE(0, 1)}, RETRY(0, 1)},
    {{CREATED, SCHEDULED(0, 1), BROKE(0, 1)}, RETRY(0, 3)},
    {{CREATED, SCHEDULED(0, 1), BROKE(0, 1), RETRY(0, 2)}, SCHEDULED(0, 1)},
    {{CREATED, SCHEDULED(0, 1), BROKE(0, 1), RETRY(0, 2)}, DONE(0, 2)},
    {{CREATED,
      SCHEDULED(0, 1),
      {ENGINE_EV_ATTEMPT_AMBIGUOUS, 0, 1, ENGINE_ERR_INTERRUPTED, 0}},
     OP_BROKE(0, 1)},
    {{S1_DONE}, FIRED(2)},
    {{S1_DONE, WAITS(2)}, OP_DONE(2, 0)}, /* it has not fired */
    {{S1_DONE, WAITS(2), FIRED(2)}, FIRED(2)},
    {{S1_DONE, WAITS(2), FIRED(2)}, OP_BROKE(2, 0)},
    {{S0_DONE}, RUN(ENGINE_EV_RUN_SUCCEEDED)},
    {{S0_DONE}, OP_DONE(0, 1)},
    {{S0_DONE}, SCHEDULED(0, 1)},
    {{CREATED, RUN(ENGINE_EV_RUN_FAILED)}, SCHEDULED(0, 1)},
    {{CREATED, RUN(ENGINE_EV_RUN_FAILED)}, RUN(ENGINE_EV_RUN_SUSPENDED)},
    {{CREATED, RUN(ENGINE_EV_RUN_SUSPENDED)}, SCHEDULED(0, 1)},
    {{CREATED, RUN(ENGINE_EV_RUN_BLOCKED)}, SCHEDULED(0, 1)},
};

Test(engine_run, an_event_that_cannot_follow_is_a_damaged_log)
{
    struct engine_graph *graph = small_graph();
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        const struct story *story = &impossible[i];
        struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
        for (unsigned k = 0; k < 12 && story->before[k].kind; k++)
            cr_assert_eq(apply(run, &story->before[k], 1), 0,
                         "story %zu, event %u", i, k);
        cr_assert_eq(apply(run, &story->last, 1), -2, "story %zu", i);
        engine_run_free(run);
    }
    engine_graph_free(graph);
}

Test(engine_run, a_whole_life_is_accepted)
{
    static const struct event events[] = {
        CREATED,
        SCHEDULED(0, 1),
        SCHEDULED(3, 1),
        STARTED(3, 1),
        BROKE(3, 1),
        RETRY(3, 2),
        STARTED(0, 1),
        DONE(0, 1),
        OP_DONE(0, 1),
        SCHEDULED(1, 1),
        {ENGINE_EV_ATTEMPT_INTERRUPTED, 1, 1, ENGINE_ERR_INTERRUPTED, 1},
        RETRY(1, 2),
        RUN(ENGINE_EV_RUN_SUSPENDED),
        RUN(ENGINE_EV_LEASE_ACQUIRED),
        RUN(ENGINE_EV_LEASE_ACQUIRED),
        SCHEDULED(1, 2),
        SCHEDULED(3, 2),
        DONE(3, 2),
        OP_DONE(3, 2),
        DONE(1, 2),
        OP_DONE(1, 2),
        WAITS(2),
        FIRED(2),
        OP_DONE(2, 0),
        RUN(ENGINE_EV_RUN_SUCCEEDED),
    };
    struct engine_graph *graph = small_graph();
    struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        cr_assert_eq(apply(run, &events[i], 100 + i), 0, "event %zu", i);
    cr_assert_eq(run->state, ENGINE_RUN_SUCCEEDED);
    cr_assert(engine_run_complete(run));
    cr_assert_eq(run->open_count, 0);
    cr_assert_eq(run->failed_count, 0);
    engine_run_free(run);
    engine_graph_free(graph);
}

Test(engine_run, ready_are_those_whose_last_source_has_succeeded)
{
    static const struct event events[] = {S0_DONE};
    struct engine_graph *graph = small_graph();
    struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
    cr_assert_eq(run->ready_count, 2);
    cr_assert_eq(run->ready[0], 0);
    cr_assert_eq(run->ready[1], 3);
    for (unsigned i = 0; i < 4; i++)
        apply(run, &events[i], 1);
    engine_run_settle(run);
    cr_assert_eq(run->ready_count, 2);
    cr_assert_eq(run->ready[0], 1);
    cr_assert_eq(run->ready[1], 3);
    engine_run_free(run);
    engine_graph_free(graph);
}

Test(engine_run, deadlines_count_from_the_store_time_of_their_row)
{
    static const struct event events[] = {S1_DONE, WAITS(2)};
    struct engine_graph *graph = small_graph();
    struct engine_run *committed = engine_run_new(NULL, 1, 0, graph);
    struct engine_run *decided = engine_run_new(NULL, 1, 0, graph);
    for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        cr_assert_eq(apply(committed, &events[i], 1000), 0);
        cr_assert_eq(apply(decided, &events[i], 0), 0);
    }
    cr_assert_eq(committed->ops[2].due_ns, 1005);
    cr_assert_not(committed->ops[2].unstamped);
    cr_assert(decided->ops[2].unstamped);
    engine_run_stamp(decided, 1000);
    engine_run_stamp(decided, 2000); /* only what is new is stamped */
    cr_assert_eq(decided->ops[2].due_ns, 1005);
    cr_assert_not(decided->ops[2].unstamped);
    engine_run_free(committed);
    engine_run_free(decided);
    engine_graph_free(graph);
}

static void apply_with(struct engine_run *run, uint16_t kind, uint32_t op,
                       uint32_t attempt, const void *payload, uint32_t size)
{
    struct engine_block block;
    engine_block_init(&block);
    engine_block_begin(&block, 8);
    struct engine_item head = {
        .type = ENGINE_ITEM_EVENT, .kind = kind, .op = op, .attempt = attempt};
    cr_assert_eq(engine_run_apply(
                     run, engine_block_item(&block, &head, payload, size), 1),
                 0);
    engine_block_free(&block);
}

Test(engine_run, an_input_is_the_sources_output_and_at_the_start_the_runs)
{
    struct engine_graph *graph = small_graph();
    struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
    static const struct event first = SCHEDULED(0, 1);
    static const struct event end = OP_DONE(0, 1);
    unsigned char out[64];
    unsigned char in[64];
    apply_with(run, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, "hello", 5);
    apply(run, &first, 1);
    size_t size = engine_value_write(out, ENGINE_VALUE_BLOB, "0123456789", 10);
    apply_with(run, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 1, out, (uint32_t)size);
    apply(run, &end, 1);
    cr_assert_eq(engine_run_input_size(run, 0), engine_value_span(5));
    engine_run_input(run, 0, in);
    const struct engine_value *value =
        engine_value_at(in, engine_value_span(5), 0);
    cr_assert(memcmp(engine_value_bytes(value), "hello", 5) == 0);
    cr_assert_eq(engine_run_input_size(run, 1), size);
    engine_run_input(run, 1, in);
    cr_assert(memcmp(in, out, size) == 0);
    engine_run_free(run);
    engine_graph_free(graph);
}

Test(engine_run, an_output_that_is_missing_is_an_empty_value)
{
    static const struct event events[] = {S1_DONE, WAITS(2)};
    struct engine_graph *graph = small_graph();
    struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
    for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        apply(run, &events[i], 1);
    unsigned char in[16];
    cr_assert_eq(engine_run_input_size(run, 1), engine_value_span(0));
    engine_run_input(run, 1, in);
    const struct engine_value *value = engine_value_at(in, 8, 0);
    cr_assert_eq(value->size, 0);
    cr_assert_eq(value->kind, ENGINE_VALUE_INLINE);
    engine_run_free(run);
    engine_graph_free(graph);
}

struct bounded {
    size_t left; /* allocations that succeed */
    size_t live;
};

static void *bounded_resize(void *self, void *old, size_t size)
{
    struct bounded *memory = self;
    if (size == 0) {
        memory->live--;
        free(old);
        return NULL;
    }
    if (memory->left == 0)
        return NULL;
    memory->left--;
    memory->live += !old;
    return realloc(old, size);
}

Test(engine_run, out_of_memory_is_said_and_nothing_is_lost_or_left)
{
    struct engine_graph *graph = small_graph();
    for (size_t left = 0; left < 3; left++) {
        struct bounded bounded = {left, 0};
        struct engine_memory memory = {bounded_resize, &bounded};
        struct engine_run *run = engine_run_new(&memory, 1, 0, graph);
        cr_assert_eq(!run, left == 0);
        if (run) {
            struct {
                struct engine_item item;
                char payload[8];
            } event = {.item = {.size = 8,
                                .kind = ENGINE_EV_RUN_CREATED,
                                .op = UINT32_MAX}};
            cr_assert_eq(engine_run_apply(run, &event.item, 1),
                         left == 1 ? -1 : 0);
        }
        engine_run_free(run);
        cr_assert_eq(bounded.live, 0);
    }
    engine_graph_free(graph);
}

/* Handlers ------------------------------------------------------------------
 */

/* A handler's run that has waited, been invoked twice and is under way. */
static struct engine_run *invoked_twice(const struct engine_graph *graph)
{
    const struct engine_operation nap = {.first_ns = 10};
    struct engine_run *run = engine_run_new(NULL, 1, 0, graph);
    struct engine_block block;
    const struct engine_origin origin = {
        .created_ns = 3, .seed = 4, .parent = 5, .parent_op = 6, .depth = 7};
    unsigned char created[sizeof(origin) + 2];
    memcpy(created, &origin, sizeof(origin));
    created[sizeof(origin)] = 'i';
    created[sizeof(origin) + 1] = 'n';
    engine_block_init(&block);
    engine_block_begin(&block, 8);
    const struct engine_item events[] = {
        {.kind = ENGINE_EV_RUN_CREATED,
         .b = 9,
         .op = UINT32_MAX,
         .flags = ENGINE_CREATED_ORIGIN},
        {.kind = ENGINE_EV_OP_SCHEDULED, .attempt = 1},
        {.kind = ENGINE_EV_CHECKPOINT, .attempt = 1, .a = 1},
        {.kind = ENGINE_EV_OPERATION_STARTED,
         .op = 1,
         .a = 21,
         .b = 22,
         .flags = engine_operation_flags(ENGINE_OPERATION_WAIT,
                                         ENGINE_SUBTYPE_WAIT, 0)},
        {.kind = ENGINE_EV_ATTEMPT_SUSPENDED, .attempt = 1},
        {.kind = ENGINE_EV_OPERATION_FIRED,
         .op = 1,
         .a = 21,
         .b = 22,
         .flags = engine_operation_flags(ENGINE_OPERATION_WAIT,
                                         ENGINE_SUBTYPE_WAIT, 0)},
        {.kind = ENGINE_EV_OP_SCHEDULED, .attempt = 2},
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        struct engine_item *item =
            i == 0   ? engine_block_item(&block, &events[i], created,
                                         sizeof(created))
            : i == 3 ? engine_block_item(&block, &events[i], &nap, sizeof(nap))
                     : engine_block_item(&block, &events[i], NULL, 0);
        cr_assert_eq(engine_run_apply(run, item, 1000 + i), 0, "event %zu", i);
    }
    engine_block_free(&block);
    return run;
}

Test(engine_run, a_handlers_invocation_gets_what_the_run_began_with)
{
    struct engine_graph *graph = engine_bed_handler("h");
    struct engine_run *run = invoked_twice(graph);
    unsigned char input[128];
    cr_assert_leq(engine_run_input_size(run, 0), sizeof(input));
    engine_run_input(run, 0, input);
    size_t size = engine_run_input_size(run, 0);
    const struct engine_value *first = engine_value_at(input, size, 0);
    const struct engine_value *second = engine_value_at(input, size, 1);
    cr_assert_eq(first->size, 2);
    cr_assert_eq(memcmp(engine_value_bytes(first), "in", 2), 0);
    const struct engine_invocation *invocation = engine_value_bytes(second);
    cr_assert_eq(invocation->created_ns, 3);
    cr_assert_eq(invocation->seed, 4);
    engine_run_free(run);
    engine_graph_free(graph);
}

Test(engine_run, a_handlers_run_is_the_same_after_a_snapshot)
{
    struct engine_graph *graph = engine_bed_handler("h");
    struct engine_run *run = invoked_twice(graph);
    struct engine_run *copy = engine_run_new(NULL, 1, 0, graph);
    struct engine_block first;
    struct engine_block second;
    engine_block_init(&first);
    engine_block_init(&second);
    engine_block_begin(&first, 8);
    engine_block_begin(&second, 8);
    cr_assert_eq(engine_run_save(run, &first), 0);
    cr_assert_eq(engine_run_restore(copy, first.bytes + 8, first.size - 8), 0);
    cr_assert_eq(copy->state, ENGINE_RUN_RUNNING);
    cr_assert_eq(copy->ops[0].state, ENGINE_OP_SCHEDULED);
    cr_assert_eq(copy->ops[0].attempt, 2);
    cr_assert_eq(copy->open_count, 1);
    cr_assert_eq(copy->client, 9);
    cr_assert_eq(copy->origin.parent, 5);
    cr_assert_eq(copy->execution->depth, 7);
    cr_assert_eq(copy->execution->token, run->execution->token);
    cr_assert_eq(engine_run_save(copy, &second), 0);
    cr_assert_eq(first.size, second.size);
    cr_assert_eq(memcmp(first.bytes, second.bytes, first.size), 0);
    engine_block_free(&second);
    engine_run_free(copy);
    /* Cut anywhere it is damaged, and says so. */
    for (size_t size = 0; size + 8 < first.size; size += 8) {
        struct engine_run *damaged = engine_run_new(NULL, 1, 0, graph);
        cr_assert_eq(engine_run_restore(damaged, first.bytes + 8, size), -2,
                     "%zu", size);
        engine_run_free(damaged);
    }
    engine_block_free(&first);
    engine_run_free(run);
    engine_graph_free(graph);
}
