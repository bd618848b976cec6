/*
 * The checkers by name, one file each. What they look for is said at the top
 * of each file. reports/check.h says how they are fed.
 */
#ifndef REPORTS_CHECK_EACH_H
#define REPORTS_CHECK_EACH_H

#include "reports/check.h"

/* What every checker begins with. */
struct check_self {
    const struct check_world *world;
    const struct fold *fold;
    struct check_result *result;
};

/*
 * Something for each run, zeroed at first: an array by slot that grows when
 * runs invoke others. Pointers into it hold until the next call.
 */
struct check_by_run {
    const struct fold *fold;
    unsigned char *items;
    uint64_t near; /* runs up to this number stand by their number */
    uint64_t count;
    size_t size;
};

/* Returns 0, or -1 when out of memory. */
int check_by_run_init(struct check_by_run *array, const struct fold *fold,
                      size_t size);
void check_by_run_deinit(struct check_by_run *array);
/* The same for runs that stand further on. */
void *check_by_run_far(struct check_by_run *array, uint64_t run);

/* What belongs to a run; NULL: no such run is known, or out of memory. */
static inline void *check_by_run(struct check_by_run *array, uint64_t run)
{
    return run <= array->near ? array->items + run * array->size
                              : check_by_run_far(array, run);
}

/* A zeroed state of size bytes with its head filled in, or NULL. */
void *check_self_new(const struct check_view *view, struct check_result *result,
                     size_t size);
/* open() and close() of a checker that keeps nothing of its own. */
void *check_self_open(const struct check_view *view,
                      struct check_result *result);
void check_self_close(void *self);
/* Adds to the violation just counted what the record's run waits for. */
void check_waits(const struct check_self *self,
                 const struct engine_record *record);

extern const struct check_ops check_durability;  /* S1 */
extern const struct check_ops check_fencing;     /* S2 */
extern const struct check_ops check_exclusivity; /* S3 */
extern const struct check_ops check_attempts;    /* S4 */
extern const struct check_ops check_effects;     /* S5 */
extern const struct check_ops check_messages;    /* S6 */
extern const struct check_ops check_terminal;    /* S9 */
extern const struct check_ops check_causality;   /* S10 */
extern const struct check_ops check_projection;  /* S11 */
extern const struct check_ops check_conserved;   /* S14 */
extern const struct check_ops check_limits;      /* S15 */
extern const struct check_ops check_corruption;  /* S17 */
extern const struct check_ops check_progress;    /* L1 */
extern const struct check_ops check_drained;     /* L2 */
extern const struct check_ops check_orphans;     /* L3 */
extern const struct check_ops check_livelock;    /* L4 */
extern const struct check_ops check_timers;      /* L5 */
extern const struct check_ops check_waiting;     /* L6 */
extern const struct check_ops check_goodput;     /* L7 */
extern const struct check_ops check_poison;      /* L8 */

extern const struct check_ops check_operations; /* S12 */
extern const struct check_ops check_inbox;      /* S16 */
extern const struct check_ops check_children;   /* S18 */
extern const struct check_ops check_streams;    /* S19 */
extern const struct check_ops check_outcome;    /* S8 */
extern const struct check_ops check_replay;     /* S7 */
extern const struct check_ops check_snapshot;   /* S13 */
extern const struct check_ops check_branches;   /* S20 */
extern const struct check_ops check_history;    /* S21 */

#endif
