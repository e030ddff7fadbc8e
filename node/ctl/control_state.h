/* SPDX-License-Identifier: Apache-2.0
 *
 * control_state.h - private to control*.c: all of a running node. Owner: the control thread.
 */
#ifndef WEIR_NODE_CTL_CONTROL_STATE_H
#define WEIR_NODE_CTL_CONTROL_STATE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "node/ctl/admin/admin.h"
#include "node/ctl/admin/admin_socket.h"
#include "node/ctl/config.h"
#include "node/ctl/node.h"

#define WEIR_CONTROL_SIGNALS 4

struct weir_control_options;
struct weir_reload;

struct weir_control {
    struct weir_node node;
    /* In force: as of the start, its live keys as of the last reload. */
    struct weir_config config;
    struct weir_docs live_docs; /* owns what the live keys borrow from, after a reload */
    const struct weir_control_options *options;
    uv_loop_t loop;
    uv_signal_t signal[WEIR_CONTROL_SIGNALS];
    uv_timer_t sample;
    uv_timer_t drain;
    struct weir_admin_socket socket;    /* bound, until the admin server takes it */
    struct weir_admin_socket socket_ro; /* the same */
    struct weir_admin *admin;
    struct weir_resolver *resolver;
    struct weir_admin_listener *listen;  /* of admin.listen; NULL: none */
    struct weir_admin_listener *metrics; /* of admin.metrics; NULL: none */
    struct weir_store_scrub scrub;
    uint64_t over_until_ms; /* loop time: how long those that watch the drain may hold up the end */
    unsigned num_stop_signals;
    bool stopping;
    bool handles;               /* the loop has our signals and timers */
    struct weir_reload *reload; /* the one that runs, or NULL; owns */
    bool reload_again;          /* a signal came meanwhile */
    struct weir_secret *secret; /* owns; secret pages */
    struct weir_metrics metrics_block;
    struct weir_metrics store_metrics;
    _Atomic bool certs_changed; /* relaxed; set by on_change, taken by the sample */
    /** Notified of changed tenants; release at start and end, paired with acquire in on_change.
     * NULL before there are workers and after. */
    _Atomic(struct weir_workers *) notified;
};

/** The control of a node that weir_control_run made. */
struct weir_control *weir_control_of(struct weir_node *node);
/** Begin to end: the admin API and the writes stop, and the loop runs out. Once is enough. */
void weir_control_stop(struct weir_control *c);
/** Open the access log anew, as logrotate wants; a failure is logged, and the old file stays. */
void weir_control_reopen_log(struct weir_control *c);
/** The connections that there are descriptors for, at most limits.connections. Raises the limit of
 * descriptors when it can. */
uint32_t weir_control_connections(struct weir_control *c, uint32_t wanted);
/** The node file as it is now, with the environment over it. Any thread.
 *
 * @param ret       initialised; deinit it in any case
 * @param problems  lines; empty after WEIR_ENOMEM
 * @return WEIR_OK | WEIR_EINVAL (see problems) | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_control_read_file(const struct weir_control_options *o,
                                                   struct weir_config *ret,
                                                   struct weir_strbuf *problems);
/** The same while the node runs, from a regular file alone: to open a FIFO could block for ever.
 * Any thread. Parameters and return values as above. */
WEIR_MUST_USE enum weir_err weir_control_read_file_again(const struct weir_control_options *o,
                                                         struct weir_config *ret,
                                                         struct weir_strbuf *problems);

/* -- control_drain.c: weir_node.drain and weir_node.undrain; SIGTERM -- */

/** See weir_node.drain. */
void weir_control_drain(struct weir_node *node, uint64_t deadline_ms);
/** See weir_node.undrain. */
WEIR_MUST_USE enum weir_err weir_control_undrain(struct weir_node *node, struct weir_strbuf *why);
/** SIGTERM or SIGINT: the first one drains in 30 s at the latest, the second one does not wait. */
void weir_control_stop_signal(struct weir_control *c);

/* -- control_reload.c: weir_node.reload; SIGHUP -- */

/** See weir_node.reload. */
void weir_control_reload(struct weir_node *node, weir_reload_done *done, void *arg);
/** SIGHUP: as weir_control_reload, its outcome in the log alone. */
void weir_control_reload_signal(struct weir_control *c);

#endif
