#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/page.h"
#include "reports/report.h"

enum {
    NAME = 80,      /* most code points shown of an untrusted name */
    PHRASE = 160,   /* of a line made of several names */
    SENTENCE = 600, /* of an untrusted sentence */
    LISTED_MAX = 200,
    DEFECTS_MAX = 20,
    /* Beyond this size tables stop, so that a report stays below 2 MB. */
    SIZE_SOFT = 1300000
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* Untrusted text in an element. */
static void element(struct report_buffer *out, const char *open,
                    const char *text, size_t columns, const char *close)
{
    put(out, open);
    report_buffer_html(out, text ? text : "", columns);
    put(out, close);
}

static void cell(struct report_buffer *out, const char *text)
{
    element(out, "<td>", text, NAME, "</td>");
}

static void count_cell(struct report_buffer *out, uint64_t count)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"n\">%s</td>",
                        report_format_count(&word, count));
}

static void ns_cell(struct report_buffer *out, uint64_t ns)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"n\">%s</td>",
                        report_format_ns(&word, ns));
}

/* A percentile, or a dash where nothing was measured. */
static void at_cell(struct report_buffer *out, const struct report_hist *hist,
                    uint32_t ppm)
{
    if (hist->counts && hist->count)
        ns_cell(out, report_hist_at(hist, ppm));
    else
        put(out, "<td class=\"n dim\">–</td>");
}

static const char *symbol_of(enum check_verdict verdict)
{
    static const char *const symbols[] = {"✓", "✗", "≈", "?"};
    return symbols[verdict];
}

static void verdict_cell(struct report_buffer *out, enum check_verdict verdict)
{
    const char *name = check_verdict_name(verdict);
    report_buffer_print(out, "<td class=\"w %s\">%s %s</td>", name,
                        symbol_of(verdict), name);
}

/* Whether a table may have another row; says so once when it may not. */
static int room(struct report_buffer *out, size_t index, size_t count,
                size_t columns)
{
    if (index >= count)
        return 0;
    if (index < LISTED_MAX && out->size < SIZE_SOFT)
        return 1;
    report_buffer_print(out,
                        "<tr><td class=\"dim\" colspan=\"%zu\">%zu more are in "
                        "report.json</td></tr>\n",
                        columns, count - index);
    return 0;
}

static void put_reasons(const struct report_model *model,
                        struct report_buffer *out)
{
    if (model->reason_count == 0) {
        put(out, "<p>");
        report_model_held(model, out);
        put(out, "</p>\n");
        return;
    }
    put(out, "<ul>\n");
    for (uint32_t i = 0; i < model->reason_count; i++)
        element(out, "<li>", model->reasons[i].text, SENTENCE, "</li>\n");
    if (model->reasons_left_out)
        report_buffer_print(out, "<li>and %" PRIu32 " more</li>\n",
                            model->reasons_left_out);
    put(out, "</ul>\n");
}

static void put_verdict(const struct report_model *model,
                        struct report_buffer *out)
{
    const char *name = check_verdict_name(model->verdict);
    report_buffer_print(out, "<section class=\"verdict v-%s\">\n", name);
    report_buffer_print(out, "<strong class=\"%s\">%s %s</strong>\n", name,
                        symbol_of(model->verdict), name);
    put_reasons(model, out);
    element(out,
            "<p class=\"note\">To repeat this run, byte for byte:</p><pre>",
            model->facts.replay, 4000, "</pre>\n</section>\n");
}

static void figure(struct report_buffer *out, const char *name,
                   const char *value)
{
    report_buffer_print(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name,
                        value);
}

/* States that runs of declared graphs do not get into, if any run did. */
static void put_other_runs(const struct report_runs *runs,
                           struct report_buffer *out)
{
    const struct {
        const char *name;
        uint64_t count;
    } states[] = {{"cancelled", runs->cancelled},
                  {"timed out", runs->timed_out},
                  {"stopped", runs->stopped},
                  {"paused", runs->paused},
                  {"waiting for the outside", runs->waiting},
                  {"invoked by runs", runs->invoked}};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct report_word word;
        if (states[i].count)
            figure(out, states[i].name,
                   report_format_count(&word, states[i].count));
    }
}

