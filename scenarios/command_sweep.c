#include "scenarios/command.h"
#include "scenarios/command_enumerate.h"

int command_sweep(int argc, char **argv)
{
    return command_enumerate(argc, argv);
}
