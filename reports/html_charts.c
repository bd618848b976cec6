/* Charts, each with a table behind it. */
#include <inttypes.h>
#include <stdio.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/html.h"

enum {
    MARKS = 9
};

/* The table behind a chart. */
static void table_opens(struct report_buffer *out)
{
    report_buffer_put(out, "<details><summary>The same as a table</summary>\n");
}

static void table_closes(struct report_buffer *out)
{
    html_table_end(out);
    report_buffer_put(out, "</details>\n");
}

static void put_percentiles(const struct report_hist *hist,
                            struct report_buffer *out)
{
    static const struct html_column columns[MARKS + 1] = {
        {"min", "n"}, {"p50", "n"}, {"p75", "n"},   {"p90", "n"},
        {"p95", "n"}, {"p99", "n"}, {"p99.9", "n"}, {"p99.99", "n"},
        {"max", "n"}, {"mean", "n"}};
    static const uint32_t ppm[MARKS] = {0,      500000, 750000, 900000, 950000,
                                        990000, 999000, 999900, 1000000};
    html_table(out, "Percentiles", columns, MARKS + 1);
    report_buffer_put(out, "<tr>");
    for (unsigned i = 0; i < MARKS; i++)
        html_ns(out, ppm[i] ? report_hist_at(hist, ppm[i]) : hist->min);
    html_ns(out, report_hist_mean(hist));
    html_row_end(out);
    html_table_end(out);
}

static void put_distribution(const struct report_hist *hist,
                             struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"below", "n"}, {"runs", "n"}, {"share", "n"}};
    uint64_t limit = report_format_next_line(hist->min);
    uint64_t before = 0;
    table_opens(out);
    html_table(out, "Distribution of latency", columns, 3);
    while (before < hist->count) {
        struct report_word share;
        uint64_t below = report_hist_below(hist, limit);
        report_buffer_put(out, "<tr>");
        html_ns(out, limit);
        html_count(out, below - before);
        html_text_n(out,
                    report_format_share(&share, below - before, hist->count));
        html_row_end(out);
        before = below;
        limit = report_format_next_line(limit);
    }
    table_closes(out);
}

/* The spectrum's lines: where half, a tenth, .. of the runs took longer. */
static void put_spectrum(const struct report_hist *hist,
                         struct report_buffer *out)
{
    static const struct {
        const char *name;
        uint32_t ppm;
    } rows[] = {{"0 %", 0},           {"50 %", 500000},   {"75 %", 750000},
                {"90 %", 900000},     {"95 %", 950000},   {"99 %", 990000},
                {"99.5 %", 995000},   {"99.9 %", 999000}, {"99.99 %", 999900},
                {"99.999 %", 999990}, {"100 %", 1000000}};
    static const struct html_column columns[] = {
        {"share of runs", NULL}, {"took at most", "n"}, {"longer", "n"}};
    table_opens(out);
    html_table(out, "Percentiles of latency", columns, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ns =
            rows[i].ppm ? report_hist_at(hist, rows[i].ppm) : hist->min;
        /* Below the next bucket: none of those at ns is longer. */
        uint64_t within =
            ns < hist->max ? report_hist_below(hist, ns + 1) : hist->count;
        if (rows[i].ppm > 990000 && rows[i].ppm < 1000000 &&
            hist->count < 1000000 / (1000000 - rows[i].ppm))
            continue;
        html_row(out, rows[i].name);
        html_ns(out, ns);
        html_count(out, hist->count - within);
        html_row_end(out);
    }
    table_closes(out);
}

