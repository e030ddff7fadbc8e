/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_apply.c - sync/engine/engine_apply.c: what follows from a record beside that it is stored,
 * its limits, and what a failing store or allocation leaves behind.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_active.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_pull.h"
#include "sync/engine/engine_turn.h"
#include "sync/frame/member.h"
#include "sync/version/hlc.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"

#define WRITER  0
#define SOON_US 20000 /* a heartbeat that reports a change */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- records -- */

/* A tenant's record of a lane of the writer's. */
static struct weir_stored_record make(struct weir_drill *d, const char *key, uint8_t lane,
                                      uint64_t seq)
{
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_TENANT,
                 .key = weir_span_cstr(key),
                 .version = { .hlc = weir_drill_stamp(d) + seq, .seq = seq },
                 .value = WEIR_SPAN_LIT("v") },
        .stored_ms = d->wall_ms + d->mono_us / 1000,
    };

    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, lane, rec.rec.version.lane);
    return rec;
}

static struct weir_stored_record make_ban(struct weir_drill *d, uint8_t n, uint64_t seq)
{
    struct weir_stored_record rec = make(d, "", 1, seq);

    rec.rec.class = WEIR_CLASS_BAN;
    rec.rec.key = weir_drill_ban_key(d, n);
    rec.rec.expires = rec.stored_ms / 1000 + 60;
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_E, 1, rec.rec.version.lane);
    return rec;
}

/* The end of another lane. */
static struct weir_stored_record make_end(struct weir_drill *d, const uint8_t *of, uint64_t seq,
                                          uint64_t end)
{
    struct weir_stored_record rec = make(d, "", 1, seq);
    uint8_t *value = weir_drill_alloc(d, ENGINE_FINAL_LEN);

    weir_num_write_le(value, end, ENGINE_FINAL_LEN);
    rec.rec.class = WEIR_CLASS_LANE;
    rec.rec.key = weir_span(of, WEIR_LANE_LEN);
    rec.rec.value = weir_span(value, ENGINE_FINAL_LEN);
    return rec;
}

static enum weir_err apply(struct weir_drill *d, const struct weir_stored_record *rec,
                           enum engine_how how)
{
    struct weir_stored_record copy = *rec;

    weir_drill_begin(d);
    enum weir_err err = weir_engine_apply(d->e, &copy, how);
    (void)weir_drill_end(d);
    return err;
}

static bool is_there(struct weir_drill *d, const struct weir_stored_record *rec)
{
    enum weir_group g = rec->rec.class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
    struct weir_stored_record found;

    return weir_memory_find(d->store[g], rec->rec.class, rec->rec.key, &found) == WEIR_OK &&
           weir_version_eq(&found.rec.version, &rec->rec.version);
}

/* -- pieces -- */

static void date_tombstones(struct weir_drill *d)
{
    static const struct {
        uint64_t ms;
        uint64_t expires;
    } cases[] = { { 0, 1 }, { 999, 1 }, { 1000, 1 }, { 1999, 1 }, { 2000, 2 }, { 61000, 61 } };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_stored_record rec = make_ban(d, 1, 1);
        rec.rec.version.hlc = weir_hlc_of_ms(cases[i].ms);
        rec.rec.expires = 7;
        weir_engine_date_tombstone(&rec);
        CLAIM(rec.rec.expires == 7); /* it is a ban */
        rec.rec.tombstone = true;
        weir_engine_date_tombstone(&rec);
        CLAIM(rec.rec.expires == cases[i].expires);
        rec.rec.class = WEIR_CLASS_TENANT;
        rec.rec.expires = 7;
        weir_engine_date_tombstone(&rec);
        CLAIM(rec.rec.expires == 7);
    }
}

static void end_bans(struct weir_drill *d)
{
    struct weir_stored_record rec = make_ban(d, 1, 1);
    struct weir_record *r = &rec.rec;

    d->cfg.intervals.ban_tombstone_ms = 3000;
    weir_drill_start(d);
    uint64_t now_ms = d->e->wall_ms;
    for (uint64_t s = 0; s < 3; s++) {
        r->expires = now_ms / 1000 + s - 1;
        CLAIM(weir_engine_is_expired(d->e, r) == (s <= 1));
    }
    r->expires = 1;
    CLAIM(weir_engine_is_expired(d->e, r));
    r->expires = 0;
    CLAIM(!weir_engine_is_expired(d->e, r));
    r->tombstone = true;
    for (uint64_t ms = 0; ms < 3; ms++) {
        r->version.hlc = weir_hlc_of_ms(now_ms - 3000 + ms - 1);
        CLAIM(weir_engine_is_expired(d->e, r) == (ms <= 1));
    }
    r->class = WEIR_CLASS_TENANT;
    r->version.hlc = 1;
    CLAIM(!weir_engine_is_expired(d->e, r));
    r->tombstone = false;
    r->expires = 1;
    CLAIM(!weir_engine_is_expired(d->e, r));
}

