/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_steps.h - what a test does to sides of memory: give bytes, take bytes, end, connect,
 * let time pass. After each step both sides do what they were asked for.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_STEPS_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_STEPS_H

#include "tests/support/sides/memory_sides_run.h"

/** The client sends. */
static inline void client_gives(struct sides *s, struct weir_span in)
{
    bytes_add(&s->client.gave, in.at, in.len);
    s->client.woken = true;
    run_sides(s);
}

/** The client sends nothing more. */
static inline void client_ends(struct sides *s)
{
    s->client.side.eof = true;
    s->client.woken = true;
    run_sides(s);
}

/** The client's connection is lost. */
static inline void client_is_lost(struct sides *s)
{
    s->client.side.eof = s->client.lost = true;
    if (s->client.side.x != NULL)
        weir_exchange_client_gone(s->client.side.x, WEIR_OUTCOME_CLIENT_GONE);
    s->client.ended = true;
    weir_exchange_drop_held(&s->client.side);
    run_sides(s);
}

/** The client takes bytes again, this many more. */
static inline void client_takes(struct sides *s, size_t room)
{
    struct memory_client *c = &s->client;
    bool blocked = c->queued > 0 || c->room_wanted;
    c->room = room;
    c->queued = take_room(&c->room, c->queued);
    c->side.given = c->out.len - c->queued;
    if (!blocked || c->queued > 0 || c->ended)
        return;
    c->room_wanted = false;
    if (c->side.x != NULL)
        weir_exchange_flushed(c->side.x);
    c->woken = true;
    run_sides(s);
}

/** The origin connection that the current request uses or waits for; the test's failure if there is
 * none. */
static inline struct memory_origin *busy_origin(struct sides *s)
{
    const struct weir_exchange *x = s->client.side.x;
    MUST(x != NULL && (x->origin != NULL || x->dial != NULL));
    return x->origin != NULL ? memory_origin_of(x->origin) : s->dialling;
}

/** An origin sends. */
static inline void origin_gives(struct memory_origin *o, struct weir_span in)
{
    bytes_add(&o->gave, in.at, in.len);
    o->resumed = true;
    run_sides(o->sides);
}

/** An origin ends its connection. @param clean  in order, not by a reset */
static inline void origin_ends(struct memory_origin *o, bool clean)
{
    o->ends = true;
    o->clean = clean;
    o->resumed = true;
    run_sides(o->sides);
}

/** An origin takes bytes again, this many more. */
static inline void origin_takes(struct memory_origin *o, size_t room)
{
    bool blocked = o->queued > 0;
    o->room = room;
    o->queued = take_room(&o->room, o->queued);
    if (blocked && o->queued == 0 && o->state == MEMORY_ORIGIN_BUSY)
        weir_exchange_origin_drained(o->side.x);
    run_sides(o->sides);
}

/** A dial ends. */
static inline void origin_connects(struct memory_origin *o, bool connected)
{
    struct weir_exchange *x = o->sides->client.side.x;
    MUST(o->state == MEMORY_ORIGIN_CONNECTING && x != NULL && x->dial != NULL);
    x->dial = NULL;
    o->state = MEMORY_ORIGIN_NONE;
    if (connected) {
        use_memory_origin(o, x, false);
        weir_exchange_connected(x, &o->side);
    } else {
        weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
    }
    run_sides(o->sides);
}

/** A request that waits in a queue gets a connection, or a dial. */
static inline void queue_moves(struct sides *s)
{
    struct weir_exchange *x = s->client.side.x;
    MUST(x != NULL && x->waiting_in != NULL);
    x->waiting_in = NULL;
    enum memory_acquire how = next_acquire(s);
    enum weir_acquired got =
        acquire_by(s, x, how == ACQUIRE_CONNECTING ? ACQUIRE_CONNECTING : ACQUIRE_READY);
    if (got == WEIR_ACQUIRED_READY)
        weir_exchange_connected(x, x->origin);
    else if (got == WEIR_ACQUIRED_WAIT)
        weir_exchange_dialling(x);
    else
        weir_exchange_full(x);
    run_sides(s);
}

/** Time passes, a tick of the wheel at a time. */
static inline void time_passes(struct sides *s, uint64_t ms)
{
    uint64_t end = s->now.ms + ms;
    while (s->now.ms < end) {
        s->now.ms = s->now.ms + WEIR_WHEEL_TICK_MS < end ? s->now.ms + WEIR_WHEEL_TICK_MS : end;
        s->now.ns = s->now.ms * 1000000;
        weir_wheel_advance(&s->wheel, s->now.ms);
        for (struct weir_timer *t; (t = weir_wheel_pop(&s->wheel)) != NULL;) {
            struct weir_deadline *d = weir_container_of(t, struct weir_deadline, timer);
            d->expired(d);
        }
        run_sides(s);
    }
}

#endif
