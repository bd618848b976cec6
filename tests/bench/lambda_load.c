#include "tests/bench/lambda_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/host/loop.h"
#include "tests/bench/bench.h"
#include "tests/bench/lambda_stand.h"

enum {
    IN_SIZE = 16384,
    OUT_SIZE = 4096,
    ARN_SIZE = 512, /* with escapes */
    TOKEN_SIZE = 64,
    EVENTS = 256
};

enum state {
    INVOKING,
    ASKING, /* for its event */
    CHECKPOINTING,
    ANSWERING
};

struct connection {
    int fd;
    enum state state;
    uint32_t executions; /* begun */
    uint32_t steps;      /* of this one */
    uint64_t sent_ns;
    size_t in_size;
    char arn[ARN_SIZE];
    char token[TOKEN_SIZE];
    char run[24];
    char in[IN_SIZE + 1];
};

struct load {
    const struct lambda_load_config *config;
    struct connection *connections;
    uint32_t *latencies; /* in microseconds */
    uint64_t latency_count;
    uint64_t serial;
    uint32_t open;
};

/* Requests ---------------------------------------------------------------- */

static void send_request(struct connection *c, const char *method,
                         const char *path, const char *headers,
                         const char *body)
{
    char out[OUT_SIZE];
    size_t size = strlen(body);
    int length = snprintf(
        out, sizeof(out),
        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "content-type: application/json\r\n%s"
        "amz-sdk-request: attempt=1; max=3\r\n"
        "x-amz-user-agent: aws-sdk-js/3.1014.0\r\n"
        "user-agent: aws-sdk-js/3.1014.0 ua/2.1 os/linux lang/js md/nodejs\r\n"
        "x-amz-date: 20260101T000000Z\r\n"
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
        "4ca495991b7852b855\r\n"
        "authorization: AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/"
        "lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=e3b0c4"
        "4298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
        "connection: keep-alive\r\ncontent-length: %zu\r\n\r\n%s",
        method, path, headers, size, body);

    c->in_size = 0;
    c->sent_ns = host_mono_ns();
    if (length < 0 || (size_t)length >= sizeof(out) ||
        write(c->fd, out, (size_t)length) != length)
        bench_fail("a request could not be sent at once");
}

static void invoke(struct connection *c)
{
    c->state = INVOKING;
    c->executions++;
    c->steps = 0;
    send_request(c, "POST",
                 "/2015-03-31/functions/" LAMBDA_STAND_FUNCTION
                 "/invocations?Qualifier=%24LATEST",
                 "X-Amz-Invocation-Type: Event\r\n", "{\"order\": 7}");
}

static void checkpoint(struct load *load, struct connection *c)
{
    char path[ARN_SIZE + 64];
    char body[1024];
    unsigned long long serial = ++load->serial;

    c->state = CHECKPOINTING;
    c->steps++;
    snprintf(path, sizeof(path), "/2025-12-01/durable-executions/%s/checkpoint",
             c->arn);
    snprintf(body, sizeof(body),
             "{\"CheckpointToken\":\"%s\",\"ClientToken\":"
             "\"%08llx-0000-4000-8000-000000000000\",\"Updates\":["
             "{\"Id\":\"%016llx\",\"Type\":\"STEP\",\"SubType\":\"Step\","
             "\"Name\":\"step %u\",\"Action\":\"START\"},"
             "{\"Id\":\"%016llx\",\"Type\":\"STEP\",\"SubType\":\"Step\","
             "\"Name\":\"step %u\",\"Action\":\"SUCCEED\","
             "\"Payload\":\"{\\\"charged\\\":%u}\"}]}",
             c->token, serial, serial, c->steps, serial, c->steps, c->steps);
    send_request(c, "POST", path,
                 "amz-sdk-invocation-id: 7f1a7c0e-0000-4000-8000-"
                 "000000000000\r\n",
                 body);
}

/* Answers ----------------------------------------------------------------- */

/* Copies what stands between the words and the next mark. */
static void find(const char *text, const char *words, char mark, char *out,
                 size_t room)
{
    const char *from = strstr(text, words);
    const char *end = from ? strchr(from + strlen(words), mark) : NULL;
    size_t size = end ? (size_t)(end - from) - strlen(words) : room;

    if (size >= room) {
        fprintf(stderr, "bench: %s\n", text);
        bench_fail("an answer without what it must have");
    }
    memcpy(out, from + strlen(words), size);
    out[size] = '\0';
}

