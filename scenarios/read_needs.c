#include "scenarios/read_needs.h"

#include <stdio.h>
#include <string.h>

#include "engine/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MEGABYTE UINT64_C(1048576)
#define DAY (UINT64_C(86400) * 1000000000)

enum {
    CPU_MAX = 1024, /* processors */
    GPUS_MAX = 64,
    SHARES_MAX = 500, /* fair share identifiers */
    ARRAY_MAX = 10000,
    NAME_MAX_BYTES = 255
};

/* "500m", or a number of processors. */
static void read_cpu(struct json_view needs, uint32_t *milli,
                     struct json_error *err)
{
    struct json_view view;
    const char *text = NULL;
    double cpu = 0;
    if (!json_get(needs, "cpu", JSON_OPTIONAL, &view, err))
        return;
    if (json_is_number(view)) {
        if (json_as_double(view, 0.001, CPU_MAX, &cpu, err))
            *milli = (uint32_t)(cpu * 1000 + 0.5);
        return;
    }
    if (!json_as_string(view, 1, NAME_MAX_BYTES, &text, err))
        return;
    uint32_t found = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && found <= CPU_MAX * 1000; i++)
        found = found * 10 + (uint32_t)(text[i] - '0');
    if (digits == 0 || strcmp(text + digits, "m") != 0 || found == 0 ||
        found > CPU_MAX * 1000)
        json_fail(view, err,
                  "found \"%s\" processors, allowed a number as 0.5, or "
                  "thousandths as \"500m\", up to %d processors",
                  text, CPU_MAX);
    else
        *milli = found;
}

static void read_memory(struct json_view needs, const char *key, uint32_t *mb,
                        struct json_error *err)
{
    uint64_t bytes = *mb * MEGABYTE;
    if (json_get_quantity(needs, key, JSON_OPTIONAL, QUANTITY_MEMORY, MEGABYTE,
                          UINT32_MAX * MEGABYTE, &bytes, err))
        *mb = (uint32_t)((bytes + MEGABYTE - 1) / MEGABYTE);
}

static void read_number(struct json_view needs, const char *key, int64_t least,
                        int64_t most, uint32_t *number, struct json_error *err)
{
    int64_t found = *number;
    if (json_get_int(needs, key, JSON_OPTIONAL, least, most, &found, err))
        *number = (uint32_t)found;
}

static void read_image(struct json_view needs, struct sim_demand *demand,
                       struct json_error *err)
{
    const char *name = NULL;
    if (json_get_string(needs, "image", JSON_OPTIONAL, 1, NAME_MAX_BYTES, &name,
                        err))
        /* The same name is the same number, which is never 0. */
        demand->image = (uint32_t)engine_hash_bytes(name, strlen(name)).lo | 1;
    (void)json_get_quantity(needs, "image_size", JSON_OPTIONAL, QUANTITY_SIZE,
                            1, UINT64_C(1) << 50, &demand->image_bytes, err);
    (void)json_get_bool(needs, "image_missing", JSON_OPTIONAL,
                        &demand->image_missing, err);
}

static void read_labels(struct json_view view, struct sim_needs *needs,
                        struct json_error *err)
{
    uint32_t count = 0;
    const char *value = NULL;
    for (struct json_view v = json_first(view); v.item && err->code == 0;
         v = json_next(v)) {
        if (count == SIM_MODEL_LABELS_MAX) {
            json_fail_key(v, err, "found more labels, allowed up to %d",
                          SIM_MODEL_LABELS_MAX);
            return;
        }
        if (!json_as_string(v, 1, NAME_MAX_BYTES, &value, err))
            return;
        int size = snprintf(needs->labels[count], SIM_LABEL_SIZE, "%s=%s",
                            json_key(v), value);
        if (size >= SIM_LABEL_SIZE)
            json_fail(v, err, "found a label of %d bytes, allowed up to %d",
                      size, SIM_LABEL_SIZE - 1);
        count++;
    }
    for (; count < SIM_MODEL_LABELS_MAX; count++)
        needs->labels[count][0] = '\0';
}

bool read_needs(struct json_view view, struct sim_needs *needs,
                struct json_error *err)
{
    static const char *const keys[] = {
        "cpu",        "memory", "peak_memory",   "gpu",
        "priority",   "share",  "array",         "image",
        "image_size", "labels", "image_missing", "unregistered",
        "eta"};
    struct sim_demand *demand = &needs->demand;
    struct json_view labels;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return false;
    read_cpu(view, &demand->cpu_milli, err);
    read_memory(view, "memory", &demand->memory_mb, err);
    read_memory(view, "peak_memory", &demand->peak_mb, err);
    read_number(view, "gpu", 0, GPUS_MAX, &demand->gpus, err);
    read_number(view, "priority", 0, 1000000000, &demand->priority, err);
    read_number(view, "share", 0, SHARES_MAX, &demand->share, err);
    read_number(view, "array", 1, ARRAY_MAX, &demand->array, err);
    read_image(view, demand, err);
    (void)json_get_bool(view, "unregistered", JSON_OPTIONAL,
                        &demand->unregistered, err);
    (void)json_get_duration(view, "eta", JSON_OPTIONAL, 0, 3650 * DAY,
                            &demand->eta_ns, err);
    if (json_get_object(view, "labels", JSON_OPTIONAL, &labels, err))
        read_labels(labels, needs, err);
    return err->code == 0;
}

bool read_needs_member(struct json_view object, struct sim_needs *needs,
                       struct json_error *err)
{
    struct json_view view;
    return json_get_object(object, "needs", JSON_OPTIONAL, &view, err) &&
           read_needs(view, needs, err);
}