static void put_figures(const struct report_model *model,
                        struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    const struct report_runs *runs = &stats->runs;
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    figure(out, "runs started", report_format_count(&word, runs->started));
    figure(out, "succeeded", report_format_count(&word, runs->succeeded));
    figure(out, "failed", report_format_count(&word, runs->failed));
    figure(out, "blocked", report_format_count(&word, runs->blocked));
    figure(out, "stuck", report_format_count(&word, runs->stuck));
    put_other_runs(runs, out);
    figure(out, "latency p50",
           report_format_ns(&word, report_hist_at(&stats->latency, 500000)));
    figure(out, "latency p99",
           report_format_ns(&word, report_hist_at(&stats->latency, 990000)));
    figure(out, "faults fired",
           report_format_count(&word, stats->faults_fired));
    figure(out, "crashes", report_format_count(&word, stats->crashes));
    figure(out, "virtual time",
           report_format_ns(&word, stats->last_ns - stats->first_ns));
    figure(out, "durable commits", report_format_count(&word, stats->commits));
    figure(out, "records", report_format_count(&word, stats->events));
    put(out, "</dl>\n");
}

static void put_head(const struct report_model *model,
                     struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    struct report_word digest;
    put(out, report_page_head);
    report_buffer_html(out, facts->scenario, NAME);
    report_buffer_print(out, ": %s", check_verdict_name(model->verdict));
    put(out, report_page_style);
    put(out, report_page_charts);
    element(out, "<header>\n<h1>", facts->scenario, 200, "</h1>\n");
    if (facts->why)
        element(out, "<p class=\"dim\">", facts->why, SENTENCE, "</p>\n");
    report_buffer_print(out,
                        "<p class=\"note\">seed <code>%" PRIu64
                        "</code> · digest <code>%s</code> · perdure ",
                        facts->seed,
                        report_format_digest(&digest, facts->digest));
    report_buffer_html(out, facts->version ? facts->version : "", NAME);
    put(out, "</p>\n");
    for (size_t i = 0; i < facts->defect_count && i < DEFECTS_MAX; i++)
        element(out, "<p class=\"note\">with the seeded defect <code>",
                facts->defects[i], NAME, "</code></p>\n");
    put(out, "</header>\n");
}

static void put_finding(const struct report_model *model,
                        struct report_buffer *out,
                        const struct check_result *result)
{
    struct report_word count;
    struct report_word time;
    put(out, "<tr class=\"sub\"><td></td><td colspan=\"4\">");
    if (result->violations) {
        report_buffer_print(
            out,
            "<span class=\"note\">%s %s, the first at %s, record "
            "%" PRIu64,
            report_format_count(&count, result->violations),
            result->violations == 1 ? "violation" : "violations",
            report_format_ns(&time, result->first.record.time_ns -
                                        model->stats->first_ns),
            result->first.index);
        if (result->first.record.run)
            report_buffer_print(out, ", run %" PRIu64,
                                result->first.record.run);
        put(out, "</span><br>");
        report_buffer_html(out, result->first.text, SENTENCE);
        if (result->first.waits_for[0])
            element(out, "<br><span class=\"note\">waits for: ",
                    result->first.waits_for, SENTENCE, "</span>");
    } else {
        report_buffer_html(out, result->reason, SENTENCE);
    }
    put(out, "</td></tr>\n");
}

