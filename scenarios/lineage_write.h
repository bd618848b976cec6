/*
 * A lineage (engine/host/lineage.h) as people and programs read it. What
 * stands in it comes from outside, names above all: each form makes it
 * harmless in its own way.
 */
#ifndef SCENARIOS_LINEAGE_WRITE_H
#define SCENARIOS_LINEAGE_WRITE_H

#include "engine/host/lineage.h"
#include "reports/buffer.h"

enum {
    LINEAGE_SVG_BOXES = 500 /* above that, boxes stand for many executions */
};

/* A line for each execution, indented by the contexts around it. */
void lineage_write_text(const struct lineage *lineage,
                        struct report_buffer *out);
/*
 * Everything, one execution a line: schema perdure.lineage/1, the keys of each
 * object in alphabetical order, numbers of executions from 0 as in the list.
 */
void lineage_write_json(const struct lineage *lineage,
                        struct report_buffer *out);
/* GraphML 1.0 as yEd and Gephi open it: what is inside a context has an edge
 * of kind "context" from it, all others go from parent to child. */
void lineage_write_graphml(const struct lineage *lineage,
                           struct report_buffer *out);
/*
 * A drawing in layers, parents to the left. Above LINEAGE_SVG_BOXES executions
 * those with the same workflow, name, type and state share a box that counts
 * them; if that is still too much, those with the same type, state and layer,
 * and then whatever layer they are in.
 */
void lineage_write_svg(const struct lineage *lineage,
                       struct report_buffer *out);

#endif
