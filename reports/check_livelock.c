/*
 * L4: no livelock. The world advances when a run ends, an attempt ends or a
 * row is written to the log. Two things must not last longer than the bound:
 *
 * Standstill: nothing advances although a run could go on and none of the
 * attempts that are being carried out still has time.
 *
 * Hot loop: requests about a run are refused again and again, or it changes
 * hands again and again, and the run itself does not advance.
 *
 * Disturbances start the bound again, unless nothing is ever healed: then the
 * bound itself is larger.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/waits.h"

enum {
    LOOP_MIN = 16 /* so few tries are not a loop */
};

/* What happened to a run since it advanced last. */
struct loop {
    uint64_t advanced_ns;
    uint64_t since_ns; /* of the first try since then or a disturbance */
    uint64_t tries;
    bool told;
};

struct livelock {
    struct check_self head;
    struct check_by_run loops; /* struct loop */
    uint64_t advanced_ns;      /* of the world */
};

static void close_livelock(void *self)
{
    struct livelock *s = self;

    check_by_run_deinit(&s->loops);
    check_self_close(self);
}

static void *open_livelock(const struct check_view *view,
                           struct check_result *result)
{
    struct livelock *s = check_self_new(view, result, sizeof(*s));

    if (s && check_by_run_init(&s->loops, view->fold, sizeof(struct loop))) {
        close_livelock(s);
        return NULL;
    }
    return s;
}

/* The world was left alone from then on. */
static uint64_t calm_since(const struct livelock *s)
{
    return s->head.world->heal == CHECK_HEAL_NONE ? 0
                                                  : s->head.fold->disturbed_ns;
}

static bool longer(const struct livelock *s, uint64_t from, uint64_t to)
{
    return to > from && to - from > s->head.world->livelock_bound_ns;
}

/*
 * The run that could have gone on since before the bound, and longest; 0 if
 * there is none, or if an attempt that still has its time is under way.
 */
static uint64_t left_alone(const struct livelock *s, uint64_t from, uint64_t to)
{
    uint64_t found = 0;
    uint64_t oldest = UINT64_MAX;

    for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
        const struct fold_run *run = fold_at(s->head.fold, slot);
        struct waits waits;

        if (!run->next_seq || fold_terminal(run))
            continue;
        waits = waits_of(s->head.fold, run);
        if (waits.kind == WAITS_WORKER && waits.since_ns > from)
            return 0;
        if (waits.since_ns >= oldest)
            continue;
        oldest = waits.since_ns;
        found = fold_number(s->head.fold, slot);
    }
    return found && longer(s, oldest > from ? oldest : from, to) ? found : 0;
}

static void standstill(struct livelock *s, const struct engine_record *record,
                       uint64_t index)
{
    uint64_t from = s->advanced_ns;
    struct engine_record about = *record;
    char why[240];

    if (from < calm_since(s))
        from = calm_since(s);
    if (!s->advanced_ns || !longer(s, from, record->time_ns))
        return;
    about.run = left_alone(s, from, record->time_ns);
    if (!about.run)
        return;
    waits_text(s->head.fold, about.run, record->time_ns, why, sizeof(why));
    check_violation(
        s->head.result, &about, index,
        "nothing advanced for %.6f s until %.6f s, expected within "
        "%.6f s; run %" PRIu64 " %s",
        check_seconds(record->time_ns - from), check_seconds(record->time_ns),
        check_seconds(s->head.world->livelock_bound_ns), about.run, why);
    check_waits(&s->head, &about);
}

static void advance(struct livelock *s, const struct engine_record *record,
                    uint64_t index)
{
    struct loop *loop = check_by_run(&s->loops, record->run);

    s->head.result->checked++;
    standstill(s, record, index);
    s->advanced_ns = record->time_ns;
    if (loop)
        *loop = (struct loop){.advanced_ns = record->time_ns};
}

/* Nor is the first owner, nor a client that asks again for what is there. */
static bool is_try(const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_LEASE_GRANTED)
        return record->token > 1;
    return (record->detail != ENGINE_REQ_CREATE &&
            record->detail != ENGINE_REQ_SIGNAL);
}

static void turn(struct livelock *s, const struct engine_record *record,
                 uint64_t index)
{
    struct loop *loop = check_by_run(&s->loops, record->run);
    char why[200];

    if (!loop || !record->run || !is_try(record))
        return;
    if (!loop->tries || loop->since_ns < calm_since(s)) {
        loop->since_ns = record->time_ns;
        loop->tries = 0;
    }
    loop->tries++;
    if (loop->told || loop->tries < LOOP_MIN ||
        !longer(s, loop->since_ns, record->time_ns))
        return;
    loop->told = true;
    waits_text(s->head.fold, record->run, record->time_ns, why, sizeof(why));
    check_violation(s->head.result, record, index,
                    "run %" PRIu64 ": tried %" PRIu64 " times from %.6f s to "
                    "%.6f s without an advance, the last by %s; it %s",
                    record->run, loop->tries, check_seconds(loop->since_ns),
                    check_seconds(record->time_ns),
                    record->kind == ENGINE_REC_LEASE_GRANTED
                        ? "a grant"
                        : engine_request_name(record->detail),
                    why);
    check_waits(&s->head, record);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct livelock *s = self;

    switch (record->kind) {
    case ENGINE_REC_WORLD_END:
        standstill(s, record, index);
        break;
    case ENGINE_REC_REJECTED:
    case ENGINE_REC_LEASE_GRANTED:
        turn(s, record, index);
        break;
    case ENGINE_REC_APPENDED:
        /* Who takes a run over writes a row about that. */
        if (record->detail != ENGINE_REQ_ACQUIRE)
            advance(s, record, index);
        break;
    default:
        advance(s, record, index);
        break;
    }
}

const struct check_ops check_livelock = {
    .id = "L4",
    .name = "no livelock",
    .unit = "advances",
    .kinds = CHECK_KIND(APPENDED) | CHECK_KIND(WORK_DONE) |
             CHECK_KIND(REJECTED) | CHECK_KIND(LEASE_GRANTED) |
             CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_livelock,
    .feed = feed,
    .close = close_livelock,
};
