/*
 * Steps of declared workflows in a real worker. A step that names a command
 * ("run": {"command": ["prog", "arg"]}) runs it:
 *
 *     stdin     the bytes of its input, if it is one value; else the envelope
 *     stdout    its output; it must be JSON with "output": "json"
 *     exit      0: done; 75: failed, may be retried; else: failed for good
 *     PERDURE_RUN, PERDURE_STEP, PERDURE_ATTEMPT, PERDURE_KEY in its
 *               environment; the key is the same for every attempt
 *
 * With "output": "stream" what it writes is spooled and compressed into one
 * value (engine/host/stream.h), a step of a graph that is given such a value as
 * its only input gets the bytes of the chunks. With patterns (--redact, or
 * "redact" in the workflow) results are searched before they leave the
 * process; those that are not JSON are refused.
 *
 * Any other does what it would do in a simulated world, but for the effect:
 * it takes its time, sleeping, fails as often as it says, and returns bytes.
 */
#ifndef SCENARIOS_STEPS_H
#define SCENARIOS_STEPS_H

#include "engine/host/json.h"
#include "engine/host/worker_process.h"
#include "scenarios/options.h"

struct steps;

struct steps_config {
    const char *const *paths; /* of workflow files */
    uint32_t count;
    uint64_t output_max; /* bytes that a command may write */
    /* Secrets in results, beside each workflow's own; NULL: none. */
    const struct option_texts *redact;
    /* Where callbacks and failures of commands are told. */
    void (*say)(void *self, enum host_level level, const char *text);
    void *self;
};

/* Reads workflow files. NULL with a sentence. config is copied. */
struct steps *steps_read(const struct steps_config *config,
                         struct json_error *error);
void steps_free(struct steps *steps);

/* The workflows, in the order of the files; count of them. */
const struct host_workflow *steps_workflows(const struct steps *steps,
                                            uint32_t *count);
/* What runs them; lives as long as the steps. */
const struct host_executor *steps_executor(struct steps *steps);

#endif
