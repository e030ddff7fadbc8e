/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_members.c - sync/engine/engine_members.c: nodes that live twice (R13), eviction, records of
 * class MEMBER, and the table that is made anew after a bootstrap.
 */
#include <string.h>

#include "sync/engine/engine_members.h"
#include "sync/frame/member.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND    WEIR_DRILL_SECOND
#define PROOF_US  (WEIR_MEMBERS_SUSPECT_US * 2 / 5)
#define A         0
#define B         1
#define CLONE     3 /* link 2 is never up but as a third link of A */
#define CLONE_TOO 5
#define SWEEP_MAX 64

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const struct weir_members_item *item_of(const struct weir_drill *d, uint32_t link)
{
    return weir_members_find(d->e->members, d->peer[link].node);
}

/* -- R13 -- */

static void copy_node(struct weir_drill *d, uint32_t to, uint32_t from)
{
    memcpy(d->peer[to].node, d->peer[from].node, WEIR_NODE_ID_LEN);
}

/* A; then, of the same id, a younger incarnation on two links; and B, whose incarnation has the
 * same bytes as the younger one's. */
static void meet_clones(struct weir_drill *d)
{
    copy_node(d, CLONE, A);
    copy_node(d, CLONE_TOO, A);
    memcpy(d->peer[CLONE_TOO].incarnation, d->peer[CLONE].incarnation, WEIR_INCARNATION_LEN);
    memcpy(d->peer[B].incarnation, d->peer[CLONE].incarnation, WEIR_INCARNATION_LEN);
    weir_drill_start(d);
    d->e->pull_at = UINT64_MAX;
    weir_drill_meet(d, B);
    weir_drill_meet(d, A);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    weir_drill_wait(d, SECOND);
    weir_drill_meet(d, CLONE);
    weir_drill_meet(d, CLONE_TOO);
    CLAIM(weir_drill_link(d, CLONE)->handshake_done);
    CLAIM(item_of(d, A)->num_links == 3);
}

/* The older one is heard again well after the younger had come: the younger is refused, on each of
 * its links, and the older one's heartbeat counts. */
static void refuse_the_younger(struct weir_drill *d)
{
    meet_clones(d);
    weir_drill_wait(d, PROOF_US);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_num(d, WEIR_OUT_CUT) == 0);
    weir_drill_wait(d, 1);
    weir_drill_link(d, A)->hash[WEIR_GROUP_C] = 5;
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DUPLICATE, CLONE) == 1);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DUPLICATE, CLONE_TOO) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 2 && weir_drill_num(d, WEIR_OUT_CUT) == 2);
    CLAIM(weir_drill_link(d, CLONE)->refused && weir_drill_link(d, CLONE_TOO)->refused);
    CLAIM(!weir_drill_link(d, A)->refused && !weir_drill_link(d, B)->refused);
    CLAIM(weir_drill_link(d, A)->hash[WEIR_GROUP_C] == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 2);
    CLAIM(item_of(d, A)->num_links == 1);
    /* It comes again, and is refused at its handshake. */
    weir_drill_down(d, CLONE);
    weir_drill_up(d, CLONE);
    weir_drill_hello(d, CLONE, false);
    CLAIM(weir_drill_is_cut(d, CLONE, WEIR_ALARM_DUPLICATE));
    CLAIM(weir_drill_num_hellos(d, CLONE) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, CLONE) == 0);
    CLAIM(weir_drill_link(d, CLONE)->vv.num == 0 && item_of(d, A)->num_links == 1);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
}

