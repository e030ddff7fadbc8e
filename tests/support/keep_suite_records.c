/* SPDX-License-Identifier: Apache-2.0
 *
 * keep_suite_records.c - see keep_suite.h: records, their dots, and records in the order of keys.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/keep_suite_parts.h"

static enum weir_err next_key(struct scene *s, struct weir_span after, struct weir_kept *ret)
{
    return s->k->ops->next_key(s->k, keep_class(s), after, ret);
}

/* The keys of the scene's class are these, in this order. */
static void expect_keys(struct scene *s, const struct weir_span *keys, size_t num)
{
    struct weir_kept got;
    struct weir_span after = WEIR_SPAN_EMPTY;

    for (size_t i = 0; i < num; i++) {
        assert_int_equal(next_key(s, after, &got), WEIR_OK);
        assert_true(weir_span_eq(got.rec.key, keys[i]));
        after = keys[i];
    }
    assert_int_equal(next_key(s, after, &got), WEIR_ENOTFOUND);
}

static void a_new_keep_holds_nothing(void **state)
{
    struct scene *s = *state;
    const struct weir_keep_ops *ops = s->k->ops;
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_kept rec;
    struct weir_keep_lane row;
    struct weir_keep_conflict c;

    keep_lane(1, lane);
    scene_begin(s);
    keep_expect(s, "a", NULL);
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
    struct weir_kept rec = keep_rec(s, "a", 3, 7);
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
    keep_put(s, &rec);
    keep_expect(s, "a", &rec);
    scene_reopen(s);
    keep_expect(s, "a", &rec);
    scene_commit(s);
}

static void a_record_of_the_largest_size_comes_back(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "", 1, WEIR_RECORD_SEQ_MAX);
    size_t len = WEIR_RECORD_MAX + WEIR_KEPT_EXTRA_MAX + WEIR_KEY_MAX + WEIR_RECORD_SIG_LEN;
    uint8_t *bytes = malloc(len);
    struct weir_kept got;

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    rec.rec.key = weir_span(bytes, WEIR_KEY_MAX);
    rec.rec.value = weir_span(bytes + WEIR_KEY_MAX, WEIR_RECORD_MAX);
    rec.extra = weir_span(bytes + WEIR_KEY_MAX + WEIR_RECORD_MAX, WEIR_KEPT_EXTRA_MAX);
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
    keep_put(s, &rec);
    scene_reopen(s);
    assert_int_equal(s->k->ops->get(s->k, keep_class(s), rec.rec.key, &got), WEIR_OK);
    keep_same(&got, &rec);
    scene_commit(s);
    free(bytes);
}

static void a_record_of_the_smallest_size_comes_back(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "k", 1, 1);

    rec.rec.version.hlc = 0;
    rec.rec.schema = 0;
    rec.rec.min_reader = 0;
    rec.rec.expires = 0;
    rec.rec.value = WEIR_SPAN_EMPTY;
    rec.stored_ms = 0;
    scene_begin(s);
    keep_put(s, &rec);
    scene_reopen(s);
    keep_expect(s, "k", &rec);
    keep_expect_dot(s, 1, 0, "k");
    scene_commit(s);
}

static void the_time_of_storing_is_at_most_rounded_down_to_days(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "a", 1, 1);
    struct weir_kept got;

    rec.stored_ms = KEEP_STORED_MS + KEEP_DAY_MS - 1;
    scene_begin(s);
    keep_put(s, &rec);
    assert_int_equal(s->k->ops->get(s->k, keep_class(s), rec.rec.key, &got), WEIR_OK);
    assert_true(got.stored_ms >= KEEP_STORED_MS);
    assert_true(got.stored_ms <= rec.stored_ms);
    scene_commit(s);
}

static void a_tombstone_is_found_like_any_record(void **state)
{
    struct scene *s = *state;
    struct weir_kept tomb = keep_tomb(s, "a", 4, KEEP_STORED_MS);
    struct weir_kept got;

    scene_begin(s);
    keep_put(s, &tomb);
    keep_expect(s, "a", &tomb);
    keep_expect_dot(s, 1, 0, "a");
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_OK);
    keep_same(&got, &tomb);
    scene_commit(s);
}

