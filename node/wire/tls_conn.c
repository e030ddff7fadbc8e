/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_conn.c - see tls.h. BoringSSL reads and writes through a BIO whose two ends are the spans of
 * the call that runs.
 */
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include "node/wire/tls.h"
#include "node/wire/tls_identity.h"
#include "node/wire/tls_private.h"
#include "node/wire/tls_trust.h"

const char *weir_tls_fault_name(enum weir_tls_fault fault)
{
    static const char *const names[] = {
        [WEIR_TLS_FAULT_NONE] = "none",
        [WEIR_TLS_FAULT_PROTOCOL] = "protocol",
        [WEIR_TLS_FAULT_HTTP] = "http_in_clear",
        [WEIR_TLS_FAULT_VERSION] = "no_shared_version",
        [WEIR_TLS_FAULT_CIPHER] = "no_shared_cipher",
        [WEIR_TLS_FAULT_UNKNOWN_NAME] = "unknown_name",
        [WEIR_TLS_FAULT_NO_CERTIFICATE] = "no_certificate",
        [WEIR_TLS_FAULT_REFUSED] = "refused",
        [WEIR_TLS_FAULT_VERIFY] = "peer_not_trusted",
        [WEIR_TLS_FAULT_ALERT] = "alert_of_peer",
        [WEIR_TLS_FAULT_MEMORY] = "no_memory",
        [WEIR_TLS_FAULT_INTERNAL] = "internal",
    };
    _Static_assert(WEIR_ARRAY_LEN(names) == WEIR_TLS_FAULTS, "each fault has a name");
    WEIR_ASSERT((size_t)fault < WEIR_ARRAY_LEN(names));
    return names[fault];
}

/* -- the two ends -- */

static int bio_read(BIO *bio, char *at, int len)
{
    struct weir_tls *t = BIO_get_data(bio);
    struct weir_tls_io *io = t->io;
    BIO_clear_retry_flags(bio);
    if (io == NULL || io->in.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = io->in.len < (size_t)len ? io->in.len : (size_t)len;
    memcpy(at, io->in.at, n);
    io->in = weir_span_from(io->in, n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *at, int len)
{
    struct weir_tls *t = BIO_get_data(bio);
    struct weir_tls_io *io = t->io;
    BIO_clear_retry_flags(bio);
    size_t room = io != NULL ? io->out_max - io->out_len : 0;
    size_t n = room < (size_t)len ? room : (size_t)len;
    if (n == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(io->out + io->out_len, at, n);
    io->out_len += n;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_TYPE_NONE, "weir");
    if (bio_method == NULL)
        return;
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
    BIO_meth_set_create(bio_method, bio_create);
}

/* -- life -- */

struct weir_tls *weir_tls_of(const SSL *ssl)
{
    struct weir_tls *t = SSL_get_app_data(ssl);
    WEIR_ASSERT(t != NULL);
    WEIR_ASSERT(t->magic == WEIR_TLS_MAGIC);
    return t;
}

enum weir_err weir_tls_init(struct weir_tls *t, SSL_CTX *ctx)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_bio_method);
    SSL *ssl = bio_method != NULL ? SSL_new(ctx) : NULL;
    BIO *bio = ssl != NULL ? BIO_new(bio_method) : NULL;
    if (bio == NULL || !SSL_set_app_data(ssl, t)) {
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return WEIR_ENOMEM;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_shed_handshake_config(ssl, 1);
    t->magic = WEIR_TLS_MAGIC;
    t->ssl = ssl;
    return WEIR_OK;
}

void weir_tls_end(struct weir_tls *t)
{
    if (t->signature != NULL)
        weir_tls_signature_abandon(t);
    SSL_free(t->ssl);
    weir_tls_trust_unref(t->trust);
    weir_tls_identity_unref(t->identity);
    memset(t, 0, sizeof(*t));
}

static uint16_t lowest(uint8_t versions)
{
    return versions & WEIR_TLS_1_0   ? TLS1_VERSION
           : versions & WEIR_TLS_1_1 ? TLS1_1_VERSION
           : versions & WEIR_TLS_1_2 ? TLS1_2_VERSION
                                     : TLS1_3_VERSION;
}

static uint16_t highest(uint8_t versions)
{
    return versions & WEIR_TLS_1_3   ? TLS1_3_VERSION
           : versions & WEIR_TLS_1_2 ? TLS1_2_VERSION
           : versions & WEIR_TLS_1_1 ? TLS1_1_VERSION
                                     : TLS1_VERSION;
}

bool weir_tls_allow_versions(SSL *ssl, uint8_t versions)
{
    return versions != 0 && SSL_set_min_proto_version(ssl, lowest(versions)) &&
           SSL_set_max_proto_version(ssl, highest(versions));
}

/* -- faults -- */

static enum weir_tls_fault fault_of_reason(int reason)
{
    switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
        return WEIR_TLS_FAULT_HTTP;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_UNKNOWN_SSL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
        return WEIR_TLS_FAULT_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_WRONG_CIPHER_RETURNED:
        return WEIR_TLS_FAULT_CIPHER;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return WEIR_TLS_FAULT_VERIFY;
    case ERR_R_MALLOC_FAILURE:
        return WEIR_TLS_FAULT_MEMORY;
    case SSL_R_NO_CERTIFICATE_SET:
    case SSL_R_PRIVATE_KEY_OPERATION_FAILED:
    case ERR_R_INTERNAL_ERROR:
        return WEIR_TLS_FAULT_INTERNAL;
    default:
        return WEIR_TLS_FAULT_PROTOCOL;
    }
}

