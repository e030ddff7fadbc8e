/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_client.h - the client's role: what is asked for and presented is given at the begin of each
 * connection; the server's chain is shown to the owner, who decides. Sessions that the server gives
 * are handed to the owner, who decides where they resume. Owner: one thread. Ref: RFC 8446 4.1.3,
 * 4.6.1, RFC 6066 3.
 */
#ifndef WEIR_NODE_WIRE_TLS_CLIENT_H
#define WEIR_NODE_WIRE_TLS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/client_hello.h"
#include "node/wire/tls.h"
#include "node/wire/tls_identity.h"

/** A session that can be resumed. Reference-counted by BoringSSL; of one thread. */
struct weir_tls_session;

/** Drops a reference. NULL is legal. */
void weir_tls_session_unref(struct weir_tls_session *s);
/** Whether it may resume one connection alone (TLS 1.3), and is to be dropped once it was used. */
bool weir_tls_session_is_single_use(const struct weir_tls_session *s);

struct weir_tls_client_config {
    /**
     * The server has presented a chain: DER, the leaf first. Not called when a session resumes.
     * @param owner  of the connection   @return false: end the handshake (bad_certificate)
     */
    bool (*verify)(void *owner, const struct weir_span *chain, size_t num);
    /** The server gave a session. Takes a reference. NULL: none is wanted. */
    void (*session)(void *owner, struct weir_tls_session *s);
};

/** @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_tls_client_new(const struct weir_tls_client_config *cfg,
                                                struct weir_tls_client **ret);
/** All its connections must have ended (contract). NULL is legal. Sets *c NULL. */
void weir_tls_client_free(struct weir_tls_client **c);

/** One connection's settings, borrowed for the call. */
struct weir_tls_dial {
    const char *sni;                    /* NULL: no name is sent */
    uint8_t versions;                   /* enum weir_tls_version, without a gap; never 0 */
    const char *ciphers;                /* up to TLS 1.2; NULL: all that BoringSSL has */
    uint8_t alpn;                       /* enum weir_alpn that is offered; 0: no ALPN */
    struct weir_tls_identity *identity; /* to present when asked; NULL: none */
    struct weir_tls_session *session;   /* to resume; NULL: none */
};

/**
 * Begin a connection, in zero state. It must not move while it lives.
 * @param owner  given to the callbacks
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EINVAL (a name, versions or suites that TLS cannot use)
 */
WEIR_MUST_USE enum weir_err weir_tls_connect(struct weir_tls *t, struct weir_tls_client *c,
                                             const struct weir_tls_dial *d, void *owner);

#endif
