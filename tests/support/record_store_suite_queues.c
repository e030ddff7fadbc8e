/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite_queues.c - see record_store_suite.h: tombstones by age, and bans by expiry.
 */
#include <string.h>

#include "tests/support/record_store_scene.h"

#define DAY(n) (RECORD_STORE_STORED_MS + (n)*RECORD_STORE_DAY_MS)

static void expect_tombstone(struct scene *s, uint64_t until_ms, const char *key)
{
    struct weir_stored_record got;
    enum weir_err err = s->k->ops->next_tombstone(s->k, until_ms, &got);

    assert_int_equal(err, key != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (key != NULL) {
        rs_has_key(&got, key);
        assert_true(got.rec.tombstone);
    }
}

static void expect_expired(struct scene *s, uint64_t until_s, const char *key)
{
    struct weir_stored_record got;
    enum weir_err err = s->k->ops->next_expired(s->k, until_s, &got);

    assert_int_equal(err, key != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (key != NULL) {
        rs_has_key(&got, key);
        assert_false(got.rec.tombstone);
    }
}

static void put_tomb(struct scene *s, const char *key, uint64_t seq, uint64_t stored_ms)
{
    struct weir_stored_record tomb = rs_tomb(s, key, seq, stored_ms);

    rs_put(s, &tomb);
}

static void put_ban(struct scene *s, const char *key, uint64_t seq, uint64_t expires)
{
    struct weir_stored_record rec = rs_rec(s, key, 1, seq);

    rec.rec.expires = expires;
    rs_put(s, &rec);
}

static void tombstones_come_oldest_first(void **state)
{
    struct scene *s = *state;
    static const char *const order[] = { "e", "a", "b", "bb", "c", "d" };

    scene_begin(s);
    put_tomb(s, "c", 1, DAY(2));
    put_tomb(s, "bb", 2, DAY(1));
    put_tomb(s, "d", 3, DAY(300));
    put_tomb(s, "e", 4, DAY(0));
    put_tomb(s, "b", 5, DAY(1));
    put_tomb(s, "a", 6, DAY(1));
    scene_reopen(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        expect_tombstone(s, UINT64_MAX, order[i]);
        expect_tombstone(s, UINT64_MAX, order[i]);
        rs_drop(s, order[i]);
    }
    expect_tombstone(s, UINT64_MAX, NULL);
    scene_commit(s);
}

static void a_tombstone_is_given_when_it_is_old_enough(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_tomb(s, "a", 1, DAY(1));
    put_tomb(s, "b", 2, DAY(2));
    expect_tombstone(s, 0, NULL);
    expect_tombstone(s, DAY(1) - 1, NULL);
    expect_tombstone(s, DAY(1), "a");
    rs_drop(s, "a");
    expect_tombstone(s, DAY(2) - 1, NULL);
    expect_tombstone(s, DAY(2), "b");
    scene_commit(s);
}

static void live_records_are_in_no_queue_of_tombstones(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record rec = rs_rec(s, "a", 1, 1);

    rec.stored_ms = 0;
    scene_begin(s);
    rs_put(s, &rec);
    expect_tombstone(s, UINT64_MAX, NULL);
    scene_commit(s);
}

static void the_queue_of_tombstones_follows_what_replaces_what(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record live = rs_rec(s, "a", 2, 1);

    scene_begin(s);
    put_tomb(s, "a", 1, DAY(5));
    put_tomb(s, "b", 2, DAY(4));
    scene_commit(s);
    scene_begin(s);
    rs_put(s, &live);
    expect_tombstone(s, UINT64_MAX, "b");
    put_tomb(s, "a", 3, DAY(3));
    expect_tombstone(s, UINT64_MAX, "a");
    put_tomb(s, "a", 4, DAY(6));
    expect_tombstone(s, UINT64_MAX, "b");
    put_tomb(s, "b", 5, DAY(7));
    scene_reopen(s);
    expect_tombstone(s, UINT64_MAX, "a");
    expect_tombstone(s, DAY(6) - 1, NULL);
    rs_drop(s, "a");
    expect_tombstone(s, DAY(7) - 1, NULL);
    expect_tombstone(s, DAY(7), "b");
    scene_commit(s);
}

static void tombstones_of_all_classes_are_in_one_queue(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record cert = rs_tomb(s, "a", 1, DAY(2));
    struct weir_stored_record lane = rs_tomb(s, "a", 2, DAY(1));
    struct weir_stored_record got;

    cert.rec.class = WEIR_CLASS_CERT;
    lane.rec.class = WEIR_CLASS_LANE;
    scene_begin(s);
    rs_put(s, &cert);
    rs_put(s, &lane);
    put_tomb(s, "b", 3, DAY(2));
    assert_int_equal(s->k->ops->next_tombstone(s->k, UINT64_MAX, &got), WEIR_OK);
    rs_same(&got, &lane);
    assert_int_equal(s->k->ops->drop(s->k, WEIR_CLASS_LANE, lane.rec.key), WEIR_OK);
    expect_tombstone(s, UINT64_MAX, "b"); /* of equal age the smaller class comes first */
    rs_drop(s, "b");
    assert_int_equal(s->k->ops->next_tombstone(s->k, UINT64_MAX, &got), WEIR_OK);
    rs_same(&got, &cert);
    scene_commit(s);
}

static void settings_do_not_expire(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_ban(s, "a", 1, 1);
    expect_expired(s, UINT64_MAX, NULL);
    scene_commit(s);
}

static void the_tombstone_of_a_ban_expires_by_its_expiry_too(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record tomb = rs_tomb(s, "a", 1, DAY(5));

    tomb.rec.expires = DAY(1) / 1000;
    scene_begin(s);
    rs_put(s, &tomb);
    put_tomb(s, "b", 2, DAY(3));
    expect_tombstone(s, DAY(1) - 1, NULL);
    expect_tombstone(s, DAY(1), "a");
    rs_drop(s, "a");
    tomb.rec.expires = DAY(9) / 1000; /* a late one makes it no younger */
    rs_put(s, &tomb);
    expect_tombstone(s, UINT64_MAX, "b");
    rs_drop(s, "b");
    expect_tombstone(s, DAY(5) - 1, NULL);
    expect_tombstone(s, DAY(5), "a");
    scene_commit(s);
}

static void bans_come_in_the_order_of_their_expiry(void **state)
{
    struct scene *s = *state;
    static const char *const order[] = { "d", "a", "b", "bb", "c", "e" };

    scene_begin(s);
    put_ban(s, "b", 1, 256);
    put_ban(s, "c", 2, 257);
    put_ban(s, "e", 3, WEIR_RECORD_EXPIRES_MAX);
    put_ban(s, "a", 4, 256);
    put_ban(s, "bb", 5, 256);
    put_ban(s, "d", 6, 255);
    scene_reopen(s);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        expect_expired(s, UINT64_MAX, order[i]);
        rs_drop(s, order[i]);
    }
    expect_expired(s, UINT64_MAX, NULL);
    scene_commit(s);
}

static void a_ban_is_given_when_it_has_expired(void **state)
{
    struct scene *s = *state;

    scene_begin(s);
    put_ban(s, "a", 1, 1000);
    put_ban(s, "never", 2, 0);
    expect_expired(s, 0, NULL);
    expect_expired(s, 999, NULL);
    expect_expired(s, 1000, "a");
    rs_drop(s, "a");
    expect_expired(s, UINT64_MAX, NULL);
    scene_commit(s);
}

static void the_queue_of_expiries_follows_what_replaces_what(void **state)
{
    struct scene *s = *state;
    struct weir_stored_record tomb = rs_tomb(s, "a", 3, DAY(1));

    tomb.rec.expires = 2000;
    scene_begin(s);
    put_ban(s, "a", 1, 2000);
    put_ban(s, "b", 2, 3000);
    scene_commit(s);
    scene_begin(s);
    rs_put(s, &tomb);
    expect_expired(s, UINT64_MAX, "b");
    expect_tombstone(s, UINT64_MAX, "a");
    put_ban(s, "a", 4, 4000);
    expect_tombstone(s, UINT64_MAX, NULL);
    expect_expired(s, UINT64_MAX, "b");
    put_ban(s, "b", 5, 5000);
    scene_reopen(s);
    expect_expired(s, 4999, "a");
    put_ban(s, "a", 6, 0);
    expect_expired(s, 4999, NULL);
    expect_expired(s, 5000, "b");
    scene_commit(s);
}

const struct rs_test record_store_suite_queues[] = {
    RECORD_STORE_TEST(tombstones_come_oldest_first, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(a_tombstone_is_given_when_it_is_old_enough, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(live_records_are_in_no_queue_of_tombstones, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(the_queue_of_tombstones_follows_what_replaces_what, RECORD_STORE_IN_BOTH),
    RECORD_STORE_TEST(tombstones_of_all_classes_are_in_one_queue, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(settings_do_not_expire, RECORD_STORE_IN_C),
    RECORD_STORE_TEST(the_tombstone_of_a_ban_expires_by_its_expiry_too, RECORD_STORE_IN_E),
    RECORD_STORE_TEST(bans_come_in_the_order_of_their_expiry, RECORD_STORE_IN_E),
    RECORD_STORE_TEST(a_ban_is_given_when_it_has_expired, RECORD_STORE_IN_E),
    RECORD_STORE_TEST(the_queue_of_expiries_follows_what_replaces_what, RECORD_STORE_IN_E),
    { NULL, NULL, 0 },
};
