/* SPDX-License-Identifier: Apache-2.0
 *
 * session_tls.c - see session_tls.h.
 */
#include "node/loop/session/session_tls.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/log_filter.h"
#include "node/base/metrics.h"
#include "node/base/trace.h"
#include "node/conn/tls_layer.h"
#include "node/loop/loop.h"
#include "node/loop/worker_tls.h"
#include "node/wire/tls_trust.h"
#include "tenants/cache.h"
#include "tenants/cert_cache.h"

static const uint8_t session_moves[] = {
    [WEIR_SESSION_TLS_HANDSHAKE] =
        1 << WEIR_SESSION_TLS_SIGNING | 1 << WEIR_SESSION_TLS_LINGER | 1 << WEIR_SESSION_TLS_CLOSED,
    [WEIR_SESSION_TLS_SIGNING] = 1 << WEIR_SESSION_TLS_HANDSHAKE | 1 << WEIR_SESSION_TLS_CLOSED,
    [WEIR_SESSION_TLS_LINGER] = 1 << WEIR_SESSION_TLS_CLOSED,
    [WEIR_SESSION_TLS_CLOSED] = 0,
};

static const char *const session_state_names[] = {
    [WEIR_SESSION_TLS_HANDSHAKE] = "handshake",
    [WEIR_SESSION_TLS_SIGNING] = "signing",
    [WEIR_SESSION_TLS_LINGER] = "linger",
    [WEIR_SESSION_TLS_CLOSED] = "closed",
};

static struct weir_session_tls *session_of(struct weir_conn *c)
{
    struct weir_session_tls *h = weir_container_of(c, struct weir_session_tls, s.conn);
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    WEIR_DCHECK(weir_session_kind_of(&h->s) == &weir_session_tls);
    return h;
}

static struct weir_worker *worker_of(const struct weir_session_tls *h)
{
    return weir_worker_of(&h->s.conn);
}

static struct weir_tls *tls_of(const struct weir_session_tls *h)
{
    return &weir_tls_layer_of(&h->s.conn)->tls;
}

static void move(struct weir_session_tls *h, enum weir_session_tls_state to)
{
    WEIR_ASSERT(h->state < WEIR_ARRAY_LEN(session_moves));
    WEIR_ASSERT_MOVE(session_moves[h->state] & (1u << to), session_state_names[h->state],
                     session_state_names[to]);
    weir_trace("tls.move", (uintptr_t)h, (uint64_t)h->state << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE,
                 weir_session_log_move(&h->s, WEIR_SPAN_EMPTY, session_state_names[h->state],
                                       session_state_names[to]));
    h->state = (uint8_t)to;
}

const struct weir_tls *weir_session_tls_of(const struct weir_session *s)
{
    const struct weir_tls_layer *l = weir_tls_layer_of(&s->conn);
    return l != NULL ? &l->tls : NULL;
}

/* -- what is presented -- */

static uint8_t highest_of(uint8_t versions)
{
    return versions & WEIR_TLS_1_3   ? WEIR_TLS_1_3
           : versions & WEIR_TLS_1_2 ? WEIR_TLS_1_2
           : versions & WEIR_TLS_1_1 ? WEIR_TLS_1_1
                                     : WEIR_TLS_1_0;
}

/* The kinds of keys that the client takes in the version that will be chosen, and up to TLS 1.2
 * those for which a suite of both sides is. Where there is none in common, any: BoringSSL then
 * tells the client what was missing. */
static uint8_t kinds_of(const struct weir_client_hello *hello, const struct weir_tenant *t)
{
    uint8_t version = highest_of(hello->versions & t->tls_versions);
    uint8_t kinds = hello->keys_13;
    if (version != WEIR_TLS_1_3)
        kinds = hello->keys_12 &
                weir_tls_suites_keys(hello->suites & t->tls_suites, (enum weir_tls_version)version);
    return kinds != 0 ? kinds : WEIR_TLS_KEYS_ECDSA | WEIR_TLS_KEY_RSA | WEIR_TLS_KEY_ED25519;
}

WEIR_COLD static void log_no_certificate(const struct weir_tenant *t, struct weir_span name,
                                         enum weir_err err)
{
    static struct weir_log_limit limit;
    uint32_t suppressed = 0;
    if (weir_log_allowed(&limit, 10, &suppressed))
        log_warn("tls.no_certificate", "tenant=%.*s name=%.*s err=%s suppressed=%u",
                 (int)t->name.len, (const char *)t->name.at, (int)name.len, (const char *)name.at,
                 weir_err_name(err), suppressed);
}

