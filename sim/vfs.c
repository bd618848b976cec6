#include "sim/vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_MAX_BYTES = 512,
    SHARED_MAX = 512 /* regions of one database, 16 MiB of WAL index */
};

/* Milliseconds from the start of the Julian calendar to 1970. */
#define JULIAN_1970 INT64_C(210866760000000)

/* A path and who holds what there: one for each path ever opened. */
struct node {
    struct node *next;
    uint64_t epoch; /* of the disk; locks from before it are void */
    unsigned readers;
    bool reserved, pending, exclusive;
    unsigned mappings;
    unsigned shm_readers[SQLITE_SHM_NLOCK];
    bool shm_writer[SQLITE_SHM_NLOCK];
    size_t region_count;
    void *regions[SHARED_MAX];
    char path[];
};

struct sim_vfs {
    sqlite3_vfs base;
    struct sim_disk *disk;
    const struct sim_disk_memory *memory;
    struct engine_stream stream;
    uint64_t draws;
    uint64_t wall_ns;
    int characteristics;
    struct node *nodes;
    char name[];
};

/* SQLite's handle, in memory that SQLite owns. */
struct handle {
    sqlite3_file base;
    struct sim_vfs *vfs;
    struct sim_disk_file *file;
    uint64_t epoch;
    struct node *node;
    int lock;
    bool mapped;
    uint16_t shm_read, shm_write; /* a bit for each slot held */
};

/* A temporary file: bytes in SQLite's own memory. */
struct temp {
    sqlite3_file base;
    uint8_t *bytes;
    sqlite3_int64 size, room;
};

static void *host_resize(void *self, void *block, size_t size)
{
    (void)self;
    if (size)
        return realloc(block, size);
    free(block);
    return NULL;
}

static const struct sim_disk_memory host_memory = {.resize = host_resize};

static void *take(const struct sim_vfs *vfs, size_t size)
{
    void *block = vfs->memory->resize(vfs->memory->self, NULL, size);
    if (block)
        memset(block, 0, size);
    return block;
}

static void give(const struct sim_vfs *vfs, void *block)
{
    vfs->memory->resize(vfs->memory->self, block, 0);
}

static struct handle *handle_of(sqlite3_file *file)
{
    return (struct handle *)(void *)file;
}

static inline bool is_void(const struct handle *handle)
{
    return handle->epoch != sim_disk_epoch(handle->vfs->disk);
}

static int code_of(int error, int io_code)
{
    if (!error)
        return SQLITE_OK;
    if (error == SIM_DISK_FULL)
        return SQLITE_FULL;
    return error == SIM_DISK_MEMORY ? SQLITE_IOERR_NOMEM : io_code;
}

/* --- contents ------------------------------------------------------------ */

static int file_read(sqlite3_file *base, void *bytes, int length,
                     sqlite3_int64 offset)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_IOERR_READ;
    int64_t got = sim_disk_read(handle->vfs->disk, handle->file, bytes,
                                (size_t)length, (uint64_t)offset);
    if (got == length)
        return SQLITE_OK;
    if (got < 0)
        return SQLITE_IOERR_READ;
    memset((char *)bytes + got, 0, (size_t)(length - got));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *bytes, int length,
                      sqlite3_int64 offset)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_IOERR_WRITE;
    int error = sim_disk_write(handle->vfs->disk, handle->file, bytes,
                               (size_t)length, (uint64_t)offset);
    return code_of(error, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_IOERR_TRUNCATE;
    int error =
        sim_disk_truncate(handle->vfs->disk, handle->file, (uint64_t)size);
    return code_of(error, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct handle *handle = handle_of(base);
    (void)flags;
    if (is_void(handle))
        return SQLITE_IOERR_FSYNC;
    int error = sim_disk_sync(handle->vfs->disk, handle->file);
    return error ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle) || !sim_disk_is_on(handle->vfs->disk))
        return SQLITE_IOERR_FSTAT;
    *size = (sqlite3_int64)sim_disk_size(handle->file);
    return SQLITE_OK;
}

