#include "scenarios/trend.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "reports/html.h"
#include "reports/overlay.h"
#include "reports/page.h"
#include "scenarios/gate_read.h"

enum {
    NAME_COLUMNS = 32,
    VALUE_COLUMNS = 16,
    BLOCKS = 24 /* of a line of text */
};

/* Reading ------------------------------------------------------------------ */

static struct report_key key_of(const char *scenario, const char *seed,
                                const char *metric)
{
    struct engine_hash a = engine_hash_bytes(scenario, strlen(scenario));
    struct engine_hash b = engine_hash_bytes(seed, strlen(seed));
    struct engine_hash c = engine_hash_bytes(metric, strlen(metric));
    return (struct report_key){{a.lo, b.lo, c.lo}};
}

/* The row of a figure, made if it is new; NULL: there is no room. */
static struct trend_row *row_of(struct trend *trend, const char *scenario,
                                const char *seed, const char *metric)
{
    struct report_key key = key_of(scenario, seed, metric);
    uint32_t place = report_index_find(&trend->index, &key);
    if (place != REPORT_INDEX_NONE)
        return &trend->rows[place];
    if (trend->row_count == TREND_ROWS_MAX) {
        trend->rows_left_out++;
        return NULL;
    }
    void *list = trend->rows;
    place = report_index_add(&trend->index, &key, &list, sizeof(*trend->rows));
    if (place == REPORT_INDEX_NONE)
        return NULL;
    trend->rows = list;
    struct trend_row *row = &trend->rows[place];
    trend->row_count = place + 1;
    snprintf(row->scenario, sizeof(row->scenario), "%s", scenario);
    snprintf(row->seed, sizeof(row->seed), "%s", seed);
    snprintf(row->metric, sizeof(row->metric), "%s", metric);
    row->values = calloc(trend->capacity, sizeof(*row->values));
    row->has = calloc(trend->capacity, sizeof(*row->has));
    return row->values && row->has ? row : NULL;
}

static bool read_figure(struct trend *trend, struct json_view view,
                        const char *scenario, const char *seed,
                        struct json_error *err)
{
    int64_t value = 0;
    bool never = !json_is_number(view);
    if (!never && !json_as_int(view, 0, JSON_INT_MAX, &value, err))
        return false;
    struct trend_row *row = row_of(trend, scenario, seed, json_key(view));
    if (!row)
        return true;
    row->values[trend->gate_count] = never ? UINT64_MAX : (uint64_t)value;
    row->has[trend->gate_count] = !never;
    return true;
}

static bool read_scenario(struct trend *trend, struct json_view view,
                          struct json_error *err)
{
    const char *name = NULL, *seed = NULL;
    struct json_view metrics;
    if (!json_as_object(view, err) ||
        !json_get_string(view, "name", JSON_REQUIRED, 1, 199, &name, err) ||
        !json_get_string(view, "seed", JSON_REQUIRED, 1, 23, &seed, err) ||
        !json_get_object(view, "metrics", JSON_REQUIRED, &metrics, err))
        return false;
    for (struct json_view v = json_first(metrics); v.item; v = json_next(v))
        if (!read_figure(trend, v, name, seed, err))
            return false;
    return true;
}

static bool read_gate(struct trend *trend, struct json_view top,
                      struct json_error *err)
{
    struct trend_gate *gate = &trend->gates[trend->gate_count];
    const char *schema = NULL, *outcome = NULL, *version = NULL;
    struct json_view list;
    int64_t unix_s = 0;
    if (!json_as_object(top, err) ||
        !json_get_string(top, "schema", JSON_REQUIRED, 1, 60, &schema, err))
        return false;
    if (strcmp(schema, "perdure.trend/1") != 0)
        return json_fail(top, err,
                         "found schema \"%s\", allowed \"perdure.trend/1\"",
                         schema);
    if (!json_get_string(top, "outcome", JSON_REQUIRED, 1, 15, &outcome, err) ||
        !json_get_string(top, "version", JSON_REQUIRED, 1, 23, &version, err) ||
        !json_get_int(top, "unix_s", JSON_REQUIRED, 0, JSON_INT_MAX, &unix_s,
                      err) ||
        !json_get_array(top, "scenarios", JSON_REQUIRED, 0, 100000, &list, err))
        return false;
    gate->unix_s = (uint64_t)unix_s;
    snprintf(gate->outcome, sizeof(gate->outcome), "%s", outcome);
    snprintf(gate->version, sizeof(gate->version), "%s", version);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_scenario(trend, v, err))
            return false;
    return true;
}

