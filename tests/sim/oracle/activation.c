/* SPDX-License-Identifier: Apache-2.0
 *
 * activation.c - reports of activation against the truth.
 */
#include "tests/sim/oracle/activation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sync/activation/acks.h"
#include "sync/members/members.h"
#include "tests/sim/cluster/plane.h"

#define NEWEST  12 /* writes of which counts are checked */
#define SOON_US 20000

static enum weir_class class_of(const struct weir_sim *s, uint32_t write)
{
    return (enum weir_class)weir_sim_names_at(&s->check.keys, s->check.writes[write].key).at[0];
}

/* Is the write of the version of another, plus 1, or older? */
static bool is_at_most(const struct weir_sim_check *c, uint32_t write, uint32_t other)
{
    return other != 0 && !weir_sim_check_is_larger(c, &c->writes[write], &c->writes[other - 1]);
}

/* Is it none of those that are loaded anew after there was no memory to track one? */
static bool is_forgotten(const struct weir_sim *s, const struct weir_sim_node *n, uint32_t write)
{
    const struct weir_active *active = n->engine != NULL ? weir_engine_active(n->engine) : NULL;
    const struct weir_sim_view *v = &s->check.views[n->index];
    uint32_t key = s->check.writes[write].key;

    return active != NULL && weir_active_dropped(active) > 0 &&
           (key >= v->num_keys || v->cur[key] != write + 1);
}

/* May the node say this of a write that is durable there? It serves a version, or the one that
 * replaced it, or it never had to activate it: then another version was there before. Nothing waits
 * for a tombstone that was purged. */
static bool may_claim(const struct weir_sim *s, const struct weir_sim_node *n, uint32_t write,
                      enum weir_ack_state state)
{
    const struct weir_sim_check *c = &s->check;
    uint32_t key = c->writes[write].key;
    uint32_t served = weir_sim_plane_served(n, key);
    uint32_t purged = key < c->views[n->index].num_keys ? c->views[n->index].purged[key] : 0;
    bool knows = weir_sim_plane_compiles(s, class_of(s, write)) && weir_sim_plane_knows(n, write);

    /* A damaged record is dropped; until it is fetched again nothing is known of it. */
    if (weir_sim_check_is_hit(c, &c->writes[write]) || is_forgotten(s, n, write))
        return true;
    if (state == WEIR_ACK_ACTIVE)
        return !knows || is_at_most(c, write, served) || is_at_most(c, write, purged);
    if (state == WEIR_ACK_REJECTED)
        return knows && weir_sim_plane_fate(s, n, write) == WEIR_SIM_REJECTS;
    return true;
}

/* Is what the engine has in memory that of its stores, and of the life that its data plane knows?
 */
static bool has_truth(const struct weir_sim_node *n)
{
    return n->engine != NULL && weir_engine_state(n->engine) != WEIR_ENGINE_READONLY &&
           memcmp(n->plane.incarnation, weir_engine_incarnation(n->engine), WEIR_INCARNATION_LEN) ==
               0;
}

static void check_claim(struct weir_sim *s, const struct weir_sim_node *n,
                        const struct weir_ack *ack, uint64_t seq)
{
    struct weir_version v = { .seq = seq };

    memcpy(v.lane, ack->lane, WEIR_LANE_LEN);
    uint32_t write = weir_sim_check_find(&s->check, &v);
    if (write != WEIR_SIM_NO_NAME && !may_claim(s, n, write, weir_ack_of(ack, seq)))
        weir_sim_check_found(&s->check, WEIR_SIM_ACTIVE, n->index, write);
}

void weir_sim_activation_published(struct weir_sim *s, const struct weir_sim_node *n,
                                   const struct weir_ack *ack)
{
    uint64_t from = ack->durable > NEWEST ? ack->durable - NEWEST : 0;

    if (ack->durable > weir_engine_durable(n->engine, WEIR_GROUP_C, ack->lane))
        weir_sim_check_found(&s->check, WEIR_SIM_ACTIVE, n->index, WEIR_SIM_NO_NAME);
    for (uint64_t seq = from + 1; seq <= ack->durable; seq++)
        check_claim(s, n, ack, seq);
    for (size_t i = 0; i < ack->num_refused; i++)
        check_claim(s, n, ack, ack->refused[i]);
    if (ack->rejected > 0)
        check_claim(s, n, ack, ack->rejected);
}

void weir_sim_activation_changed(struct weir_sim *s, const struct weir_sim_node *n)
{
    if (weir_engine_deadline(n->engine) > s->events.now_us + SOON_US)
        weir_sim_check_found(&s->check, WEIR_SIM_LATE, n->index, WEIR_SIM_NO_NAME);
}

/* -- what one node has to report -- */

/* By lane number; the caller frees them. */
static struct weir_ack *acks_of(const struct weir_sim *s, const struct weir_sim_node *n)
{
    const struct weir_sim_names *lanes = &s->check.lanes;
    struct weir_ack *acks = calloc(lanes->num + 1, sizeof(*acks));

