#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reports/mann_whitney.h"
#include "scenarios/measure/found.h"

/* Members are written in the order of their names. */
static void text(struct report_buffer *out, const char *name, const char *value)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
}

static void number(struct report_buffer *out, const char *name, uint64_t value)
{
    report_buffer_print(out, "\"%s\": %" PRIu64, name, value);
}

static void put_ranks(struct report_buffer *out, const char *name,
                      const struct measure_ranks *ranks)
{
    report_buffer_print(out,
                        "\"%s\": {\"count\": %" PRIu64 ", \"max_ns\": %" PRIu64
                        ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 "}",
                        name, ranks->count, ranks->most_ns, ranks->p50_ns,
                        ranks->p99_ns);
}

static void put_repeats(struct report_buffer *out, const char *name,
                        const struct measure_repeats *repeats)
{
    struct measure_spread spread = measure_spread(repeats);

    report_buffer_print(out,
                        "\"%s\": {\"max\": %" PRIu64 ", \"median\": %" PRIu64
                        ", \"min\": %" PRIu64 ", \"values\": [",
                        name, spread.most, spread.median, spread.least);
    for (size_t i = 0; i < repeats->count; i++)
        report_buffer_print(out, "%s%" PRIu64, i ? ", " : "",
                            repeats->values[i]);
    report_buffer_put(out, "]}");
}

static void put_commits(const struct measure_found *f,
                        struct report_buffer *out)
{
    report_buffer_put(out, "  \"commits\": [");
    for (uint32_t i = 0; i < f->commit_count; i++) {
        const struct measure_committed *c = &f->commits[i];
        report_buffer_put(out, i ? ",\n    {" : "\n    {");
        put_repeats(out, "commits_per_second", &c->a_second);
        report_buffer_put(out, ", ");
        put_ranks(out, "latency", &c->commit);
        report_buffer_put(out, ", ");
        number(out, "requests", c->requests);
        report_buffer_put(out, ", ");
        text(out, "sync", c->sync_normal ? "normal" : "full");
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, "\n  ],\n");
}

static void put_contents(struct report_buffer *out, const char *name,
                         const struct measure_contents *c)
{
    report_buffer_print(out,
                        "\"%s\": {\"blob_bytes\": %" PRIu64
                        ", \"events\": %" PRIu64 ", \"file_bytes\": %" PRIu64
                        ", \"log_bytes\": %" PRIu64 ", \"rows\": %" PRIu64
                        ", \"runs\": %" PRIu64 ", \"used_bytes\": %" PRIu64 "}",
                        name, c->blob_bytes, c->events, c->file_bytes,
                        c->log_bytes, c->rows, c->runs, c->used_bytes);
}

static void put_growth(const struct measure_growth *g,
                       struct report_buffer *out)
{
    report_buffer_put(out, "\n    {");
    put_contents(out, "after", &g->after);
    report_buffer_put(out, ",\n     ");
    if (g->archived) {
        number(out, "archive_bytes", g->archive_bytes);
        report_buffer_put(out, ", ");
        put_contents(out, "archived", &g->left);
        report_buffer_put(out, ",\n     ");
    }
    put_contents(out, "before", &g->before);
    report_buffer_put(out, ",\n     ");
    number(out, "bytes_per_run", measure_growth_each(g));
    report_buffer_put(out, ", ");
    number(out, "bytes_per_step", measure_growth_each(g) / g->shape.steps);
    report_buffer_put(out, ", ");
    number(out, "result_bytes", g->shape.result_size);
    report_buffer_put(out, ", ");
    text(out, "shape", g->shape.name);
    report_buffer_put(out, ", ");
    number(out, "snapshot_events", g->snapshot_events);
    report_buffer_put(out, ", ");
    number(out, "steps", g->shape.steps);
    report_buffer_put(out, "}");
}

static void put_growths(const struct measure_found *f,
                        struct report_buffer *out)
{
    report_buffer_put(out, "  \"growth\": [");
    for (uint32_t i = 0; i < f->growth_count; i++) {
        if (i)
            report_buffer_put(out, ",");
        put_growth(&f->growths[i], out);
    }
    report_buffer_put(out, "\n  ],\n");
}

