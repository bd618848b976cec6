/*
 * What each seeded defect of engine/defects.h is: where it was seen in a real
 * engine or design, what it breaks, which scenario shows it, and which
 * property must go red when it is on. A checker that stays green then cannot
 * see.
 */
#ifndef FAULTS_DEFECTS_H
#define FAULTS_DEFECTS_H

#include <stddef.h>

#include "engine/defects.h"
#include "faults/plan.h"

struct fault_defect {
    const char *name;
    const char *origin; /* owner/repo#number is an issue or pull request */
    const char *breaks; /* one sentence */
    const char *scenario;
    const char *property; /* S1 .. S17, L1 .. L8 */
};

/* One file for each area, in the order of its ids. */
extern const struct fault_defect fault_defects_ownership[];
extern const struct fault_defect fault_defects_delivery[];
extern const struct fault_defect fault_defects_atomicity[];
extern const struct fault_defect fault_defects_attempts[];
extern const struct fault_defect fault_defects_endings[];
extern const struct fault_defect fault_defects_handlers[];
extern const struct fault_defect fault_defects_limits[];
extern const struct fault_defect fault_defects_storage[];
extern const struct fault_defect fault_defects_platforms[];

/* The row of an enum engine_defect. */
const struct fault_defect *fault_defect_at(uint32_t id);

/* The defect of this name (without "defect/"), or NULL. */
const struct fault_defect *fault_defect_find(const char *name);

/*
 * Switches a defect on, in all nodes and for the whole run, as the rule
 * "defect/<name>". Returns 0, or as fault_plan_add(); also FAULT_EINVAL with
 * a sentence if no point of the plan is this defect's.
 */
int fault_defect_arm(struct fault_plan *plan, const char *name, char *message,
                     size_t size);

#endif
