#include "tests/support/durable_bed.h"

#include <assert.h>
#include <stdio.h>

enum {
    BLOCK_HEAD = 8,
    MOVES_MAX = 1000000
};

#define ALL UINT32_MAX

static void begin(struct engine_block *block)
{
    void *head = engine_block_begin(block, BLOCK_HEAD);

    assert(head);
}

static const struct engine_item *item_at(const struct engine_block *block,
                                         size_t at)
{
    return (const void *)(block->bytes + at);
}

/* The log ----------------------------------------------------------------- */

/* Commits the events in the block: applies them, then gives them their time. */
static void commit(struct durable_bed *bed, const struct engine_block *events)
{
    struct durable_row *row;
    size_t size = events->size - BLOCK_HEAD;

    if (size == 0)
        return;
    if (bed->row_count == bed->row_capacity) {
        bed->row_capacity = bed->row_capacity ? bed->row_capacity * 2 : 64;
        bed->rows = realloc(bed->rows, bed->row_capacity * sizeof(*bed->rows));
        assert(bed->rows);
    }
    row = &bed->rows[bed->row_count++];
    *row = (struct durable_row){.at = bed->log.size, .time_ns = bed->now_ns};
    for (size_t at = BLOCK_HEAD; at < events->size;) {
        const struct engine_item *event = item_at(events, at);
        int applied = engine_execution_apply(&bed->execution, event, 0);

        assert(applied == 0);
        engine_block_item(&bed->log, event, event + 1, event->size);
        at += engine_item_span(event->size);
    }
    row->end = bed->log.size;
    engine_execution_stamp(&bed->execution, bed->now_ns);
}

static void commit_one(struct durable_bed *bed, unsigned kind, uint32_t attempt,
                       uint64_t error)
{
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = (uint16_t)kind,
                                      .op = kind == ENGINE_EV_RUN_CREATED ? ALL
                                                                          : 0,
                                      .attempt = attempt,
                                      .a = error};
    struct engine_block block = {0};

    begin(&block);
    engine_block_item(&block, &event, NULL, 0);
    commit(bed, &block);
    engine_block_free(&block);
}

static void schedule(struct durable_bed *bed)
{
    commit_one(bed, ENGINE_EV_OP_SCHEDULED, ++bed->invocation, 0);
    bed->phase = DURABLE_LOAD;
}

/* Life -------------------------------------------------------------------- */

static void take_log(void *self, uint64_t run, const char *operation,
                     const char *text)
{
    struct durable_bed *bed = self;
    size_t used = strlen(bed->logged);

    assert(run == DURABLE_RUN);
    (void)snprintf(bed->logged + used, sizeof(bed->logged) - used, "%s%s%s\n",
                   operation, *operation ? ": " : "", text);
}

static int persist(void *self, const void *updates, size_t size);

void durable_bed_init(struct durable_bed *bed, engine_handler_fn *run,
                      void *self, const char *input)
{
    int failed;

    *bed = (struct durable_bed){.handler = {"test", run, self},
                                .limits = *engine_limits_find("seed-001"),
                                .now_ns = DURABLE_START_NS,
                                .page_max = 512};
    bed->config = (struct engine_replay_config){
        .limits = &bed->limits,
        .run = DURABLE_RUN,
        .seed = 7,
        .now_ns = DURABLE_START_NS,
        .input = {input, strlen(input)},
        .log = take_log,
    };
    begin(&bed->log);
    begin(&bed->inbox);
    begin(&bed->sent);
    begin(&bed->answer);
    failed =
        engine_execution_init(&bed->execution, NULL, DURABLE_RUN, &bed->limits);
    assert(!failed);
    commit_one(bed, ENGINE_EV_RUN_CREATED, 0, 0);
    schedule(bed);
}

static void drop_worker(struct durable_bed *bed)
{
    engine_replay_free(bed->replay);
    bed->replay = NULL;
}

void durable_bed_free(struct durable_bed *bed)
{
    drop_worker(bed);
    engine_execution_free(&bed->execution);
    engine_block_free(&bed->log);
    engine_block_free(&bed->inbox);
    engine_block_free(&bed->sent);
    engine_block_free(&bed->answer);
    free(bed->rows);
    free(bed->result);
}

static void keep_result(struct durable_bed *bed, const void *bytes, size_t size)
{
    free(bed->result);
    bed->result = malloc(size + 1);
    assert(bed->result);
    if (size > 0)
        memcpy(bed->result, bytes, size);
    bed->result[size] = '\0';
    bed->result_size = size;
}

