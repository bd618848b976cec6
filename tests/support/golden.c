#include "tests/support/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file, ended by a 0, or NULL. The caller frees it. */
static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t room = 1 << 22;
    char *bytes = malloc(room);
    if (bytes) {
        *size = fread(bytes, 1, room - 1, file);
        bytes[*size] = 0;
    }
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return;
    fwrite(bytes, 1, size, file);
    fclose(file);
}

static const char *compare(const char *path, const char *kept, size_t kept_size,
                           const char *bytes, size_t size,
                           char room[static 400])
{
    size_t at = 0;
    size_t line = 1;
    size_t start = 0;
    while (at < size && at < kept_size && kept[at] == bytes[at]) {
        if (bytes[at++] == '\n') {
            line++;
            start = at;
        }
    }
    if (at == size && at == kept_size)
        return NULL;
    snprintf(room, 400, "%s:%zu: kept \"%.*s\", now \"%.*s\"", path, line,
             (int)strcspn(kept + start, "\n") % 150, kept + start,
             (int)strcspn(bytes + start, "\n") % 150, bytes + start);
    return room;
}

const char *golden_differs(const char *name, const char *bytes, size_t size,
                           char room[static 400])
{
    char path[200];
    const char *mode = getenv("PERDURE_GOLDEN");
    snprintf(path, sizeof(path), "tests/golden/%s", name);
    if (mode && strcmp(mode, "write") == 0)
        write_file(path, bytes, size);
    size_t kept_size = 0;
    char *kept = read_file(path, &kept_size);
    if (!kept) {
        snprintf(room, 400, "%s: cannot be read", path);
        return room;
    }
    const char *result = compare(path, kept, kept_size, bytes, size, room);
    free(kept);
    return result;
}
