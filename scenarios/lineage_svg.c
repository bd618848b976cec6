/*
 * A lineage drawn in layers: an execution stands to the right of everything
 * that it has its input from, and of the context that it is in. Each box is
 * one execution, or as many as are alike when there are too many to be seen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/lineage_write.h"

enum {
    BOX_WIDTH = 190,
    BOX_HEIGHT = 44,
    COLUMN = 250,
    ROW = 58,
    TOP = 60,
    LEFT = 20,
    NAME_COLUMNS = 24,
    LAYERS_MAX = 4096,
    LINES_MAX = 4 * LINEAGE_SVG_BOXES /* drawn; more are counted */
};

/* How much of it counts for what is alike. */
enum detail {
    DETAIL_TYPES,  /* workflow, type and state */
    DETAIL_LAYERS, /* the same, and the layer */
    DETAIL_NAMES,  /* the same, and the name, but not the layer */
    DETAIL_ALL
};

struct box {
    uint32_t first; /* execution */
    uint32_t count;
    uint32_t layer;
    uint32_t row;
};

struct line {
    uint32_t from;
    uint32_t to;
    uint32_t kind; /* 0: context */
};

struct drawing {
    const struct lineage *l;
    struct report_buffer *out;
    uint32_t *layers;  /* by execution */
    uint32_t *box_of;  /* by execution */
    struct box *boxes; /* in the order of their first execution */
    uint32_t box_count;
    struct line *lines;
    size_t line_count;
    size_t line_total; /* different ones */
    enum detail detail;
    uint32_t layer_count;
    uint32_t row_count;
};

/* Layers ------------------------------------------------------------------
 */

/* What comes before it: edges that do not lead back out of a context. */
static bool leads_on(const struct lineage_edge *edge)
{
    return edge->kind == LINEAGE_OUTPUT || edge->kind == LINEAGE_VALUE ||
           edge->kind == LINEAGE_MESSAGE || edge->kind == LINEAGE_AFTER;
}

/* The next one before `at` that has no layer yet. */
static uint32_t next_before(const struct lineage *l, uint32_t *next,
                            const uint8_t *state, uint32_t at)
{
    const struct lineage_execution *e = &l->executions[at];

    if (e->context != LINEAGE_NONE && !state[e->context])
        return e->context;
    while (next[at] != LINEAGE_NONE) {
        const struct lineage_edge *edge = &l->edges[next[at]];
        next[at] = edge->next;
        if (leads_on(edge) && !state[edge->parent])
            return edge->parent;
    }
    return LINEAGE_NONE;
}

static uint32_t layer_of(const struct drawing *d, uint32_t at)
{
    const struct lineage_execution *e = &d->l->executions[at];
    uint32_t layer = 0;

    if (e->context != LINEAGE_NONE)
        layer = d->layers[e->context] + 1;
    for (uint32_t i = e->first; i != LINEAGE_NONE; i = d->l->edges[i].next)
        if (leads_on(&d->l->edges[i]) &&
            d->layers[d->l->edges[i].parent] >= layer)
            layer = d->layers[d->l->edges[i].parent] + 1;
    return layer < LAYERS_MAX ? layer : LAYERS_MAX - 1;
}

/* Without recursion; who is met again on the way counts as layer 0. */
static void find_layers(struct drawing *d, uint32_t *stack, uint32_t *next,
                        uint8_t *state)
{
    for (uint32_t i = 0; i < d->l->count; i++)
        next[i] = d->l->executions[i].first;
    for (uint32_t i = 0; i < d->l->count; i++) {
        uint32_t depth = 0;
        if (!state[i]) {
            state[i] = 1;
            stack[depth++] = i;
        }
        while (depth > 0) {
            uint32_t at = stack[depth - 1];
            uint32_t before = next_before(d->l, next, state, at);
            if (before != LINEAGE_NONE) {
                state[before] = 1;
                stack[depth++] = before;
                continue;
            }
            d->layers[at] = layer_of(d, at);
            depth--;
        }
    }
}

/* Boxes -------------------------------------------------------------------
 */

struct likeness {
    struct engine_hash key;
    uint32_t execution;
};

static struct engine_hash key_of(const struct drawing *d, uint32_t at,
                                 enum detail detail)
{
    const struct lineage *l = d->l;
    const struct lineage_execution *e = &l->executions[at];
    const char *workflow = l->runs[e->run].workflow;
    struct engine_hash parts[3] = {
        engine_hash_bytes(workflow, strlen(workflow)),
        {(uint64_t)e->type << 32 | (uint64_t)e->subtype << 8 | e->state, 0},
        {0, 0}};

