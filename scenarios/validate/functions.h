/*
 * Lambda with nothing but the pool: no start-up, no memory, no scaling rate,
 * as published simulations and formulas have it. A cold start's time is part
 * of the load's cold time.
 */
#ifndef SCENARIOS_VALIDATE_FUNCTIONS_H
#define SCENARIOS_VALIDATE_FUNCTIONS_H

#include "scenarios/validate/validate.h"

struct functions_spec {
    uint32_t concurrency;
    uint64_t expiry_ns;
    enum sim_lambda_pick pick;
};

/* False: v->error or v->failed. The caller frees the model. */
bool functions_make(struct validate *v, const struct functions_spec *spec,
                    struct sim_model *model);
/* Makes one, runs the load on it and frees it. */
bool functions_watch(struct validate *v, const struct functions_spec *spec,
                     struct sim_load_config *config, struct validate_watch *w);

#endif
