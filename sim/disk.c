#include "sim/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/disk_file.h"
#include "sim/points.h"
#include "sim/real.h"

enum {
    UNSYNCED_MAX = 16 << 20
};

/* Draws at the time of crash k come from CRASH_DRAWS + k * CRASH_STRIDE on. */
#define CRASH_DRAWS (UINT64_C(1) << 63)
#define CRASH_STRIDE (UINT64_C(1) << 40)
#define DECAY_DRAWS (UINT64_C(1) << 62)

struct sim_disk {
    struct sim_disk_config config;
    const struct sim_disk_memory *memory;
    uint64_t busy_ns;
    uint64_t used; /* bytes of the files one can see */
    uint64_t seq;  /* of the last change */
    uint64_t epoch;
    uint64_t delays; /* draws taken for latencies */
    uint64_t crashes;
    uint64_t decays;
    bool doubtful;    /* it has failed other than by a loss of power */
    uint32_t failing; /* a bit for each point with a lasting error */
    int lasting[SIM_POINT_DISK_DELETE + 1];
    uint64_t about_run; /* what the calls are for; 0: nobody knows */
    uint32_t about_op;
    uint32_t about_attempt;
    bool on;

    struct sim_disk_file **files; /* in the order of their creation */
    size_t file_count;
    size_t file_room;
};

static_assert(SIM_POINT_DISK_DELETE < 32, "points of the disk fit in a mask");

static void *host_resize(void *self, void *block, size_t size)
{
    (void)self;
    if (size)
        return realloc(block, size);
    free(block);
    return NULL;
}

static const struct sim_disk_memory host_memory = {.resize = host_resize};

struct sim_disk *sim_disk_new(const struct sim_disk_config *config)
{
    assert(config->sector >= 512 && config->sector <= 65536);
    assert((config->sector & (config->sector - 1)) == 0);
    const struct sim_disk_memory *memory =
        config->memory ? config->memory : &host_memory;
    struct sim_disk *disk = memory->resize(memory->self, NULL, sizeof *disk);
    if (!disk)
        return NULL;
    *disk = (struct sim_disk){
        .config = *config, .memory = memory, .epoch = 1, .on = true};
    if (!disk->config.unsynced_max)
        disk->config.unsynced_max = UNSYNCED_MAX;
    return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
    if (!disk)
        return;
    for (size_t i = 0; i < disk->file_count; i++)
        sim_disk_file_free(disk->files[i]);
    disk->memory->resize(disk->memory->self, disk->files, 0);
    disk->memory->resize(disk->memory->self, disk, 0);
}

static uint64_t tail_of(struct sim_disk *disk, uint64_t mean_ns)
{
    uint64_t draw = engine_stream_u64(&disk->config.stream, disk->delays++);
    double u = (double)((draw >> 11) + 1) * 0x1p-53;
    return (uint64_t)((double)mean_ns * -sim_real_log(u));
}

static inline void spend(struct sim_disk *disk,
                         const struct sim_disk_latency *latency, uint64_t bytes)
{
    disk->busy_ns += latency->base_ns + bytes * latency->per_byte_ps / 1000;
    if (__builtin_expect(latency->tail_ns != 0, 0))
        disk->busy_ns += tail_of(disk, latency->tail_ns);
}

static void emit(struct sim_disk *disk, uint16_t kind, uint16_t detail,
                 uint64_t a, uint64_t b, uint32_t count)
{
    struct engine_record record = {.kind = kind,
                                   .node = disk->config.node,
                                   .op = UINT32_MAX,
                                   .detail = detail,
                                   .count = count,
                                   .a = a,
                                   .b = b};
    engine_emit(disk->config.sink, &record);
}

static int fail(struct sim_disk *disk, enum sim_point point,
                const struct engine_decision *decision)
{
    int error =
        decision->action == ENGINE_ACT_FULL ? SIM_DISK_FULL : SIM_DISK_IO;
    if (decision->amount < 0) {
        disk->failing |= 1u << point;
        disk->lasting[point] = error;
    }
    return error;
}

/*
 * Asks what goes wrong with this call: 0 or the error of the call, and in
 * *action what the caller has to play out itself.
 */
