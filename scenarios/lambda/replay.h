/*
 * A recorded history against the code as it is now. An invocation begins at
 * each event of the history, with the state that the execution had then; the
 * code must ask for the operations that the history goes on with, and end as it
 * ended.
 *
 *     history up to event n --> code --asks--> compared with event n + 1 ..
 *
 * What a step does in the code is not compared, as it may differ each time:
 * once it comes to something else than was recorded, the rest says nothing,
 * and the next event is tried.
 */
#ifndef SCENARIOS_LAMBDA_REPLAY_H
#define SCENARIOS_LAMBDA_REPLAY_H

#include "reports/buffer.h"
#include "scenarios/lambda/recorded.h"
#include "scenarios/lambda/trial.h"

#define LAMBDA_REPLAY_SCHEMA "perdure.lambda-replay/1"

enum {
    LAMBDA_ASKED_SIZE = 200,
    LAMBDA_DIFFERENCE_SIZE = 640
};

struct lambda_replay {
    uint32_t events;
    uint32_t operations;
    uint32_t begun; /* invocations that were tried */
    bool differs;
    uint32_t event;     /* the one before it began, from 1; if it differs */
    uint32_t operation; /* of the history; 0: none */
    char recorded[LAMBDA_ASKED_SIZE]; /* "STEP charge"; "": none */
    char asked[LAMBDA_ASKED_SIZE];    /* the same of the code */
    char why[LAMBDA_DIFFERENCE_SIZE]; /* a sentence without its point */
};

/* Stops at the first difference. 0; -1: out of memory, or interrupted. */
int lambda_replay_run(struct lambda_bench *bench,
                      struct lambda_recorded *recorded,
                      struct lambda_replay *replay);

/* For a terminal, and as JSON. */
void lambda_replay_text(const struct lambda_replay *replay, const char *path,
                        struct report_buffer *out);
void lambda_replay_json(const struct lambda_replay *replay,
                        struct report_buffer *out);

#endif
