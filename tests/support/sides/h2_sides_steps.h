/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_sides_steps.h - what a test does to an HTTP/2 session of memory: give bytes, take bytes,
 * respond, connect, let time pass, end. After each step all do what they were asked for.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_STEPS_H
#define WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_STEPS_H

#include <stdlib.h>

#include "tests/support/sides/h2_sides.h"

/* -- what runs -- */

/* As the loop does: the run list, then the ready list, then the dead. */
static inline bool h2_sides_run_tasks(struct h2_sides *t)
{
    struct weir_conn_env *e = &t->w->env;
    struct weir_list *lists[] = { &e->tasks, &e->ready, &e->dead };
    for (size_t i = 0; i < 3; i++) {
        if (weir_list_empty(lists[i]))
            continue;
        struct weir_task *task = weir_container_of(lists[i]->next, struct weir_task, link);
        weir_list_remove(&task->link);
        e->turns += i == 1; /* as if each were a turn of the loop */
        task->kind->run(task);
        return true;
    }
    return false;
}

static inline bool h2_origin_pump(struct h2_origin *o)
{
    struct weir_exchange *x = o->side.x;
    bool alive = false;
    o->resumed = false;
    if (!o->used || x == NULL || !weir_exchange_wants_response(x))
        return false;
    if (o->gave.len > 0) {
        size_t len = o->gave.len;
        uint8_t *copy = aligned_alloc(1, len);
        MUST(copy != NULL);
        memcpy(copy, o->gave.at, len);
        size_t n = weir_exchange_response_input(x, weir_span(copy, len), &alive);
        free(copy);
        MUST(n <= len);
        if (!alive)
            return true;
        memmove(o->gave.at, o->gave.at + n, len - n);
        o->gave.len = len - n;
        return n > 0;
    }
    if (!o->ends)
        return false;
    o->ends = false;
    weir_exchange_origin_end(x, o->clean);
    return true;
}

/** Let all do what they were asked for. */
static inline void h2_sides_run(struct h2_sides *t)
{
    for (int i = 0; i < 100000; i++) {
        bool again = h2_sides_run_tasks(t);
        for (size_t k = 0; k < H2_SIDES_ORIGINS && !again; k++)
            again = t->origins[k].resumed && h2_origin_pump(&t->origins[k]);
        if (!again)
            return;
    }
    MUST(false); /* it never rests */
}

static inline void h2_sides_event(struct h2_sides *t, unsigned what)
{
    if (t->s != NULL)
        weir_conn_owner_of(&t->s->conn)->event(&t->s->conn, what);
    h2_sides_run(t);
}

/* -- steps of a test -- */

static inline void h2_client_gives(struct h2_sides *t, struct weir_span in)
{
    bytes_add(&t->l.in, in.at, in.len);
    h2_sides_event(t, WEIR_CONN_READABLE);
}

static inline void h2_client_ends(struct h2_sides *t, bool clean)
{
    t->l.eof = clean;
    t->l.failed = !clean;
    h2_sides_event(t, WEIR_CONN_READABLE);
}

/** The client takes bytes again, this many more. */
static inline void h2_client_takes(struct h2_sides *t, size_t room)
{
    struct weir_conn *c = t->s != NULL ? &t->s->conn : NULL;
    t->l.room = room;
    if (c == NULL || c->out.len == 0)
        return;
    while (c->out.len > 0) { /* as the loop's callback flushes the queue */
        struct weir_pieces p;
        size_t sent = 0;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_stash_span(weir_outq_first(&c->out)));
        enum weir_io io = h2_layer_write(&t->l.layer, c->watch.fd, &p, &sent);
        weir_outq_use(c->env->buffers, &c->out, sent);
        c->given += sent;
        if (io != WEIR_IO_DONE)
            return;
    }
    h2_sides_event(t, WEIR_CONN_ROOM);
}

/** The n-th origin connection that is in use; NULL: there is none. */
static inline struct h2_origin *h2_sides_origin(struct h2_sides *t, size_t n)
{
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < H2_SIDES_ORIGINS; i++)
            if (t->origins[i].used && n-- == 0)
                return &t->origins[i];
    return NULL;
}

static inline void h2_origin_gives(struct h2_sides *t, struct h2_origin *o, struct weir_span in)
{
    if (o == NULL || o->waiting != NULL || o->ends)
        return;
    bytes_add(&o->gave, in.at, in.len);
    o->resumed = true;
    h2_sides_run(t);
}

static inline void h2_origin_ends(struct h2_sides *t, struct h2_origin *o, bool clean)
{
    if (o == NULL || o->waiting != NULL)
        return;
    o->ends = true;
    o->clean = clean;
    o->resumed = true;
    h2_sides_run(t);
}

/** A dial ends. */
static inline void h2_origin_connects(struct h2_sides *t, struct h2_origin *o, bool connected)
{
    if (o == NULL || o->waiting == NULL)
        return;
    struct weir_exchange *x = o->waiting;
    o->waiting = NULL;
    x->dial = NULL;
    if (connected) {
        h2_origin_use(o, x);
        weir_exchange_connected(x, &o->side);
    } else {
        o->used = false;
        weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
    }
    h2_sides_run(t);
}

/** What waits for the origin is taken, and all that comes. */
static inline void h2_origin_takes(struct h2_sides *t, struct h2_origin *o)
{
    if (o == NULL || o->side.x == NULL)
        return;
    bool waited = o->waits;
    o->full = o->waits = false;
    if (waited)
        weir_exchange_origin_drained(o->side.x);
    h2_sides_run(t);
}

static inline void h2_time_passes(struct h2_sides *t, uint64_t ms)
{
    struct weir_worker *w = t->w;
    for (uint64_t end = w->now.ms + ms; w->now.ms < end;) {
        w->now.ms += WEIR_WHEEL_TICK_MS;
        w->now.ns = w->now.ms * 1000000;
        weir_wheel_advance(&w->wheel, w->now.ms);
        for (struct weir_timer *timer; (timer = weir_wheel_pop(&w->wheel)) != NULL;)
            weir_timer_expire(&w->wheel, timer);
        h2_sides_run(t);
    }
}

#endif
