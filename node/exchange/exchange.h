/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange.h - one request and its response, between a client's side and an origin's
 * (exchange_env.h). It carries out what flow/ decides and knows no session, connection or socket.
 * Owner: one thread; freed by weir_exchange_end. Ref: RFC 9110, RFC 9112 through flow/plan.h,
 * flow/rewrite.h, flow/body.h.
 */
#ifndef WEIR_NODE_EXCHANGE_EXCHANGE_H
#define WEIR_NODE_EXCHANGE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/base/timerwheel.h"
#include "node/exchange/exchange_env.h"
#include "node/flow/access.h"
#include "node/flow/balance.h"
#include "node/flow/body.h"
#include "node/flow/plan.h"
#include "node/flow/rewrite.h"
#include "node/wire/h1.h"
#include "node/wire/h1_partial.h"

#define WEIR_REQUEST_ID_LEN 32
#define WEIR_RATE_WINDOW_MS 10000

struct weir_dial;
struct weir_endpoint_pool;

enum weir_phase {
    WEIR_PHASE_CONNECT,  /* waits for a connection: queue, name, connect */
    WEIR_PHASE_REQUEST,  /* the request is being passed on */
    WEIR_PHASE_RESPONSE, /* all of the request is passed on, no response yet */
    WEIR_PHASE_TRANSFER, /* the response's body is being passed on */
    WEIR_PHASE_FLUSH,    /* the response is read or made; the client has not taken all of it yet */
    WEIR_PHASE_DRAIN,    /* the response is sent; the rest of the request's body is dropped */
};

/** Who has to move for a body to go on. */
enum weir_turn_of {
    WEIR_TURN_CLIENT_SENDS, /* the client: bytes of the request are awaited */
    WEIR_TURN_CLIENT_TAKES, /* the client: it has bytes of the response to take */
    WEIR_TURN_ORIGIN,       /* the endpoint: it has bytes to take, or is awaited to send */
};

#define WEIR_TRIES_MAX 8 /* endpoints tried for one request */

#define WEIR_EXCHANGE_MAGIC 0x45584348u

struct weir_exchange {
    uint32_t magic;
    uint8_t phase;
    uint8_t turn; /* enum weir_turn_of, while a body moves */
    bool trusted;
    bool https;          /* the client's scheme, as far as it is known */
    bool fresh;          /* a second try: dial, do not use a parked connection */
    bool head_sent;      /* the request head was given to the origin connection */
    bool body_taken;     /* body bytes went to an origin connection */
    bool gathering;      /* body bytes are read into `gathered`, to be sent with their length */
    bool response_begun; /* a byte of a response arrived on the current connection */
    bool head_due;       /* env->fields are of the final head, and not given to the client yet */
    bool head_passed;    /* the final head was given to the client */
    bool response_done;
    bool reused;      /* the current origin connection had carried an exchange before */
    bool reusable;    /* the response's head lets the origin connection carry another */
    bool bound;       /* an identity of the client was seen: see flow/identity.h */
    bool linger;      /* input may still come after the response: see WEIR_CLIENT_LINGER */
    bool close_after; /* the client's connection ends after this exchange */
    bool expects;     /* Expect: 100-continue: before the 100 it is open whether the body comes */
    struct weir_exchange_env *env;
    struct weir_client_side *downstream;
    struct weir_origin_side *origin; /* NULL: none yet, or no longer */
    struct weir_deadline deadline;
    struct weir_dial *dial;                /* set while a connection is being made for it */
    struct weir_endpoint_pool *waiting_in; /* set while in a pool's queue */
    struct weir_list wait_link;
    struct weir_account *account;               /* of its memory */
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
    struct weir_stash *gathered; /* the decoded body while it is gathered; NULL: none of it yet */
    struct weir_h1_head *response_head; /* of an incomplete response head */
    struct weir_rewrite_marks marks;
    uint16_t method_len;
    enum weir_access_outcome outcome;
    const char *fault;
    struct weir_addr client;
    char request_id[WEIR_REQUEST_ID_LEN * 4 + 1];
    uint8_t request_id_len;

