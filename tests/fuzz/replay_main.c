/*
 * A main() for a fuzzer built without libFuzzer: each argument is a file whose
 * bytes are given to the fuzzer once. So the inputs kept in tests/fuzz/corpus
 * are tried in every check, with any compiler and any sanitizer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The fuzzer under test; returns 0, and crashes when it finds something. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Reads all of @file into a block of exactly that size, so that a sanitizer
 * sees the first byte read past it. The caller frees. NULL if it cannot.
 */
static uint8_t *read_all(FILE *file, size_t *size)
{
    if (fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long end = ftell(file);
    if (end < 0 || fseek(file, 0, SEEK_SET) != 0)
        return NULL;
    *size = (size_t)end;
    uint8_t *data = malloc(*size > 0 ? *size : 1);
    if (data != NULL && fread(data, 1, *size, file) != *size) {
        free(data);
        return NULL;
    }
    return data;
}

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    uint8_t *data = file != NULL ? read_all(file, &size) : NULL;
    if (file != NULL)
        fclose(file);
    if (data == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return -1;
    }
    fprintf(stderr, "%s: %zu bytes\n", path, size);
    int result = LLVMFuzzerTestOneInput(data, size);
    free(data);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        if (replay(argv[i]) != 0)
            return 1;
    printf("%s: %d inputs, no failure\n", argv[0], argc - 1);
    return 0;
}
