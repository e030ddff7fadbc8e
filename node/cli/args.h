/* SPDX-License-Identifier: Apache-2.0
 *
 * args.h - the command line: flags in any place, values checked, slips named with what was meant.
 * Owner: the main thread.   Limits: WEIR_CLI_FILES_MAX of -f.
 */
#ifndef WEIR_NODE_CLI_ARGS_H
#define WEIR_NODE_CLI_ARGS_H

#include <stddef.h>

#include "node/base/contract.h"
#include "node/cli/command.h"

/** One flag. */
struct weir_flag_def {
    char letter; /* 0: none */
    const char *name;
    const char *value; /* what stands for its value in help; NULL: it takes none */
    const char *help;
};

/** Never NULL for a flag below WEIR_FLAG_COUNT (contract). */
const struct weir_flag_def *weir_args_flag(enum weir_flag flag);

/** What holds without flags: the node of WEIR_NODE, else the default one; the timeout. */
void weir_args_init(struct weir_cli *cli);
/**
 * Read argv into cli->command, cli->options and cli->args. Flags may stand before and behind the
 * command and between its arguments; "--" ends them. WEIR_NODE is asked when --node is not given.
 *
 * @return WEIR_EXIT_OK: cli->command is NULL when none is named | WEIR_EXIT_USAGE,
 *         WEIR_EXIT_FAILED (no memory): the error is written
 */
WEIR_MUST_USE enum weir_exit weir_args_parse(struct weir_cli *cli, int argc, char **argv);

/** Forget what weir_args_parse has allocated; legal on the zero state. */
void weir_args_deinit(struct weir_cli *cli);

#endif
