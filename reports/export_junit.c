#include <inttypes.h>

#include "reports/export.h"

enum {
    NAME_MAX_COLUMNS = 300, /* test browsers cut longer names anyway */
    TEXT_MAX_COLUMNS = 2000
};

static void attribute(struct report_buffer *out, const char *name,
                      const char *value, size_t columns)
{
    report_buffer_print(out, " %s=\"", name);
    report_buffer_html(out, value, columns);
    report_buffer_put(out, "\"");
}

static void line(struct report_buffer *out, const char *before,
                 const char *text)
{
    report_buffer_put(out, before);
    report_buffer_html(out, text, TEXT_MAX_COLUMNS);
    report_buffer_put(out, "\n");
}

/* What a server shows of a case is often its name and this text alone. */
static void put_problem(struct report_buffer *out, const char *element,
                        const char *type, const char *message)
{
    report_buffer_print(out, ">\n      <%s", element);
    attribute(out, "type", type, NAME_MAX_COLUMNS);
    attribute(out, "message", message, TEXT_MAX_COLUMNS);
    report_buffer_put(out, ">");
}

static void end_problem(struct report_buffer *out,
                        const struct report_export *from, const char *element)
{
    line(out, "seed ", from->seed);
    if (from->replay)
        line(out, "again: ", from->replay);
    report_buffer_print(out, "</%s>\n    </testcase>\n", element);
}

static const char *detail_of(const struct report_export_case *each)
{
    return each->detail ? each->detail : "no detail was kept";
}

static void put_skipped(struct report_buffer *out, const char *message)
{
    report_buffer_put(out, ">\n      <skipped");
    attribute(out, "message", message, TEXT_MAX_COLUMNS);
    report_buffer_put(out, "/>\n    </testcase>\n");
}

static void put_excused(struct report_buffer *out,
                        const struct report_export_case *each)
{
    report_buffer_put(out, ">\n      <system-out>excused: ");
    report_buffer_html(out, detail_of(each), TEXT_MAX_COLUMNS);
    report_buffer_put(out, "</system-out>\n    </testcase>\n");
}

static void put_failed(struct report_buffer *out,
                       const struct report_export *from,
                       const struct report_export_case *each)
{
    put_problem(out, "failure", each->id ? "property" : "expectation",
                detail_of(each));
    line(out, each->id ? "" : "found ", detail_of(each));
    if (each->id)
        report_buffer_print(out, "%" PRIu64 " of %" PRIu64 " checked\n",
                            each->violations, each->checked);
    end_problem(out, from, "failure");
}

static void begin_case(struct report_buffer *out,
                       const struct report_export *from, const char *id,
                       const char *name)
{
    report_buffer_put(out, "    <testcase");
    attribute(out, "classname", from->scenario, NAME_MAX_COLUMNS);
    report_buffer_put(out, " name=\"");
    report_buffer_html(out, id ? id : "", NAME_MAX_COLUMNS);
    report_buffer_put(out, id ? " " : "");
    report_buffer_html(out, name, NAME_MAX_COLUMNS);
    report_buffer_put(out, "\" time=\"0.000\"");
}

static void put_case(struct report_buffer *out,
                     const struct report_export *from,
                     const struct report_export_case *each)
{
    begin_case(out, from, each->id, each->name);
    if (each->absent)
        put_skipped(out, each->detail ? each->detail : "not in this world");
    else if (each->verdict == CHECK_INCONCLUSIVE)
        put_skipped(out, each->detail ? each->detail : "nothing was checked");
    else if (each->verdict == CHECK_FAIL)
        put_failed(out, from, each);
    else if (each->verdict == CHECK_EXCUSED)
        put_excused(out, each);
    else
        report_buffer_put(out, "/>\n");
}

/* The run as a whole: what no single property or expectation tells. */
static void put_verdict(struct report_buffer *out,
                        const struct report_export *from)
{
    int failed = from->verdict == CHECK_FAIL;
    const char *element = failed ? "failure" : "error";
    begin_case(out, from, NULL, "verdict");
    if (!failed && from->verdict != CHECK_INCONCLUSIVE) {
        report_buffer_put(out, "/>\n");
        return;
    }
    put_problem(out, element, check_verdict_name(from->verdict),
                from->reason_count ? from->reasons[0].text : "no reason kept");
    for (size_t i = 0; i < from->reason_count; i++)
        line(out, "", from->reasons[i].text);
    end_problem(out, from, element);
}

struct tally {
    size_t failures;
    size_t errors;
    size_t skipped;
};

static struct tally count(const struct report_export *from)
{
    struct tally tally = {.failures = from->verdict == CHECK_FAIL,
                          .errors = from->verdict == CHECK_INCONCLUSIVE};
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (each->absent || each->verdict == CHECK_INCONCLUSIVE)
            tally.skipped++;
        else
            tally.failures += each->verdict == CHECK_FAIL;
    }
    return tally;
}

static void put_tally(struct report_buffer *out,
                      const struct report_export *from)
{
    struct tally tally = count(from);
    report_buffer_print(out,
                        " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\""
                        " skipped=\"%zu\" time=\"0.000\">\n",
                        from->case_count + 1, tally.failures, tally.errors,
                        tally.skipped);
}

static void put_property(struct report_buffer *out, const char *name,
                         const char *value)
{
    report_buffer_put(out, "      <property");
    attribute(out, "name", name, NAME_MAX_COLUMNS);
    attribute(out, "value", value, TEXT_MAX_COLUMNS);
    report_buffer_put(out, "/>\n");
}

void report_export_junit(const struct report_export *from,
                         struct report_buffer *out)
{
    report_buffer_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<testsuites name=\"perdure\"");
    put_tally(out, from);
    report_buffer_put(out, "  <testsuite");
    attribute(out, "name", from->scenario, NAME_MAX_COLUMNS);
    put_tally(out, from);
    report_buffer_put(out, "    <properties>\n");
    put_property(out, "seed", from->seed);
    put_property(out, "digest", from->digest);
    put_property(out, "version", from->version);
    if (from->replay)
        put_property(out, "replay", from->replay);
    report_buffer_put(out, "    </properties>\n");
    put_verdict(out, from);
    for (size_t i = 0; i < from->case_count; i++)
        put_case(out, from, &from->cases[i]);
    report_buffer_put(out, "  </testsuite>\n</testsuites>\n");
}
