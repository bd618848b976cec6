#include "scenarios/report_read_parts.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Histograms --------------------------------------------------------------- */

enum {
    PRECISION_1 = 1 << 5,
    PRECISION_2 = 1 << 7,
    PRECISION_3 = 1 << 10
};

/* Digits of the precision that histograms of so many have. */
static unsigned precision_of(unsigned digits)
{
    return digits == 1 ? PRECISION_1 : digits == 2 ? PRECISION_2 : PRECISION_3;
}

/* Adds a digit to a number of 128 bits; false: it has no room. */
static bool add_digit(struct report_hist *hist, unsigned digit)
{
    uint64_t parts[4] = {hist->sum_lo & UINT32_MAX, hist->sum_lo >> 32,
                         hist->sum_hi & UINT32_MAX, hist->sum_hi >> 32};
    uint64_t carry = digit;
    for (int i = 0; i < 4; i++) {
        carry += parts[i] * 10;
        parts[i] = carry & UINT32_MAX;
        carry >>= 32;
    }
    hist->sum_lo = parts[0] | parts[1] << 32;
    hist->sum_hi = parts[2] | parts[3] << 32;
    return carry == 0;
}

static void read_sum(struct reading *reading, struct json_view object,
                     struct report_hist *hist)
{
    struct json_view view;
    const char *text = "";
    hist->sum_lo = hist->sum_hi = 0;
    if (!json_get(object, "sum_ns", JSON_REQUIRED, &view, reading->err))
        return;
    if (!json_is_string(view)) {
        reading_as_number(reading, view, JSON_INT_MAX, &hist->sum_lo);
        return;
    }
    if (!json_as_string(view, 1, 39, &text, reading->err))
        return;
    for (; *text; text++)
        if (*text < '0' || *text > '9' ||
            !add_digit(hist, (unsigned)(*text - '0')))
            json_fail(view, reading->err,
                      "found text that is no number below 2^128, allowed one");
}

/* The next of both columns, whose values stand for one bucket. */
static void read_bucket(struct reading *reading, struct json_view from,
                        struct json_view count, struct report_hist *hist)
{
    uint64_t edge = 0;
    uint64_t values = 0;
    if (!reading_as_number(reading, from, REPORT_READ_MAX, &edge) ||
        !reading_as_number(reading, count, REPORT_READ_MAX, &values))
        return;
    uint32_t index = report_hist_index(hist->bits, edge);
    if (report_hist_edge(hist->bits, index) != edge)
        json_fail(from, reading->err,
                  "found a value at which no bucket of this precision starts");
    else if (hist->count > 0 && index <= hist->size)
        json_fail(from, reading->err,
                  "found buckets that do not rise, allowed each once in order");
    else if (values == 0 || values > REPORT_READ_MAX - hist->count)
        json_fail(count, reading->err,
                  "found a count that no bucket has, allowed 1 and more");
    if (reading->err->code != 0)
        return;
    hist->counts[index] = values;
    hist->count += values;
    hist->size = index; /* the last one so far */
}

/* Whether the figures beside the buckets can be theirs. */
static bool is_sound(const struct report_hist *hist, uint64_t count,
                     uint32_t first, uint32_t last)
{
    return hist->count == count && hist->min <= hist->max &&
           report_hist_index(hist->bits, hist->min) == first &&
           report_hist_index(hist->bits, hist->max) == last &&
           hist->sum_hi < count && report_hist_mean(hist) >= hist->min &&
           report_hist_mean(hist) <= hist->max;
}

