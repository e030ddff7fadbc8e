/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_write_records.c - sync/engine/engine_write.c: the stamp, lane and context of a write, and
 * what becomes of it when the store or memory fails.
 */
#include <string.h>

#include "sync/members/members.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define END_MS UINT64_C(253402300800000) /* the year 10000 */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static uint64_t stamp_of(const struct weir_drill *d, const char *key)
{
    return weir_drill_find(d, WEIR_CLASS_TENANT, weir_span_cstr(key)).rec.version.hlc;
}

/* -- stamps -- */

static void stamp_above_what_was_purged(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "old", "1") == WEIR_OK);
    weir_drill_stop(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    meta.hlc_floor = weir_drill_stamp(d) + 5000 + weir_sim_draw(d->x, 1000);
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "new", "1") == WEIR_OK);
    CLAIM(stamp_of(d, "new") == meta.hlc_floor + 1);
    CLAIM(weir_drill_put(d, "old", "2") == WEIR_OK);
    CLAIM(stamp_of(d, "old") == weir_drill_stamp(d) + 1);
    CLAIM(weir_drill_put(d, "old", NULL) == WEIR_OK);
    CLAIM(weir_drill_put(d, "old", "3") == WEIR_OK); /* a tombstone is a record too */
    CLAIM(stamp_of(d, "old") == weir_drill_stamp(d) + 3);
}

static void stamp_until_the_end_of_time(struct weir_drill *d)
{
    d->wall_ms = END_MS - 1 - d->mono_us / 1000;
    weir_drill_start(d);
    d->wall_ms++;
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_ELIMIT);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 0 && d->err == WEIR_OK);
    d->wall_ms--;
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(stamp_of(d, "a") == (END_MS - 1) << 16);
    CLAIM(weir_drill_put(d, "a", "2") == WEIR_OK);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq == 2);
}

/* A peer's record has the last stamp that there is: nothing can be written over it. */
static void stamp_above_the_last_one(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_batch_one(
        d, 0,
        &(struct weir_drill_rec){
            .key = WEIR_SPAN_LIT("k"), .value = "1", .lane = lane, .seq = 1, .hlc = WEIR_HLC_MAX });
    CLAIM(weir_drill_has(d, "k", "1"));
    CLAIM(weir_drill_put(d, "k", "2") == WEIR_ELIMIT);
    CLAIM(weir_drill_has(d, "k", "1"));
    CLAIM(weir_drill_put(d, "other", "2") == WEIR_OK);
    CLAIM(stamp_of(d, "other") == weir_drill_stamp(d));
}

/* -- the lane -- */

/* A peer that is a member, met again after a restart; `completes` a session of each group. */
static void restart_with_member(struct weir_drill *d, bool completes)
{
    weir_drill_stop(d);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, 0, 0);
    if (!CLAIM(f != NULL) || !completes)
        return;
    Weir__V1__PullRep *m = weir_drill_make_rep(d, 0, f->msg.pull_req);
    weir_drill_receive(d, 0, WEIR_FRAME_PULL_REP, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 1);
}

static void start_with_member(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_member(d, d->peer[0].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == 1);
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
}

static void expect_lane(struct weir_drill *d, const struct weir_store_meta *before, bool goes_on)
{
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == !goes_on);
    CLAIM((memcmp(meta.lane, before->lane, WEIR_LANE_LEN) == 0) == goes_on);
    CLAIM(meta.seq == (goes_on ? before->seq + 1 : 1));
    CLAIM(memcmp(meta.lane, d->cfg.node, WEIR_NODE_ID_LEN) == 0);
}

static void go_on_with_a_confirmed_lane(struct weir_drill *d)
{
    start_with_member(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    struct weir_store_meta bans = weir_drill_meta(d, WEIR_GROUP_E);
    restart_with_member(d, true);
    expect_lane(d, &meta, true);
    struct weir_engine_write ban = weir_drill_make_ban(d, 2, 60);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    struct weir_store_meta after = weir_drill_meta(d, WEIR_GROUP_E);
    CLAIM(memcmp(after.lane, bans.lane, WEIR_LANE_LEN) != 0 && after.seq == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == 1);
    CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_E).seq == 2);
}

