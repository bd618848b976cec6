/*
 * The trace event format of Chrome, as Perfetto and the developer tools read
 * it. What is one at a time, code in a slot of its process, is a complete
 * event, "X", on a thread; all else overlaps and is a pair of asynchronous
 * ones with an id of its own. Times are microseconds since the first record,
 * exact to the nanosecond.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/activities.h"
#include "reports/export.h"
#include "reports/fold.h"
#include "reports/format.h"

enum {
    PID_RUNS = 1,
    PID_NODES = 100, /* and its number */
    SUBJECT_COLUMNS = 300
};

enum event_kind {
    EVENT_BEGIN,
    EVENT_MARK,
    EVENT_COUNTER,
    EVENT_FLOW_FROM,
    EVENT_FLOW_TO,
    EVENT_END
};

/* One event; what it is about by place. */
struct event {
    uint64_t time_ns;
    enum event_kind kind;
    uint32_t place;
};

struct chrome {
    struct report_buffer *out;
    const struct report_activities *told;
    const struct report_stats *stats;
    struct event *events;
    size_t count;
};

static int by_time(const void *a, const void *b)
{
    const struct event *left = a;
    const struct event *right = b;
    if (left->time_ns != right->time_ns)
        return left->time_ns < right->time_ns ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return (left->place > right->place) - (left->place < right->place);
}

static void add(struct chrome *chrome, uint64_t time_ns, enum event_kind kind,
                uint32_t place)
{
    chrome->events[chrome->count++] = (struct event){time_ns, kind, place};
}

/* It runs in a slot: on a thread of its process. */
static bool has_thread(const struct report_activity *activity)
{
    return activity->kind == REPORT_ACTIVITY_CODE &&
           activity->slot != REPORT_ACTIVITY_NONE;
}

static bool is_repeated(const struct chrome *chrome,
                        const struct report_activity *activity)
{
    return has_thread(activity) && activity->before != REPORT_ACTIVITY_NONE &&
           has_thread(&chrome->told->list[activity->before]);
}

/* 0, or -1 when out of memory. */
static int order(struct chrome *chrome)
{
    const struct report_activities *told = chrome->told;
    size_t most = (size_t)told->count * 4 + told->mark_count +
                  chrome->stats->bucket_count + 1;
    chrome->events = calloc(most, sizeof(*chrome->events));
    if (!chrome->events)
        return -1;
    for (uint32_t i = 0; i < told->count; i++) {
        const struct report_activity *each = &told->list[i];
        add(chrome, each->from_ns, EVENT_BEGIN, i);
        if (!has_thread(each))
            add(chrome, each->to_ns, EVENT_END, i);
        if (is_repeated(chrome, each)) {
            add(chrome, told->list[each->before].from_ns, EVENT_FLOW_FROM, i);
            add(chrome, each->from_ns, EVENT_FLOW_TO, i);
        }
    }
    for (uint32_t i = 0; i < told->mark_count; i++)
        add(chrome, told->marks[i].time_ns, EVENT_MARK, i);
    for (uint32_t i = 0; i < chrome->stats->bucket_count; i++)
        add(chrome, chrome->stats->first_ns + i * chrome->stats->bucket_ns,
            EVENT_COUNTER, i);
    qsort(chrome->events, chrome->count, sizeof(*chrome->events), by_time);
    return 0;
}

/* Microseconds, all digits. */
static void put_us(struct report_buffer *out, const char *name, uint64_t ns)
{
    report_buffer_print(out, ",\"%s\":%" PRIu64 ".%03u", name, ns / 1000,
                        (unsigned)(ns % 1000));
}

static void put_text(struct report_buffer *out, const char *name,
                     const char *text)
{
    report_buffer_print(out, ",\"%s\":", name);
    report_buffer_json(out, text, strlen(text));
}

static uint32_t pid_of(uint32_t node)
{
    return node == REPORT_ACTIVITY_NONE ? PID_RUNS : PID_NODES + node;
}

/* Begins an event; put_us() and what its phase needs come after. */
static void open_event(struct chrome *chrome, const char *phase, uint32_t pid,
                       uint32_t tid, uint64_t time_ns)
{
    uint64_t first = chrome->stats->first_ns;
    report_buffer_print(
        chrome->out, ",\n{\"ph\":\"%s\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32,
        phase, pid, tid);
    put_us(chrome->out, "ts", time_ns > first ? time_ns - first : 0);
}

