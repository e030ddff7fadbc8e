/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h - the rules of one request and its response, as decisions over facts: how a response
 * leaves, what follows a failure, what may be reused. Pure: facts in, decision out; node/loop holds
 * the bytes and carries the decisions out. Ref: RFC 9110 9.2.2 (retries), 15.2
 * (1xx); RFC 9112 6.3 (body length), 9.3 (persistence).
 */
#ifndef WEIR_NODE_FLOW_PLAN_H
#define WEIR_NODE_FLOW_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/wire/h1.h"

/** What is known of a request once its head was admitted. */
struct weir_request_facts {
    enum weir_method method;
    uint8_t minor; /* downstream HTTP/1.minor */
    bool has_body;
    bool keep_alive; /* the client's head allows another request */
    bool framed;     /* HTTP/2: bodies go to the client unframed, and minor is 1 */
};

/** What is known when a response's head is complete. */
struct weir_response_facts {
    const struct weir_h1_head *head;
    unsigned interims; /* 1xx responses already seen for this request */
    bool request_done; /* the whole request was read; a response before that ends the connection */
    bool last;         /* no further request will be served: the node stops, the client ended */
};

/** How the response of an upstream is passed on. */
struct weir_response_plan {
    enum weir_h1_body body; /* how its body arrives */
    bool interim;           /* a 1xx: pass on (or drop for HTTP/1.0) and go on reading */
    bool pass_interim;
    bool out_chunked;      /* the body leaves chunked */
    bool out_until_close;  /* the body's end is the connection's end */
    bool reuse_downstream; /* the client may send another request after this response */
};

/**
 * Decide how a response leaves, and what becomes of the client's connection after it.
 *
 * @param response  its head is complete (contract)
 * @return false: not a response to this request (101 without an upgrade, too many 1xx): treat it as
 *         malformed; *ret is untouched
 */
WEIR_MUST_USE bool weir_plan_response(const struct weir_response_facts *response,
                                      const struct weir_request_facts *req,
                                      struct weir_response_plan *ret);

/** How the body of a request goes on. */
enum weir_request_way {
    WEIR_REQUEST_STREAM, /* as it comes, in the framing that its head declares */
    WEIR_REQUEST_GATHER, /* read as a whole first, and sent with its length */
    WEIR_REQUEST_411,    /* not at all: the client has to say how long it is */
};

/**
 * RFC 9112 6.1: a client must not send chunks unless it knows that the server handles HTTP/1.1.
 *
 * @param body        WEIR_BODY_CLOSE: of HTTP/2, without a length
 * @param http10      the endpoint's last response was HTTP/1.0
 * @param gather_max  bytes that the tenant lets a body have to be gathered; 0: none
 */
enum weir_request_way weir_plan_request(enum weir_h1_body body, bool http10, uint64_t gather_max);

/** What went wrong between weir and an endpoint. */
enum weir_failure {
    WEIR_FAILURE_CONNECT, /* refused, unreachable, reset while connecting, name not resolved */
    WEIR_FAILURE_CONNECT_TIMEOUT,
    WEIR_FAILURE_TLS,              /* connected, but the handshake failed */
    WEIR_FAILURE_CLOSED,           /* closed or reset before any byte of a response */
    WEIR_FAILURE_RESPONSE_TIMEOUT, /* no response within response_timeout */
    WEIR_FAILURE_MALFORMED,        /* a response that cannot be read one way only */
    WEIR_FAILURE_CUT,              /* the connection ended inside a response */
    WEIR_FAILURE_STALLED,          /* a response's body came too slowly */
};

struct weir_failure_facts {
    enum weir_method method;
    bool reused;         /* the connection had carried an exchange before */
    bool sent;           /* a byte of the request may have left */
    bool body_taken;     /* body bytes of the request were taken from the client: they are gone */
    bool response_begun; /* a byte of a response arrived */
    bool request_done;   /* all of the request was read from the client */
    bool head_passed;    /* a byte of the final response went to the client */
    unsigned retries;    /* after-send retries already made for this request */
};

enum weir_next {
    WEIR_NEXT_ENDPOINT, /* nothing was sent: try another endpoint */
    WEIR_NEXT_FRESH,    /* send again, once, on a new connection */
    WEIR_NEXT_502,
    WEIR_NEXT_504,
    WEIR_NEXT_CUT, /* the client has part of a response: end visibly */
};

/**
 * What to do now. A request that an endpoint may have acted on is not sent again, except that an
 * idempotent one is sent once more.
 */
enum weir_next weir_plan_after_failure(enum weir_failure failure,
                                       const struct weir_failure_facts *facts);
/** What a failure says about the endpoint. */
enum weir_mark {
    WEIR_MARK_NONE,    /* nothing: the client or chance may be the cause */
    WEIR_MARK_BY_RATE, /* its responses fail: one alone proves nothing */
    WEIR_MARK_AT_ONCE, /* it cannot be reached */
};

/**
 * Whether this failure is held against the endpoint. The end of a reused connection is not, since
 * an endpoint may close an idle connection at any time; nor is a connection that it closes while
 * the request is still on its way, since the request may be larger than it takes.
 */
enum weir_mark weir_plan_marks_endpoint(enum weir_failure failure,
                                        const struct weir_failure_facts *facts);

#endif
