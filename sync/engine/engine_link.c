/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_link.c - Hellos. What each side has and has purged decides whether the two may exchange
 * records (R6) and whether this node may go on writing on its own lane (R10).
 */
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_life.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_turn.h"

#define HELLO_US       1000000  /* at most one Hello a link in this time, other than responses */
#define FLOOR_ALARM_US 10000000 /* a second peer should have stated such a floor by then */
#define RESET_WAIT_US  30000000 /* for another node's reset to end; then this one resets too */
#define HELLO_AGAIN_US                                                                             \
    2000000 /* without a response, while behind, or while not known to be live: send again */

/* -- sending -- */

/* The last sequence number that this node has met in each lane of the peer, waiting batches
 * included. */
static bool collect_seen_lanes(struct weir_engine *e, const uint8_t node[WEIR_NODE_ID_LEN],
                               struct weir_vector *ret)
{
    const struct weir_vector *seen = &e->group[WEIR_GROUP_C].seen;
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; i < seen->num && err == WEIR_OK; i++)
        if (memcmp(seen->items[i].lane, node, WEIR_NODE_ID_LEN) == 0)
            err = weir_vector_raise(ret, seen->items[i].lane, seen->items[i].seq);
    for (const struct engine_waiting_batch *p = e->waiting; p != NULL && err == WEIR_OK;
         p = p->next)
        if (p->group == WEIR_GROUP_C && memcmp(p->lane, node, WEIR_NODE_ID_LEN) == 0)
            err = weir_vector_raise(ret, p->lane, p->last);
    /* The newest lanes may be anywhere in this list, and the message has room for so many. */
    while (ret->num > ENGINE_SEEN_MAX)
        weir_vector_forget(ret, ret->items[0].lane);
    if (err < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    return err == WEIR_OK;
}

static void send_hello(struct weir_engine *e, uint32_t link, bool is_response)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct engine_link *l = e->links[link];
    const struct weir_vector *to = l->wants_all ? NULL : &l->vv;
    struct weir_vector seen = WEIR_VECTOR_ZERO;
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_vector floor = WEIR_VECTOR_ZERO;
    Weir__V1__Hello m;

    l->hello_us = e->mono_us + HELLO_US;
    weir__v1__hello__init(&m);
    m.has_cluster = m.has_node = m.has_incarnation = 1;
    m.cluster.len = e->cfg.cluster.len;
    m.cluster.data = e->cluster;
    m.node.len = WEIR_NODE_ID_LEN;
    m.node.data = e->cfg.node;
    m.incarnation.len = WEIR_INCARNATION_LEN;
    m.incarnation.data = e->incarnation;
    m.has_wire_max = m.has_wire_min = m.has_schema_max = 1;
    m.wire_max = WEIR_FRAME_VERSION;
    m.wire_min = WEIR_FRAME_VERSION_MIN;
    m.schema_max = e->cfg.schema_max;
    m.has_live = 1;
    m.live = engine_is_live(e);
    m.has_all = m.all = e->lacks_end;
    m.has_met = m.met = l->handshake_done;
    m.has_response = is_response;
    m.response = is_response;
    /* Who misses a part of a folded lane has missed purges of it: they are not told apart. */
    if (weir_engine_show(e, &c->vv, to, &vv) &&
        (to != NULL || weir_engine_show(e, &c->floor, NULL, &floor)) &&
        collect_seen_lanes(e, l->node, &seen)) {
        const struct weir_vector *shown = to != NULL ? &c->floor : &floor;
        m.vv = weir_engine_lanes(e, &vv);
        m.n_vv = m.vv != NULL ? vv.num : 0;
        m.floor = weir_engine_lanes(e, shown);
        m.n_floor = m.floor != NULL ? shown->num : 0;
        m.seen = weir_engine_lanes(e, &seen);
        m.n_seen = m.seen != NULL ? seen.num : 0;
        weir_engine_send(e, link, WEIR_FRAME_HELLO, &m.base);
    }
    weir_vector_deinit(&floor);
    weir_vector_deinit(&vv);
    weir_vector_deinit(&seen);
}

