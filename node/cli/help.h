/* SPDX-License-Identifier: Apache-2.0
 *
 * help.h - the screen of help, and a page for each subcommand made from its row and the flags.
 */
#ifndef WEIR_NODE_CLI_HELP_H
#define WEIR_NODE_CLI_HELP_H

#include "node/base/contract.h"
#include "node/cli/command.h"

/** All subcommands on one screen. */
WEIR_MUST_USE enum weir_exit weir_help_screen(struct weir_cli *cli);
/** The page of one subcommand. */
WEIR_MUST_USE enum weir_exit weir_help_page(struct weir_cli *cli, const struct weir_command *c);

#endif
