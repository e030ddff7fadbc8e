/* SPDX-License-Identifier: Apache-2.0
 *
 * conn.h - one connection on a loop: its descriptor, watch, deadline, out queue, unread input and
 * byte counters, with a place for a layer (TLS) between it and the socket. It knows neither what is
 * spoken on it nor who serves it. Owner: the thread of its environment; embedded in a session, an
 * origin connection, or any struct of the control plane.
 *
 * Limits: the caps of the environment's buffers. An idle connection holds no buffer.
 */
#ifndef WEIR_NODE_CONN_CONN_H
#define WEIR_NODE_CONN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/timerwheel.h"
#include "node/conn/conn_env.h"
#include "node/conn/sock.h"
#include "node/conn/watch.h"

struct weir_conn;

/** What has happened, as bits of weir_conn_owner.event. None: the connection was woken. */
#define WEIR_CONN_READABLE 1u /* bytes, or the end, can be read */
#define WEIR_CONN_ROOM     2u /* the out queue is empty and the socket takes more */
#define WEIR_CONN_FAILED   4u /* the socket is in error, or did not take the queue's bytes */

/** What a connection tells the struct that it is part of. One static table for each kind. */
struct weir_conn_owner {
    struct weir_task_kind task; /* WEIR_CONN_TASK: a connection's task leads to this table */
    /** Notes what happened and moves the connection forward. @param what  WEIR_CONN_ bits */
    void (*event)(struct weir_conn *c, unsigned what);
    /** The deadline has passed. */
    void (*expired)(struct weir_conn *c);
    /** The loop and the lists no longer know the closed connection: free its memory. */
    void (*closed)(struct weir_conn *c);
};

/** Part of weir_conn_owner.task. */
void weir_conn_run_task(struct weir_task *t);
#define WEIR_CONN_TASK                                                                             \
    {                                                                                              \
        .run = weir_conn_run_task                                                                  \
    }

struct weir_conn_layer;

/**
 * What sits between a connection and its socket: TLS. One static table for each kind. All functions
 * as those of sock.h, on clear bytes; WEIR_IO_BLOCKED also when the layer waits for the other
 * direction.
 */
struct weir_conn_layer_ops {
    enum weir_io (*read)(struct weir_conn_layer *l, int fd, uint8_t *at, size_t len,
                         size_t *ret_len);
    /** @param ret_sent  clear bytes taken; they need not be given again */
    enum weir_io (*write)(struct weir_conn_layer *l, int fd, const struct weir_pieces *p,
                          size_t *ret_sent);
    /** Bytes that the layer holds for the socket. DONE: none is left. */
    enum weir_io (*flush)(struct weir_conn_layer *l, int fd);
    /** Whether a read would give bytes although the socket has none. */
    bool (*holds_input)(const struct weir_conn_layer *l);
    /** Whether flush has bytes to send. */
    bool (*holds_output)(const struct weir_conn_layer *l);
    /** Nothing more will be written: tell the peer in the layer's own words, as far as the socket
     * takes them. */
    void (*shut)(struct weir_conn_layer *l, int fd);
    /** The connection closes: free the layer. */
    void (*end)(struct weir_conn_layer *l);
};

/** Embedded in the state of a layer. */
struct weir_conn_layer {
    const struct weir_conn_layer_ops *ops;
};

#define WEIR_CONN_MAGIC 0x434f4e4eu

struct weir_conn {
    uint32_t magic;
    bool room_wanted; /* report WEIR_CONN_ROOM although the queue is empty (splice) */
    bool reading;     /* the owner waits for input */
    struct weir_conn_env *env;
    struct weir_conn_layer *layer; /* owns, through its end; NULL: clear text */
    struct weir_watch watch;       /* fd -1: closed */
    struct weir_timer deadline;
    struct weir_task task; /* woken, deferred to the next turn, or dead */
    struct weir_stash *in; /* input that could not be used yet */
    struct weir_outq out;
    uint64_t given;    /* bytes that the kernel, or the layer, took */
    uint64_t received; /* bytes read */
};

