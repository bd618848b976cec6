#include "engine/execution.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000000)

enum {
    RUN = 7,
    ROOT = 0 /* parent of what stands in no context */
};

/* A run with its log, and the batch that is being written. */
struct bed {
    struct engine_limits limits;
    struct engine_execution live;
    struct engine_block log; /* every event */
    uint64_t times[20000];   /* by event */
    uint32_t event_count;
    uint64_t now_ns;
    uint32_t invocation;
    struct engine_block batch;
    struct engine_block events;
    struct engine_problem problem;
    uint64_t signals;
};

static struct engine_hash id_of(uint32_t n)
{
    const struct engine_hash run = {0, 0};

    return n ? engine_operation_id(RUN, run, n) : run;
}

/* Events ------------------------------------------------------------------ */

/* Makes the events in bed->events durable and applies them. */
static void commit(struct bed *bed)
{
    const struct engine_item *item = engine_item_first(bed->events.bytes, 8);

    cr_assert(engine_block_ok(&bed->events));
    for (; item; item = engine_item_next(bed->events.bytes, item)) {
        cr_assert_eq(engine_execution_apply(&bed->live, item, 0), 0, "%s of %u",
                     engine_event_name(item->kind), item->op);
        engine_block_item(&bed->log, item, engine_item_payload(item),
                          item->size);
        bed->times[bed->event_count++] = bed->now_ns;
    }
    engine_execution_stamp(&bed->live, bed->now_ns);
    engine_block_begin(&bed->events, 8);
}

static void event(struct bed *bed, unsigned kind, uint32_t attempt, uint64_t a)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .attempt = attempt,
                                     .a = a};

    engine_block_item(&bed->events, &item, NULL, 0);
    commit(bed);
}

static void invoke(struct bed *bed)
{
    event(bed, ENGINE_EV_OP_SCHEDULED, ++bed->invocation, 0);
}

static void bed_open(struct bed *bed)
{
    *bed = (struct bed){.now_ns = 1000 * SECOND};
    bed->limits = (struct engine_limits){.run_max_ns = 1000000 * SECOND,
                                         .wait_min_ns = SECOND,
                                         .wait_max_ns = 1000 * SECOND,
                                         .input_max = 100000,
                                         .response_max = 100000,
                                         .result_max = 100000,
                                         .operation_payload_max = 2000,
                                         .error_max = 500,
                                         .inline_max = 2000,
                                         .batch_max = 100000,
                                         .batch_updates_max = 100,
                                         .operations_max = 10000,
                                         .written_max = 10000000,
                                         .callback_max_ns = 500 * SECOND,
                                         .invoke_depth_max = 5,
                                         .invoke_depth_near = 5,
                                         .concurrency_max = 50,
                                         .name_max = 40};
    engine_block_init(&bed->log);
    engine_block_init(&bed->batch);
    engine_block_init(&bed->events);
    engine_block_begin(&bed->log, 8);
    engine_block_begin(&bed->batch, 8);
    engine_block_begin(&bed->events, 8);
    cr_assert_eq(engine_execution_init(&bed->live, NULL, RUN, &bed->limits), 0);
    event(bed, ENGINE_EV_RUN_CREATED, 0, 0);
    invoke(bed);
}

static void bed_close(struct bed *bed)
{
    engine_execution_free(&bed->live);
    engine_block_free(&bed->log);
    engine_block_free(&bed->batch);
    engine_block_free(&bed->events);
}

/* Updates ----------------------------------------------------------------- */

struct words {
    unsigned action;
    unsigned type;
    uint32_t n; /* which operation */
    uint32_t parent;
    const char *name; /* NULL: follows from n */
    unsigned subtype;
    unsigned options;
    uint32_t error;
    uint64_t first_ns;
    uint64_t second_ns;
    const char *detail; /* NULL: none */
    const char *value;  /* NULL: value_size bytes of x */
    uint32_t value_size;
};

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text, text ? strlen(text) : 0};
}

/* Adds one update to the batch. */
static void add(struct bed *bed, struct words words)
{
    static const char filler[300000];
    struct engine_hash id = id_of(words.n);
    char name[24];
    struct engine_item head = {.type = ENGINE_ITEM_UPDATE,
                               .kind = (uint16_t)words.action,
                               .a = id.lo,
                               .b = id.hi,
                               .flags = engine_operation_flags(
                                   words.type, words.subtype, words.options)};
    struct engine_operation_view view = {.head = {.parent = id_of(words.parent),
                                                  .first_ns = words.first_ns,
                                                  .second_ns = words.second_ns,
                                                  .error = words.error},
                                         .detail = text_of(words.detail),
                                         .value = words.value ? words.value
                                                              : filler};

    (void)snprintf(name, sizeof(name), "op-%u", words.n);
    view.name = text_of(words.name ? words.name : name);
    view.head.name_size = (uint16_t)view.name.size;
    view.head.detail_size = (uint32_t)view.detail.size;
    view.head.value_size =
        words.value ? (uint32_t)strlen(words.value) : words.value_size;
    cr_assert_not_null(engine_operation_write(&bed->batch, &head, &view));
}

static struct words act(unsigned action, unsigned type, uint32_t n,
                        uint32_t parent)
{
    struct words words = {
        .action = action, .type = type, .n = n, .parent = parent};

    if (action == ENGINE_ACTION_FAIL || action == ENGINE_ACTION_RETRY)
        words.error = ENGINE_ERR_USER;
    if (action == ENGINE_ACTION_RETRY || type == ENGINE_OPERATION_WAIT)
        words.first_ns = 10 * SECOND;
    if (type >= ENGINE_OPERATION_INVOKE && action == ENGINE_ACTION_START)
        words.detail = "edge";
    if (type == ENGINE_OPERATION_SEND)
        words.first_ns = 99;
    return words;
}

static void put(struct bed *bed, unsigned action, unsigned type, uint32_t n,
                uint32_t parent)
{
    add(bed, act(action, type, n, parent));
}

static int check(struct bed *bed)
{
    return engine_execution_check(&bed->live, bed->batch.bytes + 8,
                                  bed->batch.size - 8, &bed->problem);
}

/* Hands the batch in; returns the error class with which it was refused. */
static uint32_t submit(struct bed *bed)
{
    const struct engine_hash client = {bed->event_count, 1};

    if (check(bed) == 0) {
        cr_assert_eq(engine_execution_events(&bed->live, bed->batch.bytes + 8,
                                             bed->batch.size - 8, client,
                                             bed->now_ns, &bed->events),
                     0);
        commit(bed);
        cr_assert_eq(engine_execution_ends(&bed->live, &bed->events), 0);
        commit(bed);
    } else {
        cr_assert_neq(bed->problem.error, ENGINE_ERR_NONE);
        cr_assert_gt(strlen(bed->problem.text), 0);
    }
    engine_block_begin(&bed->batch, 8);
    return bed->problem.error;
}

static uint32_t submit_one(struct bed *bed, unsigned action, unsigned type,
                           uint32_t n, uint32_t parent)
{
    put(bed, action, type, n, parent);
    return submit(bed);
}

static uint32_t submit_words(struct bed *bed, struct words words)
{
    add(bed, words);
    return submit(bed);
}

#define S ENGINE_ACTION_START
#define C ENGINE_ACTION_SUCCEED
#define F ENGINE_ACTION_FAIL
#define R ENGINE_ACTION_RETRY
#define X ENGINE_ACTION_CANCEL
#define P ENGINE_ACTION_PROGRESS
#define CONTEXT ENGINE_OPERATION_CONTEXT
#define STEP ENGINE_OPERATION_STEP
#define WAIT ENGINE_OPERATION_WAIT
#define CALLBACK ENGINE_OPERATION_CALLBACK
#define INVOKE ENGINE_OPERATION_INVOKE
#define SEND ENGINE_OPERATION_SEND
#define RECEIVE ENGINE_OPERATION_RECEIVE
#define EXECUTION ENGINE_OPERATION_EXECUTION

/* Time and signals -------------------------------------------------------- */

static uint64_t fire(struct bed *bed)
{
    uint64_t latest;

    cr_assert_eq(
        engine_execution_fire(&bed->live, bed->now_ns, &bed->events, &latest),
        0);
    cr_assert_leq(latest, bed->now_ns);
    commit(bed);
    return latest;
}

struct sign {
    unsigned kind;
    uint32_t op;
    uint64_t number;
    uint32_t error;
    const char *edge;
    const char *value;
    uint32_t value_size; /* without a value: so many bytes */
    const char *actor;
};

static int signal_op(struct bed *bed, struct sign sign)
{
    static const char filler[300000];
    struct engine_block block;
    struct engine_text edge = text_of(sign.edge);
    struct engine_text actor = text_of(sign.actor);
    struct engine_signal head = {.run = RUN,
                                 .number = sign.number,
                                 .kind = sign.kind,
                                 .error = sign.error,
                                 .actor_size = (uint16_t)actor.size,
                                 .edge_size = (uint16_t)edge.size};
    struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                               .kind = (uint16_t)sign.kind,
                               .op = sign.op,
                               .a = ++bed->signals};
    struct engine_item *inbox;
    unsigned char *at;
    int result;

    head.value_size =
        sign.value ? (uint32_t)strlen(sign.value) : sign.value_size;
    engine_block_init(&block);
    engine_block_begin(&block, 8);
    inbox = engine_block_item(&block, &item, NULL,
                              sizeof(head) + actor.size + edge.size +
                                  head.value_size);
    at = (unsigned char *)(inbox + 1);
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    if (actor.size)
        memcpy(at, actor.text, actor.size);
    at += actor.size;
    if (edge.size)
        memcpy(at, edge.text, edge.size);
    at += edge.size;
    memcpy(at, sign.value ? sign.value : filler, head.value_size);
    result = engine_execution_signal(&bed->live, inbox, &bed->events);
    engine_block_free(&block);
    commit(bed);
    return result;
}

static const struct engine_op_entry *entry_of(const struct bed *bed, uint32_t n)
{
    return engine_operations_find(&bed->live.operations, id_of(n));
}

static unsigned status_of(const struct bed *bed, uint32_t n)
{
    const struct engine_op_entry *entry = entry_of(bed, n);

    return entry ? entry->status : 0;
}

static bool has_value(const struct engine_op_entry *entry, const char *value)
{
    size_t size = strlen(value);

    return entry->value_size == size &&
           (size == 0 || memcmp(entry->value, value, size) == 0);
}

