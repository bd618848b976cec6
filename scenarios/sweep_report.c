#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "scenarios/replay.h"
#include "scenarios/sweep.h"

enum {
    SHOWN_MAX = 20,     /* failures in the text; JSON has all */
    SENTENCE_MAX = 400, /* columns */
    LINE_SIZE = 1200
};

static const char *const outcome_names[SWEEP_OUTCOMES] = {
    "held",
    "held without a fault",
    "excused",
    "property failed",
    "expectation missed",
    "inconclusive",
    "crashed",
    "not deterministic"};

static const char *verdict_word(enum check_verdict verdict)
{
    static const char *const words[] = {"PASS", "FAIL", "EXCUSED",
                                        "INCONCLUSIVE"};
    return words[verdict];
}

static void line_of(const struct sweep_options *options, uint64_t seed,
                    char line[LINE_SIZE])
{
    sweep_line(options, seed, line, LINE_SIZE);
}

void sweep_line(const struct sweep_options *options, uint64_t seed, char *line,
                size_t size)
{
    replay_line(line, size, options->file, seed, options->defects,
                options->defect_count);
}

const char *sweep_outcome_name(enum sweep_outcome outcome)
{
    assert(outcome < SWEEP_OUTCOMES);
    return outcome_names[outcome];
}

/* Which worlds were asked for, as on the command line. */
static void range_of(const struct sweep_options *options,
                     struct report_buffer *out)
{
    if (options->for_ns)
        report_buffer_put(out, "seeds chosen by novelty");
    else
        report_buffer_print(out, "seeds %" PRIu64 "..%" PRIu64, options->from,
                            options->to);
}

/* The gravest thing there is to say. */
static void say_verdict(const struct sweep_summary *s,
                        struct report_buffer *out)
{
    static const struct {
        enum sweep_outcome outcome;
        const char *one;
        const char *many;
    } words[] = {
        {SWEEP_PROPERTY, "failed a property", "failed a property"},
        {SWEEP_CRASHED, "crashed", "crashed"},
        {SWEEP_DIFFERENT, "was not deterministic", "were not deterministic"},
        {SWEEP_MISSED, "missed an expectation", "missed an expectation"},
        {SWEEP_INCONCLUSIVE, "could not be judged", "could not be judged"},
    };
    struct report_word word;
    const char *all = report_format_count(&word, s->worlds);
    report_buffer_print(out, "%s  ", verdict_word(s->verdict));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        uint64_t count = s->counts[words[i].outcome];
        struct report_word number;
        if (count == 0)
            continue;
        report_buffer_print(out, "%s of %s worlds %s.\n",
                            report_format_count(&number, count), all,
                            count == 1 ? words[i].one : words[i].many);
        return;
    }
    if (!s->complete)
        report_buffer_print(out, "Interrupted after %s worlds.\n", all);
    else if (s->verdict == CHECK_INCONCLUSIVE)
        report_buffer_print(out,
                            "All %s worlds held, but something never "
                            "came true.\n",
                            all);
    else
        report_buffer_print(out, "All %s worlds held.\n", all);
}

static void text_counts(const struct sweep_summary *s,
                        struct report_buffer *out)
{
    struct report_word word;
    bool first = true;
    report_buffer_put(out, "worlds    ");
    for (uint32_t i = 0; i < SWEEP_OUTCOMES; i++) {
        if (i == SWEEP_DIFFERENT || (s->counts[i] == 0 && i != SWEEP_HELD))
            continue;
        report_buffer_print(out, "%s%s %s", first ? "" : ", ",
                            report_format_count(&word, s->counts[i]),
                            outcome_names[i]);
        first = false;
    }
    report_buffer_put(out, "\n");
    report_buffer_print(out,
                        "audit     %" PRIu64 " of %" PRIu64
                        " worlds run twice were the same\n",
                        s->audits - s->counts[SWEEP_DIFFERENT], s->audits);
}

static void text_totals(const struct sweep_summary *s,
                        struct report_buffer *out)
{
    struct report_word words[4];
    report_buffer_print(
        out,
        "in them   %s runs ended, %s faults fired, %s while work was in "
        "flight; %s of virtual time\n",
        report_format_count(&words[0], s->runs_ended),
        report_format_count(&words[1], s->faults_fired),
        report_format_count(&words[2], s->faults_in_flight),
        report_format_ns(&words[3], s->virtual_ns));
}

