#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/engine_process.h"
#include "engine/limits.h"
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

int command_engine(int argc, char **argv)
{
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
        {"--key-file", OPTION_TEXT, &key, 0, 0, NULL},
        {"--log", OPTION_CHOICE, &level, 0, 0, levels},
    };

    if (options_read(argc, argv, options, sizeof(options) / sizeof(options[0]),
                     rest, 1, 1,
                     "engine DB [--lease 30s] [--limits PROFILE] [--store-sync "
                     "full|normal]") < 0)
        return EXIT_USAGE;
    config.database = rest[0];
    if (!find_limits(profile, &limits))
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
