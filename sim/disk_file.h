/*
 * One file of a simulated disk: its contents as the cache has them, and the
 * unsynced changes, each with the bytes it replaced. Going back through the
 * list gives the durable contents; forgetting the list makes the contents
 * durable, which is why a sync costs nothing however much was written. While
 * going back, a change's old and new bytes trade places, so that a crash can
 * go forward again over the changes it keeps.
 *
 * Private to sim/disk.c.
 */
#ifndef SIM_DISK_FILE_H
#define SIM_DISK_FILE_H

#include "sim/disk.h"

enum sim_disk_change_kind {
    SIM_DISK_CHANGE_WRITE,
    SIM_DISK_CHANGE_CUT /* a truncation, longer or shorter */
};

struct sim_disk_change {
    uint64_t seq; /* order over the whole disk, from 1 */
    uint64_t offset;
    uint64_t length; /* of bytes, those from old_size on have no meaning */
    uint64_t old_size;
    uint64_t new_size;
    uint8_t *bytes; /* what was there, inside a block of the file */
    enum sim_disk_change_kind kind;
    bool in_flight; /* power failed while it was on its way */
};

/* A list of blocks that hold the bytes of changes; reused after a sync. */
struct sim_disk_block {
    struct sim_disk_block *next;
    size_t size;
    uint8_t bytes[];
};

/* Sectors that readers see and no sync will write: after a failed sync. */
struct sim_disk_lost {
    uint64_t *sectors;
    uint8_t *images; /* what is durable, a sector each */
    uint64_t count;
    uint64_t size; /* durable size of the file while count > 0 */
};

struct sim_disk_taint {
    uint64_t sector;
    uint64_t covered; /* seq of a write over all of it, 0: none */
    bool unreadable;
};

struct sim_disk_file {
    char *name;
    const struct sim_disk_memory *memory;
    uint32_t sector;
    uint32_t opens;
    uint64_t created_seq;
    uint64_t deleted_seq;
    bool named;   /* the name is durable */
    bool deleted; /* the name is gone, perhaps not durably */
    bool gone;    /* durably; only handles keep it */

    uint8_t *data; /* bytes from size on have no meaning */
    uint64_t size;
    uint64_t room; /* of data, a multiple of every sector size */

    struct sim_disk_change *changes;
    size_t change_count;
    size_t change_room;
    uint64_t unsynced; /* bytes of changes */
    struct sim_disk_block *first;
    struct sim_disk_block *current;
    size_t fill; /* of current */

    struct sim_disk_lost lost;
    struct sim_disk_taint *taints;
    size_t taint_count;
};

/* How one crash decides, and what it has decided. */
struct sim_disk_dice {
    const struct engine_stream *stream;
    uint64_t index;
    bool cut; /* keep what came before cut_seq, and nothing else */
    bool garble;
    uint64_t cut_seq;
    uint32_t keep; /* chances in 256, else dropped */
    uint32_t tear;
    uint64_t kept;
    uint64_t dropped;
    uint32_t torn;
};

static inline uint64_t sim_disk_dice_draw(struct sim_disk_dice *dice)
{
    return engine_stream_u64(dice->stream, dice->index++);
}

/* Does a creation or removal made at seq survive? */
bool sim_disk_dice_keep(struct sim_disk_dice *dice, uint64_t seq);

/* An empty file without a durable name; NULL without memory. */
struct sim_disk_file *sim_disk_file_new(const char *name, uint32_t sector,
                                        const struct sim_disk_memory *memory);
void sim_disk_file_free(struct sim_disk_file *file);

/*
 * Moves the contents to memory that is asked for now. False without memory:
 * then they stay where they are.
 */
bool sim_disk_file_move(struct sim_disk_file *file);

/* The change made, or NULL without memory, and then nothing happened. */
struct sim_disk_change *sim_disk_file_write(struct sim_disk_file *file,
                                            uint64_t seq, const void *bytes,
                                            size_t length, uint64_t offset);
struct sim_disk_change *sim_disk_file_cut(struct sim_disk_file *file,
                                          uint64_t seq, uint64_t size);

/* All changes become durable, but for what an earlier failure lost. */
void sim_disk_file_settle(struct sim_disk_file *file);
/* A sync failed: the changes stay visible, and no later sync writes them. */
void sim_disk_file_lose(struct sim_disk_file *file);
/* Power failed: contents become what survives, and that is durable. */
void sim_disk_file_crash(struct sim_disk_file *file,
                         struct sim_disk_dice *dice);

/* The first tainted sector in the range that still shows, or NULL. */
struct sim_disk_taint *sim_disk_file_taint(const struct sim_disk_file *file,
                                           size_t length, uint64_t offset);
/* Marks the sector at offset; with mask it flips those bits everywhere. */
int sim_disk_file_decay(struct sim_disk_file *file, uint64_t offset,
                        uint8_t mask);

#endif
