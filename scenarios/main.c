#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/command.h"

#ifndef PERDURE_VERSION
#error "PERDURE_VERSION comes from the Makefile"
#endif

static const char help[] =
    "perdure " PERDURE_VERSION "\n"
    "Runs durable workflows in a simulated world, breaks it, and says whether\n"
    "everything recovered.\n"
    "\n"
    "  perdure run scenarios/orders-on-lambda.json\n"
    "\n"
    "Commands:\n"
    "  run FILE [--seed N] [--out DIR] [--json] [--defect NAME]\n"
    "      [--golden] [--paranoid] [--trace FILE] [--database FILE]\n"
    "      [--force] [--export LIST]\n"
    "        run a scenario: verdict and summary on stdout; report.html,\n"
    "        report.json and run-meta.json in DIR (default perdure-report)\n"
    "        --seed N       which of the scenario's worlds (default: its own)\n"
    "        --json         report.json on stdout; files only with --out\n"
    "        --defect NAME  switch a seeded defect on; may be repeated\n"
    "        --golden       S8: compare with the same world without faults\n"
    "        --paranoid     S7: fold each run's log anew after every event\n"
    "        --trace FILE   one line for each record of the run\n"
    "        --database FILE  keep the database as it is at the end\n"
    "        --force        a reproduction also of another version, or "
    "changed\n"
    "        --export LIST  files for other tools beside report.json, of "
    "hgrm,\n"
    "                       hlog, junit, openmetrics, bmf, github-summary,\n"
    "                       github-annotations; with commas between them\n"
    "  sweep FILE --seeds A..B | --for 10m [--jobs N] [--out DIR] [--json]\n"
    "        [--defect NAME] [--golden] [--paranoid] [--shrink]\n"
    "        run many of the scenario's worlds on all cores; with --out DIR "
    "it\n"
    "        goes on where it was interrupted, and leaves sweep.json there\n"
    "        --for TIME     choose seeds by what they show that is new\n"
    "        --golden       compare each world with its faultless twin\n"
    "        --paranoid     replay every run's log after every event\n"
    "        --shrink       make the first failure of each property small\n"
    "  replay FILE [--out DIR] [--json] [--trace FILE] [--export LIST]\n"
    "        repeat the run of a report.json and compare the digests\n"
    "  export REPORT.json --format NAME [--out FILE]\n"
    "        a report for another tool, on stdout; NAME as for run --export,\n"
    "        but hgrm and hlog need the run itself: replay it\n"
    "  sweep FILE --crash every|twice [--limit N] [--no-fork] [--jobs N]\n"
    "         [--seed N] [--defect NAME] [--only NAME] [--out DIR] [--json]\n"
    "        break a world once at each boundary that its run crosses, or\n"
    "        once more in each recovery; the same with --fail every,\n"
    "        --lose-reply every, --pause every, --duplicate every\n"
    "  shrink REPORT.json|SCENARIO --out DIR [--seed N] [--defect NAME]\n"
    "         [--property ID] [--budget 30s] [--trials N]\n"
    "        make a failure small: the same property fails in a scenario of\n"
    "        its own with as few faults, runs and nodes as can be\n"
    "  diff A B [--seed N] [--seed-b N] [--defect NAME] [--defect-b NAME]\n"
    "         [--context N]\n"
    "        the first record at which two runs differ: of reports, or of\n"
    "        scenarios; --seed-b and --defect-b are for B alone; exit 1 if\n"
    "        they differ\n"
    "  validate FILE...\n"
    "        check scenarios without running them\n"
    "  points [--json]\n"
    "        every place where a fault can strike, and what it simulates\n"
    "  defects [--json]\n"
    "        seeded defects: what each breaks and which property sees it\n"
    "  defects --matrix [--own] [--seeds N] [--jobs N] [--defect NAME]\n"
    "          [--out DIR] [--json]\n"
    "        let each loose in its own scenario, in swarms and crash sweeps;\n"
    "        which properties saw it, after how many seeds\n"
    "  limits [PROFILE|FILE] [--json]\n"
    "        what a run may use under aws (default), seed-001, inline-1mb\n"
    "        or a profile of one's own\n"
    "  profiles [NAME] [--explain] [--json]\n"
    "        platform profiles; every value of one, its unit, source and tag\n"
    "  validate-models [--length quick|normal|full] [--only GROUP]\n"
    "          [--experiments FILE.csv] [--seed N] [--out DIR] [--json]\n"
    "        the platforms' models against theory, a published simulation and\n"
    "        experiments on AWS Lambda: expected, got, error, verdict\n"
    "  errors [--json] [--platforms]\n"
    "        every class of error: whether it is retried, what it means; "
    "which\n"
    "        code of a platform belongs to which\n";

static const char help_of_gates[] =
    "  gate NEW BASE [--policy FILE] [--accept] [--trend FILE] [--all] "
    "[--json]\n"
    "        new reports against a baseline, each a report.json or a\n"
    "        directory of them: properties, expectations, figures; exit 3, 4\n"
    "        or 5 if one regressed; --accept makes the new ones the baseline\n"
    "  compare A B [--all]\n"
    "        the figures of two reports, or of two directories over all\n"
    "        seeds that both have, side by side\n"
    "\n";

