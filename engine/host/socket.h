/*
 * Messages between processes of one machine: Unix stream sockets that carry
 * the blocks of engine/wire.h one behind the other. Each begins with its
 * struct engine_message and is padded with zeros to 8 bytes, so that what is
 * read can be used where it lies.
 *
 * A peer reads and writes without waiting, through buffers that grow to what
 * was needed once and then stay. What a peer sends is checked before anybody
 * looks into it; one that sends rubbish is cut off with a sentence.
 */
#ifndef ENGINE_HOST_SOCKET_H
#define ENGINE_HOST_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/wire.h"

enum {
    HOST_ERROR_SIZE = 1024,
    /* The largest message that is read or written. Half of it holds the largest
     * result of each profile: written_max of aws is 100 MB. */
    HOST_FRAME_MAX = 256 * 1024 * 1024
};

/* Bytes between start and end are in use. */
struct host_buffer {
    unsigned char *bytes;
    size_t start;
    size_t end;
    size_t capacity;
};

struct host_peer {
    int fd; /* -1: closed */
    bool broken;
    struct host_buffer in;
    struct host_buffer out;
    char fault[128]; /* why it was cut off; empty: it went by itself */
};

/*
 * Writes the address of a database's socket, PATH.sock, made absolute. 0, or
 * -1 with a sentence when the path is longer than a socket's may be.
 */
int host_socket_path(const char *database, char path[108],
                     char error[HOST_ERROR_SIZE]);
/* Listens there; a socket left by a process that died is removed, so the
 * caller must hold the database's lock. A descriptor, or -1 with a sentence. */
int host_socket_listen(const char *path, char error[HOST_ERROR_SIZE]);
/* A descriptor, or -1 with errno: ENOENT or ECONNREFUSED is nobody there. */
int host_socket_connect(const char *path);

/* fd is non-blocking from now on and belongs to the peer. */
void host_peer_init(struct host_peer *peer, int fd);
/* Closes and frees; a peer that is closed already is left so. */
void host_peer_close(struct host_peer *peer);

/*
 * Reads what is there, up to a bound that keeps one peer from starving the
 * others. Returns 1 if anything came, 0 if nothing, -1 when the other side
 * has gone or was cut off. Messages got before are invalid after it.
 */
int host_peer_read(struct host_peer *peer);
/* The next whole message, checked; NULL: none yet, or peer->broken. */
const struct engine_message *host_peer_next(struct host_peer *peer);

/* Puts a message into the buffer: a head, and what follows it. head->size is
 * set here. False: out of memory or too long, and the peer is broken. */
bool host_peer_send(struct host_peer *peer, const struct engine_message *head,
                    const void *payload, size_t size);
/* The same for a message that is one block already. */
bool host_peer_send_whole(struct host_peer *peer,
                          const struct engine_message *message);
/* Writes as much as goes. 0: all is written; 1: some is left; -1: broken. */
int host_peer_flush(struct host_peer *peer);
static inline bool host_peer_waiting(const struct host_peer *peer)
{
    return peer->out.end > peer->out.start;
}

/* Whether size bytes are items side by side, each of them whole. */
bool host_items_whole(const void *items, size_t size);

/* Makes room for size more bytes at the end. 0, or -1: out of memory. */
int host_buffer_room(struct host_buffer *buffer, size_t size);
void host_buffer_free(struct host_buffer *buffer);

#endif