static void put_properties(const struct report_model *model,
                           struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    put(out, "<h2>Properties</h2>\n<table>\n<tr><th>id<th>property<th "
             "class=\"n\">checked<th>of what<th>verdict</tr>\n");
    for (size_t i = 0; room(out, i, facts->result_count, 5); i++) {
        const struct check_result *result = &facts->results[i];
        int more = result->violations || (result->verdict != CHECK_PASS &&
                                          !result->absent && result->reason[0]);
        put(out, more ? "<tr class=\"head\">" : "<tr>");
        element(out, "<td class=\"w\">", result->id, NAME, "</td>");
        cell(out, result->name);
        count_cell(out, result->checked);
        cell(out, result->unit);
        if (result->absent)
            put(out, "<td class=\"w dim\">does not apply</td>");
        else
            verdict_cell(out, result->verdict);
        put(out, "</tr>\n");
        if (more)
            put_finding(model, out, result);
    }
    put(out, "</table>\n");
}

static void put_sometimes(const struct report_model *model,
                          struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    if (facts->sometimes_count == 0)
        return;
    put(out, "<h2>Sometimes, in one world of a sweep</h2>\n<table>\n"
             "<tr><th>condition<th>found<th>here</tr>\n");
    for (size_t i = 0; room(out, i, facts->sometimes_count, 3); i++) {
        put(out, "<tr>");
        cell(out, facts->sometimes[i].text);
        cell(out, facts->sometimes[i].actual);
        cell(out, facts->sometimes[i].verdict == CHECK_PASS
                      ? "came true"
                      : "not in this world");
        put(out, "</tr>\n");
    }
    put(out, "</table>\n");
}

static void put_expectations(const struct report_model *model,
                             struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    if (facts->expectation_count == 0)
        return;
    put(out, "<h2>Expectations</h2>\n<table>\n<tr><th>expected<th>found"
             "<th>verdict</tr>\n");
    for (size_t i = 0; room(out, i, facts->expectation_count, 3); i++) {
        put(out, "<tr>");
        cell(out, facts->expectations[i].text);
        cell(out, facts->expectations[i].actual);
        verdict_cell(out, facts->expectations[i].verdict);
        put(out, "</tr>\n");
    }
    put(out, "</table>\n");
}

static void fault_row(const struct report_model *model,
                      struct report_buffer *out,
                      const struct report_fault *fault)
{
    uint64_t origin = model->stats->first_ns;
    put(out, "<tr>");
    element(out, "<td><code>", fault->name, NAME, "</code></td>");
    count_cell(out, fault->armed);
    count_cell(out, fault->fired);
    count_cell(out, fault->effective);
    count_cell(out, fault->in_flight);
    if (fault->fired) {
        ns_cell(out, fault->first_ns - origin);
        ns_cell(out, fault->last_ns - origin);
    } else {
        report_buffer_print(out,
                            "<td class=\"n %s\" colspan=\"2\">never "
                            "fired%s</td>",
                            fault->optional ? "dim" : "inconclusive",
                            fault->optional ? ", by chance" : "");
    }
    put(out, "</tr>\n");
}

static void put_faults(const struct report_model *model,
                       struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    struct report_word word;
    put(out, "<h2>Faults</h2>\n");
    if (stats->fault_count == 0) {
        put(out, "<p class=\"dim\">None were armed.</p>\n");
        return;
    }
    put(out, "<table>\n<tr><th>point<th class=\"n\">armed<th class=\"n\">fired"
             "<th class=\"n\">effective<th class=\"n\">work in flight"
             "<th class=\"n\">first<th class=\"n\">last</tr>\n");
    for (size_t i = 0; room(out, i, stats->fault_count, 7); i++)
        fault_row(model, out, &stats->faults[i]);
    put(out, "</table>\n<p class=\"note\">Effective: the world shows it, a "
             "crash by a process going down. Times count from the start of "
             "the world.");
    if (stats->drain_ns == UINT64_MAX)
        put(out, " After the last fault the backlog never drained.");
    else if (stats->drain_ns)
        report_buffer_print(out,
                            " After the last fault the backlog drained "
                            "in %s.",
                            report_format_ns(&word, stats->drain_ns));
    put(out, "</p>\n");
}

