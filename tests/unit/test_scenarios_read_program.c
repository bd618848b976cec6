/*
 * Workflows whose nodes are of any type: what is read into a program, and the
 * one line that each mistake gets.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/scenario.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)

enum {
    TEXT_MAX = 8192
};

/* Reads a scenario of a workflow (line 1 of w.json) and "other". */
static struct scenario *read_with(const char *workflow, const char *steps,
                                  struct json_error *err)
{
    FILE *file = fopen("scenarios/profiles/local.json", "rb");
    char profile[TEXT_MAX], texts[3][TEXT_MAX];
    char names[4][32] = {"s.json", "w.json", "o.json", "profiles/local.json"};

    cr_assert_not_null(file);
    size_t size = fread(profile, 1, sizeof(profile), file);
    (void)fclose(file);
    snprintf(texts[0], TEXT_MAX,
             "{\"why\": \"w\", \"workflows\": [\"w.json\", \"o.json\"],\n"
             "\"steps\": %s,\n"
             "\"load\": {\"arrivals\": {\"every\": \"1s\"}}}",
             steps);
    snprintf(texts[1], TEXT_MAX, "%s", workflow);
    snprintf(texts[2], TEXT_MAX,
             "{\"name\": \"other\", \"nodes\": [{\"name\": \"elsewhere\"}]}");
    const struct scenario_source sources[] = {
        {names[0], texts[0], strlen(texts[0])},
        {names[1], texts[1], strlen(texts[1])},
        {names[2], texts[2], strlen(texts[2])},
        {names[3], profile, size},
    };
    return scenario_read_sources(sources, COUNT(sources), err);
}

/* A workflow of these nodes and members, which must be good. */
static struct scenario *read_nodes(const char *nodes, const char *members)
{
    char text[TEXT_MAX];
    struct json_error err;

    snprintf(text, sizeof(text), "{\"name\": \"x\", \"nodes\": [%s]%s}", nodes,
             members);
    struct scenario *scenario = read_with(text, "{}", &err);
    cr_assert_not_null(scenario, "%s", err.text);
    return scenario;
}

static const struct engine_program_node *
node_of(const struct engine_program_block *block, const char *name)
{
    uint32_t index = engine_graph_find(engine_program_graph(block), name);

    cr_assert_neq(index, UINT32_MAX, "%s", name);
    return engine_program_node(block, index);
}

static const struct engine_program_node *first_of(const struct scenario *s)
{
    cr_assert_not_null(s->workflows[0].program);
    return engine_program_node(engine_program_root(s->workflows[0].program), 0);
}

Test(scenarios_read_program, steps_and_waits_stay_a_graph)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"a\"}, {\"name\": \"w\", \"type\": \"wait\", \"wait\": "
        "\"5ms\"}",
        ", \"timeout\": \"3h\"");

    cr_expect_null(s->workflows[0].program);
    cr_expect_eq(engine_graph_count(s->workflows[0].graph), 2);
    cr_expect_eq(s->workflows[0].timeout_ns, 180 * MINUTE);
    cr_expect_eq(scenario_step_count(&s->workflows[0]), 2);
    cr_expect_eq(scenario_step_find(&s->workflows[0], "w"), 1);
    scenario_free(s);
}

Test(scenarios_read_program, a_graph_can_be_run_as_a_handler)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"a\", \"side_effect\": \"read_only\", \"timeout\": "
        "\"9s\", \"stall\": \"2s\", \"schedule_to_start\": \"3s\"},"
        "{\"name\": \"w\", \"type\": \"wait\", \"wait\": \"7s\"},"
        "{\"name\": \"b\", \"side_effect\": \"idempotent\"}",
        ", \"run_as\": \"handler\", \"edges\": [[\"a.out\", \"w.in\"]]");
    const struct scenario_workflow *workflow = &s->workflows[0];
    const struct engine_program_block *root =
        engine_program_root(workflow->program);
    const struct engine_program_step *a =
        engine_program_step(workflow->program, 0);

    cr_expect_eq(engine_graph_count(workflow->graph), 1);
    cr_expect_eq(scenario_step_count(workflow), 2, "waits are no steps");
    cr_expect_eq(scenario_step_find(workflow, "b"), 1);
    cr_expect_str_eq(scenario_step_name(workflow, 1), "b");
    cr_expect_eq(node_of(root, "w")->ns, 7 * SECOND);
    cr_expect_eq(node_of(root, "a")->options.attempt_timeout_ns, 9 * SECOND);
    cr_expect_eq(node_of(root, "a")->options.stall_timeout_ns, 2 * SECOND);
    cr_expect_eq(node_of(root, "a")->retry.attempts_max, 6);
    cr_expect_eq(a->schedule_to_start_ns, 3 * SECOND);
    cr_expect_eq(a->attempt_timeout_ns, 9 * SECOND);
    scenario_free(s);
}

