/*
 * The Lambda service in a process of its own, without any function's process:
 * whoever asks GET /next is given the event of an invocation that waits, with
 * its id in a header, and answers it at POST /response/ID. Everything else is
 * the service's API.
 */
#ifndef LAMBDA_STAND_H
#define LAMBDA_STAND_H

#include <stdint.h>
#include <sys/types.h>

struct lambda_stand {
    pid_t process;
    int stop; /* closed: it ends */
    uint16_t port;
};

#define LAMBDA_STAND_FUNCTION "load"
#define LAMBDA_STAND_RUN                                                       \
    "Perdure-Run" /* the header with the invocation's id                       \
                   */

/* path: of its database, ":memory:" for none. Ends the bench if it fails. */
void lambda_stand_start(struct lambda_stand *stand, const char *path);
/* Processor time that it has used until now. */
uint64_t lambda_stand_cpu_ns(const struct lambda_stand *stand);
/* Ends it; the most memory it had, in bytes. */
uint64_t lambda_stand_stop(struct lambda_stand *stand);

#endif
