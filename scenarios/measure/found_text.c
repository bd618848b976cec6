#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "scenarios/measure/found.h"

#define DAY_NS (86400 * UINT64_C(1000000000))

/*
 * Figures that another recorder of executions publishes about itself:
 * IntentusNet, "Production Limitations". Without a machine or a disk, so they
 * are of an order of size.
 */
static const char reference_name[] = "IntentusNet, \"Production Limitations\"";

enum {
    REFERENCE_EVENTS = 5,
    REFERENCE_RECORD_SIZE = 100000
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void print_ns(struct report_buffer *out, uint64_t ns)
{
    struct report_word word;
    size_t before = out->size;
    const char *text = report_format_ns(&word, ns);

    /* A micro sign is two bytes and one column. */
    report_buffer_print(out, "%s", text);
    size_t columns = 0;
    for (size_t i = before; i < out->size; i++)
        columns += ((unsigned char)out->text[i] & 0xc0) != 0x80;
    for (; columns < 11; columns++)
        put(out, " ");
}

static void print_count(struct report_buffer *out, uint64_t count, int width)
{
    struct report_word word;

    report_buffer_print(out, "%*s", width, report_format_count(&word, count));
}

static void print_bytes(struct report_buffer *out, uint64_t bytes, int width)
{
    struct report_word word;

    report_buffer_print(out, "%*s", width, report_format_bytes(&word, bytes));
}

/* Ends a line without the spaces of its last column. */
static void end_line(struct report_buffer *out)
{
    while (out->size > 0 && out->text[out->size - 1] == ' ')
        out->text[--out->size] = '\0';
    put(out, "\n");
}

/* Sections -----------------------------------------------------------------
 */

static void put_head(const struct measure_found *f, struct report_buffer *out)
{
    struct report_word word;

    report_buffer_print(out, "perdure bench-engine %s\n", f->version);
    put(out, "  machine    ");
    report_buffer_plain(out, f->machine.cpu, 60);
    report_buffer_print(out, ", %" PRIu64 " cores, ", f->machine.cores);
    report_buffer_plain(out, f->machine.system, 60);
    report_buffer_print(out,
                        "\n  load       %" PRIu64 ".%02" PRIu64
                        " when it began\n  directory  ",
                        f->load_milli / 1000, f->load_milli % 1000 / 10);
    report_buffer_plain(out, f->place.directory, 100);
    put(out, "\n             ");
    report_buffer_plain(out, f->place.type, 20);
    put(out, " on ");
    report_buffer_plain(out, f->place.device, 40);
    put(out, ", ");
    report_buffer_plain(out, f->place.options, 60);
    report_buffer_print(out,
                        "\n  measured   %" PRIu32 " repeats that take turns, "
                        "%" PRIu32 " runs in each: median (least .. most)\n",
                        f->repeats, f->runs);
    put(out, "  was on     one engine process with one coordinator, one worker "
             "process, WAL,\n             synchronous=FULL unless it says "
             "normal, limits of aws, no key\n");
    report_buffer_print(out, "  took       %s\n",
                        report_format_ns(&word, f->took_ns));
    if (f->place.in_memory)
        put(out, "  WARNING    this file system is in memory: a sync costs "
                 "nothing here, and losing power\n             loses all. Give "
                 "--dir DIR on a disk.\n");
}

static void put_ranks(struct report_buffer *out, const char *name,
                      const struct measure_ranks *ranks)
{
    report_buffer_print(out, "  %-34s", name);
    print_ns(out, ranks->p50_ns);
    print_ns(out, ranks->p99_ns);
    print_ns(out, ranks->most_ns);
}

static void put_syncs(const struct measure_found *f, struct report_buffer *out)
{
    put(out, "\nA sync (fdatasync after 4 KiB)        p50        p99        "
             "most\n");
    put_ranks(out, "at the end of a file that grows", &f->sync_grows);
    end_line(out);
    put_ranks(out, "over what is there", &f->sync_over);
    end_line(out);
}

static void put_commits(const struct measure_found *f,
                        struct report_buffer *out)
{
    put(out, "\nCommits of the store, alone           p50        p99        "
             "most       commits/s\n");
    for (uint32_t i = 0; i < f->commit_count; i++) {
        const struct measure_committed *c = &f->commits[i];
        struct measure_spread spread = measure_spread(&c->a_second);
        char name[64];
        snprintf(name, sizeof(name), "%s, %" PRIu32 " request%s in each",
                 c->sync_normal ? "normal" : "full", c->requests,
                 c->requests == 1 ? "" : "s");
        put_ranks(out, name, &c->commit);
        print_count(out, spread.median, 0);
        put(out, " (");
        print_count(out, spread.least, 0);
        put(out, " .. ");
        print_count(out, spread.most, 0);
        put(out, ")\n");
    }
    put(out, "  normal syncs when the log is copied back only: a power cut may "
             "undo the last commits.\n");
}

static void put_difference(const struct measure_overhead *o,
                           enum measure_recording which,
                           struct report_buffer *out)
{
    const struct measure_repeats *base = &o->by[MEASURE_OFF].engine_ns_a_step;
    struct measure_difference d =
        measure_difference(&o->by[which].engine_ns_a_step, base);
    double share =
        (double)d.median * 100 / (double)(measure_spread(base).median + 1);

