/* SPDX-License-Identifier: Apache-2.0
 *
 * failalloc.h - an allocator that fails on command, for the tests of every out-of-memory path.
 * Stands before malloc, calloc, realloc, strdup and strndup of the program under test (linker
 * --wrap), not before those of shared libraries. Any thread.
 */
#ifndef WEIR_TESTS_SUPPORT_FAILALLOC_H
#define WEIR_TESTS_SUPPORT_FAILALLOC_H

/** The n-th allocation from now (1 = the next, 0 counts as 1) and all later ones fail; n < 0: none.
 * Restarts the count. */
void weir_failalloc_after(long n);
/** The n-th allocation from now fails and no other; n < 0: none. Restarts the count. */
void weir_failalloc_once(long n);
/** Allocations asked for since the last weir_failalloc_after or weir_failalloc_once, the refused
 * ones included. */
unsigned long weir_failalloc_count(void);

#endif
