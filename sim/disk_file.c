#include "sim/disk_file.h"

#include <assert.h>
#include <string.h>

enum {
    DATA_STEP = 65536, /* the largest sector */
    DATA_BIG = 1 << 20,
    BLOCK_SIZE = 262144,
    NOISY_MAX = 16 /* sectors one crash can turn into noise in a file */
};

/* For each sector from `first`: the last change, from 1, that it shows. */
struct versions {
    uint32_t *last; /* 0: none */
    uint64_t first;
    uint64_t count;
    uint64_t noisy[NOISY_MAX];
    uint32_t noisy_count;
};

static void *resize(const struct sim_disk_file *file, void *block, size_t size)
{
    return file->memory->resize(file->memory->self, block, size);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct sim_disk_file *sim_disk_file_new(const char *name, uint32_t sector,
                                        const struct sim_disk_memory *memory)
{
    size_t length = strlen(name) + 1;
    struct sim_disk_file *file =
        memory->resize(memory->self, NULL, sizeof *file);
    if (!file)
        return NULL;
    *file = (struct sim_disk_file){.memory = memory, .sector = sector};
    file->name = resize(file, NULL, length);
    if (!file->name) {
        resize(file, file, 0);
        return NULL;
    }
    memcpy(file->name, name, length);
    return file;
}

static void drop_lost(struct sim_disk_file *file)
{
    resize(file, file->lost.sectors, 0);
    resize(file, file->lost.images, 0);
    file->lost = (struct sim_disk_lost){0};
}

/* New ones come when they are needed. */
static void drop_blocks(struct sim_disk_file *file)
{
    while (file->first) {
        struct sim_disk_block *next = file->first->next;
        resize(file, file->first, 0);
        file->first = next;
    }
    file->current = NULL;
    file->fill = 0;
}

void sim_disk_file_free(struct sim_disk_file *file)
{
    drop_blocks(file);
    drop_lost(file);
    resize(file, file->taints, 0);
    resize(file, file->changes, 0);
    resize(file, file->data, 0);
    resize(file, file->name, 0);
    resize(file, file, 0);
}

/* Makes data hold at least size bytes. */
static bool reserve(struct sim_disk_file *file, uint64_t size)
{
    if (__builtin_expect(size <= file->room, 1))
        return true;
    /* Room that nothing is written to costs nothing; moving the bytes does. */
    uint64_t more =
        file->room < DATA_BIG ? 4 * file->room : file->room + file->room / 2;
    uint64_t room = larger(size, more);
    room = (room + DATA_STEP - 1) / DATA_STEP * DATA_STEP;
    uint8_t *data = resize(file, file->data, room);
    if (!data)
        return false;
    file->data = data;
    file->room = room;
    return true;
}

bool sim_disk_file_move(struct sim_disk_file *file)
{
    uint8_t *data = file->room ? resize(file, NULL, file->room) : NULL;
    if (file->room && !data)
        return false;
    if (data)
        memcpy(data, file->data, file->size);
    resize(file, file->data, 0);
    file->data = data;
    if (file->change_count == 0)
        drop_blocks(file);
    return true;
}

/* The next block with room for length bytes becomes the current one. */
static bool next_block(struct sim_disk_file *file, size_t length)
{
    struct sim_disk_block *block =
        file->current ? file->current->next : file->first;
    if (!block || block->size < length) {
        size_t size = larger(length, BLOCK_SIZE);
        struct sim_disk_block *made = resize(file, NULL, sizeof *made + size);
        if (!made)
            return false;
        made->next = block;
        made->size = size;
        if (file->current)
            file->current->next = made;
        else
            file->first = made;
        block = made;
    }
    file->current = block;
    file->fill = 0;
    return true;
}

static struct sim_disk_change *add_change(struct sim_disk_file *file,
                                          uint64_t length)
{
    if (file->change_count == file->change_room) {
        size_t room = file->change_room ? 2 * file->change_room : 64;
        struct sim_disk_change *changes =
            resize(file, file->changes, room * sizeof *changes);
        if (!changes)
            return NULL;
        file->changes = changes;
        file->change_room = room;
    }
    if (!file->current || file->current->size - file->fill < length) {
        if (!next_block(file, length))
            return NULL;
    }
    struct sim_disk_change *change = &file->changes[file->change_count++];
    change->bytes = file->current->bytes + file->fill;
    change->length = length;
    file->fill += length;
    file->unsynced += length;
    return change;
}

/* Taints of sectors that [offset, end) replaces wholly stop to show. */
static void cover(struct sim_disk_file *file, uint64_t seq, uint64_t offset,
                  uint64_t end)
{
    for (size_t i = 0; i < file->taint_count; i++) {
        struct sim_disk_taint *taint = &file->taints[i];
        uint64_t start = taint->sector * file->sector;
        if (offset <= start && start + file->sector <= end)
            taint->covered = seq;
    }
}

struct sim_disk_change *sim_disk_file_write(struct sim_disk_file *file,
                                            uint64_t seq, const void *bytes,
                                            size_t length, uint64_t offset)
{
    uint64_t size = file->size, end = offset + length;
    struct sim_disk_change *change;
    if (!reserve(file, end) || !(change = add_change(file, length)))
        return NULL;
    change->seq = seq;
    change->offset = offset;
    change->old_size = size;
    change->new_size = larger(size, end);
    change->kind = SIM_DISK_CHANGE_WRITE;
    change->in_flight = false;
    if (offset < size)
        memcpy(change->bytes, file->data + offset,
               smaller(length, size - offset));
    else
        memset(file->data + size, 0, offset - size);
    memcpy(file->data + offset, bytes, length);
    file->size = change->new_size;
    if (__builtin_expect(file->taint_count != 0, 0))
        cover(file, seq, offset, end);
    return change;
}

struct sim_disk_change *sim_disk_file_cut(struct sim_disk_file *file,
                                          uint64_t seq, uint64_t size)
{
    uint64_t old = file->size, tail = old > size ? old - size : 0;
    struct sim_disk_change *change;
    if (!reserve(file, size) || !(change = add_change(file, tail)))
        return NULL;
    change->seq = seq;
    change->offset = size;
    change->old_size = old;
    change->new_size = size;
    change->kind = SIM_DISK_CHANGE_CUT;
    change->in_flight = false;
    if (tail)
        memcpy(change->bytes, file->data + size, tail);
    else if (size > old)
        memset(file->data + old, 0, size - old);
    file->size = size;
    cover(file, seq, size, UINT64_MAX);
    return change;
}

static void forget_changes(struct sim_disk_file *file)
{
    file->change_count = 0;
    file->unsynced = 0;
    file->current = file->first;
    file->fill = 0;
}

static bool touches(const struct sim_disk_file *file,
                    const struct sim_disk_change *change, uint64_t sector)
{
    uint64_t start = sector * file->sector;
    return change->length && change->offset < start + file->sector &&
           start < change->offset + change->length;
}

static bool rewritten(const struct sim_disk_file *file, uint64_t sector)
{
    for (size_t i = 0; i < file->change_count; i++) {
        if (touches(file, &file->changes[i], sector))
            return true;
    }
    return false;
}

/* Writing any byte of a lost sector again writes all of it. */
static void regain(struct sim_disk_file *file)
{
    struct sim_disk_lost *lost = &file->lost;
    uint64_t left = 0;
    for (uint64_t i = 0; i < lost->count; i++) {
        if (rewritten(file, lost->sectors[i]))
            continue;
        lost->sectors[left] = lost->sectors[i];
        memmove(lost->images + left * file->sector,
                lost->images + i * file->sector, file->sector);
        left++;
    }
    lost->count = left;
    if (file->change_count)
        lost->size = file->size;
    if (!left)
        drop_lost(file);
}

static void drop_covered_taints(struct sim_disk_file *file)
{
    size_t left = 0;
    for (size_t i = 0; i < file->taint_count; i++) {
        if (!file->taints[i].covered)
            file->taints[left++] = file->taints[i];
    }
    file->taint_count = left;
}

void sim_disk_file_settle(struct sim_disk_file *file)
{
    if (__builtin_expect(file->lost.count != 0, 0))
        regain(file);
    if (__builtin_expect(file->taint_count != 0, 0))
        drop_covered_taints(file);
    forget_changes(file);
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t length)
{
    uint8_t held[512];
    for (size_t done = 0; done < length; done += sizeof held) {
        size_t part = smaller(sizeof held, length - done);
        memcpy(held, a + done, part);
        memcpy(a + done, b + done, part);
        memcpy(b + done, held, part);
    }
}

/* Takes a write back; its bytes are then the new ones, as redo wants. */
static void undo_write(struct sim_disk_file *file,
                       struct sim_disk_change *change)
{
    uint8_t *place = file->data + change->offset;
    uint64_t below =
        change->old_size > change->offset
            ? smaller(change->length, change->old_size - change->offset)
            : 0;
    swap_bytes(change->bytes, place, below);
    memcpy(change->bytes + below, place + below, change->length - below);
}

static void undo_all(struct sim_disk_file *file)
{
    for (size_t i = file->change_count; i-- > 0;) {
        struct sim_disk_change *change = &file->changes[i];
        if (change->kind == SIM_DISK_CHANGE_WRITE)
            undo_write(file, change);
        else if (change->length)
            memcpy(file->data + change->offset, change->bytes, change->length);
        if (change->new_size > change->old_size)
            memset(file->data + change->old_size, 0,
                   change->new_size - change->old_size);
        file->size = change->old_size;
    }
}

/* Carries the part of an undone change between start and end out again. */
static void redo(struct sim_disk_file *file,
                 const struct sim_disk_change *change, uint64_t start,
                 uint64_t end)
{
    uint64_t from = larger(change->offset, start);
    uint64_t to = smaller(change->offset + change->length, end);
    if (from >= to)
        return;
    if (change->kind == SIM_DISK_CHANGE_WRITE)
        memcpy(file->data + from, change->bytes + (from - change->offset),
               to - from);
    else
        memset(file->data + from, 0, to - from);
}

static void redo_all(struct sim_disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        redo(file, &file->changes[i], 0, UINT64_MAX);
        file->size = file->changes[i].new_size;
    }
}

