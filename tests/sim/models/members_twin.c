/* SPDX-License-Identifier: Apache-2.0
 *
 * members_twin.c - inputs change nodes, and each scan judges them all anew.
 */
#include "tests/sim/models/members_twin.h"

#include <string.h>

#include "node/base/contract.h"
#include "sync/version/hlc.h"

#define SECOND UINT64_C(1000000) /* us */

/* Ids differ in their first byte, in their last, or in both. */
const uint8_t *weir_twin_id(unsigned node)
{
    static uint8_t ids[WEIR_TWIN_NODES][WEIR_NODE_ID_LEN];

    ids[node][0] = (uint8_t)(node / 4 * 14);
    ids[node][WEIR_NODE_ID_LEN - 1] = (uint8_t)(node % 4 * 85);
    return ids[node];
}

const uint8_t *weir_twin_incarnation(unsigned incarnation)
{
    static uint8_t incarnations[WEIR_TWIN_INCARNATIONS][WEIR_INCARNATION_LEN];

    incarnations[incarnation][0] = (uint8_t)(incarnation / 2 * 7);
    incarnations[incarnation][WEIR_INCARNATION_LEN - 1] = (uint8_t)(incarnation % 2 * 9);
    return incarnations[incarnation];
}

size_t weir_twin_count(const struct weir_twin *t, enum weir_members_life life)
{
    size_t num = 0;

    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++)
        num += t->node[i].is_here && t->node[i].item.life == life;
    return num;
}

size_t weir_twin_joined(const struct weir_twin *t)
{
    size_t num = 0;

    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++)
        num += t->node[i].is_recorded && t->node[i].state == WEIR_MEMBER_JOINED;
    return num;
}

/* A member whose silence means something. */
static bool is_judged(const struct weir_twin *t, unsigned node)
{
    return node != t->me && t->node[node].is_recorded && t->node[node].state == WEIR_MEMBER_JOINED;
}

static struct weir_twin_node *meet(struct weir_twin *t, unsigned node)
{
    struct weir_twin_node *p = &t->node[node];

    if (p->is_here)
        return p;
    memset(p, 0, sizeof(*p));
    p->is_here = true;
    memcpy(p->item.node, weir_twin_id(node), WEIR_NODE_ID_LEN);
    p->item.heard_us = p->direct_us = t->now_us;
    return p;
}

/* -- silence -- */

static bool is_alive(const struct weir_twin *t, unsigned node)
{
    return t->node[node].is_here && t->node[node].item.life == WEIR_MEMBERS_ALIVE;
}

static void find_factor(struct weir_twin *t)
{
    unsigned num = 0;
    unsigned silent = 0;

    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++) {
        if (i == t->me || !t->node[i].is_here ||
            (!is_alive(t, i) && t->node[i].item.life != WEIR_MEMBERS_SUSPECT))
            continue;
        num++;
        silent += t->now_us - t->node[i].direct_us >= 5 * SECOND;
    }
    t->factor = 1;
    if (num >= 2 && silent * 100 > num * 50)
        t->factor = silent == num ? 8 : silent * 100 > num * 75 ? 4 : 2;
}

/* The latest report but `skip` later ones. */
static uint64_t reported_us(const struct weir_twin_node *p, unsigned skip)
{
    uint64_t best[2] = { 0, 0 };

    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++) {
        if (p->reported_us[i] > best[0]) {
            best[1] = best[0];
            best[0] = p->reported_us[i];
        } else if (p->reported_us[i] > best[1]) {
            best[1] = p->reported_us[i];
        }
    }
    return best[skip];
}

