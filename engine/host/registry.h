/*
 * What an engine process knows of a database beyond its runs: which workflows
 * have what number, and which run a client's key stands for. Two tables of
 * the same file, through a connection of their own, so that they travel with
 * it. Written seldom: each call is a transaction.
 */
#ifndef ENGINE_HOST_REGISTRY_H
#define ENGINE_HOST_REGISTRY_H

#include "engine/graph.h"
#include "engine/host/socket.h"
#include "engine/limits.h"
#include "engine/wire.h"

/* Runs that clients start have numbers below this; those above are for the
 * runs that runs invoke. */
#define HOST_RUN_MAX ((UINT64_C(1) << 39) - 1)

struct host_registry;

/* A workflow as kept: the graph is the visitor's from then on. */
typedef int host_visit_workflow(void *self, uint32_t id,
                                struct engine_graph *graph);

/*
 * Opens the registry of a database that a store has made. NULL with a
 * sentence. The caller holds the database's lock.
 */
struct host_registry *host_registry_open(const char *database,
                                         char error[HOST_ERROR_SIZE]);
void host_registry_close(struct host_registry *registry);

/*
 * Ends every lease that coordinators hold: whoever holds the database's lock
 * knows that none of them lives. The runs fall due now. 0 or -1.
 */
int host_registry_end_leases(struct host_registry *registry);

/* Visits the workflows by number; stops when visit returns non-zero. 0, what
 * visit returned, or -1: an entry is damaged or cannot be read. */
int host_registry_workflows(struct host_registry *registry,
                            host_visit_workflow *visit, void *self);
/* Adds a workflow under a number that is free. 0 or -1. */
int host_registry_add(struct host_registry *registry, uint32_t id,
                      const struct engine_graph *graph, const void *definition,
                      size_t size);

/* The largest number of a run that a client started. 0 or -1. */
int host_registry_last_run(struct host_registry *registry, uint64_t *run);
/* The run that a key stands for, from now on *run if it stands for none yet.
 * 1: it was known; 0: it is new; -1: could not. */
int host_registry_key(struct host_registry *registry, const void *key,
                      size_t size, uint64_t *run);
/* The state of a run, 0: there is none. -1: could not. */
int host_registry_state(struct host_registry *registry, uint64_t run);

/* The limits that the runs of this database are under. 0; 1: none were kept
 * yet; -1: could not. */
int host_registry_keep_limits(struct host_registry *registry,
                              const struct engine_limits *limits);
int host_registry_limits(struct host_registry *registry,
                         struct engine_limits *limits);

/*
 * What the platforms are called whose numbers stand in workflows and runs:
 * names by number, each with its end. Kept: 0 or -1. Read into memory that is
 * the caller's to free, NULL if none were kept: 0 or -1.
 */
int host_registry_keep_platforms(struct host_registry *registry,
                                 const char *names, size_t size);
int host_registry_platforms(struct host_registry *registry, char **names,
                            size_t *size);

/* Opens the registry only to read: of a database that has none it is empty. */
struct host_registry *host_registry_look(const char *database,
                                         char error[HOST_ERROR_SIZE]);

/* What SQLite says about the last failure. */
const char *host_registry_error(const struct host_registry *registry);

#endif
