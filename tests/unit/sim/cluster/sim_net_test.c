/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_net_test.c - the network of a simulated cluster: order, loss, queues, cuts, half-open links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "tests/sim/cluster/sim_net.h"

/* Some nodes, all linked with all, and what came to them. */
struct rig {
    struct weir_sim_events events;
    struct weir_rng rng;
    struct weir_sim_net net;
    uint64_t num_frames;
    uint64_t num_bytes;
    uint32_t last[8]; /* per node: the number in the newest frame */
    uint32_t num_up;  /* changes of links */
    uint32_t num_down;
    uint64_t last_change_us;
    bool in_order;
};

static void rig_init(struct rig *r, uint32_t num_nodes)
{
    *r = (struct rig){ .in_order = true };
    weir_rng_init(&r->rng, 1);
    weir_sim_net_init(&r->net, num_nodes, &r->events, &r->rng);
    r->net.cfg.delay = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 1000, 9000 };
    r->net.cfg.dial = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 2000, 0 };
    r->net.cfg.notice = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 0, 50000 };
    r->net.cfg.redial = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 10000, 0 };
    for (uint32_t a = 0; a < num_nodes; a++) {
        for (uint32_t b = a + 1; b < num_nodes; b++)
            weir_sim_net_join(&r->net, a, b);
    }
}

static void rig_deinit(struct rig *r)
{
    weir_sim_net_deinit(&r->net);
    weir_sim_events_deinit(&r->events);
}

static void count_event(struct rig *r, struct weir_sim_net_event event)
{
    if (event.what == WEIR_SIM_NET_UP || event.what == WEIR_SIM_NET_DOWN)
        r->last_change_us = r->events.now_us;
    r->num_up += event.what == WEIR_SIM_NET_UP;
    r->num_down += event.what == WEIR_SIM_NET_DOWN;
    if (event.what != WEIR_SIM_NET_FRAME)
        return;
    uint32_t number;
    assert_true(event.parcel->len >= sizeof(number));
    memcpy(&number, event.parcel->bytes, sizeof(number));
    r->in_order = r->in_order && number >= r->last[event.node];
    r->last[event.node] = number;
    r->num_frames++;
    r->num_bytes += event.parcel->len;
    weir_sim_parcel_drop(&event.parcel);
}

/* Play all events up to a time. */
static void run_until(struct rig *r, uint64_t until_us)
{
    struct weir_sim_event event;

    while (weir_sim_events_next_us(&r->events) <= until_us) {
        assert_true(weir_sim_events_next(&r->events, &event));
        count_event(r, weir_sim_net_step(&r->net, &event));
    }
    r->events.now_us = until_us;
}

static void start_all(struct rig *r)
{
    for (uint32_t i = 0; i < r->net.num_nodes; i++)
        weir_sim_net_start(&r->net, i);
    run_until(r, r->events.now_us + 100000);
}

static void publish(struct rig *r, uint32_t node, uint32_t number, uint32_t len)
{
    static uint8_t bytes[65536];

    memcpy(bytes, &number, sizeof(number));
    struct weir_sim_parcel *p = weir_sim_parcel_new(bytes, len);
    weir_sim_net_publish(&r->net, node, p);
    weir_sim_parcel_drop(&p);
}

static void send_one(struct rig *r, uint32_t node, uint32_t slot, uint32_t number)
{
    struct weir_sim_parcel *p = weir_sim_parcel_new(&number, sizeof(number));

    weir_sim_net_send(&r->net, node, slot, p);
    weir_sim_parcel_drop(&p);
}

static void links_come_up_at_both_ends_once_both_nodes_run(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    weir_sim_net_start(&r.net, 0);
    run_until(&r, 1000000);
    assert_int_equal(r.num_up, 0);
    weir_sim_net_start(&r.net, 1);
    run_until(&r, 2000000);
    assert_int_equal(r.num_up, 2);
    assert_true(weir_sim_net_is_up(&r.net, 0, 0));
    assert_true(weir_sim_net_is_up(&r.net, 1, 0));
    assert_false(weir_sim_net_is_up(&r.net, 1, 1));
    rig_deinit(&r);
}

