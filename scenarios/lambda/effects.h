/*
 * The options about side effects of functions: which requests and lines are
 * some, and what is answered to the requests.
 */
#ifndef SCENARIOS_LAMBDA_EFFECTS_H
#define SCENARIOS_LAMBDA_EFFECTS_H

#include "engine/host/lambda/outgoing.h"
#include "scenarios/options.h"

enum {
    LAMBDA_REFUSED_MAX = 16
};

/* As they are given. */
struct lambda_effects_texts {
    const struct option_texts *effects; /* [METHOD ]URL[=NAME] */
    const struct option_texts *answers; /* NAME=FILE|STATUS */
    const struct option_texts *lines;   /* NAME=REGEX */
    bool forwards;
    bool lets; /* requests that are none */
};

struct lambda_effects {
    struct lambda_outgoing outgoing;
    void *bodies[LAMBDA_RULES_MAX]; /* of answers */
    uint32_t body_count;
    char *refused[LAMBDA_REFUSED_MAX]; /* said once */
    uint32_t refused_count;
};

/* False: what is wrong has been said on stderr. Free them in any case. */
bool lambda_effects_read(struct lambda_effects *effects,
                         const struct lambda_effects_texts *texts);
void lambda_effects_free(struct lambda_effects *effects);

/* Says on stderr that a request was refused, once for each. */
void lambda_effects_refused(struct lambda_effects *effects,
                            const char *function, const char *method,
                            const char *url, const char *why);

#endif
