/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.c - see conn.h. The callback of the loop notes what happened and calls the owner, once; what
 * that made possible for others runs after it.
 */
#include "node/conn/conn.h"

#include <sys/socket.h>

static struct weir_conn *conn_of(void *p)
{
    struct weir_conn *c = p;
    WEIR_ASSERT(c != NULL);
    WEIR_ASSERT(c->magic == WEIR_CONN_MAGIC);
    return c;
}

/* -- life -- */

static void on_conn_deadline(struct weir_timer *t)
{
    struct weir_conn *c = conn_of(weir_container_of(t, struct weir_conn, deadline));
    weir_conn_owner_of(c)->expired(c);
}

void weir_conn_init(struct weir_conn *c, struct weir_conn_env *e,
                    const struct weir_conn_owner *owner, int fd)
{
    WEIR_ASSERT(fd >= 0);
    WEIR_ASSERT(owner->task.run == weir_conn_run_task);
    c->magic = WEIR_CONN_MAGIC;
    c->room_wanted = false;
    c->reading = false;
    c->env = e;
    c->layer = NULL;
    weir_watch_init(&c->watch, fd, c);
    weir_timer_init_shared(&c->deadline, e->wheel, on_conn_deadline);
    weir_task_init(&c->task, &owner->task);
    c->in = NULL;
    c->out = (struct weir_outq){ 0 };
    c->given = 0;
    c->received = 0;
}

void weir_conn_set_layer(struct weir_conn *c, struct weir_conn_layer *layer)
{
    WEIR_ASSERT(c->magic == WEIR_CONN_MAGIC);
    WEIR_ASSERT(c->layer == NULL);
    WEIR_ASSERT(c->given == 0 && c->received == 0);
    c->layer = layer;
}

static void report_closed(struct weir_conn *c)
{
    WEIR_ASSERT(weir_conn_is_closed(c));
    c->magic = 0;
    weir_conn_owner_of(c)->closed(c);
}

static void on_conn_closed(uv_handle_t *h)
{
    report_closed(conn_of(h->data));
}

void weir_conn_run_task(struct weir_task *t)
{
    struct weir_conn *c = conn_of(weir_container_of(t, struct weir_conn, task));
    if (weir_conn_is_closed(c)) {
        report_closed(c);
        return;
    }
    bool input = c->reading && c->layer != NULL && c->layer->ops->holds_input(c->layer);
    weir_conn_owner_of(c)->event(c, input ? WEIR_CONN_READABLE : 0);
}

void weir_conn_close(struct weir_conn *c, bool abort)
{
    struct weir_conn_env *e = c->env;
    WEIR_ASSERT(c->magic == WEIR_CONN_MAGIC);
    WEIR_ASSERT(!weir_conn_is_closed(c));
    weir_timer_stop(e->wheel, &c->deadline);
    weir_task_cancel(&c->task);
    weir_conn_clear_out(c);
    weir_stash_release(e->buffers, c->in);
    c->in = NULL;
    if (c->layer != NULL) {
        if (!abort)
            c->layer->ops->shut(c->layer, c->watch.fd);
        c->layer->ops->end(c->layer);
    }
    c->layer = NULL;
    /* Callers up the stack may still read the state: the memory is freed once they have returned.
     */
    if (!weir_watch_close(&c->watch, abort, on_conn_closed))
        weir_list_append(&e->dead, &c->task.link);
}

/* -- bytes -- */

enum weir_io weir_conn_read(struct weir_conn *c, size_t room, struct weir_span *ret)
{
    struct weir_conn_env *e = c->env;
    WEIR_DCHECK(c->magic == WEIR_CONN_MAGIC);
    WEIR_ASSERT_CMP(room, <=, e->scratch_len);
    size_t n = 0;
    enum weir_io io = c->layer == NULL
                          ? weir_sock_read(c->watch.fd, e->scratch, room, &n)
                          : c->layer->ops->read(c->layer, c->watch.fd, e->scratch, room, &n);
    if (io == WEIR_IO_DONE) {
        c->received += n;
        *ret = weir_span(e->scratch, n);
    }
    return io;
}

#define QUIET_READS 4 /* a peer that sends more to its own layer than these take is not quiet */

bool weir_conn_is_quiet(struct weir_conn *c)
{
    int fd = c->watch.fd;
    WEIR_ASSERT(c->magic == WEIR_CONN_MAGIC);
    if (c->layer == NULL)
        return weir_sock_is_quiet(fd);
    for (int i = 0; i < QUIET_READS; i++) {
        uint8_t byte;
        size_t n = 0;
        if (!c->layer->ops->holds_input(c->layer) && weir_sock_is_quiet(fd))
            return true;
        if (c->layer->ops->read(c->layer, fd, &byte, 1, &n) != WEIR_IO_BLOCKED)
            return false;
    }
    return false;
}

