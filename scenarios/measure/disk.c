#include "scenarios/measure/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/loop.h"
#include "engine/host/socket.h"
#include "engine/host/store_sqlite.h"

enum {
    PAGE = 4096,
    RUNS = 64,
    VALUE = 64,
    HASHES = 20000,
    DIGESTS = 500
};

/* The place ----------------------------------------------------------------
 */

/* Whether the directory is at or below the mount point. */
static bool below(const char *directory, const char *mount)
{
    size_t size = strlen(mount);

    return strcmp(mount, "/") == 0 ||
           (strncmp(directory, mount, size) == 0 &&
            (directory[size] == '/' || directory[size] == '\0'));
}

/* The line of the longest mount point that holds the directory; of two alike
 * the later one lies on top. */
static void read_mounts(struct measure_place *place)
{
    char line[2048];
    size_t longest = 0;
    FILE *file = fopen("/proc/self/mounts", "r");

    while (file && fgets(line, sizeof(line), file)) {
        char device[512];
        char mount[512];
        char type[64];
        char options[512];
        if (sscanf(line, "%511s %511s %63s %511s", device, mount, type,
                   options) != 4 ||
            !below(place->directory, mount) || strlen(mount) < longest)
            continue;
        longest = strlen(mount);
        snprintf(place->type, sizeof(place->type), "%s", type);
        snprintf(place->device, sizeof(place->device), "%.63s", device);
        snprintf(place->options, sizeof(place->options), "%.159s", options);
    }
    if (file)
        fclose(file);
}

int measure_place(const char *directory, struct measure_place *place)
{
    char real[PATH_MAX];
    struct statfs is;

    *place = (struct measure_place){
        .type = "unknown", .device = "unknown", .options = "unknown"};
    if (!realpath(directory, real) || statfs(real, &is) != 0)
        return -1;
    snprintf(place->directory, sizeof(place->directory), "%.511s", real);
    read_mounts(place);
    place->in_memory = is.f_type == TMPFS_MAGIC || is.f_type == RAMFS_MAGIC;
    return 0;
}

/* Syncs --------------------------------------------------------------------
 */

static int write_page(int fd, off_t at, unsigned fill)
{
    static char page[PAGE];

    memset(page, (int)fill, sizeof(page));
    return pwrite(fd, page, sizeof(page), at) == (ssize_t)sizeof(page) ? 0 : -1;
}

static int sync_one(int fd, off_t at, unsigned fill, uint64_t *took_ns)
{
    if (write_page(fd, at, fill))
        return -1;
    uint64_t began = host_mono_ns();
    if (fdatasync(fd))
        return -1;
    *took_ns = host_mono_ns() - began;
    return 0;
}

int measure_syncs(const char *directory, bool grows, uint64_t *values,
                  size_t count)
{
    char path[PATH_MAX];
    int result = 0;

    snprintf(path, sizeof(path), "%.3000s/perdure-sync-XXXXXX", directory);
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    (void)unlink(path);
    for (size_t i = 0; !grows && result == 0 && i < count; i++)
        result = write_page(fd, (off_t)(i * PAGE), 0);
    if (result == 0)
        result = fsync(fd);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = sync_one(fd, (off_t)(i * PAGE), (unsigned)i + 1, &values[i]);
    int why = errno;
    close(fd);
    errno = why;
    return result;
}

/* Commits ------------------------------------------------------------------
 */

/* Runs that go round: each request appends an event, drops the work that was
 * put last and puts the next. */
struct load {
    struct engine_store store;
    struct engine_block request;
    struct engine_block reply;
    uint64_t seq[RUNS + 1];
    uint32_t op[RUNS + 1]; /* of the work that is there */
    uint64_t sent;
};

static bool add(struct load *load, uint16_t type, uint16_t kind, uint32_t op,
                uint32_t flags)
{
    static const char zeros[VALUE];
    struct engine_item head = {
        .type = type, .kind = kind, .op = op, .attempt = 1, .flags = flags};
    size_t size = flags == ENGINE_WORK_DROP ? 0 : VALUE;

    if (!engine_block_item(&load->request, &head, zeros, size))
        return false;
    ((struct engine_request *)(void *)load->request.bytes)->item_count++;
    return true;
}

static bool begin_request(struct load *load, uint16_t kind, uint64_t run)
{
    struct engine_request *request =
        engine_block_begin(&load->request, sizeof(*request));

    if (!request)
        return false;
    request->kind = kind;
    request->run = run;
    request->seq = kind == ENGINE_REQ_CREATE ? 0 : load->seq[run];
    request->sender = (UINT64_C(1) << 32) | 1;
    request->token = 1;
    request->attempt = 1;
    request->state = ENGINE_RUN_RUNNING;
    request->ttl_ns = 60000000000;
    return true;
}

static bool carry_out(struct load *load)
{
    const struct engine_request *request = (const void *)load->request.bytes;
    const struct engine_reply *reply;

    if (load->store.ops->apply(load->store.self, request, &load->reply))
        return false;
    reply = (const void *)load->reply.bytes;
    return reply->outcome == ENGINE_COMMITTED;
}