/* The younger one's own heartbeat shows it: that one leads to nothing more. */
static void hear_no_more_of_the_younger(struct weir_drill *d)
{
    meet_clones(d);
    weir_drill_wait(d, PROOF_US + 1);
    weir_drill_link(d, CLONE)->hash[WEIR_GROUP_C] = 5;
    weir_drill_link(d, CLONE_TOO)->incarnation[0] ^= 1; /* of this link it is not known yet */
    /* A heartbeat of the older one that came over no link. */
    struct weir_members_heartbeat h = { .node = d->peer[A].node,
                                        .incarnation = d->peer[A].incarnation,
                                        .n = 1000 };
    uint8_t younger[WEIR_INCARNATION_LEN];
    CLAIM(weir_members_heard(d->e->members, &h, younger) == WEIR_MEMBERS_DUPLICATE);
    weir_drill_beat(d, CLONE, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_is_cut(d, CLONE, WEIR_ALARM_DUPLICATE));
    CLAIM(weir_drill_link(d, CLONE)->hash[WEIR_GROUP_C] == 5);
    CLAIM(item_of(d, A)->num_links == 2);
}

/* A link to what has this node's own id, and is not this node. */
static void refuse_another_self(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_settle(d, A);
    memcpy(weir_drill_link(d, A)->node, d->cfg.node, WEIR_NODE_ID_LEN);
    weir_drill_begin(d);
    CLAIM(!weir_engine_members_up(d->e, A));
    (void)weir_drill_end(d);
    CLAIM(weir_drill_is_cut(d, A, WEIR_ALARM_DUPLICATE));
    memcpy(d->peer[B].node, d->cfg.node, WEIR_NODE_ID_LEN);
    weir_drill_up(d, B);
    CLAIM(weir_drill_is_cut(d, B, WEIR_ALARM_DUPLICATE));
    CLAIM(weir_drill_num_hellos(d, B) == 0);
}

/* -- eviction -- */

/* All links of the node are cut off when its record comes, and each new one at its handshake. */
static void cut_off_evicted(struct weir_drill *d)
{
    copy_node(d, CLONE, A);
    memcpy(d->peer[CLONE].incarnation, d->peer[A].incarnation, WEIR_INCARNATION_LEN);
    weir_drill_start(d);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    weir_drill_settle(d, CLONE);
    weir_drill_up(d, 6);
    weir_drill_join(d, 1u << A | 1u << B);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 0);
    CLAIM(weir_drill_member(d, d->peer[A].node, WEIR_MEMBER_EVICTED) == WEIR_OK);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 0 && item_of(d, A)->life == WEIR_MEMBERS_ALIVE);
    weir_drill_wait(d, 0);
    CLAIM(item_of(d, A)->life == WEIR_MEMBERS_EVICTED && item_of(d, A)->num_links == 0);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_EVICTED, A) == 1);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_EVICTED, CLONE) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 2 && weir_drill_num(d, WEIR_OUT_CUT) == 2);
    CLAIM(!weir_drill_link(d, B)->refused && weir_drill_link(d, B)->handshake_done);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    weir_drill_down(d, A);
    weir_drill_meet(d, A);
    CLAIM(weir_drill_is_cut(d, A, WEIR_ALARM_EVICTED));
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, A) == 0);
    /* Its record is deleted: it may come again. */
    CLAIM(weir_drill_write(d, WEIR_CLASS_MEMBER, weir_span(d->peer[A].node, WEIR_NODE_ID_LEN), NULL,
                           0) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_members_count(d->e->members, WEIR_MEMBERS_EVICTED) == 0);
    weir_drill_down(d, A);
    weir_drill_meet(d, A);
    CLAIM(weir_drill_link(d, A)->handshake_done && item_of(d, A)->life == WEIR_MEMBERS_STRANGER);
}

