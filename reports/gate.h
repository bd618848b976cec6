/*
 * Whether what is new is as good as what was there before: two reports of the
 * same scenario and seed, held against each other. Virtual time has no noise,
 * so one run of each is enough and a figure is compared as it stands, with
 * the budget that a policy gives it. Correctness comes first.
 *
 *     property held, now fails                 REPORT_GATE_PROPERTY
 *     expectation met, now missed; a figure
 *         worse by more than its budget        REPORT_GATE_BUDGET
 *     cannot be said                           REPORT_GATE_INCONCLUSIVE
 *
 * Pure: whatever reads reports fills these structs, whatever prints reads the
 * lines. Figures of the wall clock are samples, several of each side, and are
 * judged by rank, effect and floor together; see reports/mann_whitney.h.
 */
#ifndef REPORTS_GATE_H
#define REPORTS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/buffer.h"
#include "reports/check.h"

/* What came of it; the gravest of all lines is that of the gate. */
enum report_gate_outcome {
    REPORT_GATE_HELD,
    REPORT_GATE_INCONCLUSIVE,
    REPORT_GATE_BUDGET,
    REPORT_GATE_PROPERTY
};

enum report_gate_unit {
    REPORT_GATE_COUNT,
    REPORT_GATE_NS,
    REPORT_GATE_BYTES,
    REPORT_GATE_MICRODOLLARS,
    REPORT_GATE_MILLIONTHS_PER_S
};

enum report_gate_better {
    REPORT_GATE_NEITHER, /* it describes the world: a change is no fault */
    REPORT_GATE_LESS,
    REPORT_GATE_MORE
};

/* A figure; UINT64_MAX is "never" and more than any other. */
struct report_gate_metric {
    char name[200]; /* "latency.run.p99_ns" */
    uint64_t value;
    enum report_gate_unit unit;
    enum report_gate_better better;
};

/* A property or an expectation. */
struct report_gate_judged {
    char id[200];   /* by which two reports are matched */
    char text[320]; /* what was found; untrusted */
    enum check_verdict verdict;
};

struct report_gate_report {
    char scenario[200];
    char seed[24];
    char digest[33]; /* of its records */
    char source[33]; /* of all files of the scenario */
    bool incomplete;
    struct report_gate_judged *properties; /* that apply */
    size_t property_count;
    struct report_gate_judged *expectations;
    size_t expectation_count;
    struct report_gate_metric *metrics; /* in order of their names */
    size_t metric_count;
};

enum report_gate_mode {
    REPORT_GATE_WITHIN, /* no worse than by the budget */
    REPORT_GATE_EXACT,  /* the same, whichever way is better */
    REPORT_GATE_IGNORE
};

/* Worse by more than the share and by more than the floor is too much. */
struct report_gate_budget {
    enum report_gate_mode mode;
    uint64_t worse_ppb;
    uint64_t floor; /* in the unit of the metric */
};

/* For names that match both patterns, as shells match them. */
struct report_gate_rule {
    char scenario[200];
    char metric[200];
    struct report_gate_budget budget;
};

struct report_gate_wall {
    bool wanted;
    double level;       /* p below which a difference is no chance */
    uint64_t worse_ppb; /* and what it must be at least */
    uint64_t floor_ns;
};

struct report_gate_policy {
    struct report_gate_rule *rules; /* the last that matches counts */
    size_t rule_count;
    enum report_gate_outcome missing; /* of a scenario that is not run now */
    bool changed;                     /* compare also if the scenario changed */
    struct report_gate_wall wall;
};

/* One thing that is said, of a scenario or a part of it. */
struct report_gate_line {
    enum report_gate_outcome outcome;
    bool numbers; /* base and now are figures */
    enum report_gate_unit unit;
    uint64_t base;
    uint64_t now;
    char word[16];  /* "property", "budget", "better", .. */
    char name[200]; /* untrusted */
    char text[480]; /* untrusted */
};

struct report_gate_result {
    struct report_gate_line *lines;
    size_t count;
    size_t capacity;
    size_t same;    /* figures that are as they were */
    size_t differs; /* figures of no direction that are not */
    enum report_gate_outcome outcome;
    bool failed; /* out of memory: more would have been said */
};

void report_gate_result_init(struct report_gate_result *result);
void report_gate_result_free(struct report_gate_result *result);

/* Adds a line of words; its outcome counts. */
void report_gate_say(struct report_gate_result *result,
                     enum report_gate_outcome outcome, const char *word,
                     const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The budget of a figure: none (0 % worse) unless a rule gives one. */
struct report_gate_budget
report_gate_budget_of(const struct report_gate_policy *policy,
                      const char *scenario, const char *metric);

/* Holds the new report against its base; adds to the result. */
void report_gate_compare(const struct report_gate_policy *policy,
                         const struct report_gate_report *base,
                         const struct report_gate_report *now,
                         struct report_gate_result *result);

/* A report that has no base: what fails in it was never accepted. */
void report_gate_alone(const struct report_gate_report *now,
                       struct report_gate_result *result);

/* Runs of a side: what the clock said, when, and on which machine. */
struct report_gate_sample {
    uint64_t wall_ns;
    uint64_t finished_ns; /* since 1970 */
    char machine[40];     /* empty: not known */
};

/*
 * Judges the wall clock, if the policy wants it. Samples are in any order;
 * those of both sides must be of one machine and take turns.
 */
void report_gate_wall(const struct report_gate_policy *policy,
                      const struct report_gate_sample *base, size_t base_count,
                      const struct report_gate_sample *now, size_t now_count,
                      struct report_gate_result *result);

/* A figure as people read it: "3 m 53 s", "$0.21", "never". */
void report_gate_value(struct report_buffer *out, enum report_gate_unit unit,
                       uint64_t value);
/* From one to the other: "+7.2 %", "from 0"; empty if they are the same. */
const char *report_gate_change(char *text, size_t size, uint64_t base,
                               uint64_t now);

const char *report_gate_outcome_name(enum report_gate_outcome outcome);

#endif
