/* SPDX-License-Identifier: Apache-2.0
 *
 * share_test.c - how the workers share a number of the node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/loop/loop.h"

static void the_shares_of_all_workers_are_the_number(void **state)
{
    struct weir_worker *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    for (uint32_t num = 1; num <= WEIR_WORKERS_MAX; num++) {
        w->cfg.num_workers = num;
        for (uint32_t n = 0; n <= 200; n++) {
            uint32_t sum = 0, least = UINT32_MAX, most = 0;
            for (w->index = 0; w->index < num; w->index++) {
                uint32_t share = weir_worker_share(w, n);
                sum += share;
                least = share < least ? share : least;
                most = share > most ? share : most;
            }
            assert_int_equal(sum, n);
            assert_true(most - least <= 1);
        }
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shares_of_all_workers_are_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