static void open_activity(struct chrome *chrome, const char *phase,
                          const struct report_activity *activity,
                          uint64_t time_ns)
{
    char word[120];
    bool thread = has_thread(activity);
    open_event(chrome, phase, thread ? pid_of(activity->node) : PID_RUNS,
               thread ? activity->slot + 1 : 0, time_ns);
    put_text(chrome->out, "cat", report_activity_kind_name(activity->kind));
    put_text(chrome->out, "name",
             report_activity_name(chrome->told, activity, word));
}

static void put_arguments(struct chrome *chrome,
                          const struct report_activity *activity)
{
    struct report_buffer *out = chrome->out;
    const struct report_activities *told = chrome->told;
    char word[24];
    bool run = activity->kind == REPORT_ACTIVITY_RUN;
    report_buffer_print(out, ",\"args\":{\"run\":%" PRIu64,
                        told->list[activity->run].number);
    put_text(out, "end", report_activity_end_name(activity->end));
    if (run)
        put_text(out, "state", fold_state_name(activity->state));
    else if (activity->kind != REPORT_ACTIVITY_LEASE)
        report_buffer_print(out, ",\"operation\":%" PRIu32, activity->op);
    if (activity->attempt)
        report_buffer_print(out, ",\"attempt\":%" PRIu32, activity->attempt);
    if (activity->token)
        report_buffer_print(out, ",\"token\":%" PRIu64, activity->token);
    if (activity->error)
        put_text(out, "error", engine_error_name(activity->error));
    if (activity->node != REPORT_ACTIVITY_NONE)
        put_text(out, "node", report_activity_node(told, activity->node, word));
    report_buffer_put(out, "}");
}

static void put_begin(struct chrome *chrome, uint32_t place)
{
    const struct report_activity *activity = &chrome->told->list[place];
    bool thread = has_thread(activity);
    open_activity(chrome, thread ? "X" : "b", activity, activity->from_ns);
    if (thread)
        put_us(chrome->out, "dur", activity->to_ns - activity->from_ns);
    else
        report_buffer_print(chrome->out, ",\"id\":\"0x%" PRIx32 "\"",
                            place + 1);
    put_arguments(chrome, activity);
    report_buffer_put(chrome->out, "}");
}

static void put_end(struct chrome *chrome, uint32_t place)
{
    const struct report_activity *activity = &chrome->told->list[place];
    open_activity(chrome, "e", activity, activity->to_ns);
    report_buffer_print(chrome->out, ",\"id\":\"0x%" PRIx32 "\"}", place + 1);
}

/* Arrows from the attempt before: each end lies on the beginning of one. */
static void put_flow(struct chrome *chrome, uint32_t place, bool from)
{
    const struct report_activity *to = &chrome->told->list[place];
    const struct report_activity *end =
        from ? &chrome->told->list[to->before] : to;
    open_event(chrome, from ? "s" : "f", pid_of(end->node), end->slot + 1,
               end->from_ns);
    put_text(chrome->out, "cat", report_activity_kind_name(end->kind));
    report_buffer_print(chrome->out,
                        ",\"name\":\"again\",\"id\":\"0x%" PRIx32 "\"%s}",
                        place + 1, from ? "" : ",\"bp\":\"e\"");
}

static void put_mark(struct chrome *chrome, uint32_t place)
{
    const struct report_activity_mark *mark = &chrome->told->marks[place];
    char word[120];
    open_event(chrome, "i", pid_of(mark->node), 0, mark->time_ns);
    report_activity_mark_name(chrome->told, mark, word);
    put_text(chrome->out, "name", word);
    put_text(chrome->out, "cat",
             mark->point == REPORT_ACTIVITY_NONE ? "process" : "fault");
    report_buffer_put(chrome->out, ",\"s\":\"p\"}");
}

static void put_counter(struct chrome *chrome, uint64_t time_ns, uint32_t place)
{
    const struct report_bucket *bucket = &chrome->stats->buckets[place];
    open_event(chrome, "C", PID_RUNS, 0, time_ns);
    report_buffer_print(
        chrome->out,
        ",\"name\":\"runs in flight\",\"args\":{\"runs\":%" PRIu64 "}}",
        bucket->in_flight);
    open_event(chrome, "C", PID_RUNS, 0, time_ns);
    report_buffer_print(chrome->out,
                        ",\"name\":\"backlog\",\"args\":{\"attempts\":%" PRIu64
                        "}}",
                        bucket->backlog);
}

static void put_event(struct chrome *chrome, const struct event *event)
{
    switch (event->kind) {
    case EVENT_BEGIN:
        put_begin(chrome, event->place);
        break;
    case EVENT_END:
        put_end(chrome, event->place);
        break;
    case EVENT_MARK:
        put_mark(chrome, event->place);
        break;
    case EVENT_COUNTER:
        put_counter(chrome, event->time_ns, event->place);
        break;
    case EVENT_FLOW_FROM:
    case EVENT_FLOW_TO:
        put_flow(chrome, event->place, event->kind == EVENT_FLOW_FROM);
        break;
    }
}