/* The events of this kind in the log; *last is the last one. */
static uint32_t count_events(const struct bed *bed, unsigned kind,
                             struct engine_item *last)
{
    const struct engine_item *item = engine_item_first(bed->log.bytes, 8);
    uint32_t count = 0;

    for (; item; item = engine_item_next(bed->log.bytes, item)) {
        if (item->kind != kind)
            continue;
        *last = *item;
        count++;
    }
    return count;
}

/* Comparing --------------------------------------------------------------- */

static void save(const struct engine_execution *execution,
                 struct engine_block *block)
{
    engine_block_init(block);
    cr_assert_eq(engine_execution_save(execution, block), 0);
}

static void expect_same(const struct engine_execution *left,
                        const struct engine_execution *right)
{
    struct engine_block a;
    struct engine_block b;

    save(left, &a);
    save(right, &b);
    cr_assert_eq(a.size, b.size);
    cr_assert_eq(memcmp(a.bytes, b.bytes, a.size), 0);
    cr_assert_eq(left->waiting, right->waiting);
    cr_assert_eq(left->open_count, right->open_count);
    cr_assert_eq(left->branches, right->branches);
    cr_assert_eq(left->ambiguous, right->ambiguous);
    cr_assert_eq(engine_execution_due(left), engine_execution_due(right));
    engine_block_free(&a);
    engine_block_free(&b);
}

static void expect_fold_is_live(const struct bed *bed)
{
    struct engine_execution folded;
    const struct engine_item *item = engine_item_first(bed->log.bytes, 8);
    uint32_t n = 0;

    cr_assert_eq(engine_execution_init(&folded, NULL, RUN, &bed->limits), 0);
    for (; item; item = engine_item_next(bed->log.bytes, item))
        cr_assert_eq(engine_execution_apply(&folded, item, bed->times[n++]), 0);
    expect_same(&folded, &bed->live);
    engine_execution_free(&folded);
}

static void expect_restores(const struct bed *bed)
{
    struct engine_execution restored;
    struct engine_block block;

    save(&bed->live, &block);
    cr_assert_eq(engine_execution_init(&restored, NULL, RUN, &bed->limits), 0);
    cr_assert_eq(engine_execution_restore(&restored, block.bytes, block.size),
                 0);
    expect_same(&restored, &bed->live);
    engine_execution_free(&restored);
    engine_block_free(&block);
}

static uint32_t count_items(const struct engine_block *block, size_t at)
{
    uint32_t count = 0;

    while (at < block->size) {
        const struct engine_item *item = (const void *)(block->bytes + at);

        at += engine_item_span(item->size);
        count++;
    }
    return count;
}

static void expect_pages_are_the_list(const struct bed *bed, size_t max_bytes)
{
    struct engine_block all;
    struct engine_block pages;
    uint32_t next = 0;

    engine_block_init(&all);
    engine_block_init(&pages);
    engine_block_begin(&all, 8);
    engine_block_begin(&pages, 8);
    cr_assert_eq(engine_execution_page(&bed->live, 0, SIZE_MAX, &all, &next),
                 0);
    cr_assert_eq(next, 0);
    do {
        size_t before = pages.size;

        cr_assert_eq(
            engine_execution_page(&bed->live, next, max_bytes, &pages, &next),
            0);
        if (next)
            cr_assert_gt(pages.size, before);
        if (pages.size - before > max_bytes)
            cr_assert_eq(count_items(&pages, before), 1);
    } while (next);
    cr_assert_eq(pages.size, all.size);
    cr_assert_eq(memcmp(pages.bytes, all.bytes, all.size), 0);
    engine_block_free(&all);
    engine_block_free(&pages);
}

static void expect_sound(const struct bed *bed)
{
    expect_fold_is_live(bed);
    expect_restores(bed);
    expect_pages_are_the_list(bed, 200);
    expect_pages_are_the_list(bed, 1000);
}

/* Actions ----------------------------------------------------------------- */

/* Brings operation n of this type into a status. */
static void bring(struct bed *bed, unsigned type, unsigned status, uint32_t n)
{
    if (!status)
        return;
    if (status == ENGINE_STATUS_PENDING || status == ENGINE_STATUS_READY) {
        cr_assert_eq(submit_one(bed, R, type, n, ROOT), 0);
        if (status == ENGINE_STATUS_PENDING)
            return;
        bed->now_ns += 10 * SECOND;
        fire(bed);
        return;
    }
    cr_assert_eq(submit_one(bed, S, type, n, ROOT), 0);
    if (status == ENGINE_STATUS_STARTED)
        return;
    if (type == WAIT && status == ENGINE_STATUS_SUCCEEDED) {
        bed->now_ns += 10 * SECOND;
        fire(bed);
        return;
    }
    cr_assert_eq(submit_one(bed,
                            status == ENGINE_STATUS_SUCCEEDED ? C
                            : status == ENGINE_STATUS_FAILED  ? F
                                                              : X,
                            type, n, ROOT),
                 0);
}

Test(engine_execution, each_action_is_accepted_in_the_statuses_that_allow_it)
{
    static const struct {
        unsigned type;
        unsigned status;
        const char *allowed; /* of START SUCCEED FAIL RETRY CANCEL PROGRESS */
    } rows[] = {
        {CONTEXT, 0, "SCF..."},
        {CONTEXT, ENGINE_STATUS_STARTED, ".CF..."},
        {CONTEXT, ENGINE_STATUS_SUCCEEDED, "......"},
        {CONTEXT, ENGINE_STATUS_FAILED, "......"},
        {STEP, 0, "SCFR.."},
        {STEP, ENGINE_STATUS_STARTED, ".CFR.P"},
        {STEP, ENGINE_STATUS_PENDING, "......"},
        {STEP, ENGINE_STATUS_READY, "SCFR.."},
        {STEP, ENGINE_STATUS_SUCCEEDED, "......"},
        {STEP, ENGINE_STATUS_FAILED, "......"},
        {WAIT, 0, "S....."},
        {WAIT, ENGINE_STATUS_STARTED, "....X."},
        {WAIT, ENGINE_STATUS_SUCCEEDED, "....X."},
        {WAIT, ENGINE_STATUS_CANCELLED, "....X."},
        {CALLBACK, 0, "S....."},
        {CALLBACK, ENGINE_STATUS_STARTED, "......"},
        {INVOKE, 0, "S....."},
        {INVOKE, ENGINE_STATUS_STARTED, "......"},
        {SEND, 0, "S....."},
        {SEND, ENGINE_STATUS_STARTED, "......"},
        {RECEIVE, 0, "S....."},
        {RECEIVE, ENGINE_STATUS_STARTED, "......"},
    };
    struct bed bed;
    uint32_t n = 0;

    bed_open(&bed);
    for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
        for (unsigned action = S; action < ENGINE_ACTION_COUNT; action++) {
            bool allowed = rows[row].allowed[action - 1] != '.';
            uint32_t error;

            bring(&bed, rows[row].type, rows[row].status, ++n);
            error = submit_one(&bed, action, rows[row].type, n, ROOT);
            cr_expect_eq(
                error, allowed ? ENGINE_ERR_NONE : ENGINE_ERR_VALIDATION,
                "row %zu, %s: %u %s", row, engine_operation_action_name(action),
                error, bed.problem.text);
        }
    }
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution,
     a_batch_holds_one_update_of_an_operation_or_start_and_one)
{
    static const struct {
        unsigned type;
        unsigned first;
        unsigned second;
        bool good;
    } rows[] = {
        {STEP, S, C, true},     {STEP, S, F, true},    {STEP, S, R, true},
        {STEP, S, P, true},     {STEP, S, S, false},   {STEP, C, C, false},
        {CONTEXT, S, C, true},  {CONTEXT, S, F, true}, {CONTEXT, S, S, false},
        {CONTEXT, C, F, false}, {WAIT, S, X, false},   {WAIT, S, S, false},
    };
    struct bed bed;
    uint32_t n = 0;

    bed_open(&bed);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        n++;
        put(&bed, rows[i].first, rows[i].type, n, ROOT);
        put(&bed, rows[i].second, rows[i].type, n, ROOT);
        cr_expect_eq(submit(&bed) == ENGINE_ERR_NONE, rows[i].good, "row %zu",
                     i);
    }
    put(&bed, S, STEP, 50, ROOT);
    put(&bed, P, STEP, 50, ROOT);
    put(&bed, C, STEP, 50, ROOT);
    cr_expect_eq(submit(&bed), ENGINE_ERR_VALIDATION);
    cr_expect_eq(bed.problem.update, 2);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_refused_batch_changes_nothing)
{
    struct bed bed;
    struct engine_block before;
    struct engine_block after;

    bed_open(&bed);
    cr_assert_eq(submit_one(&bed, S, WAIT, 1, ROOT), 0);
    save(&bed.live, &before);
    put(&bed, S, STEP, 2, ROOT);
    put(&bed, X, WAIT, 1, ROOT);
    put(&bed, S, STEP, 3, 9);
    cr_expect_eq(submit(&bed), ENGINE_ERR_VALIDATION);
    cr_expect_eq(bed.problem.update, 2);
    save(&bed.live, &after);
    cr_assert_eq(after.size, before.size);
    cr_expect_eq(memcmp(after.bytes, before.bytes, before.size), 0);
    engine_block_free(&before);
    engine_block_free(&after);
    bed_close(&bed);
}

