#include "sim/platform/lambda_records.h"

#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64
};

static bool grow(struct sim_lambda_records *records)
{
    uint32_t old = records->capacity;
    uint32_t capacity = old ? 2 * old : FIRST_CAPACITY;
    struct sim_lambda_record *list =
        capacity > old ? realloc(records->list, capacity * sizeof(*list))
                       : NULL;
    if (!list)
        return false;
    for (uint32_t i = old; i < capacity; i++)
        list[i] = (struct sim_lambda_record){
            .next_free = i + 1 < capacity ? i + 1 : SIM_MODEL_NONE};
    records->list = list;
    records->capacity = capacity;
    records->first_free = old;
    return true;
}

bool sim_lambda_record_take(struct sim_lambda_records *records, uint32_t *index)
{
    if (records->first_free == SIM_MODEL_NONE && !grow(records))
        return false;
    *index = records->first_free;
    records->first_free = records->list[*index].next_free;
    return true;
}

void sim_lambda_record_give(struct sim_lambda_records *records, uint32_t index)
{
    records->list[index] =
        (struct sim_lambda_record){.next_free = records->first_free};
    records->first_free = index;
}

bool sim_lambda_records_hold(const struct sim_lambda_records *records,
                             uint32_t job)
{
    for (uint32_t i = 0; i < records->capacity; i++)
        if (records->list[i].copies > 0 && records->list[i].job == job)
            return true;
    return false;
}
