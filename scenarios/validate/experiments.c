/*
 * Experiments on real AWS Lambda: a line each of the arrival rate, the times
 * of warm and cold requests, and what was measured. The model is given the
 * first three and the idle time, and must foretell the rest.
 */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/validate/functions.h"

#define SECOND UINT64_C(1000000000)
#define SOURCE "an experiment on AWS Lambda"

enum {
    COLUMNS_MAX = 64,
    LINE_MAX = 4096,
    EXPERIMENTS_MAX = 1000
};

enum column {
    RATE,
    WARM,
    COLD,
    IDLE_MINUTES,
    INSTANCES,
    COLD_SHARE,
    NEEDED,
    COLD_ERROR = NEEDED, /* from here on they may be missing */
    RUNNING,
    IDLE,
    COLUMNS
};

static const char *const names[COLUMNS] = {
    [RATE] = "ArrivalRate",
    [WARM] = "ServiceTimeWarm",
    [COLD] = "ServiceTimeCold",
    [IDLE_MINUTES] = "IdleMinutesBeforeKill",
    [INSTANCES] = "AverageInstanceCount",
    [COLD_SHARE] = "ColdStartProbability",
    [COLD_ERROR] = "ColdStartProbabilitySE",
    [RUNNING] = "AverageRunningInstances",
    [IDLE] = "AverageIdleInstances",
};

/* What is allowed: a rate a second, milliseconds, minutes, counts, a share. */
static const struct {
    double least, most;
} ranges[COLUMNS] = {
    [RATE] = {1e-6, 1e5},      [WARM] = {1e-3, 9e5},
    [COLD] = {1e-3, 9e5},      [IDLE_MINUTES] = {0.01, 1e5},
    [INSTANCES] = {1e-9, 1e7}, [COLD_SHARE] = {1e-12, 1},
    [COLD_ERROR] = {0, 1},     [RUNNING] = {0, 1e7},
    [IDLE] = {0, 1e7},
};

struct reader {
    struct validate *v;
    const char *file;
    const char *next;
    const char *end;
    uint32_t line;
    char text[LINE_MAX];
    char *fields[COLUMNS_MAX];
    uint32_t field_count;
    uint32_t at[COLUMNS]; /* field of a column; COLUMNS_MAX: there is none */
    uint32_t header_count;
};

struct experiment {
    char name[64];
    double values[COLUMNS];
    bool has[COLUMNS];
};

static bool fail(struct reader *r, uint32_t field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *r, uint32_t field, const char *format, ...)
{
    struct json_error *error = &r->v->error;
    uint32_t column =
        field < r->field_count ? (uint32_t)(r->fields[field] - r->text) + 1 : 1;
    int size = snprintf(error->text, sizeof(error->text), "%s:%u:%u: ", r->file,
                        r->line, column);
    va_list arguments;
    va_start(arguments, format);
    if (size > 0 && (size_t)size < sizeof(error->text))
        vsnprintf(error->text + size, sizeof(error->text) - (size_t)size,
                  format, arguments);
    va_end(arguments);
    error->code = JSON_ETEXT;
    return false;
}

/* Takes the next line. False: the end, or v->error. */
static bool take_line(struct reader *r)
{
    if (r->next >= r->end)
        return false;
    const char *stop = memchr(r->next, '\n', (size_t)(r->end - r->next));
    size_t size = (size_t)((stop ? stop : r->end) - r->next);
    r->line++;
    if (size >= sizeof(r->text))
        return fail(r, 0, "found a line of %zu bytes, allowed %zu", size,
                    sizeof(r->text) - 1);
    memcpy(r->text, r->next, size);
    r->text[size] = '\0';
    r->next += size + (stop != NULL);
    if (memchr(r->text, '\0', size))
        return fail(r, 0, "found a byte of 0, allowed text");
    if (size > 0 && r->text[size - 1] == '\r')
        r->text[size - 1] = '\0';
    return true;
}

