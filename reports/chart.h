/*
 * The charts of the HTML report, as static SVG: they need no script, print
 * well and can be compared byte by byte. Coordinates are integers in tenths
 * of a unit, computed without floating point. Every chart is 1000 units wide
 * and takes its colours from the page's style sheet by class.
 */
#ifndef REPORTS_CHART_H
#define REPORTS_CHART_H

#include "reports/report.h"

/* A coordinate as SVG wants it: 1234 becomes 123.4. */
void report_chart_px(struct report_buffer *out, int64_t tenths);

/* How runs' latencies are distributed, on a logarithmic axis. */
void report_chart_latency(const struct report_model *model,
                          struct report_buffer *out);
/* The same by the share of runs that took no longer, as HdrHistogram has it:
   each further nine takes as much room. */
void report_chart_spectrum(const struct report_model *model,
                           struct report_buffer *out);
/* Patterns that the other charts are filled with; once on a page. */
void report_chart_patterns(struct report_buffer *out);
/* Latency by the time runs were due, with what was broken when. */
void report_chart_latency_time(const struct report_model *model,
                               struct report_buffer *out);
/* What the mean latency of runs is made of, by the time they were due. */
void report_chart_split(const struct report_model *model,
                        struct report_buffer *out);
/* Whether that chart has a part: not where no run spent time in it, and not
   waiting where it is most of the time and would hide the rest. */
int report_chart_draws(const struct report_stats *stats, enum report_part part);
/* The class that fills a part with its colour and pattern. */
const char *report_chart_class(enum report_part part);
/* Runs in flight, and attempts that nobody had taken, over time. */
void report_chart_in_flight(const struct report_model *model,
                            struct report_buffer *out);
/* Runs due and runs ended over time. */
void report_chart_throughput(const struct report_model *model,
                             struct report_buffer *out);
/* One run's timeline, a lane for each actor; it is one of the model's. */
void report_chart_timeline(const struct report_model *model,
                           const struct report_timeline *timeline,
                           struct report_buffer *out);

#endif