Test(engine_execution, a_parent_must_be_a_context_that_stands_before)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, STEP, 2, 1);
    put(&bed, S, CONTEXT, 1, ROOT);
    cr_expect_eq(submit(&bed), ENGINE_ERR_VALIDATION);
    put(&bed, S, CONTEXT, 1, ROOT);
    put(&bed, S, STEP, 2, 1);
    cr_expect_eq(submit(&bed), ENGINE_ERR_NONE);
    cr_expect_eq(submit_one(&bed, S, STEP, 3, 2), ENGINE_ERR_VALIDATION);
    cr_expect_not_null(strstr(bed.problem.text, "op-3"));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, children_of_a_closed_context_are_orphans)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, CONTEXT, 1, ROOT);
    put(&bed, S, CONTEXT, 2, 1);
    put(&bed, S, STEP, 3, 2);
    cr_assert_eq(submit(&bed), 0);
    put(&bed, C, CONTEXT, 1, ROOT);
    put(&bed, C, STEP, 3, 2);
    cr_expect_eq(submit(&bed), ENGINE_ERR_ORPHAN);
    cr_expect_eq(submit_one(&bed, C, CONTEXT, 1, ROOT), 0);
    cr_expect_eq(submit_one(&bed, C, STEP, 3, 2), ENGINE_ERR_ORPHAN);
    cr_expect_eq(submit_one(&bed, S, STEP, 4, 2), ENGINE_ERR_ORPHAN);
    cr_expect_eq(submit_one(&bed, S, STEP, 4, 1), ENGINE_ERR_ORPHAN);
    cr_expect_eq(bed.live.open_count, 0);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, an_operation_that_became_another_is_nondeterministic)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, CONTEXT, 9, ROOT);
    add(&bed, (struct words){.action = S,
                             .type = STEP,
                             .n = 1,
                             .name = "charge",
                             .subtype = ENGINE_SUBTYPE_STEP});
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(submit_words(&bed, (struct words){.action = S,
                                                   .type = WAIT,
                                                   .n = 1,
                                                   .name = "cool off",
                                                   .first_ns = SECOND}),
                 ENGINE_ERR_NONDETERMINISTIC);
    cr_expect_str_eq(bed.problem.text,
                     "wait \"cool off\": was recorded as step \"charge\"");
    cr_expect_eq(submit_words(&bed, (struct words){.action = C,
                                                   .type = STEP,
                                                   .n = 1,
                                                   .name = "refund",
                                                   .subtype = 1}),
                 ENGINE_ERR_NONDETERMINISTIC);
    cr_expect_eq(submit_words(&bed, (struct words){.action = C,
                                                   .type = STEP,
                                                   .n = 1,
                                                   .name = "charge",
                                                   .subtype = 10}),
                 ENGINE_ERR_NONDETERMINISTIC);
    cr_expect_eq(submit_words(&bed, (struct words){.action = C,
                                                   .type = STEP,
                                                   .n = 1,
                                                   .parent = 9,
                                                   .name = "charge",
                                                   .subtype = 1}),
                 ENGINE_ERR_NONDETERMINISTIC);
    put(&bed, S, STEP, 2, ROOT);
    put(&bed, C, CONTEXT, 2, ROOT);
    cr_expect_eq(submit(&bed), ENGINE_ERR_NONDETERMINISTIC);
    bed_close(&bed);
}

Test(engine_execution, an_error_goes_with_failures_only)
{
    struct bed bed;
    struct words words = act(C, STEP, 1, ROOT);

    bed_open(&bed);
    words.error = ENGINE_ERR_USER;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    words = act(F, STEP, 1, ROOT);
    words.error = ENGINE_ERR_NONE;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    words = act(R, STEP, 1, ROOT);
    words.options = ENGINE_OPTION_STATE;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    words.error = ENGINE_ERR_NONE;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_NONE);
    words = act(R, STEP, 2, ROOT);
    words.options = ENGINE_OPTION_AT_MOST_ONCE;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    bed_close(&bed);
}

Test(engine_execution, the_runs_own_update_is_the_last)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, C, EXECUTION, 40, ROOT);
    put(&bed, S, STEP, 1, ROOT);
    cr_expect_eq(submit(&bed), ENGINE_ERR_VALIDATION);
    put(&bed, C, EXECUTION, 40, ROOT);
    put(&bed, C, EXECUTION, 41, ROOT);
    cr_expect_eq(submit(&bed), ENGINE_ERR_VALIDATION);
    cr_expect_eq(submit_one(&bed, S, EXECUTION, 40, ROOT),
                 ENGINE_ERR_VALIDATION);
    put(&bed, C, STEP, 1, ROOT);
    add(&bed, (struct words){.action = C,
                             .type = EXECUTION,
                             .n = 40,
                             .value = "result",
                             .options = ENGINE_OPTION_LARGE});
    cr_expect_eq(submit(&bed), ENGINE_ERR_NONE);
    cr_expect(has_value(&bed.live.operations.entries[0], "result"));
    cr_expect_eq(submit_one(&bed, S, STEP, 2, ROOT), ENGINE_ERR_VALIDATION);
    expect_sound(&bed);
    bed_close(&bed);
}

/* Attempts ---------------------------------------------------------------- */

Test(engine_execution, attempts_count_what_ran)
{
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(submit_one(&bed, R, STEP, 1, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 1)->attempt, 1);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_READY);
    cr_assert_eq(submit_one(&bed, R, STEP, 1, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 1)->attempt, 2);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_assert_eq(submit_one(&bed, S, STEP, 1, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 1)->attempt, 3);
    cr_assert_eq(submit_one(&bed, C, STEP, 1, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 1)->attempt, 3);
    cr_expect_eq(bed.live.operations.count, 2);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, progress_outlives_a_retry_and_a_state_replaces_it)
{
    struct bed bed;
    struct words words = act(P, STEP, 1, ROOT);

    bed_open(&bed);
    cr_assert_eq(submit_one(&bed, S, STEP, 1, ROOT), 0);
    words.value = "half";
    cr_assert_eq(submit_words(&bed, words), 0);
    words = act(R, STEP, 1, ROOT);
    words.value = "network down";
    words.detail = "Net";
    cr_assert_eq(submit_words(&bed, words), 0);
    cr_expect(has_value(entry_of(&bed, 1), "half"));
    cr_expect(entry_of(&bed, 1)->options & ENGINE_OPTION_PROGRESS);
    cr_expect_eq(entry_of(&bed, 1)->error, ENGINE_ERR_USER);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    words = act(R, STEP, 1, ROOT);
    words.value = "state";
    words.error = ENGINE_ERR_NONE;
    words.options = ENGINE_OPTION_STATE;
    cr_assert_eq(submit_words(&bed, words), 0);
    cr_expect(has_value(entry_of(&bed, 1), "state"));
    cr_expect_not(entry_of(&bed, 1)->options & ENGINE_OPTION_PROGRESS);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, an_ambiguous_step_is_decided_by_an_operator)
{
    static const struct {
        unsigned kind;
        unsigned status;
    } rows[] = {{ENGINE_SIG_RESUME, ENGINE_STATUS_READY},
                {ENGINE_SIG_SKIP, ENGINE_STATUS_SUCCEEDED},
                {ENGINE_SIG_ABORT, ENGINE_STATUS_FAILED}};
    struct bed bed;

    bed_open(&bed);
    for (uint32_t i = 0; i < 3; i++) {
        struct words words = act(F, STEP, i + 1, ROOT);

        cr_assert_eq(submit_one(&bed, S, STEP, i + 1, ROOT), 0);
        words.error = ENGINE_ERR_AMBIGUOUS;
        cr_assert_eq(submit_words(&bed, words), 0);
        cr_expect_eq(bed.live.ambiguous, 1);
        cr_expect(engine_execution_is_waiting(&bed.live));
        cr_expect_eq(submit_one(&bed, C, STEP, i + 1, ROOT),
                     ENGINE_ERR_VALIDATION);
        expect_sound(&bed);
        cr_expect_eq(signal_op(&bed, (struct sign){.kind = rows[i].kind,
                                                   .op = i + 1,
                                                   .value = "v"}),
                     1);
        cr_expect_eq(status_of(&bed, i + 1), rows[i].status);
        cr_expect_eq(bed.live.ambiguous, 0);
        cr_expect(engine_execution_has_news(&bed.live));
        expect_sound(&bed);
    }
    cr_expect_eq(signal_op(&bed, (struct sign){.kind = ENGINE_SIG_RESUME,
                                               .op = UINT32_MAX}),
                 0);
    cr_assert_eq(submit_one(&bed, S, STEP, 1, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 1)->attempt, 2);
    cr_expect_eq(entry_of(&bed, 1)->error, ENGINE_ERR_NONE);
    cr_expect(has_value(entry_of(&bed, 2), "v"));
    bed_close(&bed);
}

/* Limits ------------------------------------------------------------------ */

/* The last batch was refused for this limit, with these figures. */
static void expect_over(const struct bed *bed, enum engine_limit limit,
                        uint64_t actual, uint64_t maximum)
{
    bool duration = engine_limit_unit(limit) == ENGINE_LIMIT_NS;
    const char *name = engine_limit_name(limit);
    char number[24];

    cr_expect_eq(bed->problem.error,
                 duration ? ENGINE_ERR_VALIDATION : ENGINE_ERR_SIZE_LIMIT, "%s",
                 name);
    cr_expect_eq(bed->problem.limit, limit, "%s", bed->problem.text);
    cr_expect_eq(bed->problem.actual, actual, "%s", bed->problem.text);
    cr_expect_eq(bed->problem.maximum, maximum, "%s", bed->problem.text);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)actual);
    cr_expect_not_null(strstr(bed->problem.text, number), "%s", name);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)maximum);
    cr_expect_not_null(strstr(bed->problem.text, number), "%s", name);
}

/* words passes; one that is beyond is refused with these figures. */
static void expect_limit(struct bed *bed, struct words passes,
                         struct words beyond, enum engine_limit limit,
                         uint64_t actual, uint64_t maximum)
{
    (void)submit_words(bed, beyond);
    expect_over(bed, limit, actual, maximum);
    cr_expect_not_null(strstr(bed->problem.text, "\"op-"), "%s",
                       bed->problem.text);
    cr_expect_eq(submit_words(bed, passes), ENGINE_ERR_NONE, "%s: %s",
                 engine_limit_name(limit), bed->problem.text);
}

static struct words sized(unsigned action, unsigned type, uint32_t n,
                          uint32_t size)
{
    struct words words = act(action, type, n, ROOT);

    words.value_size = size;
    return words;
}

static struct words timed(unsigned action, unsigned type, uint32_t n,
                          uint64_t first_ns, uint64_t second_ns)
{
    struct words words = act(action, type, n, ROOT);

    words.first_ns = first_ns;
    words.second_ns = second_ns;
    return words;
}

