/*
 * A report is one struct that holds all a renderer needs; text, JSON, HTML
 * and Markdown are functions of it. Nothing in it depends on the machine or on
 * wall time: the same scenario and seed give the same report, byte for byte.
 *
 * The runner fills struct report_facts with what it knows and the collector
 * does not, makes the model, and hands it to the renderers:
 *
 *     stats = report_collect_finish(collect);
 *     ... evaluate the scenario's expectations from stats ...
 *     report_model_init(&model, collect, &facts);
 *     report_text(&model, &buffer, 0);
 *     report_json(&model, &buffer);
 *     report_html(&model, NULL, &buffer);
 *     report_markdown(&model, &buffer);
 *     report_model_deinit(&model);
 */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H

#include "reports/buffer.h"
#include "reports/check.h"
#include "reports/collect.h"
#include "reports/failures.h"
#include "reports/library.h"
#include "reports/timeline.h"

/* One value of the configuration, as text, with where it comes from. */
struct report_setting {
    const char *name;
    const char *value;
    const char *unit;   /* NULL: none, as below */
    const char *source; /* scenario, profile, default, a document */
    const char *tag;    /* how sure: measured, documented, assumed */
};

/* What the scenario expects, as written, and what came out. */
struct report_expectation {
    const char *text;
    const char *actual;
    enum check_verdict verdict;
};

/* A budget that the scenario sets, and what came out. */
struct report_threshold {
    const char *expr;  /* what is measured: "p99(run)" */
    const char *limit; /* "< 30s" */
    const char *actual;
    enum check_verdict verdict;
};

/* A file the scenario needs, for a replay. */
struct report_source {
    const char *name; /* as the scenario refers to it */
    const char *text; /* UTF-8, may hold any character */
    size_t size;
};

/* One fault that was asked for, and how often it struck. */
struct report_rule {
    const char *text; /* what, where and when, in a line */
    uint64_t fired;
    uint64_t in_flight; /* of those, while work was in flight */
    int optional;       /* it depends on chance: need not fire */
};

/* One line of a bill. */
struct report_bill {
    const char *name;
    const char *amount; /* "12,345 GB-s" */
    const char *cost;   /* "$0.21"; NULL: not priced */
};

/* All of it is borrowed and must outlive the model. Text is untrusted. */
struct report_facts {
    const char *scenario;   /* its name */
    const char *why;        /* one sentence; NULL: none, as below */
    const char *version;    /* of perdure */
    const char *replay;     /* the command that repeats this run */
    const char *incomplete; /* why the run was cut short */
    uint64_t seed;
    struct engine_hash digest;
    /* Of the first digest_step records, twice as many, ..; may be none. */
    const struct engine_hash *digests;
    size_t digest_count;
    uint64_t digest_step;
    uint64_t record_count;
    const struct check_result *results;
    size_t result_count;
    const char *const *required; /* ids of properties that must check */
    size_t required_count;
    const struct report_failures *failures; /* NULL: not known */
    const struct report_expectation *expectations;
    size_t expectation_count;
    const struct report_threshold *thresholds;
    size_t threshold_count;
    /* What must come true in some world of many: no part of the verdict. */
    const struct report_expectation *sometimes;
    size_t sometimes_count;
    /* Without rules the points of the records are judged. */
    const struct report_rule *rules;
    size_t rule_count;
    const struct report_setting *settings;
    size_t setting_count;
    /* The first is the scenario; NULL if there are none. */
    const struct report_source *sources;
    size_t source_count;
    const struct report_bill *bill;
    size_t bill_count;
    const char *const *checks; /* those that were asked for; NULL: none */
    size_t check_count;
    const char *const *defects; /* names of seeded defects that are on */
    size_t defect_count;
    const char *const *limits; /* sentences: what this world leaves out */
    size_t limit_count;
};

enum {
    REPORT_REASONS_MAX = 32,
    REPORT_MORE_MAX = 5
};

struct report_reason {
    enum check_verdict verdict; /* which verdict it speaks for */
    char text[480];
};

/*
 * What a renderer sees, and all of it: no world and no records, so that a
 * report.json that was read back (scenarios/report_read.h) renders the same.
 */
struct report_model {
    struct report_facts facts;
    const struct report_stats *stats;
    struct report_timeline *timeline; /* NULL: no run to show */
    /* Of further runs, one for each of the gravest things that came of faults
       as far as their records were kept. */
    struct report_timeline *more[REPORT_MORE_MAX];
    uint32_t more_count;
    enum check_verdict verdict;
    uint32_t held; /* properties, and how it went with them */
    uint32_t failed;
    uint32_t absent; /* those that the world has nothing for */
    uint32_t met;    /* expectations */
    uint32_t missed;
    struct report_reason reasons[REPORT_REASONS_MAX]; /* gravest first */
    uint32_t reason_count;
    uint32_t reasons_left_out;
    uint64_t records_left_out; /* not kept for timelines */
};

/*
 * Judges and collects everything into the model. Fail: a property failed or
 * an expectation was missed. Otherwise excused, if a failure was excused.
 * Otherwise inconclusive: an armed fault never fired, had no effect or never
 * met work in flight, a required property looked at nothing or could not be
 * judged, an expectation could not be, no run was started, or the run is
 * incomplete. Otherwise pass. Returns 0, or -1 when out of memory.
 */
int report_model_init(struct report_model *model,
                      struct report_collect *collect,
                      const struct report_facts *facts);
/* The same without anything to show: for a verdict and its reasons. */
void report_model_judge(struct report_model *model,
                        struct report_collect *collect,
                        const struct report_facts *facts);
void report_model_deinit(struct report_model *model);
/* Counts properties and expectations by how it went, into a zeroed model. */
void report_model_count(struct report_model *model);
/* One sentence on what held, for a verdict without reasons. */
void report_model_held(const struct report_model *model,
                       struct report_buffer *out);

enum {
    REPORT_TEXT_COLOUR = 1
};

/* The summary for a terminal: the verdict first, the replay command last. */
void report_text(const struct report_model *model, struct report_buffer *out,
                 unsigned flags);
/* Tables for a merge request or a wiki; no charts. */
void report_markdown(const struct report_model *model,
                     struct report_buffer *out);
/* report.json, schema "perdure.report/1": keys sorted at every level. */
void report_json(const struct report_model *model, struct report_buffer *out);
/*
 * report.html: one page that needs nothing else, below 2 MB. With a library
 * its charts over time can be zoomed where scripts may run; without, or where
 * they may not, it is static SVG and tables.
 */
void report_html(const struct report_model *model,
                 const struct report_library *library,
                 struct report_buffer *out);

#endif
