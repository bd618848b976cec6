#include <inttypes.h>
#include <string.h>

#include "reports/export.h"

#define SECOND UINT64_C(1000000000)

enum {
    LABEL_MAX_COLUMNS = 500
};

static void family(struct report_buffer *out, const char *name,
                   const char *type, const char *unit, const char *help)
{
    report_buffer_print(out, "# TYPE %s %s\n", name, type);
    if (unit)
        report_buffer_print(out, "# UNIT %s %s\n", name, unit);
    report_buffer_print(out, "# HELP %s %s\n", name, help);
}

/*
 * A value in quotes: what is hidden is shown, then \ and " are escaped. A # is
 * shown like what is hidden: to GitLab it begins a comment even there.
 */
static void label(struct report_buffer *out, const char *name,
                  const char *value)
{
    struct report_buffer plain;
    report_buffer_init(&plain);
    report_buffer_plain(&plain, value, LABEL_MAX_COLUMNS);
    report_buffer_print(out, ",%s=\"", name);
    for (size_t i = 0; i < plain.size; i++) {
        if (strchr("\\\"", plain.text[i]))
            report_buffer_put(out, "\\");
        if (plain.text[i] == '#')
            report_buffer_put(out, "\\\\u{23}");
        else
            report_buffer_bytes(out, plain.text + i, 1);
    }
    report_buffer_put(out, "\"");
    out->failed |= plain.failed;
    report_buffer_free(&plain);
}

/* The name and the label that all have; more may follow, then a value. */
static void begin(struct report_buffer *out, const char *name,
                  const struct report_export *from)
{
    struct report_buffer first;
    report_buffer_init(&first);
    label(&first, "scenario", from->scenario);
    report_buffer_print(out, "%s{%s", name, first.size ? first.text + 1 : "");
    out->failed |= first.failed;
    report_buffer_free(&first);
}

static void value(struct report_buffer *out, uint64_t number)
{
    report_buffer_print(out, "} %" PRIu64 "\n", number);
}

static void seconds(struct report_buffer *out, uint64_t ns)
{
    report_buffer_print(out, "} %" PRIu64 ".%09" PRIu64 "\n", ns / SECOND,
                        ns % SECOND);
}

static void put_gauge(struct report_buffer *out,
                      const struct report_export *from, const char *name,
                      const char *help, uint64_t number)
{
    family(out, name, "gauge", NULL, help);
    begin(out, name, from);
    value(out, number);
}

static void put_identity(struct report_buffer *out,
                         const struct report_export *from)
{
    family(out, "perdure_report", "info", NULL, "What was run.");
    begin(out, "perdure_report_info", from);
    label(out, "seed", from->seed);
    label(out, "version", from->version);
    value(out, 1);
    family(out, "perdure_verdict", "stateset", NULL, "Whether it held.");
    for (int i = CHECK_PASS; i <= CHECK_INCONCLUSIVE; i++) {
        begin(out, "perdure_verdict", from);
        label(out, "perdure_verdict",
              check_verdict_name((enum check_verdict)i));
        value(out, (enum check_verdict)i == from->verdict);
    }
}

static void put_runs(struct report_buffer *out,
                     const struct report_export *from)
{
    const struct report_runs *runs = &from->runs;
    const struct {
        const char *state;
        uint64_t count;
    } rows[] = {
        {"succeeded", runs->succeeded}, {"failed", runs->failed},
        {"cancelled", runs->cancelled}, {"timed_out", runs->timed_out},
        {"stopped", runs->stopped},     {"blocked", runs->blocked},
        {"paused", runs->paused},       {"waiting", runs->waiting},
        {"stuck", runs->stuck},
    };
    put_gauge(out, from, "perdure_runs_started", "Runs that began.",
              runs->started);
    family(out, "perdure_runs", "gauge", NULL, "Runs by how they ended.");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(out, "perdure_runs", from);
        label(out, "state", rows[i].state);
        value(out, rows[i].count);
    }
}

static void put_totals(struct report_buffer *out,
                       const struct report_export *from)
{
    put_gauge(out, from, "perdure_records", "Records of the run.",
              from->events);
    put_gauge(out, from, "perdure_commits", "Commits of the store.",
              from->commits);
    put_gauge(out, from, "perdure_crashes", "Processes that died of a fault.",
              from->crashes);
    family(out, "perdure_virtual_time_seconds", "gauge", "seconds",
           "Virtual time that the run took.");
    begin(out, "perdure_virtual_time_seconds", from);
    seconds(out, from->virtual_ns);
}

/* One line of a summary; the step's labels if there is a step. */
static void quantile(struct report_buffer *out,
                     const struct report_export *from, const char *name,
                     const struct report_export_step *step, const char *at,
                     uint64_t ns)
{
    begin(out, name, from);
    if (step) {
        label(out, "workflow", step->workflow);
        label(out, "step", step->name);
    }
    label(out, "quantile", at);
    seconds(out, ns);
}

