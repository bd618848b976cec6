#include "sim/points.h"

const struct engine_point sim_point_table[] = {
#define SIM_POINT_ROW(id, name, phase, simulates) {name, phase, simulates},
    SIM_POINTS(SIM_POINT_ROW)
#undef SIM_POINT_ROW
};
