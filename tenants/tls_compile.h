/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_compile.h - private to tenants/: what a tenant's document says of TLS towards clients.
 */
#ifndef WEIR_TENANTS_TLS_COMPILE_H
#define WEIR_TENANTS_TLS_COMPILE_H

#include <stdint.h>

#include "node/base/err.h"
#include "tenants/compile.h"

/** The versions that a document allows, enum weir_tls_version; 0: the lowest is above the highest.
 */
uint8_t weir_tls_versions(const Weir__V1__Tls *tls);
/** Measure the texts. */
void weir_tls_measure(struct weir_compile *c);
/** Fill; the name is there. @return WEIR_OK | WEIR_EINVAL */
WEIR_MUST_USE enum weir_err weir_tls_fill(struct weir_compile *c);

#endif