/* --- locks --------------------------------------------------------------- */

static int lock_shared(struct handle *handle)
{
    struct node *node = handle->node;
    if (node->pending || node->exclusive)
        return SQLITE_BUSY;
    node->readers++;
    handle->lock = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int lock_reserved(struct handle *handle)
{
    if (handle->node->reserved)
        return SQLITE_BUSY;
    handle->node->reserved = true;
    handle->lock = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

/* Leaves the lock pending, which keeps new readers out, while others read. */
static int lock_exclusive(struct handle *handle)
{
    struct node *node = handle->node;
    if (handle->lock < SQLITE_LOCK_RESERVED && node->reserved)
        return SQLITE_BUSY;
    if (handle->lock < SQLITE_LOCK_PENDING && node->pending)
        return SQLITE_BUSY;
    node->reserved = true;
    node->pending = true;
    handle->lock = SQLITE_LOCK_PENDING;
    if (node->readers > 1)
        return SQLITE_BUSY;
    node->exclusive = true;
    handle->lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_IOERR_LOCK;
    if (handle->lock >= level)
        return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED)
        return lock_shared(handle);
    if (level == SQLITE_LOCK_RESERVED)
        return lock_reserved(handle);
    return lock_exclusive(handle);
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct handle *handle = handle_of(base);
    struct node *node = handle->node;
    if (is_void(handle) || handle->lock <= level)
        return SQLITE_OK;
    if (handle->lock >= SQLITE_LOCK_RESERVED)
        node->reserved = false;
    if (handle->lock >= SQLITE_LOCK_PENDING) {
        node->pending = false;
        node->exclusive = false;
    }
    if (level == SQLITE_LOCK_NONE)
        node->readers--;
    handle->lock = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *result)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    *result = handle->node->reserved;
    return SQLITE_OK;
}

/* --- shared memory ------------------------------------------------------- */

static void drop_regions(const struct sim_vfs *vfs, struct node *node)
{
    for (size_t i = 0; i < node->region_count; i++)
        give(vfs, node->regions[i]);
    node->region_count = 0;
}

static int shm_map(sqlite3_file *base, int region, int size, int extend,
                   void volatile **out)
{
    struct handle *handle = handle_of(base);
    struct node *node = handle->node;
    size_t wanted = (size_t)region + 1;
    *out = NULL;
    if (is_void(handle) || wanted > SHARED_MAX)
        return SQLITE_IOERR_SHMMAP;
    if (!handle->mapped) {
        handle->mapped = true;
        node->mappings++;
    }
    while (extend && node->region_count < wanted) {
        void *made = take(handle->vfs, (size_t)size);
        if (!made)
            return SQLITE_IOERR_NOMEM;
        node->regions[node->region_count++] = made;
    }
    if (wanted <= node->region_count)
        *out = node->regions[region];
    return SQLITE_OK;
}

static void shm_release(struct handle *handle, int slot)
{
    uint16_t bit = (uint16_t)(1u << slot);
    if (handle->shm_write & bit)
        handle->node->shm_writer[slot] = false;
    if (handle->shm_read & bit)
        handle->node->shm_readers[slot]--;
    handle->shm_write &= (uint16_t)~bit;
    handle->shm_read &= (uint16_t)~bit;
}

static bool shm_blocked(const struct handle *handle, int slot, bool exclusive)
{
    const struct node *node = handle->node;
    uint16_t bit = (uint16_t)(1u << slot);
    unsigned own = handle->shm_read & bit ? 1 : 0;
    if (node->shm_writer[slot] && !(handle->shm_write & bit))
        return true;
    return exclusive && node->shm_readers[slot] > own;
}

