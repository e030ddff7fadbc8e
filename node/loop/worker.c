/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c - one worker: its loop, its tick, its inbox, its listeners. What it serves is in
 * downstream.c and upstream.c.
 */
#include "node/loop/worker.h"

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/loop/address_pool.h"
#include "node/loop/downstream.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/exchange.h"
#include "node/loop/loop.h"
#include "node/loop/origin_conn.h"
#include "node/loop/sock.h"
#include "node/loop/splice.h"
#include "tenants/defaults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVED_DESCRIPTORS 128

/* -- messages to a worker -- */

/* A tenant changed. Drain and stop are flags, which no full inbox can hold up. */
struct tenant_msg {
    struct weir_msg msg;
    bool names_changed;
    size_t name_len;
    uint8_t name[];
};

struct weir_workers {
    struct weir_workers_config cfg;
    uint32_t num;
    size_t num_addrs;
    struct weir_addr bound[WEIR_LISTENERS_MAX];
    struct weir_worker *workers[WEIR_WORKERS_MAX];
    struct weir_metrics *metrics; /* owns, one per worker */
    const struct weir_metrics *blocks[WEIR_WORKERS_MAX];
    _Atomic uint32_t num_drained; /* relaxed; polled by control */
};

const struct weir_workers_config *weir_worker_config(const struct weir_worker *w)
{
    return &w->group->cfg;
}

uint32_t weir_worker_share(const struct weir_worker *w, uint32_t n)
{
    return (n + w->group->cfg.num_workers - 1) / w->group->cfg.num_workers;
}

uint64_t weir_worker_stamp_ns(const struct weir_worker *w)
{
    return weir_access_wanted(w->access) ? weir_clock_mono_ns() : 0;
}

void weir_worker_set_deadline(struct weir_worker *w, struct weir_deadline *d, uint64_t deadline_ms)
{
    weir_timer_set(&w->wheel, &d->timer, deadline_ms);
}

/* -- accepting -- */

static void on_accept(uv_poll_t *p, int status, int events);

void weir_worker_accepting(struct weir_worker *w, bool on)
{
    if (w->stopping || w->num_downstreams >= w->max_downstreams)
        on = false;
    if (WEIR_LIKELY(w->accepting == on))
        return;
    w->accepting = on;
    for (size_t i = 0; i < w->num_listeners; i++)
        if (weir_watch_want(&w->listeners[i].watch, &w->loop, on ? UV_READABLE : 0, on_accept) < 0)
            log_error("worker.listener_lost", "worker=%u", w->index);
}

static void free_dead(struct weir_worker *w)
{
    while (!weir_list_empty(&w->dead_downstreams)) {
        struct weir_downstream *c =
            weir_container_of(w->dead_downstreams.next, struct weir_downstream, link);
        weir_list_remove(&c->link);
        weir_downstream_free(c);
    }
    while (!weir_list_empty(&w->dead_origins)) {
        struct weir_origin_conn *u =
            weir_container_of(w->dead_origins.next, struct weir_origin_conn, link);
        weir_list_remove(&u->link);
        weir_origin_conn_free(u);
    }
}

/* @return true: there may be more to accept now */
static bool accept_one(struct weir_listener *l)
{
    static struct weir_log_limit limit;
    struct weir_worker *w = l->worker;
    struct weir_addr peer;
    uint32_t suppressed = 0;
    int fd = -1;
    enum weir_err err = weir_sock_accept(l->watch.fd, &fd, &peer);
    if (err == WEIR_OK) {
        weir_downstream_accept(l, fd, &peer);
        weir_worker_accepting(w, true); /* that may have been the last one allowed */
        return w->accepting;
    }
    if (err != WEIR_ELIMIT)
        return err == WEIR_EIO;
    /* The backlog keeps them; the tick tries again. Spinning on a readable listener would help
     * nobody. */
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_REFUSED, 1);
    if (weir_log_allowed(&limit, 1, &suppressed))
        log_warn("worker.out_of_descriptors", "worker=%u connections=%u suppressed=%u", w->index,
                 w->num_downstreams, suppressed);
    weir_worker_accepting(w, false);
    return false;
}

static void on_accept(uv_poll_t *p, int status, int events)
{
    struct weir_listener *l = p->data;
    struct weir_worker *w = l->worker;
    w->now_ms = uv_now(&w->loop);
    free_dead(w);
    if (status < 0)
        l->watch.events = 0;
    for (int i = 0; i < WEIR_ACCEPT_BUDGET && accept_one(l); i++)
        continue;
    weir_downstream_read_fresh(w);
}

