/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_retire.c - sync/engine/engine_retire.c: which lanes end, by whom, when their ends are
 * known, and what is folded. Rule R14. A tick of it is called in a turn whose time stands still, so
 * that nothing else happens.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"
#include "sync/frame/member.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill.h"
#include "tests/sim/drills/drills.h"

#define SMALLER    0 /* a peer whose name is smaller than the engine's */
#define LARGER     1
#define DELETED    UINT64_MAX
#define RETIRE_MAX 64
#define VERIFY_MAX 16
#define MOTION_US  (2 * WEIR_ENGINE_HEARTBEAT_US)
#define MANY       70

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- parts -- */

static struct engine_group *c_of(const struct weir_drill *d)
{
    return &d->e->group[WEIR_GROUP_C];
}

static void tick(struct weir_drill *d)
{
    weir_drill_begin(d);
    weir_engine_retire_tick(d->e);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* The same while a damaged record is fetched. */
static void tick_in_repair(struct weir_drill *d)
{
    weir_drill_begin(d);
    d->e->num_damaged = 1;
    weir_engine_retire_tick(d->e);
    d->e->num_damaged = 0;
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* The engine has the lane up to `vv`, and has met a record with the number `seen`. */
static void give(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN], uint64_t vv,
                 uint64_t seen)
{
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C));
    weir_engine_raise(d->e, WEIR_GROUP_C, lane, vv);
    weir_engine_note_seen(d->e, WEIR_GROUP_C, lane, seen);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* A lane of this node that it no longer writes on; it has `seq` of it. */
static void give_own(struct weir_drill *d, uint8_t n, uint64_t seq, uint8_t ret[WEIR_LANE_LEN])
{
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, n, ret);
    give(d, ret, seq, 0);
}

static void give_of(struct weir_drill *d, uint32_t peer, uint64_t seq, uint8_t ret[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[peer].node, WEIR_GROUP_C, 1, ret);
    give(d, ret, seq, 0);
}

/* A user states where a lane ends. */
static void put_end(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN], uint64_t end)
{
    uint8_t value[ENGINE_FINAL_LEN];
    struct weir_engine_write w = {
        .class = WEIR_CLASS_LANE,
        .key = weir_span(lane, WEIR_LANE_LEN),
        .value = weir_span(value, sizeof(value)),
    };

    weir_num_write_le(value, end, sizeof(value));
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* Where the record states that the lane ends. 0: there is no record. */
static uint64_t end_here(const struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_stored_record rec;

    if (weir_memory_find(d->store[WEIR_GROUP_C], WEIR_CLASS_LANE, weir_span(lane, WEIR_LANE_LEN),
                         &rec) != WEIR_OK)
        return 0;
    if (rec.rec.tombstone)
        return rec.rec.value.len == 0 ? DELETED : 0;
    return rec.rec.value.len == ENGINE_FINAL_LEN ? weir_num_get_le(rec.rec.value.at, 8) : 0;
}

static bool is_folded(const struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    const struct engine_group *c = c_of(d);

    return weir_vector_get(&c->folded, lane) == seq && weir_vector_get(&c->vv, lane) == 0;
}

static uint64_t wrote(const struct weir_drill *d)
{
    return weir_drill_counted(d, WEIR_COUNT_WRITES);
}

static void lose_record(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_record_store *r = d->cfg.records[WEIR_GROUP_C];

    CLAIM(r->ops->begin(r) == WEIR_OK);
    CLAIM(r->ops->drop(r, WEIR_CLASS_LANE, weir_span(lane, WEIR_LANE_LEN)) == WEIR_OK);
    CLAIM(r->ops->commit(r) == WEIR_OK);
}

static bool find_end(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    (void)damaged;
    ++*(size_t *)arg;
    return rec->rec.class != WEIR_CLASS_LANE;
}

/* The first record that ends a lane is damaged. */
static void flip_end(struct weir_drill *d)
{
    size_t at = 0;

    weir_memory_each_record(d->store[WEIR_GROUP_C], find_end, &at);
    CLAIM(at > 0 && weir_memory_flip(d->store[WEIR_GROUP_C], at - 1, WEIR_MEMORY_VALUE, 3));
}

/* The engine is a member; of peers with a record those that are linked are alive. They do not live,
 * so that nothing is pulled from them. */
static void start_as_member(struct weir_drill *d)
{
    for (unsigned i = 0; i < WEIR_DRILL_PEERS; i++)
        d->peer[i].live = false;
    weir_drill_start(d);
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0); /* members.h has read it */
    CLAIM(weir_members_find(weir_engine_members(d->e), d->cfg.node)->life == WEIR_MEMBERS_ALIVE);
}