/* Signals ----------------------------------------------------------------- */

void durable_bed_signal_from(struct durable_bed *bed, const char *actor,
                             enum engine_signal_kind kind, uint32_t operation,
                             uint32_t error, const char *edge, uint64_t number,
                             const char *value)
{
    const struct engine_signal head = {.run = DURABLE_RUN,
                                       .number = number,
                                       .kind = kind,
                                       .error = error,
                                       .actor_size = (uint16_t)strlen(actor),
                                       .edge_size = (uint16_t)strlen(edge),
                                       .value_size = (uint32_t)strlen(value)};
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = (uint16_t)kind,
                                     .op = operation,
                                     .a = ++bed->signals};
    char bytes[4096] = {0};
    size_t size = sizeof(head);

    memcpy(bytes, &head, sizeof(head));
    size += (size_t)snprintf(bytes + size, sizeof(bytes) - size, "%s%s%s",
                             actor, edge, value);
    assert(size < sizeof(bytes));
    engine_block_item(&bed->inbox, &item, bytes, size);
}

void durable_bed_signal(struct durable_bed *bed, enum engine_signal_kind kind,
                        uint32_t operation, uint32_t error, const char *edge,
                        uint64_t number, const char *value)
{
    durable_bed_signal_from(bed, "run 99", kind, operation, error, edge, number,
                            value);
}

/* Consumes what can be consumed of ends of streams, or of all the rest. */
static bool read_some(struct durable_bed *bed, bool ends)
{
    struct engine_block kept = {0};
    bool consumed = false;

    begin(&kept);
    for (size_t at = BLOCK_HEAD; at < bed->inbox.size;) {
        const struct engine_item *item = item_at(&bed->inbox, at);
        struct engine_block events = {0};
        int came = 2;

        begin(&events);
        if ((item->kind == ENGINE_SIG_END_OF_STREAM) == ends)
            came = engine_execution_signal(&bed->execution, item, &events);
        assert(came == 1 || came == 2);
        if (came == 2)
            engine_block_item(&kept, item, item + 1, item->size);
        consumed = consumed || came == 1;
        commit(bed, &events);
        engine_block_free(&events);
        at += engine_item_span(item->size);
    }
    engine_block_free(&bed->inbox);
    bed->inbox = kept;
    return consumed;
}

bool durable_bed_read(struct durable_bed *bed)
{
    struct engine_block events = {0};
    bool consumed = read_some(bed, false);
    int failed;

    consumed |= read_some(bed, true);
    begin(&events);
    failed = engine_execution_ends(&bed->execution, &events);
    assert(!failed);
    commit(bed, &events);
    engine_block_free(&events);
    return consumed;
}

/* Fires what is due. */
static void fire(struct durable_bed *bed)
{
    struct engine_block events = {0};
    uint64_t latest;
    int failed;

    if (engine_execution_due(&bed->execution) > bed->now_ns)
        return;
    begin(&events);
    failed =
        engine_execution_fire(&bed->execution, bed->now_ns, &events, &latest);
    assert(!failed);
    commit(bed, &events);
    engine_block_free(&events);
}

/* Checkpoints ------------------------------------------------------------- */

/* The service takes a batch. 0, or -1: refused, with the problem filled. */
static int take_batch(struct durable_bed *bed, const void *updates, size_t size)
{
    struct engine_hash client = {++bed->checkpoints, 1};
    struct engine_block events = {0};
    int failed;

    if (engine_execution_check(&bed->execution, updates, size, &bed->problem))
        return -1;
    begin(&events);
    failed = engine_execution_events(&bed->execution, updates, size, client,
                                     bed->now_ns, &events);
    assert(!failed);
    commit(bed, &events);
    engine_block_free(&events);
    (void)durable_bed_read(bed);
    return 0;
}

static void write_answer(struct durable_bed *bed)
{
    int failed;

    begin(&bed->answer);
    failed = engine_execution_delta(&bed->execution, bed->execution.before,
                                    &bed->answer);
    assert(!failed);
}

static void load(struct durable_bed *bed, const struct engine_block *items)
{
    int failed = engine_replay_load(bed->replay, items->bytes + BLOCK_HEAD,
                                    items->size - BLOCK_HEAD);

    assert(!failed);
}

static void refuse(struct durable_bed *bed)
{
    engine_replay_refused(bed->replay, bed->problem.error, bed->problem.text,
                          strlen(bed->problem.text));
}

