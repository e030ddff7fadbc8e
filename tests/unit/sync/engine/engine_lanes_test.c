/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_lanes_test.c - lanes that end, and lanes that go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/version/num.h"
#include "tests/unit/sync/engine/engine_bed.h"

/* Where the lane ends by its record at this node; 0: there is none. */
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

/* Node 0 has one record of the lane of node 2, and node 1 has two. */
static void cut_behind_two(struct bed *b, uint8_t ret_lane[WEIR_LANE_LEN])
{
    write_key(b, 2, "a");
    memcpy(ret_lane, b->c.node[2].last_version.lane, WEIR_LANE_LEN);
    cluster_cut(&b->c, 0, 1, true);
    cluster_cut(&b->c, 0, 2, true);
    write_key(b, 2, "b");
    assert_true(has(b, 1, "b", "v"));
    cluster_cut(&b->c, 1, 2, true);
}

static void a_retired_lane_ends_where_the_last_node_that_has_it_ends_it(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init(&b, 3);
    cut_behind_two(&b, lane);
    assert_int_equal(weir_engine_retire(b.c.node[0].engine, b.c.node[2].id), WEIR_OK);
    cluster_run(&b.c, SECOND);
    assert_int_equal(final_of(&b, 0, lane), 1);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, 70 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(final_of(&b, i, lane), 2);
    for (unsigned i = 0; i < 3; i++) { /* another Hello, now without that lane */
        const char key[2] = { (char)('c' + i), '\0' };
        cluster_cut(&b.c, 0, 1, true);
        write_key(&b, 0, key);
        cluster_cut(&b.c, 0, 1, false);
        cluster_run(&b.c, SECOND);
        assert_true(has(&b, 1, key, "v"));
    }
    assert_int_equal(weir_engine_counter(b.c.node[1].engine, WEIR_COUNT_BUSY), 0);
    bed_deinit(&b);
}

/* Two nodes that were both retired and go on: each record about one is a write of the other. */
static void a_lane_that_goes_on_does_not_end(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN];

    bed_init(&b, 3);
    cut_behind_two(&b, lane);
    assert_int_equal(weir_engine_retire(b.c.node[0].engine, b.c.node[1].id), WEIR_OK);
    assert_int_equal(weir_engine_retire(b.c.node[0].engine, b.c.node[2].id), WEIR_OK);
    cluster_cut(&b.c, 0, 1, false);
    cluster_cut(&b.c, 0, 2, false);
    cluster_cut(&b.c, 1, 2, false);
    cluster_run(&b.c, 70 * SECOND);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(has(&b, i, "b", "v"));
        assert_int_equal(final_of(&b, i, lane), 0);
    }
    for (unsigned i = 1; i < 3; i++)
        assert_true(weir_vector_eq(weir_engine_vv(b.c.node[0].engine, WEIR_GROUP_C),
                                   weir_engine_vv(b.c.node[i].engine, WEIR_GROUP_C)));
    uint64_t hash = weir_vector_hash(weir_engine_vv(b.c.node[0].engine, WEIR_GROUP_C));
    cluster_run(&b.c, 70 * SECOND);
    assert_int_equal(weir_vector_hash(weir_engine_vv(b.c.node[0].engine, WEIR_GROUP_C)), hash);
    bed_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retired_lane_ends_where_the_last_node_that_has_it_ends_it),
        cmocka_unit_test(a_lane_that_goes_on_does_not_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
