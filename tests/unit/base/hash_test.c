/* SPDX-License-Identifier: Apache-2.0
 *
 * hash_test.c - published CRC-32C vectors, pinned vectors of weir_hash64, and how well it spreads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/hash.h"
#include "node/base/internal/crc32c.h"
#include "node/base/rng.h"
#include "node/base/span.h"

static void crc32c_gives_the_values_of_rfc_3720_b_4(void **state)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(weir_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(weir_crc32c(0, bytes, 32), 0x62a8ab43);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(weir_crc32c(0, bytes, 32), 0x46dd794e);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(weir_crc32c(0, bytes, 32), 0x113fdb5c);
    assert_int_equal(weir_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(weir_crc32c(0, NULL, 0), 0);
}

static void crc32c_tables_follow_from_the_polynomial(void **state)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
        for (size_t k = 0; k < 8; k++) {
            assert_int_equal(weir_crc32c_table[k][b], c);
            c = weir_crc32c_table[0][c & 0xff] ^ c >> 8;
        }
    }
}

static void crc32c_is_the_same_by_table_and_in_two_parts(void **state)
{
    struct weir_rng rng;
    uint8_t bytes[200];

    weir_rng_init(&rng, 2);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)weir_rng_next(&rng);
    for (size_t start = 0; start < 8; start++) {
        for (size_t len = 0; len + start <= sizeof(bytes); len++) {
            uint32_t whole = weir_crc32c(0, bytes + start, len);
            size_t cut = weir_rng_below(&rng, len + 1);
            uint32_t head = weir_crc32c(0, bytes + start, cut);
            assert_int_equal(weir_crc32c_by_table(0, bytes + start, len), whole);
            assert_int_equal(weir_crc32c(head, bytes + start + cut, len - cut), whole);
            assert_int_equal(weir_crc32c_by_table(head, bytes + start + cut, len - cut), whole);
        }
    }
}

/* The bytes 0, 1, 2 .. of each length. These values are for ever: which endpoint a client goes to
 * hangs on them. */
static const struct {
    uint64_t seed;
    size_t len;
    uint64_t hash;
} vectors[] = {
    { 0x0ull, 0, 0x6e19c6c8d24bd4bdull },
    { 0x0ull, 1, 0xbadd8926d5f63b2aull },
    { 0x0ull, 2, 0xc4530b8522183b32ull },
    { 0x0ull, 3, 0x8f185573a3006a2dull },
    { 0x0ull, 4, 0x209128d5801ffc7full },
    { 0x0ull, 5, 0xd3e7f63e3fd67a27ull },
    { 0x0ull, 7, 0xe1c22f6c3b80e705ull },
    { 0x0ull, 8, 0x991b522ec8d7de90ull },
    { 0x0ull, 9, 0x43a01d82de0b7621ull },
    { 0x0ull, 12, 0xdd849566e1b2aadbull },
    { 0x0ull, 15, 0xfccedac39e96a498ull },
    { 0x0ull, 16, 0xd564488ecf53f14dull },
    { 0x0ull, 17, 0x212d7ca1eb5dedb0ull },
    { 0x0ull, 20, 0x2794d442081bc51cull },
    { 0x0ull, 24, 0x890cf4ae1bc043c3ull },
    { 0x0ull, 31, 0x506459204b13453aull },
    { 0x0ull, 32, 0x05efe40c9f09178aull },
    { 0x0ull, 33, 0x2774da433ab73b2dull },
    { 0x0ull, 47, 0xd796ff9c034280e5ull },
    { 0x0ull, 48, 0xbee10ee5b104cc73ull },
    { 0x0ull, 49, 0xdd55ac5e8762c624ull },
    { 0x0ull, 60, 0x259b45206fa8a6b3ull },
    { 0x0ull, 64, 0xf93f5ceb7abc83f0ull },
    { 0x0ull, 100, 0xf1270a007af028abull },
    { 0x0ull, 253, 0xa32326209a376ee2ull },
    { 0x0ull, 256, 0xb00d6c748dc98df8ull },
    { 0x123456789abcdefull, 0, 0xdd62d4dea1aab4d5ull },
    { 0x123456789abcdefull, 1, 0x20c38d16acef67d0ull },
    { 0x123456789abcdefull, 2, 0xa22f086bd28e07caull },
    { 0x123456789abcdefull, 3, 0x3d11c3eafbd8723eull },
    { 0x123456789abcdefull, 4, 0x43f5c22828ad5cfcull },
    { 0x123456789abcdefull, 5, 0xa8b2d24d1c364518ull },
    { 0x123456789abcdefull, 7, 0x8838614a9d4a04d1ull },
    { 0x123456789abcdefull, 8, 0x3b117f4939b32f08ull },
    { 0x123456789abcdefull, 9, 0xf6214afdbeedd121ull },
    { 0x123456789abcdefull, 12, 0x2623c0c1872b33c0ull },
    { 0x123456789abcdefull, 15, 0x6416b82da1cf9682ull },
    { 0x123456789abcdefull, 16, 0x2365ebebbc76131cull },
    { 0x123456789abcdefull, 17, 0xeb896e0133eff267ull },
    { 0x123456789abcdefull, 20, 0xa554ef79a3fc6b80ull },
    { 0x123456789abcdefull, 24, 0x223ea2d3b65c2032ull },
    { 0x123456789abcdefull, 31, 0xe15de6393f1c71cdull },
    { 0x123456789abcdefull, 32, 0x73e95d3d147b77a7ull },
    { 0x123456789abcdefull, 33, 0x339e8cbda3138e99ull },
    { 0x123456789abcdefull, 47, 0xdb031501a2689e97ull },
    { 0x123456789abcdefull, 48, 0xaf9f1d58c6b28506ull },
    { 0x123456789abcdefull, 49, 0xf9ad10efdeabe1c4ull },
    { 0x123456789abcdefull, 60, 0xdfaf2f15a867c185ull },
    { 0x123456789abcdefull, 64, 0xd231b40e82085e16ull },
    { 0x123456789abcdefull, 100, 0x60852402721be5d9ull },
    { 0x123456789abcdefull, 253, 0x1cafa2a8f7edcd6full },
    { 0x123456789abcdefull, 256, 0xe80a3a78fa085215ull },
};

