/*
 * Takes secrets out of JSON before it is written anywhere: a value whose
 * place matches one of the patterns becomes "[REDACTED]", whatever it was.
 * Every other byte stays as it is, blanks and order included.
 *
 *     password            the member password of any object, at any depth
 *     **.token            the same, said with a path
 *     $.card.number       this one value only
 *     items[*].secret     of every element of any member items
 *     $.users.*.key       of every member of users
 *     $["a b"][0]         keys with other characters; one element
 *
 * $ stands for the whole value, ** for any levels or none, * for any one key
 * and [*] for any one element. A pattern that does not begin with $ matches
 * at any depth. Keys are compared by what they stand for: "pass\u0077ord" is
 * password. Case counts.
 *
 * A string that itself holds a JSON object or array (a body inside an
 * envelope) is looked into as well: the patterns without $ apply inside it,
 * and so do paths that lead through it.
 *
 * Text that is not JSON cannot be searched, so with any pattern it is refused
 * rather than written. Without a pattern everything passes.
 *
 * Digests are of the bytes before redaction: take them first.
 */
#ifndef ENGINE_HOST_REDACT_H
#define ENGINE_HOST_REDACT_H

#include <stddef.h>

enum redact_code {
    REDACT_EPATTERN = -1, /* a pattern that cannot be read */
    REDACT_ETEXT = -2,    /* not JSON: must not be written */
    REDACT_ENOMEM = -3
};

enum {
    REDACT_PATTERNS_MAX = 64,
    REDACT_STEPS_MAX = 32, /* of one pattern */
    REDACT_INSIDE_MAX = 4  /* strings of JSON in strings of JSON */
};

struct redact;

/*
 * Reads patterns; copies them. 0 and *redact, to be freed by the caller; or
 * REDACT_EPATTERN with *wrong the index of the pattern, REDACT_ENOMEM.
 */
int redact_new(const char *const *patterns, size_t count,
               struct redact **redact, size_t *wrong);
void redact_free(struct redact *redact);

/* Bytes that the caller frees with free(data). */
struct redact_bytes {
    char *data;
    size_t size;
    size_t count; /* values that were taken out */
};

/*
 * Writes *out, `size` bytes of JSON without what the patterns match. 0; or
 * REDACT_ETEXT with *offset the byte where it is not JSON and *why in words;
 * REDACT_ENOMEM. Nothing is allocated then. *why is constant.
 */
int redact_apply(const struct redact *redact, const char *json, size_t size,
                 struct redact_bytes *out, size_t *offset, const char **why);

#endif