static const char help_of_databases[] =
    "On a real database, with real processes; what opens the file itself\n"
    "takes --key-file FILE if it is encrypted:\n"
    "  engine DB [--lease 30s] [--limits PROFILE] [--store-sync full|normal]\n"
    "         [--coordinators N] [--snapshot-events N] [--log LEVEL]\n"
    "         [--retention 14d [--archive DIR]] [--observe FILE [--sample "
    "1%]]\n"
    "        own the database and drive its runs until SIGTERM\n"
    "  worker DB --workflow FILE|DIR... [--id NAME] [--slots N] [--drain 30s]\n"
    "         [--optimistic] [--checkpoint-window 5ms] [--log LEVEL]\n"
    "        execute their steps; --redact PATTERN: secrets in results\n"
    "  start DB WORKFLOW [--input TEXT|@FILE] [--id KEY] [--count N] [--wait]\n"
    "        start runs; the same key is the same run; --redact PATTERN:\n"
    "        secrets in the input\n"
    "  ps DB [RUN] [--all] [--state STATE] [--workers] [--json]\n"
    "        how runs stand; who executes them\n"
    "  events DB RUN [--after N] [--limit N] [--type KIND] [--op N]\n"
    "         [--payload] [--follow] [--json]\n"
    "        what happened to a run; --format aws [--page N]: as public\n"
    "        history\n"
    "  ops DB RUN [--tree] [--json]\n"
    "        its operations: type, status, attempts, how long they took\n"
    "  lineage DB RUN [--depth N] [--direction up|down|both] [--out FILE]\n"
    "         [--format text|json|graphml|svg]\n"
    "        every execution: inputs, outputs, code, platform, and what they\n"
    "        are from, in this run and those it has to do with\n"
    "  value DB RUN [OP|NAME] [--index N]\n"
    "        the result of a run or an operation, as it is, on stdout\n"
    "  stuck DB [--older 10m] [--json]\n"
    "        runs that do not go on by themselves, and why; exit 3 if any\n"
    "  cancel | stop | pause | unpause DB RUN [--reason TEXT] [--actor NAME]\n"
    "  resume | skip | abort DB RUN [--op N] [--reason TEXT] [--value TEXT]\n"
    "        kept in the run's log with who and why\n"
    "  callback success|fail|heartbeat DB CALLBACK [--value TEXT|@FILE]\n"
    "        answer what a run waits for\n"
    "  recover DB [--dry-run] [--json]\n"
    "        what becomes of each run, and why; end the leases of the dead\n"
    "  verify DB [--json]\n"
    "        whether every run's log is whole; exit 3 if not\n"
    "  archive DB FILE [--older 30d] [--trim], restore DB FILE [--check]\n"
    "        runs that have ended, into a file of their own and back\n"
    "\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 everything held (or is excused), 1 internal error, 2 usage\n"
    "or scenario error, 3 a property failed, 4 an expectation was missed,\n"
    "5 inconclusive, 6 environment missing, 130 interrupted. NO_COLOR turns\n"
    "colour off.\n";

static void print_help(void)
{
    fputs(help, stdout);
    fputs(help_of_gates, stdout);
    fputs(help_of_databases, stdout);
}

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", command_run},
    {"sweep", command_sweep},
    {"shrink", command_shrink},
    {"diff", command_diff},
    {"gate", command_gate},
    {"compare", command_compare},
    {"replay", command_replay},
    {"export", command_export},
    {"validate", command_validate},
    {"validate-models", command_validate_models},
    {"points", command_points},
    {"defects", command_defects},
    {"limits", command_limits},
    {"profiles", command_profiles},
    {"errors", command_errors},
    {"engine", command_engine},
    {"worker", command_worker},
    {"start", command_start},
    {"ps", command_ps},
    {"events", command_events},
    {"ops", command_ops},
    {"lineage", command_lineage},
    {"value", command_value},
    {"stuck", command_stuck},
    {"cancel", command_cancel},
    {"stop", command_stop},
    {"pause", command_pause},
    {"unpause", command_unpause},
    {"resume", command_resume},
    {"skip", command_skip},
    {"abort", command_abort},
    {"callback", command_callback},
    {"recover", command_recover},
    {"verify", command_verify},
    {"archive", command_archive},
    {"restore", command_restore},
};

enum {
    COMMAND_COUNT = sizeof(commands) / sizeof(*commands)
};

static int unknown(const char *name)
{
    fprintf(stderr, "perdure: found command \"%.40s\", allowed", name);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(stderr, "%s %s", i ? "," : "", commands[i].name);
    fprintf(stderr, "; see perdure --help\n");
    return EXIT_USAGE;
}

static int wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    /* A closed pipe is an error of the write, not the end of the process; so
     * is a file that may not grow. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_help();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || wants_help(argc, argv)) {
        print_help();
        return EXIT_HELD;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("perdure " PERDURE_VERSION);
        return EXIT_HELD;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