static void hash64_gives_its_pinned_values(void **state)
{
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(vectors); i++)
        assert_int_equal(weir_hash64(vectors[i].seed, bytes, vectors[i].len), vectors[i].hash);
}

static void hash64_does_not_read_beside_its_bytes(void **state)
{
    for (size_t len = 0; len <= 70; len++) {
        uint8_t *exact = malloc(len + 1); /* the sanitizer watches both ends */
        assert_non_null(exact);
        memset(exact, 'a', len + 1);
        uint64_t before = weir_hash64(9, exact + 1, len);
        exact[0] = 'b';
        assert_int_equal(weir_hash64(9, exact + 1, len), before);
        free(exact);
    }
    assert_int_equal(weir_hash64(9, NULL, 0), weir_hash64(9, "", 0));
}

static void hash64_of_runs_of_one_byte_differs_by_length(void **state)
{
    static const uint8_t zeros[128];
    uint64_t seen[128];
    for (size_t len = 0; len < 128; len++) {
        seen[len] = weir_hash64(0, zeros, len);
        for (size_t before = 0; before < len; before++)
            assert_int_not_equal(seen[len], seen[before]);
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

static void hash64_has_no_collision_among_host_names(void **state)
{
    enum { NUM = 200000 };
    uint64_t *hashes = malloc(NUM * sizeof(*hashes));
    char name[64];
    assert_non_null(hashes);
    for (unsigned i = 0; i < NUM; i++) {
        int len = snprintf(name, sizeof(name), "%s%u.shop-%u.example%s", i % 2 ? "www" : "api",
                           i / 7, i % 7, i % 3 ? ".com" : ".net");
        hashes[i] = weir_hash64(0, name, (size_t)len);
    }
    qsort(hashes, NUM, sizeof(*hashes), compare_u64);
    for (size_t i = 1; i < NUM; i++)
        assert_int_not_equal(hashes[i - 1], hashes[i]);
    free(hashes);
}

/* Flip each bit of random keys: each bit of the hash shall change in half of the cases. */
static void hash64_changes_half_its_bits_for_one_bit_of_input(void **state)
{
    enum { ROUNDS = 400 };
    static const size_t lens[] = { 1, 3, 4, 7, 8, 12, 16, 17, 24, 33, 60 };
    struct weir_rng rng;
    uint8_t key[64];

    weir_rng_init(&rng, 3);
    for (size_t l = 0; l < WEIR_ARRAY_LEN(lens); l++) {
        unsigned flips[64] = { 0 };
        unsigned rounds = 0;
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (size_t i = 0; i < lens[l]; i++)
                key[i] = (uint8_t)weir_rng_next(&rng);
            uint64_t before = weir_hash64(5, key, lens[l]);
            for (size_t bit = 0; bit < lens[l] * 8; bit++, rounds++) {
                key[bit / 8] ^= (uint8_t)(1u << bit % 8);
                uint64_t diff = before ^ weir_hash64(5, key, lens[l]);
                key[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_not_equal(diff, 0);
                for (size_t out = 0; out < 64; out++)
                    flips[out] += diff >> out & 1;
            }
        }
        /* ROUNDS * 8 tosses of a coin at least: 0.44 to 0.56 is more than six standard deviations.
         */
        for (size_t out = 0; out < 64; out++) {
            assert_true(flips[out] > 0.44 * rounds);
            assert_true(flips[out] < 0.56 * rounds);
        }
    }
}

static void hash64_spreads_counted_names_evenly_over_slots(void **state)
{
    enum { NUM = 65536, SLOTS = 256 };
    unsigned low[SLOTS] = { 0 };
    unsigned high[SLOTS] = { 0 };
    double chi_low = 0;
    double chi_high = 0;
    char name[32];

    for (unsigned i = 0; i < NUM; i++) {
        int len = snprintf(name, sizeof(name), "t%05u.example.org", i);
        uint64_t hash = weir_hash64(0, name, (size_t)len);
        low[hash % SLOTS]++;
        high[hash >> 56]++;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        double off_low = low[i] - (double)NUM / SLOTS;
        double off_high = high[i] - (double)NUM / SLOTS;
        chi_low += off_low * off_low / ((double)NUM / SLOTS);
        chi_high += off_high * off_high / ((double)NUM / SLOTS);
    }
    /* 255 degrees of freedom: mean 255, standard deviation 22.6; five of them to each side. */
    assert_true(chi_low > 142 && chi_low < 368);
    assert_true(chi_high > 142 && chi_high < 368);
}

/* Words that equal the hash's constants wipe out a multiplication in hashes that key only one side
 * of it. */
static void hash64_cannot_be_blinded_by_known_constants(void **state)
{
    static const uint64_t constants[] = { 0, UINT64_MAX, 0x6a09e667f3bcc909ull,
                                          0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull };
    struct weir_rng rng;
    uint8_t a[32] = { 0 };
    uint8_t b[32] = { 0 };

    weir_rng_init(&rng, 4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(constants); i++) {
        for (size_t at = 0; at < 32; at += 8) {
            for (int round = 0; round < 100; round++) {
                uint64_t seed = weir_rng_next(&rng);
                for (size_t k = 0; k < 32; k++)
                    b[k] = a[k] = (uint8_t)weir_rng_next(&rng);
                b[at ^ 8] ^= 1; /* the other operand */
                for (size_t k = 0; k < 8; k++)
                    a[at + k] = b[at + k] = (uint8_t)(constants[i] >> 8 * k);
                assert_int_not_equal(weir_hash64(seed, a, 32), weir_hash64(seed, b, 32));
            }
        }
    }
}

static void hash64_depends_on_the_seed(void **state)
{
    for (uint64_t seed = 1; seed < 1000; seed++) {
        assert_int_not_equal(weir_hash64(seed, "weir", 4), weir_hash64(0, "weir", 4));
        assert_int_not_equal(weir_hash64(seed, "", 0), weir_hash64(seed - 1, "", 0));
    }
}

static void mix64_gives_the_values_of_splitmix64(void **state)
{
    /* The first two outputs of SplitMix64 from state 0: the counter steps by the golden ratio. */
    assert_int_equal(weir_mix64(0x9e3779b97f4a7c15ull), 0xe220a8397b1dcdafull);
    assert_int_equal(weir_mix64(0x3c6ef372fe94f82aull), 0x6e789e6aa1b965f4ull);
    assert_int_equal(weir_mix64(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_values_of_rfc_3720_b_4),
        cmocka_unit_test(crc32c_tables_follow_from_the_polynomial),
        cmocka_unit_test(crc32c_is_the_same_by_table_and_in_two_parts),
        cmocka_unit_test(hash64_gives_its_pinned_values),
        cmocka_unit_test(hash64_does_not_read_beside_its_bytes),
        cmocka_unit_test(hash64_of_runs_of_one_byte_differs_by_length),
        cmocka_unit_test(hash64_has_no_collision_among_host_names),
        cmocka_unit_test(hash64_changes_half_its_bits_for_one_bit_of_input),
        cmocka_unit_test(hash64_spreads_counted_names_evenly_over_slots),
        cmocka_unit_test(hash64_cannot_be_blinded_by_known_constants),
        cmocka_unit_test(hash64_depends_on_the_seed),
        cmocka_unit_test(mix64_gives_the_values_of_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
