/* SPDX-License-Identifier: Apache-2.0
 *
 * balance_test.c - shares, order and stability of the choice of endpoints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/hash.h"
#include "node/base/rng.h"
#include "node/flow/balance.h"

struct world {
    struct weir_failure_marks *marks;
    struct weir_upstream upstream;
    struct weir_endpoint endpoints[WEIR_ENDPOINTS_MAX];
    struct weir_tried tried;
};

static struct world *world_new(enum weir_balance balance, const uint16_t *weights, size_t num)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->marks = weir_failure_marks_new();
    assert_non_null(w->marks);
    w->upstream.balance = balance;
    w->upstream.endpoints = w->endpoints;
    w->upstream.num_endpoints = (uint16_t)num;
    for (uint16_t i = 0; i < num; i++) {
        w->endpoints[i].index = i;
        w->endpoints[i].weight = weights[i];
        w->endpoints[i].key = i + 1u;
        w->endpoints[i].stable_hash = weir_hash64(0, &i, sizeof(i));
    }
    return w;
}

static void world_free(struct world *w)
{
    weir_failure_marks_free(&w->marks);
    free(w);
}

static struct weir_addr client_of(uint32_t n)
{
    struct weir_addr a = { .ip = { [10] = 0xff, [11] = 0xff } };

    a.ip[12] = (uint8_t)(n >> 24);
    a.ip[13] = (uint8_t)(n >> 16);
    a.ip[14] = (uint8_t)(n >> 8);
    a.ip[15] = (uint8_t)n;
    return a;
}

/** The index chosen for a client, or -1. */
static int pick(struct world *w, uint32_t client)
{
    struct weir_addr a = client_of(client);
    struct weir_endpoint *e = weir_balance_pick(&w->upstream, w->marks, &a, &w->tried, 1000);

    return e ? e->index : -1;
}

static void mark(struct world *w, unsigned index)
{
    assert_true(weir_failure_marks_failed(w->marks, w->endpoints[index].key, 999));
}

/* -- round robin -- */

static void round_robin_spreads_the_turns_of_a_heavy_endpoint(void **state)
{
    const uint16_t weights[] = { 5, 1, 1 };
    const int expected[] = { 0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0 };
    struct world *w = world_new(WEIR_BALANCE_ROUND_ROBIN, weights, 3);

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(expected); i++)
        assert_int_equal(pick(w, 0), expected[i]);
    world_free(w);
}

static void round_robin_gives_each_its_weight_exactly(void **state)
{
    const uint16_t weights[] = { 7, 0, 3, 65535, 1, 100 };
    struct world *w = world_new(WEIR_BALANCE_ROUND_ROBIN, weights, 6);
    unsigned turns[6] = { 0 }, total = 7 + 3 + 65535 + 1 + 100;

    (void)state;
    for (unsigned i = 0; i < 2 * total; i++)
        turns[pick(w, 0)]++;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(turns[i], 2 * weights[i]);
    world_free(w);
}

/** In any stretch no endpoint is off its share by more than a turn for each endpoint. */
static void round_robin_is_fair_over_every_stretch(void **state)
{
    const uint16_t weights[] = { 10, 20, 30, 40 };
    struct world *w = world_new(WEIR_BALANCE_ROUND_ROBIN, weights, 4);
    double turns[4] = { 0 };

    (void)state;
    for (unsigned i = 1; i <= 1000; i++) {
        turns[pick(w, 0)]++;
        for (size_t k = 0; k < 4; k++) {
            double off = turns[k] - i * weights[k] / 100.0;
            assert_true(off > -1.01 && off < 1.01);
        }
    }
    world_free(w);
}

