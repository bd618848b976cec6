#include "engine/host/json_scan.h"

#include "engine/host/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_MAX = 63,    /* bytes of a number; cJSON cannot hold more */
    FEW_KEYS = 12,     /* of an object; more are sorted */
    EXPONENT_MAX = 300 /* decimal exponent of the first digit of a real */
};

/* A key of an object that is still open. */
struct key {
    /* Decoded, in scan.names. */
    const char *name;
    uint32_t length;
    /* Offset of its opening quote. */
    uint32_t at;
};

struct scan {
    const char *text;
    uint32_t size;
    uint32_t at;
    uint32_t depth;
    struct json_place *places;
    uint32_t place_count;
    uint32_t place_room;
    /* The keys of all open objects, innermost last. */
    struct key *keys;
    uint32_t key_count;
    uint32_t key_room;
    /* Their decoded bytes: a stack as large as the text, so it never moves. */
    char *names;
    uint32_t names_used;
    struct json_flaw *flaw;
};

/* Whether the byte at the current place is @byte. */
static bool is_at(const struct scan *scan, char byte)
{
    return scan->at < scan->size && scan->text[scan->at] == byte;
}

static bool is_digit_at(const struct scan *scan, uint32_t at)
{
    return at < scan->size && scan->text[at] >= '0' && scan->text[at] <= '9';
}

static int no_memory(struct scan *scan)
{
    struct sentence out;

    scan->flaw->code = JSON_ENOMEM;
    scan->flaw->offset = scan->at;
    sentence_init(&out, scan->flaw->text, sizeof(scan->flaw->text));
    sentence_add(&out, "memory ran out while reading this value");
    return JSON_ENOMEM;
}

/* Starts the sentence of a flaw at @offset. */
static struct sentence flaw_at(struct scan *scan, uint32_t offset)
{
    struct sentence out;

    scan->flaw->code = JSON_ETEXT;
    scan->flaw->offset = offset;
    sentence_init(&out, scan->flaw->text, sizeof(scan->flaw->text));
    sentence_add(&out, "found ");
    return out;
}

static bool ends_word(char byte)
{
    return byte <= ' ' || strchr(",:[]{}\"", byte) != NULL;
}

/* Bytes of the word at @offset: up to a space or a mark, at least one. */
static uint32_t word_size(const struct scan *scan, uint32_t offset)
{
    uint32_t end = offset;
    uint32_t point;
    size_t size;

    while (end < scan->size && end - offset < 256 &&
           ((unsigned char)scan->text[end] >= 0x80 ||
            !ends_word(scan->text[end]))) {
        end++;
    }
    if (end > offset) {
        return end - offset;
    }
    size = sentence_decode(scan->text + offset, scan->size - offset, &point);
    return size == 0 ? 1 : (uint32_t)size;
}

/* Refuses bytes that are not UTF-8 at @offset. */
static int bad_utf8(struct scan *scan, uint32_t offset)
{
    struct sentence out = flaw_at(scan, offset);

    sentence_add(&out,
                 "byte 0x%02x, which is not valid UTF-8 here, allowed "
                 "only UTF-8",
                 (unsigned)(unsigned char)scan->text[offset]);
    return JSON_ETEXT;
}

/* Refuses what stands at the current place, where only @allowed may stand. */
static int unexpected(struct scan *scan, const char *allowed)
{
    const char *here = scan->text + scan->at;
    uint32_t left = scan->size - scan->at;
    uint32_t point;
    struct sentence out;

    if (left > 0 && sentence_decode(here, left, &point) == 0) {
        return bad_utf8(scan, scan->at);
    }
    out = flaw_at(scan, scan->at);
    if (left == 0) {
        sentence_add(&out, "the end of the file");
    } else if (left > 1 && here[0] == '/' &&
               (here[1] == '/' || here[1] == '*')) {
        sentence_add(&out, "a comment");
    } else {
        sentence_quote(&out, here, word_size(scan, scan->at));
    }
    sentence_add(&out, ", allowed %s", allowed);
    return JSON_ETEXT;
}

static void skip_space(struct scan *scan)
{
    while (is_at(scan, ' ') || is_at(scan, '\n') || is_at(scan, '\r') ||
           is_at(scan, '\t')) {
        scan->at++;
    }
}

/* Makes room for one more; doubles, so that the cost stays linear. */
static void *grow(void *array, uint32_t *room, size_t element_size)
{
    uint32_t wanted = *room == 0 ? 64 : *room * 2;
    void *grown = realloc(array, wanted * element_size);

    if (grown != NULL) {
        *room = wanted;
    }
    return grown;
}

