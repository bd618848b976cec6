#include "scenarios/lambda/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "engine/store.h"
#include "scenarios/lambda/answers.h"
#include "scenarios/lambda/storage.h"

/* 2026-01-01: the same for every run, on every machine. */
#define SECOND UINT64_C(1000000000)
#define START_NS UINT64_C(1767225600000000000)

/* The execution beside it, of a function that nobody carries out. */
#define OTHER LAMBDA_OTHER_FUNCTION

enum {
    OTHER_RUN = 2,
    KEYS_MAX = 16384,
    PENDING_MAX = 256,
    INVOCATIONS_MAX = 1000,
    RETENTION_DAYS = 36500,
    IDLE_MAX = 16 /* invocations in a row that record nothing */
};

struct pending {
    struct lambda_alarm alarm;
    struct lambda_bench *bench;
    const struct lambda_answer *answer;
    enum lambda_callback_end end;
    char id[48];
};

struct lambda_bench {
    struct lambda_bench_config config;
    struct event_base *base;
    struct lambda_host *host;
    struct lambda_plan *plan;
    struct lambda_outcome *outcome;
    struct lambda_watch *watch;
    struct lambda_call call;
    char token[LAMBDA_TOKEN_SIZE];      /* of the execution beside it */
    const struct lambda_player *player; /* NULL: the service answers */
    struct json_writer *history;        /* that is asked for; NULL: none */
    char marker[24];                    /* of its next page; "": none */
    bool answered;
    uint32_t idle;     /* invocations in a row that recorded nothing */
    uint64_t recorded; /* when the last one began */
    struct engine_hash keys[KEYS_MAX];
    uint32_t key_count;
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
};

/* What happens ------------------------------------------------------------ */

/* One begins: whether those before it came to anything. */
static void count_invocation(struct lambda_bench *bench)
{
    struct lambda_standing standing;

    bench->outcome->invocations++;
    if (!lambda_service_standing(lambda_host_service(bench->host), 1,
                                 &standing))
        return;
    bench->idle = standing.recorded > bench->recorded ? 0 : bench->idle + 1;
    bench->recorded = standing.recorded;
}

/* More often than a fault can make it. */
static bool is_idle(const struct lambda_bench *bench)
{
    return bench->idle > IDLE_MAX + bench->plan->struck;
}

static void take_boundary(void *self, const struct lambda_boundary *boundary,
                          struct lambda_decision *decision)
{
    struct lambda_bench *bench = self;

    if (!bench->plan || boundary->run != 1)
        return;
    if (boundary->place == LAMBDA_AT_EVENT && !boundary->after)
        count_invocation(bench);
    lambda_plan_boundary(bench->plan, boundary, decision);
    if (decision->act == LAMBDA_SWAP &&
        lambda_service_token(lambda_host_service(bench->host), OTHER_RUN,
                             bench->token))
        decision->token = bench->token;
    else if (decision->act == LAMBDA_SWAP)
        decision->act = LAMBDA_PASS;
    if (decision->act != LAMBDA_PASS)
        lambda_watch_struck(bench->watch);
}

static struct lambda_effect *effect_of(struct lambda_outcome *outcome,
                                       const char *name)
{
    uint32_t i = 0;

    while (i < outcome->effect_count &&
           strcmp(outcome->effects[i].name, name) != 0)
        i++;
    if (i == LAMBDA_EFFECTS_MAX)
        return NULL;
    if (i == outcome->effect_count) {
        snprintf(outcome->effects[i].name, sizeof(outcome->effects[i].name),
                 "%s", name);
        outcome->effect_count++;
    }
    return &outcome->effects[i];
}

/* Whether a key was seen before with this effect; from now on it was. */
static bool is_known(struct lambda_bench *bench, const char *name,
                     const char *key)
{
    struct engine_hash both[2];

    if (!key)
        return false;
    both[0] = engine_hash_bytes(name, strlen(name));
    both[1] = engine_hash_bytes(key, strlen(key));
    const struct engine_hash hash = engine_hash_bytes(both, sizeof(both));
    for (uint32_t i = 0; i < bench->key_count; i++)
        if (engine_hash_equal(bench->keys[i], hash))
            return true;
    if (bench->key_count == KEYS_MAX)
        bench->outcome->keys_full = true;
    else
        bench->keys[bench->key_count++] = hash;
    return false;
}

