/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.h - the rules of one request and its answer, as decisions over facts: how an answer
 * leaves, what follows a failure, what may be reused. Pure: facts in, decision out; the shell in
 * node/loop holds the bytes and carries the decisions out. Ref: RFC 9110 9.2.2 (retries), 15.2
 * (1xx); RFC 9112 6.3 (body length), 9.3 (persistence).
 */
#ifndef WEIR_NODE_FLOW_EXCHANGE_H
#define WEIR_NODE_FLOW_EXCHANGE_H

#include "node/base/contract.h"
#include "node/wire/h1.h"

#include <stdbool.h>
#include <stdint.h>

/** What is known of a request once its head was admitted. */
struct weir_request_facts {
    enum weir_method method;
    uint8_t minor; /* downstream HTTP/1.minor */
    bool has_body;
    bool keep_alive; /* the client's head allows another request */
};

/** What is known when an answer's head is complete. */
struct weir_answer_facts {
    const struct weir_h1_head *head;
    unsigned interims; /* 1xx answers already seen for this request */
    bool request_done; /* the whole request was read; an answer before that ends the connection */
    bool last;         /* no further request will be served: the node stops, the client ended */
};

/** How an upstream's answer is passed on. */
struct weir_answer_plan {
    enum weir_h1_body body; /* how its body arrives */
    bool interim;           /* a 1xx: pass on (or drop for HTTP/1.0) and go on reading */
    bool pass_interim;
    bool out_chunked;     /* the body leaves chunked */
    bool out_until_close; /* the body's end is the connection's end */
    bool keep_downstream; /* the client may send another request after this answer */
};

/**
 * Decide how an answer leaves, and what becomes of the client's connection after it.
 *
 * @return false: not an answer to this request (101 that nobody asked for, too many 1xx): treat as
 * malformed; *ret is untouched
 */
WEIR_MUST_USE bool weir_answer_plan(const struct weir_answer_facts *answer,
                                    const struct weir_request_facts *req,
                                    struct weir_answer_plan *ret);

/** What went wrong between weir and an endpoint. */
enum weir_failure {
    WEIR_FAILURE_CONNECT, /* refused, unreachable, reset while connecting, name not resolved */
    WEIR_FAILURE_CONNECT_TIMEOUT,
    WEIR_FAILURE_CLOSED,         /* closed or reset before any byte of an answer */
    WEIR_FAILURE_ANSWER_TIMEOUT, /* no answer within response_timeout */
    WEIR_FAILURE_MALFORMED,      /* an answer that cannot be read one way only */
    WEIR_FAILURE_CUT,            /* the connection ended inside an answer */
    WEIR_FAILURE_STALLED,        /* an answer's body came too slowly */
};

struct weir_failure_facts {
    enum weir_method method;
    bool reused;       /* the connection had carried an exchange before */
    bool sent;         /* a byte of the request may have left */
    bool body_taken;   /* body bytes of the request were taken from the client: they are gone */
    bool answer_begun; /* a byte of an answer arrived */
    bool head_passed;  /* a byte of the final answer went to the client */
    unsigned retries;  /* after-send retries already made for this request */
};

enum weir_next {
    WEIR_NEXT_ENDPOINT, /* nothing was sent: try another endpoint */
    WEIR_NEXT_FRESH,    /* send again, once, on a new connection */
    WEIR_NEXT_502,
    WEIR_NEXT_504,
    WEIR_NEXT_CUT, /* the client has part of an answer: end visibly */
};

/** What to do now. Nothing that an endpoint may have acted on is sent twice, but an idempotent
 * request once. */
enum weir_next weir_after_failure(enum weir_failure failure,
                                  const struct weir_failure_facts *facts);
/** Whether this failure counts against the endpoint's verdict: a parked connection that its owner
 * closed does not. */
bool weir_failure_marks(enum weir_failure failure, const struct weir_failure_facts *facts);

#endif
