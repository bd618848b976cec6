#include "engine/replay.h"

#include <assert.h>
#include <sodium/crypto_hash_sha256.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/replay_private.h"

enum {
    CHUNK_SIZE = 4096,
    QUEUE_HEAD = 8,
    SMALLEST_NOTES = 16,
    ALIGNMENT = 16,
    WORDS_MAX = 512
};

/* Arena ------------------------------------------------------------------- */

struct engine_arena_chunk {
    struct engine_arena_chunk *next;
    size_t size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

static struct engine_arena_chunk *new_chunk(struct engine_arena *arena,
                                            size_t size)
{
    size_t room = arena->current ? arena->current->size * 2 : CHUNK_SIZE;
    struct engine_arena_chunk *chunk;

    if (room < size)
        room = size;
    if (room > SIZE_MAX - sizeof(*chunk))
        return NULL;
    chunk = engine_resize(arena->memory, NULL, sizeof(*chunk) + room);
    if (chunk)
        *chunk = (struct engine_arena_chunk){.size = room};
    return chunk;
}

/* Goes on to the next chunk that has room, or puts a new one in. */
static int next_chunk(struct engine_arena *arena, size_t size)
{
    struct engine_arena_chunk *current = arena->current;
    struct engine_arena_chunk *chunk = current ? current->next : arena->first;

    if (!chunk || chunk->size < size) {
        struct engine_arena_chunk *added = new_chunk(arena, size);

        if (!added)
            return -1;
        added->next = chunk;
        if (current)
            current->next = added;
        else
            arena->first = added;
        chunk = added;
    }
    arena->current = chunk;
    arena->used = 0;
    return 0;
}

void *engine_arena_take(struct engine_arena *arena, size_t size)
{
    size_t span = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *bytes;

    if (span < size)
        return NULL;
    if ((!arena->current || arena->current->size - arena->used < span) &&
        next_chunk(arena, span))
        return NULL;
    bytes = arena->current->bytes + arena->used;
    arena->used += span;
    return bytes;
}

struct engine_arena_mark engine_arena_mark(const struct engine_arena *arena)
{
    return (struct engine_arena_mark){arena->current, arena->used};
}

void engine_arena_release(struct engine_arena *arena,
                          struct engine_arena_mark mark)
{
    arena->current = mark.current;
    arena->used = mark.used;
}

static void arena_free(struct engine_arena *arena)
{
    while (arena->first) {
        struct engine_arena_chunk *chunk = arena->first;

        arena->first = chunk->next;
        engine_delete(arena->memory, chunk);
    }
    arena->current = NULL;
}

void *engine_replay_memory(struct engine_replay *replay, size_t size)
{
    void *bytes = engine_arena_take(&replay->arena, size);

    if (!bytes)
        (void)engine_replay_break(replay, ENGINE_ERR_OOM, "out of memory");
    return bytes;
}

/* Life -------------------------------------------------------------------- */

static int grow_notes(struct engine_replay *r, uint32_t count)
{
    uint32_t capacity = r->note_capacity ? r->note_capacity : SMALLEST_NOTES;
    struct engine_replay_note *notes;

    if (count <= r->note_capacity)
        return 0;
    while (capacity < count)
        capacity *= 2;
    notes =
        engine_resize(r->config.memory, r->notes, capacity * sizeof(*notes));
    if (!notes)
        return -1;
    memset(notes + r->note_capacity, 0,
           (capacity - r->note_capacity) * sizeof(*notes));
    r->notes = notes;
    r->note_capacity = capacity;
    return 0;
}

struct engine_replay *
engine_replay_new(const struct engine_replay_config *config)
{
    struct engine_replay *r = engine_new(config->memory, sizeof(*r));

    if (!r)
        return NULL;
    r->config = *config;
    r->arena.memory = config->memory;
    engine_block_init_in(&r->queue, config->memory);
    if (engine_operations_init(&r->table, config->memory, config->run)) {
        engine_delete(config->memory, r);
        return NULL;
    }
    if (grow_notes(r, 1) || !engine_block_begin(&r->queue, QUEUE_HEAD)) {
        engine_replay_free(r);
        return NULL;
    }
    r->queue_at = QUEUE_HEAD;
    return r;
}

void engine_replay_free(struct engine_replay *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < r->table.count && i < r->note_capacity; i++)
        engine_replay_drop_job(r, i);
    engine_block_free(&r->queue);
    engine_operations_free(&r->table);
    arena_free(&r->arena);
    engine_delete(r->config.memory, r->notes);
    engine_delete(r->config.memory, r->kept);
    engine_delete(r->config.memory, r);
}