static void draw_a_lane_without_a_session(struct weir_drill *d)
{
    start_with_member(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    restart_with_member(d, false);
    expect_lane(d, &meta, false);
}

static void draw_a_lane_when_not_confirmed(struct weir_drill *d)
{
    start_with_member(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    d->peer[0].met = false;
    restart_with_member(d, true);
    expect_lane(d, &meta, false);
    meta = weir_drill_meta(d, WEIR_GROUP_C); /* drawn in this life: nobody need confirm it */
    expect_lane(d, &meta, true);
}

/* A peer confirms whatever this node has; that is no lane if there was none. */
static void draw_the_first_lane(struct weir_drill *d)
{
    start_with_member(d);
    weir_drill_stop(d);
    struct weir_store_meta meta = { .live = true };
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    restart_with_member(d, true);
    expect_lane(d, &meta, false);
}

static void draw_a_lane_after_the_last_number(struct weir_drill *d)
{
    uint64_t left = 1 - weir_sim_draw(d->x, 2);

    start_with_member(d);
    weir_drill_stop(d);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    meta.seq = WEIR_RECORD_SEQ_MAX - left;
    struct weir_lane_row row = { .vv = meta.seq, .seen = meta.seq };
    memcpy(row.lane, meta.lane, WEIR_LANE_LEN);
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    weir_drill_set_row(d, WEIR_GROUP_C, &row);
    restart_with_member(d, true);
    expect_lane(d, &meta, left == 1);
    if (left == 1) {
        meta.seq++;
        expect_lane(d, &meta, false);
    }
}

/* -- contexts -- */

struct ctx {
    uint8_t tail[WEIR_LANE_TAIL_LEN];
    uint64_t seq;
};

/* A record of the peer's first lane, which had seen `num` dots. */
static void store_old(struct weir_drill *d, const char *key, uint64_t seq, const struct ctx *ctx,
                      size_t num)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__Record *rec = weir_drill_make_record(
        d, &(struct weir_drill_rec){ .key = weir_span_cstr(key), .value = "old", .seq = seq });

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    rec->ctx = weir_drill_alloc(d, num * sizeof(Weir__V1__Ctx *));
    rec->n_ctx = num;
    for (size_t i = 0; i < num; i++) {
        rec->ctx[i] = weir_drill_alloc(d, sizeof(Weir__V1__Ctx));
        weir__v1__ctx__init(rec->ctx[i]);
        rec->ctx[i]->has_lane8 = rec->ctx[i]->has_seq = 1;
        rec->ctx[i]->lane8 = weir_drill_bytes(d, ctx[i].tail, WEIR_LANE_TAIL_LEN);
        rec->ctx[i]->seq = ctx[i].seq;
    }
    Weir__V1__Batch *m = weir_drill_make_batch(d, 0, lane, &rec, 1);
    weir_drill_receive(d, 0, WEIR_FRAME_BATCH_C, &m->base);
    CLAIM(weir_drill_has(d, key, "old"));
}

static void write_over(struct weir_drill *d, const char *key, const struct ctx *ctx, size_t num)
{
    CLAIM(weir_drill_put(d, key, "new") == WEIR_OK);
    struct weir_stored_record rec = weir_drill_find(d, WEIR_CLASS_TENANT, weir_span_cstr(key));
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_BATCH_C, WEIR_ENGINE_NO_LINK, 0);
    if (!CLAIM(rec.num_ctx == num && f != NULL) || !CLAIM(f->msg.batch->n_r == 1))
        return;
    const Weir__V1__Record *m = f->msg.batch->r[0];
    if (!CLAIM(m->n_ctx == num))
        return;
    for (size_t i = 0; i < num; i++) {
        CLAIM(memcmp(rec.ctx[i].tail, ctx[i].tail, WEIR_LANE_TAIL_LEN) == 0);
        CLAIM(rec.ctx[i].seq == ctx[i].seq && m->ctx[i]->seq == ctx[i].seq);
        CLAIM(m->ctx[i]->lane8.len == WEIR_LANE_TAIL_LEN);
        CLAIM(memcmp(m->ctx[i]->lane8.data, ctx[i].tail, WEIR_LANE_TAIL_LEN) == 0);
    }
}

