/* The Lambda API over sockets, with functions that answer when they are told
 * to. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "engine/host/lambda/http.h"
#include "tests/support/http_client.h"
#include "tests/support/lambda_bed.h"

#define INVOKE "/2015-03-31/functions/plain/invocations"
#define EXECUTIONS "/2025-12-01/durable-executions/"

struct server {
    struct lambda_bed bed;
    struct event_base *base;
    struct lambda_http *http;
    struct http_client client;
    bool slow; /* functions answer later */
};

static void turn(void *self)
{
    struct server *server = self;
    struct lambda_invocation *invocation = server->bed.invocation;

    cr_assert(event_base_loop(server->base, EVLOOP_NONBLOCK) >= 0);
    lambda_bed_turn(&server->bed);
    if (invocation && !server->slow) {
        server->bed.invocation = NULL;
        lambda_invocation_answered(server->bed.service, invocation,
                                   server->bed.event,
                                   strlen(server->bed.event));
        lambda_bed_turn(&server->bed);
    }
}

static struct server *open_server(void)
{
    struct server *server = calloc(1, sizeof(*server));

    cr_assert(server);
    lambda_bed_open(&server->bed);
    server->base = event_base_new();
    server->http = lambda_http_open(server->base, server->bed.service,
                                    "127.0.0.1", 0, NULL);
    cr_assert(server->http);
    lambda_http_guard(server->http);
    server->client = (struct http_client){.turn = turn, .self = server};
    http_client_open(&server->client, lambda_http_port(server->http));
    return server;
}

static void close_server(struct server *server)
{
    http_client_close(&server->client);
    lambda_http_close(server->http);
    lambda_bed_close(&server->bed);
    event_base_free(server->base);
    free(server);
}

/* Whether another client is served. */
static bool serves(struct server *server)
{
    struct http_answer answer;

    http_client_once(&server->client, lambda_http_port(server->http), "POST",
                     INVOKE, "[1]", &answer);
    return answer.status == 200 && strcmp(answer.body, "[1]") == 0;
}

/* What comes back of bytes that are no request. */
static int status_of(struct server *server, const char *bytes)
{
    struct http_client client = {.turn = turn, .self = server};
    struct http_answer answer;

    http_client_open(&client, lambda_http_port(server->http));
    http_client_send(&client, bytes, strlen(bytes));
    http_client_take(&client, &answer);
    http_client_close(&client);
    return answer.status;
}

Test(host_lambda_http, requests_in_a_row_are_answered_in_their_order)
{
    struct server *server = open_server();
    struct http_answer answer;
    char body[16];

    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "[%d]", i);
        http_client_ask(&server->client, "POST", INVOKE, NULL, body);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "[%d]", i);
        http_client_take(&server->client, &answer);
        cr_expect_eq(answer.status, 200);
        cr_expect_str_eq(answer.body, body);
    }
    close_server(server);
}

Test(host_lambda_http, a_body_may_come_in_chunks_and_bytes)
{
    static const char request[] =
        "POST " INVOKE " HTTP/1.1\r\nHost: x\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n";
    struct server *server = open_server();
    struct http_answer answer;

    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        http_client_send(&server->client, request + i, 1);
        turn(server);
    }
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "[1]");
    close_server(server);
}

Test(host_lambda_http, a_checkpoint_of_ten_megabytes_is_refused_in_words)
{
    struct server *server = open_server();
    char *body = malloc(10000001);
    struct http_answer answer;

    cr_assert(body);
    memset(body, 'x', 10000000);
    body[10000000] = '\0';
    http_client_ask(&server->client, "POST", EXECUTIONS "x/checkpoint", NULL,
                    body);
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 413);
    cr_expect(strstr(answer.head, "x-amzn-errortype: RequestTooLarge"));
    http_client_ask(&server->client, "POST", INVOKE, NULL, "[2]");
    http_client_take(&server->client, &answer);
    cr_expect_str_eq(answer.body, "[2]", "the connection goes on");
    free(body);
    close_server(server);
}

