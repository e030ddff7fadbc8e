/* SPDX-License-Identifier: Apache-2.0
 *
 * resolver.h - the node's resolver of endpoints' names: c-ares on the control loop, one cache for
 * all workers (name_cache.h). /etc/hosts and /etc/resolv.conf count, and are read again when they
 * change; the node file may name other servers. Owner: control.   Limits: WEIR_RESOLVER_SLOTS
 * look-ups at once. Ref: RFC 1035, RFC 6724 (order of addresses).
 */
#ifndef WEIR_NODE_CTL_RESOLVER_H
#define WEIR_NODE_CTL_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/metrics.h"
#include "node/loop/resolve.h"

#define WEIR_RESOLVER_SLOTS 128

struct weir_resolver;

struct weir_resolver_settings {
    struct weir_addr servers[WEIR_NAME_SERVERS]; /* each with its port */
    size_t num_servers;                          /* 0: those of /etc/resolv.conf */
    uint32_t timeout_ms;         /* of one look-up, all servers and tries together; 1.. */
    uint32_t lookups_per_tenant; /* 1.. */
};

/**
 * @param metrics borrowed until free; of the control thread
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO (no random numbers, or c-ares cannot begin)
 */
WEIR_MUST_USE enum weir_err weir_resolver_new(uv_loop_t *loop,
                                              const struct weir_resolver_settings *settings,
                                              struct weir_metrics *metrics,
                                              struct weir_resolver **ret);
/** Other settings from the next look-up on. */
void weir_resolver_change(struct weir_resolver *r, const struct weir_resolver_settings *settings);
/** For the workers; valid until weir_resolver_free. */
struct weir_resolve weir_resolver_face(struct weir_resolver *r);
/** End every look-up at once and give it back, refuse new ones, close the handles; the loop must
 * run until they are closed. Legal twice. */
void weir_resolver_stop(struct weir_resolver *r);
/** It must have stopped, and nobody may ask it any more (contract). NULL is legal; sets *r NULL. */
void weir_resolver_free(struct weir_resolver **r);

#endif