static void a_put_replaces_the_record_and_its_dot(void **state)
{
    struct scene *s = *state;
    struct weir_kept first = keep_rec(s, "a", 1, 5);
    struct weir_kept second = keep_rec(s, "a", 2, 3);
    struct weir_kept third = keep_rec(s, "a", 2, 9);

    second.rec.value = WEIR_SPAN_LIT("another value, and a longer one");
    scene_begin(s);
    keep_put(s, &first);
    scene_commit(s);
    scene_begin(s);
    keep_put(s, &second);
    keep_expect(s, "a", &second);
    keep_expect_dot(s, 1, 0, NULL);
    keep_expect_dot(s, 2, 0, "a");
    keep_put(s, &third);
    keep_expect_dot(s, 2, 3, "a");
    scene_reopen(s);
    keep_expect(s, "a", &third);
    keep_expect_dot(s, 1, 0, NULL);
    keep_expect_dot(s, 2, 0, "a");
    keep_expect_dot(s, 2, 9, NULL);
    scene_commit(s);
}

static void a_put_may_lower_version_and_seq(void **state)
{
    struct scene *s = *state;
    struct weir_kept newer = keep_rec(s, "a", 1, 9);
    struct weir_kept older = keep_rec(s, "a", 1, 2);

    scene_begin(s);
    keep_put(s, &newer);
    keep_put(s, &older);
    keep_expect(s, "a", &older);
    keep_expect_dot(s, 1, 0, "a");
    keep_expect_dot(s, 1, 2, NULL);
    scene_commit(s);
}

static void the_same_record_put_twice_is_there_once(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "a", 1, 5);
    struct weir_span key = rec.rec.key;

    scene_begin(s);
    keep_put(s, &rec);
    keep_put(s, &rec);
    keep_expect(s, "a", &rec);
    expect_keys(s, &key, 1);
    keep_expect_dot(s, 1, 5, NULL);
    keep_drop(s, "a");
    keep_expect_dot(s, 1, 0, NULL);
    scene_commit(s);
}

static void a_put_may_be_given_what_another_call_lent(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "a", 1, 5);
    struct weir_kept want = keep_rec(s, "a", 2, 6);
    struct weir_kept got;

    rec.extra = WEIR_SPAN_LIT("extra");
    want.extra = rec.extra;
    want.rec.version.hlc = rec.rec.version.hlc;
    scene_begin(s);
    keep_put(s, &rec);
    assert_int_equal(s->k->ops->get(s->k, keep_class(s), rec.rec.key, &got), WEIR_OK);
    memcpy(got.rec.version.lane, want.rec.version.lane, WEIR_LANE_LEN);
    got.rec.version.seq = want.rec.version.seq;
    keep_put(s, &got);
    keep_expect(s, "a", &want);
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_OK);
    assert_int_equal(s->k->ops->drop(s->k, got.rec.class, got.rec.key), WEIR_OK);
    keep_expect(s, "a", NULL);
    scene_commit(s);
}

static void what_is_lent_lasts_until_the_next_change(void **state)
{
    struct scene *s = *state;
    struct weir_kept a = keep_rec(s, "a", 1, 1);
    struct weir_kept b = keep_rec(s, "b", 1, 2);
    struct weir_kept got[4];
    struct weir_keep_lane lane;

    b.rec.value = WEIR_SPAN_LIT("of b");
    scene_begin(s);
    keep_put(s, &a);
    keep_put(s, &b);
    assert_int_equal(s->k->ops->get(s->k, keep_class(s), a.rec.key, &got[0]), WEIR_OK);
    assert_int_equal(s->k->ops->get(s->k, keep_class(s), b.rec.key, &got[1]), WEIR_OK);
    assert_int_equal(s->k->ops->next_dot(s->k, a.rec.version.lane, 0, &got[2]), WEIR_OK);
    assert_int_equal(next_key(s, a.rec.key, &got[3]), WEIR_OK);
    assert_int_equal(s->k->ops->next_lane(s->k, NULL, &lane), WEIR_OK);
    keep_expect(s, "c", NULL);
    keep_same(&got[0], &a);
    keep_same(&got[1], &b);
    keep_same(&got[2], &a);
    keep_same(&got[3], &b);
    scene_commit(s);
}

