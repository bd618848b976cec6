/*
 * Faults that wait for the executions of a service, as its user has asked for
 * them. One strikes the first execution that comes to its boundary for the
 * N-th time, and that execution alone, as often in a row as it says.
 */
#ifndef SCENARIOS_LAMBDA_FAULTS_H
#define SCENARIOS_LAMBDA_FAULTS_H

#include "engine/host/json.h"
#include "engine/host/json_write.h"
#include "scenarios/lambda/plan.h"

struct lambda_faults;

/* NULL: out of memory. */
struct lambda_faults *lambda_faults_new(void);
void lambda_faults_free(struct lambda_faults *faults);

/*
 * Adds one: {"at": BOUNDARY, "fault": NAME, "times": N, "function": NAME}, the
 * last two optional. Its number, or 0: *err.
 */
uint32_t lambda_faults_add(struct lambda_faults *faults,
                           struct json_view declared, struct json_error *err);
/* 0: all. False: there is none with this number. */
bool lambda_faults_remove(struct lambda_faults *faults, uint32_t number);

/* As an array, or one of them as an object. */
void lambda_faults_write(const struct lambda_faults *faults, const char *name,
                         struct json_writer *w);
void lambda_faults_write_one(const struct lambda_faults *faults,
                             uint32_t number, struct json_writer *w);
uint32_t lambda_faults_count(const struct lambda_faults *faults);

/* The hook of the host. */
void lambda_faults_boundary(struct lambda_faults *faults,
                            const struct lambda_boundary *boundary,
                            struct lambda_decision *decision);

/*
 * Reads a boundary as tables name it: "after charge SUCCEED #1", the number 1
 * if it is left out. False: it is none.
 */
bool lambda_point_read(const char *text, struct lambda_point *point);

#endif
