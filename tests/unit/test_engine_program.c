/*
 * Declared programs on the bed of replayed handlers: which operations their
 * nodes call, what flows between them, and that nothing of it depends on who
 * dies when.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/program.h"
#include "engine/value.h"
#include "tests/support/durable_bed.h"

#define S ENGINE_SECOND
#define NONE ENGINE_PROGRAM_NONE
#define END UINT32_MAX
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    PARTS_MAX = 8,
    TEXT_MAX = 4096
};

/* A node and the nodes whose first outputs it takes. */
struct part {
    const char *name;
    struct engine_program_node node;
    const char *after[3];
    uint32_t outputs; /* 0: one */
    const char *undo; /* the name of its compensation, or NULL */
};

/* A host that says what it ran: step "a" with inputs i and j is "a(i,j)". */
struct host {
    struct engine_program *program;
    struct engine_program_bound *bound;
    const char *fails; /* the step of this name, always */
    bool leaves;       /* all code to the bed */
    uint32_t runs;

    char told[TEXT_MAX];
    char callback[64];
};

static void note(struct host *host, const char *what)
{
    size_t used = strlen(host->told);

    (void)snprintf(host->told + used, TEXT_MAX - used, "%s%s", used ? " " : "",
                   what);
}

/* Values of an envelope, or all of it if it is none, with commas. */
static void list_values(struct engine_bytes input, bool envelope, char *text)
{
    size_t used = 0;

    if (!envelope) {
        (void)snprintf(text, TEXT_MAX, "%.*s", (int)input.size,
                       input.size ? (const char *)input.data : "");
        return;
    }
    text[0] = '\0';
    for (uint32_t i = 0;; i++) {
        const struct engine_value *value =
            engine_value_at(input.data, input.size, i);
        if (!value)
            return;
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%.*s",
                                 i ? "," : "", (int)value->size,
                                 (const char *)engine_value_bytes(value));
    }
}

static int run_step(void *self, const struct engine_program_step *step,
                    struct engine_attempt *a, struct engine_bytes input,
                    struct engine_bytes *out)
{
    struct host *host = self;
    char inputs[TEXT_MAX], said[TEXT_MAX + 64], value[TEXT_MAX + 80];
    size_t size = 0;

    host->runs++;
    list_values(input, step->role == ENGINE_PROGRAM_CODE, inputs);
    (void)snprintf(said, sizeof(said), "%s(%s)", step->name, inputs);
    note(host, said);
    if (host->leaves) {
        engine_attempt_tag(a, step->number);
        return ENGINE_SUSPENDED;
    }
    if (host->fails && strcmp(host->fails, step->name) == 0)
        return engine_attempt_fail(a, ENGINE_ERR_USER, "as it was told");
    unsigned char *to = engine_attempt_memory(
        a, step->output_count * engine_value_span(sizeof(value)));
    cr_assert_not_null(to);
    *out = (struct engine_bytes){to, 0};
    for (uint32_t i = 0; i < step->output_count; i++) {
        (void)snprintf(value, sizeof(value), "%s%s", said, i ? "'" : "");
        size += engine_value_write(to + size, ENGINE_VALUE_INLINE, value,
                                   (uint32_t)strlen(value));
    }
    out->size = size;
    return ENGINE_DONE;
}

static void opened(void *self, const struct engine_program_step *step,
                   uint64_t run, const char *callback)
{
    struct host *host = self;

    cr_assert_eq(run, DURABLE_RUN);
    cr_assert_eq(step->role, ENGINE_PROGRAM_AWAITED);
    (void)snprintf(host->callback, sizeof(host->callback), "%s", callback);
}

static const struct engine_program_host told_host = {run_step, opened};

/* Building ---------------------------------------------------------------- */

static const char *const out_names[] = {"out", "more"};
static const char *const in_names[] = {"0", "1", "2"};

/* A step of this role; read_only, so that it may be repeated. */
static uint32_t step_named(struct host *host, const char *name,
                           enum engine_program_role role, uint32_t outputs)
{
    const struct engine_program_step step = {
        .name = name,
        .role = role,
        .side_effect = ENGINE_EFFECT_READ_ONLY,
        .output_count = outputs ? outputs : 1};

    return engine_program_add_step(host->program, &step);
}