static int persist(void *self, const void *updates, size_t size)
{
    struct durable_bed *bed = self;

    durable_bed_read(bed);
    fire(bed);
    if (take_batch(bed, updates, size)) {
        refuse(bed);
        return -1;
    }
    write_answer(bed);
    load(bed, &bed->answer);
    return 0;
}

/* Moves ------------------------------------------------------------------- */

static void load_state(struct durable_bed *bed)
{
    uint32_t next = 0;

    bed->config.handler = &bed->handler;
    bed->config.self = bed;
    bed->config.persist = bed->sync ? persist : NULL;
    bed->replay = engine_replay_new(&bed->config);
    assert(bed->replay);
    do {
        uint32_t from = next;
        int failed;

        begin(&bed->answer);
        failed = engine_execution_page(&bed->execution, from, bed->page_max,
                                       &bed->answer, &next);
        assert(!failed);
        load(bed, &bed->answer);
        engine_execution_paged(&bed->execution, from, next);
    } while (next);
    bed->phase = DURABLE_GO;
}

static void park(struct durable_bed *bed)
{
    assert(engine_execution_is_waiting(&bed->execution) ||
           engine_execution_has_news(&bed->execution) ||
           bed->execution.ambiguous);
    commit_one(bed, ENGINE_EV_ATTEMPT_SUSPENDED, bed->invocation, 0);
    drop_worker(bed);
    bed->phase = bed->execution.ambiguous ? DURABLE_BLOCKED : DURABLE_PARKED;
}

static void succeed(struct durable_bed *bed)
{
    struct engine_bytes result = engine_replay_result(bed->replay);
    const struct engine_op_entry *run = bed->execution.operations.entries;

    if (run->status == ENGINE_STATUS_SUCCEEDED)
        keep_result(bed, run->value, run->value_size);
    else
        keep_result(bed, result.data, result.size);
    drop_worker(bed);
    bed->phase = DURABLE_SUCCEEDED;
}

static void fail(struct durable_bed *bed)
{
    struct engine_text type;
    struct engine_text words;

    bed->error = engine_replay_error(bed->replay, &type, &words);
    (void)snprintf(bed->words, sizeof(bed->words), "%.*s", (int)words.size,
                   words.text);
    (void)snprintf(bed->type, sizeof(bed->type), "%.*s", (int)type.size,
                   type.text);
    drop_worker(bed);
    bed->phase = DURABLE_FAILED;
}

/* The host runs a step to its end; false: there is none. */
static bool end_job(struct durable_bed *bed)
{
    struct engine_replay_step step;
    struct engine_bytes output;
    uint32_t error = ENGINE_ERR_NONE;
    int failed;

    if (!engine_replay_next_step(bed->replay, &step))
        return false;
    output = step.input;
    if (bed->job)
        bed->job(bed->job_self, &step, &error, &output);
    failed =
        engine_replay_ended(bed->replay, step.operation, error, false, output);
    assert(!failed);
    return true;
}

static void go_on_working(struct durable_bed *bed)
{
    const void *updates;
    size_t size;

    while (bed->collects && engine_replay_open(bed->replay) && end_job(bed))
        (void)engine_replay_collect(bed->replay);
    updates = engine_replay_updates(bed->replay, &size);
    begin(&bed->sent);
    if (!updates) {
        bed->phase = DURABLE_JOB;
        return;
    }
    for (size_t at = 0; at < size;) {
        const struct engine_item *item =
            (const void *)((const unsigned char *)updates + at);

        engine_block_item(&bed->sent, item, item + 1, item->size);
        at += engine_item_span(item->size);
    }
    bed->phase = DURABLE_COMMIT;
}

static void go(struct durable_bed *bed)
{
    switch (engine_replay_go(bed->replay)) {
    case ENGINE_REPLAY_WORKING:
        go_on_working(bed);
        return;
    case ENGINE_REPLAY_PENDING:
        park(bed);
        return;
    case ENGINE_REPLAY_SUCCEEDED:
        succeed(bed);
        return;
    default:
        fail(bed);
    }
}

static void send(struct durable_bed *bed)
{
    if (take_batch(bed, bed->sent.bytes + BLOCK_HEAD,
                   bed->sent.size - BLOCK_HEAD)) {
        refuse(bed);
        bed->phase = DURABLE_GO;
        return;
    }
    bed->phase = DURABLE_ANSWER;
}

static void take_answer(struct durable_bed *bed)
{
    size_t size;

    write_answer(bed);
    load(bed, &bed->answer);
    engine_replay_persisted(bed->replay);
    if (engine_replay_updates(bed->replay, &size))
        go_on_working(bed);
    else
        bed->phase = DURABLE_GO;
}

