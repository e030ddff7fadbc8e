/* SPDX-License-Identifier: Apache-2.0
 *
 * members_inputs.c - records, links, heartbeats and echoes enter the table of nodes. What follows
 * from silence is in members_judge.c.
 */
#include <string.h>

#include "sync/members/members_judge.h"
#include "sync/members/members_table.h"
#include "sync/version/hlc.h"

/* So long after a younger incarnation was first heard, no heartbeat of a dead one is
 * still on its way. */
#define PROOF_US (WEIR_MEMBERS_SUSPECT_US * 2 / 5)

/* Are there too many members for each to hear every other? */
static bool uses_gossip(const struct weir_members *m)
{
    return weir_members_joined(m) > WEIR_OVERLAY_MESH;
}

/* Is it judged by its silence? */
static bool is_judged(const struct weir_members *m, const struct members_entry *e)
{
    return weir_members_entry_kind(m, e) == WEIR_MEMBERS_SUSPECT;
}

void weir_members_tick(struct weir_members *m, uint64_t mono_us, uint64_t wall_ms)
{
    WEIR_ASSERT(mono_us >= m->now_us);
    WEIR_ASSERT(wall_ms <= WEIR_HLC_MS_MAX);
    m->now_us = mono_us;
    m->wall_ms = wall_ms;
    weir_members_scan(m);
}

void weir_members_reborn(struct weir_members *m, const uint8_t incarnation[WEIR_INCARNATION_LEN])
{
    memcpy(m->cfg.incarnation, incarnation, WEIR_INCARNATION_LEN);
}

/* A record of a node that may have been judged before, or heard as a stranger. */
static void apply_record(struct weir_members *m, struct members_entry *e,
                         const struct weir_member *rec)
{
    bool was_judged = is_judged(m, e);

    m->num_recorded += !e->recorded;
    e->recorded = true;
    e->state = rec->state;
    e->item.roles = rec->roles;
    memcpy(e->item.key_hash, rec->key_hash, sizeof(e->item.key_hash));
    memset(e->item.zone, 0, sizeof(e->item.zone));
    if (rec->zone.len > 0)
        memcpy(e->item.zone, rec->zone.at, rec->zone.len);
    e->item.zone_len = (uint8_t)rec->zone.len;
    if (!e->has_heartbeat)
        e->item.schema_max = rec->schema_max;
    if (weir_members_entry_is_me(m, e))
        e->item.schema_max = m->cfg.schema_max;
    if (!is_judged(m, e))
        weir_members_entry_move(m, e, weir_members_entry_kind(m, e));
    else if (!was_judged)
        weir_members_entry_move(m, e,
                                e->item.heard && m->now_us - e->direct_us < WEIR_MEMBERS_SUSPECT_US
                                    ? WEIR_MEMBERS_ALIVE
                                    : WEIR_MEMBERS_SUSPECT);
}

enum weir_err weir_members_put(struct weir_members *m, struct weir_span key, struct weir_span value)
{
    struct weir_member rec;
    struct members_entry *e;

    enum weir_err err = weir_member_unpack(key, value, &rec);
    if (err < 0)
        return err;
    e = weir_members_entry_find(m, rec.node);
    if ((e == NULL || !e->recorded) && m->num_recorded >= WEIR_MEMBERS_MAX)
        return WEIR_ELIMIT;
    if (e == NULL)
        err = weir_members_entry_add(m, rec.node, &e);
    if (err < 0)
        return err;
    apply_record(m, e, &rec);
    return WEIR_OK;
}

void weir_members_remove(struct weir_members *m, struct weir_span key)
{
    struct members_entry *e =
        key.len == WEIR_NODE_ID_LEN ? weir_members_entry_find(m, key.at) : NULL;

    if (e == NULL || !e->recorded)
        return;
    m->num_recorded--;
    weir_members_entry_move(m, e, WEIR_MEMBERS_STRANGER);
    e->recorded = false;
    e->item.roles = 0;
    e->item.zone_len = 0;
    memset(e->item.zone, 0, sizeof(e->item.zone));
    memset(e->item.key_hash, 0, sizeof(e->item.key_hash));
    if (e->item.num_links == 0)
        weir_members_entry_drop(m, e);
}

static bool is_incarnation(const struct members_life *l, const uint8_t *incarnation)
{
    return memcmp(l->incarnation, incarnation, WEIR_INCARNATION_LEN) == 0;
}

static void begin_life(struct members_life *l, const uint8_t *incarnation, uint64_t now_us)
{
    *l = (struct members_life){ .used = true, .first_us = now_us };
    memcpy(l->incarnation, incarnation, WEIR_INCARNATION_LEN);
}

/* R13: were both heard, the older one well after the younger had come? */
static bool is_duplicate(const struct members_entry *e)
{
    return e->younger.used && e->older.last_us > e->younger.first_us + PROOF_US;
}