static void judge(struct weir_twin *t, unsigned node)
{
    struct weir_twin_node *p = &t->node[node];
    size_t witnesses = 0;

    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++)
        witnesses += i != node && i != t->me && is_alive(t, i);
    uint64_t vouched_us = reported_us(p, witnesses >= 2);
    bool is_vouched = vouched_us > p->item.heard_us;
    if (is_vouched)
        p->item.heard_us = vouched_us;
    uint64_t silent_us = t->now_us - p->item.heard_us;
    enum weir_members_life life = WEIR_MEMBERS_ALIVE;
    if (silent_us >= 5 * SECOND * t->factor)
        life = WEIR_MEMBERS_SUSPECT;
    if (silent_us >= 15 * SECOND * t->factor)
        life = WEIR_MEMBERS_DOWN;
    if (silent_us >= 24 * 3600 * SECOND)
        life = WEIR_MEMBERS_LOST;
    if (is_vouched || life > p->item.life)
        p->item.life = life;
}

static void gather_offsets(struct weir_twin *t)
{
    t->num_offsets = 0;
    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++) {
        size_t at = t->num_offsets;
        if (!is_alive(t, i) || !t->node[i].is_measured ||
            t->now_us - t->node[i].measured_us > 60 * SECOND)
            continue;
        for (; at > 0 && t->offset_ms[at - 1] > t->node[i].offset_ms; at--)
            t->offset_ms[at] = t->offset_ms[at - 1];
        t->offset_ms[at] = t->node[i].offset_ms;
        t->num_offsets++;
    }
}

void weir_twin_tick(struct weir_twin *t, uint64_t now_us, uint64_t wall_ms)
{
    t->now_us = now_us;
    t->wall_ms = wall_ms;
    if (now_us < t->scan_us)
        return;
    t->scan_us = now_us + SECOND / 4;
    find_factor(t);
    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++)
        if (is_judged(t, i))
            judge(t, i);
    for (unsigned i = 0; i < WEIR_TWIN_NODES; i++) {
        struct weir_twin_node *p = &t->node[i];
        p->is_here = p->is_here && (p->is_recorded || p->item.num_links > 0 ||
                                    now_us - p->direct_us < 15 * SECOND);
    }
    gather_offsets(t);
}

/* -- records -- */

void weir_twin_put(struct weir_twin *t, unsigned node, const struct weir_member *rec)
{
    bool was_judged = is_judged(t, node);
    struct weir_twin_node *p = meet(t, node);

    p->is_recorded = true;
    p->state = rec->state;
    p->item.roles = rec->roles;
    memcpy(p->item.key_hash, rec->key_hash, WEIR_MEMBER_KEY_HASH_LEN);
    p->item.zone_len = (uint8_t)rec->zone.len;
    for (size_t i = 0; i < WEIR_MEMBER_ZONE_MAX; i++)
        p->item.zone[i] = i < rec->zone.len ? rec->zone.at[i] : 0;
    if (node == t->me)
        p->item.schema_max = t->schema_max;
    else if (!p->has_heartbeat)
        p->item.schema_max = rec->schema_max;
    if (rec->state == WEIR_MEMBER_LEFT)
        p->item.life = WEIR_MEMBERS_LEFT;
    else if (rec->state == WEIR_MEMBER_EVICTED)
        p->item.life = WEIR_MEMBERS_EVICTED;
    else if (node == t->me)
        p->item.life = WEIR_MEMBERS_ALIVE;
    else if (!was_judged)
        p->item.life = p->item.heard && t->now_us - p->direct_us < 5 * SECOND
                           ? WEIR_MEMBERS_ALIVE
                           : WEIR_MEMBERS_SUSPECT;
}

void weir_twin_remove(struct weir_twin *t, unsigned node)
{
    struct weir_twin_node *p = &t->node[node];

    if (!p->is_recorded)
        return;
    p->is_recorded = false;
    p->is_here = p->item.num_links > 0;
    p->item.life = WEIR_MEMBERS_STRANGER;
    p->item.roles = 0;
    p->item.zone_len = 0;
    memset(p->item.zone, 0, sizeof(p->item.zone));
    memset(p->item.key_hash, 0, sizeof(p->item.key_hash));
}

/* -- hearing -- */

