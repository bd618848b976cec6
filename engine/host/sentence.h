#ifndef ENGINE_HOST_SENTENCE_H
#define ENGINE_HOST_SENTENCE_H

/*
 * One line of text for a person, built from parts that strangers wrote. A
 * sentence lives in a buffer of the caller; it never overflows, never stops
 * in the middle of a UTF-8 character, and never lets a control character or
 * a direction mark through, so that a hostile file cannot steer the terminal
 * that shows it. What does not fit is cut off and ends in "...".
 *
 *     char line[128];
 *     struct sentence s;
 *     sentence_init(&s, line, sizeof(line));
 *     sentence_add(&s, "found key ");
 *     sentence_quote(&s, key, strlen(key));
 *     sentence_choices(&s, key, allowed, allowed_count);
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct sentence {
    /* Always terminated. */
    char *text;
    size_t size;
    size_t length;
    /* Non-zero once something did not fit; later parts are dropped. */
    int full;
};

/* Starts an empty sentence in @text, which must hold at least 8 bytes. */
void sentence_init(struct sentence *sentence, char *text, size_t size);

/* Appends as printf does, up to 1,023 bytes; what is unsafe is escaped. */
void sentence_add(struct sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sentence_vadd(struct sentence *sentence, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Appends @length bytes as they are, except that unsafe ones are escaped. */
void sentence_plain(struct sentence *sentence, const char *bytes,
                    size_t length);

/*
 * Appends @length bytes between double quotes, as they would be written in
 * JSON; after 60 characters the rest is shown as "...".
 */
void sentence_quote(struct sentence *sentence, const char *bytes,
                    size_t length);

/*
 * Appends `, allowed "a", "b", "c"` (a long list is shortened, saying how
 * many more there are) and, when one of them is close to @found,
 * `; did you mean "b"?`.
 */
void sentence_choices(struct sentence *sentence, const char *found,
                      const char *const *names, size_t count);

/*
 * The one of @names nearest to @found in single-letter slips (a letter too
 * many, missing, wrong, or two swapped; case does not count), or NULL when
 * none is near enough to be what was meant. The first of equals wins.
 */
const char *sentence_nearest(const char *found, const char *const *names,
                             size_t count);

/*
 * Reads one UTF-8 character of at most @length bytes into @point. Returns its
 * size, 1 to 4, or 0 when the bytes are not valid UTF-8: cut short, longer
 * than needed, a surrogate, or above U+10FFFF.
 */
size_t sentence_decode(const char *bytes, size_t length, uint32_t *point);

#endif
