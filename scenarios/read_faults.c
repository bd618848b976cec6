/*
 * Faults: each object says with one verb what goes wrong, and with selectors
 * where, to whom and when. It becomes one rule of the plan; what the plan
 * refuses is said at the object.
 *
 *     {"crash": "worker", "at": "after effect, before report",
 *      "of": "charge", "nth": "1-3"}
 *     {"network": "cut", "node": "coordinator 1", "for": "90s",
 *      "times": ["60s"]}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/defects.h"
#include "faults/points.h"
#include "scenarios/read.h"
#include "sim/nodes.h"
#include "sim/points.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define YEAR (365 * (86400 * SECOND))
#define PERIOD_MIN (SECOND / 1000) /* or a world would do nothing else */

enum {
    FAULTS_MAX = 1000,
    /* Room for what is added later: a swarm, a defect. */
    PLAN_SPARE = 64,
    POINTS_SHOWN = 96
};

/* How much longer than a lease its owner is paused. */
#define EXPIRE_MARGIN_NS (10 * SECOND)

/* Who can be struck at a boundary. */
struct class
{
    const char *name;
    const char *prefixes[2]; /* of its points */
    uint32_t first;          /* its nodes */
    uint32_t last;
};

enum {
    CLASS_WORKER,
    CLASS_COORDINATOR,
    CLASS_STORE,
    CLASS_COUNT
};

static const struct class classes[CLASS_COUNT] = {
    {"worker", {"worker/", NULL}, SIM_NODE_WORKER, SIM_NODE_MAX},
    {"coordinator",
     {"coordinator/", NULL},
     SIM_NODE_COORDINATOR,
     SIM_NODE_COORDINATOR + SIM_NODE_COORDINATORS_MAX - 1},
    {"store", {"store/", "disk/"}, SIM_NODE_STORE, SIM_NODE_STORE},
};

static const char *const class_names[CLASS_COUNT] = {"worker", "coordinator",
                                                     "store"};

/* Boundaries in words; some are several points. */
static const struct {
    uint32_t owner;
    const char *words;
    enum sim_point points[3];
    uint32_t count;
} boundaries[] = {
    {CLASS_WORKER, "before claim", {SIM_POINT_WORKER_CLAIM_BEFORE}, 1},
    {CLASS_WORKER, "after claim", {SIM_POINT_WORKER_CLAIM_AFTER}, 1},
    {CLASS_WORKER, "before effect", {SIM_POINT_WORKER_EFFECT_BEFORE}, 1},
    {CLASS_WORKER,
     "after effect, before report",
     {SIM_POINT_WORKER_EFFECT_AFTER},
     1},
    {CLASS_WORKER, "after effect", {SIM_POINT_WORKER_EFFECT_AFTER}, 1},
    {CLASS_WORKER, "before report", {SIM_POINT_WORKER_REPORT_BEFORE}, 1},
    {CLASS_WORKER, "after report", {SIM_POINT_WORKER_REPORT_AFTER}, 1},
    {CLASS_WORKER, "before heartbeat", {SIM_POINT_WORKER_HEARTBEAT}, 1},
    {CLASS_WORKER, "before state", {SIM_POINT_WORKER_STATE_BEFORE}, 1},
    {CLASS_WORKER,
     "before checkpoint",
     {SIM_POINT_WORKER_CHECKPOINT_BEFORE},
     1},
    {CLASS_WORKER, "after checkpoint", {SIM_POINT_WORKER_CHECKPOINT_AFTER}, 1},
    {CLASS_COORDINATOR, "after start", {SIM_POINT_COORD_START}, 1},
    {CLASS_COORDINATOR, "before create", {SIM_POINT_COORD_CREATE_BEFORE}, 1},
    {CLASS_COORDINATOR, "after create", {SIM_POINT_COORD_CREATE_AFTER}, 1},
    {CLASS_COORDINATOR, "before acquire", {SIM_POINT_COORD_ACQUIRE_BEFORE}, 1},
    {CLASS_COORDINATOR, "after acquire", {SIM_POINT_COORD_ACQUIRE_AFTER}, 1},
    {CLASS_COORDINATOR, "before append", {SIM_POINT_COORD_APPEND_BEFORE}, 1},
    {CLASS_COORDINATOR, "after append", {SIM_POINT_COORD_APPEND_AFTER}, 1},
    {CLASS_COORDINATOR,
     "before dispatch",
     {SIM_POINT_COORD_DISPATCH_BEFORE},
     1},
    {CLASS_COORDINATOR, "after dispatch", {SIM_POINT_COORD_DISPATCH_AFTER}, 1},
    {CLASS_COORDINATOR,
     "after checkpoint",
     {SIM_POINT_COORD_CHECKPOINT_AFTER},
     1},
    {CLASS_COORDINATOR, "before renew", {SIM_POINT_COORD_RENEW_BEFORE}, 1},
    {CLASS_COORDINATOR, "after renew", {SIM_POINT_COORD_RENEW_AFTER}, 1},
    {CLASS_COORDINATOR, "before result", {SIM_POINT_COORD_RESULT_BEFORE}, 1},
    {CLASS_COORDINATOR, "before ack", {SIM_POINT_COORD_ACK_BEFORE}, 1},
    {CLASS_STORE, "before group", {SIM_POINT_STORE_GROUP_BEFORE}, 1},
    {CLASS_STORE, "before commit", {SIM_POINT_STORE_COMMIT_BEFORE}, 1},
    {CLASS_STORE,
     "inside commit",
     {SIM_POINT_DISK_WRITE, SIM_POINT_DISK_SYNC_BEFORE,
      SIM_POINT_DISK_SYNC_AFTER},
     3},
    {CLASS_STORE, "before sync", {SIM_POINT_DISK_SYNC_BEFORE}, 1},
    {CLASS_STORE, "after sync", {SIM_POINT_DISK_SYNC_AFTER}, 1},
    {CLASS_STORE,
     "after commit, before reply",
     {SIM_POINT_STORE_COMMIT_AFTER},
     1},
    {CLASS_STORE, "after commit", {SIM_POINT_STORE_COMMIT_AFTER}, 1},
};

