/*
 * The store contract. A store keeps runs, their logs, work and outbox rows
 * and blobs, and answers the requests of engine/wire.h. It is synchronous and
 * single-threaded; whoever hosts it turns messages into calls and decides
 * when groups end.
 *
 * Calls come in groups:
 *
 *     begin  apply apply apply ...  commit        replies may be sent now
 *     begin  apply apply(-1)        rollback      every one: FAILED
 *     begin  apply apply            commit(-1)    every one: UNKNOWN; reopen
 *
 * No reply of a group may leave before commit() returned 0: until then
 * nothing is durable. After commit() failed, the store answers nothing more
 * (every call returns -1): whether the group survived is learnt by opening it
 * again. A failed sync is never retried, since the operating system may have
 * dropped the dirty pages and report success the second time.
 *
 * What every store guarantees, and the conformance suite checks:
 *  - Log positions grow by one from 1 over the whole store. Per run, seq is
 *    gapless from 1 and each row's hash covers the former row's hash
 *    (engine_store_chain).
 *  - Events, state row, work and outbox of one request are applied together
 *    or not at all, also across a crash.
 *  - A request with an older token changes nothing, in any table.
 *  - A signal put while its run is let go is never overlooked: the run falls
 *    due at once (RELEASE says how many rows its owner has seen and leaves).
 *  - The same request from the same sender applied twice has the effect of
 *    one; the second answers COMMITTED or CONFLICT as said with each kind.
 *  - Times compared by the store (leases, claims, not_before) are its own:
 *    now_ns is given to begin() by the host and must not be taken from
 *    requests.
 */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

#include "engine/point.h"
#include "engine/wire.h"

/* Keys of work and outbox rows are run << 16 | number. */
#define ENGINE_RUN_MAX ((UINT64_C(1) << 40) - 1)
#define ENGINE_OP_MAX UINT32_C(0xffff)

/* Serialised bytes; the limit is accepted, one more is refused. */
struct engine_store_limits {
    uint64_t op_payload_max;  /* one item's payload */
    uint64_t request_max;     /* a whole request */
    uint64_t history_ops_max; /* events of one run */
    uint64_t blob_max;
    /* One snapshot, which then counts to no other limit; 0: no limit of its
     * own, it counts to request_max. */
    uint64_t snapshot_max;
};

/* One log row as audit reads it. items stays valid until visit returns. */
struct engine_log_row {
    uint64_t position;
    uint64_t run;
    uint64_t seq;   /* of the first event */
    uint32_t count; /* events */
    uint64_t token;
    uint64_t time_ns;
    uint64_t previous; /* position of the run's former row, 0: none */
    struct engine_hash hash;
    const void *items;
    size_t items_size;
};

typedef int engine_store_visit_log(void *self, const struct engine_log_row *);
typedef int engine_store_visit_run(void *self, const struct engine_run_row *);
/* One row: the item that stands for it in a reply, with its run. */
typedef int engine_store_visit_work(void *self, uint64_t run,
                                    const struct engine_item *);

struct engine_store_ops {
    /* Opens a group at store time now_ns. 0 or -1 (then every request of the
     * group is FAILED). */
    int (*begin)(void *self, uint64_t now_ns);
    /*
     * Carries out one request and writes its reply (outcome, items) into the
     * block, which it begins. 0; or -1 after an I/O error: roll back.
     */
    int (*apply)(void *self, const struct engine_request *request,
                 struct engine_block *reply);
    /* Makes the group durable. 0 or -1: unknown, reopen the store. */
    int (*commit)(void *self);
    /* Forgets the group. */
    void (*rollback)(void *self);
    /*
     * Reads log rows with position > after in order. Stops when visit returns
     * non-zero and returns that; -1 on an I/O error or a damaged file.
     */
    int (*scan_log)(void *self, uint64_t after, engine_store_visit_log *visit,
                    void *visitor);
    /* Reads all run rows by run. Same returns. */
    int (*scan_runs)(void *self, engine_store_visit_run *visit, void *visitor);
    /* Reads all work rows by (run, op). Same returns. */
    int (*scan_work)(void *self, engine_store_visit_work *visit, void *visitor);
    /* Reads all outbox rows by (run, number), then all inbox rows that wait by
     * (run, arrival), then all snapshots by run. Same returns. */
    int (*scan_boxes)(void *self, engine_store_visit_work *visit,
                      void *visitor);
    /* Releases everything. Never writes: an open group is lost. */
    void (*close)(void *self);
};

struct engine_store {
    const struct engine_store_ops *ops;
    void *self;
};

/*
 * The hash of a log row: 128-bit XXH3 over the former hash, run, seq, count,
 * token, time and the items. It detects corruption, not an adversary.
 */
struct engine_hash engine_store_chain(struct engine_hash previous,
                                      const struct engine_log_row *row);

/*
 * When a lease or claim given now for ttl_ns ends. Times a store keeps fit
 * int64; what would be later than that is that.
 */
static inline uint64_t engine_store_later(uint64_t now_ns, uint64_t ttl_ns)
{
    if (now_ns > INT64_MAX || ttl_ns > (uint64_t)INT64_MAX - now_ns)
        return INT64_MAX;
    return now_ns + ttl_ns;
}

/* XXH3-128 of bytes; portable. */
struct engine_hash engine_hash_bytes(const void *bytes, size_t size);

/*
 * Requests that any store must refuse before looking at its tables: bad
 * sizes, unknown kinds, items that the kind does not carry, events after other
 * items, numbers out of range, a payload above a limit. The block has passed
 * engine_request_check() or was built in this process. Returns 0, or the
 * outcome to answer (REFUSED) with actual and maximum filled.
 */
int engine_store_admit(const struct engine_store_limits *limits,
                       const struct engine_request *request, uint64_t *actual,
                       uint64_t *maximum);

#endif
