/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - the admin server's listeners, its limit of connections, its clock. What a connection
 * does: admin_conn.c.
 */
#include "node/ctl/admin.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/ctl/admin_conn.h"

#define TICK_MS 500
#define BACKLOG 128

/* -- who is at the other end -- */

static void user_of_uid(uid_t uid, char out[WEIR_ADMIN_USER_MAX])
{
    char texts[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(uid, &entry, texts, sizeof(texts), &found) == 0 && found != NULL &&
        strlen(found->pw_name) < WEIR_ADMIN_USER_MAX)
        snprintf(out, WEIR_ADMIN_USER_MAX, "%s", found->pw_name);
    else
        snprintf(out, WEIR_ADMIN_USER_MAX, "uid:%u", (unsigned)uid);
}

/* Names of local users come from files, so this does not wait for a network on an ordinary machine.
 */
static void user_of_peer(struct weir_admin_conn *c)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    uv_os_fd_t fd = -1;
    snprintf(c->user, sizeof(c->user), "unknown");
    if (c->is_tcp || uv_fileno(&c->u.handle, &fd) < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return;
    struct weir_admin *a = c->admin;
    if (!a->has_uid || a->last_uid != peer.uid) {
        user_of_uid(peer.uid, a->last_user);
        a->last_uid = peer.uid;
        a->has_uid = true;
    }
    memcpy(c->user, a->last_user, sizeof(c->user));
}

/* -- accepting -- */

/* The connection that has been idle longest makes room, for a client that holds one open must not
 * lock the others out. */
static bool room_make(struct weir_admin *a, bool is_tcp)
{
    struct weir_admin_conn *oldest = NULL;
    if (a->num_conns < WEIR_ADMIN_CONNS_MAX && (!is_tcp || a->num_tcp < WEIR_ADMIN_TCP_MAX))
        return true;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = l->next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        if (!weir_admin_conn_idle(c) || (is_tcp && !c->is_tcp))
            continue;
        if (oldest == NULL || c->deadline_ms < oldest->deadline_ms)
            oldest = c;
    }
    if (oldest == NULL)
        return false;
    weir_admin_conn_close(oldest);
    return true;
}

static void on_refused_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void refuse(struct weir_admin_conn *c)
{
    static char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                         "Content-Length: 0\r\nConnection: close\r\n\r\n";
    uv_buf_t buf = uv_buf_init(busy, sizeof(busy) - 1);
    weir_metric_add(c->admin->node->metrics, WEIR_M_ADMIN_ERRORS, 1);
    (void)uv_try_write(&c->u.stream, &buf, 1);
    uv_close(&c->u.handle, on_refused_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct weir_admin *a = listener->data;
    bool is_tcp = listener->type == UV_TCP;
    if (status < 0)
        return;
    struct weir_admin_conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        /* libuv asks again only after an accept, so the clock does it. */
        *(is_tcp ? &a->tcp_waits : &a->pipe_waits) = true;
        return;
    }
    c->admin = a;
    c->is_tcp = is_tcp;
    c->u.handle.data = c;
    int rc = is_tcp ? uv_tcp_init(listener->loop, &c->u.tcp)
                    : uv_pipe_init(listener->loop, &c->u.pipe, 0);
    WEIR_ASSERT(rc == 0);
    c->u.handle.data = c;
    if (uv_accept(listener, &c->u.stream) < 0) {
        uv_close(&c->u.handle, on_refused_closed);
        return;
    }
    if (!room_make(a, is_tcp)) {
        refuse(c);
        return;
    }
    user_of_peer(c);
    weir_list_append(&a->conns, &c->link);
    a->num_conns++;
    a->num_tcp += is_tcp ? 1 : 0;
    weir_admin_conn_start(c);
}

/* The clock goes on after stop until the last response is out or too late. */
static void tick_end(struct weir_admin *a)
{
    if (a->stopping && weir_list_empty(&a->conns) && !uv_is_closing((uv_handle_t *)&a->tick))
        uv_close((uv_handle_t *)&a->tick, NULL);
}

/* Take the connections that there was no memory for. */
static void accept_again(struct weir_admin *a)
{
    bool pipe = a->pipe_waits && !a->stopping;
    bool tcp = a->tcp_waits && !a->stopping;
    a->pipe_waits = false;
    a->tcp_waits = false;
    if (pipe)
        on_connection((uv_stream_t *)&a->pipe_listener, 0);
    if (tcp)
        on_connection((uv_stream_t *)&a->tcp_listener, 0);
}

