/*
 * Credentials with which a platform is used: they expire, and are refreshed
 * at 80 % of their life if anybody does. A refresh takes its time and may
 * fail; then it is tried again after 1 s, 2 s, 4 s and so on up to a minute.
 */
#ifndef SIM_CREDENTIALS_H
#define SIM_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/random.h"
#include "sim/draw.h"
#include "sim/platform/model.h"

struct sim_credentials_config {
    uint64_t ttl_ns; /* 0: they never expire */
    bool refresh;
    struct sim_dist refresh_time;
    uint32_t refresh_fails_ppb;
};

/* The fields are its own. */
struct sim_credentials {
    struct sim_credentials_config config;
    struct engine_stream times, fails;
    uint64_t issued_ns;
    uint64_t expires_ns;
    uint64_t next_ns; /* when the refresh under way is over */
    uint64_t tries;   /* refreshes so far */
    uint64_t backoff_ns;
};

/* New ones are issued at `now_ns`. */
void sim_credentials_init(struct sim_credentials *credentials,
                          const struct sim_credentials_config *config,
                          uint64_t seed, uint64_t now_ns);

/*
 * Whether they are valid at `now_ns`, which never falls. What was due until
 * then is carried out.
 */
bool sim_credentials_valid(struct sim_credentials *credentials,
                           uint64_t now_ns);

/* What a platform of this kind says of a submission when they are not. */
void sim_credentials_say_expired(const char *kind, struct sim_cause *cause);

#endif
