#include "engine/graph.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/engine_bed.h"

static const char *const ab[] = {"a", "b"};
static const char *const abc[] = {"a", "b", "c"};
static const char *const aba[] = {"a", "b", "a"};

/* A step with inputs and outputs a and b. */
static struct engine_node node2(const char *name)
{
    struct engine_node node = engine_bed_step(name);
    node.inputs = ab;
    node.input_count = 2;
    node.outputs = ab;
    node.output_count = 2;
    return node;
}

/* Builds, frees, and says what came of it. */
static struct engine_graph_error fault_of(const struct engine_node *nodes,
                                          uint32_t node_count,
                                          const struct engine_edge_names *edges,
                                          uint32_t edge_count)
{
    struct engine_graph_error error = {0};
    struct engine_graph *graph =
        engine_graph_new("g", nodes, node_count, edges, edge_count, &error);
    cr_assert_eq(!graph, error.fault != ENGINE_GRAPH_OK);
    engine_graph_free(graph);
    return error;
}

Test(engine_graph, without_nodes_it_is_refused_as_empty)
{
    cr_assert_eq(fault_of(NULL, 0, NULL, 0).fault, ENGINE_GRAPH_EMPTY);
}

Test(engine_graph, of_two_equal_names_the_later_node_is_blamed)
{
    struct engine_node nodes[] = {node2("x"), node2("y"), node2("a"),
                                  node2("y")};
    struct engine_graph_error error = fault_of(nodes, 4, NULL, 0);
    cr_assert_eq(error.fault, ENGINE_GRAPH_DUPLICATE_NODE);
    cr_assert_eq(error.node, 3);
    cr_assert_eq(error.other, 1);
}

Test(engine_graph, a_handle_named_twice_is_found_among_inputs_and_outputs)
{
    struct engine_node nodes[] = {node2("x"), node2("y")};
    nodes[1].inputs = aba;
    nodes[1].input_count = 3;
    struct engine_graph_error error = fault_of(nodes, 2, NULL, 0);
    cr_assert_eq(error.fault, ENGINE_GRAPH_DUPLICATE_HANDLE);
    cr_assert_eq(error.node, 1);
    cr_assert_eq(error.handle, 2);
    nodes[1] = node2("y");
    nodes[1].outputs = aba;
    nodes[1].output_count = 3;
    cr_assert_eq(fault_of(nodes, 2, NULL, 0).fault,
                 ENGINE_GRAPH_DUPLICATE_HANDLE);
}

Test(engine_graph, an_edge_from_or_to_nowhere_says_which_end)
{
    struct engine_node nodes[] = {node2("x"), node2("y")};
    struct engine_edge_names from[] = {{"x", "a", "y", "a"},
                                       {"z", "a", "y", "b"}};
    struct engine_edge_names to[] = {{"x", "a", "z", "a"}};
    struct engine_graph_error error = fault_of(nodes, 2, from, 2);
    cr_assert_eq(error.fault, ENGINE_GRAPH_UNKNOWN_NODE);
    cr_assert_eq(error.edge, 1);
    cr_assert_eq(error.node, 0);
    error = fault_of(nodes, 2, to, 1);
    cr_assert_eq(error.fault, ENGINE_GRAPH_UNKNOWN_NODE);
    cr_assert_eq(error.node, 1);
}

Test(engine_graph, an_unknown_handle_names_its_node)
{
    struct engine_node nodes[] = {node2("x"), node2("y")};
    struct engine_edge_names out[] = {{"x", "no", "y", "a"}};
    struct engine_edge_names in[] = {{"x", "a", "y", "a"},
                                     {"x", "a", "y", "no"}};
    struct engine_graph_error error = fault_of(nodes, 2, out, 1);
    cr_assert_eq(error.fault, ENGINE_GRAPH_UNKNOWN_HANDLE);
    cr_assert_eq(error.node, 0);
    error = fault_of(nodes, 2, in, 2);
    cr_assert_eq(error.fault, ENGINE_GRAPH_UNKNOWN_HANDLE);
    cr_assert_eq(error.node, 1);
    cr_assert_eq(error.edge, 1);
}

