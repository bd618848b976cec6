#include "scenarios/nearby.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/sentence.h"

enum {
    FILES_MAX = 4096,
    STEM_MAX = 255
};

static const char ending[] = ".json";

/* How long a name is without the ending, which it may lack. */
static size_t stem_length(const char *name)
{
    size_t length = strlen(name);
    size_t end = sizeof(ending) - 1;
    return length > end && strcmp(name + length - end, ending) == 0
               ? length - end
               : length;
}

static int is_json(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           stem_length(entry->d_name) < strlen(entry->d_name);
}

/* The file of a directory, in their order, with the nearest stem. */
static bool nearest_in(const char *dir, const char *stem, char *meant)
{
    struct dirent **entries;
    const char *names[FILES_MAX];
    size_t count = 0;
    int found = scandir(*dir ? dir : ".", &entries, is_json, alphasort);

    for (int i = 0; i < found; i++) {
        char *name = entries[i]->d_name;
        name[stem_length(name)] = '\0';
        if (count < FILES_MAX)
            names[count++] = name;
    }
    const char *nearest = sentence_nearest(stem, names, count);
    if (nearest)
        snprintf(meant, NEARBY_SIZE, "%s%s%s%s", dir,
                 *dir && dir[strlen(dir) - 1] != '/' ? "/" : "", nearest,
                 ending);
    for (int i = 0; i < found; i++)
        free(entries[i]);
    if (found >= 0)
        free(entries);
    return nearest && access(meant, F_OK) == 0;
}

const char *nearby_file(const char *path, char *meant)
{
    char dir[NEARBY_SIZE];
    char stem[STEM_MAX + 1];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = stem_length(name);

    if (strlen(path) >= sizeof(dir) || length > STEM_MAX || length == 0 ||
        access(path, F_OK) == 0)
        return NULL;
    snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
    snprintf(stem, sizeof(stem), "%.*s", (int)length, name);
    return nearest_in(dir, stem, meant) || nearest_in("scenarios", stem, meant)
               ? meant
               : NULL;
}

const char *nearby_name(const char *dir, const char *name, char *meant)
{
    char path[2 * NEARBY_SIZE];
    char near[NEARBY_SIZE];
    size_t length = (size_t)snprintf(path, sizeof(path), "%s/", dir);
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    char stem[STEM_MAX + 1];

    if (length + strlen(name) >= NEARBY_SIZE || stem_length(last) > STEM_MAX)
        return NULL;
    snprintf(path + length, sizeof(path) - length, "%.*s", (int)(last - name),
             name);
    snprintf(stem, sizeof(stem), "%.*s", (int)stem_length(last), last);
    if (!*stem || !nearest_in(path, stem, near))
        return NULL;
    snprintf(meant, NEARBY_SIZE, "%s", near + length);
    return meant;
}

void nearby_suggest(const char *path, struct json_error *error)
{
    char meant[NEARBY_SIZE];
    struct sentence sentence;
    size_t length = strlen(error->text);

    if (error->code != JSON_EREAD || length + 32 > sizeof(error->text) ||
        !nearby_file(path, meant))
        return;
    sentence_init(&sentence, error->text + length,
                  sizeof(error->text) - length);
    sentence_add(&sentence, "; did you mean %s?", meant);
}