Test(engine_execution, a_value_may_be_as_large_as_its_limit_and_no_byte_more)
{
    struct bed bed;
    struct words passes = sized(F, STEP, 9, 494);
    struct words beyond = sized(F, STEP, 9, 495);

    bed_open(&bed);
    expect_limit(&bed, sized(C, STEP, 1, 2000), sized(C, STEP, 1, 2001),
                 ENGINE_LIMIT_operation_payload_max, 2001, 2000);
    expect_limit(&bed, sized(C, CONTEXT, 2, 2000), sized(C, CONTEXT, 2, 2001),
                 ENGINE_LIMIT_operation_payload_max, 2001, 2000);
    bed.limits.input_max = 2500;
    expect_limit(&bed, sized(S, INVOKE, 3, 2500), sized(S, INVOKE, 3, 2501),
                 ENGINE_LIMIT_input_max, 2501, 2500);
    expect_limit(&bed, sized(S, SEND, 4, 2000), sized(S, SEND, 4, 2001),
                 ENGINE_LIMIT_operation_payload_max, 2001, 2000);
    passes.detail = beyond.detail = "sixsix";
    expect_limit(&bed, passes, beyond, ENGINE_LIMIT_error_max, 501, 500);
    bed.limits.inline_max = 100;
    expect_limit(&bed, sized(C, STEP, 10, 100), sized(C, STEP, 10, 101),
                 ENGINE_LIMIT_inline_max, 101, 100);
    expect_limit(&bed, sized(C, EXECUTION, 6, 100000),
                 sized(C, EXECUTION, 6, 100001), ENGINE_LIMIT_result_max,
                 100001, 100000);
    bed_close(&bed);
}

Test(engine_execution, durations_stay_within_their_limits_to_the_nanosecond)
{
    const uint64_t low = SECOND;
    const uint64_t high = 1000 * SECOND;
    const uint64_t most = 500 * SECOND;
    struct bed bed;

    bed_open(&bed);
    expect_limit(&bed, timed(S, WAIT, 1, low, 0), timed(S, WAIT, 1, low - 1, 0),
                 ENGINE_LIMIT_wait_min_ns, low - 1, low);
    expect_limit(&bed, timed(S, WAIT, 2, high, 0),
                 timed(S, WAIT, 2, high + 1, 0), ENGINE_LIMIT_wait_max_ns,
                 high + 1, high);
    expect_limit(&bed, timed(R, STEP, 3, low, 0), timed(R, STEP, 3, low - 1, 0),
                 ENGINE_LIMIT_wait_min_ns, low - 1, low);
    expect_limit(&bed, timed(R, STEP, 4, high, 0),
                 timed(R, STEP, 4, high + 1, 0), ENGINE_LIMIT_wait_max_ns,
                 high + 1, high);
    expect_limit(&bed, timed(S, CALLBACK, 5, most, 0),
                 timed(S, CALLBACK, 5, most + 1, 0),
                 ENGINE_LIMIT_callback_max_ns, most + 1, most);
    expect_limit(&bed, timed(S, CALLBACK, 6, 10, 9),
                 timed(S, CALLBACK, 6, 10, 10), ENGINE_LIMIT_callback_max_ns,
                 10, 9);
    expect_limit(&bed, timed(S, CALLBACK, 7, 0, most),
                 timed(S, CALLBACK, 7, 0, most + 1),
                 ENGINE_LIMIT_callback_max_ns, most + 1, most);
    cr_expect_eq(submit_words(&bed, timed(S, WAIT, 8, 0, 0)),
                 ENGINE_ERR_VALIDATION);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_run_has_at_most_so_many_operations)
{
    struct bed bed;

    bed_open(&bed);
    bed.limits.operations_max = 20;
    for (uint32_t n = 1; n < 20; n++)
        cr_assert_eq(submit_one(&bed, R, STEP, n, ROOT), 0);
    put(&bed, C, STEP, 20, ROOT);
    put(&bed, C, STEP, 21, ROOT);
    (void)submit(&bed);
    expect_over(&bed, ENGINE_LIMIT_operations_max, 21, 20);
    cr_expect_eq(bed.problem.update, 1);
    cr_expect_eq(submit_one(&bed, S, STEP, 20, ROOT), 0);
    cr_expect_eq(submit_one(&bed, C, STEP, 20, ROOT), 0);
    cr_expect_eq(submit_one(&bed, S, STEP, 21, ROOT), ENGINE_ERR_SIZE_LIMIT);
    bed_close(&bed);
}

Test(engine_execution, a_run_writes_at_most_so_many_bytes)
{
    struct bed bed;

    bed_open(&bed);
    bed.limits.written_max = 5000;
    cr_assert_eq(submit_words(&bed, sized(C, STEP, 1, 2000)), 0);
    cr_assert_eq(submit_words(&bed, sized(C, STEP, 2, 1000)), 0);
    add(&bed, sized(C, STEP, 3, 1999));
    add(&bed, sized(C, STEP, 4, 2));
    (void)submit(&bed);
    expect_over(&bed, ENGINE_LIMIT_written_max, 5001, 5000);
    cr_expect_eq(submit_words(&bed, sized(C, STEP, 3, 2000)), 0);
    cr_expect_eq(bed.live.written, 5000);
    bed_close(&bed);
}

Test(engine_execution, a_batch_is_as_large_as_its_items_but_the_runs_result)
{
    struct bed bed;

    bed_open(&bed);
    for (uint32_t n = 1; n <= 3; n++)
        add(&bed, sized(C, STEP, n, 1000));
    bed.limits.batch_max = bed.batch.size - 8;
    add(&bed, sized(C, EXECUTION, 4, 50000));
    cr_expect_eq(check(&bed), 0);
    bed.limits.batch_max--;
    (void)submit(&bed);
    expect_over(&bed, ENGINE_LIMIT_batch_max, bed.limits.batch_max + 1,
                bed.limits.batch_max);
    bed.limits.batch_updates_max = 3;
    for (uint32_t n = 1; n <= 4; n++)
        put(&bed, C, STEP, n, ROOT);
    (void)submit(&bed);
    expect_over(&bed, ENGINE_LIMIT_batch_updates_max, 4, 3);
    for (uint32_t n = 1; n <= 3; n++)
        put(&bed, C, STEP, n, ROOT);
    cr_expect_eq(submit(&bed), 0);
    bed_close(&bed);
}

Test(engine_execution, a_name_has_at_most_so_many_bytes_and_no_controls)
{
    struct words words = act(S, STEP, 1, ROOT);
    struct bed bed;

    bed_open(&bed);
    words.name = "12345678901234567890123456789012345678901";
    (void)submit_words(&bed, words);
    expect_over(&bed, ENGINE_LIMIT_name_max, 41, 40);
    words.name = "1234567890123456789012345678901234567890";
    cr_expect_eq(submit_words(&bed, words), 0);
    words = act(S, STEP, 2, ROOT);
    words.name = "red\033[31m";
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    cr_expect_null(strchr(bed.problem.text, '\033'));
    bed_close(&bed);
}

static struct words branch(unsigned action, uint32_t n, uint32_t parent)
{
    struct words words = act(action, CONTEXT, n, parent);

    words.subtype = ENGINE_SUBTYPE_MAP_ITERATION;
    return words;
}

Test(engine_execution, branches_without_a_bound_are_warned_of_once)
{
    struct engine_item last = {0};
    struct bed bed;

    bed_open(&bed);
    bed.limits.concurrency_max = UINT64_MAX;
    bed.limits.batch_updates_max = 1000;
    put(&bed, S, CONTEXT, 1, ROOT);
    for (uint32_t n = 2; n <= 256; n++)
        add(&bed, branch(S, n, 1));
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 0);
    cr_assert_eq(submit_words(&bed, branch(S, 257, 1)), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    cr_expect_eq(last.a, ENGINE_LIMIT_concurrency_max);
    cr_expect_eq(last.b, 256);
    expect_sound(&bed);
    add(&bed, branch(C, 2, 1));
    add(&bed, branch(S, 258, 1));
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    bed_close(&bed);
}

Test(engine_execution, open_branches_are_limited_those_of_a_closed_map_are_not)
{
    struct bed bed;

    bed_open(&bed);
    bed.limits.concurrency_max = 3;
    put(&bed, S, CONTEXT, 1, ROOT);
    for (uint32_t n = 2; n <= 4; n++)
        add(&bed, branch(S, n, 1));
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(bed.live.branches, 3);
    (void)submit_words(&bed, branch(S, 5, 1));
    expect_over(&bed, ENGINE_LIMIT_concurrency_max, 4, 3);
    add(&bed, branch(C, 2, 1));
    add(&bed, branch(S, 5, 1));
    cr_expect_eq(submit(&bed), 0);
    put(&bed, S, CONTEXT, 9, ROOT);
    put(&bed, C, CONTEXT, 1, ROOT);
    for (uint32_t n = 10; n <= 12; n++)
        add(&bed, branch(S, n, 9));
    cr_expect_eq(submit(&bed), 0, "%s", bed.problem.text);
    cr_expect_eq(bed.live.branches, 3);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, runs_invoke_runs_only_so_deep)
{
    struct bed bed;

    bed_open(&bed);
    bed.live.depth = 5;
    (void)submit_one(&bed, S, INVOKE, 1, ROOT);
    expect_over(&bed, ENGINE_LIMIT_invoke_depth_max, 6, 5);
    bed.live.depth = 4;
    cr_expect_eq(submit_one(&bed, S, INVOKE, 1, ROOT), 0);
    bed_close(&bed);
}

Test(engine_execution, blobs_pass_where_the_profile_keeps_them)
{
    struct words words = sized(C, STEP, 1, 40);
    struct bed bed;

    bed_open(&bed);
    words.options = ENGINE_OPTION_BLOB;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    bed.limits.spill = 1;
    words.value_size = 41;
    cr_expect_eq(submit_words(&bed, words), ENGINE_ERR_VALIDATION);
    words.value_size = 40;
    cr_expect_eq(submit_words(&bed, words), 0);
    cr_expect(entry_of(&bed, 1)->options & ENGINE_OPTION_BLOB);
    bed_close(&bed);
}

