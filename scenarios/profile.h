/*
 * Platform profiles: every parameter of a platform with its value and unit,
 * where the number comes from, and how far to trust it. A profile is a file,
 * profiles/NAME.json:
 *
 *     {
 *       "profile": "lambda-2026",
 *       "kind": "lambda",
 *       "why": "...",
 *       "parameters": {
 *         "account_concurrency": {
 *           "value": "1000 envs",
 *           "source": "docs.aws.amazon.com/lambda, Lambda quotas",
 *           "tag": "S",
 *           "note": "per account and region; can be raised"
 *         }, ...
 *       }
 *     }
 *
 * Tags: S seen in a primary source, 2 in a secondary one, C computed from
 * data that is kept beside the profile, GK general knowledge, not verified.
 * All parameters of the kind are there and no others.
 *
 * A scenario chooses a profile and changes what it wants to; such a value has
 * the tag "scenario" and says in its note what it replaced:
 *
 *     "platform": {
 *       "profile": "lambda-2026", "runtime": "nodejs22.x", "memory": "512MB",
 *       "overrides": {"account_concurrency": "50 envs"}
 *     }
 */
#ifndef SCENARIOS_PROFILE_H
#define SCENARIOS_PROFILE_H

#include <stdint.h>

#include "engine/host/json.h"
#include "scenarios/data.h"
#include "sim/platform/batch.h"
#include "sim/platform/celery.h"
#include "sim/platform/docker.h"
#include "sim/platform/k8s.h"
#include "sim/platform/lambda.h"
#include "sim/platform/lambda_durable.h"
#include "sim/platform/lambda_model.h"
#include "sim/platform/lambda_queue.h"
#include "sim/platform/model.h"

#define PROFILE_ROWS_MAX 96

/* A kind of platform: scenarios/profile_values.h. */
struct profile_platform;
extern const struct profile_platform profile_local_platform;
extern const struct profile_platform profile_lambda_platform;
extern const struct profile_platform profile_docker_platform;
extern const struct profile_platform profile_k8s_platform;
extern const struct profile_platform profile_celery_platform;
extern const struct profile_platform profile_batch_platform;

/* A parameter for people: the configuration section of a report. */
struct profile_row {
    char name[40];
    char value[120]; /* as written, with its unit */
    char unit[24];   /* the unit, or what the value is: "duration" */
    char source[160];
    char tag[12];
    char note[160]; /* may be empty */
};

struct profile_local {
    uint32_t workers; /* processes */
    uint32_t slots;   /* attempts at a time in each */
    struct sim_dist dispatch_latency;
    struct sim_dist start_up; /* of a process */
};

struct profile_lambda {
    struct sim_lambda_config config;
    struct sim_lambda_function function; /* as each workflow has one */
    enum sim_lambda_mode mode;           /* how work is invoked */
    struct sim_lambda_queue_config queue;
    struct sim_lambda_durable_config durable;
    uint32_t threads; /* vCPUs a step can use */
};

struct profile_batch {
    struct sim_batch_config config;
};

struct profile_docker {
    struct sim_docker_config config;
};

struct profile_k8s {
    struct sim_k8s_config config;
};

struct profile_celery {
    struct sim_celery_config config;
};

/* Owns nothing: copy freely. */
struct profile {
    const struct profile_platform *platform; /* its kind: which one below */
    char name[64];
    uint32_t threads; /* a step's CPU-bound part spreads over so many; 0: 1 */
    char why[1001];   /* one line on what it is */
    struct profile_local local;
    struct profile_lambda lambda;
    struct profile_docker docker;
    struct profile_k8s k8s;
    struct profile_celery celery;
    struct profile_batch batch;
    struct profile_row rows[PROFILE_ROWS_MAX];
    uint32_t row_count;
};

/*
 * Reads the "platform" of a scenario, and the profile and tables it names
 * from `files`. A view without an item is the profile "local" as it is. True
 * and *profile, or an error, at a place in the scenario or in a file.
 */
bool profile_read(struct json_view platform, const struct data_files *files,
                  struct profile *profile, struct json_error *err);

/* The names of the profiles that come with perdure. */
const char *const *profile_names(size_t *count);

/* See struct profile_platform. Gives the model for `count` kinds of work. */
int profile_model(const struct profile *profile,
                  const struct sim_demand *demands, uint32_t count,
                  uint64_t seed, struct sim_model *model);

#endif
