/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_reader.h - private to tenants/certs: what a reader has found so far, and its parts: formats
 * (cert_formats.c), the chain (cert_chain.c), the checks (cert_check.c). Owner: one thread.
 */
#ifndef WEIR_TENANTS_CERTS_CERT_READER_H
#define WEIR_TENANTS_CERTS_CERT_READER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "tenants/cert_seal.h"
#include "tenants/certs/cert_read.h"

struct weir_found_cert {
    X509 *x;          /* owns */
    const char *from; /* name of its file */
    bool used;        /* in the chain */
};

struct weir_found_key {
    EVP_PKEY *key; /* owns */
    const char *from;
};

/** Secrets: in secret pages. */
struct weir_reader_secrets {
    uint8_t decoded[WEIR_CERT_FILE_MAX]; /* what stood in Base64 */
    uint8_t pkcs8[WEIR_SEAL_PLAIN_MAX];
};

struct weir_cert_reader {
    struct weir_found_cert certs[WEIR_CERT_FOUND_MAX];
    size_t num_certs;
    struct weir_found_key keys[WEIR_CERT_KEYS_MAX];
    size_t num_keys;
    size_t num_refused;                  /* keys that were there and could not be read */
    struct weir_reader_secrets *secrets; /* owns */
    struct weir_arena arena;             /* DER, names; until the reset */
};

/** One file while it is read. */
struct weir_reading {
    struct weir_cert_reader *r;
    const struct weir_cert_file *file;
    struct weir_cert_notes *notes;
    size_t num_found; /* things that were recognised, faulty ones included */
    enum weir_err err;
};

/** Read the bytes of a file. Outcomes are in `g`. */
void weir_cert_formats_read(struct weir_reading *g);

/** The chain from the leaf up, as positions in r->certs; notes what does not link. @param ret  room
 * for WEIR_TLS_CHAIN_MAX  @return their number, from 1 */
size_t weir_cert_chain_build(struct weir_cert_reader *r, size_t leaf, struct weir_cert_notes *notes,
                             size_t ret[WEIR_TLS_CHAIN_MAX]);

/**
 * Check a leaf and fill what the bundle says of it.
 * @param key NULL: none is asked for
 * @return WEIR_OK: see notes | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_check_leaf(struct weir_cert_reader *r, X509 *leaf,
                                                 const struct weir_cert_rules *rules,
                                                 struct weir_cert_notes *notes,
                                                 struct weir_cert_bundle *ret);
/** Check a certificate above the leaf. */
void weir_cert_check_above(X509 *x, const struct weir_cert_rules *rules,
                           struct weir_cert_notes *notes);

/** The name of who a certificate is of, printable: its common name, else its organisation. */
void weir_cert_name_text(const X509_NAME *name, char ret[WEIR_CERT_TEXT_MAX]);

#endif
