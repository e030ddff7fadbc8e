/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.h - SIGINT and SIGTERM end a wait, so that a subcommand can end in order.
 * Owner: the main thread of the process.
 */
#ifndef WEIR_NODE_CLI_INTERRUPT_H
#define WEIR_NODE_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/cli/command.h"

/** From now on a signal ends the wait of the run's client (WEIR_EBUSY) and weir_interrupt_sleep. */
void weir_interrupt_begin(struct weir_cli *cli);
/** Whether a signal has come since weir_interrupt_begin. */
bool weir_interrupt_has_come(void);
/** Sleep, at most until a signal comes. @param ms  milliseconds */
void weir_interrupt_sleep(uint64_t ms);

#endif
