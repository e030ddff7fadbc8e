/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - the admin server's listeners, its limit of connections, its clock. What a connection
 * does: admin_conn.c.
 */
#include "node/ctl/admin/admin.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/base/rng.h"
#include "node/ctl/admin/admin_conn.h"

#define TICK_MS 500
#define BACKLOG 128

#define LISTENER_MAGIC 0x616c7374

/** One listening handle. Owner: its server, until the loop has closed it. */
struct weir_admin_listener {
    uint32_t magic;
    struct weir_admin *admin;
    struct weir_list link;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } u;
    enum weir_admin_scope scope;
    bool is_tcp;
    bool waits; /* a connection was there when memory was not */
    struct weir_admin_socket socket;
};

static struct weir_admin_listener *listener_of(void *at)
{
    struct weir_admin_listener *l = at;
    WEIR_ASSERT(l != NULL);
    WEIR_ASSERT(l->magic == LISTENER_MAGIC);
    return l;
}

/* -- the user at the other end -- */

static void name_of_uid(uid_t uid, char out[WEIR_ADMIN_USER_MAX])
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

/* Names of local users come from files, so this does not wait for a network on an ordinary host.
 */
static void find_user(struct weir_admin_conn *c)
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
        name_of_uid(peer.uid, a->last_user);
        a->last_uid = peer.uid;
        a->has_uid = true;
    }
    memcpy(c->user, a->last_user, sizeof(c->user));
}

/* Guesses are counted by it. One that has gone already is "::". */
static void find_peer(struct weir_admin_conn *c)
{
    struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
    int len = sizeof(ss);
    if (c->is_tcp)
        (void)uv_tcp_getpeername(&c->u.tcp, (struct sockaddr *)&ss, &len);
    weir_addr_from_sockaddr((const struct sockaddr *)&ss, &c->peer);
}

/* -- accepting -- */

/* Of a scope: admin.socket may have all connections, and the others leave it some. */
static size_t max_of_scope(enum weir_admin_scope scope)
{
    static const size_t max[WEIR_ADMIN_SCOPES] = {
        [WEIR_ADMIN_SCOPE_ALL] = WEIR_ADMIN_CONNS_MAX,
        [WEIR_ADMIN_SCOPE_READ] = WEIR_ADMIN_READ_MAX,
        [WEIR_ADMIN_SCOPE_HEALTH] = WEIR_ADMIN_TCP_MAX,
        [WEIR_ADMIN_SCOPE_TOKEN] = WEIR_ADMIN_TOKEN_MAX,
    };
    return max[scope];
}

/* The connection that has been idle longest makes room, for a client that holds one open must not
 * lock the others out. */
