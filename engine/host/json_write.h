/*
 * Writing JSON into a buffer that grows: members and elements with the commas
 * between them, strings that are valid whatever bytes they are made of. What
 * was written stays until the writer is reset.
 *
 *     json_open(&w, NULL);
 *     json_put_string(&w, "Id", "a", 1);
 *     json_open_array(&w, "Operations"); .. json_close_array(&w);
 *     json_close(&w);
 */
#ifndef ENGINE_HOST_JSON_WRITE_H
#define ENGINE_HOST_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start it as {0}; free(bytes) when done. */
struct json_writer {
    char *bytes; /* no end mark */
    size_t size;
    size_t capacity;
    bool first;  /* nothing stands in the current object or array yet */
    bool failed; /* out of memory: something is missing */
};

void json_write_reset(struct json_writer *w);

/* Bytes as they are. */
void json_raw(struct json_writer *w, const char *bytes, size_t size);

/* Each as a member with this name, or with NULL as an element. */
void json_open(struct json_writer *w, const char *name);
void json_close(struct json_writer *w);
void json_open_array(struct json_writer *w, const char *name);
void json_close_array(struct json_writer *w);
/* What is not UTF-8 becomes U+FFFD, and false is returned. */
bool json_put_string(struct json_writer *w, const char *name, const char *bytes,
                     size_t size);
void json_put_words(struct json_writer *w, const char *name, const char *text);
void json_put_number(struct json_writer *w, const char *name, uint64_t value);
void json_put_bool(struct json_writer *w, const char *name, bool value);
/* A time since 1970 as seconds with three digits after the point. */
void json_put_seconds(struct json_writer *w, const char *name, uint64_t ns);
/* The same as whole milliseconds. */
void json_put_millis(struct json_writer *w, const char *name, uint64_t ns);
/* Members that were written before, without the braces; none if empty. */
void json_put_members(struct json_writer *w, const char *bytes, size_t size);
/* Only the name: the value is written by json_raw(). */
void json_put_name(struct json_writer *w, const char *name);

#endif