    report_buffer_print(
        out, "  %s less off: %+" PRId64 " ns a step (%+.1f %%), %s (p = %.3f)",
        measure_recording_name(which), d.median, share,
        d.told_apart ? "more than noise" : "not told apart from noise", d.p);
    if (isfinite(d.seen))
        report_buffer_print(out, "; a change below %.0f %% would not be seen",
                            d.seen * 100);
    else
        put(out, "; with so few repeats nothing could be");
    put(out, "\n");
}

static void put_drops(const struct measure_recorded *full,
                      struct report_buffer *out)
{
    struct report_word words[2];

    if (full->dropped)
        report_buffer_print(
            out,
            "  full: %s records written, %s dropped: the engine waits for "
            "no stream.\n",
            report_format_count(&words[0], full->records),
            report_format_count(&words[1], full->dropped));
}

static void put_overhead(const struct measure_found *f,
                         struct report_buffer *out)
{
    const struct measure_overhead *o = &f->overhead;

    report_buffer_print(out,
                        "\nRecording: %s, %" PRIu32 " in flight\n"
                        "  observed    steps/s                          "
                        "engine's processor time a step    stream a run\n",
                        o->shape.name, o->in_flight);
    for (int i = 0; i < MEASURE_RECORDINGS; i++) {
        const struct measure_recorded *by = &o->by[i];
        struct measure_spread rate = measure_spread(&by->steps_a_second);
        struct measure_spread cpu = measure_spread(&by->engine_ns_a_step);
        char text[64];
        struct report_word words[3];
        report_buffer_print(out, "  %-10s",
                            measure_recording_name((enum measure_recording)i));
        snprintf(text, sizeof(text), "%s (%s .. %s)",
                 report_format_count(&words[0], rate.median),
                 report_format_count(&words[1], rate.least),
                 report_format_count(&words[2], rate.most));
        report_buffer_print(out, "  %-32s", text);
        snprintf(text, sizeof(text),
                 "%" PRIu64 " (%" PRIu64 " .. %" PRIu64 ") ns", cpu.median,
                 cpu.least, cpu.most);
        report_buffer_print(out, " %-30s", text);
        print_bytes(out, by->runs ? by->bytes / by->runs : 0, 12);
        put(out, "\n");
    }
    put_difference(o, MEASURE_SAMPLE, out);
    put_difference(o, MEASURE_FULL, out);
    put_drops(&o->by[MEASURE_FULL], out);
    put(out, "  The log is whole in all three: no choice of what to record "
             "leaves anything out of it.\n");
}

/* Growth -------------------------------------------------------------------
 */

static uint64_t each(const struct measure_growth *g, uint64_t of)
{
    return g->runs ? of / g->runs : 0;
}

static void put_growth(const struct measure_growth *g,
                       struct report_buffer *out)
{
    char name[96];

