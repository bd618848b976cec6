/*
 * What is at the other end of stdout and stderr: a terminal or not, how wide
 * it is, whether it understands more than plain lines, and whether it is to
 * get colours. Each stream is asked for itself.
 */
#ifndef SCENARIOS_TERMINAL_H
#define SCENARIOS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Whether lines there can be written over: a terminal that is not "dumb". */
bool terminal_moves(int fd);

/* Its columns, at least 1; 80 where nobody knows. */
uint32_t terminal_columns(int fd);

/*
 * Whether text for it is coloured. In this order: not if never (--no-color),
 * not if NO_COLOR is set to anything; yes if CLICOLOR_FORCE is set to anything
 * but 0; else if it is a terminal that is not "dumb".
 */
bool terminal_colour(int fd, bool never);

#endif