/* Drop the incarnation that ended: the older one, when the node restarted. */
static void drop_ended_incarnation(const struct weir_members *m, struct members_entry *e)
{
    bool was_restart = e->older.last_us <= e->younger.first_us + PROOF_US &&
                       m->now_us - e->younger.first_us > 2 * PROOF_US;

    if (!e->younger.used)
        return;
    if (m->now_us - e->younger.last_us > WEIR_MEMBERS_SUSPECT_US) {
        e->younger = (struct members_life){ 0 };
    } else if (was_restart || m->now_us - e->older.last_us > WEIR_MEMBERS_SUSPECT_US) {
        e->older = e->younger;
        e->younger = (struct members_life){ 0 };
    }
}

/* The incarnation that was heard, found or begun. NULL: a third one, while it is not known which
 * of two lives. */
static struct members_life *life_of(const struct weir_members *m, struct members_entry *e,
                                    const uint8_t *incarnation)
{
    if (!e->older.used)
        begin_life(&e->older, incarnation, m->now_us);
    if (is_incarnation(&e->older, incarnation))
        return &e->older;
    if (!e->younger.used ||
        (!is_incarnation(&e->younger, incarnation) && m->now_us - e->younger.last_us > PROOF_US))
        begin_life(&e->younger, incarnation, m->now_us);
    return is_incarnation(&e->younger, incarnation) ? &e->younger : NULL;
}

/* Note that an incarnation was heard. @param n  0: by its link @return whether the heartbeat is
 * new */
static bool note_life(struct weir_members *m, struct members_entry *e, const uint8_t *incarnation,
                      uint64_t n)
{
    drop_ended_incarnation(m, e);
    struct members_life *l = life_of(m, e, incarnation);
    if (l == NULL)
        return true;
    if (n != 0 && n <= l->n)
        return false; /* it came already */
    l->last_us = m->now_us;
    l->n = n > l->n ? n : l->n;
    return true;
}

/* R13, about the sender of `incarnation`. */
static enum weir_members_admission
judge_incarnations(const struct members_entry *e, const uint8_t *incarnation, uint8_t *ret_younger)
{
    if (!is_duplicate(e))
        return WEIR_MEMBERS_FINE;
    memcpy(ret_younger,
           is_incarnation(&e->older, incarnation) ? e->younger.incarnation : incarnation,
           WEIR_INCARNATION_LEN);
    return WEIR_MEMBERS_DUPLICATE;
}

/* The node itself was heard. */
static void note_heard(struct weir_members *m, struct members_entry *e)
{
    e->direct_us = m->now_us;
    e->item.heard_us = m->now_us;
    e->item.heard = true;
    if (is_judged(m, e))
        weir_members_entry_move(m, e, WEIR_MEMBERS_ALIVE);
}

/* The entry of the sender, and whether it may be heard. */
static enum weir_members_admission admit_sender(struct weir_members *m, const uint8_t *node,
                                                const uint8_t *incarnation,
                                                struct members_entry **ret)
{
    if (memcmp(node, m->cfg.node, WEIR_NODE_ID_LEN) == 0)
        return memcmp(incarnation, m->cfg.incarnation, WEIR_INCARNATION_LEN) == 0
                   ? WEIR_MEMBERS_FINE
                   : WEIR_MEMBERS_MYSELF;
    *ret = weir_members_entry_find(m, node);
    if (*ret == NULL && (m->count[WEIR_MEMBERS_STRANGER] >= WEIR_STRANGERS_MAX ||
                         weir_members_entry_add(m, node, ret) < 0))
        return WEIR_MEMBERS_FULL;
    return weir_members_entry_kind(m, *ret) == WEIR_MEMBERS_EVICTED ? WEIR_MEMBERS_BARRED
                                                                    : WEIR_MEMBERS_FINE;
}

enum weir_members_admission weir_members_heard(struct weir_members *m,
                                               const struct weir_members_heartbeat *heartbeat,
                                               uint8_t ret_younger[WEIR_INCARNATION_LEN])
{
    struct members_entry *e = NULL;
    enum weir_members_admission admission =
        admit_sender(m, heartbeat->node, heartbeat->incarnation, &e);

    if (admission != WEIR_MEMBERS_FINE || e == NULL)
        return admission;
    bool is_newer = note_life(m, e, heartbeat->incarnation, heartbeat->n);
    admission = judge_incarnations(e, heartbeat->incarnation, ret_younger);
    if (!is_newer)
        return admission;
    note_heard(m, e);
    if (heartbeat->n > e->item.n || !uses_gossip(m)) {
        e->item.n = heartbeat->n;
        e->n_us = m->now_us;
    }
    if (admission == WEIR_MEMBERS_DUPLICATE && !is_incarnation(&e->older, heartbeat->incarnation))
        return admission; /* a clone's state is not the state of the node */
    memcpy(e->item.incarnation, heartbeat->incarnation, WEIR_INCARNATION_LEN);
    e->item.load = heartbeat->load;
    e->item.state = heartbeat->state;
    e->item.schema_max = heartbeat->schema_max;
    e->has_heartbeat = true;
    return admission;
}