/* A failure of the network, the disk or the platform, in words. */
struct failure {
    const char *words;
    uint32_t action;
    enum sim_point points[3];
    uint32_t count;
};

static const struct failure disk_failures[] = {
    {"error",
     ENGINE_ACT_ERROR,
     {SIM_POINT_DISK_READ, SIM_POINT_DISK_WRITE, SIM_POINT_DISK_SYNC_BEFORE},
     3},
    {"lie",
     ENGINE_ACT_LIE,
     {SIM_POINT_DISK_WRITE, SIM_POINT_DISK_SYNC_BEFORE},
     2},
    {"short", ENGINE_ACT_SHORT, {SIM_POINT_DISK_READ, SIM_POINT_DISK_WRITE}, 2},
    {"read error", ENGINE_ACT_ERROR, {SIM_POINT_DISK_READ}, 1},
    {"write error", ENGINE_ACT_ERROR, {SIM_POINT_DISK_WRITE}, 1},
    {"sync error", ENGINE_ACT_ERROR, {SIM_POINT_DISK_SYNC_BEFORE}, 1},
    {"sync lie", ENGINE_ACT_LIE, {SIM_POINT_DISK_SYNC_BEFORE}, 1},
    {"lost write", ENGINE_ACT_LIE, {SIM_POINT_DISK_WRITE}, 1},
    {"short write", ENGINE_ACT_SHORT, {SIM_POINT_DISK_WRITE}, 1},
    {"full", ENGINE_ACT_FULL, {SIM_POINT_DISK_WRITE}, 1},
    {"slow",
     ENGINE_ACT_DELAY,
     {SIM_POINT_DISK_WRITE, SIM_POINT_DISK_SYNC_BEFORE},
     2},
    {"slow write", ENGINE_ACT_DELAY, {SIM_POINT_DISK_WRITE}, 1},
    {"slow sync", ENGINE_ACT_DELAY, {SIM_POINT_DISK_SYNC_BEFORE}, 1},
};

#define ALL_MESSAGES                                                           \
    {SIM_POINT_NET_SEND, SIM_POINT_NET_REQUEST, SIM_POINT_NET_REPLY}, 3

static const struct failure network_failures[] = {
    {"lose", ENGINE_ACT_LOSE, ALL_MESSAGES},
    {"lose message", ENGINE_ACT_LOSE, {SIM_POINT_NET_SEND}, 1},
    {"lose request", ENGINE_ACT_LOSE, {SIM_POINT_NET_REQUEST}, 1},
    {"lose reply", ENGINE_ACT_LOSE, {SIM_POINT_NET_REPLY}, 1},
    {"duplicate", ENGINE_ACT_DUPLICATE, ALL_MESSAGES},
    {"duplicate message", ENGINE_ACT_DUPLICATE, {SIM_POINT_NET_SEND}, 1},
    {"duplicate request", ENGINE_ACT_DUPLICATE, {SIM_POINT_NET_REQUEST}, 1},
    {"duplicate reply", ENGINE_ACT_DUPLICATE, {SIM_POINT_NET_REPLY}, 1},
    {"delay", ENGINE_ACT_DELAY, ALL_MESSAGES},
    {"delay message", ENGINE_ACT_DELAY, {SIM_POINT_NET_SEND}, 1},
    {"delay request", ENGINE_ACT_DELAY, {SIM_POINT_NET_REQUEST}, 1},
    {"delay reply", ENGINE_ACT_DELAY, {SIM_POINT_NET_REPLY}, 1},
    {"cut", ENGINE_ACT_CUT, {SIM_POINT_NET_LINK}, 1},
    {"cut inbound", ENGINE_ACT_CUT_IN, {SIM_POINT_NET_LINK}, 1},
    {"cut outbound", ENGINE_ACT_CUT_OUT, {SIM_POINT_NET_LINK}, 1},
};

static const struct failure platform_failures[] = {
    {"throttle", ENGINE_ACT_THROTTLE, {SIM_POINT_PLATFORM_INVOKE}, 1},
    {"duplicate", ENGINE_ACT_DUPLICATE, {SIM_POINT_PLATFORM_INVOKE}, 1},
    {"timeout", ENGINE_ACT_TIMEOUT, {SIM_POINT_PLATFORM_INVOKE}, 1},
    {"lose", ENGINE_ACT_LOSE, {SIM_POINT_PLATFORM_INVOKE}, 1},
    {"kill", ENGINE_ACT_CRASH, {SIM_POINT_PLATFORM_RUN}, 1},
    {"host", ENGINE_ACT_LOSE, {SIM_POINT_PLATFORM_HOST}, 1},
    {"outage", ENGINE_ACT_CUT, {SIM_POINT_PLATFORM_OUTAGE}, 1},
};