/* The floor rose: ask each peer that is not known to be above it where it stands. */
static void recheck_peers_after_purge(struct weir_engine *e)
{
    const struct weir_vector *floor = &e->group[WEIR_GROUP_C].floor;

    for (uint32_t i = 0; i < e->num_links; i++) {
        struct engine_link *l = engine_handshake_done(e, i);
        if (l == NULL || !l->live || !engine_has(e, WEIR_RULE_STALE_PEER))
            continue;
        l->behind = weir_vector_is_stale(&l->vv, floor);
        if (l->behind)
            weir_engine_want_hello(e, i);
    }
}

void weir_engine_send_hello(struct weir_engine *e)
{
    if (e->floor_rose)
        recheck_peers_after_purge(e);
    for (uint32_t i = 0; i < e->num_links; i++) {
        struct engine_link *l = e->links[i];
        if (l == NULL || !l->up || l->refused)
            continue;
        if (l->response_wanted || (l->hello_wanted && e->mono_us >= l->hello_us)) {
            bool is_response = l->response_wanted && !l->hello_wanted;
            l->response_wanted = false;
            l->hello_wanted = false;
            send_hello(e, i, is_response);
        }
    }
}

void weir_engine_link_tick(struct weir_engine *e)
{
    for (uint32_t i = 0; i < e->num_links; i++) {
        struct engine_link *l = e->links[i];
        if (l == NULL || e->mono_us < l->hello_again_us)
            continue;
        if (!l->handshake_done || !l->live || l->behind || l->stale || e->lacks_end)
            weir_engine_want_hello(e, i);
        l->hello_again_us = e->mono_us + HELLO_AGAIN_US;
    }
}

/* -- receiving -- */

static bool is_acceptable_hello(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h)
{
    const struct engine_link *l = e->links[link];

    if (!weir_span_eq(e->cfg.cluster, weir_span(h->cluster.data, h->cluster.len)) ||
        h->wire_min > WEIR_FRAME_VERSION || h->wire_max < WEIR_FRAME_VERSION_MIN) {
        weir_engine_refuse(e, link, WEIR_ALARM_CLUSTER);
        return false;
    }
    if (memcmp(h->node.data, e->cfg.node, WEIR_NODE_ID_LEN) == 0) {
        weir_engine_refuse(e, link, WEIR_ALARM_DUPLICATE);
        return false;
    }
    if (memcmp(h->node.data, l->node, WEIR_NODE_ID_LEN) != 0) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1); /* not the node that the transport named */
        return false;
    }
    return true;
}

/* R10: has the peer more of this node's own lane than this node has? */
static void confirm_own_lane(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h)
{
    struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct engine_link *l = e->links[link];
    uint64_t most = weir_vector_get(&l->vv, c->meta.lane);

    for (size_t i = 0; i < h->n_seen; i++)
        if (memcmp(h->seen[i]->lane.data, c->meta.lane, WEIR_LANE_LEN) == 0 &&
            h->seen[i]->seq > most)
            most = h->seen[i]->seq;
    /* A peer that has folded the lane shows it only when it knows that this node has not (R14). */
    if (most > c->meta.seq)
        weir_engine_lane_lost(e, WEIR_GROUP_C, link);
    else if (most > 0 || h->met)
        l->confirmed = e->lane_number;
}

/* R15: is another member alive and about to reset, or not yet complete again? */
static bool is_another_resetting(const struct weir_engine *e)
{
    for (size_t i = 0; e->members != NULL && i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        enum weir_engine_state state = (enum weir_engine_state)(m->state & UINT8_MAX);
        if (m->life == WEIR_MEMBERS_ALIVE && m->heard && /* as this node itself never is */
            (state == WEIR_ENGINE_JOINING || state == WEIR_ENGINE_STALE))
            return true;
    }
    return false;
}

/* R15: two peers state purges that this node missed, or the only other node does. One peer alone
 * may be wrong. */
static bool is_floor_vouched(const struct weir_engine *e)
{
    unsigned num = 0;

    if (!engine_has(e, WEIR_RULE_FLOOR_WITNESS))
        return true;
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        num += l != NULL && l->beyond && !weir_engine_is_repeated(e, i) &&
               weir_engine_members_votes(e, l);
    }
    return num >= (weir_engine_members_others(e) < 2 ? 1 : 2);
}

