/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h - the result of one write, as the -o of this run wants it. Owner: the main thread.
 */
#ifndef WEIR_NODE_CLI_RESULT_H
#define WEIR_NODE_CLI_RESULT_H

#include "node/base/contract.h"
#include "node/cli/command.h"
#include "weir/v1/admin.pb-c.h"

/**
 * Write the result to standard output and its warnings to standard error.
 *
 * @param name  of the tenant, checked
 * @return WEIR_EXIT_OK | WEIR_EXIT_FAILED: written
 */
WEIR_MUST_USE enum weir_exit weir_result_show(struct weir_cli *cli, const Weir__V1__ApplyResult *r,
                                              const char *name);

#endif
