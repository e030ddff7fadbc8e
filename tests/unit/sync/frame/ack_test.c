/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_test.c - what an ack means, and that it comes through a heartbeat as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "sync/frame/ack.h"
#include "sync/frame/frame.h"

static void ack_is_read_in_one_way(void **state)
{
    struct weir_ack a = {
        .durable = 12,
        .active = 8,
        .rejected = 10,
        .num_held = 2,
        .held = { 3, 5 },
        .num_refused = 2,
        .refused = { 2, 7 },
    };
    static const enum weir_ack_state want[] = {
        WEIR_ACK_ACTIVE,  WEIR_ACK_REJECTED, WEIR_ACK_WAITING, WEIR_ACK_ACTIVE,  WEIR_ACK_WAITING,
        WEIR_ACK_ACTIVE,  WEIR_ACK_REJECTED, WEIR_ACK_ACTIVE,  WEIR_ACK_WAITING, WEIR_ACK_REJECTED,
        WEIR_ACK_WAITING, WEIR_ACK_WAITING,  WEIR_ACK_ABSENT,
    };

    for (uint64_t seq = 1; seq <= WEIR_ARRAY_LEN(want); seq++)
        assert_int_equal(weir_ack_of(&a, seq), want[seq - 1]);
}

static void states_have_names(void **state)
{
    for (unsigned a = 0; a < WEIR_ACK_NUM_STATES; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(weir_ack_state_name((enum weir_ack_state)a),
                                    weir_ack_state_name((enum weir_ack_state)b));
    assert_string_equal(weir_ack_state_name(WEIR_ACK_NUM_STATES), "unknown");
}

/* Some numbers of 1..most, ascending, none of them in `other`. */
static size_t draw(struct weir_rng *rng, uint64_t most, const uint64_t *other, size_t num_other,
                   uint64_t *out)
{
    size_t num = 0;

    for (uint64_t seq = 1; seq <= most && num < WEIR_ACK_HOLES_MAX; seq++) {
        bool is_free = weir_rng_below(rng, 3) == 0;
        for (size_t i = 0; i < num_other; i++)
            is_free = is_free && other[i] != seq;
        if (is_free)
            out[num++] = seq;
    }
    return num;
}

/* Through a heartbeat: packed, checked, unpacked. */
static enum weir_err send(const struct weir_ack *a, struct weir_frame *f, struct weir_ack *ret)
{
    uint8_t node[8] = { 1 };
    uint8_t incarnation[16] = { 2 };
    Weir__V1__Heartbeat h = WEIR__V1__HEARTBEAT__INIT;
    struct weir_ack_message m;
    Weir__V1__Ack *list[1] = { &m.msg };
    enum weir_frame_fault fault;

    weir_ack_pack(a, &m);
    h.has_node = h.has_incarnation = h.has_n = h.has_wall_ms = 1;
    h.node = (ProtobufCBinaryData){ sizeof(node), node };
    h.incarnation = (ProtobufCBinaryData){ sizeof(incarnation), incarnation };
    h.n_ack = 1;
    h.ack = list;
    size_t len = weir_frame_packed_len(&h.base);
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    weir_frame_pack(WEIR_FRAME_HEARTBEAT, &h.base, bytes);
    enum weir_err err = weir_frame_decode(weir_span(bytes, len), f, &fault);
    free(bytes);
    if (err < 0)
        return err;
    err = weir_ack_unpack(f->msg.heartbeat->ack[0], ret);
    if (err < 0)
        weir_frame_deinit(f);
    return err;
}

static void ack_comes_through_a_heartbeat_as_it_was(void **state)
{
    static char text[WEIR_ACK_WHY_MAX];
    struct weir_rng rng;

    memset(text, 'y', sizeof(text));
    weir_rng_init(&rng, 20261204);
    for (int round = 0; round < 500; round++) {
        struct weir_ack a = { .lane = { 7, 1 }, .durable = weir_rng_below(&rng, 200) };
        struct weir_ack b;
        struct weir_frame f;
        a.lane[15] = (uint8_t)round;
        a.active = weir_rng_below(&rng, a.durable + 1);
        a.rejected = weir_rng_below(&rng, a.durable + 1);
        a.why = weir_span(text, weir_rng_below(&rng, sizeof(text) + 1));
        a.num_held = draw(&rng, a.active, NULL, 0, a.held);
        a.num_refused = draw(&rng, a.active, a.held, a.num_held, a.refused);
        assert_int_equal(send(&a, &f, &b), WEIR_OK);
        assert_memory_equal(b.lane, a.lane, WEIR_LANE_LEN);
        assert_int_equal(b.durable, a.durable);
        assert_int_equal(b.active, a.active);
        assert_int_equal(b.rejected, a.rejected);
        assert_true(weir_span_eq(b.why, a.why));
        for (uint64_t seq = 1; seq <= a.durable + 1; seq++)
            assert_int_equal(weir_ack_of(&b, seq), weir_ack_of(&a, seq));
        weir_frame_deinit(&f);
    }
}

static void ack_that_contradicts_itself_is_dropped(void **state)
{
    static const struct weir_ack bad[] = {
        { .durable = 4, .active = 5 },
        { .durable = 4, .active = 4, .rejected = 5 },
        { .durable = 9, .active = 4, .num_held = 1, .held = { 5 } },
        { .durable = 9, .active = 4, .num_refused = 1, .refused = { 5 } },
        { .durable = 9, .active = 9, .num_held = 2, .held = { 5, 5 } },
        { .durable = 9, .active = 9, .num_refused = 2, .refused = { 5, 4 } },
        { .durable = 9,
          .active = 9,
          .num_held = 1,
          .held = { 5 },
          .num_refused = 1,
          .refused = { 5 } },
    };
    struct weir_ack good = { .durable = 9, .active = 9, .num_held = 1, .held = { 5 } };
    struct weir_ack ret;
    struct weir_frame f;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_int_equal(send(&bad[i], &f, &ret), WEIR_EPROTO);
    assert_int_equal(send(&good, &f, &ret), WEIR_OK);
    weir_frame_deinit(&f);
    good.held[0] = 0; /* no number of a record: refused by the frame */
    assert_int_equal(send(&good, &f, &ret), WEIR_EPROTO);
}

static void lists_longer_than_any_node_writes_are_refused(void **state)
{
    uint64_t many[WEIR_ACK_HOLES_MAX + 1];
    Weir__V1__Ack msg = WEIR__V1__ACK__INIT;
    uint8_t lane[WEIR_LANE_LEN] = { 1 };
    struct weir_ack ret;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(many); i++)
        many[i] = i + 1;
    msg.lane = (ProtobufCBinaryData){ sizeof(lane), lane };
    msg.durable = msg.active = 1000;
    msg.held = many;
    msg.n_held = WEIR_ACK_HOLES_MAX;
    assert_int_equal(weir_ack_unpack(&msg, &ret), WEIR_OK);
    msg.n_held++;
    assert_int_equal(weir_ack_unpack(&msg, &ret), WEIR_EPROTO);
    msg.n_held = 0;
    msg.lane.len = 8;
    assert_int_equal(weir_ack_unpack(&msg, &ret), WEIR_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ack_is_read_in_one_way),
        cmocka_unit_test(states_have_names),
        cmocka_unit_test(ack_comes_through_a_heartbeat_as_it_was),
        cmocka_unit_test(ack_that_contradicts_itself_is_dropped),
        cmocka_unit_test(lists_longer_than_any_node_writes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
