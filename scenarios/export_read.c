#include "scenarios/export_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/report_number.h"

enum {
    ROWS_MAX = 100000
};

static bool get_count(struct json_view object, const char *key, uint64_t *count,
                      struct json_error *error)
{
    return report_number_get(object, key, UINT64_MAX, count, error);
}

static bool get_text(struct json_view object, const char *key,
                     const char **text, struct json_error *error)
{
    return json_get_string(object, key, JSON_REQUIRED, 0, JSON_FILE_MAX, text,
                           error);
}

/* The same, where null is allowed: then *text is NULL. */
static bool get_text_or_null(struct json_view object, const char *key,
                             const char **text, struct json_error *error)
{
    struct json_view view = json_member(object, key);
    *text = NULL;
    if (view.item && cJSON_IsNull(view.item))
        return true;
    return get_text(object, key, text, error);
}

static bool get_verdict(struct json_view object, enum check_verdict *verdict,
                        struct json_error *error)
{
    const char *names[] = {check_verdict_name(CHECK_PASS),
                           check_verdict_name(CHECK_FAIL),
                           check_verdict_name(CHECK_EXCUSED),
                           check_verdict_name(CHECK_INCONCLUSIVE)};
    static const enum check_verdict verdicts[] = {
        CHECK_PASS, CHECK_FAIL, CHECK_EXCUSED, CHECK_INCONCLUSIVE};
    size_t index;
    if (!json_get_enum(object, "verdict", JSON_REQUIRED, names, 4, &index,
                       error))
        return false;
    *verdict = verdicts[index];
    return true;
}

static bool get_latency(struct json_view object, const char *key,
                        struct report_export_latency *to,
                        struct json_error *error)
{
    struct json_view view;
    return json_get_object(object, key, JSON_REQUIRED, &view, error) &&
           get_count(view, "count", &to->count, error) &&
           get_count(view, "min_ns", &to->min_ns, error) &&
           get_count(view, "mean_ns", &to->mean_ns, error) &&
           get_count(view, "p50_ns", &to->p50_ns, error) &&
           get_count(view, "p90_ns", &to->p90_ns, error) &&
           get_count(view, "p99_ns", &to->p99_ns, error) &&
           get_count(view, "p999_ns", &to->p999_ns, error) &&
           get_count(view, "max_ns", &to->max_ns, error);
}

/* An array and room for its rows of `size` bytes, all 0. */
static bool get_rows(struct json_view object, const char *key, size_t size,
                     struct json_view *list, void *rows,
                     struct json_error *error)
{
    if (!json_get_array(object, key, JSON_REQUIRED, 0, ROWS_MAX, list, error))
        return false;
    void *room = calloc(json_count(*list) + 1, size);
    if (!room)
        return json_fail(*list, error, "out of memory");
    memcpy(rows, &room, sizeof(room));
    return true;
}

/* What was found first, or why nothing can be said. */
static bool get_detail(struct json_view object, struct report_export_case *to,
                       struct json_error *error)
{
    struct json_view first = json_member(object, "first");
    if (json_is_object(first))
        return get_text(first, "text", &to->detail, error);
    return get_text_or_null(object, "reason", &to->detail, error);
}

static bool read_property(struct json_view view, struct report_export_case *to,
                          struct json_error *error)
{
    bool applies = true;
    if (!json_as_object(view, error) ||
        !json_get_bool(view, "applies", JSON_REQUIRED, &applies, error))
        return false;
    to->absent = !applies;
    return get_text(view, "id", &to->id, error) &&
           get_text(view, "name", &to->name, error) &&
           get_text_or_null(view, "unit", &to->unit, error) &&
           get_count(view, "checked", &to->checked, error) &&
           get_count(view, "violations", &to->violations, error) &&
           get_detail(view, to, error) &&
           get_verdict(view, &to->verdict, error);
}

