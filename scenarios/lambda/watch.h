/*
 * A trial is watched while it runs and looked through when it has ended. The
 * checkers of reports/ judge the records of its service and an audit of its
 * store; the histories that its API tells must be legal; what it used is
 * counted.
 *
 *     service --records--> checkers -+
 *     its store --audit--> checkers -+-> properties
 *     its API --histories--> order --+
 */
#ifndef SCENARIOS_LAMBDA_WATCH_H
#define SCENARIOS_LAMBDA_WATCH_H

#include "engine/host/lambda/service.h"
#include "reports/check.h"
#include "scenarios/lambda/use.h"

/* A function that is not the user's: its executions are judged, not metered. */
#define LAMBDA_OTHER_FUNCTION "perdure-other"

enum {
    LAMBDA_PROPERTIES_MAX = 24,
    LAMBDA_PROPERTY_WHY = 240
};

/* Texts are literals. */
struct lambda_property {
    const char *id;
    const char *name;
    const char *unit;
    enum check_verdict verdict; /* INCONCLUSIVE: there was nothing to see */
    uint64_t checked;
    uint64_t violations;
    char why[LAMBDA_PROPERTY_WHY]; /* the first violation */
};

/* An event of a history, as a table shows it. */
struct lambda_told {
    uint64_t since_us; /* the execution began */
    char type[40];
    char subtype[40];
    char name[80]; /* of the operation; untrusted */
    uint32_t attempt;
    bool again;
};

/* What was found. */
struct lambda_findings {
    struct lambda_property properties[LAMBDA_PROPERTIES_MAX];
    uint32_t property_count;
    struct lambda_use use;
    struct lambda_told *history; /* of the execution; the findings' own */
    uint32_t history_count;
};

struct lambda_watch;

/* NULL: out of memory. */
struct lambda_watch *lambda_watch_new(const struct engine_limits *limits);
void lambda_watch_free(struct lambda_watch *watch);
/* Where records of services go, as long as the watch is. */
const struct engine_sink *lambda_watch_sink(const struct lambda_watch *watch);

/* Before the execution of a new service is asked for. 0 or -1. */
int lambda_watch_begin(struct lambda_watch *watch,
                       struct lambda_service *service);
/* A fault strikes: what was to happen may be late. */
void lambda_watch_struck(struct lambda_watch *watch);
/*
 * It has ended. over: nothing more would have happened; else executions that
 * have not ended, as invoked ones whose caller was stopped, are not judged. 0;
 * -1 out of memory: the findings are then still to be freed.
 */
int lambda_watch_end(struct lambda_watch *watch, bool over,
                     struct lambda_findings *findings);
void lambda_findings_free(struct lambda_findings *findings);

#endif
