#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/chart.h"
#include "reports/format.h"

/*
 * One run's timeline: a lane for each actor, time from left to right. A run
 * may wait an hour between two busy seconds, so long stretches in which
 * nothing happens are folded: drawn narrow, hatched and labelled.
 */
enum {
    LEFT = 1500,
    RIGHT = 9900,
    TOP = 250,
    LEVEL = 170, /* height of a bar's row */
    LEVELS_MAX = 6,
    FOLDS_MAX = 12,
    PX_TICK = 900,
    TITLE = 120, /* code points of a mark's */
    POINTS_MAX = 2 * REPORT_SPANS_MAX + REPORT_MARKS_MAX + 2
};

struct swim {
    const struct report_model *model;
    const struct report_timeline *line;
    struct report_buffer *out;
    uint64_t points[POINTS_MAX];  /* times at which something happens */
    uint64_t weights[POINTS_MAX]; /* of the gap after each, as drawn */
    uint8_t folded[POINTS_MAX];
    uint32_t count;
    uint64_t total; /* of the weights */
    int64_t lane_y[REPORT_LANES_MAX + 1];
    uint8_t level[REPORT_SPANS_MAX];
};

/* Only pages that show a handler need it. */
static const char operation_style[] =
    "<style>svg rect.ctx{fill:var(--soft);stroke:var(--dim);"
    "stroke-width:.8}svg rect.wait{fill:var(--sky);fill-opacity:.2;"
    "stroke:var(--sky);stroke-width:.8;stroke-dasharray:4 2}"
    "svg .signal{fill:var(--bg);stroke:var(--purple);stroke-width:1.4}"
    "</style>\n";

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void add_point(struct swim *swim, uint64_t time_ns)
{
    if (time_ns >= swim->line->from_ns && time_ns <= swim->line->to_ns)
        swim->points[swim->count++] = time_ns;
}

static int is_bar(enum report_span_kind kind)
{
    return kind == REPORT_SPAN_ATTEMPT || kind == REPORT_SPAN_ERROR ||
           kind == REPORT_SPAN_CUT || kind == REPORT_SPAN_CONTEXT ||
           kind == REPORT_SPAN_WAITING;
}

static int is_operation(enum report_span_kind kind)
{
    return kind == REPORT_SPAN_CONTEXT || kind == REPORT_SPAN_WAITING;
}

/* What the run itself does; what befalls its actors may be folded away. */
static void gather(struct swim *swim)
{
    const struct report_timeline *line = swim->line;
    add_point(swim, line->from_ns);
    add_point(swim, line->to_ns);
    for (uint32_t i = 0; i < line->span_count; i++) {
        if (!is_bar(line->spans[i].kind))
            continue;
        add_point(swim, line->spans[i].from_ns);
        add_point(swim, line->spans[i].to_ns);
    }
    for (uint32_t i = 0; i < line->mark_count; i++)
        if (line->marks[i].own)
            add_point(swim, line->marks[i].time_ns);
    qsort(swim->points, swim->count, sizeof(swim->points[0]), ascending);
    uint32_t unique = 1;
    for (uint32_t i = 1; i < swim->count; i++)
        if (swim->points[i] != swim->points[unique - 1])
            swim->points[unique++] = swim->points[i];
    swim->count = unique;
}

/* Whether an attempt runs all through a gap: then it is not empty. That an
   operation waits does not fill it. */
static int covered(const struct swim *swim, uint32_t gap)
{
    for (uint32_t i = 0; i < swim->line->span_count; i++) {
        const struct report_span *span = &swim->line->spans[i];
        if (is_bar(span->kind) && !is_operation(span->kind) &&
            span->from_ns <= swim->points[gap] &&
            span->to_ns >= swim->points[gap + 1])
            return 1;
    }
    return 0;
}

/* The longest gap to fold, long in view of the rest; UINT32_MAX: none. */
static uint32_t longest_gap(const struct swim *swim, uint64_t busy)
{
    uint32_t longest = UINT32_MAX;
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        uint64_t weight = swim->weights[i];
        if (swim->folded[i] || weight < busy / 3 || weight == busy ||
            (longest != UINT32_MAX && weight <= swim->weights[longest]))
            continue;
        if (weight >= busy / 8 * 7 || !covered(swim, i))
            longest = i;
    }
    return longest;
}

