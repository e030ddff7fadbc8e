/* SPDX-License-Identifier: Apache-2.0
 *
 * origin_tls.h - how connections to endpoints are secured: settings that all address pools of one
 * weir_upstream_tls.identity share, the client's handshake, and the sessions that an address
 * resumes. Nothing that arrives before the handshake is done is believed. Private to node/loop.
 * Owner: one worker.   Limits: WEIR_ORIGIN_SESSIONS of one address pool, used for
 * WEIR_ORIGIN_SESSION_MS at most.
 */
#ifndef WEIR_NODE_LOOP_ORIGIN_TLS_H
#define WEIR_NODE_LOOP_ORIGIN_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/loop/loop.h"
#include "node/loop/pools.h"
#include "node/wire/tls_trust.h"
#include "tenants/tenant.h"

struct weir_conn;

/* A certificate is looked at again after this at the latest. */
#define WEIR_ORIGIN_SESSION_MS 3600000
/* Sessions that one connection may bring: a server that sends more is no longer idle when it has
 * nothing to send. */
#define WEIR_ORIGIN_TICKETS_MAX 32

#define WEIR_ORIGIN_TLS_MAGIC 0x4f544c53u

struct weir_origin_tls {
    uint32_t magic;
    uint32_t refs; /* address pools */
    struct weir_worker *worker;
    struct weir_upstream_tls settings; /* its texts and pins are in `bytes` */
    struct weir_tls_trust *trust;      /* owns a reference; NULL: what the system trusts */
    uint8_t bytes[];
};

/** The settings, with one more reference. NULL: no memory. */
struct weir_origin_tls *weir_origin_tls_of(struct weir_worker *w,
                                           const struct weir_upstream_tls *from);
/** Drops a reference, frees at the last. NULL is legal. */
void weir_origin_tls_unref(struct weir_origin_tls *t);
/** Forget the sessions of an address. */
void weir_origin_tls_drop_sessions(struct weir_address_pool *p);

/** Part of an origin connection. The zero state is no handshake. */
struct weir_origin_handshake {
    struct weir_address_pool *pool;
    struct weir_addr addr;
    struct weir_conn *conn;
    const char *fault;    /* a label: why it failed; NULL: it did not */
    bool resumes;         /* a session was offered */
    bool signs;           /* a helper thread makes its signature: watch nothing */
    uint16_t num_tickets; /* sessions that it brought, up to one above WEIR_ORIGIN_TICKETS_MAX */
};

/**
 * Begin the handshake of a connection that has just been made: it runs by weir_origin_tls_step.
 * @param h     in zero state; lives as long as the connection
 * @param addr  that it leads to
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EINVAL (BoringSSL refuses the settings)
 */
WEIR_MUST_USE enum weir_err weir_origin_tls_begin(struct weir_origin_handshake *h,
                                                  struct weir_conn *c, struct weir_address_pool *p,
                                                  const struct weir_addr *addr);

enum weir_origin_tls_progress {
    WEIR_ORIGIN_TLS_DONE,
    WEIR_ORIGIN_TLS_MORE,    /* watch it for input, unless it signs */
    WEIR_ORIGIN_TLS_FAILED,  /* h->fault says why */
    WEIR_ORIGIN_TLS_STARVED, /* the node has no memory for it */
};
/** Go on with the handshake. */
enum weir_origin_tls_progress weir_origin_tls_step(struct weir_origin_handshake *h);

#endif
