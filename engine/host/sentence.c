#include "engine/host/sentence.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    QUOTE_MAX = 60,    /* characters of a quoted text that are shown */
    CHOICES_MAX = 240, /* bytes of a list of names that are shown */
    NAME_MAX_NEAR = 64 /* longer names are not compared */
};

void sentence_init(struct sentence *sentence, char *text, size_t size)
{
    assert(text != NULL);
    assert(size >= 8);
    sentence->text = text;
    sentence->size = size;
    sentence->length = 0;
    sentence->full = 0;
    text[0] = '\0';
}

static int continues(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Ends a full sentence in "...", dropping whole characters to make room. */
static void cut(struct sentence *sentence)
{
    size_t end = sentence->length;

    while (end > sentence->size - 4 ||
           (end < sentence->length &&
            continues((unsigned char)sentence->text[end]))) {
        end--;
    }
    memcpy(sentence->text + end, "...", 4);
    sentence->length = end + 3;
    sentence->full = 1;
}

/* Appends one piece that must not be split. */
static void put(struct sentence *sentence, const char *piece, size_t length)
{
    if (sentence->full) {
        return;
    }
    if (length >= sentence->size - sentence->length) {
        cut(sentence);
        return;
    }
    memcpy(sentence->text + sentence->length, piece, length);
    sentence->length += length;
    sentence->text[sentence->length] = '\0';
}

static void put_text(struct sentence *sentence, const char *text)
{
    put(sentence, text, strlen(text));
}

size_t sentence_decode(const char *bytes, size_t length, uint32_t *point)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *in = (const unsigned char *)bytes;
    size_t size;
    uint32_t value;

    if (length == 0) {
        return 0;
    }
    if (in[0] < 0x80) {
        *point = in[0];
        return 1;
    }
    if (in[0] < 0xC2 || in[0] > 0xF4) {
        return 0;
    }
    size = in[0] < 0xE0 ? 2 : in[0] < 0xF0 ? 3 : 4;
    if (size > length) {
        return 0;
    }
    value = in[0] & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if (!continues(in[i])) {
            return 0;
        }
        value = value << 6 | (in[i] & 0x3FU);
    }
    if (value < least[size] || value > 0x10FFFF ||
        (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *point = value;
    return size;
}

/* Whether showing @point could move, hide or reorder what is on a screen. */
static int unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0xAD ||
           point == 0x61C || (point >= 0x200B && point <= 0x200F) ||
           (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
           (point >= 0xE0000 && point <= 0xE0FFF);
}

static void put_escaped(struct sentence *sentence, uint32_t point)
{
    char escape[16];

    if (point == '\n') {
        put_text(sentence, "\\n");
    } else if (point == '\t') {
        put_text(sentence, "\\t");
    } else if (point == '\r') {
        put_text(sentence, "\\r");
    } else {
        (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)point);
        put_text(sentence, escape);
    }
}

/* Appends the first character of @bytes in a safe form; returns its size. */
static size_t put_character(struct sentence *sentence, const char *bytes,
                            size_t length, int quoted)
{
    char escape[8];
    uint32_t point = 0;
    size_t size = sentence_decode(bytes, length, &point);

    if (size == 0) {
        (void)snprintf(escape, sizeof(escape), "\\x%02x",
                       (unsigned)(unsigned char)bytes[0]);
        put_text(sentence, escape);
        return 1;
    }
    if (unsafe(point)) {
        put_escaped(sentence, point);
    } else if (quoted && point == '"') {
        put_text(sentence, "\\\"");
    } else if (quoted && point == '\\') {
        put_text(sentence, "\\\\");
    } else {
        put(sentence, bytes, size);
    }
    return size;
}

void sentence_plain(struct sentence *sentence, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length && !sentence->full;) {
        at += put_character(sentence, bytes + at, length - at, 0);
    }
}

void sentence_vadd(struct sentence *sentence, const char *format, va_list args)
{
    char part[1024];
    /* The analyzer does not see that the callers started @args. */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int length = vsnprintf(part, sizeof(part), format, args);

    assert(length >= 0);
    sentence_plain(sentence, part, strlen(part));
}

void sentence_add(struct sentence *sentence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sentence_vadd(sentence, format, args);
    va_end(args);
}

void sentence_quote(struct sentence *sentence, const char *bytes, size_t length)
{
    size_t at = 0;

    put_text(sentence, "\"");
    for (int shown = 0; at < length && shown < QUOTE_MAX; shown++) {
        at += put_character(sentence, bytes + at, length - at, 1);
    }
    put_text(sentence, at < length ? "...\"" : "\"");
}

void sentence_choices(struct sentence *sentence, const char *found,
                      const char *const *names, size_t count)
{
    const char *nearest = sentence_nearest(found, names, count);
    size_t start = sentence->length;

    put_text(sentence, ", allowed ");
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && sentence->length - start > CHOICES_MAX) {
            sentence_add(sentence, " and %zu more", count - i);
            break;
        }
        put_text(sentence, i == 0 ? "" : ", ");
        sentence_quote(sentence, names[i], strlen(names[i]));
    }
    if (count == 0) {
        put_text(sentence, "none");
    }
    if (nearest != NULL) {
        put_text(sentence, "; did you mean ");
        sentence_quote(sentence, nearest, strlen(nearest));
        put_text(sentence, "?");
    }
}

static int lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The optimal string alignment distance of two names. Three rows of the table
 * suffice: the one being filled and the two above it.
 */
static size_t slips(const char *a, size_t a_length, const char *b,
                    size_t b_length)
{
    size_t rows[3][NAME_MAX_NEAR + 1] = {{0}};

    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            int x = lower(a[i - 1]);
            int y = lower(b[j - 1]);

            row[j] = least_of(above[j], row[j - 1]) + 1;
            row[j] = least_of(row[j], above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) &&
                lower(a[i - 2]) == y) {
                row[j] = least_of(row[j], above2[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

const char *sentence_nearest(const char *found, const char *const *names,
                             size_t count)
{
    size_t length = strlen(found);
    const char *nearest = NULL;
    size_t best = length / 3 + 2;

    if (length > NAME_MAX_NEAR) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        size_t distance;

        if (name_length > NAME_MAX_NEAR) {
            continue;
        }
        distance = slips(found, length, names[i], name_length);
        if (distance < best && distance < name_length) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
