/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_group.c - vectors, floors and this node's lane of a group, and how they reach its store.
 */
#include "sync/engine/engine_group.h"

#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/num.h"

/* R15: within this time one lane is given up for what a peer claims to know of it. */
#define LANE_LOST_US UINT64_C(600000000)

static enum weir_err load_lanes(struct engine_group *g)
{
    struct weir_lane_row lane;
    const uint8_t *after = NULL;
    uint8_t at[WEIR_LANE_LEN];

    for (;;) {
        enum weir_err err = g->records->ops->next_lane(g->records, after, &lane);
        if (err == WEIR_ENOTFOUND)
            return WEIR_OK;
        if (err == WEIR_OK)
            err = weir_vector_raise(&g->vv, lane.lane, lane.vv);
        if (err == WEIR_OK)
            err = weir_vector_raise(&g->seen, lane.lane, lane.seen > lane.vv ? lane.seen : lane.vv);
        if (err == WEIR_OK)
            err = weir_vector_raise(&g->floor, lane.lane, lane.floor);
        if (err == WEIR_OK)
            err = weir_vector_raise(&g->final, lane.lane, lane.final);
        if (err < 0)
            return err;
        memcpy(at, lane.lane, WEIR_LANE_LEN);
        after = at;
    }
}

enum weir_err weir_engine_load(struct weir_engine *e, enum weir_group group)
{
    struct engine_group *g = &e->group[group];

    weir_vector_reset(&g->vv);
    weir_vector_reset(&g->seen);
    weir_vector_reset(&g->floor);
    weir_vector_reset(&g->final);
    weir_vector_reset(&g->dirty);
    e->retired_changed = true;
    g->meta_dirty = false;
    enum weir_err err = g->records->ops->get_meta(g->records, &g->meta);
    return err == WEIR_OK ? load_lanes(g) : err;
}

static enum weir_err store_lane(struct engine_group *g, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_lane_row row = {
        .vv = weir_vector_get(&g->vv, lane),
        .seen = weir_vector_get(&g->seen, lane),
        .floor = weir_vector_get(&g->floor, lane),
        .final = weir_vector_get(&g->final, lane),
    };

    memcpy(row.lane, lane, WEIR_LANE_LEN);
    return g->records->ops->put_lane(g->records, &row);
}

enum weir_err weir_engine_store_lanes(struct weir_engine *e, enum weir_group group)
{
    struct engine_group *g = &e->group[group];
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; i < g->dirty.num && err == WEIR_OK; i++)
        err = store_lane(g, g->dirty.items[i].lane);
    weir_vector_reset(&g->dirty);
    if (err == WEIR_OK && g->meta_dirty)
        err = g->records->ops->put_meta(g->records, &g->meta);
    g->meta_dirty = false;
    return err;
}

bool weir_engine_has_room(struct weir_engine *e, enum weir_group group,
                          const uint8_t lane[WEIR_LANE_LEN])
{
    const struct engine_group *g = &e->group[group];

    if (g->seen.num < WEIR_LANES_MAX || weir_vector_get(&g->seen, lane) > 0)
        return true;
    engine_count(e, WEIR_COUNT_LANES_FULL, 1);
    return false;
}

static void mark_lane_dirty(struct weir_engine *e, struct engine_group *g,
                            const uint8_t lane[WEIR_LANE_LEN])
{
    enum weir_err err = weir_vector_raise(&g->dirty, lane, 1);

    if (err < 0)
        weir_engine_fail(e, err);
}

