#include "engine/recover.h"

const struct engine_run_row *
engine_recover_row(const struct engine_reply *reply)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_RUN &&
            item->size >= sizeof(struct engine_run_row))
            return engine_item_payload(item);
    }
    return NULL;
}

/*
 * One LOG item: the time of the row, then its events. now_ns is what a defect
 * takes for the time at which the run began; 0: it is off.
 */
static int fold_log(struct engine_run *run, const struct engine_item *log,
                    uint64_t now_ns)
{
    uint64_t time_ns;
    const unsigned char *at = engine_item_payload(log);
    const unsigned char *end = at + log->size;
    memcpy(&time_ns, at, sizeof(time_ns));
    if (now_ns && log->a == 1)
        time_ns = now_ns;
    at += sizeof(time_ns);
    while (at < end) {
        const struct engine_item *event = (const void *)at;
        int error = engine_run_apply(run, event, time_ns);
        if (error)
            return error;
        at += engine_item_span(event->size);
    }
    return 0;
}

/* Seeded defects that live in the reading of logs. */
static void spoil_state(const struct engine_defects *defects,
                        struct engine_run *run)
{
    bool forget = engine_defect(defects, ENGINE_DEFECT_ATTEMPT_IN_MEMORY);
    bool rerun = run->state == ENGINE_RUN_RUNNING &&
                 engine_defect(defects, ENGINE_DEFECT_RECOVER_RERUN_DONE);
    bool at_once = engine_defect(defects, ENGINE_DEFECT_RETRY_DUE_LOST);
    bool unmarked = run->state == ENGINE_RUN_RUNNING &&
                    engine_defect(defects, ENGINE_DEFECT_TIMER_FIRE_THEN_MARK);
    bool empty = engine_defect(defects, ENGINE_DEFECT_OUTPUTS_LOST);
    for (uint32_t op = 0; op < run->op_count; op++) {
        struct engine_op *state = &run->ops[op];
        if (empty && state->state == ENGINE_OP_SUCCEEDED) {
            engine_delete(run->memory, state->output);
            state->output = NULL;
            state->output_size = 0;
        }
        if (forget && state->state == ENGINE_OP_RETRY_WAIT)
            state->attempt = 1;
        if (at_once && state->state == ENGINE_OP_RETRY_WAIT)
            state->due_ns = 1;
        if (unmarked && state->state == ENGINE_OP_SUCCEEDED &&
            engine_graph_node(run->graph, op)->kind == ENGINE_NODE_WAIT) {
            state->state = ENGINE_OP_WAITING;
            run->succeeded_count--;
            run->open[run->open_count++] = op;
        }
        if (rerun && state->state == ENGINE_OP_SUCCEEDED &&
            engine_graph_node(run->graph, op)->kind == ENGINE_NODE_STEP) {
            state->state = ENGINE_OP_IDLE;
            run->succeeded_count--;
            rerun = false;
        }
    }
}

int engine_recover_run(const struct engine_memory *memory,
                       const struct engine_defects *defects,
                       const struct engine_graph *graph,
                       const struct engine_run_row *row,
                       const struct engine_reply *reply,
                       const struct engine_limits *limits,
                       struct engine_run **run, uint64_t *snapshot)
{
    *snapshot = 0;
    *run =
        engine_run_new_within(memory, row->run, row->workflow, graph, limits);
    if (!*run)
        return -1;
    if ((*run)->execution)
        (*run)->execution->defects = defects;
    uint64_t seq = 1;
    uint64_t now_ns = engine_defect(defects, ENGINE_DEFECT_REPLAY_USES_NOW)
                          ? reply->store_time_ns
                          : 0;
    int error = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_SNAPSHOT && seq == 1 && !error) {
            error =
                engine_run_restore(*run, engine_item_payload(item), item->size);
            seq = item->a + 1;
            *snapshot = item->a;
        }
        if (item->type != ENGINE_ITEM_LOG || error)
            continue;
        error = item->a == seq ? fold_log(*run, item, now_ns) : -2;
        seq += item->attempt;
    }
    if (error == -1) {
        engine_run_free(*run);
        *run = NULL;
        return -1;
    }
    if (!error && (seq != row->next_seq || (*run)->state != row->state))
        error = -2;
    spoil_state(defects, *run);
    engine_run_settle(*run);
    if ((*run)->state == ENGINE_RUN_PAUSED &&
        engine_defect(defects, ENGINE_DEFECT_READY_IN_MEMORY))
        (*run)->ready_count = 0;
    return error;
}

bool engine_recover_rows_agree(const struct engine_run *run,
                               const struct engine_reply *reply)
{
    for (uint32_t i = 0; i < run->open_count; i++) {
        const struct engine_op *op = &run->ops[run->open[i]];
        bool found = op->state != ENGINE_OP_SCHEDULED;
        ENGINE_REPLY_ITEMS(reply, item)
        {
            found = found ||
                    (item->type == ENGINE_ITEM_WORK &&
                     item->op == run->open[i] && item->attempt == op->attempt);
        }
        if (!found)
            return false;
    }
    return true;
}