static const struct failure clock_failures[] = {
    {"step", ENGINE_ACT_STEP, {SIM_POINT_CLOCK}, 1},
    {"drift", ENGINE_ACT_DRIFT, {SIM_POINT_CLOCK}, 1},
    {"freeze", ENGINE_ACT_FREEZE, {SIM_POINT_CLOCK}, 1},
};

/* One fault while it is read. */
struct fault_draft {
    struct json_view object;
    struct json_error *err;
    struct scenario *scenario;
    const struct engine_point *points;
    uint32_t point_count;
    const struct class *owner; /* of boundaries; NULL: verb has its points */
    bool disk;                 /* of the disk, which "at" may narrow down */
    const char *verb;          /* as it is written: "slow", "cut inbound" */
    struct fault_rule rule;
};

static void add_point(struct fault_draft *draft, enum sim_point point)
{
    fault_rule_add_point(&draft->rule,
                         scenario_points_base() + (uint32_t)point);
}

/* Verbs. */

static bool read_owner(struct fault_draft *draft, struct json_view value)
{
    size_t index;
    if (!json_as_enum(value, class_names, CLASS_COUNT, &index, draft->err))
        return false;
    draft->owner = &classes[index];
    return true;
}

static void verb_crash(struct fault_draft *draft, struct json_view value)
{
    fault_rule_init(&draft->rule, ENGINE_ACT_CRASH);
    (void)read_owner(draft, value);
}

static void verb_oom(struct fault_draft *draft, struct json_view value)
{
    fault_rule_init(&draft->rule, ENGINE_ACT_OOM);
    (void)read_owner(draft, value);
}

static void verb_pause(struct fault_draft *draft, struct json_view value)
{
    fault_rule_init(&draft->rule, ENGINE_ACT_PAUSE);
    (void)read_owner(draft, value);
}

static void verb_slow(struct fault_draft *draft, struct json_view value)
{
    fault_rule_init(&draft->rule, ENGINE_ACT_DELAY);
    (void)read_owner(draft, value);
}

static void set_amount(struct fault_draft *draft, int64_t min, int64_t max)
{
    draft->rule.amount_min = min;
    draft->rule.amount_max = max;
}

/* The owner of a lease stands still until it has certainly run out. */
static void verb_expire(struct fault_draft *draft, struct json_view value)
{
    static const char *const leases[] = {"run lease", "work claim"};
    const struct scenario_engine *engine = &draft->scenario->engine;
    size_t lease = 0;
    fault_rule_init(&draft->rule, ENGINE_ACT_PAUSE);
    if (!json_as_enum(value, leases, COUNT(leases), &lease, draft->err))
        return;
    uint64_t ttl_ns = lease == 0 ? engine->lease_ttl_ns : engine->claim_ttl_ns;
    draft->owner = &classes[lease == 0 ? CLASS_COORDINATOR : CLASS_WORKER];
    set_amount(draft, (int64_t)(ttl_ns + EXPIRE_MARGIN_NS),
               (int64_t)(ttl_ns + EXPIRE_MARGIN_NS));
}

static void read_failure(struct fault_draft *draft, struct json_view value,
                         const struct failure *failures, size_t count)
{
    const char *names[16];
    size_t index = 0;
    for (size_t i = 0; i < count; i++)
        names[i] = failures[i].words;
    if (!json_as_enum(value, names, count, &index, draft->err)) {
        fault_rule_init(&draft->rule, ENGINE_ACT_NONE);
        return;
    }
    draft->verb = failures[index].words;
    fault_rule_init(&draft->rule, failures[index].action);
    for (uint32_t i = 0; i < failures[index].count; i++)
        add_point(draft, failures[index].points[i]);
}

_Static_assert(COUNT(network_failures) <= 16, "names has room for all words");
_Static_assert(COUNT(disk_failures) <= 16, "names has room for all words");

static void verb_disk(struct fault_draft *draft, struct json_view value)
{
    draft->disk = true;
    read_failure(draft, value, disk_failures, COUNT(disk_failures));
}

static void verb_network(struct fault_draft *draft, struct json_view value)
{
    read_failure(draft, value, network_failures, COUNT(network_failures));
}

static void verb_platform(struct fault_draft *draft, struct json_view value)
{
    read_failure(draft, value, platform_failures, COUNT(platform_failures));
}

static void verb_clock(struct fault_draft *draft, struct json_view value)
{
    read_failure(draft, value, clock_failures, COUNT(clock_failures));
}

static void verb_defect(struct fault_draft *draft, struct json_view value)
{
    const char *names[ENGINE_DEFECT_COUNT];
    size_t index = 0;
    fault_rule_init(&draft->rule, ENGINE_ACT_DEFECT);
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++)
        names[i] = draft->points[i].name + strlen("defect/");
    if (json_as_enum(value, names, ENGINE_DEFECT_COUNT, &index, draft->err))
        fault_rule_add_point(&draft->rule, (uint32_t)index);
}

