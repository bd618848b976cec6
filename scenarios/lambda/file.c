#include "scenarios/lambda/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void *lambda_file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = file ? malloc(LAMBDA_FILE_MAX + 1) : NULL;

    *size = bytes ? fread(bytes, 1, LAMBDA_FILE_MAX + 1, file) : 0;
    bool good = bytes && !ferror(file) && *size <= LAMBDA_FILE_MAX;
    if (file)
        (void)fclose(file);
    if (good)
        return bytes;
    free(bytes);
    fprintf(stderr,
            "perdure lambda: %.300s cannot be read, or is larger than 6 MiB\n",
            path);
    return NULL;
}
