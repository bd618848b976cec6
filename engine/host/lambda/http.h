/*
 * The Lambda API over HTTP, for libevent: a request becomes a call of the
 * service, what the service answers a response. One endpoint serves everybody;
 * each environment has one of its own, where the same API is served, so that
 * it is known who asks.
 */
#ifndef ENGINE_HOST_LAMBDA_HTTP_H
#define ENGINE_HOST_LAMBDA_HTTP_H

#include <event2/event.h>
#include <event2/http.h>

#include "engine/host/lambda/service.h"

enum {
    LAMBDA_HTTP_BODY_MAX = 7 * 1024 * 1024,  /* of a call */
    LAMBDA_HTTP_READ_MAX = 16 * 1024 * 1024, /* to be refused in words */
    LAMBDA_HTTP_TAIL_MAX = 4096,             /* of what a function printed */
    LAMBDA_HTTP_HEADERS_MAX = 64 * 1024
};

struct lambda_http_hooks {
    /*
     * Looks at a request before the API does: true if it is not for the API,
     * and was or will be answered. NULL: all are for the API.
     */
    bool (*request)(void *self, struct evhttp_request *request,
                    const char *path);
    /*
     * An answer of the API is ready: true if it was taken, and is not to be
     * sent. NULL: all are sent.
     */
    bool (*answer)(void *self, struct evhttp_request *request, int status,
                   const void *body, size_t size);
    /* The last that a run has printed, for who asks for it with Invoke: its
       size. NULL: nobody knows. */
    size_t (*tail)(void *self, uint64_t run, char out[LAMBDA_HTTP_TAIL_MAX]);
    /* A response goes out; NULL: nobody wants to know. */
    void (*responded)(void *self, struct evhttp_request *request);
    void *self;
};

struct lambda_http;

/*
 * A loop for one thread, which tells the kernel at once what has changed in
 * all that it waits for. NULL: out of memory.
 */
struct event_base *lambda_http_base(void);

/*
 * Listens on address and port, 0: one that is free. NULL with errno. The
 * service must outlive it.
 */
struct lambda_http *lambda_http_open(struct event_base *base,
                                     struct lambda_service *service,
                                     const char *address, uint16_t port,
                                     const struct lambda_http_hooks *hooks);
uint16_t lambda_http_port(const struct lambda_http *http);
/*
 * For a port that anybody may open connections to: those that neither send nor
 * take anything for half a minute are closed, but for who waits for an answer.
 */
void lambda_http_guard(struct lambda_http *http);
void lambda_http_close(struct lambda_http *http);
/* Requests of any method are taken, as a proxy takes them. */
void lambda_http_take_all(struct lambda_http *http);

/* From now on another service answers; the former answers nothing more. */
void lambda_http_serve(struct lambda_http *http,
                       struct lambda_service *service);
/* Lets the API answer a request that a hook has kept. */
void lambda_http_route(struct lambda_http *http,
                       struct evhttp_request *request);
/* Who calls there has the machine's time, and is told that. */
void lambda_http_tell_true_time(struct lambda_http *http);
/* Closes its connection without an answer. */
void lambda_http_cut(struct evhttp_request *request);

/* The whole body; it is the request's. */
const void *lambda_http_body(struct evhttp_request *request, size_t *size);
/*
 * Answers with a body of type application/json, and the service's time as
 * Date. exception: for x-amzn-errortype, NULL: none.
 */
void lambda_http_respond(struct lambda_http *http,
                         struct evhttp_request *request, int status,
                         const char *exception, const void *body, size_t size);
/* Answers with the headers and the body that it was given for output. */
void lambda_http_send(struct lambda_http *http, struct evhttp_request *request,
                      int status);

#endif
