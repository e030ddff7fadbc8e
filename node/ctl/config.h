/* SPDX-License-Identifier: Apache-2.0
 *
 * config.h - the node file as the node uses it: read, overridden by the environment, checked,
 * defaults filled in. Owner: control thread; read-only once it is read.   Ref:
 * proto/weir/v1/node.proto, tenants/defaults.h.
 */
#ifndef WEIR_NODE_CTL_CONFIG_H
#define WEIR_NODE_CTL_CONFIG_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "tenants/schema/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_CONFIG_BYTES_MAX 1048576 /* bytes of a node file */
#define WEIR_TRUSTED_MAX      1024    /* prefixes in trusted_proxies */

struct weir_config {
    struct weir_docs docs; /* owns the message that the texts below borrow from */
    const char *name;
    const char *data;
    struct weir_addr http[WEIR_LISTENERS_MAX];
    size_t num_http;
    const char *socket;
    struct weir_addr admin; /* of the plain health listener; valid when has_admin */
    bool has_admin;
    uint32_t num_workers;
    uint32_t max_connections;
    uint64_t max_memory;
    uint64_t max_store;
    struct weir_prefix *trusted; /* in the arena of docs */
    size_t num_trusted;
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
 * @param file  its name, for messages; NULL: there is no file, the environment alone speaks (text
 * is then empty)
 * @param env   as environ(7)
 * @param problems  one line for each thing that is wrong is appended
 * @return WEIR_OK | WEIR_EINVAL (see problems) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_config_read(struct weir_config *c, const char *file,
                                             struct weir_span text, const char *const *env,
                                             struct weir_strbuf *problems);

#endif
