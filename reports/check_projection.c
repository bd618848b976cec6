/*
 * S11: at the end of the world the store's rows are the fold of the log: the
 * run row's next seq, tail, hash, state and token, and one work row for each
 * attempt that is scheduled and has not ended.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/waits.h"

struct row {
    uint32_t work; /* rows found of attempts that must have one */
    uint32_t seen; /* the run row was found */
};

struct projection {
    struct check_self head;
    struct check_by_run rows; /* struct row */
    uint64_t last_run;        /* the work row before */
    uint32_t last_op;
};

static void close_projection(void *self)
{
    struct projection *s = self;

    check_by_run_deinit(&s->rows);
    free(s);
}

static void *open_projection(const struct check_view *view,
                             struct check_result *result)
{
    struct projection *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    if (check_by_run_init(&s->rows, view->fold, sizeof(struct row))) {
        close_projection(s);
        return NULL;
    }
    return s;
}

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": " format, (record)->run, __VA_ARGS__)

static void audit_run(struct projection *s, const struct fold_run *run,
                      const struct engine_record *row, uint64_t index)
{
    uint64_t next = run->next_seq ? run->next_seq : 1;
    struct row *found = check_by_run(&s->rows, row->run);

    s->head.result->checked++;
    if (!found)
        return;
    found->seen = 1;
    if (row->a != next)
        WRONG(s, row, index,
              "its row says the next seq is %" PRIu64 ", its log %" PRIu64,
              row->a, next);
    else if (row->b != run->tail)
        WRONG(s, row, index,
              "its row says the last log row is at position %" PRIu64
              ", the log %" PRIu64,
              row->b, run->tail);
    else if (row->key != run->hash.lo || row->key_hi != run->hash.hi)
        WRONG(s, row, index,
              "its row has hash %016" PRIx64 ", its log %016" PRIx64, row->key,
              run->hash.lo);
    else if (row->state != run->row_state && !fold_has(run, FOLD_OPAQUE))
        WRONG(s, row, index, "its row says %s, its log %s",
              fold_state_name(row->state), fold_state_name(run->row_state));
    else if (row->token < run->token)
        WRONG(s, row, index,
              "its row has token %" PRIu64 ", but %" PRIu64 " was granted",
              row->token, run->token);
}

static bool is_open(const struct fold_op *op)
{
    return op->phase == FOLD_SCHEDULED || op->phase == FOLD_RUNNING;
}

static void audit_work(struct projection *s, const struct fold_run *run,
                       const struct engine_record *row, uint64_t index)
{
    const struct fold_op *op = fold_op(run, row->op);
    const char *name = fold_op_name(s->head.fold, run, row->op);
    uint32_t expected = op ? op->attempt + (op->phase == FOLD_SCHEDULED) : 0;
    int repeat = row->run == s->last_run && row->op == s->last_op;
    struct row *found = check_by_run(&s->rows, row->run);

    if (!found || fold_has(run, FOLD_OPAQUE))
        return;
    s->head.result->checked++;
    s->last_run = row->run;
    s->last_op = row->op;
    if (!op || !is_open(op) || row->attempt != expected || repeat) {
        WRONG(s, row, index,
              "a work row stands for attempt %u of %s, which by the log is %s",
              row->attempt, name, op ? fold_phase_name(op->phase) : "over");
        return;
    }
    found->work++;
}

/* The first operation that must have a work row. */
static const char *first_open(const struct projection *s,
                              const struct fold_run *run, uint32_t *count)
{
    const char *name = "?";

    *count = 0;
    for (uint32_t op = 0; run->ops && op < run->op_count; op++)
        if (is_open(&run->ops[op]) && !(*count)++)
            name = fold_op_name(s->head.fold, run, op);
    return name;
}

static void check_run(struct projection *s, const struct fold_run *run,
                      const struct engine_record *about, uint64_t index)
{
    const struct row *row = check_by_run(&s->rows, about->run);
    const char *name;
    uint32_t open;

    if (!row || !run->next_seq)
        return;
    name = first_open(s, run, &open);
    if (!row->seen)
        WRONG(s, about, index,
              "its log goes to seq %" PRIu64 ", but it has no run row",
              run->next_seq - 1);
    else if (!fold_terminal(run) && !fold_has(run, FOLD_OPAQUE) &&
             row->work < open)
        WRONG(s, about, index,
              "by its log %u attempts are open, the first of %s, but %u have "
              "a work row",
              open, name, row->work);
}

/* An owner found its run without a row that the log promises. */
static void disagreed(struct projection *s, const struct engine_record *error,
                      uint64_t index)
{
    struct check_node word;
    char why[200];

    waits_text(s->head.fold, error->run, error->time_ns, why, sizeof(why));
    check_violation(s->head.result, error, index,
                    "run %" PRIu64 ": %s found that the rows and the "
                    "log do not agree; the run %s",
                    error->run, check_node(&word, s->head.world, error->node),
                    why);
    check_waits(&s->head, error);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct projection *s = self;
    struct engine_record about = *record;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (record->kind == ENGINE_REC_ENGINE_ERROR)
        disagreed(s, record, index);
    if (run && record->kind == ENGINE_REC_AUDIT_RUN)
        audit_run(s, run, record, index);
    else if (run && record->kind == ENGINE_REC_AUDIT_WORK)
        audit_work(s, run, record, index);
    if (record->kind != ENGINE_REC_AUDIT_DONE || !record->detail)
        return;
    for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
        about.run = fold_number(s->head.fold, slot);
        check_run(s, fold_at(s->head.fold, slot), &about, index);
    }
}

const struct check_ops check_projection = {
    .id = "S11",
    .name = "rows are the fold of the log",
    .unit = "run and work rows",
    .kinds = CHECK_KIND(AUDIT_RUN) | CHECK_KIND(AUDIT_WORK) |
             CHECK_KIND(AUDIT_DONE) | CHECK_KIND(ENGINE_ERROR),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = open_projection,
    .feed = feed,
    .close = close_projection,
};
