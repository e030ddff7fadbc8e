/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - one node of the replication rules R3-R10, as small as the rules allow; without clock,
 * network or disk. Owner: one thread; no state but the structs given. Mutants leave out one rule
 * each and are chosen at run time. Limits: WEIR_MODEL_KEYS_MAX keys, WEIR_MODEL_LANES_MAX lanes of
 * all nodes of a run together (contracts).
 */
#ifndef WEIR_TESTS_SIM_MODEL_H
#define WEIR_TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_MODEL_KEYS_MAX  8
#define WEIR_MODEL_LANES_MAX 512

/** What a model leaves out. The table weir_mutants says which rule each breaks. */
enum weir_mutant {
    WEIR_MUTANT_NONE,
    WEIR_MUTANT_NODOTGATE,   /* R3: apply what the vector covers already */
    WEIR_MUTANT_NOFLOOR,     /* R6, R8: nobody is ever stale, nothing begins from an empty store */
    WEIR_MUTANT_ONEWAYFLOOR, /* R6: only the puller may be stale */
    WEIR_MUTANT_CURSORSHARE, /* R5: go on with the cursor of another source */
    WEIR_MUTANT_GAPADVANCE,  /* R2: a live message raises the vector over a gap */
    WEIR_MUTANT_LANEREUSE,   /* R10: a restored store goes on with its lane */
    WEIR_MUTANT_NOHLCBUMP,   /* HLC: a write bears the wall clock, whatever it replaces */
    WEIR_MUTANT_NOHLCFLOOR,  /* HLC, R9: an absent key forgets the stamps of purged tombstones */
    WEIR_MUTANT_WRITEUNBOOT, /* R7: act before the bootstrap is complete */
    WEIR_MUTANT_BOOTMOVE,    /* R8: a moved floor does not restart a bootstrap */
    WEIR_MUTANT_EARLYVV,     /* R4: a chunk raises the vector */
    WEIR_MUTANT_COUNT,
};

/** Name of a write: the seq-th of a lane. Lanes are numbered from 1 in the model, seq from 1. */
struct weir_dot {
    uint32_t lane;
    uint64_t seq;
};

/** Bigger hlc wins, bigger tie breaks equality. In the model tie is the lane's number. */
struct weir_model_version {
    int64_t hlc; /* ms */
    uint64_t tie;
};

/** A slot of a store; all zero while the key is absent. */
struct weir_model_record {
    bool present;
    bool deleted; /* a tombstone */
    uint32_t key;
    struct weir_dot dot;
    struct weir_model_version version;
    uint64_t value;
    int64_t stored_at; /* ms by the clock of the node that holds it */
};

/** A vector over lanes; lanes from num_lanes on are 0, and their memory is undefined. */
struct weir_model_vector {
    uint32_t num_lanes;
    uint64_t seq[WEIR_MODEL_LANES_MAX];
};

/** What is on a node's disk. */
struct weir_model_store {
    struct weir_model_record records[WEIR_MODEL_KEYS_MAX];
    struct weir_model_vector vv;
    struct weir_model_vector floor;
    int64_t hlc_floor;
    uint32_t lane; /* 0: none drawn yet */
    uint64_t seq;
    bool boot; /* a session has completed: LIVE */
};

/** A pull that is not complete. */
struct weir_model_session {
    bool open;
    uint64_t incarnation; /* of the source */
    struct weir_model_vector cursor;
    struct weir_model_vector floor; /* of the source at the start */
};

/** What all nodes of a run have in common: the mutant, and the numbers not given out yet. */
struct weir_model {
    enum weir_mutant mutant;
    uint32_t num_lanes;
    uint64_t num_incarnations;
};

struct weir_model_node {
    struct weir_model *model; /* borrowed until the end of the run */
    uint32_t id;              /* the larger one resets when both of two are stale */
    uint64_t incarnation;
    struct weir_model_store store;
    struct weir_model_session session;
    bool has_backup;
    struct weir_model_store backup;
};

