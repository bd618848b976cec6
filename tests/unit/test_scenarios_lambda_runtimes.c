/* With what handlers are run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/lambda/runtimes.h"

struct found {
    struct lambda_runtimes runtimes;
    struct lambda_command command;
    char error[512];
    int code;
};

static void find(struct found *found, const char *text,
                 enum lambda_language language, const char *directory,
                 uint32_t memory_mb)
{
    memset(found, 0, sizeof(*found));
    found->runtimes.text = text;
    found->runtimes.node = "/bin/sh"; /* any program: it is not started */
    found->code = lambda_runtimes_find(&found->runtimes, language, directory,
                                       "order.main", memory_mb, &found->command,
                                       found->error, sizeof(found->error));
    lambda_runtimes_free(&found->runtimes);
}

static bool ends_with(const char *text, const char *end)
{
    return text && strlen(text) >= strlen(end) &&
           strcmp(text + strlen(text) - strlen(end), end) == 0;
}

Test(lambda_runtimes, files_that_a_command_names_are_found_from_elsewhere)
{
    struct found f;

    find(&f, "sh  ci/layers -x missing.sh", LAMBDA_JAVASCRIPT, "/", 0);
    cr_assert_eq(f.code, EXIT_HELD, "%s", f.error);
    cr_expect_str_eq(f.command.words[0], "sh");
    cr_expect(f.command.words[1][0] == '/' &&
              ends_with(f.command.words[1], "/ci/layers"));
    cr_expect_str_eq(f.command.words[2], "-x");
    cr_expect_str_eq(f.command.words[3], "missing.sh");
    cr_expect_null(f.command.words[4]);
}

Test(lambda_runtimes, a_command_that_is_none_is_refused)
{
    static const char *const wrong[] = {"no-such-program", "./no/such", "", " ",
                                        "ci/common.txt"};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct found f;
        find(&f, wrong[i], LAMBDA_JAVASCRIPT, "/", 0);
        cr_expect_eq(f.code, EXIT_USAGE, "\"%s\"", wrong[i]);
        cr_expect_not_null(strstr(f.error, "allowed ric"), "%s", f.error);
    }
}

Test(lambda_runtimes, a_command_has_at_most_32_words)
{
    char text[256] = "sh";
    struct found f;

    for (int i = 1; i < 32; i++)
        strcat(text, " a");
    find(&f, text, LAMBDA_JAVASCRIPT, "/", 0);
    cr_expect_eq(f.code, EXIT_HELD, "%s", f.error);
    strcat(text, " a");
    find(&f, text, LAMBDA_JAVASCRIPT, "/", 0);
    cr_expect_eq(f.code, EXIT_USAGE);
}

static void make_file(const char *root, const char *path)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *at = strchr(whole + strlen(root) + 1, '/'); at;
         at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(whole, 0755);
        *at = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file, "%s", whole);
    (void)fclose(file);
}

static void remove_all(const char *root)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_expect_eq(system(command), 0);
}

Test(lambda_runtimes, the_interface_client_is_found_above_the_handler)
{
    char root[] = "/tmp/perdure-ric-XXXXXX";
    char inside[64];
    struct found f;

    cr_assert_not_null(mkdtemp(root));
    make_file(root, "node_modules/aws-lambda-ric/index.mjs");
    make_file(root, "node_modules/aws-lambda-ric/package.json");
    make_file(root, "package.json");
    make_file(root, "a/b/order.mjs");
    snprintf(inside, sizeof(inside), "%s/a/b", root);
    find(&f, "ric", LAMBDA_JAVASCRIPT, inside, 100);
    cr_assert_eq(f.code, EXIT_HELD, "%s", f.error);
    cr_expect_str_eq(f.command.words[1], "--max-old-space-size=90");
    cr_expect_str_eq(f.command.words[2], "--require");
    cr_expect(ends_with(f.command.words[3], "lambda/runtime/lead.cjs"));
    cr_expect(ends_with(f.command.words[4], "aws-lambda-ric/index.mjs"));
    cr_expect_str_eq(f.command.words[5], "order.main");
    find(&f, root, LAMBDA_JAVASCRIPT, "/", 0);
    cr_assert_eq(f.code, EXIT_HELD, "%s", f.error);
    cr_expect(ends_with(f.command.words[3], "aws-lambda-ric/index.mjs"));
    remove_all(root);
}

Test(lambda_runtimes, without_the_interface_client_it_says_how_to_get_it)
{
    struct found f;

    find(&f, "ric", LAMBDA_JAVASCRIPT, "/", 0);
    cr_expect_eq(f.code, EXIT_ENVIRONMENT);
    cr_expect_not_null(strstr(f.error, "npm install aws-lambda-ric"), "%s",
                       f.error);
    find(&f, "ric", LAMBDA_PYTHON, "/", 0);
    cr_expect_eq(f.code, EXIT_HELD, "%s", f.error);
    cr_expect_str_eq(f.command.words[2], "awslambdaric");
}

Test(lambda_runtimes, a_handler_that_is_a_program_must_be_one)
{
    struct lambda_command command = {.used = 0};
    char error[256];

    cr_expect_eq(
        lambda_runtimes_program("ci/layers", &command, error, sizeof(error)),
        EXIT_HELD);
    cr_expect(ends_with(command.words[0], "/ci/layers"));
    cr_expect_eq(lambda_runtimes_program("ci", &command, error, sizeof(error)),
                 EXIT_USAGE);
}
