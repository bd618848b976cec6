/*
 * What can be asked of a point. The owners of points list them (engine/point.h
 * says how); this file knows which failures each kind of point can perform,
 * so that a plan cannot ask a clock to lose a message. It reads names only:
 * the part before the first slash says what kind of thing owns the point.
 */
#ifndef FAULTS_POINTS_H
#define FAULTS_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/point.h"

/* A set of actions has bit (1 << action) for each of its members. */
#define FAULT_ACTION_BIT(action) (UINT32_C(1) << (action))

/* One row of `perdure points`. Strings live as long as the point's table. */
struct fault_point_info {
    const char *name;
    int room_length; /* the room is the first bytes of the name */
    const char *phase;
    const char *simulates;
    uint32_t actions;
};

/* The actions this point can perform; 0 for a name of no known kind. */
uint32_t fault_point_actions(const struct engine_point *point);

/* True for points that nobody runs into: the world asks them at set times. */
bool fault_point_timed(const struct engine_point *point);

/* True for a seeded defect. */
bool fault_point_defect(const struct engine_point *point);

struct fault_point_info fault_point_info(const struct engine_point *point);

/* The index of the point called `name`, or `count` if there is none. */
uint32_t fault_point_find(const struct engine_point *points, uint32_t count,
                          const char *name);

/* The word for an action in scenarios and reports, as "crash". */
const char *fault_action_name(uint32_t action);

/* The action of this name, or ENGINE_ACT_NONE. */
uint32_t fault_action_find(const char *name);

/*
 * Writes the names of a set, as "crash, pause, oom". What does not fit in
 * `size` bytes is cut off; the text always ends in a zero.
 */
void fault_actions_text(uint32_t actions, char *text, size_t size);

#endif
