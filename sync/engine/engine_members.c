/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_members.c - the engine's side of sync/members/members.h: feeds it records, handshakes and
 * heartbeats, and cuts off nodes that live twice (R13) or were evicted.
 */
#include "sync/engine/engine_members.h"

#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/hlc.h"

#define ECHOES 8 /* of one heartbeat, while every node hears every other */

bool weir_engine_relays(const struct weir_engine *e)
{
    return e->cfg.relay ||
           (e->members != NULL && weir_members_joined(e->members) > WEIR_OVERLAY_MESH);
}

static uint64_t clamped_wall_ms(const struct weir_engine *e)
{
    return weir_hlc_ms(weir_hlc_of_ms(e->wall_ms));
}

/* -- cutting off -- */

static bool act_on_admission(struct weir_engine *e, uint32_t link,
                             enum weir_members_admission admission,
                             const uint8_t younger[WEIR_INCARNATION_LEN])
{
    const struct engine_link *l = e->links[link];
    uint8_t node[WEIR_NODE_ID_LEN];

    memcpy(node, l->node, WEIR_NODE_ID_LEN);
    switch (admission) {
    case WEIR_MEMBERS_FINE:
    case WEIR_MEMBERS_FULL:
        return true;
    case WEIR_MEMBERS_MYSELF:
        weir_engine_refuse(e, link, WEIR_ALARM_DUPLICATE);
        return false;
    case WEIR_MEMBERS_BARRED:
        weir_engine_refuse(e, link, WEIR_ALARM_EVICTED);
        return false;
    case WEIR_MEMBERS_DUPLICATE:
        for (uint32_t i = 0; i < e->num_links; i++) {
            const struct engine_link *other = engine_handshake_done(e, i);
            if (other != NULL && memcmp(other->node, node, WEIR_NODE_ID_LEN) == 0 &&
                memcmp(other->incarnation, younger, WEIR_INCARNATION_LEN) == 0)
                weir_engine_refuse(e, i, WEIR_ALARM_DUPLICATE);
        }
        return engine_handshake_done(e, link) != NULL;
    }
    WEIR_UNREACHABLE();
}

bool weir_engine_members_up(struct weir_engine *e, uint32_t link)
{
    const struct engine_link *l = e->links[link];
    uint8_t younger[WEIR_INCARNATION_LEN];

    if (e->members == NULL)
        return true;
    enum weir_members_admission admission =
        weir_members_link_up(e->members, l->node, l->incarnation, younger);
    return act_on_admission(e, link, admission, younger);
}

/* -- records -- */

static void apply_member_record(struct weir_engine *e, const struct weir_stored_record *rec)
{
    if (rec->rec.tombstone) {
        weir_members_remove(e->members, rec->rec.key);
        return;
    }
    enum weir_err err = weir_members_put(e->members, rec->rec.key, rec->rec.value);
    if (err == WEIR_ENOMEM) /* else the member is unknown until a record of class MEMBER changes */
        weir_engine_fail(e, err);
    else if (err < 0) /* its contents are not used; the record itself stays and is replicated */
        engine_count(e, WEIR_COUNT_MEMBERS_BAD, 1);
}

static void load_member_records(struct weir_engine *e)
{
    struct weir_record_store *records = e->group[WEIR_GROUP_C].records;
    struct weir_stored_record rec;
    uint8_t after[WEIR_KEY_MAX];
    size_t after_len = 0;

    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return;
    while (e->turn_err == WEIR_OK) { /* a damaged record that cannot be dropped fails the turn */
        enum weir_err err =
            records->ops->next_key(records, WEIR_CLASS_MEMBER, weir_span(after, after_len), &rec);
        if (err == WEIR_ENOTFOUND)
            return;
        if (err == WEIR_ECORRUPT) {
            weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
            continue;
        }
        if (err < 0) {
            weir_engine_fail(e, err);
            return;
        }
        apply_member_record(e, &rec);
        after_len = rec.rec.key.len;
        memcpy(after, rec.rec.key.at, after_len);
    }
}

/* I14: cut the links of evicted nodes. */
static void cut_evicted(struct weir_engine *e)
{
    if (weir_members_count(e->members, WEIR_MEMBERS_EVICTED) == 0)
        return;
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        const struct weir_members_item *m =
            l != NULL ? weir_members_find(e->members, l->node) : NULL;
        if (m != NULL && m->life == WEIR_MEMBERS_EVICTED)
            weir_engine_refuse(e, i, WEIR_ALARM_EVICTED);
    }
}

/* @return false: no memory; the next tick tries again */
static bool create_members(struct weir_engine *e)
{
    struct weir_members_config cfg = {
        .schema_max = e->cfg.schema_max,
        .mono_us = e->mono_us,
    };

    memcpy(cfg.node, e->cfg.node, WEIR_NODE_ID_LEN);
    memcpy(cfg.incarnation, e->incarnation, WEIR_INCARNATION_LEN);
    if (weir_members_new(&cfg, &e->members) < 0)
        return false;
    e->members_changed = true;
    for (uint32_t i = 0; i < e->num_links; i++)
        if (engine_handshake_done(e, i) != NULL)
            (void)!weir_engine_members_up(e, i);
    return true;
}

