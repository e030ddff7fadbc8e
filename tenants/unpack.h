/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.h - messages out of the bytes of a record, a StoredTenant first of all. The bytes may be
 * hostile; their cost is bounded. Owner: the calling thread.   Limits: WEIR_RECORD_MAX bytes in,
 * WEIR_UNPACK_MAX bytes of messages.
 */
#ifndef WEIR_TENANTS_UNPACK_H
#define WEIR_TENANTS_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

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

/** The memory that the library may use, and why it ran out. */
struct weir_unpack_source {
    struct weir_arena *arena;
    size_t used;
    bool over;   /* the message swells beyond the limit, which is a fault of the message */
    bool failed; /* there is no memory */
};
/** What unpacks one message into `arena` within WEIR_UNPACK_MAX bytes. Borrows `source`. */
ProtobufCAllocator weir_unpack_allocator(struct weir_unpack_source *source,
                                         struct weir_arena *arena);
/** Why a message did not unpack. @return WEIR_ECORRUPT | WEIR_ENOMEM */
enum weir_err weir_unpack_fault(const struct weir_unpack_source *source);

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
