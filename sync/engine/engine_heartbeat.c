/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_heartbeat.c - heartbeats: where this node's own lanes end, a hash of the vector, and sums
 * for the audit. Whatever was lost on the way shows here, a second later at most.
 */
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/hlc.h"

#define STATE_MOTION 0x100
#define DOUBT_US     100000 /* by then this node should have what two peers have */

/* Where this node's lane ends as far as it was published; the rest has not been sent yet. */
static uint64_t last_published_seq(const struct engine_group *g)
{
    const struct engine_pub *p = &g->pub;

    for (size_t i = 0; i < p->num; i++) {
        const struct weir_version *v = &p->recs[i]->rec.version;
        if (memcmp(v->lane, g->meta.lane, WEIR_LANE_LEN) == 0)
            return v->seq - 1;
    }
    return g->meta.seq;
}

static bool add_own_lanes(struct weir_engine *e, Weir__V1__Heartbeat *m)
{
    struct weir_vector own = WEIR_VECTOR_ZERO;
    enum weir_err err = WEIR_OK;

    for (unsigned g = 0; g < WEIR_GROUP_COUNT && err == WEIR_OK; g++)
        err = weir_vector_raise(&own, e->group[g].meta.lane, last_published_seq(&e->group[g]));
    if (err < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    m->own = weir_engine_lanes(e, &own);
    m->n_own = m->own != NULL ? own.num : 0;
    weir_vector_deinit(&own);
    return e->turn_err == WEIR_OK;
}

static bool add_sums(struct weir_engine *e, Weir__V1__Heartbeat *m)
{
    static const struct weir_sum zero;
    ProtobufCBinaryData *list = weir_engine_alloc(e, ENGINE_CLASS_NUM * sizeof(*list));
    size_t num = 0;

    if (list == NULL)
        return false;
    for (unsigned class = 0; class < ENGINE_CLASS_NUM; class ++) {
        const struct weir_sums *s = e->sums[class];
        if (s == NULL || weir_sum_eq(s->total, zero))
            continue;
        uint8_t *at = weir_engine_alloc(e, 1 + WEIR_SUM_LEN);
        if (at == NULL)
            return false;
        at[0] = (uint8_t) class;
        weir_sum_pack(s->total, at + 1);
        list[num++] = (ProtobufCBinaryData){ .len = 1 + WEIR_SUM_LEN, .data = at };
    }
    m->sum = list;
    m->n_sum = num;
    return true;
}

void weir_engine_heartbeat(struct weir_engine *e)
{
    Weir__V1__Heartbeat m;

    if (e->mono_us < e->heartbeat_at)
        return;
    e->heartbeat_at = e->mono_us + e->cfg.intervals.heartbeat_us;
    if (e->unloaded)
        return;
    weir__v1__heartbeat__init(&m);
    m.has_node = m.has_incarnation = m.has_n = m.has_vv_hash = m.has_ban_hash = 1;
    m.node.len = WEIR_NODE_ID_LEN;
    m.node.data = e->cfg.node;
    m.incarnation.len = WEIR_INCARNATION_LEN;
    m.incarnation.data = e->incarnation;
    m.n = e->heartbeat_n > 0 ? e->heartbeat_n + 1
                             : e->wall_ms + 1; /* goes on counting over a restart */
    e->heartbeat_n = m.n;
    m.vv_hash = weir_engine_hash(e, WEIR_GROUP_C);
    m.ban_hash = weir_engine_hash(e, WEIR_GROUP_E);
    m.has_folded_hash = 1;
    m.folded_hash = weir_vector_hash(&e->group[WEIR_GROUP_C].folded);
    m.has_wall_ms = m.has_schema_max = m.has_state = 1;
    m.wall_ms = weir_hlc_ms(weir_hlc_of_ms(e->wall_ms));
    m.schema_max = e->cfg.schema_max;
    bool in_motion = weir_engine_in_motion(e);
    m.state = (uint32_t)weir_engine_state(e) | (in_motion ? STATE_MOTION : 0);
    if (!add_own_lanes(e, &m) || !weir_engine_members_gossip(e, &m) ||
        !weir_engine_active_publish(e, &m) || (!in_motion && !add_sums(e, &m)))
        return;
    weir_engine_send(e, WEIR_ENGINE_NO_LINK, WEIR_FRAME_HEARTBEAT, &m.base);
}

/* Did another peer report the same hash while this node's vector was the same? */
static bool has_second_witness(const struct weir_engine *e, uint32_t link, enum weir_group g,
                               uint64_t theirs, uint64_t ours)
{
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l != NULL && i != link && l->hash[g] == theirs && l->our_hash[g] == ours)
            return true;
    }
    return false;
}

/* The peer has what this node has. It may not have folded the same lanes yet. */
static void note_equal(struct weir_engine *e, uint32_t link, uint64_t folded_hash)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct engine_link *l = e->links[link];
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    if (folded_hash == weir_vector_hash(&c->folded)) {
        if (!weir_vector_eq(&l->vv, &c->vv) && weir_vector_copy(&l->vv, &c->vv) < 0)
            weir_engine_fail(e, WEIR_ENOMEM);
        return;
    }
    if (weir_engine_show(e, &c->vv, &l->vv, &vv) && weir_vector_copy(&l->vv, &vv) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    weir_vector_deinit(&vv);
}

/* A hash that differs in two heartbeats of a peer, with both sides unchanged, is no change on its
 * way: pull. A hash that two peers report is none either, unless their records arrive a moment
 * later. */
static void compare_hash(struct weir_engine *e, uint32_t link, enum weir_group g, uint64_t theirs)
{
    struct engine_link *l = e->links[link];
    uint64_t ours = weir_engine_hash(e, g);

    if (theirs == ours) {
        l->hash[g] = 0;
        return;
    }
    if (l->hash[g] == theirs && l->our_hash[g] == ours) {
        weir_engine_want_pull(e, link, g, e->mono_us);
    } else if (l->want_us[g] == ENGINE_NEVER && has_second_witness(e, link, g, theirs, ours)) {
        weir_engine_want_pull(e, link, g, e->mono_us + DOUBT_US);
        l->is_doubt[g] = true;
    }
    l->hash[g] = theirs;
    l->our_hash[g] = ours;
}

void weir_engine_on_heartbeat(struct weir_engine *e, uint32_t link, const Weir__V1__Heartbeat *h)
{
    struct engine_link *l = engine_handshake_done(e, link);

    if (l == NULL || memcmp(h->node.data, l->node, WEIR_NODE_ID_LEN) != 0) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    if (memcmp(h->incarnation.data, l->incarnation, WEIR_INCARNATION_LEN) != 0) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        weir_engine_want_hello(e, link); /* another incarnation: wait for its Hello */
        return;
    }
    if (!weir_engine_members_heard(e, link, h))
        return;
    weir_engine_active_heard(e, h);
    if (e->readonly || e->state == WEIR_ENGINE_STALE || l->stale)
        return;
    for (size_t i = 0; i < h->n_own; i++) {
        enum weir_group g = engine_lane_group(h->own[i]->lane.data);
        if (!weir_engine_covers(e, g, h->own[i]->lane.data, h->own[i]->seq))
            weir_engine_want_pull(e, link, g, e->mono_us);
    }
    if (h->vv_hash == weir_engine_hash(e, WEIR_GROUP_C))
        note_equal(e, link, h->folded_hash);
    compare_hash(e, link, WEIR_GROUP_C, h->vv_hash);
    compare_hash(e, link, WEIR_GROUP_E, h->ban_hash);
    if ((h->state & STATE_MOTION) == 0)
        weir_engine_audit_heartbeat(e, link, h);
}