static void text_properties(const struct sweep_summary *s,
                            struct report_buffer *out)
{
    struct report_word word;
    report_buffer_print(out, "\n%-36s %16s  %s\n", "Properties", "checked",
                        "worlds");
    for (uint32_t i = 0; check_all[i]; i++) {
        const struct check_ops *ops = check_all[i];
        report_buffer_print(out, "  %-3s %-30s %16s  ", ops->id, ops->name,
                            report_format_count(&word, s->checked[i]));
        if (s->failed[i])
            report_buffer_print(out, "%" PRIu64 " failed", s->failed[i]);
        else if (s->excused[i])
            report_buffer_print(out, "%" PRIu64 " excused", s->excused[i]);
        else
            report_buffer_put(out, s->checked[i] ? "held" : "nothing to check");
        report_buffer_put(out, "\n");
    }
}

static void text_failures(const struct sweep_options *options,
                          const struct sweep_summary *s,
                          struct report_buffer *out)
{
    char line[LINE_SIZE];
    if (s->failure_count)
        report_buffer_put(out, "\nWhat went wrong\n");
    for (uint64_t i = 0; i < s->failure_count && i < SHOWN_MAX; i++) {
        const struct sweep_failure *failure = &s->failures[i];
        report_buffer_print(out, "  seed %" PRIu64 ", %s: ", failure->item.seed,
                            outcome_names[failure->outcome]);
        report_buffer_plain(out, failure->text, SENTENCE_MAX);
        line_of(options, failure->item.seed, line);
        report_buffer_print(out, "\n    ");
        report_buffer_plain(out, line, LINE_SIZE);
        report_buffer_put(out, "\n");
    }
    if (s->failure_count > SHOWN_MAX)
        report_buffer_print(out, "  and %" PRIu64 " more; sweep.json has all\n",
                            s->failure_count - SHOWN_MAX);
}

static void text_sometimes(const struct sweep_options *options,
                           const struct sweep_summary *s,
                           struct report_buffer *out)
{
    const struct scenario *scenario = options->scenario;
    if (scenario->sometimes_count)
        report_buffer_put(out, "\nSometimes\n");
    for (uint32_t i = 0; i < scenario->sometimes_count; i++) {
        report_buffer_put(out, "  ");
        size_t used = report_buffer_plain(out, scenario->sometimes[i].text, 60);
        report_buffer_print(out, "%*s%s\n", (int)(62 - used), "",
                            s->sometimes >> i & 1 ? "came true"
                                                  : "never came true");
    }
}

bool sweep_silent(const struct sweep_summary *s, uint32_t point)
{
    if (!coverage_set_has(&s->coverage,
                          coverage_tuple(COVERAGE_ARMED, point, 0, 0, 0)))
        return false;
    for (uint32_t action = 0; action < ENGINE_ACT_COUNT; action++)
        if (coverage_set_has(&s->coverage, coverage_tuple(COVERAGE_FIRED, point,
                                                          action, 0, 0)))
            return false;
    return true;
}

static void count_kinds(const struct sweep_summary *s,
                        uint32_t kinds[COVERAGE_KINDS])
{
    memset(kinds, 0, COVERAGE_KINDS * sizeof(*kinds));
    for (uint32_t i = 0; i < s->coverage.room; i++)
        if (s->coverage.slots[i] != 0)
            kinds[coverage_kind_of(s->coverage.slots[i])]++;
}

static void text_coverage(const struct sweep_summary *s,
                          struct report_buffer *out)
{
    uint32_t kinds[COVERAGE_KINDS];
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    bool first = true;
    count_kinds(s, kinds);
    report_buffer_print(out,
                        "\nCoverage\n  %" PRIu32 " faults at points, %" PRIu32
                        " states with events after faults, %" PRIu32
                        " boundaries with recoveries\n  met after worlds:",
                        kinds[COVERAGE_FIRED], kinds[COVERAGE_EVENT],
                        kinds[COVERAGE_RECOVERY]);
    for (uint32_t i = 0; i < s->growth_count; i++)
        report_buffer_print(out, "%s %" PRIu32 " after %" PRIu64, i ? "," : "",
                            s->growth[i].tuples, s->growth[i].worlds);
    report_buffer_put(out, "\n");
    for (uint32_t i = 0; i < count; i++) {
        if (!sweep_silent(s, i))
            continue;
        report_buffer_print(out, "%s%s",
                            first ? "  armed, never fired: " : ", ",
                            points[i].name);
        first = false;
    }
    report_buffer_put(out, first ? "" : "\n");
}

