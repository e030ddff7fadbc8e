/* SPDX-License-Identifier: Apache-2.0
 * dial.c - see dial.h.
 */
#include "node/loop/dial.h"

#include <string.h>

#include "node/exchange/exchange.h"
#include "node/flow/dial_order.h"
#include "node/loop/address_pool.h"
#include "node/loop/origin_conn.h"
#include "node/loop/pools.h"

static struct weir_origin_conn *first_connect(const struct weir_dial *d)
{
    return weir_container_of(d->connects.next, struct weir_origin_conn, park_link);
}

static void take_news(struct weir_origin_conn *u, enum weir_origin_conn_news news);
static void dial_expired(struct weir_deadline *deadline);

/* -- life -- */

static struct weir_dial *dial_new(struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    struct weir_dial *d = weir_pool_get(&w->dials);
    if (d == NULL)
        return NULL;
    memset(d, 0, sizeof(*d));
    d->magic = WEIR_DIAL_MAGIC;
    d->worker = w;
    d->address_pool = p;
    weir_list_init(&d->connects);
    weir_timer_init(&d->deadline.timer);
    d->deadline.expired = dial_expired;
    weir_list_append(&w->dial_list, &d->link);
    d->num_addrs = p->num_addrs;
    weir_dial_order(p->addrs, p->num_addrs, p->has_good ? &p->good : NULL, d->addrs);
    return d;
}

static void close_connects(struct weir_dial *d)
{
    while (!weir_list_empty(&d->connects)) {
        struct weir_origin_conn *u = first_connect(d);
        weir_list_remove(&u->park_link);
        u->dial = NULL;
        weir_origin_conn_close(u);
    }
}

/* The connects that are left end with it. */
static void dial_free(struct weir_dial *d)
{
    struct weir_worker *w = d->worker;
    WEIR_ASSERT(d->magic == WEIR_DIAL_MAGIC);
    close_connects(d);
    if (d->x != NULL)
        d->x->dial = NULL;
    else
        d->address_pool->num_ahead--;
    weir_timer_stop(&w->wheel, &d->deadline.timer);
    weir_list_remove(&d->link);
    d->magic = 0;
    weir_pool_release(&w->dials, d);
}

/* The same for one that brought no connection. */
static void dial_abandon(struct weir_dial *d)
{
    struct weir_endpoint_pool *pool = d->pool;
    struct weir_address_pool *p = d->address_pool;
    dial_free(d);
    if (pool != NULL) {
        pool->num_open--;
        weir_endpoint_pool_poke(pool);
    }
    weir_address_pool_want_refill(p);
}

/* -- connects -- */

/* A connection was made: the dial is over. @return the connection, BUSY, with its exchange if there
 * is one */
static struct weir_origin_conn *dial_win(struct weir_dial *d, struct weir_origin_conn *u)
{
    struct weir_exchange *x = d->x;
    struct weir_endpoint_pool *pool = d->pool;
    weir_list_remove(&u->park_link);
    u->dial = NULL;
    d->address_pool->good = u->addr;
    d->address_pool->has_good = true;
    dial_free(d);
    weir_origin_conn_connected(u);
    u->ahead = x == NULL;
    if (x != NULL)
        weir_origin_conn_give(u, pool, x);
    return u;
}

static void forget_good(struct weir_dial *d, const struct weir_addr *addr)
{
    struct weir_address_pool *p = d->address_pool;
    if (p->has_good && weir_addr_eq(&p->good, addr))
        p->has_good = false;
}

/* When to look at the dial next. An exchange has its own limit for the whole.
 * @param head_start_ms  before the next address */
static void set_deadline(struct weir_dial *d, uint32_t head_start_ms)
{
    struct weir_worker *w = d->worker;
    bool more = d->num_begun < d->num_addrs;
    uint64_t at_ms = more ? w->now.ms + head_start_ms : d->until_ms;
    if (d->x == NULL && d->until_ms < at_ms)
        at_ms = d->until_ms;
    if (more || d->x == NULL)
        weir_timer_set(&w->wheel, &d->deadline.timer, at_ms);
}

