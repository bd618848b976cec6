#include "scenarios/lambda/replay.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

enum {
    BEGINNINGS_MAX = 400, /* of a longer history, not each event is tried */
    MESSAGE_SHOWN = 200
};

struct playing {
    struct lambda_recorded *recorded;
    struct lambda_replay *replay;
    struct json_writer answer;
    uint32_t checkpoints;
    bool over; /* it has returned, or was left */
};

static const char *text_or(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    return member.item && json_is_string(member) ? member.item->valuestring
                                                 : "";
}

__attribute__((format(printf, 2, 3))) static void
differ(struct playing *playing, const char *format, ...)
{
    struct lambda_replay *replay = playing->replay;
    va_list arguments;

    if (replay->differs)
        return;
    replay->differs = true;
    replay->event = playing->recorded->gone;
    va_start(arguments, format);
    vsnprintf(replay->why, sizeof(replay->why), format, arguments);
    va_end(arguments);
}

/* Operations -------------------------------------------------------------- */

static const char *describe(char out[LAMBDA_ASKED_SIZE], const char *type,
                            const char *subtype, const char *name,
                            const char *id)
{
    bool plain = !subtype[0] || strcmp(type, "CONTEXT") != 0;

    snprintf(out, LAMBDA_ASKED_SIZE, "%.20s%s%.32s%s %s%.80s", type,
             plain ? "" : " (", plain ? "" : subtype, plain ? "" : ")",
             name[0] ? "" : "without a name, id ", name[0] ? name : id);
    return out;
}

static const char *
describe_recorded(char out[LAMBDA_ASKED_SIZE],
                  const struct lambda_recorded_operation *operation)
{
    return describe(out, operation->type, operation->subtype, operation->name,
                    operation->id);
}

static bool is_terminal(const char *status)
{
    return status[0] && strcmp(status, "STARTED") != 0 &&
           strcmp(status, "PENDING") != 0 && strcmp(status, "READY") != 0;
}

/* The next that the code has not asked for, though it should; NULL: none. */
static const struct lambda_recorded_operation *
find_missing(const struct lambda_recorded *recorded)
{
    for (uint32_t i = 0; i < recorded->operation_count; i++) {
        const struct lambda_recorded_operation *one = &recorded->operations[i];
        const struct lambda_recorded_operation *parent =
            one->parent[0] ? lambda_recorded_find(recorded, one->parent) : NULL;
        if (!one->status[0] && (!parent || !is_terminal(parent->status)))
            return one;
    }
    return NULL;
}

static void differ_operation(struct playing *playing,
                             const struct lambda_recorded_operation *operation,
                             struct json_view update)
{
    struct lambda_replay *replay = playing->replay;
    const char *parent = text_or(update, "ParentId");
    bool moved = strcmp(operation->parent, parent) != 0;

    replay->operation = operation->number;
    describe_recorded(replay->recorded, operation);
    describe(replay->asked, text_or(update, "Type"), text_or(update, "SubType"),
             text_or(update, "Name"), text_or(update, "Id"));
    differ(playing,
           "operation %u of the history is %s%s%.64s, the code starts "
           "%s%s%.64s",
           operation->number, replay->recorded, moved ? " in context " : "",
           moved ? (operation->parent[0] ? operation->parent : "of the run")
                 : "",
           replay->asked, moved ? " in context " : "",
           moved ? (parent[0] ? parent : "of the run") : "");
}

static void differ_extra(struct playing *playing, struct json_view update)
{
    struct lambda_replay *replay = playing->replay;
    const struct lambda_recorded_operation *next =
        find_missing(playing->recorded);

    describe(replay->asked, text_or(update, "Type"), text_or(update, "SubType"),
             text_or(update, "Name"), text_or(update, "Id"));
    if (next) {
        replay->operation = next->number;
        describe_recorded(replay->recorded, next);
        differ(playing,
               "the history goes on with operation %u, %s, the code "
               "starts %s, which the history does not have",
               next->number, replay->recorded, replay->asked);
    } else {
        differ(playing,
               "the history has no operation after its %u, the code "
               "starts %s",
               playing->recorded->operation_count, replay->asked);
    }
}