static void put_machine(const struct measure_found *f,
                        struct report_buffer *out)
{
    report_buffer_put(out, "  ");
    number(out, "load_milli", f->load_milli);
    report_buffer_put(out, ",\n  \"machine\": {");
    number(out, "cores", f->machine.cores);
    report_buffer_put(out, ", ");
    text(out, "cpu", f->machine.cpu);
    report_buffer_put(out, ", ");
    text(out, "fingerprint", f->machine.fingerprint);
    report_buffer_put(out, ", ");
    text(out, "system", f->machine.system);
    report_buffer_put(out, "},\n  \"place\": {");
    text(out, "device", f->place.device);
    report_buffer_put(out, ", ");
    text(out, "directory", f->place.directory);
    report_buffer_print(out, ", \"in_memory\": %s, ",
                        f->place.in_memory ? "true" : "false");
    text(out, "options", f->place.options);
    report_buffer_put(out, ", ");
    text(out, "type", f->place.type);
    report_buffer_put(out, "},\n");
}

static void put_difference(const struct measure_overhead *o,
                           const struct measure_recorded *by,
                           struct report_buffer *out)
{
    struct measure_difference d = measure_difference(
        &by->engine_ns_a_step, &o->by[MEASURE_OFF].engine_ns_a_step);

    report_buffer_print(out,
                        "\"against_off\": {\"ns_per_step\": %" PRId64
                        ", \"p_milli\": %" PRIu64 ", \"told_apart\": %s}, ",
                        d.median, (uint64_t)llround(d.p * 1000),
                        d.told_apart ? "true" : "false");
}

static void put_overhead(const struct measure_found *f,
                         struct report_buffer *out)
{
    const struct measure_overhead *o = &f->overhead;

    report_buffer_put(out, "  \"recording\": [");
    for (int i = 0; i < MEASURE_RECORDINGS; i++) {
        const struct measure_recorded *by = &o->by[i];
        report_buffer_put(out, i ? ",\n    {" : "\n    {");
        if (i != MEASURE_OFF)
            put_difference(o, by, out);
        number(out, "dropped", by->dropped);
        report_buffer_put(out, ", ");
        put_repeats(out, "engine_ns_per_step", &by->engine_ns_a_step);
        report_buffer_put(out, ",\n     ");
        text(out, "observed",
             measure_recording_name((enum measure_recording)i));
        report_buffer_put(out, ", ");
        number(out, "records", by->records);
        report_buffer_put(out, ", ");
        put_repeats(out, "steps_per_second", &by->steps_a_second);
        report_buffer_put(out, ", ");
        number(out, "stream_bytes_per_run",
               by->runs ? by->bytes / by->runs : 0);
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, "\n  ],\n");
}

void measure_json(const struct measure_found *f, struct report_buffer *out)
{
    report_buffer_put(out, "{\n  \"alone\": {");
    number(out, "events", f->alone_events);
    report_buffer_put(out, ", ");
    put_ranks(out, "latency", &f->alone);
    report_buffer_put(out, ", ");
    text(out, "shape", f->alone_shape.name);
    report_buffer_put(out, "},\n");
    put_commits(f, out);
    put_growths(f, out);
    report_buffer_put(out, "  \"hash\": {");
    number(out, "blob_100kb_ns", f->blob_ns);
    report_buffer_put(out, ", ");
    number(out, "row_1kib_ns", f->chain_ns);
    report_buffer_put(out, "},\n");
    put_machine(f, out);
    put_overhead(f, out);
    report_buffer_put(out, "  ");
    number(out, "repeats", f->repeats);
    report_buffer_put(out, ",\n  ");
    number(out, "runs", f->runs);
    report_buffer_put(out, ",\n  \"schema\": \"perdure.bench-engine/1\",\n"
                           "  \"sync\": {");
    put_ranks(out, "grows", &f->sync_grows);
    report_buffer_put(out, ", ");
    put_ranks(out, "over", &f->sync_over);
    report_buffer_put(out, "},\n  ");
    number(out, "took_ns", f->took_ns);
    report_buffer_put(out, ",\n  ");
    text(out, "version", f->version);
    report_buffer_put(out, "\n}\n");
}
