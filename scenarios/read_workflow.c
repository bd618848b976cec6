/*
 * Workflows: nodes, the handles and edges between them, and what a step does
 * when it runs. What the graph refuses is said at the node, handle or edge
 * that a person wrote.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/sentence.h"
#include "scenarios/read.h"
#include "scenarios/read_dist.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

enum {
    NAME_MAX_BYTES = 256,
    WORKFLOWS_MAX = 64,
    ATTEMPTS_MAX = 10000,
    OUTPUT_MAX = 64 * 1024 * 1024
};

/* A graph to be, with the places of its parts. */
struct draft {
    struct json_view view;
    const char *name;
    struct engine_node *nodes;
    struct sim_step *steps;
    struct json_view *node_views;
    uint32_t node_count;
    struct engine_edge_names *edges;
    struct json_view *edge_views;
    char **owned; /* two for each edge, perhaps NULL: parts of "node.handle" */
    uint32_t edge_count;
};

bool read_no_memory(struct json_view view, struct json_error *err)
{
    if (err->code == 0) {
        json_fail(view, err, "memory ran out while reading this");
        err->code = JSON_ENOMEM;
    }
    return false;
}

void *read_alloc(size_t count, size_t size, struct json_view view,
                 struct json_error *err)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        read_no_memory(view, err);
    return memory;
}

/* What a step does. */

static void read_fails(struct json_view view, struct sim_step *step,
                       struct json_error *err)
{
    static const char *const keys[] = {"share", "first", "retryable"};
    uint64_t share = step->fail_ppb;
    int64_t first = step->fail_first;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_quantity(view, "share", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            ENGINE_CHANCE_ALWAYS, &share, err);
    (void)json_get_int(view, "first", JSON_OPTIONAL, 0, ATTEMPTS_MAX, &first,
                       err);
    (void)json_get_bool(view, "retryable", JSON_OPTIONAL, &step->fail_retryable,
                        err);
    step->fail_ppb = (uint32_t)share;
    step->fail_first = (uint32_t)first;
}

static void check_effect(struct json_view view, const struct engine_node *node,
                         const struct sim_step *step, struct json_error *err)
{
    struct json_view effect = json_member(view, "effect");
    struct json_view key = json_member(view, "key");
    if (effect.item && step->effect &&
        node->side_effect == ENGINE_EFFECT_READ_ONLY)
        json_fail(effect, err,
                  "found an effect of a step that is read_only, "
                  "allowed none");
    if (key.item && step->keyed && !step->effect)
        json_fail(key, err,
                  "found a key without an effect, allowed with "
                  "\"effect\": true");
}

/* Reads "run", or what a scenario changes of it, over what is there. */
static void read_step(struct json_view view, const struct engine_node *node,
                      struct sim_step *step, struct json_error *err)
{
    static const char *const keys[] = {"duration", "cpu",    "effect",
                                       "key",      "output", "fails"};
    struct json_view fails;
    uint64_t cpu = step->cpu_share_ppb, output = step->output_bytes;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)read_dist_member(view, "duration", &step->duration, err);
    (void)json_get_quantity(view, "cpu", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            ENGINE_CHANCE_ALWAYS, &cpu, err);
    (void)json_get_bool(view, "effect", JSON_OPTIONAL, &step->effect, err);
    (void)json_get_bool(view, "key", JSON_OPTIONAL, &step->keyed, err);
    (void)json_get_quantity(view, "output", JSON_OPTIONAL, QUANTITY_SIZE, 0,
                            OUTPUT_MAX, &output, err);
    if (json_get(view, "fails", JSON_OPTIONAL, &fails, err))
        read_fails(fails, step, err);
    step->cpu_share_ppb = (uint32_t)cpu;
    step->output_bytes = (uint32_t)output;
    check_effect(view, node, step, err);
}