static bool is_same(const struct lambda_recorded_operation *operation,
                    struct json_view update)
{
    return strcmp(operation->type, text_or(update, "Type")) == 0 &&
           strcmp(operation->subtype, text_or(update, "SubType")) == 0 &&
           strcmp(operation->name, text_or(update, "Name")) == 0 &&
           strcmp(operation->parent, text_or(update, "ParentId")) == 0;
}

static void start(struct playing *playing,
                  struct lambda_recorded_operation *operation,
                  struct json_view update)
{
    struct json_view options = json_member(update, "WaitOptions");
    struct json_view seconds = options.item
                                   ? json_member(options, "WaitSeconds")
                                   : (struct json_view){0};

    if (!operation->status[0])
        operation->started_ns = playing->recorded->now_ns;
    operation->status = "STARTED";
    if (seconds.item && json_is_number(seconds))
        operation->due_ns = playing->recorded->now_ns +
                            (uint64_t)seconds.item->valuedouble * SECOND;
}

/* It ends: whether as it was recorded, so that what follows can be compared. */
static bool finish(struct playing *playing,
                   struct lambda_recorded_operation *operation,
                   struct json_view update)
{
    struct lambda_recorded_end end;
    bool succeeds = strcmp(text_or(update, "Action"), "SUCCEED") == 0;

    if (!lambda_recorded_next(playing->recorded, operation, &end) ||
        end.again || end.succeeded != succeeds ||
        strcmp(text_or(update, "Action"), "RETRY") == 0 ||
        (succeeds &&
         strcmp(end.result ? end.result : "", text_or(update, "Payload")) != 0))
        return false;
    operation->status = succeeds ? "SUCCEEDED" : "FAILED";
    operation->attempt++;
    operation->ended_ns = playing->recorded->now_ns;
    operation->result = end.result;
    operation->error = end.error;
    return true;
}

/* False: what comes after it says nothing, or it differs. */
static bool take_update(struct playing *playing, struct json_view update)
{
    struct lambda_recorded_operation *operation =
        lambda_recorded_find(playing->recorded, text_or(update, "Id"));

    if (strcmp(text_or(update, "Type"), "EXECUTION") == 0)
        return true; /* a large result; the return follows */
    if (!operation) {
        if (playing->recorded->end[0] || find_missing(playing->recorded))
            differ_extra(playing, update);
        return false; /* beyond where the history was recorded */
    }
    if (!is_same(operation, update)) {
        differ_operation(playing, operation, update);
        return false;
    }
    if (strcmp(text_or(update, "Action"), "START") == 0) {
        start(playing, operation, update);
        return true;
    }
    return finish(playing, operation, update);
}

/* Calls ------------------------------------------------------------------- */

static void write_checkpointed(struct playing *playing,
                               struct json_view updates)
{
    struct json_writer *w = &playing->answer;
    char token[LAMBDA_TOKEN_SIZE];

    lambda_token_write(1, playing->recorded->gone + ++playing->checkpoints,
                       token);
    json_write_reset(w);
    json_open(w, NULL);
    json_put_words(w, "CheckpointToken", token);
    json_open(w, "NewExecutionState");
    json_open_array(w, "Operations");
    for (struct json_view v = json_first(updates); v.item; v = json_next(v)) {
        const struct lambda_recorded_operation *operation =
            lambda_recorded_find(playing->recorded, text_or(v, "Id"));
        if (operation)
            lambda_recorded_write_operation(playing->recorded, operation, w,
                                            LAMBDA_SECONDS);
    }
    json_close_array(w);
    json_close(w);
    json_close(w);
}

