#include "engine/host/lambda/outgoing.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Reading ----------------------------------------------------------------- */

static bool is_name(const char *text, size_t size)
{
    if (size == 0 || size >= LAMBDA_RULE_NAME)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
            return false;
    return true;
}

/* The word before the URL, if it has one. Returns where the URL begins. */
static const char *read_method(struct lambda_rule *rule, const char *text)
{
    size_t size = strcspn(text, " ");

    rule->method[0] = '\0';
    if (text[size] == '\0' || size == 0 || size >= LAMBDA_RULE_METHOD)
        return text;
    for (size_t i = 0; i < size; i++)
        if (!isupper((unsigned char)text[i]))
            return text;
    memcpy(rule->method, text, size);
    rule->method[size] = '\0';
    return text + size + 1;
}

/* The last part of a URL that can be a name. */
static void name_by_url(const char *url, char out[LAMBDA_RULE_NAME])
{
    size_t end = strcspn(url, "?");

    while (end > 0) {
        size_t begin = end;
        while (begin > 0 && url[begin - 1] != '/')
            begin--;
        if (is_name(url + begin, end - begin)) {
            memcpy(out, url + begin, end - begin);
            out[end - begin] = '\0';
            return;
        }
        end = begin > 0 ? begin - 1 : 0;
    }
    snprintf(out, LAMBDA_RULE_NAME, "http");
}

void lambda_rule_name(const struct lambda_rule *rule, const char *url,
                      char out[LAMBDA_RULE_NAME])
{
    if (strcmp(rule->name, "*") == 0)
        name_by_url(url, out);
    else
        snprintf(out, LAMBDA_RULE_NAME, "%s", rule->name);
}

/* Whether the text after the last = is a name, not part of a query. */
static bool is_named(const char *url, const char *equals)
{
    return equals && (is_name(equals + 1, strlen(equals + 1)) ||
                      (strcmp(equals + 1, "*") == 0 &&
                       memchr(url, '?', (size_t)(equals - url)) == NULL));
}

static bool is_address(const char *url)
{
    return (url[0] == '*' || strncmp(url, "http://", 7) == 0 ||
            strncmp(url, "https://", 8) == 0) &&
           !strpbrk(url, " \t#");
}

bool lambda_rule_read(struct lambda_rule *rule, const char *text,
                      char error[256])
{
    const char *url = read_method(rule, text);
    const char *equals = strrchr(url, '=');
    bool named = is_named(url, equals);
    size_t size = named ? (size_t)(equals - url) : strlen(url);

    if (size > 0 && size < LAMBDA_RULE_URL) {
        memcpy(rule->url, url, size);
        rule->url[size] = '\0';
    }
    if (size == 0 || size >= LAMBDA_RULE_URL || !is_address(rule->url)) {
        snprintf(error, 256,
                 "found --effects \"%.100s\", allowed [METHOD ]URL[=NAME] with "
                 "http:// or https:// and * for any characters, as "
                 "'POST http://bank.example/*=charge'",
                 text);
        return false;
    }
    if (named)
        snprintf(rule->name, sizeof(rule->name), "%s", equals + 1);
    else
        name_by_url(rule->url, rule->name);
    return true;
}

bool lambda_line_read(struct lambda_line_rule *line, const char *text,
                      char error[256])
{
    const char *equals = strchr(text, '=');
    char why[100] = "there is none";
    int code = 1;

    if (!equals || !is_name(text, (size_t)(equals - text))) {
        snprintf(error, 256,
                 "found --effect-line \"%.100s\", allowed NAME=REGEX, as "
                 "'mail=^sent mail to '",
                 text);
        return false;
    }
    snprintf(line->name, sizeof(line->name), "%.*s", (int)(equals - text),
             text);
    if (equals[1]) {
        code = regcomp(&line->regex, equals + 1, REG_EXTENDED | REG_NOSUB);
        if (code)
            (void)regerror(code, &line->regex, why, sizeof(why));
    }
    if (code)
        snprintf(error, 256,
                 "found --effect-line \"%.60s\", allowed NAME and a POSIX "
                 "extended regular expression: %s",
                 text, why);
    return code == 0;
}

void lambda_line_free(struct lambda_line_rule *line)
{
    regfree(&line->regex);
}

/* Matching ---------------------------------------------------------------- */

/* * stands for any characters. */
static bool matches(const char *pattern, const char *text, size_t size)
{
    const char *star = NULL;
    size_t at = 0;
    size_t mark = 0;

    while (at < size) {
        if (*pattern == '*') {
            star = ++pattern;
            mark = at;
        } else if (*pattern == text[at] && *pattern) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star;
            at = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool takes(const struct lambda_rule *rule, const char *method,
                  const char *url)
{
    size_t size = strchr(rule->url, '?') ? strlen(url) : strcspn(url, "?");

    return (rule->method[0] == '\0' || strcmp(rule->method, method) == 0) &&
           matches(rule->url, url, size);
}

const struct lambda_rule *
lambda_outgoing_find(const struct lambda_outgoing *outgoing, const char *method,
                     const char *url)
{
    for (uint32_t i = 0; i < outgoing->rule_count; i++)
        if (takes(&outgoing->rules[i], method, url))
            return &outgoing->rules[i];
    return NULL;
}

bool lambda_rule_counts(const struct lambda_rule *rule, const char *method)
{
    return rule->method[0] ||
           (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
            strcmp(method, "OPTIONS") != 0);
}

const char *lambda_outgoing_line(const struct lambda_outgoing *outgoing,
                                 const char *text, size_t size)
{
    char line[4096];

    if (outgoing->line_count == 0)
        return NULL;
    snprintf(line, sizeof(line), "%.*s", (int)size, text);
    for (uint32_t i = 0; i < outgoing->line_count; i++)
        if (regexec(&outgoing->lines[i].regex, line, 0, NULL, 0) == 0)
            return outgoing->lines[i].name;
    return NULL;
}

/* The length of a URL before its path; 0: an * may stand for its end. */
static size_t origin_size(const char *url)
{
    const char *authority = strstr(url, "://");

    return authority
               ? (size_t)(authority + 3 - url) + strcspn(authority + 3, "/?")
               : 0;
}

void lambda_outgoing_origins(const struct lambda_outgoing *outgoing,
                             char out[LAMBDA_ORIGINS_SIZE])
{
    bool some = outgoing->lets;
    size_t used = 0;

    for (uint32_t i = 0; some && i < outgoing->rule_count; i++) {
        const char *url = outgoing->rules[i].url;
        size_t size = origin_size(url);
        some = size > 0 && used + size + 2 <= LAMBDA_ORIGINS_SIZE;
        if (some)
            used += (size_t)snprintf(out + used, LAMBDA_ORIGINS_SIZE - used,
                                     "%s%.*s", used ? " " : "", (int)size, url);
    }
    if (!some)
        snprintf(out, LAMBDA_ORIGINS_SIZE, "*");
}
