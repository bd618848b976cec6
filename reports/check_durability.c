/*
 * S1: what was acknowledged stays. Rows of a run follow one another without
 * a gap, rows of the store stand at consecutive positions, and what an audit
 * finds on disk is what had been acknowledged, to the last hash. Since each
 * hash covers the former row, the last one speaks for all of a run.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"

/* What the current audit has found of a run. */
struct found {
    uint64_t next_seq;
    uint64_t dirty_next; /* list of runs appended to since the last audit */
    uint32_t scan;       /* which audit */
    uint32_t dirty;
};

struct durability {
    struct check_self head;
    struct check_by_run found; /* struct found */
    uint64_t dirty_first;
    uint64_t position; /* last one of the audit under way */
    uint32_t scan;
    int scanning;
    int cut_short;    /* an audit could not read on and will be continued */
    uint64_t row_run; /* the appended row whose events are due */
    uint64_t row_seq;
    uint64_t row_end;
};

static void close_durability(void *self)
{
    struct durability *s = self;

    check_by_run_deinit(&s->found);
    free(s);
}

static void *open_durability(const struct check_view *view,
                             struct check_result *result)
{
    struct durability *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    if (check_by_run_init(&s->found, view->fold, sizeof(struct found))) {
        close_durability(s);
        return NULL;
    }
    return s;
}

static uint64_t next_seq(const struct fold_run *run)
{
    return run->next_seq ? run->next_seq : 1;
}

static void mark_dirty(struct durability *s, uint64_t run)
{
    struct found *found = check_by_run(&s->found, run);

    if (!found || found->dirty)
        return;
    found->dirty = 1;
    found->dirty_next = s->dirty_first;
    s->dirty_first = run;
}

static void check_row_whole(struct durability *s,
                            const struct engine_record *record, uint64_t index)
{
    if (s->row_seq != s->row_end)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": a row was to end before seq %" PRIu64
                        ", but its events stop before seq %" PRIu64,
                        s->row_run, s->row_end, s->row_seq);
}

static void check_place(struct durability *s, const struct fold_run *run,
                        const struct engine_record *row, uint64_t index)
{
    uint64_t last = s->head.fold->last_position;

    if (row->a != next_seq(run))
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": expected a row from seq %" PRIu64
                        ", found one from seq %" PRIu64,
                        row->run, next_seq(run), row->a);
    /* Rows that survived a commit in doubt are announced when found. */
    if (row->detail && row->b != last + 1)
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": expected a row at position %" PRIu64
                        ", found it at %" PRIu64,
                        row->run, last + 1, row->b);
}

static void appended(struct durability *s, const struct engine_record *row,
                     uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, row->run);

    check_row_whole(s, row, index);
    s->row_run = row->run;
    s->row_seq = row->a;
    s->row_end = row->a + row->count;
    if (!run)
        return;
    s->head.result->checked++;
    mark_dirty(s, row->run);
    /* Announced after the audit had met it. */
    if (!row->detail && fold_has(run, FOLD_OPAQUE) && row->b == run->tail)
        return;
    check_place(s, run, row, index);
}

static void event(struct durability *s, const struct engine_record *record,
                  uint64_t index)
{
    if (record->run != s->row_run || record->key != s->row_seq ||
        s->row_seq == s->row_end)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": event %s with seq %" PRIu64
                        " belongs to no row; expected seq %" PRIu64
                        " of run %" PRIu64,
                        record->run, engine_event_name(record->detail),
                        record->key, s->row_seq, s->row_run);
    else
        s->row_seq++;
}

static void opened(struct durability *s, const struct engine_record *record,
                   uint64_t index)
{
    uint64_t last = s->head.fold->last_position;

    if (!s->cut_short)
        s->scanning = 0;
    s->row_end = s->row_seq;
    if (record->count)
        check_violation(s->head.result, record, index,
                        "the store was refused as damaged; %" PRIu64
                        " positions had been acknowledged",
                        last);
    else if (record->a < last)
        check_violation(s->head.result, record, index,
                        "the store came back with positions up to %" PRIu64
                        ", but %" PRIu64 " had been acknowledged",
                        record->a, last);
}

/* The seq an audit must find next of this run. */
static uint64_t expected_seq(const struct durability *s,
                             const struct fold_run *run,
                             const struct found *found,
                             const struct engine_record *row)
{
    if (found->scan == s->scan)
        return found->next_seq;
    if (row->b > run->tail)
        return next_seq(run); /* unacknowledged, survived */
    return row->a < next_seq(run) ? row->a : next_seq(run);
}

