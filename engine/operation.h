/*
 * Operations of a replayed handler: what one is, and the table of those of a
 * run. The same table serves both sides: the coordinator keeps it as the fold
 * of the log, a worker loads it to replay a handler against it.
 *
 *     id (hash of parent id and call number) -> operation -> parent
 *
 * Bytes on the wire and in the log: an item (engine/wire.h) with a struct
 * engine_operation as the head of its payload, then texts and the value:
 *
 *     | item | engine_operation | id text | name | detail | value | 0.. |
 *
 * UPDATE items: kind = enum engine_operation_action, a and b = id, flags =
 * engine_operation_flags(), attempt = the step attempt it is about.
 * OPERATION items: the same with kind = enum engine_operation_status and op =
 * its number in the run. Their value is the result or the error's words once
 * the operation has ended, before that what its options say.
 *
 * A step that ended ambiguously has status STARTED and error AMBIGUOUS until
 * an operator says what came of it.
 */
#ifndef ENGINE_OPERATION_H
#define ENGINE_OPERATION_H

#include <stdbool.h>

#include "engine/memory.h"
#include "engine/wire.h"

enum engine_operation_type {
    ENGINE_OPERATION_EXECUTION = 1, /* the run itself, number 0 */
    ENGINE_OPERATION_CONTEXT,
    ENGINE_OPERATION_STEP,
    ENGINE_OPERATION_WAIT,
    ENGINE_OPERATION_CALLBACK,
    ENGINE_OPERATION_INVOKE,
    ENGINE_OPERATION_SEND,    /* a message to another run */
    ENGINE_OPERATION_RECEIVE, /* the next message of an edge, or its end */
    ENGINE_OPERATION_TYPE_COUNT
};

enum engine_operation_subtype {
    ENGINE_SUBTYPE_NONE,
    ENGINE_SUBTYPE_STEP,
    ENGINE_SUBTYPE_WAIT,
    ENGINE_SUBTYPE_CALLBACK,
    ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT,
    ENGINE_SUBTYPE_MAP,
    ENGINE_SUBTYPE_MAP_ITERATION,
    ENGINE_SUBTYPE_PARALLEL,
    ENGINE_SUBTYPE_PARALLEL_BRANCH,
    ENGINE_SUBTYPE_WAIT_FOR_CALLBACK,
    ENGINE_SUBTYPE_WAIT_FOR_CONDITION,
    ENGINE_SUBTYPE_CHAINED_INVOKE,
    ENGINE_SUBTYPE_COMPENSATION,
    ENGINE_SUBTYPE_COUNT
};

enum engine_operation_status {
    ENGINE_STATUS_STARTED = 1,
    ENGINE_STATUS_PENDING, /* a step between attempts, until due */
    ENGINE_STATUS_READY,   /* its next attempt may start */
    ENGINE_STATUS_SUCCEEDED,
    ENGINE_STATUS_FAILED,
    ENGINE_STATUS_CANCELLED,
    ENGINE_STATUS_TIMED_OUT,
    ENGINE_STATUS_STOPPED,
    ENGINE_STATUS_COUNT
};

static inline bool engine_status_terminal(unsigned status)
{
    return status >= ENGINE_STATUS_SUCCEEDED;
}

enum engine_operation_action {
    ENGINE_ACTION_START = 1,
    ENGINE_ACTION_SUCCEED,
    ENGINE_ACTION_FAIL,
    ENGINE_ACTION_RETRY,
    ENGINE_ACTION_CANCEL,
    ENGINE_ACTION_PROGRESS, /* a node checkpoint inside a long attempt */
    ENGINE_ACTION_COUNT
};

/* Options, in the flags of items. Those of different types may share a bit. */
enum {
    ENGINE_OPTION_REPLAY_CHILDREN = 1, /* CONTEXT: rebuilt from its children */
    ENGINE_OPTION_CANCEL = 1, /* INVOKE: its run is cancelled with this one */
    ENGINE_OPTION_UNTIL = 1,  /* WAIT: first_ns is the store time of its end */
    ENGINE_OPTION_AT_MOST_ONCE = 2, /* STEP */
    ENGINE_OPTION_STATE = 4, /* RETRY: the value is a state, not an error */
    ENGINE_OPTION_LARGE = 8, /* EXECUTION: the result is checkpointed here */
    ENGINE_OPTION_BLOB = 16, /* the value is a struct engine_blob_ref */
    ENGINE_OPTION_IRREVERSIBLE = 32, /* STEP: ambiguous when cut off */
    ENGINE_OPTION_PROGRESS = 64, /* STEP: the value is what PROGRESS saved last;
                                    it outlives a RETRY with an error */
    ENGINE_OPTION_END = 128,     /* RECEIVE, SUCCEEDED: the stream has ended */
    ENGINE_OPTION_EMPTY = 128    /* of others: the value is there, and empty */
};

