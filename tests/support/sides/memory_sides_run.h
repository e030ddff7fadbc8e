/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_run.h - how sides of memory do what an exchange asked of them: bring input, as a
 * session and an origin connection would, and pass bodies by a pipe.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_RUN_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_RUN_H

#include "tenants/defaults.h"
#include "tests/support/sides/memory_sides_ops.h"

/* -- input -- */

/* @return bytes used: a whole head, or none while it is incomplete */
static inline size_t feed_memory_head(struct memory_client *c, struct weir_span in)
{
    struct weir_exchange_env *env = &c->sides->env;
    if (!c->in_head)
        weir_h1_head_init(&c->head, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    c->in_head = true;
    switch (weir_h1_head_feed(&c->head, in)) {
    case WEIR_STEP_DONE:
        c->in_head = false;
        c->asked = c->head;
        c->body_at = c->used + c->head.head_len;
        weir_exchange_begin(env, &c->side, &c->head, in.at);
        return c->head.head_len;
    case WEIR_STEP_MORE:
        return 0;
    case WEIR_STEP_FAIL:
    case WEIR_STEP_SOME:
        break;
    }
    c->in_head = false;
    c->asked = (struct weir_h1_head){ .method = WEIR_METHOD_OTHER };
    struct weir_refusal refusal = { .fault = c->head.fault,
                                    .status = weir_h1_fault_status(c->head.fault),
                                    .outcome = WEIR_OUTCOME_MALFORMED };
    weir_h1_partial_read(&c->head, in, &refusal.read);
    weir_exchange_refuse(env, &c->side, &refusal);
    return in.len;
}

/* As a session does: use what can be used, then look at the end of the stream. Being woken
 * meanwhile counts for nothing, as in a session whose pump runs. */
static inline void pump_client(struct memory_client *c)
{
    while (!c->ended) {
        struct weir_span in = bytes_from(&c->gave, c->used);
        if (c->side.x == NULL ? in.len == 0 : !weir_exchange_wants_input(c->side.x))
            break;
        uint8_t *copy = input_copy(in);
        size_t n = c->side.x == NULL
                       ? feed_memory_head(c, weir_span(copy, in.len))
                       : weir_exchange_request_input(c->side.x, weir_span(copy, in.len));
        free(copy);
        MUST(n <= in.len);
        c->used += n;
        if (n == 0)
            break;
    }
    c->woken = false;
    if (!c->side.eof || c->ended)
        return;
    bool handled = c->eof_handled;
    c->eof_handled = true;
    if (c->side.x == NULL) {
        c->ended = true;
        weir_exchange_drop_held(&c->side);
    } else if (!handled && weir_exchange_request_is_read(c->side.x)) {
        weir_exchange_client_end(c->side.x);
    } else if (!handled) {
        weir_exchange_client_gone(c->side.x, WEIR_OUTCOME_CLIENT_GONE);
    }
}

/* Bytes of a body on their way past the codec: into the pipe, and on to the client. */
static inline void pump_pipe(struct memory_origin *o)
{
    struct memory_client *c = &o->sides->client;
    size_t taken = o->gave.len - o->seen;
    if (taken > o->pipe_left)
        taken = (size_t)o->pipe_left;
    o->seen += taken;
    o->used = o->seen;
    o->pipe_left -= taken;
    size_t held = o->pipe_held + taken;
    o->pipe_held = take_room(&c->room, held);
    bytes_add(&c->out, o->gave.at + o->seen - held, held - o->pipe_held);
    c->given = c->out.len;
    c->room_wanted = o->pipe_held > 0;
    weir_exchange_passed(o->side.x, taken, held - o->pipe_held);
    if (o->pipe_held > 0)
        return;
    if (o->pipe_left == 0)
        weir_exchange_passed_all(o->side.x);
    else if (o->ends)
        weir_exchange_failed(o->side.x, WEIR_FAILURE_CUT);
}

/* One read. @return false: nothing more can be done now */
static inline bool read_origin(struct memory_origin *o)
{
    bool alive = false;
    size_t len = o->gave.len - o->seen;
    if (len == 0) {
        if (o->ends)
            weir_exchange_origin_end(o->side.x, o->clean && !o->side.broken);
        return false;
    }
    o->seen += o->piece > 0 && o->piece < len ? o->piece : len;
    struct weir_span in = weir_span(o->gave.at + o->used, o->seen - o->used);
    uint8_t *copy = input_copy(in);
    size_t n = weir_exchange_response_input(o->side.x, weir_span(copy, in.len), &alive);
    free(copy);
    if (!alive)
        return false;
    MUST(n <= in.len);
    o->used += n;
    if (o->pipe && o->used == o->seen)
        o->pipe_left = weir_exchange_can_pass(o->side.x);
    return true;
}

/* As an origin connection does. */
static inline void pump_origin(struct memory_origin *o)
{
    struct weir_exchange *x = o->side.x;
    o->resumed = false;
    if ((o->state == MEMORY_ORIGIN_PARKED || o->state == MEMORY_ORIGIN_HELD) &&
        (o->ends || o->seen < o->gave.len)) { /* it is no longer quiet */
        o->state = MEMORY_ORIGIN_NONE;
        if (o->side.held_by != NULL)
            o->side.held_by->held = NULL;
        o->side.held_by = NULL;
    }
    while (o->state == MEMORY_ORIGIN_BUSY && o->side.x == x && weir_exchange_wants_response(x)) {
        if (o->pipe_left > 0 || o->pipe_held > 0) {
            pump_pipe(o);
            return;
        }
        if (!read_origin(o))
            return;
    }
}

/** Let both sides do what they were asked for, until nothing is left to do. */
static inline void run_sides(struct sides *s)
{
    for (bool again = true; again;) {
        again = s->client.woken;
        if (s->client.woken)
            pump_client(&s->client);
        for (size_t i = 0; i < MEMORY_ORIGINS; i++) {
            again = again || s->origins[i].resumed;
            if (s->origins[i].resumed)
                pump_origin(&s->origins[i]);
        }
    }
}

/** Time passes, a tick of the wheel at a time. */
static inline void time_passes(struct sides *s, uint64_t ms)
{
    uint64_t end = s->now.ms + ms;
    while (s->now.ms < end) {
        s->now.ms = s->now.ms + WEIR_WHEEL_TICK_MS < end ? s->now.ms + WEIR_WHEEL_TICK_MS : end;
        s->now.ns = s->now.ms * 1000000;
        weir_wheel_advance(&s->wheel, s->now.ms);
        for (struct weir_timer *t; (t = weir_wheel_pop(&s->wheel)) != NULL;)
            weir_timer_expire(&s->wheel, t);
        run_sides(s);
    }
}

#endif
