/*
 * A simulated disk with its operating system's cache: a few named files kept
 * in memory, each with contents that readers believe in and contents that
 * would survive a loss of power. A write changes only the former and joins
 * the file's list of unsynced changes; a sync makes that list durable; a
 * crash decides about each change on it.
 *
 * After a crash every sector holds what the cache held for it at one moment
 * since the last sync: the durable bytes, or the bytes after any one of the
 * changes that touched the sector. A write of several sectors can therefore
 * be torn, and sectors of different writes reach the disk in any order.
 * Sectors are written whole. Creations, removals and truncations that were
 * not synced may have happened or not. What a file's sync has confirmed
 * survives, unless a fault made the sync lie.
 *
 *     write A, write B, sync, write C, write D, crash
 *     `---- durable ----'     `- each kept, dropped or torn
 *
 * Faults are asked for at the points DISK_* of sim/points.h. ERROR fails one
 * call, or with an amount below 0 all calls of its kind until sim_disk_heal;
 * FULL likewise. SHORT writes half and fails. LIE makes a sync succeed with
 * nothing durable. DELAY takes amount ns longer. CRASH cuts the power in the
 * middle of the call: then every call fails until sim_disk_restart.
 *
 * Every call adds the virtual time it takes to a sum that the host of the
 * disk takes away and turns into waiting.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/point.h"
#include "engine/random.h"
#include "engine/record.h"

enum sim_disk_error {
    SIM_DISK_IO = -1,      /* the device failed the call; for a sync: what
                              of it is durable is unknown */
    SIM_DISK_FULL = -2,    /* no space left; nothing of the call applied */
    SIM_DISK_MISSING = -3, /* no file of that name, or no such offset */
    SIM_DISK_OFF = -4,     /* no power; nothing works until restart */
    SIM_DISK_MEMORY = -5   /* the host could not give memory; not applied */
};

/* A call takes base + bytes * per_byte + an exponential of mean tail. */
struct sim_disk_latency {
    uint64_t base_ns;
    uint64_t per_byte_ps;
    uint64_t tail_ns;
};

/*
 * Where a disk's memory comes from, for hosts in which malloc belongs to a
 * process that can die: resize() has the meaning of realloc(), and frees
 * block when size is 0.
 */
struct sim_disk_memory {
    void *(*resize)(void *self, void *block, size_t size);
    void *self;
};

/* All zero but for sector is a fast, silent, faultless disk without limit. */
struct sim_disk_config {
    uint32_t sector; /* 512 to 65536, a power of two */
    uint16_t node;   /* for points and records */
    /* Changes become durable in the order they were made, over all files. */
    bool ordered;
    /* The sector being written when power fails may become noise. */
    bool garble;
    /*
     * After a sync that failed, the changes stay unsynced and a later sync
     * writes them. When false, the cache forgets that they are dirty, as
     * Linux does: readers see them, later syncs succeed, a crash undoes them
     * unless the sector has been written again.
     */
    bool keep_after_failed_sync;
    uint32_t point_base;   /* id of the first of sim_point_table */
    uint64_t capacity;     /* bytes of all files together, 0: no limit */
    uint64_t unsynced_max; /* bytes a file may have unsynced before they are
                              written back unasked, 0: 16 MiB */
    struct sim_disk_latency read, write, sync;
    struct engine_stream stream;          /* not shared with others */
    const struct engine_points *points;   /* may be NULL */
    const struct engine_sink *sink;       /* may be NULL */
    const struct sim_disk_memory *memory; /* NULL: realloc and free */
};

struct sim_disk;
struct sim_disk_file; /* an open file; void after crash and abandon */

/* An empty disk, switched on; NULL without memory. config is copied. */
struct sim_disk *sim_disk_new(const struct sim_disk_config *config);
void sim_disk_free(struct sim_disk *disk);

/*
 * Opens the file called name, making an empty one if it is not there and
 * create is true. Several openings share the contents. MISSING, OFF, MEMORY.
 */
