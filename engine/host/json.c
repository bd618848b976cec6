#include "engine/host/json.h"

#include "engine/host/json_scan.h"
#include "engine/host/sentence.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct json_doc {
    char *name;
    char *text;
    uint32_t size;
    uint32_t count;
    struct json_place *places;
    cJSON *root;
};

/* Starts the line of an error, "name:line:column: ", keeping what it says. */
static struct sentence error_start(struct json_error *err, int code,
                                   const char *name, uint32_t line,
                                   uint32_t column)
{
    struct sentence out;

    err->code = code;
    err->line = line;
    err->column = column;
    sentence_init(&out, err->file, sizeof(err->file));
    sentence_plain(&out, name, strlen(name));
    sentence_init(&out, err->text, sizeof(err->text));
    sentence_add(&out, "%s:%u:%u: ", err->file, line, column);
    return out;
}

/* Starts an error about the byte @offset of a document. */
static struct sentence error_at(struct json_error *err, int code,
                                const struct json_doc *doc, uint32_t offset)
{
    uint32_t line;
    uint32_t column;

    json_scan_position(doc->text, offset, &line, &column);
    return error_start(err, code, doc->name, line, column);
}

static int no_memory(struct json_error *err, const char *name)
{
    struct sentence out = error_start(err, JSON_ENOMEM, name, 1, 1);

    sentence_add(&out, "memory ran out while reading this file");
    return JSON_ENOMEM;
}

static int too_large(struct json_error *err, const char *name, uintmax_t size)
{
    struct sentence out = error_start(err, JSON_ETEXT, name, 1, 1);

    sentence_add(&out, "found %s%ju bytes, allowed at most %d",
                 size == JSON_FILE_MAX + 1 ? "at least " : "", size,
                 JSON_FILE_MAX);
    return JSON_ETEXT;
}

static int unreadable(struct json_error *err, const char *name,
                      const char *found)
{
    struct sentence out = error_start(err, JSON_EREAD, name, 1, 1);

    sentence_add(&out, "found %s, allowed a readable JSON file", found);
    return JSON_EREAD;
}

/* What was found where opening or reading gave the error number @reason. */
static const char *reason_text(int reason)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        return "no such file";
    case EISDIR:
        return "a directory";
    case EACCES:
        return "a file that may not be read";
    default:
        return "a file that gives a read error";
    }
}

/* How many values there are in the tree under @item, itself included. */
static uint32_t tree_count(const cJSON *item)
{
    uint32_t count = 1;

    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        count += tree_count(child);
    }
    return count;
}

/* Checks the text of @doc and builds its tree. */
static int doc_parse(struct json_doc *doc, struct json_error *err)
{
    struct json_flaw flaw;
    struct sentence out;
    int code =
        json_scan(doc->text, doc->size, &doc->places, &doc->count, &flaw);

    if (code != 0) {
        out = error_at(err, code, doc, flaw.offset);
        sentence_plain(&out, flaw.text, strlen(flaw.text));
        return code;
    }
    doc->root = cJSON_ParseWithLengthOpts(doc->text, doc->size, NULL, 0);
    if (doc->root == NULL) {
        return no_memory(err, doc->name);
    }
    assert(tree_count(doc->root) == doc->count);
    return 0;
}

/* Makes a document of @text, which it then owns, even after an error. */
static int doc_new(const char *name, char *text, size_t size,
                   struct json_doc **out, struct json_error *err)
{
    struct json_doc *doc = calloc(1, sizeof(*doc));
    int code;

    if (doc == NULL) {
        free(text);
        return no_memory(err, name);
    }
    doc->text = text;
    doc->size = (uint32_t)size;
    doc->name = strdup(name);
    code = doc->name == NULL ? no_memory(err, name) : doc_parse(doc, err);
    if (code != 0) {
        json_free(doc);
        return code;
    }
    *out = doc;
    return 0;
}

int json_read_bytes(const char *name, const void *bytes, size_t size,
                    struct json_doc **doc, struct json_error *err)
{
    char *text;

    assert(name != NULL);
    *doc = NULL;
    if (err->code != 0) {
        return err->code;
    }
    if (size > JSON_FILE_MAX) {
        return too_large(err, name, size);
    }
    text = malloc(size + 1);
    if (text == NULL) {
        return no_memory(err, name);
    }
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    return doc_new(name, text, size, doc, err);
}

