/*
 * S17: no silent corruption. Bytes that changed by themselves are told to
 * who reads them, or noticed by who reads them: the run or the file is
 * refused, the reader stops. A read that nobody ever minded was believed. A
 * row that an audit finds broken, although no corrupted byte has been read,
 * was broken by the engine.
 *
 * A sector once noticed may be read again: it holds other rows as well. Reads
 * by the last audit itself prove nothing, they happen in the moment it ends.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/point.h"
#include "reports/check_each.h"
#include "reports/fold.h"

enum {
    TAINTS_MAX = 64
};

/* A corrupted sector that was read. */
struct taint {
    struct engine_record record; /* the first read nobody has minded yet */
    uint64_t index;
    int noticed;
};

struct corruption {
    struct check_self head;
    struct taint taints[TAINTS_MAX]; /* further sectors are only counted */
    uint32_t count;
    int tainted; /* corrupted bytes have been read */
};

static void *open_corruption(const struct check_view *view,
                             struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct corruption));
}

static void taint_read(struct corruption *s, const struct engine_record *read,
                       uint64_t index)
{
    uint32_t i = 0;

    s->tainted = 1;
    while (i < s->count && s->taints[i].record.a != read->a)
        i++;
    if (i < s->count) {
        s->taints[i].noticed |= read->detail != 0;
        return;
    }
    if (s->count == TAINTS_MAX)
        return;
    s->taints[s->count++] = (struct taint){*read, index, read->detail != 0};
}

static void noticed(struct corruption *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->taints[i].noticed = 1;
}

/* Every read before now had its chance. */
static void settle(struct corruption *s, const struct engine_record *now)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct taint *taint = &s->taints[i];
        struct check_node word;

        if (!taint->noticed && taint->record.time_ns < now->time_ns)
            check_violation(
                s->head.result, &taint->record, taint->index,
                "%s read a corrupted sector at offset "
                "%" PRIu64 " and believed it",
                check_node(&word, s->head.world, taint->record.node),
                taint->record.a);
    }
    noticed(s);
}

static void audit_row(struct corruption *s, const struct engine_record *row,
                      uint64_t index)
{
    if (!row->detail)
        return;
    if (!s->tainted)
        check_violation(s->head.result, row, index,
                        "run %" PRIu64 ": the row at position %" PRIu64
                        " does not have the hash of its content, and no "
                        "corrupted byte was read",
                        row->run, row->b);
}

/* Whether this is a reader's way of saying that something is wrong. */
static bool minds(const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_STORE_OPENED:
    case ENGINE_REC_AUDIT_DONE:
        return record->count != 0;
    case ENGINE_REC_REJECTED:
        return record->count == ENGINE_FAILED ||
               (record->count == ENGINE_REFUSED &&
                record->detail != ENGINE_REQ_APPEND &&
                record->detail != ENGINE_REQ_CREATE);
    case ENGINE_REC_PROC_DOWN:
        return record->detail == ENGINE_ACT_ERROR;
    default:
        return record->kind == ENGINE_REC_SYNC_FAILED;
    }
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct corruption *s = self;

    if (record->kind == ENGINE_REC_AUDIT_ROW ||
        record->kind == ENGINE_REC_TAINT_READ)
        s->head.result->checked++;
    if (record->kind == ENGINE_REC_TAINT_READ)
        taint_read(s, record, index);
    else if (record->kind == ENGINE_REC_AUDIT_ROW)
        audit_row(s, record, index);
    else if (record->kind == ENGINE_REC_WORLD_END ||
             (record->kind == ENGINE_REC_AUDIT_DONE && record->detail))
        settle(s, record);
    else if (minds(record))
        noticed(s);
}

const struct check_ops check_corruption = {
    .id = "S17",
    .name = "no silent corruption",
    .unit = "audited rows and tainted reads",
    .kinds = CHECK_KIND(AUDIT_ROW) | CHECK_KIND(TAINT_READ) |
             CHECK_KIND(AUDIT_DONE) | CHECK_KIND(STORE_OPENED) |
             CHECK_KIND(REJECTED) | CHECK_KIND(PROC_DOWN) |
             CHECK_KIND(SYNC_FAILED) | CHECK_KIND(WORLD_END),
    .excuses = 0,
    .open = open_corruption,
    .feed = feed,
    .close = check_self_close,
};
