/* SPDX-License-Identifier: Apache-2.0
 *
 * keep_suite.h - what every keep (sync/store/keep.h) must do, as tests over any of them: each operation
 * and each answer that the contract names and that can be had without faults, orders and ties,
 * aborts, and random operations beside a naive twin. Times are whole days, so a keep may round.
 * Owner: the test program.   Limits: two keeps open at once, one of them for comparison.
 */
#ifndef WEIR_TESTS_SUPPORT_KEEP_SUITE_H
#define WEIR_TESTS_SUPPORT_KEEP_SUITE_H

#include "sync/engine/engine.h"
#include "sync/store/keep.h"

/** How the suite comes by keeps. Each function fails the test itself when it cannot do its work. */
struct keep_maker {
    const char *name; /* of the implementation */
    /** An empty keep. @param ret_home  what the two below are given */
    struct weir_keep *(*make)(enum weir_group group, void **ret_home);
    /** Close it cleanly and open it again. @return the keep from now on */
    struct weir_keep *(*reopen)(void *home);
    /** Close it, and leave nothing behind. No transaction is open. */
    void (*free)(void *home);
};

/** Run all tests over both groups. @param maker  borrowed  @return how many failed */
int keep_suite_run(const struct keep_maker *maker);

/**
 * One transaction that uses every operation once, for tests that make it fail somewhere. On an
 * error the transaction is aborted. An empty keep, or one on which this was run before.
 * @return WEIR_OK | the first error of an operation
 */
enum weir_err keep_suite_scenario(struct weir_keep *k, enum weir_group group);

#endif
