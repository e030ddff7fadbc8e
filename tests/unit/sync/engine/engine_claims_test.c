/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_claims_test.c - rule R15: no claim of one peer has reach. Node 3 is the one that is wrong:
 * its stored rows state what it does not have, so its engine claims it in every message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/frame/frame.h"
#include "sync/frame/member.h"
#include "sync/version/hlc.h"
#include "tests/support/engine/engine_suite_bed.h"
#include "tests/support/record_store_kit.h"

#define NODES  4
#define LIAR   3
#define DAY_MS UINT64_C(86400000)

static void init(struct bed *b, bool with_members)
{
    bed_init(b, NODES);
    for (unsigned i = 0; i < NODES && with_members; i++)
        cluster_member(&b->c, 0, i, 0);
    cluster_run(&b->c, SECOND);
}

/* From its next start on the liar claims this of a lane. */
static void lie(struct bed *b, const uint8_t lane[WEIR_LANE_LEN], uint64_t vv, uint64_t floor)
{
    struct weir_record_store *k = b->c.node[LIAR].records[WEIR_GROUP_C];
    struct weir_lane_row row = { .vv = vv, .seen = vv, .floor = floor };

    cluster_stop(&b->c, LIAR);
    memcpy(row.lane, lane, WEIR_LANE_LEN);
    assert_int_equal(k->ops->begin(k), WEIR_OK);
    assert_int_equal(k->ops->put_lane(k, &row), WEIR_OK);
    assert_int_equal(k->ops->commit(k), WEIR_OK);
}

static uint64_t num_alarms(const struct bed *b, enum weir_alarm alarm)
{
    uint64_t num = 0;

    for (unsigned i = 0; i < LIAR; i++)
        num += b->c.node[i].num_alarms[alarm];
    return num;
}

/* Nobody else has reset, and what is written at one of the others is on all others. */
static void assert_others_go_on(struct bed *b)
{
    for (unsigned i = 0; i < LIAR; i++) {
        char key[2] = { (char)('p' + i), 0 };
        assert_int_equal(weir_engine_counter(b->c.node[i].engine, WEIR_COUNT_RESETS), 0);
        assert_int_equal(weir_engine_state(b->c.node[i].engine), WEIR_ENGINE_LIVE);
        write_key(b, i, key);
        cluster_run(&b->c, SECOND);
        for (unsigned j = 0; j < LIAR; j++)
            assert_true(has(b, j, key, "v"));
    }
}

static void a_floor_above_its_own_vector_made_every_other_node_reset(void **state)
{
    struct bed b;

    init(&b, true);
    write_key(&b, 0, "a");
    lie(&b, b.c.node[0].last_version.lane, 1, 1000);
    cluster_start(&b.c, LIAR);
    cluster_run(&b.c, 60 * SECOND);
    assert_int_equal(num_alarms(&b, WEIR_ALARM_FALSE_CLAIM), LIAR);
    for (unsigned i = 0; i < LIAR; i++)
        assert_true(b.c.cut[i][LIAR]);
    assert_others_go_on(&b);
    bed_deinit(&b);
}

static void a_floor_that_one_peer_alone_states_makes_no_node_reset(void **state)
{
    struct bed b;
    uint8_t absent[WEIR_LANE_LEN] = { 9, 9, 9, 9, 9, 9, 9, 9, 'C', 1 };

    init(&b, true);
    lie(&b, absent, 1000, 1000);
    cluster_start(&b.c, LIAR);
    cluster_run(&b.c, 60 * SECOND);
    assert_int_equal(num_alarms(&b, WEIR_ALARM_FALSE_CLAIM), 0);
    assert_int_equal(num_alarms(&b, WEIR_ALARM_FLOOR), LIAR);
    assert_others_go_on(&b);
    bed_deinit(&b);
}

/* The word of the only other node is enough. */
static void a_floor_of_the_only_other_node_makes_a_node_reset(void **state)
{
    struct bed b;

    init(&b, false);
    write_key(&b, 0, "a");
    for (unsigned i = 0; i < NODES - 1; i++)
        cluster_stop(&b.c, i);
    assert_int_equal(cluster_write(&b.c, LIAR, WEIR_CLASS_TENANT, "a", NULL), WEIR_OK);
    b.c.wall_ms += 402 * DAY_MS;
    cluster_run(&b.c, 120 * SECOND);
    cluster_start(&b.c, 0);
    cluster_run(&b.c, 5 * SECOND);
    assert_int_equal(weir_engine_counter(b.c.node[0].engine, WEIR_COUNT_RESETS), 1);
    assert_true(has(&b, 0, "a", NULL));
    bed_deinit(&b);
}

