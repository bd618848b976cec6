/*
 * How runs stand: `ps` for all or some of them, `stuck` for those that do not
 * go on by themselves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/cause.h"
#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/names.h"

#define SECOND UINT64_C(1000000000)

struct listing {
    struct host_reader *reader;
    struct report_buffer out;
    const char *state; /* NULL: those that have not ended */
    uint64_t run;      /* 0: any */
    uint64_t limit;
    uint64_t older_ns; /* stuck: nothing happened for so long */
    uint64_t now_ns;
    uint64_t shown;
    uint64_t left_out;
    bool all;
    bool json;
    bool stuck;
};

/* Printing ------------------------------------------------------------------
 */

static void print_holder(struct report_buffer *out, uint64_t holder)
{
    if (holder)
        report_buffer_print(out, "%u:%08x", (unsigned)(holder >> 32),
                            (unsigned)holder);
    else
        report_buffer_put(out, "-");
}

/* The root of a cause chain. */
static void show_root(struct report_buffer *out, const char *chain)
{
    struct engine_text root = engine_cause_root(chain, strlen(chain));
    char words[120];

    snprintf(words, sizeof(words), "%.*s", (int)root.size, root.text);
    report_buffer_put(out, ": ");
    (void)report_buffer_plain(out, words, 100);
}

static void text_run(struct listing *l, const struct host_run *run,
                     const char *why)
{
    struct report_buffer *out = &l->out;
    char started[32];
    char wake[32];

    if (l->shown == 0)
        report_buffer_print(out,
                            "%-13s %-20s %-10s %-21s %-24s %-24s %-12s %s\n",
                            "run", "workflow", "state", "ops/limit", "started",
                            "next wake", "holder", l->stuck ? "why" : "error");
    report_buffer_print(out, "%-13" PRIu64 " ", run->row.run);
    size_t used = report_buffer_plain(out, run->workflow, 20);
    report_buffer_print(out, "%*s %-10s ", used < 20 ? (int)(20 - used) : 0, "",
                        host_run_state_name(run->row.state));
    char ops[64];
    snprintf(ops, sizeof(ops), "%u/%" PRIu64 " (%.1f%%)", run->operations,
             run->operations_max,
             run->operations_max
                 ? 100.0 * (double)run->operations / (double)run->operations_max
                 : 0.0);
    report_buffer_print(out, "%-21s %-24s %-24s ", ops,
                        database_time(run->started_ns, started),
                        database_time(run->row.wake_ns, wake));
    print_holder(out, run->row.holder);
    report_buffer_put(out, "  ");
    if (why)
        report_buffer_put(out, why);
    else if (run->archived)
        report_buffer_put(out, "archived");
    else if (run->error)
        report_buffer_put(out, engine_error_name(run->error));
    if (!why && run->words[0]) {
        show_root(out, run->words);
    }
    report_buffer_put(out, "\n");
}

static void member(struct report_buffer *out, const char *name,
                   const char *value)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, ", ");
}

/* One object a line, keys in order. */
static void json_run(struct listing *l, const struct host_run *run,
                     const char *why)
{
    struct report_buffer *out = &l->out;

    report_buffer_put(out, "{");
    member(out, "error", run->error ? engine_error_name(run->error) : "");
    member(out, "error_words", run->words);
    report_buffer_print(out,
                        "\"events\": %" PRIu64 ", \"holder\": %" PRIu64
                        ", \"last_ns\": %" PRIu64
                        ", \"operations\": %u, \"operations_max\": %" PRIu64
                        ", \"run\": %" PRIu64 ", \"started_ns\": %" PRIu64 ", ",
                        run->events, run->row.holder, run->last_ns,
                        run->operations, run->operations_max, run->row.run,
                        run->started_ns);
    member(out, "state", host_run_state_name(run->row.state));
    if (run->row.wake_ns == UINT64_MAX)
        report_buffer_put(out, "\"wake_ns\": null, ");
    else
        report_buffer_print(out, "\"wake_ns\": %" PRIu64 ", ",
                            run->row.wake_ns);
    if (why)
        member(out, "why", why);
    report_buffer_put(out, "\"workflow\": ");
    report_buffer_json(out, run->workflow, strlen(run->workflow));
    report_buffer_put(out, "}\n");
}

/* Choosing ------------------------------------------------------------------
 */

