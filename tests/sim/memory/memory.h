/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - a record store (sync/store/record_store.h) in memory that fails on purpose: errors,
 * damage, roll-backs and crashes happen when its caller asks for them, never by chance; the same
 * calls give the same responses. What is lent is a copy in debug builds, which AddressSanitizer
 * sees touched too late. Owner: one thread.   Limits: those of record_store.h; 200 bytes a record
 * beside key, value and context.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "sync/engine/engine.h"
#include "sync/store/record_store.h"

struct weir_memory;

/** An empty store. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_memory_new(enum weir_group group, struct weir_memory **ret);
/** An open transaction goes with it. Sets *m NULL. */
void weir_memory_free(struct weir_memory **m);
/**
 * Its operations. Borrowed until free.
 *
 * What record_store.h leaves open: an operation that fails has changed nothing. After WEIR_EIO or
 * WEIR_EFULL commit gives that error again and undoes. Of equal age or expiry the smaller class,
 * then the smaller key comes first; of two records with one dot next_dot gives that one alone. In
 * group E a tombstone is also expired when its own expiry has passed, and is as old as that.
 * Nothing is rounded. Where record_store.h knows no WEIR_ENOMEM, want of memory is WEIR_EIO. A new
 * lane over WEIR_LANES_MAX makes put return WEIR_EFULL.
 */
struct weir_record_store *weir_memory_record_store(struct weir_memory *m);

/* -- what a checker sees -- */

/**
 * Called within commit, when it has succeeded, for all that the transaction did, in order, also
 * what a later operation of it undid. Spans borrow for the call. The functions must not call the
 * store. They are not called for crashes and roll-backs, which the caller makes. Each may be NULL.
 */
struct weir_memory_hooks {
    void *arg;
    void (*on_put)(void *arg, const struct weir_stored_record *rec);
    /** By drop; not what a put replaced. The record is as it was written, damaged or not. */
    void (*on_drop)(void *arg, const struct weir_stored_record *rec);
    /** A row of lanes, by put_lane, drop_lane or a put. NULL: there was none, or is none now. */
    void (*on_lane)(void *arg, const struct weir_lane_row *before,
                    const struct weir_lane_row *after);
    void (*on_meta)(void *arg, const struct weir_store_meta *before,
                    const struct weir_store_meta *after);
    /** Records, lanes and numbers are gone; on_drop and on_lane are not called for them. */
    void (*on_wipe)(void *arg);
};
/** @param hooks  copied; NULL: none */
void weir_memory_watch(struct weir_memory *m, const struct weir_memory_hooks *hooks);

struct weir_memory_counts {
    size_t num_records; /* tombstones too */
    size_t num_tombstones;
    size_t num_lanes;
    size_t num_conflicts;
    size_t num_unsynced;  /* changes that a crash would undo */
    uint64_t num_ops;     /* asked for since new, with begin and without commit and abort */
    uint64_t num_commits; /* that succeeded and had changed something */
};
/** Inside or outside of a transaction, O(1). */
struct weir_memory_counts weir_memory_counts(const struct weir_memory *m);
/** The numbers. Inside or outside of a transaction. */
struct weir_store_meta weir_memory_meta(const struct weir_memory *m);
/**
 * A hash of all it holds, conflicts and damage included: two stores with the same rows have the
 * same, whatever they went through. Linear in lanes only. Not cryptographic.
 */
uint64_t weir_memory_hash(const struct weir_memory *m);

/** @param damaged  its sum does not hold  @return false to stop */
typedef bool (*weir_memory_record_fn)(void *arg, const struct weir_stored_record *rec,
                                      bool damaged);
typedef bool (*weir_memory_lane_fn)(void *arg, const struct weir_lane_row *lane);
typedef bool (*weir_memory_conflict_fn)(void *arg, const struct weir_conflict *c);
/** Each record by class and key, tombstones too. What is given borrows for the call; the function
 * must not change the store. So with the two below. */
void weir_memory_each_record(const struct weir_memory *m, weir_memory_record_fn fn, void *arg);
/** Each lane by name. */
void weir_memory_each_lane(const struct weir_memory *m, weir_memory_lane_fn fn, void *arg);
/** Each conflict in the order of noting. */
void weir_memory_each_conflict(const struct weir_memory *m, weir_memory_conflict_fn fn, void *arg);
/** One record, without a transaction and without faults. @param ret  borrows until the next change
 * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT: ret is as damaged as the record */
enum weir_err weir_memory_find(const struct weir_memory *m, enum weir_class class,
                               struct weir_span key, struct weir_stored_record *ret);

/* -- faults -- */

/**
 * The n-th operation from now (1 = the next; begin counts, commit and abort do not) fails, once.
 * @param err  WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM (contract); where record_store.h does not allow
 * it for the operation that is hit, it is WEIR_EIO
 */
void weir_memory_fail_op(struct weir_memory *m, uint64_t n, enum weir_err err);
/** The n-th commit from now that has changes fails, once. @param err  as above */
void weir_memory_fail_commit(struct weir_memory *m, uint64_t n, enum weir_err err);

/** What lasts until it is set again. */
enum weir_memory_trouble {
    WEIR_MEMORY_SOUND,
    WEIR_MEMORY_RESERVE, /* put of a live record: WEIR_EFULL; the rest goes on, as in store.h */
    WEIR_MEMORY_FULL,    /* what needs room, and a commit that has changes: WEIR_EFULL */
    WEIR_MEMORY_NOWRITE, /* what changes, and a commit that has changes: WEIR_EIO; reads go on */
    WEIR_MEMORY_DEAD,    /* every operation, and every commit: WEIR_EIO */
};
/** Any time. Clears no fail_op or fail_commit. */
void weir_memory_set_trouble(struct weir_memory *m, enum weir_memory_trouble trouble);

/** Where a bit turns over. */
enum weir_memory_part {
    WEIR_MEMORY_HEADER, /* dot, stamp, expiry, age, schema, kind; the indexes stay as they are */
    WEIR_MEMORY_VALUE,  /* context, signature, extra and value: none in a plain tombstone */
    WEIR_MEMORY_KEY,    /* the record's own copy of its key, which its sum covers */
};
/**
 * Flip one bit of the record at a place in the order of class and key, outside of transactions.
 * From then on the record is WEIR_ECORRUPT, until it is written anew or the same bit is flipped
 * again.
 * @param bit  modulo the bits of that part  @return false: no such record, or nothing to flip
 */
bool weir_memory_flip(struct weir_memory *m, size_t at, enum weir_memory_part part, uint64_t bit);

/** Group E: what was committed is on the disk. Group C: has no effect. No transaction may be open
 * (contract). */
void weir_memory_sync(struct weir_memory *m);
/** The host stops: an open transaction is lost, in group E also all since the last sync. Faults
 * that were set stay set. Hooks are not called. */
void weir_memory_crash(struct weir_memory *m);
/** The volume is lost: all goes, conflicts too. Hooks are not called. Ends an open transaction. */
void weir_memory_lose(struct weir_memory *m);

/**
 * The volume's content becomes that of another store, which stays as it is: a backup is brought
 * back, a volume is cloned. Not synced yet counts as synced. Hooks and faults of both stay theirs.
 * No transaction may be open in either; same group (contracts). Hooks are not called.
 * @return WEIR_OK | WEIR_ENOMEM: m is as it was
 */
WEIR_MUST_USE enum weir_err weir_memory_restore(struct weir_memory *m,
                                                const struct weir_memory *from);
/** A new store with the content of another: a snapshot. Without its hooks and faults.
 * @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_memory_clone(const struct weir_memory *from,
                                              struct weir_memory **ret);

#endif
