/*
 * What executions, checkpoints and callbacks are called in the Lambda API.
 * All of it can be made and taken apart without a table: an execution's id
 * holds its run, a token the run and the engine's token, and each a check that
 * tells what was mistyped or made up.
 *
 *     arn:aws:lambda:REGION:ACCOUNT:function:F:$LATEST/durable-execution/N/ID
 */
#ifndef ENGINE_HOST_LAMBDA_NAMES_H
#define ENGINE_HOST_LAMBDA_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LAMBDA_FUNCTION_MAX = 64,   /* characters of a function's name */
    LAMBDA_EXECUTION_MAX = 64,  /* of an execution's */
    LAMBDA_QUALIFIER_MAX = 128, /* of an alias; $LATEST, a version */
    LAMBDA_TRACE_MAX = 512,     /* of a trace header */
    LAMBDA_ID_SIZE = 37,        /* with its end */
    LAMBDA_ARN_SIZE = 512,      /* the same */
    LAMBDA_TOKEN_SIZE = 41,     /* the same */
    LAMBDA_REQUEST_ID_SIZE = 37 /* the same */
};

#define LAMBDA_REGION "us-east-1"
#define LAMBDA_ACCOUNT "123456789012"

/* The last part of an execution's ARN. */
void lambda_id_write(uint64_t run, char out[LAMBDA_ID_SIZE]);
/* The run, or 0: it is none. */
uint64_t lambda_id_parse(const char *id);

/* An execution's ARN. */
void lambda_arn_write(const char *function, const char *qualifier,
                      const char *name, uint64_t run,
                      char out[LAMBDA_ARN_SIZE]);
/* A function's, with its qualifier unless that is NULL. */
void lambda_function_arn_write(const char *function, const char *qualifier,
                               char out[LAMBDA_ARN_SIZE]);

struct lambda_arn {
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];
    char name[LAMBDA_EXECUTION_MAX + 1];
    uint64_t run;
};
/* Takes one apart; false: it is no ARN of an execution, or none of ours. */
bool lambda_arn_parse(const char *text, struct lambda_arn *arn);

/*
 * The name in a name, a partial ARN or an ARN of a function, with its
 * qualifier ("" if there is none). False: it is none of them.
 */
bool lambda_function_parse(const char *text,
                           char function[LAMBDA_FUNCTION_MAX + 1],
                           char qualifier[LAMBDA_QUALIFIER_MAX + 1]);
/* A version's number, an alias or $LATEST. */
/* The version that a qualifier stands for: an alias is one of version 1. */
const char *lambda_version(const char *qualifier);
bool lambda_qualifier_ok(const char *text);
/* Letters, digits, hyphens and underscores, from 1 to max. */
bool lambda_name_ok(const char *text, size_t max);

void lambda_token_write(uint64_t run, uint64_t token,
                        char out[LAMBDA_TOKEN_SIZE]);
/* False: it is none that was ever given. */
bool lambda_token_parse(const char *text, uint64_t *run, uint64_t *token);

/* The id of an invocation, as in histories and the Runtime API. */
void lambda_request_id_write(uint64_t run, uint32_t attempt,
                             char out[LAMBDA_REQUEST_ID_SIZE]);

#endif
