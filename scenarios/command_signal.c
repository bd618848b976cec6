/*
 * What operators and outside systems say to a run: through the engine if one
 * is running, else into the database for the next one. Each is kept with who
 * said it and why.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "engine/host/store_sqlite.h"
#include "engine/operation.h"
#include "engine/workflow.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/redaction.h"
#include "scenarios/run_operations.h"

#define SECOND UINT64_C(1000000000)

enum {
    NAMED_MAX = 8, /* steps, in a message */
    TEXT_MAX = 4096,
    VALUE_MAX = 32 * 1024 * 1024
};

struct signal {
    const char *command;
    const char *database;
    const char *key_path;
    const char *actor;
    const char *reason;
    char *value; /* owned */
    size_t value_size;
    struct option_texts redact; /* secrets in it */
    uint64_t run;
    struct engine_hash id;
    uint32_t op;
    uint32_t kind;
    uint32_t error;
    bool json;
    struct engine_block block; /* an 8-byte head, then the INBOX item */
};

/* Building -------------------------------------------------------------------
 */

static bool take_value(struct signal *s, const char *given)
{
    if (given[0] != '@') {
        s->value = strdup(given);
        s->value_size = strlen(given);
        return s->value != NULL;
    }
    FILE *file = strcmp(given, "@-") == 0 ? stdin : fopen(given + 1, "rb");
    s->value = malloc(VALUE_MAX + 1);
    if (file && s->value)
        s->value_size = fread(s->value, 1, VALUE_MAX + 1, file);
    bool good = file && s->value && !ferror(file) && s->value_size <= VALUE_MAX;
    if (!good)
        fprintf(stderr, "perdure %s: the value \"%.200s\" cannot be read: %s\n",
                s->command, given + 1,
                s->value_size > VALUE_MAX ? "longer than 32 MiB"
                                          : strerror(errno));
    if (file && file != stdin)
        fclose(file);
    return good;
}

/* The value, without its secrets. */
static bool read_value(struct signal *s, const char *given)
{
    if (!given ||
        (take_value(s, given) &&
         redaction_apply(s->command, &s->redact, &s->value, &s->value_size)))
        return true;
    free(s->value);
    return false;
}

static int build(struct signal *s)
{
    struct engine_signal head = {
        .run = s->run,
        .kind = s->kind,
        .error = s->error,
        .actor_size = (uint16_t)strlen(s->actor),
        .reason_size = (uint16_t)(s->reason ? strlen(s->reason) : 0),
        .value_size = (uint32_t)s->value_size,
    };
    struct engine_item item = {
        .type = ENGINE_ITEM_INBOX,
        .kind = (uint16_t)s->kind,
        .op = s->op,
        .a = s->id.lo,
        .b = s->id.hi,
    };
    size_t size =
        sizeof(head) + head.actor_size + head.reason_size + s->value_size;
    struct engine_item *out;
    unsigned char *at;

    if (!engine_block_begin(&s->block, 8))
        return -1;
    out = engine_block_item(&s->block, &item, NULL, size);
    if (!out)
        return -1;
    at = (unsigned char *)(out + 1);
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    memcpy(at, s->actor, head.actor_size);
    at += head.actor_size;
    if (head.reason_size)
        memcpy(at, s->reason, head.reason_size);
    at += head.reason_size;
    if (s->value_size)
        memcpy(at, s->value, s->value_size);
    return 0;
}

/* The same words twice are one signal if the caller says so by a key. */
static void choose_id(struct signal *s, const char *key)
{
    uint64_t parts[6] = {s->kind, s->run, s->op, 0, 0, 0};

    if (key) {
        struct engine_hash hash = engine_hash_bytes(key, strlen(key));
        parts[3] = hash.lo;
        parts[4] = hash.hi;
    } else {
        parts[3] = host_wall_ns();
        parts[4] = (uint64_t)host_incarnation() << 32 | host_incarnation();
        parts[5] = (uint64_t)getpid();
    }
    s->id = engine_hash_bytes(parts, sizeof(parts));
}

static void usual_actor(char *text, size_t size)
{
    const char *user = getenv("USER");
    char host[128] = "localhost";

    (void)gethostname(host, sizeof(host) - 1);
    snprintf(text, size, "%.200s@%.120s", user && *user ? user : "unknown",
             host);
}

