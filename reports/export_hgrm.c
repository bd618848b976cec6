#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "reports/export.h"
#include "reports/hist.h"

enum {
    TICKS = 5 /* lines each time the distance to 100 % halves */
};

#define MS UINT64_C(1000000)
#define TRILLION UINT64_C(1000000000000)

/* Walks the buckets of a histogram upwards. */
struct walk {
    const struct report_hist *hist;
    uint32_t next;   /* bucket */
    uint64_t seen;   /* values below it */
    uint64_t top_ns; /* the largest value of the bucket before it */
};

/* Walks until at least `rank` values have been seen. */
static void walk_to(struct walk *walk, uint64_t rank)
{
    const struct report_hist *hist = walk->hist;
    while (walk->seen < rank) {
        walk->seen += hist->counts[walk->next++];
        walk->top_ns = walk->next < hist->size
                           ? report_hist_edge(hist->bits, walk->next) - 1
                           : UINT64_MAX;
    }
    if (walk->top_ns > hist->max)
        walk->top_ns = hist->max;
}

static void put_value(struct report_buffer *out, uint64_t ns)
{
    report_buffer_print(out, "%5" PRIu64 ".%06" PRIu64, ns / MS, ns % MS);
}

/*
 * The line of 1 - part / (2 TICKS 2^halvings), which all the values seen are
 * at or below. The distance to 1 is rounded to twelve digits.
 */
static void put_line(struct report_buffer *out, const struct walk *walk,
                     uint64_t part, unsigned halvings)
{
    uint64_t unit = TRILLION / (2 * TICKS) * part;
    uint64_t distance = unit >> halvings;
    if (halvings > 0)
        distance += unit >> (halvings - 1) & 1;
    uint64_t level = TRILLION - distance;
    uint64_t inverse = (((uint64_t)200 * 2 * TICKS << halvings) / part + 1) / 2;
    put_value(out, walk->top_ns);
    report_buffer_print(out,
                        " %" PRIu64 ".%012" PRIu64 " %10" PRIu64 " %11" PRIu64
                        ".%02" PRIu64 "\n",
                        level / TRILLION, level % TRILLION, walk->seen,
                        inverse / 100, inverse % 100);
}

static void put_lines(struct report_buffer *out, const struct report_hist *hist)
{
    struct walk walk = {.hist = hist};
    for (unsigned halvings = 0; walk.seen < hist->count; halvings++) {
        for (unsigned tick = 0; tick < TICKS && walk.seen < hist->count;
             tick++) {
            uint64_t part = 2 * TICKS - tick;
            uint64_t beyond = (hist->count * part / (2 * TICKS)) >> halvings;
            uint64_t rank = hist->count - beyond;
            walk_to(&walk, rank ? rank : 1);
            put_line(out, &walk, part, halvings);
        }
    }
    if (hist->count == 0)
        return;
    put_value(out, hist->max);
    report_buffer_print(out, " 1.000000000000 %10" PRIu64 "\n", hist->count);
}

/*
 * From the middle of each bucket. The order is fixed and a root is rounded
 * exactly, so the last digit is the same everywhere.
 */
static uint64_t deviation_ns(const struct report_hist *hist)
{
    double mean = (double)report_hist_mean(hist);
    double sum = 0;
    for (uint32_t i = 0; hist->count && i + 1 < hist->size; i++) {
        uint64_t low = report_hist_edge(hist->bits, i);
        uint64_t high = report_hist_edge(hist->bits, i + 1);
        double off = (double)low + (double)(high - low) / 2 - mean;
        sum += off * off * (double)hist->counts[i];
    }
    return hist->count ? (uint64_t)sqrt(sum / (double)hist->count) : 0;
}

static void put_figure(struct report_buffer *out, const char *name, uint64_t ns)
{
    report_buffer_print(out, "%s = ", name);
    put_value(out, ns);
}

static void put_footer(struct report_buffer *out,
                       const struct report_hist *hist)
{
    uint32_t half = (uint32_t)1 << hist->bits;
    put_figure(out, "#[Mean   ", report_hist_mean(hist));
    put_figure(out, ", StdDeviation  ", deviation_ns(hist));
    put_figure(out, "]\n#[Max    ", hist->max);
    report_buffer_print(out,
                        ", Total count    = %12" PRIu64 "]\n"
                        "#[Buckets = %12" PRIu32 ", SubBuckets     = %12" PRIu32
                        "]\n",
                        hist->count, hist->size / half - 1, 2 * half);
}

void report_export_hgrm(const struct report_hist *hist,
                        struct report_buffer *out)
{
    assert(hist->count < (uint64_t)1 << 48);
    report_buffer_print(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile",
                        "TotalCount", "1/(1-Percentile)");
    put_lines(out, hist);
    put_footer(out, hist);
}
