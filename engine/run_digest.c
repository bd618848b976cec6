#include <string.h>

#include "engine/run.h"
#include "engine/store.h"

/* A chain: each link hashes the former with what is next. */
static void add(struct engine_hash *digest, const void *bytes, size_t size)
{
    struct engine_hash link[2] = {*digest, engine_hash_bytes(bytes, size)};

    *digest = engine_hash_bytes(link, sizeof(link));
}

static void add_text(struct engine_hash *digest, const struct engine_text *text)
{
    add(digest, text->size ? text->text : "", text->size);
}

static void add_bytes(struct engine_hash *digest, const void *bytes,
                      size_t size)
{
    add(digest, bytes ? bytes : "", bytes ? size : 0);
}

static void add_entry(struct engine_hash *digest,
                      const struct engine_op_entry *entry)
{
    const uint64_t words[] = {
        entry->id.lo,
        entry->id.hi,
        entry->parent,
        entry->type | (uint64_t)entry->subtype << 8 |
            (uint64_t)entry->status << 16 | (uint64_t)entry->options << 24 |
            (uint64_t)entry->orphan << 32 | (uint64_t)entry->error << 40,
        entry->attempt,
        entry->unstamped,
        entry->started_ns,
        entry->due_ns,
        entry->second_ns,
        entry->heartbeat_ns,
        entry->peer,
    };

    add(digest, words, sizeof(words));
    add_text(digest, &entry->id_text);
    add_text(digest, &entry->name);
    add_text(digest, &entry->detail);
    add_bytes(digest, entry->value, entry->value_size);
    add_bytes(digest, entry->input, entry->input_size);
}

static void add_execution(struct engine_hash *digest,
                          const struct engine_execution *execution)
{
    const struct engine_operations *table = &execution->operations;
    const uint64_t words[] = {
        execution->token,           execution->used,
        execution->client_token.lo, execution->client_token.hi,
        execution->waiting,         execution->open_count,
        execution->branches,        execution->ambiguous,
        execution->written,         execution->started_ns,
        execution->deadline_ns,     execution->depth,
        execution->failures,        execution->parent_run,
        execution->parent_op,       table->count,
    };

    add(digest, words, sizeof(words));
    for (uint32_t i = 0; i < table->count; i++)
        add_entry(digest, &table->entries[i]);
}

static void add_op(struct engine_hash *digest, const struct engine_op *op)
{
    const uint64_t words[] = {op->state,   op->unstamped, op->error,
                              op->attempt, op->waits_for, op->due_ns,
                              op->begun,   op->same,      op->moves};

    add(digest, words, sizeof(words));
    add_bytes(digest, op->output, op->output_size);
}

struct engine_hash engine_run_digest(const struct engine_run *run)
{
    struct engine_hash digest = {0, 0};
    const uint64_t words[] = {
        run->id,           run->workflow,        run->state,
        run->client,       run->op_count,        run->succeeded_count,
        run->failed_count, run->ambiguous_count, run->error,
        run->failed_op,    run->open_count,      run->has_origin,
        run->unstamped,    run->started_ns,      run->deadline_ns,
    };

    add(&digest, words, sizeof(words));
    add(&digest, &run->origin, sizeof(run->origin));
    add_bytes(&digest, run->input, run->input_size);
    for (uint32_t op = 0; op < run->op_count; op++)
        add_op(&digest, &run->ops[op]);
    if (run->execution)
        add_execution(&digest, run->execution);
    return digest;
}
