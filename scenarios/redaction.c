#include "scenarios/redaction.h"

#include <stdio.h>
#include <stdlib.h>

#include "scenarios/read_program.h"

static struct redact *make(const char *command,
                           const struct option_texts *patterns)
{
    struct redact *redact = NULL;
    size_t wrong = 0;
    int code = redact_new(patterns->texts, patterns->count, &redact, &wrong);

    if (code == REDACT_EPATTERN)
        fprintf(stderr,
                "perdure %s: found pattern \"%.80s\", allowed e.g. password, "
                "**.token, $.card.number, items[*].secret\n",
                command, patterns->texts[wrong]);
    else if (code)
        fprintf(stderr, "perdure %s: out of memory\n", command);
    return redact;
}

bool redaction_check(const char *command, const struct option_texts *patterns)
{
    struct redact *redact = make(command, patterns);

    redact_free(redact);
    return redact != NULL;
}

bool redaction_apply(const char *command, const struct option_texts *patterns,
                     char **bytes, size_t *size)
{
    struct redact_bytes out;
    const char *why;
    size_t offset;

    if (patterns->count == 0)
        return true;
    struct redact *redact = make(command, patterns);
    int code = redact ? redact_apply(redact, *bytes ? *bytes : "", *size, &out,
                                     &offset, &why)
                      : REDACT_EPATTERN;
    redact_free(redact);
    if (code == REDACT_ETEXT)
        fprintf(stderr,
                "perdure %s: found text that is not JSON at byte %zu (%s), "
                "allowed JSON with --redact: other text cannot be searched\n",
                command, offset, why);
    else if (code == REDACT_ENOMEM)
        fprintf(stderr, "perdure %s: out of memory\n", command);
    if (code)
        return false;
    free(*bytes);
    *bytes = out.data;
    *size = out.size;
    return true;
}

/* Copies the pointers of a list's strings; the texts stay the document's. */
static bool gather(struct json_view list, struct option_texts *all,
                   struct json_error *error)
{
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        if (all->count == OPTION_TEXTS_MAX) {
            json_fail(v, error, "found more than %d patterns, allowed %d",
                      OPTION_TEXTS_MAX, OPTION_TEXTS_MAX);
            return false;
        }
        if (!json_as_string(v, 1, READ_WORD_MAX, &all->texts[all->count],
                            error))
            return false;
        all->count++;
    }
    return true;
}

struct redact *redaction_read(struct json_view workflow,
                              const struct option_texts *more,
                              struct json_error *error)
{
    struct option_texts all = {0};
    struct json_view list = {0};
    struct redact *redact = NULL;
    size_t wrong = 0;

    if (more)
        all = *more;
    if (json_get_array(workflow, "redact", JSON_OPTIONAL, 1, OPTION_TEXTS_MAX,
                       &list, error) &&
        !gather(list, &all, error))
        return NULL;
    if (error->code || all.count == 0)
        return NULL;
    int code = redact_new(all.texts, all.count, &redact, &wrong);
    if (code == REDACT_EPATTERN)
        json_fail(list.item ? list : workflow, error,
                  "found pattern \"%.80s\", allowed e.g. password, **.token, "
                  "$.card.number, items[*].secret",
                  all.texts[wrong]);
    else if (code)
        error->code = JSON_ENOMEM;
    return redact;
}
