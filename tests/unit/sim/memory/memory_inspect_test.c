/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_inspect_test.c - what the store in memory shows a checker: hooks, walks, counts, its hash.
 */
#include <inttypes.h>
#include <stdio.h>

#include "node/base/rng.h"
#include "node/base/strbuf.h"
#include "tests/unit/sim/memory/memory_kit.h"

/* -- hooks -- */

static void draw_record(struct weir_strbuf *b, const char *what,
                        const struct weir_stored_record *rec)
{
    weir_strbuf_puts(b, what);
    weir_strbuf_add(b, rec->rec.key);
    weir_strbuf_printf(b, "%u.%" PRIu64 "=", rec->rec.version.lane[0], rec->rec.version.seq);
    weir_strbuf_add(b, rec->rec.value);
    weir_strbuf_putc(b, '\n');
}

static void on_put(void *arg, const struct weir_stored_record *rec)
{
    draw_record(arg, "put ", rec);
}

static void on_drop(void *arg, const struct weir_stored_record *rec)
{
    draw_record(arg, "drop ", rec);
}

static void draw_row(struct weir_strbuf *b, const struct weir_lane_row *lane)
{
    if (lane != NULL)
        weir_strbuf_printf(b, " %u:%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, lane->lane[0],
                           lane->vv, lane->seen, lane->floor, lane->final);
    else
        weir_strbuf_puts(b, " none");
}

static void on_lane(void *arg, const struct weir_lane_row *before,
                    const struct weir_lane_row *after)
{
    struct weir_strbuf *b = arg;

    weir_strbuf_puts(b, "lane");
    draw_row(b, before);
    draw_row(b, after);
    weir_strbuf_putc(b, '\n');
}

static void on_meta(void *arg, const struct weir_store_meta *before,
                    const struct weir_store_meta *after)
{
    weir_strbuf_printf(arg, "meta %" PRIu64 " %" PRIu64 "\n", before->seq, after->seq);
}

static void on_wipe(void *arg)
{
    weir_strbuf_puts(arg, "wipe\n");
}

static void watch(struct weir_memory *m, struct weir_strbuf *reported)
{
    const struct weir_memory_hooks hooks = { reported, on_put, on_drop, on_lane, on_meta, on_wipe };

    weir_memory_watch(m, &hooks);
}

/* What was reported since the last time. */
static void expect_reported(struct weir_strbuf *reported, const char *want)
{
    assert_string_equal(reported->at != NULL ? reported->at : "", want);
    weir_strbuf_reset(reported);
    weir_strbuf_puts(reported, "");
    if (reported->at != NULL)
        reported->at[0] = '\0';
}

static void change_much(struct weir_memory *m)
{
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record first = kit_rec(WEIR_GROUP_C, "a", 1, 1);
    struct weir_stored_record second = kit_rec(WEIR_GROUP_C, "a", 1, 2);
    struct weir_lane_row lane = { .vv = 2, .seen = 1, .floor = 1, .final = 7 };
    struct weir_lane_row idle = { .vv = 5 };
    struct weir_store_meta meta = { .seq = 2 };

    (void)kit_lane(1, lane.lane);
    (void)kit_lane(2, idle.lane);
    second.rec.value = WEIR_SPAN_LIT("other");
    assert_int_equal(kit_put(m, &first), WEIR_OK);
    assert_int_equal(kit_put(m, &second), WEIR_OK);
    assert_int_equal(k->ops->put_lane(k, &lane), WEIR_OK);
    assert_int_equal(k->ops->put_lane(k, &lane), WEIR_OK); /* nothing new */
    assert_int_equal(k->ops->put_lane(k, &idle), WEIR_OK);
    assert_int_equal(k->ops->put_meta(k, &meta), WEIR_OK);
    assert_int_equal(k->ops->drop_lane(k, idle.lane), WEIR_OK);
    assert_int_equal(k->ops->drop(k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("absent")), WEIR_OK);
    assert_int_equal(k->ops->drop(k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")), WEIR_OK);
}

static void hooks_get_all_changes_in_order_when_they_are_committed(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_strbuf reported = WEIR_STRBUF_ZERO;

    watch(m, &reported);
    kit_begin(m);
    change_much(m);
    expect_reported(&reported, "");
    assert_int_equal(kit_commit(m), WEIR_OK);
    expect_reported(&reported, "lane none 1:0,1,0,0\nput a1.1=value\n"
                               "lane 1:0,1,0,0 1:0,2,0,0\nput a1.2=other\n"
                               "lane 1:0,2,0,0 1:2,2,1,7\n"
                               "lane none 2:5,0,0,0\n"
                               "meta 0 2\n"
                               "lane 2:5,0,0,0 none\n"
                               "drop a1.2=other\n");
    weir_strbuf_deinit(&reported);
    weir_memory_free(&m);
}

static void hooks_get_nothing_of_what_is_undone(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_strbuf reported = WEIR_STRBUF_ZERO;

    watch(m, &reported);
    kit_begin(m);
    change_much(m);
    kit_abort(m);
    weir_memory_fail_commit(m, 1, WEIR_EIO);
    kit_begin(m);
    change_much(m);
    assert_int_equal(kit_commit(m), WEIR_EIO);
    kit_begin(m);
    change_much(m);
    weir_memory_crash(m);
    expect_reported(&reported, "");
    weir_memory_watch(m, NULL);
    kit_begin(m);
    change_much(m);
    assert_int_equal(kit_commit(m), WEIR_OK);
    expect_reported(&reported, "");
    weir_strbuf_deinit(&reported);
    weir_memory_free(&m);
}

static void a_wipe_is_reported_as_one_and_earlier_transactions_not_again(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_E);
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, "a", 1, 1);
    struct weir_strbuf reported = WEIR_STRBUF_ZERO;

    watch(m, &reported);
    kit_store(m, &rec);
    expect_reported(&reported, "lane none 1:0,1,0,0\nput a1.1=value\n");
    rec.rec.version.seq = 2;
    kit_begin(m);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    assert_int_equal(k->ops->wipe(k), WEIR_OK);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    assert_int_equal(kit_commit(m), WEIR_OK);
    expect_reported(&reported, "lane 1:0,1,0,0 1:0,2,0,0\nput a1.2=value\nwipe\n"
                               "lane none 1:0,2,0,0\nput a1.2=value\n");
    weir_strbuf_deinit(&reported);
    weir_memory_free(&m);
}