/**
 * Begin the next connect.
 * @param ret_made  set when it succeeded at once, else NULL
 * @return WEIR_OK: one runs or is made | WEIR_EIO: none is left that could be begun | WEIR_ELIMIT,
 * WEIR_ENOMEM
 */
static enum weir_err begin_next(struct weir_dial *d, struct weir_origin_conn **ret_made)
{
    enum weir_err err = WEIR_EIO;
    *ret_made = NULL;
    while (d->num_begun < d->num_addrs && err == WEIR_EIO) {
        const struct weir_addr *addr = &d->addrs[d->num_begun++];
        struct weir_origin_conn *u = NULL;
        err = weir_origin_conn_open(d->address_pool, addr, &u);
        if (err == WEIR_OK) {
            u->dial = d;
            u->tell_dial = take_news;
            weir_list_append(&d->connects, &u->park_link);
            if (u->state == WEIR_ORIGIN_CONN_BUSY)
                *ret_made = u;
        } else if (err == WEIR_EIO) {
            forget_good(d, addr);
            if (d->num_begun < d->num_addrs)
                weir_metric_add(d->worker->metrics, WEIR_M_UPSTREAM_CONNECT_ERRORS, 1);
        } else {
            d->num_begun--; /* no fault of the address */
        }
    }
    if (err == WEIR_OK && *ret_made == NULL)
        set_deadline(d, WEIR_DIAL_HEAD_START_MS);
    return err;
}

/* An address whose connect was ended before it was over may be tried again, as the last one. */
static void put_back(struct weir_dial *d, const struct weir_addr *addr)
{
    uint16_t i = 0;
    while (i < d->num_begun && !weir_addr_eq(&d->addrs[i], addr))
        i++;
    WEIR_ASSERT(i < d->num_begun);
    struct weir_addr last = d->addrs[i];
    memmove(d->addrs + i, d->addrs + i + 1, (d->num_addrs - i - 1u) * sizeof(d->addrs[0]));
    d->addrs[d->num_addrs - 1u] = last;
    d->num_begun--;
}

/* A connection is there, and its handshake runs: the connects of others end, so that a server with
 * many addresses is not asked for as many handshakes. */
static void handle_reached(struct weir_dial *d, struct weir_origin_conn *u)
{
    struct weir_list *next;
    for (struct weir_list *l = d->connects.next; l != &d->connects; l = next) {
        struct weir_origin_conn *other = weir_container_of(l, struct weir_origin_conn, park_link);
        next = l->next;
        if (other == u || other->state != WEIR_ORIGIN_CONN_CONNECTING)
            continue;
        put_back(d, &other->addr);
        weir_list_remove(&other->park_link);
        other->dial = NULL;
        weir_origin_conn_close(other);
    }
    set_deadline(d, WEIR_DIAL_HANDSHAKE_MS);
}

static void finish_won(struct weir_origin_conn *u)
{
    if (u->side.x != NULL)
        weir_exchange_connected(u->side.x, &u->side);
    else
        weir_origin_conn_release(u, true);
}

/* @param err WEIR_EIO, or WEIR_ELIMIT or WEIR_ENOMEM: then the endpoint is not at fault */
static void finish_lost(struct weir_dial *d, enum weir_err err)
{
    struct weir_exchange *x = d->x;
    struct weir_address_pool *p = d->address_pool;
    const char *tls_fault = d->tls_fault;
    if (x == NULL) {
        dial_abandon(d);
        if (err == WEIR_EIO)
            weir_address_pool_ahead_failed(p, tls_fault);
        return;
    }
    dial_abandon(d);
    if (err == WEIR_EIO && tls_fault != NULL)
        weir_exchange_tls_failed(x, tls_fault);
    else if (err == WEIR_EIO)
        weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
    else
        weir_exchange_full(x);
}

/* Go on with the next address. With none left and none that still runs, the dial has failed. */
static void go_on(struct weir_dial *d)
{
    struct weir_origin_conn *made = NULL;
    enum weir_err err = begin_next(d, &made);
    if (made != NULL)
        finish_won(dial_win(d, made));
    else if (err < 0 && weir_list_empty(&d->connects))
        finish_lost(d, err);
    else if (err < 0)
        set_deadline(d, WEIR_DIAL_HEAD_START_MS); /* there may be room then; ahead of demand its
                                                     time still counts */
}

