/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_active.c - sync/engine/engine_active.c: which records are not yet active here, and what
 * heartbeats report of them.
 */
#include <string.h>

#include "sync/engine/engine_active.h"
#include "sync/engine/engine_turn.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define SOON   UINT64_C(20000) /* changes are reported so much later at most */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static void start_compiled(struct weir_drill *d)
{
    d->cfg.compiled = UINT32_C(1) << WEIR_CLASS_TENANT;
    weir_drill_start(d);
    CLAIM(!d->e->active_loading && weir_engine_active(d->e) != NULL);
}

static size_t in_state(const struct weir_drill *d, enum weir_active_state state)
{
    return weir_active_count(weir_engine_active(d->e), state);
}

static void report(struct weir_drill *d, const char *key, enum weir_active_state state)
{
    struct weir_version v = weir_drill_find(d, WEIR_CLASS_TENANT, weir_span_cstr(key)).rec.version;

    weir_drill_begin(d);
    weir_engine_activated(d->e, &v, state, WEIR_SPAN_LIT("because"));
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

static const Weir__V1__Heartbeat *beat(const struct weir_drill *d)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);

    return f != NULL ? f->msg.heartbeat : NULL;
}

/* -- what is tracked -- */

static void track_each_change(struct weir_drill *d)
{
    start_compiled(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(weir_drill_put(d, "b", "1") == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2 && d->e->num_stored_ops == 0);
    report(d, "a", WEIR_ACTIVE_LIVE);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1);
    CLAIM(weir_drill_put(d, "a", "2") == WEIR_OK); /* replaces what is served until then */
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2 && in_state(d, WEIR_ACTIVE_REPLACED) == 0);
    CLAIM(weir_drill_put(d, "b", "2") == WEIR_OK); /* replaces what never was */
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2 && in_state(d, WEIR_ACTIVE_REPLACED) == 1);
    report(d, "b", WEIR_ACTIVE_LIVE);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1 && in_state(d, WEIR_ACTIVE_REPLACED) == 0);
    struct weir_engine_write w = weir_drill_make_write(d, "c", "1");
    w.min_reader = 2;
    CLAIM(weir_drill_write_one(d, &w) == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_HELD_SCHEMA) == 1);
    w.min_reader = 1;
    w.class = WEIR_CLASS_SETTING; /* needs no compiler */
    CLAIM(weir_drill_write_one(d, &w) == WEIR_OK);
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1 && in_state(d, WEIR_ACTIVE_HELD_SCHEMA) == 1);
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_OK && d->e->num_stored_ops == 0);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_drill_stop(d); /* all is read again; what was live waits too */
    start_compiled(d);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2 && in_state(d, WEIR_ACTIVE_HELD_SCHEMA) == 1);
}

static void track_many_of_a_turn(struct weir_drill *d)
{
    unsigned num = 65 + (unsigned)weir_sim_draw(d->x, 70);

    start_compiled(d);
    weir_drill_begin(d);
    for (unsigned i = 0; i < num; i++) {
        struct weir_engine_write w = weir_drill_make_write(d, "a", "1");
        uint8_t key[] = { 'k', (uint8_t)i };
        w.key = weir_span(key, sizeof(key));
        CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    }
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 0); /* not durable yet */
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == num);
}

static void forget_what_was_undone(struct weir_drill *d)
{
    start_compiled(d);
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_ENOMEM);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 0 && d->e->num_stored_ops == 0);
    CLAIM(!d->e->active_loading);
    CLAIM(weir_drill_put(d, "b", "1") == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1);
}

/* A tombstone that nobody made anything of: with it goes what waits for it. */
static void forget_what_was_purged(struct weir_drill *d)
{
    d->cfg.intervals.tombstone_ms = 2000;
    d->cfg.intervals.purge_us = SECOND;
    start_compiled(d);
    CLAIM(weir_drill_put(d, "a", NULL) == WEIR_OK);
    CLAIM(weir_drill_put(d, "b", "1") == WEIR_OK);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2);
    unsigned purged = 0;
    for (unsigned i = 0; i < 4; i++) {
        weir_drill_wait(d, SECOND);
        purged += (unsigned)weir_drill_num(d, WEIR_OUT_PURGED);
    }
    CLAIM(purged == 1 && in_state(d, WEIR_ACTIVE_STORED) == 1);
}

