/*
 * A store on a test bed: requests are built in a block, sent as a group of
 * one, and the reply is there to be looked at.
 */
#ifndef STORE_BED_H
#define STORE_BED_H

#include "tests/support/store_conformance.h"

enum {
    BED_A = 1, /* senders, as nodes */
    BED_B,
    BED_C
};

struct store_bed {
    const struct store_opener *opener;
    struct store_opening how;
    struct engine_store store;
    struct engine_block request;
    struct engine_block reply;
    uint64_t now;
    uint64_t id;
};

/* Fresh store with roomy limits. 0 or -1. */
int store_bed_open(struct store_bed *bed, const struct store_opener *opener);
void store_bed_close(struct store_bed *bed);
/* Closes the store and opens it again. 0 or -1. */
int store_bed_reopen(struct store_bed *bed);

uint64_t store_bed_sender(unsigned node);
/* Starts a request; fill in what it needs through bed_head(). */
struct engine_request *store_bed_ask(struct store_bed *bed, uint16_t kind,
                                     unsigned node, uint64_t run);
struct engine_request *store_bed_head(const struct store_bed *bed);
/* Adds an item to the request. */
void store_bed_item(struct store_bed *bed, const struct engine_item *item,
                    const void *payload, size_t size);
void store_bed_event(struct store_bed *bed, uint16_t kind, uint64_t a);
void store_bed_work(struct store_bed *bed, uint32_t flag, uint32_t op,
                    uint32_t attempt, const char *input);
/* A whole SIGNAL request: this id, for the run as a whole. */
void store_bed_signal(struct store_bed *bed, unsigned node, uint64_t run,
                      uint64_t id, const char *value);
/* Adds an item that takes this row out of the run's inbox. */
void store_bed_take(struct store_bed *bed, uint64_t id);
/* Adds a snapshot that folds in events up to this one. */
void store_bed_snapshot(struct store_bed *bed, uint64_t seq, const char *text);
/* Sends it in a group of its own; the outcome, 0 if a call failed. */
unsigned store_bed_send(struct store_bed *bed);
/* Applies it to the group that is open; the outcome, 0 after a failure. */
unsigned store_bed_apply(struct store_bed *bed);

const struct engine_reply *store_bed_reply(const struct store_bed *bed);
/* The nth item of that type in the reply, from 0; NULL: not there. */
const struct engine_item *store_bed_find(const struct store_bed *bed,
                                         uint16_t type, unsigned nth);
/* Whether the item's payload is this string. */
int store_bed_says(const struct engine_item *item, const char *text);
/* Whether it is an INBOX item with this id and value. */
int store_bed_brings(const struct engine_item *item, uint64_t id,
                     const char *value);

#endif
