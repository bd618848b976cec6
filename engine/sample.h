/*
 * Which runs are looked at, where not all are: a share of them, chosen by
 * their number alone. The same runs are seen after every start, in every
 * process and in a simulated world, and a run that is seen at one share is
 * seen at every larger one. Only for what is observed: nothing that decides,
 * recovers or judges asks here.
 */
#ifndef ENGINE_SAMPLE_H
#define ENGINE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the run is among share_ppb of a billion: 0 none, 1,000,000,000
 * all. Run 0, which is none, never is.
 */
bool engine_sample_sees(uint64_t run, uint32_t share_ppb);

#endif
