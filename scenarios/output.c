#include "scenarios/output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/file.h"
#include "scenarios/command.h"
#include "scenarios/runner.h"

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

int output_file(const char *command, const char *path,
                struct report_buffer *buffer)
{
    int code = EXIT_HELD;
    if (!report_buffer_ok(buffer)) {
        fprintf(stderr, "perdure %s: out of memory\n", command);
        code = EXIT_INTERNAL;
    } else if (report_file_write(path, buffer->text ? buffer->text : "",
                                 buffer->size) != 0) {
        fprintf(stderr,
                "perdure %s: %.300s could not be written: %s; choose another "
                "with --out FILE\n",
                command, path, strerror(errno));
        code = EXIT_ENVIRONMENT;
    }
    report_buffer_free(buffer);
    return code;
}

/* Nobody reads there any more: no error of ours. */
static bool hung_up(int fd)
{
    struct pollfd other = {.fd = fd};
    return poll(&other, 1, 0) > 0 && (other.revents & POLLERR) != 0;
}

static int say_unwritten(int code, int number)
{
    clearerr(stdout);
    if (hung_up(STDOUT_FILENO))
        return code;
    fprintf(stderr, "perdure: stdout could not be written: %s\n",
            number ? strerror(number) : "a write failed");
    return code == EXIT_INTERNAL ? code : EXIT_ENVIRONMENT;
}

bool output_heard(void)
{
    return !hung_up(STDOUT_FILENO);
}

int output_end(int code)
{
    errno = 0;
    bool good = fflush(stdout) == 0 && !ferror(stdout);
    return good ? code : say_unwritten(code, errno);
}

int output_bytes(const void *bytes, size_t size, int code)
{
    errno = 0;
    if (size > 0 && fwrite(bytes, 1, size, stdout) != size)
        return say_unwritten(code, errno);
    return output_end(code);
}

int output_text(const struct report_buffer *buffer, int code)
{
    if (report_buffer_ok(buffer))
        return output_bytes(buffer->text, buffer->size, code);
    fprintf(stderr, "perdure: out of memory\n");
    return EXIT_INTERNAL;
}

int output_print(struct report_buffer *buffer, int code)
{
    code = output_text(buffer, code);
    report_buffer_free(buffer);
    return code;
}

const char *const output_json_modes[] = {"whole", "lines", NULL};

int output_json(const struct report_buffer *json, uint64_t mode, int code)
{
    struct report_buffer line;
    if (mode != OUTPUT_JSON_LINES)
        return output_text(json, code);
    report_buffer_init(&line);
    output_json_line(json, &line);
    return output_print(&line, code);
}

void output_json_start(uint64_t mode, const char *command, const char *scenario,
                       const uint64_t *seed)
{
    struct report_buffer line;
    if (mode != OUTPUT_JSON_LINES)
        return;
    report_buffer_init(&line);
    report_buffer_print(&line,
                        "{\"command\": \"%s\", \"event\": \"start\", "
                        "\"scenario\": ",
                        command);
    report_buffer_json(&line, scenario, strlen(scenario));
    report_buffer_put(&line, ", \"schema\": \"perdure.events/1\"");
    if (seed)
        report_buffer_print(&line, ", \"seed\": \"%" PRIu64 "\"", *seed);
    report_buffer_print(&line, ", \"version\": \"%s\"}\n", runner_version());
    (void)output_print(&line, EXIT_HELD);
}

void output_json_line(const struct report_buffer *json,
                      struct report_buffer *line)
{
    bool quoted = false;
    for (size_t i = 0; i < json->size; i++) {
        char c = json->text[i];
        if (!quoted && c == '\n') {
            size_t at = i;
            while (i + 1 < json->size && json->text[i + 1] == ' ')
                i++;
            if (at > 0 && json->text[at - 1] == ',')
                report_buffer_put(line, " ");
            continue;
        }
        if (c == '"' || (quoted && c == '\\' && i + 1 < json->size)) {
            size_t taken = c == '"' ? 1 : 2;
            quoted = c == '"' ? !quoted : quoted;
            report_buffer_bytes(line, json->text + i, taken);
            i += taken - 1;
            continue;
        }
        report_buffer_bytes(line, &c, 1);
    }
    line->failed |= json->failed;
    report_buffer_put(line, "\n");
}

void output_member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "    \"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}
