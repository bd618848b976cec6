#include "engine/host/redact.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/json_walk.h"

#define MARK "\"[REDACTED]\""

enum step_kind {
    STEP_KEY,
    STEP_INDEX,
    STEP_ANY_KEY,
    STEP_ANY_INDEX,
    STEP_DEEP /* any levels or none */
};

struct step {
    enum step_kind kind;
    uint32_t size; /* of key */
    char *key;     /* owned */
    uint64_t index;
};

struct pattern {
    uint32_t count;
    bool absolute;
    struct step steps[REDACT_STEPS_MAX + 1];
};

struct redact {
    size_t count;
    struct pattern patterns[];
};

/*
 * Where a value stands in every pattern: bit i of a pattern's word is set if
 * its first i steps lead here. All steps: the value is to be taken out.
 */
struct places {
    uint64_t bits[REDACT_PATTERNS_MAX];
};

/* Reading patterns -------------------------------------------------------- */

static struct step *add_step(struct pattern *pattern, enum step_kind kind)
{
    if (pattern->count > REDACT_STEPS_MAX)
        return NULL;
    struct step *step = &pattern->steps[pattern->count++];
    *step = (struct step){.kind = kind};
    return step;
}

static int add_key(struct pattern *pattern, const char *key, size_t size)
{
    struct step *step = add_step(pattern, STEP_KEY);
    if (!step)
        return REDACT_EPATTERN;
    step->key = malloc(size + 1);
    if (!step->key)
        return REDACT_ENOMEM;
    memcpy(step->key, key, size);
    step->key[size] = '\0';
    step->size = (uint32_t)size;
    return 0;
}

/* A name, * or ** at *at. */
static int read_name(struct pattern *pattern, const char **at)
{
    const char *name = *at;
    size_t size = strcspn(name, ".[]\"");
    *at += size;
    if (size == 0)
        return REDACT_EPATTERN;
    if (size == 1 && name[0] == '*')
        return add_step(pattern, STEP_ANY_KEY) ? 0 : REDACT_EPATTERN;
    if (size == 2 && memcmp(name, "**", 2) == 0)
        return add_step(pattern, STEP_DEEP) ? 0 : REDACT_EPATTERN;
    return add_key(pattern, name, size);
}

/* The key between quotes at *at; a backslash stands before " and itself. */
static int read_quoted(struct pattern *pattern, const char **at)
{
    char key[256];
    size_t size = 0;
    for (++*at; **at != '"'; ++*at) {
        if (**at == '\\')
            ++*at;
        if (**at == '\0' || size == sizeof(key))
            return REDACT_EPATTERN;
        key[size++] = **at;
    }
    ++*at;
    return add_key(pattern, key, size);
}

static int read_index(struct pattern *pattern, const char **at)
{
    uint64_t index = 0;
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 18)
        return REDACT_EPATTERN;
    for (size_t i = 0; i < digits; i++)
        index = index * 10 + (uint64_t)((*at)[i] - '0');
    *at += digits;
    struct step *step = add_step(pattern, STEP_INDEX);
    if (!step)
        return REDACT_EPATTERN;
    step->index = index;
    return 0;
}

/* [*], [7] or ["key"] at *at. */
static int read_bracket(struct pattern *pattern, const char **at)
{
    int code = 0;
    ++*at;
    if (**at == '"')
        code = read_quoted(pattern, at);
    else if (**at != '*')
        code = read_index(pattern, at);
    else if (++*at, !add_step(pattern, STEP_ANY_INDEX))
        code = REDACT_EPATTERN;
    if (code == 0 && *(*at)++ != ']')
        code = REDACT_EPATTERN;
    return code;
}

static int read_pattern(struct pattern *pattern, const char *at)
{
    int code = 0;
    if (*at == '$') {
        pattern->absolute = true;
        at++;
    } else {
        add_step(pattern, STEP_DEEP);
        if (*at != '[')
            code = read_name(pattern, &at);
    }
    while (code == 0 && *at != '\0') {
        if (*at == '[') {
            code = read_bracket(pattern, &at);
        } else if (*at == '.') {
            at++;
            code = read_name(pattern, &at);
        } else {
            code = REDACT_EPATTERN;
        }
    }
    /* Alone, ** would be everything, and that is written $. */
    if (code == 0 && pattern->count > 0 &&
        pattern->steps[pattern->count - 1].kind == STEP_DEEP)
        code = REDACT_EPATTERN;
    return code;
}

int redact_new(const char *const *patterns, size_t count,
               struct redact **redact, size_t *wrong)
{
    *redact = NULL;
    *wrong = REDACT_PATTERNS_MAX;
    if (count > REDACT_PATTERNS_MAX)
        return REDACT_EPATTERN;
    struct redact *made =
        calloc(1, sizeof(*made) + count * sizeof(made->patterns[0]));
    if (!made)
        return REDACT_ENOMEM;
    for (made->count = 0; made->count < count;) {
        *wrong = made->count;
        int code =
            read_pattern(&made->patterns[made->count++], patterns[*wrong]);
        if (code != 0) {
            redact_free(made);
            return code;
        }
    }
    *redact = made;
    return 0;
}

