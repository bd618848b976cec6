#include "tests/support/cause_check.h"

#include <stdio.h>
#include <string.h>

#include "engine/cause.h"
#include "engine/platform_codes.h"

static bool is(struct engine_text text, const char *word)
{
    return strlen(word) == text.size && memcmp(word, text.text, text.size) == 0;
}

/* The row of a line, or NULL. */
static const struct engine_platform_code *row_of(const char *kind,
                                                 struct engine_text line)
{
    struct engine_cause cause = engine_cause_of(line);
    char code[SIM_WORDS_MAX];
    snprintf(code, sizeof(code), "%.*s", (int)cause.code.size,
             cause.code.text ? cause.code.text : "");
    const struct engine_platform_code *row =
        cause.code.size ? engine_platform_code_find(kind, code) : NULL;
    return row && is(cause.layer, row->layer) && cause.words.size ? row : NULL;
}

const char *cause_fault(const char *kind, const struct sim_cause *cause)
{
    const struct engine_platform_code *row = NULL;
    struct engine_text line;
    if (!cause)
        return NULL;
    size_t size = strnlen(cause->words, sizeof(cause->words));
    for (size_t at = 0; engine_cause_next(cause->words, size, &at, &line);) {
        row = row_of(kind, line);
        if (!row)
            return "a line is not \"layer: CODE: words\" with a known code";
    }
    if (!row)
        return "a cause has no words";
    return row->error == cause->error ? NULL : "its class is not the root's";
}