enum weir_members_admission weir_members_link_up(struct weir_members *m,
                                                 const uint8_t node[WEIR_NODE_ID_LEN],
                                                 const uint8_t incarnation[WEIR_INCARNATION_LEN],
                                                 uint8_t ret_younger[WEIR_INCARNATION_LEN])
{
    struct members_entry *e = NULL;
    enum weir_members_admission admission = admit_sender(m, node, incarnation, &e);

    if (e == NULL)
        return admission;
    e->item.num_links++;
    if (admission != WEIR_MEMBERS_FINE)
        return admission;
    (void)note_life(m, e, incarnation, 0);
    note_heard(m, e);
    return judge_incarnations(e, incarnation, ret_younger);
}

void weir_members_link_down(struct weir_members *m, const uint8_t node[WEIR_NODE_ID_LEN])
{
    struct members_entry *e = weir_members_entry_find(m, node);

    if (e != NULL && e->item.num_links > 0)
        e->item.num_links--;
}

/* Remember the latest report of each of the two members that reported last. */
static void note_report(struct members_entry *e, const uint8_t *from, uint64_t heard_us)
{
    struct members_report *w = e->report;
    struct members_report *old = &w[memcmp(w[0].from, from, WEIR_NODE_ID_LEN) == 0 ? 0 : 1];

    if (old->heard_us >= heard_us)
        return;
    memcpy(old->from, from, WEIR_NODE_ID_LEN);
    old->heard_us = heard_us;
    if (w[1].heard_us > w[0].heard_us) {
        struct members_report later = w[1];
        w[1] = w[0];
        w[0] = later;
    }
}

void weir_members_vouched(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                          const struct weir_members_echo *echo)
{
    const struct members_entry *reporter = weir_members_entry_find(m, from);
    struct members_entry *e = weir_members_entry_find(m, echo->node);

    if (reporter == NULL || weir_members_entry_kind(m, reporter) != WEIR_MEMBERS_SUSPECT)
        return;
    if (e == NULL || !is_judged(m, e) || e == reporter)
        return;
    if (!uses_gossip(m)) {
        uint64_t held_us = echo->held_us < m->now_us ? echo->held_us : m->now_us;
        note_report(e, from, m->now_us - held_us);
    } else if (echo->n > e->item.n) {
        e->item.n = echo->n;
        e->n_us = m->now_us;
        note_heard(m, e);
    }
}

void weir_members_sent(struct weir_members *m, uint64_t n)
{
    m->sent[n % MEMBERS_SENT].used = true;
    m->sent[n % MEMBERS_SENT].n = n;
    m->sent[n % MEMBERS_SENT].at_us = m->now_us;
}

void weir_members_echoed(struct weir_members *m, const uint8_t from[WEIR_NODE_ID_LEN],
                         const struct weir_members_echo *echo, uint64_t wall_ms)
{
    struct members_entry *e = weir_members_entry_find(m, from);
    size_t slot = echo->n % MEMBERS_SENT;

    if (e == NULL || weir_members_entry_is_me(m, e) || wall_ms > WEIR_HLC_MS_MAX)
        return;
    if (memcmp(echo->node, m->cfg.node, WEIR_NODE_ID_LEN) != 0)
        return;
    if (!m->sent[slot].used || m->sent[slot].n != echo->n)
        return;
    uint64_t since_us = m->now_us - m->sent[slot].at_us;
    if (echo->held_us > since_us || since_us - echo->held_us > WEIR_CLOCK_RTT_US)
        return;
    uint64_t half_us = (since_us - echo->held_us) / 2;
    e->offset_ms = (int64_t)m->wall_ms - (int64_t)(wall_ms + half_us / 1000);
    e->measured = true;
    e->measured_us = m->now_us;
}

size_t weir_members_digest(struct weir_members *m, struct weir_members_echo *out, size_t max)
{
    size_t from = weir_members_entry_position(m, m->last_gossiped);
    size_t num = 0;

    from +=
        from < m->num && memcmp(m->entry[from].item.node, m->last_gossiped, WEIR_NODE_ID_LEN) == 0;
    for (size_t i = 0; i < m->num && num < max; i++) {
        struct members_entry *e = &m->entry[(from + i) % m->num];
        if (e->item.n == e->n_gossiped)
            continue;
        out[num] = (struct weir_members_echo){ .n = e->item.n, .held_us = m->now_us - e->n_us };
        memcpy(out[num].node, e->item.node, WEIR_NODE_ID_LEN);
        memcpy(m->last_gossiped, e->item.node, WEIR_NODE_ID_LEN);
        e->n_gossiped = e->item.n;
        num++;
    }
    return num;
}