static void read_buckets(struct reading *reading, struct json_view buckets,
                         struct report_hist *hist, uint64_t count)
{
    struct json_view edges;
    struct json_view counts;
    uint32_t size = hist->size;
    size_t rows = reading_list(reading, buckets, "from_ns", size, &edges);
    if (reading_list(reading, buckets, "counts", size, &counts) != rows)
        json_fail(buckets, reading->err,
                  "found \"counts\" and \"from_ns\" of unlike lengths");
    if (reading->err->code != 0)
        return;
    struct json_view edge = json_first(edges);
    struct json_view values = json_first(counts);
    uint32_t first = 0;
    for (size_t i = 0; i < rows && reading->err->code == 0; i++) {
        read_bucket(reading, edge, values, hist);
        first = i == 0 ? hist->size : first;
        edge = json_next(edge);
        values = json_next(values);
    }
    uint32_t last = hist->size;
    hist->size = size;
    read_sum(reading, buckets, hist);
    if (reading->err->code == 0 && !is_sound(hist, count, first, last))
        json_fail(buckets, reading->err,
                  "found buckets that do not fit count, min_ns, max_ns and "
                  "sum_ns");
}

static void open_hist(struct reading *reading, struct json_view view,
                      unsigned digits, struct report_hist *hist)
{
    if (reading->err->code != 0 || hist->counts ||
        report_hist_init(hist, digits) == 0)
        return;
    json_fail(view, reading->err, "found more than memory has room for");
    reading->err->code = JSON_ENOMEM;
}

/* Whose precision must be that of so many digits, if it is not empty. */
static void read_hist(struct reading *reading, struct json_view object,
                      const char *key, unsigned digits,
                      struct report_hist *hist)
{
    struct json_view view = {0};
    struct json_view buckets = {0};
    uint64_t count = 0;
    uint64_t precision = 0;
    json_get_object(object, key, JSON_REQUIRED, &view, reading->err);
    reading_number(reading, view, "count", REPORT_READ_MAX, &count);
    if (count == 0 || !json_get_object(view, "buckets", JSON_REQUIRED, &buckets,
                                       reading->err))
        return;
    reading_number(reading, buckets, "precision", UINT32_MAX, &precision);
    if (reading->err->code == 0 && precision != precision_of(digits))
        json_fail(buckets, reading->err, "found precision %ju, allowed %u",
                  (uintmax_t)precision, precision_of(digits));
    open_hist(reading, view, digits, hist);
    reading_number(reading, view, "min_ns", REPORT_READ_MAX, &hist->min);
    reading_number(reading, view, "max_ns", REPORT_READ_MAX, &hist->max);
    if (reading->err->code == 0)
        read_buckets(reading, buckets, hist, count);
}

/* Those that are there were measured, also if no run ended. */
static void read_split(struct reading *reading, struct json_view latency,
                       struct report_split *split)
{
    struct json_view view = {0};
    json_get_object(latency, "split", JSON_REQUIRED, &view, reading->err);
    for (unsigned i = 0; i < REPORT_PARTS && reading->err->code == 0; i++) {
        const char *key = report_part_key(i);
        if (!json_member(view, key).item)
            continue;
        open_hist(reading, view, 2, &split->parts[i]);
        read_hist(reading, view, key, 2, &split->parts[i]);
    }
}

/* Steps -------------------------------------------------------------------- */

static void read_step(struct reading *reading, struct json_view view,
                      struct report_step *step, int *effects)
{
    static const struct reading_number numbers[] = {
        {"attempts", offsetof(struct report_step, attempts)},
        {"cut", offsetof(struct report_step, cut)},
        {"failures", offsetof(struct report_step, failures)},
        {"retries", offsetof(struct report_step, retries)},
    };
    reading_text(reading, view, "step", &step->name);
    reading_text_or_null(reading, view, "workflow", &step->workflow);
    reading_numbers(reading, view, numbers, COUNT_OF(numbers), step);
    reading_truth(reading, view, "effects", effects);
    read_hist(reading, view, "code", 1, &step->code);
    read_hist(reading, view, "dispatch", 1, &step->dispatch);
    read_hist(reading, view, "total", 1, &step->total);
}

