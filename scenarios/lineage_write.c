#include "scenarios/lineage_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "scenarios/database.h"

static void put_hash(struct report_buffer *out, struct engine_hash hash)
{
    report_buffer_print(out, "%016" PRIx64 "%016" PRIx64, hash.hi, hash.lo);
}

/* JSON --------------------------------------------------------------------
 */

static void json_text(struct report_buffer *out, const char *key,
                      const char *text)
{
    report_buffer_print(out, "\"%s\": ", key);
    if (text)
        report_buffer_json(out, text, strlen(text));
    else
        report_buffer_put(out, "null");
    report_buffer_put(out, ", ");
}

static void json_hash(struct report_buffer *out, const char *key,
                      struct engine_hash hash)
{
    report_buffer_print(out, "\"%s\": \"", key);
    put_hash(out, hash);
    report_buffer_put(out, "\", ");
}

static void json_number(struct report_buffer *out, const char *key,
                        uint64_t number, bool known)
{
    if (known)
        report_buffer_print(out, "\"%s\": %" PRIu64 ", ", key, number);
    else
        report_buffer_print(out, "\"%s\": null, ", key);
}

static void json_value(struct report_buffer *out, const char *key,
                       const struct lineage_value *value)
{
    if (!value->known) {
        report_buffer_print(out, "\"%s\": null, ", key);
        return;
    }
    report_buffer_print(out, "\"%s\": {\"bytes\": %" PRIu64 ", \"digest\": \"",
                        key, value->size);
    put_hash(out, value->digest);
    report_buffer_put(out, "\"}, ");
}

static void json_parents(const struct lineage *l, struct report_buffer *out,
                         const struct lineage_execution *e)
{
    report_buffer_put(out, "\"parents\": [");
    for (uint32_t i = e->first; i != LINEAGE_NONE; i = l->edges[i].next) {
        const struct lineage_edge *edge = &l->edges[i];
        report_buffer_put(out, i == e->first ? "{" : ", {");
        if (edge->from)
            json_text(out, "from", edge->from);
        report_buffer_print(out, "\"id\": %u, \"kind\": \"%s\"", edge->parent,
                            lineage_edge_name(edge->kind));
        if (edge->to) {
            report_buffer_put(out, ", \"to\": ");
            report_buffer_json(out, edge->to, strlen(edge->to));
        }
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, "], ");
}

static void json_execution(const struct lineage *l, struct report_buffer *out,
                           uint32_t id)
{
    const struct lineage_execution *e = &l->executions[id];

    report_buffer_put(out, "{");
    json_number(out, "attempt", e->attempt, e->attempt > 0);
    json_hash(out, "code", l->runs[e->run].code);
    json_number(out, "context", e->context, e->context != LINEAGE_NONE);
    json_hash(out, "digest", e->digest);
    json_number(out, "ended_ns", e->ended_ns, e->ended_ns > 0);
    json_text(out, "error", e->error ? engine_error_name(e->error) : NULL);
    report_buffer_print(out, "\"final\": %s, ", e->final ? "true" : "false");
    json_number(out, "id", id, true);
    json_value(out, "input", &e->input);
    report_buffer_put(out, "\"name\": ");
    report_buffer_json(out, e->name, e->name_size);
    report_buffer_put(out, ", ");
    json_number(out, "op", e->op, e->op != UINT32_MAX);
    json_value(out, "output", &e->output);
    json_parents(l, out, e);
    json_text(out, "platform", e->platform);
    json_number(out, "run", l->runs[e->run].number, true);
    json_number(out, "scheduled_ns", e->scheduled_ns, e->scheduled_ns > 0);
    json_number(out, "started_ns", e->started_ns, e->started_ns > 0);
    report_buffer_print(out, "\"state\": \"%s\", \"type\": \"%s\"}",
                        lineage_state_name(e->state), lineage_type_name(e));
}

