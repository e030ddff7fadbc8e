/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_turn.c - opens a turn and its transactions. engine_commit.c ends both.
 */
#include "sync/engine/engine_turn.h"

void weir_engine_fail(struct weir_engine *e, enum weir_err err)
{
    WEIR_ASSERT(err < 0);
    if (e->turn_err == WEIR_OK)
        e->turn_err = err;
}

bool weir_engine_begin(struct weir_engine *e, enum weir_group g)
{
    struct engine_group *group = &e->group[g];

    WEIR_ASSERT((unsigned)g < WEIR_GROUP_COUNT);
    WEIR_ASSERT(e->in_turn);
    if (e->turn_err < 0)
        return false;
    if (group->begun)
        return true;
    enum weir_err err = group->records->ops->begin(group->records);
    if (err < 0) {
        weir_engine_fail(e, err);
        return false;
    }
    group->begun = true;
    return true;
}

void weir_engine_turn(struct weir_engine *e)
{
    if (e->in_turn)
        return;
    e->in_turn = true;
    e->state_before = e->state;
    e->turn_err = WEIR_OK;
    e->served = 0;
    e->retried = false;
    e->floor_rose = false;
    e->outs.num = 0;
    e->outs.at = 0;
    weir_arena_reset(&e->outs.arena);
}

void weir_engine_abort_stores(struct weir_engine *e)
{
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct engine_group *group = &e->group[g];
        if (group->begun)
            group->records->ops->abort(group->records);
        group->begun = false;
    }
}
