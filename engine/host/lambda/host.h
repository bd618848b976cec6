/*
 * Hosting functions: processes of the users' own programs, each an environment
 * that speaks the Lambda Runtime API on a port of its own, and the clock that
 * they share with the service. One thread, one event loop.
 *
 *     service --event--> environment --/next--> process
 *        ^                    |                    |
 *        +-----/response------+--- its API calls --+
 *
 * Time is real, or skips: whenever nothing is under way in any process, it
 * goes to the next moment at which something is due. A process that runs the
 * bootstrap has its timers and its clock from here, so that its sleeps skip
 * as well.
 */
#ifndef ENGINE_HOST_LAMBDA_HOST_H
#define ENGINE_HOST_LAMBDA_HOST_H

#include "engine/host/lambda/http.h"
#include "engine/host/lambda/outgoing.h"

#define LAMBDA_LOOPBACK "127.0.0.1"

enum lambda_clock {
    LAMBDA_CLOCK_REAL,
    LAMBDA_CLOCK_SKIP,
    LAMBDA_CLOCK_MANUAL /* as one that skips, but no further than it is told */
};

/* How a function is run. All of it is copied. */
struct lambda_program {
    struct lambda_function function;
    const char *const *command;     /* program and arguments, then NULL */
    const char *const *environment; /* "NAME=value" beside those of the runtime,
                                       then NULL; NULL: none */
    const char *directory;          /* where it is started; NULL: here */
    const char *handler;            /* _HANDLER; NULL: none */
    uint32_t memory_mb; /* all of its processes, then it is killed; 0: it is
                           told 128, and not held to them */
    uint32_t environments_max; /* at a time; 0: 16 */
};

static inline uint32_t
lambda_program_memory(const struct lambda_program *program)
{
    return program->memory_mb ? program->memory_mb : 128;
}

/*
 * Where an invocation can be struck: before or after its event is given, each
 * update of a checkpoint, each effect, each page of state and the answer are
 * taken in; and after a line that tells of an effect.
 */
enum lambda_place {
    LAMBDA_AT_EVENT,
    LAMBDA_AT_CHECKPOINT,
    LAMBDA_AT_STATE,
    LAMBDA_AT_EFFECT,
    LAMBDA_AT_LINE, /* which tells of an effect; only after */
    LAMBDA_AT_RETURN,
    LAMBDA_AT_CALLBACK, /* one was made: not struck by the host */
    LAMBDA_AT_RUN       /* all of it: the same */
};

struct lambda_boundary {
    const char *function;
    enum lambda_place place;
    bool after;
    const char *operation; /* its name, or its type; of an effect its name */
    const char *action;    /* of a checkpoint; else "" */
    bool timed; /* it starts what ends by itself, or is tried again later */
    uint64_t run;
};

enum lambda_act {
    LAMBDA_PASS,
    LAMBDA_CRASH,    /* the process is gone */
    LAMBDA_LOSE,     /* the connection is cut without an answer */
    LAMBDA_REFUSE,   /* the answer is an error; only before */
    LAMBDA_TIME_OUT, /* the process is ended for its time */
    LAMBDA_STOP,     /* the execution is stopped by its owner */
    LAMBDA_SWAP,     /* the checkpoint comes with another token */
    LAMBDA_LATE,     /* the answer comes later; only after */
    LAMBDA_DELAY,    /* what it starts is due later than it says */
    LAMBDA_AGAIN,    /* the invocation is delivered once more, elsewhere: at
                        the same time, or, after its return, then */
    LAMBDA_OVERLAP   /* the invocation is taken for lost; its process, which
                        stands still until the next one has begun, goes on */
};

struct lambda_decision {
    enum lambda_act act;
    int status; /* of REFUSE */
    const char *exception;
    const char *message;
    const char *token; /* of SWAP */
    uint64_t ns;       /* of LATE and DELAY */
    bool first;        /* of AGAIN: the second one is heard first */
};

