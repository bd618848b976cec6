/*
 * The handlers that the cases of a public conformance suite describe in words,
 * and the cases themselves: see tests/support/conformance.h.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/conformance.h"

#define S ENGINE_SECOND
#define FOLDER "tests/run/data/conformance"

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

enum {
    NAME_ROOM = 64,
    RESULT_ROOM = 512,
    LARGE_SIZE = 70000,
    LARGER_SIZE = 200000
};

static const struct engine_bytes nothing = {"null", 4};

/* JSON -------------------------------------------------------------------- */

/* A copy of a text that lives as long as the handler. */
static struct engine_bytes keep(struct engine_context *c, const char *text)
{
    size_t size = strlen(text);
    char *copy = engine_context_memory(c, size + 1);

    cr_assert_not_null(copy);
    memcpy(copy, text, size + 1);
    return (struct engine_bytes){copy, size};
}

/* What stands between the quotes of a JSON string without escapes. */
static const char *unquote(struct engine_bytes json, char *out)
{
    (void)snprintf(out, NAME_ROOM, "%.*s", (int)json.size - 2,
                   (const char *)json.data + 1);
    return out;
}

static const char *name_in(struct engine_context *c, struct engine_bytes json)
{
    char name[NAME_ROOM];

    return keep(c, unquote(json, name)).data;
}

static int number_in(struct engine_bytes json)
{
    char digits[NAME_ROOM];

    (void)snprintf(digits, sizeof(digits), "%.*s", (int)json.size,
                   (const char *)json.data);
    return (int)strtol(digits, NULL, 10);
}

/* The results of the branches that succeeded, as a JSON list. */
static struct engine_bytes list_of(struct engine_context *c,
                                   const struct engine_batch *batch)
{
    char list[RESULT_ROOM] = "[";
    size_t size = 1;

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct engine_branch_result *branch = &batch->branches[i];

        if (branch->status == ENGINE_BRANCH_SUCCEEDED)
            size += (size_t)snprintf(
                list + size, sizeof(list) - size, "%s%.*s", size > 1 ? "," : "",
                (int)branch->value.size, (const char *)branch->value.data);
    }
    (void)snprintf(list + size, sizeof(list) - size, "]");
    return keep(c, list);
}

static const char *reason_of(const struct engine_batch *batch)
{
    switch (batch->reason) {
    case ENGINE_MIN_SUCCESSFUL_REACHED:
        return "MIN_SUCCESSFUL_REACHED";
    case ENGINE_FAILURE_TOLERANCE_EXCEEDED:
        return "FAILURE_TOLERANCE_EXCEEDED";
    default:
        return "ALL_COMPLETED";
    }
}

/* Everything the cases ask of a batch: they do not look at what they do not
 * name. Only branches that were begun count. */
static struct engine_bytes projection_of(struct engine_context *c,
                                         const struct engine_batch *batch)
{
    char text[RESULT_ROOM];
    uint32_t begun = 0;

    for (uint32_t i = 0; i < batch->count; i++)
        begun += batch->branches[i].status != ENGINE_BRANCH_NOT_STARTED;
    (void)snprintf(text, sizeof(text),
                   "{\"completionReason\":\"%s\",\"status\":\"%s\","
                   "\"successCount\":%u,\"failureCount\":%u,"
                   "\"totalCount\":%u}",
                   reason_of(batch), batch->failed ? "FAILED" : "SUCCEEDED",
                   batch->succeeded, batch->failed, begun);
    return keep(c, text);
}

/* Steps ------------------------------------------------------------------- */

static int greet(struct engine_attempt *a, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_context *c = self;
    char name[NAME_ROOM];
    char text[RESULT_ROOM];

    unquote(input, name);
    if (c)
        engine_log(c, "Greeting step started for: %s", name);
    (void)snprintf(text, sizeof(text), "\"Hello, %s!\"", name);
    if (c)
        engine_log(c, "Greeting step completed with: Hello, %s!", name);
    *out = engine_attempt_text(a, text);
    return ENGINE_DONE;
}

