/*
 * A database as operators see it: how a run stands is what its events say.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/cause.h"
#include "engine/host/definition.h"
#include "engine/host/reader.h"
#include "engine/host/registry.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

struct place {
    struct store_file file;
    struct store_opener opener;
    struct store_bed bed;
    bool left; /* the store is closed: others may have the file */
};

static void leave(struct place *place)
{
    if (!place->left)
        place->bed.store.ops->close(place->bed.store.self);
    place->left = true;
}

static void place_make(struct place *place)
{
    *place = (struct place){.file = {.page_size = 4096}};
    place->opener = store_file_opener(&place->file);
    store_file_make(&place->file);
    cr_assert_eq(store_bed_open(&place->bed, &place->opener), 0, "%s",
                 place->file.error);
}

/* An event, with words as its payload. */
static void event(struct place *place, unsigned kind, uint32_t op, uint64_t a,
                  const char *words)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .op = op,
                                     .attempt = 1,
                                     .a = a};

    store_bed_item(&place->bed, &item, words, strlen(words));
}

/* A new run's request, with its first event. */
static void begin(struct place *place, uint64_t run)
{
    store_bed_ask(&place->bed, ENGINE_REQ_CREATE, BED_A, run);
    event(place, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, "");
}

static void commit(struct place *place)
{
    cr_assert_eq(store_bed_send(&place->bed), ENGINE_COMMITTED);
}

/* Reads how the run stands, after the store has left. */
static struct host_reader *look(struct place *place, uint64_t number,
                                struct host_run *run)
{
    char error[HOST_ERROR_SIZE];
    struct engine_run_row row = {.run = number, .workflow = 3};

    leave(place);
    struct host_reader *reader =
        host_reader_open(place->file.path, NULL, error);
    cr_assert_not_null(reader, "%s", error);
    cr_assert_eq(host_reader_run(reader, &row, run), 0);
    return reader;
}

static void place_end(struct place *place, struct host_reader *reader)
{
    host_reader_close(reader);
    place->file.read_only = 1;
    place->bed.store = store_file_open(&place->file);
    store_bed_close(&place->bed);
    store_file_remove(&place->file);
}

Test(host_reader, attempts_and_operations_are_counted)
{
    struct host_reader *reader;
    struct host_run run;
    struct place place;

    place_make(&place);
    begin(&place, 7);
    event(&place, ENGINE_EV_OP_SCHEDULED, 0, 0, "");
    event(&place, ENGINE_EV_OP_SCHEDULED, 1, 0, "");
    event(&place, ENGINE_EV_OP_SCHEDULED, 2, 0, "");
    event(&place, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 0, "");
    event(&place, ENGINE_EV_OP_SUCCEEDED, 0, 0, "");
    event(&place, ENGINE_EV_ATTEMPT_FAILED, 1, 0, "");
    commit(&place);
    reader = look(&place, 7, &run);
    cr_expect_eq(run.attempts_open, 1);
    cr_expect_eq(run.operations, 1);
    cr_expect_eq(run.events, 7);
    cr_expect_eq(run.error, ENGINE_ERR_NONE);
    cr_expect_eq(run.ambiguous_op, UINT32_MAX);
    cr_expect_str_eq(run.workflow, "?", "nobody has said its name");
    cr_expect_eq(run.operations_max, 0);
    cr_expect_not(run.archived);
    place_end(&place, reader);
}

