/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_upload.h - certificates on their way to a node: gathered into requests, sent, and what
 * became of each. Owner: the main thread.   Limits: WEIR_CERT_BATCH_MAX certificates a request.
 */
#ifndef WEIR_NODE_CLI_CERTS_CERT_UPLOAD_H
#define WEIR_NODE_CLI_CERTS_CERT_UPLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/cli/command.h"
#include "tenants/certs/cert_read.h"
#include "weir/v1/admin.pb-c.h"

#define WEIR_CERT_BATCH_MAX   32
#define WEIR_CERT_BATCH_BYTES 524288 /* of certificates and keys, before Base64 */

enum weir_cert_outcome {
    WEIR_CERT_CREATED,
    WEIR_CERT_CHANGED,
    WEIR_CERT_UNCHANGED,
    WEIR_CERT_REFUSED,
    WEIR_CERT_OUTCOMES
};

struct weir_cert_uploads {
    struct weir_cli *cli;
    struct weir_arena arena; /* of the batch; wiped */
    Weir__V1__CertificateUpload *items[WEIR_CERT_BATCH_MAX];
    size_t num;
    size_t bytes;
    bool force; /* as --force */
    uint64_t counts[WEIR_CERT_OUTCOMES];
    uint32_t nodes_durable, nodes_total;
    /** Told of each result, before the batch is forgotten. */
    void (*done)(void *arg, const Weir__V1__CertificateResult *result);
    void *arg;
};

/** Allocates nothing. */
void weir_cert_uploads_init(struct weir_cert_uploads *u, struct weir_cli *cli,
                            void (*done)(void *arg, const Weir__V1__CertificateResult *result),
                            void *arg);
/** Wipes what was not sent. */
void weir_cert_uploads_deinit(struct weir_cert_uploads *u);
/**
 * Add one; sends the batch first when it is full.
 *
 * @param in      copied; without its files when there is a bundle
 * @param bundle  its files; NULL: `in` has them
 * @return WEIR_EXIT_OK, or the exit code of a failed call: written
 */
WEIR_MUST_USE enum weir_exit weir_cert_uploads_add(struct weir_cert_uploads *u,
                                                   const Weir__V1__CertificateUpload *in,
                                                   const struct weir_cert_bundle *bundle);
/** Send what was added. @return WEIR_EXIT_OK, or the exit code of a failed call: written */
WEIR_MUST_USE enum weir_exit weir_cert_uploads_send(struct weir_cert_uploads *u);
/** All that was counted, in one line: "3 certificates: 2 created, 1 refused". */
void weir_cert_uploads_summary(const struct weir_cert_uploads *u, struct weir_strbuf *out);

#endif
