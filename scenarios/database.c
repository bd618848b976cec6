#include "scenarios/database.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scenarios/command.h"
#include "scenarios/output.h"

bool database_key(const char *command, const char *path,
                  uint8_t key[CIPHER_KEY_SIZE], const uint8_t **out)
{
    char error[CIPHER_ERROR_SIZE];

    *out = NULL;
    if (!path)
        return true;
    *out = key;
    if (cipher_read_key(path, key, error) == 0)
        return true;
    fprintf(stderr, "perdure %s: %s\n", command, error);
    return false;
}

struct host_reader *database_open(const char *command, const char *path,
                                  const char *key_path)
{
    uint8_t bytes[CIPHER_KEY_SIZE];
    const uint8_t *key;
    char error[HOST_ERROR_SIZE];

    if (!database_key(command, key_path, bytes, &key))
        return NULL;
    struct host_reader *reader = host_reader_open(path, key, error);
    if (!reader)
        fprintf(stderr, "perdure %s: %s\n", command, error);
    return reader;
}

bool database_number(const char *command, const char *what, const char *text,
                     uint64_t max, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
        *number <= max)
        return true;
    fprintf(stderr,
            "perdure %s: found %s \"%.40s\", allowed a whole number from 0 to "
            "%" PRIu64 "\n",
            command, what, text, max);
    return false;
}

const char *database_time(uint64_t ns, char text[32])
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm parts;
    char day[24] = "";

    if (ns <= 1 || ns >= INT64_MAX || !gmtime_r(&seconds, &parts)) {
        snprintf(text, 32, "-");
        return text;
    }
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 32, "%s.%03uZ", day,
             (unsigned)(ns % 1000000000 / 1000000) % 1000);
    return text;
}

int database_print(struct report_buffer *out)
{
    return output_print(out, EXIT_HELD);
}
