/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_log.c - see conn_log.h. The logger escapes outside bytes; values that may hold spaces are in
 * quotes. Paths are shown without their query, which may hold secrets.
 */
#include "node/loop/conn_log.h"

#include "node/base/log_filter.h"
#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/origin_conn.h"
#include "node/loop/session.h"

/* The arguments of "%.*s". */
#define TEXT(s) (int)(s).len, (const char *)(s).at

struct addr_text {
    char at[WEIR_ADDR_TEXT_MAX];
};

static struct addr_text addr_text(const struct weir_addr *a)
{
    struct addr_text t;
    (void)weir_addr_text(a, t.at);
    return t;
}

static struct weir_span tenant_of(const struct weir_exchange *x)
{
    return x != NULL && x->tenant != NULL ? x->tenant->name : WEIR_SPAN_EMPTY;
}

/* -- debug -- */

void weir_conn_log_accepted(const struct weir_session *s)
{
    log_debug_for(WEIR_SPAN_EMPTY, &s->peer, "connection.accepted", "client=%s local=%s worker=%u",
                  addr_text(&s->peer).at, addr_text(&s->local).at, s->worker->index);
}

void weir_conn_log_closed(const struct weir_session *s, bool reset)
{
    log_debug_for(WEIR_SPAN_EMPTY, &s->peer, "connection.closed",
                  "client=%s reason=%s reset=%d requests=%u received=%llu sent=%llu",
                  addr_text(&s->peer).at, weir_close_reason_name(s->reason), reset, s->requests,
                  (unsigned long long)s->conn.received, (unsigned long long)s->conn.given);
}

/* -- trace -- */

void weir_conn_log_session_move(const struct weir_session *s, const struct weir_exchange *x,
                                const char *from, const char *to)
{
    log_trace_for(tenant_of(x), &s->peer, "connection.move", "client=%s from=%s to=%s",
                  addr_text(&s->peer).at, from, to);
}

void weir_conn_log_origin_move(const struct weir_origin_conn *u, const char *from, const char *to)
{
    const struct weir_addr *client = u->side.x != NULL ? &u->side.x->client : NULL;
    const struct weir_address_pool *p = u->address_pool;
    log_trace_for(tenant_of(u->side.x), client, "origin.move", "address=%.*s fd=%d from=%s to=%s",
                  (int)p->text_len, (const char *)p->text, u->conn.watch.fd, from, to);
}

void weir_conn_log_address_move(const struct weir_address_pool *p, const char *from, const char *to)
{
    log_trace_for(WEIR_SPAN_EMPTY, NULL, "address.move", "address=%.*s from=%s to=%s",
                  (int)p->text_len, (const char *)p->text, from, to);
}
