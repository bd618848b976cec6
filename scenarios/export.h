/*
 * The formats of other tools by name, and the files a run leaves in them.
 */
#ifndef SCENARIOS_EXPORT_H
#define SCENARIOS_EXPORT_H

#include <stdbool.h>

#include "reports/export.h"
#include "reports/report.h"

/* One format; exactly one of the three functions is set. */
struct export_format {
    const char *name;
    const char *file; /* beside report.json */
    void (*of_report)(const struct report_export *from,
                      struct report_buffer *out);
    void (*of_stats)(const struct report_stats *stats,
                     struct report_buffer *out);
    void (*of_records)(const struct report_activities *told,
                       const struct report_model *model,
                       struct report_buffer *out);
    bool kept; /* report.json has all that of_stats needs */
};

/* By place, or NULL at the end; by name, or NULL. */
const struct export_format *export_format_at(uint32_t index);
const struct export_format *export_format_find(const char *name, size_t size);

/* Checks NAME,NAME..; false: said on stderr, with the command's name. */
bool export_list_check(const char *command, const char *list);

/*
 * Writes each format of the list into its file in DIR. json is the run's
 * report.json, model and collect the run's. False: said on stderr.
 */
bool export_list_write(const char *list, const char *directory,
                       const struct report_model *model,
                       const struct report_collect *collect,
                       const struct report_buffer *json);

#endif