/* The walk belongs to a turn that failed: it begins anew. */
static void walk_again_after_a_failure(struct weir_drill *d)
{
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_TENANT, .version = { .lane = "lane", .seq = 4 } },
    };

    start_compiled(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    weir_drill_stop(d);
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    weir_drill_begin(d);
    CLAIM(!d->e->active_loading && d->e->active_walked);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(d->e->active_loading && !d->e->active_walked);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 0);
    weir_drill_begin(d);
    CLAIM(!d->e->active_loading && d->e->active_walked);
    CLAIM(weir_drill_end(d) == WEIR_OK && !d->e->active_walked);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1);
    weir_drill_begin(d);
    d->e->active_walked = true;
    d->e->active_loading = true; /* in its middle: it has come to one record */
    weir_engine_active_walk(d->e, &rec);
    CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 2);
    d->e->active_loading = d->e->active_walked = false;
    rec.rec.version.seq++;
    weir_engine_active_walk(d->e, &rec); /* nobody wants to know */
    weir_engine_active_walked(d->e);
    CLAIM(!d->e->active_walked && in_state(d, WEIR_ACTIVE_STORED) == 2);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* -- heartbeats -- */

static void hasten_the_next_heartbeat(struct weir_drill *d)
{
    start_compiled(d);
    weir_drill_meet(d, 0);
    weir_drill_wait(d, SECOND);
    uint64_t at = d->mono_us;
    CLAIM(d->e->heartbeat_at == at + SECOND);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(d->e->heartbeat_at == at + SOON && weir_engine_deadline(d->e) <= at + SOON);
    weir_drill_wait(d, SOON - 1);
    CLAIM(weir_drill_put(d, "b", "1") == WEIR_OK && d->e->heartbeat_at == at + SOON);
    CLAIM(beat(d) == NULL);
    weir_drill_wait(d, 1);
    const Weir__V1__Heartbeat *m = beat(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    if (!CLAIM(m != NULL) || !CLAIM(m->n_ack == 1))
        return;
    CLAIM(memcmp(m->ack[0]->lane.data, meta.lane, WEIR_LANE_LEN) == 0);
    CLAIM(m->ack[0]->durable == 2 && m->ack[0]->active == 0);
    at = d->mono_us;
    report(d, "a", WEIR_ACTIVE_LIVE);
    CLAIM(d->e->heartbeat_at == at + SOON);
    weir_drill_wait(d, SOON);
    m = beat(d);
    if (CLAIM(m != NULL) && CLAIM(m->n_ack == 1))
        CLAIM(m->ack[0]->durable == 2 && m->ack[0]->active == 1);
    at = d->mono_us;
    report(d, "a", WEIR_ACTIVE_LIVE); /* late: nothing changes */
    CLAIM(d->e->heartbeat_at == at + SECOND);
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK && d->e->heartbeat_at == at + SECOND);
    report(d, "b", WEIR_ACTIVE_REJECTED);
    weir_drill_wait(d, SOON);
    m = beat(d);
    if (CLAIM(m != NULL) && CLAIM(m->n_ack == 1))
        CLAIM(m->ack[0]->rejected == 2 && strcmp(m->ack[0]->why, "because") == 0);
}

static void hasten_nothing_that_is_not_reported(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(d->e->heartbeat_at == d->mono_us + SECOND);
}

/* More lanes than one heartbeat has room for; and all of them again to one that has come since. */
static void report_lanes_by_turns(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 2, .seen = 2 };
    struct weir_store_meta meta = { .live = true };

    for (uint8_t i = 0; i < 9; i++) {
        weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, i, row.lane);
        weir_drill_set_row(d, WEIR_GROUP_C, &row);
    }
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    start_compiled(d);
    for (unsigned round = 0; round < 2; round++) {
        weir_drill_meet(d, round);
        weir_drill_wait(d, SECOND);
        const Weir__V1__Heartbeat *m = beat(d);
        CLAIM(m != NULL && m->n_ack == 8 && m->ack[0]->durable == 2 && m->ack[0]->active == 2);
        weir_drill_wait(d, SECOND);
        m = beat(d);
        CLAIM(m != NULL && m->n_ack >= 1);
        weir_drill_wait(d, 61 * SECOND);
        weir_drill_wait(d, SECOND);
        m = beat(d);
        CLAIM(m != NULL && m->n_ack == 0); /* nothing has changed for a minute */
    }
}