/* A line that is wrong in the middle leaves nothing of itself behind. */
static void forget_gate(struct trend *trend)
{
    for (size_t i = 0; i < trend->row_count; i++)
        if (trend->rows[i].has)
            trend->rows[i].has[trend->gate_count] = 0;
}

static void read_line(struct trend *trend, const char *path, size_t number,
                      const char *line, size_t size, FILE *complaints)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    bool good = json_read_bytes("line", line, size, &doc, &err) == 0 &&
                read_gate(trend, json_root(doc), &err);
    json_free(doc);
    if (good) {
        trend->gate_count++;
        return;
    }
    forget_gate(trend);
    trend->bad_lines++;
    /* "line:1:COLUMN: " is of this line alone. */
    const char *text =
        strncmp(err.text, "line:1:", 7) == 0 ? err.text + 7 : err.text;
    fprintf(complaints, "%.300s:%zu:%s; the line is left out\n", path, number,
            text);
}

static size_t count_lines(const char *bytes, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' || i + 1 == size;
    return lines;
}

static bool fail(struct json_error *err, const char *path, const char *why)
{
    err->code = JSON_EREAD;
    snprintf(err->text, sizeof(err->text), "\"%.300s\" %s", path, why);
    return false;
}

static int by_name(const void *left, const void *right)
{
    const struct trend_row *a = left;
    const struct trend_row *b = right;
    int order = strcmp(a->scenario, b->scenario);
    if (order == 0)
        order = strcmp(a->seed, b->seed);
    return order ? order : strcmp(a->metric, b->metric);
}

bool trend_read(const char *path, FILE *complaints, struct trend *trend,
                struct json_error *err)
{
    size_t size = 0, number = 0;
    *trend = (struct trend){0};
    report_index_init(&trend->index);
    char *bytes = gate_read_bytes(path, &size, err);
    if (!bytes)
        return false;
    trend->capacity = count_lines(bytes, size) + 1;
    if (trend->capacity <= TREND_LINES_MAX)
        trend->gates = calloc(trend->capacity, sizeof(*trend->gates));
    for (size_t i = 0; trend->gates && i < size; number++) {
        const char *end = memchr(bytes + i, '\n', size - i);
        size_t length = end ? (size_t)(end - bytes) - i : size - i;
        if (length > 0)
            read_line(trend, path, number + 1, bytes + i, length, complaints);
        i += length + 1;
    }
    free(bytes);
    if (trend->capacity > TREND_LINES_MAX)
        return fail(err, path, "has more than 10,000 lines: begin a new one");
    if (trend->gate_count == 0)
        return fail(err, path,
                    "holds no line that can be read: perdure gate NEW BASE "
                    "--trend FILE adds one");
    qsort(trend->rows, trend->row_count, sizeof(*trend->rows), by_name);
    return true;
}

void trend_free(struct trend *trend)
{
    for (size_t i = 0; i < trend->row_count; i++) {
        free(trend->rows[i].values);
        free(trend->rows[i].has);
    }
    free(trend->rows);
    free(trend->gates);
    report_index_deinit(&trend->index);
    *trend = (struct trend){0};
}

/* Writing ------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), part = strlen(end);
    return size >= part && strcmp(text + size - part, end) == 0;
}

enum report_gate_unit trend_unit(const char *metric)
{
    if (ends_with(metric, "_ns"))
        return REPORT_GATE_NS;
    if (strcmp(metric, "throughput") == 0)
        return REPORT_GATE_MILLIONTHS_PER_S;
    if (strcmp(metric, "cost") == 0 || strncmp(metric, "cost.", 5) == 0)
        return REPORT_GATE_MICRODOLLARS;
    return strstr(metric, "bytes") ? REPORT_GATE_BYTES : REPORT_GATE_COUNT;
}

/* What there is of a row: places of its values, from the first to the last. */
struct extent {
    size_t first;
    size_t last;
    size_t count;
    uint64_t least;
    uint64_t most;
};

