/*
 * L7: goodput returns. Once the bound has passed since the last disturbance,
 * at least 95 % of the runs that are started from then on, or all but one, get
 * done in time: they end, or are held or suspended for something they wait for,
 * within the same bound from their start. A system that stays slow by its own
 * doing (retries that feed on themselves, a backlog that is worked off one by
 * one) serves its old load and fails the new one.
 *
 * It is judged only where load goes on for long enough after the last
 * disturbance, where there was one, and where the platform can carry the load.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/served.h"

enum {
    OFFERED_MIN = 6,
    LOAD_MAX_MILLI = 800,
    GOOD_MIN_MILLI = 950
};

struct goodput {
    struct check_self head;
    struct served served;
};

static void close_goodput(void *self)
{
    struct goodput *s = self;

    served_deinit(&s->served);
    check_self_close(self);
}

static void *open_goodput(const struct check_view *view,
                          struct check_result *result)
{
    struct goodput *s = check_self_new(view, result, sizeof(*s));

    if (s && served_init(&s->served, view)) {
        close_goodput(s);
        return NULL;
    }
    return s;
}

static bool applies(const struct check_world *world)
{
    return world->load_milli && world->load_milli <= LOAD_MAX_MILLI &&
           world->heal == CHECK_HEAL_ALL;
}

static void check_end(struct goodput *s, const struct engine_record *end,
                      uint64_t index)
{
    uint64_t bound = s->head.world->goodput_bound_ns;
    uint64_t disturbed = s->head.fold->disturbed_ns;
    struct engine_record about = *end;
    struct served_span span = {
        .from_ns = disturbed + bound + 1,
        .to_ns = end->time_ns,
        .end_ns = end->time_ns,
        .bound_ns = bound,
    };
    struct served_count all;

    s->head.result->absent = 1;
    if (!disturbed || !applies(s->head.world))
        return;
    all = served_in(&s->served, &span);
    if (all.offered < OFFERED_MIN)
        return;
    s->head.result->absent = 0;
    s->head.result->checked = all.offered;
    if (all.late <= 1 ||
        (all.offered - all.late) * 1000 >= all.offered * GOOD_MIN_MILLI)
        return;
    about.run = all.first;
    check_violation(s->head.result, &about, index,
                    "of %" PRIu64 " runs that started after %.6f s, %.6f s "
                    "after the last fault, %" PRIu64 " were not done within "
                    "%.6f s, expected at most 5 %% or one; run %" PRIu64
                    " is the first of them",
                    all.offered, check_seconds(disturbed + bound),
                    check_seconds(bound), all.late, check_seconds(bound),
                    all.first);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct goodput *s = self;

    if (record->kind == ENGINE_REC_WORLD_END)
        check_end(s, record, index);
    else
        served_feed(&s->served, record);
}

const struct check_ops check_goodput = {
    .id = "L7",
    .name = "goodput returns",
    .unit = "runs offered after the last fault",
    .kinds = SERVED_KINDS | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_goodput,
    .feed = feed,
    .close = close_goodput,
};
