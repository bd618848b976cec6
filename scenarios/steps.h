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
 * Any other does what it would do in a simulated world, but for the effect:
 * it takes its time, sleeping, fails as often as it says, and returns bytes.
 */
#ifndef SCENARIOS_STEPS_H
#define SCENARIOS_STEPS_H

#include "engine/host/json.h"
#include "engine/host/worker_process.h"

struct steps;

/*
 * Reads workflow files. NULL with a sentence. output_max bounds what a command
 * may write. say is where callbacks and failures of commands are told.
 */
struct steps *
steps_read(const char *const *paths, uint32_t count, uint64_t output_max,
           void (*say)(void *self, enum host_level level, const char *text),
           void *self, struct json_error *error);
void steps_free(struct steps *steps);

/* The workflows, in the order of the files; count of them. */
const struct host_workflow *steps_workflows(const struct steps *steps,
                                            uint32_t *count);
/* What runs them; lives as long as the steps. */
const struct host_executor *steps_executor(struct steps *steps);

#endif
