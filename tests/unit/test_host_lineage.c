/*
 * Where values come from, out of a run's log: executions, their parents, and
 * what is said of a log that is not what was written.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage.h"
#include "engine/value.h"
#include "tests/support/log_bed.h"

enum {
    RUN = 7
};

/* Two sources, one of them named to do harm, and what follows both. */
static struct engine_graph *diamond(const char *first, bool elsewhere)
{
    static const char *const in[] = {"a", "b"};
    static const char *const out[] = {"out"};
    struct engine_node step = {
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 1000000000,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 3, .factor_milli = 1000},
        .outputs = out,
        .output_count = 1,
    };
    struct engine_node nodes[3] = {step, step, step};
    const struct engine_edge_names edges[] = {{first, "out", "sum", "a"},
                                              {"right", "out", "sum", "b"}};
    struct engine_graph_error error;

    nodes[0].name = first;
    nodes[1].name = "right";
    nodes[2].name = "sum";
    nodes[2].inputs = in;
    nodes[2].input_count = 2;
    if (elsewhere) {
        nodes[0].platform_count = 1;
        nodes[0].platforms[0] = 1;
        nodes[0].platform_names[0] = "celery";
    }
    struct engine_graph *graph =
        engine_graph_new("diamond", nodes, 3, edges, 2, &error);
    cr_assert(graph, "%d", error.fault);
    return graph;
}

static void add(struct log_bed *b, unsigned kind, uint32_t op, uint32_t attempt,
                uint64_t a, uint64_t bb, const void *bytes, size_t size)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .op = op,
                                     .attempt = attempt,
                                     .a = a,
                                     .b = bb};

    store_bed_item(&b->bed, &item, bytes, size);
}

/* An envelope of one text, with its digest, or a wrong one. */
static void add_output(struct log_bed *b, unsigned kind, uint32_t op,
                       uint32_t attempt, const char *text, uint64_t wrong)
{
    unsigned char bytes[64] = {0};
    size_t size = engine_value_write(bytes, ENGINE_VALUE_INLINE, text,
                                     (uint32_t)strlen(text));
    struct engine_hash hash = engine_hash_bytes(bytes, size);

    add(b, kind, op, attempt, hash.lo ^ wrong, hash.hi, bytes, size);
}

static void succeed(struct log_bed *b, uint32_t op, uint32_t attempt,
                    const char *text)
{
    add(b, ENGINE_EV_ATTEMPT_STARTED, op, attempt, 0, 0, NULL, 0);
    add_output(b, ENGINE_EV_ATTEMPT_SUCCEEDED, op, attempt, text, 0);
    add(b, ENGINE_EV_OP_SUCCEEDED, op, attempt, 0, 0, NULL, 0);
}

/* The first source fails once; all is well in the end. times: added to all. */
static void write_run(struct log_bed *b, uint64_t times, uint64_t wrong)
{
    log_bed_open(b);
    store_bed_ask(&b->bed, ENGINE_REQ_CREATE, BED_A, RUN);
    add(b, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, LOG_BED_WORKFLOW, 0, "{}", 2);
    add(b, ENGINE_EV_OP_SCHEDULED, 0, 1, 0, 0, NULL, 0);
    add(b, ENGINE_EV_OP_SCHEDULED, 1, 1, 0, 0, NULL, 0);
    log_bed_commit(b, 1000 + times);
    log_bed_append(b, RUN, 4);
    add(b, ENGINE_EV_ATTEMPT_STARTED, 0, 1, 0, 0, NULL, 0);
    add(b, ENGINE_EV_ATTEMPT_FAILED, 0, 1, ENGINE_ERR_NETWORK, 1, "down", 4);
    add(b, ENGINE_EV_RETRY_SCHEDULED, 0, 0, 5, 2, NULL, 0);
    succeed(b, 1, 1, "r");
    log_bed_commit(b, 2000 + times);
    log_bed_append(b, RUN, 10);
    add(b, ENGINE_EV_OP_SCHEDULED, 0, 2, 0, 0, NULL, 0);
    succeed(b, 0, 2, "l");
    add(b, ENGINE_EV_OP_SCHEDULED, 2, 1, 0, 0, NULL, 0);
    succeed(b, 2, 1, "s");
    add_output(b, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0, "s", wrong);
    log_bed_commit(b, 3000 + times);
}

static enum lineage_result collect(struct log_bed *b, uint64_t run,
                                   struct lineage *l,
                                   char error[HOST_ERROR_SIZE])
{
    const struct lineage_request request = {.run = run, .depth = 3};

    return lineage_collect(b->reader, &request, l, error);
}

static const struct lineage_execution *find(const struct lineage *l,
                                            const char *name, uint32_t attempt)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->executions[i].name, name) == 0 &&
            l->executions[i].attempt == attempt)
            return &l->executions[i];
    cr_assert_fail("no attempt %u of %s", attempt, name);
    return NULL;
}

