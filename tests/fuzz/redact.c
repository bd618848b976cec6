/*
 * The walk over JSON and what is built on it, under any bytes: what the
 * strict reader of files accepts must pass, what redaction writes must be
 * JSON in which no listed value is left, and redacting it again must change
 * nothing. A first line "P PATTERN" is tried as one more pattern.
 */
#include "engine/host/redact.h"
#include "engine/host/json.h"
#include "engine/json_walk.h"
#include "engine/value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_json(const char *text, size_t size)
{
    struct engine_json_walk walk;
    struct engine_json_value value;
    char path[64];
    size_t last = 0;
    engine_json_start(&walk, text, size);
    while (engine_json_next(&walk, &value)) {
        must(value.begin >= last && value.end > value.begin);
        must(strlen(engine_json_path(&walk, &value, path, sizeof(path))) < 64);
        last = value.end;
    }
    must(walk.at <= size);
    return walk.fault == NULL;
}

static bool is_password(const char *text, const struct engine_json_level *level)
{
    return !level->array &&
           engine_json_equal(text + level->key, level->key_size, "password", 8);
}

/* Every member "password" has been taken out, whatever its value was. */
static void check_clean(const char *text, size_t size)
{
    struct engine_json_walk walk;
    struct engine_json_value value;
    engine_json_start(&walk, text, size);
    while (engine_json_next(&walk, &value)) {
        uint32_t depth = engine_json_place(&walk, &value);
        if (value.kind == ENGINE_JSON_END || depth == 0 ||
            !is_password(text, &walk.levels[depth - 1]))
            continue;
        must(value.end - value.begin == 12 &&
             memcmp(text + value.begin, "\"[REDACTED]\"", 12) == 0);
    }
    must(walk.fault == NULL);
}

static void check_redact(const struct redact *redact, const char *text,
                         size_t size)
{
    struct redact_bytes once;
    struct redact_bytes twice;
    size_t offset;
    const char *why;
    if (redact_apply(redact, text, size, &once, &offset, &why) != 0) {
        must(offset <= size && why != NULL && once.data == NULL);
        return;
    }
    must(is_json(text, size));
    check_clean(once.data, once.size);
    must(redact_apply(redact, once.data, once.size, &twice, &offset, &why) ==
         0);
    must(once.size == twice.size &&
         memcmp(once.data, twice.data, once.size) == 0);
    free(once.data);
    free(twice.data);
}

static void check_reader(const char *text, size_t size)
{
    struct engine_value_fault fault;
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    bool json = is_json(text, size);
    if (json_read_bytes("fuzz", text, size, &doc, &err) == 0)
        must(json);
    json_free(doc);
    enum engine_error strict = engine_value_storable(text, size, true, &fault);
    must(json || strict == ENGINE_ERR_SERIALIZATION);
    must((strict == ENGINE_ERR_NONE) == (fault.text[0] == '\0'));
    enum engine_error loose = engine_value_storable(text, size, false, &fault);
    must(loose == (json ? strict : ENGINE_ERR_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *patterns[] = {"password", "$.card.number", "items[*].secret",
                              "**.a.*[1]", NULL};
    const char *text = (const char *)data;
    char line[64];
    const char *end = memchr(text, '\n', size < 64 ? size : 64);
    struct redact *redact;
    size_t wrong;
    size_t count = 4;
    if (end != NULL && size > 2 && memcmp(text, "P ", 2) == 0) {
        size_t length = (size_t)(end - text) - 2;
        memcpy(line, text + 2, length);
        line[length] = '\0';
        patterns[count++] = line;
        text = end + 1;
        size -= length + 3;
    }
    check_reader(text, size);
    if (redact_new(patterns, count, &redact, &wrong) == 0)
        check_redact(redact, text, size);
    else
        must(wrong == 4);
    redact_free(redact);
    return 0;
}
