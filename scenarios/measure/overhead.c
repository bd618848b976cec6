#include "scenarios/measure/overhead.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/random.h"

enum {
    IN_FLIGHT = 64
};

const char *measure_recording_name(enum measure_recording recording)
{
    static const char *const names[MEASURE_RECORDINGS] = {
        [MEASURE_OFF] = "off",
        [MEASURE_SAMPLE] = "sample=1%",
        [MEASURE_FULL] = "full",
    };

    assert(recording < MEASURE_RECORDINGS);
    return names[recording];
}

int measure_stream(const char *path, uint64_t *records, uint64_t *dropped)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    *records = *dropped = 0;
    if (!file)
        return -1;
    while (getline(&line, &room, file) > 0) {
        uint64_t count = 0;
        if (strstr(line, "\"kind\": \"dropped\"") &&
            sscanf(line, "{\"count\": %" SCNu64, &count) == 1)
            *dropped += count;
        else
            ++*records;
    }
    free(line);
    fclose(file);
    return 0;
}

static void take(struct measure_recorded *recorded,
                 const struct measure_stage *stage, uint32_t runs,
                 uint64_t took_ns)
{
    uint64_t steps = (uint64_t)runs * stage->config.shape.steps;
    uint64_t records;
    uint64_t dropped;
    struct stat is;

    measure_add(&recorded->steps_a_second,
                steps * 1000000 / (took_ns / 1000 + 1));
    measure_add(&recorded->engine_ns_a_step, stage->engine_cpu_ns / steps);
    recorded->runs += runs;
    if (stat(stage->observed, &is) == 0)
        recorded->bytes += (uint64_t)is.st_size;
    if (measure_stream(stage->observed, &records, &dropped) == 0) {
        recorded->records += records;
        recorded->dropped += dropped;
    }
}

static int measure_one(const struct measure_stage_config *config, uint32_t runs,
                       uint32_t in_flight, uint64_t *each,
                       struct measure_recorded *recorded, char *error)
{
    struct measure_stage stage;
    uint64_t took_ns = 0;
    int result = measure_stage_open(&stage, config) ||
                 measure_stage_run(&stage, runs, in_flight, each, &took_ns) ||
                 measure_stage_close(&stage);

    if (result)
        snprintf(error, HOST_ERROR_SIZE, "%.1000s", stage.error);
    else if (recorded)
        take(recorded, &stage, runs, took_ns);
    measure_stage_remove(&stage);
    return result ? -1 : 0;
}

int measure_overhead_turn(const struct measure_stage_config *config,
                          uint32_t runs, uint32_t turn,
                          struct measure_overhead *overhead, char *error)
{
    struct measure_stage_config of = *config;
    int result = 0;

    overhead->shape = config->shape;
    overhead->in_flight = IN_FLIGHT;
    for (uint32_t i = 0; result == 0 && i < MEASURE_RECORDINGS; i++) {
        uint32_t which = (turn + i) % MEASURE_RECORDINGS;
        of.observe = which != MEASURE_OFF;
        of.observe_ppb =
            which == MEASURE_SAMPLE ? MEASURE_SAMPLE_PPB : ENGINE_CHANCE_ALWAYS;
        result = measure_one(&of, runs, IN_FLIGHT, NULL, &overhead->by[which],
                             error);
    }
    return result;
}

int measure_alone(const struct measure_stage_config *config, uint32_t runs,
                  uint64_t *each, char *error)
{
    return measure_one(config, runs, 1, each, NULL, error);
}
