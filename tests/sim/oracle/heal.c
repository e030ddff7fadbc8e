/* SPDX-License-Identifier: Apache-2.0
 *
 * heal.c - no faults any more: until all nodes are equal.
 */
#include "tests/sim/oracle/heal.h"

#include <inttypes.h>

#include "tests/sim/cluster/faults.h"
#include "tests/sim/cluster/work.h"
#include "tests/sim/oracle/activation.h"
#include "tests/sim/oracle/judge.h"
#include "tests/sim/oracle/known.h"

#define STEP_US     250000
#define OPERATOR_US (5 * WEIR_SIM_SECOND_US)   /* between two checks of all nodes */
#define EQUAL_US    (120 * WEIR_SIM_SECOND_US) /* I16, for all that can have piled up */
#define SUMS_US     (60 * WEIR_SIM_SECOND_US)
#define ACTIVE_US   (60 * WEIR_SIM_SECOND_US)
#define KNOWN_US    (10 * WEIR_SIM_SECOND_US)
#define CALM_US     (3 * WEIR_SIM_SECOND_US)
#define BOOT_US     (20 * WEIR_SIM_SECOND_US)
#define BAN_MS      2000 /* what is left of a ban that must be seen everywhere */

static bool counts(const struct weir_sim_node *n)
{
    return n->has_joined && !n->has_left;
}

static bool are_live_equal(const struct weir_sim *s, uint32_t a, uint32_t b)
{
    const struct weir_sim_check *c = &s->check;

    for (uint32_t key = 0; key < c->keys.num; key++) {
        uint32_t at[2] = { 0, 0 };
        const uint32_t nodes[2] = { a, b };
        for (unsigned i = 0; i < 2; i++) {
            const struct weir_sim_view *v = &c->views[nodes[i]];
            uint32_t cur = key < v->num_keys ? v->cur[key] : 0;
            if (cur != 0 && !c->writes[cur - 1].deleted && !c->writes[cur - 1].is_ban)
                at[i] = cur;
        }
        if (at[0] != at[1])
            return false;
    }
    return true;
}

/* Bans that live long enough to be seen by all: on all, or on none. */
static bool are_bans_equal(const struct weir_sim *s, uint32_t a, uint32_t b)
{
    const struct weir_sim_check *c = &s->check;
    uint64_t least_s = (WEIR_SIM_EPOCH_MS + s->events.now_us / 1000 + BAN_MS) / 1000;

    for (uint32_t key = 0; key < c->keys.num; key++) {
        uint32_t at[2] = { 0, 0 };
        const uint32_t nodes[2] = { a, b };
        for (unsigned i = 0; i < 2; i++) {
            const struct weir_sim_view *v = &c->views[nodes[i]];
            uint32_t cur = key < v->num_keys ? v->cur[key] : 0;
            if (cur != 0 && c->writes[cur - 1].is_ban && !c->writes[cur - 1].deleted &&
                c->writes[cur - 1].expires >= least_s && !c->writes[cur - 1].damaged)
                at[i] = cur;
        }
        if (at[0] != at[1])
            return false;
    }
    return true;
}

static const struct weir_sim_node *first_of(const struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (counts(&s->nodes[i]))
            return &s->nodes[i];
    WEIR_UNREACHABLE();
}

bool weir_sim_is_equal(const struct weir_sim *s)
{
    const struct weir_sim_node *first = first_of(s);

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        const struct weir_sim_node *n = &s->nodes[i];
        if (!counts(n))
            continue;
        if (n->engine == NULL || n->is_busy || weir_engine_state(n->engine) != WEIR_ENGINE_LIVE)
            return false;
        if (!weir_vector_eq(weir_engine_vv(n->engine, WEIR_GROUP_C),
                            weir_engine_vv(first->engine, WEIR_GROUP_C)) ||
            !weir_vector_eq(weir_engine_folded(n->engine), weir_engine_folded(first->engine)))
            return false;
        if (s->checks && !are_live_equal(s, first->index, i))
            return false;
    }
    return true;
}

static bool have_equal_bans(const struct weir_sim *s)
{
    const struct weir_sim_node *first = first_of(s);

    /* A ban lives by the clock that made it, its tombstone by that of each node: until the ban has
     * expired they may disagree when a clock is set, or years ahead. */
    if (weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_JUMPS) ||
        weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_AHEAD))
        return true;
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (counts(&s->nodes[i]) && !are_bans_equal(s, first->index, i))
            return false;
    return true;
}

static void print_unequal_lanes(const struct weir_sim *s, const struct weir_sim_node *n)
{
    const struct weir_sim_node *first = first_of(s);

    if (n->engine == NULL || first->engine == NULL)
        return;
    for (uint32_t i = 0; i < s->check.lanes.num; i++) {
        const uint8_t *lane = weir_sim_names_at(&s->check.lanes, i).at;
        uint64_t has = weir_engine_durable(n->engine, WEIR_GROUP_C, lane);
        uint64_t other = weir_engine_durable(first->engine, WEIR_GROUP_C, lane);
        bool is_folded = weir_vector_get(weir_engine_folded(n->engine), lane) > 0;
        if (has != other ||
            is_folded != (weir_vector_get(weir_engine_folded(first->engine), lane) > 0))
            fprintf(s->trace.out, "lane %" PRIu32 ": to %" PRIu64 "%s, first %" PRIu64 "\n", i, has,
                    is_folded ? ", folded" : "", other);
    }
}