static const struct {
    const char *key;
    void (*read)(struct fault_draft *draft, struct json_view value);
} verbs[] = {
    {"crash", verb_crash},       {"oom", verb_oom},
    {"pause", verb_pause},       {"slow", verb_slow},
    {"expire", verb_expire},     {"clock", verb_clock},
    {"disk", verb_disk},         {"network", verb_network},
    {"platform", verb_platform}, {"defect", verb_defect},
};

/* "at": one boundary, several, or each. */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool owns_point(const struct class *owner, const char *name)
{
    for (size_t i = 0; i < COUNT(owner->prefixes); i++) {
        if (owner->prefixes[i] && starts_with(name, owner->prefixes[i]))
            return true;
    }
    return false;
}

static bool owns_boundary(const struct class *owner, size_t index)
{
    return &classes[boundaries[index].owner] == owner;
}

/* Says which boundaries and points there are. */
static void fail_boundary(struct fault_draft *draft, struct json_view view,
                          const char *found)
{
    const char *names[POINTS_SHOWN] = {"each boundary"};
    size_t count = 1;
    for (size_t i = 0; i < COUNT(boundaries); i++) {
        if (owns_boundary(draft->owner, i))
            names[count++] = boundaries[i].words;
    }
    for (uint32_t i = 0; i < draft->point_count && count < POINTS_SHOWN; i++) {
        if (owns_point(draft->owner, draft->points[i].name))
            names[count++] = draft->points[i].name;
    }
    json_fail_choice(view, draft->err, "boundary", found, names, count);
}

static bool add_boundary(struct fault_draft *draft, const char *words)
{
    for (size_t i = 0; i < COUNT(boundaries); i++) {
        if (!owns_boundary(draft->owner, i) ||
            strcmp(boundaries[i].words, words) != 0)
            continue;
        for (uint32_t k = 0; k < boundaries[i].count; k++)
            add_point(draft, boundaries[i].points[k]);
        return true;
    }
    uint32_t point = fault_point_find(draft->points, draft->point_count, words);
    if (point == draft->point_count || !owns_point(draft->owner, words))
        return false;
    fault_rule_add_point(&draft->rule, point);
    return true;
}

static void read_boundary(struct fault_draft *draft, struct json_view view)
{
    const char *words = NULL;
    if (!json_as_string(view, 1, 128, &words, draft->err))
        return;
    if (strcmp(words, "each boundary") == 0)
        (void)fault_rule_add_points(&draft->rule, draft->points,
                                    draft->point_count,
                                    draft->owner->prefixes[0]);
    else if (!add_boundary(draft, words))
        fail_boundary(draft, view, words);
}

/* A fault of the disk may say at which point, instead of its own. */
static void read_disk_at(struct fault_draft *draft, struct json_view at)
{
    const char *name = NULL;
    if (!json_as_string(at, 1, 128, &name, draft->err))
        return;
    uint32_t point = fault_point_find(draft->points, draft->point_count, name);
    memset(draft->rule.points, 0, sizeof(draft->rule.points));
    if (point < draft->point_count && starts_with(name, "disk/"))
        fault_rule_add_point(&draft->rule, point);
    else
        json_fail(at, draft->err,
                  "found \"at\": \"%s\" of a fault of the disk, allowed its "
                  "points: \"disk/write\" .., see perdure points",
                  name);
}

/* A fault of a process is at a boundary, or at a time of its own. */
static void read_at(struct fault_draft *draft)
{
    struct json_view at = {0};
    bool given = json_get(draft->object, "at", JSON_OPTIONAL, &at, draft->err);
    if (given && draft->disk) {
        read_disk_at(draft, at);
    } else if (given && !draft->owner) {
        json_fail_key(at, draft->err,
                      "found \"at\" of a fault that has its own place, "
                      "allowed with crash, oom, pause, slow, expire and disk");
    } else if (given && json_is_array(at)) {
        (void)json_as_array(at, 1, 64, draft->err);
        for (struct json_view v = json_first(at); v.item; v = json_next(v))
            read_boundary(draft, v);
    } else if (given) {
        read_boundary(draft, at);
    } else if (draft->owner) {
        add_point(draft, SIM_POINT_PROCESS);
    }
}

static bool at_process(const struct fault_draft *draft)
{
    return fault_rule_has_point(&draft->rule,
                                scenario_points_base() + SIM_POINT_PROCESS);
}

/* "node": who. */

static uint32_t class_last(const struct fault_draft *draft,
                           const struct class *class)
{
    return class == &classes[CLASS_COORDINATOR]
               ? class->first + draft->scenario->engine.coordinators - 1
               : class->last;
}

static void add_nodes(struct fault_draft *draft, struct json_view view,
                      uint64_t from, uint64_t to)
{
    if (fault_ranges_add(&draft->rule.nodes, from, to) != 0)
        json_fail(view, draft->err, "found too many nodes, allowed %d ranges",
                  FAULT_RANGES_MAX);
}

/* "2" or "1-3" of a class, counted from 1. */
static void add_numbered(struct fault_draft *draft, struct json_view view,
                         const struct class *class, const char *numbers)
{
    struct quantity_range range;
    const char *why = NULL;
    uint32_t count = class_last(draft, class) - class->first + 1;
    if (quantity_read_range(numbers, &range, &why) != 0 || range.first < 1 ||
        range.last > count)
        json_fail(view, draft->err,
                  "found %s \"%s\", allowed %s \"1\" to \"%u\", or a range of "
                  "them",
                  class->name, numbers, class->name, count);
    else
        add_nodes(draft, view, class->first + range.first - 1,
                  class->first + range.last - 1);
}

