#include <stdlib.h>

#include "scenarios/command.h"
#include "scenarios/doctor.h"
#include "scenarios/output.h"

struct arguments {
    bool json;
    const char *directory;
};

static const struct option options[] = {
    OPT_FLAG("--json", json, "As JSON on stdout."), {.name = NULL}};

/* The one that counts for characters. */
static const char *locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return value;
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.directory = "."};
    struct doctor doctor;
    struct report_buffer out;
    if (options_read(argc, argv, &command_doctor, &a, &a.directory) < 0)
        return EXIT_USAGE;
    doctor_look(&doctor, &(struct doctor_place){.directory = a.directory,
                                                .path = getenv("PATH"),
                                                .locale = locale()});
    report_buffer_init(&out);
    if (a.json)
        doctor_json(&doctor, &out);
    else
        doctor_text(&doctor, &out);
    return output_print(&out, doctor_state(&doctor) == DOCTOR_MISSING
                                  ? EXIT_ENVIRONMENT
                                  : EXIT_HELD);
}

const struct command command_doctor = {
    .name = "doctor",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[DIR] [--json]",
    .summary = "what this program and machine have and lack",
    .about = "Libraries, own files, processors, memory, and of DIR (default "
             "the current one) whether it can be written, its room and what a "
             "sync costs; then programs that only some parts need. Each row is "
             "ok, warn or missing, with what repairs it. Exits with 6 if "
             "something is missing.",
    .options = options,
    .rest_max = 1,
    .run = run};
