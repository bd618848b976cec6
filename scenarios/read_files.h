/*
 * The files that a scenario is made of. A file is referred to by a name that
 * is looked for beside the scenario, then in the directories above it, at
 * most three up, then among the scenarios that come with the program. What was
 * read is kept, so that a report can carry it; for a replay the files come out
 * of such a collection instead of the disk.
 */
#ifndef SCENARIOS_READ_FILES_H
#define SCENARIOS_READ_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/host/json.h"
#include "scenarios/data.h"

struct scenario_source;

struct read_files {
    /* NULL: files are read from the disk. */
    const struct scenario_source *given;
    uint32_t given_count;
    /* Of the scenario, without a slash at the end; owned. */
    char *dir;
    /* What was read so far, in this order; owned. */
    struct scenario_source *taken;
    uint32_t count;
    /* Where the last file was, as errors show it. */
    char shown[1280];
};

/*
 * Starts with the scenario itself: reads @path and keeps it under its last
 * part as a name. Returns 0, or the code now in @err.
 */
int read_files_start(struct read_files *files, const char *path,
                     struct json_doc **doc, struct json_error *err);

/* Starts with the first of @given, which must stay until the end. */
int read_files_replay(struct read_files *files,
                      const struct scenario_source *given, uint32_t count,
                      struct json_doc **doc, struct json_error *err);

/*
 * Reads the JSON file that @view, a string, refers to. If there is none, the
 * error is at @view. Returns the document, to be freed by the caller, or NULL.
 */
struct json_doc *read_files_json(struct read_files *files,
                                 struct json_view view, struct json_error *err);

/*
 * The same files for the readers of profiles and tables: what they ask for
 * is kept too. @files must stay where it is.
 */
struct data_files read_files_data(struct read_files *files);

void read_files_free(struct read_files *files);

/* The path of a file that comes with the program, built or installed, such as
 * "orders-on-lambda.json", from the root; the caller's. NULL if it is not
 * there. */
char *read_files_shipped(const char *name);

#endif