static int echo(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    (void)a;
    (void)self;
    *out = input;
    return ENGINE_DONE;
}

static int describe(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    cJSON *in = cJSON_ParseWithLength(input.data, input.size);
    cJSON *made = cJSON_CreateObject();
    char *text;

    (void)self;
    cJSON_AddItemReferenceToObject(made, "user", in);
    cJSON_AddNumberToObject(
        made, "count", cJSON_GetArraySize(cJSON_GetObjectItem(in, "tags")));
    text = cJSON_PrintUnformatted(made);
    *out = engine_attempt_text(a, text);
    free(text);
    cJSON_Delete(made);
    cJSON_Delete(in);
    return ENGINE_DONE;
}

/* Fails as often as self says, then gives its input. */
static int unreliable(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    const uint32_t *failures = self;

    if (engine_attempt_number(a) <= *failures)
        return engine_attempt_fail_as(a, ENGINE_ERR_USER, "TransientError",
                                      "not this time", true, 0);
    *out = input;
    return ENGINE_DONE;
}

static uint32_t once = 1;
static uint32_t twice = 2;
static uint32_t always = UINT32_MAX;

static int run_greet(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "greet", greet, NULL, input, NULL, out);
}

static int run_greet_logged(struct engine_context *c, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "greet", greet, c, input, NULL, out);
}

static int run_describe(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "describe", describe, NULL, input, NULL, out);
}

static int run_echo(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "echo", echo, NULL, input, NULL, out);
}

static int run_failing(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    static const struct engine_step_options options = {.retry =
                                                           &engine_retry_none};

    (void)self;
    return engine_step(c, "fail", unreliable, &always, input, &options, out);
}

static int run_failing_caught(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    int flow = run_failing(c, self, input, out);

    if (flow != ENGINE_FAILED_FLOW)
        return flow ? flow
                    : engine_fail(c, ENGINE_ERR_USER, "Case", "no error");
    *out = nothing;
    return engine_wait(c, NULL, 1 * S);
}

static int run_default_retry(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    static const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_READ_ONLY};

    (void)self;
    return engine_step(c, "unreliable", unreliable, &twice, input, &options,
                       out);
}

static int run_filtered(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    static const char *const types[] = {"NetworkError"};
    const struct engine_retry retry = engine_retry_fixed(3, 1 * S);
    const struct engine_step_options options = {
        .retry = &retry, .retryable = {.types = types, .type_count = 1}};

    (void)self;
    return engine_step(c, "transient", unreliable, &always, input, &options,
                       out);
}

static int run_retried(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_retry retry = engine_retry_fixed(3, 1 * S);
    const struct engine_step_options options = {.retry = &retry};

    (void)self;
    return engine_step(c, "unreliable", unreliable, &once, input, &options,
                       out);
}

/* Waits ------------------------------------------------------------------- */

static uint64_t two_seconds = 2 * S;
static uint64_t one_minute = 60 * S;

static int run_wait(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    const uint64_t *ns = self;

    (void)input;
    *out = nothing;
    return engine_wait(c, NULL, *ns);
}

/* Child contexts ---------------------------------------------------------- */

struct child {
    engine_handler_fn *run;
    bool then_step; /* outside of it */
};

static int run_child(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const struct child *child = self;

    TRY(engine_run_in_child_context(c, "child", child->run, NULL, input, NULL,
                                    out));
    return child->then_step ? run_echo(c, NULL, input, out) : ENGINE_DONE;
}

static int step_and_wait(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    TRY(run_echo(c, self, input, out));
    return engine_wait(c, NULL, 1 * S);
}

static int wait_for_input(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    *out = input;
    return engine_wait(c, NULL, 1 * S);
}

static int give_null(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)c;
    (void)self;
    (void)input;
    *out = nothing;
    return ENGINE_DONE;
}

static struct child with_step = {run_echo, false};
static struct child with_failure = {run_failing, false};
static struct child with_retry = {run_retried, false};
static struct child with_step_and_wait = {step_and_wait, false};
static struct child with_wait = {wait_for_input, true};
static struct child with_null = {give_null, false};

