/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_policy.h - the versions of TLS that a tenant's document allows its clients. Pure.
 */
#ifndef WEIR_TENANTS_TLS_POLICY_H
#define WEIR_TENANTS_TLS_POLICY_H

#include <stdint.h>

#include "weir/v1/tenant.pb-c.h"

/** A set of enum weir_tls_version, without a gap; 0: the lowest is above the highest. */
uint8_t weir_tls_versions(const Weir__V1__Tls *tls);

#endif
