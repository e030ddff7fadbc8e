/* SPDX-License-Identifier: Apache-2.0
 *
 * acks_test.c - what is counted of the acks of many nodes: their last ones, no more; and never
 * an active revision that the node does not serve (G8).
 */
#include <stdlib.h>

#include "node/base/rng.h"
#include "sync/activation/acks.h"
#include "sync/activation/active.h"
#include "tests/support/failalloc.h"
#include "tests/unit/sync/members/members_rig.h"

static struct weir_acks *acks_new(void)
{
    struct weir_acks *a;

    assert_int_equal(weir_acks_new(&a), WEIR_OK);
    return a;
}

static struct weir_ack ack_of(unsigned lane, uint64_t durable, uint64_t active, uint64_t rejected)
{
    struct weir_ack ack = { .durable = durable, .active = active, .rejected = rejected };

    weir_num_write_be(ack.lane, lane * UINT64_C(0x9e3779b97f4a7c15), 8);
    return ack;
}

static void note(struct weir_acks *a, unsigned node, struct weir_ack ack)
{
    weir_acks_note(a, rig_id(node), &ack);
}

/* As note, with ids that ascend: for many nodes. Number 0 is the member, as ever. */
static void note_many(struct weir_acks *a, unsigned node, struct weir_ack ack)
{
    uint8_t id[WEIR_NODE_ID_LEN];

    weir_num_write_be(id, node, WEIR_NODE_ID_LEN);
    weir_acks_note(a, node == 0 ? rig_id(0) : id, &ack);
}

static struct weir_acks_count count(struct weir_acks *a, const struct rig *r, unsigned lane,
                                    uint64_t seq)
{
    struct weir_acks_count c;
    struct weir_ack ack = ack_of(lane, 0, 0, 0);

    weir_acks_count(a, r->m, ack.lane, seq, &c);
    return c;
}

static void expect(struct weir_acks_count c, size_t durable, size_t active, size_t rejected,
                   size_t waiting)
{
    assert_int_equal(c.durable, durable);
    assert_int_equal(c.active, active);
    assert_int_equal(c.rejected, rejected);
    assert_int_equal(c.waiting, waiting);
}

static void each_member_counts_by_its_last_word(void **state)
{
    struct rig r = rig_of(4);
    struct weir_acks *a = acks_new();
    struct weir_ack holes = ack_of(1, 9, 9, 0);

    assert_int_equal(count(a, &r, 1, 5).members, 4);
    expect(count(a, &r, 1, 5), 0, 0, 0, 0);
    note(a, 0, ack_of(1, 5, 5, 0));
    note(a, 1, ack_of(1, 5, 4, 0));
    note(a, 2, ack_of(1, 5, 5, 5));
    note(a, 3, ack_of(1, 4, 4, 0));
    expect(count(a, &r, 1, 5), 3, 1, 1, 1);
    expect(count(a, &r, 1, 4), 4, 4, 0, 0);
    expect(count(a, &r, 2, 4), 0, 0, 0, 0);
    note(a, 1, ack_of(1, 5, 5, 0));
    note(a, 2, ack_of(1, 5, 5, 0));
    expect(count(a, &r, 1, 5), 3, 3, 0, 0);
    holes.num_held = 2;
    holes.held[0] = 3;
    holes.held[1] = 5;
    holes.num_refused = 1;
    holes.refused[0] = 4;
    note(a, 2, holes);
    note(a, 2, holes); /* again */
    expect(count(a, &r, 1, 3), 4, 3, 0, 1);
    expect(count(a, &r, 1, 4), 4, 3, 1, 0);
    expect(count(a, &r, 1, 5), 3, 2, 0, 1);
    note(a, 2, ack_of(1, 2, 0, 0)); /* it can report less, too */
    expect(count(a, &r, 1, 3), 3, 3, 0, 0);
    weir_acks_forget(a, rig_id(1));
    weir_acks_forget(a, rig_id(9));
    expect(count(a, &r, 1, 3), 2, 2, 0, 0);
    assert_int_equal(weir_acks_num(a), 3);
    weir_acks_free(&a);
    weir_acks_free(&a);
    weir_members_free(&r.m);
}

