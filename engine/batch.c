#include <assert.h>

#include "engine/replay_private.h"

enum {
    ITEMS_PER_BATCH = 100,
    BYTES_PER_BATCH = 262144,
    NAME_SHOWN = 100 /* bytes of one in an error's words */
};

/* When a batch is over before all its branches are. */
struct policy {
    uint32_t min_successful; /* 0: all */
    uint32_t min_ended;      /* 0: does not count */
    uint32_t failures_max;   /* UINT32_MAX: any */
    uint32_t share_milli;    /* 1000: any */
};

/* What the branches are: those of a parallel, or the items of a map. */
struct source {
    enum engine_operation_subtype subtype;
    const struct engine_branch *branches; /* NULL: a map */
    const struct engine_bytes *items;
    const char *const *names; /* of a map's branches; NULL: none */
    engine_handler_fn *run;
    void *self;
    const uint32_t *firsts; /* first item of each branch, and the end; NULL:
                               one item each */
    uint32_t count;         /* of branches */
};

/* A batch that is under way. */
struct batch {
    const struct source *source;
    const struct policy *policy;
    struct engine_context inner;
    struct engine_branch_result *results;
    uint32_t *open; /* branches that have begun and not ended */
    uint32_t open_count;
    uint32_t found; /* of them, not counted by a seeded defect */
    uint32_t next;  /* the first that has not begun; nor has any after it */
    uint32_t open_max;
    uint32_t succeeded;
    uint32_t failed;
};

/* A summary: this, then for each branch a struct outcome and its bytes. */
struct summary {
    uint32_t reason;
    uint32_t count;
};

struct outcome {
    uint32_t status;
    uint32_t error;
    uint32_t type_size;
    uint32_t value_size; /* the value, or the error's words */
};

/* Beginning --------------------------------------------------------------- */

static int break_count(struct engine_replay *r,
                       const struct engine_op_entry *entry, uint32_t recorded,
                       uint32_t count)
{
    return engine_replay_break(
        r, ENGINE_ERR_NONDETERMINISTIC,
        "%s \"%.*s\" was recorded with %u branches where there are now %u",
        engine_operation_subtype_name(entry->subtype),
        entry->name.size < NAME_SHOWN ? (int)entry->name.size : NAME_SHOWN,
        entry->name.text ? entry->name.text : "", recorded, count);
}

/* How many branches a batch was begun with; `now` if that is not recorded. */
static uint32_t recorded_count(const struct engine_replay *r,
                               const struct engine_op_entry *entry,
                               uint32_t now)
{
    uint32_t children = r->notes[entry->number].children;

    if (entry->second_ns)
        return (uint32_t)(entry->second_ns - 1);
    return children > now ? children : now;
}

/* DONE, or what a batch of so many branches returns at once. */
static int begin(struct engine_context *c, const char *name,
                 enum engine_operation_subtype subtype, uint32_t count)
{
    const struct engine_op_entry *entry;
    uint32_t recorded;
    int flow = engine_call_usable(c);

    if (flow)
        return flow;
    entry = engine_call_recorded(c, ENGINE_OPERATION_CONTEXT, subtype, name);
    recorded = entry ? recorded_count(c->replay, entry, count) : count;
    return recorded == count ? ENGINE_DONE
                             : break_count(c->replay, entry, recorded, count);
}

/* Branches ---------------------------------------------------------------- */

static size_t put_item(unsigned char *at, struct engine_bytes item)
{
    uint32_t size = (uint32_t)item.size;

    memcpy(at, &size, sizeof(size));
    if (item.size > 0)
        memcpy(at + sizeof(size), item.data, item.size);
    return sizeof(size) + item.size;
}

/* The items of a branch side by side. */
static int pack(struct engine_replay *r, const struct source *source,
                uint32_t branch, struct engine_bytes *out)
{
    unsigned char *bytes;
    size_t size = 0;

    for (uint32_t i = source->firsts[branch]; i < source->firsts[branch + 1];
         i++)
        size += sizeof(uint32_t) + source->items[i].size;
    bytes = engine_replay_memory(r, size);
    if (!bytes)
        return ENGINE_BROKEN;
    *out = (struct engine_bytes){bytes, size};
    for (uint32_t i = source->firsts[branch]; i < source->firsts[branch + 1];
         i++)
        bytes += put_item(bytes, source->items[i]);
    return ENGINE_DONE;
}

