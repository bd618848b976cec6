/*
 * The lineage of runs of simulated worlds, whose databases are kept and opened
 * as any other: the same on every platform, across runs, and in every form.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/stage.h"

static void world(struct stage *s, const char *platform, const char *workflows,
                  const char *more, char file[STAGE_PATH_SIZE])
{
    char text[2048];
    char name[64];
    char here[PATH_MAX];

    cr_assert(realpath("scenarios/workflows", here));
    snprintf(name, sizeof(name), "on-%s.json", platform);
    snprintf(text, sizeof(text),
             "{\"why\": \"One workflow somewhere.\", \"workflows\": [%s], "
             "\"engine\": {\"store\": \"sqlite\"}, \"platform\": "
             "{\"profile\": \"%s\"}, \"load\": {\"arrivals\": {\"rate\": "
             "\"1/s\"}, \"runs\": 2%s}, \"limit\": \"6h\"}",
             workflows, platform, more);
    /* HERE stands for the directory of the workflows. */
    char whole[6144] = "";
    for (const char *at = text; *at;) {
        size_t used = strlen(whole);
        if (strncmp(at, "HERE", 4) == 0) {
            snprintf(whole + used, sizeof(whole) - used, "%s", here);
            at += 4;
        } else {
            snprintf(whole + used, sizeof(whole) - used, "%c", *at++);
        }
    }
    stage_file(s, name, whole, file);
}

/* Runs it and leaves the database as NAME in the stage's directory. */
static void keep(struct stage *s, const char *scenario, const char *name,
                 char database[STAGE_PATH_SIZE])
{
    stage_path(s, name, database);
    cr_assert_eq(
        STAGE_CALL(s, "run", scenario, "--json", "--database", database), 0,
        "%s: %s", scenario, s->complained);
    cr_assert_eq(STAGE_CALL(s, "verify", database), 0, "%s%s", s->said,
                 s->complained);
}

/* The first line of the text: both digests and how much there is. */
static void summary(struct stage *s, const char *database, const char *run,
                    char line[256])
{
    cr_assert_eq(STAGE_CALL(s, "lineage", database, run), 0, "%s",
                 s->complained);
    snprintf(line, 256, "%.*s", (int)strcspn(s->said, "\n"), s->said);
}

static const char *const platforms[] = {"local",       "lambda-2026",
                                        "k8s-default", "celery-redis",
                                        "docker-ssd",  "batch-fargate"};

static void expect_one_lineage(const char *workflows, const char *more,
                               int executions)
{
    char first[256] = "";
    char count[32];

    snprintf(count, sizeof(count), ", %d executions", executions);
    for (size_t i = 0; i < sizeof(platforms) / sizeof(*platforms); i++) {
        struct stage s;
        char file[STAGE_PATH_SIZE];
        char database[STAGE_PATH_SIZE];
        char line[256];

        stage_open(&s);
        world(&s, platforms[i], workflows, more, file);
        keep(&s, file, "kept.db", database);
        summary(&s, database, "1", line);
        cr_expect(stage_has(line, count), "%s", line);
        cr_expect(stage_has(s.said, platforms[i]), "%s", s.said);
        if (i == 0)
            memcpy(first, line, sizeof(first));
        cr_expect_str_eq(line, first, "%s", platforms[i]);
        stage_close(&s);
    }
}

Test(run_lineage, a_graph_has_one_lineage_on_six_platforms, .timeout = 300)
{
    expect_one_lineage("\"HERE/order.json\"", "", 7);
}

Test(run_lineage, branches_in_whatever_order_have_one_lineage, .timeout = 300)
{
    expect_one_lineage("\"HERE/fanout.json\"", "", 65);
}

