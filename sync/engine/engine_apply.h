/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_apply.h - private to the engine: a record of a message, and what becomes of it here.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_APPLY_H
#define WEIR_SYNC_ENGINE_ENGINE_APPLY_H

#include "sync/engine/engine_state.h"

/** The way by which a record came. */
enum engine_how {
    ENGINE_LIVE,   /* in a batch, as the next of its lane */
    ENGINE_PULLED, /* in a pull session */
    ENGINE_FORCED, /* fetched by key */
};

/**
 * Unpack a record of a message. Its spans borrow from the message and from e->extra.
 * @param lane  NULL: the message names its own
 * @return false: lane and class are of different groups
 */
WEIR_MUST_USE bool weir_engine_record(struct weir_engine *e, const Weir__V1__Record *msg,
                                      const uint8_t *lane, struct weir_stored_record *ret);

/**
 * Store a record of a peer if it is newer than what is here (R3); note conflicts; drop it if it has
 * expired. The caller raises the vector.
 * @return WEIR_OK | WEIR_EBUSY: a live record whose key is absent and whose stamp is not above
 * hlc_floor: pull its lane | another error: the turn has failed
 */
WEIR_MUST_USE enum weir_err weir_engine_apply(struct weir_engine *e, struct weir_stored_record *rec,
                                              enum engine_how how);

/** The order of two versions: < 0, 0 or > 0 as a is older than, equal to, or newer than b. */
int weir_engine_compare(const struct weir_version *a, const struct weir_version *b);

/** Is it a ban that has ended, or the tombstone of one? */
bool weir_engine_is_expired(const struct weir_engine *e, const struct weir_record *r);

/**
 * Give the tombstone of a ban the time of its writing as its expiry, by which record_store.h
 * purges it.
 */
void weir_engine_date_tombstone(struct weir_stored_record *rec);

/**
 * Store a record, and record what follows from it: sums, CHANGED, gen, seen, activation.
 * @param old  the record that it replaces, or NULL
 */
void weir_engine_store_record(struct weir_engine *e, const struct weir_stored_record *rec,
                              const struct weir_stored_record *old);

/** Remove a ban or a tombstone from the store; the sums contain neither. */
void weir_engine_drop(struct weir_engine *e, const struct weir_stored_record *old);

#endif
