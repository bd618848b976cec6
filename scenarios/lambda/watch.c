#include "scenarios/lambda/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_each.h"
#include "scenarios/lambda/legal.h"

#define SECOND UINT64_C(1000000000)
#define LEASE_NS (3600 * SECOND)

enum {
    RUNS_MAX = 256, /* executions that are started, not invoked */
    EXECUTIONS_MAX = 1024,
    NODES = LAMBDA_NODE_WORKER + 2,
    PAGE = 1000
};

/* Those that make sense of one coordinator, one store, and processes that are
 * not the engine's own workers. */
static const struct check_ops *const judged[] = {
    &check_durability, &check_fencing,    &check_exclusivity,
    &check_attempts,   &check_terminal,   &check_causality,
    &check_projection, &check_operations, &check_conserved,
    &check_limits,     &check_inbox,      &check_children,
    &check_progress,   &check_timers,     NULL};

struct lambda_watch {
    struct engine_sink sink;
    struct check_world world;
    const struct engine_limits *limits;
    struct check_suite *suite; /* NULL: nothing is watched */
    struct lambda_service *service;
    struct lambda_using using;
    uint64_t audited;
    /* While histories are read: */
    struct lambda_findings *findings;
    struct lambda_property legal;
    char (*arns)[LAMBDA_ARN_SIZE];
    char (*statuses)[16];
    uint32_t arn_count;
    bool failed; /* out of memory */
};

/* Records ------------------------------------------------------------------ */

static void feed(struct lambda_watch *watch, const struct engine_record *given)
{
    struct engine_record record = *given;

    if (!watch->suite)
        return;
    record.time_ns = lambda_service_now(watch->service);
    record.wall_ns = record.time_ns;
    record.mono_ns = record.time_ns;
    check_suite_feed(watch->suite, &record, 1);
    lambda_use_record(&watch->using, &record);
}

/* A client is told of a start once it is durable. */
static void tell_start(struct lambda_watch *watch,
                       const struct engine_record *record)
{
    const struct engine_record told = {.kind = ENGINE_REC_START_OK,
                                       .node = LAMBDA_NODE_CLIENT,
                                       .op = UINT32_MAX,
                                       .run = record->run};

    if (record->kind == ENGINE_REC_APPENDED &&
        record->detail == ENGINE_REQ_CREATE && record->run <= RUNS_MAX)
        feed(watch, &told);
}

static void take_record(void *self, const struct engine_record *record)
{
    feed(self, record);
    tell_start(self, record);
}

static int audit_row(void *self, const struct engine_log_row *row)
{
    struct lambda_watch *watch = self;
    const struct engine_record record = {.kind = ENGINE_REC_AUDIT_ROW,
                                         .node = LAMBDA_NODE_STORE,
                                         .op = UINT32_MAX,
                                         .run = row->run,
                                         .token = row->token,
                                         .key = row->hash.lo,
                                         .key_hi = row->hash.hi,
                                         .a = row->seq,
                                         .b = row->position,
                                         .count = row->count};

    feed(watch, &record);
    watch->audited++;
    return 0;
}

static int audit_run(void *self, const struct engine_run_row *row)
{
    const struct engine_record record = {.kind = ENGINE_REC_AUDIT_RUN,
                                         .node = LAMBDA_NODE_STORE,
                                         .op = UINT32_MAX,
                                         .run = row->run,
                                         .token = row->token,
                                         .a = row->next_seq,
                                         .b = row->tail,
                                         .key = row->hash.lo,
                                         .key_hi = row->hash.hi,
                                         .state = (uint16_t)row->state};

    feed(self, &record);
    return 0;
}

static int audit_work(void *self, uint64_t run, const struct engine_item *item)
{
    const struct engine_record record = {.kind = ENGINE_REC_AUDIT_WORK,
                                         .node = LAMBDA_NODE_STORE,
                                         .run = run,
                                         .op = item->op,
                                         .attempt = item->attempt,
                                         .detail = item->kind};

    feed(self, &record);
    return 0;
}