static void handle_lost(struct weir_dial *d, struct weir_origin_conn *u)
{
    d->tls_fault = u->handshake.fault;
    weir_list_remove(&u->park_link);
    u->dial = NULL;
    forget_good(d, &u->addr);
    weir_origin_conn_close(u);
    /* The failure of the last one is counted with that of the dial. */
    if (d->num_begun < d->num_addrs || !weir_list_empty(&d->connects))
        weir_metric_add(d->worker->metrics, WEIR_M_UPSTREAM_CONNECT_ERRORS, 1);
    go_on(d);
}

static void handle_starved(struct weir_dial *d, struct weir_origin_conn *u)
{
    weir_list_remove(&u->park_link);
    u->dial = NULL;
    weir_origin_conn_close(u);
    if (weir_list_empty(&d->connects))
        finish_lost(d, WEIR_ENOMEM);
}

static void take_news(struct weir_origin_conn *u, enum weir_origin_conn_news news)
{
    struct weir_dial *d = u->dial;
    WEIR_ASSERT(d != NULL && d->magic == WEIR_DIAL_MAGIC);
    switch (news) {
    case WEIR_ORIGIN_CONN_REACHED:
        handle_reached(d, u);
        return;
    case WEIR_ORIGIN_CONN_MADE:
        finish_won(dial_win(d, u));
        return;
    case WEIR_ORIGIN_CONN_LOST:
        handle_lost(d, u);
        return;
    case WEIR_ORIGIN_CONN_STARVED:
        handle_starved(d, u);
        return;
    }
    WEIR_UNREACHABLE();
}

static void dial_expired(struct weir_deadline *deadline)
{
    struct weir_dial *d = weir_container_of(deadline, struct weir_dial, deadline);
    WEIR_ASSERT(d->magic == WEIR_DIAL_MAGIC);
    if (d->x == NULL && d->worker->now.ms >= d->until_ms)
        finish_lost(d, WEIR_EIO);
    else
        go_on(d);
}

/* -- beginning and end -- */

enum weir_err weir_dial_begin(struct weir_endpoint_pool *p, struct weir_exchange *x)
{
    struct weir_origin_conn *made = NULL;
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL && x->dial == NULL);
    struct weir_dial *d = dial_new(p->address_pool);
    if (d == NULL)
        return WEIR_ENOMEM;
    d->x = x;
    d->pool = p;
    x->dial = d;
    x->reused = false;
    enum weir_err err = begin_next(d, &made);
    if (err < 0) {
        dial_free(d);
        return err;
    }
    p->num_open++;
    if (made != NULL)
        (void)dial_win(d, made);
    return WEIR_OK;
}

enum weir_err weir_dial_ahead(struct weir_address_pool *p)
{
    struct weir_origin_conn *made = NULL;
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    struct weir_dial *d = dial_new(p);
    if (d == NULL)
        return WEIR_ENOMEM;
    p->num_ahead++;
    d->until_ms = p->worker->now.ms + p->connect_timeout_ms;
    enum weir_err err = begin_next(d, &made);
    if (err < 0)
        dial_free(d);
    else if (made != NULL)
        finish_won(dial_win(d, made));
    return err;
}

void weir_dial_cancel(struct weir_dial *d)
{
    if (d == NULL)
        return;
    WEIR_ASSERT(d->magic == WEIR_DIAL_MAGIC);
    /* Whatever was tried first has not responded so far: the next dial begins with another one, if
     * there was time for it. */
    if (d->num_begun > 1)
        forget_good(d, &d->addrs[0]);
    dial_abandon(d);
}

void weir_dial_cancel_all(struct weir_worker *w)
{
    while (!weir_list_empty(&w->dial_list)) {
        struct weir_dial *d = weir_container_of(w->dial_list.next, struct weir_dial, link);
        WEIR_ASSERT(d->x == NULL);
        dial_abandon(d);
    }
}
