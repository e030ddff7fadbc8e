/* SPDX-License-Identifier: Apache-2.0
 *
 * check.h - what must hold in a simulated cluster: checked with every change of every store and
 * again when all is healed. It sees the stores by their hooks and knows the writers by their lanes,
 * and nothing of how an engine works. The first finding stays; nothing is checked after it.
 * In the end the history goes to the oracle (history.h).
 * Owner: one thread.   Limits: memory, which is asserted.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_CHECK_H
#define WEIR_TESTS_SIM_ORACLE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/names.h"
#include "tests/sim/cluster/sim_trace.h"
#include "tests/sim/memory/memory.h"
#include "tests/sim/oracle/history.h"

/** What may be found not to hold. weir_sim_broken_text names the invariant or rule. */
enum weir_sim_broken {
    WEIR_SIM_HOLDS,
    WEIR_SIM_FORGED,    /* a record that no node has written */
    WEIR_SIM_REUSED,    /* I3 */
    WEIR_SIM_STAMP,     /* I9, I10: not the wall clock, nor just above what was there */
    WEIR_SIM_SMALLER,   /* R3: a smaller version replaced a larger one */
    WEIR_SIM_UNDONE,    /* R3: a store holds again what it purged */
    WEIR_SIM_BACKWARDS, /* I6 */
    WEIR_SIM_NO_FLOOR,  /* R9: a purge that left nothing behind */
    WEIR_SIM_EXPIRED,   /* a ban is accepted or held after it expired */
    WEIR_SIM_ACKED,     /* I4: acknowledged and not in the store */
    WEIR_SIM_RESULT,    /* a write that was acknowledged twice, never, or with another's result */
    WEIR_SIM_TOLD,      /* an output about what was undone, or none about what was done */
    WEIR_SIM_MIRROR,    /* what an engine has in memory is not what its stores have */
    WEIR_SIM_MISSING,   /* I2: covered, and neither there nor accounted for */
    WEIR_SIM_MEMORY,    /* I13 */
    WEIR_SIM_BUSY,      /* far more happens than the cluster has to do */
    WEIR_SIM_SLOW,      /* I16: healed, and not equal in time */
    WEIR_SIM_BANS,      /* I1 in group E */
    WEIR_SIM_SUMS,      /* I8 */
    WEIR_SIM_CONFLICT,  /* I11 */
    WEIR_SIM_DAMAGED,   /* R11: a damaged record is still there in the end */
    WEIR_SIM_MALFORMED, /* a frame that no node may send was not rejected */
    WEIR_SIM_MISTAKEN,  /* a write was accepted that no node may accept */
    WEIR_SIM_ACTIVE,    /* I12: more is reported than is true */
    WEIR_SIM_FRAME,     /* a frame that the node may not send, or that breaks a rule */
    WEIR_SIM_SAID,      /* a frame that says what is not so, or that did not come */
    WEIR_SIM_COUNTED,   /* a counter that is not what happened */
    WEIR_SIM_BARRED,    /* I14: a link with a node that was evicted */
    WEIR_SIM_CLOCK,     /* a clock that is off, and settings were written; or it was not off */
    WEIR_SIM_RESTLESS,  /* the next turn is asked for at once, for half a second */
    WEIR_SIM_LATE,      /* what changed is not reported in the next 20 ms */
    WEIR_SIM_WAIT,      /* I12: healed, and not known to be active, rejected or held */
    WEIR_SIM_ACCUSED,   /* R15: a node cut an honest peer off for a false claim */
    WEIR_SIM_MISLED,    /* R15: a node gave up its records, and no node purged what it missed */
    WEIR_SIM_LANES,     /* R15: a node drew more lanes than it had reasons to */
    WEIR_SIM_KNOWN,     /* a node shows of a member what is not so */
    WEIR_SIM_LEAK,      /* not all memory is given back */
    WEIR_SIM_MODEL,     /* a part of the engine breaks its contract, by models/model.h */
    WEIR_SIM_ORACLE,    /* what history.h found: see `kind` */
    WEIR_SIM_BROKEN_COUNT,
};