/* Reads until @room bytes or the end; returns the bytes read or -1. */
static ssize_t read_all(int fd, char *bytes, size_t room)
{
    size_t size = 0;

    while (size < room) {
        ssize_t got = read(fd, bytes + size, room - size);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
    }
    return (ssize_t)size;
}

/*
 * Reads the open file @fd. Its size only decides how much memory to take and
 * what to refuse at once: a pipe has none, and a file can grow meanwhile.
 */
static int read_open(int fd, const char *path, struct json_doc **doc,
                     struct json_error *err)
{
    size_t room = JSON_FILE_MAX + 1;
    struct stat status;
    ssize_t size;
    char *text;

    if (fstat(fd, &status) != 0) {
        return unreadable(err, path, reason_text(errno));
    }
    if (S_ISREG(status.st_mode) && status.st_size > JSON_FILE_MAX) {
        return too_large(err, path, (uintmax_t)status.st_size);
    }
    if (S_ISREG(status.st_mode) && status.st_size > 0) {
        room = (size_t)status.st_size + 1;
    }
    text = malloc(room + 1);
    if (text == NULL) {
        return no_memory(err, path);
    }
    size = read_all(fd, text, room);
    if (size < 0) {
        int reason = errno;

        free(text);
        return unreadable(err, path, reason_text(reason));
    }
    if (size > JSON_FILE_MAX) {
        free(text);
        return too_large(err, path, (uintmax_t)size);
    }
    if ((size_t)size == room) {
        free(text);
        return unreadable(err, path, "a file that grew meanwhile");
    }
    text[size] = '\0';
    return doc_new(path, text, (size_t)size, doc, err);
}

int json_read_file(const char *path, struct json_doc **doc,
                   struct json_error *err)
{
    int code;
    int fd;

    assert(path != NULL);
    *doc = NULL;
    if (err->code != 0) {
        return err->code;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return unreadable(err, path, reason_text(errno));
    }
    code = read_open(fd, path, doc, err);
    (void)close(fd);
    return code;
}

void json_free(struct json_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    cJSON_Delete(doc->root);
    free(doc->places);
    free(doc->text);
    free(doc->name);
    free(doc);
}

struct json_view json_root(const struct json_doc *doc)
{
    assert(doc != NULL);
    return (struct json_view){.doc = doc, .item = doc->root, .index = 0};
}

static const struct json_place *place_of(struct json_view view)
{
    assert(view.doc != NULL);
    assert(view.item != NULL);
    assert(view.index < view.doc->count);
    return &view.doc->places[view.index];
}

static uint32_t key_offset(struct json_view view)
{
    const struct json_place *place = place_of(view);

    return place->key == JSON_NO_KEY ? place->value : place->key;
}

void json_where(struct json_view view, uint32_t *line, uint32_t *column)
{
    json_scan_position(view.doc->text, place_of(view)->value, line, column);
}

void json_where_key(struct json_view view, uint32_t *line, uint32_t *column)
{
    json_scan_position(view.doc->text, key_offset(view), line, column);
}

bool json_fail(struct json_view view, struct json_error *err,
               const char *format, ...)
{
    struct sentence out;
    va_list args;

    if (err->code == 0) {
        out = error_at(err, JSON_ETEXT, view.doc, place_of(view)->value);
        va_start(args, format);
        sentence_vadd(&out, format, args);
        va_end(args);
    }
    return false;
}

bool json_fail_key(struct json_view view, struct json_error *err,
                   const char *format, ...)
{
    struct sentence out;
    va_list args;

    if (err->code == 0) {
        out = error_at(err, JSON_ETEXT, view.doc, key_offset(view));
        va_start(args, format);
        sentence_vadd(&out, format, args);
        va_end(args);
    }
    return false;
}

/* An error at @offset about a name that is not among @names. */
static bool fail_choice(struct json_view view, uint32_t offset,
                        struct json_error *err, const char *what,
                        const char *found, const char *const *names,
                        size_t count)
{
    struct sentence out;

    if (err->code == 0) {
        out = error_at(err, JSON_ETEXT, view.doc, offset);
        sentence_add(&out, "found %s ", what);
        sentence_quote(&out, found, strlen(found));
        sentence_choices(&out, found, names, count);
    }
    return false;
}

bool json_fail_choice(struct json_view view, struct json_error *err,
                      const char *what, const char *found,
                      const char *const *names, size_t count)
{
    return fail_choice(view, place_of(view)->value, err, what, found, names,
                       count);
}