/* The next line that is not blank, in fields. False: the end, or v->error. */
static bool next_line(struct reader *r)
{
    r->field_count = 0;
    do {
        if (!take_line(r))
            return false;
    } while (r->text[0] == '\0');
    char *at = r->text;
    do {
        if (r->field_count == COLUMNS_MAX)
            return fail(r, 0, "found more than %d columns", COLUMNS_MAX);
        r->fields[r->field_count++] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = '\0';
    } while (at);
    return true;
}

static bool read_header(struct reader *r)
{
    if (!next_line(r))
        return r->v->error.code == 0 &&
               fail(r, 0, "found no header, allowed a first line with %s",
                    names[RATE]);
    r->header_count = r->field_count;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        r->at[c] = COLUMNS_MAX;
        for (uint32_t i = 0; i < r->field_count; i++)
            if (strcmp(r->fields[i], names[c]) == 0)
                r->at[c] = i;
        if (c < NEEDED && r->at[c] == COLUMNS_MAX)
            return fail(r, 0, "found no column %s, which is needed", names[c]);
    }
    return true;
}

static bool read_value(struct reader *r, uint32_t c, double *value)
{
    const char *text = r->fields[r->at[c]];
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
        return fail(r, r->at[c], "found \"%.40s\" for %s, allowed a number",
                    text, names[c]);
    if (!(*value >= ranges[c].least && *value <= ranges[c].most))
        return fail(r, r->at[c], "found %s %.40s, allowed %g to %g", names[c],
                    text, ranges[c].least, ranges[c].most);
    return true;
}

static bool read_experiment(struct reader *r, struct experiment *e)
{
    *e = (struct experiment){.name = ""};
    if (r->field_count != r->header_count)
        return fail(r, 0, "found %u fields, allowed %u as in the header",
                    r->field_count, r->header_count);
    snprintf(e->name, sizeof(e->name), "%.60s", r->fields[0]);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        if (r->at[c] == COLUMNS_MAX)
            continue;
        e->has[c] = true;
        if (!read_value(r, c, &e->values[c]))
            return false;
    }
    return true;
}

/* Sums of absolute percentage errors. */
struct errors {
    double cold, instances, running, idle;
    uint32_t count, running_count, idle_count;
    uint32_t within, judged; /* 1.96 standard errors of the experiment */
};

static double percent(double got, double expected)
{
    return expected > 0 ? 100 * fabs(got - expected) / expected : 0;
}

static void show(struct validate *v, const struct experiment *e,
                 const char *what, double expected, double known,
                 const struct report_mean *got)
{
    struct validate_row row = {
        .group = "experiments",
        .source = SOURCE,
        .expected = expected,
        .known = known,
        .got = got->mean,
        .half = got->half,
        .verdict = VALIDATE_SHOWN,
    };
    snprintf(row.name, sizeof(row.name), "%.40s, %.4g/s: %s", e->name,
             e->values[RATE], what);
    validate_add(v, &row);
}

