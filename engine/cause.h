/*
 * Why something failed, as words: a cause chain, outermost first (what a
 * client sees) to root, one line for each cause:
 *
 *     layer: CODE: words
 *
 * layer: who says so: engine, router, platform or node; CODE: what that layer
 * calls it, "ImagePullBackOff", "137". The last line is the root cause. What
 * is no such line, as the words of a step's own error, is a cause by itself
 * without layer and code. A chain is not ended by a newline or a zero.
 *
 * Who passes an error on adds a line before it, and never loses the last one:
 * where there is no room for all, it is the lines between that go.
 */
#ifndef ENGINE_CAUSE_H
#define ENGINE_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/operation.h"

enum {
    ENGINE_CAUSE_MAX = 1000 /* bytes of a chain */
};

/* One line. layer and code have size 0 if it has none. */
struct engine_cause {
    struct engine_text layer;
    struct engine_text code;
    struct engine_text words;
};

/*
 * The line of the chain at *at, which moves behind it; 0 first. False at the
 * end. Empty lines are passed over.
 */
bool engine_cause_next(const char *chain, size_t size, size_t *at,
                       struct engine_text *line);
/* What a line says. */
struct engine_cause engine_cause_of(struct engine_text line);
/* The last line; size 0: the chain has none. */
struct engine_text engine_cause_root(const char *chain, size_t size);

/*
 * Writes a chain to `to`, which has room for ENGINE_CAUSE_MAX bytes: the line
 * (size 0: none), then the chain behind it. Returns its size. The first line
 * and the last are whole if both fit, or cut off at the end of a character;
 * lines between that do not fit are left out, later ones first.
 */
size_t engine_cause_wrap(char *to, struct engine_text line, const char *chain,
                         size_t size);

#endif
