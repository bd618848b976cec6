/*
 * Seeded defects: known bugs of real engines, off unless a harness switches
 * one on to prove that its checkers see it. Each is a point, asked where the
 * correct code stands; the engine library that users link has none of them.
 * Their ids in the switchboard begin where the host says: engine code adds
 * that base.
 */
#ifndef ENGINE_DEFECTS_H
#define ENGINE_DEFECTS_H

#include "engine/defects_atomicity.h"
#include "engine/defects_attempts.h"
#include "engine/defects_delivery.h"
#include "engine/defects_endings.h"
#include "engine/defects_handlers.h"
#include "engine/defects_limits.h"
#include "engine/defects_ownership.h"
#include "engine/defects_platforms.h"
#include "engine/defects_storage.h"
#include "engine/point.h"

/* X(id, "name", "what it simulates"); a file for each area. */
#define ENGINE_DEFECTS(X)                                                      \
    ENGINE_DEFECTS_OWNERSHIP(X)                                                \
    ENGINE_DEFECTS_DELIVERY(X)                                                 \
    ENGINE_DEFECTS_ATOMICITY(X)                                                \
    ENGINE_DEFECTS_ATTEMPTS(X)                                                 \
    ENGINE_DEFECTS_ENDINGS(X)                                                  \
    ENGINE_DEFECTS_HANDLERS(X)                                                 \
    ENGINE_DEFECTS_LIMITS(X)                                                   \
    ENGINE_DEFECTS_STORAGE(X)                                                  \
    ENGINE_DEFECTS_PLATFORMS(X)

enum engine_defect {
#define ENGINE_DEFECT_ID(id, name, simulates) ENGINE_DEFECT_##id,
    ENGINE_DEFECTS(ENGINE_DEFECT_ID)
#undef ENGINE_DEFECT_ID
    ENGINE_DEFECT_COUNT
};

/* How many each area has, and the id of its first. */
#define ENGINE_DEFECT_ONE(id, name, simulates) +1
enum {
    ENGINE_DEFECTS_OWNERSHIP_COUNT =
        0 ENGINE_DEFECTS_OWNERSHIP(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_DELIVERY_COUNT =
        0 ENGINE_DEFECTS_DELIVERY(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_ATOMICITY_COUNT =
        0 ENGINE_DEFECTS_ATOMICITY(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_ATTEMPTS_COUNT =
        0 ENGINE_DEFECTS_ATTEMPTS(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_ENDINGS_COUNT = 0 ENGINE_DEFECTS_ENDINGS(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_HANDLERS_COUNT =
        0 ENGINE_DEFECTS_HANDLERS(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_LIMITS_COUNT = 0 ENGINE_DEFECTS_LIMITS(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_STORAGE_COUNT = 0 ENGINE_DEFECTS_STORAGE(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_PLATFORMS_COUNT =
        0 ENGINE_DEFECTS_PLATFORMS(ENGINE_DEFECT_ONE),
    ENGINE_DEFECTS_OWNERSHIP_FIRST = 0,
    ENGINE_DEFECTS_DELIVERY_FIRST =
        ENGINE_DEFECTS_OWNERSHIP_FIRST + ENGINE_DEFECTS_OWNERSHIP_COUNT,
    ENGINE_DEFECTS_ATOMICITY_FIRST =
        ENGINE_DEFECTS_DELIVERY_FIRST + ENGINE_DEFECTS_DELIVERY_COUNT,
    ENGINE_DEFECTS_ATTEMPTS_FIRST =
        ENGINE_DEFECTS_ATOMICITY_FIRST + ENGINE_DEFECTS_ATOMICITY_COUNT,
    ENGINE_DEFECTS_ENDINGS_FIRST =
        ENGINE_DEFECTS_ATTEMPTS_FIRST + ENGINE_DEFECTS_ATTEMPTS_COUNT,
    ENGINE_DEFECTS_HANDLERS_FIRST =
        ENGINE_DEFECTS_ENDINGS_FIRST + ENGINE_DEFECTS_ENDINGS_COUNT,
    ENGINE_DEFECTS_LIMITS_FIRST =
        ENGINE_DEFECTS_HANDLERS_FIRST + ENGINE_DEFECTS_HANDLERS_COUNT,
    ENGINE_DEFECTS_STORAGE_FIRST =
        ENGINE_DEFECTS_LIMITS_FIRST + ENGINE_DEFECTS_LIMITS_COUNT,
    ENGINE_DEFECTS_PLATFORMS_FIRST =
        ENGINE_DEFECTS_STORAGE_FIRST + ENGINE_DEFECTS_STORAGE_COUNT,
};
#undef ENGINE_DEFECT_ONE

/* ENGINE_DEFECT_COUNT entries, names as "defect/...". Harness only. */
extern const struct engine_point engine_defect_table[];

/* Where a component's defects start in armed[], with the port to ask. */
struct engine_defects {
    const struct engine_points *points; /* NULL: none */
    uint32_t base;
    uint32_t node;
};

/* True if this defect is on for this component. */
static inline bool engine_defect(const struct engine_defects *defects,
                                 enum engine_defect id)
{
    struct engine_decision decision;
    return engine_point_hit(defects->points, defects->base + (uint32_t)id,
                            defects->node, 0, 0, 0, &decision);
}

#endif
