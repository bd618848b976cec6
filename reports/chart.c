#include "reports/chart.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "reports/format.h"
#include "reports/scale.h"

enum {
    LEFT = 620, /* plots: tenths of a unit */
    RIGHT = 9880,
    TICKS_MAX = 9,
    PX_TICK_X = 800,
    PX_TICK_Y = 300,
    BARS_MAX = 90
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
static void attr(struct report_buffer *out, const char *name, int64_t tenths)
{
    report_buffer_print(out, " %s=\"", name);
    report_chart_px(out, tenths);
    report_buffer_put(out, "\"");
}

/* Part of whole of a span of tenths, without overflow; part <= whole. */
static int64_t scaled(uint64_t part, uint64_t whole, int64_t span)
{
    while (whole > UINT64_MAX / 65536) {
        whole >>= 1;
        part >>= 1;
    }
    return whole ? (int64_t)(part * (uint64_t)span / whole) : 0;
}

/* A plot: its place, and what its axes mean. */
struct plot {
    const struct report_model *model;
    struct report_buffer *out;
    int64_t top;
    int64_t bottom;
    uint64_t span_ns; /* x: linear from 0 */
    uint32_t low;     /* y: log2 * 1024, or unused */
    uint32_t high;
    uint64_t most; /* y: linear from 0 */
};

static void svg_open(struct report_buffer *out, int64_t height,
                     const char *label)
{
    report_buffer_print(out,
                        "<div class=\"chart\"><svg viewBox=\"0 0 1000 %" PRId64
                        "\" role=\"img\" aria-label=\"%s\">\n",
                        height, label);
}

static void rule(struct report_buffer *out, const char *class, int64_t x1,
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
static void label(struct report_buffer *out, int64_t x, int64_t y,
                  const char *anchor, const char *text)
{
    report_buffer_print(out, "<text class=\"%s\"", anchor);
    attr(out, "x", x);
    attr(out, "y", y);
    report_buffer_print(out, ">%s</text>\n", text);
}

static int64_t x_of(const struct plot *plot, uint64_t since_ns)
{
    if (since_ns > plot->span_ns)
        since_ns = plot->span_ns;
    return LEFT + scaled(since_ns, plot->span_ns, RIGHT - LEFT);
}

static int64_t log_y(const struct plot *plot, uint64_t value)
{
    uint32_t log = report_scale_log2(value ? value : 1);
    if (log < plot->low)
        log = plot->low;
    if (log > plot->high)
        log = plot->high;
    return plot->bottom - scaled(log - plot->low, plot->high - plot->low,
                                 plot->bottom - plot->top);
}

static int64_t linear_y(const struct plot *plot, uint64_t value)
{
    return plot->bottom - scaled(value, plot->most, plot->bottom - plot->top);
}

/* The step between lines of a linear time axis with few enough of them. */
static uint64_t time_step(uint64_t span_ns)
{
    uint64_t step = 1;
    while (step != UINT64_MAX && span_ns / step > TICKS_MAX)
        step = report_format_next_line(step);
    return step;
}

static void time_axis(const struct plot *plot)
{
    uint64_t step = time_step(plot->span_ns);
    rule(plot->out, "axis", LEFT, plot->bottom, RIGHT, plot->bottom);
    for (uint64_t at = 0; at <= plot->span_ns; at += step) {
        struct report_word word;
        int64_t x = x_of(plot, at);
        rule(plot->out, "axis", x, plot->bottom, x, plot->bottom + 40);
        label(plot->out, x, plot->bottom + 160, x > 9600 ? "e" : "m",
              report_format_line(&word, at));
        if (at > UINT64_MAX - step)
            break;
    }
}

/*
 * The line after this one on a logarithmic axis between two values: round
 * values, or multiples of a round step where the ends are close together.
 */
static uint64_t next_tick(uint64_t low, uint64_t high, uint64_t at)
{
    if (high / 8 >= low)
        return report_format_next_line(at);
    uint64_t step = time_step(high - low);
    return at > UINT64_MAX - step ? UINT64_MAX : (at / step + 1) * step;
}

static void log_axis(const struct plot *plot)
{
    uint64_t low = report_scale_exp2(plot->low / 32);
    uint64_t high = report_scale_exp2(plot->high / 32);
    int64_t last = INT64_MAX;
    for (uint64_t at = next_tick(low, high, low); at < high;
         at = next_tick(low, high, at)) {
        struct report_word word;
        int64_t y = log_y(plot, at);
        if (last - y < PX_TICK_Y)
            continue;
        last = y;
        rule(plot->out, "grid", LEFT, y, RIGHT, y);
        label(plot->out, LEFT - 60, y + 40, "e", report_format_line(&word, at));
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

static void count_axis(const struct plot *plot)
{
    uint64_t step = round_up((plot->most + 3) / 4);
    for (uint64_t at = 0; at <= plot->most; at += step) {
        struct report_word word;
        int64_t y = linear_y(plot, at);
        if (at)
            rule(plot->out, "grid", LEFT, y, RIGHT, y);
        label(plot->out, LEFT - 60, y + 40, "e",
              report_format_count(&word, at));
    }
}

/* Bands as one shape, so that overlapping ones are no darker. */
static void put_bands(const struct plot *plot, int kind, int64_t top,
                      int64_t bottom, const char *class)
{
    const struct report_stats *stats = plot->model->stats;
    int any = 0;
    for (uint32_t i = 0; i < stats->band_count; i++) {
        const struct report_band *band = &stats->bands[i];
        if (kind >= 0 && (int)band->kind != kind)
            continue;
        int64_t from = x_of(plot, band->from_ns - stats->first_ns);
        int64_t to = x_of(plot, band->to_ns - stats->first_ns);
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
static void put_fault_ticks(const struct plot *plot, int64_t top,
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
            plot->out, x_of(plot, i * stats->bucket_ns + stats->bucket_ns / 2));
        report_buffer_put(plot->out, " ");
        report_chart_px(plot->out, top);
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, bottom);
    }
    if (any)
        report_buffer_put(plot->out, "\"/>\n");
}

/* Rows below a plot that say what was broken when. */
static void put_fault_rows(const struct plot *plot, int64_t top)
{
    static const char *const names[] = {"down", "paused", "lasting", "fired"};
    static const char *const classes[] = {"down", "paused", "lasting"};
    for (int i = 0; i < 4; i++) {
        int64_t y = top + (int64_t)i * 140;
        label(plot->out, LEFT - 60, y + 85, "e", names[i]);
        rule(plot->out, "grid", LEFT, y + 100, RIGHT, y + 100);
        if (i < 3)
            put_bands(plot, i, y + 10, y + 100, classes[i]);
        else
            put_fault_ticks(plot, y + 10, y + 100);
    }
}

/* A point of a polyline; the first of a stretch moves, the others draw. */
static void point(struct report_buffer *out, int draw, int64_t x, int64_t y)
{
    report_buffer_put(out, draw ? "L" : "M");
    report_chart_px(out, x);
    report_buffer_put(out, " ");
    report_chart_px(out, y);
    if (!draw)
        report_buffer_put(out, "h0"); /* a lone point is seen as a dot */
}

enum series {
    SERIES_P50,
    SERIES_P99,
    SERIES_MAX
};

static uint64_t latency_of(const struct report_bucket *bucket,
                           enum series series)
{
    return series == SERIES_P50   ? bucket->p50_ns
           : series == SERIES_P99 ? bucket->p99_ns
                                  : bucket->max_ns;
}

/* The middle of a slice. */
static int64_t slice_x(const struct plot *plot, uint32_t index)
{
    uint64_t width = plot->model->stats->bucket_ns;
    return x_of(plot, index * width + width / 2);
}

static void put_latency_line(const struct plot *plot, enum series series,
                             const char *class)
{
    const struct report_stats *stats = plot->model->stats;
    int draw = 0;
    report_buffer_print(plot->out, "<path class=\"%s\" d=\"M0 0", class);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        if (bucket->latency_count == 0) {
            draw = 0;
            continue;
        }
        point(plot->out, draw && series != SERIES_MAX, slice_x(plot, i),
              log_y(plot, latency_of(bucket, series)));
        draw = 1;
    }
    report_buffer_put(plot->out, "\"/>\n");
}

/* The range of a logarithmic axis that holds all latencies. */
static void fit_log(struct plot *plot)
{
    const struct report_hist *hist = &plot->model->stats->latency;
    uint64_t low = report_hist_at(hist, 1000);
    uint64_t high = hist->max;
    plot->low = report_scale_log2(low > 1 ? low : 1);
    plot->high = report_scale_log2(high > 1 ? high : 1);
    plot->low -= plot->low > 300 ? 300 : plot->low;
    plot->high += 300;
}

static struct plot time_plot(const struct report_model *model,
                             struct report_buffer *out, int64_t bottom)
{
    const struct report_stats *stats = model->stats;
    uint64_t span = stats->last_ns - stats->first_ns;
    return (struct plot){.model = model,
                         .out = out,
                         .top = 100,
                         .bottom = bottom,
                         .span_ns = span ? span : 1};
}

void report_chart_latency_time(const struct report_model *model,
                               struct report_buffer *out)
{
    struct plot plot = time_plot(model, out, 2300);
    fit_log(&plot);
    svg_open(out, 310, "Latency over virtual time");
    put_bands(&plot, -1, plot.top, plot.bottom, "band");
    log_axis(&plot);
    put_latency_line(&plot, SERIES_MAX, "max");
    put_latency_line(&plot, SERIES_P99, "p99");
    put_latency_line(&plot, SERIES_P50, "p50");
    time_axis(&plot);
    put_fault_rows(&plot, 2520);
    report_buffer_put(out, "</svg></div>\n");
}

typedef uint64_t count_of(const struct report_bucket *bucket);

static uint64_t in_flight_of(const struct report_bucket *bucket)
{
    return bucket->in_flight;
}

static uint64_t started_of(const struct report_bucket *bucket)
{
    return bucket->started;
}

static uint64_t finished_of(const struct report_bucket *bucket)
{
    return bucket->finished;
}

static void fit_count(struct plot *plot, count_of *count)
{
    const struct report_stats *stats = plot->model->stats;
    for (uint32_t i = 0; i < stats->bucket_count; i++)
        if (count(&stats->buckets[i]) > plot->most)
            plot->most = count(&stats->buckets[i]);
    if (plot->most == 0)
        plot->most = 1;
}

/* Steps, one slice each; closed down to the axis for an area. */
static void put_steps(const struct plot *plot, count_of *count,
                      const char *class, int area)
{
    const struct report_stats *stats = plot->model->stats;
    report_buffer_print(plot->out, "<path class=\"%s\" d=\"M", class);
    report_chart_px(plot->out, LEFT);
    report_buffer_put(plot->out, " ");
    report_chart_px(plot->out, plot->bottom);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, linear_y(plot, count(&stats->buckets[i])));
        report_buffer_put(plot->out, "H");
        report_chart_px(plot->out, x_of(plot, (i + 1) * stats->bucket_ns));
    }
    report_buffer_put(plot->out, "V");
    report_chart_px(plot->out, plot->bottom);
    report_buffer_put(plot->out, area ? "z\"/>\n" : "\"/>\n");
}

