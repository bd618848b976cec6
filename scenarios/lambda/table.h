/*
 * What came of a sweep, as it is stored, shown and compared: the verdict of
 * each row, what the function does undisturbed, effects, properties, quotas.
 *
 *     sweep --> table --> lambda.json --> table
 *                 |--> text for a terminal
 *                 |--> index.html
 *                 `--> figures for a gate
 *
 * A table that was read back is rendered to the same bytes. The same sweep
 * gives the same table.
 */
#ifndef SCENARIOS_LAMBDA_TABLE_H
#define SCENARIOS_LAMBDA_TABLE_H

#include "engine/host/json.h"
#include "reports/buffer.h"
#include "scenarios/lambda/sweep.h"

#define LAMBDA_TABLE_SCHEMA "perdure.lambda-sweep/1"
#define LAMBDA_RUN_SCHEMA "perdure.lambda-run/1"

enum {
    LAMBDA_FAULT_NAME = 32,
    LAMBDA_ROW_AT = 2 * LAMBDA_STRIKE_SIZE,
    LAMBDA_ROW_DETAIL = LAMBDA_DETAIL_SIZE + 24,
    LAMBDA_ROWS_MAX = 100000
};

/* One trial. */
struct lambda_table_row {
    char at[LAMBDA_ROW_AT]; /* of a pair both, with their faults */
    char fault[LAMBDA_FAULT_NAME];
    char detail[LAMBDA_ROW_DETAIL]; /* of the fault: "x3", "60 s late" */
    uint64_t times;                 /* its size */
    enum check_verdict verdict;
    char why[LAMBDA_ROW_WHY_SIZE]; /* untrusted, as all that functions say */
    char status[16];
    uint64_t invocations;
    uint64_t struck;
    uint64_t virtual_ns;
    uint64_t metered;  /* durable operations */
    char *again;       /* the command that tries it again */
    uint64_t *applied; /* by effect */
};

struct lambda_table_effect {
    char name[LAMBDA_POINT_NAME];
    uint64_t applied; /* undisturbed */
    uint64_t asked;
    bool once; /* declared so */
};

struct lambda_table_property {
    char id[8];
    char name[64];
    char unit[64];
    enum check_verdict verdict;
    uint64_t checked;
    uint64_t violations;
    char why[LAMBDA_PROPERTY_WHY];
};

struct lambda_table_quota {
    char name[48];
    char unit[8];     /* "", "bytes", "ns", "/s" */
    uint64_t allowed; /* 0: not limited */
    uint64_t undisturbed;
    uint64_t worst; /* of all rows */
    char worst_at[LAMBDA_ROW_AT + LAMBDA_FAULT_NAME + 16];
};

struct lambda_table_meter {
    char name[48];
    uint64_t undisturbed;
    uint64_t least;
    uint64_t most;
};

struct lambda_table {
    char *command; /* of the whole sweep */
    char *again;   /* of one row, without what names it; "" of one read */
    char *handler;
    bool complete; /* it was not broken off */
    enum check_verdict verdict;
    uint64_t boundaries;
    uint64_t trials;
    uint64_t held;
    uint64_t failed;
    uint64_t missed;
    /* Undisturbed: */
    char status[16];
    char *result;
    uint64_t invocations;
    uint64_t operations;
    uint64_t virtual_ns;
    struct lambda_told *history;
    uint32_t history_count;
    struct lambda_table_effect effects[LAMBDA_EFFECTS_MAX];
    uint32_t effect_count;
    struct lambda_table_property properties[LAMBDA_SWEEP_PROPERTIES];
    uint32_t property_count;
    struct lambda_table_quota quotas[LAMBDA_QUOTA_COUNT];
    uint32_t quota_count;
    struct lambda_table_meter meters[LAMBDA_METER_COUNT + 1]; /* all, last */
    uint32_t meter_count;
    uint64_t price_micro; /* of a million durable operations, in millionths of
                             a dollar, as the user gave it; 0: none was given */
    struct lambda_table_row *rows; /* boundary by boundary */
    uint32_t count;
    uint32_t capacity;
};

/* All are copied. NULL: out of memory. */
struct lambda_table *lambda_table_new(const char *command, const char *again,
                                      const char *handler);
void lambda_table_free(struct lambda_table *table);
/* Another row, zeroed but for its effects; NULL: out of memory. */
struct lambda_table_row *lambda_table_row(struct lambda_table *table);
/* Rows as they come. 0 or -1. */
int lambda_table_add(struct lambda_table *table, const struct lambda_row *row);
/* All the rest. 0 or -1. */
int lambda_table_finish(struct lambda_table *table,
                        const struct lambda_sweep *sweep,
                        const struct lambda_sweep_config *config,
                        bool complete);

void lambda_table_property(const struct lambda_property *from,
                           struct lambda_table_property *to);
/* Of the execution, or "STUCK" and so on: why it did not end. */
const char *lambda_table_status(const struct lambda_outcome *outcome);
/* "throttle x3", "crash". */
void lambda_table_fault(const struct lambda_table_row *row,
                        struct report_buffer *out);

/* Both were struck in the same way, wherever. */
bool lambda_table_same_fault(const struct lambda_table_row *a,
                             const struct lambda_table_row *b);

/*
 * What is said of effects that happen more often than undisturbed: for each
 * effect, count and fault, in that order, the boundaries where they do.
 */
struct lambda_repeat {
    uint32_t effect;
    uint64_t applied;
    uint32_t first; /* row; others have the same fault, times and count */
    uint32_t rows;
};
/* Up to max of them in order; returns how many there are. */
uint32_t lambda_table_repeats(const struct lambda_table *table,
                              struct lambda_repeat *list, uint32_t max);
/* Whether an earlier one of the list says the same of the same boundaries:
 * they can be told together. */
bool lambda_repeat_told(const struct lambda_table *table,
                        const struct lambda_repeat *list, uint32_t index);
/* "2x when killed, under 3 throttles": with all that can be told with it. */
void lambda_repeat_write(const struct lambda_table *table,
                         const struct lambda_repeat *list, uint32_t count,
                         uint32_t index, struct report_buffer *out);
/* The next row that it is about, from row on; UINT32_MAX: no more. */
uint32_t lambda_repeat_row(const struct lambda_table *table,
                           const struct lambda_repeat *repeat, uint32_t row);

/* For a terminal: failures with their commands, effects, faults, figures. */
void lambda_table_text(const struct lambda_table *table,
                       struct report_buffer *out);
/* Schema "perdure.lambda-sweep/1": all of it, with a digest of its content. */
void lambda_table_json(const struct lambda_table *table,
                       struct report_buffer *out);
/* index.html: a page without scripts. */
void lambda_table_html(const struct lambda_table *table,
                       struct report_buffer *out);

/* A lambda.json that is whole, from the document of its bytes; NULL: err says
 * why. */
struct lambda_table *lambda_table_read(struct json_view top, const char *bytes,
                                       size_t size, struct json_error *err);

/* Whether bytes may be a lambda.json; the same of a file's. */
bool lambda_table_is(const char *bytes, size_t size);
struct lambda_table *lambda_table_read_bytes(const char *name,
                                             const char *bytes, size_t size,
                                             struct json_error *err);

/* One run that was not struck. */
void lambda_table_run(const struct lambda_outcome *outcome,
                      const struct lambda_plan *plan,
                      struct report_buffer *out);
/* Schema "perdure.lambda-run/1". */
void lambda_table_run_json(const struct lambda_outcome *outcome,
                           const struct lambda_plan *plan,
                           struct report_buffer *out);

#endif
