/*
 * A report read back: all that is needed to repeat the run it came from.
 */
#ifndef SCENARIOS_REPLAY_H
#define SCENARIOS_REPLAY_H

#include "engine/host/json.h"
#include "scenarios/checkpoints.h"
#include "scenarios/scenario.h"

enum {
    REPLAY_DEFECTS_MAX = 32
};

struct replay {
    struct scenario *scenario;
    uint64_t seed;
    char digest[33];
    char command[1024];
    char *defects[REPLAY_DEFECTS_MAX];
    uint32_t defect_count;
    char version[32];               /* of the program that wrote it */
    struct checkpoints checkpoints; /* step 0: it carries none */
    bool golden;                    /* S8 was asked for */
    bool paranoid;                  /* and S7 */
};

/* Reads report.json at path. -1 and *error filled on failure. */
int replay_read(const char *path, struct replay *replay,
                struct json_error *error);
void replay_deinit(struct replay *replay);

/* Appends a space and a word, in quotes where a shell needs them. */
void replay_quote(char *text, size_t size, const char *word);

/* The command that repeats a run, as a shell takes it; cut off at size. */
void replay_line(char *text, size_t size, const char *file, uint64_t seed,
                 const char *const *defects, uint32_t defect_count);

#endif
