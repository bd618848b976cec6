/* Whether a database is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/loop.h"
#include "engine/host/verify.h"
#include "scenarios/command.h"
#include "scenarios/database.h"

struct verifying {
    struct report_buffer out;
    bool json;
};

static void text_finding(struct report_buffer *out,
                         const struct verify_finding *f)
{
    report_buffer_print(out, "%s", verify_kind_name(f->kind));
    if (f->run)
        report_buffer_print(out, ", run %" PRIu64, f->run);
    if (f->seq)
        report_buffer_print(out, ", event %" PRIu64, f->seq);
    if (f->position)
        report_buffer_print(out, ", position %" PRIu64, f->position);
    report_buffer_put(out, ": ");
    (void)report_buffer_plain(out, f->text, 200);
    report_buffer_put(out, "\n");
}

static void json_finding(struct report_buffer *out,
                         const struct verify_finding *f)
{
    report_buffer_print(out,
                        "{\"kind\": \"%s\", \"position\": %" PRIu64
                        ", \"run\": %" PRIu64 ", \"seq\": %" PRIu64
                        ", \"text\": ",
                        verify_kind_name(f->kind), f->position, f->run, f->seq);
    report_buffer_json(out, f->text, strlen(f->text));
    report_buffer_put(out, "}\n");
}

static void found(void *self, const struct verify_finding *finding)
{
    struct verifying *v = self;

    if (v->json)
        json_finding(&v->out, finding);
    else
        text_finding(&v->out, finding);
}

static void print_summary(struct verifying *v, const char *database,
                          const struct verify_summary *s)
{
    if (v->json)
        report_buffer_print(
            &v->out,
            "{\"archived\": %" PRIu64 ", \"blobs\": %" PRIu64
            ", \"events\": %" PRIu64 ", \"findings\": %" PRIu64
            ", \"orphans\": %" PRIu64 ", \"runs\": %" PRIu64 "}\n",
            s->archived, s->blobs, s->events, s->findings, s->orphans, s->runs);
    else
        report_buffer_print(&v->out,
                            "%s: %" PRIu64 " wrong; %" PRIu64 " runs, %" PRIu64
                            " events, %" PRIu64 " blobs (%" PRIu64
                            " without an owner), %" PRIu64 " runs archived\n",
                            database, s->findings, s->runs, s->events, s->blobs,
                            s->orphans, s->archived);
}

struct arguments {
    struct verifying v;
    const char *key;
};

static const struct option options[] = {
    OPT_KEY_FILE(key), OPT_ROWS_JSON(v.json), {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.v = {.json = false}};
    struct verify_summary summary = {0};
    const char *rest[1];

    if (options_read(argc, argv, &command_verify, &a, rest) < 0)
        return EXIT_USAGE;
    struct host_reader *reader = database_open(argv[0], rest[0], a.key);
    if (!reader)
        return EXIT_ENVIRONMENT;
    report_buffer_init(&a.v.out);
    int result = verify_store(host_reader_store(reader), found, &a.v, &summary);
    print_summary(&a.v, rest[0], &summary);
    host_reader_close(reader);
    int code = database_print(&a.v.out);
    if (result)
        fprintf(stderr,
                "perdure verify: %.200s: cannot be read to its end: a page is "
                "damaged; restore a copy, or save what can be read with "
                "sqlite3 %.200s .recover\n",
                rest[0], rest[0]);
    return result || summary.findings ? EXIT_PROPERTY : code;
}

const struct command command_verify = {
    .name = "verify",
    .group = COMMAND_DATABASE,
    .synopsis = "DB [OPTIONS]",
    .summary = "whether every run's log is whole",
    .about = "Whether every page, log, snapshot and blob is whole; "
             "exits with 3 if not.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