Test(engine_graph, an_input_takes_one_edge_whatever_the_order)
{
    struct engine_node nodes[] = {node2("x"), node2("y"), node2("z")};
    nodes[2].inputs = abc;
    nodes[2].input_count = 3;
    const char *first[] = {"a", "b", "c"};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned other = 0; other < 3; other++) {
            struct engine_edge_names edges[] = {{"x", "a", "z", first[i]},
                                                {"x", "b", "z", first[other]},
                                                {"y", "a", "z", first[i]}};
            struct engine_graph_error error = fault_of(nodes, 3, edges, 3);
            cr_assert_eq(error.fault, ENGINE_GRAPH_HANDLE_TAKEN);
            cr_assert_eq(error.node, 2);
            cr_assert_eq(error.handle, i);
            cr_assert_eq(error.edge, other == i ? 1U : 2U);
        }
    }
}

Test(engine_graph, an_edge_given_twice_is_a_second_value_for_its_input)
{
    struct engine_node nodes[] = {node2("x"), engine_bed_step("y")};
    struct engine_edge_names edges[] = {{"x", "a", "y", "in"},
                                        {"x", "a", "y", "in"}};
    struct engine_graph_error error = fault_of(nodes, 2, edges, 2);
    cr_assert_eq(error.fault, ENGINE_GRAPH_HANDLE_TAKEN);
    cr_assert_eq(error.edge, 1);
}

Test(engine_graph, some_inputs_joined_and_one_not_names_the_one)
{
    struct engine_node nodes[] = {node2("x"), node2("y")};
    nodes[1].inputs = abc;
    nodes[1].input_count = 3;
    const char *names[] = {"a", "b", "c"};
    for (uint32_t missing = 0; missing < 3; missing++) {
        struct engine_edge_names edges[] = {
            {"x", "a", "y", names[(missing + 2) % 3]},
            {"x", "b", "y", names[(missing + 1) % 3]}};
        struct engine_graph_error error = fault_of(nodes, 2, edges, 2);
        cr_assert_eq(error.fault, ENGINE_GRAPH_MISSING_INPUT);
        cr_assert_eq(error.node, 1);
        cr_assert_eq(error.handle, missing);
    }
}

Test(engine_graph, a_node_fed_by_itself_is_a_cycle)
{
    struct engine_node nodes[] = {node2("w"), engine_bed_step("x")};
    struct engine_edge_names edges[] = {{"x", "out", "x", "in"}};
    struct engine_graph_error error = fault_of(nodes, 2, edges, 1);
    cr_assert_eq(error.fault, ENGINE_GRAPH_CYCLE);
    cr_assert_eq(error.node, 1);
    cr_assert_eq(error.edge, 0);
}

/* c and d form a cycle, so do a and b, which feed c: only d -> c closes c. */
Test(engine_graph, the_edge_named_lies_on_the_cycle_and_not_before_it)
{
    struct engine_node nodes[] = {node2("c"), engine_bed_step("d"),
                                  engine_bed_step("a"), engine_bed_step("b")};
    struct engine_edge_names edges[] = {{"c", "a", "d", "in"},
                                        {"d", "out", "c", "a"},
                                        {"a", "out", "b", "in"},
                                        {"b", "out", "a", "in"},
                                        {"a", "out", "c", "b"}};
    struct engine_graph_error error = fault_of(nodes, 4, edges, 5);
    cr_assert_eq(error.fault, ENGINE_GRAPH_CYCLE);
    cr_assert_eq(error.node, 0);
    cr_assert_eq(error.edge, 1);
}

Test(engine_graph, a_cycle_behind_a_good_part_is_named_inside_the_cycle)
{
    struct engine_node nodes[] = {engine_bed_step("tail"), node2("x"),
                                  engine_bed_step("y"),
                                  engine_bed_step("root")};
    struct engine_edge_names edges[] = {{"root", "out", "x", "a"},
                                        {"x", "a", "y", "in"},
                                        {"y", "out", "x", "b"},
                                        {"x", "b", "tail", "in"}};
    struct engine_graph_error error = fault_of(nodes, 4, edges, 4);
    cr_assert_eq(error.fault, ENGINE_GRAPH_CYCLE);
    cr_assert((error.node == 1 && error.edge == 2) ||
              (error.node == 2 && error.edge == 1));
}