/* Folds the longest gap for as long as it takes a third of the width, then
   gives every fold an eighth of what the rest takes. */
static void fold(struct swim *swim)
{
    uint64_t busy = 0;
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        swim->weights[i] = swim->points[i + 1] - swim->points[i];
        busy += swim->weights[i];
    }
    for (int folds = 0; folds < FOLDS_MAX; folds++) {
        uint32_t longest = longest_gap(swim, busy);
        if (longest == UINT32_MAX)
            break;
        busy -= swim->weights[longest];
        swim->folded[longest] = 1;
    }
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        if (swim->folded[i])
            swim->weights[i] = busy / 8 + 1;
        swim->total += swim->weights[i];
    }
}

static int64_t place(uint64_t part, uint64_t whole)
{
    while (whole > UINT64_MAX / 65536) {
        whole >>= 1;
        part >>= 1;
    }
    return whole ? (int64_t)(part * (uint64_t)(RIGHT - LEFT) / whole) : 0;
}

static int64_t x_of(const struct swim *swim, uint64_t time_ns)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        if (time_ns >= swim->points[i + 1]) {
            sum += swim->weights[i];
            continue;
        }
        uint64_t gap = swim->points[i + 1] - swim->points[i];
        uint64_t into =
            time_ns > swim->points[i] ? time_ns - swim->points[i] : 0;
        while (gap > UINT32_MAX) {
            gap >>= 1;
            into >>= 1;
        }
        uint64_t weight = swim->weights[i];
        sum += weight > UINT32_MAX ? weight / gap * into : weight * into / gap;
        break;
    }
    return LEFT + place(sum < swim->total ? sum : swim->total, swim->total);
}

/* Attempts that overlap in a lane stand one above the other. */
static uint32_t stack(struct swim *swim, uint32_t lane)
{
    uint64_t free_ns[LEVELS_MAX] = {0};
    uint32_t levels = 1;
    for (uint32_t i = 0; i < swim->line->span_count; i++) {
        const struct report_span *span = &swim->line->spans[i];
        if (span->lane != lane || !is_bar(span->kind))
            continue;
        uint32_t level = 0;
        while (level + 1 < LEVELS_MAX && free_ns[level] > span->from_ns)
            level++;
        free_ns[level] = span->to_ns;
        swim->level[i] = (uint8_t)level;
        if (level + 1 > levels)
            levels = level + 1;
    }
    return levels;
}

static void lay_out(struct swim *swim)
{
    int64_t y = TOP;
    for (uint32_t lane = 0; lane < swim->line->lane_count; lane++) {
        swim->lane_y[lane] = y;
        y += stack(swim, lane) * LEVEL + 130;
    }
    swim->lane_y[swim->line->lane_count] = y;
}

static void attr(struct report_buffer *out, const char *name, int64_t tenths)
{
    report_buffer_print(out, " %s=\"", name);
    report_chart_px(out, tenths);
    report_buffer_put(out, "\"");
}

static void box(struct swim *swim, const char *class, int64_t x, int64_t y,
                int64_t width, int64_t height)
{
    report_buffer_print(swim->out, "<rect class=\"%s\"", class);
    attr(swim->out, "x", x);
    attr(swim->out, "y", y);
    attr(swim->out, "width", width > 15 ? width : 15);
    attr(swim->out, "height", height);
}

static void put_lanes(struct swim *swim)
{
    const struct report_timeline *line = swim->line;
    for (uint32_t i = 0; i < line->lane_count; i++) {
        int64_t y = swim->lane_y[i];
        report_buffer_put(swim->out, "<path class=\"grid\" d=\"M0 ");
        report_chart_px(swim->out, y);
        report_buffer_put(swim->out, "H990\"/>\n<text class=\"e\" x=\"140\"");
        attr(swim->out, "y", (y + swim->lane_y[i + 1]) / 2 + 35);
        report_buffer_put(swim->out, ">");
        report_buffer_html(swim->out, line->lanes[i].name, 22);
        report_buffer_put(swim->out, "</text>\n");
    }
}