static void step_defaults(const struct engine_node *node, struct sim_step *step)
{
    *step = (struct sim_step){
        .cpu_share_ppb = ENGINE_CHANCE_ALWAYS / 10,
        .keyed = node->side_effect == ENGINE_EFFECT_IDEMPOTENT,
        .output_bytes = 256,
        .fail_retryable = true,
    };
    (void)sim_dist_constant(&step->duration, SECOND / 10);
}

/* How a node is declared. */

/* Once or six times, by what repeating it would do. */
static struct engine_retry retry_default(enum engine_side_effect effect)
{
    return (struct engine_retry){
        .attempts_max = effect == ENGINE_EFFECT_IRREVERSIBLE ? 1 : 6,
        .factor_milli = 2000,
        .delay_ns = 5 * SECOND,
        .delay_max_ns = 60 * SECOND,
        .jitter = ENGINE_JITTER_FULL,
    };
}

static void read_factor(struct json_view view, struct engine_retry *retry,
                        struct json_error *err)
{
    struct json_view member;
    double factor;
    if (!json_get(view, "factor", JSON_OPTIONAL, &member, err) ||
        !json_as_double(member, 1, 1000, &factor, err))
        return;
    retry->factor_milli = (uint32_t)(factor * 1000 + 0.5);
    if ((double)retry->factor_milli / 1000 != factor)
        json_fail(member, err,
                  "found a factor with more than three digits "
                  "after the point, allowed e.g. 1.5");
}

static void read_retry(struct json_view view, struct engine_retry *retry,
                       struct json_error *err)
{
    static const char *const keys[] = {"attempts", "delay", "factor",
                                       "max_delay", "jitter"};
    static const char *const jitters[] = {"none", "half", "full"};
    int64_t attempts = retry->attempts_max;
    size_t jitter = retry->jitter;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_int(view, "attempts", JSON_OPTIONAL, 1, ATTEMPTS_MAX,
                       &attempts, err);
    (void)json_get_duration(view, "delay", JSON_OPTIONAL, 0, DAY,
                            &retry->delay_ns, err);
    if (!json_get_duration(view, "max_delay", JSON_OPTIONAL, 0, 30 * DAY,
                           &retry->delay_max_ns, err) &&
        retry->delay_max_ns < retry->delay_ns)
        retry->delay_max_ns = retry->delay_ns;
    (void)json_get_enum(view, "jitter", JSON_OPTIONAL, jitters, COUNT(jitters),
                        &jitter, err);
    read_factor(view, retry, err);
    retry->attempts_max = (uint32_t)attempts;
    retry->jitter = (enum engine_jitter)jitter;
    if (retry->delay_ns > retry->delay_max_ns)
        json_fail(view, err,
                  "found a delay above max_delay, allowed delay <= "
                  "max_delay");
}

static void read_class(struct json_view view, struct engine_node *node,
                       struct json_error *err)
{
    static const char *const effects[] = {"read_only", "idempotent",
                                          "reversible", "irreversible"};
    static const char *const semantics[] = {"at_least_once", "at_most_once"};
    size_t effect = ENGINE_EFFECT_IRREVERSIBLE - 1;
    size_t kind = ENGINE_AT_LEAST_ONCE - 1;
    (void)json_get_enum(view, "side_effect", JSON_OPTIONAL, effects,
                        COUNT(effects), &effect, err);
    (void)json_get_enum(view, "semantics", JSON_OPTIONAL, semantics,
                        COUNT(semantics), &kind, err);
    node->side_effect = (enum engine_side_effect)(effect + 1);
    node->semantics = (enum engine_semantics)(kind + 1);
}

static void read_step_node(struct json_view view, struct engine_node *node,
                           struct sim_step *step, struct json_error *err)
{
    static const char *const keys[] = {"name",    "type",        "inputs",
                                       "outputs", "side_effect", "semantics",
                                       "timeout", "retry",       "run"};
    struct json_view member;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    node->attempt_timeout_ns = 60 * SECOND;
    read_class(view, node, err);
    node->retry = retry_default(node->side_effect);
    (void)json_get_duration(view, "timeout", JSON_OPTIONAL, SECOND / 1000, DAY,
                            &node->attempt_timeout_ns, err);
    if (json_get(view, "retry", JSON_OPTIONAL, &member, err))
        read_retry(member, &node->retry, err);
    step_defaults(node, step);
    if (json_get(view, "run", JSON_OPTIONAL, &member, err))
        read_step(member, node, step, err);
}