Test(scenarios_read_program, steps_inside_blocks_have_dense_numbers)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"c\", \"type\": \"child\", \"nodes\": [{\"name\": "
        "\"in c\", \"run\": {\"output\": \"3B\"}}]},"
        "{\"name\": \"m\", \"type\": \"map\", \"items\": 2, \"nodes\": "
        "[{\"name\": \"in m\", \"run\": {\"output\": \"4B\"}}]},"
        "{\"name\": \"p\", \"type\": \"parallel\", \"branches\": [{\"name\": "
        "\"l\", \"nodes\": [{\"name\": \"in l\"}]}, {\"name\": \"r\", "
        "\"nodes\": [{\"name\": \"in r\", \"run\": {\"output\": \"6B\"}}]}]}",
        "");
    const struct scenario_workflow *workflow = &s->workflows[0];

    cr_expect_eq(scenario_step_count(workflow), 4);
    cr_expect_eq(
        workflow->steps[scenario_step_find(workflow, "in c")].output_bytes, 3);
    cr_expect_eq(
        workflow->steps[scenario_step_find(workflow, "in m")].output_bytes, 4);
    cr_expect_eq(
        workflow->steps[scenario_step_find(workflow, "in r")].output_bytes, 6);
    cr_expect_eq(scenario_step_find(workflow, "m"), UINT32_MAX);
    scenario_free(s);
}

Test(scenarios_read_program, a_compensation_is_a_step_of_its_own)
{
    struct scenario *s =
        read_nodes("{\"name\": \"book\", \"side_effect\": \"reversible\", "
                   "\"compensate\": {\"effect\": true, \"output\": \"9B\"}},"
                   "{\"name\": \"mark\", \"side_effect\": \"reversible\"}",
                   ", \"run_as\": \"handler\"");
    const struct scenario_workflow *workflow = &s->workflows[0];
    const struct engine_program_block *root =
        engine_program_root(workflow->program);
    uint32_t undo = node_of(root, "book")->compensation;

    cr_assert_neq(undo, ENGINE_PROGRAM_NONE);
    cr_expect_str_eq(scenario_step_name(workflow, undo), "undo book");
    cr_expect_eq(workflow->steps[undo].output_bytes, 9);
    cr_expect_eq(workflow->effects[undo], 2);
    cr_expect_not_null(node_of(root, "book")->options.compensate);
    cr_expect_eq(node_of(root, "book")->retry.attempts_max, 6);
    cr_expect_null(node_of(root, "mark")->options.compensate);
    cr_expect_eq(node_of(root, "mark")->retry.attempts_max, 1,
                 "it cannot be undone");
    scenario_free(s);
}

Test(scenarios_read_program, a_contract_bounds_retries_and_timeout)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"a\", \"side_effect\": \"idempotent\", \"contract\": "
        "{\"max_retries\": 2, \"timeout\": \"20s\"}},"
        "{\"name\": \"b\", \"side_effect\": \"read_only\", \"contract\": "
        "{\"no_retry\": true}}",
        ", \"run_as\": \"handler\"");
    const struct engine_program_block *root =
        engine_program_root(s->workflows[0].program);

    cr_expect_eq(node_of(root, "a")->retry.attempts_max, 3);
    cr_expect_eq(node_of(root, "a")->options.attempt_timeout_ns, 20 * SECOND);
    cr_expect_eq(engine_program_step(s->workflows[0].program, 0)->timeout_ns,
                 20 * SECOND);
    cr_expect_eq(node_of(root, "b")->retry.attempts_max, 1);
    scenario_free(s);
}

Test(scenarios_read_program, the_outside_answers_callbacks_as_it_is_told)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"ask\", \"type\": \"wait_for_callback\", \"timeout\": "
        "\"1h\", \"heartbeat\": \"10m\", \"side_effect\": \"idempotent\", "
        "\"submit_timeout\": \"5s\", \"run\": {\"effect\": true}, \"answer\": "
        "{\"after\": \"4m\", \"with\": \"failure\", \"heartbeat_every\": "
        "\"50s\", \"times\": 3, \"value\": \"100B\"}},"
        "{\"name\": \"hear\", \"type\": \"callback\"}",
        "");
    const struct scenario_workflow *workflow = &s->workflows[0];
    const struct engine_program_node *ask = first_of(s);
    const struct sim_answer *answer = &workflow->answers[ask->step];
    uint32_t hear = scenario_step_find(workflow, "hear");

    cr_expect_eq(ask->ns, 60 * MINUTE);
    cr_expect_eq(ask->heartbeat_ns, 10 * MINUTE);
    cr_expect_eq(ask->options.attempt_timeout_ns, 5 * SECOND);
    cr_expect_eq(ask->retry.attempts_max, 6);
    cr_expect_eq(answer->kind, SIM_ANSWER_FAILURE);
    cr_expect_eq(sim_dist_at(&answer->after, 7), 4 * MINUTE);
    cr_expect_eq(answer->heartbeat_every_ns, 50 * SECOND);
    cr_expect_eq(answer->times, 3);
    cr_expect_eq(answer->value_bytes, 100);
    cr_expect_eq(workflow->effects[ask->step], 2);
    cr_expect_eq(workflow->answers[hear].kind, SIM_ANSWER_SUCCESS);
    cr_expect_eq(workflow->answers[hear].times, 1);
    scenario_free(s);
}

