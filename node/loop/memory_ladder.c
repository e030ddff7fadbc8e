/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_ladder.c - see memory_ladder.h. What waits is on one of two lists: sessions by their link
 * of idle clients, since one that waits is not idle; origin connections by that of parked ones,
 * since one that waits is busy (origin_conn.c).
 */
#include "node/loop/memory_ladder.h"

#include "node/base/log.h"
#include "node/exchange/exchange.h"
#include "node/loop/loop.h"
#include "node/loop/session/session.h"

#define LOOK_BUDGET 16384 /* sessions looked at for the slowest */
#define SHED_BUDGET 8     /* sessions cut in one tick */

/* -- waiting -- */

size_t weir_memory_session_room(struct weir_session *s, size_t want)
{
    struct weir_worker *w = weir_worker_of(&s->conn);
    size_t room = weir_buffers_room(&w->buffers, weir_session_kind_of(s)->account(s), want);
    if (WEIR_LIKELY(room > 0) || s->starved)
        return room;
    weir_metric_add(w->metrics, WEIR_M_MEMORY_WAITS, 1);
    s->starved = true;
    weir_list_remove(&s->idle.link);
    weir_list_append(&w->starved_sessions, &s->idle.link);
    return 0;
}

void weir_memory_resume(struct weir_worker *w)
{
    for (int i = 0; i < WEIR_RESUME_BUDGET && !weir_list_empty(&w->starved_sessions); i++) {
        struct weir_session *s =
            weir_container_of(w->starved_sessions.next, struct weir_session, idle.link);
        weir_list_remove(&s->idle.link);
        if (weir_buffers_room(&w->buffers, weir_session_kind_of(s)->account(s), 1) > 0) {
            s->starved = false;
            weir_conn_wake(&s->conn);
        } else {
            weir_list_append(&w->starved_sessions, &s->idle.link);
        }
    }
}

void weir_memory_freed(struct weir_worker *w)
{
    if (!weir_list_empty(&w->starved_origins) || !weir_list_empty(&w->starved_sessions))
        weir_task_queue(&w->env, &w->resume);
}

/* -- the ladder -- */

/** The slowest sessions seen so far, the slowest first. */
struct slowest {
    struct weir_session *at[SHED_BUDGET];
    uint64_t since_ms[SHED_BUDGET];
    int num;
};

static void add_slow(struct slowest *all, struct weir_session *s, uint64_t since_ms)
{
    int i = all->num < SHED_BUDGET ? all->num++ : SHED_BUDGET - 1;
    if (all->at[i] != NULL && all->since_ms[i] <= since_ms)
        return;
    for (; i > 0 && all->since_ms[i - 1] > since_ms; i--) {
        all->at[i] = all->at[i - 1];
        all->since_ms[i] = all->since_ms[i - 1];
    }
    all->at[i] = s;
    all->since_ms[i] = since_ms;
}

/* Cut the sessions of the heaviest account that have waited longest for their client. */
static void shed_slowest(struct weir_worker *w)
{
    struct slowest all = { .num = 0 };
    const struct weir_account *a = weir_budget_heaviest(&w->buffers.budget);
    int looked = 0;
    for (struct weir_list *l = w->sessions.next; l != &w->sessions && looked < LOOK_BUDGET;
         l = l->next, looked++) {
        struct weir_session *s = weir_container_of(l, struct weir_session, link);
        const struct weir_session_kind *kind = weir_session_kind_of(s);
        uint64_t since_ms = kind->account(s) == a ? kind->slow_since(s) : 0;
        if (since_ms > 0)
            add_slow(&all, s, since_ms);
    }
    for (int i = 0; i < all.num; i++) {
        weir_metric_add(w->metrics, WEIR_M_MEMORY_SHED_CONNS, 1);
        weir_session_kind_of(all.at[i])->cut(all.at[i]);
    }
}

static void note_rung(struct weir_worker *w, uint8_t before)
{
    static const char *const names[] = {
        [WEIR_RUNG_NONE] = "none",           [WEIR_RUNG_NO_KEEP_ALIVE] = "no_keep_alive",
        [WEIR_RUNG_NO_ACCEPT] = "no_accept", [WEIR_RUNG_REFUSE] = "refuse",
        [WEIR_RUNG_SHED] = "shed",
    };
    static struct weir_log_limit limit;
    uint32_t suppressed = 0;
    const struct weir_budget *b = &w->buffers.budget;
    for (uint8_t rung = before; rung < b->rung; rung++)
        weir_metric_add(w->metrics, (enum weir_metric)(WEIR_M_MEMORY_NO_KEEPALIVE + rung), 1);
    if (weir_log_allowed(&limit, 1, &suppressed))
        log_warn("worker.memory", "worker=%u rung=%s used=%zu max=%zu suppressed=%u", w->index,
                 names[b->rung], b->used, b->max, suppressed);
}

void weir_memory_tick(struct weir_worker *w)
{
    struct weir_budget *b = &w->buffers.budget;
    uint8_t before = b->rung;
    if (weir_budget_step(b))
        note_rung(w, before);
    weir_metric_add(w->metrics, WEIR_M_MEMORY_USED, (uint64_t)b->used - w->memory_published);
    w->memory_published = b->used;
    if (b->rung >= WEIR_RUNG_SHED)
        shed_slowest(w);
    weir_memory_freed(w);
}
