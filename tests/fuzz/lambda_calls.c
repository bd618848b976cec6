/*
 * Any bytes as calls of the Lambda API, against a service in memory with one
 * execution under way: each call must be answered, once, with a status of HTTP
 * and JSON; and however they end, the execution comes to its end when its
 * function answers. A call is a byte that says which, two of the size of its
 * body, and the body.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service.h"
#include "engine/host/store_sqlite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND UINT64_C(1000000000)

enum {
    CALLS_MAX = 32,
    TURNS_MAX = 2000,
    TEXT_MAX = 512
};

struct bed {
    struct lambda_service *service;
    struct lambda_invocation *invocation; /* under way; NULL: none */
    uint64_t now_ns;
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE];
    char callback[64];
};

struct asked {
    struct lambda_call call;
    struct bed *bed;
    int status;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* What the service says --------------------------------------------------- */

/* Keeps a string of a document. */
static void keep(struct json_view object, const char *key, char *out,
                 size_t room)
{
    struct json_view view = json_member(object, key);

    if (view.item && json_is_string(view))
        snprintf(out, room, "%s", view.item->valuestring);
}

/* NULL: it holds a zero, which may be in JSON, but is in none that is read. */
static struct json_doc *read_json(const void *bytes, size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;

    must(json_read_bytes("told", bytes, size, &doc, &wrong) == 0 ||
         memmem(bytes, size, "\\u0000", 6));
    return doc;
}

static void take_answer(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    struct asked *asked = (void *)call;
    struct json_doc *doc;

    must(asked->status == 0 && status >= 200 && status < 600);
    must((status >= 300) == (exception != NULL));
    asked->status = status;
    if (size == 0)
        return;
    doc = read_json(body, size);
    if (doc && status == 200)
        keep(json_root(doc), "CheckpointToken", asked->bed->token,
             sizeof(asked->bed->token));
    json_free(doc);
}

static void take_wanted(void *self, uint32_t function)
{
    struct bed *bed = self;

    (void)lambda_invocation_take(bed->service, function, bed);
}

static void take_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct bed *bed = self;
    struct json_doc *doc = read_json(event, size);

    bed->invocation = invocation;
    if (!doc)
        return;
    keep(json_root(doc), "CheckpointToken", bed->token, sizeof(bed->token));
    keep(json_root(doc), "DurableExecutionArn", bed->arn, sizeof(bed->arn));
    json_free(doc);
}

static void take_dropped(void *self, struct lambda_invocation *invocation)
{
    struct bed *bed = self;

    if (bed->invocation == invocation)
        bed->invocation = NULL;
}

static void take_callback(void *self, const struct lambda_callback *callback)
{
    struct bed *bed = self;

    snprintf(bed->callback, sizeof(bed->callback), "%s", callback->id);
}

static void turn(struct bed *bed)
{
    must(lambda_service_turn(bed->service, bed->now_ns) == 0);
}

/* To what is due next; false: nothing is. */
static bool skip(struct bed *bed)
{
    uint64_t due = lambda_service_deadline(bed->service);

    if (due == UINT64_MAX)
        return false;
    bed->now_ns = due > bed->now_ns ? due : bed->now_ns;
    turn(bed);
    return true;
}

/* Calls ------------------------------------------------------------------- */

static void respond(struct bed *bed, bool threw, const void *body, size_t size)
{
    struct lambda_invocation *invocation = bed->invocation;

    if (!invocation)
        return;
    bed->invocation = NULL;
    if (threw)
        lambda_invocation_threw(bed->service, invocation, body, size);
    else
        lambda_invocation_answered(bed->service, invocation, body, size);
    turn(bed);
}

/* A checkpoint whose token is right, and whose updates are any bytes. */
static void checkpoint(struct bed *bed, struct lambda_call *call,
                       const uint8_t *updates, size_t size)
{
    char *body = malloc(size + 256);
    int head;

    must(body != NULL);
    head = snprintf(body, 256,
                    "{\"CheckpointToken\":\"%s\",\"Updates\":", bed->token);
    memcpy(body + head, updates, size);
    body[(size_t)head + size] = '}';
    lambda_call_checkpoint(bed->service, call, bed->arn, body,
                           (size_t)head + size + 1);
    free(body);
}

