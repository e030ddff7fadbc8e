/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - the objects of one worker and how they hang together. Private to node/loop.
 * A downstream connection has at most one exchange; an exchange has at most one upstream
 * connection; a pool keeps the connections of one endpoint. HTTP/2 will hang many exchanges on one
 * downstream, TLS sits between net.h and the connections. Owner of everything here: one worker
 * thread.
 */
#ifndef WEIR_NODE_LOOP_LOOP_H
#define WEIR_NODE_LOOP_LOOP_H

#include "node/base/hashmap.h"
#include "node/base/inbox.h"
#include "node/base/list.h"
#include "node/base/rng.h"
#include "node/base/timerwheel.h"
#include "node/flow/admit.h"
#include "node/flow/balance.h"
#include "node/flow/exchange.h"
#include "node/flow/rewrite.h"
#include "node/loop/buffers.h"
#include "node/loop/net.h"
#include "node/loop/watch.h"
#include "node/loop/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#define WEIR_REQUEST_ID_LEN 32
#define WEIR_OBUF_LEN       (2 * WEIR_HEAD_MAX + 65536) /* a rewritten head with all that a tenant adds \
                                                         */
#define WEIR_LINGER_MS      2000
#define WEIR_LINGER_MAX     1048576 /* bytes read and dropped after a last answer */
#define WEIR_RATE_WINDOW_MS 10000
#define WEIR_PIPES_KEPT     64
#define WEIR_READ_BUDGET    8     /* reads of one connection in one turn */
#define WEIR_REFILL_BUDGET  16    /* connects ahead of demand in one tick */
#define WEIR_POOL_WAIT_MAX  1024  /* exchanges that wait for one endpoint's connection */
#define WEIR_RESOLVE_MAX    8     /* addresses kept of one name */
#define WEIR_RESOLVE_MS     30000 /* a name in use is looked up again after this */

/* What a timer belongs to, so that the wheel's one handler can tell. */
struct weir_down;
struct weir_up;
struct weir_upool;
struct weir_exchange;

struct weir_listener {
    struct weir_worker *worker;
    struct weir_watch watch;
    struct weir_addr addr;
    bool any; /* bound to the wildcard: the destination is asked of each connection */
};

struct weir_worker {
    uint32_t index;
    struct weir_workers *group;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_async_t wake;
    pthread_t thread;
    struct weir_inbox inbox;
    struct weir_wheel wheel;
    uint64_t now_ms; /* of the current turn */
    struct weir_metrics *metrics;
    struct weir_access_writer *access;
    struct weir_tenant_cache *cache;
    struct weir_verdicts *verdicts;
    struct weir_rng rng;

    struct weir_listener *listeners;
    size_t num_listeners;
    bool accepting;
    bool draining;
    bool stopping;
    bool drained;
    bool has_loop;
    uint64_t drain_due_ms;
    uint64_t ticks;
    _Atomic uint64_t
        asked_deadline_ms; /* control asks to drain: the deadline + 1; paired with on_wake */
    _Atomic bool asked_stop;
    _Atomic bool asked_forget; /* a message was lost: forget all compiled tenants */

    struct weir_pool downs, ups, upools, exchanges, heads;
    struct weir_buffers buffers;
    struct weir_list down_list; /* every downstream connection */
    struct weir_list
        dead_downs;           /* closed without having entered the loop: freed in the next turn */
    struct weir_list up_list; /* every upstream connection */
    struct weir_list dead_ups;
    struct weir_list idle_lru; /* parked upstream connections, longest parked first */
    struct weir_list refill;   /* pools that are below min_idle */
    struct weir_hashmap pools; /* endpoint key -> weir_upool */
    size_t pools_at;           /* where the sweep goes on */
    uint32_t num_down, max_down;
    uint32_t num_up, max_up, num_parked, max_parked;

    int pipes[WEIR_PIPES_KEPT][2]; /* empty pipes for splice */
    uint32_t num_pipes;

    char date[32]; /* for answers, renewed by the tick */
    uint64_t date_s;
    struct weir_h1_head head_down, head_up;
    struct weir_admit admit;
    struct weir_pieces pieces;
    uint8_t rbuf[WEIR_IO_CHUNK];
    uint8_t obuf[WEIR_OBUF_LEN];
};

enum weir_timer_owner { WEIR_TIMER_DOWN, WEIR_TIMER_UP };

