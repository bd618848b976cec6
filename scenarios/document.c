#include "scenarios/document.h"

#include <stdlib.h>
#include <string.h>

#include "reports/buffer.h"
#include "scenarios/read.h"
#include "scenarios/read_merge.h"

static const struct scenario_source *find(const struct scenario *scenario,
                                          const char *name)
{
    for (uint32_t i = 0; i < scenario->source_count; i++)
        if (strcmp(scenario->sources[i].name, name) == 0)
            return &scenario->sources[i];
    return NULL;
}

static cJSON *parse(const char *text, size_t size)
{
    return cJSON_ParseWithLength(text, size);
}

static struct json_doc *document(const struct scenario_source *source)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    (void)json_read_bytes(source->name, source->text, source->size, &doc,
                          &error);
    return doc;
}

static cJSON *merge(const struct scenario_source *ours,
                    const struct scenario_source *base)
{
    const char *dropped[READ_DROPPED_MAX];
    struct json_error error = {0};
    struct read_merge merged;
    cJSON *flat = NULL;
    struct json_doc *top = document(ours), *below = document(base);
    if (top && below) {
        struct read_part mine = {ours->name, ours->text, ours->size, top};
        struct read_part theirs = {base->name, base->text, base->size, below};
        size_t count = read_dropped_keys(json_root(top), dropped);
        read_merge(&merged, &mine, &theirs, dropped, count, &error);
        if (error.code == 0)
            flat = parse(merged.text, merged.size);
        read_merge_free(&merged);
    }
    json_free(top);
    json_free(below);
    return flat;
}

/* Puts the file in the place of its name. */
static bool inline_file(const struct scenario *scenario, cJSON *parent,
                        cJSON *name)
{
    if (!cJSON_IsString(name))
        return true;
    const struct scenario_source *source = find(scenario, name->valuestring);
    cJSON *file = source ? parse(source->text, source->size) : NULL;
    if (file && name->string)
        return cJSON_ReplaceItemInObjectCaseSensitive(parent, name->string,
                                                      file);
    if (file && cJSON_ReplaceItemViaPointer(parent, name, file))
        return true;
    cJSON_Delete(file);
    return false;
}

static bool inline_workflows(const struct scenario *scenario, cJSON *flat)
{
    cJSON *one = cJSON_GetObjectItemCaseSensitive(flat, "workflow");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(flat, "workflows");
    if (one && !inline_file(scenario, flat, one))
        return false;
    for (int i = 0; i < cJSON_GetArraySize(list); i++)
        if (!inline_file(scenario, list, cJSON_GetArrayItem(list, i)))
            return false;
    return true;
}

/* A profile that comes with perdure is no file. */
static bool inline_limits(const struct scenario *scenario, cJSON *flat)
{
    cJSON *engine = cJSON_GetObjectItemCaseSensitive(flat, "engine");
    cJSON *limits = cJSON_GetObjectItemCaseSensitive(engine, "limits");
    return !cJSON_IsString(limits) || !find(scenario, limits->valuestring) ||
           inline_file(scenario, engine, limits);
}

cJSON *document_flatten(const struct scenario *scenario)
{
    const struct scenario_source *ours = &scenario->sources[0];
    cJSON *flat = parse(ours->text, ours->size);
    const cJSON *extends = cJSON_GetObjectItemCaseSensitive(flat, "extends");
    const struct scenario_source *base =
        cJSON_IsString(extends) ? find(scenario, extends->valuestring) : NULL;
    if (base) {
        cJSON_Delete(flat);
        flat = merge(ours, base);
        cJSON_DeleteItemFromObjectCaseSensitive(flat, "extends");
    }
    if (flat && inline_workflows(scenario, flat) &&
        inline_limits(scenario, flat))
        return flat;
    cJSON_Delete(flat);
    return NULL;
}

/* Printing ---------------------------------------------------------------- */

enum {
    COLUMNS = 80,
    INDENT = 4
};

static void put_plain(struct report_buffer *out, const cJSON *item)
{
    char *text = cJSON_PrintUnformatted(item);
    if (text)
        report_buffer_put(out, text);
    else
        out->failed = 1;
    cJSON_free(text);
}

static void put_key(struct report_buffer *out, const cJSON *item)
{
    if (!item->string)
        return;
    report_buffer_json(out, item->string, strlen(item->string));
    report_buffer_put(out, ": ");
}

/* In one line: {"a": 1, "b": [2, 3]}. */
static void put_line(struct report_buffer *out, const cJSON *item)
{
    put_key(out, item);
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item)) {
        put_plain(out, item);
        return;
    }
    report_buffer_put(out, cJSON_IsObject(item) ? "{" : "[");
    for (const cJSON *child = item->child; child; child = child->next) {
        put_line(out, child);
        report_buffer_put(out, child->next ? ", " : "");
    }
    report_buffer_put(out, cJSON_IsObject(item) ? "}" : "]");
}

static void put_indent(struct report_buffer *out, size_t indent)
{
    report_buffer_print(out, "%*s", (int)indent, "");
}

/* Tries a line, and takes it back if it is too long. */
static void put_item(struct report_buffer *out, const cJSON *item,
                     size_t indent)
{
    size_t before = out->size;
    put_line(out, item);
    if (!report_buffer_ok(out) || !item->child ||
        (indent > 0 && indent + out->size - before < COLUMNS))
        return;
    out->size = before;
    out->text[before] = '\0';
    put_key(out, item);
    report_buffer_put(out, cJSON_IsObject(item) ? "{\n" : "[\n");
    for (const cJSON *child = item->child; child; child = child->next) {
        put_indent(out, indent + INDENT);
        put_item(out, child, indent + INDENT);
        report_buffer_put(out, child->next ? ",\n" : "\n");
    }
    put_indent(out, indent);
    report_buffer_put(out, cJSON_IsObject(item) ? "}" : "]");
}

char *document_print(const cJSON *document)
{
    struct report_buffer out;
    report_buffer_init(&out);
    put_item(&out, document, 0);
    report_buffer_put(&out, "\n");
    if (report_buffer_ok(&out))
        return out.text;
    report_buffer_free(&out);
    return NULL;
}