enum {
    LAMBDA_LOG_MAX = 1 << 20 /* bytes of an invocation that are passed on */
};

/* A line that a process has written. */
struct lambda_line {
    const char *function;
    const char *request; /* of the invocation; NULL: outside of one */
    uint64_t run;        /* and which of that run it is; 0: outside of one */
    uint32_t number;
    bool platform; /* it is not the process's: START, END, REPORT */
    const char *text;
    size_t size;
};

/* An invocation broke off, or a process did not come to ask for one. */
struct lambda_trouble {
    const char *function;
    uint64_t run; /* 0: of no invocation */
    uint32_t number;
    const char *type; /* "Runtime.ExitError" */
    const char *words;
};

/* What a scripted invocation is answered. */
struct lambda_scripted {
    int status;
    const void *body; /* holds until the hook is called again */
    size_t size;
    bool leave; /* it is not answered: its process leaves it */
};

struct lambda_host_config {
    struct event_base *base;
    enum lambda_clock clock;
    struct engine_store store; /* closed with the host */
    const struct engine_limits *limits;
    const struct lambda_rates *rates; /* of calls; NULL: none */
    uint64_t seed;
    uint64_t start_ns;   /* since 1970: of a clock that skips; the store's last
                            time if that is later, of a real one too */
    char *why;           /* as of the service; NULL: nobody asks */
    uint32_t page_items; /* 0: 100 */
    const char *address; /* of the API for everybody; NULL: 127.0.0.1, as that
                            of environments always is */
    uint16_t port;       /* of it; 0: a free one */
    uint64_t hold_ns;    /* true time that others have for answering a callback
                            before a clock that skips goes on to its timeout;
                            0: 2 s */
    bool alone;        /* nobody else calls: what waits for nothing is stuck */
    uint32_t prepared; /* processes of a function of which one has ended, beside
                          those that work */
    bool freezes;      /* processes stand still between invocations */
    bool abandons;     /* a crash ends the invocation, not the process, if that
                              runs the bootstrap */
    const struct engine_sink *sink; /* of all services; NULL: nobody looks */
    /* What is done at a boundary; NULL: nothing. */
    void (*boundary)(void *self, const struct lambda_boundary *boundary,
                     struct lambda_decision *decision);
    /* A callback was made; NULL: nobody cares. */
    void (*callback)(void *self, const struct lambda_callback *callback);
    /* A side effect happens, with its Idempotency-Key, NULL: it has none;
       NULL: there are none. */
    void (*effect)(void *self, uint64_t run, const char *name, const char *key);
    /*
     * Looks at a request to everybody's port before the API does: true if it
     * was or will be answered. NULL: all are for the API.
     */
    bool (*request)(void *self, struct lambda_http *http,
                    struct evhttp_request *request, const char *path);
    /* A line that a process has written; NULL: to stderr. Of what an invocation
       writes beyond LAMBDA_LOG_MAX, only how much it was. */
    void (*log)(void *self, const struct lambda_line *line);
    /* Something that was not asked for happened to a process; NULL: nobody
       wants to know. */
    void (*trouble)(void *self, const struct lambda_trouble *trouble);
    /* What functions ask of others over HTTP; NULL: it goes its way. */
    const struct lambda_outgoing *outgoing;
    /* What is answered to one of these; NULL: 200 {}. */
    void (*reply)(void *self, const char *name, struct lambda_response *reply);
    /* Such a request was refused, and the function told why; NULL: nobody
       cares. */
    void (*refused)(void *self, const char *function, const char *method,
                    const char *url, const char *why);
    /* As that of lambda_http_hooks. */
    size_t (*tail)(void *self, uint64_t run, char out[LAMBDA_HTTP_TAIL_MAX]);
    /* What a scripted invocation asks of the API; false: the service answers.
       And what it returns: NULL: its process has ended. */
    bool (*asked)(void *self, const char *path, const void *body, size_t size,
                  struct lambda_scripted *answer);
    void (*returned)(void *self, bool threw, const void *body, size_t size);
    void *self;
};

