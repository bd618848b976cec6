/*
 * `perdure gate --trend` and `perdure trend` as people call them: gates add
 * lines, lines become rows, and what is no line is told with its number.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

static const char good[] =
    "{\"outcome\": \"held\", \"scenarios\": [{\"digest\": \"d\", \"metrics\": "
    "{\"cost\": 1000000, \"drain_ns\": null, \"latency.run.p99_ns\": 2000000}, "
    "\"name\": \"<b>orders\", \"outcome\": \"held\", \"seed\": \"7\"}], "
    "\"schema\": \"perdure.trend/1\", \"unix_s\": 1, \"version\": \"0.1.0\"}\n";

static const char later[] =
    "{\"outcome\": \"budget\", \"scenarios\": [{\"digest\": \"d\", "
    "\"metrics\": {\"cost\": 1500000, \"drain_ns\": null, "
    "\"latency.run.p99_ns\": 1000000}, \"name\": \"<b>orders\", \"outcome\": "
    "\"held\", \"seed\": \"7\"}], \"schema\": \"perdure.trend/1\", "
    "\"unix_s\": 2, \"version\": \"0.1.0\"}\n";

/* The file of these three texts. */
static void make(const struct stage *s, const char *first, const char *second,
                 const char *third, char path[STAGE_PATH_SIZE])
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s%s", first, second, third);
    stage_file(s, "trend.jsonl", text, path);
}

Test(trend, values_stand_from_the_first_to_the_last)
{
    struct stage s;
    char path[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, good, later, "", path);
    cr_expect_eq(STAGE_CALL(&s, "trend", path), EXIT_HELD, "%s", s.complained);
    cr_expect(stage_has(s.said, "2 gates; "));
    cr_expect(stage_has(s.said, "$1.000000       $1.500000  +50.00 %"));
    cr_expect(stage_has(s.said, "2.00 ms         1.00 ms  -50.00 %"));
    cr_expect_not(stage_has(s.said, "drain_ns"));
    cr_expect_str_eq(s.complained, "");
    stage_close(&s);
}

Test(trend, a_line_that_cannot_be_read_is_told_and_left_out)
{
    struct stage s;
    char path[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, good, "{\"outcome\": \"he\n", later, path);
    cr_expect_eq(STAGE_CALL(&s, "trend", path), EXIT_HELD);
    cr_expect(stage_has(s.complained, "trend.jsonl:2:"));
    cr_expect(stage_has(s.complained, "the line is left out"));
    cr_expect(stage_has(s.said, "2 gates, 1 lines left out"));
    make(&s, good, "{\"schema\": \"perdure.trend/9\"}\n", later, path);
    cr_expect_eq(STAGE_CALL(&s, "trend", path), EXIT_HELD);
    cr_expect(stage_has(s.complained, "trend.jsonl:2:1: found schema "
                                      "\"perdure.trend/9\", allowed "
                                      "\"perdure.trend/1\""));
    stage_close(&s);
}

Test(trend, a_file_without_a_line_ends_it_with_2)
{
    struct stage s;
    char path[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, "no", " ", "trend\n", path);
    cr_expect_eq(STAGE_CALL(&s, "trend", path), EXIT_USAGE);
    cr_expect(stage_has(s.complained, "holds no line that can be read"));
    cr_expect_eq(STAGE_CALL(&s, "trend", "/nowhere/t.jsonl"), EXIT_USAGE);
    cr_expect(stage_has(s.complained, "/nowhere/t.jsonl: cannot be read"));
    stage_close(&s);
}

Test(trend, a_page_has_small_lines_and_shows_names_as_text)
{
    struct stage s;
    char path[STAGE_PATH_SIZE], html[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, good, later, good, path);
    stage_path(&s, "trend.html", html);
    cr_expect_eq(STAGE_CALL(&s, "trend", path, "--html", html), EXIT_HELD, "%s",
                 s.complained);
    char *page = stage_read(html);
    cr_expect(stage_has(page, "<svg class=\"spark\""));
    cr_expect(stage_has(page, "&lt;b&gt;orders"));
    cr_expect_not(stage_has(page, "<b>orders"));
    cr_expect_not(stage_has(page, "<script"));
    free(page);
    stage_close(&s);
}

Test(trend, what_gates_add_can_be_read)
{
    struct stage s;
    char out[STAGE_PATH_SIZE], path[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "t.jsonl", path);
    cr_assert_eq(
        STAGE_CALL(&s, "run", "tests/run/data/held.json", "--out", out),
        EXIT_HELD);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(STAGE_CALL(&s, "gate", out, out, "--trend", path),
                     EXIT_HELD, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "trend", path), EXIT_HELD);
    cr_expect(stage_has(s.said, "3 gates; "));
    cr_expect(stage_has(s.said, "throughput"));
    cr_expect_str_eq(s.complained, "");
    stage_close(&s);
}
