#include "scenarios/lambda/logs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/output.h"

enum {
    NAME_SIZE = 64
};

struct lambda_logs {
    char directory[PATH_MAX];
    char name[NAME_SIZE]; /* of the file that is open; "": none */
    FILE *file;
    bool begun; /* start.log is this run's */
    int code;   /* errno of the first failure */
};

int lambda_logs_open(const char *directory, struct lambda_logs **out)
{
    struct lambda_logs *logs = calloc(1, sizeof(*logs));
    int code;

    if (!logs)
        return EXIT_INTERNAL;
    snprintf(logs->directory, sizeof(logs->directory), "%s/logs", directory);
    code = output_directory(logs->directory);
    if (code == EXIT_HELD)
        *out = logs;
    else
        free(logs);
    return code;
}

static void note(struct lambda_logs *logs, bool good)
{
    if (!good && logs->code == 0)
        logs->code = errno ? errno : EIO;
}

static void end_file(struct lambda_logs *logs)
{
    if (logs->file)
        note(logs, fclose(logs->file) == 0);
    logs->file = NULL;
}

/* One file is open at a time; what comes again to one is added to it. */
static FILE *file_of(struct lambda_logs *logs, const struct lambda_line *line)
{
    const char *name = line->request ? line->request : "start";
    bool fresh = line->platform && strncmp(line->text, "START ", 6) == 0;
    char path[PATH_MAX + NAME_SIZE + 8];

    if (logs->file && !fresh && strcmp(logs->name, name) == 0)
        return logs->file;
    end_file(logs);
    if (!line->request) {
        fresh = !logs->begun;
        logs->begun = true;
    }
    snprintf(logs->name, sizeof(logs->name), "%s", name);
    snprintf(path, sizeof(path), "%s/%s.log", logs->directory, name);
    logs->file = fopen(path, fresh ? "we" : "ae");
    note(logs, logs->file != NULL);
    return logs->file;
}

void lambda_logs_put(struct lambda_logs *logs, const struct lambda_line *line)
{
    FILE *file = file_of(logs, line);

    if (file)
        note(logs, fwrite(line->text, 1, line->size, file) == line->size &&
                       fputc('\n', file) != EOF);
}

bool lambda_logs_close(struct lambda_logs *logs)
{
    bool good;

    if (!logs)
        return true;
    end_file(logs);
    good = logs->code == 0;
    if (!good)
        fprintf(stderr, "perdure lambda: %.300s cannot be written: %s\n",
                logs->directory, strerror(logs->code));
    free(logs);
    return good;
}
