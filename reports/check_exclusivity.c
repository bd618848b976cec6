/*
 * S3: one owner at a time. No lease is granted to another node before the
 * former has expired or was given back, no coordinator acts on a lease after
 * it is over and another has the run, no attempt has two claimants, and no
 * worker goes on with an attempt that is over in the log.
 *
 * A holder that gave its lease back and lost the answer may still act until
 * the lease would have expired; nothing else is forgiven but the skew bound
 * and the drift of two clocks over one lease. A worker that stood still may do
 * one more thing when it goes on, before it looks at its clock; of one whose
 * clock was interfered with nothing is expected.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/point.h"
#include "reports/check_each.h"
#include "reports/fold.h"

/* How far a node can be relied on to know the time. */
struct watch {
    uint64_t resumed_ns; /* true time it last went on after a pause */
    int upset;           /* its clock was stepped, bent or stopped */
};

struct exclusivity {
    struct check_self head;
    struct watch *watches;       /* by node */
    struct check_by_run over_ns; /* uint64_t: true time after which no former
                                    holder acts */
    uint64_t epsilon_ns;
    uint64_t store_set_ns; /* true time of the store clock's last change */
};

static void close_exclusivity(void *self)
{
    struct exclusivity *s = self;

    check_by_run_deinit(&s->over_ns);
    free(s->watches);
    free(s);
}

static void *open_exclusivity(const struct check_view *view,
                              struct check_result *result)
{
    struct exclusivity *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->epsilon_ns = view->world->skew_bound_ns +
                    fold_drift(view->fold, view->world->lease_ttl_ns);
    s->watches = calloc(view->world->node_count + 1, sizeof(*s->watches));
    if (!s->watches ||
        check_by_run_init(&s->over_ns, view->fold, sizeof(uint64_t))) {
        close_exclusivity(s);
        return NULL;
    }
    return s;
}

/* The store's clock may go back between its decision and the record of it. */
static uint64_t tolerance(const struct exclusivity *s,
                          const struct engine_record *record)
{
    const struct check_world *world = s->head.world;

    if (!s->store_set_ns ||
        record->time_ns - s->store_set_ns > world->request_timeout_ns)
        return 0;
    return s->epsilon_ns;
}

/* How long after the record the former lease would have lasted. */
static uint64_t remaining(const struct exclusivity *s,
                          const struct fold_run *run,
                          const struct engine_record *grant)
{
    if (!run->expires_ns)
        return s->head.world->lease_ttl_ns;
    return run->expires_ns > grant->wall_ns ? run->expires_ns - grant->wall_ns
                                            : 0;
}

static void granted(struct exclusivity *s, const struct fold_run *run,
                    const struct engine_record *grant, uint64_t index)
{
    uint64_t early = remaining(s, run, grant);
    uint64_t *over_ns = check_by_run(&s->over_ns, grant->run);
    struct check_node words[2];

    s->head.result->checked++;
    if (!run->token || run->holder == grant->peer)
        return;
    if (over_ns)
        *over_ns = grant->time_ns + early + s->epsilon_ns;
    if (!run->expires_ns || fold_has(run, FOLD_RELEASED) ||
        early <= tolerance(s, grant))
        return;
    check_violation(s->head.result, grant, index,
                    "run %" PRIu64 ": %s was granted the lease at store "
                    "time %.6f s, but %s holds it until %.6f s",
                    grant->run,
                    check_node(&words[0], s->head.world, grant->peer),
                    check_seconds(grant->wall_ns),
                    check_node(&words[1], s->head.world, run->holder),
                    check_seconds(run->expires_ns));
}

static void acted(struct exclusivity *s, const struct fold_run *run,
                  const struct engine_record *act, uint64_t index)
{
    const uint64_t *over_ns = check_by_run(&s->over_ns, act->run);
    struct check_node words[2];

    s->head.result->checked++;
    if (act->token >= run->token || act->node == run->holder || !over_ns ||
        act->time_ns <= *over_ns)
        return;
    check_violation(s->head.result, act, index,
                    "run %" PRIu64 ": %s acted as its owner with token "
                    "%" PRIu64 " %.6f s after that lease was over; %s "
                    "has token %" PRIu64,
                    act->run, check_node(&words[0], s->head.world, act->node),
                    act->token, check_seconds(act->time_ns - *over_ns),
                    check_node(&words[1], s->head.world, run->holder),
                    run->token);
}

