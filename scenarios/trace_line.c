#include "scenarios/trace_line.h"

#include <inttypes.h>

#include "engine/store.h"
#include "scenarios/world.h"

/* What detail means, in words, for the kinds where it is a number. */
static const char *detail_name(const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        return engine_event_name(record->detail);
    case ENGINE_REC_APPENDED:
    case ENGINE_REC_ACTED:
    case ENGINE_REC_REJECTED:
        return engine_request_name(record->detail);
    default:
        return "-";
    }
}

void trace_line(FILE *out, const struct engine_record *record, const char *node)
{
    uint64_t ns = record->time_ns - SCENARIO_START_NS;
    fprintf(out,
            "%" PRIu64 ".%09" PRIu64 " %-14s %-16s %s run=%" PRIu64
            " op=%d attempt=%u token=%" PRIu64 " peer=%u detail=%u count=%u "
            "a=%" PRIu64 " b=%" PRIu64 " key=%016" PRIx64 "\n",
            ns / 1000000000, ns % 1000000000, node,
            engine_record_name(record->kind), detail_name(record), record->run,
            record->op == UINT32_MAX ? -1 : (int)record->op, record->attempt,
            record->token, record->peer, record->detail, record->count,
            record->a, record->b, record->key);
}