struct engine_bytes engine_item_of(struct engine_bytes batch, uint32_t n)
{
    const unsigned char *at = batch.data;
    size_t left = batch.size;
    uint32_t size;

    while (left >= sizeof(size)) {
        memcpy(&size, at, sizeof(size));
        at += sizeof(size);
        left -= sizeof(size);
        if (size > left)
            break;
        if (n-- == 0)
            return (struct engine_bytes){at, size};
        at += size;
        left -= size;
    }
    return (struct engine_bytes){NULL, SIZE_MAX};
}

static int child_at(struct engine_replay *r, const struct source *source,
                    uint32_t branch, struct engine_child_call *child)
{
    *child = (struct engine_child_call){.subtype = source->subtype};
    if (source->branches) {
        child->name = source->branches[branch].name;
        child->run = source->branches[branch].run;
        child->self = source->branches[branch].self;
        child->input = source->branches[branch].input;
        return ENGINE_DONE;
    }
    child->name = source->names ? source->names[branch] : NULL;
    child->run = source->run;
    child->self = source->self;
    if (source->firsts)
        return pack(r, source, branch, &child->input);
    child->input = source->items[branch];
    return ENGINE_DONE;
}

/* Goes on with one branch, or takes over what is recorded of it. */
static int run_branch(struct batch *b, uint32_t branch)
{
    struct engine_branch_result *result = &b->results[branch];
    struct engine_child_call child;
    int flow = child_at(b->inner.replay, b->source, branch, &child);

    if (flow)
        return flow;
    b->inner.calls = branch; /* ids go by place, not by order of beginning */
    b->inner.stuck = ENGINE_DONE;
    flow = engine_child_call(&b->inner, &child, &result->value);
    switch (flow) {
    case ENGINE_DONE:
        result->status = ENGINE_BRANCH_SUCCEEDED;
        b->succeeded++;
        return ENGINE_DONE;
    case ENGINE_FAILED_FLOW:
        result->status = ENGINE_BRANCH_FAILED;
        result->error = b->inner.error;
        b->failed++;
        return ENGINE_DONE;
    case ENGINE_SUSPENDED:
        result->status = ENGINE_BRANCH_STARTED;
        return ENGINE_DONE;
    default:
        return ENGINE_BROKEN;
    }
}

/* The operation of a branch, or NULL: it has not begun. */
static const struct engine_op_entry *entry_of(const struct batch *b,
                                              uint32_t branch)
{
    struct engine_replay *r = b->inner.replay;

    return engine_operations_find(
        &r->table,
        engine_operation_id(r->config.run, b->inner.id, branch + UINT64_C(1)));
}

/* Completion -------------------------------------------------------------- */

/* Why the batch is over, or 0: it goes on. */
static uint32_t reason_to_end(const struct batch *b)
{
    const struct policy *policy = b->policy;
    uint32_t count = b->source->count;
    const struct engine_replay *r = b->inner.replay;

    if (policy->min_successful &&
        b->succeeded + b->failed >= policy->min_successful &&
        engine_replay_defect(r, ENGINE_DEFECT_COMPLETION_ANY_END))
        return ENGINE_MIN_SUCCESSFUL_REACHED;
    if (policy->min_successful && b->succeeded >= policy->min_successful)
        return ENGINE_MIN_SUCCESSFUL_REACHED;
    if (policy->min_ended && b->succeeded + b->failed >= policy->min_ended)
        return b->succeeded ? ENGINE_MIN_SUCCESSFUL_REACHED
                            : ENGINE_FAILURE_TOLERANCE_EXCEEDED;
    if (b->failed && b->failed < count &&
        engine_replay_defect(r, ENGINE_DEFECT_TOLERANCE_IGNORED))
        return b->succeeded + b->failed == count ? ENGINE_ALL_COMPLETED : 0;
    if (b->failed > policy->failures_max ||
        b->failed * UINT64_C(1000) > policy->share_milli * (uint64_t)count)
        return ENGINE_FAILURE_TOLERANCE_EXCEEDED;
    return b->succeeded + b->failed == count ? ENGINE_ALL_COMPLETED : 0;
}

