/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_retire.c - lanes of nodes that left. A record of class LANE states where such a lane ends.
 * Two nodes that have the same lanes retired, each up to its end, name them by one hash and leave
 * them out of their messages; the lanes stay in the vectors. A record does not stop a lane: a node
 * that has more of it than its record states writes a new record. The node that writes in the lane
 * deletes it: a lane that goes on does not end, and two such records would grow by one another.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"
#include "sync/version/num.h"

#define RETIRE_MAX 64 /* records of one turn */

/* @param final  0: the lane goes on */
static enum weir_err retire_lane(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN],
                                 uint64_t final)
{
    uint8_t value[ENGINE_FINAL_LEN];
    struct weir_engine_write w = {
        .class = WEIR_CLASS_LANE,
        .key = weir_span(lane, WEIR_LANE_LEN),
        .value = weir_span(value, final > 0 ? sizeof(value) : 0),
        .delete = final == 0,
    };

    weir_num_write_le(value, final, ENGINE_FINAL_LEN);
    return weir_engine_write_own(e, &w);
}

enum weir_err weir_engine_retire(struct weir_engine *e, const uint8_t node[WEIR_NODE_ID_LEN])
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    enum weir_err err = WEIR_OK;

    weir_engine_turn(e);
    if (memcmp(node, e->cfg.node, WEIR_NODE_ID_LEN) == 0)
        return WEIR_EINVAL;
    for (size_t i = 0; i < c->vv.num && err == WEIR_OK; i++) {
        uint8_t lane[WEIR_LANE_LEN]; /* the write may move the vector */
        memcpy(lane, c->vv.items[i].lane, WEIR_LANE_LEN);
        uint64_t seq = c->vv.items[i].seq;
        if (memcmp(lane, node, WEIR_NODE_ID_LEN) == 0 && weir_vector_get(&c->final, lane) != seq)
            err = retire_lane(e, lane, seq);
    }
    return err;
}

void weir_engine_retire_tick(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    unsigned num = 0;

    for (size_t i = 0; i < c->final.num && num < RETIRE_MAX && e->turn_err == WEIR_OK; i++) {
        struct weir_vector_entry lane = c->final.items[i];
        bool is_ours = memcmp(lane.lane, c->meta.lane, WEIR_LANE_LEN) == 0;
        uint64_t vv = weir_vector_get(&c->vv, lane.lane);
        if (!is_ours && vv <= lane.seq)
            continue;
        num++;
        if (retire_lane(e, lane.lane, is_ours ? 0 : vv) < 0)
            return; /* not now: the next tick tries again */
    }
}
