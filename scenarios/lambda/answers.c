#include "scenarios/lambda/answers.h"

#define MOMENT UINT64_C(1000000)

/* When it ends if nobody says anything. */
static uint64_t limit_of(const struct lambda_callback *callback)
{
    return callback->heartbeat_ns &&
                   (!callback->timeout_ns ||
                    callback->heartbeat_ns < callback->timeout_ns)
               ? callback->heartbeat_ns
               : callback->timeout_ns;
}

/* As many heartbeats as fit before the callback's end, each just in time, and
 * then the answer. */
static uint32_t beat(const struct lambda_callback *callback,
                     const struct lambda_reply *usual,
                     struct lambda_reply out[LAMBDA_REPLIES_MAX])
{
    const uint64_t pause = callback->heartbeat_ns - MOMENT;
    uint64_t last = usual->after_ns < pause ? usual->after_ns : pause;
    uint32_t count = 0;

    while (count + 1 < LAMBDA_REPLIES_MAX &&
           (!callback->timeout_ns ||
            (count + 1) * pause + last < callback->timeout_ns)) {
        out[count] = (struct lambda_reply){(count + 1) * pause,
                                           LAMBDA_CALLBACK_HEARTBEAT};
        count++;
    }
    out[count] = (struct lambda_reply){count * pause + last, usual->end};
    return count + 1;
}

uint32_t lambda_answers_plan(enum lambda_fault fault,
                             const struct lambda_callback *callback,
                             const struct lambda_reply *usual,
                             struct lambda_reply out[LAMBDA_REPLIES_MAX])
{
    const uint64_t limit = limit_of(callback);

    out[0] = *usual;
    switch (fault) {
    case LAMBDA_FAULT_CALLBACK_FIRST:
        out[0].after_ns = 0;
        return 1;
    case LAMBDA_FAULT_CALLBACK_EARLY:
        out[0].after_ns = limit - MOMENT;
        return 1;
    case LAMBDA_FAULT_CALLBACK_SAME:
        out[0].after_ns = limit;
        return 1;
    case LAMBDA_FAULT_CALLBACK_LATE:
        out[0].after_ns = limit + MOMENT;
        return 1;
    case LAMBDA_FAULT_CALLBACK_TWICE:
        out[1] = *usual;
        return 2;
    case LAMBDA_FAULT_CALLBACK_FAIL:
        out[0].end = usual->end == LAMBDA_CALLBACK_FAIL
                         ? LAMBDA_CALLBACK_SUCCEED
                         : LAMBDA_CALLBACK_FAIL;
        return 1;
    case LAMBDA_FAULT_CALLBACK_NEVER:
        return 0;
    case LAMBDA_FAULT_HEARTBEAT_EARLY:
        return beat(callback, usual, out);
    case LAMBDA_FAULT_HEARTBEAT_LATE:
        out[0] = (struct lambda_reply){callback->heartbeat_ns + MOMENT,
                                       LAMBDA_CALLBACK_HEARTBEAT};
        out[1] = (struct lambda_reply){callback->heartbeat_ns + 2 * MOMENT,
                                       usual->end};
        return 2;
    default:
        return 1;
    }
}