Test(engine_execution,
     nearing_a_limit_is_said_at_four_fifths_and_nineteen_20ths)
{
    struct engine_item last = {0};
    struct bed bed;

    bed_open(&bed);
    bed.limits.operations_max = 20;
    for (uint32_t n = 1; n <= 15; n++)
        cr_assert_eq(submit_one(&bed, C, STEP, n, ROOT), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 0);
    cr_assert_eq(submit_one(&bed, C, STEP, 16, ROOT), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    cr_expect_eq(last.a, ENGINE_LIMIT_operations_max);
    cr_expect_eq(last.b, 16);
    cr_expect_eq(last.flags, 800);
    for (uint32_t n = 17; n <= 19; n++)
        cr_assert_eq(submit_one(&bed, C, STEP, n, ROOT), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 2);
    cr_expect_eq(last.flags, 950);
    bed.limits.written_max = 2000;
    cr_assert_eq(submit_words(&bed, sized(C, STEP, 20, 1950)), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 3);
    cr_expect_eq(last.a, ENGINE_LIMIT_written_max);
    bed_close(&bed);
}

/* 11 months of a year are nine tenths of what the run has. */
Test(engine_execution, a_wait_near_or_behind_the_end_of_the_run_is_warned_of)
{
    const uint64_t day = 86400 * SECOND;
    struct words wait = act(S, WAIT, 1, ROOT);
    struct words callback = act(S, CALLBACK, 4, ROOT);
    struct engine_item last = {0};
    struct bed bed;

    bed_open(&bed);
    bed.limits.wait_max_ns = bed.limits.callback_max_ns = 366 * day;
    bed.live.deadline_ns = bed.live.started_ns + 365 * day;
    wait.first_ns = 291 * day;
    cr_assert_eq(submit_words(&bed, wait), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 0);
    wait.n = 2;
    wait.first_ns = 330 * day;
    cr_assert_eq(submit_words(&bed, wait), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    cr_expect_eq(last.a, ENGINE_LIMIT_run_max_ns);
    cr_expect_eq(last.b, 330 * day);
    cr_expect_eq(last.flags, 904);
    bed.now_ns += 300 * day;
    wait.n = 3;
    wait.first_ns = 40 * day;
    cr_assert_eq(submit_words(&bed, wait), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    cr_assert_eq(submit_words(&bed, callback), 0); /* it has no end */
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    callback.n = 5;
    callback.first_ns = 66 * day;
    cr_assert_eq(submit_words(&bed, callback), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 2);
    cr_expect_eq(last.b, 366 * day);
    cr_expect_eq(last.flags, 1002);
    bed_close(&bed);
}

Test(engine_execution, a_deep_invocation_is_warned_of)
{
    struct engine_item last = {0};
    struct bed bed;

    bed_open(&bed);
    bed.live.depth = 3;
    cr_assert_eq(submit_one(&bed, S, INVOKE, 1, ROOT), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 0);
    bed.live.depth = 4;
    cr_assert_eq(submit_one(&bed, S, STEP, 2, ROOT), 0);
    cr_assert_eq(submit_one(&bed, S, INVOKE, 3, ROOT), 0);
    cr_expect_eq(count_events(&bed, ENGINE_EV_LIMIT_NEAR, &last), 1);
    cr_expect_eq(last.a, ENGINE_LIMIT_invoke_depth_near);
    cr_expect_eq(last.b, 5);
    cr_expect_eq(last.flags, 1000);
    bed_close(&bed);
}

/* Tokens and news --------------------------------------------------------- */

Test(engine_execution,
     a_token_is_good_once_and_the_same_question_is_known_again)
{
    const struct engine_hash first = {1, 2};
    const struct engine_hash other = {3, 4};
    struct engine_execution *live;
    uint64_t token;
    struct bed bed;

    bed_open(&bed);
    live = &bed.live;
    token = live->token;
    cr_expect_eq(token, engine_execution_token(1, 0));
    cr_expect_eq(engine_execution_token_state(live, token, first),
                 ENGINE_TOKEN_GOOD);
    cr_expect_eq(engine_execution_token_state(live, 0, first),
                 ENGINE_TOKEN_STALE);
    cr_assert_eq(
        engine_execution_events(live, NULL, 0, first, bed.now_ns, &bed.events),
        0);
    commit(&bed);
    cr_expect_eq(engine_execution_token_state(live, token, first),
                 ENGINE_TOKEN_REPEAT);
    cr_expect_eq(engine_execution_token_state(live, token, other),
                 ENGINE_TOKEN_STALE);
    cr_expect_eq(engine_execution_token_state(live, token + 1, first),
                 ENGINE_TOKEN_GOOD);
    event(&bed, ENGINE_EV_ATTEMPT_SUSPENDED, 1, 0);
    cr_expect_eq(engine_execution_token_state(live, token + 1, other),
                 ENGINE_TOKEN_STALE);
    cr_expect_eq(engine_execution_token_state(live, token, first),
                 ENGINE_TOKEN_REPEAT);
    invoke(&bed);
    cr_expect_eq(engine_execution_token_state(live, token, first),
                 ENGINE_TOKEN_STALE);
    cr_expect_eq(live->token, engine_execution_token(2, 0));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, only_what_comes_from_outside_is_news)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, WAIT, 1, ROOT);
    put(&bed, S, WAIT, 2, ROOT);
    put(&bed, C, STEP, 3, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_not(engine_execution_has_news(&bed.live));
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_expect(engine_execution_has_news(&bed.live));
    cr_assert_eq(submit_one(&bed, C, STEP, 4, ROOT), 0);
    cr_expect_not(engine_execution_has_news(&bed.live));
    expect_fold_is_live(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_new_invocation_reads_its_state_and_has_no_news)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, WAIT, 1, ROOT);
    add(&bed, timed(S, WAIT, 2, 20 * SECOND, 0));
    cr_assert_eq(submit(&bed), 0);
    event(&bed, ENGINE_EV_ATTEMPT_SUSPENDED, 1, 0);
    cr_expect(engine_execution_is_waiting(&bed.live));
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_expect(engine_execution_has_news(&bed.live));
    invoke(&bed);
    cr_expect_not(engine_execution_has_news(&bed.live));
    engine_execution_paged(&bed.live, 0, 2);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    engine_execution_paged(&bed.live, 2, 0);
    cr_expect(engine_execution_has_news(&bed.live));
    engine_execution_told(&bed.live, bed.live.change);
    cr_expect_not(engine_execution_has_news(&bed.live));
    expect_fold_is_live(&bed);
    bed_close(&bed);
}

static uint32_t delta_count(const struct bed *bed, uint32_t since)
{
    struct engine_block block;
    const struct engine_item *item;
    uint32_t count = 0;
    uint32_t last = 0;

    engine_block_init(&block);
    engine_block_begin(&block, 8);
    cr_assert_eq(engine_execution_delta(&bed->live, since, &block), 0);
    for (item = engine_item_first(block.bytes, 8); item;
         item = engine_item_next(block.bytes, item)) {
        cr_expect_gt(item->op, last);
        last = item->op;
        count++;
    }
    engine_block_free(&block);
    return count;
}

Test(engine_execution, a_delta_has_each_changed_operation_once_parents_first)
{
    struct words words = act(C, CONTEXT, 1, ROOT);
    struct bed bed;

    bed_open(&bed);
    words.options = ENGINE_OPTION_REPLAY_CHILDREN;
    put(&bed, S, CONTEXT, 1, ROOT);
    put(&bed, S, STEP, 2, 1);
    put(&bed, C, STEP, 2, 1);
    add(&bed, words);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(delta_count(&bed, bed.live.before), 2);
    cr_assert_eq(submit_one(&bed, S, STEP, 3, ROOT), 0);
    cr_expect_eq(delta_count(&bed, bed.live.before), 1);
    cr_expect_eq(delta_count(&bed, bed.live.change), 0);
    cr_expect_eq(delta_count(&bed, 0), 3);
    bed_close(&bed);
}

Test(engine_execution, an_answer_has_all_that_the_invocation_cannot_know)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, WAIT, 1, ROOT);
    add(&bed, timed(S, WAIT, 2, 20 * SECOND, 0));
    cr_assert_eq(submit(&bed), 0);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_assert_eq(submit_one(&bed, C, STEP, 3, ROOT), 0);
    cr_expect_eq(delta_count(&bed, bed.live.before), 2);
    invoke(&bed);
    cr_assert_eq(submit_one(&bed, C, STEP, 4, ROOT), 0);
    cr_expect_eq(delta_count(&bed, bed.live.before), 1);
    bed_close(&bed);
}

Test(engine_execution, children_of_a_closed_context_are_sent_only_for_a_replay)
{
    struct bed bed;

    bed_open(&bed);
    for (uint32_t i = 0; i < 2; i++) {
        struct words words = act(C, CONTEXT, 1 + 10 * i, ROOT);

        put(&bed, S, CONTEXT, 1 + 10 * i, ROOT);
        put(&bed, S, CONTEXT, 2 + 10 * i, 1 + 10 * i);
        put(&bed, S, WAIT, 3 + 10 * i, 2 + 10 * i);
        cr_assert_eq(submit(&bed), 0);
        cr_expect_eq(bed.live.waiting, 1);
        words.options = i ? ENGINE_OPTION_REPLAY_CHILDREN : 0;
        cr_assert_eq(submit_words(&bed, words), 0);
        cr_expect_eq(bed.live.waiting, 0);
        cr_expect_eq(engine_execution_due(&bed.live), UINT64_MAX);
    }
    cr_expect(entry_of(&bed, 3)->dropped);
    cr_expect_not(entry_of(&bed, 13)->dropped);
    cr_expect_eq(delta_count(&bed, 0), 4);
    expect_sound(&bed);
    bed_close(&bed);
}

/* Time -------------------------------------------------------------------- */

