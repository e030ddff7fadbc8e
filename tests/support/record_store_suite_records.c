/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite_records.c - see record_store_suite.h: records, their dots, and records in the
 * order of keys.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/record_store_scene.h"

static enum weir_err next_key(struct scene *s, struct weir_span after,
                              struct weir_stored_record *ret)
{
    return s->k->ops->next_key(s->k, rs_class(s), after, ret);
}

/* The keys of the scene's class are these, in this order. */
static void expect_keys(struct scene *s, const struct weir_span *keys, size_t num)
{
    struct weir_stored_record got;
    struct weir_span after = WEIR_SPAN_EMPTY;

    for (size_t i = 0; i < num; i++) {
        assert_int_equal(next_key(s, after, &got), WEIR_OK);
        assert_true(weir_span_eq(got.rec.key, keys[i]));
        after = keys[i];
    }
    assert_int_equal(next_key(s, after, &got), WEIR_ENOTFOUND);
}

static void a_new_store_is_empty(void **state)
{
    struct scene *s = *state;
    const struct weir_record_store_ops *ops = s->k->ops;
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_stored_record rec;
    struct weir_lane_row row;
    struct weir_conflict c;

    rs_lane(1, lane);
    scene_begin(s);
    rs_expect(s, "a", NULL);
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &rec), WEIR_ENOTFOUND);
    assert_int_equal(ops->next_dot(s->k, lane, 0, &rec), WEIR_ENOTFOUND);
    assert_int_equal(ops->next_tombstone(s->k, UINT64_MAX, &rec), WEIR_ENOTFOUND);
    assert_int_equal(ops->next_expired(s->k, UINT64_MAX, &rec), WEIR_ENOTFOUND);
    assert_int_equal(ops->next_lane(s->k, NULL, &row), WEIR_ENOTFOUND);
    assert_int_equal(ops->get_conflict(s->k, 0, &c), WEIR_ENOTFOUND);
    scene_commit(s);
}

static void a_record_comes_back_with_all_that_travels_with_it(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 3, 7);
    uint8_t sig[WEIR_RECORD_SIG_LEN];

    memset(sig, 0x5a, sizeof(sig));
    rec.sig = weir_span(sig, sizeof(sig));
    rec.extra = WEIR_SPAN_LIT("fields of a later version");
    rec.num_ctx = 3;
    for (unsigned i = 0; i < rec.num_ctx; i++) {
        memset(rec.ctx[i].tail, (int)(0xa0 + i), WEIR_LANE_TAIL_LEN);
        rec.ctx[i].seq = 100 - i;
    }
    scene_begin(s);
    rs_put(s, &rec);
    rs_expect(s, "a", &rec);
    scene_reopen(s);
    rs_expect(s, "a", &rec);
    scene_commit(s);
}

static void a_record_of_the_largest_size_comes_back(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "", 1, WEIR_RECORD_SEQ_MAX);
    size_t len = WEIR_RECORD_MAX + WEIR_STORED_EXTRA_MAX + WEIR_KEY_MAX + WEIR_RECORD_SIG_LEN;
    uint8_t *bytes = malloc(len);
    struct weir_stored_record got;

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    rec.rec.key = weir_span(bytes, WEIR_KEY_MAX);
    rec.rec.value = weir_span(bytes + WEIR_KEY_MAX, WEIR_RECORD_MAX);
    rec.extra = weir_span(bytes + WEIR_KEY_MAX + WEIR_RECORD_MAX, WEIR_STORED_EXTRA_MAX);
    rec.sig = weir_span(bytes + len - WEIR_RECORD_SIG_LEN, WEIR_RECORD_SIG_LEN);
    rec.rec.version.hlc = UINT64_MAX;
    rec.rec.schema = UINT16_MAX;
    rec.rec.min_reader = UINT16_MAX;
    rec.rec.expires = WEIR_RECORD_EXPIRES_MAX;
    rec.num_ctx = WEIR_RECORD_CTX_MAX;
    for (unsigned i = 0; i < rec.num_ctx; i++) {
        memset(rec.ctx[i].tail, (int)(1 + i), WEIR_LANE_TAIL_LEN);
        rec.ctx[i].seq = WEIR_RECORD_SEQ_MAX;
    }
    scene_begin(s);
    rs_put(s, &rec);
    scene_reopen(s);
    assert_int_equal(s->k->ops->get(s->k, rs_class(s), rec.rec.key, &got), WEIR_OK);
    rs_same(&got, &rec);
    scene_commit(s);
    free(bytes);
}