static void a_frame_published_comes_to_all_others_and_is_not_copied(void **state)
{
    struct rig r;

    rig_init(&r, 8);
    start_all(&r);
    struct weir_sim_parcel *p = weir_sim_parcel_new("abcdefgh", 8);
    weir_sim_net_publish(&r.net, 3, p);
    assert_int_equal(p->refs, 8);
    run_until(&r, 1000000);
    assert_int_equal(r.num_frames, 7);
    assert_int_equal(r.num_bytes, 56);
    assert_int_equal(p->refs, 1);
    weir_sim_parcel_drop(&p);
    assert_null(p);
    rig_deinit(&r);
}

static void frames_of_one_direction_stay_in_order_whatever_their_delays(void **state)
{
    static const enum weir_sim_law laws[] = { WEIR_SIM_LAW_FIXED, WEIR_SIM_LAW_UNIFORM,
                                              WEIR_SIM_LAW_LOGNORMAL, WEIR_SIM_LAW_HEAVY };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(laws); i++) {
        struct rig r;
        rig_init(&r, 2);
        r.net.cfg.delay.law = laws[i];
        r.net.cfg.doubled = 100000;
        start_all(&r);
        for (uint32_t number = 1; number <= 500; number++) {
            publish(&r, 0, number, 64);
            run_until(&r, r.events.now_us + 100);
        }
        run_until(&r, r.events.now_us + 100000000);
        assert_true(r.in_order);
        assert_int_equal(r.last[1], 500);
        assert_in_range(r.num_frames, 520, 600);
        rig_deinit(&r);
    }
}

static void loss_takes_its_share_in_runs_and_only_of_what_is_published(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    r.net.cfg.loss = 100000;
    r.net.cfg.loss_run = 4;
    for (uint32_t number = 1; number <= 10000; number++)
        publish(&r, 0, number, 8);
    run_until(&r, r.events.now_us + 1000000);
    assert_in_range(r.num_frames, 6600, 7400); /* one of ten begins a run of four: 10 / 13 stay */
    r.num_frames = 0;
    for (uint32_t number = 1; number <= 1000; number++)
        send_one(&r, 0, 0, 20000 + number);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 1000);
    r.net.cfg.unanswered = 500000;
    for (uint32_t number = 1; number <= 1000; number++)
        send_one(&r, 0, 0, 30000 + number);
    run_until(&r, r.events.now_us + 1000000);
    assert_in_range(r.num_frames, 1400, 1600);
    rig_deinit(&r);
}

static void a_full_queue_drops_its_oldest_and_never_what_was_sent_to_one(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    r.net.cfg.bytes_per_s = 1000000;
    r.net.cfg.queue = 16;
    for (uint32_t number = 1; number <= 100; number++)
        publish(&r, 0, number, 10000);
    for (uint32_t number = 1001; number <= 1100; number++)
        send_one(&r, 0, 0, number);
    assert_int_equal(r.net.num_lost, 83);
    uint64_t began_us = r.events.now_us;
    run_until(&r, began_us + 5000000);
    assert_int_equal(r.num_frames, 117); /* the one on the wire, the newest 16, and the others */
    assert_int_equal(r.last[1], 100);    /* of the published the last came last */
    rig_deinit(&r);
}

static void a_narrow_wire_takes_the_time_that_the_bytes_need(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    r.net.cfg.bytes_per_s = 100000;
    r.net.cfg.delay = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 0, 0 };
    uint64_t began_us = r.events.now_us;
    for (uint32_t number = 1; number <= 10; number++)
        publish(&r, 0, number, 10000);
    run_until(&r, began_us + 999999);
    assert_int_equal(r.num_frames, 9);
    run_until(&r, began_us + 1000000);
    assert_int_equal(r.num_frames, 10);
    rig_deinit(&r);
}

static void a_cut_loses_one_direction_silently_and_its_end_breaks_the_link(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    weir_sim_net_cut(&r.net, 0, 0, true);
    publish(&r, 0, 1, 8);
    send_one(&r, 0, 0, 2);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 0);
    publish(&r, 1, 3, 8);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 1);
    assert_int_equal(r.num_down, 0);
    weir_sim_net_cut(&r.net, 0, 0, false);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_down, 2);
    assert_int_equal(r.num_up, 4);
    publish(&r, 0, 4, 8);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.last[1], 4);
    rig_deinit(&r);
}

