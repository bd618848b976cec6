#include "sim/platform/credentials.h"

#include <string.h>

#include "sim/platform/cause.h"

#define SECOND UINT64_C(1000000000)
#define NEVER UINT64_MAX

enum {
    BACKOFF_MAX_S = 60,
    REFRESH_AT_PERCENT = 80
};

/* The end of a refresh that begins then. */
static uint64_t ends(const struct sim_credentials *c, uint64_t begins_ns)
{
    return begins_ns +
           sim_dist_draw(&c->config.refresh_time, &c->times, c->tries);
}

static void issue(struct sim_credentials *c, uint64_t now_ns)
{
    uint64_t ttl_ns = c->config.ttl_ns;
    c->issued_ns = now_ns;
    c->expires_ns = ttl_ns ? now_ns + ttl_ns : NEVER;
    c->backoff_ns = SECOND;
    c->next_ns = NEVER;
    if (ttl_ns && c->config.refresh)
        c->next_ns = ends(c, now_ns + ttl_ns / 100 * REFRESH_AT_PERCENT);
}

void sim_credentials_init(struct sim_credentials *c,
                          const struct sim_credentials_config *config,
                          uint64_t seed, uint64_t now_ns)
{
    *c = (struct sim_credentials){.config = *config};
    engine_stream_init(&c->times, seed, "sim/credentials/time", 0);
    engine_stream_init(&c->fails, seed, "sim/credentials/fail", 0);
    issue(c, now_ns);
}

static void refreshed(struct sim_credentials *c)
{
    uint64_t now_ns = c->next_ns;
    bool failed =
        engine_draw_chance(&c->fails, c->tries, c->config.refresh_fails_ppb);
    c->tries++;
    if (!failed) {
        issue(c, now_ns);
        return;
    }
    c->next_ns = ends(c, now_ns + c->backoff_ns);
    c->backoff_ns *= 2;
    if (c->backoff_ns > BACKOFF_MAX_S * SECOND)
        c->backoff_ns = BACKOFF_MAX_S * SECOND;
}

bool sim_credentials_valid(struct sim_credentials *c, uint64_t now_ns)
{
    while (c->next_ns <= now_ns)
        refreshed(c);
    return now_ns < c->expires_ns;
}

void sim_credentials_say_expired(const char *kind, struct sim_cause *cause)
{
    static const struct {
        const char *kind, *code;
    } seen[] = {{"lambda", "ExpiredTokenException"},
                {"batch", "ExpiredTokenException"},
                {"kubernetes", "Unauthorized"},
                {"celery", "AccessRefused"},
                {"docker", "unauthorized"}};
    for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++)
        if (strcmp(seen[i].kind, kind) == 0)
            sim_cause_add(cause, kind, seen[i].code, "submission refused");
    sim_cause_add(cause, kind, "ExpiredToken",
                  "the security token included in the request is expired");
}
