/* The ledger of faults. */
#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void fault_row(const struct report_model *model,
                      struct report_buffer *out,
                      const struct report_fault *fault)
{
    uint64_t origin = model->stats->first_ns;
    html_element(out, "<tr><th scope=\"row\"><code>", fault->name, HTML_NAME,
                 "</code></th>");
    html_count(out, fault->armed);
    html_count(out, fault->fired);
    html_count(out, fault->effective);
    html_count(out, fault->in_flight);
    if (fault->fired) {
        html_ns(out, fault->first_ns - origin);
        html_ns(out, fault->last_ns - origin);
    } else {
        report_buffer_print(out,
                            "<td class=\"n %s\" colspan=\"2\">never "
                            "fired%s</td>",
                            fault->optional ? "dim" : "inconclusive",
                            fault->optional ? ", by chance" : "");
    }
    html_row_end(out);
}

static void put_note(const struct report_stats *stats,
                     struct report_buffer *out)
{
    struct report_word word;
    put(out, "<p class=\"note\">Effective: the world shows it, a crash by a "
             "process going down. Times count from the start of the world.");
    if (stats->drain_ns == UINT64_MAX)
        put(out, " After the last fault the backlog never drained.");
    else if (stats->drain_ns)
        report_buffer_print(out,
                            " After the last fault the backlog drained "
                            "in %s.",
                            report_format_ns(&word, stats->drain_ns));
    put(out, "</p>\n");
}

int html_has_faults(const struct report_model *model)
{
    (void)model;
    return 1;
}

void html_put_faults(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"point", NULL},    {"armed", "n"},          {"fired", "n"},
        {"effective", "n"}, {"work in flight", "n"}, {"first", "n"},
        {"last", "n"}};
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    if (stats->fault_count == 0) {
        put(out, "<p class=\"dim\">None were armed.</p>\n");
        return;
    }
    html_table(out, "Faults", columns, 7);
    for (size_t i = 0; html_room(out, i, stats->fault_count, 7); i++)
        fault_row(page->model, out, &stats->faults[i]);
    html_table_end(out);
    put_note(stats, out);
}
