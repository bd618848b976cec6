/*
 * Runs that have ended, into a file of their own and back. The file is the
 * engine's: these commands hold its lock while they work.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/archive.h"
#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "engine/host/store_sqlite.h"
#include "engine/host/store_upkeep.h"
#include "scenarios/command.h"
#include "scenarios/database.h"

#define DAY (86400 * UINT64_C(1000000000))

enum {
    SLICE = 1000 /* rows removed in one group */
};

struct archiving {
    const char *command;
    const char *database;
    const char *key_path;
    struct engine_store store;
    int lock;
};

static bool open_store(struct archiving *a)
{
    uint8_t bytes[CIPHER_KEY_SIZE];
    struct store_sqlite_config config = {
        .path = a->database,
        .busy_timeout_ms = 2000,
        .limits = {.op_payload_max = UINT32_MAX,
                   .request_max = UINT32_MAX,
                   .history_ops_max = UINT64_MAX,
                   .blob_max = UINT32_MAX},
    };
    struct store_problem problem;
    char error[HOST_ERROR_SIZE];

    if (!database_key(a->command, a->key_path, bytes, &config.key))
        return false;
    a->lock = host_lock_take(a->database, error);
    if (a->lock < 0) {
        fprintf(stderr, "perdure %s: %s\n", a->command, error);
        return false;
    }
    if (store_sqlite_try(&config, &a->store, &problem) == 0)
        return true;
    fprintf(stderr, "perdure %s: %s\n", a->command, problem.text);
    close(a->lock);
    return false;
}

static void close_store(struct archiving *a)
{
    a->store.ops->close(a->store.self);
    close(a->lock);
}

static int say_failed(const char *command, const struct archive_result *result)
{
    fprintf(stderr, "perdure %s: %s\n", command, result->text);
    return EXIT_ENVIRONMENT;
}

/* Takes what is out of reach out of the file as well. */
static void clean_up(struct archiving *a, uint64_t now_ns)
{
    uint64_t removed = 0;

    while (store_purge(&a->store, now_ns, SLICE) == 1)
        ;
    while (store_collect(&a->store, now_ns, DAY, SLICE, &removed) == 0 &&
           removed == SLICE)
        ;
}

struct arguments {
    struct archiving a;
    struct archive_options options;
    bool trim;
    bool check;
};

static const struct option archive_table[] = {
    OPT_DURATION("--older", options.age_ns, 0, INT64_MAX,
                 "Runs that ended longer ago (default 30d)."),
    OPT_FLAG("--trim", trim, "Without payloads."),
    OPT_KEY_FILE(a.key_path),
    {.name = NULL}};

static const struct option restore_table[] = {
    OPT_FLAG("--check", check, "Only look whether the file is whole."),
    OPT_KEY_FILE(a.key_path),
    {.name = NULL}};

static int archive(int argc, char **argv)
{
    struct arguments a = {
        .a = {.command = argv[0]},
        .options = {.age_ns = 30 * DAY, .runs_max = 1000000, .slice = SLICE}};
    struct archive_result result = {0};
    const char *rest[2];

    if (options_read(argc, argv, &command_archive, &a, rest) < 0)
        return EXIT_USAGE;
    a.a.database = rest[0];
    if (!open_store(&a.a))
        return EXIT_ENVIRONMENT;
    a.options.now_ns = host_wall_ns();
    a.options.trim = a.trim;
    int failed = archive_write(&a.a.store, rest[1], &a.options, &result);
    if (!failed)
        clean_up(&a.a, a.options.now_ns);
    close_store(&a.a);
    if (failed)
        return say_failed(argv[0], &result);
    if (result.runs > 0)
        printf("%s: %" PRIu64 " runs, %" PRIu64 " rows, %" PRIu64 " blobs\n",
               rest[1], result.runs, result.rows, result.blobs);
    else
        printf("no run has ended that long ago: no file was written\n");
    return EXIT_HELD;
}

static int restore(int argc, char **argv)
{
    struct arguments a = {.a = {.command = argv[0]}};
    struct archive_result result = {0};
    const char *rest[2];

    if (options_read(argc, argv, &command_restore, &a, rest) < 0)
        return EXIT_USAGE;
    a.a.database = rest[0];
    int failed = archive_check(rest[1], &result);
    if (!failed && !a.check) {
        if (!open_store(&a.a))
            return EXIT_ENVIRONMENT;
        result = (struct archive_result){0};
        failed = archive_restore(&a.a.store, rest[1], host_wall_ns(), &result);
        close_store(&a.a);
    }
    if (failed)
        return say_failed(argv[0], &result);
    printf("%s: %" PRIu64 " runs, %" PRIu64 " rows, %" PRIu64
           " blobs%s; %" PRIu64 " were there already\n",
           rest[1], result.runs, result.rows, result.blobs,
           a.check ? ", whole" : "", result.skipped);
    return EXIT_HELD;
}

const struct command command_archive = {
    .name = "archive",
    .group = COMMAND_DATABASE,
    .synopsis = "DB FILE [OPTIONS]",
    .summary = "take ended runs out into a file",
    .about = "Takes runs that ended longer ago than --older out of "
             "the database into a file. Not while an engine runs.",
    .options = archive_table,
    .rest_min = 2,
    .rest_max = 2,
    .run = archive};

const struct command command_restore = {
    .name = "restore",
    .group = COMMAND_DATABASE,
    .synopsis = "DB FILE [OPTIONS]",
    .summary = "bring archived runs back",
    .about = "Brings the runs of an archive back.",
    .options = restore_table,
    .rest_min = 2,
    .rest_max = 2,
    .run = restore};
