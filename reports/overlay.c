#include "reports/overlay.h"

#include <inttypes.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/scale.h"

enum {
    LEFT = 720, /* tenths of a unit */
    RIGHT = 9880,
    TOP = 80,
    BOTTOM = 1900,
    HEIGHT = 220,
    TICKS_MAX = 6,
    SPARK_WIDTH = 1600,
    SPARK_HEIGHT = 240,
    SPARK_EDGE = 30
};

const char report_overlay_style[] =
    "svg .line-a,svg .line-b{stroke:var(--blue);stroke-width:1.8;"
    "stroke-linejoin:round}\n"
    "svg .line-b{stroke:var(--red);stroke-dasharray:6 3}\n"
    "svg .dot-a{fill:var(--blue)}svg .dot-b{fill:var(--red)}\n"
    "svg.spark{display:inline-block;width:160px;height:24px;margin:0;"
    "vertical-align:middle}\n"
    "svg.spark path{stroke:var(--blue);stroke-width:1.4}\n";

/* What the axes mean. */
struct axes {
    uint64_t x_most;
    uint64_t low; /* of y, not 0 where it is logarithmic */
    uint64_t high;
    bool times;
};

/* Part of whole of a span, without overflow. */
static int64_t scaled(uint64_t part, uint64_t whole, int64_t span)
{
    while (whole > UINT64_MAX / 65536) {
        whole >>= 1;
        part >>= 1;
    }
    return whole ? (int64_t)(part * (uint64_t)span / whole) : 0;
}

static int64_t place_x(const struct axes *axes, uint64_t x)
{
    return LEFT + scaled(x, axes->x_most, RIGHT - LEFT);
}

static int64_t place_y(const struct axes *axes, uint64_t y)
{
    uint64_t from = axes->low, to = axes->high;
    if (axes->times) {
        y = y < axes->low ? axes->low : y;
        from = report_scale_log2(axes->low);
        to = report_scale_log2(axes->high);
        y = report_scale_log2(y);
    }
    return BOTTOM - scaled(y - from, to - from, BOTTOM - TOP);
}

static void widen(struct axes *axes, const struct report_overlay_line *line)
{
    for (uint32_t i = 0; i < line->count; i++) {
        uint64_t y = line->y[i] ? line->y[i] : 1;
        axes->x_most = line->x[i] > axes->x_most ? line->x[i] : axes->x_most;
        axes->high = y > axes->high ? y : axes->high;
        if (axes->times && y < axes->low)
            axes->low = y;
    }
}

/* Lines of the grid at both ends, and room between them. */
static struct axes axes_of(const struct report_overlay *overlay)
{
    struct axes axes = {.low = overlay->times ? UINT64_MAX : 0,
                        .times = overlay->times};
    widen(&axes, &overlay->a);
    widen(&axes, &overlay->b);
    if (overlay->places)
        axes.x_most = overlay->place_count > 1 ? overlay->place_count - 1 : 1;
    if (axes.x_most == 0)
        axes.x_most = 1;
    if (axes.times)
        axes.low = axes.low > 1 ? axes.low : 1;
    if (axes.high <= axes.low || axes.high < 1)
        axes.high = axes.low + 1;
    return axes;
}

static void text_at(struct report_buffer *out, const char *class, int64_t x,
                    int64_t y, const char *text)
{
    report_buffer_print(out, "<text class=\"%s\" x=\"", class);
    report_chart_px(out, x);
    report_buffer_put(out, "\" y=\"");
    report_chart_px(out, y);
    report_buffer_put(out, "\">");
    report_buffer_html(out, text, 40);
    report_buffer_put(out, "</text>\n");
}

static void rule(struct report_buffer *out, const char *class, int64_t x1,
                 int64_t y1, int64_t x2, int64_t y2)
{
    report_buffer_print(out, "<path class=\"%s\" d=\"M", class);
    report_chart_px(out, x1);
    report_buffer_put(out, " ");
    report_chart_px(out, y1);
    report_buffer_put(out, "L");
    report_chart_px(out, x2);
    report_buffer_put(out, " ");
    report_chart_px(out, y2);
    report_buffer_put(out, "\"/>\n");
}

static void put_y(struct report_buffer *out, const struct axes *axes,
                  uint64_t value)
{
    struct report_word word;
    int64_t y = place_y(axes, value);
    rule(out, "grid", LEFT, y, RIGHT, y);
    text_at(out, "e", LEFT - 60, y + 40,
            axes->times ? report_format_ns(&word, value)
                        : report_format_count(&word, value));
}

/* Where a scale of counts has its lines: 1, 2 or 5 and zeroes. */
static uint64_t step_of(uint64_t most)
{
    static const uint64_t digits[] = {1, 2, 5};
    uint64_t power = 1;
    for (unsigned i = 0;; i++) {
        uint64_t step = digits[i % 3] * power;
        if (most / step < TICKS_MAX || power > UINT64_MAX / 100)
            return step;
        power *= i % 3 == 2 ? 10 : 1;
    }
}