void report_chart_in_flight(const struct report_model *model,
                            struct report_buffer *out)
{
    struct plot plot = time_plot(model, out, 1300);
    fit_count(&plot, in_flight_of);
    svg_open(out, 152, "Runs in flight over virtual time");
    put_bands(&plot, -1, plot.top, plot.bottom, "band");
    count_axis(&plot);
    put_steps(&plot, in_flight_of, "area", 1);
    time_axis(&plot);
    report_buffer_put(out, "</svg></div>\n");
}

void report_chart_throughput(const struct report_model *model,
                             struct report_buffer *out)
{
    struct plot plot = time_plot(model, out, 1300);
    fit_count(&plot, started_of);
    fit_count(&plot, finished_of);
    svg_open(out, 152, "Runs due and ended over virtual time");
    put_bands(&plot, -1, plot.top, plot.bottom, "band");
    count_axis(&plot);
    put_steps(&plot, started_of, "due", 0);
    put_steps(&plot, finished_of, "ended", 0);
    time_axis(&plot);
    report_buffer_put(out, "</svg></div>\n");
}

/* The distribution: bars of equal width on the logarithmic axis. */

static int64_t log_x(const struct report_bins *bins, uint64_t value)
{
    uint32_t from = bins->first * 32;
    uint32_t span = bins->count * bins->step * 32;
    uint32_t log = report_scale_log2(value ? value : 1);
    log = log < from ? from : log > from + span ? from + span : log;
    return LEFT + scaled(log - from, span, RIGHT - LEFT);
}