void redact_free(struct redact *redact)
{
    if (!redact)
        return;
    for (size_t i = 0; i < redact->count; i++)
        for (uint32_t j = 0; j < redact->patterns[i].count; j++)
            free(redact->patterns[i].steps[j].key);
    free(redact);
}

/* Matching ---------------------------------------------------------------- */

/* ** may be no level at all: what stands before it also stands behind it. */
static uint64_t spread(const struct pattern *pattern, uint64_t bits)
{
    for (uint32_t i = 0; i < pattern->count; i++)
        if ((bits >> i & 1) && pattern->steps[i].kind == STEP_DEEP)
            bits |= UINT64_C(2) << i;
    return bits;
}

static bool step_fits(const struct step *step, const char *text,
                      const struct engine_json_level *level)
{
    switch (step->kind) {
    case STEP_KEY:
        return !level->array &&
               engine_json_equal(text + level->key, level->key_size, step->key,
                                 step->size);
    case STEP_INDEX:
        return level->array && level->index == step->index;
    case STEP_ANY_KEY:
        return !level->array;
    case STEP_ANY_INDEX:
        return level->array;
    case STEP_DEEP:
        return true;
    }
    return false;
}

static void begin_places(const struct redact *redact, struct places *places)
{
    for (size_t i = 0; i < redact->count; i++)
        places->bits[i] = spread(&redact->patterns[i], 1);
}

/* From the places of a container to those of the value at this level. */
static void enter(const struct redact *redact, const struct places *from,
                  const char *text, const struct engine_json_level *level,
                  struct places *to)
{
    for (size_t i = 0; i < redact->count; i++) {
        const struct pattern *pattern = &redact->patterns[i];
        uint64_t bits = 0;
        for (uint32_t j = 0; j < pattern->count; j++) {
            if (!(from->bits[i] >> j & 1) ||
                !step_fits(&pattern->steps[j], text, level))
                continue;
            bits |= (pattern->steps[j].kind == STEP_DEEP ? UINT64_C(1)
                                                         : UINT64_C(2))
                    << j;
        }
        to->bits[i] = spread(pattern, bits);
    }
}

static bool matched(const struct redact *redact, const struct places *places)
{
    for (size_t i = 0; i < redact->count; i++)
        if (places->bits[i] >> redact->patterns[i].count & 1)
            return true;
    return false;
}

/* Writing ----------------------------------------------------------------- */

struct output {
    char *data;
    size_t size;
    size_t capacity;
    size_t count; /* values taken out */
    bool failed;
};

static void put(struct output *out, const char *bytes, size_t size)
{
    if (out->failed || size == 0)
        return;
    if (out->capacity - out->size < size) {
        size_t capacity = (out->size + size) * 2;
        char *data = realloc(out->data, capacity);
        out->failed = data == NULL;
        if (out->failed)
            return;
        out->data = data;
        out->capacity = capacity;
    }
    memcpy(out->data + out->size, bytes, size);
    out->size += size;
}