static bool create(struct load *load, uint64_t run)
{
    load->seq[run] = 2;
    load->op[run] = 0;
    return begin_request(load, ENGINE_REQ_CREATE, run) &&
           add(load, ENGINE_ITEM_EVENT, ENGINE_EV_RUN_CREATED, 0, 0) &&
           add(load, ENGINE_ITEM_WORK, 0, 0, ENGINE_WORK_PUT) &&
           carry_out(load);
}

static bool go_on(struct load *load)
{
    uint64_t run = load->sent++ % RUNS + 1;
    uint32_t op = load->op[run];

    load->op[run] = op % 1000 + 1;
    return begin_request(load, ENGINE_REQ_APPEND, run) &&
           add(load, ENGINE_ITEM_EVENT, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 0) &&
           add(load, ENGINE_ITEM_WORK, 0, op, ENGINE_WORK_DROP) &&
           add(load, ENGINE_ITEM_WORK, 0, load->op[run], ENGINE_WORK_PUT) &&
           carry_out(load) && load->seq[run]++ > 0;
}

static bool commit_one(struct load *load, uint32_t requests, uint64_t *took_ns)
{
    uint64_t began = host_mono_ns();

    if (load->store.ops->begin(load->store.self, began))
        return false;
    for (uint32_t i = 0; i < requests; i++)
        if (!go_on(load))
            return false;
    if (load->store.ops->commit(load->store.self))
        return false;
    *took_ns = host_mono_ns() - began;
    return true;
}

static bool create_runs(struct load *load)
{
    bool good = load->store.ops->begin(load->store.self, 1) == 0;

    for (uint64_t run = 1; good && run <= RUNS; run++)
        good = create(load, run);
    return good && load->store.ops->commit(load->store.self) == 0;
}

static bool commit_all(struct load *load, struct measure_commits *commits,
                       const volatile sig_atomic_t *interrupted)
{
    uint64_t began = host_mono_ns();
    bool good = true;

    for (size_t i = 0; good && i < commits->count; i++)
        good = !(interrupted && *interrupted) &&
               commit_one(load, commits->requests, &commits->values[i]);
    commits->wall_ns = host_mono_ns() - began;
    return good;
}

static bool open_store(const char *path, bool sync_normal,
                       struct engine_store *store, char *error)
{
    struct store_sqlite_config config = {
        .path = path,
        .create = 1,
        .shared = 1,
        .checkpoint_pages = 4000,
        .wal_ahead = 1,
        .sync_normal = sync_normal,
        .limits = {.op_payload_max = 1 << 20,
                   .request_max = 1 << 20,
                   .history_ops_max = UINT64_MAX,
                   .blob_max = 1 << 20}};
    struct store_problem problem;

    if (store_sqlite_try(&config, store, &problem) == 0)
        return true;
    snprintf(error, HOST_ERROR_SIZE, "%s", problem.text);
    return false;
}

static void remove_store(const char *path, const char *directory)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char name[PATH_MAX];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%.3500s%s", path, ends[i]);
        (void)unlink(name);
    }
    (void)rmdir(directory);
}

int measure_commits(const char *directory, struct measure_commits *commits,
                    const volatile sig_atomic_t *interrupted, char *error)
{
    char inside[PATH_MAX];
    char path[PATH_MAX];
    struct load load = {.sent = 0};
    bool good;

    snprintf(inside, sizeof(inside), "%.3000s/perdure-store-XXXXXX", directory);
    if (!mkdtemp(inside)) {
        snprintf(error, HOST_ERROR_SIZE, "%.500s: %s", directory,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof(path), "%.3100s/store.db", inside);
    engine_block_init(&load.request);
    engine_block_init(&load.reply);
    good = open_store(path, commits->sync_normal, &load.store, error);
    if (good) {
        good = create_runs(&load) && commit_all(&load, commits, interrupted);
        if (!good)
            snprintf(error, HOST_ERROR_SIZE, "%.500s: %s", path,
                     interrupted && *interrupted ? "interrupted"
                                                 : "a commit failed");
        load.store.ops->close(load.store.self);
    }
    engine_block_free(&load.request);
    engine_block_free(&load.reply);
    remove_store(path, inside);
    return good ? 0 : -1;
}

/* Hashes -------------------------------------------------------------------
 */

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t measure_chain_hash(size_t size)
{
    unsigned char *bytes = calloc(1, size + 1);
    struct engine_hash hash = {0};
    uint64_t began = cpu_ns();

    for (int i = 0; bytes && i < HASHES; i++) {
        struct engine_log_row row = {.run = 1,
                                     .seq = (uint64_t)i,
                                     .count = 1,
                                     .items = bytes,
                                     .items_size = size};
        hash = engine_store_chain(hash, &row);
        bytes[0] = (unsigned char)hash.lo;
    }
    free(bytes);
    return (cpu_ns() - began) / HASHES;
}

uint64_t measure_blob_digest(size_t size)
{
    unsigned char *bytes = calloc(1, size + 1);
    unsigned char digest[crypto_hash_sha256_BYTES];
    uint64_t began = cpu_ns();

    for (int i = 0; bytes && i < DIGESTS; i++) {
        crypto_hash_sha256(digest, bytes, size);
        bytes[0] = digest[0];
    }
    free(bytes);
    return (cpu_ns() - began) / DIGESTS;
}
