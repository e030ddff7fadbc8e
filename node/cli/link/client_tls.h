/* SPDX-License-Identifier: Apache-2.0
 *
 * client_tls.h - TLS to a remote node, without I/O: the bytes for the node and of it are in `out`
 * and `in`, which the client sends and fills. A node is trusted by the certificates of a file, by
 * those of the system, or by the fingerprint of its own; there is no way to trust it unseen.
 * Owner: the main thread. Limits: one record each way.   Ref: RFC 8446; RFC 9525.
 */
#ifndef WEIR_NODE_CLI_LINK_CLIENT_TLS_H
#define WEIR_NODE_CLI_LINK_CLIENT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/cli/link/node_url.h"
#include "node/wire/pem/tls_pem.h"
#include "node/wire/tls.h"

#define WEIR_CLIENT_TLS_IN_LEN  32768
#define WEIR_CLIENT_TLS_OUT_LEN (2 * WEIR_TLS_RECORD_ROOM)
#define WEIR_CLIENT_TLS_CA_MAX  16777216 /* bytes of a file with certificates */

struct weir_client_tls {
    struct weir_tls tls;
    struct weir_tls_client *client;  /* owns */
    struct weir_tls_trust *trust;    /* owns; NULL: by fingerprint */
    uint8_t pinned[WEIR_SHA256_LEN]; /* without trust */
    const struct weir_node_url *url; /* borrowed; the certificate must be for its host */
    const char *refused;             /* why the node's certificate is not trusted; static */
    char presented[WEIR_TLS_FINGERPRINT_TEXT]; /* with refused: what it was */
    size_t in_at, in_len;                      /* of the node, not yet decrypted */
    size_t out_at, out_len;                    /* for the node, not yet sent */
    uint8_t in[WEIR_CLIENT_TLS_IN_LEN];
    uint8_t out[WEIR_CLIENT_TLS_OUT_LEN];
};

/**
 * @param ca       a file in PEM, "sha256:" and a fingerprint, or NULL: what the system trusts
 * @param ret_why  on WEIR_EINVAL and WEIR_ENOTFOUND: the end of a sentence about `ca`; static
 * @return WEIR_OK | WEIR_EINVAL | WEIR_ENOTFOUND (the file cannot be read) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_client_tls_new(const char *ca, const struct weir_node_url *url,
                                                struct weir_client_tls **ret, const char **ret_why);
/** Sets *t NULL; NULL is legal. */
void weir_client_tls_free(struct weir_client_tls **t);

/** Begin a connection; one that was begun before is over. @return WEIR_OK | WEIR_ENOMEM |
 * WEIR_EINVAL: TLS cannot ask for that host */
WEIR_MUST_USE enum weir_err weir_client_tls_begin(struct weir_client_tls *t);
/** Go on with the handshake. @return as weir_tls_handshake, but _WANTS_ROOM and _SIGNS: never */
enum weir_tls_step weir_client_tls_handshake(struct weir_client_tls *t);
/** Encrypt some of it. Only when nothing waits in `out` (contract).
 * @return false: the connection is over */
WEIR_MUST_USE bool weir_client_tls_write(struct weir_client_tls *t, struct weir_span clear,
                                         size_t *ret_used);
/** Decrypt. @return WEIR_TLS_DONE: *ret_len bytes, 1.. | WEIR_TLS_WANTS_INPUT | _END | _FAILED */
enum weir_tls_step weir_client_tls_read(struct weir_client_tls *t, uint8_t *at, size_t len,
                                        size_t *ret_len);

/** What waits to be sent. */
static inline struct weir_span weir_client_tls_output(const struct weir_client_tls *t)
{
    return weir_span(t->out + t->out_at, t->out_len - t->out_at);
}
/** So much of it was sent. */
void weir_client_tls_sent(struct weir_client_tls *t, size_t len);
/** Where received bytes go; then weir_client_tls_received. Never empty, but with undecrypted bytes
 * of a whole record. */
uint8_t *weir_client_tls_input(struct weir_client_tls *t, size_t *ret_room);
/** So much was received. */
void weir_client_tls_received(struct weir_client_tls *t, size_t len);

#endif
