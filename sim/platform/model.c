#include "sim/platform/model.h"

#include <stdlib.h>

struct sim_action *sim_actions_add(struct sim_actions *actions,
                                   uint64_t time_ns, enum sim_action_kind kind)
{
    if (actions->count == actions->capacity) {
        uint32_t capacity = actions->capacity ? 2 * actions->capacity : 32;
        struct sim_action *list =
            realloc(actions->list, capacity * sizeof(*list));
        if (!list) {
            actions->failed = true;
            return NULL;
        }
        actions->list = list;
        actions->capacity = capacity;
    }
    struct sim_action *action = &actions->list[actions->count++];
    *action = (struct sim_action){
        .time_ns = time_ns,
        .deadline_ns = SIM_MODEL_NEVER,
        .job = SIM_MODEL_NONE,
        .place = SIM_MODEL_NONE,
        .host = SIM_MODEL_NONE,
        .kind = (uint16_t)kind,
    };
    return action;
}

void sim_actions_free(struct sim_actions *actions)
{
    free(actions->list);
    *actions = (struct sim_actions){.list = NULL};
}
