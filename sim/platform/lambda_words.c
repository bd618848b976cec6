#include "sim/platform/lambda_words.h"

#include <inttypes.h>

#include "sim/platform/cause.h"
#include "sim/platform/lambda_model.h"

#define SECOND UINT64_C(1000000000)
#define CENTI (SECOND / 100)
#define KIND "lambda"

/* What the client sees of every end that the function has not made. */
static void begin(struct sim_cause *cause)
{
    *cause = (struct sim_cause){.error = ENGINE_ERR_NONE};
    sim_cause_add(cause, KIND, "Unhandled", "the function has failed");
}

void sim_lambda_words_init(struct sim_lambda_words *words,
                           const struct sim_lambda_function *about,
                           uint64_t age_max_ns)
{
    begin(&words->timeout);
    sim_cause_add(&words->timeout, KIND, "Sandbox.Timedout",
                  "Task timed out after %" PRIu64 ".%02" PRIu64 " seconds",
                  about->timeout_ns / SECOND,
                  about->timeout_ns % SECOND / CENTI);
    begin(&words->oom);
    sim_cause_add(&words->oom, KIND, "Runtime.OutOfMemory",
                  "Runtime exited with error: signal: killed; all of its "
                  "%" PRIu32 " MB were used",
                  about->memory_mb);
    words->old = (struct sim_cause){.error = ENGINE_ERR_NONE};
    sim_cause_add(&words->old, KIND, "EventAgeExceeded",
                  "the event was in the queue for %" PRIu64 " seconds",
                  age_max_ns / SECOND);
}

void sim_lambda_say_died(struct sim_cause *cause, uint32_t exit_code)
{
    begin(cause);
    if (exit_code > 128)
        sim_cause_add(cause, KIND, "Runtime.ExitError",
                      "Runtime exited with error: signal %" PRIu32 "%s",
                      exit_code - 128, exit_code == 137 ? " (killed)" : "");
    else
        sim_cause_add(cause, KIND, "Runtime.ExitError",
                      "Runtime exited with error: exit status %" PRIu32,
                      exit_code);
}

void sim_lambda_say_too_much_memory(struct sim_cause *cause, uint64_t limit,
                                    uint64_t actual)
{
    *cause = (struct sim_cause){.error = ENGINE_ERR_NONE};
    sim_cause_add(cause, KIND, "InvalidParameterValueException",
                  "MemorySize %" PRIu64 " MB, at most %" PRIu64
                  " MB are allowed",
                  actual, limit);
}

void sim_lambda_say_too_large(struct sim_cause *cause, uint64_t limit,
                              uint64_t actual)
{
    *cause = (struct sim_cause){.error = ENGINE_ERR_NONE};
    sim_cause_add(cause, KIND, "RequestEntityTooLargeException",
                  "Request must be smaller than %" PRIu64
                  " bytes for the InvokeFunction operation (found %" PRIu64 ")",
                  limit, actual);
}

const char *sim_lambda_state_name(uint32_t code)
{
    static const char *const names[] = {"", "queued", "throttled", "retried"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "";
}

const char *sim_lambda_end_name(uint32_t code)
{
    static const char *const names[] = {
        "", "expired", "lost", "killed at its timeout", "out of memory"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "";
}
