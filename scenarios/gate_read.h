/*
 * What the gate reads: reports of runs, alone or in directories, with the
 * run-meta.json that lies beside them; and the policy. A report is taken only
 * if it is whole: valid JSON of a known schema whose bytes are those that were
 * written.
 */
#ifndef SCENARIOS_GATE_READ_H
#define SCENARIOS_GATE_READ_H

#include "engine/host/json.h"
#include "reports/gate.h"

enum {
    GATE_PATH_MAX = 4096,
    GATE_REPORTS_MAX = 100000, /* of a directory */
    GATE_DEPTH_MAX = 8         /* of directories in it */
};

/* A report and what is known of its run. */
struct gate_entry {
    char *path;
    struct report_gate_report report;
    struct report_gate_sample sample;
    bool has_sample;
};

/* All reports of a path, in order of scenario, seed and path. */
struct gate_set {
    struct gate_entry *entries;
    size_t count;
    size_t capacity;
    bool directory;
};

/* Reads one report. False: err says why, and entry is empty. */
bool gate_read_report(const char *path, struct gate_entry *entry,
                      struct json_error *err);
void gate_entry_free(struct gate_entry *entry);

/* "$0.055725" in millionths; false: what stands there is no price. */
bool gate_read_price(const char *text, uint64_t *micro);

/* All bytes of a file, to be freed; NULL: err says why. */
char *gate_read_bytes(const char *path, size_t *size, struct json_error *err);

/*
 * Reads a report or all in a directory and those below it: each file NAME.json
 * but run-meta.json, sweep.json, sweep-meta.json, matrix.json, and what runs
 * export as trace.json and bmf.json. False: err
 * says why; the set is to be freed all the same. What is not there at all is
 * an error as well, with code JSON_EREAD.
 */
bool gate_read_set(const char *path, struct gate_set *set,
                   struct json_error *err);
void gate_set_free(struct gate_set *set);

/* Reads a policy; the one of no file compares all figures as they are. */
void gate_policy_default(struct report_gate_policy *policy);
bool gate_read_policy(const char *path, struct report_gate_policy *policy,
                      struct json_error *err);
void gate_policy_free(struct report_gate_policy *policy);

#endif