static int ask(struct sim_disk *disk, enum sim_point point, uint64_t offset,
               uint64_t bytes, uint32_t *action)
{
    struct engine_decision decision = {0};
    *action = ENGINE_ACT_NONE;
    if (__builtin_expect(disk->failing >> point & 1, 0))
        return disk->lasting[point];
    if (!engine_point_hit(disk->config.points,
                          disk->config.point_base + (uint32_t)point,
                          disk->config.node, disk->about_run, disk->about_op,
                          disk->about_attempt, &decision))
        return 0;
    emit(disk, ENGINE_REC_DISK_FAULT, (uint16_t)decision.action, offset, bytes,
         0);
    disk->doubtful = disk->doubtful || (decision.action != ENGINE_ACT_CRASH &&
                                        decision.action != ENGINE_ACT_DELAY);
    if (decision.action == ENGINE_ACT_ERROR ||
        decision.action == ENGINE_ACT_FULL)
        return fail(disk, point, &decision);
    if (decision.action == ENGINE_ACT_DELAY && decision.amount > 0)
        disk->busy_ns += (uint64_t)decision.amount;
    *action = decision.action;
    return 0;
}

static void remove_at(struct sim_disk *disk, size_t at)
{
    sim_disk_file_free(disk->files[at]);
    memmove(disk->files + at, disk->files + at + 1,
            (disk->file_count - at - 1) * sizeof(struct sim_disk_file *));
    disk->file_count--;
}

/* Frees the files that nothing can bring back and nobody has open. */
static void sweep(struct sim_disk *disk)
{
    for (size_t i = disk->file_count; i-- > 0;) {
        if (disk->files[i]->gone && !disk->files[i]->opens)
            remove_at(disk, i);
    }
}

static struct sim_disk_file *find(const struct sim_disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        struct sim_disk_file *file = disk->files[i];
        if (!file->deleted && strcmp(file->name, name) == 0)
            return file;
    }
    return NULL;
}

/* The removed file of that name which a crash may bring back, if any. */
static struct sim_disk_file *find_ghost(const struct sim_disk *disk,
                                        const char *name)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        struct sim_disk_file *file = disk->files[i];
        if (file->deleted && !file->gone && strcmp(file->name, name) == 0)
            return file;
    }
    return NULL;
}

static struct sim_disk_file *create(struct sim_disk *disk, const char *name)
{
    if (disk->file_count == disk->file_room) {
        size_t room = disk->file_room ? 2 * disk->file_room : 8;
        struct sim_disk_file **files =
            disk->memory->resize(disk->memory->self, disk->files,
                                 room * sizeof(struct sim_disk_file *));
        if (!files)
            return NULL;
        disk->files = files;
        disk->file_room = room;
    }
    struct sim_disk_file *file =
        sim_disk_file_new(name, disk->config.sector, disk->memory);
    if (!file)
        return NULL;
    file->created_seq = ++disk->seq;
    disk->files[disk->file_count++] = file;
    return file;
}

int sim_disk_open(struct sim_disk *disk, const char *name, bool may_create,
                  struct sim_disk_file **file)
{
    *file = NULL;
    if (!disk->on)
        return SIM_DISK_OFF;
    struct sim_disk_file *found = find(disk, name);
    if (!found && !may_create)
        return SIM_DISK_MISSING;
    if (!found)
        found = create(disk, name);
    if (!found)
        return SIM_DISK_MEMORY;
    found->opens++;
    *file = found;
    return 0;
}

void sim_disk_close(struct sim_disk *disk, struct sim_disk_file *file)
{
    assert(file->opens > 0);
    file->opens--;
    if (file->gone)
        sweep(disk);
}

int sim_disk_stat(const struct sim_disk *disk, const char *name, uint64_t *size)
{
    if (!disk->on)
        return SIM_DISK_OFF;
    const struct sim_disk_file *file = find(disk, name);
    if (!file)
        return SIM_DISK_MISSING;
    *size = file->size;
    return 0;
}

uint64_t sim_disk_size(const struct sim_disk_file *file)
{
    return file->size;
}