static bool foretell(struct validate *v, const struct experiment *e,
                     struct errors *errors)
{
    static struct validate_watch w;
    double rate = e->values[RATE];
    double full = 2e7 * rate > 5e6 ? 2e7 * rate : 5e6;
    struct functions_spec spec = {
        .concurrency = 1000000,
        .expiry_ns = (uint64_t)(e->values[IDLE_MINUTES] * 60e9 + 0.5)};
    struct sim_load_config config = {.arrivals =
                                         validate_arrivals(v, full, 100000)};
    sim_dist_exponential(&config.gap, (uint64_t)(1e9 / rate + 0.5));
    sim_dist_exponential(&config.warm, (uint64_t)(e->values[WARM] * 1e6 + 0.5));
    sim_dist_exponential(&config.cold, (uint64_t)(e->values[COLD] * 1e6 + 0.5));
    if (!functions_watch(v, &spec, &config, &w))
        return false;
    struct report_mean cold = report_means_get(&w.cold);
    struct report_mean places = report_means_get(&w.places);
    struct report_mean running = report_means_get(&w.running);
    struct report_mean idle = report_means_get(&w.idle);
    double bar = 1.96 * e->values[COLD_ERROR];
    show(v, e, "share of cold starts", e->values[COLD_SHARE], bar, &cold);
    show(v, e, "environments", e->values[INSTANCES], 0, &places);
    errors->count++;
    errors->cold += percent(cold.mean, e->values[COLD_SHARE]);
    errors->instances += percent(places.mean, e->values[INSTANCES]);
    if (bar > 0) {
        errors->judged++;
        errors->within += fabs(cold.mean - e->values[COLD_SHARE]) <= bar;
    }
    if (e->has[RUNNING] && e->values[RUNNING] > 0) {
        errors->running_count++;
        errors->running += percent(running.mean, e->values[RUNNING]);
    }
    if (e->has[IDLE] && e->values[IDLE] > 0) {
        errors->idle_count++;
        errors->idle += percent(idle.mean, e->values[IDLE]);
    }
    return true;
}

static void bound(struct validate *v, const char *what, double got,
                  double at_most)
{
    struct validate_row row = {
        .group = "experiments",
        .source = "the model against all experiments of the file",
        .expected = at_most,
        .got = got,
        .at_most = true,
    };
    snprintf(row.name, sizeof(row.name), "mean absolute error of %s, percent",
             what);
    validate_add(v, &row);
}

static void sum_up(struct validate *v, const struct errors *e)
{
    bound(v, "the share of cold starts", e->cold / e->count, 13.5);
    bound(v, "environments", e->instances / e->count, 4);
    struct validate_row row = {.group = "experiments",
                               .source = "for comparison",
                               .verdict = VALIDATE_SHOWN};
    if (e->running_count) {
        snprintf(row.name, sizeof(row.name),
                 "mean absolute error of running, percent");
        row.got = e->running / e->running_count;
        validate_add(v, &row);
    }
    if (e->idle_count) {
        snprintf(row.name, sizeof(row.name),
                 "mean absolute error of idle, percent");
        row.got = e->idle / e->idle_count;
        validate_add(v, &row);
    }
    if (e->judged) {
        snprintf(row.name, sizeof(row.name),
                 "experiments within 1.96 of their standard errors, percent");
        row.got = 100.0 * e->within / e->judged;
        validate_add(v, &row);
    }
}

static bool experiments(struct validate *v)
{
    static struct reader r;
    struct errors errors = {0};
    struct experiment e;
    size_t size;
    r = (struct reader){.v = v, .file = v->experiments};
    if (!r.file)
        r.file = "data/lambda-experiments.csv";
    r.next = v->files->bytes(v->files->self, r.file, &size);
    if (!r.next) {
        v->error.code = JSON_EREAD;
        snprintf(v->error.text, sizeof(v->error.text), "%s: cannot be read",
                 r.file);
        return false;
    }
    /* The profile's files replace the bytes that were read last. */
    char *copy = malloc(size + 1);
    if (!copy) {
        v->failed = true;
        return false;
    }
    memcpy(copy, r.next, size);
    r.next = copy;
    r.end = copy + size;
    bool done = read_header(&r);
    while (done && next_line(&r)) {
        if (errors.count == EXPERIMENTS_MAX)
            done =
                fail(&r, 0, "found more than %d experiments", EXPERIMENTS_MAX);
        done = done && read_experiment(&r, &e) && foretell(v, &e, &errors);
    }
    free(copy);
    if (v->error.code || v->failed || !done)
        return false;
    if (errors.count == 0)
        return fail(&r, 0, "found no experiment below the header");
    sum_up(v, &errors);
    return true;
}

const struct validate_group validate_experiments = {
    "experiments", "experiments on real AWS Lambda are foretold", experiments};
