/*
 * The trials of a sweep: each boundary of the undisturbed run with each fault
 * that fits, in each of its sizes; then the whole run; then crashes at each
 * boundary of a run whose state comes in small pages.
 */
#ifndef SCENARIOS_LAMBDA_CASES_H
#define SCENARIOS_LAMBDA_CASES_H

#include "scenarios/lambda/plan.h"

/* One trial. */
struct lambda_case {
    enum lambda_fault fault;
    struct lambda_point at;
    uint32_t times;            /* the fault's size */
    struct lambda_strike also; /* in the same run */
    uint32_t page_items;       /* of every page of state; 0: as configured */
};

/* What is wanted. */
struct lambda_choice {
    const bool *faults; /* LAMBDA_FAULT_COUNT of them */
    const char *only;   /* the label of a boundary; NULL: all */
    uint32_t times;     /* of faults that have sizes; 0: all sizes */
};

struct lambda_cases {
    struct lambda_case *cases;
    uint32_t count;
    uint32_t capacity;
};

/* Adds those of a plan that was recorded. 0; -1 out of memory. */
int lambda_cases_add(struct lambda_cases *cases,
                     const struct lambda_choice *choice,
                     const struct lambda_plan *plan, uint32_t page_items);
/* Adds those of the whole run. */
int lambda_cases_add_whole(struct lambda_cases *cases,
                           const struct lambda_choice *choice,
                           const struct lambda_plan *plan);
/* Adds so many runs with two faults each of those that are there, drawn by the
 * seed: the first strikes where the undisturbed run comes earlier. */
int lambda_cases_add_pairs(struct lambda_cases *cases, uint32_t count,
                           uint64_t seed);
void lambda_cases_free(struct lambda_cases *cases);

#endif