/* What latency is made of, over all runs. */
static void put_parts(const struct report_stats *stats,
                      struct report_buffer *out)
{
    static const char *const words[REPORT_PARTS] = {
        "code of a step runs",
        "a handler goes through what it has done already",
        "a place for an attempt starts",
        "an attempt is ready and nobody has taken it",
        "a failed step waits to be repeated",
        "for a timer, an answer, another run or an operator",
        "the rest: commits, messages, take-over"};
    static const struct html_column columns[] = {
        {"part", NULL}, {"what", NULL}, {"share", "n"}, {"mean", "n"},
        {"p50", "n"},   {"p90", "n"},   {"p99", "n"},   {"max", "n"}};
    uint64_t mean_ns = report_hist_mean(&stats->latency);
    if (!stats->split.parts[0].counts)
        return;
    report_buffer_put(out, "<h3>What it is made of</h3>\n");
    html_table(out, "Parts of latency", columns, 8);
    for (int i = 0; i < REPORT_PARTS; i++) {
        const struct report_hist *part = &stats->split.parts[i];
        struct report_word share;
        uint64_t part_ns = report_hist_mean(part);
        html_row(out, report_part_name((enum report_part)i));
        html_cell(out, words[i]);
        html_text_n(out, mean_ns ? report_format_share(&share, part_ns, mean_ns)
                                 : "–");
        html_ns(out, part_ns);
        html_at(out, part, 500000);
        html_at(out, part, 900000);
        html_at(out, part, 990000);
        html_at(out, part, 1000000);
        html_row_end(out);
    }
    html_table_end(out);
    report_buffer_put(out,
                      "<p class=\"note\">At any moment a run is in one part, "
                      "the first that applies: the parts of each run add up to "
                      "its latency.</p>\n");
}

int html_has_latency(const struct report_model *model)
{
    (void)model;
    return 1;
}

void html_put_latency(struct html_page *page)
{
    const struct report_hist *hist = &page->model->stats->latency;
    struct report_buffer *out = page->out;
    struct report_word word;
    if (hist->count == 0) {
        report_buffer_put(out, "<p class=\"dim\">No run ended.</p>\n");
        return;
    }
    report_buffer_print(out,
                        "<p class=\"note\">%s runs, from the time each was due "
                        "to the record that makes its end durable.</p>\n",
                        report_format_count(&word, hist->count));
    put_percentiles(hist, out);
    put_parts(page->model->stats, out);
    report_buffer_put(out, "<h3>Percentile spectrum</h3>\n");
    report_chart_spectrum(page->model, out);
    put_spectrum(hist, out);
    report_buffer_put(out, "<h3>Distribution</h3>\n");
    report_chart_latency(page->model, out);
    put_distribution(hist, out);
}

/* Over time: each chart, its key, and the slices as rows of a table. */

static void put_latency_table(const struct report_stats *stats,
                              struct report_buffer *out)
{
    static const struct html_column columns[] = {{"from", "n"}, {"ended", "n"},
                                                 {"p50", "n"},  {"p90", "n"},
                                                 {"p99", "n"},  {"max", "n"}};
    table_opens(out);
    html_table(out, "Latency over virtual time", columns, 6);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        if (bucket->latency_count == 0)
            continue;
        report_buffer_put(out, "<tr>");
        html_ns(out, i * stats->bucket_ns);
        html_count(out, bucket->latency_count);
        html_ns(out, bucket->p50_ns);
        html_ns(out, bucket->p90_ns);
        html_ns(out, bucket->p99_ns);
        html_ns(out, bucket->max_ns);
        html_row_end(out);
    }
    table_closes(out);
}

static void put_split_table(const struct report_stats *stats,
                            struct report_buffer *out)
{
    struct html_column columns[REPORT_PARTS + 1] = {{"from", "n"}};
    for (int k = 0; k < REPORT_PARTS; k++)
        columns[k + 1] =
            (struct html_column){report_part_name((enum report_part)k), "n"};
    table_opens(out);
    html_table(out, "Mean time in each part, over virtual time", columns,
               REPORT_PARTS + 1);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        if (bucket->latency_count == 0)
            continue;
        report_buffer_put(out, "<tr>");
        html_ns(out, i * stats->bucket_ns);
        for (int k = 0; k < REPORT_PARTS; k++)
            html_ns(out, bucket->split_ns[k] / bucket->latency_count);
        html_row_end(out);
    }
    table_closes(out);
}

static void put_load_table(const struct report_stats *stats,
                           struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"from", "n"},      {"due", "n"},     {"ended", "n"},
        {"in flight", "n"}, {"backlog", "n"}, {"faults", "n"}};
    table_opens(out);
    html_table(out, "Runs over virtual time", columns, 6);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        report_buffer_put(out, "<tr>");
        html_ns(out, i * stats->bucket_ns);
        html_count(out, bucket->started);
        html_count(out, bucket->finished);
        html_count(out, bucket->in_flight);
        html_count(out, bucket->backlog);
        html_count(out, bucket->faults);
        html_row_end(out);
    }
    table_closes(out);
}

