/* SPDX-License-Identifier: Apache-2.0
 *
 * system_trust.h - the authorities that the system trusts, read once for all workers when a
 * certificate is first verified against them. That worker then reads a local file of some 200 KiB:
 * a few milliseconds, once in the life of a node, which other nodes than those that verify are
 * spared. Private to node/loop. Owner: shared by the workers.
 */
#ifndef WEIR_NODE_LOOP_SYSTEM_TRUST_H
#define WEIR_NODE_LOOP_SYSTEM_TRUST_H

#include <stdatomic.h>

#include "node/wire/tls_trust.h"

#define WEIR_SYSTEM_TRUST_FILE "/etc/ssl/certs/ca-certificates.crt"

struct weir_system_trust {
    /* Set once; paired: release by whoever read the file first, acquire by all that use it. */
    _Atomic(struct weir_tls_trust *) trust;
};

/**
 * What the system trusts: the file that the environment variable SSL_CERT_FILE names, else
 * WEIR_SYSTEM_TRUST_FILE. Borrowed as long as `s` lives, to verify with; not to be referenced.
 * @return NULL: there is no such file, or it cannot be read; asked again, it tries again
 */
const struct weir_tls_trust *weir_system_trust(struct weir_system_trust *s);
/** Nobody uses it any longer. The zero state is legal. */
void weir_system_trust_deinit(struct weir_system_trust *s);

#endif
