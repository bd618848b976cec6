/*
 * S7: replay is deterministic. Each time the owner of a run asks for events
 * to be written, the log as it was acknowledged and these events fold to the
 * state that the owner is in: whoever reads the log comes to the same, and
 * would go on from there. The simulator does the folding (--paranoid), the
 * engine does not know.
 */
#include <inttypes.h>

#include "reports/check_each.h"

static int is_paranoid(const struct check_world *world)
{
    return world->paranoid;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    struct check_node word;

    s->result->checked++;
    if (record->detail)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": at seq %" PRIu64 " %s is in another "
                        "state than its log folds to",
                        record->run, record->a,
                        check_node(&word, s->world, record->node));
}

const struct check_ops check_replay = {
    .id = "S7",
    .name = "replay determinism",
    .unit = "states of owners",
    .kinds = CHECK_KIND(REPLAYED),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_DISK | CHECK_BEYOND_ROT,
    .applies = is_paranoid,
    .needs = "logs are not folded again after each event (--paranoid)",
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