static int open_place(struct scan *scan, uint32_t key, uint32_t *index)
{
    struct sentence out;

    if (scan->place_count == JSON_VALUES_MAX) {
        out = flaw_at(scan, scan->at);
        sentence_add(&out, "more than %d values, allowed at most so many",
                     JSON_VALUES_MAX);
        return JSON_ETEXT;
    }
    if (scan->place_count == scan->place_room) {
        struct json_place *grown =
            grow(scan->places, &scan->place_room, sizeof(*grown));

        if (grown == NULL) {
            return no_memory(scan);
        }
        scan->places = grown;
    }
    *index = scan->place_count++;
    scan->places[*index].value = scan->at;
    scan->places[*index].key = key;
    return 0;
}

/* Reads four hexadecimal digits; returns a negative code if there are none. */
static int scan_hex(struct scan *scan, uint32_t *unit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = NULL;

        if (scan->at < scan->size && scan->text[scan->at] != '\0') {
            digit = strchr(digits, scan->text[scan->at]);
        }
        if (digit == NULL) {
            return unexpected(scan, "four hexadecimal digits after \\u");
        }
        *unit = *unit << 4 | ((uint32_t)(digit - digits) & 15);
        scan->at++;
    }
    return 0;
}

/* Refuses the escape that starts at @start, which gives no character. */
static int bad_escape(struct scan *scan, uint32_t start, const char *allowed)
{
    struct sentence out = flaw_at(scan, start);

    sentence_add(&out, "the escape ");
    sentence_plain(&out, scan->text + start, scan->at - start);
    sentence_add(&out, ", allowed %s", allowed);
    return JSON_ETEXT;
}

/* Reads what follows "\u" of the escape that starts at @start. */
static int scan_unicode(struct scan *scan, uint32_t start, uint32_t *point)
{
    static const char pairs[] = "surrogates only as a pair, high then low";
    uint32_t low;
    int code = scan_hex(scan, point);

    if (code != 0) {
        return code;
    }
    if (*point == 0) {
        return bad_escape(scan, start, "any character but U+0000");
    }
    if (*point < 0xD800 || *point > 0xDFFF) {
        return 0;
    }
    if (*point > 0xDBFF || scan->size - scan->at < 2 ||
        memcmp(scan->text + scan->at, "\\u", 2) != 0) {
        return bad_escape(scan, start, pairs);
    }
    scan->at += 2;
    code = scan_hex(scan, &low);
    if (code != 0) {
        return code;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
        return bad_escape(scan, start, pairs);
    }
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return 0;
}

/* Reads one escape, which the current backslash starts. */
static int scan_escape(struct scan *scan, uint32_t *point)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t start = scan->at++;
    const char *letter;

    if (scan->at == scan->size) {
        return unexpected(scan, "the rest of an escape");
    }
    if (is_at(scan, 'u')) {
        scan->at++;
        return scan_unicode(scan, start, point);
    }
    letter = is_at(scan, '\0') ? NULL : strchr(letters, scan->text[scan->at]);
    if (letter == NULL) {
        return unexpected(scan, "after a backslash one of \" \\ / b f n r t u");
    }
    scan->at++;
    *point = (uint32_t)meanings[letter - letters];
    return 0;
}

