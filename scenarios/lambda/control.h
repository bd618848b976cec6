/*
 * What `lambda serve` lets its user do over HTTP, beside the Lambda API:
 *
 *     GET    /perdure/status           functions, processes, executions
 *     GET    /perdure/functions        as a file would declare them
 *     GET    /perdure/functions/NAME
 *     PUT    /perdure/functions/NAME   registers or replaces it
 *     DELETE /perdure/functions/NAME
 *     GET    /perdure/callbacks        those that wait for an answer
 *     GET    /perdure/faults           what is to go wrong
 *     POST   /perdure/faults           {"at": "after charge SUCCEED #1",
 *                                       "fault": "crash"}
 *     DELETE /perdure/faults, /perdure/faults/ID
 *     GET    /perdure/time
 *     POST   /perdure/time             {"by": "1h"} or {"to": SECONDS}
 *
 * What comes from a web page is refused: a page must not run functions of
 * whoever looks at it.
 */
#ifndef SCENARIOS_LAMBDA_CONTROL_H
#define SCENARIOS_LAMBDA_CONTROL_H

#include "engine/host/lambda/host.h"
#include "scenarios/lambda/effects.h"

struct lambda_control;

/*
 * Sets itself into the hooks of config, for the host that is made of it. node:
 * to run JavaScript with, NULL: the one in the PATH. effects: of functions,
 * NULL: their requests to others go their way. NULL: out of memory.
 */
struct lambda_control *lambda_control_new(const char *node,
                                          struct lambda_effects *effects,
                                          struct lambda_host_config *config);
/* After the host. */
void lambda_control_free(struct lambda_control *control);
/* Once it is there. */
void lambda_control_host(struct lambda_control *control,
                         struct lambda_host *host);
/* To be called after everything that happens. */
void lambda_control_turn(struct lambda_control *control);

#endif
