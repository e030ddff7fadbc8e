/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_bans.h - bans by the thousand: the columns of a batch, read as records and made of them.
 * A ban's key is scope 4 (big-endian), family 1 (4 or 6), address 16 (IPv4 in the first four, the
 * rest zero), prefix length 1; bits behind the prefix are zero. Its value is one byte, the reason.
 * Pure. Owner: one thread.   Limits: WEIR_FRAME_RECORDS bans a batch, WEIR_BAN_TTL_MAX seconds.
 */
#ifndef WEIR_SYNC_FRAME_FRAME_BANS_H
#define WEIR_SYNC_FRAME_FRAME_BANS_H

#include "sync/frame/frame.h"
#include "sync/version/version.h"

#define WEIR_BAN_KEY_LEN 22

/** One ban as a record. */
struct weir_frame_ban {
    struct weir_record rec; /* key and value borrow from the two below */
    uint8_t key[WEIR_BAN_KEY_LEN];
    uint8_t reason;
};

/** The position of a reader of columns. */
struct weir_frame_bans {
    const Weir__V1__Batch *batch; /* borrows */
    size_t at;
    size_t v4_at;
    size_t v6_at;
    int64_t ttl;
    uint64_t hlc;
};

/**
 * Do the columns of this batch fit each other, and is each ban valid? Called by
 * weir_frame_decode.
 */
bool weir_frame_bans_ok(const Weir__V1__Batch *batch);
/** Begin at the first ban. `batch` must come from weir_frame_decode and stay until the last. */
void weir_frame_bans_begin(struct weir_frame_bans *b, const Weir__V1__Batch *batch);
/** The next ban. @return false: there are no more, ret is not written */
bool weir_frame_bans_next(struct weir_frame_bans *b, struct weir_frame_ban *ret);

/** Columns under construction. */
struct weir_frame_cols;

/** Room for `max` bans, 1..WEIR_FRAME_RECORDS (contract). @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_frame_cols_new(size_t max, struct weir_frame_cols **ret);
/** Sets *c NULL. */
void weir_frame_cols_free(struct weir_frame_cols **c);
/**
 * Drop the bans; the next batch will state that it was made at `sent_ms` (Unix ms, 0..2^48-1,
 * contract).
 */
void weir_frame_cols_reset(struct weir_frame_cols *c, uint64_t sent_ms);
/**
 * Append a ban. Its lane and seq are the batch's: the caller sees to it that they are the next.
 * @return WEIR_OK | WEIR_ELIMIT (full: send, reset, add again) | WEIR_EUNSUPPORTED (no such
 * columns: another class, schema or shape of key or value, or an expiry that is not within
 * WEIR_BAN_TTL_MAX seconds behind sent_ms: send it as a record)
 */
WEIR_MUST_USE enum weir_err weir_frame_cols_add(struct weir_frame_cols *c,
                                                const struct weir_record *rec);
/** Bans added since the reset. */
size_t weir_frame_cols_num(const struct weir_frame_cols *c);
/** For Batch.bans; borrowed until the next add, reset or free. Needs a ban (contract). */
Weir__V1__BanCols *weir_frame_cols_msg(struct weir_frame_cols *c);

#endif
