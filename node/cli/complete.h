/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.h - what may stand in the place of the last word of a command line. The scripts of
 * `weir completion` ask this program, so that all shells know what it knows.
 * Owner: the main thread.   Limits: WEIR_CLI_TENANT_LIST_MAX names of tenants.
 */
#ifndef WEIR_NODE_CLI_COMPLETE_H
#define WEIR_NODE_CLI_COMPLETE_H

#include "node/base/contract.h"
#include "node/cli/command.h"

/** The word by which the scripts ask; no subcommand. */
#define WEIR_COMPLETE_WORD "__complete"

/**
 * Write to standard output what completes the last of `words`: a line `words`, `files` or
 * `folders`, then, behind `words`, whole words, one a line. A node that cannot be asked is no
 * error: there is nothing to offer.
 *
 * @param words  behind the program's name, the last one as far as it is typed
 * @param num    1..
 */
WEIR_MUST_USE enum weir_exit weir_complete(struct weir_cli *cli, char *const *words, size_t num);

#endif
