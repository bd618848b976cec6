/*
 * A client of a server that runs in the same thread: it sends bytes as they
 * are, and whoever waits for an answer turns the server meanwhile. All
 * functions assert.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_CLIENT_SIZE = 1 << 16
};

struct http_client {
    int fd;
    void (*turn)(void *self); /* the server, once */
    void *self;
    char taken[HTTP_CLIENT_SIZE]; /* not yet read */
    size_t size;
    bool over; /* nothing more will come */
};

struct http_answer {
    int status; /* 0: the connection was closed before */
    char head[4096];
    char body[HTTP_CLIENT_SIZE];
};

/* Start the client as {.turn, .self}. */
void http_client_open(struct http_client *client, uint16_t port);
void http_client_close(struct http_client *client);
void http_client_send(struct http_client *client, const void *bytes,
                      size_t size);
/* A request with a body; headers: lines that end with CRLF. */
void http_client_ask(struct http_client *client, const char *method,
                     const char *path, const char *headers, const char *body);
/* The next answer. */
void http_client_take(struct http_client *client, struct http_answer *answer);
/* Both on a connection of its own. */
void http_client_once(const struct http_client *like, uint16_t port,
                      const char *method, const char *path, const char *body,
                      struct http_answer *answer);

#endif
