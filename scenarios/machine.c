#include "scenarios/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/store.h"
#include "reports/format.h"

/* The first line of a file that starts so, without that; or nothing. */
static void read_line(const char *path, const char *start, char *out,
                      size_t size)
{
    char line[512];
    FILE *file = fopen(path, "r");
    out[0] = '\0';
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        const char *at = line + strlen(start);
        at += strspn(at, " \t:");
        snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
        break;
    }
    if (file)
        fclose(file);
}

static uint64_t count_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 0;
    return (uint64_t)CPU_COUNT(&set);
}

void machine_describe(struct machine *machine)
{
    struct utsname name;
    char start[64];
    char all[512];
    struct report_word word;
    memset(machine, 0, sizeof(*machine));
    read_line("/proc/cpuinfo", "model name", machine->cpu,
              sizeof(machine->cpu));
    if (!machine->cpu[0])
        snprintf(machine->cpu, sizeof(machine->cpu), "unknown");
    if (uname(&name) == 0)
        snprintf(machine->system, sizeof(machine->system), "%.40s %.60s %.20s",
                 name.sysname, name.release, name.machine);
    machine->cores = count_cores();
    read_line("/proc/sys/kernel/random/boot_id", "", start, sizeof(start));
    int size = snprintf(all, sizeof(all), "%s|%s|%" PRIu64 "|%s", machine->cpu,
                        machine->system, machine->cores, start);
    snprintf(machine->fingerprint, sizeof(machine->fingerprint), "%s",
             report_format_digest(&word, engine_hash_bytes(all, (size_t)size)));
}