static void round_robin_stays_in_bounds_when_endpoints_come_and_go_for_ever(void **state)
{
    uint16_t weights[WEIR_ENDPOINTS_MAX];
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 2);
    for (size_t i = 0; i < WEIR_ENDPOINTS_MAX; i++)
        weights[i] = 65535;
    struct world *w = world_new(WEIR_BALANCE_ROUND_ROBIN, weights, WEIR_ENDPOINTS_MAX);
    for (unsigned i = 0; i < 20000; i++) {
        for (size_t k = 0; k < WEIR_ARRAY_LEN(w->tried.bits); k++)
            w->tried.bits[k] = weir_rng_next(&rng) & weir_rng_next(&rng);
        int got = pick(w, 0);
        assert_true(got >= 0);
        assert_false(w->tried.bits[got / 64] >> (got % 64) & 1);
    }
    for (size_t k = 0; k < WEIR_ENDPOINTS_MAX; k++)
        assert_in_range(w->endpoints[k].rr_current + (1ll << 31), 0, 1ll << 32);
    world_free(w);
}

/* -- which endpoints are eligible -- */

static void weight_zero_is_never_chosen(void **state)
{
    const uint16_t weights[] = { 0, 1, 0 };
    const uint16_t none[] = { 0, 0 }, one[] = { 0 };

    (void)state;
    for (unsigned balance = 0; balance < 2; balance++) {
        struct world *w = world_new(balance, weights, 3);
        for (uint32_t i = 0; i < 100; i++)
            assert_int_equal(pick(w, i), 1);
        mark(w, 1); /* better a try than a certain error, but not with the others */
        assert_int_equal(pick(w, 1), 1);
        weir_tried_add(&w->tried, 1);
        assert_int_equal(pick(w, 1), -1);
        world_free(w);
        w = world_new(balance, none, 2);
        assert_int_equal(pick(w, 1), -1);
        world_free(w);
        w = world_new(balance, one, 1);
        assert_int_equal(pick(w, 1), -1);
        world_free(w);
    }
}

static void backups_serve_only_when_every_primary_is_out(void **state)
{
    const uint16_t weights[] = { 100, 100, 0, 100, 50 };

    (void)state;
    for (unsigned balance = 0; balance < 2; balance++) {
        struct world *w = world_new(balance, weights, 5);

        w->endpoints[3].backup = w->endpoints[4].backup = true;
        for (uint32_t i = 0; i < 200; i++)
            assert_in_range(pick(w, i), 0, 1);
        mark(w, 0);
        for (uint32_t i = 0; i < 200; i++)
            assert_int_equal(pick(w, i), 1);
        weir_tried_add(&w->tried, 1);
        for (uint32_t i = 0; i < 200; i++)
            assert_in_range(pick(w, i), 3, 4);
        world_free(w);
    }
}

static void when_all_are_marked_out_marks_are_ignored(void **state)
{
    const uint16_t weights[] = { 100, 100, 100 };

    (void)state;
    for (unsigned balance = 0; balance < 2; balance++) {
        struct world *w = world_new(balance, weights, 3);

        w->endpoints[2].backup = true;
        for (unsigned i = 0; i < 3; i++)
            mark(w, i);
        int first = pick(w, 7);
        assert_in_range(first, 0, 1); /* primaries before backups here too */
        weir_tried_add(&w->tried, (uint16_t)first);
        int second = pick(w, 7);
        assert_int_equal(second, 1 - first);
        weir_tried_add(&w->tried, (uint16_t)second);
        assert_int_equal(pick(w, 7), 2);
        weir_tried_add(&w->tried, 2);
        assert_int_equal(pick(w, 7), -1);
        world_free(w);
    }
}

static void a_single_endpoint_is_chosen_until_it_was_tried(void **state)
{
    const uint16_t weights[] = { 1 };

    (void)state;
    for (unsigned balance = 0; balance < 2; balance++) {
        struct world *w = world_new(balance, weights, 1);

        assert_int_equal(pick(w, 1), 0);
        mark(w, 0);
        assert_int_equal(pick(w, 1), 0);
        weir_tried_add(&w->tried, 0);
        assert_int_equal(pick(w, 1), -1);
        world_free(w);
    }
}

