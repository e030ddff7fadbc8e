/* SPDX-License-Identifier: Apache-2.0
 *
 * origin_tls.c - see origin_tls.h.
 */
#include "node/loop/origin_tls.h"

#include <stdlib.h>
#include <string.h>

#include "node/conn/tls_layer.h"
#include "node/loop/system_trust.h"
#include "node/loop/worker_tls.h"
#include "node/wire/tls_client.h"
#include "tenants/cert_cache.h"

/* -- settings -- */

static struct weir_origin_tls *origin_tls_of(void *p)
{
    struct weir_origin_tls *t = p;
    WEIR_ASSERT(t != NULL);
    WEIR_ASSERT(t->magic == WEIR_ORIGIN_TLS_MAGIC);
    return t;
}

static struct weir_span identity_of(const struct weir_upstream_tls *s)
{
    return weir_span(s->identity, sizeof(s->identity));
}

/* Copy a text to `*at`, with a NUL behind it, and let *s be the copy. */
static void take_text(struct weir_span *s, uint8_t **at)
{
    uint8_t *copy = *at;
    if (s->len > 0)
        memcpy(copy, s->at, s->len);
    copy[s->len] = '\0';
    *at += s->len + 1;
    s->at = copy;
}

static struct weir_origin_tls *settings_copy(const struct weir_upstream_tls *from)
{
    size_t pins_len = (size_t)from->num_pins * WEIR_TLS_PIN_LEN;
    struct weir_origin_tls *t = malloc(sizeof(*t) + pins_len + from->sni.len + from->ciphers.len +
                                       from->client_certificate.len + from->client_tenant.len + 4);
    if (t == NULL)
        return NULL;
    memset(t, 0, sizeof(*t));
    t->magic = WEIR_ORIGIN_TLS_MAGIC;
    t->settings = *from;
    t->settings.ca = WEIR_SPAN_EMPTY; /* it becomes `trust` */
    t->settings.pins = (const void *)t->bytes;
    if (pins_len > 0)
        memcpy(t->bytes, from->pins, pins_len);
    uint8_t *at = t->bytes + pins_len;
    take_text(&t->settings.sni, &at);
    take_text(&t->settings.ciphers, &at);
    take_text(&t->settings.client_certificate, &at);
    take_text(&t->settings.client_tenant, &at);
    return t;
}

static struct weir_origin_tls *settings_new(struct weir_worker *w,
                                            const struct weir_upstream_tls *from)
{
    const char *why = NULL;
    struct weir_origin_tls *t = settings_copy(from);
    if (t == NULL)
        return NULL;
    t->worker = w;
    if ((from->ca.len > 0 && weir_tls_trust_new(from->ca, &t->trust, &why) < 0) ||
        weir_hashmap_add(&w->origin_tls, identity_of(&t->settings), t) < 0) {
        weir_tls_trust_unref(t->trust);
        free(t);
        return NULL;
    }
    return t;
}

struct weir_origin_tls *weir_origin_tls_of(struct weir_worker *w,
                                           const struct weir_upstream_tls *from)
{
    struct weir_origin_tls *t = weir_hashmap_find(&w->origin_tls, identity_of(from));
    if (t == NULL)
        t = settings_new(w, from);
    if (t == NULL)
        return NULL;
    WEIR_ASSERT(origin_tls_of(t)->worker == w);
    t->refs++;
    return t;
}

void weir_origin_tls_unref(struct weir_origin_tls *t)
{
    if (t == NULL)
        return;
    WEIR_ASSERT(t->magic == WEIR_ORIGIN_TLS_MAGIC);
    WEIR_ASSERT(t->refs > 0);
    if (--t->refs > 0)
        return;
    (void)weir_hashmap_remove(&t->worker->origin_tls, identity_of(&t->settings));
    weir_tls_trust_unref(t->trust);
    t->magic = 0;
    free(t);
}

/* -- sessions -- */

static void drop_session(struct weir_address_pool *p, size_t i)
{
    weir_tls_session_unref(p->sessions[i].session);
    p->num_sessions--;
    memmove(p->sessions + i, p->sessions + i + 1, (p->num_sessions - i) * sizeof(p->sessions[0]));
}

void weir_origin_tls_drop_sessions(struct weir_address_pool *p)
{
    while (p->num_sessions > 0)
        drop_session(p, p->num_sessions - 1u);
}

/* The server gave a session: the oldest makes way. */
static void on_session(void *owner, struct weir_tls_session *session)
{
    struct weir_origin_handshake *h = owner;
    struct weir_address_pool *p = h->pool;
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    h->num_tickets += h->num_tickets <= WEIR_ORIGIN_TICKETS_MAX;
    if (h->num_tickets > WEIR_ORIGIN_TICKETS_MAX) {
        weir_tls_session_unref(session);
        return;
    }
    if (p->num_sessions == WEIR_ORIGIN_SESSIONS)
        drop_session(p, 0);
    p->sessions[p->num_sessions].session = session;
    p->sessions[p->num_sessions++].since_ms = p->worker->now.ms;
}

