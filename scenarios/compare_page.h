/*
 * Two sets of reports side by side as a page: what was judged otherwise, the
 * figures of virtual time, which are exact, those of the wall clock, which
 * have noise, and the course of the run drawn over each other.
 */
#ifndef SCENARIOS_COMPARE_PAGE_H
#define SCENARIOS_COMPARE_PAGE_H

#include "reports/mann_whitney.h"
#include "scenarios/gate_pairs.h"

/* What a figure is on both sides, seed by seed. */
struct compare_paired {
    uint64_t a[REPORT_SAMPLES_MAX];
    uint64_t b[REPORT_SAMPLES_MAX];
    size_t count;
    size_t lower; /* seeds in which B has less */
    size_t higher;
};

/* A change: how much, and which way. */
struct compare_change {
    uint64_t amount;
    bool less;
};

/* The changes of the seeds, B less A: the middle one and both ends. */
struct compare_changes {
    struct compare_change median;
    struct compare_change least;
    struct compare_change most;
};

/* Both reports of a pair are there. */
bool compare_is_both(const struct gate_pair *pair);
/* How many pairs from here on are of one scenario; index is below count. */
size_t compare_group(const struct gate_pairs *pairs, size_t index);
/* The figure of this name, or NULL. */
const struct report_gate_metric *
compare_find(const struct report_gate_report *report, const char *name);
/* A figure of count pairs; seeds that lack it on a side are left out. */
void compare_pair_up(const struct gate_pair *pairs, size_t count,
                     const char *name, struct compare_paired *paired);
/* Of one that has at least a seed. */
struct compare_changes compare_changes(const struct compare_paired *paired);
/* "better", "worse", or "" for what is the same or neither. */
const char *compare_judgement(const struct report_gate_metric *a, uint64_t b);

/* Over seeds: "mixed" if they do not agree. */
const char *compare_seeds(const struct report_gate_metric *metric,
                          const struct compare_paired *paired);

/* The page of pairs of which one matched at least; all: also what is same. */
void compare_page(const struct gate_pairs *pairs, const char *const paths[2],
                  bool all, struct report_buffer *out);

#endif