    WEIR_ASSERT(acks != NULL);
    for (uint32_t i = 0; i < lanes->num; i++) {
        const uint8_t *lane = weir_sim_names_at(lanes, i).at;
        uint64_t durable = weir_engine_durable(n->engine, WEIR_GROUP_C, lane);
        if (durable > 0)
            weir_active_lane(weir_engine_active(n->engine), lane, durable, &acks[i]);
    }
    return acks;
}

static void check_own(struct weir_sim *s, const struct weir_sim_node *n)
{
    struct weir_sim_check *c = &s->check;
    struct weir_ack *acks = acks_of(s, n);

    for (uint32_t w = 0; w < c->dots.num; w++)
        if (!c->writes[w].is_ban && !c->writes[w].is_lost &&
            !may_claim(s, n, w, weir_ack_of(&acks[c->writes[w].lane], c->writes[w].seq)))
            weir_sim_check_found(c, WEIR_SIM_ACTIVE, n->index, w);
    free(acks);
}

/* Does something else keep the lane from being active up to here? A full list does, for ever. And
 * when a record was damaged before its activation was reported, and a newer one of its key was
 * fetched instead, it is waited for until the node starts again. */
static bool is_cut_short(const struct weir_sim *s, const struct weir_ack *ack, uint64_t seq)
{
    return seq > ack->active &&
           (ack->num_held == WEIR_ACK_HOLES_MAX || ack->num_refused == WEIR_ACK_HOLES_MAX ||
            weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_FLIPS));
}

static enum weir_ack_state truth_of(const struct weir_sim *s, const struct weir_sim_node *n,
                                    uint32_t write)
{
    static const enum weir_ack_state states[] = {
        [WEIR_SIM_SERVES] = WEIR_ACK_ACTIVE,      [WEIR_SIM_REJECTS] = WEIR_ACK_REJECTED,
        [WEIR_SIM_HOLDS_BACK] = WEIR_ACK_WAITING, [WEIR_SIM_HOLDS_ONCE] = WEIR_ACK_ACTIVE,
        [WEIR_SIM_DAWDLES] = WEIR_ACK_ACTIVE,     [WEIR_SIM_CANNOT_READ] = WEIR_ACK_WAITING,
    };

    return weir_sim_plane_compiles(s, class_of(s, write)) ? states[weir_sim_plane_fate(s, n, write)]
                                                          : WEIR_ACK_ACTIVE;
}

/* Is exactly what is true reported of each record that is current? */
static bool is_exact(const struct weir_sim *s, const struct weir_sim_node *n)
{
    const struct weir_sim_check *c = &s->check;
    const struct weir_sim_view *v = &c->views[n->index];
    struct weir_ack *acks = acks_of(s, n);
    bool may_lack = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_FLIPS);
    bool is_exact = may_lack || weir_active_is_final(weir_engine_active(n->engine));

    for (uint32_t key = 0; key < v->num_keys && is_exact; key++) {
        uint32_t w = v->cur[key] - 1;
        if (v->cur[key] == 0 || c->writes[w].is_ban)
            continue;
        const struct weir_ack *ack = &acks[c->writes[w].lane];
        uint64_t seq = c->writes[w].seq;
        is_exact = seq > ack->durable || is_cut_short(s, ack, seq) ||
                   weir_ack_of(ack, seq) == truth_of(s, n, w);
    }
    free(acks);
    return is_exact;
}

/* -- what a node counts -- */

struct most {
    size_t durable;
    size_t active;
    size_t rejected;
};

/* What a peer may count of one node: of the life that it has heard of, no more than is true. */
static void add_most(const struct weir_sim *s, const struct weir_sim_node *peer,
                     const struct weir_sim_node *n, uint32_t write, struct most *most)
{
    const struct weir_sim_write *w = &s->check.writes[write];
    const struct weir_members_item *item =
        weir_members_find(weir_engine_members(peer->engine), n->id);
    const uint8_t *lane = weir_sim_names_at(&s->check.lanes, w->lane).at;
    bool is_known = item != NULL && has_truth(n) &&
                    memcmp(item->incarnation, n->plane.incarnation, WEIR_INCARNATION_LEN) == 0;

    if (!is_known) {
        most->durable++;
        most->active++;
        most->rejected++;
        return;
    }
    most->durable += weir_engine_durable(n->engine, WEIR_GROUP_C, lane) >= w->seq;
    most->active += may_claim(s, n, write, WEIR_ACK_ACTIVE);
    most->rejected += may_claim(s, n, write, WEIR_ACK_REJECTED);
}

static struct weir_version version_of(const struct weir_sim_check *c, uint32_t write)
{
    struct weir_version v = { .hlc = c->writes[write].hlc, .seq = c->writes[write].seq };

