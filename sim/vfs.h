/*
 * SQLite's view of a simulated disk: a VFS under which an unmodified SQLite
 * keeps its databases, journals and logs on a struct sim_disk. Locks and
 * shared memory are real, so that several connections of one process meet
 * each other as they would on a file system. Temporary files are ordinary
 * memory. Time and randomness come from the world.
 *
 *     SQLite --- sim_vfs --- sim_disk
 *                   |            `- sectors, faults, what a crash keeps
 *                   `- locks, shared memory, error codes
 *
 * When the disk loses power, or sim_disk_abandon says that the process died,
 * every connection is void: its calls fail with SQLITE_IOERR, its locks and
 * shared memory are gone. It may be closed or its memory simply dropped.
 *
 * SQLite has one generator of random numbers for the whole process, from
 * which it takes the salts of its logs. Opening a database seeds it anew from
 * the stream, so that files hold the same bytes whatever ran before. Worlds
 * that take turns on one thread call sim_vfs_seed at each turn for the same.
 */
#ifndef SIM_VFS_H
#define SIM_VFS_H

#include <stdint.h>

#include "engine/random.h"
#include "sim/disk.h"

struct sim_vfs;

struct sim_vfs_config {
    const char *name; /* for sqlite3_open_v2, unique in the process; copied */
    /* SQLITE_IOCAP_*: what SQLite may take for granted. 0: nothing. */
    int characteristics;
    struct engine_stream stream;          /* not shared with others */
    const struct sim_disk_memory *memory; /* NULL: realloc and free */
};

/*
 * Makes a VFS over disk known to SQLite, not as the default. The disk stays
 * the caller's and must outlive it. NULL without memory or if SQLite refuses.
 */
struct sim_vfs *sim_vfs_register(struct sim_disk *disk,
                                 const struct sim_vfs_config *config);
/* All connections must have been closed or be void. NULL is allowed. */
void sim_vfs_unregister(struct sim_vfs *vfs);

/* The wall clock SQLite sees: ns since 1970. */
void sim_vfs_set_time(struct sim_vfs *vfs, uint64_t wall_ns);

/* Seeds SQLite's generator with the next draw of the stream. */
void sim_vfs_seed(struct sim_vfs *vfs);

#endif
