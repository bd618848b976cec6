/*
 * The operations of a run out of its log: names, parents, how each stands,
 * since when, and the one result that was asked for.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/value.h"
#include "scenarios/run_operations.h"
#include "tests/support/engine_bed.h"
#include "tests/support/log_bed.h"

enum {
    RUN = 7
};

static struct run_operations read_all(struct log_bed *b, uint32_t wanted,
                                      const char *name)
{
    const struct engine_run_row row = {.run = RUN,
                                       .workflow = LOG_BED_WORKFLOW};
    struct run_operations all = {.wanted = wanted, .name = name};

    cr_assert_eq(run_operations_read(b->reader, &row, &all), 0);
    return all;
}

static bool has_value(const struct run_operations *all,
                      enum run_value_form form, const char *text)
{
    return all->form == form && all->value_size == strlen(text) &&
           memcmp(all->value, text, all->value_size) == 0;
}

/* A step and a wait in one context, and a step that failed twice. */
static void write_handler(struct log_bed *b)
{
    log_bed_open(b);
    log_bed_create(b, RUN);
    log_bed_commit(b, 1000);
    log_bed_append(b, RUN, 2);
    log_bed_operation(
        b, (struct log_operation){.kind = ENGINE_EV_OPERATION_STARTED,
                                  .op = 1,
                                  .type = ENGINE_OPERATION_CONTEXT,
                                  .subtype = ENGINE_SUBTYPE_MAP,
                                  .name = "block"});
    log_bed_operation(
        b, (struct log_operation){.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                                  .op = 2,
                                  .type = ENGINE_OPERATION_STEP,
                                  .attempt = 1,
                                  .parent = 1,
                                  .name = "inner",
                                  .value = "in"});
    log_bed_commit(b, 2000);
    log_bed_append(b, RUN, 4);
    log_bed_operation(b,
                      (struct log_operation){.kind = ENGINE_EV_OPERATION_RETRY,
                                             .op = 3,
                                             .type = ENGINE_OPERATION_STEP,
                                             .attempt = 1,
                                             .error = ENGINE_ERR_NETWORK,
                                             .name = "charge"});
    log_bed_operation(
        b, (struct log_operation){.kind = ENGINE_EV_OPERATION_STARTED,
                                  .op = 4,
                                  .type = ENGINE_OPERATION_WAIT,
                                  .first_ns = 50,
                                  .parent = 1,
                                  .name = "pause"});
    log_bed_commit(b, 3000);
    log_bed_append(b, RUN, 6);
    log_bed_operation(b,
                      (struct log_operation){.kind = ENGINE_EV_OPERATION_FAILED,
                                             .op = 3,
                                             .type = ENGINE_OPERATION_STEP,
                                             .attempt = 2,
                                             .error = ENGINE_ERR_USER,
                                             .name = "charge",
                                             .value = "no"});
    log_bed_event(b, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0, "result");
    log_bed_commit(b, 4500);
}

Test(scenarios_run_operations, a_handlers_operations_have_names_and_parents)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct log_bed b;

    write_handler(&b);
    (void)log_bed_look(&b, graph);
    struct run_operations all = read_all(&b, UINT32_MAX, NULL);
    cr_expect(all.handler);
    cr_assert_eq(all.count, 4);
    cr_expect_str_eq(all.list[0].name, "block");
    cr_expect_eq(all.list[0].subtype, ENGINE_SUBTYPE_MAP);
    cr_expect_eq(all.list[0].parent, UINT32_MAX);
    cr_expect_str_eq(all.list[1].name, "inner");
    cr_expect_eq(all.list[1].number, 2);
    cr_expect_eq(all.list[1].parent, 0);
    cr_expect_eq(all.list[1].depth, 1);
    cr_expect_eq(all.list[2].parent, UINT32_MAX);
    cr_expect_eq(all.list[3].parent, 0);
    cr_expect_eq(all.list[3].type, ENGINE_OPERATION_WAIT);
    run_operations_free(&all);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_operations, each_says_how_it_stands_and_since_when)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct log_bed b;

    write_handler(&b);
    (void)log_bed_look(&b, graph);
    struct run_operations all = read_all(&b, UINT32_MAX, NULL);
    cr_assert_eq(all.count, 4);
    cr_expect_eq(all.list[0].status, ENGINE_STATUS_STARTED);
    cr_expect_eq(all.list[0].ended_ns, 0);
    cr_expect_eq(all.list[1].status, ENGINE_STATUS_SUCCEEDED);
    cr_expect_eq(all.list[1].started_ns, 2000);
    cr_expect_eq(all.list[1].ended_ns, 2000);
    cr_expect_eq(all.list[2].status, ENGINE_STATUS_FAILED);
    cr_expect_eq(all.list[2].attempts, 2);
    cr_expect_eq(all.list[2].error, ENGINE_ERR_USER);
    cr_expect_eq(all.list[2].started_ns, 3000);
    cr_expect_eq(all.list[2].ended_ns, 4500);
    cr_expect_eq(all.list[3].status, ENGINE_STATUS_STARTED);
    run_operations_free(&all);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_operations, only_the_result_that_is_asked_for_is_kept)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct log_bed b;

    write_handler(&b);
    (void)log_bed_look(&b, graph);
    struct run_operations all = read_all(&b, UINT32_MAX, NULL);
    cr_expect(has_value(&all, RUN_VALUE_BYTES, "result"));
    run_operations_free(&all);
    all = read_all(&b, 2, NULL);
    cr_expect(has_value(&all, RUN_VALUE_BYTES, "in"));
    run_operations_free(&all);
    all = read_all(&b, UINT32_MAX, "inner");
    cr_expect(has_value(&all, RUN_VALUE_BYTES, "in"));
    run_operations_free(&all);
    /* Words of an error are no result; nor is there one of a wait. */
    all = read_all(&b, 3, NULL);
    cr_expect_eq(all.form, RUN_VALUE_NONE);
    run_operations_free(&all);
    all = read_all(&b, UINT32_MAX, "pause");
    cr_expect_eq(all.form, RUN_VALUE_NONE);
    run_operations_free(&all);
    log_bed_close(&b);
    engine_graph_free(graph);
}

