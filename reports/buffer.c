#include "reports/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_UTF8                                                               \
    0x110000u /* added to a byte that is not part of a character               \
               */

void report_buffer_init(struct report_buffer *buffer)
{
    memset(buffer, 0, sizeof(*buffer));
}

void report_buffer_free(struct report_buffer *buffer)
{
    free(buffer->text);
    memset(buffer, 0, sizeof(*buffer));
}

/* Room for size more bytes and a terminating 0. */
static int reserve(struct report_buffer *buffer, size_t size)
{
    if (buffer->failed)
        return -1;
    size_t need = buffer->size + size + 1;
    if (need <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    while (capacity < need)
        capacity *= 2;
    char *text = realloc(buffer->text, capacity);
    if (!text) {
        buffer->failed = 1;
        return -1;
    }
    buffer->text = text;
    buffer->capacity = capacity;
    return 0;
}

void report_buffer_bytes(struct report_buffer *buffer, const void *bytes,
                         size_t size)
{
    if (reserve(buffer, size))
        return;
    if (size)
        memcpy(buffer->text + buffer->size, bytes, size);
    buffer->size += size;
    buffer->text[buffer->size] = 0;
}

void report_buffer_put(struct report_buffer *buffer, const char *text)
{
    report_buffer_bytes(buffer, text, strlen(text));
}

void report_buffer_print(struct report_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0 || reserve(buffer, (size_t)size))
        return;
    va_start(args, format);
    vsnprintf(buffer->text + buffer->size, (size_t)size + 1, format, args);
    va_end(args);
    buffer->size += (size_t)size;
}

/* How many bytes a character takes that begins with this byte; 0: none. */
static size_t span_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

void report_buffer_trim(char *text)
{
    size_t size = strlen(text);
    size_t last = size;
    while (last > 0 && size - last < 3 &&
           ((unsigned char)text[last - 1] & 0xc0) == 0x80)
        last--;
    if (last > 0 && span_of((unsigned char)text[last - 1]) > size - last + 1)
        text[last - 1] = 0;
}

/* Takes one character off *text; a bad byte is returned above NOT_UTF8. */
static uint32_t take(const char **text, const char *end)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)*text;
    size_t span = span_of(*at);
    *text += 1;
    if (span == 0 || span > (size_t)((const unsigned char *)end - at))
        return NOT_UTF8 + *at;
    if (span == 1)
        return *at;
    uint32_t code = *at & (0x7fu >> span);
    for (size_t i = 1; i < span; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return NOT_UTF8 + *at;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (code < lowest[span] || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000))
        return NOT_UTF8 + *at;
    *text += span - 1;
    return code;
}

/*
 * Characters that are not seen, that change how others are seen, or that are
 * none: U+FFFE and its like may not be in XML.
 */
static int hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
           code == 0x61c || code == 0x180e || code == 0x200b ||
           code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff9 && code <= 0xfffb) ||
           (code >= 0xe0000 && code <= 0xe0fff) || (code & 0xfffe) == 0xfffe ||
           code >= NOT_UTF8;
}

static size_t show_hidden(struct report_buffer *buffer, uint32_t code)
{
    size_t before = buffer->size;
    if (code >= NOT_UTF8)
        report_buffer_print(buffer, "\\x{%02x}", code - NOT_UTF8);
    else
        report_buffer_print(buffer, "\\u{%02x}", code);
    return buffer->size - before;
}

static void put_html(struct report_buffer *buffer, const char *text,
                     size_t size)
{
    switch (*text) {
    case '<':
        report_buffer_put(buffer, "&lt;");
        break;
    case '>':
        report_buffer_put(buffer, "&gt;");
        break;
    case '&':
        report_buffer_put(buffer, "&amp;");
        break;
    case '"':
        report_buffer_put(buffer, "&quot;");
        break;
    case '\'':
        report_buffer_put(buffer, "&#39;");
        break;
    default:
        report_buffer_bytes(buffer, text, size);
    }
}

static void put_plain(struct report_buffer *buffer, const char *text,
                      size_t size)
{
    report_buffer_bytes(buffer, text, size);
}

static size_t show(struct report_buffer *buffer, const char *text,
                   size_t columns,
                   void (*put)(struct report_buffer *, const char *, size_t))
{
    const char *end = text + strlen(text);
    size_t used = 0;
    while (text < end) {
        const char *at = text;
        uint32_t code = take(&text, end);
        size_t width = hidden(code) ? 8 : 1;
        if (used + width + (text < end) > columns) {
            report_buffer_put(buffer, "…");
            return used + 1;
        }
        if (hidden(code)) {
            used += show_hidden(buffer, code);
        } else {
            put(buffer, at, (size_t)(text - at));
            used++;
        }
    }
    return used;
}

size_t report_buffer_plain(struct report_buffer *buffer, const char *text,
                           size_t columns)
{
    return show(buffer, text, columns, put_plain);
}

size_t report_buffer_html(struct report_buffer *buffer, const char *text,
                          size_t columns)
{
    return show(buffer, text, columns, put_html);
}

static void json_escape(struct report_buffer *buffer, uint32_t code)
{
    if (code >= NOT_UTF8)
        report_buffer_put(buffer, "\\ufffd");
    else if (code >= 0x10000)
        report_buffer_print(buffer, "\\u%04x\\u%04x", 0xd7c0u + (code >> 10),
                            0xdc00u + (code & 0x3ff));
    else
        report_buffer_print(buffer, "\\u%04x", code);
}

void report_buffer_json(struct report_buffer *buffer, const char *text,
                        size_t size)
{
    const char *end = text + size;
    report_buffer_put(buffer, "\"");
    while (text < end) {
        const char *at = text;
        uint32_t code = take(&text, end);
        if (code == '\n')
            report_buffer_put(buffer, "\\n");
        else if (hidden(code))
            json_escape(buffer, code);
        else if (code == '"' || code == '\\')
            report_buffer_print(buffer, "\\%c", (char)code);
        else
            report_buffer_bytes(buffer, at, (size_t)(text - at));
    }
    report_buffer_put(buffer, "\"");
}
