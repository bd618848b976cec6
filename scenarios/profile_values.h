/*
 * Parameters as values: what kinds there are, and reading one from JSON.
 * Private to scenarios/profile*.c.
 */
#ifndef SCENARIOS_PROFILE_VALUES_H
#define SCENARIOS_PROFILE_VALUES_H

#include "engine/host/json.h"
#include "scenarios/data.h"
#include "scenarios/profile.h"
#include "sim/draw.h"

enum profile_value_kind {
    PROFILE_COUNT,    /* "8 slots"; a scenario may write 8 */
    PROFILE_RESERVED, /* a count, or "none" */
    PROFILE_DURATION,
    PROFILE_SIZE,
    PROFILE_MEMORY, /* whole megabytes */
    PROFILE_SHARE,  /* parts per billion */
    PROFILE_RATE,
    PROFILE_DIST,
    PROFILE_CHOICE, /* number is the index in names */
    PROFILE_MONEY,  /* pico-dollars for one unit */
    PROFILE_TEXT,
};

/* What a parameter is called and may be. */
struct profile_param {
    const char *name;
    const char *unit; /* COUNT, MONEY: what is written behind the number */
    uint64_t min, max;
    const char *const *names; /* CHOICE, the last one is NULL; DIST: NULL,
                                 or a name that may stand for it */
    enum profile_value_kind kind;
    bool direct; /* may also stand beside "profile" in a scenario */
};

struct profile_value {
    struct json_view at;
    uint64_t number; /* of a rate: the count */
    uint64_t per_ns; /* of a rate */
    const char *text;
    struct sim_dist dist;
};

/* Reads value->at, by the rules of `param`, into the rest of *value. */
bool profile_value_read(const struct profile_param *param,
                        struct profile_value *value, struct json_error *err);

/* Writes the value as it was written, on one line. */
void profile_value_print(const struct profile_param *param, struct json_view at,
                         char *text, size_t size);

/* What a parameter's unit is, for the report. */
const char *profile_value_unit(const struct profile_param *param);

/* One more row than there are parameters, of what was derived from them. */
void profile_add_row(struct profile *profile, const struct profile_row *row);

/* A kind of platform: its parameters, and what is made of their values. */
struct profile_platform {
    const char *name;
    const struct profile_param *params;
    uint32_t count;
    const char *const *about; /* by parameter: what it does; may be NULL */
    /* So long the engine waits before it sends work again if the scenario does
     * not say how long, and why; 0: as long as it always does. */
    uint64_t dispatch_timeout_ns;
    const char *dispatch_timeout_why;
    bool (*build)(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err);
    /*
     * The profile's platform with nothing on it, for `count` kinds of work
     * (at least one), which stay the caller's and as long as the model. 0, -1
     * without memory, or -2: they cannot go together.
     */
    int (*model)(const struct profile *profile,
                 const struct sim_demand *demands, uint32_t count,
                 uint64_t seed, struct sim_model *model);
};

#endif