static void every_endpoint_is_tried_once_before_there_is_none(void **state)
{
    uint16_t weights[WEIR_ENDPOINTS_MAX];

    (void)state;
    for (size_t i = 0; i < WEIR_ENDPOINTS_MAX; i++)
        weights[i] = (uint16_t)(i + 1);
    for (unsigned balance = 0; balance < 2; balance++) {
        struct world *w = world_new(balance, weights, WEIR_ENDPOINTS_MAX);
        bool seen[WEIR_ENDPOINTS_MAX] = { false };

        for (size_t i = 0; i < WEIR_ENDPOINTS_MAX; i++) {
            int got = pick(w, 99);
            assert_true(got >= 0 && !seen[got]);
            seen[got] = true;
            weir_tried_add(&w->tried, (uint16_t)got);
        }
        assert_int_equal(pick(w, 99), -1);
        world_free(w);
    }
}

/* -- IP hash -- */

static void ip_hash_shares_clients_by_weight(void **state)
{
    const uint16_t weights[] = { 100, 200, 0, 300, 25, 375 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 6);
    unsigned clients[6] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 200000; i++)
        clients[pick(w, i)]++;
    for (size_t i = 0; i < 6; i++) {
        double expected = 200000.0 * weights[i] / 1000;
        /* Five standard deviations of a binomial at most: 5 * sqrt(200000 * p * (1 - p)) < 1120. */
        assert_true(clients[i] >= expected - 1120 && clients[i] <= expected + 1120);
    }
    world_free(w);
}

static void ip_hash_is_fair_among_extreme_weights(void **state)
{
    const uint16_t weights[] = { 1, 65535, 655 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 3);
    unsigned clients[3] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 1000000; i++)
        clients[pick(w, i)]++;
    assert_in_range(clients[0], 2, 40);       /* 15.1 expected */
    assert_in_range(clients[2], 9400, 10400); /* 9,896 expected */
    world_free(w);
}

static void taking_an_endpoint_out_moves_only_its_own_clients(void **state)
{
    const uint16_t weights[] = { 100, 50, 200, 100, 10 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 5);

    (void)state;
    for (unsigned out = 0; out < 5; out++) {
        for (uint32_t i = 0; i < 5000; i++) {
            int before = pick(w, i);

            w->tried = (struct weir_tried){ { 0 } };
            weir_tried_add(&w->tried, (uint16_t)out);
            int after = pick(w, i);
            w->tried = (struct weir_tried){ { 0 } };
            if (before == (int)out)
                assert_int_not_equal(after, before);
            else
                assert_int_equal(after, before);
        }
    }
    world_free(w);
}

static void raising_a_weight_moves_clients_only_towards_it(void **state)
{
    uint16_t weights[] = { 100, 100, 100 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 3);
    unsigned moved = 0;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        w->endpoints[1].weight = 100;
        int before = pick(w, i);
        w->endpoints[1].weight = 200;
        int after = pick(w, i);
        moved += before != after;
        if (before != after)
            assert_int_equal(after, 1);
    }
    assert_in_range(moved, 700, 970); /* from 1/3 to 1/2 of all: 833 expected */
    world_free(w);
}

static void the_order_of_endpoints_does_not_matter(void **state)
{
    const uint16_t weights[] = { 100, 50, 200, 100 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 4);
    struct world *turned = world_new(WEIR_BALANCE_IP_HASH, weights, 4);

    (void)state;
    for (uint16_t i = 0; i < 4; i++) {
        turned->endpoints[i] = w->endpoints[3 - i];
        turned->endpoints[i].index = i;
    }
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(pick(turned, i), 3 - pick(w, i));
    world_free(turned);
    world_free(w);
}

static void an_ipv6_client_is_its_64(void **state)
{
    const uint16_t weights[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 8);
    struct weir_rng rng;
    unsigned seen = 0;

    (void)state;
    weir_rng_init(&rng, 8);
    for (unsigned i = 0; i < 100; i++) {
        struct weir_addr a = { .ip = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, (uint8_t)i } };
        struct weir_endpoint *first =
            weir_balance_pick(&w->upstream, w->marks, &a, &w->tried, 1000);
        seen |= 1u << first->index;
        for (unsigned k = 0; k < 20; k++) {
            for (size_t b = 8; b < 16; b++)
                a.ip[b] = (uint8_t)weir_rng_next(&rng);
            a.port = (uint16_t)weir_rng_next(&rng);
            assert_ptr_equal(weir_balance_pick(&w->upstream, w->marks, &a, &w->tried, 1000), first);
        }
    }
    assert_int_equal(seen, 0xff);
    world_free(w);
}

