#include "scenarios/report_number.h"

#include <errno.h>
#include <stdlib.h>

/* Digits and nothing else; from 2^64 on it is none. */
static bool parse(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

bool report_number_as(struct json_view view, uint64_t max, uint64_t *number,
                      struct json_error *err)
{
    const char *text;
    int64_t small = 0;
    uint64_t found;
    if (!json_is_string(view)) {
        if (!json_as_int(view, 0, JSON_INT_MAX, &small, err))
            return false;
        found = (uint64_t)small;
    } else if (!json_as_string(view, 1, 20, &text, err)) {
        return false;
    } else if (!parse(text, &found)) {
        return json_fail(
            view, err, "found \"%s\", allowed a whole number below 2^64", text);
    }
    if (found > max)
        return json_fail(view, err,
                         "found %ju, allowed a whole number of at most %ju",
                         (uintmax_t)found, (uintmax_t)max);
    *number = found;
    return true;
}

bool report_number_get(struct json_view object, const char *key, uint64_t max,
                       uint64_t *number, struct json_error *err)
{
    struct json_view view;
    return json_get(object, key, JSON_REQUIRED, &view, err) &&
           report_number_as(view, max, number, err);
}
