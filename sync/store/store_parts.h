/* SPDX-License-Identifier: Apache-2.0
 *
 * store_parts.h - private to the store: what its files offer one another, file by file.
 * Owner of everything here is the writer thread, before it the one that opens the store, unless a
 * comment says otherwise.
 */
#ifndef WEIR_SYNC_STORE_STORE_PARTS_H
#define WEIR_SYNC_STORE_STORE_PARTS_H

#include "sync/store/store_lmdb.h"

/** LMDB's code, or an errno, as an error of ours. MDB_SUCCESS is WEIR_OK. */
enum weir_err weir_store_err(int rc);

/* store_env.c: LMDB's environment. */
/** Open LMDB and our own map on `name`; create the trees when new. @return as weir_store_open */
WEIR_MUST_USE enum weir_err weir_store_env_open(struct weir_store *s, const char *name);
void weir_store_env_close(struct weir_store *s);
/**
 * The meta page of transaction `txnid`, one of the two newest. @return WEIR_OK | WEIR_ECORRUPT: it
 * does not hold, or is of another transaction
 */
WEIR_MUST_USE enum weir_err weir_store_state_meta(const struct weir_tree_file *pages,
                                                  uint64_t txnid, struct weir_tree_meta *ret);
/**
 * Trees of the state that transaction `txnid` left, one of the two newest. Not through LMDB, which
 * would believe the page it finds them in. @return WEIR_OK | WEIR_ECORRUPT, also when two commits
 * came since
 */
WEIR_MUST_USE enum weir_err weir_store_roots_load(const struct weir_tree_file *pages,
                                                  uint64_t txnid, int num_trees,
                                                  struct store_roots *ret);
/** The file as it is now. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_store_pages_now(const struct weir_store *s,
                                                 struct weir_tree_file *ret);
/** Note that a page does not hold; logged once. Any thread. */
void weir_store_suspect(struct weir_store *s, const char *what);
/** Count a row or record with a wrong sum and log it, limited. Any thread. */
void weir_store_count_corrupt(struct weir_store *s, struct weir_span rec_key);

/* store.c */
extern const struct store_kind weir_store_kind_c;
/**
 * As weir_store_open, of any kind.
 * @param boot_id  group E: of this boot of the machine, STORE_BOOT_ID_LEN bytes; else NULL
 */
WEIR_MUST_USE enum weir_err weir_store_open_kind(const struct weir_store_config *cfg,
                                                 const struct store_kind *kind,
                                                 const uint8_t *boot_id, struct weir_store **ret);

/** LMDB and what the file says, or a new one. @return as weir_store_open | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_open_database(struct weir_store *s);

/* store_records.c: instead of the writer thread. */
WEIR_MUST_USE enum weir_err weir_store_records_new(struct weir_store *s);
/** The lanes are there: find them by name. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_records_load(struct weir_store *s);
/** No transaction may be open (contract). Says that the database was closed. */
void weir_store_records_end(struct weir_store *s);
/** Also of one that was not made. */
void weir_store_records_free(struct weir_store *s);

/* store_eph.c: what is different in group E at open and close. */
/** Throw the file away, open a new one. @param why for the log @return as weir_store_open */
WEIR_MUST_USE enum weir_err weir_store_eph_wipe(struct weir_store *s, const char *why);
/** The database is open: is it of this boot, or was it closed? Else it is wiped. Then commits go
 * without waiting for the disk. @return as weir_store_open */
WEIR_MUST_USE enum weir_err weir_store_eph_start(struct weir_store *s, const uint8_t *boot_id);
/** From now on commits wait for the disk, and for all that were before. */
void weir_store_eph_end(struct weir_store *s);

/* store_meta.c: what the database says of itself. */
/** Load all of it. @return WEIR_OK | WEIR_ENOTFOUND: a new database | WEIR_ECORRUPT | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_meta_load(struct weir_store *s);
/** First rows of a new database, with a lane of its own unless a record store's caller will draw
 * one.
 * @param node_id NULL: a random one. @return WEIR_OK | WEIR_E... */
WEIR_MUST_USE enum weir_err weir_store_meta_create(struct weir_store *s, const uint8_t *node_id);
/** Read a row of meta that may be missing. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_meta_find(struct weir_store *s, const char *name, void *ret,
                                                 size_t len);
/**
 * For the writer thread over a database that a record store wrote: a lane of its own whose numbers
 * are its alone. @return WEIR_OK | as weir_store_txn_commit
 */
WEIR_MUST_USE enum weir_err weir_store_lane_own(struct weir_store *s);
/** Append a lane. @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT */
WEIR_MUST_USE enum weir_err weir_store_lane_add(struct weir_store *s,
                                                const struct store_lane *lane);
