/*
 * A report.json or lambda.json of any bytes: it is refused in one sentence with
 * a place, or it is rendered in every form. What was accepted is a report: its
 * JSON is read again and gives the same JSON. The digest of the bytes is put
 * right first, or nothing that was changed would get any further.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/lambda/table_export.h"
#include "scenarios/report_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed);
/* Of libFuzzer; not there where inputs are only tried again. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
    __attribute__((weak));

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct report_buffer json_of(const struct report_read *read)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_json(report_read_model(read), &out);
    must(report_buffer_ok(&out));
    return out;
}

static void render(const struct report_model *model)
{
    static const char code[] = "x";
    static const struct report_library library = {code, code + 1, code,
                                                  code + 1};
    struct report_buffer out;
    report_buffer_init(&out);
    report_text(model, &out, REPORT_TEXT_COLOUR);
    report_html(model, &library, &out);
    report_markdown(model, &out);
    must(report_buffer_ok(&out));
    report_buffer_free(&out);
}

static void check_again(const struct report_read *read)
{
    struct json_error error = {0};
    struct report_buffer once = json_of(read);
    struct report_read *again =
        report_read_bytes("again", once.text, once.size, &error);
    must(again != NULL);
    struct report_buffer twice = json_of(again);
    must(once.size == twice.size &&
         memcmp(once.text, twice.text, once.size) == 0);
    report_buffer_free(&once);
    report_buffer_free(&twice);
    report_read_free(again);
}

/* The same of a sweep of a function. */
static void check_lambda(const struct lambda_table *table)
{
    struct json_error error = {0};
    struct report_buffer out[4];
    struct lambda_export exported;
    for (size_t i = 0; i < 4; i++)
        report_buffer_init(&out[i]);
    lambda_table_json(table, &out[0]);
    lambda_table_text(table, &out[1]);
    lambda_table_html(table, &out[2]);
    must(lambda_export_init(&exported, table, "x"));
    report_export_junit(&exported.report, &out[2]);
    report_export_github_summary(&exported.report, &out[2]);
    struct lambda_table *again =
        lambda_table_read_bytes("again", out[0].text, out[0].size, &error);
    must(again != NULL);
    lambda_table_json(again, &out[3]);
    must(out[0].size == out[3].size &&
         memcmp(out[0].text, out[3].text, out[0].size) == 0);
    lambda_table_free(again);
    lambda_export_deinit(&exported);
    for (size_t i = 0; i < 4; i++)
        report_buffer_free(&out[i]);
}

static void try_lambda(const char *text, size_t size)
{
    struct json_error error = {0};
    struct lambda_table *table =
        lambda_table_read_bytes("fuzz", text, size, &error);
    must((table == NULL) == (error.code != 0));
    must(table || strncmp(error.text, "fuzz:", 5) == 0);
    if (table)
        check_lambda(table);
    lambda_table_free(table);
}

/* Where the value begins that stands at or behind a place; size: nowhere. */
static size_t value_at(const uint8_t *data, size_t size, size_t place)
{
    for (; place + 2 < size; place++)
        if ((data[place] == ':' || data[place] == ',' || data[place] == '[') &&
            strchr(" -0123456789\"tfn", data[place + 1]) && data[place + 1])
            return place + 1 + (data[place + 1] == ' ');
    return size;
}

/*
 * Most changes of bytes are no JSON any more. Every other change is one of a
 * value: a number or a word to one that may stand there and means trouble.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed)
{
    static const char *const values[] = {"0",
                                         "1",
                                         "2",
                                         "23",
                                         "4294967295",
                                         "9007199254740991",
                                         "null",
                                         "true",
                                         "\"\"",
                                         "\"x\"",
                                         "\"4611686018427387904\"",
                                         "[]",
                                         "false",
                                         "{}",
                                         "1767225600427243825",
                                         "\"1767225600427243825\""};
    if (seed % 2 == 0 && LLVMFuzzerMutate)
        return LLVMFuzzerMutate(data, size, max);
    const char *value = values[seed / 2 % (sizeof(values) / sizeof(values[0]))];
    size_t new_size = strlen(value);
    size_t from = value_at(data, size, size ? seed / 64 % size : 0);
    size_t end = from;
    while (end < size && !strchr(",]}\n", data[end]))
        end++;
    if (from == end || size - (end - from) + new_size > max)
        return size;
    memmove(data + from + new_size, data + end, size - end);
    memcpy(data + from, value, new_size);
    return size - (end - from) + new_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_error error = {0};
    char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (report_content_check(text, size) == REPORT_CONTENT_DIFFERS)
        report_content_seal(text, size);
    if (lambda_table_is(text, size))
        try_lambda(text, size);
    struct report_read *read = report_read_bytes("fuzz", text, size, &error);
    free(text);
    must((read == NULL) == (error.code != 0));
    must(read || strncmp(error.text, "fuzz:", 5) == 0);
    if (read) {
        render(report_read_model(read));
        check_again(read);
    }
    report_read_free(read);
    return 0;
}
