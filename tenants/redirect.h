/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect.h - redirects of one tenant: the most specific rule wins whatever the order; "none" is a
 * carve-out. Specificity, compared in this order: exact path, then longer path prefix (no path is
 * "/"); exact host, then longer wildcard, then any; a port given; a scheme given; earlier in the
 * file. Sans-I/O, read-only.
 */
#ifndef WEIR_TENANTS_REDIRECT_H
#define WEIR_TENANTS_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/uri.h"
#include "tenants/tenant.h"

struct weir_redirect_request {
    bool https;              /* how the client came, as far as that is known */
    uint16_t port;           /* on which the request arrived: what a rule's port is compared with */
    struct weir_span host;   /* of the authority: lower case, without port */
    uint16_t authority_port; /* as the client wrote it; 0: it wrote none */
    bool no_authority;       /* HTTP/1.0: host is the address that was reached, or empty */
    struct weir_span path;   /* normalised, compared with the rules */
    struct weir_span raw;    /* path and query as received: what Location is made of */
};

/** Set what a parsed authority says of a request: its host and its port. Borrows from `a`. */
static inline void weir_redirect_set_authority(struct weir_redirect_request *req,
                                               const struct weir_authority *a)
{
    req->host = weir_span(a->host, a->host_len);
    req->authority_port = a->port;
    req->no_authority = false;
}

struct weir_redirect_result {
    uint16_t code; /* 301 302 303 307 308; 0: no redirect */
    uint16_t rule; /* index in the document; valid when code != 0 or carved */
    bool carved;   /* a "none" rule decided */
    size_t location_len;
};

/**
 * Where a request is redirected to, if anywhere. What a rule's target leaves out is the request's:
 * the port is that of its authority, there or not as the client wrote it, never the one on which
 * weir listens, which a load balancer or a port mapping may hide. A change of scheme without a port
 * leads to the default port. A target path replaces what the rule's path matched: the rest of the
 * path, normalised, stays behind it.
 *
 * @param location  where the value is written: scheme://host[:port]path[?query]. Of a request
 *                  without an authority, to which the rule gives neither scheme, host nor port:
 *                  path[?query] alone, since only the client knows where it came to.
 * @return WEIR_OK | WEIR_ELIMIT: the location does not fit (respond with 414)
 * Location holds only bytes that passed the request parser and the schema. A redirect that would
 * lead to itself is left out; so is one that needs a host and has none (HTTP/1.0).
 */
WEIR_MUST_USE enum weir_err weir_redirect_find(const struct weir_tenant *t,
                                               const struct weir_redirect_request *req,
                                               uint8_t *location, size_t location_max,
                                               struct weir_redirect_result *ret);

#endif
