/*
 * S20: what handlers declare of maps, parallels and compensations holds. A map
 * or parallel is over when its completion policy says so, not before; no
 * branch begins behind that, and no more are open at a time than may be. What
 * a handler that fails has done is undone if it can be, newest first, once.
 *
 * Operations carry no names: a policy is known where a workflow has one map,
 * or one parallel, alone.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/index.h"

/* A step that has a compensation, and succeeded. */
struct done {
    uint32_t op;
    uint32_t step; /* in the program, from 1 */
    int undone;
};

struct doings {
    struct done *list;
    uint32_t count;
};

struct branches {
    struct check_self head;
    struct report_index steps_by; /* run, operation's id */
    uint32_t *steps;              /* in the program, from 1 */
    struct check_by_run doings;   /* struct doings */
};

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": " format, (record)->run, __VA_ARGS__)

static void close_branches(void *self)
{
    struct branches *s = self;

    for (uint64_t i = 0; s->doings.items && i < s->doings.count; i++)
        free(((struct doings *)(void *)s->doings.items)[i].list);
    check_by_run_deinit(&s->doings);
    report_index_deinit(&s->steps_by);
    free(s->steps);
    free(s);
}

static void *open_branches(const struct check_view *view,
                           struct check_result *result)
{
    struct branches *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    if (check_by_run_init(&s->doings, view->fold, sizeof(struct doings))) {
        close_branches(s);
        return NULL;
    }
    return s;
}

static const struct report_program *program_of(const struct branches *s,
                                               const struct fold_run *run)
{
    const struct check_world *world = s->head.world;

    return world->programs && run->workflow < world->graph_count
               ? &world->programs[run->workflow]
               : NULL;
}

/* Maps and parallels ------------------------------------------------------ */

struct tally {
    uint32_t open;
    uint32_t succeeded;
    uint32_t failed;
};

static struct tally tally_of(const struct fold_run *run,
                             const struct fold_operation *batch)
{
    struct tally tally = {0};

    for (uint32_t n = batch->first_child; n;) {
        const struct fold_operation *branch = fold_operation(run, n);

        tally.open += !engine_status_terminal(branch->status);
        tally.succeeded += branch->status == ENGINE_STATUS_SUCCEEDED;
        tally.failed += branch->status == ENGINE_STATUS_FAILED;
        n = branch->next_sibling;
    }
    return tally;
}

/* What is declared of a batch; NULL: nothing is known. */
static const struct report_batch *
batch_of(const struct branches *s, const struct fold_run *run, unsigned subtype)
{
    const struct report_program *program = program_of(s, run);
    const struct report_batch *batch;

    if (!program ||
        (subtype != ENGINE_SUBTYPE_MAP && subtype != ENGINE_SUBTYPE_PARALLEL))
        return NULL;
    batch = subtype == ENGINE_SUBTYPE_MAP ? &program->map : &program->parallel;
    return batch->known ? batch : NULL;
}

/* Whether its policy is met before all of its branches have ended. */
static bool decided(const struct report_batch *batch, const struct tally *tally,
                    uint64_t count)
{
    uint32_t ended = tally->succeeded + tally->failed;

    if (batch->min_successful && tally->succeeded >= batch->min_successful)
        return true;
    if (batch->min_ended && ended >= batch->min_ended)
        return true;
    return tally->failed > batch->failures_max ||
           tally->failed * UINT64_C(1000) > batch->share_milli * count;
}

/* Branches it was begun with; 0: not recorded. */
static uint64_t count_of(const struct fold_operation *batch)
{
    return batch->second_ns ? batch->second_ns - 1 : 0;
}

static void batch_over(struct branches *s, const struct fold_run *run,
                       const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);
    const struct report_batch *batch =
        batch_of(s, run, engine_record_subtype(record));
    struct tally tally;

    if (!batch || !op || !op->second_ns)
        return;
    tally = tally_of(run, op);
    s->head.result->checked++;
    if (tally.succeeded + tally.failed < count_of(op) &&
        !decided(batch, &tally, count_of(op)))
        WRONG(s, record, index,
              "operation %u is over with %u branches succeeded, %u failed, of "
              "%" PRIu64 ": its policy does not allow that yet",
              record->op, tally.succeeded, tally.failed, count_of(op));
}

static void branch_begun(struct branches *s, const struct fold_run *run,
                         const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op =
        record->key_hi ? fold_context(run, record->key_hi) : NULL;
    const struct report_batch *batch =
        op ? batch_of(s, run, op->subtype) : NULL;
    struct tally tally;

    if (!batch || !op->second_ns || fold_operation(run, record->op))
        return;
    tally = tally_of(run, op);
    s->head.result->checked++;
    if (decided(batch, &tally, count_of(op)))
        WRONG(s, record, index,
              "branch %u was begun after %u had succeeded and %u failed, of "
              "%" PRIu64 ": its policy was met before",
              record->op, tally.succeeded, tally.failed, count_of(op));
    else if (batch->open_max && tally.open >= batch->open_max)
        WRONG(s, record, index,
              "branch %u was begun with %u open, at most %u may be", record->op,
              tally.open, batch->open_max);
}

/* Compensations ----------------------------------------------------------- */

static uint32_t step_of(const struct branches *s,
                        const struct engine_record *record)
{
    struct report_key key = {{record->run, record->a, 0}};
    uint32_t place = report_index_find(&s->steps_by, &key);

    return place == REPORT_INDEX_NONE ? 0 : s->steps[place];
}