static void take_effect(void *self, uint64_t run, const char *name,
                        const char *key)
{
    struct lambda_bench *bench = self;
    struct lambda_effect *effect =
        bench->outcome ? effect_of(bench->outcome, name) : NULL;

    (void)run;
    if (!effect)
        return;
    effect->asked++;
    effect->applied += !is_known(bench, name, key);
}

/* How an answer ends its callback. */
static enum lambda_callback_end end_of(const struct lambda_answer *answer)
{
    return answer->fails ? LAMBDA_CALLBACK_FAIL : LAMBDA_CALLBACK_SUCCEED;
}

static void forget_answer(struct lambda_call *call, int status,
                          const char *exception, const void *body, size_t size)
{
    (void)status;
    (void)exception;
    (void)body;
    (void)size;
    free(call);
}

/* What is sent if the fault turns a success into a failure, or back. */
static const char refusal[] = "{\"ErrorType\":\"Refused\",\"ErrorMessage\":"
                              "\"refused instead of answered\"}";

static void answer_callback(struct lambda_alarm *alarm)
{
    struct pending *pending = (void *)alarm;
    const struct lambda_answer *answer = pending->answer;
    struct lambda_call *call = calloc(1, sizeof(*call));
    bool usual = pending->end == end_of(answer);

    if (!call)
        return;
    call->answer = forget_answer;
    lambda_call_callback(lambda_host_service(pending->bench->host), call,
                         pending->id, pending->end,
                         usual ? answer->body : refusal,
                         usual ? answer->size : sizeof(refusal) - 1);
}

static const struct lambda_answer *
find_answer(const struct lambda_bench *bench,
            const struct lambda_callback *callback)
{
    for (uint32_t i = 0; i < bench->config.answer_count; i++) {
        const struct lambda_answer *answer = &bench->config.answers[i];
        if (strlen(answer->name) == callback->name_size &&
            memcmp(answer->name, callback->name, callback->name_size) == 0)
            return answer;
    }
    return NULL;
}

static enum lambda_fault fault_of(struct lambda_bench *bench,
                                  const struct lambda_callback *callback,
                                  bool answered)
{
    struct lambda_point point = {.timed = callback->timeout_ns > 0,
                                 .beating = callback->heartbeat_ns > 0,
                                 .answered = answered};
    enum lambda_fault fault;

    snprintf(point.operation, sizeof(point.operation), "%.*s",
             (int)callback->name_size, callback->name);
    if (!bench->plan || callback->run != 1)
        return LAMBDA_FAULT_NONE;
    fault = lambda_plan_callback(bench->plan, &point);
    if (fault != LAMBDA_FAULT_NONE)
        lambda_watch_struck(bench->watch);
    return fault;
}

static void take_callback(void *self, const struct lambda_callback *callback)
{
    struct lambda_bench *bench = self;
    uint64_t now = lambda_service_now(lambda_host_service(bench->host));
    const struct lambda_answer *answer = find_answer(bench, callback);
    enum lambda_fault fault = fault_of(bench, callback, answer != NULL);
    struct lambda_reply replies[LAMBDA_REPLIES_MAX];
    uint32_t count = 0;

    if (answer)
        count = lambda_answers_plan(
            fault, callback,
            &(struct lambda_reply){answer->delay_ns, end_of(answer)}, replies);
    for (uint32_t i = 0; i < count; i++) {
        struct pending *pending = &bench->pending[bench->pending_count];
        if (bench->pending_count == PENDING_MAX)
            return;
        *pending =
            (struct pending){.alarm = {.at_ns = now + replies[i].after_ns,
                                       .ring = answer_callback},
                             .bench = bench,
                             .answer = answer,
                             .end = replies[i].end};
        snprintf(pending->id, sizeof(pending->id), "%s", callback->id);
        bench->pending_count++;
        lambda_host_alarm(bench->host, &pending->alarm);
    }
}

