#include "engine/update.h"

#include <stdlib.h>
#include <string.h>

void engine_update_init(struct engine_update *update)
{
    *update = (struct engine_update){0};
}

void engine_update_free(struct engine_update *update)
{
    free(update->actions);
    free(update->bytes);
    *update = (struct engine_update){0};
}

void engine_update_reset(struct engine_update *update)
{
    update->count = 0;
    update->size = 0;
    update->failed = false;
}

static bool grow(struct engine_update *update, size_t size)
{
    if (update->count == update->capacity) {
        uint32_t capacity = update->capacity ? update->capacity * 2 : 16;
        void *actions =
            realloc(update->actions, capacity * sizeof(*update->actions));
        if (!actions)
            return false;
        update->actions = actions;
        update->capacity = capacity;
    }
    if (update->size + size > update->bytes_capacity) {
        size_t capacity =
            update->bytes_capacity ? update->bytes_capacity : 4096;
        while (capacity < update->size + size)
            capacity *= 2;
        void *bytes = realloc(update->bytes, capacity);
        if (!bytes)
            return false;
        update->bytes = bytes;
        update->bytes_capacity = capacity;
    }
    return true;
}

void engine_update_add(struct engine_update *update,
                       enum engine_action_kind kind, const void *head,
                       size_t head_size, const void *tail, size_t tail_size)
{
    size_t size = head_size + tail_size;
    size_t padded = (size + 7) & ~(size_t)7;
    if (!grow(update, padded)) {
        update->failed = true;
        return;
    }
    if (size > 0) {
        unsigned char *to = update->bytes + update->size;
        memset(to + size, 0, padded - size);
        if (head_size > 0)
            memcpy(to, head, head_size);
        if (tail_size > 0)
            memcpy(to + head_size, tail, tail_size);
    }
    update->actions[update->count++] =
        (struct engine_do){(uint32_t)kind, (uint32_t)size, update->size};
    update->size += padded;
}

void engine_update_request(struct engine_update *update,
                           const struct engine_block *block, uint32_t node,
                           uint32_t store)
{
    if (!engine_block_ok(block)) {
        update->failed = true;
        return;
    }
    struct engine_request *request = (void *)block->bytes;
    request->item_count = 0;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        request->item_count++;
    }
    struct engine_message head = {
        .size = (uint32_t)(sizeof(head) + block->size),
        .kind = ENGINE_MSG_REQUEST,
        .from = node,
        .to = store,
        .run = request->run,
        .op = request->op,
        .attempt = request->attempt,
    };
    engine_update_add(update, ENGINE_DO_REQUEST, &head, sizeof(head),
                      block->bytes, block->size);
}