Test(host_lineage, the_parents_of_a_node_are_the_attempts_that_succeeded)
{
    struct engine_graph *graph = diamond("left", false);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 0);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(collect(&b, RUN, &l, error), LINEAGE_HELD, "%s", error);
    cr_expect_eq(l.count, 5);
    const struct lineage_execution *sum = find(&l, "sum", 1);
    const struct lineage_edge *a = &l.edges[sum->first];
    const struct lineage_edge *second = &l.edges[a->next];
    cr_expect_eq(&l.executions[a->parent], find(&l, "left", 2));
    cr_expect_str_eq(a->from, "out");
    cr_expect_str_eq(a->to, "a");
    cr_expect_eq(&l.executions[second->parent], find(&l, "right", 1));
    cr_expect_str_eq(second->to, "b");
    cr_expect_eq(second->next, LINEAGE_NONE);
    cr_expect_eq(l.executions[0].op, UINT32_MAX);
    cr_expect_eq(&l.executions[l.edges[l.executions[0].first].parent], sum);
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(host_lineage, a_failed_attempt_is_an_execution_that_another_one_followed)
{
    struct engine_graph *graph = diamond("left", true);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 0);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(collect(&b, RUN, &l, error), LINEAGE_HELD, "%s", error);
    const struct lineage_execution *failed = find(&l, "left", 1);
    cr_expect_eq(failed->state, LINEAGE_FAILED);
    cr_expect_eq(failed->error, ENGINE_ERR_NETWORK);
    cr_expect_not(failed->final);
    cr_expect_not(failed->output.known);
    cr_expect_str_eq(failed->platform, "celery");
    cr_expect_eq(failed->ended_ns, 2000);
    cr_expect(find(&l, "left", 2)->final);
    cr_expect_null(find(&l, "right", 1)->platform);
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

/* An envelope of one text, hashed. */
static struct engine_hash digest_of(const char *one, const char *two)
{
    unsigned char bytes[128] = {0};
    size_t size = engine_value_write(bytes, ENGINE_VALUE_INLINE, one,
                                     (uint32_t)strlen(one));

    if (two)
        size += engine_value_write(bytes + size, ENGINE_VALUE_INLINE, two,
                                   (uint32_t)strlen(two));
    return engine_hash_bytes(bytes, size);
}

Test(host_lineage,
     digests_are_those_of_the_bytes_that_a_node_was_given_and_gave)
{
    struct engine_graph *graph = diamond("left", false);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 0);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(collect(&b, RUN, &l, error), LINEAGE_HELD, "%s", error);
    const struct lineage_execution *sum = find(&l, "sum", 1);
    cr_expect(engine_hash_equal(sum->output.digest, digest_of("s", NULL)));
    cr_expect(engine_hash_equal(sum->input.digest, digest_of("l", "r")));
    cr_expect(engine_hash_equal(find(&l, "right", 1)->input.digest,
                                digest_of("{}", NULL)));
    cr_expect(engine_hash_equal(l.executions[0].input.digest,
                                engine_hash_bytes("{}", 2)));
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

/* The lineage's digest and flow, of the run written with these. */
static void digests(bool elsewhere, uint64_t times, struct engine_hash *digest,
                    struct engine_hash *flow)
{
    struct engine_graph *graph = diamond("left", elsewhere);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, times, 0);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(collect(&b, RUN, &l, error), LINEAGE_HELD, "%s", error);
    *digest = l.digest;
    *flow = l.flow;
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(host_lineage, times_and_platforms_are_in_no_digest_but_attempts_are_in_one)
{
    struct engine_hash digest[2];
    struct engine_hash flow[2];

    digests(false, 0, &digest[0], &flow[0]);
    digests(true, 77, &digest[1], &flow[1]);
    cr_expect(engine_hash_equal(digest[0], digest[1]));
    cr_expect(engine_hash_equal(flow[0], flow[1]));
    cr_expect_not(engine_hash_equal(digest[0], flow[0]));
}

Test(host_lineage, a_result_of_another_digest_is_damage_at_its_event)
{
    struct engine_graph *graph = diamond("left", false);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 1);
    (void)log_bed_look(&b, graph);
    cr_expect_eq(collect(&b, RUN, &l, error), LINEAGE_DAMAGED);
    cr_expect(strstr(error, "run 7, event 18, position 3"), "%s", error);
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(host_lineage, a_row_that_was_changed_or_is_missing_is_damage_where_it_is)
{
    static const struct {
        const char *sql;
        const char *says;
    } harm[] = {
        {"UPDATE log SET time = time + 1 WHERE position = 2",
         "run 7, event 4, position 2"},
        {"UPDATE log SET previous = 0 WHERE position = 2",
         "run 7, event 4, position 2"},
        {"DELETE FROM log WHERE position = 1", "run 7, event"},
    };

    for (size_t i = 0; i < sizeof(harm) / sizeof(*harm); i++) {
        struct engine_graph *graph = diamond("left", false);
        struct lineage l;
        struct log_bed b;
        char error[HOST_ERROR_SIZE];

        write_run(&b, 0, 0);
        (void)log_bed_look(&b, graph);
        store_file_meddle(&b.file, harm[i].sql);
        cr_expect_eq(collect(&b, RUN, &l, error), LINEAGE_DAMAGED, "%s: %s",
                     harm[i].sql, error);
        cr_expect(strstr(error, harm[i].says), "%s: %s", harm[i].sql, error);
        lineage_free(&l);
        log_bed_close(&b);
        engine_graph_free(graph);
    }
}

Test(host_lineage, who_asks_for_no_run_is_told_the_nearest)
{
    struct engine_graph *graph = diamond("left", false);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 0);
    (void)log_bed_look(&b, graph);
    cr_expect_eq(collect(&b, 9, &l, error), LINEAGE_NO_RUN);
    cr_expect(strstr(error, "no run 9 among 1, from 7 to 7; the nearest: 7"),
              "%s", error);
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(host_lineage, a_run_whose_workflow_nobody_knows_is_said_to_be_so)
{
    struct engine_graph *graph = diamond("left", false);
    struct lineage l;
    struct log_bed b;
    char error[HOST_ERROR_SIZE];

    write_run(&b, 0, 0);
    (void)log_bed_look(&b, graph);
    store_file_meddle(&b.file, "UPDATE run SET workflow = 9");
    cr_expect_eq(collect(&b, RUN, &l, error), LINEAGE_UNKNOWN, "%s", error);
    cr_expect(strstr(error, "number 9"), "%s", error);
    lineage_free(&l);
    log_bed_close(&b);
    engine_graph_free(graph);
}
