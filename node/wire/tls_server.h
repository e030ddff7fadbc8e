/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_server.h - the server's role: what to present is asked for once in each handshake, when the
 * client has told what it offers. Nothing is built for a name before a handshake asks for it.
 * Sessions are resumed by tickets alone (tls_ticket.h), which are bound to a scope: a session of
 * one scope never resumes in another. Owner: one worker. Ref: RFC 8446 4.1.2, 4.2.8, RFC 6066 3.
 */
#ifndef WEIR_NODE_WIRE_TLS_SERVER_H
#define WEIR_NODE_WIRE_TLS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/wire/client_hello.h"
#include "node/wire/tls.h"
#include "node/wire/tls_identity.h"

struct weir_tls_tickets;
struct weir_tls_trust; /* tls_trust.h */

/** The owner's response to a ClientHello. */
enum weir_tls_chosen {
    WEIR_TLS_CHOSEN,
    WEIR_TLS_UNKNOWN_NAME,   /* unrecognized_name */
    WEIR_TLS_NO_CERTIFICATE, /* handshake_failure */
    WEIR_TLS_REFUSED,        /* access_denied */
    WEIR_TLS_CANNOT,         /* no memory, no store: internal_error */
};

/** Whether the client is asked for a certificate. */
enum weir_tls_ask { WEIR_TLS_ASK_NONE, WEIR_TLS_ASK_OPTIONAL, WEIR_TLS_ASK_REQUIRED };

struct weir_tls_choice {
    struct weir_tls_identity *identity; /* gives a reference */
    uint8_t versions;                   /* enum weir_tls_version, without a gap */
    uint8_t alpn;                       /* enum weir_alpn that may be spoken */
    const char *ciphers; /* of TLS up to 1.2, in BoringSSL's notation; NULL: WEIR_TLS_SUITES */
    uint8_t scope[WEIR_TLS_SCOPE_LEN];
    uint8_t ask;                  /* enum weir_tls_ask */
    struct weir_tls_trust *trust; /* with it: who may vouch for the client; gives a reference */
};

/** Suites up to TLS 1.2 with forward secrecy and authenticated encryption alone; the client's order
 * decides between those of the first strength. */
extern const char WEIR_TLS_SUITES[];
/** The same, then those that old clients have: CBC, RSA key exchange, triple DES. */
extern const char WEIR_TLS_SUITES_LEGACY[];

/** Called within weir_tls_handshake, at most once for each connection. @param owner  of the
 * connection; @param ret zeroed, and read with WEIR_TLS_CHOSEN alone */
typedef enum weir_tls_chosen (*weir_tls_choose_fn)(void *owner,
                                                   const struct weir_client_hello *hello,
                                                   struct weir_tls_choice *ret);

struct weir_tls_server_config {
    weir_tls_choose_fn choose;
    struct weir_tls_tickets *tickets; /* borrowed; NULL: no session is resumed */
};

/** @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_tls_server_new(const struct weir_tls_server_config *cfg,
                                                struct weir_tls_server **ret);
/** All its connections must have ended (contract). NULL is legal. Sets *s NULL. */
void weir_tls_server_free(struct weir_tls_server **s);

/**
 * Begin a connection, in zero state. It must not move while it lives.
 * @param owner  given to choose   @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_accept(struct weir_tls *t, struct weir_tls_server *s,
                                            void *owner);
/** The number (IANA) of a suite of TLS up to 1.2 that BoringSSL has, by its name in OpenSSL's or
 * IANA's spelling; 0: it has none of that name. */
uint16_t weir_tls_suite_number(const char *name);
bool weir_tls_suite_is_known(const char *name);

#endif
