#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/content.h"
#include "reports/format.h"
#include "reports/report.h"

enum {
    DEPTH_MAX = 8
};

/* Above this, a reader that keeps numbers as doubles may change them. */
#define EXACT_MAX (((uint64_t)1 << 53) - 1)

/* Writes JSON in which the keys of every object are in order: it insists. */
struct writer {
    struct report_buffer *out;
    unsigned depth;
    unsigned flat;      /* from this depth on all is one line; 0: nothing is */
    int any[DEPTH_MAX]; /* a member was written at this depth */
    const char *last[DEPTH_MAX];
};

static void line(struct writer *writer)
{
    report_buffer_put(writer->out, "\n");
    for (unsigned i = 0; i < writer->depth; i++)
        report_buffer_put(writer->out, "  ");
}

/* Begins a member; key is NULL in arrays. */
static void member(struct writer *writer, const char *key)
{
    unsigned depth = writer->depth;
    if (writer->any[depth])
        report_buffer_put(writer->out, writer->flat ? ", " : ",");
    if (depth && !writer->flat)
        line(writer);
    if (key) {
        assert(!writer->last[depth] || strcmp(writer->last[depth], key) < 0);
        writer->last[depth] = key;
        report_buffer_json(writer->out, key, strlen(key));
        report_buffer_put(writer->out, ": ");
    }
    writer->any[depth] = 1;
}

static void begin(struct writer *writer, const char *key, const char *bracket)
{
    member(writer, key);
    report_buffer_put(writer->out, bracket);
    writer->depth++;
    assert(writer->depth < DEPTH_MAX);
    writer->any[writer->depth] = 0;
    writer->last[writer->depth] = NULL;
}

/* The same, with all that is in it on one line: for rows of long lists. */
static void begin_flat(struct writer *writer, const char *key,
                       const char *bracket)
{
    begin(writer, key, bracket);
    if (!writer->flat)
        writer->flat = writer->depth;
}

static void end(struct writer *writer, const char *bracket)
{
    int any = writer->any[writer->depth];
    if (any && !writer->flat) {
        writer->depth--;
        line(writer);
        writer->depth++;
    }
    if (writer->flat == writer->depth)
        writer->flat = 0;
    writer->depth--;
    report_buffer_put(writer->out, bracket);
}

static void put_number(struct writer *writer, uint64_t value)
{
    const char *quote = value > EXACT_MAX ? "\"" : "";
    report_buffer_print(writer->out, "%s%" PRIu64 "%s", quote, value, quote);
}

static void number(struct writer *writer, const char *key, uint64_t value)
{
    member(writer, key);
    put_number(writer, value);
}

/* A string, or null. */
static void text(struct writer *writer, const char *key, const char *value)
{
    member(writer, key);
    if (value)
        report_buffer_json(writer->out, value, strlen(value));
    else
        report_buffer_put(writer->out, "null");
}

static void truth(struct writer *writer, const char *key, int value)
{
    member(writer, key);
    report_buffer_put(writer->out, value ? "true" : "false");
}

static void texts(struct writer *writer, const char *key,
                  const char *const *values, size_t count)
{
    begin(writer, key, "[");
    for (size_t i = 0; i < count; i++)
        text(writer, NULL, values[i]);
    end(writer, "]");
}

/* What no double holds is text, like all numbers above EXACT_MAX. */
static void wide_number(struct writer *writer, const char *key, uint64_t high,
                        uint64_t low)
{
    static const uint64_t billion = 1000000000;
    char digits[48];
    size_t at = sizeof(digits);
    if (high == 0) {
        number(writer, key, low);
        return;
    }
    uint64_t parts[4] = {high >> 32, high & UINT32_MAX, low >> 32,
                         low & UINT32_MAX};
    while (parts[0] | parts[1] | parts[2] | parts[3]) {
        uint64_t rest = 0;
        for (int i = 0; i < 4; i++) {
            rest = rest << 32 | parts[i];
            parts[i] = rest / billion;
            rest %= billion;
        }
        for (int i = 0; i < 9; i++, rest /= 10)
            digits[--at] = (char)('0' + rest % 10);
    }
    while (digits[at] == '0')
        at++;
    member(writer, key);
    report_buffer_json(writer->out, digits + at, sizeof(digits) - at);
}