static void only_members_count_and_of_those_that_are_down_only_what_is_durable(void **state)
{
    struct rig r = rig_of(5);
    struct weir_acks *a = acks_new();

    for (unsigned n = 0; n < 7; n++)
        note(a, n, ack_of(1, 1, 1, 0));
    rig_hear(&r, 5); /* a stranger */
    for (unsigned n = 1; n < 5; n++)
        rig_hear(&r, n);
    expect(count(a, &r, 1, 1), 5, 5, 0, 0);
    rig_put(&r, 4, WEIR_MEMBER_LEFT);
    rig_put(&r, 3, WEIR_MEMBER_EVICTED);
    expect(count(a, &r, 1, 1), 3, 3, 0, 0);
    assert_int_equal(count(a, &r, 1, 1).members, 3);
    for (unsigned s = 0; s < 15; s++) {
        rig_hear(&r, 1);
        rig_pass(&r, S);
    }
    assert_int_equal(rig_life(&r, 2), WEIR_MEMBERS_DOWN);
    expect(count(a, &r, 1, 1), 3, 2, 0, 0);
    assert_int_equal(count(a, &r, 1, 1).unreachable, 1);
    weir_acks_free(&a);
    weir_members_free(&r.m);
}

static void rejections_are_listed_with_their_reasons(void **state)
{
    struct weir_acks *a = acks_new();
    struct weir_ack ack = ack_of(1, 9, 9, 7);
    struct weir_acks_rejection rej = { .why = WEIR_SPAN_LIT("?") };
    unsigned num = 0;

    assert_false(weir_acks_next_rejection(a, ack.lane, 7, NULL, &rej));
    ack.why = WEIR_SPAN_LIT("key mismatch");
    note(a, 3, ack);
    note(a, 1, ack);
    note(a, 2, ack_of(1, 9, 9, 0));
    ack = ack_of(1, 9, 9, 8); /* a newer one, and that one still */
    ack.why = WEIR_SPAN_LIT("no such certificate");
    ack.num_refused = 2;
    ack.refused[0] = 7;
    ack.refused[1] = 8;
    note(a, 5, ack);
    bool more = weir_acks_next_rejection(a, ack.lane, 7, NULL, &rej);
    for (; more; num++) {
        bool is_five = memcmp(rej.node, rig_id(5), WEIR_NODE_ID_LEN) == 0;
        assert_true(is_five || memcmp(rej.node, rig_id(3), WEIR_NODE_ID_LEN) == 0 ||
                    memcmp(rej.node, rig_id(1), WEIR_NODE_ID_LEN) == 0);
        assert_true(
            weir_span_eq(rej.why, is_five ? WEIR_SPAN_EMPTY : WEIR_SPAN_LIT("key mismatch")));
        uint8_t last[WEIR_NODE_ID_LEN];
        memcpy(last, rej.node, sizeof(last));
        more = weir_acks_next_rejection(a, ack.lane, 7, last, &rej);
        assert_true(!more || memcmp(last, rej.node, sizeof(last)) < 0);
    }
    assert_int_equal(num, 3);
    assert_true(weir_acks_next_rejection(a, ack.lane, 8, NULL, &rej));
    assert_memory_equal(rej.node, rig_id(5), WEIR_NODE_ID_LEN);
    assert_true(weir_span_eq(rej.why, WEIR_SPAN_LIT("no such certificate")));
    weir_acks_free(&a);
}

