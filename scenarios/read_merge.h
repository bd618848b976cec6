/*
 * A scenario that extends another is read as one text: the keys of the
 * scenario, and those of the other that it does not have. A section that both
 * have is merged in the same way, key by key; anything below is taken whole,
 * lists too. Pieces of the text remember where they come from, so that an
 * error still names file, line and column of what a person wrote.
 *
 *     base:  {"runs": 10, "engine": {"lease": "60s", "scan": "10s"}}
 *     ours:  {"extends": "base.json", "engine": {"lease": "9s"}}
 *     read:  {"runs": 10, "engine": {"lease": "9s", "scan": "10s"}}
 */
#ifndef SCENARIOS_READ_MERGE_H
#define SCENARIOS_READ_MERGE_H

#include "engine/host/json.h"

/* A file that goes into a merge: its text, and the document made of it. */
struct read_part {
    const char *shown; /* its name in errors */
    const char *text;
    size_t size;
    const struct json_doc *doc;
};

/* Bytes of the merged text from `at` on are those of a part from `from` on. */
struct read_piece {
    size_t at;
    size_t from;
    const struct read_part *part;
};

struct read_merge {
    char *text;
    size_t size;
    size_t room;
    struct read_piece *pieces;
    size_t count;
    size_t piece_room;
    bool failed; /* memory ran out */
};

/* The name under which the merged text must be read. */
#define READ_MERGE_NAME "(merged scenario)"

/*
 * Merges @ours over @base, which must stay until read_merge_free(). Both are
 * objects. Keys named in @dropped are not taken from the base. Sets *err if
 * memory runs out.
 */
void read_merge(struct read_merge *merge, const struct read_part *ours,
                const struct read_part *base, const char *const *dropped,
                size_t dropped_count, struct json_error *err);

/* Moves an error in the merged text to where its bytes come from. */
void read_merge_place(const struct read_merge *merge, struct json_error *err);

void read_merge_free(struct read_merge *merge);

#endif
