/* SPDX-License-Identifier: Apache-2.0
 *
 * room.h - how many connections the node may have, counted by all workers together, and which one
 * makes way when there is no room: the client that has been idle longest, and for a descriptor also
 * a parked origin connection. Knows no socket and no connection: those are behind its operations.
 * Owner: struct weir_room is shared by all workers; struct weir_room_worker is one worker's but for
 * its atomics.   Limits: WEIR_WORKERS_MAX workers.
 */
#ifndef WEIR_NODE_LOOP_ROOM_H
#define WEIR_NODE_LOOP_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/list.h"

/** A bounded number of places that all workers take from. `max` is relaxed. */
struct weir_places {
    _Atomic uint32_t max;
    _Alignas(64) _Atomic uint32_t taken;
};

/** A client's connection as room.c sees it. Zero but for `link`, which is on no list at first. */
struct weir_idle_link {
    struct weir_list link;
    uint32_t since_ms;  /* when it was last seen idle: the low bits of the time */
    uint32_t placed_ms; /* when it came to its place in the list; the same */
};

/** What a worker can do. All but `wake` are called by that worker alone. */
struct weir_room_ops {
    /** No byte of a request has come, and nothing waits to be sent. */
    bool (*is_idle)(const struct weir_idle_link *c);
    /** End an idle client. @return false: a request has come meanwhile, so that it stays */
    bool (*end_idle)(struct weir_idle_link *c);
    bool (*has_parked)(const void *owner);
    /** End the origin connection that is parked longest. @return false: there is none */
    bool (*end_parked)(void *owner);
    /** Any thread: let the worker call weir_room_serve, and accept again if it may. */
    void (*wake)(void *owner);
};

struct weir_room;

struct weir_room_worker {
    struct weir_room *room;
    const struct weir_room_ops *ops;
    void *owner;
    struct weir_list idle; /* clients, lazily sorted: room.c */
    /* For the other workers; relaxed. */
    _Atomic uint64_t idle_since_ms; /* of the longest idle client at the last tick, or UINT64_MAX */
    _Atomic bool has_parked;
    _Atomic bool waits;     /* the listeners rest until there is room */
    _Atomic uint32_t asked; /* what others ask this worker to give up, as bits */
};

/** The node's. Control sets the limits and adds the workers before they run. */
struct weir_room {
    struct weir_places clients;
    struct weir_places origins;
    /* Workers that wait. Sequentially consistent with clients.taken: a worker counts itself here
     * before it looks for a place for the last time, and what gives a place back looks here
     * afterwards, so that one of the two sees the other. */
    _Alignas(64) _Atomic uint32_t num_waiting;
    uint32_t num;
    struct weir_room_worker *workers[WEIR_WORKERS_MAX];
};

/** Take one of the places. @return false: all are taken */
WEIR_MUST_USE bool weir_places_take(struct weir_places *p);
/** Give a place back. One must be taken (contract). */
void weir_places_leave(struct weir_places *p);

/** Add a worker; before any of them runs. `r` and `owner` must stay until the last one has ended.
 */
void weir_room_join(struct weir_room *room, struct weir_room_worker *r,
                    const struct weir_room_ops *ops, void *owner);

/** Take a place for a client; if there is none, by the end of the node's longest idle client.
 * @return false: there is no room now. Another worker may make some, and then wakes this one. */
WEIR_MUST_USE bool weir_room_take_client(struct weir_room_worker *r, uint64_t now_ms);
/** Give a client's place back, and wake the other workers that wait for one. */
void weir_room_leave_client(struct weir_room_worker *r);
/** Take a place for an origin connection; if there is none, by the end of a parked one. */
WEIR_MUST_USE bool weir_room_take_origin(struct weir_room_worker *r);
/** Give an origin connection's place back. */
void weir_room_leave_origin(struct weir_room_worker *r);
/**
 * The process has no descriptor left: end a parked origin connection, or an idle client.
 * @return true: there is one now. Otherwise other workers are asked, which wake this one.
 */
WEIR_MUST_USE bool weir_room_free_descriptor(struct weir_room_worker *r, uint64_t now_ms);

/** Whether a listener has reason to be watched: there is a place, or a client that may make way. */
bool weir_room_may_come(const struct weir_room_worker *r);
/** The listeners rest from now on (true), or no longer. */
void weir_room_wait(struct weir_room_worker *r, bool waits);
/** The same when no place is left: a place that becomes free meanwhile wakes the worker. */
void weir_room_wait_for_place(struct weir_room_worker *r);
/** Remember a connection, if it is idle, and since when. */
void weir_room_note(struct weir_room_worker *r, struct weir_idle_link *c, uint64_t now_ms);
/** Another worker may have asked for room: make it. */
void weir_room_serve(struct weir_room_worker *r, uint64_t now_ms);
/** Each tick: publish for the others what this worker could end; nothing from now on when `stops`.
 */
void weir_room_publish(struct weir_room_worker *r, uint64_t now_ms, bool stops);

#endif
