/*
 * Values that steps take and give, in the form in which they are stored. An
 * envelope is a row of values, one for each handle in the handles' order:
 * the outputs of a step, or the inputs of one. A value is inline bytes, the
 * reference of a blob, or a stream: any number of chunks that were compressed
 * into one blob when the step completed (engine/host/stream.h).
 *
 * What is stored must outlive the process that made it. A value that names
 * memory, a temporary file or a file descriptor is refused before it is
 * stored, and so is one that is declared to be JSON and is not.
 */
#ifndef ENGINE_VALUE_H
#define ENGINE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wire.h"

enum engine_value_kind {
    ENGINE_VALUE_INLINE = 1,
    ENGINE_VALUE_BLOB,
    ENGINE_VALUE_STREAM,
    ENGINE_VALUE_KIND_COUNT
};

enum {
    ENGINE_BLOB_DIGEST_SIZE = 32
};

/*
 * The head of a value; size bytes follow, padded with zeros to 8. Packed: an
 * envelope stands anywhere in an event, behind names of any length.
 */
struct engine_value {
    uint32_t size;
    uint32_t kind;
} __attribute__((packed));

/* The bytes of a BLOB value. */
struct engine_blob_ref {
    uint8_t digest[ENGINE_BLOB_DIGEST_SIZE]; /* SHA-256 */
    uint64_t size;
};

/* The bytes of a STREAM value. */
struct engine_chunks_ref {
    struct engine_blob_ref blob; /* the chunks, compressed */
    uint64_t raw_size;           /* of all chunks together */
    uint64_t chunk_count;
};

/*
 * The value with this index in an envelope of size bytes, or NULL if the
 * envelope is shorter or damaged.
 */
const struct engine_value *engine_value_at(const void *envelope, size_t size,
                                           uint32_t index);

static inline const void *engine_value_bytes(const struct engine_value *value)
{
    return value + 1;
}

/* Bytes a value of this payload size takes in an envelope. */
static inline size_t engine_value_span(uint32_t size)
{
    return sizeof(struct engine_value) + (((size_t)size + 7) & ~(size_t)7);
}

/* Writes a value at out, which has room for its span; returns the span. */
size_t engine_value_write(void *out, enum engine_value_kind kind,
                          const void *bytes, uint32_t size);

/*
 * What a BLOB or STREAM value refers to. 0, or -1: it is of another kind, its
 * size is wrong, or a stream is not what one can be (bytes without a chunk).
 */
int engine_value_blob(const struct engine_value *value,
                      struct engine_blob_ref *ref);
int engine_value_chunks(const struct engine_value *value,
                        struct engine_chunks_ref *ref);
/*
 * Whether every value of an envelope is of a kind that is known and has a
 * size that is right for it: NONE, or SERIALIZATION with the first wrong
 * value's index. An empty envelope is right.
 */
enum engine_error engine_value_check(const void *envelope, size_t size,
                                     uint32_t *index);

/* Why bytes must not be stored. */
struct engine_value_fault {
    size_t offset; /* of the byte where it shows */
    char text[256];
};

/*
 * Whether bytes may be stored as a value: NONE, or SERIALIZATION with *fault.
 * json: the workflow declares them JSON, so they must be. Otherwise they may
 * be anything; if they are JSON they are looked through all the same.
 * Volatile is a string, at any depth, that is a reference with one of the
 * schemes memory, tmp and fd in letters of any case: the scheme, a colon, and
 * more, without a blank ("memory://x" and "fd:3", but not "memory: full").
 *
 *     volatile reference memory://x at $.image: store it first
 *     not JSON at byte 17: found no comma between two values
 */
enum engine_error engine_value_storable(const char *bytes, size_t size,
                                        bool json,
                                        struct engine_value_fault *fault);

#endif