static void audit(struct lambda_watch *watch)
{
    const struct engine_store *store = lambda_service_store(watch->service);
    int error = store->ops->scan_log(store->self, 0, audit_row, watch);

    if (!error)
        error = store->ops->scan_runs(store->self, audit_run, watch);
    if (!error)
        error = store->ops->scan_work(store->self, audit_work, watch);
    const struct engine_record done = {.kind = ENGINE_REC_AUDIT_DONE,
                                       .node = LAMBDA_NODE_STORE,
                                       .op = UINT32_MAX,
                                       .b = watch->audited,
                                       .count = error ? 1 : 0,
                                       .detail = 1};
    feed(watch, &done);
}

void lambda_watch_struck(struct lambda_watch *watch)
{
    const struct engine_record record = {.kind = ENGINE_REC_FAULT,
                                         .node = LAMBDA_NODE_WORKER,
                                         .op = UINT32_MAX,
                                         .detail = ENGINE_ACT_CRASH};

    feed(watch, &record);
}

/* Findings ----------------------------------------------------------------- */

static struct lambda_property *add_property(struct lambda_findings *findings)
{
    if (findings->property_count == LAMBDA_PROPERTIES_MAX)
        return NULL;
    return &findings->properties[findings->property_count++];
}

static void keep_results(struct lambda_watch *watch)
{
    size_t count;
    const struct check_result *results =
        check_suite_finish(watch->suite, &count);

    for (size_t i = 0; i < count; i++) {
        struct lambda_property *property = add_property(watch->findings);
        if (!property)
            return;
        *property =
            (struct lambda_property){.id = results[i].id,
                                     .name = results[i].name,
                                     .unit = results[i].unit,
                                     .verdict = results[i].verdict,
                                     .checked = results[i].checked,
                                     .violations = results[i].violations};
        if (results[i].violations)
            snprintf(property->why, sizeof(property->why), "%.*s",
                     LAMBDA_PROPERTY_WHY - 1, results[i].first.text);
    }
}

/* Histories ---------------------------------------------------------------- */

/* Who asks the API; the answer comes before the call returns. */
struct asking {
    struct lambda_call call;
    struct lambda_watch *watch;
    struct lambda_legal legal;
    bool first; /* of the execution that is tried */
    bool metered;
    uint64_t began_us;
    uint32_t room;
    char marker[40]; /* of the next page, "": there is none */
    bool answered;
};

static void tell(struct asking *asking, const struct lambda_event *event)
{
    struct lambda_findings *findings = asking->watch->findings;

    if (findings->history_count == asking->room) {
        uint32_t room = asking->room ? 2 * asking->room : 64;
        struct lambda_told *history =
            realloc(findings->history, room * sizeof(*history));
        if (!history) {
            asking->watch->failed = true;
            return;
        }
        findings->history = history;
        asking->room = room;
    }
    struct lambda_told *told = &findings->history[findings->history_count++];
    *told = (struct lambda_told){.since_us = event->time_us - asking->began_us,
                                 .attempt = event->attempt,
                                 .again = event->again};
    snprintf(told->type, sizeof(told->type), "%s", event->type);
    snprintf(told->subtype, sizeof(told->subtype), "%s", event->subtype);
    snprintf(told->name, sizeof(told->name), "%s",
             event->name[0] ? event->name : event->id);
}

static void take_event(struct asking *asking, struct json_view view,
                       struct json_error *err)
{
    struct lambda_event event;

    if (!lambda_event_read(view, &event, err))
        return;
    if (event.number == 1)
        asking->began_us = event.time_us;
    (void)lambda_legal_add(&asking->legal, &event);
    if (asking->metered)
        lambda_use_event(&asking->watch->using, &event, asking->first);
    if (asking->first)
        tell(asking, &event);
}

static void keep_marker(struct asking *asking, struct json_view page)
{
    struct json_view marker = json_member(page, "NextMarker");

    snprintf(asking->marker, sizeof(asking->marker), "%s",
             marker.item && cJSON_IsString(marker.item)
                 ? marker.item->valuestring
                 : "");
}

