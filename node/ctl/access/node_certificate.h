/* SPDX-License-Identifier: Apache-2.0
 *
 * node_certificate.h - the certificate that admin.listen presents: the operator's (admin.tls), or
 * one that the node makes and signs itself, in its data folder with mode 0600.
 * Owner: whoever calls; blocks on files: at start, and on libuv's pool.
 * Limits: WEIR_NODE_CERTIFICATE_MAX bytes of a file.
 */
#ifndef WEIR_NODE_CTL_ACCESS_NODE_CERTIFICATE_H
#define WEIR_NODE_CTL_ACCESS_NODE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/strbuf.h"
#include "node/ctl/config.h"
#include "node/wire/pem/tls_pem.h"

#define WEIR_NODE_CERTIFICATE_FILE "admin.pem" /* in the data folder: certificate and key */
#define WEIR_NODE_CERTIFICATE_COPY "admin.crt" /* beside it: the certificate, for clients */
#define WEIR_NODE_CERTIFICATE_MAX  262144
#define WEIR_NODE_CERTIFICATE_LEAST_S                                                              \
    (30 * 86400) /* one of its own that ends sooner is replaced                                    \
                  */
#define WEIR_NODE_CERTIFICATE_PATH_MAX 4096

/**
 * Read it, or make it.
 *
 * @param wall_s  Unix time
 * @param why     on failure the reason is appended, without a line end
 * @return WEIR_OK | WEIR_EINVAL (a file is wrong, or others may read the key) | WEIR_EIO |
 * WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_node_certificate_load(const struct weir_config *c, int64_t wall_s,
                                                       struct weir_tls_pem *ret,
                                                       struct weir_strbuf *why);
/** The same without making one: WEIR_ENOTFOUND when the node would make it. */
WEIR_MUST_USE enum weir_err weir_node_certificate_check(const struct weir_config *c, int64_t wall_s,
                                                        struct weir_tls_pem *ret,
                                                        struct weir_strbuf *why);

#endif