static struct engine_program_block *
block_of(struct host *host, const struct part *parts, uint32_t count)
{
    struct engine_node nodes[PARTS_MAX];
    struct engine_program_node given[PARTS_MAX];
    struct engine_edge_names edges[3 * PARTS_MAX];
    struct engine_graph_error fault;
    uint32_t edge_count = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t inputs = 0;
        for (; inputs < 3 && parts[i].after[inputs]; inputs++)
            edges[edge_count++] = (struct engine_edge_names){
                parts[i].after[inputs], "out", parts[i].name, in_names[inputs]};
        nodes[i] = (struct engine_node){
            .name = parts[i].name,
            .kind = ENGINE_NODE_STEP,
            .attempt_timeout_ns = 1,
            .side_effect = ENGINE_EFFECT_READ_ONLY,
            .semantics = ENGINE_AT_LEAST_ONCE,
            .retry = {.attempts_max = 1, .factor_milli = 1000},
            .inputs = in_names,
            .input_count = inputs ? inputs : 1,
            .outputs = out_names,
            .output_count = parts[i].outputs ? parts[i].outputs : 1};
        given[i] = parts[i].node;
        if (given[i].kind == ENGINE_PROGRAM_STEP) {
            given[i].step = step_named(host, parts[i].name, ENGINE_PROGRAM_CODE,
                                       parts[i].outputs);
            given[i].compensation =
                parts[i].undo ? step_named(host, parts[i].undo,
                                           ENGINE_PROGRAM_COMPENSATION, 1)
                              : NONE;
            if (!given[i].options.side_effect)
                given[i].options.side_effect = ENGINE_EFFECT_READ_ONLY;
        }
    }
    struct engine_graph *graph =
        engine_graph_new("g", nodes, count, edges, edge_count, &fault);
    cr_assert_not_null(graph, "fault %d", fault.fault);
    struct engine_program_block *block =
        engine_program_add_block(host->program, graph, given);
    cr_assert_not_null(block);
    return block;
}

static void host_init(struct host *host)
{
    *host = (struct host){.program = engine_program_new("p")};
    cr_assert_not_null(host->program);
}

static void host_free(struct host *host)
{
    engine_program_unbind(host->bound);
    engine_program_free(host->program);
}

/* A bed for this block as the whole program. */
static void bed_of(struct host *host, struct engine_program_block *root,
                   struct durable_bed *bed)
{
    if (!host->bound) {
        engine_program_set_root(host->program, root);
        host->bound = engine_program_bind(host->program, &told_host, host);
        cr_assert_not_null(host->bound);
    }
    struct engine_handler handler = engine_program_handler(host->bound);
    cr_assert_str_eq(handler.name, "p");
    durable_bed_init(bed, handler.run, handler.self, "in");
}

