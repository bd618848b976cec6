#include "scenarios/profile_values.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/read_dist.h"
#include "scenarios/table.h"

#define MEGABYTE UINT64_C(1048576)
#define TEXT_MAX 100

static bool in_range(const struct profile_param *param, uint64_t number,
                     struct profile_value *value, struct json_error *err)
{
    if (number < param->min || number > param->max) {
        return json_fail(value->at, err, "found %llu %s, allowed %llu to %llu",
                         (unsigned long long)number, param->unit,
                         (unsigned long long)param->min,
                         (unsigned long long)param->max);
    }
    value->number = number;
    return true;
}

/* Splits "1000 envs" and compares the unit. */
static bool amount(const struct profile_param *param, const char *text,
                   unsigned places, uint64_t *number)
{
    char digits[32];
    const char *space = strchr(text, ' ');
    if (space == NULL || (size_t)(space - text) >= sizeof digits ||
        strcmp(space + 1, param->unit) != 0) {
        return false;
    }
    memcpy(digits, text, (size_t)(space - text));
    digits[space - text] = '\0';
    return table_decimal(digits, places, number);
}

static bool read_count(const struct profile_param *param,
                       struct profile_value *value, struct json_error *err)
{
    int64_t plain;
    uint64_t number;
    uint64_t example = param->min + 1;
    const char *text;
    if (json_is_number(value->at)) {
        return json_as_int(value->at, 0, JSON_INT_MAX, &plain, err) &&
               in_range(param, (uint64_t)plain, value, err);
    }
    if (!json_is_string(value->at)) {
        return json_fail(value->at, err,
                         "found no number for \"%s\", allowed one alone or "
                         "with its unit: %llu or \"%llu %s\"",
                         param->name, (unsigned long long)example,
                         (unsigned long long)example, param->unit);
    }
    if (!json_as_string(value->at, 0, TEXT_MAX, &text, err)) {
        return false;
    }
    if (!amount(param, text, 0, &number)) {
        return json_fail(value->at, err,
                         "found \"%s\" for \"%s\", allowed a number alone or "
                         "with its unit: %llu or \"%llu %s\"",
                         text, param->name, (unsigned long long)example,
                         (unsigned long long)example, param->unit);
    }
    return in_range(param, number, value, err);
}

static bool read_reserved(const struct profile_param *param,
                          struct profile_value *value, struct json_error *err)
{
    const char *text;
    if (json_is_string(value->at) &&
        json_as_string(value->at, 0, TEXT_MAX, &text, err) &&
        strcmp(text, "none") == 0) {
        value->number = SIM_LAMBDA_UNRESERVED;
        return true;
    }
    return read_count(param, value, err);
}

static bool read_memory(const struct profile_param *param,
                        struct profile_value *value, struct json_error *err)
{
    uint64_t bytes;
    if (!json_as_quantity(value->at, QUANTITY_MEMORY, param->min * MEGABYTE,
                          param->max * MEGABYTE, &bytes, err)) {
        return false;
    }
    if (bytes % MEGABYTE != 0) {
        return json_fail(value->at, err,
                         "found a part of a megabyte, allowed "
                         "whole ones, as in \"512MB\"");
    }
    value->number = bytes / MEGABYTE;
    return true;
}

static bool read_rate(const struct profile_param *param,
                      struct profile_value *value, struct json_error *err)
{
    struct quantity_rate rate;
    if (!json_as_rate(value->at, &rate, err)) {
        return false;
    }
    if (rate.count < param->min || rate.count > param->max ||
        rate.per_ns > UINT64_C(3600) * 1000000000) {
        return json_fail(value->at, err,
                         "found a rate that is out of range, "
                         "allowed for example \"100/s\"");
    }
    value->number = rate.count;
    value->per_ns = rate.per_ns;
    return true;
}

static bool read_money(const struct profile_param *param,
                       struct profile_value *value, struct json_error *err)
{
    const char *text;
    if (!json_as_string(value->at, 1, TEXT_MAX, &text, err)) {
        return false;
    }
    if (!amount(param, text, 12, &value->number) ||
        value->number > param->max) {
        return json_fail(value->at, err,
                         "found \"%s\", allowed an amount such as \"0.05 %s\"",
                         text, param->unit);
    }
    return true;
}

static bool read_choice(const struct profile_param *param,
                        struct profile_value *value, struct json_error *err)
{
    size_t index, count = 0;
    while (param->names[count] != NULL) {
        count++;
    }
    if (!json_as_enum(value->at, param->names, count, &index, err)) {
        return false;
    }
    value->number = index;
    return true;
}

/* A distribution, or the one name that may stand for it: then number is 0. */
static bool read_duration(const struct profile_param *param,
                          struct profile_value *value, struct json_error *err)
{
    const char *text;
    value->number = 1;
    if (param->names != NULL && json_is_string(value->at) &&
        json_as_string(value->at, 0, TEXT_MAX, &text, err) &&
        (text[0] < '0' || text[0] > '9')) {
        value->number = 0;
        return strcmp(text, param->names[0]) == 0 ||
               json_fail_choice(value->at, err, param->name, text, param->names,
                                1);
    }
    return read_dist(value->at, &value->dist, err);
}

bool profile_value_read(const struct profile_param *param,
                        struct profile_value *value, struct json_error *err)
{
    struct json_view at = value->at;
    switch (param->kind) {
    case PROFILE_COUNT:
        return read_count(param, value, err);
    case PROFILE_RESERVED:
        return read_reserved(param, value, err);
    case PROFILE_DURATION:
        return json_as_quantity(at, QUANTITY_DURATION, param->min, param->max,
                                &value->number, err);
    case PROFILE_SIZE:
        return json_as_quantity(at, QUANTITY_SIZE, param->min, param->max,
                                &value->number, err);
    case PROFILE_MEMORY:
        return read_memory(param, value, err);
    case PROFILE_SHARE:
        return json_as_quantity(at, QUANTITY_SHARE, param->min, param->max,
                                &value->number, err);
    case PROFILE_RATE:
        return read_rate(param, value, err);
    case PROFILE_DIST:
        return read_duration(param, value, err);
    case PROFILE_CHOICE:
        return read_choice(param, value, err);
    case PROFILE_MONEY:
        return read_money(param, value, err);
    case PROFILE_TEXT:
        return json_as_string(at, 1, 63, &value->text, err);
    }
    assert(false);
    return false;
}

void profile_value_print(const struct profile_param *param, struct json_view at,
                         char *text, size_t size)
{
    if (json_is_string(at)) {
        snprintf(text, size, "%s", at.item->valuestring);
    } else if (json_is_number(at)) {
        snprintf(text, size, "%.0f %s", at.item->valuedouble, param->unit);
    } else {
        char *printed = cJSON_PrintUnformatted(at.item);
        snprintf(text, size, "%s", printed != NULL ? printed : "");
        cJSON_free(printed);
    }
}

const char *profile_value_unit(const struct profile_param *param)
{
    static const char *const units[] = {
        [PROFILE_DURATION] = "duration", [PROFILE_SIZE] = "size",
        [PROFILE_MEMORY] = "memory",     [PROFILE_SHARE] = "share",
        [PROFILE_RATE] = "rate",         [PROFILE_DIST] = "duration",
        [PROFILE_CHOICE] = "choice",     [PROFILE_TEXT] = "name",
    };
    return param->unit != NULL ? param->unit : units[param->kind];
}

void profile_add_row(struct profile *profile, const struct profile_row *row)
{
    assert(profile->row_count < PROFILE_ROWS_MAX);
    profile->rows[profile->row_count++] = *row;
}