struct weir_deadline {
    struct weir_timer timer;
    uint8_t owner; /* enum weir_timer_owner */
};

/* -- downstream: a client's connection
 * ------------------------------------------------------------------- */

enum weir_down_state {
    WEIR_DOWN_HEAD,     /* between requests, or inside a head */
    WEIR_DOWN_EXCHANGE, /* x is set: a request is being served */
    WEIR_DOWN_DRAIN,    /* x is set: answered, the rest of its body is read and dropped */
    WEIR_DOWN_FLUSH,    /* the last bytes are leaving, then LINGER or CLOSED */
    WEIR_DOWN_LINGER,   /* our side is shut; what the client still sends is dropped */
    WEIR_DOWN_CLOSED,   /* the descriptor is gone; memory goes when the loop lets go of it */
};

#define WEIR_DOWN_MAGIC 0x444f574eu

struct weir_down {
    uint32_t magic;
    uint8_t state;
    bool eof;    /* the client will send nothing more */
    bool linger; /* unread input may be there: close by way of LINGER */
    bool busy;   /* the pump is running: no second one */
    struct weir_worker *worker;
    struct weir_watch watch;
    struct weir_deadline due;
    struct weir_list link;
    struct weir_addr peer;
    struct weir_addr local;
    uint32_t idle_timeout_ms;
    uint32_t dropped;          /* bytes read and thrown away in LINGER */
    uint64_t since_ms;         /* when the head began (0: not yet), or LINGER */
    struct weir_stash *in;     /* input that could not be used yet */
    struct weir_h1_head *head; /* of an incomplete head */
    struct weir_outq out;
    struct weir_exchange *x;
};

/** Adopt an accepted connection. Takes fd. */
void weir_down_accept(struct weir_listener *l, int fd, const struct weir_addr *peer);
/** Go on with what waits: input that can be used now, output, the wanted events. The one place that
 * moves a connection. */
void weir_down_pump(struct weir_down *c);
/** Send or queue. @return false: the client is gone; the caller ends the exchange */
WEIR_MUST_USE bool weir_down_send(struct weir_down *c, const struct weir_pieces *p);
/** End the connection now, by a reset when a clean end would claim too much. Its exchange must be
 * gone (contract). */
void weir_down_close(struct weir_down *c, bool abort);
/** The last answer was given to the connection: close it when its bytes are out. */
void weir_down_finish(struct weir_down *c);
/** Back to waiting for a request. */
void weir_down_next(struct weir_down *c);
void weir_down_timeout(struct weir_down *c);
/** Give a closed connection's memory back. */
void weir_down_free(struct weir_down *c);
/** The worker began to drain: close if idle. */
void weir_down_drain(struct weir_down *c);

/* -- exchange: one request and its answer
 * ---------------------------------------------------------------- */

enum weir_phase {
    WEIR_PHASE_CONNECT,  /* waits for a connection: queue, name, connect */
    WEIR_PHASE_REQUEST,  /* the request is being passed on */
    WEIR_PHASE_ANSWER,   /* all of the request is passed on, no answer yet */
    WEIR_PHASE_TRANSFER, /* the answer's body is being passed on */
    WEIR_PHASE_FLUSH,    /* all is read; the client has not taken all yet */
};

#define WEIR_EXCHANGE_MAGIC 0x45584348u

struct weir_exchange {
    uint32_t magic;
    uint8_t phase;
    bool trusted;
    bool fresh;        /* no parked connection: this is a second try */
    bool head_sent;    /* the request head was given to the upstream connection */
    bool body_taken;   /* body bytes went to an upstream connection */
    bool answer_begun; /* a byte of an answer arrived on the current connection */
    bool head_passed;  /* the final head was given to the client */
    bool answer_done;
    bool reused;      /* the current upstream connection had carried an exchange before */
    bool close_after; /* the client's connection ends after this exchange */
    struct weir_down *down;
    struct weir_up *up;
    struct weir_upool *waiting_in; /* set while in a pool's wait list */
    struct weir_list wait_link;
    struct weir_tenant *tenant; /* shares; NULL for answers to nobody's host */
    struct weir_upstream *upstream;
    struct weir_endpoint *endpoint;
    struct weir_tried tried;
    uint16_t tries, retries, interims;
    uint16_t status;
    struct weir_request_facts req;
    struct weir_answer_plan plan;
    struct weir_body req_body, res_body;
    struct weir_stash *head; /* the request head as it is sent; the access record points into it */
    struct weir_rewrite_marks marks;
    uint16_t method_len;
    enum weir_verdict_kind verdict;
    const char *fault;
    struct weir_addr client;
    char request_id[WEIR_REQUEST_ID_LEN * 4 + 1];
    uint8_t request_id_len;

