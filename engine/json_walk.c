#include "engine/json_walk.h"

#include <stdio.h>
#include <string.h>

void engine_json_start(struct engine_json_walk *walk, const char *text,
                       size_t size)
{
    walk->text = text;
    walk->size = size;
    walk->at = 0;
    walk->fault = NULL;
    walk->depth = 0;
    walk->over = false;
}

static bool fail(struct engine_json_walk *walk, const char *found)
{
    walk->fault = found;
    return false;
}

/* The byte here, or -1 at the end. */
static int peek(const struct engine_json_walk *walk)
{
    return walk->at < walk->size ? (unsigned char)walk->text[walk->at] : -1;
}

static void skip_blanks(struct engine_json_walk *walk)
{
    int c = peek(walk);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        walk->at++;
        c = peek(walk);
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int hex_digit(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes of the valid UTF-8 character at text, above 0x7f; 0: it is none. */
static size_t character(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t need = at[0] < 0xc2   ? 0
                  : at[0] < 0xe0 ? 2
                  : at[0] < 0xf0 ? 3
                  : at[0] < 0xf5 ? 4
                                 : 0;
    if (need == 0 || need > size)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool wrong = (at[0] == 0xe0 && at[1] < 0xa0) ||  /* too long */
                 (at[0] == 0xed && at[1] >= 0xa0) || /* half a pair */
                 (at[0] == 0xf0 && at[1] < 0x90) ||  /* too long */
                 (at[0] == 0xf4 && at[1] >= 0x90);   /* above U+10FFFF */
    return wrong ? 0 : need;
}

/* After the backslash. */
static bool read_escape(struct engine_json_walk *walk)
{
    int c = peek(walk);
    if (c < 0)
        return fail(walk, "a string without an end");
    if (c == 0 || !strchr("\"\\/bfnrtu", c))
        return fail(walk, "an escape that is none");
    walk->at++;
    for (int i = 0; c == 'u' && i < 4; i++, walk->at++)
        if (hex_digit(peek(walk)) < 0)
            return fail(walk, "\\u without four hexadecimal digits");
    return true;
}

/* From the opening quote to behind the closing one. */
static bool read_string(struct engine_json_walk *walk)
{
    walk->at++;
    for (;;) {
        int c = peek(walk);
        if (c < 0)
            return fail(walk, "a string without an end");
        if (c < 0x20)
            return fail(walk, "a control character in a string");
        size_t size = 1;
        if (c > 0x7f)
            size = character(walk->text + walk->at, walk->size - walk->at);
        if (size == 0)
            return fail(walk, "bytes that are not UTF-8");
        walk->at += size;
        if (c == '"')
            return true;
        if (c == '\\' && !read_escape(walk))
            return false;
    }
}

static bool read_digits(struct engine_json_walk *walk)
{
    if (!is_digit(peek(walk)))
        return fail(walk, "a number without a digit");
    while (is_digit(peek(walk)))
        walk->at++;
    return true;
}

static bool read_number(struct engine_json_walk *walk)
{
    if (peek(walk) == '-')
        walk->at++;
    if (peek(walk) == '0')
        walk->at++;
    else if (!read_digits(walk))
        return false;
    if (is_digit(peek(walk)))
        return fail(walk, "a number with a leading zero");
    if (peek(walk) == '.') {
        walk->at++;
        if (!read_digits(walk))
            return false;
    }
    if (peek(walk) == 'e' || peek(walk) == 'E') {
        walk->at++;
        if (peek(walk) == '+' || peek(walk) == '-')
            walk->at++;
        return read_digits(walk);
    }
    return true;
}

static bool read_word(struct engine_json_walk *walk)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if (walk->size - walk->at >= size &&
            memcmp(walk->text + walk->at, words[i], size) == 0) {
            walk->at += size;
            return true;
        }
    }
    return fail(walk, "no value");
}

static bool open_level(struct engine_json_walk *walk, bool array)
{
    if (walk->depth == ENGINE_JSON_DEPTH)
        return fail(walk, "a value nested too deep");
    walk->at++;
    walk->levels[walk->depth++] = (struct engine_json_level){.array = array};
    return true;
}

static bool read_value(struct engine_json_walk *walk,
                       struct engine_json_value *value)
{
    int c = peek(walk);
    value->begin = walk->at;
    value->kind = c == '"'                  ? ENGINE_JSON_STRING
                  : c == '{'                ? ENGINE_JSON_OBJECT
                  : c == '['                ? ENGINE_JSON_ARRAY
                  : c == '-' || is_digit(c) ? ENGINE_JSON_NUMBER
                                            : ENGINE_JSON_WORD;
    bool ok = c == '"'                            ? read_string(walk)
              : c == '{'                          ? open_level(walk, false)
              : c == '['                          ? open_level(walk, true)
              : value->kind == ENGINE_JSON_NUMBER ? read_number(walk)
                                                  : read_word(walk);
    value->end = walk->at;
    if (walk->depth == 0)
        walk->over = true;
    return ok;
}

/* The key and colon before a member's value. */
static bool read_key(struct engine_json_walk *walk,
                     struct engine_json_level *level)
{
    if (peek(walk) != '"')
        return fail(walk, "no key");
    size_t begin = walk->at + 1;
    if (!read_string(walk))
        return false;
    level->key = begin;
    level->key_size = walk->at - 1 - begin;
    skip_blanks(walk);
    if (peek(walk) != ':')
        return fail(walk, "no colon after a key");
    walk->at++;
    skip_blanks(walk);
    return true;
}

