/* Where it ran and what it took: platform, bill, store, configuration. */
#include <inttypes.h>

#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void put_bill(const struct report_facts *facts,
                     struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"billed", NULL}, {"amount", "n"}, {"cost", "n"}};
    if (facts->bill_count == 0)
        return;
    html_table(out, "Bill", columns, 3);
    for (size_t i = 0; html_room(out, i, facts->bill_count, 3); i++) {
        html_row(out, facts->bill[i].name);
        html_text_n(out, facts->bill[i].amount);
        html_text_n(out, facts->bill[i].cost);
        html_row_end(out);
    }
    html_table_end(out);
}

/* Several platforms side by side. */
static void put_platforms(const struct report_stats *stats,
                          struct report_buffer *out)
{
    static const struct html_column columns[] = {{"platform", NULL},
                                                 {"starts", "n"},
                                                 {"throttled", "n"},
                                                 {"most at once", "n"},
                                                 {"limit", "n"}};
    if (stats->platform_count == 0)
        return;
    html_table(out, "Platforms", columns, 5);
    for (uint32_t i = 0; i < stats->platform_count; i++) {
        const struct report_platform *platform = &stats->platforms[i];
        html_row(out, platform->name);
        html_count(out, platform->cold + platform->warm);
        html_count(out, platform->throttled);
        html_count(out, platform->in_flight_max);
        html_count(out, platform->limit);
        html_row_end(out);
    }
    html_table_end(out);
}

int html_has_platform(const struct report_model *model)
{
    const struct report_platform *platform = &model->stats->platform;
    return platform->cold + platform->warm + platform->throttled > 0 ||
           model->facts.bill_count > 0;
}

static void put_figures(const struct report_platform *platform,
                        struct report_buffer *out)
{
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "cold starts", report_format_count(&word, platform->cold));
    html_figure(out, "warm starts", report_format_count(&word, platform->warm));
    html_figure(out, "throttled",
                report_format_count(&word, platform->throttled));
    html_figure(out, "killed", report_format_count(&word, platform->killed));
    if (platform->warned > 0)
        html_figure(out, "warned of their end",
                    report_format_count(&word, platform->warned));
    html_figure(out, "most environments",
                report_format_count(&word, platform->environments_max));
    if (platform->start_up.count) {
        const struct report_hist *start_up = &platform->start_up;
        html_figure(out, "start-up p50",
                    report_format_ns(&word, report_hist_at(start_up, 500000)));
        html_figure(out, "start-up p99",
                    report_format_ns(&word, report_hist_at(start_up, 990000)));
    }
    put(out, "</dl>\n");
}

void html_put_platform(struct html_page *page)
{
    put_figures(&page->model->stats->platform, page->out);
    put_platforms(page->model->stats, page->out);
    put_bill(&page->model->facts, page->out);
}

/* A limit that nothing ran into and nobody set is left out. */
static int shows(const struct report_used *used)
{
    return used->used > 0 && used->allowed != UINT64_MAX;
}

int html_has_used(const struct report_model *model)
{
    for (unsigned i = 0; i < REPORT_LIMITS; i++)
        if (shows(&model->stats->used[i]))
            return 1;
    return 0;
}

static void amount_cell(struct report_buffer *out, enum report_limit limit,
                        uint64_t amount)
{
    struct report_word word;
    if (*report_limit_unit(limit))
        html_text_n(out, report_format_bytes(&word, amount));
    else
        html_count(out, amount);
}

/* How much of it: in per cent, and as a bar. */
static void share_cell(struct report_buffer *out,
                       const struct report_used *used)
{
    struct report_word word;
    if (!used->allowed) {
        put(out, "<td class=\"dim\">no limit</td>");
        return;
    }
    report_buffer_print(out,
                        "<td class=\"n\"><meter min=\"0\" optimum=\"0\" "
                        "high=\"%" PRIu64 "\" max=\"%" PRIu64
                        "\" value=\"%" PRIu64 "\"></meter> %s</td>",
                        used->allowed / 10 * 9, used->allowed, used->used,
                        report_format_share(&word, used->used, used->allowed));
}

void html_put_used(struct html_page *page)
{
    static const struct html_column columns[] = {{"limit", NULL},
                                                 {"used at most", "n"},
                                                 {"allowed", "n"},
                                                 {"share", "n"},
                                                 {"by", NULL}};
    struct report_buffer *out = page->out;
    html_table(out, "Limits used", columns, 5);
    for (unsigned i = 0; i < REPORT_LIMITS; i++) {
        const struct report_used *used = &page->model->stats->used[i];
        if (!shows(used))
            continue;
        html_row(out, report_limit_name(i));
        amount_cell(out, i, used->used);
        if (used->allowed)
            amount_cell(out, i, used->allowed);
        else
            put(out, "<td class=\"n dim\">–</td>");
        share_cell(out, used);
        if (used->run)
            report_buffer_print(out, "<td class=\"w\">run %" PRIu64 "</td>",
                                used->run);
        else
            put(out, "<td></td>");
        html_row_end(out);
    }
    html_table_end(out);
}

int html_has_store(const struct report_model *model)
{
    (void)model;
    return 1;
}

void html_put_store(struct html_page *page)
{
    const struct report_store *store = &page->model->stats->store;
    struct report_buffer *out = page->out;
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "store opened", report_format_count(&word, store->opened));
    html_figure(out, "found damaged",
                report_format_count(&word, store->refused));
    html_figure(out, "runs taken over",
                report_format_count(&word, store->takeovers));
    html_figure(out, "writes fenced",
                report_format_count(&word, store->fenced));
    html_figure(out, "conflicts", report_format_count(&word, store->conflicts));
    html_figure(out, "commits in doubt",
                report_format_count(&word, store->unknown));
    if (store->process_bytes_max)
        html_figure(out, "largest process",
                    report_format_bytes(&word, store->process_bytes_max));
    put(out, "</dl>\n");
}

int html_has_settings(const struct report_model *model)
{
    return model->facts.setting_count > 0;
}

void html_put_settings(struct html_page *page)
{
    static const struct html_column columns[] = {{"name", NULL},
                                                 {"value", "n"},
                                                 {"unit", NULL},
                                                 {"source", NULL},
                                                 {"tag", NULL}};
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    html_table(out, "Configuration", columns, 5);
    for (size_t i = 0; html_room(out, i, facts->setting_count, 5); i++) {
        const struct report_setting *setting = &facts->settings[i];
        html_row(out, setting->name);
        html_text_n(out, setting->value);
        html_cell(out, setting->unit);
        html_cell(out, setting->source);
        html_cell(out, setting->tag);
        html_row_end(out);
    }
    html_table_end(out);
}
