/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite_tables.c - see record_store_suite.h: lanes, numbers, conflicts, wipes, and
 * transactions that come to nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/base/limits.h"
#include "tests/support/record_store_scene.h"

/* -- lanes -- */

static struct weir_lane_row lane_of(uint8_t id, uint64_t vv, uint64_t seen)
{
    struct weir_lane_row lane = { .vv = vv, .seen = seen };

    rs_lane(id, lane.lane);
    return lane;
}

static void put_lane(struct scene *s, const struct weir_lane_row *lane)
{
    assert_int_equal(s->k->ops->put_lane(s->k, lane), WEIR_OK);
}

static void drop_lane(struct scene *s, uint8_t id)
{
    uint8_t name[WEIR_LANE_LEN];

    rs_lane(id, name);
    assert_int_equal(s->k->ops->drop_lane(s->k, name), WEIR_OK);
}

/* The first lane behind `after` (0: of all) is this one; NULL: there is none. */
static void expect_lane(struct scene *s, uint8_t after, const struct weir_lane_row *want)
{
    uint8_t name[WEIR_LANE_LEN];
    struct weir_lane_row got;

    rs_lane(after, name);
    enum weir_err err = s->k->ops->next_lane(s->k, after > 0 ? name : NULL, &got);
    assert_int_equal(err, want != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (want == NULL)
        return;
    assert_memory_equal(got.lane, want->lane, WEIR_LANE_LEN);
    assert_int_equal(got.vv, want->vv);
    assert_int_equal(got.seen, want->seen);
    assert_int_equal(got.floor, want->floor);
    assert_int_equal(got.final, want->final);
}

static void lanes_come_in_the_order_of_their_names(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row a = lane_of(1, 10, 11);
    struct weir_lane_row b = lane_of(0x7f, 20, 0);
    struct weir_lane_row c = lane_of(0x80, 0, 0);

    b.floor = 5;
    c.final = UINT64_C(1) << 63 | UINT64_C(1) << 47;
    scene_begin(s);
    put_lane(s, &c);
    put_lane(s, &a);
    put_lane(s, &b);
    scene_reopen(s);
    expect_lane(s, 0, &a);
    expect_lane(s, 1, &b);
    expect_lane(s, 2, &b);
    expect_lane(s, 0x7f, &c);
    expect_lane(s, 0x80, NULL);
    scene_commit(s);
}

static void a_put_of_a_lane_replaces_all_but_what_was_seen(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row lane = lane_of(1, 10, 20);
    struct weir_lane_row less = lane_of(1, 4, 6);
    struct weir_lane_row more = lane_of(1, 5, 21);

    lane.floor = 3;
    lane.final = 99;
    scene_begin(s);
    put_lane(s, &lane);
    put_lane(s, &less);
    less.seen = 20;
    expect_lane(s, 0, &less);
    put_lane(s, &more);
    scene_reopen(s);
    expect_lane(s, 0, &more);
    expect_lane(s, 1, NULL);
    scene_commit(s);
}

static void a_put_of_a_record_raises_what_was_seen_of_its_lane(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row lane = lane_of(1, 0, 7);
    struct weir_stored_record high = rs_rec(s, "a", 1, 7);
    struct weir_stored_record low = rs_rec(s, "b", 1, 3);

    scene_begin(s);
    rs_put(s, &high);
    rs_put(s, &low);
    expect_lane(s, 0, &lane);
    lane.vv = 2;
    put_lane(s, &lane);
    rs_drop(s, "a");
    rs_drop(s, "b");
    scene_reopen(s);
    expect_lane(s, 0, &lane);
    scene_commit(s);
}

static void a_lane_of_which_nothing_is_known_has_no_row(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row lane = lane_of(1, 0, 0);
    struct weir_stored_record rec = rs_rec(s, "a", 2, 1);
    struct weir_lane_row of_rec = lane_of(2, 0, 1);

    /* Neither what a context mentions nor its own lane is known of by that. */
    rec.num_ctx = 1;
    memset(rec.ctx[0].tail, 1, WEIR_LANE_TAIL_LEN);
    rec.ctx[0].seq = 5;
    struct weir_store_meta meta = { .seq = 0 };
    rs_lane(1, meta.lane);
    scene_begin(s);
    put_lane(s, &lane);
    expect_lane(s, 0, NULL);
    rs_put(s, &rec);
    assert_int_equal(s->k->ops->put_meta(s->k, &meta), WEIR_OK);
    expect_lane(s, 0, &of_rec);
    scene_reopen(s);
    expect_lane(s, 0, &of_rec);
    lane.vv = 1;
    put_lane(s, &lane);
    expect_lane(s, 0, &lane);
    lane.vv = 0;
    put_lane(s, &lane);
    expect_lane(s, 0, &of_rec);
    scene_reopen(s);
    expect_lane(s, 0, &of_rec);
    rs_expect(s, "a", &rec);
    scene_commit(s);
}

static void a_dropped_lane_is_forgotten(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row a = lane_of(1, 10, 20);
    struct weir_lane_row b = lane_of(2, 30, 0);
    struct weir_lane_row again = lane_of(1, 1, 1);

    scene_begin(s);
    put_lane(s, &a);
    put_lane(s, &b);
    scene_commit(s);
    scene_begin(s);
    drop_lane(s, 1);
    drop_lane(s, 3);
    expect_lane(s, 0, &b);
    scene_reopen(s);
    expect_lane(s, 0, &b);
    put_lane(s, &again); /* nothing is left of what it had seen */
    expect_lane(s, 0, &again);
    drop_lane(s, 1);
    put_lane(s, &again);
    scene_reopen(s);
    expect_lane(s, 0, &again);
    scene_commit(s);
}

static void a_lane_goes_when_its_records_have_gone(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 1, 4);

    scene_begin(s);
    rs_put(s, &rec);
    scene_commit(s);
    scene_begin(s);
    rs_drop(s, "a");
    drop_lane(s, 1);
    expect_lane(s, 0, NULL);
    rs_put(s, &rec);
    scene_reopen(s);
    rs_expect_dot(s, 1, 0, "a");
    scene_commit(s);
}