struct json_view json_first(struct json_view parent)
{
    struct json_view child = {.doc = parent.doc};

    if (parent.item != NULL && parent.item->child != NULL) {
        child.item = parent.item->child;
        child.index = parent.index + 1;
    }
    return child;
}

struct json_view json_next(struct json_view view)
{
    struct json_view next = {.doc = view.doc};

    if (view.item != NULL && view.item->next != NULL) {
        next.item = view.item->next;
        next.index = place_of(view)->next;
    }
    return next;
}

const char *json_key(struct json_view view)
{
    return view.item == NULL ? NULL : view.item->string;
}

size_t json_count(struct json_view parent)
{
    size_t count = 0;

    for (struct json_view v = json_first(parent); v.item; v = json_next(v)) {
        count++;
    }
    return count;
}

bool json_is_object(struct json_view view)
{
    return cJSON_IsObject(view.item);
}

bool json_is_array(struct json_view view)
{
    return cJSON_IsArray(view.item);
}

bool json_is_string(struct json_view view)
{
    return cJSON_IsString(view.item);
}

bool json_is_number(struct json_view view)
{
    return cJSON_IsNumber(view.item);
}

struct json_view json_member(struct json_view object, const char *key)
{
    struct json_view v = {.doc = object.doc};

    if (json_is_object(object)) {
        for (v = json_first(object); v.item; v = json_next(v)) {
            if (strcmp(v.item->string, key) == 0) {
                break;
            }
        }
    }
    return v;
}

/* The text of a value that is a string. */
static const char *text_of(struct json_view view)
{
    assert(view.item->valuestring != NULL);
    return view.item->valuestring;
}

/* Appends what @view is, as in `the string "abc"`. */
static void say_found(struct sentence *out, struct json_view view)
{
    const char *text = view.doc->text + place_of(view)->value;

    if (json_is_object(view)) {
        sentence_add(out, "an object");
    } else if (json_is_array(view)) {
        sentence_add(out, "an array");
    } else if (json_is_string(view)) {
        sentence_add(out, "the string ");
        sentence_quote(out, text_of(view), strlen(text_of(view)));
    } else if (json_is_number(view)) {
        sentence_add(out, "the number ");
        sentence_plain(out, text, strspn(text, "+-.0123456789eE"));
    } else {
        sentence_plain(out, text, strspn(text, "truefalsn"));
    }
}

/*
 * Starts an error about the type or the size of a value: `found the number 5
 * for "why", allowed `. Only to be called while @err is not set.
 */
static struct sentence error_found(struct json_view view,
                                   struct json_error *err)
{
    struct sentence out =
        error_at(err, JSON_ETEXT, view.doc, place_of(view)->value);

    sentence_add(&out, "found ");
    say_found(&out, view);
    if (json_key(view) != NULL) {
        sentence_add(&out, " for ");
        sentence_quote(&out, json_key(view), strlen(json_key(view)));
    }
    return out;
}

