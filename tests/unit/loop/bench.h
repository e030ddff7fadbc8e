/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.h - a worker without a thread, over the rig's store and origin: the test runs its loop,
 * turn by turn, and may look into it between two turns.
 */
#ifndef WEIR_TESTS_UNIT_LOOP_BENCH_H
#define WEIR_TESTS_UNIT_LOOP_BENCH_H

#include "node/loop/group.h"
#include "node/loop/listener.h"
#include "node/loop/loop.h"
#include "node/loop/session/session_h1.h"
#include "tenants/defaults.h"
#include "tests/unit/loop/loop_rig.h"

#define BENCH_PEERS (5 * WEIR_TURN_BUDGET + 17)
#define TURNS_MAX   4000

/** A worker without a thread. */
struct bench {
    struct rig *rig;
    struct weir_workers *g;
    struct weir_worker *w;
    struct weir_addr at;
    struct peer peers[BENCH_PEERS];
};

static inline void turn(struct bench *b)
{
    (void)uv_run(&b->w->loop, UV_RUN_NOWAIT);
}

static inline struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct weir_worker_change *change = calloc(1, sizeof(*change));
    int sys_errno = 0;
    assert_non_null(b);
    assert_non_null(change);
    for (int i = 0; i < BENCH_PEERS; i++)
        b->peers[i].fd = -1;
    b->rig = rig_new();
    b->g = aligned_alloc(_Alignof(struct weir_workers), sizeof(*b->g));
    assert_non_null(b->g);
    memset(b->g, 0, sizeof(*b->g));
    b->g->cfg = b->rig->cfg;
    b->g->metrics = aligned_alloc(_Alignof(struct weir_metrics), sizeof(*b->g->metrics));
    assert_non_null(b->g->metrics);
    memset(b->g->metrics, 0, sizeof(*b->g->metrics));
    weir_pipe_limit_read(&b->g->pipes.limit);
    weir_pipe_room_set(&b->g->pipes, 256u << 20);
    atomic_store(&b->g->room.clients.max, 2 * BENCH_PEERS);
    atomic_store(&b->g->room.origins.max, 100);
    b->g->addresses = weir_address_counts_new(BENCH_PEERS, &b->rig->cfg.marks->secret);
    assert_non_null(b->g->addresses);
    b->w = calloc(1, sizeof(*b->w));
    assert_non_null(b->w);
    b->w->magic = WEIR_WORKER_MAGIC;
    b->w->group = b->g;
    b->g->workers[b->g->num++] = b->w;
    assert_int_equal(weir_worker_init(b->w), WEIR_OK);
    change->order = 1;
    change->max_connections = 2 * BENCH_PEERS;
    change->max_memory = 256u << 20;
    change->head_timeout_ms = WEIR_DEFAULT_HEAD_TIMEOUT_MS;
    change->idle_timeout_ms = WEIR_DEFAULT_IDLE_TIMEOUT_MS;
    change->num_listeners = 1;
    assert_int_equal(
        weir_listener_open(&b->rig->listen[0], &weir_session_h1, &change->fresh[0], &sys_errno),
        WEIR_OK);
    b->at = change->fresh[0]->addr;
    atomic_store(&b->g->num_listening, 1);
    weir_worker_apply(b->w, change);
    return b;
}

static inline void bench_free(struct bench *b)
{
    for (int i = 0; i < BENCH_PEERS; i++)
        peer_close(&b->peers[i]);
    weir_worker_unwind(b->w);
    weir_worker_free(b->w);
    weir_address_counts_free(&b->g->addresses);
    free(b->g->metrics);
    free(b->g);
    rig_free(b->rig);
    free(b);
}

#endif