static bool is_satisfied(const struct policy *policy,
                         const struct engine_batch *batch)
{
    return batch->reason != ENGINE_FAILURE_TOLERANCE_EXCEEDED &&
           batch->succeeded >= policy->min_successful;
}

/* Tells the caller how it ended: the first failure speaks for it. */
static int conclude(struct engine_context *c, const struct policy *policy,
                    const struct engine_batch *batch)
{
    if (is_satisfied(policy, batch))
        return ENGINE_DONE;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->branches[i].status != ENGINE_BRANCH_FAILED)
            continue;
        c->error = batch->branches[i].error;
        break;
    }
    return ENGINE_FAILED_FLOW;
}

static void count_results(struct engine_batch *batch)
{
    batch->succeeded = 0;
    batch->failed = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->branches[i].status == ENGINE_BRANCH_SUCCEEDED)
            batch->succeeded++;
        if (batch->branches[i].status == ENGINE_BRANCH_FAILED)
            batch->failed++;
    }
}

/* Summaries --------------------------------------------------------------- */

static struct engine_bytes value_of(const struct engine_branch_result *result)
{
    if (result->status == ENGINE_BRANCH_FAILED)
        return (struct engine_bytes){result->error.message.text,
                                     result->error.message.size};
    if (result->status == ENGINE_BRANCH_SUCCEEDED)
        return result->value;
    return (struct engine_bytes){NULL, 0};
}

static struct engine_text type_of(const struct engine_branch_result *result)
{
    if (result->status == ENGINE_BRANCH_FAILED)
        return result->error.type;
    return (struct engine_text){NULL, 0};
}

static size_t summary_size(const struct batch *b)
{
    size_t size = sizeof(struct summary);

    for (uint32_t i = 0; i < b->source->count; i++)
        size += sizeof(struct outcome) + type_of(&b->results[i]).size +
                value_of(&b->results[i]).size;
    return size;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
}

static unsigned char *put_outcome(unsigned char *at,
                                  const struct engine_branch_result *result)
{
    struct engine_text type = type_of(result);
    struct engine_bytes value = value_of(result);
    const struct outcome outcome = {
        .status = result->status,
        .error = result->status == ENGINE_BRANCH_FAILED ? result->error.error
                                                        : ENGINE_ERR_NONE,
        .type_size = (uint32_t)type.size,
        .value_size = (uint32_t)value.size};

    at = put(at, &outcome, sizeof(outcome));
    at = put(at, type.text, type.size);
    return put(at, value.data, value.size);
}

/* Writes the summary, or its head alone: the rest stays in the branches. */
static int write_summary(const struct batch *b, uint32_t reason, bool whole,
                         struct engine_bytes *out)
{
    const struct summary head = {reason, b->source->count};
    size_t size = whole ? summary_size(b) : sizeof(head);
    unsigned char *bytes = engine_replay_memory(b->inner.replay, size);
    unsigned char *at = bytes;

    if (!bytes)
        return ENGINE_BROKEN;
    at = put(at, &head, sizeof(head));
    for (uint32_t i = 0; whole && i < head.count; i++)
        at = put_outcome(at, &b->results[i]);
    *out = (struct engine_bytes){bytes, size};
    return ENGINE_DONE;
}

static const unsigned char *get(const unsigned char **at, size_t size)
{
    const unsigned char *bytes = *at;

    *at += size;
    return bytes;
}

/* One branch from a summary. 0, or -1: there are not so many bytes. */
static int read_outcome(const unsigned char **at, const unsigned char *end,
                        struct engine_branch_result *result)
{
    struct outcome outcome;
    const char *type;
    const void *value;

    if ((size_t)(end - *at) < sizeof(outcome))
        return -1;
    memcpy(&outcome, get(at, sizeof(outcome)), sizeof(outcome));
    if ((size_t)(end - *at) < (size_t)outcome.type_size + outcome.value_size ||
        outcome.status > ENGINE_BRANCH_CANCELLED ||
        outcome.error >= ENGINE_ERR_COUNT)
        return -1;
    type = (const char *)get(at, outcome.type_size);
    value = get(at, outcome.value_size);
    *result = (struct engine_branch_result){.status = outcome.status};
    if (outcome.status == ENGINE_BRANCH_FAILED)
        result->error =
            (struct engine_error_info){.error = outcome.error,
                                       .type = {type, outcome.type_size},
                                       .message = {value, outcome.value_size}};
    else
        result->value = (struct engine_bytes){value, outcome.value_size};
    return 0;
}

