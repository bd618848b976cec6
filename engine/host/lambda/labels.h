/*
 * What a request of a function is about: the names under which it can be
 * struck. A checkpoint has one for each of its updates.
 */
#ifndef ENGINE_HOST_LAMBDA_LABELS_H
#define ENGINE_HOST_LAMBDA_LABELS_H

#include "engine/host/lambda/host.h"

enum {
    LAMBDA_LABEL_SIZE_MAX = 80,
    LAMBDA_LABELS_MAX = 256
};

struct lambda_label {
    char operation[LAMBDA_LABEL_SIZE_MAX];
    const char *action;
    bool timed;        /* it starts what ends by itself */
    uint64_t delay_ns; /* decided: that is so much later; 0: it is not */
};

struct lambda_labels {
    enum lambda_place place;
    struct lambda_label all[LAMBDA_LABELS_MAX];
    unsigned count;
};

/* Of a request with that path. False: nothing that can be struck. */
bool lambda_labels_request(struct lambda_labels *labels,
                           struct evhttp_request *request, const char *path);
/* One: of an invocation's event or return. */
void lambda_labels_set(struct lambda_labels *labels, enum lambda_place place,
                       const char *name);
/* Asks the host's hook at each of them; the first that is not LAMBDA_PASS.
 * Delays are kept with their labels. */
struct lambda_decision lambda_labels_ask(struct lambda_labels *labels,
                                         const struct lambda_host_config *host,
                                         const char *function, bool after,
                                         uint64_t run);

#endif
