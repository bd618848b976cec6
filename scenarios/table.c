#include "scenarios/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/sentence.h"

static void fail_at(struct table *table, uint32_t column, const char *format,
                    va_list args)
{
    struct json_error *err = table->err;
    struct sentence sentence;
    if (err->code != 0) {
        return;
    }
    err->code = JSON_ETEXT;
    err->line = table->line;
    err->column = column;
    snprintf(err->file, sizeof err->file, "%s", table->name);
    sentence_init(&sentence, err->text, sizeof err->text);
    sentence_add(&sentence, "%s:%" PRIu32 ":%" PRIu32 ": ", err->file,
                 err->line, err->column);
    sentence_vadd(&sentence, format, args);
}

static bool fail_line(struct table *table, uint32_t column, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

static bool fail_line(struct table *table, uint32_t column, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    fail_at(table, column, format, args);
    va_end(args);
    return false;
}

bool table_fail(struct table *table, uint32_t field, const char *format, ...)
{
    va_list args;
    assert(field < table->field_count);
    va_start(args, format);
    fail_at(table, table->columns[field], format, args);
    va_end(args);
    return false;
}

/* The end of the line that starts at `next`, without its newline. */
static const char *line_end(const struct table *table)
{
    size_t left = (size_t)(table->end - table->next);
    const char *newline = memchr(table->next, '\n', left);
    return newline != NULL ? newline : table->end;
}

static void skip_to(struct table *table, const char *line_ends)
{
    table->next = line_ends < table->end ? line_ends + 1 : line_ends;
}

bool table_open(struct table *table, const char *name, const char *text,
                size_t size, const char *header, struct json_error *err)
{
    *table = (struct table){
        .name = name, .next = text, .end = text + size, .err = err, .line = 1};
    if (err->code != 0) {
        return false;
    }
    const char *end = line_end(table);
    size_t length = (size_t)(end - text);
    if (length != strlen(header) || memcmp(text, header, length) != 0) {
        return fail_line(table, 1, "found another heading, allowed %s", header);
    }
    table->field_count = 1;
    for (const char *at = header; *at != '\0'; at++) {
        table->field_count += *at == ',';
    }
    assert(table->field_count <= TABLE_FIELDS_MAX);
    skip_to(table, end);
    return true;
}

/* Copies the field from `start` to `end` of a line that begins at `line`. */
static bool take_field(struct table *table, uint32_t field, const char *line,
                       const char *start, const char *end)
{
    size_t size = (size_t)(end - start);
    uint32_t column = (uint32_t)(start - line) + 1;
    table->columns[field] = column;
    if (size == 0) {
        return fail_line(table, column, "found an empty field");
    }
    if (size >= TABLE_FIELD_SIZE) {
        return fail_line(table, column,
                         "found a field of %zu bytes, allowed %d", size,
                         TABLE_FIELD_SIZE - 1);
    }
    for (const char *at = start; at < end; at++) {
        bool edge = at == start || at + 1 == end;
        if (*at < (edge ? '!' : ' ') || *at > '~' || *at == '"') {
            return fail_line(table, (uint32_t)(at - line) + 1,
                             "found a byte 0x%02x that no field may have",
                             (unsigned)(unsigned char)*at);
        }
    }
    memcpy(table->fields[field], start, size);
    table->fields[field][size] = '\0';
    return true;
}

bool table_next(struct table *table)
{
    if (table->err->code != 0 || table->next == table->end) {
        return false;
    }
    const char *line = table->next;
    const char *end = line_end(table);
    const char *start = line;
    uint32_t count = 0;
    table->line++;
    for (;; count++) {
        const char *comma = memchr(start, ',', (size_t)(end - start));
        if (count == table->field_count) {
            return fail_line(table, (uint32_t)(start - line) + 1,
                             "found more fields than the %" PRIu32 " allowed",
                             table->field_count);
        }
        if (!take_field(table, count, line, start,
                        comma != NULL ? comma : end)) {
            return false;
        }
        if (comma == NULL) {
            break;
        }
        start = comma + 1;
    }
    skip_to(table, end);
    if (count + 1 != table->field_count) {
        return fail_line(table, (uint32_t)(end - line) + 1,
                         "found %" PRIu32 " fields, allowed %" PRIu32,
                         count + 1, table->field_count);
    }
    return true;
}

static bool add_digit(uint64_t *value, unsigned digit)
{
    if (*value > (UINT64_MAX - digit) / 10) {
        return false;
    }
    *value = *value * 10 + digit;
    return true;
}

bool table_decimal(const char *text, unsigned places, uint64_t *value)
{
    uint64_t sum = 0;
    unsigned behind = 0; /* digits behind the point */
    bool point = false;
    for (const char *at = text; *at != '\0'; at++) {
        bool last = at[1] == '\0';
        if (*at == '.' && !point && at != text && !last) {
            point = true;
            continue;
        }
        if (*at < '0' || *at > '9' || (point && behind++ == places) ||
            !add_digit(&sum, (unsigned)(*at - '0'))) {
            return false;
        }
    }
    for (; behind < places; behind++) {
        if (!add_digit(&sum, 0)) {
            return false;
        }
    }
    if (*text == '\0') {
        return false;
    }
    *value = sum;
    return true;
}

bool table_number(struct table *table, uint32_t field, unsigned places,
                  uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t read = 0;
    if (!table_decimal(table->fields[field], places, &read)) {
        return table_fail(table, field,
                          "found \"%s\", allowed a number with at most %u "
                          "digits behind the point",
                          table->fields[field], places);
    }
    if (read < min || read > max) {
        return table_fail(table, field, "found \"%s\", which is out of range",
                          table->fields[field]);
    }
    *value = read;
    return true;
}