static void hear_what_others_report(struct weir_drill *d)
{
    struct weir_acks_count count;

    start_compiled(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    CLAIM(weir_drill_member(d, d->peer[0].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    struct weir_version v = weir_drill_find(d, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")).rec.version;
    weir_drill_wait(d, SECOND);
    CLAIM(weir_engine_acks(d->e, &v, &count) && count.members == 2);
    CLAIM(count.durable == 1 && count.active == 0 && count.waiting == 1);
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, 0);
    struct weir_ack ack = { .durable = v.seq, .active = v.seq };
    struct weir_ack_message good, bad;
    Weir__V1__Ack *list[] = { &bad.msg, &good.msg };
    memcpy(ack.lane, v.lane, WEIR_LANE_LEN);
    weir_ack_pack(&ack, &good);
    weir_ack_pack(&ack, &bad);
    bad.msg.active = bad.msg.durable + 1;
    m->ack = list;
    m->n_ack = 2;
    weir_drill_receive(d, 0, WEIR_FRAME_HEARTBEAT, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_engine_acks(d->e, &v, &count));
    CLAIM(count.durable == 2 && count.active == 1 && count.rejected == 0);
}

/* Before the first tick nothing is known, and what comes then is no fault. */
static void hear_before_the_first_tick(struct weir_drill *d)
{
    struct weir_store_meta meta = { .live = true };
    struct weir_lane_row row = { .vv = 2, .seen = 2 };
    struct weir_ack ack = { .durable = 2 };
    struct weir_ack_message msg;
    Weir__V1__Ack *list[] = { &msg.msg };
    struct weir_version v = { .seq = 2 };
    struct weir_acks_count count;

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, row.lane);
    memcpy(v.lane, row.lane, WEIR_LANE_LEN);
    memcpy(ack.lane, row.lane, WEIR_LANE_LEN);
    weir_drill_set_row(d, WEIR_GROUP_C, &row);
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    weir_ack_pack(&ack, &msg);
    Weir__V1__Hello *hello = weir_drill_make_hello(d, 0);
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, 0);
    m->ack = list;
    m->n_ack = 1;
    uint8_t *bytes = weir_drill_alloc(d, weir_frame_packed_len(&hello->base));
    weir_frame_pack(WEIR_FRAME_HELLO, &hello->base, bytes);
    CLAIM(weir_engine_link_up(d->e, 0, d->peer[0].node) == WEIR_OK);
    weir_engine_receive(d->e, 0, weir_span(bytes, weir_frame_packed_len(&hello->base)));
    bytes = weir_drill_alloc(d, weir_frame_packed_len(&m->base));
    weir_frame_pack(WEIR_FRAME_HEARTBEAT, &m->base, bytes);
    weir_engine_receive(d->e, 0, weir_span(bytes, weir_frame_packed_len(&m->base)));
    weir_engine_activated(d->e, &v, WEIR_ACTIVE_LIVE, WEIR_SPAN_EMPTY);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    CLAIM(weir_engine_active(d->e) == NULL && !weir_engine_acks(d->e, &v, &count));
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_FRAMES_STRANGE) == 0);
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_active(d->e) != NULL && weir_engine_acks(d->e, &v, &count));
    struct weir_acks *acks = d->e->acks;
    struct weir_members *members = d->e->members;
    d->e->members = NULL; /* as after a bootstrap, until the next tick */
    CLAIM(!weir_engine_acks(d->e, &v, &count));
    d->e->members = members;
    d->e->acks = NULL;
    CLAIM(!weir_engine_acks(d->e, &v, &count));
    d->e->acks = acks;
}

/* -- without memory -- */

/* Each allocation of the first turns fails once: a heartbeat is missing at most, and a second later
 * all is known. */
static void fail_an_allocation(struct weir_drill *d)
{
    for (long n = 1; n < 2 * WEIR_DRILL_ALLOCS && d->x->claim == NULL; n++) {
        d->cfg.compiled = UINT32_C(1) << WEIR_CLASS_TENANT;
        weir_drill_start(d);
        CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
        weir_drill_stop(d);
        d->cfg.seed++; /* or it would draw the same lane */
        if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
            return;
        CLAIM(weir_engine_link_up(d->e, 0, d->peer[0].node) == WEIR_OK);
        CLAIM(weir_engine_commit(d->e) == WEIR_OK);
        weir_failalloc_once(n);
        weir_drill_begin(d);
        weir_drill_end(d);
        CLAIM(d->err == WEIR_ENOMEM || beat(d) != NULL ||
              weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 1);
        struct weir_engine_write w = weir_drill_make_write(d, "b", "1");
        enum weir_err err = weir_drill_write_one(d, &w);
        bool more = weir_sim_plenty();
        CLAIM(err == WEIR_OK || (more && err == WEIR_ENOMEM));
        CLAIM(!more || n + 1 < 2 * WEIR_DRILL_ALLOCS);
        weir_drill_wait(d, SECOND);
        CLAIM(d->err == WEIR_OK && beat(d) != NULL);
        for (unsigned i = 0; i < 3; i++)
            weir_drill_wait(d, SECOND);
        CLAIM(weir_engine_active(d->e) != NULL && beat(d) != NULL && beat(d)->n_ack >= 1);
        CLAIM(in_state(d, WEIR_ACTIVE_STORED) == 1u + (err == WEIR_OK));
        weir_drill_renew(d);
        if (!more)
            return;
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    track_each_change,
    track_many_of_a_turn,
    forget_what_was_undone,
    forget_what_was_purged,
    walk_again_after_a_failure,
    hasten_the_next_heartbeat,
    hasten_nothing_that_is_not_reported,
    report_lanes_by_turns,
    hear_what_others_report,
    hear_before_the_first_tick,
    fail_an_allocation,
};

void weir_drill_active(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