static void join_member(struct weir_drill *d, uint32_t peer, enum weir_member_state state)
{
    CLAIM(weir_drill_member(d, d->peer[peer].node, state) == WEIR_OK);
    weir_drill_wait(d, 0);
}

/* -- which lanes end -- */

/* A node ends its own lanes, where it has them to; not that on which it writes, nor others'. */
static void end_own_lanes(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];
    uint8_t other[WEIR_LANE_LEN];
    uint64_t seq = 1 + weir_sim_draw(d->x, 1000);

    weir_drill_start(d);
    weir_drill_up(d, SMALLER);
    give_own(d, 1, seq, a);
    give_own(d, 2, seq + 1, b);
    give_of(d, LARGER, 4, other);
    tick(d);
    CLAIM(end_here(d, a) == seq && end_here(d, b) == seq + 1 && end_here(d, other) == 0);
    CLAIM(end_here(d, c_of(d)->meta.lane) == 0);
    CLAIM(wrote(d) == 2 && weir_drill_num(d, WEIR_OUT_CHANGED) == 2);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 0 && weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, a).final == seq);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_BATCH_C, WEIR_ENGINE_NO_LINK, 0);
    if (CLAIM(f != NULL && f->msg.batch->n_r == 2)) {
        const Weir__V1__Record *r = f->msg.batch->r[1];
        CLAIM(r->class_ == WEIR_CLASS_LANE && r->flags == 0 && r->expires == 0 && r->schema == 0);
        CLAIM(weir_span_eq(weir_span(r->key.data, r->key.len), weir_span(b, WEIR_LANE_LEN)));
        CLAIM(r->value.len == ENGINE_FINAL_LEN && weir_num_get_le(r->value.data, 8) == seq + 1);
    }
    tick(d);
    CLAIM(wrote(d) == 0); /* no member: nobody knows of it */
    CLAIM(!d->e->lacks_end);
    weir_drill_wait(d, WEIR_ENGINE_HEARTBEAT_US);
    give_own(d, 3, 5, a);
    weir_drill_wait(d, WEIR_ENGINE_HEARTBEAT_US); /* each second */
    CLAIM(end_here(d, a) == 5);
}

/* After a start a member that is away may yet let this node go on writing on its lane. */
static void wait_for_members(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    give_own(d, 1, 2, a);
    d->e->lane_drawn[WEIR_GROUP_C] = false;
    tick(d);
    CLAIM(wrote(d) == 0 && end_here(d, a) == 0);
    d->e->lane_drawn[WEIR_GROUP_C] = true;
    tick(d);
    CLAIM(wrote(d) == 1 && end_here(d, a) == 2);
    give_own(d, 2, 3, a);
    weir_drill_meet(d, LARGER);
    d->e->lane_drawn[WEIR_GROUP_C] = false;
    tick(d);
    CLAIM(end_here(d, a) == 3);
}

/* The first member that is alive ends the lanes of those that left or were evicted. */
static void end_lanes_of_others(struct weir_drill *d)
{
    uint8_t lane[6][WEIR_LANE_LEN];

    weir_drill_start(d);
    for (unsigned i = 0; i < WEIR_DRILL_PEERS; i++)
        d->peer[i].live = false;
    for (uint32_t i = 2; i < 6; i++)
        give_of(d, i, i, lane[i]);
    join_member(d, 2, WEIR_MEMBER_LEFT);
    join_member(d, 3, WEIR_MEMBER_EVICTED);
    join_member(d, 4, WEIR_MEMBER_JOINED); /* SUSPECT */
    tick(d);
    CLAIM(wrote(d) == 0); /* this node is no member */
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    weir_drill_meet(d, LARGER);
    tick(d);
    CLAIM(wrote(d) == 0); /* another is */
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0);
    join_member(d, SMALLER, WEIR_MEMBER_JOINED);
    weir_drill_meet(d, SMALLER);
    tick(d);
    CLAIM(wrote(d) == 0); /* a smaller one is alive */
    join_member(d, SMALLER, WEIR_MEMBER_LEFT);
    tick(d);
    CLAIM(wrote(d) == 2);
    CLAIM(end_here(d, lane[2]) == 2 && end_here(d, lane[3]) == 3);
    CLAIM(end_here(d, lane[4]) == 0 && end_here(d, lane[5]) == 0);
}

