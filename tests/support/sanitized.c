/* What the library of a sanitizer asks of a program, in builds that have one.
 */
#include <stdlib.h>

int __lsan_is_turned_off(void);

/*
 * Leaks count in the process that each test has of its own. The one that
 * starts them runs no code of ours, and now and then leaves a timer behind.
 */
int __lsan_is_turned_off(void) /* NOLINT(bugprone-reserved-identifier) */
{
    return getenv("BXFI_MAP") == NULL;
}