void sweep_text(const struct sweep_options *options,
                const struct sweep_summary *s, struct report_buffer *out)
{
    say_verdict(s, out);
    report_buffer_put(out, "\nsweep     ");
    report_buffer_plain(out, options->scenario->name, 120);
    report_buffer_put(out, ", ");
    range_of(options, out);
    for (uint32_t i = 0; i < options->defect_count; i++)
        report_buffer_print(out, "%s %s", i ? "," : ", with defect",
                            options->defects[i]);
    report_buffer_put(out, "\n");
    text_counts(s, out);
    text_totals(s, out);
    text_properties(s, out);
    text_sometimes(options, s, out);
    text_coverage(s, out);
    text_failures(options, s, out);
}

/* JSON: keys sorted at every level ----------------------------------------- */

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_json(out, text, strlen(text));
}

static void json_coverage(const struct sweep_summary *s,
                          struct report_buffer *out)
{
    uint32_t kinds[COVERAGE_KINDS];
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    const char *comma = "";
    count_kinds(s, kinds);
    report_buffer_print(out,
                        "  \"coverage\": {\n    \"corpus\": %" PRIu64
                        ",\n    \"events\": %" PRIu32
                        ",\n    \"fired\": %" PRIu32 ",\n    \"growth\": [",
                        s->corpus, kinds[COVERAGE_EVENT],
                        kinds[COVERAGE_FIRED]);
    for (uint32_t i = 0; i < s->growth_count; i++)
        report_buffer_print(
            out, "%s{\"tuples\": %" PRIu32 ", \"worlds\": %" PRIu64 "}",
            i ? ", " : "", s->growth[i].tuples, s->growth[i].worlds);
    report_buffer_put(out, "],\n    \"never_fired\": [");
    for (uint32_t i = 0; i < count; i++) {
        if (!sweep_silent(s, i))
            continue;
        report_buffer_put(out, comma);
        put(out, points[i].name);
        comma = ", ";
    }
    report_buffer_print(out,
                        "],\n    \"recoveries\": %" PRIu32
                        ",\n    \"tuples\": %" PRIu32 "\n  },\n",
                        kinds[COVERAGE_RECOVERY], s->coverage.count);
}

static void json_failures(const struct sweep_options *options,
                          const struct sweep_summary *s,
                          struct report_buffer *out)
{
    char line[LINE_SIZE];
    report_buffer_put(out, "  \"failures\": [");
    for (uint64_t i = 0; i < s->failure_count; i++) {
        const struct sweep_failure *failure = &s->failures[i];
        line_of(options, failure->item.seed, line);
        report_buffer_put(out, i ? ",\n    {" : "\n    {");
        report_buffer_put(out, "\"outcome\": ");
        put(out, outcome_names[failure->outcome]);
        report_buffer_put(out, ", \"property\": ");
        if (failure->property < TRIAL_CHECKS_MAX)
            put(out, check_all[failure->property]->id);
        else
            report_buffer_put(out, "null");
        report_buffer_put(out, ", \"replay\": ");
        put(out, line);
        report_buffer_print(
            out, ", \"seed\": \"%" PRIu64 "\", \"text\": ", failure->item.seed);
        put(out, failure->text);
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, s->failure_count ? "\n  ],\n" : "],\n");
}

void sweep_world_json(const struct sweep_options *options,
                      const struct sweep_world *world,
                      struct report_buffer *out)
{
    struct report_word word;
    char line[LINE_SIZE];
    report_buffer_put(out, "{\"digest\": ");
    if (world->digest)
        put(out, report_format_digest(&word, *world->digest));
    else
        report_buffer_put(out, "null");
    report_buffer_put(out, ", \"event\": \"world\", \"outcome\": ");
    put(out, outcome_names[world->outcome]);
    if (world->property < TRIAL_CHECKS_MAX) {
        report_buffer_put(out, ", \"property\": ");
        put(out, check_all[world->property]->id);
    }
    if (world->outcome > SWEEP_EXCUSED) {
        line_of(options, world->item.seed, line);
        report_buffer_put(out, ", \"replay\": ");
        put(out, line);
    }
    report_buffer_print(out, ", \"seed\": \"%" PRIu64 "\"", world->item.seed);
    if (world->text[0] != '\0') {
        report_buffer_put(out, ", \"text\": ");
        put(out, world->text);
    }
    report_buffer_put(out, "}\n");
}

