/*
 * What recovery will do, or does: for each run that has not ended, which
 * attempts and timers the next engine finds, and what it makes of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "engine/host/registry.h"
#include "scenarios/command.h"
#include "scenarios/database.h"

struct work {
    uint64_t run;
    uint64_t claimed_ns;
    uint64_t expires_ns;
    uint32_t op;
    uint32_t attempt;
    uint32_t state;
};

struct recovering {
    struct host_reader *reader;
    struct report_buffer out;
    struct engine_run_row *rows;
    size_t row_count;
    size_t row_capacity;
    struct work *work; /* by run and operation */
    size_t work_count;
    size_t work_capacity;
    uint64_t now_ns;
    uint32_t engine; /* the process of a running one, 0: none */
    uint64_t planned;
    bool json;
};

/* Reading --------------------------------------------------------------------
 */

static void *more(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count == *capacity) {
        size_t grown = *capacity ? 2 * *capacity : 256;
        void *larger = realloc(*array, grown * size);
        if (!larger)
            return NULL;
        *array = larger;
        *capacity = grown;
    }
    return (char *)*array + count * size;
}

static int take_run(void *self, const struct engine_run_row *row)
{
    struct recovering *r = self;
    struct engine_run_row *kept;

    if (engine_run_state_terminal(row->state) && row->wake_ns == UINT64_MAX)
        return 0;
    kept =
        more((void **)&r->rows, r->row_count, &r->row_capacity, sizeof(*kept));
    if (!kept)
        return -1;
    *kept = *row;
    r->row_count++;
    return 0;
}

static int take_work(void *self, uint64_t run, const struct engine_item *item)
{
    struct recovering *r = self;
    struct work *kept = more((void **)&r->work, r->work_count,
                             &r->work_capacity, sizeof(*kept));

    if (!kept)
        return -1;
    *kept = (struct work){.run = run,
                          .claimed_ns = item->a,
                          .expires_ns = item->b,
                          .op = item->op,
                          .attempt = item->attempt,
                          .state = item->kind};
    r->work_count++;
    return 0;
}

/* Saying ---------------------------------------------------------------------
 */

static void step(struct recovering *r, uint64_t run, const char *what,
                 const char *why)
{
    struct report_buffer *out = &r->out;

    r->planned++;
    if (!r->json) {
        report_buffer_print(out, "run %" PRIu64 ": %s\n    because %s\n", run,
                            what, why);
        return;
    }
    report_buffer_print(out, "{\"run\": %" PRIu64 ", \"what\": ", run);
    report_buffer_json(out, what, strlen(what));
    report_buffer_put(out, ", \"why\": ");
    report_buffer_json(out, why, strlen(why));
    report_buffer_put(out, "}\n");
}

static const struct engine_node *node_of(const struct recovering *r,
                                         const struct engine_run_row *row,
                                         uint32_t op)
{
    const struct engine_graph *graph =
        host_reader_workflow(r->reader, row->workflow);

    return graph && op < engine_graph_count(graph)
               ? engine_graph_node(graph, op)
               : NULL;
}

static const char *after_cut(const struct engine_node *node)
{
    if (!node)
        return "decided by its side effect";
    if (node->kind == ENGINE_NODE_HANDLER)
        return "the handler is called again, finished operations are not";
    if (node->side_effect == ENGINE_EFFECT_IRREVERSIBLE)
        return "its effect may have happened: the run is blocked for an "
               "operator";
    return "retried if its policy leaves attempts";
}

static void plan_work(struct recovering *r, const struct engine_run_row *row,
                      const struct work *w)
{
    const struct engine_node *node = node_of(r, row, w->op);
    char what[512];
    char why[256];
    char time[32];
    int at =
        snprintf(what, sizeof(what), "attempt %u of operation %u \"%.80s\"",
                 w->attempt, w->op, node ? node->name : "?");
    char *rest = what + at;
    size_t room = sizeof(what) - (size_t)at;

    switch (w->state) {
    case ENGINE_WORK_PENDING:
        snprintf(rest, room, " is sent to a worker");
        snprintf(why, sizeof(why), "it was scheduled and never started");
        break;
    case ENGINE_WORK_DONE:
        snprintf(rest, room, ": its result is taken into the log");
        snprintf(why, sizeof(why), "its worker has reported it");
        break;
    default:
        if (w->expires_ns > r->now_ns) {
            snprintf(rest, room, " is waited for");
            snprintf(why, sizeof(why), "its worker holds it until %s",
                     database_time(w->expires_ns, time));
        } else {
            snprintf(rest, room, " is cut off as interrupted; %s",
                     after_cut(node));
            snprintf(why, sizeof(why),
                     "its worker's claim ran out at %s without a report",
                     database_time(w->expires_ns, time));
        }
        break;
    }
    step(r, row->run, what, why);
}