static void take_page(struct lambda_call *call, int status,
                      const char *exception, const void *body, size_t size)
{
    struct asking *asking = (void *)call;
    struct json_error err = {0};
    struct json_doc *doc = NULL;

    asking->marker[0] = '\0';
    if (status == 200 &&
        json_read_bytes("history", body, size, &doc, &err) == 0) {
        struct json_view events = json_member(json_root(doc), "Events");
        for (struct json_view v = json_first(events); v.item; v = json_next(v))
            take_event(asking, v, &err);
        keep_marker(asking, json_root(doc));
    }
    if ((status != 200 || err.code) && !asking->legal.why[0])
        snprintf(asking->legal.why, sizeof(asking->legal.why),
                 "it cannot be read: %.180s",
                 err.code    ? err.text
                 : exception ? exception
                             : "no answer");
    asking->answered = true;
    json_free(doc);
}

static void judge_history(struct lambda_watch *watch, uint32_t index)
{
    struct asking asking = {.call = {.answer = take_page}, .watch = watch};
    char marker[sizeof(asking.marker)];

    asking.first = index == 0;
    asking.metered =
        !strstr(watch->arns[index], ":function:" LAMBDA_OTHER_FUNCTION ":");
    do {
        const struct lambda_history_query query = {.items = PAGE,
                                                   .marker = marker};
        memcpy(marker, asking.marker, sizeof(marker));
        asking.answered = false;
        lambda_call_history(watch->service, &asking.call, watch->arns[index],
                            &query);
    } while (asking.answered && asking.marker[0]);
    watch->legal.checked += asking.legal.events;
    if (!lambda_legal_end(&asking.legal, watch->statuses[index])) {
        watch->legal.violations++;
        if (!watch->legal.why[0])
            snprintf(watch->legal.why, sizeof(watch->legal.why), "%s",
                     asking.legal.why);
    }
    watch->failed = watch->failed || asking.legal.failed;
    lambda_legal_free(&asking.legal);
}

static void take_list(struct lambda_call *call, int status,
                      const char *exception, const void *body, size_t size)
{
    struct asking *asking = (void *)call;
    struct lambda_watch *watch = asking->watch;
    struct json_error err = {0};
    struct json_doc *doc = NULL;

    (void)exception;
    asking->marker[0] = '\0';
    if (status != 200 || json_read_bytes("list", body, size, &doc, &err) != 0)
        return;
    struct json_view list = json_member(json_root(doc), "DurableExecutions");
    for (struct json_view v = json_first(list);
         v.item && watch->arn_count < EXECUTIONS_MAX; v = json_next(v)) {
        const char *arn = "", *state = "";
        json_get_string(v, "DurableExecutionArn", JSON_REQUIRED, 1,
                        LAMBDA_ARN_SIZE - 1, &arn, &err);
        json_get_string(v, "Status", JSON_REQUIRED, 1, 15, &state, &err);
        snprintf(watch->arns[watch->arn_count], LAMBDA_ARN_SIZE, "%s", arn);
        snprintf(watch->statuses[watch->arn_count++], 16, "%s", state);
    }
    keep_marker(asking, json_root(doc));
    json_free(doc);
}

/* The execution that is tried is the oldest of the first function. */
static void list_executions(struct lambda_watch *watch)
{
    for (uint32_t f = 0; f < lambda_service_functions(watch->service); f++) {
        struct asking asking = {.call = {.answer = take_list}, .watch = watch};
        char marker[sizeof(asking.marker)];
        do {
            const struct lambda_list_query query = {
                .items = PAGE, .reverse = true, .marker = marker};
            memcpy(marker, asking.marker, sizeof(marker));
            lambda_call_list(watch->service, &asking.call,
                             lambda_service_function(watch->service, f)->name,
                             &query);
        } while (asking.marker[0] && watch->arn_count < EXECUTIONS_MAX);
    }
}

