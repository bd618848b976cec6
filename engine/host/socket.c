#include "engine/host/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/host/control.h"

enum {
    READ_AT_ONCE = 65536,
    READ_MAX = 1024 * 1024 /* of one peer before others have their turn */
};

/* Addresses --------------------------------------------------------------- */

static int absolute(const char *path, char *out, size_t size)
{
    char here[4096];
    int length;

    if (path[0] == '/')
        length = snprintf(out, size, "%s", path);
    else if (getcwd(here, sizeof(here)))
        length = snprintf(out, size, "%s/%s", here, path);
    else
        return -1;
    return length < 0 || (size_t)length >= size ? -1 : 0;
}

int host_socket_path(const char *database, char path[108],
                     char error[HOST_ERROR_SIZE])
{
    char whole[4608];
    int length;

    if (absolute(database, whole, sizeof(whole) - 8)) {
        snprintf(error, HOST_ERROR_SIZE, "%.300s: the path is too long",
                 database);
        return -1;
    }
    length = snprintf(path, 108, "%s.sock", whole);
    if (length >= 0 && length < 108)
        return 0;
    /* A path from here may be short enough where the whole one is not. */
    length = snprintf(path, 108, "%s.sock", database);
    if (length >= 0 && length < 108)
        return 0;
    snprintf(error, HOST_ERROR_SIZE,
             "%.300s: found a path of %zu bytes, allowed 102: the engine's "
             "socket stands beside the database as PATH.sock, and the address "
             "of a socket is short; move the database, or change into its "
             "directory and name it without one",
             database, strlen(database));
    return -1;
}

static void address_of(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    assert(strlen(path) < sizeof(address->sun_path));
    memcpy(address->sun_path, path, strlen(path) + 1);
}