/* Callbacks --------------------------------------------------------------- */

/* What is done between making a callback and asking for its result. */
struct between {
    uint64_t heartbeat_ns;
    bool step;
    uint64_t wait_ns;
};

static int run_callback(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    const struct between *between = self;
    const struct engine_callback_options options = {.heartbeat_ns =
                                                        between->heartbeat_ns};
    struct engine_callback callback;
    struct engine_bytes ignored;

    TRY(engine_create_callback(c, name_in(c, input), &options, &callback));
    if (between->step)
        TRY(run_echo(c, NULL, input, &ignored));
    if (between->wait_ns)
        TRY(engine_wait(c, NULL, between->wait_ns));
    return engine_callback_result(c, &callback, out);
}

static struct between at_once = {0, false, 0};
static struct between with_heartbeat = {5 * S, false, 0};
static struct between after_step = {0, true, 0};
static struct between after_wait = {0, false, 5 * S};

static int run_callback_caught(struct engine_context *c, void *self,
                               struct engine_bytes input,
                               struct engine_bytes *out)
{
    int flow = run_callback(c, self, input, out);
    struct engine_text words = engine_error_of(c)->message;
    char text[RESULT_ROOM];

    if (flow != ENGINE_FAILED_FLOW)
        return flow ? flow
                    : engine_fail(c, ENGINE_ERR_USER, "Case", "no error");
    (void)snprintf(text, sizeof(text), "\"%.*s\"", (int)words.size, words.text);
    *out = keep(c, text);
    return engine_wait(c, NULL, 2 * S);
}

static int run_callback_decoded(struct engine_context *c, void *self,
                                struct engine_bytes input,
                                struct engine_bytes *out)
{
    struct engine_bytes payload;
    char text[RESULT_ROOM];

    TRY(run_callback(c, self, input, &payload));
    (void)snprintf(text, sizeof(text), "{\"count\":%d,\"doubled\":%d}",
                   number_in(payload), 2 * number_in(payload));
    *out = keep(c, text);
    return ENGINE_DONE;
}

/* Input: a list of two names. */
static int run_two_callbacks(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    cJSON *names = cJSON_ParseWithLength(input.data, input.size);
    const char *first = keep(c, names->child->valuestring).data;
    const char *second = keep(c, names->child->next->valuestring).data;
    struct engine_callback a;
    struct engine_callback b;
    struct engine_bytes of_a;
    struct engine_bytes of_b;
    char text[RESULT_ROOM];

    (void)self;
    cJSON_Delete(names);
    TRY(engine_create_callback(c, first, NULL, &a));
    TRY(engine_create_callback(c, second, NULL, &b));
    TRY(engine_callback_result(c, &b, &of_b));
    TRY(engine_callback_result(c, &a, &of_a));
    (void)snprintf(text, sizeof(text), "[%.*s,%.*s]", (int)of_a.size,
                   (const char *)of_a.data, (int)of_b.size,
                   (const char *)of_b.data);
    *out = keep(c, text);
    return ENGINE_DONE;
}

/* Invokes ----------------------------------------------------------------- */

static enum engine_error give_back(struct engine_bytes input,
                                   struct engine_bytes *out)
{
    *out = input;
    return ENGINE_ERR_NONE;
}

static enum engine_error refuse(struct engine_bytes input,
                                struct engine_bytes *out)
{
    (void)input;
    *out = engine_text_bytes("the target failed");
    return ENGINE_ERR_USER;
}

static enum engine_error measure(struct engine_bytes input,
                                 struct engine_bytes *out)
{
    *out = engine_text_bytes(input.size == LARGER_SIZE ? "200000" : "-1");
    return ENGINE_ERR_NONE;
}

static int run_invoke(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_invoke(c, NULL, "target", input, NULL, out);
}

/* A JSON string of this many bytes. */
static struct engine_bytes large_string(struct engine_context *c, size_t size)
{
    char *text = engine_context_memory(c, size);

