/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_names_test.c - the table of names against a plain list, and its bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "tenants/cache_names.h"
#include "tests/support/failalloc.h"

#define OWNERS 5
#define WORDS  300

static size_t word(uint8_t out[256], unsigned i)
{
    /* Short ones in the line, long ones on the heap, and one at each side of the border. */
    size_t len = i % 3 == 0 ? 20 : i % 3 == 1 ? WEIR_NAME_INLINE : WEIR_NAME_INLINE + 1 + i % 200;

    memset(out, 'x', len);
    out[0] = (uint8_t)('0' + i / 100);
    out[1] = (uint8_t)('0' + i / 10 % 10);
    out[2] = (uint8_t)('0' + i % 10);
    return len;
}

static uint32_t find(const struct weir_cache_names *t, unsigned i)
{
    uint8_t bytes[256];
    struct weir_cache_key k = weir_cache_host_key(t, weir_span(bytes, word(bytes, i)));

    return weir_cache_names_find(t, &k);
}

static void set_name(struct weir_cache_names *t, unsigned i, uint32_t owner, uint32_t epoch)
{
    uint8_t bytes[256];
    struct weir_cache_key k = weir_cache_host_key(t, weir_span(bytes, word(bytes, i)));

    weir_cache_names_insert(t, &k, owner, epoch);
}

static void the_table_agrees_with_a_plain_list(void **state)
{
    uint32_t owners[WORDS]; /* by word; NONE: not there */
    struct weir_cache_names t;
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 21);
    for (unsigned i = 0; i < WORDS; i++)
        owners[i] = WEIR_NAME_NONE;
    assert_int_equal(weir_cache_names_init(&t, 1, WORDS, OWNERS), WEIR_OK);
    for (unsigned turn = 0; turn < 30000; turn++) {
        unsigned i = (unsigned)weir_rng_below(&rng, WORDS);
        uint32_t owner = (uint32_t)weir_rng_below(&rng, OWNERS + 1);

        if (turn % 997 == 0 && owner < OWNERS) {
            weir_cache_names_remove_owner(&t, owner);
            for (unsigned k = 0; k < WORDS; k++)
                owners[k] = owners[k] == owner ? WEIR_NAME_NONE : owners[k];
        } else if (weir_rng_below(&rng, 3) == 0 && owners[i] != WEIR_NAME_NONE) {
            weir_cache_names_remove(&t, find(&t, i));
            owners[i] = WEIR_NAME_NONE;
        } else {
            owners[i] = owner == OWNERS ? WEIR_NAME_NOBODY : owner;
            set_name(&t, i, owners[i], turn);
        }
        uint32_t at = find(&t, i);
        assert_int_equal(at == WEIR_NAME_NONE ? WEIR_NAME_NONE : t.names[at].owner, owners[i]);
        if (turn % 100 != 0)
            continue;
        uint32_t num = 0;
        for (unsigned k = 0; k < WORDS; k++) {
            at = find(&t, k);
            assert_int_equal(at == WEIR_NAME_NONE ? WEIR_NAME_NONE : t.names[at].owner, owners[k]);
            num += at != WEIR_NAME_NONE;
        }
        assert_int_equal(weir_cache_names_len(&t), num);
    }
    weir_cache_names_deinit(&t);
}

static void a_full_table_drops_the_unused_and_leaves_the_used(void **state)
{
    struct weir_cache_names t;

    (void)state;
    assert_int_equal(weir_cache_names_init(&t, 1, 8, 1), WEIR_OK);
    for (unsigned i = 0; i < 8; i++)
        set_name(&t, i, 0, 0);
    t.names[find(&t, 3)].used = 1;
    t.names[find(&t, 5)].used = 1;
    for (unsigned i = 8; i < 14; i++)
        set_name(&t, i, 0, 0);
    assert_int_equal(weir_cache_names_len(&t), 8);
    assert_int_not_equal(find(&t, 3), WEIR_NAME_NONE);
    assert_int_not_equal(find(&t, 5), WEIR_NAME_NONE);
    for (unsigned i = 8; i < 14; i++)
        assert_int_not_equal(find(&t, i), WEIR_NAME_NONE);
    /* All were used: the second round evicts one. */
    for (unsigned i = 0; i < t.num; i++)
        t.names[i].used = 1;
    set_name(&t, 20, 0, 0);
    assert_int_equal(weir_cache_names_len(&t), 8);
    assert_int_not_equal(find(&t, 20), WEIR_NAME_NONE);
    weir_cache_names_deinit(&t);
}

static void an_address_is_not_a_host_of_the_same_bytes(void **state)
{
    struct weir_addr a = { .port = 80 };
    struct weir_cache_names t;

    (void)state;
    memcpy(a.ip, "sixteen.bytes.xy", 16);
    assert_int_equal(weir_cache_names_init(&t, 1, 8, 1), WEIR_OK);
    struct weir_cache_key address = weir_cache_address_key(&t, &a);
    struct weir_cache_key host = weir_cache_host_key(&t, weir_span(a.ip, 16));
    host.hash = address.hash; /* as if the hashes met */
    weir_cache_names_insert(&t, &address, 0, 1);
    assert_int_equal(weir_cache_names_find(&t, &host), WEIR_NAME_NONE);
    weir_cache_names_insert(&t, &host, WEIR_NAME_NOBODY, 1);
    assert_int_equal(t.names[weir_cache_names_find(&t, &address)].owner, 0);
    assert_int_equal(t.names[weir_cache_names_find(&t, &host)].owner, WEIR_NAME_NOBODY);
    weir_cache_names_deinit(&t);
}

static void failed_allocations_lose_a_name_and_nothing_else(void **state)
{
    struct weir_cache_names t;

    (void)state;
    for (long n = 1; n <= 3; n++) {
        weir_failalloc_once(n);
        assert_int_equal(weir_cache_names_init(&t, 1, 8, 1), WEIR_ENOMEM);
        weir_failalloc_once(-1);
    }
    assert_int_equal(weir_cache_names_init(&t, 1, 8, 1), WEIR_OK);
    weir_failalloc_once(1);
    set_name(&t, 2, 0, 0); /* a long one */
    weir_failalloc_once(-1);
    assert_int_equal(find(&t, 2), WEIR_NAME_NONE);
    set_name(&t, 2, 0, 0);
    assert_int_not_equal(find(&t, 2), WEIR_NAME_NONE);
    weir_cache_names_deinit(&t);
    weir_cache_names_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_agrees_with_a_plain_list),
        cmocka_unit_test(a_full_table_drops_the_unused_and_leaves_the_used),
        cmocka_unit_test(an_address_is_not_a_host_of_the_same_bytes),
        cmocka_unit_test(failed_allocations_lose_a_name_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