static bool make_room(struct weir_admin *a, enum weir_admin_scope scope)
{
    struct weir_admin_conn *oldest = NULL;
    if (a->num_conns < WEIR_ADMIN_CONNS_MAX && a->num_by_scope[scope] < max_of_scope(scope))
        return true;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = l->next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        if (!weir_admin_conn_idle(c) || (scope != WEIR_ADMIN_SCOPE_ALL && scope != c->scope))
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

static void refuse_conn(struct weir_admin_conn *c)
{
    static const char body[] =
        "{\"error\":{\"code\":\"busy\",\"message\":\"too many admin connections are open; close "
        "some, such as those of weir logs -f, or try again\"}}\n";
    char busy[512];
    int len = snprintf(busy, sizeof(busy),
                       "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       sizeof(body) - 1, body);
    WEIR_ASSERT(len > 0 && (size_t)len < sizeof(busy));
    uv_buf_t buf = uv_buf_init(busy, (unsigned)len);
    weir_metric_add(c->admin->node->metrics, WEIR_M_ADMIN_ERRORS, 1);
    (void)uv_try_write(&c->u.stream, &buf, 1);
    uv_close(&c->u.handle, on_refused_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct weir_admin_listener *l = listener_of(stream->data);
    struct weir_admin *a = l->admin;
    if (status < 0)
        return;
    struct weir_admin_conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        l->waits = true; /* libuv asks again only after an accept, so the clock does it */
        return;
    }
    c->admin = a;
    c->is_tcp = l->is_tcp;
    c->scope = l->scope;
    int rc = l->is_tcp ? uv_tcp_init(stream->loop, &c->u.tcp)
                       : uv_pipe_init(stream->loop, &c->u.pipe, 0);
    WEIR_ASSERT(rc == 0);
    c->u.handle.data = c;
    if (uv_accept(stream, &c->u.stream) < 0) {
        uv_close(&c->u.handle, on_refused_closed);
        return;
    }
    if (!make_room(a, l->scope)) {
        refuse_conn(c);
        return;
    }
    find_peer(c);
    find_user(c);
    weir_list_append(&a->conns, &c->link);
    a->num_conns++;
    a->num_by_scope[l->scope]++;
    weir_admin_conn_start(c);
}

/* The clock goes on after stop until the last response is out or too late. */
static void end_tick(struct weir_admin *a)
{
    if (a->stopping && weir_list_empty(&a->conns) && !uv_is_closing((uv_handle_t *)&a->tick))
        uv_close((uv_handle_t *)&a->tick, NULL);
}

/* Take the connections that there was no memory for. */
static void accept_again(struct weir_admin *a)
{
    for (struct weir_list *i = a->listeners.next; i != &a->listeners; i = i->next) {
        struct weir_admin_listener *l = weir_container_of(i, struct weir_admin_listener, link);
        bool waits = l->waits;
        l->waits = false;
        if (waits)
            on_connection(&l->u.stream, 0);
    }
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
    end_tick(a);
}

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

/* -- listeners -- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct weir_admin_listener *l = listener_of(handle->data);
    l->magic = 0;
    free(l);
}

static void close_listener(struct weir_admin_listener *l)
{
    weir_list_remove(&l->link);
    WEIR_ASSERT(l->admin->num_listeners > 0);
    l->admin->num_listeners--;
    weir_admin_socket_close(&l->socket);
    uv_close(&l->u.handle, on_listener_closed);
}

/* @return NULL: no memory, or there are too many */
static struct weir_admin_listener *new_listener(struct weir_admin *a, enum weir_admin_scope scope,
                                                bool is_tcp)
{
    struct weir_admin_listener *l =
        a->num_listeners < WEIR_ADMIN_LISTENERS_MAX ? calloc(1, sizeof(*l)) : NULL;
    if (l == NULL)
        return NULL;
    l->magic = LISTENER_MAGIC;
    l->admin = a;
    l->scope = scope;
    l->is_tcp = is_tcp;
    l->socket.fd = -1;
    int rc =
        is_tcp ? uv_tcp_init(a->node->loop, &l->u.tcp) : uv_pipe_init(a->node->loop, &l->u.pipe, 0);
    WEIR_ASSERT(rc == 0);
    l->u.handle.data = l;
    weir_list_append(&a->listeners, &l->link);
    a->num_listeners++;
    return l;
}

enum weir_err weir_admin_listen_socket(struct weir_admin *a, struct weir_admin_socket *socket,
                                       enum weir_admin_scope scope, int *ret_errno)
{
    WEIR_ASSERT(!a->stopping);
    WEIR_ASSERT(scope == WEIR_ADMIN_SCOPE_ALL || scope == WEIR_ADMIN_SCOPE_READ);
    struct weir_admin_listener *l = new_listener(a, scope, false);
    *ret_errno = 0;
    if (l == NULL)
        return WEIR_ENOMEM;
    int rc = uv_pipe_open(&l->u.pipe, socket->fd);
    if (rc == 0) {
        l->socket = *socket; /* its descriptor is the handle's now */
        l->socket.fd = -1;
        *socket = (struct weir_admin_socket){ .fd = -1 };
        rc = uv_listen(&l->u.stream, BACKLOG, on_connection);
    }
    if (rc < 0)
        close_listener(l);
    return rc == 0 ? WEIR_OK : err_of_uv(rc, ret_errno);
}

enum weir_err weir_admin_listen_tcp(struct weir_admin *a, const struct weir_addr *at,
                                    enum weir_admin_scope scope, struct weir_admin_listener **ret,
                                    int *ret_errno)
{
    struct sockaddr_storage ss;
    WEIR_ASSERT(!a->stopping);
    WEIR_ASSERT(scope == WEIR_ADMIN_SCOPE_HEALTH || scope == WEIR_ADMIN_SCOPE_TOKEN);
    struct weir_admin_listener *l = new_listener(a, scope, true);
    *ret_errno = 0;
    if (l == NULL)
        return WEIR_ENOMEM;
    (void)weir_addr_to_sockaddr(at, &ss);
    unsigned flags = ss.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
    int rc = uv_tcp_bind(&l->u.tcp, (const struct sockaddr *)&ss, flags);
    if (rc == 0)
        rc = uv_listen(&l->u.stream, BACKLOG, on_connection);
    if (rc < 0)
        close_listener(l);
    else
        *ret = l;
    return rc == 0 ? WEIR_OK : err_of_uv(rc, ret_errno);
}

void weir_admin_bound(const struct weir_admin_listener *l, struct weir_addr *ret)
{
    struct sockaddr_storage ss;
    int len = sizeof(ss);
    WEIR_ASSERT(l->is_tcp);
    int rc = uv_tcp_getsockname(&l->u.tcp, (struct sockaddr *)&ss, &len);
    WEIR_ASSERT(rc == 0);
    weir_addr_from_sockaddr((const struct sockaddr *)&ss, ret);
}

void weir_admin_unlisten(struct weir_admin_listener **l)
{
    if (*l == NULL)
        return;
    WEIR_ASSERT((*l)->is_tcp);
    close_listener(*l);
    *l = NULL;
}

/* -- life -- */

enum weir_err weir_admin_start(struct weir_node *node, struct weir_admin **ret)
{
    struct weir_siphash_key key;
    struct weir_admin *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return WEIR_ENOMEM;
    if (weir_rng_secret(&key, sizeof(key)) < 0) {
        free(a);
        return WEIR_EIO;
    }
    a->node = node;
    weir_guess_limit_init(&a->guesses, &key);
    weir_list_init(&a->listeners);
    weir_list_init(&a->conns);
    int rc = uv_timer_init(node->loop, &a->tick);
    WEIR_ASSERT(rc == 0);
    a->tick.data = a;
    rc = uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
    WEIR_ASSERT(rc == 0);
    *ret = a;
    return WEIR_OK;
}

void weir_admin_stop(struct weir_admin *a)
{
    if (a == NULL || a->stopping)
        return;
    a->stopping = true;
    while (!weir_list_empty(&a->listeners))
        close_listener(weir_container_of(a->listeners.next, struct weir_admin_listener, link));
    struct weir_list *next = NULL;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        next = l->next;
        /* A response that is on its way may arrive, if its client takes it soon. */
        if (!weir_admin_conn_finishing(c))
            weir_admin_conn_close(c);
        else
            c->deadline_ms = uv_now(a->node->loop) + WEIR_ADMIN_LINGER_MS;
    }
    end_tick(a);
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