static void run_job(struct durable_bed *bed)
{
    bed->phase = DURABLE_GO;
    (void)end_job(bed);
}

/* Time moves on, or a signal wakes the run. */
static bool wake(struct durable_bed *bed)
{
    uint64_t due = engine_execution_due(&bed->execution);

    if (bed->execution.ambiguous)
        return false;
    if (!engine_execution_has_news(&bed->execution)) {
        if (due == UINT64_MAX)
            return false;
        if (bed->now_ns < due)
            bed->now_ns = due;
        fire(bed);
        return true;
    }
    schedule(bed);
    return true;
}

bool durable_bed_step(struct durable_bed *bed)
{
    bool moved = durable_bed_read(bed);

    switch (bed->phase) {
    case DURABLE_LOAD:
        load_state(bed);
        return true;
    case DURABLE_GO:
        go(bed);
        return true;
    case DURABLE_COMMIT:
        send(bed);
        return true;
    case DURABLE_ANSWER:
        take_answer(bed);
        return true;
    case DURABLE_JOB:
        run_job(bed);
        return true;
    case DURABLE_PARKED:
    case DURABLE_BLOCKED:
        return wake(bed) || moved;
    default:
        return false;
    }
}

enum durable_phase durable_bed_run(struct durable_bed *bed)
{
    uint32_t moves = 0;

    while (durable_bed_step(bed)) {
        moves++;
        assert(moves < MOVES_MAX);
    }
    return bed->phase;
}

/* Crashes ----------------------------------------------------------------- */

void durable_bed_crash_worker(struct durable_bed *bed)
{
    if (bed->phase >= DURABLE_PARKED)
        return;
    drop_worker(bed);
    commit_one(bed, ENGINE_EV_ATTEMPT_INTERRUPTED, bed->invocation,
               ENGINE_ERR_INTERRUPTED);
    schedule(bed);
}

void durable_bed_crash_service(struct durable_bed *bed)
{
    engine_execution_free(&bed->execution);
    if (engine_execution_init(&bed->execution, NULL, DURABLE_RUN, &bed->limits))
        abort();
    for (uint32_t i = 0; i < bed->row_count; i++)
        for (size_t at = bed->rows[i].at; at < bed->rows[i].end;) {
            const struct engine_item *event = item_at(&bed->log, at);
            int applied = engine_execution_apply(&bed->execution, event,
                                                 bed->rows[i].time_ns);

            assert(applied == 0);
            at += engine_item_span(event->size);
        }
}

/* Looking ----------------------------------------------------------------- */

const struct engine_op_entry *durable_bed_find(const struct durable_bed *bed,
                                               const char *name)
{
    const struct engine_operations *table = &bed->execution.operations;

    for (uint32_t i = table->count; i-- > 1;)
        if (table->entries[i].name.size == strlen(name) &&
            memcmp(table->entries[i].name.text, name, strlen(name)) == 0)
            return &table->entries[i];
    return NULL;
}

uint32_t durable_bed_count(const struct durable_bed *bed, unsigned kind)
{
    uint32_t count = 0;

    for (size_t at = BLOCK_HEAD; at < bed->log.size;) {
        const struct engine_item *event = item_at(&bed->log, at);

        count += event->kind == kind;
        at += engine_item_span(event->size);
    }
    return count;
}

const char *durable_bed_story(const struct durable_bed *bed, char *out,
                              size_t room)
{
    size_t used = 0;

    *out = '\0';
    for (size_t at = BLOCK_HEAD; at < bed->log.size;) {
        const struct engine_item *event = item_at(&bed->log, at);
        const struct engine_op_entry *entry;
        const char *verb = engine_event_name(event->kind);

        at += engine_item_span(event->size);
        if (event->kind < ENGINE_EV_OPERATION_STARTED ||
            event->kind > ENGINE_EV_OPERATION_STOPPED || !event->op)
            continue;
        entry = &bed->execution.operations.entries[event->op];
        if (strchr(verb, '_'))
            verb = strchr(verb, '_') + 1;
        used += (size_t)snprintf(out + used, room - used, "%s%s %.*s",
                                 used ? "; " : "", verb, (int)entry->name.size,
                                 entry->name.text);
        assert(used < room);
    }
    return out;
}

const char *durable_bed_result(const struct durable_bed *bed)
{
    return bed->result ? (const char *)bed->result : "(none)";
}