/* The newest that is not too old; NULL: none. */
static struct weir_tls_session *newest_session(struct weir_address_pool *p)
{
    while (p->num_sessions > 0) {
        const struct weir_origin_session *s = &p->sessions[p->num_sessions - 1u];
        if (p->worker->now.ms - s->since_ms < WEIR_ORIGIN_SESSION_MS)
            return s->session;
        weir_origin_tls_drop_sessions(p); /* the others are older */
    }
    return NULL;
}

/* -- the server's certificate -- */

static bool is_pinned(const struct weir_upstream_tls *s, struct weir_span leaf)
{
    uint8_t key[WEIR_SHA256_LEN];
    if (!weir_tls_key_sha256(leaf, key))
        return false;
    for (uint16_t i = 0; i < s->num_pins; i++)
        if (memcmp(s->pins[i], key, sizeof(key)) == 0)
            return true;
    return false;
}

/* Whom the certificate must be for: the name that was asked for, or the address. */
static struct weir_tls_peer_name peer_name_of(const struct weir_origin_handshake *h)
{
    const struct weir_address_pool *p = h->pool;
    const struct weir_span sni = p->tls->settings.sni;
    if (sni.len > 0)
        return (struct weir_tls_peer_name){ .host = sni };
    if (p->host[0] != '\0')
        return (struct weir_tls_peer_name){ .host = weir_span_cstr(p->host) };
    return (struct weir_tls_peer_name){ .ip = weir_addr_is_v4(&h->addr)
                                                  ? weir_span(h->addr.ip + 12, 4)
                                                  : weir_span(h->addr.ip, 16) };
}

static bool on_certificate(void *owner, const struct weir_span *chain, size_t num)
{
    struct weir_origin_handshake *h = owner;
    WEIR_ASSERT(h->pool->magic == WEIR_ADDRESS_POOL_MAGIC);
    const struct weir_origin_tls *t = h->pool->tls;
    const char *why = NULL;
    if (t->settings.verify) {
        struct weir_tls_peer_name name = peer_name_of(h);
        const struct weir_tls_trust *trust =
            t->trust != NULL ? t->trust : weir_system_trust(&t->worker->group->system_trust);
        why = trust != NULL ? weir_tls_trust_verify(trust, chain, num, &name)
                            : "no_system_authorities";
    }
    if (why == NULL && t->settings.num_pins > 0 && !is_pinned(&t->settings, chain[0]))
        why = "pin_mismatch";
    h->fault = why;
    return why == NULL;
}

/* -- the handshake -- */

static struct weir_tls_client *client_of(struct weir_worker *w)
{
    static const struct weir_tls_client_config config = { .verify = on_certificate,
                                                          .session = on_session };
    if (w->tls->client == NULL && weir_tls_client_new(&config, &w->tls->client) < 0)
        return NULL;
    return w->tls->client;
}

/* What weir shows when it is asked. One that is not there ends the handshake at its first step.
 * @return NULL: none, or h->fault is set */
static struct weir_tls_identity *find_certificate(struct weir_origin_handshake *h)
{
    const struct weir_upstream_tls *s = &h->pool->tls->settings;
    struct weir_cert_cache *certs = h->pool->worker->certs;
    struct weir_tls_identity *id = NULL;
    if (s->client_certificate.len == 0)
        return NULL;
    if (certs == NULL ||
        weir_cert_cache_get(certs, s->client_tenant, s->client_certificate, &id) < 0) {
        h->fault = "no_client_certificate";
        return NULL;
    }
    return id;
}

enum weir_err weir_origin_tls_begin(struct weir_origin_handshake *h, struct weir_conn *c,
                                    struct weir_address_pool *p, const struct weir_addr *addr)
{
    struct weir_worker *w = p->worker;
    const struct weir_upstream_tls *s = &p->tls->settings;
    struct weir_tls_client *client = client_of(w);
    struct weir_tls_layer *layer =
        client != NULL ? weir_tls_layer_new(&w->env, &w->tls->layers) : NULL;
    if (layer == NULL)
        return WEIR_ENOMEM;
    h->pool = p;
    h->addr = *addr;
    h->conn = c;
    struct weir_tls_dial d = {
        .sni = s->sni.len > 0       ? (const char *)s->sni.at
               : p->host[0] != '\0' ? p->host
                                    : NULL,
        .versions = s->versions,
        .ciphers = s->ciphers.len > 0 ? (const char *)s->ciphers.at : NULL,
        .session = newest_session(p),
        .identity = find_certificate(h),
    };
    enum weir_err err = weir_tls_connect(&layer->tls, client, &d, h);
    if (err < 0) {
        weir_tls_layer_discard(layer);
        return err;
    }
    h->resumes = d.session != NULL;
    /* BoringSSL has its own reference now. */
    if (d.session != NULL && weir_tls_session_is_single_use(d.session))
        drop_session(p, p->num_sessions - 1u);
    layer->strict_end = true;
    weir_conn_set_layer(c, &layer->layer);
    return WEIR_OK;
}