static void put_folds(struct swim *swim)
{
    int64_t bottom = swim->lane_y[swim->line->lane_count];
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        if (!swim->folded[i])
            continue;
        struct report_word word;
        int64_t from = x_of(swim, swim->points[i]);
        int64_t to = x_of(swim, swim->points[i + 1]);
        box(swim, "fold", from, TOP, to - from, bottom - TOP);
        report_buffer_put(swim->out, "/>\n<text class=\"m\"");
        attr(swim->out, "x", (from + to) / 2);
        attr(swim->out, "y", TOP - 50);
        report_buffer_print(
            swim->out, ">⋯ %s</text>\n",
            report_format_ns(&word, swim->points[i + 1] - swim->points[i]));
    }
}

/* A time since due, with the digits that steps of this size need. */
static void put_tick_label(struct swim *swim, uint64_t at, uint64_t step)
{
    struct report_word word;
    if (at == 0)
        report_buffer_put(swim->out, "due");
    else if (at / step < 100)
        report_buffer_put(swim->out, report_format_line(&word, at));
    else if (step >= 1000000)
        report_buffer_print(swim->out, "%" PRIu64 ".%03" PRIu64 " s",
                            at / 1000000000, at / 1000000 % 1000);
    else
        report_buffer_print(swim->out, "%" PRIu64 ".%06" PRIu64 " s",
                            at / 1000000000, at / 1000 % 1000000);
    report_buffer_put(swim->out, "</text>\n");
}

/* Lines where time is not folded, at round distances from the start. */
static void put_time(struct swim *swim)
{
    const struct report_timeline *line = swim->line;
    int64_t bottom = swim->lane_y[line->lane_count];
    uint64_t busy = 0;
    for (uint32_t i = 0; i + 1 < swim->count; i++)
        busy += swim->folded[i] ? 0 : swim->weights[i];
    uint64_t step = 1;
    while (step != UINT64_MAX && busy / step > 7)
        step = report_format_next_line(step);
    int64_t last = LEFT - PX_TICK;
    for (uint32_t i = 0; i + 1 < swim->count; i++) {
        uint64_t from = swim->points[i] - line->from_ns;
        uint64_t to = swim->points[i + 1] - line->from_ns;
        uint64_t at = (from + step - 1) / step * step;
        for (; !swim->folded[i] && at < to; at += step) {
            int64_t x = x_of(swim, line->from_ns + at);
            if (x - last < PX_TICK)
                continue;
            last = x;
            report_buffer_put(swim->out, "<path class=\"grid\" d=\"M");
            report_chart_px(swim->out, x);
            report_buffer_print(swim->out, " %dV", TOP / 10);
            report_chart_px(swim->out, bottom);
            report_buffer_put(swim->out, "\"/>\n<text class=\"m\"");
            attr(swim->out, "x", x);
            attr(swim->out, "y", bottom + 160);
            report_buffer_put(swim->out, ">");
            put_tick_label(swim, at, step);
        }
    }
}

static const char *span_class(enum report_span_kind kind)
{
    static const char *const classes[] = {"owned", "attempt", "error", "cut",
                                          "down",  "paused",  "ctx",   "wait"};
    return classes[kind];
}

static const char *span_word(enum report_span_kind kind)
{
    static const char *const words[] = {
        "owns the run", "done",         "ended with an error", "cut off",
        "down",         "stands still", "under way",           "waits"};
    return words[kind];
}

static void put_span_text(struct swim *swim, const struct report_span *span,
                          size_t columns)
{
    if (is_operation(span->kind)) {
        report_buffer_html(swim->out, span->name, REPORT_NAME_SIZE);
    } else if (is_bar(span->kind)) {
        report_buffer_html(swim->out, span->name, columns);
        report_buffer_print(swim->out, " #%" PRIu32, span->attempt);
    } else if (span->kind == REPORT_SPAN_OWNED) {
        report_buffer_print(swim->out, "token %" PRIu64, span->token);
    }
}