Test(scenarios_read_program, a_map_has_items_batches_and_a_policy)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"m\", \"type\": \"map\", \"items\": 9, "
        "\"max_concurrency\": 4, \"items_per_batch\": 2, \"bytes_per_batch\": "
        "\"1KB\", \"completion\": {\"min_successful\": 3, "
        "\"tolerated_failures\": \"12.5%\"}, \"nodes\": [{\"name\": \"a\"}]},"
        "{\"name\": \"n\", \"type\": \"map\", \"items\": [\"20B\", \"0B\"], "
        "\"nodes\": [{\"name\": \"b\"}]},"
        "{\"name\": \"o\", \"type\": \"map\", \"items\": \"input\", "
        "\"nodes\": [{\"name\": \"c\"}]},"
        "{\"name\": \"z\", \"type\": \"map\", \"items\": 0, \"nodes\": "
        "[{\"name\": \"d\"}]}",
        "");
    const struct engine_program_block *root =
        engine_program_root(s->workflows[0].program);
    const struct engine_program_node *m = node_of(root, "m");
    uint64_t index;

    cr_expect_eq(m->item_count, 9);
    cr_assert_eq(m->items[8].size, sizeof(index));
    memcpy(&index, m->items[8].data, sizeof(index));
    cr_expect_eq(index, 8);
    cr_expect_eq(m->batch.max_concurrency, 4);
    cr_expect_eq(m->batch.items_per_batch, 2);
    cr_expect_eq(m->batch.bytes_per_batch, 1000);
    cr_expect_eq(m->batch.completion.min_successful, 3);
    cr_expect(m->batch.completion.tolerate);
    cr_expect_eq(m->batch.completion.tolerated_share_milli, 125);
    cr_expect_eq(m->batch.completion.tolerated_failures, 0);
    cr_expect_eq(node_of(root, "n")->item_count, 2);
    cr_expect_eq(node_of(root, "n")->items[0].size, 20);
    cr_expect_eq(node_of(root, "n")->items[1].size, 0);
    cr_expect_eq(node_of(root, "o")->item_count, ENGINE_PROGRAM_NONE);
    cr_expect_eq(node_of(root, "z")->item_count, 0);
    scenario_free(s);
}

Test(scenarios_read_program, messages_name_an_edge_and_a_run)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"s\", \"type\": \"send\", \"edge\": \"e\", \"to\": 17},"
        "{\"name\": \"t\", \"type\": \"send\", \"edge\": \"e\", \"to\": "
        "\"-2\", \"messages\": 5, \"window\": 1},"
        "{\"name\": \"r\", \"type\": \"receive\", \"edge\": \"e\", "
        "\"messages\": \"all\"},"
        "{\"name\": \"i\", \"type\": \"invoke\", \"workflow\": \"other\", "
        "\"timeout\": \"8s\"},"
        "{\"name\": \"j\", \"type\": \"invoke\", \"workflow\": \"x\"}",
        "");
    const struct engine_program_block *root =
        engine_program_root(s->workflows[0].program);

    cr_expect_eq(node_of(root, "s")->to, 17);
    cr_expect_not(node_of(root, "s")->to_relative);
    cr_expect_eq(node_of(root, "s")->messages, 1);
    cr_expect_eq(node_of(root, "t")->to, (uint64_t)-2);
    cr_expect(node_of(root, "t")->to_relative);
    cr_expect_eq(node_of(root, "t")->messages, 5);
    cr_expect_eq(node_of(root, "t")->window, 1);
    cr_expect_eq(node_of(root, "r")->messages, 0);
    cr_expect_str_eq(node_of(root, "i")->text, "other");
    cr_expect_eq(node_of(root, "i")->ns, 8 * SECOND);
    cr_expect_str_eq(node_of(root, "j")->text, "x", "it invokes itself");
    scenario_free(s);
}

/* A moment, and the number that it is. */
static void expect_moment(const char *text, uint64_t seconds)
{
    char node[256];
    snprintf(node, sizeof(node),
             "{\"name\": \"u\", \"type\": \"until\", \"until\": \"%s\"}", text);
    struct scenario *s = read_nodes(node, "");
    cr_expect_eq(first_of(s)->kind, ENGINE_PROGRAM_UNTIL);
    cr_expect_eq(first_of(s)->ns, seconds * SECOND, "%s is %ju", text,
                 (uintmax_t)(first_of(s)->ns / SECOND));
    cr_expect_null(first_of(s)->cron);
    scenario_free(s);
}

Test(scenarios_read_program, a_moment_is_a_date_and_a_time_of_some_zone)
{
    expect_moment("1970-01-01T00:00:00Z", 0);
    expect_moment("1970-01-01T00:00:00+05:00", 0);
    expect_moment("2023-11-14T22:13:20Z", 1700000000);
    expect_moment("2023-11-15T00:13:20+02:00", 1700000000);
    expect_moment("2023-11-14T14:43:20-07:30", 1700000000);
    expect_moment("2000-02-29T00:00:00Z", 951782400);
    expect_moment("2000-03-01T00:00:00Z", 951868800);
    expect_moment("2100-03-01T00:00:00Z", 4107542400);
}

Test(scenarios_read_program, a_schedule_is_kept_with_the_program)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"u\", \"type\": \"until\", \"until\": {\"cron\": "
        "\"*/5 * * * *\"}},"
        "{\"name\": \"r\", \"type\": \"receive\", \"edge\": \"e\", "
        "\"timeout\": \"9s\"}",
        "");
    const struct engine_program_block *root =
        engine_program_root(s->workflows[0].program);
    const struct engine_program_node *u = node_of(root, "u");

    cr_assert_not_null(u->cron);
    cr_expect_eq(engine_cron_next(u->cron, 1700000000 * SECOND),
                 1700000100 * SECOND);
    cr_expect_eq(node_of(root, "r")->ns, 9 * SECOND);
    scenario_free(s);
}