static void put_y_axis(struct report_buffer *out, const struct axes *axes)
{
    uint64_t step = step_of(axes->high);
    if (!axes->times) {
        for (uint64_t i = 0; i <= axes->high / step; i++)
            put_y(out, axes, i * step);
        return;
    }
    uint32_t from = report_scale_log2(axes->low);
    uint32_t span = report_scale_log2(axes->high) - from;
    put_y(out, axes, axes->low);
    /* Lines at least a sixth of the span apart. */
    uint32_t last = from;
    for (uint64_t at = report_format_next_line(axes->low); at < axes->high;
         at = report_format_next_line(at)) {
        uint32_t log = report_scale_log2(at);
        if ((log - last) * TICKS_MAX < span ||
            (from + span - log) * TICKS_MAX < span)
            continue;
        put_y(out, axes, at);
        last = log;
    }
    put_y(out, axes, axes->high);
}

static void put_x_axis(struct report_buffer *out, const struct axes *axes,
                       const struct report_overlay *overlay)
{
    struct report_word word;
    if (overlay->places) {
        for (uint32_t i = 0; i < overlay->place_count; i++)
            text_at(out, "m", place_x(axes, i), BOTTOM + 160,
                    overlay->places[i]);
        return;
    }
    for (uint64_t i = 0; i <= 4; i++) {
        uint64_t at = axes->x_most / 4 * i;
        text_at(out, i == 4 ? "e" : "m", place_x(axes, at), BOTTOM + 160,
                i ? report_format_ns(&word, at) : "0");
    }
}

static void put_line(struct report_buffer *out, const struct axes *axes,
                     const struct report_overlay_line *line, const char *name)
{
    if (line->count == 0)
        return;
    report_buffer_print(out, "<path class=\"line-%s\" d=\"", name);
    for (uint32_t i = 0; i < line->count; i++) {
        report_buffer_put(out, i ? "L" : "M");
        report_chart_px(out, place_x(axes, line->x[i]));
        report_buffer_put(out, " ");
        report_chart_px(out, place_y(axes, line->y[i]));
    }
    report_buffer_put(out, "\"/>\n");
}

void report_overlay(const struct report_overlay *overlay,
                    struct report_buffer *out)
{
    if (overlay->a.count + overlay->b.count == 0) {
        report_buffer_put(out, "<p class=\"note\">Nothing to draw.</p>\n");
        return;
    }
    struct axes axes = axes_of(overlay);
    report_buffer_print(out,
                        "<div class=\"chart\"><svg viewBox=\"0 0 1000 %d\" "
                        "role=\"img\" aria-label=\"%s\">\n",
                        HEIGHT, overlay->label);
    put_y_axis(out, &axes);
    put_x_axis(out, &axes, overlay);
    rule(out, "axis", LEFT, BOTTOM, RIGHT, BOTTOM);
    put_line(out, &axes, &overlay->a, "a");
    put_line(out, &axes, &overlay->b, "b");
    report_buffer_put(
        out,
        "</svg></div>\n<div class=\"key\"><span><svg viewBox=\"-11 -7 22 "
        "14\" aria-hidden=\"true\"><path class=\"line-a\" d=\"M-11 0H11\"/>"
        "</svg>A</span>\n<span><svg viewBox=\"-11 -7 22 14\" "
        "aria-hidden=\"true\"><path class=\"line-b\" d=\"M-11 0H11\"/>"
        "</svg>B</span></div>\n");
}

/* Small ones --------------------------------------------------------------- */

static int64_t spark_y(uint64_t value, uint64_t low, uint64_t high)
{
    int64_t span = SPARK_HEIGHT - 2 * SPARK_EDGE;
    if (high == low)
        return SPARK_HEIGHT / 2;
    return SPARK_HEIGHT - SPARK_EDGE - scaled(value - low, high - low, span);
}

void report_sparkline(const uint64_t *values, const uint8_t *has, size_t count,
                      struct report_buffer *out)
{
    uint64_t low = UINT64_MAX, high = 0;
    int64_t x = 0, y = 0;
    bool open = false;
    for (size_t i = 0; i < count; i++) {
        low = has[i] && values[i] < low ? values[i] : low;
        high = has[i] && values[i] > high ? values[i] : high;
    }
    report_buffer_print(out,
                        "<svg class=\"spark\" viewBox=\"0 0 %d %d\" "
                        "aria-hidden=\"true\"><path d=\"",
                        SPARK_WIDTH / 10, SPARK_HEIGHT / 10);
    for (size_t i = 0; i < count; i++) {
        if (!has[i]) {
            open = false;
            continue;
        }
        x = SPARK_EDGE +
            scaled(i, count > 1 ? count - 1 : 1, SPARK_WIDTH - 2 * SPARK_EDGE);
        y = spark_y(values[i], low, high);
        report_buffer_put(out, open ? "L" : "M");
        report_chart_px(out, x);
        report_buffer_put(out, " ");
        report_chart_px(out, y);
        open = true;
    }
    report_buffer_put(out, "\"/><circle class=\"dot-a\" cx=\"");
    report_chart_px(out, x);
    report_buffer_put(out, "\" cy=\"");
    report_chart_px(out, y);
    report_buffer_put(out, "\" r=\"2\"/></svg>");
}
