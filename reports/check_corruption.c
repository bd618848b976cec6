/*
 * S17: no silent corruption. Bytes that changed by themselves are never
 * believed by who reads them. A row that an audit finds broken, although no
 * corrupted byte has been read, was broken by the engine.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

struct corruption {
    struct check_self head;
    int tainted; /* corrupted bytes have been read */
};

static void *open_corruption(const struct check_view *view,
                             struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct corruption));
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct corruption *s = self;

    s->head.result->checked++;
    if (record->kind == ENGINE_REC_TAINT_READ) {
        s->tainted = 1;
        if (!record->detail)
            check_violation(s->head.result, record, index,
                            "node %u read a corrupted sector at offset "
                            "%" PRIu64 " and believed it",
                            record->node, record->a);
    } else if (record->detail && !s->tainted) {
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": the row at position %" PRIu64
                        " does not have the hash of its content, and no "
                        "corrupted byte was read",
                        record->run, record->b);
    }
}

const struct check_ops check_corruption = {
    .id = "S17",
    .name = "no silent corruption",
    .unit = "audited rows and tainted reads",
    .kinds = CHECK_KIND(AUDIT_ROW) | CHECK_KIND(TAINT_READ),
    .excuses = 0,
    .open = open_corruption,
    .feed = feed,
    .close = check_self_close,
};