static void write_bill(struct writer *writer, const struct report_facts *facts)
{
    begin(writer, "bill", "[");
    for (size_t i = 0; i < facts->bill_count; i++) {
        begin(writer, NULL, "{");
        text(writer, "amount", facts->bill[i].amount);
        text(writer, "cost", facts->bill[i].cost);
        text(writer, "name", facts->bill[i].name);
        end(writer, "}");
    }
    end(writer, "]");
}

/* The fault that lasts; NULL: it is none, or not known. */
static const char *point_of(const struct report_stats *stats,
                            const struct report_band *band)
{
    for (uint32_t i = 0; i < stats->fault_count; i++)
        if (band->kind == REPORT_BAND_FAULT &&
            stats->faults[i].point == band->point)
            return stats->faults[i].name;
    return NULL;
}

static void write_bands(struct writer *writer, const struct report_stats *stats)
{
    begin(writer, "bands", "[");
    for (uint32_t i = 0; i < stats->band_count; i++) {
        const struct report_band *band = &stats->bands[i];
        begin_flat(writer, NULL, "{");
        number(writer, "from_ns", band->from_ns);
        text(writer, "kind", report_band_name(band->kind));
        number(writer, "node", band->node);
        text(writer, "point", point_of(stats, band));
        number(writer, "to_ns", band->to_ns);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "bands_left_out", stats->bands_left_out);
}

static void write_settings(struct writer *writer,
                           const struct report_facts *facts)
{
    begin(writer, "configuration", "[");
    for (size_t i = 0; i < facts->setting_count; i++) {
        const struct report_setting *setting = &facts->settings[i];
        begin(writer, NULL, "{");
        text(writer, "name", setting->name);
        text(writer, "source", setting->source);
        text(writer, "tag", setting->tag);
        text(writer, "unit", setting->unit);
        text(writer, "value", setting->value);
        end(writer, "}");
    }
    end(writer, "]");
}

static int shows_effects(const struct report_step *step)
{
    return step->has_effect || step->applied > 0;
}

