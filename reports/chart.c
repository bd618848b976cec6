/* Charts over virtual time. */
#include "reports/chart.h"

#include "reports/plot.h"

typedef uint64_t value_of(const struct report_bucket *bucket);

static uint64_t p50_of(const struct report_bucket *bucket)
{
    return bucket->p50_ns;
}

static uint64_t p90_of(const struct report_bucket *bucket)
{
    return bucket->p90_ns;
}

static uint64_t p99_of(const struct report_bucket *bucket)
{
    return bucket->p99_ns;
}

static uint64_t max_of(const struct report_bucket *bucket)
{
    return bucket->max_ns;
}

static uint64_t in_flight_of(const struct report_bucket *bucket)
{
    return bucket->in_flight;
}

static uint64_t backlog_of(const struct report_bucket *bucket)
{
    return bucket->backlog;
}

static uint64_t started_of(const struct report_bucket *bucket)
{
    return bucket->started;
}

static uint64_t finished_of(const struct report_bucket *bucket)
{
    return bucket->finished;
}

void report_chart_patterns(struct report_buffer *out)
{
    static const struct {
        const char *name;
        const char *marks;
    } patterns[] = {{"replay", "M1.5 1.5h.01M4.5 4.5h.01"},
                    {"start-up", "M0 6L6 0"},
                    {"retry-wait", "M0 0L6 6"},
                    {"waiting", "M0 3H6"},
                    {"engine", "M3 0V6"},
                    {"down", "M0 6L6 0"},
                    {"paused", "M0 0L6 6"},
                    {"lasting", "M3 0V6"}};
    report_buffer_put(out, "<svg class=\"patterns\" width=\"0\" "
                           "height=\"0\" aria-hidden=\"true\"><defs>\n");
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        report_buffer_print(
            out,
            "<pattern id=\"on-%s\" width=\"6\" height=\"6\" "
            "patternUnits=\"userSpaceOnUse\"><rect class=\"f-%s\" "
            "width=\"6\" height=\"6\"/><path class=\"m-%s\" "
            "d=\"%s\"/></pattern>\n",
            patterns[i].name, patterns[i].name, patterns[i].name,
            patterns[i].marks);
    report_buffer_put(out, "</defs></svg>\n");
}

/* The middle of a slice. */
static int64_t slice_x(const struct report_plot *plot, uint32_t index)
{
    uint64_t width = plot->model->stats->bucket_ns;
    return report_plot_x(plot, index * width + width / 2);
}

/* A line through slices in which runs were due, or a dot in each. */
static void put_latency(const struct report_plot *plot, value_of *value,
                        const char *class, int dots)
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
        report_plot_point(plot->out, draw && !dots, slice_x(plot, i),
                          report_plot_log_y(plot, value(bucket)));
        draw = 1;
    }
    report_buffer_put(plot->out, "\"/>\n");
}

void report_chart_latency_time(const struct report_model *model,
                               struct report_buffer *out)
{
    struct report_plot plot = report_plot_over_time(model, out, 2300);
    report_plot_fit_log(&plot);
    report_plot_open(out, "latency", 310, "Latency over virtual time");
    report_plot_bands(&plot);
    report_plot_log_axis(&plot);
    put_latency(&plot, max_of, "max", 1);
    put_latency(&plot, p99_of, "p99", 0);
    put_latency(&plot, p90_of, "p90", 0);
    put_latency(&plot, p50_of, "p50", 0);
    report_plot_time_axis(&plot);
    report_plot_fault_rows(&plot, 2520);
    report_plot_close(out);
}

int report_chart_draws(const struct report_stats *stats, enum report_part part)
{
    const struct report_hist *hist = &stats->split.parts[part];
    if (!hist->counts || hist->max == 0)
        return 0;
    return part != REPORT_PART_WAITING ||
           report_hist_mean(hist) <= report_hist_mean(&stats->latency) / 2;
}

/* The mean of a part over the runs that were due in a slice. */
static uint64_t mean_of(const struct report_bucket *bucket,
                        enum report_part part)
{
    return bucket->latency_count
               ? bucket->split_ns[part] / bucket->latency_count
               : 0;
}