static void put_percentiles(const struct report_hist *hist,
                            struct report_buffer *out)
{
    static const struct {
        const char *name;
        uint32_t ppm;
    } rows[] = {{"min", 0},        {"p50", 500000},    {"p75", 750000},
                {"p90", 900000},   {"p95", 950000},    {"p99", 990000},
                {"p99.9", 999000}, {"p99.99", 999900}, {"max", 1000000}};
    put(out, "<table>\n<tr>");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        report_buffer_print(out, "<th class=\"n\">%s", rows[i].name);
    put(out, "<th class=\"n\">mean</tr>\n<tr>");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ns_cell(out,
                rows[i].ppm ? report_hist_at(hist, rows[i].ppm) : hist->min);
    ns_cell(out, report_hist_mean(hist));
    put(out, "</tr>\n</table>\n");
}

static void put_distribution(const struct report_hist *hist,
                             struct report_buffer *out)
{
    uint64_t limit = report_format_next_line(hist->min);
    uint64_t before = 0;
    put(out, "<details><summary>The same as a table</summary>\n<table>\n"
             "<tr><th class=\"n\">below<th class=\"n\">runs<th "
             "class=\"n\">share</tr>\n");
    while (before < hist->count) {
        struct report_word share;
        uint64_t below = report_hist_below(hist, limit);
        put(out, "<tr>");
        ns_cell(out, limit);
        count_cell(out, below - before);
        report_buffer_print(
            out, "<td class=\"n\">%s</td></tr>\n",
            report_format_share(&share, below - before, hist->count));
        before = below;
        limit = report_format_next_line(limit);
    }
    put(out, "</table>\n</details>\n");
}

static void put_latency(const struct report_model *model,
                        struct report_buffer *out)
{
    const struct report_hist *hist = &model->stats->latency;
    struct report_word word;
    put(out, "<h2>Latency of runs</h2>\n");
    if (hist->count == 0) {
        put(out, "<p class=\"dim\">No run ended.</p>\n");
        return;
    }
    report_buffer_print(out,
                        "<p class=\"note\">%s runs, from the time each was due "
                        "to the record that makes its end durable.</p>\n",
                        report_format_count(&word, hist->count));
    report_chart_latency(model, out);
    put_percentiles(hist, out);
    put_distribution(hist, out);
}

static void put_key(struct report_buffer *out, const char *shape,
                    const char *text)
{
    report_buffer_print(out,
                        "<span><svg viewBox=\"-11 -7 22 14\" "
                        "aria-hidden=\"true\">%s</svg>%s</span>\n",
                        shape, text);
}

static void put_bucket_table(const struct report_stats *stats,
                             struct report_buffer *out)
{
    put(out, "<details><summary>The three charts as a table</summary>\n"
             "<table>\n<tr><th class=\"n\">from<th class=\"n\">due<th "
             "class=\"n\">ended<th class=\"n\">in flight<th "
             "class=\"n\">faults<th class=\"n\">p50<th class=\"n\">p99<th "
             "class=\"n\">max</tr>\n");
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        put(out, "<tr>");
        ns_cell(out, i * stats->bucket_ns);
        count_cell(out, bucket->started);
        count_cell(out, bucket->finished);
        count_cell(out, bucket->in_flight);
        count_cell(out, bucket->faults);
        if (bucket->latency_count) {
            ns_cell(out, bucket->p50_ns);
            ns_cell(out, bucket->p99_ns);
            ns_cell(out, bucket->max_ns);
        } else {
            put(out, "<td><td><td>");
        }
        put(out, "</tr>\n");
    }
    put(out, "</table>\n</details>\n");
}

