/* SPDX-License-Identifier: Apache-2.0
 *
 * death.h - runs a piece of code that must break a contract, in a process of its own.
 */
#ifndef WEIR_TESTS_SUPPORT_DEATH_H
#define WEIR_TESTS_SUPPORT_DEATH_H

#include <stdbool.h>

#define WEIR_DEATH_TEXT_MAX 16384 /* bytes of a report with its NUL; more is cut */

/**
 * Whether fn(arg) ends its process by a broken contract that names `what`. Call it without other
 * threads.
 *
 * @param what  part of the condition, as written in the source
 */
bool weir_death_by_contract(void (*fn)(void *arg), void *arg, const char *what);
/**
 * Whether fn(arg) ends its process by the signal `sig`. Call it without other threads.
 *
 * @param report  what it wrote to stderr, NUL-terminated; written in any case
 */
bool weir_death_by_signal(void (*fn)(void *arg), void *arg, int sig,
                          char report[WEIR_DEATH_TEXT_MAX]);

#endif