static void json_properties(const struct sweep_summary *s,
                            struct report_buffer *out)
{
    report_buffer_put(out, "  \"properties\": [");
    for (uint32_t i = 0; check_all[i]; i++) {
        report_buffer_print(
            out,
            "%s\n    {\"checked\": %" PRIu64 ", \"excused\": %" PRIu64
            ", \"failed\": %" PRIu64 ", \"id\": ",
            i ? "," : "", s->checked[i], s->excused[i], s->failed[i]);
        put(out, check_all[i]->id);
        report_buffer_print(out, ", \"inconclusive\": %" PRIu64 ", \"name\": ",
                            s->inconclusive[i]);
        put(out, check_all[i]->name);
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, "\n  ],\n");
}

static void json_sometimes(const struct sweep_options *options,
                           const struct sweep_summary *s,
                           struct report_buffer *out)
{
    const struct scenario *scenario = options->scenario;
    report_buffer_put(out, "  \"sometimes\": [");
    for (uint32_t i = 0; i < scenario->sometimes_count; i++) {
        report_buffer_print(
            out, "%s\n    {\"came_true\": %s, \"text\": ", i ? "," : "",
            s->sometimes >> i & 1 ? "true" : "false");
        put(out, scenario->sometimes[i].text);
        report_buffer_put(out, "}");
    }
    report_buffer_put(out, scenario->sometimes_count ? "\n  ],\n" : "],\n");
}

static void json_worlds(const struct sweep_summary *s,
                        struct report_buffer *out)
{
    const uint64_t *counts = s->counts;
    report_buffer_print(
        out,
        "  \"worlds\": {\"all\": %" PRIu64 ", \"crashed\": %" PRIu64
        ", \"excused\": %" PRIu64 ", \"held\": %" PRIu64
        ", \"inconclusive\": %" PRIu64 ", \"missed\": %" PRIu64
        ", \"not_deterministic\": %" PRIu64 ", \"property_failed\": %" PRIu64
        ", \"quiet\": %" PRIu64 ", \"run_twice\": %" PRIu64 "}\n",
        s->worlds, counts[SWEEP_CRASHED], counts[SWEEP_EXCUSED],
        counts[SWEEP_HELD], counts[SWEEP_INCONCLUSIVE], counts[SWEEP_MISSED],
        counts[SWEEP_DIFFERENT], counts[SWEEP_PROPERTY], counts[SWEEP_QUIET],
        s->audits);
}

void sweep_json(const struct sweep_options *options,
                const struct sweep_summary *s, struct report_buffer *out)
{
    report_buffer_print(out, "{\n  \"complete\": %s,\n",
                        s->complete ? "true" : "false");
    json_coverage(s, out);
    report_buffer_put(out, "  \"defects\": [");
    for (uint32_t i = 0; i < options->defect_count; i++) {
        report_buffer_put(out, i ? ", " : "");
        put(out, options->defects[i]);
    }
    report_buffer_print(out, "],\n  \"events\": %" PRIu64 ",\n", s->events);
    json_failures(options, s, out);
    report_buffer_print(out,
                        "  \"faults_fired\": %" PRIu64
                        ",\n  \"faults_in_flight\": %" PRIu64 ",\n",
                        s->faults_fired, s->faults_in_flight);
    json_properties(s, out);
    report_buffer_print(
        out, "  \"runs_ended\": %" PRIu64 ",\n  \"scenario\": ", s->runs_ended);
    put(out, options->scenario->name);
    report_buffer_put(out, ",\n  \"schema\": \"perdure.sweep/1\",\n");
    if (options->for_ns)
        report_buffer_put(out, "  \"seeds\": \"by novelty\",\n");
    else
        report_buffer_print(out, "  \"seeds\": \"%" PRIu64 "..%" PRIu64 "\",\n",
                            options->from, options->to);
    json_sometimes(options, s, out);
    report_buffer_put(out, "  \"verdict\": ");
    put(out, check_verdict_name(s->verdict));
    report_buffer_print(out, ",\n  \"virtual_ns\": %" PRIu64 ",\n",
                        s->virtual_ns);
    json_worlds(s, out);
    report_buffer_put(out, "}\n");
}
