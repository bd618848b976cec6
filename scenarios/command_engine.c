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
#include "scenarios/options.h"
#include "scenarios/read_limits.h"

#define SECOND UINT64_C(1000000000)

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const syncs[] = {"full", "normal", NULL};

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "perdure %s: %s\n", (const char *)self, text);
}

/* A built-in profile, or one from a file. False: said why. */
static bool find_limits(const char *name, struct limits_profile *profile)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;

    if (limits_profile_find(name, profile))
        return true;
    if (access(name, F_OK) != 0) {
        fprintf(stderr,
                "perdure engine: found limit profile \"%.40s\", allowed", name);
        for (uint32_t i = 0; engine_limits_at(i); i++)
            fprintf(stderr, " %s,", engine_limits_at(i)->name);
        fprintf(stderr, " or the name of a file\n");
        return false;
    }
    if (json_read_file(name, &doc, &error) == 0)
        (void)limits_profile_read(json_root(doc), name, profile, &error);
    json_free(doc);
    if (error.code)
        fprintf(stderr, "%s\n", error.text);
    return error.code == 0;
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

int command_engine(int argc, char **argv)
{
    const char *sample = NULL;
    const char *profile = "aws";
    const char *rest[1];
    const char *key = NULL;
    struct limits_profile limits;
    uint8_t bytes[CIPHER_KEY_SIZE];
    char error[HOST_ERROR_SIZE];
    uint64_t level = HOST_SAY_INFO, sync = 0, coordinators = 1;
    struct host_engine_config config = {.say = say, .self = argv[0]};
    const struct option options[] = {
        {"--lease", OPTION_DURATION, &config.lease_ttl_ns, SECOND,
         3600 * SECOND, NULL},
        {"--limits", OPTION_TEXT, &profile, 0, 0, NULL},
        {"--store-sync", OPTION_CHOICE, &sync, 0, 0, syncs},
        {"--coordinators", OPTION_NUMBER, &coordinators, 1, 8, NULL},
        {"--snapshot-events", OPTION_NUMBER, &config.snapshot_events, 0,
         1000000, NULL},
        {"--retention", OPTION_DURATION, &config.retention_ns, SECOND,
         3650 * 86400 * SECOND, NULL},
        {"--archive", OPTION_TEXT, &config.archive, 0, 0, NULL},
        {"--observe", OPTION_TEXT, &config.observe, 0, 0, NULL},
        {"--sample", OPTION_TEXT, &sample, 0, 0, NULL},
        {"--key-file", OPTION_TEXT, &key, 0, 0, NULL},
        {"--log", OPTION_CHOICE, &level, 0, 0, levels},
    };

    if (options_read(
            argc, argv, options, sizeof(options) / sizeof(options[0]), rest, 1,
            1,
            "engine DB [--lease 30s] [--limits PROFILE] [--store-sync "
            "full|normal] [--retention 14d [--archive DIR]] [--observe FILE "
            "[--sample 1%]]") < 0)
        return EXIT_USAGE;
    config.database = rest[0];
    if (!find_limits(profile, &limits) || !take_sample(sample, &config) ||
        !check_archive(&config))
        return EXIT_USAGE;
    config.limits = &limits.limits;
    if (!database_key(argv[0], key, bytes, &config.key))
        return EXIT_ENVIRONMENT;
    config.level = (enum host_level)level;
    config.sync_normal = sync == 1;
    config.coordinators = (uint32_t)coordinators;
    if (host_engine_run(&config, error) == 0)
        return EXIT_HELD;
    fprintf(stderr, "perdure engine: %s\n", error);
    return EXIT_ENVIRONMENT;
}
