#include "reports/check.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_each.h"
#include "reports/excuse.h"
#include "reports/fold.h"
#include "reports/waits.h"

enum {
    CHECKERS_MAX = 32
};

const struct check_ops *const check_all[] = {
    &check_durability, &check_fencing,   &check_exclusivity,
    &check_attempts,   &check_effects,   &check_messages,
    &check_terminal,   &check_causality, &check_projection,
    &check_conserved,  &check_limits,    &check_corruption,
    &check_progress,   &check_drained,   &check_orphans,
    &check_livelock,   &check_timers,    &check_waiting,
    &check_goodput,    &check_poison,    &check_operations,
    &check_inbox,      &check_children,  &check_streams,
    &check_outcome,    &check_replay,    &check_snapshot,
    &check_branches,   &check_history,   NULL,
};

struct checker {
    const struct check_ops *ops;
    void *self;
};

/* Who wants a kind of record. */
struct audience {
    uint32_t count;
    uint8_t checkers[CHECKERS_MAX];
};

struct check_suite {
    struct fold fold;
    struct check_view view;
    struct excuse excuse;
    struct checker checkers[CHECKERS_MAX];
    struct check_result results[CHECKERS_MAX];
    struct audience audiences[ENGINE_REC_COUNT];
    size_t count;
    uint64_t index;
    int finished;
};

static void invite(struct check_suite *suite, size_t checker)
{
    for (unsigned kind = 0; kind < ENGINE_REC_COUNT; kind++) {
        struct audience *audience = &suite->audiences[kind];

        if (suite->checkers[checker].ops->kinds >> kind & 1)
            audience->checkers[audience->count++] = (uint8_t)checker;
    }
}

static int open_checker(struct check_suite *suite, const struct check_ops *ops)
{
    size_t i = suite->count;
    struct check_result *result = &suite->results[i];

    assert(i < CHECKERS_MAX);
    result->id = ops->id;
    result->name = ops->name;
    result->unit = ops->unit;
    suite->checkers[i].ops = ops;
    suite->checkers[i].self = ops->open(&suite->view, result);
    if (!suite->checkers[i].self)
        return -1;
    suite->count++;
    invite(suite, i);
    return 0;
}

static int open_suite(struct check_suite *suite,
                      const struct check_world *world,
                      const struct check_ops *const *list)
{
    if (fold_init(&suite->fold, world) || excuse_init(&suite->excuse, world))
        return -1;
    suite->view = (struct check_view){.world = world, .fold = &suite->fold};
    for (; *list; list++)
        if (open_checker(suite, *list))
            return -1;
    return 0;
}

struct check_suite *check_suite_of(const struct check_world *world,
                                   const struct check_ops *const *list)
{
    struct check_suite *suite = calloc(1, sizeof(*suite));

    if (suite && open_suite(suite, world, list)) {
        check_suite_free(suite);
        return NULL;
    }
    return suite;
}

struct check_suite *check_suite_new(const struct check_world *world)
{
    return check_suite_of(world, check_all);
}

void check_suite_free(struct check_suite *suite)
{
    if (!suite)
        return;
    for (size_t i = 0; i < suite->count; i++)
        suite->checkers[i].ops->close(suite->checkers[i].self);
    if (suite->fold.world)
        fold_deinit(&suite->fold);
    excuse_deinit(&suite->excuse);
    free(suite);
}

static void feed_one(struct check_suite *suite,
                     const struct engine_record *record)
{
    const struct audience *audience;

    if (record->kind >= ENGINE_REC_COUNT)
        return;
    excuse_feed(&suite->excuse, record, suite->index);
    if (record->run > suite->view.world->runs_max)
        fold_meet(&suite->fold, record->run);
    audience = &suite->audiences[record->kind];
    for (uint32_t i = 0; i < audience->count; i++) {
        struct checker *checker = &suite->checkers[audience->checkers[i]];

        checker->ops->feed(checker->self, record, suite->index);
    }
    fold_feed(&suite->fold, record);
}

void check_suite_feed(struct check_suite *suite,
                      const struct engine_record *records, size_t count)
{
    assert(!suite->finished);
    for (size_t i = 0; i < count && !suite->fold.failed; i++) {
        feed_one(suite, &records[i]);
        suite->index++;
    }
}

uint32_t check_suite_violated(const struct check_suite *suite)
{
    uint32_t count = 0;

    for (size_t i = 0; i < suite->count; i++)
        count += suite->results[i].violations > 0;
    return count;
}

