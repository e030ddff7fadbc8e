/* SPDX-License-Identifier: Apache-2.0
 *
 * addr.h - IP addresses, ports and prefixes: parse, print, compare. Value types, allocation-free.
 * IPv4 is stored as ::ffff:a.b.c.d: tables and keys need one 16-byte form only, and v4-mapped input
 * gives the same address.
 */
#ifndef WEIR_NODE_BASE_ADDR_H
#define WEIR_NODE_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

struct weir_addr {
    uint8_t ip[16];
    uint16_t port; /* host byte order, 0 = none */
};

struct weir_prefix {
    uint8_t ip[16]; /* bits beyond len are 0 */
    uint8_t len;    /* 0..128, for IPv4 96 + its length */
};

#define WEIR_ADDR_TEXT_MAX 64

/**
 * "1.2.3.4", "::1". No port, no brackets, no zone; no leading zeros in IPv4 parts, where they could
 * mean octal.
 *
 * @return WEIR_OK | WEIR_EINVAL (report it to the author of the text)
 */
WEIR_MUST_USE enum weir_err weir_addr_parse_ip(struct weir_span text, struct weir_addr *ret);
/** "1.2.3.4:80", "[::1]:80"; port 1..65535. @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_addr_parse(struct weir_span text, struct weir_addr *ret);
/**
 * "10.0.0.0/8", "fe80::/10", or a bare address. Host bits must be 0. @return WEIR_OK | WEIR_EINVAL
 */
WEIR_MUST_USE enum weir_err weir_prefix_parse(struct weir_span text, struct weir_prefix *ret);
/** Whether a is inside p. A prefix of IPv6 (len < 96) holds no IPv4 address, not even "::/0". */
bool weir_prefix_contains(const struct weir_prefix *p, const struct weir_addr *a);
/** Whether the address is IPv4, also when it was written or received as ::ffff:a.b.c.d. */
bool weir_addr_is_v4(const struct weir_addr *a);
/** 127.0.0.0/8 or ::1. */
bool weir_addr_is_loopback(const struct weir_addr *a);
/** Same address and same port. */
bool weir_addr_eq(const struct weir_addr *a, const struct weir_addr *b);
/** Whether sockets listening on both are in each other's way: same port and family (as IPV6_V6ONLY
 * has it), and the same address or a wildcard on either side. */
bool weir_addr_overlaps(const struct weir_addr *a, const struct weir_addr *b);
/** Only the address, v4 as dotted quad. @return bytes written without NUL, < WEIR_ADDR_TEXT_MAX */
size_t weir_addr_ip_text(const struct weir_addr *a, char out[WEIR_ADDR_TEXT_MAX]);
/** address:port, v6 in brackets. @return bytes written without NUL, < WEIR_ADDR_TEXT_MAX */
size_t weir_addr_text(const struct weir_addr *a, char out[WEIR_ADDR_TEXT_MAX]);
/** Any family but AF_INET and AF_INET6 (a Unix socket) gives the address "::" and port 0. */
void weir_addr_from_sockaddr(const struct sockaddr *sa, struct weir_addr *ret);
/** @return the length of the sockaddr: AF_INET for v4-mapped, else AF_INET6 */
socklen_t weir_addr_to_sockaddr(const struct weir_addr *a, struct sockaddr_storage *ret);

#endif
