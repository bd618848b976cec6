/*
 * The cases of a public conformance suite (tests/run/data/conformance) run by
 * the real SDK: handlers in JavaScript (tests/lambda/conformance) in a process
 * of the local Lambda service, in virtual time.
 *
 *     case --Invoke--> service --event--> node, SDK, handler
 *                         |<--checkpoints--+
 *     expected == history, status, result, invocations?
 *
 * Needs what `ci/npm lambda` installs; says so and skips without it.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/host/lambda/host.h"
#include "scenarios/lambda/storage.h"
#include "tests/support/conformance.h"

#define FOLDER "tests/run/data/conformance"
#define SET "build/npm-lambda"
#define START_NS UINT64_C(1767225600000000000)
#define WALL_NS (60 * ENGINE_SECOND) /* of true time for a case */

enum {
    ACTIONS_MAX = 8,
    LOG_ROOM = 8192,
    PATH_ROOM = PATH_MAX + 128
};

struct bed;

/* What an outside system will do. */
struct act {
    struct lambda_alarm alarm;
    struct bed *bed;
    const cJSON *action;
    char id[64]; /* of the callback */
};

struct bed {
    struct event_base *base;
    struct lambda_host *host;
    const struct conformance_case *c;
    struct act acts[ACTIONS_MAX];
    uint32_t taken; /* actions that wait, as bits */
    uint32_t act_count;
    struct lambda_call call;
    bool answered;
    int status;
    char *body;
    char logged[LOG_ROOM];
};

/* Calls ------------------------------------------------------------------- */

static void keep_answer(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    struct bed *bed = (void *)((char *)call - offsetof(struct bed, call));

    (void)exception;
    free(bed->body);
    bed->body = strndup(body, size);
    bed->status = status;
    bed->answered = true;
}

static struct lambda_call *begin_call(struct bed *bed)
{
    bed->call = (struct lambda_call){.answer = keep_answer};
    bed->answered = false;
    return &bed->call;
}

static bool is_over(void *self)
{
    const struct bed *bed = self;

    return bed->answered && lambda_host_idle(bed->host);
}

static void forget_call(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    cr_expect_eq(status, 200, "a callback's end is refused: %s %.*s", exception,
                 (int)size, (const char *)body);
    free(call);
}

/* Outside systems --------------------------------------------------------- */

static const char *text_of(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

    return text ? text : "";
}

static enum lambda_callback_end end_of(const cJSON *action)
{
    const char *operation = text_of(action, "Operation");

    if (strcmp(operation, "success") == 0)
        return LAMBDA_CALLBACK_SUCCEED;
    return strcmp(operation, "failure") == 0 ? LAMBDA_CALLBACK_FAIL
                                             : LAMBDA_CALLBACK_HEARTBEAT;
}

static void ring(struct lambda_alarm *alarm)
{
    struct act *act = (void *)alarm;
    const cJSON *payload = cJSON_GetObjectItem(act->action, "Payload");
    char *body = payload ? cJSON_PrintUnformatted(payload) : NULL;
    struct lambda_call *call = calloc(1, sizeof(*call));

    cr_assert_not_null(call);
    call->answer = forget_call;
    lambda_call_callback(lambda_host_service(act->bed->host), call, act->id,
                         end_of(act->action), body, body ? strlen(body) : 0);
    free(body);
}

static bool is_for(const cJSON *action, const char *name, size_t size)
{
    const char *wanted = text_of(action, "CallbackName");

    return strcmp(wanted, "*") == 0 ||
           (strlen(wanted) == size && memcmp(wanted, name, size) == 0);
}