static void take_reply(void *self, const char *name,
                       struct lambda_response *reply)
{
    const struct lambda_bench *bench = self;

    lambda_effects_reply(bench->config.effects, name, reply);
}

static void take_refused(void *self, const char *function, const char *method,
                         const char *url, const char *why)
{
    const struct lambda_bench *bench = self;

    lambda_effects_refused(bench->config.effects, function, method, url, why);
}

static bool take_asked(void *self, const char *path, const void *body,
                       size_t size, struct lambda_scripted *answer)
{
    const struct lambda_bench *bench = self;

    return bench->player &&
           bench->player->asked(bench->player->self, path, body, size, answer);
}

static void take_returned(void *self, bool threw, const void *body, size_t size)
{
    const struct lambda_bench *bench = self;

    if (bench->player)
        bench->player->returned(bench->player->self, threw, body, size);
}

static void print_line(void *self, const struct lambda_line *line)
{
    const struct lambda_bench *bench = self;

    if (bench->config.logs)
        lambda_logs_put(bench->config.logs, line);
    if (bench->config.quiet || line->platform)
        return;
    if (line->request)
        (void)fprintf(stderr, "[%s %u] %.*s\n", line->request, line->number,
                      (int)line->size, line->text);
    else
        (void)fprintf(stderr, "[%s] %.*s\n", line->function, (int)line->size,
                      line->text);
}

static void take_trouble(void *self, const struct lambda_trouble *trouble)
{
    const struct lambda_bench *bench = self;
    struct lambda_outcome *outcome = bench->outcome;

    if (!outcome)
        return;
    outcome->troubles++;
    snprintf(outcome->trouble, sizeof(outcome->trouble), "%.60s: %.250s",
             trouble->type, trouble->words);
}

/* Nothing came of it for so long a true time. */
static void note_hung(const struct lambda_bench *bench,
                      struct lambda_outcome *outcome)
{
    bool starts = lambda_host_starts(bench->host);

    if (!starts && lambda_host_idle(bench->host))
        return;
    snprintf(outcome->trouble, sizeof(outcome->trouble), "%s",
             starts ? "its process does not ask for work"
                    : "its process computes, or waits for something outside");
    outcome->troubles++;
}

/* The bench --------------------------------------------------------------- */

static bool open_host(struct lambda_bench *bench)
{
    struct lambda_host_config config = {
        .base = bench->base,
        .clock = LAMBDA_CLOCK_SKIP,
        .limits = bench->config.limits,
        .seed = bench->config.seed,
        .start_ns = START_NS,
        .prepared = bench->config.prepared,
        .freezes = bench->config.freezes,
        .page_items = bench->config.page_items,
        .alone = true,
        .abandons = bench->config.abandons,
        .sink = lambda_watch_sink(bench->watch),
        .boundary = take_boundary,
        .effect = take_effect,
        .callback = take_callback,
        .outgoing =
            bench->config.effects ? &bench->config.effects->outgoing : NULL,
        .reply = bench->config.effects ? take_reply : NULL,
        .refused = bench->config.effects ? take_refused : NULL,
        .log = print_line,
        .trouble = take_trouble,
        .asked = take_asked,
        .returned = take_returned,
        .self = bench,
    };

    if (lambda_storage_open(NULL, bench->config.limits, &config.store))
        return false;
    bench->host = lambda_host_new(&config);
    if (!bench->host) {
        config.store.ops->close(config.store.self);
        return false;
    }
    for (uint32_t i = 0; i < bench->config.program_count; i++) {
        struct lambda_program program = bench->config.programs[i];
        /* What is judged at the end must still be there. */
        program.function.retention_days = RETENTION_DAYS;
        if (lambda_host_add(bench->host, &program) == UINT32_MAX)
            return false;
    }
    const struct lambda_program other = {
        .function = {.name = OTHER,
                     .durable = true,
                     .timeout_ns = 900 * SECOND,
                     .execution_timeout_ns = 366 * 86400 * SECOND}};
    return lambda_host_add(bench->host, &other) != UINT32_MAX;
}

