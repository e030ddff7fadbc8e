/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_steps.h - how an exchange between sides of memory gets an origin connection, and
 * what a test does to the sides: give bytes, take bytes, end, connect, let time pass. After each
 * step both sides do what they were asked for.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_STEPS_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_STEPS_H

#include "tests/support/sides/memory_sides_run.h"

/* -- the surroundings -- */

static inline struct memory_origin *find_origin(struct sides *s, enum memory_origin_state state,
                                                uint64_t endpoint)
{
    for (size_t i = 0; i < MEMORY_ORIGINS; i++) {
        struct memory_origin *o = &s->origins[i];
        if (o->state != state || (endpoint != 0 && o->endpoint != endpoint))
            continue;
        if (state != MEMORY_ORIGIN_PARKED || (!o->ends && o->seen == o->gave.len))
            return o;
        o->state = MEMORY_ORIGIN_NONE; /* it is no longer quiet */
    }
    return NULL;
}

/** A new connection for an exchange, not used yet. NULL: none is left. */
static inline struct memory_origin *new_origin(struct sides *s, const struct weir_exchange *x)
{
    struct memory_origin *o = find_origin(s, MEMORY_ORIGIN_NONE, 0);
    if (o == NULL)
        return NULL;
    MUST(o->side.x == NULL && o->side.held_by == NULL);
    o->got.len = o->gave.len = o->seen = o->used = o->queued = 0;
    o->deaf = o->full = o->ends = o->resumed = false;
    o->side.exchanges = 0;
    o->side.endpoint_key = o->endpoint = x->endpoint->key;
    o->room = MEMORY_ALL;
    o->pipe = s->pipes;
    return o;
}

/** What acquire does next. */
static inline enum memory_acquire next_acquire(struct sides *s)
{
    return s->acquire_at < s->num_acquires ? s->acquires[s->acquire_at++] : ACQUIRE_READY;
}

static inline enum weir_acquired acquire_by(struct sides *s, struct weir_exchange *x,
                                            enum memory_acquire how)
{
    struct memory_origin *o =
        x->fresh ? NULL : find_origin(s, MEMORY_ORIGIN_PARKED, x->endpoint->key);
    if (o != NULL) {
        use_memory_origin(o, x, true);
        return WEIR_ACQUIRED_READY;
    }
    o = how == ACQUIRE_FULL ? NULL : new_origin(s, x);
    if (o == NULL)
        return WEIR_ACQUIRED_FULL;
    if (how == ACQUIRE_READY) {
        use_memory_origin(o, x, false);
        return WEIR_ACQUIRED_READY;
    }
    o->state = MEMORY_ORIGIN_CONNECTING;
    s->dialling = o;
    x->dial = (struct weir_dial *)s;
    return WEIR_ACQUIRED_WAIT;
}

static inline enum weir_acquired memory_acquire(struct weir_exchange_env *env,
                                                struct weir_exchange *x)
{
    struct sides *s = (struct sides *)env;
    struct weir_counter_hint hint = { 0 };
    enum memory_acquire how = next_acquire(s);
    MUST(x->origin == NULL && x->dial == NULL && x->waiting_in == NULL);
    s->acquired++;
    weir_exchange_count_attempt(x, &hint);
    if (how == ACQUIRE_REFUSED)
        return WEIR_ACQUIRED_REFUSED;
    if (how != ACQUIRE_QUEUED)
        return acquire_by(s, x, how);
    x->waiting_in = (struct weir_endpoint_pool *)s;
    return WEIR_ACQUIRED_WAIT;
}

static inline void memory_unwait(struct weir_exchange_env *env, struct weir_exchange *x)
{
    struct sides *s = (struct sides *)env;
    MUST(x->env == env);
    if (x->dial != NULL)
        s->dialling->state = MEMORY_ORIGIN_NONE;
    x->dial = NULL;
    x->waiting_in = NULL;
}

static inline bool memory_queued(const struct weir_exchange_env *env, const struct weir_exchange *x)
{
    MUST(x->env == env);
    return x->waiting_in != NULL;
}

static inline void memory_record(struct weir_exchange_env *env, const struct weir_access *a)
{
    struct sides *s = (struct sides *)env;
    uint8_t line[WEIR_ACCESS_MAX];
    MUST(weir_access_write(a, line, sizeof(line)) > 0);
    s->last = *a;
    (void)snprintf(s->fault, sizeof(s->fault), "%.*s", (int)a->fault.len,
                   (const char *)a->fault.at);
    s->records++;
}

static const struct weir_exchange_env_ops memory_env_ops = { .acquire = memory_acquire,
                                                             .unwait = memory_unwait,
                                                             .queued = memory_queued,
                                                             .record = memory_record };

/* -- steps of a test -- */

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
    c->given = c->out.len - c->queued;
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

#endif
