/* SPDX-License-Identifier: Apache-2.0
 *
 * gdb_sample.c - structs with known values for tests/live/gdb_test.py, which stops this program in
 * stop_here and has gdb print them.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/strbuf.h"
#include "node/base/trace.h"
#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/loop.h"
#include "node/loop/origin_conn.h"
#include "node/loop/session/session_h1.h"
#include "tenants/tenant.h"

static struct weir_span text = WEIR_SPAN_LIT("a \"quoted\"\n");
static struct weir_span lost = { (const uint8_t *)8, 5 };
static struct weir_prefix v4_prefix, v6_prefix;
static struct weir_strbuf buffer = WEIR_STRBUF_ZERO;
static struct weir_list empty, broken, other;
static struct weir_tenant tenant;
static struct weir_upstream upstream;
static struct weir_endpoint endpoint;
static struct weir_exchange exchange;
static struct weir_session_h1 sessions[3];
static struct weir_origin_conn origin;
static struct weir_endpoint_pool endpoint_pool;
static struct weir_address_pool address_pool;
static struct weir_worker *worker;
static struct weir_workers group;

static struct weir_addr addr(const char *ip_and_port)
{
    struct weir_addr a;
    if (weir_addr_parse(weir_span_cstr(ip_and_port), &a) < 0)
        abort();
    return a;
}

__attribute__((noinline)) static void stop_here(void)
{
    __asm__ volatile("");
}

static void fill_base(void)
{
    if (weir_prefix_parse(WEIR_SPAN_LIT("10.0.0.0/8"), &v4_prefix) < 0 ||
        weir_prefix_parse(WEIR_SPAN_LIT("2001:db8::/32"), &v6_prefix) < 0)
        abort();
    weir_strbuf_puts(&buffer, "built");
    weir_list_init(&empty);
    weir_list_init(&broken);
    weir_list_init(&other);
    weir_list_append(&broken, &other);
    other.prev = &other;
    weir_trace_clock(77);
    for (uint64_t i = 0; i < 70; i++)
        weir_trace(i % 2 == 0 ? "even.event" : "odd.event", i, 1000 + i);
}

static void fill_pools(void)
{
    static const char to[] = "origin.example:8080";

    address_pool = (struct weir_address_pool){ .magic = WEIR_ADDRESS_POOL_MAGIC,
                                               .num_idle = 1,
                                               .num_open = 2,
                                               .max_idle = 8,
                                               .num_addrs = 2,
                                               .resolve_state = WEIR_RESOLVE_DONE,
                                               .text_len = sizeof(to) - 1 };
    memcpy(address_pool.text, to, sizeof(to) - 1);
    address_pool.addrs[0] = addr("192.0.2.7:8080");
    address_pool.addrs[1] = addr("[2001:db8::7]:8080");
    origin = (struct weir_origin_conn){ .magic = WEIR_ORIGIN_CONN_MAGIC,
                                        .state = WEIR_ORIGIN_CONN_BUSY,
                                        .address_pool = &address_pool,
                                        .conn = { .watch = { .fd = 31 } },
                                        .side = { .exchanges = 4, .x = &exchange } };
    weir_list_init(&address_pool.idle);
    weir_list_append(&address_pool.idle, &origin.park_link);
    endpoint_pool = (struct weir_endpoint_pool){ .magic = WEIR_ENDPOINT_POOL_MAGIC,
                                                 .address_pool = &address_pool,
                                                 .num_open = 2,
                                                 .num_waiting = 1,
                                                 .max = 16 };
    weir_list_init(&endpoint_pool.waiting);
    weir_list_append(&endpoint_pool.waiting, &exchange.wait_link);
}

static void fill_connections(void)
{
    static const enum weir_session_h1_state states[] = { WEIR_SESSION_H1_HEAD,
                                                         WEIR_SESSION_H1_EXCHANGE,
                                                         WEIR_SESSION_H1_LINGER };
    _Static_assert(WEIR_ARRAY_LEN(states) == WEIR_ARRAY_LEN(sessions), "a state for each");

    tenant.name = WEIR_SPAN_LIT("shop");
    upstream.name = WEIR_SPAN_LIT("web");
    endpoint.text = WEIR_SPAN_LIT("origin.example:8080");
    exchange = (struct weir_exchange){ .magic = WEIR_EXCHANGE_MAGIC,
                                       .phase = WEIR_PHASE_TRANSFER,
                                       .head_passed = true,
                                       .tenant = &tenant,
                                       .upstream = &upstream,
                                       .endpoint = &endpoint,
                                       .client = addr("192.0.2.1:50000"),
                                       .status = 200,
                                       .tries = 2,
                                       .passed_bytes = 4096 };
    weir_list_init(&worker->sessions);
    weir_list_init(&worker->origin_list);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sessions); i++) {
        sessions[i] = (struct weir_session_h1){ .s = { .magic = WEIR_SESSION_MAGIC,
                                                       .peer = addr("[2001:db8::1]:50000"),
                                                       .local = addr("192.0.2.9:443"),
                                                       .conn = { .watch = { .fd = 20 + (int)i } } },
                                                .state = (uint8_t)states[i] };
        weir_list_append(&worker->sessions, &sessions[i].s.link);
    }
    sessions[1].side.x = &exchange;
    sessions[2].s.magic = 0;
}

int main(void)
{
    worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return 1;
    worker->magic = WEIR_WORKER_MAGIC;
    worker->index = 3;
    worker->accepting = true;
    worker->num_sessions = 3;
    worker->group = &group;
    group.room.clients.max = 1000;
    fill_base();
    fill_connections();
    fill_pools();
    stop_here();
    weir_strbuf_deinit(&buffer);
    free(worker);
    /* Named for gdb alone. */
    return (int)(text.len + lost.len + v4_prefix.len + v6_prefix.len + endpoint_pool.max) == 0;
}