/* The first error says why; those behind it say where. A fault that a callback has noted stays. */
static enum weir_tls_step fail(struct weir_tls *t)
{
    uint32_t err = ERR_peek_error();
    int reason = ERR_GET_REASON(err);
    ERR_clear_error();
    t->shut = true; /* an alert was sent or received, and nothing may follow it */
    if (t->fault != WEIR_TLS_FAULT_NONE)
        return WEIR_TLS_FAILED;
    if (ERR_GET_LIB(err) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
        t->fault = WEIR_TLS_FAULT_ALERT;
        t->alert = (uint8_t)(reason - SSL_AD_REASON_OFFSET);
    } else {
        t->fault = fault_of_reason(reason);
    }
    return WEIR_TLS_FAILED;
}

static enum weir_tls_step step_of(struct weir_tls *t, int ret)
{
    switch (SSL_get_error(t->ssl, ret)) {
    case SSL_ERROR_NONE:
        return WEIR_TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return WEIR_TLS_WANTS_INPUT;
    case SSL_ERROR_WANT_WRITE:
        return WEIR_TLS_WANTS_ROOM;
    case SSL_ERROR_WANT_PRIVATE_KEY_OPERATION:
        return WEIR_TLS_SIGNS;
    case SSL_ERROR_ZERO_RETURN:
        return WEIR_TLS_END;
    default:
        return fail(t);
    }
}

/* -- moving -- */

static uint8_t version_of(const SSL *ssl)
{
    switch (SSL_version(ssl)) {
    case TLS1_VERSION:
        return WEIR_TLS_1_0;
    case TLS1_1_VERSION:
        return WEIR_TLS_1_1;
    case TLS1_2_VERSION:
        return WEIR_TLS_1_2;
    default:
        return WEIR_TLS_1_3;
    }
}

static void note_established(struct weir_tls *t)
{
    const uint8_t *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(t->ssl, &name, &len);
    struct weir_span alpn = weir_span(name, len);
    t->alpn = weir_span_eq(alpn, WEIR_SPAN_LIT("h2"))         ? WEIR_ALPN_H2
              : weir_span_eq(alpn, WEIR_SPAN_LIT("http/1.1")) ? WEIR_ALPN_HTTP11
                                                              : 0;
    t->version = version_of(t->ssl);
    t->resumed = SSL_session_reused(t->ssl);
    t->peer_presented = sk_CRYPTO_BUFFER_num(SSL_get0_peer_certificates(t->ssl)) > 0;
    t->established = true;
    weir_tls_identity_unref(t->identity);
    t->identity = NULL;
}