/* Whether it is to be answered. */
static bool take_checkpoint(struct playing *playing, struct json_view body)
{
    struct json_view updates = json_member(body, "Updates");
    bool good = updates.item && json_count(updates) > 0;

    /* Without any it only looks whether something has ended: it waits. */
    for (struct json_view v = json_first(updates); good && v.item;
         v = json_next(v))
        good = take_update(playing, v);
    if (good)
        write_checkpointed(playing, updates);
    return good;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t tail = strlen(end);

    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static bool take_asked(void *self, const char *path, const void *body,
                       size_t size, struct lambda_scripted *answer)
{
    struct playing *playing = self;
    struct json_error error = {0};
    struct json_doc *doc = NULL;

    if (!ends_with(path, "/checkpoint"))
        return false;
    answer->leave = json_read_bytes("body", body, size, &doc, &error) ||
                    !take_checkpoint(playing, json_root(doc));
    json_free(doc);
    playing->over = answer->leave;
    answer->body = playing->answer.bytes;
    answer->size = playing->answer.size;
    return true;
}

/* The end ----------------------------------------------------------------- */

static bool is_pending(const struct lambda_recorded *recorded)
{
    for (uint32_t i = 0; i < recorded->operation_count; i++) {
        const struct lambda_recorded_operation *one = &recorded->operations[i];
        if (one->status[0] && !is_terminal(one->status) &&
            strcmp(one->type, "CONTEXT") != 0)
            return true;
    }
    return false;
}

static const char *message_of(struct json_view answer)
{
    struct json_view error = json_member(answer, "Error");

    return error.item && json_is_object(error) ? text_or(error, "ErrorMessage")
                                               : "";
}

static void compare_end(struct playing *playing, struct json_view answer,
                        const char *status)
{
    const struct lambda_recorded *recorded = playing->recorded;
    const char *result = text_or(answer, "Result");
    const char *known = recorded->result ? recorded->result : "";

    if (strcmp(recorded->end, "SUCCEEDED") != 0 &&
        strcmp(recorded->end, "FAILED") != 0)
        return; /* it was ended from outside, or has not ended */
    if (strcmp(status, recorded->end) != 0)
        differ(playing, "the history ends %s, the code ends %s%s%.200s",
               recorded->end, status, message_of(answer)[0] ? ": " : "",
               message_of(answer));
    else if (strcmp(status, "SUCCEEDED") == 0 && strcmp(result, known) != 0)
        differ(playing, "the history ends with %.200s, the code with %.200s",
               known[0] ? known : "nothing", result[0] ? result : "nothing");
}

static void differ_early(struct playing *playing, struct json_view answer,
                         const char *status,
                         const struct lambda_recorded_operation *missing)
{
    struct lambda_replay *replay = playing->replay;

    replay->operation = missing->number;
    describe_recorded(replay->recorded, missing);
    differ(playing,
           "the history goes on with operation %u, %s, the code ends "
           "%s%s%.200s",
           missing->number, replay->recorded, status,
           message_of(answer)[0] ? ": " : "", message_of(answer));
}

static void compare_return(struct playing *playing, struct json_view answer)
{
    const char *status = text_or(answer, "Status");
    const struct lambda_recorded_operation *missing =
        find_missing(playing->recorded);

    if (strcmp(status, "PENDING") == 0) {
        if (!is_pending(playing->recorded))
            differ(playing, "the code says that it waits, and nothing is "
                            "pending");
    } else if (missing) {
        differ_early(playing, answer, status, missing);
    } else {
        compare_end(playing, answer, status);
    }
}

static void take_returned(void *self, bool threw, const void *body, size_t size)
{
    struct playing *playing = self;
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    bool good = json_read_bytes("answer", body, size, &doc, &error) == 0 &&
                json_is_object(json_root(doc));

    playing->over = true;
    if (threw)
        differ(playing, "the code breaks off: %.200s",
               good ? text_or(json_root(doc), "errorMessage") : "");
    else if (good)
        compare_return(playing, json_root(doc));
    else
        differ(playing, "the code returns what is no answer");
    json_free(doc);
}

/* Running ----------------------------------------------------------------- */

static int replay_from(struct lambda_bench *bench, struct playing *playing,
                       uint32_t events)
{
    const struct lambda_player player = {
        .asked = take_asked, .returned = take_returned, .self = playing};
    struct json_writer event = {0};
    enum lambda_end end;

    lambda_recorded_go(playing->recorded, events);
    lambda_recorded_write(playing->recorded, &event);
    playing->over = false;
    playing->checkpoints = 0;
    playing->replay->begun++;
    end = event.failed ? LAMBDA_BROKEN
                       : lambda_bench_play(bench, playing->recorded->now_ns,
                                           event.bytes, event.size, &player);
    free(event.bytes);
    if (end == LAMBDA_HUNG)
        differ(playing, "the code does not come to rest");
    else if (end == LAMBDA_DEAD)
        differ(playing, "the code's process ends before it asks for work");
    else if (end == LAMBDA_ENDED && !playing->over)
        return -2;
    return end == LAMBDA_BROKEN ? -1 : 0;
}

int lambda_replay_run(struct lambda_bench *bench,
                      struct lambda_recorded *recorded,
                      struct lambda_replay *replay)
{
    struct playing playing = {.recorded = recorded, .replay = replay};
    uint32_t every = recorded->event_count / BEGINNINGS_MAX + 1;
    int result = 0;

    *replay = (struct lambda_replay){.events = recorded->event_count,
                                     .operations = recorded->operation_count};
    for (uint32_t n = 1; n <= recorded->event_count && result == 0 &&
                         !replay->differs && !playing.answer.failed;
         n++)
        if (lambda_recorded_begins(recorded, n) &&
            (n % every == 0 || n == 1 || n == recorded->event_count ||
             !lambda_recorded_begins(recorded, n + 1)))
            result = replay_from(bench, &playing, n);
    free(playing.answer.bytes);
    if (result == -2 && !lambda_bench_interrupted(bench)) {
        differ(&playing, "the code breaks off: its process has ended");
        result = 0;
    }
    return result || playing.answer.failed ? -1 : 0;
}

/* Showing ----------------------------------------------------------------- */

void lambda_replay_text(const struct lambda_replay *replay, const char *path,
                        struct report_buffer *out)
{
    report_buffer_put(out, replay->differs ? "FAIL  " : "PASS  ");
    if (replay->differs)
        (void)report_buffer_plain(out, replay->why, LAMBDA_DIFFERENCE_SIZE);
    else
        report_buffer_put(out, "the code asks for what was recorded");
    report_buffer_put(out, "\n  ");
    (void)report_buffer_plain(out, path, 200);
    report_buffer_print(out, ": %u events, %u operations; %u invocations begun",
                        replay->events, replay->operations, replay->begun);
    if (replay->differs)
        report_buffer_print(out, ", the last after event %u", replay->event);
    report_buffer_put(out, "\n");
}

static void put_text(struct report_buffer *out, const char *name,
                     const char *text)
{
    report_buffer_print(out, "    \"%s\": ", name);
    report_buffer_json(out, text, strlen(text));
    report_buffer_put(out, ",\n");
}

void lambda_replay_json(const struct lambda_replay *replay,
                        struct report_buffer *out)
{
    report_buffer_put(out, "{\n");
    put_text(out, "asked", replay->asked);
    report_buffer_print(out, "    \"begun\": %u,\n    \"differs\": %s,\n",
                        replay->begun, replay->differs ? "true" : "false");
    report_buffer_print(out, "    \"event\": %u,\n    \"events\": %u,\n",
                        replay->event, replay->events);
    report_buffer_print(out,
                        "    \"operation\": %u,\n    \"operations\": %u,\n",
                        replay->operation, replay->operations);
    put_text(out, "recorded", replay->recorded);
    put_text(out, "schema", LAMBDA_REPLAY_SCHEMA);
    report_buffer_put(out, "    \"why\": ");
    report_buffer_json(out, replay->why, strlen(replay->why));
    report_buffer_put(out, "\n}\n");
}