static struct extent extent_of(const struct trend *trend,
                               const struct trend_row *row)
{
    struct extent extent = {.least = UINT64_MAX};
    for (size_t i = 0; i < trend->gate_count; i++) {
        if (!row->has || !row->has[i])
            continue;
        extent.first = extent.count ? extent.first : i;
        extent.last = i;
        extent.count++;
        if (row->values[i] < extent.least)
            extent.least = row->values[i];
        if (row->values[i] > extent.most)
            extent.most = row->values[i];
    }
    return extent;
}

/* The last values as blocks of eight heights. */
static size_t put_blocks(const struct trend *trend, const struct trend_row *row,
                         const struct extent *extent, struct report_buffer *out)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄",
                                         "▅", "▆", "▇", "█"};
    size_t from = trend->gate_count > BLOCKS ? trend->gate_count - BLOCKS : 0;
    uint64_t span = extent->most - extent->least;
    for (size_t i = from; i < trend->gate_count; i++) {
        uint64_t off = row->values[i] - extent->least;
        if (!row->has[i])
            report_buffer_put(out, " ");
        else
            report_buffer_put(
                out,
                blocks[span ? (off / 8 < span / 8 ? off * 7 / span : 7) : 0]);
    }
    return trend->gate_count - from;
}

static void put_value(struct report_buffer *out, const char *metric,
                      uint64_t value)
{
    struct report_buffer text;
    size_t columns = 0;
    report_buffer_init(&text);
    report_gate_value(&text, trend_unit(metric), value);
    for (size_t i = 0; report_buffer_ok(&text) && i < text.size; i++)
        columns += ((unsigned char)text.text[i] & 0xc0) != 0x80;
    for (; columns < VALUE_COLUMNS; columns++)
        report_buffer_put(out, " ");
    if (report_buffer_ok(&text))
        report_buffer_put(out, text.text);
    report_buffer_free(&text);
}

static void put_row(const struct trend *trend, const struct trend_row *row,
                    struct report_buffer *out)
{
    struct extent extent = extent_of(trend, row);
    char change[40];
    if (extent.count == 0)
        return;
    report_buffer_put(out, "  ");
    size_t used = report_buffer_plain(out, row->metric, NAME_COLUMNS);
    for (; used <= NAME_COLUMNS; used++)
        report_buffer_put(out, " ");
    used = put_blocks(trend, row, &extent, out);
    for (; used < BLOCKS; used++)
        report_buffer_put(out, " ");
    put_value(out, row->metric, row->values[extent.first]);
    put_value(out, row->metric, row->values[extent.last]);
    report_buffer_print(out, "  %s\n",
                        report_gate_change(change, sizeof(change),
                                           row->values[extent.first],
                                           row->values[extent.last]));
}

static bool is_next(const struct trend *trend, size_t i)
{
    return i == 0 ||
           strcmp(trend->rows[i].scenario, trend->rows[i - 1].scenario) != 0 ||
           strcmp(trend->rows[i].seed, trend->rows[i - 1].seed) != 0;
}

void trend_text(const struct trend *trend, struct report_buffer *out)
{
    report_buffer_print(out, "%zu gates", trend->gate_count);
    if (trend->bad_lines)
        report_buffer_print(out, ", %zu lines left out", trend->bad_lines);
    if (trend->rows_left_out)
        report_buffer_print(out, ", %zu figures left out",
                            trend->rows_left_out);
    report_buffer_put(out, "; the first and the last value of each figure\n");
    for (size_t i = 0; i < trend->row_count; i++) {
        if (is_next(trend, i)) {
            report_buffer_put(out, "\n");
            report_buffer_plain(out, trend->rows[i].scenario, 100);
            report_buffer_put(out, ", seed ");
            report_buffer_plain(out, trend->rows[i].seed, 24);
            report_buffer_put(out, "\n");
        }
        put_row(trend, &trend->rows[i], out);
    }
}

/* The page ----------------------------------------------------------------- */

static void value_cell(struct report_buffer *out, const char *metric,
                       uint64_t value)
{
    struct report_buffer text;
    report_buffer_init(&text);
    report_gate_value(&text, trend_unit(metric), value);
    html_text_n(out, report_buffer_ok(&text) ? text.text : "");
    report_buffer_free(&text);
}