Test(scenarios_read_program, a_condition_polls_as_it_says)
{
    struct scenario *s = read_nodes(
        "{\"name\": \"c\", \"type\": \"condition\", \"poll\": {\"attempts\": "
        "7, \"delay\": \"2s\", \"factor\": 3, \"max_delay\": \"9s\", "
        "\"jitter\": \"none\"}, \"holds_after\": 5},"
        "{\"name\": \"d\", \"type\": \"condition\"}",
        "");
    const struct engine_program_block *root =
        engine_program_root(s->workflows[0].program);
    const struct engine_program_node *c = node_of(root, "c");

    cr_expect_eq(c->retry.attempts_max, 7);
    cr_expect_eq(c->retry.delay_ns, 2 * SECOND);
    cr_expect_eq(c->retry.factor_milli, 3000);
    cr_expect_eq(c->retry.delay_max_ns, 9 * SECOND);
    cr_expect_eq(c->retry.jitter, ENGINE_JITTER_NONE);
    cr_expect_eq(c->holds_after, 5);
    cr_expect_eq(node_of(root, "d")->retry.attempts_max, 60);
    cr_expect_eq(node_of(root, "d")->holds_after, 1);
    scenario_free(s);
}

/* Nodes and further members of a bad workflow; the error's column is that in
 * {"name": "x", "nodes": [NODES]MEMBERS}, so nodes start in column 25. */
