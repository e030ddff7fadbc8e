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

#define TICK_MS       500
#define BACKLOG       128
#define ACCEPT_BUDGET 16 /* connections taken in one event */

#define LISTENER_MAGIC 0x616c7374

/** One listening socket. Owner: its server, until the loop has closed it. */
struct weir_admin_listener {
    uint32_t magic;
    struct weir_admin *admin;
    struct weir_list link;
    struct weir_watch watch;
    enum weir_admin_scope scope;
    bool is_tcp;
    bool tls;
    bool waits; /* a connection was there when memory or descriptors were not: not watched */
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
static void find_user(struct weir_admin_conn *c, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    snprintf(c->user, sizeof(c->user), "unknown");
    if (c->is_tcp || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return;
    struct weir_admin *a = c->admin;
    if (!a->has_uid || a->last_uid != peer.uid) {
        name_of_uid(peer.uid, a->last_user);
        a->last_uid = peer.uid;
        a->has_uid = true;
    }
    memcpy(c->user, a->last_user, sizeof(c->user));
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

/* The connection that would be closed soonest anyway makes room, so that clients that hold theirs
 * open, or that never come to a good token, lock no other out. */
static bool make_room(struct weir_admin *a, enum weir_admin_scope scope)
{
    struct weir_admin_conn *oldest = NULL;
    if (a->num_conns < WEIR_ADMIN_CONNS_MAX && a->num_by_scope[scope] < max_of_scope(scope))
        return true;
    for (struct weir_list *l = a->conns.next; l != &a->conns; l = l->next) {
        struct weir_admin_conn *c = weir_container_of(l, struct weir_admin_conn, link);
        if (!weir_admin_conn_may_go(c) || (scope != WEIR_ADMIN_SCOPE_ALL && scope != c->scope))
            continue;
        if (oldest == NULL || c->deadline_ms < oldest->deadline_ms)
            oldest = c;
    }
    if (oldest == NULL)
        return false;
    weir_admin_conn_close(oldest);
    return true;
}

static void refuse_conn(struct weir_admin_listener *l, int fd)
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
    struct weir_pieces p;
    size_t sent = 0;
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span(busy, (size_t)len));
    weir_metric_add(l->admin->node->metrics, WEIR_M_ADMIN_ERRORS, 1);
    if (!l->tls)
        (void)weir_sock_write(fd, &p, &sent);
    close(fd);
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void watch_listener(struct weir_admin_listener *l, bool on)
{
    l->waits = !on;
    if (weir_watch_want(&l->watch, l->admin->node->loop, on ? UV_READABLE : 0, on_acceptable) < 0)
        l->waits = true; /* the tick tries again */
}

static void admit(struct weir_admin_listener *l, struct weir_admin_conn *c, int fd)
{
    struct weir_admin *a = l->admin;
    c->admin = a;
    c->is_tcp = l->is_tcp;
    c->tls = l->tls;
    c->scope = l->scope;
    find_user(c, fd);
    weir_list_append(&a->conns, &c->link);
    a->num_conns++;
    a->num_by_scope[l->scope]++;
    weir_admin_conn_start(c, fd);
}

/* @return true: there may be another one */
static bool accept_one(struct weir_admin_listener *l)
{
    int fd = -1;
    struct weir_admin_conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        watch_listener(l, false);
        return false;
    }
    enum weir_err err = weir_sock_accept(l->watch.fd, &fd, &c->peer);
    if (err == WEIR_OK && make_room(l->admin, l->scope)) {
        admit(l, c, fd);
        return true;
    }
    free(c);
    if (err == WEIR_OK)
        refuse_conn(l, fd);
    else if (err == WEIR_ELIMIT)
        watch_listener(l, false); /* it stays readable, and would make the loop spin */
    return err == WEIR_OK || err == WEIR_EIO;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct weir_admin_listener *l = listener_of(poll->data);
    struct weir_conn_env *e = &l->admin->env;
    (void)events;
    weir_conn_env_enter(e);
    if (status < 0)
        l->watch.events = 0;
    for (int i = 0; i < ACCEPT_BUDGET && accept_one(l); i++)
        continue;
    weir_conn_env_leave(e);
}

/* The clock goes on after stop until the last response is out or too late. */
static void end_tick(struct weir_admin *a)
{
    if (!a->stopping || !weir_list_empty(&a->conns) || uv_is_closing((uv_handle_t *)&a->tick))
        return;
    uv_close((uv_handle_t *)&a->tick, NULL);
    weir_conn_env_stop(&a->env);
}

/* Take the connections that there was no memory or descriptor for. */
static void accept_again(struct weir_admin *a)
{
    for (struct weir_list *i = a->listeners.next; i != &a->listeners; i = i->next) {
        struct weir_admin_listener *l = weir_container_of(i, struct weir_admin_listener, link);
        if (l->waits)
            watch_listener(l, true);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct weir_admin *a = timer->data;
    struct weir_timer *t = NULL;
    weir_conn_env_enter(&a->env);
    weir_wheel_advance(&a->wheel, a->now.ms);
    while ((t = weir_wheel_pop(&a->wheel)) != NULL)
        weir_timer_expire(&a->wheel, t);
    weir_conn_env_leave(&a->env);
    accept_again(a);
    end_tick(a);
}

/* -- listeners -- */

static void free_listener(struct weir_admin_listener *l)
{
    l->magic = 0;
    free(l);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free_listener(listener_of(handle->data));
}

static void close_listener(struct weir_admin_listener *l)
{
    weir_list_remove(&l->link);
    WEIR_ASSERT(l->admin->num_listeners > 0);
    l->admin->num_listeners--;
    weir_admin_socket_close(&l->socket);
    if (!weir_watch_close(&l->watch, false, on_listener_closed))
        free_listener(l);
}

/* @return NULL: no memory, or there are too many */
static struct weir_admin_listener *new_listener(struct weir_admin *a, enum weir_admin_scope scope)
{
    struct weir_admin_listener *l =
        a->num_listeners < WEIR_ADMIN_LISTENERS_MAX ? calloc(1, sizeof(*l)) : NULL;
    if (l == NULL)
        return NULL;
    l->magic = LISTENER_MAGIC;
    l->admin = a;
    l->scope = scope;
    l->socket.fd = -1;
    weir_list_init(&l->link);
    return l;
}

/* Takes fd. */
static void start_listener(struct weir_admin_listener *l, int fd)
{
    weir_watch_init(&l->watch, fd, l);
    weir_list_append(&l->admin->listeners, &l->link);
    l->admin->num_listeners++;
    watch_listener(l, true);
}

enum weir_err weir_admin_listen_socket(struct weir_admin *a, struct weir_admin_socket *socket,
                                       enum weir_admin_scope scope, int *ret_errno)
{
    WEIR_ASSERT(!a->stopping);
    WEIR_ASSERT(scope == WEIR_ADMIN_SCOPE_ALL || scope == WEIR_ADMIN_SCOPE_READ);
    struct weir_admin_listener *l = new_listener(a, scope);
    *ret_errno = 0;
    if (l == NULL)
        return WEIR_ENOMEM;
    if (listen(socket->fd, BACKLOG) < 0) {
        *ret_errno = errno;
        free_listener(l);
        return *ret_errno == EADDRINUSE ? WEIR_EINUSE : WEIR_EIO;
    }
    l->socket = *socket;
    l->socket.fd = -1; /* the watch has it */
    start_listener(l, socket->fd);
    *socket = (struct weir_admin_socket){ .fd = -1 };
    return WEIR_OK;
}

enum weir_err weir_admin_listen_tcp(struct weir_admin *a, const struct weir_addr *at,
                                    enum weir_admin_scope scope, struct weir_admin_listener **ret,
                                    int *ret_errno)
{
    int fd = -1;
    WEIR_ASSERT(!a->stopping);
    WEIR_ASSERT(scope == WEIR_ADMIN_SCOPE_HEALTH || scope == WEIR_ADMIN_SCOPE_TOKEN);
    struct weir_admin_listener *l = new_listener(a, scope);
    *ret_errno = 0;
    if (l == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_sock_listen_alone(at, &fd, ret_errno);
    if (err < 0) {
        free_listener(l);
        return err;
    }
    l->is_tcp = true;
    start_listener(l, fd);
    *ret = l;
    return WEIR_OK;
}

enum weir_err weir_admin_listen_tls(struct weir_admin *a, const struct weir_addr *at,
                                    struct weir_admin_listener **ret, int *ret_errno)
{
    WEIR_ASSERT(a->tls != NULL);
    enum weir_err err = weir_admin_listen_tcp(a, at, WEIR_ADMIN_SCOPE_TOKEN, ret, ret_errno);
    if (err == WEIR_OK)
        (*ret)->tls = true;
    return err;
}

enum weir_err weir_admin_present(struct weir_admin *a, struct weir_tls_identity *identity)
{
    if (a->tls == NULL) {
        if (a->tls_memory == NULL)
            a->tls_memory = calloc(1, sizeof(*a->tls_memory));
        a->env.tls = a->tls_memory;
        enum weir_err err = a->tls_memory == NULL
                                ? WEIR_ENOMEM
                                : weir_admin_tls_new(&a->env, weir_admin_conn_signed, &a->tls);
        if (err < 0)
            return err;
    }
    weir_admin_tls_present(a->tls, identity);
    return WEIR_OK;
}

void weir_admin_bound(const struct weir_admin_listener *l, struct weir_addr *ret)
{
    WEIR_ASSERT(l->is_tcp);
    enum weir_err err = weir_sock_local(l->watch.fd, ret);
    WEIR_ASSERT(err == WEIR_OK);
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

static enum weir_err start_env(struct weir_admin *a)
{
    a->now.ms = uv_now(a->node->loop);
    weir_wheel_init(&a->wheel, a->now.ms);
    weir_buffers_init(&a->buffers, WEIR_ADMIN_BUFFERS_MAX);
    a->env = (struct weir_conn_env){
        .loop = a->node->loop,
        .wheel = &a->wheel,
        .buffers = &a->buffers,
        .scratch = a->read_buffer,
        .scratch_len = sizeof(a->read_buffer),
        .now = &a->now,
    };
    return weir_conn_env_start(&a->env);
}

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
    /* libuv only writes into what it is given here. */
    enum weir_err err = start_env(a);
    WEIR_ASSERT(err == WEIR_OK);
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
            weir_admin_conn_expect(c, WEIR_ADMIN_LINGER_MS);
    }
    /* Not here: the caller may be an event of a connection, whose memory is freed at the end. */
    int rc = uv_timer_start(&a->tick, on_tick, 0, TICK_MS);
    WEIR_ASSERT(rc == 0);
}

void weir_admin_free(struct weir_admin **a)
{
    if (*a == NULL)
        return;
    WEIR_ASSERT((*a)->stopping);
    WEIR_ASSERT(weir_list_empty(&(*a)->conns));
    WEIR_ASSERT((*a)->body_bytes == 0);
    weir_admin_tls_free(&(*a)->tls);
    free((*a)->tls_memory);
    weir_buffers_deinit(&(*a)->buffers);
    free(*a);
    *a = NULL;
}
