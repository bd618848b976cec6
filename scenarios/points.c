#include "sim/points.h"
#include "engine/defects.h"
#include "faults/rule.h"
#include "scenarios/scenario.h"

/* Both rooms' tables in one array: defects first, then the world's points. */
static const struct engine_point points[] = {
#define DEFECT_ROW(id, name, simulates) {"defect/" name, "inside", simulates},
    ENGINE_DEFECTS(DEFECT_ROW)
#undef DEFECT_ROW
#define POINT_ROW(id, name, phase, simulates) {name, phase, simulates},
        SIM_POINTS(POINT_ROW)
#undef POINT_ROW
};

const struct engine_point *scenario_points(uint32_t *count)
{
    *count = sizeof(points) / sizeof(*points);
    return points;
}

_Static_assert(sizeof(points) / sizeof(*points) <= FAULT_POINTS_MAX,
               "a plan has room for all");

uint32_t scenario_points_base(void)
{
    return ENGINE_DEFECT_COUNT;
}