struct weir_sim_finding {
    enum weir_sim_broken broken;
    enum weir_finding_kind kind;
    uint64_t at_us;
    uint32_t node;
    uint32_t key;
    uint64_t seq; /* of the write it is about; 0: none */
};

/** One write, of any node. Its number is that of its dot in weir_sim_check.dots. */
struct weir_sim_write {
    uint32_t lane; /* number in weir_sim_check.lanes */
    uint32_t key;  /* number in weir_sim_check.keys */
    uint32_t origin;
    uint64_t seq;
    uint64_t hlc;
    uint64_t digest; /* of all that travels */
    uint64_t expires;
    uint64_t at_us;
    uint16_t min_reader;
    bool deleted;
    bool is_ban;
    bool is_foreign; /* of a peer that is no engine */
    bool followed;   /* another write replaced it */
    bool exported;
    bool is_hidden; /* a lie covers it, and no store that had it is left */
    bool purged;
    bool damaged; /* some copy was */
    bool listed;  /* in some list of conflicts */
    bool is_lost; /* with every store that had it, and its dot was given out again */
};

/** A lane of which a node's vector has covered more since the last check. */
struct weir_sim_raised {
    uint32_t lane;
    uint64_t from;
    uint64_t to;
};

/** A write that weir_engine_write accepted. */
struct weir_sim_asked {
    uint64_t cookie;
    enum weir_class class;
    uint64_t key_hash;
    bool delete;
};

/** What a turn of a node did, and what its outputs have to report of it: told.h. Hashes are summed,
 * so that the order does not matter. */
struct weir_sim_told {
    uint64_t changed[WEIR_GROUP_COUNT];    /* of records put, less those of CHANGED outputs */
    uint64_t purged;                       /* likewise of tombstones of group C, and PURGED */
    uint64_t num_puts;                     /* of either group */
    uint64_t num_purged[WEIR_GROUP_COUNT]; /* tombstones */
    bool is_blurred; /* a damaged tombstone was dropped: for its age, or for the damage */
    struct weir_sim_asked *asked; /* owns; the writes that were accepted, in order */
    uint32_t num_asked;
    uint32_t cap_asked;
    uint32_t num_acked;
};

/** One node, as the hooks of its stores report it. */
struct weir_sim_view {
    struct weir_sim_check *check;
    uint32_t node;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint32_t *cur;    /* owns; by key: the write that is there, plus 1 */
    uint32_t *purged; /* owns; by key: what this life purged last, plus 1 */
    uint32_t *spoilt; /* owns; by key: a copy that a bit was flipped in, plus 1 */
    uint32_t num_keys;
    uint64_t *seen; /* owns; by lane: the last number that its store has met */
    uint32_t num_seen;
    uint64_t wall_ms;   /* of its turn */
    uint64_t hlc_floor; /* as in its store, and of what it dropped since */
    uint64_t wiped_us;  /* when its engine last wiped its store of group C; 0: never */
    bool is_evicted;
    bool is_behind;     /* it gives up what it has: behind.h, for the node that is looked at */
    uint64_t lost_us;   /* when it last lost what it had; 0: never */
    uint32_t unsettled; /* a write over nothing whose stamp waits for the floor, plus 1 */
    struct weir_sim_told told;
    uint32_t num_wipes;             /* of its store of group C, by the engine */
    struct weir_sim_raised *raised; /* owns; in this turn */
    uint32_t num_raised;
    uint32_t cap_raised;
    bool is_torn; /* a drop could not be reported: the store is read again */
};