static void note_what_was_replaced(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct ctx c[WEIR_RECORD_CTX_MAX + 2];

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    write_over(d, "absent", NULL, 0);
    write_over(d, "absent", NULL, 0); /* its own lane needs no entry */
    struct weir_store_meta own = weir_drill_meta(d, WEIR_GROUP_C);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(c); i++) {
        c[i] = (struct ctx){ .seq = 1 + weir_sim_draw(d->x, 99) };
        weir_sim_draw_bytes(d->x, c[i].tail, WEIR_LANE_TAIL_LEN);
        c[i].tail[0] = 'C';
        c[i].tail[1] = (uint8_t)i;
    }
    struct ctx last = { .seq = 1 };
    memcpy(last.tail, lane + WEIR_NODE_ID_LEN, WEIR_LANE_TAIL_LEN);
    store_old(d, "one", 1, NULL, 0);
    write_over(d, "one", &last, 1);
    write_over(d, "one", &last, 1); /* what its own record had seen stays */

    /* Eight lanes and the last one: the oldest goes. */
    last.seq = 2;
    store_old(d, "full", 2, c, WEIR_RECORD_CTX_MAX);
    c[WEIR_RECORD_CTX_MAX] = last;
    write_over(d, "full", c + 1, WEIR_RECORD_CTX_MAX);
    write_over(d, "full", c + 1, WEIR_RECORD_CTX_MAX);

    /* Entries of the writer's lane and of this node's make room. */
    struct ctx mixed[WEIR_RECORD_CTX_MAX];
    memcpy(mixed, c, sizeof(mixed));
    memcpy(mixed[1].tail, own.lane + WEIR_NODE_ID_LEN, WEIR_LANE_TAIL_LEN);
    memcpy(mixed[5].tail, lane + WEIR_NODE_ID_LEN, WEIR_LANE_TAIL_LEN);
    mixed[5].seq = 1;
    store_old(d, "mixed", 3, mixed, WEIR_RECORD_CTX_MAX);
    last.seq = 3;
    struct ctx left[] = { mixed[0], mixed[2], mixed[3], mixed[4], mixed[6], mixed[7], last };
    write_over(d, "mixed", left, WEIR_ARRAY_LEN(left));

    struct ctx seven[WEIR_RECORD_CTX_MAX];
    memcpy(seven, c, sizeof(seven));
    last.seq = 4;
    seven[WEIR_RECORD_CTX_MAX - 1] = last;
    store_old(d, "seven", 4, c, WEIR_RECORD_CTX_MAX - 1);
    write_over(d, "seven", seven, WEIR_RECORD_CTX_MAX);
}

/* Of bans the larger stamp stays, and nothing is said of what it replaced. */
static void note_nothing_of_a_ban(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_engine_write w = weir_drill_make_ban(d, 1, 60);

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_E, 1, lane);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    Weir__V1__Record *rec = weir_drill_make_record(
        d,
        &(struct weir_drill_rec){ .class = WEIR_CLASS_BAN, .key = w.key, .value = "\3", .seq = 1 });
    rec->has_expires = 1;
    rec->expires = w.expires;
    Weir__V1__Batch *m = weir_drill_make_batch(d, 0, lane, &rec, 1);
    weir_drill_receive(d, 0, WEIR_FRAME_BATCH_E, &m->base);
    CLAIM(memcmp(weir_drill_find(d, WEIR_CLASS_BAN, w.key).rec.version.lane, lane, WEIR_LANE_LEN) ==
          0);
    CLAIM(weir_drill_write_one(d, &w) == WEIR_OK);
    CLAIM(weir_drill_find(d, WEIR_CLASS_BAN, w.key).num_ctx == 0);
    CLAIM(weir_drill_find(d, WEIR_CLASS_BAN, w.key).rec.version.hlc == weir_drill_stamp(d) + 1);
}

/* -- failures -- */

/* The stamp of a damaged record is not known, so nothing is stamped above it. */
static void refuse_over_a_damaged_record(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    CLAIM(weir_memory_flip(d->store[WEIR_GROUP_C], 0, WEIR_MEMORY_VALUE, 3));
    CLAIM(weir_drill_put(d, "k", "2") == WEIR_EBUSY);
    CLAIM(d->err == WEIR_OK && weir_drill_num(d, WEIR_OUT_ACKED) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES_REFUSED) == 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 0);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq == 1);
    CLAIM(weir_drill_put(d, "k", "3") == WEIR_OK);
    CLAIM(weir_drill_has(d, "k", "3"));
}

/* Operations of a turn with a write: begin, get, put, the lane, the numbers. One fails. */
static void fail_operation(struct weir_drill *d, uint64_t at, enum weir_err how)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "2");
    struct weir_engine_write next = weir_drill_make_write(d, "l", "2");
    struct weir_memory *m = d->store[WEIR_GROUP_C];

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    uint64_t hash = weir_memory_hash(m);
    struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_C);
    weir_memory_fail_op(m, at, how);
    weir_drill_begin(d);
    enum weir_err err = weir_engine_write(d->e, &w);
    enum weir_err second = at <= 3 ? weir_engine_write(d->e, &next) : WEIR_OK;
    enum weir_err end = weir_drill_end(d);
    bool memory = end == WEIR_ENOMEM;
    CLAIM(end < 0 && (end == how || end == WEIR_EIO));
    CLAIM(err == (at > 3 ? WEIR_OK : memory ? WEIR_ENOMEM : WEIR_EIO) && (at > 3 || second == err));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES) == (at > 3));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES_REFUSED) == (at > 3 ? 0 : 2));
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == (at > 3));
    CLAIM(at <= 3 || weir_drill_out(d, WEIR_OUT_ACKED, 0)->err == end);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 0 && weir_drill_num(d, WEIR_OUT_PUBLISH) == 0);
    CLAIM(weir_memory_hash(m) == hash);
    CLAIM(weir_engine_state(d->e) == (memory ? WEIR_ENGINE_LIVE : WEIR_ENGINE_READONLY));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_DISK_FAILED) == !memory);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_ENGINE_NO_LINK) == !memory);
    if (!memory) {
        CLAIM(weir_drill_put(d, "k", "3") == WEIR_EIO);
        weir_drill_wait(d, SECOND);
    }
    expect_lane(d, &meta, false);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_BATCH_C, WEIR_ENGINE_NO_LINK) == 1);
    CLAIM(weir_drill_sent(d, WEIR_FRAME_BATCH_C, WEIR_ENGINE_NO_LINK, 0)->msg.batch->n_r == 1);
}