static void shm_acquire(struct handle *handle, int slot, bool exclusive)
{
    uint16_t bit = (uint16_t)(1u << slot);
    if (exclusive) {
        handle->shm_write |= bit;
        handle->node->shm_writer[slot] = true;
    } else if (!(handle->shm_read & bit)) {
        handle->shm_read |= bit;
        handle->node->shm_readers[slot]++;
    }
}

static int shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct handle *handle = handle_of(base);
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    if (is_void(handle))
        return SQLITE_IOERR_SHMLOCK;
    for (int i = first; i < first + count; i++) {
        if (flags & SQLITE_SHM_UNLOCK)
            shm_release(handle, i);
        else if (shm_blocked(handle, i, exclusive))
            return SQLITE_BUSY;
    }
    for (int i = first; flags & SQLITE_SHM_LOCK && i < first + count; i++)
        shm_acquire(handle, i, exclusive);
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
    (void)base; /* one thread */
}

static int shm_unmap(sqlite3_file *base, int remove)
{
    struct handle *handle = handle_of(base);
    (void)remove; /* without a mapping nothing of it is left anyway */
    if (is_void(handle) || !handle->mapped)
        return SQLITE_OK;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
        shm_release(handle, i);
    handle->mapped = false;
    if (--handle->node->mappings == 0)
        drop_regions(handle->vfs, handle->node);
    return SQLITE_OK;
}

/* --- the rest of a file -------------------------------------------------- */

