#include "sim/platform/cause.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/platform_codes.h"

/* Where the next line begins, so that one of this size fits. */
static size_t place(struct sim_cause *cause, size_t size)
{
    size_t at = strlen(cause->words);
    while (at > 0 && at + 1 + size >= SIM_WORDS_MAX) {
        char *last = strrchr(cause->words, '\n');
        at = last ? (size_t)(last - cause->words) : 0;
        cause->words[at] = '\0';
    }
    if (at > 0)
        cause->words[at++] = '\n';
    cause->words[at] = '\0';
    return at;
}

void sim_cause_add(struct sim_cause *cause, const char *platform,
                   const char *code, const char *format, ...)
{
    const struct engine_platform_code *row =
        engine_platform_code_find(platform, code);
    assert(row);
    /* ": " twice, and a few words */
    size_t at = place(cause, strlen(row->layer) + strlen(code) + 4 + 16);
    int head = snprintf(cause->words + at, SIM_WORDS_MAX - at,
                        "%s: %s: ", row->layer, code);
    va_list arguments;
    assert(head > 0 && at + (size_t)head < SIM_WORDS_MAX);
    at += (size_t)head;
    va_start(arguments, format);
    vsnprintf(cause->words + at, SIM_WORDS_MAX - at, format, arguments);
    va_end(arguments);
    cause->error = row->error;
}