static void json_run(struct report_buffer *out, const struct lineage_run *run)
{
    report_buffer_put(out, "{");
    json_hash(out, "code", run->code);
    json_number(out, "depth", run->depth, true);
    json_number(out, "execution", run->execution, true);
    json_number(out, "folded_seq", run->folded_seq, run->folded_seq > 0);
    json_number(out, "invoked_by", run->parent, run->parent > 0);
    json_number(out, "run", run->number, true);
    report_buffer_print(out, "\"state\": \"%s\", \"workflow\": ",
                        host_run_state_name(run->state));
    report_buffer_json(out, run->workflow, strlen(run->workflow));
    report_buffer_put(out, "}");
}

void lineage_write_json(const struct lineage *l, struct report_buffer *out)
{
    report_buffer_put(out, "{\"digest\": \"");
    put_hash(out, l->digest);
    report_buffer_put(out, "\",\n\"executions\": [");
    for (uint32_t i = 0; i < l->count; i++) {
        report_buffer_put(out, i ? ",\n" : "\n");
        json_execution(l, out, i);
    }
    report_buffer_put(out, "],\n\"flow\": \"");
    put_hash(out, l->flow);
    report_buffer_print(
        out, "\",\n\"not_followed\": %u,\n\"run\": %" PRIu64 ",\n\"runs\": [",
        l->not_followed, l->runs[0].number);
    for (uint32_t i = 0; i < l->run_count; i++) {
        report_buffer_put(out, i ? ",\n" : "\n");
        json_run(out, &l->runs[i]);
    }
    report_buffer_put(out, "],\n\"schema\": \"perdure.lineage/1\"}\n");
}

/* GraphML -----------------------------------------------------------------
 */

static const struct {
    const char *id;
    const char *type;
    bool edge;
} attributes[] = {
    {"name", "string", false},     {"type", "string", false},
    {"state", "string", false},    {"run", "long", false},
    {"workflow", "string", false}, {"op", "long", false},
    {"attempt", "int", false},     {"platform", "string", false},
    {"error", "string", false},    {"code", "string", false},
    {"digest", "string", false},   {"input", "string", false},
    {"output", "string", false},   {"scheduled_ns", "long", false},
    {"started_ns", "long", false}, {"ended_ns", "long", false},
    {"kind", "string", true},      {"from", "string", true},
    {"to", "string", true},
};

static void xml_text(struct report_buffer *out, const char *key,
                     const char *text)
{
    if (!text)
        return;
    report_buffer_print(out, "<data key=\"%s\">", key);
    (void)report_buffer_html(out, text, SIZE_MAX);
    report_buffer_put(out, "</data>");
}

static void xml_number(struct report_buffer *out, const char *key,
                       uint64_t number)
{
    report_buffer_print(out, "<data key=\"%s\">%" PRIu64 "</data>", key,
                        number);
}

static void xml_hash(struct report_buffer *out, const char *key,
                     struct engine_hash hash)
{
    report_buffer_print(out, "<data key=\"%s\">", key);
    put_hash(out, hash);
    report_buffer_put(out, "</data>");
}

static void xml_execution(const struct lineage *l, struct report_buffer *out,
                          uint32_t id)
{
    const struct lineage_execution *e = &l->executions[id];
    const struct lineage_run *run = &l->runs[e->run];

    report_buffer_print(out, "<node id=\"e%u\">", id);
    xml_text(out, "name", e->name);
    xml_text(out, "type", lineage_type_name(e));
    xml_text(out, "state", lineage_state_name(e->state));
    xml_number(out, "run", run->number);
    xml_text(out, "workflow", run->workflow);
    if (e->op != UINT32_MAX)
        xml_number(out, "op", e->op);
    if (e->attempt)
        xml_number(out, "attempt", e->attempt);
    xml_text(out, "platform", e->platform);
    xml_text(out, "error", e->error ? engine_error_name(e->error) : NULL);
    xml_hash(out, "code", run->code);
    xml_hash(out, "digest", e->digest);
    if (e->input.known)
        xml_hash(out, "input", e->input.digest);
    if (e->output.known)
        xml_hash(out, "output", e->output.digest);
    if (e->scheduled_ns)
        xml_number(out, "scheduled_ns", e->scheduled_ns);
    if (e->started_ns)
        xml_number(out, "started_ns", e->started_ns);
    if (e->ended_ns)
        xml_number(out, "ended_ns", e->ended_ns);
    report_buffer_put(out, "</node>\n");
}

