/*
 * What an execution used of what Lambda allows, and what Lambda would meter.
 * The first is of the records of the engine, for the execution that is tried;
 * the second of the histories of all executions of a trial, since those that
 * it invokes are billed as well.
 *
 * Metered as Lambda's table has it: an execution 1, a step 1 and 1 for each
 * retry, a wait 1, a condition 1 and 1 for each further poll, a callback 1, a
 * context (child, map, parallel, each of their branches, wait for a callback)
 * 1, an invoke 1, an invocation that has to be made again 1.
 */
#ifndef SCENARIOS_LAMBDA_USE_H
#define SCENARIOS_LAMBDA_USE_H

#include "engine/limits.h"
#include "reports/used.h"
#include "scenarios/lambda/event.h"

enum lambda_quota {
    LAMBDA_QUOTA_OPERATIONS,
    LAMBDA_QUOTA_WRITTEN,
    LAMBDA_QUOTA_PAYLOAD,
    LAMBDA_QUOTA_BATCH,
    LAMBDA_QUOTA_CHECKPOINTS,
    LAMBDA_QUOTA_RATE,
    LAMBDA_QUOTA_INVOCATIONS,
    LAMBDA_QUOTA_INVOCATION,
    LAMBDA_QUOTA_COUNT
};

enum lambda_meter {
    LAMBDA_METER_EXECUTIONS,
    LAMBDA_METER_STEPS,
    LAMBDA_METER_STEP_RETRIES,
    LAMBDA_METER_CONDITIONS,
    LAMBDA_METER_POLLS,
    LAMBDA_METER_WAITS,
    LAMBDA_METER_CALLBACKS,
    LAMBDA_METER_CONTEXTS,
    LAMBDA_METER_INVOKES,
    LAMBDA_METER_INVOCATION_RETRIES,
    LAMBDA_METER_COUNT
};

struct lambda_use {
    uint64_t quotas[LAMBDA_QUOTA_COUNT];
    uint64_t metered[LAMBDA_METER_COUNT];
};

/* Counts; zeroed at first. */
struct lambda_using {
    struct report_use most;
    uint64_t second; /* since 1970, of the checkpoints in .. */
    uint64_t in_second;
    struct lambda_use use;
};

void lambda_use_record(struct lambda_using *u,
                       const struct engine_record *record);
/* first: of the execution that is tried. */
void lambda_use_event(struct lambda_using *u, const struct lambda_event *event,
                      bool first);

/* Words for a table; unit is "", "bytes", "ns" or "/s". */
const char *lambda_quota_name(enum lambda_quota quota);
const char *lambda_quota_unit(enum lambda_quota quota);
/* 0: Lambda does not limit it. */
uint64_t lambda_quota_allowed(enum lambda_quota quota,
                              const struct engine_limits *limits);
const char *lambda_meter_name(enum lambda_meter meter);
/* All that is metered, in durable operations. */
uint64_t lambda_metered(const struct lambda_use *use);

#endif