/* Options that are about the value, not about the operation. */
#define ENGINE_OPTIONS_OF_VALUE                                                \
    (ENGINE_OPTION_STATE | ENGINE_OPTION_BLOB | ENGINE_OPTION_PROGRESS |       \
     ENGINE_OPTION_END)

static inline uint32_t engine_operation_flags(unsigned type, unsigned subtype,
                                              unsigned options)
{
    return type | subtype << 8 | options << 16;
}

static inline unsigned engine_operation_flag_type(uint32_t flags)
{
    return flags & 0xff;
}

static inline unsigned engine_operation_flag_subtype(uint32_t flags)
{
    return flags >> 8 & 0xff;
}

static inline unsigned engine_operation_flag_options(uint32_t flags)
{
    return flags >> 16;
}

/*
 * The head of the payload of UPDATE and OPERATION items, and of the events
 * made of them. In OPERATION items they are store times, 0: none: first_ns
 * when it is due or, once something outside has ended it, when that was;
 * second_ns when its heartbeat is, or when a step ends at the latest. SEND,
 * RECEIVE and CONTEXT say what else they mean.
 */
struct engine_operation {
    struct engine_hash parent; /* id of its context; zeros: the run */
    uint64_t first_ns;  /* START of WAIT, RETRY: how long; START of CALLBACK,
                           INVOKE and RECEIVE: timeout, 0 none; START of STEP:
                           how long its attempts may be READY, 0 for ever;
                           SEND: the run that is to receive the message */
    uint64_t second_ns; /* START of CALLBACK: heartbeat timeout, 0 none; START
                           of STEP: of all its attempts, the same; SEND
                           and RECEIVE, in events and OPERATION items: number
                           of the message on its edge, from 1; CONTEXT of a
                           map or parallel: branches it has, plus 1; 0: an
                           older worker did not say */
    uint32_t error;     /* enum engine_error, with FAIL and RETRY */
    uint16_t id_size;   /* the id as text, where it is not ours; 0: it is. What
                           follows a zero byte in it is kept and not read */
    uint16_t name_size;
    uint32_t detail_size; /* INVOKE: the workflow's name; SEND, RECEIVE: the
                             edge; of the others, FAIL and RETRY: error type */
    uint32_t value_size;  /* input, result, state, or the error's words */
};

struct engine_text {
    const char *text; /* no end marker */
    size_t size;
};

/* An item's payload taken apart; points into it. */
struct engine_operation_view {
    struct engine_operation head;
    struct engine_text id;
    struct engine_text name;
    struct engine_text detail;
    const void *value;
};

/* Returns 0, or -1 if the sizes do not add up to the item's. */
int engine_operation_view(const struct engine_item *item,
                          struct engine_operation_view *view);
/*
 * Appends an item of this type with the view's parts; sizes in view->head are
 * those of the parts. Returns the item, or NULL when out of memory.
 */
struct engine_item *
engine_operation_write(struct engine_block *block,
                       const struct engine_item *head,
                       const struct engine_operation_view *view);

/* The id of the n-th call (from 1) in a context; parent zeros: the run. */
struct engine_hash engine_operation_id(uint64_t run, struct engine_hash parent,
                                       uint64_t n);

