/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_retire.c - rule R14: lanes that nothing is written on any more end, and are folded.
 * A record of class LANE states where a lane ends. The lane's own node writes it, or, when that
 * left or was evicted, the first member that is alive. A node that has more of the lane writes
 * where it ends for itself; one that writes on the lane deletes the record. Once all members that
 * may come back are known to have the lane to that end, and this record, it is written again with
 * ENGINE_FOLDED, and each node that has the lane to the end folds it.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_pull.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"
#include "sync/version/num.h"

#define RETIRE_MAX  64   /* records of one turn */
#define VERIFY_MAX  16   /* records that are looked for in one turn */
#define LANES_FEW   4    /* of a node, that are not folded */
#define LANES_ALARM 1024 /* of all nodes */

/* @param end  with or without ENGINE_FOLDED; 0: the lane goes on. @return whether it was written;
 * if not, the next tick tries again */
static bool write_end(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN], uint64_t end)
{
    uint8_t value[ENGINE_FINAL_LEN];
    struct weir_engine_write w = {
        .class = WEIR_CLASS_LANE,
        .key = weir_span(lane, WEIR_LANE_LEN),
        .value = weir_span(value, end > 0 ? sizeof(value) : 0),
        .delete = end == 0,
    };

    weir_num_write_le(value, end, ENGINE_FINAL_LEN);
    return weir_engine_write_own(e, &w) == WEIR_OK;
}

static bool is_current(const struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN])
{
    return memcmp(lane, e->group[WEIR_GROUP_C].meta.lane, WEIR_LANE_LEN) == 0;
}

/* Is this node the first of the members that are alive? */
static bool is_first(const struct weir_engine *e)
{
    for (size_t i = 0; i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        if (m->life == WEIR_MEMBERS_ALIVE)
            return memcmp(m->node, e->cfg.node, WEIR_NODE_ID_LEN) == 0;
    }
    return false;
}

/* Is it for this node to end the lane? */
static bool may_end(const struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN])
{
    if (is_current(e, lane))
        return false;
    if (memcmp(lane, e->cfg.node, WEIR_NODE_ID_LEN) == 0)
        return true;
    const struct weir_members_item *m = weir_members_find(e->members, lane);
    return m != NULL && (m->life == WEIR_MEMBERS_LEFT || m->life == WEIR_MEMBERS_EVICTED) &&
           is_first(e);
}

/* Do the records of the lane end where the vector does? Behind a gap that no node can fill, those
 * that will come have come when nothing moves any more. */
static bool is_whole(struct weir_engine *e, const struct weir_vector_entry *lane)
{
    return weir_vector_get(&e->group[WEIR_GROUP_C].seen, lane->lane) == lane->seq ||
           !weir_engine_in_motion(e);
}

/* Has the member been heard to have the lane to here and no further, and this version? */
static bool is_known_to(const struct weir_engine *e, const uint8_t node[WEIR_NODE_ID_LEN],
                        const struct weir_vector_entry *lane, const struct weir_version *v)
{
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l != NULL && memcmp(l->node, node, WEIR_NODE_ID_LEN) == 0 &&
            weir_vector_get(&l->vv, lane->lane) == lane->seq &&
            (weir_vector_covers(&l->vv, v->lane, v->seq) ||
             weir_vector_get(&e->group[WEIR_GROUP_C].folded, v->lane) > 0))
            return true;
    }
    return false;
}

/* A member that is lost is not waited for: it will find that it missed the record (R6). */
static bool is_known_to_all(const struct weir_engine *e, const struct weir_vector_entry *lane,
                            const struct weir_version *v)
{
    bool is_member = false;

    for (size_t i = 0; i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        bool is_self = memcmp(m->node, e->cfg.node, WEIR_NODE_ID_LEN) == 0;
        if (m->life < WEIR_MEMBERS_ALIVE || m->life > WEIR_MEMBERS_DOWN)
            continue;
        is_member = is_member || is_self;
        if (!is_self && !is_known_to(e, m->node, lane, v))
            return false;
    }
    return is_member && weir_engine_covers(e, WEIR_GROUP_C, v->lane, v->seq);
}

