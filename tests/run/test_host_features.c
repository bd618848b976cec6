/*
 * What a database offers beside running: payloads that are encrypted at rest,
 * secrets that are never written, a stream of records to look at, logs that
 * do not grow for ever, and what is shown of runs. All with real processes.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/stage.h"

static const char echo[] =
    "{\"name\": \"echo\", \"nodes\": ["
    "{\"name\": \"copy\", \"side_effect\": \"read_only\","
    " \"run\": {\"command\": [\"cat\"]}}]}";

/* Bytes of a file of any size; freed by the caller. */
static char *whole_file(const char *path, size_t *size)
{
    struct stat is;
    FILE *file = fopen(path, "rb");
    *size = 0;
    if (!file || fstat(fileno(file), &is) != 0 || !S_ISREG(is.st_mode)) {
        if (file)
            fclose(file);
        return NULL;
    }
    char *bytes = malloc((size_t)is.st_size + 1);
    *size = fread(bytes, 1, (size_t)is.st_size, file);
    fclose(file);
    return bytes;
}

/* Files of a stage's directory that begin so and have the marker in them. */
static int files_with(const struct stage *s, const char *prefix,
                      const char *marker)
{
    DIR *dir = opendir(s->dir);
    int found = 0;
    cr_assert(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[STAGE_PATH_SIZE];
        size_t size;
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            entry->d_type != DT_REG)
            continue;
        stage_path(s, entry->d_name, path);
        char *bytes = whole_file(path, &size);
        found += bytes && memmem(bytes, size, marker, strlen(marker)) != NULL;
        free(bytes);
    }
    closedir(dir);
    return found;
}

/* Encryption --------------------------------------------------------------- */

/* Every command that opens the file, with a key file or none: the codes. */
static void expect_refused(struct stage *s, const char *key, const char *words)
{
    char out[STAGE_PATH_SIZE];
    stage_path(s, "out.jsonl", out);
    const char *const calls[][6] = {
        {"engine", s->database},       {"verify", s->database},
        {"ps", s->database},           {"events", s->database, "1"},
        {"ops", s->database, "1"},     {"value", s->database, "1"},
        {"stuck", s->database},        {"recover", s->database},
        {"archive", s->database, out}, {"restore", s->database, out},
        {"cancel", s->database, "2"},  {"recover", s->database, "--dry-run"},
    };
    stage_write(out, "");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        const char *args[10] = {0};
        int count = 0;
        for (; count < 6 && calls[i][count]; count++)
            args[count] = calls[i][count];
        if (key) {
            args[count++] = "--key-file";
            args[count++] = key;
        }
        cr_expect_eq(stage_call(s, args), 6, "%s: %s", args[0], s->complained);
        if (strcmp(args[0], "restore") != 0)
            cr_expect(stage_has(s->complained, words), "%s: %s", args[0],
                      s->complained);
    }
    cr_expect_eq(unlink(out), 0);
}

Test(run_features, an_encrypted_database_shows_nothing_to_who_has_no_key,
     .timeout = 120)
{
    static const char marker[] = "meet me at the old mill";
    struct stage s;
    char key[STAGE_PATH_SIZE], other[STAGE_PATH_SIZE], file[STAGE_PATH_SIZE];
    size_t before, after;
    stage_open(&s);
    stage_file(&s, "echo.json", echo, file);
    stage_file(&s, "key",
               "000102030405060708090a0b0c0d0e0f"
               "101112131415161718191a1b1c1d1e1f\n",
               key);
    stage_file(&s, "other",
               "ff0102030405060708090a0b0c0d0e0f"
               "101112131415161718191a1b1c1d1e1f\n",
               other);
    stage_engine_with(&s, (const char *const[]){"--key-file", key, NULL});
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", file, NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "echo", "--input", marker,
                            "--wait", "--count", "3"),
                 0, "%s", s.complained);
    cr_expect_eq(files_with(&s, "runs.db", marker), 0);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--payload",
                            "--key-file", key),
                 0);
    cr_expect(stage_has(s.said, marker), "%s", s.said);
    stage_kill(&s.workers[0], SIGTERM, 0);
    stage_kill(&s.engine, SIGTERM, 0);
    cr_expect_eq(files_with(&s, "runs.db", marker), 0);
    char *image = whole_file(s.database, &before);
    expect_refused(&s, NULL, "key file is needed");
    expect_refused(&s, other, "another key");
    char *again = whole_file(s.database, &after);
    cr_expect_eq(before, after);
    cr_expect_eq(memcmp(image, again, before), 0, "a refusal left its mark");
    free(image);
    free(again);
    cr_expect_eq(STAGE_CALL(&s, "verify", s.database, "--key-file", key), 0,
                 "%s", s.complained);
    stage_close(&s);
}

