/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_env.c - see conn_env.h.
 */
#include "node/conn/conn_env.h"

#include "node/base/trace.h"

static struct weir_conn_env *env_of(void *p)
{
    WEIR_ASSERT(p != NULL);
    return p;
}

static void free_dead(struct weir_conn_env *e)
{
    while (!weir_list_empty(&e->dead)) {
        struct weir_task *t = weir_container_of(e->dead.next, struct weir_task, link);
        weir_list_remove(&t->link);
        t->kind->run(t);
    }
}

static void run_tasks(struct weir_conn_env *e)
{
    WEIR_ASSERT(e->running == NULL);
    for (int i = 0; i < WEIR_RUN_BUDGET && !weir_list_empty(&e->tasks); i++) {
        struct weir_task *t = weir_container_of(e->tasks.next, struct weir_task, link);
        weir_list_remove(&t->link);
        t->kind->run(t);
    }
}

static void on_no_wait(uv_idle_t *h)
{
    WEIR_DCHECK(h->data != NULL);
}

/* A task that defers itself again waits for the turn after this one. */
static void before_wait(uv_prepare_t *p)
{
    struct weir_conn_env *e = env_of(p->data);
    if (!weir_list_empty(&e->ready)) {
        struct weir_list *last = e->tasks.prev;
        last->next = e->ready.next;
        e->ready.next->prev = last;
        e->ready.prev->next = &e->tasks;
        e->tasks.prev = e->ready.prev;
        weir_list_init(&e->ready);
    }
    e->turns++;
    weir_conn_env_enter(e);
    weir_conn_env_leave(e);
    bool wait = weir_list_empty(&e->tasks) && weir_list_empty(&e->ready);
    e->now->ns = 0; /* the events that come now are of a new turn */
    if (WEIR_LIKELY(wait))
        (void)uv_idle_stop(&e->no_wait);
    else
        (void)uv_idle_start(&e->no_wait, on_no_wait);
}

enum weir_err weir_conn_env_start(struct weir_conn_env *e)
{
    weir_list_init(&e->tasks);
    weir_list_init(&e->ready);
    weir_list_init(&e->dead);
    e->running = NULL;
    if (uv_prepare_init(e->loop, &e->before_wait) < 0 || uv_idle_init(e->loop, &e->no_wait) < 0)
        return WEIR_ENOMEM;
    e->before_wait.data = e;
    e->no_wait.data = e;
    e->has_handles = true;
    return uv_prepare_start(&e->before_wait, before_wait) < 0 ? WEIR_ENOMEM : WEIR_OK;
}

void weir_conn_env_stop(struct weir_conn_env *e)
{
    if (!e->has_handles)
        return;
    e->has_handles = false;
    free_dead(e);
    while (!weir_list_empty(&e->tasks))
        weir_list_remove(e->tasks.next);
    while (!weir_list_empty(&e->ready))
        weir_list_remove(e->ready.next);
    uv_close((uv_handle_t *)&e->before_wait, NULL);
    uv_close((uv_handle_t *)&e->no_wait, NULL);
}

void weir_conn_env_enter(struct weir_conn_env *e)
{
    e->now->ms = uv_now(e->loop);
    if (e->now->fine != NULL && atomic_load_explicit(e->now->fine, memory_order_relaxed))
        e->now->ns = 0;
    weir_trace_clock(e->now->ms);
}

void weir_conn_env_leave(struct weir_conn_env *e)
{
    run_tasks(e);
    free_dead(e);
}
