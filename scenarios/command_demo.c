#include <stdio.h>
#include <stdlib.h>

#include "scenarios/command.h"
#include "scenarios/read_files.h"

#define SCENARIO "orders-on-lambda.json"

static const struct option options[] = {{.name = NULL}};

static int run_it(const char *scenario, const char *directory)
{
    char name[] = "run";
    char out[] = "--out";
    char *argv[] = {name, (char *)(uintptr_t)scenario, out,
                    (char *)(uintptr_t)directory, NULL};
    int code = command_run.run(4, argv);
    if (code != EXIT_USAGE && code != EXIT_ENVIRONMENT)
        printf("\nThe report: %s/report.html, for a browser.\n", directory);
    return code;
}

static int run(int argc, char **argv)
{
    const char *directory = "perdure-demo";
    if (options_read(argc, argv, &command_demo, NULL, &directory) < 0)
        return EXIT_USAGE;
    char *scenario = read_files_shipped(SCENARIO);
    if (!scenario) {
        fprintf(stderr,
                "perdure demo: " SCENARIO " is not among the files that come "
                "with perdure; install them too: make install\n");
        return EXIT_ENVIRONMENT;
    }
    int code = run_it(scenario, directory);
    free(scenario);
    return code;
}

const struct command command_demo = {
    .name = "demo",
    .group = COMMAND_SIMULATE,
    .synopsis = "[DIR]",
    .summary = "run the example, in a few seconds",
    .about = "Runs the scenario " SCENARIO " that comes with perdure: orders "
             "on Lambda while workers, coordinators and the store die. Prints "
             "the verdict, and where the report is: in DIR (default "
             "perdure-demo).",
    .options = options,
    .rest_max = 1,
    .run = run};