Test(host_reader, a_blocked_run_names_the_step_in_doubt_until_it_goes_on)
{
    struct host_reader *reader;
    struct host_run run;
    struct place place;

    place_make(&place);
    begin(&place, 1);
    event(&place, ENGINE_EV_ATTEMPT_AMBIGUOUS, 4, 0, "");
    event(&place, ENGINE_EV_RUN_BLOCKED, UINT32_MAX, ENGINE_ERR_AMBIGUOUS,
          "nobody knows");
    commit(&place);
    begin(&place, 2);
    event(&place, ENGINE_EV_ATTEMPT_AMBIGUOUS, 4, 0, "");
    event(&place, ENGINE_EV_RUN_BLOCKED, UINT32_MAX, ENGINE_ERR_AMBIGUOUS, "");
    event(&place, ENGINE_EV_RUN_UNBLOCKED, UINT32_MAX, 0, "");
    commit(&place);
    reader = look(&place, 1, &run);
    cr_expect_eq(run.ambiguous_op, 4);
    cr_expect_eq(run.error, ENGINE_ERR_AMBIGUOUS);
    cr_expect_str_eq(run.words, "nobody knows");
    cr_expect_eq(
        host_reader_run(
            reader, &(struct engine_run_row){.run = 2, .workflow = 3}, &run),
        0);
    cr_expect_eq(run.ambiguous_op, UINT32_MAX);
    cr_expect_eq(run.error, ENGINE_ERR_NONE);
    place_end(&place, reader);
}

Test(host_reader, words_of_an_error_are_cut_with_an_end)
{
    struct host_reader *reader;
    struct host_run run;
    struct place place;
    char words[2 * ENGINE_CAUSE_MAX];

    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    place_make(&place);
    begin(&place, 1);
    event(&place, ENGINE_EV_RUN_FAILED, UINT32_MAX, ENGINE_ERR_USER, words);
    commit(&place);
    reader = look(&place, 1, &run);
    cr_expect_eq(strlen(run.words), sizeof(run.words) - 1);
    place_end(&place, reader);
}

Test(host_reader, the_workflow_and_the_limits_are_the_engines)
{
    static const char *const out[] = {"out"};
    const struct engine_node node = {.name = "only",
                                     .kind = ENGINE_NODE_WAIT,
                                     .wait_ns = 1,
                                     .outputs = out,
                                     .output_count = 1};
    struct engine_graph *graph =
        engine_graph_new("order", &node, 1, NULL, 0, NULL);
    struct engine_limits limits = *engine_limits_at(1);
    char error[HOST_ERROR_SIZE];
    struct engine_block block;
    struct host_run run;
    struct place place;
    const void *bytes;
    size_t size;

    cr_assert_not_null(graph);
    place_make(&place);
    begin(&place, 1);
    commit(&place);
    leave(&place);
    struct host_registry *registry = host_registry_open(place.file.path, error);
    cr_assert_not_null(registry, "%s", error);
    engine_block_init(&block);
    cr_assert_eq(host_definition_write(&block, graph, &bytes, &size), 0);
    cr_assert_eq(host_registry_add(registry, 3, graph, bytes, size), 0);
    cr_assert_eq(host_registry_keep_limits(registry, &limits), 0);
    host_registry_close(registry);
    struct host_reader *reader = look(&place, 1, &run);
    cr_expect_str_eq(run.workflow, "order");
    cr_expect_eq(run.operations_max, 1);
    cr_expect_str_eq(host_reader_limits(reader)->name, limits.name);
    cr_expect_null(host_reader_workflow(reader, 4));
    cr_expect_null(host_reader_workflow(reader, UINT32_MAX));
    engine_block_free(&block);
    engine_graph_free(graph);
    place_end(&place, reader);
}

Test(host_reader, what_cannot_be_read_is_said)
{
    char error[HOST_ERROR_SIZE];

    cr_expect_null(host_reader_open("/no/such/file.db", NULL, error));
    cr_expect_not_null(strstr(error, "/no/such/file.db"), "%s", error);
    cr_expect_null(host_reader_open("README.md", NULL, error));
    cr_expect_not_null(strstr(error, "README.md"), "%s", error);
}

Test(host_reader, each_state_has_a_name_and_no_other_number)
{
    cr_expect_str_eq(host_run_state_name(0), "?");
    cr_expect_str_eq(host_run_state_name(UINT32_MAX), "?");
    for (uint32_t state = 1; state < ENGINE_RUN_STATE_COUNT; state++)
        cr_expect_str_neq(host_run_state_name(state), "?", "%u", state);
}