/* The row of "effects" that a step has, the next one in order. */
static struct json_view read_effects(struct reading *reading,
                                     struct json_view step_view,
                                     struct json_view row, bool golden,
                                     struct report_step *step)
{
    static const struct reading_number numbers[] = {
        {"applied", offsetof(struct report_step, applied)},
        {"duplicates", offsetof(struct report_step, duplicates)},
        {"lost", offsetof(struct report_step, lost)},
        {"repeats_recognised", offsetof(struct report_step, repeats)},
        {"sent", offsetof(struct report_step, effects_sent)},
        {"succeeded", offsetof(struct report_step, succeeded)},
    };
    static const struct reading_number expected[] = {
        {"expected_max", offsetof(struct report_step, expected_max)},
        {"expected_min", offsetof(struct report_step, expected_min)},
    };
    const char *name;
    if (!row.item) {
        json_fail(step_view, reading->err,
                  "found a step with effects and none left in \"effects\"");
        return row;
    }
    reading_text(reading, row, "step", &name);
    reading_numbers(reading, row, numbers, COUNT_OF(numbers), step);
    reading_truth(reading, row, "declared", &step->has_effect);
    if (golden)
        reading_numbers(reading, row, expected, COUNT_OF(expected), step);
    if (reading->err->code == 0 && (strcmp(name, step->name) != 0 ||
                                    (!step->has_effect && step->applied == 0)))
        json_fail(row, reading->err,
                  "found effects that the next step with any has not");
    return json_next(row);
}

static void read_steps(struct reading *reading, struct json_view top,
                       struct json_view latency, struct report_stats *stats)
{
    struct json_view list;
    struct json_view effects;
    size_t count;
    reading_list(reading, top, "effects", REPORT_STEPS_MAX, &effects);
    stats->steps = reading_rows(reading, latency, "steps", REPORT_STEPS_MAX,
                                sizeof(*stats->steps), &list, &count);
    stats->step_count = (uint32_t)count;
    reading_number_32(reading, latency, "steps_left_out", UINT32_MAX,
                      &stats->steps_left_out);
    struct json_view row = json_first(effects);
    uint32_t i = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        int shown = 0;
        read_step(reading, v, &stats->steps[i], &shown);
        if (shown && reading->err->code == 0)
            row = read_effects(reading, v, row, stats->golden_schedules > 0,
                               &stats->steps[i]);
        i++;
    }
    if (row.item)
        json_fail(row, reading->err, "found effects of no step");
}

/* Faults and what was broken ----------------------------------------------- */

static const char *came_name(unsigned came)
{
    return report_came_name((enum report_came)came);
}

static void read_came(struct reading *reading, struct json_view view,
                      struct report_strikes *strikes)
{
    struct report_came_count *came = &strikes->came[reading_choice(
        reading, view, "to", came_name, REPORT_CAMES)];
    reading_number(reading, view, "firings", REPORT_READ_MAX, &came->firings);
    reading_number(reading, view, "run", UINT64_MAX, &came->run);
    reading_number(reading, view, "time_ns", REPORT_READ_MAX, &came->time_ns);
}

static void read_strikes(struct reading *reading, struct json_view view,
                         struct report_strikes *strikes)
{
    static const struct reading_number numbers[] = {
        {"duplicates", offsetof(struct report_strikes, duplicates)},
        {"lost", offsetof(struct report_strikes, lost)},
        {"not_followed", offsetof(struct report_strikes, not_followed)},
        {"repeats", offsetof(struct report_strikes, repeats)},
        {"replays", offsetof(struct report_strikes, replays)},
        {"retries", offsetof(struct report_strikes, retries)},
        {"runs_in_flight_max", offsetof(struct report_strikes, in_flight_max)},
        {"takeovers", offsetof(struct report_strikes, takeovers)},
        {"unfinished", offsetof(struct report_strikes, unfinished)},
    };
    struct json_view followed = {0};
    struct json_view list;
    json_get_object(view, "followed", JSON_REQUIRED, &followed, reading->err);
    reading_numbers(reading, followed, numbers, COUNT_OF(numbers), strikes);
    reading_list(reading, view, "came", REPORT_CAMES, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_came(reading, v, strikes);
}

static void read_fault(struct reading *reading, struct json_view view,
                       struct report_fault *fault)
{
    static const struct reading_number numbers[] = {
        {"effective", offsetof(struct report_fault, effective)},
        {"fired", offsetof(struct report_fault, fired)},
        {"first_ns", offsetof(struct report_fault, first_ns)},
        {"in_flight", offsetof(struct report_fault, in_flight)},
        {"last_ns", offsetof(struct report_fault, last_ns)},
    };
    reading_text(reading, view, "point", &fault->name);
    reading_number_32(reading, view, "armed", UINT32_MAX, &fault->armed);
    reading_numbers(reading, view, numbers, COUNT_OF(numbers), fault);
    reading_truth(reading, view, "optional", &fault->optional);
    read_strikes(reading, view, &fault->strikes);
}

static void read_faults(struct reading *reading, struct json_view top,
                        struct report_stats *stats)
{
    enum {
        FAULTS_MAX = 65536
    };
    struct json_view list;
    size_t count;
    stats->faults = reading_rows(reading, top, "faults", FAULTS_MAX,
                                 sizeof(*stats->faults), &list, &count);
    stats->fault_count = (uint32_t)count;
    uint32_t i = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        stats->faults[i].point = i;
        read_fault(reading, v, &stats->faults[i++]);
    }
}

