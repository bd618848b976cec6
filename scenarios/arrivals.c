#include "scenarios/arrivals.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DAY_NS (UINT64_C(86400) * 1000000000)
#define DAY_US (DAY_NS / 1000)
#define MILLION UINT64_C(1000000)
#define ROWS_MAX 1000000
#define BURST_MAX 1000000
#define LIST_MAX 10000

/* A rate is refused above one arrival in so many nanoseconds, or days. */
#define GAP_MIN_NS 100
#define GAP_MAX_NS (3650 * DAY_NS)

static const char *const known[] = {"azure-llm-code", "azure-llm-conv"};

const char *const *arrivals_traces(size_t *count)
{
    *count = COUNT(known);
    return known;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    return b != 0 && a > ARRIVALS_MAX_NS / b ? ARRIVALS_MAX_NS : a * b;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > ARRIVALS_MAX_NS - b ? ARRIVALS_MAX_NS : a + b;
}

static bool add_row(struct arrivals *arrivals, struct table *table,
                    uint64_t *room)
{
    uint64_t gap_us, before_ns = 0;
    if (!table_number(table, 0, 0, 0, DAY_US, &gap_us)) {
        return false;
    }
    if (arrivals->count == 0 && gap_us != 0) {
        return table_fail(table, 0, "found a first gap of %s, allowed 0",
                          table->fields[0]);
    }
    if (arrivals->count == ROWS_MAX) {
        return table_fail(table, 0, "found more than %d arrivals", ROWS_MAX);
    }
    if (arrivals->count == *room) {
        uint64_t more = *room == 0 ? 1024 : 2 * *room;
        uint64_t *grown = realloc(arrivals->offsets_ns, more * sizeof *grown);
        if (grown == NULL) {
            return table_fail(table, 0, "memory ran out");
        }
        arrivals->offsets_ns = grown;
        *room = more;
    }
    if (arrivals->count > 0) {
        before_ns = arrivals->offsets_ns[arrivals->count - 1];
    }
    arrivals->offsets_ns[arrivals->count++] = plus(before_ns, gap_us * 1000);
    return true;
}

static bool read_rows(struct arrivals *arrivals, const char *name,
                      const char *text, size_t size, struct json_error *err)
{
    struct table table;
    uint64_t room = 0;
    if (!table_open(&table, name, text, size, "gap_us", err)) {
        return false;
    }
    while (table_next(&table)) {
        if (!add_row(arrivals, &table, &room)) {
            return false;
        }
    }
    return err->code == 0;
}

/* A wrong pace is told from a wrong name by its place. */
static bool read_speed(struct json_view view, struct arrivals *arrivals,
                       struct json_error *err)
{
    double speed = 1;
    json_get_double(view, "speed", JSON_OPTIONAL, 0.001, 1000000, &speed, err);
    arrivals->speed_ppm = (uint64_t)(speed * (double)MILLION + 0.5);
    return err->code == 0;
}

static bool is_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static bool read_trace(struct json_view view, const struct data_files *files,
                       struct arrivals *arrivals, struct json_error *err)
{
    static const char *const keys[] = {"trace", "speed"};
    const char *name, *text = NULL;
    char file[96];
    size_t size;
    arrivals->kind = ARRIVALS_TRACE;
    if (!json_check_keys(view, keys, COUNT(keys), err) ||
        !read_speed(view, arrivals, err) ||
        !json_get_string(view, "trace", JSON_REQUIRED, 1,
                         sizeof arrivals->trace - 1, &name, err)) {
        return false;
    }
    snprintf(arrivals->trace, sizeof arrivals->trace, "%s", name);
    snprintf(file, sizeof file, "data/%s.csv", arrivals->trace);
    if (is_name(name)) {
        text = files->bytes(files->self, file, &size);
    }
    struct json_view at = json_member(view, "trace");
    if (text == NULL) {
        return json_fail_choice(at, err, "trace", name, known, COUNT(known));
    }
    if (!read_rows(arrivals, file, text, size, err)) {
        return false;
    }
    if (arrivals->count < 2 || arrivals->offsets_ns[arrivals->count - 1] == 0) {
        return json_fail(at, err,
                         "found a trace without a gap, allowed at "
                         "least two arrivals at different times");
    }
    return true;
}

static bool read_rate(struct json_view view, struct arrivals *arrivals,
                      struct json_error *err)
{
    static const char *const keys[] = {"rate"};
    struct quantity_rate rate;
    if (!json_check_keys(view, keys, COUNT(keys), err) ||
        !json_get_rate(view, "rate", JSON_REQUIRED, &rate, err)) {
        return false;
    }
    uint64_t gap_ns =
        rate.count == 0 ? 0
                        : rate.per_ns / rate.count +
                              (rate.per_ns % rate.count >= rate.count / 2 + 1);
    if (gap_ns < GAP_MIN_NS || gap_ns > GAP_MAX_NS) {
        return json_fail(json_member(view, "rate"), err,
                         "found a rate that is out of range, allowed 1/3650d "
                         "to 10000000/s");
    }
    arrivals->kind = ARRIVALS_POISSON;
    return sim_dist_exponential(&arrivals->gap, gap_ns) == 0;
}