static void judge_histories(struct lambda_watch *watch)
{
    struct lambda_property *property = add_property(watch->findings);

    watch->legal = (struct lambda_property){
        .id = "H1", .name = "legal history", .unit = "events"};
    watch->arn_count = 0;
    list_executions(watch);
    for (uint32_t i = 0; i < watch->arn_count; i++)
        judge_history(watch, i);
    watch->legal.verdict = watch->legal.violations ? CHECK_FAIL
                           : watch->legal.checked  ? CHECK_PASS
                                                   : CHECK_INCONCLUSIVE;
    if (property)
        *property = watch->legal;
}

/* Life --------------------------------------------------------------------- */

static void stop(struct lambda_watch *watch)
{
    check_suite_free(watch->suite);
    watch->suite = NULL;
    watch->service = NULL;
}

static void fill_world(struct lambda_watch *watch)
{
    const struct engine_limits *limits = watch->limits;

    watch->world = (struct check_world){
        .graph_count = LAMBDA_FUNCTIONS_MAX,
        .runs_max = RUNS_MAX,
        .node_count = NODES,
        .store_node = LAMBDA_NODE_STORE,
        .lease_ttl_ns = LEASE_NS,
        .claim_ttl_ns = LEASE_NS,
        .scan_ns = LEASE_NS,
        .skew_bound_ns = LEASE_NS / 100,
        .request_timeout_ns = LEASE_NS / 4,
        .timer_slack_ns = LEASE_NS,
        .progress_bound_ns = 24 * LEASE_NS,
        .worker_first = LAMBDA_NODE_WORKER,
        .worker_slots = 1,
        .op_payload_max = 8 << 20,
        .history_ops_max = 1 << 20,
        .operations_max = limits->operations_max,
        .value_max = limits->operation_payload_max,
        .wait_min_ns = limits->wait_min_ns,
        .batch_updates_max = limits->batch_updates_max,
        .invoke_depth_max = limits->invoke_depth_max,
        .envelope = {0, 0, 1, 1},
        .honest_effects = 1,
    };
}

struct lambda_watch *lambda_watch_new(const struct engine_limits *limits)
{
    struct lambda_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return NULL;
    watch->limits = limits;
    watch->sink = (struct engine_sink){take_record, watch};
    fill_world(watch);
    watch->arns = calloc(EXECUTIONS_MAX, sizeof(*watch->arns));
    watch->statuses = calloc(EXECUTIONS_MAX, sizeof(*watch->statuses));
    if (watch->arns && watch->statuses)
        return watch;
    lambda_watch_free(watch);
    return NULL;
}

void lambda_watch_free(struct lambda_watch *watch)
{
    if (!watch)
        return;
    stop(watch);
    free(watch->arns);
    free(watch->statuses);
    free(watch);
}

const struct engine_sink *lambda_watch_sink(const struct lambda_watch *watch)
{
    return &watch->sink;
}

int lambda_watch_begin(struct lambda_watch *watch,
                       struct lambda_service *service)
{
    stop(watch);
    memset(&watch->using, 0, sizeof(watch->using));
    watch->audited = 0;
    watch->failed = false;
    watch->world.graphs = lambda_service_graphs(service);
    watch->service = service;
    watch->suite = check_suite_of(&watch->world, judged);
    return watch->suite ? 0 : -1;
}

int lambda_watch_end(struct lambda_watch *watch, bool over,
                     struct lambda_findings *findings)
{
    const struct engine_record end = {
        .kind = ENGINE_REC_WORLD_END, .op = UINT32_MAX, .a = over ? 0 : 1};

    memset(findings, 0, sizeof(*findings));
    watch->findings = findings;
    audit(watch);
    feed(watch, &end);
    judge_histories(watch);
    keep_results(watch);
    findings->use = watch->using.use;
    watch->findings = NULL;
    stop(watch);
    return watch->failed ? -1 : 0;
}

void lambda_findings_free(struct lambda_findings *findings)
{
    free(findings->history);
    memset(findings, 0, sizeof(*findings));
}
