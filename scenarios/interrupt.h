/*
 * Ctrl-C, as a flag that whoever works for long looks at.
 */
#ifndef SCENARIOS_INTERRUPT_H
#define SCENARIOS_INTERRUPT_H

#include <signal.h>

/* From now on SIGINT and SIGTERM raise the flag; the second one ends the
   process as usual. */
void interrupt_catch(void);

const volatile sig_atomic_t *interrupt_flag(void);

#endif