/* A world with a step a and a step b after it, each with these members. */
static void two_steps(struct stage *s, const char *name, const char *a,
                      const char *b, const char *where, char line[256])
{
    char text[1024];
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];
    char kept[64];

    snprintf(text, sizeof(text),
             "{\"why\": \"Two steps.\", \"workflow\": {\"name\": "
             "\"two\", \"nodes\": [{\"name\": \"a\", "
             "\"side_effect\": \"idempotent\"%s, \"run\": "
             "{\"duration\": \"100ms\"}}, {\"name\": \"b\", "
             "\"side_effect\": \"idempotent\"%s, \"run\": "
             "{\"duration\": \"100ms\"}}], \"edges\": [[\"a.out\", "
             "\"b.in\"]]}, \"engine\": {\"store\": \"sqlite\"}, %s, "
             "\"load\": {\"arrivals\": {\"rate\": \"1/s\"}, \"runs\": "
             "1}, \"limit\": \"2h\"}",
             a, b, where);
    snprintf(kept, sizeof(kept), "%s.json", name);
    stage_file(s, kept, text, file);
    snprintf(kept, sizeof(kept), "%s.db", name);
    keep(s, file, kept, database);
    summary(s, database, "1", line);
}

Test(run_lineage, a_node_that_goes_elsewhere_has_the_same_lineage,
     .timeout = 120)
{
    struct stage s;
    char mixed[256];
    char alone[256];

    stage_open(&s);
    two_steps(&s, "mixed", ", \"platform\": \"fast\"",
              ", \"platform\": [\"slow\", \"fast\"]",
              "\"platforms\": {\"fast\": {\"profile\": \"local\"}, "
              "\"slow\": {\"profile\": \"celery-redis\"}}",
              mixed);
    cr_expect(stage_has(s.said, " fast ") && stage_has(s.said, " slow "), "%s",
              s.said);
    two_steps(&s, "alone", "", "",
              "\"platform\": {\"profile\": \"lambda-2026\"}", alone);
    cr_expect_eq(stage_count(s.said, " lambda-2026 "), 2, "%s", s.said);
    cr_expect_str_eq(mixed, alone);
    stage_close(&s);
}

Test(run_lineage, it_is_read_beside_a_running_engine, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];

    stage_open(&s);
    stage_file(&s, "two.json",
               "{\"name\": \"two\", \"nodes\": [{\"name\": \"a\", "
               "\"side_effect\": \"idempotent\", \"run\": {\"command\": "
               "[\"echo\", \"one\"]}}, {\"name\": \"b\", "
               "\"side_effect\": \"idempotent\", \"run\": {\"command\": "
               "[\"cat\"]}}], \"edges\": [[\"a.out\", \"b.in\"]]}",
               file);
    stage_engine(&s, "30s");
    stage_worker(&s, 0, file);
    stage_wait_words(&s, "w0.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "two", "--wait"), 0, "%s",
                 s.complained);
    cr_assert_eq(STAGE_CALL(&s, "lineage", s.database, "1"), 0, "%s",
                 s.complained);
    cr_expect(stage_has(s.said, "output:1"), "%s", s.said);
    cr_expect(stage_has(s.said, "result:2"), "%s", s.said);
    stage_close(&s);
}

static int count_kind(const char *text, const char *kind)
{
    char part[64];

    snprintf(part, sizeof(part), "\"kind\": \"%s\"", kind);
    return stage_count(text, part);
}

Test(run_lineage, an_invoked_run_is_followed_as_deep_as_asked, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    world(&s, "local", "\"HERE/nightly.json\", \"HERE/chain.json\"",
          ", \"start\": [\"nightly\"]", file);
    keep(&s, file, "kept.db", database);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "json"),
                 0);
    cr_expect_eq(count_kind(s.said, "child"), 1);
    cr_expect_eq(count_kind(s.said, "output"), 2); /* inside of the child */
    cr_expect(stage_has(s.said, "\"not_followed\": 0"));
    cr_expect(stage_has(s.said, "\"workflow\": \"chain\""));
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "json",
                            "--depth", "0"),
                 0);
    cr_expect_eq(count_kind(s.said, "child"), 0);
    cr_expect(stage_has(s.said, "\"not_followed\": 1"));
    cr_expect_not(stage_has(s.said, "\"workflow\": \"chain\""));
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--direction", "up"),
                 0);
    cr_expect(stage_has(s.said, ", 1 runs"), "%s", s.said);
    stage_close(&s);
}