/* Room for a version of every sector that the changes touch. */
static bool versions_init(struct versions *versions,
                          const struct sim_disk_file *file)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < file->change_count; i++) {
        const struct sim_disk_change *change = &file->changes[i];
        if (!change->length)
            continue;
        low = smaller(low, change->offset / file->sector);
        high = larger(high,
                      (change->offset + change->length - 1) / file->sector + 1);
    }
    *versions = (struct versions){.first = low};
    if (low >= high)
        return true;
    versions->count = high - low;
    size_t size = versions->count * sizeof *versions->last;
    versions->last = resize(file, NULL, size);
    if (!versions->last) {
        versions->count = 0;
        return false;
    }
    memset(versions->last, 0, size);
    return true;
}

static uint32_t version_of(const struct versions *versions, uint64_t sector)
{
    if (sector < versions->first || sector - versions->first >= versions->count)
        return 0;
    return versions->last[sector - versions->first];
}

static void mark(struct versions *versions, const struct sim_disk_file *file,
                 const struct sim_disk_change *change, uint32_t version)
{
    if (!change->length)
        return;
    uint64_t first = change->offset / file->sector;
    uint64_t last = (change->offset + change->length - 1) / file->sector;
    for (uint64_t sector = first; sector <= last; sector++)
        versions->last[sector - versions->first] = version;
}