/** A live message: one write, and the sender's vector when it was sent. */
struct weir_model_message {
    struct weir_model_record record;
    struct weir_model_vector vv;
};

/** Records that an operation took out of a store, for the history. */
struct weir_model_list {
    uint32_t num_records;
    struct weir_model_record at[WEIR_MODEL_KEYS_MAX];
};

enum weir_model_pulled {
    WEIR_MODEL_REFUSED, /* the source is not live, or too old to be heard */
    WEIR_MODEL_CHUNK,   /* some records came, more are there */
    WEIR_MODEL_DONE,    /* the session is complete: vector and floor joined */
};

/** Name of a mutant as on the command line; "none" for WEIR_MUTANT_NONE. Static. */
const char *weir_mutant_name(enum weir_mutant mutant);
/** The rule that a mutant breaks, in a few words. Static. */
const char *weir_mutant_rule(enum weir_mutant mutant);
/** @return whether `name` is one; *ret_mutant is written only then */
bool weir_mutant_by_name(const char *name, enum weir_mutant *ret_mutant);

/** <0, 0, >0 as a is older than, equal to, newer than b. */
int weir_model_version_compare(struct weir_model_version a, struct weir_model_version b);
/** The number for a lane, 0 if the vector has none. */
uint64_t weir_model_vector_get(const struct weir_model_vector *v, uint32_t lane);
/** Whether the vector includes the dot. */
bool weir_model_covers(const struct weir_model_vector *v, struct weir_dot dot);
/** Copy only what is defined. */
void weir_model_vector_copy(struct weir_model_vector *to, const struct weir_model_vector *from);
/** Whether two vectors have the same number for each lane. */
bool weir_model_vector_equal(const struct weir_model_vector *a, const struct weir_model_vector *b);

/** Begin a run: no lane and no incarnation given out. */
void weir_model_init(struct weir_model *m, enum weir_mutant mutant);
/** A new node with an empty store, not live yet. Needs no deinit. */
void weir_model_node_init(struct weir_model_node *n, struct weir_model *m, uint32_t id);
/** What `--bootstrap` does: the node is live without having pulled from anybody. */
void weir_model_bootstrap(struct weir_model_node *n);

/**
 * Write a value, or a tombstone, to a key.
 *
 * @param key      below WEIR_MODEL_KEYS_MAX (contract)
 * @param wall_ms  the node's clock, right or wrong
 * @return the stored record, borrowed until the next operation; NULL: refused, the node is not live
 */
const struct weir_model_record *weir_model_write(struct weir_model_node *n, uint32_t key,
                                                 uint64_t value, int64_t wall_ms);
const struct weir_model_record *weir_model_delete(struct weir_model_node *n, uint32_t key,
                                                  int64_t wall_ms);

/** Take a live message. @return whether it was the next of its lane, and so raised the vector */
bool weir_model_receive(struct weir_model_node *n, const struct weir_model_message *message,
                        int64_t wall_ms);

/** Drop tombstones stored age_ms ago or longer, and raise the floors. `ret_purged` gets them. */
void weir_model_purge(struct weir_model_node *n, int64_t wall_ms, int64_t age_ms,
                      struct weir_model_list *ret_purged);

/**
 * One step of a pull: at most `chunk` records from `source`; opens a session if there is none.
 *
 * A puller that is stale beyond the source's floor resets first.
 *
 * @param ret_exported  what a stale puller exported before its reset; mostly empty
 */
enum weir_model_pulled weir_model_pull(struct weir_model_node *n,
                                       const struct weir_model_node *source, uint32_t chunk,
                                       int64_t wall_ms, struct weir_model_list *ret_exported);
/** The connection of the open session is lost, and its cursor with it. */
void weir_model_drop_session(struct weir_model_node *n);

/** The disk and its backup are gone. */
void weir_model_wipe(struct weir_model_node *n);
/** Keep a copy of the store; replaces the one before. */
void weir_model_backup(struct weir_model_node *n);
/** Roll the store back to the backup; nothing happens without one. */
void weir_model_restore(struct weir_model_node *n);

#endif
