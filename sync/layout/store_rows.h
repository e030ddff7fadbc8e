/* SPDX-License-Identifier: Apache-2.0
 *
 * store_rows.h - its trees, the form of their keys, and the sums of their
 * rows. Pure. Numbers in keys are big-endian, in values little-endian. Every row carries a checksum
 * that covers its tree and key: `rec` in the record's header, the others in their last four bytes.
 * Ref: sync/store/README.md, "Layout".
 */
#ifndef WEIR_SYNC_LAYOUT_STORE_ROWS_H
#define WEIR_SYNC_LAYOUT_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "sync/store/store.h"

/** Raised when a reader of the old layout would misread the new one. 2: written through a record
 * store, so that a record may carry fields of later versions and there may be no lane of its own.
 */
#define STORE_FORMAT       2
#define STORE_FORMAT_ALONE 1 /* of a node that never was in a cluster: older programs read it */

enum store_tree {
    STORE_META,     /* name -> value: what this database is, and its counts */
    STORE_REC,      /* class, key -> record */
    STORE_DOT,      /* lane_idx 4, seq 8 -> class, key: exactly one row a record */
    STORE_LANE,     /* lane_idx 4 -> lane 16, vv 8, hi_seen 8, floor 8, retired_final 8 */
    STORE_TOMB,     /* when 4, class, key -> nothing: tombstones by the day they came; in group E by
                       the second they came or expired, whichever was first */
    STORE_IDX,      /* index 1, name length 2, name, since_hlc 8, class, key -> nothing */
    STORE_REV,      /* class, key length 2, key, revision 8 -> value */
    STORE_CONFLICT, /* losers of merges, and where each is: store_conflict.c */
    STORE_ACT,      /* class, key -> what is active: replication will fill it */
    STORE_EXP,      /* expires 5, class, key -> nothing: live records by their end; group E alone */
    STORE_NUM_TREES,
};
/** The trees of group C: all but the last. */
#define STORE_NUM_TREES_C STORE_EXP

/** Name of a tree in LMDB's main tree. */
const char *weir_store_tree_name(enum store_tree tree);

#define STORE_ROW_KEY_MAX 511 /* bytes of a key: LMDB's limit */
#define STORE_SUM_LEN     4

struct store_key {
    uint8_t at[STORE_ROW_KEY_MAX + 1];
    size_t len;
};

static inline struct weir_span store_key_span(const struct store_key *k)
{
    return weir_span(k->at, k->len);
}

/* Keys. Every part is in its documented range (contract), so that the key fits. */
void weir_store_key_rec(struct store_key *k, enum weir_class class, struct weir_span key);
void weir_store_key_dot(struct store_key *k, uint32_t lane_idx, uint64_t seq);
void weir_store_key_lane(struct store_key *k, uint32_t lane_idx);
#define WEIR_STORE_TOMB_LEN 4 /* bytes before the record's key in a row of tomb */
#define WEIR_STORE_EXP_LEN  5 /* the same, of exp */
void weir_store_key_tomb(struct store_key *k, uint32_t when, struct weir_span rec_key);
void weir_store_key_exp(struct store_key *k, uint64_t expires, struct weir_span rec_key);
/** With revision 0: the key before all revisions of the record. */
void weir_store_key_rev(struct store_key *k, struct weir_span rec_key, uint64_t revision);
/** Bytes that all revision rows of a record begin with, given one of weir_store_key_rev. */
#define STORE_REV_TAIL 8
/** What all claims of a name begin with. @return false: the name is too long to have any */
bool weir_store_key_idx_name(struct store_key *k, enum weir_index index, struct weir_span name);
/** What the claims of all names of this length with this beginning begin with. Both fit (contract).
 */
void weir_store_key_idx_prefix(struct store_key *k, enum weir_index index, size_t name_len,
                               struct weir_span prefix);
/** Add the claim itself. @return false: the row would be longer than LMDB's limit */
bool weir_store_key_idx_claim(struct store_key *k, uint64_t since_hlc, struct weir_span rec_key);

/** Is this class of group C? */
static inline bool weir_store_class_known(unsigned class)
{
    return class >= WEIR_CLASS_SETTING && class <= WEIR_CLASS_LANE;
}

/** Does the store of this group, 'C' or 'E', have records of this class? */
static inline bool weir_store_class_in(uint8_t group, unsigned class)
{
    return group == 'E' ? class == WEIR_CLASS_BAN : weir_store_class_known(class);
}

/** The sum of a row that is not in `rec`. */
uint32_t weir_store_row_sum(enum store_tree tree, struct weir_span key, struct weir_span payload);
/**
 * Check the sum at the end of a row.
 * @param ret_payload  the row without its sum
 * @return WEIR_OK | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_store_row_check(enum store_tree tree, struct weir_span key,
                                                 struct weir_span row,
                                                 struct weir_span *ret_payload);

/** A row of `idx`, decoded from its key. Spans borrow from it. */
struct store_claim {
    enum weir_index index;
    struct weir_span name;
    uint64_t since_hlc;
    enum weir_class class;
    struct weir_span owner;
};
/** @return WEIR_OK | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_claim_parse(struct weir_span row_key,
                                                   struct store_claim *ret);

/** A lane, decoded from its row. */
struct store_lane {
    uint8_t id[WEIR_LANE_LEN];
    uint64_t vv;      /* all writes up to here are held or superseded */
    uint64_t hi_seen; /* highest sequence number heard of */
    uint64_t floor;   /* highest sequence number of a purged tombstone */
    uint64_t retired_final;
};
#define STORE_LANE_LEN (WEIR_LANE_LEN + 32)
/** The payload of a lane's row. */
void weir_store_lane_pack(const struct store_lane *lane, uint8_t out[STORE_LANE_LEN]);
/** @return WEIR_OK | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_lane_unpack(struct weir_span payload,
                                                   struct store_lane *ret);

#define STORE_LANE_NONE UINT32_MAX

/** Everything that is counted; it changes with each commit. Stored in meta: "lane", "live", "seq",
 * "hlc_floor" and "counts". */
struct store_tally {
    uint32_t own_lane;                  /* its lane_idx, or STORE_LANE_NONE: none drawn yet */
    bool is_live;                       /* a bootstrap has completed, or none was needed */
    uint64_t seq;                       /* last own sequence number */
    uint64_t hlc_floor;                 /* largest stamp of a purged tombstone */
    uint64_t live[WEIR_CLASS_LANE + 1]; /* records by class; a ban's place is 0 */
    uint64_t num_tombstones;
    uint64_t index[WEIR_INDEX_PREFIX + 1]; /* rows of later ones are not counted */
    uint64_t num_conflicts;                /* names with more than one claim */
};
#define STORE_COUNTS_LEN (8 * (WEIR_CLASS_LANE + 1 + 1 + WEIR_INDEX_PREFIX + 1 + 1))
/** The payload of the row "counts". */
void weir_store_counts_pack(const struct store_tally *tally, uint8_t out[STORE_COUNTS_LEN]);
/** Fills the counts and nothing else. @return WEIR_OK | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_counts_unpack(struct weir_span payload,
                                                     struct store_tally *ret);

#endif
