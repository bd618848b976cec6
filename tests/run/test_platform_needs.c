/*
 * What a step needs reaches the model of its platform: whole worlds, judged by
 * what the platform and the receiver of effects have recorded.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenarios/trial.h"
#include "sim/platform/front.h"
#include "sim/platform/lambda_model.h"

enum {
    TEXT_MAX = 4096,
    ERRORS = ENGINE_ERR_COUNT
};

struct told {
    uint64_t started, begun, applied, in_flight, throttled;
    uint64_t gave_up[ERRORS], refused[ERRORS], ended[ERRORS]; /* by error */
    uint64_t states;                                          /* PLATFORM */
    uint64_t work_ns; /* from an attempt's begin to its end */
    uint64_t begun_ns;
};

static void hear(void *self, const struct engine_record *record)
{
    struct told *told = self;
    told->started += record->kind == ENGINE_REC_INVOKED;
    told->begun += record->kind == ENGINE_REC_ATTEMPT_BEGIN;
    told->applied += record->kind == ENGINE_REC_EFFECT_APPLIED;
    told->throttled += record->kind == ENGINE_REC_THROTTLED;
    if (record->kind == ENGINE_REC_GAUGE && record->a > told->in_flight)
        told->in_flight = record->a;
    if (record->kind == ENGINE_REC_ATTEMPT_BEGIN)
        told->begun_ns = record->time_ns;
    if (record->kind == ENGINE_REC_ATTEMPT_END) {
        told->ended[record->detail]++;
        told->work_ns = record->time_ns - told->begun_ns;
    }
    if (record->kind != ENGINE_REC_PLATFORM)
        return;
    told->states += record->count == SIM_FRONT_STATE;
    if (record->count == SIM_FRONT_GAVE_UP)
        told->gave_up[record->b]++;
    if (record->count == SIM_FRONT_REFUSED)
        told->refused[record->b]++;
}

static struct scenario *read_text(const char *text)
{
    char path[] = "/tmp/perdure-needs-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    cr_assert_not_null(file, "%s", path);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    (void)remove(path);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

/* Six runs at once of one step, with these members, on a platform. */
static struct told run(const char *profile, const char *platform,
                       const char *step, const char *engine)
{
    char text[TEXT_MAX], message[512] = "";
    snprintf(text, sizeof(text),
             "{\"why\": \"w\", \"load\": {\"arrivals\": {\"every\": \"1ms\"}, "
             "\"runs\": 6}, \"workflow\": {\"name\": \"x\", \"nodes\": "
             "[{\"name\": \"a\", \"side_effect\": \"idempotent\", \"timeout\": "
             "\"10m\", %s}]}, "
             "\"engine\": {\"store\": \"memory\"%s}, \"platform\": "
             "{\"profile\": \"%s\"%s}, \"limit\": \"12h\"}",
             step, engine, profile, platform);
    struct scenario *scenario = read_text(text);
    struct told told = {.started = 0};
    struct trial_watch watch = {.record = hear, .self = &told};
    struct trial trial = {.scenario = scenario, .seed = 1, .watch = &watch};
    struct trial_result result;
    cr_assert_eq(trial_run(&trial, &result, message, sizeof(message)), 0, "%s",
                 message);
    cr_expect_neq(result.verdict, (uint32_t)CHECK_FAIL, "%s", result.text);
    scenario_free(scenario);
    return told;
}

#define MINUTE_OF_WORK "\"run\": {\"duration\": \"60s\", \"effect\": true"

Test(platform_needs, two_gpus_of_a_machine_with_three_leave_one_that_is_no_use)
{
    struct told told =
        run("k8s-default", ", \"gpu_nodes\": 2, \"gpu_node_gpus\": 3",
            MINUTE_OF_WORK ", \"needs\": {\"gpu\": 2}}", "");
    cr_expect_eq(told.in_flight, 2, "of six GPUs four are in use");
    cr_expect_eq(told.applied, 6);
    told = run("k8s-default", ", \"gpu_nodes\": 2, \"gpu_node_gpus\": 3",
               MINUTE_OF_WORK ", \"needs\": {\"gpu\": 1}}", "");
    cr_expect_eq(told.in_flight, 6);
    cr_expect_eq(told.applied, 6);
}

Test(platform_needs, the_same_gang_runs_one_by_one_on_instances_of_batch)
{
    struct told told =
        run("batch-ec2-od", ", \"instance_gpus\": 3, \"max_vcpus\": 8",
            MINUTE_OF_WORK ", \"needs\": {\"gpu\": 2}}", "");
    cr_expect_eq(told.in_flight, 2, "two instances");
    cr_expect_eq(told.applied, 6);
}

Test(platform_needs, a_label_that_no_node_has_lets_a_pod_wait_until_it_fails)
{
    struct told told = run("k8s-default", ", \"active_deadline\": \"2m\"",
                           "\"retry\": {\"attempts\": 1}, " MINUTE_OF_WORK
                           ", \"needs\": {\"labels\": {\"pool\": \"none\"}}}",
                           ", \"dispatch_timeout\": \"1h\"");
    cr_expect_eq(told.begun, 0);
    cr_expect_eq(told.gave_up[ENGINE_ERR_PLATFORM_START], 6);
    told = run("k8s-default", "",
               MINUTE_OF_WORK
               ", \"needs\": {\"labels\": {\"pool\": \"default\"}}}",
               "");
    cr_expect_eq(told.applied, 6);
}

Test(platform_needs, memory_beyond_its_limit_kills_each_try_and_then_the_step)
{
    static const char step[] =
        "\"retry\": {\"attempts\": 3, \"delay\": \"1s\"}, " MINUTE_OF_WORK
        ", \"needs\": {\"memory\": \"512MB\", \"peak_memory\": \"600MB\"}}";
    static const struct {
        const char *profile, *platform;
    } on[] = {{"docker-ssd", ""},
              {"lambda-2026", ", \"timeout\": \"900s\""},
              {"batch-ec2-od", ""}};
    for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++) {
        struct told told = run(on[i].profile, on[i].platform, step, "");
        cr_expect_eq(told.begun, 18, "%s: %lu", on[i].profile,
                     (unsigned long)told.begun);
        cr_expect_eq(told.gave_up[ENGINE_ERR_OOM], 18, "%s", on[i].profile);
    }
}

