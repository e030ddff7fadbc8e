/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - see watch.h.
 */
#include "node/conn/watch.h"

#include <unistd.h>

#include "node/conn/sock.h"

void weir_watch_init(struct weir_watch *w, int fd, void *owner)
{
    WEIR_ASSERT(fd >= 0);
    w->poll.data = owner;
    w->fd = fd;
    w->made = false;
    w->events = 0;
}

enum weir_err weir_watch_want(struct weir_watch *w, uv_loop_t *loop, int events, uv_poll_cb cb)
{
    WEIR_ASSERT(w->fd >= 0);
    WEIR_ASSERT((events & ~(UV_READABLE | UV_WRITABLE)) == 0);
    if (WEIR_LIKELY(w->events == events))
        return WEIR_OK;
    if (!w->made) {
        void *owner = w->poll.data;
        if (uv_poll_init(loop, &w->poll, w->fd) < 0)
            return WEIR_EIO;
        w->poll.data = owner;
        w->made = true;
    }
    int rc = events ? uv_poll_start(&w->poll, events, cb) : uv_poll_stop(&w->poll);
    if (rc < 0)
        return WEIR_EIO;
    w->events = (uint8_t)events;
    return WEIR_OK;
}

bool weir_watch_close(struct weir_watch *w, bool abort, void (*closed)(uv_handle_t *))
{
    WEIR_ASSERT(w->fd >= 0);
    if (w->made)
        uv_close((uv_handle_t *)&w->poll, closed);
    if (abort)
        weir_sock_abort(w->fd);
    else
        close(w->fd);
    w->fd = -1;
    w->events = 0;
    return w->made;
}