/* Why a run does not go on by itself; NULL: it does. */
static const char *why_stuck(const struct listing *l,
                             const struct host_run *run)
{
    const struct engine_run_row *row = &run->row;

    if (engine_run_state_terminal(row->state))
        return NULL;
    if (row->state == ENGINE_RUN_BLOCKED)
        return "blocked: an operator must resume, skip or abort it";
    if (row->state == ENGINE_RUN_PAUSED)
        return "paused: an operator must unpause it";
    if (l->now_ns - run->last_ns < l->older_ns && run->last_ns < l->now_ns)
        return NULL;
    if (row->wake_ns == UINT64_MAX)
        return "no timer is set and nobody holds it";
    if (row->wake_ns + l->older_ns < l->now_ns)
        return "due for long: no engine is running, or it cannot keep up";
    if (row->expires_ns > l->now_ns && row->holder && run->attempts_open)
        return "no progress: an attempt takes long, or no worker serves it";
    return NULL;
}

static bool wanted(const struct listing *l, const struct engine_run_row *row)
{
    if (l->run)
        return row->run == l->run;
    if (l->state)
        return strcmp(host_run_state_name(row->state), l->state) == 0;
    return l->all || !engine_run_state_terminal(row->state);
}

struct numbers {
    struct engine_run_row rows[256];
    struct listing *listing;
    uint32_t count;
};

static int show(struct listing *l, const struct engine_run_row *row)
{
    struct host_run run;

    if (host_reader_run(l->reader, row, &run))
        return -1;
    const char *why = l->stuck ? why_stuck(l, &run) : NULL;
    if (l->stuck && !why)
        return 0;
    if (l->shown >= l->limit) {
        l->left_out++;
        return 0;
    }
    if (l->json)
        json_run(l, &run, why);
    else
        text_run(l, &run, why);
    l->shown++;
    return 0;
}

/* A scan holds the store's statements: rows first, then what they say. */
static int flush_rows(struct numbers *numbers)
{
    int result = 0;

    for (uint32_t i = 0; i < numbers->count && result == 0; i++)
        result = show(numbers->listing, &numbers->rows[i]);
    numbers->count = 0;
    return result;
}

struct scan {
    struct numbers numbers;
    uint64_t after;
    bool more;
};

static int take_row(void *self, const struct engine_run_row *row)
{
    struct scan *scan = self;

    if (row->run <= scan->after || !wanted(scan->numbers.listing, row))
        return 0;
    if (scan->numbers.count == 256) {
        scan->more = true;
        return 1;
    }
    scan->numbers.rows[scan->numbers.count++] = *row;
    return 0;
}

static int list_runs(struct listing *l)
{
    struct engine_store *store = host_reader_store(l->reader);
    struct scan scan = {.numbers = {.listing = l}};

    do {
        scan.more = false;
        if (store->ops->scan_runs(store->self, take_row, &scan) < 0)
            return -1;
        if (scan.numbers.count > 0)
            scan.after = scan.numbers.rows[scan.numbers.count - 1].run;
        if (flush_rows(&scan.numbers))
            return -1;
    } while (scan.more && l->shown < l->limit);
    if (scan.more)
        l->left_out++;
    return 0;
}

/* Who is there --------------------------------------------------------------
 */

static void list_workers(const char *database, struct report_buffer *out)
{
    struct host_client client;
    struct engine_message ask = {.kind = HOST_MSG_LIST};
    char error[HOST_ERROR_SIZE];
    const struct engine_message *message;

    if (host_client_open(&client, database, error) != 0) {
        report_buffer_put(out, "no engine is running\n");
        return;
    }
    (void)host_peer_send(&client.peer, &ask, NULL, 0);
    while ((message = host_client_next(&client, 5 * SECOND))) {
        if (message->kind == HOST_MSG_LISTED) {
            report_buffer_print(
                out,
                "engine process %u: %" PRIu64 " runs held, %" PRIu64
                " requests in %" PRIu64 " commits\n",
                message->op, message->a, message->run, message->b);
            break;
        }
        if (message->kind != HOST_MSG_WORKER)
            continue;
        char id[HOST_WORKER_ID_MAX + 1];
        snprintf(id, sizeof(id), "%.*s",
                 (int)(message->size - sizeof(*message)),
                 (const char *)(message + 1));
        report_buffer_put(out, "worker ");
        (void)report_buffer_plain(out, id, 60);
        report_buffer_print(
            out, ": process %u, %" PRIu64 " of %" PRIu64 " attempts\n",
            message->op, message->b, message->a);
    }
    host_client_close(&client);
}

