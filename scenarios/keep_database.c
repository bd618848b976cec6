#include "scenarios/keep_database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/definition.h"
#include "engine/host/registry.h"
#include "engine/host/store_sqlite.h"

enum {
    PIECE_SIZE = 65536,
    PATH_SIZE = 4096
};

/* SQLite's files of one database; only the first must be there. */
static const char *const endings[] = {"", "-wal", "-journal", "-shm"};

enum {
    ENDINGS = sizeof(endings) / sizeof(*endings)
};

struct keeping {
    struct scenario_world *world;
    char *message;
    size_t size;
    char path[PATH_SIZE]; /* beside its place */
};

static int fail(const struct keeping *k, const char *what, const char *why)
{
    snprintf(k->message, k->size, "the database could not be kept: %s: %.300s",
             what, why);
    return -1;
}

int keep_database_check(const struct scenario *scenario, const char *path,
                        char *message, size_t size)
{
    if (scenario->mode == SCENARIO_MODE_CAPACITY) {
        snprintf(message, size,
                 "found --database with a scenario in capacity mode, which has "
                 "no engine and no database");
        return -1;
    }
    if (scenario->engine.store != SCENARIO_STORE_SQLITE) {
        snprintf(message, size,
                 "found --database with a store in memory, allowed \"store\": "
                 "\"sqlite\" in the scenario's \"engine\"");
        return -1;
    }
    if (strlen(path) + sizeof(".XXXXXX-journal") > PATH_SIZE || !path[0]) {
        snprintf(message, size,
                 "found a --database of no name or too long a "
                 "name");
        return -1;
    }
    if (access(path, F_OK) == 0) {
        snprintf(message, size,
                 "--database: \"%.200s\" exists, and a database is never "
                 "written over: choose another name or remove it",
                 path);
        return -1;
    }
    return 0;
}

/* Copying ------------------------------------------------------------------
 */

static int copy_bytes(struct sim_disk *disk, struct sim_disk_file *file, int fd,
                      unsigned char *piece)
{
    for (uint64_t at = 0;;) {
        int64_t got = sim_disk_read(disk, file, piece, PIECE_SIZE, at);
        if (got <= 0)
            return (int)got;
        for (int64_t done = 0; done < got;) {
            ssize_t wrote = write(fd, piece + done, (size_t)(got - done));
            if (wrote < 0 && errno != EINTR)
                return -1;
            done += wrote > 0 ? wrote : 0;
        }
        at += (uint64_t)got;
    }
}

static int copy_to(struct keeping *k, struct sim_disk_file *file,
                   const char *path)
{
    struct sim_disk *disk = k->world->disk;
    unsigned char *piece = malloc(PIECE_SIZE);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int result = -1;

    errno = piece ? errno : ENOMEM;
    if (piece && fd >= 0) {
        errno = EIO;
        result = copy_bytes(disk, file, fd, piece);
    }
    if (result)
        (void)fail(k, path, strerror(errno));
    if (fd >= 0 && close(fd) && !result)
        result = fail(k, path, strerror(errno));
    free(piece);
    return result;
}

/* One of SQLite's files, if it is on the disk. */
static int copy_file(struct keeping *k, const char *ending)
{
    struct sim_disk_file *file;
    char from[32];
    char to[PATH_SIZE + 16];

    snprintf(from, sizeof(from), "perdure.db%s", ending);
    snprintf(to, sizeof(to), "%s%s", k->path, ending);
    int opened = sim_disk_open(k->world->disk, from, false, &file);
    if (opened == SIM_DISK_MISSING && ending[0])
        return 0;
    if (opened)
        return fail(k, from, "it cannot be read from the simulated disk");
    int result = copy_to(k, file, to);
    sim_disk_close(k->world->disk, file);
    return result;
}

static void remove_files(const char *path)
{
    char name[PATH_SIZE + 16];

    for (int i = 0; i < ENDINGS; i++) {
        snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        (void)unlink(name);
    }
}

/* What belongs to it -------------------------------------------------------
 */

static int add_workflows(struct keeping *k, struct host_registry *registry)
{
    const struct scenario *scenario = k->world->scenario;
    struct engine_block scratch;
    int result = 0;

    engine_block_init(&scratch);
    for (uint32_t i = 0; i < scenario->workflow_count && result == 0; i++) {
        const struct engine_graph *graph = scenario->workflows[i].graph;
        const void *bytes;
        size_t size;
        result = host_definition_write(&scratch, graph, &bytes, &size) ||
                 host_registry_add(registry, i, graph, bytes, size);
    }
    engine_block_free(&scratch);
    return result;
}

static int add_platforms(struct keeping *k, struct host_registry *registry)
{
    const struct scenario *scenario = k->world->scenario;
    char names[SIM_NODE_PLATFORMS_MAX * 65];
    size_t size = 0;

    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        const char *name = scenario->platforms[i].name;
        if (!name[0] || strcmp(name, "platform") == 0)
            name = scenario_profile(scenario, i)->name;
        snprintf(names + size, sizeof(names) - size, "%s", name);
        size += strlen(names + size) + 1;
    }
    return host_registry_keep_platforms(registry, names, size);
}

/* Opens it once as its owner would: what a journal holds is taken over. */
static int recover(struct keeping *k)
{
    struct store_sqlite_config config = {
        .path = k->path,
        .page_size = k->world->scenario->engine.page_size,
        .journal = k->world->scenario->engine.wal ? STORE_SQLITE_WAL
                                                  : STORE_SQLITE_DELETE,
        .limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0},
    };
    struct engine_store store;
    struct store_problem problem;

    if (store_sqlite_try(&config, &store, &problem))
        return fail(k, "on opening it again", problem.text);
    store.ops->close(store.self);
    return 0;
}

static int complete(struct keeping *k)
{
    char error[HOST_ERROR_SIZE] = "out of memory";
    struct host_registry *registry;
    int result = recover(k);

    if (result)
        return result;
    registry = host_registry_open(k->path, error);
    if (!registry)
        return fail(k, "its workflows", error);
    if (add_workflows(k, registry) || add_platforms(k, registry) ||
        host_registry_keep_limits(
            registry, &k->world->scenario->engine.limits.limits) < 0)
        result = fail(k, "its workflows", host_registry_error(registry));
    host_registry_close(registry);
    return result;
}

/* Made whole beside its place, so that it is there as a whole or not. */
static int put(struct keeping *k, const char *path)
{
    int fd = open(k->path, O_RDONLY | O_CLOEXEC);
    mode_t mask = umask(0);
    int result;

    umask(mask);
    result = fd < 0 || fchmod(fd, 0666 & ~mask) || fsync(fd) ? -1 : 0;
    if (fd >= 0)
        close(fd);
    if (result || link(k->path, path))
        return fail(k, path, strerror(errno));
    return 0;
}

int keep_database(struct scenario_world *world, const char *path, char *message,
                  size_t size)
{
    struct keeping k = {.world = world, .message = message, .size = size};
    int result = 0;
    int fd;

    world->sim->recording = false;
    snprintf(k.path, sizeof(k.path), "%s.XXXXXX", path);
    fd = mkostemp(k.path, O_CLOEXEC);
    if (fd < 0)
        return fail(&k, path, strerror(errno));
    close(fd);
    /* Without the index of the log in memory, which is no file there. */
    for (int i = 0; i < ENDINGS - 1 && result == 0; i++)
        result = copy_file(&k, endings[i]);
    if (result == 0)
        result = complete(&k);
    if (result == 0)
        result = put(&k, path);
    remove_files(k.path);
    return result;
}
