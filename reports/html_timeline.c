/* The story of one run: a chart of it, and what happened in order. */
#include <inttypes.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/html.h"

enum {
    MORE_ROWS = 80 /* of a run that is not the first shown */
};

void html_story_key(struct report_buffer *out, int handler)
{
    report_buffer_put(out, "<div class=\"key\">\n");
    html_key(out,
             "<rect class=\"attempt\" x=\"-10\" y=\"-5\" width=\"20\" "
             "height=\"10\"/>",
             "attempt");
    html_key(out,
             "<rect class=\"error\" x=\"-10\" y=\"-5\" width=\"20\" "
             "height=\"10\"/>",
             "ended with an error");
    html_key(out,
             "<rect class=\"cut\" x=\"-10\" y=\"-5\" width=\"20\" "
             "height=\"10\"/>",
             "cut off");
    html_key(out,
             "<rect class=\"down\" x=\"-10\" y=\"-5\" width=\"20\" "
             "height=\"10\"/>",
             "process down");
    html_key(out,
             "<rect class=\"paused\" x=\"-10\" y=\"-5\" width=\"20\" "
             "height=\"10\"/>",
             "paused");
    html_key(out,
             "<path class=\"effect\" d=\"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 "
             "0\"/>",
             "effect applied");
    html_key(out,
             "<path class=\"repeat\" d=\"M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 "
             "0\"/>",
             "recognised");
    html_key(out, "<path class=\"dupe\" d=\"M-5 -5H5V5H-5z\"/>",
             "applied again");
    html_key(out, "<path class=\"hit\" d=\"M0 -7L6 5H-6z\"/>", "fault");
    html_key(out, "<path class=\"rejected\" d=\"M-4 -4L4 4M-4 4L4 -4\"/>",
             "write refused");
    html_key(out, "<path class=\"commit\" d=\"M0 -5V5\"/>", "commit");
    html_key(out, "<path class=\"end\" d=\"M0 -6L6 0L0 6L-6 0z\"/>",
             "end of the run");
    if (handler) {
        html_key(out,
                 "<rect class=\"wait\" x=\"-10\" y=\"-5\" width=\"20\" "
                 "height=\"10\"/>",
                 "operation waits");
        html_key(out,
                 "<rect class=\"ctx\" x=\"-10\" y=\"-5\" width=\"20\" "
                 "height=\"10\"/>",
                 "operations within");
        html_key(out,
                 "<path class=\"signal\" d=\"M-5 -4H5V4H-5zM-5 -4L0 1L5 "
                 "-4\"/>",
                 "signal");
    }
    report_buffer_put(out, "</div>\n");
}

static void put_row(const struct report_timeline *line,
                    struct report_buffer *out, const struct report_row *row)
{
    uint64_t since_ns =
        row->time_ns > line->from_ns ? row->time_ns - line->from_ns : 0;
    report_buffer_print(out,
                        "<tr><td class=\"n\">%" PRIu64 ".%06" PRIu64 "</td>",
                        since_ns / 1000000000, since_ns % 1000000000 / 1000);
    html_count(out, row->index);
    html_element(out, "<td class=\"w\">", line->lanes[row->lane].name, 24,
                 "</td>");
    html_element(out, row->bold ? "<td class=\"fail\">" : "<td>", row->text,
                 HTML_PHRASE, "</td></tr>\n");
}

/* At most `most` of them; open: they are seen at once. */
static void put_rows(const struct report_timeline *line,
                     struct report_buffer *out, uint32_t most, int open)
{
    static const struct html_column columns[] = {{"seconds since due", "n"},
                                                 {"record", "n"},
                                                 {"actor", NULL},
                                                 {"what", NULL}};
    uint32_t count = line->row_count < most ? line->row_count : most;
    uint64_t left_out = line->rows_left_out + line->row_count - count;
    report_buffer_print(
        out, "<details%s><summary>What happened, in order</summary>\n",
        open ? " open" : "");
    html_table(out, "What happened, in order", columns, 4);
    for (uint32_t i = 0; i < count; i++)
        if (out->size <= HTML_SIZE_SOFT + HTML_SIZE_SOFT / 8)
            put_row(line, out, &line->rows[i]);
    html_table_end(out);
    report_buffer_put(out, "</details>\n");
    if (left_out)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " more records of this run are not listed.</p>\n",
                            left_out);
}

int html_has_timeline(const struct report_model *model)
{
    return model->timeline != NULL;
}

void html_story(struct report_buffer *out, const struct report_model *model,
                const struct report_timeline *line, uint32_t rows_max, int open)
{
    report_chart_timeline(model, line, out);
    if (line->spans_left_out || line->marks_left_out || line->lanes_left_out)
        report_buffer_print(
            out,
            "<p class=\"note\">Not drawn: %" PRIu64 " intervals, %" PRIu64
            " marks, %" PRIu32 " records of further actors.</p>\n",
            line->spans_left_out, line->marks_left_out, line->lanes_left_out);
    put_rows(line, out, rows_max, open);
}

static void put_run(const struct report_model *model,
                    const struct report_timeline *line,
                    struct report_buffer *out, uint32_t rows_max, int open)
{
    report_buffer_print(out,
                        "<h3 id=\"run-%" PRIu64 "\">Run %" PRIu64 "</h3>\n"
                        "<p class=\"note\">Shown: ",
                        line->run, line->run);
    report_buffer_html(out, line->why, HTML_PHRASE);
    report_buffer_put(out, ".</p>\n");
    html_story(out, model, line, rows_max, open);
}

/* A run that is not the first is drawn while there is room on the page. */
static void put_more(struct html_page *page)
{
    const struct report_model *model = page->model;
    for (uint32_t i = 0; i < model->more_count; i++) {
        if (page->out->size > HTML_SIZE_SOFT)
            break;
        put_run(model, model->more[i], page->out, MORE_ROWS, 0);
    }
}

static int any_handler(const struct report_model *model)
{
    int any = model->timeline->handler;
    for (uint32_t i = 0; i < model->more_count; i++)
        any |= model->more[i]->handler;
    return any;
}

void html_put_timeline(struct html_page *page)
{
    const struct report_model *model = page->model;
    struct report_buffer *out = page->out;
    report_buffer_put(
        out,
        "<p class=\"note\">A lane for each actor, time from left to right; "
        "stretches in which nothing happens are folded. Tokens are the "
        "epochs of the lease that its owner holds: a write with an older "
        "one is refused. Times count from when the run was due.</p>\n");
    html_story_key(out, any_handler(model));
    put_run(model, model->timeline, out, REPORT_ROWS_MAX, 1);
    put_more(page);
}