/* Sending --------------------------------------------------------------------
 */

static int said(const struct signal *s, uint32_t outcome, bool repeat,
                bool engine)
{
    const char *how = repeat   ? "was said before"
                      : engine ? "said to the engine"
                               : "kept for the next engine";

    switch (outcome) {
    case ENGINE_COMMITTED:
        if (s->json)
            printf("{\"command\": \"%s\", \"engine\": %s, \"repeat\": %s, "
                   "\"run\": %" PRIu64 "}\n",
                   s->command, engine ? "true" : "false",
                   repeat ? "true" : "false", s->run);
        else
            printf("run %" PRIu64 ": %s %s\n", s->run, s->command, how);
        return EXIT_HELD;
    case ENGINE_CONFLICT:
        fprintf(stderr,
                "perdure %s: found no run %" PRIu64
                " in %.200s; see perdure ps %.200s --all\n",
                s->command, s->run, s->database, s->database);
        return EXIT_USAGE;
    case ENGINE_FENCED:
        fprintf(stderr,
                "perdure %s: run %" PRIu64
                " has ended; see perdure ps %.200s %" PRIu64 "\n",
                s->command, s->run, s->database, s->run);
        return EXIT_USAGE;
    case ENGINE_REFUSED:
        fprintf(stderr,
                "perdure %s: a value of %zu bytes is more than the store "
                "takes\n",
                s->command, s->value_size);
        return EXIT_USAGE;
    default:
        fprintf(stderr,
                "perdure %s: %.200s: could not be written; nothing was said, "
                "try again\n",
                s->command, s->database);
        return EXIT_ENVIRONMENT;
    }
}

static int to_engine(struct signal *s, struct host_client *client)
{
    struct engine_message head = {
        .kind = HOST_MSG_SIGNAL, .run = s->run, .token = 1};
    const struct engine_message *message;

    (void)host_peer_send(&client->peer, &head, s->block.bytes + 8,
                         s->block.size - 8);
    do {
        message = host_client_next(client, 30 * SECOND);
    } while (message && message->kind != HOST_MSG_SIGNALLED);
    if (message)
        return said(s, message->op, message->a == 1, true);
    fprintf(stderr,
            "perdure %s: the engine has not answered; say it again with the "
            "same --id: it counts once\n",
            s->command);
    return EXIT_ENVIRONMENT;
}

static int apply(struct signal *s, struct engine_store *store)
{
    struct engine_block reply;
    struct engine_block request;
    const struct engine_item *item = (const void *)(s->block.bytes + 8);
    int code = EXIT_INTERNAL;

    engine_block_init(&reply);
    engine_block_init(&request);
    struct engine_request *head = engine_block_begin(&request, sizeof(*head));
    if (head) {
        head->kind = ENGINE_REQ_SIGNAL;
        head->id = 1;
        head->sender = UINT64_C(2) << 32 | host_incarnation();
        head->run = s->run;
        head->item_count = 1;
        engine_block_item(&request, item, item + 1, item->size);
    }
    if (head && engine_block_ok(&request) &&
        store->ops->begin(store->self, host_wall_ns()) == 0) {
        const struct engine_reply *answer;
        bool applied =
            store->ops->apply(store->self, (const void *)request.bytes,
                              &reply) == 0;
        if (!applied)
            store->ops->rollback(store->self);
        else
            applied = store->ops->commit(store->self) == 0;
        answer = (const void *)reply.bytes;
        code = said(s, applied ? answer->outcome : ENGINE_FAILED,
                    applied && answer->repeat, false);
    }
    engine_block_free(&reply);
    engine_block_free(&request);
    return code;
}

