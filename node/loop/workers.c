/* SPDX-License-Identifier: Apache-2.0
 *
 * workers.c - the workers of a node as a group: start, drain, change, stop. All of it runs on the
 * control thread; what a worker does with it is in worker.c. Whatever can fail is done here before
 * a worker learns of it, so that a change happens on all workers or on none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/conn/sock.h"
#include "node/exchange/counters.h"
#include "node/loop/group.h"
#include "node/loop/listener.h"
#include "node/loop/loop.h"
#include "node/loop/session/session.h"
#include "node/loop/worker.h"

#define RESERVED_DESCRIPTORS 128
#define DESCRIPTORS_MAX      (1u << 24)

/* -- changes -- */

/** A change on its way to all workers. */
struct plan {
    struct weir_workers *g;
    const struct weir_workers_config *cfg;
    struct weir_workers_error *error;
    bool undrain;
    size_t num;                     /* of listeners: cfg->http, then cfg->https */
    bool stays[WEIR_LISTENERS_MAX]; /* the listener is open already */
    struct weir_addr bound[WEIR_LISTENERS_MAX];
    struct weir_worker_change *changes[WEIR_WORKERS_MAX];
};

static const struct weir_addr *asked_of(const struct plan *p, size_t i)
{
    return i < p->cfg->num_http ? &p->cfg->http[i] : &p->cfg->https[i - p->cfg->num_http];
}

static const struct weir_session_kind *kind_of(const struct plan *p, size_t i)
{
    return i < p->cfg->num_http ? &weir_session_h1 : &weir_session_tls;
}

static const char *field_of(const struct plan *p, size_t i)
{
    return i < p->cfg->num_http ? "listen.http" : "listen.https";
}

/* Whether listener i of the plan is listener k of the group. */
static bool is_same_listener(const struct plan *p, size_t i, size_t k)
{
    const struct weir_workers *g = p->g;
    return (i < p->cfg->num_http) == (k < g->num_clear) &&
           (weir_addr_eq(asked_of(p, i), &g->asked[k]) ||
            weir_addr_eq(asked_of(p, i), &g->bound[k]));
}

/* Whether a socket of ours holds the port, or may do so: then a search cannot find another
 * process's socket.
 */
static bool port_is_ours(const struct plan *p, const struct weir_addr *at)
{
    const struct weir_workers *g = p->g;
    if (p->undrain && atomic_load_explicit(&g->num_listening, memory_order_relaxed) > 0)
        return true;
    for (size_t i = 0; !g->draining && i < g->num_addrs; i++)
        if (weir_addr_overlaps(at, &g->bound[i]))
            return true;
    return false;
}

static bool some_listeners_leave(const struct weir_workers *g)
{
    return atomic_load_explicit(&g->num_listening, memory_order_relaxed) > g->num_addrs * g->num;
}

/* SO_REUSEPORT would silently share a port with another process of the same user. */
static enum weir_err check_free(const struct plan *p, size_t i)
{
    const struct weir_addr *at = &p->bound[i];
    if (at->port == 0 || port_is_ours(p, at) || !weir_sock_is_taken(at))
        return WEIR_OK;
    if (some_listeners_leave(p->g))
        return WEIR_EBUSY;
    *p->error = (struct weir_workers_error){
        .listener = *at, .field = field_of(p, i), .sys_errno = EADDRINUSE, .what = "bind"
    };
    return WEIR_EINUSE;
}

/* Which listeners stay. Port 0 stays where it was bound, and may be named by that port now. */
static enum weir_err plan_listeners(struct plan *p)
{
    const struct weir_workers *g = p->g;
    bool used[WEIR_LISTENERS_MAX] = { false };
    enum weir_err err = WEIR_OK;
    for (size_t i = 0; i < p->num; i++) {
        p->bound[i] = *asked_of(p, i);
        for (size_t k = 0; k < g->num_addrs && !p->stays[i]; k++) {
            if (used[k] || !is_same_listener(p, i, k))
                continue;
            used[k] = true;
            p->stays[i] = true;
            p->bound[i] = g->bound[k];
        }
        if (p->undrain)
            p->stays[i] = false;
    }
    for (size_t i = 0; i < p->num && err == WEIR_OK; i++)
        if (!p->stays[i])
            err = check_free(p, i);
    return err;
}

static enum weir_err change_trusted(struct weir_worker_change *change,
                                    const struct weir_workers_config *cfg)
{
    if (cfg->num_trusted == 0)
        return WEIR_OK;
    change->trusted = calloc(cfg->num_trusted, sizeof(*change->trusted));
    if (change->trusted == NULL)
        return WEIR_ENOMEM;
    memcpy(change->trusted, cfg->trusted, cfg->num_trusted * sizeof(*change->trusted));
    change->num_trusted = cfg->num_trusted;
    return WEIR_OK;
}