static void fail_each_operation(struct weir_drill *d)
{
    static const enum weir_err errs[] = { WEIR_EIO, WEIR_EFULL, WEIR_ENOMEM };
    struct weir_sim_exam *x = d->x;

    for (unsigned i = 0; i < 15 && x->claim == NULL; i++) {
        fail_operation(d, 1 + i / 3, errs[i % 3]);
        weir_drill_renew(d);
    }
}

/* Earlier writes of a turn that fails are given its error. */
static void fail_earlier_writes_too(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "a", "1");
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    struct weir_memory *m = d->store[WEIR_GROUP_C];

    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    w.key = WEIR_SPAN_LIT("b");
    w.cookie = 8;
    weir_memory_set_trouble(m, WEIR_MEMORY_DEAD);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_EIO);
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_EIO);
    weir_memory_set_trouble(m, WEIR_MEMORY_SOUND);
    CLAIM(weir_drill_end(d) == WEIR_EIO);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 1);
    const struct weir_engine_out *o = weir_drill_out(d, WEIR_OUT_ACKED, 0);
    CLAIM(o != NULL && o->cookie == 7 && o->err == WEIR_EIO);
    CLAIM(weir_memory_counts(m).num_records == 0);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq == 0);
}

static void claim_all_or_nothing(struct weir_drill *d, const struct weir_engine_write *w,
                                 enum weir_err err)
{
    bool is_there = weir_drill_find(d, w->class, w->key).rec.class == w->class;

    CLAIM(err == WEIR_OK || err == WEIR_ENOMEM);
    CLAIM(is_there == (err == WEIR_OK && d->err == WEIR_OK));
    size_t num = 0;
    for (size_t i = 0; i < d->num_outs; i++) {
        const struct weir_engine_out *o = &d->outs[i].out;
        if (o->what == WEIR_OUT_ACKED && o->cookie == w->cookie) {
            CLAIM(o->err == d->err && weir_span_eq(o->key, w->key));
            num++;
        }
    }
    CLAIM(num == (err == WEIR_OK));
}

/* Each allocation of a turn with two writes fails once. */
static void fail_an_allocation(struct weir_drill *d)
{
    for (long n = 1; n < WEIR_DRILL_ALLOCS && d->x->claim == NULL; n++) {
        struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
        struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
        weir_drill_start(d);
        weir_drill_meet(d, 0);
        uint64_t hash = weir_memory_hash(d->store[WEIR_GROUP_C]);
        ban.cookie = 8;
        weir_drill_begin(d);
        weir_failalloc_once(n);
        enum weir_err err = weir_engine_write(d->e, &w);
        enum weir_err ban_err = weir_engine_write(d->e, &ban);
        (void)weir_drill_end(d);
        bool more = weir_sim_plenty();
        CLAIM(!more || n + 1 < WEIR_DRILL_ALLOCS);
        CLAIM(d->err == WEIR_OK || (more && d->err == WEIR_ENOMEM));
        CLAIM(more || (err == WEIR_OK && ban_err == WEIR_OK));
        CLAIM(d->err == WEIR_OK || weir_memory_hash(d->store[WEIR_GROUP_C]) == hash);
        claim_all_or_nothing(d, &w, err);
        claim_all_or_nothing(d, &ban, ban_err);
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_DRILL_ANY) == 0);
        CLAIM(weir_drill_write_one(d, &w) == WEIR_OK);
        CLAIM(weir_drill_write_one(d, &ban) == WEIR_OK);
        CLAIM(weir_drill_has(d, "k", "v"));
        weir_drill_renew(d);
        if (!more)
            return;
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    stamp_above_what_was_purged,   stamp_until_the_end_of_time,
    stamp_above_the_last_one,      go_on_with_a_confirmed_lane,
    draw_a_lane_without_a_session, draw_a_lane_when_not_confirmed,
    draw_the_first_lane,           draw_a_lane_after_the_last_number,
    note_what_was_replaced,        note_nothing_of_a_ban,
    refuse_over_a_damaged_record,  fail_each_operation,
    fail_earlier_writes_too,       fail_an_allocation,
};

void weir_drill_write_records(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