static void put_time_key(const struct report_stats *stats,
                         struct report_buffer *out)
{
    put(out, "<div class=\"key\">\n");
    put_key(out, "<path class=\"p50\" d=\"M-10 0H10\"/>", "p50");
    put_key(out, "<path class=\"p99\" d=\"M-10 0H10\"/>", "p99");
    put_key(out, "<path class=\"max\" d=\"M0 0h0\"/>", "max");
    put_key(out, "<path class=\"band\" d=\"M-10 -6H10V6H-10z\"/>",
            "something is broken");
    put(out, "</div>\n");
    if (stats->bands_left_out)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " later intervals are not drawn.</p>\n",
                            stats->bands_left_out);
}

static void put_series(const struct report_model *model,
                       struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    struct report_word word;
    if (stats->bucket_count == 0)
        return;
    report_buffer_print(out,
                        "<h2>Over virtual time</h2>\n<p class=\"note\">In "
                        "slices of %s. Below the first chart: processes down, "
                        "processes paused, lasting faults, faults fired.</p>\n",
                        report_format_ns(&word, stats->bucket_ns));
    put(out, "<h3>Latency of runs, by the time they were due</h3>\n");
    report_chart_latency_time(model, out);
    put_time_key(stats, out);
    put(out, "<h3>Runs in flight</h3>\n");
    report_chart_in_flight(model, out);
    put(out, "<h3>Runs per slice</h3>\n");
    report_chart_throughput(model, out);
    put(out, "<div class=\"key\">\n");
    put_key(out, "<path class=\"due\" d=\"M-10 0H10\"/>", "due");
    put_key(out, "<path class=\"ended\" d=\"M-10 0H10\"/>", "ended");
    put(out, "</div>\n");
    put_bucket_table(stats, out);
}

static void step_row(struct report_buffer *out, const struct report_step *step)
{
    put(out, "<tr>");
    cell(out, step->name);
    count_cell(out, step->attempts);
    count_cell(out, step->retries);
    count_cell(out, step->failures);
    count_cell(out, step->cut);
    at_cell(out, &step->dispatch, 500000);
    at_cell(out, &step->dispatch, 990000);
    at_cell(out, &step->code, 500000);
    at_cell(out, &step->code, 990000);
    at_cell(out, &step->total, 500000);
    at_cell(out, &step->total, 990000);
    put(out, "</tr>\n");
}

static void put_steps(const struct report_model *model,
                      struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    if (stats->step_count == 0)
        return;
    put(out, "<h2>Steps</h2>\n<div class=\"scroll\"><table>\n"
             "<tr><th rowspan=\"2\">step<th class=\"n\" rowspan=\"2\">attempts"
             "<th class=\"n\" rowspan=\"2\">retries<th class=\"n\" "
             "rowspan=\"2\">errors<th class=\"n\" rowspan=\"2\">cut off"
             "<th class=\"n\" colspan=\"2\">dispatch wait<th class=\"n\" "
             "colspan=\"2\">code<th class=\"n\" colspan=\"2\">attempt</tr>\n"
             "<tr><th class=\"n\">p50<th class=\"n\">p99<th class=\"n\">p50<th "
             "class=\"n\">p99<th class=\"n\">p50<th class=\"n\">p99</tr>\n");
    for (size_t i = 0; room(out, i, stats->step_count, 11); i++)
        step_row(out, &stats->steps[i]);
    put(out, "</table></div>\n");
}

/* A count that should be 0. */
static void bad_cell(struct report_buffer *out, uint64_t count)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"n%s\">%s</td>", count ? " fail" : "",
                        report_format_count(&word, count));
}

static void effect_row(struct report_buffer *out,
                       const struct report_step *step)
{
    put(out, "<tr>");
    cell(out, step->name);
    count_cell(out, step->effects_sent);
    count_cell(out, step->applied);
    count_cell(out, step->repeats);
    bad_cell(out, step->duplicates);
    bad_cell(out, step->lost);
    put(out, "</tr>\n");
}

