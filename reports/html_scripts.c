/*
 * What makes charts move where scripts may run: the policy that names the
 * scripts by what they are, the charts' values, and the scripts.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "reports/chart.h"
#include "reports/html.h"

enum {
    HASH_TEXT = 64 /* of 32 bytes in base64 */
};

#define SECOND UINT64_C(1000000000)

/* A script or style without the comment that points at another file. */
static size_t size_of(const char *text, const char *end)
{
    static const char comment[] = "# sourceMappingURL=";
    size_t size = (size_t)(end - text);
    for (size_t i = sizeof(comment); i < size && i < 200; i++)
        if (size - i > 2 && memcmp(end - i, comment, sizeof(comment) - 1) == 0)
            return size - i - 2; /* with what begins it */
    return size;
}

static void put_hash(struct report_buffer *out, const char *text, size_t size)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char words[HASH_TEXT];
    crypto_hash_sha256(hash, (const unsigned char *)text, size);
    sodium_bin2base64(words, sizeof(words), hash, sizeof(hash),
                      sodium_base64_VARIANT_ORIGINAL);
    report_buffer_print(out, " 'sha256-%s'", words);
}

void html_policy(struct report_buffer *out,
                 const struct report_library *library)
{
    if (!library)
        return;
    report_buffer_put(out, "; script-src");
    put_hash(out, library->script,
             size_of(library->script, library->script_end));
    put_hash(out, report_page_script,
             (size_t)(report_page_script_end - report_page_script));
}

void html_library_style(struct report_buffer *out,
                        const struct report_library *library)
{
    static const char own[] =
        ".moving>svg{display:none}.zoom .plot{width:100%;height:260px;"
        "position:relative}\n"
        "#chart-in-flight .plot,#chart-throughput .plot{height:190px}\n"
        ".zoom .values{font-size:12.5px;min-height:19px;padding-left:76px}"
        ".zoom .values>span{margin-right:12px}\n"
        ".zoom .moment{position:absolute;top:0;bottom:22px;width:1px;"
        "background:var(--ink);opacity:.5;pointer-events:none}\n"
        ".zoom .dygraph-axis-label{font-size:11px;color:var(--dim)}\n"
        ".zoombar{display:flex;flex-wrap:wrap;gap:6px;align-items:center;"
        "position:sticky;top:0;background:var(--bg);padding:6px 0;z-index:20}"
        ".zoombar button{font:inherit;font-size:13px;padding:2px 10px;"
        "color:var(--ink);background:var(--soft);border:1px solid var(--rule);"
        "border-radius:4px}.zoombar .said{font-size:13px;color:var(--dim)}\n"
        "@media print{.zoom,.zoombar{display:none}"
        ".moving>svg{display:block}}\n";
    if (!library)
        return;
    report_buffer_bytes(out, library->style,
                        size_of(library->style, library->style_end));
    report_buffer_put(out, own);
}

/* Seconds as a number: exact, and without floating point. */
static void put_seconds(struct report_buffer *out, uint64_t ns)
{
    report_buffer_print(out, "%" PRIu64 ".%09" PRIu64, ns / SECOND,
                        ns % SECOND);
}

/* Untrusted text as a string that cannot end the script it stands in. */
static void put_string(struct report_buffer *out, const char *text)
{
    struct report_buffer string;
    report_buffer_init(&string);
    report_buffer_json(&string, text, strlen(text));
    for (size_t i = 0; i < string.size; i++)
        if (string.text[i] == '<')
            report_buffer_put(out, "\\u003c");
        else
            report_buffer_bytes(out, &string.text[i], 1);
    out->failed |= string.failed;
    report_buffer_free(&string);
}

static const char *fault_of(const struct report_stats *stats, uint32_t point)
{
    for (uint32_t i = 0; i < stats->fault_count; i++)
        if (stats->faults[i].point == point)
            return stats->faults[i].name;
    return "a fault";
}

static void put_band(const struct report_stats *stats,
                     struct report_buffer *out, const struct report_band *band)
{
    char words[HTML_NAME + 20];
    if (band->kind == REPORT_BAND_FAULT)
        snprintf(words, sizeof(words), "%.*s lasts", HTML_NAME,
                 fault_of(stats, band->point));
    else
        snprintf(words, sizeof(words), "a process %s",
                 band->kind == REPORT_BAND_DOWN ? "is down" : "stands still");
    report_buffer_put(out, "[");
    put_seconds(out, band->from_ns - stats->first_ns);
    report_buffer_put(out, ",");
    put_seconds(out, band->to_ns - stats->first_ns);
    report_buffer_print(out, ",%d,", (int)band->kind);
    put_string(out, words);
    report_buffer_put(out, "]");
}

/* One line or area of a chart. */
struct line {
    const char *label;
    const char *colour; /* of the style sheet */
    const char *dash;
    size_t offset; /* of its value in a bucket */
    int is_mean;   /* to be divided by latency_count */
};

static void put_values(const struct report_stats *stats,
                       struct report_buffer *out, const struct line *line,
                       int latency)
{
    report_buffer_put(out, "[");
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        uint64_t value;
        memcpy(&value, (const char *)bucket + line->offset, sizeof(value));
        if (line->is_mean)
            value = bucket->latency_count ? value / bucket->latency_count : 0;
        if (i)
            report_buffer_put(out, ",");
        if (latency && (bucket->latency_count == 0 || value == 0))
            report_buffer_put(out, "null"); /* a logarithm has no 0 */
        else
            report_buffer_print(out, "%" PRIu64, value);
    }
    report_buffer_put(out, "]");
}