static void lane_used_least_lately_makes_room(void **state)
{
    struct rig r = rig_of(2);
    struct weir_acks *a = acks_new();

    for (unsigned lane = 0; lane < WEIR_ACKS_LANES_MAX; lane++)
        note(a, 1, ack_of(lane, 1, 1, 0));
    expect(count(a, &r, 0, 1), 1, 1, 0, 0); /* asked for: used */
    note(a, 1, ack_of(1, 1, 1, 0));         /* reported again: used */
    assert_int_equal(weir_acks_dropped(a), 0);
    note(a, 1, ack_of(5000, 1, 1, 0));
    note(a, 0, ack_of(5000, 1, 1, 0));
    assert_int_equal(weir_acks_num_lanes(a), WEIR_ACKS_LANES_MAX);
    assert_int_equal(weir_acks_dropped(a), 1);
    expect(count(a, &r, 2, 1), 0, 0, 0, 0);
    expect(count(a, &r, 0, 1), 1, 1, 0, 0);
    expect(count(a, &r, 1, 1), 1, 1, 0, 0);
    expect(count(a, &r, 3, 1), 1, 1, 0, 0);
    expect(count(a, &r, 5000, 1), 2, 2, 0, 0);
    weir_acks_free(&a);
    weir_members_free(&r.m);
}

static void acks_are_bounded_in_all(void **state)
{
    const unsigned nodes = WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX;
    struct weir_acks *a = acks_new();
    unsigned num_lanes = WEIR_ACKS_MAX / nodes + 2;

    for (unsigned lane = 0; lane < num_lanes; lane++)
        for (unsigned n = 0; n < nodes; n++)
            note_many(a, n, ack_of(lane, 1, 1, 0));
    assert_in_range(weir_acks_num(a), WEIR_ACKS_MAX - nodes, WEIR_ACKS_MAX);
    assert_int_equal(weir_acks_num(a) + weir_acks_dropped(a), (size_t)num_lanes * nodes);
    note_many(a, nodes, ack_of(num_lanes - 1, 1, 1, 0)); /* one node more than there can be */
    assert_int_equal(weir_acks_num(a) + weir_acks_dropped(a), (size_t)num_lanes * nodes + 1);
    weir_acks_free(&a);
}

static void ack_without_room_for_its_list_ends_before_it(void **state)
{
    struct rig r = rig_of(1);
    struct weir_acks *a = acks_new();
    struct weir_ack ack = ack_of(1, 90, 80, 90);

    ack.num_held = 1;
    ack.held[0] = 40;
    ack.num_refused = 1;
    ack.refused[0] = 30;
    ack.why = WEIR_SPAN_LIT("no");
    weir_failalloc_after(2); /* the lane's array can be had, no more */
    note(a, 0, ack);
    weir_failalloc_after(-1);
    expect(count(a, &r, 1, 29), 1, 1, 0, 0);
    expect(count(a, &r, 1, 30), 1, 0, 0, 1);
    expect(count(a, &r, 1, 50), 1, 0, 0, 1);
    expect(count(a, &r, 1, 90), 1, 0, 1, 0);
    ack.held[0] = 20;
    weir_failalloc_after(1);
    note(a, 0, ack);
    weir_failalloc_after(-1);
    expect(count(a, &r, 1, 19), 1, 1, 0, 0);
    expect(count(a, &r, 1, 20), 1, 0, 0, 1);
    note(a, 0, ack); /* reported again, now there is room */
    expect(count(a, &r, 1, 20), 1, 0, 0, 1);
    expect(count(a, &r, 1, 29), 1, 1, 0, 0);
    expect(count(a, &r, 1, 30), 1, 0, 1, 0);
    expect(count(a, &r, 1, 50), 1, 1, 0, 0);
    weir_failalloc_after(1);
    note(a, 0, ack_of(2, 1, 1, 0));
    weir_failalloc_after(-1);
    expect(count(a, &r, 2, 1), 0, 0, 0, 0);
    assert_int_equal(weir_acks_dropped(a), 1);
    weir_failalloc_after(1);
    struct weir_acks *none = NULL;
    enum weir_err err = weir_acks_new(&none);
    weir_failalloc_after(-1);
    assert_int_equal(err, WEIR_ENOMEM);
    assert_null(none);
    weir_acks_free(&a);
    weir_members_free(&r.m);
}