static void save_image(struct sim_disk_file *file, uint64_t sector)
{
    struct sim_disk_lost *lost = &file->lost;
    uint8_t *image = lost->images + lost->count * file->sector;
    uint64_t start = sector * file->sector;
    uint64_t held =
        file->size > start ? smaller(file->size - start, file->sector) : 0;
    memcpy(image, file->data + start, held);
    memset(image + held, 0, file->sector - held);
    lost->sectors[lost->count++] = sector;
}

/* The marked sectors, now holding durable bytes, join the lost ones. */
static bool save_lost(struct sim_disk_file *file, struct versions *versions)
{
    struct sim_disk_lost *lost = &file->lost;
    uint64_t count = lost->count + versions->count;
    uint64_t *sectors =
        resize(file, lost->sectors, count * sizeof *sectors + 1);
    if (sectors)
        lost->sectors = sectors;
    uint8_t *images = resize(file, lost->images, count * file->sector + 1);
    if (images)
        lost->images = images;
    if (!sectors || !images)
        return false;
    if (!lost->count)
        lost->size = file->size;
    for (uint64_t i = 0, old = lost->count; i < old; i++) {
        if (version_of(versions, lost->sectors[i]))
            versions->last[lost->sectors[i] - versions->first] = 0;
    }
    for (uint64_t i = 0; i < versions->count; i++) {
        if (versions->last[i])
            save_image(file, versions->first + i);
    }
    return true;
}

void sim_disk_file_lose(struct sim_disk_file *file)
{
    struct versions versions;
    if (!file->change_count || !versions_init(&versions, file))
        return;
    for (size_t i = 0; i < file->change_count; i++)
        mark(&versions, file, &file->changes[i], 1);
    undo_all(file);
    bool saved = save_lost(file, &versions);
    redo_all(file);
    resize(file, versions.last, 0);
    if (saved)
        forget_changes(file);
}

bool sim_disk_dice_keep(struct sim_disk_dice *dice, uint64_t seq)
{
    uint64_t draw = sim_disk_dice_draw(dice);
    if (dice->cut)
        return seq < dice->cut_seq;
    return (draw & 255) < dice->keep;
}

