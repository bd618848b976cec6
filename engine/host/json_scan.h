#ifndef ENGINE_HOST_JSON_SCAN_H
#define ENGINE_HOST_JSON_SCAN_H

/*
 * The gate in front of cJSON: one pass over a text that decides whether it is
 * JSON we accept (RFC 8259 to the letter, and the limits of json.h), and notes
 * where each value begins. It builds no values; that is left to cJSON, which
 * sees only texts that passed. Private to engine/host/json.c.
 */

#include "engine/host/sentence.h"

#include <stddef.h>
#include <stdint.h>

/* In json_place.key of a value that is not the member of an object. */
#define JSON_NO_KEY UINT32_MAX

/* One value; places stand in document order, a parent before its children. */
struct json_place {
    /* Byte offset of the first character of the value. */
    uint32_t value;
    /* Byte offset of the opening quote of its key, or JSON_NO_KEY. */
    uint32_t key;
    /* Index of the place that follows this value and all it contains. */
    uint32_t next;
};

/* What is wrong with a text, and where. */
struct json_flaw {
    /* JSON_ETEXT or JSON_ENOMEM. */
    int code;
    uint32_t offset;
    char text[512];
};

/*
 * Checks @text of @size bytes, at most JSON_FILE_MAX. Returns 0 and an array
 * of @count places that the caller frees, or a negative code of json.h with
 * @flaw filled and *@places NULL.
 */
int json_scan(const char *text, size_t size, struct json_place **places,
              uint32_t *count, struct json_flaw *flaw);

/*
 * Line and column, both from 1, of the byte @offset; a column is a code
 * point. Costs a pass over the text before @offset.
 */
void json_scan_position(const char *text, uint32_t offset, uint32_t *line,
                        uint32_t *column);

#endif
