/*
 * Where the runs of a function can be struck, and with what. A run that is not
 * struck writes down each boundary that it crosses; a fault strikes one of
 * them, several of the same name in a row, or the whole run. What a fault does
 * may come in several sizes: how often, how late, how large.
 */
#ifndef SCENARIOS_LAMBDA_PLAN_H
#define SCENARIOS_LAMBDA_PLAN_H

#include "engine/host/lambda/host.h"

enum {
    LAMBDA_POINT_NAME = 80,
    LAMBDA_LABEL_SIZE = 160
};

/* A boundary by name: its kind, and which of those it is, from 1. */
struct lambda_point {
    enum lambda_place place;
    bool after;
    char operation[LAMBDA_POINT_NAME];
    char action[16];
    uint32_t occurrence;
    bool timed;    /* what it starts ends by itself, at a time */
    bool beating;  /* a callback with a limit between heartbeats */
    bool answered; /* a callback that somebody answers */
};

/* "after charge SUCCEED #1", "callback approve #1", "the whole run". Returns
 * out. */
const char *lambda_point_write(const struct lambda_point *point,
                               char out[LAMBDA_LABEL_SIZE]);

enum lambda_fault {
    LAMBDA_FAULT_NONE,
    LAMBDA_FAULT_CRASH,
    LAMBDA_FAULT_TIME_OUT,
    LAMBDA_FAULT_LOST_REQUEST,
    LAMBDA_FAULT_LOST_REPLY,
    LAMBDA_FAULT_LATE_REPLY,
    LAMBDA_FAULT_THROTTLE,
    LAMBDA_FAULT_SERVER_ERROR,
    LAMBDA_FAULT_STALE_TOKEN,
    LAMBDA_FAULT_FOREIGN_TOKEN,
    LAMBDA_FAULT_DUPLICATE,
    LAMBDA_FAULT_OVERLAP,
    LAMBDA_FAULT_STOP,
    LAMBDA_FAULT_LATE_TIMER,
    LAMBDA_FAULT_CALLBACK_FIRST,
    LAMBDA_FAULT_CALLBACK_EARLY,
    LAMBDA_FAULT_CALLBACK_SAME,
    LAMBDA_FAULT_CALLBACK_LATE,
    LAMBDA_FAULT_CALLBACK_TWICE,
    LAMBDA_FAULT_CALLBACK_FAIL,
    LAMBDA_FAULT_CALLBACK_NEVER,
    LAMBDA_FAULT_HEARTBEAT_EARLY,
    LAMBDA_FAULT_HEARTBEAT_LATE,
    LAMBDA_FAULT_REORDERED_TIMERS,
    LAMBDA_FAULT_PAGES,
    LAMBDA_FAULT_EMPTY_PAGE,
    LAMBDA_FAULT_COUNT
};
/* "crash" and so on. */
const char *lambda_fault_name(enum lambda_fault fault);
enum lambda_fault lambda_fault_find(const char *name);

enum {
    LAMBDA_SIZES_MAX = 5,
    LAMBDA_DETAIL_SIZE = 40
};
/* The sizes that are tried of a fault there; at least one. */
uint32_t lambda_fault_sizes(enum lambda_fault fault,
                            const struct lambda_point *point,
                            uint32_t sizes[LAMBDA_SIZES_MAX]);
/* What a size means: "x3", "60 s late"; "" where there is only one. Returns
 * out. */
const char *lambda_fault_detail(enum lambda_fault fault, uint32_t size,
                                char out[LAMBDA_DETAIL_SIZE]);
/* A run that is struck so may come out otherwise; it must come to an end. */
bool lambda_fault_changes(enum lambda_fault fault);
/* Strikes the whole run: there is no boundary of it. */
bool lambda_fault_whole(enum lambda_fault fault);

/* A fault at a boundary. */
struct lambda_strike {
    enum lambda_fault fault; /* NONE: nothing */
    struct lambda_point at;
    uint32_t times; /* the fault's size */
};
/* "crash before charge START #1", "throttle*3 before charge START #1". */
enum {
    LAMBDA_STRIKE_SIZE = LAMBDA_LABEL_SIZE + 48
};
const char *lambda_strike_write(const struct lambda_strike *strike,
                                char out[LAMBDA_STRIKE_SIZE]);

struct lambda_plan {
    enum lambda_fault fault;
    struct lambda_point at;
    uint32_t times;            /* the fault's size */
    struct lambda_strike also; /* besides, at another boundary */
    uint32_t page_items;       /* of every page of state; 0: as configured */
    bool recording;
    /* Filled: */
    uint32_t struck;
    struct lambda_point *points; /* crossed, in order */
    uint32_t *counts;            /* of each name; parallel to names */
    struct lambda_point *names;
    uint32_t point_count;
    uint32_t point_capacity;
    uint32_t name_count;
    uint32_t name_capacity;
    bool failed; /* out of memory */
};

/* Takes one apart: its boundary is one that the plan has recorded. False: it
 * names no fault, or no such boundary. */
bool lambda_strike_read(const char *text, const struct lambda_plan *plan,
                        struct lambda_strike *strike);

/* For a run: forgets what the last one crossed. */
void lambda_plan_begin(struct lambda_plan *plan);
void lambda_plan_free(struct lambda_plan *plan);
/* The hook of the host. */
void lambda_plan_boundary(struct lambda_plan *plan,
                          const struct lambda_boundary *boundary,
                          struct lambda_decision *decision);

/* The fault that strikes a callback; its point is filled but for its number. */
enum lambda_fault lambda_plan_callback(struct lambda_plan *plan,
                                       struct lambda_point *point);
/* Whether a run crosses what a fault of the whole run strikes. */
bool lambda_plan_fits(const struct lambda_plan *plan, enum lambda_fault fault);

/* Whether a fault can strike there. */
bool lambda_fault_fits(enum lambda_fault fault,
                       const struct lambda_point *point);

#endif