enum fate {
    KEPT,
    DROPPED,
    TORN
};

static enum fate fate_of(struct sim_disk_dice *dice,
                         const struct sim_disk_change *change)
{
    uint32_t draw = (uint32_t)(sim_disk_dice_draw(dice) & 255);
    if (change->in_flight)
        return draw < 128 ? TORN : DROPPED;
    if (dice->cut && change->seq == dice->cut_seq)
        return TORN;
    if (dice->cut)
        return change->seq < dice->cut_seq ? KEPT : DROPPED;
    if (draw < dice->keep)
        return KEPT;
    return draw < dice->keep + dice->tear ? TORN : DROPPED;
}

/* Which sectors of a torn write arrived: the first, the last, or any. */
struct tear {
    uint64_t from, to; /* in sectors of the write */
    bool any;
};

static struct tear draw_tear(struct sim_disk_dice *dice, uint64_t count)
{
    uint64_t shape = sim_disk_dice_draw(dice) % 3;
    uint64_t at = engine_random_scale(sim_disk_dice_draw(dice), count + 1);
    if (dice->cut || shape == 0)
        return (struct tear){.to = at};
    if (shape == 1)
        return (struct tear){.from = at, .to = count};
    return (struct tear){.to = count, .any = true};
}

static void make_noisy(struct versions *versions, uint64_t sector)
{
    if (versions->noisy_count < NOISY_MAX)
        versions->noisy[versions->noisy_count++] = sector;
}

/*
 * Returns how many sectors arrived; *end is where the last of them ends. One
 * sector was under the head: it may be noise, and does not arrive when the
 * write was in flight.
 */
static uint64_t tear_write(struct versions *versions,
                           const struct sim_disk_file *file,
                           const struct sim_disk_change *change,
                           uint32_t version, struct sim_disk_dice *dice,
                           uint64_t *end)
{
    uint64_t first = change->offset / file->sector;
    uint64_t stop = change->offset + change->length;
    uint64_t count = (stop - 1) / file->sector + 1 - first;
    struct tear tear = draw_tear(dice, count);
    uint64_t last = engine_random_scale(sim_disk_dice_draw(dice), count);
    uint64_t arrived = 0;
    for (uint64_t i = 0; i < count; i++) {
        bool noise = dice->garble && i == last;
        bool missed = change->in_flight && i == last;
        bool kept = i >= tear.from && i < tear.to && !missed &&
                    (!tear.any || (sim_disk_dice_draw(dice) & 1));
        if (!kept && !noise)
            continue;
        if (noise)
            make_noisy(versions, first + i);
        versions->last[first + i - versions->first] = version;
        *end = smaller(stop, (first + i + 1) * file->sector);
        arrived += noise ? 0 : 1;
    }
    return dice->garble ? arrived + 1 : arrived;
}

static uint64_t decide_write(struct versions *versions,
                             const struct sim_disk_file *file, uint32_t version,
                             struct sim_disk_dice *dice, uint64_t size)
{
    const struct sim_disk_change *change = &file->changes[version - 1];
    enum fate fate = fate_of(dice, change);
    uint64_t end = change->offset + change->length;
    if (fate == TORN) {
        uint64_t sectors =
            (end - 1) / file->sector + 1 - change->offset / file->sector;
        uint64_t arrived =
            tear_write(versions, file, change, version, dice, &end);
        if (!arrived)
            fate = DROPPED;
        else if (arrived == sectors && !dice->garble)
            fate = KEPT;
    } else if (fate == KEPT) {
        mark(versions, file, change, version);
    }
    dice->kept += fate == KEPT;
    dice->torn += fate == TORN;
    dice->dropped += fate == DROPPED;
    /* The file may have grown although the bytes have not arrived. */
    if (fate == DROPPED && (dice->cut || sim_disk_dice_draw(dice) % 4))
        return size;
    return larger(size, end);
}

static uint64_t decide_cut(struct versions *versions,
                           const struct sim_disk_file *file, uint32_t version,
                           struct sim_disk_dice *dice, uint64_t size)
{
    const struct sim_disk_change *change = &file->changes[version - 1];
    if (!sim_disk_dice_keep(dice, change->seq)) {
        dice->dropped++;
        return size;
    }
    dice->kept++;
    mark(versions, file, change, version);
    return change->new_size;
}

