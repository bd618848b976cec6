/*
 * What came of a sweep, as a table: one row for each boundary and fault. The
 * same sweep gives the same bytes.
 */
#ifndef SCENARIOS_LAMBDA_TABLE_H
#define SCENARIOS_LAMBDA_TABLE_H

#include "reports/buffer.h"
#include "scenarios/lambda/sweep.h"

struct lambda_table;

/* again: the command of the sweep, for commands that repeat one row. NULL: out
 * of memory. */
struct lambda_table *lambda_table_new(const char *again);
void lambda_table_free(struct lambda_table *table);
/* 0 or -1. */
int lambda_table_add(struct lambda_table *table, const struct lambda_row *row);

/* For a terminal: failures with their commands, then how often each fault
 * held. */
void lambda_table_text(const struct lambda_table *table,
                       const struct lambda_sweep *sweep,
                       struct report_buffer *out);
/* Schema "perdure.lambda-sweep/1": every row. */
void lambda_table_json(const struct lambda_table *table,
                       const struct lambda_sweep *sweep,
                       struct report_buffer *out);

/* One run that was not struck. */
void lambda_table_run(const struct lambda_outcome *outcome,
                      const struct lambda_plan *plan,
                      struct report_buffer *out);
/* Schema "perdure.lambda-run/1". */
void lambda_table_run_json(const struct lambda_outcome *outcome,
                           const struct lambda_plan *plan,
                           struct report_buffer *out);

#endif