static int file_control(sqlite3_file *base, int op, void *argument)
{
    struct handle *handle = handle_of(base);
    if (op == SQLITE_FCNTL_LOCKSTATE) {
        *(int *)argument = handle->lock;
        return SQLITE_OK;
    }
    if (op == SQLITE_FCNTL_HAS_MOVED) {
        *(int *)argument = 0;
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
    return (int)sim_disk_sector(handle_of(base)->vfs->disk);
}

static int file_characteristics(sqlite3_file *base)
{
    return handle_of(base)->vfs->characteristics;
}

static int file_close(sqlite3_file *base)
{
    struct handle *handle = handle_of(base);
    if (is_void(handle))
        return SQLITE_OK;
    shm_unmap(base, 0);
    file_unlock(base, SQLITE_LOCK_NONE);
    sim_disk_close(handle->vfs->disk, handle->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap};

/* --- temporary files ----------------------------------------------------- */

static struct temp *temp_of(sqlite3_file *file)
{
    return (struct temp *)(void *)file;
}

static int temp_close(sqlite3_file *base)
{
    sqlite3_free(temp_of(base)->bytes);
    return SQLITE_OK;
}

static int temp_read(sqlite3_file *base, void *bytes, int length,
                     sqlite3_int64 offset)
{
    struct temp *temp = temp_of(base);
    sqlite3_int64 got = offset < temp->size ? temp->size - offset : 0;
    got = got < length ? got : length;
    if (got)
        memcpy(bytes, temp->bytes + offset, (size_t)got);
    memset((char *)bytes + got, 0, (size_t)(length - got));
    return got == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int temp_reserve(struct temp *temp, sqlite3_int64 size)
{
    if (size <= temp->room)
        return SQLITE_OK;
    sqlite3_int64 room = size + size / 2 + 4096;
    uint8_t *bytes = sqlite3_realloc64(temp->bytes, (sqlite3_uint64)room);
    if (!bytes)
        return SQLITE_IOERR_NOMEM;
    memset(bytes + temp->room, 0, (size_t)(room - temp->room));
    temp->bytes = bytes;
    temp->room = room;
    return SQLITE_OK;
}

static int temp_write(sqlite3_file *base, const void *bytes, int length,
                      sqlite3_int64 offset)
{
    struct temp *temp = temp_of(base);
    int error = temp_reserve(temp, offset + length);
    if (error)
        return error;
    memcpy(temp->bytes + offset, bytes, (size_t)length);
    if (offset + length > temp->size)
        temp->size = offset + length;
    return SQLITE_OK;
}

static int temp_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct temp *temp = temp_of(base);
    if (size < temp->size) {
        memset(temp->bytes + size, 0, (size_t)(temp->size - size));
        temp->size = size;
    }
    return SQLITE_OK;
}

static int temp_sync(sqlite3_file *base, int flags)
{
    (void)base;
    (void)flags;
    return SQLITE_OK;
}

static int temp_size(sqlite3_file *base, sqlite3_int64 *size)
{
    *size = temp_of(base)->size;
    return SQLITE_OK;
}

static int temp_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK; /* nobody else can open it */
}

static int temp_check_reserved(sqlite3_file *base, int *result)
{
    (void)base;
    *result = 0;
    return SQLITE_OK;
}

static int temp_control(sqlite3_file *base, int op, void *argument)
{
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int temp_zero(sqlite3_file *base)
{
    (void)base;
    return 0;
}

static const sqlite3_io_methods temp_methods = {
    .iVersion = 1,
    .xClose = temp_close,
    .xRead = temp_read,
    .xWrite = temp_write,
    .xTruncate = temp_truncate,
    .xSync = temp_sync,
    .xFileSize = temp_size,
    .xLock = temp_lock,
    .xUnlock = temp_lock,
    .xCheckReservedLock = temp_check_reserved,
    .xFileControl = temp_control,
    .xSectorSize = temp_zero,
    .xDeviceCharacteristics = temp_zero};

/* --- the file system ----------------------------------------------------- */

static struct sim_vfs *vfs_of(sqlite3_vfs *base)
{
    return base->pAppData;
}

/* Forgets who held what before the disk's current epoch. */
static void refresh(const struct sim_vfs *vfs, struct node *node)
{
    uint64_t epoch = sim_disk_epoch(vfs->disk);
    if (node->epoch == epoch)
        return;
    drop_regions(vfs, node);
    node->epoch = epoch;
    node->readers = 0;
    node->mappings = 0;
    node->reserved = node->pending = node->exclusive = false;
    memset(node->shm_readers, 0, sizeof node->shm_readers);
    memset(node->shm_writer, 0, sizeof node->shm_writer);
}

static struct node *node_for(struct sim_vfs *vfs, const char *path)
{
    struct node *node = vfs->nodes;
    while (node && strcmp(node->path, path) != 0)
        node = node->next;
    if (!node) {
        size_t size = strlen(path) + 1;
        node = take(vfs, sizeof *node + size);
        if (!node)
            return NULL;
        memcpy(node->path, path, size);
        node->next = vfs->nodes;
        vfs->nodes = node;
    }
    refresh(vfs, node);
    return node;
}

static int open_temp(sqlite3_file *base)
{
    *temp_of(base) = (struct temp){.base.pMethods = &temp_methods};
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *file,
                    int flags, int *out_flags)
{
    struct sim_vfs *vfs = vfs_of(base);
    struct handle *handle = handle_of(file);
    file->pMethods = NULL;
    if (out_flags)
        *out_flags = flags;
    if (!path || flags & SQLITE_OPEN_DELETEONCLOSE)
        return open_temp(file);
    *handle = (struct handle){.vfs = vfs, .node = node_for(vfs, path)};
    if (!handle->node)
        return SQLITE_NOMEM;
    int error = sim_disk_open(vfs->disk, path, flags & SQLITE_OPEN_CREATE,
                              &handle->file);
    if (error)
        return error == SIM_DISK_MEMORY ? SQLITE_NOMEM : SQLITE_CANTOPEN;
    handle->epoch = sim_disk_epoch(vfs->disk);
    file->pMethods = &file_methods;
    if (flags & SQLITE_OPEN_MAIN_DB)
        sim_vfs_seed(vfs);
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_directory)
{
    int error = sim_disk_delete(vfs_of(base)->disk, path, sync_directory);
    if (error == SIM_DISK_MISSING)
        return SQLITE_IOERR_DELETE_NOENT;
    return error ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags,
                      int *result)
{
    uint64_t size = 0;
    int error = sim_disk_stat(vfs_of(base)->disk, path, &size);
    if (error == SIM_DISK_OFF)
        return SQLITE_IOERR_ACCESS;
    /* As on Unix: an empty file does not count as a journal. */
    *result = !error && (size > 0 || flags != SQLITE_ACCESS_EXISTS);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *base, const char *path, int room,
                         char *out)
{
    size_t length = strlen(path);
    (void)base;
    if (length >= (size_t)room)
        return SQLITE_CANTOPEN;
    memcpy(out, path, length + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *base, int length, char *out)
{
    struct sim_vfs *vfs = vfs_of(base);
    for (int i = 0; i < length; i += (int)sizeof(uint64_t)) {
        uint64_t draw = engine_stream_u64(&vfs->stream, vfs->draws++);
        int part =
            length - i < (int)sizeof draw ? length - i : (int)sizeof draw;
        memcpy(out + i, &draw, (size_t)part);
    }
    return length;
}

static int vfs_sleep(sqlite3_vfs *base, int microseconds)
{
    sim_disk_add_busy(vfs_of(base)->disk, (uint64_t)microseconds * 1000);
    return microseconds;
}

static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *julian_ms)
{
    *julian_ms = JULIAN_1970 + (int64_t)(vfs_of(base)->wall_ns / 1000000);
    return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *base, double *julian_days)
{
    sqlite3_int64 ms;
    vfs_time(base, &ms);
    *julian_days = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int room, char *out)
{
    (void)base;
    if (room > 0)
        *out = '\0';
    return 0;
}

static const sqlite3_vfs vfs_methods = {.iVersion = 2,
                                        .mxPathname = PATH_MAX_BYTES,
                                        .xOpen = vfs_open,
                                        .xDelete = vfs_delete,
                                        .xAccess = vfs_access,
                                        .xFullPathname = vfs_full_path,
                                        .xRandomness = vfs_randomness,
                                        .xSleep = vfs_sleep,
                                        .xCurrentTime = vfs_time_days,
                                        .xGetLastError = vfs_last_error,
                                        .xCurrentTimeInt64 = vfs_time};

struct sim_vfs *sim_vfs_register(struct sim_disk *disk,
                                 const struct sim_vfs_config *config)
{
    const struct sim_disk_memory *memory =
        config->memory ? config->memory : &host_memory;
    size_t name_size = strlen(config->name) + 1;
    struct sim_vfs *vfs =
        memory->resize(memory->self, NULL, sizeof *vfs + name_size);
    if (!vfs)
        return NULL;
    *vfs = (struct sim_vfs){.base = vfs_methods,
                            .disk = disk,
                            .memory = memory,
                            .stream = config->stream,
                            .characteristics = config->characteristics};
    memcpy(vfs->name, config->name, name_size);
    vfs->base.szOsFile = (int)(sizeof(struct handle) > sizeof(struct temp)
                                   ? sizeof(struct handle)
                                   : sizeof(struct temp));
    vfs->base.zName = vfs->name;
    vfs->base.pAppData = vfs;
    if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK) {
        give(vfs, vfs);
        return NULL;
    }
    return vfs;
}

void sim_vfs_unregister(struct sim_vfs *vfs)
{
    if (!vfs)
        return;
    sqlite3_vfs_unregister(&vfs->base);
    while (vfs->nodes) {
        struct node *next = vfs->nodes->next;
        drop_regions(vfs, vfs->nodes);
        give(vfs, vfs->nodes);
        vfs->nodes = next;
    }
    give(vfs, vfs);
}

void sim_vfs_set_time(struct sim_vfs *vfs, uint64_t wall_ns)
{
    vfs->wall_ns = wall_ns;
}

void sim_vfs_seed(struct sim_vfs *vfs)
{
    uint64_t draw = engine_stream_u64(&vfs->stream, vfs->draws++);
    int seed = (int)(draw >> 34) + 1; /* 0 would mean: none */
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, (sqlite3 *)NULL);
}
