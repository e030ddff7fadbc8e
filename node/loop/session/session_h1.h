/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h1.h - HTTP/1.x on a client's connection: reads, heads, the order of requests, and how it
 * ends. At most one exchange at a time. Private to node/loop. Owner: one worker.   Ref: RFC 9112.
 */
#ifndef WEIR_NODE_LOOP_SESSION_H1_H
#define WEIR_NODE_LOOP_SESSION_H1_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/exchange/exchange_env.h"
#include "node/loop/session/session.h"
#include "node/wire/h1.h"

enum weir_session_h1_state {
    WEIR_SESSION_H1_HEAD,     /* between requests, or inside a head */
    WEIR_SESSION_H1_EXCHANGE, /* side.x is set: a request is being served */
    WEIR_SESSION_H1_LINGER,   /* our side is shut; bytes that the client still sends are dropped */
    WEIR_SESSION_H1_CLOSED,   /* the descriptor is closed; the memory is freed in a later turn */
};

struct weir_session_h1 {
    struct weir_session s;
    struct weir_client_side side;
    uint8_t state;
    bool head_owner_known; /* the incomplete head has its Host: its tenant's head_timeout applies */
    bool head_timed;       /* since_ms is set */
    bool watch_now;        /* the response takes long: watch the client for its end */
    bool fresh;            /* accepted, and nothing came so far */
    uint8_t begun;         /* exchanges begun in the turn begun_turn */
    uint32_t begun_turn;
    uint32_t counted_given; /* the low bits of conn.given when it was last counted */
    /* Times are the low bits of the worker's in ms: weir_clock_ms_of. */
    uint32_t head_ms; /* if `head` is set: when the first byte of the head came */
    union {
        uint32_t since_ms; /* from when the time for a head counts; not in LINGER */
        uint32_t dropped;  /* bytes read and thrown away in LINGER */
    };
    struct weir_h1_head *head; /* of an incomplete head */
};

_Static_assert(sizeof(struct weir_session_h1) <= WEIR_SESSION_BYTES,
               "an idle connection may cost 0.45 KiB in all, and the loop has its part");

/** Change the state. The move must be in the table of legal moves (contract). */
void weir_session_h1_move(struct weir_session_h1 *h, enum weir_session_h1_state to);

#endif