static const struct bad {
    const char *nodes;
    const char *members;
    const char *error;
} bads[] = {
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": "
     "\"2023-02-29T00:00:00Z\"}",
     "",
     "w.json:1:65: found the moment \"2023-02-29T00:00:00Z\", allowed one from "
     "1970 to 2500 as \"2026-03-01T09:00:00Z\" or "
     "\"2026-03-01T11:00:00+02:00\""},
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": \"2023-02-28\"}", "",
     "w.json:1:65: found the moment \"2023-02-28\", allowed one from 1970 to "
     "2500 as \"2026-03-01T09:00:00Z\" or \"2026-03-01T11:00:00+02:00\""},
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": "
     "\"1969-12-31T23:59:59Z\"}",
     "",
     "w.json:1:65: found the moment \"1969-12-31T23:59:59Z\", allowed one from "
     "1970 to 2500 as \"2026-03-01T09:00:00Z\" or "
     "\"2026-03-01T11:00:00+02:00\""},
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": {\"cron\": \"61 * * * "
     "*\"}}",
     "",
     "w.json:1:74: found the schedule \"61 * * * *\", at character 1: a minute "
     "of 61, allowed are 0 to 59"},
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": {\"cron\": \"0 0 30 "
     "feb *\"}}",
     "",
     "w.json:1:74: found the schedule \"0 0 30 feb *\", which never comes, "
     "allowed one that does"},
    {"{\"name\": \"a\", \"type\": \"until\", \"until\": {\"cron\": \"* * * * * "
     "*\"}}",
     "",
     "w.json:1:74: found the schedule \"* * * * * *\", at character 11: there "
     "are more than five fields"},
    {"{\"name\": \"a\", \"type\": \"receive\", \"edge\": \"e\", "
     "\"timeout\": \"2h\"}",
     ", \"timeout\": \"1h\"",
     "w.json:1:82: found a timeout above that of the "
     "run, allowed at most that"},
    {"{\"name\": \"a\", \"run\": {\"output\": \"json\"}}", "",
     "w.json:1:57: found the output \"json\" without a command, allowed a "
     "size"},
    {"{\"name\": \"a\", \"stall\": \"1s\"}", "",
     "w.json:1:39: found \"stall\" in a graph that the coordinator drives, "
     "allowed in a workflow with \"run_as\": \"handler\""},
    {"{\"name\": \"a\", \"compensate\": {}}", "",
     "w.json:1:39: found \"compensate\" in a graph that the coordinator "
     "drives, allowed in a workflow with \"run_as\": \"handler\""},
    {"{\"name\": \"a\", \"type\": \"callback\"}", ", \"run_as\": \"graph\"",
     "w.json:1:47: found a node that a graph does not have, allowed \"step\", "
     "\"wait\", or \"run_as\": \"handler\""},
    {"{\"name\": \"a\"}", ", \"run_as\": \"handle\"",
     "w.json:1:51: found the string \"handle\" for \"run_as\", allowed "
     "\"graph\", \"handler\"; did you mean \"handler\"?"},
    {"{\"name\": \"a\", \"type\": \"wait\", \"wait\": \"999ms\"}",
     ", \"run_as\": \"handler\"",
     "w.json:1:63: found the string \"999ms\" for \"wait\", allowed \"1s\" to "
     "\"3650d\""},
    {"{\"name\": \"a\", \"type\": \"wait\", \"wait\": \"0s\"}", "",
     "w.json:1:63: found the string \"0s\" for \"wait\", allowed \"1ms\" to "
     "\"365d\""},
    {"{\"name\": \"a\", \"retry\": {\"attempts\": 2}}", "",
     "w.json:1:61: found 2 attempts of a step that is irreversible, allowed "
     "1, or another \"side_effect\""},
    {"{\"name\": \"a\", \"side_effect\": \"read_only\", \"retry\": "
     "{\"delay\": \"0s\"}}",
     ", \"run_as\": \"handler\"",
     "w.json:1:86: found the string \"0s\" for \"delay\", allowed \"1s\" to "
     "\"1d\""},
    {"{\"name\": \"a\", \"side_effect\": \"idempotent\", \"compensate\": {}}",
     ", \"run_as\": \"handler\"",
     "w.json:1:82: only a reversible step has a compensation: found "
     "compensation 1, side_effect idempotent"},
    {"{\"name\": \"a\", \"contract\": {\"exactly_once\": true}}", "",
     "w.json:1:68: exactly_once needs an idempotency key: found exactly_once "
     "1, key 0"},
    {"{\"name\": \"a\", \"run\": {\"effect\": true, \"key\": true}, "
     "\"contract\": {\"exactly_once\": true}}",
     "",
     "w.json:1:106: exactly_once needs a step that may be repeated: found "
     "exactly_once 1, side_effect irreversible"},
    {"{\"name\": \"a\", \"side_effect\": \"idempotent\", \"run\": {\"effect\": "
     "true, \"key\": false}, \"contract\": {\"exactly_once\": true}}",
     "",
     "w.json:1:136: exactly_once needs an idempotency key: found "
     "exactly_once 1, key 0"},
    {"{\"name\": \"a\", \"side_effect\": \"idempotent\", \"contract\": "
     "{\"no_retry\": true}, \"retry\": {\"attempts\": 3}}",
     "",
     "w.json:1:93: no_retry allows one attempt: found no_retry 1, attempts "
     "3"},
    {"{\"name\": \"a\", \"side_effect\": \"idempotent\", \"contract\": "
     "{\"no_retry\": true, \"max_retries\": 2}}",
     "",
     "w.json:1:93: no_retry allows no max_retries above 0: found no_retry 1, "
     "max_retries 2"},
    {"{\"name\": \"a\", \"side_effect\": \"idempotent\", \"contract\": "
     "{\"max_retries\": 1}, \"retry\": {\"attempts\": 3}}",
     "",
     "w.json:1:96: the retry policy must keep to max_retries: found "
     "max_retries 1, attempts 3"},
    {"{\"name\": \"a\", \"contract\": {\"max_retries\": 1}}", "",
     "w.json:1:67: max_retries above 0 needs a step that may be repeated: "
     "found max_retries 1, side_effect irreversible"},
    {"{\"name\": \"a\", \"contract\": {\"max_retries\": -1}}", "",
     "w.json:1:67: found the number -1 for \"max_retries\", allowed an "
     "integer from 0 to 9999"},
    {"{\"name\": \"a\", \"contract\": {\"timeout\": \"5s\"}, \"timeout\": "
     "\"6s\"}",
     "",
     "w.json:1:81: attempt must be at most timeout: found attempt 6 s, "
     "timeout 5 s"},
    {"{\"name\": \"a\", \"contract\": {\"once\": true}}", "",
     "w.json:1:52: found key \"once\", allowed \"exactly_once\", "
     "\"no_retry\", \"max_retries\", \"timeout\""},
    {"{\"name\": \"a\", \"timeout\": \"2m\"}", ", \"timeout\": \"60s\"",
     "w.json:1:50: every deadline must be at most run: found attempt 120 s, "
     "run 60 s"},
    {"{\"name\": \"a\", \"timeout\": \"2m\", \"stall\": \"2m\"}",
     ", \"run_as\": \"handler\"",
     "w.json:1:65: stall must be below attempt: found stall 120 s, attempt "
     "120 s"},
    {"{\"name\": \"a\", \"schedule_to_start\": \"2h\"}",
     ", \"run_as\": \"handler\", \"timeout\": \"1h\"",
     "w.json:1:60: every deadline must be at most run: found "
     "schedule_to_start 7200 s, run 3600 s"},
    {"{\"name\": \"a\"}", ", \"timeout\": \"0s\"",
     "w.json:1:52: found the string \"0s\" for \"timeout\", allowed \"1s\" to "
     "\"3650d\""},
    {"{\"name\": \"a\", \"type\": \"callback\", \"timeout\": \"10s\", "
     "\"heartbeat\": \"10s\"}",
     "",
     "w.json:1:90: heartbeat must be below callback: found heartbeat 10 s, "
     "callback 10 s"},
    {"{\"name\": \"a\", \"type\": \"callback\", \"timeout\": \"0s\"}", "",
     "w.json:1:70: found the string \"0s\" for \"timeout\", allowed \"1s\" to "
     "\"3650d\""},
    {"{\"name\": \"a\", \"type\": \"callback\", \"timeout\": \"3h\"}",
     ", \"timeout\": \"2h\"",
     "w.json:1:70: every deadline must be at most run: found callback 10800 "
     "s, run 7200 s"},
    {"{\"name\": \"a\", \"type\": \"callback\", \"run\": {}}", "",
     "w.json:1:59: found key \"run\", allowed \"name\", \"type\", \"inputs\", "
     "\"outputs\", \"timeout\", \"heartbeat\", \"answer\""},
    {"{\"name\": \"a\", \"type\": \"callback\", \"outputs\": [\"l\", \"r\"]}",
     "",
     "w.json:1:70: found 2 outputs of \"a\", allowed one: only a step gives "
     "several values"},
    {"{\"name\": \"a\", \"type\": \"callback\", \"answer\": {\"with\": "
     "\"sucess\"}}",
     "",
     "w.json:1:78: found the string \"sucess\" for \"with\", allowed "
     "\"success\", \"failure\", \"nothing\"; did you mean \"success\"?"},
    {"{\"name\": \"a\", \"type\": \"callback\", \"answer\": {\"times\": 0}}",
     "",
     "w.json:1:79: found the number 0 for \"times\", allowed an integer from "
     "1 to 1000000"},
    {"{\"name\": \"a\", \"type\": \"wait_for_callback\", \"timeout\": \"9s\", "
     "\"submit_timeout\": \"10s\"}",
     "",
     "w.json:1:103: found a submit_timeout above the timeout of the callback, "
     "allowed at most that"},
    {"{\"name\": \"a\", \"type\": \"wait_for_callback\", \"contract\": "
     "{\"exactly_once\": true}}",
     "",
     "w.json:1:97: exactly_once needs an idempotency key: found exactly_once "
     "1, key 0"},
    {"{\"name\": \"a\", \"type\": \"condition\", \"holds_after\": 0}", "",
     "w.json:1:75: found the number 0 for \"holds_after\", allowed an integer "
     "from 1 to 1000000"},
    {"{\"name\": \"a\", \"type\": \"condition\", \"poll\": {\"delay\": "
     "\"10ms\"}}",
     "",
     "w.json:1:78: found the string \"10ms\" for \"delay\", allowed \"1s\" to "
     "\"1d\""},
    {"{\"name\": \"a\", \"type\": \"invoke\"}", "",
     "w.json:1:25: found an object without \"workflow\", allowed only with "
     "this key"},
    {"{\"name\": \"a\", \"type\": \"invoke\", \"workflow\": \"oter\"}", "",
     "w.json:1:69: found workflow \"oter\", allowed \"x\", \"other\"; did you "
     "mean \"other\"?"},
    {"{\"name\": \"a\", \"type\": \"invoke\", \"workflow\": \"other\", "
     "\"timeout\": \"3h\"}",
     ", \"timeout\": \"2h\"",
     "w.json:1:89: found a timeout above that of the run, allowed at most "
     "that"},
    {"{\"name\": \"a\", \"type\": \"send\", \"edge\": \"e\"}", "",
     "w.json:1:25: found an object without \"to\", allowed only with this "
     "key"},
    {"{\"name\": \"a\", \"type\": \"send\", \"edge\": \"e\", \"to\": \"1\"}",
     "",
     "w.json:1:74: found receiver \"1\", allowed a run's number, or \"+1\" or "
     "\"-1\" for the one after or before"},
    {"{\"name\": \"a\", \"type\": \"send\", \"edge\": \"e\", \"to\": 0}", "",
     "w.json:1:74: found the number 0 for \"to\", allowed an integer from 1 "
     "to 9007199254740991"},
    {"{\"name\": \"a\", \"type\": \"send\", \"edge\": \"e\", \"to\": 1, "
     "\"window\": 0}",
     "",
     "w.json:1:87: found the number 0 for \"window\", allowed an integer from "
     "1 to 1000000"},
    {"{\"name\": \"a\", \"type\": \"receive\", \"edge\": \"e\", \"messages\": "
     "\"al\"}",
     "", "w.json:1:83: found \"al\" messages, allowed a number, or \"all\""},
    {"{\"name\": \"a\", \"type\": \"receive\", \"edge\": \"e\", \"messages\": "
     "0}",
     "",
     "w.json:1:83: found the number 0 for \"messages\", allowed an integer "
     "from 1 to 1000000"},
    {"{\"name\": \"a\", \"type\": \"child\"}", "",
     "w.json:1:25: found an object without \"nodes\", allowed only with this "
     "key"},
    {"{\"name\": \"a\", \"type\": \"child\", \"nodes\": []}", "",
     "w.json:1:65: found an array for \"nodes\" of 0 values, allowed 1 to "
     "4096"},
    {"{\"name\": \"a\", \"type\": \"child\", \"nodes\": [{\"name\": \"b\"}, "
     "{\"name\": \"c\"}], \"edges\": [[\"b.out\", \"c.in\"], [\"c.out\", "
     "\"b.in\"]]}",
     "",
     "w.json:1:126: found an edge that closes a cycle through \"b\", allowed "
     "a graph without cycles: no run could reach it"},
    {"{\"name\": \"a\", \"type\": \"child\", \"nodes\": [{\"name\": \"b\"}]}, "
     "{\"name\": \"b\"}",
     "",
     "w.json:1:92: found a second step \"b\", allowed each name once in a "
     "workflow with all its blocks"},
    {"{\"name\": \"a\", \"type\": \"map\", \"nodes\": [{\"name\": \"b\"}]}", "",
     "w.json:1:25: found an object without \"items\", allowed only with this "
     "key"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": -1, \"nodes\": "
     "[{\"name\": \"b\"}]}",
     "",
     "w.json:1:63: found the number -1 for \"items\", allowed an integer from "
     "0 to 100000"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": [\"40MiB\", \"40MiB\"], "
     "\"nodes\": [{\"name\": \"b\"}]}",
     "", "w.json:1:73: found items above 64MiB together, allowed that"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, "
     "\"max_concurrency\": 0, \"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:85: found the number 0 for \"max_concurrency\", allowed an "
     "integer from 1 to 1000000"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, \"completion\": "
     "{\"min_successful\": 5}, \"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:99: found min_successful 5 of 4 branches, allowed at most as "
     "many"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, "
     "\"items_per_batch\": 3, \"completion\": {\"min_successful\": 3}, "
     "\"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:121: found min_successful 3 of 2 branches, allowed at most as "
     "many"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, \"completion\": "
     "{\"tolerated_failures\": \"101%\"}, \"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:103: found the string \"101%\" for \"tolerated_failures\": "
     "percentage above 100%"},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, \"completion\": "
     "{\"tolerated_failures\": \"0.05%\"}, \"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:103: found a share with more than one digit after the point, "
     "allowed e.g. \"12.5%\""},
    {"{\"name\": \"a\", \"type\": \"map\", \"items\": 4, \"completion\": "
     "{\"tolerated_failures\": 5}, \"nodes\": [{\"name\": \"b\"}]}",
     "",
     "w.json:1:103: found 5 tolerated failures of 4 branches, allowed at most "
     "as many"},
    {"{\"name\": \"a\", \"type\": \"parallel\", \"branches\": []}", "",
     "w.json:1:71: found an array for \"branches\" of 0 values, allowed 1 to "
     "1024"},
    {"{\"name\": \"a\", \"type\": \"parallel\", \"branches\": [{\"name\": "
     "\"l\", \"nodes\": [{\"name\": \"b\"}]}, {\"name\": \"l\", \"nodes\": "
     "[{\"name\": \"c\"}]}]}",
     "", "w.json:1:122: found a second branch \"l\", allowed each name once"},
    {"{\"name\": \"a\", \"type\": \"parallel\", \"mode\": \"race\", "
     "\"completion\": {}, \"branches\": [{\"name\": \"l\", \"nodes\": "
     "[{\"name\": \"b\"}]}]}",
     "",
     "w.json:1:75: found \"completion\" without a policy, allowed with "
     "\"mode\": \"policy\""},
    {"{\"name\": \"a\", \"type\": \"parallel\", \"mode\": \"policy\", "
     "\"completion\": {\"min_successful\": 2}, \"branches\": [{\"name\": "
     "\"l\", \"nodes\": [{\"name\": \"b\"}]}]}",
     "",
     "w.json:1:110: found min_successful 2 of 1 branches, allowed at most as "
     "many"},
};

