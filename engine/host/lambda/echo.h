/*
 * Echoes: invocations that a function carries out though the service knows
 * nothing of them any more. One was delivered a second time; or the service
 * took it for lost while its process stood still, and then the process goes
 * on. What they ask is answered as anybody is answered; what they return is
 * heard by nobody.
 *
 *     service --event--> process      an echo has the same event, or a copy:
 *                  `---> process      the same id, the same token
 */
#ifndef ENGINE_HOST_LAMBDA_ECHO_H
#define ENGINE_HOST_LAMBDA_ECHO_H

#include "engine/host/lambda/host.h"

struct lambda_echo {
    char id[LAMBDA_REQUEST_ID_SIZE]; /* "": there is none */
    uint64_t run;
    uint64_t deadline_ns; /* then its process is ended */
    bool stands;          /* its process stands still */
    bool first;           /* it is heard before the one that it repeats */
    bool scripted;        /* the host's hooks answer it, not the service */
    unsigned char *event; /* on the heap; NULL: it has been given */
    size_t event_size;
    struct lambda_echo *next; /* that waits for a process as well */
};

/* A copy of an invocation with its event; NULL: out of memory. */
struct lambda_echo *lambda_echo_new(const struct lambda_invocation *invocation,
                                    const void *event, size_t size);
/* One of an event alone, without an id; NULL: out of memory. */
struct lambda_echo *lambda_echo_of(const void *event, size_t size);
void lambda_echo_free(struct lambda_echo *echo);

#endif
