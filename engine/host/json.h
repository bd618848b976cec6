#ifndef ENGINE_HOST_JSON_H
#define ENGINE_HOST_JSON_H

/*
 * Reading JSON that a person wrote, strictly. cJSON builds the tree, but only
 * from texts that passed a check in front of it: valid UTF-8 without a byte
 * order mark, RFC 8259 to the letter, nothing after the value, no key twice in
 * one object, no U+0000, integers within ±(2^53 - 1), reals within 1e±300,
 * at most JSON_DEPTH_MAX levels, JSON_VALUES_MAX values, JSON_FILE_MAX bytes.
 * Every value knows its place, so every error can say
 *
 *     file:line:column: found X, allowed Y; did you mean "Z"?
 *
 * Errors stick: the first one is kept and every later call with the same
 * json_error does nothing and returns false, so that a reader is a plain list
 * of calls with one test at the end. A member that is optional and absent
 * leaves the result as it was: set the default first.
 *
 *     static const char *const keys[] = {"why", "runs", "lease"};
 *     struct json_error err = {0};
 *     struct json_doc *doc = NULL;
 *     uint64_t lease_ns = 60000000000;
 *     int64_t runs = 1;
 *
 *     if (json_read_file("a.json", &doc, &err) == 0) {
 *         struct json_view top = json_root(doc);
 *         json_check_keys(top, keys, 3, &err);
 *         json_get_int(top, "runs", JSON_REQUIRED, 1, 1000000, &runs, &err);
 *         json_get_duration(top, "lease", JSON_OPTIONAL, 1000000000,
 *                           3600000000000, &lease_ns, &err);
 *     }
 *     if (err.code != 0)
 *         fprintf(stderr, "%s\n", err.text);
 *     json_free(doc);
 */

#include "engine/host/quantity.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_code {
    /* The file is missing, a directory, or reading it failed. */
    JSON_EREAD = -1,
    /* The text, or a value in it, is not acceptable. */
    JSON_ETEXT = -2,
    /* Memory ran out. */
    JSON_ENOMEM = -3
};

enum {
    JSON_FILE_MAX = 16 * 1024 * 1024,
    JSON_VALUES_MAX = 1000000,
    JSON_DEPTH_MAX = 64
};

/* The largest integer a number may be; the smallest is its negative. */
#define JSON_INT_MAX INT64_C(9007199254740991)

/* Start it as {0}. */
struct json_error {
    /* 0 while nothing is wrong, then the code of the first error. */
    int code;
    /* From 1; a column counts code points. 1:1 for the file as a whole. */
    uint32_t line;
    uint32_t column;
    /* The name given to json_read_*, safe to print, cut if very long. */
    char file[512];
    /* The whole line, "file:line:column: sentence", safe to print. */
    char text[1536];
};

enum json_need {
    JSON_REQUIRED,
    JSON_OPTIONAL
};

struct json_doc;

/*
 * A value of a document. Copied freely, valid until json_free(doc). `item` is
 * NULL in the view past the end of a list and of a member that is absent.
 */
struct json_view {
    const struct json_doc *doc;
    const cJSON *item;
    /* Of the value among all values of the document, in document order. */
    uint32_t index;
};

/*
 * Reads the file at @path, never more than JSON_FILE_MAX + 1 bytes of it.
 * Returns 0 and a document that the caller frees, or the code now in @err,
 * with *@doc NULL.
 */
int json_read_file(const char *path, struct json_doc **doc,
                   struct json_error *err);

/* The same from memory; @name stands for the file in errors. Copies both. */
int json_read_bytes(const char *name, const void *bytes, size_t size,
                    struct json_doc **doc, struct json_error *err);

/* Frees a document and with it all views and strings. NULL is allowed. */
void json_free(struct json_doc *doc);

/* The outermost value. */
struct json_view json_root(const struct json_doc *doc);

/*
 * Line and column of a value, or of the key it stands under (of the value if
 * it has none). Costs a pass over the text: meant for errors.
 */
void json_where(struct json_view view, uint32_t *line, uint32_t *column);
void json_where_key(struct json_view view, uint32_t *line, uint32_t *column);

/*
 * Sets @err, unless it is set, to a sentence about a value (or its key): write
 * it as "found X, allowed Y". Always returns false.
 */
bool json_fail(struct json_view view, struct json_error *err,
               const char *format, ...) __attribute__((format(printf, 3, 4)));
