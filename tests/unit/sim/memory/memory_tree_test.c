/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_tree_test.c - the tree of the store in memory beside a sorted array, and its depth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "tests/sim/memory/memory_tree.h"

#define RANKS 40
#define TIES  3
#define ITEMS (RANKS * TIES)

struct item {
    struct memory_link link;
    int tie;
};

/* What is in the tree, by rank and tie; two items for each place, to replace one by the other. */
struct twin {
    struct memory_tree tree;
    struct item items[ITEMS][2];
    struct item *in[ITEMS];
    size_t num;
};

static int tie_of(const void *rest, const struct memory_link *link)
{
    return *(const int *)rest - weir_container_of(link, struct item, link)->tie;
}

static struct memory_link *link_at(struct twin *t, int at)
{
    return t->in[at] != NULL ? &t->in[at]->link : NULL;
}

static void step(struct twin *t, struct weir_rng *rng)
{
    int at = (int)weir_rng_below(rng, ITEMS);
    int tie = at % TIES;
    struct memory_place place = { (uint64_t)(at / TIES), &tie };
    struct item *other = &t->items[at][t->in[at] == &t->items[at][0]];

    assert_ptr_equal(memory_tree_find(&t->tree, &place), link_at(t, at));
    other->tie = tie;
    if (weir_rng_below(rng, 3) == 0) {
        assert_ptr_equal(memory_tree_replace(&t->tree, &place, &other->link), link_at(t, at));
        if (t->in[at] != NULL)
            t->in[at] = other;
    } else if (t->in[at] == NULL) {
        memory_tree_add(&t->tree, &place, &other->link);
        t->in[at] = other;
        t->num++;
    } else {
        assert_ptr_equal(memory_tree_remove(&t->tree, &place), link_at(t, at));
        t->in[at] = NULL;
        t->num--;
    }
}

/* All that is behind each place. */
static void compare(struct twin *t)
{
    struct memory_link *next = NULL;

    for (int at = ITEMS - 1; at >= 0; at--) {
        int tie = at % TIES;
        struct memory_place place = { (uint64_t)(at / TIES), &tie };
        assert_ptr_equal(memory_tree_above(&t->tree, &place), next);
        if (t->in[at] != NULL)
            next = link_at(t, at);
    }
    assert_ptr_equal(memory_tree_first(&t->tree), next);
    assert_int_equal(t->tree.num, t->num);
}

struct visit {
    uint64_t last;
    size_t num;
    size_t stop_at;
};

static bool see(void *arg, struct memory_link *link)
{
    struct visit *v = arg;

    assert_true(v->num == 0 || link->rank >= v->last);
    v->last = link->rank;
    return ++v->num != v->stop_at;
}

static size_t num_taken;

static void count_link(struct memory_link *link)
{
    link->child[0] = link->child[1] = NULL;
    num_taken++;
}

static void the_tree_agrees_with_a_sorted_array(void **state)
{
    struct twin *t = calloc(1, sizeof(*t));
    struct weir_rng rng;

    assert_non_null(t);
    weir_rng_init(&rng, 20260924);
    t->tree.tie = tie_of;
    compare(t);
    for (int i = 0; i < 20000; i++) {
        step(t, &rng);
        if (i % 16 == 0)
            compare(t);
    }
    struct visit all = { .stop_at = SIZE_MAX };
    assert_true(memory_tree_each(&t->tree, see, &all));
    assert_int_equal(all.num, t->num);
    struct visit some = { .stop_at = 5 };
    assert_false(memory_tree_each(&t->tree, see, &some));
    assert_int_equal(some.num, 5);
    num_taken = 0;
    memory_tree_drain(&t->tree, count_link);
    assert_int_equal(num_taken, t->num);
    assert_null(memory_tree_first(&t->tree));
    free(t);
}

static size_t depth_of(const struct memory_link *link)
{
    if (link == NULL)
        return 0;
    size_t less = depth_of(link->child[0]);
    size_t more = depth_of(link->child[1]);
    return 1 + (less > more ? less : more);
}

static void the_tree_stays_flat_when_ranks_only_rise(void **state)
{
    const size_t num = 100000;
    struct memory_link *links = calloc(num, sizeof(*links));
    struct memory_tree t = { .root = NULL };

    assert_non_null(links);
    for (size_t i = 0; i < num; i++) {
        struct memory_place at = { i, NULL };
        memory_tree_add(&t, &at, &links[i]);
    }
    assert_true(depth_of(t.root) < 50);
    /* Half of them go, and the rest is as flat. */
    for (size_t i = 0; i < num; i += 2) {
        struct memory_place at = { i, NULL };
        assert_ptr_equal(memory_tree_remove(&t, &at), &links[i]);
    }
    assert_int_equal(t.num, num / 2);
    assert_true(depth_of(t.root) < 50);
    free(links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_agrees_with_a_sorted_array),
        cmocka_unit_test(the_tree_stays_flat_when_ranks_only_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
