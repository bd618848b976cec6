/*
 * Where the values of a run come from, read out of logs: every execution of a
 * node or operation, what it was given and what it gave, where and when, and
 * which executions gave it what it was given. Nobody says who the parents are:
 *
 *     graph     the edges of its definition, from the attempt that succeeded
 *     handler   an operation whose result is, byte for byte, what another one
 *               or its context gave on; the branches of a map or parallel; an
 *               invoked run; the SEND of a message that was received
 *
 * All of that stands in the log whatever platform an attempt ran on, and is
 * numbered nowhere by time: two digests tell whether two runs computed the
 * same in the same way.
 *
 *     runs       [orders 17] <-invoked by- [orders 2^39+..]   as deep as asked
 *                     |
 *     executions  run -> context -> operation, attempt 1, 2, ..
 *     edges       execution <-- parent
 *
 * The log is checked as it is read: its chain, its fold, and each digest that
 * it carries against the bytes.
 */
#ifndef ENGINE_HOST_LINEAGE_H
#define ENGINE_HOST_LINEAGE_H

#include "engine/host/reader.h"
#include "engine/operation.h"

/* How an execution stands or ended. */
enum lineage_state {
    LINEAGE_OPEN = 1,
    LINEAGE_SUCCEEDED,
    LINEAGE_FAILED,
    LINEAGE_TIMED_OUT,
    LINEAGE_INTERRUPTED,
    LINEAGE_AMBIGUOUS, /* nobody knows */
    LINEAGE_SKIPPED,   /* an operator said what came of it */
    LINEAGE_CANCELLED,
    LINEAGE_STOPPED,
    LINEAGE_SUSPENDED, /* an invocation of a handler that waits */
    LINEAGE_AGAIN,     /* a condition that did not hold yet */
    LINEAGE_STATE_COUNT
};

/* What an edge means: the child is what is said, the parent what it is from. */
enum lineage_edge_kind {
    LINEAGE_OUTPUT = 1, /* an output of a graph's node is an input */
    LINEAGE_VALUE,      /* what the parent gave is what this was given */
    LINEAGE_INPUT,      /* the same of the run's input */
    LINEAGE_MESSAGE,    /* the SEND of what was received */
    LINEAGE_CHILD,      /* the run that was invoked */
    LINEAGE_BRANCH,     /* of a map or parallel */
    LINEAGE_RESULT,     /* what something inside gave is its result */
    LINEAGE_AFTER,      /* what ended last before it, in the same context: its
                           result was known then, and may have been used */
    LINEAGE_EDGE_KIND_COUNT
};

/* Types beside enum engine_operation_type. */
enum {
    LINEAGE_TYPE_INVOCATION = ENGINE_OPERATION_TYPE_COUNT
};

#define LINEAGE_NONE UINT32_MAX

/* Bytes that were logged. */
struct lineage_value {
    struct engine_hash digest; /* engine_hash_bytes() of them */
    uint64_t size;
    bool known;
};

struct lineage_edge {
    uint32_t parent;
    uint32_t next;    /* LINEAGE_NONE: the last one of its child */
    const char *from; /* handle of the parent; NULL: none */
    const char *to;   /* handle of the child */
    uint32_t kind;    /* enum lineage_edge_kind */
};

struct lineage_execution {
    const char *name; /* ends with a 0 */
    uint32_t name_size;
    uint32_t run;         /* index */
    uint32_t op;          /* as events number it; UINT32_MAX: the run itself */
    uint32_t attempt;     /* from 1; 0: it has none */
    uint32_t context;     /* what it is inside of; LINEAGE_NONE: nothing here */
    uint32_t ordinal;     /* number of its call in the context; 0: not known */
    uint32_t first;       /* edge to its first parent, LINEAGE_NONE */
    uint32_t last;        /* the same of the last one */
    uint8_t type;         /* enum engine_operation_type and the above */
    uint8_t subtype;      /* enum engine_operation_subtype */
    uint8_t state;        /* enum lineage_state */
    bool final;           /* no later attempt followed it */
    uint16_t error;       /* enum engine_error */
    bool has_platform;    /* it ran on one */
    const char *platform; /* its name; NULL: it has none */
    uint32_t platform_id; /* its number */
    uint64_t scheduled_ns; /* store times; 0: not known, or not yet */
    uint64_t started_ns;
    uint64_t ended_ns;
    struct lineage_value input;
    struct lineage_value output;
    struct engine_hash path;   /* where it is, by names and places only */
    struct engine_hash digest; /* of all but times, platforms and attempts */
};

struct lineage_run {
    uint64_t number;
    const char *workflow;
    struct engine_hash code; /* of its definition without its platforms */
    uint64_t parent;         /* run that invoked it; 0: none */
    uint64_t folded_seq; /* what events up to here say is left out; 0: none */
    uint32_t parent_op;
    uint32_t state;     /* enum engine_run_state */
    uint32_t depth;     /* from the run that was asked for */
    uint32_t execution; /* of the run itself */
    bool handler;
};

enum lineage_direction {
    LINEAGE_BOTH,
    LINEAGE_UP,  /* runs that invoked it or sent to it */
    LINEAGE_DOWN /* runs that it invoked or sent to */
};

struct lineage_request {
    uint64_t run;
    uint32_t depth; /* how many runs away; 0: only this one */
    enum lineage_direction direction;
};

struct lineage_text;

struct lineage {
    struct lineage_run *runs; /* the one that was asked for is the first */
    uint32_t run_count;
    uint32_t run_capacity;
    struct lineage_execution *executions; /* those of a run in a row */
    uint32_t count;
    uint32_t capacity;
    struct lineage_edge *edges;
    uint32_t edge_count;
    uint32_t edge_capacity;
    uint32_t not_followed; /* runs beyond the depth */
    /*
     * digest: over all executions, without times and platforms. How often a
     * handler was called while it waited is time, too. flow: the same without
     * attempts: what was computed from what, whatever had to be tried.
     */
    struct engine_hash digest;
    struct engine_hash flow;
    struct lineage_text *texts; /* names, in pieces */
    bool failed;                /* out of memory */
};

enum lineage_result {
    LINEAGE_HELD = 0,
    LINEAGE_NO_RUN = -1,   /* there is no run of this number */
    LINEAGE_DAMAGED = -2,  /* a log is not what was written */
    LINEAGE_ARCHIVED = -3, /* the run's log has left the database */
    LINEAGE_UNKNOWN = -4,  /* its workflow is not in the database */
    LINEAGE_MEMORY = -5
};

/*
 * Collects the lineage of a run into out, which is to be freed whatever comes
 * of it, before the reader is closed. Anything but HELD: a sentence in error.
 * Time and memory are linear in the logs of the runs that are followed, and
 * of all runs once if senders of messages have to be found.
 */
enum lineage_result lineage_collect(struct host_reader *reader,
                                    const struct lineage_request *request,
                                    struct lineage *out,
                                    char error[HOST_ERROR_SIZE]);
void lineage_free(struct lineage *lineage);

/* "succeeded", "output" and so on. */
const char *lineage_state_name(unsigned state);
const char *lineage_edge_name(unsigned kind);
/* Of an execution: "run", "invocation", "step", "map" and so on. */
const char *lineage_type_name(const struct lineage_execution *e);
/* Whether the state is one of an attempt that did not do what it should. */
bool lineage_is_failure(unsigned state);

#endif
