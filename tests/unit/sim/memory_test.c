/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - the store in memory keeps the contract of keeps, and fails where it is told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"
#include "tests/support/keep_suite.h"

static struct weir_keep *suite_make(enum weir_group group, void **ret_home)
{
    struct weir_memory *m = NULL;

    assert_int_equal(weir_memory_new(group, &m), WEIR_OK);
    *ret_home = m;
    return weir_memory_keep(m);
}

static struct weir_keep *suite_reopen(void *home)
{
    weir_memory_sync(home);
    weir_memory_crash(home);
    return weir_memory_keep(home);
}

static void suite_free(void *home)
{
    struct weir_memory *m = home;

    weir_memory_free(&m);
}

int main(void)
{
    const struct keep_maker maker = { "memory", suite_make, suite_reopen, suite_free };

    return keep_suite_run(&maker);
}
