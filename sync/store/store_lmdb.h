/* SPDX-License-Identifier: Apache-2.0
 *
 * store_lmdb.h - private to the store's files: its state, and the only place that includes lmdb.h.
 * LMDB does the transactions, the free list and the writing; reading goes through tree.h.
 */
#ifndef WEIR_SYNC_STORE_STORE_LMDB_H
#define WEIR_SYNC_STORE_STORE_LMDB_H

#include <pthread.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "node/base/log.h"
#include "sync/layout/store_rows.h"
#include "sync/store/store.h"
#include "sync/tree/tree.h"
#include "sync/version/record.h"

#define STORE_MAGIC  0x53746f72u
#define READER_MAGIC 0x52656164u

#define STORE_READERS_BYTES   32768  /* of LMDB's table of readers: 64 a reader, some 500 */
#define STORE_LANES_MAX       262144 /* that have a number: also those only contexts mention */
#define STORE_INDEX_ROWS_MAX  16384  /* of one record */
#define STORE_GROUP_BYTES     (UINT64_C(1) << 20) /* of one commit, as soon as it passes this */
#define STORE_MAX_BYTES_MIN   (UINT64_C(1) << 20)
#define STORE_RESERVE_MAX     (UINT64_C(1) << 40) /* address space */
#define STORE_RESERVE_PERCENT 80 /* of max_bytes: above it only deletes are accepted */
#define STORE_TOMB_DAYS       400
#define STORE_PURGE_BATCH     256
#define STORE_PURGE_EVERY_MS  60000
#define STORE_INCARNATION_LEN 16
#define STORE_NODE_ID_LEN     8
#define STORE_BOOT_ID_LEN     16

/** The constants in which the stores of the two groups differ. */
struct store_kind {
    uint8_t group; /* 'C' or 'E' */
    int num_trees;
    bool durable; /* a commit is on the disk and a damaged file is rescued; else it is synced when
                     the caller asks for it, and a damaged file is deleted */
    const char *file_name;
    const char *new_name; /* of a rescue */
    const char *suspect_name;
    const char *lock_name;
};

/** The roots of all trees as of one transaction. */
struct store_roots {
    uint64_t txnid;
    struct weir_tree tree[STORE_NUM_TREES];
};

/**
 * For readers of figures, and for readers when LMDB is out of service. Under
 * weir_store.shared_lock.
 */
struct store_shared {
    struct store_roots roots;
    struct weir_tree_file pages;
    struct store_tally tally;
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t used_bytes;
    bool over_reserve;
    bool disk_failed; /* the last commit failed */
};

/** Index rows of one value, sorted, one claim a name. Owner: writer. */
struct weir_index_rows {
    struct weir_span rec_key; /* borrowed: class, key */
    uint8_t *bytes;           /* owns; row keys one after another */
    size_t len, cap;
    struct store_index_row {
        uint32_t at;
        uint16_t len;
        uint16_t name_len; /* bytes of the row that name the claimed thing */
    } * rows;              /* owns */
    size_t num, cap_rows;
};

struct store_records;

struct weir_store {
    uint32_t magic;
    struct weir_store_config cfg;
    const struct store_kind *kind;
    char *folder; /* owns; cfg.folder points to it */
    int folder_fd;
    int lock_fd;

    /* Set at open, then constant. */
    int file_fd;
    MDB_env *env;
    MDB_dbi dbi[STORE_NUM_TREES];
    const uint8_t *map; /* our own read-only view of the file */
    uint64_t map_len;
    uint32_t page_len;
    uint32_t max_readers;
    uint8_t node_id[STORE_NODE_ID_LEN];
    uint8_t incarnation[STORE_INCARNATION_LEN];

    /* Owner: writer (the opening thread before it starts, the closing one after). */
    struct store_tally tally; /* as committed */
    struct store_lane *lanes; /* owns; the position is lane_idx */
    uint32_t num_lanes, cap_lanes;
    uint32_t format;     /* from the database */
    bool has_live_row;   /* the database has a row "live" */
    bool reversed_whole; /* the rows of WEIR_INDEX_REVERSED are those of all names; constant once
                            the store is open */
    bool driven; /* by a record store's caller; false while a rescue numbers what it writes */
    struct weir_index_rows old_rows, new_rows;
    struct weir_strbuf value;
    uint8_t *sound; /* owns; one byte a page: what was checked in this transaction */
    uint64_t sound_pages;
    uint64_t *marked; /* owns; which pages those are */
    size_t num_marked, cap_marked;
    struct weir_write **group; /* owns; WEIR_WRITE_GROUP_MAX */
    struct weir_change *changes;
    size_t num_single;    /* writes at the head of the queue to commit one by one */
    uint64_t purge_at_ms; /* monotonic */
    uint64_t free_pages, free_counted_ms;
    uint64_t free_sum_txnid; /* the state in which the free tree's rows summed up to free_sum */
    uint32_t free_sum;
    uint64_t roots_txnid; /* the state whose meta page and main tree summed up to roots_sum */
    uint32_t roots_sum;
    struct weir_log_limit disk_log;
    bool suspect_marked;
    bool clean; /* the database is marked as closed; changes with the first commit */

    /* Any thread. */
    _Atomic uint64_t max_bytes;
    _Atomic uint64_t num_corrupt;
    _Atomic uint32_t num_readers;
    _Atomic bool suspect; /* a page is damaged; the writer leaves a mark for the next start */
    struct weir_log_limit corrupt_log;
    pthread_mutex_t shared_lock;
    struct store_shared shared;
    struct weir_inbox inbox;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake_cond; /* on CLOCK_MONOTONIC */
    bool woken, closing;      /* under wake_lock */
    bool running;             /* control: the writer thread is there */
    pthread_t writer;
    struct store_records *records; /* owns; there when cfg.driven, instead of the thread */
};

/** One write transaction. Owner: writer. */
struct store_txn {
    struct weir_store *s;
    MDB_txn *txn;
    MDB_cursor *cursor[STORE_NUM_TREES]; /* opened at first use; end with the transaction */
    struct weir_tree_file pages;         /* the file and its trees before this transaction */
    struct store_roots roots;
    struct weir_tree free;
    uint64_t last_page;
    struct store_tally tally; /* with this transaction's changes */
    uint64_t wall_ms;
    uint64_t bytes;    /* written so far, roughly */
    bool over_reserve; /* only deletes are accepted */
    bool closing;      /* the last one: it marks the database as closed */
    bool touched;      /* some row was changed since the caller cleared this */
    bool broken;       /* must be aborted */
};

static inline void weir_store_lock(pthread_mutex_t *m)
{
    WEIR_ASSERT(pthread_mutex_lock(m) == 0);
}

static inline void weir_store_unlock(pthread_mutex_t *m)
{
    WEIR_ASSERT(pthread_mutex_unlock(m) == 0);
}

#endif