static void inconclusive(struct check_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void inconclusive(struct check_result *result, const char *format, ...)
{
    va_list arguments;

    result->verdict = CHECK_INCONCLUSIVE;
    va_start(arguments, format);
    vsnprintf(result->reason, sizeof(result->reason), format, arguments);
    va_end(arguments);
}

static void judge(const struct check_suite *suite, const struct check_ops *ops,
                  struct check_result *result)
{
    const char *excuse =
        excuse_find(&suite->excuse, ops->excuses, result->first.index);

    result->verdict = CHECK_PASS;
    if (suite->fold.failed) {
        inconclusive(result, "out of memory after %" PRIu64 " records",
                     suite->index);
    } else if (result->violations && excuse) {
        result->verdict = CHECK_EXCUSED;
        snprintf(result->reason, sizeof(result->reason), "%s", excuse);
    } else if (result->violations) {
        result->verdict = CHECK_FAIL;
    } else if (result->unjudged) {
        inconclusive(result,
                     "the world ended too early to judge %" PRIu64 " of %s",
                     result->unjudged, ops->unit);
    } else if (!result->checked && ops->applies &&
               !ops->applies(suite->view.world)) {
        result->absent = 1;
        if (ops->needs)
            inconclusive(result, "%s", ops->needs);
        else
            inconclusive(result, "the workflows have no %s", ops->unit);
    } else if (!result->checked && result->absent) {
        inconclusive(result, "the world had no %s", ops->unit);
    } else if (!result->checked) {
        inconclusive(result, "there were no %s to look at", ops->unit);
    } else if (result->apart) {
        snprintf(result->reason, sizeof(result->reason),
                 "%" PRIu64 " more came out otherwise, as they may",
                 result->apart);
    }
}

const struct check_result *check_suite_finish(struct check_suite *suite,
                                              size_t *count)
{
    suite->finished = 1;
    for (size_t i = 0; i < suite->count; i++)
        judge(suite, suite->checkers[i].ops, &suite->results[i]);
    *count = suite->count;
    return suite->results;
}

/* Drops a character of UTF-8 that the end of the buffer cut in two. */
static void trim(char *text)
{
    size_t length = strlen(text);
    size_t start = length;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
        text[start - 1] = '\0';
}

void check_violation(struct check_result *result,
                     const struct engine_record *record, uint64_t index,
                     const char *format, ...)
{
    struct check_finding *first = &result->first;
    va_list arguments;
    int length;

    if (result->violations++)
        return;
    first->record = *record;
    first->index = index;
    va_start(arguments, format);
    length = vsnprintf(first->text, sizeof(first->text), format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof(first->text))
        trim(first->text);
}

void check_waits(const struct check_self *self,
                 const struct engine_record *record)
{
    struct check_finding *first = &self->result->first;

    if (self->result->violations != 1)
        return;
    waits_chain(self->fold, record->run, record->time_ns, first->waits_for,
                sizeof(first->waits_for));
    trim(first->waits_for);
}

const char *check_node(struct check_node *word, const struct check_world *world,
                       uint32_t node)
{
    const char *name = NULL;
    int length;

    if (world->node_names && node < world->node_count)
        name = world->node_names[node];
    length =
        name ? snprintf(word->text, sizeof(word->text), "%s", name)
             : snprintf(word->text, sizeof(word->text), "node %" PRIu32, node);
    if (length >= (int)sizeof(word->text))
        trim(word->text);
    return word->text;
}

int check_by_run_init(struct check_by_run *array, const struct fold *fold,
                      size_t size)
{
    array->fold = fold;
    array->size = size;
    array->near = fold->world->runs_max;
    array->count = array->near + 1;
    array->items = calloc(array->count, size);
    return array->items ? 0 : -1;
}

void check_by_run_deinit(struct check_by_run *array)
{
    free(array->items);
    array->items = NULL;
}

/* Room for invoked runs is made as they are met. */
static int check_by_run_grow(struct check_by_run *array, uint64_t slot)
{
    uint64_t count = 2 * array->count > slot ? 2 * array->count : slot + 1;
    unsigned char *items = realloc(array->items, count * array->size);

    if (!items)
        return -1;
    memset(items + array->count * array->size, 0,
           (count - array->count) * array->size);
    array->items = items;
    array->count = count;
    return 0;
}

void *check_by_run_far(struct check_by_run *array, uint64_t run)
{
    uint64_t slot = fold_slot(array->fold, run);

    if (!slot || (slot >= array->count && check_by_run_grow(array, slot)))
        return NULL;
    return array->items + slot * array->size;
}

void *check_self_new(const struct check_view *view, struct check_result *result,
                     size_t size)
{
    struct check_self *self = calloc(1, size);

    if (!self)
        return NULL;
    self->world = view->world;
    self->fold = view->fold;
    self->result = result;
    return self;
}

void *check_self_open(const struct check_view *view,
                      struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct check_self));
}

void check_self_close(void *self)
{
    free(self);
}

const char *check_verdict_name(enum check_verdict verdict)
{
    switch (verdict) {
    case CHECK_PASS:
        return "pass";
    case CHECK_FAIL:
        return "fail";
    case CHECK_EXCUSED:
        return "excused";
    case CHECK_INCONCLUSIVE:
        return "inconclusive";
    }
    return "?";
}
