/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - one record as it lies in the store: fixed header, context, signature, fields of a
 * later version, payload. Pure.
 * CRC32C covers the header (with the sum as zero), the row's key and everything after the header,
 * so that a row that was damaged or that stands under a wrong key is never taken for a record.
 * Limits: WEIR_RECORD_MAX bytes of payload, WEIR_RECORD_CTX_MAX context entries,
 * WEIR_RECORD_EXTRA_MAX bytes of a later version.
 */
#ifndef WEIR_SYNC_VERSION_RECORD_H
#define WEIR_SYNC_VERSION_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"

#define WEIR_RECORD_HEADER_LEN  40
#define WEIR_RECORD_AT_SEQ      9    /* where its seq lies, 6 bytes: for reading damaged rows */
#define WEIR_RECORD_CTX_MAX     8    /* lanes of a context; the oldest is dropped */
#define WEIR_RECORD_CTX_LEN     10   /* bytes of one entry: lane_idx 4, seq 6 */
#define WEIR_RECORD_SIG_LEN     64   /* bytes of a signature, when there is one */
#define WEIR_RECORD_EXTRA_MAX   4096 /* bytes of fields that this version does not know */
#define WEIR_RECORD_SEQ_MAX     ((UINT64_C(1) << 48) - 1)
#define WEIR_RECORD_EXPIRES_MAX ((UINT64_C(1) << 40) - 1)

/** What a write had seen of its key: the newest dot of each lane. */
struct weir_record_ctx {
    uint32_t lane_idx;
    uint64_t seq; /* 1..WEIR_RECORD_SEQ_MAX */
};

/** The header and context, unpacked. */
struct weir_record_head {
    bool tombstone;
    uint16_t schema;
    uint16_t min_reader;
    uint32_t lane_idx; /* with seq: the dot */
    uint64_t seq;      /* 1..WEIR_RECORD_SEQ_MAX */
    uint64_t hlc;
    uint64_t expires; /* Unix seconds, 0..WEIR_RECORD_EXPIRES_MAX, 0 = never */
    uint16_t stage;
    uint16_t recv_day; /* days since 1970 when this node stored it */
    uint8_t num_ctx;
    struct weir_record_ctx ctx[WEIR_RECORD_CTX_MAX]; /* oldest first */
};

/** A record taken apart. Spans borrow from the row. */
struct weir_record_parts {
    struct weir_record_head head;
    struct weir_span sig;   /* empty, or WEIR_RECORD_SIG_LEN bytes */
    struct weir_span extra; /* passed on as it came, 0..WEIR_RECORD_EXTRA_MAX bytes */
    struct weir_span value;
};

/** Bytes of the row that weir_record_pack will write. */
size_t weir_record_packed_len(const struct weir_record_parts *parts);

/**
 * Write the row. Every field must be in its range and a tombstone without value (contract).
 *
 * @param key  the row's key as the store has it: class byte, then the record's key
 * @param out  weir_record_packed_len bytes; may be unaligned
 */
void weir_record_pack(const struct weir_record_parts *parts, struct weir_span key, uint8_t *out);

/**
 * Take a row apart and check all of it.
 * @return WEIR_OK | WEIR_ECORRUPT: lengths, ranges or the sum are wrong; do not use any of it
 */
WEIR_MUST_USE enum weir_err weir_record_unpack(struct weir_span row, struct weir_span key,
                                               struct weir_record_parts *ret);

/** Is the row marked as a tombstone? Reads one byte without checking the sum: for skipping. */
static inline bool weir_record_row_is_tombstone(struct weir_span row)
{
    return row.len > 0 && (row.at[0] & 1) != 0;
}

/**
 * Note in a context that the write has seen this dot: its lane becomes the newest entry, with the
 * larger sequence number; the oldest lane is dropped when there are too many. That can only cause
 * a false report of a conflict, never hide one.
 */
void weir_record_ctx_add(struct weir_record_head *head, uint32_t lane_idx, uint64_t seq);

#endif