Test(engine_graph, numbers_are_accepted_at_their_limits)
{
    struct engine_node node = engine_bed_step("x");
    node.attempt_timeout_ns = INT64_MAX;
    node.retry.attempts_max = 10000;
    node.retry.factor_milli = 1000000;
    node.retry.delay_ns = INT64_MAX;
    node.retry.delay_max_ns = INT64_MAX;
    cr_assert_eq(fault_of(&node, 1, NULL, 0).fault, ENGINE_GRAPH_OK);
    node.retry = (struct engine_retry){.attempts_max = 1, .factor_milli = 1000};
    cr_assert_eq(fault_of(&node, 1, NULL, 0).fault, ENGINE_GRAPH_OK);
    node = engine_bed_wait("x", INT64_MAX);
    cr_assert_eq(fault_of(&node, 1, NULL, 0).fault, ENGINE_GRAPH_OK);
}

/* Each spoils one number of a good step. */
static struct engine_node spoiled(unsigned which)
{
    struct engine_node node = engine_bed_step("x");
    switch (which) {
    case 0:
        node.kind = (enum engine_node_kind)4;
        break;
    case 1:
        node.attempt_timeout_ns = 0;
        break;
    case 2:
        node.side_effect = (enum engine_side_effect)0;
        break;
    case 3:
        node.side_effect = (enum engine_side_effect)5;
        break;
    case 4:
        node.semantics = (enum engine_semantics)0;
        break;
    case 5:
        node.semantics = (enum engine_semantics)3;
        break;
    case 6:
        node.retry.attempts_max = 0;
        break;
    case 7:
        node.retry.attempts_max = 10001;
        break;
    case 8:
        node.retry.factor_milli = 999;
        break;
    case 9:
        node.retry.factor_milli = 1000001;
        break;
    case 10:
        node.retry.delay_ns = node.retry.delay_max_ns + 1;
        break;
    case 11:
        node.retry.jitter = (enum engine_jitter)3;
        break;
    case 12:
        node.attempt_timeout_ns = (uint64_t)INT64_MAX + 1;
        break;
    case 13:
        node.retry.delay_max_ns = (uint64_t)INT64_MAX + 1;
        break;
    case 14:
        node = engine_bed_wait("x", 0);
        break;
    case 15:
        node = engine_bed_wait("x", (uint64_t)INT64_MAX + 1);
        break;
    case 16:
        node.schedule_to_start_ns = (uint64_t)INT64_MAX + 1;
        break;
    case 17:
        node.timeout_ns = (uint64_t)INT64_MAX + 1;
        break;
    default:
        node.kind = (enum engine_node_kind)0;
        break;
    }
    return node;
}

Test(engine_graph, a_number_out_of_its_range_is_refused)
{
    for (unsigned which = 0; which <= 18; which++) {
        struct engine_node nodes[] = {engine_bed_step("good"), spoiled(which)};
        struct engine_graph_error error = fault_of(nodes, 2, NULL, 0);
        cr_assert_eq(error.fault, ENGINE_GRAPH_BAD_VALUE, "number %u", which);
        cr_assert_eq(error.node, 1);
    }
}

