/*
 * --record of perdure run and perdure engine: the same words, and the answers
 * to wrong ones; and what perdure bench-engine refuses.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/stage.h"

static const char small[] = "scenarios/small/one-order.json";

static const char quick[] =
    "{\"name\": \"quick\", \"nodes\": [{\"name\": \"one\","
    " \"side_effect\": \"idempotent\", \"run\": {\"command\": [\"true\"]}}]}";

/* The digest in a report, between its quotes. */
static void digest_of(const char *report, char digest[40])
{
    const char *at = strstr(report, "\"digest\": \"");
    cr_assert_not_null(at);
    memcpy(digest, at + strlen("\"digest\": \""), 32);
    digest[32] = '\0';
}

Test(record_options, a_run_is_the_same_whatever_is_recorded)
{
    static const char *const words[] = {"full", "sample=50%", "off"};
    char digests[3][40];
    struct stage s;
    stage_open(&s);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(
            STAGE_CALL(&s, "run", small, "--json", "--record", words[i]), 0,
            "%s", s.complained);
        digest_of(s.said, digests[i]);
        cr_expect_eq(stage_has(s.said, "(--record "), i > 0, "%s", words[i]);
    }
    cr_expect_str_eq(digests[0], digests[1]);
    cr_expect_str_eq(digests[0], digests[2]);
    stage_close(&s);
}

Test(record_options, a_run_without_records_has_no_trace)
{
    struct stage s;
    char trace[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "trace", trace);
    cr_expect_eq(STAGE_CALL(&s, "run", small, "--json", "--record", "off",
                            "--trace", trace),
                 2);
    cr_expect(stage_has(s.complained, "--record off"), "%s", s.complained);
    cr_expect_eq(access(trace, F_OK), -1);
    cr_expect_eq(STAGE_CALL(&s, "run", small, "--json", "--record", "2%"), 2);
    cr_expect(stage_has(s.complained, "found --record \"2%\": write full"),
              "%s", s.complained);
    stage_close(&s);
}

Test(record_options, an_engine_takes_the_same_words, .timeout = 120)
{
    static const struct {
        const char *word;
        int lines_least;
    } cases[] = {{"full", 30}, {"off", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stage s;
        char file[STAGE_PATH_SIZE], seen[STAGE_PATH_SIZE];
        stage_open(&s);
        stage_file(&s, "quick.json", quick, file);
        stage_path(&s, "seen.jsonl", seen);
        stage_engine_with(&s,
                          (const char *const[]){"--observe", seen, "--record",
                                                cases[i].word, NULL});
        stage_worker_with(&s, 0,
                          (const char *const[]){"--workflow", file, NULL});
        cr_assert_eq(STAGE_CALL(&s, "start", s.database, "quick", "--count",
                                "5", "--wait"),
                     0, "%s", s.complained);
        stage_kill(&s.engine, SIGTERM, 0);
        stage_expect_whole(&s);
        if (cases[i].lines_least) {
            char *text = stage_read(seen);
            cr_expect_geq(stage_count(text, "\"kind\": \"event\""),
                          cases[i].lines_least);
            free(text);
        } else {
            cr_expect_eq(access(seen, F_OK), -1, "nothing is written");
        }
        stage_close(&s);
    }
}

Test(record_options, an_engine_says_what_goes_together)
{
    struct stage s;
    char seen[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "seen.jsonl", seen);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--record", "sample=1%"),
                 2);
    cr_expect(stage_has(s.complained, "always whole"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--observe", seen,
                            "--sample", "1%", "--record", "full"),
                 2);
    cr_expect(stage_has(s.complained, "one of them"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--observe", seen,
                            "--record", "sample=0%"),
                 2);
    cr_expect(stage_has(s.complained, "write off"), "%s", s.complained);
    cr_expect_eq(access(s.database, F_OK), -1);
    stage_close(&s);
}

Test(record_options, bench_engine_says_what_it_cannot_measure)
{
    struct stage s;
    stage_open(&s);
    cr_expect_eq(STAGE_CALL(&s, "bench-engine", "--dir", "/nowhere/at/all"), 6);
    cr_expect(stage_has(s.complained, "/nowhere/at/all"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "bench-engine", "--rate", "often"), 2);
    cr_expect(stage_has(s.complained, "often"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "bench-engine", "--runs", "0"), 2);
    stage_close(&s);
}
