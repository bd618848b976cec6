/*
 * `lambda serve`: an endpoint for SDK clients, until Ctrl-C.
 */
#include <stdio.h>

#include "engine/host/store_sqlite.h"
#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/interrupt.h"

#define SECOND UINT64_C(1000000000)

static bool is_interrupted(void *self)
{
    (void)self;
    return *interrupt_flag() != 0;
}

static void print_line(void *self, const struct lambda_line *line)
{
    (void)self;
    (void)fprintf(stderr, "[%s %s] %.*s\n", line->function,
                  line->request ? line->request : "-", (int)line->size,
                  line->text);
}

int command_lambda_serve(struct lambda_setting *s)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_host_config config = {
        .base = event_base_new(),
        .clock = s->a->clock ? LAMBDA_CLOCK_SKIP : LAMBDA_CLOCK_REAL,
        .limits = engine_limits_at(0),
        .seed = s->a->seed.value,
        .start_ns = 1767225600 * SECOND,
        .page_items = (uint32_t)s->a->page,
        .port = (uint16_t)s->a->port,
        .hold_ns = s->a->hold_ns,
        .log = print_line,
    };
    struct store_problem problem;
    struct lambda_host *host = NULL;
    int code = EXIT_ENVIRONMENT;

    if (config.base && store_sqlite_try(&memory, &config.store, &problem) == 0)
        host = lambda_host_new(&config);
    for (uint32_t i = 0; host && i < s->set.count; i++)
        (void)lambda_host_add(host, &s->set.programs[i]);
    if (host) {
        fprintf(stderr, "AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:%u serves",
                (unsigned)lambda_host_port(host));
        for (uint32_t i = 0; i < s->set.count; i++)
            fprintf(stderr, "%s %s", i ? "," : "",
                    s->set.programs[i].function.name);
        fprintf(stderr, "; Ctrl-C ends it\n");
        code = lambda_host_run(host, is_interrupted, NULL, UINT64_MAX) < 0
                   ? EXIT_INTERNAL
                   : EXIT_HELD;
    } else {
        command_lambda_refuse("port %s cannot be opened on 127.0.0.1",
                              "asked for");
    }
    lambda_host_free(host);
    if (config.base)
        event_base_free(config.base);
    return code;
}