/* "platform" is all of them, "platform fast" or "platform 2" one; "worker of
 * fast" is all of its places. False: it is no such words. */
static bool add_platform_nodes(struct fault_draft *draft, struct json_view view,
                               const char *text)
{
    const struct scenario *scenario = draft->scenario;
    uint32_t count = scenario->platform_count;
    bool all = strcmp(text, "platform") == 0;
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        char names[3][96];
        const char *name = scenario->platforms[i].name;
        snprintf(names[0], sizeof(names[0]), "platform %s", name);
        snprintf(names[1], sizeof(names[1]), "platform %u", i + 1);
        snprintf(names[2], sizeof(names[2]), "worker of %s", name);
        if (all || strcmp(text, names[0]) == 0 || strcmp(text, names[1]) == 0)
            add_nodes(draft, view, sim_node_platform(i), sim_node_platform(i));
        else if (strcmp(text, names[2]) == 0)
            add_nodes(draft, view, sim_node_place(i, count),
                      sim_node_place(i, count) + sim_node_places(count) - 1);
        else
            continue;
        found = true;
    }
    return found;
}

/* "platform X" and "worker of X" of a platform that there is not. */
static bool fail_platform(struct fault_draft *draft, struct json_view view,
                          const char *text)
{
    static const char *const before[] = {"platform ", "worker of "};
    const struct scenario *scenario = draft->scenario;
    const char *names[SIM_NODE_PLATFORMS_MAX];
    for (uint32_t i = 0; i < scenario->platform_count; i++)
        names[i] = scenario->platforms[i].name;
    for (size_t i = 0; i < COUNT(before); i++)
        if (starts_with(text, before[i])) {
            json_fail_choice(view, draft->err, "platform",
                             text + strlen(before[i]), names,
                             scenario->platform_count);
            return true;
        }
    return false;
}

static void read_one_node(struct fault_draft *draft, struct json_view view)
{
    static const char *const names[] = {
        "worker", "worker 1", "coordinator", "coordinator 1", "store",
        "client", "receiver", "platform",    "outside",       "all"};
    static const uint32_t single[] = {0,
                                      0,
                                      0,
                                      0,
                                      0,
                                      SIM_NODE_CLIENT,
                                      SIM_NODE_RECEIVER,
                                      SIM_NODE_PLATFORM,
                                      SIM_NODE_OUTSIDE};
    const char *text = NULL;
    if (!json_as_string(view, 1, 64, &text, draft->err))
        return;
    if (add_platform_nodes(draft, view, text) ||
        fail_platform(draft, view, text))
        return;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        size_t length = strlen(classes[i].name);
        if (!starts_with(text, classes[i].name))
            continue;
        if (text[length] == '\0') {
            add_nodes(draft, view, classes[i].first,
                      class_last(draft, &classes[i]));
            return;
        }
        if (text[length] == ' ') {
            add_numbered(draft, view, &classes[i], text + length + 1);
            return;
        }
    }
    if (strcmp(text, "all") == 0) {
        add_nodes(draft, view, SIM_NODE_STORE, SIM_NODE_MAX);
        return;
    }
    for (size_t i = 0; i < COUNT(single); i++) {
        if (single[i] != 0 && strcmp(text, names[i]) == 0) {
            add_nodes(draft, view, single[i], single[i]);
            return;
        }
    }
    json_fail_choice(view, draft->err, "node", text, names, COUNT(names));
}

static void read_nodes(struct fault_draft *draft)
{
    struct json_view view = {0};
    bool given =
        json_get(draft->object, "node", JSON_OPTIONAL, &view, draft->err);
    if (given && json_is_array(view)) {
        (void)json_as_array(view, 1, FAULT_RANGES_MAX, draft->err);
        for (struct json_view v = json_first(view); v.item; v = json_next(v))
            read_one_node(draft, v);
    } else if (given) {
        read_one_node(draft, view);
    } else if (draft->owner && at_process(draft)) {
        add_nodes(draft, draft->object, draft->owner->first,
                  class_last(draft, draft->owner));
    }
}

/* "of": which steps. */

static void fail_step(struct fault_draft *draft, struct json_view view,
                      const char *found)
{
    const struct scenario *scenario = draft->scenario;
    uint32_t count = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++)
        count += scenario_step_count(&scenario->workflows[w]);
    const char **names = read_alloc(count, sizeof(*names), view, draft->err);
    if (!names)
        return;
    count = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
            names[count++] = scenario_step_name(workflow, i);
    }
    json_fail_choice(view, draft->err, "step", found, names, count);
    free(names);
}

/* "operation 7": of whatever workflow, whatever it is. */
static bool read_operation(struct fault_draft *draft, struct json_view view,
                           const char *text)
{
    static const char word[] = "operation ";
    struct quantity_range range;
    const char *why = NULL;
    if (!starts_with(text, word) ||
        quantity_read_range(text + strlen(word), &range, &why) != 0 ||
        range.first != range.last || range.first > UINT16_MAX)
        return false;
    if (fault_rule_add_op(&draft->rule, FAULT_ANY_WORKFLOW,
                          (uint32_t)range.first) != 0)
        json_fail(view, draft->err, "found too many steps, allowed %d",
                  FAULT_OPS_MAX);
    return true;
}

