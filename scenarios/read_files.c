#include "scenarios/read_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/sentence.h"
#include "scenarios/nearby.h"
#include "scenarios/scenario.h"

enum {
    PARENTS_MAX = 3,
    NAME_SIZE_MAX = 1024
};

static int no_memory(struct json_error *err)
{
    if (err->code == 0) {
        *err = (struct json_error){.code = JSON_ENOMEM, .line = 1, .column = 1};
        snprintf(err->text, sizeof(err->text),
                 "memory ran out while reading the scenario");
    }
    return err->code;
}

static const struct scenario_source *
find_source(const struct scenario_source *sources, uint32_t count,
            const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(sources[i].name, name) == 0)
            return &sources[i];
    }
    return NULL;
}

static char *copy_bytes(const char *bytes, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy) {
        if (size > 0)
            memcpy(copy, bytes, size);
        copy[size] = '\0';
    }
    return copy;
}

/* Copies a file into the collection, unless it is there. */
static bool keep(struct read_files *files, const char *name, const char *text,
                 size_t size)
{
    if (find_source(files->taken, files->count, name))
        return true;
    struct scenario_source *taken =
        realloc(files->taken, (files->count + 1) * sizeof(*taken));
    if (!taken)
        return false;
    files->taken = taken;
    struct scenario_source *source = &taken[files->count];
    *source = (struct scenario_source){
        .name = strdup(name),
        .text = copy_bytes(text, size),
        .size = size,
    };
    if (!source->name || !source->text) {
        free(source->name);
        free(source->text);
        return false;
    }
    files->count++;
    return true;
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

/* "dir/name", without a "./" that says nothing. */
static char *join(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    if (path && strcmp(dir, ".") == 0)
        snprintf(path, size, "%s", name);
    else if (path)
        snprintf(path, size, "%s/%s", dir, name);
    return path;
}

/* Looks in @dir with @up steps up; NULL if it is not there. */
static char *find_above(const char *dir, int up, const char *name)
{
    char above[NAME_SIZE_MAX + 16];
    int length = snprintf(above, sizeof(above), "%s", dir);
    for (int i = 0; i < up && length >= 0 && (size_t)length < sizeof(above);
         i++)
        length +=
            snprintf(above + length, sizeof(above) - (size_t)length, "/..");
    if (length < 0 || (size_t)length >= sizeof(above))
        return NULL;
    char *path = join(above, name);
    if (path && !is_file(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

/* The directory of the running program, or NULL. */
static char *program_dir(void)
{
    char path[NAME_SIZE_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    if (size <= 0 || size >= (ssize_t)sizeof(path))
        return NULL;
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    return slash ? copy_bytes(path, (size_t)(slash - path)) : NULL;
}

/* Looks among the files that come with the program, built or installed. */
static char *find_shipped(const char *name)
{
    static const char *const places[] = {"../share/perdure/scenarios/",
                                         "../scenarios/", "../../scenarios/"};
    char below[NAME_SIZE_MAX + 64];
    char *dir = program_dir();
    char *path = NULL;
    for (size_t i = 0; dir && !path && i < sizeof(places) / sizeof(places[0]);
         i++) {
        snprintf(below, sizeof(below), "%s%s", places[i], name);
        path = find_above(dir, 0, below);
    }
    free(dir);
    return path;
}

char *read_files_shipped(const char *name)
{
    char *path = find_shipped(name);
    char *whole = path ? realpath(path, NULL) : NULL;
    free(path);
    return whole;
}

/* The path of the file called @name; NULL if there is none (or no memory). */
static char *find_path(const struct read_files *files, const char *name)
{
    if (strlen(name) > NAME_SIZE_MAX)
        return NULL;
    if (name[0] == '/')
        return is_file(name) ? strdup(name) : NULL;
    for (int up = 0; up <= PARENTS_MAX; up++) {
        char *path = find_above(files->dir, up, name);
        if (path)
            return path;
    }
    return find_shipped(name);
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/")
                         : copy_bytes(path, (size_t)(slash - path));
}

/* Reads at most @room bytes; returns how many, or -1. */
static ssize_t read_bytes(int fd, char *bytes, size_t room)
{
    size_t size = 0;
    while (size < room) {
        ssize_t got = read(fd, bytes + size, room - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

/*
 * The bytes of a file, one more than allowed at most, so that the JSON reader
 * refuses it. NULL if it cannot be read.
 */
static char *slurp(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat status;
    size_t room = JSON_FILE_MAX + 1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size < JSON_FILE_MAX)
        room = (size_t)status.st_size + 1;
    char *text = malloc(room);
    ssize_t got = text ? read_bytes(fd, text, room) : -1;
    close(fd);
    if (got < 0) {
        free(text);
        return NULL;
    }
    *size = (size_t)got;
    return text;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Parses a text and keeps it. @shown stands for it in errors. */
static struct json_doc *take(struct read_files *files, const char *name,
                             const char *shown, const char *text, size_t size,
                             struct json_error *err)
{
    struct json_doc *doc = NULL;
    snprintf(files->shown, sizeof(files->shown), "%s", shown);
    if (json_read_bytes(shown, text, size, &doc, err) != 0)
        return NULL;
    if (!keep(files, name, text, size)) {
        no_memory(err);
        json_free(doc);
        return NULL;
    }
    return doc;
}

int read_files_start(struct read_files *files, const char *path,
                     struct json_doc **doc, struct json_error *err)
{
    size_t size = 0;
    *files = (struct read_files){.dir = directory_of(path)};
    *doc = NULL;
    if (!files->dir)
        return no_memory(err);
    char *text = slurp(path, &size);
    if (!text || size > JSON_FILE_MAX) {
        /* It says best what is wrong with a file. */
        free(text);
        if (json_read_file(path, doc, err) == 0) {
            json_free(*doc);
            *doc = NULL;
            return no_memory(err);
        }
        nearby_suggest(path, err);
        return err->code;
    }
    *doc = take(files, last_part(path), path, text, size, err);
    free(text);
    return err->code;
}

int read_files_replay(struct read_files *files,
                      const struct scenario_source *given, uint32_t count,
                      struct json_doc **doc, struct json_error *err)
{
    assert(count > 0);
    *files = (struct read_files){
        .given = given, .given_count = count, .dir = strdup(".")};
    *doc = NULL;
    if (!files->dir)
        return no_memory(err);
    *doc = take(files, given[0].name, given[0].name, given[0].text,
                given[0].size, err);
    return err->code;
}

static struct json_doc *take_given(struct read_files *files,
                                   struct json_view view, const char *name,
                                   struct json_error *err)
{
    const struct scenario_source *source =
        find_source(files->given, files->given_count, name);
    if (!source) {
        json_fail(view, err,
                  "found a reference to \"%s\", allowed only the files that "
                  "come with this replay",
                  name);
        return NULL;
    }
    return take(files, name, name, source->text, source->size, err);
}

static struct json_doc *take_path(struct read_files *files,
                                  struct json_view view, const char *name,
                                  const char *path, struct json_error *err)
{
    size_t size = 0;
    char *text = slurp(path, &size);
    if (!text || size > JSON_FILE_MAX) {
        json_fail(view, err,
                  "found the %s file \"%s\", allowed one that may be read, of "
                  "at most %d bytes",
                  text ? "larger" : "unreadable", path, JSON_FILE_MAX);
        free(text);
        return NULL;
    }
    struct json_doc *doc = take(files, name, path, text, size, err);
    free(text);
    return doc;
}

struct json_doc *read_files_json(struct read_files *files,
                                 struct json_view view, struct json_error *err)
{
    const char *name = NULL;
    if (!json_as_string(view, 1, NAME_SIZE_MAX, &name, err))
        return NULL;
    if (files->given)
        return take_given(files, view, name, err);
    char *path = find_path(files, name);
    if (!path) {
        char near[NEARBY_SIZE];
        const char *meant = nearby_name(files->dir, name, near);
        json_fail(view, err,
                  "found no file \"%s\", allowed one beside the scenario, at "
                  "most %d directories above it, or among perdure's own%s%s%s",
                  name, PARENTS_MAX, meant ? "; did you mean " : "",
                  meant ? meant : "", meant ? "?" : "");
        return NULL;
    }
    struct json_doc *doc = take_path(files, view, name, path, err);
    free(path);
    return doc;
}

/* Brings the file called @name into the collection, if there is one. */
static bool fetch(struct read_files *files, const char *name)
{
    if (files->given) {
        const struct scenario_source *source =
            find_source(files->given, files->given_count, name);
        return source && keep(files, name, source->text, source->size);
    }
    size_t size = 0;
    char *path = find_path(files, name);
    char *text = path ? slurp(path, &size) : NULL;
    bool kept = text && size <= JSON_FILE_MAX && keep(files, name, text, size);
    free(text);
    free(path);
    return kept;
}

static const char *data_bytes(void *self, const char *name, size_t *size)
{
    struct read_files *files = self;
    const struct scenario_source *source =
        find_source(files->taken, files->count, name);
    if (!source) {
        if (!fetch(files, name))
            return NULL;
        source = &files->taken[files->count - 1];
    }
    *size = source->size;
    return source->text;
}

struct data_files read_files_data(struct read_files *files)
{
    return (struct data_files){.bytes = data_bytes, .self = files};
}

void read_files_free(struct read_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        free(files->taken[i].name);
        free(files->taken[i].text);
    }
    free(files->taken);
    free(files->dir);
    *files = (struct read_files){0};
}
