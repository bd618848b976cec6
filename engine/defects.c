#include "engine/defects.h"

#ifdef FIU_ENABLE

const struct engine_point engine_defect_table[] = {
#define ENGINE_DEFECT_ROW(id, name, simulates)                                 \
    {"defect/" name, "inside", simulates},
    ENGINE_DEFECTS(ENGINE_DEFECT_ROW)
#undef ENGINE_DEFECT_ROW
};

#endif
