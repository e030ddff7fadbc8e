/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_purge.c - drops what is old: tombstones (in group C their dots stay behind in the floor,
 * R9), expired bans, conflicts, and lanes of bans that have no record left.
 */
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define PURGE_MAX 256   /* records of one turn */
#define MORE_US   10000 /* until the next purge when there were more */
#define EXPIRE_US 1000000
#define IDLE_LANES                                                                                 \
    2 /* this many times the age of a ban's tombstone without records, and the lane is dropped */

static void emit_purged(struct weir_engine *e, const struct weir_stored_record *rec)
{
    struct weir_engine_out out = {
        .what = WEIR_OUT_PURGED,
        .link = WEIR_ENGINE_NO_LINK,
        .class = rec->rec.class,
        .key = rec->rec.key,
        .version = rec->rec.version,
        .tombstone = true,
    };

    weir_engine_emit(e, &out, engine_group_of(rec->rec.class));
}

static void raise_floor_to(struct weir_engine *e, const struct weir_version *v)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (!engine_has(e, WEIR_RULE_PURGE_FLOOR))
        return;
    weir_engine_raise_floor(e, v->lane, v->seq);
    if (v->hlc > c->meta.hlc_floor) {
        c->meta.hlc_floor = v->hlc;
        c->meta_dirty = true;
    }
}

/* One tombstone that is old enough. @return whether there may be more */
static bool purge_tombstone(struct weir_engine *e, enum weir_group g, uint64_t until_ms)
{
    struct engine_group *group = &e->group[g];
    struct weir_stored_record rec;

    enum weir_err err = group->records->ops->next_tombstone(group->records, until_ms, &rec);
    if (err == WEIR_ENOTFOUND)
        return false;
    if (err == WEIR_ECORRUPT) {
        weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
        return true;
    }
    if (err < 0) {
        weir_engine_fail(e, err);
        return false;
    }
    /* Not covered yet: it came in a session that is not complete. */
    const struct weir_version v = rec.rec.version;
    if (v.seq > weir_engine_reach(e, g, v.lane))
        return false;
    emit_purged(e, &rec);
    weir_engine_active_purged(e, &rec);
    weir_engine_drop(e, &rec);
    if (g == WEIR_GROUP_C)
        raise_floor_to(e, &v);
    engine_count(e, WEIR_COUNT_PURGED, 1);
    return e->turn_err == WEIR_OK;
}

static bool purge_group(struct weir_engine *e, enum weir_group g, uint64_t age_ms)
{
    unsigned num = 0;

    if (e->wall_ms < age_ms || !weir_engine_begin(e, g))
        return false;
    while (num < PURGE_MAX && purge_tombstone(e, g, e->wall_ms - age_ms))
        num++;
    return num == PURGE_MAX;
}

static bool expire_bans(struct weir_engine *e)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_E].records;
    struct weir_stored_record rec;
    unsigned num = 0;

    for (; num < PURGE_MAX && weir_engine_begin(e, WEIR_GROUP_E); num++) {
        enum weir_err err = records->ops->next_expired(records, e->wall_ms / 1000, &rec);
        if (err == WEIR_ENOTFOUND)
            return false;
        if (err == WEIR_ECORRUPT) {
            weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
            continue;
        }
        if (err < 0) {
            weir_engine_fail(e, err);
            return false;
        }
        weir_engine_drop(e, &rec);
        engine_count(e, WEIR_COUNT_EXPIRED, 1);
    }
    return num == PURGE_MAX;
}

/* Drop a lane of bans that has had no record for so long that no node can have a copy of one.
 * Checks one lane a turn. */
static void forget_empty_ban_lane(struct weir_engine *e)
{
    struct engine_group *g = &e->group[WEIR_GROUP_E];
    struct weir_stored_record rec;

    if (g->seen.num == 0 || e->turn_err < 0)
        return;
    e->forget_at = e->forget_at + 1 < g->seen.num ? e->forget_at + 1 : 0;
    uint8_t lane[WEIR_LANE_LEN];
    memcpy(lane, g->seen.items[e->forget_at].lane, WEIR_LANE_LEN);
    if (memcmp(lane, g->meta.lane, WEIR_LANE_LEN) == 0 || weir_vector_get(&g->dirty, lane) > 0)
        return;
    enum weir_err err = g->records->ops->next_dot(g->records, lane, 0, &rec);
    if (err == WEIR_EIO)
        weir_engine_fail(e, err);
    if (err != WEIR_ENOTFOUND) {
        weir_vector_forget(&g->idle, lane);
        return;
    }
    uint64_t since_s = weir_vector_get(&g->idle, lane);
    uint64_t now_s = e->mono_us / 1000000 + 1;
    if (since_s == 0) {
        if (weir_vector_raise(&g->idle, lane, now_s) < 0)
            weir_engine_fail(e, WEIR_ENOMEM);
        return;
    }
    if ((now_s - since_s) * 1000 < IDLE_LANES * e->cfg.intervals.ban_tombstone_ms)
        return;
    err = g->records->ops->drop_lane(g->records, lane);
    if (err < 0)
        weir_engine_fail(e, err);
    weir_vector_forget(&g->idle, lane);
    weir_vector_forget(&g->vv, lane);
    weir_vector_forget(&g->seen, lane);
    for (uint32_t i = 0; i < e->num_links; i++)
        if (e->links[i] != NULL)
            weir_vector_forget(&e->links[i]->given[WEIR_GROUP_E], lane);
}

void weir_engine_purge(struct weir_engine *e)
{
    struct weir_record_store *c = e->group[WEIR_GROUP_C].records;
    const struct weir_engine_intervals *p = &e->cfg.intervals;
    bool has_more = false;

    if (e->mono_us < e->purge_at || !engine_is_live(e) || e->turn_err < 0)
        return;
    has_more |= expire_bans(e);
    forget_empty_ban_lane(e);
    weir_engine_retire_tick(e);
    e->purge_at = e->mono_us + (p->purge_us < EXPIRE_US ? p->purge_us : EXPIRE_US);
    if (e->mono_us >= e->tombstones_at) {
        has_more |= purge_group(e, WEIR_GROUP_C, p->tombstone_ms);
        has_more |= purge_group(e, WEIR_GROUP_E, p->ban_tombstone_ms);
        if (e->wall_ms >= p->conflict_ms && weir_engine_begin(e, WEIR_GROUP_C)) {
            enum weir_err err = c->ops->drop_conflicts(c, e->wall_ms - p->conflict_ms);
            if (err < 0)
                weir_engine_fail(e, err);
        }
        e->tombstones_at = e->mono_us + (has_more ? MORE_US : p->purge_us);
    }
    if (has_more)
        e->purge_at = e->mono_us + MORE_US;
}
