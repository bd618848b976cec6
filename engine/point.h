/*
 * A point is a named place where a harness may decide that something goes
 * wrong: a crash boundary, an I/O call, a seeded defect. Code that owns a
 * point asks one inlined flag; only when the flag is up does the question
 * leave the room, through a port, and come back as a decision.
 *
 * The engine library that users link is built without FIU_ENABLE. There every
 * point is the constant false, and no name of a point is in the binary.
 *
 * Each room lists its points as an X-macro (engine/defects.h, sim/points.h)
 * and exports a table of struct engine_point in the same order. A world gives
 * the tables to the switchboard in one array; a room's ids start at its base.
 */
#ifndef ENGINE_POINT_H
#define ENGINE_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* What a point is, for people: `perdure points` prints it. */
struct engine_point {
    const char *name;      /* "room/what/phase", unique in the program */
    const char *phase;     /* before, after, inside */
    const char *simulates; /* the failure of the real world it stands for */
};

/* What a decision asks the owner of the point to do. */
enum engine_action {
    ENGINE_ACT_NONE,
    ENGINE_ACT_CRASH,     /* the process loses everything volatile, now */
    ENGINE_ACT_PAUSE,     /* the process stands still for amount ns */
    ENGINE_ACT_OOM,       /* the process runs out of memory and dies */
    ENGINE_ACT_ERROR,     /* the call fails with an error, not applied */
    ENGINE_ACT_LOSE,      /* the message or reply disappears */
    ENGINE_ACT_DUPLICATE, /* the message is delivered twice */
    ENGINE_ACT_DELAY,     /* it takes amount ns longer */
    ENGINE_ACT_SHORT,     /* half of the bytes are written, then an error */
    ENGINE_ACT_FULL,      /* no space left */
    ENGINE_ACT_LIE,       /* success is reported, nothing happened */
    ENGINE_ACT_THROTTLE,  /* the platform refuses for now (429) */
    ENGINE_ACT_TIMEOUT,   /* the platform kills the invocation */
    ENGINE_ACT_STEP,      /* the wall clock jumps by amount ns (signed) */
    ENGINE_ACT_DRIFT,     /* the clock's rate becomes amount ppb (signed) */
    ENGINE_ACT_FREEZE,    /* the node's clocks stand still for amount ns */
    ENGINE_ACT_CUT,       /* the link carries nothing for amount ns */
    ENGINE_ACT_CUT_IN,    /* nothing reaches the node, what it sends does */
    ENGINE_ACT_CUT_OUT,   /* nothing leaves the node */
    ENGINE_ACT_DEFECT,    /* a seeded defect is on */
    ENGINE_ACT_COUNT
};

/* Where and about what the question is asked. Unknown fields are 0. */
struct engine_site {
    uint32_t point;
    uint32_t node;    /* the acting node */
    uint64_t run;     /* 0: not about a run */
    uint32_t op;      /* operation index + 1 */
    uint32_t attempt; /* from 1 */
};

struct engine_decision {
    uint32_t action; /* enum engine_action */
    int64_t amount;  /* meaning depends on the action */
};

/*
 * The port to whoever decides. armed[] has one byte for each point id and is
 * owned by the decider; ask() is called only for points whose byte is not 0.
 */
struct engine_points {
    const uint8_t *armed;
    bool (*ask)(void *self, const struct engine_site *site,
                struct engine_decision *decision);
    void *self;
};

#ifdef FIU_ENABLE
/* True if something goes wrong here; then *decision says what. */
static inline bool engine_point_hit(const struct engine_points *points,
                                    uint32_t point, uint32_t node, uint64_t run,
                                    uint32_t op, uint32_t attempt,
                                    struct engine_decision *decision)
{
    if (__builtin_expect(!points || !points->armed[point], 1))
        return false;
    struct engine_site site = {
        .point = point, .node = node, .run = run, .op = op, .attempt = attempt};
    return points->ask(points->self, &site, decision);
}
#else
#define engine_point_hit(points, point, node, run, op, attempt, decision)      \
    ((void)(points), (void)(point), (void)(node), (void)(run), (void)(op),     \
     (void)(attempt), (void)(decision), false)
#endif

#endif