/** What the connection is part of. */
static inline const struct weir_conn_owner *weir_conn_owner_of(const struct weir_conn *c)
{
    return weir_container_of(c->task.kind, struct weir_conn_owner, task);
}

/** Takes fd. Nothing is watched and no deadline is set. @param owner  a static table */
void weir_conn_init(struct weir_conn *c, struct weir_conn_env *e,
                    const struct weir_conn_owner *owner, int fd);
/** Put a layer below. Before the first byte (contract). Takes the layer. */
void weir_conn_set_layer(struct weir_conn *c, struct weir_conn_layer *layer);

/**
 * Read at most `room` bytes into the environment's scratch buffer. @param room  1..scratch_len
 * @param ret  the bytes, until the next read of any connection; set for DONE
 */
enum weir_io weir_conn_read(struct weir_conn *c, size_t room, struct weir_span *ret);

/** The result of weir_conn_send. */
enum weir_conn_sent {
    WEIR_CONN_SENT,      /* sent or queued */
    WEIR_CONN_LOST,      /* the socket takes no more bytes */
    WEIR_CONN_NO_MEMORY, /* the queue's memory is at its cap; part may have been sent: close */
};
/** Send, or queue what the socket does not take. */
WEIR_MUST_USE enum weir_conn_sent weir_conn_send(struct weir_conn *c, const struct weir_pieces *p);
/** Whether given bytes still wait in the queue or the layer. */
static inline bool weir_conn_holds_output(const struct weir_conn *c)
{
    return c->out.len > 0 ||
           (WEIR_UNLIKELY(c->layer != NULL) && c->layer->ops->holds_output(c->layer));
}
/** Whether given bytes still wait, here or in a pipe to this connection. */
static inline bool weir_conn_blocked(const struct weir_conn *c)
{
    return weir_conn_holds_output(c) || c->room_wanted;
}
/** Bytes that the peer has confirmed; a system call. Never more than given. */
uint64_t weir_conn_confirmed(const struct weir_conn *c);

/**
 * Watch for what the connection waits for: input if `read`, room if bytes are queued or room is
 * wanted. Costs nothing when nothing changes. Input that the layer holds is reported in the next
 * turn.
 * @return WEIR_OK | WEIR_EIO: the loop cannot watch it: close it
 */
WEIR_MUST_USE enum weir_err weir_conn_watch(struct weir_conn *c, bool read);
/** Call owner->event soon, from the loop. */
static inline void weir_conn_wake(struct weir_conn *c)
{
    weir_task_queue(c->env, &c->task);
}
/** Call owner->event in the next turn of the loop: after the other connections. */
static inline void weir_conn_defer(struct weir_conn *c)
{
    weir_task_defer(c->env, &c->task);
}
/** Set or move the deadline. @param deadline_ms  on the clock of the environment */
static inline void weir_conn_set_deadline(struct weir_conn *c, uint64_t deadline_ms)
{
    weir_timer_set(c->env->wheel, &c->deadline, deadline_ms);
}

/**
 * Whether an idle connection is still open and its peer has sent nothing. What a layer takes for
 * itself, such as a ticket, does not count. Not quiet: close it, since bytes may be lost.
 */
bool weir_conn_is_quiet(struct weir_conn *c);
/** Nothing more will be sent: end the sending side in order. No given bytes may wait (contract). */
void weir_conn_shut(struct weir_conn *c);
/** Drop the bytes that wait to be sent. */
void weir_conn_clear_out(struct weir_conn *c);
/** Close; owner->closed follows in a later turn. Not twice (contract). @param abort  by a reset;
 * otherwise the layer, too, ends in order */
void weir_conn_close(struct weir_conn *c, bool abort);
static inline bool weir_conn_is_closed(const struct weir_conn *c)
{
    return c->watch.fd < 0;
}
#endif
