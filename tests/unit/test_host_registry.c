/*
 * What an engine keeps of a database beside its runs, in files that the store
 * has made, that are older, and that were damaged.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/definition.h"
#include "engine/host/registry.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

struct stage {
    struct store_file file;
    struct host_registry *registry;
    char error[HOST_ERROR_SIZE];
};

/* A database with a run, and its registry. */
static void stage_make(struct stage *stage)
{
    static const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                             .kind = ENGINE_EV_RUN_CREATED};
    struct store_opener opener;
    struct store_bed bed;

    *stage = (struct stage){.file = {.page_size = 4096}};
    opener = store_file_opener(&stage->file);
    store_file_make(&stage->file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0, "%s", stage->file.error);
    store_bed_ask(&bed, ENGINE_REQ_CREATE, BED_A, 41);
    store_bed_item(&bed, &event, NULL, 0);
    cr_assert_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    store_bed_close(&bed);
    stage->registry = host_registry_open(stage->file.path, stage->error);
    cr_assert_not_null(stage->registry, "%s", stage->error);
}

static void stage_end(struct stage *stage)
{
    host_registry_close(stage->registry);
    store_file_remove(&stage->file);
}

static void stage_again(struct stage *stage)
{
    host_registry_close(stage->registry);
    stage->registry = host_registry_open(stage->file.path, stage->error);
    cr_assert_not_null(stage->registry, "%s", stage->error);
}

static struct engine_graph *graph_named(const char *name)
{
    static const char *const out[] = {"out"};
    const struct engine_node node = {
        .name = "only",
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 1,
        .side_effect = ENGINE_EFFECT_READ_ONLY,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 1, .factor_milli = 1000},
        .outputs = out,
        .output_count = 1};
    struct engine_graph *graph =
        engine_graph_new(name, &node, 1, NULL, 0, NULL);

    cr_assert_not_null(graph);
    return graph;
}

static int add(const struct stage *stage, uint32_t id, const char *name)
{
    struct engine_graph *graph = graph_named(name);
    struct engine_block block;
    const void *bytes;
    size_t size;

    engine_block_init(&block);
    cr_assert_eq(host_definition_write(&block, graph, &bytes, &size), 0);
    int result = host_registry_add(stage->registry, id, graph, bytes, size);
    engine_block_free(&block);
    engine_graph_free(graph);
    return result;
}

/* "3 a, 5 b" of those visited; stops after `most`. */
struct visited {
    char text[128];
    int most;
};

static int visit(void *self, uint32_t id, struct engine_graph *graph)
{
    struct visited *visited = self;
    size_t used = strlen(visited->text);

    snprintf(visited->text + used, sizeof(visited->text) - used, "%s%u %s",
             used ? ", " : "", id, engine_graph_name(graph));
    engine_graph_free(graph);
    return --visited->most == 0 ? 7 : 0;
}

Test(host_registry, workflows_are_there_again_by_number)
{
    struct visited all = {.text = ""}, first = {.most = 1};
    struct stage stage;

    stage_make(&stage);
    cr_expect_eq(add(&stage, 5, "five"), 0);
    cr_expect_eq(add(&stage, 3, "three"), 0);
    cr_expect_eq(add(&stage, 5, "other"), -1, "the number is taken");
    stage_again(&stage);
    cr_expect_eq(host_registry_workflows(stage.registry, visit, &all), 0);
    cr_expect_str_eq(all.text, "3 three, 5 five");
    cr_expect_eq(host_registry_workflows(stage.registry, visit, &first), 7);
    cr_expect_str_eq(first.text, "3 three");
    stage_end(&stage);
}

Test(host_registry, a_damaged_workflow_is_told_and_not_visited)
{
    struct visited visited = {.text = ""};
    struct stage stage;

    stage_make(&stage);
    cr_expect_eq(add(&stage, 1, "one"), 0);
    cr_expect_eq(add(&stage, 2, "two"), 0);
    store_file_meddle(&stage.file, "UPDATE workflow SET definition = x'0102' "
                                   "WHERE id = 2");
    cr_expect_eq(host_registry_workflows(stage.registry, visit, &visited), -1);
    cr_expect_str_eq(visited.text, "1 one");
    stage_end(&stage);
}

Test(host_registry, a_key_is_one_run_for_good)
{
    struct stage stage;
    uint64_t run = 100;

    stage_make(&stage);
    cr_expect_eq(host_registry_key(stage.registry, "k", 1, &run), 0);
    run = 200;
    cr_expect_eq(host_registry_key(stage.registry, "k\0", 2, &run), 0);
    cr_expect_eq(run, 200, "another key");
    stage_again(&stage);
    run = 300;
    cr_expect_eq(host_registry_key(stage.registry, "k", 1, &run), 1);
    cr_expect_eq(run, 100);
    stage_end(&stage);
}