static void put_latency(struct report_buffer *out,
                        const struct report_export *from, const char *name,
                        const struct report_export_step *step,
                        const struct report_export_latency *latency)
{
    if (latency->count == 0)
        return;
    quantile(out, from, name, step, "0.0", latency->min_ns);
    quantile(out, from, name, step, "0.5", latency->p50_ns);
    quantile(out, from, name, step, "0.9", latency->p90_ns);
    quantile(out, from, name, step, "0.99", latency->p99_ns);
    quantile(out, from, name, step, "0.999", latency->p999_ns);
    quantile(out, from, name, step, "1.0", latency->max_ns);
    report_buffer_print(out, "%s_count", name);
    begin(out, "", from);
    if (step) {
        label(out, "workflow", step->workflow);
        label(out, "step", step->name);
    }
    value(out, latency->count);
}

static void put_latencies(struct report_buffer *out,
                          const struct report_export *from)
{
    static const char name[] = "perdure_run_latency_seconds";
    static const char step_name[] = "perdure_step_latency_seconds";
    family(out, name, "summary", "seconds",
           "From when a run was due to its durable end.");
    put_latency(out, from, name, NULL, &from->latency);
    family(out, step_name, "summary", "seconds",
           "From durable work of a step to its durable report.");
    for (size_t i = 0; i < from->step_count; i++)
        put_latency(out, from, step_name, &from->steps[i],
                    &from->steps[i].total);
}

/* What a step, fault or property counts: columns of one struct. */
struct column {
    const char *name;
    const char *help;
    size_t offset;
};

static uint64_t read_at(const void *row, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)row + offset, sizeof(number));
    return number;
}

static void put_steps(struct report_buffer *out,
                      const struct report_export *from)
{
#define COLUMN(field, help)                                                    \
    {                                                                          \
        "perdure_step_" #field, help,                                          \
            offsetof(struct report_export_step, field)                         \
    }
    static const struct column columns[] = {
        COLUMN(attempts, "Attempts of a step."),
        COLUMN(retries, "Attempts beyond the first."),
        COLUMN(failures, "Attempts that reported an error."),
        COLUMN(cut, "Attempts whose worker disappeared."),
    };
#undef COLUMN
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        family(out, columns[i].name, "gauge", NULL, columns[i].help);
        for (size_t j = 0; j < from->step_count; j++) {
            begin(out, columns[i].name, from);
            label(out, "workflow", from->steps[j].workflow);
            label(out, "step", from->steps[j].name);
            value(out, read_at(&from->steps[j], columns[i].offset));
        }
    }
}

static void put_faults(struct report_buffer *out,
                       const struct report_export *from)
{
    family(out, "perdure_faults_fired", "gauge", NULL,
           "How often a fault struck.");
    for (size_t i = 0; i < from->fault_count; i++) {
        begin(out, "perdure_faults_fired", from);
        label(out, "point", from->faults[i].point);
        value(out, from->faults[i].fired);
    }
    family(out, "perdure_faults_in_flight", "gauge", NULL,
           "Of these, while work was in flight.");
    for (size_t i = 0; i < from->fault_count; i++) {
        begin(out, "perdure_faults_in_flight", from);
        label(out, "point", from->faults[i].point);
        value(out, from->faults[i].in_flight);
    }
}

static void put_properties(struct report_buffer *out,
                           const struct report_export *from, const char *name,
                           const char *help, size_t offset)
{
    family(out, name, "gauge", NULL, help);
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (!each->id || each->absent)
            continue;
        begin(out, name, from);
        label(out, "property", each->id);
        value(out, read_at(each, offset));
    }
}

/* A series may appear once: of expectations written twice, the first. */
static int seen(const struct report_export *from, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!from->cases[i].id &&
            strcmp(from->cases[i].name, from->cases[index].name) == 0)
            return 1;
    return 0;
}

static void put_expectations(struct report_buffer *out,
                             const struct report_export *from)
{
    family(out, "perdure_expectation_met", "gauge", NULL,
           "Whether an expectation was met.");
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (each->id || seen(from, i))
            continue;
        begin(out, "perdure_expectation_met", from);
        label(out, "expectation", each->name);
        value(out, each->verdict == CHECK_PASS);
    }
}

void report_export_openmetrics(const struct report_export *from,
                               struct report_buffer *out)
{
    put_identity(out, from);
    put_runs(out, from);
    put_totals(out, from);
    put_latencies(out, from);
    put_steps(out, from);
    put_faults(out, from);
    put_properties(out, from, "perdure_property_checked",
                   "How much a property looked at.",
                   offsetof(struct report_export_case, checked));
    put_properties(out, from, "perdure_property_violations",
                   "Where it did not hold.",
                   offsetof(struct report_export_case, violations));
    put_expectations(out, from);
    report_buffer_put(out, "# EOF\n");
}
