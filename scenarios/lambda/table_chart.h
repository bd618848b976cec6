/*
 * The undisturbed run as a picture: a lane for each operation by name, events
 * from left to right. Their distance is not time, which stands above where it
 * goes on; so a wait of a week leaves room for what happens in no time.
 */
#ifndef SCENARIOS_LAMBDA_TABLE_CHART_H
#define SCENARIOS_LAMBDA_TABLE_CHART_H

#include "scenarios/lambda/table.h"

/* An SVG with its key; nothing if there is too little or too much to draw. */
void lambda_table_chart(const struct lambda_table *table,
                        struct report_buffer *out);

#endif
