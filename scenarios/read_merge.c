#include "scenarios/read_merge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/json_scan.h"

/* Grows an array of @size wide elements so that @need of them fit. */
static bool grow(struct read_merge *merge, void **array, size_t *room,
                 size_t need, size_t size)
{
    if (need <= *room)
        return true;
    size_t wanted = need + need / 2 + 64;
    void *bigger = merge->failed ? NULL : realloc(*array, wanted * size);
    if (!bigger) {
        merge->failed = true;
        return false;
    }
    *array = bigger;
    *room = wanted;
    return true;
}

static void put(struct read_merge *merge, const char *bytes, size_t size)
{
    void *text = merge->text;
    if (!grow(merge, &text, &merge->room, merge->size + size + 1, 1))
        return;
    merge->text = text;
    memcpy(merge->text + merge->size, bytes, size);
    merge->size += size;
    merge->text[merge->size] = '\0';
}

/* Appends bytes of a part and remembers where they are from. */
static void put_part(struct read_merge *merge, const struct read_part *part,
                     size_t from, size_t end)
{
    void *pieces = merge->pieces;
    if (!grow(merge, &pieces, &merge->piece_room, merge->count + 1,
              sizeof(*merge->pieces)))
        return;
    merge->pieces = pieces;
    merge->pieces[merge->count++] =
        (struct read_piece){.at = merge->size, .from = from, .part = part};
    put(merge, part->text + from, end - from);
}

/* The end of the string whose opening quote is at @at. */
static size_t string_end(const char *text, size_t at)
{
    assert(text[at] == '"');
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

/* The end of the value at @at, in a text that is known to be JSON. */
static size_t value_end(const char *text, size_t size, size_t at)
{
    size_t depth = 0;
    while (at < size) {
        char c = text[at];
        if (c == '"') {
            at = string_end(text, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            depth--;
            at++;
        } else {
            at += depth > 0 ? 1 : strcspn(text + at, ",]} \t\r\n");
        }
        if (depth == 0)
            break;
    }
    return at;
}

/* A part whose values have known places. */
struct source {
    const struct read_part *part;
    struct json_place *places;
};

static bool source_open(struct source *source, const struct read_part *part)
{
    struct json_flaw flaw;
    uint32_t count = 0;
    source->part = part;
    return json_scan(part->text, part->size, &source->places, &count, &flaw) ==
           0;
}

static size_t end_of(const struct source *source, struct json_view view)
{
    return value_end(source->part->text, source->part->size,
                     source->places[view.index].value);
}

static void put_comma(struct read_merge *merge, bool *first)
{
    if (!*first)
        put(merge, ",", 1);
    *first = false;
}

/* Copies a member with its key. */
static void put_member(struct read_merge *merge, const struct source *source,
                       struct json_view member, bool *first)
{
    put_comma(merge, first);
    put_part(merge, source->part, source->places[member.index].key,
             end_of(source, member));
}

static bool is_among(const char *key, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, names[i]) == 0)
            return true;
    }
    return false;
}

/* What the base has and ours has not. */
static void put_rest(struct read_merge *merge, const struct source *base,
                     struct json_view from, struct json_view ours,
                     const char *const *dropped, size_t dropped_count,
                     bool *first)
{
    for (struct json_view v = json_first(from); v.item; v = json_next(v)) {
        if (!json_member(ours, json_key(v)).item &&
            !is_among(json_key(v), dropped, dropped_count))
            put_member(merge, base, v, first);
    }
}

static void put_open(struct read_merge *merge, const struct source *source,
                     struct json_view object)
{
    size_t at = source->places[object.index].value;
    put_part(merge, source->part, at, at + 1);
}

/* A section that both have, with its key. */
static void put_section(struct read_merge *merge, const struct source *ours,
                        struct json_view mine, const struct source *base,
                        struct json_view theirs, bool *first)
{
    const struct json_place *place = &ours->places[mine.index];
    bool first_inside = true;
    put_comma(merge, first);
    put_part(merge, ours->part, place->key, place->value + 1);
    for (struct json_view v = json_first(mine); v.item; v = json_next(v))
        put_member(merge, ours, v, &first_inside);
    put_rest(merge, base, theirs, mine, NULL, 0, &first_inside);
    put(merge, "}", 1);
}

static void put_all(struct read_merge *merge, const struct source *ours,
                    const struct source *base, const char *const *dropped,
                    size_t dropped_count)
{
    struct json_view mine = json_root(ours->part->doc);
    struct json_view theirs = json_root(base->part->doc);
    bool first = true;
    put_open(merge, ours, mine);
    for (struct json_view v = json_first(mine); v.item; v = json_next(v)) {
        struct json_view other = json_member(theirs, json_key(v));
        if (json_is_object(v) && json_is_object(other) &&
            !is_among(json_key(v), dropped, dropped_count))
            put_section(merge, ours, v, base, other, &first);
        else
            put_member(merge, ours, v, &first);
    }
    put_rest(merge, base, theirs, mine, dropped, dropped_count, &first);
    put(merge, "}", 1);
}

void read_merge(struct read_merge *merge, const struct read_part *ours,
                const struct read_part *base, const char *const *dropped,
                size_t dropped_count, struct json_error *err)
{
    struct source mine = {0}, theirs = {0};
    *merge = (struct read_merge){0};
    if (!source_open(&mine, ours) || !source_open(&theirs, base))
        merge->failed = true;
    else
        put_all(merge, &mine, &theirs, dropped, dropped_count);
    if (merge->failed) {
        json_fail(json_root(ours->doc), err,
                  "memory ran out while merging this file");
        err->code = JSON_ENOMEM;
    }
    free(mine.places);
    free(theirs.places);
}

/* The byte at a line and column, or the end of the text. */
static size_t offset_of(const char *text, size_t size, uint32_t line,
                        uint32_t column)
{
    size_t at = 0;
    for (; line > 1 && at < size; at++)
        line -= text[at] == '\n';
    for (; column > 1 && at < size; column--) {
        at++;
        while (at < size && ((unsigned char)text[at] & 0xC0) == 0x80)
            at++;
    }
    return at;
}

/* The piece that holds the byte @at. */
static const struct read_piece *piece_at(const struct read_merge *merge,
                                         size_t at)
{
    size_t low = 0, high = merge->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (merge->pieces[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low > 0);
    return &merge->pieces[low - 1];
}

void read_merge_place(const struct read_merge *merge, struct json_error *err)
{
    if (err->code == 0 || strcmp(err->file, READ_MERGE_NAME) != 0)
        return;
    size_t at = offset_of(merge->text, merge->size, err->line, err->column);
    const struct read_piece *piece = piece_at(merge, at);
    char former[64];
    char sentence[sizeof(err->text)];
    int skip = snprintf(former, sizeof(former), "%s:%u:%u: ", READ_MERGE_NAME,
                        err->line, err->column);
    assert(strncmp(err->text, former, (size_t)skip) == 0);
    snprintf(sentence, sizeof(sentence), "%s", err->text + skip);

    json_scan_position(piece->part->text,
                       (uint32_t)(piece->from + at - piece->at), &err->line,
                       &err->column);
    struct sentence out;
    sentence_init(&out, err->file, sizeof(err->file));
    sentence_plain(&out, piece->part->shown, strlen(piece->part->shown));
    sentence_init(&out, err->text, sizeof(err->text));
    sentence_add(&out, "%s:%u:%u: ", err->file, err->line, err->column);
    sentence_plain(&out, sentence, strlen(sentence));
}

void read_merge_free(struct read_merge *merge)
{
    free(merge->text);
    free(merge->pieces);
    *merge = (struct read_merge){0};
}
