/*
 * Where the readers of profiles and tables get their files from. Names are
 * those of the repository below scenarios/, such as "profiles/local.json" or
 * "data/lambda-init.csv". Whoever calls a reader decides what stands behind a
 * name: a directory, an installed copy, what a report carries for a replay.
 */
#ifndef SCENARIOS_DATA_H
#define SCENARIOS_DATA_H

#include <stddef.h>

struct data_files {
    /*
     * The bytes of the file called `name`, and how many. They stay valid
     * until the next call. NULL when there is no such file or it cannot be
     * read.
     */
    const char *(*bytes)(void *self, const char *name, size_t *size);
    void *self;
};

/* Files below one directory. Start it as {.dir = ...}; deinit() at the end. */
struct data_dir {
    const char *dir;
    char *last; /* the file read last; owned */
};

struct data_files data_dir_files(struct data_dir *dir);
void data_dir_deinit(struct data_dir *dir);

#endif
