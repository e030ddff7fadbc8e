/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_life.c - the states of a node, and how one life of its database ends and another begins.
 */
#include "sync/engine/engine_life.h"

#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define FIRST_US 10000000 /* how long to wait for the peers whose purges made this node reset */

#define BIT(state) (1u << (state))

/* From each state to where a node may move. READONLY is not stored: weir_engine_state reports it
 * while the disk fails, over any state. */
static const unsigned moves[] = {
    [WEIR_ENGINE_JOINING] = BIT(WEIR_ENGINE_LIVE) | BIT(WEIR_ENGINE_STALE),
    [WEIR_ENGINE_LIVE] = BIT(WEIR_ENGINE_STALE),
    [WEIR_ENGINE_STALE] = BIT(WEIR_ENGINE_JOINING),
    [WEIR_ENGINE_READONLY] = 0,
};
_Static_assert(WEIR_ARRAY_LEN(moves) == WEIR_ENGINE_READONLY + 1, "each state has its moves");

void weir_engine_move(struct weir_engine *e, enum weir_engine_state to)
{
    WEIR_ASSERT((size_t)e->state < WEIR_ARRAY_LEN(moves));
    WEIR_ASSERT((size_t)to < WEIR_ARRAY_LEN(moves));
    WEIR_ASSERT((moves[e->state] & BIT(to)) != 0);
    e->state = to;
}

void weir_engine_move_back(struct weir_engine *e)
{
    WEIR_ASSERT(e->in_turn);
    WEIR_ASSERT(e->turn_err < 0);
    e->state = e->state_before;
}

void weir_engine_draw_incarnation(struct weir_engine *e)
{
    for (unsigned i = 0; i < WEIR_INCARNATION_LEN; i += 8) {
        uint64_t random = weir_rng_next(&e->rng);
        memcpy(e->incarnation + i, &random, 8);
    }
}

bool weir_engine_wipe(struct weir_engine *e)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return false;
    enum weir_err err = c->records->ops->wipe(c->records);
    if (err == WEIR_OK)
        err = weir_engine_load(e, WEIR_GROUP_C);
    if (err < 0) {
        weir_engine_fail(e, err);
        return false;
    }
    weir_engine_drop_waiting(e);
    weir_engine_forget_given(e);
    weir_engine_sums_restart(e);
    weir_engine_active_load(e);
    if (e->acks != NULL)
        weir_acks_forget(e->acks, e->cfg.node);
    e->lane_drawn[WEIR_GROUP_C] = false;
    e->num_damaged = 0;
    e->lossy = 0;
    e->audit_tried = 0;
    e->lacks_end = false;
    e->has_pulled = false;
    return true;
}

void weir_engine_reset(struct weir_engine *e)
{
    if (!weir_engine_wipe(e))
        return;
    weir_engine_pulls_lost(e, WEIR_ENGINE_NO_LINK);
    weir_engine_draw_incarnation(e);
    if (e->members != NULL) /* who was evicted must be known until the records are here again */
        weir_members_reborn(e->members, e->incarnation);
    e->exporting = false;
    weir_engine_move(e, WEIR_ENGINE_JOINING);
    engine_count(e, WEIR_COUNT_RESETS, 1);
    for (uint32_t i = 0; i < e->num_links; i++) {
        struct engine_link *l = e->links[i];
        if (l != NULL) {
            l->first_until_us = l->beyond ? e->mono_us + FIRST_US : 0;
            l->stale = l->beyond = l->floor_told = false;
        }
        weir_engine_want_hello(e, i);
    }
}

void weir_engine_go_stale(struct weir_engine *e)
{
    if (e->state == WEIR_ENGINE_STALE)
        return;
    weir_engine_move(e, WEIR_ENGINE_STALE);
    e->exporting = true;
    e->export_at = e->mono_us;
    e->audit.open = false; /* nothing that it holds may be told any more */
    weir_engine_pulls_lost(e, WEIR_ENGINE_NO_LINK);
}
