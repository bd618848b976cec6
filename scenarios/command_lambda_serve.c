/*
 * `lambda serve`: an endpoint for SDK clients, until Ctrl-C.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/host/loop.h"
#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/control.h"
#include "scenarios/lambda/storage.h"

static bool is_interrupted(void *self)
{
    lambda_control_turn(self);
    return *interrupt_flag() != 0;
}

enum {
    DESCRIPTORS_WANTED = 16384
};

/* A client needs one, a process three; the usual limit is for less. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) ||
        limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max
                                                         : DESCRIPTORS_WANTED;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, bytes) == 1 ||
           inet_pton(AF_INET6, text, bytes) == 1;
}

static int refuse_port(const struct arguments *a, const char *address)
{
    fprintf(stderr,
            "perdure lambda: port %" PRIu64 " of %s cannot be opened: %s%s\n",
            a->port, address, strerror(errno),
            errno == EADDRINUSE      ? "; --port 0 takes one that is free"
            : errno == EADDRNOTAVAIL ? "; --address takes one of this machine"
                                     : "");
    return EXIT_ENVIRONMENT;
}

static int refuse_store(const struct arguments *a, const char *why)
{
    fprintf(stderr, "perdure lambda: %s: %s\n", a->store, why);
    return EXIT_ENVIRONMENT;
}

static void print_start(const struct lambda_setting *s,
                        const struct lambda_host *host, const char *address)
{
    bool six = strchr(address, ':') != NULL;

    if (strcmp(address, LAMBDA_LOOPBACK) != 0 && strcmp(address, "::1") != 0)
        fprintf(stderr,
                "perdure lambda: warning: whoever reaches %s may run these "
                "functions and change them\n",
                address);
    fprintf(stderr, "AWS_ENDPOINT_URL_LAMBDA=http://%s%s%s:%u serves",
            six ? "[" : "", address, six ? "]" : "",
            (unsigned)lambda_host_port(host));
    for (uint32_t i = 0; i < s->set.count; i++)
        fprintf(stderr, "%s %s", i ? "," : "",
                s->set.programs[i].function.name);
    fprintf(stderr, "%s; Ctrl-C ends it\n", s->set.count ? "" : " nothing yet");
}

static int serve(const struct lambda_setting *s,
                 struct lambda_host_config *config,
                 struct lambda_control *control)
{
    struct lambda_host *host = lambda_host_new(config);
    int code = EXIT_HELD;

    if (!host) {
        config->store.ops->close(config->store.self);
        return config->why[0] ? refuse_store(s->a, config->why)
                              : refuse_port(s->a, config->address);
    }
    lambda_control_host(control, host);
    for (uint32_t i = 0; i < s->set.count; i++)
        if (lambda_host_add(host, &s->set.programs[i]) == UINT32_MAX)
            code = EXIT_INTERNAL;
    if (code == EXIT_HELD) {
        print_start(s, host, config->address);
        code = lambda_host_run(host, is_interrupted, control, UINT64_MAX) < 0
                   ? EXIT_INTERNAL
                   : EXIT_HELD;
    }
    lambda_host_free(host);
    return code;
}

static bool has_effects(const struct lambda_setting *s)
{
    return s->a->effects.count > 0 || s->a->effect_lines.count > 0;
}

int command_lambda_serve(struct lambda_setting *s)
{
    char why[LAMBDA_SERVICE_WHY_SIZE] = "";
    struct lambda_host_config config = {
        .base = lambda_http_base(),
        .clock = (enum lambda_clock)s->a->clock,
        .limits = &s->profile.limits,
        .rates = s->a->rates ? lambda_rates_aws() : NULL,
        .seed = s->a->seed.value,
        .start_ns = host_wall_ns(),
        .why = why,
        .page_items = (uint32_t)s->a->page,
        .address = s->a->address ? s->a->address : LAMBDA_LOOPBACK,
        .port = (uint16_t)s->a->port,
        .hold_ns = s->a->hold_ns,
        .freezes = !s->a->no_freeze,
    };
    struct lambda_control *control;
    int code = EXIT_USAGE;

    if (!is_address(config.address)) {
        command_lambda_refuse(
            "found --address \"%.80s\", allowed an IP address "
            "of this machine, as 127.0.0.1",
            config.address);
        event_base_free(config.base);
        return EXIT_USAGE;
    }
    allow_descriptors();
    control = lambda_control_new(s->a->node,
                                 has_effects(s) ? &s->effects : NULL, &config);
    if (control && config.base)
        code = lambda_storage_open(s->a->store, config.limits, &config.store);
    if (code == 0)
        code = serve(s, &config, control);
    lambda_control_free(control);
    if (config.base)
        event_base_free(config.base);
    return code;
}
