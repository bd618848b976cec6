/*
 * What handlers' runs have done as Lambda meters durable functions: folded
 * from the records of what became durable, and written as lines of the bill.
 *
 * A step is counted when it has ended, and once more for each retry; child
 * contexts that are neither map nor parallel are not operations. What is
 * written is kept to the end of the world, retention after it is not billed.
 */
#ifndef SCENARIOS_DURABLE_BILL_H
#define SCENARIOS_DURABLE_BILL_H

#include <stddef.h>

#include "engine/record.h"
#include "scenarios/scenario.h"
#include "sim/platform/lambda_durable.h"

/* Zeroed before the first record. */
struct durable_bill {
    struct sim_lambda_durable_use use;
    uint64_t first_ns; /* something was written at, 0: nothing was */
    uint64_t last_ns;  /* counted until */
    uint64_t byte_s;   /* kept so far, for so long */
};

void durable_bill_add(struct durable_bill *bill,
                      const struct engine_record *records, size_t count);

/* What was used until now_ns, not before the last record. */
struct sim_lambda_durable_use durable_bill_use(const struct durable_bill *bill,
                                               uint64_t now_ns);

/*
 * The platform that bills the handlers' runs: the first one on Lambda, if all
 * handlers of the scenario run on nothing else. UINT32_MAX: none does.
 */
uint32_t durable_bill_platform(const struct scenario *scenario);

#endif
