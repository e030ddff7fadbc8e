/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.h - the listening sockets of one worker. Control opens them, so that a failure is known
 * before anything changes; the worker adopts them, accepts from them and closes them. A listener
 * that leaves continues to accept until the kernel holds no handshake for its port, at most for
 * WEIR_DRAIN_LISTEN_MS: a client that has connected is served.
 * Owner: control until weir_listener_adopt, then the worker.
 */
#ifndef WEIR_NODE_LOOP_LISTENER_H
#define WEIR_NODE_LOOP_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/list.h"
#include "node/conn/watch.h"

struct weir_session_kind;
struct weir_worker;

#define WEIR_LISTENER_MAGIC 0x4c49534eu

struct weir_listener {
    uint32_t magic;
    struct weir_list link; /* in worker->listeners */
    struct weir_worker *worker;
    const struct weir_session_kind *kind; /* what its clients speak */
    struct weir_watch watch;
    struct weir_addr addr;
    uint64_t leave_deadline_ms; /* when it closes at the latest; only while it leaves */
    bool any;                   /* bound to the wildcard: each connection is asked for its own
                                   local address */
    bool leaving;
};

/**
 * Control: open a socket that listens on `at`; port 0 takes any free port, see l->addr.
 *
 * @param kind  of the sessions of its connections; a static table
 * @param ret  owns it until weir_listener_adopt or weir_listener_discard
 * @return WEIR_OK | WEIR_EINUSE | WEIR_EPERM | WEIR_EINVAL | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_listener_open(const struct weir_addr *at,
                                               const struct weir_session_kind *kind,
                                               struct weir_listener **ret, int *ret_errno);
/** Control: close a listener that no worker has adopted. Sets *l NULL; NULL is legal. */
void weir_listener_discard(struct weir_listener **l);

/** Worker: take the listener and accept from it when the worker accepts. */
void weir_listener_adopt(struct weir_worker *w, struct weir_listener *l);
/** Worker: the listener on this address that does not leave, or NULL. */
struct weir_listener *weir_listener_find(struct weir_worker *w, const struct weir_addr *at);
/** Whether the loop watches all of them. */
bool weir_listeners_are_watched(const struct weir_worker *w);
/** Worker: all listeners leave; see weir_listeners_step. Those that leave already do so as before.
 */
void weir_listeners_leave(struct weir_worker *w);
/** Worker: close each listener that leaves once its handshakes, or its time, have ended. */
void weir_listeners_step(struct weir_worker *w);
/** Worker: accept what waits in the backlogs, then close all listeners. */
void weir_listeners_close(struct weir_worker *w);

#endif