static void a_record_of_the_smallest_size_comes_back(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "k", 1, 1);

    rec.rec.version.hlc = 0;
    rec.rec.schema = 0;
    rec.rec.min_reader = 0;
    rec.rec.expires = 0;
    rec.rec.value = WEIR_SPAN_EMPTY;
    rec.stored_ms = 0;
    scene_begin(s);
    rs_put(s, &rec);
    scene_reopen(s);
    rs_expect(s, "k", &rec);
    rs_expect_dot(s, 1, 0, "k");
    scene_commit(s);
}

static void the_time_of_storing_is_at_most_rounded_down_to_days(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 1, 1);
    struct weir_stored_record got;

    rec.stored_ms = RECORD_STORE_STORED_MS + RECORD_STORE_DAY_MS - 1;
    scene_begin(s);
    rs_put(s, &rec);
    assert_int_equal(s->k->ops->get(s->k, rs_class(s), rec.rec.key, &got), WEIR_OK);
    assert_true(got.stored_ms >= RECORD_STORE_STORED_MS);
    assert_true(got.stored_ms <= rec.stored_ms);
    scene_commit(s);
}

static void a_tombstone_is_found_like_any_record(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record tomb = rs_tomb(s, "a", 4, RECORD_STORE_STORED_MS);
    struct weir_stored_record got;

    scene_begin(s);
    rs_put(s, &tomb);
    rs_expect(s, "a", &tomb);
    rs_expect_dot(s, 1, 0, "a");
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_OK);
    rs_same(&got, &tomb);
    scene_commit(s);
}

static void a_put_replaces_the_record_and_its_dot(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record first = rs_rec(s, "a", 1, 5);
    struct weir_stored_record second = rs_rec(s, "a", 2, 3);
    struct weir_stored_record third = rs_rec(s, "a", 2, 9);

    second.rec.value = WEIR_SPAN_LIT("another value, and a longer one");
    scene_begin(s);
    rs_put(s, &first);
    scene_commit(s);
    scene_begin(s);
    rs_put(s, &second);
    rs_expect(s, "a", &second);
    rs_expect_dot(s, 1, 0, NULL);
    rs_expect_dot(s, 2, 0, "a");
    rs_put(s, &third);
    rs_expect_dot(s, 2, 3, "a");
    scene_reopen(s);
    rs_expect(s, "a", &third);
    rs_expect_dot(s, 1, 0, NULL);
    rs_expect_dot(s, 2, 0, "a");
    rs_expect_dot(s, 2, 9, NULL);
    scene_commit(s);
}

static void a_put_may_lower_version_and_seq(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record newer = rs_rec(s, "a", 1, 9);
    struct weir_stored_record older = rs_rec(s, "a", 1, 2);

    scene_begin(s);
    rs_put(s, &newer);
    rs_put(s, &older);
    rs_expect(s, "a", &older);
    rs_expect_dot(s, 1, 0, "a");
    rs_expect_dot(s, 1, 2, NULL);
    scene_commit(s);
}

static void the_same_record_put_twice_is_there_once(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 1, 5);
    struct weir_span key = rec.rec.key;

    scene_begin(s);
    rs_put(s, &rec);
    rs_put(s, &rec);
    rs_expect(s, "a", &rec);
    expect_keys(s, &key, 1);
    rs_expect_dot(s, 1, 5, NULL);
    rs_drop(s, "a");
    rs_expect_dot(s, 1, 0, NULL);
    scene_commit(s);
}

static void a_put_may_be_given_what_another_call_lent(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 1, 5);
    struct weir_stored_record want = rs_rec(s, "a", 2, 6);
    struct weir_stored_record got;

    rec.extra = WEIR_SPAN_LIT("extra");
    want.extra = rec.extra;
    want.rec.version.hlc = rec.rec.version.hlc;
    scene_begin(s);
    rs_put(s, &rec);
    assert_int_equal(s->k->ops->get(s->k, rs_class(s), rec.rec.key, &got), WEIR_OK);
    memcpy(got.rec.version.lane, want.rec.version.lane, WEIR_LANE_LEN);
    got.rec.version.seq = want.rec.version.seq;
    rs_put(s, &got);
    rs_expect(s, "a", &want);
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_OK);
    assert_int_equal(s->k->ops->drop(s->k, got.rec.class, got.rec.key), WEIR_OK);
    rs_expect(s, "a", NULL);
    scene_commit(s);
}