struct lambda_bench *lambda_bench_open(const struct lambda_bench_config *config,
                                       char error[256])
{
    struct lambda_bench *bench = calloc(1, sizeof(*bench));

    if (!bench) {
        snprintf(error, 256, "out of memory");
        return NULL;
    }
    bench->config = *config;
    if (bench->config.invocations_max == 0)
        bench->config.invocations_max = INVOCATIONS_MAX;
    if (!bench->config.limits)
        bench->config.limits = engine_limits_at(0);
    bench->base = lambda_http_base();
    bench->watch = lambda_watch_new(bench->config.limits);
    if (bench->base && bench->watch && open_host(bench))
        return bench;
    snprintf(error, 256, "the local service cannot be started: %s",
             strerror(errno));
    lambda_bench_close(bench);
    return NULL;
}

void lambda_bench_close(struct lambda_bench *bench)
{
    if (!bench)
        return;
    lambda_host_free(bench->host);
    lambda_watch_free(bench->watch);
    if (bench->base)
        event_base_free(bench->base);
    free(bench);
}

/* One run ----------------------------------------------------------------- */

static void take_end(struct lambda_call *call, int status,
                     const char *exception, const void *body, size_t size)
{
    struct lambda_bench *bench =
        (void *)((char *)call - offsetof(struct lambda_bench, call));

    (void)status;
    (void)exception;
    (void)body;
    (void)size;
    bench->answered = true;
}

static bool is_over(void *self)
{
    const struct lambda_bench *bench = self;

    if (bench->config.interrupted && *bench->config.interrupted)
        return true;
    if (bench->outcome->invocations > bench->config.invocations_max ||
        is_idle(bench))
        return true;
    return bench->answered && lambda_host_idle(bench->host);
}

static int keep_end(struct lambda_bench *bench, struct lambda_outcome *outcome)
{
    struct lambda_standing standing;

    if (!lambda_service_standing(lambda_host_service(bench->host), 1,
                                 &standing))
        return 0;
    snprintf(outcome->status, sizeof(outcome->status), "%s", standing.status);
    outcome->operations = standing.operations;
    if (!standing.result)
        return 0;
    outcome->virtual_ns = standing.ended_ns - standing.started_ns;
    outcome->result = malloc(standing.size + 1);
    if (!outcome->result)
        return -1;
    memcpy(outcome->result, standing.result, standing.size);
    outcome->result[standing.size] = '\0';
    outcome->result_size = standing.size;
    return 0;
}

static void set_pages(struct lambda_bench *bench, struct lambda_plan *plan)
{
    struct lambda_pages pages = {.items = bench->config.page_items,
                                 .every = bench->config.page_items > 0};

    if (plan->page_items)
        pages = (struct lambda_pages){.items = plan->page_items, .every = true};
    if (plan->fault == LAMBDA_FAULT_PAGES)
        pages = (struct lambda_pages){.items = plan->times, .every = true};
    pages.empty = plan->fault == LAMBDA_FAULT_EMPTY_PAGE;
    lambda_host_set_pages(bench->host, &pages);
}

static bool has_other(const struct lambda_plan *plan)
{
    return plan->fault == LAMBDA_FAULT_FOREIGN_TOKEN ||
           plan->also.fault == LAMBDA_FAULT_FOREIGN_TOKEN;
}

/* Another execution, which nothing may happen to. */
static void begin_other(struct lambda_bench *bench)
{
    struct lambda_call *call = calloc(1, sizeof(*call));

    if (!call)
        return;
    call->answer = forget_answer;
    lambda_call_invoke(lambda_host_service(bench->host), call, OTHER, "$LATEST",
                       "other", LAMBDA_EVENT, "{}", 2);
}

