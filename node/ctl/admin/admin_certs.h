/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_certs.h - private to the certificates of the admin API: what the writes (admin_certs.c) and
 * the reads (admin_cert_list.c) share. Owner: control.
 */
#ifndef WEIR_NODE_CTL_ADMIN_ADMIN_CERTS_H
#define WEIR_NODE_CTL_ADMIN_ADMIN_CERTS_H

#include <stdbool.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/ctl/admin/admin_api.h"
#include "sync/store/store.h"
#include "weir/v1/record.pb-c.h"
#include "weir/v1/tenant.pb-c.h"

/**
 * The tenant of a certificate. Inside begin/end.
 *
 * @param ret  in the arena; NULL: there is no such tenant, or it cannot be read
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_admin_cert_tenant(struct weir_store_reader *r,
                                                   struct weir_span name, struct weir_arena *arena,
                                                   const Weir__V1__Tenant **ret);
/** Whether a client of this tenant can get the certificate. */
bool weir_admin_cert_is_used(const Weir__V1__Tenant *t, const Weir__V1__Certificate *m);
/** The key of the record that the path names. @return false: responded with 404 */
WEIR_MUST_USE bool weir_admin_cert_path(struct weir_admin_request *r, uint8_t *key,
                                        size_t *ret_len);
/** Append DER as PEM. @param arena  holds its Base64: wipe it for a key */
void weir_admin_pem_write(struct weir_strbuf *out, const char *label, struct weir_span der,
                          struct weir_arena *arena);

#endif
