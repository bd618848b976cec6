/*
 * A process between us and a user's program. Whatever the program starts, and
 * wherever it moves to, becomes the guard's child when its parent has gone; so
 * the guard can end all of it: when the program has ended, and when we have.
 *
 *     perdure -- guard -- program -- its children
 *                  `----- daemons of the program
 *
 * It ends as the program did.
 */
#ifndef ENGINE_HOST_LAMBDA_GUARD_H
#define ENGINE_HOST_LAMBDA_GUARD_H

#include <sys/types.h>

/*
 * In a child that was just forked by parent: forks once more, carries out
 * become(self) there, writes that process's number to report, and stands
 * guard. become() does not return. The program is a group of its own.
 */
_Noreturn void lambda_guard(pid_t parent, int report,
                            void (*become)(const void *self), const void *self);

#endif