static void lists_and_reasons_are_bounded(void **state)
{
    struct rig r = rig_of(1);
    struct weir_acks *a = acks_new();
    struct weir_acks_rejection rej;
    unsigned num_lanes = WEIR_ACKS_LISTS_MAX / 4096 + 1;

    for (unsigned lane = 0; lane < num_lanes; lane++)
        for (unsigned n = 0; n < 4096; n++) {
            struct weir_ack ack = ack_of(lane, 9, 9, 5);
            ack.num_refused = 1;
            ack.refused[0] = 5;
            ack.why = WEIR_SPAN_LIT("no");
            note_many(a, n, ack);
        }
    expect(count(a, &r, 0, 9), 1, 1, 0, 0);
    expect(count(a, &r, num_lanes - 1, 9), 1, 0, 0, 1);
    expect(count(a, &r, num_lanes - 1, 5), 1, 0, 1, 0); /* by its own field */
    struct weir_ack ack = ack_of(0, 0, 0, 0);
    assert_true(weir_acks_next_rejection(a, ack.lane, 5, NULL, &rej));
    assert_true(weir_span_eq(rej.why, WEIR_SPAN_LIT("no")));
    ack = ack_of(1, 0, 0, 0);
    assert_true(weir_acks_next_rejection(a, ack.lane, 5, NULL, &rej));
    assert_int_equal(rej.why.len, 0);
    weir_acks_free(&a);
    weir_members_free(&r.m);
}

/* Naive twin: the last ack of each node and lane. */
#define TWIN_NODES 9
#define TWIN_LANES 6

static struct weir_ack random_ack(struct weir_rng *rng, unsigned lane)
{
    struct weir_ack ack = ack_of(lane, weir_rng_below(rng, 20), 0, 0);

    ack.active = weir_rng_below(rng, ack.durable + 1);
    ack.rejected = weir_rng_below(rng, 3) == 0 ? weir_rng_below(rng, ack.durable + 1) : 0;
    for (uint64_t seq = 1; seq <= ack.active; seq++) {
        uint64_t what = weir_rng_below(rng, 8);
        if (what == 0)
            ack.held[ack.num_held++] = seq;
        else if (what == 1)
            ack.refused[ack.num_refused++] = seq;
    }
    return ack;
}

static void counts_agree_with_a_naive_twin(void **state)
{
    static struct weir_ack last[TWIN_NODES][TWIN_LANES];
    struct weir_rng rng;

    weir_rng_init(&rng, 20261207);
    for (int round = 0; round < 60; round++) {
        struct rig r = rig_of(TWIN_NODES - 2); /* two are no members */
        struct weir_acks *a = acks_new();
        memset(last, 0, sizeof(last));
        for (int step = 0; step < 200; step++) {
            unsigned node = (unsigned)weir_rng_below(&rng, TWIN_NODES);
            unsigned lane = (unsigned)weir_rng_below(&rng, TWIN_LANES);
            if (weir_rng_below(&rng, 20) == 0) {
                weir_acks_forget(a, rig_id(node));
                memset(last[node], 0, sizeof(last[node]));
            } else {
                last[node][lane] = random_ack(&rng, lane);
                note(a, node, last[node][lane]);
            }
            uint64_t seq = 1 + weir_rng_below(&rng, 21);
            size_t num[WEIR_ACK_NUM_STATES] = { 0 };
            lane = (unsigned)weir_rng_below(&rng, TWIN_LANES);
            for (unsigned n = 0; n < TWIN_NODES - 2; n++)
                num[weir_ack_of(&last[n][lane], seq)]++;
            expect(count(a, &r, lane, seq), TWIN_NODES - 2 - num[WEIR_ACK_ABSENT],
                   num[WEIR_ACK_ACTIVE], num[WEIR_ACK_REJECTED], num[WEIR_ACK_WAITING]);
        }
        weir_acks_free(&a);
        weir_members_free(&r.m);
    }
}

/* A cluster: revisions of some keys come to each node in the order of their lane, are judged there
 * differently, and acks of it get lost. */
#define FLEET_NODES 5
#define FLEET_REVS  60
#define FLEET_KEYS  4

struct fleet_node {
    struct weir_active *active;
    struct weir_vector vv;
    uint64_t newest[FLEET_KEYS]; /* stored here */
    uint64_t serves[FLEET_KEYS];
};

