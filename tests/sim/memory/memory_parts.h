/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_parts.h - private to tests/sim/memory*.c: what a store in memory is made of.
 * A record is one allocation: links, header, then context, signature, extra, value and key. A put
 * makes a new one; the one it replaces lives in the log of undos until that is dropped at commit
 * (group C) or sync (group E). Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_PARTS_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_PARTS_H

#include "node/base/arena.h"
#include "tests/sim/memory/memory.h"
#include "tests/sim/memory/memory_tree.h"

#define MEMORY_MAGIC UINT32_C(0x776d656d)

/** What a flip in the header may hit. No padding: its bytes are summed. */
struct memory_head {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq;
    uint64_t hlc;
    uint64_t expires;
    uint64_t stored_ms;
    uint16_t schema;
    uint16_t min_reader;
    uint8_t tombstone;
    uint8_t zero[3];
};
_Static_assert(sizeof(struct memory_head) == WEIR_LANE_LEN + 4 * 8 + 8, "no padding");

/** The queue that a record waits in. */
enum memory_queue {
    MEMORY_QUEUE_NONE,
    MEMORY_QUEUE_TOMBSTONES,
    MEMORY_QUEUE_EXPIRIES,
};

struct memory_lane;

struct memory_record {
    struct memory_link by_key;
    struct memory_link by_dot;  /* rank: seq, whatever a flip makes of the header */
    struct memory_link by_when; /* in its queue */
    struct memory_lane *lane;   /* borrowed; NULL for the loser of a conflict */
    struct memory_head head;
    uint32_t sum;
    uint32_t value_len;
    uint16_t key_len;
    uint16_t extra_len;
    uint8_t class;
    uint8_t num_ctx;
    uint8_t sig_len;
    uint8_t queue;                      /* enum memory_queue */
    bool is_touched;                    /* a flip hit it: check the sum */
    struct weir_record_context bytes[]; /* num_ctx of them, then sig, extra, value, key */
};
_Static_assert(sizeof(struct memory_record) <= 200, "memory.h says so");

struct memory_numbers {
    uint64_t vv, seen, floor, final;
};

/** A row of lanes; there is none when all its numbers are 0. */
struct memory_lane {
    struct memory_link by_name;
    uint8_t name[WEIR_LANE_LEN];
    struct memory_numbers is;
    struct memory_tree dots;
};

struct memory_conflict {
    struct memory_link by_number; /* of noting */
    struct memory_link by_loser;
    uint64_t noted_ms;
    struct weir_version winner;
    struct memory_record *loser; /* owns */
};

/** What a wipe takes. */
struct memory_state {
    struct memory_tree records; /* owns */
    struct memory_tree tombstones;
    struct memory_tree expiries;
    struct memory_tree lanes; /* owns */
    struct weir_store_meta meta;
    uint64_t hash; /* sum over the records */
};

enum memory_change {
    MEMORY_PUT,
    MEMORY_DROP,
    MEMORY_LANE_ADD,
    MEMORY_LANE_SET,
    MEMORY_LANE_DROP,
    MEMORY_META,
    MEMORY_CONFLICT_ADD,
    MEMORY_CONFLICT_DROP,
    MEMORY_WIPE,
};

/** One change, and how to take it back. */
struct memory_undo {
    enum memory_change what;
    union {
        struct {
            struct memory_record *is;  /* MEMORY_PUT; not owned */
            struct memory_record *was; /* owns; may be NULL in MEMORY_PUT */
        } record;
        struct {
            struct memory_lane *lane; /* owned in MEMORY_LANE_DROP */
            struct memory_numbers before, after;
        } lane;
        struct {
            struct weir_store_meta before, after;
        } meta;
        struct memory_conflict *conflict; /* owned in MEMORY_CONFLICT_DROP */
        struct memory_state *wiped;       /* owns */
    } of;
};

struct weir_memory {
    struct weir_record_store base;
    uint32_t magic;
    enum weir_group group;
    struct memory_state s;
    struct memory_tree conflicts; /* owns */
    struct memory_tree losers;    /* the same ones */
    uint64_t conflicts_hash;
    uint64_t last_number;   /* of a conflict */
    uint64_t looked_at;     /* the place of the conflict that was asked for last */
    uint64_t looked_number; /* its number; 0: the place is not known */

    struct memory_undo *log; /* owns */
    size_t log_num;
    size_t log_cap;
    size_t open_at; /* of the log: where the open transaction begins */
    bool is_open;
    enum weir_err spoiled; /* what commit will answer */
    struct weir_arena lent;

    enum weir_memory_trouble trouble;
    uint64_t op_fails_in; /* 0: not */
    enum weir_err op_err;
    uint64_t commit_fails_in;
    enum weir_err commit_err;
    struct weir_memory_hooks hooks;
    uint64_t num_ops;
    uint64_t num_commits;
};

/** What a record, a loser or a lane is found by, beside its rank. */
struct memory_name {
    uint8_t class;
    struct weir_span key;
    const uint8_t *lane;
};