    cr_assert_not_null(text);
    memset(text, 'x', size);
    text[0] = '"';
    text[size - 1] = '"';
    return (struct engine_bytes){text, size};
}

static int run_invoke_large(struct engine_context *c, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    return run_invoke(c, self, large_string(c, LARGER_SIZE), out);
}

static int run_invoke_caught(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    int flow = run_invoke(c, self, input, out);

    if (flow != ENGINE_FAILED_FLOW)
        return flow ? flow
                    : engine_fail(c, ENGINE_ERR_USER, "Case", "no error");
    *out = nothing;
    return engine_wait(c, NULL, 1 * S);
}

static int run_invoke_shouted(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    struct engine_bytes result;
    char text[RESULT_ROOM];

    TRY(run_invoke(c, self, input, &result));
    (void)snprintf(text, sizeof(text), "%.*s", (int)result.size,
                   (const char *)result.data);
    for (char *letter = text; *letter; letter++)
        *letter = (char)toupper((unsigned char)*letter);
    *out = keep(c, text);
    return ENGINE_DONE;
}

static struct child with_invoke = {run_invoke, false};

/* Conditions -------------------------------------------------------------- */

/* Counts its state up until it is as large as self says. */
static int count_up(struct engine_attempt *a, void *self,
                    struct engine_bytes state, struct engine_bytes *out)
{
    const int *threshold = self;
    int next = number_in(state) + 1;
    char text[NAME_ROOM];

    (void)snprintf(text, sizeof(text), "%d", next);
    *out = engine_attempt_text(a, text);
    return next < *threshold ? ENGINE_SUSPENDED : ENGINE_DONE;
}

static int poll_to(struct engine_context *c, const char *from, int threshold,
                   struct engine_bytes *out)
{
    const struct engine_condition_options options = {
        .poll = engine_retry_fixed(60, 1 * S)};

    return engine_wait_for_condition(c, NULL, count_up, &threshold,
                                     engine_text_bytes(from), &options, out);
}

static const char from_zero[] = "0";
static const char from_five[] = "5";

static int run_condition(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    return poll_to(c, self, number_in(input), out);
}

static int run_two_conditions(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    char state[NAME_ROOM];

    (void)self;
    (void)input;
    TRY(poll_to(c, from_zero, 2, out));
    (void)snprintf(state, sizeof(state), "%d", number_in(*out));
    return poll_to(c, state, 4, out);
}

static int run_condition_failing(struct engine_context *c, void *self,
                                 struct engine_bytes input,
                                 struct engine_bytes *out)
{
    (void)self;
    return engine_wait_for_condition(c, NULL, unreliable, &always, input, NULL,
                                     out);
}

static int run_condition_null(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    (void)self;
    return engine_wait_for_condition(c, NULL, echo, NULL, input, NULL, out);
}

/* Waits for callbacks ----------------------------------------------------- */

struct submission {
    uint32_t *failures; /* of the submitter; NULL: none */
    uint64_t heartbeat_ns;
    bool others_before;
};

static int run_wait_for_callback(struct engine_context *c, void *self,
                                 struct engine_bytes input,
                                 struct engine_bytes *out)
{
    const struct submission *how = self;
    const struct engine_retry retry = engine_retry_fixed(2, 1 * S);
    const struct engine_step_options step = {.retry = &retry};
    const struct engine_callback_options options = {.heartbeat_ns =
                                                        how->heartbeat_ns};

    if (how->others_before) {
        TRY(engine_wait(c, NULL, 1 * S));
        TRY(run_echo(c, NULL, input, out));
    }
    return engine_wait_for_callback(c, name_in(c, input),
                                    how->failures ? unreliable : echo,
                                    how->failures, &step, &options, out);
}

static struct submission plain = {NULL, 0, false};
static struct submission broken = {&always, 0, false};
static struct submission with_sign_of_life = {NULL, 10 * S, false};
static struct submission among_others = {NULL, 0, true};