static void put_effects(const struct report_model *model,
                        struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < stats->step_count; i++)
        shown += stats->steps[i].has_effect || stats->steps[i].applied;
    put(out, "<h2>Side effects</h2>\n");
    if (shown == 0) {
        put(out, "<p class=\"dim\">No step has any.</p>\n");
        return;
    }
    put(out, "<p class=\"note\">As their receiver saw them, after its own "
             "recognition of repeated keys.</p>\n<table>\n<tr><th>step<th "
             "class=\"n\">sent<th class=\"n\">applied<th "
             "class=\"n\">recognised<th class=\"n\">duplicates<th "
             "class=\"n\">lost</tr>\n");
    size_t index = 0;
    for (uint32_t i = 0; i < stats->step_count; i++) {
        if (!stats->steps[i].has_effect && !stats->steps[i].applied)
            continue;
        if (!room(out, index++, shown, 6))
            break;
        effect_row(out, &stats->steps[i]);
    }
    put(out, "</table>\n");
}

static void put_timeline_key(struct report_buffer *out, int handler)
{
    put(out, "<div class=\"key\">\n");
    put_key(out,
            "<rect class=\"attempt\" x=\"-10\" y=\"-5\" width=\"20\" "
            "height=\"10\"/>",
            "attempt");
    put_key(out,
            "<rect class=\"error\" x=\"-10\" y=\"-5\" width=\"20\" "
            "height=\"10\"/>",
            "ended with an error");
    put_key(out,
            "<rect class=\"cut\" x=\"-10\" y=\"-5\" width=\"20\" "
            "height=\"10\"/>",
            "cut off");
    put_key(out,
            "<rect class=\"down\" x=\"-10\" y=\"-5\" width=\"20\" "
            "height=\"10\"/>",
            "process down");
    put_key(out,
            "<rect class=\"paused\" x=\"-10\" y=\"-5\" width=\"20\" "
            "height=\"10\"/>",
            "paused");
    put_key(out,
            "<path class=\"effect\" d=\"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 "
            "0\"/>",
            "effect applied");
    put_key(out,
            "<path class=\"repeat\" d=\"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 "
            "0\"/>",
            "recognised");
    put_key(out, "<path class=\"dupe\" d=\"M-5 -5H5V5H-5z\"/>",
            "applied again");
    put_key(out, "<path class=\"hit\" d=\"M0 -7L6 5H-6z\"/>", "fault");
    put_key(out, "<path class=\"rejected\" d=\"M-4 -4L4 4M-4 4L4 -4\"/>",
            "write refused");
    put_key(out, "<path class=\"commit\" d=\"M0 -5V5\"/>", "commit");
    put_key(out, "<path class=\"end\" d=\"M0 -6L6 0L0 6L-6 0z\"/>",
            "end of the run");
    if (handler) {
        put_key(out,
                "<rect class=\"wait\" x=\"-10\" y=\"-5\" width=\"20\" "
                "height=\"10\"/>",
                "operation waits");
        put_key(out,
                "<rect class=\"ctx\" x=\"-10\" y=\"-5\" width=\"20\" "
                "height=\"10\"/>",
                "operations within");
        put_key(out,
                "<path class=\"signal\" d=\"M-5 -4H5V4H-5zM-5 -4L0 1L5 "
                "-4\"/>",
                "signal");
    }
    put(out, "</div>\n");
}

