/*
 * The environments of a host: which of them carries out an invocation, and how
 * many are kept prepared beside those that work, so that who needs another one
 * does not wait for its start.
 *
 * The one that was used last is used again; of those that were not used yet,
 * the one that was started first. So it does not show in what a function does
 * how many are prepared.
 */
#ifndef ENGINE_HOST_LAMBDA_POOL_H
#define ENGINE_HOST_LAMBDA_POOL_H

#include "engine/host/lambda/environment.h"

struct lambda_pool;

/* Both are the host's, and outlive it: LAMBDA_FUNCTIONS_MAX programs, by
 * number. NULL: out of memory. */
struct lambda_pool *lambda_pool_new(const struct lambda_host_config *config,
                                    const struct lambda_program *programs);
/* Ends all processes. */
void lambda_pool_free(struct lambda_pool *pool);

/* From now on they work for this service. Those that are idle stay. */
void lambda_pool_serve(struct lambda_pool *pool,
                       struct lambda_service *service);
/* One more invocation of that function waits. */
void lambda_pool_wanted(struct lambda_pool *pool, uint32_t function);
/* It has another program, or none: its processes end once they have no work. */
void lambda_pool_retire(struct lambda_pool *pool, uint32_t function);
/* As lambda_host_process(). */
bool lambda_pool_process(const struct lambda_pool *pool, uint32_t index,
                         struct lambda_standing_process *out);
/* Lets the one be heard whose turn it is, once each is ready or at rest. False:
 * there is none. */
bool lambda_pool_hear(struct lambda_pool *pool);
/* A function has been given its program: what has waited for it goes on. */
void lambda_pool_added(struct lambda_pool *pool, uint32_t function);
/* Kills those that use more memory than they may. */
void lambda_pool_weigh(struct lambda_pool *pool);
/* One more echo of that function waits; it is given away. */
void lambda_pool_echo(struct lambda_pool *pool, uint32_t function,
                      struct lambda_echo *echo);
/* Some process has ended: looks for it. */
void lambda_pool_bury(struct lambda_pool *pool);

/*
 * Whether none has anything to do before *wake_ns, and no invocation waits for
 * one that starts.
 */
bool lambda_pool_rests(const struct lambda_pool *pool, uint64_t *wake_ns);
/* Wakes those whose time has come. */
void lambda_pool_wake(struct lambda_pool *pool, uint64_t now_ns);
/* Invocations wait for one that starts. */
bool lambda_pool_starts(const struct lambda_pool *pool);
/* One without the bootstrap works: what it waits for takes true time. */
bool lambda_pool_works_truly(const struct lambda_pool *pool);
/* None has work. */
bool lambda_pool_idle(const struct lambda_pool *pool);
/* Invocations wait for a function whose processes end before they ask. */
bool lambda_pool_is_stuck(const struct lambda_pool *pool);

#endif