static void what_is_lent_lasts_until_the_next_change(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record a = rs_rec(s, "a", 1, 1);
    struct weir_stored_record b = rs_rec(s, "b", 1, 2);
    struct weir_stored_record got[4];
    struct weir_lane_row lane;

    b.rec.value = WEIR_SPAN_LIT("of b");
    scene_begin(s);
    rs_put(s, &a);
    rs_put(s, &b);
    assert_int_equal(s->k->ops->get(s->k, rs_class(s), a.rec.key, &got[0]), WEIR_OK);
    assert_int_equal(s->k->ops->get(s->k, rs_class(s), b.rec.key, &got[1]), WEIR_OK);
    assert_int_equal(s->k->ops->next_dot(s->k, a.rec.version.lane, 0, &got[2]), WEIR_OK);
    assert_int_equal(next_key(s, a.rec.key, &got[3]), WEIR_OK);
    assert_int_equal(s->k->ops->next_lane(s->k, NULL, &lane), WEIR_OK);
    rs_expect(s, "c", NULL);
    rs_same(&got[0], &a);
    rs_same(&got[1], &b);
    rs_same(&got[2], &a);
    rs_same(&got[3], &b);
    scene_commit(s);
}

static void a_drop_takes_a_record_away_without_trace(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record live = rs_rec(s, "a", 1, 1);
    struct weir_stored_record tomb = rs_tomb(s, "b", 2, RECORD_STORE_STORED_MS);
    struct weir_stored_record got;

    scene_begin(s);
    rs_put(s, &live);
    rs_put(s, &tomb);
    scene_commit(s);
    scene_begin(s);
    rs_drop(s, "a");
    rs_drop(s, "b");
    scene_reopen(s);
    rs_expect(s, "a", NULL);
    rs_expect(s, "b", NULL);
    rs_expect_dot(s, 1, 0, NULL);
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_tombstone(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_expired(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    scene_commit(s);
}

static void a_drop_of_what_is_not_there_is_no_error(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "b", 1, 1);

    scene_begin(s);
    rs_drop(s, "a");
    rs_put(s, &rec);
    rs_drop(s, "a");
    rs_drop(s, "bb");
    rs_expect(s, "b", &rec);
    rs_drop(s, "b");
    rs_drop(s, "b");
    rs_expect(s, "b", NULL);
    scene_commit(s);
}

static void dots_come_in_the_order_of_their_numbers_lane_by_lane(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *key;
        uint8_t lane;
        uint64_t seq;
    } rows[] = { { "d", 2, 300 }, { "a", 1, UINT64_C(1) << 40 },
                 { "c", 2, 255 }, { "b", 2, 256 },
                 { "e", 1, 1 },   { "f", 3, 77 } };

    scene_begin(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_stored_record rec = rs_rec(s, rows[i].key, rows[i].lane, rows[i].seq);
        rs_put(s, &rec);
    }
    scene_reopen(s);
    rs_expect_dot(s, 1, 0, "e");
    rs_expect_dot(s, 1, 1, "a");
    rs_expect_dot(s, 1, UINT64_C(1) << 40, NULL);
    rs_expect_dot(s, 2, 0, "c");
    rs_expect_dot(s, 2, 254, "c");
    rs_expect_dot(s, 2, 255, "b");
    rs_expect_dot(s, 2, 256, "d");
    rs_expect_dot(s, 2, 299, "d");
    rs_expect_dot(s, 2, 300, NULL);
    rs_expect_dot(s, 2, UINT64_MAX, NULL);
    rs_expect_dot(s, 3, 76, "f");
    rs_expect_dot(s, 4, 0, NULL);
    scene_commit(s);
}

static void keys_come_in_the_order_of_their_bytes(void **state)
{
    struct scene *s = *state;
    static const uint8_t bytes[] = { 0,   0,   0,   0,   0,   0,   0,    0,   0,   0,
                                     0,   0,   0,   0,   0,   0,   1,    'a', 'b', 'c',
                                     'd', 'e', 'f', 'g', 'h', 'i', 0xff, 0xff };
    const struct weir_span keys[] = {
        { bytes, 1 },      { bytes, 7 },      { bytes, 8 },      { bytes, 16 },
        { bytes, 17 },     { bytes + 9, 8 },  { bytes + 16, 1 }, { bytes + 17, 6 },
        { bytes + 17, 7 }, { bytes + 17, 8 }, { bytes + 17, 9 }, { bytes + 18, 1 },
        { bytes + 26, 1 }, { bytes + 26, 2 },
    };
    size_t num = WEIR_ARRAY_LEN(keys);
    struct weir_stored_record got;

    scene_begin(s);
    for (size_t i = 0; i < num; i++) { /* 5 and 14 have no common factor */
        size_t at = i * 5 % num;
        struct weir_stored_record rec =
            at % 3 == 0 ? rs_tomb(s, "", at + 1, RECORD_STORE_STORED_MS) : rs_rec(s, "", 1, at + 1);
        rec.rec.key = keys[at];
        rs_put(s, &rec);
    }
    expect_keys(s, keys, num);
    scene_reopen(s);
    expect_keys(s, keys, num);
    /* Behind a key that is not there. */
    assert_int_equal(next_key(s, WEIR_SPAN_LIT("abcdefgg"), &got), WEIR_OK);
    assert_true(weir_span_eq(got.rec.key, keys[9]));
    assert_int_equal(next_key(s, WEIR_SPAN_LIT("zzz"), &got), WEIR_OK);
    assert_true(weir_span_eq(got.rec.key, keys[12]));
    assert_int_equal(next_key(s, WEIR_SPAN_LIT("\xff\xff\x00"), &got), WEIR_ENOTFOUND);
    scene_commit(s);
}

