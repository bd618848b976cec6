/*
 * For a file that is not there: the one that was perhaps meant.
 */
#ifndef SCENARIOS_NEARBY_H
#define SCENARIOS_NEARBY_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/host/json.h"

enum {
    NEARBY_SIZE = 1024 /* of a path */
};

/*
 * Finds the .json file nearest to path by name: in its directory, else in
 * "scenarios", as seen from here. meant holds NEARBY_SIZE bytes. Returns it, or
 * NULL: there is something at path, or nothing like it anywhere.
 */
const char *nearby_file(const char *path, char *meant);

/* The same of a name that is looked for in a directory, and only there. */
const char *nearby_name(const char *dir, const char *name, char *meant);

/* Appends it to an error about path, if the file is what was missing. */
void nearby_suggest(const char *path, struct json_error *error);

#endif
