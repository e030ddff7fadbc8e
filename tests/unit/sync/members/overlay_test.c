/* SPDX-License-Identifier: Apache-2.0
 *
 * overlay_test.c - the links of all nodes at once: do both ends agree, is it one net, does it carry
 * a flood, and how much of it moves with one node?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "sync/members/overlay.h"
#include "sync/version/num.h"

#define NODES_MAX 1001
#define HOPS_MAX  8

/* Nodes, and what each of them computes. */
struct net {
    size_t num;
    struct weir_overlay_node node[NODES_MAX];
    struct weir_overlay_links links[NODES_MAX];
    size_t hops[NODES_MAX]; /* of the last flood; SIZE_MAX: not reached */
};

static struct net net;
static struct net after;

static const char *const zones[] = { "fra1", "ams3", "", "sin" };

static int node_cmp(const void *a, const void *b)
{
    return memcmp(((const struct weir_overlay_node *)a)->id,
                  ((const struct weir_overlay_node *)b)->id, WEIR_NODE_ID_LEN);
}

/* Ascending by id. */
static void make(struct net *n, size_t num, uint64_t seed)
{
    struct weir_rng rng;

    weir_rng_init(&rng, seed);
    n->num = num;
    for (size_t i = 0; i < num; i++) {
        weir_num_write_be(n->node[i].id, weir_rng_next(&rng), WEIR_NODE_ID_LEN);
        n->node[i].alive = true;
        n->node[i].zone = weir_span_cstr(zones[weir_rng_below(&rng, 4)]);
    }
    qsort(n->node, num, sizeof(n->node[0]), node_cmp);
}

static void compute(struct net *n)
{
    for (size_t i = 0; i < n->num; i++)
        weir_overlay_compute(n->node, n->num, n->node[i].id, &n->links[i]);
}

static void kill_some(struct net *n, uint64_t seed, uint64_t percent)
{
    struct weir_rng rng;

    weir_rng_init(&rng, seed);
    for (size_t i = 0; i < n->num; i++)
        n->node[i].alive = weir_rng_below(&rng, 100) >= percent;
}

static bool has(const struct weir_overlay_links *l, const uint8_t *id)
{
    for (size_t i = 0; i < l->num; i++)
        if (memcmp(l->peer[i].id, id, WEIR_NODE_ID_LEN) == 0)
            return true;
    return false;
}

static size_t place_of(const struct net *n, const uint8_t *id)
{
    struct weir_overlay_node wanted = { .alive = false };

    memcpy(wanted.id, id, WEIR_NODE_ID_LEN);
    const struct weir_overlay_node *found =
        bsearch(&wanted, n->node, n->num, sizeof(n->node[0]), node_cmp);
    assert_non_null(found);
    return (size_t)(found - n->node);
}

static size_t num_alive(const struct weir_overlay_links *l)
{
    size_t num = 0;

    for (size_t i = 0; i < l->num; i++)
        num += l->peer[i].alive;
    return num;
}

/* Both ends of each link want it; lists ascend; no node has too many, or itself. */
static void check_links(const struct net *n)
{
    for (size_t i = 0; i < n->num; i++) {
        const struct weir_overlay_links *l = &n->links[i];
        if (n->num > WEIR_OVERLAY_MESH) {
            assert_in_range(num_alive(l), 1, WEIR_OVERLAY_DEGREE);
            assert_in_range(l->num - num_alive(l), 0, WEIR_OVERLAY_DEGREE);
        }
        assert_false(has(l, n->node[i].id));
        for (size_t j = 0; j < l->num; j++) {
            size_t other = place_of(n, l->peer[j].id);
            assert_int_equal(l->peer[j].alive, n->node[other].alive);
            assert_true(j == 0 || memcmp(l->peer[j - 1].id, l->peer[j].id, WEIR_NODE_ID_LEN) < 0);
            if (n->node[i].alive && n->node[other].alive)
                assert_true(has(&n->links[other], n->node[i].id));
        }
    }
}

/* A flood from one node over links between living ones; each copy is lost with `loss` percent.
 * @return nodes that it reached, itself included */