Test(platform_needs, an_image_that_cannot_be_pulled_never_gets_to_the_step)
{
    static const struct {
        const char *profile, *platform;
    } on[] = {{"docker-ssd", ""},
              {"k8s-default", ", \"active_deadline\": \"2m\""},
              {"batch-ec2-od", ""}};
    for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++) {
        struct told told =
            run(on[i].profile, on[i].platform,
                "\"retry\": {\"attempts\": 1}, " MINUTE_OF_WORK
                ", \"needs\": {\"image\": \"secret\", \"image_missing\": "
                "true}}",
                ", \"dispatch_timeout\": \"1h\"");
        uint64_t given_up = 0;
        for (int e = 0; e < ERRORS; e++)
            given_up += told.gave_up[e];
        cr_expect_eq(told.begun, 0, "%s", on[i].profile);
        cr_expect_geq(given_up, 6, "%s: %lu", on[i].profile,
                      (unsigned long)given_up);
    }
}

Test(platform_needs, an_array_job_of_batch_starts_each_of_its_children)
{
    struct told told = run("batch-ec2-od", "",
                           MINUTE_OF_WORK ", \"needs\": {\"array\": 3}}", "");
    cr_expect_eq(told.started, 18, "%lu", (unsigned long)told.started);
    cr_expect_eq(told.applied, 6, "they have one key");
}

Test(platform_needs, memory_buys_a_step_processors_on_lambda)
{
    static const char step[] =
        "\"run\": {\"duration\": \"60s\", \"cpu\": \"100%%\", \"needs\": "
        "{\"memory\": \"%s\"}}";
    char half[256], whole[256];
    snprintf(half, sizeof(half), step, "885MB");
    snprintf(whole, sizeof(whole), step, "1769MB");
    struct told slow = run("lambda-2026", ", \"timeout\": \"900s\"", half, "");
    struct told fast = run("lambda-2026", ", \"timeout\": \"900s\"", whole, "");
    cr_expect_gt(slow.work_ns, fast.work_ns * 19 / 10);
    cr_expect_lt(slow.work_ns, fast.work_ns * 21 / 10);
}

Test(platform_needs, memory_above_what_lambda_has_is_refused)
{
    struct told told = run("lambda-2026", ", \"timeout\": \"900s\"",
                           "\"retry\": {\"attempts\": 1}, " MINUTE_OF_WORK
                           ", \"needs\": {\"memory\": \"16GiB\"}}",
                           "");
    cr_expect_eq(told.begun, 0);
    cr_expect_eq(told.refused[ENGINE_ERR_VALIDATION], 6);
}

/* An answer of so many bytes, on Lambda, that is not made a blob. */
static struct told answered(uint64_t bytes)
{
    char step[256];
    snprintf(step, sizeof(step),
             "\"retry\": {\"attempts\": 5}, \"run\": {\"duration\": \"1s\", "
             "\"effect\": true, \"output\": \"%lluB\"}",
             (unsigned long long)bytes);
    return run("lambda-2026", ", \"timeout\": \"900s\"", step,
               ", \"inline_max\": \"16MiB\", \"limits\": {\"op_payload\": "
               "\"32MiB\", \"request\": \"64MiB\"}");
}

Test(platform_needs, an_answer_above_the_limit_fails_once_its_work_is_done)
{
    struct told told = answered(6291456);
    cr_expect_eq(told.ended[ENGINE_ERR_NONE], 6);
    cr_expect_eq(told.applied, 6);
    told = answered(6291457);
    cr_expect_eq(told.begun, 6, "it is not tried again");
    cr_expect_eq(told.ended[ENGINE_ERR_SIZE_LIMIT], 6);
    cr_expect_eq(told.applied, 6, "each effect once");
}
