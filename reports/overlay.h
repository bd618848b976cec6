/*
 * One chart with two lines of the same kind over each other, A solid and B
 * dashed, for comparisons; and a small one without axes, to stand in a cell of
 * a table. Static SVG in the colours of the page, integers only.
 */
#ifndef REPORTS_OVERLAY_H
#define REPORTS_OVERLAY_H

#include <stdbool.h>

#include "reports/buffer.h"

enum {
    REPORT_OVERLAY_POINTS_MAX = 600
};

struct report_overlay_line {
    uint64_t x[REPORT_OVERLAY_POINTS_MAX]; /* ascending */
    uint64_t y[REPORT_OVERLAY_POINTS_MAX];
    uint32_t count;
};

struct report_overlay {
    const char *label; /* what it shows, for those who cannot see it */
    bool times;        /* y: nanoseconds, on a logarithmic axis; else counts */
    /* Names of the places 0, 1, .. of x; NULL: x is nanoseconds from 0. */
    const char *const *places;
    uint32_t place_count;
    struct report_overlay_line a;
    struct report_overlay_line b;
};

/* Classes of its own, for the style sheet. */
extern const char report_overlay_style[];

/* The chart with its key; a sentence if neither line has a point. */
void report_overlay(const struct report_overlay *overlay,
                    struct report_buffer *out);

/*
 * A line of count values, one for each of as many places; has[i] == 0: none
 * there. The last one has a dot.
 */
void report_sparkline(const uint64_t *values, const uint8_t *has, size_t count,
                      struct report_buffer *out);

#endif
