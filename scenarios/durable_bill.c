#include "scenarios/durable_bill.h"

#include "engine/graph.h"
#include "engine/operation.h"
#include "scenarios/profile_values.h"

#define SECOND UINT64_C(1000000000)

/* What has been written so far is kept until then. */
static void keep_until(struct durable_bill *bill, uint64_t now_ns)
{
    uint64_t bytes = sim_lambda_durable_written(&bill->use);
    if (bill->first_ns != 0)
        bill->byte_s += bytes * ((now_ns - bill->last_ns) / SECOND);
    bill->last_ns = now_ns;
}

static void written(struct durable_bill *bill,
                    const struct engine_record *event)
{
    uint64_t whole_ns = event->time_ns / SECOND * SECOND;
    if (event->count == 0)
        return;
    keep_until(bill, whole_ns);
    if (bill->first_ns == 0)
        bill->first_ns = whole_ns;
    bill->use.written_bytes += event->count;
    if (engine_record_type(event) == ENGINE_OPERATION_CALLBACK)
        bill->use.callback_bytes += event->count;
}

static void context_ended(struct sim_lambda_durable_use *use, unsigned subtype)
{
    use->fans +=
        subtype == ENGINE_SUBTYPE_MAP || subtype == ENGINE_SUBTYPE_PARALLEL;
    use->branches += subtype == ENGINE_SUBTYPE_MAP_ITERATION ||
                     subtype == ENGINE_SUBTYPE_PARALLEL_BRANCH;
}

static void ended(struct sim_lambda_durable_use *use,
                  const struct engine_record *event)
{
    unsigned subtype = engine_record_subtype(event);
    if (engine_record_type(event) == ENGINE_OPERATION_CONTEXT)
        context_ended(use, subtype);
    else if (engine_record_type(event) != ENGINE_OPERATION_STEP)
        return;
    else if (subtype == ENGINE_SUBTYPE_WAIT_FOR_CONDITION)
        use->conditions++;
    else
        use->steps++;
}

static void again(struct sim_lambda_durable_use *use,
                  const struct engine_record *event)
{
    if (engine_record_type(event) != ENGINE_OPERATION_STEP)
        return;
    if (engine_record_subtype(event) == ENGINE_SUBTYPE_WAIT_FOR_CONDITION)
        use->polls++;
    else
        use->step_retries++;
}

static void started(struct sim_lambda_durable_use *use,
                    const struct engine_record *event)
{
    unsigned type = engine_record_type(event);
    use->waits += type == ENGINE_OPERATION_WAIT;
    use->callbacks += type == ENGINE_OPERATION_CALLBACK;
    use->invokes += type == ENGINE_OPERATION_INVOKE;
}

static void add(struct durable_bill *bill, const struct engine_record *event)
{
    switch (event->detail) {
    case ENGINE_EV_OPERATION_STARTED:
        started(&bill->use, event);
        break;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
        ended(&bill->use, event);
        break;
    case ENGINE_EV_OPERATION_RETRY:
        again(&bill->use, event);
        break;
    case ENGINE_EV_OPERATION_PROGRESS:
        break;
    default:
        return;
    }
    written(bill, event);
}

void durable_bill_add(struct durable_bill *bill,
                      const struct engine_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (records[i].kind == ENGINE_REC_EVENT)
            add(bill, &records[i]);
}

struct sim_lambda_durable_use durable_bill_use(const struct durable_bill *bill,
                                               uint64_t now_ns)
{
    struct durable_bill until = *bill;
    if (bill->first_ns == 0 || now_ns / SECOND * SECOND <= bill->first_ns)
        return bill->use;
    keep_until(&until, now_ns / SECOND * SECOND);
    until.use.retained_ns = until.last_ns - until.first_ns;
    until.use.retained_bytes = until.byte_s / (until.use.retained_ns / SECOND);
    return until.use;
}

static bool is_lambda(const struct scenario *scenario, uint32_t platform)
{
    return scenario_profile(scenario, platform)->platform ==
           &profile_lambda_platform;
}

uint32_t durable_bill_platform(const struct scenario *scenario)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < scenario->workflow_count; i++) {
        const struct scenario_workflow *workflow = &scenario->workflows[i];
        if (!workflow->program)
            continue;
        const struct engine_node *node = engine_graph_node(workflow->graph, 0);
        for (uint32_t p = 0; p < node->platform_count || p == 0; p++) {
            uint32_t platform = node->platform_count ? node->platforms[p] : 0;
            if (!is_lambda(scenario, platform))
                return UINT32_MAX;
            if (first == UINT32_MAX || platform < first)
                first = platform;
        }
    }
    return first;
}