/* While records may come beyond what it has of a lane, it does not end. */
static void end_whole_lanes(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 2, a);
    give(d, a, 2, 4);
    give_own(d, 2, 5, b);
    tick(d);
    CLAIM(wrote(d) == 2 && end_here(d, a) == 0); /* alone it knows at once that all know */
    CLAIM(end_here(d, b) == (5 | ENGINE_FOLDED));
    d->mono_us += MOTION_US;
    weir_drill_begin(d); /* its own tick is that of the next second */
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(end_here(d, a) == (2 | ENGINE_FOLDED));
}

/* A turn writes so many records, first of those that do not end yet, in the order of their names;
 * then of those that end, in the opposite order. */
static void end_many(struct weir_drill *d)
{
    static uint8_t lane[MANY][WEIR_LANE_LEN];

    start_as_member(d);
    for (unsigned i = 0; i < MANY; i++)
        give_own(d, (uint8_t)(i + 1), i + 1, lane[i]);
    tick(d);
    CLAIM(wrote(d) == RETIRE_MAX);
    for (unsigned i = 0; i < MANY; i++)
        CLAIM(end_here(d, lane[i]) == (i < RETIRE_MAX ? i + 1 : 0));
    tick(d);
    CLAIM(wrote(d) == RETIRE_MAX);
    for (unsigned i = 0; i < MANY; i++)
        CLAIM(end_here(d, lane[i]) == (i < 12 ? i + 1 : (i + 1) | ENGINE_FOLDED));
    CLAIM(c_of(d)->folded.num == 0);
    tick(d);
    CLAIM(wrote(d) == 12 && c_of(d)->folded.num == MANY - 12 && c_of(d)->final.num == 12);
    tick(d);
    CLAIM(wrote(d) == 0 && c_of(d)->folded.num == MANY && c_of(d)->final.num == 0);
    CLAIM(c_of(d)->vv.num == 1);
    for (unsigned i = 0; i < MANY; i++)
        CLAIM(is_folded(d, lane[i], i + 1));
}

/* What cannot be written now is tried again at the next tick, with all behind it. */
static void end_after_damage(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    give_own(d, 2, 5, b);
    put_end(d, a, 4);
    weir_vector_forget(&c_of(d)->final, a);
    flip_end(d);
    tick(d);
    CLAIM(wrote(d) == 0 && end_here(d, a) == 0 && end_here(d, b) == 0);
    tick(d);
    CLAIM((end_here(d, a) & ~ENGINE_FOLDED) == 4 && (end_here(d, b) & ~ENGINE_FOLDED) == 5);
}

/* -- lanes that end -- */

/* Who writes on a lane deletes what ends it; who has more of one writes where it ends for it. */
static void mend_ends(struct weir_drill *d)
{
    uint8_t own[WEIR_LANE_LEN];
    uint8_t other[WEIR_LANE_LEN];

    start_as_member(d);
    memcpy(own, c_of(d)->meta.lane, WEIR_LANE_LEN);
    put_end(d, own, 1 | (weir_sim_draw(d->x, 2) == 0 ? ENGINE_FOLDED : 0));
    tick(d);
    CLAIM(wrote(d) == 1 && end_here(d, own) == DELETED);
    CLAIM(weir_vector_get(&c_of(d)->final, own) == 0);
    put_end(d, own, c_of(d)->meta.seq + 1); /* just to its end */
    CLAIM(weir_vector_get(&c_of(d)->vv, own) == weir_vector_get(&c_of(d)->final, own));
    tick(d);
    CLAIM(wrote(d) == 1 && end_here(d, own) == DELETED);

    give_of(d, LARGER, 5, other);
    put_end(d, other, 4);
    tick(d);
    CLAIM(wrote(d) == 1 && end_here(d, other) == 5);
    CLAIM(weir_vector_get(&c_of(d)->final, other) == 5);
    tick(d);
    CLAIM(wrote(d) == 0); /* all the rest is for others */
    put_end(d, other, 4 | ENGINE_FOLDED);
    tick(d);
    CLAIM(wrote(d) == 1 && end_here(d, other) == 5 && !d->e->lacks_end);
}

