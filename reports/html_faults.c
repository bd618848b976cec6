/* The ledger of faults. */
#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* "25 retries, 21 recognised", or that nothing did. */
static void put_followed(const struct report_model *model,
                         const struct report_strikes *strikes,
                         struct report_buffer *out)
{
    const struct {
        const char *many;
        const char *one;
        uint64_t count;
        int bad;
    } parts[] = {
        {"effects lost", "effect lost", strikes->lost, 1},
        {"duplicates", "duplicate", strikes->duplicates,
         html_failed(model, "S5")},
        {"runs unfinished", "run unfinished", strikes->unfinished, 1},
        {"take-overs", "take-over", strikes->takeovers, 0},
        {"retries", "retry", strikes->retries, 0},
        {"replays", "replay", strikes->replays, 0},
        {"repeats recognised", "repeat recognised", strikes->repeats, 0}};
    const char *comma = "";
    put(out, "<td>");
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct report_word word;
        if (parts[i].count == 0)
            continue;
        report_buffer_print(out, "%s%s%s %s%s", comma,
                            parts[i].bad ? "<strong class=\"fail\">✗ " : "",
                            report_format_count(&word, parts[i].count),
                            parts[i].count == 1 ? parts[i].one : parts[i].many,
                            parts[i].bad ? "</strong>" : "");
        comma = ", ";
    }
    put(out, *comma ? "</td>" : "<span class=\"dim\">nothing</span></td>");
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
        html_count(out, fault->strikes.in_flight_max);
        html_ns(out, fault->first_ns - origin);
        html_ns(out, fault->last_ns - origin);
        put_followed(model, &fault->strikes, out);
    } else {
        report_buffer_print(out, "<td class=\"%s\" colspan=\"4\">%s</td>",
                            fault->optional ? "dim" : "inconclusive",
                            fault->optional ? "never fired, by chance"
                                            : "? never fired");
    }
    html_row_end(out);
}

/* What was asked for, if one point does not tell it. */
static void put_rules(const struct report_facts *facts,
                      struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"asked for", NULL}, {"fired", "n"}, {"with work in flight", "n"}};
    if (facts->rule_count == 0)
        return;
    put(out, "<details><summary>As the scenario asks for them</summary>\n");
    html_table(out, "Faults as the scenario asks for them", columns, 3);
    for (size_t i = 0; html_room(out, i, facts->rule_count, 3); i++) {
        const struct report_rule *rule = &facts->rules[i];
        html_element(out, "<tr><th scope=\"row\">", rule->text, HTML_PHRASE,
                     "</th>");
        html_count(out, rule->fired);
        html_count(out, rule->in_flight);
        html_row_end(out);
    }
    html_table_end(out);
    put(out, "</details>\n");
}

static void put_note(const struct report_stats *stats,
                     struct report_buffer *out)
{
    struct report_word word;
    put(out,
        "<p class=\"note\">Effective: the world shows it, a crash by a "
        "process going down. What followed happened afterwards to runs that "
        "were struck, which is no proof that the fault caused it. Times count "
        "from the start of the world.");
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
    static const struct html_column columns[] = {{"point", NULL},
                                                 {"armed", "n"},
                                                 {"fired", "n"},
                                                 {"effective", "n"},
                                                 {"with work in flight", "n"},
                                                 {"runs in flight", "n"},
                                                 {"first", "n"},
                                                 {"last", "n"},
                                                 {"what followed", NULL}};
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    if (stats->fault_count == 0) {
        put(out, "<p class=\"dim\">None were armed.</p>\n");
        return;
    }
    html_table(out, "Faults", columns, 9);
    for (size_t i = 0; html_room(out, i, stats->fault_count, 9); i++)
        fault_row(page->model, out, &stats->faults[i]);
    html_table_end(out);
    put_note(stats, out);
    put_rules(&page->model->facts, out);
}