static const char *band_name(unsigned kind)
{
    return report_band_name((enum report_band_kind)kind);
}

/* The place of a point among the faults; UINT32_MAX: it is none of them. */
static uint32_t place_of(const struct report_stats *stats, const char *point)
{
    for (uint32_t i = 0; point && i < stats->fault_count; i++)
        if (strcmp(stats->faults[i].name, point) == 0)
            return i;
    return UINT32_MAX;
}

static void read_band(struct reading *reading, struct json_view view,
                      const struct report_stats *stats,
                      struct report_band *band)
{
    const char *point;
    reading_text_or_null(reading, view, "point", &point);
    if (reading->err->code == 0)
        band->point = place_of(stats, point);
    band->kind = (enum report_band_kind)reading_choice(
        reading, view, "kind", band_name, REPORT_BAND_KINDS);
    reading_number_32(reading, view, "node", UINT32_MAX, &band->node);
    reading_number(reading, view, "from_ns", REPORT_READ_MAX, &band->from_ns);
    reading_number(reading, view, "to_ns", REPORT_READ_MAX, &band->to_ns);
    if (reading->err->code == 0 && band->from_ns > band->to_ns)
        json_fail(view, reading->err, "found from_ns behind to_ns");
}

static void read_bands(struct reading *reading, struct json_view top,
                       struct report_stats *stats)
{
    struct json_view list;
    size_t count;
    stats->bands = reading_rows(reading, top, "bands", REPORT_BANDS_MAX,
                                sizeof(*stats->bands), &list, &count);
    stats->band_count = (uint32_t)count;
    uint32_t i = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_band(reading, v, stats, &stats->bands[i++]);
}

/* Series ------------------------------------------------------------------- */

/* One column: a value for each slice, as many as there are in the first. */
static void read_column(struct reading *reading, struct json_view series,
                        const char *key, size_t offset,
                        struct report_stats *stats)
{
    struct json_view list;
    size_t count =
        reading_list(reading, series, key, REPORT_BUCKETS_MAX, &list);
    if (reading->err->code != 0)
        return;
    if (count != stats->bucket_count) {
        json_fail(list, reading->err,
                  "found a column of %zu values beside others of %u", count,
                  stats->bucket_count);
        return;
    }
    uint32_t i = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        uint64_t value = 0;
        reading_as_number(reading, v, REPORT_READ_MAX, &value);
        memcpy((char *)&stats->buckets[i++] + offset, &value, sizeof(value));
    }
}

static void read_split_columns(struct reading *reading, struct json_view series,
                               struct report_stats *stats)
{
    struct json_view split = {0};
    char key[40];
    json_get_object(series, "split", JSON_REQUIRED, &split, reading->err);
    for (unsigned i = 0; i < REPORT_PARTS; i++) {
        snprintf(key, sizeof(key), "%s_ns", report_part_key(i));
        read_column(reading, split, key,
                    offsetof(struct report_bucket, split_ns) +
                        i * sizeof(uint64_t),
                    stats);
    }
}

