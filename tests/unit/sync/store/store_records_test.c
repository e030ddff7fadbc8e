/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_test.c - the operations of the engine's record store over the stores of both
 * groups: what is durable, what is undone, what a store may round, and the cases that only rows of
 * numbered lanes have. What any record store must do is in its suite.
 */
#include "tests/support/record_store_kit.h"

static void record_comes_back_with_all_that_travels_with_it(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    uint8_t sig[WEIR_RECORD_SIG_LEN];
    static uint8_t extra[WEIR_STORED_EXTRA_MAX];

    record_store_kit_init(&kk, rs_group_of(state));
    memset(sig, 0x51, sizeof(sig));
    memset(extra, 0xe1, sizeof(extra));
    struct weir_stored_record rec = rs_record(&kk, "a", 1, 7, "value");
    rec.rec.expires = 1234567;
    rec.stored_ms = RECORD_STORE_NOW_MS + 5999;
    rec.sig = weir_span(sig, sizeof(sig));
    rec.extra = weir_span(extra, sizeof(extra));
    for (uint8_t i = 0; i < WEIR_RECORD_CTX_MAX; i++) {
        memset(rec.ctx[i].tail, 'a' + i, WEIR_LANE_TAIL_LEN);
        rec.ctx[i].seq = WEIR_RECORD_SEQ_MAX - i;
    }
    rec.num_ctx = WEIR_RECORD_CTX_MAX;
    rs_put_now(&kk, &rec);
    for (int turn = 0; turn < 2; turn++) {
        rs_begin(&kk);
        assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
        rs_same(&got, &rec);
        assert_int_equal(got.stored_ms,
                         kk.group == 'C' ? RECORD_STORE_NOW_MS : RECORD_STORE_NOW_MS + 5000);
        kk.k->ops->abort(kk.k);
        record_store_kit_reopen(&kk);
    }
    record_store_kit_deinit(&kk);
}

/* A span that get returned may be written again: its bytes lie in a page that the write changes. */
static void record_can_be_written_from_what_was_found(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    static char big[5000];

    record_store_kit_init(&kk, rs_group_of(state));
    memset(big, 'b', sizeof(big) - 1);
    const char *const values[] = { "small", big };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(values); i++) {
        struct weir_stored_record rec = rs_record(&kk, "a", 1, 1 + 2 * i, values[i]);
        rs_begin(&kk);
        rs_put(&kk, &rec);
        assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
        got.rec.version.seq++;
        rs_put(&kk, &got);
        rs_commit(&kk);
        rec.rec.version.seq++;
        rs_begin(&kk);
        assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
        rs_same(&got, &rec);
        kk.k->ops->abort(kk.k);
    }
    record_store_kit_deinit(&kk);
}