enum weir_tls_step weir_tls_handshake(struct weir_tls *t, struct weir_tls_io *io)
{
    WEIR_ASSERT(t->magic == WEIR_TLS_MAGIC);
    WEIR_ASSERT(!t->established && t->fault == WEIR_TLS_FAULT_NONE);
    t->io = io;
    int ret = SSL_do_handshake(t->ssl);
    enum weir_tls_step step = ret == 1 ? WEIR_TLS_DONE : step_of(t, ret);
    t->io = NULL;
    if (step == WEIR_TLS_DONE)
        note_established(t);
    return step;
}

enum weir_tls_step weir_tls_read(struct weir_tls *t, struct weir_tls_io *io, uint8_t *at,
                                 size_t len, size_t *ret_len)
{
    WEIR_DCHECK(t->magic == WEIR_TLS_MAGIC);
    WEIR_ASSERT(t->established);
    WEIR_ASSERT(len > 0 && len <= INT_MAX);
    *ret_len = 0;
    if (WEIR_UNLIKELY(t->fault != WEIR_TLS_FAULT_NONE))
        return WEIR_TLS_FAILED;
    t->io = io;
    int ret = SSL_read(t->ssl, at, (int)len);
    enum weir_tls_step step = ret > 0 ? WEIR_TLS_DONE : step_of(t, ret);
    t->io = NULL;
    if (ret > 0)
        *ret_len = (size_t)ret;
    return step;
}

enum weir_tls_step weir_tls_write(struct weir_tls *t, struct weir_tls_io *io,
                                  struct weir_span clear, size_t *ret_used)
{
    WEIR_DCHECK(t->magic == WEIR_TLS_MAGIC);
    WEIR_ASSERT(t->established);
    enum weir_tls_step step = WEIR_TLS_DONE;
    size_t used = 0;
    if (WEIR_UNLIKELY(t->fault != WEIR_TLS_FAULT_NONE || t->shut))
        return WEIR_TLS_FAILED;
    t->io = io;
    while (used < clear.len && step == WEIR_TLS_DONE) {
        size_t n = clear.len - used < WEIR_TLS_RECORD_MAX ? clear.len - used : WEIR_TLS_RECORD_MAX;
        if (io->out_max - io->out_len < WEIR_TLS_RECORD_ROOM) {
            step = WEIR_TLS_WANTS_ROOM;
            break;
        }
        int ret = SSL_write(t->ssl, clear.at + used, (int)n);
        if (ret > 0)
            used += (size_t)ret;
        else
            step = step_of(t, ret);
    }
    t->io = NULL;
    *ret_used = used;
    return step == WEIR_TLS_WANTS_INPUT ? WEIR_TLS_FAILED : step;
}

void weir_tls_shut(struct weir_tls *t, struct weir_tls_io *io)
{
    WEIR_ASSERT(t->magic == WEIR_TLS_MAGIC);
    if (t->shut || !t->established)
        return;
    t->shut = true;
    t->io = io;
    (void)SSL_shutdown(t->ssl);
    t->io = NULL;
    ERR_clear_error();
}

bool weir_tls_holds_input(const struct weir_tls *t)
{
    return SSL_pending(t->ssl) > 0;
}

void weir_tls_set_record_len(struct weir_tls *t, size_t len)
{
    WEIR_ASSERT(len >= WEIR_TLS_RECORD_MIN && len <= WEIR_TLS_RECORD_MAX);
    int ok = SSL_set_max_send_fragment(t->ssl, len);
    WEIR_ASSERT(ok == 1);
}

/* -- what was agreed on -- */

const char *weir_tls_version_text(const struct weir_tls *t)
{
    WEIR_ASSERT(t->established);
    return SSL_get_version(t->ssl);
}

const char *weir_tls_cipher_text(const struct weir_tls *t)
{
    WEIR_ASSERT(t->established);
    return SSL_CIPHER_standard_name(SSL_get_current_cipher(t->ssl));
}

struct weir_span weir_tls_peer_certificate(const struct weir_tls *t)
{
    const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(t->ssl);
    if (sk_CRYPTO_BUFFER_num(chain) == 0)
        return WEIR_SPAN_EMPTY;
    const CRYPTO_BUFFER *leaf = sk_CRYPTO_BUFFER_value(chain, 0);
    return weir_span(CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf));
}
