/*
 * S13: a snapshot is no more than its log. Whenever a run is read from its
 * snapshot and the rows behind it, and for each snapshot that is left at the
 * end, both fold to the state that the whole log folds to. Graphs have no
 * snapshots: they are always folded from the start.
 */
#include <inttypes.h>

#include "reports/check_each.h"

static int has_snapshots(const struct check_world *world)
{
    return world->snapshots;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;

    s->result->checked++;
    if (record->detail)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": its snapshot up to seq %" PRIu64
                        " and the rows behind it fold to another state than "
                        "its log",
                        record->run, record->a);
}

const struct check_ops check_snapshot = {
    .id = "S13",
    .name = "snapshots are what their logs say",
    .unit = "snapshots that were read",
    .kinds = CHECK_KIND(RESTORED),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_DISK | CHECK_BEYOND_ROT,
    .applies = has_snapshots,
    .needs = "the engine takes no snapshots here",
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
