#include "scenarios/validate_file.h"

#include "scenarios/gate_read.h"
#include "scenarios/lambda/functions.h"
#include "scenarios/read_limits.h"
#include "scenarios/scenario.h"

enum kind {
    KIND_SCENARIO,
    KIND_WORKFLOW,
    KIND_LIMITS,
    KIND_POLICY,
    KIND_FUNCTIONS
};

static bool has(struct json_view object, const char *key)
{
    return json_member(object, key).item != NULL;
}

/* By keys that none of the others has. */
static enum kind kind_of(struct json_view root)
{
    if (has(root, "schema"))
        return KIND_POLICY;
    if (has(root, "functions") && !has(root, "load"))
        return KIND_FUNCTIONS;
    if (has(root, "nodes") && !has(root, "load"))
        return KIND_WORKFLOW;
    if (has(root, "limits") && !has(root, "load"))
        return KIND_LIMITS;
    return KIND_SCENARIO;
}

static bool is_scenario(const char *path, struct json_error *error)
{
    struct scenario *scenario = scenario_read(path, error);
    bool good = scenario != NULL;
    scenario_free(scenario);
    return good;
}

static bool is_policy(const char *path, struct json_error *error)
{
    struct report_gate_policy policy;
    bool good = gate_read_policy(path, &policy, error);
    if (good)
        gate_policy_free(&policy);
    return good;
}

bool validate_file(const char *path, struct json_error *error)
{
    struct json_doc *doc = NULL;
    struct limits_profile limits;
    *error = (struct json_error){0};
    if (json_read_file(path, &doc, error) != 0)
        return false;
    enum kind kind = kind_of(json_root(doc));
    bool good = kind == KIND_LIMITS &&
                limits_profile_read(json_root(doc), path, &limits, error);
    json_free(doc);
    if (kind == KIND_SCENARIO)
        return is_scenario(path, error);
    if (kind == KIND_FUNCTIONS)
        return lambda_functions_check(path, error);
    if (kind == KIND_WORKFLOW)
        return scenario_workflow_valid(path, error);
    return kind == KIND_POLICY ? is_policy(path, error) : good;
}
