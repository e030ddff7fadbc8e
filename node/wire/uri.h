/* SPDX-License-Identifier: Apache-2.0
 *
 * uri.h - authority and path of a request target: one parser each, for routing, forwarding and
 * logs. Allocation-free; results go to buffers of the caller. Ref: RFC 3986 3.2 (authority), 5.2.4
 * (dot segments), 6.2.2 (normalisation); RFC 9110 4.2, 7.2.
 */
#ifndef WEIR_NODE_WIRE_URI_H
#define WEIR_NODE_WIRE_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"

struct weir_authority {
    uint8_t host[WEIR_HOST_MAX + 3]; /* lower case, no trailing dot; IPv6 in brackets */
    uint8_t host_len;                /* 1..255 */
    bool is_ip;                      /* IPv4 or IPv6 literal: addr is set */
    bool port_empty;                 /* "host:", which means the same as "host" */
    uint16_t port;                   /* 0: none was given */
    struct weir_addr addr;
};

/** Whether the text was a host alone, without so much as a colon: what documents may name. */
static inline bool weir_authority_is_host(const struct weir_authority *a)
{
    return a->port == 0 && !a->port_empty;
}

/**
 * host[":" port]. The host is a name (labels of letters, digits, "-" and "_", 1..63 each, 253 in
 * all), an IPv4 literal or a bracketed IPv6 literal without zone. Refused: empty, comma, userinfo,
 * controls, percent escapes, empty labels, a port outside 1..65535 or with leading zeros, and names
 * whose last label is all digits but that are not an IPv4 address. One trailing dot is removed; an
 * IPv6 address in any spelling becomes its one form (RFC 5952).
 * @return WEIR_OK | WEIR_EPROTO
 */
WEIR_MUST_USE enum weir_err weir_authority_parse(struct weir_span text, struct weir_authority *ret);

/**
 * What may stand in Tenant.hosts, without wildcard: a name, or an address as a Host shows it (IPv6
 * in brackets), no port. Lower-cased into out.
 * @return WEIR_OK | WEIR_EINVAL
 */
WEIR_MUST_USE enum weir_err weir_host_normalise(struct weir_span text, uint8_t out[WEIR_HOST_MAX],
                                                size_t *ret_len);

/**
 * Remove "." and ".." segments in place (RFC 3986 5.2.4). "//" stays.
 *
 * @param path  "/..." without query (contract)   @return its bytes now; 0: it climbs above the root
 */
WEIR_MUST_USE size_t weir_path_remove_dots(uint8_t *path, size_t len);

/** Bytes that the normal form of a path of `len` bytes may need: each byte may become an escape. */
#define WEIR_PATH_NORMAL_MAX(len) (3 * (size_t)(len))

/**
 * The path that routing compares: percent escapes of unreserved bytes decoded, remaining escapes
 * upper-cased, [ ] ^ | and bytes beyond ASCII escaped, dot segments removed, query cut off. "//"
 * stays. Fast when nothing has to change: *ret then borrows from `path`.
 * @param path   "/..." as received, with or without query
 * @param out    at least WEIR_PATH_NORMAL_MAX(path.len) bytes, written only when something changes
 * @return WEIR_OK | WEIR_EPROTO: climbs above the root, or %00, or an escape that is not two hex
 *         digits, or no "/" at the start
 */
WEIR_MUST_USE enum weir_err weir_path_normalise(struct weir_span path, uint8_t *out,
                                                struct weir_span *ret);

#endif
