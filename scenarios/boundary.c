#include "scenarios/boundary.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "faults/points.h"
#include "sim/client.h"
#include "sim/nodes.h"
#include "sim/points.h"

/* How much longer than a lease its owner is paused; as "expire" in faults. */
#define PAUSE_MARGIN_NS (10 * UINT64_C(1000000000))

static const struct {
    const char *name;
    uint32_t action;
} ways[BOUNDARY_WAYS] = {
    [BOUNDARY_CRASH] = {"crash", ENGINE_ACT_CRASH},
    [BOUNDARY_FAIL] = {"fail", ENGINE_ACT_ERROR},
    [BOUNDARY_FAIL_ON] = {"fail for good", ENGINE_ACT_ERROR},
    [BOUNDARY_LOSE] = {"lose reply", ENGINE_ACT_LOSE},
    [BOUNDARY_PAUSE] = {"pause", ENGINE_ACT_PAUSE},
    [BOUNDARY_DUPLICATE] = {"duplicate", ENGINE_ACT_DUPLICATE},
};

const char *boundary_way_name(enum boundary_way way)
{
    assert(way < BOUNDARY_WAYS);
    return ways[way].name;
}

static const struct engine_point *point_at(uint32_t point)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    assert(point < count);
    return &points[point];
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool boundary_at(enum boundary_way way, uint32_t point)
{
    const struct engine_point *info = point_at(point);
    uint32_t actions = fault_point_actions(info);
    if (fault_point_timed(info) || fault_point_defect(info) ||
        !(actions & FAULT_ACTION_BIT(ways[way].action)))
        return false;
    if (way == BOUNDARY_LOSE)
        return point == scenario_points_base() + SIM_POINT_NET_REPLY;
    return way != BOUNDARY_CRASH ||
           point != scenario_points_base() + SIM_POINT_DISK_READ;
}

/* Who ------------------------------------------------------------------- */

static void actor_name(uint32_t node, char *text, size_t size)
{
    static const char *const fixed[SIM_NODE_OUTSIDE + 1] = {
        [SIM_NODE_WORLD] = "world",       [SIM_NODE_STORE] = "store",
        [SIM_NODE_CLIENT] = "client",     [SIM_NODE_RECEIVER] = "receiver",
        [SIM_NODE_PLATFORM] = "platform", [SIM_NODE_OUTSIDE] = "outside",
    };
    if (node >= SIM_NODE_WORKER)
        snprintf(text, size, "worker %" PRIu32, node - SIM_NODE_WORKER + 1);
    else if (node >= SIM_NODE_PLATFORMS)
        snprintf(text, size, "platform %" PRIu32,
                 node - SIM_NODE_PLATFORMS + 2);
    else if (node >= SIM_NODE_COORDINATOR)
        snprintf(text, size, "coordinator %" PRIu32,
                 node - SIM_NODE_COORDINATOR + 1);
    else if (node <= SIM_NODE_OUTSIDE)
        snprintf(text, size, "%s", fixed[node]);
    else
        snprintf(text, size, "node %" PRIu32, node);
}

/* About which step --------------------------------------------------------
 */

/* The workflow of a run that a client has started; NULL: of another's. */
static const struct scenario_workflow *
workflow_of(const struct scenario *scenario, uint64_t run)
{
    if (run == 0 || run > scenario->runs)
        return NULL;
    return &scenario->workflows[sim_client_workflow(
        scenario->started, scenario->started_count, run)];
}

/*
 * The name of the step, or NULL. In a handler only the side effects of steps
 * know of steps; elsewhere the number is of an operation.
 */
static const char *step_name(const struct scenario *scenario,
                             const struct engine_site *site)
{
    const struct scenario_workflow *workflow = workflow_of(scenario, site->run);
    if (!workflow || site->op == 0 ||
        (workflow->program &&
         !starts_with(point_at(site->point)->name, "worker/effect/")))
        return NULL;
    for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
        if (scenario_step_op(workflow, i) + 1 == site->op)
            return scenario_step_name(workflow, i);
    return NULL;
}

/* "charge", or "operation 7" of what has no name. */
static void op_name(const struct scenario *scenario,
                    const struct engine_site *site, char *text, size_t size)
{
    const char *name = step_name(scenario, site);
    if (name)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "operation %" PRIu32, site->op - 1);
}

/* As a scenario's "of" is read: the steps of this name in all workflows. */
static void add_ops(const struct scenario *scenario,
                    const struct engine_site *site, struct fault_rule *rule)
{
    const char *name = step_name(scenario, site);
    for (uint32_t w = 0; name && w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t step = scenario_step_find(workflow, name);
        if (step != UINT32_MAX)
            (void)fault_rule_add_op(rule, w, scenario_step_op(workflow, step));
    }
    if (!name && site->op != 0)
        (void)fault_rule_add_op(rule, FAULT_ANY_WORKFLOW, site->op - 1);
}

/* The rule --------------------------------------------------------------- */

static bool of_worker(const struct boundary *boundary)
{
    return starts_with(point_at(boundary->site.point)->name, "worker/");
}

static uint64_t pause_ns(const struct scenario *scenario,
                         const struct boundary *boundary)
{
    const struct scenario_engine *engine = &scenario->engine;
    return (of_worker(boundary) ? engine->claim_ttl_ns : engine->lease_ttl_ns) +
           PAUSE_MARGIN_NS;
}

static int64_t amount_of(const struct scenario *scenario,
                         const struct boundary *boundary)
{
    if (boundary->way == BOUNDARY_PAUSE)
        return (int64_t)pause_ns(scenario, boundary);
    return boundary->way == BOUNDARY_FAIL_ON ? -1 : 0;
}