static void a_key_may_be_a_prefix_of_the_longest_one(void **state)
{
    struct scene *s = *state;
    uint8_t bytes[WEIR_KEY_MAX];
    struct weir_stored_record got;

    memset(bytes, 0xff, sizeof(bytes));
    scene_begin(s);
    for (size_t len = WEIR_KEY_MAX; len > WEIR_KEY_MAX - 3; len--) {
        struct weir_stored_record rec = rs_rec(s, "", 1, len);
        rec.rec.key = weir_span(bytes, len);
        rs_put(s, &rec);
    }
    for (size_t len = WEIR_KEY_MAX - 3; len < WEIR_KEY_MAX; len++) {
        assert_int_equal(next_key(s, weir_span(bytes, len), &got), WEIR_OK);
        assert_int_equal(got.rec.key.len, len + 1);
        assert_int_equal(got.rec.version.seq, len + 1);
    }
    assert_int_equal(next_key(s, weir_span(bytes, sizeof(bytes)), &got), WEIR_ENOTFOUND);
    scene_commit(s);
}

static void classes_do_not_mix(void **state)
{
    static const enum weir_class classes[] = { WEIR_CLASS_SETTING, WEIR_CLASS_TENANT,
                                               WEIR_CLASS_CERT, WEIR_CLASS_LANE };
    struct scene *s = *state;
    struct weir_stored_record got;

    scene_begin(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(classes); i++) {
        struct weir_stored_record rec = rs_rec(s, "same", 1, i + 1);
        rec.rec.class = classes[i];
        rs_put(s, &rec);
    }
    assert_int_equal(s->k->ops->drop(s->k, WEIR_CLASS_CERT, WEIR_SPAN_LIT("same")), WEIR_OK);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(classes); i++) {
        bool gone = classes[i] == WEIR_CLASS_CERT;
        assert_int_equal(s->k->ops->get(s->k, classes[i], WEIR_SPAN_LIT("same"), &got),
                         gone ? WEIR_ENOTFOUND : WEIR_OK);
        assert_int_equal(s->k->ops->next_key(s->k, classes[i], WEIR_SPAN_EMPTY, &got),
                         gone ? WEIR_ENOTFOUND : WEIR_OK);
        if (!gone)
            assert_int_equal(got.rec.version.seq, i + 1);
        assert_int_equal(s->k->ops->next_key(s->k, classes[i], WEIR_SPAN_LIT("same"), &got),
                         WEIR_ENOTFOUND);
    }
    assert_int_equal(s->k->ops->next_key(s->k, WEIR_CLASS_MEMBER, WEIR_SPAN_EMPTY, &got),
                     WEIR_ENOTFOUND);
    scene_commit(s);
}

const struct rs_test record_store_suite_records[] = {
    RECORD_STORE_TEST(a_new_store_is_empty, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_record_comes_back_with_all_that_travels_with_it, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_record_of_the_largest_size_comes_back, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_record_of_the_smallest_size_comes_back, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_time_of_storing_is_at_most_rounded_down_to_days, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_tombstone_is_found_like_any_record, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_put_replaces_the_record_and_its_dot, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_put_may_lower_version_and_seq, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_same_record_put_twice_is_there_once, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_put_may_be_given_what_another_call_lent, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(what_is_lent_lasts_until_the_next_change, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_drop_takes_a_record_away_without_trace, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_drop_of_what_is_not_there_is_no_error, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(dots_come_in_the_order_of_their_numbers_lane_by_lane, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(keys_come_in_the_order_of_their_bytes, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_key_may_be_a_prefix_of_the_longest_one, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(classes_do_not_mix, RECORD_STORE_IN_C),
    { NULL, NULL, 0 },
};
