#include "engine/budget.h"

enum {
    RETRY = 1000 /* thousandths */
};

void engine_budget_init(struct engine_budget *budget, uint32_t share_milli,
                        uint32_t burst)
{
    *budget = (struct engine_budget){.share_milli = share_milli,
                                     .cap = (uint64_t)burst * RETRY,
                                     .saved = (uint64_t)burst * RETRY};
}

void engine_budget_first(struct engine_budget *budget)
{
    budget->firsts++;
    if (budget->cap - budget->saved < budget->share_milli)
        budget->saved = budget->cap;
    else
        budget->saved += budget->share_milli;
}

bool engine_budget_take(struct engine_budget *budget)
{
    if (budget->saved < RETRY) {
        budget->refused++;
        return false;
    }
    budget->saved -= RETRY;
    budget->retries++;
    return true;
}