static bool read_even(struct json_view view, struct arrivals *arrivals,
                      struct json_error *err)
{
    static const char *const keys[] = {"burst", "every"};
    int64_t burst = 1;
    arrivals->kind = ARRIVALS_EVEN;
    json_check_keys(view, keys, COUNT(keys), err);
    json_get_int(view, "burst", JSON_OPTIONAL, 1, BURST_MAX, &burst, err);
    json_get_duration(view, "every", JSON_REQUIRED, 1, GAP_MAX_NS,
                      &arrivals->every_ns, err);
    arrivals->burst = (uint64_t)burst;
    return err->code == 0;
}

static bool read_list(struct json_view view, struct arrivals *arrivals,
                      struct json_error *err)
{
    static const char *const keys[] = {"at"};
    struct json_view list;
    uint64_t before_ns = 0;
    arrivals->kind = ARRIVALS_LIST;
    if (!json_check_keys(view, keys, COUNT(keys), err) ||
        !json_get_array(view, "at", JSON_REQUIRED, 1, LIST_MAX, &list, err)) {
        return false;
    }
    arrivals->offsets_ns = calloc(json_count(list), sizeof(uint64_t));
    if (arrivals->offsets_ns == NULL) {
        return json_fail(list, err, "memory ran out");
    }
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        uint64_t ns = 0;
        if (!json_as_quantity(v, QUANTITY_DURATION, 0, GAP_MAX_NS, &ns, err)) {
            return false;
        }
        if (ns < before_ns) {
            return json_fail(v, err,
                             "found a time before the one in front of it, "
                             "allowed times in order");
        }
        arrivals->offsets_ns[arrivals->count++] = before_ns = ns;
    }
    return true;
}

static bool read_form(struct json_view view, const struct data_files *files,
                      struct arrivals *arrivals, struct json_error *err)
{
    static const char *const keys[] = {"trace", "speed", "rate",
                                       "every", "burst", "at"};
    if (!json_check_keys(view, keys, COUNT(keys), err)) {
        return false;
    }
    if (json_member(view, "trace").item != NULL) {
        return read_trace(view, files, arrivals, err);
    }
    if (json_member(view, "rate").item != NULL) {
        return read_rate(view, arrivals, err);
    }
    if (json_member(view, "every").item != NULL) {
        return read_even(view, arrivals, err);
    }
    if (json_member(view, "at").item != NULL) {
        return read_list(view, arrivals, err);
    }
    return json_fail(view, err,
                     "found no arrivals, allowed one of \"trace\", "
                     "\"rate\", \"every\" and \"at\"");
}

bool arrivals_read(struct json_view view, const struct data_files *files,
                   struct arrivals *arrivals, struct json_error *err)
{
    *arrivals = (struct arrivals){.kind = ARRIVALS_EVEN, .speed_ppm = MILLION};
    if (err->code != 0 || !read_form(view, files, arrivals, err)) {
        arrivals_deinit(arrivals);
        return false;
    }
    arrivals_seed(arrivals, 0);
    return true;
}

void arrivals_deinit(struct arrivals *arrivals)
{
    free(arrivals->offsets_ns);
    arrivals->offsets_ns = NULL;
    arrivals->count = 0;
}

static void rewind_walk(struct arrivals *arrivals)
{
    arrivals->last_index = 0;
    arrivals->last_ns = 0;
    if (arrivals->kind == ARRIVALS_POISSON) {
        arrivals->last_ns = sim_dist_draw(&arrivals->gap, &arrivals->stream, 0);
    }
}

void arrivals_seed(struct arrivals *arrivals, uint64_t seed)
{
    engine_stream_init(&arrivals->stream, seed, "arrivals", 0);
    rewind_walk(arrivals);
}

static uint64_t poisson_time(struct arrivals *arrivals, uint64_t index)
{
    if (index < arrivals->last_index) {
        rewind_walk(arrivals);
    }
    while (arrivals->last_index < index) {
        arrivals->last_index++;
        arrivals->last_ns = plus(
            arrivals->last_ns, sim_dist_draw(&arrivals->gap, &arrivals->stream,
                                             arrivals->last_index));
    }
    return arrivals->last_ns;
}

static uint64_t trace_time(const struct arrivals *arrivals, uint64_t index)
{
    uint64_t end_ns = arrivals->offsets_ns[arrivals->count - 1];
    uint64_t lap_ns = plus(end_ns, end_ns / (arrivals->count - 1));
    uint64_t ns = plus(times(index / arrivals->count, lap_ns),
                       arrivals->offsets_ns[index % arrivals->count]);
    uint64_t whole = times(ns / arrivals->speed_ppm, MILLION);
    return plus(whole,
                ns % arrivals->speed_ppm * MILLION / arrivals->speed_ppm);
}

uint64_t arrivals_time(struct arrivals *arrivals, uint64_t index)
{
    switch (arrivals->kind) {
    case ARRIVALS_EVEN:
        return times(index / arrivals->burst, arrivals->every_ns);
    case ARRIVALS_POISSON:
        return poisson_time(arrivals, index);
    case ARRIVALS_TRACE:
        return trace_time(arrivals, index);
    case ARRIVALS_LIST:
        return arrivals
            ->offsets_ns[index < arrivals->count ? index : arrivals->count - 1];
    }
    assert(false);
    return 0;
}
