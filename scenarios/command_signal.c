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
#include "scenarios/options.h"
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

static int operator_says(int argc, char **argv, enum engine_signal_kind kind,
                         bool reason_needed, bool with_op, bool with_value)
{
    struct signal s = {.command = argv[0], .kind = kind, .op = UINT32_MAX};
    const char *rest[2];
    const char *key = NULL;
    const char *value = NULL;
    char actor[512];
    char usage[256];
    uint64_t op = UINT32_MAX;
    struct option options[] = {
        {"--reason", OPTION_TEXT, &s.reason, 0, 0, NULL},
        {"--actor", OPTION_TEXT, &s.actor, 0, 0, NULL},
        {"--id", OPTION_TEXT, &key, 0, 0, NULL},
        {"--key-file", OPTION_TEXT, &s.key_path, 0, 0, NULL},
        {"--json", OPTION_FLAG, &s.json, 0, 0, NULL},
        {"--op", OPTION_NUMBER, &op, 0, UINT32_MAX - 1, NULL},
        {"--value", OPTION_TEXT, &value, 0, 0, NULL},
        {"--redact", OPTION_TEXTS, &s.redact, 0, 0, NULL},
    };
    uint32_t count = with_value ? 8 : with_op ? 6 : 5;

    snprintf(usage, sizeof(usage), "%s DB RUN%s%s%s [--actor NAME] [--id KEY]",
             argv[0], with_op ? " [--op N]" : "",
             with_value ? " [--value TEXT|@FILE]" : "",
             reason_needed ? " --reason TEXT" : " [--reason TEXT]");
    usual_actor(actor, sizeof(actor));
    s.actor = actor;
    if (options_read(argc, argv, options, count, rest, 2, 2, usage) < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &s.run))
        return EXIT_USAGE;
    if (reason_needed && (!s.reason || !*s.reason)) {
        fprintf(stderr,
                "perdure %s: found no --reason, allowed perdure %s: it is "
                "kept in the run's log\n",
                argv[0], usage);
        return EXIT_USAGE;
    }
    s.database = rest[0];
    s.op = (uint32_t)op;
    if (!check_texts(&s) || !read_value(&s, value))
        return EXIT_USAGE;
    if (with_op && !check_choice(&s)) {
        free(s.value);
        return EXIT_USAGE;
    }
    choose_id(&s, key);
    return send_signal(&s);
}

int command_cancel(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_CANCEL, false, false, false);
}

int command_stop(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_STOP, true, false, false);
}

int command_pause(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_PAUSE, false, false, false);
}

int command_unpause(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_UNPAUSE, false, false, false);
}

int command_resume(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_RESUME, false, true, false);
}

int command_skip(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_SKIP, true, true, true);
}

int command_abort(int argc, char **argv)
{
    return operator_says(argc, argv, ENGINE_SIG_ABORT, true, true, false);
}

static bool callback_kind(const char *word, struct signal *s)
{
    static const char *const words[] = {"success", "fail", "heartbeat"};

    for (uint32_t i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            s->kind = ENGINE_SIG_CALLBACK_SUCCEED + i;
            return true;
        }
    fprintf(stderr,
            "perdure callback: found \"%.40s\", allowed success, fail, "
            "heartbeat\n",
            word);
    return false;
}

int command_callback(int argc, char **argv)
{
    static const char usage[] =
        "callback success|fail|heartbeat DB CALLBACK [--value TEXT|@FILE]";
    struct signal s = {.command = argv[0]};
    struct engine_hash operation;
    const char *rest[3];
    const char *value = NULL;
    char actor[512];
    const struct option options[] = {
        {"--value", OPTION_TEXT, &value, 0, 0, NULL},
        {"--redact", OPTION_TEXTS, &s.redact, 0, 0, NULL},
        {"--reason", OPTION_TEXT, &s.reason, 0, 0, NULL},
        {"--actor", OPTION_TEXT, &s.actor, 0, 0, NULL},
        {"--key-file", OPTION_TEXT, &s.key_path, 0, 0, NULL},
        {"--json", OPTION_FLAG, &s.json, 0, 0, NULL},
    };

    usual_actor(actor, sizeof(actor));
    s.actor = actor;
    if (options_read(argc, argv, options, sizeof(options) / sizeof(options[0]),
                     rest, 3, 3, usage) < 0 ||
        !callback_kind(rest[0], &s))
        return EXIT_USAGE;
    s.database = rest[1];
    if (engine_callback_parse(rest[2], &s.run, &s.op, &operation)) {
        fprintf(stderr,
                "perdure callback: found \"%.60s\", which is no callback's "
                "id: one was mistyped or cut\n",
                rest[2]);
        return EXIT_USAGE;
    }
    if (s.kind == ENGINE_SIG_CALLBACK_FAIL)
        s.error = ENGINE_ERR_USER;
    if (!check_texts(&s) || !read_value(&s, value))
        return EXIT_USAGE;
    /* The first answer counts; each sign of life does. */
    choose_id(&s, s.kind == ENGINE_SIG_CALLBACK_HEARTBEAT ? NULL : rest[2]);
    return send_signal(&s);
}