/* A callback was made: what the case has for it is due so much later. */
static void plan_acts(void *self, const struct lambda_callback *callback)
{
    struct bed *bed = self;
    const cJSON *action;
    uint32_t at = 0;

    cJSON_ArrayForEach(action,
                       cJSON_GetObjectItem(bed->c->json, "CallbackActions"))
    {
        const cJSON *delay = cJSON_GetObjectItem(action, "Delay");
        struct act *act = &bed->acts[bed->act_count];

        cr_assert_lt(at, ACTIONS_MAX);
        if (!(bed->taken >> at & 1) &&
            is_for(action, callback->name, callback->name_size)) {
            *act = (struct act){.bed = bed, .action = action};
            act->alarm.at_ns =
                lambda_service_now(lambda_host_service(bed->host)) +
                (delay ? (uint64_t)delay->valueint * ENGINE_SECOND : 0);
            act->alarm.ring = ring;
            (void)snprintf(act->id, sizeof(act->id), "%s", callback->id);
            lambda_host_alarm(bed->host, &act->alarm);
            bed->taken |= 1U << at;
            bed->act_count++;
        }
        at++;
    }
}

static void keep_line(void *self, const struct lambda_line *line)
{
    struct bed *bed = self;
    size_t used = strlen(bed->logged);

    (void)snprintf(bed->logged + used, sizeof(bed->logged) - used, "%.*s\n",
                   (int)line->size, line->text);
    if (getenv("PERDURE_SHOW_LOGS"))
        (void)fprintf(stderr, "%.*s\n", (int)line->size, line->text);
}

/* The bed ----------------------------------------------------------------- */

static struct engine_store open_store(void)
{
    struct engine_store store;

    cr_assert_eq(lambda_storage_open(NULL, engine_limits_at(0), &store), 0);
    return store;
}

static const char *node(char path[PATH_ROOM], const char *root)
{
    static const char *const machines[] = {"x64", "arm64"};

    for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
        (void)snprintf(path, PATH_ROOM,
                       "%s/" SET "/node_modules/node-linux-%s/bin/node", root,
                       machines[i]);
        if (access(path, X_OK) == 0)
            return path;
    }
    return "node";
}

static void add_function(struct bed *bed, const char *name, const char *export,
                         bool durable)
{
    char root[PATH_MAX];
    char program[PATH_ROOM];
    char bootstrap[PATH_ROOM];
    char directory[PATH_ROOM];
    char handler[PATH_ROOM];

    cr_assert_not_null(getcwd(root, sizeof(root)));
    (void)snprintf(bootstrap, sizeof(bootstrap),
                   "%s/scenarios/lambda/runtime/bootstrap.cjs", root);
    (void)snprintf(directory, sizeof(directory), "%s/" SET, root);
    (void)snprintf(handler, sizeof(handler), "tests/conformance/index.%s",
                   export);
    const char *const command[] = {node(program, root), "--preserve-symlinks",
                                   bootstrap, NULL};
    const struct lambda_program p = {
        .function = {.name = name,
                     .durable = durable,
                     .timeout_ns = 900 * ENGINE_SECOND,
                     .execution_timeout_ns = 86400 * ENGINE_SECOND},
        .command = command,
        .directory = directory,
        .handler = handler};

    cr_assert_neq(lambda_host_add(bed->host, &p), UINT32_MAX);
}

static void open_bed(struct bed *bed)
{
    struct lambda_host_config config = {.clock = LAMBDA_CLOCK_SKIP,
                                        .store = open_store(),
                                        .limits = engine_limits_find("aws"),
                                        .seed = 1,
                                        .start_ns = START_NS,
                                        .alone = true,
                                        .callback = plan_acts,
                                        .log = keep_line,
                                        .self = bed};

    *bed = (struct bed){.base = event_base_new()};
    config.base = bed->base;
    bed->host = lambda_host_new(&config);
    cr_assert_not_null(bed->host);
    add_function(bed, "conformance", "handler", true);
    add_function(bed, "echo", "echo", true);
    add_function(bed, "measure", "measure", true);
    add_function(bed, "refuse", "refuse", true);
}

static void close_bed(struct bed *bed)
{
    lambda_host_free(bed->host);
    event_base_free(bed->base);
    free(bed->body);
}

/* One case ---------------------------------------------------------------- */

/* How often the words have the handler invoked: one line each. */
static int invocations_in_words(const struct conformance_case *c)
{
    const char *words = text_of(c->json, "invocations");
    int count = 0;

    for (const char *at = words; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        count += strncmp(at, "- ", 2) == 0;
    }
    return count;
}