/* -- the tick -- */

static void renew_date(struct weir_worker *w)
{
    uint64_t wall_ms = weir_clock_wall_ms();
    if (wall_ms / 1000 == w->date_s)
        return;
    w->date_s = wall_ms / 1000;
    weir_clock_http_date(wall_ms, w->date);
}

static void handle_timers(struct weir_worker *w)
{
    struct weir_timer *t;
    weir_wheel_advance(&w->wheel, w->now_ms);
    while ((t = weir_wheel_pop(&w->wheel)) != NULL) {
        struct weir_deadline *d = weir_container_of(t, struct weir_deadline, timer);
        if (d->owner == WEIR_TIMER_DOWNSTREAM)
            weir_downstream_timeout(weir_container_of(d, struct weir_downstream, deadline));
        else
            weir_origin_conn_timeout(weir_container_of(d, struct weir_origin_conn, deadline));
    }
}

static void leave_listeners(struct weir_worker *w);

static void cut_all(struct weir_worker *w)
{
    while (!weir_list_empty(&w->downstream_list)) {
        struct weir_downstream *c =
            weir_container_of(w->downstream_list.next, struct weir_downstream, link);
        if (c->x != NULL)
            weir_exchange_client_gone(c->x, WEIR_OUTCOME_OVERLOAD);
        else
            weir_downstream_close(c, true);
    }
}

static void drain_step(struct weir_worker *w)
{
    if (w->num_listeners > 0)
        leave_listeners(w);
    if (w->num_downstreams > 0 && w->now_ms >= w->drain_deadline_ms) {
        log_warn("worker.drain_deadline", "worker=%u cut=%u", w->index, w->num_downstreams);
        cut_all(w);
    }
    if (w->num_downstreams == 0 && w->num_listeners == 0 && !w->drained) {
        w->drained = true;
        weir_access_flush(w->access);
        atomic_fetch_add_explicit(&w->group->num_drained, 1, memory_order_relaxed);
    }
}

static void on_tick(uv_timer_t *t)
{
    struct weir_worker *w = t->data;
    w->now_ms = uv_now(&w->loop);
    free_dead(w);
    renew_date(w);
    handle_timers(w);
    weir_endpoint_pool_tick(w);
    weir_address_pool_tick(w);
    weir_worker_accepting(w, true);
    if (w->draining)
        drain_step(w);
    if (w->ticks++ % 4 == 0)
        weir_access_flush(w->access);
}

/* -- drain and stop -- */

static void on_listener_closed(uv_handle_t *h)
{
}

/* What waits in the backlog has been promised a connection: it is served before the listener goes.
 */
static void close_listeners(struct weir_worker *w)
{
    for (size_t i = 0; i < w->num_listeners; i++) {
        struct weir_listener *l = &w->listeners[i];
        struct weir_addr peer;
        int fd;
        while (w->num_downstreams < w->max_downstreams &&
               weir_sock_accept(l->watch.fd, &fd, &peer) == WEIR_OK)
            weir_downstream_accept(l, fd, &peer);
        weir_downstream_read_fresh(w);
        (void)weir_watch_close(&l->watch, false, on_listener_closed);
    }
    w->num_listeners = 0;
}

/* Whoever has connected but not spoken yet has been promised a response too; the kernel holds such
 * connections back, and resets them with their listener. */
static void leave_listeners(struct weir_worker *w)
{
    if (w->now_ms < w->listen_deadline_ms && w->now_ms < w->drain_deadline_ms)
        for (size_t i = 0; i < w->num_listeners; i++)
            if (weir_sock_handshakes_wait(&w->listeners[i].addr))
                return;
    close_listeners(w);
}

static void drain(struct weir_worker *w, uint64_t deadline_ms)
{
    w->drain_deadline_ms = w->now_ms + deadline_ms;
    if (w->draining)
        return;
    w->draining = true;
    w->listen_deadline_ms = w->now_ms + WEIR_DRAIN_LISTEN_MS;
    leave_listeners(w);
    struct weir_list *next;
    for (struct weir_list *l = w->downstream_list.next; l != &w->downstream_list; l = next) {
        next = l->next;
        weir_downstream_drain(weir_container_of(l, struct weir_downstream, link));
    }
    while (!weir_list_empty(&w->idle_lru))
        weir_origin_conn_close(
            weir_container_of(w->idle_lru.next, struct weir_origin_conn, lru_link));
}

