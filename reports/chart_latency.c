/* How the latencies of runs are distributed. */
#include "reports/chart.h"
#include "reports/format.h"
#include "reports/plot.h"
#include "reports/scale.h"

enum {
    BARS_MAX = 90
};

/* The distribution: bars of equal width on the logarithmic axis. */

static int64_t log_x(const struct report_bins *bins, uint64_t value)
{
    uint32_t from = bins->first * 32;
    uint32_t span = bins->count * bins->step * 32;
    uint32_t log = report_scale_log2(value ? value : 1);
    log = log < from ? from : log > from + span ? from + span : log;
    return REPORT_PLOT_LEFT +
           report_plot_scaled(log - from, span,
                              REPORT_PLOT_RIGHT - REPORT_PLOT_LEFT);
}

static void put_bars(const struct report_plot *plot,
                     const struct report_hist *hist,
                     const struct report_bins *bins)
{
    int64_t width = REPORT_PLOT_RIGHT - REPORT_PLOT_LEFT;
    for (uint32_t i = 0; i < bins->count; i++) {
        uint64_t count = report_scale_count(bins, hist, i);
        if (count == 0)
            continue;
        int64_t from = REPORT_PLOT_LEFT + width * i / bins->count;
        int64_t to = REPORT_PLOT_LEFT + width * (i + 1) / bins->count;
        int64_t y = report_plot_linear_y(plot, count);
        if (y > plot->bottom - 15)
            y = plot->bottom - 15; /* few are not none */
        report_buffer_put(plot->out, "<rect class=\"bar\"");
        report_plot_attr(plot->out, "x", from + 5);
        report_plot_attr(plot->out, "y", y);
        report_plot_attr(plot->out, "width", to - from - 10);
        report_plot_attr(plot->out, "height", plot->bottom - y);
        report_buffer_put(plot->out, "/>\n");
    }
}

static void log_time_axis(const struct report_plot *plot,
                          const struct report_bins *bins)
{
    int64_t last = INT64_MIN / 2;
    uint64_t low = report_scale_edge(bins, 0);
    uint64_t high = report_scale_edge(bins, bins->count);
    report_plot_rule(plot->out, "axis", REPORT_PLOT_LEFT, plot->bottom,
                     REPORT_PLOT_RIGHT, plot->bottom);
    for (uint64_t at = report_plot_next_tick(low, high, low); at < high;
         at = report_plot_next_tick(low, high, at)) {
        struct report_word word;
        int64_t x = log_x(bins, at);
        report_plot_rule(plot->out, "axis", x, plot->bottom, x,
                         plot->bottom + 40);
        if (x - last < REPORT_PLOT_TICK_X)
            continue;
        last = x;
        report_plot_label(plot->out, x, plot->bottom + 160, "m",
                          report_format_line(&word, at));
    }
}

static void put_percentiles(const struct report_plot *plot,
                            const struct report_hist *hist,
                            const struct report_bins *bins)
{
    static const char *const names[] = {"p50", "p90", "p99", "p99.9"};
    static const uint32_t ppm[] = {500000, 900000, 990000, 999000};
    for (int i = 0; i < 4; i++) {
        int64_t x = log_x(bins, report_hist_at(hist, ppm[i]));
        int64_t y = 100 + i * 130;
        report_plot_rule(plot->out, "mark", x, y, x, plot->bottom);
        report_plot_label(plot->out, x > 9400 ? x - 40 : x + 40, y + 60,
                          x > 9400 ? "e" : "s", names[i]);
    }
}

void report_chart_latency(const struct report_model *model,
                          struct report_buffer *out)
{
    const struct report_hist *hist = &model->stats->latency;
    struct report_plot plot = {
        .model = model, .out = out, .top = 300, .bottom = 2100};
    struct report_bins bins = report_scale_fit(hist, BARS_MAX);
    plot.most = bins.most;
    report_plot_open(out, "distribution", 232, "Distribution of run latency");
    report_plot_count_axis(&plot);
    put_bars(&plot, hist, &bins);
    put_percentiles(&plot, hist, &bins);
    log_time_axis(&plot, &bins);
    report_plot_close(out);
}