static int damaged(struct engine_replay *r)
{
    return engine_replay_break(r, ENGINE_ERR_INTEGRITY,
                               "the summary of a batch is damaged");
}

static int read_summary(struct batch *b, const struct engine_op_entry *entry)
{
    const unsigned char *at =
        (const unsigned char *)entry->value + sizeof(struct summary);
    const unsigned char *end =
        (const unsigned char *)entry->value + entry->value_size;

    for (uint32_t i = 0; i < b->source->count; i++)
        if (read_outcome(&at, end, &b->results[i]))
            return damaged(b->inner.replay);
    return ENGINE_DONE;
}

/* The same from the branches themselves. */
static int read_branches(struct batch *b)
{
    for (uint32_t i = 0; i < b->source->count; i++) {
        int flow = entry_of(b, i) ? run_branch(b, i) : ENGINE_DONE;

        if (flow)
            return flow;
        if (b->results[i].status == ENGINE_BRANCH_STARTED)
            b->results[i].status = ENGINE_BRANCH_CANCELLED;
    }
    return ENGINE_DONE;
}

/* What is recorded of a batch that is over. */
static int read_batch(struct batch *b, struct engine_batch *out)
{
    struct engine_replay *r = b->inner.replay;
    const struct engine_op_entry *entry =
        engine_replay_entry(r, b->inner.number);
    bool rebuilt = entry->options & ENGINE_OPTION_REPLAY_CHILDREN;
    struct summary head;
    int flow;

    if (entry->value_size < sizeof(head))
        return damaged(r);
    memcpy(&head, entry->value, sizeof(head));
    if (!head.reason || head.reason > ENGINE_FAILURE_TOLERANCE_EXCEEDED)
        return damaged(r);
    if (head.count != b->source->count)
        return break_count(r, entry, head.count, b->source->count);
    memset(b->results, 0, head.count * sizeof(*b->results));
    b->inner.closed = true;
    flow = rebuilt ? read_branches(b) : read_summary(b, entry);
    *out = (struct engine_batch){
        .reason = head.reason, .count = head.count, .branches = b->results};
    count_results(out);
    return flow;
}

/* Going on ---------------------------------------------------------------- */

/* Finds out which branches have ended and which are open. */
static int survey(struct batch *b)
{
    for (b->next = 0; b->next < b->source->count; b->next++) {
        const struct engine_op_entry *entry = entry_of(b, b->next);
        int flow;

        if (!entry)
            break;
        if (!engine_status_terminal(entry->status)) {
            b->open[b->open_count++] = b->next;
            b->results[b->next].status = ENGINE_BRANCH_STARTED;
            continue;
        }
        flow = run_branch(b, b->next);
        if (flow)
            return flow;
    }
    if (engine_replay_defect(b->inner.replay, ENGINE_DEFECT_MAP_OPEN_FORGOTTEN))
        b->found = b->open_count;
    return ENGINE_DONE;
}

/* Goes on with what is open. Branches that end leave the list. */
static int run_open(struct batch *b)
{
    uint32_t kept = 0;
    int flow = ENGINE_DONE;

    for (uint32_t i = 0; i < b->open_count; i++) {
        uint32_t branch = b->open[i];

        if (!flow && !reason_to_end(b))
            flow = run_branch(b, branch);
        if (b->results[branch].status == ENGINE_BRANCH_STARTED)
            b->open[kept++] = branch;
    }
    b->open_count = kept;
    if (b->found > kept)
        b->found = kept;
    return flow;
}