/* So many a turn, also while this node ends no lanes of its own. */
static void mend_many(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    start_as_member(d);
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    for (unsigned i = 1; i <= MANY; i++) {
        weir_drill_lane(d->peer[2].node, WEIR_GROUP_C, (uint8_t)i, lane);
        give(d, lane, 3, 0);
        put_end(d, lane, 2);
    }
    d->e->lane_drawn[WEIR_GROUP_C] = false;
    tick(d);
    CLAIM(wrote(d) == RETIRE_MAX);
    d->e->lane_drawn[WEIR_GROUP_C] = false;
    tick(d);
    CLAIM(wrote(d) == MANY - RETIRE_MAX);
}

/* What all members have is folded, once it is here to its end and nothing of it may come. */
static void fold_lanes(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];
    uint8_t e[WEIR_LANE_LEN];

    start_as_member(d);
    give_of(d, 2, 5, a);
    give_of(d, 4, 3, b);
    give_of(d, 6, 7, e);
    give(d, a, 5, 6);
    put_end(d, a, 5 | ENGINE_FOLDED);
    put_end(d, b, 4 | ENGINE_FOLDED); /* a part of it is missing */
    put_end(d, e, 7 | ENGINE_FOLDED);
    tick(d);
    CLAIM(wrote(d) == 0 && c_of(d)->folded.num == 1 && is_folded(d, e, 7));
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, e).final == (7 | ENGINE_FOLDED));
    CLAIM(d->e->lacks_end);
    give(d, b, 4, 0);
    tick(d);
    CLAIM(is_folded(d, b, 4) && !d->e->lacks_end && !is_folded(d, a, 5));
    give(d, a, 6, 0);
    put_end(d, a, 6 | ENGINE_FOLDED);
    tick(d);
    CLAIM(wrote(d) == 0 && is_folded(d, a, 6) && c_of(d)->final.num == 0);
}

/* All members had the record that a fold replaces: its floor rises over that one. */
static void forget_replaced_end(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_of(d, 2, 4, a);
    put_end(d, a, 4);
    put_end(d, a, 5);
    CLAIM(c_of(d)->floor.num == 0);
    put_end(d, a, 5 | ENGINE_FOLDED);
    uint64_t seq = c_of(d)->meta.seq;
    CLAIM(weir_vector_get(&c_of(d)->floor, c_of(d)->meta.lane) == seq - 1);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, c_of(d)->meta.lane).floor == seq - 1);
    put_end(d, a, 5 | ENGINE_FOLDED);
    CLAIM(weir_vector_get(&c_of(d)->floor, c_of(d)->meta.lane) == seq - 1);
}

/* A missing part is noted whichever lane is looked at first, and asked for. */
static void note_missing_part(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];
    unsigned which = (unsigned)weir_sim_draw(d->x, 2);

    start_as_member(d);
    weir_drill_up(d, LARGER);
    give_of(d, 2, 5, a);
    give_of(d, 4, 5, b);
    put_end(d, a, which == 0 ? 6 | ENGINE_FOLDED : 5);
    put_end(d, b, which == 1 ? 6 | ENGINE_FOLDED : 5);
    tick(d);
    CLAIM(d->e->lacks_end && wrote(d) == 0 && c_of(d)->folded.num == 0);
    weir_drill_hello(d, LARGER, false);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HELLO, LARGER, 0);
    CLAIM(f != NULL && f->msg.hello->all);
    put_end(d, a, 6);
    put_end(d, b, 6); /* it may come yet: nobody has folded it */
    tick(d);
    CLAIM(!d->e->lacks_end && wrote(d) == 0);
}

