#include "engine/host/redact.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/random.h"

static struct redact *patterns_of(const char *const *patterns, size_t count)
{
    struct redact *redact;
    size_t wrong;
    cr_assert_eq(redact_new(patterns, count, &redact, &wrong), 0, "%zu", wrong);
    return redact;
}

/* What one pattern makes of a text. */
static void expect_one(const char *pattern, const char *json, const char *want)
{
    struct redact *redact = patterns_of(&pattern, 1);
    struct redact_bytes out;
    size_t offset;
    const char *why;
    cr_assert_eq(redact_apply(redact, json, strlen(json), &out, &offset, &why),
                 0, "%s", json);
    cr_assert_eq(out.size, strlen(want), "%s: %.*s", pattern, (int)out.size,
                 out.data);
    cr_assert_eq(memcmp(out.data, want, out.size), 0, "%s: %.*s", pattern,
                 (int)out.size, out.data);
    cr_assert_eq(out.count > 0, strcmp(json, want) != 0);
    free(out.data);
    redact_free(redact);
}

Test(host_redact, a_pattern_matches_where_its_path_leads_and_nowhere_else)
{
#define X "\"[REDACTED]\""
    static const char *const cases[][3] = {
        {"password", "{\"password\": \"x\"}", "{\"password\": " X "}"},
        {"password", "[[{\"a\":{\"password\":1}}]]",
         "[[{\"a\":{\"password\":" X "}}]]"},
        {"password", "{\"Password\": 1, \"passwords\": 2}",
         "{\"Password\": 1, \"passwords\": 2}"},
        {"**.token", "{\"a\":[{\"token\":\"x\"}]}",
         "{\"a\":[{\"token\":" X "}]}"},
        {"$.card.number", "{\"card\":{\"number\":[1,{}]},\"number\":2}",
         "{\"card\":{\"number\":" X "},\"number\":2}"},
        {"$.card.number", "{\"x\":{\"card\":{\"number\":1}}}",
         "{\"x\":{\"card\":{\"number\":1}}}"},
        {"card.number", "{\"x\":{\"card\":{\"number\":1}}}",
         "{\"x\":{\"card\":{\"number\":" X "}}}"},
        {"items[*].secret", "{\"items\":[{\"secret\":1},{\"secret\":{}}]}",
         "{\"items\":[{\"secret\":" X "},{\"secret\":" X "}]}"},
        {"items[*].secret", "{\"items\":{\"a\":{\"secret\":1}}}",
         "{\"items\":{\"a\":{\"secret\":1}}}"},
        {"$.users.*.key", "{\"users\":{\"a\":{\"key\":1},\"b\":{\"key\":2}}}",
         "{\"users\":{\"a\":{\"key\":" X "},\"b\":{\"key\":" X "}}}"},
        {"$.users.*.key", "{\"users\":[{\"key\":1}]}",
         "{\"users\":[{\"key\":1}]}"},
        {"$[\"a b\"][1]", "{\"a b\":[1,2,3]}", "{\"a b\":[1," X ",3]}"},
        {"$[\"a\\\"\\\\b\"]", "{\"a\\\"\\\\b\":1}", "{\"a\\\"\\\\b\":" X "}"},
        {"[*]", "[1,[2]]", "[" X "," X "]"},
        {"$[1]", "[1,[2],3]", "[1," X ",3]"},
        {"a.**.z", "{\"a\":{\"z\":1,\"b\":{\"c\":[{\"z\":2}]}},\"z\":3}",
         "{\"a\":{\"z\":" X ",\"b\":{\"c\":[{\"z\":" X "}]}},\"z\":3}"},
        {"$", "{\"a\":1}", X},
        {"$", " 7 ", " " X " "},
        {"password", "\"password\"", "\"password\""},
        {"password", "{\"p\\u0061ssword\":null}", "{\"p\\u0061ssword\":" X "}"},
        {"a.b.a.b.c",
         "{\"a\":{\"b\":{\"a\":{\"b\":{\"a\":{\"b\":{\"c\":1}}}}}}}",
         "{\"a\":{\"b\":{\"a\":{\"b\":{\"a\":{\"b\":{\"c\":" X "}}}}}}}"},
        {"clé", "{\"clé\":1}", "{\"clé\":" X "}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        expect_one(cases[i][0], cases[i][1], cases[i][2]);
}

Test(host_redact, what_is_not_listed_stays_byte_for_byte)
{
    expect_one("x", " {\"a\" : 1.50e+01 ,\r\n\t\"b\":\"\\u00e4\\/\" } ",
               " {\"a\" : 1.50e+01 ,\r\n\t\"b\":\"\\u00e4\\/\" } ");
    expect_one("x", " {\"a\" : 1.50e+01 ,\r\n\t\"x\":\"\\u00e4\\/\" } ",
               " {\"a\" : 1.50e+01 ,\r\n\t\"x\":" X " } ");
}

Test(host_redact, json_inside_a_string_is_looked_into)
{
    expect_one("token", "{\"body\":\"{\\\"token\\\":\\\"s\\\",\\\"n\\\":1}\"}",
               "{\"body\":\"{\\\"token\\\":\\\"[REDACTED]\\\",\\\"n\\\":1}\"}");
    expect_one("$.body.token", "{\"body\":\"{\\\"token\\\":1}\"}",
               "{\"body\":\"{\\\"token\\\":\\\"[REDACTED]\\\"}\"}");
    expect_one("$.token", "{\"body\":\"{\\\"token\\\":1}\"}",
               "{\"body\":\"{\\\"token\\\":1}\"}");
    expect_one("token", "[\"\\u005b{\\\"token\\\":\\\"\\\\n\\\"}]\"]",
               "[\"[{\\\"token\\\":\\\"[REDACTED]\\\"}]\"]");
    expect_one(
        "token", "\"\\\"{\\\\\\\"token\\\\\\\":1}\\\"\"",
        "\"\\\"{\\\\\\\"token\\\\\\\":\\\\\\\"[REDACTED]\\\\\\\"}\\\"\"");
    expect_one("token", "\"{\\\"a\\\\tb\\\":\\\"\\u0001ä\\\",\"",
               "\"{\\\"a\\\\tb\\\":\\\"\\u0001ä\\\",\"");
#undef X
}

/* JSON in strings in strings, `levels` of them. */
static char *wrap(const char *json, int levels)
{
    char *text = strdup(json);
    while (levels-- > 0) {
        char *next = malloc(strlen(text) * 2 + 20);
        char *to = next + sprintf(next, "{\"b\":\"");
        for (const char *from = text; *from; from++) {
            if (*from == '"' || *from == '\\')
                *to++ = '\\';
            *to++ = *from;
        }
        *to++ = '"';
        *to++ = '}';
        *to = '\0';
        free(text);
        text = next;
    }
    return text;
}

Test(host_redact, strings_in_strings_are_refused_where_they_get_too_deep)
{
    const char *pattern = "token";
    struct redact *redact = patterns_of(&pattern, 1);
    for (int levels = 0; levels <= REDACT_INSIDE_MAX + 1; levels++) {
        char *text = wrap("{\"token\":\"MARK\"}", levels);
        struct redact_bytes out;
        size_t offset;
        const char *why;
        int code =
            redact_apply(redact, text, strlen(text), &out, &offset, &why);
        cr_assert_eq(code, levels > REDACT_INSIDE_MAX ? REDACT_ETEXT : 0);
        if (code == 0)
            cr_assert_null(memmem(out.data, out.size, "MARK", 4));
        free(out.data);
        free(text);
    }
    redact_free(redact);
}

Test(host_redact, text_that_cannot_be_searched_is_refused_unless_nothing_is)
{
    static const char *const texts[] = {"", "{\"password\": \"x\"", "plain",
                                        "{\"a\": \"\xff\"}", "{} x"};
    const char *pattern = "password";
    struct redact *some = patterns_of(&pattern, 1);
    struct redact *none = patterns_of(NULL, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct redact_bytes out;
        size_t size = strlen(texts[i]);
        size_t offset;
        const char *why = NULL;
        cr_assert_eq(redact_apply(some, texts[i], size, &out, &offset, &why),
                     REDACT_ETEXT);
        cr_assert_null(out.data);
        cr_assert_leq(offset, size);
        cr_assert(why && why[0]);
        cr_assert_eq(redact_apply(none, texts[i], size, &out, &offset, &why),
                     0);
        cr_assert_eq(out.size, size);
        cr_assert(size == 0 || memcmp(out.data, texts[i], size) == 0);
        free(out.data);
    }
    redact_free(some);
    redact_free(none);
}

Test(host_redact, a_pattern_that_cannot_be_read_is_named)
{
    static const char *const wrong[] = {
        "",
        ".",
        "a.",
        "a..b",
        "$.",
        "$a",
        "a[",
        "a[]",
        "a[1",
        "a[x]",
        "a[-1]",
        "a[*",
        "[\"a]",
        "[\"a\"",
        "[\"a\\",
        "a]",
        "a\"b",
        "**",
        "a.**",
        "$.**",
        "a[1]b",
        "[1234567890123456789]",
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const char *patterns[] = {"password", wrong[i], "token"};
        struct redact *redact;
        size_t at;
        cr_assert_eq(redact_new(patterns, 3, &redact, &at), REDACT_EPATTERN,
                     "\"%s\"", wrong[i]);
        cr_assert_eq(at, 1);
        cr_assert_null(redact);
    }
}

/* A document written twice: as it is, and as it should become. */
struct twins {
    struct engine_stream stream;
    uint64_t draws;
    unsigned secrets;
    size_t size[2];
    char text[2][65536];
};

static uint64_t draw(struct twins *twins, uint64_t below)
{
    return engine_draw_below(&twins->stream, twins->draws++, below);
}

static void both(struct twins *twins, const char *text)
{
    for (int i = 0; i < 2; i++)
        twins->size[i] +=
            (size_t)sprintf(twins->text[i] + twins->size[i], "%s", text);
}

static void grow(struct twins *twins, int depth, bool hidden);

static void grow_member(struct twins *twins, int depth, bool hidden)
{
    static const char *const keys[] = {"\"a\"", "\"password\"", "\"b c\"",
                                       "\"pass\\u0077ord\"", "\"Password\""};
    uint64_t key = draw(twins, 5);
    bool secret = key == 1 || key == 3;
    both(twins, keys[key]);
    both(twins, draw(twins, 2) ? ":" : " : ");
    if (secret && !hidden) {
        size_t size = twins->size[1];
        grow(twins, depth, true);
        twins->size[1] =
            size + (size_t)sprintf(twins->text[1] + size, "\"[REDACTED]\"");
        twins->secrets++;
    } else {
        grow(twins, depth, hidden);
    }
}

/* A value; hidden ones carry the marker, others must not lose a byte. */
static void grow(struct twins *twins, int depth, bool hidden)
{
    static const char *const plain[] = {
        "1.50", "null", "\"x\\u00e4\"",     "true",
        "[]",   "{}",   "\"{\\\"a\\\":1}\""};
    uint64_t shape = draw(twins, depth > 0 ? 3 : 1);
    if (shape == 0) {
        both(twins, hidden ? "\"MARK\"" : plain[draw(twins, 7)]);
        return;
    }
    uint64_t count = draw(twins, 4);
    both(twins, shape == 1 ? "[" : "{ ");
    for (uint64_t i = 0; i < count; i++) {
        both(twins, i > 0 ? " ," : "");
        if (shape == 1)
            grow(twins, depth - 1, hidden);
        else
            grow_member(twins, depth - 1, hidden);
    }
    both(twins, shape == 1 ? "]" : "}");
}

Test(host_redact, no_marker_survives_and_no_other_byte_changes_at_any_depth)
{
    static struct twins twins;
    const char *pattern = "password";
    struct redact *redact = patterns_of(&pattern, 1);
    unsigned secrets = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        memset(&twins, 0, sizeof(twins));
        engine_stream_init(&twins.stream, seed, "test/redact", 0);
        grow(&twins, 7, false);
        struct redact_bytes out;
        size_t offset;
        const char *why;
        cr_assert_eq(redact_apply(redact, twins.text[0], twins.size[0], &out,
                                  &offset, &why),
                     0, "%s", twins.text[0]);
        cr_assert_eq(out.count, twins.secrets);
        cr_assert_eq(out.size, twins.size[1], "%s", twins.text[0]);
        cr_assert_eq(memcmp(out.data, twins.text[1], out.size), 0);
        cr_assert_null(memmem(out.data, out.size, "MARK", 4));
        secrets += twins.secrets;
        free(out.data);
    }
    cr_assert_gt(secrets, 1000);
    redact_free(redact);
}
