/*
 * What keeps a database in SQLite readable and small over years: a run's
 * events by pages, blobs that nothing refers to any more, logs that a snapshot
 * or an archive has made superfluous.
 *
 * Every call here is made by whoever owns the store, between groups; those
 * that write form groups of their own, of at most as many rows as they are
 * told, so that a running engine is held up for that long only. What is
 * removed in several groups is first taken out of reach in one: a reader sees
 * a run's log whole, or is told that it is archived.
 */
#ifndef ENGINE_HOST_STORE_UPKEEP_H
#define ENGINE_HOST_STORE_UPKEEP_H

#include "engine/store.h"

enum store_page_state {
    STORE_PAGE_END,      /* these were the last ones there are now */
    STORE_PAGE_MORE,     /* ask again after next_seq */
    STORE_PAGE_NO_RUN,   /* there is no such run */
    STORE_PAGE_ARCHIVED, /* its log was archived */
};

struct store_page {
    enum store_page_state state;
    uint64_t folded_seq; /* events up to here are only in a snapshot; 0: none */
    uint64_t last_seq;   /* of the last event that is given; 0: none */
};

/*
 * From now on reads see the database as it is now, whatever others write,
 * until it is let go of. Not in an open group. 0, also if it was held already
 * (then *held is 0 and it is not to be let go of); -1.
 */
int store_hold(struct engine_store *store, int *held);
void store_let_go(struct engine_store *store, int held);

/*
 * Ends every lease and every claim: whoever has just opened a file that nobody
 * else may open knows that none who held one lives. Their runs fall due now. A
 * group of its own. 0 or -1.
 */
int store_end_holders(struct engine_store *store, uint64_t now_ns);
/* Store time of the last log row, 0: there is none. 0 or -1. */
int store_last_time(struct engine_store *store, uint64_t *time_ns);

/*
 * Visits log rows with events after after_seq, at most limit of them, oldest
 * first. Holds limit positions in memory, whatever the log's length; the time
 * is that of passing over the rows behind after_seq without their items. 0,
 * -1, or what visit returned if that was not 0.
 */
int store_read_events(struct engine_store *store, uint64_t run,
                      uint64_t after_seq, uint32_t limit,
                      engine_store_visit_log *visit, void *visitor,
                      struct store_page *page);

/*
 * A blob's bytes, valid until the next call of the store. 1; 0: it is not
 * there; -1.
 */
int store_read_blob(struct engine_store *store, const uint8_t digest[32],
                    const void **bytes, size_t *size);

/*
 * Removes blobs that no row of log, work, outbox, inbox or snapshot refers to
 * and that were last put more than age_ns ago, at most limit of them. Every
 * value is searched for digests, whatever its form, so that what is opaque to
 * the store keeps its blobs too. The order of writing is blob, then log; age_ns
 * must outlast the time between them, and ten minutes. Blobs of schema version
 * 1 count from the first collection on. *removed is set; 0 or -1.
 */
int store_collect(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                  uint32_t limit, uint64_t *removed);

/*
 * Takes the log before their snapshot away from runs that ended more than
 * age_ns ago; at most limit runs, from *cursor on (0 at first), which then
 * says where to go on, 0 at the end. Only takes it out of reach: purge.
 */
int store_compact(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                  uint32_t limit, uint64_t *cursor);

/*
 * Removes at most limit log rows that are out of reach. 1: there are more; 0:
 * none, or only the last one of the whole log, which stays so that positions
 * are never used again; -1.
 */
int store_purge(struct engine_store *store, uint64_t now_ns, uint32_t limit);

/* A run that has ended, all its rows acknowledged, and when that was. */
typedef int store_visit_closed(void *self, const struct engine_run_row *run,
                               uint64_t closed_ns);
/* Visits runs that ended before that time, from a number on. As scan_runs. */
int store_scan_closed(struct engine_store *store, uint64_t from_run,
                      uint64_t before_ns, store_visit_closed *visit,
                      void *visitor);
/* The same up to a number, included. */
int store_scan_closed_to(struct engine_store *store, uint64_t from_run,
                         uint64_t to_run, uint64_t before_ns,
                         store_visit_closed *visit, void *visitor);
/*
 * The number of the run that comes `count` runs after from_run or the first
 * one above it: where a slice of a long scan ends. 0: there are fewer. -1 as
 * UINT64_MAX.
 */
uint64_t store_run_after(struct engine_store *store, uint64_t from_run,
                         uint32_t count);
/* Whether a run's log was archived: its row only keeps its number taken. */
static inline int store_is_archived(const struct engine_run_row *run)
{
    return !run->tail && run->next_seq > 1 &&
           engine_run_state_terminal(run->state);
}
/*
 * Takes a closed run out of reach; its row stays to answer whoever wants to
 * create or signal it again. In an open group. 0 or -1.
 */
int store_retire(struct engine_store *store, const struct engine_run_row *run,
                 uint64_t closed_ns);
/*
 * Forgets runs that were archived and that ended more than age_ns ago: their
 * numbers may be used again. At most limit. *removed is set; 0 or -1.
 */
int store_forget(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                 uint32_t limit, uint64_t *removed);

#endif
