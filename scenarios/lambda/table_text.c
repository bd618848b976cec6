#include <inttypes.h>
#include <string.h>

#include "reports/format.h"
#include "reports/gate.h"
#include "scenarios/lambda/table.h"

enum {
    COLUMNS = 80,
    RESULT_SHOWN = 200,
    GROUPS_SHOWN = 20,
    PLACES_SHOWN = 12, /* boundaries of a group of failures, */
    EXAMPLES = 3       /* and where an effect happens again */
};

/* Words -------------------------------------------------------------------- */

/* Untrusted text over as many lines as it takes. */
static void wrap(struct report_buffer *out, const char *text, size_t column,
                 size_t indent)
{
    bool first = true;

    while (*text) {
        size_t size = strcspn(text, " ");
        struct report_buffer word = {0};
        char piece[160];
        size = size < sizeof(piece) ? size : sizeof(piece) - 1;
        memcpy(piece, text, size);
        piece[size] = '\0';
        size_t columns = report_buffer_plain(&word, piece, sizeof(piece));
        if (!first && column + 1 + columns > COLUMNS) {
            report_buffer_print(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first && size) {
            report_buffer_put(out, " ");
            column++;
        }
        report_buffer_put(out, word.text ? word.text : "");
        column += columns;
        report_buffer_free(&word);
        text += size;
        text += *text == ' ';
        first = false;
    }
    report_buffer_put(out, "\n");
}

static void put_value(struct report_buffer *out, const char *unit,
                      uint64_t value)
{
    struct report_word word;

    if (strcmp(unit, "ns") == 0)
        report_buffer_put(out, report_format_ns(&word, value));
    else if (strcmp(unit, "bytes") == 0)
        report_buffer_put(out, report_format_bytes(&word, value));
    else
        report_buffer_print(out, "%s", report_format_count(&word, value));
}

/* One run ------------------------------------------------------------------ */

static void put_head(const char *status, uint64_t invocations,
                     uint64_t operations, uint64_t boundaries,
                     uint64_t virtual_ns, struct report_buffer *out)
{
    struct report_word word;

    report_buffer_print(out,
                        "%s after %s  %" PRIu64 " invocations, %" PRIu64
                        " operations, %" PRIu64 " boundaries\n",
                        status, report_format_ns(&word, virtual_ns),
                        invocations, operations, boundaries);
}

static void put_result(const char *result, struct report_buffer *out)
{
    report_buffer_put(out, "  ");
    (void)report_buffer_plain(out, result, RESULT_SHOWN);
    report_buffer_put(out, "\n");
}

static void put_failed(const struct lambda_findings *findings,
                       struct report_buffer *out)
{
    uint32_t held = 0;
    uint64_t checked = 0;
    struct report_word word;

    for (uint32_t i = 0; i < findings->property_count; i++) {
        const struct lambda_property *property = &findings->properties[i];
        held += property->verdict == CHECK_PASS;
        checked += property->checked;
        if (!property->violations)
            continue;
        report_buffer_print(out, "  FAIL %s, %s: ", property->id,
                            property->name);
        wrap(out, property->why, 0, 0);
    }
    report_buffer_print(out, "  %u properties held (%s things looked at)\n",
                        held, report_format_count(&word, checked));
}

static void put_trouble(const struct lambda_outcome *outcome,
                        struct report_buffer *out)
{
    if (outcome->troubles == 0)
        return;
    if (outcome->troubles == 1)
        report_buffer_put(out, "  broke off: ");
    else
        report_buffer_print(
            out, "  broke off %u times, at last: ", outcome->troubles);
    wrap(out, outcome->trouble, 0, 0);
}

void lambda_table_run(const struct lambda_outcome *outcome,
                      const struct lambda_plan *plan, struct report_buffer *out)
{
    char why[LAMBDA_END_SIZE];

    put_head(lambda_table_status(outcome), outcome->invocations,
             outcome->operations, plan->point_count, outcome->virtual_ns, out);
    for (uint32_t i = 0; i < outcome->effect_count; i++) {
        report_buffer_put(out, i ? ", " : "  effects: ");
        (void)report_buffer_plain(out, outcome->effects[i].name, 60);
        report_buffer_print(out, " %ux", outcome->effects[i].applied);
    }
    if (outcome->effect_count)
        report_buffer_put(out, "\n");
    if (*lambda_outcome_why(outcome, why))
        report_buffer_print(out, "  %s\n", why);
    put_result(outcome->result ? outcome->result : "", out);
    put_trouble(outcome, out);
    put_failed(&outcome->findings, out);
}

/* What did not hold ---------------------------------------------------------
 */

static bool same_group(const struct lambda_table_row *a,
                       const struct lambda_table_row *b)
{
    return a->verdict == b->verdict && lambda_table_same_fault(a, b) &&
           strcmp(a->why, b->why) == 0;
}

/* Whether a row before it is of its group. */
static bool is_told(const struct lambda_table *table, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++)
        if (same_group(&table->rows[i], &table->rows[row]))
            return true;
    return false;
}

