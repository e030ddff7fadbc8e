/* SPDX-License-Identifier: Apache-2.0
 *
 * stored_record.h - a record with all that travels with it between nodes. Types only.
 * Limits: those of record.h, and WEIR_STORED_EXTRA_MAX.
 */
#ifndef WEIR_SYNC_VERSION_STORED_RECORD_H
#define WEIR_SYNC_VERSION_STORED_RECORD_H

#include <stdint.h>

#include "node/base/span.h"
#include "sync/version/record.h"
#include "sync/version/version.h"

#define WEIR_STORED_EXTRA_MAX 4096 /* bytes of fields of later versions that a record may carry */

/** What the writer of a record had seen of its key: the newest dot of a lane. */
struct weir_record_context {
    uint8_t tail[WEIR_LANE_TAIL_LEN]; /* the lane's last 8 bytes: its first 8 name only the node */
    uint64_t seq;                     /* 1..WEIR_RECORD_SEQ_MAX */
};

/** A record with all that travels with it. Spans borrow as the function that returned it promises.
 */
struct weir_stored_record {
    struct weir_record rec;
    uint8_t num_ctx;
    struct weir_record_context ctx[WEIR_RECORD_CTX_MAX]; /* oldest first */
    struct weir_span sig;                                /* empty, or WEIR_RECORD_SIG_LEN bytes */
    struct weir_span extra; /* fields of a later version, byte for byte; WEIR_STORED_EXTRA_MAX */
    uint64_t stored_ms;     /* Unix ms by this node's clock; a store may round it down to days */
};

#endif