/* Decides about every change; returns the size that survives. */
static uint64_t decide(struct versions *versions,
                       const struct sim_disk_file *file,
                       struct sim_disk_dice *dice, uint64_t size)
{
    assert(file->change_count < UINT32_MAX);
    for (size_t i = 0; i < file->change_count; i++) {
        uint32_t version = (uint32_t)i + 1;
        if (file->changes[i].kind == SIM_DISK_CHANGE_WRITE)
            size = decide_write(versions, file, version, dice, size);
        else
            size = decide_cut(versions, file, version, dice, size);
    }
    return size;
}

static void redo_decided(struct sim_disk_file *file,
                         const struct versions *versions)
{
    uint32_t size = file->sector;
    for (size_t i = 0; i < file->change_count; i++) {
        const struct sim_disk_change *change = &file->changes[i];
        uint64_t end = change->offset + change->length;
        uint64_t sector = change->offset / size;
        for (; sector * size < end; sector++) {
            if (version_of(versions, sector) > i)
                redo(file, change, sector * size, (sector + 1) * size);
        }
    }
}

static void add_noise(struct sim_disk_file *file,
                      const struct versions *versions,
                      struct sim_disk_dice *dice)
{
    for (uint32_t i = 0; i < versions->noisy_count; i++) {
        uint8_t *start = file->data + versions->noisy[i] * file->sector;
        for (uint32_t at = 0; at < file->sector; at += sizeof(uint64_t)) {
            uint64_t noise = sim_disk_dice_draw(dice);
            memcpy(start + at, &noise, sizeof noise);
        }
    }
}

/* Lost sectors that no surviving change has written are as they were. */
static void restore_lost(struct sim_disk_file *file,
                         const struct versions *versions)
{
    const struct sim_disk_lost *lost = &file->lost;
    for (uint64_t i = 0; i < lost->count; i++) {
        if (!version_of(versions, lost->sectors[i]))
            memcpy(file->data + lost->sectors[i] * file->sector,
                   lost->images + i * file->sector, file->sector);
    }
}

/* A taint that was written over shows again if that write was undone. */
static void uncover(struct sim_disk_file *file, const struct versions *versions)
{
    for (size_t i = 0; i < file->taint_count; i++) {
        struct sim_disk_taint *taint = &file->taints[i];
        uint32_t version = version_of(versions, taint->sector);
        if (!version || file->changes[version - 1].seq < taint->covered)
            taint->covered = 0;
    }
    drop_covered_taints(file);
}

void sim_disk_file_crash(struct sim_disk_file *file, struct sim_disk_dice *dice)
{
    struct versions versions;
    bool able = versions_init(&versions, file);
    undo_all(file);
    if (!able) /* without memory: nothing survives, which is allowed too */
        forget_changes(file);
    uint64_t size = file->lost.count ? file->lost.size : file->size;
    size = decide(&versions, file, dice, size);
    restore_lost(file, &versions);
    redo_decided(file, &versions);
    add_noise(file, &versions, dice);
    uncover(file, &versions);
    file->size = size;
    drop_lost(file);
    forget_changes(file);
    resize(file, versions.last, 0);
}

struct sim_disk_taint *sim_disk_file_taint(const struct sim_disk_file *file,
                                           size_t length, uint64_t offset)
{
    for (size_t i = 0; i < file->taint_count; i++) {
        struct sim_disk_taint *taint = &file->taints[i];
        uint64_t start = taint->sector * file->sector;
        if (!taint->covered && start < offset + length &&
            offset < start + file->sector)
            return taint;
    }
    return NULL;
}

static void flip(struct sim_disk_file *file, uint64_t offset, uint8_t mask)
{
    file->data[offset] ^= mask;
    for (size_t i = 0; i < file->change_count; i++) {
        struct sim_disk_change *change = &file->changes[i];
        if (offset >= change->offset && offset < change->old_size &&
            offset - change->offset < change->length)
            change->bytes[offset - change->offset] ^= mask;
    }
    for (uint64_t i = 0; i < file->lost.count; i++) {
        if (file->lost.sectors[i] == offset / file->sector)
            file->lost.images[i * file->sector + offset % file->sector] ^= mask;
    }
}

int sim_disk_file_decay(struct sim_disk_file *file, uint64_t offset,
                        uint8_t mask)
{
    struct sim_disk_taint *taints =
        resize(file, file->taints, (file->taint_count + 1) * sizeof *taints);
    if (!taints)
        return SIM_DISK_MEMORY;
    file->taints = taints;
    taints[file->taint_count++] = (struct sim_disk_taint){
        .sector = offset / file->sector, .unreadable = !mask};
    flip(file, offset, mask);
    return 0;
}
