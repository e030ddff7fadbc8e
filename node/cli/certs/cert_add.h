/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_add.h - weir cert add: one certificate, or all that are in a folder. Private to
 * node/cli/certs. Owner: the main thread.
 */
#ifndef WEIR_NODE_CLI_CERTS_CERT_ADD_H
#define WEIR_NODE_CLI_CERTS_CERT_ADD_H

#include "node/cli/command.h"

/** With --cert. @return the exit code: written */
enum weir_exit weir_cert_add_one(struct weir_cli *cli);
/** With --dir. @return the exit code: written */
enum weir_exit weir_cert_add_folder(struct weir_cli *cli);

#endif