/* Do all members know the record that ends a lane, and have as much of the lane as this node? */
static bool is_end_known(struct weir_engine *e, const struct weir_vector_entry *lane)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct weir_stored_record rec;

    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return false;
    enum weir_err err = c->records->ops->get(c->records, WEIR_CLASS_LANE,
                                             weir_span(lane->lane, WEIR_LANE_LEN), &rec);
    if (err == WEIR_ENOTFOUND && e->num_damaged == 0)
        weir_vector_forget(&c->final,
                           lane->lane); /* a disk has lost it: end_lanes writes another */
    return err == WEIR_OK && is_known_to_all(e, lane, &rec.rec.version);
}

/* A lane of which a record states the end. @return whether a record was written */
static bool tend_ended(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN], uint64_t end)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct weir_vector_entry has = { .seq = weir_vector_get(&c->vv, lane) };
    uint64_t final = end & ~ENGINE_FOLDED;

    memcpy(has.lane, lane, WEIR_LANE_LEN);
    if (is_current(e, lane) || has.seq > final)
        return write_end(e, lane, is_current(e, lane) ? 0 : has.seq);
    if (has.seq == final && end != final && is_whole(e, &has)) {
        weir_engine_fold(e, lane);
        return false;
    }
    e->lacks_end = e->lacks_end || (end != final && has.seq < final);
    if (!may_end(e, lane) || !is_whole(e, &has) || !is_end_known(e, &has))
        return false;
    return write_end(e, lane, has.seq == final ? end | ENGINE_FOLDED : has.seq);
}

/* End what is not ended yet: once no member is away whose confirmation would let this node go on
 * writing on the lane that it has (R10). */
static unsigned end_lanes(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    unsigned num = 0;

    if (!e->lane_drawn[WEIR_GROUP_C] && weir_engine_is_member_away(e))
        return 0;
    for (size_t i = 0; i < c->vv.num && num < RETIRE_MAX; i++) {
        struct weir_vector_entry lane = c->vv.items[i]; /* the write may move it */
        if (weir_vector_get(&c->final, lane.lane) != 0 || !may_end(e, lane.lane) ||
            !is_whole(e, &lane))
            continue;
        if (!write_end(e, lane.lane, lane.seq))
            break;
        num++;
    }
    return num;
}

/* A record that a disk damaged may be lost everywhere. Nodes that had it have folded the lane. */
static void restore_ends(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct weir_stored_record rec;

    for (unsigned i = 0; i < VERIFY_MAX && i < c->folded.num && e->num_damaged == 0; i++) {
        e->verify_at = e->verify_at + 1 < c->folded.num ? e->verify_at + 1 : 0;
        struct weir_vector_entry lane = c->folded.items[e->verify_at];
        if (!weir_engine_begin(e, WEIR_GROUP_C))
            return;
        enum weir_err err = c->records->ops->get(c->records, WEIR_CLASS_LANE,
                                                 weir_span(lane.lane, WEIR_LANE_LEN), &rec);
        if (err == WEIR_ENOTFOUND)
            (void)!write_end(e, lane.lane, lane.seq | ENGINE_FOLDED);
    }
}

static void check_number(struct weir_engine *e)
{
    const struct weir_vector *vv = &e->group[WEIR_GROUP_C].vv;
    bool are_many = false;

    for (size_t i = LANES_FEW; vv->num > LANES_ALARM && i < vv->num && !are_many; i++)
        are_many = memcmp(vv->items[i - LANES_FEW].lane, vv->items[i].lane, WEIR_NODE_ID_LEN) == 0;
    if (are_many && !e->lanes_told)
        weir_engine_alarm(e, WEIR_ALARM_LANES, WEIR_ENGINE_NO_LINK);
    e->lanes_told = are_many;
}

void weir_engine_retire_tick(struct weir_engine *e)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];

    if (e->members == NULL || e->turn_err < 0)
        return;
    unsigned num = end_lanes(e);
    e->lacks_end = false;
    for (size_t i = c->final.num; i > 0 && num < RETIRE_MAX; i--) {
        struct weir_vector_entry lane = c->final.items[i - 1]; /* it alone may leave the list */
        num += tend_ended(e, lane.lane, lane.seq);
    }
    restore_ends(e);
    check_number(e);
}
