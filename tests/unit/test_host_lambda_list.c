#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

#define SECOND LAMBDA_BED_SECOND

static const char done[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"42\"}";
static const char failed[] = "{\"Status\":\"FAILED\",\"Error\":{}}";
static const char pending[] = "{\"Status\":\"PENDING\"}";
static const char callback[] =
    "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"Action\":\"START\"}]";

/* Executions e0, e1, .. a second after one another: the even ones succeed,
 * every third one fails, the others wait. */
static void begin_many(struct lambda_bed *bed, int from, int to)
{
    char name[16];

    for (int i = from; i < to; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        lambda_bed_begin(bed, "order", name, "{}");
        if (i % 2 != 0 && i % 3 != 0)
            free(lambda_bed_checkpoint(bed, NULL, "one", callback));
        lambda_bed_respond(bed, i % 2 == 0   ? done
                                : i % 3 == 0 ? failed
                                             : pending);
        lambda_bed_pass(bed, SECOND);
    }
}

static void list(struct lambda_bed *bed, const struct lambda_list_query *query,
                 struct lambda_answered *answered)
{
    struct lambda_answered *made = lambda_bed_call();

    lambda_call_list(bed->service, &made->call, "order", query);
    *answered = *made;
    free(made);
}

/* The names on a page, one after the other. */
static const char *names(const struct lambda_answered *page)
{
    static char out[512];
    size_t used = 0;

    out[0] = '\0';
    for (const char *at = page->body;
         (at = strstr(at, "\"DurableExecutionName\":\"")) != NULL;) {
        at += strlen("\"DurableExecutionName\":\"");
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%.*s",
                                 used ? " " : "", (int)strcspn(at, "\""), at);
    }
    return out;
}

Test(host_lambda_list, each_filter_leaves_what_it_names_the_newest_first)
{
    static const struct {
        struct lambda_list_query query;
        const char *names;
    } cases[] = {
        {{0}, "e6 e5 e4 e3 e2 e1 e0"},
        {{.reverse = true}, "e0 e1 e2 e3 e4 e5 e6"},
        {{.statuses = "FAILED"}, "e3"},
        {{.statuses = "RUNNING,FAILED"}, "e5 e3 e1"},
        {{.statuses = "STOPPED"}, ""},
        {{.name = "e2"}, "e2"},
        {{.name = "none"}, ""},
        {{.qualifier = "$LATEST"}, "e6 e5 e4 e3 e2 e1 e0"},
        {{.qualifier = "7"}, ""},
        {{.after = "1767225604"}, "e6 e5"},
        {{.after = "1767225603.5"}, "e6 e5 e4"},
        {{.before = "1767225602"}, "e1 e0"},
        {{.after = "2026-01-01T00:00:01Z", .before = "2026-01-01T00:00:04Z"},
         "e3 e2"},
        {{.before = "2026-01-01T01:00:01.000+01:00"}, "e0"},
        {{.items = 2}, "e6 e5"},
    };
    struct lambda_bed bed = {0};
    struct lambda_answered page;

    lambda_bed_open(&bed);
    begin_many(&bed, 0, 7);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        list(&bed, &cases[i].query, &page);
        cr_assert_eq(page.status, 200, "%s", page.body);
        cr_assert_str_eq(names(&page), cases[i].names, "case %zu", i);
    }
    lambda_bed_close(&bed);
}

Test(host_lambda_list, what_is_no_filter_is_refused)
{
    static const struct lambda_list_query wrong[] = {
        {.qualifier = "a b"},
        {.name = "a/b"},
        {.statuses = "RUNNING,"
                     "GONE"},
        {.after = "yesterday"},
        {.before = "2026-01-01"},
        {.items = 1001},
        {.marker = "7"},
        {.marker = "none of ours"},
        {.after = "-1"},
        {.before = "2026-01-01T00:00:00"}};
    struct lambda_bed bed = {0};
    struct lambda_answered page;

    lambda_bed_open(&bed);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        list(&bed, &wrong[i], &page);
        cr_assert_eq(page.status, 400, "case %zu: %s", i, page.body);
        cr_assert_str_eq(page.exception, "InvalidParameterValueException");
    }
    lambda_bed_close(&bed);
}

/* All pages of two, while new executions come in between. */
static void walk(struct lambda_bed *bed, bool reverse, char *out, size_t room)
{
    char marker[64] = "";
    struct lambda_answered page;
    size_t used = 0;
    int next = 5;

    for (int i = 0; i < 20; i++) {
        const struct lambda_list_query query = {
            .items = 2, .reverse = reverse, .marker = marker};
        list(bed, &query, &page);
        cr_assert_eq(page.status, 200, "%s", page.body);
        used += (size_t)snprintf(out + used, room - used, "%s;", names(&page));
        if (!strstr(page.body, "NextMarker"))
            return;
        lambda_bed_member(page.body, "NextMarker", marker, sizeof(marker));
        if (next < 7)
            begin_many(bed, next, next + 1);
        next++;
    }
}

Test(host_lambda_list, pages_miss_and_repeat_nothing_while_new_ones_come)
{
    struct lambda_bed bed = {0};
    char pages[256];

    lambda_bed_open(&bed);
    begin_many(&bed, 0, 5);
    walk(&bed, false, pages, sizeof(pages));
    cr_assert_str_eq(pages, "e4 e3;e2 e1;e0;");
    lambda_bed_close(&bed);
    bed = (struct lambda_bed){0};
    lambda_bed_open(&bed);
    begin_many(&bed, 0, 5);
    walk(&bed, true, pages, sizeof(pages));
    cr_assert_str_eq(pages, "e0 e1;e2 e3;e4 e5;e6;");
    lambda_bed_close(&bed);
}
