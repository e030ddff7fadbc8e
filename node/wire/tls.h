/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - one TLS connection over BoringSSL, of either role. Sans-I/O: bytes of the peer in, bytes
 * for the peer out, clear bytes between; no descriptor, no clock but for certificates and tickets.
 * A server asks its owner once for what to present (tls_server.h); a client is told at its begin
 * (tls_client.h). Never: SSL 2 and 3, renegotiation, compression, early data.
 * Owner: one thread. Limits: WEIR_TLS_RECORD_ROOM bytes of output are needed to encrypt a record.
 * Ref: RFC 8446, RFC 5246, RFC 8996.
 */
#ifndef WEIR_NODE_WIRE_TLS_H
#define WEIR_NODE_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/client_hello.h"

#define WEIR_TLS_RECORD_MAX 16384 /* clear bytes of one record */
#define WEIR_TLS_RECORD_MIN 512   /* the least that records may be told to hold */
#define WEIR_TLS_RECORD_ROOM                                                                       \
    (WEIR_TLS_RECORD_MAX + 1024) /* what one may need, and what goes ahead */
#define WEIR_TLS_SCOPE_LEN 16

/** The bytes at hand during one call. */
struct weir_tls_io {
    struct weir_span in; /* of the peer; what is used is cut off in front */
    uint8_t *out;        /* for the peer; appended */
    size_t out_len, out_max;
};

/** How far a call came. */
enum weir_tls_step {
    WEIR_TLS_DONE,
    WEIR_TLS_WANTS_INPUT, /* all of io->in is used, and more is needed */
    WEIR_TLS_WANTS_ROOM,  /* io->out is full: send it, then call again */
    WEIR_TLS_SIGNS,       /* a signature is made elsewhere: weir_tls_pending_signature */
    WEIR_TLS_END,         /* the peer has ended in order (close_notify) */
    WEIR_TLS_FAILED,      /* see fault; io->out may hold an alert for the peer */
};

/** Why a connection failed. */
enum weir_tls_fault {
    WEIR_TLS_FAULT_NONE,
    WEIR_TLS_FAULT_PROTOCOL,       /* bytes that TLS forbids */
    WEIR_TLS_FAULT_HTTP,           /* a client speaks HTTP in clear */
    WEIR_TLS_FAULT_VERSION,        /* no version in common */
    WEIR_TLS_FAULT_CIPHER,         /* no suite, group or signature in common */
    WEIR_TLS_FAULT_UNKNOWN_NAME,   /* a server's: nobody has the name that the client asks for */
    WEIR_TLS_FAULT_NO_CERTIFICATE, /* a server's: its owner has none for that name */
    WEIR_TLS_FAULT_REFUSED,        /* a server's: its owner refuses the client */
    WEIR_TLS_FAULT_VERIFY,         /* the peer's certificate is missing or not trusted */
    WEIR_TLS_FAULT_ALERT,          /* the peer ended it by an alert: alert is set */
    WEIR_TLS_FAULT_MEMORY,
    WEIR_TLS_FAULT_INTERNAL, /* the node: no key, a library error */
};
#define WEIR_TLS_FAULTS (WEIR_TLS_FAULT_INTERNAL + 1)
/** A short name: "no_shared_cipher". */
const char *weir_tls_fault_name(enum weir_tls_fault fault);

struct weir_tls_identity;  /* tls_identity.h */
struct weir_tls_signature; /* tls_signature.h */
struct weir_tls_trust;     /* tls_trust.h */
struct weir_tls_server;    /* tls_server.h */
struct weir_tls_client;    /* tls_client.h */

#define WEIR_TLS_MAGIC 0x544c5331u

/** The zero state may be ended. */
struct weir_tls {
    uint32_t magic;
    uint8_t fault;   /* enum weir_tls_fault, once a call gave WEIR_TLS_FAILED */
    uint8_t alert;   /* of the peer, with WEIR_TLS_FAULT_ALERT; RFC 8446 6 */
    uint8_t version; /* enum weir_tls_version, once the handshake is done */
    uint8_t alpn;    /* enum weir_alpn that was agreed on; 0: none */
    bool established;
    bool resumed;
    bool shut;                          /* close_notify is sent, or must not be */
    bool peer_presented;                /* the peer presented a certificate, which was accepted */
    uint8_t scope[WEIR_TLS_SCOPE_LEN];  /* a server's: what its tickets are bound to */
    void *ssl;                          /* owns */
    struct weir_tls_identity *identity; /* owns a reference, in a handshake with a slow key */
    struct weir_tls_io *io;             /* during a call */
    void *owner;                        /* for the callbacks of server and client */
    struct weir_tls_server *server;     /* one of both, borrowed as long as the connection lives */
    struct weir_tls_client *client;
    struct weir_tls_trust *trust; /* a server's, gives a reference: who may vouch for the client */
    struct weir_tls_signature *signature; /* pending; NULL: none */
};

/** End it and free what it owns. Sends nothing. The zero state is legal and is what is left. */
void weir_tls_end(struct weir_tls *t);

/**
 * Go on with the handshake. @return WEIR_TLS_DONE: it is done | _WANTS_INPUT | _WANTS_ROOM |
 * _SIGNS | _END, _FAILED. io->out may have bytes to send whatever it returns.
 */
enum weir_tls_step weir_tls_handshake(struct weir_tls *t, struct weir_tls_io *io);
/**
 * Decrypt. Only when established (contract).
 * @param ret_len  bytes written to `at`; set whatever it returns, above 0 only with WEIR_TLS_DONE
 * @return WEIR_TLS_DONE: some bytes; there may be more | _WANTS_INPUT | _END | _FAILED
 */
enum weir_tls_step weir_tls_read(struct weir_tls *t, struct weir_tls_io *io, uint8_t *at,
                                 size_t len, size_t *ret_len);
/**
 * Encrypt as long as there is room for a record. Only when established (contract).
 * @param ret_used  clear bytes taken; they are in io->out
 * @return WEIR_TLS_DONE: all | _WANTS_ROOM | _FAILED
 */
enum weir_tls_step weir_tls_write(struct weir_tls *t, struct weir_tls_io *io,
                                  struct weir_span clear, size_t *ret_used);
/** Append close_notify, once. Nothing can be written after it. */
void weir_tls_shut(struct weir_tls *t, struct weir_tls_io *io);
/** Whether decrypted bytes wait that weir_tls_read has not given yet. */
bool weir_tls_holds_input(const struct weir_tls *t);
/** From now on records hold at most `len` clear bytes. @param len  WEIR_TLS_RECORD_MIN..MAX */
void weir_tls_set_record_len(struct weir_tls *t, size_t len);

/** Text of the version, "TLSv1.3". Only when established (contract). */
const char *weir_tls_version_text(const struct weir_tls *t);
/** Name of the suite: "TLS_AES_128_GCM_SHA256". Only when established (contract). */
const char *weir_tls_cipher_text(const struct weir_tls *t);
/** The certificate that the peer presented, DER; empty: none. Borrowed until the next call. */
struct weir_span weir_tls_peer_certificate(const struct weir_tls *t);

#endif
