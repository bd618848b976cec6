/*
 * Walks over a JSON text of any origin, value by value, in order: no tree, no
 * memory, no recursion. Strict: RFC 8259 to the letter, valid UTF-8, nothing
 * but blanks after the value, at most ENGINE_JSON_DEPTH levels. A key may
 * stand twice in an object, and an escape may be half of a pair: both are
 * seen in the wild and have a stored form.
 *
 *     struct engine_json_walk walk;
 *     struct engine_json_value value;
 *
 *     engine_json_start(&walk, text, size);
 *     while (engine_json_next(&walk, &value))
 *         if (value.kind == ENGINE_JSON_STRING)
 *             ... text + value.begin up to text + value.end, with quotes
 *     if (walk.fault)
 *         ... not JSON, because of walk.fault at byte walk.at
 */
#ifndef ENGINE_JSON_WALK_H
#define ENGINE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ENGINE_JSON_DEPTH = 128
};

enum engine_json_kind {
    ENGINE_JSON_STRING = 1,
    ENGINE_JSON_NUMBER,
    ENGINE_JSON_WORD, /* true, false, null */
    ENGINE_JSON_OBJECT,
    ENGINE_JSON_ARRAY,
    ENGINE_JSON_END /* of the object or array begun last */
};

/* Bytes begin to end; of OBJECT and ARRAY only the bracket, as of END. */
struct engine_json_value {
    enum engine_json_kind kind;
    size_t begin;
    size_t end;
};

/* An object or array that is open: where in it the value stands. */
struct engine_json_level {
    size_t key; /* of the member, between its quotes, with its escapes */
    size_t key_size;
    uint64_t index; /* of the element, from 0 */
    bool array;
    bool begun; /* it has a value already */
};

struct engine_json_walk {
    const char *text;
    size_t size;
    size_t at;         /* read up to here; where a fault is */
    const char *fault; /* what was found, for people; NULL: none */
    uint32_t depth;    /* of levels; a value's own place is the last of them */
    bool over;         /* the outermost value has ended */
    struct engine_json_level levels[ENGINE_JSON_DEPTH];
};

/* The text stays the caller's, and must stay until the end. */
void engine_json_start(struct engine_json_walk *walk, const char *text,
                       size_t size);
/*
 * The next value. False at the end and at a fault: see walk->fault. When it
 * returns an OBJECT or ARRAY the level it opens is not yet among the levels
 * that lead to it; engine_json_path() of it is its own place.
 */
bool engine_json_next(struct engine_json_walk *walk,
                      struct engine_json_value *value);
/*
 * How many of walk->levels lead to the value returned last: those of its
 * containers, and none of the one that it opens itself.
 */
uint32_t engine_json_place(const struct engine_json_walk *walk,
                           const struct engine_json_value *value);

/*
 * The place of the value as "$.items[3].uri", keys with other characters than
 * letters, digits and _ as $["a b"]; cut off with "..." if it does not fit.
 * size at least 8. Returns text.
 */
const char *engine_json_path(const struct engine_json_walk *walk,
                             const struct engine_json_value *value, char *text,
                             size_t size);

/*
 * The next byte of what a string between its quotes stands for, escapes
 * resolved; *at moves on. -1 at the end. A half pair gives the three bytes
 * that it would have in UTF-8. rest is 0 at the start, and the caller's to
 * keep.
 */
int engine_json_byte(const char *string, size_t size, size_t *at,
                     uint32_t *rest);
/* Whether such a string stands for exactly these bytes. */
bool engine_json_equal(const char *string, size_t size, const char *bytes,
                       size_t count);

#endif