    uint64_t start_ns, dial_ns, connected_ns; /* weir_exchange_stamp_ns; 0: did not happen */
    uint64_t sent_ns, first_byte_ns;          /* whole request passed on; response begun */
    uint64_t phase_ms;                        /* when the phase began */
    uint64_t connect_until_ms;                /* the end of all tries to connect; 0: none yet */
    uint64_t progress_ms;                     /* when who has the turn last moved a byte */
    uint64_t window_ms;                       /* begin of the current rate window of the client */
    uint64_t window_bytes;                    /* that the client sent or took in it */
    uint64_t confirmed;    /* bytes that the client had taken at the last check */
    uint64_t passed_bytes; /* response body bytes given to the client */
};

/* -- called by the client's side -- */

/* Functions that are marked "may end x" may free the exchange; the caller reads c->x again. */

/**
 * A head is complete: admit the request and begin to serve it. May end x.
 *
 * @param c  without an exchange; afterwards c->x is set, or ops->end was called
 * @param head  complete, of a request; borrowed
 * @param bytes  of the head; borrowed
 */
void weir_exchange_begin(struct weir_exchange_env *env, struct weir_client_side *c,
                         const struct weir_h1_head *head, const uint8_t *bytes);
/** Why a head is refused, and what the access record tells of it. */
struct weir_refusal {
    enum weir_h1_fault fault; /* of the parser, or WEIR_FAULT_NONE */
    uint16_t status;
    enum weir_access_outcome outcome;
    uint64_t begun_ms;           /* when its first byte came; 0: just now */
    struct weir_h1_partial read; /* borrowed for the call */
};
/** Respond to bytes that are no request (a fault of the parser, a timeout inside a head, no
 * memory), then end the client with WEIR_CLIENT_LINGER. May end x. */
void weir_exchange_refuse(struct weir_exchange_env *env, struct weir_client_side *c,
                          const struct weir_refusal *refusal);
/** Whether request bytes can be used now; also while a response is passed on. */
bool weir_exchange_wants_input(const struct weir_exchange *x);
/** Pass request bytes on, or drop them after an early response. Only while it wants input. May end
 * x. @return bytes used; 0 when nothing can be taken now */
size_t weir_exchange_request_input(struct weir_exchange *x, struct weir_span in);
/** The request's body has ended, which a side that frames messages itself says by this call: its
 * bytes came plain. Only for a body of unknown length, and while x wants input. May end x. */
void weir_exchange_request_end(struct weir_exchange *x);
/** The client took all that was queued. May end x. */
void weir_exchange_flushed(struct weir_exchange *x);
/** The client has ended its sending side in order, after the whole request. May end x, by the
 * tenant's on_client_close. */
void weir_exchange_client_end(struct weir_exchange *x);
/** The client is gone, or is given up: end the exchange and its connections. Ends x. */
void weir_exchange_client_gone(struct weir_exchange *x, enum weir_access_outcome outcome);
/** The client's side ends: the connection that carries its identity ends with it. */
void weir_exchange_drop_held(struct weir_client_side *c);
/** Whether the request is read as a whole. */
static inline bool weir_exchange_request_is_read(const struct weir_exchange *x)
{
    return x->req_body.done;
}

/* -- called by the origin's side, and by what finds it -- */

/** It left the queue and its connection is being made: the endpoint's time begins now. */
void weir_exchange_dialling(struct weir_exchange *x);
/** It has a connection: begin to send. */
void weir_exchange_connected(struct weir_exchange *x, struct weir_origin_side *o);
/** The origin connection failed: leave it, then retry or respond as weir_plan_after_failure
 * decides. May end x. */
