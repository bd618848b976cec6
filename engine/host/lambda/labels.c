#include "engine/host/lambda/labels.h"

#include <stdio.h>
#include <string.h>

static void label(struct lambda_labels *labels, const char *operation,
                  const char *action, bool timed)
{
    struct lambda_label *to;

    if (labels->count == LAMBDA_LABELS_MAX)
        return;
    to = &labels->all[labels->count++];
    snprintf(to->operation, sizeof(to->operation), "%s", operation);
    to->action = action;
    to->timed = timed;
    to->delay_ns = 0;
}

static const char *text_of(struct json_view object, const char *key)
{
    struct json_view view = json_member(object, key);

    return view.item && json_is_string(view) ? view.item->valuestring : NULL;
}

static const char *action_of(const char *text)
{
    static const char *const actions[] = {"START", "SUCCEED", "FAIL", "RETRY",
                                          "CANCEL"};

    for (unsigned i = 0; text && i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(actions[i], text) == 0)
            return actions[i];
    return "";
}

/* Each update of a checkpoint is a boundary; one without any is one. */
static void label_checkpoint(struct lambda_labels *labels, const void *body,
                             size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;

    if (json_read_bytes("body", body, size, &doc, &wrong) == 0 &&
        json_is_object(json_root(doc))) {
        struct json_view updates = json_member(json_root(doc), "Updates");
        for (struct json_view v = json_first(updates); updates.item && v.item;
             v = json_next(v)) {
            const char *name = text_of(v, "Name");
            const char *type = text_of(v, "Type");
            const char *action = action_of(text_of(v, "Action"));
            label(labels,
                  name   ? name
                  : type ? type
                         : "?",
                  action,
                  strcmp(action, "RETRY") == 0 ||
                      (strcmp(action, "START") == 0 && type &&
                       strcmp(type, "WAIT") == 0));
        }
    }
    json_free(doc);
    if (labels->count == 0)
        label(labels, "checkpoint", "", false);
}

static const char effects[] = "/perdure/effects/";

bool lambda_labels_request(struct lambda_labels *labels,
                           struct evhttp_request *request, const char *path)
{
    size_t length = strlen(path);
    size_t size;
    const void *body = lambda_http_body(request, &size);

    labels->count = 0;
    if (strncmp(path, effects, sizeof(effects) - 1) == 0) {
        labels->place = LAMBDA_AT_EFFECT;
        label(labels, path + sizeof(effects) - 1, "", false);
    } else if (length > 11 && strcmp(path + length - 11, "/checkpoint") == 0) {
        labels->place = LAMBDA_AT_CHECKPOINT;
        label_checkpoint(labels, body, size);
    } else if (length > 6 && strcmp(path + length - 6, "/state") == 0) {
        labels->place = LAMBDA_AT_STATE;
        label(labels, "state", "", false);
    }
    return labels->count > 0;
}

void lambda_labels_set(struct lambda_labels *labels, enum lambda_place place,
                       const char *name)
{
    labels->count = 0;
    labels->place = place;
    label(labels, name, "", false);
}

struct lambda_decision lambda_labels_ask(struct lambda_labels *labels,
                                         const struct lambda_host_config *host,
                                         const char *function, bool after,
                                         uint64_t run)
{
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    for (unsigned i = 0; i < labels->count; i++) {
        const struct lambda_boundary boundary = {
            .function = function,
            .place = labels->place,
            .after = after,
            .operation = labels->all[i].operation,
            .action = labels->all[i].action,
            .timed = labels->all[i].timed,
            .run = run,
        };
        struct lambda_decision one = {.act = LAMBDA_PASS};
        host->boundary(host->self, &boundary, &one);
        if (one.act == LAMBDA_DELAY)
            labels->all[i].delay_ns = one.ns;
        else if (decision.act == LAMBDA_PASS)
            decision = one;
    }
    return decision;
}
