/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.h - one request and its response, between a client's connection and an endpoint's.
 * Private to node/loop. Holds the bytes and carries out what flow/ decides. Owner: one worker;
 * freed by weir_exchange_end. Ref: RFC 9110, RFC 9112 through flow/exchange.h, flow/rewrite.h,
 * flow/body.h.
 */
#ifndef WEIR_NODE_LOOP_EXCHANGE_H
#define WEIR_NODE_LOOP_EXCHANGE_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/flow/access.h"
#include "node/flow/balance.h"
#include "node/flow/body.h"
#include "node/flow/plan.h"
#include "node/flow/rewrite.h"
#include "node/loop/buffers.h"
#include "node/loop/loop.h"
#include "node/wire/h1.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_downstream;
struct weir_origin_conn;
struct weir_endpoint_pool;

enum weir_phase {
    WEIR_PHASE_CONNECT,  /* waits for a connection: queue, name, connect */
    WEIR_PHASE_REQUEST,  /* the request is being passed on */
    WEIR_PHASE_RESPONSE, /* all of the request is passed on, no response yet */
    WEIR_PHASE_TRANSFER, /* the response's body is being passed on */
    WEIR_PHASE_FLUSH,    /* all is read; the client has not taken all yet */
};

#define WEIR_EXCHANGE_MAGIC 0x45584348u

struct weir_exchange {
    uint32_t magic;
    uint8_t phase;
    bool trusted;
    bool fresh;          /* no parked connection: this is a second try */
    bool head_sent;      /* the request head was given to the upstream connection */
    bool body_taken;     /* body bytes went to an upstream connection */
    bool response_begun; /* a byte of a response arrived on the current connection */
    bool head_passed;    /* the final head was given to the client */
    bool response_done;
    bool reused;      /* the current upstream connection had carried an exchange before */
    bool close_after; /* the client's connection ends after this exchange */
    bool expects; /* asked for 100 Continue: without it nobody can tell whether the body comes */
    struct weir_downstream *downstream;
    struct weir_origin_conn *origin;
    struct weir_endpoint_pool *waiting_in; /* set while in a pool's wait list */
    struct weir_list wait_link;
    struct weir_tenant *tenant; /* shares; NULL for responses to nobody's host */
    struct weir_upstream *upstream;
    struct weir_endpoint *endpoint;
    struct weir_endpoint *again; /* may be asked once more when no other endpoint is left */
    struct weir_tried tried;
    uint16_t tries, retries, interims;
    uint16_t status;
    struct weir_request_facts req;
    struct weir_response_plan plan;
    struct weir_body req_body, res_body;
    struct weir_stash *head; /* the request head as it is sent; the access record points into it */
    struct weir_rewrite_marks marks;
    uint16_t method_len;
    enum weir_access_outcome outcome;
    const char *fault;
    struct weir_addr client;
    char request_id[WEIR_REQUEST_ID_LEN * 4 + 1];
    uint8_t request_id_len;

    uint64_t start_ns, dial_ns, connected_ns, first_byte_ns; /* monotonic; 0: did not happen */
    uint64_t phase_ms;                                       /* when the phase began */
    uint64_t progress_ms;                                    /* when a body byte last moved */
    uint64_t window_ms;                                      /* begin of the current rate window */
    uint64_t window_bytes;
    uint64_t confirmed;    /* bytes that the client had confirmed when last looked at */
    uint64_t passed_bytes; /* answer body bytes given to the client */

    int pipe[2]; /* splice: -1 when unused */
    size_t in_pipe;
};

/* Every function below that takes an exchange may end and free it, but for those that take it const
 * and weir_exchange_make_id. Who goes on asks its connection: c->x. */

/** A head is complete: admit it and begin to serve it. c->x is set, or the connection is answered
 * already. */
void weir_exchange_begin(struct weir_downstream *c, const struct weir_h1_head *head,
                         const uint8_t *bytes);
/** Answer what is no request at all (a fault of the parser, a time-out inside a head), and close.
 */
void weir_exchange_refuse(struct weir_downstream *c, enum weir_h1_fault fault, uint16_t status,
                          enum weir_access_outcome outcome);
/** Pass request bytes on. @return bytes used; 0 when nothing can be taken now */
size_t weir_exchange_request_input(struct weir_exchange *x, struct weir_span in);
/** Take and drop request bytes after an early response. @return bytes used */
size_t weir_exchange_drain_input(struct weir_exchange *x, struct weir_span in);
/** Request bytes can be used now; also while a response is passed on. */
bool weir_exchange_wants_input(const struct weir_exchange *x);
/** The client took all that was queued. */
void weir_exchange_flushed(struct weir_exchange *x);
/** The client is gone or gave up: end everything that was begun for it. */
void weir_exchange_client_gone(struct weir_exchange *x, enum weir_access_outcome outcome);
/** The time of weir_exchange_deadline_ms has come: see which limit has passed, if any. */
void weir_exchange_timeout(struct weir_exchange *x);
/** When the exchange has to be looked at again. */
uint64_t weir_exchange_deadline_ms(const struct weir_exchange *x);
/** Write the access record, count, free. The upstream connection must be gone from it (contract).
 */
void weir_exchange_end(struct weir_exchange *x);
/** Answer locally with an error page. */
void weir_exchange_response(struct weir_exchange *x, uint16_t status,
                            enum weir_access_outcome outcome, struct weir_span why);
/** Answer that weir itself has no connection to give, which is no fault of the endpoint's. */
void weir_exchange_full(struct weir_exchange *x);
/** A new request id. */
void weir_exchange_make_id(struct weir_exchange *x);
/** Find an endpoint and a connection. */
void weir_exchange_connect(struct weir_exchange *x);

/* -- called by the upstream side -- */

/** It has a connection: begin to send. */
void weir_exchange_connected(struct weir_exchange *x, struct weir_origin_conn *u);
/** The connection to the endpoint is of no more use; ends it, and does what the rules say next. */
void weir_exchange_failed(struct weir_exchange *x, enum weir_failure failure);
/** Bytes of a response. @param ret_alive false: the exchange is gone  @return bytes used */
size_t weir_exchange_response_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive);
/** The endpoint took all that was queued. */
void weir_exchange_upstream_drained(struct weir_exchange *x);
/** The endpoint ended the connection. @param clean in order, as far as one can know */
void weir_exchange_upstream_end(struct weir_exchange *x, bool clean);
/** The whole body was passed on by splice. */
void weir_exchange_spliced(struct weir_exchange *x);

#endif
