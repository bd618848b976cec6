/*
 * A replayed handler on a test bed: one worker's replay and the service's
 * execution, with the log between them and time that moves only when nothing
 * else can. Each call of durable_bed_step() is one move, and anybody may die
 * between two moves:
 *
 *     LOAD -> GO -> COMMIT -> ANSWER -> GO -> .. -> parked -> time or signal
 *
 * The worker dies by losing its replay; the service by folding its log again.
 */
#ifndef DURABLE_BED_H
#define DURABLE_BED_H

#include "engine/execution.h"
#include "engine/replay.h"

#define DURABLE_RUN 42
#define DURABLE_START_NS UINT64_C(1700000000000000000)

enum durable_phase {
    DURABLE_LOAD,   /* the worker asks for the state */
    DURABLE_GO,     /* the handler is called */
    DURABLE_COMMIT, /* updates go to the service */
    DURABLE_ANSWER, /* and its answer to the worker */
    DURABLE_JOB,    /* the host runs a step */
    DURABLE_PARKED, /* nothing to do but wait */
    DURABLE_SUCCEEDED,
    DURABLE_FAILED,
    DURABLE_BLOCKED /* an operator must decide */
};

struct durable_row {
    size_t at; /* of its events in the log */
    size_t end;
    uint64_t time_ns;
};

struct durable_bed {
    struct engine_handler handler;
    struct engine_limits limits; /* seed-001 unless the test changes it */
    struct engine_replay_config config;
    struct engine_execution execution;
    struct engine_replay *replay; /* NULL: no worker */
    enum durable_phase phase;
    uint64_t now_ns;
    uint32_t invocation;
    uint64_t checkpoints;
    size_t page_max;
    bool sync;     /* the worker persists from within go() */
    bool collects; /* a batch stays open while jobs of the host are left */

    struct engine_block log; /* 8 bytes, then EVENT items */
    struct durable_row *rows;
    uint32_t row_count;
    uint32_t row_capacity;
    struct engine_block inbox; /* signals that wait: 8 bytes, INBOX items */
    uint64_t signals;
    struct engine_block sent; /* what is on its way to the service */
    struct engine_block answer;

    /* How a job of the host ends; NULL: SUCCEEDED with its input. */
    void (*job)(void *self, const struct engine_replay_step *step,
                uint32_t *error, struct engine_bytes *output);
    void *job_self;

    unsigned char *result;
    size_t result_size;
    uint32_t error;
    char words[600];
    char type[80];
    struct engine_problem problem; /* of the batch that was refused */
    char logged[4096];             /* lines of engine_log() */
};

/* A new run of this handler. The input must outlive the bed. */
void durable_bed_init(struct durable_bed *bed, engine_handler_fn *run,
                      void *self, const char *input);
void durable_bed_free(struct durable_bed *bed);

/* One move. false: it has ended, or waits for a signal. */
bool durable_bed_step(struct durable_bed *bed);
/* Moves until none is left; at most so many. Returns the phase. */
enum durable_phase durable_bed_run(struct durable_bed *bed);

/* The worker dies: all it knew is gone, the next invocation is scheduled. */
void durable_bed_crash_worker(struct durable_bed *bed);
/* The service dies: its fold is built anew from the log. */
void durable_bed_crash_service(struct durable_bed *bed);

/* A signal for an operation (number in the run) or for an edge. */
/* The same from somebody else than "run 99". */
void durable_bed_signal_from(struct durable_bed *bed, const char *actor,
                             enum engine_signal_kind kind, uint32_t operation,
                             uint32_t error, const char *edge, uint64_t number,
                             const char *value);
void durable_bed_signal(struct durable_bed *bed, enum engine_signal_kind kind,
                        uint32_t operation, uint32_t error, const char *edge,
                        uint64_t number, const char *value);
/* The service reads its inbox, and nothing else happens. Whether it had any. */
bool durable_bed_read(struct durable_bed *bed);
/* The newest operation with this name; NULL: none. The service's view. */
const struct engine_op_entry *durable_bed_find(const struct durable_bed *bed,
                                               const char *name);
/* How many events of this kind the log has. */
uint32_t durable_bed_count(const struct durable_bed *bed, unsigned kind);
/* The names of all events of operations, in order: "step a succeeded; ..". */
const char *durable_bed_story(const struct durable_bed *bed, char *out,
                              size_t room);
/* The result as text, with an end; what the test may compare with. */
const char *durable_bed_result(const struct durable_bed *bed);

#endif
