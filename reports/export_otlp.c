/*
 * OTLP traces as JSON, a line for each run: hexadecimal ids, whole numbers of
 * 64 bits as strings. Ids follow from the digest of the records, the number
 * of the run and the record that begins a span, so the same run of the world
 * has the same ids everywhere.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "reports/activities.h"
#include "reports/export.h"
#include "reports/fold.h"
#include "reports/format.h"

enum {
    SPAN_INTERNAL = 1,
    STATUS_OK = 1,
    STATUS_ERROR = 2
};

struct otlp {
    struct report_buffer *out;
    const struct report_activities *told;
    const struct report_facts *facts;
    struct engine_hash trace; /* of the run under way */
    uint32_t *first;          /* [count], of a run: its first span; 0: none */
    uint32_t *next;           /* [count], the next of the same run; 0: none */
    uint32_t *last;           /* [count] */
};

static void put_little(uint8_t *bytes, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static struct engine_hash hash_of(struct engine_hash from, uint64_t a,
                                  uint64_t b)
{
    uint8_t bytes[32];
    put_little(bytes, from.lo);
    put_little(bytes + 8, from.hi);
    put_little(bytes + 16, a);
    put_little(bytes + 24, b);
    return engine_hash_bytes(bytes, sizeof(bytes));
}

/* An id of zeroes is none. */
static struct engine_hash trace_id(struct engine_hash digest, uint64_t run)
{
    struct engine_hash id = hash_of(digest, run, 0);
    if (id.lo == 0 && id.hi == 0)
        id.lo = 1;
    return id;
}

static uint64_t span_id(struct engine_hash trace,
                        const struct report_activity *activity)
{
    struct engine_hash id =
        hash_of(trace, activity->index, (uint64_t)activity->kind + 1);
    return id.lo ? id.lo : 1;
}

static void put_text(struct report_buffer *out, const char *name,
                     const char *text)
{
    report_buffer_print(out,
                        "{\"key\":\"%s\",\"value\":{\"stringValue\":", name);
    report_buffer_json(out, text, strlen(text));
    report_buffer_put(out, "}}");
}

static void put_number(struct report_buffer *out, const char *name,
                       uint64_t value)
{
    report_buffer_print(
        out, ",{\"key\":\"%s\",\"value\":{\"intValue\":\"%" PRIu64 "\"}}", name,
        value);
}

static void put_more(struct report_buffer *out, const char *name,
                     const char *text)
{
    report_buffer_put(out, ",");
    put_text(out, name, text);
}

static void put_resource(struct otlp *otlp, const struct report_activity *run)
{
    struct report_buffer *out = otlp->out;
    struct report_word digest, seed;
    char word[120];
    report_buffer_put(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":"
                           "[");
    put_text(out, "service.name", report_activity_name(otlp->told, run, word));
    put_more(out, "perdure.scenario", otlp->facts->scenario);
    put_more(out, "perdure.digest",
             report_format_digest(&digest, otlp->facts->digest));
    snprintf(seed.text, sizeof(seed.text), "%" PRIu64, otlp->facts->seed);
    put_more(out, "perdure.seed", seed.text);
    put_more(out, "perdure.time", "virtual");
    put_number(out, "perdure.runs_left_out", otlp->told->runs_left_out);
    put_number(out, "perdure.records_left_out", otlp->told->records_left_out);
    report_buffer_put(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":"
                           "\"perdure\",\"version\":");
    report_buffer_json(out, otlp->facts->version, strlen(otlp->facts->version));
    report_buffer_put(out, "},\"spans\":[");
}

static void put_attributes(struct otlp *otlp,
                           const struct report_activity *activity)
{
    struct report_buffer *out = otlp->out;
    char word[24];
    report_buffer_put(out, ",\"attributes\":[");
    put_text(out, "perdure.kind", report_activity_kind_name(activity->kind));
    put_more(out, "perdure.end", report_activity_end_name(activity->end));
    if (activity->kind == REPORT_ACTIVITY_RUN) {
        put_number(out, "perdure.run", activity->number);
        put_more(out, "perdure.state", fold_state_name(activity->state));
    } else if (activity->kind != REPORT_ACTIVITY_LEASE) {
        put_number(out, "perdure.operation", activity->op);
    }
    if (activity->attempt)
        put_number(out, "perdure.attempt", activity->attempt);
    if (activity->token)
        put_number(out, "perdure.token", activity->token);
    if (activity->error)
        put_more(out, "error.type", engine_error_name(activity->error));
    if (activity->node != REPORT_ACTIVITY_NONE)
        put_more(out, "perdure.node",
                 report_activity_node(otlp->told, activity->node, word));
    report_buffer_put(out, "]");
}

/* The attempt that this one repeats, in the same trace. */
static void put_link(struct otlp *otlp, const struct report_activity *activity)
{
    if (activity->before == REPORT_ACTIVITY_NONE)
        return;
    report_buffer_print(
        otlp->out,
        ",\"links\":[{\"traceId\":\"%016" PRIx64 "%016" PRIx64
        "\",\"spanId\":\"%016" PRIx64 "\"}]",
        otlp->trace.hi, otlp->trace.lo,
        span_id(otlp->trace, &otlp->told->list[activity->before]));
}

static void put_status(struct otlp *otlp,
                       const struct report_activity *activity)
{
    struct report_buffer *out = otlp->out;
    const char *why = activity->error ? engine_error_name(activity->error)
                      : activity->kind == REPORT_ACTIVITY_RUN
                          ? fold_state_name(activity->state)
                          : report_activity_end_name(activity->end);
    switch (activity->end) {
    case REPORT_ACTIVITY_OPEN:
        report_buffer_put(out, ",\"status\":{}");
        break;
    case REPORT_ACTIVITY_DONE:
        report_buffer_print(out, ",\"status\":{\"code\":%d}", STATUS_OK);
        break;
    case REPORT_ACTIVITY_FAILED:
    case REPORT_ACTIVITY_CUT:
        report_buffer_put(out, ",\"status\":{\"message\":");
        report_buffer_json(out, why, strlen(why));
        report_buffer_print(out, ",\"code\":%d}", STATUS_ERROR);
        break;
    }
}

static void put_span(struct otlp *otlp, uint32_t place)
{
    struct report_buffer *out = otlp->out;
    const struct report_activity *activity = &otlp->told->list[place];
    char word[120];
    const char *name = report_activity_name(otlp->told, activity, word);
    report_buffer_print(out,
                        "{\"traceId\":\"%016" PRIx64 "%016" PRIx64
                        "\",\"spanId\":\"%016" PRIx64 "\"",
                        otlp->trace.hi, otlp->trace.lo,
                        span_id(otlp->trace, activity));
    if (activity->parent != REPORT_ACTIVITY_NONE)
        report_buffer_print(
            out, ",\"parentSpanId\":\"%016" PRIx64 "\"",
            span_id(otlp->trace, &otlp->told->list[activity->parent]));
    report_buffer_put(out, ",\"name\":");
    report_buffer_json(out, name, strlen(name));
    report_buffer_print(out,
                        ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRIu64
                        "\",\"endTimeUnixNano\":\"%" PRIu64 "\"",
                        SPAN_INTERNAL, activity->from_ns, activity->to_ns);
    put_attributes(otlp, activity);
    put_link(otlp, activity);
    put_status(otlp, activity);
    report_buffer_put(out, "}");
}

static void put_run(struct otlp *otlp, uint32_t place)
{
    const struct report_activity *run = &otlp->told->list[place];
    otlp->trace = trace_id(otlp->facts->digest, run->number);
    put_resource(otlp, run);
    put_span(otlp, place);
    for (uint32_t i = otlp->first[place]; i; i = otlp->next[i]) {
        report_buffer_put(otlp->out, ",");
        put_span(otlp, i);
    }
    report_buffer_put(otlp->out, "]}]}]}\n");
}

/* Spans by run; a run is the first of its own and never the next of any. */
static void group(struct otlp *otlp)
{
    for (uint32_t i = 0; i < otlp->told->count; i++) {
        uint32_t run = otlp->told->list[i].run;
        if (run == i)
            continue;
        if (otlp->last[run])
            otlp->next[otlp->last[run]] = i;
        else
            otlp->first[run] = i;
        otlp->last[run] = i;
    }
}

void report_export_otlp(const struct report_activities *told,
                        const struct report_facts *facts,
                        struct report_buffer *out)
{
    size_t size = (size_t)told->count + 1;
    struct otlp otlp = {.out = out,
                        .told = told,
                        .facts = facts,
                        .first = calloc(size, sizeof(uint32_t)),
                        .next = calloc(size, sizeof(uint32_t)),
                        .last = calloc(size, sizeof(uint32_t))};
    if (otlp.first && otlp.next && otlp.last) {
        group(&otlp);
        for (uint32_t i = 0; i < told->count; i++)
            if (told->list[i].kind == REPORT_ACTIVITY_RUN)
                put_run(&otlp, i);
    } else {
        out->failed = 1;
    }
    free(otlp.first);
    free(otlp.next);
    free(otlp.last);
}
