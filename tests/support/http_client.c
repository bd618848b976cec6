#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WAITS_MAX = 20000 /* of a millisecond each: what is stuck ends */
};

void http_client_open(struct http_client *client, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert(client->fd >= 0, "%s", strerror(errno));
    cr_assert(connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
              errno == EINPROGRESS);
    client->size = 0;
    client->over = false;
}

void http_client_close(struct http_client *client)
{
    (void)close(client->fd);
}

static void wait_once(struct http_client *client, short events)
{
    struct pollfd one = {.fd = client->fd, .events = events};

    client->turn(client->self);
    (void)poll(&one, 1, 1);
}

void http_client_send(struct http_client *client, const void *bytes,
                      size_t size)
{
    const char *at = bytes;

    for (int i = 0; size > 0 && i < WAITS_MAX; i++) {
        ssize_t sent = send(client->fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN && errno != ENOTCONN) {
            return; /* nobody reads it */
        } else {
            wait_once(client, POLLOUT);
        }
    }
}

void http_client_ask(struct http_client *client, const char *method,
                     const char *path, const char *headers, const char *body)
{
    char head[2048];
    int size = snprintf(head, sizeof(head),
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s"
                        "Content-Length: %zu\r\n\r\n",
                        method, path, headers ? headers : "", strlen(body));

    cr_assert(size > 0 && size < (int)sizeof(head));
    http_client_send(client, head, (size_t)size);
    http_client_send(client, body, strlen(body));
}

/* Reads until something came. */
static void take_more(struct http_client *client)
{
    for (int i = 0; i < WAITS_MAX && !client->over; i++) {
        ssize_t got = recv(client->fd, client->taken + client->size,
                           sizeof(client->taken) - 1 - client->size, 0);
        if (got > 0) {
            client->size += (size_t)got;
            client->taken[client->size] = '\0';
            return;
        }
        client->over = got == 0 || (errno != EAGAIN && errno != ENOTCONN);
        if (!client->over)
            wait_once(client, POLLIN);
    }
    cr_assert(client->over, "no answer came");
}

static void drop(struct http_client *client, size_t size)
{
    client->size -= size;
    memmove(client->taken, client->taken + size, client->size);
    client->taken[client->size] = '\0';
}

static size_t length_of(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");

    return at ? strtoul(at + 17, NULL, 10) : 0;
}

void http_client_take(struct http_client *client, struct http_answer *answer)
{
    size_t head;
    size_t body;

    memset(answer, 0, sizeof(*answer));
    client->taken[client->size] = '\0';
    while (!client->over && !strstr(client->taken, "\r\n\r\n"))
        take_more(client);
    if (!strstr(client->taken, "\r\n\r\n"))
        return;
    head = (size_t)(strstr(client->taken, "\r\n\r\n") - client->taken) + 4;
    snprintf(answer->head, sizeof(answer->head), "%.*s", (int)head,
             client->taken);
    body = length_of(answer->head);
    cr_assert(head + body < sizeof(client->taken));
    while (!client->over && client->size < head + body)
        take_more(client);
    cr_assert(client->size >= head + body);
    memcpy(answer->body, client->taken + head, body);
    answer->status = atoi(answer->head + 9);
    drop(client, head + body);
}

void http_client_once(const struct http_client *like, uint16_t port,
                      const char *method, const char *path, const char *body,
                      struct http_answer *answer)
{
    struct http_client client = {.turn = like->turn, .self = like->self};

    http_client_open(&client, port);
    http_client_ask(&client, method, path, NULL, body);
    http_client_take(&client, answer);
    http_client_close(&client);
}
