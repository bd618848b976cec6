#include "scenarios/write_faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "faults/points.h"
#include "scenarios/scenario.h"
#include "sim/nodes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Verb and word of an action at points of this name. */
struct words {
    const char *prefix;
    uint32_t action;
    const char *verb;
    const char *word;
    bool narrowed; /* "at" says which point it is */
};

/* The first that fits is taken. */
static const struct words all_words[] = {
    {"disk/write", ENGINE_ACT_FULL, "disk", "full", false},
    {"disk/", ENGINE_ACT_ERROR, "disk", "error", true},
    {"disk/", ENGINE_ACT_LIE, "disk", "lie", true},
    {"disk/", ENGINE_ACT_SHORT, "disk", "short", true},
    {"disk/", ENGINE_ACT_DELAY, "disk", "slow", true},
    {"net/send", ENGINE_ACT_LOSE, "network", "lose message", false},
    {"net/request", ENGINE_ACT_LOSE, "network", "lose request", false},
    {"net/reply", ENGINE_ACT_LOSE, "network", "lose reply", false},
    {"net/send", ENGINE_ACT_DUPLICATE, "network", "duplicate message", false},
    {"net/request", ENGINE_ACT_DUPLICATE, "network", "duplicate request",
     false},
    {"net/reply", ENGINE_ACT_DUPLICATE, "network", "duplicate reply", false},
    {"net/send", ENGINE_ACT_DELAY, "network", "delay message", false},
    {"net/request", ENGINE_ACT_DELAY, "network", "delay request", false},
    {"net/reply", ENGINE_ACT_DELAY, "network", "delay reply", false},
    {"net/link", ENGINE_ACT_CUT, "network", "cut", false},
    {"net/link", ENGINE_ACT_CUT_IN, "network", "cut inbound", false},
    {"net/link", ENGINE_ACT_CUT_OUT, "network", "cut outbound", false},
    {"platform/invoke", ENGINE_ACT_THROTTLE, "platform", "throttle", false},
    {"platform/invoke", ENGINE_ACT_DUPLICATE, "platform", "duplicate", false},
    {"platform/invoke", ENGINE_ACT_TIMEOUT, "platform", "timeout", false},
    {"platform/invoke", ENGINE_ACT_LOSE, "platform", "lose", false},
    {"platform/run", ENGINE_ACT_CRASH, "platform", "kill", false},
    {"platform/host", ENGINE_ACT_LOSE, "platform", "host", false},
    {"platform/outage", ENGINE_ACT_CUT, "platform", "outage", false},
    {"clock", ENGINE_ACT_STEP, "clock", "step", false},
    {"clock", ENGINE_ACT_DRIFT, "clock", "drift", false},
    {"clock", ENGINE_ACT_FREEZE, "clock", "freeze", false},
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool write_fault_of(const struct engine_record *record,
                    struct write_fault *fault)
{
    *fault = (struct write_fault){
        .run = record->run, .op = record->op, .attempt = record->attempt};
    return fault_decision_of(record, &fault->decision);
}

/* Whose process it is; NULL: nobody's that can be struck. */
static const char *class_of(const struct engine_point *point, uint32_t node)
{
    if (starts_with(point->name, "worker/"))
        return "worker";
    if (starts_with(point->name, "coordinator/"))
        return "coordinator";
    if (starts_with(point->name, "store/") || starts_with(point->name, "disk/"))
        return "store";
    if (strcmp(point->name, "process") != 0)
        return NULL;
    if (node == SIM_NODE_STORE)
        return "store";
    if (node >= SIM_NODE_WORKER)
        return "worker";
    return node >= SIM_NODE_COORDINATOR && node < SIM_NODE_PLATFORMS
               ? "coordinator"
               : NULL;
}

static const char *verb_of(uint32_t action)
{
    switch (action) {
    case ENGINE_ACT_CRASH:
        return "crash";
    case ENGINE_ACT_OOM:
        return "oom";
    case ENGINE_ACT_PAUSE:
        return "pause";
    case ENGINE_ACT_DELAY:
        return "slow";
    default:
        return NULL;
    }
}

static bool put_text(cJSON *object, const char *key, const char *text)
{
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

/* What goes wrong, and where. */
static bool put_verb(cJSON *object, const struct engine_point *point,
                     const struct fault_decision *decision)
{
    for (size_t i = 0; i < COUNT(all_words); i++) {
        const struct words *words = &all_words[i];
        if (decision->action == words->action &&
            starts_with(point->name, words->prefix))
            return put_text(object, words->verb, words->word) &&
                   (!words->narrowed || put_text(object, "at", point->name));
    }
    const char *verb = verb_of(decision->action);
    const char *owner = class_of(point, decision->node);
    return verb && owner && put_text(object, verb, owner) &&
           (fault_point_timed(point) || put_text(object, "at", point->name));
}

static bool put_duration(cJSON *object, const char *key, uint64_t ns)
{
    char text[32];
    return put_text(object, key,
                    quantity_print(QUANTITY_DURATION, ns, text, sizeof(text)));
}

static bool put_signed(cJSON *object, int64_t amount, bool drift)
{
    char text[40], number[32];
    uint64_t size = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    if (drift)
        snprintf(number, sizeof(number), "%" PRIu64 "ppb", size);
    else
        quantity_print(QUANTITY_DURATION, size, number, sizeof(number));
    snprintf(text, sizeof(text), "%c%s", amount < 0 ? '-' : '+', number);
    return put_text(object, "by", text);
}

static bool put_amount(cJSON *object, const struct fault_decision *decision)
{
    switch (decision->action) {
    case ENGINE_ACT_PAUSE:
    case ENGINE_ACT_CUT:
    case ENGINE_ACT_CUT_IN:
    case ENGINE_ACT_CUT_OUT:
    case ENGINE_ACT_FREEZE:
        return put_duration(object, "for", (uint64_t)decision->amount);
    case ENGINE_ACT_DELAY:
        return put_duration(object, "by", (uint64_t)decision->amount);
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
        return put_signed(object, decision->amount,
                          decision->action == ENGINE_ACT_DRIFT);
    default:
        return true;
    }
}

static bool put_node(cJSON *object, uint32_t node)
{
    static const char *const names[] = {[SIM_NODE_STORE] = "store",
                                        [SIM_NODE_CLIENT] = "client",
                                        [SIM_NODE_RECEIVER] = "receiver",
                                        [SIM_NODE_PLATFORM] = "platform",
                                        [SIM_NODE_OUTSIDE] = "outside"};
    char text[32];
    if (node < COUNT(names) && names[node])
        return put_text(object, "node", names[node]);
    if (node < SIM_NODE_COORDINATOR || node > SIM_NODE_MAX)
        return false;
    if (node < SIM_NODE_PLATFORMS)
        snprintf(text, sizeof(text), "coordinator %u",
                 node - SIM_NODE_COORDINATOR + 1);
    else if (node < SIM_NODE_WORKER)
        snprintf(text, sizeof(text), "platform %u",
                 node - SIM_NODE_PLATFORMS + 2);
    else
        snprintf(text, sizeof(text), "worker %u", node - SIM_NODE_WORKER + 1);
    return put_text(object, "node", text);
}

static bool put_time(cJSON *object, uint64_t ns)
{
    char text[32];
    cJSON *list = cJSON_AddArrayToObject(object, "times");
    quantity_print(QUANTITY_DURATION, ns, text, sizeof(text));
    return list && cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static bool put_number(cJSON *object, const char *key, uint64_t number)
{
    return number <= (uint64_t)JSON_INT_MAX &&
           cJSON_AddNumberToObject(object, key, (double)number) != NULL;
}

static bool put_exact(cJSON *object, const struct engine_point *point,
                      const struct fault_decision *decision, uint64_t start_ns)
{
    if (!put_node(object, decision->node))
        return false;
    if (fault_point_timed(point))
        return decision->time_ns >= start_ns &&
               put_time(object, decision->time_ns - start_ns);
    return put_number(object, "nth", decision->hit) &&
           (!starts_with(point->name, "worker/") ||
            put_text(object, "count", "each node"));
}

static bool put_about(cJSON *object, const struct engine_point *point,
                      const struct write_fault *fault)
{
    char text[32];
    if (fault_point_timed(point) || fault->run == 0)
        return false;
    snprintf(text, sizeof(text), "operation %u", fault->op);
    return put_number(object, "run", fault->run) &&
           (fault->op > UINT16_MAX || put_text(object, "of", text)) &&
           (fault->attempt == 0 ||
            put_number(object, "attempt", fault->attempt)) &&
           put_number(object, "nth", 1) &&
           put_text(object, "count", "all nodes");
}

cJSON *write_fault(const struct write_fault *fault, enum write_fault_form form,
                   uint64_t start_ns)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    const struct fault_decision *decision = &fault->decision;
    if (decision->point >= count)
        return NULL;
    const struct engine_point *point = &points[decision->point];
    cJSON *object = cJSON_CreateObject();
    bool good = object && put_verb(object, point, decision) &&
                (form == WRITE_FAULT_ABOUT
                     ? put_about(object, point, fault)
                     : put_exact(object, point, decision, start_ns)) &&
                put_amount(object, decision);
    if (good)
        return object;
    cJSON_Delete(object);
    return NULL;
}