static void stop(struct weir_worker *w)
{
    w->stopping = true;
    w->draining = true;
    w->accepting = false;
    close_listeners(w);
    cut_all(w);
    while (!weir_list_empty(&w->origin_list))
        weir_origin_conn_close(
            weir_container_of(w->origin_list.next, struct weir_origin_conn, link));
    weir_address_pool_shutdown(w);
    free_dead(w);
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
    }
    while (m != NULL) {
        struct tenant_msg *msg = weir_container_of(m, struct tenant_msg, msg);
        m = m->next;
        weir_tenant_cache_changed(w->cache, weir_span(msg->name, msg->name_len),
                                  msg->names_changed);
        free(msg);
    }
}

static void on_wake(uv_async_t *a)
{
    struct weir_worker *w = a->data;
    w->now_ms = uv_now(&w->loop);
    weir_worker_drain_inbox(w);
    uint64_t deadline = atomic_exchange_explicit(&w->asked_deadline_ms, 0, memory_order_relaxed);
    if (deadline != 0)
        drain(w, deadline - 1);
    if (atomic_load_explicit(&w->asked_stop, memory_order_relaxed) && !w->stopping)
        stop(w);
}

static void wake(void *arg)
{
    struct weir_worker *w = arg;
    (void)uv_async_send(&w->wake);
}

/* -- life of a worker -- */

static void *run(void *arg)
{
    struct weir_worker *w = arg;
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void init_pools(struct weir_worker *w)
{
    const struct weir_workers_config *cfg = &w->group->cfg;
    uint32_t n = cfg->num_workers;
    struct rlimit nofile = { .rlim_cur = 1024 };
    (void)getrlimit(RLIMIT_NOFILE, &nofile);
    uint64_t descriptors = nofile.rlim_cur > 2 * RESERVED_DESCRIPTORS
                               ? nofile.rlim_cur - RESERVED_DESCRIPTORS
                               : RESERVED_DESCRIPTORS;
    if (descriptors > 1u << 24)
        descriptors = 1u << 24;
    w->max_downstreams = (cfg->max_connections + n - 1) / n;
    w->max_origins = (uint32_t)(descriptors / n);
    w->max_parked = w->max_origins / 4 * 3;
    weir_pool_init(&w->downstreams, sizeof(struct weir_downstream), 128,
                   w->max_downstreams + WEIR_ACCEPT_BUDGET * 64u);
    weir_pool_init(&w->exchanges, sizeof(struct weir_exchange), 64, w->max_downstreams + 64u);
    weir_pool_init(&w->origins, sizeof(struct weir_origin_conn), 128, w->max_origins + 1024u);
    weir_pool_init(&w->endpoint_pools, sizeof(struct weir_endpoint_pool), 64, 1u << 20);
    weir_pool_init(&w->address_pools, sizeof(struct weir_address_pool), 64, 1u << 20);
    weir_pool_init(&w->heads, sizeof(struct weir_h1_head), 16,
                   cfg->max_memory / n / 4 / sizeof(struct weir_h1_head) + 1);
    weir_buffers_init(&w->buffers, cfg->max_memory / n);
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
    w->now_ms = uv_now(&w->loop);
    weir_wheel_init(&w->wheel, w->now_ms);
    if (uv_timer_start(&w->tick, on_tick, WEIR_WHEEL_TICK_MS, WEIR_WHEEL_TICK_MS) < 0)
        return WEIR_ENOMEM;
    return weir_inbox_init(&w->inbox, WEIR_INBOX_MAX, wake, w);
}

static enum weir_err init_worker(struct weir_worker *w)
{
    const struct weir_workers_config *cfg = &w->group->cfg;
    weir_list_init(&w->downstream_list);
    weir_list_init(&w->origin_list);
    weir_list_init(&w->dead_downstreams);
    weir_list_init(&w->dead_origins);
    weir_list_init(&w->idle_lru);
    weir_list_init(&w->refill);
    weir_list_init(&w->poked);
    w->marks = cfg->marks;
    w->metrics = &w->group->metrics[w->index];
    w->access =
        cfg->access_log ? weir_access_log_writer(cfg->access_log, w->index, w->metrics) : NULL;
    init_pools(w);
    enum weir_err err = weir_rng_init_random(&w->rng);
    /* Keys that tenants choose: the seeds keep them from choosing one slot. */
    weir_hashmap_init(&w->pools, weir_rng_next(&w->rng), 1u << 20);
    weir_hashmap_init(&w->address_pool_map, weir_rng_next(&w->rng), 1u << 20);
    struct weir_tenant_seeds seeds = { weir_rng_next(&w->rng), cfg->marks->secret };
    if (err == WEIR_OK)
        err =
            weir_tenant_cache_new(cfg->store, &seeds, WEIR_TENANT_CACHE_MAX, w->metrics, &w->cache);
    if (err == WEIR_OK)
        err = init_loop(w);
    renew_date(w);
    return err;
}

static enum weir_err open_listeners(struct weir_worker *w, struct weir_workers_error *error)
{
    struct weir_workers *g = w->group;
    w->listeners = calloc(g->num_addrs ? g->num_addrs : 1, sizeof(*w->listeners));
    if (w->listeners == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < g->num_addrs; i++) {
        static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff };
        static const uint8_t any6[16] = { 0 };
        struct weir_listener *l = &w->listeners[i];
        int fd = -1;
        error->listener = g->bound[i];
        error->what = "listen";
        enum weir_err err = weir_sock_listen(&g->bound[i], &fd, &error->sys_errno);
        if (err < 0)
            return err;
        l->worker = w;
        weir_watch_init(&l->watch, fd, l);
        w->num_listeners++;
        err = weir_sock_local(fd,
                              &g->bound[i]); /* port 0 becomes a real one for the workers to come */
        if (err < 0)
            return err;
        l->addr = g->bound[i];
        l->any = memcmp(l->addr.ip, any4, 16) == 0 || memcmp(l->addr.ip, any6, 16) == 0;
        if (weir_watch_want(&l->watch, &w->loop, UV_READABLE, on_accept) < 0)
            return WEIR_EIO;
    }
    w->accepting = true;
    return WEIR_OK;
}