/* Without an engine: under its lock, so that none starts meanwhile. */
static int to_database(struct signal *s)
{
    uint8_t bytes[CIPHER_KEY_SIZE];
    struct store_sqlite_config config = {
        .path = s->database,
        .shared = 1,
        .busy_timeout_ms = 2000,
        .limits = {.op_payload_max = VALUE_MAX + TEXT_MAX * 4,
                   .request_max = UINT32_MAX,
                   .history_ops_max = UINT64_MAX,
                   .blob_max = UINT32_MAX},
    };
    struct store_problem problem;
    struct engine_store store;
    char error[HOST_ERROR_SIZE];

    if (access(s->database, R_OK | W_OK) != 0) {
        fprintf(stderr, "perdure %s: %.300s: %s\n", s->command, s->database,
                strerror(errno));
        return EXIT_ENVIRONMENT;
    }
    if (!database_key(s->command, s->key_path, bytes, &config.key))
        return EXIT_ENVIRONMENT;
    int lock = host_lock_take(s->database, error);
    if (lock < 0) {
        fprintf(stderr, "perdure %s: %s\n", s->command, error);
        return EXIT_ENVIRONMENT;
    }
    int code = EXIT_ENVIRONMENT;
    if (store_sqlite_try(&config, &store, &problem)) {
        fprintf(stderr, "perdure %s: %s\n", s->command, problem.text);
    } else {
        code = apply(s, &store);
        store.ops->close(store.self);
    }
    close(lock);
    return code;
}

static int send_signal(struct signal *s)
{
    struct host_client client;
    char error[HOST_ERROR_SIZE];
    int code = EXIT_INTERNAL;

    engine_block_init(&s->block);
    if (build(s) == 0) {
        int there = host_client_open(&client, s->database, error);
        if (there == 0)
            code = to_engine(s, &client);
        else if (there == 1)
            code = to_database(s);
        else
            fprintf(stderr, "perdure %s: %s\n", s->command, error);
        host_client_close(&client);
    }
    engine_block_free(&s->block);
    free(s->value);
    return code;
}

/* Choosing a step ------------------------------------------------------------
 */

static uint32_t count_waiting(const struct run_operations *all)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < all->count; i++)
        count += all->list[i].ambiguous;
    return count;
}

static void print_waiting(const struct signal *s,
                          const struct run_operations *all, uint32_t count)
{
    uint32_t shown = 0;

    fprintf(stderr,
            "perdure %s: run %" PRIu64
            " waits for an operator at %u steps: found no --op, allowed",
            s->command, s->run, count);
    for (uint32_t i = 0; i < all->count && shown < NAMED_MAX; i++)
        if (all->list[i].ambiguous)
            fprintf(stderr, "%s --op %u (%.100s)", shown++ ? "," : "",
                    all->list[i].number, all->list[i].name);
    fputs(shown < count ? ", ..\n" : "\n", stderr);
}

/* The steps of the run that wait for an operator, if the log can be read. */
static int read_waiting(const struct signal *s, const uint8_t *key,
                        struct run_operations *all)
{
    char error[HOST_ERROR_SIZE];
    struct engine_run_row row;
    struct host_reader *reader = host_reader_open(s->database, key, error);
    int found = reader ? run_operations_row(reader, s->run, &row) : -1;

    if (found == 1)
        found = run_operations_read(reader, &row, all) ? -1 : 1;
    if (reader)
        host_reader_close(reader);
    return found;
}

/* Who decides must say about what, unless it is clear. What cannot be read is
 * left to the engine, which says nothing of several steps either. */
static bool check_choice(struct signal *s)
{
    struct run_operations all = {.wanted = UINT32_MAX};
    uint8_t bytes[CIPHER_KEY_SIZE];
    const uint8_t *key;
    uint32_t count = 0;

    if (s->op != UINT32_MAX)
        return true;
    if (!database_key(s->command, s->key_path, bytes, &key))
        return false;
    if (read_waiting(s, key, &all) == 1)
        count = count_waiting(&all);
    if (count > 1)
        print_waiting(s, &all, count);
    run_operations_free(&all);
    return count <= 1;
}

/* Commands -------------------------------------------------------------------
 */

static bool check_texts(const struct signal *s)
{
    if (strlen(s->actor) <= TEXT_MAX &&
        (!s->reason || strlen(s->reason) <= TEXT_MAX))
        return true;
    fprintf(stderr,
            "perdure %s: found more than %d bytes, allowed %d for "
            "--actor and --reason\n",
            s->command, TEXT_MAX, TEXT_MAX);
    return false;
}

struct arguments {
    struct signal s;
    const char *id;
    const char *value;
    uint64_t op;
};

#define OPT_REASON                                                             \
    OPT_TEXT("--reason", s.reason, "TEXT",                                     \
             "Why; it is kept in the run's log. stop, skip and abort must "    \
             "have one.")
