/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - what the node reports of itself: state, counters, rates, sizes, warnings.
 * Owner: control.
 */
#ifndef WEIR_NODE_CTL_STATUS_H
#define WEIR_NODE_CTL_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/ctl/node.h"
#include "weir/v1/admin.pb-c.h"

/** Bytes of this process in memory, or 0 when the system does not report it. */
uint64_t weir_resident_bytes(void);
/** "starting", "serving", "draining" or "readonly". */
const char *weir_node_state_name(const struct weir_node *node,
                                 const struct weir_store_stats *stats);

/** Fill the response, in the arena. @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_status_fill(struct weir_node *node, struct weir_arena *arena,
                                             Weir__V1__StatusResponse *ret);

/** The exposition of all counters, and of what the node knows beside them. @return WEIR_OK |
 * WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_status_metrics(struct weir_node *node, struct weir_strbuf *out);

#endif
