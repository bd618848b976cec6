/* What happened to a run: its log, by pages or as it grows. */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/cause.h"
#include "engine/operation.h"
#include "engine/value.h"
#include "engine/workflow.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/run_history.h"
#include "scenarios/run_operations.h"

enum {
    PAGE_ROWS = 256,
    FOLLOW_US = 100000
};

struct events {
    int code; /* of what was written last */
    struct host_reader *reader;
    struct report_buffer out;
    struct engine_block block; /* of one event, aligned */
    const struct engine_graph *graph;
    const char *type; /* NULL: any */
    uint64_t run;
    uint64_t after;
    uint64_t limit; /* 0: none */
    uint64_t op;    /* UINT64_MAX: any */
    uint64_t shown;
    uint64_t last; /* sequence number of the last one looked at */
    uint32_t state;
    bool payload;
    bool json;
};

/* What one event says --------------------------------------------------------
 */

/* Says what a and b stand for, as engine/wire.h has it. */
static void explain(struct report_buffer *out, const struct engine_item *e)
{
    switch (e->kind) {
    case ENGINE_EV_RUN_BLOCKED:
    case ENGINE_EV_RUN_FAILED:
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        report_buffer_put(out, engine_error_name((unsigned)e->a));
        if (e->b == 1 && (e->kind == ENGINE_EV_ATTEMPT_FAILED ||
                          e->kind == ENGINE_EV_ATTEMPT_TIMED_OUT ||
                          e->kind == ENGINE_EV_ATTEMPT_INTERRUPTED))
            report_buffer_put(out, ", may be retried");
        break;
    case ENGINE_EV_LEASE_ACQUIRED:
        report_buffer_print(out, "token %" PRIu64 ", holder %u:%08x", e->a,
                            (unsigned)(e->b >> 32), (unsigned)e->b);
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        if (e->b)
            report_buffer_print(out, "worker %u:%08x", (unsigned)(e->b >> 32),
                                (unsigned)e->b);
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        report_buffer_print(out, "in %" PRIu64 " ms, attempt %" PRIu64,
                            e->a / 1000000, e->b);
        break;
    case ENGINE_EV_WAIT_STARTED:
        report_buffer_print(out, "%" PRIu64 " ms", e->a / 1000000);
        break;
    default:
        break;
    }
}

static bool has_words(const struct engine_item *e)
{
    return e->kind == ENGINE_EV_ATTEMPT_FAILED ||
           e->kind == ENGINE_EV_ATTEMPT_TIMED_OUT ||
           e->kind == ENGINE_EV_ATTEMPT_INTERRUPTED ||
           e->kind == ENGINE_EV_ATTEMPT_AMBIGUOUS ||
           e->kind == ENGINE_EV_RUN_FAILED;
}

