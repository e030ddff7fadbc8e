/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_suite.h - what the replication engine must do over any store, rule by rule: some engines
 * side by side, each over two keeps of the given maker.   Owner: the test program.
 * Limits: CLUSTER_MAX nodes, two stores each, open at once.
 */
#ifndef WEIR_TESTS_SUPPORT_ENGINE_SUITE_H
#define WEIR_TESTS_SUPPORT_ENGINE_SUITE_H

#include "tests/support/keep_suite.h"

/** Run all tests. @param maker  borrowed  @return how many failed */
int engine_suite_run(const struct keep_maker *maker);

#endif