/* One that was evicted is not away: only the change of its record counts as such. */
static void note_when_members_change(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_settle(d, A);
    uint64_t before = d->e->away_us;
    weir_drill_wait(d, SECOND);
    CLAIM(d->e->away_us == before);
    CLAIM(weir_drill_member(d, d->peer[A].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    CLAIM(d->e->away_us == before && item_of(d, A)->life == WEIR_MEMBERS_STRANGER);
    weir_drill_wait(d, 5000);
    CLAIM(d->e->away_us == d->mono_us && item_of(d, A)->life == WEIR_MEMBERS_ALIVE);
    CLAIM(!d->e->members_changed);
    weir_drill_wait(d, 5000);
    CLAIM(d->e->away_us == d->mono_us - 5000);
}

/* -- records -- */

/* All records are read at the start, in whatever order; those that are no members are counted, one
 * that is damaged is dropped, and the others count. */
static void read_all_records(struct weir_drill *d)
{
    bool is_damaged = weir_sim_draw(d->x, 2) == 0;
    uint32_t bad = (uint32_t)weir_sim_draw(d->x, 6);

    weir_drill_start(d);
    weir_drill_join(d, 0x3f);
    CLAIM(weir_members_num(d->e->members) == 7);
    for (uint32_t i = 0; i < 6; i++)
        CLAIM(item_of(d, i) != NULL && item_of(d, i)->life == WEIR_MEMBERS_SUSPECT);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_MEMBERS_BAD) == 0);
    CLAIM(weir_drill_write(d, WEIR_CLASS_MEMBER, weir_span(d->peer[bad].node, 5), "x", 0) ==
          WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_MEMBERS_BAD) == 1);
    CLAIM(weir_members_num(d->e->members) == 7);
    weir_drill_stop(d);
    size_t at = 0;
    if (is_damaged) /* of the records, by class and key; of odd peers' the names are larger */
        CLAIM(weir_memory_flip(d->store[WEIR_GROUP_C], at = weir_sim_draw(d->x, 2) * 6,
                               WEIR_MEMORY_VALUE, 3));
    weir_drill_start(d);
    CLAIM(d->err == WEIR_OK);
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_CORRUPT) == is_damaged);
    CLAIM(weir_members_num(d->e->members) == (is_damaged ? 6u : 7u) ||
          weir_engine_counter(d->e, WEIR_COUNT_MEMBERS_BAD) == 0);
    CLAIM(weir_members_num(d->e->members) + weir_engine_counter(d->e, WEIR_COUNT_MEMBERS_BAD) ==
          8u - is_damaged);
    CLAIM(d->e->away_us == d->mono_us);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_MEMBERS_BAD) == 0);
}

/* The store fails while they are read: the turn does, and they are read by the next one. */
static void read_again_after_failure(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_join(d, 1u << A | 1u << B);
    for (uint64_t n = 1; n <= 4; n++) { /* begin, and three reads */
        weir_drill_wait(d, 2 * SECOND);
        d->e->purge_at = d->e->scan.next_us = d->e->pull_at = UINT64_MAX;
        d->e->members_changed = true;
        uint64_t away = d->e->away_us;
        weir_memory_fail_op(d->store[WEIR_GROUP_C], n, WEIR_EIO);
        weir_drill_wait(d, 1);
        CLAIM(d->err == WEIR_EIO && weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == 1);
        CLAIM(d->e->members_changed && weir_members_num(d->e->members) == 3);
        CLAIM(d->e->away_us >= away);
        weir_drill_wait(d, SECOND);
        CLAIM(d->err == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        CLAIM(!d->e->members_changed && d->e->away_us == d->mono_us);
    }
    /* Without the vectors nothing is read. */
    d->e->unloaded = d->e->members_changed = true;
    weir_drill_wait(d, 1);
    CLAIM(d->e->members_changed && d->err == WEIR_OK);
    d->e->unloaded = false;
    /* Nor in a turn that has failed. */
    weir_drill_begin(d);
    d->e->turn_err = WEIR_ENOMEM;
    d->e->members_changed = true;
    uint64_t away = d->e->away_us = 1;
    weir_engine_members_tick(d->e);
    CLAIM(d->e->members_changed && d->e->away_us == away);
    (void)weir_drill_end(d);
}

/* -- the table -- */

/* After a bootstrap the table is made anew, with the links whose handshake is done. */
static void meet_all_again(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    d->cfg.schema_max = (uint16_t)(2 + weir_sim_draw(d->x, 9));
    weir_drill_start(d);
    weir_drill_up(d, B);
    weir_drill_meet(d, A);
    CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 1);
    weir_drill_respond(d, A);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE && weir_engine_members(d->e) == NULL);
    CLAIM(weir_engine_members_others(d->e) == 1);
    CLAIM(!weir_engine_members_confirm(d->e));
    /* Without memory for it, nothing needs it, and the next tick tries again. */
    d->e->scan.next_us = d->e->pull_at = d->e->purge_at = UINT64_MAX;
    weir_failalloc_once(1);
    weir_drill_wait(d, 0);
    (void)weir_failalloc_pause();
    CLAIM(d->err == WEIR_OK && weir_engine_members(d->e) == NULL && weir_failalloc_has_failed());
    uint64_t before = d->e->away_us;
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_engine_members(d->e) != NULL && item_of(d, A)->num_links == 1);
    CLAIM(item_of(d, A)->heard && item_of(d, B) == NULL && before != UINT64_MAX);
    CLAIM(d->e->away_us == d->mono_us);
    uint16_t level = 0;
    CLAIM(weir_members_level(d->e->members, &level) && level == d->cfg.schema_max);
    /* It is this node's: an echo of itself is none of another, and what lives under its id is
     * another. */
    uint8_t younger[WEIR_INCARNATION_LEN];
    CLAIM(weir_members_link_up(d->e->members, d->cfg.node, weir_engine_incarnation(d->e),
                               younger) == WEIR_MEMBERS_FINE);
    CLAIM(weir_members_link_up(d->e->members, d->cfg.node, d->peer[A].incarnation, younger) ==
          WEIR_MEMBERS_MYSELF);
}