static void write_effects(struct writer *writer,
                          const struct report_stats *stats)
{
    begin(writer, "effects", "[");
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        if (!shows_effects(step))
            continue;
        begin(writer, NULL, "{");
        number(writer, "applied", step->applied);
        truth(writer, "declared", step->has_effect);
        number(writer, "duplicates", step->duplicates);
        if (stats->golden_schedules) {
            number(writer, "expected_max", step->expected_max);
            number(writer, "expected_min", step->expected_min);
        }
        number(writer, "lost", step->lost);
        number(writer, "repeats_recognised", step->repeats);
        number(writer, "sent", step->effects_sent);
        text(writer, "step", step->name);
        number(writer, "succeeded", step->succeeded);
        text(writer, "workflow", step->workflow);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_expectations(struct writer *writer,
                               const struct report_facts *facts)
{
    begin(writer, "expectations", "[");
    for (size_t i = 0; i < facts->expectation_count; i++) {
        const struct report_expectation *expected = &facts->expectations[i];
        begin(writer, NULL, "{");
        text(writer, "actual", expected->actual);
        text(writer, "expr", expected->text);
        text(writer, "verdict", check_verdict_name(expected->verdict));
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_thresholds(struct writer *writer,
                             const struct report_facts *facts)
{
    begin(writer, "thresholds", "[");
    for (size_t i = 0; i < facts->threshold_count; i++) {
        const struct report_threshold *each = &facts->thresholds[i];
        begin(writer, NULL, "{");
        text(writer, "actual", each->actual);
        text(writer, "expr", each->expr);
        text(writer, "limit", each->limit);
        text(writer, "verdict", check_verdict_name(each->verdict));
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_sometimes(struct writer *writer,
                            const struct report_facts *facts)
{
    begin(writer, "sometimes", "[");
    for (size_t i = 0; i < facts->sometimes_count; i++) {
        const struct report_expectation *expected = &facts->sometimes[i];
        begin(writer, NULL, "{");
        text(writer, "actual", expected->actual);
        truth(writer, "came_true", expected->verdict == CHECK_PASS);
        text(writer, "expr", expected->text);
        end(writer, "}");
    }
    end(writer, "]");
}

/* What came of a fault's firings, and what followed from them in all. */
static void write_strikes(struct writer *writer,
                          const struct report_strikes *strikes)
{
    begin(writer, "came", "[");
    for (unsigned i = 0; i < REPORT_CAMES; i++) {
        const struct report_came_count *came = &strikes->came[i];
        if (came->firings == 0)
            continue;
        begin_flat(writer, NULL, "{");
        number(writer, "firings", came->firings);
        number(writer, "run", came->run);
        number(writer, "time_ns", came->time_ns);
        text(writer, "to", report_came_name(i));
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_followed(struct writer *writer,
                           const struct report_strikes *strikes)
{
    begin_flat(writer, "followed", "{");
    number(writer, "duplicates", strikes->duplicates);
    number(writer, "lost", strikes->lost);
    number(writer, "not_followed", strikes->not_followed);
    number(writer, "repeats", strikes->repeats);
    number(writer, "replays", strikes->replays);
    number(writer, "retries", strikes->retries);
    number(writer, "runs_in_flight_max", strikes->in_flight_max);
    number(writer, "takeovers", strikes->takeovers);
    number(writer, "unfinished", strikes->unfinished);
    end(writer, "}");
}

static void write_faults(struct writer *writer,
                         const struct report_stats *stats)
{
    begin(writer, "faults", "[");
    for (uint32_t i = 0; i < stats->fault_count; i++) {
        const struct report_fault *fault = &stats->faults[i];
        begin(writer, NULL, "{");
        number(writer, "armed", fault->armed);
        write_strikes(writer, &fault->strikes);
        number(writer, "effective", fault->effective);
        number(writer, "fired", fault->fired);
        number(writer, "first_ns", fault->first_ns);
        write_followed(writer, &fault->strikes);
        number(writer, "in_flight", fault->in_flight);
        number(writer, "last_ns", fault->last_ns);
        truth(writer, "optional", fault->optional);
        text(writer, "point", fault->name);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "faults_fired", stats->faults_fired);
    number(writer, "faults_in_flight", stats->faults_in_flight);
}

/* Which buckets hold how many values, those that hold none left out. */
static void write_counts(struct writer *writer, const struct report_hist *hist)
{
    uint32_t first = report_hist_index(hist->bits, hist->min);
    uint32_t last = report_hist_index(hist->bits, hist->max);
    begin(writer, "buckets", "{");
    begin_flat(writer, "counts", "[");
    for (uint32_t i = first; i <= last; i++)
        if (hist->counts[i])
            number(writer, NULL, hist->counts[i]);
    end(writer, "]");
    begin_flat(writer, "from_ns", "[");
    for (uint32_t i = first; i <= last; i++)
        if (hist->counts[i])
            number(writer, NULL, report_hist_edge(hist->bits, i));
    end(writer, "]");
    number(writer, "precision", (uint64_t)1 << hist->bits);
    wide_number(writer, "sum_ns", hist->sum_hi, hist->sum_lo);
    end(writer, "}");
}

static void write_hist(struct writer *writer, const char *key,
                       const struct report_hist *hist)
{
    begin(writer, key, "{");
    if (hist->count)
        write_counts(writer, hist);
    number(writer, "count", hist->count);
    number(writer, "max_ns", hist->max);
    number(writer, "mean_ns", hist->count ? report_hist_mean(hist) : 0);
    number(writer, "min_ns", hist->count ? hist->min : 0);
    number(writer, "p50_ns", report_hist_at(hist, 500000));
    number(writer, "p90_ns", report_hist_at(hist, 900000));
    number(writer, "p999_ns", report_hist_at(hist, 999000));
    number(writer, "p99_ns", report_hist_at(hist, 990000));
    end(writer, "}");
}

/* Counts between the lines that axes have. */
static void write_distribution(struct writer *writer,
                               const struct report_hist *hist)
{
    begin(writer, "distribution", "[");
    uint64_t limit = hist->count ? report_format_next_line(hist->min) : 0;
    uint64_t before = 0;
    while (before < hist->count) {
        uint64_t below = report_hist_below(hist, limit);
        begin(writer, NULL, "{");
        number(writer, "below_ns", limit);
        number(writer, "count", below - before);
        end(writer, "}");
        before = below;
        limit = report_format_next_line(limit);
    }
    end(writer, "]");
}

static void write_steps(struct writer *writer, const struct report_stats *stats)
{
    static const struct report_hist none = {.min = UINT64_MAX};
    begin(writer, "steps", "[");
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        begin(writer, NULL, "{");
        number(writer, "attempts", step->attempts);
        write_hist(writer, "code", step->code.counts ? &step->code : &none);
        number(writer, "cut", step->cut);
        write_hist(writer, "dispatch",
                   step->dispatch.counts ? &step->dispatch : &none);
        truth(writer, "effects", shows_effects(step));
        number(writer, "failures", step->failures);
        number(writer, "retries", step->retries);
        text(writer, "step", step->name);
        write_hist(writer, "total", step->total.counts ? &step->total : &none);
        text(writer, "workflow", step->workflow);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "steps_left_out", stats->steps_left_out);
}

/* The parts of a run's time, in order of their keys. */
static const struct {
    const char *key;
    const char *sum; /* its column over time */
    enum report_part part;
} part_keys[REPORT_PARTS] = {{"engine", "engine_ns", REPORT_PART_ENGINE},
                             {"queueing", "queueing_ns", REPORT_PART_QUEUEING},
                             {"replay", "replay_ns", REPORT_PART_REPLAY},
                             {"retry_wait", "retry_wait_ns", REPORT_PART_RETRY},
                             {"service", "service_ns", REPORT_PART_SERVICE},
                             {"start_up", "start_up_ns", REPORT_PART_START_UP},
                             {"waiting", "waiting_ns", REPORT_PART_WAITING}};

static void write_split(struct writer *writer, const struct report_split *split)
{
    begin(writer, "split", "{");
    for (size_t i = 0; i < REPORT_PARTS; i++)
        if (split->parts[part_keys[i].part].counts)
            write_hist(writer, part_keys[i].key,
                       &split->parts[part_keys[i].part]);
    end(writer, "}");
}

static void write_latency(struct writer *writer,
                          const struct report_stats *stats)
{
    begin(writer, "latency", "{");
    write_distribution(writer, &stats->latency);
    write_hist(writer, "run", &stats->latency);
    write_split(writer, &stats->split);
    write_steps(writer, stats);
    end(writer, "}");
}

static void write_platform(struct writer *writer, const char *name,
                           const struct report_platform *platform)
{
    begin(writer, name, "{");
    number(writer, "cold", platform->cold);
    number(writer, "environments", platform->environments);
    number(writer, "environments_max", platform->environments_max);
    number(writer, "in_flight_max", platform->in_flight_max);
    number(writer, "killed", platform->killed);
    number(writer, "limit", platform->limit);
    if (platform->name)
        text(writer, "name", platform->name);
    if (platform->warned > 0)
        number(writer, "notice_min_ns", platform->notice_ns);
    write_hist(writer, "start_up", &platform->start_up);
    number(writer, "throttled", platform->throttled);
    number(writer, "warm", platform->warm);
    if (platform->warned > 0)
        number(writer, "warned", platform->warned);
    end(writer, "}");
}

/* The first violation, or null. */
static void write_first(struct writer *writer,
                        const struct check_result *result)
{
    if (result->violations == 0) {
        text(writer, "first", NULL);
        return;
    }
    begin(writer, "first", "{");
    number(writer, "index", result->first.index);
    number(writer, "run", result->first.record.run);
    text(writer, "text", result->first.text);
    number(writer, "time_ns", result->first.record.time_ns);
    if (result->first.waits_for[0])
        text(writer, "waits_for", result->first.waits_for);
    end(writer, "}");
}

static void write_properties(struct writer *writer,
                             const struct report_facts *facts)
{
    begin(writer, "properties", "[");
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        begin(writer, NULL, "{");
        truth(writer, "applies", !result->absent);
        number(writer, "checked", result->checked);
        write_first(writer, result);
        text(writer, "id", result->id);
        text(writer, "name", result->name);
        text(writer, "reason", result->reason[0] ? result->reason : NULL);
        text(writer, "unit", result->unit);
        text(writer, "verdict", check_verdict_name(result->verdict));
        number(writer, "violations", result->violations);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_reasons(struct writer *writer,
                          const struct report_model *model)
{
    begin(writer, "reasons", "[");
    for (uint32_t i = 0; i < model->reason_count; i++) {
        begin(writer, NULL, "{");
        text(writer, "text", model->reasons[i].text);
        text(writer, "verdict", check_verdict_name(model->reasons[i].verdict));
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "reasons_left_out", model->reasons_left_out);
    number(writer, "records_left_out", model->records_left_out);
}

static void cause_text(struct writer *writer, const char *key,
                       struct engine_text part)
{
    member(writer, key);
    if (part.size > 0)
        report_buffer_json(writer->out, part.text, part.size);
    else
        report_buffer_put(writer->out, "null");
}

static void write_cause(struct writer *writer, struct engine_text line)
{
    struct engine_cause cause = engine_cause_of(line);
    cause_text(writer, "code", cause.code);
    cause_text(writer, "layer", cause.layer);
    cause_text(writer, "message", cause.words);
}

/* The root cause, with all that was said of it on the way. */
static void write_error(struct writer *writer,
                        const struct report_failure *failure)
{
    struct engine_text line;
    begin(writer, "error", "{");
    begin(writer, "chain", "[");
    for (size_t at = 0;
         engine_cause_next(failure->chain, failure->size, &at, &line);) {
        begin(writer, NULL, "{");
        write_cause(writer, line);
        end(writer, "}");
    }
    end(writer, "]");
    text(writer, "class", engine_error_name(failure->error));
    write_cause(writer, engine_cause_root(failure->chain, failure->size));
    end(writer, "}");
}

static void write_failures(struct writer *writer,
                           const struct report_failures *failures)
{
    begin(writer, "failures", "[");
    for (uint32_t i = 0; i < failures->count; i++) {
        const struct report_failure *failure = &failures->list[i];
        begin(writer, NULL, "{");
        write_error(writer, failure);
        number(writer, "run", failure->run);
        number(writer, "runs", failure->count);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "failures_left_out", failures->others);
}

static void write_runs(struct writer *writer, const struct report_runs *runs)
{
    begin(writer, "runs", "{");
    number(writer, "blocked", runs->blocked);
    number(writer, "cancelled", runs->cancelled);
    number(writer, "failed", runs->failed);
    number(writer, "invoked", runs->invoked);
    number(writer, "paused", runs->paused);
    number(writer, "started", runs->started);
    number(writer, "stopped", runs->stopped);
    number(writer, "stuck", runs->stuck);
    number(writer, "succeeded", runs->succeeded);
    number(writer, "timed_out", runs->timed_out);
    number(writer, "waiting", runs->waiting);
    end(writer, "}");
}

/* Names in order of the bytes: objects have sorted keys here too. */
static const struct report_source *next_source(const struct report_facts *facts,
                                               const char *after)
{
    const struct report_source *next = NULL;
    for (size_t i = 0; i < facts->source_count; i++) {
        const struct report_source *source = &facts->sources[i];
        if (after && strcmp(source->name, after) <= 0)
            continue;
        if (!next || strcmp(source->name, next->name) < 0)
            next = source;
    }
    return next;
}

static void write_sources(struct writer *writer,
                          const struct report_facts *facts)
{
    begin(writer, "scenario_source", "{");
    begin(writer, "files", "{");
    for (const struct report_source *source = next_source(facts, NULL); source;
         source = next_source(facts, source->name)) {
        member(writer, source->name);
        report_buffer_json(writer->out, source->text, source->size);
    }
    end(writer, "}");
    text(writer, "main", facts->sources ? facts->sources[0].name : NULL);
    end(writer, "}");
}

static void write_column(struct writer *writer, const char *key,
                         const struct report_stats *stats, size_t offset)
{
    member(writer, key);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&stats->buckets[i] + offset,
               sizeof(value));
        report_buffer_put(writer->out, i ? ", " : "[");
        put_number(writer, value);
    }
    report_buffer_put(writer->out, stats->bucket_count ? "]" : "[]");
}

static void write_series(struct writer *writer,
                         const struct report_stats *stats)
{
#define COLUMN(key, field)                                                     \
    write_column(writer, key, stats, offsetof(struct report_bucket, field))
    begin(writer, "series", "{");
    COLUMN("backlog", backlog);
    number(writer, "bucket_ns", stats->bucket_ns);
    COLUMN("faults", faults);
    COLUMN("finished", finished);
    COLUMN("in_flight", in_flight);
    COLUMN("latency_count", latency_count);
    COLUMN("max_ns", max_ns);
    number(writer, "origin_ns", stats->first_ns);
    COLUMN("p50_ns", p50_ns);
    COLUMN("p90_ns", p90_ns);
    COLUMN("p99_ns", p99_ns);
    begin(writer, "split", "{");
    for (size_t i = 0; i < REPORT_PARTS; i++)
        COLUMN(part_keys[i].sum, split_ns[part_keys[i].part]);
    end(writer, "}");
    COLUMN("started", started);
    end(writer, "}");
#undef COLUMN
}

static void write_store(struct writer *writer, const struct report_store *store)
{
    begin(writer, "store", "{");
    number(writer, "commits_in_doubt", store->unknown);
    number(writer, "conflicts", store->conflicts);
    number(writer, "fenced", store->fenced);
    number(writer, "opened", store->opened);
    number(writer, "refused_damaged", store->refused);
    number(writer, "taint_believed", store->taint_believed);
    number(writer, "takeovers", store->takeovers);
    end(writer, "}");
}

/* Of the first `step` records, twice as many, and so on. */
static void write_digests(struct writer *writer,
                          const struct report_facts *facts)
{
    struct report_word word;
    begin(writer, "digests", "{");
    begin(writer, "at", "[");
    for (size_t i = 0; i < facts->digest_count; i++)
        text(writer, NULL, report_format_digest(&word, facts->digests[i]));
    end(writer, "]");
    number(writer, "records", facts->record_count);
    number(writer, "step", facts->digest_step);
    end(writer, "}");
}

/* Timeline ------------------------------------------------------------------
 */

static void write_lanes(struct writer *writer,
                        const struct report_timeline *line)
{
    begin(writer, "lanes", "[");
    for (uint32_t i = 0; i < line->lane_count; i++) {
        const struct report_lane *lane = &line->lanes[i];
        begin_flat(writer, NULL, "{");
        text(writer, "name", lane->name);
        if (lane->node == UINT32_MAX)
            text(writer, "node", NULL);
        else
            number(writer, "node", lane->node);
        text(writer, "role", report_role_name(lane->role));
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "lanes_left_out", line->lanes_left_out);
}

static void write_marks(struct writer *writer,
                        const struct report_timeline *line)
{
    begin(writer, "marks", "[");
    for (uint32_t i = 0; i < line->mark_count; i++) {
        const struct report_mark *mark = &line->marks[i];
        begin_flat(writer, NULL, "{");
        number(writer, "index", mark->index);
        text(writer, "kind", report_mark_name(mark->kind));
        number(writer, "lane", mark->lane);
        truth(writer, "own", mark->own);
        number(writer, "time_ns", mark->time_ns);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "marks_left_out", line->marks_left_out);
}

static void write_rows(struct writer *writer,
                       const struct report_timeline *line)
{
    begin(writer, "rows", "[");
    for (uint32_t i = 0; i < line->row_count; i++) {
        const struct report_row *row = &line->rows[i];
        begin_flat(writer, NULL, "{");
        truth(writer, "bold", row->bold);
        number(writer, "index", row->index);
        number(writer, "lane", row->lane);
        text(writer, "text", row->text);
        number(writer, "time_ns", row->time_ns);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "rows_left_out", line->rows_left_out);
}

static void write_spans(struct writer *writer,
                        const struct report_timeline *line)
{
    begin(writer, "spans", "[");
    for (uint32_t i = 0; i < line->span_count; i++) {
        const struct report_span *span = &line->spans[i];
        begin_flat(writer, NULL, "{");
        number(writer, "attempt", span->attempt);
        number(writer, "from_ns", span->from_ns);
        text(writer, "kind", report_span_name(span->kind));
        number(writer, "lane", span->lane);
        text(writer, "name", span->name);
        number(writer, "to_ns", span->to_ns);
        number(writer, "token", span->token);
        end(writer, "}");
    }
    end(writer, "]");
    number(writer, "spans_left_out", line->spans_left_out);
}

static void write_timeline(struct writer *writer, const char *key,
                           const struct report_timeline *line)
{
    if (!line) {
        text(writer, key, NULL);
        return;
    }
    begin(writer, key, "{");
    truth(writer, "cut_short", line->cut_short);
    number(writer, "from_ns", line->from_ns);
    truth(writer, "handler", line->handler);
    write_lanes(writer, line);
    write_marks(writer, line);
    write_rows(writer, line);
    number(writer, "run", line->run);
    write_spans(writer, line);
    number(writer, "to_ns", line->to_ns);
    text(writer, "why", line->why);
    end(writer, "}");
}

/* Of each limit, how much of it was used; null: there is none. */
static void write_used(struct writer *writer, const struct report_stats *stats)
{
    begin(writer, "limits_used", "[");
    for (unsigned i = 0; i < REPORT_LIMITS; i++) {
        const struct report_used *used = &stats->used[i];
        begin_flat(writer, NULL, "{");
        if (used->allowed)
            number(writer, "allowed", used->allowed);
        else
            text(writer, "allowed", NULL);
        text(writer, "limit", report_limit_name(i));
        number(writer, "run", used->run);
        number(writer, "used", used->used);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_a_to_l(struct writer *writer,
                         const struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    const struct report_stats *stats = model->stats;
    struct report_word word;
    write_bands(writer, stats);
    write_bill(writer, facts);
    if (facts->check_count)
        texts(writer, "checks", facts->checks, facts->check_count);
    number(writer, "commits", stats->commits);
    write_settings(writer, facts);
    text(writer, "content_digest", REPORT_CONTENT_ZEROS);
    number(writer, "crashes", stats->crashes);
    texts(writer, "defects", facts->defects, facts->defect_count);
    text(writer, "digest", report_format_digest(&word, facts->digest));
    if (facts->digest_step)
        write_digests(writer, facts);
    if (stats->drain_ns == UINT64_MAX)
        text(writer, "drain_ns", NULL);
    else
        number(writer, "drain_ns", stats->drain_ns);
    write_effects(writer, stats);
    number(writer, "events", stats->events);
    write_expectations(writer, facts);
    if (facts->failures)
        write_failures(writer, facts->failures);
    write_faults(writer, stats);
    number(writer, "golden_schedules", stats->golden_schedules);
    text(writer, "incomplete", facts->incomplete);
    write_latency(writer, stats);
    texts(writer, "limits", facts->limits, facts->limit_count);
    write_used(writer, stats);
}

/* The faults as the scenario asks for them. */
static void write_rules(struct writer *writer, const struct report_facts *facts)
{
    begin(writer, "rules", "[");
    for (size_t i = 0; i < facts->rule_count; i++) {
        const struct report_rule *rule = &facts->rules[i];
        begin_flat(writer, NULL, "{");
        number(writer, "fired", rule->fired);
        number(writer, "in_flight", rule->in_flight);
        truth(writer, "optional", rule->optional);
        text(writer, "text", rule->text);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_p_to_z(struct writer *writer,
                         const struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    const struct report_stats *stats = model->stats;
    struct report_word seed;
    snprintf(seed.text, sizeof(seed.text), "%" PRIu64, facts->seed);
    write_platform(writer, "platform", &stats->platform);
    if (stats->platform_count) {
        begin(writer, "platforms", "[");
        for (uint32_t i = 0; i < stats->platform_count; i++)
            write_platform(writer, NULL, &stats->platforms[i]);
        end(writer, "]");
    }
    number(writer, "process_bytes_max", stats->store.process_bytes_max);
    write_properties(writer, facts);
    write_reasons(writer, model);
    text(writer, "replay", facts->replay);
    write_rules(writer, facts);
    write_runs(writer, &stats->runs);
    text(writer, "scenario", facts->scenario);
    write_sources(writer, facts);
    text(writer, "schema", "perdure.report/1");
    text(writer, "seed", seed.text);
    write_series(writer, stats);
    number(writer, "shown_run", model->timeline ? model->timeline->run : 0);
    if (facts->sometimes_count)
        write_sometimes(writer, facts);
    write_store(writer, &stats->store);
    if (facts->threshold_count)
        write_thresholds(writer, facts);
    write_timeline(writer, "timeline", model->timeline);
    begin(writer, "timelines_more", "[");
    for (uint32_t i = 0; i < model->more_count; i++)
        write_timeline(writer, NULL, model->more[i]);
    end(writer, "]");
    text(writer, "verdict", check_verdict_name(model->verdict));
    text(writer, "version", facts->version);
    number(writer, "virtual_ns", stats->last_ns - stats->first_ns);
    text(writer, "why", facts->why);
}

void report_json(const struct report_model *model, struct report_buffer *out)
{
    struct writer writer = {.out = out};
    size_t start = out->size;
    begin(&writer, NULL, "{");
    write_a_to_l(&writer, model);
    write_p_to_z(&writer, model);
    end(&writer, "}");
    report_buffer_put(out, "\n");
    if (report_buffer_ok(out))
        report_content_seal(out->text + start, out->size - start);
}