/* Copies two pieces behind one another into what outlives the handler. */
static int keep(struct engine_replay *r, const void *first, size_t first_size,
                const void *second, size_t second_size)
{
    size_t size = first_size + second_size;

    if (size > r->kept_capacity) {
        unsigned char *kept = engine_resize(r->config.memory, r->kept, size);

        if (!kept)
            return -1;
        r->kept = kept;
        r->kept_capacity = size;
    }
    if (first_size > 0)
        memcpy(r->kept, first, first_size);
    if (second_size > 0)
        memcpy(r->kept + first_size, second, second_size);
    return 0;
}

static void set_error(struct engine_replay *r, uint32_t error,
                      struct engine_text type, struct engine_text words)
{
    r->error = error;
    r->type = (struct engine_text){"", 0};
    r->words = r->type;
    if (keep(r, type.text, type.size, words.text, words.size))
        return;
    r->type = (struct engine_text){(const char *)r->kept, type.size};
    r->words =
        (struct engine_text){(const char *)r->kept + type.size, words.size};
}

static void drop_queue(struct engine_replay *r)
{
    r->durable = r->queued;
    r->batch_end = 0;
    (void)engine_block_begin(&r->queue, QUEUE_HEAD);
    r->queue_at = QUEUE_HEAD;
    r->blob_first = 0;
    r->blob_last = 0;
}

static int break_with(struct engine_replay *r, uint32_t error, const char *text,
                      size_t size)
{
    if (r->broken)
        return ENGINE_BROKEN;
    r->broken = true;
    r->ended = true;
    r->state = ENGINE_REPLAY_FAILED;
    set_error(r, error, (struct engine_text){"", 0},
              (struct engine_text){text, size});
    return ENGINE_BROKEN;
}

