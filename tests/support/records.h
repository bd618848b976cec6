/*
 * Record streams made by hand, to show checkers what they should see. The
 * world has one workflow, `order`: charge (a step whose receiver takes a key,
 * three attempts, delays of 1 s and 2 s), then hold (a wait of 5 s), then
 * ship (an irreversible step with an effect). Node 0 is the store, 1 and 2
 * are coordinators, 3 and 4 workers, 5 the client, 6 receives effects. On
 * demand there is a second workflow, `trip`, a handler whose operations are
 * written one by one.
 *
 *     struct records *records = records_new();
 *     records_life(records, 1, LIFE_ACKED);
 *     records_end(records);
 *     records_expect_pass(records, &check_fencing);
 *     records_free(records);
 */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include "engine/graph.h"
#include "engine/point.h"
#include "engine/record.h"
#include "reports/check.h"
#include "reports/check_each.h"

enum {
    NODE_STORE,
    NODE_FIRST,
    NODE_SECOND,
    NODE_WORKER,
    NODE_OTHER_WORKER,
    NODE_CLIENT,
    NODE_RECEIVER,
    NODE_COUNT
};

enum {
    OP_CHARGE,
    OP_HOLD,
    OP_SHIP
};

/* How far a run's life goes; each includes those before. */
enum life {
    LIFE_CREATED,  /* charge is scheduled, the client knows */
    LIFE_CLAIMED,  /* a worker holds charge and runs it */
    LIFE_REPORTED, /* with its effect applied */
    LIFE_WAITING,  /* hold has started; the lease is given back */
    LIFE_SHIPPING, /* hold has fired, ship is scheduled */
    LIFE_SHIPPED,  /* reported with its effect applied */
    LIFE_ENDED,    /* the run has succeeded, its result is in the outbox */
    LIFE_SEEN,
    LIFE_ACKED
};

enum {
    RECORDS_RUNS = 8,
    RECORDS_CHILDREN = 4 /* invoked runs: records_child(0) .. */
};

#define SECOND UINT64_C(1000000000)

struct records {
    struct engine_record *list;
    size_t count;
    size_t capacity;
    uint64_t now_ns; /* true time of the next record; each takes 1 ms */
    uint64_t position;
    uint64_t seq[RECORDS_RUNS + RECORDS_CHILDREN + 1];
    uint64_t token[RECORDS_RUNS + RECORDS_CHILDREN + 1];
    uint32_t invocation[RECORDS_RUNS + RECORDS_CHILDREN + 1];
    uint32_t checkpoints; /* all told, so that no token comes again */
    size_t row; /* index of the APPENDED whose events are being added */
    struct engine_graph *graph;
    struct engine_graph *handler;
    const struct engine_graph *graphs[2];
    const uint32_t *effects[2];
    struct check_world world;
};

struct records *records_new(void);
void records_free(struct records *records);

/* Adds a record of this kind at the present time; complete it at once. */
struct engine_record *records_add(struct records *records, unsigned kind,
                                  uint64_t run, unsigned node);
/* The same with an operation and an attempt. */
struct engine_record *records_work(struct records *records, unsigned kind,
                                   uint64_t run, uint32_t op, uint32_t attempt);
/* Begins a log row of a run with its current token; add events to it. */
struct engine_record *records_row(struct records *records, uint64_t run,
                                  unsigned request);
/* Adds an event to the row begun last. */
struct engine_record *records_event(struct records *records, unsigned kind,
                                    uint32_t op, uint32_t attempt);
/* Grants the next token of a run, with a row of its own if it acquires. */
struct engine_record *records_grant(struct records *records, uint64_t run,
                                    unsigned node);
/* One attempt from the claim to the report. */
void records_attempt(struct records *records, uint64_t run, uint32_t op,
                     uint32_t attempt, uint16_t error);
/* A run's whole life up to a point. */
void records_life(struct records *records, uint64_t run, enum life until);
/* The world with the workflow `trip`. */
struct records *records_handlers_new(void);
/* The number of the nth invoked run. */
uint64_t records_child(unsigned n);
/* Creates a run of the handler; its first invocation is claimed and begins. */
void records_trip(struct records *records, uint64_t run);
/* Begins a row with a checkpoint of the invocation under way. */
struct engine_record *records_checkpoint(struct records *records, uint64_t run);
/* Adds an operation's event to the row begun last. */
struct engine_record *records_operation(struct records *records, unsigned kind,
                                        uint32_t op, unsigned type,
                                        uint32_t attempt);
/* The invocation ends and waits; its run is suspended. */
void records_park(struct records *records, uint64_t run);
/* The next invocation is scheduled, claimed and begins. */
void records_wake(struct records *records, uint64_t run);
/* The invocation succeeds, and the run; for a client if it has one. */
void records_arrive(struct records *records, uint64_t run);
/* Puts a signal into a run's inbox. */
struct engine_record *records_signal(struct records *records, uint64_t run,
                                     uint64_t id, unsigned kind, uint32_t op);
/* Begins a row that consumes a signal, and takes it out. */
struct engine_record *records_consume(struct records *records, uint64_t run,
                                      uint64_t id);
/* Adds an outbox row for another run. */
struct engine_record *records_send(struct records *records, uint64_t run,
                                   unsigned outbox, uint64_t to, uint32_t row);
/* The log rows from a position on, as an audit finds them. */
void records_audit(struct records *records, uint64_t from);
/* The last audit, with run and work rows, and the end of the world. */
void records_end(struct records *records);

/* The nth record (from 0) of a kind; fails the test if there is none. */
struct engine_record *records_find(struct records *records, unsigned kind,
                                   size_t nth);
/* The nth EVENT of this kind. */
struct engine_record *records_find_event(struct records *records, unsigned kind,
                                         size_t nth);
/* Takes a record out of the stream. */
void records_drop(struct records *records, struct engine_record *record);
/* A copy of a record right behind it; returns the copy. */
struct engine_record *records_repeat(struct records *records,
                                     struct engine_record *record);

struct check_result records_judge(const struct records *records,
                                  const struct check_ops *ops);
void records_expect_pass(const struct records *records,
                         const struct check_ops *ops);
/* Fails unless this record is the first violation and its text has this. */
void records_expect(const struct records *records, const struct check_ops *ops,
                    const struct engine_record *record, const char *text);

#endif
