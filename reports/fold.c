#include "reports/fold.h"

#include <stdlib.h>

#include "engine/point.h"

static const uint64_t folded =
    CHECK_KIND(START_OK) | CHECK_KIND(RESULT_SEEN) | CHECK_KIND(APPENDED) |
    CHECK_KIND(EVENT) | CHECK_KIND(LEASE_GRANTED) | CHECK_KIND(LEASE_RENEWED) |
    CHECK_KIND(LEASE_RELEASED) | CHECK_KIND(WORK_PUT) |
    CHECK_KIND(WORK_CLAIMED) | CHECK_KIND(WORK_DONE) | CHECK_KIND(WORK_TAKEN) |
    CHECK_KIND(WORK_CUT) | CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(OUTBOX_ACKED) |
    CHECK_KIND(SENT) | CHECK_KIND(STORE_OPENED) | CHECK_KIND(AUDIT_ROW) |
    CHECK_KIND(AUDIT_RUN) | CHECK_KIND(SYNC_FAILED) | CHECK_KIND(FAULT) |
    CHECK_KIND(FAULT_ENDED) | CHECK_KIND(PROC_DOWN) | CHECK_KIND(PROC_UP) |
    CHECK_KIND(PROC_PAUSED) | CHECK_KIND(PROC_RESUMED) | CHECK_KIND(CLOCK_SET) |
    CHECK_KIND(DISK_CRASH) | CHECK_KIND(DISK_FAULT) | CHECK_KIND(THROTTLED) |
    CHECK_KIND(KILLED);

int fold_init(struct fold *fold, const struct check_world *world)
{
    *fold = (struct fold){.world = world};
    fold->runs = calloc(world->runs_max + 1, sizeof(*fold->runs));
    return fold->runs ? 0 : -1;
}

void fold_deinit(struct fold *fold)
{
    for (uint64_t run = 0; fold->runs && run <= fold->world->runs_max; run++)
        free(fold->runs[run].ops);
    free(fold->runs);
    fold->runs = NULL;
}

const struct engine_graph *fold_graph(const struct fold *fold,
                                      const struct fold_run *run)
{
    if (!run->op_count || run->workflow >= fold->world->graph_count)
        return NULL;
    return fold->world->graphs[run->workflow];
}

const struct engine_node *fold_node(const struct fold *fold,
                                    const struct fold_run *run, uint32_t op)
{
    const struct engine_graph *graph = fold_graph(fold, run);

    return graph && op < run->op_count ? engine_graph_node(graph, op) : NULL;
}

const char *fold_op_name(const struct fold *fold, const struct fold_run *run,
                         uint32_t op)
{
    const struct engine_node *node = fold_node(fold, run, op);

    return node ? node->name : "?";
}

uint32_t fold_effect(const struct fold *fold, const struct fold_run *run,
                     uint32_t op)
{
    const struct check_world *world = fold->world;

    if (!fold_node(fold, run, op) || !world->effects ||
        !world->effects[run->workflow])
        return 0;
    return world->effects[run->workflow][op];
}

static void forget_ops(struct fold_run *run)
{
    if (!fold_terminal(run) || run->work_open ||
        !fold_has(run, FOLD_OUTBOX_ACKED))
        return;
    free(run->ops);
    run->ops = NULL;
    run->flags |= FOLD_FORGOTTEN;
}

static void create(struct fold *fold, struct fold_run *run, uint64_t workflow)
{
    run->state = ENGINE_RUN_RUNNING;
    if (run->ops || workflow >= fold->world->graph_count)
        return;
    run->workflow = (uint32_t)workflow;
    run->op_count = engine_graph_count(fold->world->graphs[workflow]);
    run->ops = calloc(run->op_count, sizeof(*run->ops));
    if (!run->ops)
        fold->failed = 1;
}

static void end_attempt(struct fold_op *op, const struct engine_record *event)
{
    op->phase = FOLD_ENDED;
    op->end = (uint8_t)event->detail;
    op->error = event->detail == ENGINE_EV_ATTEMPT_SUCCEEDED
                    ? ENGINE_ERR_NONE
                    : (uint8_t)event->a;
    op->retryable = event->b && event->detail != ENGINE_EV_ATTEMPT_SUCCEEDED &&
                    event->detail != ENGINE_EV_ATTEMPT_AMBIGUOUS;
}

static void op_event(struct fold_op *op, const struct engine_record *event)
{
    switch (event->detail) {
    case ENGINE_EV_OP_SCHEDULED:
        op->phase = FOLD_SCHEDULED;
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        op->phase = FOLD_RUNNING;
        op->attempt = event->attempt;
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        op->phase = FOLD_RETRY;
        op->due_ns = event->wall_ns + event->a;
        break;
    case ENGINE_EV_WAIT_STARTED:
        op->phase = FOLD_WAITING;
        op->due_ns = event->wall_ns + event->a;
        break;
    case ENGINE_EV_WAIT_FIRED:
        op->phase = FOLD_FIRED;
        break;
    case ENGINE_EV_OP_SUCCEEDED:
        op->phase = FOLD_SUCCEEDED;
        break;
    case ENGINE_EV_OP_FAILED:
        op->phase = FOLD_FAILED;
        break;
    default:
        end_attempt(op, event);
        break;
    }
}