/* Branches ---------------------------------------------------------------- */

/* A branch by its input: JSON to return; "!": it fails. */
static int branch(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    if (*(const char *)input.data == '!')
        return engine_fail(c, ENGINE_ERR_USER, "BranchError", "it fails");
    *out = input;
    return ENGINE_DONE;
}

enum {
    BRANCHES_MAX = 4
};

/* A map or a parallel over what stands here. */
struct batch {
    const char *name;
    const char *inputs[BRANCHES_MAX];
    uint32_t count;
    engine_handler_fn *run;
    bool map;
    bool rethrow;  /* a batch that is over too early fails the handler */
    bool projects; /* returns the counts, not the results */
    struct engine_completion completion;
};

static int call_batch(struct engine_context *c, const struct batch *b,
                      struct engine_batch *out)
{
    const struct engine_batch_options options = {.max_concurrency = 1,
                                                 .completion = b->completion};
    struct engine_branch branches[BRANCHES_MAX];
    struct engine_bytes items[BRANCHES_MAX];

    for (uint32_t i = 0; i < b->count; i++) {
        items[i] = engine_text_bytes(b->inputs[i]);
        branches[i] = (struct engine_branch){NULL, b->run, NULL, items[i]};
    }
    if (b->map)
        return engine_map(c, b->name, items, b->count, b->run, NULL, &options,
                          out);
    return engine_parallel(c, b->name, branches, b->count, &options, out);
}

static int run_batch(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const struct batch *b = self;
    struct engine_batch batch;
    int flow = call_batch(c, b, &batch);

    (void)input;
    if (flow && (flow != ENGINE_FAILED_FLOW || b->rethrow))
        return flow;
    *out = b->projects ? projection_of(c, &batch) : list_of(c, &batch);
    return ENGINE_DONE;
}

static int give_large(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    *out = large_string(c, LARGE_SIZE);
    return ENGINE_DONE;
}

static struct batch steps = {.name = "parallel",
                             .inputs = {"\"task-1\"", "\"task-2\""},
                             .count = 2,
                             .run = run_echo};
static struct batch types = {.name = "hetero",
                             .inputs = {"\"hello\"", "42", "{\"k\":\"v\"}"},
                             .count = 3,
                             .run = branch};
static struct batch throwing = {.name = "throwing",
                                .inputs = {"!", "1"},
                                .count = 2,
                                .run = branch,
                                .rethrow = true,
                                .completion = {.tolerate = true}};
static struct batch over_count = {
    .name = "tolerated-exceeded",
    .inputs = {"!", "!", "1"},
    .count = 3,
    .run = branch,
    .projects = true,
    .completion = {.tolerate = true, .tolerated_failures = 1}};
static struct batch over_share = {
    .name = "tolerated-pct",
    .inputs = {"!", "!", "1", "1"},
    .count = 4,
    .run = branch,
    .projects = true,
    .completion = {.tolerate = true, .tolerated_share_milli = 250}};
static struct batch all_fail = {
    .name = "all-fail",
    .inputs = {"!", "!", "!"},
    .count = 3,
    .run = branch,
    .projects = true,
    .completion = {.tolerate = true, .tolerated_failures = 3}};
static struct batch at_share = {
    .name = "pct-boundary",
    .inputs = {"!", "1", "1", "1"},
    .count = 4,
    .run = branch,
    .projects = true,
    .completion = {.tolerate = true, .tolerated_share_milli = 250}};
static struct batch no_items = {.name = "empty", .run = branch, .map = true};
static struct batch enough = {.name = "min-successful",
                              .inputs = {"1", "1", "1", "1"},
                              .count = 4,
                              .run = branch,
                              .map = true,
                              .projects = true,
                              .completion = {.min_successful = 2}};
static struct batch map_over_share = {
    .name = "tolerated-pct",
    .inputs = {"!", "!", "1", "1"},
    .count = 4,
    .run = branch,
    .map = true,
    .projects = true,
    .completion = {.tolerate = true, .tolerated_share_milli = 250}};