/* The steps of this name, in whichever workflows have one. */
static void read_one_step(struct fault_draft *draft, struct json_view view)
{
    const struct scenario *scenario = draft->scenario;
    const char *name = NULL;
    bool found = false;
    if (!json_as_string(view, 1, 256, &name, draft->err))
        return;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t step = scenario_step_find(workflow, name);
        if (step == UINT32_MAX)
            continue;
        found = true;
        if (fault_rule_add_op(&draft->rule, w,
                              scenario_step_op(workflow, step)) != 0)
            json_fail(view, draft->err, "found too many steps, allowed %d",
                      FAULT_OPS_MAX);
    }
    if (!found && !read_operation(draft, view, name))
        fail_step(draft, view, name);
}

static void read_steps(struct fault_draft *draft)
{
    struct json_view view;
    if (!json_get(draft->object, "of", JSON_OPTIONAL, &view, draft->err))
        return;
    if (!json_is_array(view)) {
        read_one_step(draft, view);
        return;
    }
    (void)json_as_array(view, 1, FAULT_OPS_MAX, draft->err);
    for (struct json_view v = json_first(view); v.item; v = json_next(v))
        read_one_step(draft, v);
}

/* How much: "for" and "by". */

static bool takes_for(uint32_t action)
{
    return action == ENGINE_ACT_PAUSE || action == ENGINE_ACT_CUT ||
           action == ENGINE_ACT_CUT_IN || action == ENGINE_ACT_CUT_OUT ||
           action == ENGINE_ACT_FREEZE;
}

static bool takes_by(uint32_t action)
{
    return action == ENGINE_ACT_DELAY || action == ENGINE_ACT_STEP ||
           action == ENGINE_ACT_DRIFT;
}

/* "±5s" is anything between both; "+5s" and "-5s" are what they say. */
static void read_signed(struct fault_draft *draft, struct json_view view)
{
    bool drift = draft->rule.action == ENGINE_ACT_DRIFT;
    const char *text = NULL, *why = NULL;
    uint64_t spread;
    int64_t amount = 0;
    if (!json_as_string(view, 1, 64, &text, draft->err))
        return;
    if (quantity_read(drift ? QUANTITY_DRIFT_SPREAD : QUANTITY_DURATION_SPREAD,
                      text, &spread, &why) == 0) {
        set_amount(draft, -(int64_t)spread, (int64_t)spread);
        return;
    }
    if (drift)
        (void)json_as_drift(view, &amount, draft->err);
    else
        (void)json_as_offset(view, &amount, draft->err);
    set_amount(draft, amount, amount);
}

/* A duration, or the two between which it is drawn. */
static void read_duration(struct fault_draft *draft, struct json_view view)
{
    uint64_t min = 0, max = 0;
    if (json_is_array(view)) {
        if (!json_as_array(view, 2, 2, draft->err))
            return;
        (void)json_as_quantity(json_first(view), QUANTITY_DURATION, 1, YEAR,
                               &min, draft->err);
        (void)json_as_quantity(json_next(json_first(view)), QUANTITY_DURATION,
                               1, YEAR, &max, draft->err);
    } else {
        (void)json_as_quantity(view, QUANTITY_DURATION, 1, YEAR, &min,
                               draft->err);
        max = min;
    }
    set_amount(draft, (int64_t)min, (int64_t)max);
}

/* What has a length or a size must be told it. */
static void check_amount(struct fault_draft *draft)
{
    uint32_t action = draft->rule.action;
    const char *key = takes_for(action) ? "for" : "by";
    struct json_view given = json_member(draft->object, key);
    if ((!takes_for(action) && !takes_by(action)) ||
        draft->rule.amount_min != 0 || draft->rule.amount_max != 0)
        return;
    if (given.item)
        json_fail(given, draft->err, "found \"%s\" of nothing, allowed more",
                  key);
    else
        json_fail(draft->object, draft->err,
                  "found \"%s\" without \"%s\", allowed with e.g. \"%s\": "
                  "\"%s\"",
                  draft->verb, key, key,
                  action == ENGINE_ACT_DRIFT ? "+200ppm" : "10s");
}

static void read_amount(struct fault_draft *draft)
{
    uint32_t action = draft->rule.action;
    struct json_view view;
    bool set = draft->rule.amount_min != 0;
    if (json_get(draft->object, "for", JSON_OPTIONAL, &view, draft->err)) {
        if (set || !takes_for(action))
            json_fail_key(view, draft->err,
                          "found \"for\" of a fault that has no length of its "
                          "own, allowed with pause, cut, freeze and outage");
        read_duration(draft, view);
    }
    if (json_get(draft->object, "by", JSON_OPTIONAL, &view, draft->err)) {
        if (!takes_by(action))
            json_fail_key(view, draft->err,
                          "found \"by\" of a fault that has no size, allowed "
                          "with slow, delay and clock step and drift");
        else if (action == ENGINE_ACT_DELAY)
            read_duration(draft, view);
        else
            read_signed(draft, view);
    }
    check_amount(draft);
}

/* When. */