static void put_rows(const struct report_timeline *line,
                     struct report_buffer *out)
{
    put(out,
        "<details open><summary>What happened, in order</summary>\n"
        "<table>\n<tr><th class=\"n\">seconds since due<th class=\"n\">record"
        "<th>actor<th>what</tr>\n");
    for (uint32_t i = 0; i < line->row_count; i++) {
        const struct report_row *row = &line->rows[i];
        if (out->size > SIZE_SOFT + SIZE_SOFT / 8)
            break;
        put(out, "<tr>");
        uint64_t since_ns =
            row->time_ns > line->from_ns ? row->time_ns - line->from_ns : 0;
        report_buffer_print(
            out, "<td class=\"n\">%" PRIu64 ".%06" PRIu64 "</td>",
            since_ns / 1000000000, since_ns % 1000000000 / 1000);
        count_cell(out, row->index);
        element(out, "<td class=\"w\">", line->lanes[row->lane].name, 24,
                "</td>");
        element(out, row->bold ? "<td class=\"fail\">" : "<td>", row->text,
                PHRASE, "</td></tr>\n");
    }
    put(out, "</table>\n</details>\n");
    if (line->rows_left_out)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " more records of this run are not listed.</p>\n",
                            line->rows_left_out);
}

static void put_timeline(const struct report_model *model,
                         struct report_buffer *out)
{
    const struct report_timeline *line = model->timeline;
    if (!line)
        return;
    report_buffer_print(out,
                        "<h2>One run: %" PRIu64 "</h2>\n<p class=\"note\">It "
                        "is shown because it is %s. Its actors are the lanes; "
                        "stretches in which nothing happens are folded.</p>\n",
                        line->run, line->why);
    report_chart_timeline(model, out);
    put_timeline_key(out, line->handler);
    if (line->spans_left_out || line->marks_left_out || line->lanes_left_out)
        report_buffer_print(
            out,
            "<p class=\"note\">Not drawn: %" PRIu64 " intervals, %" PRIu64
            " marks, %" PRIu32 " records of further actors.</p>\n",
            line->spans_left_out, line->marks_left_out, line->lanes_left_out);
    put_rows(line, out);
}

static void put_bill(const struct report_facts *facts,
                     struct report_buffer *out)
{
    if (facts->bill_count == 0)
        return;
    put(out, "<table>\n<tr><th>billed<th class=\"n\">amount<th "
             "class=\"n\">cost</tr>\n");
    for (size_t i = 0; room(out, i, facts->bill_count, 3); i++) {
        put(out, "<tr>");
        cell(out, facts->bill[i].name);
        element(out, "<td class=\"n\">", facts->bill[i].amount, NAME, "</td>");
        element(out, "<td class=\"n\">", facts->bill[i].cost, NAME,
                "</td></tr>\n");
    }
    put(out, "</table>\n");
}

/* Several platforms side by side. */
static void put_platforms(const struct report_stats *stats,
                          struct report_buffer *out)
{
    struct report_word word;
    if (stats->platform_count == 0)
        return;
    put(out, "<table>\n<tr><th>platform<th class=\"n\">starts<th "
             "class=\"n\">throttled<th class=\"n\">most at once<th "
             "class=\"n\">limit</tr>\n");
    for (uint32_t i = 0; i < stats->platform_count; i++) {
        const struct report_platform *platform = &stats->platforms[i];
        const uint64_t figures[] = {platform->cold + platform->warm,
                                    platform->throttled,
                                    platform->in_flight_max, platform->limit};
        put(out, "<tr>");
        cell(out, platform->name);
        for (size_t k = 0; k < sizeof(figures) / sizeof(*figures); k++)
            element(out, "<td class=\"n\">",
                    report_format_count(&word, figures[k]), NAME, "</td>");
        put(out, "</tr>\n");
    }
    put(out, "</table>\n");
}

static void put_platform(const struct report_model *model,
                         struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    const struct report_platform *platform = &stats->platform;
    struct report_word word;
    if (platform->cold + platform->warm + platform->throttled == 0 &&
        model->facts.bill_count == 0)
        return;
    put(out, "<h2>Platform</h2>\n<dl class=\"figures\">\n");
    figure(out, "cold starts", report_format_count(&word, platform->cold));
    figure(out, "warm starts", report_format_count(&word, platform->warm));
    figure(out, "throttled", report_format_count(&word, platform->throttled));
    figure(out, "killed", report_format_count(&word, platform->killed));
    if (platform->warned > 0)
        figure(out, "warned of their end",
               report_format_count(&word, platform->warned));
    figure(out, "most environments",
           report_format_count(&word, platform->environments_max));
    if (platform->start_up.count) {
        figure(out, "start-up p50",
               report_format_ns(&word,
                                report_hist_at(&platform->start_up, 500000)));
        figure(out, "start-up p99",
               report_format_ns(&word,
                                report_hist_at(&platform->start_up, 990000)));
    }
    put(out, "</dl>\n");
    put_platforms(stats, out);
    put_bill(&model->facts, out);
}

