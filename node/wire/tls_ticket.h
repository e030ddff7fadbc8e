/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_ticket.h - keys of session tickets, derived from a secret and the time: every node that has
 * the secret opens the tickets of all others, without traffic. A key is for an epoch of 12 hours;
 * tickets of the three epochs before, and of the next one (clocks differ), open too. Sealed with
 * AES-256-GCM-SIV, the scope as associated data. Owner: one worker. Ref: RFC 8452, RFC 5077.
 */
#ifndef WEIR_NODE_WIRE_TLS_TICKET_H
#define WEIR_NODE_WIRE_TLS_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_TLS_EPOCH_S      (12 * 3600)
#define WEIR_TLS_EPOCHS_BACK  3
#define WEIR_TLS_TICKET_EXTRA (4 + 12 + 16) /* epoch, nonce, tag */

struct weir_tls_tickets;

/** What a ticket is for, and when. */
struct weir_tls_ticket_use {
    struct weir_span scope; /* associated data */
    uint64_t wall_s;        /* Unix time */
};

/** @param secret  32 bytes, copied and wiped at the end @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_tls_tickets_new(const uint8_t secret[32],
                                                 struct weir_tls_tickets **ret);
/** NULL is legal. Sets *k NULL. */
void weir_tls_tickets_free(struct weir_tls_tickets **k);
/** Use another secret from now on; tickets of the former one still open until its last epoch is
 * over. */
void weir_tls_tickets_rotate(struct weir_tls_tickets *k, const uint8_t secret[32], uint64_t wall_s);

/**
 * Seal a session.
 * @param out  of at least clear.len + WEIR_TLS_TICKET_EXTRA bytes; may be clear.at itself
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_tls_ticket_seal(struct weir_tls_tickets *k,
                                                 const struct weir_tls_ticket_use *use,
                                                 struct weir_span clear, uint8_t *out);
/**
 * Open a ticket. @param out  of at least ticket.len bytes; may be ticket.at itself
 * @return WEIR_OK | WEIR_ENOTFOUND: of an epoch that is over, another scope, another secret, or no
 * ticket at all: a full handshake follows
 */
WEIR_MUST_USE enum weir_err weir_tls_ticket_open(struct weir_tls_tickets *k,
                                                 const struct weir_tls_ticket_use *use,
                                                 struct weir_span ticket, uint8_t *out,
                                                 size_t *ret_len);

#endif