Test(engine_graph, nodes_edges_and_handles_have_limits)
{
    static struct engine_node nodes[ENGINE_GRAPH_NODES_MAX + 1];
    static char names[ENGINE_GRAPH_NODES_MAX + 1][8];
    static const char *handles[ENGINE_GRAPH_HANDLES_MAX + 1];
    for (unsigned i = 0; i <= ENGINE_GRAPH_NODES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "n%u", i);
        nodes[i] = engine_bed_step(names[i]);
        if (i <= ENGINE_GRAPH_HANDLES_MAX)
            handles[i] = names[i];
    }
    cr_assert_eq(fault_of(nodes, ENGINE_GRAPH_NODES_MAX, NULL, 0).fault,
                 ENGINE_GRAPH_OK);
    cr_assert_eq(fault_of(nodes, ENGINE_GRAPH_NODES_MAX + 1, NULL, 0).fault,
                 ENGINE_GRAPH_TOO_LARGE);
    struct engine_edge_names edge = {"n0", "out", "n1", "in"};
    cr_assert_eq(fault_of(nodes, 2, &edge, ENGINE_GRAPH_EDGES_MAX + 1).fault,
                 ENGINE_GRAPH_TOO_LARGE);
    nodes[1].outputs = handles;
    nodes[1].output_count = ENGINE_GRAPH_HANDLES_MAX;
    cr_assert_eq(fault_of(nodes, 2, NULL, 0).fault, ENGINE_GRAPH_OK);
    nodes[1].output_count++;
    struct engine_graph_error error = fault_of(nodes, 2, NULL, 0);
    cr_assert_eq(error.fault, ENGINE_GRAPH_TOO_LARGE);
    cr_assert_eq(error.node, 1);
}

/* The digest of two joined nodes, one number or name of which is changed. */
static struct engine_hash digest_with(unsigned change)
{
    static const char *const other[] = {"a", "z"};
    struct engine_node nodes[] = {node2("x"), node2("y")};
    struct engine_edge_names edges[] = {{"x", "a", "y", "a"},
                                        {"x", "b", "y", "b"}};
    const char *name = "g";
    struct engine_node *node = &nodes[0];
    switch (change) {
    case 1:
        node->attempt_timeout_ns++;
        break;
    case 2:
        node->side_effect = ENGINE_EFFECT_READ_ONLY;
        break;
    case 3:
        node->semantics = ENGINE_AT_MOST_ONCE;
        break;
    case 4:
        node->retry.attempts_max++;
        break;
    case 5:
        node->retry.factor_milli++;
        break;
    case 6:
        node->retry.delay_ns++;
        break;
    case 7:
        node->retry.delay_max_ns++;
        break;
    case 8:
        node->retry.jitter = ENGINE_JITTER_FULL;
        break;
    case 9:
        node->name = edges[0].from = edges[1].from = "xx";
        break;
    case 10:
        node->inputs = other;
        break;
    case 11:
        nodes[1].outputs = other;
        break;
    case 12:
        edges[0].output = "b";
        break;
    case 13:
        edges[0].input = "b";
        edges[1].input = "a";
        break;
    case 14:
        node->kind = ENGINE_NODE_WAIT;
        node->wait_ns = 1;
        break;
    case 15:
        node->kind = ENGINE_NODE_WAIT;
        node->wait_ns = 2;
        break;
    case 16:
        name = "h";
        break;
    case 17:
        node->input_count = 1;
        break;
    case 18:
        nodes[1].outputs = abc;
        nodes[1].output_count = 3;
        break;
    default:
        break;
    }
    struct engine_graph *graph =
        engine_graph_new(name, nodes, 2, edges, 2, NULL);
    cr_assert(graph, "change %u", change);
    struct engine_hash digest = engine_graph_digest(graph);
    engine_graph_free(graph);
    return digest;
}

Test(engine_graph, every_field_is_in_the_digest)
{
    struct engine_hash digests[19];
    for (unsigned i = 0; i < 19; i++) {
        digests[i] = digest_with(i);
        for (unsigned k = 0; k < i; k++)
            cr_assert(digests[i].lo != digests[k].lo ||
                          digests[i].hi != digests[k].hi,
                      "changes %u and %u give one digest", i, k);
    }
}

Test(engine_graph, a_handle_moved_from_inputs_to_outputs_changes_the_digest)
{
    struct engine_node in = node2("x");
    struct engine_node out = node2("x");
    in.output_count = 0;
    out.inputs = ab;
    out.input_count = 1;
    out.outputs = ab + 1;
    out.output_count = 1;
    struct engine_graph *left = engine_graph_new("g", &in, 1, NULL, 0, NULL);
    struct engine_graph *right = engine_graph_new("g", &out, 1, NULL, 0, NULL);
    cr_assert_neq(engine_graph_digest(left).lo, engine_graph_digest(right).lo);
    engine_graph_free(left);
    engine_graph_free(right);
}

