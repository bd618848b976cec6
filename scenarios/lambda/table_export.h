/*
 * A sweep of a function for other tools (reports/export.h): each property and
 * each trial is a case of a test runner.
 */
#ifndef SCENARIOS_LAMBDA_TABLE_EXPORT_H
#define SCENARIOS_LAMBDA_TABLE_EXPORT_H

#include "reports/export.h"
#include "scenarios/lambda/table.h"

struct lambda_export {
    struct report_export report; /* borrows from the table and what follows */
    struct report_export_case *cases;
    struct report_export_reason *reasons;
    char *texts; /* names and details, each with its 0 */
};

/* version: of the program. False: out of memory; deinit all the same. */
bool lambda_export_init(struct lambda_export *exported,
                        const struct lambda_table *table, const char *version);
void lambda_export_deinit(struct lambda_export *exported);

#endif
