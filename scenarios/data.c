#include "scenarios/data.h"

#include <stdio.h>
#include <stdlib.h>

/* More than any table that is worth reading. */
#define FILE_SIZE_MAX ((size_t)16 << 20)

static char *read_all(FILE *file, size_t *size)
{
    char *bytes = malloc(FILE_SIZE_MAX + 1);
    if (bytes == NULL) {
        return NULL;
    }
    *size = fread(bytes, 1, FILE_SIZE_MAX + 1, file);
    if (ferror(file) || *size > FILE_SIZE_MAX) {
        free(bytes);
        return NULL;
    }
    char *fitting = realloc(bytes, *size + 1);
    return fitting != NULL ? fitting : bytes;
}

static const char *dir_bytes(void *self, const char *name, size_t *size)
{
    struct data_dir *dir = self;
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", dir->dir, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return NULL;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    free(dir->last);
    dir->last = read_all(file, size);
    fclose(file);
    return dir->last;
}

struct data_files data_dir_files(struct data_dir *dir)
{
    return (struct data_files){.bytes = dir_bytes, .self = dir};
}

void data_dir_deinit(struct data_dir *dir)
{
    free(dir->last);
    dir->last = NULL;
}