/** A random id of a lane of this node. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_store_lane_draw(const struct weir_store *s,
                                                 uint8_t ret_id[WEIR_LANE_LEN]);
/** Put a row of meta. @return WEIR_OK | as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_meta_put(struct store_txn *t, const char *name,
                                                const void *at, size_t len);
WEIR_MUST_USE enum weir_err weir_store_lane_put(struct store_txn *t, uint32_t lane_idx,
                                                const struct store_lane *lane);

/* store_txn.c: one write transaction, rows in and out of it. */
WEIR_MUST_USE enum weir_err weir_store_txn_begin(struct weir_store *s, struct store_txn *ret);
/** Make durable and take over the tally. The transaction is over in any case. */
WEIR_MUST_USE enum weir_err weir_store_txn_commit(struct store_txn *t);
void weir_store_txn_abort(struct store_txn *t);
/** The row as this transaction sees it. @param ret_key its key there; may be NULL. Spans borrow
 * until the transaction's next change. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | ... */
WEIR_MUST_USE enum weir_err weir_store_find(struct store_txn *t, enum store_tree tree,
                                            struct weir_span key, struct weir_span *ret_key,
                                            struct weir_span *ret_row);
/** Room for a row, to be filled at once. @return WEIR_OK | WEIR_ECORRUPT | WEIR_EFULL | ... */
WEIR_MUST_USE enum weir_err weir_store_put(struct store_txn *t, enum store_tree tree,
                                           struct weir_span key, size_t len, uint8_t **ret_at);
/** A whole row with its sum. */
WEIR_MUST_USE enum weir_err weir_store_put_row(struct store_txn *t, enum store_tree tree,
                                               struct weir_span key, struct weir_span payload);
/** @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | ... */
WEIR_MUST_USE enum weir_err weir_store_del(struct store_txn *t, enum store_tree tree,
                                           struct weir_span key);
/**
 * The first row whose key is behind `from`. Spans borrow until the transaction's next change.
 * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | ...
 */
WEIR_MUST_USE enum weir_err weir_store_seek(struct store_txn *t, enum store_tree tree,
                                            struct weir_span from, struct weir_span *ret_key,
                                            struct weir_span *ret_row);
/** The row behind *key, which was found by seek or step and has not changed. @return as seek */
WEIR_MUST_USE enum weir_err weir_store_step(struct store_txn *t, enum store_tree tree,
                                            struct weir_span *key, struct weir_span *row);
/**
 * Fill last page and free tree of the state that t's roots are of, the newest one, out of its meta
 * page. Only the writer's thread writes meta pages, so none changes while it reads.
 * @return WEIR_OK | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_store_txn_meta(struct store_txn *t);
/** Bytes in use as of the transaction's start; counts the free pages. */
uint64_t weir_store_used(struct store_txn *t, bool exact);

/* store_guard.c: looks at the pages LMDB is about to use. */
/**
 * Begin a transaction: look at what LMDB takes for each, both meta pages and the main tree.
 * @return WEIR_OK | WEIR_ECORRUPT: LMDB must not be let at any key
 */
WEIR_MUST_USE enum weir_err weir_store_guard_roots(struct store_txn *t);
/** Remember the roots as t has them, of which guard_roots then finds every change. */
void weir_store_guard_remember(const struct store_txn *t);
/** To read exactly this key. @return WEIR_OK | WEIR_ECORRUPT: LMDB must not be let at it |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_guard(struct store_txn *t, enum store_tree tree,
                                             struct weir_span key);
/** The same, to put it. */
WEIR_MUST_USE enum weir_err weir_store_guard_put(struct store_txn *t, enum store_tree tree,
                                                 struct weir_span key);
/** The same, to go on to the entry behind it. */
WEIR_MUST_USE enum weir_err weir_store_guard_next(struct store_txn *t, enum store_tree tree,
                                                  struct weir_span key);
/** The same, to remove it: its page may then merge with others. */
WEIR_MUST_USE enum weir_err weir_store_guard_del(struct store_txn *t, enum store_tree tree,
                                                 struct weir_span key);

/** It was removed, and there are fewer pages now: some have merged. Before LMDB is let at the tree
 * again. @return WEIR_OK | WEIR_ECORRUPT, WEIR_ENOMEM: abort */
WEIR_MUST_USE enum weir_err weir_store_guard_merged(struct store_txn *t, enum store_tree tree,
                                                    struct weir_span key);