static void put_places(const struct lambda_table *table, uint32_t first,
                       struct report_buffer *out)
{
    struct report_buffer list = {0};
    uint32_t count = 0;

    for (uint32_t i = first; i < table->count; i++) {
        if (!same_group(&table->rows[i], &table->rows[first]))
            continue;
        if (count++ >= PLACES_SHOWN)
            continue;
        report_buffer_put(&list, count > 1 ? ", " : "");
        report_buffer_put(&list, table->rows[i].at);
    }
    if (count > PLACES_SHOWN)
        report_buffer_print(&list, " and %u more", count - PLACES_SHOWN);
    report_buffer_put(out, "    ");
    wrap(out, list.text ? list.text : "", 4, 4);
    report_buffer_free(&list);
}

static void put_group(const struct lambda_table *table, uint32_t first,
                      struct report_buffer *out)
{
    const struct lambda_table_row *row = &table->rows[first];
    struct report_buffer head = {0};

    lambda_table_fault(row, &head);
    report_buffer_print(&head, ": %s", row->why);
    report_buffer_put(out, row->verdict == CHECK_FAIL ? "  FAIL " : "  open ");
    wrap(out, head.text ? head.text : "", 7, 7);
    put_places(table, first, out);
    report_buffer_print(out, "    again: %s\n", row->again);
    report_buffer_free(&head);
}

static void put_failures(const struct lambda_table *table,
                         struct report_buffer *out)
{
    static const enum check_verdict order[] = {CHECK_FAIL, CHECK_INCONCLUSIVE};
    uint32_t shown = 0;
    uint32_t left = 0;

    for (unsigned o = 0; o < 2; o++)
        for (uint32_t i = 0; i < table->count; i++) {
            if (table->rows[i].verdict != order[o] || is_told(table, i))
                continue;
            if (shown == GROUPS_SHOWN) {
                left++;
                continue;
            }
            shown++;
            put_group(table, i, out);
        }
    if (left)
        report_buffer_print(out, "  and %u more kinds: --out DIR has all\n",
                            left);
}

/* Effects ------------------------------------------------------------------ */

static void put_repeat(const struct lambda_table *table,
                       const struct lambda_repeat *list, uint32_t count,
                       uint32_t index, struct report_buffer *out)
{
    const struct lambda_repeat *repeat = &list[index];
    struct report_buffer line = {0};
    uint32_t told = 0;

    lambda_repeat_write(table, list, count, index, &line);
    for (uint32_t row = repeat->first; row != UINT32_MAX && told < EXAMPLES;
         row = lambda_repeat_row(table, repeat, row + 1), told++)
        report_buffer_print(&line, "%s%s", told ? ", " : ": ",
                            table->rows[row].at);
    if (repeat->rows > told)
        report_buffer_print(&line, " and %u more", repeat->rows - told);
    report_buffer_put(out, "    ");
    wrap(out, line.text ? line.text : "", 4, 8);
    report_buffer_free(&line);
}

