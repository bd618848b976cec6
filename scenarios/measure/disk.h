/*
 * What durability costs in a directory: a sync by itself, and commits of the
 * store with one request or many in each, under the sync that it is run with.
 * Alone, in this process, without an engine around it.
 */
#ifndef SCENARIOS_MEASURE_DISK_H
#define SCENARIOS_MEASURE_DISK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEASURE_DISK_NAME = 64
};

/* Where the directory is. */
struct measure_place {
    char directory[512];
    char type[MEASURE_DISK_NAME];   /* of its file system: "ext4" */
    char device[MEASURE_DISK_NAME]; /* "/dev/sda1"; "unknown" */
    char options[160];              /* of the mount */
    bool in_memory; /* a sync there costs nothing, and power takes it all */
};

/* Asks the system; what it does not tell is "unknown". 0, or -1 with errno:
 * there is no such directory. */
int measure_place(const char *directory, struct measure_place *place);

/*
 * Syncs one by one, each after 4 KiB: at the end of a file that grows, or over
 * what is there already. Fills values[0 .. count) with nanoseconds, the write
 * left out. 0, or -1 with errno.
 */
int measure_syncs(const char *directory, bool grows, uint64_t *values,
                  size_t count);

/* Commits of the store. */
struct measure_commits {
    uint32_t requests; /* in each */
    bool sync_normal;
    uint64_t *values; /* of each commit, from begin to durable, ns */
    size_t count;
    uint64_t wall_ns; /* of all of them */
};

/*
 * Makes a store in the directory, carries so many commits out and removes it;
 * fills values and wall_ns. A request puts 64 bytes into a run's log and moves
 * its work on. 0; -1 with a sentence of HOST_ERROR_SIZE.
 */
int measure_commits(const char *directory, struct measure_commits *commits,
                    const volatile sig_atomic_t *interrupted, char *error);

/*
 * Processor time in nanoseconds, the mean of many: of the hash that a log row
 * of so many bytes is chained by; of the digest of a value kept as a blob.
 */
uint64_t measure_chain_hash(size_t size);
uint64_t measure_blob_digest(size_t size);

#endif