static void free_worker(struct weir_worker *w)
{
    if (w == NULL)
        return;
    weir_tenant_cache_free(&w->cache);
    weir_splice_shutdown(w);
    weir_inbox_deinit(&w->inbox);
    weir_endpoint_pool_free_all(w);
    weir_address_pool_free_all(w);
    weir_pool_deinit(&w->downstreams);
    weir_pool_deinit(&w->exchanges);
    weir_pool_deinit(&w->origins);
    weir_pool_deinit(&w->heads);
    weir_buffers_deinit(&w->buffers);
    free(w->listeners);
    free(w);
}

static void stop_running(struct weir_workers *g, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        atomic_store_explicit(&g->workers[i]->asked_stop, true, memory_order_relaxed);
        (void)uv_async_send(&g->workers[i]->wake);
    }
    for (uint32_t i = 0; i < num; i++) {
        (void)pthread_join(g->workers[i]->thread, NULL);
        weir_worker_drain_inbox(g->workers[i]);
        (void)uv_loop_close(&g->workers[i]->loop);
    }
}

static void free_group(struct weir_workers *g)
{
    for (uint32_t i = 0; i < g->num; i++)
        free_worker(g->workers[i]);
    free(g->metrics);
    free(g);
}

/* -- the group -- */

static struct weir_workers *group_new(const struct weir_workers_config *cfg)
{
    struct weir_workers *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->cfg = *cfg;
    g->num_addrs = cfg->num_http;
    memcpy(g->bound, cfg->http, cfg->num_http * sizeof(g->bound[0]));
    g->metrics =
        aligned_alloc(_Alignof(struct weir_metrics), cfg->num_workers * sizeof(*g->metrics));
    if (g->metrics == NULL) {
        free(g);
        return NULL;
    }
    memset(g->metrics, 0, cfg->num_workers * sizeof(*g->metrics));
    for (uint32_t i = 0; i < cfg->num_workers; i++)
        g->blocks[i] = &g->metrics[i];
    return g;
}

static enum weir_err add_worker(struct weir_workers *g, struct weir_workers_error *error)
{
    struct weir_worker *w = calloc(1, sizeof(*w));
    error->what = "memory";
    if (w == NULL)
        return WEIR_ENOMEM;
    w->index = g->num;
    w->group = g;
    enum weir_err err = init_worker(w);
    if (err == WEIR_OK)
        err = open_listeners(w, error);
    /* Also a half-made worker has a loop and an inbox to be closed in order. */
    g->workers[g->num++] = w;
    return err;
}