static int begin_new(struct batch *b)
{
    struct engine_replay *r = b->inner.replay;

    while (b->next < b->source->count &&
           b->open_count - b->found < b->open_max && !reason_to_end(b)) {
        uint32_t branch = b->next;
        int flow;

        if (engine_replay_queued_bytes(r) >= ENGINE_QUEUE_MAX) {
            r->gated = true;
            break;
        }
        b->next++;
        flow = run_branch(b, branch);
        if (flow)
            return flow;
        if (b->results[branch].status == ENGINE_BRANCH_STARTED)
            b->open[b->open_count++] = branch;
    }
    return ENGINE_DONE;
}

/* All branches once. With several under way none of them waits for a disk. */
static int pass(struct batch *b)
{
    struct engine_replay *r = b->inner.replay;
    uint32_t left = b->source->count - b->next;
    bool shared = b->open_max > 1 && b->open_count + (uint64_t)left > 1;
    int flow;

    r->shared += shared;
    flow = run_open(b);
    if (!flow && !b->inner.closed)
        flow = begin_new(b);
    r->shared -= shared;
    return flow;
}

/* Passes until it is over, or until nothing more can be done now. */
static int go_on(struct batch *b)
{
    struct engine_replay *r = b->inner.replay;
    bool gated = r->gated;
    bool again = true;
    int flow = ENGINE_DONE;

    while (!flow && again && !reason_to_end(b)) {
        r->gated = false;
        flow = pass(b);
        again = r->gated && !r->shared && r->config.persist &&
                engine_replay_flush(r);
        r->pass += again;
    }
    r->gated = r->gated || gated;
    return r->broken ? ENGINE_BROKEN : flow;
}

/*
 * Goes over what is recorded of the branches that are left open, so that it
 * is known whether they have steps to undo.
 */
static int leave_open(struct batch *b)
{
    int flow = ENGINE_DONE;

    b->inner.closed = true;
    for (uint32_t i = 0; !flow && i < b->open_count; i++) {
        flow = run_branch(b, b->open[i]);
        b->results[b->open[i]].status = ENGINE_BRANCH_CANCELLED;
    }
    return flow;
}

static int close_batch(struct batch *b, uint32_t reason)
{
    struct engine_replay *r = b->inner.replay;
    const struct engine_limits *limits = r->config.limits;
    bool whole =
        !b->inner.undo &&
        (limits->spill || summary_size(b) <= limits->operation_payload_max);
    struct engine_replay_change change = {
        .action = ENGINE_ACTION_SUCCEED,
        .status = ENGINE_STATUS_SUCCEEDED,
        .options = whole ? 0 : ENGINE_OPTION_REPLAY_CHILDREN};

    if (write_summary(b, reason, whole, &change.value))
        return ENGINE_BROKEN;
    return engine_replay_queue(r, b->inner.number, &change);
}

static int advance(struct batch *b)
{
    uint32_t reason;
    int flow = survey(b);

    if (!flow)
        flow = go_on(b);
    if (flow)
        return flow;
    reason = b->inner.closed ? 0 : reason_to_end(b);
    if (!reason)
        return ENGINE_SUSPENDED;
    flow = leave_open(b);
    return flow ? flow : close_batch(b, reason);
}

/* The whole of a batch whose operation is there. */
static int call_batch(struct engine_context *c, struct batch *b,
                      uint32_t number, struct engine_batch *out)
{
    struct engine_replay *r = c->replay;
    struct engine_bytes summary;
    bool over = engine_status_terminal(engine_replay_entry(r, number)->status);
    int flow = ENGINE_DONE;

    engine_context_enter(&b->inner, c, number);
    if (!over)
        flow = advance(b);
    if (!flow)
        flow = read_batch(b, out);
    engine_context_leave(&b->inner);
    if (flow == ENGINE_SUSPENDED)
        return engine_call_suspend(c);
    if (!flow && out->reason != ENGINE_ALL_COMPLETED)
        flow = engine_call_gate(c, number, false); /* a decision by chance */
    if (!flow)
        flow = engine_call_give(c, number, &summary);
    return flow ? flow : conclude(c, b->policy, out);
}