/* Tells of tainted sectors in the range; IO if one cannot be read. */
static int read_taints(struct sim_disk *disk, struct sim_disk_file *file,
                       size_t length, uint64_t offset)
{
    struct sim_disk_taint *taint = sim_disk_file_taint(file, length, offset);
    if (!taint)
        return 0;
    emit(disk, ENGINE_REC_TAINT_READ, taint->unreadable,
         taint->sector * file->sector, file->sector, 0);
    return taint->unreadable ? SIM_DISK_IO : 0;
}

int64_t sim_disk_read(struct sim_disk *disk, struct sim_disk_file *file,
                      void *bytes, size_t length, uint64_t offset)
{
    uint32_t action;
    if (!disk->on)
        return SIM_DISK_OFF;
    spend(disk, &disk->config.read, length);
    int error = ask(disk, SIM_POINT_DISK_READ, offset, length, &action);
    if (error)
        return error;
    if (action == ENGINE_ACT_CRASH) {
        sim_disk_crash(disk);
        return SIM_DISK_OFF;
    }
    if (offset >= file->size)
        return 0;
    if (length > file->size - offset)
        length = file->size - offset;
    if (action == ENGINE_ACT_SHORT)
        length /= 2;
    if (__builtin_expect(file->taint_count != 0, 0))
        error = read_taints(disk, file, length, offset);
    if (error)
        return error;
    memcpy(bytes, file->data + offset, length);
    return action == ENGINE_ACT_SHORT ? SIM_DISK_IO : (int64_t)length;
}

/* As a sync of the directory: no creation or removal can be undone. */
static void settle_names(struct sim_disk *disk)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        disk->files[i]->named = true;
        disk->files[i]->gone = disk->files[i]->deleted;
    }
}

/* This file, or all of an ordered disk, becomes durable. */
static void settle(struct sim_disk *disk, struct sim_disk_file *file)
{
    for (size_t i = 0; disk->config.ordered && i < disk->file_count; i++)
        sim_disk_file_settle(disk->files[i]);
    sim_disk_file_settle(file);
    if (__builtin_expect(disk->config.ordered || !file->named, 0))
        settle_names(disk);
}

/* Room for a file to grow to size? */
static bool fits(const struct sim_disk *disk, const struct sim_disk_file *file,
                 uint64_t size)
{
    uint64_t capacity = disk->config.capacity;
    if (size > (uint64_t)INT64_MAX)
        return false;
    return !capacity || size <= file->size ||
           disk->used + (size - file->size) <= capacity;
}

/* Puts a change that was made on the books; cuts the power in the middle. */
static int made(struct sim_disk *disk, struct sim_disk_file *file,
                struct sim_disk_change *change, uint32_t action)
{
    if (!change)
        return SIM_DISK_MEMORY;
    disk->seq++;
    if (!file->deleted)
        disk->used += change->new_size - change->old_size;
    if (__builtin_expect(action == ENGINE_ACT_CRASH, 0)) {
        change->in_flight = true;
        sim_disk_crash(disk);
        return SIM_DISK_OFF;
    }
    if (__builtin_expect(file->unsynced > disk->config.unsynced_max, 0))
        settle(disk, file);
    return action == ENGINE_ACT_SHORT ? SIM_DISK_IO : 0;
}

int sim_disk_write(struct sim_disk *disk, struct sim_disk_file *file,
                   const void *bytes, size_t length, uint64_t offset)
{
    uint32_t action;
    if (!disk->on)
        return SIM_DISK_OFF;
    if (!length)
        return 0;
    if (offset > (uint64_t)INT64_MAX || !fits(disk, file, offset + length))
        return SIM_DISK_FULL;
    spend(disk, &disk->config.write, length);
    int error = ask(disk, SIM_POINT_DISK_WRITE, offset, length, &action);
    if (error)
        return error;
    if (action == ENGINE_ACT_LIE)
        return 0;
    if (action == ENGINE_ACT_SHORT && !(length /= 2))
        return SIM_DISK_IO;
    return made(disk, file,
                sim_disk_file_write(file, disk->seq + 1, bytes, length, offset),
                action);
}

