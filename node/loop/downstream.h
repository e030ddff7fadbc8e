/* SPDX-License-Identifier: Apache-2.0
 *
 * downstream.h - a client's connection: reads, heads, the order of requests, and how it ends.
 * Has at most one exchange; HTTP/2 will have many on one connection, TLS sits between sock.h and
 * the connection. Owner: one worker. Memory: the worker's pool; no buffer while idle. Private to
 * node/loop.
 */
#ifndef WEIR_NODE_LOOP_DOWNSTREAM_H
#define WEIR_NODE_LOOP_DOWNSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/loop/buffers.h"
#include "node/loop/loop.h"
#include "node/loop/watch.h"
#include "node/wire/h1.h"

struct weir_exchange;

enum weir_downstream_state {
    WEIR_DOWNSTREAM_HEAD,     /* between requests, or inside a head */
    WEIR_DOWNSTREAM_EXCHANGE, /* x is set: a request is being served */
    WEIR_DOWNSTREAM_DRAIN,    /* x is set: the response is sent, the rest of the body is dropped */
    WEIR_DOWNSTREAM_FLUSH,    /* the last bytes are leaving, then LINGER or CLOSED */
    WEIR_DOWNSTREAM_LINGER,   /* our side is shut; bytes that the client still sends are dropped */
    WEIR_DOWNSTREAM_CLOSED,   /* the descriptor is closed; the memory is freed in a later turn */
};

/* Why a connection ends, for the log. The first reason counts. */
enum weir_close_reason {
    WEIR_CLOSE_OTHER,         /* the node: limits, memory, stop, a response that was cut */
    WEIR_CLOSE_CLIENT_END,    /* the client ended it in order */
    WEIR_CLOSE_CLIENT_LOST,   /* a reset, or an error of the socket */
    WEIR_CLOSE_TIMEOUT,       /* idle, head or linger time is over */
    WEIR_CLOSE_LAST_RESPONSE, /* the response has Connection: close */
    WEIR_CLOSE_DRAIN,         /* the node drains and no request was there */
    WEIR_CLOSE_SHED,          /* it was idle, and made way for another one */
};

#define WEIR_DOWNSTREAM_MAGIC 0x444f574eu

struct weir_downstream {
    uint32_t magic;
    uint8_t state;
    uint8_t reason; /* enum weir_close_reason */
    bool eof;       /* the client will send nothing more */
    bool linger;    /* unread input may wait in the socket: pass through LINGER before the close */
    bool busy;      /* the pump runs; it is not re-entrant */
    bool head_owner_known; /* the incomplete head has its Host: its tenant's head_timeout applies */
    bool counted_by_address;
    bool watch_now; /* the response takes long: watch the client for its end */
    struct weir_worker *worker;
    struct weir_watch watch;
    struct weir_deadline deadline;
    struct weir_list link;
    struct weir_idle_link idle;
    struct weir_addr peer;
    struct weir_addr local;
    uint32_t idle_timeout_ms;
    uint8_t begun;             /* exchanges of this turn, or since the client's last event */
    uint32_t dropped;          /* bytes read and thrown away in LINGER */
    uint64_t since_ms;         /* when the head began; 0: not yet */
    struct weir_stash *in;     /* input that could not be used yet */
    struct weir_h1_head *head; /* of an incomplete head */
    struct weir_outq out;
    uint64_t given;    /* bytes that the kernel took for this client */
    uint64_t received; /* bytes read from this client */
    uint32_t requests; /* exchanges begun */
    struct weir_exchange *x;
};

/** The text of enum weir_close_reason for the log. */
const char *weir_close_reason_name(uint8_t reason);
/** Change the state. The move must be in the table of legal moves (contract). */
void weir_downstream_move(struct weir_downstream *c, enum weir_downstream_state to);
/** Adopt an accepted connection, which has a place in the node. Takes fd. @param counted among the
 * connections of its address */
void weir_downstream_accept(struct weir_listener *l, int fd, const struct weir_addr *peer,
                            bool counted);
/** After a batch of accepts: read once more from the connections that had no bytes yet. Most have
 * some by now, and never enter epoll. */
void weir_downstream_read_fresh(struct weir_worker *w);
/** Use input that waits, if it can be used now, and subscribe to the events that the state needs.
 * The one place that moves a connection forward. */
void weir_downstream_pump(struct weir_downstream *c);
/** Send or queue. @return false: the client is gone; the caller ends the exchange */
WEIR_MUST_USE bool weir_downstream_send(struct weir_downstream *c, const struct weir_pieces *p);
/** End the connection now. Its exchange must be gone (contract). @param abort send a reset, so that
 * the client does not take a cut response for a whole one */
void weir_downstream_close(struct weir_downstream *c, bool abort);
/** The last response is sent or queued: close the connection when its bytes are out. */
void weir_downstream_finish(struct weir_downstream *c);
/** Wait for the next request. */
void weir_downstream_next(struct weir_downstream *c);
/** The connection's timer has expired. */
void weir_downstream_timeout(struct weir_downstream *c);
/** Give a closed connection's memory back. */
void weir_downstream_free(struct weir_downstream *c);
/** Whether no byte of a request has come, and nothing waits to be sent. */
bool weir_downstream_is_idle(const struct weir_downstream *c);
/** An idle connection makes way for another one. @return false: the client has sent something */
WEIR_MUST_USE bool weir_downstream_shed(struct weir_downstream *c);
/** The worker began to drain: close if idle. */
void weir_downstream_drain(struct weir_downstream *c);

#endif
