/*
 * A database that holds the logs a test wrote into it, event by event, with
 * the workflow they are of, and a reader as commands open it.
 *
 *     log_bed_open(&b);
 *     log_bed_create(&b, 7);              a request, sent by commit
 *     log_bed_event(&b, ENGINE_EV_..., 0, 1, "words");
 *     log_bed_commit(&b, 1000);           at this store time
 *     log_bed_append(&b, 7, 3);           from sequence number 3
 *     ...
 *     reader = log_bed_look(&b, graph);   now nothing more is written
 *     log_bed_close(&b);
 */
#ifndef TESTS_SUPPORT_LOG_BED_H
#define TESTS_SUPPORT_LOG_BED_H

#include "engine/graph.h"
#include "engine/host/reader.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

enum {
    LOG_BED_WORKFLOW = 3 /* the number of the graph */
};

struct log_bed {
    struct store_file file;
    struct store_opener opener;
    struct store_bed bed;
    struct host_reader *reader;
};

/* A handler's operation, as an event tells of it. Its id follows from op. */
struct log_operation {
    unsigned kind; /* enum engine_event_kind */
    uint32_t op;
    unsigned type;
    unsigned subtype;
    unsigned options;
    uint32_t attempt;
    uint32_t parent; /* number; 0: the run */
    uint32_t error;
    uint64_t first_ns;
    const char *name;
    const char *value;
};

void log_bed_open(struct log_bed *b);
void log_bed_create(struct log_bed *b, uint64_t run);
void log_bed_append(struct log_bed *b, uint64_t run, uint64_t seq);
void log_bed_event(struct log_bed *b, unsigned kind, uint32_t op,
                   uint32_t attempt, const char *words);
void log_bed_bytes(struct log_bed *b, unsigned kind, uint32_t op,
                   uint32_t attempt, const void *bytes, size_t size);
void log_bed_operation(struct log_bed *b, struct log_operation operation);
void log_bed_commit(struct log_bed *b, uint64_t now_ns);
struct host_reader *log_bed_look(struct log_bed *b,
                                 const struct engine_graph *graph);
/* Closes the reader and removes the database. */
void log_bed_close(struct log_bed *b);

#endif
