/* SPDX-License-Identifier: Apache-2.0
 *
 * admit.h - the decision about a request whose head is complete: its tenant, and forward, redirect
 * or respond. It has no side effects, but the tenant cache may read the store on a miss. Owner: one
 * worker. Ref: RFC 9110 7.2 (Host), 15.5.20 (421); the order of checks is that
 * of the design's "One request".
 */
#ifndef WEIR_NODE_FLOW_ADMIT_H
#define WEIR_NODE_FLOW_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "node/flow/access.h"
#include "node/wire/h1.h"
#include "node/wire/uri.h"
#include "tenants/cache.h"
#include "tenants/tenant.h"

enum weir_admit_what {
    WEIR_ADMIT_FORWARD,  /* tenant and route are set */
    WEIR_ADMIT_REDIRECT, /* status and location are set */
    WEIR_ADMIT_RESPONSE, /* status, why and outcome are set */
};

#define WEIR_LOCATION_MAX 8192

/** Work space and result. Large: one per worker. */
struct weir_admit {
    enum weir_admit_what what;
    uint16_t status;
    enum weir_access_outcome outcome;
    bool close;                 /* the connection ends with the response */
    struct weir_span why;       /* a sentence for the error page; static */
    struct weir_tenant *tenant; /* borrows from the cache until its next call; or NULL */
    const struct weir_route *route;
    struct weir_span
        host; /* what goes to the upstream as Host; borrows from the head or from this struct */
    struct weir_span
        name; /* the host as it is looked up: lower case, no port; empty: none was given */
    struct weir_span location;           /* borrows from this struct */
    struct weir_span message;            /* of 200: the content; borrows from this struct */
    char local_host[WEIR_ADDR_TEXT_MAX]; /* Host for a request that had none, on a dedicated address
                                          */
    uint8_t path[WEIR_PATH_NORMAL_MAX(WEIR_HEAD_MAX)]; /* or the message */
    uint8_t location_bytes[WEIR_LOCATION_MAX];
};

/** A request and how it came. Borrowed for the call, but for the bytes. */
struct weir_arrival {
    const struct weir_h1_head *head; /* complete, a request */
    const uint8_t *bytes;            /* that its offsets are for; borrowed while `a` is used */
    const struct weir_addr *local;   /* destination address and port */
    bool https;                      /* the client's scheme, as far as it is known */
    const uint8_t *scope;    /* of the tenant that the TLS handshake was for; NULL: in clear */
    struct weir_span cdn_id; /* of this cluster, for CDN-Loop; empty: loops go unseen */
};

/** Decide about a request; see struct weir_admit. */
void weir_admit_request(struct weir_admit *a, struct weir_tenant_cache *cache,
                        const struct weir_arrival *req);

#endif
