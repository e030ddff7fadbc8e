/* SPDX-License-Identifier: Apache-2.0
 *
 * history.h - the oracle: what was written in a run, and whether what the nodes hold in the end can
 * be right. It knows nothing of how the nodes got there: neither engine nor store is included.
 * Owner: one thread. Limits: as many writes as the caller gives memory for. Each note takes
 * constant time: writes are found by dot, and those of a key are a list.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_HISTORY_H
#define WEIR_TESTS_SIM_ORACLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"

/** Name of a write: the seq-th of a lane. Lanes are numbered by the caller, seq counts from 1. */
struct weir_history_dot {
    uint32_t lane;
    uint64_t seq;
};

/** The larger hlc wins; of equal ones the larger tie. */
struct weir_history_version {
    int64_t hlc; /* ms */
    uint64_t tie;
};

/** What a node holds of a key; all zero while the key is absent. */
struct weir_history_record {
    bool present;
    bool deleted; /* a tombstone */
    uint32_t key;
    struct weir_history_dot dot;
    struct weir_history_version version;
    uint64_t value;
};

/** One write that a node acknowledged. */
struct weir_history_write {
    struct weir_history_dot dot;
    struct weir_history_version version;
    uint32_t key;
    bool deleted;
    bool exported;
    bool purged;
    bool reused;     /* an earlier write has the same dot */
    uint32_t before; /* the write of the same key before this one, plus 1; 0: none */
};

/** Slots that weir_history_init needs for so many writes: a power of two. */
#define WEIR_HISTORY_SLOTS(writes_max_log2) (UINT32_C(4) << (writes_max_log2))

/** Zero state: none, weir_history_init is needed. */
struct weir_history {
    struct weir_history_write *writes; /* borrowed */
    size_t num_writes;
    size_t writes_max;
    uint32_t *slots; /* borrowed: a table by dot, then one by key; write + 1, 0: free */
    uint32_t num_slots;
    bool full;
    bool strange; /* a purge of what was not deleted, or an export of what was not written */
};

/** What one node holds in the end; lanes from num_lanes on are 0. */
struct weir_history_node {
    const struct weir_history_record *records; /* one for each key */
    const uint64_t *vv;
    uint32_t num_lanes;
};

/** The nodes after healing: every write has had the time to reach every node. */
struct weir_history_final {
    const struct weir_history_node *nodes;
    size_t num_nodes; /* 1 at least */
    uint32_t num_keys;
};

enum weir_finding_kind {
    WEIR_FINDING_OK,
    WEIR_FINDING_DIVERGED,    /* I1: two nodes show a key differently */
    WEIR_FINDING_VECTORS,     /* I2: their vectors differ */
    WEIR_FINDING_RESURRECTED, /* I5: a value older than a covered delete is visible */
    WEIR_FINDING_LOST,        /* I2, I4: a covered write is gone and nothing accounts for it */
    WEIR_FINDING_REUSED,      /* I3: one dot names two writes */
    WEIR_FINDING_STRANGE,     /* a purge or an export that no write explains */
    WEIR_FINDING_FULL,        /* too many writes for the memory given: no finding */
    WEIR_FINDING_COUNT,
};

/** Where a finding was found; what does not apply is 0. */
struct weir_finding {
    enum weir_finding_kind kind;
    size_t node;
    uint32_t key;
    struct weir_history_dot dot;
};

/** A kind of finding in a few words. Static. */
const char *weir_finding_text(enum weir_finding_kind kind);

/**
 * Begin. Both arrays are borrowed until the history is not used any more; contents undefined.
 *
 * @param writes     room for 2^max_log2 writes, max_log2 below 29 (contract)
 * @param slots      room for WEIR_HISTORY_SLOTS(max_log2) numbers
 */
void weir_history_init(struct weir_history *h, struct weir_history_write *writes, uint32_t *slots,
                       unsigned max_log2);

/** A node took a write: `deleted` for a tombstone. Beyond the memory given the finding is FULL.
 * Notes of exports and purges mean the last write with the dot. */
void weir_history_note_write(struct weir_history *h, struct weir_history_dot dot, uint32_t key,
                             struct weir_history_version version, bool deleted);
/** A stale node saved this write to a file before its reset (R6): it may be missing in the end, and
 * what it deleted may be there. */
void weir_history_note_exported(struct weir_history *h, struct weir_history_dot dot);
/** A node dropped this tombstone: what it deleted may be absent without a trace. */
void weir_history_note_purged(struct weir_history *h, struct weir_history_dot dot);

/**
 * Judge the end of a run. Writes that no vector includes are not checked: their nodes were wiped
 * before anybody else had them.
 *
 * Takes time in proportion to the writes, and for each one that has vanished to those of its key.
 */
struct weir_finding weir_history_judge(const struct weir_history *h,
                                       const struct weir_history_final *final);

#endif
