#include "scenarios/lambda/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_names[LAMBDA_FAULT_COUNT] = {
    "none",     "crash",        "timeout",     "lost-reply",
    "throttle", "server-error", "stale-token", "stop"};

const char *lambda_fault_name(enum lambda_fault fault)
{
    return fault_names[fault];
}

enum lambda_fault lambda_fault_find(const char *name)
{
    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        if (strcmp(fault_names[i], name) == 0)
            return (enum lambda_fault)i;
    return LAMBDA_FAULT_COUNT;
}

const char *lambda_point_write(const struct lambda_point *point,
                               char out[LAMBDA_LABEL_SIZE])
{
    static const char *const kinds[] = {"", "", "", "effect ", "line ", ""};

    snprintf(out, LAMBDA_LABEL_SIZE, "%s %s%s%s%s #%u",
             point->after ? "after" : "before", kinds[point->place],
             point->operation, point->action[0] ? " " : "", point->action,
             (unsigned)point->occurrence);
    return out;
}

/* Crossing ---------------------------------------------------------------- */

static bool same_name(const struct lambda_point *a,
                      const struct lambda_point *b)
{
    return a->place == b->place && a->after == b->after &&
           strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->action, b->action) == 0;
}

static bool grow(struct lambda_plan *plan)
{
    uint32_t capacity = plan->name_capacity ? 2 * plan->name_capacity : 64;
    struct lambda_point *names =
        realloc(plan->names, capacity * sizeof(*names));
    uint32_t *counts = NULL;

    if (names) {
        plan->names = names;
        counts = realloc(plan->counts, capacity * sizeof(*counts));
    }
    if (!counts) {
        plan->failed = true;
        return false;
    }
    plan->counts = counts;
    plan->name_capacity = capacity;
    return true;
}

/* Which of its name this one is. */
static uint32_t count(struct lambda_plan *plan,
                      const struct lambda_point *point)
{
    uint32_t i = 0;

    while (i < plan->name_count && !same_name(&plan->names[i], point))
        i++;
    if (i == plan->name_count) {
        if (i == plan->name_capacity && !grow(plan))
            return 1;
        plan->names[i] = *point;
        plan->counts[i] = 0;
        plan->name_count++;
    }
    return ++plan->counts[i];
}

static void record(struct lambda_plan *plan, const struct lambda_point *point)
{
    if (plan->point_count == plan->point_capacity) {
        uint32_t capacity =
            plan->point_capacity ? 2 * plan->point_capacity : 64;
        struct lambda_point *points =
            realloc(plan->points, capacity * sizeof(*points));
        if (!points) {
            plan->failed = true;
            return;
        }
        plan->points = points;
        plan->point_capacity = capacity;
    }
    plan->points[plan->point_count++] = *point;
}

bool lambda_fault_fits(enum lambda_fault fault,
                       const struct lambda_point *point)
{
    bool call =
        point->place == LAMBDA_AT_CHECKPOINT || point->place == LAMBDA_AT_STATE;

    switch (fault) {
    case LAMBDA_FAULT_CRASH:
    case LAMBDA_FAULT_TIME_OUT:
        return point->place != LAMBDA_AT_RETURN || !point->after ||
               fault == LAMBDA_FAULT_CRASH;
    case LAMBDA_FAULT_LOST_REPLY:
        return call && point->after;
    case LAMBDA_FAULT_THROTTLE:
    case LAMBDA_FAULT_SERVER_ERROR:
        return call && !point->after;
    case LAMBDA_FAULT_STALE_TOKEN:
        return point->place == LAMBDA_AT_CHECKPOINT && !point->after;
    case LAMBDA_FAULT_STOP:
        return point->place == LAMBDA_AT_CHECKPOINT && point->after;
    default:
        return false;
    }
}

static void act(enum lambda_fault fault, struct lambda_decision *decision)
{
    static const struct lambda_decision decisions[LAMBDA_FAULT_COUNT] = {
        [LAMBDA_FAULT_CRASH] = {.act = LAMBDA_CRASH},
        [LAMBDA_FAULT_TIME_OUT] = {.act = LAMBDA_TIME_OUT},
        [LAMBDA_FAULT_LOST_REPLY] = {.act = LAMBDA_LOSE},
        [LAMBDA_FAULT_THROTTLE] = {.act = LAMBDA_REFUSE,
                                   .status = 429,
                                   .exception = "TooManyRequestsException",
                                   .message = "Rate exceeded"},
        [LAMBDA_FAULT_SERVER_ERROR] = {.act = LAMBDA_REFUSE,
                                       .status = 500,
                                       .exception = "ServiceException",
                                       .message = "Internal failure"},
        [LAMBDA_FAULT_STALE_TOKEN] = {.act = LAMBDA_REFUSE,
                                      .status = 400,
                                      .exception =
                                          "InvalidParameterValueException",
                                      .message = "Invalid checkpoint token"},
        [LAMBDA_FAULT_STOP] = {.act = LAMBDA_STOP},
    };

    *decision = decisions[fault];
}

void lambda_plan_boundary(struct lambda_plan *plan,
                          const struct lambda_boundary *boundary,
                          struct lambda_decision *decision)
{
    struct lambda_point point = {.place = boundary->place,
                                 .after = boundary->after};

    snprintf(point.operation, sizeof(point.operation), "%s",
             boundary->operation);
    snprintf(point.action, sizeof(point.action), "%s", boundary->action);
    point.occurrence = count(plan, &point);
    if (plan->recording)
        record(plan, &point);
    if (plan->fault == LAMBDA_FAULT_NONE || !same_name(&plan->at, &point) ||
        point.occurrence < plan->at.occurrence ||
        point.occurrence >= plan->at.occurrence + plan->times)
        return;
    plan->struck++;
    act(plan->fault, decision);
}

void lambda_plan_begin(struct lambda_plan *plan)
{
    plan->struck = 0;
    plan->point_count = 0;
    plan->name_count = 0;
}

void lambda_plan_free(struct lambda_plan *plan)
{
    free(plan->points);
    free(plan->names);
    free(plan->counts);
    *plan = (struct lambda_plan){0};
}
