/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_server.c - see tls_server.h.
 */
#include "node/wire/tls_server.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/wire/tls_identity_private.h"
#include "node/wire/tls_private.h"
#include "node/wire/tls_ticket.h"
#include "node/wire/tls_trust.h"

#define SESSION_S (24 * 3600) /* how long a session resumes at most */

#define SUITES_FORWARD_SECRET                                                                      \
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"                                \
    "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"                                    \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

const char WEIR_TLS_SUITES[] = SUITES_FORWARD_SECRET;
const char WEIR_TLS_SUITES_LEGACY[] =
    SUITES_FORWARD_SECRET ":ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
                          "ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:"
                          "AES256-SHA:DES-CBC3-SHA";

struct weir_tls_server {
    struct weir_tls_server_config cfg;
    SSL_CTX *ctx; /* owns */
};

/* -- what is presented -- */

static int note_fault(struct weir_tls *t, enum weir_tls_fault fault)
{
    t->fault = (uint8_t)fault;
    return 0;
}

static bool present(struct weir_tls *t, SSL *ssl, struct weir_tls_choice *c)
{
    struct weir_tls_identity *id = c->identity;
    if (!id->slow)
        return SSL_set_chain_and_key(ssl, id->chain, id->num, id->key, NULL);
    t->identity = id; /* the connection has it now */
    c->identity = NULL;
    return SSL_set_chain_and_key(ssl, id->chain, id->num, NULL, &weir_tls_slow_keys);
}

/* The chain of a client, once more in each full handshake. */
static enum ssl_verify_result_t on_client_chain(SSL *ssl, uint8_t *alert)
{
    struct weir_tls *t = weir_tls_of(ssl);
    const STACK_OF(CRYPTO_BUFFER) *peer = SSL_get0_peer_certificates(ssl);
    struct weir_span chain[WEIR_TLS_CHAIN_MAX];
    size_t num = sk_CRYPTO_BUFFER_num(peer);
    for (size_t i = 0; i < num && i < WEIR_TLS_CHAIN_MAX; i++) {
        const CRYPTO_BUFFER *b = sk_CRYPTO_BUFFER_value(peer, i);
        chain[i] = weir_span(CRYPTO_BUFFER_data(b), CRYPTO_BUFFER_len(b));
    }
    WEIR_ASSERT(t->trust != NULL);
    if (num > 0 && num <= WEIR_TLS_CHAIN_MAX && chain[0].len <= WEIR_CLIENT_CERT_MAX &&
        weir_tls_trust_verify(t->trust, chain, num, NULL) == NULL)
        return ssl_verify_ok;
    t->fault = WEIR_TLS_FAULT_VERIFY;
    *alert = SSL_AD_BAD_CERTIFICATE;
    return ssl_verify_invalid;
}

