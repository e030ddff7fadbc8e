/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h2.h - HTTP/2 on a client's connection: many streams, each the client's side of an
 * exchange. session_h2.c moves the connection, session_h2_stream.c its streams, session_h2_output.c
 * writes, session_h2_push.c
 * pushes. Private to node/loop. Owner: one worker.
 * Limits: below; wire/h2.h. Memory: pools of the worker, made for the first such connection.
 * Ref: RFC 9113.
 */
#ifndef WEIR_NODE_LOOP_SESSION_H2_H
#define WEIR_NODE_LOOP_SESSION_H2_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/exchange/exchange_env.h"
#include "node/flow/hints.h"
#include "node/loop/session/session.h"
#include "node/wire/h2/h2.h"

#define WEIR_H2_STREAMS_MAX  100    /* of a connection at once, with those that were reset lately */
#define WEIR_H2_STASHED_MAX  262144 /* bytes of requests that wait before the client is held up */
#define WEIR_H2_BATCH_LEN    65536  /* bytes that leave with one write, about */
#define WEIR_H2_PUSHED_PATHS 256    /* that a connection remembers: each is pushed once */
#define WEIR_H2_REST_MS      1000   /* without a stream, until memory is given back */
#define WEIR_H2_NOTICE_MS    500    /* from the notice of an end until requests are refused */

enum weir_session_h2_state {
    WEIR_SESSION_H2_OPEN,
    WEIR_SESSION_H2_ENDING, /* nothing more is read; what waits is sent */
    WEIR_SESSION_H2_LINGER, /* our side is shut; bytes that the client still sends are dropped */
    WEIR_SESSION_H2_CLOSED, /* the descriptor is closed; the memory is freed in a later turn */
};

struct weir_h2_link;

/** The part that each connection has in the pool of sessions. */
struct weir_session_h2 {
    struct weir_session s;
    uint8_t state;
    bool fresh;                /* nothing was read so far */
    uint32_t counted_given;    /* the low bits of conn.given when it was last counted */
    struct weir_h2_link *link; /* owns */
};

_Static_assert(sizeof(struct weir_session_h2) <= WEIR_SESSION_BYTES,
               "it is made of a session of another kind");

/** What a worker has for all its HTTP/2 connections. */
struct weir_h2_common {
    struct weir_h2_shared *shared;
    struct weir_pool links, streams, pushes;
    struct weir_hints hints;
    struct weir_h1_head head; /* of a request whose response is read for links */
    struct weir_pieces batch; /* of the connection whose pump runs */
};

/** What a connection was pushed. */
struct weir_h2_pushes {
    uint32_t open;                        /* promised, and not over */
    uint64_t paths[WEIR_H2_PUSHED_PATHS]; /* hashes of paths that the client has or is pushed */
};

/** The rest of a connection. */
struct weir_h2_link {
    struct weir_session_h2 *h;
    struct weir_h2 *codec; /* owns */
    struct weir_h2_common *common;
    struct weir_account *account;  /* of the last exchange */
    struct weir_h2_pushes *pushes; /* owns; NULL: nothing was pushed so far */
    struct weir_list streams;      /* weir_h2_stream.link */
    struct weir_list woken;        /* their exchanges may want input: wake_link */
    struct weir_list batched;      /* with bytes in the batch: batch_link */
    struct weir_list sent;         /* all their bytes are given to the conn: sent_link */
    struct weir_list dead;         /* freed when the batch is empty: link */
    uint32_t num_streams;          /* with an exchange */
    uint32_t begun;                /* exchanges begun in the turn begun_turn */
    uint32_t begun_turn;
    uint32_t stashed; /* bytes of requests that wait */
    uint32_t owed;    /* bytes of the connection's window to be given back */
    uint32_t idle_timeout_ms;
    bool lost;            /* the socket, or the codec's memory, has failed */
    bool eof;             /* the client has ended its side */
    bool refusing;        /* the last GOAWAY is on its way */
    bool rests;           /* it holds as little memory as can be */
    bool served;          /* a request has come */
    uint64_t idle_ms;     /* since when there is no stream */
    uint64_t input_ms;    /* when bytes came last */
    uint64_t block_ms;    /* since when a header block is incomplete; 0: none is */
    uint64_t notice_ms;   /* when the end was announced; 0: it was not */
    uint64_t blocked_ms;  /* since when the client takes no bytes that wait; 0: none wait */
    uint64_t deadline_ms; /* that is set; 0: none */
    uint64_t end_ms;      /* when ENDING or LINGER ends at the latest */
    uint32_t dropped;     /* bytes read and thrown away in LINGER */
};

