#include "reports/plot.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/scale.h"

enum {
    TICKS_MAX = 9,
    LINES_MAX = 5,
    TICK_Y = 300
};

void report_chart_px(struct report_buffer *out, int64_t tenths)
{
    if (tenths < 0) {
        report_buffer_put(out, "-");
        tenths = -tenths;
    }
    report_buffer_print(out, "%" PRId64, tenths / 10);
    if (tenths % 10)
        report_buffer_print(out, ".%" PRId64, tenths % 10);
}

/* An attribute: name="12.3". */
void report_plot_attr(struct report_buffer *out, const char *name,
                      int64_t tenths)
{
    report_buffer_print(out, " %s=\"", name);
    report_chart_px(out, tenths);
    report_buffer_put(out, "\"");
}

/* Part of whole of a span of tenths, without overflow; part <= whole. */
int64_t report_plot_scaled(uint64_t part, uint64_t whole, int64_t span)
{
    while (whole > UINT64_MAX / 65536) {
        whole >>= 1;
        part >>= 1;
    }
    return whole ? (int64_t)(part * (uint64_t)span / whole) : 0;
}

void report_plot_open(struct report_buffer *out, const char *id, int64_t height,
                      const char *label)
{
    report_buffer_print(out,
                        "<div class=\"chart\" id=\"chart-%s\"><svg viewBox=\"0 "
                        "0 1000 %" PRId64
                        "\" role=\"img\" aria-label=\"%s\">\n",
                        id, height, label);
}

void report_plot_close(struct report_buffer *out)
{
    report_buffer_put(out, "</svg></div>\n");
}

void report_plot_rule(struct report_buffer *out, const char *class, int64_t x1,
                      int64_t y1, int64_t x2, int64_t y2)
{
    report_buffer_print(out, "<path class=\"%s\" d=\"M", class);
    report_chart_px(out, x1);
    report_buffer_put(out, " ");
    report_chart_px(out, y1);
    report_buffer_put(out, x1 == x2 ? "V" : "H");
    report_chart_px(out, x1 == x2 ? y2 : x2);
    report_buffer_put(out, "\"/>\n");
}

/* Trusted text; anchor is s, m or e for start, middle and end. */
void report_plot_label(struct report_buffer *out, int64_t x, int64_t y,
                       const char *anchor, const char *text)
{
    report_buffer_print(out, "<text class=\"%s\"", anchor);
    report_plot_attr(out, "x", x);
    report_plot_attr(out, "y", y);
    report_buffer_print(out, ">%s</text>\n", text);
}

int64_t report_plot_x(const struct report_plot *plot, uint64_t since_ns)
{
    if (since_ns > plot->span_ns)
        since_ns = plot->span_ns;
    return REPORT_PLOT_LEFT +
           report_plot_scaled(since_ns, plot->span_ns,
                              REPORT_PLOT_RIGHT - REPORT_PLOT_LEFT);
}

int64_t report_plot_log_y(const struct report_plot *plot, uint64_t value)
{
    uint32_t log = report_scale_log2(value ? value : 1);
    if (log < plot->low)
        log = plot->low;
    if (log > plot->high)
        log = plot->high;
    return plot->bottom - report_plot_scaled(log - plot->low,
                                             plot->high - plot->low,
                                             plot->bottom - plot->top);
}

int64_t report_plot_linear_y(const struct report_plot *plot, uint64_t value)
{
    return plot->bottom -
           report_plot_scaled(value, plot->most, plot->bottom - plot->top);
}

/* The step between lines of a linear time axis with few enough of them. */
static uint64_t time_step(uint64_t span_ns)
{
    uint64_t step = 1;
    while (step != UINT64_MAX && span_ns / step > TICKS_MAX)
        step = report_format_next_line(step);
    return step;
}