static void put_effects(const struct lambda_table *table,
                        struct report_buffer *out)
{
    static const struct lambda_repeat none;
    struct lambda_repeat list[256] = {none};
    uint32_t count = lambda_table_repeats(table, list, 256);

    if (table->effect_count)
        report_buffer_put(out, "Effects\n");
    for (uint32_t e = 0; e < table->effect_count; e++) {
        const struct lambda_table_effect *effect = &table->effects[e];
        bool again = false;
        report_buffer_put(out, "  ");
        (void)report_buffer_plain(out, effect->name, 60);
        report_buffer_print(out, ": %" PRIu64 "x undisturbed%s",
                            effect->applied, effect->once ? ", once" : "");
        for (uint32_t i = 0; i < count; i++)
            again = again || list[i].effect == e;
        report_buffer_put(out, again ? "; it can run\n" : ", never more\n");
        for (uint32_t i = 0; i < count; i++)
            if (list[i].effect == e && !lambda_repeat_told(table, list, i))
                put_repeat(table, list, count, i, out);
    }
}

/* Figures ------------------------------------------------------------------ */

struct tally {
    uint32_t trials;
    uint32_t held;
    uint32_t repeated; /* held, with an effect applied again */
    uint32_t failed;
    uint32_t missed;
};

static bool is_first_of(const struct lambda_table *table, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++)
        if (strcmp(table->rows[i].fault, table->rows[row].fault) == 0)
            return false;
    return true;
}

static bool repeats(const struct lambda_table *table,
                    const struct lambda_table_row *row)
{
    for (uint32_t i = 0; i < table->effect_count; i++)
        if (row->applied[i] > table->effects[i].applied)
            return true;
    return false;
}

static struct tally tally_of(const struct lambda_table *table,
                             const char *fault)
{
    struct tally tally = {0};

    for (uint32_t i = 0; i < table->count; i++) {
        const struct lambda_table_row *row = &table->rows[i];
        if (strcmp(row->fault, fault) != 0)
            continue;
        tally.trials++;
        tally.held += row->verdict == CHECK_PASS;
        tally.failed += row->verdict == CHECK_FAIL;
        tally.missed += row->verdict == CHECK_INCONCLUSIVE;
        tally.repeated += row->verdict == CHECK_PASS && repeats(table, row);
    }
    return tally;
}

static void put_tallies(const struct lambda_table *table,
                        struct report_buffer *out)
{
    report_buffer_print(out, "%-22s %7s %6s %13s %7s %11s\n", "fault", "trials",
                        "held", "effects again", "failed", "never there");
    for (uint32_t i = 0; i < table->count; i++) {
        if (!is_first_of(table, i))
            continue;
        struct tally tally = tally_of(table, table->rows[i].fault);
        report_buffer_print(out, "  %-20s %7u %6u %13u %7u %11u\n",
                            table->rows[i].fault, tally.trials, tally.held,
                            tally.repeated, tally.failed, tally.missed);
    }
}

static void put_violation(const struct lambda_table_property *property,
                          struct report_buffer *out)
{
    struct report_buffer line = {0};
    struct report_word word;

    report_buffer_print(&line, "%s, %s: %" PRIu64 " violations in %s %s; %s",
                        property->id, property->name, property->violations,
                        report_format_count(&word, property->checked),
                        property->unit, property->why);
    report_buffer_put(out, "  FAIL ");
    wrap(out, line.text ? line.text : "", 7, 7);
    report_buffer_free(&line);
}

static void put_properties(const struct lambda_table *table,
                           struct report_buffer *out)
{
    uint32_t held = 0;
    uint64_t checked = 0;
    struct report_word word;