static void fleet_begin(struct fleet_node *n)
{
    struct weir_active_config cfg = { .compiled = 1u << WEIR_CLASS_TENANT };

    *n = (struct fleet_node){ .vv = WEIR_VECTOR_ZERO };
    assert_int_equal(weir_active_new(&cfg, &n->active), WEIR_OK);
    weir_active_loaded(n->active);
}

static void fleet_take(struct fleet_node *n, const uint8_t *lane, uint64_t seq)
{
    uint64_t *newest = &n->newest[seq % FLEET_KEYS];

    weir_active_stored(n->active, lane, seq, WEIR_CLASS_TENANT, 0);
    if (*newest != 0)
        weir_active_superseded(n->active, lane, *newest, lane, seq);
    *newest = seq;
    assert_int_equal(weir_vector_raise(&n->vv, lane, seq), WEIR_OK);
    weir_active_durable(n->active, lane);
}

static void fleet_judge(struct fleet_node *n, struct weir_rng *rng, const uint8_t *lane)
{
    static const enum weir_active_state reports[] = { WEIR_ACTIVE_LIVE, WEIR_ACTIVE_LIVE,
                                                      WEIR_ACTIVE_REJECTED, WEIR_ACTIVE_HELD };
    unsigned key = (unsigned)weir_rng_below(rng, FLEET_KEYS);
    enum weir_active_state v = reports[weir_rng_below(rng, WEIR_ARRAY_LEN(reports))];

    if (n->newest[key] != 0 &&
        weir_active_report(n->active, lane, n->newest[key], v, WEIR_SPAN_LIT("why")) &&
        v == WEIR_ACTIVE_LIVE)
        n->serves[key] = n->newest[key];
}

static void count_of_active_is_never_more_than_serve_it(void **state)
{
    struct weir_rng rng;
    size_t num_counted = 0;
    struct rig r = rig_of(FLEET_NODES);

    weir_rng_init(&rng, 20261208);
    for (int round = 0; round < 300; round++) {
        struct fleet_node node[FLEET_NODES];
        struct weir_acks *a = acks_new();
        const struct weir_ack lane = ack_of(1, 0, 0, 0);
        for (unsigned n = 0; n < FLEET_NODES; n++)
            fleet_begin(&node[n]);
        for (int step = 0; step < 400; step++) {
            unsigned n = (unsigned)weir_rng_below(&rng, FLEET_NODES);
            uint64_t next = weir_vector_get(&node[n].vv, lane.lane) + 1;
            struct weir_ack ack;
            if (weir_rng_below(&rng, 3) == 0 && next <= FLEET_REVS)
                fleet_take(&node[n], lane.lane, next);
            else
                fleet_judge(&node[n], &rng, lane.lane);
            if (weir_active_acks(node[n].active, &node[n].vv, &ack, 1) == 1 &&
                weir_rng_below(&rng, 3) == 0)
                weir_acks_note(a, rig_id(n), &ack);
            uint64_t seq = 1 + weir_rng_below(&rng, FLEET_REVS);
            size_t serving = 0;
            for (unsigned i = 0; i < FLEET_NODES; i++)
                serving += node[i].serves[seq % FLEET_KEYS] >= seq;
            struct weir_acks_count c = count(a, &r, 1, seq);
            assert_true(c.active <= serving);
            num_counted += c.active;
        }
        for (unsigned n = 0; n < FLEET_NODES; n++) {
            weir_active_free(&node[n].active);
            weir_vector_deinit(&node[n].vv);
        }
        weir_acks_free(&a);
    }
    assert_true(num_counted > 1000); /* the twin saw active records */
    weir_members_free(&r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_counts_by_its_last_word),
        cmocka_unit_test(only_members_count_and_of_those_that_are_down_only_what_is_durable),
        cmocka_unit_test(rejections_are_listed_with_their_reasons),
        cmocka_unit_test(lane_used_least_lately_makes_room),
        cmocka_unit_test(acks_are_bounded_in_all),
        cmocka_unit_test(ack_without_room_for_its_list_ends_before_it),
        cmocka_unit_test(lists_and_reasons_are_bounded),
        cmocka_unit_test(counts_agree_with_a_naive_twin),
        cmocka_unit_test(count_of_active_is_never_more_than_serve_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
