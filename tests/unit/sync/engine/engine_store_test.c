/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_store_test.c - the suite of the replication engine over the node's own stores.
 */
#include "tests/support/engine/engine_suite.h"
#include "tests/support/record_store_kit.h"

int main(void)
{
    kit_quiet();
    return engine_suite_run(&record_store_kit_maker);
}