static void a_drop_takes_a_record_away_without_trace(void **state)
{
    struct scene *s = *state;
    struct weir_kept live = keep_rec(s, "a", 1, 1);
    struct weir_kept tomb = keep_tomb(s, "b", 2, KEEP_STORED_MS);
    struct weir_kept got;

    scene_begin(s);
    keep_put(s, &live);
    keep_put(s, &tomb);
    scene_commit(s);
    scene_begin(s);
    keep_drop(s, "a");
    keep_drop(s, "b");
    scene_reopen(s);
    keep_expect(s, "a", NULL);
    keep_expect(s, "b", NULL);
    keep_expect_dot(s, 1, 0, NULL);
    assert_int_equal(next_key(s, WEIR_SPAN_EMPTY, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_tombstone(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    assert_int_equal(s->k->ops->next_expired(s->k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    scene_commit(s);
}

static void a_drop_of_what_is_not_there_is_no_error(void **state)
{
    struct scene *s = *state;
    struct weir_kept rec = keep_rec(s, "b", 1, 1);

    scene_begin(s);
    keep_drop(s, "a");
    keep_put(s, &rec);
    keep_drop(s, "a");
    keep_drop(s, "bb");
    keep_expect(s, "b", &rec);
    keep_drop(s, "b");
    keep_drop(s, "b");
    keep_expect(s, "b", NULL);
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
        struct weir_kept rec = keep_rec(s, rows[i].key, rows[i].lane, rows[i].seq);
        keep_put(s, &rec);
    }
    scene_reopen(s);
    keep_expect_dot(s, 1, 0, "e");
    keep_expect_dot(s, 1, 1, "a");
    keep_expect_dot(s, 1, UINT64_C(1) << 40, NULL);
    keep_expect_dot(s, 2, 0, "c");
    keep_expect_dot(s, 2, 254, "c");
    keep_expect_dot(s, 2, 255, "b");
    keep_expect_dot(s, 2, 256, "d");
    keep_expect_dot(s, 2, 299, "d");
    keep_expect_dot(s, 2, 300, NULL);
    keep_expect_dot(s, 2, UINT64_MAX, NULL);
    keep_expect_dot(s, 3, 76, "f");
    keep_expect_dot(s, 4, 0, NULL);
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
    struct weir_kept got;

    scene_begin(s);
    for (size_t i = 0; i < num; i++) { /* 5 and 14 have no common factor */
        size_t at = i * 5 % num;
        struct weir_kept rec =
            at % 3 == 0 ? keep_tomb(s, "", at + 1, KEEP_STORED_MS) : keep_rec(s, "", 1, at + 1);
        rec.rec.key = keys[at];
        keep_put(s, &rec);
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
    struct weir_kept got;

    memset(bytes, 0xff, sizeof(bytes));
    scene_begin(s);
    for (size_t len = WEIR_KEY_MAX; len > WEIR_KEY_MAX - 3; len--) {
        struct weir_kept rec = keep_rec(s, "", 1, len);
        rec.rec.key = weir_span(bytes, len);
        keep_put(s, &rec);
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
    struct weir_kept got;

    scene_begin(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(classes); i++) {
        struct weir_kept rec = keep_rec(s, "same", 1, i + 1);
        rec.rec.class = classes[i];
        keep_put(s, &rec);
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

const struct keep_test keep_suite_records[] = {
    KEEP_TEST(a_new_keep_holds_nothing, KEEP_IN_BOTH),
    KEEP_TEST(a_record_comes_back_with_all_that_travels_with_it, KEEP_IN_BOTH),
    KEEP_TEST(a_record_of_the_largest_size_comes_back, KEEP_IN_BOTH),
    KEEP_TEST(a_record_of_the_smallest_size_comes_back, KEEP_IN_BOTH),
    KEEP_TEST(the_time_of_storing_is_at_most_rounded_down_to_days, KEEP_IN_BOTH),
    KEEP_TEST(a_tombstone_is_found_like_any_record, KEEP_IN_BOTH),
    KEEP_TEST(a_put_replaces_the_record_and_its_dot, KEEP_IN_BOTH),
    KEEP_TEST(a_put_may_lower_version_and_seq, KEEP_IN_BOTH),
    KEEP_TEST(the_same_record_put_twice_is_there_once, KEEP_IN_BOTH),
    KEEP_TEST(a_put_may_be_given_what_another_call_lent, KEEP_IN_BOTH),
    KEEP_TEST(what_is_lent_lasts_until_the_next_change, KEEP_IN_BOTH),
    KEEP_TEST(a_drop_takes_a_record_away_without_trace, KEEP_IN_BOTH),
    KEEP_TEST(a_drop_of_what_is_not_there_is_no_error, KEEP_IN_BOTH),
    KEEP_TEST(dots_come_in_the_order_of_their_numbers_lane_by_lane, KEEP_IN_BOTH),
    KEEP_TEST(keys_come_in_the_order_of_their_bytes, KEEP_IN_BOTH),
    KEEP_TEST(a_key_may_be_a_prefix_of_the_longest_one, KEEP_IN_BOTH),
    KEEP_TEST(classes_do_not_mix, KEEP_IN_C),
    { NULL, NULL, 0 },
};
