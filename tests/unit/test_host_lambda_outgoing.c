#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/lambda/outgoing.h"

static struct lambda_rule read_rule(const char *text)
{
    struct lambda_rule rule;
    char error[256] = "";

    cr_assert(lambda_rule_read(&rule, text, error), "%s: %s", text, error);
    return rule;
}

Test(host_lambda_outgoing, an_effect_has_a_method_an_address_and_a_name)
{
    static const struct {
        const char *text;
        const char *method;
        const char *url;
        const char *name;
    } cases[] = {
        {"POST http://bank.example/*=charge", "POST", "http://bank.example/*",
         "charge"},
        {"http://bank.example/v1/charges", "", "http://bank.example/v1/charges",
         "charges"},
        {"https://bank.example/*", "", "https://bank.example/*",
         "bank.example"},
        {"*", "", "*", "http"},
        {"http://*/pay?*", "", "http://*/pay?*", "pay"},
        {"http://a.example/b?c=d=e", "", "http://a.example/b?c=d", "e"},
        {"http://a.example/b?c=*", "", "http://a.example/b?c=*", "b"},
        {"http://a.example/*=*", "", "http://a.example/*", "*"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct lambda_rule rule = read_rule(cases[i].text);
        cr_expect_str_eq(rule.method, cases[i].method);
        cr_expect_str_eq(rule.url, cases[i].url);
        cr_expect_str_eq(rule.name, cases[i].name);
    }
}

Test(host_lambda_outgoing, what_is_no_address_is_refused_with_what_is_allowed)
{
    static const char *const texts[] = {"",
                                        "bank",
                                        "ftp://bank.example/",
                                        "=charge",
                                        "POST ",
                                        "post http://a/",
                                        "http://a /b",
                                        "POST  http://a/",
                                        "http://a/#b"};
    struct lambda_rule rule;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char error[256] = "";
        cr_expect_not(lambda_rule_read(&rule, texts[i], error), "%s", texts[i]);
        cr_expect(strstr(error, "allowed [METHOD ]URL[=NAME]"), "%s", error);
        cr_expect(strstr(error, texts[i]), "%s", error);
    }
}

Test(host_lambda_outgoing, an_address_that_is_too_long_is_refused)
{
    char text[LAMBDA_RULE_URL + 32] = "http://a/";
    char error[256] = "";
    struct lambda_rule rule;

    memset(text + 9, 'x', LAMBDA_RULE_URL);
    cr_expect_not(lambda_rule_read(&rule, text, error));
}

Test(host_lambda_outgoing, a_request_is_taken_by_method_and_address)
{
    static const struct {
        const char *rule;
        const char *method;
        const char *url;
        bool taken;
    } cases[] = {
        {"http://a.example/x", "POST", "http://a.example/x", true},
        {"http://a.example/x", "POST", "http://a.example/x?y=1", true},
        {"http://a.example/x", "POST", "http://a.example/xy", false},
        {"http://a.example/x", "POST", "https://a.example/x", false},
        {"*://a.example/x", "POST", "https://a.example/x", true},
        {"http://a.example/*", "POST", "http://a.example/", true},
        {"http://a.example/*", "POST", "http://a.example", false},
        {"*a*b*", "POST", "http://xa/yb", true},
        {"*a*b", "POST", "http://xa/ybz", false},
        {"*a*b", "POST", "http://xa/ybzb", true},
        {"PUT http://a/*", "POST", "http://a/b", false},
        {"PUT http://a/*", "PUT", "http://a/b", true},
        {"http://a/x?y=*=n", "GET", "http://a/x?y=2", true},
        {"http://a/x?y=*=n", "GET", "http://a/x?z=2", false},
        {"http://a/x?y=*=n", "GET", "http://a/x", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lambda_outgoing outgoing = {.rule_count = 1};
        outgoing.rules[0] = read_rule(cases[i].rule);
        cr_expect_eq(lambda_outgoing_find(&outgoing, cases[i].method,
                                          cases[i].url) != NULL,
                     cases[i].taken, "%s %s", cases[i].rule, cases[i].url);
    }
}

Test(host_lambda_outgoing, the_first_rule_decides)
{
    struct lambda_outgoing outgoing = {.rule_count = 2};

    outgoing.rules[0] = read_rule("http://a/b=one");
    outgoing.rules[1] = read_rule("http://a/*=two");
    cr_expect_str_eq(lambda_outgoing_find(&outgoing, "GET", "http://a/b")->name,
                     "one");
    cr_expect_str_eq(lambda_outgoing_find(&outgoing, "GET", "http://a/c")->name,
                     "two");
}

Test(host_lambda_outgoing, a_name_can_be_the_last_part_of_what_is_asked)
{
    static const char *const urls[][2] = {
        {"http://a.example/v1/charge", "charge"},
        {"http://a.example/v1/charge?now=1/2", "charge"},
        {"http://a.example/charge/", "charge"},
        {"http://a.example/charge/a%20b", "charge"},
        {"http://a.example", "a.example"},
        {"http://a.example:81/", "http"},
    };
    const struct lambda_rule fixed = read_rule("http://a/*=one");
    const struct lambda_rule free = read_rule("*=*");
    char name[LAMBDA_RULE_NAME];

    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        lambda_rule_name(&free, urls[i][0], name);
        cr_expect_str_eq(name, urls[i][1]);
        lambda_rule_name(&fixed, urls[i][0], name);
        cr_expect_str_eq(name, "one");
    }
}