/* By RFC 8446 6, and those of older versions. */
static const char *alert_label(uint8_t alert)
{
    static const char *const labels[] = {
        [10] = "alert_unexpected_message",
        [20] = "alert_bad_record_mac",
        [22] = "alert_record_overflow",
        [40] = "alert_handshake_failure",
        [42] = "alert_bad_certificate",
        [43] = "alert_unsupported_certificate",
        [44] = "alert_certificate_revoked",
        [45] = "alert_certificate_expired",
        [46] = "alert_certificate_unknown",
        [47] = "alert_illegal_parameter",
        [48] = "alert_unknown_ca",
        [49] = "alert_access_denied",
        [50] = "alert_decode_error",
        [51] = "alert_decrypt_error",
        [70] = "alert_protocol_version",
        [71] = "alert_insufficient_security",
        [80] = "alert_internal_error",
        [86] = "alert_inappropriate_fallback",
        [90] = "alert_user_canceled",
        [109] = "alert_missing_extension",
        [110] = "alert_unsupported_extension",
        [112] = "alert_unrecognized_name",
        [116] = "alert_certificate_required",
    };
    return alert < WEIR_ARRAY_LEN(labels) && labels[alert] != NULL ? labels[alert]
                                                                   : "alert_of_peer";
}

/* The reason that a callback gave is better than the one that BoringSSL makes of it. */
static const char *fault_label(const struct weir_origin_handshake *h, const struct weir_tls *tls,
                               enum weir_tls_progress progress)
{
    if (h->fault != NULL)
        return h->fault;
    if (progress == WEIR_TLS_PROGRESS_END)
        return "closed_in_handshake";
    if (tls->fault == WEIR_TLS_FAULT_NONE)
        return "reset_in_handshake";
    if (tls->fault == WEIR_TLS_FAULT_ALERT)
        return alert_label(tls->alert);
    return weir_tls_fault_name(tls->fault);
}

static enum weir_origin_tls_progress end_handshake(struct weir_origin_handshake *h,
                                                   const struct weir_tls *tls,
                                                   enum weir_tls_progress progress)
{
    if (tls->fault == WEIR_TLS_FAULT_MEMORY || tls->fault == WEIR_TLS_FAULT_INTERNAL)
        return WEIR_ORIGIN_TLS_STARVED;
    h->fault = fault_label(h, tls, progress);
    weir_metric_add(h->pool->worker->metrics, WEIR_M_UPSTREAM_TLS_FAILED, 1);
    /* A session may be what the server cannot read: the next handshake is a full one. */
    if (h->resumes)
        weir_origin_tls_drop_sessions(h->pool);
    return WEIR_ORIGIN_TLS_FAILED;
}

static void on_signature(struct weir_worker *w, void *owner)
{
    struct weir_origin_handshake *h = owner;
    h->signs = false;
    weir_conn_wake(h->conn);
}

enum weir_origin_tls_progress weir_origin_tls_step(struct weir_origin_handshake *h)
{
    struct weir_worker *w = h->pool->worker;
    struct weir_tls *tls = &weir_tls_layer_of(h->conn)->tls;
    if (h->fault != NULL)
        return end_handshake(h, tls, WEIR_TLS_PROGRESS_FAILED);
    if (h->signs)
        return WEIR_ORIGIN_TLS_MORE;
    enum weir_tls_progress progress = weir_tls_layer_handshake(h->conn);
    switch (progress) {
    case WEIR_TLS_PROGRESS_DONE:
        weir_metric_add(w->metrics, WEIR_M_UPSTREAM_TLS_HANDSHAKES, 1);
        if (tls->resumed)
            weir_metric_add(w->metrics, WEIR_M_UPSTREAM_TLS_RESUMED, 1);
        return WEIR_ORIGIN_TLS_DONE;
    case WEIR_TLS_PROGRESS_BLOCKED:
        return WEIR_ORIGIN_TLS_MORE;
    case WEIR_TLS_PROGRESS_SIGNS:
        h->signs = weir_worker_tls_sign(w, tls, on_signature);
        return h->signs ? WEIR_ORIGIN_TLS_MORE : WEIR_ORIGIN_TLS_STARVED;
    case WEIR_TLS_PROGRESS_END:
    case WEIR_TLS_PROGRESS_FAILED:
        return end_handshake(h, tls, progress);
    }
    WEIR_UNREACHABLE();
}