static struct batch large = {.name = "large",
                             .inputs = {"0", "1", "2", "3"},
                             .count = 4,
                             .run = give_large,
                             .map = true,
                             .projects = true};

/* Over the strings of the input. */
static int run_greetings(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    cJSON *names = cJSON_ParseWithLength(input.data, input.size);
    struct batch b = {.name = "map", .count = 2, .run = run_greet, .map = true};

    for (int i = 0; i < 2; i++) {
        char *text = cJSON_PrintUnformatted(cJSON_GetArrayItem(names, i));

        b.inputs[i] = keep(c, text).data;
        free(text);
    }
    cJSON_Delete(names);
    (void)self;
    return run_batch(c, &b, input, out);
}

static int times_ten(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    char text[NAME_ROOM];

    (void)self;
    (void)snprintf(text, sizeof(text), "%d", 10 * number_in(input));
    *out = keep(c, text);
    return ENGINE_DONE;
}

static int run_named_items(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    static const char *const names[] = {"item-1", "item-2"};
    const struct engine_bytes items[] = {{"1", 1}, {"2", 1}};
    const struct engine_batch_options options = {.max_concurrency = 1,
                                                 .item_names = names};
    struct engine_batch batch;

    (void)self;
    (void)input;
    TRY(engine_map(c, "named-items", items, 2, times_ten, NULL, &options,
                   &batch));
    *out = list_of(c, &batch);
    return ENGINE_DONE;
}

/* Cases ------------------------------------------------------------------- */

static const struct conformance_handler handlers[] = {
    {"1.1", run_greet, NULL, NULL, NULL},
    {"1.4", run_describe, NULL, NULL, NULL},
    {"1.7", run_greet_logged, NULL, NULL, NULL},
    {"1.10", run_failing_caught, NULL, NULL, NULL},
    {"1.13", run_default_retry, NULL, NULL, NULL},
    {"1.16", run_filtered, NULL, NULL, NULL},
    {"1.19", run_failing, NULL, NULL, NULL},
    {"2.1", run_wait, &two_seconds, NULL, NULL},
    {"2.4", run_wait, &one_minute, NULL, NULL},
    {"3.1", run_child, &with_step, NULL, NULL},
    {"3.4", run_child, &with_failure, NULL, NULL},
    {"3.7", run_child, &with_retry, NULL, NULL},
    {"3.10", run_child, &with_step_and_wait, NULL, NULL},
    {"3.13", run_child, &with_wait, NULL, NULL},
    {"3.16", run_child, &with_null, NULL, NULL},
    {"4.1", run_callback, &at_once, NULL, NULL},
    {"4.4", run_callback, &with_heartbeat, NULL, NULL},
    {"4.7", run_callback, &after_step, NULL, NULL},
    {"4.10", run_callback, &after_wait, NULL, NULL},
    {"4.13", run_callback_caught, &at_once, NULL, NULL},
    {"4.16", run_callback_decoded, &at_once, NULL, NULL},
    {"4.19", run_two_callbacks, NULL, NULL, NULL},
    {"5.1", run_invoke, NULL, give_back, NULL},
    {"5.4", run_invoke, NULL, give_back, NULL},
    {"5.7", run_invoke_large, NULL, measure, NULL},
    {"5.10", run_invoke_caught, NULL, refuse, NULL},
    {"5.13", run_child, &with_invoke, give_back, NULL},
    {"5.16", run_invoke_shouted, NULL, give_back, NULL},
    {"6.1", run_condition, (void *)from_zero, NULL, NULL},
    {"6.4", run_condition, (void *)from_five, NULL, NULL},
    {"6.7", run_condition_failing, NULL, NULL, NULL},
    {"6.10", run_condition_null, NULL, NULL, NULL},
    {"6.13", run_two_conditions, NULL, NULL, NULL},
    {"7.1", run_wait_for_callback, &plain, NULL, NULL},
    {"7.4", run_wait_for_callback, &plain, NULL, NULL},
    {"7.7", run_wait_for_callback, &broken, NULL, NULL},
    {"7.10", run_wait_for_callback, &among_others, NULL, NULL},
    {"7.13", run_wait_for_callback, &with_sign_of_life, NULL, NULL},
    {"8.1", run_batch, &steps, NULL, NULL},
    {"8.4", run_batch, &types, NULL, NULL},
    {"8.7", run_batch, &throwing, NULL, NULL},
    {"8.10", run_batch, &over_count, NULL, NULL},
    {"8.13", run_batch, &over_share, NULL, NULL},
    {"8.16", run_batch, &all_fail, NULL, NULL},
    {"8.19", NULL, NULL, NULL,
     "a concurrency of 0 is how a handler in C leaves it to the profile"},
    {"8.22", run_batch, &at_share, NULL, NULL},
    {"9.1", run_greetings, NULL, NULL, NULL},
    {"9.4", run_batch, &no_items, NULL, NULL},
    {"9.7", run_batch, &enough, NULL, NULL},
    {"9.10", run_batch, &map_over_share, NULL, NULL},
    {"9.13", run_named_items, NULL, NULL, NULL},
    {"9.16", run_batch, &large, NULL, NULL},
    {"9.19", NULL, NULL, NULL,
     "a map's summary has the engine's own form, no serializer of a handler's"},
};

