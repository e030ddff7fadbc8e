/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c - one worker: its loop, its tick, its inbox, what control asks of it. Its listeners are
 * in listener.c, what it serves in downstream.c, the workers as a group in workers.c.
 */
#include "node/loop/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/base/trace.h"
#include "node/conn/pipes.h"
#include "node/conn/sock.h"
#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/dial.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/group.h"
#include "node/loop/listener.h"
#include "node/loop/loop.h"
#include "node/loop/memory_ladder.h"
#include "node/loop/origin_conn.h"
#include "node/loop/session/session_h1.h"
#include "node/loop/session/session_h2.h"
#include "node/loop/session/session_tls.h"
#include "node/loop/worker_tls.h"
#include "tenants/cert_cache.h"
#include "tenants/defaults.h"

_Static_assert(WEIR_ACCESS_LINE_MAX >= WEIR_ACCESS_MAX, "a record of any content fits a line");

#define TENANT_LABELS_MAX   80  /* tenant="a name of WEIR_TENANT_NAME_MAX bytes" */
#define ENDPOINT_LABELS_MAX 512 /* the same with upstream and endpoint */

static struct weir_worker *worker_of(void *p)
{
    struct weir_worker *w = p;
    WEIR_ASSERT(w != NULL);
    WEIR_ASSERT(w->magic == WEIR_WORKER_MAGIC);
    return w;
}

const struct weir_workers_config *weir_worker_config(const struct weir_worker *w)
{
    return &w->cfg;
}

uint32_t weir_worker_share(const struct weir_worker *w, uint32_t n)
{
    WEIR_DCHECK(w->index < w->cfg.num_workers);
    return n / w->cfg.num_workers + (w->index < n % w->cfg.num_workers ? 1 : 0);
}

/* -- the tick -- */

static void renew_date(struct weir_worker *w)
{
    uint64_t mono_ns = weir_clock_mono_ns();
    uint64_t wall_ms = weir_clock_wall_ms();
    w->now.wall_offset_ns = wall_ms * 1000000 - mono_ns;
    if (wall_ms / 1000 == w->date_s)
        return;
    w->date_s = wall_ms / 1000;
    weir_clock_http_date(wall_ms, w->date);
}

/* What is left over is gone on with in the next turn, which does not wait. */
static void handle_timers(struct weir_worker *w)
{
    struct weir_timer *t;
    uint32_t budget = WEIR_TURN_BUDGET;
    while ((t = weir_wheel_pop_within(&w->wheel, &budget)) != NULL)
        weir_timer_expire(&w->wheel, t);
}

static struct weir_session *first_session(const struct weir_list *list)
{
    return weir_container_of(list->next, struct weir_session, link);
}

static void cut(struct weir_worker *w, uint32_t num)
{
    weir_list_append_all(&w->sessions, &w->undrained);
    for (; num > 0 && !weir_list_empty(&w->sessions); num--) {
        struct weir_session *s = first_session(&w->sessions);
        weir_session_kind_of(s)->cut(s);
    }
}

static void publish_drain(struct weir_worker *w)
{
    atomic_store_explicit(&w->left_connections, w->num_sessions, memory_order_relaxed);
    atomic_store_explicit(&w->left_requests, (uint32_t)w->exchange.exchanges.num_used,
                          memory_order_relaxed);
}

/* Connections that have no request are closed, some in each turn. */
static void drain_some(struct weir_worker *w)
{
    uint32_t budget = WEIR_TURN_BUDGET;
    for (; budget > 0 && !weir_list_empty(&w->undrained); budget--) {
        struct weir_session *s = first_session(&w->undrained);
        weir_list_remove(&s->link);
        weir_list_append(&w->sessions, &s->link);
        weir_session_kind_of(s)->drain(s);
    }
    for (; budget > 0 && !weir_list_empty(&w->idle_lru); budget--)
        weir_origin_conn_close(
            weir_container_of(w->idle_lru.next, struct weir_origin_conn, lru_link));
}

static bool is_unfinished(const struct weir_worker *w)
{
    return weir_wheel_has_reached(&w->wheel) ||
           (w->draining && (!weir_list_empty(&w->undrained) || !weir_list_empty(&w->idle_lru))) ||
           (w->cutting && w->num_sessions > 0);
}

