/* SPDX-License-Identifier: Apache-2.0
 *
 * active.h - which of this node's durable records are active, and what to report of them to
 * others. A revision is active here when the node serves it, or a newer one of the same key. Only
 * records that are not active are tracked: a revision that is durable and not tracked is active.
 * A node that lacks facts (at the start, without memory or room) reports less, never more; but for
 * a revision that was replaced before they came, or came again (weir_active_superseded).
 * Owner: one thread.   Limits: WEIR_ACTIVE_MAX records of 24 to 72 bytes, WEIR_LANES_MAX lanes;
 * memory grows by doubling.
 */
#ifndef WEIR_SYNC_ACTIVATION_ACTIVE_H
#define WEIR_SYNC_ACTIVATION_ACTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/frame/ack.h"
#include "sync/version/vector.h"

#define WEIR_ACTIVE_MAX       65536    /* records that are not active, of all lanes */
#define WEIR_ACTIVE_WHYS_MAX  1024     /* reasons that are stored; further records have none */
#define WEIR_ACTIVE_REPORT_US 60000000 /* a lane is reported for so long after its last change */

/** How far a record is on its way. */
enum weir_active_state {
    WEIR_ACTIVE_STORED,      /* durable */
    WEIR_ACTIVE_COMPILED,    /* valid, but not yet live in all workers */
    WEIR_ACTIVE_STAGED,      /* waits for its stage */
    WEIR_ACTIVE_LIVE,        /* in all workers; not tracked */
    WEIR_ACTIVE_REJECTED,    /* does not compile, or was stopped in its stage */
    WEIR_ACTIVE_HELD,        /* waits for a record that it names */
    WEIR_ACTIVE_HELD_SCHEMA, /* its min_reader is above this node's */
    WEIR_ACTIVE_REPLACED,    /* replaced before it was live, by a record that is not live either */
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
 * Drop everything. From now on nothing is active, until weir_active_loaded reports that each
 * record of the store was passed to weir_active_stored again. At the start, after a reset, and
 * when weir_active_wants_load.
 */
void weir_active_load(struct weir_active *a);
/** All records of the store have been passed to weir_active_stored. */
void weir_active_loaded(struct weir_active *a);
/** The vector rose in this lane: report it in the next heartbeats. */
void weir_active_durable(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN]);
/** A node that has forgotten what it was told is here: report the lane again, behind those that
 * changed. */
void weir_active_repeat(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN]);
/**
 * A record was committed, whether the vector covers it already or not. Call it before any node
 * learns that the record is durable. A record that was active before waits again. Cheapest in the
 * order of seq.
 * @param seq  1..
 */
void weir_active_stored(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_class class, uint16_t min_reader);
/**
 * What the data plane made of a record.
 * @param state  COMPILED, STAGED, LIVE, REJECTED or HELD (contract)
 * @param why  of REJECTED: copied, cut at WEIR_ACK_WHY_MAX bytes, control characters made blanks
 * @return false: the record is not tracked, or its state does not lead to this one. Such a report
 * came late, after weir_active_superseded; nothing happened
 */
bool weir_active_report(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_active_state state, struct weir_span why);
/**
 * A newer record has replaced this one, in the same commit. If this one was live it stays active:
 * the node serves it until it serves the newer one. If it was not, it counts as active once the
 * newer one does. A record that was replaced before it came here was never passed to
 * weir_active_stored, and counts as active as soon as it is durable: the state of the newer one
 * is more exact.
 * @param by  the newer one, passed to weir_active_stored before
 */
void weir_active_superseded(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                            const uint8_t by[WEIR_LANE_LEN], uint64_t by_seq);

/* -- outputs -- */

/**
 * What to report in the next heartbeat: lanes that changed since their last report, then again
 * those that changed within WEIR_ACTIVE_REPORT_US, in turn.
 * @param vv  what is durable
 * @param out  `why` borrows until the next input
 * @return how many were written, 0..max
 */
size_t weir_active_acks(struct weir_active *a, const struct weir_vector *vv, struct weir_ack *out,
                        size_t max);
/** One lane, for `status`. @param durable  the vector's number  @param ret  as in weir_active_acks
 */
void weir_active_lane(const struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN],
                      uint64_t durable, struct weir_ack *ret);
/** The number of records in one state; LIVE ones are not tracked. */
size_t weir_active_count(const struct weir_active *a, enum weir_active_state state);
/** Is each record live, rejected or held, so that waiting changes nothing more? */
bool weir_active_is_final(const struct weir_active *a);
/**
 * The number of records that there was no room to track. Their lanes do not become active beyond
 * them.
 */
uint64_t weir_active_dropped(const struct weir_active *a);
/** Were some dropped, and is half of the room free again? */
bool weir_active_wants_load(const struct weir_active *a);
/** "stored" and so on. Never NULL. */
const char *weir_active_state_name(enum weir_active_state state);

#endif