void report_plot_time_axis(const struct report_plot *plot)
{
    uint64_t step = time_step(plot->span_ns);
    report_plot_rule(plot->out, "axis", REPORT_PLOT_LEFT, plot->bottom,
                     REPORT_PLOT_RIGHT, plot->bottom);
    for (uint64_t at = 0; at <= plot->span_ns; at += step) {
        struct report_word word;
        int64_t x = report_plot_x(plot, at);
        report_plot_rule(plot->out, "axis", x, plot->bottom, x,
                         plot->bottom + 40);
        report_plot_label(plot->out, x, plot->bottom + 160,
                          x > 9600 ? "e" : "m", report_format_line(&word, at));
        if (at > UINT64_MAX - step)
            break;
    }
}

/*
 * The line after this one on a logarithmic axis between two values: round
 * values, or multiples of a round step where the ends are close together.
 */
uint64_t report_plot_next_tick(uint64_t low, uint64_t high, uint64_t at)
{
    if (high / 8 >= low)
        return report_format_next_line(at);
    uint64_t step = time_step(high - low);
    return at > UINT64_MAX - step ? UINT64_MAX : (at / step + 1) * step;
}

void report_plot_log_axis(const struct report_plot *plot)
{
    uint64_t low = report_scale_exp2(plot->low / 32);
    uint64_t high = report_scale_exp2(plot->high / 32);
    int64_t last = INT64_MAX;
    for (uint64_t at = report_plot_next_tick(low, high, low); at < high;
         at = report_plot_next_tick(low, high, at)) {
        struct report_word word;
        int64_t y = report_plot_log_y(plot, at);
        if (last - y < TICK_Y)
            continue;
        last = y;
        report_plot_rule(plot->out, "grid", REPORT_PLOT_LEFT, y,
                         REPORT_PLOT_RIGHT, y);
        report_plot_label(plot->out, REPORT_PLOT_LEFT - 60, y + 40, "e",
                          report_format_line(&word, at));
    }
}

/* Rounds up to 1, 2 or 5 times a power of ten; at least 1. */
static uint64_t round_up(uint64_t value)
{
    uint64_t power = 1;
    while (power < value / 10)
        power *= 10;
    static const uint64_t steps[] = {1, 2, 5, 10, 20, 50, 100};
    for (unsigned i = 0; i < 7; i++)
        if (steps[i] * power >= value)
            return steps[i] * power;
    return value;
}

void report_plot_count_axis(const struct report_plot *plot)
{
    uint64_t step = round_up((plot->most + 3) / 4);
    for (uint64_t at = 0; at <= plot->most; at += step) {
        struct report_word word;
        int64_t y = report_plot_linear_y(plot, at);
        if (at)
            report_plot_rule(plot->out, "grid", REPORT_PLOT_LEFT, y,
                             REPORT_PLOT_RIGHT, y);
        report_plot_label(plot->out, REPORT_PLOT_LEFT - 60, y + 40, "e",
                          report_format_count(&word, at));
    }
}

void report_plot_ns_axis(const struct report_plot *plot)
{
    uint64_t step = 1;
    while (step != UINT64_MAX && plot->most / step > LINES_MAX)
        step = report_format_next_line(step);
    for (uint64_t at = 0; at <= plot->most; at += step) {
        struct report_word word;
        int64_t y = report_plot_linear_y(plot, at);
        if (at)
            report_plot_rule(plot->out, "grid", REPORT_PLOT_LEFT, y,
                             REPORT_PLOT_RIGHT, y);
        report_plot_label(plot->out, REPORT_PLOT_LEFT - 60, y + 40, "e",
                          report_format_line(&word, at));
        if (at > UINT64_MAX - step)
            break;
    }
}

