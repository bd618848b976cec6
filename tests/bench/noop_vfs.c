#include "tests/bench/noop_vfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILES = 4,
    PATH_SIZE = 64
};

struct content {
    char path[PATH_SIZE];
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

struct file {
    sqlite3_file base;
    struct content *content;
};

struct disk {
    sqlite3_vfs vfs;
    struct content files[FILES];
};

static struct content *content_of(sqlite3_file *file)
{
    return ((struct file *)file)->content;
}

static int file_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *to, int count, sqlite3_int64 at)
{
    const struct content *content = content_of(file);
    size_t wanted = (size_t)count;
    size_t there = 0;

    if ((size_t)at < content->size)
        there = content->size - (size_t)at;
    if (there >= wanted) {
        memcpy(to, content->bytes + at, wanted);
        return SQLITE_OK;
    }
    memset(to, 0, wanted);
    if (there)
        memcpy(to, content->bytes + at, there);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *from, int count,
                      sqlite3_int64 at)
{
    struct content *content = content_of(file);
    size_t end = (size_t)at + (size_t)count;

    if (end > content->capacity) {
        size_t capacity = 2 * end;
        unsigned char *bytes = realloc(content->bytes, capacity);

        if (!bytes)
            return SQLITE_FULL;
        memset(bytes + content->capacity, 0, capacity - content->capacity);
        content->bytes = bytes;
        content->capacity = capacity;
    }
    memcpy(content->bytes + at, from, (size_t)count);
    if (end > content->size)
        content->size = end;
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    content_of(file)->size = (size_t)size;
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)content_of(file)->size;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *file, int *is)
{
    (void)file;
    *is = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    (void)file;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* The file of that path, or an unused one, or NULL. */
static struct content *find(struct disk *disk, const char *path)
{
    struct content *unused = NULL;

    for (int i = 0; i < FILES; i++) {
        struct content *content = &disk->files[i];

        if (!strcmp(content->path, path))
            return content;
        if (!content->path[0] && !unused)
            unused = content;
    }
    return unused;
}

static int disk_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file,
                     int flags, int *out_flags)
{
    struct content *content = find(vfs->pAppData, path);

    if (!content || strlen(path) >= PATH_SIZE)
        return SQLITE_CANTOPEN;
    memcpy(content->path, path, strlen(path) + 1);
    file->pMethods = &methods;
    ((struct file *)file)->content = content;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    struct content *content = find(vfs->pAppData, path);

    (void)sync;
    if (content)
        content->size = 0;
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *path, int flags, int *is)
{
    const struct content *content = find(vfs->pAppData, path);

    (void)flags;
    *is = content && content->path[0] && content->size;
    return SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *vfs, const char *path, int size,
                          char *out)
{
    (void)vfs;
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
}

static int disk_random(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    memset(out, 7, (size_t)size);
    return size;
}

static int disk_time(sqlite3_vfs *vfs, double *time)
{
    (void)vfs;
    *time = 2460000.5;
    return SQLITE_OK;
}

int noop_vfs_add(const char *name)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    if (!disk)
        return -1;
    disk->vfs = (sqlite3_vfs){.iVersion = 1,
                              .szOsFile = sizeof(struct file),
                              .mxPathname = PATH_SIZE - 16,
                              .zName = name,
                              .pAppData = disk,
                              .xOpen = disk_open,
                              .xDelete = disk_delete,
                              .xAccess = disk_access,
                              .xFullPathname = disk_full_path,
                              .xRandomness = disk_random,
                              .xCurrentTime = disk_time};
    if (!sqlite3_vfs_register(&disk->vfs, 0))
        return 0;
    free(disk);
    return -1;
}

void noop_vfs_remove(const char *name)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(name);
    struct disk *disk = vfs->pAppData;

    sqlite3_vfs_unregister(vfs);
    for (int i = 0; i < FILES; i++)
        free(disk->files[i].bytes);
    free(disk);
}