Test(scenarios_read_program, each_mistake_is_refused_in_one_exact_line)
{
    char text[TEXT_MAX];

    for (size_t i = 0; i < COUNT(bads); i++) {
        struct json_error err;
        snprintf(text, sizeof(text), "{\"name\": \"x\", \"nodes\": [%s]%s}",
                 bads[i].nodes, bads[i].members);
        struct scenario *scenario = read_with(text, "{}", &err);
        cr_expect_null(scenario, "accepted: %s", text);
        cr_expect_str_eq(err.text, bads[i].error, "%s\n  said     %s", text,
                         err.text);
        scenario_free(scenario);
    }
}

Test(scenarios_read_program, a_scenario_cannot_take_the_key_of_exactly_once)
{
    static const char workflow[] =
        "{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"side_effect\": "
        "\"idempotent\", \"contract\": {\"exactly_once\": true}, \"run\": "
        "{\"effect\": true}}]}";
    struct json_error err;

    cr_expect_null(read_with(workflow, "{\"a\": {\"key\": false}}", &err));
    cr_expect_str_eq(err.text,
                     "s.json:2:24: found no key for a step whose contract is "
                     "exactly_once, allowed \"key\": true");
}

Test(scenarios_read_program, a_scenario_changes_steps_inside_blocks)
{
    static const char workflow[] =
        "{\"name\": \"x\", \"nodes\": [{\"name\": \"c\", \"type\": \"child\", "
        "\"nodes\": [{\"name\": \"a\"}]}, {\"name\": \"h\", \"type\": "
        "\"callback\"}]}";
    struct json_error err;
    struct scenario *s =
        read_with(workflow, "{\"a\": {\"output\": \"5B\"}}", &err);

    cr_assert_not_null(s, "%s", err.text);
    cr_expect_eq(s->workflows[0].steps[0].output_bytes, 5);
    scenario_free(s);
    cr_expect_null(read_with(workflow, "{\"h\": {}}", &err));
    cr_expect_str_eq(err.text, "s.json:2:11: found \"h\", which is a callback, "
                               "allowed steps");
}