static int run_batch(struct engine_context *c, const char *name,
                     enum engine_operation_subtype subtype,
                     const struct source *source, const struct policy *policy,
                     uint32_t open_max, struct engine_batch *out)
{
    struct engine_replay *r = c->replay;
    struct batch b = {.source = source, .policy = policy, .open_max = open_max};
    struct engine_call call;
    int flow =
        engine_call_begin(c, ENGINE_OPERATION_CONTEXT, subtype, name, &call);

    if (flow)
        return flow;
    if (!call.number)
        call.number = engine_call_start(c, &call, source->count + UINT64_C(1));
    if (!call.number)
        return ENGINE_BROKEN;
    b.results = engine_replay_memory(r, source->count * sizeof(*b.results));
    b.open = engine_replay_memory(r, source->count * sizeof(*b.open));
    if (!b.results || !b.open)
        return ENGINE_BROKEN;
    if (source->count > 0)
        memset(b.results, 0, source->count * sizeof(*b.results));
    return call_batch(c, &b, call.number, out);
}

/* Maps and parallels ------------------------------------------------------ */

/* How many branches may be open where the batch itself sets no bound. */
static uint32_t bound_of(const struct engine_context *c)
{
    uint64_t bound = c->replay->config.limits->concurrency_max;

    if (bound == UINT64_MAX)
        return ENGINE_BRANCHES_MAX;
    if (bound == 0)
        return 1;
    return bound < UINT32_MAX ? (uint32_t)bound : UINT32_MAX;
}

static int read_options(struct engine_context *c, uint32_t count,
                        const struct engine_batch_options *options,
                        struct policy *policy, uint32_t *open_max)
{
    const struct engine_completion *completion = &options->completion;
    uint64_t bound = c->replay->config.limits->concurrency_max;

    if (completion->tolerated_share_milli > 1000)
        return engine_call_refuse(
            c, ENGINE_ERR_VALIDATION,
            "a tolerated share of %u thousandths, at most 1000",
            completion->tolerated_share_milli);
    if (completion->min_successful > count)
        return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "%u branches are to succeed and there are %u",
                                  completion->min_successful, count);
    *policy = (struct policy){.min_successful = completion->min_successful,
                              .share_milli = 1000};
    if (completion->min_successful)
        policy->failures_max = UINT32_MAX;
    if (completion->tolerate) {
        policy->failures_max = completion->tolerated_failures;
        if (completion->tolerated_share_milli)
            policy->share_milli = completion->tolerated_share_milli;
        if (completion->tolerated_share_milli &&
            !completion->tolerated_failures)
            policy->failures_max = UINT32_MAX;
    }
    *open_max =
        options->max_concurrency ? options->max_concurrency : bound_of(c);
    if (*open_max > bound)
        *open_max = bound > 0 ? (uint32_t)bound : 1;
    return ENGINE_DONE;
}

/* Cuts items into batches: where each begins, and the end. */
static int cut(struct engine_context *c, const struct engine_bytes *items,
               uint32_t count, const struct engine_batch_options *options,
               struct source *source)
{
    uint32_t most =
        options->items_per_batch ? options->items_per_batch : ITEMS_PER_BATCH;
    size_t bytes_max =
        options->bytes_per_batch ? options->bytes_per_batch : BYTES_PER_BATCH;
    uint32_t *firsts =
        engine_replay_memory(c->replay, (count + (size_t)1) * sizeof(*firsts));
    size_t bytes = 0;

    if (!firsts)
        return ENGINE_BROKEN;
    source->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = sizeof(uint32_t) + items[i].size;
        bool begins = source->count == 0 ||
                      i - firsts[source->count - 1] >= most ||
                      bytes + size > bytes_max;

        if (begins)
            firsts[source->count++] = i;
        bytes = begins ? size : bytes + size;
    }
    firsts[source->count] = count;
    source->firsts = firsts;
    return ENGINE_DONE;
}

static const struct engine_batch_options default_options = {0};

int engine_map(struct engine_context *c, const char *name,
               const struct engine_bytes *items, uint32_t count,
               engine_handler_fn *run, void *self,
               const struct engine_batch_options *options,
               struct engine_batch *out)
{
    const struct engine_batch_options *o = options ? options : &default_options;
    struct source source = {.subtype = ENGINE_SUBTYPE_MAP_ITERATION,
                            .items = items,
                            .names = o->item_names,
                            .run = run,
                            .self = self,
                            .count = count};
    struct policy policy = {0};
    uint32_t open_max = 0;
    int flow = engine_call_usable(c);