/* A worker whose thread never ran: let its loop close what it holds. */
static void unwind(struct weir_worker *w)
{
    if (!w->has_loop)
        return;
    w->now_ms = uv_now(&w->loop);
    stop(w);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&w->loop);
}

static enum weir_err start_threads(struct weir_workers *g, uint32_t *running,
                                   struct weir_workers_error *error)
{
    for (*running = 0; *running < g->num; ++*running) {
        struct weir_worker *w = g->workers[*running];
        int rc = pthread_create(&w->thread, NULL, run, w);
        if (rc != 0) {
            *error = (struct weir_workers_error){ .what = "thread", .sys_errno = rc };
            return WEIR_ENOMEM;
        }
    }
    return WEIR_OK;
}

/* SO_REUSEPORT would silently share a port with another process of the same user. */
static enum weir_err check_free(const struct weir_workers_config *cfg,
                                struct weir_workers_error *error)
{
    for (size_t i = 0; i < cfg->num_http; i++) {
        if (cfg->http[i].port == 0 || !weir_sock_is_taken(&cfg->http[i]))
            continue;
        *error = (struct weir_workers_error){ .listener = cfg->http[i],
                                              .sys_errno = EADDRINUSE,
                                              .what = "bind" };
        return WEIR_EINUSE;
    }
    return WEIR_OK;
}

enum weir_err weir_workers_start(const struct weir_workers_config *cfg, struct weir_workers **ret,
                                 struct weir_workers_error *ret_error)
{
    WEIR_ASSERT(cfg->num_workers >= 1 && cfg->num_workers <= WEIR_WORKERS_MAX);
    WEIR_ASSERT(cfg->num_http <= WEIR_LISTENERS_MAX);
    uint32_t running = 0;

    *ret_error = (struct weir_workers_error){ .what = "memory" };
    enum weir_err err = check_free(cfg, ret_error);
    if (err < 0)
        return err;
    struct weir_workers *g = group_new(cfg);
    if (g == NULL)
        return WEIR_ENOMEM;
    for (uint32_t i = 0; i < cfg->num_workers && err == WEIR_OK; i++)
        err = add_worker(g, ret_error);
    if (err == WEIR_OK)
        err = start_threads(g, &running, ret_error);
    if (err == WEIR_OK) {
        *ret = g;
        return WEIR_OK;
    }
    stop_running(g, running);
    for (uint32_t i = running; i < g->num; i++)
        unwind(g->workers[i]);
    free_group(g);
    return err;
}

const struct weir_addr *weir_workers_bound(const struct weir_workers *g, size_t i)
{
    WEIR_ASSERT(i < g->num_addrs);
    return &g->bound[i];
}

void weir_workers_tenant_changed(struct weir_workers *g, struct weir_span name, bool names_changed)
{
    for (uint32_t i = 0; i < g->num; i++) {
        struct tenant_msg *m = malloc(sizeof(*m) + name.len);
        if (m == NULL) {
            atomic_store_explicit(&g->workers[i]->asked_forget, true, memory_order_release);
            atomic_store_explicit(&g->workers[i]->inbox_ready, true, memory_order_release);
            (void)uv_async_send(&g->workers[i]->wake);
            continue;
        }
        m->names_changed = names_changed;
        m->name_len = name.len;
        memcpy(m->name, name.at, name.len);
        if (weir_inbox_push(&g->workers[i]->inbox, &m->msg) < 0)
            free(m); /* full: the box remembers that something was lost */
        atomic_store_explicit(&g->workers[i]->inbox_ready, true, memory_order_release);
    }
}

void weir_workers_drain(struct weir_workers *g, uint64_t deadline_ms)
{
    for (uint32_t i = 0; i < g->num; i++) {
        atomic_store_explicit(&g->workers[i]->asked_deadline_ms, deadline_ms + 1,
                              memory_order_relaxed);
        (void)uv_async_send(&g->workers[i]->wake);
    }
}

bool weir_workers_drained(const struct weir_workers *g)
{
    return atomic_load_explicit(&g->num_drained, memory_order_relaxed) == g->num;
}

void weir_workers_stop(struct weir_workers **gp)
{
    struct weir_workers *g = *gp;
    if (g == NULL)
        return;
    stop_running(g, g->num);
    free_group(g);
    *gp = NULL;
}

const struct weir_metrics *const *weir_workers_metrics(const struct weir_workers *g,
                                                       size_t *ret_num)
{
    *ret_num = g->num;
    return g->blocks;
}

uint32_t weir_workers_num(const struct weir_workers *g)
{
    return g->num;
}