/* Writes @point as UTF-8; never longer than what stood for it in the text. */
static void push_name(struct scan *scan, uint32_t point)
{
    char *out = scan->names + scan->names_used;
    uint32_t size = point < 0x80      ? 1
                    : point < 0x800   ? 2
                    : point < 0x10000 ? 3
                                      : 4;

    assert(scan->size - scan->names_used >= size);
    for (uint32_t i = size; i > 1; i--) {
        out[i - 1] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(size == 1 ? point : ((0xF00U >> size) & 0xF0) | point);
    scan->names_used += size;
}

/* Reads one character of a string, escaped or not. */
static int scan_character(struct scan *scan, uint32_t *point)
{
    struct sentence out;
    size_t size;

    if (is_at(scan, '\\')) {
        return scan_escape(scan, point);
    }
    size = sentence_decode(scan->text + scan->at, scan->size - scan->at, point);
    if (size == 0) {
        return bad_utf8(scan, scan->at);
    }
    if (*point < 0x20) {
        out = flaw_at(scan, scan->at);
        sentence_add(&out,
                     "the control character 0x%02x in a string, allowed only "
                     "escaped, as in \\n or \\u%04x",
                     (unsigned)*point, (unsigned)*point);
        return JSON_ETEXT;
    }
    scan->at += (uint32_t)size;
    return 0;
}

/* Passes over printable ASCII that needs no look: most of every text. */
static void skip_plain(struct scan *scan)
{
    const char *text = scan->text;
    uint32_t at = scan->at;

    while (at < scan->size && text[at] >= 0x20 && text[at] <= 0x7e &&
           text[at] != '"' && text[at] != '\\') {
        at++;
    }
    scan->at = at;
}

/* The same, pushed onto the names if it @is_key. */
static void take_plain(struct scan *scan, bool is_key)
{
    uint32_t start = scan->at;

    skip_plain(scan);
    if (is_key && scan->at > start) {
        memcpy(scan->names + scan->names_used, scan->text + start,
               scan->at - start);
        scan->names_used += scan->at - start;
    }
}

/* Reads a string; pushes it, decoded, onto the names if it @is_key. */
static int scan_string(struct scan *scan, bool is_key)
{
    struct sentence out;
    uint32_t start = scan->at++;
    uint32_t point = 0;

    take_plain(scan, is_key);
    while (scan->at < scan->size && !is_at(scan, '"')) {
        int code = scan_character(scan, &point);

        if (code != 0) {
            return code;
        }
        if (is_key) {
            push_name(scan, point);
        }
        take_plain(scan, is_key);
    }
    if (scan->at == scan->size) {
        out = flaw_at(scan, start);
        sentence_add(&out, "a string without its closing quote, allowed only "
                           "with one");
        return JSON_ETEXT;
    }
    scan->at++;
    return 0;
}

static void skip_digits(struct scan *scan)
{
    while (is_digit_at(scan, scan->at)) {
        scan->at++;
    }
}

/* Refuses the number from @start to here, which cannot be kept exactly. */
static int bad_number(struct scan *scan, uint32_t start, const char *allowed)
{
    struct sentence out = flaw_at(scan, start);
    uint32_t size = scan->at - start;

    sentence_add(&out, "the number ");
    sentence_plain(&out, scan->text + start, size < 70 ? size : 70);
    sentence_add(&out, "%s, out of range, allowed %s", size < 70 ? "" : "...",
                 allowed);
    return JSON_ETEXT;
}

/* The value of the digits from @from to @to, or @most + 1 when it is more. */
static int64_t digits_value(const struct scan *scan, uint32_t from, uint32_t to,
                            int64_t most)
{
    int64_t value = 0;

    for (uint32_t i = from; i < to && value <= most; i++) {
        value = value * 10 + (scan->text[i] - '0');
    }
    return value <= most ? value : most + 1;
}

/*
 * Judges the size of a real whose integer digits start at @digits and which
 * has the exponent @exponent: by the power of ten of its first digit that is
 * not 0, so that no floating point is needed.
 */
static bool real_in_range(const struct scan *scan, uint32_t digits,
                          int64_t exponent)
{
    uint32_t point = digits;
    uint32_t first;

    while (is_digit_at(scan, point)) {
        point++;
    }
    for (first = digits; first < scan->at; first++) {
        if (scan->text[first] >= '1' && scan->text[first] <= '9') {
            break;
        }
        if (scan->text[first] == 'e' || scan->text[first] == 'E') {
            return true;
        }
    }
    if (first >= scan->at) {
        return true;
    }
    exponent += first < point ? (int64_t)(point - first) - 1
                              : -(int64_t)(first - point);
    return exponent >= -EXPONENT_MAX && exponent <= EXPONENT_MAX;
}

/* Reads ".5" and "e-3", each if there; @exponent is what the latter says. */
static int scan_real_parts(struct scan *scan, int64_t *exponent)
{
    bool negative;
    uint32_t start;

    if (is_at(scan, '.')) {
        if (!is_digit_at(scan, ++scan->at)) {
            return unexpected(scan, "a digit after the decimal point");
        }
        skip_digits(scan);
    }
    if (is_at(scan, 'e') || is_at(scan, 'E')) {
        scan->at++;
        negative = is_at(scan, '-');
        scan->at += negative || is_at(scan, '+');
        start = scan->at;
        if (!is_digit_at(scan, start)) {
            return unexpected(scan, "a digit in the exponent");
        }
        skip_digits(scan);
        *exponent = digits_value(scan, start, scan->at, 9999);
        *exponent = negative ? -*exponent : *exponent;
    }
    return 0;
}

/* Judges a number that is grammatical: digits from @digits to @integer_end. */
static int check_number(struct scan *scan, uint32_t start, uint32_t digits,
                        uint32_t integer_end, int64_t exponent)
{
    if (integer_end == scan->at &&
        digits_value(scan, digits, integer_end, JSON_INT_MAX) > JSON_INT_MAX) {
        return bad_number(scan, start,
                          "integers from -9007199254740991 to "
                          "9007199254740991");
    }
    if (scan->at - start > TOKEN_MAX) {
        return bad_number(scan, start, "at most 63 characters");
    }
    if (!real_in_range(scan, digits, exponent)) {
        return bad_number(scan, start, "0 or sizes from 1e-300 to 1e300");
    }
    return 0;
}

static int scan_number(struct scan *scan)
{
    uint32_t start = scan->at;
    uint32_t digits;
    uint32_t integer_end;
    int64_t exponent = 0;
    int code;

    scan->at += is_at(scan, '-');
    digits = scan->at;
    if (!is_digit_at(scan, digits)) {
        return unexpected(scan, "a digit after the minus sign");
    }
    if (is_at(scan, '0') && is_digit_at(scan, scan->at + 1)) {
        return unexpected(scan, "a number without leading zeros");
    }
    skip_digits(scan);
    integer_end = scan->at;
    code = scan_real_parts(scan, &exponent);
    if (code != 0) {
        return code;
    }
    return check_number(scan, start, digits, integer_end, exponent);
}

static int scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    uint32_t size = word_size(scan, scan->at);

    for (size_t i = 0; i < 3; i++) {
        if (size == strlen(words[i]) &&
            memcmp(scan->text + scan->at, words[i], size) == 0) {
            scan->at += size;
            return 0;
        }
    }
    return unexpected(scan, "a JSON value: an object, an array, a string in "
                            "double quotes, a number, true, false or null");
}

