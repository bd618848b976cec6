/*
 * Closed forms that models are held against. Loads and times are ratios to
 * the mean service time or to each other, as said.
 */
#ifndef SCENARIOS_VALIDATE_FORMULAS_H
#define SCENARIOS_VALIDATE_FORMULAS_H

#include <stdint.h>

/* Erlang B: the share of arrivals that find all servers of M/G/c/c busy. */
double formula_erlang_b(uint32_t servers, double offered);
/* Erlang C: the share of arrivals of M/M/c that wait; load per server < 1. */
double formula_erlang_c(uint32_t servers, double load);
/* Mean wait in M/M/c, in mean service times. */
double formula_mmc_wait(uint32_t servers, double load);
/* Pollaczek-Khinchine: mean wait in M/G/1, in mean service times; cv2 is the
 * squared coefficient of variation of the service time. */
double formula_mg1_wait(double load, double cv2);
/* The mean of the largest of n exponential times of mean 1: 1 + ... + 1/n. */
double formula_largest(uint32_t n);
/*
 * Mean time to complete work that is begun anew after each failure; failures
 * come at rate 1 / mtbf, a restart takes so long: (mtbf + restart)
 * (e^(work / mtbf) - 1). All in one unit.
 */
double formula_restart(double work, double mtbf, double restart);
/* Young's interval between checkpoints: sqrt(2 cost mtbf). */
double formula_young(double cost, double mtbf);
/* Daly's, to the second order: Young's times (1 + sqrt(cost / (2 mtbf)) / 3 +
 * cost / (18 mtbf)) less the cost. */
double formula_daly(double cost, double mtbf);

#endif
