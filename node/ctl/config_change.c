/* SPDX-License-Identifier: Apache-2.0
 *
 * config_change.c - what differs between two node files, and which of it a running node takes over.
 * Values are compared as the node uses them, after defaults and environment.
 */
#include <string.h>

#include "node/ctl/config.h"

static const char *const key_names[] = {
    [WEIR_KEY_LISTEN_HTTP] = "listen.http",
    [WEIR_KEY_ADMIN_METRICS] = "admin.metrics",
    [WEIR_KEY_ADMIN_TLS] = "admin.tls",
    [WEIR_KEY_LIMITS_CONNECTIONS] = "limits.connections",
    [WEIR_KEY_LIMITS_MEMORY] = "limits.memory",
    [WEIR_KEY_LOG_ACCESS] = "log.access",
    [WEIR_KEY_LOG_LEVEL] = "log.level",
    [WEIR_KEY_TRUSTED_PROXIES] = "trusted_proxies",
    [WEIR_KEY_NAME] = "name",
    [WEIR_KEY_DATA] = "data",
    [WEIR_KEY_ADMIN_SOCKET] = "admin.socket",
    [WEIR_KEY_ADMIN_SOCKET_RO] = "admin.socket_ro",
    [WEIR_KEY_ADMIN_LISTEN] = "admin.listen",
    [WEIR_KEY_WORKERS] = "workers",
    [WEIR_KEY_CDN_ID] = "cdn_id",
    [WEIR_KEY_LIMITS_STORE] = "limits.store",
    [WEIR_KEY_CLIENTS_HEAD_TIMEOUT] = "clients.head_timeout",
    [WEIR_KEY_CLIENTS_IDLE_TIMEOUT] = "clients.idle_timeout",
    [WEIR_KEY_CLIENTS_PER_ADDRESS] = "clients.connections_per_address",
    [WEIR_KEY_CLIENTS_HANDSHAKE_TIMEOUT] = "clients.handshake_timeout",
    [WEIR_KEY_CLIENTS_HANDSHAKES] = "clients.handshakes_per_address",
    [WEIR_KEY_LISTEN_HTTPS] = "listen.https",
    [WEIR_KEY_RESOLVER] = "resolver",
};
_Static_assert(WEIR_ARRAY_LEN(key_names) == WEIR_KEY_COUNT, "a name for each key");
_Static_assert(WEIR_KEY_COUNT <= 32, "a mask holds all keys");

const char *weir_config_key_name(enum weir_config_key key)
{
    WEIR_ASSERT((size_t)key < WEIR_KEY_COUNT);
    return key_names[key];
}

bool weir_config_key_is_live(enum weir_config_key key)
{
    WEIR_ASSERT((size_t)key < WEIR_KEY_COUNT);
    return key < WEIR_KEY_FIRST_RESTART;
}