/* Commands ------------------------------------------------------------------
 */

static int run_listing(struct listing *l, const char *command,
                       const char *database, const char *key)
{
    int code = EXIT_HELD;

    l->now_ns = host_wall_ns();
    l->reader = database_open(command, database, key);
    if (!l->reader)
        return EXIT_ENVIRONMENT;
    report_buffer_init(&l->out);
    if (list_runs(l)) {
        fprintf(stderr,
                "perdure %s: %.200s: a run cannot be read; see perdure verify "
                "%.200s\n",
                command, database, database);
        code = EXIT_ENVIRONMENT;
    }
    host_reader_close(l->reader);
    if (l->left_out > 0)
        fprintf(stderr, "perdure %s: more than %" PRIu64 " runs; see --limit\n",
                command, l->limit);
    int printed = database_print(&l->out);
    return code ? code : printed;
}

struct arguments {
    struct listing l;
    const char *key;
    bool workers;
};

static const struct option ps_options[] = {
    OPT_FLAG("--all", l.all, "Also runs that have ended."),
    OPT_NAME("--state", l.state, "STATE", names_state,
             "Those in this state, such as blocked."),
    OPT_NUMBER("--limit", l.limit, 1, UINT64_MAX,
               "At most so many (default 1000)."),
    OPT_FLAG("--workers", workers, "Who is connected, and nothing else."),
    OPT_KEY_FILE(key),
    OPT_ROWS_JSON(l.json),
    {.name = NULL}};

static const struct option stuck_options[] = {
    OPT_DURATION("--older", l.older_ns, 0, INT64_MAX,
                 "How long nothing must have happened (default 10m)."),
    OPT_NUMBER("--limit", l.limit, 1, UINT64_MAX,
               "At most so many (default 1000)."),
    OPT_KEY_FILE(key),
    OPT_ROWS_JSON(l.json),
    {.name = NULL}};

static int ps(int argc, char **argv)
{
    struct arguments a = {.l = {.limit = 1000}};
    const char *rest[2];
    int count = options_read(argc, argv, &command_ps, &a, rest);

    if (count < 0)
        return EXIT_USAGE;
    if (count == 2 &&
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &a.l.run))
        return EXIT_USAGE;
    if (a.workers) {
        report_buffer_init(&a.l.out);
        list_workers(rest[0], &a.l.out);
        return database_print(&a.l.out);
    }
    int code = run_listing(&a.l, argv[0], rest[0], a.key);
    if (code == EXIT_HELD && a.l.run && a.l.shown == 0) {
        fprintf(stderr,
                "perdure ps: found no run %" PRIu64 " in %.200s; see perdure "
                "ps %.200s --all\n",
                a.l.run, rest[0], rest[0]);
        return EXIT_USAGE;
    }
    return code;
}

static int stuck(int argc, char **argv)
{
    struct arguments a = {
        .l = {.limit = 1000, .stuck = true, .older_ns = 600 * SECOND}};
    const char *rest[1];

    if (options_read(argc, argv, &command_stuck, &a, rest) < 0)
        return EXIT_USAGE;
    int code = run_listing(&a.l, argv[0], rest[0], a.key);
    return code == EXIT_HELD && a.l.shown > 0 ? EXIT_PROPERTY : code;
}

const struct command command_ps = {
    .name = "ps",
    .group = COMMAND_DATABASE,
    .synopsis = "DB [RUN] [OPTIONS]",
    .summary = "how runs stand, and who executes them",
    .about = "Runs that have not ended, or all, or those in a "
             "state: operations used of the limit, when it started, "
             "when it wakes, who holds it, its error.",
    .options = ps_options,
    .rest_min = 1,
    .rest_max = 2,
    .run = ps};

const struct command command_stuck = {
    .name = "stuck",
    .group = COMMAND_DATABASE,
    .synopsis = "DB [OPTIONS]",
    .summary = "runs that do not go on by themselves, and why",
    .about = "Runs that do not go on by themselves, and why; exits "
             "with 3 if there are any.",
    .options = stuck_options,
    .rest_min = 1,
    .rest_max = 1,
    .run = stuck};