#define WEIR_H2_STREAM_MAGIC 0x48325354u

struct weir_h2_stream {
    uint32_t magic;
    int32_t id;
    struct weir_client_side side;
    struct weir_h2_link *l;
    struct weir_list link, wake_link, batch_link, sent_link;
    struct weir_stash *in; /* bytes of the request that wait */
    struct weir_outq out;  /* bytes of the response's body that wait */
    uint32_t batched;      /* of out, in the batch */
    bool request_ended;
    bool finished;  /* the response is whole */
    bool last_sent; /* its end is in the batch, or sent */
    bool closed;    /* the codec knows it no longer */
    bool dead;
    bool pushed;                /* promised, and not asked for */
    bool teaches;               /* hints may be learned of its response */
    bool has_key;               /* `hints` is set */
    struct weir_stash *promise; /* the request that was promised, until its exchange begins */
    struct weir_hints_key hints;
    uint64_t given;     /* bytes of its body given to the conn */
    uint64_t credit;    /* bytes that the client took of the connection while it held this one up */
    uint64_t confirmed; /* weir_conn_confirmed when credit was last counted */
};

/** Change the state. The move must be in the table of legal moves (contract). */
void weir_session_h2_move(struct weir_session_h2 *h, enum weir_session_h2_state to);

/* -- between the files -- */

static inline struct weir_conn *weir_h2_conn_of(const struct weir_h2_link *l)
{
    return &l->h->s.conn;
}
/** Have the connection's pump run: now, if `soon`, or once all events of this turn have been
 * handled, so that what they bring leaves together. Does nothing while it runs. */
void weir_h2_link_schedule(struct weir_h2_link *l, bool soon);

/** A stream without an id and without an exchange. NULL: no memory. */
struct weir_h2_stream *weir_h2_stream_new(struct weir_h2_link *l);
/** Its exchange is over, or there was none. Freed when the batch is empty. */
void weir_h2_stream_end(struct weir_h2_stream *s);
/** Begin its exchange. @param bytes  of the head; borrowed for the call */
void weir_h2_stream_begin(struct weir_h2_stream *s, const struct weir_h1_head *head,
                          const uint8_t *bytes);

/** A final head is about to be given to the client: promise what it links. */
void weir_h2_push_links(struct weir_h2_stream *s, const struct weir_response_fields *fields);
/** As weir_h2_owner.promised. */
void weir_h2_push_promised(void *owner, int32_t id, bool sent);
/** Serve what was promised. */
void weir_h2_push_begin(struct weir_h2_stream *s);
/** A pushed stream ends. */
void weir_h2_push_ended(struct weir_h2_stream *s);
/** The client has asked for a path itself: it is not pushed. */
void weir_h2_push_asked(struct weir_h2_stream *s, const struct weir_h1_head *head,
                        const uint8_t *bytes);
/** An exchange has begun, of a request with this head: send hints, if there are any. */
void weir_h2_hint_begun(struct weir_h2_stream *s, const struct weir_h1_head *head,
                        const uint8_t *bytes);
/** A final head is given to the client: learn what it links. */
void weir_h2_hint_learn(struct weir_h2_stream *s, const struct weir_response_fields *fields);

/** The calls of the codec. */
extern const struct weir_h2_owner weir_h2_stream_owner;
/** Offer input to the exchanges that may want it. */
void weir_h2_streams_offer(struct weir_h2_link *l);
/** Report to the exchanges what was sent, if the client takes bytes. */
void weir_h2_streams_flushed(struct weir_h2_link *l);
/** End all exchanges. */
void weir_h2_streams_cut(struct weir_h2_link *l, enum weir_access_outcome outcome);
/** Free those that have ended. Only while the batch is empty. */
void weir_h2_streams_bury(struct weir_h2_link *l);

/** Write what the codec has, until it has nothing or the client takes nothing more.
 * @return whether anything was written */
bool weir_h2_output_write(struct weir_h2_link *l);
/** Part of that: a DATA frame. As weir_h2_owner.frame. */
bool weir_h2_output_frame(struct weir_h2_stream *s, struct weir_span head, size_t len);
/** Count what has left since the last time. */
void weir_h2_output_account(struct weir_h2_link *l);

/** The worker ends: free what was made for the first connection. */
void weir_session_h2_free_common(struct weir_worker *w);

#endif
