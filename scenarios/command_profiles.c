#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/buffer.h"
#include "scenarios/command.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/profile.h"
#include "scenarios/profile_values.h"
#include "scenarios/read_files.h"

struct arguments {
    const char *name; /* NULL: all of them */
    bool explain, json;
};

/*
 * A profile as it is, read like one that a scenario names: the same files are
 * found, and the same values refused.
 */
static bool read_profile(const char *name, struct profile *profile,
                         struct json_error *err)
{
    struct read_files files = {.dir = strdup(".")};
    struct data_files data = read_files_data(&files);
    struct json_doc *doc = NULL;
    char json[100];
    snprintf(json, sizeof(json), "{\"profile\": \"%s\"}", name);
    bool ok = files.dir &&
              json_read_bytes("profiles", json, strlen(json), &doc, err) == 0 &&
              profile_read(json_root(doc), &data, profile, err);
    json_free(doc);
    read_files_free(&files);
    return ok;
}

static void member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}

/* What a parameter does; rows beyond the parameters say it themselves. */
static const char *about(const struct profile *profile, uint32_t row)
{
    const struct profile_platform *platform = profile->platform;
    const char *text = NULL;
    if (platform->about && row < platform->count)
        text = platform->about[row];
    return text ? text : "";
}

static void head_json(struct report_buffer *out, const struct profile *profile)
{
    member(out, "name", profile->name, ", ");
    member(out, "kind", profile->platform->name, ", ");
    member(out, "why", profile->why, "");
}

/* What a parameter may be, for those who write one; rows beyond the parameters
 * cannot be written. */
static void kind_json(struct report_buffer *out, const struct profile *profile,
                      uint32_t row)
{
    static const char *const kinds[] = {
        [PROFILE_COUNT] = "count",       [PROFILE_RESERVED] = "count or none",
        [PROFILE_DURATION] = "duration", [PROFILE_SIZE] = "size",
        [PROFILE_MEMORY] = "memory",     [PROFILE_SHARE] = "share",
        [PROFILE_RATE] = "rate",         [PROFILE_DIST] = "distribution",
        [PROFILE_CHOICE] = "choice",     [PROFILE_MONEY] = "money",
        [PROFILE_TEXT] = "name",
    };
    if (row >= profile->platform->count)
        return;
    const struct profile_param *param = &profile->platform->params[row];
    report_buffer_put(out, ", ");
    member(out, "takes", kinds[param->kind], ", \"choices\": [");
    for (size_t i = 0; param->names && param->names[i]; i++) {
        report_buffer_put(out, i ? ", " : "");
        report_buffer_json(out, param->names[i], strlen(param->names[i]));
    }
    report_buffer_print(out, "], \"beside_profile\": %s",
                        param->direct ? "true" : "false");
}

static void all_json(struct report_buffer *out, const struct profile *profile)
{
    report_buffer_put(out, "{");
    head_json(out, profile);
    report_buffer_put(out, ", \"parameters\": [\n");
    for (uint32_t i = 0; i < profile->row_count; i++) {
        const struct profile_row *row = &profile->rows[i];
        report_buffer_put(out, i ? ",\n  {" : "  {");
        member(out, "name", row->name, ", ");
        member(out, "value", row->value, ", ");
        member(out, "unit", row->unit, ", ");
        member(out, "tag", row->tag, ", ");
        member(out, "source", row->source, ", ");
        member(out, "note", row->note, ", ");
        member(out, "about", about(profile, i), "");
        kind_json(out, profile, i);
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, "\n]}\n");
}

static void indented(struct report_buffer *out, const char *label,
                     const char *text)
{
    if (!*text)
        return;
    report_buffer_print(out, "    %-5s ", label);
    report_buffer_plain(out, text, 200);
    report_buffer_put(out, "\n");
}

