/*
 * `perdure compare` as people call it: as text, as a page, over several seeds.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

#define HELD "tests/run/data/held.json"
#define MISSED "tests/run/data/missed.json"

/* A report of the seed in SIDE/SEED. */
static void make(struct stage *s, const char *scenario, const char *side,
                 const char *seed)
{
    char out[STAGE_PATH_SIZE], name[64];
    snprintf(name, sizeof(name), "%s/%s", side, seed);
    stage_path(s, name, out);
    int code = STAGE_CALL(s, "run", scenario, "--seed", seed, "--out", out);
    cr_assert(code == EXIT_HELD || code == EXIT_BUDGET, "%s", s->complained);
}

/* compare SIDE-OF-A SIDE-OF-B --html; the page, to be freed. */
static char *page_of(struct stage *s, const char *left, const char *right)
{
    char a[STAGE_PATH_SIZE], b[STAGE_PATH_SIZE], path[STAGE_PATH_SIZE];
    stage_path(s, left, a);
    stage_path(s, right, b);
    stage_path(s, "page.html", path);
    cr_assert_eq(STAGE_CALL(s, "compare", a, b, "--html", path), EXIT_HELD,
                 "%s", s->complained);
    cr_expect_str_eq(s->said, "");
    return stage_read(path);
}

Test(compare, a_page_needs_no_script_and_tells_exact_from_statistical)
{
    struct stage s;
    stage_open(&s);
    make(&s, HELD, "a", "1");
    make(&s, MISSED, "b", "1");
    char *page = page_of(&s, "a/1", "b/1");
    cr_expect_not(stage_has(page, "<script"));
    cr_expect_not(stage_has(page, "http://"));
    cr_expect_not(stage_has(page, "https://"));
    cr_expect(stage_has(page, "default-src 'none'"));
    cr_expect(stage_has(page, "Virtual time: exact"));
    cr_expect(stage_has(page, "Wall clock: statistical"));
    cr_expect(stage_has(page, "class=\"line-a\""));
    cr_expect(stage_has(page, "class=\"line-b\""));
    free(page);
    stage_close(&s);
}

Test(compare, seeds_are_paired_and_their_changes_have_a_range)
{
    struct stage s;
    char a[STAGE_PATH_SIZE], b[STAGE_PATH_SIZE];
    stage_open(&s);
    for (const char *seed = "123"; *seed; seed++) {
        char text[2] = {*seed, '\0'};
        make(&s, HELD, "a", text);
        make(&s, HELD, "b", text);
    }
    char *page = page_of(&s, "a", "b");
    cr_expect(stage_has(page, "3 seeds that both have"));
    cr_expect(stage_has(page, "paired by seed"));
    cr_expect(stage_has(page, "All verdicts are the same."));
    cr_expect(stage_has(page, "figures are the same in every seed"));
    free(page);
    stage_path(&s, "a", a);
    stage_path(&s, "b", b);
    cr_expect_eq(STAGE_CALL(&s, "compare", a, b, "--all"), EXIT_HELD);
    cr_expect(stage_has(s.said, "less in 0, more in 0 of 3 seeds; by seed 0 "
                                "(0 to 0)"));
    stage_close(&s);
}

Test(compare, a_page_that_cannot_be_written_is_said_and_ends_with_6)
{
    struct stage s;
    char a[STAGE_PATH_SIZE], path[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "a", "1");
    stage_path(&s, "a/1", a);
    stage_path(&s, "a/1/report.json/page.html", path);
    cr_expect_eq(STAGE_CALL(&s, "compare", a, a, "--html", path),
                 EXIT_ENVIRONMENT);
    cr_expect(stage_has(s.complained, "page.html"));
    stage_close(&s);
}

Test(compare, what_has_nothing_in_common_is_an_error)
{
    struct stage s;
    char a[STAGE_PATH_SIZE], b[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "a", "1");
    make(&s, HELD, "a", "2");
    make(&s, HELD, "b", "3");
    make(&s, HELD, "b", "4");
    stage_path(&s, "a", a);
    stage_path(&s, "b", b);
    cr_expect_eq(STAGE_CALL(&s, "compare", a, b), EXIT_USAGE);
    cr_expect(stage_has(s.complained, "no scenario and seed in common"));
    stage_close(&s);
}