bool json_fail_key(struct json_view view, struct json_error *err,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a name that is not among those known here: `found WHAT "found",
 * allowed "a", "b"; did you mean "a"?`. @what may be "step", "point", ...
 */
bool json_fail_choice(struct json_view view, struct json_error *err,
                      const char *what, const char *found,
                      const char *const *names, size_t count);

/*
 * Walking: the first child of an object or array and the one after it, with
 * item NULL at the end (and at once for values that have no children). The key
 * of a member, NULL for other values. The number of children.
 *
 *     for (struct json_view v = json_first(list); v.item; v = json_next(v))
 */
struct json_view json_first(struct json_view parent);
struct json_view json_next(struct json_view view);
const char *json_key(struct json_view view);
size_t json_count(struct json_view parent);

/* Whether a value is of a type, for places where several are allowed. */
bool json_is_object(struct json_view view);
bool json_is_array(struct json_view view);
bool json_is_string(struct json_view view);
bool json_is_number(struct json_view view);

/* The member @key, compared byte by byte; item NULL if there is none. */
struct json_view json_member(struct json_view object, const char *key);

/*
 * True if @object is an object whose keys are all among @names. Otherwise the
 * first key that is not is an error at that key, with the nearest name.
 */
bool json_check_keys(struct json_view object, const char *const *names,
                     size_t count, struct json_error *err);

/*
 * What a value is, for members of lists and for values with several forms.
 * True and the result if it is of the type and within the limits, which are
 * inclusive; else an error at the value, and false. Strings belong to the
 * document; their limits are in bytes. An integer is written without point and
 * exponent. An enum gives the index of the string in @names.
 */
bool json_as_object(struct json_view view, struct json_error *err);
bool json_as_array(struct json_view view, size_t count_min, size_t count_max,
                   struct json_error *err);
bool json_as_string(struct json_view view, size_t size_min, size_t size_max,
                    const char **text, struct json_error *err);
bool json_as_int(struct json_view view, int64_t min, int64_t max,
                 int64_t *value, struct json_error *err);
bool json_as_double(struct json_view view, double min, double max,
                    double *value, struct json_error *err);
bool json_as_bool(struct json_view view, bool *value, struct json_error *err);
bool json_as_enum(struct json_view view, const char *const *names, size_t count,
                  size_t *index, struct json_error *err);
bool json_as_quantity(struct json_view view, enum quantity_kind kind,
                      uint64_t min, uint64_t max, uint64_t *value,
                      struct json_error *err);
bool json_as_offset(struct json_view view, int64_t *ns, struct json_error *err);
bool json_as_drift(struct json_view view, int64_t *ppb, struct json_error *err);
bool json_as_rate(struct json_view view, struct quantity_rate *rate,
                  struct json_error *err);
bool json_as_range(struct json_view view, struct quantity_range *range,
                   struct json_error *err);

/*
 * The same of a member. True if it was there and is stored; false, with the
 * result as it was, if it is optional and absent or if @err is set. One that
 * is required and absent is an error at the object. @object may be any value:
 * one that is not an object is an error.
 */
bool json_get(struct json_view object, const char *key, enum json_need need,
              struct json_view *view, struct json_error *err);
bool json_get_object(struct json_view object, const char *key,
                     enum json_need need, struct json_view *view,
                     struct json_error *err);
bool json_get_array(struct json_view object, const char *key,
                    enum json_need need, size_t count_min, size_t count_max,
                    struct json_view *view, struct json_error *err);
bool json_get_string(struct json_view object, const char *key,
                     enum json_need need, size_t size_min, size_t size_max,
                     const char **text, struct json_error *err);
bool json_get_int(struct json_view object, const char *key, enum json_need need,
                  int64_t min, int64_t max, int64_t *value,
                  struct json_error *err);
bool json_get_double(struct json_view object, const char *key,
                     enum json_need need, double min, double max, double *value,
                     struct json_error *err);
bool json_get_bool(struct json_view object, const char *key,
                   enum json_need need, bool *value, struct json_error *err);
bool json_get_enum(struct json_view object, const char *key,
                   enum json_need need, const char *const *names, size_t count,
                   size_t *index, struct json_error *err);
bool json_get_quantity(struct json_view object, const char *key,
                       enum json_need need, enum quantity_kind kind,
                       uint64_t min, uint64_t max, uint64_t *value,
                       struct json_error *err);
/* A QUANTITY_DURATION, in nanoseconds. */
bool json_get_duration(struct json_view object, const char *key,
                       enum json_need need, uint64_t min, uint64_t max,
                       uint64_t *ns, struct json_error *err);
bool json_get_rate(struct json_view object, const char *key,
                   enum json_need need, struct quantity_rate *rate,
                   struct json_error *err);
bool json_get_range(struct json_view object, const char *key,
                    enum json_need need, struct quantity_range *range,
                    struct json_error *err);

#endif