Test(scenarios_read_program, the_workflows_that_come_along_are_programs)
{
    static const char *const names[] = {"approval", "bids", "fanout", "nightly",
                                        "saga"};
    const char *paths[] = {NULL, "scenarios/workflows/chain.json"};
    char path[64];
    struct json_error err;

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "scenarios/workflows/%s.json", names[i]);
        paths[0] = path;
        struct scenario_workflow *workflows =
            scenario_workflows_read(paths, COUNT(paths), &err);
        cr_assert_not_null(workflows, "%s", err.text);
        cr_assert_not_null(workflows[0].program, "%s", path);
        cr_expect_str_eq(engine_program_name(workflows[0].program), names[i]);
        scenario_workflows_free(workflows, COUNT(paths));
    }
}

Test(scenarios_read_program, workflow_files_are_read_without_a_scenario)
{
    static const char *const good[] = {"scenarios/workflows/nightly.json",
                                       "scenarios/workflows/chain.json"};
    static const char *const bad[] = {"scenarios/workflows/nightly.json"};
    struct json_error err;
    struct scenario_workflow *workflows =
        scenario_workflows_read(good, COUNT(good), &err);

    cr_assert_not_null(workflows, "%s", err.text);
    cr_expect_str_eq(engine_graph_name(workflows[0].graph), "nightly");
    cr_expect_not_null(workflows[0].program);
    cr_expect_null(workflows[1].program);
    scenario_workflows_free(workflows, COUNT(good));
    cr_expect_null(scenario_workflows_read(bad, COUNT(bad), &err));
    cr_expect_not_null(strstr(err.text, "found workflow \"chain\""), "%s",
                       err.text);
}