void boundary_rule(const struct scenario *scenario,
                   const struct boundary *boundary, struct fault_rule *rule)
{
    const struct engine_site *site = &boundary->site;
    fault_rule_init(rule, ways[boundary->way].action);
    fault_rule_add_point(rule, site->point);
    (void)fault_ranges_add(&rule->nodes, site->node, site->node);
    rule->runs = (struct fault_range){site->run, site->run};
    rule->attempts = (struct fault_range){site->attempt, site->attempt};
    add_ops(scenario, site, rule);
    fault_rule_nth(rule, boundary->hit, boundary->hit);
    rule->amount_min = amount_of(scenario, boundary);
    rule->amount_max = rule->amount_min;
    /* As scenarios count workers; here it is one worker either way. */
    rule->across_actors =
        of_worker(boundary) &&
        (boundary->way == BOUNDARY_CRASH || boundary->way == BOUNDARY_PAUSE);
}

/* The name ---------------------------------------------------------------- */

struct words {
    char *text;
    size_t size;
    size_t used;
};

static void put(struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct words *words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int wrote = vsnprintf(words->text + words->used, words->size - words->used,
                          format, args);
    va_end(args);
    size_t room = words->size - words->used - 1;
    words->used += wrote < 0 ? 0 : (size_t)wrote < room ? (size_t)wrote : room;
}

void boundary_name(const struct scenario *scenario,
                   const struct boundary *boundary, char *text, size_t size)
{
    const struct engine_site *site = &boundary->site;
    struct words words = {text, size, 0};
    char part[160];
    actor_name(site->node, part, sizeof(part));
    put(&words, "%s, %s", part, point_at(site->point)->name);
    if (site->run != 0)
        put(&words, ", run %" PRIu64, site->run);
    if (site->op != 0) {
        op_name(scenario, site, part, sizeof(part));
        put(&words, ", %s", part);
    }
    if (site->attempt != 0)
        put(&words, ", attempt %" PRIu32, site->attempt);
    put(&words, ", hit %" PRIu64, boundary->hit);
    if (boundary->way == BOUNDARY_FAIL_ON)
        put(&words, ", for good");
}

/* The entry ----------------------------------------------------------------
 */

struct verb {
    const char *key;
    const char *value;
    bool at; /* its place is said apart */
};

/* Crashes and pauses are of a process. */
static struct verb verb_of_process(const char *key, const char *point)
{
    if (starts_with(point, "worker/"))
        return (struct verb){key, "worker", true};
    if (starts_with(point, "coordinator/"))
        return (struct verb){key, "coordinator", true};
    if (starts_with(point, "store/") || starts_with(point, "disk/"))
        return (struct verb){key, "store", true};
    if (strcmp(point, "platform/run") == 0)
        return (struct verb){"platform", "kill", false};
    return (struct verb){0};
}

static struct verb verb_of_call(const struct boundary *boundary,
                                enum sim_point point)
{
    static const struct {
        enum sim_point point;
        enum boundary_way way;
        struct verb verb;
    } calls[] = {
        {SIM_POINT_DISK_READ, BOUNDARY_FAIL, {"disk", "read error", false}},
        {SIM_POINT_DISK_WRITE, BOUNDARY_FAIL, {"disk", "write error", false}},
        {SIM_POINT_DISK_SYNC_BEFORE,
         BOUNDARY_FAIL,
         {"disk", "sync error", false}},
        {SIM_POINT_NET_REPLY, BOUNDARY_LOSE, {"network", "lose reply", false}},
        {SIM_POINT_NET_REPLY,
         BOUNDARY_DUPLICATE,
         {"network", "duplicate reply", false}},
        {SIM_POINT_NET_REQUEST,
         BOUNDARY_DUPLICATE,
         {"network", "duplicate request", false}},
        {SIM_POINT_NET_SEND,
         BOUNDARY_DUPLICATE,
         {"network", "duplicate message", false}},
        {SIM_POINT_PLATFORM_INVOKE,
         BOUNDARY_DUPLICATE,
         {"platform", "duplicate", false}},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (calls[i].point == point && calls[i].way == boundary->way)
            return calls[i].verb;
    return (struct verb){0};
}

static struct verb verb_of(const struct boundary *boundary)
{
    const char *point = point_at(boundary->site.point)->name;
    if (boundary->way == BOUNDARY_CRASH)
        return verb_of_process("crash", point);
    if (boundary->way == BOUNDARY_PAUSE)
        return verb_of_process("pause", point);
    return verb_of_call(boundary, (enum sim_point)(boundary->site.point -
                                                   scenario_points_base()));
}

static void member(struct report_buffer *out, const char *key,
                   const char *value)
{
    report_buffer_print(out, "\"%s\": ", key);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, ", ");
}

bool boundary_entry(const struct scenario *scenario,
                    const struct boundary *boundary, struct report_buffer *out)
{
    const struct engine_site *site = &boundary->site;
    struct verb verb = verb_of(boundary);
    char part[160];
    if (!verb.key)
        return false;
    report_buffer_put(out, "{");
    member(out, verb.key, verb.value);
    if (verb.at)
        member(out, "at", point_at(site->point)->name);
    actor_name(site->node, part, sizeof(part));
    member(out, "node", part);
    report_buffer_print(out, "\"run\": %" PRIu64 ", ", site->run);
    if (site->op != 0) {
        op_name(scenario, site, part, sizeof(part));
        member(out, "of", part);
    }
    report_buffer_print(out, "\"attempt\": %" PRIu32 ", ", site->attempt);
    if (boundary->way == BOUNDARY_PAUSE)
        report_buffer_print(out, "\"for\": \"%" PRIu64 "ms\", ",
                            pause_ns(scenario, boundary) / 1000000);
    report_buffer_print(out, "\"nth\": %" PRIu64 "}", boundary->hit);
    return true;
}
