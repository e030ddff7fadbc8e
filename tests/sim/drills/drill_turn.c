/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_turn.c - sync/engine/engine_turn.c and engine_commit.c: what a turn that fails undoes, what
 * stands, and how a node whose disk failed comes back.
 */
#include <string.h>

#include "sync/engine/engine_out.h"
#include "sync/engine/engine_turn.h"
#include "sync/members/members.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"

#define SECOND UINT64_C(1000000)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static size_t num_frames(const struct weir_drill *d)
{
    return weir_drill_num(d, WEIR_OUT_SEND) + weir_drill_num(d, WEIR_OUT_PUBLISH);
}

/* -- one turn -- */

static void begin_anew(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    CLAIM(d->e->outs.arena.used > 0 && !d->e->in_turn);
    d->e->served = 8;
    d->e->retried = true;
    d->e->floor_rose = true;
    d->e->turn_err = WEIR_EIO;
    weir_engine_turn(d->e);
    CLAIM(d->e->in_turn && d->e->state_before == WEIR_ENGINE_LIVE);
    CLAIM(d->e->served == 0 && !d->e->retried && !d->e->floor_rose);
    CLAIM(d->e->turn_err == WEIR_OK);
    CLAIM(d->e->outs.num == 0 && d->e->outs.at == 0 && d->e->outs.arena.used == 0);
    struct weir_engine_out out;
    d->e->served = 3;
    weir_engine_alarm(d->e, WEIR_ALARM_LANES, 5);
    weir_engine_turn(d->e); /* it is open: nothing happens */
    CLAIM(d->e->served == 3 && d->e->outs.num == 1);
    CLAIM(!weir_engine_next(d->e, &out));
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    CLAIM(weir_engine_next(d->e, &out) && out.what == WEIR_OUT_ALARM && out.link == 5);
    CLAIM(!weir_engine_next(d->e, &out));
    CLAIM(weir_engine_commit(d->e) == WEIR_OK && d->e->outs.num == 0); /* of no input */
}

static void begin_a_transaction_once(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_begin(d);
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C) && weir_engine_begin(d->e, WEIR_GROUP_C));
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops <= ops + 1);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    weir_engine_fail(d->e, WEIR_EIO); /* the first one stays */
    CLAIM(!weir_engine_begin(d->e, WEIR_GROUP_C) && !weir_engine_begin(d->e, WEIR_GROUP_E));
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    weir_memory_fail_op(d->store[WEIR_GROUP_E], 1, WEIR_EIO);
    weir_drill_begin(d);
    CLAIM(!weir_engine_begin(d->e, WEIR_GROUP_E) && d->e->turn_err == WEIR_EIO);
    CLAIM(weir_drill_end(d) == WEIR_EIO);
}

/* -- two stores, two commits -- */

static void write_both(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "1");
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);

    ban.cookie = 8;
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_OK);
    (void)weir_drill_end(d);
}

static void claim_both(struct weir_drill *d, enum weir_err settings, enum weir_err bans)
{
    size_t num = (settings == WEIR_OK) + (bans == WEIR_OK);
    const struct weir_engine_out *first = weir_drill_out(d, WEIR_OUT_ACKED, 0);
    const struct weir_engine_out *second = weir_drill_out(d, WEIR_OUT_ACKED, 1);

    if (!CLAIM(first != NULL && second != NULL && weir_drill_num(d, WEIR_OUT_ACKED) == 2))
        return;
    CLAIM(first->cookie == 7 && first->err == settings);
    CLAIM(second->cookie == 8 && second->err == bans);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == num);
    if (settings < 0 && num > 0)
        CLAIM(weir_drill_out(d, WEIR_OUT_CHANGED, 0)->class == WEIR_CLASS_BAN);
    CLAIM(weir_drill_has(d, "k", settings == WEIR_OK ? "1" : NULL));
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_E]).num_records == (bans == WEIR_OK));
    CLAIM(settings == WEIR_OK || num_frames(d) == 0);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        bool stands = (g == WEIR_GROUP_C ? settings : bans) == WEIR_OK;
        CLAIM(weir_engine_vv(d->e, (enum weir_group)g)->num == stands);
        CLAIM(weir_drill_meta(d, (enum weir_group)g).seq == stands);
    }
}

static void commit_bans_alone(struct weir_drill *d, bool lanes, enum weir_err how)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    if (lanes)
        weir_memory_fail_op(d->store[WEIR_GROUP_C], 4, how); /* begin, get, put; the lane's row */
    else
        weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, how);
    write_both(d);
    CLAIM(d->err == how);
    claim_both(d, how, WEIR_OK);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.num == 1 && d->e->group[WEIR_GROUP_C].pub.num == 0);
    bool disk = how != WEIR_ENOMEM;
    CLAIM(weir_engine_state(d->e) == (disk ? WEIR_ENGINE_READONLY : WEIR_ENGINE_LIVE));
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == disk);
}