/** -log2((h + 1) / 2^64) in 2^-40, bit by bit: square, and see whether it doubled. */
static uint64_t slow_neg_log2(uint64_t h)
{
    if (h == UINT64_MAX)
        return 0;
    unsigned n = 63 - (unsigned)__builtin_clzll(h + 1);
    unsigned __int128 x = (unsigned __int128)(h + 1) << (63 - n);
    uint64_t log = (uint64_t)n << 40;
    for (unsigned bit = 40; bit-- > 0;) {
        x = x * x >> 63;
        if (x >> 64) {
            x >>= 1;
            log |= 1ull << bit;
        }
    }
    return (64ull << 40) - log;
}

/** The same choice from an independent logarithm: the definition in balance.c, word by word. */
static void ip_hash_is_weighted_rendezvous(void **state)
{
    const uint16_t weights[] = { 100, 50, 200, 1, 65535 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 5);
    unsigned differ = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct weir_addr a = client_of(i * 2654435761u);
        uint64_t client = weir_hash64(0, a.ip, 16);
        long double best = 0;
        int expected = -1;

        for (int k = 0; k < 5; k++) {
            long double draw =
                (long double)slow_neg_log2(weir_mix64(client ^ w->endpoints[k].stable_hash)) /
                weights[k];
            if (expected < 0 || draw < best) {
                expected = k;
                best = draw;
            }
        }
        differ += pick(w, i * 2654435761u) != expected;
    }
    assert_in_range(differ, 0, 1); /* draws within 2^-27 of each other */
    world_free(w);
}

/** Every node of a cluster must choose alike, of whatever version: these choices never change. */
static void the_choices_of_ip_hash_are_pinned(void **state)
{
    static const char expected[] =
        "2333333353330633636323331333623527333362373663023233073322253322";
    const uint16_t weights[] = { 100, 50, 200, 1000, 10, 100, 100, 100 };
    struct world *w = world_new(WEIR_BALANCE_IP_HASH, weights, 8);
    char got[65];

    (void)state;
    for (uint16_t i = 0; i < 8; i++)
        w->endpoints[i].stable_hash = weir_mix64(i + 1u);
    for (uint32_t i = 0; i < 64; i++)
        got[i] = (char)('0' + pick(w, 0x0a000000 + i));
    got[64] = '\0';
    assert_string_equal(got, expected);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_spreads_the_turns_of_a_heavy_endpoint),
        cmocka_unit_test(round_robin_gives_each_its_weight_exactly),
        cmocka_unit_test(round_robin_is_fair_over_every_stretch),
        cmocka_unit_test(round_robin_stays_in_bounds_when_endpoints_come_and_go_for_ever),
        cmocka_unit_test(weight_zero_is_never_chosen),
        cmocka_unit_test(backups_serve_only_when_every_primary_is_out),
        cmocka_unit_test(when_all_are_marked_out_marks_are_ignored),
        cmocka_unit_test(a_single_endpoint_is_chosen_until_it_was_tried),
        cmocka_unit_test(every_endpoint_is_tried_once_before_there_is_none),
        cmocka_unit_test(ip_hash_shares_clients_by_weight),
        cmocka_unit_test(ip_hash_is_fair_among_extreme_weights),
        cmocka_unit_test(taking_an_endpoint_out_moves_only_its_own_clients),
        cmocka_unit_test(raising_a_weight_moves_clients_only_towards_it),
        cmocka_unit_test(the_order_of_endpoints_does_not_matter),
        cmocka_unit_test(an_ipv6_client_is_its_64),
        cmocka_unit_test(ip_hash_is_weighted_rendezvous),
        cmocka_unit_test(the_choices_of_ip_hash_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
