/* What a user of `lambda serve` asks it over HTTP. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_sqlite.h"
#include "scenarios/lambda/control.h"
#include "tests/support/http_client.h"

#define SECOND UINT64_C(1000000000)
#define START_NS (UINT64_C(1767225600) * SECOND)

struct server {
    struct lambda_host_config config;
    struct lambda_control *control;
    struct lambda_host *host;
    struct http_client client;
};

static bool go_on(void *self)
{
    struct server *server = self;

    lambda_control_turn(server->control);
    return false;
}

static void turn(void *self)
{
    struct server *server = self;

    cr_assert_geq(lambda_host_run(server->host, go_on, server, SECOND / 1000),
                  0);
}

static struct server *open_server(enum lambda_clock clock)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct server *server = calloc(1, sizeof(*server));
    struct store_problem problem;

    cr_assert(server);
    server->config = (struct lambda_host_config){.base = event_base_new(),
                                                 .clock = clock,
                                                 .limits = engine_limits_at(0),
                                                 .seed = 1,
                                                 .start_ns = START_NS};
    cr_assert_eq(store_sqlite_try(&memory, &server->config.store, &problem), 0);
    server->control = lambda_control_new(NULL, NULL, &server->config);
    server->host = lambda_host_new(&server->config);
    cr_assert(server->control && server->host);
    lambda_control_host(server->control, server->host);
    server->client = (struct http_client){.turn = turn, .self = server};
    http_client_open(&server->client, lambda_host_port(server->host));
    return server;
}

static void close_server(struct server *server)
{
    http_client_close(&server->client);
    lambda_host_free(server->host);
    lambda_control_free(server->control);
    event_base_free(server->config.base);
    free(server);
}

static struct http_answer answer; /* the last */

static int ask_with(struct server *server, const char *method, const char *path,
                    const char *headers, const char *body)
{
    http_client_ask(&server->client, method, path, headers, body);
    http_client_take(&server->client, &answer);
    return answer.status;
}

static int ask(struct server *server, const char *method, const char *path,
               const char *body)
{
    return ask_with(server, method, path, NULL, body);
}

static void send_raw(struct server *server, const char *request)
{
    http_client_send(&server->client, request, strlen(request));
    http_client_take(&server->client, &answer);
}

static bool says(const char *words)
{
    return strstr(answer.body, words) != NULL;
}

Test(scenarios_lambda_control, a_function_is_registered_replaced_and_removed)
{
    static const char path[] = "/perdure/functions/echo";
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    cr_expect_eq(ask(server, "GET", path, ""), 404);
    cr_expect_eq(
        ask(server, "PUT", path, "{\"command\":[\"cat\"],\"durable\":false}"),
        201, "%s", answer.body);
    cr_expect(says("\"timeout\":\"900s\""), "%s", answer.body);
    cr_expect_eq(ask(server, "PUT", path,
                     "{\"command\":[\"cat\"],\"durable\":false,"
                     "\"timeout\":\"5s\",\"environment\":{\"A\":\"b\"}}"),
                 200);
    cr_expect_eq(ask(server, "GET", "/perdure/functions", ""), 200);
    cr_expect(says("{\"functions\":{\"echo\":{\"command\":[\"cat\"],"), "%s",
              answer.body);
    cr_expect(says("\"environment\":{\"A\":\"b\"}"), "%s", answer.body);
    cr_expect(says("\"timeout\":\"5s\""), "%s", answer.body);
    cr_expect_eq(
        ask(server, "GET", "/2015-03-31/functions/echo/configuration", ""),
        200);
    cr_expect_eq(ask(server, "PUT", path, "{\"command\":[\"cat\"]}"), 409);
    cr_expect_eq(ask(server, "DELETE", path, ""), 204);
    cr_expect_eq(ask(server, "DELETE", path, ""), 404);
    cr_expect_eq(
        ask(server, "GET", "/2015-03-31/functions/echo/configuration", ""),
        404);
    close_server(server);
}

Test(scenarios_lambda_control, what_is_wrong_with_a_function_is_said)
{
    static const struct {
        const char *path;
        const char *body;
        const char *words;
    } cases[] = {
        {"/perdure/functions/a", "{", "body:1:2"},
        {"/perdure/functions/a", "{}", "either"},
        {"/perdure/functions/a", "{\"hander\":\"a.mjs\"}",
         "did you mean \\\"handler\\\"?"},
        {"/perdure/functions/a", "{\"handler\":\"none.mjs\"}",
         "no file of handler"},
        {"/perdure/functions/a", "{\"command\":[\"./none\"]}",
         "found no program"},
        {"/perdure/functions/a.b", "{\"command\":[\"cat\"]}",
         "found function name"},
        {"/perdure/functions/a",
         "{\"command\":[\"cat\"],\"environment\":{\"_HANDLER\":\"\"}}",
         "found variable"},
    };
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_expect_eq(ask(server, "PUT", cases[i].path, cases[i].body), 400);
        cr_expect(says(cases[i].words), "%s", answer.body);
    }
    cr_expect_eq(ask(server, "GET", "/perdure/functions", ""), 200);
    cr_expect(says("{\"functions\":{}}"), "%s", answer.body);
    close_server(server);
}

