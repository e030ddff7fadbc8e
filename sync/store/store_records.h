/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records.h - a store (store.h, store_eph.h) as the replication engine's record store. It
 * does the same as a write to the store - rows, checksums, page checks, derived rows, revisions,
 * figures, on_change - but in the calling thread instead of the store's own.
 * Owner: the store. Borrowed until it closes.   Limits: as store.h; STORE_LANES_MAX lanes that
 * records or contexts mention, of which WEIR_LANES_MAX with numbers.
 */
#ifndef WEIR_SYNC_STORE_STORE_RECORDS_H
#define WEIR_SYNC_STORE_STORE_RECORDS_H

#include "sync/store/record_store.h"
#include "sync/store/store.h"

/**
 * The record store of a store that was opened with `driven` (contract). One thread uses it. What
 * sync/store/record_store.h leaves open: a commit that changed nothing costs no write and no
 * sync. Above 80 % of max_bytes `put` accepts only tombstones and returns WEIR_EFULL for the
 * rest; a conflict then replaces the oldest one. A damaged page in the way is WEIR_EIO, and
 * repaired at the next start. The key of what `get` finds is the store's copy, not the caller's.
 * stored_ms is rounded down to days in group C and to seconds in group E, where next_tombstone
 * also finds a tombstone whose own expiry has passed. A context's lane for which there is no
 * index left is left out of the record. on_change runs on the record store's thread within
 * commit; a record that is dropped or wiped is reported as a tombstone, and not at all if it was
 * a tombstone.
 */
struct weir_record_store *weir_store_records(struct weir_store *s);

#endif
