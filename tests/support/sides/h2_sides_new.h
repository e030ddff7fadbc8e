/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_sides_new.h - makes an HTTP/2 session of memory, and checks at the end that nothing is left.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_NEW_H
#define WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_NEW_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "node/base/log.h"
#include "tests/support/sides/h2_sides_steps.h"

/** A worker without a client. */
static inline struct h2_sides *h2_sides_new(void)
{
    static const struct weir_access_log *none = NULL;
    struct h2_sides *t = calloc(1, sizeof(*t));
    MUST(t != NULL && none == NULL);
    weir_log_init(WEIR_LOG_ERROR, getenv("WEIR_TEST_LOG") ? 2 : open("/dev/null", O_WRONLY));
    kit_init_quick(&t->kit);
    t->kit.cfg.index = weir_tenant_index;
    kit_open(&t->kit);
    sites_put_small(&t->kit, "shop", "shop.example", "192.0.2.80:80");
    struct weir_workers *g = t->group = calloc(1, sizeof(*g));
    MUST(g != NULL);
    g->cfg = (struct weir_workers_config){ .num_workers = 1,
                                           .max_connections = 1000,
                                           .max_memory = 64u << 20,
                                           .head_timeout_ms = 10000,
                                           .idle_timeout_ms = 75000,
                                           .store = t->kit.s };
    g->cfg.marks = weir_failure_marks_new();
    g->metrics = aligned_alloc(64, sizeof(*g->metrics));
    MUST(g->cfg.marks != NULL && g->metrics != NULL);
    memset(g->metrics, 0, sizeof(*g->metrics));
    atomic_store(&g->room.origins.max, 1000);
    atomic_store(&g->room.clients.max, 1000);
    struct weir_worker *w = t->w = calloc(1, (sizeof(*w) + 63) / 64 * 64);
    MUST(w != NULL);
    w->magic = WEIR_WORKER_MAGIC;
    w->group = g;
    g->workers[g->num++] = w;
    MUST(weir_worker_init(w) == WEIR_OK);
    w->exchange.ops = &h2_sides_env_ops;
    (void)uv_timer_stop(&w->tick);
    h2_sides_now = t;
    return t;
}

/** The worker's time goes on from where the test left it. */
static inline void h2_sides_turn(struct h2_sides *t)
{
    uint64_t ms = t->w->now.ms;
    (void)uv_run(&t->w->loop, UV_RUN_NOWAIT);
    t->w->now.ms = ms;
    t->w->now.ns = ms * 1000000;
}

/** A session that was opened on any descriptor becomes the client's. */
static inline void h2_sides_adopt(struct h2_sides *t, struct weir_session *s)
{
    struct weir_worker *w = t->w;
    struct bytes in = t->l.in;
    in.len = 0;
    memset(&t->l, 0, offsetof(struct h2_layer, seen));
    t->l.layer.ops = &h2_layer_ops;
    t->l.in = in;
    t->l.room = H2_SIDES_ALL;
    h2_seen_init(&t->l.seen);
    t->acquire = H2_ACQUIRE_READY;
    t->num_acquired = 0;
    t->s = s;
    s->magic = WEIR_SESSION_MAGIC;
    MUST(weir_places_take(&w->group->room.clients));
    MUST(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.1:4711"), &s->peer) == WEIR_OK);
    MUST(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.9:443"), &s->local) == WEIR_OK);
    weir_list_init(&s->idle.link);
    weir_list_append(&w->sessions, &s->link);
    w->num_sessions++;
    weir_conn_set_layer(&s->conn, &t->l.layer);
    weir_session_h2.begin(s);
    h2_sides_run(t);
}

/** A new client. */
static inline void h2_sides_connect(struct h2_sides *t)
{
    int fds[2];
    MUST(t->s == NULL);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    close(fds[1]);
    struct weir_session *s = weir_session_h2.open(t->w, fds[0]);
    MUST(s != NULL);
    h2_sides_adopt(t, s);
}

/** The client leaves if it is still there; then nothing may be in use. */
static inline void h2_sides_disconnect(struct h2_sides *t)
{
    struct weir_worker *w = t->w;
    t->l.failed = true;
    h2_sides_event(t, WEIR_CONN_FAILED);
    MUST(t->s == NULL);
    if (t->l.seen.inflater != NULL)
        h2_seen_deinit(&t->l.seen);
    h2_sides_turn(t);
    h2_sides_run(t);
    MUST(w->num_sessions == 0 && w->session_pool.num_used == 0);
    MUST(w->exchange.exchanges.num_used == 0 && w->exchange.heads.num_used == 0);
    MUST(w->buffers.small.num_used == 0 && w->buffers.large.num_used == 0);
    MUST(w->buffers.budget.used == 0);
    MUST(w->h2 == NULL || (w->h2->links.num_used == 0 && w->h2->streams.num_used == 0));
    MUST(w->wheel.num_armed == 0);
    for (size_t i = 0; i < H2_SIDES_ORIGINS; i++)
        MUST(!t->origins[i].used);
}

static inline void h2_sides_free(struct h2_sides *t)
{
    weir_worker_unwind(t->w);
    weir_worker_free(t->w);
    weir_failure_marks_free(&t->group->cfg.marks);
    free(t->group->metrics);
    free(t->group);
    sites_close(&t->kit);
    for (size_t i = 0; i < H2_SIDES_ORIGINS; i++)
        free(t->origins[i].gave.at);
    free(t->l.in.at);
    free(t);
    h2_sides_now = NULL;
}

#endif
