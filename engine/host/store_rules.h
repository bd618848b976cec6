/*
 * What a store answers, apart from how it keeps its rows. The rules decide
 * each request of engine/wire.h by reading rows through a table port, and only
 * when every guard has held do they write: a request that is not COMMITTED
 * leaves no trace, without a savepoint inside the group.
 *
 * A store is then tables, transactions and this. Both stores of this room are
 * built so, and answer byte for byte alike.
 */
#ifndef ENGINE_HOST_STORE_RULES_H
#define ENGINE_HOST_STORE_RULES_H

#include "engine/defects.h"
#include "engine/store.h"

#define STORE_NEVER UINT64_MAX

/* One work row. */
struct store_work {
    uint64_t run;
    uint64_t holder; /* of the claim, also when DONE; 0 while PENDING */
    uint64_t claimed_ns;
    uint64_t expires_ns;
    uint32_t op;
    uint32_t attempt;
    uint32_t state; /* enum engine_work_state */
    uint32_t error;
    uint32_t retryable;
    uint32_t value_size;
    const void *value; /* input, or output when DONE */
};

struct store_outbox {
    uint64_t run;
    uint32_t number;
    uint32_t kind;
    const void *value;
    size_t value_size;
};

/* One inbox row that waits. What was taken leaves its id behind. */
struct store_inbox {
    uint64_t run;
    struct engine_hash id;
    uint32_t kind;
    uint32_t op;
    const void *value;
    size_t value_size;
};

/* The fold of a run's log up to the end of one log row. */
struct store_snapshot {
    uint64_t run;
    uint64_t seq;              /* of the last event folded in */
    uint64_t position;         /* of the row it stands at */
    struct engine_hash hash;   /* of the chain there */
    struct engine_hash digest; /* over all of this */
    const void *value;
    size_t value_size;
};

typedef int store_visit_inbox(void *self, const struct store_inbox *);
typedef int store_visit_work(void *self, const struct store_work *);
typedef int store_visit_outbox(void *self, const struct store_outbox *);

/*
 * The rows. Every call returns -1 on an I/O error or lack of memory; those
 * that look for one row return 1 if it is there, else 0. What a row read
 * points to stays valid until the next call.
 */
struct store_tables_ops {
    int (*run_get)(void *self, uint64_t run, struct engine_run_row *row);
    int (*run_insert)(void *self, const struct engine_run_row *row);
    /* Writes next_seq, tail, hash and state; nothing else has changed. */
    int (*run_advance)(void *self, const struct engine_run_row *row);
    /* Writes everything but run and workflow. */
    int (*run_update)(void *self, const struct engine_run_row *row);
    /* The run with the smallest (wake, run), of those that have a wake. */
    int (*due)(void *self, uint64_t *run, uint64_t *wake_ns);
    /* Adds a row and sets its position. */
    int (*log_append)(void *self, struct engine_log_row *row);
    /* NULL: the store keeps no log, only its hash and sequence. */
    int (*log_get)(void *self, uint64_t position, struct engine_log_row *row);
    /* value is read only if with_value is not 0. */
    int (*work_get)(void *self, uint64_t run, uint32_t op, int with_value,
                    struct store_work *work);
    int (*work_put)(void *self, const struct store_work *work);
    /* Writes state, holder, claimed_ns and expires_ns. */
    int (*work_claim)(void *self, const struct store_work *work);
    /* Writes state, error, retryable and value. */
    int (*work_finish)(void *self, const struct store_work *work);
    int (*work_remove)(void *self, uint64_t run, uint32_t op);
    /* 1 if a work row of the run is DONE. */
    int (*work_done)(void *self, uint64_t run);
    /* By op. Stops when visit returns non-zero and returns that. */
    int (*work_list)(void *self, uint64_t run, store_visit_work *visit,
                     void *visitor);
    int (*outbox_get)(void *self, uint64_t run, uint32_t number);
    int (*outbox_put)(void *self, const struct store_outbox *row);
    /* 1 if the row was there. */
    int (*outbox_remove)(void *self, uint64_t run, uint32_t number);
    int (*outbox_list)(void *self, uint64_t run, store_visit_outbox *visit,
                       void *visitor);
    /* 1 if a row of the run is there. */
    int (*outbox_any)(void *self, uint64_t run);
    /* 1 if a row with this id waits; 0 if there was none or it was taken; then
     * *taken says which. */
    int (*inbox_get)(void *self, uint64_t run, struct engine_hash id,
                     int *taken);
    /* Adds a row after those of the run that wait. */
    int (*inbox_put)(void *self, const struct store_inbox *row);
    /* Forgets the value of a row and remembers its id. */
    int (*inbox_take)(void *self, uint64_t run, struct engine_hash id);
    /* 1 if more rows than that wait. */
    int (*inbox_beyond)(void *self, uint64_t run, uint32_t count);
    /* Those that wait, by arrival. */
    int (*inbox_list)(void *self, uint64_t run, store_visit_inbox *visit,
                      void *visitor);
    int (*snapshot_get)(void *self, uint64_t run,
                        struct store_snapshot *snapshot);
    /* Replaces the run's former one. */
    int (*snapshot_put)(void *self, const struct store_snapshot *snapshot);
    int (*blob_get)(void *self, const uint8_t digest[32], const void **bytes,
                    size_t *size);
    /* 1 if the blob is new. */
    int (*blob_put)(void *self, const uint8_t digest[32], const void *bytes,
                    size_t size);
};