Test(engine_graph, equal_graphs_at_other_addresses_have_one_digest)
{
    char name[] = "x";
    char handle[] = "in";
    const char *handles[] = {handle};
    struct engine_node near = engine_bed_step("x");
    struct engine_node far = engine_bed_step(name);
    far.inputs = handles;
    struct engine_graph *left = engine_graph_new("g", &near, 1, NULL, 0, NULL);
    struct engine_graph *right = engine_graph_new("g", &far, 1, NULL, 0, NULL);
    name[0] = 'y'; /* the graph keeps what it was given, not where */
    cr_assert_eq(engine_graph_digest(left).lo, engine_graph_digest(right).lo);
    cr_assert_eq(engine_graph_digest(left).hi, engine_graph_digest(right).hi);
    cr_assert_eq(engine_graph_find(right, "x"), 0);
    cr_assert_eq(engine_graph_find(right, "y"), UINT32_MAX);
    engine_graph_free(left);
    engine_graph_free(right);
}

/* x feeds both inputs of z, and y; z and y feed nothing. */
Test(engine_graph, a_node_joined_twice_is_one_dependent_and_two_sources)
{
    struct engine_node nodes[] = {node2("z"), node2("x"), engine_bed_step("y")};
    struct engine_edge_names edges[] = {
        {"x", "b", "z", "b"}, {"x", "a", "y", "in"}, {"x", "a", "z", "a"}};
    struct engine_graph *graph =
        engine_graph_new("g", nodes, 3, edges, 3, NULL);
    uint32_t count;
    const uint32_t *next = engine_graph_dependents(graph, 1, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(next[0], 0);
    cr_assert_eq(next[1], 2);
    const struct engine_source *from = engine_graph_sources(graph, 0, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(from[0].input, 0);
    cr_assert_eq(from[0].output, 0);
    cr_assert_eq(from[1].input, 1);
    cr_assert_eq(from[1].output, 1);
    cr_assert_eq(engine_graph_indegree(graph, 0), 1);
    cr_assert_eq(engine_graph_indegree(graph, 1), 0);
    cr_assert_str_eq(engine_graph_name(graph), "g");
    engine_graph_free(graph);
}

Test(engine_graph, a_handler_stands_alone_in_its_graph)
{
    struct engine_node handler = {
        .name = "h", .kind = ENGINE_NODE_HANDLER, .attempt_timeout_ns = 1};
    struct engine_node nodes[] = {engine_bed_step("s"), handler};
    cr_assert_eq(fault_of(&handler, 1, NULL, 0).fault, ENGINE_GRAPH_OK);
    cr_assert_eq(fault_of(nodes, 2, NULL, 0).fault, ENGINE_GRAPH_NOT_ALONE);
    handler.attempt_timeout_ns = 0;
    cr_assert_eq(fault_of(&handler, 1, NULL, 0).fault, ENGINE_GRAPH_BAD_VALUE);
}

Test(engine_graph, the_time_of_a_run_is_part_of_its_identity)
{
    struct engine_graph *one = engine_bed_handler("h");
    struct engine_graph *other = engine_bed_handler("h");
    struct engine_hash plain = engine_graph_digest(one);
    cr_assert_eq(engine_graph_timeout(one), 0);
    engine_graph_set_timeout(one, 0);
    cr_assert_eq(engine_graph_digest(one).lo, plain.lo);
    engine_graph_set_timeout(one, 7);
    cr_assert_eq(engine_graph_timeout(one), 7);
    cr_assert_neq(engine_graph_digest(one).lo, plain.lo);
    engine_graph_set_timeout(other, 7);
    cr_assert_eq(engine_graph_digest(one).lo, engine_graph_digest(other).lo);
    cr_assert(engine_graph_is_handler(one));
    engine_graph_free(one);
    engine_graph_free(other);
}