/* The number 0 is for places that are about no run, or no attempt. */
static void read_range(struct fault_draft *draft, const char *key,
                       int64_t least, struct fault_range *range)
{
    struct quantity_range found;
    struct json_view view;
    int64_t number;
    if (!json_get(draft->object, key, JSON_OPTIONAL, &view, draft->err))
        return;
    if (json_is_number(view)) {
        if (json_as_int(view, least, JSON_INT_MAX, &number, draft->err))
            *range = (struct fault_range){(uint64_t)number, (uint64_t)number};
    } else if (json_as_range(view, &found, draft->err)) {
        *range = (struct fault_range){found.first, found.last};
        if (found.first == 0)
            json_fail(view, draft->err,
                      "found \"%s\" from 0, allowed numbers "
                      "from 1",
                      key);
    }
}

static void read_choice(struct fault_draft *draft)
{
    struct json_error *err = draft->err;
    struct fault_rule *rule = &draft->rule;
    int64_t first = 0, max = 0, in_flight = 0;
    uint64_t chance = rule->chance_ppb;
    struct json_view view;
    read_range(draft, "nth", 1, &rule->nth);
    if (json_get(draft->object, "first", JSON_OPTIONAL, &view, err) &&
        json_as_int(view, 1, JSON_INT_MAX, &first, err)) {
        if (json_member(draft->object, "nth").item)
            json_fail_key(view, err,
                          "found both \"nth\" and \"first\", "
                          "allowed one of them");
        fault_rule_nth(rule, 1, (uint64_t)first);
    }
    (void)json_get_quantity(draft->object, "probability", JSON_OPTIONAL,
                            QUANTITY_SHARE, 1, ENGINE_CHANCE_ALWAYS, &chance,
                            err);
    (void)json_get_int(draft->object, "max", JSON_OPTIONAL, 1, JSON_INT_MAX,
                       &max, err);
    (void)json_get_int(draft->object, "in_flight", JSON_OPTIONAL, 1,
                       JSON_INT_MAX, &in_flight, err);
    rule->chance_ppb = (uint32_t)chance;
    rule->max_fires = (uint64_t)max;
    rule->in_flight_min = (uint64_t)in_flight;
    read_range(draft, "run", 0, &rule->runs);
    read_range(draft, "attempt", 0, &rule->attempts);
}

/* A number counts hits, a duration is a period. */
static void read_every(struct fault_draft *draft)
{
    struct json_view view;
    int64_t every;
    if (!json_get(draft->object, "every", JSON_OPTIONAL, &view, draft->err))
        return;
    if (!json_is_number(view))
        (void)json_as_quantity(view, QUANTITY_DURATION, PERIOD_MIN, YEAR,
                               &draft->rule.period_ns, draft->err);
    else if (json_as_int(view, 1, JSON_INT_MAX, &every, draft->err))
        draft->rule.every = (uint64_t)every;
}

static void read_times(struct fault_draft *draft)
{
    struct json_view list;
    struct fault_rule *rule = &draft->rule;
    if (!json_get_array(draft->object, "times", JSON_OPTIONAL, 1,
                        FAULT_TIMES_MAX, &list, draft->err))
        return;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        if (!json_as_quantity(v, QUANTITY_DURATION, 0, YEAR,
                              &rule->times[rule->time_count], draft->err))
            return;
        rule->time_count++;
    }
}

/* Whether nobody's code passes there: it strikes when its time has come. */
static bool at_a_time(const struct fault_draft *draft)
{
    static const enum sim_point points[] = {
        SIM_POINT_PROCESS, SIM_POINT_CLOCK, SIM_POINT_NET_LINK,
        SIM_POINT_PLATFORM_HOST, SIM_POINT_PLATFORM_OUTAGE};
    for (size_t i = 0; i < COUNT(points); i++)
        if (fault_rule_has_point(&draft->rule,
                                 scenario_points_base() + (uint32_t)points[i]))
            return true;
    return false;
}

/* A time where one is needed, and only there. */
static void check_when(struct fault_draft *draft)
{
    static const char *const keys[] = {"times", "jitter", "every"};
    struct json_error *err = draft->err;
    bool set = draft->rule.time_count > 0 || draft->rule.period_ns > 0;
    if (draft->owner && at_process(draft) && !set)
        json_fail(draft->object, err,
                  "found a fault of a %s without place and time, allowed with "
                  "\"at\" and a boundary, or \"times\" or \"every\" with "
                  "durations",
                  draft->owner->name);
    else if (at_a_time(draft) && !set)
        json_fail(draft->object, err,
                  "found \"%s\" without its time, allowed with \"times\" or "
                  "\"every\" with durations",
                  draft->verb);
    for (size_t i = 0; i < COUNT(keys) && !at_a_time(draft); i++) {
        struct json_view member = json_member(draft->object, keys[i]);
        if (member.item && !json_is_number(member))
            json_fail_key(member, err,
                          "found \"%s\" of a fault that strikes where the "
                          "code passes by, allowed \"nth\", \"first\", "
                          "\"probability\" or \"every\" with a number",
                          keys[i]);
    }
}

static void read_when(struct fault_draft *draft)
{
    struct json_error *err = draft->err;
    read_every(draft);
    read_times(draft);
    (void)json_get_duration(draft->object, "from", JSON_OPTIONAL, 0, YEAR,
                            &draft->rule.from_ns, err);
    (void)json_get_duration(draft->object, "until", JSON_OPTIONAL, 0, YEAR,
                            &draft->rule.to_ns, err);
    (void)json_get_duration(draft->object, "jitter", JSON_OPTIONAL, 0, YEAR,
                            &draft->rule.jitter_ns, err);
    check_when(draft);
}