static bool is_untouched(const struct lambda_bench *bench)
{
    struct lambda_standing standing;

    return lambda_service_standing(lambda_host_service(bench->host), OTHER_RUN,
                                   &standing) &&
           standing.operations == 0 && !standing.result;
}

static void end_other(struct lambda_bench *bench)
{
    struct lambda_service *service = lambda_host_service(bench->host);
    struct lambda_call *call = calloc(1, sizeof(*call));

    if (!call)
        return;
    call->answer = forget_answer;
    lambda_call_stop_run(service, call, OTHER_RUN);
    (void)lambda_service_turn(service, lambda_service_now(service));
}

static int begin(struct lambda_bench *bench, struct lambda_plan *plan)
{
    struct engine_store store;

    set_pages(bench, plan);
    if (lambda_storage_open(NULL, bench->config.limits, &store))
        return -1;
    if (lambda_host_begin(bench->host, store, bench->config.seed))
        return -1;
    return lambda_watch_begin(bench->watch, lambda_host_service(bench->host));
}

int lambda_trial(struct lambda_bench *bench, struct lambda_plan *plan,
                 struct lambda_outcome *outcome)
{
    static const enum lambda_end ends[] = {LAMBDA_ENDED, LAMBDA_HUNG,
                                           LAMBDA_STUCK, LAMBDA_DEAD};
    int result;

    memset(outcome, 0, sizeof(*outcome));
    bench->plan = NULL;
    bench->key_count = 0;
    if (bench->config.effects)
        lambda_effects_begin(bench->config.effects);
    bench->pending_count = 0;
    if (begin(bench, plan))
        return -1;
    lambda_plan_begin(plan);
    bench->plan = plan;
    bench->outcome = outcome;
    bench->answered = false;
    bench->idle = 0;
    bench->recorded = 0;
    bench->call = (struct lambda_call){.answer = take_end};
    lambda_call_invoke(lambda_host_service(bench->host), &bench->call,
                       bench->config.programs[0].function.name, "$LATEST",
                       "trial", LAMBDA_REQUEST_RESPONSE, bench->config.event,
                       bench->config.event_size);
    if (has_other(plan))
        begin_other(bench);
    result =
        lambda_host_run(bench->host, is_over, bench, bench->config.patience_ns);
    outcome->end = result < 0 ? LAMBDA_BROKEN : ends[result];
    if (outcome->invocations > bench->config.invocations_max)
        outcome->end = LAMBDA_ENDLESS;
    if (outcome->end == LAMBDA_ENDED && !bench->answered && is_idle(bench))
        outcome->end = LAMBDA_IDLING;
    if (outcome->end == LAMBDA_HUNG)
        note_hung(bench, outcome);
    if (outcome->end == LAMBDA_ENDED && !bench->answered)
        outcome->end = LAMBDA_HUNG; /* Ctrl-C */
    if (plan->fault == LAMBDA_FAULT_PAGES ||
        plan->fault == LAMBDA_FAULT_EMPTY_PAGE)
        plan->struck = 1;
    if (has_other(plan) && outcome->end != LAMBDA_BROKEN) {
        outcome->touched = !is_untouched(bench);
        end_other(bench);
    }
    result = keep_end(bench, outcome);
    if (lambda_watch_end(bench->watch, outcome->end == LAMBDA_STUCK,
                         &outcome->findings))
        result = -1;
    bench->outcome = NULL;
    bench->plan = NULL;
    return plan->failed ? -1 : result;
}

/* One invocation ---------------------------------------------------------- */

bool lambda_bench_interrupted(const struct lambda_bench *bench)
{
    return bench->config.interrupted && *bench->config.interrupted;
}

static bool is_played(void *self)
{
    const struct lambda_bench *bench = self;

    return lambda_bench_interrupted(bench) || lambda_host_idle(bench->host);
}

