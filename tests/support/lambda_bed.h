/*
 * The Lambda service without a network and without processes: calls as clients
 * make them, invocations as an environment answers them. It serves "order", a
 * durable function, and "plain". Invocations are taken at once; the last one's
 * event is kept. All functions assert.
 */
#ifndef LAMBDA_BED_H
#define LAMBDA_BED_H

#include "engine/host/lambda/service.h"

#define LAMBDA_BED_SECOND UINT64_C(1000000000)
#define LAMBDA_BED_START (UINT64_C(1767225600) * LAMBDA_BED_SECOND)

enum {
    LAMBDA_BED_BODY = 1 << 16
};

/* A call and its answer. */
struct lambda_answered {
    struct lambda_call call;
    int status; /* 0: not yet */
    char exception[64];
    char body[LAMBDA_BED_BODY]; /* its beginning, with an end mark */
    size_t size;                /* of all of it */
};

struct lambda_bed {
    struct lambda_service *service;
    struct lambda_invocation *invocation; /* the last one given */
    char event[LAMBDA_BED_BODY];
    uint32_t events;
    uint32_t wanted;
    char callback[64]; /* the id of the last one made */
    uint64_t now_ns;
    const char *path;                   /* of the store; NULL: in memory */
    const struct engine_limits *limits; /* NULL: the first profile */
    const struct lambda_rates *rates;
    char why[LAMBDA_SERVICE_WHY_SIZE]; /* there is no service */
};

/* Start the bed as {0}; path, limits and rates may be set. */
void lambda_bed_open(struct lambda_bed *bed);
/* Ends the service as a crash would, and begins another over the same file. */
void lambda_bed_reopen(struct lambda_bed *bed);
void lambda_bed_close(struct lambda_bed *bed);

void lambda_bed_turn(struct lambda_bed *bed);
/* Goes to whatever is due next. */
void lambda_bed_skip(struct lambda_bed *bed);
/* The same until that many events have been given. */
void lambda_bed_skip_to_event(struct lambda_bed *bed, uint32_t events);
void lambda_bed_pass(struct lambda_bed *bed, uint64_t ns);

/* A call that is to be made; the caller frees it. */
struct lambda_answered *lambda_bed_call(void);
struct lambda_answered *lambda_bed_invoke(struct lambda_bed *bed,
                                          const char *function,
                                          const char *name,
                                          const char *payload);
/* The same without waiting for its end. */
void lambda_bed_begin(struct lambda_bed *bed, const char *function,
                      const char *name, const char *payload);
/* The text of a member in the event or in an answer. */
void lambda_bed_member(const char *json, const char *key, char *out,
                       size_t room);
/* Of the event's execution. updates: a list; NULL: none. token NULL: the
 * event's. */
struct lambda_answered *lambda_bed_checkpoint(struct lambda_bed *bed,
                                              const char *token,
                                              const char *client,
                                              const char *updates);
/* The function answers its invocation. */
void lambda_bed_respond(struct lambda_bed *bed, const char *body);
/* What the service says of an execution or its history. */
struct lambda_answered *lambda_bed_get(struct lambda_bed *bed, const char *arn);
struct lambda_answered *lambda_bed_history(struct lambda_bed *bed,
                                           const char *arn);
struct lambda_answered *lambda_bed_list(struct lambda_bed *bed,
                                        const char *function);

#endif