/* -- memory_rows.c: records, lanes and conflicts in their trees; nothing here fails but new -- */

/** Trees with their ties. */
void memory_state_init(struct memory_state *s);
/** Free all that it owns; it is empty then. */
void memory_state_deinit(struct memory_state *s);
/** A record of its own, in no tree. NULL: no memory. */
struct memory_record *memory_record_new(enum weir_group group,
                                        const struct weir_stored_record *rec);
/** A copy, damage included, in no tree. NULL: no memory. */
struct memory_record *memory_record_copy(const struct memory_record *r);
/** Without the lane's numbers. The record has a lane. @return what stood there, or NULL */
struct memory_record *memory_record_add(struct memory_state *s, struct memory_record *r);
/** Out of all trees. */
void memory_record_remove(struct memory_state *s, struct memory_record *r);
/** NULL: absent. */
struct memory_record *memory_record_find(const struct memory_state *s, enum weir_class class,
                                         struct weir_span key);
/** The first record of a class behind a key; NULL: none. */
struct memory_record *memory_record_above(const struct memory_state *s, enum weir_class class,
                                          struct weir_span after);
/** The first record of a lane behind a number; NULL: none. */
struct memory_record *memory_record_dot(const struct memory_lane *lane, uint64_t after);
/** Does the sum hold? */
bool memory_record_holds(const struct memory_record *r);
/** The record's part of the store's hash. */
uint64_t memory_record_hash(const struct memory_record *r);
/** As record_store.h shows it. @param bytes  r->bytes, or a copy of them; borrowed by ret */
void memory_record_show(const struct memory_record *r, const struct weir_record_context *bytes,
                        struct weir_stored_record *ret);
/** Of r->bytes. */
size_t memory_record_bytes_len(const struct memory_record *r);
/** What a flip of WEIR_MEMORY_VALUE may hit. */
size_t memory_record_body_len(const struct memory_record *r);

/** NULL: no row. */
struct memory_lane *memory_lane_find(const struct memory_state *s,
                                     const uint8_t name[WEIR_LANE_LEN]);
/** The first lane behind a name (NULL: the first), or NULL. */
struct memory_lane *memory_lane_above(const struct memory_state *s, const uint8_t *after);
/** A lane of its own, in no tree, without numbers. NULL: no memory. */
struct memory_lane *memory_lane_new(const uint8_t name[WEIR_LANE_LEN]);
/** Into the tree. */
void memory_lane_add(struct memory_state *s, struct memory_lane *lane);
/** Out of the tree. */
void memory_lane_remove(struct memory_state *s, struct memory_lane *lane);
/** With numbers that may be others than its own. */
struct weir_lane_row memory_lane_show(const struct memory_lane *lane,
                                      const struct memory_numbers *numbers);

/** Trees with their ties. */
void memory_conflicts_init(struct weir_memory *m);
/** Free all; there are none then. */
void memory_conflicts_deinit(struct weir_memory *m);
/** Is this loser kept? */
bool memory_conflict_is_kept(const struct weir_memory *m, const struct weir_record *loser);
/** A conflict of its own, in no tree. NULL: no memory. */
struct memory_conflict *memory_conflict_new(const struct weir_memory *m,
                                            const struct weir_conflict *c);
/** A copy under its number, in no tree. NULL: no memory. */
struct memory_conflict *memory_conflict_copy(const struct memory_conflict *c);
/** Into the trees. */
void memory_conflict_add(struct weir_memory *m, struct memory_conflict *c, uint64_t number);
/** Out of the trees. */
void memory_conflict_remove(struct weir_memory *m, struct memory_conflict *c);
/** The first behind a number, or NULL. */
struct memory_conflict *memory_conflict_above(const struct weir_memory *m, uint64_t number);
/** The one at a place below their number, quickly for one place behind the other. */
struct memory_conflict *memory_conflict_at(struct weir_memory *m, uint64_t at);
/** Accepts NULL. */
void memory_conflict_free(struct memory_conflict *c);
/** As record_store.h shows it. @param bytes  the loser's, or a copy of them; borrowed by ret */
void memory_conflict_show(const struct memory_conflict *c, const struct weir_record_context *bytes,
                          struct weir_conflict *ret);

/* -- memory_log.c: changes that can be taken back -- */

/** Room for so many changes. @return false: no memory */
bool memory_log_reserve(struct weir_memory *m, size_t num);
/** Note a change; there is room (contract). */
void memory_log_add(struct weir_memory *m, const struct memory_undo *u);
/** Take back all changes from `at` on. */
void memory_log_undo(struct weir_memory *m, size_t at);
/** Nothing of it can be taken back any more. */
void memory_log_drop(struct weir_memory *m);
/** Tell the hooks all from `at` on. */
void memory_log_tell(struct weir_memory *m, size_t at);

/* -- memory.c -- */

/** Undo the open transaction, if there is one. */
void memory_end(struct weir_memory *m);

#endif