/* The node that may end a lane states that all have it, or, where nobody has all of it, less. */
static void conclude_ends(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t none[WEIR_LANE_LEN];
    uint8_t part[WEIR_LANE_LEN];
    uint8_t moving[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    give_own(d, 2, 6, part);
    give_own(d, 3, 2, moving);
    give(d, moving, 2, 3);
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 4, none);
    put_end(d, a, 4);
    put_end(d, part, 8);
    put_end(d, none, 9 | (weir_sim_draw(d->x, 2) == 0 ? ENGINE_FOLDED : 0));
    put_end(d, moving, 2);
    tick(d);
    CLAIM(end_here(d, a) == (4 | ENGINE_FOLDED) && end_here(d, moving) == 2);
    d->mono_us += MOTION_US;
    weir_drill_begin(d);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(is_folded(d, a, 4) && end_here(d, moving) == (2 | ENGINE_FOLDED));
    CLAIM(end_here(d, part) == 6 || end_here(d, part) == (6 | ENGINE_FOLDED));
    CLAIM(end_here(d, none) == DELETED && weir_vector_get(&c_of(d)->final, none) == 0);
}

/* -- what members know -- */

/* The peer of a link has this vector. */
static void set_known(struct weir_drill *d, uint32_t link, const uint8_t lane[WEIR_LANE_LEN],
                      uint64_t seq, uint64_t own)
{
    struct engine_link *l = d->e->links[link];

    weir_vector_reset(&l->vv);
    weir_drill_raise(&l->vv, lane, seq);
    weir_drill_raise(&l->vv, c_of(d)->meta.lane, own);
}

/* Is the end taken for known? If so it is taken back for the next question. */
static bool concludes(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t end = end_here(d, lane);

    tick(d);
    CLAIM(wrote(d) <= 1);
    CLAIM(wrote(d) == (end_here(d, lane) == (end | ENGINE_FOLDED)));
    if (wrote(d) == 0)
        return false;
    put_end(d, lane, end);
    return true;
}

/* The last record here is that which ends the lane. */
static uint64_t own_seq(const struct weir_drill *d)
{
    return c_of(d)->meta.seq;
}

static void wait_for_confirmation(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    CLAIM(concludes(d, a)); /* alone */
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    put_end(d, a, 4);
    CLAIM(!concludes(d, a)); /* never met */
    weir_drill_up(d, LARGER);
    set_known(d, LARGER, a, 4, own_seq(d));
    CLAIM(!concludes(d, a)); /* no handshake */
    weir_drill_hello(d, LARGER, true);
    set_known(d, LARGER, a, 4, own_seq(d));
    CLAIM(concludes(d, a));
    set_known(d, LARGER, a, 4, own_seq(d) - 1);
    CLAIM(!concludes(d, a)); /* not the record */
    set_known(d, LARGER, a, 3, own_seq(d));
    CLAIM(!concludes(d, a));
    set_known(d, LARGER, a, 5, own_seq(d));
    CLAIM(!concludes(d, a));
    set_known(d, LARGER, a, 4, 0);
    weir_drill_begin(d); /* the record is of a lane that was folded, so all have it */
    weir_drill_raise(&c_of(d)->folded, c_of(d)->meta.lane, own_seq(d));
    weir_engine_retire_tick(d->e);
    weir_vector_forget(&c_of(d)->folded, c_of(d)->meta.lane);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(end_here(d, a) == (4 | ENGINE_FOLDED));
}

/* All members are waited for, but for those that will not come back. */
static void wait_for_all(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    join_member(d, 2, WEIR_MEMBER_LEFT);
    join_member(d, 3, WEIR_MEMBER_EVICTED);
    join_member(d, SMALLER, WEIR_MEMBER_JOINED);
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    put_end(d, a, 4);
    weir_drill_meet(d, SMALLER);
    weir_drill_meet(d, 5); /* a stranger */
    set_known(d, SMALLER, a, 4, own_seq(d));
    CLAIM(!concludes(d, a));
    weir_drill_meet(d, LARGER);
    set_known(d, LARGER, a, 4, own_seq(d));
    CLAIM(concludes(d, a));
    set_known(d, LARGER, a, 4, own_seq(d));
    CLAIM(!concludes(d, a));
    memcpy(d->peer[7].node, d->peer[LARGER].node, WEIR_NODE_ID_LEN);
    memcpy(d->peer[7].incarnation, d->peer[LARGER].incarnation, WEIR_INCARNATION_LEN);
    weir_drill_meet(d, 7); /* another link to it */
    set_known(d, SMALLER, a, 4, own_seq(d));
    set_known(d, LARGER, a, 4, 0);
    set_known(d, 7, a, 4, own_seq(d));
    CLAIM(concludes(d, a));
}