static void read_wait_node(struct json_view view, struct engine_node *node,
                           struct json_error *err)
{
    static const char *const keys[] = {"name", "type", "inputs", "outputs",
                                       "wait"};
    if (json_check_keys(view, keys, COUNT(keys), err))
        (void)json_get_duration(view, "wait", JSON_REQUIRED, SECOND / 1000,
                                365 * DAY, &node->wait_ns, err);
}

static bool is_among(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* The names in a list, each once; returns how many. */
static uint32_t read_names(struct json_view list, const char **names,
                           struct json_error *err)
{
    uint32_t count = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        const char *name = "";
        if (!json_as_string(v, 1, NAME_MAX_BYTES, &name, err))
            break;
        if (is_among(names, count, name)) {
            json_fail(v, err,
                      "found handle \"%s\" twice, allowed each name once",
                      name);
            break;
        }
        names[count++] = name;
    }
    return count;
}

/* Handles are owned by the draft; without the key there is one, @usual. */
static void read_handles(struct json_view node, const char *key,
                         const char *usual, const char *const **names,
                         uint32_t *count, struct json_error *err)
{
    struct json_view list = {0};
    bool given = json_get_array(node, key, JSON_OPTIONAL, 0,
                                ENGINE_GRAPH_HANDLES_MAX, &list, err);
    const char **found =
        read_alloc(given ? json_count(list) : 1, sizeof(*found), node, err);
    *names = found;
    if (!found || err->code != 0)
        return;
    found[0] = usual;
    *count = given ? read_names(list, found, err) : 1;
}

static void read_node(struct draft *draft, struct json_view view,
                      struct json_error *err)
{
    static const char *const types[] = {"step", "wait"};
    uint32_t at = draft->node_count;
    struct engine_node *node = &draft->nodes[at];
    size_t type = 0;
    draft->node_views[at] = view;
    draft->node_count++;
    (void)json_get_enum(view, "type", JSON_OPTIONAL, types, COUNT(types), &type,
                        err);
    node->kind = type == 0 ? ENGINE_NODE_STEP : ENGINE_NODE_WAIT;
    if (type == 0)
        read_step_node(view, node, &draft->steps[at], err);
    else
        read_wait_node(view, node, err);
    (void)json_get_string(view, "name", JSON_REQUIRED, 1, NAME_MAX_BYTES,
                          &node->name, err);
    read_handles(view, "inputs", "in", &node->inputs, &node->input_count, err);
    read_handles(view, "outputs", "out", &node->outputs, &node->output_count,
                 err);
}

static void read_nodes(struct draft *draft, struct json_error *err)
{
    struct json_view list;
    if (!json_get_array(draft->view, "nodes", JSON_REQUIRED, 1,
                        ENGINE_GRAPH_NODES_MAX, &list, err))
        return;
    size_t count = json_count(list);
    draft->nodes = read_alloc(count, sizeof(*draft->nodes), list, err);
    draft->steps = read_alloc(count, sizeof(*draft->steps), list, err);
    draft->node_views =
        read_alloc(count, sizeof(*draft->node_views), list, err);
    if (!draft->nodes || !draft->steps || !draft->node_views)
        return;
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v))
        read_node(draft, v, err);
}

/* Edges. */

/* Takes "node.handle" apart, in a copy that the draft owns. */
static void split_end(struct json_view view, const char *text,
                      const char **node, const char **handle, char **owned,
                      struct json_error *err)
{
    const char *dot = strchr(text, '.');
    if (!dot || dot == text || dot[1] == '\0' || strchr(dot + 1, '.')) {
        json_fail(view, err,
                  "found the end of an edge \"%s\", allowed \"node.handle\", "
                  "or {\"node\": .., \"handle\": ..} if a name has a dot",
                  text);
        return;
    }
    *owned = strdup(text);
    if (!*owned) {
        read_no_memory(view, err);
        return;
    }
    (*owned)[dot - text] = '\0';
    *node = *owned;
    *handle = *owned + (dot - text) + 1;
}

