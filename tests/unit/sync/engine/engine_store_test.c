/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_store_test.c - the suite of the replication engine over the node's own stores.
 */
#include "tests/support/keep_kit.h"

#include "tests/support/engine_suite.h"

int main(void)
{
    kit_quiet();
    return engine_suite_run(&keep_kit_maker);
}