static void begin_life(const struct weir_twin *t, struct weir_twin_life *l, unsigned incarnation)
{
    *l = (struct weir_twin_life){
        .is_heard = true,
        .incarnation = incarnation,
        .first_us = t->now_us,
        .last_us = t->now_us,
    };
}

/* R13: was the first incarnation heard when nothing of a dead one can be on its way any more? */
static bool has_two_lives(const struct weir_twin_node *p)
{
    return p->life[1].is_heard && p->life[0].last_us > p->life[1].first_us + 2 * SECOND;
}

static void end_lives(const struct weir_twin *t, struct weir_twin_node *p)
{
    if (!p->life[1].is_heard)
        return;
    if (t->now_us - p->life[1].last_us > 5 * SECOND) {
        p->life[1].is_heard = false;
        return;
    }
    bool restarted = !has_two_lives(p) && t->now_us - p->life[1].first_us > 4 * SECOND;
    if (restarted || t->now_us - p->life[0].last_us > 5 * SECOND) {
        p->life[0] = p->life[1];
        p->life[1].is_heard = false;
    }
}

/* @param n  0: no heartbeat @return whether it is news */
static bool is_news(const struct weir_twin *t, struct weir_twin_node *p, unsigned incarnation,
                    uint64_t n)
{
    struct weir_twin_life *l = NULL;

    end_lives(t, p);
    if (!p->life[0].is_heard)
        begin_life(t, &p->life[0], incarnation);
    for (unsigned i = 0; i < 2 && l == NULL; i++)
        if (p->life[i].is_heard && p->life[i].incarnation == incarnation)
            l = &p->life[i];
    if (l == NULL) {
        if (p->life[1].is_heard && t->now_us - p->life[1].last_us <= 2 * SECOND)
            return true; /* a third one, of which nothing is noted */
        l = &p->life[1];
        begin_life(t, l, incarnation);
    }
    if (n > 0 && n <= l->n)
        return false;
    l->last_us = t->now_us;
    if (n > 0)
        l->n = n;
    return true;
}

static void note_heard(struct weir_twin *t, unsigned node)
{
    struct weir_twin_node *p = &t->node[node];

    p->item.heard = true;
    p->item.heard_us = p->direct_us = t->now_us;
    if (is_judged(t, node))
        p->item.life = WEIR_MEMBERS_ALIVE;
}

static enum weir_members_admission judge_lives(const struct weir_twin_node *p, unsigned incarnation,
                                               unsigned *ret_younger)
{
    if (!has_two_lives(p))
        return WEIR_MEMBERS_FINE;
    *ret_younger = p->life[0].incarnation == incarnation ? p->life[1].incarnation : incarnation;
    return WEIR_MEMBERS_DUPLICATE;
}

/* What is not about the lives of the sender. */
static enum weir_members_admission admit(struct weir_twin *t, unsigned node, unsigned incarnation)
{
    if (node == t->me)
        return incarnation == t->incarnation ? WEIR_MEMBERS_FINE : WEIR_MEMBERS_MYSELF;
    return meet(t, node)->item.life == WEIR_MEMBERS_EVICTED ? WEIR_MEMBERS_BARRED
                                                            : WEIR_MEMBERS_FINE;
}

enum weir_members_admission weir_twin_heard(struct weir_twin *t, unsigned node,
                                            unsigned incarnation,
                                            const struct weir_members_heartbeat *heartbeat,
                                            unsigned *ret_younger)
{
    struct weir_twin_node *p = &t->node[node];
    enum weir_members_admission admission = admit(t, node, incarnation);

    if (admission != WEIR_MEMBERS_FINE || node == t->me)
        return admission;
    bool news = is_news(t, p, incarnation, heartbeat->n);
    admission = judge_lives(p, incarnation, ret_younger);
    if (!news)
        return admission;
    note_heard(t, node);
    if (heartbeat->n > p->item.n || weir_twin_joined(t) <= 64) {
        p->item.n = heartbeat->n;
        p->n_us = t->now_us;
    }
    if (admission == WEIR_MEMBERS_DUPLICATE && incarnation != p->life[0].incarnation)
        return admission;
    memcpy(p->item.incarnation, weir_twin_incarnation(incarnation), WEIR_INCARNATION_LEN);
    p->item.load = heartbeat->load;
    p->item.state = heartbeat->state;
    p->item.schema_max = heartbeat->schema_max;
    p->has_heartbeat = true;
    return admission;
}

