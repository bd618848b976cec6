#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/engine_process.h"
#include "engine/host/quantity.h"
#include "engine/limits.h"
#include "engine/random.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/names.h"
#include "scenarios/read_limits.h"
#include "scenarios/recording.h"

#define SECOND UINT64_C(1000000000)

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const syncs[] = {"full", "normal", NULL};

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "perdure %s: %s\n", (const char *)self, text);
}

/* A share of the runs; only of what is observed. */
static bool take_sample(const char *given, struct host_engine_config *config)
{
    const char *why = NULL;
    uint64_t share = ENGINE_CHANCE_ALWAYS;

    if (given && !config->observe) {
        fprintf(stderr, "perdure engine: found --sample without --observe "
                        "FILE, allowed with it: the log of runs is what "
                        "recovery reads, and is always whole\n");
        return false;
    }
    if (given && quantity_read(QUANTITY_SHARE, given, &share, &why)) {
        fprintf(stderr, "perdure engine: found --sample \"%.40s\": %s\n", given,
                why);
        return false;
    }
    if (share == 0 || share > ENGINE_CHANCE_ALWAYS) {
        fprintf(stderr,
                "perdure engine: found --sample %.40s, allowed above 0%% to "
                "100%%\n",
                given);
        return false;
    }
    config->observe_ppb = (uint32_t)share;
    return true;
}

/* The same in the words of perdure run: full, off or a share. */
static bool take_record(const char *given, const char *sample,
                        struct host_engine_config *config)
{
    struct recording recording;
    const char *why = NULL;

    if (!given)
        return take_sample(sample, config);
    if (sample) {
        fprintf(stderr, "perdure engine: found --record and --sample, allowed "
                        "one of them\n");
        return false;
    }
    if (!recording_read(given, &recording, &why)) {
        fprintf(stderr, "perdure engine: found --record \"%.40s\": %s\n", given,
                why);
        return false;
    }
    if (!config->observe && recording_keeps_any(&recording)) {
        fprintf(stderr,
                "perdure engine: found --record %s without --observe FILE, "
                "allowed with it: the log of runs is what recovery reads, and "
                "is always whole\n",
                given);
        return false;
    }
    if (!recording_keeps_any(&recording))
        config->observe = NULL;
    config->observe_ppb =
        recording.sampled ? recording.share_ppb : ENGINE_CHANCE_ALWAYS;
    return true;
}

/* Archives need a directory, and to know when. */
static bool check_archive(const struct host_engine_config *config)
{
    struct stat is;

    if (!config->archive)
        return true;
    if (!config->retention_ns) {
        fprintf(stderr, "perdure engine: found --archive without --retention, "
                        "allowed with it: it says when\n");
        return false;
    }
    if (stat(config->archive, &is) == 0 && S_ISDIR(is.st_mode) &&
        access(config->archive, W_OK | X_OK) == 0)
        return true;
    fprintf(stderr,
            "perdure engine: found --archive \"%.200s\", allowed a directory "
            "that can be written\n",
            config->archive);
    return false;
}

struct arguments {
    const char *database;
    const char *sample;
    const char *record;
    const char *profile;
    const char *key;
    uint64_t level;
    uint64_t sync;
    uint64_t coordinators;
    struct host_engine_config config;
};

static const struct option options[] = {
    OPT_DURATION("--lease", config.lease_ttl_ns, SECOND, 3600 * SECOND,
                 "How long runs and attempts are held without a sign of life "
                 "(default 30s)."),
    OPT_TEXT("--limits", profile, "PROFILE",
             "What a run may use (default aws); see perdure limits."),
    OPT_CHOICE("--store-sync", sync, syncs,
               "With normal a power cut may undo the last commits; a crash "
               "never does (default full)."),
    OPT_NUMBER("--coordinators", coordinators, 1, 8,
               "Coordinators in the process, 1 to 8 (default 1)."),
    OPT_NUMBER("--snapshot-events", config.snapshot_events, 0, 1000000,
               "A snapshot of a handler's run after so many events (default "
               "none)."),
    OPT_DURATION("--retention", config.retention_ns, SECOND,
                 3650 * 86400 * SECOND,
                 "Let logs of runs that ended longer ago leave the database "
                 "(default never), a few rows at a time when nobody waits; "
                 "runs that have not ended stay."),
    OPT_TEXT("--archive", config.archive, "DIR",
             "Write them into files in this directory first, as perdure "
             "archive does."),
    OPT_TEXT("--observe", config.observe, "FILE",
             "Append records to look at, one JSON object a line; lines may be "
             "lost when the file is slow, which is told. The log of runs "
             "itself is always whole."),
    OPT_TEXT("--sample", sample, "SHARE",
             "Observe only this share of the runs, e.g. 1%, the same ones "
             "after every start."),
    OPT_TEXT("--record", record, "WHAT",
             "What of the runs is observed, in the words of perdure run: full "
             "(default), off, or sample=1%, which is --sample 1%."),
    OPT_TEXT("--key-file", key, "FILE",
             "Encrypt payloads at rest; of a new database, and then always."),
    OPT_CHOICE("--log", level, levels,
               "How much is said on stderr (default info)."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct limits_profile limits;
    uint8_t bytes[CIPHER_KEY_SIZE];
    char error[HOST_ERROR_SIZE];
    struct arguments a = {.profile = "aws",
                          .level = HOST_SAY_INFO,
                          .coordinators = 1,
                          .config = {.say = say, .self = argv[0]}};

    if (options_read(argc, argv, &command_engine, &a, &a.database) < 0 ||
        !limits_profile_ask("engine", a.profile, &limits) ||
        !take_record(a.record, a.sample, &a.config) ||
        !check_archive(&a.config))
        return EXIT_USAGE;
    a.config.database = a.database;
    a.config.limits = &limits.limits;
    if (!database_key(argv[0], a.key, bytes, &a.config.key))
        return EXIT_ENVIRONMENT;
    a.config.level = (enum host_level)a.level;
    a.config.sync_normal = a.sync == 1;
    a.config.coordinators = (uint32_t)a.coordinators;
    if (host_engine_run(&a.config, error) == 0)
        return EXIT_HELD;
    fprintf(stderr, "perdure engine: %s\n", error);
    return EXIT_ENVIRONMENT;
}

const struct command command_engine = {
    .name = "engine",
    .group = COMMAND_DATABASE,
    .synopsis = "DB [OPTIONS]",
    .summary = "own a database and drive its runs",
    .about = "Owns the database, which is made if it is not there, "
             "and drives its runs until SIGTERM. Workers and "
             "clients reach it through the socket DB.sock; the file "
             "DB-lock names its process. The leases of an engine "
             "that died are taken over at once.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
