/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_suite_lanes.c - R14: lanes that end, are folded, and go on after all.
 */
#include <string.h>

#include "sync/frame/member.h"
#include "sync/version/num.h"
#include "tests/support/engine/engine_suite_bed.h"

/* Where the lane ends by its record at this node; 0: nowhere. */
static uint64_t final_of(struct bed *b, unsigned at, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_record_store *k = b->c.node[at].records[WEIR_GROUP_C];
    struct weir_stored_record rec;
    uint64_t final = 0;

    assert_int_equal(k->ops->begin(k), WEIR_OK);
    if (k->ops->get(k, WEIR_CLASS_LANE, weir_span(lane, WEIR_LANE_LEN), &rec) == WEIR_OK &&
        !rec.rec.tombstone)
        final = weir_num_get_le(rec.rec.value.at, 8);
    k->ops->abort(k);
    return final;
}

static void write_final(struct bed *b, unsigned at, const uint8_t lane[WEIR_LANE_LEN],
                        uint64_t final)
{
    uint8_t value[8];
    struct weir_engine_write w = {
        .class = WEIR_CLASS_LANE,
        .key = weir_span(lane, WEIR_LANE_LEN),
        .value = weir_span(value, sizeof(value)),
    };

    weir_num_write_le(value, final, sizeof(value));
    assert_int_equal(weir_engine_write(b->c.node[at].engine, &w), WEIR_OK);
    cluster_run(&b->c, SECOND / 10);
}

/* Is the lane folded at this node, to this end, and in no vector? */
static bool is_folded(struct bed *b, unsigned at, const uint8_t lane[WEIR_LANE_LEN], uint64_t end)
{
    const struct weir_engine *e = b->c.node[at].engine;

    return weir_vector_get(weir_engine_folded(e), lane) == end &&
           weir_engine_durable(e, WEIR_GROUP_C, lane) == end &&
           weir_vector_get(weir_engine_vv(e, WEIR_GROUP_C), lane) == 0 &&
           weir_vector_get(weir_engine_floor(e, WEIR_GROUP_C), lane) == 0;
}

static void bed_init_members(struct bed *b)
{
    bed_init(b, 3);
    for (unsigned i = 0; i < 3; i++)
        cluster_member(&b->c, 0, i, WEIR_MEMBER_JOINED);
}

/* Node 1 writes, and again after a restart on another lane: node 2 is not there to confirm the old
 * one, which is returned in `lane` and ends at 1. */
static void draw_second_lane(struct bed *b, uint8_t lane[WEIR_LANE_LEN])
{
    assert_int_equal(put_tenant(b, 1, "a", "one"), WEIR_OK);
    memcpy(lane, b->c.node[1].last_version.lane, WEIR_LANE_LEN);
    cluster_stop(&b->c, 2);
    restart(b, 1);
    cluster_run(&b->c, SECOND);
    assert_int_equal(put_tenant(b, 1, "b", "two"), WEIR_OK);
    assert_memory_not_equal(lane, b->c.node[1].last_version.lane, WEIR_LANE_LEN);
}

static void an_old_lane_is_folded_when_all_members_have_it(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_make(&b, 4);
    for (unsigned i = 0; i < 3; i++)
        cluster_start(&b.c, i);
    cluster_run(&b.c, SECOND);
    for (unsigned i = 0; i < 3; i++)
        cluster_member(&b.c, 0, i, 0);
    draw_second_lane(&b, lane);
    cluster_run(&b.c, 10 * SECOND);
    assert_int_equal(final_of(&b, 0, lane), 1); /* node 2 may come back, and is waited for */
    assert_int_equal(weir_engine_folded(b.c.node[0].engine)->num, 0);
    cluster_start(&b.c, 2);
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++)
        assert_true(is_folded(&b, i, lane, 1));
    restart(&b, 0); /* and stays so */
    assert_true(is_folded(&b, 0, lane, 1));
    cluster_start(&b.c, 3); /* a bootstrap brings what was written on it */
    cluster_run(&b.c, 10 * SECOND);
    assert_true(has(&b, 3, "a", "one"));
    assert_true(is_folded(&b, 3, lane, 1));
    assert_int_equal(put_tenant(&b, 3, "a", NULL), WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_true(has(&b, i, "a", NULL));
    assert_equal(&b);
    bed_deinit(&b);
}

