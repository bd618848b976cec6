/*
 * For programs that are workers: the handlers of engine/workflow.h in a
 * process, against a real database.
 *
 *     static const struct engine_handler handlers[] = {{"order", order, NULL}};
 *
 *     int main(int argc, char **argv)
 *     {
 *         return perdure_worker_main(argc, argv, handlers, 1);
 *     }
 *
 *     cc order.c -lperdure -lsqlite3 -lsodium -lcjson -lm -o order
 *     perdure engine orders.db &
 *     ./order orders.db --id w1 &
 *     perdure start orders.db order --input '{"cart": 7}' --wait
 *
 * Handlers run in one thread, each invocation from the top to its end or its
 * next wait without a pause; a step function that takes long keeps the others
 * waiting. Start more workers, or let the step return SUSPENDED and do its
 * work elsewhere (engine/host/worker_process.h).
 */
#ifndef ENGINE_HOST_WORKER_MAIN_H
#define ENGINE_HOST_WORKER_MAIN_H

#include "engine/host/worker_process.h"
#include "engine/workflow.h"

/*
 * Runs handlers until SIGTERM or SIGINT. config says the rest; its workflows
 * are not looked at. Returns as host_worker_run().
 */
int host_handlers_run(const struct host_worker_config *config,
                      const struct engine_handler *handlers, uint32_t count,
                      char error[HOST_ERROR_SIZE]);

/*
 * The same as a program: DB [--id NAME] [--slots N] [--optimistic], words on
 * stderr. Returns its exit code: 0, 2 for bad arguments, 6 if it could not
 * work.
 */
int perdure_worker_main(int argc, char **argv,
                        const struct engine_handler *handlers, uint32_t count);

#endif