static void each_hook_may_be_missing(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    const struct weir_memory_hooks none = { .arg = NULL };

    weir_memory_watch(m, &none);
    kit_begin(m);
    change_much(m);
    assert_int_equal(kit_ops(m)->wipe(weir_memory_record_store(m)), WEIR_OK);
    assert_int_equal(kit_commit(m), WEIR_OK);
    assert_int_equal(weir_memory_counts(m).num_commits, 1);
    weir_memory_free(&m);
}

/* -- walks -- */

static bool see_record(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    draw_record(arg, damaged ? "damaged " : "", rec);
    return !weir_span_eq(rec->rec.key, WEIR_SPAN_LIT("stop"));
}

static bool see_lane(void *arg, const struct weir_lane_row *lane)
{
    draw_row(arg, lane);
    return true;
}

static bool see_conflict(void *arg, const struct weir_conflict *c)
{
    draw_record(arg, "conflict ", &c->loser);
    return true;
}

static void walks_show_all_in_order_and_stop_when_asked_to(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_stored_record stop = kit_rec(WEIR_GROUP_C, "stop", 1, 7);
    struct weir_stored_record behind = kit_rec(WEIR_GROUP_C, "z", 1, 8);
    struct weir_strbuf reported = WEIR_STRBUF_ZERO;

    kit_fill(m, WEIR_GROUP_C);
    kit_store(m, &behind);
    kit_store(m, &stop);
    assert_true(weir_memory_flip(m, 1, WEIR_MEMORY_VALUE, 0));
    weir_memory_each_record(m, see_record, &reported);
    expect_reported(&reported, "a1.1=value\ndamaged b2.5=walue\nc1.2=\nstop1.7=value\n");
    weir_memory_each_lane(m, see_lane, &reported);
    expect_reported(&reported, " 1:0,8,0,0 2:0,5,0,0");
    weir_memory_each_conflict(m, see_conflict, &reported);
    expect_reported(&reported, "conflict b3.9=value\n");
    weir_strbuf_deinit(&reported);
    weir_memory_free(&m);
}

