/*
 * What charts are drawn with: a plot's place and scales, its axes, and what
 * was broken meanwhile. Coordinates are tenths of a unit; classes get their
 * colours, dashes and patterns from the page's style sheet.
 */
#ifndef REPORTS_PLOT_H
#define REPORTS_PLOT_H

#include "reports/report.h"

enum {
    REPORT_PLOT_LEFT = 620,
    REPORT_PLOT_RIGHT = 9880,
    REPORT_PLOT_TICK_X = 800 /* least distance of labels */
};

/* A plot: its place, and what its axes mean. */
struct report_plot {
    const struct report_model *model;
    struct report_buffer *out;
    int64_t top;
    int64_t bottom;
    uint64_t span_ns; /* x: linear from 0 */
    uint32_t low;     /* y: log2 * 1024, or unused */
    uint32_t high;
    uint64_t most; /* y: linear from 0 */
};

/* A plot over virtual time, from the first record to the last. */
struct report_plot report_plot_over_time(const struct report_model *model,
                                         struct report_buffer *out,
                                         int64_t bottom);
/* A logarithmic y that holds the latencies of all runs. */
void report_plot_fit_log(struct report_plot *plot);

/* Begins an SVG of this height in units; label: for who cannot see it. */
void report_plot_open(struct report_buffer *out, const char *id, int64_t height,
                      const char *label);
void report_plot_close(struct report_buffer *out);

/* Where values are. Those out of range are at its end. */
int64_t report_plot_x(const struct report_plot *plot, uint64_t since_ns);
int64_t report_plot_log_y(const struct report_plot *plot, uint64_t value);
int64_t report_plot_linear_y(const struct report_plot *plot, uint64_t value);
/* Part of whole of a span of tenths, without overflow; part <= whole. */
int64_t report_plot_scaled(uint64_t part, uint64_t whole, int64_t span);

void report_plot_time_axis(const struct report_plot *plot);
void report_plot_log_axis(const struct report_plot *plot);
/* Linear, of counts or of times. */
void report_plot_count_axis(const struct report_plot *plot);
void report_plot_ns_axis(const struct report_plot *plot);
/* The line after this one on a logarithmic axis of times. */
uint64_t report_plot_next_tick(uint64_t low, uint64_t high, uint64_t at);

/* Behind all else: when something was down, stood still or was broken. */
void report_plot_bands(const struct report_plot *plot);
/* Rows below a plot that say what was broken when. */
void report_plot_fault_rows(const struct report_plot *plot, int64_t top);

/* An attribute: name="12.3". */
void report_plot_attr(struct report_buffer *out, const char *name,
                      int64_t tenths);
/* A horizontal or vertical line. */
void report_plot_rule(struct report_buffer *out, const char *class, int64_t x1,
                      int64_t y1, int64_t x2, int64_t y2);
/* Trusted text; anchor is s, m or e for start, middle and end. */
void report_plot_label(struct report_buffer *out, int64_t x, int64_t y,
                       const char *anchor, const char *text);
/* A point of a polyline; the first of a stretch moves, the others draw. */
void report_plot_point(struct report_buffer *out, int draw, int64_t x,
                       int64_t y);

#endif
