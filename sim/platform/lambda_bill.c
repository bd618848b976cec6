#include <assert.h>

#include "sim/platform/lambda_state.h"

#define MS UINT64_C(1000000)

/* Nothing is billed of an environment that died before it was placed. */
uint64_t sim_lambda_bill(struct sim_lambda *lambda,
                         const struct sim_lambda_slot *slot, uint64_t now_ns)
{
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    uint64_t step_ns = lambda->config.billing_step_ns;
    if (now_ns <= slot->since_ns) {
        return 0;
    }
    uint64_t steps = (now_ns - slot->since_ns + step_ns - 1) / step_ns;
    uint64_t mb_ms = steps * (step_ns / MS) * function->about.memory_mb;
    if (slot->ahead) {
        function->ahead_billed_mb_ms += mb_ms;
    } else {
        function->billed_mb_ms += mb_ms;
    }
    lambda->counts.billed_mb_ms += mb_ms;
    return steps * step_ns;
}

const struct sim_lambda_counts *
sim_lambda_counts(const struct sim_lambda *lambda)
{
    return &lambda->counts;
}

uint64_t sim_lambda_lived_ns(const struct sim_lambda *lambda, uint64_t now_ns)
{
    return lambda->lived_ns + lambda->counts.envs * now_ns;
}

uint64_t sim_lambda_busy_ns(const struct sim_lambda *lambda, uint64_t now_ns)
{
    return lambda->worked_ns + lambda->counts.busy * now_ns;
}

/* A GB-second is 1,024 MB for 1,000 ms. */
static uint64_t gb_seconds(uint64_t mb_ms, uint64_t price_pico)
{
    return sim_lambda_scale(mb_ms, price_pico, UINT64_C(1024000));
}

/* Kept ready: the memory of all of them, in steps of some minutes. */
static uint64_t kept_ready(const struct sim_lambda_config *config,
                           const struct sim_lambda_function *about,
                           uint64_t now_ns)
{
    uint64_t step_ns = config->ahead_billing_step_ns;
    uint64_t begun_ns = config->start_ns;
    if (about->provisioned == 0 || begun_ns == 0 || now_ns < begun_ns) {
        return 0;
    }
    uint64_t kept_ns = now_ns - begun_ns + config->ahead_lead_ns;
    uint64_t steps = step_ns > 0 ? (kept_ns + step_ns - 1) / step_ns : 0;
    uint64_t kept_ms = (step_ns > 0 ? steps * step_ns : kept_ns) / MS;
    return gb_seconds(kept_ms * about->memory_mb * about->provisioned,
                      about->price_ahead_gb_s_pico);
}

static uint64_t line_pico(const struct sim_lambda *lambda,
                          const struct sim_lambda_deployed *function,
                          enum sim_lambda_line line, uint64_t now_ns)
{
    const struct sim_lambda_function *about = &function->about;
    switch (line) {
    case SIM_LAMBDA_LINE_REQUESTS:
        return function->calls * lambda->config.price_request_pico;
    case SIM_LAMBDA_LINE_DURATION:
        return gb_seconds(function->billed_mb_ms, about->price_gb_s_pico);
    case SIM_LAMBDA_LINE_AHEAD_DURATION:
        return gb_seconds(function->ahead_billed_mb_ms,
                          about->price_ahead_run_gb_s_pico);
    case SIM_LAMBDA_LINE_AHEAD_KEPT:
        return kept_ready(&lambda->config, about, now_ns);
    case SIM_LAMBDA_LINES:
        break;
    }
    return 0;
}

static uint64_t pico_of(const struct sim_lambda *lambda,
                        enum sim_lambda_line line, uint64_t now_ns)
{
    uint64_t pico = 0;
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        pico += line_pico(lambda, &lambda->functions[i], line, now_ns);
    }
    return pico;
}

uint64_t sim_lambda_line_nano(const struct sim_lambda *lambda, uint64_t now_ns,
                              enum sim_lambda_line line)
{
    return pico_of(lambda, line, now_ns) / 1000;
}

uint64_t sim_lambda_total_nano(const struct sim_lambda *lambda, uint64_t now_ns)
{
    uint64_t pico = 0;
    for (int line = 0; line < SIM_LAMBDA_LINES; line++) {
        pico += pico_of(lambda, (enum sim_lambda_line)line, now_ns);
    }
    return pico / 1000;
}

uint64_t sim_lambda_cost_nano(const struct sim_lambda *lambda)
{
    return sim_lambda_total_nano(lambda, 0);
}

uint32_t sim_lambda_line_count(const struct sim_lambda *lambda)
{
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        if (lambda->functions[i].about.provisioned > 0) {
            return SIM_LAMBDA_LINES;
        }
    }
    return SIM_LAMBDA_LINE_AHEAD_DURATION;
}

const char *sim_lambda_line_name(enum sim_lambda_line line)
{
    static const char *const names[SIM_LAMBDA_LINES] = {
        [SIM_LAMBDA_LINE_REQUESTS] = "requests",
        [SIM_LAMBDA_LINE_DURATION] = "duration",
        [SIM_LAMBDA_LINE_AHEAD_DURATION] = "duration, provisioned",
        [SIM_LAMBDA_LINE_AHEAD_KEPT] = "provisioned concurrency",
    };
    assert(line < SIM_LAMBDA_LINES);
    return names[line];
}

uint64_t sim_lambda_payload_max(const struct sim_lambda *lambda,
                                enum sim_lambda_mode mode)
{
    return mode == SIM_LAMBDA_SYNC ? lambda->config.sync_payload_max
                                   : lambda->config.async_payload_max;
}

const char *sim_lambda_reason_name(enum sim_lambda_reason reason)
{
    static const char *const names[SIM_LAMBDA_REASONS] = {
        [SIM_LAMBDA_BY_ACCOUNT] = "account",
        [SIM_LAMBDA_BY_FUNCTION] = "function",
        [SIM_LAMBDA_BY_SCALING] = "scaling",
        [SIM_LAMBDA_BY_RATE] = "rate",
    };
    assert(reason < SIM_LAMBDA_REASONS);
    return names[reason];
}