void weir_exchange_failed(struct weir_exchange *x, enum weir_failure failure);
/** The same of a handshake. @param fault  a static label for the record */
void weir_exchange_tls_failed(struct weir_exchange *x, const char *fault);
/** Respond 503: weir has no connection to give. The endpoint is not at fault. May end x. */
void weir_exchange_full(struct weir_exchange *x);
/** Take bytes of a response. May end x. @param ret_alive false: x no longer takes bytes of this
 * origin's side @return bytes used; the rest is given again with what follows it */
size_t weir_exchange_response_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive);
/** The endpoint took all that was queued. */
void weir_exchange_origin_drained(struct weir_exchange *x);
/** The endpoint ended the connection. May end x. @param clean false: by a reset, or after a failed
 * send */
void weir_exchange_origin_end(struct weir_exchange *x, bool clean);
/** Whether response bytes may be brought now: the client is not behind. */
static inline bool weir_exchange_wants_response(const struct weir_exchange *x)
{
    return !x->downstream->ops->blocked(x->downstream);
}
/** Bytes of the response's body that may go to the client unread and unchanged, by a way of the two
 * sides; 0: none. */
uint64_t weir_exchange_can_pass(const struct weir_exchange *x);
/** Bytes went that way. @param taken  of the origin, at most weir_exchange_can_pass @param given
 * to the client */
void weir_exchange_passed(struct weir_exchange *x, uint64_t taken, uint64_t given);
/** All bytes of the body went that way. May end x. */
void weir_exchange_passed_all(struct weir_exchange *x);

/* -- between the files of this folder -- */

/** Change the phase. The move must be in the table of legal moves (contract). */
void weir_exchange_move(struct weir_exchange *x, enum weir_phase to);
/** Bytes moved, or room came: see whose turn it is now, and measure that peer from now on. */
void weir_exchange_note_turn(struct weir_exchange *x);
/** Change the phase and begin to measure its time and rate. */
void weir_exchange_start_phase(struct weir_exchange *x, enum weir_phase to);
/** Begin to count for the exchange's tenant. It must have one and not count yet (contract). */
void weir_exchange_count_tenant(struct weir_exchange *x);
/** Count an attempt with x->endpoint. @param hint of the endpoint's pool */
void weir_exchange_count_attempt(struct weir_exchange *x, struct weir_counter_hint *hint);
/** A deadline's handler: check which limit has passed, if any. May end x. */
void weir_exchange_expired(struct weir_deadline *d);
/** An exchange in its first phase; c->x is set. NULL: no memory. */
struct weir_exchange *weir_exchange_new(struct weir_exchange_env *env, struct weir_client_side *c);
/** Store what the access record shows of a request that is not passed on. */
void weir_exchange_store_record(struct weir_exchange *x, const struct weir_h1_partial *read);
/** Write the access record, count, free, and leave the client. It must have no origin connection
 * and no place in a queue (contract). Ends x. */
void weir_exchange_end(struct weir_exchange *x, enum weir_client_end how);
/** Respond locally: an error page, a redirect, or what ends here. May end x. @param status 200..599
 */
void weir_exchange_response(struct weir_exchange *x, uint16_t status,
                            enum weir_access_outcome outcome, struct weir_span why);
/** Leave the origin connection, or the queue for one. @param reusable  as weir_origin_ops.release
 */
void weir_exchange_leave_origin(struct weir_exchange *x, bool reusable);
/** Send env->pieces, which are bytes of the request, its head first. May end x. @return false: it
 * did */
bool weir_exchange_send_request(struct weir_exchange *x);
/** The body is malformed or too large: respond 400 or 413, or cut the response that is on its way.
 * May end x. */
void weir_exchange_refuse_body(struct weir_exchange *x);
/** The request cannot be passed on, for which neither peer is to blame. May end x. */
void weir_exchange_end_without_memory(struct weir_exchange *x);
/** A new request id. */
void weir_exchange_make_id(struct weir_exchange *x);
/** Find an endpoint and a connection. May end x. */
void weir_exchange_connect(struct weir_exchange *x);

#endif