/* Do one turn's part of what may be more than a turn's work. */
static void finish_turn(struct weir_worker *w)
{
    handle_timers(w);
    if (w->draining)
        drain_some(w);
    if (w->cutting)
        cut(w, WEIR_TURN_BUDGET);
    if (is_unfinished(w))
        weir_task_defer(&w->env, &w->unfinished);
    if (w->draining)
        publish_drain(w);
}

static void on_unfinished(struct weir_task *t)
{
    finish_turn(worker_of(weir_container_of(t, struct weir_worker, unfinished)));
}

static void on_resume(struct weir_task *t)
{
    struct weir_worker *w = worker_of(weir_container_of(t, struct weir_worker, resume));
    weir_origin_conn_resume(w);
    weir_memory_resume(w);
}

static const struct weir_task_kind unfinished_task = { .run = on_unfinished };
static const struct weir_task_kind resume_task = { .run = on_resume };

static void drain_step(struct weir_worker *w)
{
    if (!w->cutting && w->num_sessions > 0 && w->now.ms >= w->drain_deadline_ms) {
        log_warn("worker.drain_deadline", "worker=%u cut=%u", w->index, w->num_sessions);
        atomic_fetch_add_explicit(&w->num_cut, w->num_sessions, memory_order_relaxed);
        w->cutting = true;
        finish_turn(w);
    }
    publish_drain(w);
    if (w->num_sessions == 0 && w->num_listeners == 0 && !w->drained) {
        w->drained = true;
        weir_access_flush(w->access);
        atomic_fetch_add_explicit(&w->group->num_drained, 1, memory_order_relaxed);
    }
}

static void on_tick(uv_timer_t *t)
{
    struct weir_worker *w = worker_of(t->data);
    weir_conn_env_enter(&w->env);
    w->now.ns = 0; /* timers run before the turn's end is noticed */
    renew_date(w);
    weir_wheel_advance(&w->wheel, w->now.ms);
    finish_turn(w);
    weir_endpoint_pool_tick(w);
    weir_address_pool_tick(w);
    weir_memory_tick(w);
    weir_room_publish(&w->room, w->now.ms, false);
    weir_worker_accepting(w, true);
    weir_listeners_step(w);
    if (w->draining)
        drain_step(w);
    if (w->ticks++ % 4 == 0)
        weir_access_flush(w->access);
    weir_conn_env_leave(&w->env);
}

/* -- drain and stop -- */

static void drain(struct weir_worker *w, uint64_t deadline_ms)
{
    w->drain_deadline_ms = w->now.ms + deadline_ms;
    if (w->draining)
        return;
    w->draining = true;
    w->exchange.draining = true;
    weir_listeners_leave(w);
    weir_listeners_step(w);
    weir_list_append_all(&w->undrained, &w->sessions);
    finish_turn(w);
}

static void undrain(struct weir_worker *w)
{
    w->draining = false;
    w->cutting = false;
    w->exchange.draining = false;
    weir_list_append_all(&w->sessions, &w->undrained);
    atomic_store_explicit(&w->num_cut, 0, memory_order_relaxed);
    if (!w->drained)
        return;
    w->drained = false;
    atomic_fetch_sub_explicit(&w->group->num_drained, 1, memory_order_relaxed);
}

