/*
 * Tables in comma-separated lines, strictly: the first line is exactly the
 * header that is expected, every other line has as many fields, none is empty,
 * there are no quotes, spaces around fields, control characters or bytes above
 * 127, and no blank lines. Errors say file:line:column and stick, as those of
 * engine/host/json.h do.
 */
#ifndef SCENARIOS_TABLE_H
#define SCENARIOS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/host/json.h"

#define TABLE_FIELDS_MAX 32
#define TABLE_FIELD_SIZE 64 /* with its 0 */

/* Start with table_open(). The fields are those of the line read last. */
struct table {
    const char *name;
    const char *next; /* unread from here ... */
    const char *end;  /* ... to here */
    struct json_error *err;
    uint32_t line; /* from 1: of the fields */
    uint32_t field_count;
    uint32_t columns[TABLE_FIELDS_MAX]; /* from 1: where each begins */
    char fields[TABLE_FIELDS_MAX][TABLE_FIELD_SIZE];
};

/*
 * Starts reading `size` bytes at `text`, which stay the caller's; `name` is
 * for errors. True if the first line is `header`.
 */
bool table_open(struct table *table, const char *name, const char *text,
                size_t size, const char *header, struct json_error *err);

/* Reads a line. False at the end, and on an error: see err->code. */
bool table_next(struct table *table);

/* Sets an error at a field of the line, unless one is set. Returns false. */
bool table_fail(struct table *table, uint32_t field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The field times 10 to the power `places`, which must be a whole number from
 * `min` to `max`: "1.25" with 3 places is 1250.
 */
bool table_number(struct table *table, uint32_t field, unsigned places,
                  uint64_t min, uint64_t max, uint64_t *value);

/*
 * Reads a decimal number such as "0.0000166667" times 10^places. False if it
 * is not one, has digits beyond those places, or does not fit.
 */
bool table_decimal(const char *text, unsigned places, uint64_t *value);

#endif