/*
 * The spectrum: how long a run takes by the share of runs that took longer,
 * on an axis on which each nine of a percentile is as wide as the one before.
 */

/* The x of a share of which so many of all runs took longer. */
static int64_t rank_x(uint64_t count, uint64_t longer)
{
    uint32_t span = report_scale_log2(count) + 1024;
    uint32_t log = longer ? report_scale_log2(count) - report_scale_log2(longer)
                          : span; /* half a run, for want of a whole one */
    return REPORT_PLOT_LEFT +
           report_plot_scaled(log, span, REPORT_PLOT_RIGHT - REPORT_PLOT_LEFT);
}

/* "90 %", "99.9 %", .. where 1 in ten, in a thousand, .. took longer. */
static void rank_axis(const struct report_plot *plot, uint64_t count)
{
    static const struct {
        const char *name;
        uint64_t part; /* longer: 1 in so many */
    } ticks[] = {{"0 %", 1},           {"50 %", 2},
                 {"90 %", 10},         {"99 %", 100},
                 {"99.9 %", 1000},     {"99.99 %", 10000},
                 {"99.999 %", 100000}, {"99.9999 %", 1000000}};
    uint32_t span = report_scale_log2(count) + 1024;
    report_plot_rule(plot->out, "axis", REPORT_PLOT_LEFT, plot->bottom,
                     REPORT_PLOT_RIGHT, plot->bottom);
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        uint32_t log = report_scale_log2(ticks[i].part);
        if (log > span)
            break;
        int64_t x =
            REPORT_PLOT_LEFT +
            report_plot_scaled(log, span, REPORT_PLOT_RIGHT - REPORT_PLOT_LEFT);
        report_plot_rule(plot->out, "grid", x, plot->top, x, plot->bottom);
        report_plot_rule(plot->out, "axis", x, plot->bottom, x,
                         plot->bottom + 40);
        report_plot_label(plot->out, x, plot->bottom + 160,
                          x > 9500 ? "e" : "m", ticks[i].name);
    }
}

/* Values and how many are beyond them, not closer than a unit. */
static void put_spectrum(const struct report_plot *plot,
                         const struct report_hist *hist)
{
    uint64_t seen = 0;
    uint32_t last = report_hist_index(hist->bits, hist->max);
    int64_t drawn = REPORT_PLOT_LEFT;
    report_buffer_put(plot->out, "<path class=\"spectrum\" d=\"");
    report_plot_point(plot->out, 0, drawn, report_plot_log_y(plot, hist->min));
    for (uint32_t i = report_hist_index(hist->bits, hist->min); i <= last;
         i++) {
        if (hist->counts[i] == 0)
            continue;
        seen += hist->counts[i];
        int64_t x = rank_x(hist->count, hist->count - seen);
        uint64_t top = report_hist_edge(hist->bits, i + 1) - 1;
        if (x - drawn < 10 && i < last)
            continue;
        drawn = x;
        report_plot_point(plot->out, 1, x,
                          report_plot_log_y(plot, i == last || top > hist->max
                                                      ? hist->max
                                                      : top));
    }
    report_buffer_put(plot->out, "\"/>\n");
}

void report_chart_spectrum(const struct report_model *model,
                           struct report_buffer *out)
{
    const struct report_hist *hist = &model->stats->latency;
    struct report_plot plot = {
        .model = model, .out = out, .top = 100, .bottom = 2100};
    report_plot_fit_log(&plot);
    report_plot_open(out, "spectrum", 232,
                     "Latency by the share of runs that took no longer");
    report_plot_log_axis(&plot);
    rank_axis(&plot, hist->count);
    put_spectrum(&plot, hist);
    report_plot_close(out);
}