/* An ARN as a part of a path. */
static void escape(const char *arn, char out[ARN_SIZE])
{
    size_t size = 0;

    for (; *arn && size < ARN_SIZE - 4; arn++) {
        if (strchr(":/$", *arn))
            size += (size_t)snprintf(out + size, 4, "%%%02X", (unsigned)*arn);
        else
            out[size++] = *arn;
    }
    out[size] = '\0';
}

static void take_event(struct load *load, struct connection *c)
{
    char arn[ARN_SIZE];

    find(c->in, "\"DurableExecutionArn\":\"", '"', arn, sizeof(arn));
    find(c->in, "\"CheckpointToken\":\"", '"', c->token, sizeof(c->token));
    find(c->in, LAMBDA_STAND_RUN ": ", '\r', c->run, sizeof(c->run));
    escape(arn, c->arn);
    checkpoint(load, c);
}

static void take_checkpoint(struct load *load, struct connection *c)
{
    uint64_t took_ns = host_mono_ns() - c->sent_ns;
    char path[64];

    load->latencies[load->latency_count++] = (uint32_t)(took_ns / 1000);
    find(c->in, "\"CheckpointToken\":\"", '"', c->token, sizeof(c->token));
    if (c->steps < load->config->checkpoints) {
        checkpoint(load, c);
        return;
    }
    c->state = ANSWERING;
    snprintf(path, sizeof(path), "/response/%s", c->run);
    send_request(c, "POST", path, "", "{\"Status\":\"SUCCEEDED\"}");
}

static void take_answer(struct load *load, struct connection *c)
{
    switch (c->state) {
    case INVOKING:
        c->state = ASKING;
        send_request(c, "GET", "/next", "", "");
        break;
    case ASKING:
        take_event(load, c);
        break;
    case CHECKPOINTING:
        take_checkpoint(load, c);
        break;
    case ANSWERING:
        if (c->executions < load->config->executions) {
            invoke(c);
            break;
        }
        close(c->fd);
        load->open--;
        break;
    }
}

/* Whether the answer has come in whole. */
static bool is_whole(const struct connection *c)
{
    const char *body = strstr(c->in, "\r\n\r\n");
    const char *length;

    if (!body)
        return false;
    length = strcasestr(c->in, "\r\nContent-Length: ");
    if (strncmp(c->in, "HTTP/1.1 20", 11) != 0 || !length || length > body) {
        fprintf(stderr, "bench: %s\n", c->in);
        bench_fail("an answer that was not expected");
    }
    return c->in_size - (size_t)(body + 4 - c->in) >=
           strtoull(length + 18, NULL, 10);
}

static void receive(struct load *load, struct connection *c)
{
    ssize_t size = read(c->fd, c->in + c->in_size, IN_SIZE - c->in_size);

    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0)
        bench_fail("the service has cut a connection");
    c->in_size += (size_t)size;
    c->in[c->in_size] = '\0';
    if (is_whole(c))
        take_answer(load, c);
}

/* Connections ------------------------------------------------------------- */

static void open_connection(struct load *load, int epoll, struct connection *c)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(load->config->port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
    };
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
        bench_fail("no connection to the service");
    load->open++;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void sum_up(struct load *load, uint64_t took_ns,
                   struct lambda_load_found *found)
{
    uint64_t count = load->latency_count;

    qsort(load->latencies, count, sizeof(*load->latencies), by_size);
    *found = (struct lambda_load_found){
        .checkpoints = count,
        .took_ns = took_ns,
        .p50_ns = load->latencies[count / 2] * UINT64_C(1000),
        .p99_ns = load->latencies[count * 99 / 100] * UINT64_C(1000),
    };
}

void lambda_load_run(const struct lambda_load_config *config,
                     struct lambda_load_found *found)
{
    struct load load = {.config = config};
    struct epoll_event events[EVENTS];
    uint64_t total = (uint64_t)config->connections * config->executions *
                     config->checkpoints;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    load.connections = calloc(config->connections, sizeof(*load.connections));
    load.latencies = calloc(total, sizeof(*load.latencies));
    if (epoll < 0 || !load.connections || !load.latencies)
        bench_fail("out of memory");
    for (uint32_t i = 0; i < config->connections; i++)
        open_connection(&load, epoll, &load.connections[i]);
    uint64_t began_ns = host_mono_ns();
    for (uint32_t i = 0; i < config->connections; i++)
        invoke(&load.connections[i]);
    while (load.open > 0) {
        int count = epoll_wait(epoll, events, EVENTS, 60000);
        if (count == 0)
            bench_fail("the service has not answered for a minute");
        for (int i = 0; i < count; i++)
            receive(&load, events[i].data.ptr);
    }
    sum_up(&load, host_mono_ns() - began_ns, found);
    close(epoll);
    free(load.connections);
    free(load.latencies);
}