/* Takes the reference of c. */
static bool ask_client(struct weir_tls *t, SSL *ssl, struct weir_tls_choice *c)
{
    if (c->ask == WEIR_TLS_ASK_NONE)
        return true;
    WEIR_ASSERT(c->trust != NULL);
    STACK_OF(CRYPTO_BUFFER) *names = weir_tls_trust_names(c->trust);
    if (names == NULL)
        return false;
    SSL_set0_client_CAs(ssl, names);
    SSL_set_custom_verify(
        ssl,
        SSL_VERIFY_PEER | (c->ask == WEIR_TLS_ASK_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        on_client_chain);
    t->trust = c->trust;
    c->trust = NULL;
    return true;
}

static bool apply(struct weir_tls *t, SSL *ssl, struct weir_tls_choice *c)
{
    WEIR_ASSERT(c->identity != NULL);
    memcpy(t->scope, c->scope, sizeof(t->scope));
    t->alpn = c->alpn; /* until the handshake is done: what may be chosen */
    return weir_tls_allow_versions(ssl, c->versions) &&
           (c->ciphers == NULL || SSL_set_strict_cipher_list(ssl, c->ciphers)) &&
           SSL_set_session_id_context(ssl, t->scope, sizeof(t->scope)) && present(t, ssl, c) &&
           ask_client(t, ssl, c);
}

static enum ssl_select_cert_result_t on_client_hello(const SSL_CLIENT_HELLO *hello)
{
    struct weir_tls *t = weir_tls_of(hello->ssl);
    struct weir_client_hello offer;
    struct weir_tls_choice c = { 0 };
    if (!weir_client_hello_read(weir_span(hello->client_hello, hello->client_hello_len), &offer)) {
        note_fault(t, WEIR_TLS_FAULT_PROTOCOL);
        return ssl_select_cert_error;
    }
    bool ok = false;
    switch (t->server->cfg.choose(t->owner, &offer, &c)) {
    case WEIR_TLS_CHOSEN:
        ok = apply(t, hello->ssl, &c);
        if (!ok)
            note_fault(t, WEIR_TLS_FAULT_INTERNAL);
        break;
    case WEIR_TLS_UNKNOWN_NAME: /* on_server_name sends the alert that says so */
        note_fault(t, WEIR_TLS_FAULT_UNKNOWN_NAME);
        ok = true;
        break;
    case WEIR_TLS_NO_CERTIFICATE:
        note_fault(t, WEIR_TLS_FAULT_NO_CERTIFICATE);
        break;
    case WEIR_TLS_REFUSED:
        note_fault(t, WEIR_TLS_FAULT_REFUSED);
        break;
    case WEIR_TLS_CANNOT:
        note_fault(t, WEIR_TLS_FAULT_INTERNAL);
        break;
    }
    weir_tls_identity_unref(c.identity);
    weir_tls_trust_unref(c.trust);
    return ok ? ssl_select_cert_success : ssl_select_cert_error;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    if (weir_tls_of(ssl)->fault != WEIR_TLS_FAULT_UNKNOWN_NAME)
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The server's order decides: h2 before http/1.1. A client that offers neither is refused by its
 * own words (RFC 7301 3.2), unless it speaks something older than ALPN. */
static int on_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
                   unsigned in_len, void *arg)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } protocols[] = { { WEIR_ALPN_H2, "h2" }, { WEIR_ALPN_HTTP11, "http/1.1" } };
    const struct weir_tls *t = weir_tls_of(ssl);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(protocols); i++) {
        struct weir_span name = weir_span_cstr(protocols[i].name);
        if (!(t->alpn & protocols[i].bit))
            continue;
        for (unsigned at = 0; at < in_len; at += 1 + in[at]) {
            if (!weir_span_eq(weir_span(in + at + 1, in[at]), name))
                continue;
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* -- tickets -- */

static struct weir_tls_ticket_use use_of(const struct weir_tls *t)
{
    return (struct weir_tls_ticket_use){ weir_span(t->scope, sizeof(t->scope)),
                                         weir_clock_wall_ms() / 1000 };
}

static size_t ticket_overhead(SSL *ssl)
{
    return WEIR_TLS_TICKET_EXTRA;
}

static int seal_ticket(SSL *ssl, uint8_t *out, size_t *out_len, size_t max_out, const uint8_t *in,
                       size_t in_len)
{
    const struct weir_tls *t = weir_tls_of(ssl);
    struct weir_tls_ticket_use use = use_of(t);
    if (max_out < in_len + WEIR_TLS_TICKET_EXTRA ||
        weir_tls_ticket_seal(t->server->cfg.tickets, &use, weir_span(in, in_len), out) < 0)
        return 0;
    *out_len = in_len + WEIR_TLS_TICKET_EXTRA;
    return 1;
}

static enum ssl_ticket_aead_result_t open_ticket(SSL *ssl, uint8_t *out, size_t *out_len,
                                                 size_t max_out, const uint8_t *in, size_t in_len)
{
    const struct weir_tls *t = weir_tls_of(ssl);
    struct weir_tls_ticket_use use = use_of(t);
    if (max_out < in_len ||
        weir_tls_ticket_open(t->server->cfg.tickets, &use, weir_span(in, in_len), out, out_len) < 0)
        return ssl_ticket_aead_ignore_ticket;
    return ssl_ticket_aead_success;
}

static const SSL_TICKET_AEAD_METHOD ticket_method = {
    .max_overhead = ticket_overhead,
    .seal = seal_ticket,
    .open = open_ticket,
};

/* -- life -- */

static bool set_up(struct weir_tls_server *s)
{
    SSL_CTX *c = s->ctx;
    if (!SSL_CTX_set_min_proto_version(c, TLS1_VERSION) ||
        !SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) ||
        !SSL_CTX_set_strict_cipher_list(c, WEIR_TLS_SUITES) ||
        !SSL_CTX_set1_curves_list(c, "X25519:P-256:P-384"))
        return false;
    SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE |
                               (s->cfg.tickets == NULL ? SSL_OP_NO_TICKET : 0));
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(c, SESSION_S);
    SSL_CTX_set_session_psk_dhe_timeout(c, SESSION_S);
    SSL_CTX_set_select_certificate_cb(c, on_client_hello);
    SSL_CTX_set_tlsext_servername_callback(c, on_server_name);
    SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
    SSL_CTX_set_grease_enabled(c, 0);
    if (s->cfg.tickets != NULL)
        SSL_CTX_set_ticket_aead_method(c, &ticket_method);
    return true;
}

enum weir_err weir_tls_server_new(const struct weir_tls_server_config *cfg,
                                  struct weir_tls_server **ret)
{
    WEIR_ASSERT(cfg->choose != NULL);
    struct weir_tls_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return WEIR_ENOMEM;
    s->cfg = *cfg;
    s->ctx = SSL_CTX_new(TLS_with_buffers_method());
    if (s->ctx == NULL || !set_up(s)) {
        weir_tls_server_free(&s);
        ERR_clear_error();
        return WEIR_ENOMEM;
    }
    *ret = s;
    return WEIR_OK;
}

void weir_tls_server_free(struct weir_tls_server **s)
{
    if (*s == NULL)
        return;
    SSL_CTX_free((*s)->ctx);
    free(*s);
    *s = NULL;
}

enum weir_err weir_tls_accept(struct weir_tls *t, struct weir_tls_server *s, void *owner)
{
    WEIR_ASSERT(t->ssl == NULL);
    enum weir_err err = weir_tls_init(t, s->ctx);
    if (err < 0)
        return err;
    t->server = s;
    t->owner = owner;
    SSL_set_accept_state(t->ssl);
    return WEIR_OK;
}

uint16_t weir_tls_suite_number(const char *name)
{
    SSL_CTX *c = SSL_CTX_new(TLS_with_buffers_method());
    uint16_t number = 0;
    if (c != NULL && SSL_CTX_set_strict_cipher_list(c, name)) {
        const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(c);
        const SSL_CIPHER *one = sk_SSL_CIPHER_num(all) == 1 ? sk_SSL_CIPHER_value(all, 0) : NULL;
        /* What else BoringSSL's notation stands for is no name. */
        if (one != NULL && (strcmp(SSL_CIPHER_get_name(one), name) == 0 ||
                            strcmp(SSL_CIPHER_standard_name(one), name) == 0))
            number = SSL_CIPHER_get_protocol_id(one);
    }
    SSL_CTX_free(c);
    ERR_clear_error();
    return number;
}

bool weir_tls_suite_is_known(const char *name)
{
    return weir_tls_suite_number(name) != 0;
}