struct lambda_host;

/* NULL with errno; the store is then still the caller's. */
struct lambda_host *lambda_host_new(const struct lambda_host_config *config);
/* Ends every process it has started, with all they have started. */
void lambda_host_free(struct lambda_host *host);

/*
 * Forgets all executions and begins anew over another store, at the time at
 * which a clock that skips began; idle processes stay. The store is the
 * host's. 0 or -1: out of memory, only good to be freed.
 */
int lambda_host_begin(struct lambda_host *host, struct engine_store store,
                      uint64_t seed);

/* How the state of executions is cut into pages, as struct
 * lambda_service_config has it: from the next beginning on. */
struct lambda_pages {
    uint32_t items; /* 0: 100 */
    bool every;
    bool empty;
};
void lambda_host_set_pages(struct lambda_host *host,
                           const struct lambda_pages *pages);

/* Its number, or UINT32_MAX with errno. Without a command nobody carries out
 * its invocations. */
uint32_t lambda_host_add(struct lambda_host *host,
                         const struct lambda_program *program);
/*
 * Nobody can invoke it any more and its idle processes end. 0, or -1: there
 * are executions of it that run.
 */
int lambda_host_remove(struct lambda_host *host, uint32_t function);
/* Of one that was added. */
const struct lambda_program *lambda_host_program(const struct lambda_host *host,
                                                 uint32_t function);
struct lambda_service *lambda_host_service(struct lambda_host *host);
uint16_t lambda_host_port(const struct lambda_host *host);

/*
 * Gives an event to a process of the function at this time of a clock that
 * skips, as an invocation of which the service knows nothing: the hooks answer
 * it. The host has just begun. 0 or -1.
 */
int lambda_host_script(struct lambda_host *host, uint32_t function,
                       const void *event, size_t size);
/* The time at which a clock that skips begins, from the next beginning on. */
void lambda_host_set_start(struct lambda_host *host, uint64_t start_ns);

/* No process has work, or is about to end. */
bool lambda_host_idle(const struct lambda_host *host);
/* Invocations wait for a process that has not asked for work yet. */
bool lambda_host_starts(const struct lambda_host *host);

/* A process of a function, as it stands. */
struct lambda_standing_process {
    uint32_t function;
    pid_t process;
    const char *state; /* "starting", "leaving", "idle", "busy", "ending" */
    uint64_t run;      /* it works at; 0: none */
};
/* False: there are not so many. */
bool lambda_host_process(const struct lambda_host *host, uint32_t index,
                         struct lambda_standing_process *out);

/*
 * Lets a clock that is not real go to this time, through all that is due until
 * then, in the next run. It has arrived when nothing more happens before.
 */
void lambda_host_advance(struct lambda_host *host, uint64_t to_ns);
bool lambda_host_arrived(const struct lambda_host *host);

/*
 * Calls back at this time of the service, in the next run. An alarm belongs to
 * the caller until then, or until the host begins anew.
 */
struct lambda_alarm {
    uint64_t at_ns;
    void (*ring)(struct lambda_alarm *alarm);
    struct lambda_alarm *next; /* the host's */
};
void lambda_host_alarm(struct lambda_host *host, struct lambda_alarm *alarm);

/*
 * Carries on until done(self) says so, asked after everything that happens.
 * wall_ns: of true time at most, UINT64_MAX: for ever. 0; 1: the time is over;
 * 2: nothing is under way and nothing is due; 3: processes of a function end
 * before they ask for work; the last two only if nobody else calls. -1: the
 * service failed.
 */
int lambda_host_run(struct lambda_host *host, bool (*done)(void *self),
                    void *self, uint64_t wall_ns);

#endif
