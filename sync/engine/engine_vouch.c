/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_vouch.c - rule R15: how far the vector may be raised after pulls.
 * A peer that is wrong can state a vector beyond the records that it sent, for a lane of any node.
 * So a lane is raised on the word of its own node, or of two peers that each sent all they have; or
 * as far as its records are here without a gap. One peer's word is enough only while the lane's
 * node is neither connected nor a member that may come back, and when every other peer was asked
 * since. In an overlay it always is: its nodes are not linked to most of the others.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_pull.h"
#include "sync/engine/engine_turn.h"

static bool is_node_of(const uint8_t node[WEIR_NODE_ID_LEN], const uint8_t lane[WEIR_LANE_LEN])
{
    return memcmp(node, lane, WEIR_NODE_ID_LEN) == 0;
}

/* Is the node that wrote a lane connected? Then its own word is waited for, also while it joins
 * again: what it writes then is on the lane before any Hello says that it is live. */
static bool is_writer_expected(const struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN])
{
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l != NULL && is_node_of(l->node, lane))
            return true;
    }
    return false;
}

void weir_engine_note_given(struct weir_engine *e, uint32_t link, enum weir_group g,
                            const struct weir_vector *vv)
{
    struct engine_group *group = &e->group[g];
    struct engine_link *l = e->links[link];
    bool is_new = false;

    for (size_t i = 0; i < vv->num && !is_new; i++) {
        const struct weir_vector_entry *lane = &vv->items[i];
        is_new = !weir_engine_covers(e, g, lane->lane, lane->seq) &&
                 lane->seq > weir_vector_get(&l->given[g], lane->lane) &&
                 !is_writer_expected(e, lane->lane);
    }
    if (is_new)
        l->given_us[g] = e->mono_us;
    if (weir_vector_copy(&l->given[g], vv) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    if (weir_vector_get(vv, group->meta.lane) > group->meta.seq)
        weir_engine_lane_lost(e, g, link);
    e->vouch[g] = true;
}

bool weir_engine_is_member_away(const struct weir_engine *e)
{
    for (size_t i = 0; e->members != NULL && i < weir_members_num(e->members); i++) {
        const struct weir_members_item *m = weir_members_at(e->members, i);
        bool is_here = memcmp(m->node, e->cfg.node, WEIR_NODE_ID_LEN) == 0;
        for (uint32_t k = 0; k < e->num_links && !is_here; k++) {
            const struct engine_link *l = engine_handshake_done(e, k);
            is_here = l != NULL && memcmp(l->node, m->node, WEIR_NODE_ID_LEN) == 0;
        }
        if (!is_here && m->life >= WEIR_MEMBERS_ALIVE && m->life <= WEIR_MEMBERS_DOWN)
            return true;
    }
    return false;
}

/* Are all members here, and were all peers asked since? Then no node has more of the lane. Those
 * that were not are asked. Bans do not wait for members, since they expire. */
static bool is_last_word(struct weir_engine *e, enum weir_group g, const struct engine_link *of,
                         const uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t since_us = of->given_us[g] > e->away_us ? of->given_us[g] : e->away_us;
    bool is_last = true;

    if (is_writer_expected(e, lane) || (g == WEIR_GROUP_C && weir_engine_is_member_away(e)))
        return false;
    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l == NULL || !l->live || memcmp(l->node, of->node, WEIR_NODE_ID_LEN) == 0 ||
            l->asked_us[g] >= since_us)
            continue;
        weir_engine_want_pull(e, i, g, e->mono_us);
        is_last = false;
    }
    return is_last;
}

/* The largest number of a lane up to which another node than that of `of` sent all it has. */
static uint64_t given_by_another(const struct weir_engine *e, enum weir_group g,
                                 const struct engine_link *of, const uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < e->num_links; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        if (l == NULL || memcmp(l->node, of->node, WEIR_NODE_ID_LEN) == 0)
            continue;
        uint64_t seq = weir_vector_get(&l->given[g], lane);
        most = seq > most ? seq : most;
    }
    return most;
}

/* The end of the records that are stored without a gap behind the vector: no word is needed. */
static uint64_t end_of_run(struct weir_engine *e, enum weir_group g,
                           const struct weir_vector_entry *lane)
{
    struct weir_record_store *records = e->group[g].records;
    struct weir_stored_record rec;
    uint64_t at = weir_vector_get(&e->group[g].vv, lane->lane);

    while (at < lane->seq && weir_engine_begin(e, g) &&
           records->ops->next_dot(records, lane->lane, at, &rec) == WEIR_OK &&
           rec.rec.version.seq == at + 1)
        at++;
    return at;
}

static uint64_t vouched(struct weir_engine *e, enum weir_group g, const struct engine_link *of,
                        const struct weir_vector_entry *lane)
{
    if (!engine_has(e, WEIR_RULE_VECTOR_WITNESS) || weir_engine_relays(e) ||
        is_node_of(of->node, lane->lane))
        return lane->seq;
    uint64_t seq = given_by_another(e, g, of, lane->lane);
    if (seq >= lane->seq || is_last_word(e, g, of, lane->lane))
        return lane->seq;
    uint64_t run = end_of_run(e, g, lane);
    return run > seq ? run : seq;
}

void weir_engine_vouch(struct weir_engine *e, enum weir_group g)
{
    struct engine_group *group = &e->group[g];

    if (!e->vouch[g] || !engine_is_live(e))
        return;
    e->vouch[g] = false;
    for (uint32_t i = 0; i < e->num_links && e->turn_err == WEIR_OK; i++) {
        const struct engine_link *l = engine_handshake_done(e, i);
        for (size_t k = 0; l != NULL && k < l->given[g].num; k++) {
            const struct weir_vector_entry *lane = &l->given[g].items[k];
            if (!weir_engine_covers(e, g, lane->lane, lane->seq) &&
                memcmp(lane->lane, group->meta.lane, WEIR_LANE_LEN) != 0 &&
                weir_engine_has_room(e, g, lane->lane))
                weir_engine_raise(e, g, lane->lane, vouched(e, g, l, lane));
        }
    }
}
