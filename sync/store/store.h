/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - versioned records in LMDB. Every worker reads them in place; one thread writes: the
 * store's own, or that of a caller through a record store. Layout: README.md.
 * The file grows while running, up to max_bytes. The address space for more (four times max_bytes,
 * at most 1 TiB) is reserved at start and costs no memory, so that the map never moves under a
 * reader.
 * Threads: open/close control; readers one per thread; submit any thread; callbacks run on the
 * writer thread. Limits: WEIR_RECORD_MAX bytes a value, WEIR_KEY_MAX bytes a key,
 * WEIR_WRITER_QUEUE_MAX waiting writes.
 */
#ifndef WEIR_SYNC_STORE_STORE_H
#define WEIR_SYNC_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/inbox.h"
#include "node/base/limits.h"
#include "node/base/metrics.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "sync/version/version.h"

/**
 * Derived index: which record owns a name. Several records may claim one; the earliest since_hlc
 * wins, key bytes break ties.
 */
enum weir_index {
    WEIR_INDEX_HOST = 1,         /* exact host, lower case */
    WEIR_INDEX_WILDCARD = 2,     /* the name after "*." */
    WEIR_INDEX_ADDRESS = 3,      /* 16 bytes */
    WEIR_INDEX_ADDRESS_PORT = 4, /* 16 bytes, port big-endian */
    WEIR_INDEX_PREFIX = 5,       /* prefix length, 16 bytes */
    WEIR_INDEX_REVERSED = 6,     /* made by the store of HOST and WILDCARD rows: store_claims.h */
    WEIR_INDEX_CERT = 7,         /* tenants/cert_record.h; no conflict, not counted */
};

struct weir_index_rows; /* collects the rows of one record's value */
/**
 * Add one row. `key` is copied.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT: return it to the store
 */
WEIR_MUST_USE enum weir_err weir_index_rows_add(struct weir_index_rows *rows, enum weir_index index,
                                                struct weir_span key, uint64_t since_hlc);
/**
 * The rows that a record of this class derives; provided by the layer that knows the payload
 * (tenants/index.c). Pure.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ECORRUPT: the value does not unpack; the record is stored
 * without rows
 */
typedef enum weir_err (*weir_index_fn)(enum weir_class class, struct weir_span key,
                                       struct weir_span value, struct weir_index_rows *rows);

/**
 * What one commit changed. Passed on the writer thread after the commit is durable and before any
 * of its writes is acknowledged.
 */
struct weir_change {
    enum weir_class class;
    struct weir_span key; /* borrowed for the call */
    struct weir_version version;
    bool tombstone;
    bool index_changed; /* some index row was added or removed: names may lead elsewhere now */
};
typedef void (*weir_change_fn)(void *arg, const struct weir_change *changes, size_t num);

/**
 * The number under which a value is stored as a revision, 0: it is no revision. Provided by the
 * layer that knows the payload.
 */
typedef uint64_t (*weir_revision_number_fn)(enum weir_class class, struct weir_span key,
                                            struct weir_span value);

struct weir_store_config {
    const char *folder;  /* created 0700 when missing */
    uint64_t max_bytes;  /* 1 MiB .. ; the map may grow up to this; writes stop at 80 % of it */
    weir_index_fn index; /* may be NULL: no derived rows */
    weir_change_fn on_change; /* may be NULL */
    void *on_change_arg;
    struct weir_metrics *metrics; /* the writer's block; may be NULL */
    uint64_t (*wall_ms)(void);    /* the clock of versions, Unix ms; NULL: weir_clock_wall_ms */
    bool driven; /* by store_records.h: no writer thread, a thread of the caller writes and purges;
                    submit is refused, and a new store has no lane until the record store is given
                    one */
    weir_revision_number_fn revision; /* of a driven store; NULL: no revisions are stored */
};

struct weir_store;
struct weir_store_reader;

