/*
 * Functions as a file declares them:
 *
 *     {"functions": {
 *         "order": {"handler": "order.mjs", "environment": {"STAGE": "test"}},
 *         "charge": {"command": ["./charge"], "durable": false}}}
 *
 * A handler is run by the bootstrap of its language; a command is any program
 * that speaks the Runtime API. Paths are seen from the file.
 */
#ifndef SCENARIOS_LAMBDA_FUNCTIONS_H
#define SCENARIOS_LAMBDA_FUNCTIONS_H

#include "engine/host/json.h"
#include "scenarios/lambda/programs.h"

/* Whether the file is one, without a look at what it names. False: *err. */
bool lambda_functions_check(const char *path, struct json_error *err);

/*
 * Adds all functions of a file. An exit code of command.h; what is wrong has
 * been said on stderr.
 */
int lambda_functions_add(struct lambda_programs *set, const char *path);

/*
 * Adds one that is declared by such an object, seen from the directory. An
 * exit code; err says what is wrong.
 */
int lambda_functions_put(struct lambda_programs *set, const char *name,
                         struct json_view declared, const char *directory,
                         struct json_error *err);

#endif
