/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_env.h - the surroundings of an exchange between sides of memory: how it gets an
 * origin connection, and where its access record goes.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_ENV_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_ENV_H

#include "tests/support/sides/memory_sides_ops.h"

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

#endif