int sim_disk_truncate(struct sim_disk *disk, struct sim_disk_file *file,
                      uint64_t size)
{
    uint32_t action;
    if (!disk->on)
        return SIM_DISK_OFF;
    if (size == file->size)
        return 0;
    if (!fits(disk, file, size))
        return SIM_DISK_FULL;
    spend(disk, &disk->config.write, 0);
    int error = ask(disk, SIM_POINT_DISK_TRUNCATE, size, 0, &action);
    if (error)
        return error;
    if (action == ENGINE_ACT_LIE)
        return 0;
    if (action == ENGINE_ACT_SHORT)
        return SIM_DISK_IO;
    return made(disk, file, sim_disk_file_cut(file, disk->seq + 1, size),
                action);
}

static int sync_after(struct sim_disk *disk)
{
    uint32_t action;
    int error = ask(disk, SIM_POINT_DISK_SYNC_AFTER, 0, 0, &action);
    if (!error && action == ENGINE_ACT_CRASH) {
        sim_disk_crash(disk);
        error = SIM_DISK_OFF;
    }
    return error;
}

int sim_disk_sync(struct sim_disk *disk, struct sim_disk_file *file)
{
    uint32_t action;
    if (!disk->on)
        return SIM_DISK_OFF;
    spend(disk, &disk->config.sync, file->unsynced);
    int error =
        ask(disk, SIM_POINT_DISK_SYNC_BEFORE, 0, file->unsynced, &action);
    if (error) {
        if (!disk->config.keep_after_failed_sync)
            sim_disk_file_lose(file);
        return error;
    }
    if (action == ENGINE_ACT_CRASH) {
        sim_disk_crash(disk);
        return SIM_DISK_OFF;
    }
    if (action != ENGINE_ACT_LIE)
        settle(disk, file);
    sweep(disk);
    return sync_after(disk);
}

/* The name is gone for readers; a crash may bring one file of it back. */
static void unlink_file(struct sim_disk *disk, struct sim_disk_file *file,
                        bool durable)
{
    bool has_ghost = find_ghost(disk, file->name) != NULL;
    file->deleted = true;
    file->deleted_seq = ++disk->seq;
    file->gone = has_ghost;
    disk->used -= file->size;
    if (durable)
        settle_names(disk);
    sweep(disk);
}

int sim_disk_delete(struct sim_disk *disk, const char *name, bool durable)
{
    uint32_t action;
    if (!disk->on)
        return SIM_DISK_OFF;
    struct sim_disk_file *file = find(disk, name);
    if (!file)
        return SIM_DISK_MISSING;
    spend(disk, &disk->config.write, 0);
    int error = ask(disk, SIM_POINT_DISK_DELETE, 0, 0, &action);
    if (error)
        return error;
    if (durable)
        spend(disk, &disk->config.sync, 0);
    bool in_flight = action == ENGINE_ACT_CRASH;
    unlink_file(disk, file, durable && !in_flight && action != ENGINE_ACT_LIE);
    if (!in_flight)
        return 0;
    sim_disk_crash(disk);
    return SIM_DISK_OFF;
}

/* The first thing a crash can undo. */
static uint64_t oldest_seq(const struct sim_disk *disk)
{
    uint64_t oldest = disk->seq + 1;
    for (size_t i = 0; i < disk->file_count; i++) {
        const struct sim_disk_file *file = disk->files[i];
        uint64_t seq = oldest;
        if (file->gone)
            continue;
        if (file->change_count)
            seq = file->changes[0].seq;
        if (!file->named && file->created_seq < seq)
            seq = file->created_seq;
        if (file->deleted && file->deleted_seq < seq)
            seq = file->deleted_seq;
        oldest = seq < oldest ? seq : oldest;
    }
    return oldest;
}

/* The mood of a crash: most arrived, few did, about half, or the first. */
static struct sim_disk_dice roll(struct sim_disk *disk)
{
    static const struct {
        uint32_t keep, tear;
    } moods[] = {{230, 16}, {16, 16}, {116, 24}, {0, 0}};
    struct sim_disk_dice dice = {.stream = &disk->config.stream,
                                 .index = CRASH_DRAWS +
                                          disk->crashes++ * CRASH_STRIDE,
                                 .garble = disk->config.garble};
    uint64_t mood = sim_disk_dice_draw(&dice) % 4;
    uint64_t oldest = oldest_seq(disk);
    dice.keep = moods[mood].keep;
    dice.tear = moods[mood].tear;
    dice.cut = disk->config.ordered || mood == 3;
    dice.cut_seq = oldest + engine_random_scale(sim_disk_dice_draw(&dice),
                                                disk->seq + 2 - oldest);
    return dice;
}

