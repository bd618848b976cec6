#include "engine/host/lambda/echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lambda_echo *lambda_echo_of(const void *event, size_t size)
{
    struct lambda_echo *echo = calloc(1, sizeof(*echo));

    if (!echo)
        return NULL;
    echo->event_size = size;
    echo->event = malloc(size ? size : 1);
    if (echo->event && size > 0)
        memcpy(echo->event, event, size);
    if (echo->event)
        return echo;
    free(echo);
    return NULL;
}

struct lambda_echo *lambda_echo_new(const struct lambda_invocation *invocation,
                                    const void *event, size_t size)
{
    struct lambda_echo *echo = lambda_echo_of(event, size);

    if (!echo)
        return NULL;
    snprintf(echo->id, sizeof(echo->id), "%s",
             lambda_invocation_id(invocation));
    echo->run = lambda_invocation_run(invocation);
    echo->deadline_ns = lambda_invocation_deadline(invocation);
    return echo;
}

void lambda_echo_free(struct lambda_echo *echo)
{
    if (echo)
        free(echo->event);
    free(echo);
}
