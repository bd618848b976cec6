/*
 * What recording and durability cost on this machine and this disk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/interrupt.h"
#include "scenarios/measure/bench.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/runner.h"

#define DAY (86400 * UINT64_C(1000000000))

enum {
    PARTS = 3 + 7 /* and a turn of recording for each repeat */
};

struct arguments {
    const char *rest; /* there is none */
    const char *dir;
    const char *rate;
    uint64_t runs;
    uint64_t repeats;
    bool json;
    bool quiet;
};

static const struct option options[] = {
    OPT_TEXT("--dir", dir, "DIR",
             "Where the databases are made and removed again (default: here): "
             "the disk that is measured."),
    OPT_NUMBER("--runs", runs, 1, 1000000,
               "Runs in each measurement of the engine (default 2000)."),
    OPT_NUMBER("--repeats", repeats, 1, MEASURE_REPEATS_MAX,
               "How often what is compared takes turns (default 5)."),
    OPT_TEXT("--rate", rate, "RATE",
             "Runs for which a day's growth is told, such as 50/s (default: "
             "1,000, 100,000 and 10,000,000 a day)."),
    OPT_FLAG("--json", json, "The same as JSON on stdout."),
    OPT_QUIET(quiet, "No progress."),
    {.name = NULL}};

struct told {
    struct progress_line line;
    uint64_t done;
    uint64_t total;
};

static void tell(void *self, const char *what)
{
    struct told *told = self;
    struct progress_now now = {.unit = "parts",
                               .done = told->done,
                               .total = told->total,
                               .rest = what};

    progress_line_tell(&told->line, &now);
    told->done += told->done < told->total;
}

static bool check_dir(const char *dir)
{
    struct stat is;

    if (stat(dir, &is) == 0 && S_ISDIR(is.st_mode) &&
        access(dir, W_OK | X_OK) == 0)
        return true;
    fprintf(stderr,
            "perdure bench-engine: found --dir \"%.200s\", allowed a directory "
            "that can be written\n",
            dir);
    return false;
}

/* The rates: those of the reference, or the one that is given. */
static bool take_rate(const char *given, struct quantity_rate *rates,
                      uint32_t *count)
{
    const char *why = NULL;

    if (!given) {
        rates[0] = (struct quantity_rate){1000, DAY};
        rates[1] = (struct quantity_rate){100000, DAY};
        rates[2] = (struct quantity_rate){10000000, DAY};
        *count = 3;
        return true;
    }
    *count = 1;
    if (quantity_read_rate(given, rates, &why) == 0)
        return true;
    fprintf(stderr, "perdure bench-engine: found --rate \"%.40s\": %s\n", given,
            why);
    return false;
}

static int print(const struct measure_found *found, bool json)
{
    struct report_buffer out;

    report_buffer_init(&out);
    if (json)
        measure_json(found, &out);
    else
        measure_text(found, &out);
    return output_print(&out, EXIT_HELD);
}

static int run(int argc, char **argv)
{
    static struct measure_found found;
    struct quantity_rate rates[MEASURE_RATES_MAX];
    struct arguments a = {.dir = ".", .runs = 2000, .repeats = 5};
    struct told told = {.total = PARTS};
    struct measure_bench bench = {.rates = rates,
                                  .interrupted = interrupt_flag(),
                                  .progress = tell,
                                  .self = &told};
    char error[HOST_ERROR_SIZE] = "";

    if (options_read(argc, argv, &command_bench_engine, &a, &a.rest) < 0 ||
        !take_rate(a.rate, rates, &bench.rate_count))
        return EXIT_USAGE;
    if (!check_dir(a.dir))
        return EXIT_ENVIRONMENT;
    bench.dir = a.dir;
    bench.runs = (uint32_t)a.runs;
    bench.repeats = (uint32_t)a.repeats;
    told.total += a.repeats;
    interrupt_catch();
    progress_line_start(&told.line, argv[0], NULL);
    told.line.quiet = a.quiet;
    int result = measure_bench(&bench, &found, error);
    progress_line_end(&told.line);
    if (*interrupt_flag())
        return EXIT_INTERRUPTED;
    if (result == 0) {
        found.version = runner_version();
        return print(&found, a.json);
    }
    fprintf(stderr, "perdure bench-engine: %s\n", error);
    return EXIT_ENVIRONMENT;
}

const struct command command_bench_engine = {
    .name = "bench-engine",
    .group = COMMAND_DATABASE,
    .synopsis = "[OPTIONS]",
    .summary = "measure what recording and durability cost on this disk",
    .about =
        "Runs an engine and a worker on databases of its own, on this machine "
        "and this disk, for some tens of seconds: what a stream of records "
        "costs beside the log, how fast syncs and commits are, how databases "
        "grow by kind of run, and what archives and snapshots do to that; "
        "beside figures that another recorder publishes. What is compared "
        "takes turns; medians, ranges and the smallest change that would be "
        "seen are told.\n\n"
        "The log is always whole: no way to record leaves anything out of it.",
    .options = options,
    .rest_min = 0,
    .rest_max = 0,
    .run = run};
