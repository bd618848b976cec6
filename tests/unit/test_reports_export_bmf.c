#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_export.h"

static struct report_buffer render(const struct report_export *from)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_bmf(from, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static void expect_golden(const char *name, struct report_export from)
{
    struct report_buffer out = render(&from);
    char room[400];
    const char *differs = golden_differs(name, out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
}

Test(reports_export_bmf, a_run_that_held_is_as_it_was)
{
    expect_golden("export-bmf.json", sample_export_plain());
}

Test(reports_export_bmf, hostile_names_are_keys_of_valid_json)
{
    struct report_export from = sample_export_hostile();
    struct report_buffer out = render(&from);
    cJSON *root = cJSON_ParseWithOpts(out.text, NULL, 1);
    cr_assert(root);
    cr_expect_eq(cJSON_GetArraySize(root), 2);
    for (const cJSON *each = root->child; each; each = each->next) {
        cr_expect(strstr(each->string, "<script>"));
        cr_expect_null(strchr(each->string, '\n'));
        const cJSON *latency =
            cJSON_GetObjectItemCaseSensitive(each, "latency");
        cr_expect_eq(
            cJSON_GetObjectItemCaseSensitive(latency, "value")->valuedouble,
            1234567890);
    }
    cJSON_Delete(root);
    report_buffer_free(&out);
}

Test(reports_export_bmf, a_step_that_never_ran_has_no_benchmark)
{
    struct report_export from = sample_export_plain();
    struct report_buffer out = render(&from);
    cr_expect(strstr(out.text, "\"orders: order/charge\""));
    cr_expect_null(strstr(out.text, "never"));
    report_buffer_free(&out);
}