static void put_bands_key(struct report_buffer *out)
{
    html_key(out, "<path class=\"band down\" d=\"M-10 -6H10V6H-10z\"/>",
             "a process is down");
    html_key(out, "<path class=\"band paused\" d=\"M-10 -6H10V6H-10z\"/>",
             "one stands still");
    html_key(out, "<path class=\"band lasting\" d=\"M-10 -6H10V6H-10z\"/>",
             "a fault lasts");
}

static void put_latency_time(struct html_page *page)
{
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    report_buffer_put(out,
                      "<h3>Latency of runs, by the time they were due</h3>\n");
    report_chart_latency_time(page->model, out);
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out, "<path class=\"p50\" d=\"M-10 0H10\"/>", "p50");
    html_key(out, "<path class=\"p90\" d=\"M-10 0H10\"/>", "p90");
    html_key(out, "<path class=\"p99\" d=\"M-10 0H10\"/>", "p99");
    html_key(out, "<path class=\"max\" d=\"M0 0h0\"/>", "max");
    put_bands_key(out);
    report_buffer_put(out, "</div>\n");
    if (stats->bands_left_out)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " later intervals are not drawn.</p>\n",
                            stats->bands_left_out);
    put_latency_table(stats, out);
}

static void put_split(struct html_page *page)
{
    const struct report_stats *stats = page->model->stats;
    const struct report_hist *parts = stats->split.parts;
    struct report_buffer *out = page->out;
    int left_out = parts[REPORT_PART_WAITING].max > 0 &&
                   !report_chart_draws(stats, REPORT_PART_WAITING);
    if (!parts[0].counts || stats->latency.count == 0)
        return;
    report_buffer_put(
        out, "<h3>What it is made of, by the time they were due</h3>\n");
    report_chart_split(page->model, out);
    report_buffer_put(out, "<div class=\"key\">\n");
    for (int k = 0; k < REPORT_PARTS; k++) {
        char shape[80];
        if (!report_chart_draws(stats, (enum report_part)k))
            continue;
        snprintf(shape, sizeof(shape),
                 "<path class=\"part %s\" d=\"M-10 -6H10V6H-10z\"/>",
                 report_chart_class((enum report_part)k));
        html_key(out, shape, report_part_name((enum report_part)k));
    }
    report_buffer_put(out, "</div>\n");
    if (left_out) {
        struct report_word share;
        report_buffer_print(
            out,
            "<p class=\"note\">Means of the runs due in each slice. Waiting is "
            "left out of the picture: it is %s of all and would hide the "
            "rest.</p>\n",
            report_format_share(&share,
                                report_hist_mean(&parts[REPORT_PART_WAITING]),
                                report_hist_mean(&stats->latency)));
    }
    put_split_table(stats, out);
}

static void put_load(struct html_page *page)
{
    struct report_buffer *out = page->out;
    report_buffer_put(out, "<h3>Runs in flight and backlog</h3>\n");
    report_chart_in_flight(page->model, out);
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out, "<path class=\"area\" d=\"M-10 6V-4H10V6z\"/>",
             "most runs in flight");
    html_key(out, "<path class=\"backlog\" d=\"M-10 0H10\"/>",
             "most attempts that nobody had taken");
    report_buffer_put(out, "</div>\n<h3>Runs per slice</h3>\n");
    report_chart_throughput(page->model, out);
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out, "<path class=\"due\" d=\"M-10 0H10\"/>", "due");
    html_key(out, "<path class=\"ended\" d=\"M-10 0H10\"/>", "ended");
    report_buffer_put(out, "</div>\n");
    put_load_table(page->model->stats, out);
}

int html_has_series(const struct report_model *model)
{
    return model->stats->bucket_count > 0;
}

void html_put_series(struct html_page *page)
{
    struct report_buffer *out = page->out;
    struct report_word word;
    report_buffer_print(out,
                        "<p class=\"note\">In slices of %s. Below the first "
                        "chart: processes down, processes paused, lasting "
                        "faults, faults fired.</p>\n",
                        report_format_ns(&word, page->model->stats->bucket_ns));
    report_chart_patterns(out);
    put_latency_time(page);
    put_split(page);
    put_load(page);
}