/* Two members purged what two others missed. They do not reset at the same time: one of them says
 * for long that it does. */
static void a_node_waits_with_its_reset_while_another_resets(void **state)
{
    struct bed b;

    init(&b, true);
    write_key(&b, 0, "a");
    cluster_stop(&b.c, 2);
    cluster_stop(&b.c, LIAR);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", NULL), WEIR_OK);
    b.c.wall_ms += 402 * DAY_MS;
    cluster_run(&b.c, 120 * SECOND);
    b.c.exports = false;
    cluster_start(&b.c, 2);
    cluster_run(&b.c, 2 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[2].engine), WEIR_ENGINE_STALE);
    cluster_start(&b.c, LIAR);
    cluster_run(&b.c, 20 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[LIAR].engine), WEIR_ENGINE_LIVE);
    cluster_run(&b.c, 20 * SECOND); /* but not for ever: the other may be wrong */
    assert_int_equal(weir_engine_state(b.c.node[LIAR].engine), WEIR_ENGINE_STALE);
    bed_deinit(&b);
}

static void a_vector_of_one_peer_alone_covers_no_write_of_a_member_that_is_away(void **state)
{
    struct bed b;

    init(&b, true);
    write_key(&b, 0, "a");
    lie(&b, b.c.node[0].last_version.lane, 1000, 0);
    for (unsigned i = 1; i < NODES; i++)
        cluster_cut(&b.c, 0, i, true);
    write_key(&b, 0, "away");
    cluster_start(&b.c, LIAR);
    cluster_run(&b.c, 30 * SECOND);
    for (unsigned i = 1; i < LIAR; i++) {
        assert_int_equal(weir_vector_get(weir_engine_vv(b.c.node[i].engine, WEIR_GROUP_C),
                                         b.c.node[0].last_version.lane),
                         b.c.node[0].last_version.seq - 1);
        cluster_cut(&b.c, 0, i, false);
    }
    cluster_run(&b.c, 5 * SECOND);
    for (unsigned i = 1; i < LIAR; i++)
        assert_true(has(&b, i, "away", "v"));
    assert_others_go_on(&b);
    bed_deinit(&b);
}

/* What two peers sent is covered, though the node that wrote it is gone; so is what one alone has,
 * once that node is no member any more. */
static void what_a_node_that_left_wrote_is_covered_on_the_word_of_one(void **state)
{
    struct bed b;

    init(&b, true);
    cluster_cut(&b.c, 0, 2, true);
    cluster_cut(&b.c, 0, LIAR, true);
    write_key(&b, 0, "a");
    write_key(&b, 0, "b");
    assert_int_equal(cluster_write(&b.c, 1, WEIR_CLASS_TENANT, "a", "later"), WEIR_OK);
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq = b.c.node[0].last_version.seq;
    memcpy(lane, b.c.node[0].last_version.lane, WEIR_LANE_LEN);
    cluster_stop(&b.c, 0);
    cluster_run(&b.c, 20 * SECOND);
    assert_true(has(&b, 2, "b", "v"));
    assert_true(weir_vector_get(weir_engine_vv(b.c.node[2].engine, WEIR_GROUP_C), lane) < seq);
    cluster_member(&b.c, 1, 0, WEIR_MEMBER_LEFT);
    cluster_run(&b.c, 20 * SECOND);
    for (unsigned i = 2; i < NODES; i++)
        assert_int_equal(weir_engine_durable(b.c.node[i].engine, WEIR_GROUP_C, lane), seq);
    bed_deinit(&b);
}

static void claims_on_its_own_lane_make_a_node_draw_one_lane_and_no_more(void **state)
{
    struct bed b;

    init(&b, true);
    for (unsigned i = 0; i < 5; i++) {
        write_key(&b, 0, "a");
        lie(&b, b.c.node[0].last_version.lane, 1000, 0);
        for (unsigned k = 0; k < LIAR; k++)
            b.c.cut[k][LIAR] = b.c.cut[LIAR][k] = false;
        cluster_start(&b.c, LIAR);
        cluster_run(&b.c, SECOND);
    }
    assert_in_range(weir_engine_counter(b.c.node[0].engine, WEIR_COUNT_LANES), 1, 2);
    assert_true(b.c.node[0].num_alarms[WEIR_ALARM_FALSE_CLAIM] > 0);
    assert_others_go_on(&b);
    bed_deinit(&b);
}