static void counts_and_numbers_are_those_of_the_moment(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "new", 3, 1);
    struct weir_stored_record got;

    kit_fill(m, WEIR_GROUP_C);
    kit_begin(m);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    struct weir_memory_counts counts = weir_memory_counts(m);
    assert_int_equal(counts.num_records, 4);
    assert_int_equal(counts.num_tombstones, 1);
    assert_int_equal(counts.num_lanes, 3);
    assert_int_equal(counts.num_conflicts, 1);
    assert_int_equal(counts.num_commits, 1);
    assert_int_equal(counts.num_ops, 8);
    kit_abort(m);
    assert_int_equal(weir_memory_counts(m).num_records, 3);
    assert_int_equal(weir_memory_counts(m).num_lanes, 2);
    struct weir_store_meta meta = weir_memory_meta(m);
    assert_int_equal(meta.seq, 2);
    assert_true(meta.live);
    assert_int_equal(weir_memory_find(m, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"), &got), WEIR_OK);
    assert_int_equal(got.rec.version.seq, 1);
    assert_int_equal(weir_memory_find(m, WEIR_CLASS_CERT, WEIR_SPAN_LIT("a"), &got),
                     WEIR_ENOTFOUND);
    weir_memory_free(&m);
}

/* -- the hash -- */

static void stores_with_the_same_rows_have_the_same_hash_whatever_their_past(void **state)
{
    struct weir_memory *straight = kit_new(WEIR_GROUP_E);
    struct weir_memory *winding = kit_new(WEIR_GROUP_E);
    struct weir_record_store *k = weir_memory_record_store(winding);
    struct weir_rng rng;
    char key[16];

    weir_rng_init(&rng, 7);
    for (uint64_t i = 1; i <= 200; i++) {
        (void)snprintf(key, sizeof(key), "k%" PRIu64, i);
        struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, key, 1, i);
        kit_store(straight, &rec);
    }
    for (uint64_t i = 200; i >= 1; i--) {
        (void)snprintf(key, sizeof(key), "k%" PRIu64, i);
        struct weir_stored_record other =
            kit_rec(WEIR_GROUP_E, key, 1, weir_rng_below(&rng, 200) + 1);
        struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, key, 1, i);
        kit_store(winding, &other);
        if (weir_rng_below(&rng, 2) == 0) {
            kit_begin(winding);
            assert_int_equal(k->ops->drop(k, rec.rec.class, rec.rec.key), WEIR_OK);
            assert_int_equal(kit_commit(winding), WEIR_OK);
        }
        kit_store(winding, &rec);
    }
    assert_int_equal(weir_memory_hash(winding), weir_memory_hash(straight));
    weir_memory_free(&straight);
    weir_memory_free(&winding);
}

static void any_difference_shows_in_the_hash(void **state)
{
    const uint8_t lane[WEIR_LANE_LEN] = { 9 };
    struct weir_lane_row lanes[] = { { .vv = 1 }, { .seen = 1 }, { .floor = 1 }, { .final = 1 } };
    struct weir_store_meta metas[] = { { .seq = 1 }, { .hlc_floor = 1 }, { .live = true } };
    struct weir_stored_record recs[8];
    uint64_t hashes[32];
    size_t num = 0;
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_record_store *k = weir_memory_record_store(m);

    hashes[num++] = weir_memory_hash(m);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(recs); i++)
        recs[i] = kit_rec(WEIR_GROUP_C, "a", 1, 1);
    recs[1].rec.version.hlc++;
    recs[2].rec.value = WEIR_SPAN_LIT("walue");
    recs[3].extra = WEIR_SPAN_LIT("x");
    recs[4].stored_ms++;
    recs[5].rec.schema = 1;
    recs[6].rec.class = WEIR_CLASS_CERT;
    recs[7].rec.key = WEIR_SPAN_LIT("b");
    kit_begin(m);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(recs); i++) {
        assert_int_equal(kit_put(m, &recs[i]), WEIR_OK);
        hashes[num++] = weir_memory_hash(m);
        assert_int_equal(k->ops->drop(k, recs[i].rec.class, recs[i].rec.key), WEIR_OK);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lanes); i++) {
        memcpy(lanes[i].lane, lane, sizeof(lane));
        assert_int_equal(k->ops->put_lane(k, &lanes[i]), WEIR_OK);
        hashes[num++] = weir_memory_hash(m);
        assert_int_equal(k->ops->drop_lane(k, lane), WEIR_OK);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(metas); i++) {
        assert_int_equal(k->ops->put_meta(k, &metas[i]), WEIR_OK);
        hashes[num++] = weir_memory_hash(m);
    }
    struct weir_conflict c = { .noted_ms = 1, .loser = recs[0] };
    assert_int_equal(k->ops->put_conflict(k, &c), WEIR_OK);
    hashes[num++] = weir_memory_hash(m);
    kit_abort(m);
    assert_int_equal(weir_memory_hash(m), hashes[0]);
    for (size_t i = 0; i < num; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    weir_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_get_all_changes_in_order_when_they_are_committed),
        cmocka_unit_test(hooks_get_nothing_of_what_is_undone),
        cmocka_unit_test(a_wipe_is_reported_as_one_and_earlier_transactions_not_again),
        cmocka_unit_test(each_hook_may_be_missing),
        cmocka_unit_test(walks_show_all_in_order_and_stop_when_asked_to),
        cmocka_unit_test(counts_and_numbers_are_those_of_the_moment),
        cmocka_unit_test(stores_with_the_same_rows_have_the_same_hash_whatever_their_past),
        cmocka_unit_test(any_difference_shows_in_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