    uint64_t start_ns, dial_ns, connected_ns, first_byte_ns; /* monotonic; 0: did not happen */
    uint64_t phase_ms;                                       /* when the phase began */
    uint64_t progress_ms;                                    /* when a body byte last moved */
    uint64_t window_ms;                                      /* begin of the current rate window */
    uint64_t window_bytes;
    uint64_t passed_bytes; /* answer body bytes given to the client */

    int pipe[2]; /* splice: -1 when unused */
    size_t in_pipe;
};

/** A head is complete: admit it and begin to serve it. c->x is set, or the connection is answered
 * already. */
void weir_exchange_begin(struct weir_down *c, const struct weir_h1_head *head,
                         const uint8_t *bytes);
/** Answer what is no request at all (a fault of the parser, a time-out inside a head), and close.
 */
void weir_exchange_refuse(struct weir_down *c, enum weir_h1_fault fault, uint16_t status,
                          enum weir_verdict_kind verdict);
/** Pass request bytes on. @return bytes used; 0 when nothing can be taken now */
size_t weir_exchange_request_input(struct weir_exchange *x, struct weir_span in);
/** Take and drop request bytes after an early answer. @return bytes used */
size_t weir_exchange_drain_input(struct weir_exchange *x, struct weir_span in);
/** Request bytes can be used now. */
bool weir_exchange_wants_input(const struct weir_exchange *x);
/** The client took all that was queued. */
void weir_exchange_flushed(struct weir_exchange *x);
/** The client is gone or gave up: end everything that was begun for it. The exchange is freed. */
void weir_exchange_client_gone(struct weir_exchange *x, enum weir_verdict_kind verdict);
void weir_exchange_timeout(struct weir_exchange *x);
/** When the exchange has to be looked at again. */
uint64_t weir_exchange_due_ms(const struct weir_exchange *x);
/** Write the access record, count, free. The upstream connection must be gone from it (contract).
 */
void weir_exchange_end(struct weir_exchange *x);
/** Answer locally with an error page. */
void weir_exchange_answer(struct weir_exchange *x, uint16_t status, enum weir_verdict_kind verdict,
                          struct weir_span why);

/* Called by the upstream side. */
void weir_exchange_connected(struct weir_exchange *x, struct weir_up *u);
void weir_exchange_failed(struct weir_exchange *x, enum weir_failure failure);
/** @return bytes used; the exchange may be gone afterwards (then *ret_alive is false) */
size_t weir_exchange_answer_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive);
void weir_exchange_upstream_drained(struct weir_exchange *x);
void weir_exchange_upstream_end(struct weir_exchange *x, bool clean);
/** The whole body was passed on by splice. */
void weir_exchange_spliced(struct weir_exchange *x);
/** A new request id. */
void weir_exchange_make_id(struct weir_exchange *x);
/** Find an endpoint and a connection. */
void weir_exchange_connect(struct weir_exchange *x);

/* -- upstream: a connection to an endpoint
 * ----------------------------------------------------------------- */

enum weir_up_state {
    WEIR_UP_CONNECTING,
    WEIR_UP_BUSY,   /* x is set */
    WEIR_UP_PARKED, /* in its pool; anything it says closes it */
    WEIR_UP_CLOSED,
};

#define WEIR_UP_MAGIC 0x55505550u

struct weir_up {
    uint32_t magic;
    uint8_t state;
    bool ahead; /* dialled ahead of demand */
    bool reusable;
    struct weir_worker *worker;
    struct weir_upool *pool;
    struct weir_watch watch;
    struct weir_deadline due;
    struct weir_list link;      /* in worker->up_list */
    struct weir_list pool_link; /* in pool->idle when parked */
    struct weir_list lru_link;
    uint32_t exchanges; /* carried so far */
    struct weir_exchange *x;
    struct weir_stash *in; /* an incomplete answer head */
    struct weir_h1_head *head;
    struct weir_outq out;
};

/** Send or queue. @return false: the connection is gone; the caller handles it as
 * WEIR_FAILURE_CLOSED */
