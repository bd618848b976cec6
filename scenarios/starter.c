#include "scenarios/starter.h"

#include <string.h>

/* Lines; "$schema" is put before them. */
static const char *const graph_lines[] = {
    "    \"$comment\": [",
    "        \"A scenario: a workflow, the load on it, where it runs, what "
    "goes wrong, and\",",
    "        \"what must come true all the same. Try, in this order:\",",
    "        \"  perdure validate FILE\",",
    "        \"  perdure run FILE --seed 2\",",
    "        \"  perdure sweep FILE --for 30s\",",
    "        \"workflow   steps and the edges between them. side_effect says "
    "what may be\",",
    "        \"           repeated: read_only, idempotent, reversible, "
    "irreversible. run\",",
    "        \"           says how long a step takes, whether it has an effect "
    "outside,\",",
    "        \"           and how often it fails.\",",
    "        \"engine     two coordinators on one SQLite database. A lease "
    "that is not\",",
    "        \"           renewed passes to the other one.\",",
    "        \"platform   what runs the steps. perdure profiles lists others, "
    "such\",",
    "        \"           as lambda-2026, k8s-default and celery-redis.\",",
    "        \"load       when runs are asked for, and how many.\",",
    "        \"network, disk, clocks   how good they are.\",",
    "        \"faults     what goes wrong: perdure points lists every place. "
    "Each strikes\",",
    "        \"           at the nth time that the place is reached, or every "
    "so often.\",",
    "        \"expect     what the report must show; else the exit code is 4. "
    "Properties\",",
    "        \"           of the engine are judged in any case; exit code 3 if "
    "one fails.\",",
    "        \"limit      virtual time after which the world ends anyway.\"",
    "    ],",
    "    \"why\": \"An order is reserved, charged and shipped, each once, "
    "though workers, a coordinator and the store die.\",",
    "    \"workflow\": {",
    "        \"name\": \"order\",",
    "        \"nodes\": [",
    "            {",
    "                \"name\": \"reserve\",",
    "                \"side_effect\": \"idempotent\",",
    "                \"timeout\": \"30s\",",
    "                \"run\": {\"duration\": \"200ms\", \"effect\": true, "
    "\"output\": \"300B\"}",
    "            },",
    "            {",
    "                \"name\": \"charge\",",
    "                \"side_effect\": \"idempotent\",",
    "                \"timeout\": \"60s\",",
    "                \"retry\": {\"attempts\": 5, \"delay\": \"1s\"},",
    "                \"run\": {",
    "                    \"duration\": {\"lognormal\": {\"p50\": \"300ms\", "
    "\"p99\": \"4s\"}},",
    "                    \"effect\": true,",
    "                    \"output\": \"600B\",",
    "                    \"fails\": {\"share\": \"1%\"}",
    "                }",
    "            },",
    "            {",
    "                \"name\": \"ship\",",
    "                \"side_effect\": \"idempotent\",",
    "                \"timeout\": \"60s\",",
    "                \"run\": {\"duration\": \"400ms\", \"effect\": true, "
    "\"output\": \"1KB\"}",
    "            }",
    "        ],",
    "        \"edges\": [",
    "            [\"reserve.out\", \"charge.in\"],",
    "            [\"charge.out\", \"ship.in\"]",
    "        ]",
    "    },",
    "    \"engine\": {\"store\": \"sqlite\", \"coordinators\": 2, \"lease\": "
    "\"30s\", \"claim\": \"15s\"},",
    "    \"platform\": {\"profile\": \"local\", \"workers\": 4, \"slots\": 8},",
    "    \"load\": {\"arrivals\": {\"rate\": \"10/s\"}, \"runs\": 200, "
    "\"input\": \"500B\"},",
    "    \"network\": {",
    "        \"latency\": {\"lognormal\": {\"p50\": \"300us\", \"p99\": "
    "\"2ms\"}},",
    "        \"loss\": \"0.05%\",",
    "        \"duplicate\": \"0.05%\"",
    "    },",
    "    \"disk\": {\"sector\": 4096, \"tears\": true},",
    "    \"clocks\": {\"skew\": \"+-500ms\", \"drift\": \"+-200ppm\"},",
    "    \"faults\": [",
    "        {",
    "            \"name\": \"a worker dies after it has charged\",",
    "            \"crash\": \"worker\",",
    "            \"at\": \"after effect, before report\",",
    "            \"of\": \"charge\",",
    "            \"every\": 50",
    "        },",
    "        {\"name\": \"a coordinator dies once\", \"crash\": "
    "\"coordinator\", \"at\": \"after append\", \"nth\": 100},",
    "        {\"name\": \"the store dies inside a commit\", \"crash\": "
    "\"store\", \"at\": \"inside commit\", \"nth\": 200}",
    "    ],",
    "    \"expect\": {",
    "        \"effects:charge\": \"exactly once\",",
    "        \"effects:ship\": \"exactly once\",",
    "        \"stuck runs\": 0,",
    "        \"p99(run)\": \"< 5m\"",
    "    },",
    "    \"limit\": \"1h\"",
    "}",
    NULL};

