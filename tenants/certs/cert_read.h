/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_read.h - certificates as people have them: one or several files in, recognised by their
 * content and not by their names (PEM, DER, P7B, P12; certificates in any order; keys as PKCS #8,
 * encrypted or not, PKCS #1 and SEC 1), one chain and its key out, checked.
 * Owner: one thread. The bytes may be hostile.   Limits: WEIR_CERT_FILE_MAX bytes a file,
 * WEIR_CERT_FOUND_MAX certificates and WEIR_CERT_KEYS_MAX keys in all files together.
 * Ref: RFC 7468 (PEM), RFC 2315 (PKCS #7), RFC 7292 (PKCS #12), RFC 5958, 8017, 5915 (keys).
 */
#ifndef WEIR_TENANTS_CERTS_CERT_READ_H
#define WEIR_TENANTS_CERTS_CERT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/wire/tls_identity.h"
#include "tenants/certs/cert_notes.h"

#define WEIR_CERT_FILE_MAX  (512u << 10)
#define WEIR_CERT_FOUND_MAX 256
#define WEIR_CERT_KEYS_MAX  8
#define WEIR_CERT_TEXT_MAX  160 /* bytes of a subject or issuer with its NUL */

struct weir_cert_reader;

/** @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_cert_reader_new(struct weir_cert_reader **ret);
/** Wipes the keys. The zero state is legal. Sets *r NULL. */
void weir_cert_reader_free(struct weir_cert_reader **r);
/** Forget all files, and wipe the keys. */
void weir_cert_reader_reset(struct weir_cert_reader *r);

/** One file. */
struct weir_cert_file {
    const char *name;       /* for the notes; lives as long as the reader, or until its reset */
    struct weir_span bytes; /* borrowed for the call */
    const char *password;   /* NULL: none is known */
};
/**
 * Add what a file holds. Faults are noted under its name.
 *
 * @return WEIR_OK: read, or faults were noted | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_reader_add(struct weir_cert_reader *r,
                                                 const struct weir_cert_file *file,
                                                 struct weir_cert_notes *notes);

/** A certificate or key that was found, to pair those of many files. */
struct weir_cert_part {
    bool is_key;
    bool is_ca;          /* a certificate that may sign others */
    uint8_t pair[32];    /* equal for a certificate and its key */
    uint8_t subject[32]; /* of a certificate: equal to `issuer` of those it signs */
    uint8_t issuer[32];
    struct weir_span der; /* a certificate; borrowed from the reader until its reset */
};
/** @return false: there are only `at` parts, keys after certificates */
bool weir_cert_reader_part(struct weir_cert_reader *r, size_t at, struct weir_cert_part *ret);

/** What decides beside the bytes. */
struct weir_cert_rules {
    uint64_t now_s; /* Unix seconds */
    bool force;     /* doubts do not refuse it */
    bool any_key;   /* a key is not asked for: to look at a certificate */
};

/** A chain with its key. All of it is borrowed from the reader until its reset. */
struct weir_cert_bundle {
    struct weir_span chain[WEIR_TLS_CHAIN_MAX]; /* DER, the leaf first, the root left out */
    size_t num;
    struct weir_span pkcs8; /* in secret pages; empty with rules.any_key and without a key */
    enum weir_tls_key_kind kind;
    unsigned key_bits;
    const char *const *names; /* lower case; wildcards begin with "*." */
    size_t num_names;
    uint64_t not_before, not_after; /* Unix seconds */
    char subject[WEIR_CERT_TEXT_MAX];
    char issuer[WEIR_CERT_TEXT_MAX];
};
/**
 * Find the certificate that has a key, and its chain; check all of it (cert_check.c).
 *
 * @return WEIR_OK | WEIR_EINVAL (refused: see notes) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_reader_finish(struct weir_cert_reader *r,
                                                    const struct weir_cert_rules *rules,
                                                    struct weir_cert_notes *notes,
                                                    struct weir_cert_bundle *ret);

#endif