static void order_versions(struct weir_drill *d)
{
    struct weir_version a = make(d, "a", 1, 5).rec.version;
    struct weir_version b = a;

    CLAIM(weir_engine_compare(&a, &b) == 0);
    b.seq++;
    CLAIM(weir_engine_compare(&a, &b) < 0 && weir_engine_compare(&b, &a) > 0);
    b.lane[WEIR_LANE_LEN - 1]--;
    CLAIM(weir_engine_compare(&a, &b) > 0 && weir_engine_compare(&b, &a) < 0);
    b.hlc++;
    CLAIM(weir_engine_compare(&a, &b) < 0 && weir_engine_compare(&b, &a) > 0);
}

/* Fields of a later version: as many bytes as a record may carry, in one field or in several. */
static void carry_extra(struct weir_drill *d)
{
    static uint8_t bytes[WEIR_STORED_EXTRA_MAX];
    ProtobufCMessageUnknownField fields[2];
    struct weir_stored_record rec = make(d, "a", 1, 1);
    struct weir_stored_record got;
    size_t first = weir_sim_draw(d->x, 4) == 0 ? 0 : weir_sim_draw(d->x, 4000);
    unsigned num = 1 + (unsigned)weir_sim_draw(d->x, 2);

    weir_sim_draw_bytes(d->x, bytes, sizeof(bytes));
    weir_drill_start(d);
    Weir__V1__Record *m = weir_drill_message(d, &rec);
    CLAIM(weir_engine_record(d->e, m, NULL, &got) && got.extra.len == 0);
    m->base.unknown_fields = fields;
    m->base.n_unknown_fields = num;
    for (unsigned i = 0; i < num; i++) {
        fields[i] = (ProtobufCMessageUnknownField){
            .tag = (UINT32_C(1) << 28) + i,
            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
            .data = bytes + i,
            .len = WEIR_STORED_EXTRA_MAX - 5,
        };
        if (num == 2)
            fields[i].len = i == 0 ? first : WEIR_STORED_EXTRA_MAX - 10 - first;
    }
    CLAIM(weir_engine_record(d->e, m, NULL, &got));
    CLAIM(got.extra.len == WEIR_STORED_EXTRA_MAX);
    CLAIM(got.extra.at[0] == (uint8_t)(fields[0].tag << 3 | 2 | 0x80));
    CLAIM(got.extra.at[4] == fields[0].tag >> 25);
    CLAIM(memcmp(got.extra.at + 5, fields[0].data, fields[0].len) == 0);
    if (num == 2)
        CLAIM(memcmp(got.extra.at + 10 + first, fields[1].data, fields[1].len) == 0);
}

/* -- ways -- */

/* A tombstone that is fetched by key, and was purged here, stays away. */
static void force_tombstones(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 4, .seen = 4, .floor = 2 };
    struct weir_lane_row folded = { .vv = 4, .seen = 4, .floor = 4, .final = 4 | ENGINE_FOLDED };
    struct weir_stored_record recs[4];

    for (unsigned i = 0; i < 4; i++)
        recs[i] = make(d,
                       i == 0   ? "a"
                       : i == 1 ? "b"
                       : i == 2 ? "c"
                                : "d",
                       i < 2 ? 1 : 2, i == 1 ? 3 : 2);
    memcpy(row.lane, recs[0].rec.version.lane, WEIR_LANE_LEN);
    memcpy(folded.lane, recs[2].rec.version.lane, WEIR_LANE_LEN);
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
    weir_drill_seed_row(d, WEIR_GROUP_C, &folded);
    struct weir_stored_record end = make_end(d, folded.lane, 1, folded.final);
    weir_drill_seed(d, &end);
    weir_drill_start(d);
    for (unsigned i = 0; i < 4; i++) {
        recs[i].rec.tombstone = i != 3;
        recs[i].rec.value = recs[i].rec.tombstone ? WEIR_SPAN_EMPTY : WEIR_SPAN_LIT("v");
        CLAIM(apply(d, &recs[i], ENGINE_PULLED) == WEIR_OK);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == 1 && !is_there(d, &recs[i]));
        CLAIM(apply(d, &recs[i], ENGINE_FORCED) == WEIR_OK);
        CLAIM(is_there(d, &recs[i]) == (i == 1 || i == 3));
    }
    recs[0].rec.tombstone = false;
    CLAIM(apply(d, &recs[0], ENGINE_FORCED) == WEIR_OK && is_there(d, &recs[0]));
    recs[2].rec.version.seq = 5; /* behind the end of its lane: it is new */
    CLAIM(apply(d, &recs[2], ENGINE_PULLED) == WEIR_OK && is_there(d, &recs[2]));
}