/* One record of a lane, published by the liar. */
static void publish(struct bed *b, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq, uint64_t hlc)
{
    uint8_t frame[256];
    Weir__V1__Record r;
    Weir__V1__Record *list = &r;
    Weir__V1__Batch m;

    weir__v1__record__init(&r);
    r.has_class_ = r.has_key = r.has_seq = r.has_hlc = 1;
    r.class_ = WEIR_CLASS_TENANT;
    r.key = (ProtobufCBinaryData){ .len = 6, .data = (uint8_t *)(uintptr_t) "forged" };
    r.seq = seq;
    r.hlc = hlc;
    weir__v1__batch__init(&m);
    m.has_lane = m.has_first = m.has_group = m.has_incarnation = 1;
    m.lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = (uint8_t *)(uintptr_t)lane };
    m.first = seq;
    m.group = 'C';
    m.incarnation = m.lane;
    m.r = &list;
    m.n_r = 1;
    size_t len = weir_frame_packed_len(&m.base);
    assert_in_range(len, 1, sizeof(frame));
    weir_frame_pack(WEIR_FRAME_BATCH_C, &m.base, frame);
    for (unsigned i = 0; i < LIAR; i++)
        cluster_inject(&b->c, LIAR, i, weir_span(frame, len));
}

static void a_batch_of_another_nodes_lane_is_dropped(void **state)
{
    struct bed b;

    init(&b, true);
    write_key(&b, 0, "a");
    publish(&b, b.c.node[0].last_version.lane, b.c.node[0].last_version.seq + 1, b.c.wall_ms << 16);
    cluster_run(&b.c, 5 * SECOND);
    for (unsigned i = 0; i < LIAR; i++)
        assert_true(has(&b, i, "forged", NULL));
    assert_others_go_on(&b);
    bed_deinit(&b);
}

static void a_record_stamped_beyond_the_year_9999_cuts_its_sender_off(void **state)
{
    struct bed b;
    uint8_t lane[WEIR_LANE_LEN] = { [WEIR_NODE_ID_LEN] = 'C', 7 };

    init(&b, true);
    memcpy(lane, b.c.node[LIAR].id, WEIR_NODE_ID_LEN);
    publish(&b, lane, 1, WEIR_HLC_MAX);
    cluster_run(&b.c, SECOND);
    assert_true(has(&b, 0, "forged", ""));
    assert_int_equal(num_alarms(&b, WEIR_ALARM_FALSE_CLAIM), 0);
    publish(&b, lane, 2, WEIR_HLC_MAX + 1);
    cluster_run(&b.c, SECOND);
    assert_int_equal(num_alarms(&b, WEIR_ALARM_FALSE_CLAIM), LIAR);
    assert_int_equal(weir_engine_counter(b.c.node[0].engine, WEIR_COUNT_FALSE_CLAIMS), 1);
    assert_others_go_on(&b);
    bed_deinit(&b);
}

static void a_clock_beyond_the_year_9999_refuses_writes(void **state)
{
    struct bed b;

    init(&b, false);
    for (unsigned i = 1; i < NODES; i++)
        cluster_stop(&b.c, i);
    b.c.wall_ms = weir_hlc_ms(WEIR_HLC_MAX) - b.c.mono_us / 1000;
    write_key(&b, 0, "a");
    b.c.wall_ms++;
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "b", "v"), WEIR_ELIMIT);
    bed_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_above_its_own_vector_made_every_other_node_reset),
        cmocka_unit_test(a_floor_that_one_peer_alone_states_makes_no_node_reset),
        cmocka_unit_test(a_floor_of_the_only_other_node_makes_a_node_reset),
        cmocka_unit_test(a_node_waits_with_its_reset_while_another_resets),
        cmocka_unit_test(a_vector_of_one_peer_alone_covers_no_write_of_a_member_that_is_away),
        cmocka_unit_test(what_a_node_that_left_wrote_is_covered_on_the_word_of_one),
        cmocka_unit_test(claims_on_its_own_lane_make_a_node_draw_one_lane_and_no_more),
        cmocka_unit_test(a_batch_of_another_nodes_lane_is_dropped),
        cmocka_unit_test(a_record_stamped_beyond_the_year_9999_cuts_its_sender_off),
        cmocka_unit_test(a_clock_beyond_the_year_9999_refuses_writes),
    };

    kit_quiet();
    engine_suite_maker = &record_store_kit_maker;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
