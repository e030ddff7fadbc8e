/* SPDX-License-Identifier: Apache-2.0
 *
 * defaults.h - the values that apply when a tenant or node file gives none. The rules table prints
 * them; compile uses them.
 */
#ifndef WEIR_TENANTS_DEFAULTS_H
#define WEIR_TENANTS_DEFAULTS_H

#define WEIR_DEFAULT_CONNECT_TIMEOUT_MS       5000
#define WEIR_DEFAULT_RESPONSE_TIMEOUT_MS      60000
#define WEIR_DEFAULT_WEIGHT                   100
#define WEIR_DEFAULT_POOL_MIN_IDLE            0
#define WEIR_DEFAULT_POOL_MAX_IDLE            64
#define WEIR_DEFAULT_POOL_MAX                 256
#define WEIR_DEFAULT_POOL_IDLE_MS             60000
#define WEIR_DEFAULT_POOL_MAX_AGE_MS          600000
#define WEIR_DEFAULT_MAX_HEADER               32768
#define WEIR_DEFAULT_MAX_FIELDS               128
#define WEIR_DEFAULT_HTTP10_BUFFER            0
#define WEIR_DEFAULT_MAX_BODY                 0
#define WEIR_DEFAULT_HEAD_TIMEOUT_MS          10000
#define WEIR_DEFAULT_HANDSHAKE_TIMEOUT_MS     10000
#define WEIR_DEFAULT_BODY_TIMEOUT_MS          30000
#define WEIR_DEFAULT_UPSTREAM_BODY_TIMEOUT_MS 60000
#define WEIR_DEFAULT_MIN_RATE                 500
#define WEIR_DEFAULT_IDLE_TIMEOUT_MS          75000
#define WEIR_DEFAULT_CONNECTIONS              100000
#define WEIR_DEFAULT_MEMORY                   (1024ull << 20)
#define WEIR_DEFAULT_STORE                    (16ull << 30)
#define WEIR_DEFAULT_RESOLVER_TIMEOUT_MS      5000
#define WEIR_DEFAULT_LOOKUPS_PER_TENANT       4
#define WEIR_DEFAULT_DATA                     "/var/lib/weir"
#define WEIR_DEFAULT_CDN_ID                   "weir"
#define WEIR_DEFAULT_VIA                      "weir"
#define WEIR_DEFAULT_SOCKET                   "/run/weir/admin.sock"

#endif