/* Runs these nodes and expects the run to succeed with this result. */
static void expect_result(struct host *host, struct engine_program_block *root,
                          bool envelope, const char *result)
{
    struct durable_bed bed;
    char text[TEXT_MAX];

    bed_of(host, root, &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    list_values((struct engine_bytes){bed.result, bed.result_size}, envelope,
                text);
    cr_expect_str_eq(text, result);
    durable_bed_free(&bed);
}

#define STEP                                                                   \
    {                                                                          \
        .kind = ENGINE_PROGRAM_STEP                                            \
    }

/* Rows and overlaps ------------------------------------------------------- */

Test(engine_program, a_row_of_steps_needs_no_contexts)
{
    static const struct part parts[] = {{"a", STEP, {0}, 0, NULL},
                                        {"b", STEP, {"a"}, 0, NULL},
                                        {"c", STEP, {"b"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;
    char story[TEXT_MAX], text[TEXT_MAX];

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 3), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(durable_bed_story(&bed, story, sizeof(story)),
                     "succeeded a; succeeded b; succeeded c");
    list_values((struct engine_bytes){bed.result, bed.result_size}, false,
                text);
    cr_expect_str_eq(text, "c(b(a(in)))");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, independent_nodes_are_under_way_at_the_same_time)
{
    static const struct part parts[] = {
        {"long", {.kind = ENGINE_PROGRAM_WAIT, .ns = 3600 * S}, {0}, 0, NULL},
        {"longer", {.kind = ENGINE_PROGRAM_WAIT, .ns = 3601 * S}, {0}, 0, NULL},
        {"after", STEP, {"long", "longer"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 3), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_eq(bed.now_ns - DURABLE_START_NS, 3601 * S);
    cr_expect_str_eq(host.told, "after(,)", "waits give nothing");
    durable_bed_free(&bed);
    host_free(&host);
}

static void take_job(void *self, const struct engine_replay_step *step,
                     uint32_t *error, struct engine_bytes *output)
{
    static const struct engine_value empty = {.kind = ENGINE_VALUE_INLINE};
    struct host *host = self;

    *error = ENGINE_ERR_NONE;
    cr_assert_lt(step->tag, engine_program_step_count(host->program));
    *output = (struct engine_bytes){&empty, sizeof(empty)};
    note(host, engine_program_step(host->program, (uint32_t)step->tag)->name);
}

Test(engine_program, code_left_to_the_host_is_known_by_its_number)
{
    static const struct part parts[] = {{"a", STEP, {0}, 0, NULL},
                                        {"b", STEP, {0}, 0, NULL},
                                        {"c", STEP, {"b"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    host.leaves = true;
    bed_of(&host, block_of(&host, parts, 3), &bed);
    bed.job = take_job;
    bed.job_self = &host;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(host.told, "a(in) b(in) a b c() c");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, only_a_node_that_may_be_passed_over_is_held)
{
    static const struct part diamond[] = {{"a", STEP, {0}, 0, NULL},
                                          {"b", STEP, {"a"}, 0, NULL},
                                          {"c", STEP, {"a"}, 0, NULL},
                                          {"d", STEP, {"b", "c"}, 0, NULL}};
    static const struct part rows[] = {{"a", STEP, {0}, 0, NULL},
                                       {"b", STEP, {0}, 0, NULL},
                                       {"a2", STEP, {"a"}, 0, NULL},
                                       {"b2", STEP, {"b"}, 0, NULL}};
    struct host host;

    host_init(&host);
    const struct engine_program_block *one = block_of(&host, diamond, 4);
    const struct engine_program_block *two = block_of(&host, rows, 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_not(engine_program_is_held(one, i), "%u", i);
    cr_expect_not(engine_program_is_held(two, 0));
    cr_expect_not(engine_program_is_held(two, 1));
    cr_expect(engine_program_is_held(two, 2), "b2 may be called before it");
    cr_expect_not(engine_program_is_held(two, 3), "nothing is after it");
    engine_program_set_root(host.program, NULL);
    host_free(&host);
}

/* The slow row is passed over while the other goes on to its end. */
Test(engine_program, a_node_goes_on_while_another_waits)
{
    static const struct part parts[] = {
        {"slow", {.kind = ENGINE_PROGRAM_WAIT, .ns = 100 * S}, {0}, 0, NULL},
        {"b", STEP, {0}, 0, NULL},
        {"a2", STEP, {"slow"}, 0, NULL},
        {"b2", STEP, {"b"}, 0, NULL},
        {"b3", {.kind = ENGINE_PROGRAM_WAIT, .ns = 90 * S}, {"b2"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 5), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(host.told, "b(in) b2(b(in)) a2()");
    cr_expect_eq(bed.now_ns - DURABLE_START_NS, 100 * S);
    durable_bed_free(&bed);
    host_free(&host);
}

/* Data -------------------------------------------------------------------- */

Test(engine_program, a_result_of_several_values_is_their_envelope)
{
    static const struct part parts[] = {{"a", STEP, {0}, 2, NULL},
                                        {"b", STEP, {"a"}, 2, NULL},
                                        {"c", STEP, {"a"}, 0, NULL}};
    struct host host;

    host_init(&host);
    expect_result(&host, block_of(&host, parts, 3), true,
                  "b(a(in)),b(a(in))',c(a(in))");
    host_free(&host);
}

Test(engine_program, a_child_gets_bytes_and_gives_its_blocks_result)
{
    static const struct part inner[] = {{"x", STEP, {0}, 0, NULL},
                                        {"y", STEP, {"x"}, 0, NULL}};
    struct host host;
    struct engine_program_branch only = {.name = "only"};
    struct part parts[] = {
        {"a", STEP, {0}, 0, NULL},
        {"c",
         {.kind = ENGINE_PROGRAM_CHILD, .branches = &only, .branch_count = 1},
         {"a"},
         0,
         NULL},
        {"z", STEP, {"c"}, 0, NULL}};

    host_init(&host);
    only.block = block_of(&host, inner, 2);
    expect_result(&host, block_of(&host, parts, 3), false, "z(y(x(a(in))))");
    host_free(&host);
}

/* A row of results as text: parts with "|" between them. */
static void expect_row(struct host *host, struct engine_program_block *root,
                       const char *expected)
{
    struct durable_bed bed;
    char text[TEXT_MAX] = "";
    size_t used = 0;

    bed_of(host, root, &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    for (size_t at = 0; at < bed.result_size;) {
        uint32_t size;
        memcpy(&size, bed.result + at, sizeof(size));
        at += sizeof(size);
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%.*s",
                                 at > sizeof(size) ? "|" : "", (int)size,
                                 bed.result + at);
        at += size;
    }
    cr_expect_str_eq(text, expected);
    durable_bed_free(&bed);
}

Test(engine_program, a_map_runs_its_block_for_each_item)
{
    static const struct part inner[] = {{"x", STEP, {0}, 0, NULL}};
    static struct engine_bytes items[] = {{"p", 1}, {"q", 1}, {"r", 1}};
    struct host host;
    struct engine_program_branch only = {.name = "only"};
    struct part parts[] = {{"m",
                            {.kind = ENGINE_PROGRAM_MAP,
                             .items = items,
                             .item_count = 3,
                             .branches = &only,
                             .branch_count = 1},
                            {0},
                            0,
                            NULL}};

    host_init(&host);
    only.block = block_of(&host, inner, 1);
    expect_row(&host, block_of(&host, parts, 1), "x(p)|x(q)|x(r)");
    host_free(&host);
}

Test(engine_program, a_map_can_take_the_row_of_another)
{
    static const struct part inner[] = {{"x", STEP, {0}, 0, NULL}};
    static const struct part inner2[] = {{"y", STEP, {0}, 0, NULL}};
    static struct engine_bytes items[] = {{"p", 1}, {"q", 1}};
    struct host host;
    struct engine_program_branch one = {.name = "one"};
    struct engine_program_branch two = {.name = "two"};
    struct part parts[] = {{"m",
                            {.kind = ENGINE_PROGRAM_MAP,
                             .items = items,
                             .item_count = 2,
                             .branches = &one,
                             .branch_count = 1},
                            {0},
                            0,
                            NULL},
                           {"n",
                            {.kind = ENGINE_PROGRAM_MAP,
                             .item_count = NONE,
                             .branches = &two,
                             .branch_count = 1},
                            {"m"},
                            0,
                            NULL}};

    host_init(&host);
    one.block = block_of(&host, inner, 1);
    two.block = block_of(&host, inner2, 1);
    expect_row(&host, block_of(&host, parts, 2), "y(x(p))|y(x(q))");
    host_free(&host);
}

Test(engine_program, a_map_of_no_items_is_over_at_once)
{
    static const struct part inner[] = {{"x", STEP, {0}, 0, NULL}};
    struct host host;
    struct engine_program_branch only = {.name = "only"};
    struct part parts[] = {
        {"m",
         {.kind = ENGINE_PROGRAM_MAP, .branches = &only, .branch_count = 1},
         {0},
         0,
         NULL}};

    host_init(&host);
    only.block = block_of(&host, inner, 1);
    expect_row(&host, block_of(&host, parts, 1), "");
    cr_expect_eq(host.runs, 0);
    host_free(&host);
}

/* Two branches in this mode, the second of which waits first. */
static void expect_mode(enum engine_program_mode mode, const char *fails,
                        bool row, const char *expected)
{
    static const struct part left[] = {{"l", STEP, {0}, 0, NULL}};
    static const struct part right[] = {
        {"w", {.kind = ENGINE_PROGRAM_WAIT, .ns = 5 * S}, {0}, 0, NULL},
        {"r", STEP, {"w"}, 0, NULL}};
    struct host host;
    struct engine_program_branch branches[] = {{.name = "left"},
                                               {.name = "right"}};
    struct part parts[] = {
        {"p",
         {.kind = ENGINE_PROGRAM_PARALLEL,
          .mode = mode,
          .branches = branches,
          .branch_count = 2,
          .batch = {.completion = {.tolerate = true, .tolerated_failures = 1}}},
         {0},
         0,
         NULL}};

    host_init(&host);
    host.fails = fails;
    branches[0].block = block_of(&host, left, 1);
    branches[1].block = block_of(&host, right, 2);
    if (row)
        expect_row(&host, block_of(&host, parts, 1), expected);
    else
        expect_result(&host, block_of(&host, parts, 1), false, expected);
    host_free(&host);
}

Test(engine_program, branches_end_as_their_mode_says)
{
    expect_mode(ENGINE_PROGRAM_ALL, NULL, true, "l(in)|r()");
    expect_mode(ENGINE_PROGRAM_ALL_SETTLED, "l", true, "|r()");
    expect_mode(ENGINE_PROGRAM_RACE, NULL, false, "l(in)");
    expect_mode(ENGINE_PROGRAM_ANY, "l", false, "r()");
    expect_mode(ENGINE_PROGRAM_POLICY, "l", true, "|r()");
}

/* Failures ---------------------------------------------------------------- */

Test(engine_program, a_node_that_fails_fails_the_run_with_its_words)
{
    static const struct part parts[] = {{"a", STEP, {0}, 0, NULL},
                                        {"b", STEP, {"a"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    host.fails = "a";
    bed_of(&host, block_of(&host, parts, 2), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_USER);
    cr_expect_str_eq(bed.words, "as it was told");
    cr_expect_str_eq(host.told, "a(in)");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, compensations_undo_the_newest_step_first)
{
    static const struct engine_program_node reversible = {
        .kind = ENGINE_PROGRAM_STEP,
        .options = {.side_effect = ENGINE_EFFECT_REVERSIBLE}};
    const struct part parts[] = {{"a", reversible, {0}, 0, "undo a"},
                                 {"b", reversible, {"a"}, 0, "undo b"},
                                 {"c", STEP, {"b"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    host.fails = "c";
    bed_of(&host, block_of(&host, parts, 3), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    const char *undo_b = strstr(host.told, "undo b(");
    const char *undo_a = strstr(host.told, "undo a(");
    cr_assert_not_null(undo_b, "%s", host.told);
    cr_assert_not_null(undo_a, "%s", host.told);
    cr_expect_lt(undo_b, undo_a);
    cr_expect_str_eq(bed.words, "as it was told");
    durable_bed_free(&bed);
    host_free(&host);
}

/* In a block, and in a context because the wait may end later. */
Test(engine_program, steps_inside_blocks_are_undone_after_a_crash_too)
{
    static const struct engine_program_node reversible = {
        .kind = ENGINE_PROGRAM_STEP,
        .options = {.side_effect = ENGINE_EFFECT_REVERSIBLE}};
    const struct part inner[] = {{"x", reversible, {0}, 0, "undo x"}};
    struct host host;
    struct engine_program_branch only = {.name = "only"};
    const struct part parts[] = {
        {"c",
         {.kind = ENGINE_PROGRAM_CHILD, .branches = &only, .branch_count = 1},
         {0},
         0,
         NULL},
        {"w", {.kind = ENGINE_PROGRAM_WAIT, .ns = 9 * S}, {0}, 0, NULL},
        {"h", reversible, {"c"}, 0, "undo h"},
        {"f", STEP, {"w"}, 0, NULL}};

    for (uint32_t crash = 0; crash < 40; crash++) {
        struct durable_bed bed;

        host_init(&host);
        host.fails = "f";
        only.block = block_of(&host, inner, 1);
        struct engine_program_block *root = block_of(&host, parts, 4);
        cr_assert(engine_program_is_held(root, 2));
        bed_of(&host, root, &bed);
        for (uint32_t i = 0; i < crash; i++)
            (void)durable_bed_step(&bed);
        durable_bed_crash_worker(&bed);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED, "crash %u", crash);
        cr_expect_eq(bed.error, ENGINE_ERR_USER, "crash %u: %s", crash,
                     bed.words);
        cr_expect_not_null(strstr(host.told, "undo x("), "%s", host.told);
        cr_expect_not_null(strstr(host.told, "undo h("), "%s", host.told);
        durable_bed_free(&bed);
        host_free(&host);
    }
}

/* The failing node is gone over before one that ended long ago. */
Test(engine_program, steps_behind_the_node_that_failed_are_undone)
{
    static const struct engine_program_node reversible = {
        .kind = ENGINE_PROGRAM_STEP,
        .options = {.side_effect = ENGINE_EFFECT_REVERSIBLE}};
    const struct part parts[] = {
        {"w", {.kind = ENGINE_PROGRAM_WAIT, .ns = 9 * S}, {0}, 0, NULL},
        {"f", STEP, {"w"}, 0, NULL},
        {"x", STEP, {0}, 0, NULL},
        {"h", reversible, {"x"}, 0, "undo h"},
        {"never", STEP, {"h", "w"}, 0, NULL}};

    for (uint32_t crash = 0; crash < 40; crash++) {
        struct host host;
        struct durable_bed bed;

        host_init(&host);
        host.fails = "f";
        bed_of(&host, block_of(&host, parts, 5), &bed);
        for (uint32_t i = 0; i < crash; i++)
            (void)durable_bed_step(&bed);
        durable_bed_crash_worker(&bed);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED, "crash %u", crash);
        cr_expect_eq(bed.error, ENGINE_ERR_USER, "crash %u: %s", crash,
                     bed.words);
        cr_expect_str_eq(bed.words, "as it was told");
        cr_expect_not_null(strstr(host.told, "undo h("), "%s", host.told);
        durable_bed_free(&bed);
        host_free(&host);
    }
}

/* Outside ----------------------------------------------------------------- */

Test(engine_program, a_callback_is_shown_and_its_answer_is_the_output)
{
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    struct part parts[] = {
        {"ask", {.kind = ENGINE_PROGRAM_CALLBACK}, {0}, 0, NULL},
        {"b", STEP, {"ask"}, 0, NULL}};
    parts[0].node.step = step_named(&host, "ask", ENGINE_PROGRAM_AWAITED, 0);
    bed_of(&host, block_of(&host, parts, 2), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    uint64_t run;
    uint32_t operation;
    struct engine_hash key;
    cr_assert_eq(engine_callback_parse(host.callback, &run, &operation, &key),
                 0, "%s", host.callback);
    cr_expect_eq(run, DURABLE_RUN);
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, operation, 0, "", 0,
                       "yes");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(host.told, "b(yes)");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_submitter_is_given_the_callbacks_id)
{
    struct host host;
    struct durable_bed bed;
    uint64_t run;
    uint32_t operation;
    struct engine_hash key;

    host_init(&host);
    struct part parts[] = {{"ask",
                            {.kind = ENGINE_PROGRAM_WAIT_FOR_CALLBACK,
                             .compensation = NONE,
                             .ns = 60 * S,
                             .heartbeat_ns = 30 * S},
                            {0},
                            0,
                            NULL}};
    parts[0].node.step = step_named(&host, "ask", ENGINE_PROGRAM_SUBMITTER, 1);
    bed_of(&host, block_of(&host, parts, 1), &bed);
    while (host.runs == 0)
        cr_assert(durable_bed_step(&bed));
    char id[64];
    cr_assert_eq(sscanf(host.told, "ask(%63[^)])", id), 1, "%s", host.told);
    cr_assert_eq(engine_callback_parse(id, &run, &operation, &key), 0, "%s",
                 id);
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, operation, 0, "", 0,
                       "granted");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(durable_bed_result(&bed), "granted");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_callback_nobody_answers_fails_the_run_in_time)
{
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    struct part parts[] = {
        {"ask", {.kind = ENGINE_PROGRAM_CALLBACK, .ns = 60 * S}, {0}, 0, NULL}};
    parts[0].node.step = step_named(&host, "ask", ENGINE_PROGRAM_AWAITED, 0);
    bed_of(&host, block_of(&host, parts, 1), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    cr_expect_eq(bed.now_ns - DURABLE_START_NS, 60 * S);
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_condition_holds_after_so_many_checks)
{
    static const struct part parts[] = {{"c",
                                         {.kind = ENGINE_PROGRAM_CONDITION,
                                          .step = NONE,
                                          .holds_after = 3,
                                          .retry = {.attempts_max = 9,
                                                    .factor_milli = 1000,
                                                    .delay_ns = 10 * S,
                                                    .delay_max_ns = 10 * S}},
                                         {0},
                                         0,
                                         NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 1), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_eq(bed.now_ns - DURABLE_START_NS, 20 * S);
    cr_expect_str_eq(durable_bed_result(&bed), "in");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_condition_without_a_number_asks_the_host)
{
    struct host host;

    host_init(&host);
    struct part parts[] = {
        {"c", {.kind = ENGINE_PROGRAM_CONDITION}, {0}, 0, NULL}};
    parts[0].node.step = step_named(&host, "c", ENGINE_PROGRAM_CHECK, 1);
    expect_result(&host, block_of(&host, parts, 1), true, "c(in)");
    host_free(&host);
}

Test(engine_program, an_invoked_run_gives_its_result)
{
    static const struct part parts[] = {
        {"i",
         {.kind = ENGINE_PROGRAM_INVOKE, .text = "other", .ns = 60 * S},
         {0},
         0,
         NULL},
        {"b", STEP, {"i"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 2), &bed);
    while (!durable_bed_find(&bed, "i"))
        cr_assert(durable_bed_step(&bed));
    const struct engine_op_entry *child = durable_bed_find(&bed, "i");
    cr_expect_eq(child->type, ENGINE_OPERATION_INVOKE);
    cr_expect_eq(child->detail.size, 5);
    cr_expect_arr_eq(child->detail.text, "other", 5);
    durable_bed_signal(&bed, ENGINE_SIG_CHILD_ENDED, child->number, 0, "", 0,
                       "sum");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_str_eq(host.told, "b(sum)");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, messages_are_received_until_the_end)
{
    static const struct part parts[] = {
        {"all", {.kind = ENGINE_PROGRAM_RECEIVE, .text = "e"}, {0}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 1), &bed);
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, END, 0, "e", 1, "one");
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, END, 0, "e", 2, "two");
    durable_bed_signal(&bed, ENGINE_SIG_END_OF_STREAM, END, 0, "e", 3, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_assert_eq(bed.result_size, 14);
    cr_expect_arr_eq(bed.result + 4, "one", 3);
    cr_expect_arr_eq(bed.result + 11, "two", 3);
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, messages_are_sent_to_the_run_that_is_meant)
{
    static const struct part parts[] = {{"tell",
                                         {.kind = ENGINE_PROGRAM_SEND,
                                          .text = "e",
                                          .to = 1,
                                          .to_relative = true,
                                          .messages = 2,
                                          .window = 3},
                                         {0},
                                         0,
                                         NULL}};
    struct host host;
    struct durable_bed bed;
    uint32_t sent = 0;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 1), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    for (uint32_t i = 1; i < bed.execution.operations.count; i++) {
        const struct engine_op_entry *entry =
            &bed.execution.operations.entries[i];
        if (entry->type != ENGINE_OPERATION_SEND)
            continue;
        sent++;
        cr_expect_eq(entry->peer, DURABLE_RUN + 1);
    }
    cr_expect_eq(sent, 2);
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_receiver_that_waits_too_long_fails_the_run)
{
    static const uint32_t messages[] = {0, 1, 2};

    for (size_t i = 0; i < COUNT(messages); i++) {
        const struct part parts[] = {{"next",
                                      {.kind = ENGINE_PROGRAM_RECEIVE,
                                       .text = "e",
                                       .ns = 5 * S,
                                       .messages = messages[i]},
                                      {0},
                                      0,
                                      NULL}};
        struct host host;
        struct durable_bed bed;

        host_init(&host);
        bed_of(&host, block_of(&host, parts, 1), &bed);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_TIMED_OUT);
        cr_expect_eq(bed.now_ns, DURABLE_START_NS + 5 * S);
        durable_bed_free(&bed);
        host_free(&host);
    }
}

/* Moments ----------------------------------------------------------------- */

/* Runs a wait and then an until, and expects it to end so long after. */
static void expect_until(const struct engine_program_node *until,
                         uint64_t wait_ns, uint64_t ends_ns)
{
    const struct part parts[] = {
        {"w", {.kind = ENGINE_PROGRAM_WAIT, .ns = wait_ns}, {0}, 0, NULL},
        {"u", *until, {"w"}, 0, NULL},
        {"s", STEP, {"u"}, 0, NULL}};
    struct host host;
    struct durable_bed bed;

    host_init(&host);
    bed_of(&host, block_of(&host, parts, 3), &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_expect_eq(bed.now_ns, DURABLE_START_NS + ends_ns);
    cr_expect_str_eq(host.told, "s()", "a moment gives an empty value");
    durable_bed_free(&bed);
    host_free(&host);
}

Test(engine_program, a_moment_is_waited_for_and_over_at_once_when_past)
{
    struct engine_program_node until = {.kind = ENGINE_PROGRAM_UNTIL,
                                        .ns = DURABLE_START_NS + 60 * S};

    expect_until(&until, 10 * S, 60 * S);
    expect_until(&until, 90 * S, 90 * S);
}

/* The run begins at 22:13:20 UTC. */
Test(engine_program, a_schedule_is_asked_for_its_next_time_after_the_last_wait)
{
    struct engine_program_node until = {.kind = ENGINE_PROGRAM_UNTIL};
    struct engine_cron_fault fault;
    struct engine_cron cron;

    until.cron = &cron;
    cr_assert_eq(engine_cron_parse(&cron, "*/5 * * * *", &fault), 0);
    expect_until(&until, 10 * S, 100 * S);
    expect_until(&until, 100 * S, 400 * S);
    expect_until(&until, 101 * S, 400 * S);
}

/* Crashes ----------------------------------------------------------------- */

/* A program of most kinds, whose rows are of different lengths. */
static struct engine_program_block *mixed(struct host *host,
                                          struct engine_program_branch *only)
{
    static const struct part inner[] = {{"x", STEP, {0}, 0, NULL},
                                        {"y", STEP, {"x"}, 0, NULL}};
    static struct engine_bytes items[] = {{"p", 1}, {"q", 1}, {"r", 1}};
    static const struct engine_cron hourly = {.minutes = 1,
                                              .hours = 0xffffff,
                                              .days = UINT32_MAX,
                                              .months = 0x1ffe,
                                              .weekdays = 0x7f,
                                              .any_day = 1,
                                              .any_weekday = 1};

    only->name = "only";
    only->block = block_of(host, inner, 2);
    const struct part parts[] = {
        {"a", STEP, {0}, 0, NULL},
        {"w", {.kind = ENGINE_PROGRAM_WAIT, .ns = 7 * S}, {0}, 0, NULL},
        {"m",
         {.kind = ENGINE_PROGRAM_MAP,
          .items = items,
          .item_count = 3,
          .branches = only,
          .branch_count = 1,
          .batch = {.max_concurrency = 2}},
         {"a"},
         0,
         NULL},
        {"v", {.kind = ENGINE_PROGRAM_UNTIL, .cron = &hourly}, {"a"}, 0, NULL},
        {"b", STEP, {"w"}, 0, NULL},
        {"c", STEP, {"v"}, 0, NULL},
        {"d", STEP, {"b", "c"}, 0, NULL},
        {"e",
         {.kind = ENGINE_PROGRAM_CHILD, .branches = only, .branch_count = 1},
         {"d"},
         0,
         NULL}};
    return block_of(host, parts, COUNT(parts));
}

Test(engine_program, whoever_dies_when_the_result_is_the_same)
{
    struct host host;
    struct engine_program_branch only = {0};
    struct durable_bed bed;

    host_init(&host);
    struct engine_program_block *root = mixed(&host, &only);
    bed_of(&host, root, &bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    size_t size = bed.result_size;
    unsigned char *expected = malloc(size + 1);
    cr_assert_not_null(expected);
    memcpy(expected, bed.result, size);
    durable_bed_free(&bed);
    for (uint32_t period = 1; period < 60; period++) {
        uint32_t moves = 0, deaths = 0;
        bed_of(&host, root, &bed);
        bed.sync = period % 3 == 0;
        bed.config.optimistic = period % 2 == 0;
        while (durable_bed_step(&bed)) {
            moves++;
            cr_assert_lt(moves, 10000);
            if (moves % (period + 2) != 0 || deaths >= 60)
                continue;
            deaths++;
            if (deaths % 2)
                durable_bed_crash_worker(&bed);
            else
                durable_bed_crash_service(&bed);
        }
        cr_assert_eq(bed.phase, DURABLE_SUCCEEDED, "period %u: %s", period,
                     bed.words);
        cr_assert_eq(bed.result_size, size);
        cr_expect_arr_eq(bed.result, expected, size, "period %u", period);
        durable_bed_free(&bed);
    }
    free(expected);
    host_free(&host);
}