    memcpy(v.lane, weir_sim_names_at(&c->lanes, c->writes[write].lane).at, WEIR_LANE_LEN);
    return v;
}

static void check_counts(struct weir_sim *s, struct weir_sim_node *n, uint32_t write)
{
    struct weir_version v = version_of(&s->check, write);
    struct weir_acks_count count;
    struct most most = { 0 };

    if (s->check.writes[write].is_ban || s->check.writes[write].is_lost ||
        !weir_engine_acks(n->engine, &v, &count))
        return;
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (i != n->index)
            add_most(s, n, &s->nodes[i], write, &most);
    bool is_own = weir_engine_durable(n->engine, WEIR_GROUP_C, v.lane) >= v.seq;
    most.durable += is_own;
    most.active += is_own && may_claim(s, n, write, WEIR_ACK_ACTIVE);
    most.rejected += is_own && may_claim(s, n, write, WEIR_ACK_REJECTED);
    if (count.durable > most.durable || count.active > most.active ||
        count.rejected > most.rejected)
        weir_sim_check_found(&s->check, WEIR_SIM_ACTIVE, n->index, write);
}

void weir_sim_activation_check(struct weir_sim *s, struct weir_sim_node *n)
{
    uint32_t num = s->check.dots.num;

    if (!has_truth(n) || weir_engine_active(n->engine) == NULL ||
        weir_engine_members(n->engine) == NULL)
        return;
    check_own(s, n);
    for (uint32_t i = 0; i < NEWEST && i < num; i++)
        check_counts(s, n, num - 1 - i);
}

/* -- healed -- */

static bool counts(const struct weir_sim_node *n)
{
    return n->has_joined && !n->has_left;
}

static uint32_t num_counted(const struct weir_sim *s)
{
    uint32_t num = 0;

    for (uint32_t i = 0; i < s->num_nodes; i++)
        num += counts(&s->nodes[i]);
    return num;
}

static struct weir_acks_count truth_of_all(const struct weir_sim *s, const struct weir_version *v)
{
    uint32_t write = weir_sim_check_find(&s->check, v);
    struct weir_acks_count truth = { .members = num_counted(s), .durable = num_counted(s) };
    struct weir_ack ack;

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        if (!counts(&s->nodes[i]))
            continue;
        const struct weir_sim_node *n = &s->nodes[i];
        enum weir_ack_state state = truth_of(s, n, write);
        weir_active_lane(weir_engine_active(n->engine), v->lane,
                         weir_engine_durable(n->engine, WEIR_GROUP_C, v->lane), &ack);
        if (is_cut_short(s, &ack, v->seq))
            state = weir_ack_of(&ack, v->seq);
        truth.active += state == WEIR_ACK_ACTIVE;
        truth.rejected += state == WEIR_ACK_REJECTED;
        truth.waiting += state == WEIR_ACK_WAITING;
    }
    return truth;
}

/* Does this node count exactly what is true of the last write of another? */
static bool knows_last(const struct weir_sim *s, struct weir_sim_node *n,
                       const struct weir_sim_node *writer)
{
    struct weir_acks_count count;

    if (!writer->has_last || !weir_engine_acks(n->engine, &writer->last, &count))
        return false;
    struct weir_acks_count truth = truth_of_all(s, &writer->last);
    return memcmp(&count, &truth, sizeof(truth)) == 0;
}

static void print_counts(FILE *out, const char *what, const struct weir_acks_count *a)
{
    fprintf(out,
            "  %s: members %zu, durable %zu, active %zu, rejected %zu, waiting %zu, away %zu\n",
            what, a->members, a->durable, a->active, a->rejected, a->waiting, a->unreachable);
}

void weir_sim_activation_print(struct weir_sim *s)
{
    FILE *out = s->trace.out;
    struct weir_acks_count a;

    for (uint32_t i = 0; i < s->num_nodes && out != NULL; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        if (!counts(n))
            continue;
        fprintf(out, "node %" PRIu32 ": last write %d, exact %d, final %d\n", i, n->has_last,
                is_exact(s, n), weir_active_is_final(weir_engine_active(n->engine)));
        if (!n->has_last)
            continue;
        a = truth_of_all(s, &n->last);
        print_counts(out, "truth", &a);
        for (uint32_t j = 0; j < s->num_nodes; j++)
            if (counts(&s->nodes[j]) && weir_engine_acks(s->nodes[j].engine, &n->last, &a))
                print_counts(out, "count", &a);
    }
}

/* In an overlay acks of nodes without a link do not come. */
bool weir_sim_activation_has_ended(struct weir_sim *s)
{
    bool is_overlay = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_OVERLAY);

    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        if (!counts(n))
            continue;
        if (!n->has_last || !is_exact(s, n))
            return false;
        for (uint32_t j = 0; j < s->num_nodes && !is_overlay; j++)
            if (counts(&s->nodes[j]) && !knows_last(s, n, &s->nodes[j]))
                return false;
    }
    return true;
}
