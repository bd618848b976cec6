/*
 * S18: an invocation of another run has exactly one run. It is asked for by
 * an operation that is under way, one level deeper than its parent, exists
 * only if it was asked for, and is created; the operation ends after it and
 * as it did, with its root cause, and it does end if its run lives. One that is
 * to end with its parent does.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/index.h"

struct child {
    struct engine_record asked; /* the parent's OUTBOX_PUT */
    uint64_t index;
    uint64_t ended_ns; /* true time */
    uint64_t root;     /* of its failure, a hash; 0: it gave none */
    uint16_t end;      /* event that ended it, 0: it has not */
    uint8_t created;
    uint8_t told;  /* its operation has ended */
    uint8_t bound; /* it is to be cancelled with its parent */
};

struct children {
    struct check_self head;
    struct report_index by_run;
    struct report_index by_operation; /* places are those of by_run */
    struct child *list;
    uint32_t *places; /* by place in by_operation */
};

static void close_children(void *self)
{
    struct children *s = self;

    report_index_deinit(&s->by_run);
    report_index_deinit(&s->by_operation);
    free(s->list);
    free(s->places);
    free(s);
}

static void *open_children(const struct check_view *view,
                           struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct children));
}

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": " format, (record)->run, __VA_ARGS__)

static struct child *find(const struct children *s, uint64_t run)
{
    struct report_key key = {{run, 0, 0}};
    uint32_t place = report_index_find(&s->by_run, &key);

    return place == REPORT_INDEX_NONE ? NULL : &s->list[place];
}

static struct child *find_operation(const struct children *s, uint64_t run,
                                    uint64_t op)
{
    struct report_key key = {{run, op, 0}};
    uint32_t place = report_index_find(&s->by_operation, &key);

    return place == REPORT_INDEX_NONE ? NULL : &s->list[s->places[place]];
}

static void add(struct children *s, const struct engine_record *asked,
                uint64_t index)
{
    struct report_key run = {{asked->a, 0, 0}};
    struct report_key operation = {{asked->run, asked->b, 0}};
    void *list = s->list;
    void *places = s->places;
    uint32_t place =
        report_index_add(&s->by_run, &run, &list, sizeof(*s->list));
    uint32_t other;

    s->list = list;
    if (place == REPORT_INDEX_NONE)
        return;
    s->list[place].asked = *asked;
    s->list[place].index = index;
    other = report_index_add(&s->by_operation, &operation, &places,
                             sizeof(*s->places));
    s->places = places;
    if (other != REPORT_INDEX_NONE)
        s->places[other] = place;
}

static void asked(struct children *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, (uint32_t)record->b);
    const struct child *self = find(s, record->run);
    const struct child *other = find(s, record->a);
    const struct child *former = find_operation(s, record->run, record->b);
    uint32_t depth = self ? self->asked.count + 1 : 1;

    s->head.result->checked++;
    if (other)
        WRONG(s, record, index,
              "operation %" PRIu64 " invokes run %" PRIu64
              ", which operation %" PRIu64 " of run %" PRIu64 " has invoked",
              record->b, record->a, other->asked.b, other->asked.run);
    else if (former)
        WRONG(s, record, index,
              "operation %" PRIu64 " invokes run %" PRIu64
              ", but it has invoked run %" PRIu64,
              record->b, record->a, former->asked.a);
    else if (!fold_has(run, FOLD_OPAQUE) &&
             (!op || op->type != ENGINE_OPERATION_INVOKE ||
              op->status != ENGINE_STATUS_STARTED))
        WRONG(s, record, index,
              "run %" PRIu64 " is invoked by operation %" PRIu64
              ", which is no invocation under way",
              record->a, record->b);
    else if (record->count != depth)
        WRONG(s, record, index,
              "run %" PRIu64 " is invoked at depth %u, expected %u", record->a,
              record->count, depth);
    if (!other && !former)
        add(s, record, index);
    if (!other && !former && op && op->options & ENGINE_OPTION_CANCEL &&
        find(s, record->a))
        find(s, record->a)->bound = 1;
}

static void created(struct children *s, const struct engine_record *record,
                    uint64_t index)
{
    struct child *child = find(s, record->run);

    if (record->run <= s->head.world->runs_max)
        return;
    s->head.result->checked++;
    if (child)
        child->created = 1;
    else if (!s->head.fold->in_doubt_ns)
        WRONG(s, record, index, "it was created, but %s",
              "no operation has invoked it");
}

/* A run that was to end with its parent has gone on to an end of its own. */
static void outlived(struct children *s, const struct child *child,
                     const struct engine_record *record, uint64_t index)
{
    const struct fold_run *parent = fold_run(s->head.fold, child->asked.run);
    struct engine_record now = *record;

    now.a = 1; /* the world goes on: it may still be on its way */
    if (child->bound && fold_terminal(parent) &&
        record->detail != ENGINE_EV_RUN_CANCELLED &&
        !fold_has(parent, FOLD_RECOVERED | FOLD_OPAQUE) &&
        fold_settled(s->head.fold, &now, parent->last_ns))
        WRONG(s, record, index,
              "it was to end with run %" PRIu64 ", which ended %.6f s before",
              child->asked.run,
              check_seconds(record->time_ns - parent->last_ns));
}

