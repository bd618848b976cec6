/*
 * Operations as the Lambda API writes them, and as the engine keeps them.
 *
 *     {"Id": "1", "Type": "STEP", "Action": "SUCCEED", ..} --> UPDATE item
 *     OPERATION item --> {"Id": "1", "Type": "STEP", "Status": .., ..}
 *
 * Ids of the API are texts; the engine knows each by its hash. An error object
 * is kept as the error's words, a zero byte, and its other members as JSON.
 */
#ifndef ENGINE_HOST_LAMBDA_CODEC_H
#define ENGINE_HOST_LAMBDA_CODEC_H

#include "engine/host/json.h"
#include "engine/host/json_write.h"
#include "engine/operation.h"

/* The engine's id of an operation with this one. */
struct engine_hash lambda_operation_id(const char *text, size_t size);

enum {
    LAMBDA_PROBLEM_SIZE = 512
};

/* Why a call is refused: the name of the exception and its message. */
struct lambda_problem {
    const char *type; /* NULL: nothing is wrong */
    char text[LAMBDA_PROBLEM_SIZE];
};

void lambda_invalid(struct lambda_problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads the updates of a checkpoint, an array or nothing, into a block: behind
 * a head of 8 bytes one UPDATE item each. *concludes: the last one ends the
 * execution. 0; -1 with the problem.
 */
int lambda_updates_read(struct json_view updates, struct engine_block *block,
                        bool *concludes, struct lambda_problem *problem);

/* What the log says of an operation beyond its item. */
struct lambda_operation {
    struct engine_hash id;
    struct lambda_operation *same_low; /* as far as its id's low half says */
    struct engine_hash parent;
    uint8_t type;        /* enum engine_operation_type */
    uint8_t subtype;     /* enum engine_operation_subtype */
    char *text;          /* the id; its end is marked */
    char *name;          /* NULL: it has none, or none is known */
    char *own_subtype;   /* one the engine does not know; NULL: it has none */
    char *target;        /* of an invoke: the function as it was named */
    char *tenant;        /* and for whom; NULL: for nobody */
    uint64_t started_ns; /* store times */
    uint64_t ended_ns;   /* 0: it has not */
    uint64_t due_ns;     /* of a wait; 0: none */
    uint64_t late_ns;    /* its timer goes off so much later than it says */
    uint32_t number;     /* of it in its run */
    bool awaited;        /* a callback that is not answered */
    bool news;           /* something outside changed it; it is not told yet */
};

/*
 * A time in a query, in either way that clients send it: seconds since 1970,
 * perhaps with a fraction, or 2026-01-02T03:04:05.678Z, or with another offset
 * than Z. False: it is neither, or before 1970.
 */
bool lambda_time_parse(const char *text, uint64_t *ns);

/* As the API calls a type and a subtype. */
const char *lambda_type_name(unsigned type);

/* How times are written. */
enum lambda_times {
    LAMBDA_SECONDS, /* answers of the API */
    LAMBDA_MILLIS   /* events that functions are invoked with */
};

/*
 * Appends an operation as an element. self: what the log says of it; parent:
 * of its context, NULL: the execution.
 */
void lambda_operation_write(struct json_writer *w, uint64_t run,
                            const struct engine_item *item,
                            const struct lambda_operation *self,
                            const struct lambda_operation *parent,
                            enum lambda_times times);

/* An error object as an element or member. type: in words if it is not among
 * the rest; size 0: unknown. */
void lambda_error_write(struct json_writer *w, const char *name,
                        struct engine_text type, const void *kept, size_t size);
/*
 * Reads an error object into what is kept of it, at the end of the writer,
 * which is reset; *type: its type, valid while the document is. False: it is
 * none.
 */
bool lambda_error_read(struct json_view error, struct json_writer *kept,
                       const char **type, struct lambda_problem *problem);
/* The same with the type among the rest: where nothing else keeps it. */
bool lambda_error_read_whole(struct json_view error, struct json_writer *kept,
                             struct lambda_problem *problem);

#endif