/* store_index.c */
void weir_store_index_rows_deinit(struct weir_index_rows *rows);
/** Derive, sort. A value that does not unpack has no rows. @return WEIR_OK | WEIR_ENOMEM |
 * WEIR_ELIMIT */
WEIR_MUST_USE enum weir_err weir_store_index_derive(struct weir_store *s, struct weir_span rec_key,
                                                    const struct weir_span *value,
                                                    struct weir_index_rows *rows);
/** Make the rows of a record `s->new_rows` where they were `s->old_rows`. */
WEIR_MUST_USE enum weir_err weir_store_index_change(struct store_txn *t, bool *ret_changed);
/** Remove every row that leads to a record whose old value cannot be read. */
WEIR_MUST_USE enum weir_err weir_store_index_sweep(struct store_txn *t, struct weir_span rec_key,
                                                   bool *ret_changed);

/* store_write.c: one record in a transaction. */
struct store_current {
    bool found; /* there is a row */
    bool sound; /* and it holds */
    bool tombstone;
    struct weir_record_parts parts; /* borrowed until the transaction's next change */
};
struct store_put {
    struct weir_span rec_key; /* class, key */
    struct weir_record_parts parts;
    uint64_t revision; /* 0: not kept */
};
/** What is under a key now. A row that does not hold is counted. @return WEIR_OK | as find */
WEIR_MUST_USE enum weir_err weir_store_current(struct store_txn *t, struct weir_span rec_key,
                                               struct store_current *ret);
/** Make a record current: record, dot, tombstone queue, index, revision, counts. */
WEIR_MUST_USE enum weir_err weir_store_apply(struct store_txn *t, const struct store_put *p,
                                             const struct store_current *cur,
                                             bool *ret_index_changed);
/** Take a record away, with its revisions; cur->found (contract). */
WEIR_MUST_USE enum weir_err weir_store_drop(struct store_txn *t, struct weir_span rec_key,
                                            const struct store_current *cur,
                                            bool *ret_index_changed);
/** When a record came, Unix ms, as its header keeps it: in days, in group E in seconds. */
void weir_store_stored_set(const struct weir_store *s, struct weir_record_head *head,
                           uint64_t stored_ms);
uint64_t weir_store_stored_ms(const struct weir_store *s, const struct weir_record_head *head);
/** A tombstone's place in the queue, and that place as Unix ms. */
uint32_t weir_store_tomb_when(const struct weir_store *s, const struct weir_record_head *head);
uint64_t weir_store_tomb_ms(const struct weir_store *s, uint32_t when);
/** A submitted write, up to but without the commit. Sets w->version. */
WEIR_MUST_USE enum weir_err weir_store_write_one(struct store_txn *t, struct weir_write *w,
                                                 struct weir_change *ret_change);

/* store_rev.c */
WEIR_MUST_USE enum weir_err weir_store_rev_put(struct store_txn *t, struct weir_span rec_key,
                                               uint64_t revision, struct weir_span value);
/** Keep the newest `keep` revisions of a record. */
WEIR_MUST_USE enum weir_err weir_store_rev_trim(struct store_txn *t, struct weir_span rec_key,
                                                size_t records);

/* store_purge.c */
/** Purge what is due, at most STORE_PURGE_BATCH. @return whether there is more */
bool weir_store_purge_step(struct weir_store *s);

/* store_writer.c: the thread, and one group of writes. */
WEIR_MUST_USE enum weir_err weir_store_writer_start(struct weir_store *s);
void weir_store_writer_stop(struct weir_store *s);
/** Tell the figures of the last commit to other threads. */
void weir_store_publish(struct weir_store *s);
/** Tell them that the disk failed. */
void weir_store_publish_failure(struct weir_store *s);
/** Leave word for the next start when a page was found that does not hold. */
void weir_store_mark_suspect(struct weir_store *s);
/** The last commit: the database says that it was closed. A failure leaves it saying it was not. */
void weir_store_write_clean(struct weir_store *s);
void weir_store_count_metric(const struct weir_store *s, enum weir_metric which, uint64_t num);
/** Count `num` writes that ended with `err`: as a refusal by its reason, or as a fault. */
void weir_store_count_unwritten(const struct weir_store *s, enum weir_err err, uint64_t num);
/** The clock of versions. */
uint64_t weir_store_wall_ms(const struct weir_store *s);

/* store_salvage.c */
/**
 * Build a new file from what can be read of the present one and put it in its place.
 * @param why  for the log  @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_store_salvage(struct weir_store *s, const char *why);
/** Clear up after a rescue that was cut off. @param sound the present file is */
void weir_store_salvage_tidy(struct weir_store *s, bool sound);

#endif