static int invocations_in_history(const cJSON *events)
{
    const cJSON *event;
    int count = 0;

    cJSON_ArrayForEach(event, events) count +=
        strcmp(text_of(event, "EventType"), "InvocationCompleted") == 0;
    return count;
}

/* Runs it to its end; the ARN of the execution. */
static bool run_case(struct bed *bed, const struct conformance_case *c,
                     char arn[LAMBDA_ARN_SIZE])
{
    char *input = cJSON_PrintUnformatted(cJSON_GetObjectItem(c->json, "Input"));
    struct lambda_call *call = begin_call(bed);
    char name[64];
    int result;

    (void)snprintf(name, sizeof(name), "case-%s", c->id);
    *strchr(name, '.') = '-';
    bed->c = c;
    bed->taken = bed->act_count = 0;
    bed->logged[0] = '\0';
    lambda_call_invoke(lambda_host_service(bed->host), call, "conformance",
                       "$LATEST", name, LAMBDA_REQUEST_RESPONSE, input,
                       strlen(input));
    (void)snprintf(arn, LAMBDA_ARN_SIZE, "%s", call->arn);
    free(input);
    result = lambda_host_run(bed->host, is_over, bed, WALL_NS);
    (void)event_base_loop(bed->base, EVLOOP_NONBLOCK);
    cr_expect_eq(result, 0, "case %s: it does not end (%d): %s", c->id, result,
                 bed->logged);
    return result == 0;
}

static cJSON *read_body(const struct bed *bed)
{
    cJSON *json = bed->body ? cJSON_Parse(bed->body) : NULL;

    cr_assert_not_null(json);
    cr_assert_eq(bed->status, 200, "%s", bed->body);
    return json;
}

static void compare_case(struct bed *bed, const struct conformance_case *c,
                         const char *arn)
{
    const struct lambda_history_query query = {.data = true, .items = 1000};
    char sentence[2048] = "";
    cJSON *history;
    cJSON *execution;

    lambda_call_history(lambda_host_service(bed->host), begin_call(bed), arn,
                        &query);
    history = read_body(bed);
    lambda_call_get(lambda_host_service(bed->host), begin_call(bed), arn, true);
    execution = read_body(bed);
    const cJSON *events = cJSON_GetObjectItem(history, "Events");
    const struct conformance_outcome outcome = {
        text_of(execution, "Status"), events, text_of(execution, "Result"),
        bed->logged};
    cr_expect(conformance_compare(c, &outcome, sentence, sizeof(sentence)),
              "case %s (%s) differs %s", c->id, c->description, sentence);
    if (cJSON_GetObjectItem(c->json, "ExpectedResult"))
        cr_expect_eq(invocations_in_history(events), invocations_in_words(c),
                     "case %s (%s): %d invocations, by its words %d", c->id,
                     c->description, invocations_in_history(events),
                     invocations_in_words(c));
    cJSON_Delete(history);
    cJSON_Delete(execution);
}

static void check_case(struct bed *bed, const struct conformance_case *c)
{
    const char *only = getenv("PERDURE_CASE");
    char arn[LAMBDA_ARN_SIZE];

    if (only && strcmp(only, c->id) != 0)
        return;
    if (run_case(bed, c, arn))
        compare_case(bed, c, arn);
}

static uint32_t check_all(struct bed *bed)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *file;
    uint32_t count = 0;

    cr_assert_not_null(folder);
    while ((file = readdir(folder))) {
        struct conformance_case c;
        char path[512];

        if (!strstr(file->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), FOLDER "/%s", file->d_name);
        cr_assert_eq(conformance_open(&c, path), 0, "%s", path);
        check_case(bed, &c);
        conformance_close(&c);
        count++;
    }
    (void)closedir(folder);
    return count;
}

Test(lambda_conformance, the_real_sdk_leaves_the_history_of_the_public_suite)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    cr_assert_not_null(bed);
    if (access(SET "/node_modules/@aws/durable-execution-sdk-js", F_OK) != 0)
        cr_skip_test("the SDK is not installed: run `ci/npm lambda`");
    open_bed(bed);
    cr_expect_eq(check_all(bed), 53);
    close_bed(bed);
    free(bed);
}