/* Bytes as a JSON string; they are valid UTF-8. */
static void put_string(struct output *out, const char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    put(out, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char unit[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        if (c < 0x20)
            put(out, unit, sizeof(unit));
        else if (c == '"' || c == '\\')
            put(out, (char[]){'\\', (char)c}, 2);
        else
            put(out, bytes + i, 1);
    }
    put(out, "\"", 1);
}

/* One text, or one string inside another. */
struct pass {
    const struct redact *redact;
    const char *text;
    size_t size;
    size_t copied; /* up to here it is in the output */
    unsigned inside;
    struct output out;
    const char *fault;
    size_t fault_at;
    struct engine_json_walk walk;
    struct places places[ENGINE_JSON_DEPTH + 1]; /* [0]: of the whole value */
};

static int run(struct pass *pass);

/* places are set as they are come to. */
static struct pass *pass_new(const struct redact *redact, const char *text,
                             size_t size)
{
    struct pass *pass = malloc(sizeof(*pass));
    if (pass) {
        memset(pass, 0, offsetof(struct pass, walk));
        pass->redact = redact;
        pass->text = text;
        pass->size = size;
    }
    return pass;
}

static void pass_free(struct pass *pass)
{
    if (pass)
        free(pass->out.data);
    free(pass);
}

/* Writes what stands before the value, and takes note of its end. */
static void copy_to(struct pass *pass, size_t begin, size_t end)
{
    put(&pass->out, pass->text + pass->copied, begin - pass->copied);
    pass->copied = end;
}

static void take_out(struct pass *pass, const struct engine_json_value *value)
{
    uint32_t depth = engine_json_place(&pass->walk, value);
    struct engine_json_value last = *value;
    while (pass->walk.depth > depth && engine_json_next(&pass->walk, &last))
        continue;
    copy_to(pass, value->begin, last.end);
    put(&pass->out, MARK, sizeof(MARK) - 1);
    pass->out.count++;
}

/* It may stand for an object or array, or for a string of one. */
static bool looks_nested(const char *string, size_t size)
{
    size_t at = 0;
    uint32_t rest = 0;
    int c;
    do
        c = engine_json_byte(string, size, &at, &rest);
    while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    return c == '{' || c == '[' || c == '"';
}

/* Writes what the string stands for, never more than its size, to bytes. */
static size_t decode(const char *string, size_t size, char *bytes)
{
    size_t at = 0;
    size_t count = 0;
    uint32_t rest = 0;
    for (;;) {
        int byte = engine_json_byte(string, size, &at, &rest);
        if (byte < 0)
            return count;
        bytes[count++] = (char)byte;
    }
}

static bool is_json(const char *bytes, size_t size)
{
    struct engine_json_walk walk;
    struct engine_json_value value;
    engine_json_start(&walk, bytes, size);
    while (engine_json_next(&walk, &value))
        continue;
    return walk.fault == NULL;
}

/* A string of JSON, decoded, that stands at these places. */
static int look_inside(struct pass *pass, const struct places *places,
                       const struct engine_json_value *value, const char *bytes,
                       size_t size)
{
    if (!is_json(bytes, size))
        return 0; /* only looks like it */
    if (pass->inside == REDACT_INSIDE_MAX) {
        pass->fault = "JSON inside strings too deep";
        pass->fault_at = value->begin;
        return REDACT_ETEXT;
    }
    struct pass *inner = pass_new(pass->redact, bytes, size);
    if (!inner)
        return REDACT_ENOMEM;
    inner->inside = pass->inside + 1;
    inner->places[0] = *places;
    int code = run(inner);
    if (code == 0 && inner->out.count > 0) {
        copy_to(pass, value->begin, value->end);
        put_string(&pass->out, inner->out.data, inner->out.size);
        pass->out.count += inner->out.count;
    } else if (code == REDACT_ETEXT) {
        pass->fault = inner->fault;
        pass->fault_at = value->begin;
    }
    pass_free(inner);
    return code;
}

static int take_string(struct pass *pass, const struct places *places,
                       const struct engine_json_value *value)
{
    const char *string = pass->text + value->begin + 1;
    size_t size = value->end - value->begin - 2;
    if (!looks_nested(string, size))
        return 0;
    char *bytes = malloc(size);
    if (!bytes)
        return REDACT_ENOMEM;
    int code =
        look_inside(pass, places, value, bytes, decode(string, size, bytes));
    free(bytes);
    return code;
}

static int take_value(struct pass *pass, const struct engine_json_value *value)
{
    uint32_t depth = engine_json_place(&pass->walk, value);
    struct places *places = &pass->places[depth];
    if (value->kind == ENGINE_JSON_END)
        return 0;
    if (depth > 0)
        enter(pass->redact, places - 1, pass->text,
              &pass->walk.levels[depth - 1], places);
    if (matched(pass->redact, places))
        take_out(pass, value);
    else if (value->kind == ENGINE_JSON_STRING)
        return take_string(pass, places, value);
    return 0;
}

/* places[0] is set. */
static int run(struct pass *pass)
{
    struct engine_json_value value;
    int code = 0;
    engine_json_start(&pass->walk, pass->text, pass->size);
    while (code == 0 && engine_json_next(&pass->walk, &value))
        code = take_value(pass, &value);
    if (code == 0 && pass->walk.fault) {
        pass->fault = pass->walk.fault;
        pass->fault_at = pass->walk.at;
        code = REDACT_ETEXT;
    }
    if (code == 0)
        copy_to(pass, pass->size, pass->size);
    return code == 0 && pass->out.failed ? REDACT_ENOMEM : code;
}

int redact_apply(const struct redact *redact, const char *json, size_t size,
                 struct redact_bytes *out, size_t *offset, const char **why)
{
    struct pass *pass = pass_new(redact, json, size);
    int code = REDACT_ENOMEM;
    *out = (struct redact_bytes){0};
    if (!pass)
        return code;
    if (redact->count == 0) {
        copy_to(pass, size, size);
        code = pass->out.failed ? REDACT_ENOMEM : 0;
    } else {
        begin_places(redact, &pass->places[0]);
        code = run(pass);
    }
    *offset = pass->fault_at;
    *why = pass->fault;
    if (code == 0) {
        out->data = pass->out.data;
        out->size = pass->out.size;
        out->count = pass->out.count;
        pass->out.data = NULL;
    }
    pass_free(pass);
    return code;
}