static int scan_value(struct scan *scan, uint32_t key);

static int scan_array(struct scan *scan)
{
    int code;

    scan->at++;
    skip_space(scan);
    if (is_at(scan, ']')) {
        scan->at++;
        return 0;
    }
    for (;;) {
        code = scan_value(scan, JSON_NO_KEY);
        if (code != 0) {
            return code;
        }
        skip_space(scan);
        if (is_at(scan, ']')) {
            scan->at++;
            return 0;
        }
        if (!is_at(scan, ',')) {
            return unexpected(scan, "\",\" or \"]\" after a value of an array");
        }
        scan->at++;
        skip_space(scan);
    }
}

/* Reads a key and its colon; *@key is the offset of its quote. */
static int scan_key(struct scan *scan, uint32_t *key)
{
    uint32_t name = scan->names_used;
    int code;

    if (!is_at(scan, '"')) {
        return unexpected(scan, "a key in double quotes");
    }
    if (scan->key_count == scan->key_room) {
        struct key *grown = grow(scan->keys, &scan->key_room, sizeof(*grown));

        if (grown == NULL) {
            return no_memory(scan);
        }
        scan->keys = grown;
    }
    *key = scan->at;
    code = scan_string(scan, true);
    if (code != 0) {
        return code;
    }
    scan->keys[scan->key_count].name = scan->names + name;
    scan->keys[scan->key_count].length = scan->names_used - name;
    scan->keys[scan->key_count].at = *key;
    scan->key_count++;
    skip_space(scan);
    if (!is_at(scan, ':')) {
        return unexpected(scan, "\":\" after a key");
    }
    scan->at++;
    skip_space(scan);
    return 0;
}

static int same_name(const struct key *a, const struct key *b)
{
    return a->length == b->length && memcmp(a->name, b->name, a->length) == 0;
}

/* Orders keys by length, bytes, and where they stand. */
static int key_order(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    int order;

    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    order = memcmp(a->name, b->name, a->length);
    if (order != 0) {
        return order;
    }
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Whether there may be twins among so few keys that each pair is looked at. */
static bool may_twin(const struct key *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count && count <= FEW_KEYS; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (same_name(&keys[i], &keys[k])) {
                return true;
            }
        }
    }
    return count > FEW_KEYS;
}

static int bad_twin(struct scan *scan, const struct key *first,
                    const struct key *second)
{
    struct sentence out = flaw_at(scan, second->at);
    uint32_t line;
    uint32_t column;

    json_scan_position(scan->text, first->at, &line, &column);
    sentence_add(&out, "key ");
    sentence_quote(&out, second->name, second->length);
    sentence_add(&out,
                 " again, allowed once in an object (first at line %u, column "
                 "%u)",
                 line, column);
    return JSON_ETEXT;
}

/*
 * Refuses the first key that repeats another among those from @base on. They
 * are sorted for that if they are many, so that no choice makes it slow.
 */