Test(run_lineage, a_message_leads_from_its_sender_to_its_receiver,
     .timeout = 120)
{
    struct stage s;
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    keep(&s, "scenarios/streams.json", "kept.db", database);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "json",
                            "--direction", "up"),
                 0, "%s", s.complained);
    cr_expect_eq(count_kind(s.said, "message"), 20, "%s", s.said);
    cr_expect(stage_has(s.said, "\"workflow\": \"writer\""));
    cr_assert_eq(
        STAGE_CALL(&s, "lineage", database, "2", "--direction", "down"), 0);
    cr_expect(stage_has(s.said, ", 2 runs"), "%s", s.said);
    cr_expect(stage_has(s.said, "message:"), "%s", s.said);
    stage_close(&s);
}

Test(run_lineage, runs_that_send_to_each_other_come_to_an_end, .timeout = 120)
{
    static const char both[] =
        "{\"name\": \"ping\", \"nodes\": [{\"name\": \"give\", "
        "\"type\": \"send\", \"to\": \"+1\", \"edge\": \"there\", "
        "\"messages\": 3}, {\"name\": \"take\", \"type\": "
        "\"receive\", \"edge\": \"back\", \"messages\": 3}], "
        "\"edges\": [[\"give.out\", \"take.in\"]]}, "
        "{\"name\": \"pong\", \"nodes\": [{\"name\": \"take\", "
        "\"type\": \"receive\", \"edge\": \"there\", \"messages\": "
        "3}, {\"name\": \"give\", \"type\": \"send\", \"to\": "
        "\"-1\", \"edge\": \"back\", \"messages\": 3}], "
        "\"edges\": [[\"take.out\", \"give.in\"]]}";
    static const char *const directions[] = {"up", "down", "both"};
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    world(&s, "local", both, "", file);
    keep(&s, file, "kept.db", database);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(STAGE_CALL(&s, "lineage", database, i % 2 ? "1" : "2",
                                "--format", "json", "--depth", "1000000",
                                "--direction", directions[i / 2]),
                     0, "%s", s.complained);
        cr_expect_eq(count_kind(s.said, "message"), 6, "%s", s.said);
    }
    stage_close(&s);
}

/* Has a script read files; 0 if it is content. */
static int ask_python(struct stage *s, const char *script, const char *one,
                      const char *two)
{
    char file[STAGE_PATH_SIZE];
    char command[4 * STAGE_PATH_SIZE];

    stage_file(s, "check.py", script, file);
    snprintf(command, sizeof(command), "python3 %s %s %s", file, one, two);
    return system(command); /* NOLINT(cert-env33-c) */
}

Test(run_lineage, its_json_says_its_schema_and_has_its_keys_in_order,
     .timeout = 120)
{
    static const char check[] =
        "import json, sys\n"
        "def look(o):\n"
        "    if isinstance(o, dict):\n"
        "        assert list(o) == sorted(o), list(o)\n"
        "    for v in (o.values() if isinstance(o, dict) else\n"
        "              o if isinstance(o, list) else ()):\n"
        "        look(v)\n"
        "d = json.load(open(sys.argv[1]))\n"
        "look(d)\n"
        "assert d['schema'] == 'perdure.lineage/1'\n"
        "assert [e['id'] for e in d['executions']] == "
        "list(range(len(d['executions'])))\n"
        "assert any(e['state'] == 'failed' for e in d['executions'])\n";
    struct stage s;
    char database[STAGE_PATH_SIZE];
    char out[STAGE_PATH_SIZE];

    stage_open(&s);
    keep(&s, "scenarios/saga-compensates.json", "kept.db", database);
    stage_path(&s, "lineage.json", out);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "3", "--format", "json",
                            "--out", out),
                 0);
    cr_expect_str_empty(s.said);
    cr_expect_eq(ask_python(&s, check, out, ""), 0);
    stage_close(&s);
}

