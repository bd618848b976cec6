/*
 * What every platform is, whether Lambda, Batch, Kubernetes, Celery, Docker
 * or local workers: a state machine that takes jobs, opens places and says
 * which job runs where from when.
 *
 *     submit ─▶ ACCEPTED ─▶ (queued, pulled, booted) ─▶ START job in place
 *            └▶ THROTTLED, REFUSED                          │
 *                         finished: its work has ended ◀────┤
 *                         exited: its process has died ◀────┤
 *                         CLOSE: the platform ended it ◀────┘
 *                      ─▶ START once more, or FAIL, or FORGET
 *
 * A place is where work runs: an environment, a container, a pod, a process of
 * a pool, a worker. It has a process while it is open. Places have dense
 * numbers, which are used again after CLOSE. A host is what takes several
 * places with it when it dies; a model without hosts has none.
 *
 * Nothing here waits, schedules or knows an engine: the caller owns time and
 * calls in its order. What the model decides comes out as actions, in order of
 * their time, from every call that is given a list. Random times are draws by
 * name and index (engine/random.h), so that one more job moves no other draw.
 *
 * Every accepted job ends with exactly one FAIL or FORGET, when it runs nowhere
 * any more; until then START may come for it any number of times, also in two
 * places at once: platforms deliver at least once, and some of them twice for
 * no reason.
 *
 * Who drives a model: sim/platform/front (in a world, with an engine behind
 * it), sim/platform/load (arrivals only: capacity, validation, benches).
 */
#ifndef SIM_PLATFORM_MODEL_H
#define SIM_PLATFORM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/wire.h"

#define SIM_MODEL_NEVER UINT64_MAX
#define SIM_MODEL_NONE UINT32_MAX /* no place, no job, no host */
#define SIM_MODEL_LABELS_MAX 4

/*
 * What one kind of work asks of its platform; a model uses what it knows. The
 * caller's, and as long as the model. 0 asks for nothing in particular.
 */
struct sim_demand {
    const char *name;   /* the step's, for words */
    uint32_t function;  /* Lambda: which function. Else the workflow */
    uint32_t cpu_milli; /* thousandths of a processor */
    uint32_t memory_mb; /* asked for, and the limit */
    uint32_t peak_mb;   /* what it really uses; above the limit: OOM */
    uint32_t gpus;
    uint32_t priority;    /* higher first */
    uint32_t share;       /* fair share identifier, index */
    uint32_t array;       /* Batch: children of an array job; 0, 1: none */
    uint32_t image;       /* images with the same number are the same */
    uint64_t image_bytes; /* 0: as the profile says */
    bool image_missing;   /* private registry without credentials, no name */
    bool unregistered;    /* Celery: stale workers do not know the task */
    uint64_t eta_ns;      /* Celery: not before so long after submission */
    const char *labels[SIM_MODEL_LABELS_MAX]; /* "key=value" of a host */
};

struct sim_job {
    uint32_t id; /* the caller's own, free again after FAIL or FORGET */
    const struct sim_demand *demand;
    uint64_t payload_bytes;
    bool execution; /* the first invocation of a handler's run */
};

enum sim_submit_answer {
    SIM_SUBMIT_ACCEPTED,
    SIM_SUBMIT_THROTTLED, /* 429, RequestLimitExceeded: try again later */
    SIM_SUBMIT_REFUSED,   /* never: too large, unknown, impossible */
};

enum {
    SIM_WORDS_MAX = 240
};

/*
 * Why something was refused or failed, as the platform would say it: its
 * cause chain, outermost (what a client sees first) to root, in lines
 * "layer: CODE: words". The last line is the root cause.
 */
struct sim_cause {
    enum engine_error error; /* its class in the one taxonomy */
    char words[SIM_WORDS_MAX];
};

struct sim_submitted {
    enum sim_submit_answer answer;
    uint16_t reason;        /* THROTTLED: the model's own; ops->reason_name */
    uint64_t limit;         /* which was met: what may be there at once, */
    uint64_t actual;        /* and what is there without this one. THROTTLED:
                               at most the limit, else S15 is broken (reports/
                               check_limits.c). REFUSED: of this one, above it */
    struct sim_cause cause; /* REFUSED */
};

enum sim_action_kind {
    SIM_ACTION_STATE =
        1,             /* job is in state `code` (ops->state_name): its log */
    SIM_ACTION_OPEN,   /* place exists and will have a process; job: for which
                          it was opened, NONE: ahead of need; a = ns it took to
                          start, if known */
    SIM_ACTION_START,  /* job runs in place from time_ns; deadline_ns: the
                          platform will end it then, or NEVER; a = ns it is
                          still on its way to the process there. It is cold
                          if it is the first in a place opened for a job. As
                          after PACE, a CLOSE of the place may follow in the
                          same list: what run_ns and left_ns say of the job
                          until then, any time up to 2^60, comes to nothing */
    SIM_ACTION_WARN,   /* place will be ended at deadline_ns: spot notice,
                          SIGTERM, soft time limit; code says which */
    SIM_ACTION_PACE,   /* what runs in place goes at another speed from now:
                          ask ops->left_ns again */
    SIM_ACTION_CLOSE,  /* place is gone with its process and what ran there;
                          code = why (ops->end_name) */
    SIM_ACTION_FAIL,   /* the platform has given the job up; cause */
    SIM_ACTION_FORGET, /* nothing more will come of the job: it is done, or
                          the platform has lost it and does not know */
};