Test(host_lambda_http, paths_and_methods_that_are_none_are_refused_in_words)
{
    static const struct {
        const char *method;
        const char *path;
        int status;
    } cases[] = {
        {"GET", "/", 404},
        {"GET", "/2015-03-31/functions/plain/invocations", 405},
        {"PUT", "/2015-03-31/functions/plain", 405},
        {"POST", EXECUTIONS "x/state", 405},
        {"DELETE", EXECUTIONS "x", 405},
        {"PATCH", "/2025-12-01/functions/order/durable-executions", 405},
        {"POST", EXECUTIONS "x/y/z", 404},
        {"GET", "/2015-03-31/functions/a%20b", 400},
        {"GET", "/2015-03-31/functions/%00", 400},
        {"GET", "/2015-03-31/functions/none", 404},
        {"GET", EXECUTIONS "x", 404},
        {"GET", "/1/2/3/4/5/6/7/8/9/10", 400},
    };
    struct server *server = open_server();
    struct http_answer answer;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        http_client_ask(&server->client, cases[i].method, cases[i].path, NULL,
                        "");
        http_client_take(&server->client, &answer);
        cr_expect_eq(answer.status, cases[i].status, "%s %s: %d",
                     cases[i].method, cases[i].path, answer.status);
        cr_expect(strstr(answer.head, "x-amzn-errortype: "));
        cr_expect_eq(strncmp(answer.body, "{\"Type\":", 8), 0, "%s",
                     answer.body);
        cr_expect_eq(strstr(answer.head, "Allow: ") != NULL,
                     cases[i].status == 405);
    }
    close_server(server);
}

Test(host_lambda_http, what_is_no_http_ends_its_own_connection_alone)
{
    static const char *const garbage[] = {
        "\1\2\3\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "BREW / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
    struct server *server = open_server();

    for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
        int status = status_of(server, garbage[i]);
        cr_expect(status == 400 || status == 413 || status == 501, "%s: %d",
                  garbage[i], status);
        cr_expect(serves(server));
    }
    close_server(server);
}

Test(host_lambda_http, a_flood_of_headers_is_refused)
{
    enum {
        LINES = 100000
    };
    struct server *server = open_server();
    char *flood = malloc(LINES * 6 + 64);
    char *at = flood;

    cr_assert(flood);
    at = stpcpy(at, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < LINES; i++)
        at = stpcpy(at, "X: y\r\n");
    cr_expect_neq(status_of(server, flood), 200);
    cr_expect(serves(server));
    free(flood);
    close_server(server);
}

Test(host_lambda_http, a_client_that_leaves_does_not_take_its_execution_along)
{
    struct server *server = open_server();
    struct lambda_standing standing;

    server->slow = true;
    http_client_ask(&server->client, "POST", INVOKE, NULL, "[1]");
    while (!server->bed.invocation)
        turn(server);
    http_client_close(&server->client);
    for (int i = 0; i < 100; i++)
        turn(server);
    server->slow = false;
    turn(server);
    cr_assert(lambda_service_standing(server->bed.service, 1, &standing));
    cr_expect_str_eq(standing.status, "SUCCEEDED");
    cr_expect(serves(server));
    http_client_open(&server->client, lambda_http_port(server->http));
    close_server(server);
}

Test(host_lambda_http, a_client_that_has_said_all_it_has_is_answered)
{
    struct server *server = open_server();
    struct http_answer answer;

    server->slow = true;
    http_client_ask(&server->client, "POST", INVOKE, NULL, "[1]");
    while (!server->bed.invocation)
        turn(server);
    cr_assert_eq(shutdown(server->client.fd, SHUT_WR), 0);
    for (int i = 0; i < 100; i++)
        turn(server);
    server->slow = false;
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 200);
    close_server(server);
}

/* As many as there may be descriptors, less those that others need. */
Test(host_lambda_http, more_connections_than_descriptors_are_waited_for)
{
    enum {
        MANY = 200,
        DESCRIPTORS = 400 /* both ends are this process's */
    };
    const struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
    static struct http_client clients[MANY];
    struct http_answer answer;

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct server *server = open_server();
    for (int i = 0; i < MANY; i++) {
        clients[i] = server->client;
        http_client_open(&clients[i], lambda_http_port(server->http));
        turn(server);
    }
    for (int i = 0; i < MANY / 2; i++)
        http_client_close(&clients[i]);
    http_client_ask(&clients[MANY - 1], "POST", INVOKE, NULL, "[9]");
    http_client_take(&clients[MANY - 1], &answer);
    cr_expect_str_eq(answer.body, "[9]");
    for (int i = MANY / 2; i < MANY; i++)
        http_client_close(&clients[i]);
    close_server(server);
}

