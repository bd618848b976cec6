#include "scenarios/lambda/table_chart.h"

#include <inttypes.h>
#include <string.h>

#include "reports/format.h"
#include "reports/html.h"

enum {
    LANES_MAX = 60,
    EVENTS_MAX = 400,
    NAMES = 190, /* units for names, then those of events */
    WIDTH = 800,
    TOP = 34,
    LANE = 20,
    BAR = 12,
    LABEL = 60, /* between two labels of time */
    NAME_COLUMNS = 28
};

struct lanes {
    const struct lambda_table *table;
    struct report_buffer *out;
    uint32_t first[LANES_MAX]; /* event with its name */
    uint32_t count;
};

static uint32_t x_of(const struct lanes *lanes, uint32_t event)
{
    return NAMES + WIDTH * event / (lanes->table->history_count - 1);
}

static bool is_operation(const struct lambda_told *told)
{
    return told->name[0] != '\0';
}

/* False: more than can be drawn. */
static bool choose_lanes(struct lanes *lanes)
{
    const struct lambda_table *table = lanes->table;

    for (uint32_t i = 0; i < table->history_count; i++) {
        uint32_t l = 0;
        if (!is_operation(&table->history[i]))
            continue;
        while (l < lanes->count && strcmp(table->history[lanes->first[l]].name,
                                          table->history[i].name) != 0)
            l++;
        if (l == LANES_MAX)
            return false;
        if (l == lanes->count)
            lanes->first[lanes->count++] = i;
    }
    return lanes->count > 0;
}

/* How a bar that ends so is drawn. */
static const char *class_of(const struct lambda_told *told)
{
    size_t size;
    enum lambda_verb verb = lambda_event_verb(told->type, &size);
    bool step = size == 4 && memcmp(told->type, "Step", 4) == 0;

    if (verb == LAMBDA_VERB_FAILED && told->again)
        return "error";
    if (verb != LAMBDA_VERB_SUCCEEDED)
        return "cut";
    return step ? "attempt" : "owned";
}

static void put_bar(const struct lanes *lanes, uint32_t lane, uint32_t from,
                    uint32_t to)
{
    const struct lambda_told *told = &lanes->table->history[to];
    uint32_t x = x_of(lanes, from);
    uint32_t end = x_of(lanes, to);

    report_buffer_print(lanes->out,
                        "<rect class=\"%s\" x=\"%" PRIu32 "\" y=\"%" PRIu32
                        "\" width=\"%" PRIu32 "\" height=\"%d\"><title>",
                        class_of(told), x, TOP + lane * LANE + (LANE - BAR) / 2,
                        end > x + 3 ? end - x : 3, BAR);
    report_buffer_html(lanes->out, told->type, HTML_NAME);
    report_buffer_put(lanes->out, "</title></rect>\n");
}

static void put_lane(const struct lanes *lanes, uint32_t lane)
{
    const struct lambda_table *table = lanes->table;
    const char *name = table->history[lanes->first[lane]].name;
    uint32_t from = lanes->first[lane];
    size_t size;

    report_buffer_print(lanes->out,
                        "<text class=\"e\" x=\"%d\" y=\"%" PRIu32 "\">",
                        NAMES - 8, TOP + lane * LANE + 14);
    report_buffer_html(lanes->out, name, NAME_COLUMNS);
    report_buffer_put(lanes->out, "</text>\n");
    for (uint32_t i = from; i < table->history_count; i++) {
        const struct lambda_told *told = &table->history[i];
        if (strcmp(told->name, name) != 0)
            continue;
        if (lambda_event_verb(told->type, &size) == LAMBDA_VERB_STARTED)
            from = i;
        else
            put_bar(lanes, lane, from, i);
    }
}

/* Where invocations end, over all lanes. */
static void put_invocations(const struct lanes *lanes)
{
    const struct lambda_table *table = lanes->table;

    for (uint32_t i = 0; i < table->history_count; i++)
        if (strcmp(table->history[i].type, "InvocationCompleted") == 0)
            report_buffer_print(
                lanes->out,
                "<path class=\"mark\" d=\"M%" PRIu32 " %dV%" PRIu32 "\"/>\n",
                x_of(lanes, i), TOP - 8, TOP + lanes->count * LANE);
}

/* The time since the beginning, where it has gone on. */
static void put_times(const struct lanes *lanes)
{
    const struct lambda_table *table = lanes->table;
    struct report_word word;
    uint32_t last = 0;
    uint64_t told = 0;

    for (uint32_t i = 0; i < table->history_count; i++) {
        uint32_t x = x_of(lanes, i);
        uint64_t since_us = table->history[i].since_us;
        if ((i && since_us == told) || (last && x < last + LABEL))
            continue;
        report_buffer_print(lanes->out,
                            "<text x=\"%" PRIu32 "\" y=\"14\">%s</text>"
                            "<path class=\"grid\" d=\"M%" PRIu32 " 18V%" PRIu32
                            "\"/>\n",
                            x, report_format_line(&word, since_us * 1000), x,
                            TOP + lanes->count * LANE);
        last = x;
        told = since_us;
    }
}

static void put_key(struct report_buffer *out)
{
    static const char *const shapes[][2] = {
        {"<rect class=\"attempt\" x=\"-9\" y=\"-5\" width=\"18\" "
         "height=\"10\"/>",
         "attempt of a step"},
        {"<rect class=\"error\" x=\"-9\" y=\"-5\" width=\"18\" "
         "height=\"10\"/>",
         "one that failed and is tried again"},
        {"<rect class=\"cut\" x=\"-9\" y=\"-5\" width=\"18\" height=\"10\"/>",
         "failed, or out of time"},
        {"<rect class=\"owned\" x=\"-9\" y=\"-5\" width=\"18\" "
         "height=\"10\"/>",
         "wait, callback, context, invoke"},
        {"<path class=\"mark\" d=\"M0 -7V7\"/>", "end of an invocation"}};

    report_buffer_put(out, "<p class=\"key\">");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        html_key(out, shapes[i][0], shapes[i][1]);
    report_buffer_put(out, "</p>\n");
}

void lambda_table_chart(const struct lambda_table *table,
                        struct report_buffer *out)
{
    struct lanes lanes = {.table = table, .out = out};

    if (table->history_count < 2 || table->history_count > EVENTS_MAX ||
        !choose_lanes(&lanes))
        return;
    report_buffer_print(out,
                        "<div class=\"chart\"><svg viewBox=\"0 0 %d %" PRIu32
                        "\" role=\"img\" aria-label=\"Operations of the "
                        "undisturbed run in the order of its events\">\n",
                        NAMES + WIDTH + 20, TOP + lanes.count * LANE + 6);
    put_times(&lanes);
    put_invocations(&lanes);
    for (uint32_t l = 0; l < lanes.count; l++)
        put_lane(&lanes, l);
    report_buffer_put(out, "</svg></div>\n");
    put_key(out);
}