static void lose_both(struct weir_drill *d, bool lanes, enum weir_err how)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    uint64_t commits = weir_memory_counts(d->store[WEIR_GROUP_C]).num_commits;
    if (lanes)
        weir_memory_fail_op(d->store[WEIR_GROUP_E], 4, how);
    else
        weir_memory_fail_commit(d->store[WEIR_GROUP_E], 1, how);
    write_both(d);
    CLAIM(d->err == how);
    claim_both(d, how, how);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_commits == commits);
    CLAIM(d->e->group[WEIR_GROUP_E].pub.num == 0);
    if (how != WEIR_ENOMEM)
        return;
    write_both(d);
    claim_both(d, WEIR_OK, WEIR_OK);
}

static void fail_each_commit(struct weir_drill *d)
{
    static const enum weir_err errs[] = { WEIR_EIO, WEIR_EFULL, WEIR_ENOMEM };
    struct weir_sim_exam *x = d->x;

    for (unsigned i = 0; i < 12 && x->claim == NULL; i++) {
        if (i < 6)
            commit_bans_alone(d, i % 2 != 0, errs[i / 2]);
        else
            lose_both(d, i % 2 != 0, errs[i / 2 - 3]);
        weir_drill_renew(d);
    }
}

/* -- what a failed turn leaves behind -- */

static void fail_turn(struct weir_drill *d, enum weir_err err)
{
    weir_drill_begin(d);
    weir_engine_fail(d->e, err);
    CLAIM(weir_drill_end(d) == err);
}

static void lose_sessions_and_ask_again(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&d->peer[0].vv[WEIR_GROUP_C], lane, 3);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, 0, 0);
    if (!CLAIM(f != NULL))
        return;
    Weir__V1__PullRep *m = weir_drill_make_rep(d, 0, f->msg.pull_req);
    weir_drill_receive(d, 0, WEIR_FRAME_PULL_REP, &m->base);
    CLAIM(d->e->links[0]->given[WEIR_GROUP_C].num == 1);
    weir_drill_meet(d, 3);
    CLAIM(d->e->pulls[0].open + d->e->pulls[1].open == 2);
    CLAIM(d->e->scan.summed);
    weir_drill_begin(d);
    d->e->audit.open = true;
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 2);
    CLAIM(d->e->links[0]->given[WEIR_GROUP_C].num == 0);
    CLAIM(!d->e->audit.open && !d->e->scan.summed);
    CLAIM(d->e->links[0]->hello_wanted && d->e->links[3]->hello_wanted);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_DISK_FAILED) == 0 && num_frames(d) == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 0) == 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 3) == 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_ANY) == 2);
    CLAIM(d->e->scan.summed);
}

/* A member's record is deleted, which is known before the commit fails. */
static void forget_what_members_were_told(struct weir_drill *d)
{
    struct weir_engine_write w = { .class = WEIR_CLASS_MEMBER, .delete = true };

    weir_drill_start(d);
    CLAIM(weir_drill_member(d, d->peer[0].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_members_find(weir_engine_members(d->e), d->peer[0].node) != NULL);
    w.key = weir_span(d->peer[0].node, WEIR_NODE_ID_LEN);
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    weir_engine_tick(d->e, d->mono_us, d->wall_ms + d->mono_us / 1000);
    CLAIM(weir_members_find(weir_engine_members(d->e), d->peer[0].node) == NULL);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    weir_drill_wait(d, 0);
    CLAIM(weir_members_find(weir_engine_members(d->e), d->peer[0].node) != NULL);
}

static void go_back_to_the_state_before(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 0);
}

/* -- READONLY -- */

static void retry_each_second(struct weir_drill *d)
{
    struct weir_memory *m = d->store[WEIR_GROUP_C];

    weir_drill_start(d);
    weir_drill_wait(d, SECOND / 2); /* a heartbeat comes between two attempts */
    fail_turn(d, WEIR_EFULL);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_DISK_FAILED) == 1);
    uint64_t retry_at = d->mono_us + SECOND;
    for (uint64_t op = 1; op <= 2; op++) { /* begin, the numbers */
        weir_drill_wait(d, 1);             /* the members are read again */
        uint64_t ops = weir_memory_counts(m).num_ops;
        weir_drill_wait(d, retry_at - 1 - d->mono_us);
        CLAIM(weir_memory_counts(m).num_ops == ops);
        CLAIM(weir_engine_deadline(d->e) == retry_at);
        weir_memory_fail_op(m, op, WEIR_EIO);
        weir_drill_wait(d, 1);
        CLAIM(d->err == WEIR_EIO);
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_DISK_FAILED) == 1);
        retry_at = d->mono_us + SECOND;
    }
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    weir_drill_wait(d, 1);
    CLAIM(d->err == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    fail_turn(d, WEIR_EIO);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == 1);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
}

