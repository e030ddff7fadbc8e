/* SPDX-License-Identifier: Apache-2.0
 *
 * members_table.h - private to the members room: the table of nodes.
 */
#ifndef WEIR_SYNC_MEMBERS_MEMBERS_TABLE_H
#define WEIR_SYNC_MEMBERS_MEMBERS_TABLE_H

#include "sync/members/members.h"

#define MEMBERS_SENT 64 /* heartbeats of this node whose time is remembered */

/* One incarnation of a node, as far as it was heard. */
struct members_life {
    bool used;
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint64_t first_us;
    uint64_t last_us;
    uint64_t n;
};

/* When a member last heard a node, by its report; 0: never. */
struct members_report {
    uint8_t from[WEIR_NODE_ID_LEN];
    uint64_t heard_us;
};

struct members_entry {
    struct weir_members_item item;
    bool recorded;      /* has a record */
    bool has_heartbeat; /* a heartbeat of it came, and item has its contents */
    enum weir_member_state state;
    uint64_t direct_us;              /* when this node heard it, directly or by gossip */
    struct members_life older;       /* R13: the one that was heard first */
    struct members_life younger;     /* a second one, until it is clear which of them lives */
    struct members_report report[2]; /* of two different members, the later one first */
    uint64_t n_us;                   /* when item.n was heard */
    uint64_t n_gossiped;             /* item.n when it was last reported */
    bool measured;
    int64_t offset_ms;
    uint64_t measured_us;
};

struct weir_members {
    struct weir_members_config cfg;
    struct members_entry *entry; /* owns; ascending by id */
    int64_t *offset;             /* owns; room for one of each entry; ascending */
    size_t num;
    size_t cap;
    size_t num_offsets;
    size_t num_recorded;
    size_t count[WEIR_MEMBERS_NUM_LIVES];
    unsigned factor;
    uint64_t now_us;
    uint64_t wall_ms;
    uint64_t scan_us;                        /* when the next scan may run */
    uint8_t last_gossiped[WEIR_NODE_ID_LEN]; /* the node that was reported last */
    struct {
        bool used;
        uint64_t n;
        uint64_t at_us;
    } sent[MEMBERS_SENT]; /* by n mod MEMBERS_SENT */
};

/** The position of the first entry that is not below `node`; num: all are. */
size_t weir_members_entry_position(const struct weir_members *m,
                                   const uint8_t node[WEIR_NODE_ID_LEN]);
/** @return NULL: the node is not in the table */
struct members_entry *weir_members_entry_find(const struct weir_members *m,
                                              const uint8_t node[WEIR_NODE_ID_LEN]);
/** An entry for a node that has none (contract: not checked): a stranger, met now.
 * @return WEIR_OK | WEIR_ELIMIT | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_members_entry_add(struct weir_members *m,
                                                   const uint8_t node[WEIR_NODE_ID_LEN],
                                                   struct members_entry **ret);
/** Is it this node? */
bool weir_members_entry_is_me(const struct weir_members *m, const struct members_entry *e);
/** The one place where a life changes. The move must be in the table of legal moves
 * (contract); to stay is legal. */
void weir_members_entry_move(struct weir_members *m, struct members_entry *e,
                             enum weir_members_life life);
/** Remove a stranger, which has no record (contract); entries behind it move up. */
void weir_members_entry_drop(struct weir_members *m, struct members_entry *e);
/** The state of the node by the entry's record: STRANGER, LEFT or EVICTED; SUSPECT for a member
 * that is judged by its silence, ALIVE for this node. */
enum weir_members_life weir_members_entry_kind(const struct weir_members *m,
                                               const struct members_entry *e);
#endif