Test(run_features, a_key_that_is_none_or_not_wanted_is_refused, .timeout = 120)
{
    struct stage s;
    char key[STAGE_PATH_SIZE], bad[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "bad", "0001", bad);
    stage_file(&s, "key",
               "000102030405060708090a0b0c0d0e0f"
               "101112131415161718191a1b1c1d1e1f\n",
               key);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--key-file", bad), 6);
    cr_expect(stage_has(s.complained, "bad"), "%s", s.complained);
    cr_expect_eq(access(s.database, F_OK), -1, "a file was made all the same");
    stage_engine(&s, "30s");
    stage_kill(&s.engine, SIGTERM, 0);
    cr_expect_eq(STAGE_CALL(&s, "ps", s.database, "--key-file", key), 6);
    cr_expect(stage_has(s.complained, "not encrypted"), "%s", s.complained);
    stage_close(&s);
}

/* What is shown ------------------------------------------------------------ */

static const char nested[] =
    "{\"name\": \"nested\", \"run_as\": \"handler\", \"nodes\": ["
    "{\"name\": \"block\", \"type\": \"child\", \"nodes\": ["
    "{\"name\": \"inner\", \"side_effect\": \"idempotent\","
    " \"run\": {\"command\": [\"cat\"]}}]},"
    "{\"name\": \"pause\", \"type\": \"wait\", \"wait\": \"1s\"}]}";

Test(run_features, operations_and_results_of_runs_are_shown, .timeout = 120)
{
    struct stage s;
    char dir[STAGE_PATH_SIZE], file[STAGE_PATH_SIZE], more[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "flows", dir);
    cr_assert_eq(mkdir(dir, 0700), 0);
    stage_file(&s, "flows/echo.json", echo, file);
    stage_file(&s, "flows/nested.json", nested, more);
    stage_file(&s, "flows/readme.txt", "not a workflow", more);
    stage_engine(&s, "30s");
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", dir, NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "nested", "--input", "ab",
                            "--wait"),
                 0, "%s", s.complained);
    cr_assert_eq(
        STAGE_CALL(&s, "start", s.database, "echo", "--input", "cd", "--wait"),
        0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "ops", s.database, "1", "--tree"), 0);
    const char *block = strstr(s.said, " block ");
    const char *inner = strstr(s.said, "  inner ");
    cr_expect(block && inner && block < inner, "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "ops", s.database, "1", "--json"), 0);
    cr_expect_eq(stage_count(s.said, "\"status\": \"succeeded\""), 3, "%s",
                 s.said);
    cr_expect_eq(stage_count(s.said, "\"parent\": null"), 2, "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "1", "inner"), 0);
    cr_expect_str_eq(s.said, "ab");
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "2"), 0);
    cr_expect_str_eq(s.said, "cd");
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "2", "nobody"), 2);
    cr_expect_eq(STAGE_CALL(&s, "ops", s.database, "9"), 2);
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database, "--workflow", file, more),
                 2, "a text was taken for a workflow");
    stage_close(&s);
}