/* A damaged record is as none, and is fetched later. */
static void replace_damaged(struct weir_drill *d)
{
    struct weir_stored_record rec = make(d, "a", 1, 1);

    weir_drill_seed_meta(d, WEIR_GROUP_C, &(struct weir_store_meta){ .live = true });
    weir_drill_seed(d, &rec);
    weir_drill_start(d);
    CLAIM(weir_memory_flip(d->store[WEIR_GROUP_C], 0, WEIR_MEMORY_VALUE, 3));
    struct weir_stored_record newer = make(d, "a", 2, 2);
    newer.rec.version.hlc = rec.rec.version.hlc - 1; /* older, were it not damaged */
    CLAIM(apply(d, &newer, ENGINE_PULLED) == WEIR_OK && is_there(d, &newer));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1 && d->e->num_damaged == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CONFLICTS) == 0);
}

/* A turn that has failed applies nothing. */
static void apply_nothing_after_failure(struct weir_drill *d)
{
    struct weir_stored_record rec = make(d, "a", 1, 1);

    weir_drill_start(d);
    uint64_t hash = weir_memory_hash(d->store[WEIR_GROUP_C]);
    weir_drill_begin(d);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_engine_apply(d->e, &rec, ENGINE_PULLED) == WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(weir_memory_hash(d->store[WEIR_GROUP_C]) == hash);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 0);
}

/* -- what follows -- */

static void follow_members(struct weir_drill *d)
{
    struct weir_member member = { .state = WEIR_MEMBER_JOINED, .schema_max = 1 };
    uint8_t value[WEIR_MEMBER_LEN_MAX];
    struct weir_stored_record rec = make(d, "a", 1, 1);

    weir_drill_start(d);
    weir_drill_wait(d, 0);
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK && !d->e->members_changed);
    memcpy(member.node, d->peer[3].node, WEIR_NODE_ID_LEN);
    weir_member_pack(&member, value);
    rec = make(d, "", 1, 2);
    rec.rec.class = WEIR_CLASS_MEMBER;
    rec.rec.key = weir_span(member.node, WEIR_NODE_ID_LEN);
    rec.rec.value = weir_span(value, weir_member_packed_len(&member));
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK && d->e->members_changed);
    CLAIM(weir_members_find(d->e->members, member.node) == NULL);
    weir_drill_wait(d, 0);
    CLAIM(weir_members_find(d->e->members, member.node) != NULL && !d->e->members_changed);
}

/* R14: the end of a lane is known; when its record is replaced by one that folds the lane, those
 * that missed the first have missed something. */
static void follow_ends(struct weir_drill *d)
{
    uint8_t of[WEIR_LANE_LEN];
    bool is_conflict = weir_sim_draw(d->x, 2) == 0;
    bool is_covered = weir_sim_draw(d->x, 2) == 0;
    bool is_longer = weir_sim_draw(d->x, 3) == 0; /* no end at all */

    weir_drill_lane(d->peer[3].node, WEIR_GROUP_C, 9, of);
    struct weir_stored_record rec = make_end(d, of, 2, 7);
    if (is_longer)
        rec.rec.value = WEIR_SPAN_LIT("too long for one");
    struct weir_lane_row row = { .vv = is_covered ? 2 : 1, .seen = 2 };
    memcpy(row.lane, rec.rec.version.lane, WEIR_LANE_LEN);
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
    weir_drill_start(d);
    const struct engine_group *c = &d->e->group[WEIR_GROUP_C];
    CLAIM(apply(d, &rec, ENGINE_FORCED) == WEIR_OK);
    CLAIM(weir_vector_get(&c->final, of) == (is_longer ? 0 : 7));
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, of).final == (is_longer ? 0 : 7));
    struct weir_stored_record folds = make_end(d, of, 3, 7 | ENGINE_FOLDED);
    if (is_conflict)
        weir_drill_lane(d->peer[3].node, WEIR_GROUP_C, 8, folds.rec.version.lane);
    CLAIM(apply(d, &folds, ENGINE_PULLED) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CONFLICTS) == is_conflict);
    CLAIM(weir_vector_get(&c->final, of) == (7 | ENGINE_FOLDED));
    CLAIM(weir_vector_get(&c->floor, row.lane) == (is_covered && !is_longer ? 2 : 0));
}