static void read_end(struct json_view view, const char **node,
                     const char **handle, char **owned, struct json_error *err)
{
    static const char *const keys[] = {"node", "handle"};
    const char *text = NULL;
    if (json_is_object(view)) {
        (void)json_check_keys(view, keys, COUNT(keys), err);
        (void)json_get_string(view, "node", JSON_REQUIRED, 1, NAME_MAX_BYTES,
                              node, err);
        (void)json_get_string(view, "handle", JSON_REQUIRED, 1, NAME_MAX_BYTES,
                              handle, err);
    } else if (json_as_string(view, 1, 2 * NAME_MAX_BYTES + 1, &text, err)) {
        split_end(view, text, node, handle, owned, err);
    }
}

/* The two ends of an edge, ["a.out", "b.in"] or {"from": .., "to": ..}. */
static bool edge_ends(struct json_view view, struct json_view ends[2],
                      struct json_error *err)
{
    static const char *const keys[] = {"from", "to"};
    if (json_is_object(view))
        return json_check_keys(view, keys, COUNT(keys), err) &&
               json_get(view, "from", JSON_REQUIRED, &ends[0], err) &&
               json_get(view, "to", JSON_REQUIRED, &ends[1], err);
    if (!json_as_array(view, 2, 2, err))
        return false;
    ends[0] = json_first(view);
    ends[1] = json_next(ends[0]);
    return true;
}

static void read_edges(struct draft *draft, struct json_error *err)
{
    struct json_view list, ends[2];
    if (!json_get_array(draft->view, "edges", JSON_OPTIONAL, 0,
                        ENGINE_GRAPH_EDGES_MAX, &list, err))
        return;
    size_t count = json_count(list);
    draft->edges = read_alloc(count, sizeof(*draft->edges), list, err);
    draft->edge_views =
        read_alloc(count, sizeof(*draft->edge_views), list, err);
    draft->owned = read_alloc(2 * count, sizeof(*draft->owned), list, err);
    if (!draft->edges || !draft->edge_views || !draft->owned)
        return;
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v)) {
        size_t at = draft->edge_count++;
        struct engine_edge_names *edge = &draft->edges[at];
        draft->edge_views[at] = v;
        if (!edge_ends(v, ends, err))
            return;
        read_end(ends[0], &edge->from, &edge->output, &draft->owned[2 * at],
                 err);
        read_end(ends[1], &edge->to, &edge->input, &draft->owned[2 * at + 1],
                 err);
    }
}

/* What the graph refused. */

/* The end of an edge, as its whole place: 0 is where it comes from. */
static struct json_view end_view(const struct draft *draft, uint32_t edge,
                                 uint32_t end)
{
    struct json_view ends[2];
    struct json_error ignored = {0};
    bool read = edge_ends(draft->edge_views[edge], ends, &ignored);
    assert(read);
    return ends[end];
}

static void fail_unknown_node(const struct draft *draft,
                              const struct engine_graph_error *fault,
                              struct json_error *err)
{
    const struct engine_edge_names *edge = &draft->edges[fault->edge];
    const char **names =
        read_alloc(draft->node_count, sizeof(*names), draft->view, err);
    if (!names)
        return;
    for (uint32_t i = 0; i < draft->node_count; i++)
        names[i] = draft->nodes[i].name;
    json_fail_choice(end_view(draft, fault->edge, fault->node), err, "node",
                     fault->node == 0 ? edge->from : edge->to, names,
                     draft->node_count);
    free(names);
}