/* Every page's events, one after the other, are the whole history. */
Test(run_features, a_history_is_the_same_in_pages_of_any_size, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], after[32], size[32];
    stage_open(&s);
    stage_file(&s, "nested.json", nested, file);
    stage_engine(&s, "30s");
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", file, NULL});
    cr_assert_eq(
        STAGE_CALL(&s, "start", s.database, "nested", "--input", "1", "--wait"),
        0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--format", "aws"),
                 0);
    int all = stage_count(s.said, "\"EventId\"");
    cr_expect_gt(all, 6);
    cr_expect(stage_has(s.said, "\"ExecutionSucceeded\""), "%s", s.said);
    for (int items = 1; items <= all + 1; items += 3) {
        int seen = 0, pages = 0;
        snprintf(size, sizeof(size), "%d", items);
        do {
            snprintf(after, sizeof(after), "%d", seen);
            cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--format",
                                    "aws", "--page", size, "--after", after),
                         0);
            char first[48];
            snprintf(first, sizeof(first), "\"EventId\":%d,", seen + 1);
            cr_expect(stage_has(s.said, first), "%s", s.said);
            seen += stage_count(s.said, "\"EventId\"");
            pages++;
        } while (stage_has(s.said, "\"NextMarker\"") && pages <= all);
        cr_expect_eq(seen, all);
        cr_expect_eq(pages, (all + items - 1) / items);
    }
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--page", "2"), 2);
    stage_close(&s);
}

/* Secrets ------------------------------------------------------------------ */

/* A command that answers with what it was given, a secret of its own, and a
 * body that holds JSON in a string. */
static const char secretive[] =
    "{\"name\": \"secretive\",%s \"redact\": [\"**.token\"], \"nodes\": ["
    "{\"name\": \"ask\", \"side_effect\": \"read_only\", \"run\": "
    "{\"command\": [\"sh\", \"-c\", \"echo '{\\\"deep\\\": "
    "[{\\\"token\\\": \\\"hush-1\\\"}], \\\"body\\\": "
    "\\\"{\\\\\\\"token\\\\\\\": \\\\\\\"hush-2\\\\\\\"}\\\", "
    "\\\"pin\\\": \\\"hush-3\\\", \\\"kept\\\": 7}'\"]}}]}";

static void keep_secrets(const char *run_as)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], text[1024];
    stage_open(&s);
    snprintf(text, sizeof(text), secretive, run_as);
    stage_file(&s, "flow-secretive.json", text, file);
    stage_engine(&s, "30s");
    stage_worker_with(
        &s, 0,
        (const char *const[]){"--workflow", file, "--redact", "pin", NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "secretive", "--input",
                            "{\"a\": {\"password\": \"hush-4\"}, \"b\": 1}",
                            "--redact", "password", "--wait"),
                 0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "1", "ask"), 0);
    cr_expect_eq(stage_count(s.said, "[REDACTED]"), 3, "%s", s.said);
    cr_expect(stage_has(s.said, "\"kept\": 7"), "%s", s.said);
    cr_expect_eq(files_with(&s, "runs.db", "hush-"), 0, "%s", run_as);
    stage_kill(&s.engine, SIGTERM, 0);
    cr_expect_eq(files_with(&s, "runs.db", "hush-"), 0, "%s", run_as);
    cr_expect_eq(files_with(&s, "runs.db", "[REDACTED]"), 1, "%s", run_as);
    stage_close(&s);
}

Test(run_features, secrets_are_nowhere_in_the_database, .timeout = 120)
{
    keep_secrets("");
    keep_secrets(" \"run_as\": \"handler\",");
}

