/*
 * The story of one run, actor by actor: who owned it, which attempts ran
 * where, which effects happened, what broke meanwhile. Built from the records
 * that were kept; bounded, and it says what it leaves out.
 */
#ifndef REPORTS_TIMELINE_H
#define REPORTS_TIMELINE_H

#include "reports/collect.h"

enum {
    REPORT_LANES_MAX = 24,
    REPORT_SPANS_MAX = 400,
    REPORT_MARKS_MAX = 600,
    REPORT_ROWS_MAX = 300,
    REPORT_NAME_SIZE = 96
};

/* A handler's step that ran and never reached the log. */
#define REPORT_NO_OPERATION UINT32_MAX

enum report_role {
    REPORT_ROLE_CLIENT,
    REPORT_ROLE_COORDINATOR,
    REPORT_ROLE_OPERATIONS, /* no node: what a handler has under way */
    REPORT_ROLE_STORE,
    REPORT_ROLE_PLATFORM,
    REPORT_ROLE_WORKER,
    REPORT_ROLE_RECEIVER,
    REPORT_ROLE_OTHER,
    REPORT_ROLES
};

struct report_lane {
    uint32_t node;
    enum report_role role;
    char name[64]; /* untrusted, cut to fit */
};

enum report_span_kind {
    REPORT_SPAN_OWNED,   /* a coordinator holds the run */
    REPORT_SPAN_ATTEMPT, /* a worker runs the step's code to its end */
    REPORT_SPAN_ERROR,   /* the same, it ended with an error */
    REPORT_SPAN_CUT,     /* the same, it never ended */
    REPORT_SPAN_DOWN,    /* the process is down */
    REPORT_SPAN_PAUSED,  /* the process stands still */
    REPORT_SPAN_CONTEXT, /* a handler's operation that holds others */
    REPORT_SPAN_WAITING, /* one that waits: for time, a retry, the outside */
    REPORT_SPAN_KINDS
};

struct report_span {
    enum report_span_kind kind;
    uint32_t lane;
    uint64_t from_ns;
    uint64_t to_ns;
    uint32_t op;      /* REPORT_NO_OPERATION: the log has none for it */
    uint32_t attempt; /* of the step itself, also in a handler */
    uint32_t step;    /* of a handler, from 1, if it is known; 0 */
    uint64_t id;      /* of a handler's operation, low half; 0 */
    uint64_t token;
    uint8_t type; /* of a handler's operation */
    uint8_t subtype;
    char name[REPORT_NAME_SIZE]; /* of an attempt's step, or of an operation:
                                    "wait 3"; untrusted, cut to fit; "" */
};

enum report_mark_kind {
    REPORT_MARK_COMMIT,    /* a decision became durable */
    REPORT_MARK_REJECTED,  /* the store refused a write */
    REPORT_MARK_EFFECT,    /* applied by the receiver */
    REPORT_MARK_DUPLICATE, /* applied again */
    REPORT_MARK_REPEAT,    /* recognised, not applied */
    REPORT_MARK_FAULT,
    REPORT_MARK_END,    /* the run's durable end */
    REPORT_MARK_SIGNAL, /* something reached the run from outside */
    REPORT_MARK_KINDS
};

struct report_mark {
    enum report_mark_kind kind;
    uint32_t lane;
    uint64_t time_ns;
    uint64_t index; /* of the record */
    int own;        /* it is about the run, not only about its actors */
};

/* One line of the table; text is built from names that are untrusted. */
struct report_row {
    uint64_t index;
    uint64_t time_ns;
    uint32_t lane;
    int bold; /* a fault, or something that went wrong */
    char text[200];
};

struct report_timeline {
    uint64_t run;
    uint32_t workflow; /* UINT32_MAX: unknown */
    const char *why;   /* why this run is shown, a phrase */
    uint64_t from_ns;  /* when the run was due, or first seen */
    uint64_t to_ns;
    struct report_lane lanes[REPORT_LANES_MAX];
    uint32_t lane_count;
    uint32_t lanes_left_out;
    struct report_span spans[REPORT_SPANS_MAX];
    uint32_t span_count;
    uint64_t spans_left_out;
    struct report_mark marks[REPORT_MARKS_MAX];
    uint32_t mark_count;
    uint64_t marks_left_out;
    struct report_row rows[REPORT_ROWS_MAX];
    uint32_t row_count;
    uint64_t rows_left_out;
    int cut_short; /* records of the run itself were not kept */
    int handler;   /* it is one, not a graph of steps */
};

/* 1 if records of this run were kept. */
int report_timeline_kept(const struct report_collect *collect, uint64_t run);
/*
 * Builds the timeline of a run from a finished collector. NULL: out of
 * memory. The caller frees it with free(); why is borrowed.
 */
struct report_timeline *
report_timeline_new(const struct report_collect *collect, uint64_t run,
                    const char *why);
/*
 * The name of a step of the run's workflow, or "step N" in word; of a handler
 * "operation N".
 */
const char *report_timeline_step(const struct report_world *world,
                                 uint32_t workflow, uint32_t op,
                                 char word[static 24]);

/*
 * The same for an attempt: of a handler's step its name, if the world knows
 * the handler's steps, and the operation as the log counts it.
 */
const char *report_timeline_attempt(const struct report_world *world,
                                    uint32_t workflow, uint32_t op,
                                    uint32_t step, char word[REPORT_NAME_SIZE]);

/* What kinds are called in report.json: "worker"; "attempt"; "commit". */
const char *report_role_name(enum report_role role);
const char *report_span_name(enum report_span_kind kind);
const char *report_mark_name(enum report_mark_kind kind);

/* What a handler's operation is: "wait", "map". */
const char *report_timeline_type(unsigned type, unsigned subtype);

/* What a fault does, in words: "crash", "short write". */
const char *report_timeline_action(unsigned action);

#endif
