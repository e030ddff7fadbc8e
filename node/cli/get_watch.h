/* SPDX-License-Identifier: Apache-2.0
 *
 * get_watch.h - weir get --watch: what changes, as it changes. The node is asked once a second, or
 * less often when its list is so long that it takes longer; a tenant that changes twice in between
 * is shown once, with its newest revision. Owner: the main thread.   Limits: WEIR_SOURCE_DOCS_MAX
 * tenants.
 */
#ifndef WEIR_NODE_CLI_GET_WATCH_H
#define WEIR_NODE_CLI_GET_WATCH_H

#include "node/base/contract.h"
#include "node/cli/objects.h"

/**
 * Show tenants, then their changes, until SIGINT or SIGTERM.
 *
 * @param names  empty: all tenants, or those of --prefix
 * @return WEIR_EXIT_OK (interrupted), or the exit code of a failed call: written
 */
WEIR_MUST_USE enum weir_exit weir_get_watch(struct weir_cli *cli, const struct weir_objects *names);

#endif
