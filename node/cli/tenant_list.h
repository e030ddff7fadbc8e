/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant_list.h - the node's list of tenants, page by page in the order of names, so that 100,000
 * tenants take no more memory than one page.
 * Owner: the main thread.   Limits: WEIR_CLI_TENANT_LIST_MAX tenants a page.
 */
#ifndef WEIR_NODE_CLI_TENANT_LIST_H
#define WEIR_NODE_CLI_TENANT_LIST_H

#include "node/base/contract.h"
#include "node/cli/command.h"
#include "weir/v1/admin.pb-c.h"

/**
 * One page.
 *
 * @param page  borrowed for the call
 * @param last  no page follows
 * @param ret_stop  set to true: the rest of the list is not wanted
 * @return WEIR_EXIT_OK, or the exit code that ends the walk: written
 */
typedef enum weir_exit weir_tenant_list_sink(void *arg, const Weir__V1__TenantList *page, bool last,
                                             bool *ret_stop);

/**
 * Give all pages to `sink`.
 *
 * @param prefix  of the names; NULL: all
 * @return WEIR_EXIT_OK, or the exit code of a failed call or of the sink: written
 */
WEIR_MUST_USE enum weir_exit weir_tenant_list_walk(struct weir_cli *cli, const char *prefix,
                                                   weir_tenant_list_sink *sink, void *arg);

#endif