/* A member that is silent is waited for, whatever it seems, until it is lost after a day. */
static void wait_for_a_day(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    join_member(d, LARGER, WEIR_MEMBER_JOINED);
    uint64_t met_us = d->mono_us;
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    CLAIM(!concludes(d, a)); /* SUSPECT */
    d->mono_us = met_us + WEIR_MEMBERS_DOWN_US + WEIR_MEMBERS_SCAN_US;
    weir_drill_wait(d, 0);
    const struct weir_members *m = weir_engine_members(d->e);
    CLAIM(weir_members_find(m, d->peer[LARGER].node)->life == WEIR_MEMBERS_DOWN);
    CLAIM(!concludes(d, a));
    d->mono_us = met_us + WEIR_MEMBERS_LOST_US - 1000000;
    weir_drill_wait(d, 0);
    CLAIM(!concludes(d, a));
    d->mono_us = met_us + WEIR_MEMBERS_LOST_US + WEIR_MEMBERS_SCAN_US;
    weir_drill_wait(d, 0);
    CLAIM(weir_members_find(m, d->peer[LARGER].node)->life == WEIR_MEMBERS_LOST);
    tick(d);
    CLAIM(is_folded(d, a, 4) || end_here(d, a) == (4 | ENGINE_FOLDED));
}

/* A node that is no member, or has not the record itself, concludes nothing. */
static void conclude_only_own_knowledge(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    weir_drill_start(d);
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    CLAIM(!concludes(d, a)); /* no member at all */
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_LEFT) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(!concludes(d, a));
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0);
    put_end(d, a, 4);
    struct weir_vector_entry *own = NULL;
    for (size_t i = 0; i < c_of(d)->vv.num; i++)
        if (memcmp(c_of(d)->vv.items[i].lane, c_of(d)->meta.lane, WEIR_LANE_LEN) == 0)
            own = &c_of(d)->vv.items[i];
    if (!CLAIM(own != NULL))
        return;
    own->seq--; /* the record has come, but not what was before it */
    CLAIM(!concludes(d, a));
    own->seq++;
    CLAIM(concludes(d, a));
}

/* -- damage -- */

/* A record that ends a lane was lost with a disk: it is written again. */
static void write_lost_end(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    lose_record(d, a);
    tick_in_repair(d);
    CLAIM(wrote(d) == 0 && weir_vector_get(&c_of(d)->final, a) == 4); /* it may be that record */
    tick(d);
    CLAIM(wrote(d) == 0 && weir_vector_get(&c_of(d)->final, a) == 0);
    tick(d);
    CLAIM(wrote(d) == 2 || wrote(d) == 1);
    CLAIM((end_here(d, a) & ~ENGINE_FOLDED) == 4);
}

/* A store that fails has not lost it. @param nth  operation */
static void fail_read(struct weir_drill *d, unsigned nth)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    weir_drill_begin(d);
    weir_memory_fail_op(d->store[WEIR_GROUP_C], nth, WEIR_EIO);
    weir_engine_retire_tick(d->e);
    CLAIM(weir_vector_get(&c_of(d)->final, a) == 4);
    CLAIM(d->e->turn_err == (nth == 1 ? WEIR_EIO : WEIR_OK));
    CLAIM(weir_drill_end(d) == WEIR_EIO);
    CLAIM(end_here(d, a) == 4 && wrote(d) == 0);
}

/* Nor is a damaged record a lost one. */
static void read_damaged_end(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    start_as_member(d);
    give_own(d, 1, 4, a);
    put_end(d, a, 4);
    flip_end(d);
    tick(d);
    CLAIM(wrote(d) == 0 && weir_vector_get(&c_of(d)->final, a) == 4);
}

