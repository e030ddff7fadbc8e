/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store.h - what the replication engine needs of a store: one write transaction at a time
 * over records, their dots, lanes, conflicts and a few numbers. There is one record store for each
 * group: C (settings, durable when commit returns) and E (bans, durable some seconds later). Two
 * implementations: the node's LMDB store, and tests/sim/memory/memory.h, which fails on purpose.
 * Owner: the engine's thread, which alone calls it.   Limits: those of store.h and record.h.
 */
#ifndef WEIR_SYNC_STORE_RECORD_STORE_H
#define WEIR_SYNC_STORE_RECORD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/err.h"
#include "node/base/span.h"
#include "sync/version/stored_record.h"
#include "sync/version/version.h"

#define WEIR_CONFLICTS_MAX 10000 /* losers that are stored; the oldest is dropped */

/** The numbers of a lane. A lane whose numbers are all zero has no row. */
struct weir_lane_row {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t vv;    /* strict: nothing up to here is missing */
    uint64_t seen;  /* largest seq of any record ever stored, covered by vv or not */
    uint64_t floor; /* largest seq of any purged tombstone */
    uint64_t final; /* 0, or where the lane ends by its record; the engine's, any 64 bits */
};

/** The numbers of one database. All zero in a store that was never used. */
struct weir_store_meta {
    uint8_t lane[WEIR_LANE_LEN]; /* the lane this database writes on; zero: none drawn yet */
    uint64_t seq;                /* the last seq of that lane */
    uint64_t hlc_floor;          /* largest stamp of any purged tombstone */
    bool live;                   /* a bootstrap has completed */
};

/** A loser of a merge that its winner had not seen. */
struct weir_conflict {
    uint64_t noted_ms; /* Unix ms */
    struct weir_stored_record loser;
    struct weir_version winner;
};

struct weir_record_store;

/**
 * The operations. All but begin are legal only between begin and commit or abort (contract).
 * WEIR_EIO and WEIR_EFULL of any of them mean: abort. Spans that are given back borrow until the
 * next call that changes something, or the end of the transaction.
 */
struct weir_record_store_ops {
    /** @return WEIR_OK | WEIR_EIO | WEIR_ENOMEM */
    enum weir_err (*begin)(struct weir_record_store *k);
    /**
     * The transaction is over, whatever the result; on an error nothing of it remains.
     * @return WEIR_OK | WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM
     */
    enum weir_err (*commit)(struct weir_record_store *k);
    void (*abort)(struct weir_record_store *k);

    /**
     * Find a record, tombstones included.
     * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT (its checksum) | WEIR_EIO
     */
    enum weir_err (*get)(struct weir_record_store *k, enum weir_class class, struct weir_span key,
                         struct weir_stored_record *ret);
    /**
     * Store a record in place of whatever the key had, with its dot; raises the lane's `seen`. A
     * tombstone has no value.
     * @return WEIR_OK | WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM
     */
    enum weir_err (*put)(struct weir_record_store *k, const struct weir_stored_record *rec);
    /** Remove a record without trace. Absent is WEIR_OK. @return WEIR_OK | WEIR_EIO */
    enum weir_err (*drop)(struct weir_record_store *k, enum weir_class class, struct weir_span key);
    /** The record of a lane with the smallest seq above `after`.
     * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT (ret's class, key and seq are set) |
     * WEIR_EIO
     */
    enum weir_err (*next_dot)(struct weir_record_store *k, const uint8_t lane[WEIR_LANE_LEN],
                              uint64_t after, struct weir_stored_record *ret);
    /**
     * The first record of a class with a key larger than `after` (empty: the first), tombstones
     * included.
     * @return as next_dot
     */
    enum weir_err (*next_key)(struct weir_record_store *k, enum weir_class class,
                              struct weir_span after, struct weir_stored_record *ret);
    /**
     * A tombstone with stored_ms <= `until_ms`, the oldest first. Group E: also one that expired
     * until then.
     * @return as next_dot
     */
    enum weir_err (*next_tombstone)(struct weir_record_store *k, uint64_t until_ms,
                                    struct weir_stored_record *ret);
    /** Group E: a live record with 0 < expires <= `until_s`, the earliest first.
     * @return as next_dot */
    enum weir_err (*next_expired)(struct weir_record_store *k, uint64_t until_s,
                                  struct weir_stored_record *ret);

    /** The lane with the smallest name above `after` (NULL: the first).
     * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_EIO */
    enum weir_err (*next_lane)(struct weir_record_store *k, const uint8_t *after,
                               struct weir_lane_row *ret);
    /** Add or replace vv, floor and final; `seen` only rises. @return WEIR_OK | WEIR_EIO |
     * WEIR_EFULL | WEIR_ENOMEM | WEIR_ELIMIT (WEIR_LANES_MAX) */
    enum weir_err (*put_lane)(struct weir_record_store *k, const struct weir_lane_row *lane);
    /**
     * Remove a lane's row. No record may have a dot of the lane (contract).
     * @return WEIR_OK | WEIR_EIO
     */
    enum weir_err (*drop_lane)(struct weir_record_store *k, const uint8_t lane[WEIR_LANE_LEN]);

    /** @return WEIR_OK | WEIR_EIO */
    enum weir_err (*get_meta)(struct weir_record_store *k, struct weir_store_meta *ret);
    /** @return WEIR_OK | WEIR_EIO | WEIR_EFULL */
    enum weir_err (*put_meta)(struct weir_record_store *k, const struct weir_store_meta *meta);

    /**
     * Store a conflict. When there are WEIR_CONFLICTS_MAX the oldest is dropped. The same loser
     * is stored once.
     * @return WEIR_OK | WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM
     */
    enum weir_err (*put_conflict)(struct weir_record_store *k, const struct weir_conflict *c);
    /**
     * The conflict at position `at` = 0.., in the order in which they were stored.
     * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_EIO
     */
    enum weir_err (*get_conflict)(struct weir_record_store *k, uint64_t at,
                                  struct weir_conflict *ret);
    /** Drop conflicts noted at or before `until_ms`. @return WEIR_OK | WEIR_EIO */
    enum weir_err (*drop_conflicts)(struct weir_record_store *k, uint64_t until_ms);

    /**
     * Drop records, lanes and numbers; conflicts stay, since they are what this node itself
     * found.
     * @return WEIR_OK | WEIR_EIO | WEIR_EFULL
     */
    enum weir_err (*wipe)(struct weir_record_store *k);
};

/** First member of each implementation's struct. */
struct weir_record_store {
    const struct weir_record_store_ops *ops;
};

#endif
