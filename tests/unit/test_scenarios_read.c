#include "scenarios/scenario.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/defects.h"
#include "faults/points.h"
#include "sim/nodes.h"
#include "sim/points.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)

enum {
    TEXT_MAX = 8192
};

static const char workflow[] =
    "{\"name\": \"wf\","
    " \"nodes\": ["
    "  {\"name\": \"a\", \"side_effect\": \"read_only\"},"
    "  {\"name\": \"w\", \"type\": \"wait\", \"wait\": \"90s\"},"
    "  {\"name\": \"b\", \"side_effect\": \"idempotent\","
    "   \"run\": {\"effect\": true, \"output\": \"2KB\"}},"
    "  {\"name\": \"c\", \"inputs\": [\"l\", \"r\"]}],"
    " \"edges\": [[\"a.out\", \"w.in\"], [\"w.out\", \"b.in\"],"
    "  {\"from\": \"b.out\", \"to\": {\"node\": \"c\", \"handle\": \"l\"}},"
    "  [\"a.out\", \"c.r\"]]}";

static const char base[] =
    "{\"why\": \"base\", \"workflow\": \"w.json\", \"seed\": 7,"
    " \"engine\": {\"lease\": \"30s\", \"coordinators\": 3},"
    " \"load\": {\"arrivals\": {\"every\": \"1s\"}, \"runs\": 5},"
    " \"faults\": [{\"crash\": \"worker\", \"times\": [\"1s\"]}],"
    " \"expect\": {\"stuck runs\": 0, \"failed runs\": \"< 2\"}}";

/* A scenario that must be read, from this text and the files above. */
static struct scenario *read_good(const char *text)
{
    FILE *file = fopen("scenarios/profiles/local.json", "rb");
    char profile[TEXT_MAX], copies[3][TEXT_MAX];
    char names[4][32] = {"s.json", "w.json", "base.json",
                         "profiles/local.json"};
    struct json_error err;

    cr_assert_not_null(file);
    size_t size = fread(profile, 1, sizeof(profile), file);
    (void)fclose(file);
    snprintf(copies[0], TEXT_MAX, "%s", text);
    snprintf(copies[1], TEXT_MAX, "%s", workflow);
    snprintf(copies[2], TEXT_MAX, "%s", base);
    const struct scenario_source sources[] = {
        {names[0], copies[0], strlen(copies[0])},
        {names[1], copies[1], strlen(copies[1])},
        {names[2], copies[2], strlen(copies[2])},
        {names[3], profile, size},
    };
    struct scenario *scenario =
        scenario_read_sources(sources, COUNT(sources), &err);
    cr_assert_not_null(scenario, "%s", err.text);
    return scenario;
}

/* The first rule of a scenario with this list of faults. */
static struct scenario *read_faulty(const char *faults)
{
    char text[2 * TEXT_MAX];

    snprintf(text, sizeof(text),
             "{\"why\": \"w\", \"workflow\": \"w.json\","
             " \"engine\": {\"coordinators\": 2},"
             " \"load\": {\"arrivals\": {\"every\": \"1s\"}},"
             " \"faults\": %s}",
             faults);
    return read_good(text);
}

static void expect_rule(const char *fault, const char *sentence)
{
    char list[TEXT_MAX], said[512];

    snprintf(list, sizeof(list), "[%s]", fault);
    struct scenario *scenario = read_faulty(list);
    cr_assert_eq(scenario->plan.count, 1);
    fault_rule_text(&scenario->plan.rules[0], scenario->plan.points,
                    scenario->plan.point_count, said, sizeof(said));
    cr_expect_str_eq(said, sentence, "%s", fault);
    scenario_free(scenario);
}