/* Names of processes and threads --------------------------------------------
 */

static void put_name(struct report_buffer *out, const char *kind, uint32_t pid,
                     uint32_t tid, const char *name)
{
    report_buffer_print(out,
                        ",\n{\"ph\":\"M\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32
                        ",\"name\":\"%s\",\"args\":{\"name\":",
                        pid, tid, kind);
    report_buffer_json(out, name, strlen(name));
    report_buffer_put(out, "}}");
}

static void put_order(struct report_buffer *out, uint32_t pid)
{
    report_buffer_print(out,
                        ",\n{\"ph\":\"M\",\"pid\":%" PRIu32
                        ",\"tid\":0,\"name\":\"process_sort_index\","
                        "\"args\":{\"sort_index\":%" PRIu32 "}}",
                        pid, pid);
}

/* Slots that are used on a node, as bits; a node with marks has its process. */
struct used {
    uint64_t slots;
    bool any;
};

static void put_node(struct chrome *chrome, uint32_t node,
                     const struct used *used)
{
    char word[24];
    struct report_word slot;
    uint32_t pid = pid_of(node);
    put_name(chrome->out, "process_name", pid, 0,
             report_activity_node(chrome->told, node, word));
    put_order(chrome->out, pid);
    for (uint32_t i = 0; i < REPORT_ACTIVITY_SLOTS; i++)
        if (used->slots >> i & 1) {
            snprintf(slot.text, sizeof(slot.text), "slot %" PRIu32, i + 1);
            put_name(chrome->out, "thread_name", pid, i + 1, slot.text);
        }
}

/* 0, or -1 when out of memory. */
static int put_names(struct chrome *chrome)
{
    const struct report_activities *told = chrome->told;
    struct used *nodes = calloc(UINT16_MAX + 1, sizeof(*nodes));
    if (!nodes)
        return -1;
    for (uint32_t i = 0; i < told->count; i++)
        if (has_thread(&told->list[i])) {
            struct used *node = &nodes[told->list[i].node];
            node->slots |= UINT64_C(1) << told->list[i].slot;
            node->any = true;
        }
    for (uint32_t i = 0; i < told->mark_count; i++)
        nodes[told->marks[i].node].any = true;
    put_order(chrome->out, PID_RUNS);
    for (uint32_t i = 0; i <= UINT16_MAX; i++)
        if (nodes[i].any)
            put_node(chrome, i, &nodes[i]);
    free(nodes);
    return 0;
}

/* What the file is of, and what is not in it. */
static void put_other(struct chrome *chrome, const struct report_facts *facts)
{
    struct report_buffer *out = chrome->out;
    const struct report_activities *told = chrome->told;
    struct report_word word;
    report_buffer_put(out, "\n],\"displayTimeUnit\":\"ms\",\"otherData\":{"
                           "\"digest\":");
    report_format_digest(&word, facts->digest);
    report_buffer_print(out,
                        "\"%s\",\"runs\":%" PRIu32 ",\"runs left out\":%" PRIu64
                        ",\"activities left out\":%" PRIu64
                        ",\"marks left out\":%" PRIu64
                        ",\"records left out\":%" PRIu64,
                        word.text, told->run_count, told->runs_left_out,
                        told->activities_left_out, told->marks_left_out,
                        told->records_left_out);
    put_text(out, "scenario", facts->scenario);
    report_buffer_print(out, ",\"seed\":\"%" PRIu64 "\"", facts->seed);
    put_text(out, "time", "virtual");
    put_text(out, "version", facts->version);
    report_buffer_put(out, "}}\n");
}

void report_export_chrome(const struct report_activities *told,
                          const struct report_facts *facts,
                          const struct report_stats *stats,
                          struct report_buffer *out)
{
    struct chrome chrome = {.out = out, .told = told, .stats = stats};
    report_buffer_print(out,
                        "{\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":%d,\"tid\":"
                        "0,\"name\":\"process_name\",\"args\":{\"name\":",
                        PID_RUNS);
    report_buffer_json(out, facts->scenario, strlen(facts->scenario));
    report_buffer_put(out, "}}");
    if (put_names(&chrome) || order(&chrome))
        out->failed = 1;
    for (size_t i = 0; i < chrome.count; i++)
        put_event(&chrome, &chrome.events[i]);
    put_other(&chrome, facts);
    free(chrome.events);
}