/* The peer states purges that this node missed. */
static void on_floor_beyond(struct weir_engine *e, uint32_t link)
{
    struct engine_link *l = e->links[link];
    uint64_t for_us = e->mono_us - l->beyond_us;
    bool is_vouched = is_floor_vouched(e);

    if (is_vouched && (for_us >= RESET_WAIT_US || !is_another_resetting(e))) {
        weir_engine_go_stale(e);
    } else if (!is_vouched && for_us >= FLOOR_ALARM_US && !l->floor_told) {
        l->floor_told = true;
        weir_engine_alarm(e, WEIR_ALARM_FLOOR, link);
    }
}

/* R6: has either side missed purges of the other? */
static void compare_floors(struct weir_engine *e, uint32_t link, const struct weir_vector *floor)
{
    const struct engine_group *c = &e->group[WEIR_GROUP_C];
    struct engine_link *l = e->links[link];
    bool both_live = l->live && engine_is_live(e);
    bool is_mine = both_live && engine_has(e, WEIR_RULE_STALE_SELF) &&
                   weir_engine_lacks(e, WEIR_GROUP_C, floor);
    bool is_theirs =
        both_live && engine_has(e, WEIR_RULE_STALE_PEER) && weir_vector_is_stale(&l->vv, &c->floor);

    if (is_mine && is_theirs && !l->split)
        weir_engine_alarm(e, WEIR_ALARM_BOTH_STALE, link);
    if (is_theirs && !l->stale)
        engine_count(e, WEIR_COUNT_STALE_REFUSED, 1);
    if (is_mine && !l->beyond)
        l->beyond_us = e->mono_us;
    l->split = is_mine && is_theirs;
    l->beyond = is_mine;
    l->floor_told = l->floor_told && is_mine;
    l->stale = is_theirs || is_mine;
    l->behind = false;
    if (is_mine && !is_theirs)
        on_floor_beyond(e, link);
}

/* @return false: the link was refused (R13) */
static bool begin_handshake(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h)
{
    struct engine_link *l = e->links[link];
    bool is_new = !l->handshake_done ||
                  memcmp(l->incarnation, h->incarnation.data, WEIR_INCARNATION_LEN) != 0;

    l->live = h->live;
    if (!is_new)
        return true;
    if (l->handshake_done)
        weir_engine_members_down(e, link);
    l->audit_asked = false;
    l->sums_hash = 0;
    l->audit_bad = 0;
    l->confirmed = 0;
    l->hash[WEIR_GROUP_C] = 0;
    l->hash[WEIR_GROUP_E] = 0;
    if (e->acks != NULL)
        weir_acks_forget(e->acks, l->node);
    weir_engine_active_repeat(e); /* the peer has forgotten what it was told, too */
    l->handshake_done = true;
    memcpy(l->incarnation, h->incarnation.data, WEIR_INCARNATION_LEN);
    return weir_engine_members_up(e, link);
}

void weir_engine_on_hello(struct weir_engine *e, uint32_t link, const Weir__V1__Hello *h)
{
    struct engine_link *l = e->links[link];
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    if (l->refused || !is_acceptable_hello(e, link, h))
        return;
    bool was_live = l->handshake_done && l->live;
    if (!begin_handshake(e, link, h))
        return;
    if (!h->response)
        l->response_wanted = true;
    l->wants_all = h->all;
    if (!weir_engine_split(e, WEIR_GROUP_C, h->vv, h->n_vv, &l->vv) ||
        !weir_engine_split(e, WEIR_GROUP_C, h->floor, h->n_floor, &floor))
        return;
    confirm_own_lane(e, link, h);
    if (l->refused) {
        weir_vector_deinit(&floor);
        return;
    }
    if (e->state != WEIR_ENGINE_STALE && !e->readonly)
        compare_floors(e, link, &floor);
    weir_vector_deinit(&floor);
    if (!l->live || l->stale)
        return;
    bool has_more = weir_engine_lacks(e, WEIR_GROUP_C, &l->vv);
    if (has_more || !engine_is_live(e) || !e->has_pulled)
        weir_engine_want_pull(e, link, WEIR_GROUP_C, e->mono_us);
    if (!was_live)
        weir_engine_want_pull(e, link, WEIR_GROUP_E, e->mono_us);
}