static bool close_level(struct engine_json_walk *walk,
                        struct engine_json_value *value)
{
    value->kind = ENGINE_JSON_END;
    value->begin = walk->at++;
    value->end = walk->at;
    if (--walk->depth == 0)
        walk->over = true;
    return true;
}

/* What follows inside an object or array. */
static bool read_inside(struct engine_json_walk *walk,
                        struct engine_json_value *value)
{
    struct engine_json_level *level = &walk->levels[walk->depth - 1];
    if (peek(walk) == (level->array ? ']' : '}'))
        return close_level(walk, value);
    if (level->begun) {
        if (peek(walk) != ',')
            return fail(walk, "no comma between two values");
        walk->at++;
        skip_blanks(walk);
        level->index++;
    }
    level->begun = true;
    if (!level->array && !read_key(walk, level))
        return false;
    return read_value(walk, value);
}

bool engine_json_next(struct engine_json_walk *walk,
                      struct engine_json_value *value)
{
    if (walk->fault)
        return false;
    skip_blanks(walk);
    if (walk->over)
        return walk->at < walk->size && fail(walk, "something after the value");
    return walk->depth > 0 ? read_inside(walk, value) : read_value(walk, value);
}

uint32_t engine_json_place(const struct engine_json_walk *walk,
                           const struct engine_json_value *value)
{
    bool opens =
        value->kind == ENGINE_JSON_OBJECT || value->kind == ENGINE_JSON_ARRAY;
    return opens ? walk->depth - 1 : walk->depth;
}

static bool is_plain(const char *key, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_digit(key[i]) && key[i] != '_' &&
            !(key[i] >= 'a' && key[i] <= 'z') &&
            !(key[i] >= 'A' && key[i] <= 'Z'))
            return false;
    return size > 0;
}

/* One step of a path; longer keys than 60 bytes are not shown. */
static int print_level(const struct engine_json_walk *walk,
                       const struct engine_json_level *level, char text[80])
{
    const char *key = walk->text + level->key;
    if (level->array)
        return snprintf(text, 80, "[%ju]", (uintmax_t)level->index);
    if (level->key_size > 60)
        return snprintf(text, 80, "[\"...\"]");
    if (is_plain(key, level->key_size))
        return snprintf(text, 80, ".%.*s", (int)level->key_size, key);
    return snprintf(text, 80, "[\"%.*s\"]", (int)level->key_size, key);
}

const char *engine_json_path(const struct engine_json_walk *walk,
                             const struct engine_json_value *value, char *text,
                             size_t size)
{
    uint32_t levels = engine_json_place(walk, value);
    size_t at = 1;
    memcpy(text, "$", 2);
    for (uint32_t i = 0; i < levels; i++) {
        char step[80];
        size_t length = (size_t)print_level(walk, &walk->levels[i], step);
        if (at + length + 4 > size) {
            memcpy(text + at, "...", 4);
            return text;
        }
        memcpy(text + at, step, length + 1);
        at += length;
    }
    return text;
}

/* The four digits at text, which are there. */
static uint32_t unit_of(const char *text)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (uint32_t)hex_digit(text[i]);
    return unit;
}

/* Bytes of a code point behind the first, to be given out low byte first. */
static int encode(uint32_t point, uint32_t *rest)
{
    uint32_t tail = 0x80 | (point & 0x3f);
    if (point < 0x80)
        return (int)point;
    if (point < 0x800) {
        *rest = tail;
        return (int)(0xc0 | point >> 6);
    }
    tail = tail << 8 | 0x80 | (point >> 6 & 0x3f);
    if (point < 0x10000) {
        *rest = tail;
        return (int)(0xe0 | point >> 12);
    }
    *rest = tail << 8 | 0x80 | (point >> 12 & 0x3f);
    return (int)(0xf0 | point >> 18);
}

/* The code point of the \uXXXX whose digits begin at *at, with its pair. */
static uint32_t read_point(const char *string, size_t size, size_t *at)
{
    uint32_t high = unit_of(string + *at);
    *at += 4;
    if (high < 0xd800 || high > 0xdbff || size - *at < 6 ||
        string[*at] != '\\' || string[*at + 1] != 'u')
        return high;
    uint32_t low = unit_of(string + *at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return high;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

int engine_json_byte(const char *string, size_t size, size_t *at,
                     uint32_t *rest)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (*rest != 0) {
        int byte = (int)(*rest & 0xff);
        *rest >>= 8;
        return byte;
    }
    if (*at >= size)
        return -1;
    char c = string[(*at)++];
    if (c != '\\')
        return (unsigned char)c;
    c = string[(*at)++];
    if (c == 'u')
        return encode(read_point(string, size, at), rest);
    const char *letter = strchr(letters, c);
    return letter ? meanings[letter - letters] : c;
}

bool engine_json_equal(const char *string, size_t size, const char *bytes,
                       size_t count)
{
    size_t at = 0;
    uint32_t rest = 0;
    for (size_t i = 0; i < count; i++)
        if (engine_json_byte(string, size, &at, &rest) !=
            (unsigned char)bytes[i])
            return false;
    return engine_json_byte(string, size, &at, &rest) < 0;
}
