/*
 * Checking files that users write without doing anything with them: scenarios,
 * and the files beside them that have a schema of their own.
 */
#ifndef SCENARIOS_VALIDATE_FILE_H
#define SCENARIOS_VALIDATE_FILE_H

#include <stdbool.h>

#include "engine/host/json.h"

/*
 * Reads the file as what it looks like: a policy of the gate, functions of
 * `lambda`, a workflow, a profile of limits, or else a scenario, with all files
 * that it names. False: *error says where it is wrong.
 */
bool validate_file(const char *path, struct json_error *error);

#endif