static void put_span(struct swim *swim, uint32_t index)
{
    const struct report_span *span = &swim->line->spans[index];
    int64_t y = swim->lane_y[span->lane] + 65;
    int64_t height = swim->lane_y[span->lane + 1] - y - 65;
    int64_t x = x_of(swim, span->from_ns);
    int64_t width = x_of(swim, span->to_ns) - x;
    struct report_word word;
    if (is_bar(span->kind)) {
        y += (int64_t)swim->level[index] * LEVEL;
        height = LEVEL - 20;
    }
    box(swim, span_class(span->kind), x, y, width, height);
    report_buffer_put(swim->out, "><title>");
    put_span_text(swim, span, 40);
    report_buffer_print(swim->out, " %s, %s</title></rect>\n",
                        span_word(span->kind),
                        report_format_ns(&word, span->to_ns - span->from_ns));
    if (width < 700 || span->kind == REPORT_SPAN_DOWN ||
        span->kind == REPORT_SPAN_PAUSED)
        return;
    report_buffer_print(swim->out, "<text class=\"%s\"",
                        is_bar(span->kind) && !is_operation(span->kind) ? "in"
                                                                        : "s");
    attr(swim->out, "x", x + 40);
    attr(swim->out, "y", y + (is_bar(span->kind) ? 110 : height / 2 + 40));
    report_buffer_put(swim->out, ">");
    put_span_text(swim, span, (size_t)(width - 250) / 65);
    report_buffer_put(swim->out, "</text>\n");
}

static const char *mark_class(enum report_mark_kind kind)
{
    static const char *const classes[] = {"commit", "rejected", "effect",
                                          "dupe",   "repeat",   "hit",
                                          "end",    "signal"};
    return classes[kind];
}

/* Shapes differ as well as colours. */
static const char *mark_shape(enum report_mark_kind kind)
{
    static const char *const shapes[] = {
        "M0 -5V5",
        "M-4 -4L4 4M-4 4L4 -4",
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        "M-5 -5H5V5H-5z",
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        "M0 -7L6 5H-6z",
        "M0 -6L6 0L0 6L-6 0z",
        "M-5 -4H5V4H-5zM-5 -4L0 1L5 -4",
    };
    return shapes[kind];
}

static void put_fault_line(struct swim *swim, int64_t x)
{
    report_buffer_put(swim->out, "<path class=\"hitline\" d=\"M");
    report_chart_px(swim->out, x);
    report_buffer_print(swim->out, " %dV", TOP / 10);
    report_chart_px(swim->out, swim->lane_y[swim->line->lane_count]);
    report_buffer_put(swim->out, "\"/>\n");
}

/* What the table says of it, if it has the record. */
static void put_mark_title(struct swim *swim, const struct report_mark *mark)
{
    for (uint32_t i = 0; i < swim->line->row_count; i++) {
        if (swim->line->rows[i].index != mark->index)
            continue;
        report_buffer_put(swim->out, "<title>");
        report_buffer_html(swim->out, swim->line->rows[i].text, TITLE);
        report_buffer_put(swim->out, "</title>");
        return;
    }
}

static void put_mark(struct swim *swim, const struct report_mark *mark)
{
    int64_t x = x_of(swim, mark->time_ns);
    int64_t y = (swim->lane_y[mark->lane] + swim->lane_y[mark->lane + 1]) / 2;
    if (mark->kind == REPORT_MARK_FAULT)
        put_fault_line(swim, x);
    report_buffer_print(swim->out, "<path class=\"%s\" transform=\"translate(",
                        mark_class(mark->kind));
    report_chart_px(swim->out, x);
    report_buffer_put(swim->out, " ");
    report_chart_px(swim->out, y);
    report_buffer_print(swim->out, ")\" d=\"%s\">", mark_shape(mark->kind));
    put_mark_title(swim, mark);
    report_buffer_put(swim->out, "</path>\n");
}

void report_chart_timeline(const struct report_model *model,
                           const struct report_timeline *timeline,
                           struct report_buffer *out)
{
    struct swim *swim = calloc(1, sizeof(*swim));
    if (!swim) {
        out->failed = 1;
        return;
    }
    swim->model = model;
    swim->line = timeline;
    swim->out = out;
    gather(swim);
    fold(swim);
    lay_out(swim);
    report_buffer_print(
        out,
        "<div class=\"chart\"><svg class=\"swim\" viewBox=\"0 0 1000 %" PRId64
        "\" role=\"img\" aria-label=\"Timeline of run %" PRIu64 "\">\n",
        swim->lane_y[swim->line->lane_count] / 10 + 22, swim->line->run);
    if (swim->line->handler)
        report_buffer_put(out, operation_style);
    put_folds(swim);
    put_time(swim);
    put_lanes(swim);
    for (uint32_t i = 0; i < swim->line->span_count; i++)
        put_span(swim, i);
    for (uint32_t i = 0; i < swim->line->mark_count; i++)
        put_mark(swim, &swim->line->marks[i]);
    report_buffer_put(out, "</svg></div>\n");
    free(swim);
}
