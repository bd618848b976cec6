#include "scenarios/lambda/storage.h"

#include <stdio.h>

#include "engine/host/store_sqlite.h"
#include "scenarios/command.h"

enum {
    ROOM = 2 << 20, /* beside a value: of the others in its request */
    EVENTS_MAX = 1 << 20
};

/* The largest value that may come in one piece. */
static uint64_t largest(const struct engine_limits *limits)
{
    const uint64_t sizes[] = {limits->input_max, limits->response_max,
                              limits->operation_payload_max, limits->batch_max};
    uint64_t most = 8 << 20;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        most = sizes[i] > most && sizes[i] <= UINT32_MAX / 8 ? sizes[i] : most;
    return most;
}

int lambda_storage_open(const char *path, const struct engine_limits *limits,
                        struct engine_store *store)
{
    const uint64_t value = largest(limits);
    const struct store_sqlite_config config = {
        .path = path ? path : ":memory:",
        .create = 1,
        .wal_ahead = path != NULL,
        .lazily = path == NULL,
        .busy_timeout_ms = 2000,
        .limits = {.op_payload_max = value + ROOM,
                   .request_max = 4 * value + ROOM,
                   .history_ops_max = EVENTS_MAX,
                   .blob_max = 2 * value},
    };
    struct store_problem problem;

    if (store_sqlite_try(&config, store, &problem) == 0)
        return 0;
    (void)fprintf(stderr, "perdure lambda: %s\n", problem.text);
    return EXIT_ENVIRONMENT;
}