static void read_series(struct reading *reading, struct json_view top,
                        struct report_stats *stats)
{
    static const struct reading_number columns[] = {
        {"backlog", offsetof(struct report_bucket, backlog)},
        {"faults", offsetof(struct report_bucket, faults)},
        {"finished", offsetof(struct report_bucket, finished)},
        {"in_flight", offsetof(struct report_bucket, in_flight)},
        {"latency_count", offsetof(struct report_bucket, latency_count)},
        {"max_ns", offsetof(struct report_bucket, max_ns)},
        {"p50_ns", offsetof(struct report_bucket, p50_ns)},
        {"p90_ns", offsetof(struct report_bucket, p90_ns)},
        {"p99_ns", offsetof(struct report_bucket, p99_ns)},
        {"started", offsetof(struct report_bucket, started)},
    };
    struct json_view series = {0};
    struct json_view list;
    uint64_t virtual_ns = 0;
    json_get_object(top, "series", JSON_REQUIRED, &series, reading->err);
    reading_number(reading, series, "bucket_ns", REPORT_READ_MAX,
                   &stats->bucket_ns);
    reading_number(reading, series, "origin_ns", REPORT_READ_MAX,
                   &stats->first_ns);
    reading_number(reading, top, "virtual_ns", REPORT_READ_MAX, &virtual_ns);
    stats->last_ns = stats->first_ns + virtual_ns;
    stats->bucket_count = (uint32_t)reading_list(reading, series, "started",
                                                 REPORT_BUCKETS_MAX, &list);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        read_column(reading, series, columns[i].key, columns[i].offset, stats);
    read_split_columns(reading, series, stats);
}

/* Platforms and the rest --------------------------------------------------- */

static void read_platform(struct reading *reading, struct json_view view,
                          struct report_platform *platform)
{
    static const struct reading_number numbers[] = {
        {"cold", offsetof(struct report_platform, cold)},
        {"environments", offsetof(struct report_platform, environments)},
        {"environments_max",
         offsetof(struct report_platform, environments_max)},
        {"in_flight_max", offsetof(struct report_platform, in_flight_max)},
        {"killed", offsetof(struct report_platform, killed)},
        {"limit", offsetof(struct report_platform, limit)},
        {"throttled", offsetof(struct report_platform, throttled)},
        {"warm", offsetof(struct report_platform, warm)},
    };
    static const struct reading_number notice[] = {
        {"notice_min_ns", offsetof(struct report_platform, notice_ns)},
        {"warned", offsetof(struct report_platform, warned)},
    };
    reading_numbers(reading, view, numbers, COUNT_OF(numbers), platform);
    if (json_member(view, "warned").item)
        reading_numbers(reading, view, notice, COUNT_OF(notice), platform);
    read_hist(reading, view, "start_up", 2, &platform->start_up);
}

static void read_platforms(struct reading *reading, struct json_view top,
                           struct report_stats *stats)
{
    struct json_view view = {0};
    struct json_view list = {0};
    if (json_get_object(top, "platform", JSON_REQUIRED, &view, reading->err))
        read_platform(reading, view, &stats->platform);
    if (!json_member(top, "platforms").item)
        return;
    stats->platform_count = (uint32_t)reading_list(reading, top, "platforms",
                                                   REPORT_PLATFORMS_MAX, &list);
    uint32_t i = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "name", &stats->platforms[i].name);
        read_platform(reading, v, &stats->platforms[i++]);
    }
}

static void read_runs(struct reading *reading, struct json_view top,
                      struct report_runs *runs)
{
    static const struct reading_number numbers[] = {
        {"blocked", offsetof(struct report_runs, blocked)},
        {"cancelled", offsetof(struct report_runs, cancelled)},
        {"failed", offsetof(struct report_runs, failed)},
        {"invoked", offsetof(struct report_runs, invoked)},
        {"paused", offsetof(struct report_runs, paused)},
        {"started", offsetof(struct report_runs, started)},
        {"stopped", offsetof(struct report_runs, stopped)},
        {"stuck", offsetof(struct report_runs, stuck)},
        {"succeeded", offsetof(struct report_runs, succeeded)},
        {"timed_out", offsetof(struct report_runs, timed_out)},
        {"waiting", offsetof(struct report_runs, waiting)},
    };
    struct json_view view = {0};
    json_get_object(top, "runs", JSON_REQUIRED, &view, reading->err);
    reading_numbers(reading, view, numbers, COUNT_OF(numbers), runs);
}