static struct engine_graph *two_nodes(void)
{
    const struct engine_node nodes[] = {engine_bed_step("pack"),
                                        engine_bed_wait("rest", 5)};
    const struct engine_edge_names edge = {"pack", "out", "rest", "in"};
    struct engine_graph *graph =
        engine_graph_new("parcels", nodes, 2, &edge, 1, NULL);

    cr_assert_not_null(graph);
    return graph;
}

Test(scenarios_run_operations, nodes_of_a_graph_are_there_before_they_begin)
{
    struct engine_graph *graph = two_nodes();
    unsigned char value[64];
    struct log_bed b;

    size_t size = engine_value_write(value, ENGINE_VALUE_INLINE, "box", 3);
    log_bed_open(&b);
    log_bed_create(&b, RUN);
    log_bed_event(&b, ENGINE_EV_OP_SCHEDULED, 0, 1, "");
    log_bed_commit(&b, 1000);
    log_bed_append(&b, RUN, 3);
    log_bed_event(&b, ENGINE_EV_ATTEMPT_STARTED, 0, 2, "");
    log_bed_bytes(&b, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 2, value, size);
    log_bed_event(&b, ENGINE_EV_OP_SUCCEEDED, 0, 2, "");
    log_bed_commit(&b, 1700);
    (void)log_bed_look(&b, graph);
    struct run_operations all = read_all(&b, UINT32_MAX, "pack");
    cr_expect_not(all.handler);
    cr_assert_eq(all.count, 2);
    cr_expect_str_eq(all.list[0].name, "pack");
    cr_expect_eq(all.list[0].status, ENGINE_STATUS_SUCCEEDED);
    cr_expect_eq(all.list[0].attempts, 2);
    cr_expect_eq(all.list[0].started_ns, 1000);
    cr_expect_eq(all.list[0].ended_ns, 1700);
    cr_expect_str_eq(all.list[1].name, "rest");
    cr_expect_eq(all.list[1].type, ENGINE_OPERATION_WAIT);
    cr_expect_eq(all.list[1].started_ns, 0);
    cr_expect_eq(all.form, RUN_VALUE_ENVELOPE);
    cr_assert_eq(all.value_size, size);
    cr_expect_eq(memcmp(all.value, value, size), 0);
    run_operations_free(&all);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_operations, a_run_is_found_by_its_number_or_not)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct engine_run_row row;
    struct log_bed b;

    log_bed_open(&b);
    log_bed_create(&b, 3);
    log_bed_commit(&b, 1000);
    log_bed_create(&b, RUN);
    log_bed_commit(&b, 1000);
    struct host_reader *reader = log_bed_look(&b, graph);
    cr_expect_eq(run_operations_row(reader, RUN, &row), 1);
    cr_expect_eq(row.run, RUN);
    cr_expect_eq(run_operations_row(reader, 3, &row), 1);
    cr_expect_eq(row.run, 3);
    cr_expect_eq(run_operations_row(reader, 5, &row), 0);
    cr_expect_eq(run_operations_row(reader, 8, &row), 0);
    log_bed_close(&b);
    engine_graph_free(graph);
}

/* A second failure is an operator's word, or another attempt's. */
Test(scenarios_run_operations, a_step_is_ambiguous_until_an_operator_speaks)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct log_bed b;
    struct log_operation failed = {.kind = ENGINE_EV_OPERATION_FAILED,
                                   .op = 1,
                                   .type = ENGINE_OPERATION_STEP,
                                   .attempt = 1,
                                   .error = ENGINE_ERR_AMBIGUOUS,
                                   .name = "pay"};

    log_bed_open(&b);
    log_bed_create(&b, RUN);
    log_bed_commit(&b, 1000);
    log_bed_append(&b, RUN, 2);
    log_bed_operation(&b, failed);
    failed.op = 2;
    log_bed_operation(&b, failed);
    log_bed_operation(&b, failed);
    log_bed_commit(&b, 2000);
    (void)log_bed_look(&b, graph);
    struct run_operations all = read_all(&b, UINT32_MAX, NULL);
    cr_assert_eq(all.count, 2);
    cr_expect(all.list[0].ambiguous);
    cr_expect_eq(all.list[0].status, ENGINE_STATUS_STARTED);
    cr_expect_eq(all.list[0].ended_ns, 0);
    cr_expect_not(all.list[1].ambiguous);
    cr_expect_eq(all.list[1].status, ENGINE_STATUS_FAILED);
    run_operations_free(&all);
    log_bed_close(&b);
    engine_graph_free(graph);
}
