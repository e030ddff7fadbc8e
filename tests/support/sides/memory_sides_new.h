/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_new.h - makes sides of memory with one tenant in a stand-in for the store, and
 * checks at the end that nothing is left behind. Link it with weir_exchange only: there is no loop.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_NEW_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_NEW_H

#include <fcntl.h>
#include <stdlib.h>

#include "node/base/log.h"
#include "tests/support/sides/memory_sides_steps.h"

/* Limits of the tenant, in ms and bytes. */
#define SIDES_CONNECT_MS  1000
#define SIDES_RESPONSE_MS 2000
#define SIDES_BODY_MS     3000
#define SIDES_MIN_RATE    100 /* a second */
#define SIDES_MAX_BODY    2000

static inline Weir__V1__Upstream *add_sides_upstream(struct stored *s, const char *name)
{
    Weir__V1__Upstream *u = stored_upstream(s, name);
    u->has_connect_timeout = u->has_response_timeout = 1;
    u->connect_timeout = SIDES_CONNECT_MS;
    u->response_timeout = SIDES_RESPONSE_MS;
    u->has_body_timeout = 1;
    u->body_timeout = SIDES_BODY_MS;
    return u;
}

/** Host shop.example: "/" leads to an upstream of two endpoints, "/one" to one of one endpoint.
 */
static inline void put_sides_tenant(struct weir_store *store)
{
    struct stored s;
    stored_init(&s, "shop");
    stored_host(&s, "shop.example");
    Weir__V1__Upstream *two = add_sides_upstream(&s, "two");
    stored_endpoint(&s, two, "10.0.0.1:80");
    stored_endpoint(&s, two, "10.0.0.2:80");
    stored_endpoint(&s, add_sides_upstream(&s, "one"), "10.0.0.3:80");
    stored_route(&s, "/", "two");
    stored_route(&s, "/one", "one");
    Weir__V1__Http *limits = stored_new(&s, sizeof(*limits));
    weir__v1__http__init(limits);
    limits->has_max_body = limits->has_body_timeout = limits->has_min_rate = 1;
    limits->max_body = SIDES_MAX_BODY;
    limits->body_timeout = SIDES_BODY_MS;
    limits->min_rate = SIDES_MIN_RATE;
    s.t.http = limits;
    put_value(store, "shop", stored_pack(&s));
    stored_deinit(&s);
    own(store, WEIR_INDEX_HOST, "shop.example", "shop");
}

static inline void init_sides_env(struct sides *s)
{
    static const struct weir_tenant_seeds seeds = { .hosts = 99, .endpoints = { { 3, 4 } } };
    static const _Atomic bool records = true;
    struct weir_exchange_env *env = &s->env;
    env->ops = &memory_env_ops;
    env->now = &s->now;
    env->wheel = &s->wheel;
    env->buffers = &s->buffers;
    env->metrics = &s->metrics;
    env->rng = &s->rng;
    env->records = &records;
    env->date = s->date;
    env->out = s->out;
    env->out_len = sizeof(s->out);
    env->tenant_counters = weir_counters_new(80, 1);
    env->endpoint_counters = weir_counters_new(512, 2);
    env->marks = weir_failure_marks_new();
    MUST(env->tenant_counters != NULL && env->endpoint_counters != NULL && env->marks != NULL);
    MUST(weir_tenant_cache_new(&s->store, &seeds, 16, &s->metrics, &env->cache) == WEIR_OK);
    weir_pool_init(&env->exchanges, sizeof(struct weir_exchange), 4, 64);
    weir_pool_init(&env->heads, sizeof(struct weir_h1_head), 4, 64);
    weir_buffers_init(&s->buffers, 16u << 20);
}

/** A new client: what the last one did is forgotten; the origin connections stay as they are. */
static inline void next_client(struct sides *s)
{
    struct memory_client *c = &s->client;
    MUST(c->side.x == NULL);
    weir_exchange_drop_held(&c->side);
    struct bytes gave = c->gave, out = c->out, source = c->source;
    gave.len = out.len = source.len = 0;
    *c = (struct memory_client){ .sides = s,
                                 .gave = gave,
                                 .out = out,
                                 .source = source,
                                 .room = MEMORY_ALL,
                                 .side = { .ops = &memory_client_ops,
                                           .idle_timeout_ms = WEIR_DEFAULT_IDLE_TIMEOUT_MS } };
}