static void read_store(struct reading *reading, struct json_view top,
                       struct report_store *store)
{
    static const struct reading_number numbers[] = {
        {"commits_in_doubt", offsetof(struct report_store, unknown)},
        {"conflicts", offsetof(struct report_store, conflicts)},
        {"fenced", offsetof(struct report_store, fenced)},
        {"opened", offsetof(struct report_store, opened)},
        {"refused_damaged", offsetof(struct report_store, refused)},
        {"taint_believed", offsetof(struct report_store, taint_believed)},
        {"takeovers", offsetof(struct report_store, takeovers)},
    };
    struct json_view view = {0};
    json_get_object(top, "store", JSON_REQUIRED, &view, reading->err);
    reading_numbers(reading, view, numbers, COUNT_OF(numbers), store);
    reading_number(reading, top, "process_bytes_max", REPORT_READ_MAX,
                   &store->process_bytes_max);
}

/* By name, as a later version may know of more. */
static void read_used(struct reading *reading, struct json_view view,
                      struct report_stats *stats)
{
    struct json_view allowed = {0};
    const char *name;
    reading_text(reading, view, "limit", &name);
    for (unsigned i = 0; i < REPORT_LIMITS; i++) {
        struct report_used *used = &stats->used[i];
        if (strcmp(name, report_limit_name(i)) != 0 ||
            !json_get(view, "allowed", JSON_REQUIRED, &allowed, reading->err))
            continue;
        if (!cJSON_IsNull(allowed.item))
            reading_as_number(reading, allowed, REPORT_READ_MAX,
                              &used->allowed);
        reading_number(reading, view, "run", UINT64_MAX, &used->run);
        reading_number(reading, view, "used", REPORT_READ_MAX, &used->used);
    }
}

static void read_limits(struct reading *reading, struct json_view top,
                        struct report_stats *stats)
{
    enum {
        LIMITS_MAX = 100
    };
    struct json_view list;
    reading_list(reading, top, "limits_used", LIMITS_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_used(reading, v, stats);
}

/* null: the backlog never drained. */
static void read_drain(struct reading *reading, struct json_view top,
                       struct report_stats *stats)
{
    struct json_view view = {0};
    if (!json_get(top, "drain_ns", JSON_REQUIRED, &view, reading->err))
        return;
    stats->drain_ns = UINT64_MAX;
    if (!cJSON_IsNull(view.item))
        reading_as_number(reading, view, REPORT_READ_MAX, &stats->drain_ns);
}

void report_read_stats(struct reading *reading, struct json_view top,
                       struct report_stats *stats)
{
    static const struct reading_number numbers[] = {
        {"bands_left_out", offsetof(struct report_stats, bands_left_out)},
        {"commits", offsetof(struct report_stats, commits)},
        {"crashes", offsetof(struct report_stats, crashes)},
        {"events", offsetof(struct report_stats, events)},
        {"faults_fired", offsetof(struct report_stats, faults_fired)},
        {"faults_in_flight", offsetof(struct report_stats, faults_in_flight)},
    };
    struct json_view latency = {0};
    reading_numbers(reading, top, numbers, COUNT_OF(numbers), stats);
    read_drain(reading, top, stats);
    read_runs(reading, top, &stats->runs);
    read_store(reading, top, &stats->store);
    read_series(reading, top, stats);
    read_faults(reading, top, stats);
    read_bands(reading, top, stats);
    read_platforms(reading, top, stats);
    read_limits(reading, top, stats);
    json_get_object(top, "latency", JSON_REQUIRED, &latency, reading->err);
    read_hist(reading, latency, "run", 3, &stats->latency);
    read_split(reading, latency, &stats->split);
    reading_number_32(reading, top, "golden_schedules", UINT32_MAX,
                      &stats->golden_schedules);
    read_steps(reading, top, latency, stats);
}