static void set_state(struct fold_run *run, uint16_t state)
{
    run->state = state;
    run->row_state = state;
}

static void event_fold(struct fold *fold, struct fold_run *run,
                       const struct engine_record *event)
{
    run->last_event = event->detail;
    run->last_op = event->op;
    run->last_attempt = event->attempt;
    run->last_ns = event->time_ns;
    switch (event->detail) {
    case ENGINE_EV_RUN_CREATED:
        create(fold, run, event->a);
        break;
    case ENGINE_EV_LEASE_ACQUIRED:
        if (!fold_terminal(run))
            run->state = ENGINE_RUN_RUNNING;
        break;
    case ENGINE_EV_RUN_SUSPENDED:
        set_state(run, ENGINE_RUN_SUSPENDED);
        break;
    case ENGINE_EV_RUN_BLOCKED:
        set_state(run, ENGINE_RUN_BLOCKED);
        break;
    case ENGINE_EV_RUN_SUCCEEDED:
        set_state(run, ENGINE_RUN_SUCCEEDED);
        break;
    case ENGINE_EV_RUN_FAILED:
        set_state(run, ENGINE_RUN_FAILED);
        break;
    default:
        if (fold_op(run, event->op))
            op_event(fold_op(run, event->op), event);
        break;
    }
}

static void mark_unknown(struct fold_run *run, unsigned flag, uint64_t token)
{
    run->flags |= (uint16_t)flag;
    run->expires_ns = 0;
    if (token > run->token)
        run->token = token;
}

static void set_tail(struct fold_run *run, const struct engine_record *row)
{
    run->next_seq = row->a + row->count;
    run->tail = row->b;
    run->hash.lo = row->key;
    run->hash.hi = row->key_hi;
}

static void appended(struct fold *fold, struct fold_run *run,
                     const struct engine_record *row)
{
    set_tail(run, row);
    if (row->b > fold->last_position || row->detail)
        fold->last_position = row->b;
    fold->store_skew_ns = row->wall_ns - row->time_ns;
    if (row->state)
        run->row_state = row->state;
    if (row->detail)
        return;
    mark_unknown(run, FOLD_RECOVERED, row->token);
    run->flags &= (uint16_t)~FOLD_OPAQUE;
}

/* A row nobody acknowledged: its commit was in doubt and has survived. */
static void audit_row(struct fold_run *run, const struct engine_record *row)
{
    if (row->detail || row->b <= run->tail)
        return;
    set_tail(run, row);
    mark_unknown(run, FOLD_OPAQUE, row->token);
}

static void granted(struct fold_run *run, const struct engine_record *lease)
{
    if (lease->token < run->token)
        return;
    run->token = lease->token;
    run->holder = lease->peer;
    run->expires_ns = lease->a;
    run->flags &= (uint16_t)~FOLD_RELEASED;
}

static void lease_fold(struct fold_run *run, const struct engine_record *lease)
{
    if (lease->kind == ENGINE_REC_LEASE_GRANTED) {
        granted(run, lease);
        return;
    }
    if (lease->token != run->token)
        return;
    if (lease->kind == ENGINE_REC_LEASE_RENEWED)
        run->expires_ns = lease->a;
    else
        run->flags |= FOLD_RELEASED;
}

static void work_removed(struct fold_run *run, struct fold_op *op,
                         uint32_t attempt)
{
    if (op && op->put != attempt)
        return;
    if (op)
        op->put = 0;
    if (run->work_open)
        run->work_open--;
    forget_ops(run);
}

static void work_put(struct fold_run *run, struct fold_op *op, uint32_t attempt)
{
    if (!op || !op->put)
        run->work_open++;
    if (!op)
        return;
    op->put = attempt;
    op->done = 0;
    op->sent = 0;
}

static void work_claimed(struct fold_op *op, const struct engine_record *claim)
{
    if (claim->attempt < op->claimed)
        return;
    op->claimed = claim->attempt;
    op->claimer = claim->peer;
}

static void work_fold(struct fold_run *run, const struct engine_record *work)
{
    struct fold_op *op = fold_op(run, work->op);

    if (work->kind == ENGINE_REC_WORK_PUT)
        work_put(run, op, work->attempt);
    else if (work->kind == ENGINE_REC_WORK_TAKEN ||
             work->kind == ENGINE_REC_WORK_CUT)
        work_removed(run, op, work->attempt);
    else if (op && work->kind == ENGINE_REC_WORK_CLAIMED)
        work_claimed(op, work);
    else if (op && op->put == work->attempt)
        *(work->kind == ENGINE_REC_SENT ? &op->sent : &op->done) = 1;
}