/* What becomes durable is reported soon, and of a key only the newest revision. */
static void follow_activation(struct weir_drill *d)
{
    struct weir_stored_record rec = make(d, "a", 1, 1);
    struct weir_stored_record ban = make_ban(d, 1, 1);

    d->cfg.compiled = 1u << WEIR_CLASS_TENANT;
    weir_drill_start(d);
    CLAIM(apply(d, &ban, ENGINE_PULLED) == WEIR_OK);
    CLAIM(d->e->heartbeat_at > d->mono_us + SOON_US);
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK);
    CLAIM(d->e->heartbeat_at == d->mono_us + SOON_US);
    size_t num = weir_active_count(d->e->active, WEIR_ACTIVE_STORED);
    rec = make(d, "b", 1, 2);
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK);
    CLAIM(weir_active_count(d->e->active, WEIR_ACTIVE_STORED) == num + 1);
    rec = make(d, "b", 1, 3);
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK);
    CLAIM(weir_active_count(d->e->active, WEIR_ACTIVE_STORED) == num + 1);
}

/* When group C does not become durable, bans that have stay changed. */
static void change_bans_alone(struct weir_drill *d)
{
    struct weir_stored_record rec = make(d, "a", 1, 1);
    struct weir_stored_record ban = make_ban(d, 1, 1);

    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_apply(d->e, &rec, ENGINE_PULLED) == WEIR_OK);
    CLAIM(weir_engine_apply(d->e, &ban, ENGINE_PULLED) == WEIR_OK);
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_EFULL);
    CLAIM(weir_drill_end(d) == WEIR_EFULL);
    const struct weir_engine_out *out = weir_drill_out(d, WEIR_OUT_CHANGED, 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 1 && out != NULL && out->class == WEIR_CLASS_BAN);
    CLAIM(is_there(d, &ban) && !is_there(d, &rec));
}

/* -- so many lanes -- */

static struct weir_vector_entry lanes[WEIR_LANES_MAX]; /* made once: the last is drawn */

static void fill_lanes(struct weir_vector *seen, const uint8_t last[WEIR_LANE_LEN])
{
    for (unsigned i = 0; i < WEIR_LANES_MAX - 1 && lanes[i].seq == 0; i++) {
        weir_num_write_be(lanes[i].lane, i, 4); /* all before those of drills */
        lanes[i].seq = 1;
    }
    memcpy(lanes[WEIR_LANES_MAX - 1].lane, last, WEIR_LANE_LEN);
    lanes[WEIR_LANES_MAX - 1].seq = 1;
    *seen = (struct weir_vector){ .items = lanes, .num = WEIR_LANES_MAX, .cap = WEIR_LANES_MAX };
}

/* There is room for no other lane, on whatever way it comes; a lane that is known goes on. */
static void refuse_lanes(struct weir_drill *d)
{
    enum weir_group g = weir_sim_draw(d->x, 2) == 0 ? WEIR_GROUP_C : WEIR_GROUP_E;
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    weir_drill_start(d);
    weir_drill_meet(d, WRITER);
    struct weir_vector *seen = &d->e->group[g].seen;
    struct weir_stored_record rec = g == WEIR_GROUP_C ? make(d, "a", 1, 1) : make_ban(d, 1, 1);
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK && is_there(d, &rec));
    struct weir_vector was = *seen;
    fill_lanes(seen, rec.rec.version.lane);
    struct weir_stored_record other = g == WEIR_GROUP_C ? make(d, "b", 1, 1) : make_ban(d, 2, 1);
    other.rec.version.lane[WEIR_LANE_LEN - 1] = 7;
    CLAIM(apply(d, &other, ENGINE_PULLED) == WEIR_OK && !is_there(d, &other));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES_FULL) == 1);
    weir_drill_batch_one(d, WRITER,
                         &(struct weir_drill_rec){ .class = other.rec.class,
                                                   .key = other.rec.key,
                                                   .value = "x",
                                                   .lane = other.rec.version.lane,
                                                   .seq = 1 + weir_sim_draw(d->x, 2) });
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES_FULL) == 1 && d->e->num_parked == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 0);
    weir_drill_raise(&vv, other.rec.version.lane, 3);
    weir_drill_begin(d);
    weir_engine_note_given(d->e, WRITER, g, &vv);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES_FULL) == 1);
    CLAIM(weir_engine_durable(d->e, g, other.rec.version.lane) == 0);
    rec.rec.version.seq++;
    rec.rec.version.hlc++;
    CLAIM(apply(d, &rec, ENGINE_PULLED) == WEIR_OK && is_there(d, &rec));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES_FULL) == 0);
    *seen = was;
    weir_vector_deinit(&vv);
}