static void put_store(const struct report_model *model,
                      struct report_buffer *out)
{
    const struct report_store *store = &model->stats->store;
    struct report_word word;
    put(out, "<h2>Store and ownership</h2>\n<dl class=\"figures\">\n");
    figure(out, "store opened", report_format_count(&word, store->opened));
    figure(out, "found damaged", report_format_count(&word, store->refused));
    figure(out, "runs taken over",
           report_format_count(&word, store->takeovers));
    figure(out, "writes fenced", report_format_count(&word, store->fenced));
    figure(out, "conflicts", report_format_count(&word, store->conflicts));
    figure(out, "commits in doubt", report_format_count(&word, store->unknown));
    if (store->process_bytes_max)
        figure(out, "largest process",
               report_format_bytes(&word, store->process_bytes_max));
    put(out, "</dl>\n");
}

static void put_settings(const struct report_model *model,
                         struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    if (facts->setting_count == 0)
        return;
    put(out, "<h2>Configuration</h2>\n<table>\n<tr><th>name<th "
             "class=\"n\">value<th>unit<th>source<th>tag</tr>\n");
    for (size_t i = 0; room(out, i, facts->setting_count, 5); i++) {
        const struct report_setting *setting = &facts->settings[i];
        put(out, "<tr>");
        cell(out, setting->name);
        element(out, "<td class=\"n\">", setting->value, NAME, "</td>");
        cell(out, setting->unit);
        cell(out, setting->source);
        cell(out, setting->tag);
        put(out, "</tr>\n");
    }
    put(out, "</table>\n");
}

static void put_limits(const struct report_model *model,
                       struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    const struct report_stats *stats = model->stats;
    put(out, "<section class=\"box\">\n<h2>What this report does not show"
             "</h2>\n<ul>\n<li>One seed. Another order of events may fail "
             "where this one passed.</li>\n<li>Wall time: all times are "
             "virtual, of the simulated world.</li>\n"
             "<li>Percentiles over time are within 1/32 of the value, those "
             "of the distribution within 1/1024.</li>\n");
    if (model->records_left_out)
        report_buffer_print(out,
                            "<li>%" PRIu64 " records were judged but not kept "
                            "for the timeline.</li>\n",
                            model->records_left_out);
    if (stats->steps_left_out)
        report_buffer_print(out, "<li>%" PRIu32 " further steps.</li>\n",
                            stats->steps_left_out);
    for (size_t i = 0; i < facts->limit_count && i < LISTED_MAX &&
                       out->size < SIZE_SOFT + SIZE_SOFT / 4;
         i++)
        element(out, "<li>", facts->limits[i], SENTENCE, "</li>\n");
    put(out, "</ul>\n</section>\n");
}

void report_html(const struct report_model *model,
                 const struct report_library *library,
                 struct report_buffer *out)
{
    (void)library;
    put_head(model, out);
    put_verdict(model, out);
    put_figures(model, out);
    put_properties(model, out);
    put_expectations(model, out);
    put_sometimes(model, out);
    put_faults(model, out);
    put_latency(model, out);
    put_series(model, out);
    put_steps(model, out);
    put_effects(model, out);
    put_timeline(model, out);
    put_platform(model, out);
    put_store(model, out);
    put_settings(model, out);
    put_limits(model, out);
    put(out, "</body>\n</html>\n");
}
