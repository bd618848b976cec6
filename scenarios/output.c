#include "scenarios/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/file.h"
#include "scenarios/command.h"

/* Makes DIR and every folder above it; -1 with errno. */
static int make_directory(const char *path)
{
    char text[4096];
    struct stat status;
    int length = snprintf(text, sizeof(text), "%s", path);
    if (length == 0 || length >= (int)sizeof(text)) {
        errno = length ? ENAMETOOLONG : ENOENT;
        return -1;
    }
    for (char *c = text + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(text, 0777) != 0 && errno != EEXIST)
            return -1;
        *c = '/';
    }
    if (mkdir(text, 0777) != 0 && errno != EEXIST)
        return -1;
    if (stat(text, &status) != 0)
        return -1;
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return access(text, W_OK | X_OK);
}

int output_directory(const char *path)
{
    if (make_directory(path) == 0)
        return EXIT_HELD;
    fprintf(stderr,
            "perdure: the output directory \"%.200s\" cannot be written: %s; "
            "choose another with --out DIR\n",
            path, strerror(errno));
    return EXIT_ENVIRONMENT;
}

bool output_write(const char *directory, const char *name,
                  const struct report_buffer *buffer)
{
    char path[4200];
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >=
        (int)sizeof(path))
        return false;
    if (report_buffer_ok(buffer) &&
        report_file_write(path, buffer->text, buffer->size) == 0)
        return true;
    fprintf(stderr, "perdure: %.300s could not be written: %s\n", path,
            report_buffer_ok(buffer) ? strerror(errno) : "out of memory");
    return false;
}

int output_print(struct report_buffer *buffer, int code)
{
    if (!report_buffer_ok(buffer) ||
        (buffer->size > 0 &&
         fwrite(buffer->text, 1, buffer->size, stdout) != buffer->size) ||
        fflush(stdout) != 0)
        code = EXIT_INTERNAL;
    report_buffer_free(buffer);
    return code;
}

void output_member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "    \"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}
