/*
 * What the parts of the reader of reports share: memory that lasts as long as
 * what was read, and members of objects by kind. As with engine/host/json.h,
 * the first error sticks, and all calls after it do nothing: a part is a plain
 * list of calls. Who counts on what was read asks reading->err->code first.
 */
#ifndef SCENARIOS_REPORT_READ_PARTS_H
#define SCENARIOS_REPORT_READ_PARTS_H

#include "scenarios/report_read.h"

/* Above all times and counts of a run: sums of a few of them do not wrap. */
#define REPORT_READ_MAX ((uint64_t)1 << 62)

struct report_read_block;

struct reading {
    struct json_error *err;
    struct report_read_block **blocks; /* all that was allocated */
};

/* Members that are numbers, and where they go in a struct. */
struct reading_number {
    const char *key;
    size_t offset; /* of a uint64_t */
};

/* Zeroed room that lasts; NULL: memory ran out, which is an error at view. */
void *reading_room(struct reading *reading, struct json_view view, size_t count,
                   size_t size);

/* All the room at once. */
void reading_free(struct report_read_block **blocks);

/* A whole number of at most max; above 2^53 it is written as text. */
bool reading_as_number(struct reading *reading, struct json_view view,
                       uint64_t max, uint64_t *value);
void reading_number(struct reading *reading, struct json_view object,
                    const char *key, uint64_t max, uint64_t *value);
void reading_number_32(struct reading *reading, struct json_view object,
                       const char *key, uint32_t max, uint32_t *value);
/* Each of them, at most REPORT_READ_MAX, into the struct at base. */
void reading_numbers(struct reading *reading, struct json_view object,
                     const struct reading_number *numbers, size_t count,
                     void *base);
void reading_truth(struct reading *reading, struct json_view object,
                   const char *key, int *value);

/* A string of the document; where null is allowed, it gives NULL. */
void reading_text(struct reading *reading, struct json_view object,
                  const char *key, const char **text);
void reading_text_or_null(struct reading *reading, struct json_view object,
                          const char *key, const char **text);
/* A copy of one that fits into size bytes with its 0. */
void reading_copy(struct reading *reading, struct json_view object,
                  const char *key, char *text, size_t size);

/* One of the names that name(0) to name(count - 1) give. */
unsigned reading_choice(struct reading *reading, struct json_view object,
                        const char *key, const char *(*name)(unsigned),
                        unsigned count);

/* An array of at most max values, or of none after an error. */
size_t reading_list(struct reading *reading, struct json_view object,
                    const char *key, size_t max, struct json_view *list);
/* The same with room for its rows of size bytes, which last. */
void *reading_rows(struct reading *reading, struct json_view object,
                   const char *key, size_t max, size_t size,
                   struct json_view *list, size_t *count);

/* The parts: all figures, and the timelines of the model. */
void report_read_stats(struct reading *reading, struct json_view top,
                       struct report_stats *stats);
void report_read_timelines(struct reading *reading, struct json_view top,
                           struct report_model *model);

#endif
