/*
 * L6: no work row that could be claimed waits longer than the bound while a
 * worker that could take it idles. A row waits from when it was put until it
 * is claimed or cut. Somebody idles if the platform itself says that it has
 * room (GAUGE), or if a worker that is up and not cut off has a free slot and
 * nothing was heard of it.
 *
 * Disturbances, throttling among them, start the bound again.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/waits.h"

struct worker {
    uint64_t heard_ns; /* the last thing it was given or did */
    uint32_t running;  /* attempts that have begun and not ended */
};

struct waiting {
    struct check_self head;
    struct worker *workers; /* by node, all that might be one */
    uint64_t full_ns;       /* when the platform was last seen without room */
    uint32_t down;          /* workers of a fixed number that are */
    bool full;
};

static void close_waiting(void *self)
{
    struct waiting *s = self;

    free(s->workers);
    free(s);
}

static void *open_waiting(const struct check_view *view,
                          struct check_result *result)
{
    struct waiting *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->workers = calloc(view->world->node_count + 1, sizeof(*s->workers));
    s->full = true;
    if (!s->workers) {
        close_waiting(s);
        return NULL;
    }
    return s;
}

static struct worker *worker_at(const struct waiting *s, uint32_t node)
{
    const struct check_world *world = s->head.world;

    return node >= world->worker_first && node < world->node_count
               ? &s->workers[node]
               : NULL;
}

/* Since when a worker has had a free slot and was left alone. */
static uint64_t idle_worker(const struct waiting *s, uint64_t now_ns,
                            uint32_t *who)
{
    const struct check_world *world = s->head.world;
    uint64_t since = UINT64_MAX;

    for (uint32_t i = 0; i < world->worker_count; i++) {
        uint32_t node = world->worker_first + i;
        const struct worker *worker = worker_at(s, node);

        if (!worker || worker->running >= world->worker_slots ||
            fold_node_down(s->head.fold, node) ||
            fold_node_cut(s->head.fold, node, now_ns) ||
            worker->heard_ns >= since)
            continue;
        since = worker->heard_ns;
        *who = node;
    }
    return since;
}

/* Since when somebody has been idle; UINT64_MAX: nobody is. */
static uint64_t idle_since(const struct waiting *s, uint64_t now_ns,
                           uint32_t *who)
{
    uint64_t worker = idle_worker(s, now_ns, who);
    uint64_t room = s->full || s->down ? UINT64_MAX : s->full_ns;

    if (room < worker)
        *who = UINT32_MAX;
    return room < worker ? room : worker;
}

static void late(struct waiting *s, const struct engine_record *record,
                 uint64_t index, uint64_t since_ns, uint32_t who)
{
    const struct fold_run *run = fold_run(s->head.fold, record->run);
    struct check_node word;
    char why[200];

    waits_text(s->head.fold, record->run, record->time_ns, why, sizeof(why));
    check_violation(s->head.result, record, index,
                    "run %" PRIu64 ": attempt %" PRIu32
                    " of %s was left to wait beside "
                    "%s from %.6f s to %.6f s, expected %.6f s at most; it %s",
                    record->run, record->attempt,
                    fold_op_name(s->head.fold, run, record->op),
                    who == UINT32_MAX ? "free slots"
                                      : check_node(&word, s->head.world, who),
                    check_seconds(since_ns), check_seconds(record->time_ns),
                    check_seconds(s->head.world->waiting_bound_ns), why);
    check_waits(&s->head, record);
}

/* The row of this attempt has waited until now. */
static void waited(struct waiting *s, const struct engine_record *record,
                   uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, record->run);
    const struct fold_op *op = fold_op(run, record->op);
    uint64_t bound = s->head.world->waiting_bound_ns;
    uint64_t since, idle;
    uint32_t who = UINT32_MAX;

    if (!op || op->put != record->attempt || op->claimed >= record->attempt ||
        op->done || fold_held(run))
        return;
    since = op->scheduled_ns - s->head.fold->store_skew_ns;
    if (since < s->head.fold->disturbed_ns)
        since = s->head.fold->disturbed_ns;
    if (record->time_ns <= since || record->time_ns - since <= bound)
        return;
    idle = idle_since(s, record->time_ns, &who);
    if (idle > since)
        since = idle;
    if (record->time_ns > since && record->time_ns - since > bound)
        late(s, record, index, since, who);
}

/* Rows that are still there. */
static void check_end(struct waiting *s, const struct engine_record *end,
                      uint64_t index)
{
    struct engine_record about = *end;

    for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
        const struct fold_run *run = fold_at(s->head.fold, slot);

        about.run = fold_number(s->head.fold, slot);
        for (about.op = 0; run->ops && about.op < run->op_count; about.op++) {
            about.attempt = run->ops[about.op].put;
            if (about.attempt)
                waited(s, &about, index);
        }
    }
}

static void gauge(struct waiting *s, const struct engine_record *record)
{
    bool full = record->a >= record->b;

    if (full || s->full)
        s->full_ns = record->time_ns;
    s->full = full;
}

static void life(struct waiting *s, const struct engine_record *record)
{
    const struct check_world *world = s->head.world;
    struct worker *worker = worker_at(s, record->node);
    bool down = record->kind == ENGINE_REC_PROC_DOWN;

    if (!worker)
        return;
    worker->running = 0;
    worker->heard_ns = record->time_ns;
    if (record->node - world->worker_first >= world->worker_count ||
        down == fold_node_down(s->head.fold, record->node))
        return;
    if (down)
        s->down++;
    else if (s->down)
        s->down--;
}

static void heard(const struct waiting *s, const struct engine_record *record)
{
    struct worker *worker = worker_at(s, record->node);

    if (record->kind == ENGINE_REC_INVOKED ||
        record->kind == ENGINE_REC_WORK_CLAIMED)
        worker = worker_at(s, record->peer);
    if (!worker)
        return;
    worker->heard_ns = record->time_ns;
    if (record->kind == ENGINE_REC_ATTEMPT_BEGIN)
        worker->running++;
    if (record->kind == ENGINE_REC_ATTEMPT_END && worker->running)
        worker->running--;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct waiting *s = self;

    switch (record->kind) {
    case ENGINE_REC_WORLD_END:
        check_end(s, record, index);
        break;
    case ENGINE_REC_GAUGE:
        gauge(s, record);
        break;
    case ENGINE_REC_PROC_UP:
    case ENGINE_REC_PROC_DOWN:
        life(s, record);
        break;
    case ENGINE_REC_WORK_CUT:
        waited(s, record, index);
        break;
    default:
        if (record->kind == ENGINE_REC_WORK_CLAIMED)
            s->head.result->checked++;
        if (record->kind == ENGINE_REC_INVOKED ||
            record->kind == ENGINE_REC_WORK_CLAIMED)
            waited(s, record, index);
        heard(s, record);
        break;
    }
}

const struct check_ops check_waiting = {
    .id = "L6",
    .name = "no work waits beside a free slot",
    .unit = "claims",
    .kinds = CHECK_KIND(INVOKED) | CHECK_KIND(WORK_CLAIMED) |
             CHECK_KIND(WORK_CUT) | CHECK_KIND(ATTEMPT_BEGIN) |
             CHECK_KIND(ATTEMPT_END) | CHECK_KIND(GAUGE) | CHECK_KIND(PROC_UP) |
             CHECK_KIND(PROC_DOWN) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_waiting,
    .feed = feed,
    .close = close_waiting,
};
