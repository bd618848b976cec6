/*
 * The strict reader under any bytes: it must refuse or understand them without
 * a fault of memory, agree with cJSON about where each value stands, and never
 * put a control character into an error text.
 */
#include "engine/host/json.h"
#include "engine/host/sentence.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* An error text is one line of valid UTF-8 with nothing for a terminal. */
static void check_text(const char *text)
{
    size_t length = strlen(text);
    uint32_t point = 0;

    must(length > 0);
    for (size_t at = 0; at < length;) {
        size_t size = sentence_decode(text + at, length - at, &point);

        must(size > 0);
        must(point >= 0x20 && (point < 0x7F || point > 0x9F));
        at += size;
    }
}

/* What is read can be written and read again, with the same result. */
static void check_quantities(const char *text)
{
    struct quantity_rate rate;
    struct quantity_range range;
    const char *why = NULL;
    char again[32];
    uint64_t value;
    uint64_t same;
    int64_t number;

    for (int kind = QUANTITY_DURATION; kind <= QUANTITY_DRIFT_SPREAD; kind++) {
        if (quantity_read((enum quantity_kind)kind, text, &value, &why) == 0) {
            (void)quantity_print((enum quantity_kind)kind, value, again,
                                 sizeof(again));
            must(quantity_read((enum quantity_kind)kind, again, &same, &why) ==
                 0);
            must(same == value);
        } else {
            check_text(why);
        }
    }
    if (quantity_read_rate(text, &rate, &why) == 0) {
        must(rate.per_ns >= 1);
    }
    if (quantity_read_range(text, &range, &why) == 0) {
        must(range.first <= range.last);
    }
    (void)quantity_read_offset(text, &number, &why);
    (void)quantity_read_drift(text, &number, &why);
}

/* Asks @view for everything; whatever is an error must have a safe text. */
static void check_answers(struct json_view view)
{
    static const char *const names[] = {"load", "faults", "crash"};
    struct json_error errors[5] = {{0}};
    const char *text;
    uint64_t value;
    int64_t integer;
    size_t index;

    if (json_as_string(view, 0, SIZE_MAX, &text, &errors[0])) {
        check_quantities(text);
    }
    (void)json_as_int(view, -5, JSON_INT_MAX, &integer, &errors[1]);
    (void)json_as_enum(view, names, 3, &index, &errors[2]);
    (void)json_check_keys(view, names, 3, &errors[3]);
    (void)json_as_quantity(view, QUANTITY_DURATION, 1, 1000, &value,
                           &errors[4]);
    for (size_t i = 0; i < 5; i++) {
        if (errors[i].code != 0) {
            check_text(errors[i].text);
        }
    }
}

/* Whether the text at the place of @view can be the start of such a value. */
static void check_place(struct json_view view, const uint8_t *data)
{
    uint32_t line;
    uint32_t column;
    const uint8_t *at = data;

    json_where(view, &line, &column);
    for (; line > 1; line--) {
        at = (const uint8_t *)strchr((const char *)at, '\n') + 1;
    }
    for (; column > 1; at++) {
        column -= (at[1] & 0xC0) != 0x80;
    }
    must(json_is_object(view)   ? *at == '{'
         : json_is_array(view)  ? *at == '['
         : json_is_string(view) ? *at == '"'
         : json_is_number(view) ? strchr("-0123456789", *at) != NULL
                                : strchr("tfn", *at) != NULL);
}

static void check_tree(struct json_view view, const uint8_t *data, int *budget)
{
    if ((*budget)-- <= 0) {
        return;
    }
    check_place(view, data);
    check_answers(view);
    for (struct json_view v = json_first(view); v.item; v = json_next(v)) {
        check_tree(v, data, budget);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    int budget = 200;
    uint8_t *text = calloc(size + 1, 1);

    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    check_quantities((const char *)text);
    if (json_read_bytes("fuzz\033.json", data, size, &doc, &err) == 0) {
        check_tree(json_root(doc), text, &budget);
    } else {
        check_text(err.text);
    }
    json_free(doc);
    free(text);
    return 0;
}