static bool read_expectation(struct json_view view,
                             struct report_export_case *to,
                             struct json_error *error)
{
    return json_as_object(view, error) &&
           get_text(view, "expr", &to->name, error) &&
           get_text_or_null(view, "actual", &to->detail, error) &&
           get_verdict(view, &to->verdict, error);
}

/* Its name is what is measured and the limit. */
static bool read_threshold(struct json_view view, char name[static 200],
                           struct report_export_case *to,
                           struct json_error *error)
{
    const char *expr = NULL, *limit = NULL;
    if (!json_as_object(view, error) || !get_text(view, "expr", &expr, error) ||
        !get_text(view, "limit", &limit, error))
        return false;
    snprintf(name, 200, "%.128s %.64s", expr, limit);
    to->name = name;
    return get_text_or_null(view, "actual", &to->detail, error) &&
           get_verdict(view, &to->verdict, error);
}

static bool read_thresholds(struct json_view list, struct export_figures *to,
                            struct json_error *error)
{
    size_t i = 0;
    to->names = calloc(json_count(list) + 1, sizeof(*to->names));
    if (!to->names)
        return json_fail(list, error, "out of memory");
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_threshold(v, to->names[i++],
                            &to->cases[to->report.case_count++], error))
            return false;
    return true;
}

static bool read_cases(struct json_view top, struct export_figures *to,
                       struct json_error *error)
{
    struct json_view properties;
    struct json_view expectations;
    struct json_view thresholds;
    bool has = json_member(top, "thresholds").item != NULL;
    if (!json_get_array(top, "properties", JSON_REQUIRED, 0, ROWS_MAX,
                        &properties, error) ||
        !json_get_array(top, "expectations", JSON_REQUIRED, 0, ROWS_MAX,
                        &expectations, error) ||
        (has && !json_get_array(top, "thresholds", JSON_REQUIRED, 0, ROWS_MAX,
                                &thresholds, error)))
        return false;
    size_t room = json_count(properties) + json_count(expectations) + 1;
    room += has ? json_count(thresholds) : 0;
    to->cases = calloc(room, sizeof(*to->cases));
    if (!to->cases)
        return json_fail(properties, error, "out of memory");
    size_t *count = &to->report.case_count;
    for (struct json_view v = json_first(properties); v.item; v = json_next(v))
        if (!read_property(v, &to->cases[(*count)++], error))
            return false;
    for (struct json_view v = json_first(expectations); v.item;
         v = json_next(v))
        if (!read_expectation(v, &to->cases[(*count)++], error))
            return false;
    return !has || read_thresholds(thresholds, to, error);
}

