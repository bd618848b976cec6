/*
 * Causes that stay valid until the next call of a model: as many in one call
 * as jobs fail in it.
 */
#ifndef SIM_PLATFORM_CAUSES_H
#define SIM_PLATFORM_CAUSES_H

#include "sim/platform/model.h"

struct sim_causes_block;

/* Zeroed is empty. */
struct sim_causes {
    struct sim_causes_block *first; /* kept for the next calls */
    struct sim_causes_block *last;  /* in use */
    uint32_t used;                  /* of the last */
    struct sim_cause spare;         /* when memory runs out */
};

void sim_causes_deinit(struct sim_causes *causes);

/* A call begins: those of the one before are over. */
void sim_causes_reset(struct sim_causes *causes);

/* A new one without words (sim/platform/cause.h has them). Never NULL. */
struct sim_cause *sim_causes_add(struct sim_causes *causes);

#endif