static bool texts_differ(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

static bool addrs_differ(bool has_a, const struct weir_addr *a, bool has_b,
                         const struct weir_addr *b)
{
    return has_a != has_b || (has_a && !weir_addr_eq(a, b));
}

/* The order counts, because listeners are named by it in the log. */
static bool listeners_differ(const struct weir_addr *a, size_t num_a, const struct weir_addr *b,
                             size_t num_b)
{
    if (num_a != num_b)
        return true;
    for (size_t i = 0; i < num_a; i++)
        if (!weir_addr_eq(&a[i], &b[i]))
            return true;
    return false;
}

static bool trusted_differ(const struct weir_config *a, const struct weir_config *b)
{
    if (a->num_trusted != b->num_trusted)
        return true;
    for (size_t i = 0; i < a->num_trusted; i++)
        if (a->trusted[i].len != b->trusted[i].len ||
            memcmp(a->trusted[i].ip, b->trusted[i].ip, sizeof(a->trusted[i].ip)) != 0)
            return true;
    return false;
}

static bool resolvers_differ(const struct weir_resolver_settings *a,
                             const struct weir_resolver_settings *b)
{
    if (a->num_servers != b->num_servers || a->timeout_ms != b->timeout_ms ||
        a->lookups_per_tenant != b->lookups_per_tenant)
        return true;
    for (size_t i = 0; i < a->num_servers; i++)
        if (!weir_addr_eq(&a->servers[i], &b->servers[i]))
            return true;
    return false;
}

static uint32_t bit_if(bool differs, enum weir_config_key key)
{
    return differs ? WEIR_KEY_BIT(key) : 0;
}

uint32_t weir_config_compare(const struct weir_config *a, const struct weir_config *b)
{
    return bit_if(listeners_differ(a->http, a->num_http, b->http, b->num_http),
                  WEIR_KEY_LISTEN_HTTP) |
           bit_if(listeners_differ(a->https, a->num_https, b->https, b->num_https),
                  WEIR_KEY_LISTEN_HTTPS) |
           bit_if(a->handshake_timeout_ms != b->handshake_timeout_ms,
                  WEIR_KEY_CLIENTS_HANDSHAKE_TIMEOUT) |
           bit_if(a->handshakes_per_address != b->handshakes_per_address,
                  WEIR_KEY_CLIENTS_HANDSHAKES) |
           bit_if(addrs_differ(a->has_metrics, &a->metrics, b->has_metrics, &b->metrics),
                  WEIR_KEY_ADMIN_METRICS) |
           bit_if(texts_differ(a->admin_certificate, b->admin_certificate) ||
                      texts_differ(a->admin_key, b->admin_key),
                  WEIR_KEY_ADMIN_TLS) |
           bit_if(a->max_connections != b->max_connections, WEIR_KEY_LIMITS_CONNECTIONS) |
           bit_if(a->max_memory != b->max_memory, WEIR_KEY_LIMITS_MEMORY) |
           bit_if(texts_differ(a->access, b->access), WEIR_KEY_LOG_ACCESS) |
           bit_if(a->level != b->level, WEIR_KEY_LOG_LEVEL) |
           bit_if(trusted_differ(a, b), WEIR_KEY_TRUSTED_PROXIES) |
           bit_if(texts_differ(a->name, b->name), WEIR_KEY_NAME) |
           bit_if(texts_differ(a->data, b->data), WEIR_KEY_DATA) |
           bit_if(texts_differ(a->socket, b->socket), WEIR_KEY_ADMIN_SOCKET) |
           bit_if(texts_differ(a->socket_ro, b->socket_ro), WEIR_KEY_ADMIN_SOCKET_RO) |
           bit_if(addrs_differ(a->has_admin, &a->admin, b->has_admin, &b->admin),
                  WEIR_KEY_ADMIN_LISTEN) |
           bit_if(a->num_workers != b->num_workers, WEIR_KEY_WORKERS) |
           bit_if(texts_differ(a->cdn_id, b->cdn_id), WEIR_KEY_CDN_ID) |
           bit_if(a->max_store != b->max_store, WEIR_KEY_LIMITS_STORE) |
           bit_if(resolvers_differ(&a->resolver, &b->resolver), WEIR_KEY_RESOLVER) |
           bit_if(a->head_timeout_ms != b->head_timeout_ms, WEIR_KEY_CLIENTS_HEAD_TIMEOUT) |
           bit_if(a->idle_timeout_ms != b->idle_timeout_ms, WEIR_KEY_CLIENTS_IDLE_TIMEOUT) |
           bit_if(a->connections_per_address != b->connections_per_address,
                  WEIR_KEY_CLIENTS_PER_ADDRESS);
}

void weir_config_take_live(struct weir_config *c, const struct weir_config *next)
{
    memcpy(c->http, next->http, sizeof(c->http));
    c->num_http = next->num_http;
    memcpy(c->https, next->https, sizeof(c->https));
    c->num_https = next->num_https;
    c->handshake_timeout_ms = next->handshake_timeout_ms;
    c->handshakes_per_address = next->handshakes_per_address;
    c->metrics = next->metrics;
    c->has_metrics = next->has_metrics;
    c->admin_certificate = next->admin_certificate;
    c->admin_key = next->admin_key;
    c->max_connections = next->max_connections;
    c->max_memory = next->max_memory;
    c->max_store = next->max_store;
    c->head_timeout_ms = next->head_timeout_ms;
    c->idle_timeout_ms = next->idle_timeout_ms;
    c->connections_per_address = next->connections_per_address;
    c->access = next->access;
    c->level = next->level;
    c->trusted = next->trusted;
    c->num_trusted = next->num_trusted;
    c->resolver = next->resolver;
}