enum lambda_end lambda_bench_play(struct lambda_bench *bench, uint64_t now_ns,
                                  const void *event, size_t size,
                                  const struct lambda_player *player)
{
    static const enum lambda_end ends[] = {LAMBDA_ENDED, LAMBDA_HUNG,
                                           LAMBDA_STUCK, LAMBDA_DEAD};
    struct lambda_plan plan = {.fault = LAMBDA_FAULT_NONE};
    struct lambda_findings findings = {0};
    int result;

    lambda_host_set_start(bench->host, now_ns);
    if (begin(bench, &plan) || lambda_host_script(bench->host, 0, event, size))
        return LAMBDA_BROKEN;
    bench->player = player;
    result = lambda_host_run(bench->host, is_played, bench,
                             bench->config.patience_ns);
    bench->player = NULL;
    lambda_host_set_start(bench->host, START_NS);
    (void)lambda_watch_end(bench->watch, false, &findings);
    lambda_findings_free(&findings);
    return result < 0 ? LAMBDA_BROKEN : ends[result];
}

/* The history of a trial -------------------------------------------------- */

static void take_history(struct lambda_call *call, int status,
                         const char *exception, const void *body, size_t size)
{
    struct lambda_bench *bench =
        (void *)((char *)call - offsetof(struct lambda_bench, call));
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    const char *marker = "";

    (void)exception;
    bench->history->failed |=
        status != 200 || json_read_bytes("history", body, size, &doc, &error);
    if (!bench->history->failed) {
        struct json_view events = json_member(json_root(doc), "Events");
        for (struct json_view v = json_first(events); v.item;
             v = json_next(v)) {
            char *text = cJSON_PrintUnformatted(v.item);
            json_put_name(bench->history, NULL);
            json_raw(bench->history, "\n", 1);
            if (text)
                json_raw(bench->history, text, strlen(text));
            bench->history->failed |= !text;
            free(text);
        }
        json_get_string(json_root(doc), "NextMarker", JSON_OPTIONAL, 0,
                        sizeof(bench->marker) - 1, &marker, &error);
    }
    snprintf(bench->marker, sizeof(bench->marker), "%s", marker);
    json_free(doc);
}

int lambda_bench_history(struct lambda_bench *bench, struct json_writer *out)
{
    struct lambda_history_query query = {.data = true, .items = 1000};
    char arn[LAMBDA_ARN_SIZE];

    snprintf(arn, sizeof(arn), "%s", bench->call.arn);
    bench->history = out;
    bench->marker[0] = '\0';
    json_write_reset(out);
    json_open(out, NULL);
    json_open_array(out, "Events");
    do {
        char marker[sizeof(bench->marker)];
        memcpy(marker, bench->marker, sizeof(marker));
        query.marker = marker[0] ? marker : NULL;
        bench->call = (struct lambda_call){.answer = take_history};
        lambda_call_history(lambda_host_service(bench->host), &bench->call, arn,
                            &query);
    } while (bench->marker[0] && !out->failed);
    json_close_array(out);
    json_close(out);
    json_raw(out, "\n", 1);
    bench->history = NULL;
    return out->failed ? -1 : 0;
}

const char *lambda_outcome_why(const struct lambda_outcome *outcome,
                               char out[LAMBDA_END_SIZE])
{
    static const char *const words[] = {
        [LAMBDA_ENDED] = "",
        [LAMBDA_STUCK] = "it does not end: nothing is due and nothing is "
                         "under way",
        [LAMBDA_HUNG] = "it has not ended in the true time that --patience "
                        "gives: invocation %u is under way",
        [LAMBDA_DEAD] = "its process ends before it asks for work",
        [LAMBDA_BROKEN] = "the service failed",
        [LAMBDA_ENDLESS] = "it has not ended when invocation %u begins, and "
                           "--invocations allows no more",
        [LAMBDA_IDLING] = "it does not end: the last of its %u invocations "
                          "broke off one after the other and recorded nothing"};

    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    snprintf(out, LAMBDA_END_SIZE, words[outcome->end], outcome->invocations);
    return out;
}

void lambda_outcome_free(struct lambda_outcome *outcome)
{
    free(outcome->result);
    lambda_findings_free(&outcome->findings);
    memset(outcome, 0, sizeof(*outcome));
}