/* Bands as one shape, so that overlapping ones are no darker. */
static void put_bands(const struct report_plot *plot, int kind, int64_t top,
                      int64_t bottom, const char *class)
{
    const struct report_stats *stats = plot->model->stats;
    int any = 0;
    for (uint32_t i = 0; i < stats->band_count; i++) {
        const struct report_band *band = &stats->bands[i];
        if ((int)band->kind != kind)
            continue;
        int64_t from = report_plot_x(plot, band->from_ns - stats->first_ns);
        int64_t to = report_plot_x(plot, band->to_ns - stats->first_ns);
        if (to < from + 10)
            to = from + 10;
        if (!any)
            report_buffer_print(plot->out, "<path class=\"%s\" d=\"", class);
        any = 1;
        report_buffer_put(plot->out, "M");
        report_chart_px(plot->out, from);
        report_buffer_put(plot->out, " ");
        report_chart_px(plot->out, top);
        report_buffer_put(plot->out, "H");
        report_chart_px(plot->out, to);
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, bottom);
        report_buffer_put(plot->out, "H");
        report_chart_px(plot->out, from);
        report_buffer_put(plot->out, "z");
    }
    if (any)
        report_buffer_put(plot->out, "\"/>\n");
}

/* A tick for every slice in which faults fired, darker with more of them. */
static void put_fault_ticks(const struct report_plot *plot, int64_t top,
                            int64_t bottom)
{
    const struct report_stats *stats = plot->model->stats;
    int any = 0;
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        if (stats->buckets[i].faults == 0)
            continue;
        if (!any)
            report_buffer_put(plot->out, "<path class=\"tick\" d=\"");
        any = 1;
        report_buffer_put(plot->out, "M");
        report_chart_px(
            plot->out,
            report_plot_x(plot, i * stats->bucket_ns + stats->bucket_ns / 2));
        report_buffer_put(plot->out, " ");
        report_chart_px(plot->out, top);
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, bottom);
    }
    if (any)
        report_buffer_put(plot->out, "\"/>\n");
}

void report_plot_bands(const struct report_plot *plot)
{
    static const char *const classes[] = {"band down", "band paused",
                                          "band lasting"};
    for (int i = 0; i < 3; i++)
        put_bands(plot, i, plot->top, plot->bottom, classes[i]);
}

/* Rows below a plot that say what was broken when. */
void report_plot_fault_rows(const struct report_plot *plot, int64_t top)
{
    static const char *const names[] = {"down", "paused", "lasting", "fired"};
    static const char *const classes[] = {"row down", "row paused",
                                          "row lasting"};
    for (int i = 0; i < 4; i++) {
        int64_t y = top + (int64_t)i * 140;
        report_plot_label(plot->out, REPORT_PLOT_LEFT - 60, y + 85, "e",
                          names[i]);
        report_plot_rule(plot->out, "grid", REPORT_PLOT_LEFT, y + 100,
                         REPORT_PLOT_RIGHT, y + 100);
        if (i < 3)
            put_bands(plot, i, y + 10, y + 100, classes[i]);
        else
            put_fault_ticks(plot, y + 10, y + 100);
    }
}

/* A point of a polyline; the first of a stretch moves, the others draw. */
void report_plot_point(struct report_buffer *out, int draw, int64_t x,
                       int64_t y)
{
    report_buffer_put(out, draw ? "L" : "M");
    report_chart_px(out, x);
    report_buffer_put(out, " ");
    report_chart_px(out, y);
    if (!draw)
        report_buffer_put(out, "h0"); /* a lone point is seen as a dot */
}

/* The range of a logarithmic axis that holds all latencies. */
void report_plot_fit_log(struct report_plot *plot)
{
    const struct report_hist *hist = &plot->model->stats->latency;
    uint64_t low = report_hist_at(hist, 1000);
    uint64_t high = hist->max;
    plot->low = report_scale_log2(low > 1 ? low : 1);
    plot->high = report_scale_log2(high > 1 ? high : 1);
    plot->low -= plot->low > 300 ? 300 : plot->low;
    plot->high += 300;
}

struct report_plot report_plot_over_time(const struct report_model *model,
                                         struct report_buffer *out,
                                         int64_t bottom)
{
    const struct report_stats *stats = model->stats;
    uint64_t span = stats->last_ns - stats->first_ns;
    return (struct report_plot){.model = model,
                                .out = out,
                                .top = 100,
                                .bottom = bottom,
                                .span_ns = span ? span : 1};
}
