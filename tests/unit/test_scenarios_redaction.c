/*
 * Patterns of what must not be written, as commands and workflows give them:
 * checked before anything happens, and applied before anything is written.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/redaction.h"

static char *copy_of(const char *text, size_t *size)
{
    *size = strlen(text);
    char *copy = malloc(*size + 1);

    cr_assert(copy);
    memcpy(copy, text, *size + 1);
    return copy;
}

static bool is_text(const char *bytes, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(bytes, text, size) == 0;
}

Test(scenarios_redaction, a_pattern_that_cannot_be_read_is_named)
{
    const struct option_texts good = {{"password", "$.card.number"}, 2};
    const struct option_texts bad = {{"password", "a..b"}, 2};

    cr_redirect_stderr();
    cr_expect(redaction_check("start", &(struct option_texts){{NULL}, 0}));
    cr_expect(redaction_check("start", &good));
    cr_expect_not(redaction_check("start", &bad));
    cr_expect_stderr_eq_str("perdure start: found pattern \"a..b\", allowed "
                            "e.g. password, **.token, $.card.number, "
                            "items[*].secret\n");
}

Test(scenarios_redaction, what_matches_is_replaced_and_nothing_else)
{
    const struct option_texts patterns = {{"token"}, 1};
    size_t size;
    char *bytes =
        copy_of("{ \"a\": [{\"token\": 5}], \"b\":\"token\" }", &size);

    cr_assert(redaction_apply("start", &patterns, &bytes, &size));
    cr_expect(is_text(bytes, size,
                      "{ \"a\": [{\"token\": \"[REDACTED]\"}], "
                      "\"b\":\"token\" }"),
              "%.*s", (int)size, bytes);
    free(bytes);
}

Test(scenarios_redaction, without_a_pattern_any_bytes_stay_as_they_are)
{
    size_t size;
    char *bytes = copy_of("no JSON, token", &size);
    const char *before = bytes;

    cr_expect(redaction_apply("start", &(struct option_texts){{NULL}, 0},
                              &bytes, &size));
    cr_expect_eq(bytes, before);
    cr_expect(is_text(bytes, size, "no JSON, token"));
    free(bytes);
}

Test(scenarios_redaction, text_that_cannot_be_searched_is_refused_with_its_byte)
{
    const struct option_texts patterns = {{"token"}, 1};
    size_t size;
    char *bytes = copy_of("{\"a\": token}", &size);
    const char *before = bytes;

    cr_redirect_stderr();
    cr_expect_not(redaction_apply("start", &patterns, &bytes, &size));
    cr_expect_eq(bytes, before);
    cr_expect(is_text(bytes, size, "{\"a\": token}"));
    free(bytes);
    bytes = NULL; /* no input at all is no JSON either */
    size = 0;
    cr_expect_not(redaction_apply("start", &patterns, &bytes, &size));
    fflush(stderr);
    char said[512] = "";
    FILE *from = cr_get_redirected_stderr();
    cr_assert_gt(fread(said, 1, sizeof(said) - 1, from), 0);
    cr_expect(strstr(said, "perdure start: found text that is not JSON at "
                           "byte 6 ("),
              "%s", said);
}

/* Reads a workflow's patterns; what they make of a value, or NULL. */
static char *read_and_apply(const char *workflow,
                            const struct option_texts *more,
                            struct json_error *error)
{
    static const char value[] = "{\"a\":1,\"b\":2,\"c\":3}";
    struct json_doc *doc = NULL;
    struct redact_bytes out;
    const char *why;
    size_t offset;

    *error = (struct json_error){0};
    cr_assert_eq(
        json_read_bytes("w.json", workflow, strlen(workflow), &doc, error), 0);
    struct redact *redact = redaction_read(json_root(doc), more, error);
    if (redact)
        cr_assert_eq(
            redact_apply(redact, value, strlen(value), &out, &offset, &why), 0);
    char *text = redact ? calloc(1, out.size + 1) : NULL;
    if (text)
        memcpy(text, out.data, out.size);
    if (redact)
        free(out.data);
    redact_free(redact);
    json_free(doc);
    return text;
}

Test(scenarios_redaction, a_workflows_patterns_come_to_those_of_the_command)
{
    const struct option_texts more = {{"a"}, 1};
    struct json_error error;

    char *text =
        read_and_apply("{\"redact\": [\"b\", \"$.c\"]}", &more, &error);
    cr_assert(text, "%s", error.text);
    cr_expect_str_eq(text, "{\"a\":\"[REDACTED]\",\"b\":\"[REDACTED]\","
                           "\"c\":\"[REDACTED]\"}");
    free(text);
    text = read_and_apply("{}", &more, &error);
    cr_assert(text, "%s", error.text);
    cr_expect_str_eq(text, "{\"a\":\"[REDACTED]\",\"b\":2,\"c\":3}");
    free(text);
    cr_expect_null(read_and_apply("{}", NULL, &error));
    cr_expect_eq(error.code, 0);
}

Test(scenarios_redaction, a_workflow_with_a_bad_pattern_is_refused_at_its_place)
{
    struct json_error error;

    cr_expect_null(
        read_and_apply("{\n\"redact\": [\"b\", \"a..b\"]}", NULL, &error));
    cr_expect_eq(
        strncmp(error.text, "w.json:2:11: found pattern \"a..b\", ", 34), 0,
        "%s", error.text);
    cr_expect_null(read_and_apply("{\"redact\": [7]}", NULL, &error));
    cr_expect_eq(strncmp(error.text, "w.json:1:13: ", 13), 0, "%s", error.text);
    cr_expect_null(read_and_apply("{\"redact\": []}", NULL, &error));
    cr_expect_neq(error.code, 0);
}