static void there_are_so_many_lanes_and_no_more(void **state)
{
    struct scene *s = *state;
    struct weir_lane_row lane = lane_of(1, 1, 0);

    scene_begin(s);
    for (uint32_t i = 0; i < WEIR_LANES_MAX; i++) {
        for (unsigned at = 0; at < 4; at++) /* at both ends: a tail names one lane */
            lane.lane[at] = lane.lane[WEIR_LANE_LEN - 4 + at] = (uint8_t)(i >> (24 - 8 * at));
        put_lane(s, &lane);
    }
    lane.vv = 2;
    put_lane(s, &lane);
    struct weir_lane_row one_more = lane_of(9, 1, 0);
    assert_int_equal(s->k->ops->put_lane(s->k, &one_more), WEIR_ELIMIT);
    assert_int_equal(s->k->ops->drop_lane(s->k, lane.lane), WEIR_OK);
    put_lane(s, &one_more);
    s->k->ops->abort(s->k);
    scene_begin(s);
    expect_lane(s, 0, NULL);
    scene_commit(s);
}

/* -- numbers -- */

static void expect_meta(struct scene *s, const struct weir_store_meta *want)
{
    struct weir_store_meta got;

    assert_int_equal(s->k->ops->get_meta(s->k, &got), WEIR_OK);
    assert_memory_equal(got.lane, want->lane, WEIR_LANE_LEN);
    assert_int_equal(got.seq, want->seq);
    assert_int_equal(got.hlc_floor, want->hlc_floor);
    assert_int_equal(got.live, want->live);
}

static void the_numbers_are_zero_at_first_and_then_what_was_put(void **state)
{
    struct scene *s = *state;
    const struct weir_store_meta none = { .seq = 0 };
    struct weir_store_meta meta = { .seq = WEIR_RECORD_SEQ_MAX,
                                    .hlc_floor = UINT64_MAX,
                                    .live = true };

    rs_lane(0xee, meta.lane);
    scene_begin(s);
    expect_meta(s, &none);
    assert_int_equal(s->k->ops->put_meta(s->k, &meta), WEIR_OK);
    expect_meta(s, &meta);
    scene_reopen(s);
    expect_meta(s, &meta);
    rs_lane(0x11, meta.lane);
    meta.seq = 1;
    meta.live = false;
    assert_int_equal(s->k->ops->put_meta(s->k, &meta), WEIR_OK);
    scene_reopen(s);
    expect_meta(s, &meta);
    assert_int_equal(s->k->ops->put_meta(s->k, &none), WEIR_OK);
    scene_reopen(s);
    expect_meta(s, &none);
    scene_commit(s);
}

/* -- conflicts -- */