int host_socket_listen(const char *path, char error[HOST_ERROR_SIZE])
{
    struct sockaddr_un address;
    struct stat status;
    int fd;

    address_of(path, &address);
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        snprintf(error, HOST_ERROR_SIZE,
                 "%s: found a file that is no socket where the engine's "
                 "socket must be; move it away",
                 path);
        return -1;
    }
    (void)unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0077); /* its owner's and nobody else's */
    int bound =
        fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (bound == 0 && listen(fd, 512) == 0)
        return fd;
    snprintf(error, HOST_ERROR_SIZE, "%s: cannot listen: %s", path,
             strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int host_socket_connect(const char *path)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    address_of(path, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Buffers ----------------------------------------------------------------- */

void host_buffer_free(struct host_buffer *buffer)
{
    free(buffer->bytes);
    memset(buffer, 0, sizeof(*buffer));
}

int host_buffer_room(struct host_buffer *buffer, size_t size)
{
    size_t used = buffer->end - buffer->start;
    size_t capacity = buffer->capacity ? buffer->capacity : READ_AT_ONCE;
    unsigned char *bytes;

    if (buffer->capacity - buffer->end >= size)
        return 0;
    if (buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
        if (buffer->capacity - used >= size)
            return 0;
    }
    while (capacity < used + size)
        capacity *= 2;
    bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return -1;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

/* Peers ------------------------------------------------------------------- */

void host_peer_init(struct host_peer *peer, int fd)
{
    int flags = fcntl(fd, F_GETFL);

    memset(peer, 0, sizeof(*peer));
    peer->fd = fd;
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void host_peer_close(struct host_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    host_buffer_free(&peer->in);
    host_buffer_free(&peer->out);
}

static void cut_off(struct host_peer *peer, const char *why)
{
    if (!peer->broken)
        snprintf(peer->fault, sizeof(peer->fault), "%s", why);
    peer->broken = true;
}

int host_peer_read(struct host_peer *peer)
{
    struct host_buffer *in = &peer->in;
    size_t total = 0;

    while (!peer->broken && total < READ_MAX) {
        if (host_buffer_room(in, READ_AT_ONCE)) {
            cut_off(peer, "out of memory");
            break;
        }
        size_t room = in->capacity - in->end;
        ssize_t got = read(peer->fd, in->bytes + in->end, room);
        if (got > 0) {
            in->end += (size_t)got;
            total += (size_t)got;
            if ((size_t)got < room)
                break; /* all there was */
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        peer->broken = true;
    }
    if (total > 0)
        return 1;
    return peer->broken ? -1 : 0;
}

bool host_items_whole(const void *items, size_t size)
{
    const unsigned char *bytes = items;
    size_t at = 0;

    while (at < size) {
        struct engine_item item;
        if (size - at < sizeof(item))
            return false;
        memcpy(&item, bytes + at, sizeof(item));
        if (engine_item_span(item.size) > size - at)
            return false;
        at += engine_item_span(item.size);
    }
    return true;
}

/* Whether what follows the head is what its kind says. */
static bool payload_whole(const struct engine_message *message)
{
    const void *payload = message + 1;
    size_t size = message->size - sizeof(*message);

    switch (message->kind) {
    case ENGINE_MSG_REQUEST:
        return engine_request_check(payload, size) == 0;
    case ENGINE_MSG_REPLY:
        return engine_reply_check(payload, size) == 0;
    case ENGINE_MSG_HINT:
    case ENGINE_MSG_CHECKPOINT:
        return host_items_whole(payload, size);
    case ENGINE_MSG_CHECKPOINTED:
    case ENGINE_MSG_STATE_PAGE:
        return message->op != ENGINE_ERR_NONE ||
               host_items_whole(payload, size);
    default:
        return true;
    }
}

static bool kind_known(uint16_t kind)
{
    return (kind > 0 && kind < ENGINE_MSG_COUNT) ||
           (kind >= HOST_MSG_FIRST && kind < HOST_MSG_END);
}

static size_t span_of(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

const struct engine_message *host_peer_next(struct host_peer *peer)
{
    struct host_buffer *in = &peer->in;
    size_t there = in->end - in->start;
    const struct engine_message *message;

    if (peer->fault[0] || there < sizeof(*message))
        return NULL;
    message = (const void *)(in->bytes + in->start);
    if (message->size < sizeof(*message) || message->size > HOST_FRAME_MAX) {
        cut_off(peer, "sent a message of no allowed size");
        return NULL;
    }
    if (!kind_known(message->kind)) {
        cut_off(peer, "sent a message of a kind that does not exist");
        return NULL;
    }
    if (there < span_of(message->size)) {
        if (host_buffer_room(in, span_of(message->size) - there))
            cut_off(peer, "out of memory");
        return NULL;
    }
    if (!payload_whole(message)) {
        cut_off(peer, "sent a message whose contents are damaged");
        return NULL;
    }
    in->start += span_of(message->size);
    return message;
}

bool host_peer_send(struct host_peer *peer, const struct engine_message *head,
                    const void *payload, size_t size)
{
    struct host_buffer *out = &peer->out;
    size_t whole = sizeof(*head) + size;
    size_t span = span_of(whole);
    unsigned char *at;

    if (peer->broken || peer->fd < 0)
        return false;
    if (whole > HOST_FRAME_MAX || host_buffer_room(out, span)) {
        cut_off(peer, "was owed a message that is too long, or memory ran out");
        return false;
    }
    at = out->bytes + out->end;
    memset(at + span - 8, 0, 8);
    memcpy(at, head, sizeof(*head));
    ((struct engine_message *)(void *)at)->size = (uint32_t)whole;
    if (size > 0)
        memcpy(at + sizeof(*head), payload, size);
    out->end += span;
    return true;
}

bool host_peer_send_whole(struct host_peer *peer,
                          const struct engine_message *message)
{
    return host_peer_send(peer, message, message + 1,
                          message->size - sizeof(*message));
}

int host_peer_flush(struct host_peer *peer)
{
    struct host_buffer *out = &peer->out;

    while (!peer->broken && peer->fd >= 0 && out->end > out->start) {
        ssize_t put = send(peer->fd, out->bytes + out->start,
                           out->end - out->start, MSG_NOSIGNAL);
        if (put > 0) {
            out->start += (size_t)put;
            continue;
        }
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            return 1;
        peer->broken = true;
    }
    if (out->start == out->end)
        out->start = out->end = 0;
    return peer->broken ? -1 : 0;
}
