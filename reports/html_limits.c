/* What the report does not show: the last section, and no small print. */
#include <inttypes.h>

#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

int html_has_limits(const struct report_model *model)
{
    (void)model;
    return 1;
}

void html_put_limits(struct html_page *page)
{
    const struct report_model *model = page->model;
    const struct report_facts *facts = &model->facts;
    struct report_buffer *out = page->out;
    put(out, "<ul>\n<li>One seed. Another order of events may fail "
             "where this one passed.</li>\n<li>Wall time: all times are "
             "virtual, of the simulated world.</li>\n"
             "<li>Percentiles over time are within 1/32 of the value, those "
             "of the distribution within 1/1024.</li>\n");
    if (model->records_left_out)
        report_buffer_print(out,
                            "<li>%" PRIu64 " records were judged but not kept "
                            "for the timeline.</li>\n",
                            model->records_left_out);
    if (model->stats->steps_left_out)
        report_buffer_print(out, "<li>%" PRIu32 " further steps.</li>\n",
                            model->stats->steps_left_out);
    for (size_t i = 0; i < facts->limit_count && i < HTML_ROWS_MAX &&
                       out->size < HTML_SIZE_SOFT + HTML_SIZE_SOFT / 4;
         i++)
        html_element(out, "<li>", facts->limits[i], HTML_SENTENCE, "</li>\n");
    put(out, "</ul>\n");
}
