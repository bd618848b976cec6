/*
 * Steps of declared workflows in a real worker. A step that names a command
 * runs it: the input's bytes on its stdin, its stdout as the output. Any
 * other does what it would do in a simulated world, but for the effect: it
 * takes its time, sleeping, fails as often as it says, and returns bytes.
 */
#ifndef SCENARIOS_STEPS_H
#define SCENARIOS_STEPS_H

#include "engine/host/json.h"
#include "engine/host/worker_process.h"

struct steps;

/*
 * Reads workflow files, none twice. NULL with a sentence. output_max bounds
 * what a command may write.
 */
struct steps *steps_read(const char *const *paths, uint32_t count,
                         uint32_t slots, uint64_t output_max,
                         struct json_error *error);
void steps_free(struct steps *steps);

/* The graphs, in the order of the files; count of them. */
const struct engine_graph *const *steps_graphs(const struct steps *steps,
                                               uint32_t *count);
/* What runs them; lives as long as the steps. */
const struct host_executor *steps_executor(struct steps *steps);

#endif
