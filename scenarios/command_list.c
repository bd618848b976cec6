#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/points.h"
#include "scenarios/command.h"
#include "scenarios/output.h"
#include "scenarios/scenario.h"

/* The only argument is --json. -1: something else was given. */
static int wants_json(int argc, char **argv)
{
    if (argc == 1)
        return 0;
    if (argc == 2 && strcmp(argv[1], "--json") == 0)
        return 1;
    fprintf(stderr, "perdure %s: found \"%.40s\", allowed --json\n", argv[0],
            argv[argc > 2 && strcmp(argv[1], "--json") == 0 ? 2 : 1]);
    return -1;
}

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

int command_points(int argc, char **argv)
{
    int json = wants_json(argc, argv);
    if (json < 0)
        return EXIT_USAGE;
    struct report_buffer out;
    report_buffer_init(&out);
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    report_buffer_put(&out, json ? "[\n" : "");
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        struct fault_point_info info = fault_point_info(&points[i]);
        char actions[256];
        if (fault_point_defect(&points[i]))
            continue; /* perdure defects lists those */
        if (json) {
            report_buffer_put(&out, first ? "" : ",\n");
            point_json(&out, &info);
            first = false;
            continue;
        }
        fault_actions_text(info.actions, actions, sizeof(actions));
        report_buffer_print(&out, "%-28s %-7s %s\n%37s%s\n", info.name,
                            info.phase, info.simulates, "", actions);
    }
    report_buffer_put(&out, json ? "\n]\n" : "");
    return output_print(&out, EXIT_HELD);
}

int command_validate(int argc, char **argv)
{
    int code = EXIT_HELD;
    if (argc < 2) {
        fprintf(stderr, "perdure validate: found no file, allowed one or "
                        "more: perdure validate FILE...\n");
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        struct json_error error = {0};
        struct scenario *scenario = scenario_read(argv[i], &error);
        if (scenario) {
            printf("%s: valid\n", argv[i]);
        } else {
            fprintf(stderr, "%s\n", error.text);
            code = EXIT_USAGE;
        }
        scenario_free(scenario);
    }
    return code;
}