static void xml_edge(struct report_buffer *out, uint32_t from, uint32_t to,
                     const char *kind, const struct lineage_edge *edge)
{
    report_buffer_print(out, "<edge source=\"e%u\" target=\"e%u\">", from, to);
    xml_text(out, "kind", kind);
    if (edge) {
        xml_text(out, "from", edge->from);
        xml_text(out, "to", edge->to);
    }
    report_buffer_put(out, "</edge>\n");
}

static void xml_edges(const struct lineage *l, struct report_buffer *out,
                      uint32_t id)
{
    const struct lineage_execution *e = &l->executions[id];

    if (e->context != LINEAGE_NONE)
        xml_edge(out, e->context, id, "context", NULL);
    for (uint32_t i = e->first; i != LINEAGE_NONE; i = l->edges[i].next)
        xml_edge(out, l->edges[i].parent, id,
                 lineage_edge_name(l->edges[i].kind), &l->edges[i]);
}

void lineage_write_graphml(const struct lineage *l, struct report_buffer *out)
{
    report_buffer_put(
        out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
        report_buffer_print(out,
                            "<key id=\"%s\" for=\"%s\" attr.name=\"%s\" "
                            "attr.type=\"%s\"/>\n",
                            attributes[i].id,
                            attributes[i].edge ? "edge" : "node",
                            attributes[i].id, attributes[i].type);
    report_buffer_put(out, "<graph id=\"lineage\" edgedefault=\"directed\">\n");
    for (uint32_t i = 0; i < l->count; i++)
        xml_execution(l, out, i);
    for (uint32_t i = 0; i < l->count; i++)
        xml_edges(l, out, i);
    report_buffer_put(out, "</graph>\n</graphml>\n");
}

/* Text --------------------------------------------------------------------
 */

static void text_run(const struct lineage *l, struct report_buffer *out,
                     uint32_t index)
{
    const struct lineage_run *run = &l->runs[index];

    report_buffer_print(out, "run %" PRIu64 " of ", run->number);
    (void)report_buffer_plain(out, run->workflow, 60);
    report_buffer_print(out, ", %s", host_run_state_name(run->state));
    if (run->parent)
        report_buffer_print(out, ", invoked by run %" PRIu64, run->parent);
    report_buffer_put(out, ", code ");
    put_hash(out, run->code);
    report_buffer_put(out, "\n");
    if (run->folded_seq)
        report_buffer_print(out,
                            "  events up to %" PRIu64 " were compacted: of "
                            "operations before, only what came of them\n",
                            run->folded_seq);
}

static uint32_t depth_of(const struct lineage *l,
                         const struct lineage_execution *e)
{
    uint32_t depth = 0;

    for (uint32_t at = e->context;
         at != LINEAGE_NONE && l->executions[at].run == e->run && depth < 16;
         at = l->executions[at].context)
        depth++;
    return depth;
}

/* The beginning of its digest: enough to see which are equal. */
static void text_value(struct report_buffer *out,
                       const struct lineage_value *value)
{
    if (value->known)
        report_buffer_print(out, " %08x", (unsigned)(value->digest.hi >> 32));
    else
        report_buffer_put(out, "        -");
}

static void text_parents(const struct lineage *l, struct report_buffer *out,
                         const struct lineage_execution *e)
{
    uint32_t count = 0;

    for (uint32_t i = e->first; i != LINEAGE_NONE; i = l->edges[i].next) {
        if (count++ == 6) {
            report_buffer_put(out, " ..");
            return;
        }
        report_buffer_print(out, " %s:%u", lineage_edge_name(l->edges[i].kind),
                            l->edges[i].parent);
    }
}

static void text_execution(const struct lineage *l, struct report_buffer *out,
                           uint32_t id)
{
    const struct lineage_execution *e = &l->executions[id];
    int indent = 2 * (int)depth_of(l, e);
    size_t room = (size_t)(36 - indent > 12 ? 36 - indent : 12);
    uint64_t begun_ns = e->started_ns ? e->started_ns : e->scheduled_ns;
    char took[32] = "-";
    char place[16] = "-";

    if (e->ended_ns > begun_ns && begun_ns)
        quantity_print(QUANTITY_DURATION,
                       (e->ended_ns - begun_ns) / 1000000 * 1000000, took,
                       sizeof(took));
    if (e->ordinal > 0)
        snprintf(place, sizeof(place), "#%u", e->ordinal);
    report_buffer_print(out, "%6u %*s", id, indent, "");
    size_t used = report_buffer_plain(out, e->name[0] ? e->name : place, room);
    report_buffer_print(out, "%*s ", used < room ? (int)(room - used) : 0, "");
    report_buffer_print(out, "%-16s ", lineage_type_name(e));
    if (e->attempt)
        report_buffer_print(out, "%3u ", e->attempt);
    else
        report_buffer_put(out, "  - ");
    used = report_buffer_plain(out, e->platform ? e->platform : "-", 16);
    report_buffer_print(out, "%*s %-11s %9s", used < 16 ? 16 - (int)used : 0,
                        "", lineage_state_name(e->state), took);
    text_value(out, &e->input);
    text_value(out, &e->output);
    text_parents(l, out, e);
    if (e->error)
        report_buffer_print(out, " (%s)", engine_error_name(e->error));
    report_buffer_put(out, "\n");
}

/* What is inside of what, within a run: the newest first. */
struct tree {
    uint32_t *inner;
    uint32_t *next;
    uint32_t *stack;
};

static void tree_free(struct tree *tree)
{
    free(tree->inner);
    free(tree->next);
    free(tree->stack);
}

static bool tree_init(struct tree *tree, const struct lineage *l)
{
    size_t size = ((size_t)l->count + 1) * sizeof(uint32_t);

    *tree = (struct tree){malloc(size), malloc(size), malloc(size)};
    if (!tree->inner || !tree->next || !tree->stack)
        return false;
    for (uint32_t i = 0; i < l->count; i++)
        tree->inner[i] = LINEAGE_NONE;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t context = l->executions[i].context;
        if (context == LINEAGE_NONE ||
            l->executions[context].run != l->executions[i].run)
            continue;
        tree->next[i] = tree->inner[context];
        tree->inner[context] = i;
    }
    return true;
}

