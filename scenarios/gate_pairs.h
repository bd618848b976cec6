/*
 * Two sets of reports, matched: by scenario and seed, several runs of one on
 * each side together; what has lost its name but not its content is found
 * again. Two single files of one scenario are a pair whatever their seeds.
 */
#ifndef SCENARIOS_GATE_PAIRS_H
#define SCENARIOS_GATE_PAIRS_H

#include "scenarios/gate_read.h"

/* Runs of one scenario and seed; a count of 0: that side has none. */
struct gate_pair {
    const struct gate_entry *base;
    size_t base_count;
    const struct gate_entry *now;
    size_t now_count;
    bool renamed;
};

struct gate_pairs {
    struct gate_pair *pairs; /* in order of scenario and seed */
    size_t count;
    size_t matched; /* that have both sides */
};

/*
 * Matches the sets, which must outlive the pairs; any: two single files also
 * if they are of two scenarios. False: out of memory.
 */
bool gate_pairs_make(const struct gate_set *base, const struct gate_set *now,
                     bool any, struct gate_pairs *pairs);
void gate_pairs_free(struct gate_pairs *pairs);

/* Of the new side, or else of the base. */
const struct report_gate_report *gate_pair_report(const struct gate_pair *pair);

#endif
