#include "tests/support/sample_export.h"

#define LATENCY                                                                \
    {                                                                          \
        .count = 40, .min_ns = 1000000, .mean_ns = 1500000000,                 \
        .p50_ns = 1234567890, .p90_ns = 2000000000, .p99_ns = 3000000000,      \
        .p999_ns = 3000000001, .max_ns = 9007199254740993                      \
    }

static const struct report_export_case plain_cases[] = {
    {"S1", "log integrity", NULL, "appends", CHECK_PASS, 0, 12345, 0},
    {"L7", "goodput returns", "no faults", "runs", CHECK_INCONCLUSIVE, 1, 0, 0},
    {NULL, "stuck runs = 0", "0", NULL, CHECK_PASS, 0, 0, 0},
    {NULL, "stuck runs = 0", "0", NULL, CHECK_PASS, 0, 0, 0},
};

static const struct report_export_case hostile_cases[] = {
    {"S1", SAMPLE_HOSTILE, SAMPLE_HOSTILE, "appends", CHECK_FAIL, 0, 7, 3},
    {"S2", "fencing", "excused by " SAMPLE_HOSTILE, "writes", CHECK_EXCUSED, 0,
     2, 1},
    {"S3", "lease", SAMPLE_HOSTILE, "leases", CHECK_INCONCLUSIVE, 0, 0, 0},
    {NULL, SAMPLE_HOSTILE, NULL, NULL, CHECK_FAIL, 0, 0, 0},
};

static const struct report_export_reason hostile_reasons[] = {
    {SAMPLE_HOSTILE, CHECK_FAIL},
    {"two", CHECK_FAIL},
    {"three", CHECK_FAIL},
    {"four", CHECK_EXCUSED},
    {"five % of it", CHECK_INCONCLUSIVE},
    {"six", CHECK_INCONCLUSIVE},
    {"seven", CHECK_INCONCLUSIVE},
};

static const struct report_export_step plain_steps[] = {
    {"order", "charge", 41, 1, 1, 0, LATENCY, LATENCY, LATENCY},
    {"order", "never", 0, 0, 0, 0, {0}, {0}, {0}},
};

static const struct report_export_step hostile_steps[] = {
    {SAMPLE_HOSTILE, SAMPLE_HOSTILE, 41, 1, 1, 0, LATENCY, LATENCY, LATENCY},
};

static const struct report_export_fault plain_faults[] = {
    {"worker/effect/after", 5, 4, 3},
};

static const struct report_export_fault hostile_faults[] = {
    {SAMPLE_HOSTILE, 5, 4, 3},
};

struct report_export sample_export_plain(void)
{
    return (struct report_export){
        .scenario = "orders",
        .why = "A worker dies after charging the card.",
        .version = "0.1.0",
        .replay = "perdure run orders.json --seed 1",
        .seed = "18446744073709551615",
        .digest = "0000000000abcdef0000000000001234",
        .cases = plain_cases,
        .case_count = 4,
        .steps = plain_steps,
        .step_count = 2,
        .faults = plain_faults,
        .fault_count = 1,
        .latency = LATENCY,
        .runs = {.started = 40, .succeeded = 39, .failed = 1},
        .virtual_ns = 61000000007,
        .events = 1000,
        .commits = 500,
        .crashes = 5,
    };
}

struct report_export sample_export_hostile(void)
{
    struct report_export sample = sample_export_plain();
    sample.scenario = SAMPLE_HOSTILE;
    sample.why = SAMPLE_HOSTILE;
    sample.replay = "perdure run '" SAMPLE_HOSTILE "' --seed 1";
    sample.verdict = CHECK_FAIL;
    sample.cases = hostile_cases;
    sample.reasons = hostile_reasons;
    sample.reason_count = 7;
    sample.steps = hostile_steps;
    sample.step_count = 1;
    sample.faults = hostile_faults;
    return sample;
}
