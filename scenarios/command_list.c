#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/points.h"
#include "scenarios/command.h"
#include "scenarios/output.h"
#include "scenarios/scenario.h"
#include "scenarios/validate_file.h"

struct arguments {
    bool json;
};

static const struct option points_options[] = {
    OPT_FLAG("--json", json, "As JSON on stdout."), {.name = NULL}};

static const struct option validate_options[] = {{.name = NULL}};

static void point_json(struct report_buffer *out,
                       const struct fault_point_info *info)
{
    char room[32];
    char actions[256];
    snprintf(room, sizeof(room), "%.*s", info->room_length, info->name);
    fault_actions_text(info->actions, actions, sizeof(actions));
    report_buffer_put(out, "  {\n");
    output_member(out, "actions", actions, ",\n");
    output_member(out, "name", info->name, ",\n");
    output_member(out, "phase", info->phase, ",\n");
    output_member(out, "room", room, ",\n");
    output_member(out, "simulates", info->simulates, "\n  }");
}

static int points(int argc, char **argv)
{
    struct arguments a = {.json = false};
    if (options_read(argc, argv, &command_points, &a, NULL) < 0)
        return EXIT_USAGE;
    struct report_buffer out;
    report_buffer_init(&out);
    uint32_t count;
    const struct engine_point *all = scenario_points(&count);
    report_buffer_put(&out, a.json ? "[\n" : "");
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        struct fault_point_info info = fault_point_info(&all[i]);
        char actions[256];
        if (fault_point_defect(&all[i]))
            continue; /* perdure defects lists those */
        if (a.json) {
            report_buffer_put(&out, first ? "" : ",\n");
            point_json(&out, &info);
            first = false;
            continue;
        }
        fault_actions_text(info.actions, actions, sizeof(actions));
        report_buffer_print(&out, "%-28s %-7s %s\n%37s%s\n", info.name,
                            info.phase, info.simulates, "", actions);
    }
    report_buffer_put(&out, a.json ? "\n]\n" : "");
    return output_print(&out, EXIT_HELD);
}

/* Reads each of them; what is wrong with one does not hide the others. */
static int validate_files(const char *const *files, int count)
{
    int code = EXIT_HELD;
    for (int i = 0; i < count; i++) {
        struct json_error error = {0};
        if (validate_file(files[i], &error)) {
            printf("%s: valid\n", files[i]);
        } else {
            fprintf(stderr, "%s\n", error.text);
            code = EXIT_USAGE;
        }
    }
    return code;
}

static int validate(int argc, char **argv)
{
    const char **files = calloc((size_t)argc, sizeof(*files));
    int code = EXIT_USAGE;
    if (!files) {
        fprintf(stderr, "perdure validate: out of memory\n");
        return EXIT_INTERNAL;
    }
    int count = options_read(argc, argv, &command_validate, NULL, files);
    if (count > 0)
        code = validate_files(files, count);
    free(files);
    return code;
}

const struct command command_points = {
    .name = "points",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[--json]",
    .summary = "places where a fault can strike",
    .about = "Every place where a fault can strike, and what it simulates.",
    .options = points_options,
    .run = points};

const struct command command_validate = {
    .name = "validate",
    .group = COMMAND_SIMULATE,
    .synopsis = "FILE...",
    .summary = "check scenarios without running them",
    .about = "Checks scenarios, and the files beside them (workflows, profiles "
             "of limits, policies of the gate), without running them.",
    .options = validate_options,
    .rest_min = 1,
    .rest_max = COMMAND_REST_MANY,
    .run = validate};
