/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_suite.h - what the replication engine must do over any store, rule by rule: some engines
 * side by side, each over two record stores of the given maker.   Owner: the test program.
 * Limits: CLUSTER_MAX nodes, two stores each, open at once.
 */
#ifndef WEIR_TESTS_SUPPORT_ENGINE_ENGINE_SUITE_H
#define WEIR_TESTS_SUPPORT_ENGINE_ENGINE_SUITE_H

#include "tests/support/record_store_suite.h"

/** Run all tests. @param maker  borrowed  @return how many failed */
int engine_suite_run(const struct rs_maker *maker);

#endif