static const char *const handler_lines[] = {
    "    \"$comment\": [",
    "        \"A scenario of a handler: code that runs from its top at each "
    "invocation and\",",
    "        \"gets back what it has done before. Try, in this order:\",",
    "        \"  perdure validate FILE\",",
    "        \"  perdure run FILE --seed 2\",",
    "        \"  perdure sweep FILE --for 30s\",",
    "        \"workflow   run_as handler: the operations in their order. "
    "compensate says\",",
    "        \"           what undoes a step if a later one fails for good.\",",
    "        \"engine     two coordinators on one SQLite database. A lease "
    "that is not\",",
    "        \"           renewed passes to the other one.\",",
    "        \"platform   what runs the handlers. perdure profiles lists "
    "others.\",",
    "        \"load       when runs are asked for, and how many.\",",
    "        \"faults     what goes wrong: perdure points lists every "
    "place.\",",
    "        \"checks     golden: the same world without faults runs first, "
    "and every run\",",
    "        \"           must come out the same (S8).\",",
    "        \"expect     what the report must show; else the exit code is 4. "
    "Properties\",",
    "        \"           of the engine are judged in any case; exit code 3 if "
    "one fails.\",",
    "        \"limit      virtual time after which the world ends anyway.\"",
    "    ],",
    "    \"why\": \"A trip is booked and paid, or all of it is undone, though "
    "workers die between its checkpoints.\",",
    "    \"workflow\": {",
    "        \"name\": \"trip\",",
    "        \"run_as\": \"handler\",",
    "        \"nodes\": [",
    "            {",
    "                \"name\": \"book flight\",",
    "                \"side_effect\": \"reversible\",",
    "                \"timeout\": \"30s\",",
    "                \"run\": {\"duration\": \"300ms\", \"effect\": true},",
    "                \"compensate\": {\"duration\": \"200ms\", \"effect\": "
    "true}",
    "            },",
    "            {",
    "                \"name\": \"book hotel\",",
    "                \"side_effect\": \"reversible\",",
    "                \"timeout\": \"30s\",",
    "                \"run\": {\"duration\": \"400ms\", \"effect\": true},",
    "                \"compensate\": {\"duration\": \"200ms\", \"effect\": "
    "true}",
    "            },",
    "            {\"name\": \"cooling off\", \"type\": \"wait\", \"wait\": "
    "\"2m\"},",
    "            {",
    "                \"name\": \"charge\",",
    "                \"side_effect\": \"idempotent\",",
    "                \"timeout\": \"30s\",",
    "                \"retry\": {\"attempts\": 3, \"delay\": \"1s\"},",
    "                \"run\": {\"duration\": \"500ms\", \"effect\": true, "
    "\"fails\": {\"share\": \"10%\"}}",
    "            }",
    "        ],",
    "        \"edges\": [",
    "            [\"book flight.out\", \"book hotel.in\"],",
    "            [\"book hotel.out\", \"cooling off.in\"],",
    "            [\"cooling off.out\", \"charge.in\"]",
    "        ]",
    "    },",
    "    \"engine\": {\"store\": \"sqlite\", \"coordinators\": 2, \"lease\": "
    "\"30s\", \"claim\": \"15s\"},",
    "    \"platform\": {\"profile\": \"local\", \"workers\": 4, \"slots\": 8},",
    "    \"load\": {\"arrivals\": {\"rate\": \"5/s\"}, \"runs\": 100, "
    "\"input\": \"500B\"},",
    "    \"clocks\": {\"skew\": \"+-500ms\", \"drift\": \"+-200ppm\"},",
    "    \"faults\": [",
    "        {\"name\": \"a worker dies after a checkpoint\", \"crash\": "
    "\"worker\", \"at\": \"after checkpoint\", \"every\": 60},",
    "        {\"name\": \"a worker dies after it has charged\", \"crash\": "
    "\"worker\", \"at\": \"after effect\", \"of\": \"charge\", \"nth\": 20},",
    "        {\"name\": \"a coordinator dies once\", \"crash\": "
    "\"coordinator\", \"at\": \"after checkpoint\", \"nth\": 80}",
    "    ],",
    "    \"checks\": [\"golden\"],",
    "    \"expect\": {\"effects:charge\": \"exactly once\", \"stuck runs\": "
    "0},",
    "    \"limit\": \"1h\"",
    "}",
    NULL};

const char *const starter_kinds[] = {"graph", "handler", NULL};

void starter_write(enum starter_kind kind, const char *schema,
                   struct report_buffer *out)
{
    const char *const *lines =
        kind == STARTER_GRAPH ? graph_lines : handler_lines;
    report_buffer_put(out, "{\n    \"$schema\": ");
    report_buffer_json(out, schema, strlen(schema));
    report_buffer_put(out, ",\n");
    for (; *lines; lines++) {
        report_buffer_put(out, *lines);
        report_buffer_put(out, "\n");
    }
}
