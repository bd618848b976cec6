#include "scenarios/validate/formulas.h"

#include <math.h>

#include "sim/real.h"

double formula_erlang_b(uint32_t servers, double offered)
{
    double blocked = 1;
    for (uint32_t k = 1; k <= servers; k++)
        blocked = offered * blocked / (k + offered * blocked);
    return blocked;
}

double formula_erlang_c(uint32_t servers, double load)
{
    double blocked = formula_erlang_b(servers, servers * load);
    return blocked / (1 - load * (1 - blocked));
}

double formula_mmc_wait(uint32_t servers, double load)
{
    return formula_erlang_c(servers, load) / (servers * (1 - load));
}

double formula_mg1_wait(double load, double cv2)
{
    return load / (1 - load) * (1 + cv2) / 2;
}

double formula_largest(uint32_t n)
{
    double sum = 0;
    for (uint32_t k = n; k > 0; k--)
        sum += 1.0 / k;
    return sum;
}

double formula_restart(double work, double mtbf, double restart)
{
    return (mtbf + restart) * (sim_real_exp(work / mtbf) - 1);
}

double formula_young(double cost, double mtbf)
{
    return sqrt(2 * cost * mtbf);
}

double formula_daly(double cost, double mtbf)
{
    double root = sqrt(cost / (2 * mtbf));
    return formula_young(cost, mtbf) * (1 + root / 3 + cost / (18 * mtbf)) -
           cost;
}
