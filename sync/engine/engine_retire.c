/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_retire.c - lanes of nodes that are gone. A record of class LANE says where such a lane
 * ends. Two nodes that have the same lanes retired, each up to its end, name them by one hash and
 * leave them out of what they say; the lanes themselves stay in the vectors. It is no fence: who
 * has more of a lane than its record says writes a new one.
 */
#include <string.h>

#include "sync/engine/engine_parts.h"
#include "sync/version/num.h"

#define FINAL_LEN  8
#define RETIRE_MAX 64 /* records of one turn */

void weir_engine_retire_stored(struct weir_engine *e, const struct weir_stored_record *rec)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (rec->rec.class != WEIR_CLASS_LANE || rec->rec.key.len != WEIR_LANE_LEN)
        return;
    uint64_t final =
        rec->rec.value.len == FINAL_LEN ? weir_num_get_le(rec->rec.value.at, FINAL_LEN) : 0;
    weir_vector_forget(&c->final, rec->rec.key.at);
    enum weir_err err = WEIR_OK;
    if (final > 0 && final <= WEIR_RECORD_SEQ_MAX)
        err = weir_vector_raise(&c->final, rec->rec.key.at, final);
    if (err == WEIR_OK)
        err = weir_vector_raise(&c->dirty, rec->rec.key.at, 1);
    if (err < 0)
        weir_engine_fail(e, err);
    e->retired_due = true;
}

/* Those that are here up to their end, and not beyond it. */
const struct weir_vector *weir_engine_retired(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!e->retired_due)
        return &e->retired;
    weir_vector_reset(&e->retired);
    e->retired_due = false;
    for (size_t i = 0; i < c->final.num; i++) {
        const struct weir_vector_entry *lane = &c->final.items[i];
        if (weir_vector_get(&c->vv, lane->lane) != lane->seq)
            continue;
        if (weir_vector_raise(&e->retired, lane->lane, lane->seq) < 0) {
            weir_engine_fail(e, WEIR_ENOMEM);
            e->retired_due = true;
            break;
        }
    }
    return &e->retired;
}

uint64_t weir_engine_retired_hash(struct weir_engine *e)
{
    return weir_vector_hash(weir_engine_retired(e));
}

bool weir_engine_leave_out(struct weir_engine *e, const struct weir_vector *v,
                           struct weir_vector *ret)
{
    const struct weir_vector *retired = weir_engine_retired(e);

    weir_vector_reset(ret);
    for (size_t i = 0; i < v->num; i++) {
        if (weir_vector_get(retired, v->items[i].lane) == v->items[i].seq)
            continue;
        if (weir_vector_raise(ret, v->items[i].lane, v->items[i].seq) < 0) {
            weir_engine_fail(e, WEIR_ENOMEM);
            return false;
        }
    }
    return true;
}

bool weir_engine_fill_in(struct weir_engine *e, uint64_t hash, struct weir_vector *v)
{
    if (hash == 0)
        return true;
    if (hash != weir_engine_retired_hash(e))
        return false;
    if (weir_vector_merge(v, &e->retired) == WEIR_OK)
        return true;
    weir_engine_fail(e, WEIR_ENOMEM);
    return false;
}

static enum weir_err retire_lane(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN],
                                 uint64_t final)
{
    uint8_t value[FINAL_LEN];
    struct weir_engine_write w = {
        .class = WEIR_CLASS_LANE,
        .key = weir_span(lane, WEIR_LANE_LEN),
        .value = weir_span(value, sizeof(value)),
    };

    weir_num_write_le(value, final, FINAL_LEN);
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
        uint64_t vv = weir_vector_get(&c->vv, lane.lane);
        if (vv <= lane.seq || memcmp(lane.lane, c->meta.lane, WEIR_LANE_LEN) == 0)
            continue;
        num++;
        if (retire_lane(e, lane.lane, vv) < 0)
            return; /* not now: the next look tries again */
    }
}