Test(engine_execution, a_wait_fires_at_its_time_and_not_a_nanosecond_before)
{
    uint64_t due;
    struct bed bed;

    bed_open(&bed);
    due = bed.now_ns + 10 * SECOND;
    put(&bed, S, WAIT, 1, ROOT);
    put(&bed, R, STEP, 2, ROOT);
    put(&bed, S, WAIT, 3, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(engine_execution_due(&bed.live), due);
    cr_assert_eq(submit_one(&bed, X, WAIT, 3, ROOT), 0);
    bed.now_ns = due - 1;
    cr_expect_eq(fire(&bed), 0);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_STARTED);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_PENDING);
    bed.now_ns = due;
    cr_expect_eq(fire(&bed), due);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_SUCCEEDED);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_READY);
    cr_expect_eq(status_of(&bed, 3), ENGINE_STATUS_CANCELLED);
    cr_expect_eq(engine_execution_due(&bed.live), UINT64_MAX);
    cr_expect_not(engine_execution_is_waiting(&bed.live));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_sign_of_life_moves_the_heartbeat_and_not_the_timeout)
{
    struct sign sign = {.kind = ENGINE_SIG_CALLBACK_HEARTBEAT, .op = 1};
    const struct engine_op_entry *entry;
    uint64_t start;
    struct bed bed;

    bed_open(&bed);
    start = bed.now_ns;
    cr_assert_eq(
        submit_words(&bed, timed(S, CALLBACK, 1, 100 * SECOND, 10 * SECOND)),
        0);
    for (uint32_t i = 0; i < 11; i++) {
        bed.now_ns += 9 * SECOND;
        cr_expect_eq(engine_execution_due(&bed.live),
                     i == 10 ? start + 100 * SECOND : bed.now_ns + SECOND);
        fire(&bed);
        cr_assert_eq(signal_op(&bed, sign), 1);
    }
    cr_expect_not(engine_execution_has_news(&bed.live));
    expect_sound(&bed);
    bed.now_ns = start + 100 * SECOND;
    fire(&bed);
    entry = entry_of(&bed, 1);
    cr_expect_eq(entry->status, ENGINE_STATUS_TIMED_OUT);
    cr_expect_eq(memcmp(entry->detail.text, "Callback.Timeout", 16), 0);
    cr_expect(has_value(entry, "Callback timed out"));
    cr_expect_eq(entry->error, ENGINE_ERR_TIMED_OUT);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_callback_times_out_once_by_the_earlier_of_its_timers)
{
    const struct engine_op_entry *entry;
    struct engine_item last;
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(
        submit_words(&bed, timed(S, CALLBACK, 1, 100 * SECOND, 10 * SECOND)),
        0);
    bed.now_ns += 1000 * SECOND;
    cr_expect_eq(fire(&bed), 1100 * SECOND);
    entry = entry_of(&bed, 1);
    cr_expect_eq(entry->status, ENGINE_STATUS_TIMED_OUT);
    cr_expect_eq(memcmp(entry->detail.text, "Callback.Heartbeat", 18), 0);
    cr_expect(has_value(entry, "Callback timed out on heartbeat"));
    cr_expect_eq(count_events(&bed, ENGINE_EV_OPERATION_TIMED_OUT, &last), 1);
    expect_sound(&bed);
    bed_close(&bed);
}

/* Deadlines of steps ------------------------------------------------------ */

static bool ended_by(const struct bed *bed, uint32_t n, const char *type)
{
    const struct engine_op_entry *entry = entry_of(bed, n);

    return entry->status == ENGINE_STATUS_TIMED_OUT &&
           entry->error == ENGINE_ERR_TIMED_OUT &&
           entry->detail.size == strlen(type) &&
           memcmp(entry->detail.text, type, entry->detail.size) == 0;
}

Test(engine_execution, a_step_ends_when_no_time_is_left_whatever_it_does)
{
    struct words retry = act(R, STEP, 2, ROOT);
    struct bed bed;
    uint64_t end;

    bed_open(&bed);
    end = bed.now_ns + 60 * SECOND;
    for (uint32_t n = 1; n <= 3; n++)
        cr_assert_eq(submit_words(&bed, timed(S, STEP, n, 0, 60 * SECOND)), 0);
    retry.first_ns = 100 * SECOND; /* 2 is to be tried again too late */
    cr_assert_eq(submit_words(&bed, retry), 0);
    retry.n = 3; /* and 3 has begun again by then */
    retry.name = "op-3";
    retry.first_ns = 30 * SECOND;
    cr_assert_eq(submit_words(&bed, retry), 0);
    bed.now_ns += 30 * SECOND;
    fire(&bed);
    cr_assert_eq(submit_words(&bed, timed(S, STEP, 3, 0, 60 * SECOND)), 0);
    expect_sound(&bed);
    bed.now_ns = end - 1;
    cr_assert_eq(engine_execution_due(&bed.live), end);
    fire(&bed);
    for (uint32_t n = 1; n <= 3; n++)
        cr_assert_not(engine_status_terminal(status_of(&bed, n)));
    cr_assert_not(engine_execution_has_news(&bed.live));
    bed.now_ns = end;
    cr_assert_eq(fire(&bed), end);
    for (uint32_t n = 1; n <= 3; n++)
        cr_assert(ended_by(&bed, n, "Step.Timeout"), "step %u", n);
    cr_assert(engine_execution_has_news(&bed.live));
    cr_assert_eq(engine_execution_due(&bed.live), UINT64_MAX);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, an_attempt_that_nobody_begins_in_time_ends_its_step)
{
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(submit_words(&bed, timed(S, STEP, 1, 7 * SECOND, 0)), 0);
    cr_assert_eq(submit_words(&bed, timed(S, STEP, 2, 7 * SECOND, 0)), 0);
    cr_assert_eq(engine_execution_due(&bed.live), UINT64_MAX);
    cr_assert_eq(submit_one(&bed, R, STEP, 1, ROOT), 0);
    cr_assert_eq(submit_one(&bed, R, STEP, 2, ROOT), 0);
    bed.now_ns += 10 * SECOND;
    fire(&bed);
    cr_assert_eq(submit_words(&bed, timed(S, STEP, 2, 7 * SECOND, 0)), 0);
    cr_assert_eq(engine_execution_due(&bed.live), bed.now_ns + 7 * SECOND);
    expect_sound(&bed);
    bed.now_ns += 7 * SECOND;
    fire(&bed);
    cr_assert(ended_by(&bed, 1, "Step.ScheduleToStart"));
    cr_assert_eq(status_of(&bed, 2), ENGINE_STATUS_STARTED);
    cr_assert_eq(engine_execution_due(&bed.live), UINT64_MAX);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_step_that_cannot_be_repeated_is_not_ended_under_way)
{
    struct words start = timed(S, STEP, 1, 0, 60 * SECOND);
    struct words fail = act(F, STEP, 1, ROOT);
    struct bed bed;

    start.options = ENGINE_OPTION_IRREVERSIBLE | ENGINE_OPTION_AT_MOST_ONCE;
    fail.options = start.options;
    fail.error = ENGINE_ERR_AMBIGUOUS;
    bed_open(&bed);
    cr_assert_eq(submit_words(&bed, start), 0);
    cr_assert_eq(engine_execution_due(&bed.live), UINT64_MAX);
    bed.now_ns += 100 * SECOND;
    fire(&bed);
    cr_assert_eq(submit_words(&bed, fail), 0);
    cr_assert_eq(bed.live.ambiguous, 1);
    fire(&bed);
    cr_assert_eq(status_of(&bed, 1), ENGINE_STATUS_STARTED);
    /* An operator lets it go on: from now on it has its time again. */
    cr_assert_eq(
        signal_op(&bed, (struct sign){.kind = ENGINE_SIG_RESUME, .op = 1}), 1);
    cr_assert_eq(engine_execution_due(&bed.live), bed.now_ns + 60 * SECOND);
    expect_sound(&bed);
    bed.now_ns += 60 * SECOND;
    fire(&bed);
    cr_assert(ended_by(&bed, 1, "Step.Timeout"));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, what_comes_of_a_step_after_its_end_is_passed_over)
{
    static const unsigned actions[] = {S, C, F, R, P};
    struct engine_item last;
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(submit_words(&bed, timed(S, STEP, 1, 0, 60 * SECOND)), 0);
    bed.now_ns += 60 * SECOND;
    fire(&bed);
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        uint32_t change = bed.live.change;

        put(&bed, actions[i], STEP, 1, ROOT);
        put(&bed, S, STEP, (uint32_t)i + 2, ROOT);
        cr_assert_eq(submit(&bed), 0, "%u", actions[i]);
        cr_assert_eq(bed.live.change, change + 1);
        cr_assert(ended_by(&bed, 1, "Step.Timeout"));
    }
    cr_assert_eq(count_events(&bed, ENGINE_EV_OPERATION_STARTED, &last), 6);
    cr_assert_eq(count_events(&bed, ENGINE_EV_OPERATION_SUCCEEDED, &last), 0);
    expect_sound(&bed);
    bed_close(&bed);
}

/* Signals ----------------------------------------------------------------- */

Test(engine_execution, the_first_answer_to_a_callback_counts)
{
    struct sign good = {
        .kind = ENGINE_SIG_CALLBACK_SUCCEED, .op = 1, .value = "first"};
    struct sign late = {
        .kind = ENGINE_SIG_CALLBACK_FAIL, .op = 1, .value = "second"};
    struct engine_block block;
    struct bed bed;

    bed_open(&bed);
    engine_block_init(&block);
    cr_assert_eq(submit_one(&bed, S, CALLBACK, 1, ROOT), 0);
    cr_expect_eq(signal_op(&bed, good), 1);
    cr_expect(has_value(entry_of(&bed, 1), "first"));
    save(&bed.live, &block);
    cr_expect_eq(signal_op(&bed, late), 1);
    cr_expect(has_value(entry_of(&bed, 1), "first"));
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_SUCCEEDED);
    late.op = 77;
    cr_expect_eq(signal_op(&bed, late), 1);
    expect_sound(&bed);
    engine_block_free(&block);
    bed_close(&bed);
}

