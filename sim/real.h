/*
 * Logarithm and exponential whose bits are the same everywhere.
 *
 * The C library may round log and exp differently from one release, machine
 * or compiler to the next, and one last bit is enough to give a seed another
 * meaning. These use only IEEE double + - * and integer operations, in a
 * fixed order, and must be compiled with -ffp-contract=off so that no product
 * and sum are fused. The error is below one unit in the last place for
 * normal results. Division and sqrt are exactly rounded by IEEE and may be
 * used beside them.
 */
#ifndef SIM_REAL_H
#define SIM_REAL_H

/*
 * The natural logarithm. Of 0 it is minus infinity, of a negative number or
 * NaN it is NaN, of infinity it is infinity.
 */
double sim_real_log(double x);

/* e to the power x: 0 below -746, infinity above 709.79, NaN of NaN. */
double sim_real_exp(double x);

/*
 * The point below which a standard normal variable falls with probability
 * `p`, where 0 < p < 1 (asserted). Relative error about 1e-15.
 */
double sim_real_normal(double p);

#endif