WEIR_MUST_USE bool weir_up_send(struct weir_up *u, const struct weir_pieces *p);
/** Wait for what its state needs. */
void weir_up_arm(struct weir_up *u);
/** End it; detaches it from its exchange and pool. */
void weir_up_close(struct weir_up *u);
void weir_up_timeout(struct weir_up *u);
/** Give a closed connection's memory back. */
void weir_up_free(struct weir_up *u);
/** A parked connection begins to serve an exchange. */
void weir_up_adopt(struct weir_up *u, struct weir_exchange *x);
/** The client took what a splice held: go on. */
void weir_up_continue(struct weir_up *u);
/** The exchange is done with it: park it, or close it when it must not be reused. */
void weir_up_release(struct weir_up *u, bool reusable);
/** Open a connection for a pool. @return WEIR_OK | WEIR_ELIMIT | WEIR_EIO | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_up_dial(struct weir_upool *p, const struct weir_addr *addr,
                                         struct weir_exchange *x);

/* -- pool: the connections of one endpoint
 * ----------------------------------------------------------------- */

struct weir_upool {
    uint64_t key;
    struct weir_worker *worker;
    struct weir_list idle;    /* weir_up.pool_link, last parked first */
    struct weir_list waiting; /* weir_exchange.wait_link, first come first */
    struct weir_list refill_link;
    uint32_t num_idle, num_open, num_ahead, num_waiting;
    uint32_t min_idle, max_idle, max; /* this worker's share */
    uint32_t idle_timeout_ms, connect_timeout_ms;
    uint64_t used_ms; /* last time an exchange asked */

    struct weir_addr addrs[WEIR_RESOLVE_MAX];
    uint16_t num_addrs, next_addr;
    bool resolving;
    bool resolve_failed;
    uint64_t resolved_ms;
    uv_getaddrinfo_t *lookup; /* owned by the loop while resolving */
    char host[WEIR_HOST_MAX + 1];
    uint16_t port;
};

/** The pool of an endpoint, made on first use, with the settings of `u`. NULL: no memory. */
struct weir_upool *weir_upool_of(struct weir_worker *w, const struct weir_upstream *u,
                                 const struct weir_endpoint *e);

/** What became of the wish for a connection. */
enum weir_take {
    WEIR_TAKE_READY,   /* x->up is set and connected */
    WEIR_TAKE_WAIT,    /* weir_exchange_connected or _failed will be called */
    WEIR_TAKE_REFUSED, /* the endpoint cannot be reached at once */
    WEIR_TAKE_FULL, /* the pool and its queue, or the worker's descriptors, are at their limits */
};
enum weir_take weir_upool_take(struct weir_upool *p, struct weir_exchange *x);
/** An exchange gives up waiting. */
void weir_upool_unwait(struct weir_exchange *x);
/** A connection of this pool became free or went away: serve who waits. */
void weir_upool_next(struct weir_upool *p);
void weir_upool_want_refill(struct weir_upool *p);
/** Each tick: connects ahead of demand, and frees pools that nobody used for long. */
void weir_upool_tick(struct weir_worker *w);
/** Close every parked connection; free pools. At stop. */
void weir_upool_shutdown(struct weir_worker *w);
/** Begin a name lookup if it is due. */
void weir_upool_resolve(struct weir_upool *p);

/* -- listeners and the worker
 * ------------------------------------------------------------------------------ */

/** The configuration that all workers share. */
const struct weir_workers_config *weir_worker_config(const struct weir_worker *w);
/** Accept or not, as limits and drain say. */
void weir_worker_accepting(struct weir_worker *w, bool on);
void weir_worker_set_due(struct weir_worker *w, struct weir_deadline *d, uint64_t due_ms);

/* -- splice: large bodies of known length, socket to socket
 * --------------------------------------------------- */

/** Worth it and possible for the rest of this answer. */
bool weir_splice_begin(struct weir_exchange *x);
enum weir_splice {
    WEIR_SPLICE_MORE,    /* the upstream has nothing more now */
    WEIR_SPLICE_BLOCKED, /* the client takes nothing more now */
    WEIR_SPLICE_DONE,    /* the whole body was passed on */
    WEIR_SPLICE_UP_END,  /* the upstream ended too early */
    WEIR_SPLICE_DOWN_FAILED,
};
enum weir_splice weir_splice_move(struct weir_exchange *x);
void weir_splice_end(struct weir_exchange *x);
/** Close the pipes that were kept. */
void weir_splice_shutdown(struct weir_worker *w);

#endif
