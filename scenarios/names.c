#include "scenarios/names.h"

#include "engine/limits.h"
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

const char *names_format(uint32_t index)
{
    const struct export_format *format = export_format_at(index);
    return format ? format->name : NULL;
}

const char *names_group(uint32_t index)
{
    return validate_groups[index] ? validate_groups[index]->name : NULL;
}
