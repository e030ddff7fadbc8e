/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.h - the data path: one thread and one libuv loop per worker, each with its own
 * SO_REUSEPORT listeners, connections, endpoint pools, tenant cache and counters. Workers share
 * nothing but the store, the table of failure marks and the access log. Owner: control. All
 * functions here are called from the control thread unless they state otherwise.
 */
#ifndef WEIR_NODE_LOOP_WORKER_H
#define WEIR_NODE_LOOP_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/loop/workers_config.h"

struct weir_workers;

/** Why a start failed, for the one line that the operator reads. */
struct weir_workers_error {
    struct weir_addr listener; /* the listener at fault; port 0 and zero address when it is none */
    const char *field;         /* with it: "listen.http" or "listen.https" */
    int sys_errno;
    const char *what; /* "bind", "listen", "thread", "memory" */
};

/**
 * Open all listeners (after a check that no other socket listens there), then start the threads.
 * @return WEIR_OK | WEIR_EINUSE (port taken) | WEIR_EPERM (port below 1024 without the right) |
 * WEIR_EINVAL (address not on this host) | WEIR_ENOMEM | WEIR_EIO; *ret_error has details
 */
WEIR_MUST_USE enum weir_err weir_workers_start(const struct weir_workers_config *cfg,
                                               struct weir_workers **ret,
                                               struct weir_workers_error *ret_error);
/**
 * Apply the listeners, limits and trusted prefixes of cfg on all workers, or on none when it fails.
 * Returns before the workers have applied them, which takes them a turn of their loops. A listener
 * that cfg does not name leaves: it accepts clients that have connected, at most for
 * WEIR_DRAIN_LISTEN_MS; its connections stay open. A lower limit closes nothing by itself. Not
 * while the workers drain (contract).
 *
 * @param cfg  num_workers, store, secret, marks and access_log are not read
 * @return WEIR_OK | WEIR_EBUSY (the previous change is not applied yet, or a listener on that port
 * still leaves: try again in a second) | WEIR_EINUSE | WEIR_EPERM | WEIR_EINVAL | WEIR_EIO |
 * WEIR_ENOMEM; *ret_error has details
 */
WEIR_MUST_USE enum weir_err weir_workers_change(struct weir_workers *w,
                                                const struct weir_workers_config *cfg,
                                                struct weir_workers_error *ret_error);
/** The address a listener is bound to, with the real port. @param i  those of http, then those of
 * https */
const struct weir_addr *weir_workers_bound(const struct weir_workers *w, size_t i);

/** Any thread, never blocks: report to every worker that a tenant or a certificate changed. A
 * worker whose inbox is full drops its caches. @param class TENANT or CERT (contract) */
void weir_workers_changed(struct weir_workers *w, enum weir_class class, struct weir_span key,
                          bool names_changed);

/**
 * Stop accepting (what waits in the backlog is still served), respond with Connection: close, close
 * idle connections, finish running exchanges. Returns at once; weir_workers_drained reports when
 * all are gone. A later call moves the deadline.
 *
 * @param deadline_ms  0..UINT32_MAX - 1, from now on: then cut the rest
 */
void weir_workers_drain(struct weir_workers *w, uint64_t deadline_ms);
/**
 * Serve again on the same addresses, with the same ports. Connections that were closed are gone.
 * Only while the workers drain (contract).
 *
 * @return WEIR_OK | WEIR_EBUSY (the previous change is not applied yet) | WEIR_EINUSE, WEIR_EPERM,
 * WEIR_EINVAL, WEIR_EIO, WEIR_ENOMEM: they drain as before; *ret_error has details
 */
WEIR_MUST_USE enum weir_err weir_workers_undrain(struct weir_workers *w,
                                                 struct weir_workers_error *ret_error);
/** All workers have drained: no listener and no connection is left. */
bool weir_workers_drained(const struct weir_workers *w);

/** What is left of a drain, as the workers last reported it. */
struct weir_workers_progress {
    uint32_t connections; /* of clients */
    uint32_t requests;    /* that run on them */
    uint32_t cut;         /* connections that were cut at the deadline */
};
/** Only while the workers drain. */
void weir_workers_progress(const struct weir_workers *w, struct weir_workers_progress *ret);

/** Stop the threads (connections that are left are cut), join, free. Sets *w NULL. */
void weir_workers_stop(struct weir_workers **w);

/** The counter blocks of the workers, num_workers of them; valid until stop. */
const struct weir_metrics *const *weir_workers_metrics(const struct weir_workers *w,
                                                       size_t *ret_num);
uint32_t weir_workers_num(const struct weir_workers *w);
/** Counters by tenant and by endpoint of all workers, as Prometheus text (counters.h).
 * @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_workers_write_counters(const struct weir_workers *w,
                                                        struct weir_strbuf *out);

#endif
