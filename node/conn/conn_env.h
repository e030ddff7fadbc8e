/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_env.h - what connections need of their surroundings: a loop, a wheel, memory, a scratch
 * buffer, and two lists of work. A worker has one, the control loop may have another. Owner: one
 * thread.
 *
 * Run list: what one connection's event made possible for another is a task on this list. It is
 * run from the loop, after the event, never by a call from one connection into another. Ready list:
 * tasks for the next turn of the loop, for bytes that wait above the socket, where no event will
 * come for them. Limits: WEIR_RUN_BUDGET tasks after one event; the rest waits for the next turn.
 */
#ifndef WEIR_NODE_CONN_CONN_ENV_H
#define WEIR_NODE_CONN_CONN_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "node/base/buffers/buffers.h"
#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/list.h"
#include "node/base/timerwheel.h"

#define WEIR_RUN_BUDGET 256 /* tasks run after one event, and again in each turn */

struct weir_task;
struct weir_tls_scratch;

/** What is done for a task. One static table for each kind, which may be part of a larger one. */
struct weir_task_kind {
    void (*run)(struct weir_task *t);
};

/** Work for the loop, embedded in what it is for. Queued at most once. */
struct weir_task {
    struct weir_list link;
    const struct weir_task_kind *kind;
};

struct weir_conn_env {
    uv_loop_t *loop;
    struct weir_wheel *wheel;
    struct weir_buffers *buffers;
    uint8_t *scratch; /* what one read brings; any later read overwrites it */
    size_t scratch_len;
    struct weir_tls_scratch *tls; /* of connections with TLS: tls_layer.h; NULL: there are none */
    struct weir_turn *now;
    struct weir_list tasks, ready;
    struct weir_list dead; /* tasks that free what was closed; run after all others */
    uint32_t turns;        /* of the loop; wraps */
    const void *running;   /* the connection whose pump runs; NULL: none. No pump runs in another */
    uv_prepare_t before_wait;
    uv_idle_t no_wait; /* active: the loop must not wait, since tasks do */
    bool has_handles;
};

/**
 * Begin to run tasks in each turn of the loop. The caller has set loop, wheel, buffers, scratch and
 * now, which stay until weir_conn_env_stop.
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_conn_env_start(struct weir_conn_env *e);
/** Close the handles; the loop must run once more after it. Tasks that are left are not run. */
void weir_conn_env_stop(struct weir_conn_env *e);

/** A callback of the loop begins: take over the loop's time. */
void weir_conn_env_enter(struct weir_conn_env *e);
/** A callback of the loop ends: run what it made possible. */
void weir_conn_env_leave(struct weir_conn_env *e);

/** A task that is not queued. */
static inline void weir_task_init(struct weir_task *t, const struct weir_task_kind *kind)
{
    weir_list_init(&t->link);
    t->kind = kind;
}

/** Run it soon: after the current event. Does nothing when it is queued already. */
static inline void weir_task_queue(struct weir_conn_env *e, struct weir_task *t)
{
    if (weir_list_empty(&t->link))
        weir_list_append(&e->tasks, &t->link);
}

/** Run it in the next turn of the loop. Does nothing when it is queued already. */
static inline void weir_task_defer(struct weir_conn_env *e, struct weir_task *t)
{
    if (weir_list_empty(&t->link))
        weir_list_append(&e->ready, &t->link);
}

/** Not run it after all. */
static inline void weir_task_cancel(struct weir_task *t)
{
    weir_list_remove(&t->link);
}

/** A pump begins; no other may run (contract). @param who  the connection, for the report */
static inline void weir_pump_begin(struct weir_conn_env *e, const void *who)
{
    WEIR_ASSERT(e->running == NULL);
    e->running = who;
}

/** The pump that runs ends. */
static inline void weir_pump_end(struct weir_conn_env *e, const void *who)
{
    WEIR_ASSERT(e->running == who);
    e->running = NULL;
}

#endif
