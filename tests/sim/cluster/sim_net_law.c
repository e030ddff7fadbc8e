/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net_law.c - how long a frame takes. Integers only: what floating point gives depends on the
 * compiler.
 */
#include "tests/sim/cluster/sim_net.h"

#define ONE        1024
#define HEAVY_STEP 3 /* bits: one delay of eight is four times longer, and so on */
#define HEAVY_MOST 5 /* steps */

/* exp(0.6 * z) in 1/1024, at the middles of 64 equal shares of the normal distribution. */
static const uint16_t lognormal[] = {
    240,  311,  356,  392,  423,  451,  477,  502,  525,  548,  569,  591,  612,  632,  653,  673,
    693,  713,  733,  754,  774,  794,  815,  835,  856,  877,  899,  921,  943,  965,  989,  1012,
    1036, 1061, 1086, 1112, 1139, 1166, 1195, 1225, 1255, 1287, 1320, 1355, 1391, 1430, 1470, 1513,
    1558, 1606, 1658, 1714, 1775, 1841, 1915, 1997, 2090, 2198, 2324, 2479, 2676, 2947, 3374, 4368,
};

static uint64_t draw_lognormal(uint64_t spread_us, uint64_t random)
{
    size_t at = random % WEIR_ARRAY_LEN(lognormal);
    uint64_t low = lognormal[at];
    uint64_t high = at + 1 < WEIR_ARRAY_LEN(lognormal) ? lognormal[at + 1] : 2 * low;
    uint64_t between = random >> 32 & (ONE - 1);

    return spread_us * (low * ONE + (high - low) * between) / ((uint64_t)ONE * ONE);
}

static uint64_t draw_heavy(uint64_t spread_us, uint64_t random)
{
    unsigned steps = 0;

    while (steps < HEAVY_MOST && (random >> (HEAVY_STEP * steps) & 7) == 0)
        steps++;
    return (spread_us * (random >> 32 & (ONE - 1)) / ONE) << (2 * steps);
}

uint64_t weir_sim_delay_draw(const struct weir_sim_delay *delay, struct weir_rng *rng)
{
    uint64_t random = weir_rng_next(rng);

    switch (delay->law) {
    case WEIR_SIM_LAW_FIXED:
        return delay->base_us;
    case WEIR_SIM_LAW_UNIFORM:
        return delay->base_us + random % ((uint64_t)delay->spread_us + 1);
    case WEIR_SIM_LAW_LOGNORMAL:
        return delay->base_us + draw_lognormal(delay->spread_us, random);
    case WEIR_SIM_LAW_HEAVY:
        return delay->base_us + draw_heavy(delay->spread_us, random);
    case WEIR_SIM_LAW_COUNT:
        break;
    }
    WEIR_UNREACHABLE();
}
