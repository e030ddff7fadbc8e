/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_env.h - what exchanges need of their surroundings, and the two sides of an exchange: a
 * client and an origin, each a small table of operations. A worker has one environment; a test has
 * one too, with sides of memory. Owner: one thread.
 *
 * An operation never calls back into the exchange that called it, except where its comment says so.
 */
#ifndef WEIR_NODE_EXCHANGE_EXCHANGE_ENV_H
#define WEIR_NODE_EXCHANGE_EXCHANGE_ENV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/buffers/buffers.h"
#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/metrics.h"
#include "node/base/pool.h"
#include "node/base/rng.h"
#include "node/base/span.h"
#include "node/base/timerwheel.h"
#include "node/exchange/counters.h"
#include "node/flow/access.h"
#include "node/flow/admit.h"
#include "node/flow/failure_marks.h"
#include "node/flow/forwarded.h"
#include "node/flow/rewrite.h"
#include "node/wire/h1.h"
#include "node/wire/tls.h"
#include "tenants/cache.h"

struct weir_exchange;
struct weir_client_side;
struct weir_origin_side;

/* -- the client's side -- */

/** How an exchange leaves its client. */
enum weir_client_end {
    WEIR_CLIENT_NEXT,   /* all is sent and read: the next request may come */
    WEIR_CLIENT_LAST,   /* all is sent: close in order */
    WEIR_CLIENT_LINGER, /* the same, but input may still come: it must not cause a reset */
    WEIR_CLIENT_CUT,    /* the response is incomplete: the client must see that */
    WEIR_CLIENT_GONE,   /* the client has all that it will get, or is gone: close */
};

/** The result of sending to a side. */
enum weir_sent {
    WEIR_SENT,           /* sent or queued */
    WEIR_SENT_LOST,      /* the peer takes no more bytes */
    WEIR_SENT_NO_MEMORY, /* there is no memory to queue what it did not take; part may be sent */
};

struct weir_client_ops {
    /** Its address, which stays as long as the side. */
    const struct weir_addr *(*peer)(const struct weir_client_side *c);
    /** Where it arrived; stays as long as the side. */
    const struct weir_addr *(*local)(const struct weir_client_side *c);
    /** The TLS that it came over; NULL: in clear. Stays as long as the side. The operation may be
     * NULL: never. */
    const struct weir_tls *(*tls)(const struct weir_client_side *c);
    /** Send or queue. Not WEIR_SENT: the exchange ends itself. */
    enum weir_sent (*send)(struct weir_client_side *c, const struct weir_pieces *p);
    /** NULL: HTTP/1, whose heads and framing are among the bytes that `send` gets. Otherwise the
     * side frames messages itself (HTTP/2): it gets each head of a response here, interim or final,
     * and by `send` the bytes of the body alone. Not WEIR_SENT: the exchange ends itself. */
    enum weir_sent (*head)(struct weir_client_side *c, const struct weir_response_fields *fields);
    /** With `head`: the response is whole; nothing of it follows. */
    void (*finish)(struct weir_client_side *c);
    /** Whether given bytes still wait for the client. When they are gone, the client's side calls
     * weir_exchange_flushed. */
    bool (*blocked)(const struct weir_client_side *c);
    /** Bytes that the client has taken so far, as far as can be known. May be costly. */
    uint64_t (*taken)(const struct weir_client_side *c);
    /** The exchange may want input now: offer it soon, not before this call returns. */
    void (*wake)(struct weir_client_side *c);
    /** The exchange is over; its memory is gone when this is called. */
    void (*end)(struct weir_client_side *c, enum weir_client_end how);
};

/** Embedded in a session's connection or stream. */
struct weir_client_side {
    const struct weir_client_ops *ops;
    struct weir_exchange *x;       /* NULL: no exchange; set by weir_exchange_begin */
    struct weir_origin_side *held; /* carries this client's identity; NULL: none does */
    bool eof;                      /* the client sends nothing more: no further request comes */
    uint32_t idle_timeout_ms;      /* of the tenant of the last request, once one was found */
};

/** Whether it frames messages itself, as HTTP/2 does. */
static inline bool weir_client_frames(const struct weir_client_side *c)
{
    return c->ops->head != NULL;
}

/* -- the origin's side -- */

