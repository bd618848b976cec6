#include "scenarios/report_read_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/report_number.h"

enum {
    CHOICES_MAX = 64
};

struct report_read_block {
    struct report_read_block *next;
    _Alignas(16) char bytes[];
};

void *reading_room(struct reading *reading, struct json_view view, size_t count,
                   size_t size)
{
    struct report_read_block *block = NULL;
    if (reading->err->code != 0)
        return NULL;
    if (count < (SIZE_MAX - sizeof(*block)) / size)
        block = calloc(1, sizeof(*block) + (count + 1) * size);
    if (!block) {
        json_fail(view, reading->err, "found more than memory has room for");
        reading->err->code = JSON_ENOMEM;
        return NULL;
    }
    block->next = *reading->blocks;
    *reading->blocks = block;
    return block->bytes;
}

void reading_free(struct report_read_block **blocks)
{
    while (*blocks) {
        struct report_read_block *next = (*blocks)->next;
        free(*blocks);
        *blocks = next;
    }
}

bool reading_as_number(struct reading *reading, struct json_view view,
                       uint64_t max, uint64_t *value)
{
    return report_number_as(view, max, value, reading->err);
}

void reading_number(struct reading *reading, struct json_view object,
                    const char *key, uint64_t max, uint64_t *value)
{
    report_number_get(object, key, max, value, reading->err);
}

void reading_number_32(struct reading *reading, struct json_view object,
                       const char *key, uint32_t max, uint32_t *value)
{
    uint64_t wide = *value;
    reading_number(reading, object, key, max, &wide);
    *value = (uint32_t)wide;
}

void reading_numbers(struct reading *reading, struct json_view object,
                     const struct reading_number *numbers, size_t count,
                     void *base)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        reading_number(reading, object, numbers[i].key, REPORT_READ_MAX,
                       &value);
        memcpy((char *)base + numbers[i].offset, &value, sizeof(value));
    }
}

void reading_truth(struct reading *reading, struct json_view object,
                   const char *key, int *value)
{
    bool truth = false;
    json_get_bool(object, key, JSON_REQUIRED, &truth, reading->err);
    *value = truth;
}

void reading_text(struct reading *reading, struct json_view object,
                  const char *key, const char **text)
{
    *text = "";
    json_get_string(object, key, JSON_REQUIRED, 0, JSON_FILE_MAX, text,
                    reading->err);
}

void reading_text_or_null(struct reading *reading, struct json_view object,
                          const char *key, const char **text)
{
    struct json_view view;
    *text = NULL;
    if (json_get(object, key, JSON_REQUIRED, &view, reading->err) &&
        !cJSON_IsNull(view.item))
        reading_text(reading, object, key, text);
}

void reading_copy(struct reading *reading, struct json_view object,
                  const char *key, char *text, size_t size)
{
    const char *found = "";
    json_get_string(object, key, JSON_REQUIRED, 0, size - 1, &found,
                    reading->err);
    snprintf(text, size, "%s", found);
}

unsigned reading_choice(struct reading *reading, struct json_view object,
                        const char *key, const char *(*name)(unsigned),
                        unsigned count)
{
    const char *names[CHOICES_MAX];
    size_t index = 0;
    for (unsigned i = 0; i < count && i < CHOICES_MAX; i++)
        names[i] = name(i);
    json_get_enum(object, key, JSON_REQUIRED, names, count, &index,
                  reading->err);
    return (unsigned)index;
}

size_t reading_list(struct reading *reading, struct json_view object,
                    const char *key, size_t max, struct json_view *list)
{
    *list = (struct json_view){0};
    if (!json_get_array(object, key, JSON_REQUIRED, 0, max, list, reading->err))
        return 0;
    return json_count(*list);
}

void *reading_rows(struct reading *reading, struct json_view object,
                   const char *key, size_t max, size_t size,
                   struct json_view *list, size_t *count)
{
    size_t found = reading_list(reading, object, key, max, list);
    void *rows = list->item ? reading_room(reading, *list, found, size) : NULL;
    *count = rows ? found : 0;
    if (!rows)
        *list = (struct json_view){0};
    return rows;
}
