/* SPDX-License-Identifier: Apache-2.0
 *
 * behind.c - which nodes give their records up.
 */
#include "tests/sim/oracle/behind.h"

#include "tests/sim/cluster/node_state.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/covered.h"

static bool is_behind(const struct weir_sim_node *other, const struct weir_vector *floor)
{
    return other->engine != NULL &&
           (weir_engine_state(other->engine) == WEIR_ENGINE_STALE ||
            weir_vector_is_stale(weir_engine_vv(other->engine, WEIR_GROUP_C), floor));
}

void weir_sim_behind_note(struct weir_sim *s, const struct weir_sim_node *n)
{
    const struct weir_vector *floor = weir_engine_floor(n->engine, WEIR_GROUP_C);

    for (uint32_t i = 0; i < s->num_nodes && s->check.is_lied_to; i++)
        s->check.views[i].is_behind = is_behind(&s->nodes[i], floor);
}

void weir_sim_behind_turn(struct weir_sim *s, const struct weir_sim_node *n)
{
    if (s->check.views[n->index].num_raised > 0)
        weir_sim_behind_note(s, n);
    weir_sim_covered_raised(&s->check.views[n->index]);
}