/* The change of one worker, its sockets included. */
static enum weir_err change_make(struct plan *p, struct weir_worker_change *change)
{
    change->order = p->g->order + 1;
    change->undrain = p->undrain;
    change->max_connections = p->cfg->max_connections;
    change->max_memory = p->cfg->max_memory;
    change->head_timeout_ms = p->cfg->head_timeout_ms;
    change->idle_timeout_ms = p->cfg->idle_timeout_ms;
    change->handshake_timeout_ms = p->cfg->handshake_timeout_ms;
    change->handshakes_per_address = p->cfg->handshakes_per_address;
    change->connections_per_address = p->cfg->connections_per_address;
    enum weir_err err = change_trusted(change, p->cfg);
    for (size_t i = 0; i < p->num && err == WEIR_OK; i++) {
        change->num_listeners = i + 1;
        change->stay[i] = p->bound[i];
        if (p->stays[i])
            continue;
        int sys_errno = 0;
        err = weir_listener_open(&p->bound[i], kind_of(p, i), &change->fresh[i], &sys_errno);
        if (err == WEIR_OK)
            p->bound[i] = change->fresh[i]->addr; /* the real port, for the workers to come */
        else if (err != WEIR_ENOMEM)
            *p->error = (struct weir_workers_error){ .listener = p->bound[i],
                                                     .field = field_of(p, i),
                                                     .sys_errno = sys_errno,
                                                     .what = "listen" };
    }
    return err;
}

static enum weir_err plan_make(struct plan *p)
{
    struct weir_workers *g = p->g;
    enum weir_err err = plan_listeners(p);
    for (uint32_t k = 0; k < g->num && err == WEIR_OK; k++) {
        p->changes[k] = calloc(1, sizeof(*p->changes[k]));
        err = p->changes[k] != NULL ? change_make(p, p->changes[k]) : WEIR_ENOMEM;
    }
    for (uint32_t k = 0; k < g->num && err < 0; k++)
        weir_worker_change_free(p->changes[k]);
    return err;
}

/* What all workers share of the limits. Descriptors that no limit of connections covers are for the
 * store, the logs and the admin API. */
static void set_room(struct weir_workers *g, const struct weir_workers_config *cfg)
{
    struct rlimit nofile = { .rlim_cur = 1024 };
    (void)getrlimit(RLIMIT_NOFILE, &nofile);
    uint64_t descriptors = nofile.rlim_cur > 2 * RESERVED_DESCRIPTORS
                               ? nofile.rlim_cur - RESERVED_DESCRIPTORS
                               : RESERVED_DESCRIPTORS;
    if (descriptors > DESCRIPTORS_MAX)
        descriptors = DESCRIPTORS_MAX;
    atomic_store_explicit(&g->room.origins.max, (uint32_t)descriptors, memory_order_relaxed);
    atomic_store_explicit(&g->room.clients.max, cfg->max_connections, memory_order_relaxed);
    weir_pipe_room_set(&g->pipes, cfg->max_memory);
}

/* From here on the change is a fact. */
static void plan_commit(struct plan *p)
{
    struct weir_workers *g = p->g;
    set_room(g, p->cfg);
    uint32_t num_fresh = 0;
    for (size_t i = 0; i < p->num; i++)
        num_fresh += p->stays[i] ? 0 : 1;
    atomic_fetch_add_explicit(&g->num_listening, num_fresh * g->num, memory_order_relaxed);
    for (size_t i = 0; i < p->num; i++)
        g->asked[i] = *asked_of(p, i);
    memcpy(g->bound, p->bound, p->num * sizeof(g->bound[0]));
    g->num_addrs = p->num;
    g->num_clear = p->cfg->num_http;
    g->order++;
    g->draining = false;
}

/* A worker that has not applied the last change cannot be given another one. */
static bool change_pending(const struct weir_workers *g)
{
    for (uint32_t i = 0; i < g->num; i++)
        if (atomic_load_explicit(&g->workers[i]->asked_change, memory_order_acquire) != NULL)
            return true;
    return false;
}

static enum weir_err change_all(struct weir_workers *g, const struct weir_workers_config *cfg,
                                bool undrain, struct weir_workers_error *ret_error)
{
    struct plan p = { .g = g,
                      .cfg = cfg,
                      .undrain = undrain,
                      .num = cfg->num_http + cfg->num_https,
                      .error = ret_error };
    *ret_error = (struct weir_workers_error){ .what = "memory" };
    if (change_pending(g))
        return WEIR_EBUSY;
    enum weir_err err = plan_make(&p);
    if (err < 0)
        return err;
    plan_commit(&p);
    for (uint32_t i = 0; i < g->num; i++) {
        atomic_store_explicit(&g->workers[i]->asked_change, p.changes[i], memory_order_release);
        (void)uv_async_send(&g->workers[i]->wake);
    }
    return WEIR_OK;
}

