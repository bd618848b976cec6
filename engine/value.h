/*
 * Values that steps take and give, in the form in which they are stored. An
 * envelope is a row of values, one for each handle in the handles' order:
 * the outputs of a step, or the inputs of one. A value is inline bytes or
 * the reference of a blob.
 */
#ifndef ENGINE_VALUE_H
#define ENGINE_VALUE_H

#include <stdint.h>

#include "engine/wire.h"

enum engine_value_kind {
    ENGINE_VALUE_INLINE = 1,
    ENGINE_VALUE_BLOB
};

enum {
    ENGINE_BLOB_DIGEST_SIZE = 32
};

/* The head of a value; size bytes follow, padded with zeros to 8. */
struct engine_value {
    uint32_t size;
    uint32_t kind;
};

/* The bytes of a BLOB value. */
struct engine_blob_ref {
    uint8_t digest[ENGINE_BLOB_DIGEST_SIZE]; /* SHA-256 */
    uint64_t size;
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

#endif