/* -- faults -- */

static struct weir_stored_record newer;
static struct weir_stored_record older;
static struct weir_stored_record gone;
static uint64_t hash_before[WEIR_GROUP_COUNT];
static enum weir_group failing; /* whose operations fail */
static uint64_t nth;            /* of them does */
static uint64_t num_acted;      /* operations before the commit */

static void prepare(struct weir_drill *d)
{
    struct weir_stored_record rec = make(d, "a", 1, 1);

    weir_drill_seed_meta(d, WEIR_GROUP_C, &(struct weir_store_meta){ .live = true });
    weir_drill_seed(d, &rec);
    rec = make(d, "b", 1, 2);
    weir_drill_seed(d, &rec);
    gone = make(d, "c", 1, 3);
    gone.rec.tombstone = true;
    gone.rec.value = WEIR_SPAN_EMPTY;
    weir_drill_seed(d, &gone);
    weir_drill_start(d);
    newer = make(d, "a", 2, 4);
    older = make(d, "b", 2, 5);
    older.rec.version.hlc -= 10;
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        hash_before[g] = weir_memory_hash(d->store[g]);
    nth++;
}

/* A ban, and what replaces, loses and goes in group C. */
static void give_inputs(struct weir_drill *d)
{
    struct weir_stored_record ban = make_ban(d, 1, 1);
    uint64_t before = weir_memory_counts(d->store[failing]).num_ops;

    (void)!weir_engine_apply(d->e, &ban, ENGINE_PULLED);
    (void)!weir_engine_apply(d->e, &newer, ENGINE_PULLED);
    (void)!weir_engine_apply(d->e, &older, ENGINE_PULLED);
    if (d->e->turn_err == WEIR_OK)
        weir_engine_drop(d->e, &gone);
    num_acted = weir_memory_counts(d->store[failing]).num_ops - before;
}

/* All of it, or nothing of a group. */
static void check(struct weir_drill *d, bool failed)
{
    struct weir_stored_record ban = make_ban(d, 1, 1);

    CLAIM(failed || d->err == WEIR_OK);
    if (d->err == WEIR_OK) {
        CLAIM(is_there(d, &newer) && is_there(d, &ban) && !is_there(d, &gone));
        CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 2);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_OLDER) == 1);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_CONFLICTS) == 2);
        CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 2);
        return;
    }
    bool stands = is_there(d, &ban); /* its commit comes first */
    CLAIM(weir_memory_hash(d->store[WEIR_GROUP_C]) == hash_before[WEIR_GROUP_C]);
    CLAIM((weir_memory_hash(d->store[WEIR_GROUP_E]) == hash_before[WEIR_GROUP_E]) == !stands);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == stands);
}

static void check_op(struct weir_drill *d, bool failed)
{
    check(d, failed);
    CLAIM(d->err == (failed ? WEIR_EIO : WEIR_OK));
    if (failed && nth <= num_acted) /* it was known before any commit */
        CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 0);
}

static void fail_everything(struct weir_sim_exam *x)
{
    static const struct weir_drill_scene allocs = { prepare, give_inputs, check };
    static const struct weir_drill_scene ops = { prepare, give_inputs, check_op };

    weir_drill_fail_allocs(x, &allocs);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        failing = (enum weir_group)g;
        nth = 0;
        weir_drill_fail_ops(x, failing, &ops);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    date_tombstones,   end_bans,          order_versions,  carry_extra,
    carry_extra,       force_tombstones,  replace_damaged, apply_nothing_after_failure,
    follow_members,    follow_ends,       follow_ends,     follow_ends,
    follow_activation, change_bans_alone, refuse_lanes,
};

void weir_drill_apply(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
    fail_everything(x);
}
