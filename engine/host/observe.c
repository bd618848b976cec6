#include "engine/host/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/sample.h"

enum {
    RING_SIZE = 4 * 1024 * 1024,
    AT_ONCE = 65536,
    LINE_MAX = 640,
    LAST_MS = 1000
};

struct observe {
    struct engine_sink sink;
    uint32_t share_ppb;
    int fd;
    uint64_t wall_ns;
    uint64_t mono_ns;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t filled;
    unsigned char *ring;
    size_t first; /* byte to be written next */
    size_t count;
    uint64_t written; /* records */
    uint64_t dropped;
    uint64_t dropped_told; /* of those, in the file */
    bool ending;
    bool failed; /* the file takes no more */
};

bool observe_sees(const struct observe *o, uint64_t run)
{
    return engine_sample_sees(run, o->share_ppb);
}

void observe_clocks(struct observe *o, uint64_t wall_ns, uint64_t mono_ns)
{
    o->wall_ns = wall_ns;
    o->mono_ns = mono_ns;
}

const struct engine_sink *observe_sink(const struct observe *o)
{
    return &o->sink;
}

/* Lines ---------------------------------------------------------------------
 */

/* What detail means, where it is a kind. */
static const char *about(const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        return engine_event_name(record->detail);
    case ENGINE_REC_APPENDED:
    case ENGINE_REC_ACTED:
    case ENGINE_REC_REJECTED:
        return engine_request_name(record->detail);
    default:
        return "";
    }
}

static size_t print_line(const struct observe *o, const struct engine_record *r,
                         char line[LINE_MAX])
{
    char op[16] = "null";

    if (r->op != UINT32_MAX)
        snprintf(op, sizeof(op), "%u", r->op);
    return (size_t)snprintf(
        line, LINE_MAX,
        "{\"a\": %" PRIu64 ", \"about\": \"%s\", \"attempt\": %u, \"b\": "
        "%" PRIu64 ", \"count\": %u, \"detail\": %u, \"key\": \"%016" PRIx64
        "%016" PRIx64 "\", \"kind\": \"%s\", \"mono_ns\": %" PRIu64
        ", \"node\": %u, \"op\": %s, \"peer\": %u, \"run\": %" PRIu64
        ", \"state\": %u, \"time_ns\": %" PRIu64 ", \"token\": %" PRIu64 "}\n",
        r->a, about(r), r->attempt, r->b, r->count, r->detail, r->key_hi,
        r->key, engine_record_name(r->kind), o->mono_ns, r->node, op, r->peer,
        r->run, r->state, o->wall_ns, r->token);
}

/* Under the lock. False: there is no room. */
static bool put(struct observe *o, const char *line, size_t size)
{
    size_t at = (o->first + o->count) % RING_SIZE;
    size_t before = RING_SIZE - at < size ? RING_SIZE - at : size;

    if (o->failed || size > RING_SIZE - o->count)
        return false;
    memcpy(o->ring + at, line, before);
    memcpy(o->ring, line + before, size - before);
    o->count += size;
    return true;
}

/* Says in the stream itself that something is missing before what comes. */
static void put_drops(struct observe *o)
{
    char line[LINE_MAX];
    int size = snprintf(line, sizeof(line),
                        "{\"count\": %" PRIu64
                        ", \"kind\": \"dropped\", \"time_ns\": %" PRIu64 "}\n",
                        o->dropped - o->dropped_told, o->wall_ns);

    if (put(o, line, (size_t)size))
        o->dropped_told = o->dropped;
}

static void emit(void *self, const struct engine_record *record)
{
    struct observe *o = self;
    char line[LINE_MAX];

    if (!observe_sees(o, record->run))
        return;
    size_t size = print_line(o, record, line);
    pthread_mutex_lock(&o->lock);
    if (o->dropped > o->dropped_told)
        put_drops(o);
    bool room = o->dropped == o->dropped_told && put(o, line, size);
    o->written += room;
    o->dropped += !room;
    pthread_cond_signal(&o->filled);
    pthread_mutex_unlock(&o->lock);
}

