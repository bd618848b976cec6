/*
 * An engine process and a worker process on a database of their own in a new
 * directory, and a client that starts runs and waits for them: what a user
 * has, made small and thrown away.
 *
 *     measure_stage_open(&stage, &config)
 *     measure_stage_run(&stage, 2000, 64, NULL, &took_ns)    any number of
 * times measure_stage_close(&stage)       both end; the files stay
 *     measure_stage_remove(&stage)      the files go
 *
 * Calls return 0, or -1 with a sentence in stage->error; measure_stage_remove()
 * then ends what is left, whatever has happened.
 */
#ifndef SCENARIOS_MEASURE_STAGE_H
#define SCENARIOS_MEASURE_STAGE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/host/control.h"

enum {
    MEASURE_PATH = 512,
    MEASURE_RESULT_MAX = 200000,
    MEASURE_STEPS_MAX = 64
};

/* How the steps of a run are written. */
enum measure_form {
    MEASURE_HANDLER, /* a C function, each step durable before the next */
    MEASURE_GRAPH    /* declared; the coordinator hands out each step */
};

/* One kind of run: so many steps, one after the other. */
struct measure_shape {
    const char *name;
    enum measure_form form;
    uint32_t steps;       /* 1 .. MEASURE_STEPS_MAX */
    uint32_t result_size; /* bytes of each step's result, of a graph at most
                             4096; no two are alike */
};

struct measure_stage_config {
    const char *dir; /* which exists; a directory is made in it */
    struct measure_shape shape;
    bool sync_normal;
    bool observe;         /* a stream of records beside the log .. */
    uint32_t observe_ppb; /* .. of this share of the runs */
    uint64_t snapshot_events;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

struct measure_stage {
    struct measure_stage_config config;
    char dir[MEASURE_PATH];
    char database[MEASURE_PATH + 16];
    char observed[MEASURE_PATH + 16]; /* the stream's file */
    pid_t engine;                     /* 0: not running */
    pid_t worker;
    bool connected;
    struct host_client client;
    uint64_t engine_cpu_ns; /* of the processes, once they have ended */
    uint64_t worker_cpu_ns;
    char error[HOST_ERROR_SIZE + 128];
};

/* Starts them and waits until a first run has come through. */
int measure_stage_open(struct measure_stage *stage,
                       const struct measure_stage_config *config);
/*
 * So many runs, at most in_flight at a time. *took_ns is the time from the
 * first start to the last result; each[i], unless NULL, that of the i-th run
 * to end.
 */
int measure_stage_run(struct measure_stage *stage, uint32_t runs,
                      uint32_t in_flight, uint64_t *each, uint64_t *took_ns);
/* Lets both end in good order; the database and the stream are whole then. */
int measure_stage_close(struct measure_stage *stage);
/* Removes the directory. Kills both if they still run. */
void measure_stage_remove(struct measure_stage *stage);

#endif
