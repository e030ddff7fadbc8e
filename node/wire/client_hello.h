/* SPDX-License-Identifier: Apache-2.0
 *
 * client_hello.h - what a TLS client offers, read from its ClientHello before the handshake goes
 * on: the name that it asks for, versions, protocols, and the kinds of keys that it accepts.
 * Sans-I/O, own code, without allocation. Ref: RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6066 3, RFC
 * 7301 3.1.
 */
#ifndef WEIR_NODE_WIRE_CLIENT_HELLO_H
#define WEIR_NODE_WIRE_CLIENT_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/span.h"

/** Versions that a client offers, and what a policy allows; a set is made of these bits. */
enum weir_tls_version {
    WEIR_TLS_1_0 = 1,
    WEIR_TLS_1_1 = 2,
    WEIR_TLS_1_2 = 4,
    WEIR_TLS_1_3 = 8,
};

/** Protocols by ALPN; a set is made of these bits. */
enum weir_alpn {
    WEIR_ALPN_HTTP11 = 1,
    WEIR_ALPN_H2 = 2,
};

enum weir_sni {
    WEIR_SNI_NONE,    /* the client names no host */
    WEIR_SNI_NAME,    /* name and name_len are set */
    WEIR_SNI_INVALID, /* it does, but no host can have that name: an address, a port, odd bytes */
};

struct weir_client_hello {
    uint8_t versions; /* enum weir_tls_version */
    uint8_t alpn;     /* enum weir_alpn; 0: none of them, or no ALPN at all */
    bool has_alpn;
    uint8_t keys_12, keys_13; /* enum weir_tls_key_kind: up to TLS 1.2, and in TLS 1.3 */
    uint16_t suites;          /* of weir_tls_suite_bit: up to TLS 1.2 */
    uint8_t sni;              /* enum weir_sni */
    uint8_t name_len;
    uint8_t name[WEIR_HOST_MAX]; /* lower case, no trailing dot */
};

/** Sets of suites that weir can speak up to TLS 1.2: all, and those with forward secrecy and
 * authenticated encryption. */
#define WEIR_TLS_SUITES_ALL    0x7fffu
#define WEIR_TLS_SUITES_STRONG 0x003fu

/** The bit of a suite by its number (IANA) in such sets; 0: weir does not speak it. */
uint16_t weir_tls_suite_bit(uint16_t number);
/** Kinds of keys (enum weir_tls_key_kind) with which at least one of the suites can be used in a
 * version up to TLS 1.2. */
uint8_t weir_tls_suites_keys(uint16_t suites, enum weir_tls_version version);

/**
 * Read the body of a ClientHello (behind the four bytes of the handshake header).
 *
 * @param ret  written on success only
 * @return false: it is not one: lengths that do not add up, an extension twice
 */
WEIR_MUST_USE bool weir_client_hello_read(struct weir_span body, struct weir_client_hello *ret);

#endif
