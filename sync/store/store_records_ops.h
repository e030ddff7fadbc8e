/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_ops.h - private to the store: a record store from open to close, and the operations
 * that have files of their own. What each operation does is in record_store.h.
 */
#ifndef WEIR_SYNC_STORE_STORE_RECORDS_OPS_H
#define WEIR_SYNC_STORE_STORE_RECORDS_OPS_H

#include "sync/store/store_records_state.h"

/** Make the record store of a driven store. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_records_new(struct weir_store *s);

/** The database is open: find its lanes by name. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_records_load(struct weir_store *s);

/** Close: no transaction may be open (contract). The database is then marked as closed. */
void weir_store_records_end(struct weir_store *s);

/** Free it. Also one that was not made. */
void weir_store_records_free(struct weir_store *s);

/* -- store_records_find.c -- */

/** Operation `get` of record_store.h. */
enum weir_err weir_store_records_get(struct weir_record_store *k, enum weir_class class,
                                     struct weir_span key, struct weir_stored_record *ret);

/** Operation `next_dot` of record_store.h. */
enum weir_err weir_store_records_next_dot(struct weir_record_store *k,
                                          const uint8_t lane[WEIR_LANE_LEN], uint64_t after,
                                          struct weir_stored_record *ret);

/** Operation `next_key` of record_store.h. */
enum weir_err weir_store_records_next_key(struct weir_record_store *k, enum weir_class class,
                                          struct weir_span after, struct weir_stored_record *ret);

/** Operation `next_tombstone` of record_store.h. */
enum weir_err weir_store_records_next_tombstone(struct weir_record_store *k, uint64_t until_ms,
                                                struct weir_stored_record *ret);

/** Operation `next_expired` of record_store.h. */
enum weir_err weir_store_records_next_expired(struct weir_record_store *k, uint64_t until_s,
                                              struct weir_stored_record *ret);

/**
 * What is stored under a key, remembered until something changes.
 * @return WEIR_OK | WEIR_EIO | WEIR_EFULL
 */
enum weir_err weir_store_records_find_current(struct store_records *kp, struct weir_span rec_key,
                                              struct store_current *ret, struct weir_span *ret_key);

/* -- store_conflict.c -- */

/** Operation `put_conflict` of record_store.h. */
enum weir_err weir_store_records_put_conflict(struct weir_record_store *k,
                                              const struct weir_conflict *c);

/** Operation `get_conflict` of record_store.h. */
enum weir_err weir_store_records_get_conflict(struct weir_record_store *k, uint64_t at,
                                              struct weir_conflict *ret);

/** Operation `drop_conflicts` of record_store.h. */
enum weir_err weir_store_records_drop_conflicts(struct weir_record_store *k, uint64_t until_ms);

#endif
