/* SPDX-License-Identifier: Apache-2.0
 *
 * paths_test.c - the sorted set of paths against a scan over all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "tenants/paths.h"

#define NODES_MAX 4096

struct set {
    struct weir_path_node nodes[NODES_MAX];
    size_t num;
    uint8_t bytes[NODES_MAX * 40];
    size_t bytes_len;
};

static int node_cmp(const void *a, const void *b)
{
    const struct weir_path_node *x = a, *y = b;

    return weir_span_cmp(weir_span(x->at, x->len), weir_span(y->at, y->len));
}

static void set_add(struct set *s, struct weir_span path)
{
    for (size_t i = 0; i < s->num; i++)
        if (weir_span_eq(weir_span(s->nodes[i].at, s->nodes[i].len), path))
            return;
    assert_true(s->num < NODES_MAX && s->bytes_len + path.len <= sizeof(s->bytes));
    uint8_t *at = s->bytes + s->bytes_len;
    memcpy(at, path.at, path.len);
    s->bytes_len += path.len;
    s->nodes[s->num] = weir_paths_node(weir_span(at, path.len), (uint16_t)s->num);
    s->num++;
}

static void set_link(struct set *s)
{
    qsort(s->nodes, s->num, sizeof(s->nodes[0]), node_cmp);
    weir_paths_link(s->nodes, s->num);
}

static uint16_t naive_longest(const struct set *s, struct weir_span path)
{
    uint16_t best = WEIR_PATH_NONE;

    for (uint16_t i = 0; i < s->num; i++)
        if (weir_span_starts(path, weir_span(s->nodes[i].at, s->nodes[i].len)) &&
            (best == WEIR_PATH_NONE || s->nodes[i].len > s->nodes[best].len))
            best = i;
    return best;
}

static struct set *set_new(void)
{
    struct set *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    return s;
}

static void an_empty_set_finds_nothing(void **state)
{
    (void)state;
    weir_paths_link(NULL, 0);
    assert_int_equal(weir_paths_longest(NULL, 0, WEIR_SPAN_LIT("/")), WEIR_PATH_NONE);
    assert_int_equal(weir_paths_equal(NULL, 0, WEIR_SPAN_LIT("/")), WEIR_PATH_NONE);
}

static void the_longest_path_that_begins_another_is_found(void **state)
{
    struct set *s = set_new();

    (void)state;
    set_add(s, WEIR_SPAN_LIT("/"));
    set_add(s, WEIR_SPAN_LIT("/api/"));
    set_add(s, WEIR_SPAN_LIT("/api/v2"));
    set_add(s, WEIR_SPAN_LIT("/b"));
    set_link(s);
    assert_int_equal(s->nodes[weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("/api/v1"))].item,
                     1);
    assert_int_equal(s->nodes[weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("/api/v2"))].item,
                     2);
    assert_int_equal(s->nodes[weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("/api/v22"))].item,
                     2);
    assert_int_equal(s->nodes[weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("/api"))].item, 0);
    assert_int_equal(s->nodes[weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("/zz"))].item, 0);
    assert_int_equal(weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("")), WEIR_PATH_NONE);
    assert_int_equal(weir_paths_longest(s->nodes, s->num, WEIR_SPAN_LIT("*")), WEIR_PATH_NONE);
    assert_int_equal(s->nodes[weir_paths_equal(s->nodes, s->num, WEIR_SPAN_LIT("/b"))].item, 3);
    assert_int_equal(weir_paths_equal(s->nodes, s->num, WEIR_SPAN_LIT("/bb")), WEIR_PATH_NONE);
    free(s);
}

/** Each path begins the next: the climb is as long as it can be, and every length is asked for. */
static void a_chain_of_every_length_is_climbed_right(void **state)
{
    struct set *s = set_new();
    uint8_t path[300], other[301];

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    for (size_t len = 1; len <= sizeof(path); len++)
        set_add(s, weir_span(path, len));
    set_link(s);
    for (size_t len = 1; len <= sizeof(path); len++) {
        memcpy(other, path, len);
        other[len] =
            'z'; /* above all longer ones in byte order: the search begins at the deepest */
        uint16_t at = weir_paths_longest(s->nodes, s->num, weir_span(other, len + 1));
        assert_int_equal(s->nodes[at].len, len);
    }
    free(s);
}

static size_t random_path(struct weir_rng *rng, uint8_t *out, size_t max)
{
    size_t len = 1 + weir_rng_below(rng, max - 1);

    out[0] = '/';
    for (size_t i = 1; i < len; i++)
        out[i] = (uint8_t)("ab/"[weir_rng_below(rng, 3)]);
    return len;
}

static void the_search_agrees_with_a_scan(void **state)
{
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 7);
    for (unsigned turn = 0; turn < 60; turn++) {
        struct set *s = set_new();
        uint8_t path[24];
        size_t num = 1 + weir_rng_below(&rng, turn < 50 ? 40 : 600);

        for (size_t i = 0; i < num; i++)
            set_add(s, weir_span(path, random_path(&rng, path, 2 + turn % 20)));
        set_link(s);
        for (unsigned i = 0; i < 500; i++) {
            struct weir_span asked = weir_span(path, random_path(&rng, path, sizeof(path)));
            assert_int_equal(weir_paths_longest(s->nodes, s->num, asked), naive_longest(s, asked));
        }
        for (uint16_t i = 0; i < s->num; i++)
            assert_int_equal(
                weir_paths_equal(s->nodes, s->num, weir_span(s->nodes[i].at, s->nodes[i].len)), i);
        free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_finds_nothing),
        cmocka_unit_test(the_longest_path_that_begins_another_is_found),
        cmocka_unit_test(a_chain_of_every_length_is_climbed_right),
        cmocka_unit_test(the_search_agrees_with_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
