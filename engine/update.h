/*
 * What a machine wants done after a step, in the order in which it must be
 * done. A host carries the actions out one by one; the bytes belong to the
 * update and stay until it is reset.
 */
#ifndef ENGINE_UPDATE_H
#define ENGINE_UPDATE_H

#include <stdbool.h>

#include "engine/wire.h"

enum engine_action_kind {
    ENGINE_DO_REQUEST = 1, /* send bytes (a request) to the store */
    ENGINE_DO_SEND,        /* send bytes (a message with payload) to its to */
    ENGINE_DO_EXECUTE,     /* worker: run a step's code; struct engine_execute
                              and the input: an envelope, or the bytes that a
                              handler gave its step */
    ENGINE_DO_ABANDON      /* worker: stop it; struct engine_execute */
};

struct engine_do {
    uint32_t kind;
    uint32_t size;
    size_t offset;
};

struct engine_execute {
    uint32_t slot; /* to be given back with the outcome */
    uint32_t workflow;
    uint64_t run;
    uint32_t op;
    uint32_t attempt;
    uint64_t deadline_ns; /* monotonic: the code must have ended by then */
    /* Of a step of a handler: op and attempt are the invocation's. */
    uint32_t part; /* its operation, to be given back with the slot; 0: none */
    uint32_t part_attempt;
    struct engine_hash key; /* the same for every attempt of the step */
    struct engine_hash id;  /* of the operation, in records and updates */
    uint64_t tag;           /* set by the step's function */
    uint32_t progress_size; /* last bytes of the input: what the attempt before
                               saved; 0: nothing */
    uint32_t reserved;
};

struct engine_update {
    struct engine_do *actions;
    uint32_t count;
    uint32_t capacity;
    unsigned char *bytes;
    size_t size;
    size_t bytes_capacity;
    bool failed; /* out of memory: some action is missing */
};

void engine_update_init(struct engine_update *update);
void engine_update_free(struct engine_update *update);
void engine_update_reset(struct engine_update *update);

/* Appends an action with head and tail bytes, either of which may be empty. */
void engine_update_add(struct engine_update *update,
                       enum engine_action_kind kind, const void *head,
                       size_t head_size, const void *tail, size_t tail_size);

/*
 * Appends the request that block holds, as a message from node to store. Its
 * items are counted here. A block that ran out of memory fails the update.
 */
void engine_update_request(struct engine_update *update,
                           const struct engine_block *block, uint32_t node,
                           uint32_t store);

static inline const void *
engine_update_bytes(const struct engine_update *update,
                    const struct engine_do *action)
{
    return update->bytes + action->offset;
}

#endif
