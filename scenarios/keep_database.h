/*
 * The database of a simulated world as a file of this machine: what readers of
 * its disk believe in at the end, with the workflows, limits and names of
 * platforms that belong to it, so that every command for databases opens it.
 */
#ifndef SCENARIOS_KEEP_DATABASE_H
#define SCENARIOS_KEEP_DATABASE_H

#include "scenarios/world.h"

/*
 * Whether a world of the scenario has a database that can be kept at path. 0,
 * or -1 with a sentence: its store is in memory, it has no engine, or there is
 * a file already.
 */
int keep_database_check(const struct scenario *scenario, const char *path,
                        char *message, size_t size);

/*
 * Writes the file beside its place and renames it: at the end of a world,
 * which writes no more records. 0, or -1 with a sentence; then there is no
 * file at path.
 */
int keep_database(struct scenario_world *world, const char *path, char *message,
                  size_t size);

#endif
