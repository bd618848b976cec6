/*
 * What has a name that an option may take: the one at a place, in the order
 * in which it is listed, and NULL at the end.
 */
#ifndef SCENARIOS_NAMES_H
#define SCENARIOS_NAMES_H

#include <stdint.h>

/* Seeded defects; faults/defects.h. */
const char *names_defect(uint32_t index);

/* Properties, and "crash"; reports/check.h. */
const char *names_property(uint32_t index);

/* Limit profiles that come with the program; engine/limits.h. */
const char *names_limits(uint32_t index);

/* Profiles of platforms; scenarios/profile.h. */
const char *names_profile(uint32_t index);

/* States of runs, and kinds of events; engine/wire.h. */
const char *names_state(uint32_t index);
const char *names_event(uint32_t index);

/* Formats of other tools; scenarios/export.h. */
const char *names_format(uint32_t index);

/* Groups of checks of models; scenarios/validate/validate.h. */
const char *names_group(uint32_t index);

#endif