static void fail_unknown_handle(const struct draft *draft,
                                const struct engine_graph_error *fault,
                                struct json_error *err)
{
    const struct engine_edge_names *edge = &draft->edges[fault->edge];
    const struct engine_node *node = &draft->nodes[fault->node];
    struct json_view view = end_view(draft, fault->edge, fault->other);
    if (fault->other == 0)
        json_fail_choice(view, err, "output", edge->output, node->outputs,
                         node->output_count);
    else
        json_fail_choice(view, err, "input", edge->input, node->inputs,
                         node->input_count);
}

static void fail_duplicate(const struct draft *draft,
                           const struct engine_graph_error *fault,
                           struct json_error *err)
{
    uint32_t line, column;
    json_where(draft->node_views[fault->other], &line, &column);
    json_fail(json_member(draft->node_views[fault->node], "name"), err,
              "found a second node \"%s\", allowed each name once; the first "
              "is on line %u",
              draft->nodes[fault->node].name, line);
}

static void fail_missing_input(const struct draft *draft,
                               const struct engine_graph_error *fault,
                               struct json_error *err)
{
    const struct engine_node *node = &draft->nodes[fault->node];
    json_fail(draft->node_views[fault->node], err,
              "found node \"%s\" that no run can reach: its input \"%s\" has "
              "no edge and another has one; allowed edges into all inputs or "
              "into none",
              node->name, node->inputs[fault->handle]);
}

static void fail_graph(const struct draft *draft,
                       const struct engine_graph_error *fault,
                       struct json_error *err)
{
    switch (fault->fault) {
    case ENGINE_GRAPH_UNKNOWN_NODE:
        fail_unknown_node(draft, fault, err);
        break;
    case ENGINE_GRAPH_UNKNOWN_HANDLE:
        fail_unknown_handle(draft, fault, err);
        break;
    case ENGINE_GRAPH_DUPLICATE_NODE:
        fail_duplicate(draft, fault, err);
        break;
    case ENGINE_GRAPH_HANDLE_TAKEN:
        json_fail(end_view(draft, fault->edge, 1), err,
                  "found a second edge into input \"%s\" of \"%s\", allowed "
                  "one",
                  draft->edges[fault->edge].input,
                  draft->edges[fault->edge].to);
        break;
    case ENGINE_GRAPH_MISSING_INPUT:
        fail_missing_input(draft, fault, err);
        break;
    case ENGINE_GRAPH_CYCLE:
        json_fail(draft->edge_views[fault->edge], err,
                  "found an edge that closes a cycle through \"%s\", allowed a "
                  "graph without cycles: no run could reach it",
                  draft->nodes[fault->node].name);
        break;
    case ENGINE_GRAPH_NO_MEMORY:
        read_no_memory(draft->view, err);
        break;
    default:
        /* Counts, values and handles have been checked while reading. */
        json_fail(draft->view, err, "found a workflow that the engine refuses");
        break;
    }
}

/* From drafts to workflows. */

static void draft_free(struct draft *draft)
{
    for (uint32_t i = 0; i < draft->node_count; i++) {
        free((void *)draft->nodes[i].inputs);
        free((void *)draft->nodes[i].outputs);
    }
    for (size_t i = 0; i < (size_t)2 * draft->edge_count; i++)
        free(draft->owned[i]);
    free(draft->nodes);
    free(draft->steps);
    free(draft->node_views);
    free(draft->edges);
    free(draft->edge_views);
    free(draft->owned);
}

static void read_workflow(struct json_view view,
                          struct scenario_workflow *workflow,
                          struct json_error *err)
{
    static const char *const keys[] = {"$schema", "name", "nodes", "edges"};
    struct draft draft = {.view = view};
    struct engine_graph_error fault;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_string(view, "name", JSON_REQUIRED, 1, NAME_MAX_BYTES,
                          &draft.name, err);
    read_nodes(&draft, err);
    read_edges(&draft, err);
    if (err->code == 0) {
        workflow->graph =
            engine_graph_new(draft.name, draft.nodes, draft.node_count,
                             draft.edges, draft.edge_count, &fault);
        if (!workflow->graph)
            fail_graph(&draft, &fault, err);
        workflow->steps = draft.steps;
        draft.steps = NULL;
    }
    draft_free(&draft);
}

