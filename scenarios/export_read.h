/*
 * A report.json read back for the formats of other tools (reports/export.h):
 * its verdict, properties, expectations, faults and latencies.
 */
#ifndef SCENARIOS_EXPORT_READ_H
#define SCENARIOS_EXPORT_READ_H

#include "engine/host/json.h"
#include "reports/export.h"

/* The texts belong to the document, which must outlive it. */
struct export_figures {
    struct report_export report;
    struct report_export_case *cases;
    char (*names)[200]; /* of thresholds */
    struct report_export_reason *reasons;
    struct report_export_step *steps;
    struct report_export_fault *faults;
};

/*
 * Reads the figures from a document. -1 and *error filled on failure: the
 * file is no report, is of another version of the format, or was damaged.
 * After either, export_figures_deinit() frees what is there.
 */
int export_figures_read(const struct json_doc *doc,
                        struct export_figures *figures,
                        struct json_error *error);
void export_figures_deinit(struct export_figures *figures);

#endif