/*
 * Hits are counted for each node by itself, except for workers: platforms
 * make and drop them, so "the third time" means the third time of all.
 */
static void read_counting(struct fault_draft *draft)
{
    static const char *const ways[] = {"each node", "all nodes"};
    const struct class *worker = &classes[CLASS_WORKER];
    size_t way = draft->owner == worker ? 1 : 0;
    (void)json_get_enum(draft->object, "count", JSON_OPTIONAL, ways,
                        COUNT(ways), &way, draft->err);
    draft->rule.across_actors = way == 1;
}

static void read_name(struct fault_draft *draft)
{
    const char *name = NULL;
    if (json_get_string(draft->object, "name", JSON_OPTIONAL, 1,
                        FAULT_NAME_SIZE - 1, &name, draft->err))
        snprintf(draft->rule.name, sizeof(draft->rule.name), "%s", name);
}

/* The fault as a whole. */

static void add_rule(struct fault_draft *draft)
{
    char message[256];
    uint32_t line, column;
    json_where(draft->object, &line, &column);
    draft->rule.line = line;
    if (fault_plan_add(&draft->scenario->plan, &draft->rule, message,
                       sizeof(message)) != 0)
        json_fail(draft->object, draft->err,
                  "found a fault that cannot be carried out: %s", message);
}

static void read_selectors(struct fault_draft *draft)
{
    read_at(draft);
    read_nodes(draft);
    read_steps(draft);
    read_amount(draft);
    read_choice(draft);
    read_when(draft);
    read_counting(draft);
    read_name(draft);
}

static void read_swarm(struct scenario *scenario, struct json_view object,
                       struct json_view value, struct json_error *err)
{
    static const char *const swarms[] = {"default"};
    size_t index = 0;
    if (!json_as_enum(value, swarms, COUNT(swarms), &index, err))
        return;
    if (json_count(object) != 1)
        json_fail(object, err,
                  "found a swarm with selectors, allowed none: "
                  "the seed draws them");
    if (scenario->swarm)
        json_fail(object, err, "found a second swarm, allowed one");
    scenario->swarm = true;
    snprintf(scenario->swarm_name, sizeof(scenario->swarm_name), "%s",
             swarms[index]);
}

static bool is_verb(const char *key)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(verbs[i].key, key) == 0)
            return true;
    }
    return strcmp(key, "swarm") == 0;
}

/* The one member that is a verb. */
static bool find_verb(struct json_view object, struct json_view *verb,
                      struct json_error *err)
{
    *verb = (struct json_view){0};
    for (struct json_view v = json_first(object); v.item; v = json_next(v)) {
        if (!is_verb(json_key(v)))
            continue;
        if (verb->item)
            return json_fail_key(v, err,
                                 "found a second fault \"%s\" beside \"%s\", "
                                 "allowed one in each object",
                                 json_key(v), json_key(*verb));
        *verb = v;
    }
    return verb->item ||
           json_fail(object, err,
                     "found an object that says nothing that goes wrong, "
                     "allowed one of \"crash\", \"oom\", \"pause\", \"slow\", "
                     "\"expire\", \"clock\", \"disk\", \"network\", "
                     "\"platform\", \"swarm\", \"defect\"");
}

static void read_fault(struct read_state *state, struct json_view object)
{
    static const char *const keys[] = {
        "crash", "oom",     "pause",    "slow",        "expire", "clock",
        "disk",  "network", "platform", "swarm",       "defect", "name",
        "at",    "of",      "node",     "nth",         "first",  "every",
        "times", "jitter",  "from",     "probability", "max",    "until",
        "run",   "attempt", "count",    "in_flight",   "for",    "by"};
    struct json_view verb;
    struct fault_draft draft = {
        .object = object, .err = state->err, .scenario = state->scenario};
    if (!json_check_keys(object, keys, COUNT(keys), state->err) ||
        !find_verb(object, &verb, state->err))
        return;
    draft.points = scenario_points(&draft.point_count);
    draft.verb = json_key(verb);
    if (strcmp(json_key(verb), "swarm") == 0) {
        read_swarm(state->scenario, object, verb, state->err);
        return;
    }
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(verbs[i].key, json_key(verb)) == 0)
            verbs[i].read(&draft, verb);
    }
    if (state->err->code == 0)
        read_selectors(&draft);
    if (state->err->code == 0)
        add_rule(&draft);
}

void read_faults(struct read_state *state, struct json_view root)
{
    struct json_view list = {0};
    uint32_t point_count = 0;
    const struct engine_point *points = scenario_points(&point_count);
    (void)json_get_array(root, "faults", JSON_OPTIONAL, 0, FAULTS_MAX, &list,
                         state->err);
    if (state->err->code != 0)
        return;
    if (fault_plan_init(&state->scenario->plan, points, point_count,
                        (uint32_t)json_count(list) + PLAN_SPARE) != 0) {
        read_no_memory(root, state->err);
        return;
    }
    for (struct json_view v = json_first(list); v.item && state->err->code == 0;
         v = json_next(v))
        read_fault(state, v);
}