static int check_twins(struct scan *scan, uint32_t base)
{
    struct key *keys = scan->keys + base;
    uint32_t count = scan->key_count - base;
    uint32_t twin = 0;

    if (!may_twin(keys, count)) {
        return 0;
    }
    qsort(keys, count, sizeof(*keys), key_order);
    for (uint32_t i = 1; i < count; i++) {
        if (same_name(&keys[i - 1], &keys[i]) &&
            (twin == 0 || keys[i].at < keys[twin].at)) {
            twin = i;
        }
    }
    return twin == 0 ? 0 : bad_twin(scan, &keys[twin - 1], &keys[twin]);
}

static int scan_members(struct scan *scan)
{
    uint32_t key = JSON_NO_KEY;
    int code;

    for (;;) {
        code = scan_key(scan, &key);
        if (code == 0) {
            code = scan_value(scan, key);
        }
        if (code != 0) {
            return code;
        }
        skip_space(scan);
        if (is_at(scan, '}')) {
            scan->at++;
            return 0;
        }
        if (!is_at(scan, ',')) {
            return unexpected(scan,
                              "\",\" or \"}\" after a member of an object");
        }
        scan->at++;
        skip_space(scan);
    }
}

static int scan_object(struct scan *scan)
{
    uint32_t base = scan->key_count;
    uint32_t names = scan->names_used;
    int code;

    scan->at++;
    skip_space(scan);
    if (is_at(scan, '}')) {
        scan->at++;
        return 0;
    }
    code = scan_members(scan);
    if (code == 0) {
        code = check_twins(scan, base);
    }
    scan->key_count = base;
    scan->names_used = names;
    return code;
}

/* Reads an object or array, one level deeper. */
static int scan_nested(struct scan *scan)
{
    struct sentence out;
    int code;

    if (scan->depth == JSON_DEPTH_MAX) {
        out = flaw_at(scan, scan->at);
        sentence_add(&out, "nesting deeper than %d levels, allowed at most %d",
                     JSON_DEPTH_MAX, JSON_DEPTH_MAX);
        return JSON_ETEXT;
    }
    scan->depth++;
    code = is_at(scan, '{') ? scan_object(scan) : scan_array(scan);
    scan->depth--;
    return code;
}

static int scan_value(struct scan *scan, uint32_t key)
{
    uint32_t index = 0;
    int code = open_place(scan, key, &index);

    if (code != 0) {
        return code;
    }
    if (is_at(scan, '{') || is_at(scan, '[')) {
        code = scan_nested(scan);
    } else if (is_at(scan, '"')) {
        code = scan_string(scan, false);
    } else if (is_at(scan, '-') || is_digit_at(scan, scan->at)) {
        code = scan_number(scan);
    } else if (scan->at < scan->size) {
        code = scan_word(scan);
    } else {
        code = unexpected(scan, "a JSON value");
    }
    scan->places[index].next = scan->place_count;
    return code;
}

/* Reads the one value of a text and what may stand around it. */
static int scan_document(struct scan *scan)
{
    struct sentence out;
    int code;

    if (scan->size >= 3 && memcmp(scan->text, "\xEF\xBB\xBF", 3) == 0) {
        out = flaw_at(scan, 0);
        sentence_add(&out, "a byte order mark, allowed UTF-8 without one");
        return JSON_ETEXT;
    }
    skip_space(scan);
    if (scan->at == scan->size) {
        out = flaw_at(scan, 0);
        sentence_add(&out, "an empty file, allowed one JSON value");
        return JSON_ETEXT;
    }
    code = scan_value(scan, JSON_NO_KEY);
    if (code != 0) {
        return code;
    }
    skip_space(scan);
    return scan->at == scan->size
               ? 0
               : unexpected(scan, "nothing after the end of the value");
}

int json_scan(const char *text, size_t size, struct json_place **places,
              uint32_t *count, struct json_flaw *flaw)
{
    struct scan scan = {.text = text, .size = (uint32_t)size, .flaw = flaw};
    int code;

    assert(text != NULL);
    assert(size <= JSON_FILE_MAX);
    scan.names = malloc(size + 1);
    code = scan.names == NULL ? no_memory(&scan) : scan_document(&scan);
    free(scan.names);
    free(scan.keys);
    if (code != 0) {
        free(scan.places);
        scan.places = NULL;
        scan.place_count = 0;
    }
    *places = scan.places;
    *count = scan.place_count;
    return code;
}

void json_scan_position(const char *text, uint32_t offset, uint32_t *line,
                        uint32_t *column)
{
    *line = 1;
    *column = 1;
    for (uint32_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            (*line)++;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            (*column)++;
        }
    }
}