Test(engine_execution, an_answer_applied_after_the_timeout_is_passed_over)
{
    uint64_t latest;
    struct engine_block block;
    struct engine_item *item;
    struct bed bed;

    bed_open(&bed);
    engine_block_init(&block);
    cr_assert_eq(submit_words(&bed, timed(S, CALLBACK, 1, SECOND, 0)), 0);
    cr_assert_eq(submit_one(&bed, S, WAIT, 2, ROOT), 0);
    bed.now_ns += 10 * SECOND;
    cr_assert_eq(
        engine_execution_fire(&bed.live, bed.now_ns, &bed.events, &latest), 0);
    cr_assert_eq(engine_execution_stop(&bed.live, &bed.events), 0);
    commit(&bed);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_TIMED_OUT);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_SUCCEEDED);
    engine_block_begin(&block, 8);
    cr_assert_eq(engine_operations_store(&bed.live.operations, 1, &block), 0);
    item = (void *)(block.bytes + 8);
    item->kind = ENGINE_EV_OPERATION_SUCCEEDED;
    cr_expect_eq(engine_execution_apply(&bed.live, item, bed.now_ns), 0);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_TIMED_OUT);
    engine_block_free(&block);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_failed_callback_has_type_class_and_words)
{
    const struct engine_op_entry *entry;
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(submit_one(&bed, S, CALLBACK, 1, ROOT), 0);
    cr_assert_eq(signal_op(&bed, (struct sign){.kind = ENGINE_SIG_CALLBACK_FAIL,
                                               .op = 1,
                                               .error = ENGINE_ERR_NETWORK,
                                               .edge = "Down",
                                               .value = "no route"}),
                 1);
    entry = entry_of(&bed, 1);
    cr_expect_eq(entry->status, ENGINE_STATUS_FAILED);
    cr_expect_eq(entry->error, ENGINE_ERR_NETWORK);
    cr_expect_eq(entry->detail.size, 4);
    cr_expect(has_value(entry, "no route"));
    cr_expect(engine_execution_has_news(&bed.live));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, an_invoke_ends_as_its_child_did)
{
    static const struct {
        uint32_t error;
        unsigned status;
    } rows[] = {{ENGINE_ERR_NONE, ENGINE_STATUS_SUCCEEDED},
                {ENGINE_ERR_USER, ENGINE_STATUS_FAILED},
                {ENGINE_ERR_TIMED_OUT, ENGINE_STATUS_TIMED_OUT},
                {ENGINE_ERR_STOPPED, ENGINE_STATUS_STOPPED}};
    struct bed bed;

    bed_open(&bed);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(submit_one(&bed, S, INVOKE, i + 1, ROOT), 0);
        cr_expect(has_value(entry_of(&bed, i + 1), ""));
        cr_expect(engine_execution_is_waiting(&bed.live));
        cr_assert_eq(
            signal_op(&bed, (struct sign){.kind = ENGINE_SIG_CHILD_ENDED,
                                          .op = i + 1,
                                          .error = rows[i].error,
                                          .value = "words"}),
            1);
        cr_expect_eq(status_of(&bed, i + 1), rows[i].status);
        cr_expect_eq(entry_of(&bed, i + 1)->error, rows[i].error);
        cr_expect(has_value(entry_of(&bed, i + 1), "words"));
        cr_expect_eq(memcmp(entry_of(&bed, i + 1)->detail.text, "edge", 4), 0);
    }
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution,
     a_result_from_outside_above_the_limit_fails_its_operation)
{
    struct sign sign = {
        .kind = ENGINE_SIG_CALLBACK_SUCCEED, .op = 1, .value_size = 2000};
    struct bed bed;

    bed_open(&bed);
    cr_assert_eq(submit_one(&bed, S, CALLBACK, 1, ROOT), 0);
    cr_assert_eq(submit_one(&bed, S, CALLBACK, 2, ROOT), 0);
    cr_assert_eq(signal_op(&bed, sign), 1);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_SUCCEEDED);
    sign.op = 2;
    sign.value_size = 2001;
    cr_assert_eq(signal_op(&bed, sign), 1);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_FAILED);
    cr_expect_eq(entry_of(&bed, 2)->error, ENGINE_ERR_SIZE_LIMIT);
    bed_close(&bed);
}

static int message(struct bed *bed, uint64_t number, const char *value)
{
    return signal_op(bed, (struct sign){.kind = ENGINE_SIG_MESSAGE,
                                        .op = UINT32_MAX,
                                        .number = number,
                                        .edge = "edge",
                                        .value = value});
}

Test(engine_execution, messages_are_received_in_order_each_once)
{
    struct sign end = {.kind = ENGINE_SIG_END_OF_STREAM,
                       .op = UINT32_MAX,
                       .number = 4,
                       .edge = "edge"};
    struct bed bed;

    bed_open(&bed);
    cr_expect_eq(message(&bed, 1, "one"), 2);
    put(&bed, S, RECEIVE, 1, ROOT);
    put(&bed, S, RECEIVE, 2, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(message(&bed, 2, "two"), 2);
    cr_expect_eq(message(&bed, 1, "one"), 1);
    cr_expect_eq(message(&bed, 1, "one"), 1);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_STARTED);
    cr_expect_eq(message(&bed, 2, "two"), 1);
    cr_expect(has_value(entry_of(&bed, 1), "one"));
    cr_expect(has_value(entry_of(&bed, 2), "two"));
    cr_expect_eq(signal_op(&bed, end), 2);
    put(&bed, S, RECEIVE, 3, ROOT);
    put(&bed, S, RECEIVE, 4, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(signal_op(&bed, end), 2);
    cr_expect_eq(message(&bed, 3, "three"), 1);
    cr_expect_eq(signal_op(&bed, end), 1);
    cr_expect_eq(status_of(&bed, 4), ENGINE_STATUS_SUCCEEDED);
    cr_expect(entry_of(&bed, 4)->options & ENGINE_OPTION_END);
    cr_expect_not(entry_of(&bed, 3)->options & ENGINE_OPTION_END);
    invoke(&bed);
    cr_assert_eq(submit_one(&bed, S, RECEIVE, 5, ROOT), 0);
    cr_expect_eq(status_of(&bed, 5), ENGINE_STATUS_SUCCEEDED);
    cr_expect(entry_of(&bed, 5)->options & ENGINE_OPTION_END);
    cr_expect_not(engine_execution_has_news(&bed.live));
    expect_sound(&bed);
    bed_close(&bed);
}

static int from(struct bed *bed, const char *actor, uint64_t number,
                const char *value)
{
    return signal_op(bed,
                     (struct sign){.kind = value ? ENGINE_SIG_MESSAGE
                                                 : ENGINE_SIG_END_OF_STREAM,
                                   .op = UINT32_MAX,
                                   .number = number,
                                   .edge = "edge",
                                   .value = value,
                                   .actor = actor});
}

Test(engine_execution, each_sender_has_numbers_of_its_own_and_an_end)
{
    struct bed bed;

    bed_open(&bed);
    for (uint32_t n = 1; n <= 4; n++)
        put(&bed, S, RECEIVE, n, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_expect_eq(from(&bed, "run 3", 1, "a"), 1);
    cr_expect_eq(from(&bed, "run 4", 2, "c"), 2);
    cr_expect_eq(from(&bed, "run 4", 1, "b"), 1);
    cr_expect_eq(from(&bed, "a file", 1, "d"), 1);
    cr_expect(has_value(entry_of(&bed, 2), "b"));
    cr_expect(has_value(entry_of(&bed, 3), "d"));
    cr_expect_eq(from(&bed, "run 3", 2, NULL), 1);
    cr_expect_eq(from(&bed, "run 3", 2, NULL), 1);
    cr_expect_eq(status_of(&bed, 4), ENGINE_STATUS_STARTED);
    expect_sound(&bed);
    cr_expect_eq(from(&bed, "run 4", 2, NULL), 1);
    cr_expect_eq(status_of(&bed, 4), ENGINE_STATUS_STARTED);
    cr_expect_eq(from(&bed, "a file", 2, NULL), 1);
    cr_expect_eq(status_of(&bed, 4), ENGINE_STATUS_SUCCEEDED);
    cr_expect(entry_of(&bed, 4)->options & ENGINE_OPTION_END);
    cr_expect(engine_execution_has_news(&bed.live));
    expect_sound(&bed);
    invoke(&bed);
    cr_expect_eq(from(&bed, "run 5", 1, "late"), 2);
    cr_assert_eq(submit_one(&bed, S, RECEIVE, 5, ROOT), 0);
    cr_expect(entry_of(&bed, 5)->options & ENGINE_OPTION_END);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_receive_in_a_closed_context_takes_no_message)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, CONTEXT, 1, ROOT);
    put(&bed, S, RECEIVE, 2, 1);
    put(&bed, S, RECEIVE, 3, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_assert_eq(submit_one(&bed, C, CONTEXT, 1, ROOT), 0);
    cr_expect_eq(message(&bed, 1, "one"), 1);
    cr_expect(has_value(entry_of(&bed, 3), "one"));
    cr_expect_eq(message(&bed, 2, "two"), 2);
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, messages_are_numbered_by_edge_and_end_when_consumed)
{
    struct sign ack = {.kind = ENGINE_SIG_MESSAGE_ACK,
                       .op = UINT32_MAX,
                       .number = 2,
                       .edge = "edge",
                       .actor = "run 99"};
    struct words other = act(S, SEND, 4, ROOT);
    struct engine_execution_edge edge;
    struct engine_item last;
    struct bed bed;

    bed_open(&bed);
    other.first_ns = 98;
    for (uint32_t n = 1; n <= 3; n++)
        put(&bed, S, SEND, n, ROOT);
    add(&bed, other);
    cr_assert_eq(submit(&bed), 0);
    for (uint32_t n = 1; n <= 3; n++)
        cr_expect_eq(entry_of(&bed, n)->second_ns, n);
    cr_expect_eq(entry_of(&bed, 4)->second_ns, 1);
    cr_assert_eq(submit_one(&bed, S, SEND, 5, ROOT), 0);
    cr_expect_eq(entry_of(&bed, 5)->second_ns, 4);
    cr_expect_eq(signal_op(&bed, ack), 1);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_SUCCEEDED);
    cr_expect_eq(status_of(&bed, 3), ENGINE_STATUS_STARTED);
    cr_expect_eq(status_of(&bed, 4), ENGINE_STATUS_STARTED);
    cr_expect_eq(signal_op(&bed, ack), 1);
    cr_expect_eq(count_events(&bed, ENGINE_EV_OPERATION_SUCCEEDED, &last), 2);
    cr_assert(engine_execution_edge(&bed.live, 0, &edge));
    cr_expect_eq(edge.to_run, 99);
    cr_expect_eq(edge.sent, 4);
    cr_assert(engine_execution_edge(&bed.live, 1, &edge));
    cr_expect_eq(edge.to_run, 98);
    cr_expect_not(engine_execution_edge(&bed.live, 2, &edge));
    expect_sound(&bed);
    bed_close(&bed);
}

Test(engine_execution, a_stop_ends_what_is_open_and_only_that)
{
    struct bed bed;

    bed_open(&bed);
    put(&bed, S, CONTEXT, 1, ROOT);
    put(&bed, S, STEP, 2, 1);
    put(&bed, C, STEP, 3, ROOT);
    put(&bed, S, CALLBACK, 4, ROOT);
    put(&bed, S, RECEIVE, 5, ROOT);
    cr_assert_eq(submit(&bed), 0);
    cr_assert_eq(engine_execution_stop(&bed.live, &bed.events), 0);
    commit(&bed);
    cr_expect_eq(status_of(&bed, 1), ENGINE_STATUS_STOPPED);
    cr_expect_eq(status_of(&bed, 2), ENGINE_STATUS_STOPPED);
    cr_expect_eq(status_of(&bed, 3), ENGINE_STATUS_SUCCEEDED);
    cr_expect_eq(status_of(&bed, 5), ENGINE_STATUS_STOPPED);
    cr_expect_eq(bed.live.open_count, 0);
    cr_expect_eq(bed.live.waiting, 0);
    expect_fold_is_live(&bed);
    bed_close(&bed);
}