/**
 * Open or create, check, start the writer thread. A file that LMDB or weir finds damaged is moved
 * aside (conf.mdb.damaged-<time>), what can be read is copied over, and an error in the log names
 * both files.
 * @return WEIR_OK | WEIR_EINUSE (another process has it) | WEIR_EPERM | WEIR_EIO | WEIR_ENOMEM |
 * WEIR_EFULL | WEIR_EUNSUPPORTED (written by a newer version: the file is left as it is) |
 * WEIR_EINVAL (max_bytes)
 */
WEIR_MUST_USE enum weir_err weir_store_open(const struct weir_store_config *cfg,
                                            struct weir_store **ret);
/** Finish what is queued, stop the writer, close. All readers must be freed, and a record store's
 * transaction over (contract). Sets *s NULL. */
void weir_store_close(struct weir_store **s);
/**
 * Change max_bytes while running. Any thread. Less than what is used is legal: writes are refused
 * until deletes have made room.
 * @return WEIR_OK | WEIR_EINVAL (under 1 MiB) | WEIR_ELIMIT (more than the address space reserved
 * at start)
 */
WEIR_MUST_USE enum weir_err weir_store_set_max(struct weir_store *s, uint64_t max_bytes);

/** One per reading thread, used by that thread alone. @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT
 * (reader slots) */
WEIR_MUST_USE enum weir_err weir_store_reader_new(struct weir_store *s,
                                                  struct weir_store_reader **ret);
void weir_store_reader_free(struct weir_store_reader **r);
/**
 * Begin a snapshot, which must end in the same callback. Cheap: it renews a transaction that the
 * reader holds.
 * @return WEIR_OK | WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_store_read_begin(struct weir_store_reader *r);
void weir_store_read_end(struct weir_store_reader *r);

/** Inside begin/end. @return WEIR_OK | WEIR_ENOTFOUND (absent, or a tombstone) | WEIR_ECORRUPT
 * (checksum; counted) */
WEIR_MUST_USE enum weir_err weir_store_get(struct weir_store_reader *r, enum weir_class class,
                                           struct weir_span key, struct weir_record *ret);
/**
 * The winning claim. Inside begin/end.
 * @param ret_owner the record key that owns it, borrowed  @return WEIR_OK | WEIR_ENOTFOUND |
 * WEIR_ECORRUPT (counted)
 */
WEIR_MUST_USE enum weir_err weir_store_index_owner(struct weir_store_reader *r,
                                                   enum weir_index index, struct weir_span key,
                                                   struct weir_span *ret_owner);
/** Number of rows of an index, up to WEIR_INDEX_PREFIX (contract); stored in meta, O(1). Inside
 * begin/end. Lets a worker skip a lookup that cannot hit. */
uint64_t weir_store_index_count(struct weir_store_reader *r, enum weir_index index);

/** Called for each record; return false to stop. */
typedef bool (*weir_record_fn)(void *arg, const struct weir_record *rec);
/**
 * Live records of a class in key order, from the first key larger than `after` (empty: the
 * first), at most `limit`. Inside begin/end. A record whose checksum is wrong is counted, logged
 * and left out.
 * @return WEIR_OK | WEIR_ECORRUPT: a page is damaged, the list ends early
 */
WEIR_MUST_USE enum weir_err weir_store_list(struct weir_store_reader *r, enum weir_class class,
                                            struct weir_span after, size_t limit, weir_record_fn fn,
                                            void *arg);

/**
 * A stored revision. Inside begin/end.
 * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT (counted)
 */
WEIR_MUST_USE enum weir_err weir_store_revision_get(struct weir_store_reader *r,
                                                    enum weir_class class, struct weir_span key,
                                                    uint64_t revision, struct weir_span *ret_value);
typedef bool (*weir_revision_fn)(void *arg, uint64_t revision, struct weir_span value);
/** Newest first, at most WEIR_REVISIONS_KEPT. Inside begin/end. @return WEIR_OK | WEIR_ECORRUPT:
 * the list ends early */
WEIR_MUST_USE enum weir_err weir_store_revision_list(struct weir_store_reader *r,
                                                     enum weir_class class, struct weir_span key,
                                                     weir_revision_fn fn, void *arg);

