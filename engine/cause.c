#include "engine/cause.h"

#include <string.h>

bool engine_cause_next(const char *chain, size_t size, size_t *at,
                       struct engine_text *line)
{
    while (*at < size && chain[*at] == '\n')
        (*at)++;
    if (*at >= size)
        return false;
    const char *end = memchr(chain + *at, '\n', size - *at);
    line->text = chain + *at;
    line->size = end ? (size_t)(end - line->text) : size - *at;
    *at += line->size;
    return true;
}

struct engine_text engine_cause_root(const char *chain, size_t size)
{
    struct engine_text line;
    struct engine_text root = {chain, 0};
    for (size_t at = 0; engine_cause_next(chain, size, &at, &line);)
        root = line;
    return root;
}

static bool is_layer(const char *text, size_t size)
{
    static const char *const layers[] = {"engine", "router", "platform",
                                         "node"};
    for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++)
        if (strlen(layers[i]) == size && memcmp(layers[i], text, size) == 0)
            return true;
    return false;
}

/* The text before the next ": ", which is taken off; size 0: there is none. */
static struct engine_text take_part(struct engine_text *line)
{
    const char *end =
        line->size ? memmem(line->text, line->size, ": ", 2) : NULL;
    struct engine_text part = {line->text,
                               end ? (size_t)(end - line->text) : 0};
    if (end) {
        line->text += part.size + 2;
        line->size -= part.size + 2;
    }
    return part;
}

struct engine_cause engine_cause_of(struct engine_text line)
{
    struct engine_cause cause = {.words = line};
    struct engine_text layer = take_part(&line);
    if (!is_layer(layer.text, layer.size))
        return cause;
    cause.layer = layer;
    cause.code = take_part(&line);
    if (cause.code.size == 0) {
        cause.code = line; /* no words beside it */
        line = (struct engine_text){line.text + line.size, 0};
    }
    cause.words = line;
    return cause;
}

/* At most so many bytes of it, and no part of a character of UTF-8. */
static struct engine_text cut_line(struct engine_text line, size_t most)
{
    size_t size = most;
    if (line.size <= most)
        return line;
    while (size > 0 && most - size < 3 &&
           ((unsigned char)line.text[size] & 0xc0) == 0x80)
        size--;
    line.size = size;
    return line;
}

static size_t put_line(char *to, size_t size, struct engine_text line)
{
    if (line.size == 0)
        return size;
    if (size > 0)
        to[size++] = '\n';
    memcpy(to + size, line.text, line.size);
    return size + line.size;
}

size_t engine_cause_wrap(char *to, struct engine_text line, const char *chain,
                         size_t size)
{
    struct engine_text root =
        cut_line(engine_cause_root(chain, size), ENGINE_CAUSE_MAX);
    size_t room = ENGINE_CAUSE_MAX - root.size;
    size_t written = 0;
    if (line.size > 0 && room > 1)
        written = put_line(to, 0, cut_line(line, room - 1));
    struct engine_text next;
    size_t at = 0;
    while (engine_cause_next(chain, size, &at, &next) &&
           next.text + next.size < root.text &&
           written + 1 + next.size + 1 + root.size <= ENGINE_CAUSE_MAX)
        written = put_line(to, written, next);
    return put_line(to, written, root);
}
