/* SPDX-License-Identifier: Apache-2.0
 *
 * group.h - the workers of a node as a group, and what control hands to one of them. Private to
 * node/loop. A worker has two slots for orders of control: a deadline to drain, and a change to
 * apply. They are not messages of the inbox, because a full inbox must not delay them.
 * Each carries the order in which control gave it, so that a drain and its undo never swap.
 */
#ifndef WEIR_NODE_LOOP_GROUP_H
#define WEIR_NODE_LOOP_GROUP_H

#include <pthread.h>
#include <stdatomic.h>

#include "node/base/inbox.h"
#include "node/base/limits.h"
#include "node/conn/pipes.h"
#include "node/loop/address_counts.h"
#include "node/loop/address_rate.h"
#include "node/loop/room.h"
#include "node/loop/system_trust.h"
#include "node/loop/workers_config.h"

struct weir_worker;

struct weir_listener;
struct weir_worker;
struct weir_workers;

/** A message of the inbox: a record changed that workers cache. */
struct weir_change_msg {
    struct weir_msg msg;
    enum weir_class class; /* TENANT or CERT */
    bool names_changed;
    size_t key_len;
    uint8_t key[];
};

/** A change that a worker applies as a whole. Made by control, freed by the worker, or by control
 * when the worker never ran. */
struct weir_worker_change {
    uint32_t order;           /* of the commands of control, 1.. */
    bool undrain;             /* serve again */
    uint32_t max_connections; /* of all workers together */
    uint64_t max_memory;      /* bytes, of all workers together */
    uint32_t head_timeout_ms, idle_timeout_ms, handshake_timeout_ms, connections_per_address;
    uint32_t handshakes_per_address;
    struct weir_prefix *trusted; /* owns */
    size_t num_trusted;
    /* The listeners that the worker is to have: one of each pair is set. */
    size_t num_listeners;
    struct weir_addr stay[WEIR_LISTENERS_MAX];       /* a listener that it has */
    struct weir_listener *fresh[WEIR_LISTENERS_MAX]; /* owns; a new one, else NULL */
};

struct weir_workers {
    struct weir_workers_config cfg; /* as of the last change; its http and https are `asked` */
    uint32_t num;
    size_t num_addrs; /* of listeners: those in clear, then those of TLS */
    size_t num_clear;
    struct weir_addr asked[WEIR_LISTENERS_MAX]; /* as configured, port 0 included */
    struct weir_addr bound[WEIR_LISTENERS_MAX]; /* the same with real ports */
    struct weir_worker *workers[WEIR_WORKERS_MAX];
    struct weir_metrics *metrics; /* owns, one per worker */
    const struct weir_metrics *blocks[WEIR_WORKERS_MAX];
    uint32_t order;                        /* of the last command; control */
    bool draining;                         /* control */
    _Atomic uint32_t num_drained;          /* relaxed; polled by control */
    _Atomic uint32_t num_listening;        /* sockets of all workers; relaxed */
    struct weir_room room;                 /* shared by the workers */
    struct weir_pipe_room pipes;           /* shared by the workers */
    struct weir_address_counts *addresses; /* owns; shared by the workers */
    struct weir_address_rate *handshakes;  /* owns; shared by the workers */
    struct weir_system_trust system_trust; /* shared by the workers */
};

/** A worker's first settings and, later, each change. Takes `change` and frees it. */
void weir_worker_apply(struct weir_worker *w, struct weir_worker_change *change);
/** Free a change with what it owns. NULL is legal. */
void weir_worker_change_free(struct weir_worker_change *change);

/** A worker without thread and listeners, on w->group and w->index. */
WEIR_MUST_USE enum weir_err weir_worker_init(struct weir_worker *w);
/** The thread of a worker: its loop, until it was asked to stop. */
void *weir_worker_run(void *worker);
/** Close what a worker holds whose thread never ran. */
void weir_worker_unwind(struct weir_worker *w);
/** Free a worker whose loop is closed. NULL is legal. */
void weir_worker_free(struct weir_worker *w);

#endif
