/*
 * L7: goodput returns. Once the bound has passed since the last disturbance,
 * at least 95 % of the runs that are started from then on get done in time:
 * they end, or are held or suspended for something they wait for, within the
 * same bound from their start. A system that stays slow by its own doing
 * (retries that feed on themselves, a backlog that is worked off one by one)
 * serves its old load and fails the new one.
 *
 * It is judged only where load goes on for long enough after the last
 * disturbance, where there was one, and where the platform can carry the load.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

enum {
    OFFERED_MIN = 20,
    LOAD_MAX_MILLI = 800,
    GOOD_MIN_MILLI = 950
};

struct served {
    uint64_t started_ns;
    uint64_t done_ns; /* 0: it is not */
};

struct goodput {
    struct check_self head;
    struct check_by_run runs; /* struct served */
};

static void close_goodput(void *self)
{
    struct goodput *s = self;

    check_by_run_deinit(&s->runs);
    check_self_close(self);
}

static void *open_goodput(const struct check_view *view,
                          struct check_result *result)
{
    struct goodput *s = check_self_new(view, result, sizeof(*s));

    if (s && check_by_run_init(&s->runs, view->fold, sizeof(struct served))) {
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

struct tally {
    uint64_t offered;
    uint64_t late;
    uint64_t first; /* run that was late first, by number */
};

static struct tally tally(struct goodput *s, uint64_t from, uint64_t end_ns)
{
    uint64_t bound = s->head.world->goodput_bound_ns;
    struct tally tally = {0};

    for (uint64_t slot = 1; slot <= s->head.world->runs_max; slot++) {
        uint64_t run = fold_number(s->head.fold, slot);
        const struct served *served = check_by_run(&s->runs, run);

        if (!served || served->started_ns <= from)
            continue;
        /* The world ended before it could be late. */
        if (!served->done_ns && end_ns - served->started_ns <= bound)
            continue;
        tally.offered++;
        if (served->done_ns && served->done_ns - served->started_ns <= bound)
            continue;
        if (!tally.late++)
            tally.first = run;
    }
    return tally;
}

static void check_end(struct goodput *s, const struct engine_record *end,
                      uint64_t index)
{
    uint64_t bound = s->head.world->goodput_bound_ns;
    uint64_t disturbed = s->head.fold->disturbed_ns;
    struct engine_record about = *end;
    struct tally all;

    s->head.result->absent = 1;
    if (!disturbed || !applies(s->head.world))
        return;
    all = tally(s, disturbed + bound, end->time_ns);
    if (all.offered < OFFERED_MIN)
        return;
    s->head.result->absent = 0;
    s->head.result->checked = all.offered;
    if ((all.offered - all.late) * 1000 >= all.offered * GOOD_MIN_MILLI)
        return;
    about.run = all.first;
    check_violation(
        s->head.result, &about, index,
        "of %" PRIu64 " runs that started after %.6f s, %.6f s "
        "after the last fault, %" PRIu64 " were not done within "
        "%.6f s, expected at most 5 %%; run %" PRIu64 " is the first of them",
        all.offered, check_seconds(disturbed + bound), check_seconds(bound),
        all.late, check_seconds(bound), all.first);
}

static void started(struct goodput *s, const struct engine_record *record)
{
    struct served *served = check_by_run(&s->runs, record->run);

    if (served && !served->started_ns)
        served->started_ns = record->time_ns;
}

static void rowed(struct goodput *s, const struct engine_record *row)
{
    struct served *served;

    if (row->state == ENGINE_RUN_RUNNING)
        return;
    served = check_by_run(&s->runs, row->run);
    if (served && !served->done_ns)
        served->done_ns = row->time_ns;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    if (record->kind == ENGINE_REC_START_SENT)
        started(self, record);
    else if (record->kind == ENGINE_REC_APPENDED)
        rowed(self, record);
    else
        check_end(self, record, index);
}

const struct check_ops check_goodput = {
    .id = "L7",
    .name = "goodput returns",
    .unit = "runs offered after the last fault",
    .kinds =
        CHECK_KIND(START_SENT) | CHECK_KIND(APPENDED) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_goodput,
    .feed = feed,
    .close = close_goodput,
};
