#include "sim/points.h"
#include "engine/defects.h"
#include "faults/rule.h"
#include "scenarios/scenario.h"

enum {
    POINT_COUNT = (int)ENGINE_DEFECT_COUNT + (int)SIM_POINT_COUNT
};

_Static_assert(POINT_COUNT <= FAULT_POINTS_MAX, "a plan has room for all");

/*
 * Both rooms' tables in one array, copied at the first call. Copying again
 * would write the same bytes.
 */
const struct engine_point *scenario_points(uint32_t *count)
{
    static struct engine_point all[POINT_COUNT];
    if (!all[0].name) {
        for (uint32_t i = 0; i < SIM_POINT_COUNT; i++)
            all[ENGINE_DEFECT_COUNT + i] = sim_point_table[i];
        for (uint32_t i = ENGINE_DEFECT_COUNT; i > 0; i--)
            all[i - 1] = engine_defect_table[i - 1];
    }
    *count = POINT_COUNT;
    return all;
}

uint32_t scenario_points_base(void)
{
    return ENGINE_DEFECT_COUNT;
}
