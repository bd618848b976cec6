#include "faults/defects.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "faults/points.h"

static const struct {
    const struct fault_defect *rows;
    uint32_t count;
} areas[] = {
    {fault_defects_ownership, ENGINE_DEFECTS_OWNERSHIP_COUNT},
    {fault_defects_delivery, ENGINE_DEFECTS_DELIVERY_COUNT},
    {fault_defects_atomicity, ENGINE_DEFECTS_ATOMICITY_COUNT},
    {fault_defects_attempts, ENGINE_DEFECTS_ATTEMPTS_COUNT},
    {fault_defects_endings, ENGINE_DEFECTS_ENDINGS_COUNT},
    {fault_defects_handlers, ENGINE_DEFECTS_HANDLERS_COUNT},
    {fault_defects_limits, ENGINE_DEFECTS_LIMITS_COUNT},
    {fault_defects_storage, ENGINE_DEFECTS_STORAGE_COUNT},
    {fault_defects_platforms, ENGINE_DEFECTS_PLATFORMS_COUNT},
};

const struct fault_defect *fault_defect_at(uint32_t id)
{
    uint32_t area = 0;
    assert(id < ENGINE_DEFECT_COUNT);
    for (; id >= areas[area].count; area++)
        id -= areas[area].count;
    return &areas[area].rows[id];
}

const struct fault_defect *fault_defect_find(const char *name)
{
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        if (strcmp(fault_defect_at(i)->name, name) == 0)
            return fault_defect_at(i);
    }
    return NULL;
}

int fault_defect_arm(struct fault_plan *plan, const char *name, char *message,
                     size_t size)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_DEFECT);
    int length = snprintf(rule.name, sizeof(rule.name), "defect/%s", name);
    uint32_t point =
        fault_point_find(plan->points, plan->point_count, rule.name);
    if (length >= (int)sizeof(rule.name) || point == plan->point_count) {
        snprintf(message, size, "there is no defect %s", name);
        return FAULT_EINVAL;
    }
    fault_rule_add_point(&rule, point);
    return fault_plan_add(plan, &rule, message, size);
}
