/* SPDX-License-Identifier: Apache-2.0
 *
 * workers_config.h - what control gives the workers at their start and with each change. Owner:
 * control; what it points to stays until the workers stop, unless a comment states otherwise.
 */
#ifndef WEIR_NODE_LOOP_WORKERS_CONFIG_H
#define WEIR_NODE_LOOP_WORKERS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/span.h"
#include "node/flow/failure_marks.h"
#include "node/loop/access_log.h"
#include "node/loop/resolve.h"
#include "sync/store/store.h"
#include "tenants/cert_secret.h"

struct weir_workers_config {
    uint32_t num_workers; /* 1..WEIR_WORKERS_MAX */
    const struct weir_addr
        *http; /* clear-text listeners; port 0: any free one, see weir_workers_bound */
    size_t num_http;
    const struct weir_addr *https; /* TLS listeners; the same */
    size_t num_https;              /* num_http + num_https: 0..WEIR_LISTENERS_MAX */
    uint32_t max_connections;      /* downstream, of all workers together */
    uint64_t max_memory;           /* bytes of buffers and connections, of all workers together */
    /* Of clients that belong to no tenant yet. */
    uint32_t head_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t handshake_timeout_ms;     /* of TLS, in all */
    uint32_t handshakes_per_address;   /* a second; 0: no limit; trusted prefixes are exempt */
    uint32_t connections_per_address;  /* 0: no limit; trusted prefixes are exempt */
    const struct weir_prefix *trusted; /* whose X-Forwarded-* and X-Request-ID are believed; must
                                          stay until the workers stop or the next change */
    size_t num_trusted;
    struct weir_span cdn_id; /* for CDN-Loop; borrowed until stop; empty: loops go unseen */
    struct weir_store *store;
    const struct weir_secret *secret; /* opens the keys of certificates, makes those of tickets;
                                         NULL: no TLS */
    struct weir_failure_marks *marks;
    struct weir_access_log *access_log; /* NULL: none */
    struct weir_resolve resolve; /* ask NULL: names are not looked up. It must have given back all
                                    look-ups before the workers are stopped */
};

#endif
