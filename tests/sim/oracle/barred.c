/* SPDX-License-Identifier: Apache-2.0
 *
 * barred.c - evicted nodes, and clocks.
 */
#include "tests/sim/oracle/barred.h"

#include "sync/frame/member.h"
#include "sync/members/members.h"
#include "tests/sim/cluster/sim_state.h"

#define MOMENT_US (2 * WEIR_SIM_SECOND_US) /* from the record to the end of the link */
#define SURELY_ON 1500                     /* ms: a clock that differs no more is not off */
#define DRIFT_MS  500

/* -- evictions -- */

static bool has_evicted(const struct weir_sim_node *n, const struct weir_sim_node *other)
{
    struct weir_span key = weir_span(other->id, WEIR_NODE_ID_LEN);
    struct weir_stored_record rec;
    struct weir_member member;

    return weir_memory_find(n->store[WEIR_GROUP_C], WEIR_CLASS_MEMBER, key, &rec) == WEIR_OK &&
           weir_member_unpack(key, rec.rec.value, &member) == WEIR_OK &&
           member.state == WEIR_MEMBER_EVICTED;
}

bool weir_sim_barred_is(const struct weir_sim *s, const struct weir_sim_node *n, uint32_t other)
{
    return other < s->num_nodes && n->barred_us[other] != 0 &&
           n->barred_wipes == s->check.views[n->index].num_wipes &&
           s->events.now_us - n->barred_us[other] > MOMENT_US;
}

void weir_sim_barred_check(struct weir_sim *s, struct weir_sim_node *n)
{
    const struct weir_members *members = weir_engine_members(n->engine);
    /* A record that was damaged is unknown until it is fetched again. */
    bool works = members != NULL && !weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_FLIPS) &&
                 !n->is_paused && !n->is_busy &&
                 weir_engine_state(n->engine) != WEIR_ENGINE_READONLY;
    uint32_t num_wipes = s->check.views[n->index].num_wipes;

    works = works && n->barred_wipes == num_wipes; /* since then it has the record anew */
    n->barred_wipes = num_wipes;
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        const struct weir_sim_node *other = &s->nodes[i];
        const struct weir_members_item *item = works ? weir_members_find(members, other->id) : NULL;
        if (i == n->index || item == NULL || !has_evicted(n, other)) {
            n->barred_us[i] = 0;
            continue;
        }
        if (n->barred_us[i] == 0)
            n->barred_us[i] = s->events.now_us;
        if (weir_sim_barred_is(s, n, i) && item->num_links > 0)
            weir_sim_check_found(&s->check, WEIR_SIM_BARRED, n->index, WEIR_SIM_NO_NAME);
    }
}

/* -- clocks -- */

/* The most that its clock differs from that of any other, in ms. */
static int64_t most_off(const struct weir_sim *s, const struct weir_sim_node *n)
{
    int64_t most = 0;

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        int64_t off = n->skew_ms - s->nodes[i].skew_ms;
        if (off < 0)
            off = -off;
        most = off > most ? off : most;
    }
    return most + DRIFT_MS;
}

void weir_sim_barred_wrote(struct weir_sim *s, const struct weir_sim_node *n, enum weir_class class,
                           enum weir_err err)
{
    const struct weir_members *members = weir_engine_members(n->engine);
    bool is_off = members != NULL && weir_members_clock_off(members);
    /* Clocks that were set are remembered for a minute as they were. */
    bool may_differ = s->is_healing || weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_JUMPS);
    bool is_wrong = err == WEIR_OK && class != WEIR_CLASS_BAN && is_off;

    if (err == WEIR_EPERM)
        is_wrong = class == WEIR_CLASS_BAN || (!may_differ && most_off(s, n) < SURELY_ON);
    if (is_wrong)
        weir_sim_check_found(&s->check, WEIR_SIM_CLOCK, n->index, WEIR_SIM_NO_NAME);
}