static void plan_lease(struct recovering *r, const struct engine_run_row *row)
{
    char why[256];
    char time[32];

    if (!row->holder || row->expires_ns == 0)
        return;
    if (r->engine && row->expires_ns > r->now_ns)
        return; /* in good hands */
    snprintf(why, sizeof(why),
             row->expires_ns > r->now_ns
                 ? "its engine %u:%08x is dead, though its lease lasts until %s"
                 : "the lease of %u:%08x ended at %s",
             (unsigned)(row->holder >> 32), (unsigned)row->holder,
             database_time(row->expires_ns, time));
    step(r, row->run, "is taken over", why);
}

static void plan_timer(struct recovering *r, const struct engine_run_row *row)
{
    char why[256];
    char time[32];

    if (row->holder && row->expires_ns == row->wake_ns)
        return; /* the end of a lease */
    if (row->wake_ns <= r->now_ns) {
        snprintf(why, sizeof(why), "its timer was due at %s",
                 database_time(row->wake_ns, time));
        step(r, row->run, "is woken now, once", why);
    } else if (row->wake_ns != UINT64_MAX) {
        snprintf(why, sizeof(why), "its next timer is due at %s",
                 database_time(row->wake_ns, time));
        step(r, row->run, "goes on waiting", why);
    }
}

static void plan_run(struct recovering *r, const struct engine_run_row *row,
                     size_t *next_work)
{
    if (engine_run_state_terminal(row->state))
        step(r, row->run, "its result is delivered",
             "it has ended and nobody has acknowledged that");
    else if (row->state == ENGINE_RUN_BLOCKED)
        step(r, row->run, "waits for resume, skip or abort",
             "an attempt was cut off and its effect may have happened");
    else if (row->state == ENGINE_RUN_PAUSED)
        step(r, row->run, "waits for unpause", "an operator has paused it");
    else
        plan_lease(r, row);
    plan_timer(r, row);
    while (*next_work < r->work_count && r->work[*next_work].run < row->run)
        (*next_work)++;
    for (; *next_work < r->work_count && r->work[*next_work].run == row->run;
         (*next_work)++)
        plan_work(r, row, &r->work[*next_work]);
}

static int plan(struct recovering *r)
{
    struct engine_store *store = host_reader_store(r->reader);
    size_t next_work = 0;

    if (store->ops->scan_runs(store->self, take_run, r) ||
        store->ops->scan_work(store->self, take_work, r))
        return -1;
    for (size_t i = 0; i < r->row_count; i++)
        plan_run(r, &r->rows[i], &next_work);
    return 0;
}

/* Doing ----------------------------------------------------------------------
 */

/* The leases of engines that died end; the next engine finds the runs due. */
static int end_leases(const char *database)
{
    char error[HOST_ERROR_SIZE];
    int lock = host_lock_take(database, error);
    int code = EXIT_ENVIRONMENT;

    if (lock < 0) {
        fprintf(stderr,
                "perdure recover: %s; a running engine recovers by itself, see "
                "--dry-run\n",
                error);
        return EXIT_ENVIRONMENT;
    }
    struct host_registry *registry = host_registry_open(database, error);
    if (registry && host_registry_end_leases(registry) == 0)
        code = EXIT_HELD;
    else
        fprintf(stderr, "perdure recover: %s\n",
                registry ? host_registry_error(registry) : error);
    host_registry_close(registry);
    close(lock);
    return code;
}

struct arguments {
    struct recovering r;
    const char *key;
    bool dry;
};

static const struct option options[] = {
    OPT_FLAG("--dry-run", dry, "Say it, and end no lease."),
    OPT_KEY_FILE(key),
    OPT_ROWS_JSON(r.json),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.r = {.json = false}};
    struct recovering *r = &a.r;
    const char *rest[1];

    if (options_read(argc, argv, &command_recover, &a, rest) < 0)
        return EXIT_USAGE;
    r->now_ns = host_wall_ns();
    r->engine = host_lock_holder(rest[0]);
    r->reader = database_open(argv[0], rest[0], a.key);
    if (!r->reader)
        return EXIT_ENVIRONMENT;
    report_buffer_init(&r->out);
    int result = plan(r);
    host_reader_close(r->reader);
    free(r->rows);
    free(r->work);
    int code = database_print(&r->out);
    if (result) {
        fprintf(stderr,
                "perdure recover: %.200s cannot be read; see perdure "
                "verify %.200s\n",
                rest[0], rest[0]);
        return EXIT_ENVIRONMENT;
    }
    if (!r->json && r->planned == 0)
        printf("nothing to recover\n");
    return code || a.dry ? code : end_leases(rest[0]);
}

const struct command command_recover = {
    .name = "recover",
    .group = COMMAND_DATABASE,
    .synopsis = "DB [OPTIONS]",
    .summary = "what becomes of each run, and why",
    .about = "Says what becomes of each run that has not ended, and "
             "why: which attempts are waited for, cut off or sent "
             "again, which timers are overdue. Without --dry-run "
             "also ends the leases of engines that died.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
