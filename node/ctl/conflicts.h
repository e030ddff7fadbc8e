/* SPDX-License-Identifier: Apache-2.0
 *
 * conflicts.h - which of a tenant's names lead to another tenant, because that one claimed them
 * earlier. Owner: control; inside one snapshot of its reader.
 */
#ifndef WEIR_NODE_CTL_CONFLICTS_H
#define WEIR_NODE_CTL_CONFLICTS_H

#include <stddef.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "sync/store/store.h"
#include "weir/v1/tenant.pb-c.h"

#define WEIR_CONFLICTS_MAX 64

/**
 * One line for each such name: "host a.example is claimed earlier by tenant shop".
 *
 * @param ret_lines  in the arena, *ret_len of them, at most WEIR_CONFLICTS_MAX; the rest is left
 * out
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_conflicts_find(struct weir_store_reader *r,
                                                const Weir__V1__Tenant *t, struct weir_arena *arena,
                                                char ***ret_lines, size_t *ret_len);

#endif
