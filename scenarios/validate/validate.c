#include "scenarios/validate/validate.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An interval this many times as wide as what is allowed says nothing. */
#define TOO_WIDE 5

const struct validate_group *const validate_groups[] = {
    &validate_erlang_c,    &validate_erlang_b,    &validate_single_server,
    &validate_no_queue,    &validate_fan_out,     &validate_rates,
    &validate_retries,     &validate_restarts,    &validate_published,
    &validate_experiments, &validate_cold_starts, NULL,
};

const struct sim_demand validate_plain = {.name = "validate"};

const char *validate_verdict_name(enum validate_verdict verdict)
{
    static const char *const names[] = {"holds", "FAILS", "unsure", "shown"};
    return names[verdict];
}

static enum validate_verdict judge(const struct validate_row *row)
{
    double near = row->allowed * fabs(row->expected);
    double off = fabs(row->got - row->expected);
    double interval = row->half + row->known;
    if (row->at_most)
        return row->got <= row->expected ? VALIDATE_HOLDS : VALIDATE_FAILS;
    if (!(interval <= TOO_WIDE * near) && row->half > 0)
        return VALIDATE_UNSURE;
    return off <= near || off <= interval ? VALIDATE_HOLDS : VALIDATE_FAILS;
}

void validate_add(struct validate *v, const struct validate_row *row)
{
    if (v->count == v->capacity) {
        uint32_t capacity = v->capacity ? 2 * v->capacity : 64;
        struct validate_row *rows = realloc(v->rows, capacity * sizeof(*rows));
        if (!rows) {
            v->failed = true;
            return;
        }
        v->rows = rows;
        v->capacity = capacity;
    }
    struct validate_row *added = &v->rows[v->count++];
    *added = *row;
    if (row->verdict != VALIDATE_SHOWN)
        added->verdict = judge(row);
}

void validate_mean(struct validate *v, const char *group,
                   const struct report_mean *got, double expected,
                   double allowed, const char *source, const char *format, ...)
{
    struct validate_row row = {
        .group = group,
        .expected = expected,
        .got = got->mean,
        .half = got->half,
        .allowed = allowed,
    };
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(row.name, sizeof(row.name), format, arguments);
    va_end(arguments);
    snprintf(row.source, sizeof(row.source), "%s", source);
    validate_add(v, &row);
}

void validate_exact(struct validate *v, const char *group, double got,
                    double expected, double allowed, const char *source,
                    const char *format, ...)
{
    struct validate_row row = {
        .group = group, .expected = expected, .got = got, .allowed = allowed};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(row.name, sizeof(row.name), format, arguments);
    va_end(arguments);
    snprintf(row.source, sizeof(row.source), "%s", source);
    validate_add(v, &row);
}

void validate_free(struct validate *v)
{
    free(v->rows);
    v->rows = NULL;
    v->count = v->capacity = 0;
}

uint64_t validate_arrivals(const struct validate *v, double full,
                           uint64_t least)
{
    double arrivals = full * v->length;
    return arrivals > (double)least ? (uint64_t)arrivals : least;
}

bool validate_profile(struct validate *v, struct profile *profile,
                      const char *format, ...)
{
    char text[1000];
    struct json_doc *doc = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bool read = json_read_bytes("validate-models", text, (size_t)size, &doc,
                                &v->error) == 0 &&
                profile_read(json_root(doc), v->files, profile, &v->error);
    json_free(doc);
    return read;
}

bool validate_model(struct validate *v, const struct profile *profile,
                    const struct sim_demand *demand, struct sim_model *model)
{
    if (profile_model(profile, demand ? demand : &validate_plain, 1, v->seed,
                      model) != 0)
        v->failed = true;
    return !v->failed;
}
