#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/sentence.h"
#include "reports/buffer.h"
#include "scenarios/command.h"
#include "scenarios/profile.h"
#include "scenarios/profile_values.h"
#include "scenarios/read_files.h"

struct options {
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
        member(out, "about", about(profile, i), "}");
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

static int print(const struct options *options, struct profile *profile)
{
    struct report_buffer out;
    struct json_error err = {0};
    bool ok;
    int code = EXIT_HELD;
    report_buffer_init(&out);
    if (!options->name) {
        ok = list(&out, options->json, profile, &err);
    } else {
        ok = read_profile(options->name, profile, &err);
        if (ok && options->json)
            all_json(&out, profile);
        else if (ok)
            all_text(&out, profile, options->explain);
    }
    if (!ok) {
        fprintf(stderr, "%s\n", err.text);
        code = EXIT_USAGE;
    } else if (!report_buffer_ok(&out) ||
               fwrite(out.text, 1, out.size, stdout) != out.size ||
               fflush(stdout) != 0) {
        code = EXIT_INTERNAL;
    }
    report_buffer_free(&out);
    return code;
}

static bool known(const char *name)
{
    size_t count;
    const char *const *names = profile_names(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int refuse_name(const char *name)
{
    size_t count;
    const char *const *names = profile_names(&count);
    const char *nearest = sentence_nearest(name, names, count);
    fprintf(stderr, "perdure profiles: found profile \"%.40s\", allowed", name);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

int command_profiles(int argc, char **argv)
{
    struct options options = {.name = NULL};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options.json = true;
        } else if (strcmp(argv[i], "--explain") == 0) {
            options.explain = true;
        } else if (argv[i][0] == '-' || options.name) {
            fprintf(stderr,
                    "perdure profiles: found \"%.40s\", allowed one NAME, "
                    "--explain and --json\n",
                    argv[i]);
            return EXIT_USAGE;
        } else {
            options.name = argv[i];
        }
    }
    if (options.name && !known(options.name))
        return refuse_name(options.name);
    struct profile *profile = calloc(1, sizeof(*profile));
    if (!profile) {
        fprintf(stderr, "perdure profiles: memory ran out\n");
        return EXIT_INTERNAL;
    }
    int code = print(&options, profile);
    free(profile);
    return code;
}
