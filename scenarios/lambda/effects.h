/*
 * The options about side effects of functions: which requests and lines are
 * some, and what is answered to the requests.
 */
#ifndef SCENARIOS_LAMBDA_EFFECTS_H
#define SCENARIOS_LAMBDA_EFFECTS_H

#include "engine/host/lambda/outgoing.h"
#include "scenarios/options.h"

enum {
    LAMBDA_REFUSED_MAX = 16,
    LAMBDA_RESPONSES_MAX = 64
};

/* As they are given. */
struct lambda_effects_texts {
    const struct option_texts *effects; /* [METHOD ]URL[=NAME] */
    const struct option_texts *answers; /* NAME=FILE|STATUS */
    const struct option_texts *lines;   /* NAME=REGEX */
    bool forwards;
    bool lets; /* requests that are none */
};

/* An answer to requests of a name: the first of that name to the first
 * request, the last to all that are left. */
struct lambda_effect_reply {
    char name[LAMBDA_RULE_NAME];
    struct lambda_response reply;
    void *file; /* its body; NULL: it has none */
    bool given; /* in this run */
};

struct lambda_effects {
    struct lambda_outgoing outgoing;
    struct lambda_effect_reply replies[LAMBDA_RESPONSES_MAX];
    uint32_t reply_count;
    char *refused[LAMBDA_REFUSED_MAX]; /* said once */
    uint32_t refused_count;
};

/* False: what is wrong has been said on stderr. Free them in any case. */
bool lambda_effects_read(struct lambda_effects *effects,
                         const struct lambda_effects_texts *texts);
void lambda_effects_free(struct lambda_effects *effects);

/* A run begins: no answer was given. */
void lambda_effects_begin(struct lambda_effects *effects);
/* The next answer to a request of this name; left alone if there is none. */
void lambda_effects_reply(struct lambda_effects *effects, const char *name,
                          struct lambda_response *reply);

/* Says on stderr that a request was refused, once for each. */
void lambda_effects_refused(struct lambda_effects *effects,
                            const char *function, const char *method,
                            const char *url, const char *why);

#endif