enum weir_err weir_workers_change(struct weir_workers *g, const struct weir_workers_config *cfg,
                                  struct weir_workers_error *ret_error)
{
    WEIR_ASSERT(cfg->num_http + cfg->num_https <= WEIR_LISTENERS_MAX);
    WEIR_ASSERT(!g->draining);
    enum weir_err err = change_all(g, cfg, false, ret_error);
    if (err < 0)
        return err;
    g->cfg.max_connections = cfg->max_connections;
    g->cfg.max_memory = cfg->max_memory;
    g->cfg.head_timeout_ms = cfg->head_timeout_ms;
    g->cfg.idle_timeout_ms = cfg->idle_timeout_ms;
    g->cfg.handshake_timeout_ms = cfg->handshake_timeout_ms;
    g->cfg.handshakes_per_address = cfg->handshakes_per_address;
    g->cfg.connections_per_address = cfg->connections_per_address;
    g->cfg.trusted = cfg->trusted;
    g->cfg.num_trusted = cfg->num_trusted;
    return WEIR_OK;
}

/* -- drain -- */

static void drain_send(struct weir_workers *g, uint64_t deadline_ms)
{
    uint64_t asked = (uint64_t)++g->order << 32 | (deadline_ms + 1);
    for (uint32_t i = 0; i < g->num; i++) {
        atomic_store_explicit(&g->workers[i]->asked_deadline, asked, memory_order_release);
        (void)uv_async_send(&g->workers[i]->wake);
    }
}

void weir_workers_drain(struct weir_workers *g, uint64_t deadline_ms)
{
    WEIR_ASSERT(deadline_ms < UINT32_MAX);
    g->draining = true;
    drain_send(g, deadline_ms);
}

enum weir_err weir_workers_undrain(struct weir_workers *g, struct weir_workers_error *ret_error)
{
    struct weir_workers_config cfg = g->cfg;
    WEIR_ASSERT(g->draining);
    cfg.http = g->asked;
    cfg.num_http = g->num_clear;
    cfg.https = g->asked + g->num_clear;
    cfg.num_https = g->num_addrs - g->num_clear;
    return change_all(g, &cfg, true, ret_error);
}

bool weir_workers_drained(const struct weir_workers *g)
{
    return !change_pending(g) &&
           atomic_load_explicit(&g->num_drained, memory_order_relaxed) == g->num;
}

void weir_workers_progress(const struct weir_workers *g, struct weir_workers_progress *ret)
{
    *ret = (struct weir_workers_progress){ 0 };
    for (uint32_t i = 0; i < g->num; i++) {
        struct weir_worker *w = g->workers[i];
        ret->connections += atomic_load_explicit(&w->left_connections, memory_order_relaxed);
        ret->requests += atomic_load_explicit(&w->left_requests, memory_order_relaxed);
        ret->cut += atomic_load_explicit(&w->num_cut, memory_order_relaxed);
    }
}

/* -- start and stop -- */

static void stop_running(struct weir_workers *g, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        atomic_store_explicit(&g->workers[i]->asked_stop, true, memory_order_relaxed);
        (void)uv_async_send(&g->workers[i]->wake);
    }
    for (uint32_t i = 0; i < num; i++) {
        (void)pthread_join(g->workers[i]->thread, NULL);
        weir_worker_drain_inbox(g->workers[i]);
    }
    /* Workers wake each other, so that none may lose its loop before the last one has ended. */
    for (uint32_t i = 0; i < num; i++)
        (void)uv_loop_close(&g->workers[i]->loop);
}

static void free_group(struct weir_workers *g)
{
    for (uint32_t i = 0; i < g->num; i++)
        weir_worker_free(g->workers[i]);
    weir_system_trust_deinit(&g->system_trust);
    weir_address_counts_free(&g->addresses);
    weir_address_rate_free(&g->handshakes);
    free(g->metrics);
    free(g);
}

