/*
 * What functions ask of others over HTTP, and what they write: which of it is
 * a side effect, under what name, and what is answered in place of the one who
 * was asked. Requests come to the port of the function's environment with the
 * whole address in their first line, as to a proxy; the bootstraps lead them
 * there, and HTTP_PROXY does for what knows it.
 */
#ifndef ENGINE_HOST_LAMBDA_OUTGOING_H
#define ENGINE_HOST_LAMBDA_OUTGOING_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LAMBDA_RULES_MAX = 64,
    LAMBDA_LINES_MAX = 16,
    LAMBDA_RULE_NAME = 80,
    LAMBDA_RULE_METHOD = 16,
    LAMBDA_RULE_URL = 512,
    LAMBDA_ORIGINS_SIZE = 4096
};

/* Requests of one kind. */
struct lambda_rule {
    char method[LAMBDA_RULE_METHOD]; /* "": any */
    char url[LAMBDA_RULE_URL];       /* * stands for any characters; without a
                                        query it takes every query */
    char name[LAMBDA_RULE_NAME];     /* of the effect; "*": the last part of
                                        the path that is asked */
};

/* What is answered in place of the one who was asked. */
struct lambda_response {
    int status;
    const void *body;
    size_t size;
};

/* Lines that tell of an effect. */
struct lambda_line_rule {
    char name[LAMBDA_RULE_NAME];
    regex_t regex;
};

struct lambda_outgoing {
    struct lambda_rule rules[LAMBDA_RULES_MAX];
    uint32_t rule_count;
    struct lambda_line_rule lines[LAMBDA_LINES_MAX];
    uint32_t line_count;
    bool intercepts; /* requests are led here; else they go their way */
    bool lets;       /* those without a rule are passed on, not refused */
    bool forwards;   /* those with one as well */
};

/*
 * "[METHOD ]URL[=NAME]", as "POST http://bank.example/charges*=charge"; the
 * name without one is the last part of the URL that has no *. False with a
 * sentence.
 */
bool lambda_rule_read(struct lambda_rule *rule, const char *text,
                      char error[256]);
/* "NAME=REGEX", a POSIX extended regular expression. False with a sentence,
 * and then nothing is to be freed. */
bool lambda_line_read(struct lambda_line_rule *line, const char *text,
                      char error[256]);
void lambda_line_free(struct lambda_line_rule *line);

/* The first rule that takes a request; NULL: none. */
const struct lambda_rule *
lambda_outgoing_find(const struct lambda_outgoing *outgoing, const char *method,
                     const char *url);
/* Whether a request that the rule takes is a side effect: others than GET,
 * HEAD and OPTIONS, unless the rule names the method. */
bool lambda_rule_counts(const struct lambda_rule *rule, const char *method);
/* The effect's name in a request that the rule takes. */
void lambda_rule_name(const struct lambda_rule *rule, const char *url,
                      char out[LAMBDA_RULE_NAME]);
/* The effect of a line; NULL: none. */
const char *lambda_outgoing_line(const struct lambda_outgoing *outgoing,
                                 const char *text, size_t size);

/*
 * For the bootstraps, which requests to lead here: the part of each URL before
 * its path, with a space between; "*" if all are.
 */
void lambda_outgoing_origins(const struct lambda_outgoing *outgoing,
                             char out[LAMBDA_ORIGINS_SIZE]);

#endif