#define OPT_ACTOR                                                              \
    OPT_TEXT("--actor", s.actor, "NAME",                                       \
             "Who; it is kept in the run's log (default user@host).")
#define OPT_ID                                                                 \
    OPT_TEXT("--id", id, "KEY", "What is said under the same key counts once.")
#define OPT_OP                                                                 \
    OPT_NUMBER("--op", op, 0, UINT32_MAX - 1,                                  \
               "Which operation, where several wait; without it they are "     \
               "listed and nothing is done.")
#define OPT_VALUE                                                              \
    OPT_TEXT("--value", value, "TEXT|@FILE",                                   \
             "What it returns, or the file that holds it.")
#define OPT_REDACT                                                             \
    OPT_TEXTS("--redact", s.redact, "PATTERN",                                 \
              "Take secrets out of the value first; may be repeated.")

static const struct option plain_options[] = {OPT_REASON,
                                              OPT_ACTOR,
                                              OPT_ID,
                                              OPT_KEY_FILE(s.key_path),
                                              OPT_ROWS_JSON(s.json),
                                              {.name = NULL}};

static const struct option op_options[] = {OPT_OP,
                                           OPT_REASON,
                                           OPT_ACTOR,
                                           OPT_ID,
                                           OPT_KEY_FILE(s.key_path),
                                           OPT_ROWS_JSON(s.json),
                                           {.name = NULL}};

static const struct option skip_options[] = {OPT_OP,
                                             OPT_VALUE,
                                             OPT_REDACT,
                                             OPT_REASON,
                                             OPT_ACTOR,
                                             OPT_ID,
                                             OPT_KEY_FILE(s.key_path),
                                             OPT_ROWS_JSON(s.json),
                                             {.name = NULL}};

static const struct option callback_options[] = {OPT_VALUE,
                                                 OPT_REDACT,
                                                 OPT_REASON,
                                                 OPT_ACTOR,
                                                 OPT_KEY_FILE(s.key_path),
                                                 OPT_ROWS_JSON(s.json),
                                                 {.name = NULL}};

static bool has_reason(const struct command *command, const struct signal *s)
{
    if (s->reason && *s->reason)
        return true;
    fprintf(stderr,
            "perdure %s: found no --reason, allowed perdure %s %s: it is "
            "kept in the run's log\n",
            command->name, command->name, command->synopsis);
    return false;
}

static int operator_says(int argc, char **argv, const struct command *command,
                         enum engine_signal_kind kind, bool reason_needed)
{
    struct arguments a = {
        .s = {.command = argv[0], .kind = kind, .op = UINT32_MAX},
        .op = UINT32_MAX};
    struct signal *s = &a.s;
    const char *rest[2];
    char actor[512];

    usual_actor(actor, sizeof(actor));
    s->actor = actor;
    if (options_read(argc, argv, command, &a, rest) < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &s->run) ||
        (reason_needed && !has_reason(command, s)))
        return EXIT_USAGE;
    s->database = rest[0];
    s->op = (uint32_t)a.op;
    if (!check_texts(s) || !read_value(s, a.value))
        return EXIT_USAGE;
    if (command->options != plain_options && !check_choice(s)) {
        free(s->value);
        return EXIT_USAGE;
    }
    choose_id(s, a.id);
    return send_signal(s);
}

static int say_cancel(int argc, char **argv)
{
    return operator_says(argc, argv, &command_cancel, ENGINE_SIG_CANCEL, false);
}

const struct command command_cancel = {
    .name = "cancel",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "end a run",
    .about = "Ends a run when what is under way has ended. Kept in the run's "
             "log with who and why; "
             "without an engine it is kept for the next one.",
    .options = plain_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_cancel};

static int say_stop(int argc, char **argv)
{
    return operator_says(argc, argv, &command_stop, ENGINE_SIG_STOP, true);
}

const struct command command_stop = {
    .name = "stop",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN --reason TEXT [OPTIONS]",
    .summary = "end a run at once",
    .about = "Ends a run at once, whatever it does. Kept in the "
             "run's log with who and why; without an engine it is "
             "kept for the next one.",
    .options = plain_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_stop};

static int say_pause(int argc, char **argv)
{
    return operator_says(argc, argv, &command_pause, ENGINE_SIG_PAUSE, false);
}