struct sim_action {
    uint64_t time_ns; /* not after the call's now */
    uint64_t deadline_ns;
    uint64_t a;
    uint32_t job;
    uint32_t place;
    uint32_t host;
    uint16_t kind;
    uint16_t code;
    const struct sim_cause *cause; /* FAIL, CLOSE; valid until the next call */
};

/* Grows as needed; the caller empties it (count = 0) between calls. */
struct sim_actions {
    struct sim_action *list;
    uint32_t count;
    uint32_t capacity;
    bool failed; /* out of memory: something is missing */
};

/* The new last action, zeroed but for time and kind, or NULL (failed). */
struct sim_action *sim_actions_add(struct sim_actions *actions,
                                   uint64_t time_ns, enum sim_action_kind kind);
void sim_actions_free(struct sim_actions *actions);

/* A piece of work, as the code of a step needs it on an idle machine. */
struct sim_work {
    uint64_t nominal_ns; /* at most 2^58 */
    uint32_t cpu_ppb;    /* the share of it that is processor work */
    uint32_t threads;    /* over which that spreads; at least 1 */
};

struct sim_model_counts {
    uint64_t submitted, throttled, refused;
    uint64_t starts;   /* START actions */
    uint64_t cold;     /* of these, the first in a place opened for a job */
    uint64_t restarts; /* of these, of a job that was started before */
    uint64_t done, failed, lost; /* jobs: FORGET after finished, FAIL, FORGET */
    uint64_t places_opened, places_closed, hosts_started, hosts_lost;
    uint32_t jobs;   /* accepted and not over */
    uint32_t queued; /* of these, running nowhere */
    uint32_t running;
    uint32_t places, places_peak;
    uint32_t hosts;
    uint64_t limit; /* of running, for the gauge; 0: none */
};

/*
 * All functions but those marked are required. `now_ns` never falls, and no
 * call comes while next_ns() < now_ns: advance first.
 */
struct sim_model_ops {
    const char *kind; /* "lambda", "batch", "kubernetes", "celery", "docker" */
    /* A place without a job is frozen: its process stands still, its timers
     * with it, from finished() to the next START there. */
    bool freezes;
    void (*free)(void *self);
    /* 0, or -1 without memory and nothing has changed. */
    int (*submit)(void *self, uint64_t now_ns, const struct sim_job *job,
                  struct sim_submitted *out, struct sim_actions *actions);
    /* When advance has something to do; SIM_MODEL_NEVER: nothing. */
    uint64_t (*next_ns)(const void *self);
    void (*advance)(void *self, uint64_t now_ns, struct sim_actions *actions);
    /* The job's work in place has ended, and well as far as the platform
     * sees: exit code 0, acknowledged. */
    void (*finished)(void *self, uint64_t now_ns, uint32_t place, uint32_t job,
                     struct sim_actions *actions);
    /* The process in place has died by itself: a crash, exit code (137: killed
     * from outside, 1: an uncaught error). The model closes the place or
     * starts its process again, by its own rules; a CLOSE comes first. */
    void (*exited)(void *self, uint64_t now_ns, uint32_t place,
                   uint32_t exit_code, struct sim_actions *actions);
    /* NULL: there is no limit. The most bytes that work may answer with: more,
     * and its attempt has failed with SIZE_LIMIT after all was done. The
     * driver looks, before finished(); for the model the work has ended. */
    uint64_t (*response_max)(const void *self);
    /* NULL: it does not count them. A handler in one of its places wants to
     * have a checkpoint taken. False: too many are, it must ask again. */
    bool (*checkpoint)(void *self, uint64_t now_ns);
    /* NULL: it does not notice. Whether the process in place answers: one
     * that stands still or cannot start takes no work until it does. */
    void (*answers)(void *self, uint64_t now_ns, uint32_t place, bool does);
    /* How long the work takes in place if nothing changes; starts it. */
    uint64_t (*run_ns)(void *self, uint64_t now_ns, uint32_t place,
                       uint32_t job, const struct sim_work *work,
                       struct sim_actions *actions);
    /* NULL: speed never changes. What is left of it after a PACE; 0: ended. */
    uint64_t (*left_ns)(void *self, uint64_t now_ns, uint32_t place,
                        uint32_t job);
    /* NULL: there are no hosts. A host (below counts.hosts_started) dies now:
     * hardware, kernel, the worker's main process. False: it is not up. */
    bool (*fail_host)(void *self, uint64_t now_ns, uint32_t host,
                      struct sim_actions *actions);
    /* NULL: has none. The broker or control plane is away until then. */
    void (*outage)(void *self, uint64_t now_ns, uint64_t until_ns,
                   struct sim_actions *actions);
    const struct sim_model_counts *(*counts)(const void *self);
    /* Dollars so far, in nano-dollars, rounded down once. */
    uint64_t (*cost_nano)(const void *self, uint64_t now_ns);
    /* Lines of the bill, for the report: name and nano-dollars of line i,
     * false beyond the last. */
    bool (*cost_line)(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano);
    /* Why a job is not running: one sentence, cut off if it does not fit. */
    void (*explain)(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size);
    const char *(*state_name)(uint32_t code);
    const char *(*end_name)(uint32_t code);
    const char *(*reason_name)(uint32_t reason);
};

/* A model and who it is. Copy freely; free once. */
struct sim_model {
    const struct sim_model_ops *ops; /* NULL: none */
    void *self;
};

#endif
