#include "engine/value.h"

#include <stdio.h>
#include <string.h>

#include "engine/json_walk.h"

const struct engine_value *engine_value_at(const void *envelope, size_t size,
                                           uint32_t index)
{
    const unsigned char *at = envelope;
    for (;;) {
        if (size < sizeof(struct engine_value))
            return NULL;
        const struct engine_value *value = (const void *)at;
        size_t span = engine_value_span(value->size);
        if (span > size)
            return NULL;
        if (index-- == 0)
            return value;
        at += span;
        size -= span;
    }
}

size_t engine_value_write(void *out, enum engine_value_kind kind,
                          const void *bytes, uint32_t size)
{
    struct engine_value head = {.size = size, .kind = (uint32_t)kind};
    size_t span = engine_value_span(size);
    unsigned char *to = out;
    memcpy(to, &head, sizeof(head));
    if (size > 0)
        memcpy(to + sizeof(head), bytes, size);
    memset(to + sizeof(head) + size, 0, span - sizeof(head) - size);
    return span;
}

int engine_value_blob(const struct engine_value *value,
                      struct engine_blob_ref *ref)
{
    if (value->kind != ENGINE_VALUE_BLOB || value->size != sizeof(*ref))
        return -1;
    memcpy(ref, engine_value_bytes(value), sizeof(*ref));
    return 0;
}

int engine_value_chunks(const struct engine_value *value,
                        struct engine_chunks_ref *ref)
{
    if (value->kind != ENGINE_VALUE_STREAM || value->size != sizeof(*ref))
        return -1;
    memcpy(ref, engine_value_bytes(value), sizeof(*ref));
    return ref->chunk_count == 0 && ref->raw_size > 0 ? -1 : 0;
}

static bool well_formed(const struct engine_value *value)
{
    struct engine_blob_ref blob;
    struct engine_chunks_ref chunks;
    return value->kind == ENGINE_VALUE_INLINE ||
           engine_value_blob(value, &blob) == 0 ||
           engine_value_chunks(value, &chunks) == 0;
}

enum engine_error engine_value_check(const void *envelope, size_t size,
                                     uint32_t *index)
{
    const unsigned char *at = envelope;
    *index = 0;
    while (size > 0) {
        const struct engine_value *value = engine_value_at(at, size, 0);
        if (!value || !well_formed(value))
            return ENGINE_ERR_SERIALIZATION;
        at += engine_value_span(value->size);
        size -= engine_value_span(value->size);
        ++*index;
    }
    return ENGINE_ERR_NONE;
}

/* The string stands for a scheme, a colon and more. */
static bool has_scheme(const char *string, size_t size, const char *scheme)
{
    size_t at = 0;
    uint32_t rest = 0;
    for (; *scheme != '\0'; scheme++) {
        int c = engine_json_byte(string, size, &at, &rest);
        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (c != *scheme)
            return false;
    }
    return engine_json_byte(string, size, &at, &rest) >= 0;
}

static bool has_blank(const char *string, size_t size)
{
    size_t at = 0;
    uint32_t rest = 0;
    for (;;) {
        int c = engine_json_byte(string, size, &at, &rest);
        if (c < 0)
            return false;
        if (c <= ' ')
            return true;
    }
}

/* string is what stands between the quotes. */
static bool is_volatile(const char *string, size_t size)
{
    return (has_scheme(string, size, "memory:") ||
            has_scheme(string, size, "tmp:") ||
            has_scheme(string, size, "fd:")) &&
           !has_blank(string, size);
}

/* Bytes of a string to show, so that no character is cut through. */
static int shown(const char *string, size_t size)
{
    size_t most = size < 60 ? size : 60;
    while (most > 0 && most < size &&
           ((unsigned char)string[most] & 0xc0) == 0x80)
        most--;
    return (int)most;
}

enum engine_error engine_value_storable(const char *bytes, size_t size,
                                        bool json,
                                        struct engine_value_fault *fault)
{
    struct engine_json_walk walk;
    struct engine_json_value value;
    char path[120];
    engine_json_start(&walk, bytes, size);
    fault->offset = size;
    fault->text[0] = '\0';
    while (engine_json_next(&walk, &value)) {
        const char *string = bytes + value.begin + 1;
        if (value.kind != ENGINE_JSON_STRING || fault->offset < size ||
            !is_volatile(string, value.end - value.begin - 2))
            continue;
        size_t length = value.end - value.begin - 2;
        fault->offset = value.begin;
        snprintf(fault->text, sizeof(fault->text),
                 "volatile reference %.*s%s at %s: store it first",
                 shown(string, length), string, length > 60 ? "..." : "",
                 engine_json_path(&walk, &value, path, sizeof(path)));
    }
    if (walk.fault && json) {
        fault->offset = walk.at;
        snprintf(fault->text, sizeof(fault->text),
                 "not JSON at byte %zu: found %s", walk.at, walk.fault);
        return ENGINE_ERR_SERIALIZATION;
    }
    if (!walk.fault && fault->text[0])
        return ENGINE_ERR_SERIALIZATION;
    fault->text[0] = '\0'; /* what is not JSON holds no references */
    return ENGINE_ERR_NONE;
}
