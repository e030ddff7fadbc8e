/* SPDX-License-Identifier: Apache-2.0
 *
 * forwarded.h - what trusted proxies say of a request: its client's address and its scheme. Pure,
 * allocation-free. X-Forwarded-For and X-Forwarded-Proto go before Forwarded: where one of them is
 * there, Forwarded is not read, because a proxy that writes the former passes on a Forwarded that
 * its client made up. Ref: RFC 7239 (Forwarded).
 */
#ifndef WEIR_NODE_FLOW_FORWARDED_H
#define WEIR_NODE_FLOW_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/wire/h1.h"

/** Elements of Forwarded that are looked at, from the right: proxies in a row. */
#define WEIR_FORWARDED_MAX 32

/** A borrowed list of prefixes, such as the proxies that the node file trusts. */
struct weir_prefixes {
    const struct weir_prefix *at;
    size_t num;
};
/** Whether any of them holds the address. */
bool weir_prefixes_contain(struct weir_prefixes p, const struct weir_addr *a);

enum weir_forwarded_scheme {
    WEIR_SCHEME_UNSAID, /* by nobody that is trusted: it is the connection's own */
    WEIR_SCHEME_HTTP,
    WEIR_SCHEME_HTTPS,
};

/** What is believed of a request. */
struct weir_forwarded {
    bool trusted;            /* the peer is a trusted proxy */
    struct weir_addr client; /* the peer, or the address that is reported; port 0: not reported */
    enum weir_forwarded_scheme scheme;
    bool malformed; /* Forwarded does not follow its grammar: nothing of it is believed */
};

/**
 * Read what the peer may say. Of a peer that is not trusted nothing is read.
 *
 * The client is found by a walk over all elements from the right, as long as they are addresses of
 * trusted proxies; what is not an address ("unknown", "_hidden", nothing) ends the walk at the last
 * one that is. The scheme is what the proxies that were walked over say, the one nearest to the
 * client first; a single X-Forwarded-Proto counts for all of them.
 *
 * @param h     complete, a request   @param bytes  that its offsets are for
 * @param peer  of the connection
 */
void weir_forwarded_read(const struct weir_h1_head *h, const uint8_t *bytes,
                         struct weir_prefixes trusted, const struct weir_addr *peer,
                         struct weir_forwarded *ret);

#endif
