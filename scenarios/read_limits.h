/*
 * Limit profiles that users write, as JSON files:
 *
 *     {
 *       "profile": "small",
 *       "why": "Limits low enough to meet in a test.",
 *       "extends": "seed-001",
 *       "spill": true,
 *       "limits": {
 *         "wait_max": "30d", "input": "1MiB", "history_ops": 500,
 *         "concurrency": "none"
 *       }
 *     }
 *
 * What the file leaves out is as in the built-in profile that it extends.
 * Names and their order are those of engine/limits.h.
 */
#ifndef SCENARIOS_READ_LIMITS_H
#define SCENARIOS_READ_LIMITS_H

#include <stdbool.h>

#include "engine/host/json.h"
#include "engine/limits.h"

/* Owns nothing: copy freely. */
struct limits_profile {
    struct engine_limits limits;
    /* Where each figure is from. */
    char origins[ENGINE_LIMIT_COUNT][64];
};

/* The built-in profile `name`. False: there is none. */
bool limits_profile_find(const char *name, struct limits_profile *profile);

/* A built-in profile, or one in the file of that name. False: has said why on
 * stderr, in the name of `perdure COMMAND`. */
bool limits_profile_ask(const char *command, const char *name,
                        struct limits_profile *profile);

/*
 * Reads a profile from the object `root` of the file called `file`, which
 * becomes the origin of what it sets. True and *profile, or an error at the
 * place that is wrong: an unknown limit, a value of another unit, one that
 * contradicts another (engine_limits_check).
 */
bool limits_profile_read(struct json_view root, const char *file,
                         struct limits_profile *profile,
                         struct json_error *err);

#endif
