#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/doctor.h"

static const struct doctor_row *row_of(const struct doctor *doctor,
                                       const char *name)
{
    for (uint32_t i = 0; i < doctor->count; i++)
        if (strcmp(doctor->rows[i].name, name) == 0)
            return &doctor->rows[i];
    cr_assert_fail("no row \"%s\"", name);
    return NULL;
}

static void look(struct doctor *doctor, const char *directory, const char *path,
                 const char *locale)
{
    doctor_look(doctor, &(struct doctor_place){directory, path, locale});
}

Test(doctor, a_place_that_is_there_misses_nothing)
{
    struct doctor doctor;
    look(&doctor, ".", NULL, "C.UTF-8");
    for (uint32_t i = 0; i < doctor.count; i++)
        cr_expect_neq(doctor.rows[i].state, DOCTOR_MISSING, "%s: %s",
                      doctor.rows[i].name, doctor.rows[i].found);
    cr_expect_neq(doctor_state(&doctor), DOCTOR_MISSING);
    cr_expect_eq(row_of(&doctor, "locale")->state, DOCTOR_OK);
    cr_expect(strstr(row_of(&doctor, "fsync")->found, "commits a second"));
}

Test(doctor, whatever_is_not_fine_says_what_repairs_it)
{
    struct doctor doctor;
    look(&doctor, "/nowhere", "", "de_DE.ISO-8859-1");
    for (uint32_t i = 0; i < doctor.count; i++)
        cr_expect_eq(doctor.rows[i].state == DOCTOR_OK,
                     doctor.rows[i].repair[0] == '\0', "%s",
                     doctor.rows[i].name);
    cr_expect_eq(row_of(&doctor, "directory")->state, DOCTOR_MISSING);
    cr_expect_eq(row_of(&doctor, "fsync")->state, DOCTOR_MISSING);
    cr_expect_eq(row_of(&doctor, "free space")->state, DOCTOR_MISSING);
    cr_expect_eq(row_of(&doctor, "locale")->state, DOCTOR_WARN);
    cr_expect_eq(doctor_state(&doctor), DOCTOR_MISSING);
}

static void write_program(const char *path, const char *says)
{
    FILE *file = fopen(path, "w");
    fprintf(file, "#!/bin/sh\necho '%s'\n", says);
    fclose(file);
    chmod(path, 0700);
}

Test(doctor, a_program_is_found_where_PATH_says_and_nowhere_else)
{
    char directory[] = "/tmp/perdure-doctor-XXXXXX";
    char path[128];
    char node[64];
    char found[80];
    struct doctor doctor;
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof(path), "/nowhere::%s", directory);
    snprintf(node, sizeof(node), "%s/node", directory);
    look(&doctor, ".", path, NULL);
    cr_expect_eq(row_of(&doctor, "node")->state, DOCTOR_WARN);
    snprintf(found, sizeof(found), "22.4, %s", node);
    write_program(node, "v22.4.1");
    look(&doctor, ".", path, NULL);
    cr_expect_eq(row_of(&doctor, "node")->state, DOCTOR_OK);
    cr_expect_str_eq(row_of(&doctor, "node")->found, found);
    cr_expect_eq(row_of(&doctor, "chromium")->state, DOCTOR_WARN);
    unlink(node);
    rmdir(directory);
}

Test(doctor, what_runs_functions_must_be_new_enough)
{
    char directory[] = "/tmp/perdure-doctor-XXXXXX";
    char python[64];
    struct doctor doctor;
    cr_assert(mkdtemp(directory));
    snprintf(python, sizeof(python), "%s/python3", directory);
    write_program(python, "Python 3.8.10");
    look(&doctor, ".", directory, NULL);
    cr_expect_eq(row_of(&doctor, "python3")->state, DOCTOR_WARN);
    cr_expect(strstr(row_of(&doctor, "python3")->found, "functions want 3.9"));
    write_program(python, "Python 3.11.2");
    look(&doctor, ".", directory, NULL);
    cr_expect_eq(row_of(&doctor, "python3")->state, DOCTOR_OK);
    write_program(python, "who asks?");
    look(&doctor, ".", directory, NULL);
    cr_expect(strstr(row_of(&doctor, "python3")->found, "does not say"));
    unlink(python);
    rmdir(directory);
}

Test(doctor, the_SDK_of_functions_is_looked_for_above_as_well)
{
    char directory[] = "/tmp/perdure-doctor-XXXXXX";
    char script[512];
    char below[64];
    struct doctor doctor;
    cr_assert(mkdtemp(directory));
    snprintf(below, sizeof(below), "%s/a/b", directory);
    snprintf(script, sizeof(script),
             "mkdir -p %s/a/b && cd %s && "
             "mkdir -p node_modules/@aws/durable-execution-sdk-js && "
             "echo {} > node_modules/@aws/durable-execution-sdk-js/"
             "package.json",
             directory, directory);
    look(&doctor, directory, NULL, NULL);
    cr_expect_eq(row_of(&doctor, "durable SDK")->state, DOCTOR_WARN);
    cr_assert_eq(system(script), 0);
    look(&doctor, below, NULL, NULL);
    cr_expect_eq(row_of(&doctor, "durable SDK")->state, DOCTOR_OK);
    cr_expect(strstr(row_of(&doctor, "durable SDK")->found, directory));
    snprintf(script, sizeof(script), "rm -r %s", directory);
    cr_expect_eq(system(script), 0);
}

Test(doctor, leaves_no_file_behind)
{
    char directory[] = "/tmp/perdure-doctor-XXXXXX";
    struct doctor doctor;
    cr_assert(mkdtemp(directory));
    look(&doctor, directory, NULL, NULL);
    cr_expect_eq(row_of(&doctor, "directory")->state, DOCTOR_OK);
    cr_expect_eq(rmdir(directory), 0, "it is empty");
}

Test(doctor, its_json_has_all_rows_and_the_gravest_state)
{
    struct doctor doctor;
    struct report_buffer out;
    report_buffer_init(&out);
    look(&doctor, "/no\"where", NULL, NULL);
    doctor_json(&doctor, &out);
    cJSON *json = cJSON_Parse(out.text);
    cr_assert(json, "%s", out.text);
    cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "checks")),
                 (int)doctor.count);
    cr_expect_str_eq(cJSON_GetObjectItem(json, "state")->valuestring,
                     "missing");
    cJSON_Delete(json);
    report_buffer_free(&out);
}
