/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_group.c - vectors, floors, folded lanes and this node's lane of a group, and how they
 * reach its store.
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

/* A folded lane counts as purged to its end: no other row does, and has a record that folds it. */
static bool is_folded_row(const struct engine_group *g, const struct weir_lane_row *lane)
{
    uint64_t end = lane->final & ~ENGINE_FOLDED;

    return (lane->final & ENGINE_FOLDED) != 0 && lane->vv == end && lane->floor == end &&
           memcmp(lane->lane, g->meta.lane, WEIR_LANE_LEN) != 0;
}

static enum weir_err load_lane(struct engine_group *g, const struct weir_lane_row *lane)
{
    if (is_folded_row(g, lane))
        return weir_vector_raise(&g->folded, lane->lane, lane->vv);
    enum weir_err err = weir_vector_raise(&g->vv, lane->lane, lane->vv);
    if (err == WEIR_OK)
        err = weir_vector_raise(&g->seen, lane->lane, lane->vv);
    if (err == WEIR_OK)
        err = weir_vector_raise(&g->seen, lane->lane, lane->seen);
    if (err == WEIR_OK)
        err = weir_vector_raise(&g->floor, lane->lane, lane->floor);
    return err == WEIR_OK ? weir_vector_raise(&g->final, lane->lane, lane->final) : err;
}

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
            err = load_lane(g, &lane);
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
    weir_vector_reset(&g->folded);
    weir_vector_reset(&g->dirty);
    g->meta_dirty = false;
    enum weir_err err = g->records->ops->get_meta(g->records, &g->meta);
    return err == WEIR_OK ? load_lanes(g) : err;
}

