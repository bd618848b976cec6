/*
 * Any bytes as what a client sends to the Lambda endpoint, in pieces as large
 * as the first byte says: whatever comes back is HTTP, and the next client is
 * served as if nothing had been. Functions answer at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/host/lambda/http.h"
#include "engine/host/store_sqlite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND UINT64_C(1000000000)

enum {
    LOOPS_MAX = 2000,
    TAKEN_MAX = 1 << 16
};

struct bed {
    struct event_base *base;
    struct lambda_service *service;
    struct lambda_http *http;
    struct lambda_invocation *invocation; /* to be answered */
    bool durable;
    uint64_t now_ns;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void take_wanted(void *self, uint32_t function)
{
    struct bed *bed = self;

    if (!bed->invocation)
        (void)lambda_invocation_take(bed->service, function, bed);
}

static void take_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct bed *bed = self;

    (void)event;
    (void)size;
    bed->invocation = invocation;
    bed->durable = lambda_invocation_function(invocation) == 0;
}

static void take_dropped(void *self, struct lambda_invocation *invocation)
{
    struct bed *bed = self;

    if (bed->invocation == invocation)
        bed->invocation = NULL;
}

static void answer(struct bed *bed)
{
    static const char done[] = "{\"Status\":\"SUCCEEDED\"}";
    struct lambda_invocation *invocation = bed->invocation;

    if (!invocation)
        return;
    bed->invocation = NULL;
    lambda_invocation_answered(bed->service, invocation,
                               bed->durable ? done : "7",
                               bed->durable ? sizeof(done) - 1 : 1);
}

static void loop(struct bed *bed)
{
    must(event_base_loop(bed->base, EVLOOP_NONBLOCK) >= 0);
    must(lambda_service_turn(bed->service, bed->now_ns) == 0);
    answer(bed);
    must(lambda_service_turn(bed->service, bed->now_ns) == 0);
}

static void open_bed(struct bed *bed)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_service_config config = {
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = bed->now_ns,
        .lease_ns = 3600 * SECOND,
        .incarnation = 1,
        .wanted = take_wanted,
        .event = take_event,
        .dropped = take_dropped,
        .self = bed,
    };
    const struct lambda_function functions[] = {
        {.name = "order",
         .durable = true,
         .timeout_ns = 900 * SECOND,
         .execution_timeout_ns = 86400 * 366 * SECOND},
        {.name = "plain", .timeout_ns = 900 * SECOND},
    };
    struct store_problem problem;

    must(store_sqlite_try(&memory, &config.store, &problem) == 0);
    bed->service = lambda_service_new(&config);
    must(bed->service != NULL);
    for (uint32_t i = 0; i < 2; i++)
        must(lambda_service_register(bed->service, &functions[i]) == i);
    bed->base = event_base_new();
    bed->http = lambda_http_open(bed->base, bed->service, "127.0.0.1", 0, NULL);
    must(bed->http != NULL);
    lambda_http_guard(bed->http);
}

static void close_bed(struct bed *bed)
{
    lambda_http_close(bed->http);
    lambda_service_free(bed->service);
    event_base_free(bed->base);
}

static int dial(const struct bed *bed)
{
    const struct linger cut = {.l_onoff = 1};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(lambda_http_port(bed->http)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    must(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
         errno == EINPROGRESS);
    return fd;
}

/* What has come, behind what is there. False: no more will come. */
static bool take(int fd, char taken[TAKEN_MAX], size_t *size)
{
    ssize_t got = recv(fd, taken + *size, TAKEN_MAX - *size, 0);

    if (got > 0)
        *size += (size_t)got;
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Sends it all, as far as somebody reads it. */
static void give(struct bed *bed, int fd, const uint8_t *data, size_t size,
                 size_t piece)
{
    char taken[TAKEN_MAX];
    size_t there = 0;
    bool open = true;

    for (uint32_t i = 0; size > 0 && open && i < LOOPS_MAX; i++) {
        ssize_t sent = send(fd, data, size < piece ? size : piece,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN && errno != ENOTCONN) {
            break;
        }
        loop(bed);
        open = take(fd, taken, &there);
    }
    (void)shutdown(fd, SHUT_WR);
    for (uint32_t i = 0; i < 8 && open && there < TAKEN_MAX; i++) {
        loop(bed);
        open = take(fd, taken, &there);
    }
    must(there < 9 || memcmp(taken, "HTTP/", 5) == 0);
}

/* Another client is answered. */
static void ask(struct bed *bed)
{
    static const char request[] =
        "POST /2015-03-31/functions/plain/invocations HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}";
    char taken[TAKEN_MAX] = "";
    size_t there = 0;
    size_t sent = 0;
    int fd = dial(bed);

    for (uint32_t i = 0; i < LOOPS_MAX && !strstr(taken, "\r\n\r\n7"); i++) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t now = send(fd, request + sent, sizeof(request) - 1 - sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += now > 0 ? (size_t)now : 0;
        loop(bed);
        (void)poll(&wait, 1, 1);
        must(take(fd, taken, &there) && there < TAKEN_MAX - 1);
    }
    must(strncmp(taken, "HTTP/1.1 200 ", 13) == 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed bed = {.now_ns = UINT64_C(1767225600) * SECOND};
    int fd;

    if (size == 0)
        return 0;
    open_bed(&bed);
    fd = dial(&bed);
    give(&bed, fd, data + 1, size - 1, data[0] ? data[0] * UINT64_C(16) : 1);
    close(fd);
    ask(&bed);
    close_bed(&bed);
    return 0;
}
