/*
 * A report.json read back as the model it was written from, so that text,
 * HTML, Markdown and JSON of it are the same bytes as those of the run itself,
 * without running anything. It is read strictly: what it says is checked
 * against what a run can say, since the file may come from anywhere. Keys that
 * are not known are passed over: a later version of the same schema may have
 * added them.
 *
 *     struct json_error error = {0};
 *     struct report_read *read = report_read_file("report.json", &error);
 *     if (read)
 *         report_html(report_read_model(read), NULL, &out);
 *     report_read_free(read);
 */
#ifndef SCENARIOS_REPORT_READ_H
#define SCENARIOS_REPORT_READ_H

#include "engine/host/json.h"
#include "reports/report.h"

struct report_read;

/*
 * Reads a report. NULL: *error says where and why, "file:line:column: ..": it
 * cannot be read, is no report, of another version of the schema, damaged or
 * edited since it was written (its content_digest), or says what cannot be.
 */
struct report_read *report_read_file(const char *path,
                                     struct json_error *error);
/* The same from memory; name stands for the file in errors. Copies both. */
struct report_read *report_read_bytes(const char *name, const char *bytes,
                                      size_t size, struct json_error *error);

/* What was read; it belongs to `read`. */
const struct report_model *report_read_model(const struct report_read *read);
void report_read_free(struct report_read *read);

#endif