static void on_tick(uv_timer_t *timer)
{
    struct weir_admin *a = timer->data;
    struct weir_list *next = NULL;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = next) {
        next = l->next;
        weir_admin_conn_tick(weir_container_of(l, struct weir_admin_conn, link));
    }
    accept_again(a);
    tick_end(a);
}

/* -- life -- */

static enum weir_err err_of_uv(int rc, int *ret_errno)
{
    *ret_errno = -rc;
    switch (rc) {
    case UV_EADDRINUSE:
        return WEIR_EINUSE;
    case UV_EACCES:
    case UV_EPERM:
        return WEIR_EPERM;
    case UV_EADDRNOTAVAIL:
    case UV_EINVAL:
        return WEIR_EINVAL;
    case UV_ENOMEM:
        return WEIR_ENOMEM;
    default:
        return WEIR_EIO;
    }
}

static int tcp_listen(struct weir_admin *a, const struct weir_addr *at)
{
    struct sockaddr_storage ss;
    (void)weir_addr_to_sockaddr(at, &ss);
    int rc = uv_tcp_bind(&a->tcp_listener, (const struct sockaddr *)&ss, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&a->tcp_listener, BACKLOG, on_connection);
    return rc;
}

static int pipe_listen(struct weir_admin *a, struct weir_admin_socket *socket)
{
    int rc = uv_pipe_open(&a->pipe_listener, socket->fd);
    if (rc < 0)
        return rc;
    a->socket = *socket;
    socket->fd = -1; /* the handle's now */
    socket->path = NULL;
    a->socket.fd = -1;
    return uv_listen((uv_stream_t *)&a->pipe_listener, BACKLOG, on_connection);
}

enum weir_err weir_admin_start(struct weir_node *node, struct weir_admin_socket *socket,
                               const struct weir_addr *tcp, struct weir_admin **ret, int *ret_errno)
{
    struct weir_admin *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        *ret_errno = ENOMEM;
        return WEIR_ENOMEM;
    }
    a->node = node;
    a->has_tcp = tcp != NULL;
    a->socket.fd = -1;
    weir_list_init(&a->conns);
    int rc = uv_pipe_init(node->loop, &a->pipe_listener, 0);
    WEIR_ASSERT(rc == 0);
    rc = uv_tcp_init(node->loop, &a->tcp_listener);
    WEIR_ASSERT(rc == 0);
    rc = uv_timer_init(node->loop, &a->tick);
    WEIR_ASSERT(rc == 0);
    a->pipe_listener.data = a;
    a->tcp_listener.data = a;
    a->tick.data = a;
    rc = tcp != NULL ? tcp_listen(a, tcp) : 0;
    if (rc == 0)
        rc = pipe_listen(a, socket);
    if (rc == 0)
        rc = uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
    *ret = a;
    return rc == 0 ? WEIR_OK : err_of_uv(rc, ret_errno);
}

void weir_admin_bound(const struct weir_admin *a, struct weir_addr *ret)
{
    struct sockaddr_storage ss;
    int len = sizeof(ss);
    WEIR_ASSERT(a->has_tcp);
    int rc = uv_tcp_getsockname(&a->tcp_listener, (struct sockaddr *)&ss, &len);
    WEIR_ASSERT(rc == 0);
    weir_addr_from_sockaddr((const struct sockaddr *)&ss, ret);
}

void weir_admin_stop(struct weir_admin *a)
{
    if (a->stopping)
        return;
    a->stopping = true;
    uv_close((uv_handle_t *)&a->pipe_listener, NULL);
    uv_close((uv_handle_t *)&a->tcp_listener, NULL);
    weir_admin_socket_close(&a->socket);
    struct weir_list *next = NULL;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        next = l->next;
        /* A response that is on its way may arrive, if its client takes it soon. */
        if (c->state != WEIR_ADMIN_CONN_WRITING)
            weir_admin_conn_close(c);
        else
            c->deadline_ms = uv_now(a->node->loop) + WEIR_ADMIN_LINGER_MS;
    }
    tick_end(a);
}

void weir_admin_free(struct weir_admin **a)
{
    if (*a == NULL)
        return;
    WEIR_ASSERT((*a)->stopping);
    WEIR_ASSERT(weir_list_empty(&(*a)->conns));
    WEIR_ASSERT((*a)->body_bytes == 0);
    free(*a);
    *a = NULL;
}
