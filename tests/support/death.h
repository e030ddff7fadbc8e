/* SPDX-License-Identifier: Apache-2.0
 *
 * death.h - runs a piece of code that must break a contract, in a process of its own.
 */
#ifndef WEIR_TESTS_SUPPORT_DEATH_H
#define WEIR_TESTS_SUPPORT_DEATH_H

#include <stdbool.h>

/**
 * Whether fn(arg) ends its process by a broken contract that names `what`. Call it without other
 * threads.
 *
 * @param what  part of the condition, as written in the source
 */
bool weir_death_by_contract(void (*fn)(void *arg), void *arg, const char *what);

#endif