const struct command command_pause = {
    .name = "pause",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "hold a run",
    .about = "Holds a run: nothing new of it starts until unpause. "
             "Kept in the run's log with who and why; without an "
             "engine it is kept for the next one.",
    .options = plain_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_pause};

static int say_unpause(int argc, char **argv)
{
    return operator_says(argc, argv, &command_unpause, ENGINE_SIG_UNPAUSE,
                         false);
}

const struct command command_unpause = {
    .name = "unpause",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "let a paused run go on",
    .about = "Lets a paused run go on. Kept in the run's log with "
             "who and why; without an engine it is kept for the "
             "next one.",
    .options = plain_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_unpause};

static int say_resume(int argc, char **argv)
{
    return operator_says(argc, argv, &command_resume, ENGINE_SIG_RESUME, false);
}

const struct command command_resume = {
    .name = "resume",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [--op N] [OPTIONS]",
    .summary = "start the attempt in doubt of a blocked run again",
    .about = "For a run that is blocked: starts the attempt in "
             "doubt again. Kept in the run's log with who and why; "
             "without an engine it is kept for the next one.",
    .options = op_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_resume};

static int say_skip(int argc, char **argv)
{
    return operator_says(argc, argv, &command_skip, ENGINE_SIG_SKIP, true);
}

const struct command command_skip = {
    .name = "skip",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [--op N] [--value TEXT|@FILE] --reason TEXT [OPTIONS]",
    .summary = "take the operation of a blocked run as done",
    .about = "For a run that is blocked: takes its operation as "
             "done, with a value. Kept in the run's log with who "
             "and why; without an engine it is kept for the next "
             "one.",
    .options = skip_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_skip};

static int say_abort(int argc, char **argv)
{
    return operator_says(argc, argv, &command_abort, ENGINE_SIG_ABORT, true);
}

const struct command command_abort = {
    .name = "abort",
    .group = COMMAND_SAY,
    .synopsis = "DB RUN [--op N] --reason TEXT [OPTIONS]",
    .summary = "take the operation of a blocked run as failed",
    .about = "For a run that is blocked: takes its operation as "
             "failed. Kept in the run's log with who and why; "
             "without an engine it is kept for the next one.",
    .options = op_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = say_abort};

static const char *const answers[] = {"success", "fail", "heartbeat", NULL};

static const char *answer_name(uint32_t index)
{
    return answers[index];
}

/* Of a word that is one of them. */
static uint32_t callback_kind(const char *word)
{
    uint32_t i = 0;
    while (strcmp(word, answers[i]) != 0)
        i++;
    return ENGINE_SIG_CALLBACK_SUCCEED + i;
}

static int callback(int argc, char **argv)
{
    struct arguments a = {.s = {.command = argv[0]}};
    struct signal *s = &a.s;
    struct engine_hash operation;
    const char *rest[3];
    char actor[512];

    usual_actor(actor, sizeof(actor));
    s->actor = actor;
    if (options_read(argc, argv, &command_callback, &a, rest) < 0 ||
        !options_check_name(argv[0], "answer", rest[0], answer_name))
        return EXIT_USAGE;
    s->kind = callback_kind(rest[0]);
    s->database = rest[1];
    if (engine_callback_parse(rest[2], &s->run, &s->op, &operation)) {
        fprintf(stderr,
                "perdure callback: found \"%.60s\", which is no callback's "
                "id: one was mistyped or cut\n",
                rest[2]);
        return EXIT_USAGE;
    }
    if (s->kind == ENGINE_SIG_CALLBACK_FAIL)
        s->error = ENGINE_ERR_USER;
    if (!check_texts(s) || !read_value(s, a.value))
        return EXIT_USAGE;
    /* The first answer counts; each sign of life does. */
    choose_id(s, s->kind == ENGINE_SIG_CALLBACK_HEARTBEAT ? NULL : rest[2]);
    return send_signal(s);
}

const struct command command_callback = {
    .name = "callback",
    .group = COMMAND_SAY,
    .synopsis = "success|fail|heartbeat DB CALLBACK [OPTIONS]",
    .summary = "answer what a run waits for",
    .about = "Answers what a run waits for. The first answer counts.",
    .options = callback_options,
    .rest_min = 3,
    .rest_max = 3,
    .words = answer_name,
    .run = callback};