static void compare_row(struct durability *s, const struct fold_run *run,
                        const struct engine_record *row, uint64_t index)
{
    struct found *found = check_by_run(&s->found, row->run);
    uint64_t expected = found ? expected_seq(s, run, found, row) : row->a;

    if (!found)
        return;
    if (row->a != expected)
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": expected a row from seq %" PRIu64
                        " at position %" PRIu64 ", found one from seq %" PRIu64,
                        row->run, expected, row->b, row->a);
    else if (row->b == run->tail &&
             (row->key != run->hash.lo || row->key_hi != run->hash.hi))
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": the row at position %" PRIu64
                        " was acknowledged with hash %016" PRIx64
                        ", found with %016" PRIx64,
                        row->run, row->b, run->hash.lo, row->key);
    found->scan = s->scan;
    found->next_seq = row->a + row->count;
}

static void begin_scan(struct durability *s, uint64_t position)
{
    if (s->scanning && !(s->cut_short && position == 1))
        return;
    s->cut_short = 0;
    s->scanning = 1;
    s->scan++;
    s->position = position - 1;
}

static void audit_row(struct durability *s, const struct engine_record *row,
                      uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, row->run);

    begin_scan(s, row->b);
    s->head.result->checked++;
    if (row->detail)
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": the hash of the row at position "
                        "%" PRIu64 " does not fit its content",
                        row->run, row->b);
    if (row->b != s->position + 1)
        check_violation(s->head.result, row, index,
                        "expected a row at position %" PRIu64
                        ", the next one found is at %" PRIu64,
                        s->position + 1, row->b);
    s->position = row->b;
    if (run)
        compare_row(s, run, row, index);
}

static void check_found(struct durability *s, uint64_t run,
                        const struct engine_record *done, uint64_t index)
{
    const struct found *found = check_by_run(&s->found, run);
    uint64_t expected = fold_run(s->head.fold, run)->next_seq;
    uint64_t next = found && found->scan == s->scan ? found->next_seq : 1;

    if (!found || next >= expected)
        return;
    check_violation(s->head.result, done, index,
                    "run %" PRIu64 ": events up to seq %" PRIu64
                    " were acknowledged, the audit found them up to %" PRIu64,
                    run, expected - 1, next - 1);
}

static void check_dirty(struct durability *s, const struct engine_record *done,
                        uint64_t index)
{
    while (s->dirty_first) {
        uint64_t run = s->dirty_first;
        struct found *found = check_by_run(&s->found, run);

        s->dirty_first = found->dirty_next;
        found->dirty = 0;
        check_found(s, run, done, index);
    }
}

static void audit_done(struct durability *s, const struct engine_record *done,
                       uint64_t index)
{
    if (!s->scanning)
        begin_scan(s, 1);
    s->cut_short = done->count && !done->detail;
    if (s->cut_short)
        return;
    if (done->count)
        check_violation(s->head.result, done, index,
                        "the log cannot be read beyond position %" PRIu64
                        " of %" PRIu64,
                        s->position, s->head.fold->last_position);
    if (!done->detail)
        check_dirty(s, done, index);
    for (uint64_t slot = 1; done->detail && slot <= fold_count(s->head.fold);
         slot++)
        check_found(s, fold_number(s->head.fold, slot), done, index);
    s->scanning = 0;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    switch (record->kind) {
    case ENGINE_REC_APPENDED:
        appended(self, record, index);
        break;
    case ENGINE_REC_EVENT:
        event(self, record, index);
        break;
    case ENGINE_REC_STORE_OPENED:
        opened(self, record, index);
        break;
    case ENGINE_REC_AUDIT_ROW:
        audit_row(self, record, index);
        break;
    default:
        audit_done(self, record, index);
        break;
    }
}

const struct check_ops check_durability = {
    .id = "S1",
    .name = "durability and log integrity",
    .unit = "log rows",
    .kinds = CHECK_KIND(APPENDED) | CHECK_KIND(EVENT) |
             CHECK_KIND(STORE_OPENED) | CHECK_KIND(AUDIT_ROW) |
             CHECK_KIND(AUDIT_DONE),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = open_durability,
    .feed = feed,
    .close = close_durability,
};