int engine_replay_break(struct engine_replay *r, uint32_t error,
                        const char *format, ...)
{
    char words[WORDS_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    return break_with(r, error, words, strlen(words));
}

/* What is recorded -------------------------------------------------------- */

/* The item at bytes if it is whole, or NULL. */
static const struct engine_item *whole_item(const unsigned char *bytes,
                                            size_t size)
{
    const struct engine_item *item = (const void *)bytes;

    if (size < sizeof(*item) || engine_item_span(item->size) > size)
        return NULL;
    return item;
}

/*
 * An end that is known already. Its bytes stay where they are: the handler
 * may hold them.
 */
static bool known_end(const struct engine_op_entry *entry,
                      const struct engine_item *item)
{
    return entry && engine_status_terminal(entry->status) &&
           entry->status == item->kind;
}

static bool is_echo(const struct engine_op_entry *entry,
                    const struct engine_item *item)
{
    return entry && entry->status == item->kind &&
           entry->attempt == item->attempt;
}

/* Counts an operation that the table has got since. */
static int note_added(struct engine_replay *r, uint32_t number, uint32_t born)
{
    if (grow_notes(r, number + 1))
        return -1;
    r->notes[number].born = born;
    r->notes[engine_replay_entry(r, number)->parent].children++;
    return 0;
}

/* What has just been loaded may only refer to its value. */
static int note_blob(struct engine_replay *r, struct engine_op_entry *entry)
{
    struct engine_replay_note *note = engine_replay_note(r, entry->number);
    bool lacks = entry->options & ENGINE_OPTION_BLOB && entry->value_size > 0;

    if (lacks && entry->value_size != sizeof(struct engine_blob_ref))
        return -2;
    r->lacking += (uint32_t)lacks - note->lacks;
    note->lacks = lacks;
    if (lacks && (r->lacking == 1 || entry->number < r->lack_first))
        r->lack_first = entry->number;
    return 0;
}

static int load_item(struct engine_replay *r, const struct engine_item *item)
{
    struct engine_hash id = {item->a, item->b};
    struct engine_op_entry *entry = engine_operations_find(&r->table, id);
    uint32_t count = r->table.count;
    int failed;

    if (item->type != ENGINE_ITEM_OPERATION)
        return -2;
    if (!is_echo(entry, item))
        r->news = true;
    if (known_end(entry, item)) {
        entry->run_number = item->op;
        return 0;
    }
    failed = engine_operations_load(&r->table, item);
    if (failed)
        return failed;
    if (r->table.count > count)
        failed = note_added(r, count, 0);
    entry = engine_operations_find(&r->table, id);
    if (!failed && entry && entry->status == ENGINE_STATUS_STARTED)
        r->notes[entry->number].announced = entry->attempt;
    return failed || !entry ? failed : note_blob(r, entry);
}

int engine_replay_load(struct engine_replay *r, const void *items, size_t size)
{
    const unsigned char *at = items;

    while (size > 0) {
        const struct engine_item *item = whole_item(at, size);
        int failed = item ? load_item(r, item) : -2;

        if (failed)
            return failed;
        at += engine_item_span(item->size);
        size -= engine_item_span(item->size);
    }
    return 0;
}

static uint32_t first_lacking(const struct engine_replay *r)
{
    uint32_t number = r->lack_first;

    while (!r->notes[number].lacks)
        number++;
    return number;
}

bool engine_replay_missing(const struct engine_replay *r,
                           struct engine_blob_ref *ref)
{
    if (!r->lacking)
        return false;
    memcpy(ref, r->table.entries[first_lacking(r)].value, sizeof(*ref));
    return true;
}

int engine_replay_fetched(struct engine_replay *r, const void *bytes,
                          size_t size)
{
    struct engine_op_entry *entry;

    assert(r->lacking);
    r->lack_first = first_lacking(r);
    entry = engine_replay_entry(r, r->lack_first);
    if (engine_operations_set_value(&r->table, entry, bytes, size))
        return -1;
    entry->options &= (uint8_t)~ENGINE_OPTION_BLOB;
    r->notes[r->lack_first].lacks = 0;
    r->lacking--;
    return 0;
}

uint32_t engine_replay_add(struct engine_context *c,
                           const struct engine_call *call)
{
    struct engine_replay *r = c->replay;
    struct engine_op_entry *entry =
        engine_operations_add(&r->table, call->id, c->number);

    if (!entry ||
        engine_operations_set_text(&r->table, &entry->name, call->name.text,
                                   call->name.size) ||
        note_added(r, entry->number, r->pass)) {
        (void)engine_replay_break(r, ENGINE_ERR_OOM, "out of memory");
        return 0;
    }
    entry->run_number = UINT32_MAX;
    entry->type = call->type;
    entry->subtype = call->subtype;
    r->notes[entry->number].met = c->visit;
    c->met++;
    return entry->number;
}

/* Updates ----------------------------------------------------------------- */

static int write_update(struct engine_replay *r,
                        const struct engine_op_entry *entry,
                        const struct engine_replay_change *change)
{
    const struct engine_item item = {
        .type = ENGINE_ITEM_UPDATE,
        .kind = (uint16_t)change->action,
        .op = UINT32_MAX,
        .attempt = change->attempt,
        .a = entry->id.lo,
        .b = entry->id.hi,
        /* That a value is progress is the service's to say. */
        .flags = engine_operation_flags(entry->type, entry->subtype,
                                        change->options &
                                            ~(unsigned)ENGINE_OPTION_PROGRESS)};
    const struct engine_operation_view view = {
        .head = {.parent = engine_replay_entry(r, entry->parent)->id,
                 .first_ns = change->first_ns,
                 .second_ns = change->second_ns,
                 .error = change->error,
                 .name_size = (uint16_t)entry->name.size,
                 .detail_size = (uint32_t)change->detail.size,
                 .value_size = (uint32_t)change->value.size},
        .name = entry->name,
        .detail = change->detail,
        .value = change->value.data};

    return engine_operation_write(&r->queue, &item, &view) ? 0 : -1;
}

/* Whether a change's value is what the operation holds from then on. */
static bool holds_value(const struct engine_op_entry *entry,
                        const struct engine_replay_change *change)
{
    if (change->action == ENGINE_ACTION_START)
        return false;
    return change->action != ENGINE_ACTION_RETRY ||
           change->options & ENGINE_OPTION_STATE ||
           !(entry->options & ENGINE_OPTION_PROGRESS);
}

static int apply(struct engine_replay *r, struct engine_op_entry *entry,
                 const struct engine_replay_change *change)
{
    unsigned options = change->options;

    if (holds_value(entry, change)) {
        if (engine_operations_set_value(&r->table, entry, change->value.data,
                                        change->value.size))
            return -1;
    } else if (change->action == ENGINE_ACTION_RETRY) {
        options |= ENGINE_OPTION_PROGRESS;
    } else {
        options |= entry->options & ENGINE_OPTIONS_OF_VALUE;
    }
    entry->status = (uint8_t)change->status;
    entry->options = (uint8_t)options;
    entry->attempt = change->attempt;
    entry->error = (uint16_t)change->error;
    if (change->action == ENGINE_ACTION_START &&
        entry->type == ENGINE_OPERATION_CONTEXT)
        entry->second_ns = change->second_ns;
    return engine_operations_set_text(&r->table, &entry->detail,
                                      change->detail.text, change->detail.size);
}

/* Whether a result goes into a blob of its own. */
static bool spills(const struct engine_replay *r,
                   const struct engine_op_entry *entry,
                   const struct engine_replay_change *change)
{
    return change->action == ENGINE_ACTION_SUCCEED && entry->number &&
           r->config.limits->spill &&
           change->value.size > r->config.limits->inline_max;
}

/* The update refers to the blob; the table has the bytes. */
static int write_reference(struct engine_replay *r,
                           const struct engine_op_entry *entry,
                           const struct engine_replay_change *change)
{
    struct engine_replay_change reference = *change;
    struct engine_blob_ref ref = {.size = change->value.size};

    crypto_hash_sha256(ref.digest, change->value.data, change->value.size);
    reference.options |= ENGINE_OPTION_BLOB;
    reference.value = (struct engine_bytes){&ref, sizeof(ref)};
    if (r->blob_last)
        r->notes[r->blob_last].next_blob = entry->number;
    else
        r->blob_first = entry->number;
    r->blob_last = entry->number;
    return write_update(r, entry, &reference);
}

bool engine_replay_blob(const struct engine_replay *r,
                        struct engine_bytes *bytes)
{
    const struct engine_op_entry *entry = &r->table.entries[r->blob_first];

    if (!r->blob_first)
        return false;
    *bytes = (struct engine_bytes){entry->value, entry->value_size};
    return true;
}

void engine_replay_stored(struct engine_replay *r)
{
    assert(r->blob_first);
    r->blob_first = r->notes[r->blob_first].next_blob;
    if (!r->blob_first)
        r->blob_last = 0;
}

int engine_replay_queue(struct engine_replay *r, uint32_t number,
                        const struct engine_replay_change *change)
{
    struct engine_op_entry *entry = engine_replay_entry(r, number);
    struct engine_replay_note *note = engine_replay_note(r, number);
    int failed = spills(r, entry, change) ? write_reference(r, entry, change)
                                          : write_update(r, entry, change);

    if (failed || apply(r, entry, change))
        return engine_replay_break(r, ENGINE_ERR_OOM, "out of memory");
    note->update = ++r->queued;
    if (change->action == ENGINE_ACTION_START)
        note->announced = change->attempt;
    if (change->action == ENGINE_ACTION_CANCEL)
        note->cancel = note->update;
    return ENGINE_DONE;
}

bool engine_replay_has_queued(const struct engine_replay *r)
{
    return r->queue.size > r->queue_at;
}

size_t engine_replay_queued_bytes(const struct engine_replay *r)
{
    return r->queue.size - r->queue_at;
}

bool engine_replay_is_durable(const struct engine_replay *r, uint32_t number)
{
    return r->notes[number].update <= r->durable;
}

bool engine_replay_is_full(const struct engine_replay *r)
{
    return engine_replay_queued_bytes(r) >= r->config.limits->batch_max ||
           engine_replay_queued_bytes(r) >= ENGINE_QUEUE_MAX ||
           r->queued - r->durable >= r->config.limits->batch_updates_max;
}

/*
 * Whether an update may join the batch: an operation has at most one there,
 * a step or context after its START one more.
 */
static bool may_join(struct engine_replay *r, const struct engine_item *item)
{
    const struct engine_op_entry *entry = engine_operations_find(
        &r->table, (struct engine_hash){item->a, item->b});
    struct engine_replay_note *note = engine_replay_note(r, entry->number);
    bool pair = entry->type == ENGINE_OPERATION_STEP ||
                entry->type == ENGINE_OPERATION_CONTEXT;
    bool start = item->kind == ENGINE_ACTION_START;
    uint8_t before = note->in_batch_of == r->batch_number ? note->in_batch : 0;

    if (before == 2 || (before == 1 && (start || !pair)))
        return false;
    note->in_batch_of = r->batch_number;
    note->in_batch = start ? 1 : 2;
    return true;
}

static void cut_batch(struct engine_replay *r)
{
    const struct engine_limits *limits = r->config.limits;
    size_t at = r->queue_at;
    uint32_t count = 0;
    /* The defect: what overflows a batch is in it. */
    bool spare = engine_replay_defect(r, ENGINE_DEFECT_BATCH_OVERFLOW);

    r->batch_number++;
    while (at < r->queue.size) {
        const struct engine_item *item = (const void *)(r->queue.bytes + at);
        size_t span = engine_item_span(item->size);

        if (count > 0 && (at + span - r->queue_at > limits->batch_max ||
                          count >= limits->batch_updates_max + spare))
            break;
        if (!may_join(r, item))
            break;
        at += span;
        count++;
    }
    r->batch_end = at;
    r->batch_count = count;
}

const void *engine_replay_updates(struct engine_replay *r, size_t *size)
{
    *size = 0;
    if (!engine_replay_has_queued(r))
        return NULL;
    if (!r->batch_end)
        cut_batch(r);
    *size = r->batch_end - r->queue_at;
    return r->queue.bytes + r->queue_at;
}

void engine_replay_persisted(struct engine_replay *r)
{
    if (!r->batch_end)
        return;
    r->durable += r->batch_count;
    r->queue_at = r->batch_end;
    r->batch_end = 0;
    if (!engine_replay_has_queued(r))
        drop_queue(r);
}

void engine_replay_refused(struct engine_replay *r, uint32_t error,
                           const char *text, size_t size)
{
    if (r->ended && !r->broken)
        r->ended = false;
    drop_queue(r);
    (void)break_with(r, error, text, size);
}

bool engine_replay_flush(struct engine_replay *r)
{
    const void *updates;
    size_t size;

    if (!r->config.persist || r->cannot_persist)
        return !engine_replay_has_queued(r);
    while ((updates = engine_replay_updates(r, &size))) {
        if (r->blob_first || r->config.persist(r->config.self, updates, size) ||
            r->broken) {
            r->cannot_persist = true;
            return false;
        }
        engine_replay_persisted(r);
    }
    return true;
}

/* Jobs -------------------------------------------------------------------- */

int engine_replay_hand_out(struct engine_replay *r, uint32_t number,
                           const struct engine_replay_step *step)
{
    struct engine_replay_note *note = engine_replay_note(r, number);
    struct engine_replay_job *job =
        engine_resize(r->config.memory, NULL, sizeof(*job) + step->input.size);

    if (!job)
        return engine_replay_break(r, ENGINE_ERR_OOM, "out of memory");
    *job = (struct engine_replay_job){.step = *step};
    if (step->input.size > 0)
        memcpy(job->input_bytes, step->input.data, step->input.size);
    job->step.input.data = job->input_bytes;
    note->job = job;
    note->place = ENGINE_PLACE_READY;
    note->next = 0;
    if (r->ready_last)
        r->notes[r->ready_last].next = number;
    else
        r->ready_first = number;
    r->ready_last = number;
    r->ready_count++;
    return ENGINE_DONE;
}

void engine_replay_drop_job(struct engine_replay *r, uint32_t number)
{
    struct engine_replay_note *note = engine_replay_note(r, number);

    if (!note->job)
        return;
    engine_delete(r->config.memory, note->job->output_bytes);
    engine_delete(r->config.memory, note->job);
    note->job = NULL;
    note->place = ENGINE_PLACE_HERE;
}

/* Whether the context of an operation has closed: nobody asks for its end. */
static bool is_orphan(struct engine_replay *r, uint32_t number)
{
    uint32_t parent = engine_replay_entry(r, number)->parent;

    while (parent &&
           !engine_status_terminal(engine_replay_entry(r, parent)->status))
        parent = engine_replay_entry(r, parent)->parent;
    return parent != 0;
}

/* Takes the first job out of the row. */
static void take_ready(struct engine_replay *r)
{
    r->ready_first = r->notes[r->ready_first].next;
    if (!r->ready_first)
        r->ready_last = 0;
    r->ready_count--;
}

bool engine_replay_next_step(struct engine_replay *r,
                             struct engine_replay_step *step)
{
    uint32_t number = r->ready_first;
    struct engine_replay_note *note;

    while (number &&
           (is_orphan(r, number) || engine_replay_is_over(r, number))) {
        take_ready(r);
        engine_replay_drop_job(r, number);
        number = r->ready_first;
    }
    if (!number)
        return false;
    note = engine_replay_note(r, number);
    assert(note->place == ENGINE_PLACE_READY);
    *step = note->job->step;
    note->place = ENGINE_PLACE_RUNNING;
    take_ready(r);
    r->running++;
    return true;
}

/* The job of a step that was handed out and has not ended, or NULL. */
static struct engine_replay_job *running_job(struct engine_replay *r,
                                             uint32_t operation)
{
    if (operation >= r->table.count ||
        r->notes[operation].place != ENGINE_PLACE_RUNNING)
        return NULL;
    return r->notes[operation].job;
}

int engine_replay_ended(struct engine_replay *r, uint32_t operation,
                        uint32_t error, bool retryable,
                        struct engine_bytes output)
{
    struct engine_replay_job *job = running_job(r, operation);

    assert(job);
    if (output.size > 0) {
        job->output_bytes = engine_resize(r->config.memory, NULL, output.size);
        if (!job->output_bytes)
            return -1;
        memcpy(job->output_bytes, output.data, output.size);
    }
    job->output = (struct engine_bytes){job->output_bytes, output.size};
    job->error = error;
    job->retryable = retryable;
    r->notes[operation].place = ENGINE_PLACE_ENDED;
    r->running--;
    return 0;
}

bool engine_replay_is_over(const struct engine_replay *r, uint32_t operation)
{
    return engine_status_terminal(r->table.entries[operation].status);
}

uint32_t engine_replay_running(const struct engine_replay *r)
{
    return r->running;
}

int engine_replay_progress(struct engine_replay *r, uint32_t operation,
                           struct engine_bytes progress)
{
    if (!running_job(r, operation) || is_orphan(r, operation) ||
        engine_replay_is_over(r, operation))
        return -1;
    return engine_replay_save(r, operation, progress);
}

/* Turns ------------------------------------------------------------------- */

static enum engine_replay_state end(struct engine_replay *r,
                                    enum engine_replay_state state)
{
    r->ended = true;
    r->state = state;
    return state;
}

static enum engine_replay_state end_failed(struct engine_replay *r,
                                           const struct engine_error_info *why)
{
    set_error(r, why->error, why->type, why->message);
    return end(r, ENGINE_REPLAY_FAILED);
}

/* Puts a result that is too large for the answer into the run's record. */
static int record_result(struct engine_replay *r, struct engine_bytes result)
{
    const struct engine_replay_change change = {.action = ENGINE_ACTION_SUCCEED,
                                                .status =
                                                    ENGINE_STATUS_SUCCEEDED,
                                                .options = ENGINE_OPTION_LARGE,
                                                .value = result};

    if (engine_replay_entry(r, 0)->status == ENGINE_STATUS_SUCCEEDED)
        return ENGINE_DONE;
    return engine_replay_queue(r, 0, &change);
}

static int take_result(struct engine_context *root, struct engine_bytes result)
{
    struct engine_replay *r = root->replay;
    const struct engine_limits *limits = r->config.limits;

    if (result.size > limits->result_max)
        return engine_call_too_large(root, "the result", result.size,
                                     limits->result_max,
                                     ENGINE_LIMIT_result_max);
    r->result = (struct engine_bytes){"", 0};
    if (result.size > limits->response_max)
        return record_result(r, result);
    if (keep(r, result.data, result.size, NULL, 0))
        return engine_replay_break(r, ENGINE_ERR_OOM, "out of memory");
    r->result = (struct engine_bytes){r->kept, result.size};
    return ENGINE_DONE;
}

static void begin_turn(struct engine_replay *r)
{
    r->turn++;
    r->pass++;
    if (!r->notes[0].entered)
        r->notes[0].entered = r->pass;
    r->news = false;
    r->gated = false;
    r->shared = 0;
    r->compensations = NULL;
    r->edges = NULL;
    r->arena.current = NULL;
    r->arena.used = 0;
}

/* Calls the handler once. Returns how the run stands by it. */
static int take_turn(struct engine_replay *r)
{
    const struct engine_handler *handler = r->config.handler;
    struct engine_context root = {
        .replay = r, .visit = ++r->visits, .time_ns = r->config.now_ns};
    struct engine_bytes result = {"", 0};
    int flow;

    begin_turn(r);
    r->current = &root;
    flow = handler->run(&root, handler->self, r->config.input, &result);
    flow = engine_context_flow(&root, flow);
    flow = engine_context_complete(&root, flow);
    if (flow == ENGINE_DONE)
        flow = take_result(&root, result);
    if (flow == ENGINE_FAILED_FLOW) {
        struct engine_error_info why = root.error;

        flow = engine_compensate(&root);
        if (flow == ENGINE_DONE) {
            (void)end_failed(r, &why);
            flow = ENGINE_FAILED_FLOW;
        }
    } else if (flow == ENGINE_DONE) {
        (void)end(r, ENGINE_REPLAY_SUCCEEDED);
    }
    r->current = NULL;
    return flow;
}

/* How things stand when the handler can do no more now. */
static enum engine_replay_state stand(const struct engine_replay *r)
{
    if (engine_replay_has_queued(r) || r->running || r->ready_count)
        return ENGINE_REPLAY_WORKING;
    return r->ended ? r->state : ENGINE_REPLAY_PENDING;
}

enum engine_replay_state engine_replay_go(struct engine_replay *r)
{
    bool again = !r->ended;

    assert(!r->lacking);
    r->cannot_persist = false;
    if (!r->broken && !engine_replay_flush(r))
        again = false;
    while (again && !r->ended) {
        bool queued;

        (void)take_turn(r);
        queued = engine_replay_has_queued(r);
        again = !r->broken && engine_replay_flush(r) &&
                (r->news || (queued && r->gated));
    }
    if (r->broken) {
        drop_queue(r);
        return r->state;
    }
    if (r->ended && !engine_replay_has_queued(r))
        return r->state;
    return stand(r);
}

bool engine_replay_open(const struct engine_replay *r)
{
    return !r->ended && !r->batch_end && engine_replay_has_queued(r) &&
           !engine_replay_is_full(r);
}

enum engine_replay_state engine_replay_collect(struct engine_replay *r)
{
    assert(engine_replay_open(r) && !r->config.persist);
    (void)take_turn(r);
    if (r->broken) {
        drop_queue(r);
        return r->state;
    }
    return stand(r);
}

struct engine_bytes engine_replay_result(const struct engine_replay *r)
{
    return r->result;
}

uint32_t engine_replay_error(const struct engine_replay *r,
                             struct engine_text *type,
                             struct engine_text *words)
{
    *type = r->type;
    *words = r->words;
    return r->error;
}