static void page_row(const struct trend *trend, const struct trend_row *row,
                     struct report_buffer *out)
{
    struct extent extent = extent_of(trend, row);
    size_t from = trend->gate_count > TREND_SHOWN_MAX
                      ? trend->gate_count - TREND_SHOWN_MAX
                      : 0;
    char change[40];
    if (extent.count == 0)
        return;
    html_row(out, row->metric);
    report_buffer_put(out, "<td>");
    if (extent.last >= from)
        report_sparkline(row->values + from, row->has + from,
                         trend->gate_count - from, out);
    report_buffer_put(out, "</td>\n");
    value_cell(out, row->metric, row->values[extent.first]);
    value_cell(out, row->metric, row->values[extent.last]);
    html_text_n(out, report_gate_change(change, sizeof(change),
                                        row->values[extent.first],
                                        row->values[extent.last]));
    value_cell(out, row->metric, extent.least);
    value_cell(out, row->metric, extent.most);
    html_row_end(out);
}

static void page_rows(const struct trend *trend, struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"figure", NULL}, {"last gates", NULL}, {"first", "n"}, {"last", "n"},
        {"change", "n"},  {"least", "n"},       {"most", "n"}};
    for (size_t i = 0; i < trend->row_count; i++) {
        const struct trend_row *row = &trend->rows[i];
        if (out->size > HTML_SIZE_SOFT) {
            report_buffer_print(out,
                                "<p class=\"note\">%zu figures more are left "
                                "out.</p>\n",
                                trend->row_count - i);
            return;
        }
        if (is_next(trend, i)) {
            html_element(out, "<section>\n<h2>", row->scenario, HTML_NAME, "");
            html_element(out, ", seed ", row->seed, 24, "</h2>\n");
            html_table(out, "Figures over time", columns, 7);
        }
        page_row(trend, row, out);
        if (i + 1 == trend->row_count || is_next(trend, i + 1)) {
            html_table_end(out);
            report_buffer_put(out, "</section>\n");
        }
    }
}

/* Newest first: what came of each gate. */
static void page_gates(const struct trend *trend, struct report_buffer *out)
{
    static const struct html_column columns[] = {{"gate", "n"},
                                                 {"seconds since 1970", "n"},
                                                 {"version", NULL},
                                                 {"outcome", NULL}};
    report_buffer_put(out, "<section>\n<h2>Gates</h2>\n");
    html_table(out, "Gates", columns, 4);
    for (size_t i = 0; html_room(out, i, trend->gate_count, 4); i++) {
        const struct trend_gate *gate =
            &trend->gates[trend->gate_count - 1 - i];
        char number[24];
        snprintf(number, sizeof(number), "%zu", trend->gate_count - i);
        html_row(out, number);
        snprintf(number, sizeof(number), "%" PRIu64, gate->unix_s);
        html_text_n(out, number);
        html_cell(out, gate->version);
        html_cell(out, gate->outcome);
        html_row_end(out);
    }
    html_table_end(out);
    report_buffer_put(out, "</section>\n");
}

void trend_page(const struct trend *trend, const char *path,
                struct report_buffer *out)
{
    report_buffer_put(out, report_page_head);
    report_buffer_put(out, report_page_title);
    report_buffer_put(out, "Trend of a gate");
    report_buffer_put(out, report_page_style);
    report_buffer_put(out, report_page_sections);
    report_buffer_put(out, report_overlay_style);
    report_buffer_put(out, report_page_charts);
    report_buffer_put(out, "<header>\n<h1>Trend of a gate</h1>\n");
    html_element(out, "<p class=\"note\"><code>", path, HTML_PHRASE, "</code>");
    report_buffer_print(out, " · %zu gates · %zu lines left out</p>\n",
                        trend->gate_count, trend->bad_lines);
    if (trend->gate_count > TREND_SHOWN_MAX)
        report_buffer_print(out,
                            "<p class=\"note\">Drawn are the last %d.</p>\n",
                            TREND_SHOWN_MAX);
    report_buffer_put(out, "</header>\n<main id=\"main\">\n");
    page_rows(trend, out);
    page_gates(trend, out);
    report_buffer_put(out, "</main>\n</body>\n</html>\n");
}