/* How a chart is drawn; those of latency are logarithmic lines. */
struct drawn {
    const char *id;
    const char *kind; /* line, stack or steps */
    const char *unit;
    int filled; /* the line with an area below it; -1: none */
};

static void put_list(struct report_buffer *out, const char *key,
                     const struct line *lines, size_t count, size_t offset,
                     const char *quote)
{
    report_buffer_print(out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        const char *text;
        memcpy(&text, (const char *)&lines[i] + offset, sizeof(text));
        report_buffer_print(out, "%s%s%s%s", i ? "," : "", quote, text, quote);
    }
    report_buffer_put(out, "]");
}

static void put_chart(const struct report_stats *stats,
                      struct report_buffer *out, const struct drawn *chart,
                      const struct line *lines, size_t count)
{
    int latency = strcmp(chart->kind, "line") == 0;
    report_buffer_print(out,
                        "{\"id\":\"%s\",\"kind\":\"%s\",\"unit\":\"%s\","
                        "\"log\":%s,\"filled\":%d",
                        chart->id, chart->kind, chart->unit,
                        latency ? "true" : "false", chart->filled);
    put_list(out, "labels", lines, count, offsetof(struct line, label), "\"");
    put_list(out, "colours", lines, count, offsetof(struct line, colour), "\"");
    put_list(out, "dashes", lines, count, offsetof(struct line, dash), "");
    report_buffer_put(out, ",\"values\":[");
    for (size_t i = 0; i < count; i++) {
        report_buffer_put(out, i ? ",\n" : "\n");
        put_values(stats, out, &lines[i], latency);
    }
    report_buffer_put(out, "]}");
}

#define AT(field) offsetof(struct report_bucket, field)

static void put_split(const struct report_stats *stats,
                      struct report_buffer *out)
{
    static const struct drawn chart = {"split", "stack", "ns", -1};
    static const char *const colours[REPORT_PARTS] = {
        "blue", "purple", "sky", "amber", "red", "dim", "green"};
    static const char *const dashes[REPORT_PARTS] = {
        "[]", "[1,3]", "[6,2]", "[]", "[2,2]", "[8,3]", "[4,2]"};
    struct line lines[REPORT_PARTS];
    size_t count = 0;
    /* The library stacks what comes last at the bottom. */
    for (int k = REPORT_PARTS; k-- > 0;)
        if (report_chart_draws(stats, (enum report_part)k))
            lines[count++] = (struct line){
                report_part_name((enum report_part)k), colours[k], dashes[k],
                AT(split_ns) + (size_t)k * sizeof(uint64_t), 1};
    if (count == 0)
        return;
    report_buffer_put(out, ",\n");
    put_chart(stats, out, &chart, lines, count);
}

static void put_charts(const struct report_stats *stats,
                       struct report_buffer *out)
{
    static const struct drawn charts[] = {{"latency", "line", "ns", -1},
                                          {"in-flight", "steps", "count", 0},
                                          {"throughput", "steps", "count", -1}};
    static const struct line latency[] = {
        {"p50", "blue", "[]", AT(p50_ns), 0},
        {"p90", "green", "[6,3]", AT(p90_ns), 0},
        {"p99", "purple", "[2,3]", AT(p99_ns), 0},
        {"max", "dim", "[1,6]", AT(max_ns), 0}};
    static const struct line in_flight[] = {
        {"in flight", "blue", "[]", AT(in_flight), 0},
        {"backlog", "red", "[4,2]", AT(backlog), 0}};
    static const struct line throughput[] = {
        {"due", "sky", "[4,2]", AT(started), 0},
        {"ended", "blue", "[]", AT(finished), 0}};
    put_chart(stats, out, &charts[0], latency, 4);
    put_split(stats, out);
    report_buffer_put(out, ",\n");
    put_chart(stats, out, &charts[1], in_flight, 2);
    report_buffer_put(out, ",\n");
    put_chart(stats, out, &charts[2], throughput, 2);
}

static void put_data(struct html_page *page)
{
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    uint64_t span = stats->last_ns - stats->first_ns;
    report_buffer_put(out, "<script type=\"application/json\" "
                           "id=\"chart-data\">\n{\"step\":");
    put_seconds(out, stats->bucket_ns);
    report_buffer_put(out, ",\"end\":");
    put_seconds(out, span ? span : 1);
    report_buffer_put(out, ",\"hint\":\"Drag over a chart to look closer, "
                           "double-click to see all of it.\",\n\"faults\":[");
    for (uint32_t i = 0; i < stats->bucket_count; i++)
        report_buffer_print(out, "%s%" PRIu64, i ? "," : "",
                            stats->buckets[i].faults);
    report_buffer_put(out, "],\n\"bands\":[");
    for (uint32_t i = 0; i < stats->band_count; i++) {
        report_buffer_put(out, i ? ",\n" : "");
        put_band(stats, out, &stats->bands[i]);
    }
    report_buffer_put(out, "],\n\"charts\":[\n");
    put_charts(stats, out);
    report_buffer_put(out, "]}\n</script>\n");
}

void html_put_scripts(struct html_page *page)
{
    const struct report_library *library = page->library;
    struct report_buffer *out = page->out;
    if (!library || page->model->stats->bucket_count == 0)
        return;
    put_data(page);
    report_buffer_put(out, "<script>");
    report_buffer_bytes(out, library->script,
                        size_of(library->script, library->script_end));
    report_buffer_put(out, "</script>\n<script>");
    report_buffer_bytes(out, report_page_script,
                        (size_t)(report_page_script_end - report_page_script));
    report_buffer_put(out, "</script>\n");
}
