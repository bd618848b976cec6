/*
 * What runs leave in a database: bytes of the file, of the log in it and of
 * values beside it, events and rows, after as many runs of one shape; and what
 * an archive of them takes and leaves.
 */
#ifndef SCENARIOS_MEASURE_GROWTH_H
#define SCENARIOS_MEASURE_GROWTH_H

#include "scenarios/measure/stage.h"

/* All that is in a database, at rest. */
struct measure_contents {
    uint64_t file_bytes; /* with its write-ahead log, if there is one */
    uint64_t used_bytes; /* of pages that are in use */
    uint64_t runs;
    uint64_t events;
    uint64_t rows;       /* of the log: requests that had events */
    uint64_t log_bytes;  /* of the rows' items */
    uint64_t blob_bytes; /* of values above the inline limit */
};

struct measure_growth {
    struct measure_shape shape;
    uint64_t snapshot_events;
    uint64_t runs;                  /* with the one that waited for a worker */
    struct measure_contents before; /* of a database without runs */
    struct measure_contents after;
    bool archived;
    struct measure_contents left; /* in the database, once archived */
    uint64_t archive_bytes;
};

/* Reads a database that nobody has open. 0; -1 with a sentence of
 * HOST_ERROR_SIZE. */
int measure_contents(const char *database, struct measure_contents *contents,
                     char *error);

/*
 * Runs so many of the shape on a stage of its own in dir, and looks; with
 * archive, archives them then and looks again. Returns 0, or -1 with stage's
 * error copied to error.
 */
int measure_growth(const struct measure_stage_config *config, uint32_t runs,
                   bool archive, struct measure_growth *growth, char *error);

/* Bytes of the file each run has brought, rounded up. */
uint64_t measure_growth_each(const struct measure_growth *growth);

#endif
