/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - the node file as the node uses it: read, overridden by the environment, checked,
 * defaults filled in. Owner: control thread; only a reload changes the live keys.   Ref:
 * proto/weir/v1/node.proto, tenants/defaults.h.
 */
#ifndef WEIR_NODE_CTL_CONFIG_H
#define WEIR_NODE_CTL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/ctl/resolver.h"
#include "tenants/schema/schema.h"

#define WEIR_CONFIG_BYTES_MAX 1048576 /* bytes of a node file */
#define WEIR_TRUSTED_MAX      1024    /* prefixes in trusted_proxies */

struct weir_config {
    struct weir_docs docs; /* owns the message that the texts below borrow from */
    const char *name;
    const char *data;
    struct weir_addr http[WEIR_LISTENERS_MAX];
    size_t num_http;
    struct weir_addr https[WEIR_LISTENERS_MAX];
    size_t num_https;
    const char *socket;
    const char *socket_ro;         /* NULL: none */
    struct weir_addr admin;        /* admin.listen: TLS and tokens; valid when has_admin */
    struct weir_addr metrics;      /* admin.metrics: health in clear; valid when has_metrics */
    const char *admin_certificate; /* admin.tls; NULL: the node makes its own */
    const char *admin_key;         /* with it */
    bool has_admin;
    bool has_metrics;
    uint32_t num_workers;
    uint32_t max_connections;
    uint64_t max_memory;
    uint64_t max_store;
    uint32_t head_timeout_ms; /* of clients that belong to no tenant yet, as the next two */
    uint32_t idle_timeout_ms;
    uint32_t connections_per_address; /* 0: no limit */
    uint32_t handshake_timeout_ms;
    uint32_t handshakes_per_address; /* a second; 0: no limit */
    struct weir_prefix *trusted;     /* in the arena of docs */
    size_t num_trusted;
    const char *cdn_id; /* in CDN-Loop: one for all nodes of a cluster */
    struct weir_resolver_settings resolver;
    const char *access;
    enum weir_log_level level;
};

/** The zero state: nothing was read. */
void weir_config_init(struct weir_config *c);
/** Frees what the texts of c borrow from. */
void weir_config_deinit(struct weir_config *c);

/**
 * Read a node file's text; everything that is wrong is reported at once.
 *
 * @param file  its name, for messages; NULL: there is no file, the environment alone counts (text
 * is then empty)
 * @param env   as environ(7)
 * @param problems  one line for each thing that is wrong is appended
 * @return WEIR_OK | WEIR_EINVAL (see problems) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_config_read(struct weir_config *c, const char *file,
                                             struct weir_span text, const char *const *env,
                                             struct weir_strbuf *problems);

/** The keys that a reload reads. */
enum weir_config_key {
    /* taken over while the node runs */
    WEIR_KEY_LISTEN_HTTP,
    WEIR_KEY_LISTEN_HTTPS,
    WEIR_KEY_ADMIN_METRICS,
    WEIR_KEY_ADMIN_TLS,
    WEIR_KEY_LIMITS_CONNECTIONS,
    WEIR_KEY_LIMITS_MEMORY,
    WEIR_KEY_LOG_ACCESS,
    WEIR_KEY_LOG_LEVEL,
    WEIR_KEY_TRUSTED_PROXIES,
    WEIR_KEY_LIMITS_STORE,
    WEIR_KEY_CLIENTS_HEAD_TIMEOUT,
    WEIR_KEY_CLIENTS_IDLE_TIMEOUT,
    WEIR_KEY_CLIENTS_PER_ADDRESS,
    WEIR_KEY_CLIENTS_HANDSHAKE_TIMEOUT,
    WEIR_KEY_CLIENTS_HANDSHAKES,
    WEIR_KEY_RESOLVER,
    /* in force after a restart only */
    WEIR_KEY_NAME,
    WEIR_KEY_DATA,
    WEIR_KEY_ADMIN_SOCKET,
    WEIR_KEY_ADMIN_SOCKET_RO,
    WEIR_KEY_ADMIN_LISTEN,
    WEIR_KEY_WORKERS,
    WEIR_KEY_CDN_ID,
    WEIR_KEY_COUNT
};
#define WEIR_KEY_FIRST_RESTART WEIR_KEY_NAME
#define WEIR_KEY_BIT(key)      (UINT32_C(1) << (key))

/** As the node file has it: "listen.http". */
const char *weir_config_key_name(enum weir_config_key key);
/** Whether a reload takes it over. */
bool weir_config_key_is_live(enum weir_config_key key);
/** The keys whose values differ, as WEIR_KEY_BIT of each; values are compared as the node uses
 * them, so that a default and the same value written out are equal. */
uint32_t weir_config_compare(const struct weir_config *a, const struct weir_config *b);
/** Set the live keys of c to those of `next`; c then borrows texts and prefixes from next->docs. */
void weir_config_take_live(struct weir_config *c, const struct weir_config *next);

#endif