Test(run_features, what_cannot_be_searched_for_secrets_is_not_written,
     .timeout = 120)
{
    static const char wrong[] =
        "{\"name\": \"w\", \"redact\": [\"a..b\"], \"nodes\": [{\"name\": "
        "\"n\","
        " \"side_effect\": \"read_only\", \"run\": {\"duration\": \"1ms\"}}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE], other[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "flow-echo.json", echo, file);
    stage_file(&s, "flow-wrong.json", wrong, other);
    stage_engine(&s, "30s");
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database, "--workflow", other), 2);
    cr_expect(stage_has(s.complained, "a..b"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database, "--workflow", file,
                            "--redact", "a..b"),
                 2);
    cr_expect(stage_has(s.complained, "a..b"), "%s", s.complained);
    stage_worker_with(
        &s, 0,
        (const char *const[]){"--workflow", file, "--redact", "x", NULL});
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "echo", "--input",
                            "my-secret", "--redact", "x"),
                 2);
    cr_expect(stage_has(s.complained, "not JSON"), "%s", s.complained);
    cr_expect_eq(files_with(&s, "runs.db", "my-secret"), 0);
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "echo", "--input",
                            "other words", "--wait"),
                 3);
    cr_expect_eq(STAGE_CALL(&s, "ops", s.database, "1"), 0);
    cr_expect(stage_has(s.said, "serialization"), "%s", s.said);
    stage_close(&s);
}

/* Streams ------------------------------------------------------------------ */

static const char streaming[] =
    "{\"name\": \"streaming\", \"nodes\": ["
    "{\"name\": \"emit\", \"side_effect\": \"read_only\","
    " \"run\": {\"command\": [\"seq\", \"1\", \"300000\"],"
    " \"output\": \"stream\"}},"
    "{\"name\": \"count\", \"side_effect\": \"read_only\","
    " \"run\": {\"command\": [\"sh\", \"-c\", \"wc -l | tr -d "
    "'[:space:]'\"]}}],"
    " \"edges\": [[\"emit.out\", \"count.in\"]]}";

Test(run_features, an_output_in_pieces_is_one_small_record, .timeout = 120)
{
    static const char handler[] =
        "{\"name\": \"h\", \"run_as\": \"handler\", \"nodes\": [{\"name\": "
        "\"n\", \"side_effect\": \"read_only\", \"run\": {\"command\": "
        "[\"cat\"], \"output\": \"stream\"}}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE], other[STAGE_PATH_SIZE];
    size_t size;
    stage_open(&s);
    stage_file(&s, "streaming.json", streaming, file);
    stage_file(&s, "handler.json", handler, other);
    stage_engine(&s, "30s");
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", file, NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "streaming", "--wait"), 0,
                 "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "1", "count"), 0);
    cr_expect_str_eq(s.said, "300000");
    cr_expect_eq(STAGE_CALL(&s, "value", s.database, "1", "emit"), 0);
    cr_expect_eq(stage_count(s.said, "\n"), 300000);
    cr_expect(strncmp(s.said, "1\n2\n3\n", 6) == 0);
    /* One event and one blob, however many pieces there were. */
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--op", "0"), 0);
    cr_expect_leq(stage_count(s.said, "\n"), 5, "%s", s.said);
    stage_expect_whole(&s);
    cr_expect(stage_has(s.said, " 1 blobs (0 without an owner)"), "%s", s.said);
    stage_kill(&s.workers[0], SIGTERM, 0);
    stage_kill(&s.engine, SIGTERM, 0);
    free(whole_file(s.database, &size));
    cr_expect_lt(size, 1 << 20, "2 MB of text take %zu bytes", size);
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database, "--workflow", other), 2);
    cr_expect(stage_has(s.complained, "allowed in a graph"), "%s",
              s.complained);
    stage_close(&s);
}

/* A stream to look at ------------------------------------------------------ */

static const char quick[] =
    "{\"name\": \"quick\", \"nodes\": [{\"name\": \"only\", \"side_effect\": "
    "\"read_only\", \"run\": {\"duration\": \"1ms\", \"output\": \"8B\"}}]}";

enum {
    OBSERVED = 1000
};

