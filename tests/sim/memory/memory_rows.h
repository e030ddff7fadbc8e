/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_rows.h - private to tests/sim/memory/: records and lanes of a store in memory, and the
 * trees that they are in. A record is one allocation: links, header, then context, signature,
 * extra, value and key. A put makes a new one. Nothing here fails but new and copy.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_ROWS_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "sync/store/record_store.h"
#include "tests/sim/memory/memory_tree.h"

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
_Static_assert(sizeof(struct memory_record) <= 200, "the limit in memory.h");

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

/** What a wipe takes. */
struct memory_state {
    struct memory_tree records; /* owns */
    struct memory_tree tombstones;
    struct memory_tree expiries;
    struct memory_tree lanes; /* owns */
    struct weir_store_meta meta;
    uint64_t hash; /* sum over the records */
};

/** What a record, a loser or a lane is found by, beside its rank. */
struct memory_name {
    uint8_t class;
    struct weir_span key;
    const uint8_t *lane;
};

/** Of a name and what a record is found by: <0, 0, >0. */
int memory_name_compare(const struct memory_name *name, const struct memory_record *r);
/** What a record is found by. Borrows from it. */
struct memory_name memory_name_of(const struct memory_record *r);
/** The rank of a lane's name. */
uint64_t memory_lane_rank(const uint8_t name[WEIR_LANE_LEN]);

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

#endif