Test(host_lambda_outgoing, reading_is_no_effect_unless_it_is_named)
{
    const struct lambda_rule any = read_rule("http://a/*");
    const struct lambda_rule get = read_rule("GET http://a/*");

    cr_expect_not(lambda_rule_counts(&any, "GET"));
    cr_expect_not(lambda_rule_counts(&any, "HEAD"));
    cr_expect_not(lambda_rule_counts(&any, "OPTIONS"));
    cr_expect(lambda_rule_counts(&any, "POST"));
    cr_expect(lambda_rule_counts(&any, "DELETE"));
    cr_expect(lambda_rule_counts(&get, "GET"));
}

Test(host_lambda_outgoing, a_line_tells_of_the_effect_whose_pattern_it_matches)
{
    struct lambda_outgoing outgoing = {.line_count = 2};
    char error[256] = "";
    static const char line[] = "sent mail to ann, and more";

    cr_assert(lambda_line_read(&outgoing.lines[0], "mail=^sent mail to [a-z]+",
                               error));
    cr_assert(
        lambda_line_read(&outgoing.lines[1], "pay=(paid|charged) =", error));
    cr_expect_str_eq(lambda_outgoing_line(&outgoing, line, sizeof(line) - 1),
                     "mail");
    cr_expect_null(lambda_outgoing_line(&outgoing, line, 10),
                   "only those bytes are the line");
    cr_expect_str_eq(lambda_outgoing_line(&outgoing, "x charged = 3", 13),
                     "pay");
    cr_expect_null(lambda_outgoing_line(&outgoing, "", 0));
    lambda_line_free(&outgoing.lines[0]);
    lambda_line_free(&outgoing.lines[1]);
}

Test(host_lambda_outgoing, a_pattern_of_lines_that_is_none_is_refused)
{
    static const char *const texts[] = {"",       "mail",  "mail=",  "=x",
                                        "mail=[", "a b=x", "mail=(x"};
    struct lambda_line_rule line;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char error[256] = "";
        cr_expect_not(lambda_line_read(&line, texts[i], error), "%s", texts[i]);
        cr_expect(strstr(error, "allowed NAME"), "%s", error);
    }
}

static const char *origins(const char *one, const char *other, bool lets,
                           char out[LAMBDA_ORIGINS_SIZE])
{
    struct lambda_outgoing outgoing = {.rule_count = 2, .lets = lets};

    outgoing.rules[0] = read_rule(one);
    outgoing.rules[1] = read_rule(other);
    lambda_outgoing_origins(&outgoing, out);
    return out;
}

Test(host_lambda_outgoing, only_what_may_match_is_led_here_if_the_rest_is_let)
{
    char out[LAMBDA_ORIGINS_SIZE];

    cr_expect_str_eq(
        origins("http://a.example/x", "PUT https://b:1/*", true, out),
        "http://a.example https://b:1");
    cr_expect_str_eq(origins("http://*/x", "http://b*", true, out),
                     "http://* http://b*");
    cr_expect_str_eq(origins("http://a.example/x", "*/y", true, out), "*");
    cr_expect_str_eq(origins("http://a.example/x", "http://b/", false, out),
                     "*");
}