Test(run_lineage, what_no_parser_refuses_comes_of_hostile_names, .timeout = 120)
{
    static const char workflow[] =
        "{\"name\": \"<wf> & 'co' \\\"\", \"nodes\": [{\"name\": "
        "\"</text><script>x</script>]]> & \\u0001\\ufffe\", \"side_effect\": "
        "\"read_only\", \"run\": {\"duration\": \"10ms\"}}]}";
    static const char check[] =
        "import sys, xml.etree.ElementTree as E\n"
        "t = [E.parse(f).getroot() for f in sys.argv[1:]]\n"
        "assert len(t[0].findall('.//{*}node')) == 2\n"
        "assert len(t[0].findall('.//{*}edge')) == 2\n"
        "assert len(t[1].findall('.//{*}rect')) == 2\n"
        "assert not t[1].findall('.//{*}script')\n";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];
    char graphml[STAGE_PATH_SIZE];
    char svg[STAGE_PATH_SIZE];

    stage_open(&s);
    stage_file(&s, "hostile.json", workflow, file);
    world(&s, "local", "\"hostile.json\"", "", file);
    keep(&s, file, "kept.db", database);
    stage_path(&s, "l.graphml", graphml);
    stage_path(&s, "l.svg", svg);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "graphml",
                            "--out", graphml),
                 0);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "svg",
                            "--out", svg),
                 0);
    cr_expect_eq(ask_python(&s, check, graphml, svg), 0);
    stage_close(&s);
}

/* What follows "flow " in the summary, up to the comma. */
static void flow_of(struct stage *s, const char *database, int run,
                    char flow[64])
{
    char number[16];
    char line[256];

    snprintf(number, sizeof(number), "%d", run);
    summary(s, database, number, line);
    const char *from = strstr(line, "flow ");
    cr_assert(from);
    snprintf(flow, 64, "%.*s", (int)strcspn(from, ","), from);
}

Test(run_lineage, the_flow_is_the_same_whatever_had_to_be_tried, .timeout = 120)
{
    struct stage s;
    char calm[STAGE_PATH_SIZE];
    char rough[STAGE_PATH_SIZE];
    int interrupted = 0;

    stage_open(&s);
    keep(&s, "scenarios/nothing-goes-wrong.json", "calm.db", calm);
    keep(&s, "scenarios/worker-dies-after-effect-before-report.json",
         "rough.db", rough);
    for (int run = 1; run <= 20; run++) {
        char one[64];
        char two[64];
        flow_of(&s, calm, run, one);
        flow_of(&s, rough, run, two);
        cr_expect_str_eq(one, two, "run %d", run);
        interrupted += stage_count(s.said, "(interrupted)");
    }
    cr_expect_gt(interrupted, 0);
    stage_close(&s);
}

Test(run_lineage, ten_thousand_branches_are_all_there_and_few_in_a_drawing,
     .timeout = 300)
{
    static const char workflow[] =
        "{\"name\": \"wide\", \"run_as\": \"handler\", \"nodes\": "
        "[{\"name\": \"all\", \"type\": \"map\", \"items\": 10000, "
        "\"max_concurrency\": 200, \"nodes\": [{\"name\": \"one\", "
        "\"side_effect\": \"read_only\", \"run\": {\"duration\": "
        "\"100ms\"}}]}]}";
    static const char check[] =
        "import json, sys\n"
        "d = json.load(open(sys.argv[1]))['executions']\n"
        "assert sum(len(e['parents']) for e in d if e['type'] == 'map') == "
        "10000\n"
        "assert sum(e['name'] == 'one' for e in d) == 10000\n";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];
    char out[STAGE_PATH_SIZE];

    stage_open(&s);
    stage_file(&s, "wide.json", workflow, file);
    world(&s, "local", "\"wide.json\"", "", file);
    keep(&s, file, "kept.db", database);
    stage_path(&s, "wide.out", out);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "json",
                            "--out", out),
                 0);
    cr_expect_eq(ask_python(&s, check, out, ""), 0);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "svg"),
                 0);
    cr_expect(stage_has(s.said, "succeeded × 10000"), "%s", s.said);
    cr_expect(stage_has(s.said, " executions folded into "), "%s", s.said);
    stage_close(&s);
}

