/*
 * sweep.html of an enumeration: the crash-point matrix of points and what
 * came of breaking the world at each of their boundaries, in the order in
 * which the faultless run meets them; each cell leads to the boundaries that
 * it counts, with the command that repeats one, and to the timelines of some.
 */
#ifndef SCENARIOS_ENUMERATE_PAGE_H
#define SCENARIOS_ENUMERATE_PAGE_H

#include "scenarios/enumerate.h"

enum {
    ENUMERATE_STORIES_MAX = 6
};

struct enumerate_page {
    const struct scenario *scenario;
    const struct enumeration *result;
    const char *title; /* "crash at every boundary" */
    uint64_t seed;
    const char *const *defects;
    uint32_t defect_count;
    uint32_t depth; /* as in the enumeration's config */
    /* Appends the command that repeats a world; NULL: all of them. */
    void (*command)(void *self, const struct enumerate_world *world,
                    struct report_buffer *out);
    /* Appends the timeline of a world that is run once more, as HTML. May be
       NULL; may append nothing. */
    void (*story)(void *self, const struct enumerate_world *world,
                  struct report_buffer *out);
    void *self;
};

void enumerate_page_html(const struct enumerate_page *page,
                         struct report_buffer *out);

#endif