struct weir_origin_ops {
    /** Send or queue. WEIR_SENT_LOST: a response may still be there to read, so the exchange sets
     * `broken` and goes on. */
    enum weir_sent (*send)(struct weir_origin_side *o, const struct weir_pieces *p);
    /** Whether given bytes still wait for the origin. When they are gone, the origin's side calls
     * weir_exchange_origin_drained. */
    bool (*blocked)(const struct weir_origin_side *o);
    /** The client has room again: go on to bring response bytes, not before this call returns. */
    void (*resume)(struct weir_origin_side *o);
    /** The exchange is done with it; x is NULL. @param reusable  false: close it */
    void (*release)(struct weir_origin_side *o, bool reusable);
    /** The exchange is done with it, but the connection carries the identity of its client: keep it
     * for the next exchange of o->held_by. When it ends, the origin's side clears both links. */
    void (*hold)(struct weir_origin_side *o);
    /** A held connection carries x: x->origin is set. @return false: its end, or bytes that nobody
     * asked for, wait there; it must be closed */
    bool (*take)(struct weir_origin_side *o, struct weir_exchange *x);
};

/** Embedded in an origin connection. */
struct weir_origin_side {
    const struct weir_origin_ops *ops;
    struct weir_exchange *x;          /* NULL: idle, parked or dialled ahead */
    struct weir_client_side *held_by; /* NULL unless held */
    uint64_t endpoint_key; /* weir_endpoint.key of the exchange that it served last; 0: none yet */
    bool *http10; /* of its endpoint: whether the last response was HTTP/1.0. NULL: not known */
    bool reused;  /* it had carried an exchange before this one */
    bool broken;  /* takes no more bytes; a response may be there to read */
    uint32_t exchanges; /* carried before */
};

/* -- the surroundings -- */

/** The result of acquire. */
enum weir_acquired {
    WEIR_ACQUIRED_READY,   /* x->origin is set and connected */
    WEIR_ACQUIRED_WAIT,    /* weir_exchange_connected or _failed will be called */
    WEIR_ACQUIRED_REFUSED, /* the endpoint cannot be reached at once */
    WEIR_ACQUIRED_FULL,    /* a limit of the pool, its queue, or descriptors is reached */
};

struct weir_exchange_env;

struct weir_exchange_env_ops {
    /** Get a connection to x->endpoint, or a place in the queue for one. Calls
     * weir_exchange_count_attempt of x. */
    enum weir_acquired (*acquire)(struct weir_exchange_env *env, struct weir_exchange *x);
    /** Give up waiting for one; legal when x does not wait. */
    void (*unwait)(struct weir_exchange_env *env, struct weir_exchange *x);
    /** Whether x waits because a limit is reached, which is no failure of the endpoint. */
    bool (*queued)(const struct weir_exchange_env *env, const struct weir_exchange *x);
    /** Write the access record. Called only while weir_exchange_records. */
    void (*record)(struct weir_exchange_env *env, const struct weir_access *a);
};

struct weir_exchange_env {
    const struct weir_exchange_env_ops *ops;
    struct weir_turn *now;
    struct weir_wheel *wheel;
    struct weir_buffers *buffers;
    struct weir_metrics *metrics;
    struct weir_counters *tenant_counters, *endpoint_counters;
    struct weir_tenant_cache *cache;
    struct weir_failure_marks *marks;
    struct weir_rng *rng;
    struct weir_prefixes trusted; /* whose statements about clients are believed */
    struct weir_span cdn_id;      /* of this cluster, for CDN-Loop; empty: loops go unseen */
    const _Atomic bool *records;  /* whether access records are wanted; relaxed. NULL: never */
    struct weir_access_time access_time;
    struct weir_access_local access_local;
    bool draining;    /* responses are the last of their connections */
    const char *date; /* for responses; WEIR_HTTP_DATE_LEN bytes */
    struct weir_pool exchanges;
    struct weir_pool heads; /* struct weir_h1_head, of incomplete heads of either side */
    struct weir_h1_head response_head;
    struct weir_response_fields fields; /* of a head for a side that frames messages itself */
    struct weir_admit admit;
    struct weir_pieces pieces;
    uint8_t *out; /* where heads and local responses are written; out_len bytes */
    size_t out_len;
};

static inline bool weir_exchange_records(const struct weir_exchange_env *env)
{
    return env->records != NULL && atomic_load_explicit(env->records, memory_order_relaxed);
}
/** Part of weir_exchange_stamp_ns: reads the monotonic clock and remembers it. */
uint64_t weir_exchange_read_clock_ns(struct weir_exchange_env *env);
/**
 * Monotonic time of a step of an exchange, for its record, the histograms and the log. Read once
 * for each event while access records are written (weir_turn.fine), otherwise once in a turn of the
 * loop: a read for each of the five steps of an exchange costs too much. Steps between which the
 * exchange waited for nothing have the same time.
 */
static inline uint64_t weir_exchange_stamp_ns(struct weir_exchange_env *env)
{
    return WEIR_LIKELY(env->now->ns != 0) ? env->now->ns : weir_exchange_read_clock_ns(env);
}

#endif