static size_t flood(struct net *n, size_t from, struct weir_rng *rng, uint64_t loss)
{
    static size_t queue[NODES_MAX];
    size_t num = 0;

    for (size_t i = 0; i < n->num; i++)
        n->hops[i] = SIZE_MAX;
    n->hops[from] = 0;
    queue[num++] = from;
    for (size_t i = 0; i < num; i++) {
        const struct weir_overlay_links *l = &n->links[queue[i]];
        for (size_t j = 0; j < l->num; j++) {
            size_t to = place_of(n, l->peer[j].id);
            if (!n->node[to].alive || n->hops[to] != SIZE_MAX || weir_rng_below(rng, 100) < loss)
                continue;
            n->hops[to] = n->hops[queue[i]] + 1;
            queue[num++] = to;
        }
    }
    return num;
}

static size_t first_alive(const struct net *n, size_t from)
{
    while (!n->node[from].alive)
        from++;
    return from;
}

static size_t count_alive(const struct net *n)
{
    size_t num = 0;

    for (size_t i = 0; i < n->num; i++)
        num += n->node[i].alive;
    return num;
}

static size_t deepest(const struct net *n)
{
    size_t hops = 0;

    for (size_t i = 0; i < n->num; i++)
        if (n->hops[i] != SIZE_MAX && n->hops[i] > hops)
            hops = n->hops[i];
    return hops;
}

static void up_to_64_members_link_with_all(void **state)
{
    struct weir_overlay_links l;

    for (size_t num = 1; num <= WEIR_OVERLAY_MESH; num++) {
        make(&net, num, num);
        kill_some(&net, num,
                  30); /* those that are dead too: they are dialled until they are back */
        compute(&net);
        check_links(&net);
        for (size_t i = 0; i < num; i++)
            assert_int_equal(net.links[i].num, num - 1);
    }
    weir_overlay_compute(net.node, net.num, (const uint8_t *)"a guest.", &l);
    assert_int_equal(l.num, WEIR_OVERLAY_MESH);
    weir_overlay_compute(NULL, 0, net.node[0].id, &l);
    assert_int_equal(l.num, 0);
}

static void both_ends_agree_on_each_link(void **state)
{
    static const size_t sizes[] = { 65, 66, 100, 257, 600 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (uint64_t percent = 0; percent <= 60; percent += 30) {
            make(&net, sizes[i], 10 + i);
            kill_some(&net, 20 + i, percent);
            compute(&net);
            check_links(&net);
        }
}

static void order_of_the_list_makes_no_difference(void **state)
{
    make(&net, 200, 3);
    kill_some(&net, 3, 10);
    compute(&net);
    after = net;
    for (size_t i = 0; i < net.num; i++)
        after.node[i] = net.node[net.num - 1 - i];
    compute(&after);
    for (size_t i = 0; i < net.num; i++)
        assert_memory_equal(&after.links[i], &net.links[net.num - 1 - i], sizeof(net.links[0]));
}

/* A hundred have a zone with one other, a hundred one of their own: the net must not need zones. */
static void small_zones_do_no_harm(void **state)
{
    static char names[200][8];
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    make(&net, 200, 5);
    for (unsigned i = 0; i < 200; i++) {
        names[i][0] = (char)('a' + (i < 100 ? i / 2 : i) % 26);
        names[i][1] = (char)('a' + (i < 100 ? i / 2 : i) / 26);
        net.node[i].zone = weir_span_cstr(names[i]);
    }
    compute(&net);
    check_links(&net);
    assert_int_equal(flood(&net, 0, &rng, 0), 200);
    for (size_t i = 0; i < 100; i++)
        assert_true(has(&net.links[i], net.node[i ^ 1].id));
}

static void each_zone_is_linked_in_itself(void **state)
{
    make(&net, 300, 6);
    compute(&net);
    for (size_t i = 0; i < net.num; i++) {
        size_t num = 0;
        for (size_t j = 0; j < net.links[i].num; j++)
            num += weir_span_eq(net.node[place_of(&net, net.links[i].peer[j].id)].zone,
                                net.node[i].zone);
        assert_true(num >= 2);
    }
}

static void net_of_1000_is_at_most_8_hops_wide(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        make(&net, 1000, seed);
        compute(&net);
        for (size_t from = 0; from < 1000; from += 100) {
            assert_int_equal(flood(&net, from, &rng, 0), 1000);
            assert_in_range(deepest(&net), 3, HOPS_MAX);
        }
    }
}

static void net_holds_when_a_tenth_of_it_fails_at_once(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make(&net, 1000, seed);
        compute(&net); /* the links of before: no node has noticed yet */
        kill_some(&net, 100 + seed, 10);
        size_t alive = count_alive(&net);
        assert_in_range(alive, 850, 950);
        assert_int_equal(flood(&net, first_alive(&net, 0), &rng, 0), alive);
    }
}

