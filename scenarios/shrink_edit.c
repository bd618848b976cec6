#include "scenarios/shrink_edit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "scenarios/scenario.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    ENDS_MAX = 64 /* of edges that are joined at one node */
};

static cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_among(const char *key, const char *const *keys, size_t count)
{
    for (size_t i = 0; key && i < count; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

void shrink_edit_drop(cJSON *list, const bool *gone)
{
    cJSON *next;
    size_t at = 0;
    for (cJSON *item = list ? list->child : NULL; item; item = next, at++) {
        next = item->next;
        if (gone[at])
            cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
    }
}

bool shrink_edit_is_kind(const struct write_fault *fault, unsigned kinds)
{
    static const char *const prefixes[] = {"net/", "disk/", "platform/"};
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if ((kinds >> i & 1) && fault->decision.point < count &&
            strncmp(points[fault->decision.point].name, prefixes[i],
                    strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* The load ---------------------------------------------------------------- */

static bool set_number(cJSON *object, const char *key, uint64_t number)
{
    cJSON *item = member(object, key);
    if (!item)
        return cJSON_AddNumberToObject(object, key, (double)number) != NULL;
    cJSON *fresh = cJSON_CreateNumber((double)number);
    return fresh && cJSON_ReplaceItemInObjectCaseSensitive(object, key, fresh);
}

static bool set_duration(cJSON *object, const char *key, uint64_t ns)
{
    char text[32];
    quantity_print(QUANTITY_DURATION, ns, text, sizeof(text));
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

static bool replace(cJSON *object, const char *key, cJSON *item)
{
    if (item && cJSON_ReplaceItemInObjectCaseSensitive(object, key, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* The mean time between two runs. */
static bool mean_gap(const cJSON *arrivals, uint64_t *ns)
{
    const cJSON *rate = member(arrivals, "rate");
    const cJSON *every = member(arrivals, "every");
    const cJSON *burst = member(arrivals, "burst");
    struct quantity_rate read;
    const char *why;
    if (cJSON_IsString(rate) &&
        quantity_read_rate(rate->valuestring, &read, &why) == 0 &&
        read.count > 0) {
        *ns = read.per_ns / read.count;
        return true;
    }
    if (!cJSON_IsString(every) ||
        quantity_read(QUANTITY_DURATION, every->valuestring, ns, &why) != 0)
        return false;
    if (cJSON_IsNumber(burst) && burst->valuedouble >= 1)
        *ns /= (uint64_t)burst->valuedouble;
    return true;
}

static bool spread(cJSON *load, uint64_t runs, uint64_t before)
{
    uint64_t gap_ns, span_ns;
    cJSON *arrivals = cJSON_CreateObject();
    if (arrivals && mean_gap(member(load, "arrivals"), &gap_ns) &&
        !__builtin_mul_overflow(gap_ns, before, &span_ns) &&
        span_ns / runs > 0 && set_duration(arrivals, "every", span_ns / runs))
        return replace(load, "arrivals", arrivals);
    cJSON_Delete(arrivals);
    return false;
}

static bool at_once(cJSON *load, uint64_t runs)
{
    cJSON *arrivals = cJSON_CreateObject();
    if (arrivals && set_number(arrivals, "burst", runs) &&
        cJSON_AddStringToObject(arrivals, "every", "1s"))
        return replace(load, "arrivals", arrivals);
    cJSON_Delete(arrivals);
    return false;
}

bool shrink_edit_load(cJSON *document, uint64_t runs, uint64_t before,
                      enum shrink_edit_load way)
{
    cJSON *load = member(document, "load");
    cJSON *list = member(member(load, "arrivals"), "at");
    if (!load || !set_number(load, "runs", runs))
        return false;
    if (way == SHRINK_LOAD_SPREAD)
        return spread(load, runs, before);
    if (way == SHRINK_LOAD_BURST)
        return at_once(load, runs);
    while ((uint64_t)cJSON_GetArraySize(list) > runs)
        cJSON_DeleteItemFromArray(list, cJSON_GetArraySize(list) - 1);
    return true;
}

/* Selectors that let a fault wait for a later hit than the first. */
static const char *const waiting[] = {"nth",     "first",    "every",
                                      "attempt", "max",      "probability",
                                      "run",     "in_flight"};

static bool waits(const cJSON *fault)
{
    const cJSON *every = member(fault, "every");
    if (cJSON_IsString(every) || member(fault, "times"))
        return false;
    for (size_t i = 0; i < COUNT(waiting); i++)
        if (member(fault, waiting[i]))
            return true;
    return false;
}

void shrink_edit_loosen(cJSON *faults, uint32_t hits)
{
    cJSON *fault;
    cJSON_ArrayForEach(fault, faults)
    {
        if (!waits(fault))
            continue;
        for (size_t i = 0; i < COUNT(waiting); i++)
            cJSON_DeleteItemFromObjectCaseSensitive(fault, waiting[i]);
        cJSON_AddNumberToObject(fault, "first", hits);
    }
}

bool shrink_edit_pin(cJSON *faults, cJSON *fault, double hit)
{
    static const char *const others[] = {"swarm", "defect", "clock"};
    cJSON *next;
    for (size_t i = 0; i < COUNT(others); i++)
        if (member(fault, others[i]))
            return false;
    if (member(fault, "times") || cJSON_IsString(member(fault, "every")))
        return false;
    for (cJSON *item = faults->child; item; item = next) {
        next = item->next;
        if (item != fault)
            cJSON_Delete(cJSON_DetachItemViaPointer(faults, item));
    }
    for (size_t i = 0; i < COUNT(waiting); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(fault, waiting[i]);
    return cJSON_AddNumberToObject(fault, "nth", hit) != NULL;
}

void shrink_edit_seed(cJSON *document, uint64_t seed)
{
    cJSON_DeleteItemFromObjectCaseSensitive(document, "seed");
    cJSON_AddNumberToObject(document, "seed", (double)seed);
}

bool shrink_edit_arrivals(cJSON *document, const uint64_t *times_ns,
                          uint64_t count)
{
    char text[32];
    cJSON *arrivals = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(arrivals, "at");
    for (uint64_t i = 0; list && i < count; i++) {
        quantity_print(QUANTITY_DURATION, times_ns[i], text, sizeof(text));
        cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    return replace(member(document, "load"), "arrivals", arrivals) && list;
}

static cJSON *arrival_list(const cJSON *document)
{
    return member(member(member(document, "load"), "arrivals"), "at");
}

bool shrink_edit_lists_arrivals(const cJSON *document)
{
    return arrival_list(document) != NULL;
}

/* A fault's run by its new number; about none of them if it is gone. */
static void renumber(cJSON *document, const bool *gone, uint64_t count)
{
    cJSON *fault;
    cJSON_ArrayForEach(fault, member(document, "faults"))
    {
        const cJSON *run = member(fault, "run");
        if (!cJSON_IsNumber(run) || run->valuedouble < 1 ||
            run->valuedouble > (double)count)
            continue;
        uint64_t number = (uint64_t)run->valuedouble, to = number;
        for (uint64_t i = 0; i < number; i++)
            to -= gone[i];
        if (gone[number - 1])
            cJSON_DeleteItemFromObjectCaseSensitive(fault, "run");
        else
            set_number(fault, "run", to);
    }
}

bool shrink_edit_drop_runs(cJSON *document, const bool *gone)
{
    cJSON *list = arrival_list(document);
    uint64_t before = (uint64_t)cJSON_GetArraySize(list);
    shrink_edit_drop(list, gone);
    uint64_t after = (uint64_t)cJSON_GetArraySize(list);
    if (after == 0)
        return false;
    renumber(document, gone, before);
    return set_number(member(document, "load"), "runs", after);
}

/* Graphs ------------------------------------------------------------------ */

static cJSON *find_holder(cJSON *item, int *number)
{
    const cJSON *nodes = cJSON_IsObject(item) ? member(item, "nodes") : NULL;
    if (cJSON_IsArray(nodes) && (*number)-- == 0)
        return item;
    for (cJSON *child = item ? item->child : NULL; child; child = child->next) {
        cJSON *found = find_holder(child, number);
        if (found)
            return found;
    }
    return NULL;
}

cJSON *shrink_edit_holder(cJSON *document, int number)
{
    return find_holder(document, &number);
}

/* One end of an edge: of this node? Forms: "a.out", {"node": "a", ..}. */
static bool is_end(const cJSON *end, const char *name)
{
    const cJSON *node = member(end, "node");
    if (cJSON_IsString(node))
        return strcmp(node->valuestring, name) == 0;
    if (!cJSON_IsString(end))
        return false;
    const char *dot = strrchr(end->valuestring, '.');
    size_t length =
        dot ? (size_t)(dot - end->valuestring) : strlen(end->valuestring);
    return strlen(name) == length &&
           strncmp(end->valuestring, name, length) == 0;
}

static cJSON *edge_end(const cJSON *edge, bool to)
{
    if (cJSON_IsArray(edge))
        return cJSON_GetArrayItem(edge, to ? 1 : 0);
    return member(edge, to ? "to" : "from");
}

static void add_edge(cJSON *edges, const cJSON *from, const cJSON *to)
{
    cJSON *edge = cJSON_CreateArray();
    if (!edge)
        return;
    cJSON_AddItemToArray(edge, cJSON_Duplicate(from, true));
    cJSON_AddItemToArray(edge, cJSON_Duplicate(to, true));
    cJSON_AddItemToArray(edges, edge);
}

/* Each that led to the node now leads to each that followed it. */
static void bridge(cJSON *edges, const char *name)
{
    const cJSON *before[ENDS_MAX], *after[ENDS_MAX];
    size_t ins = 0, outs = 0;
    const cJSON *edge;
    cJSON_ArrayForEach(edge, edges)
    {
        const cJSON *from = edge_end(edge, false), *to = edge_end(edge, true);
        if (is_end(to, name) && ins < ENDS_MAX)
            before[ins++] = from;
        if (is_end(from, name) && outs < ENDS_MAX)
            after[outs++] = to;
    }
    for (size_t i = 0; i < ins; i++)
        for (size_t k = 0; k < outs; k++)
            add_edge(edges, before[i], after[k]);
}

static void cut_edges(cJSON *edges, const char *name)
{
    cJSON *next;
    for (cJSON *edge = edges ? edges->child : NULL; edge; edge = next) {
        next = edge->next;
        if (is_end(edge_end(edge, false), name) ||
            is_end(edge_end(edge, true), name))
            cJSON_Delete(cJSON_DetachItemViaPointer(edges, edge));
    }
}

/* What else speaks of the node. */
static void forget(cJSON *document, const char *name)
{
    cJSON *fault;
    cJSON_DeleteItemFromObjectCaseSensitive(member(document, "steps"), name);
    cJSON_ArrayForEach(fault, member(document, "faults"))
    {
        const cJSON *of = member(fault, "of");
        if (cJSON_IsString(of) && strcmp(of->valuestring, name) == 0)
            cJSON_DeleteItemFromObjectCaseSensitive(fault, "of");
    }
}

void shrink_edit_drop_nodes(cJSON *document, cJSON *holder, const bool *gone,
                            bool bridged)
{
    cJSON *edges = member(holder, "edges");
    cJSON *next;
    size_t at = 0;
    cJSON *nodes = member(holder, "nodes");
    for (cJSON *node = nodes->child; node; node = next, at++) {
        next = node->next;
        const cJSON *name = member(node, "name");
        if (!gone[at])
            continue;
        if (cJSON_IsString(name)) {
            if (bridged)
                bridge(edges, name->valuestring);
            cut_edges(edges, name->valuestring);
            forget(document, name->valuestring);
        }
        cJSON_Delete(cJSON_DetachItemViaPointer(nodes, node));
    }
}

/* Values ------------------------------------------------------------------ */

size_t shrink_edit_count(const cJSON *item)
{
    size_t count = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        count += 1 + shrink_edit_count(child);
    }
    return count;
}

/* A value on the way from the document down. */
struct spot {
    cJSON *parent;
    cJSON *item;
    const char *section; /* the key of the document that it is in */
    int depth;           /* 1: it is that section itself */
};

static bool find_spot(cJSON *parent, size_t *at, struct spot *spot)
{
    for (cJSON *item = parent->child; item; item = item->next) {
        const char *section = spot->section;
        if (spot->depth == 0)
            spot->section = item->string;
        spot->depth++;
        if ((*at)-- == 0) {
            spot->parent = parent;
            spot->item = item;
            return true;
        }
        if (find_spot(item, at, spot))
            return true;
        spot->depth--;
        spot->section = section;
    }
    return false;
}

static bool deletable(const struct spot *spot)
{
    static const char *const sections[] = {"why",    "seed",       "load",
                                           "limit",  "workflow",   "workflows",
                                           "faults", "reproduces", "defects"};
    static const char *const keys[] = {"name", "nodes", "arrivals", "runs"};
    const struct cJSON *item = spot->item;
    if (spot->depth == 1)
        return !is_among(spot->section, sections, COUNT(sections)) ||
               (strcmp(spot->section, "faults") == 0 && !item->child);
    if (strcmp(spot->section, "faults") == 0 ||
        strcmp(spot->section, "defects") == 0 ||
        strcmp(spot->section, "reproduces") == 0)
        return false;
    if (strcmp(spot->section, "load") == 0 && spot->depth > 2)
        return false;
    if (spot->parent->string && strcmp(spot->parent->string, "nodes") == 0)
        return false;
    return !is_among(item->string, keys, COUNT(keys));
}

bool shrink_edit_delete(cJSON *document, size_t at)
{
    struct spot spot = {0};
    if (!find_spot(document, &at, &spot) || !deletable(&spot))
        return false;
    cJSON_Delete(cJSON_DetachItemViaPointer(spot.parent, spot.item));
    return true;
}

static bool smaller_number(cJSON *item, uint32_t way)
{
    double now = item->valuedouble;
    if (now <= 1 || now != (double)(int64_t)now || now > 1e9)
        return false;
    double to = way == 0 ? 1 : way == 1 ? (double)((int64_t)now / 2) : now - 1;
    if (to < 1)
        return false;
    cJSON_SetNumberHelper(item, to);
    return true;
}

/* To so many digits, not to nothing. */
static bool rounder_duration(const struct spot *spot, uint32_t digits)
{
    uint64_t ns, unit = 1;
    const char *why;
    char text[32];
    if (quantity_read(QUANTITY_DURATION, spot->item->valuestring, &ns, &why))
        return false;
    for (uint64_t rest = ns, width = 0; rest > 0; rest /= 10)
        unit *= ++width > digits ? 10 : 1;
    uint64_t rounded = ns / unit * unit;
    quantity_print(QUANTITY_DURATION, rounded, text, sizeof(text));
    if (rounded == ns || rounded == 0 ||
        strlen(text) >= strlen(spot->item->valuestring))
        return false;
    cJSON *fresh = cJSON_CreateString(text);
    if (!fresh)
        return false;
    return spot->item->string
               ? cJSON_ReplaceItemInObjectCaseSensitive(
                     spot->parent, spot->item->string, fresh)
               : cJSON_ReplaceItemViaPointer(spot->parent, spot->item, fresh);
}

bool shrink_edit_simplify(cJSON *document, size_t at, uint32_t way)
{
    static const char *const left[] = {"why",  "seed",    "limit",
                                       "exit", "defects", "reproduces"};
    static const char *const keys[] = {"runs", "run", "nth", "attempt",
                                       "burst"};
    struct spot spot = {0};
    assert(way < SHRINK_EDIT_WAYS);
    if (!find_spot(document, &at, &spot) ||
        is_among(spot.section, left, COUNT(left)) ||
        is_among(spot.item->string, keys, COUNT(keys)))
        return false;
    if (cJSON_IsNumber(spot.item))
        return smaller_number(spot.item, way);
    return cJSON_IsString(spot.item) && rounder_duration(&spot, way + 1);
}