static void row_text(struct report_buffer *out, const struct profile *profile,
                     uint32_t i, bool explain)
{
    const struct profile_row *row = &profile->rows[i];
    report_buffer_print(out, "%-25s ", row->name);
    size_t used = report_buffer_plain(out, row->value, explain ? 120 : 34);
    if (explain) {
        report_buffer_print(out, " [%s]\n", row->tag);
        indented(out, "does", about(profile, i));
        indented(out, "from", row->source);
        indented(out, "note", row->note);
        return;
    }
    report_buffer_print(out, "%*s %-16s %-3s ", (int)(34 - used), "", row->unit,
                        row->tag);
    report_buffer_plain(out, row->source, 60);
    report_buffer_put(out, "\n");
}

static void all_text(struct report_buffer *out, const struct profile *profile,
                     bool explain)
{
    report_buffer_print(out, "profile %s, platform %s: ", profile->name,
                        profile->platform->name);
    report_buffer_plain(out, profile->why, 200);
    report_buffer_put(out, "\n\n");
    for (uint32_t i = 0; i < profile->row_count; i++)
        row_text(out, profile, i, explain);
    if (explain)
        report_buffer_put(out, "\nTags: S seen in a primary source, 2 in a "
                               "secondary one, C computed from data,\n"
                               "GK general knowledge, not verified.\n");
}

/* One line of the list. */
static void line(struct report_buffer *out, const struct profile *profile,
                 bool json, bool first)
{
    if (json) {
        report_buffer_put(out, first ? "  {" : ",\n  {");
        head_json(out, profile);
        report_buffer_put(out, "}");
        return;
    }
    report_buffer_print(out, "%-22s %-11s ", profile->name,
                        profile->platform->name);
    report_buffer_plain(out, profile->why, 100);
    report_buffer_put(out, "\n");
}

static bool list(struct report_buffer *out, bool json, struct profile *profile,
                 struct json_error *err)
{
    size_t count;
    const char *const *names = profile_names(&count);
    report_buffer_put(out, json ? "[\n" : "");
    for (size_t i = 0; i < count; i++) {
        if (!read_profile(names[i], profile, err))
            return false;
        line(out, profile, json, i == 0);
    }
    report_buffer_put(out, json ? "\n]\n" : "");
    return true;
}

static int print(const struct arguments *arguments, struct profile *profile)
{
    struct report_buffer out;
    struct json_error err = {0};
    bool ok;
    int code = EXIT_HELD;
    report_buffer_init(&out);
    if (!arguments->name) {
        ok = list(&out, arguments->json, profile, &err);
    } else {
        ok = read_profile(arguments->name, profile, &err);
        if (ok && arguments->json)
            all_json(&out, profile);
        else if (ok)
            all_text(&out, profile, arguments->explain);
    }
    if (!ok) {
        fprintf(stderr, "%s\n", err.text);
        code = EXIT_USAGE;
    } else {
        code = output_text(&out, code);
    }
    report_buffer_free(&out);
    return code;
}

static const struct option options[] = {
    OPT_FLAG("--explain", explain,
             "What each value does, where it comes from, and what is to be "
             "known about it."),
    OPT_FLAG("--json", json, "As JSON on stdout."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.name = NULL};
    if (options_read(argc, argv, &command_profiles, &a, &a.name) < 0 ||
        (a.name &&
         !options_check_name(argv[0], "profile", a.name, names_profile)))
        return EXIT_USAGE;
    struct profile *profile = calloc(1, sizeof(*profile));
    if (!profile) {
        fprintf(stderr, "perdure profiles: memory ran out\n");
        return EXIT_INTERNAL;
    }
    int code = print(&a, profile);
    free(profile);
    return code;
}

const struct command command_profiles = {
    .name = "profiles",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[NAME] [--explain] [--json]",
    .summary = "platform profiles and their values",
    .about = "The profiles of platforms that a scenario can name; with a name, "
             "every value of that one with its unit, its source and how far "
             "to trust it.",
    .options = options,
    .rest_max = 1,
    .words = names_profile,
    .run = run};
