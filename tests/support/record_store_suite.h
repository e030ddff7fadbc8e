/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite.h - what every record store (sync/store/record_store.h) must do, as tests over
 * any of them: each operation and each response that the contract names and that can be had without
 * faults, orders and ties, aborts, and random operations beside a naive twin. Times are whole days,
 * so a record store may round. Owner: the test program.   Limits: two record stores open at once,
 * one of them for comparison.
 */
#ifndef WEIR_TESTS_SUPPORT_RECORD_STORE_SUITE_H
#define WEIR_TESTS_SUPPORT_RECORD_STORE_SUITE_H

#include "sync/engine/engine.h"
#include "sync/store/record_store.h"

/** How the suite makes record stores. Each function fails the test itself when it cannot do its
 * work. */
struct rs_maker {
    const char *name; /* of the implementation */
    /** An empty record store. @param ret_home  the argument of the two below */
    struct weir_record_store *(*make)(enum weir_group group, void **ret_home);
    /** Close it cleanly and open it again. @return the record store from now on */
    struct weir_record_store *(*reopen)(void *home);
    /** Close it, and leave nothing behind. No transaction is open. */
    void (*free)(void *home);
};

/** Run all tests over both groups. @param maker  borrowed  @return how many failed */
int record_store_suite_run(const struct rs_maker *maker);

/**
 * One transaction that uses every operation once, for tests that make it fail somewhere. On an
 * error the transaction is aborted. An empty record store, or one on which this was run before.
 * @return WEIR_OK | the first error of an operation
 */
enum weir_err record_store_suite_scenario(struct weir_record_store *k, enum weir_group group);

#endif