/* Counts of lines of each run, of those that hold a part. */
static void count_by_run(const char *text, const char *part,
                         int counts[OBSERVED + 1])
{
    memset(counts, 0, (OBSERVED + 1) * sizeof(*counts));
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        cr_assert(end, "the last line is cut");
        const char *run = memmem(line, (size_t)(end - line), "\"run\": ", 7);
        cr_assert(run, "%.*s", (int)(end - line), line);
        unsigned long number = strtoul(run + 7, NULL, 10);
        cr_assert_leq(number, OBSERVED);
        counts[number] +=
            memmem(line, (size_t)(end - line), part, strlen(part)) != NULL;
        line = end + 1;
    }
}

/* Runs some in a database of its own, and returns what was observed. */
static char *observe_runs(const char *count, const char *share)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], seen[STAGE_PATH_SIZE];
    size_t size;
    stage_open(&s);
    stage_file(&s, "quick.json", quick, file);
    stage_path(&s, "seen.jsonl", seen);
    stage_engine_with(
        &s, (const char *const[]){"--observe", seen, "--sample", share, NULL});
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", file, NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "quick", "--count", count,
                            "--wait"),
                 0, "%s", s.complained);
    stage_kill(&s.engine, SIGTERM, 0);
    stage_expect_whole(&s);
    char *text = whole_file(seen, &size);
    cr_assert(text);
    text[size] = '\0';
    stage_close(&s);
    return text;
}

Test(run_features, a_sample_of_runs_is_whole_and_always_the_same,
     .timeout = 120)
{
    int all[OBSERVED + 1], events[OBSERVED + 1], ends[OBSERVED + 1];
    int again[OBSERVED + 1];
    char *first = observe_runs("1000", "10%");
    char *second = observe_runs("400", "10%");
    count_by_run(first, "", all);
    count_by_run(first, "\"kind\": \"event\"", events);
    count_by_run(first, "\"about\": \"run_succeeded\"", ends);
    count_by_run(second, "\"about\": \"run_succeeded\"", again);
    int seen = 0;
    for (int run = 1; run <= OBSERVED; run++) {
        seen += all[run] > 0;
        cr_expect_eq(ends[run], all[run] > 0, "run %d", run);
        /* created, scheduled, started, succeeded, step and run ended */
        cr_expect_eq(events[run], all[run] > 0 ? 6 : 0, "run %d: %d", run,
                     events[run]);
        if (run <= 400)
            cr_expect_eq(again[run], ends[run], "run %d", run);
    }
    cr_expect_geq(seen, 60);
    cr_expect_leq(seen, 140);
    free(first);
    free(second);
}

Test(run_features, nobody_waits_for_who_looks, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], pipe[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "quick.json", quick, file);
    stage_path(&s, "pipe", pipe);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--observe", pipe), 6);
    cr_expect(stage_has(s.complained, "nobody reads"), "%s", s.complained);
    /* Somebody who opens it and never reads. */
    int fd = open(pipe, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(fd, 0);
    stage_engine_with(&s, (const char *const[]){"--observe", pipe, NULL});
    stage_worker_with(&s, 0, (const char *const[]){"--workflow", file, NULL});
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "quick", "--count", "3000",
                            "--wait"),
                 0, "%s", s.complained);
    stage_kill(&s.engine, SIGTERM, 0);
    stage_wait_words(&s, "engine.err", "observed records were dropped");
    stage_expect_whole(&s);
    close(fd);
    stage_close(&s);
}

Test(run_features, the_log_itself_cannot_be_sampled, .timeout = 120)
{
    struct stage s;
    char seen[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "seen.jsonl", seen);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--sample", "10%"), 2);
    cr_expect(stage_has(s.complained, "always whole"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--observe", seen,
                            "--sample", "0%"),
                 2);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--log-sample", "10%"),
                 2);
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database, "--sample", "10%"), 2);
    cr_expect_eq(access(s.database, F_OK), -1);
    stage_close(&s);
}

/* Long logs ---------------------------------------------------------------- */

