/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h - what the parts of one node's control plane share: its store, workers, log, counters and
 * state. Owner: control thread. control.c makes it and outlives all who borrow it; tests make their
 * own.
 */
#ifndef WEIR_NODE_CTL_NODE_H
#define WEIR_NODE_CTL_NODE_H

#include "node/base/metrics.h"
#include "node/ctl/config.h"
#include "node/ctl/overlap_check.h"
#include "node/flow/failure_marks.h"
#include "node/loop/access_log.h"
#include "node/loop/worker.h"
#include "sync/store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/** In the order in which a node passes through them. READONLY is told by the store and is not kept
 * here. */
enum weir_node_state {
    WEIR_NODE_STARTING,
    WEIR_NODE_SERVING,
    WEIR_NODE_DRAINING,
};

#define WEIR_RATE_SAMPLES 8

/** Requests per second over the last seconds, from the counters of the workers. */
struct weir_rate {
    uint64_t at_ns[WEIR_RATE_SAMPLES];
    uint64_t total[WEIR_RATE_SAMPLES];
    uint32_t num; /* samples taken so far; the newest is at (num - 1) % WEIR_RATE_SAMPLES */
};

struct weir_push_queue;

struct weir_node {
    const struct weir_config *config;
    uv_loop_t *loop;
    struct weir_store *store;
    struct weir_store_reader *reader; /* the control thread's; begin and end within one callback */
    struct weir_failure_marks *marks;
    struct weir_access_log *access_log;
    struct weir_workers *workers;
    struct weir_push_queue *pushes;
    struct weir_metrics *metrics;       /* the control thread's block */
    struct weir_metrics *store_metrics; /* the store writer's block */
    struct weir_rate rate;
    struct weir_overlap_count overlaps;
    enum weir_node_state state;
    uint64_t started_ns;
    uint32_t descriptors; /* the soft limit after start */
    /** Stop taking new work; end when idle or at the deadline. A second call can only bring the
     * deadline closer. */
    void (*drain)(struct weir_node *node, uint64_t deadline_ms);
};

#endif