static bool read_reasons(struct json_view top, struct export_figures *to,
                         struct json_error *error)
{
    struct json_view list;
    if (!get_rows(top, "reasons", sizeof(*to->reasons), &list, &to->reasons,
                  error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        struct report_export_reason *reason =
            &to->reasons[to->report.reason_count++];
        if (!json_as_object(v, error) ||
            !get_text(v, "text", &reason->text, error) ||
            !get_verdict(v, &reason->verdict, error))
            return false;
    }
    return true;
}

static bool read_step(struct json_view view, struct report_export_step *to,
                      struct json_error *error)
{
    return json_as_object(view, error) &&
           get_text(view, "workflow", &to->workflow, error) &&
           get_text(view, "step", &to->name, error) &&
           get_count(view, "attempts", &to->attempts, error) &&
           get_count(view, "retries", &to->retries, error) &&
           get_count(view, "failures", &to->failures, error) &&
           get_count(view, "cut", &to->cut, error) &&
           get_latency(view, "total", &to->total, error) &&
           get_latency(view, "dispatch", &to->dispatch, error) &&
           get_latency(view, "code", &to->code, error);
}

static bool read_latency(struct json_view top, struct export_figures *to,
                         struct json_error *error)
{
    struct json_view latency;
    struct json_view list;
    if (!json_get_object(top, "latency", JSON_REQUIRED, &latency, error) ||
        !get_latency(latency, "run", &to->report.latency, error) ||
        !get_rows(latency, "steps", sizeof(*to->steps), &list, &to->steps,
                  error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_step(v, &to->steps[to->report.step_count++], error))
            return false;
    return true;
}

static bool read_faults(struct json_view top, struct export_figures *to,
                        struct json_error *error)
{
    struct json_view list;
    if (!get_rows(top, "faults", sizeof(*to->faults), &list, &to->faults,
                  error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        struct report_export_fault *fault =
            &to->faults[to->report.fault_count++];
        if (!json_as_object(v, error) ||
            !get_text(v, "point", &fault->point, error) ||
            !get_count(v, "fired", &fault->fired, error) ||
            !get_count(v, "effective", &fault->effective, error) ||
            !get_count(v, "in_flight", &fault->in_flight, error))
            return false;
    }
    return true;
}

static bool read_runs(struct json_view top, struct report_runs *runs,
                      struct json_error *error)
{
    struct json_view view;
    return json_get_object(top, "runs", JSON_REQUIRED, &view, error) &&
           get_count(view, "started", &runs->started, error) &&
           get_count(view, "succeeded", &runs->succeeded, error) &&
           get_count(view, "failed", &runs->failed, error) &&
           get_count(view, "cancelled", &runs->cancelled, error) &&
           get_count(view, "timed_out", &runs->timed_out, error) &&
           get_count(view, "stopped", &runs->stopped, error) &&
           get_count(view, "blocked", &runs->blocked, error) &&
           get_count(view, "paused", &runs->paused, error) &&
           get_count(view, "waiting", &runs->waiting, error) &&
           get_count(view, "stuck", &runs->stuck, error) &&
           get_count(view, "invoked", &runs->invoked, error);
}

static bool read_totals(struct json_view top, struct report_export *report,
                        struct json_error *error)
{
    return get_text(top, "scenario", &report->scenario, error) &&
           get_text(top, "version", &report->version, error) &&
           get_text(top, "seed", &report->seed, error) &&
           get_text(top, "digest", &report->digest, error) &&
           get_text_or_null(top, "why", &report->why, error) &&
           get_text_or_null(top, "replay", &report->replay, error) &&
           get_verdict(top, &report->verdict, error) &&
           get_count(top, "virtual_ns", &report->virtual_ns, error) &&
           get_count(top, "events", &report->events, error) &&
           get_count(top, "commits", &report->commits, error) &&
           get_count(top, "crashes", &report->crashes, error);
}

static bool read_schema(struct json_view top, struct json_error *error)
{
    const char *schema;
    if (!json_as_object(top, error) ||
        !json_get_string(top, "schema", JSON_REQUIRED, 1, 64, &schema, error))
        return false;
    if (strcmp(schema, "perdure.report/1") == 0)
        return true;
    return json_fail(json_member(top, "schema"), error,
                     "found schema \"%s\", allowed \"perdure.report/1\", which "
                     "perdure run writes as report.json",
                     schema);
}

int export_figures_read(const struct json_doc *doc,
                        struct export_figures *figures,
                        struct json_error *error)
{
    struct json_view top = json_root(doc);
    struct report_export *report = &figures->report;
    *figures = (struct export_figures){0};
    if (!read_schema(top, error) || !read_totals(top, report, error) ||
        !read_runs(top, &report->runs, error) ||
        !read_cases(top, figures, error) ||
        !read_reasons(top, figures, error) ||
        !read_latency(top, figures, error) || !read_faults(top, figures, error))
        return -1;
    report->cases = figures->cases;
    report->reasons = figures->reasons;
    report->steps = figures->steps;
    report->faults = figures->faults;
    return 0;
}

void export_figures_deinit(struct export_figures *figures)
{
    free(figures->cases);
    free(figures->names);
    free(figures->reasons);
    free(figures->steps);
    free(figures->faults);
    *figures = (struct export_figures){0};
}
