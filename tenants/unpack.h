/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.h - a StoredTenant out of the bytes of a record. The bytes may be hostile; their cost is
 * bounded. Owner: the calling thread.   Limits: WEIR_RECORD_MAX bytes in, WEIR_UNPACK_MAX bytes of
 * messages.
 */
#ifndef WEIR_TENANTS_UNPACK_H
#define WEIR_TENANTS_UNPACK_H

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "weir/v1/tenant.pb-c.h"

#define WEIR_UNPACK_MAX                                                                            \
    (8u << 20) /* bytes of messages; a full record within all limits needs about half */
#define WEIR_SCRATCH_BLOCK 8192 /* bytes: a usual tenant fits one block */
#define WEIR_SCRATCH_MAX                                                                           \
    (32u << 20) /* bytes: messages, what blocks waste, and texts on their way */

/**
 * Unpack a StoredTenant into `arena` (nothing is freed one by one), within bounds that hold for any
 * bytes. The arena is made with WEIR_SCRATCH_BLOCK and WEIR_SCRATCH_MAX.
 * @param ret lives as long as the arena; its tenant is never NULL
 * @return WEIR_OK | WEIR_ECORRUPT (no such message, or it swells beyond WEIR_UNPACK_MAX) |
 * WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_stored_tenant_unpack(struct weir_span value,
                                                      struct weir_arena *arena,
                                                      Weir__V1__StoredTenant **ret);

#endif
