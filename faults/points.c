#include "faults/points.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BIT(name) FAULT_ACTION_BIT(ENGINE_ACT_##name)
#define DEATHS (BIT(CRASH) | BIT(PAUSE) | BIT(OOM))
#define MESSAGES (BIT(LOSE) | BIT(DUPLICATE) | BIT(DELAY))

/* The first row whose prefix fits decides, so the longer ones come first. */
static const struct {
    const char *prefix;
    uint32_t actions;
} kinds[] = {
    {"disk/read", BIT(ERROR) | BIT(SHORT) | BIT(DELAY) | BIT(CRASH)},
    {"disk/write",
     BIT(ERROR) | BIT(SHORT) | BIT(FULL) | BIT(LIE) | BIT(DELAY) | BIT(CRASH)},
    {"disk/sync/before", BIT(ERROR) | BIT(LIE) | BIT(DELAY) | BIT(CRASH)},
    {"disk/sync/after", BIT(ERROR) | BIT(DELAY) | BIT(CRASH)},
    {"disk/", BIT(ERROR) | BIT(LIE) | BIT(DELAY) | BIT(CRASH)},
    {"net/link", BIT(CUT) | BIT(CUT_IN) | BIT(CUT_OUT)},
    {"net/", MESSAGES},
    {"process", DEATHS | BIT(DELAY)},
    {"clock", BIT(STEP) | BIT(DRIFT) | BIT(FREEZE)},
    {"coordinator/", DEATHS},
    {"worker/", DEATHS},
    {"store/", DEATHS},
    {"platform/invoke", MESSAGES | BIT(THROTTLE) | BIT(TIMEOUT)},
    {"platform/run", BIT(CRASH)},
    {"platform/host", BIT(LOSE)},
    {"platform/outage", BIT(CUT)},
    {"defect/", BIT(DEFECT)},
};

static const char *const action_names[ENGINE_ACT_COUNT] = {
    [ENGINE_ACT_NONE] = "none",
    [ENGINE_ACT_CRASH] = "crash",
    [ENGINE_ACT_PAUSE] = "pause",
    [ENGINE_ACT_OOM] = "oom",
    [ENGINE_ACT_ERROR] = "error",
    [ENGINE_ACT_LOSE] = "lose",
    [ENGINE_ACT_DUPLICATE] = "duplicate",
    [ENGINE_ACT_DELAY] = "delay",
    [ENGINE_ACT_SHORT] = "short",
    [ENGINE_ACT_FULL] = "full",
    [ENGINE_ACT_LIE] = "lie",
    [ENGINE_ACT_THROTTLE] = "throttle",
    [ENGINE_ACT_TIMEOUT] = "timeout",
    [ENGINE_ACT_STEP] = "step",
    [ENGINE_ACT_DRIFT] = "drift",
    [ENGINE_ACT_FREEZE] = "freeze",
    [ENGINE_ACT_CUT] = "cut",
    [ENGINE_ACT_CUT_IN] = "cut inbound",
    [ENGINE_ACT_CUT_OUT] = "cut outbound",
    [ENGINE_ACT_DEFECT] = "defect",
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

uint32_t fault_point_actions(const struct engine_point *point)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (starts_with(point->name, kinds[i].prefix))
            return kinds[i].actions;
    }
    return 0;
}

bool fault_point_timed(const struct engine_point *point)
{
    return strcmp(point->phase, "timed") == 0;
}

bool fault_point_defect(const struct engine_point *point)
{
    return starts_with(point->name, "defect/");
}

struct fault_point_info fault_point_info(const struct engine_point *point)
{
    return (struct fault_point_info){
        .name = point->name,
        .room_length = (int)strcspn(point->name, "/"),
        .phase = point->phase,
        .simulates = point->simulates,
        .actions = fault_point_actions(point),
    };
}

uint32_t fault_point_find(const struct engine_point *points, uint32_t count,
                          const char *name)
{
    uint32_t i = 0;
    while (i < count && strcmp(points[i].name, name) != 0)
        i++;
    return i;
}

const char *fault_action_name(uint32_t action)
{
    assert(action < ENGINE_ACT_COUNT);
    return action_names[action];
}

uint32_t fault_action_find(const char *name)
{
    for (uint32_t i = 1; i < ENGINE_ACT_COUNT; i++) {
        if (strcmp(action_names[i], name) == 0)
            return i;
    }
    return ENGINE_ACT_NONE;
}

void fault_actions_text(uint32_t actions, char *text, size_t size)
{
    assert(size > 0);
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 1; i < ENGINE_ACT_COUNT && used < size; i++) {
        if (actions & FAULT_ACTION_BIT(i))
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used ? ", " : "", action_names[i]);
    }
}