enum weir_members_admission weir_twin_link_up(struct weir_twin *t, unsigned node,
                                              unsigned incarnation, unsigned *ret_younger)
{
    enum weir_members_admission admission = admit(t, node, incarnation);

    if (node == t->me)
        return admission;
    t->node[node].item.num_links++;
    if (admission != WEIR_MEMBERS_FINE)
        return admission;
    is_news(t, &t->node[node], incarnation, 0);
    note_heard(t, node);
    return judge_lives(&t->node[node], incarnation, ret_younger);
}

void weir_twin_link_down(struct weir_twin *t, unsigned node)
{
    if (t->node[node].is_here && t->node[node].item.num_links > 0)
        t->node[node].item.num_links--;
}

void weir_twin_vouched(struct weir_twin *t, unsigned from, unsigned node,
                       const struct weir_members_echo *echo)
{
    struct weir_twin_node *p = &t->node[node];

    if (!is_judged(t, from) || !is_judged(t, node) || from == node)
        return;
    if (weir_twin_joined(t) > 64) {
        if (echo->n > p->item.n) {
            p->item.n = echo->n;
            p->n_us = t->now_us;
            note_heard(t, node);
        }
        return;
    }
    uint64_t at_us = echo->held_us > t->now_us ? 0 : t->now_us - echo->held_us;
    if (at_us > p->reported_us[from])
        p->reported_us[from] = at_us;
}

/* -- clocks -- */

void weir_twin_sent(struct weir_twin *t, uint64_t n)
{
    WEIR_ASSERT(t->num_sent < WEIR_TWIN_SENT);
    t->sent[t->num_sent].n = n;
    t->sent[t->num_sent++].at_us = t->now_us;
}

void weir_twin_echoed(struct weir_twin *t, unsigned from, unsigned node,
                      const struct weir_members_echo *echo, uint64_t wall_ms)
{
    struct weir_twin_node *p = &t->node[from];
    size_t at = t->num_sent;

    if (!p->is_here || from == t->me || node != t->me || wall_ms > WEIR_HLC_MS_MAX)
        return;
    while (at > 0 && t->sent[at - 1].n != echo->n)
        at--;
    if (at == 0 || t->num_sent - at >= 64)
        return;
    uint64_t since_us = t->now_us - t->sent[at - 1].at_us;
    if (echo->held_us > since_us || since_us - echo->held_us > 2 * SECOND)
        return;
    uint64_t then_ms = wall_ms + (since_us - echo->held_us) / 2 / 1000;
    p->is_measured = true;
    p->measured_us = t->now_us;
    p->offset_ms = (int64_t)(t->wall_ms - then_ms);
}

/* -- outputs -- */

bool weir_twin_digest_next(struct weir_twin *t, struct weir_members_echo *ret)
{
    for (unsigned i = 1; i <= WEIR_TWIN_NODES; i++) {
        unsigned node = (t->told + i) % WEIR_TWIN_NODES;
        struct weir_twin_node *p = &t->node[node];
        if (!p->is_here || p->item.n == p->n_told)
            continue;
        *ret = (struct weir_members_echo){ .n = p->item.n, .held_us = t->now_us - p->n_us };
        memcpy(ret->node, weir_twin_id(node), WEIR_NODE_ID_LEN);
        p->n_told = p->item.n;
        t->told = node;
        return true;
    }
    return false;
}