struct weir_store_stats {
    uint64_t num_tenants; /* live records of class TENANT, O(1) */
    uint64_t num_records;
    uint64_t used_bytes;
    uint64_t max_bytes;
    uint64_t seq;                /* last own sequence number */
    uint8_t lane[WEIR_LANE_LEN]; /* zero: driven, and none was drawn yet */
    uint64_t num_conflicts;      /* names claimed by more than one record */
    uint32_t readers_used, readers_max;
    bool writable;        /* false: over 80 % or the disk failed */
    bool damaged;         /* a damaged page was found: the next start repairs the file */
    uint64_t num_corrupt; /* records and rows found with a wrong checksum since start */
};
/** As of the last commit; inside or outside begin/end. @return WEIR_OK */
WEIR_MUST_USE enum weir_err weir_store_stats(struct weir_store_reader *r,
                                             struct weir_store_stats *ret);

/**
 * One write, queued to the writer thread, which groups what waits into one durable transaction.
 * Owner: the submitter until submit, the store until done is called, then the submitter again.
 */
struct weir_write {
    struct weir_msg msg; /* private to the store while queued */
    enum weir_class class;
    struct weir_span key; /* 1..WEIR_KEY_MAX bytes; borrowed until done */
    bool delete;          /* write a tombstone; a value of build is for the revision list alone */
    uint64_t revision;    /* set by build: the value's number in the revision list; 0: none */
    bool unchanged;       /* set by build with WEIR_EEXIST: a success, so no refusal is counted */
    /**
     * On the writer thread, in the transaction: make the new value from the current one. Quick and
     * pure: it is called again when a commit of many has no room and each is tried alone.
     * @param current NULL when absent, a tombstone, or no longer readable  @param hlc the stamp
     * this write will carry  @param value append the bytes here
     * @return WEIR_OK | WEIR_EEXIST: leave the record; set `unchanged` when it has the wanted
     * content already, clear it when its presence is the reason to refuse | WEIR_ECONFLICT |
     * WEIR_ENOTFOUND | WEIR_EINVAL | WEIR_EPERM (refused by policy) | WEIR_ENOMEM
     */
    enum weir_err (*build)(struct weir_write *w, const struct weir_record *current, uint64_t hlc,
                           struct weir_strbuf *value);
    struct store_txn *txn; /* private to the store, set while build runs */
    bool over_reserve; /* private to the store: WEIR_EFULL is by limits.store, not by the disk */
    /** On the writer thread, after the commit or the refusal. May only hand over to another thread.
     */
    void (*done)(struct weir_write *w);
    /* results, set before done */
    enum weir_err err; /* as build, or WEIR_EFULL (80 % reserve or disk), WEIR_EIO, WEIR_ELIMIT
                          (value too big, or too many index rows), WEIR_ENOMEM, WEIR_ECORRUPT
                          (damaged pages in the way) */
    struct weir_version version;
};

/** @return WEIR_OK (done will be called exactly once) | WEIR_EBUSY (queue full: try later) |
 * WEIR_ECLOSED (closing, or driven) */
WEIR_MUST_USE enum weir_err weir_store_submit(struct weir_store *s, struct weir_write *w);

/** Where a scrub stands between steps; zero at first. Owner: the caller. */
struct weir_store_scrub {
    uint8_t after[WEIR_KEY_MAX + 1];
    size_t after_len;
    uint64_t num_checked; /* of the current pass */
    uint64_t num_corrupt;
    uint64_t num_passes; /* finished */
};
/**
 * Check the checksums of the next `num` records, outside begin/end, in one short read
 * transaction. Corrupt ones are counted and logged with their keys; they stay until they are
 * written again or fetched from a peer.
 * @return WEIR_OK | WEIR_ECORRUPT: a page is damaged (flagged; the next step starts a new pass) |
 * WEIR_EIO
 */
WEIR_MUST_USE enum weir_err weir_store_scrub_step(struct weir_store_reader *r,
                                                  struct weir_store_scrub *at, size_t num);

#endif
