/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h - what the parts of one node's control plane share: its store, workers, log, counters and
 * state. Owner: control thread. control.c makes it and it outlives all that borrow it; tests make
 * their own.
 */
#ifndef WEIR_NODE_CTL_NODE_H
#define WEIR_NODE_CTL_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/base/strbuf.h"
#include "node/ctl/cert_watch.h"
#include "node/ctl/config.h"
#include "node/ctl/overlap_check.h"
#include "node/flow/failure_marks.h"
#include "node/loop/access_log.h"
#include "node/loop/resolve.h"
#include "node/loop/worker.h"
#include "node/wire/pem/tls_pem.h"
#include "sync/store/store.h"
#include "tenants/cert_secret.h"

/** In the order in which a node passes through them. READONLY is a state of the store and is not
 * stored here. */
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

/** What a reload came to. The texts are borrowed for the call. */
struct weir_reload_outcome {
    enum weir_err err;    /* WEIR_OK | WEIR_EINVAL (see problems; nothing was changed) | WEIR_EBUSY
                             (another one runs, or the node drains) | WEIR_ENOMEM */
    const char *problems; /* lines, each with its newline; "" when there are none */
    uint32_t changed, restart; /* WEIR_KEY_BIT of keys that were taken over, that need a restart */
};
typedef void weir_reload_done(void *arg, const struct weir_reload_outcome *outcome);

struct weir_node {
    const struct weir_config *config;
    uv_loop_t *loop;
    struct weir_store *store;
    const struct weir_secret *secret; /* borrowed until the node ends */
    struct weir_store_reader *reader; /* the control thread's; begin and end within one callback */
    struct weir_failure_marks *marks;
    struct weir_access_log *access_log;
    struct weir_workers *workers;
    struct weir_push_queue *pushes;
    struct weir_metrics *metrics;       /* the control thread's block */
    struct weir_metrics *store_metrics; /* the store writer's block */
    struct weir_resolve resolve;        /* who looks names up; ask NULL: nobody */
    struct weir_rate rate;
    struct weir_overlap_count overlaps;
    struct weir_cert_watch certs;
    enum weir_node_state state;
    uint64_t started_ns;
    uint32_t descriptors;    /* the soft limit after start */
    uint64_t drain_until_ms; /* loop time; while draining */
    bool drain_over;         /* the workers have drained, or were cut: the node ends */
    uint32_t num_drain_followers;
    /* The fingerprint of what admin.listen presents; "": there is no such listener. */
    char certificate[WEIR_TLS_FINGERPRINT_TEXT];
    int64_t certificate_ends_s; /* Unix time; with it */
    /** Stop taking new work; end when idle or at the deadline. A later call moves the deadline,
     * either way. @param deadline_ms 0..86400000 from now on */
    void (*drain)(struct weir_node *node, uint64_t deadline_ms);
    /** Serve again. @param why  the reason is appended on failure
     * @return WEIR_OK (also when it did not drain) | WEIR_ECLOSED (the drain is over) | WEIR_EBUSY
     * (try again) | another: a listener cannot be opened */
    enum weir_err (*undrain)(struct weir_node *node, struct weir_strbuf *why);
    /** Read the node file again and take over what can change. `done` is called once, at once or
     * later on this thread. */
    void (*reload)(struct weir_node *node, weir_reload_done *done, void *arg);
};

#endif