    if (detail == DETAIL_ALL)
        return (struct engine_hash){at, 0};
    if (detail == DETAIL_LAYERS)
        parts[2].lo = d->layers[at];
    if (detail == DETAIL_NAMES)
        parts[2] = engine_hash_bytes(e->name, e->name_size);
    return engine_hash_bytes(parts, sizeof(parts));
}

static int compare(const void *a, const void *b)
{
    const struct likeness *x = a;
    const struct likeness *y = b;

    if (x->key.hi != y->key.hi)
        return x->key.hi < y->key.hi ? -1 : 1;
    if (x->key.lo != y->key.lo)
        return x->key.lo < y->key.lo ? -1 : 1;
    return x->execution < y->execution ? -1 : 1;
}

static int compare_boxes(const void *a, const void *b)
{
    const struct box *x = a;
    const struct box *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Counts the kinds, and makes a box of each if there is room for them. */
static uint32_t gather(struct drawing *d, struct likeness *list,
                       enum detail detail)
{
    uint32_t kinds = 0;

    for (uint32_t i = 0; i < d->l->count; i++)
        list[i] = (struct likeness){key_of(d, i, detail), i};
    qsort(list, d->l->count, sizeof(*list), compare);
    for (uint32_t i = 0; i < d->l->count; i++) {
        if (i == 0 || !engine_hash_equal(list[i].key, list[i - 1].key)) {
            if (kinds < LINEAGE_SVG_BOXES)
                d->boxes[kinds] = (struct box){.first = list[i].execution,
                                               .layer = LAYERS_MAX};
            kinds++;
        }
        if (kinds <= LINEAGE_SVG_BOXES)
            d->boxes[kinds - 1].count++;
    }
    return kinds;
}

/* Whose box is whose: the boxes are sorted again, so kinds are looked up. */
static void assign(struct drawing *d, const struct likeness *list)
{
    uint32_t *place = calloc(d->l->count + UINT32_C(1), sizeof(*place));

    d->out->failed |= !place;
    if (!place)
        return;
    qsort(d->boxes, d->box_count, sizeof(*d->boxes), compare_boxes);
    for (uint32_t i = 0; i < d->box_count; i++)
        place[d->boxes[i].first] = i;
    uint32_t box = 0;
    for (uint32_t i = 0; i < d->l->count; i++) {
        if (i == 0 || !engine_hash_equal(list[i].key, list[i - 1].key))
            box = place[list[i].execution];
        d->box_of[list[i].execution] = box;
        if (d->layers[list[i].execution] < d->boxes[box].layer)
            d->boxes[box].layer = d->layers[list[i].execution];
    }
    free(place);
}

/* Columns without a gap, each box below the one before it. */
static void place_boxes(struct drawing *d)
{
    uint32_t *rows = calloc(LAYERS_MAX + 1, sizeof(*rows));

    d->out->failed |= !rows;
    if (!rows)
        return;
    for (uint32_t i = 0; i < d->box_count; i++)
        rows[d->boxes[i].layer] = 1;
    for (uint32_t i = 0; i < LAYERS_MAX; i++)
        rows[i] = rows[i] ? d->layer_count++ : 0;
    for (uint32_t i = 0; i < d->box_count; i++)
        d->boxes[i].layer = rows[d->boxes[i].layer];
    memset(rows, 0, LAYERS_MAX * sizeof(*rows));
    for (uint32_t i = 0; i < d->box_count; i++) {
        d->boxes[i].row = rows[d->boxes[i].layer]++;
        if (d->boxes[i].row >= d->row_count)
            d->row_count = d->boxes[i].row + 1;
    }
    free(rows);
}

/* Lines -------------------------------------------------------------------
 */

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a;
    const struct line *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

static void add_line(struct drawing *d, uint32_t from, uint32_t to,
                     uint32_t kind)
{
    from = d->box_of[from];
    to = d->box_of[to];
    if (from != to)
        d->lines[d->line_count++] = (struct line){from, to, kind};
}

/* Each once, whatever it stands for. */
static void find_lines(struct drawing *d)
{
    size_t kept = 0;

    for (uint32_t i = 0; i < d->l->count; i++) {
        const struct lineage_execution *e = &d->l->executions[i];
        if (e->context != LINEAGE_NONE)
            add_line(d, e->context, i, 0);
        for (uint32_t n = e->first; n != LINEAGE_NONE; n = d->l->edges[n].next)
            if (leads_on(&d->l->edges[n]))
                add_line(d, d->l->edges[n].parent, i, d->l->edges[n].kind);
    }
    if (d->line_count > 0)
        qsort(d->lines, d->line_count, sizeof(*d->lines), compare_lines);
    for (size_t i = 0; i < d->line_count; i++)
        if (i == 0 || compare_lines(&d->lines[i], &d->lines[kept - 1]) != 0)
            d->lines[kept++] = d->lines[i];
    d->line_total = kept;
    d->line_count = kept < LINES_MAX ? kept : LINES_MAX;
}

/* Drawing -----------------------------------------------------------------
 */

static uint32_t left_of(const struct box *box)
{
    return LEFT + box->layer * COLUMN;
}

static uint32_t top_of(const struct box *box)
{
    return TOP + box->row * ROW;
}

static const char *class_of(const struct lineage_execution *e)
{
    if (lineage_is_failure(e->state))
        return "bad";
    if (e->state == LINEAGE_SUCCEEDED || e->state == LINEAGE_SKIPPED)
        return "good";
    return "other";
}

static void draw_line(struct drawing *d, const struct line *line)
{
    const struct box *from = &d->boxes[line->from];
    const struct box *to = &d->boxes[line->to];
    uint32_t x = left_of(from) + BOX_WIDTH;
    uint32_t y = top_of(from) + BOX_HEIGHT / 2;
    uint32_t end_x = left_of(to);
    uint32_t end_y = top_of(to) + BOX_HEIGHT / 2;

    report_buffer_print(
        d->out,
        "<path class=\"%s\" d=\"M%u %uC%u %u %u %u %u %u\"><title>%s</title>"
        "</path>\n",
        line->kind ? "flow" : "context", x, y, x + 40, y,
        end_x >= 40 ? end_x - 40 : 0, end_y, end_x, end_y,
        line->kind ? lineage_edge_name(line->kind) : "context");
}

/* The name, if all of the box have it and it is one. */
static const char *label_of(const struct drawing *d, const struct box *box)
{
    const struct lineage_execution *e = &d->l->executions[box->first];
    bool alike = box->count == 1 || d->detail >= DETAIL_NAMES;

    return alike && e->name[0] ? e->name : lineage_type_name(e);
}

static void put_title(struct drawing *d, const struct box *box)
{
    const struct lineage_execution *e = &d->l->executions[box->first];

    report_buffer_put(d->out, "<title>");
    (void)report_buffer_html(d->out, label_of(d, box), 200);
    report_buffer_print(d->out, ", %s, %s", lineage_type_name(e),
                        lineage_state_name(e->state));
    if (e->error)
        report_buffer_print(d->out, " (%s)", engine_error_name(e->error));
    report_buffer_print(d->out, ", run %" PRIu64, d->l->runs[e->run].number);
    if (box->count > 1)
        report_buffer_print(d->out, ", and %u more like it", box->count - 1);
    else if (e->output.known)
        report_buffer_print(d->out, ", output %016" PRIx64 "%016" PRIx64,
                            e->output.digest.hi, e->output.digest.lo);
    report_buffer_put(d->out, "</title>");
}

static void put_below(struct drawing *d, const struct box *box)
{
    const struct lineage_execution *e = &d->l->executions[box->first];

    report_buffer_print(d->out, "%s", lineage_state_name(e->state));
    if (box->count > 1) {
        report_buffer_print(d->out, " × %u", box->count);
        return;
    }
    if (e->attempt > 1)
        report_buffer_print(d->out, ", try %u", e->attempt);
    if (e->platform) {
        report_buffer_put(d->out, ", ");
        (void)report_buffer_html(d->out, e->platform, 14);
    }
}

static void draw_box(struct drawing *d, const struct box *box)
{
    const struct lineage_execution *e = &d->l->executions[box->first];
    uint32_t x = left_of(box);
    uint32_t y = top_of(box);

    report_buffer_print(d->out, "<g class=\"%s\">", class_of(e));
    put_title(d, box);
    report_buffer_print(d->out,
                        "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
                        "rx=\"4\"/><text x=\"%u\" y=\"%u\">",
                        x, y, BOX_WIDTH, BOX_HEIGHT, x + 8, y + 18);
    (void)report_buffer_html(
        d->out, e->name[0] ? e->name : lineage_type_name(e), NAME_COLUMNS);
    report_buffer_print(d->out,
                        "</text><text class=\"small\" x=\"%u\" "
                        "y=\"%u\">",
                        x + 8, y + 35);
    put_below(d, box);
    report_buffer_put(d->out, "</text></g>\n");
}

static void draw_head(struct drawing *d)
{
    static const char *const alike[] = {
        [DETAIL_TYPES] = "workflow, type and state",
        [DETAIL_LAYERS] = "workflow, type, state and layer",
        [DETAIL_NAMES] = "workflow, name, type and state",
        [DETAIL_ALL] = "all"};
    static const char style[] =
        "<style>text{font:13px sans-serif;fill:#222}.small{font-size:11px;"
        "fill:#555}rect{stroke:#667;stroke-width:1}.good rect{fill:#e3f3e3}"
        ".bad rect{fill:#f9dede}.other rect{fill:#eee}path{fill:none}"
        ".flow{stroke:#456;stroke-width:1.2}.context{stroke:#bbb;"
        "stroke-dasharray:3 3}</style>\n";
    const struct lineage *l = d->l;

    report_buffer_print(d->out,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                        "width=\"%u\" height=\"%u\">\n%s"
                        "<text x=\"%u\" y=\"22\">run %" PRIu64 " of ",
                        LEFT + (d->layer_count ? d->layer_count : 1) * COLUMN,
                        TOP + d->row_count * ROW + 10, style, LEFT,
                        l->runs[0].number);
    (void)report_buffer_html(d->out, l->runs[0].workflow, 60);
    report_buffer_print(d->out, ", %u executions of %u runs", l->count,
                        l->run_count);
    report_buffer_print(
        d->out, "</text>\n<text class=\"small\" x=\"%u\" y=\"40\">", LEFT);
    if (d->box_count < l->count)
        report_buffer_print(d->out,
                            "%u executions folded into %u boxes: those alike "
                            "in %s",
                            l->count, d->box_count, alike[d->detail]);
    if (d->line_total > d->line_count)
        report_buffer_print(d->out, "; %zu of %zu lines drawn", d->line_count,
                            d->line_total);
    if (l->not_followed)
        report_buffer_print(d->out, "%s%u runs further away",
                            d->box_count < l->count ? "; " : "",
                            l->not_followed);
    report_buffer_put(d->out, "</text>\n");
}

static void draw(struct drawing *d)
{
    draw_head(d);
    for (size_t i = 0; i < d->line_count; i++)
        draw_line(d, &d->lines[i]);
    for (uint32_t i = 0; i < d->box_count; i++)
        draw_box(d, &d->boxes[i]);
    report_buffer_put(d->out, "</svg>\n");
}

static void arrange(struct drawing *d, struct likeness *list, uint32_t *stack,
                    uint32_t *next, uint8_t *state)
{
    find_layers(d, stack, next, state);
    for (int detail = DETAIL_ALL; detail >= DETAIL_TYPES; detail--) {
        d->detail = (enum detail)detail;
        d->box_count = gather(d, list, d->detail);
        if (d->box_count <= LINEAGE_SVG_BOXES)
            break;
    }
    if (d->box_count > LINEAGE_SVG_BOXES)
        d->box_count = 0; /* more workflows than boxes: only the head */
    else
        assign(d, list);
    place_boxes(d);
    if (d->box_count > 0)
        find_lines(d);
}

void lineage_write_svg(const struct lineage *l, struct report_buffer *out)
{
    size_t room = (size_t)l->count + 1;
    struct drawing d = {.l = l, .out = out};
    struct likeness *list = malloc(room * sizeof(*list));
    uint32_t *stack = malloc(room * sizeof(*stack));
    uint32_t *next = malloc(room * sizeof(*next));
    uint8_t *state = calloc(room, 1);

    d.layers = calloc(room, sizeof(*d.layers));
    d.box_of = calloc(room, sizeof(*d.box_of));
    d.boxes = calloc(LINEAGE_SVG_BOXES, sizeof(*d.boxes));
    d.lines = malloc((room + l->edge_count) * sizeof(*d.lines));
    if (list && stack && next && state && d.layers && d.box_of && d.boxes &&
        d.lines) {
        arrange(&d, list, stack, next, state);
        draw(&d);
    } else {
        out->failed = 1;
    }
    free(list);
    free(stack);
    free(next);
    free(state);
    free(d.layers);
    free(d.box_of);
    free(d.boxes);
    free(d.lines);
}