/* Print what is not equal, for a reader of the trace. */
static void print_unequal(const struct weir_sim *s)
{
    const struct weir_sim_check *c = &s->check;
    uint32_t first = first_of(s)->index;
    FILE *out = s->trace.out;

    for (uint32_t i = 0; i < s->num_nodes && out != NULL; i++) {
        const struct weir_sim_node *n = &s->nodes[i];
        if (!counts(n))
            continue;
        fprintf(out, "node %" PRIu32 ": state %d, vector %016" PRIx64 "\n", i,
                n->engine != NULL ? (int)weir_engine_state(n->engine) : -1,
                n->engine != NULL ? weir_vector_hash(weir_engine_vv(n->engine, WEIR_GROUP_C)) : 0);
        print_unequal_lanes(s, n);
        for (uint32_t key = 0; key < c->keys.num; key++) {
            uint32_t cur = key < c->views[i].num_keys ? c->views[i].cur[key] : 0;
            uint32_t has = key < c->views[first].num_keys ? c->views[first].cur[key] : 0;
            if (cur != has)
                fprintf(out, "key %" PRIu32 ": write %" PRId64 ", first %" PRId64 "\n", key,
                        (int64_t)cur - 1, (int64_t)has - 1);
        }
    }
}

/* Operators start processes that ended; if no store is complete, one node begins anew. */
static void restart_processes(struct weir_sim *s, bool may_boot)
{
    bool any_live = false;

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        if (!counts(n))
            continue;
        if (n->engine == NULL)
            weir_sim_node_start(s, n, false);
        any_live = any_live || weir_memory_meta(n->store[WEIR_GROUP_C]).live;
    }
    if (any_live || !may_boot)
        return;
    struct weir_sim_node *first = &s->nodes[first_of(s)->index];
    weir_sim_node_kill(s, first, false);
    weir_sim_node_start(s, first, true);
}

static void wait_until_equal(struct weir_sim *s, uint64_t began_us)
{
    uint64_t now_us = s->events.now_us;

    while (s->check.found.broken == WEIR_SIM_HOLDS && !weir_sim_is_equal(s)) {
        if (now_us - began_us >= EQUAL_US) {
            print_unequal(s);
            weir_sim_check_found(&s->check, WEIR_SIM_SLOW, UINT32_MAX, WEIR_SIM_NO_NAME);
            return;
        }
        restart_processes(s, now_us - began_us >= BOOT_US);
        if ((now_us - began_us) % OPERATOR_US == 0) {
            weir_sim_operate(s);
            weir_sim_work_members(s); /* what a reset lost with other records is said again */
        }
        weir_sim_play(s, now_us + STEP_US);
        now_us = s->events.now_us;
    }
    s->tally.healed_us = now_us - began_us;
    weir_sim_trace(&s->trace, now_us, WEIR_SIM_LINE_EQUAL, UINT32_MAX, s->tally.healed_us);
}

/* `weir apply --wait` at each node ends, whatever its data planes make of the write. */
static void wait_until_active(struct weir_sim *s)
{
    uint64_t until_us = s->events.now_us + ACTIVE_US;

    while (s->check.found.broken == WEIR_SIM_HOLDS && !weir_sim_activation_has_ended(s)) {
        if (s->events.now_us >= until_us) {
            weir_sim_activation_print(s);
            weir_sim_check_found(&s->check, WEIR_SIM_WAIT, UINT32_MAX, WEIR_SIM_NO_NAME);
            return;
        }
        weir_sim_work_members(s);
        for (uint32_t i = 0; i < s->num_nodes; i++)
            if (counts(&s->nodes[i]) && !s->nodes[i].has_last)
                weir_sim_work_last(s, i);
        weir_sim_play(s, s->events.now_us + STEP_US);
    }
}

/* Nodes send sums when nothing moves; a damaged record is found by the walk over all. */
static void wait_until_sums_hold(struct weir_sim *s)
{
    uint64_t until_us = s->events.now_us + SUMS_US;

    weir_sim_play(s, s->events.now_us + CALM_US);
    while (s->check.found.broken == WEIR_SIM_HOLDS &&
           !(weir_sim_is_equal(s) && have_equal_bans(s) && weir_sim_sums_hold(s))) {
        if (s->events.now_us < until_us) {
            weir_sim_play(s, s->events.now_us + STEP_US);
            continue;
        }
        enum weir_sim_broken broken = WEIR_SIM_SUMS;
        if (!weir_sim_is_equal(s))
            broken = WEIR_SIM_SLOW;
        else if (!have_equal_bans(s))
            broken = WEIR_SIM_BANS;
        print_unequal(s);
        weir_sim_check_found(&s->check, broken, UINT32_MAX, WEIR_SIM_NO_NAME);
    }
}

/* A node whose messages were late for seconds has just heard that a peer began another life. */
static void wait_until_known(struct weir_sim *s)
{
    uint64_t until_us = s->events.now_us + KNOWN_US;

    while (s->check.found.broken == WEIR_SIM_HOLDS && s->events.now_us < until_us &&
           !weir_sim_known_holds(s))
        weir_sim_play(s, s->events.now_us + STEP_US);
    weir_sim_known_check(s);
}

void weir_sim_heal(struct weir_sim *s)
{
    uint64_t began_us = s->events.now_us;

    weir_sim_trace(&s->trace, began_us, WEIR_SIM_LINE_HEAL, UINT32_MAX, 0);
    weir_sim_faults_end(s);
    if (!s->checks) { /* a scenario that only measures */
        weir_sim_play(s, began_us + CALM_US);
        return;
    }
    wait_until_equal(s, began_us);
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        wait_until_active(s);
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        wait_until_sums_hold(s);
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        wait_until_known(s);
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        weir_sim_judge(s);
}
