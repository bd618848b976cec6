#include "reports/content.h"

#include <assert.h>
#include <string.h>

#include "engine/store.h"
#include "reports/format.h"

/* A line of the outermost object: strings of JSON hold no line's end. */
static const char before[] = "\n  \"content_digest\": \"";

enum {
    DIGITS = sizeof(REPORT_CONTENT_ZEROS) - 1,
    BEFORE = sizeof(before) - 1
};

/* Where its digits are; NULL: nowhere. */
static const char *place(const char *text, size_t size)
{
    const char *found = memmem(text, size, before, BEFORE);
    if (!found || size - (size_t)(found - text) < BEFORE + DIGITS)
        return NULL;
    return found + BEFORE;
}

/* Of the text with zeros in the place: the hashes of its parts, hashed. */
static const char *digest_of(const char *text, size_t size, const char *at,
                             struct report_word *word)
{
    const char *after = at + DIGITS;
    size_t left = size - (size_t)(after - text);
    struct engine_hash parts[2] = {
        engine_hash_bytes(text, (size_t)(at - text)),
        engine_hash_bytes(after, left),
    };
    return report_format_digest(word, engine_hash_bytes(parts, sizeof(parts)));
}

void report_content_seal(char *text, size_t size)
{
    struct report_word word;
    const char *at = place(text, size);
    assert(at);
    memcpy(text + (at - text), digest_of(text, size, at, &word), DIGITS);
}

enum report_content report_content_check(const char *text, size_t size)
{
    struct report_word word;
    const char *at = place(text, size);
    if (!at)
        return REPORT_CONTENT_ABSENT;
    return memcmp(at, digest_of(text, size, at, &word), DIGITS) == 0
               ? REPORT_CONTENT_HOLDS
               : REPORT_CONTENT_DIFFERS;
}