Test(scenarios_lambda_control, time_stands_until_it_is_told_to_go_on)
{
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    cr_expect_eq(ask(server, "GET", "/perdure/time", ""), 200);
    cr_expect(says("\"clock\":\"manual\",\"now\":1767225600.000"), "%s",
              answer.body);
    cr_expect_eq(ask(server, "POST", "/perdure/time", "{\"by\":\"90m\"}"), 200);
    cr_expect(says("\"now\":1767231000.000"), "%s", answer.body);
    cr_expect_eq(ask(server, "POST", "/perdure/time", "{\"to\":1767300000}"),
                 200);
    cr_expect(says("\"now\":1767300000.000"), "%s", answer.body);
    cr_expect_eq(ask(server, "POST", "/perdure/time", "{\"to\":5}"), 400);
    cr_expect_eq(ask(server, "POST", "/perdure/time", "{}"), 400);
    cr_expect_eq(ask(server, "POST", "/perdure/time",
                     "{\"by\":\"1h\",\"to\":1767400000}"),
                 400);
    cr_expect_eq(ask(server, "GET", "/perdure/time", ""), 200);
    cr_expect(says("\"now\":1767300000.000"), "%s", answer.body);
    close_server(server);
}

Test(scenarios_lambda_control, real_time_cannot_be_told_where_to_go)
{
    struct server *server = open_server(LAMBDA_CLOCK_REAL);

    cr_expect_eq(ask(server, "POST", "/perdure/time", "{\"by\":\"1h\"}"), 409);
    cr_expect(says("--time manual"), "%s", answer.body);
    close_server(server);
}

Test(scenarios_lambda_control, faults_are_added_listed_and_taken_out)
{
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    cr_expect_eq(ask(server, "POST", "/perdure/faults",
                     "{\"at\":\"before return\",\"fault\":\"crash\"}"),
                 201, "%s", answer.body);
    cr_expect_eq(ask(server, "GET", "/perdure/faults", ""), 200);
    cr_expect_str_eq(answer.body,
                     "{\"faults\":[{\"id\":1,\"at\":\"before return #1\","
                     "\"fault\":\"crash\",\"times\":1,\"struck\":0}]}");
    cr_expect_eq(ask(server, "DELETE", "/perdure/faults/2", ""), 404);
    cr_expect_eq(ask(server, "DELETE", "/perdure/faults/1", ""), 204);
    cr_expect_eq(ask(server, "DELETE", "/perdure/faults", ""), 204);
    cr_expect_eq(ask(server, "GET", "/perdure/status", ""), 200);
    cr_expect(says("\"faults\":0"), "%s", answer.body);
    close_server(server);
}

Test(scenarios_lambda_control, web_pages_are_refused)
{
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    cr_expect_eq(ask_with(server, "DELETE", "/perdure/faults",
                          "Origin: http://a.example\r\n", ""),
                 403);
    cr_expect_eq(ask_with(server, "POST", "/2015-03-31/functions/a/invocations",
                          "Origin: null\r\n", ""),
                 403);
    send_raw(server, "GET /perdure/status HTTP/1.1\r\nHost: a.example\r\n\r\n");
    cr_expect_eq(answer.status, 403);
    send_raw(server, "GET /perdure/status HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    cr_expect_eq(answer.status, 200);
    close_server(server);
}

Test(scenarios_lambda_control, paths_and_methods_that_are_none_are_refused)
{
    struct server *server = open_server(LAMBDA_CLOCK_MANUAL);

    cr_expect_eq(ask(server, "GET", "/perdure/", ""), 404);
    cr_expect_eq(ask(server, "GET", "/perdure/status/x", ""), 404);
    cr_expect_eq(ask(server, "PUT", "/perdure/time", ""), 405);
    cr_expect(strstr(answer.head, "Allow: GET, POST\r\n"));
    cr_expect_eq(ask(server, "POST", "/perdure/functions/a", ""), 405);
    cr_expect(strstr(answer.head, "Allow: GET, PUT, DELETE\r\n"));
    close_server(server);
}
