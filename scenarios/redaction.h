/*
 * Patterns of what must not be written (engine/host/redact.h), as commands
 * and workflows name them.
 */
#ifndef SCENARIOS_REDACTION_H
#define SCENARIOS_REDACTION_H

#include "engine/host/json.h"
#include "engine/host/redact.h"
#include "scenarios/options.h"

/* Whether patterns can be read. False: said why. */
bool redaction_check(const char *command, const struct option_texts *patterns);

/*
 * Replaces *bytes, which is freed then, by what may be written. Without a
 * pattern nothing is done. False: said why, on stderr, for the command.
 */
bool redaction_apply(const char *command, const struct option_texts *patterns,
                     char **bytes, size_t *size);

/*
 * A workflow's "redact": a list of patterns, which are checked; those of
 * `more`, which have been checked, stand before them. NULL: there are none, or
 * an error.
 */
struct redact *redaction_read(struct json_view workflow,
                              const struct option_texts *more,
                              struct json_error *error);

#endif
