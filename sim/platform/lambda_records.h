/*
 * Asynchronous jobs of a Lambda model. A job's number here is the tag of its
 * events in the queue, of which there may be two. Private to
 * sim/platform/lambda*.c.
 */
#ifndef SIM_LAMBDA_RECORDS_H
#define SIM_LAMBDA_RECORDS_H

#include "sim/platform/model.h"

struct sim_lambda_record {
    const struct sim_demand *demand;
    uint32_t job;
    uint32_t copies;    /* events in the queue or being delivered; 0: unused */
    uint32_t next_free; /* unused: the next of those */
    bool started, good;
};

/* Zeroed but for first_free, which is SIM_MODEL_NONE; free(list) at the end. */
struct sim_lambda_records {
    struct sim_lambda_record *list;
    uint32_t capacity, first_free;
};

/* False without memory. The record is for the caller to fill. */
bool sim_lambda_record_take(struct sim_lambda_records *records,
                            uint32_t *index);
void sim_lambda_record_give(struct sim_lambda_records *records, uint32_t index);

/* Whether a job is among them. */
bool sim_lambda_records_hold(const struct sim_lambda_records *records,
                             uint32_t job);

#endif