static void stop(struct weir_worker *w)
{
    w->stopping = true;
    w->draining = true;
    w->accepting = false;
    weir_room_wait(&w->room, false);
    weir_room_publish(&w->room, w->now.ms, true);
    weir_listeners_close(w);
    cut(w, UINT32_MAX);
    weir_dial_cancel_all(w);
    while (!weir_list_empty(&w->origin_list))
        weir_origin_conn_close(
            weir_container_of(w->origin_list.next, struct weir_origin_conn, link));
    weir_conn_env_stop(&w->env);
    weir_access_flush(w->access);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

void weir_worker_drain_inbox(struct weir_worker *w)
{
    bool overflowed = false;
    atomic_store_explicit(&w->inbox_ready, false, memory_order_relaxed);
    struct weir_msg *m = weir_inbox_take(&w->inbox, &overflowed);
    if (atomic_exchange_explicit(&w->asked_forget, false, memory_order_acquire))
        overflowed = true;
    if (overflowed) {
        weir_metric_add(w->metrics, WEIR_M_INBOX_OVERFLOWS, 1);
        weir_tenant_cache_drop_all(w->cache);
        if (w->certs != NULL)
            weir_cert_cache_drop_all(w->certs);
    }
    while (m != NULL) {
        struct weir_change_msg *msg = weir_container_of(m, struct weir_change_msg, msg);
        struct weir_span key = weir_span(msg->key, msg->key_len);
        m = m->next;
        if (msg->class == WEIR_CLASS_TENANT)
            weir_tenant_cache_changed(w->cache, key, msg->names_changed);
        else if (w->certs != NULL)
            weir_cert_cache_changed(w->certs, key, msg->names_changed);
        free(msg);
    }
}

/* -- what control asks for -- */

void weir_worker_change_free(struct weir_worker_change *change)
{
    if (change == NULL)
        return;
    for (size_t i = 0; i < change->num_listeners; i++)
        weir_listener_discard(&change->fresh[i]);
    free(change->trusted);
    free(change);
}

/* What is above a lower limit stays until it ends; nothing new comes in its place. */
static void apply_limits(struct weir_worker *w)
{
    const struct weir_workers_config *cfg = &w->cfg;
    uint32_t n = cfg->num_workers;
    uint32_t origins = atomic_load_explicit(&w->group->room.origins.max, memory_order_relaxed);
    w->max_parked = (origins + n - 1) / n / 4 * 3;
    /* Any worker may have all connections of the node; those that were closed in this turn are
     * freed in the next one. */
    weir_pool_set_max(&w->session_pool, cfg->max_connections + WEIR_ACCEPT_BUDGET * 64u);
    /* A connection of HTTP/2 has as many as it has streams. */
    weir_pool_set_max(&w->exchange.exchanges, 4u * (size_t)cfg->max_connections + 64u);
    weir_pool_set_max(&w->origins, origins + 1024u);
    weir_worker_tls_set_max(w, cfg->max_connections + origins + 1024u);
    weir_pool_set_max(&w->dials, origins + 64u);
    weir_pool_set_max(&w->exchange.heads,
                      cfg->max_memory / n / 8 / sizeof(struct weir_h1_head) + 1);
    weir_buffers_set_max(&w->buffers, cfg->max_memory / n);
}

/* Those that are to stay are found, all others leave, then the new ones come: the new ones may be
 * on the addresses of those that leave. */
static void apply_listeners(struct weir_worker *w, struct weir_worker_change *change)
{
    struct weir_listener *staying[WEIR_LISTENERS_MAX];
    for (size_t i = 0; i < change->num_listeners; i++)
        staying[i] = change->fresh[i] == NULL ? weir_listener_find(w, &change->stay[i]) : NULL;
    weir_listeners_leave(w);
    for (size_t i = 0; i < change->num_listeners; i++) {
        if (change->fresh[i] != NULL) {
            weir_listener_adopt(w, change->fresh[i]);
            change->fresh[i] = NULL;
        } else if (staying[i] != NULL) {
            staying[i]->leaving = false;
        }
    }
    weir_listeners_step(w);
}

void weir_worker_apply(struct weir_worker *w, struct weir_worker_change *change)
{
    WEIR_ASSERT(!w->stopping);
    WEIR_ASSERT(change->order > w->order_applied);
    w->order_applied = change->order;
    free((void *)w->cfg.trusted);
    w->cfg.trusted = change->trusted;
    w->cfg.num_trusted = change->num_trusted;
    w->exchange.trusted = (struct weir_prefixes){ change->trusted, change->num_trusted };
    w->cfg.max_connections = change->max_connections;
    w->cfg.max_memory = change->max_memory;
    w->cfg.head_timeout_ms = change->head_timeout_ms;
    w->cfg.idle_timeout_ms = change->idle_timeout_ms;
    w->cfg.handshake_timeout_ms = change->handshake_timeout_ms;
    w->cfg.handshakes_per_address = change->handshakes_per_address;
    w->cfg.connections_per_address = change->connections_per_address;
    change->trusted = NULL;
    apply_limits(w);
    if (change->undrain)
        undrain(w);
    apply_listeners(w, change);
    weir_worker_accepting(w, true);
    weir_worker_change_free(change);
}

/* A drain that is older than the change that undid it is void: nothing is closed for it. */
static void take_asked(struct weir_worker *w)
{
    /* The deadline first: a change that control gave before it is then seen as well. */
    uint64_t deadline = atomic_exchange_explicit(&w->asked_deadline, 0, memory_order_acquire);
    struct weir_worker_change *change =
        atomic_load_explicit(&w->asked_change, memory_order_acquire);
    if (change != NULL) {
        weir_worker_apply(w, change);
        atomic_store_explicit(&w->asked_change, NULL, memory_order_release);
    }
    if (deadline != 0 && deadline >> 32 > w->order_applied)
        drain(w, (deadline & UINT32_MAX) - 1);
}

static void on_wake(uv_async_t *a)
{
    struct weir_worker *w = worker_of(a->data);
    weir_conn_env_enter(&w->env);
    weir_worker_drain_inbox(w);
    if (w->stopping)
        return;
    take_asked(w);
    weir_address_pool_take_responses(w);
    if (atomic_load_explicit(&w->asked_stop, memory_order_relaxed)) {
        stop(w);
        return;
    }
    weir_room_serve(&w->room, w->now.ms);
    weir_worker_accepting(w, true);
    weir_conn_env_leave(&w->env);
}

static void wake(void *arg)
{
    struct weir_worker *w = worker_of(arg);
    (void)uv_async_send(&w->wake);
}

/* -- what can make way: room.h -- */

static struct weir_session *idle_session_of(const struct weir_idle_link *c)
{
    struct weir_idle_link *link = (struct weir_idle_link *)(uintptr_t)c;
    return weir_container_of(link, struct weir_session, idle);
}

static bool session_is_idle(const struct weir_idle_link *c)
{
    const struct weir_session *s = idle_session_of(c);
    return weir_session_kind_of(s)->is_idle(s);
}

static bool end_idle_session(struct weir_idle_link *c)
{
    struct weir_session *s = idle_session_of(c);
    struct weir_worker *w = weir_worker_of(&s->conn);
    if (!weir_session_kind_of(s)->shed(s))
        return false;
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_SHED, 1);
    return true;
}