static struct weir_workers *group_new(const struct weir_workers_config *cfg)
{
    struct weir_workers *g = aligned_alloc(_Alignof(struct weir_workers), sizeof(*g));
    if (g == NULL)
        return NULL;
    memset(g, 0, sizeof(*g));
    g->cfg = *cfg;
    weir_pipe_limit_read(&g->pipes.limit);
    g->metrics =
        aligned_alloc(_Alignof(struct weir_metrics), cfg->num_workers * sizeof(*g->metrics));
    g->addresses = weir_address_counts_new(cfg->max_connections, &cfg->marks->secret);
    g->handshakes = weir_address_rate_new(&cfg->marks->secret);
    if (g->metrics == NULL || g->addresses == NULL || g->handshakes == NULL) {
        free_group(g);
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
    w->magic = WEIR_WORKER_MAGIC;
    w->index = g->num;
    w->group = g;
    /* Also a half-made worker has a loop and an inbox to be closed in order. */
    g->workers[g->num++] = w;
    return weir_worker_init(w);
}

static enum weir_err start_threads(struct weir_workers *g, uint32_t *running,
                                   struct weir_workers_error *error)
{
    for (*running = 0; *running < g->num; ++*running) {
        struct weir_worker *w = g->workers[*running];
        int rc = pthread_create(&w->thread, NULL, weir_worker_run, w);
        if (rc != 0) {
            *error = (struct weir_workers_error){ .what = "thread", .sys_errno = rc };
            return WEIR_ENOMEM;
        }
    }
    return WEIR_OK;
}

/* The first settings are a change as the later ones are, before there is a thread. */
static enum weir_err give_first_change(struct weir_workers *g,
                                       const struct weir_workers_config *cfg,
                                       struct weir_workers_error *error)
{
    struct plan p = { .g = g, .cfg = cfg, .num = cfg->num_http + cfg->num_https, .error = error };
    enum weir_err err = plan_make(&p);
    if (err < 0)
        return err;
    plan_commit(&p);
    for (uint32_t i = 0; i < g->num; i++)
        weir_worker_apply(g->workers[i], p.changes[i]);
    for (uint32_t i = 0; i < g->num; i++)
        if (!weir_listeners_are_watched(g->workers[i]))
            return WEIR_EIO;
    return WEIR_OK;
}

enum weir_err weir_workers_start(const struct weir_workers_config *cfg, struct weir_workers **ret,
                                 struct weir_workers_error *ret_error)
{
    WEIR_ASSERT(cfg->num_workers >= 1 && cfg->num_workers <= WEIR_WORKERS_MAX);
    WEIR_ASSERT(cfg->num_http + cfg->num_https <= WEIR_LISTENERS_MAX);
    WEIR_ASSERT(cfg->num_https == 0 || cfg->secret != NULL);
    uint32_t running = 0;
    enum weir_err err = WEIR_OK;

    *ret_error = (struct weir_workers_error){ .what = "memory" };
    struct weir_workers *g = group_new(cfg);
    if (g == NULL)
        return WEIR_ENOMEM;
    for (uint32_t i = 0; i < cfg->num_workers && err == WEIR_OK; i++)
        err = add_worker(g, ret_error);
    if (err == WEIR_OK)
        err = give_first_change(g, cfg, ret_error);
    if (err == WEIR_OK)
        err = start_threads(g, &running, ret_error);
    if (err == WEIR_OK) {
        *ret = g;
        return WEIR_OK;
    }
    stop_running(g, running);
    for (uint32_t i = running; i < g->num; i++)
        weir_worker_unwind(g->workers[i]);
    free_group(g);
    return err;
}

const struct weir_addr *weir_workers_bound(const struct weir_workers *g, size_t i)
{
    WEIR_ASSERT(i < g->num_addrs);
    return &g->bound[i];
}

void weir_workers_changed(struct weir_workers *g, enum weir_class class, struct weir_span key,
                          bool names_changed)
{
    WEIR_ASSERT(class == WEIR_CLASS_TENANT || class == WEIR_CLASS_CERT);
    for (uint32_t i = 0; i < g->num; i++) {
        struct weir_change_msg *m = malloc(sizeof(*m) + key.len);
        if (m == NULL) {
            atomic_store_explicit(&g->workers[i]->asked_forget, true, memory_order_release);
            atomic_store_explicit(&g->workers[i]->inbox_ready, true, memory_order_release);
            (void)uv_async_send(&g->workers[i]->wake);
            continue;
        }
        m->class = class;
        m->names_changed = names_changed;
        m->key_len = key.len;
        memcpy(m->key, key.at, key.len);
        if (weir_inbox_push(&g->workers[i]->inbox, &m->msg) < 0)
            free(m); /* full: the box remembers that something was lost */
        atomic_store_explicit(&g->workers[i]->inbox_ready, true, memory_order_release);
    }
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

enum weir_err weir_workers_write_counters(const struct weir_workers *g, struct weir_strbuf *out)
{
    struct weir_counters *tenants[WEIR_WORKERS_MAX];
    struct weir_counters *endpoints[WEIR_WORKERS_MAX];
    uint64_t now_ms = weir_clock_mono_ns() / 1000000u;
    for (uint32_t i = 0; i < g->num; i++) {
        tenants[i] = g->workers[i]->tenant_counters;
        endpoints[i] = g->workers[i]->endpoint_counters;
    }
    enum weir_err err = weir_counters_write_tenants(tenants, g->num, out);
    if (err == WEIR_OK)
        err = weir_counters_write_endpoints(endpoints, g->num, g->cfg.marks, now_ms, out);
    return err;
}

uint32_t weir_workers_num(const struct weir_workers *g)
{
    return g->num;
}
