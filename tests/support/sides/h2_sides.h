/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_sides.h - an HTTP/2 session whose connection and whose origins are memory: a real worker
 * without a thread, a layer in place of the socket, a small table in place of origin connections.
 * What would be an event is a call of the test. What the client gets is checked by
 * h2_sides_check.h. Link it with weir_loop.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_H
#define WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_H

#include "node/exchange/exchange.h"
#include "node/loop/group.h"
#include "node/loop/loop.h"
#include "node/loop/session/session_h2.h"
#include "tests/support/naive_http.h"
#include "tests/support/sides/h2_sides_layer.h"
#include "tests/support/sites.h"

#define H2_SIDES_ORIGINS 128

/** What acquire does next. */
enum h2_acquire { H2_ACQUIRE_READY, H2_ACQUIRE_WAIT, H2_ACQUIRE_REFUSED, H2_ACQUIRE_FULL };

struct h2_origin {
    struct weir_origin_side side;
    bool used;
    bool connecting; /* for waiting */
    bool full;       /* sends leave bytes that wait */
    bool waits;      /* some do */
    bool deaf;       /* sends fail */
    bool resumed;
    struct weir_exchange *waiting;
    size_t got;        /* bytes of the current request */
    struct bytes gave; /* that were not used yet */
    bool ends, clean;
};

struct h2_sides {
    struct kit kit;
    struct weir_workers *group;
    struct weir_worker *w;
    struct h2_layer l;
    struct weir_session *s; /* NULL: it is closed */
    struct h2_origin origins[H2_SIDES_ORIGINS];
    enum h2_acquire acquire;
    unsigned num_acquired;
};

/* The functions of a table have no place for it. */
static struct h2_sides *h2_sides_now;

static inline void h2_layer_end(struct weir_conn_layer *layer)
{
    MUST(layer == &h2_sides_now->l.layer);
    h2_sides_now->s = NULL;
}

static const struct weir_conn_layer_ops h2_layer_ops = { .read = h2_layer_read,
                                                         .write = h2_layer_write,
                                                         .flush = h2_layer_flush,
                                                         .holds_input = h2_layer_holds_input,
                                                         .holds_output = h2_layer_holds_output,
                                                         .shut = h2_layer_shut,
                                                         .end = h2_layer_end };

/* -- origins -- */

static inline struct h2_origin *h2_origin_of(const struct weir_origin_side *o)
{
    return (struct h2_origin *)(uintptr_t)o;
}

static inline enum weir_sent h2_origin_send(struct weir_origin_side *side,
                                            const struct weir_pieces *p)
{
    struct h2_origin *o = h2_origin_of(side);
    MUST(o->used && p->len > 0);
    if (o->deaf)
        return WEIR_SENT_LOST;
    o->got += p->len;
    o->waits = o->waits || o->full;
    return WEIR_SENT;
}

static inline bool h2_origin_blocked(const struct weir_origin_side *side)
{
    return h2_origin_of(side)->waits;
}

static inline void h2_origin_resume(struct weir_origin_side *side)
{
    h2_origin_of(side)->resumed = true;
}

static inline void h2_origin_release(struct weir_origin_side *side, bool reusable)
{
    struct h2_origin *o = h2_origin_of(side);
    MUST(o->used && side->x == NULL);
    MUST(!reusable || !o->waits);
    o->used = false;
}

static inline void h2_origin_hold(struct weir_origin_side *side)
{
    (void)side;
    MUST(false); /* no identity is bound to a stream */
}

static inline bool h2_origin_take(struct weir_origin_side *side, struct weir_exchange *x)
{
    MUST(side == NULL && x == NULL);
    return false;
}

static const struct weir_origin_ops h2_origin_ops = { .send = h2_origin_send,
                                                      .blocked = h2_origin_blocked,
                                                      .resume = h2_origin_resume,
                                                      .release = h2_origin_release,
                                                      .hold = h2_origin_hold,
                                                      .take = h2_origin_take };

static inline void h2_origin_use(struct h2_origin *o, struct weir_exchange *x)
{
    o->side.x = x;
    o->side.held_by = NULL;
    o->side.broken = false;
    o->side.endpoint_key = x->endpoint->key;
    x->origin = &o->side;
}

static inline enum weir_acquired h2_sides_acquire(struct weir_exchange_env *env,
                                                  struct weir_exchange *x)
{
    struct h2_sides *t = h2_sides_now;
    struct weir_counter_hint unknown = { 0 };
    struct h2_origin *o = NULL;
    MUST(env == &t->w->exchange);
    weir_exchange_count_attempt(x, &unknown);
    t->num_acquired++;
    for (size_t i = 0; i < H2_SIDES_ORIGINS && o == NULL; i++)
        if (!t->origins[i].used)
            o = &t->origins[i];
    if (o == NULL || t->acquire == H2_ACQUIRE_FULL)
        return WEIR_ACQUIRED_FULL;
    if (t->acquire == H2_ACQUIRE_REFUSED)
        return WEIR_ACQUIRED_REFUSED;
    struct bytes gave = o->gave;
    gave.len = 0;
    *o = (struct h2_origin){ .side = { .ops = &h2_origin_ops }, .gave = gave, .used = true };
    if (t->acquire == H2_ACQUIRE_READY) {
        h2_origin_use(o, x);
        return WEIR_ACQUIRED_READY;
    }
    o->waiting = x;
    x->dial = (struct weir_dial *)o;
    return WEIR_ACQUIRED_WAIT;
}

static inline void h2_sides_unwait(struct weir_exchange_env *env, struct weir_exchange *x)
{
    MUST(env == x->env);
    if (x->dial != NULL) {
        struct h2_origin *o = (struct h2_origin *)x->dial;
        o->used = false;
        o->waiting = NULL;
    }
    x->dial = NULL;
}

static inline bool h2_sides_queued(const struct weir_exchange_env *env,
                                   const struct weir_exchange *x)
{
    MUST(env == x->env);
    return false;
}

static inline void h2_sides_record(struct weir_exchange_env *env, const struct weir_access *a)
{
    MUST(env != NULL && a != NULL);
}

static const struct weir_exchange_env_ops h2_sides_env_ops = { .acquire = h2_sides_acquire,
                                                               .unwait = h2_sides_unwait,
                                                               .queued = h2_sides_queued,
                                                               .record = h2_sides_record };

#endif