    snprintf(name, sizeof(name), "%.60s%s", g->shape.name,
             g->snapshot_events ? ", snapshots" : "");
    report_buffer_print(out, "  %-43s", name);
    print_count(out, each(g, g->after.events), 7);
    print_count(out, each(g, g->after.rows), 6);
    print_bytes(out, each(g, g->after.log_bytes), 11);
    print_bytes(out, measure_growth_each(g), 11);
    print_bytes(out, measure_growth_each(g) / g->shape.steps, 11);
    if (g->archived) {
        uint64_t left = g->left.used_bytes > g->before.used_bytes
                            ? g->left.used_bytes - g->before.used_bytes
                            : 0;
        print_bytes(out, each(g, g->archive_bytes), 11);
        print_bytes(out, each(g, left), 9);
    }
    put(out, "\n");
}

static void put_days(const struct measure_found *f, struct report_buffer *out)
{
    put(out, "\nA day                                 ");
    for (uint32_t i = 0; i < f->rate_count; i++) {
        const struct quantity_rate *rate = &f->rates[i];
        struct report_word word;
        char text[64];
        snprintf(text, sizeof(text), "%s runs",
                 report_format_count(
                     &word, measure_a_day(1, rate->count, rate->per_ns)));
        report_buffer_print(out, " %17s", text);
    }
    put(out, "\n");
    for (uint32_t g = 0; g < f->growth_count; g++) {
        if (f->growths[g].snapshot_events)
            continue;
        report_buffer_print(out, "  %-36s", f->growths[g].shape.name);
        for (uint32_t i = 0; i < f->rate_count; i++)
            print_bytes(out,
                        measure_a_day(measure_growth_each(&f->growths[g]),
                                      f->rates[i].count, f->rates[i].per_ns),
                        18);
        put(out, "\n");
    }
}

static void put_growths(const struct measure_found *f,
                        struct report_buffer *out)
{
    put(out,
        "\nGrowth, each run                              events  rows   in the "
        "log   database     a step    archive     left\n");
    for (uint32_t i = 0; i < f->growth_count; i++)
        put_growth(&f->growths[i], out);
    put(out, "  snapshots: one every 10 events.\n"
             "  left: what the database keeps of a run that was archived: its "
             "number and how it ended.\n"
             "  Pages that are given up are used again; the file itself does "
             "not shrink.\n");
    put_days(f, out);
}

/* Beside the reference -----------------------------------------------------
 */

static void beside(struct report_buffer *out, const char *what,
                   const char *reference)
{
    report_buffer_print(out, "  %-34s%-14s", what, reference);
}

static const struct measure_growth *of_size(const struct measure_found *f,
                                            uint32_t size)
{
    for (uint32_t i = 0; i < f->growth_count; i++)
        if (f->growths[i].shape.result_size == size &&
            !f->growths[i].snapshot_events)
            return &f->growths[i];
    return NULL;
}

/* The growth of the shape that was recorded. */
static const struct measure_growth *of_overhead(const struct measure_found *f)
{
    const struct measure_shape *shape = &f->overhead.shape;

    for (uint32_t i = 0; i < f->growth_count; i++) {
        const struct measure_growth *g = &f->growths[i];
        if (g->shape.form == shape->form && g->shape.steps == shape->steps &&
            g->shape.result_size == shape->result_size && !g->snapshot_events)
            return g;
    }
    return NULL;
}

/* The engine's processor time of an event, from that of a step. */
static uint64_t event_ns(const struct measure_found *f)
{
    const struct measure_growth *g = of_overhead(f);
    const struct measure_overhead *o = &f->overhead;
    uint64_t step = measure_spread(&o->by[MEASURE_OFF].engine_ns_a_step).median;

    if (!g || !g->after.events)
        return 0;
    return step * g->shape.steps * g->runs / g->after.events;
}

static void put_stored(const struct measure_found *f, struct report_buffer *out)
{
    static const struct {
        const char *what;
        const char *reference;
        uint64_t a_day;
    } lines[] = {
        {"storage at 1K runs a day", "100 MB", 1000},
        {"storage at 100K runs a day", "10 GB", 100000},
        {"storage at 10M runs a day", "1 TB", 10000000},
    };
    const struct measure_growth *large = of_size(f, REFERENCE_RECORD_SIZE);
    const struct measure_growth *small = of_overhead(f);

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        beside(out, lines[i].what, lines[i].reference);
        if (large) {
            print_bytes(out,
                        measure_a_day(measure_growth_each(large),
                                      lines[i].a_day, DAY_NS),
                        0);
            report_buffer_print(out, " (%s)", large->shape.name);
        }
        if (small) {
            put(out, ", ");
            print_bytes(out,
                        measure_a_day(measure_growth_each(small),
                                      lines[i].a_day, DAY_NS),
                        0);
            report_buffer_print(out, " (%s)", small->shape.name);
        }
        put(out, "\n");
    }
}

static void put_beside(const struct measure_found *f, struct report_buffer *out)
{
    struct report_word words[4];

    report_buffer_print(out, "\nBeside %s\n", reference_name);
    report_buffer_print(out, "  %-34s%-14s%s\n", "", "says", "here");
    beside(out, "hashing an envelope", "~0.1 ms");
    report_buffer_print(out, "%s a log row of 1 KiB, %s a value of 100 KB\n",
                        report_format_ns(&words[0], f->chain_ns),
                        report_format_ns(&words[1], f->blob_ns));
    beside(out, "recording an event", "~0.05 ms");
    report_buffer_print(
        out, "%s of the engine's processor time, its share of commits in it\n",
        report_format_ns(&words[0], event_ns(f)));
    beside(out, "making it durable", "~1-5 ms");
    if (f->commit_count)
        report_buffer_print(
            out, "%s p50, %s p99 a commit, however many events are in it\n",
            report_format_ns(&words[0], f->commits[0].commit.p50_ns),
            report_format_ns(&words[1], f->commits[0].commit.p99_ns));
    beside(out, "an execution of 5 events", "~1.5 ms");
    report_buffer_print(
        out,
        "%s of processor time; a run of %" PRIu64
        " events that is alone takes\n%50s%s p50, %s p99, its code, messages "
        "and syncs included\n",
        report_format_ns(&words[0], REFERENCE_EVENTS * event_ns(f)),
        f->alone_events, "", report_format_ns(&words[1], f->alone.p50_ns),
        report_format_ns(&words[2], f->alone.p99_ns));
    put_stored(f, out);
    put(out, "  It names no machine and no disk, and means 100 KB a run: an "
             "order of size, not a race.\n");
}

void measure_text(const struct measure_found *f, struct report_buffer *out)
{
    put_head(f, out);
    put_syncs(f, out);
    put_commits(f, out);
    put_overhead(f, out);
    put_growths(f, out);
    put_beside(f, out);
}
