/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_env.h - the operations of the sides of memory and of their surroundings, and what a
 * test does to them: give bytes, take bytes, end, let time pass.
 */
#ifndef WEIR_TESTS_SUPPORT_MEMORY_SIDES_ENV_H
#define WEIR_TESTS_SUPPORT_MEMORY_SIDES_ENV_H

#include "tests/support/memory_sides_check.h"

/* -- operations of the client -- */

static inline bool memory_client_send(struct weir_client_side *side, const struct weir_pieces *p)
{
    struct memory_client *c = memory_client_of(side);
    MUST(!c->ended && side->x != NULL && !c->room_wanted);
    if (c->lost)
        return false;
    if (side->x->head_passed && !c->head_passed) {
        c->head_passed = true;
        c->from = memory_origin_of(side->x->origin);
    }
    bytes_add_pieces(&c->out, p);
    c->queued = c->queued > 0 ? c->queued + p->len : take_room(&c->room, p->len);
    side->given = c->out.len - c->queued;
    return true;
}

static inline bool memory_client_blocked(const struct weir_client_side *side)
{
    return memory_client_of(side)->queued > 0 || memory_client_of(side)->room_wanted;
}

static inline uint64_t memory_client_taken(const struct weir_client_side *side)
{
    return memory_client_of(side)->side.given;
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
}

static const struct weir_client_ops memory_client_ops = { .send = memory_client_send,
                                                          .blocked = memory_client_blocked,
                                                          .taken = memory_client_taken,
                                                          .wake = memory_client_wake,
                                                          .end = memory_client_end };

/* -- operations of an origin -- */

static inline bool memory_origin_send(struct weir_origin_side *side, const struct weir_pieces *p)
{
    struct memory_origin *o = memory_origin_of(side);
    MUST(o->state == MEMORY_ORIGIN_BUSY && side->x != NULL && !side->broken && o->queued == 0);
    if (o->deaf) {
        side->broken = true;
        return false;
    }
    bytes_add_pieces(&o->got, p);
    o->queued = take_room(&o->room, p->len);
    return true;
}

static inline bool memory_origin_blocked(const struct weir_origin_side *side)
{
    return memory_origin_of(side)->queued > 0;
}

static inline void memory_origin_resume(struct weir_origin_side *side)
{
    memory_origin_of(side)->resumed = true;
}

static inline void memory_origin_release(struct weir_origin_side *side, bool reusable)
{
    struct memory_origin *o = memory_origin_of(side);
    struct memory_client *c = &o->sides->client;
    MUST(side->x == NULL && o->state != MEMORY_ORIGIN_NONE && o->state != MEMORY_ORIGIN_PARKED);
    check_origin_got(c, o, reusable);
    if (c->from == o) {
        bytes_add(&c->source, o->gave.at + o->gave_at, o->seen - o->gave_at);
        c->source_ended = o->ends && o->clean && o->seen == o->gave.len;
        c->from = NULL;
    }
    o->state = reusable ? MEMORY_ORIGIN_PARKED : MEMORY_ORIGIN_NONE;
}

static const struct weir_origin_ops memory_origin_ops = { .send = memory_origin_send,
                                                          .blocked = memory_origin_blocked,
                                                          .resume = memory_origin_resume,
                                                          .release = memory_origin_release };

/* -- operations of the surroundings -- */

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

/** Give an exchange a connection, parked or new. NULL: none is left. */
static inline struct memory_origin *origin_for(struct sides *s, struct weir_exchange *x)
{
    uint64_t key = x->endpoint->key;
    struct memory_origin *o = x->fresh ? NULL : find_origin(s, MEMORY_ORIGIN_PARKED, key);
    bool reused = o != NULL;
    if (o == NULL)
        o = find_origin(s, MEMORY_ORIGIN_NONE, 0);
    if (o == NULL)
        return NULL;
    MUST(o->side.x == NULL); /* one request in flight */
    if (!reused) {
        o->got.len = o->gave.len = o->seen = o->used = o->queued = 0;
        o->deaf = o->ends = o->resumed = false;
        o->side.exchanges = 0;
        o->endpoint = key;
        o->room = MEMORY_ALL;
        o->pipe = s->pipes;
    } else {
        MUST(o->seen == o->gave.len);
        o->used = o->seen;
        o->side.exchanges++;
    }
    o->pipe_left = o->pipe_held = 0;
    o->got_at = o->got.len;
    o->gave_at = o->gave.len;
    o->side.broken = false;
    o->side.reused = x->reused = reused;
    o->side.x = x;
    x->origin = &o->side;
    o->state = MEMORY_ORIGIN_BUSY;
    return o;
}

static inline enum weir_acquired memory_acquire(struct weir_exchange_env *env,
                                                struct weir_exchange *x)
{
    struct sides *s = (struct sides *)env;
    struct weir_counter_hint hint = { 0 };
    enum memory_acquire how =
        s->acquire_at < s->num_acquires ? s->acquires[s->acquire_at++] : ACQUIRE_READY;
    MUST(x->origin == NULL && x->waiting_in == NULL);
    s->acquired++;
    weir_exchange_count_attempt(x, &hint);
    if (how == ACQUIRE_REFUSED)
        return WEIR_ACQUIRED_REFUSED;
    if (how == ACQUIRE_QUEUED) {
        x->waiting_in = (struct weir_endpoint_pool *)s;
        return WEIR_ACQUIRED_WAIT;
    }
    struct memory_origin *o = how == ACQUIRE_FULL ? NULL : origin_for(s, x);
    if (o == NULL)
        return WEIR_ACQUIRED_FULL;
    if (how == ACQUIRE_READY || x->reused)
        return WEIR_ACQUIRED_READY;
    o->state = MEMORY_ORIGIN_CONNECTING;
    return WEIR_ACQUIRED_WAIT;
}

static inline void memory_unwait(struct weir_exchange_env *env, struct weir_exchange *x)
{
    MUST(x->env == env);
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

#endif