static void claimed(struct exclusivity *s, const struct fold_run *run,
                    const struct engine_record *claim, uint64_t index)
{
    const struct fold_op *op = fold_op(run, claim->op);
    struct check_node words[2];

    s->head.result->checked++;
    if (!op || op->claimed != claim->attempt || op->claimer == claim->peer)
        return;
    check_violation(s->head.result, claim, index,
                    "run %" PRIu64 ": attempt %u of %s was claimed by %s, "
                    "but %s has claimed it before",
                    claim->run, claim->attempt,
                    fold_op_name(s->head.fold, run, claim->op),
                    check_node(&words[0], s->head.world, claim->peer),
                    check_node(&words[1], s->head.world, op->claimer));
}

/* A step's code begins or asks for its effect. */
static void worked(struct exclusivity *s, const struct fold_run *run,
                   const struct engine_record *work, uint64_t index)
{
    const struct fold_op *op = fold_op(run, work->op);
    const struct watch *watch = &s->watches[work->node];
    struct check_node word;

    /* Operations inside a handler have numbers of their own. */
    if (!op || run->handler || watch->upset ||
        (watch->resumed_ns && watch->resumed_ns == work->time_ns))
        return;
    s->head.result->checked++;
    if (op->attempt < work->attempt)
        return;
    check_violation(s->head.result, work, index,
                    "run %" PRIu64 ": %s %s in attempt %u of %s, which is "
                    "over: the log has its end (%s)",
                    work->run, check_node(&word, s->head.world, work->node),
                    work->kind == ENGINE_REC_EFFECT_SENT ? "asked for an effect"
                                                         : "began",
                    work->attempt, fold_op_name(s->head.fold, run, work->op),
                    engine_event_name(op->end));
}

/* What befell a node's clock, or its process. */
static void disturbed(struct exclusivity *s, const struct engine_record *record)
{
    struct watch *watch = &s->watches[record->node];

    if (record->kind == ENGINE_REC_PROC_RESUMED)
        watch->resumed_ns = record->time_ns;
    else if (record->kind == ENGINE_REC_FAULT)
        watch->upset |= record->detail == ENGINE_ACT_STEP ||
                        record->detail == ENGINE_ACT_DRIFT ||
                        record->detail == ENGINE_ACT_FREEZE;
    else if (record->node == s->head.world->store_node)
        s->store_set_ns = record->time_ns;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct exclusivity *s = self;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (record->node >= s->head.world->node_count)
        return;
    if (record->kind == ENGINE_REC_CLOCK_SET ||
        record->kind == ENGINE_REC_PROC_RESUMED ||
        record->kind == ENGINE_REC_FAULT) {
        disturbed(s, record);
        return;
    }
    if (!run)
        return;
    if (record->kind == ENGINE_REC_LEASE_GRANTED)
        granted(s, run, record, index);
    else if (record->kind == ENGINE_REC_ACTED)
        acted(s, run, record, index);
    else if (record->kind == ENGINE_REC_WORK_CLAIMED)
        claimed(s, run, record, index);
    else
        worked(s, run, record, index);
}

const struct check_ops check_exclusivity = {
    .id = "S3",
    .name = "lease exclusivity",
    .unit = "grants, acts and claims",
    .kinds = CHECK_KIND(LEASE_GRANTED) | CHECK_KIND(ACTED) |
             CHECK_KIND(WORK_CLAIMED) | CHECK_KIND(CLOCK_SET) |
             CHECK_KIND(ATTEMPT_BEGIN) | CHECK_KIND(EFFECT_SENT) |
             CHECK_KIND(PROC_RESUMED) | CHECK_KIND(FAULT),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_ROT,
    .open = open_exclusivity,
    .feed = feed,
    .close = close_exclusivity,
};
