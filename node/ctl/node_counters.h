/* SPDX-License-Identifier: Apache-2.0
 *
 * node_counters.h - the counters of the whole node, summed over its blocks at the moment of the
 * call, and the rate of requests over the last samples.
 * Owner: control.   Limits: WEIR_BLOCKS_MAX blocks, WEIR_RATE_SAMPLES samples.
 */
#ifndef WEIR_NODE_CTL_NODE_COUNTERS_H
#define WEIR_NODE_CTL_NODE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/metrics.h"
#include "node/ctl/node.h"

#define WEIR_BLOCKS_MAX (WEIR_WORKERS_MAX + 2)

/** Every block of counters of the node. @return how many were written to `out`, which has
 * WEIR_BLOCKS_MAX places */
size_t weir_node_blocks(const struct weir_node *node, const struct weir_metrics **out);
/** The sum of one metric over all blocks. */
uint64_t weir_node_sum(const struct weir_node *node, enum weir_metric which);
/** Requests that ended since the start: those with a response of ours or of an upstream, and those
 * that were cut. */
uint64_t weir_node_requests(const struct weir_node *node);

/** Take a sample; called about once a second. */
void weir_rate_sample(struct weir_rate *rate, uint64_t now_ns, uint64_t total);
/** Per second, between the oldest sample and the newest; 0 before there are two. */
double weir_rate_per_s(const struct weir_rate *rate);

#endif
