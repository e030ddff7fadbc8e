/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - the client half of the program: every subcommand of `weir` but `node`.
 * Owner: the main thread of a short-lived process; the only place of weir that blocks.
 * Ref: weir --help, and the admin API in node/ctl/admin/API.md.
 */
#ifndef WEIR_NODE_CLI_CLI_H
#define WEIR_NODE_CLI_CLI_H

/**
 * Run one subcommand: argv[1] names it. Writes results to stdout and errors to stderr.
 *
 * @return the exit code of the process: 0 done, 1 failed or a difference, 2 usage, 3 degraded,
 *         4 conflict, 5 timed out
 */
int weir_cli_main(int argc, char **argv);

#endif