/* Whether the client's address has begun its share of handshakes in this second. */
static bool is_over_rate(const struct weir_session_tls *h)
{
    const struct weir_worker *w = worker_of(h);
    uint32_t max = w->cfg.handshakes_per_address;
    struct weir_prefixes trusted = w->exchange.trusted;
    return max > 0 && !weir_prefixes_contain(trusted, &h->s.peer) &&
           !weir_address_rate_take(w->group->handshakes, &h->s.peer, max, w->now.ms);
}

/* Who may vouch for clients: read once for each compiled tenant. @return false: it cannot be */
static bool set_client_trust(struct weir_tenant *t, struct weir_tls_choice *ret)
{
    const char *why = NULL;
    ret->ask = t->tls_ask;
    if (t->tls_ask == WEIR_TLS_ASK_NONE)
        return true;
    if (t->client_trust == NULL && weir_tls_trust_new(t->client_ca, &t->client_trust, &why) < 0)
        return false;
    ret->trust = weir_tls_trust_ref(t->client_trust);
    return true;
}

enum weir_tls_chosen weir_session_tls_choose(void *owner, const struct weir_client_hello *hello,
                                             struct weir_tls_choice *ret)
{
    struct weir_session_tls *h = owner;
    struct weir_worker *w = worker_of(h);
    struct weir_span name = weir_span(hello->name, hello->name_len);
    struct weir_tenant *t = NULL;
    struct weir_tls_identity *id = NULL;
    if (is_over_rate(h))
        return WEIR_TLS_REFUSED;
    if (WEIR_UNLIKELY(atomic_load_explicit(&w->inbox_ready, memory_order_acquire)))
        weir_worker_drain_inbox(w);
    enum weir_err err = weir_tenant_cache_find(w->cache, &h->s.local, name, &t);
    if (err == WEIR_ENOTFOUND)
        return WEIR_TLS_UNKNOWN_NAME;
    if (err < 0)
        return WEIR_TLS_CANNOT;
    err = weir_cert_cache_find(w->certs, t->name, name, kinds_of(hello, t), &id);
    if (err < 0) {
        log_no_certificate(t, name, err);
        return err == WEIR_ENOTFOUND ? WEIR_TLS_NO_CERTIFICATE : WEIR_TLS_CANNOT;
    }
    if (!set_client_trust(t, ret))
        return WEIR_TLS_CANNOT;
    ret->identity = weir_tls_identity_ref(id);
    ret->versions = t->tls_versions;
    ret->ciphers = t->tls_ciphers;
    ret->alpn = t->http2 ? WEIR_ALPN_HTTP11 | WEIR_ALPN_H2 : WEIR_ALPN_HTTP11;
    memcpy(ret->scope, t->scope, sizeof(ret->scope));
    return WEIR_TLS_CHOSEN;
}

/* -- the end -- */

static void on_closed(struct weir_conn *c)
{
    struct weir_session_tls *h = session_of(c);
    WEIR_ASSERT(h->state == WEIR_SESSION_TLS_CLOSED);
    h->s.magic = 0;
    weir_pool_release(&worker_of(h)->session_pool, h);
}

static void close_session(struct weir_session_tls *h, bool abort)
{
    move(h, WEIR_SESSION_TLS_CLOSED);
    weir_session_close(&h->s, abort);
}

/* A client that has sent more than was read would be reset, and would not read the alert. */
static void linger(struct weir_session_tls *h)
{
    struct weir_conn *c = &h->s.conn;
    weir_session_note(&h->s, WEIR_CLOSE_REFUSED);
    if (weir_conn_holds_output(c)) {
        close_session(h, false);
        return;
    }
    move(h, WEIR_SESSION_TLS_LINGER);
    weir_conn_shut(c);
    weir_conn_set_deadline(c, c->env->now->ms + WEIR_LINGER_MS);
}

static void read_and_drop(struct weir_session_tls *h)
{
    struct weir_conn *c = &h->s.conn;
    size_t n = 0;
    enum weir_io io = weir_sock_read(c->watch.fd, c->env->scratch, c->env->scratch_len, &n);
    if (io == WEIR_IO_BLOCKED)
        return;
    h->dropped += (uint32_t)n;
    if (io != WEIR_IO_DONE || h->dropped > WEIR_LINGER_MAX)
        close_session(h, false);
}