/* A workflow file of its own, read without a scenario; NULL: refused. */
static struct scenario_workflow *read_alone(const char *text,
                                            struct json_error *err)
{
    char path[] = "/tmp/perdure-workflow-XXXXXX";
    const char *paths[] = {path};
    int file = mkstemp(path);

    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(close(file), 0);
    struct scenario_workflow *workflows =
        scenario_workflows_read(paths, 1, err);
    cr_assert_eq(unlink(path), 0);
    return workflows;
}

Test(scenarios_read_program, platforms_are_kept_in_the_order_of_falling_back)
{
    struct json_error err;
    struct scenario_workflow *workflows = read_alone(
        "{\"name\": \"x\", \"platform\": \"k8s\", \"nodes\": [\n"
        "{\"name\": \"a\", \"platform\": [\"batch\", \"k8s\"]},\n"
        "{\"name\": \"b\"}, {\"name\": \"c\", \"platform\": \"celery\"},\n"
        "{\"name\": \"w\", \"type\": \"wait\", \"wait\": \"1s\"}]}",
        &err);
    static const char *const names[][3] = {
        {"batch", "k8s", NULL}, {"k8s", NULL}, {"celery", NULL}, {NULL}};

    cr_assert_not_null(workflows, "%s", err.text);
    for (uint32_t n = 0; n < COUNT(names); n++) {
        const struct engine_node *node =
            engine_graph_node(workflows[0].graph, n);
        uint32_t count = 0;
        for (; names[n][count]; count++)
            cr_expect_str_eq(node->platform_names[count], names[n][count]);
        cr_expect_eq(node->platform_count, count, "%s", node->name);
    }
    scenario_workflows_free(workflows, 1);
}

Test(scenarios_read_program, a_handler_has_its_platforms_beside_run_as)
{
    struct json_error err;
    struct scenario_workflow *workflows =
        read_alone("{\"name\": \"x\", \"run_as\": \"handler\", \"platform\": "
                   "[\"lambda\", \"local\"], \"nodes\": [{\"name\": \"a\"}]}",
                   &err);

    cr_assert_not_null(workflows, "%s", err.text);
    const struct engine_node *node = engine_graph_node(workflows[0].graph, 0);
    cr_expect_eq(node->platform_count, 2);
    cr_expect_str_eq(node->platform_names[1], "local");
    scenario_workflows_free(workflows, 1);
    cr_expect_null(read_alone("{\"name\": \"x\", \"run_as\": \"handler\", "
                              "\"nodes\": [{\"name\": \"a\", \"platform\": "
                              "\"local\"}]}",
                              &err));
    cr_expect_not_null(strstr(err.text, "allowed beside its \"run_as\""), "%s",
                       err.text);
}

Test(scenarios_read_program, wrong_lists_of_platforms_say_where_and_why)
{
    static const struct {
        const char *platform, *words;
    } rows[] = {
        {"[]", "allowed 1 to 8"},
        {"[\"a\", \"b\", \"a\"]", "found platform \"a\" twice"},
        {"3", "allowed a name or a list of names"},
        {"[\"a\", 4]", "found the number 4"},
        {"\"\"", "allowed"},
    };
    struct json_error err;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        snprintf(text, sizeof(text),
                 "{\"name\": \"x\", \"nodes\": [\n{\"name\": \"a\", "
                 "\"platform\": %s}]}",
                 rows[i].platform);
        cr_expect_null(read_alone(text, &err), "%s", rows[i].platform);
        cr_expect_not_null(strstr(err.text, ":2:"), "%s", err.text);
        cr_expect_not_null(strstr(err.text, rows[i].words), "%s", err.text);
    }
}

Test(scenarios_read_program, a_platform_must_be_one_of_the_scenarios)
{
    struct json_error err;

    cr_expect_null(read_with("{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", "
                             "\"platform\": \"batch\"}]}",
                             "{}", &err));
    cr_expect_str_eq(err.text,
                     "w.json:1:51: found platform \"batch\", allowed in a "
                     "scenario whose \"platforms\" have names");
}