void weir_engine_members_tick(struct weir_engine *e)
{
    if (e->members == NULL && !create_members(e))
        return;
    weir_members_tick(e->members, e->mono_us, clamped_wall_ms(e));
    if (!e->members_changed || e->unloaded || e->turn_err < 0)
        return;
    e->members_changed = false;
    e->away_us = e->mono_us;
    load_member_records(e);
    cut_evicted(e);
}

/* R10 asks all nodes that were ever members. One that left may have passed on records that it
 * alone had met, and responds no more, so after that each start draws a new lane. A store that
 * was rolled back may not know all members, so one session must have been completed before. A
 * node that knows no other member may have been rolled back to when it was alone. */
bool weir_engine_members_confirm(const struct weir_engine *e)
{
    unsigned num = 0;

    if (e->members == NULL || !e->has_pulled)
        return false;
    for (size_t i = 0; i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        bool confirms = false;
        if (m->life == WEIR_MEMBERS_STRANGER || memcmp(m->node, e->cfg.node, WEIR_NODE_ID_LEN) == 0)
            continue;
        for (uint32_t j = 0; j < e->num_links && !confirms; j++) {
            const struct engine_link *l = engine_handshake_done(e, j);
            confirms = l != NULL && l->confirmed == e->lane_number &&
                       memcmp(l->node, m->node, WEIR_NODE_ID_LEN) == 0;
        }
        if (!confirms)
            return false;
        num++;
    }
    return num > 0;
}

/* -- votes -- */

bool weir_engine_is_repeated(const struct weir_engine *e, uint32_t link)
{
    for (uint32_t i = 0; i < link; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l != NULL && memcmp(l->node, e->links[link]->node, WEIR_NODE_ID_LEN) == 0)
            return true;
    }
    return false;
}

static bool is_joined(const struct weir_members_item *m)
{
    return m != NULL && m->life >= WEIR_MEMBERS_ALIVE && m->life <= WEIR_MEMBERS_LOST;
}

/* Members with records, beside this node. */
static unsigned num_recorded(const struct weir_engine *e)
{
    unsigned num = 0;

    for (size_t i = 0; e->members != NULL && i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        num += is_joined(m) && memcmp(m->node, e->cfg.node, WEIR_NODE_ID_LEN) != 0;
    }
    return num;
}

unsigned weir_engine_members_others(const struct weir_engine *e)
{
    unsigned recorded = num_recorded(e);
    unsigned connected = 0;

    for (uint32_t i = 0; i < e->num_links; i++)
        connected += engine_handshake_done(e, i) != NULL && !weir_engine_is_repeated(e, i);
    return recorded > 0 ? recorded : connected;
}

bool weir_engine_members_votes(const struct weir_engine *e, const struct engine_link *l)
{
    return num_recorded(e) == 0 || is_joined(weir_members_find(e->members, l->node));
}

/* -- heartbeats -- */

bool weir_engine_members_heard(struct weir_engine *e, uint32_t link, const Weir__V1__Heartbeat *h)
{
    uint8_t younger[WEIR_INCARNATION_LEN];
    struct weir_members_heartbeat heartbeat = {
        .node = h->node.data,
        .incarnation = h->incarnation.data,
        .n = h->n,
        .load = h->load,
        .state = h->state,
        .schema_max = (uint16_t)h->schema_max,
    };

    if (e->members == NULL)
        return true;
    if (!act_on_admission(e, link, weir_members_heard(e->members, &heartbeat, younger), younger))
        return false;
    for (size_t i = 0; i < h->n_echo; i++) {
        struct weir_members_echo echo = { .n = h->echo[i]->n, .held_us = h->echo[i]->held_us };
        memcpy(echo.node, h->echo[i]->node.data, WEIR_NODE_ID_LEN);
        if (memcmp(echo.node, e->cfg.node, WEIR_NODE_ID_LEN) == 0)
            weir_members_echoed(e->members, heartbeat.node, &echo, h->wall_ms);
        else
            weir_members_vouched(e->members, heartbeat.node, &echo);
    }
    return true;
}

bool weir_engine_members_gossip(struct weir_engine *e, Weir__V1__Heartbeat *m)
{
    size_t max =
        weir_engine_relays(e) && e->members != NULL ? weir_members_num(e->members) : ECHOES;

    if (e->members == NULL)
        return true;
    weir_members_sent(e->members, m->n);
    if (max > WEIR_MEMBERS_MAX)
        max = WEIR_MEMBERS_MAX;
    struct weir_members_echo *echo = weir_engine_alloc(e, (max + 1) * sizeof(*echo));
    Weir__V1__Echo *msg = weir_engine_alloc(e, (max + 1) * sizeof(*msg));
    m->echo = weir_engine_alloc(e, (max + 1) * sizeof(Weir__V1__Echo *));
    if (echo == NULL || msg == NULL || m->echo == NULL)
        return false;
    m->n_echo = weir_members_digest(e->members, echo, max);
    for (size_t i = 0; i < m->n_echo; i++) {
        weir__v1__echo__init(&msg[i]);
        msg[i].has_node = msg[i].has_n = msg[i].has_held_us = 1;
        msg[i].node = (ProtobufCBinaryData){ .len = WEIR_NODE_ID_LEN, .data = echo[i].node };
        msg[i].n = echo[i].n;
        msg[i].held_us = echo[i].held_us;
        m->echo[i] = &msg[i];
    }
    return true;
}
