/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_secret.h - the secret of a node or its cluster, and the keys that are derived from it: for
 * sealing private keys, for session tickets. All nodes of a cluster read the same one from the file
 * that the node file names; a node without a cluster makes its own beside its data. Both files have
 * one form, so that the file of a single node can become that of a cluster.
 * Owner: the holder; read-only after the load.   Limits: WEIR_SECRET_FILE_MIN..MAX bytes of a file.
 * Ref: RFC 5869 (HKDF).
 */
#ifndef WEIR_TENANTS_CERT_SECRET_H
#define WEIR_TENANTS_CERT_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_SECRET_LEN      32
#define WEIR_SECRET_FILE_MIN 16       /* bytes without white space at the end */
#define WEIR_SECRET_FILE_MAX 4096     /* bytes */
#define WEIR_SECRET_FILE     "secret" /* in the data folder */

/** Keep it in weir_secret_pages_new. */
struct weir_secret {
    uint8_t key[WEIR_SECRET_LEN];
};

/** What the load found, for the log and the line that the operator reads. */
struct weir_secret_found {
    bool made;       /* there was none, and a new one was written */
    char path[4096]; /* of the file that was read or made */
    int sys_errno;   /* of WEIR_EIO, WEIR_EPERM by the system, and WEIR_ENOTFOUND; else 0 */
};

/**
 * Read the secret of the cluster, or read or make that of the node. Blocks on files: at start.
 *
 * A new one appears in `data_folder` whole or not at all (mode 0600, synced, then renamed).
 *
 * @param secret_file  NULL: the node has no cluster
 * @param data_folder  used only without secret_file
 * @param found        written in any case
 * @return WEIR_OK | WEIR_ENOTFOUND (secret_file is missing) | WEIR_EPERM (group or others may read
 * or write it, or it is not ours to read) | WEIR_EINVAL (no regular file, shorter than
 * WEIR_SECRET_FILE_MIN or longer than WEIR_SECRET_FILE_MAX) | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_secret_load(const char *secret_file, const char *data_folder,
                                             struct weir_secret *ret,
                                             struct weir_secret_found *found);

/** The key for one purpose. The same on every node with this secret; no key tells anything about
 * another. @param label names the purpose, 1..255 bytes */
void weir_secret_derive(const struct weir_secret *s, struct weir_span label,
                        uint8_t out[WEIR_SECRET_LEN]);

/** Wipe. The zero state is legal. */
void weir_secret_deinit(struct weir_secret *s);

#endif