/* A deadline around its attempts, by which an attempt or a step ended. */
static bool is_deadline(const struct engine_item *e, const char *words)
{
    static const char *const names[] = {"schedule_to_start", "timeout"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (e->size == strlen(names[i]) &&
            memcmp(words, names[i], e->size) == 0)
            return e->kind == ENGINE_EV_OP_FAILED ||
                   e->kind == ENGINE_EV_ATTEMPT_TIMED_OUT;
    return false;
}

/* Why: a deadline that is over, or the root of the cause chain. */
static void show_cause(struct report_buffer *out, const struct engine_item *e,
                       const void *payload)
{
    struct engine_text root = engine_cause_root(payload, e->size);
    bool deadline = is_deadline(e, payload);
    char words[240];

    if (root.size == 0 || (!deadline && !has_words(e)))
        return;
    if (has_words(e))
        report_buffer_put(out, deadline ? ", " : ": ");
    snprintf(words, sizeof(words), "%.*s", (int)root.size, root.text);
    (void)report_buffer_plain(out, words, sizeof(words));
    report_buffer_put(out, deadline ? " is over" : "");
}

/* Text as it is, other bytes in hex; a value's bytes without its head. */
static void show_payload(struct report_buffer *out, const void *payload,
                         size_t size)
{
    const struct engine_value *value = engine_value_at(payload, size, 0);
    const unsigned char *bytes = payload;
    bool text = true;

    if (value && !engine_value_at(payload, size, 1)) {
        bytes = engine_value_bytes(value);
        size = value->size;
    }
    for (size_t i = 0; i < size; i++)
        text = text && (bytes[i] >= ' ' || isspace(bytes[i]));
    if (text) {
        report_buffer_json(out, (const char *)bytes, size);
        return;
    }
    report_buffer_put(out, "\"");
    for (size_t i = 0; i < size && i < 64; i++)
        report_buffer_print(out, "%02x", bytes[i]);
    report_buffer_put(out, size > 64 ? "...\"" : "\"");
}

static void show_action(struct report_buffer *out, const void *payload,
                        size_t size)
{
    struct engine_signal signal;
    const char *text = (const char *)payload + sizeof(signal);

    if (size < sizeof(signal))
        return;
    memcpy(&signal, payload, sizeof(signal));
    if (sizeof(signal) + signal.actor_size + signal.reason_size > size)
        return;
    report_buffer_put(out, "by ");
    report_buffer_json(out, text, signal.actor_size);
    report_buffer_put(out, ", because ");
    report_buffer_json(out, text + signal.actor_size, signal.reason_size);
}

static bool has_operation(const struct engine_item *e)
{
    return e->kind == ENGINE_EV_OPERATION_STARTED ||
           e->kind == ENGINE_EV_OPERATION_SUCCEEDED ||
           e->kind == ENGINE_EV_OPERATION_FAILED ||
           e->kind == ENGINE_EV_OPERATION_RETRY ||
           e->kind == ENGINE_EV_OPERATION_TIMED_OUT;
}

/* What it is called; of a callback, what outside systems answer to. */
static void show_operation(struct events *ev, const struct engine_item *e,
                           const void *payload)
{
    struct report_buffer *out = &ev->out;
    unsigned type = engine_operation_flag_type(e->flags);
    struct engine_operation_view view;
    struct engine_callback callback;
    char name[128] = "";

    if (!engine_block_begin(&ev->block, 8))
        return;
    const struct engine_item *item =
        engine_block_item(&ev->block, e, payload, e->size);
    if (!item || engine_operation_view(item, &view))
        return;
    report_buffer_put(out, engine_operation_type_name(type));
    if (view.name.size > 0) {
        snprintf(name, sizeof(name), "%.*s",
                 view.name.size < sizeof(name) ? (int)view.name.size
                                               : (int)sizeof(name) - 1,
                 view.name.text);
        report_buffer_put(out, " ");
        (void)report_buffer_plain(out, name, 40);
    }
    if (view.head.error)
        report_buffer_print(out, ", %s", engine_error_name(view.head.error));
    if (type == ENGINE_OPERATION_CALLBACK &&
        e->kind == ENGINE_EV_OPERATION_STARTED) {
        engine_callback_write(ev->run, e->op, (struct engine_hash){e->a, e->b},
                              &callback);
        report_buffer_print(out, ", answer to %s", callback.id);
    }
    if (ev->payload && view.head.value_size > 0) {
        report_buffer_put(out, " ");
        report_buffer_json(out, view.value, view.head.value_size);
    }
}

static const char *op_name(const struct events *ev, uint32_t op)
{
    if (op == UINT32_MAX || !ev->graph || op >= engine_graph_count(ev->graph) ||
        engine_graph_is_handler(ev->graph))
        return NULL;
    return engine_graph_node(ev->graph, op)->name;
}

static void text_event(struct events *ev, const struct engine_item *e,
                       const void *payload, uint64_t seq, uint64_t time_ns)
{
    struct report_buffer *out = &ev->out;
    const char *name = op_name(ev, e->op);
    char time[32];
    char op[16] = "-";

    if (e->op != UINT32_MAX)
        snprintf(op, sizeof(op), "%u", e->op);
    report_buffer_print(out, "%6" PRIu64 " %s %-22s %5s", seq,
                        database_time(time_ns, time),
                        engine_event_name(e->kind), op);
    report_buffer_print(out, " %3u ", e->attempt);
    if (name) {
        (void)report_buffer_plain(out, name, 24);
        report_buffer_put(out, " ");
    }
    explain(out, e);
    show_cause(out, e, payload);
    if (e->kind == ENGINE_EV_OPERATOR_ACTION)
        show_action(out, payload, e->size);
    else if (has_operation(e))
        show_operation(ev, e, payload);
    else if (ev->payload && e->size > 0)
        show_payload(out, payload, e->size);
    report_buffer_put(out, "\n");
}

static void json_event(struct events *ev, const struct engine_item *e,
                       const void *payload, uint64_t seq, uint64_t time_ns)
{
    struct report_buffer *out = &ev->out;

    report_buffer_print(out,
                        "{\"a\": %" PRIu64 ", \"attempt\": %u, \"b\": %" PRIu64
                        ", \"bytes\": %u, \"flags\": %u, \"kind\": \"%s\", ",
                        e->a, e->attempt, e->b, e->size, e->flags,
                        engine_event_name(e->kind));
    if (e->op == UINT32_MAX)
        report_buffer_put(out, "\"op\": null, ");
    else
        report_buffer_print(out, "\"op\": %u, ", e->op);
    if (ev->payload) {
        report_buffer_put(out, "\"payload\": ");
        show_payload(out, payload, e->size);
        report_buffer_put(out, ", ");
    }
    report_buffer_print(out,
                        "\"run\": %" PRIu64 ", \"seq\": %" PRIu64
                        ", \"time_ns\": %" PRIu64 "}\n",
                        ev->run, seq, time_ns);
}

/* Reading
 * --------------------------------------------------------------------*/

static bool matches(const struct events *ev, const struct engine_item *e)
{
    if (ev->op != UINT64_MAX && e->op != ev->op)
        return false;
    return !ev->type || strcmp(engine_event_name(e->kind), ev->type) == 0;
}

static int take_row(void *self, const struct engine_log_row *row)
{
    struct events *ev = self;
    const unsigned char *items = row->items;
    uint64_t seq = row->seq;

    for (size_t at = 0; at + sizeof(struct engine_item) <= row->items_size;
         seq++) {
        struct engine_item e;
        memcpy(&e, items + at, sizeof(e));
        const void *payload = items + at + sizeof(e);
        at += engine_item_span(e.size);
        if (seq <= ev->after || !matches(ev, &e))
            continue;
        if (ev->limit && ev->shown >= ev->limit)
            return 1;
        if (ev->json)
            json_event(ev, &e, payload, seq, row->time_ns);
        else
            text_event(ev, &e, payload, seq, row->time_ns);
        ev->shown++;
        ev->last = seq;
    }
    ev->last = seq - 1;
    return 0;
}

static int write_out(struct events *ev)
{
    int code = output_print(&ev->out, EXIT_HELD);

    report_buffer_init(&ev->out);
    return code;
}

/* All pages there are now. -1: the file could not be read. */
static int read_pages(struct events *ev, struct store_page *page)
{
    struct engine_store *store = host_reader_store(ev->reader);
    int result;

    do {
        result = store_read_events(store, ev->run, ev->last, PAGE_ROWS,
                                   take_row, ev, page);
        if (result == 0 && page->last_seq > ev->last)
            ev->last = page->last_seq;
        ev->code = write_out(ev);
        if (ev->code != EXIT_HELD)
            return -2;
    } while (result == 0 && page->state == STORE_PAGE_MORE);
    return result;
}

static int find_run(void *self, const struct engine_run_row *row)
{
    struct events *ev = self;

    if (row->run != ev->run)
        return row->run > ev->run;
    ev->graph = host_reader_workflow(ev->reader, row->workflow);
    ev->state = row->state;
    return 1;
}

static int find(struct events *ev)
{
    struct engine_store *store = host_reader_store(ev->reader);

    ev->state = 0;
    return store->ops->scan_runs(store->self, find_run, ev) < 0 ? -1 : 0;
}

static int show(struct events *ev, const char *database, bool follow)
{
    struct store_page page = {0};
    int result = 0;

    do {
        if (find(ev) || (result = read_pages(ev, &page)) == -1) {
            fprintf(stderr,
                    "perdure events: %.200s: run %" PRIu64
                    " cannot be read; see perdure verify %.200s\n",
                    database, ev->run, database);
            return EXIT_ENVIRONMENT;
        }
        if (result == -2)
            return ev->code;
        if (!ev->state) {
            fprintf(stderr,
                    "perdure events: found no run %" PRIu64
                    " in %.200s; see perdure ps %.200s --all\n",
                    ev->run, database, database);
            return EXIT_USAGE;
        }
        if (page.state == STORE_PAGE_ARCHIVED) {
            fprintf(stderr,
                    "perdure events: run %" PRIu64 " has left the "
                    "database: its events are in an archive, if there is one\n",
                    ev->run);
            return EXIT_HELD;
        }
        follow = follow && result == 0 && output_heard() &&
                 !engine_run_state_terminal(ev->state);
        if (follow)
            usleep(FOLLOW_US);
    } while (follow);
    if (ev->limit && ev->shown >= ev->limit)
        fprintf(stderr, "perdure events: go on with --after %" PRIu64 "\n",
                ev->last);
    return EXIT_HELD;
}

static int show_history(const struct events *ev, const char *database,
                        uint64_t page_size)
{
    struct run_history_page page = {.after = ev->after,
                                    .limit = page_size ? page_size : ev->limit,
                                    .object = page_size > 0};
    struct report_buffer out;
    struct engine_run_row row;
    int found = run_operations_row(ev->reader, ev->run, &row);

    report_buffer_init(&out);
    int result =
        found > 0 ? run_history_print(ev->reader, &row, &page, &out) : found;
    if (found > 0 && result == 0)
        return database_print(&out);
    report_buffer_free(&out);
    if (found == 0)
        fprintf(stderr,
                "perdure events: found no run %" PRIu64
                " in %.200s; see perdure ps %.200s --all\n",
                ev->run, database, database);
    else
        fprintf(stderr,
                "perdure events: %.200s: run %" PRIu64 " has no history: its "
                "log %s\n",
                database, ev->run,
                result == -2 ? "was compacted or archived"
                             : "cannot be read; see perdure verify");
    return found == 0 ? EXIT_USAGE : EXIT_ENVIRONMENT;
}

/* What is for one format only. */
static bool check_format(const struct events *ev, bool aws, bool follow,
                         uint64_t page)
{
    const char *found = NULL;

    if (aws && follow)
        found = "--follow";
    else if (aws && (ev->type || ev->op != UINT64_MAX))
        found = ev->type ? "--type" : "--op";
    if (found)
        fprintf(stderr,
                "perdure events: found %s with --format aws, allowed "
                "--after, --limit, --page\n",
                found);
    else if (!aws && page)
        fprintf(stderr, "perdure events: found --page without --format aws, "
                        "allowed --limit\n");
    return !found && (aws || !page);
}

struct arguments {
    struct events ev;
    uint64_t format;
    uint64_t page;
    const char *key;
    bool follow;
};

static const char *const formats[] = {"log", "aws", NULL};

static const struct option options[] = {
    OPT_NUMBER("--after", ev.after, 0, UINT64_MAX, "Those after this event."),
    OPT_NUMBER("--limit", ev.limit, 1, UINT64_MAX, "At most so many."),
    OPT_NAME("--type", ev.type, "KIND", names_event,
             "Of this kind, such as op_scheduled."),
    OPT_NUMBER("--op", ev.op, 0, UINT32_MAX, "Of this operation."),
    OPT_CHOICE("--format", format, formats,
               "With aws a handler's run is shown as public history, an event "
               "a line."),
    OPT_NUMBER("--page", page, 1, 100000,
               "With --format aws: one object with at most N Events and the "
               "NextMarker that --after takes."),
    OPT_FLAG("--follow", follow, "Go on as it grows."),
    OPT_FLAG("--payload", ev.payload, "With what each carries."),
    OPT_KEY_FILE(key),
    OPT_ROWS_JSON(ev.json),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.ev = {.op = UINT64_MAX}};
    struct events *ev = &a.ev;
    const char *rest[2];

    if (options_read(argc, argv, &command_events, &a, rest) < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &ev->run) ||
        !check_format(ev, a.format == 1, a.follow, a.page))
        return EXIT_USAGE;
    ev->reader = database_open(argv[0], rest[0], a.key);
    if (!ev->reader)
        return EXIT_ENVIRONMENT;
    ev->last = ev->after;
    report_buffer_init(&ev->out);
    int code = a.format == 1 ? show_history(ev, rest[0], a.page)
                             : show(ev, rest[0], a.follow);
    report_buffer_free(&ev->out);
    engine_block_free(&ev->block);
    host_reader_close(ev->reader);
    return code;
}

const struct command command_events = {
    .name = "events",
    .group = COMMAND_DATABASE,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "what happened to a run",
    .about = "What happened, oldest first. A callback's line has "
             "what to answer to.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