static void put_part(const struct report_plot *plot, enum report_part part,
                     uint64_t below[REPORT_BUCKETS_MAX])
{
    const struct report_stats *stats = plot->model->stats;
    int any = 0;
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        uint64_t ns = mean_of(&stats->buckets[i], part);
        int64_t from = report_plot_linear_y(plot, below[i]);
        below[i] += ns;
        int64_t to = report_plot_linear_y(plot, below[i]);
        if (from == to)
            continue;
        report_buffer_print(plot->out,
                            any ? "M" : "<path class=\"part %s\" d=\"M",
                            report_chart_class(part));
        any = 1;
        report_chart_px(plot->out, report_plot_x(plot, i * stats->bucket_ns));
        report_buffer_put(plot->out, " ");
        report_chart_px(plot->out, from);
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, to);
        report_buffer_put(plot->out, "H");
        report_chart_px(plot->out,
                        report_plot_x(plot, (i + 1) * stats->bucket_ns));
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out, from);
        report_buffer_put(plot->out, "z");
    }
    if (any)
        report_buffer_put(plot->out, "\"/>\n");
}

const char *report_chart_class(enum report_part part)
{
    static const char *const classes[REPORT_PARTS] = {
        "service",    "replay",  "start-up", "queueing",
        "retry-wait", "waiting", "engine"};
    return classes[part];
}

void report_chart_split(const struct report_model *model,
                        struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    struct report_plot plot = report_plot_over_time(model, out, 1900);
    uint64_t below[REPORT_BUCKETS_MAX] = {0};
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        uint64_t sum = 0;
        for (int k = 0; k < REPORT_PARTS; k++)
            if (report_chart_draws(stats, (enum report_part)k))
                sum += mean_of(&stats->buckets[i], (enum report_part)k);
        plot.most = sum > plot.most ? sum : plot.most;
    }
    plot.most = plot.most ? plot.most : 1;
    report_plot_open(out, "split", 212,
                     "What latency is made of over virtual time");
    report_plot_bands(&plot);
    report_plot_ns_axis(&plot);
    for (int k = 0; k < REPORT_PARTS; k++)
        if (report_chart_draws(stats, (enum report_part)k))
            put_part(&plot, (enum report_part)k, below);
    report_plot_time_axis(&plot);
    report_plot_close(out);
}

static void fit_count(struct report_plot *plot, value_of *count)
{
    const struct report_stats *stats = plot->model->stats;
    for (uint32_t i = 0; i < stats->bucket_count; i++)
        if (count(&stats->buckets[i]) > plot->most)
            plot->most = count(&stats->buckets[i]);
    if (plot->most == 0)
        plot->most = 1;
}

/* Steps, one slice each; closed down to the axis for an area. */
static void put_steps(const struct report_plot *plot, value_of *count,
                      const char *class, int area)
{
    const struct report_stats *stats = plot->model->stats;
    report_buffer_print(plot->out, "<path class=\"%s\" d=\"M", class);
    report_chart_px(plot->out, REPORT_PLOT_LEFT);
    report_buffer_put(plot->out, " ");
    report_chart_px(plot->out, plot->bottom);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        report_buffer_put(plot->out, "V");
        report_chart_px(plot->out,
                        report_plot_linear_y(plot, count(&stats->buckets[i])));
        report_buffer_put(plot->out, "H");
        report_chart_px(plot->out,
                        report_plot_x(plot, (i + 1) * stats->bucket_ns));
    }
    report_buffer_put(plot->out, "V");
    report_chart_px(plot->out, plot->bottom);
    report_buffer_put(plot->out, area ? "z\"/>\n" : "\"/>\n");
}

void report_chart_in_flight(const struct report_model *model,
                            struct report_buffer *out)
{
    struct report_plot plot = report_plot_over_time(model, out, 1300);
    fit_count(&plot, in_flight_of);
    fit_count(&plot, backlog_of);
    report_plot_open(out, "in-flight", 152,
                     "Runs in flight and backlog over virtual time");
    report_plot_bands(&plot);
    report_plot_count_axis(&plot);
    put_steps(&plot, in_flight_of, "area", 1);
    put_steps(&plot, backlog_of, "backlog", 0);
    report_plot_time_axis(&plot);
    report_plot_close(out);
}

void report_chart_throughput(const struct report_model *model,
                             struct report_buffer *out)
{
    struct report_plot plot = report_plot_over_time(model, out, 1300);
    fit_count(&plot, started_of);
    fit_count(&plot, finished_of);
    report_plot_open(out, "throughput", 152,
                     "Runs due and ended over virtual time");
    report_plot_bands(&plot);
    report_plot_count_axis(&plot);
    put_steps(&plot, started_of, "due", 0);
    put_steps(&plot, finished_of, "ended", 0);
    report_plot_time_axis(&plot);
    report_plot_close(out);
}
