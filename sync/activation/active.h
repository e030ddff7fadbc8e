/* SPDX-License-Identifier: Apache-2.0
 *
 * active.h - which of this node's durable records are active, and what to say of them to others.
 * A revision is active here when the node serves it, or a newer one of the same key. Kept are only
 * those of which that is not so; a revision is active when it is durable and nothing is kept of it.
 * What is not known (the start, no memory, no room) makes a node say less, never more.
 * Owner: one thread.   Limits: WEIR_ACTIVE_MAX records of 24 to 72 bytes, WEIR_LANES_MAX lanes;
 * memory grows by doubling.
 */
#ifndef WEIR_SYNC_ACTIVATION_ACTIVE_H
#define WEIR_SYNC_ACTIVATION_ACTIVE_H

#include "sync/frame/ack.h"
#include "sync/version/vector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_ACTIVE_MAX      65536    /* records that are not active, of all lanes */
#define WEIR_ACTIVE_WHYS_MAX 1024     /* reasons that are kept; further ones have no text */
#define WEIR_ACTIVE_TELL_US  60000000 /* a lane is told of so long after it last changed */

/** Where a record is on its way. */
enum weir_active_state {
    WEIR_ACTIVE_STORED,      /* durable */
    WEIR_ACTIVE_COMPILED,    /* and found good, not yet live in all workers */
    WEIR_ACTIVE_STAGED,      /* waits for its stage */
    WEIR_ACTIVE_LIVE,        /* in all workers; not kept */
    WEIR_ACTIVE_REJECTED,    /* does not compile, or was stopped in its stage */
    WEIR_ACTIVE_HELD,        /* waits for a record that it names */
    WEIR_ACTIVE_HELD_SCHEMA, /* its min_reader is above this node's */
    WEIR_ACTIVE_REPLACED,    /* before it was live, by one that is not live either */
    WEIR_ACTIVE_NUM_STATES,
};

struct weir_active_config {
    uint32_t compiled; /* a bit (1 << class) for each class whose activation is reported; the others
                          are active when they are durable. No class above 31 */
    uint16_t reader;   /* the largest min_reader that this node can read */
    uint64_t mono_us;
};

struct weir_active;

/** Begins as after weir_active_load. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_active_new(const struct weir_active_config *cfg,
                                            struct weir_active **ret);
/** Sets *a NULL. */
void weir_active_free(struct weir_active **a);

/* -- inputs -- */

/** Time, before the other inputs. @param mono_us  never goes back (contract) */
void weir_active_tick(struct weir_active *a, uint64_t mono_us);
/**
 * Forget all; from now on nothing is active, until weir_active_loaded says that each record of the
 * store was told with weir_active_stored again. At the start, after a reset, and when
 * weir_active_wants_load.
 */
void weir_active_load(struct weir_active *a);
/** The store has been told. */
void weir_active_loaded(struct weir_active *a);
/** The vector rose in this lane: there is news of it. */
void weir_active_durable(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN]);
/**
 * A record is in the store, committed, whether the vector covers it already or not. Call it before
 * anybody is told that it is durable. A record that was active before waits again. Cheapest in the
 * order of seq.
 * @param seq  1..
 */
void weir_active_stored(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_class class, uint16_t min_reader);
/**
 * What the data plane made of a record.
 *
 * @param state  COMPILED, STAGED, LIVE, REJECTED or HELD (contract)
 * @param why    of REJECTED: copied, cut at WEIR_ACK_WHY_MAX bytes, control characters made blanks
 * @return false: nothing is kept of it, or there is no way from its state to this one. Such is a
 * report that came late, after weir_active_superseded; nothing happened
 */
bool weir_active_report(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_active_state state, struct weir_span why);
/**
 * A newer record has replaced this one, in the same commit. One that was live stays so, as far as
 * this module is asked: the node serves it until it serves the newer one. One that was not counts
 * as active once the newer one does.
 * One that was replaced before it came here was never told with weir_active_stored, and counts as
 * active as soon as it is durable: what became of the newer one tells more.
 * @param by  the newer one, told with weir_active_stored before
 */
void weir_active_superseded(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                            const uint8_t by[WEIR_LANE_LEN], uint64_t by_seq);

/* -- outputs -- */

/**
 * What to say in the next heartbeat: lanes with news first, then those that changed within
 * WEIR_ACTIVE_TELL_US again, in turn.
 * @param vv   what is durable
 * @param out  `why` borrows until the next input
 * @return how many were written, 0..max
 */
size_t weir_active_acks(struct weir_active *a, const struct weir_vector *vv, struct weir_ack *out,
                        size_t max);
/** One lane, for `status`. @param durable  the vector's number  @param ret  as in weir_active_acks
 */
void weir_active_lane(const struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN],
                      uint64_t durable, struct weir_ack *ret);
/** Records in one state; of LIVE none is kept. */
size_t weir_active_count(const struct weir_active *a, enum weir_active_state state);
/** Is each record live, rejected or held, so that nothing more will come of waiting? */
bool weir_active_is_settled(const struct weir_active *a);
/** Records of which there was no room to keep anything. Their lanes stay back behind them. */
uint64_t weir_active_dropped(const struct weir_active *a);
/** Some were dropped, and half of the room is free again. */
bool weir_active_wants_load(const struct weir_active *a);
/** "stored" and so on. Never NULL. */
const char *weir_active_state_name(enum weir_active_state state);

#endif