    for (uint32_t i = 0; i < table->property_count; i++) {
        held += table->properties[i].verdict == CHECK_PASS;
        checked += table->properties[i].checked;
    }
    report_buffer_print(out, "Properties: %u held (%s things looked at)\n",
                        held, report_format_count(&word, checked));
    for (uint32_t i = 0; i < table->property_count; i++) {
        const struct lambda_table_property *property = &table->properties[i];
        if (property->verdict == CHECK_PASS)
            continue;
        if (property->violations)
            put_violation(property, out);
        else
            report_buffer_print(out, "  none %s, %s: there were no %s\n",
                                property->id, property->name, property->unit);
    }
}

static void put_quotas(const struct lambda_table *table,
                       struct report_buffer *out)
{
    report_buffer_print(out, "%-30s %12s %10s %10s\n", "quota", "undisturbed",
                        "at worst", "allowed");
    for (uint32_t i = 0; i < table->quota_count; i++) {
        const struct lambda_table_quota *quota = &table->quotas[i];
        const uint64_t values[] = {quota->undisturbed, quota->worst,
                                   quota->allowed};
        report_buffer_print(out, "  %-28s", quota->name);
        for (unsigned v = 0; v < 3; v++) {
            struct report_buffer value = {0};
            if (v == 2 && !quota->allowed)
                report_buffer_put(&value, "-");
            else
                put_value(&value, quota->unit, values[v]);
            report_buffer_print(out, " %*s", v ? 10 : 12,
                                value.text ? value.text : "");
            report_buffer_free(&value);
        }
        report_buffer_put(out, "\n");
    }
}

static void put_metered(const struct lambda_table *table,
                        struct report_buffer *out)
{
    const struct lambda_table_meter *all =
        table->meter_count ? &table->meters[table->meter_count - 1] : NULL;
    struct report_buffer line = {0};
    struct report_word each, million, least, most;

    if (!all)
        return;
    report_buffer_print(
        &line,
        "Metered: %s durable operations an execution, %s for a million of them",
        report_format_count(&each, all->undisturbed),
        report_format_count(&million, all->undisturbed * 1000000));
    if (table->count)
        report_buffer_print(&line,
                            "; under a fault %s to %s, up to %s for a million",
                            report_format_count(&least, all->least),
                            report_format_count(&most, all->most),
                            report_format_count(&million, all->most * 1000000));
    if (table->price_micro) {
        report_buffer_put(&line, "; at your price a million executions are ");
        report_gate_value(&line, REPORT_GATE_MICRODOLLARS,
                          all->undisturbed * table->price_micro);
        report_buffer_put(&line, ", up to ");
        report_gate_value(&line, REPORT_GATE_MICRODOLLARS,
                          all->most * table->price_micro);
    }
    wrap(out, line.text ? line.text : "", 0, 4);
    report_buffer_free(&line);
}

/* The whole ---------------------------------------------------------------- */

void lambda_table_text(const struct lambda_table *table,
                       struct report_buffer *out)
{
    static const char *const words[] = {[CHECK_PASS] = "PASS",
                                        [CHECK_FAIL] = "FAIL",
                                        [CHECK_EXCUSED] = "PASS",
                                        [CHECK_INCONCLUSIVE] = "INCONCLUSIVE"};

    if (!table->trials && table->verdict == CHECK_FAIL && !table->count)
        report_buffer_put(out, "FAIL  the run that was not struck is wrong\n");
    else
        report_buffer_print(
            out,
            "%s  %" PRIu64 " boundaries, %" PRIu64 " trials: %" PRIu64
            " held, %" PRIu64 " failed, %" PRIu64 " never came there.\n",
            words[table->verdict], table->boundaries, table->trials,
            table->held, table->failed, table->missed);
    put_failures(table, out);
    report_buffer_put(out, "Undisturbed\n  ");
    put_head(table->status, table->invocations, table->operations,
             table->boundaries, table->virtual_ns, out);
    put_result(table->result, out);
    put_effects(table, out);
    if (table->count)
        put_tallies(table, out);
    put_properties(table, out);
    put_quotas(table, out);
    put_metered(table, out);
}
