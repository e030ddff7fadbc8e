/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - the worker as its connections see it: pools, lists, limits, scratch space, time. Private
 * to node/loop. A downstream connection has at most one exchange, an exchange at most one origin
 * connection, an endpoint pool counts the connections that one tenant has to one endpoint:
 * session.h, exchange.h, origin_conn.h, endpoint_pool.h. Owner of everything here: one worker.
 */
#ifndef WEIR_NODE_LOOP_LOOP_H
#define WEIR_NODE_LOOP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "node/base/buffers/buffers.h"
#include "node/base/clock.h"
#include "node/base/hashmap.h"
#include "node/base/inbox.h"
#include "node/base/list.h"
#include "node/base/rng.h"
#include "node/base/timerwheel.h"
#include "node/conn/conn.h"
#include "node/conn/conn_env.h"
#include "node/conn/splice.h"
#include "node/exchange/counters.h"
#include "node/exchange/exchange_env.h"
#include "node/flow/local_response.h"
#include "node/flow/rewrite.h"
#include "node/loop/group.h"
#include "node/loop/room.h"
#include "node/loop/workers_config.h"

/* A head that is passed on, or a response of weir's own with a tenant's page. */
#define WEIR_OBUF_LEN   WEIR_REWRITE_RESPONSE_MAX
#define WEIR_RBUF_LEN   139264 /* one read takes a response of 128 KiB with its head */
#define WEIR_LINGER_MS  2000
#define WEIR_LINGER_MAX 1048576 /* bytes read and dropped after a last response */
#define WEIR_WATCH_AFTER_MS                                                                        \
    128 /* a new connection enters epoll when its first response takes longer than this */
#define WEIR_READ_BUDGET       8   /* reads of one connection in one turn */
#define WEIR_TURN_BUDGET       256 /* timers, and connections of a drain, handled in one turn */
#define WEIR_RESUME_BUDGET     32  /* connections that wait for memory, looked at once it is free */
#define WEIR_REFILL_BUDGET     16  /* connections dialled ahead of demand in one tick */
#define WEIR_POOL_WAIT_MAX     1024  /* exchanges that wait for one endpoint's connection */
#define WEIR_ENDPOINT_TEXT_MAX 264   /* a name, a colon, a port */
#define WEIR_RESOLVE_MS        30000 /* a name in use is asked for again after this at the latest */
#define WEIR_RESOLVE_AGAIN_MS  1000  /* the same when it could not be asked for */

_Static_assert(WEIR_OBUF_LEN >= WEIR_ERROR_PAGE_MAX + WEIR_LOCAL_RESPONSE_OWN_MAX,
               "a page of any tenant fits with its head");

#define WEIR_WORKER_MAGIC 0x574f524bu

struct weir_worker {
    uint32_t magic;
    uint32_t index;
    struct weir_workers *group;
    struct weir_workers_config cfg; /* as of the last change; owns cfg.trusted */
    uv_loop_t loop;
    uv_timer_t tick;
    uv_async_t wake;
    pthread_t thread;
    struct weir_inbox inbox;
    struct weir_inbox responses; /* of the node's resolver: weir_lookup.msg */
    uint32_t num_lookups;        /* that the resolver has, or are in `responses` */
    struct weir_wheel wheel;
    struct weir_turn now; /* of the current turn */
    struct weir_conn_env env;
    struct weir_exchange_env exchange;
    struct weir_metrics *metrics;
    struct weir_counters *tenant_counters, *endpoint_counters; /* owns */
    struct weir_access_writer *access;
    struct weir_access_time access_time;
    struct weir_access_local access_local;
    struct weir_tenant_cache *cache;
    struct weir_cert_cache *certs; /* NULL: the node has no secret, and no TLS */
    struct weir_failure_marks *marks;
    struct weir_rng rng;

    struct weir_list listeners; /* those that leave included */
    size_t num_listeners;
    bool accepting;
    bool draining;
    bool stopping;
    bool drained;
    bool cutting; /* the deadline of the drain has passed */
    bool has_loop;
    uint64_t drain_deadline_ms;
    uint64_t ticks;
    uint32_t order_applied;          /* of the last change: an older deadline is void */
    _Atomic uint64_t asked_deadline; /* control asks to drain: order << 32 | deadline in ms + 1 */
    /* What control wants to be taken over; the worker sets NULL when it has been. Both paired:
     * release here, acquire there. */
    _Atomic(struct weir_worker_change *) asked_change;
    /* The progress of a drain, for control; relaxed. */
    _Atomic uint32_t left_connections, left_requests, num_cut;
    _Atomic bool asked_stop;
    _Atomic bool inbox_ready;  /* the inbox holds something; read before each admission */
    _Atomic bool asked_forget; /* a message was lost: forget all compiled tenants */
    struct weir_room_worker room;
    struct weir_task unfinished; /* queued while work of a turn is left over */
    struct weir_task resume;     /* queued when memory has come free for those that wait */

    struct weir_worker_tls *tls; /* owns */
    struct weir_pool session_pool, origins, endpoint_pools, address_pools, dials;
    struct weir_buffers buffers;
    struct weir_list sessions;         /* of clients, but those in undrained: weir_session.link */
    struct weir_list undrained;        /* those that do not know yet that the worker drains */
    struct weir_list origin_list;      /* every origin connection */
    struct weir_list dial_list;        /* origin connections in the making */
    struct weir_list idle_lru;         /* parked origin connections, longest parked first */
    struct weir_list starved_origins;  /* wait for memory: memory_ladder.c */
    struct weir_list starved_sessions; /* the same */
    uint64_t memory_published;         /* of the metric */
    struct weir_list refill;           /* address pools that are below min_idle */
    struct weir_hashmap pools;         /* endpoint key -> weir_endpoint_pool */
    struct weir_hashmap address_pool_map; /* weir_address_pool.text -> itself */
    struct weir_hashmap origin_tls;       /* weir_upstream_tls.identity -> weir_origin_tls */
    size_t address_pools_at;
    size_t pools_at;               /* where the sweep goes on */
    uint64_t endpoint_pools_freed; /* a pointer to a pool is good until this changes */
    uint32_t num_sessions;
    uint32_t num_origins, num_parked, max_parked;

    struct weir_pipes pipes;   /* for splice */
    struct weir_h2_common *h2; /* owns; NULL until the first connection that speaks HTTP/2 */

    char date[32]; /* for responses, renewed by the tick */
    uint64_t date_s;
    struct weir_h1_head request_head;
    uint8_t rbuf[WEIR_RBUF_LEN];
    uint8_t obuf[WEIR_OBUF_LEN];
};

/** The worker of a connection of the data path: its environment is a part of the worker. */
static inline struct weir_worker *weir_worker_of(const struct weir_conn *c)
{
    struct weir_worker *w = weir_container_of(c->env, struct weir_worker, env);
    WEIR_ASSERT(w->magic == WEIR_WORKER_MAGIC);
    return w;
}

/**
 * Handle the messages in the inbox. A push is acknowledged once its message is in the inbox, so a
 * request that follows the acknowledgement must be served by the new configuration.
 */
void weir_worker_drain_inbox(struct weir_worker *w);
/** This worker's part of a number of the node: the parts of all workers add up to it. */
uint32_t weir_worker_share(const struct weir_worker *w, uint32_t n);
/** The configuration as this worker has it: of its start, or of the last change. */
const struct weir_workers_config *weir_worker_config(const struct weir_worker *w);
/** Start or stop accepting; stays off while the worker stops or is at its limit. */
void weir_worker_accepting(struct weir_worker *w, bool on);
#endif
