/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite.h - message heads written anew from the checked structure: the request for the upstream,
 * the response for the client. Pure, allocation-free. Every byte that is passed on was checked by
 * the parser; hop-by-hop fields are dropped. Ref: RFC 9110 7.6 (forwarding), 7.6.1
 * (Connection), 7.6.3 (Via); RFC 9112 section 6.
 */
#ifndef WEIR_NODE_FLOW_REWRITE_H
#define WEIR_NODE_FLOW_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "node/wire/h1.h"
#include "tenants/tenant.h"

/** Bytes of the fields that weir writes itself, addresses, ids and Via at their longest. */
#define WEIR_REWRITE_OWN_MAX 704

/** What any response's head fits into: the longest that is read, with a space and a CR more in each
 * field, and all that a tenant may add. */
#define WEIR_REWRITE_RESPONSE_MAX                                                                  \
    (WEIR_HEAD_MAX + 2 * WEIR_FIELDS_MAX + WEIR_REWRITE_OWN_MAX + WEIR_ADD_RESPONSE_MAX)

struct weir_rewrite_request {
    const struct weir_h1_head *head;
    const uint8_t *bytes; /* that the head's offsets are for */
    const struct weir_tenant *tenant;
    struct weir_span host;          /* authority to send as Host */
    const struct weir_addr *peer;   /* the peer of the connection; appended to X-Forwarded-For */
    const struct weir_addr *client; /* X-Real-IP: the peer, or what a trusted proxy reports */
    bool trusted; /* the peer is a trusted proxy: its X-Forwarded-Proto and -Host are passed on */
    bool https;   /* how the client came, as far as that is known */
    struct weir_span request_id;
    struct weir_span cdn_id;      /* appended to CDN-Loop; empty: nothing is */
    bool http2;                   /* it came over HTTP/2, which Via tells */
    struct weir_span client_cert; /* that the client presented, DER; empty: none */
};

/**
 * Whether a request is about the server as a whole and has no path: "*", or OPTIONS for an absolute
 * form with neither path nor query, which the last proxy has to write as "*" (RFC 9112 3.2.4).
 */
bool weir_request_is_for_server(const struct weir_h1_head *h);

/** Where the access record finds its texts in the written head: offset and length.
 */
struct weir_rewrite_marks {
    uint32_t target_at, host_at, agent_at, referer_at;
    uint16_t target_len, host_len, agent_len, referer_len;
};

/** Upper bound of the bytes that weir_rewrite_request writes. */
size_t weir_rewrite_request_max(const struct weir_rewrite_request *r);
/**
 * @param out at least weir_rewrite_request_max bytes   @return bytes written
 * Always HTTP/1.1; framing as in the head: Content-Length is passed on, chunked is written anew.
 */
size_t weir_rewrite_request(const struct weir_rewrite_request *r, uint8_t *out,
                            struct weir_rewrite_marks *marks);

/**
 * Give a written head a length in place of chunks: its body was read as a whole.
 *
 * @param out  a head of weir_rewrite_request of a chunked request (contract); changed in place
 * @param len  its bytes   @param length  of the body, below 10^10 (contract)
 * @return its bytes now, not more than before
 */
size_t weir_rewrite_set_length(uint8_t *out, size_t len, uint64_t length);

struct weir_rewrite_response {
    const struct weir_h1_head *head;
    const uint8_t *bytes;
    const struct weir_tenant *tenant;
    uint8_t downstream_minor; /* of the request: 0 or 1 */
    bool head_request; /* the response to a HEAD: framing fields are passed on, no body follows */
    bool chunked;      /* the body leaves chunked */
    bool close;        /* the connection ends after this response */
    bool local;        /* for weir_rewrite_response_fields: a response of weir's own, as it is */
    const char *date;  /* 29 bytes, used when the upstream sent none */
};

/** Upper bound of the bytes that weir_rewrite_response writes. */
size_t weir_rewrite_response_max(const struct weir_rewrite_response *r);
/**
 * @param out at least weir_rewrite_response_max bytes   @return bytes written
 * Also for 1xx responses, which get no framing, no Date and nothing that the tenant adds.
 */
size_t weir_rewrite_response(const struct weir_rewrite_response *r, uint8_t *out);

/** Fields of one response: those that came, those that a tenant adds, and weir's own. */
#define WEIR_RESPONSE_FIELDS_MAX (WEIR_FIELDS_MAX + 256 + 4)

/** A response's head as a list, for a client that is sent no HTTP/1. Large: one per worker. Names
 * are in any letter case. */
struct weir_response_fields {
    uint16_t status;
    bool ends; /* no body follows: the response is whole with its head */
    uint16_t num;
    uint8_t length[20]; /* the text of Content-Length */
    uint8_t via[260];
    /* Borrow from the head's bytes, the tenant and this struct. */
    struct weir_span_pair fields[WEIR_RESPONSE_FIELDS_MAX];
};

/** The same head as weir_rewrite_response writes, by the same rules, but without fields that belong
 * to HTTP/1: chunked, Connection. `ends` is the caller's. */
void weir_rewrite_response_fields(const struct weir_rewrite_response *r,
                                  struct weir_response_fields *to);

/** 16..128 bytes of [A-Za-z0-9._-]: a request id that may be passed on. */
bool weir_request_id_valid(struct weir_span s);

#endif