/* A worker says which step an operation is. */
static void begins(struct branches *s, const struct engine_record *record)
{
    struct report_key key = {{record->run, record->b, 0}};
    void *list = s->steps;
    uint32_t place;

    if (!record->b || !record->count ||
        report_index_find(&s->steps_by, &key) != REPORT_INDEX_NONE)
        return;
    place = report_index_add(&s->steps_by, &key, &list, sizeof(*s->steps));
    s->steps = list;
    if (place != REPORT_INDEX_NONE)
        s->steps[place] = record->count;
}

static void remember(struct branches *s, const struct engine_record *record,
                     uint32_t step)
{
    struct doings *doings = check_by_run(&s->doings, record->run);
    struct done *list;

    if (!doings)
        return;
    list = realloc(doings->list, (doings->count + 1) * sizeof(*list));
    if (!list)
        return;
    doings->list = list;
    list[doings->count++] = (struct done){record->op, step, 0};
}

/* The newest operation that is not undone yet, of this step (0: any). */
static struct done *newest(const struct doings *doings, uint32_t step)
{
    struct done *found = NULL;

    for (uint32_t i = 0; i < doings->count; i++) {
        struct done *done = &doings->list[i];

        if (!done->undone && (!step || done->step == step) &&
            (!found || done->op > found->op))
            found = done;
    }
    return found;
}

static const char *name_of(const struct report_program *program, uint32_t step)
{
    return step && step <= program->count ? program->names[step - 1] : "?";
}

/* A compensation has ended. */
static void undone(struct branches *s, const struct report_program *program,
                   const struct engine_record *record, uint64_t index,
                   uint32_t step)
{
    struct doings *doings = check_by_run(&s->doings, record->run);
    uint32_t of = program->undone_step[step - 1];
    struct done *done = doings ? newest(doings, of) : NULL;
    const struct done *last = doings ? newest(doings, 0) : NULL;

    if (!doings || !of)
        return;
    s->head.result->checked++;
    if (!done)
        WRONG(s, record, index,
              "operation %u (%s) undoes %s, which is undone or was not done",
              record->op, name_of(program, step), name_of(program, of));
    else if (done != last)
        WRONG(s, record, index,
              "operation %u (%s) undoes operation %u before operation %u (%s), "
              "which is newer",
              record->op, name_of(program, step), done->op, last->op,
              name_of(program, last->step));
    if (done)
        done->undone = 1;
}

static void step_ended(struct branches *s, const struct fold_run *run,
                       const struct engine_record *record, uint64_t index)
{
    const struct report_program *program = program_of(s, run);
    uint32_t step = step_of(s, record);

    if (!program || !program->undone_step || !step || step > program->count)
        return;
    if (engine_record_subtype(record) == ENGINE_SUBTYPE_COMPENSATION)
        undone(s, program, record, index, step);
    else if (record->detail == ENGINE_EV_OPERATION_SUCCEEDED &&
             program->undone_by[step - 1])
        remember(s, record, step);
}

/* Errors of the handler's code; others break it where it stands. */
static bool is_own_error(const struct engine_record *record)
{
    return !record->b &&
           (record->a == ENGINE_ERR_USER || record->a == ENGINE_ERR_UNKNOWN);
}

static void handler_failed(struct branches *s, const struct fold_run *run,
                           const struct engine_record *record, uint64_t index)
{
    const struct report_program *program = program_of(s, run);
    struct doings *doings = check_by_run(&s->doings, record->run);
    const struct done *left = doings ? newest(doings, 0) : NULL;

    if (!program || !program->undone_step || !is_own_error(record))
        return;
    s->head.result->checked++;
    if (left)
        WRONG(s, record, index,
              "its handler failed, and operation %u (%s) is not undone",
              left->op, name_of(program, left->step));
}

static void event(struct branches *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    unsigned type = engine_record_type(record);

    if (record->detail == ENGINE_EV_ATTEMPT_FAILED && record->op == 0)
        handler_failed(s, run, record, index);
    else if (!fold_is_operation(record->detail))
        return;
    else if (type == ENGINE_OPERATION_STEP && fold_is_end(record->detail))
        step_ended(s, run, record, index);
    else if (type != ENGINE_OPERATION_CONTEXT)
        return;
    else if (record->detail == ENGINE_EV_OPERATION_STARTED)
        branch_begun(s, run, record, index);
    else if (record->detail == ENGINE_EV_OPERATION_SUCCEEDED)
        batch_over(s, run, record, index);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct branches *s = self;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (!run || !run->handler || fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        return;
    if (record->kind == ENGINE_REC_ATTEMPT_BEGIN)
        begins(s, record);
    else
        event(s, run, record, index);
}

static int applies(const struct check_world *world)
{
    for (uint32_t i = 0; world->programs && i < world->graph_count; i++)
        if (world->programs[i].map.known || world->programs[i].parallel.known ||
            world->programs[i].undone_step)
            return 1;
    return 0;
}

const struct check_ops check_branches = {
    .id = "S20",
    .name = "branches and compensations",
    .unit = "branches and steps undone",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(ATTEMPT_BEGIN),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .applies = applies,
    .open = open_branches,
    .feed = feed,
    .close = close_branches,
};