void weir_engine_note_seen(struct weir_engine *e, enum weir_group group,
                           const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct engine_group *g = &e->group[group];
    uint64_t seen = weir_vector_get(&g->seen, lane);

    if (seq <= seen)
        return;
    enum weir_err err = weir_vector_raise(&g->seen, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
}

void weir_engine_raise(struct weir_engine *e, enum weir_group group,
                       const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct engine_group *g = &e->group[group];

    if (seq <= weir_vector_get(&g->vv, lane) || !weir_engine_begin(e, group))
        return;
    enum weir_err err = weir_vector_raise(&g->vv, lane, seq);
    if (err == WEIR_OK && seq > weir_vector_get(&g->seen, lane))
        err = weir_vector_raise(&g->seen, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
    if (weir_vector_get(&g->final, lane) > 0)
        e->retired_changed = true;
    if (e->active != NULL && group == WEIR_GROUP_C)
        weir_active_durable(e->active, lane);
    e->waiting_ready = e->waiting_ready || e->waiting != NULL;
}

void weir_engine_raise_floor(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct engine_group *g = &e->group[WEIR_GROUP_C];

    if (seq <= weir_vector_get(&g->floor, lane))
        return;
    enum weir_err err = weir_vector_raise(&g->floor, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
    e->floor_rose = true;
}

void weir_engine_join(struct weir_engine *e, enum weir_group group, const struct weir_vector *vv,
                      const struct weir_vector *floor)
{
    struct engine_group *g = &e->group[group];

    if (!weir_engine_begin(e, group))
        return;
    for (size_t i = 0; i < vv->num; i++) {
        const uint8_t *lane = vv->items[i].lane;
        if (weir_engine_has_room(e, group, lane))
            weir_engine_raise(e, group, lane, vv->items[i].seq);
        if (memcmp(lane, g->meta.lane, WEIR_LANE_LEN) == 0 && vv->items[i].seq > g->meta.seq)
            weir_engine_lane_lost(e, group, WEIR_ENGINE_NO_LINK);
    }
    if (group == WEIR_GROUP_E || !engine_has(e, WEIR_RULE_FLOOR_MERGE))
        return;
    for (size_t i = 0; i < floor->num; i++)
        if (weir_vector_covers(&g->vv, floor->items[i].lane, floor->items[i].seq))
            weir_engine_raise_floor(e, floor->items[i].lane, floor->items[i].seq);
}

void weir_engine_draw_lane(struct weir_engine *e, enum weir_group group)
{
    struct engine_group *g = &e->group[group];
    uint64_t random = weir_rng_next(&e->rng);

    memcpy(g->meta.lane, e->cfg.node, WEIR_NODE_ID_LEN);
    memcpy(g->meta.lane + WEIR_NODE_ID_LEN, &random, 8);
    g->meta.lane[WEIR_NODE_ID_LEN] = group == WEIR_GROUP_C ? 'C' : 'E';
    g->meta.seq = 0;
    g->meta_dirty = true;
    e->lane_drawn[group] = true;
    e->lane_number++;
    engine_count(e, WEIR_COUNT_LANES, 1);
}

void weir_engine_lane_lost(struct weir_engine *e, enum weir_group group, uint32_t link)
{
    struct engine_group *g = &e->group[group];

    /* A lane that was drawn or confirmed in this life is known to no peer beyond what it has,
     * unless this node lives twice. The first such claim may show that; more of them are false
     * (R15). */
    bool was_mine = e->lane_drawn[group];
    if (was_mine && e->lane_lost_us != 0 && e->mono_us - e->lane_lost_us < LANE_LOST_US &&
        link != WEIR_ENGINE_NO_LINK && engine_has(e, WEIR_RULE_LANE_LIMIT)) {
        weir_engine_false_claim(e, link);
        return;
    }
    if (!engine_has(e, WEIR_RULE_NEW_LANE) || !weir_engine_begin(e, group))
        return;
    if (was_mine)
        e->lane_lost_us = e->mono_us;
    memset(g->meta.lane, 0, WEIR_LANE_LEN);
    g->meta.seq = 0;
    g->meta_dirty = true;
    e->lane_drawn[group] = false;
    if (group == WEIR_GROUP_C)
        weir_engine_alarm(e, WEIR_ALARM_ROLLBACK, link);
}

bool weir_engine_split(struct weir_engine *e, enum weir_group group, Weir__V1__Lv *const *lanes,
                       size_t num, struct weir_vector *ret)
{
    weir_vector_reset(ret);
    for (size_t i = 0; i < num; i++) {
        if (engine_lane_group(lanes[i]->lane.data) != group)
            continue;
        enum weir_err err = weir_vector_raise(ret, lanes[i]->lane.data, lanes[i]->seq);
        if (err < 0) {
            weir_vector_deinit(ret);
            weir_engine_fail(e, err);
            return false;
        }
    }
    return true;
}

/* -- retired lanes -- */

void weir_engine_retire_stored(struct weir_engine *e, const struct weir_stored_record *rec)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (rec->rec.class != WEIR_CLASS_LANE || rec->rec.key.len != WEIR_LANE_LEN)
        return;
    uint64_t final = rec->rec.value.len == ENGINE_FINAL_LEN
                         ? weir_num_get_le(rec->rec.value.at, ENGINE_FINAL_LEN)
                         : 0;
    weir_vector_forget(&c->final, rec->rec.key.at);
    enum weir_err err = WEIR_OK;
    if (final > 0 && final <= WEIR_RECORD_SEQ_MAX)
        err = weir_vector_raise(&c->final, rec->rec.key.at, final);
    if (err == WEIR_OK)
        err = weir_vector_raise(&c->dirty, rec->rec.key.at, 1);
    if (err < 0)
        weir_engine_fail(e, err);
    e->retired_changed = true;
}

/* The lanes that this node has up to their ends, and not beyond. */
const struct weir_vector *weir_engine_retired(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!e->retired_changed)
        return &e->retired;
    weir_vector_reset(&e->retired);
    e->retired_changed = false;
    for (size_t i = 0; i < c->final.num; i++) {
        const struct weir_vector_entry *lane = &c->final.items[i];
        if (weir_vector_get(&c->vv, lane->lane) != lane->seq)
            continue;
        if (weir_vector_raise(&e->retired, lane->lane, lane->seq) < 0) {
            weir_engine_fail(e, WEIR_ENOMEM);
            e->retired_changed = true;
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
            weir_vector_deinit(ret);
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