static enum weir_err store_lane(struct engine_group *g, const uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t end = weir_vector_get(&g->folded, lane);
    struct weir_lane_row row = {
        .vv = weir_vector_get(&g->vv, lane),
        .seen = weir_vector_get(&g->seen, lane),
        .floor = weir_vector_get(&g->floor, lane),
        .final = weir_vector_get(&g->final, lane),
    };

    if (end > 0)
        row = (struct weir_lane_row){
            .vv = end, .seen = end, .floor = end, .final = end | ENGINE_FOLDED
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

    if (g->seen.num < WEIR_LANES_MAX || weir_vector_get(&g->seen, lane) > 0 ||
        weir_vector_get(&g->folded, lane) > 0)
        return true;
    engine_count(e, WEIR_COUNT_LANES_FULL, 1);
    return false;
}

uint64_t weir_engine_reach(const struct weir_engine *e, enum weir_group group,
                           const uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t end = weir_vector_get(&e->group[group].folded, lane);

    return end > 0 ? end : weir_vector_get(&e->group[group].vv, lane);
}

bool weir_engine_covers(const struct weir_engine *e, enum weir_group group,
                        const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    return seq <= weir_engine_reach(e, group, lane);
}

uint64_t weir_engine_hash(const struct weir_engine *e, enum weir_group group)
{
    const struct engine_group *g = &e->group[group];

    return weir_vector_hash(&g->vv) + weir_vector_hash(&g->folded); /* sums over the lanes */
}

bool weir_engine_lacks(const struct weir_engine *e, enum weir_group group,
                       const struct weir_vector *v)
{
    for (size_t i = 0; i < v->num; i++)
        if (!weir_engine_covers(e, group, v->items[i].lane, v->items[i].seq))
            return true;
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

    if (seq <= seen || weir_vector_get(&g->folded, lane) > 0)
        return;
    enum weir_err err = weir_vector_raise(&g->seen, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
}

void weir_engine_raise_floor(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct engine_group *g = &e->group[WEIR_GROUP_C];

    if (seq <= weir_vector_get(&g->floor, lane) || weir_vector_get(&g->folded, lane) > 0)
        return;
    enum weir_err err = weir_vector_raise(&g->floor, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
    e->floor_rose = true;
}

/* A folded lane goes on, whatever its record states: weir_engine_retire_tick writes a new one. What
 * was purged of it is no longer known, so all of it counts as purged. */
static void unfold(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN])
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct weir_lane_row row;
    uint8_t before[WEIR_LANE_LEN];
    uint64_t end = weir_vector_get(&c->folded, lane);

    if (end == 0)
        return;
    weir_vector_forget(&c->folded, lane);
    if (weir_vector_raise(&c->vv, lane, end) < 0 ||
        weir_vector_raise(&c->final, lane, end | ENGINE_FOLDED) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    weir_engine_note_seen(e, WEIR_GROUP_C, lane, end);
    weir_engine_raise_floor(e, lane, end);
    /* Its row has what was met beyond the end, also of what has been replaced since. */
    memcpy(before, lane, WEIR_LANE_LEN);
    size_t i = WEIR_LANE_LEN;
    while (i > 0 && before[i - 1]-- == 0)
        i--;
    enum weir_err err = c->records->ops->next_lane(c->records, i > 0 ? before : NULL, &row);
    if (err == WEIR_OK && memcmp(row.lane, lane, WEIR_LANE_LEN) == 0)
        weir_engine_note_seen(e, WEIR_GROUP_C, lane, row.seen);
    else if (err == WEIR_EIO)
        weir_engine_fail(e, err);
}

void weir_engine_raise(struct weir_engine *e, enum weir_group group,
                       const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct engine_group *g = &e->group[group];

    if (weir_engine_covers(e, group, lane, seq) || !weir_engine_begin(e, group))
        return;
    unfold(e, lane); /* none in group E */
    enum weir_err err = weir_vector_raise(&g->vv, lane, seq);
    if (err == WEIR_OK)
        err = weir_vector_raise(&g->seen, lane, seq);
    if (err < 0)
        weir_engine_fail(e, err);
    mark_lane_dirty(e, g, lane);
    if (e->active != NULL && group == WEIR_GROUP_C)
        weir_active_durable(e->active, lane);
    e->waiting_ready = e->waiting != NULL;
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
    memcpy(g->meta.lane + WEIR_NODE_ID_LEN, &random, sizeof(random));
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

/* -- lanes that end -- */

uint64_t weir_engine_end_of(const struct weir_stored_record *rec)
{
    if (rec->rec.class != WEIR_CLASS_LANE || rec->rec.key.len != WEIR_LANE_LEN ||
        rec->rec.value.len != ENGINE_FINAL_LEN)
        return 0;
    uint64_t end = weir_num_get_le(rec->rec.value.at, ENGINE_FINAL_LEN);
    uint64_t seq = end & ~ENGINE_FOLDED;
    return seq >= 1 && seq <= WEIR_RECORD_SEQ_MAX ? end : 0;
}

void weir_engine_fold(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN])
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return;
    if (weir_vector_raise(&c->folded, lane, weir_vector_get(&c->vv, lane)) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    mark_lane_dirty(e, c, lane);
    weir_vector_forget(&c->vv, lane);
    weir_vector_forget(&c->seen, lane);
    weir_vector_forget(&c->floor, lane);
    weir_vector_forget(&c->final, lane);
    for (uint32_t i = 0; i < e->num_links; i++)
        if (e->links[i] != NULL)
            weir_vector_forget(&e->links[i]->given[WEIR_GROUP_C], lane);
}

void weir_engine_end_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                            uint64_t was, const struct weir_version *by)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];
    const uint8_t *lane = rec->rec.key.at;
    uint64_t end = weir_engine_end_of(rec);

    if (rec->rec.class != WEIR_CLASS_LANE || rec->rec.key.len != WEIR_LANE_LEN)
        return;
    /* All members have the record that it replaces: a node that has not missed the lane too (R6).
     */
    if ((was | ENGINE_FOLDED) == end && was != end &&
        weir_engine_covers(e, WEIR_GROUP_C, by->lane, by->seq))
        weir_engine_raise_floor(e, by->lane, by->seq);
    if ((weir_vector_get(&c->folded, lane) | ENGINE_FOLDED) == end)
        return;
    unfold(e, lane);
    weir_vector_forget(&c->final, lane);
    if (weir_vector_raise(&c->final, lane, end) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    mark_lane_dirty(e, c, lane);
}

bool weir_engine_show(struct weir_engine *e, const struct weir_vector *v,
                      const struct weir_vector *to, struct weir_vector *ret)
{
    const struct weir_vector *folded = &e->group[WEIR_GROUP_C].folded;
    enum weir_err err = weir_vector_copy(ret, v);

    for (size_t i = 0; i < folded->num && err == WEIR_OK; i++)
        if (to == NULL || weir_vector_get(to, folded->items[i].lane) > 0)
            err = weir_vector_raise(ret, folded->items[i].lane, folded->items[i].seq);
    if (err < 0) {
        weir_vector_deinit(ret);
        weir_engine_fail(e, WEIR_ENOMEM);
    }
    return err == WEIR_OK;
}
