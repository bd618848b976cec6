#include "engine/value.h"

#include <string.h>

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