/* The thread ----------------------------------------------------------------
 */

/* The next bytes, copied; 0: it is over. */
static size_t take(struct observe *o, unsigned char bytes[AT_ONCE])
{
    pthread_mutex_lock(&o->lock);
    while (o->count == 0 && !o->ending)
        pthread_cond_wait(&o->filled, &o->lock);
    size_t size = o->count < AT_ONCE ? o->count : AT_ONCE;
    if (size > RING_SIZE - o->first)
        size = RING_SIZE - o->first;
    memcpy(bytes, o->ring + o->first, size);
    o->first = (o->first + size) % RING_SIZE;
    o->count -= size;
    pthread_mutex_unlock(&o->lock);
    return size;
}

static bool is_ending(struct observe *o)
{
    pthread_mutex_lock(&o->lock);
    bool ending = o->ending;
    pthread_mutex_unlock(&o->lock);
    return ending;
}

/* Waits until more can be written. False: never, or the process ends and
 * nobody reads. */
static bool wait_for_room(struct observe *o, int *patience_ms)
{
    struct pollfd polled = {.fd = o->fd, .events = POLLOUT};

    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    if (is_ending(o))
        *patience_ms -= 50;
    (void)poll(&polled, 1, 50);
    return *patience_ms > 0;
}

static bool write_out(struct observe *o, const unsigned char *bytes,
                      size_t size, int *patience_ms)
{
    while (size > 0) {
        ssize_t put_out = write(o->fd, bytes, size);
        if (put_out < 0 && !wait_for_room(o, patience_ms))
            return false;
        if (put_out > 0) {
            bytes += put_out;
            size -= (size_t)put_out;
        }
    }
    return true;
}

static void *write_lines(void *self)
{
    struct observe *o = self;
    unsigned char bytes[AT_ONCE];
    int patience_ms = LAST_MS;
    size_t size;

    while ((size = take(o, bytes)) > 0)
        if (!write_out(o, bytes, size, &patience_ms)) {
            pthread_mutex_lock(&o->lock);
            o->failed = true;
            o->count = 0;
            pthread_mutex_unlock(&o->lock);
        }
    return NULL;
}

/* Opening -------------------------------------------------------------------
 */

/* No signal is for it: those that end the process are the loop's. */
static int start_thread(struct observe *o)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&o->thread, NULL, write_lines, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static struct observe *fail(struct observe *o, const char *path, int why,
                            char error[OBSERVE_ERROR_SIZE])
{
    snprintf(error, OBSERVE_ERROR_SIZE,
             "%.300s: the observed records cannot be written: %s", path,
             why == ENXIO ? "nobody reads this pipe" : strerror(why));
    if (o && o->fd >= 0)
        close(o->fd);
    if (o)
        free(o->ring);
    free(o);
    return NULL;
}

struct observe *observe_open(const char *path, uint32_t share_ppb,
                             char error[OBSERVE_ERROR_SIZE])
{
    struct observe *o = calloc(1, sizeof(*o));

    if (!o)
        return fail(o, path, ENOMEM, error);
    o->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC,
                 0600);
    if (o->fd < 0)
        return fail(o, path, errno, error);
    o->ring = malloc(RING_SIZE);
    if (!o->ring)
        return fail(o, path, ENOMEM, error);
    o->share_ppb = share_ppb;
    o->sink = (struct engine_sink){emit, o};
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->filled, NULL);
    int result = start_thread(o);
    return result ? fail(o, path, result, error) : o;
}

struct observe_counts observe_close(struct observe *o)
{
    struct observe_counts counts = {0};

    if (!o)
        return counts;
    pthread_mutex_lock(&o->lock);
    o->ending = true;
    pthread_cond_signal(&o->filled);
    pthread_mutex_unlock(&o->lock);
    (void)pthread_join(o->thread, NULL);
    counts = (struct observe_counts){o->written, o->dropped};
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->filled);
    close(o->fd);
    free(o->ring);
    free(o);
    return counts;
}