Test(scenarios_read, what_is_not_written_has_the_documented_default)
{
    struct scenario *s =
        read_good("{\"why\": \"w\", \"workflow\": \"w.json\","
                  " \"load\": {\"arrivals\": {\"every\": \"1s\"}}}");

    cr_expect_eq(s->mode, SCENARIO_MODE_FULL);
    cr_expect_eq(s->engine.store, SCENARIO_STORE_SQLITE);
    cr_expect_eq(s->engine.lease_ttl_ns, 60 * SECOND);
    cr_expect_eq(s->engine.claim_ttl_ns, 30 * SECOND);
    cr_expect_eq(s->engine.skew_bound_ns, SECOND / 2);
    cr_expect_eq(s->engine.scan_ns, 10 * SECOND);
    cr_expect_eq(s->engine.request_timeout_ns, 2 * SECOND);
    cr_expect_eq(s->engine.dispatch_timeout_ns, SECOND);
    cr_expect_eq(s->engine.suspend_after_ns, 30 * SECOND);
    cr_expect_eq(s->engine.runs_max, 100000);
    cr_expect_eq(s->engine.inline_max, UINT32_C(256) * 1024);
    cr_expect_eq(s->engine.request_max, UINT64_C(6) * 1024 * 1024);
    cr_expect_eq(s->engine.history_ops_max, 25000);
    cr_expect_eq(s->engine.blob_max, UINT64_C(64) * 1024 * 1024);
    cr_expect_eq(s->engine.page_size, 4096);
    cr_expect_eq(s->engine.cache_size, UINT64_C(2000) * 1024);
    cr_expect(s->engine.wal);
    cr_expect_eq(s->engine.group_max, 256);
    cr_expect_eq(s->engine.dedup_ttl_ns, 0);
    cr_expect_eq(s->engine.restart_ns, 5 * SECOND);
    cr_expect(s->disk.tears);
    cr_expect(s->envelope.honest_sync);
    cr_expect_eq(s->exit_code, 0);
    cr_expect_str_eq(s->name, "s");
    scenario_free(s);
}

Test(scenarios_read, retries_follow_from_the_class_of_side_effect)
{
    struct scenario *s =
        read_good("{\"why\": \"w\", \"workflow\": \"w.json\","
                  " \"load\": {\"arrivals\": {\"every\": \"1s\"}}}");
    const struct scenario_workflow *w = &s->workflows[0];
    const struct engine_node *a = engine_graph_node(w->graph, 0);
    const struct engine_node *c = engine_graph_node(w->graph, 3);

    cr_expect_eq(a->retry.attempts_max, 6);
    cr_expect_eq(a->retry.delay_ns, 5 * SECOND);
    cr_expect_eq(a->retry.factor_milli, 2000);
    cr_expect_eq(a->retry.delay_max_ns, 60 * SECOND);
    cr_expect_eq(a->retry.jitter, ENGINE_JITTER_FULL);
    cr_expect_eq(c->side_effect, ENGINE_EFFECT_IRREVERSIBLE);
    cr_expect_eq(c->retry.attempts_max, 1);
    cr_expect_eq(engine_graph_node(w->graph, 1)->wait_ns, 90 * SECOND);
    cr_expect_eq(w->effects[0], 0);
    cr_expect_eq(w->effects[2], 2);
    cr_expect_eq(w->effects[3], 0);
    cr_expect_eq(w->steps[2].output_bytes, 2000);
    scenario_free(s);
}

Test(scenarios_read, a_scenario_changes_steps_of_its_workflow)
{
    struct scenario *s = read_good(
        "{\"why\": \"w\", \"workflow\": \"w.json\","
        " \"steps\": {\"b\": {\"key\": false, \"fails\": {\"first\": 2}}},"
        " \"load\": {\"arrivals\": {\"every\": \"1s\"}}}");

    cr_expect_eq(s->workflows[0].effects[2], 1);
    cr_expect_eq(s->workflows[0].steps[2].fail_first, 2);
    cr_expect_eq(s->workflows[0].steps[2].output_bytes, 2000);
    scenario_free(s);
}

Test(scenarios_read, extending_merges_sections_and_replaces_what_is_below)
{
    struct scenario *s =
        read_good("{\"why\": \"ours\", \"extends\": \"base.json\","
                  " \"engine\": {\"lease\": \"20s\"}, \"load\": {\"runs\": 6},"
                  " \"expect\": {\"failed runs\": 0}, \"faults\": []}");

    cr_expect_str_eq(s->why, "ours");
    cr_expect_eq(s->seed, 7);
    cr_expect_eq(s->engine.lease_ttl_ns, 20 * SECOND);
    cr_expect_eq(s->engine.coordinators, 3);
    cr_expect_eq(s->runs, 6);
    cr_expect_eq(s->plan.count, 0);
    cr_assert_eq(s->expectation_count, 2);
    cr_expect_str_eq(s->expectations[0].text, "failed runs = 0");
    cr_expect_str_eq(s->expectations[1].text, "stuck runs = 0");
    cr_assert_eq(s->source_count, 4);
    cr_expect_str_eq(s->sources[1].name, "base.json");
    scenario_free(s);
}

