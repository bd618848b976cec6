#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "scenarios/command.h"
#include "scenarios/redaction.h"

#define SECOND UINT64_C(1000000000)

enum {
    WINDOW = 256, /* starts that are not answered yet */
    INPUT_MAX = 64 * 1024 * 1024 - 65536
};

struct starting {
    struct host_client client;
    const char *database;
    const char *workflow;
    const char *key;
    char *input;
    size_t input_size;
    uint64_t count;
    bool wait;
    bool json;
    uint64_t sent;
    uint64_t started;
    uint64_t ended;
    uint64_t failed; /* runs that ended other than well */
    uint64_t open;   /* sent and not over as far as we wait */
};

/* Input ------------------------------------------------------------------- */

static bool read_input_file(struct starting *s, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

    s->input = malloc(INPUT_MAX + 1);
    if (file && s->input)
        s->input_size = fread(s->input, 1, INPUT_MAX + 1, file);
    bool good = file && s->input && !ferror(file);
    if (!good)
        fprintf(stderr,
                "perdure start: the input \"%.200s\" cannot be read: "
                "%s\n",
                path, strerror(errno));
    if (file && file != stdin)
        fclose(file);
    if (good && s->input_size > INPUT_MAX) {
        fprintf(stderr,
                "perdure start: found an input of more than %d bytes in "
                "\"%.200s\", allowed what the limit profile says\n",
                INPUT_MAX, path);
        return false;
    }
    return good;
}

static bool take_input(struct starting *s, const char *given)
{
    if (!given)
        return true;
    if (given[0] == '@')
        return read_input_file(s, given + 1);
    s->input = strdup(given);
    s->input_size = strlen(given);
    return s->input != NULL;
}

/* Talking ----------------------------------------------------------------- */

static const char *state_word(uint64_t state)
{
    static const char *const words[] = {
        [ENGINE_RUN_RUNNING] = "running",
        [ENGINE_RUN_SUSPENDED] = "suspended",
        [ENGINE_RUN_BLOCKED] = "blocked",
        [ENGINE_RUN_SUCCEEDED] = "succeeded",
        [ENGINE_RUN_FAILED] = "failed",
        [ENGINE_RUN_CANCELLED] = "cancelled",
        [ENGINE_RUN_TIMED_OUT] = "timed_out",
        [ENGINE_RUN_STOPPED] = "stopped",
        [ENGINE_RUN_PAUSED] = "paused",
    };

    return state < sizeof(words) / sizeof(words[0]) && words[state]
               ? words[state]
               : "?";
}

static void print_run(const struct starting *s, uint64_t run, const char *state,
                      bool repeat)
{
    if (s->json)
        printf("{\"repeat\": %s, \"run\": %" PRIu64 ", \"state\": \"%s\"}\n",
               repeat ? "true" : "false", run, state);
    else
        printf("%" PRIu64 " %s%s\n", run, state,
               repeat ? " (it was started before)" : "");
}

static bool send_more(struct starting *s)
{
    while (s->sent < s->count && s->open < WINDOW) {
        if (!host_client_start(&s->client, ++s->sent, 0,
                               s->wait ? HOST_START_WAIT : 0, s->workflow,
                               s->key, s->input, s->input_size))
            return false;
        s->open++;
    }
    return true;
}

/* Returns 0, or an exit code. */
static int take(struct starting *s, const struct engine_message *message)
{
    switch (message->kind) {
    case HOST_MSG_STARTED:
        s->started++;
        if (!s->wait) {
            s->open--;
            print_run(s, message->run, "started", message->flags & 1);
        }
        return 0;
    case HOST_MSG_RESULT:
        s->ended++;
        s->open--;
        s->failed += message->a != ENGINE_RUN_SUCCEEDED;
        print_run(s, message->run, state_word(message->a), false);
        return 0;
    case HOST_MSG_REFUSED:
        fprintf(stderr, "perdure start: %.*s\n",
                (int)(message->size - sizeof(*message)),
                (const char *)(message + 1));
        return message->op == HOST_REFUSED_BUSY ||
                       message->op == HOST_REFUSED_STORE ||
                       message->op == HOST_REFUSED_DRAINING
                   ? EXIT_ENVIRONMENT
                   : EXIT_USAGE;
    default:
        return 0;
    }
}

static int talk(struct starting *s)
{
    while (send_more(s) && (s->sent < s->count || s->open > 0)) {
        const struct engine_message *message =
            host_client_next(&s->client, UINT64_MAX);
        int code = message ? take(s, message) : EXIT_ENVIRONMENT;
        if (!message)
            fprintf(stderr,
                    "perdure start: the engine of %.200s has gone; %" PRIu64
                    " of %" PRIu64 " runs are started and go on with the next "
                    "engine; see perdure ps %.100s\n",
                    s->database, s->started, s->count, s->database);
        if (code)
            return code;
    }
    return s->failed ? EXIT_PROPERTY : EXIT_HELD;
}

struct arguments {
    struct starting s;
    const char *input;
    struct option_texts redact;
};

static const struct option options[] = {
    OPT_TEXT("--input", input, "TEXT|@FILE",
             "What the run gets, or the file that holds it."),
    OPT_TEXTS("--redact", redact, "PATTERN",
              "Take secrets out of the input first; may be repeated."),
    OPT_TEXT("--id", s.key, "KEY",
             "The same key is the same run, however often it is said."),
    OPT_NUMBER("--count", s.count, 1, 100000000, "So many runs (default 1)."),
    OPT_FLAG("--wait", s.wait,
             "Until they have ended; exit with 3 if one did not succeed."),
    OPT_FLAG("--json", s.json, "One JSON object a line."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    const char *rest[2];
    char error[HOST_ERROR_SIZE];
    struct arguments a = {.s = {.count = 1}};
    struct starting *s = &a.s;

    if (options_read(argc, argv, &command_start, &a, rest) < 0)
        return EXIT_USAGE;
    s->database = rest[0];
    s->workflow = rest[1];
    if (s->key && s->count > 1) {
        fprintf(stderr,
                "perdure start: found --id with --count %" PRIu64
                ", allowed --count 1: a key stands for one run\n",
                s->count);
        return EXIT_USAGE;
    }
    if (!take_input(s, a.input) ||
        !redaction_apply(argv[0], &a.redact, &s->input, &s->input_size)) {
        free(s->input);
        return EXIT_USAGE;
    }
    int code = EXIT_ENVIRONMENT;
    if (host_client_open(&s->client, s->database, error) == 0)
        code = talk(s);
    else
        fprintf(stderr, "perdure start: %s\n", error);
    host_client_close(&s->client);
    free(s->input);
    return code;
}

const struct command command_start = {
    .name = "start",
    .group = COMMAND_DATABASE,
    .synopsis = "DB WORKFLOW [OPTIONS]",
    .summary = "start runs of a workflow",
    .about = "Starts a run, or --count of them, and prints their "
             "numbers once they are durable; with --wait when they "
             "have ended.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