/* Takes away what the log of run 1 says before its snapshot. */
static void compact(const char *database)
{
    static const char sql[] =
        "UPDATE log SET previous = 0 WHERE position = (SELECT min(l.position) "
        "FROM log l, snapshot s WHERE l.run = 1 AND s.run = 1 AND l.position > "
        "s.position); DELETE FROM log WHERE run = 1 AND position <= (SELECT "
        "position FROM snapshot WHERE run = 1);";
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(database, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    cr_assert_gt(sqlite3_total_changes(db), 100);
    sqlite3_close(db);
}

Test(run_lineage, of_a_compacted_log_there_is_what_its_snapshot_knows,
     .timeout = 120)
{
    struct stage s;
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    keep(&s, "scenarios/long-log.json", "kept.db", database);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1"), 0);
    int books = stage_count(s.said, " book ");
    cr_expect_gt(books, 100);
    compact(database);
    cr_assert_eq(STAGE_CALL(&s, "lineage", database, "1"), 0, "%s",
                 s.complained);
    cr_expect(stage_has(s.said, "were compacted"), "%s", s.said);
    cr_expect_leq(stage_count(s.said, " book "), books);
    cr_expect_geq(stage_count(s.said, " book "), 400, "%s", s.said);
    stage_close(&s);
}

Test(run_lineage, what_cannot_be_shown_is_refused_with_the_way_out,
     .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    world(&s, "local", "\"HERE/order.json\"", "", file);
    keep(&s, file, "kept.db", database);
    cr_expect_eq(STAGE_CALL(&s, "lineage", database, "9"), 2);
    cr_expect(stage_has(s.complained, "from 1 to 2; the nearest: 2"), "%s",
              s.complained);
    cr_expect_eq(STAGE_CALL(&s, "lineage", database, "1", "--format", "dot"),
                 2);
    cr_expect_eq(STAGE_CALL(&s, "lineage", database, "1", "--out", "/proc/x"),
                 6);
    /* A database that is there stays as it is. */
    cr_expect_eq(STAGE_CALL(&s, "run", file, "--json", "--database", database),
                 2);
    cr_expect(stage_has(s.complained, "exists"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "verify", database), 0);
    stage_close(&s);
}

Test(run_lineage, only_a_world_on_sqlite_has_a_database_to_keep)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];

    stage_open(&s);
    stage_path(&s, "kept.db", database);
    stage_file(&s, "one.json",
               "{\"name\": \"one\", \"nodes\": [{\"name\": \"a\", "
               "\"side_effect\": \"read_only\", \"run\": {\"duration\": "
               "\"1ms\"}}]}",
               file);
    stage_file(&s, "memory.json",
               "{\"why\": \"No disk.\", \"workflow\": \"one.json\", "
               "\"engine\": {\"store\": \"memory\"}, \"platform\": "
               "{\"profile\": \"local\"}, \"load\": {\"runs\": 1, "
               "\"arrivals\": {\"rate\": \"1/s\"}}}",
               file);
    cr_expect_eq(STAGE_CALL(&s, "run", file, "--json", "--database", database),
                 2);
    cr_expect(stage_has(s.complained, "in memory"), "%s", s.complained);
    stage_close(&s);
}
