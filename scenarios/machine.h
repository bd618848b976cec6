/*
 * Which machine this is, as far as times of two runs depend on it: two runs
 * with the same fingerprint were made by the same processors since the same
 * start of the system, so that their wall-clock times may be compared.
 */
#ifndef SCENARIOS_MACHINE_H
#define SCENARIOS_MACHINE_H

#include <stdint.h>

struct machine {
    char cpu[128];    /* the model's name; "unknown" where it is not told */
    char system[128]; /* "Linux 6.1.0 x86_64" */
    uint64_t cores;   /* that this process may use */
    char fingerprint[33];
};

/* Asks the system. What it does not tell is left out of the fingerprint. */
void machine_describe(struct machine *machine);

#endif