static void put_takes_the_old_dot_and_its_places_in_the_queues_along(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    uint8_t lane[WEIR_LANE_LEN];

    record_store_kit_init(&kk, rs_group_of(state));
    struct weir_stored_record rec = rs_record(&kk, "a", 1, 1, "one");
    rec.rec.expires = 100;
    rs_put_now(&kk, &rec);
    rec = rs_tombstone(&kk, "a", 1, 2, RECORD_STORE_NOW_MS);
    rs_put_now(&kk, &rec);
    rec = rs_record(&kk, "a", 2, 9, "two");
    rec.rec.expires = 300;
    rs_put_now(&kk, &rec);
    rs_begin(&kk);
    rs_lane(1, lane);
    assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 0, &got), WEIR_ENOTFOUND);
    rs_lane(2, lane);
    assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 0, &got), WEIR_OK);
    rs_same(&got, &rec);
    assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 9, &got), WEIR_ENOTFOUND);
    assert_int_equal(kk.k->ops->next_tombstone(kk.k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    assert_int_equal(kk.k->ops->next_expired(kk.k, 299, &got), WEIR_ENOTFOUND);
    assert_int_equal(kk.k->ops->next_expired(kk.k, 300, &got),
                     kk.group == 'E' ? WEIR_OK : WEIR_ENOTFOUND);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void expect_lane(struct record_store_kit *kk, const uint8_t *after, uint8_t n, uint64_t seen)
{
    struct weir_lane_row got;
    uint8_t lane[WEIR_LANE_LEN];

    rs_lane(n, lane);
    assert_int_equal(kk->k->ops->next_lane(kk->k, after, &got), WEIR_OK);
    assert_memory_equal(got.lane, lane, WEIR_LANE_LEN);
    assert_int_equal(got.seen, seen);
}

static void context_names_a_lane_by_its_end_before_the_lane_itself_is_known(void **state)
{
    struct record_store_kit kk;
    struct weir_lane_row lane = { .vv = 0 };
    struct weir_stored_record got;

    record_store_kit_init(&kk, rs_group_of(state));
    struct weir_stored_record rec = rs_record(&kk, "a", 5, 3, "x");
    rs_lane(3, lane.lane);
    memcpy(rec.ctx[0].tail, lane.lane + 8, WEIR_LANE_TAIL_LEN);
    rec.ctx[0].seq = 77;
    rec.num_ctx = 1;
    rs_put_now(&kk, &rec);
    record_store_kit_reopen(&kk);
    /* Only the record's own lane is there to see. */
    rs_begin(&kk);
    expect_lane(&kk, NULL, 5, 3);
    rs_lane(5, lane.lane);
    assert_int_equal(kk.k->ops->next_lane(kk.k, lane.lane, &lane), WEIR_ENOTFOUND);
    /* A change of its name is undone with the transaction. */
    struct weir_stored_record other = rs_record(&kk, "b", 3, 8, "y");
    rs_put(&kk, &other);
    kk.k->ops->abort(kk.k);
    rs_begin(&kk);
    expect_lane(&kk, NULL, 5, 3);
    rs_put(&kk, &other);
    rs_commit(&kk);
    for (int turn = 0; turn < 2; turn++) {
        rs_begin(&kk);
        expect_lane(&kk, NULL, 3, 8);
        assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
        rs_same(&got, &rec);
        assert_int_equal(rs_get(&kk, "b", &got), WEIR_OK);
        rs_same(&got, &other);
        kk.k->ops->abort(kk.k);
        record_store_kit_reopen(&kk);
    }
    record_store_kit_deinit(&kk);
}

static void lane_that_is_dropped_keeps_its_name_in_contexts(void **state)
{
    struct record_store_kit kk;
    struct weir_lane_row lane = { .vv = 9, .final = 9 };
    struct weir_stored_record got;

    record_store_kit_init(&kk, rs_group_of(state));
    struct weir_stored_record rec = rs_record(&kk, "a", 5, 3, "x");
    rs_lane(3, lane.lane);
    memcpy(rec.ctx[0].tail, lane.lane + 8, WEIR_LANE_TAIL_LEN);
    rec.ctx[0].seq = 4;
    rec.num_ctx = 1;
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->put_lane(kk.k, &lane), WEIR_OK);
    rs_put(&kk, &rec);
    rs_commit(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->drop_lane(kk.k, lane.lane), WEIR_OK);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    expect_lane(&kk, NULL, 5, 3);
    assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
    rs_same(&got, &rec);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void many_lanes_are_given_in_order_of_their_bytes(void **state)
{
    struct record_store_kit kk;
    struct weir_lane_row lane = { .vv = 0 };
    enum { NUM = 300 };

    record_store_kit_init(&kk, rs_group_of(state));
    rs_begin(&kk);
    for (unsigned i = 0; i < NUM; i++) {
        /* 7 and 300 have no common divisor: each place once, out of order. */
        unsigned n = i * 7 % NUM;
        lane.lane[0] = (uint8_t)(n >> 8);
        lane.lane[1] = (uint8_t)n;
        lane.lane[15] = (uint8_t)(NUM - n);
        lane.vv = n + 1;
        assert_int_equal(kk.k->ops->put_lane(kk.k, &lane), WEIR_OK);
    }
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    const uint8_t *after = NULL;
    for (unsigned n = 0; n < NUM; n++) {
        assert_int_equal(kk.k->ops->next_lane(kk.k, after, &lane), WEIR_OK);
        assert_int_equal(lane.vv, n + 1);
        after = lane.lane;
    }
    assert_int_equal(kk.k->ops->next_lane(kk.k, after, &lane), WEIR_ENOTFOUND);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void numbers_are_durable_and_zero_at_first(void **state)
{
    struct record_store_kit kk;
    static const struct weir_store_meta zero;
    struct weir_store_meta meta = { .seq = 5, .hlc_floor = 6, .live = true };
    struct weir_store_meta got;

    record_store_kit_init(&kk, rs_group_of(state));
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &got), WEIR_OK);
    assert_memory_equal(got.lane, zero.lane, WEIR_LANE_LEN);
    assert_int_equal(got.seq | got.hlc_floor | got.live, 0);
    rs_lane(4, meta.lane);
    assert_int_equal(kk.k->ops->put_meta(kk.k, &meta), WEIR_OK);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &got), WEIR_OK);
    assert_memory_equal(got.lane, meta.lane, WEIR_LANE_LEN);
    assert_int_equal(got.seq, 5);
    assert_int_equal(got.hlc_floor, 6);
    assert_true(got.live);
    /* A lane of its own that was never written on is none that is known of. */
    struct weir_lane_row lane;
    assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_ENOTFOUND);
    /* Records alone do not make a store complete: its bootstrap may have been cut off. */
    meta.live = false;
    assert_int_equal(kk.k->ops->put_meta(kk.k, &meta), WEIR_OK);
    struct weir_stored_record rec = rs_record(&kk, "a", 1, 1, "x");
    rs_put(&kk, &rec);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &got), WEIR_OK);
    assert_false(got.live);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void tombstones_come_by_age_and_stay_when_they_are_read(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;

    record_store_kit_init(&kk, rs_group_of(state));
    rs_begin(&kk);
    for (unsigned i = 0; i < 3; i++) {
        char key[2] = { (char)('c' - i), 0 };
        struct weir_stored_record t = rs_tombstone(
            &kk, key, 1, 1 + i, RECORD_STORE_NOW_MS + (2 - i) * RECORD_STORE_DAY_MS + 17);
        rs_put(&kk, &t);
    }
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->next_tombstone(kk.k, RECORD_STORE_NOW_MS - 1, &got),
                     WEIR_ENOTFOUND);
    for (char c = 'a'; c <= 'c'; c++) {
        assert_int_equal(kk.k->ops->next_tombstone(kk.k, UINT64_MAX, &got), WEIR_OK);
        assert_int_equal(got.rec.key.at[0], c);
        assert_true(got.rec.tombstone);
        assert_int_equal(kk.k->ops->next_tombstone(kk.k, UINT64_MAX, &got), WEIR_OK);
        assert_int_equal(
            kk.k->ops->drop(kk.k, record_store_kit_class(&kk), weir_span_cstr((char[2]){ c, 0 })),
            WEIR_OK);
    }
    assert_int_equal(kk.k->ops->next_tombstone(kk.k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    rs_commit(&kk);
    record_store_kit_deinit(&kk);
}

static void dropped_records_are_gone_and_a_drop_of_nothing_is_fine(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    uint8_t lane[WEIR_LANE_LEN];

    record_store_kit_init(&kk, rs_group_of(state));
    struct weir_stored_record rec = rs_record(&kk, "a", 1, 1, "x");
    rs_put_now(&kk, &rec);
    rs_begin(&kk);
    assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
    /* The key that get gave lies in the page that goes. */
    assert_int_equal(kk.k->ops->drop(kk.k, got.rec.class, got.rec.key), WEIR_OK);
    assert_int_equal(kk.k->ops->drop(kk.k, record_store_kit_class(&kk), WEIR_SPAN_LIT("a")),
                     WEIR_OK);
    assert_int_equal(rs_get(&kk, "a", &got), WEIR_ENOTFOUND);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    rs_lane(1, lane);
    assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 0, &got), WEIR_ENOTFOUND);
    assert_int_equal(kk.k->ops->next_key(kk.k, record_store_kit_class(&kk), WEIR_SPAN_EMPTY, &got),
                     WEIR_ENOTFOUND);
    expect_lane(&kk, NULL, 1, 1);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void conflicts_are_whole_and_outlive_a_wipe(void **state)
{
    struct record_store_kit kk;

    record_store_kit_init(&kk, rs_group_of(state));
    /* The clock jumps back between the second and the third. */
    const struct weir_conflict c[] = { rs_conflict(&kk, "b", 1, 10), rs_conflict(&kk, "a", 2, 20),
                                       rs_conflict(&kk, "c", 3, 5) };
    struct weir_stored_record rec = rs_record(&kk, "b", 2, 98, "won");
    rs_begin(&kk);
    rs_put(&kk, &rec);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(c); i++)
        assert_int_equal(kk.k->ops->put_conflict(kk.k, &c[i]), WEIR_OK);
    assert_int_equal(kk.k->ops->put_conflict(kk.k, &c[0]), WEIR_OK);
    rs_commit(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(c); i++)
        rs_expect_conflict(&kk, i, &c[i]);
    rs_expect_conflict(&kk, 1, &c[1]);
    rs_expect_conflict(&kk, 3, NULL);
    assert_int_equal(kk.k->ops->drop_conflicts(kk.k, 10), WEIR_OK);
    rs_expect_conflict(&kk, 0, &c[1]);
    rs_expect_conflict(&kk, 1, NULL);
    rs_commit(&kk);
    /* One that was forgotten can be found again. */
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->put_conflict(kk.k, &c[0]), WEIR_OK);
    rs_expect_conflict(&kk, 1, &c[0]);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void oldest_conflict_makes_room(void **state)
{
    struct record_store_kit kk;
    struct weir_conflict c;

    record_store_kit_init(&kk, rs_group_of(state));
    rs_begin(&kk);
    for (uint64_t i = 0; i < WEIR_CONFLICTS_MAX + 3; i++) {
        c = rs_conflict(&kk, "key", 1 + i, i);
        assert_int_equal(kk.k->ops->put_conflict(kk.k, &c), WEIR_OK);
    }
    rs_commit(&kk);
    rs_begin(&kk);
    c = rs_conflict(&kk, "key", 4, 3);
    rs_expect_conflict(&kk, 0, &c);
    c = rs_conflict(&kk, "key", WEIR_CONFLICTS_MAX + 3, WEIR_CONFLICTS_MAX + 2);
    rs_expect_conflict(&kk, WEIR_CONFLICTS_MAX - 1, &c);
    rs_expect_conflict(&kk, WEIR_CONFLICTS_MAX, NULL);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void wipe_can_be_undone_and_filled_again_at_once(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    struct weir_lane_row lane;
    struct weir_store_meta meta = { .seq = 1, .live = true };
    char key[16];

    record_store_kit_init(&kk, rs_group_of(state));
    rs_begin(&kk);
    rs_lane(1, meta.lane);
    assert_int_equal(kk.k->ops->put_meta(kk.k, &meta), WEIR_OK);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        struct weir_stored_record rec =
            rs_record(&kk, key, (uint8_t)(1 + i % 3), 1 + (uint64_t)i, "x");
        rs_put(&kk, &rec);
    }
    rs_commit(&kk);

    rs_begin(&kk);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_ENOTFOUND);
    struct weir_stored_record rec = rs_record(&kk, "after", 2, 1, "y");
    rs_put(&kk, &rec);
    kk.k->ops->abort(kk.k);
    rs_begin(&kk);
    assert_int_equal(rs_get(&kk, "after", &got), WEIR_ENOTFOUND);
    assert_int_equal(rs_get(&kk, "key499", &got), WEIR_OK);
    expect_lane(&kk, NULL, 1, 499);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_true(meta.live);

    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_put(&kk, &rec);
    rs_commit(&kk);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->next_key(kk.k, record_store_kit_class(&kk), WEIR_SPAN_EMPTY, &got),
                     WEIR_OK);
    rs_same(&got, &rec);
    assert_int_equal(kk.k->ops->next_key(kk.k, record_store_kit_class(&kk), got.rec.key, &got),
                     WEIR_ENOTFOUND);
    expect_lane(&kk, NULL, 2, 1);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_false(meta.live);
    assert_int_equal(meta.seq, 0);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_STORE_BOTH(record_comes_back_with_all_that_travels_with_it),
        RECORD_STORE_BOTH(record_can_be_written_from_what_was_found),
        RECORD_STORE_BOTH(put_takes_the_old_dot_and_its_places_in_the_queues_along),
        RECORD_STORE_BOTH(context_names_a_lane_by_its_end_before_the_lane_itself_is_known),
        RECORD_STORE_BOTH(lane_that_is_dropped_keeps_its_name_in_contexts),
        RECORD_STORE_BOTH(many_lanes_are_given_in_order_of_their_bytes),
        RECORD_STORE_BOTH(numbers_are_durable_and_zero_at_first),
        RECORD_STORE_BOTH(tombstones_come_by_age_and_stay_when_they_are_read),
        RECORD_STORE_BOTH(dropped_records_are_gone_and_a_drop_of_nothing_is_fine),
        RECORD_STORE_BOTH(conflicts_are_whole_and_outlive_a_wipe),
        RECORD_STORE_BOTH(oldest_conflict_makes_room),
        RECORD_STORE_BOTH(wipe_can_be_undone_and_filled_again_at_once),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