/* The client takes the port for one of HTTP in clear: it is told so in its own words. */
static void respond_in_clear(struct weir_session_tls *h)
{
    static const char response[] =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 55\r\n"
        "Connection: close\r\n\r\nThis port is for https: ask again with an https:// URL.";
    _Static_assert(sizeof("This port is for https: ask again with an https:// URL.") - 1 == 55,
                   "Content-Length");
    size_t sent = 0;
    (void)weir_sock_send(h->s.conn.watch.fd, weir_span_cstr(response), false, &sent);
}

WEIR_COLD static void log_failed(const struct weir_session_tls *h, const struct weir_tls *t)
{
    char peer[WEIR_ADDR_TEXT_MAX];
    (void)weir_addr_text(&h->s.peer, peer);
    log_debug_for(WEIR_SPAN_EMPTY, &h->s.peer, "tls.failed", "client=%s reason=%s alert=%u", peer,
                  weir_tls_fault_name((enum weir_tls_fault)t->fault), t->alert);
}

_Static_assert(WEIR_M_TLS_FAILED_INTERNAL - WEIR_M_TLS_FAILED_PROTOCOL ==
                   WEIR_TLS_FAULT_INTERNAL - WEIR_TLS_FAULT_PROTOCOL,
               "each fault has a metric, in order");

static void count_fault(const struct weir_session_tls *h, enum weir_tls_fault fault)
{
    WEIR_ASSERT(fault >= WEIR_TLS_FAULT_PROTOCOL);
    weir_metric_add(
        worker_of(h)->metrics,
        (enum weir_metric)(WEIR_M_TLS_FAILED_PROTOCOL + (fault - WEIR_TLS_FAULT_PROTOCOL)), 1);
}

static void handle_failure(struct weir_session_tls *h)
{
    const struct weir_tls *t = tls_of(h);
    if (t->fault == WEIR_TLS_FAULT_NONE) { /* the socket, or memory for what it did not take */
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_LOST);
        close_session(h, true);
        return;
    }
    count_fault(h, (enum weir_tls_fault)t->fault);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, log_failed(h, t));
    if (t->fault == WEIR_TLS_FAULT_HTTP)
        respond_in_clear(h);
    linger(h);
}

/* -- signatures -- */

static void pump(struct weir_session_tls *h);

static void on_signature(struct weir_worker *w, void *owner)
{
    struct weir_session_tls *h = owner;
    if (h->state != WEIR_SESSION_TLS_SIGNING)
        return;
    move(h, WEIR_SESSION_TLS_HANDSHAKE);
    pump(h);
}

static void wait_for_signature(struct weir_session_tls *h)
{
    move(h, WEIR_SESSION_TLS_SIGNING);
    if (weir_worker_tls_sign(worker_of(h), tls_of(h), on_signature)) {
        if (weir_conn_watch(&h->s.conn, false) == WEIR_OK)
            return;
    }
    weir_metric_add(worker_of(h)->metrics, WEIR_M_TLS_FAILED_MEMORY, 1);
    close_session(h, true);
}

/* -- the handshake -- */

static void finish_handshake(struct weir_session_tls *h)
{
    struct weir_metrics *m = worker_of(h)->metrics;
    const struct weir_tls *t = tls_of(h);
    weir_metric_add(m, t->resumed ? WEIR_M_TLS_RESUMED : WEIR_M_TLS_HANDSHAKES, 1);
    weir_session_become(&h->s, t->alpn == WEIR_ALPN_H2 ? &weir_session_h2 : &weir_session_h1);
}

/* @return true: the session has become another one */
static bool step(struct weir_session_tls *h)
{
    struct weir_conn *c = &h->s.conn;
    if (!weir_worker_tls_may_step(worker_of(h))) {
        weir_conn_defer(c);
        return false;
    }
    switch (weir_tls_layer_handshake(c)) {
    case WEIR_TLS_PROGRESS_DONE:
        return true;
    case WEIR_TLS_PROGRESS_BLOCKED:
        if (weir_conn_watch(c, true) < 0)
            close_session(h, true);
        return false;
    case WEIR_TLS_PROGRESS_SIGNS:
        wait_for_signature(h);
        return false;
    case WEIR_TLS_PROGRESS_END:
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_END);
        close_session(h, false);
        return false;
    case WEIR_TLS_PROGRESS_FAILED:
        handle_failure(h);
        if (h->state == WEIR_SESSION_TLS_LINGER && weir_conn_watch(c, true) < 0)
            close_session(h, true);
        return false;
    }
    WEIR_UNREACHABLE();
}

