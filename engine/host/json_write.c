#include "engine/host/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/sentence.h"

enum {
    REPLACEMENT = 0xfffd /* in place of bytes that are not UTF-8 */
};

void json_write_reset(struct json_writer *w)
{
    w->size = 0;
    w->first = true;
    w->failed = false;
}

/* False: out of memory. */
static bool grow(struct json_writer *w, size_t size)
{
    size_t capacity = w->capacity ? w->capacity : 4096;
    char *grown;

    while (capacity - w->size < size && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    grown = w->failed ? NULL : realloc(w->bytes, capacity);
    w->failed = !grown;
    if (w->failed)
        return false;
    w->bytes = grown;
    w->capacity = capacity;
    return true;
}

void json_raw(struct json_writer *w, const char *bytes, size_t size)
{
    if (w->failed || (w->capacity - w->size < size && !grow(w, size)))
        return;
    if (size == 0)
        return;
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void raw_text(struct json_writer *w, const char *text)
{
    json_raw(w, text, strlen(text));
}

void json_put_name(struct json_writer *w, const char *name)
{
    if (!w->first)
        json_raw(w, ",", 1);
    w->first = false;
    if (!name)
        return;
    json_raw(w, "\"", 1);
    raw_text(w, name);
    json_raw(w, "\":", 2);
}

static void open_with(struct json_writer *w, const char *name, const char *mark)
{
    json_put_name(w, name);
    json_raw(w, mark, 1);
    w->first = true;
}

static void close_with(struct json_writer *w, const char *mark)
{
    json_raw(w, mark, 1);
    w->first = false;
}

void json_open(struct json_writer *w, const char *name)
{
    open_with(w, name, "{");
}

void json_close(struct json_writer *w)
{
    close_with(w, "}");
}

void json_open_array(struct json_writer *w, const char *name)
{
    open_with(w, name, "[");
}

void json_close_array(struct json_writer *w)
{
    close_with(w, "]");
}

static void escaped(struct json_writer *w, uint32_t point)
{
    char escape[8];

    (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)point);
    raw_text(w, escape);
}

/* Bytes at the start that stand for themselves in a string. */
static size_t plain_run(const char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size && (unsigned char)bytes[at] >= 0x20 &&
           (unsigned char)bytes[at] < 0x80 && bytes[at] != '"' &&
           bytes[at] != '\\')
        at++;
    return at;
}

/* One code point that may need something. Its bytes; 0: it is not UTF-8. */
static size_t put_point(struct json_writer *w, const char *bytes, size_t size)
{
    uint32_t point;
    size_t length = sentence_decode(bytes, size, &point);

    if (length == 0) {
        escaped(w, REPLACEMENT);
        return 0;
    }
    if (point == '"' || point == '\\')
        json_raw(w, "\\", 1);
    if (point < 0x20)
        escaped(w, point);
    else
        json_raw(w, bytes, length);
    return length;
}

bool json_put_string(struct json_writer *w, const char *name, const char *bytes,
                     size_t size)
{
    bool whole = true;

    json_put_name(w, name);
    json_raw(w, "\"", 1);
    for (size_t at = 0; at < size;) {
        size_t plain = plain_run(bytes + at, size - at);
        json_raw(w, bytes + at, plain);
        at += plain;
        if (at == size)
            break;
        size_t length = put_point(w, bytes + at, size - at);
        whole = whole && length > 0;
        at += length > 0 ? length : 1;
    }
    json_raw(w, "\"", 1);
    return whole;
}

void json_put_words(struct json_writer *w, const char *name, const char *text)
{
    (void)json_put_string(w, name, text, strlen(text));
}

/* The digits of a number at the end of the room. Returns where they begin. */
static char *write_digits(uint64_t value, char *end)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

void json_put_number(struct json_writer *w, const char *name, uint64_t value)
{
    char digits[24];
    char *from = write_digits(value, digits + sizeof(digits));

    json_put_name(w, name);
    json_raw(w, from, (size_t)(digits + sizeof(digits) - from));
}

void json_put_bool(struct json_writer *w, const char *name, bool value)
{
    json_put_name(w, name);
    raw_text(w, value ? "true" : "false");
}

void json_put_seconds(struct json_writer *w, const char *name, uint64_t ns)
{
    unsigned part = (unsigned)(ns % 1000000000 / 1000000);
    char digits[32];
    char *end = digits + sizeof(digits) - 4;
    char *from = write_digits(ns / 1000000000, end);

    end[0] = '.';
    end[1] = (char)('0' + part / 100);
    end[2] = (char)('0' + part / 10 % 10);
    end[3] = (char)('0' + part % 10);
    json_put_name(w, name);
    json_raw(w, from, (size_t)(end + 4 - from));
}

void json_put_millis(struct json_writer *w, const char *name, uint64_t ns)
{
    json_put_number(w, name, ns / 1000000);
}

void json_put_members(struct json_writer *w, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    json_put_name(w, NULL);
    json_raw(w, bytes, size);
}
