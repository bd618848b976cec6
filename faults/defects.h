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

/* ENGINE_DEFECT_COUNT entries in the order of the ids. */
extern const struct fault_defect fault_defect_table[];

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
