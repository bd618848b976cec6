/*
 * How a model writes down why something failed: line by line, what the client
 * sees first, then what is behind it, down to the root cause. Codes are those
 * of engine/platform_codes.h, which gives each its layer and its class; the
 * class of the last line is that of the whole.
 *
 *     struct sim_cause cause = {0};
 *     sim_cause_add(&cause, "kubernetes", "BackoffLimitExceeded",
 *                   "Job has reached the specified backoff limit");
 *     sim_cause_add(&cause, "kubernetes", "OOMKilled", "limit %u MiB", mib);
 *
 *     platform: BackoffLimitExceeded: Job has reached the specified ..
 *     node: OOMKilled: limit 512 MiB
 */
#ifndef SIM_PLATFORM_CAUSE_H
#define SIM_PLATFORM_CAUSE_H

#include "sim/platform/model.h"

/*
 * A code that has no row is a mistake of the model's. The format's words are
 * one line; what does not fit is cut off, but never the code: a chain that has
 * no room for another code gets its class, and loses its last line for it.
 */
void sim_cause_add(struct sim_cause *cause, const char *platform,
                   const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