static struct weir_conflict conflict_of(struct scene *s, const char *key, uint64_t seq,
                                        uint64_t noted_ms)
{
    struct weir_conflict c = {
        .noted_ms = noted_ms,
        .loser = rs_rec(s, key, 1, seq),
        .winner = { .hlc = 77, .seq = seq + 1 },
    };

    rs_lane(2, c.winner.lane);
    return c;
}

static void put_conflict(struct scene *s, const char *key, uint64_t seq, uint64_t noted_ms)
{
    struct weir_conflict c = conflict_of(s, key, seq, noted_ms);

    assert_int_equal(s->k->ops->put_conflict(s->k, &c), WEIR_OK);
}

/* The conflict at a place is this loser's; NULL: there is none. */
static void expect_conflict(struct scene *s, uint64_t at, const char *key, uint64_t seq)
{
    struct weir_conflict got;
    enum weir_err err = s->k->ops->get_conflict(s->k, at, &got);

    assert_int_equal(err, key != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (key != NULL) {
        rs_has_key(&got.loser, key);
        assert_int_equal(got.loser.rec.version.seq, seq);
    }
}

static void a_conflict_comes_back_with_all_of_its_loser(void **state)
{
    struct scene *s = *state;
    struct weir_conflict c = conflict_of(s, "a", 5, 123456789);
    struct weir_conflict got;
    uint8_t sig[WEIR_RECORD_SIG_LEN];

    memset(sig, 0x77, sizeof(sig));
    c.loser.sig = weir_span(sig, sizeof(sig));
    c.loser.extra = WEIR_SPAN_LIT("extra");
    c.loser.num_ctx = 2;
    memset(c.loser.ctx[0].tail, 8, WEIR_LANE_TAIL_LEN);
    memset(c.loser.ctx[1].tail, 9, WEIR_LANE_TAIL_LEN);
    c.loser.ctx[0].seq = 1;
    c.loser.ctx[1].seq = 2;
    scene_begin(s);
    assert_int_equal(s->k->ops->put_conflict(s->k, &c), WEIR_OK);
    rs_expect(s, "a", NULL);
    rs_expect_dot(s, 1, 0, NULL);
    expect_lane(s, 0, NULL);
    scene_reopen(s);
    assert_int_equal(s->k->ops->get_conflict(s->k, 0, &got), WEIR_OK);
    rs_same(&got.loser, &c.loser);
    assert_int_equal(got.noted_ms, c.noted_ms);
    assert_int_equal(got.winner.hlc, c.winner.hlc);
    assert_int_equal(got.winner.seq, c.winner.seq);
    assert_memory_equal(got.winner.lane, c.winner.lane, WEIR_LANE_LEN);
    scene_commit(s);
}

static void conflicts_come_in_the_order_of_their_noting(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_conflict(s, "b", 9, 1000);
    put_conflict(s, "a", 3, 3000);
    put_conflict(s, "c", 1, 2000); /* the clock had jumped back */
    scene_reopen(s);
    expect_conflict(s, 2, "c", 1);
    expect_conflict(s, 0, "b", 9);
    expect_conflict(s, 1, "a", 3);
    expect_conflict(s, 2, "c", 1);
    expect_conflict(s, 3, NULL, 0);
    expect_conflict(s, UINT64_MAX, NULL, 0);
    scene_commit(s);
}

static void the_same_loser_is_stored_once(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_conflict(s, "a", 1, 1000);
    put_conflict(s, "a", 2, 1000);
    put_conflict(s, "a", 1, 2000);
    scene_commit(s);
    scene_begin(s);
    put_conflict(s, "a", 2, 3000);
    expect_conflict(s, 0, "a", 1);
    expect_conflict(s, 1, "a", 2);
    expect_conflict(s, 2, NULL, 0);
    assert_int_equal(s->k->ops->drop_conflicts(s->k, 1000), WEIR_OK);
    expect_conflict(s, 0, NULL, 0);
    put_conflict(s, "a", 1, 4000); /* it is forgotten, so it is new */
    expect_conflict(s, 0, "a", 1);
    expect_conflict(s, 1, NULL, 0);
    scene_commit(s);
}

static void conflicts_are_forgotten_by_their_age(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_conflict(s, "a", 1, 1000);
    put_conflict(s, "b", 2, 3000);
    put_conflict(s, "c", 3, 2000);
    assert_int_equal(s->k->ops->drop_conflicts(s->k, 999), WEIR_OK);
    expect_conflict(s, 2, "c", 3);
    assert_int_equal(s->k->ops->drop_conflicts(s->k, 2000), WEIR_OK);
    expect_conflict(s, 0, "b", 2);
    expect_conflict(s, 1, NULL, 0);
    scene_reopen(s);
    expect_conflict(s, 0, "b", 2);
    put_conflict(s, "d", 4, 500);
    expect_conflict(s, 1, "d", 4);
    assert_int_equal(s->k->ops->drop_conflicts(s->k, UINT64_MAX), WEIR_OK);
    scene_reopen(s);
    expect_conflict(s, 0, NULL, 0);
    scene_commit(s);
}

static void the_oldest_conflict_goes_when_there_are_too_many(void **state)
{
    struct scene *s = *state;
    char key[24];

    scene_begin(s);
    for (uint64_t i = 0; i < WEIR_CONFLICTS_MAX + 3; i++) {
        (void)snprintf(key, sizeof(key), "k%" PRIu64, i % 100);
        put_conflict(s, key, i + 1, i);
    }
    scene_reopen(s);
    expect_conflict(s, 0, "k3", 4);
    expect_conflict(s, 1, "k4", 5);
    expect_conflict(s, WEIR_CONFLICTS_MAX - 1, "k2", WEIR_CONFLICTS_MAX + 3);
    expect_conflict(s, WEIR_CONFLICTS_MAX, NULL, 0);
    put_conflict(s, "k0", 1, 20000); /* it had gone */
    put_conflict(s, "k0", 1, 20001);
    expect_conflict(s, 0, "k4", 5);
    expect_conflict(s, WEIR_CONFLICTS_MAX - 1, "k0", 1);
    expect_conflict(s, WEIR_CONFLICTS_MAX, NULL, 0);
    scene_commit(s);
}

/* -- wipes and transactions -- */

/* Something of all that a record store can hold. */
static void fill(struct scene *s)
{
    struct weir_stored_record live = rs_rec(s, "live", 1, 1);
    struct weir_stored_record other = rs_rec(s, "other", 2, 5);
    struct weir_stored_record tomb = rs_tomb(s, "tomb", 2, RECORD_STORE_STORED_MS);
    struct weir_lane_row lane = lane_of(1, 2, 2);
    struct weir_lane_row idle = lane_of(3, 9, 9);
    struct weir_store_meta meta = { .seq = 2, .hlc_floor = 4, .live = true };

    rs_lane(1, meta.lane);
    rs_put(s, &live);
    rs_put(s, &other);
    rs_put(s, &tomb);
    put_lane(s, &lane);
    put_lane(s, &idle);
    assert_int_equal(s->k->ops->put_meta(s->k, &meta), WEIR_OK);
    if (s->group == WEIR_GROUP_C)
        put_conflict(s, "live", 9, 1000);
}

/* Change all of that, each kind of row by adding, replacing and taking away. */
static void stir(struct scene *s)
{
    struct weir_stored_record live = rs_rec(s, "live", 2, 6);
    struct weir_stored_record revived = rs_rec(s, "tomb", 2, 7);
    struct weir_stored_record added = rs_rec(s, "added", 4, 1);
    struct weir_stored_record buried =
        rs_tomb(s, "other", 3, RECORD_STORE_STORED_MS + RECORD_STORE_DAY_MS);
    struct weir_lane_row lane = lane_of(1, 3, 8);
    struct weir_store_meta meta = { .seq = 3, .hlc_floor = 5 };

    rs_put(s, &live);
    rs_put(s, &revived);
    rs_put(s, &added);
    rs_put(s, &buried);
    rs_drop(s, "live");
    rs_drop(s, "added");
    rs_put(s, &added);
    drop_lane(s, 3);
    put_lane(s, &lane);
    rs_lane(4, meta.lane);
    assert_int_equal(s->k->ops->put_meta(s->k, &meta), WEIR_OK);
    if (s->group == WEIR_GROUP_C) {
        put_conflict(s, "live", 10, 2000);
        assert_int_equal(s->k->ops->drop_conflicts(s->k, 1000), WEIR_OK);
        put_conflict(s, "live", 11, 500);
    }
}

static void an_abort_restores_everything(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_begin(s);
    fill(s);
    scene_commit(s);
    scene_picture(s, &before);
    scene_begin(s);
    stir(s);
    s->k->ops->abort(s->k);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void the_first_transaction_can_be_aborted(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_picture(s, &before);
    scene_begin(s);
    fill(s);
    stir(s);
    s->k->ops->abort(s->k);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void what_is_committed_survives_a_close(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_begin(s);
    fill(s);
    scene_commit(s);
    scene_begin(s);
    stir(s);
    scene_commit(s);
    scene_picture(s, &before);
    scene_begin(s);
    scene_reopen(s);
    scene_commit(s);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void a_transaction_sees_its_own_changes(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_begin(s);
    fill(s);
    stir(s);
    rs_picture(s->k, s->group, &before); /* drops what was in the queues */
    s->k->ops->abort(s->k);
    scene_begin(s);
    fill(s);
    stir(s);
    scene_commit(s);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void a_wipe_forgets_all_but_conflicts(void **state)
{
    struct scene *s = *state;
    const struct weir_store_meta none = { .seq = 0 };
    struct weir_stored_record rec = rs_rec(s, "live", 1, 1);
    struct weir_stored_record got;

    scene_begin(s);
    fill(s);
    scene_commit(s);
    scene_begin(s);
    assert_int_equal(s->k->ops->wipe(s->k), WEIR_OK);
    scene_reopen(s);
    rs_expect(s, "live", NULL);
    rs_expect(s, "tomb", NULL);
    rs_expect_dot(s, 1, 0, NULL);
    assert_int_equal(s->k->ops->next_key(s->k, rs_class(s), WEIR_SPAN_EMPTY, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_tombstone(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_expired(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    expect_lane(s, 0, NULL);
    expect_meta(s, &none);
    if (s->group == WEIR_GROUP_C)
        expect_conflict(s, 0, "live", 9);
    rs_put(s, &rec);
    scene_reopen(s);
    rs_expect(s, "live", &rec);
    struct weir_lane_row lane = lane_of(1, 0, 1);
    expect_lane(s, 0, &lane);
    scene_commit(s);
}

static void a_wipe_can_be_aborted(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_begin(s);
    fill(s);
    scene_commit(s);
    scene_picture(s, &before);
    scene_begin(s);
    stir(s);
    assert_int_equal(s->k->ops->wipe(s->k), WEIR_OK);
    fill(s);
    assert_int_equal(s->k->ops->wipe(s->k), WEIR_OK);
    stir(s);
    s->k->ops->abort(s->k);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void a_transaction_may_change_nothing(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    scene_begin(s);
    fill(s);
    scene_commit(s);
    scene_picture(s, &before);
    scene_begin(s);
    scene_commit(s);
    scene_begin(s);
    rs_drop(s, "absent");
    drop_lane(s, 8);
    scene_commit(s);
    scene_begin(s);
    s->k->ops->abort(s->k);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

static void the_scenario_of_all_operations_runs_more_than_once(void **state)
{
    struct scene *s = *state;
    struct weir_strbuf before = WEIR_STRBUF_ZERO;
    struct weir_strbuf after = WEIR_STRBUF_ZERO;

    assert_int_equal(record_store_suite_scenario(s->k, s->group), WEIR_OK);
    scene_picture(s, &before);
    assert_int_equal(record_store_suite_scenario(s->k, s->group), WEIR_OK);
    scene_picture(s, &after);
    rs_same_picture(&before, &after);
}

const struct rs_test record_store_suite_tables[] = {
    RECORD_STORE_TEST(lanes_come_in_the_order_of_their_names, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_put_of_a_lane_replaces_all_but_what_was_seen, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_put_of_a_record_raises_what_was_seen_of_its_lane, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_lane_of_which_nothing_is_known_has_no_row, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_dropped_lane_is_forgotten, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_lane_goes_when_its_records_have_gone, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(there_are_so_many_lanes_and_no_more, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_numbers_are_zero_at_first_and_then_what_was_put, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_conflict_comes_back_with_all_of_its_loser, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(conflicts_come_in_the_order_of_their_noting, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(the_same_loser_is_stored_once, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(conflicts_are_forgotten_by_their_age, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(the_oldest_conflict_goes_when_there_are_too_many, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(an_abort_restores_everything, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_first_transaction_can_be_aborted, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(what_is_committed_survives_a_close, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_transaction_sees_its_own_changes, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_wipe_forgets_all_but_conflicts, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_wipe_can_be_aborted, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_transaction_may_change_nothing, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_scenario_of_all_operations_runs_more_than_once, RECORD_STORE_IN_BOTH),
    { NULL, NULL, 0 },
};
