/*
 * The functions that a command hosts: where the file of a handler is, what
 * language it is in, and with which program it is run.
 */
#ifndef SCENARIOS_LAMBDA_PROGRAMS_H
#define SCENARIOS_LAMBDA_PROGRAMS_H

#include "engine/host/lambda/host.h"
#include "scenarios/lambda/runtimes.h"

enum {
    LAMBDA_PROGRAMS_MAX = LAMBDA_FUNCTIONS_MAX,
    LAMBDA_PROGRAMS_ERROR = 640
};

/* Texts of one program; the program's pointers lead here. */
struct lambda_program_texts {
    char name[LAMBDA_FUNCTION_MAX + 1];
    char directory[PATH_MAX];
    char handler[PATH_MAX];
    struct lambda_command command;
    struct lambda_program lists; /* owned */
};

struct lambda_programs {
    struct lambda_program programs[LAMBDA_PROGRAMS_MAX];
    struct lambda_program_texts texts[LAMBDA_PROGRAMS_MAX];
    uint32_t count;
    struct lambda_runtimes runtimes;   /* text and node: the caller's */
    char error[LAMBDA_PROGRAMS_ERROR]; /* why the last one was refused */
};

/*
 * Adds one: path is "FILE.mjs" (its export handler), "FILE.EXPORT" as Lambda
 * has it, or a program that speaks the Runtime API. function: its name is
 * copied. An exit code of command.h; what is wrong has been said on stderr.
 * memory_mb 0: without a limit.
 */
int lambda_programs_add(struct lambda_programs *set, const char *path,
                        const struct lambda_function *function,
                        uint32_t memory_mb);
/*
 * Adds one that is declared: its handler and its directory are seen from the
 * given one. Its command and environment are the set's from now on, and taken
 * out of it; the rest is copied. An exit code; set->error says why.
 */
int lambda_programs_put(struct lambda_programs *set,
                        struct lambda_program *program, const char *directory);
void lambda_programs_free(struct lambda_programs *set);
/* Frees command and environment of one that is in no set, with their texts. */
void lambda_programs_free_lists(struct lambda_program *program);

/* The name of a function, made of its handler's: letters that may stand. */
void lambda_programs_name(const char *path, char name[LAMBDA_FUNCTION_MAX + 1]);

#endif
