#include <criterion/criterion.h>

#include "engine/run.h"

/* A chain of two steps. */
static struct engine_graph *graph_of_two(void)
{
    static const char *const port[] = {"value"};
    const struct engine_retry once = {.attempts_max = 1, .factor_milli = 1000};
    const struct engine_node nodes[] = {
        {.name = "first",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 1000000000,
         .side_effect = ENGINE_EFFECT_READ_ONLY,
         .semantics = ENGINE_AT_LEAST_ONCE,
         .retry = once,
         .outputs = port,
         .output_count = 1},
        {.name = "second",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 1000000000,
         .side_effect = ENGINE_EFFECT_READ_ONLY,
         .semantics = ENGINE_AT_LEAST_ONCE,
         .retry = once,
         .inputs = port,
         .input_count = 1},
    };
    const struct engine_edge_names edge = {"first", "value", "second", "value"};
    struct engine_graph *graph =
        engine_graph_new("pair", nodes, 2, &edge, 1, NULL);
    cr_assert_not_null(graph);
    return graph;
}

static void apply(struct engine_run *run, unsigned kind, uint32_t op,
                  uint32_t attempt, uint64_t time_ns)
{
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = (uint16_t)kind,
                                      .op = op,
                                      .attempt = attempt};
    cr_assert_eq(engine_run_apply(run, &event, time_ns), 0);
}

/* Created and begun at a time; 0: not yet committed. */
static struct engine_run *begun(const struct engine_graph *graph,
                                uint64_t time_ns)
{
    struct engine_run *run = engine_run_new(NULL, 7, 0, graph);
    cr_assert_not_null(run);
    apply(run, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, time_ns);
    apply(run, ENGINE_EV_OP_SCHEDULED, 0, 1, time_ns);
    return run;
}

static bool equal(const struct engine_run *a, const struct engine_run *b)
{
    struct engine_hash x = engine_run_digest(a);
    struct engine_hash y = engine_run_digest(b);
    return x.lo == y.lo && x.hi == y.hi;
}

Test(engine_run_digest, the_same_log_has_the_same_digest)
{
    struct engine_graph *graph = graph_of_two();
    struct engine_run *a = begun(graph, 5000);
    struct engine_run *b = begun(graph, 0);

    cr_assert(!equal(a, b), "its time is not known yet");
    engine_run_stamp(b, 5000);
    cr_assert(equal(a, b));
    engine_run_free(a);
    engine_run_free(b);
    engine_graph_free(graph);
}

Test(engine_run_digest, another_time_or_event_has_another)
{
    struct engine_graph *graph = graph_of_two();
    struct engine_run *a = begun(graph, 5000);
    struct engine_run *b = begun(graph, 6000);
    struct engine_run *c = begun(graph, 5000);

    cr_assert(!equal(a, b));
    cr_assert(equal(a, c));
    apply(c, ENGINE_EV_ATTEMPT_STARTED, 0, 1, 7000);
    apply(c, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 1, 7000);
    cr_assert(!equal(a, c));
    engine_run_free(a);
    engine_run_free(b);
    engine_run_free(c);
    engine_graph_free(graph);
}