/* The log rows of one run, oldest first. Scratch space, kept between runs. */
struct store_history {
    struct engine_log_row *rows;
    size_t count;
    size_t capacity;
    unsigned char *bytes; /* items of all rows; rows point here when read */
    size_t size;
    size_t bytes_capacity;
    struct store_snapshot snapshot; /* the rows follow it; run 0: none */
    unsigned char *folded;          /* its value */
    size_t folded_capacity;
};

struct store_rules {
    const struct store_tables_ops *tables;
    void *self;
    struct engine_store_limits limits;
    struct engine_defects defects;
    uint64_t now_ns;
    struct store_history history;
    struct engine_block aside; /* rows that a defect writes a group later */
    struct engine_block late;  /* those of groups before */
};

/* tables and self must live as long as the rules. */
void store_rules_init(struct store_rules *rules,
                      const struct store_tables_ops *tables, void *self,
                      const struct engine_store_limits *limits,
                      const struct engine_defects *defects);
void store_rules_deinit(struct store_rules *rules);

/* A group has been opened. 0 or -1. */
int store_rules_begin(struct store_rules *rules, uint64_t now_ns);
/* As apply() of the store contract. */
int store_rules_apply(struct store_rules *rules,
                      const struct engine_request *request,
                      struct engine_block *reply);
/* The group has ended: committed or not. */
void store_rules_end(struct store_rules *rules, int committed);

/* Whether this seeded defect is on. */
static inline int store_defect(const struct store_rules *rules,
                               enum engine_defect defect)
{
    return engine_defect(&rules->defects, defect);
}

/* Write the items of a reply from rows. NULL when out of memory. */
struct engine_item *store_outbox_item(struct engine_block *block,
                                      const struct store_outbox *row);
struct engine_item *store_inbox_item(struct engine_block *block,
                                     const struct store_inbox *row);
struct engine_item *store_snapshot_item(struct engine_block *block,
                                        const struct store_snapshot *snapshot);
struct engine_item *store_work_item(struct engine_block *block,
                                    const struct store_work *work);

void store_history_free(struct store_history *history);
/* What a snapshot's digest has to be. */
struct engine_hash store_snapshot_digest(const struct store_snapshot *snapshot);
/*
 * Reads a run's log by walking back from its tail to its snapshot, if it has
 * one that is sound, else to its start. 0; or -1. A log that ends too early or
 * leads elsewhere is read as far as it goes: verify says so.
 */
int store_history_read(struct store_history *history,
                       const struct store_tables_ops *tables, void *self,
                       const struct engine_run_row *run);
/* The same without regard to a snapshot. */
int store_history_read_all(struct store_history *history,
                           const struct store_tables_ops *tables, void *self,
                           const struct engine_run_row *run);
/*
 * 1 if what was read is whole: gapless, every hash right, ending where the run
 * row says. Otherwise 0 with the sequence number found and the one expected.
 */
int store_history_verify(const struct store_history *history,
                         const struct engine_run_row *run, uint64_t *found,
                         uint64_t *expected);

#endif
