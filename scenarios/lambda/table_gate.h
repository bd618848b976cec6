/*
 * A sweep of a function as a gate compares it: each row is a property, named
 * by its fault and boundary, so that one that held and fails now, or is not
 * tried any more, is told; how often effects are applied and what is used are
 * figures.
 *
 *     crash after charge SUCCEED #1     pass, fail, inconclusive
 *     effect.charge.throttle x9.most    4
 *     effect.charge.crash.again         2 trials
 *     quota.operations.worst            9
 *     metered.all.most                  18
 */
#ifndef SCENARIOS_LAMBDA_TABLE_GATE_H
#define SCENARIOS_LAMBDA_TABLE_GATE_H

#include "reports/gate.h"
#include "scenarios/lambda/table.h"

/* Fills a zeroed report; digest: of the file. False: out of memory. */
bool lambda_table_gate(const struct lambda_table *table, const char *digest,
                       struct report_gate_report *report);

#endif
