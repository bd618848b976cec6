#include "scenarios/lambda/effects.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/lambda/file.h"

/* Answers ----------------------------------------------------------------- */

static bool say(const char *error)
{
    fprintf(stderr, "perdure lambda: %s\n", error);
    return false;
}

/* Three digits of an HTTP status; 0: none. */
static int status_of(const char *text)
{
    char *end;
    long status = strtol(text, &end, 10);

    return isdigit((unsigned char)text[0]) && end == text + 3 && !*end &&
                   status >= 200 && status <= 599
               ? (int)status
               : 0;
}

/* Whether a request can have that name. */
static bool is_asked(const struct lambda_outgoing *outgoing, const char *name)
{
    for (uint32_t i = 0; i < outgoing->rule_count; i++)
        if (strcmp(outgoing->rules[i].name, name) == 0 ||
            strcmp(outgoing->rules[i].name, "*") == 0)
            return true;
    return false;
}

static bool refuse(const char *text, const char *allowed)
{
    char error[300];

    snprintf(error, sizeof(error), "found --answer \"%.100s\", allowed %s",
             text, allowed);
    return say(error);
}

static bool read_answer(struct lambda_effects *effects, const char *text)
{
    struct lambda_effect_reply *one = &effects->replies[effects->reply_count];
    const char *equals = strchr(text, '=');
    int status = equals ? status_of(equals + 1) : 0;

    if (effects->reply_count == LAMBDA_RESPONSES_MAX)
        return refuse(text, "64 of them");
    if (!equals || equals - text >= LAMBDA_RULE_NAME || !equals[1])
        return refuse(text, "NAME=FILE, or NAME=STATUS from 200 to 599");
    snprintf(one->name, sizeof(one->name), "%.*s", (int)(equals - text), text);
    if (!is_asked(&effects->outgoing, one->name))
        return refuse(text, "names of --effects");
    one->reply = (struct lambda_response){
        .status = status ? status : 200, .body = "{}", .size = 2};
    if (status == 0) {
        one->file = lambda_file_read(equals + 1, &one->reply.size);
        one->reply.body = one->file;
    }
    effects->reply_count++;
    return one->reply.body != NULL;
}

void lambda_effects_begin(struct lambda_effects *effects)
{
    for (uint32_t i = 0; i < effects->reply_count; i++)
        effects->replies[i].given = false;
}

void lambda_effects_reply(struct lambda_effects *effects, const char *name,
                          struct lambda_response *reply)
{
    for (uint32_t i = 0; i < effects->reply_count; i++) {
        struct lambda_effect_reply *one = &effects->replies[i];
        if (strcmp(one->name, name) != 0)
            continue;
        *reply = one->reply;
        if (!one->given) {
            one->given = true;
            return;
        }
    }
}

/* Rules ------------------------------------------------------------------- */

static bool read_rules(struct lambda_outgoing *outgoing,
                       const struct option_texts *texts)
{
    char error[256];

    for (uint32_t i = 0; i < texts->count; i++) {
        if (outgoing->rule_count == LAMBDA_RULES_MAX)
            return say("found more than 64 --effects");
        if (!lambda_rule_read(&outgoing->rules[outgoing->rule_count],
                              texts->texts[i], error))
            return say(error);
        outgoing->rule_count++;
    }
    return true;
}

static bool read_lines(struct lambda_outgoing *outgoing,
                       const struct option_texts *texts)
{
    char error[256];

    for (uint32_t i = 0; i < texts->count; i++) {
        if (outgoing->line_count == LAMBDA_LINES_MAX)
            return say("found more than 16 --effect-line");
        if (!lambda_line_read(&outgoing->lines[outgoing->line_count],
                              texts->texts[i], error))
            return say(error);
        outgoing->line_count++;
    }
    return true;
}

bool lambda_effects_read(struct lambda_effects *effects,
                         const struct lambda_effects_texts *texts)
{
    struct lambda_outgoing *outgoing = &effects->outgoing;

    if (!read_rules(outgoing, texts->effects) ||
        !read_lines(outgoing, texts->lines))
        return false;
    for (uint32_t i = 0; i < texts->answers->count; i++)
        if (!read_answer(effects, texts->answers->texts[i]))
            return false;
    outgoing->lets = texts->lets;
    outgoing->forwards = texts->forwards;
    outgoing->intercepts = outgoing->rule_count > 0 || !texts->lets;
    return true;
}

void lambda_effects_free(struct lambda_effects *effects)
{
    for (uint32_t i = 0; i < effects->outgoing.line_count; i++)
        lambda_line_free(&effects->outgoing.lines[i]);
    for (uint32_t i = 0; i < effects->reply_count; i++)
        free(effects->replies[i].file);
    for (uint32_t i = 0; i < effects->refused_count; i++)
        free(effects->refused[i]);
}

/* What was refused -------------------------------------------------------- */

void lambda_effects_refused(struct lambda_effects *effects,
                            const char *function, const char *method,
                            const char *url, const char *why)
{
    char text[600];

    snprintf(text, sizeof(text), "%s: refused %s %.300s: %s", function, method,
             url, why);
    for (uint32_t i = 0; i < effects->refused_count; i++)
        if (strcmp(effects->refused[i], text) == 0)
            return;
    if (effects->refused_count == LAMBDA_REFUSED_MAX)
        return;
    effects->refused[effects->refused_count] = strdup(text);
    if (effects->refused[effects->refused_count])
        effects->refused_count++;
    (void)say(text);
}
