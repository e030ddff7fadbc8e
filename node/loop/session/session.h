/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - what is spoken on a client's connection, as the worker and its listeners see it. A
 * listener has a kind of session; each accepted connection becomes one. h1 is in session_h1.c.
 * Private to node/loop. Owner: one worker. Memory: the worker's pool; no buffer while idle.
 */
#ifndef WEIR_NODE_LOOP_SESSION_H
#define WEIR_NODE_LOOP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/list.h"
#include "node/base/span.h"
#include "node/conn/conn.h"
#include "node/loop/room.h"

struct weir_client_side;
struct weir_session;
struct weir_tls;
struct weir_worker;

/** Why a connection ends, for the log. The first reason counts. */
enum weir_close_reason {
    WEIR_CLOSE_OTHER,         /* the node: limits, memory, stop, a response that was cut */
    WEIR_CLOSE_CLIENT_END,    /* the client ended it in order */
    WEIR_CLOSE_CLIENT_LOST,   /* a reset, or an error of the socket */
    WEIR_CLOSE_TIMEOUT,       /* idle, head or linger time is over */
    WEIR_CLOSE_LAST_RESPONSE, /* the response has Connection: close */
    WEIR_CLOSE_DRAIN,         /* the node drains and no request was there */
    WEIR_CLOSE_SHED,          /* it was idle, and made way for another one */
    WEIR_CLOSE_REFUSED,       /* its TLS handshake failed */
};

/** What is spoken by the clients of a listener. One static table for each kind. */
struct weir_session_kind {
    const char *name;
    struct weir_conn_owner owner; /* of the connection of each: leads from a session to its kind */
    bool client_speaks_first;     /* a connection need not be accepted before its first bytes */
    /** Make a session of the connection, of worker->sessions. NULL: no memory; fd is the caller's.
     */
    struct weir_session *(*open)(struct weir_worker *w, int fd);
    /** Set up an open session, whose s->conn lives, as one of this kind: what stands behind `s` in
     * its object. NULL: it is never what another becomes. */
    void (*adopt)(struct weir_session *s);
    /** The session is set up: begin. */
    void (*begin)(struct weir_session *s);
    /** The worker drains: close it if it is idle. */
    void (*drain)(struct weir_session *s);
    /** End it now, with what runs on it; the client sees a reset. */
    void (*cut)(struct weir_session *s);
    /** Whose its memory is. */
    struct weir_account *(*account)(const struct weir_session *s);
    /** Since when its client takes no bytes that wait for it, in ms of the worker; 0: none wait. */
    uint64_t (*slow_since)(const struct weir_session *s);
    /** Whether no byte of a request has come, and nothing waits to be sent. */
    bool (*is_idle)(const struct weir_session *s);
    /** Close an idle one, so that another has room. @return false: the client has sent something */
    bool (*shed)(struct weir_session *s);
};

#define WEIR_SESSION_MAGIC 0x53455353u

struct weir_session {
    uint32_t magic;
    uint8_t reason; /* enum weir_close_reason */
    bool counted_by_address;
    bool starved;          /* does not read until memory is free: memory_ladder.c */
    struct weir_list link; /* in worker->sessions, or undrained */
    struct weir_idle_link idle;
    struct weir_conn conn;
    struct weir_addr peer, local;
    uint32_t requests; /* exchanges begun */
};

/** What is spoken on it. */
static inline const struct weir_session_kind *weir_session_kind_of(const struct weir_session *s)
{
    return weir_container_of(weir_conn_owner_of(&s->conn), struct weir_session_kind, owner);
}

/** Bytes of the object of a session of any kind: one can become another. */
#define WEIR_SESSION_BYTES 440

/** HTTP/1.x: one exchange at a time, in order. */
extern const struct weir_session_kind weir_session_h1;
/** HTTP/2: session_h2.h. */
extern const struct weir_session_kind weir_session_h2;
/** TLS until its handshake is done: session_tls.h. */
extern const struct weir_session_kind weir_session_tls;

/** From now on it is a session of `kind`, which begins. Its pump does not run, nothing waits for it
 * (contract). */
void weir_session_become(struct weir_session *s, const struct weir_session_kind *kind);
/** The TLS below it; NULL: it is in clear. */
const struct weir_tls *weir_session_tls_of(const struct weir_session *s);

/** The text of enum weir_close_reason for the log. */
const char *weir_close_reason_name(uint8_t reason);
/** Note why it ends, if nothing was noted yet. */
void weir_session_note(struct weir_session *s, enum weir_close_reason reason);
/** An accepted connection. */
struct weir_accepted {
    int fd;
    bool counted; /* among the connections of its address */
    struct weir_addr peer;
    const struct weir_addr *local; /* where it arrived; NULL: ask the socket */
};
/** Adopt an accepted connection that has a place in the node: a session of `kind`, counted and
 * listed. Takes a->fd. */
void weir_session_accept(struct weir_worker *w, const struct weir_session_kind *kind,
                         const struct weir_accepted *a);
/** trace: connection.move client= from= to=. @param tenant  of its exchange; empty: none */
WEIR_COLD void weir_session_log_move(const struct weir_session *s, struct weir_span tenant,
                                     const char *from, const char *to);
/** The session ends: close its connection, no longer counted and listed. Not twice (contract).
 * @param abort  the client sees a reset */
void weir_session_close(struct weir_session *s, bool abort);
/** The connection that carries a client's side alone; NULL: there is none, or the side is a test's.
 */
struct weir_conn *weir_session_conn(struct weir_client_side *c);
/** Bytes were sent on the connection that weir_session_conn returns, but not by the side: count
 * them.
 */
void weir_session_count_given(struct weir_client_side *c);

#endif
