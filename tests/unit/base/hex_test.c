/* SPDX-License-Identifier: Apache-2.0
 *
 * hex_test.c - digits against printf.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/base/hex.h"
#include "node/base/rng.h"

static void hex64_writes_what_printf_writes(void **state)
{
    struct weir_rng rng;
    char want[17];
    char got[17] = { 0 };
    weir_rng_init(&rng, 1);
    for (int i = 0; i < 10000; i++) {
        uint64_t v = weir_rng_next(&rng) >> (i % 64);
        (void)snprintf(want, sizeof(want), "%016" PRIx64, v);
        weir_hex64(v, got);
        assert_string_equal(got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(hex64_writes_what_printf_writes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