static void a_partition_breaks_what_crosses_it_until_it_heals(void **state)
{
    struct rig r;

    rig_init(&r, 4);
    start_all(&r);
    publish(&r, 0, 1, 8); /* lost on its way to the other side */
    weir_sim_net_part(&r.net, (const uint32_t[]){ 0, 0, 1, 1 });
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 1);
    assert_int_equal(r.num_down, 8);
    publish(&r, 0, 2, 8);
    publish(&r, 3, 3, 8);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 3);
    assert_int_equal(r.last[1], 2);
    assert_int_equal(r.last[2], 3);
    weir_sim_net_part(&r.net, (const uint32_t[]){ 0, 0, 0, 0 });
    run_until(&r, r.events.now_us + 1000000);
    publish(&r, 0, 4, 8);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 6);
    rig_deinit(&r);
}

static void a_node_that_ends_leaves_a_half_open_link_that_is_closed_first(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    r.net.cfg.notice = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 60000000, 0 };
    weir_sim_net_stop(&r.net, 1);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_down, 0);
    assert_true(weir_sim_net_is_up(&r.net, 0, 0));
    assert_false(weir_sim_net_is_up(&r.net, 1, 0));
    publish(&r, 0, 1, 8); /* into nothing */
    weir_sim_net_start(&r.net, 1);
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_frames, 0);
    assert_int_equal(r.num_down, 1);
    assert_int_equal(r.num_up, 4);
    run_until(&r, r.events.now_us + 100000000); /* the late notice of the old link is ignored */
    assert_int_equal(r.num_down, 1);
    assert_true(weir_sim_net_is_up(&r.net, 0, 0));
    rig_deinit(&r);
}

static void a_closed_link_is_dialled_again(void **state)
{
    struct rig r;

    rig_init(&r, 2);
    start_all(&r);
    weir_sim_net_close(&r.net, 0, 0);
    assert_false(weir_sim_net_is_up(&r.net, 0, 0));
    run_until(&r, r.events.now_us + 1000000);
    assert_int_equal(r.num_down, 1); /* the other end's: this one knew */
    assert_int_equal(r.num_up, 4);
    rig_deinit(&r);
}

static void delays_follow_their_law(void **state)
{
    struct weir_rng rng;
    uint64_t sum[WEIR_SIM_LAW_COUNT] = { 0 };
    uint64_t most[WEIR_SIM_LAW_COUNT] = { 0 };

    weir_rng_init(&rng, 3);
    for (unsigned law = 0; law < WEIR_SIM_LAW_COUNT; law++) {
        struct weir_sim_delay delay = { (enum weir_sim_law)law, 1000, 1000 };
        for (unsigned i = 0; i < 10000; i++) {
            uint64_t us = weir_sim_delay_draw(&delay, &rng);
            assert_true(us >= 1000);
            sum[law] += us;
            most[law] = us > most[law] ? us : most[law];
        }
    }
    assert_int_equal(sum[WEIR_SIM_LAW_FIXED], 10000000);
    assert_in_range(sum[WEIR_SIM_LAW_UNIFORM], 14500000, 15500000);
    assert_in_range(most[WEIR_SIM_LAW_UNIFORM], 1990, 2000);
    assert_in_range(sum[WEIR_SIM_LAW_LOGNORMAL], 21000000, 23500000); /* mean exp(0.18) */
    assert_in_range(most[WEIR_SIM_LAW_HEAVY], 20000, 1100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_come_up_at_both_ends_once_both_nodes_run),
        cmocka_unit_test(a_frame_published_comes_to_all_others_and_is_not_copied),
        cmocka_unit_test(frames_of_one_direction_stay_in_order_whatever_their_delays),
        cmocka_unit_test(loss_takes_its_share_in_runs_and_only_of_what_is_published),
        cmocka_unit_test(a_full_queue_drops_its_oldest_and_never_what_was_sent_to_one),
        cmocka_unit_test(a_narrow_wire_takes_the_time_that_the_bytes_need),
        cmocka_unit_test(a_cut_loses_one_direction_silently_and_its_end_breaks_the_link),
        cmocka_unit_test(a_partition_breaks_what_crosses_it_until_it_heals),
        cmocka_unit_test(a_node_that_ends_leaves_a_half_open_link_that_is_closed_first),
        cmocka_unit_test(a_closed_link_is_dialled_again),
        cmocka_unit_test(delays_follow_their_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
