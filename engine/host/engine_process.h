/*
 * The engine as a process: the store, its coordinators and a socket beside
 * the database, in one thread. Each turn of its loop takes in everything that
 * has been sent, lets the machines decide, and makes all that they and the
 * workers ask of the store durable as one group, with one sync; only then do
 * the answers go out. Nothing waits for a group to fill: under load groups
 * are large because much has arrived while the last one was written.
 *
 *     worker ──REQUEST──▶ ┌────────────┐ ◀──START── client
 *            ◀──REPLY──── │ group      │ ──RESULT──▶
 *            ◀─DISPATCH── │ commit     │
 *            ───HINT────▶ │ coordinator│
 *                         └────────────┘
 *
 * A process that is killed at any moment leaves a whole database; the next
 * one knows by the lock that the former is dead and takes its runs over at
 * once. Workers keep what they are doing and report it when they have found
 * the new process.
 */
#ifndef ENGINE_HOST_ENGINE_PROCESS_H
#define ENGINE_HOST_ENGINE_PROCESS_H

#include "engine/host/socket.h"
#include "engine/limits.h"

enum host_level {
    HOST_SAY_ERROR,
    HOST_SAY_WARN,
    HOST_SAY_INFO,
    HOST_SAY_DEBUG
};

struct host_engine_config {
    const char *database;
    const struct engine_limits *limits;
    uint64_t lease_ttl_ns; /* 0: 30 s; of runs and of claims */
    uint32_t coordinators; /* 0: 1 */
    uint64_t seed;         /* of retry jitter */
    bool sync_normal;      /* a power cut may lose the last commits */
    const uint8_t *key;    /* of CIPHER_KEY_SIZE bytes: payloads are encrypted
                              at rest; NULL: they are not */
    uint64_t snapshot_events; /* of a run between two snapshots; 0: none */
    /*
     * Logs of runs that ended so long ago leave the database, in slices when
     * nobody waits; 0: never. Into files in this directory, NULL: for good.
     */
    uint64_t retention_ns;
    const char *archive;
    /* Records of a share of the runs (engine/host/observe.h); NULL: none. */
    const char *observe;
    uint32_t observe_ppb;
    enum host_level level;
    /* Where words go; NULL: nowhere. */
    void (*say)(void *self, enum host_level level, const char *text);
    void *self;
};

/*
 * Runs until SIGTERM or SIGINT, then answers what it has taken in, gives its
 * leases back and returns 0. -1 with a sentence if it could not start: the
 * database is in use, damaged, newer, another program's, or its directory
 * cannot be written.
 */
int host_engine_run(const struct host_engine_config *config,
                    char error[HOST_ERROR_SIZE]);

#endif
