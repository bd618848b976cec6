/* Charts, each with a table behind it. */
#include <inttypes.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/html.h"

enum {
    MARKS = 9
};

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
    report_buffer_put(out, "<details><summary>The same as a table</summary>\n");
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
    html_table_end(out);
    report_buffer_put(out, "</details>\n");
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
    report_chart_latency(page->model, out);
    put_percentiles(hist, out);
    put_distribution(hist, out);
}

static void put_bucket_table(const struct report_stats *stats,
                             struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"from", "n"},   {"due", "n"}, {"ended", "n"}, {"in flight", "n"},
        {"faults", "n"}, {"p50", "n"}, {"p99", "n"},   {"max", "n"}};
    report_buffer_put(
        out, "<details><summary>The three charts as a table</summary>\n");
    html_table(out, "Figures over virtual time", columns, 8);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        report_buffer_put(out, "<tr>");
        html_ns(out, i * stats->bucket_ns);
        html_count(out, bucket->started);
        html_count(out, bucket->finished);
        html_count(out, bucket->in_flight);
        html_count(out, bucket->faults);
        if (bucket->latency_count) {
            html_ns(out, bucket->p50_ns);
            html_ns(out, bucket->p99_ns);
            html_ns(out, bucket->max_ns);
        } else {
            report_buffer_put(out, "<td></td><td></td><td></td>");
        }
        html_row_end(out);
    }
    html_table_end(out);
    report_buffer_put(out, "</details>\n");
}

static void put_time_key(const struct report_stats *stats,
                         struct report_buffer *out)
{
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out, "<path class=\"p50\" d=\"M-10 0H10\"/>", "p50");
    html_key(out, "<path class=\"p99\" d=\"M-10 0H10\"/>", "p99");
    html_key(out, "<path class=\"max\" d=\"M0 0h0\"/>", "max");
    html_key(out, "<path class=\"band\" d=\"M-10 -6H10V6H-10z\"/>",
             "something is broken");
    report_buffer_put(out, "</div>\n");
    if (stats->bands_left_out)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " later intervals are not drawn.</p>\n",
                            stats->bands_left_out);
}

int html_has_series(const struct report_model *model)
{
    return model->stats->bucket_count > 0;
}

void html_put_series(struct html_page *page)
{
    const struct report_model *model = page->model;
    const struct report_stats *stats = model->stats;
    struct report_buffer *out = page->out;
    struct report_word word;
    report_buffer_print(out,
                        "<p class=\"note\">In slices of %s. Below the first "
                        "chart: processes down, processes paused, lasting "
                        "faults, faults fired.</p>\n",
                        report_format_ns(&word, stats->bucket_ns));
    report_buffer_put(out,
                      "<h3>Latency of runs, by the time they were due</h3>\n");
    report_chart_latency_time(model, out);
    put_time_key(stats, out);
    report_buffer_put(out, "<h3>Runs in flight</h3>\n");
    report_chart_in_flight(model, out);
    report_buffer_put(out, "<h3>Runs per slice</h3>\n");
    report_chart_throughput(model, out);
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out, "<path class=\"due\" d=\"M-10 0H10\"/>", "due");
    html_key(out, "<path class=\"ended\" d=\"M-10 0H10\"/>", "ended");
    report_buffer_put(out, "</div>\n");
    put_bucket_table(stats, out);
}