Test(scenarios_read, a_workflow_replaces_the_workflows_of_the_base)
{
    struct scenario *s =
        read_good("{\"why\": \"ours\", \"extends\": \"base.json\","
                  " \"workflows\": [\"w.json\","
                  "  {\"name\": \"x\", \"nodes\": [{\"name\": \"a\"}]}]}");

    cr_expect_eq(s->workflow_count, 2);
    cr_expect_eq(s->plan.count, 1);
    scenario_free(s);
}

Test(scenarios_read, words_for_boundaries_mean_points)
{
    expect_rule("{\"crash\": \"worker\", \"of\": \"b\", \"nth\": \"1-3\","
                " \"at\": \"after effect, before report\"}",
                "crash at worker/effect/after; op 0.2; nth 1-3; all actors "
                "counted together");
    expect_rule("{\"crash\": \"worker\", \"at\": \"worker/claim/after\","
                " \"count\": \"each node\", \"first\": 2}",
                "crash at worker/claim/after; nth 1-2");
    expect_rule("{\"crash\": \"store\", \"at\": \"inside commit\","
                " \"every\": 9, \"max\": 4}",
                "crash at disk/write, disk/sync/before, disk/sync/after; every "
                "9; at most 4 in all");
}

Test(scenarios_read, each_boundary_is_every_point_of_the_process)
{
    uint32_t count, wanted = 0;
    const struct engine_point *points = scenario_points(&count);
    struct scenario *s = read_faulty(
        "[{\"crash\": \"coordinator\", \"at\": \"each boundary\"}]");

    for (uint32_t i = 0; i < count; i++) {
        bool theirs = strncmp(points[i].name, "coordinator/", 12) == 0;
        wanted += theirs;
        cr_expect_eq(fault_rule_has_point(&s->plan.rules[0], i), theirs, "%s",
                     points[i].name);
    }
    cr_expect_gt(wanted, 10);
    scenario_free(s);
}

Test(scenarios_read, a_fault_of_a_process_without_boundary_is_timed)
{
    expect_rule("{\"pause\": \"coordinator\", \"for\": \"90s\","
                " \"times\": [\"10s\", \"50s\"], \"jitter\": \"1s\"}",
                "pause 90s at process; node 8-9; when 10s, 50s + up to 1s");
    expect_rule("{\"expire\": \"run lease\", \"node\": \"coordinator 2\","
                " \"every\": \"5m\", \"from\": \"1m\", \"until\": \"1h\"}",
                "pause 70s at process; node 9; each 5m; from 1m; until 1h");
    expect_rule("{\"expire\": \"work claim\", \"at\": \"before report\"}",
                "pause 40s at worker/report/before; all actors counted "
                "together");
    expect_rule("{\"oom\": \"worker\", \"node\": [\"worker 1-3\","
                " \"worker 7\"], \"times\": [\"1s\"]}",
                "oom at process; node 64-66, 70; when 1s; all actors counted "
                "together");
}

Test(scenarios_read, words_for_disk_network_platform_and_clock_mean_actions)
{
    expect_rule("{\"disk\": \"slow\", \"by\": [\"50ms\", \"1s\"],"
                " \"probability\": \"2%\"}",
                "delay 50ms to 1s at disk/write, disk/sync/before; chance 2%");
    expect_rule("{\"disk\": \"full\", \"from\": \"20s\", \"until\": \"50s\"}",
                "full at disk/write; from 20s; until 50s");
    expect_rule("{\"network\": \"lose reply\", \"in_flight\": 3}",
                "lose at net/reply; while 3 in flight");
    expect_rule("{\"network\": \"cut\", \"node\": \"store\", \"for\": \"9s\","
                " \"times\": [\"1m\"]}",
                "cut 9s at net/link; node 1; when 1m");
    expect_rule("{\"platform\": \"kill\", \"of\": [\"a\", \"b\"],"
                " \"attempt\": 1, \"run\": \"3-9\"}",
                "crash at platform/run; op 0.0, 0.2; run 3-9; attempt 1");
    expect_rule("{\"clock\": \"step\", \"by\": \"±5s\", \"node\": \"all\","
                " \"times\": [\"1s\"]}",
                "step -5s to 5s at clock; node 1-8191; when 1s");
    expect_rule("{\"clock\": \"drift\", \"by\": \"-50ppm\","
                " \"node\": \"store\", \"times\": [\"1s\"]}",
                "drift -50000ppb at clock; node 1; when 1s");
    expect_rule("{\"defect\": \"sync_off\", \"name\": \"d\"}",
                "d: defect at defect/sync_off");
}

