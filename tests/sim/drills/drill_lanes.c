/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_lanes.c - sync/engine/engine_retire.c: the alarm of too many lanes.
 */
#include <string.h>

#include "sync/engine/engine_inputs.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill.h"
#include "tests/sim/drills/drills.h"

#define LANES_ALARM 1024

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static struct engine_group *c_of(const struct weir_drill *d)
{
    return &d->e->group[WEIR_GROUP_C];
}

/* Lanes of node number `node`, in the order of these numbers. */
static void add_lanes(struct weir_drill *d, unsigned node, unsigned num)
{
    uint8_t lane[WEIR_LANE_LEN] = { 0x40, [WEIR_NODE_ID_LEN] = 'C' };

    weir_num_write_be(lane + 1, node, 2);
    for (unsigned i = 0; i < num; i++) {
        lane[WEIR_LANE_LEN - 1] = (uint8_t)(i + 1);
        weir_drill_raise(&c_of(d)->vv, lane, 1);
        weir_drill_raise(&c_of(d)->seen, lane, 1);
    }
}

static size_t alarms(struct weir_drill *d)
{
    weir_drill_begin(d);
    weir_engine_retire_tick(d->e);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) ==
          weir_drill_alarms(d, WEIR_ALARM_LANES, WEIR_ENGINE_NO_LINK));
    return weir_drill_num(d, WEIR_OUT_ALARM);
}

/* The operator hears once when a node has more than four lanes and all have more than 1,024. That
 * node may be the first in their order, the last, or any. */
static void tell_of_many(struct weir_drill *d)
{
    const unsigned nodes = LANES_ALARM / 4;
    const unsigned which[] = { 0, nodes - 1, (unsigned)weir_sim_draw(d->x, nodes) };
    unsigned node = which[weir_sim_draw(d->x, 3)];
    unsigned other = (node + 1) % nodes;
    uint8_t fifth[WEIR_LANE_LEN] = { 0x40, [WEIR_NODE_ID_LEN] = 'C', [WEIR_LANE_LEN - 1] = 5 };

    weir_drill_start(d);
    for (unsigned i = 0; i < nodes; i++)
        add_lanes(d, i, i == node ? 5 : i == other ? 3 : 4);
    CLAIM(c_of(d)->vv.num == LANES_ALARM && alarms(d) == 0 && !d->e->lanes_told);
    add_lanes(d, other, 4);
    CLAIM(c_of(d)->vv.num == LANES_ALARM + 1 && alarms(d) == 1 && d->e->lanes_told);
    CLAIM(alarms(d) == 0 && d->e->lanes_told);
    weir_num_write_be(fifth + 1, node, 2);
    weir_vector_forget(&c_of(d)->vv, fifth);
    add_lanes(d, nodes, 4);
    CLAIM(c_of(d)->vv.num == LANES_ALARM + 4 && alarms(d) == 0 && !d->e->lanes_told);
    add_lanes(d, node, 5);
    CLAIM(alarms(d) == 1);
}

void weir_drill_lanes_alarm(struct weir_sim_exam *x)
{
    struct weir_drill d;

    weir_drill_init(&d, x);
    tell_of_many(&d);
    weir_drill_deinit(&d);
}