/* Decides whether a name is there after the crash; gone if it is not. */
static void crash_name(struct sim_disk *disk, struct sim_disk_file *file,
                       struct sim_disk_dice *dice)
{
    bool stays = file->named || sim_disk_dice_keep(dice, file->created_seq);
    if (file->deleted && stays)
        stays = !sim_disk_dice_keep(dice, file->deleted_seq);
    if (!stays) {
        file->gone = true;
        return;
    }
    if (file->deleted) { /* so a newer file of the name was never created */
        struct sim_disk_file *newer = find(disk, file->name);
        if (newer)
            newer->gone = true;
    }
}

static void crash_files(struct sim_disk *disk, struct sim_disk_dice *dice)
{
    disk->used = 0;
    for (size_t i = 0; i < disk->file_count; i++) {
        struct sim_disk_file *file = disk->files[i];
        if (!file->gone)
            crash_name(disk, file, dice);
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        struct sim_disk_file *file = disk->files[i];
        file->opens = 0;
        if (file->gone) {
            dice->dropped += file->change_count;
            continue;
        }
        sim_disk_file_crash(file, dice);
        file->named = true;
        file->deleted = false;
        disk->used += file->size;
    }
    sweep(disk);
}

void sim_disk_crash(struct sim_disk *disk)
{
    if (!disk->on)
        return;
    struct sim_disk_dice dice = roll(disk);
    crash_files(disk, &dice);
    disk->on = false;
    disk->epoch++;
    emit(disk, ENGINE_REC_DISK_CRASH, 0, dice.kept, dice.dropped, dice.torn);
}

void sim_disk_restart(struct sim_disk *disk)
{
    disk->on = true;
}

bool sim_disk_is_on(const struct sim_disk *disk)
{
    return disk->on;
}

void sim_disk_abandon(struct sim_disk *disk)
{
    disk->epoch++;
    for (size_t i = 0; i < disk->file_count; i++)
        disk->files[i]->opens = 0;
    sweep(disk);
}

uint64_t sim_disk_epoch(const struct sim_disk *disk)
{
    return disk->epoch;
}

void sim_disk_heal(struct sim_disk *disk)
{
    disk->failing = 0;
}

int sim_disk_corrupt(struct sim_disk *disk, const char *name, uint64_t offset,
                     enum sim_disk_decay decay)
{
    struct sim_disk_file *file = find(disk, name);
    if (!file || offset >= file->size)
        return SIM_DISK_MISSING;
    uint64_t draw =
        engine_stream_u64(&disk->config.stream, DECAY_DRAWS + disk->decays++);
    uint8_t mask = decay == SIM_DISK_ROT ? (uint8_t)(1 + draw % 255) : 0;
    disk->doubtful = true;
    return sim_disk_file_decay(file, offset, mask);
}

bool sim_disk_move(struct sim_disk *disk)
{
    bool moved = true;
    for (size_t i = 0; i < disk->file_count; i++)
        moved = sim_disk_file_move(disk->files[i]) && moved;
    return moved;
}

bool sim_disk_doubtful(const struct sim_disk *disk)
{
    return disk->doubtful;
}

void sim_disk_about(struct sim_disk *disk, uint64_t run, uint32_t op,
                    uint32_t attempt)
{
    disk->about_run = run;
    disk->about_op = op;
    disk->about_attempt = attempt;
}

uint64_t sim_disk_take_busy(struct sim_disk *disk)
{
    uint64_t busy_ns = disk->busy_ns;
    disk->busy_ns = 0;
    return busy_ns;
}

void sim_disk_add_busy(struct sim_disk *disk, uint64_t ns)
{
    disk->busy_ns += ns;
}

uint32_t sim_disk_sector(const struct sim_disk *disk)
{
    return disk->config.sector;
}

uint64_t sim_disk_unsynced(const struct sim_disk *disk)
{
    uint64_t count = 0;
    for (size_t i = 0; i < disk->file_count; i++) {
        const struct sim_disk_file *file = disk->files[i];
        if (file->gone)
            continue;
        count += file->change_count;
        count += file->named ? 0 : 1;
        count += file->deleted ? 1 : 0;
    }
    return count;
}
