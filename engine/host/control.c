#include "engine/host/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "engine/host/loop.h"

/* Client ------------------------------------------------------------------ */

int host_client_open(struct host_client *client, const char *database,
                     char error[HOST_ERROR_SIZE])
{
    int fd;

    memset(client, 0, sizeof(*client));
    client->peer.fd = -1;
    if (host_socket_path(database, client->path, error))
        return -1;
    fd = host_socket_connect(client->path);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: no engine is running; start one with perdure engine "
                 "%.100s",
                 database, database);
        return 1;
    }
    if (fd < 0) {
        snprintf(error, HOST_ERROR_SIZE, "%s: cannot connect: %s", client->path,
                 strerror(errno));
        return -1;
    }
    host_peer_init(&client->peer, fd);
    return 0;
}

void host_client_close(struct host_client *client)
{
    host_peer_close(&client->peer);
}

bool host_client_start(struct host_client *client, uint64_t token, uint64_t run,
                       unsigned flags, const char *workflow, const char *key,
                       const void *input, size_t input_size)
{
    struct host_start start = {
        .name_size = (uint32_t)strlen(workflow),
        .key_size = key ? (uint32_t)strlen(key) : 0,
        .input_size = (uint32_t)input_size,
    };
    size_t size = sizeof(start) + start.name_size + start.key_size + input_size;
    struct engine_message head = {.kind = HOST_MSG_START,
                                  .flags = (uint16_t)flags,
                                  .run = run,
                                  .token = token};
    struct host_buffer *out = &client->peer.out;
    unsigned char *at;

    /* The head first, with room for the rest, which is written in place. */
    if (input_size > HOST_FRAME_MAX ||
        host_buffer_room(out, sizeof(head) + size + 8) || client->peer.broken)
        return false;
    head.size = (uint32_t)(sizeof(head) + size);
    at = out->bytes + out->end;
    size_t span = ((size_t)head.size + 7) & ~(size_t)7;
    memset(at + span - 8, 0, 8);
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    memcpy(at, &start, sizeof(start));
    at += sizeof(start);
    memcpy(at, workflow, start.name_size);
    at += start.name_size;
    if (start.key_size)
        memcpy(at, key, start.key_size);
    at += start.key_size;
    if (input_size)
        memcpy(at, input, input_size);
    out->end += span;
    return true;
}

const struct engine_message *host_client_next(struct host_client *client,
                                              uint64_t timeout_ns)
{
    struct host_peer *peer = &client->peer;
    uint64_t began = host_mono_ns();

    for (;;) {
        const struct engine_message *message = host_peer_next(peer);
        if (message)
            return message;
        if (peer->fault[0] || peer->fd < 0)
            return NULL;
        int left = host_peer_flush(peer);
        uint64_t used = host_mono_ns() - began;
        struct pollfd ready = {.fd = peer->fd, .events = POLLIN};
        if (left > 0)
            ready.events |= POLLOUT;
        if (used > timeout_ns)
            return NULL;
        uint64_t ms = (timeout_ns - used) / 1000000 + 1;
        if (poll(&ready, 1, ms > 60000 ? 60000 : (int)ms) < 0 && errno != EINTR)
            return NULL;
        if (!(ready.revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        if (host_peer_read(peer) < 0)
            return NULL;
    }
}

/* The lock ---------------------------------------------------------------- */

static int lock_open(const char *database, int flags, char *path, size_t size)
{
    int length = snprintf(path, size, "%s-lock", database);

    if (length < 0 || (size_t)length >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC, 0600);
}

static uint32_t lock_read(int fd)
{
    char text[32] = "";
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);

    return size > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

int host_lock_take(const char *database, char error[HOST_ERROR_SIZE])
{
    char path[4096];
    int fd = lock_open(database, O_RDWR | O_CREAT, path, sizeof(path));

    if (fd < 0) {
        snprintf(error, HOST_ERROR_SIZE, "%.300s-lock: cannot be made: %s",
                 database, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: in use by engine process %u; use that one, or end "
                 "it with kill %u",
                 database, lock_read(fd), lock_read(fd));
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        snprintf(error, HOST_ERROR_SIZE, "%.300s-lock: cannot be written: %s",
                 database, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

uint32_t host_lock_holder(const char *database)
{
    char path[4096];
    int fd = lock_open(database, O_RDONLY, path, sizeof(path));
    uint32_t holder = 0;

    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_SH | LOCK_NB))
        holder = lock_read(fd);
    close(fd);
    return holder;
}
