#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/buffer.h"
#include "scenarios/command.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/read_limits.h"

#define SECOND UINT64_C(1000000000)

/* A figure in whole units, so that a program can compare it. */
struct figure {
    uint64_t value;
    const char *unit;
    bool none;
};

static struct figure figure_of(const struct engine_limits *limits,
                               enum engine_limit limit)
{
    struct figure figure = {.value = engine_limit_value(limits, limit)};
    figure.none = figure.value == UINT64_MAX;
    switch (engine_limit_unit(limit)) {
    case ENGINE_LIMIT_BYTES:
        figure.unit = "bytes";
        break;
    case ENGINE_LIMIT_NUMBER:
        figure.unit = "";
        break;
    case ENGINE_LIMIT_NS:
        figure.unit = "ns";
        if (figure.none || figure.value % SECOND == 0) {
            figure.unit = "s";
            figure.value /= SECOND;
        }
        break;
    }
    return figure;
}

static void row_text(struct report_buffer *out,
                     const struct limits_profile *profile,
                     enum engine_limit limit)
{
    struct figure figure = figure_of(&profile->limits, limit);
    char value[24] = "none";
    if (!figure.none)
        snprintf(value, sizeof(value), "%" PRIu64, figure.value);
    report_buffer_print(out, "%-21s %10s %-6s %-37s ", engine_limit_name(limit),
                        value, figure.none ? "" : figure.unit,
                        engine_limit_note(limit));
    report_buffer_plain(out, profile->origins[limit], 64);
    report_buffer_put(out, "\n");
}

static void member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "    \"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}

static void row_json(struct report_buffer *out,
                     const struct limits_profile *profile,
                     enum engine_limit limit)
{
    struct figure figure = figure_of(&profile->limits, limit);
    report_buffer_put(out, "  {\n");
    member(out, "name", engine_limit_name(limit), ",\n");
    member(out, "note", engine_limit_note(limit), ",\n");
    member(out, "origin", profile->origins[limit], ",\n");
    member(out, "unit", figure.unit, ",\n");
    if (figure.none)
        report_buffer_put(out, "    \"value\": null\n  }");
    else
        report_buffer_print(out, "    \"value\": %" PRIu64 "\n  }",
                            figure.value);
}

static int print(const struct limits_profile *profile, bool json)
{
    struct report_buffer out;
    report_buffer_init(&out);
    if (json)
        report_buffer_put(&out, "[\n");
    else
        report_buffer_print(
            &out, "profile %s: larger values %s\n", profile->limits.name,
            profile->limits.spill ? "become blobs" : "are refused");
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        if (!json) {
            row_text(&out, profile, (enum engine_limit)i);
            continue;
        }
        report_buffer_put(&out, i ? ",\n" : "");
        row_json(&out, profile, (enum engine_limit)i);
    }
    report_buffer_put(&out, json ? "\n]\n" : "");
    return output_print(&out, EXIT_HELD);
}

static int refuse_name(const char *name)
{
    fprintf(stderr, "perdure limits: found profile \"%.40s\", allowed", name);
    for (uint32_t i = 0; engine_limits_at(i); i++)
        fprintf(stderr, "%s %s", i ? "," : "", engine_limits_at(i)->name);
    const char *meant = options_nearest(name, names_limits);
    fprintf(stderr, " or a file, NAME.json%s%s%s\n",
            meant ? "; did you mean " : "", meant ? meant : "",
            meant ? "?" : "");
    return EXIT_USAGE;
}

static int find(const char *name, struct limits_profile *profile)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    if (limits_profile_find(name, profile))
        return EXIT_HELD;
    if (!strchr(name, '/') && !strstr(name, ".json"))
        return refuse_name(name);
    if (json_read_file(name, &doc, &err) == 0)
        limits_profile_read(json_root(doc), name, profile, &err);
    json_free(doc);
    if (err.code == 0)
        return EXIT_HELD;
    fprintf(stderr, "%s\n", err.text);
    return EXIT_USAGE;
}

struct arguments {
    bool json;
};

static const struct option options[] = {
    OPT_FLAG("--json", json, "As JSON on stdout."), {.name = NULL}};

static int run(int argc, char **argv)
{
    struct limits_profile profile;
    struct arguments a = {.json = false};
    const char *name = "aws";
    if (options_read(argc, argv, &command_limits, &a, &name) < 0)
        return EXIT_USAGE;
    int code = find(name, &profile);
    return code == EXIT_HELD ? print(&profile, a.json) : code;
}

const struct command command_limits = {
    .name = "limits",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[PROFILE|FILE] [--json]",
    .summary = "what a run may use under a limit profile",
    .about = "What a run may use under a limit profile: aws (default), "
             "seed-001, inline-1mb, or a JSON file of one's own; sizes in "
             "bytes, times in seconds.",
    .options = options,
    .rest_max = 1,
    .words = names_limits,
    .run = run};