/** The tenant, if it is in the cache or can be. */
static inline struct weir_tenant *sides_tenant(struct sides *s)
{
    struct weir_tenant *t = NULL;
    struct weir_span host = WEIR_SPAN_LIT("shop.example");
    return weir_tenant_cache_find(s->env.cache, &s->local, host, &t) == WEIR_OK ? t : NULL;
}

/** Forget the origin connections that no exchange uses, what acquire was to do, marks and turns. */
static inline void forget_origins(struct sides *s)
{
    struct weir_tenant *t = sides_tenant(s);
    for (uint16_t i = 0; t != NULL && i < t->num_upstreams; i++)
        for (uint16_t k = 0; k < t->upstreams[i].num_endpoints; k++)
            t->upstreams[i].endpoints[k].rr_current = 0;
    memset((void *)s->env.marks->slots, 0, sizeof(s->env.marks->slots));
    for (size_t i = 0; i < MEMORY_ORIGINS; i++) {
        struct memory_origin *o = &s->origins[i];
        MUST(o->side.x == NULL);
        o->state = MEMORY_ORIGIN_NONE;
        o->piece = 0;
    }
    s->acquired = 0;
    s->http10 = false;
    s->num_acquires = s->acquire_at = 0;
}

/* Failures are what these tests are about; WEIR_TEST_LOG shows them. */
static inline int quiet_log(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = getenv("WEIR_TEST_LOG") ? 2 : open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd;
}

/** With a client that has not sent anything. */
static inline struct sides *sides_new(void)
{
    struct sides *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
    MUST(s != NULL);
    memset(s, 0, sizeof(*s));
    weir_log_init(WEIR_LOG_ERROR, quiet_log());
    s->now.ms = 1000000;
    s->now.ns = s->now.ms * 1000000;
    weir_wheel_init(&s->wheel, s->now.ms);
    weir_rng_init(&s->rng, 7);
    weir_clock_http_date(1795233351000, s->date);
    MUST(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.1:4711"), &s->peer) == WEIR_OK);
    MUST(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.9:80"), &s->local) == WEIR_OK);
    init_sides_env(s);
    put_sides_tenant(&s->store);
    for (size_t i = 0; i < MEMORY_ORIGINS; i++) {
        struct memory_origin *o = &s->origins[i];
        o->side.ops = &memory_origin_ops;
        o->sides = s;
        o->side.http10 = &s->http10;
        bytes_reserve(&o->got, MEMORY_BYTES);
        bytes_reserve(&o->gave, MEMORY_BYTES);
    }
    bytes_reserve(&s->client.gave, MEMORY_BYTES);
    bytes_reserve(&s->client.out, MEMORY_BYTES);
    bytes_reserve(&s->client.source, MEMORY_BYTES);
    next_client(s);
    return s;
}

/** The client leaves if it is still there; then nothing may be in use. */
static inline void check_nothing_left(struct sides *s)
{
    if (!s->client.ended)
        client_is_lost(s);
    MUST(s->client.side.x == NULL);
    for (size_t i = 0; i < MEMORY_ORIGINS; i++)
        MUST(s->origins[i].state == MEMORY_ORIGIN_NONE ||
             s->origins[i].state == MEMORY_ORIGIN_PARKED);
    MUST(s->env.exchanges.num_used == 0 && s->env.heads.num_used == 0);
    MUST(s->buffers.small.num_used == 0 && s->buffers.large.num_used == 0);
    MUST(s->wheel.num_armed == 0);
    struct weir_tenant *t = sides_tenant(s);
    struct weir_counter_hint hint = { t ? t->counters_row : 0, t ? t->counters_version : 0 };
    struct weir_counter_row *row = weir_counters_hinted(s->env.tenant_counters, &hint, s->now.ms);
    MUST(row == NULL || (row->pins == 0 && row->cells[WEIR_TENANT_OPEN] == 0));
}

/** Check that nothing is left, and free. */
static inline void sides_free(struct sides *s)
{
    check_nothing_left(s);
    for (size_t i = 0; i < MEMORY_ORIGINS; i++) {
        bytes_free(&s->origins[i].got);
        bytes_free(&s->origins[i].gave);
    }
    bytes_free(&s->client.gave);
    bytes_free(&s->client.out);
    bytes_free(&s->client.source);
    weir_tenant_cache_free(&s->env.cache);
    weir_counters_free(&s->env.tenant_counters); /* no row is pinned */
    weir_counters_free(&s->env.endpoint_counters);
    weir_failure_marks_free(&s->env.marks);
    weir_pool_deinit(&s->env.exchanges);
    weir_pool_deinit(&s->env.heads);
    weir_buffers_deinit(&s->buffers);
    free(s);
}

#endif