static void disturb(struct fold *fold, const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_FAULT && record->detail == ENGINE_ACT_DEFECT)
        return;
    fold->disturbed_ns = record->time_ns;
}

static void process_fold(struct fold *fold, const struct engine_record *record)
{
    int down = record->kind == ENGINE_REC_PROC_DOWN;

    if (!down || record->detail)
        disturb(fold, record);
    if (record->node != fold->world->store_node)
        return;
    if (down && record->detail)
        fold->in_doubt_ns = record->time_ns;
    if (down && !fold->store_down_ns)
        fold->store_down_ns = record->time_ns;
    if (down || !fold->store_down_ns)
        return;
    fold->store_away_ns += record->time_ns - fold->store_down_ns;
    fold->store_down_ns = 0;
}

static void world_fold(struct fold *fold, const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_STORE_OPENED:
        if (!record->count)
            fold->last_position = record->a;
        break;
    case ENGINE_REC_PROC_DOWN:
    case ENGINE_REC_PROC_UP:
        process_fold(fold, record);
        break;
    case ENGINE_REC_SYNC_FAILED:
        fold->in_doubt_ns = record->time_ns;
        disturb(fold, record);
        break;
    default:
        disturb(fold, record);
        break;
    }
}

static void client_fold(struct fold_run *run,
                        const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_RESULT_SEEN) {
        run->flags |= FOLD_RESULT_SEEN;
        return;
    }
    if (!fold_has(run, FOLD_START_OK))
        run->started_ns = record->time_ns;
    run->flags |= FOLD_START_OK;
}

static void run_fold(struct fold *fold, struct fold_run *run,
                     const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        event_fold(fold, run, record);
        break;
    case ENGINE_REC_APPENDED:
        appended(fold, run, record);
        break;
    case ENGINE_REC_START_OK:
    case ENGINE_REC_RESULT_SEEN:
        client_fold(run, record);
        break;
    case ENGINE_REC_LEASE_GRANTED:
    case ENGINE_REC_LEASE_RENEWED:
    case ENGINE_REC_LEASE_RELEASED:
        lease_fold(run, record);
        break;
    case ENGINE_REC_OUTBOX_PUT:
        run->flags |= FOLD_OUTBOX_PUT;
        break;
    case ENGINE_REC_OUTBOX_ACKED:
        run->flags |= FOLD_OUTBOX_ACKED;
        forget_ops(run);
        break;
    case ENGINE_REC_AUDIT_ROW:
        audit_row(run, record);
        break;
    case ENGINE_REC_AUDIT_RUN:
        run->flags |= FOLD_AUDITED;
        run->row_state = record->state;
        if (fold_has(run, FOLD_OPAQUE))
            run->state = record->state;
        break;
    default:
        work_fold(run, record);
        break;
    }
}

/* Kinds that are about the world, even if they name a run. */
static bool about_world(unsigned kind)
{
    return kind == ENGINE_REC_STORE_OPENED || kind == ENGINE_REC_SYNC_FAILED ||
           kind == ENGINE_REC_THROTTLED || kind >= ENGINE_REC_KILLED;
}

void fold_feed(struct fold *fold, const struct engine_record *record)
{
    struct fold_run *run;

    if (record->kind >= ENGINE_REC_COUNT || !(folded >> record->kind & 1))
        return;
    if (about_world(record->kind)) {
        world_fold(fold, record);
        return;
    }
    run = fold_run(fold, record->run);
    if (run)
        run_fold(fold, run, record);
}

bool fold_settled(const struct fold *fold, const struct engine_record *end,
                  uint64_t since_ns)
{
    if (fold->disturbed_ns > since_ns)
        since_ns = fold->disturbed_ns;
    return end->a == 0 ||
           end->time_ns >= since_ns + fold->world->progress_bound_ns;
}

bool fold_in_doubt(const struct fold *fold, const struct fold_run *run)
{
    return fold->in_doubt_ns > run->last_ns;
}

uint64_t fold_drift(const struct fold *fold, uint64_t span_ns)
{
    uint64_t ppm = fold->world->envelope.drift_max_ppb / 1000 + 1;

    return span_ns / 1000000 * ppm * 2;
}

const char *fold_phase_name(unsigned phase)
{
    static const char *const names[] = {
        "not scheduled", "scheduled", "running",   "ended",  "waiting to retry",
        "waiting",       "fired",     "succeeded", "failed",
    };
    return phase < sizeof(names) / sizeof(*names) ? names[phase] : "?";
}

const char *fold_state_name(unsigned state)
{
    static const char *const names[] = {
        "not created", "running",   "suspended", "blocked", "succeeded",
        "failed",      "cancelled", "timed out", "stopped", "paused",
    };
    return state < sizeof(names) / sizeof(*names) ? names[state] : "?";
}
