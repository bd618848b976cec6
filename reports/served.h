/*
 * Which runs got done in time: when each was started and when it was done,
 * which is when it ended, or was held or suspended for something it waits
 * for. A load that is offered in some span of time is judged by how many of
 * its runs were late.
 *
 *     START_SENT, APPENDED -> served_feed() -> served_in(span) -> late of
 * offered
 */
#ifndef REPORTS_SERVED_H
#define REPORTS_SERVED_H

#include <stdbool.h>

#include "reports/check_each.h"

struct served_run {
    uint64_t started_ns;
    uint64_t done_ns; /* 0: it is not */
    bool apart;       /* what becomes of it says nothing of the others */
};

struct served {
    struct check_by_run runs; /* struct served_run */
    uint64_t runs_max;        /* numbers of those that clients start */
};

/* Returns 0, or -1 when out of memory; deinit() then too. */
int served_init(struct served *served, const struct check_view *view);
void served_deinit(struct served *served);

/* The kinds of records that it is fed with. */
#define SERVED_KINDS (CHECK_KIND(START_SENT) | CHECK_KIND(APPENDED))

void served_feed(struct served *served, const struct engine_record *record);

/* Leaves a run out of every count; whether it is. */
void served_set_apart(struct served *served, uint64_t run);
bool served_is_apart(struct served *served, uint64_t run);

/* Starts from from_ns to to_ns, both among them; the world ends at end_ns. */
struct served_span {
    uint64_t from_ns;
    uint64_t to_ns;
    uint64_t end_ns;
    uint64_t bound_ns; /* from the start of a run until it is late */
};

struct served_count {
    uint64_t offered; /* but not those that the world left no time for */
    uint64_t late;
    uint64_t first; /* the first run that was late, by number */
};

struct served_count served_in(struct served *served,
                              const struct served_span *span);

#endif
