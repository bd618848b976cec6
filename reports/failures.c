#include "reports/failures.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct engine_text text, size_t at)
{
    while (at < text.size && is_digit(text.text[at]))
        at++;
    return at;
}

/* Whether two texts differ in numbers at most. */
static bool is_alike(struct engine_text a, struct engine_text b)
{
    size_t i = 0, k = 0;
    while (i < a.size && k < b.size) {
        bool number = is_digit(a.text[i]) && is_digit(b.text[k]);
        if (!number && a.text[i] != b.text[k])
            return false;
        i = number ? skip_digits(a, i) : i + 1;
        k = number ? skip_digits(b, k) : k + 1;
    }
    return i == a.size && k == b.size;
}

static struct report_failure *find(struct report_failures *failures,
                                   const struct engine_item *end)
{
    struct engine_text root =
        engine_cause_root(engine_item_payload(end), end->size);
    for (uint32_t i = 0; i < failures->count; i++) {
        struct report_failure *failure = &failures->list[i];
        if (failure->error == end->a &&
            is_alike(engine_cause_root(failure->chain, failure->size), root))
            return failure;
    }
    return NULL;
}

static void add(struct report_failures *failures, uint64_t run,
                const struct engine_item *end)
{
    struct report_failure *failure = find(failures, end);
    if (!failure && failures->count == REPORT_FAILURES_MAX) {
        failures->others++;
        return;
    }
    if (!failure) {
        failure = &failures->list[failures->count++];
        failure->run = run;
        failure->error = (uint32_t)end->a;
        failure->size = (uint32_t)engine_cause_wrap(
            failure->chain, (struct engine_text){"", 0},
            engine_item_payload(end), end->size);
    }
    failure->count++;
}

void report_failures_hear(struct report_failures *failures,
                          const struct engine_request *request,
                          const struct engine_reply *reply)
{
    if (request->kind != ENGINE_REQ_APPEND ||
        reply->outcome != ENGINE_COMMITTED ||
        request->state != ENGINE_RUN_FAILED)
        return;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type == ENGINE_ITEM_EVENT &&
            item->kind == ENGINE_EV_RUN_FAILED)
            add(failures, request->run, item);
    }
}
