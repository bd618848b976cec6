#include "scenarios/report_read_parts.h"

static const char *role_name(unsigned role)
{
    return report_role_name((enum report_role)role);
}

static const char *span_name(unsigned kind)
{
    return report_span_name((enum report_span_kind)kind);
}

static const char *mark_name(unsigned kind)
{
    return report_mark_name((enum report_mark_kind)kind);
}

static void read_time(struct reading *reading, struct json_view view,
                      const char *key, uint64_t *time_ns)
{
    reading_number(reading, view, key, REPORT_READ_MAX, time_ns);
}

static void read_lane(struct reading *reading, struct json_view view,
                      struct report_lane *lane)
{
    struct json_view node = {0};
    reading_copy(reading, view, "name", lane->name, sizeof(lane->name));
    lane->role = (enum report_role)reading_choice(reading, view, "role",
                                                  role_name, REPORT_ROLES);
    if (!json_get(view, "node", JSON_REQUIRED, &node, reading->err))
        return;
    lane->node = UINT32_MAX;
    if (!cJSON_IsNull(node.item))
        reading_number_32(reading, view, "node", UINT32_MAX - 1, &lane->node);
}

/* The lane that something is in, which must be there. */
static uint32_t read_lane_of(struct reading *reading, struct json_view view,
                             const struct report_timeline *line)
{
    uint64_t lane = 0;
    reading_number(reading, view, "lane", UINT32_MAX, &lane);
    if (reading->err->code == 0 && lane >= line->lane_count)
        json_fail(json_member(view, "lane"), reading->err,
                  "found lane %ju of %u, which count from 0", (uintmax_t)lane,
                  line->lane_count);
    return (uint32_t)lane;
}

static void read_span(struct reading *reading, struct json_view view,
                      const struct report_timeline *line,
                      struct report_span *span)
{
    span->kind = (enum report_span_kind)reading_choice(
        reading, view, "kind", span_name, REPORT_SPAN_KINDS);
    span->lane = read_lane_of(reading, view, line);
    read_time(reading, view, "from_ns", &span->from_ns);
    read_time(reading, view, "to_ns", &span->to_ns);
    reading_number_32(reading, view, "attempt", UINT32_MAX, &span->attempt);
    reading_number(reading, view, "token", UINT64_MAX, &span->token);
    reading_copy(reading, view, "name", span->name, sizeof(span->name));
    if (reading->err->code == 0 && span->from_ns > span->to_ns)
        json_fail(view, reading->err, "found from_ns behind to_ns");
}

static void read_mark(struct reading *reading, struct json_view view,
                      const struct report_timeline *line,
                      struct report_mark *mark)
{
    mark->kind = (enum report_mark_kind)reading_choice(
        reading, view, "kind", mark_name, REPORT_MARK_KINDS);
    mark->lane = read_lane_of(reading, view, line);
    read_time(reading, view, "time_ns", &mark->time_ns);
    reading_number(reading, view, "index", UINT64_MAX, &mark->index);
    reading_truth(reading, view, "own", &mark->own);
}

static void read_row(struct reading *reading, struct json_view view,
                     const struct report_timeline *line, struct report_row *row)
{
    row->lane = read_lane_of(reading, view, line);
    read_time(reading, view, "time_ns", &row->time_ns);
    reading_number(reading, view, "index", UINT64_MAX, &row->index);
    reading_truth(reading, view, "bold", &row->bold);
    reading_copy(reading, view, "text", row->text, sizeof(row->text));
}

/* Lanes come first: all else lies in them. */
static void read_lists(struct reading *reading, struct json_view view,
                       struct report_timeline *line)
{
    struct json_view list;
    reading_list(reading, view, "lanes", REPORT_LANES_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_lane(reading, v, &line->lanes[line->lane_count++]);
    reading_list(reading, view, "spans", REPORT_SPANS_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_span(reading, v, line, &line->spans[line->span_count++]);
    reading_list(reading, view, "marks", REPORT_MARKS_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_mark(reading, v, line, &line->marks[line->mark_count++]);
    reading_list(reading, view, "rows", REPORT_ROWS_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_row(reading, v, line, &line->rows[line->row_count++]);
}

static void read_line(struct reading *reading, struct json_view view,
                      struct report_timeline *line)
{
    static const struct reading_number numbers[] = {
        {"from_ns", offsetof(struct report_timeline, from_ns)},
        {"marks_left_out", offsetof(struct report_timeline, marks_left_out)},
        {"rows_left_out", offsetof(struct report_timeline, rows_left_out)},
        {"spans_left_out", offsetof(struct report_timeline, spans_left_out)},
        {"to_ns", offsetof(struct report_timeline, to_ns)},
    };
    reading_numbers(reading, view, numbers,
                    sizeof(numbers) / sizeof(numbers[0]), line);
    reading_number_32(reading, view, "lanes_left_out", UINT32_MAX,
                      &line->lanes_left_out);
    reading_number(reading, view, "run", UINT64_MAX, &line->run);
    reading_text(reading, view, "why", &line->why);
    reading_truth(reading, view, "cut_short", &line->cut_short);
    reading_truth(reading, view, "handler", &line->handler);
    if (reading->err->code == 0 && line->from_ns > line->to_ns)
        json_fail(view, reading->err, "found from_ns behind to_ns");
    line->workflow = UINT32_MAX;
    read_lists(reading, view, line);
}

static struct report_timeline *read_new(struct reading *reading,
                                        struct json_view view)
{
    struct report_timeline *line =
        reading_room(reading, view, 1, sizeof(*line));
    if (line)
        read_line(reading, view, line);
    return line;
}

void report_read_timelines(struct reading *reading, struct json_view top,
                           struct report_model *model)
{
    struct json_view view = {0};
    struct json_view list;
    if (!json_get(top, "timeline", JSON_REQUIRED, &view, reading->err))
        return;
    if (!cJSON_IsNull(view.item))
        model->timeline = read_new(reading, view);
    reading_list(reading, top, "timelines_more", REPORT_MORE_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        model->more[model->more_count++] = read_new(reading, v);
}
