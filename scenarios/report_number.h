/*
 * Whole numbers of a report.json: those above 2^53 - 1 are written as text,
 * since readers that keep numbers as doubles would change them.
 */
#ifndef SCENARIOS_REPORT_NUMBER_H
#define SCENARIOS_REPORT_NUMBER_H

#include "engine/host/json.h"

/*
 * Reads one of at most max, in either form. False: it is something else, or
 * larger, which is an error at the value; *number is as it was.
 */
bool report_number_as(struct json_view view, uint64_t max, uint64_t *number,
                      struct json_error *err);

/* The same of a member that must be there. */
bool report_number_get(struct json_view object, const char *key, uint64_t max,
                       uint64_t *number, struct json_error *err);

#endif
