#include "engine/host/lambda/variables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND UINT64_C(1000000)

enum {
    VARIABLES_MAX = 128,
    VARIABLE_SIZE = 8192
};

struct lambda_variables {
    char origins[LAMBDA_ORIGINS_SIZE + 32];
    char text[VARIABLES_MAX][VARIABLE_SIZE];
    const char *list[VARIABLES_MAX + 1];
    unsigned count;
};

static void set(struct lambda_variables *v, const char *name, const char *value)
{
    if (v->count == VARIABLES_MAX)
        return;
    snprintf(v->text[v->count], VARIABLE_SIZE, "%s=%s", name, value);
    v->list[v->count] = v->text[v->count];
    v->count++;
}

static void set_address(struct lambda_variables *v, const char *name,
                        const char *prefix, const char *path,
                        const struct lambda_told *told)
{
    char value[128];

    snprintf(value, sizeof(value), "%s%s:%u%s", prefix, told->address,
             (unsigned)told->port, path);
    set(v, name, value);
}

static void set_number(struct lambda_variables *v, const char *name,
                       uint64_t number)
{
    char value[24];

    snprintf(value, sizeof(value), "%" PRIu64, number);
    set(v, name, value);
}

static void pass(struct lambda_variables *v, const char *name)
{
    const char *value = getenv(name);

    if (value)
        set(v, name, value);
}

/* For what asks others over HTTP: it shall ask us. */
static void set_proxy(struct lambda_variables *v,
                      const struct lambda_told *told)
{
    static const char name[] = "PERDURE_OUTGOING=";
    static const char *const proxies[] = {"HTTP_PROXY", "http_proxy",
                                          "HTTPS_PROXY", "https_proxy"};

    if (!told->outgoing || !told->outgoing->intercepts ||
        v->count == VARIABLES_MAX)
        return;
    memcpy(v->origins, name, sizeof(name) - 1);
    lambda_outgoing_origins(told->outgoing, v->origins + sizeof(name) - 1);
    v->list[v->count++] = v->origins;
    /* Through a tunnel of https nothing is seen: what is let goes without. */
    for (unsigned i = 0; i < (told->outgoing->lets ? 2 : 4); i++)
        set_address(v, proxies[i], "http://", "", told);
    set_address(v, "NO_PROXY", "", "", told);
    set_address(v, "no_proxy", "", "", told);
}

static void set_all(struct lambda_variables *v, const struct lambda_told *told)
{
    const struct lambda_program *program = told->program;
    char *root;

    /* Of two with the same name the first counts. */
    for (unsigned i = 0; program->environment && program->environment[i] &&
                         v->count < VARIABLES_MAX;
         i++)
        v->list[v->count++] = program->environment[i];
    pass(v, "PATH");
    pass(v, "HOME");
    pass(v, "TMPDIR");
    pass(v, "NODE_PATH");
    pass(v, "NODE_COMPILE_CACHE");
    pass(v, "PYTHONPATH");
    set(v, "TZ", ":UTC");
    set(v, "LANG", "en_US.UTF-8");
    set_address(v, "AWS_LAMBDA_RUNTIME_API", "", "", told);
    set_address(v, "AWS_ENDPOINT_URL_LAMBDA", "http://", "", told);
    set_address(v, "PERDURE_EFFECTS", "http://", "/perdure/effects", told);
    set(v, "AWS_REGION", LAMBDA_REGION);
    set(v, "AWS_DEFAULT_REGION", LAMBDA_REGION);
    set(v, "AWS_ACCESS_KEY_ID", "perdure");
    set(v, "AWS_SECRET_ACCESS_KEY", "perdure");
    set(v, "AWS_EC2_METADATA_DISABLED", "true");
    set(v, "AWS_LAMBDA_FUNCTION_NAME", program->function.name);
    set(v, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    set_number(v, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
               lambda_program_memory(program));
    set(v, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/perdure");
    set(v, "AWS_LAMBDA_LOG_STREAM_NAME", program->function.name);
    set(v, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    if (program->handler)
        set(v, "_HANDLER", program->handler);
    root = realpath(program->directory ? program->directory : ".", NULL);
    if (root)
        set(v, "LAMBDA_TASK_ROOT", root);
    free(root);
    if (told->program->function.durable)
        set(v, "PERDURE_DURABLE", "1");
    if (told->skips) {
        set_number(v, "PERDURE_NOW_MS", told->now_ns / MILLISECOND);
        set_number(v, "PERDURE_SEED", told->seed);
    }
    set_proxy(v, told);
}

struct lambda_variables *lambda_variables_new(const struct lambda_told *told)
{
    struct lambda_variables *v = calloc(1, sizeof(*v));

    if (v)
        set_all(v, told);
    return v;
}

void lambda_variables_free(struct lambda_variables *v)
{
    free(v);
}

const char *const *lambda_variables_list(const struct lambda_variables *v)
{
    return v->list;
}