    *out = (struct engine_batch){0};
    if (!flow && (o->items_per_batch > 1 || o->bytes_per_batch > 0))
        flow = cut(c, items, count, o, &source);
    if (!flow)
        flow = begin(c, name, ENGINE_SUBTYPE_MAP, source.count);
    if (!flow)
        flow = read_options(c, source.count, o, &policy, &open_max);
    return flow ? flow
                : run_batch(c, name, ENGINE_SUBTYPE_MAP, &source, &policy,
                            open_max, out);
}

static int parallel(struct engine_context *c, const char *name,
                    const struct engine_branch *branches, uint32_t count,
                    const struct policy *policy, uint32_t open_max,
                    struct engine_batch *out)
{
    const struct source source = {.subtype = ENGINE_SUBTYPE_PARALLEL_BRANCH,
                                  .branches = branches,
                                  .count = count};

    int flow = begin(c, name, ENGINE_SUBTYPE_PARALLEL, count);

    *out = (struct engine_batch){0};
    return flow ? flow
                : run_batch(c, name, ENGINE_SUBTYPE_PARALLEL, &source, policy,
                            open_max, out);
}

int engine_parallel(struct engine_context *c, const char *name,
                    const struct engine_branch *branches, uint32_t count,
                    const struct engine_batch_options *options,
                    struct engine_batch *out)
{
    struct policy policy = {0};
    uint32_t open_max = 0;
    int flow = begin(c, name, ENGINE_SUBTYPE_PARALLEL, count);

    *out = (struct engine_batch){0};
    if (!flow)
        flow = read_options(c, count, options ? options : &default_options,
                            &policy, &open_max);
    return flow ? flow
                : parallel(c, name, branches, count, &policy, open_max, out);
}

/* Combinators ------------------------------------------------------------- */

int engine_all(struct engine_context *c, const char *name,
               const struct engine_branch *branches, uint32_t count,
               struct engine_batch *out)
{
    static const struct policy policy = {.share_milli = 1000};

    return parallel(c, name, branches, count, &policy, bound_of(c), out);
}

int engine_all_settled(struct engine_context *c, const char *name,
                       const struct engine_branch *branches, uint32_t count,
                       struct engine_batch *out)
{
    static const struct policy policy = {.failures_max = UINT32_MAX,
                                         .share_milli = 1000};

    return parallel(c, name, branches, count, &policy, bound_of(c), out);
}

/* One of several: the first branch with this status is what comes of it. */
static int one_of(struct engine_context *c, const char *name,
                  const struct engine_branch *branches, uint32_t count,
                  const struct policy *policy, uint32_t *winner,
                  struct engine_bytes *out)
{
    struct engine_batch batch = {0};
    enum engine_branch_status status;
    int flow = begin(c, name, ENGINE_SUBTYPE_PARALLEL, count);

    if (flow)
        return flow;
    if (count == 0)
        return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "one of no branches cannot be had");
    flow = parallel(c, name, branches, count, policy, bound_of(c), &batch);
    if (flow == ENGINE_SUSPENDED || flow == ENGINE_BROKEN)
        return flow;
    status = flow ? ENGINE_BRANCH_FAILED : ENGINE_BRANCH_SUCCEEDED;
    *winner = 0;
    for (uint32_t i = batch.count; i-- > 0;) {
        if (batch.branches[i].status != status)
            continue;
        *winner = i;
        *out = batch.branches[i].value;
    }
    return flow;
}

int engine_race(struct engine_context *c, const char *name,
                const struct engine_branch *branches, uint32_t count,
                uint32_t *winner, struct engine_bytes *out)
{
    static const struct policy policy = {
        .min_ended = 1, .failures_max = UINT32_MAX, .share_milli = 1000};

    return one_of(c, name, branches, count, &policy, winner, out);
}

int engine_any(struct engine_context *c, const char *name,
               const struct engine_branch *branches, uint32_t count,
               uint32_t *winner, struct engine_bytes *out)
{
    static const struct policy policy = {
        .min_successful = 1, .failures_max = UINT32_MAX, .share_milli = 1000};

    return one_of(c, name, branches, count, &policy, winner, out);
}