int sim_disk_open(struct sim_disk *disk, const char *name, bool create,
                  struct sim_disk_file **file);
void sim_disk_close(struct sim_disk *disk, struct sim_disk_file *file);

/* Size in bytes as readers believe it. 0, MISSING or OFF. */
int sim_disk_stat(const struct sim_disk *disk, const char *name,
                  uint64_t *size);
uint64_t sim_disk_size(const struct sim_disk_file *file);

/* Bytes read, fewer than length only at the end of the file; IO, OFF. */
int64_t sim_disk_read(struct sim_disk *disk, struct sim_disk_file *file,
                      void *bytes, size_t length, uint64_t offset);

/*
 * Writes, growing the file where needed; a gap reads as zeros. After IO half
 * of the bytes may have been written. 0, IO, FULL, OFF, MEMORY.
 */
int sim_disk_write(struct sim_disk *disk, struct sim_disk_file *file,
                   const void *bytes, size_t length, uint64_t offset);

/* Sets the size, cutting or adding zeros. 0, IO, FULL, OFF, MEMORY. */
int sim_disk_truncate(struct sim_disk *disk, struct sim_disk_file *file,
                      uint64_t size);

/*
 * Makes all changes of the file durable. If its name is not yet, it makes all
 * names durable, as SQLite on Unix syncs the directory of a new journal. On
 * an ordered disk all earlier changes of all files become durable. 0, IO, OFF.
 */
int sim_disk_sync(struct sim_disk *disk, struct sim_disk_file *file);

/*
 * Removes a file. With durable the directory is synced: this and all earlier
 * creations and removals survive a crash. 0, MISSING, IO, OFF.
 */
int sim_disk_delete(struct sim_disk *disk, const char *name, bool durable);

/*
 * Cuts the power: decides what survives, writes the record DISK_CRASH, voids
 * all open files. Nothing happens when the power is off already.
 */
void sim_disk_crash(struct sim_disk *disk);
/* Power comes back. Nothing happens when it is on. */
void sim_disk_restart(struct sim_disk *disk);
bool sim_disk_is_on(const struct sim_disk *disk);

/*
 * The process that had files open has died and nothing else: all open files
 * are void, the cache and its unsynced changes stay.
 */
void sim_disk_abandon(struct sim_disk *disk);
/* Grows by one whenever open files become void. Starts at 1. */
uint64_t sim_disk_epoch(const struct sim_disk *disk);

/* Ends all lasting errors. */
void sim_disk_heal(struct sim_disk *disk);

enum sim_disk_decay {
    SIM_DISK_ROT,       /* bits of one byte flip; readers are not told */
    SIM_DISK_UNREADABLE /* reads of the sector fail */
};

/*
 * Damages the sector of name at offset, durably. Until something overwrites
 * the whole sector, each read of it writes the record TAINT_READ. 0, MISSING
 * or MEMORY.
 */
int sim_disk_corrupt(struct sim_disk *disk, const char *name, uint64_t offset,
                     enum sim_disk_decay decay);

/*
 * Moves all contents to memory that is asked for now, for a process that was
 * forked and would copy page by page what it writes to. False if some of it
 * had to stay where it was; nothing else has changed then either.
 */
bool sim_disk_move(struct sim_disk *disk);

/* Whether it has ever failed, lied or decayed: done more than lose power. */
bool sim_disk_doubtful(const struct sim_disk *disk);

/*
 * What the calls from now on are about, for the sites of the disk's points:
 * op from 1, as sites count; all 0: nothing in particular.
 */
void sim_disk_about(struct sim_disk *disk, uint64_t run, uint32_t op,
                    uint32_t attempt);

/* Virtual ns spent in calls since the last take. */
uint64_t sim_disk_take_busy(struct sim_disk *disk);
void sim_disk_add_busy(struct sim_disk *disk, uint64_t ns);

uint32_t sim_disk_sector(const struct sim_disk *disk);
/* Changes that a crash would decide about now. */
uint64_t sim_disk_unsynced(const struct sim_disk *disk);

#endif
