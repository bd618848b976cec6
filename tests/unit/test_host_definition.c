/*
 * Workflows as bytes: what is not exactly what was written makes no graph.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/definition.h"

static struct engine_graph *sample_with(uint64_t start_ns, uint64_t timeout_ns)
{
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out", "more"};
    const struct engine_node nodes[] = {
        {.name = "first",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 7,
         .schedule_to_start_ns = start_ns,
         .timeout_ns = timeout_ns,
         .side_effect = ENGINE_EFFECT_IDEMPOTENT,
         .semantics = ENGINE_AT_LEAST_ONCE,
         .retry = {.attempts_max = 3, .factor_milli = 1500},
         .outputs = out,
         .output_count = 2},
        {.name = "second",
         .kind = ENGINE_NODE_WAIT,
         .wait_ns = 1000000000,
         .inputs = in,
         .input_count = 1,
         .outputs = out,
         .output_count = 1},
    };
    const struct engine_edge_names edges[] = {
        {"first", "more", "second", "in"}};
    struct engine_graph *graph =
        engine_graph_new("sample", nodes, 2, edges, 1, NULL);

    cr_assert_not_null(graph);
    return graph;
}

static struct engine_graph *sample(void)
{
    return sample_with(0, 0);
}

/* The sample's bytes, to be freed; and its digest. */
static unsigned char *written(size_t *size, struct engine_hash *digest)
{
    struct engine_graph *graph = sample();
    struct engine_block block;
    const void *bytes;

    engine_block_init(&block);
    cr_assert_eq(host_definition_write(&block, graph, &bytes, size), 0);
    *digest = engine_graph_digest(graph);
    unsigned char *copy = malloc(*size + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, *size);
    engine_block_free(&block);
    engine_graph_free(graph);
    return copy;
}

Test(host_definition, a_part_or_more_than_the_whole_is_no_workflow)
{
    struct engine_hash digest;
    size_t size;
    unsigned char *bytes = written(&size, &digest);

    for (size_t part = 0; part < size; part++)
        cr_assert_null(host_definition_read(bytes, part), "%zu bytes", part);
    bytes[size] = 0;
    cr_expect_null(host_definition_read(bytes, size + 1));
    free(bytes);
}

Test(host_definition, a_damaged_bit_makes_no_workflow)
{
    struct engine_hash digest;
    size_t size;
    unsigned char *bytes = written(&size, &digest);

    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        cr_assert_null(host_definition_read(bytes, size), "bit %zu", bit);
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    struct engine_graph *graph = host_definition_read(bytes, size);
    cr_assert_not_null(graph);
    cr_expect_eq(engine_graph_digest(graph).lo, digest.lo);
    engine_graph_free(graph);
    free(bytes);
}

Test(host_definition, another_version_is_refused)
{
    struct engine_hash digest;
    size_t size;
    unsigned char *bytes = written(&size, &digest);

    bytes[0]++;
    cr_expect_null(host_definition_read(bytes, size));
    free(bytes);
}

Test(host_definition, deadlines_are_part_of_it_and_what_has_none_is_as_before)
{
    static const struct {
        uint64_t start_ns;
        uint64_t timeout_ns;
        uint64_t version;
    } cases[] = {{0, 0, 1}, {5, 0, 2}, {0, 9, 2}, {5, 9, 2}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct engine_graph *graph =
            sample_with(cases[i].start_ns, cases[i].timeout_ns);
        struct engine_block block;
        const void *bytes;
        uint64_t version;
        size_t size;

        engine_block_init(&block);
        cr_assert_eq(host_definition_write(&block, graph, &bytes, &size), 0);
        memcpy(&version, bytes, sizeof(version));
        cr_expect_eq(version, cases[i].version);
        struct engine_graph *again = host_definition_read(bytes, size);
        cr_assert_not_null(again);
        const struct engine_node *node = engine_graph_node(again, 0);
        cr_expect_eq(node->schedule_to_start_ns, cases[i].start_ns);
        cr_expect_eq(node->timeout_ns, cases[i].timeout_ns);
        engine_graph_free(again);
        engine_graph_free(graph);
        engine_block_free(&block);
    }
}