Test(host_registry, the_last_run_is_a_clients_not_an_invoked_one)
{
    struct stage stage;
    uint64_t run = 0;

    stage_make(&stage);
    cr_expect_eq(host_registry_last_run(stage.registry, &run), 0);
    cr_expect_eq(run, 41);
    store_file_meddle(&stage.file, "UPDATE run SET run = 549755813890");
    cr_expect_eq(host_registry_last_run(stage.registry, &run), 0);
    cr_expect_eq(run, 0, "it is above what clients may have");
    run = 77; /* kept, and its run not yet made */
    cr_expect_eq(host_registry_key(stage.registry, "k", 1, &run), 0);
    cr_expect_eq(host_registry_last_run(stage.registry, &run), 0);
    cr_expect_eq(run, 77);
    stage_end(&stage);
}

Test(host_registry, limits_are_kept_and_those_of_another_size_are_not_taken)
{
    struct engine_limits limits = *engine_limits_at(0), found = {0};
    struct stage stage;

    stage_make(&stage);
    cr_expect_eq(host_registry_limits(stage.registry, &found), 1, "none yet");
    limits.operations_max = 77;
    cr_expect_eq(host_registry_keep_limits(stage.registry, &limits), 0);
    cr_expect_eq(host_registry_keep_limits(stage.registry, &limits), 0);
    stage_again(&stage);
    cr_expect_eq(host_registry_limits(stage.registry, &found), 0);
    cr_expect_eq(found.operations_max, 77);
    cr_expect_str_eq(found.name, limits.name);
    store_file_meddle(&stage.file, "UPDATE setting SET value = x'00'");
    cr_expect_eq(host_registry_limits(stage.registry, &found), 1);
    stage_end(&stage);
}

Test(host_registry, a_runs_state_is_known_and_none_of_a_run_that_is_not_there)
{
    struct stage stage;

    stage_make(&stage);
    cr_expect_eq(host_registry_state(stage.registry, 41), ENGINE_RUN_RUNNING);
    cr_expect_eq(host_registry_state(stage.registry, 42), 0);
    stage_end(&stage);
}

Test(host_registry, leases_of_the_dead_end_and_their_runs_fall_due)
{
    struct stage stage;

    stage_make(&stage);
    store_file_meddle(&stage.file, "UPDATE run SET holder = 9, expires = "
                                   "1000, wake = 1000");
    cr_expect_eq(host_registry_end_leases(stage.registry), 0);
    cr_expect_eq(store_file_ask(&stage.file, "SELECT expires FROM run"), 1);
    cr_expect_eq(store_file_ask(&stage.file, "SELECT wake FROM run"), 1);
    stage_end(&stage);
}

/* An engine before had none of these tables. */
Test(host_registry, an_older_database_gets_what_it_lacks)
{
    struct visited visited = {.text = ""};
    struct stage stage;

    stage_make(&stage);
    store_file_meddle(&stage.file, "DROP TABLE setting; DROP TABLE start_key;"
                                   "DROP TABLE workflow");
    host_registry_close(stage.registry);
    stage.registry = host_registry_look(stage.file.path, stage.error);
    cr_assert_not_null(stage.registry, "%s", stage.error);
    struct engine_limits limits;
    cr_expect_eq(host_registry_limits(stage.registry, &limits), 1);
    cr_expect_eq(host_registry_workflows(stage.registry, visit, &visited), 0);
    cr_expect_str_empty(visited.text);
    cr_expect_eq(store_file_ask(&stage.file,
                                "SELECT count(*) FROM sqlite_schema WHERE "
                                "name = 'setting'"),
                 0, "who looks changes nothing");
    stage_again(&stage);
    cr_expect_eq(add(&stage, 1, "one"), 0);
    stage_end(&stage);
}

Test(host_registry, what_no_store_has_made_is_refused_with_words)
{
    struct stage stage;

    stage_make(&stage);
    store_file_meddle(&stage.file, "DROP TABLE run");
    cr_expect_null(host_registry_open(stage.file.path, stage.error));
    cr_expect_not_null(strstr(stage.error, "no such table"), "%s", stage.error);
    cr_expect_null(host_registry_open("/no/such/file.db", stage.error));
    cr_expect_not_null(strstr(stage.error, "/no/such/file.db: "), "%s",
                       stage.error);
    stage_end(&stage);
}