/* Before the first tick, and between two tables: Hellos and heartbeats are heard all the same. */
static void live_without_table(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_members_free(&d->e->members);
    uint8_t bytes[512];
    Weir__V1__Hello *h = weir_drill_make_hello(d, A);
    size_t len = weir_frame_packed_len(&h->base);
    weir_frame_pack(WEIR_FRAME_HELLO, &h->base, bytes);
    weir_drill_begin(d);
    weir_members_free(&d->e->members);
    CLAIM(weir_engine_link_up(d->e, A, d->peer[A].node) == WEIR_OK);
    weir_engine_receive(d->e, A, weir_span(bytes, len));
    CLAIM(weir_drill_link(d, A)->handshake_done && d->e->members == NULL);
    CLAIM(!weir_engine_relays(d->e));
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
    CLAIM(weir_engine_members_heard(d->e, A, m));
    CLAIM(weir_engine_members_gossip(d->e, m) && m->n_echo == 0);
    weir_engine_link_down(d->e, A);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_members(d->e) != NULL && item_of(d, A) == NULL);
}

/* Whichever allocation fails at a handshake: the node goes on, and knows the peer by and by. */
static void stay_whole_without_memory(struct weir_drill *d)
{
    bool failed = true;

    weir_drill_start(d);
    weir_drill_join(d, 1u << B);
    for (long n = 1; n < SWEEP_MAX && failed; n++) {
        d->e->members_changed = true;
        Weir__V1__Hello *m = weir_drill_make_hello(d, A);
        weir_drill_up(d, A);
        weir_members_free(&d->e->members);
        weir_failalloc_once(n);
        weir_drill_receive(d, A, WEIR_FRAME_HELLO, &m->base);
        (void)weir_failalloc_pause();
        failed = weir_failalloc_has_failed();
        CLAIM(d->err == WEIR_OK || (d->err == WEIR_ENOMEM && failed));
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_down(d, A);
        weir_drill_wait(d, SECOND);
        CLAIM(weir_members_joined(d->e->members) == 2 && !d->e->members_changed);
    }
    CLAIM(!failed);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    refuse_the_younger, hear_no_more_of_the_younger, refuse_another_self,
    cut_off_evicted,    note_when_members_change,    read_all_records,
    read_all_records,   read_again_after_failure,    meet_all_again,
    live_without_table, stay_whole_without_memory,
};

void weir_drill_members(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