/* Ends with the pump of the session that this one has become, if it has. */
static void pump(struct weir_session_tls *h)
{
    struct weir_conn *c = &h->s.conn;
    weir_pump_begin(c->env, c);
    weir_buffers_charge(c->env->buffers, &worker_of(h)->buffers.budget.accounts[0],
                        WEIR_MEMORY_REQUESTS);
    bool done = false;
    if (h->state == WEIR_SESSION_TLS_HANDSHAKE)
        done = step(h);
    else if (h->state == WEIR_SESSION_TLS_LINGER)
        read_and_drop(h);
    weir_pump_end(c->env, c);
    if (done)
        finish_handshake(h);
}

static void on_event(struct weir_conn *c, unsigned what)
{
    struct weir_session_tls *h = session_of(c);
    if (h->state == WEIR_SESSION_TLS_CLOSED)
        return;
    if (what & WEIR_CONN_FAILED) {
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_LOST);
        close_session(h, true);
        return;
    }
    pump(h);
}

static void on_expired(struct weir_conn *c)
{
    struct weir_session_tls *h = session_of(c);
    if (h->state != WEIR_SESSION_TLS_LINGER && c->received > 0)
        weir_metric_add(worker_of(h)->metrics, WEIR_M_TLS_TIMED_OUT, 1);
    weir_session_note(&h->s, WEIR_CLOSE_TIMEOUT);
    close_session(h, false);
}

/* -- the kind -- */

/* The layer is put below at once: nothing of the connection may be read without it. */
static struct weir_session *open_session(struct weir_worker *w, int fd)
{
    struct weir_session_tls *h = weir_pool_get(&w->session_pool);
    struct weir_tls_layer *l = h != NULL ? weir_tls_layer_new(&w->env, &w->tls->layers) : NULL;
    if (l == NULL || weir_tls_accept(&l->tls, w->tls->server, h) < 0) {
        weir_tls_layer_discard(l);
        weir_pool_release(&w->session_pool, h);
        return NULL;
    }
    memset(h, 0, sizeof(*h));
    h->state = WEIR_SESSION_TLS_HANDSHAKE;
    weir_conn_init(&h->s.conn, &w->env, &weir_session_tls.owner, fd);
    weir_conn_set_layer(&h->s.conn, &l->layer);
    return &h->s;
}

static void begin_session(struct weir_session *s)
{
    struct weir_conn *c = &s->conn;
    weir_conn_set_deadline(c, c->env->now->ms + weir_worker_of(c)->cfg.handshake_timeout_ms);
    weir_room_note(&weir_worker_of(c)->room, &s->idle, c->env->now->ms);
    pump(session_of(c));
}

/* A handshake that runs ends soon, by itself or by its deadline. */
static void drain_session(struct weir_session *s)
{
    WEIR_DCHECK(s->magic == WEIR_SESSION_MAGIC);
}

static void cut_session(struct weir_session *s)
{
    close_session(session_of(&s->conn), true);
}

static struct weir_account *session_account(const struct weir_session *s)
{
    return &weir_worker_of(&s->conn)->buffers.budget.accounts[0];
}

static uint64_t session_slow_since(const struct weir_session *s)
{
    return 0; /* a handshake has one deadline in all */
}

static bool session_is_idle(const struct weir_session *s)
{
    const struct weir_session_tls *h = weir_container_of(s, struct weir_session_tls, s);
    return h->state == WEIR_SESSION_TLS_HANDSHAKE && s->conn.received == 0;
}

static bool shed_session(struct weir_session *s)
{
    const struct weir_conn *c = &s->conn;
    if (c->env->running == c || !weir_sock_is_quiet(c->watch.fd))
        return false;
    weir_session_note(s, WEIR_CLOSE_SHED);
    close_session(session_of(&s->conn), false);
    return true;
}

const struct weir_session_kind weir_session_tls = {
    .name = "https",
    .owner = { .task = WEIR_CONN_TASK,
               .event = on_event,
               .expired = on_expired,
               .closed = on_closed },
    .client_speaks_first = true,
    .open = open_session,
    .begin = begin_session,
    .drain = drain_session,
    .cut = cut_session,
    .account = session_account,
    .slow_since = session_slow_since,
    .is_idle = session_is_idle,
    .shed = shed_session,
};
