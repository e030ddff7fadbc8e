/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.h - one request and its response, between a client's connection and an endpoint's.
 * Private to node/loop. Holds the bytes and carries out what flow/ decides. Owner: one worker;
 * freed by weir_exchange_end. Ref: RFC 9110, RFC 9112 through flow/exchange.h, flow/rewrite.h,
 * flow/body.h.
 */
#ifndef WEIR_NODE_LOOP_EXCHANGE_H
#define WEIR_NODE_LOOP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/flow/access.h"
#include "node/flow/balance.h"
#include "node/flow/body.h"
#include "node/flow/plan.h"
#include "node/flow/rewrite.h"
#include "node/loop/buffers.h"
#include "node/loop/counters.h"
#include "node/loop/loop.h"
#include "node/wire/h1.h"

struct weir_downstream;
struct weir_origin_conn;
struct weir_endpoint_pool;

enum weir_phase {
    WEIR_PHASE_CONNECT,  /* waits for a connection: queue, name, connect */
    WEIR_PHASE_REQUEST,  /* the request is being passed on */
    WEIR_PHASE_RESPONSE, /* all of the request is passed on, no response yet */
    WEIR_PHASE_TRANSFER, /* the response's body is being passed on */
    WEIR_PHASE_FLUSH,    /* the response is read or made; the client has not taken all of it yet */
};

#define WEIR_EXCHANGE_MAGIC 0x45584348u

struct weir_exchange {
    uint32_t magic;
    uint8_t phase;
    bool trusted;
    bool fresh;          /* a second try: dial, do not use a parked connection */
    bool head_sent;      /* the request head was given to the origin connection */
    bool body_taken;     /* body bytes went to an origin connection */
    bool response_begun; /* a byte of a response arrived on the current connection */
    bool head_passed;    /* the final head was given to the client */
    bool response_done;
    bool reused;      /* the current origin connection had carried an exchange before */
    bool close_after; /* the client's connection ends after this exchange */
    bool expects;     /* Expect: 100-continue: before the 100 it is open whether the body comes */
    struct weir_downstream *downstream;
    struct weir_origin_conn *origin;
    struct weir_endpoint_pool *waiting_in; /* set while in a pool's queue */
    struct weir_list wait_link;
    struct weir_tenant *tenant;                 /* shares; NULL when no tenant has the host */
    struct weir_counter_row *counters;          /* of the tenant, pinned; NULL with it */
    struct weir_counter_row *endpoint_counters; /* of the endpoint, pinned; NULL: none chosen yet */
    struct weir_upstream *upstream;
    struct weir_endpoint *endpoint;
    struct weir_endpoint *again; /* may be tried once more when no other endpoint is left */
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

    uint64_t start_ns, dial_ns, connected_ns; /* weir_worker_stamp_ns; 0: did not happen */
    uint64_t sent_ns, first_byte_ns;          /* whole request passed on; response begun */
    uint64_t phase_ms;                        /* when the phase began */
    uint64_t progress_ms;                     /* when a body byte last moved */
    uint64_t window_ms;                       /* begin of the current rate window */
    uint64_t window_bytes;
    uint64_t confirmed;    /* bytes that the client had confirmed at the last check */
    uint64_t passed_bytes; /* response body bytes given to the client */

    int pipe[2]; /* splice: -1 when unused */
    uint32_t pipe_pages;
    size_t in_pipe;
};

/* Every function below that takes an exchange may end and free it, except those that take it const,
 * weir_exchange_make_id, weir_exchange_move and weir_exchange_start_phase. A caller that continues
 * reads c->x of its connection first. */

/** Change the phase. The move must be in the table of legal moves (contract). */
void weir_exchange_move(struct weir_exchange *x, enum weir_phase to);
/** Change the phase and begin to measure its time and rate. */
void weir_exchange_start_phase(struct weir_exchange *x, enum weir_phase to);
/** Begin to count for the exchange's tenant. It must have one and not count yet (contract). */
void weir_exchange_count_tenant(struct weir_exchange *x);
/** Count an attempt with x->endpoint. @param hint of the endpoint's pool */
void weir_exchange_count_attempt(struct weir_exchange *x, struct weir_counter_hint *hint);
/** A head is complete: admit the request and begin to serve it. Afterwards c->x is set, or the
 * response is sent already. */
void weir_exchange_begin(struct weir_downstream *c, const struct weir_h1_head *head,
                         const uint8_t *bytes);
/** Respond to bytes that are no request (a fault of the parser, a timeout inside a head) and close
 * the connection. */
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
/** The client is gone, or is given up: end the exchange and its connections. */
void weir_exchange_client_gone(struct weir_exchange *x, enum weir_access_outcome outcome);
/** The time of weir_exchange_deadline_ms has come: check which limit has passed, if any. */
void weir_exchange_timeout(struct weir_exchange *x);
/** When the limits of the exchange have to be checked next. */
uint64_t weir_exchange_deadline_ms(const struct weir_exchange *x);
/** Write the access record, count, free. It must have no origin connection and no place in a queue
 * (contract). */
void weir_exchange_end(struct weir_exchange *x);
/** Respond locally with an error page. @param status 300..599 */
void weir_exchange_response(struct weir_exchange *x, uint16_t status,
                            enum weir_access_outcome outcome, struct weir_span why);
/** Respond 503: weir has no connection to give. The endpoint is not at fault. */
void weir_exchange_full(struct weir_exchange *x);
/** A new request id. */
void weir_exchange_make_id(struct weir_exchange *x);
/** Find an endpoint and a connection. */
void weir_exchange_connect(struct weir_exchange *x);

/* -- called by the origin connection and its pools -- */

/** It has a connection: begin to send. */
void weir_exchange_connected(struct weir_exchange *x, struct weir_origin_conn *u);
/** The origin connection failed: close it, then retry or respond as weir_plan_after_failure
 * decides. */
void weir_exchange_failed(struct weir_exchange *x, enum weir_failure failure);
/** Take bytes of a response. @param ret_alive false: the exchange is gone  @return bytes used */
size_t weir_exchange_response_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive);
/** The endpoint took all that was queued. */
void weir_exchange_upstream_drained(struct weir_exchange *x);
/** The endpoint ended the connection. @param clean false: by a reset, or after a failed send */
void weir_exchange_upstream_end(struct weir_exchange *x, bool clean);
/** The whole body was passed on by splice. */
void weir_exchange_spliced(struct weir_exchange *x);

#endif
