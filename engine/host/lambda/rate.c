#include "engine/host/lambda/rate.h"

#define SECOND UINT64_C(1000000000)

const struct lambda_rates *lambda_rates_aws(void)
{
    static const struct lambda_rates aws = {{
        [LAMBDA_RATE_START] = 300,
        [LAMBDA_RATE_CHECKPOINT] = 10000,
        [LAMBDA_RATE_STATE] = 10000,
        [LAMBDA_RATE_GET] = 30,
        [LAMBDA_RATE_HISTORY] = 15,
        [LAMBDA_RATE_LIST] = 15,
        [LAMBDA_RATE_CALLBACK] = 3000,
        [LAMBDA_RATE_STOP] = 300,
    }};

    return &aws;
}

uint32_t lambda_rate_take(const struct lambda_rates *rates,
                          struct lambda_rate_state *state,
                          enum lambda_rate_kind kind, uint64_t now_ns)
{
    uint64_t *paid_ns = &state->paid_ns[kind];
    uint64_t price_ns;

    if (rates->calls[kind] == 0)
        return 0;
    price_ns = SECOND / rates->calls[kind];
    if (*paid_ns < now_ns)
        *paid_ns = now_ns;
    if (*paid_ns + price_ns > now_ns + SECOND)
        return (uint32_t)((*paid_ns + price_ns - now_ns - 1) / SECOND);
    *paid_ns += price_ns;
    return 0;
}
