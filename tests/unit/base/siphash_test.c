/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash_test.c - published vectors of SipHash-2-4, and that it hangs on key, bytes and length
 * alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/siphash.h"

/** The key of the vectors: the bytes 0, 1 .. 15. */
static const struct weir_siphash_key counting = { { 0x0706050403020100ull,
                                                    0x0f0e0d0c0b0a0908ull } };

static uint64_t hash_of(const struct weir_siphash_key *key, const void *at, size_t len)
{
    struct weir_siphash h;

    weir_siphash_init(&h, key);
    weir_siphash_add(&h, at, len);
    return weir_siphash_end(&h);
}

/** The bytes 0, 1 .. len - 1. From the authors' vectors.h; that of 15 bytes is also in the paper,
 * appendix A. */
static void siphash_gives_the_published_values(void **state)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        { 0, 0x726fdb47dd0e0e31ull },  { 1, 0x74f839c593dc67fdull }, { 2, 0x0d6c8009d9a94f5aull },
        { 3, 0x85676696d7fb7e2dull },  { 4, 0xcf2794e0277187b7ull }, { 5, 0x18765564cd99a68dull },
        { 6, 0xcbc9466e58fee3ceull },  { 7, 0xab0200f58b01d137ull }, { 8, 0x93f5f5799a932462ull },
        { 15, 0xa129ca6149be45e5ull },
    };
    uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(vectors); i++)
        assert_true(hash_of(&counting, bytes, vectors[i].len) == vectors[i].hash);
}

static void siphash_does_not_see_where_the_bytes_were_cut(void **state)
{
    static const char text[] = "the bytes of four words, and five";
    size_t len = strlen(text);

    (void)state;
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            struct weir_siphash h;

            weir_siphash_init(&h, &counting);
            weir_siphash_add(&h, text, a);
            weir_siphash_add(&h, text + a, b - a);
            weir_siphash_add(&h, text + b, len - b);
            assert_true(weir_siphash_end(&h) == hash_of(&counting, text, len));
        }
    }
}

static void siphash_changes_with_each_bit_of_its_key(void **state)
{
    uint64_t before = hash_of(&counting, "weir", 4);

    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        struct weir_siphash_key key = counting;

        key.k[bit / 64] ^= 1ull << (bit % 64);
        assert_true(hash_of(&key, "weir", 4) != before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_published_values),
        cmocka_unit_test(siphash_does_not_see_where_the_bytes_were_cut),
        cmocka_unit_test(siphash_changes_with_each_bit_of_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