Test(engine_execution, invocations_that_break_off_in_a_row_are_counted)
{
    struct bed bed;

    bed_open(&bed);
    event(&bed, ENGINE_EV_ATTEMPT_INTERRUPTED, 1, ENGINE_ERR_INTERRUPTED);
    invoke(&bed);
    event(&bed, ENGINE_EV_ATTEMPT_FAILED, 2, ENGINE_ERR_OOM);
    cr_expect_eq(bed.live.failures, 2);
    cr_expect_eq(bed.live.token, 0);
    invoke(&bed);
    event(&bed, ENGINE_EV_ATTEMPT_SUSPENDED, 3, 0);
    cr_expect_eq(bed.live.failures, 0);
    bed_close(&bed);
}

/* Damage ------------------------------------------------------------------ */

Test(engine_execution, an_event_that_cannot_follow_is_refused)
{
    static const struct engine_item items[] = {
        {.kind = ENGINE_EV_COUNT},
        {.kind = 0},
        {.kind = ENGINE_EV_CHECKPOINT, .attempt = 1, .flags = 5},
        {.kind = ENGINE_EV_OPERATION_FIRED, .op = 1},
        {.kind = ENGINE_EV_OPERATION_READY, .op = 0},
        {.kind = ENGINE_EV_OPERATION_STARTED, .op = 1},
        {.kind = ENGINE_EV_OP_SCHEDULED, .op = 1, .attempt = 1},
    };
    struct bed bed;

    bed_open(&bed);
    for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
        cr_expect_eq(engine_execution_apply(&bed.live, &items[i], 1), -2,
                     "item %zu", i);
    bed_close(&bed);
}

/* Something of everything. */
static void fill(struct bed *bed)
{
    put(bed, S, CONTEXT, 1, ROOT);
    put(bed, S, STEP, 2, 1);
    add(bed, sized(C, STEP, 3, 700));
    put(bed, S, SEND, 4, ROOT);
    put(bed, S, RECEIVE, 5, 1);
    add(bed, timed(S, CALLBACK, 6, 20 * SECOND, 10 * SECOND));
    put(bed, S, CONTEXT, 7, 1);
    put(bed, S, INVOKE, 8, 7);
    put(bed, C, CONTEXT, 7, 1);
    put(bed, R, STEP, 9, ROOT);
    cr_assert_eq(submit(bed), 0);
}

/* Restores so many bytes; what they make can be saved again. */
static int try_restore(const struct bed *bed, const struct engine_block *block,
                       size_t size)
{
    struct engine_execution restored;
    struct engine_block again;
    int result;

    cr_assert_eq(engine_execution_init(&restored, NULL, RUN, &bed->limits), 0);
    result = engine_execution_restore(&restored, block->bytes, size);
    if (result == 0) {
        save(&restored, &again);
        cr_assert_eq(again.size, size);
        engine_block_free(&again);
    }
    engine_execution_free(&restored);
    return result;
}

Test(engine_execution, a_damaged_snapshot_never_harms)
{
    struct bed bed;
    struct engine_block block;

    bed_open(&bed);
    fill(&bed);
    expect_sound(&bed);
    save(&bed.live, &block);
    for (size_t i = 0; i < block.size; i++) {
        cr_assert_eq(try_restore(&bed, &block, i), -2);
        block.bytes[i] ^= (unsigned char)(1U << i % 8);
        (void)try_restore(&bed, &block, block.size);
        block.bytes[i] ^= (unsigned char)(1U << i % 8);
    }
    cr_expect_eq(try_restore(&bed, &block, block.size), 0);
    engine_block_free(&block);
    bed_close(&bed);
}

/* Memory that fails from the n-th request on. */
struct counted {
    uint64_t left;
    int64_t blocks;
};

static void *counted_resize(void *self, void *old, size_t size)
{
    struct counted *counted = self;

    if (size == 0) {
        counted->blocks--;
        free(old);
        return NULL;
    }
    if (counted->left == 0)
        return NULL;
    counted->left--;
    counted->blocks += old ? 0 : 1;
    return realloc(old, size);
}

/* Whether a log can be folded and a snapshot restored in so many requests. */
static bool refold(const struct bed *bed, const struct engine_block *snapshot,
                   uint64_t requests)
{
    struct counted counted = {.left = requests};
    const struct engine_memory memory = {counted_resize, &counted};
    const struct engine_item *item = engine_item_first(bed->log.bytes, 8);
    struct engine_execution folded;
    struct engine_execution restored;
    int result = engine_execution_init(&folded, &memory, RUN, &bed->limits);

    for (; !result && item; item = engine_item_next(bed->log.bytes, item))
        result = engine_execution_apply(&folded, item, 1);
    engine_execution_free(&folded);
    if (!result)
        result = engine_execution_init(&restored, &memory, RUN, &bed->limits);
    if (!result) {
        result = engine_execution_restore(&restored, snapshot->bytes,
                                          snapshot->size);
        engine_execution_free(&restored);
    }
    cr_assert(result == 0 || result == -1);
    cr_assert_eq(counted.blocks, 0);
    return result == 0;
}

Test(engine_execution, running_out_of_memory_is_said_and_leaks_nothing)
{
    struct engine_block snapshot;
    struct bed bed;
    uint64_t requests = 0;

    bed_open(&bed);
    fill(&bed);
    save(&bed.live, &snapshot);
    while (!refold(&bed, &snapshot, requests))
        requests++;
    cr_expect_gt(requests, 10);
    engine_block_free(&snapshot);
    bed_close(&bed);
}

/* Random stories ---------------------------------------------------------- */

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (*state >> 33) % below;
}

/* Types and parents of operations never change in a story. */
static unsigned any_type(uint64_t seed, uint32_t n)
{
    uint64_t state = seed * 1000 + n;

    (void)draw(&state, 2);
    return draw(&state, 3) ? STEP + (unsigned)draw(&state, 6) : CONTEXT;
}

static uint32_t any_parent(uint64_t seed, uint32_t n)
{
    uint64_t state = seed * 2000 + n;
    uint32_t parent = (uint32_t)draw(&state, n);

    return parent && any_type(seed, parent) == CONTEXT ? parent : ROOT;
}

static struct words any_update(uint64_t seed, uint64_t *state)
{
    uint32_t n = (uint32_t)draw(state, 60) + 1;
    unsigned type = any_type(seed, n);
    unsigned action = (unsigned)draw(state, ENGINE_ACTION_COUNT - 1) + 1;
    struct words words =
        act(draw(state, 3) ? action : S, type, n, any_parent(seed, n));

    words.value_size = (uint32_t)draw(state, draw(state, 8) ? 40 : 2100);
    if (words.error)
        words.value_size %= 500;
    if (words.error && !draw(state, 10))
        words.error = ENGINE_ERR_AMBIGUOUS;
    if (type == CONTEXT && n % 2)
        words.subtype = ENGINE_SUBTYPE_PARALLEL_BRANCH;
    if (words.action == C && type == CONTEXT && draw(state, 2))
        words.options = ENGINE_OPTION_REPLAY_CHILDREN;
    if (words.action == R && draw(state, 2)) {
        words.options = ENGINE_OPTION_STATE;
        words.error = ENGINE_ERR_NONE;
    }
    if (type == CALLBACK) {
        words.first_ns = 30 * SECOND;
        words.second_ns = 5 * SECOND;
    }
    if (type == STEP && n % 3 == 0 && words.action == S) {
        words.first_ns = n % 2 ? 8 * SECOND : 0;
        words.second_ns = 20 * SECOND;
    }
    if (type == STEP && n % 4 == 0 && words.action == S)
        words.options = ENGINE_OPTION_IRREVERSIBLE;
    if (!draw(state, 50))
        words.name = "other";
    return words;
}

static void any_signal(struct bed *bed, uint64_t *state)
{
    struct sign sign = {.kind = (unsigned)draw(state, ENGINE_SIG_COUNT),
                        .op = (uint32_t)draw(state, 30),
                        .number = draw(state, 4),
                        .error = (uint32_t)draw(state, 20),
                        .edge = "edge",
                        .actor = "run 99",
                        .value_size = (uint32_t)draw(state, 50)};

    (void)signal_op(bed, sign);
}

static void any_batch(struct bed *bed, uint64_t seed, uint64_t *state)
{
    struct engine_block before;
    struct engine_block after;

    for (uint64_t i = draw(state, 8) ? 1 : draw(state, 5); i > 0; i--)
        add(bed, any_update(seed, state));
    save(&bed->live, &before);
    if (submit(bed) != ENGINE_ERR_NONE) {
        save(&bed->live, &after);
        cr_assert_eq(after.size, before.size);
        cr_assert_eq(memcmp(after.bytes, before.bytes, before.size), 0);
        engine_block_free(&after);
    }
    engine_block_free(&before);
}

static void step(struct bed *bed, uint64_t seed, uint64_t *state)
{
    switch (draw(state, 12)) {
    case 0:
        bed->now_ns += draw(state, 12) * SECOND;
        fire(bed);
        break;
    case 1:
    case 2:
        any_signal(bed, state);
        break;
    case 3:
        if (!draw(state, 8))
            invoke(bed);
        break;
    default:
        any_batch(bed, seed, state);
        break;
    }
}

Test(engine_execution, whatever_happens_the_log_folds_to_what_is_live)
{
    uint32_t operations = 0;

    for (uint64_t seed = 1; seed <= 150; seed++) {
        uint64_t state = seed;
        struct bed bed;

        bed_open(&bed);
        for (uint32_t i = 0; i < 200; i++) {
            step(&bed, seed, &state);
            if (i % 10 == 9)
                expect_sound(&bed);
        }
        operations += bed.live.operations.count - 1;
        bed_close(&bed);
    }
    cr_expect_gt(operations, 150 * 25, "%u", operations);
}
