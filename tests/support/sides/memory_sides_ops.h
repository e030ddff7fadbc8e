/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_ops.h - the operations of a client and of origin connections of memory: what an
 * exchange calls.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_OPS_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_OPS_H

#include "tests/support/sides/memory_sides_check.h"

/* -- operations of the client -- */

static inline const struct weir_addr *memory_client_peer(const struct weir_client_side *side)
{
    return &memory_client_of(side)->sides->peer;
}

static inline const struct weir_addr *memory_client_local(const struct weir_client_side *side)
{
    return &memory_client_of(side)->sides->local;
}

static inline enum weir_sent memory_client_send(struct weir_client_side *side,
                                                const struct weir_pieces *p)
{
    struct memory_client *c = memory_client_of(side);
    MUST(!c->ended && side->x != NULL && !c->room_wanted);
    if (c->lost || c->full)
        return c->lost ? WEIR_SENT_LOST : WEIR_SENT_NO_MEMORY;
    if (side->x->head_passed && !c->head_passed) {
        c->head_passed = true;
        c->from = memory_origin_of(side->x->origin);
    }
    bytes_add_pieces(&c->out, p);
    c->queued = c->queued > 0 ? c->queued + p->len : take_room(&c->room, p->len);
    c->given = c->out.len - c->queued;
    return WEIR_SENT;
}

static inline bool memory_client_blocked(const struct weir_client_side *side)
{
    return memory_client_of(side)->queued > 0 || memory_client_of(side)->room_wanted;
}

static inline uint64_t memory_client_taken(const struct weir_client_side *side)
{
    return memory_client_of(side)->given;
}

static inline void memory_client_wake(struct weir_client_side *side)
{
    memory_client_of(side)->woken = true;
}

static inline void memory_client_end(struct weir_client_side *side, enum weir_client_end how)
{
    struct memory_client *c = memory_client_of(side);
    MUST(!c->ended && side->x == NULL);
    c->how = how;
    c->served++;
    check_client_got(c, how);
    c->out_at = c->out.len;
    c->head_passed = false;
    c->from = NULL;
    c->source.len = 0;
    c->ended = how != WEIR_CLIENT_NEXT;
    c->woken = true;
    if (c->ended)
        weir_exchange_drop_held(side);
}

static const struct weir_client_ops memory_client_ops = { .peer = memory_client_peer,
                                                          .local = memory_client_local,
                                                          .send = memory_client_send,
                                                          .blocked = memory_client_blocked,
                                                          .taken = memory_client_taken,
                                                          .wake = memory_client_wake,
                                                          .end = memory_client_end };

/* -- operations of an origin -- */

static inline enum weir_sent memory_origin_send(struct weir_origin_side *side,
                                                const struct weir_pieces *p)
{
    struct memory_origin *o = memory_origin_of(side);
    MUST(o->state == MEMORY_ORIGIN_BUSY && side->x != NULL && !side->broken && o->queued == 0);
    if (o->deaf || o->full)
        return o->deaf ? WEIR_SENT_LOST : WEIR_SENT_NO_MEMORY;
    bytes_add_pieces(&o->got, p);
    o->queued = take_room(&o->room, p->len);
    return WEIR_SENT;
}

static inline bool memory_origin_blocked(const struct weir_origin_side *side)
{
    return memory_origin_of(side)->queued > 0;
}

static inline void memory_origin_resume(struct weir_origin_side *side)
{
    memory_origin_of(side)->resumed = true;
}

/* The exchange is done with it. */
static inline void leave_memory_origin(struct memory_origin *o, bool reusable)
{
    struct memory_client *c = &o->sides->client;
    MUST(o->side.x == NULL && o->state == MEMORY_ORIGIN_BUSY);
    check_origin_got(c, o, reusable);
    if (c->from == o) {
        bytes_add(&c->source, o->gave.at + o->gave_at, o->seen - o->gave_at);
        c->source_ended = o->ends && o->clean && o->seen == o->gave.len;
        c->from = NULL;
    }
}

static inline void memory_origin_release(struct weir_origin_side *side, bool reusable)
{
    struct memory_origin *o = memory_origin_of(side);
    MUST(side->held_by == NULL);
    if (o->state == MEMORY_ORIGIN_HELD)
        MUST(!reusable);
    else
        leave_memory_origin(o, reusable);
    o->state = reusable ? MEMORY_ORIGIN_PARKED : MEMORY_ORIGIN_NONE;
}

static inline void memory_origin_hold(struct weir_origin_side *side)
{
    struct memory_origin *o = memory_origin_of(side);
    MUST(side->held_by == &o->sides->client.side && side->held_by->held == side);
    leave_memory_origin(o, true);
    o->state = MEMORY_ORIGIN_HELD;
}

/* A request begins on the connection. */
static inline void use_memory_origin(struct memory_origin *o, struct weir_exchange *x, bool reused)
{
    MUST(o->side.x == NULL && o->side.held_by == NULL); /* one request in flight */
    o->used = o->seen;
    o->pipe_left = o->pipe_held = 0;
    o->got_at = o->got.len;
    o->gave_at = o->seen;
    o->side.broken = false;
    o->side.http10 = o->sides->remembers ? &o->sides->http10 : NULL;
    o->side.reused = x->reused = reused;
    o->side.exchanges += reused;
    o->side.x = x;
    x->origin = &o->side;
    o->state = MEMORY_ORIGIN_BUSY;
    o->resumed = o->ends || o->seen < o->gave.len;
}

static inline bool memory_origin_take(struct weir_origin_side *side, struct weir_exchange *x)
{
    struct memory_origin *o = memory_origin_of(side);
    MUST(o->state == MEMORY_ORIGIN_HELD && x->origin == NULL);
    use_memory_origin(o, x, true);
    return true;
}

static const struct weir_origin_ops memory_origin_ops = { .send = memory_origin_send,
                                                          .blocked = memory_origin_blocked,
                                                          .resume = memory_origin_resume,
                                                          .release = memory_origin_release,
                                                          .hold = memory_origin_hold,
                                                          .take = memory_origin_take };

#endif