/* A workflow, or the name of the file that has it. */
static void read_referred(struct read_state *state, struct json_view view)
{
    struct scenario *scenario = state->scenario;
    struct scenario_workflow *workflow =
        &scenario->workflows[scenario->workflow_count++];
    if (json_is_object(view)) {
        read_workflow(view, workflow, state->err);
        return;
    }
    if (!json_is_string(view)) {
        json_fail(view, state->err,
                  "found no workflow, allowed an object or the name of a file");
        return;
    }
    struct json_doc *doc = read_files_json(state->files, view, state->err);
    if (doc)
        read_workflow(json_root(doc), workflow, state->err);
    json_free(doc);
}

static void read_list(struct read_state *state, struct json_view root)
{
    struct json_error *err = state->err;
    struct json_view one = {0}, list = {0};
    bool single = json_get(root, "workflow", JSON_OPTIONAL, &one, err);
    if (json_get_array(root, "workflows", JSON_OPTIONAL, 1, WORKFLOWS_MAX,
                       &list, err) == single) {
        json_fail(single ? list : root, err,
                  "found %s \"workflow\" %s \"workflows\", allowed one of them",
                  single ? "both" : "neither", single ? "and" : "nor");
        return;
    }
    state->scenario->workflows =
        read_alloc(single ? 1 : json_count(list),
                   sizeof(*state->scenario->workflows), root, err);
    if (single && err->code == 0)
        read_referred(state, one);
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v))
        read_referred(state, v);
}

/* What a scenario changes of the steps of its workflows. */

static uint32_t count_steps(const struct scenario *scenario)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++)
        count += engine_graph_count(scenario->workflows[w].graph);
    return count;
}

static void apply_change(struct scenario *scenario, struct json_view change,
                         struct json_error *err)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t op = engine_graph_find(workflow->graph, json_key(change));
        if (op == UINT32_MAX)
            continue;
        const struct engine_node *node = engine_graph_node(workflow->graph, op);
        assert(workflow->steps);
        if (node->kind != ENGINE_NODE_STEP) {
            json_fail_key(change, err,
                          "found \"%s\", which is a wait, allowed "
                          "steps",
                          node->name);
            return;
        }
        read_step(change, node, &workflow->steps[op], err);
    }
}

static void read_changes(struct scenario *scenario, struct json_view view,
                         struct json_error *err)
{
    uint32_t count = 0;
    const char **names =
        read_alloc(count_steps(scenario), sizeof(*names), view, err);
    if (!names)
        return;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct engine_graph *graph = scenario->workflows[w].graph;
        for (uint32_t op = 0; op < engine_graph_count(graph); op++)
            names[count++] = engine_graph_node(graph, op)->name;
    }
    if (json_check_keys(view, names, count, err)) {
        for (struct json_view v = json_first(view); v.item; v = json_next(v))
            apply_change(scenario, v, err);
    }
    free(names);
}

/* Tells the checkers which steps have an effect, and which give a key. */
static void note_effects(struct scenario *scenario, struct json_view root,
                         struct json_error *err)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t count = engine_graph_count(workflow->graph);
        assert(workflow->steps);
        workflow->effects =
            read_alloc(count, sizeof(*workflow->effects), root, err);
        for (uint32_t op = 0; workflow->effects && op < count; op++) {
            const struct sim_step *step = &workflow->steps[op];
            workflow->effects[op] = step->effect ? (step->keyed ? 2 : 1) : 0;
        }
    }
}

void read_workflows(struct read_state *state, struct json_view root)
{
    struct json_view changes;
    read_list(state, root);
    if (json_get(root, "steps", JSON_OPTIONAL, &changes, state->err))
        read_changes(state->scenario, changes, state->err);
    if (state->err->code == 0)
        note_effects(state->scenario, root, state->err);
}
