/*
 * Signals to whoever works for long, as flags that he looks at: Ctrl-C asks
 * him to come to an end, SIGUSR1 to say how far he is.
 *
 *     the first SIGINT or SIGTERM   ->  stop soon, say what there is, exit 130
 *     the second                    ->  exit 130 at once
 */
#ifndef SCENARIOS_INTERRUPT_H
#define SCENARIOS_INTERRUPT_H

#include <signal.h>

/*
 * From now on the signals raise the flags; calls that wait return with EINTR.
 * Files that are replaced as a whole (reports/file.h) are so also by a second
 * Ctrl-C that comes meanwhile.
 */
void interrupt_catch(void);

/* Only SIGUSR1: of who leaves nothing behind that Ctrl-C could spoil. */
void interrupt_catch_asked(void);

const volatile sig_atomic_t *interrupt_flag(void);

/* Raised by SIGUSR1; lowered by who has answered it. */
volatile sig_atomic_t *interrupt_asked(void);

#endif
