/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - one descriptor on a worker's loop: a uv_poll_t that is made only when there is
 * something to wait for. A connection that is accepted, served and closed without a wait never
 * enters epoll. Owner: one worker.
 */
#ifndef WEIR_NODE_CONN_WATCH_H
#define WEIR_NODE_CONN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "node/base/contract.h"
#include "node/base/err.h"

struct weir_watch {
    uv_poll_t poll; /* data: the owner */
    int fd;         /* -1: closed */
    bool made;      /* poll is initialised and must be closed through the loop */
    uint8_t events; /* UV_READABLE | UV_WRITABLE wanted now */
};

/** Takes fd. @param owner what the callback finds in poll.data */
void weir_watch_init(struct weir_watch *w, int fd, void *owner);
/** Wait for exactly these events (0: for none) until the next call. Costs nothing when the events
 * do not change.
 * @return WEIR_OK | WEIR_EIO: the loop cannot watch it (no memory or descriptor): close the
 * connection
 */
WEIR_MUST_USE enum weir_err weir_watch_want(struct weir_watch *w, uv_loop_t *loop, int events,
                                            uv_poll_cb cb);
/**
 * Close the descriptor, by a reset when `abort`.
 * @return true: the loop still knows it; `closed` is called with the poll handle in a later turn
 *       | false: it never entered the loop; `closed` will not be called
 */
bool weir_watch_close(struct weir_watch *w, bool abort, void (*closed)(uv_handle_t *));

#endif
