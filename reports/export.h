/*
 * What other tools read: the figures of a report in the formats of test
 * runners, metric collectors and benchmark trackers, and its latency as
 * HdrHistogram files. Each format is one function from figures to text; the
 * same report gives the same bytes on every machine, whatever its locale.
 *
 * Most formats need no more than report.json holds, so they can be made from
 * it later. The two of HdrHistogram need the histograms of a run.
 *
 * Every text is untrusted: whatever a name holds, the file stays well formed,
 * and what could not be seen is shown as in the other reports (buffer.h).
 */
#ifndef REPORTS_EXPORT_H
#define REPORTS_EXPORT_H

#include "reports/activities.h"
#include "reports/report.h"

/* A latency as report.json has it, in nanoseconds; count 0: all are 0. */
struct report_export_latency {
    uint64_t count;
    uint64_t min_ns;
    uint64_t mean_ns;
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t max_ns;
};

/* A property, or an expectation: then id is NULL and name as written. */
struct report_export_case {
    const char *id;
    const char *name;
    const char *detail; /* what was found, or why it is open; NULL: nothing */
    const char *unit;   /* of checked; NULL for an expectation */
    enum check_verdict verdict;
    int absent; /* the world has nothing that the property is about */
    uint64_t checked;
    uint64_t violations;
};

/* Why the verdict is what it is, gravest first. */
struct report_export_reason {
    const char *text;
    enum check_verdict verdict;
};

struct report_export_step {
    const char *workflow;
    const char *name;
    uint64_t attempts;
    uint64_t retries;
    uint64_t failures;
    uint64_t cut;
    struct report_export_latency total;
    struct report_export_latency dispatch;
    struct report_export_latency code;
};

struct report_export_fault {
    const char *point;
    uint64_t fired;
    uint64_t effective;
    uint64_t in_flight;
};

/* All of it is borrowed; no text is NULL unless it says so. */
struct report_export {
    const char *scenario;
    const char *why; /* NULL: none */
    const char *version;
    const char *replay; /* the command that repeats the run; NULL: none */
    const char *seed;
    const char *digest;
    enum check_verdict verdict;
    const struct report_export_case *cases; /* properties, expectations */
    size_t case_count;
    const struct report_export_reason *reasons;
    size_t reason_count;
    const struct report_export_step *steps;
    size_t step_count;
    const struct report_export_fault *faults;
    size_t fault_count;
    struct report_export_latency latency;
    struct report_runs runs;
    uint64_t virtual_ns;
    uint64_t events;
    uint64_t commits;
    uint64_t crashes;
};

/*
 * JUnit XML, as CI servers show it: a test case for each property and each
 * expectation, and one, "verdict", for the run. A property that could not be
 * judged is skipped; a verdict that is inconclusive is an error.
 */
void report_export_junit(const struct report_export *from,
                         struct report_buffer *out);

/* OpenMetrics 1.0 text; durations in seconds, exact to the nanosecond. */
void report_export_openmetrics(const struct report_export *from,
                               struct report_buffer *out);

/* Bencher Metric Format: benchmarks, their measures and values; ns. */
void report_export_bmf(const struct report_export *from,
                       struct report_buffer *out);

enum {
    /* GitHub drops a step's whole summary above 1024 KiB. */
    REPORT_EXPORT_SUMMARY_MAX = 900 * 1024,
    /* It drops those beyond 10 of a kind in a step; other tools have some. */
    REPORT_EXPORT_ANNOTATIONS_MAX = 5
};

/*
 * Markdown for GITHUB_STEP_SUMMARY, below REPORT_EXPORT_SUMMARY_MAX bytes:
 * rows beyond that are left out, and their number is said.
 */
void report_export_github_summary(const struct report_export *from,
                                  struct report_buffer *out);

/*
 * Workflow commands of GitHub: the gravest reasons as annotations, at most
 * REPORT_EXPORT_ANNOTATIONS_MAX; the last one tells how many more there are.
 * Nothing for a run that held.
 */
void report_export_github_annotations(const struct report_export *from,
                                      struct report_buffer *out);

/*
 * The percentile spectrum of a histogram as HdrHistogram prints it, five
 * lines each time the distance to 100 % halves; values in milliseconds.
 */
void report_export_hgrm(const struct report_hist *hist,
                        struct report_buffer *out);

/*
 * A HdrHistogram log, version 1.3: the latency of all runs without a tag, of
 * those due in each slice of time with the tag due, and each step's with the
 * tag WORKFLOW/STEP/total, /dispatch and /code. Values are nanoseconds; a
 * letter a tag cannot have is written as % and two digits. All lines but the
 * slices span the whole run. The histograms are V2; their compressed form
 * holds stored blocks, so that no version of a library changes the bytes.
 */
void report_export_hlog(const struct report_stats *stats,
                        struct report_buffer *out);

/* One histogram in that form as base64; empty ones are allowed. */
void report_export_hlog_histogram(const struct report_hist *hist,
                                  struct report_buffer *out);

/*
 * The trace event format of Chrome, which Perfetto opens: code on a thread
 * for each slot of its process, everything else of a run as asynchronous
 * events, faults as instants, runs in flight and backlog as counters, arrows
 * from an attempt to the next. Microseconds of virtual time.
 */
void report_export_chrome(const struct report_activities *told,
                          const struct report_facts *facts,
                          const struct report_stats *stats,
                          struct report_buffer *out);

/*
 * OTLP JSON, one TracesData a line, one run each: spans for the run, its
 * leases, what waited, attempts and their code.
 */
void report_export_otlp(const struct report_activities *told,
                        const struct report_facts *facts,
                        struct report_buffer *out);

#endif
