/* SPDX-License-Identifier: Apache-2.0
 *
 * failalloc.h - an allocator that fails on command, for the tests of every out-of-memory path.
 * Stands before malloc, calloc, realloc, strdup, strndup and free of the program under test (linker
 * --wrap), not before those of shared libraries. Any thread.
 */
#ifndef WEIR_TESTS_SUPPORT_FAILALLOC_H
#define WEIR_TESTS_SUPPORT_FAILALLOC_H

#include <stdbool.h>

/** The n-th allocation from now (1 = the next, 0 counts as 1) and all later ones fail; n < 0: none.
 * Restarts the count. */
void weir_failalloc_after(long n);
/** The n-th allocation from now fails and no other; n < 0: none. Restarts the count. */
void weir_failalloc_once(long n);
/** Allocations asked for since the last weir_failalloc_after or weir_failalloc_once, the refused
 * ones included, but for those in a pause. */
unsigned long weir_failalloc_count(void);
/** Has one of those failed? */
bool weir_failalloc_has_failed(void);
/** From now on nothing fails, and nothing counts; so it is at the start of a program. Around what
 * is no part of the test. @return whether allocations counted: for weir_failalloc_resume */
bool weir_failalloc_pause(void);
void weir_failalloc_resume(bool counted);
/** Allocations by this thread less what it freed: the same before and after what leaks nothing. */
long weir_failalloc_live(void);
/** The next allocation, of one that has a wrapper of its own: does it fail? */
bool weir_failalloc_is_refused(void);

#endif
