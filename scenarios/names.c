#include "scenarios/names.h"

#include <string.h>

#include "engine/host/reader.h"
#include "engine/limits.h"
#include "engine/wire.h"
#include "faults/defects.h"
#include "reports/check.h"
#include "scenarios/export.h"
#include "scenarios/profile.h"
#include "scenarios/validate/validate.h"

const char *names_defect(uint32_t index)
{
    return index < ENGINE_DEFECT_COUNT ? fault_defect_at(index)->name : NULL;
}

const char *names_property(uint32_t index)
{
    uint32_t count = 0;
    while (check_all[count])
        count++;
    if (index < count)
        return check_all[index]->id;
    return index == count ? "crash" : NULL;
}

const char *names_limits(uint32_t index)
{
    const struct engine_limits *limits = engine_limits_at(index);
    return limits ? limits->name : NULL;
}

const char *names_profile(uint32_t index)
{
    size_t count;
    const char *const *names = profile_names(&count);
    return index < count ? names[index] : NULL;
}

/* A name stands for "there is none" as "?", and numbers begin anywhere. */
static const char *known(uint32_t index, const char *(*name)(unsigned),
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(name(i), "?") != 0 && index-- == 0)
            return name(i);
    return NULL;
}

const char *names_state(uint32_t index)
{
    return known(index, host_run_state_name, ENGINE_RUN_STATE_COUNT);
}

const char *names_event(uint32_t index)
{
    return known(index, engine_event_name, ENGINE_EV_COUNT);
}

const char *names_format(uint32_t index)
{
    const struct export_format *format = export_format_at(index);
    return format ? format->name : NULL;
}

const char *names_group(uint32_t index)
{
    return validate_groups[index] ? validate_groups[index]->name : NULL;
}