static inline bool engine_hash_equal(struct engine_hash a, struct engine_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* One operation of a run. Everything it points to belongs to the table. */
struct engine_op_entry {
    struct engine_hash id;
    uint32_t number;       /* place in the table; 0 is the run */
    uint32_t run_number;   /* number in the run, of OPERATION items; the
                              coordinator's table has them all: the same */
    uint32_t parent;       /* number */
    uint32_t first_child;  /* number, 0: none; the newest child */
    uint32_t next_sibling; /* the next older one */
    uint8_t type;
    uint8_t subtype;
    uint8_t status; /* 0: not started: the place of the run itself */
    uint8_t options;
    uint8_t unstamped; /* its times are still durations */
    uint8_t orphan;    /* its context has closed: nobody waits for it */
    uint8_t dropped;   /* and it is not sent any more */
    uint16_t error;
    uint32_t attempt;      /* attempts begun, or known to have begun */
    uint32_t changed;      /* number of the change that touched it last */
    uint64_t started_ns;   /* store times */
    uint64_t due_ns;       /* wait, retry, timeout: UINT64_MAX none; once
                              something outside has ended it, when */
    uint64_t second_ns;    /* CALLBACK: heartbeat timeout as a duration, 0
                              none; STEP: the same of all attempts; SEND, RECEIVE:
                              number of the message;    CONTEXT: branches plus 1,
                              0:    not known */
    uint64_t peer;         /* SEND: the run that is to receive it; STEP: how
                              long an attempt may be READY, 0 for ever */
    uint64_t heartbeat_ns; /* when it is missed, or no time is left for a
                              STEP; UINT64_MAX none */
    struct engine_text id_text;
    struct engine_text name;
    struct engine_text detail;
    uint32_t value_size;
    void *value; /* result, error's words, state or progress */
    uint32_t input_size;
    void *input; /* of START: INVOKE's input */
};

struct engine_operations_chunk;

struct engine_operations {
    const struct engine_memory *memory;
    uint64_t run;
    struct engine_op_entry *entries; /* by number */
    uint32_t count;                  /* with the run at 0 */
    uint32_t capacity;
    uint64_t *slots; /* open addressing by id: number + 1, above it a part of
                        the id; 0: free */
    uint32_t slot_count;
    struct engine_operations_chunk *chunks; /* small texts and values */
    unsigned char *image; /* bytes that entries point into, or NULL */
    size_t image_size;
};

/*
 * 0, or -1 when out of memory. The table starts with the run at number 0: id
 * zeros, type EXECUTION, status 0.
 */
int engine_operations_init(struct engine_operations *table,
                           const struct engine_memory *memory, uint64_t run);
void engine_operations_free(struct engine_operations *table);
/* NULL: no operation has this id. Pointers hold until the next one is added. */
struct engine_op_entry *
engine_operations_find(const struct engine_operations *table,
                       struct engine_hash id);
/*
 * Adds an operation that is not there yet, as the newest child of parent, with
 * no deadlines and everything else 0; NULL when out of memory.
 */
struct engine_op_entry *engine_operations_add(struct engine_operations *table,
                                              struct engine_hash id,
                                              uint32_t parent);
/* Makes room for count operations in all. 0 or -1. */
int engine_operations_reserve(struct engine_operations *table, uint32_t count);
/*
 * Takes over an OPERATION item: adds it or replaces what was known. 0; -1 out
 * of memory; -2 if it is damaged or its parent is unknown.
 */
int engine_operations_load(struct engine_operations *table,
                           const struct engine_item *item);
/* Writes one entry as an OPERATION item. 0 or -1. */
int engine_operations_store(const struct engine_operations *table,
                            uint32_t number, struct engine_block *block);
/* Copies bytes into the entry's value, replacing it. 0 or -1. */
int engine_operations_set_value(struct engine_operations *table,
                                struct engine_op_entry *entry,
                                const void *bytes, size_t size);
/* The same for its input. */
int engine_operations_set_input(struct engine_operations *table,
                                struct engine_op_entry *entry,
                                const void *bytes, size_t size);
/* The same for one of its texts: &entry->name and so on. */
int engine_operations_set_text(struct engine_operations *table,
                               struct engine_text *text, const char *bytes,
                               size_t size);
/*
 * Allocates image_size bytes, owned by the table, that entries may point into
 * from then on: texts, values and inputs read all at once. Once per table;
 * NULL when out of memory.
 */
unsigned char *engine_operations_image(struct engine_operations *table,
                                       size_t image_size);

/* Bytes of that item with its head. */
size_t engine_operations_span(const struct engine_operations *table,
                              uint32_t number);

const char *engine_operation_type_name(unsigned type);
const char *engine_operation_subtype_name(unsigned subtype);
const char *engine_operation_status_name(unsigned status);
const char *engine_operation_action_name(unsigned action);

#endif