static bool has_parked_origin(const void *arg)
{
    const struct weir_worker *w = arg;
    return !weir_list_empty(&w->idle_lru);
}

static bool end_parked_origin(void *arg)
{
    struct weir_worker *w = worker_of(arg);
    if (weir_list_empty(&w->idle_lru))
        return false;
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_SHED, 1);
    weir_origin_conn_close(weir_container_of(w->idle_lru.next, struct weir_origin_conn, lru_link));
    return true;
}

static const struct weir_room_ops room_ops = { .is_idle = session_is_idle,
                                               .end_idle = end_idle_session,
                                               .has_parked = has_parked_origin,
                                               .end_parked = end_parked_origin,
                                               .wake = wake };

/* -- life of a worker -- */

void *weir_worker_run(void *arg)
{
    struct weir_worker *w = worker_of(arg);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void init_pools(struct weir_worker *w)
{
    weir_pool_init(&w->session_pool, WEIR_SESSION_BYTES, 128, 0);
    weir_pool_init(&w->exchange.exchanges, sizeof(struct weir_exchange), 64, 0);
    weir_pool_init(&w->origins, sizeof(struct weir_origin_conn), 128, 0);
    weir_pool_init(&w->dials, sizeof(struct weir_dial), 64, 0);
    weir_pool_init(&w->endpoint_pools, sizeof(struct weir_endpoint_pool), 64, 1u << 20);
    weir_pool_init(&w->address_pools, sizeof(struct weir_address_pool), 64, 1u << 20);
    weir_pool_init(&w->exchange.heads, sizeof(struct weir_h1_head), 16, 0);
    weir_buffers_init(&w->buffers, 0);
    apply_limits(w);
}

static enum weir_acquired acquire(struct weir_exchange_env *env, struct weir_exchange *x)
{
    struct weir_worker *w = weir_container_of(env, struct weir_worker, exchange);
    struct weir_counter_hint unknown = { 0 };
    struct weir_endpoint_pool *p = weir_endpoint_pool_of(w, x->upstream, x->endpoint);
    weir_exchange_count_attempt(x, p != NULL ? &p->counters : &unknown);
    return p != NULL ? weir_endpoint_pool_acquire(p, x) : WEIR_ACQUIRED_FULL;
}

static void unwait(struct weir_exchange_env *env, struct weir_exchange *x)
{
    WEIR_DCHECK(x->env == env);
    weir_endpoint_pool_unwait(x);
}

static bool queued(const struct weir_exchange_env *env, const struct weir_exchange *x)
{
    WEIR_DCHECK(x->env == env);
    return weir_endpoint_pool_queued(x);
}

static void record(struct weir_exchange_env *env, const struct weir_access *a)
{
    struct weir_worker *w = weir_container_of(env, struct weir_worker, exchange);
    uint8_t *line = weir_access_reserve(w->access);
    if (line != NULL)
        weir_access_commit(w->access, weir_access_write(a, line, WEIR_ACCESS_LINE_MAX));
}

static const struct weir_exchange_env_ops exchange_ops = {
    .acquire = acquire,
    .unwait = unwait,
    .queued = queued,
    .record = record,
};

static void init_envs(struct weir_worker *w)
{
    w->env = (struct weir_conn_env){
        .loop = &w->loop,
        .wheel = &w->wheel,
        .buffers = &w->buffers,
        .scratch = w->rbuf,
        .scratch_len = sizeof(w->rbuf),
        .now = &w->now,
    };
    struct weir_exchange_env *x = &w->exchange;
    x->ops = &exchange_ops;
    x->now = &w->now;
    x->wheel = &w->wheel;
    x->buffers = &w->buffers;
    x->metrics = w->metrics;
    x->tenant_counters = w->tenant_counters;
    x->endpoint_counters = w->endpoint_counters;
    x->cache = w->cache;
    x->marks = w->marks;
    x->rng = &w->rng;
    x->records = weir_access_wanted_flag(w->access);
    w->now.fine = x->records;
    x->cdn_id = w->cfg.cdn_id;
    x->date = w->date;
    x->out = w->obuf;
    x->out_len = sizeof(w->obuf);
}

static enum weir_err init_loop(struct weir_worker *w)
{
    if (uv_loop_init(&w->loop) < 0)
        return WEIR_ENOMEM;
    w->has_loop = true;
    if (uv_async_init(&w->loop, &w->wake, on_wake) < 0 || uv_timer_init(&w->loop, &w->tick) < 0)
        return WEIR_ENOMEM;
    w->wake.data = w;
    w->tick.data = w;
    w->now.ms = uv_now(&w->loop);
    weir_wheel_init(&w->wheel, w->now.ms);
    if (uv_timer_start(&w->tick, on_tick, WEIR_WHEEL_TICK_MS, WEIR_WHEEL_TICK_MS) < 0)
        return WEIR_ENOMEM;
    if (weir_conn_env_start(&w->env) < 0)
        return WEIR_ENOMEM;
    enum weir_err err = weir_inbox_init(&w->inbox, WEIR_INBOX_MAX, wake, w);
    if (err == WEIR_OK)
        err = weir_inbox_init(&w->responses, WEIR_LOOKUPS_MAX, wake, w);
    return err;
}

static enum weir_err init_certs(struct weir_worker *w)
{
    struct weir_cert_cache_config cfg = {
        .store = w->cfg.store,
        .secret = w->cfg.secret,
        .seed = { { weir_rng_next(&w->rng), weir_rng_next(&w->rng) } },
        .max = WEIR_CERT_CACHE_MAX,
        .bytes_max = WEIR_CERT_CACHE_BYTES,
        .metrics = w->metrics,
    };
    return weir_cert_cache_new(&cfg, &w->certs);
}

enum weir_err weir_worker_init(struct weir_worker *w)
{
    w->cfg = w->group->cfg;
    const struct weir_workers_config *cfg = &w->cfg;
    w->cfg.trusted = NULL; /* comes with the first change */
    w->cfg.num_trusted = 0;
    weir_room_join(&w->group->room, &w->room, &room_ops, w);
    weir_task_init(&w->unfinished, &unfinished_task);
    weir_task_init(&w->resume, &resume_task);
    weir_list_init(&w->listeners);
    weir_list_init(&w->sessions);
    weir_list_init(&w->undrained);
    weir_list_init(&w->origin_list);
    weir_list_init(&w->dial_list);
    weir_list_init(&w->idle_lru);
    weir_list_init(&w->starved_origins);
    weir_list_init(&w->starved_sessions);
    weir_list_init(&w->refill);
    w->marks = cfg->marks;
    w->metrics = &w->group->metrics[w->index];
    w->access =
        cfg->access_log ? weir_access_log_writer(cfg->access_log, w->index, w->metrics) : NULL;
    weir_pipes_init(&w->pipes, &w->group->pipes, w->metrics, cfg->num_workers);
    init_pools(w);
    enum weir_err err = weir_rng_init_random(&w->rng);
    w->tenant_counters = weir_counters_new(TENANT_LABELS_MAX, weir_rng_next(&w->rng));
    w->endpoint_counters = weir_counters_new(ENDPOINT_LABELS_MAX, weir_rng_next(&w->rng));
    if (w->tenant_counters == NULL || w->endpoint_counters == NULL)
        err = WEIR_ENOMEM;
    /* Keys that tenants choose: secret seeds stop them from choosing one slot. */
    weir_hashmap_init(&w->pools, weir_rng_next(&w->rng), 1u << 20);
    weir_hashmap_init(&w->address_pool_map, weir_rng_next(&w->rng), 1u << 20);
    weir_hashmap_init(&w->origin_tls, weir_rng_next(&w->rng), 1u << 20);
    struct weir_tenant_seeds seeds = { weir_rng_next(&w->rng), cfg->marks->secret };
    if (err == WEIR_OK)
        err =
            weir_tenant_cache_new(cfg->store, &seeds, WEIR_TENANT_CACHE_MAX, w->metrics, &w->cache);
    if (err == WEIR_OK && cfg->secret != NULL)
        err = init_certs(w);
    init_envs(w);
    if (err == WEIR_OK)
        err = weir_worker_tls_init(w, weir_session_tls_choose);
    apply_limits(w);
    if (err == WEIR_OK)
        err = init_loop(w);
    renew_date(w);
    return err;
}

void weir_worker_free(struct weir_worker *w)
{
    if (w == NULL)
        return;
    WEIR_ASSERT(w->magic == WEIR_WORKER_MAGIC);
    weir_cert_cache_free(&w->certs);
    weir_tenant_cache_free(&w->cache);
    weir_counters_free(&w->tenant_counters);
    weir_counters_free(&w->endpoint_counters);
    if (w->pipes.room != NULL)
        weir_pipes_deinit(&w->pipes);
    weir_address_pool_drop_responses(w);
    weir_inbox_deinit(&w->inbox);
    weir_inbox_deinit(&w->responses);
    weir_endpoint_pool_free_all(w);
    weir_address_pool_free_all(w);
    weir_worker_tls_deinit(w);
    weir_pool_deinit(&w->session_pool);
    weir_session_h2_free_common(w);
    weir_pool_deinit(&w->exchange.exchanges);
    weir_pool_deinit(&w->origins);
    weir_pool_deinit(&w->dials);
    weir_pool_deinit(&w->exchange.heads);
    weir_buffers_deinit(&w->buffers);
    weir_worker_change_free(atomic_load_explicit(&w->asked_change, memory_order_relaxed));
    free((void *)w->cfg.trusted);
    w->magic = 0;
    free(w);
}

void weir_worker_unwind(struct weir_worker *w)
{
    if (!w->has_loop)
        return;
    w->now.ms = uv_now(&w->loop);
    stop(w);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&w->loop);
}