static void call_looking(struct bed *bed, struct lambda_call *call,
                         unsigned kind, const char *text)
{
    const struct lambda_history_query history = {
        .data = true, .reverse = text[0] & 1, .marker = text};
    const struct lambda_list_query list = {.statuses = text, .after = text};

    if (kind == 0)
        lambda_call_state(bed->service, call, bed->arn, bed->token, text, 3);
    else if (kind == 1)
        lambda_call_get(bed->service, call, text, true);
    else if (kind == 2)
        lambda_call_history(bed->service, call, bed->arn, &history);
    else
        lambda_call_list(bed->service, call, "order", &list);
}

static void call(struct bed *bed, unsigned kind, const uint8_t *body,
                 size_t size)
{
    struct asked *asked = calloc(1, sizeof(*asked));
    char text[TEXT_MAX] = "";

    must(asked != NULL);
    asked->call.answer = take_answer;
    asked->bed = bed;
    memcpy(text, body, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);
    if (kind < 4)
        checkpoint(bed, &asked->call, body, size);
    else if (kind == 4)
        lambda_call_checkpoint(bed->service, &asked->call, bed->arn, body,
                               size);
    else if (kind < 8)
        lambda_call_callback(bed->service, &asked->call, bed->callback,
                             (enum lambda_callback_end)(kind - 5), body, size);
    else if (kind == 8)
        lambda_call_callback(bed->service, &asked->call, text,
                             LAMBDA_CALLBACK_SUCCEED, "", 0);
    else if (kind == 9)
        lambda_call_stop(bed->service, &asked->call, bed->arn, body, size);
    else if (kind == 10)
        lambda_call_invoke(bed->service, &asked->call, "plain", NULL, NULL,
                           LAMBDA_DRY_RUN, body, size);
    else
        call_looking(bed, &asked->call, kind % 4, text);
    turn(bed);
    must(asked->status != 0);
    free(asked);
}

static void carry_out(struct bed *bed, uint8_t kind, const uint8_t *body,
                      size_t size)
{
    switch (kind % 20) {
    case 16:
        respond(bed, false, body, size);
        break;
    case 17:
        respond(bed, true, body, size);
        break;
    case 18:
        (void)skip(bed);
        break;
    default:
        call(bed, kind % 20 % 16, body, size);
    }
}

/* The bed ----------------------------------------------------------------- */

static void open_bed(struct bed *bed)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_service_config config = {
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = bed->now_ns,
        .lease_ns = 3600 * SECOND,
        .incarnation = 1,
        .wanted = take_wanted,
        .event = take_event,
        .callback = take_callback,
        .dropped = take_dropped,
        .self = bed,
    };
    const struct lambda_function functions[] = {
        {.name = "order",
         .durable = true,
         .timeout_ns = 900 * SECOND,
         .execution_timeout_ns = 86400 * 366 * SECOND},
        {.name = "plain", .timeout_ns = 900 * SECOND},
    };
    struct store_problem problem;

    must(store_sqlite_try(&memory, &config.store, &problem) == 0);
    bed->service = lambda_service_new(&config);
    must(bed->service != NULL);
    for (uint32_t i = 0; i < 2; i++)
        must(lambda_service_register(bed->service, &functions[i]) == i);
}

static bool has_ended(const struct bed *bed)
{
    struct lambda_standing standing;

    return lambda_service_standing(bed->service, 1, &standing) &&
           standing.ended_ns != 0;
}

/* Whatever was asked of it, its function's answer ends the execution. */
static void come_to_an_end(struct bed *bed)
{
    static const char done[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}";

    for (uint32_t i = 0; i < TURNS_MAX && !has_ended(bed); i++) {
        if (bed->invocation)
            respond(bed, false, done, sizeof(done) - 1);
        else
            must(skip(bed));
    }
    must(has_ended(bed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed bed = {.now_ns = UINT64_C(1767225600) * SECOND};
    struct asked asked = {.call = {.answer = take_answer}, .bed = &bed};

    open_bed(&bed);
    lambda_call_invoke(bed.service, &asked.call, "order", NULL, "one",
                       LAMBDA_EVENT, "{}", 2);
    turn(&bed);
    must(asked.status == 202);
    for (uint32_t i = 0; size >= 3 && i < CALLS_MAX; i++) {
        size_t part = data[1] + ((size_t)data[2] << 8);
        uint8_t kind = data[0];

        data += 3;
        size -= 3;
        part = part < size ? part : size;
        carry_out(&bed, kind, data, part);
        data += part;
        size -= part;
    }
    come_to_an_end(&bed);
    lambda_service_free(bed.service);
    return 0;
}
