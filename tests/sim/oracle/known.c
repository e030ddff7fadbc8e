/* SPDX-License-Identifier: Apache-2.0
 *
 * known.c - members as a node's engine shows them, against its store and its peers.
 */
#include "tests/sim/oracle/known.h"

#include <string.h>

#include "sync/frame/member.h"
#include "sync/members/members.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/check.h"

#define TRIP_MS 300 /* what half a trip, and the drift since, may add to an offset */

static bool counts(const struct weir_sim_node *n)
{
    return n->has_joined && !n->has_left;
}

static bool is_joined(const struct weir_members_item *item)
{
    return item != NULL && item->life >= WEIR_MEMBERS_ALIVE && item->life <= WEIR_MEMBERS_LOST;
}

/* Does the node show of a member what the record in its store says? */
static bool agrees_with_store(const struct weir_sim_node *n, const struct weir_sim_node *other,
                              const struct weir_members_item *item)
{
    struct weir_span key = weir_span(other->id, WEIR_NODE_ID_LEN);
    struct weir_stored_record rec;
    struct weir_member member;
    bool is_there =
        weir_memory_find(n->store[WEIR_GROUP_C], WEIR_CLASS_MEMBER, key, &rec) == WEIR_OK &&
        !rec.rec.tombstone && weir_member_unpack(key, rec.rec.value, &member) == WEIR_OK;

    if (!is_there)
        return item == NULL || item->life == WEIR_MEMBERS_STRANGER;
    if (item == NULL || item->roles != member.roles ||
        !weir_span_eq(weir_span(item->zone, item->zone_len), member.zone) ||
        memcmp(item->key_hash, member.key_hash, WEIR_MEMBER_KEY_HASH_LEN) != 0)
        return false;
    if (member.state == WEIR_MEMBER_LEFT)
        return item->life == WEIR_MEMBERS_LEFT;
    if (member.state == WEIR_MEMBER_EVICTED)
        return item->life == WEIR_MEMBERS_EVICTED;
    return is_joined(item);
}

/* Is a member alive here that is, and does the node show what its heartbeats say? */
static bool agrees_with_peer(const struct weir_sim_node *other,
                             const struct weir_members_item *item)
{
    return item->life == WEIR_MEMBERS_ALIVE && item->heard && item->n > 0 &&
           item->schema_max == other->schema &&
           memcmp(item->incarnation, weir_engine_incarnation(other->engine),
                  WEIR_INCARNATION_LEN) == 0;
}

static bool is_known(const struct weir_sim *s, const struct weir_sim_node *n,
                     const struct weir_sim_node *other)
{
    const struct weir_members_item *item =
        weir_members_find(weir_engine_members(n->engine), other->id);

    if (!agrees_with_store(n, other, item))
        return false;
    if (n == other || !is_joined(item) || !counts(other))
        return true;
    if (item->num_links == 0) /* in an overlay not all are linked; or there was no memory for it */
        return weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_OVERLAY) ||
               weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_MEMORY);
    return agrees_with_peer(other, item);
}

/* Is the offset one that the clocks of members could have? Those that were set are remembered for
 * a while as they were. */
static bool has_clock(const struct weir_sim *s, const struct weir_sim_node *n)
{
    const struct weir_members *members = weir_engine_members(n->engine);
    int64_t least_ms = INT64_MAX;
    int64_t most_ms = INT64_MIN;
    int64_t offset_ms = 0;

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        const struct weir_sim_node *other = &s->nodes[i];
        const struct weir_members_item *item = weir_members_find(members, other->id);
        if (other == n || !counts(other) || !is_joined(item) || item->num_links == 0)
            continue;
        int64_t is_ms = (int64_t)weir_sim_node_wall(s, n) - (int64_t)weir_sim_node_wall(s, other);
        least_ms = is_ms < least_ms ? is_ms : least_ms;
        most_ms = is_ms > most_ms ? is_ms : most_ms;
    }
    if (least_ms > most_ms)
        return true; /* of nobody */
    if (!weir_members_clock_offset(members, &offset_ms))
        return false;
    return (offset_ms >= least_ms - TRIP_MS && offset_ms <= most_ms + TRIP_MS) ||
           weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_JUMPS);
}

static bool knows_all(const struct weir_sim *s, const struct weir_sim_node *n)
{
    bool holds = !counts(n) || has_clock(s, n);

    for (uint32_t j = 0; j < s->num_nodes && counts(n); j++)
        holds = holds && is_known(s, n, &s->nodes[j]);
    return holds;
}

bool weir_sim_known_holds(const struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (!knows_all(s, &s->nodes[i]))
            return false;
    return true;
}

void weir_sim_known_check(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (!knows_all(s, &s->nodes[i]))
            weir_sim_check_found(&s->check, WEIR_SIM_KNOWN, i, WEIR_SIM_NO_NAME);
}