static const char waiting[] =
    "{\"name\": \"waiting\", \"nodes\": [{\"name\": \"long\","
    " \"type\": \"wait\", \"wait\": \"1h\"}]}";

/* How many runs the archives of a directory hold. */
static int archived_runs(const char *dir)
{
    DIR *list = opendir(dir);
    int count = 0;
    cr_assert(list);
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[STAGE_PATH_SIZE + 264];
        size_t size;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        char *text = stage_has(entry->d_name, ".jsonl") &&
                             !stage_has(entry->d_name, ".new")
                         ? whole_file(path, &size)
                         : NULL;
        if (!text)
            continue;
        text[size] = '\0';
        count += stage_count(text, "{\"run\":");
        free(text);
    }
    closedir(list);
    return count;
}

/* Starts runs that end and three that do not. */
static void fill(struct stage *s)
{
    char file[STAGE_PATH_SIZE], other[STAGE_PATH_SIZE];
    stage_file(s, "quick.json", quick, file);
    stage_file(s, "waiting.json", waiting, other);
    stage_worker_with(s, 0,
                      (const char *const[]){"--workflow", file, other, NULL});
    cr_assert_eq(STAGE_CALL(s, "start", s->database, "waiting", "--count", "3"),
                 0, "%s", s->complained);
    cr_assert_eq(STAGE_CALL(s, "start", s->database, "quick", "--count", "600",
                            "--wait"),
                 0, "%s", s->complained);
}

static void expect_live_untouched(struct stage *s)
{
    stage_expect_whole(s);
    cr_expect_eq(STAGE_CALL(s, "ps", s->database, "--json"), 0);
    cr_expect_eq(stage_count(s->said, "\"waiting\""), 3, "%s", s->said);
    for (int run = 1; run <= 3; run++) {
        char number[8];
        snprintf(number, sizeof(number), "%d", run);
        cr_expect_eq(STAGE_CALL(s, "events", s->database, number), 0);
        cr_expect_eq(stage_count(s->said, "run_created"), 1, "%s", s->said);
    }
}

Test(run_features, runs_that_ended_long_ago_are_archived_while_it_runs,
     .timeout = 120)
{
    struct stage s;
    char dir[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "archives", dir);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--retention", "1s",
                            "--archive", dir),
                 2);
    cr_assert_eq(mkdir(dir, 0700), 0);
    stage_engine_with(
        &s, (const char *const[]){"--retention", "1s", "--archive", dir, NULL});
    fill(&s);
    for (int i = 0; i < 600 && archived_runs(dir) < 600; i++) {
        /* Who reads meanwhile sees a run whole, or that it has gone. */
        cr_expect_eq(STAGE_CALL(&s, "events", s.database, "300"), 0);
        int created = stage_count(s.said, "run_created");
        cr_expect_eq(stage_count(s.said, "run_succeeded"), created);
        stage_expect_whole(&s);
    }
    cr_expect_eq(archived_runs(dir), 600);
    expect_live_untouched(&s);
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "quick", "--wait"), 0);
    stage_kill(&s.engine, SIGTERM, 0);
    expect_live_untouched(&s);
    stage_close(&s);
}

Test(run_features, without_archives_old_logs_leave_for_good, .timeout = 120)
{
    struct stage s;
    stage_open(&s);
    stage_engine_with(&s, (const char *const[]){"--retention", "1s", NULL});
    fill(&s);
    for (int i = 0; i < 600; i++) {
        cr_expect_eq(STAGE_CALL(&s, "events", s.database, "603"), 0);
        if (stage_has(s.complained, "has left the database"))
            break;
        usleep(50000);
    }
    cr_expect(stage_has(s.complained, "has left the database"), "%s", s.said);
    /* The number stays taken, and how it ended is known. */
    cr_expect_eq(STAGE_CALL(&s, "ps", s.database, "603", "--json"), 0);
    cr_expect(stage_has(s.said, "\"succeeded\""), "%s", s.said);
    expect_live_untouched(&s);
    stage_close(&s);
}
