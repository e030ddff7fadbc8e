/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_record.h - the record of a certificate: its key, and the rows of WEIR_INDEX_CERT by which a
 * worker finds it. A row is a tenant and a name; its order says which certificate of that name
 * serves: linked ones first, then by the kind of key, then the newest. Pure.   Limits:
 * WEIR_CERT_NAMES_MAX names and links.
 */
#ifndef WEIR_TENANTS_CERT_RECORD_H
#define WEIR_TENANTS_CERT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "node/wire/tls_identity.h"
#include "sync/store/store.h"
#include "weir/v1/record.pb-c.h"

#define WEIR_CERT_ID_LEN  32 /* hex digits */
#define WEIR_CERT_KEY_MAX (WEIR_TENANT_NAME_MAX + 1 + WEIR_CERT_ID_LEN)

/** The name of a certificate: of equal leaves equal, whoever adds them. */
void weir_cert_id(struct weir_span leaf_der, char ret[WEIR_CERT_ID_LEN + 1]);
/** TENANT "/" ID. Both are in range (contract). @return its length */
size_t weir_cert_key(struct weir_span tenant, struct weir_span id, uint8_t ret[WEIR_CERT_KEY_MAX]);
/** @return false: no such key */
WEIR_MUST_USE bool weir_cert_key_split(struct weir_span key, struct weir_span *ret_tenant,
                                       struct weir_span *ret_id);

/**
 * Unpack a record's value into `arena`, made as for weir_stored_tenant_unpack; the bytes may be
 * hostile.
 * @param ret lives as long as the arena. It has 1..WEIR_TLS_CHAIN_MAX certificates, a sealed key,
 * one kind of key, and at most WEIR_CERT_NAMES_MAX names and as many links
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_certificate_unpack(struct weir_span value,
                                                    struct weir_arena *arena,
                                                    Weir__V1__Certificate **ret);

#define WEIR_CERT_INDEX_KEY_MAX (WEIR_TENANT_NAME_MAX + 1 + WEIR_HOST_MAX + 2)
/**
 * The key of the rows of a name. @param name lower case; "*." and a domain for a wildcard; empty
 * for what a client gets that names no host of the tenant   @return its length, 0: too long to have
 * any
 */
size_t weir_cert_index_key(struct weir_span tenant, struct weir_span name,
                           uint8_t ret[WEIR_CERT_INDEX_KEY_MAX]);

/** What the order of a row says: the since_hlc of its claim. */
struct weir_cert_rank {
    bool linked; /* explicitly, to this name */
    enum weir_tls_key_kind kind;
    uint64_t not_before; /* Unix seconds */
};
/** As a number: the smaller it is, the sooner its certificate serves. */
uint64_t weir_cert_rank_pack(const struct weir_cert_rank *rank);
/** @return false: no row of ours has such a number */
WEIR_MUST_USE bool weir_cert_rank_unpack(uint64_t since_hlc, struct weir_cert_rank *ret);

/** The rows of a record of class CERT, for weir_tenant_index. @return as weir_index_fn */
WEIR_MUST_USE enum weir_err weir_cert_index(struct weir_span key, struct weir_span value,
                                            struct weir_index_rows *rows);

#endif
