#include <inttypes.h>
#include <string.h>

#include "reports/export.h"

enum {
    NAME_MAX_COLUMNS = 400 /* a tracker's limit is 1024 bytes */
};

static void begin_measure(struct report_buffer *out, const char *before,
                          const char *name)
{
    report_buffer_print(out, "%s    \"%s\": {", before, name);
}

static void measure(struct report_buffer *out, const char *name,
                    uint64_t number)
{
    begin_measure(out, ",\n", name);
    report_buffer_print(out, "\"value\": %" PRIu64 "}", number);
}

/* The median with the whole range around it, then the tail. */
static void put_latency(struct report_buffer *out,
                        const struct report_export_latency *latency)
{
    begin_measure(out, "", "latency");
    report_buffer_print(out,
                        "\"lower_value\": %" PRIu64
                        ", \"upper_value\": %" PRIu64 ", \"value\": %" PRIu64
                        "}",
                        latency->min_ns, latency->max_ns, latency->p50_ns);
    measure(out, "latency-mean", latency->mean_ns);
    measure(out, "latency-p90", latency->p90_ns);
    measure(out, "latency-p99", latency->p99_ns);
    measure(out, "latency-p999", latency->p999_ns);
}

/* SCENARIO or SCENARIO: WORKFLOW/STEP, as a key. */
static void begin_benchmark(struct report_buffer *out,
                            const struct report_export *from,
                            const struct report_export_step *step)
{
    struct report_buffer name;
    report_buffer_init(&name);
    report_buffer_plain(&name, from->scenario, NAME_MAX_COLUMNS / 2);
    if (step) {
        report_buffer_put(&name, ": ");
        report_buffer_plain(&name, step->workflow, NAME_MAX_COLUMNS / 4);
        report_buffer_put(&name, "/");
        report_buffer_plain(&name, step->name, NAME_MAX_COLUMNS / 4);
    }
    report_buffer_put(out, "  ");
    if (report_buffer_ok(&name))
        report_buffer_json(out, name.text, name.size);
    report_buffer_put(out, ": {\n");
    out->failed |= name.failed;
    report_buffer_free(&name);
}

static void put_run(struct report_buffer *out, const struct report_export *from)
{
    begin_benchmark(out, from, NULL);
    put_latency(out, &from->latency);
    measure(out, "commits", from->commits);
    measure(out, "records", from->events);
    measure(out, "runs-started", from->runs.started);
    measure(out, "runs-succeeded", from->runs.succeeded);
    measure(out, "virtual-time", from->virtual_ns);
    report_buffer_put(out, "\n  }");
}

static void put_step(struct report_buffer *out,
                     const struct report_export *from,
                     const struct report_export_step *step)
{
    report_buffer_put(out, ",\n");
    begin_benchmark(out, from, step);
    put_latency(out, &step->total);
    measure(out, "attempts", step->attempts);
    measure(out, "failures", step->failures);
    measure(out, "retries", step->retries);
    report_buffer_put(out, "\n  }");
}

void report_export_bmf(const struct report_export *from,
                       struct report_buffer *out)
{
    report_buffer_put(out, "{\n");
    put_run(out, from);
    for (size_t i = 0; i < from->step_count; i++)
        if (from->steps[i].total.count > 0)
            put_step(out, from, &from->steps[i]);
    report_buffer_put(out, "\n}\n");
}