/* The vectors cannot be read either: the node neither hears nor is heard until they can. */
static void wait_for_the_vectors(struct weir_drill *d)
{
    unsigned g = (unsigned)weir_sim_draw(d->x, WEIR_GROUP_COUNT);
    uint64_t ms = d->mono_us / 1000;

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    write_both(d);
    CLAIM(d->err == WEIR_OK);
    weir_drill_wait(d, SECOND / 2);
    weir_memory_set_trouble(d->store[g], WEIR_MEMORY_DEAD);
    fail_turn(d, WEIR_ENOMEM); /* by itself no fault of the disk */
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_DISK_FAILED) == 1 && d->e->unloaded);
    weir_drill_hello(d, 0, false);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1 && num_frames(d) == 0);
    CLAIM(weir_drill_put(d, "k", "2") == WEIR_EIO);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(num_frames(d) == 0 && d->err == WEIR_OK);
    uint64_t ops = weir_memory_counts(d->store[g]).num_ops;
    weir_drill_wait(d, 1);
    CLAIM(weir_memory_counts(d->store[g]).num_ops == ops + 1);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY && d->err == WEIR_OK);
    weir_memory_set_trouble(d->store[g], WEIR_MEMORY_SOUND);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY && d->e->unloaded);
    weir_drill_wait(d, 1);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE && !d->e->unloaded);
    CLAIM(weir_engine_vv(d->e, WEIR_GROUP_C)->num == 1);
    CLAIM(weir_engine_vv(d->e, WEIR_GROUP_E)->num == 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 0) == 1);
    weir_drill_hello(d, 0, false);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(weir_drill_put(d, "k", "3") == WEIR_OK && d->mono_us / 1000 > ms);
}

/* Nothing that needs the store is begun while the disk is known to fail, or when stale. */
static void rest_while_readonly(struct weir_drill *d)
{
    bool stale = weir_sim_draw(d->x, 2) == 0;

    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    weir_drill_wait(d, 0);
    if (stale) {
        weir_drill_begin(d);
        weir_engine_give_up(d->e);
        CLAIM(weir_drill_end(d) == WEIR_OK);
    } else {
        fail_turn(d, WEIR_EIO);
    }
    d->e->scan.next_us = d->e->purge_at = d->mono_us;
    d->e->members_changed = false;
    d->e->tombstones_at = d->mono_us;
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops +
                   weir_memory_counts(d->store[WEIR_GROUP_E]).num_ops;
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops +
              weir_memory_counts(d->store[WEIR_GROUP_E]).num_ops ==
          ops);
}

/* -- STALE -- */

static void export_each_minute(struct weir_drill *d)
{
    uint8_t incarnation[WEIR_INCARNATION_LEN];

    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    memcpy(incarnation, weir_engine_incarnation(d->e), sizeof(incarnation));
    weir_drill_begin(d);
    weir_engine_exported(d->e, true); /* nobody asked */
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    const struct weir_engine_out *o = weir_drill_out(d, WEIR_OUT_EXPORT, 0);
    CLAIM(o != NULL && o->link == WEIR_ENGINE_NO_LINK);
    uint64_t asked_us = d->mono_us;
    weir_drill_begin(d);
    weir_engine_give_up(d->e); /* once is enough */
    weir_engine_exported(d->e, false);
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 0);
    weir_drill_wait(d, 60 * SECOND - 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 0);
    CLAIM(weir_engine_deadline(d->e) == asked_us + 60 * SECOND);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 1);
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    weir_drill_begin(d);
    weir_engine_exported(d->e, true);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM && weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    CLAIM(weir_drill_has(d, "k", "1"));
    weir_drill_begin(d);
    weir_engine_exported(d->e, true); /* of an export that was answered already */
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 1);
    weir_drill_begin(d);
    weir_engine_exported(d->e, true);
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_RESETS) == 1 && weir_drill_has(d, "k", NULL));
    CLAIM(memcmp(incarnation, weir_engine_incarnation(d->e), sizeof(incarnation)) != 0);
    weir_drill_wait(d, 120 * SECOND);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 0);
}

/* Given up before any time was told. */
static void reset_before_the_first_tick(struct weir_drill *d)
{
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    weir_engine_give_up(d->e);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    weir_engine_exported(d->e, true);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    begin_anew,
    begin_a_transaction_once,
    fail_each_commit,
    lose_sessions_and_ask_again,
    forget_what_members_were_told,
    go_back_to_the_state_before,
    retry_each_second,
    wait_for_the_vectors,
    wait_for_the_vectors,
    rest_while_readonly,
    rest_while_readonly,
    export_each_minute,
    reset_before_the_first_tick,
};

void weir_drill_turn(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