static int invoke(struct server *server, const char *path, const char *headers,
                  const char *body, struct http_answer *answer)
{
    http_client_ask(&server->client, "POST", path, headers, body);
    http_client_take(&server->client, answer);
    return answer->status;
}

Test(host_lambda_http, invoke_takes_names_and_qualifiers_as_they_are_written)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"plain/invocations?Qualifier=%24LATEST", 200},
        {"plain%3A%24LATEST/invocations", 200},
        {"plain:1/invocations?Qualifier=1", 200},
        {"plain:1/invocations?Qualifier=2", 400},
        {"plain/invocations?Qualifier=a%20b", 400},
        {"123456789012%3Afunction%3Aplain/invocations", 200},
        {"arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aplain%3A7"
         "/invocations",
         200},
        {"none/invocations", 404},
        {"pl%2Fain/invocations", 400},
    };
    struct server *server = open_server();
    struct http_answer answer;
    char path[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(path, sizeof(path), "/2015-03-31/functions/%s", cases[i].path);
        cr_expect_eq(invoke(server, path, NULL, "1", &answer), cases[i].status,
                     "%s: %d %s", path, answer.status, answer.body);
    }
    close_server(server);
}

Test(host_lambda_http, invoke_has_three_types)
{
    struct server *server = open_server();
    struct http_answer answer;

    cr_expect_eq(invoke(server, INVOKE, "X-Amz-Invocation-Type: DryRun\r\n",
                        "1", &answer),
                 204);
    cr_expect_eq(server->bed.events, 0);
    cr_expect_eq(invoke(server, INVOKE, "X-Amz-Invocation-Type: Event\r\n", "1",
                        &answer),
                 202);
    cr_expect_eq(invoke(server, INVOKE,
                        "X-Amz-Invocation-Type: RequestResponse\r\n", "1",
                        &answer),
                 200);
    cr_expect(strstr(answer.head, "X-Amz-Executed-Version: $LATEST"));
    cr_expect_eq(
        invoke(server, INVOKE, "X-Amz-Invocation-Type: Now\r\n", "1", &answer),
        400);
    close_server(server);
}

Test(host_lambda_http, what_a_plain_function_throws_is_told_as_it_was)
{
    static const char thrown[] = "{\"errorType\":\"T\",\"trace\":[\"here\"]}";
    struct server *server = open_server();
    struct http_answer answer;

    server->slow = true;
    http_client_ask(&server->client, "POST", INVOKE, NULL, "1");
    while (!server->bed.invocation)
        turn(server);
    lambda_invocation_threw(server->bed.service, server->bed.invocation, thrown,
                            sizeof(thrown) - 1);
    server->bed.invocation = NULL;
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect(strstr(answer.head, "X-Amz-Function-Error: Unhandled"));
    cr_expect_str_eq(answer.body, thrown);
    close_server(server);
}

Test(host_lambda_http, a_client_context_is_json_in_base64)
{
    struct server *server = open_server();
    struct http_answer answer;

    server->slow = true;
    http_client_ask(&server->client, "POST", INVOKE,
                    "X-Amz-Client-Context: eyJhIjoxfQ==\r\n", "1");
    while (!server->bed.invocation)
        turn(server);
    cr_expect_str_eq(lambda_invocation_context(server->bed.invocation),
                     "{\"a\":1}");
    server->slow = false;
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(
        invoke(server, INVOKE, "X-Amz-Client-Context: %\r\n", "1", &answer),
        400);
    close_server(server);
}

Test(host_lambda_http, a_function_tells_its_configuration)
{
    struct server *server = open_server();
    struct http_answer answer;

    http_client_ask(&server->client, "GET",
                    "/2015-03-31/functions/order%3A%24LATEST/configuration",
                    NULL, "");
    http_client_take(&server->client, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect(strstr(answer.body, "\"FunctionName\":\"order\""));
    cr_expect(strstr(answer.body, "\"RetentionPeriodInDays\":14"));
    cr_expect(strstr(answer.body, ":function:order:$LATEST\""));
    close_server(server);
}
