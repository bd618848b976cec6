#include "scenarios/interrupt.h"

#include <unistd.h>

#include "scenarios/command.h"

/* The only variables of the program that are not arguments. */
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t asked;

static void interrupt(int number)
{
    (void)number;
    if (interrupted)
        _exit(EXIT_INTERRUPTED);
    interrupted = 1;
}

static void ask(int number)
{
    (void)number;
    asked = 1;
}

static void take(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void interrupt_catch(void)
{
    take(SIGINT, interrupt);
    take(SIGTERM, interrupt);
    interrupt_catch_asked();
}

void interrupt_catch_asked(void)
{
    take(SIGUSR1, ask);
}

const volatile sig_atomic_t *interrupt_flag(void)
{
    return &interrupted;
}

volatile sig_atomic_t *interrupt_asked(void)
{
    return &asked;
}
