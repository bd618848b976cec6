#include "reports/overlay.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct report_buffer draw(const struct report_overlay *overlay)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_overlay(overlay, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

/* Every coordinate of the line's path lies in the chart. */
static void expect_inside(const char *text, const char *class)
{
    const char *path = strstr(text, class);
    cr_assert(path, "%s", class);
    const char *end = strstr(path, "\"/>");
    for (path = strstr(path, "d=\"M") + 3; path < end;) {
        char *next;
        double x = strtod(path + 1, &next);
        double y = strtod(next, &next);
        cr_expect(x >= 0 && x <= 1000 && y >= 0 && y <= 220, "%.1f %.1f", x, y);
        path = next;
    }
}

Test(reports_overlay, lines_stay_inside_whatever_their_values)
{
    static const uint64_t values[] = {0, 1, 1000, UINT64_C(1) << 40,
                                      UINT64_MAX - 1};
    struct report_overlay *overlay = calloc(1, sizeof(*overlay));
    for (int times = 0; times < 2; times++) {
        *overlay = (struct report_overlay){.label = "x", .times = times};
        for (uint32_t i = 0; i < 5; i++) {
            overlay->a.x[i] = overlay->b.x[i] = values[i];
            overlay->a.y[i] = values[i];
            overlay->b.y[i] = values[4 - i];
        }
        overlay->a.count = overlay->b.count = 5;
        struct report_buffer out = draw(overlay);
        expect_inside(out.text, "<path class=\"line-a\"");
        expect_inside(out.text, "<path class=\"line-b\"");
        report_buffer_free(&out);
    }
    free(overlay);
}

Test(reports_overlay, nothing_to_draw_is_said)
{
    struct report_overlay *overlay = calloc(1, sizeof(*overlay));
    struct report_buffer out = draw(overlay);
    cr_expect(strstr(out.text, "Nothing to draw."));
    cr_expect_not(strstr(out.text, "<svg"));
    report_buffer_free(&out);
    free(overlay);
}

Test(reports_overlay, a_sparkline_breaks_where_there_is_no_value)
{
    static const uint64_t values[] = {1, 2, 0, 3};
    static const uint8_t has[] = {1, 1, 0, 1};
    struct report_buffer out;
    report_buffer_init(&out);
    report_sparkline(values, has, 4, &out);
    cr_assert(report_buffer_ok(&out));
    cr_expect_str_eq(
        out.text,
        "<svg class=\"spark\" viewBox=\"0 0 160 24\" aria-hidden=\"true\">"
        "<path d=\"M3 21L54.3 12M157 3\"/><circle class=\"dot-a\" cx=\"157\" "
        "cy=\"3\" r=\"2\"/></svg>");
    report_buffer_free(&out);
}