static void net_is_repaired_around_any_number_of_dead(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    for (uint64_t percent = 10; percent <= 90; percent += 20) {
        make(&net, 400, percent);
        kill_some(&net, percent, percent);
        compute(&net);
        check_links(&net);
        assert_int_equal(flood(&net, first_alive(&net, 0), &rng, 0), count_alive(&net));
    }
}

/* Each side has closed its rings without the other; what both still dial must join them. */
static void both_sides_of_a_partition_dial_across(void **state)
{
    size_t num_across = 0;

    make(&net, 300, 8);
    for (size_t i = 0; i < net.num; i++) {
        for (size_t j = 0; j < net.num; j++)
            net.node[j].alive = i % 2 == j % 2;
        weir_overlay_compute(net.node, net.num, net.node[i].id, &net.links[i]);
    }
    for (size_t i = 0; i < net.num; i++)
        for (size_t j = 0; j < net.links[i].num; j++) {
            size_t other = place_of(&net, net.links[i].peer[j].id);
            assert_int_equal(net.links[i].peer[j].alive, i % 2 == other % 2);
            assert_true(has(&net.links[other], net.node[i].id));
            num_across += i % 2 != other % 2;
        }
    assert_true(num_across > 300);
}

static void flood_with_a_third_of_its_copies_lost_reaches_nearly_all(void **state)
{
    struct weir_rng rng;
    size_t least = 1000;

    weir_rng_init(&rng, 20261202);
    make(&net, 1000, 9);
    compute(&net);
    for (size_t round = 0; round < 30; round++) {
        size_t reached = flood(&net, round * 33, &rng, 30);
        least = reached < least ? reached : least;
    }
    assert_in_range(least, 980, 1000);
}

/* The links in `a` that are not in `b`. */
static size_t num_missing(const struct weir_overlay_links *a, const struct weir_overlay_links *b)
{
    size_t num = 0;

    for (size_t i = 0; i < a->num; i++)
        num += !has(b, a->peer[i].id);
    return num;
}

static size_t links_moved(const struct net *was, const struct net *now, size_t *ret_nodes)
{
    size_t moved = 0;

    *ret_nodes = 0;
    for (size_t i = 0; i < was->num; i++) {
        size_t num = num_missing(&was->links[i], &now->links[i]) +
                     num_missing(&now->links[i], &was->links[i]);
        moved += num;
        *ret_nodes += num > 0;
    }
    return moved;
}

static void member_that_comes_moves_links_beside_itself_only(void **state)
{
    size_t num_nodes;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        make(&after, 501, seed);
        compute(&after);
        net = after;
        net.num = 500; /* without the last one */
        compute(&net);
        size_t moved = links_moved(&net, &after, &num_nodes);
        assert_in_range(num_nodes, 2, WEIR_OVERLAY_DEGREE);
        assert_in_range(moved, 2, 2 * WEIR_OVERLAY_DEGREE);
    }
}

static void member_that_fails_adds_links_and_closes_none(void **state)
{
    size_t num_nodes;

    make(&net, 500, 4);
    compute(&net);
    after = net;
    after.node[77].alive = false;
    compute(&after);
    assert_in_range(links_moved(&net, &after, &num_nodes), 2, WEIR_OVERLAY_DEGREE);
    assert_in_range(num_nodes, 2, WEIR_OVERLAY_DEGREE);
    for (size_t i = 0; i < net.num; i++)
        assert_int_equal(num_missing(&net.links[i], &after.links[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_64_members_link_with_all),
        cmocka_unit_test(both_ends_agree_on_each_link),
        cmocka_unit_test(order_of_the_list_makes_no_difference),
        cmocka_unit_test(small_zones_do_no_harm),
        cmocka_unit_test(each_zone_is_linked_in_itself),
        cmocka_unit_test(net_of_1000_is_at_most_8_hops_wide),
        cmocka_unit_test(net_holds_when_a_tenth_of_it_fails_at_once),
        cmocka_unit_test(net_is_repaired_around_any_number_of_dead),
        cmocka_unit_test(both_sides_of_a_partition_dial_across),
        cmocka_unit_test(flood_with_a_third_of_its_copies_lost_reaches_nearly_all),
        cmocka_unit_test(member_that_comes_moves_links_beside_itself_only),
        cmocka_unit_test(member_that_fails_adds_links_and_closes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
