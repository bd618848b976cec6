/*
 * A store in a file of its own directory, which a test makes, opens through
 * the conformance suite's opener, meddles with and removes.
 */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "engine/host/store_sqlite.h"
#include "tests/support/store_conformance.h"

struct store_file {
    char directory[64];
    char path[96];
    uint32_t page_size;
    enum store_sqlite_journal journal;
    int read_only;
    int shared; /* others may open it too */
    uint32_t busy_timeout_ms;
    const uint8_t *key;
    enum store_trouble trouble; /* of the last opening */
    char error[512];
};

/* Makes the directory; the file is made by opening it. */
void store_file_make(struct store_file *file);
/* Removes file and directory. */
void store_file_remove(const struct store_file *file);
/* Opens it as a durable store; file must live as long. */
struct store_opener store_file_opener(struct store_file *file);
/* Opens it again with roomy limits, which must succeed. */
struct engine_store store_file_open(struct store_file *file);
/* Tries to; -1 with trouble and error. */
int store_file_try(struct store_file *file, struct engine_store *out);
/* Runs SQL on the file as another program would; it must succeed. */
void store_file_meddle(const struct store_file *file, const char *sql);
/* The number that a query returns. */
int64_t store_file_ask(const struct store_file *file, const char *sql);
/* All of a text file, to be freed. */
char *store_file_text(const char *path);
/* Whether these bytes are in the file or in one of its journals. */
int store_file_holds(const struct store_file *file, const char *bytes);

#endif
