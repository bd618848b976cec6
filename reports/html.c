#include "reports/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "reports/page.h"

/* What sections have in common -------------------------------------------- */

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

void html_element(struct report_buffer *out, const char *open, const char *text,
                  size_t columns, const char *close)
{
    put(out, open);
    report_buffer_html(out, text ? text : "", columns);
    put(out, close);
}

void html_table(struct report_buffer *out, const char *label,
                const struct html_column *columns, size_t count)
{
    report_buffer_print(out,
                        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
                        "aria-label=\"%s\"><table>\n<thead><tr>",
                        label);
    for (size_t i = 0; i < count; i++) {
        put(out, "<th scope=\"col\"");
        if (columns[i].class)
            report_buffer_print(out, " class=\"%s\"", columns[i].class);
        report_buffer_print(out, ">%s</th>", columns[i].title);
    }
    put(out, "</tr></thead>\n<tbody>\n");
}

void html_table_end(struct report_buffer *out)
{
    put(out, "</tbody></table></div>\n");
}

int html_room(struct report_buffer *out, size_t index, size_t count,
              size_t columns)
{
    if (index >= count)
        return 0;
    if (index < HTML_ROWS_MAX && out->size < HTML_SIZE_SOFT)
        return 1;
    report_buffer_print(out,
                        "<tr><td class=\"dim\" colspan=\"%zu\">%zu more are in "
                        "the .json file beside this page</td></tr>\n",
                        columns, count - index);
    return 0;
}

void html_row(struct report_buffer *out, const char *text)
{
    html_element(out, "<tr><th scope=\"row\">", text, HTML_NAME, "</th>");
}

void html_row_end(struct report_buffer *out)
{
    put(out, "</tr>\n");
}

void html_cell(struct report_buffer *out, const char *text)
{
    html_element(out, "<td>", text, HTML_NAME, "</td>");
}

void html_text_n(struct report_buffer *out, const char *text)
{
    html_element(out, "<td class=\"n\">", text, HTML_NAME, "</td>");
}

void html_count(struct report_buffer *out, uint64_t count)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"n\">%s</td>",
                        report_format_count(&word, count));
}

void html_bad(struct report_buffer *out, uint64_t count)
{
    struct report_word word;
    if (count == 0)
        html_count(out, 0);
    else
        report_buffer_print(out, "<td class=\"n fail\">✗ %s</td>",
                            report_format_count(&word, count));
}

void html_ns(struct report_buffer *out, uint64_t ns)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"n\">%s</td>",
                        report_format_ns(&word, ns));
}

void html_at(struct report_buffer *out, const struct report_hist *hist,
             uint32_t ppm)
{
    if (hist->counts && hist->count)
        html_ns(out, report_hist_at(hist, ppm));
    else
        put(out, "<td class=\"n dim\">–</td>");
}

const char *html_symbol(enum check_verdict verdict)
{
    static const char *const symbols[] = {"✓", "✗", "≈", "?"};
    return symbols[verdict];
}

void html_verdict(struct report_buffer *out, enum check_verdict verdict)
{
    const char *name = check_verdict_name(verdict);
    report_buffer_print(out, "<td class=\"w %s\">%s %s</td>", name,
                        html_symbol(verdict), name);
}

int html_failed(const struct report_model *model, const char *id)
{
    for (size_t i = 0; i < model->facts.result_count; i++)
        if (strcmp(model->facts.results[i].id, id) == 0)
            return model->facts.results[i].verdict == CHECK_FAIL;
    return 0;
}

void html_figure(struct report_buffer *out, const char *name, const char *value)
{
    report_buffer_print(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name,
                        value);
}

void html_key(struct report_buffer *out, const char *shape, const char *text)
{
    report_buffer_print(out,
                        "<span><svg viewBox=\"-11 -7 22 14\" "
                        "aria-hidden=\"true\">%s</svg>%s</span>\n",
                        shape, text);
}

void html_section(struct report_buffer *out, const char *id, const char *title)
{
    report_buffer_print(out,
                        "<section id=\"%s\" aria-labelledby=\"h-%s\">\n"
                        "<h2 id=\"h-%s\">%s</h2>\n",
                        id, id, id, title);
}

void html_section_end(struct report_buffer *out)
{
    put(out, "</section>\n");
}

/* The page ----------------------------------------------------------------- */

static const struct section {
    const char *id;
    const char *title;
    int (*has)(const struct report_model *model);
    void (*put)(struct html_page *page);
} sections[] = {
#define SECTION(name, title) {#name, title, html_has_##name, html_put_##name},
    HTML_SECTIONS(SECTION)
#undef SECTION
};

enum {
    SECTIONS = sizeof(sections) / sizeof(sections[0])
};

static void put_contents(struct html_page *page)
{
    put(page->out, "<nav aria-label=\"Contents\">\n");
    for (size_t i = 0; i < SECTIONS; i++)
        if (sections[i].has(page->model))
            report_buffer_print(page->out, "<a href=\"#%s\">%s</a>\n",
                                sections[i].id, sections[i].title);
    put(page->out, "</nav>\n");
}

static void put_sections(struct html_page *page)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct section *section = &sections[i];
        if (!section->has(page->model))
            continue;
        html_section(page->out, section->id, section->title);
        section->put(page);
        html_section_end(page->out);
    }
}

void report_html(const struct report_model *model,
                 const struct report_library *library,
                 struct report_buffer *out)
{
    struct html_page page = {model, library, out};
    html_head(&page);
    html_figures(&page);
    put_contents(&page);
    put(out, "<main id=\"main\">\n");
    put_sections(&page);
    put(out, "</main>\n");
    html_put_scripts(&page);
    put(out, "</body>\n</html>\n");
}
