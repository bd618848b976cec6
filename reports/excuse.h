/*
 * What went beyond the declared envelope, and when first. A violation is
 * excused only by something that can explain it and that happened before it.
 */
#ifndef REPORTS_EXCUSE_H
#define REPORTS_EXCUSE_H

#include "engine/record.h"
#include "reports/check.h"

enum {
    EXCUSE_COUNT = 5
}; /* CHECK_BEYOND_ bits */

struct excuse {
    const struct check_world *world;
    int64_t *offsets;             /* of wall clocks, by node */
    uint64_t since[EXCUSE_COUNT]; /* index of the record; UINT64_MAX: never */
    uint64_t disk_ns;             /* when the disk last failed */
};

/* Returns 0, or -1 when out of memory. */
int excuse_init(struct excuse *excuse, const struct check_world *world);
void excuse_deinit(struct excuse *excuse);
void excuse_feed(struct excuse *excuse, const struct engine_record *record,
                 uint64_t index);

/*
 * Why a violation at this index is excused, of the CHECK_BEYOND_ bits given;
 * NULL if it is not.
 */
const char *excuse_find(const struct excuse *excuse, unsigned bits,
                        uint64_t index);

#endif