struct weir_sim_check {
    struct weir_sim_names lanes;
    struct weir_sim_names keys; /* class 1, key */
    struct weir_sim_names dots; /* lane 16, seq 8 */
    uint32_t (*asides)[2];      /* owns; writes that got another number, and which */
    uint32_t num_asides;
    struct weir_sim_write *writes; /* owns */
    uint32_t cap_writes;
    uint32_t *gone; /* owns; by key: the largest tombstone that was purged anywhere, plus 1 */
    uint32_t *hit;  /* owns; by key: the largest write of which a copy was damaged, plus 1 */
    uint32_t cap_keys;
    struct weir_sim_view *views; /* owns */
    uint32_t num_nodes;
    uint8_t foreign[WEIR_NODE_ID_LEN]; /* the peer whose records come without a write here; zero:
                                          none */
    uint32_t foreign_node;
    struct weir_vector floor;     /* owns; of all that any node ever purged */
    bool is_lied_to;              /* a peer claims to have what was lost */
    uint64_t now_us;              /* set by the caller */
    struct weir_sim_trace *trace; /* borrowed */
    struct weir_sim_finding found;
};

/** @param trace  borrowed; each change is written to it */
void weir_sim_check_init(struct weir_sim_check *c, uint32_t num_nodes,
                         struct weir_sim_trace *trace);
void weir_sim_check_deinit(struct weir_sim_check *c);
/** Something does not hold; only the first finding stays. */
void weir_sim_check_found(struct weir_sim_check *c, enum weir_sim_broken broken, uint32_t node,
                          uint32_t write);
/** "I3: one dot, two records", and so on. Static. */
const char *weir_sim_broken_text(enum weir_sim_broken broken);

/** Hooks for a node's store of either group. They borrow the check. */
struct weir_memory_hooks weir_sim_check_hooks(struct weir_sim_check *c, uint32_t node);
/** A turn of a node is about to be committed, at this time of its clock. */
void weir_sim_check_turn(struct weir_sim_check *c, uint32_t node, uint64_t wall_ms);
/** The turn was committed, or it failed: checks that had to wait. @param c_store  of group C */
void weir_sim_check_turned(struct weir_sim_check *c, uint32_t node,
                           const struct weir_memory *c_store);
/** A store has changed without hooks: by a crash, a loss or a roll-back. @param group  which one */
void weir_sim_check_reload(struct weir_sim_check *c, uint32_t node, enum weir_group group,
                           const struct weir_memory *store);
/** A write was acknowledged to a user as durable. */
void weir_sim_check_acked(struct weir_sim_check *c, uint32_t node,
                          const struct weir_engine_out *out);
/** A stale node saved all records of its store of group C (R6). */
void weir_sim_check_exported(struct weir_sim_check *c, uint32_t node);
/** The floor of a node in group C, or the lanes that it has folded: who lacks them missed purges.
 */
void weir_sim_check_floor(struct weir_sim_check *c, const struct weir_vector *floor);
/** A node is STALE by itself, neither told to nor outvoted. */
void weir_sim_check_stale(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e);
/** A bit of a record is about to be flipped. */
void weir_sim_check_spoilt(struct weir_sim_check *c, uint32_t node,
                           const struct weir_stored_record *rec);
/** The peer that is no engine wrote this record. */
void weir_sim_check_wrote(struct weir_sim_check *c, uint32_t node,
                          const struct weir_stored_record *rec);
/** I13. @param num_links  that the node has */
void weir_sim_check_memory(struct weir_sim_check *c, uint32_t node, const struct weir_engine *e,
                           uint32_t num_links);

/** The write of a dot. @return WEIR_SIM_NO_NAME: there was none */
uint32_t weir_sim_check_find(const struct weir_sim_check *c, const struct weir_version *version);
/** The number of a key. @return WEIR_SIM_NO_NAME: no record had it */
uint32_t weir_sim_check_find_key(const struct weir_sim_check *c, enum weir_class class,
                                 struct weir_span key);
/** Was a copy of this write damaged, or of one that took its place? Then it may be nowhere. */
bool weir_sim_check_is_hit(const struct weir_sim_check *c, const struct weir_sim_write *w);
/** Is a's version larger? As weir_hlc_cmp, then by seq. */
bool weir_sim_check_is_larger(const struct weir_sim_check *c, const struct weir_sim_write *a,
                              const struct weir_sim_write *b);

#endif