static const struct conformance_handler *handler_of(const char *id)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++)
        if (strcmp(handlers[i].id, id) == 0)
            return &handlers[i];
    return NULL;
}

static void check_case(const struct conformance_case *c)
{
    const struct conformance_handler *handler = handler_of(c->id);
    char sentence[2048] = "";

    cr_expect_not_null(handler, "case %s (%s) has no handler", c->id,
                       c->description);
    if (!handler || handler->reason)
        return;
    cr_expect(conformance_check(c, handler, sentence, sizeof(sentence)), "%s",
              sentence);
}

/* Checks every case of a group. How many there are, and how many cannot
 * apply. */
static uint32_t check_group(const char *group, uint32_t *left_out)
{
    DIR *folder = opendir(FOLDER);
    struct dirent *file;
    uint32_t count = 0;

    *left_out = 0;
    cr_assert_not_null(folder);
    while ((file = readdir(folder))) {
        struct conformance_case c;
        char path[512];

        if (!strstr(file->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), FOLDER "/%s", file->d_name);
        cr_assert_eq(conformance_open(&c, path), 0, "%s", path);
        if (strcmp(c.group, group) == 0) {
            const struct conformance_handler *handler = handler_of(c.id);

            check_case(&c);
            *left_out += handler && handler->reason;
            count++;
        }
        conformance_close(&c);
    }
    (void)closedir(folder);
    return count;
}

static void expect(const char *group, uint32_t count, uint32_t not_applicable)
{
    uint32_t left_out;

    cr_expect_eq(check_group(group, &left_out), count);
    cr_expect_eq(left_out, not_applicable);
}

Test(conformance, steps_leave_the_history_of_the_public_suite)
{
    expect("step", 7, 0);
}

Test(conformance, waits_leave_the_history_of_the_public_suite)
{
    expect("wait", 2, 0);
}

Test(conformance, child_contexts_leave_the_history_of_the_public_suite)
{
    expect("child", 6, 0);
}

Test(conformance, callbacks_leave_the_history_of_the_public_suite)
{
    expect("callback", 7, 0);
}

Test(conformance, invokes_leave_the_history_of_the_public_suite)
{
    expect("invoke", 6, 0);
}

Test(conformance, conditions_leave_the_history_of_the_public_suite)
{
    expect("wait_for_condition", 5, 0);
}

Test(conformance, waits_for_callbacks_leave_the_history_of_the_public_suite)
{
    expect("wait_for_callback", 5, 0);
}

Test(conformance, parallels_leave_the_history_of_the_public_suite)
{
    expect("parallel", 8, 1);
}

Test(conformance, maps_leave_the_history_of_the_public_suite)
{
    expect("map", 7, 1);
}
