/*
 * --json=lines: only JSON on stdout, a document a line, and the last of them
 * is what --json=whole prints.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

#define DATA "tests/run/data/"

enum {
    LINES_MAX = 4000
};

/* Every line of a text, parsed. */
struct lines {
    cJSON *at[LINES_MAX];
    int count;
};

static void read_lines(char *text, struct lines *lines)
{
    lines->count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cr_assert_lt(lines->count, LINES_MAX);
        lines->at[lines->count] = cJSON_Parse(line);
        cr_assert(lines->at[lines->count], "%.200s", line);
        lines->count++;
    }
    cr_assert_gt(lines->count, 1);
}

static void free_lines(struct lines *lines)
{
    for (int i = 0; i < lines->count; i++)
        cJSON_Delete(lines->at[i]);
}

static bool is(const cJSON *object, const char *key, const char *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) && strcmp(item->valuestring, value) == 0;
}

static int count_of(const struct lines *lines, const char *event)
{
    int count = 0;
    for (int i = 0; i < lines->count; i++)
        count += is(lines->at[i], "event", event);
    return count;
}

Test(json_lines, a_run_starts_and_its_last_line_is_its_report)
{
    static struct lines lines;
    struct stage s;
    stage_open(&s);
    cr_expect_eq(STAGE_CALL(&s, "run", DATA "held.json", "--json=whole"), 0);
    cJSON *whole = cJSON_Parse(s.said);
    cr_expect_eq(STAGE_CALL(&s, "run", DATA "held.json", "--json=lines"), 0);
    cr_expect_str_eq(s.complained, "");
    read_lines(s.said, &lines);
    cr_expect(is(lines.at[0], "event", "start"));
    cr_expect(is(lines.at[0], "schema", "perdure.events/1"));
    cr_expect(is(lines.at[0], "seed", "1"));
    cr_expect(cJSON_Compare(lines.at[lines.count - 1], whole, true));
    free_lines(&lines);
    cJSON_Delete(whole);
    stage_close(&s);
}

Test(json_lines, a_sweep_has_a_line_for_each_world_in_order)
{
    static struct lines lines;
    char seed[24];
    struct stage s;
    stage_open(&s);
    cr_expect_eq(STAGE_CALL(&s, "sweep", "scenarios/canary.json", "--seeds",
                            "5..14", "--json=lines"),
                 3);
    read_lines(s.said, &lines);
    cr_expect_eq(count_of(&lines, "world"), 10);
    const cJSON *last = lines.at[lines.count - 1];
    cr_expect(is(last, "schema", "perdure.sweep/1"));
    int number = 5;
    for (int i = 0; i < lines.count; i++) {
        if (!is(lines.at[i], "event", "world"))
            continue;
        snprintf(seed, sizeof(seed), "%d", number++);
        cr_expect(is(lines.at[i], "seed", seed));
        bool held = is(lines.at[i], "outcome", "held");
        cr_expect_eq(!held, cJSON_HasObjectItem(lines.at[i], "replay"));
        cr_expect_eq(!held, cJSON_HasObjectItem(lines.at[i], "text"));
    }
    free_lines(&lines);
    stage_close(&s);
}

Test(json_lines, of_boundaries_the_last_line_is_the_whole)
{
    static struct lines lines;
    struct stage s;
    stage_open(&s);
    cr_expect_eq(STAGE_CALL(&s, "sweep", DATA "held.json", "--crash", "every",
                            "--json=lines"),
                 0, "%s", s.complained);
    read_lines(s.said, &lines);
    cr_expect(is(lines.at[0], "command", "sweep"));
    cr_expect(is(lines.at[lines.count - 1], "schema", "perdure.enumeration/1"));
    free_lines(&lines);
    stage_close(&s);
}

Test(json_lines, who_asks_gets_a_status_line_and_an_interrupt_a_last_line)
{
    static struct lines lines;
    char path[STAGE_PATH_SIZE];
    struct stage s;
    stage_open(&s);
    const char *const args[] = {"run", DATA "long.json", "--json=lines", NULL};
    pid_t pid = stage_launch(&s, "long", args);
    stage_wait_words(&s, "long.out", "\"event\": \"progress\"");
    kill(pid, SIGUSR1);
    stage_wait_words(&s, "long.out", "\"event\": \"status\"");
    kill(pid, SIGINT);
    cr_expect_eq(stage_reap(pid), EXIT_INTERRUPTED);
    stage_path(&s, "long.out", path);
    char *said = stage_read(path);
    read_lines(said, &lines);
    cr_expect_geq(count_of(&lines, "progress"), 1);
    cr_expect_eq(count_of(&lines, "status"), 1);
    const cJSON *last = lines.at[lines.count - 1];
    cr_expect(is(last, "schema", "perdure.report/1"));
    cr_expect(is(last, "verdict", "inconclusive"));
    free(said);
    free_lines(&lines);
    stage_close(&s);
}