/* Nodes that folded a lane look for the record of it, so many a turn, and write it again. */
static void restore_ends(struct weir_drill *d)
{
    static uint8_t lane[VERIFY_MAX + 4][WEIR_LANE_LEN];
    const unsigned num = VERIFY_MAX + 4;

    start_as_member(d);
    for (unsigned i = 0; i < num; i++) {
        weir_drill_lane(d->peer[i % 2 == 0 ? 2 : 4].node, WEIR_GROUP_C, (uint8_t)(i + 1), lane[i]);
        give(d, lane[i], i + 1, 0);
    }
    weir_drill_begin(d);
    for (unsigned i = 0; i < num; i++)
        weir_engine_fold(d->e, lane[i]);
    CLAIM(weir_drill_end(d) == WEIR_OK && c_of(d)->folded.num == num);
    tick_in_repair(d);
    CLAIM(wrote(d) == 0 && d->e->verify_at == 0);
    tick(d);
    CLAIM(wrote(d) == VERIFY_MAX && d->e->verify_at == VERIFY_MAX);
    CLAIM(end_here(d, c_of(d)->folded.items[0].lane) == 0);
    CLAIM(end_here(d, c_of(d)->folded.items[1].lane) > ENGINE_FOLDED);
    CLAIM(end_here(d, c_of(d)->folded.items[VERIFY_MAX].lane) > ENGINE_FOLDED);
    CLAIM(end_here(d, c_of(d)->folded.items[VERIFY_MAX + 1].lane) == 0);
    tick(d);
    CLAIM(wrote(d) == 4 && d->e->verify_at == 2 * VERIFY_MAX - num);
    for (unsigned i = 0; i < num; i++)
        CLAIM(end_here(d, lane[i]) == ((i + 1) | ENGINE_FOLDED) && is_folded(d, lane[i], i + 1));
    tick(d);
    CLAIM(wrote(d) == 0 && c_of(d)->folded.num == num);
}

/* Each is looked for once a turn; a store that fails has not lost it. @param nth  operation */
static void miss_end(struct weir_drill *d, unsigned nth)
{
    uint8_t lane[2][WEIR_LANE_LEN];

    start_as_member(d);
    for (unsigned i = 0; i < 2; i++)
        give_of(d, 2 + 2 * i, 3, lane[i]);
    weir_drill_begin(d);
    weir_engine_fold(d->e, lane[0]);
    weir_engine_fold(d->e, lane[1]);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    tick(d);
    CLAIM(wrote(d) == 2 && d->e->verify_at == 0);
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    tick(d);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops == ops + 3); /* begin; get; get */
    lose_record(d, lane[1]);
    weir_drill_begin(d);
    weir_memory_fail_op(d->store[WEIR_GROUP_C], nth, WEIR_EIO);
    weir_engine_retire_tick(d->e);
    CLAIM(d->e->verify_at == (nth == 1 ? 1 : 0)); /* without a store no other is looked for */
    CLAIM(weir_drill_end(d) == WEIR_EIO);
    CLAIM(wrote(d) == 0 && end_here(d, lane[1]) == 0);
    weir_drill_wait(d, 1000000);
    weir_drill_wait(d, 0);
    CLAIM(end_here(d, lane[1]) == (3 | ENGINE_FOLDED));
}

/* Either operation fails, in a drill of its own. */
static void fail_reads(struct weir_drill *d)
{
    for (unsigned i = 0; i < 4; i++) {
        struct weir_drill one;
        weir_drill_init(&one, d->x);
        (i < 2 ? fail_read : miss_end)(&one, 1 + i % 2);
        weir_drill_deinit(&one);
    }
}

/* -- ticks that do nothing -- */

static void tick_too_early(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];

    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 2, a);
    weir_engine_turn(d->e); /* there are no members before the first tick */
    weir_engine_raise(d->e, WEIR_GROUP_C, a, 1);
    weir_engine_retire_tick(d->e);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_drill_wait(d, 0);
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 1, a);
    give(d, a, 3, 0);
    weir_drill_begin(d);
    d->e->lacks_end = true;
    weir_engine_fail(d->e, WEIR_ENOMEM);
    weir_engine_retire_tick(d->e);
    CLAIM(d->e->lacks_end); /* what a turn that fails met counts for nothing */
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    tick(d);
    CLAIM(end_here(d, a) == 3 && !d->e->lacks_end);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    end_own_lanes,
    wait_for_members,
    end_lanes_of_others,
    end_whole_lanes,
    end_many,
    end_after_damage,
    mend_ends,
    mend_many,
    fold_lanes,
    forget_replaced_end,
    note_missing_part,
    conclude_ends,
    wait_for_confirmation,
    wait_for_all,
    wait_for_a_day,
    conclude_only_own_knowledge,
    write_lost_end,
    fail_reads,
    read_damaged_end,
    restore_ends,
    tick_too_early,
};

void weir_drill_retire(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
