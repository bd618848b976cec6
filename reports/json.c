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

/* Above this, a reader that keeps numbers as doubles changes them. */
#define EXACT_MAX ((uint64_t)1 << 53)

/* Writes JSON in which the keys of every object are in order: it insists. */
struct writer {
    struct report_buffer *out;
    unsigned depth;
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
        report_buffer_put(writer->out, ",");
    if (depth)
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

static void end(struct writer *writer, const char *bracket)
{
    int any = writer->any[writer->depth];
    writer->depth--;
    if (any)
        line(writer);
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

static void write_effects(struct writer *writer,
                          const struct report_stats *stats)
{
    begin(writer, "effects", "[");
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        if (!step->has_effect && step->applied == 0)
            continue;
        begin(writer, NULL, "{");
        number(writer, "applied", step->applied);
        number(writer, "duplicates", step->duplicates);
        number(writer, "lost", step->lost);
        number(writer, "repeats_recognised", step->repeats);
        text(writer, "step", step->name);
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

static void write_faults(struct writer *writer,
                         const struct report_stats *stats)
{
    begin(writer, "faults", "[");
    for (uint32_t i = 0; i < stats->fault_count; i++) {
        const struct report_fault *fault = &stats->faults[i];
        begin(writer, NULL, "{");
        number(writer, "armed", fault->armed);
        number(writer, "effective", fault->effective);
        number(writer, "fired", fault->fired);
        number(writer, "in_flight", fault->in_flight);
        truth(writer, "optional", fault->optional);
        text(writer, "point", fault->name);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_hist(struct writer *writer, const char *key,
                       const struct report_hist *hist)
{
    begin(writer, key, "{");
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
        number(writer, "failures", step->failures);
        number(writer, "retries", step->retries);
        text(writer, "step", step->name);
        write_hist(writer, "total", step->total.counts ? &step->total : &none);
        text(writer, "workflow", step->workflow);
        end(writer, "}");
    }
    end(writer, "]");
}

static void write_latency(struct writer *writer,
                          const struct report_stats *stats)
{
    begin(writer, "latency", "{");
    write_distribution(writer, &stats->latency);
    write_hist(writer, "run", &stats->latency);
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
    for (uint32_t i = 0; failures && i < failures->count; i++) {
        const struct report_failure *failure = &failures->list[i];
        begin(writer, NULL, "{");
        write_error(writer, failure);
        number(writer, "run", failure->run);
        number(writer, "runs", failure->count);
        end(writer, "}");
    }
    end(writer, "]");
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
    number(writer, "bucket_ns", stats->bucket_ns);
    COLUMN("faults", faults);
    COLUMN("finished", finished);
    COLUMN("in_flight", in_flight);
    COLUMN("latency_count", latency_count);
    COLUMN("max_ns", max_ns);
    number(writer, "origin_ns", stats->first_ns);
    COLUMN("p50_ns", p50_ns);
    COLUMN("p99_ns", p99_ns);
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

static void write_a_to_l(struct writer *writer,
                         const struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    const struct report_stats *stats = model->stats;
    struct report_word word;
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
    text(writer, "incomplete", facts->incomplete);
    write_latency(writer, stats);
    texts(writer, "limits", facts->limits, facts->limit_count);
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