static void a_node_that_missed_that_a_lane_was_folded_resets(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init_members(&b);
    draw_second_lane(&b, lane);
    cluster_member(&b.c, 0, 2, WEIR_MEMBER_LEFT); /* it is not waited for */
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_true(is_folded(&b, i, lane, 1));
    b.c.exports = true;
    cluster_start(&b.c, 2);
    cluster_run(&b.c, 10 * SECOND);
    assert_int_equal(count(&b, 2, WEIR_COUNT_RESETS), 1);
    assert_int_equal(count(&b, 0, WEIR_COUNT_RESETS) + count(&b, 1, WEIR_COUNT_RESETS), 0);
    assert_true(is_folded(&b, 2, lane, 1));
    assert_true(has(&b, 2, "a", "one"));
    assert_equal(&b);
    bed_deinit(&b);
}

static void lanes_of_a_node_that_left_are_folded(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init_members(&b);
    assert_int_equal(put_tenant(&b, 2, "a", "one"), WEIR_OK);
    memcpy(lane, b.c.node[2].last_version.lane, WEIR_LANE_LEN);
    cluster_stop(&b.c, 2);
    cluster_run(&b.c, 10 * SECOND);
    assert_int_equal(final_of(&b, 0, lane), 0);
    cluster_member(&b.c, 0, 2, WEIR_MEMBER_LEFT);
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_true(is_folded(&b, i, lane, 1));
    bed_deinit(&b);
}

static void a_lane_that_goes_on_does_not_end(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init(&b, 3);
    assert_int_equal(put_tenant(&b, 2, "a", "one"), WEIR_OK);
    memcpy(lane, b.c.node[2].last_version.lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < 2; i++) {
        cluster_cut(&b.c, i, 2, true);
        cluster_run(&b.c, SECOND / 10);
    }
    write_final(&b, 0, lane, 1 | UINT64_C(1) << 63); /* it is not so, and two nodes believe it */
    cluster_run(&b.c, 3 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_true(is_folded(&b, i, lane, 1));
    assert_int_equal(put_tenant(&b, 2, "b", "two"), WEIR_OK);
    for (unsigned i = 0; i < 2; i++)
        cluster_cut(&b.c, i, 2, false);
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(has(&b, i, "b", "two"));
        assert_int_equal(final_of(&b, i, lane), 0);
        assert_int_equal(weir_engine_folded(b.c.node[i].engine)->num, 0);
        assert_int_equal(count(&b, i, WEIR_COUNT_RESETS), 0);
    }
    assert_equal(&b);
    bed_deinit(&b);
}

static void an_end_is_where_the_node_with_the_most_has_it(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init_members(&b);
    draw_second_lane(&b, lane);
    cluster_start(&b.c, 2);
    write_final(&b, 0, lane, 1000); /* nobody has so much */
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++)
        assert_true(is_folded(&b, i, lane, 1));
    write_final(&b, 0, lane, 1000 | UINT64_C(1) << 63); /* missed, it seems, but by all */
    cluster_run(&b.c, 10 * SECOND);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(is_folded(&b, i, lane, 1));
        assert_int_equal(count(&b, i, WEIR_COUNT_RESETS), 0);
    }
    assert_equal(&b);
    bed_deinit(&b);
}

int engine_suite_lanes_run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_lane_is_folded_when_all_members_have_it),
        cmocka_unit_test(a_node_that_missed_that_a_lane_was_folded_resets),
        cmocka_unit_test(lanes_of_a_node_that_left_are_folded),
        cmocka_unit_test(a_lane_that_goes_on_does_not_end),
        cmocka_unit_test(an_end_is_where_the_node_with_the_most_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