/* Pushed newest first, they come off oldest first. */
static void text_tree(const struct lineage *l, struct report_buffer *out,
                      const struct tree *tree, uint32_t root)
{
    uint32_t depth = 0;

    tree->stack[depth++] = root;
    while (depth > 0) {
        uint32_t at = tree->stack[--depth];
        text_execution(l, out, at);
        for (uint32_t i = tree->inner[at]; i != LINEAGE_NONE; i = tree->next[i])
            tree->stack[depth++] = i;
    }
}

void lineage_write_text(const struct lineage *l, struct report_buffer *out)
{
    struct tree tree;

    if (!tree_init(&tree, l)) {
        tree_free(&tree);
        out->failed = 1;
        return;
    }
    report_buffer_put(out, "lineage ");
    put_hash(out, l->digest);
    report_buffer_put(out, ", flow ");
    put_hash(out, l->flow);
    report_buffer_print(out, ", %u executions, %u runs", l->count,
                        l->run_count);
    if (l->not_followed)
        report_buffer_print(out, "; %u runs further away: see --depth",
                            l->not_followed);
    report_buffer_print(out,
                        "\n%6s %-36s %-16s %3s %-16s %-11s %9s %8s %8s "
                        "parents\n",
                        "", "name", "type", "try", "platform", "state", "took",
                        "input", "output");
    for (uint32_t i = 0; i < l->run_count; i++) {
        text_run(l, out, i);
        text_tree(l, out, &tree, l->runs[i].execution);
    }
    tree_free(&tree);
}