static void ended(struct children *s, const struct engine_record *record,
                  uint64_t index)
{
    struct child *child = find(s, record->run);

    if (!child)
        return;
    outlived(s, child, record, index);
    child->end = record->detail;
    child->root = record->detail == ENGINE_EV_RUN_FAILED ? record->key_hi : 0;
    child->ended_ns = record->time_ns;
}

/* Whether an operation may end so, given its run's end. */
static bool agrees(const struct child *child, unsigned event)
{
    bool succeeded = child->end == ENGINE_EV_RUN_SUCCEEDED;

    return child->end && succeeded == (event == ENGINE_EV_OPERATION_SUCCEEDED);
}

/* What the child said of its failure is not what its parent hears. */
static bool is_rootless(const struct child *child,
                        const struct engine_record *record)
{
    return record->detail == ENGINE_EV_OPERATION_FAILED && child->root &&
           record->token != ENGINE_ERR_SIZE_LIMIT && record->b != child->root;
}

/*
 * Its own timer, an operator or the end of its run may end an operation
 * before its child; a child that cannot be created fails it.
 */
static void operation_ended(struct children *s, const struct fold_run *run,
                            const struct engine_record *record, uint64_t index)
{
    struct child *child = find_operation(s, record->run, record->op);
    unsigned event = record->detail;

    if (engine_record_type(record) != ENGINE_OPERATION_INVOKE)
        return;
    s->head.result->checked++;
    if (child)
        child->told = 1;
    if ((event != ENGINE_EV_OPERATION_SUCCEEDED &&
         event != ENGINE_EV_OPERATION_FAILED) ||
        fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE) ||
        (event == ENGINE_EV_OPERATION_FAILED && (!child || !child->created)))
        return;
    if (!child)
        WRONG(s, record, index, "operation %u succeeded without a run",
              record->op);
    else if (!agrees(child, event))
        WRONG(s, record, index,
              "%s of operation %u, but the run %" PRIu64 " it invoked %s%s",
              engine_event_name(event), record->op, child->asked.a,
              child->end ? "ended with " : "has not ended",
              child->end ? engine_event_name(child->end) : "");
    else if (is_rootless(child, record))
        WRONG(s, record, index,
              "operation %u failed without the root cause for which run "
              "%" PRIu64 " had failed",
              record->op, child->asked.a);
}

/* Its context has ended: nobody asks any more. */
static bool is_orphan(const struct fold_run *parent, const struct child *child)
{
    const struct fold_operation *op =
        fold_operation(parent, (uint32_t)child->asked.b);

    return op && op->orphan;
}

static void check_end(struct children *s, const struct child *child,
                      const struct engine_record *end)
{
    const struct fold_run *parent = fold_run(s->head.fold, child->asked.run);
    const struct engine_record *record = &child->asked;
    uint64_t since = child->end ? child->ended_ns : record->time_ns;

    if (fold_has(parent, FOLD_RECOVERED | FOLD_OPAQUE) ||
        s->head.fold->in_doubt_ns > since)
        return;
    if (child->told ||
        (child->created && (!child->end || fold_terminal(parent) ||
                            fold_held(parent) || is_orphan(parent, child))))
        return;
    if (!fold_settled(s->head.fold, end, since))
        s->head.result->unjudged++;
    else if (!child->created)
        WRONG(s, record, child->index,
              "operation %" PRIu64 " invoked run %" PRIu64
              ", which was never created",
              record->b, record->a);
    else
        WRONG(s, record, child->index,
              "operation %" PRIu64 " never heard that run %" PRIu64
              " ended with %s",
              record->b, record->a, engine_event_name(child->end));
}

static void event(struct children *s, const struct engine_record *record,
                  uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (!run)
        return;
    if (record->detail == ENGINE_EV_RUN_CREATED)
        created(s, record, index);
    else if (fold_is_run_end(record->detail))
        ended(s, record, index);
    else if (fold_is_end(record->detail))
        operation_ended(s, run, record, index);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct children *s = self;

    if (record->kind == ENGINE_REC_EVENT) {
        event(s, record, index);
    } else if (record->kind == ENGINE_REC_OUTBOX_PUT) {
        const struct fold_run *run = fold_run(s->head.fold, record->run);

        if (run && record->detail == ENGINE_OUTBOX_CHILD)
            asked(s, run, record, index);
    } else {
        for (uint32_t i = 0; i < s->by_run.count; i++)
            check_end(s, &s->list[i], record);
    }
}

const struct check_ops check_children = {
    .id = "S18",
    .name = "invoked runs",
    .unit = "invocations of runs",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .applies = fold_has_handlers,
    .open = open_children,
    .feed = feed,
    .close = close_children,
};
