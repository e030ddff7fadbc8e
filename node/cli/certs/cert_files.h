/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_files.h - certificates in files of this host: reading a file, the password, and what is said
 * about what was read. Owner: the main thread.   Limits: WEIR_CERT_FILE_MAX bytes a file.
 */
#ifndef WEIR_NODE_CLI_CERTS_CERT_FILES_H
#define WEIR_NODE_CLI_CERTS_CERT_FILES_H

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/strbuf.h"
#include "node/cli/command.h"
#include "tenants/certs/cert_read.h"

/**
 * The bytes of a regular file, into memory that is wiped.
 *
 * @param name     "-": standard input
 * @param out      zero; the caller deinits it
 * @param ret_why  why it could not be read, static
 * @return WEIR_OK | WEIR_EIO, WEIR_EINVAL, WEIR_ELIMIT (see why) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_cert_file_read(const char *name, struct weir_strbuf *out,
                                                const char **ret_why);
/** Read a file into the reader; what cannot be read is noted as a fault. @return WEIR_OK |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_cert_file_add(struct weir_cert_reader *r, const char *name,
                                               const char *password, struct weir_cert_notes *notes);
/**
 * The first line of --password-file.
 *
 * @param out  zero; the caller deinits it; its text is NULL without the flag
 * @return WEIR_EXIT_OK | WEIR_EXIT_FAILED: written
 */
WEIR_MUST_USE enum weir_exit weir_cert_password_read(struct weir_cli *cli, struct weir_strbuf *out);

/** Write the notes, a line each. @param label  in front of each; NULL: none */
void weir_cert_notes_show(struct weir_cli *cli, const char *label,
                          const struct weir_cert_notes *notes);

#endif