Test(scenarios_read, a_swarm_is_not_a_rule_yet)
{
    struct scenario *s = read_faulty("[{\"swarm\": \"default\"}]");

    cr_expect(s->swarm);
    cr_expect_str_eq(s->swarm_name, "default");
    cr_expect_eq(s->plan.count, 0);
    cr_expect_geq(s->plan.capacity, 64);
    scenario_free(s);
}

Test(scenarios_read, expectations_keep_measure_comparison_and_value)
{
    struct scenario *s =
        read_good("{\"why\": \"w\", \"workflow\": \"w.json\","
                  " \"load\": {\"arrivals\": {\"every\": \"1s\"}},"
                  " \"expect\": {\"effects:b\": \"at most once\","
                  "  \"p99.9(run)\": \"<= 3m\", \"takeovers\": \"> 2\","
                  "  \"fired:net/reply\": \">= 1\"}}");
    const struct scenario_expectation *e = s->expectations;

    cr_assert_eq(s->expectation_count, 4);
    cr_expect_eq(e[0].measure, SCENARIO_EFFECTS);
    cr_expect_eq(e[0].comparison, SCENARIO_AT_MOST);
    cr_expect_eq(e[0].op, 2);
    cr_expect_eq(e[1].measure, SCENARIO_RUN_LATENCY);
    cr_expect_eq(e[1].percentile_milli, 99900);
    cr_expect_eq(e[1].value, 180 * SECOND);
    cr_expect_eq(e[2].comparison, SCENARIO_MORE);
    cr_expect_eq(e[2].value, 2);
    cr_expect_eq(e[3].point, scenario_points_base() + SIM_POINT_NET_REPLY);
    scenario_free(s);
}

Test(scenarios_read, defects_come_before_the_simulators_points)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);

    cr_assert_eq(count,
                 (uint32_t)ENGINE_DEFECT_COUNT + (uint32_t)SIM_POINT_COUNT);
    cr_expect_eq(scenario_points_base(), ENGINE_DEFECT_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        cr_expect_eq(fault_point_defect(&points[i]),
                     i < scenario_points_base());
        cr_expect_eq(fault_point_find(points, count, points[i].name), i);
    }
}

Test(scenarios_read, every_scenario_of_the_program_is_read_and_read_again)
{
    static const char *const patterns[] = {"scenarios/*.json",
                                           "scenarios/small/*.json",
                                           "scenarios/defects/*.json"};
    glob_t found = {0};

    for (size_t i = 0; i < COUNT(patterns); i++)
        cr_assert_eq(glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct json_error err;
        if (strstr(found.gl_pathv[i], ".schema.json"))
            continue;
        struct scenario *s = scenario_read(found.gl_pathv[i], &err);
        cr_assert_not_null(s, "%s", err.text);
        struct scenario *again =
            scenario_read_sources(s->sources, s->source_count, &err);
        cr_assert_not_null(again, "%s", err.text);
        cr_expect_str_eq(again->name, s->name);
        cr_assert_eq(again->plan.count, s->plan.count);
        cr_expect_arr_eq(again->plan.rules, s->plan.rules,
                         s->plan.count * sizeof(*s->plan.rules));
        cr_expect_eq(again->engine.lease_ttl_ns, s->engine.lease_ttl_ns);
        cr_expect_eq(again->engine.coordinators, s->engine.coordinators);
        cr_expect_eq(again->source_count, s->source_count);
        scenario_free(again);
        scenario_free(s);
    }
    globfree(&found);
}