static bool fail_found(struct json_view view, struct json_error *err,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail_found(struct json_view view, struct json_error *err,
                       const char *format, ...)
{
    struct sentence out = error_found(view, err);
    va_list args;

    va_start(args, format);
    sentence_vadd(&out, format, args);
    va_end(args);
    return false;
}

bool json_as_object(struct json_view view, struct json_error *err)
{
    if (err->code != 0 || json_is_object(view)) {
        return err->code == 0;
    }
    return fail_found(view, err, ", allowed an object");
}

bool json_as_array(struct json_view view, size_t count_min, size_t count_max,
                   struct json_error *err)
{
    size_t count;

    if (err->code != 0) {
        return false;
    }
    if (!json_is_array(view)) {
        return fail_found(view, err, ", allowed an array");
    }
    count = json_count(view);
    if (count_min == count_max && count != count_min) {
        return fail_found(view, err, " of %zu value%s, allowed %zu", count,
                          count == 1 ? "" : "s", count_min);
    }
    if (count < count_min || count > count_max) {
        return fail_found(view, err, " of %zu value%s, allowed %zu to %zu",
                          count, count == 1 ? "" : "s", count_min, count_max);
    }
    return true;
}

bool json_as_string(struct json_view view, size_t size_min, size_t size_max,
                    const char **text, struct json_error *err)
{
    size_t size;

    if (err->code != 0) {
        return false;
    }
    if (!json_is_string(view)) {
        return fail_found(view, err, ", allowed a string");
    }
    size = strlen(text_of(view));
    if (size < size_min || size > size_max) {
        return fail_found(view, err, " of %zu bytes, allowed %zu to %zu", size,
                          size_min, size_max);
    }
    *text = text_of(view);
    return true;
}

/* Whether a number is written without point and exponent. */
static bool is_integer(struct json_view view)
{
    const char *text = view.doc->text + place_of(view)->value;
    size_t digits = strspn(text, "-0123456789");

    return text[digits] == '\0' || strchr(".eE", text[digits]) == NULL;
}

/* Whether only the way it is written is wrong: 5.0 and 5e0 for 5. */
static bool is_whole(struct json_view view, int64_t min, int64_t max)
{
    double found = json_is_number(view) ? view.item->valuedouble : 0.5;

    return found >= (double)min && found <= (double)max &&
           found == (double)(int64_t)found;
}

bool json_as_int(struct json_view view, int64_t min, int64_t max,
                 int64_t *value, struct json_error *err)
{
    int64_t found;

    if (err->code != 0) {
        return false;
    }
    if (json_is_number(view) && is_integer(view)) {
        found = (int64_t)view.item->valuedouble;
        if (found >= min && found <= max) {
            *value = found;
            return true;
        }
    }
    return fail_found(view, err, ", allowed an integer from %jd to %jd%s",
                      (intmax_t)min, (intmax_t)max,
                      is_whole(view, min, max) ? ", without point and exponent"
                                               : "");
}

bool json_as_double(struct json_view view, double min, double max,
                    double *value, struct json_error *err)
{
    if (err->code != 0) {
        return false;
    }
    if (json_is_number(view) && view.item->valuedouble >= min &&
        view.item->valuedouble <= max) {
        *value = view.item->valuedouble;
        return true;
    }
    return fail_found(view, err, ", allowed a number from %.15g to %.15g", min,
                      max);
}

bool json_as_bool(struct json_view view, bool *value, struct json_error *err)
{
    if (err->code != 0) {
        return false;
    }
    if (!cJSON_IsBool(view.item)) {
        return fail_found(view, err, ", allowed true or false");
    }
    *value = cJSON_IsTrue(view.item);
    return true;
}

bool json_as_enum(struct json_view view, const char *const *names, size_t count,
                  size_t *index, struct json_error *err)
{
    struct sentence out;
    const char *found;

    if (err->code != 0) {
        return false;
    }
    found = json_is_string(view) ? text_of(view) : NULL;
    for (size_t i = 0; found != NULL && i < count; i++) {
        if (strcmp(found, names[i]) == 0) {
            *index = i;
            return true;
        }
    }
    out = error_found(view, err);
    sentence_choices(&out, found == NULL ? "" : found, names, count);
    return false;
}

/*
 * The text of a value that must be a string such as @example, or NULL and an
 * error that says what @allowed it is.
 */
static const char *quantity_text(struct json_view view, const char *allowed,
                                 const char *example, struct json_error *err)
{
    if (err->code != 0) {
        return NULL;
    }
    if (!json_is_string(view)) {
        (void)fail_found(view, err, ", allowed %s as a string, e.g. \"%s\"",
                         allowed, example);
        return NULL;
    }
    return text_of(view);
}

bool json_as_quantity(struct json_view view, enum quantity_kind kind,
                      uint64_t min, uint64_t max, uint64_t *value,
                      struct json_error *err)
{
    const char *text =
        quantity_text(view, quantity_name(kind), quantity_example(kind), err);
    const char *why = NULL;
    char low[32];
    char high[32];
    uint64_t found;

    if (text == NULL) {
        return false;
    }
    if (quantity_read(kind, text, &found, &why) != 0) {
        return fail_found(view, err, ": %s", why);
    }
    if (found < min || found > max) {
        return fail_found(view, err, ", allowed \"%s\" to \"%s\"",
                          quantity_print(kind, min, low, sizeof(low)),
                          quantity_print(kind, max, high, sizeof(high)));
    }
    *value = found;
    return true;
}

bool json_as_offset(struct json_view view, int64_t *ns, struct json_error *err)
{
    const char *text = quantity_text(view, "a duration", "-5s", err);
    const char *why = NULL;

    if (text != NULL && quantity_read_offset(text, ns, &why) != 0) {
        return fail_found(view, err, ": %s", why);
    }
    return text != NULL;
}

bool json_as_drift(struct json_view view, int64_t *ppb, struct json_error *err)
{
    const char *text = quantity_text(view, "a drift", "-50ppm", err);
    const char *why = NULL;

    if (text != NULL && quantity_read_drift(text, ppb, &why) != 0) {
        return fail_found(view, err, ": %s", why);
    }
    return text != NULL;
}

bool json_as_rate(struct json_view view, struct quantity_rate *rate,
                  struct json_error *err)
{
    const char *text = quantity_text(view, "a rate", "100/s", err);
    const char *why = NULL;

    if (text != NULL && quantity_read_rate(text, rate, &why) != 0) {
        return fail_found(view, err, ": %s", why);
    }
    return text != NULL;
}

bool json_as_range(struct json_view view, struct quantity_range *range,
                   struct json_error *err)
{
    const char *text = quantity_text(view, "a range", "1-3", err);
    const char *why = NULL;

    if (text != NULL && quantity_read_range(text, range, &why) != 0) {
        return fail_found(view, err, ": %s", why);
    }
    return text != NULL;
}

bool json_check_keys(struct json_view object, const char *const *names,
                     size_t count, struct json_error *err)
{
    if (!json_as_object(object, err)) {
        return false;
    }
    for (struct json_view v = json_first(object); v.item; v = json_next(v)) {
        size_t i = 0;

        while (i < count && strcmp(v.item->string, names[i]) != 0) {
            i++;
        }
        if (i == count) {
            return fail_choice(v, key_offset(v), err, "key", v.item->string,
                               names, count);
        }
    }
    return true;
}

bool json_get(struct json_view object, const char *key, enum json_need need,
              struct json_view *view, struct json_error *err)
{
    struct json_view member;

    if (!json_as_object(object, err)) {
        return false;
    }
    member = json_member(object, key);
    if (member.item != NULL) {
        *view = member;
        return true;
    }
    if (need == JSON_REQUIRED) {
        return json_fail(object, err,
                         "found an object without \"%s\", allowed only with "
                         "this key",
                         key);
    }
    return false;
}

bool json_get_object(struct json_view object, const char *key,
                     enum json_need need, struct json_view *view,
                     struct json_error *err)
{
    struct json_view member;

    if (!json_get(object, key, need, &member, err) ||
        !json_as_object(member, err)) {
        return false;
    }
    *view = member;
    return true;
}

bool json_get_array(struct json_view object, const char *key,
                    enum json_need need, size_t count_min, size_t count_max,
                    struct json_view *view, struct json_error *err)
{
    struct json_view member;

    if (!json_get(object, key, need, &member, err) ||
        !json_as_array(member, count_min, count_max, err)) {
        return false;
    }
    *view = member;
    return true;
}

bool json_get_string(struct json_view object, const char *key,
                     enum json_need need, size_t size_min, size_t size_max,
                     const char **text, struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_string(member, size_min, size_max, text, err);
}

bool json_get_int(struct json_view object, const char *key, enum json_need need,
                  int64_t min, int64_t max, int64_t *value,
                  struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_int(member, min, max, value, err);
}

bool json_get_double(struct json_view object, const char *key,
                     enum json_need need, double min, double max, double *value,
                     struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_double(member, min, max, value, err);
}

bool json_get_bool(struct json_view object, const char *key,
                   enum json_need need, bool *value, struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_bool(member, value, err);
}

bool json_get_enum(struct json_view object, const char *key,
                   enum json_need need, const char *const *names, size_t count,
                   size_t *index, struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_enum(member, names, count, index, err);
}

bool json_get_quantity(struct json_view object, const char *key,
                       enum json_need need, enum quantity_kind kind,
                       uint64_t min, uint64_t max, uint64_t *value,
                       struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_quantity(member, kind, min, max, value, err);
}

bool json_get_duration(struct json_view object, const char *key,
                       enum json_need need, uint64_t min, uint64_t max,
                       uint64_t *ns, struct json_error *err)
{
    return json_get_quantity(object, key, need, QUANTITY_DURATION, min, max, ns,
                             err);
}

bool json_get_rate(struct json_view object, const char *key,
                   enum json_need need, struct quantity_rate *rate,
                   struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_rate(member, rate, err);
}

bool json_get_range(struct json_view object, const char *key,
                    enum json_need need, struct quantity_range *range,
                    struct json_error *err)
{
    struct json_view member;

    return json_get(object, key, need, &member, err) &&
           json_as_range(member, range, err);
}