static void put_bars(const struct plot *plot, const struct report_hist *hist,
                     const struct report_bins *bins)
{
    int64_t width = RIGHT - LEFT;
    for (uint32_t i = 0; i < bins->count; i++) {
        uint64_t count = report_scale_count(bins, hist, i);
        if (count == 0)
            continue;
        int64_t from = LEFT + width * i / bins->count;
        int64_t to = LEFT + width * (i + 1) / bins->count;
        int64_t y = linear_y(plot, count);
        if (y > plot->bottom - 15)
            y = plot->bottom - 15; /* few are not none */
        report_buffer_put(plot->out, "<rect class=\"bar\"");
        attr(plot->out, "x", from + 5);
        attr(plot->out, "y", y);
        attr(plot->out, "width", to - from - 10);
        attr(plot->out, "height", plot->bottom - y);
        report_buffer_put(plot->out, "/>\n");
    }
}

static void log_time_axis(const struct plot *plot,
                          const struct report_bins *bins)
{
    int64_t last = INT64_MIN / 2;
    uint64_t low = report_scale_edge(bins, 0);
    uint64_t high = report_scale_edge(bins, bins->count);
    rule(plot->out, "axis", LEFT, plot->bottom, RIGHT, plot->bottom);
    for (uint64_t at = next_tick(low, high, low); at < high;
         at = next_tick(low, high, at)) {
        struct report_word word;
        int64_t x = log_x(bins, at);
        rule(plot->out, "axis", x, plot->bottom, x, plot->bottom + 40);
        if (x - last < PX_TICK_X)
            continue;
        last = x;
        label(plot->out, x, plot->bottom + 160, "m",
              report_format_line(&word, at));
    }
}

static void put_percentiles(const struct plot *plot,
                            const struct report_hist *hist,
                            const struct report_bins *bins)
{
    static const char *const names[] = {"p50", "p90", "p99", "p99.9"};
    static const uint32_t ppm[] = {500000, 900000, 990000, 999000};
    for (int i = 0; i < 4; i++) {
        int64_t x = log_x(bins, report_hist_at(hist, ppm[i]));
        int64_t y = 100 + i * 130;
        rule(plot->out, "mark", x, y, x, plot->bottom);
        label(plot->out, x > 9400 ? x - 40 : x + 40, y + 60,
              x > 9400 ? "e" : "s", names[i]);
    }
}

void report_chart_latency(const struct report_model *model,
                          struct report_buffer *out)
{
    const struct report_hist *hist = &model->stats->latency;
    struct plot plot = {.model = model, .out = out, .top = 300, .bottom = 2100};
    struct report_bins bins = report_scale_fit(hist, BARS_MAX);
    plot.most = bins.most;
    svg_open(out, 232, "Distribution of run latency");
    count_axis(&plot);
    put_bars(&plot, hist, &bins);
    put_percentiles(&plot, hist, &bins);
    log_time_axis(&plot, &bins);
    report_buffer_put(out, "</svg></div>\n");
}
