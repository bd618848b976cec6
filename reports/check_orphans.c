/*
 * L3: a run whose holder went down without giving it back is granted again
 * within the lease's time, a look for due runs, the skew bound and two
 * requests, not counting the time in which the store was away. Disturbances
 * start the count again. While others are being granted one after another,
 * the run may have to queue, but for no longer than the progress bound.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/waits.h"

/* One time that a node went down. */
struct down {
    uint64_t time_ns;
    uint64_t store_away_ns; /* in total, before */
};

/* All times that a node went down. */
struct downs {
    struct down *list;
    uint32_t count;
    uint32_t capacity;
};

struct orphans {
    struct check_self head;
    struct downs *downs;              /* by node */
    struct check_by_run holder_downs; /* uint32_t: downs of its holder when
                                         granted */
    uint64_t bound_ns;
    uint64_t busy_since_ns; /* grants follow one another since then */
    uint64_t granted_ns;    /* the last of them */
};

static void close_orphans(void *self)
{
    struct orphans *s = self;

    for (uint32_t i = 0; s->downs && i < s->head.world->node_count; i++)
        free(s->downs[i].list);
    free(s->downs);
    check_by_run_deinit(&s->holder_downs);
    free(s);
}

static void *open_orphans(const struct check_view *view,
                          struct check_result *result)
{
    const struct check_world *world = view->world;
    struct orphans *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->bound_ns = world->orphan_bound_ns;
    s->downs = calloc(world->node_count + 1, sizeof(*s->downs));
    if (!s->downs ||
        check_by_run_init(&s->holder_downs, view->fold, sizeof(uint32_t))) {
        close_orphans(s);
        return NULL;
    }
    return s;
}

/* How long the store was down until now. */
static uint64_t store_away(const struct fold *fold, uint64_t now)
{
    return fold->store_away_ns +
           (fold->store_down_ns ? now - fold->store_down_ns : 0);
}

/* Out of memory loses one sighting of a node going down, nothing else. */
static void went_down(struct orphans *s, const struct engine_record *record)
{
    struct downs *downs = &s->downs[record->node];

    if (downs->count == downs->capacity) {
        uint32_t capacity = downs->capacity ? 2 * downs->capacity : 8;
        struct down *list =
            realloc(downs->list, capacity * sizeof(*downs->list));

        if (!list)
            return;
        downs->list = list;
        downs->capacity = capacity;
    }
    downs->list[downs->count++] = (struct down){
        record->time_ns, store_away(s->head.fold, record->time_ns)};
}

/* When the run's holder went down with it; NULL: the run is no orphan. */
static const struct down *orphaned(struct orphans *s,
                                   const struct fold_run *run, uint64_t id)
{
    const uint32_t *before = check_by_run(&s->holder_downs, id);

    if (!run->token || run->holder >= s->head.world->node_count || !before ||
        fold_has(run, FOLD_RELEASED | FOLD_RECOVERED | FOLD_OPAQUE) ||
        *before >= s->downs[run->holder].count)
        return NULL;
    return &s->downs[run->holder].list[*before];
}

static uint64_t deadline(const struct orphans *s, const struct down *down,
                         uint64_t now)
{
    uint64_t from = down->time_ns;

    if (s->head.fold->disturbed_ns > from)
        from = s->head.fold->disturbed_ns;
    return from + s->bound_ns + store_away(s->head.fold, now) -
           down->store_away_ns;
}

static void late(struct orphans *s, const struct fold_run *run,
                 const struct down *down, const struct engine_record *record,
                 uint64_t index, const char *what)
{
    struct check_node word;

    check_violation(s->head.result, record, index,
                    "run %" PRIu64 ": %s went down with it at %.6f s; "
                    "expected a new owner by %.6f s, %s at %.6f s",
                    record->run, check_node(&word, s->head.world, run->holder),
                    check_seconds(down->time_ns),
                    check_seconds(deadline(s, down, record->time_ns)), what,
                    check_seconds(record->time_ns));
    check_waits(&s->head, record);
}

static void granted(struct orphans *s, const struct engine_record *grant,
                    uint64_t index)
{
    const struct check_world *world = s->head.world;
    const struct fold_run *run = fold_run(s->head.fold, grant->run);
    const struct down *down = orphaned(s, run, grant->run);
    uint64_t now = grant->time_ns;
    uint32_t *before = check_by_run(&s->holder_downs, grant->run);

    if (grant->token > 1) {
        if (now > s->granted_ns + world->scan_ns + world->request_timeout_ns)
            s->busy_since_ns = now;
        s->granted_ns = now;
    }
    s->head.result->checked++;
    if (down) {
        uint64_t until = deadline(s, down, now);

        if (now > until && s->busy_since_ns <= until)
            until += world->progress_bound_ns;
        if (now > until)
            late(s, run, down, grant, index, "granted");
    }
    if (before && grant->peer < world->node_count)
        *before = s->downs[grant->peer].count;
}

/* Nobody needs to own a run that waits for an operator or is over. */
static bool needs_owner(const struct fold *fold, const struct fold_run *run)
{
    if (run->state == ENGINE_RUN_BLOCKED || run->state == ENGINE_RUN_PAUSED)
        return false;
    if (!fold_terminal(run))
        return true;
    return !fold_has(run, FOLD_OUTBOX_ACKED) &&
           !(fold_has(run, FOLD_RESULT_SEEN) && fold_in_doubt(fold, run));
}

static void check_end(struct orphans *s, const struct engine_record *end,
                      uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, end->run);
    const struct down *down = orphaned(s, run, end->run);

    if (!down || !needs_owner(s->head.fold, run))
        return;
    s->head.result->checked++;
    if (end->a && end->time_ns <= deadline(s, down, end->time_ns) +
                                      s->head.world->progress_bound_ns)
        s->head.result->unjudged++;
    else
        late(s, run, down, end, index, "none until the end");
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct orphans *s = self;
    struct engine_record about = *record;

    if (record->kind == ENGINE_REC_PROC_DOWN) {
        if (record->detail && record->node < s->head.world->node_count)
            went_down(s, record);
    } else if (record->kind == ENGINE_REC_LEASE_GRANTED) {
        if (fold_run(s->head.fold, record->run))
            granted(s, record, index);
    } else {
        for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
            about.run = fold_number(s->head.fold, slot);
            check_end(s, &about, index);
        }
    }
}

const struct check_ops check_orphans = {
    .id = "L3",
    .name = "orphans find a new owner",
    .unit = "leases watched",
    .kinds = CHECK_KIND(PROC_DOWN) | CHECK_KIND(LEASE_GRANTED) |
             CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_orphans,
    .feed = feed,
    .close = close_orphans,
};
