#include "engine/sample.h"

#include "engine/random.h"
#include "engine/store.h"

/* Another seed would show other runs after an upgrade. */
#define SEED UINT64_C(0x6f62736572766572)

bool engine_sample_sees(uint64_t run, uint32_t share_ppb)
{
    const uint64_t name[2] = {run, SEED};

    return run > 0 &&
           engine_random_scale(engine_hash_bytes(name, sizeof(name)).lo,
                               ENGINE_CHANCE_ALWAYS) < share_ppb;
}