static enum weir_io write_pieces(struct weir_conn *c, const struct weir_pieces *p, size_t *ret_sent)
{
    return c->layer == NULL ? weir_sock_write(c->watch.fd, p, ret_sent)
                            : c->layer->ops->write(c->layer, c->watch.fd, p, ret_sent);
}

enum weir_conn_sent weir_conn_send(struct weir_conn *c, const struct weir_pieces *p)
{
    WEIR_DCHECK(c->magic == WEIR_CONN_MAGIC);
    size_t sent = 0;
    if (c->out.len == 0) {
        enum weir_io io = write_pieces(c, p, &sent);
        c->given += sent;
        if (io == WEIR_IO_DONE)
            return WEIR_CONN_SENT;
        if (io != WEIR_IO_BLOCKED)
            return WEIR_CONN_LOST;
    }
    return weir_outq_add(c->env->buffers, &c->out, p, sent) == WEIR_OK ? WEIR_CONN_SENT
                                                                       : WEIR_CONN_NO_MEMORY;
}

/* The queue through a layer, a piece at a time. */
static enum weir_io flush_through_layer(struct weir_conn *c)
{
    enum weir_io io = c->layer->ops->flush(c->layer, c->watch.fd);
    while (io == WEIR_IO_DONE && c->out.len > 0) {
        struct weir_pieces p;
        size_t sent = 0;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_stash_span(weir_outq_first(&c->out)));
        io = c->layer->ops->write(c->layer, c->watch.fd, &p, &sent);
        weir_outq_use(c->env->buffers, &c->out, sent);
        c->given += sent;
    }
    return io;
}

static enum weir_io flush_queue(struct weir_conn *c)
{
    size_t sent = 0;
    if (c->layer != NULL)
        return flush_through_layer(c);
    enum weir_io io = weir_sock_flush(c->watch.fd, c->env->buffers, &c->out, &sent);
    c->given += sent;
    return io;
}

void weir_conn_shut(struct weir_conn *c)
{
    WEIR_ASSERT(!weir_conn_is_closed(c));
    WEIR_ASSERT(!weir_conn_holds_output(c));
    if (c->layer != NULL)
        c->layer->ops->shut(c->layer, c->watch.fd);
    (void)shutdown(c->watch.fd, SHUT_WR);
}

void weir_conn_clear_out(struct weir_conn *c)
{
    weir_outq_clear(c->env->buffers, &c->out);
}

uint64_t weir_conn_confirmed(const struct weir_conn *c)
{
    size_t unconfirmed = weir_sock_unconfirmed(c->watch.fd);
    return unconfirmed < c->given ? c->given - unconfirmed : 0;
}

/* -- events -- */

static unsigned conn_event(struct weir_conn *c, int events)
{
    unsigned what = (events & UV_READABLE) ? WEIR_CONN_READABLE : 0;
    if (!(events & UV_WRITABLE))
        return what;
    switch (flush_queue(c)) {
    case WEIR_IO_DONE:
        c->room_wanted = false;
        return what | WEIR_CONN_ROOM;
    case WEIR_IO_BLOCKED:
        return what;
    case WEIR_IO_END:
    case WEIR_IO_FAILED:
        return what | WEIR_CONN_FAILED;
    }
    WEIR_UNREACHABLE();
}

static void on_conn_event(uv_poll_t *p, int status, int events)
{
    struct weir_conn *c = conn_of(p->data);
    struct weir_conn_env *e = c->env;
    weir_conn_env_enter(e);
    if (!weir_conn_is_closed(c)) {
        unsigned what = WEIR_CONN_FAILED;
        if (status < 0)
            c->watch.events = 0; /* the loop no longer watches a descriptor in error */
        else
            what = conn_event(c, events);
        weir_conn_owner_of(c)->event(c, what);
    }
    weir_conn_env_leave(e);
}

enum weir_err weir_conn_watch(struct weir_conn *c, bool read)
{
    WEIR_DCHECK(c->magic == WEIR_CONN_MAGIC);
    bool write = c->out.len > 0 || c->room_wanted;
    c->reading = read;
    if (WEIR_UNLIKELY(c->layer != NULL)) {
        write = write || c->layer->ops->holds_output(c->layer);
        if (read && c->layer->ops->holds_input(c->layer))
            weir_conn_defer(c);
    }
    return weir_watch_want(&c->watch, c->env->loop,
                           (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0), on_conn_event);
}
