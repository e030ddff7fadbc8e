/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_parts.h - private to tests/sim/cluster/: what hostile.c offers hostile_acts.c.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_PARTS_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_PARTS_H

#include "sync/frame/frame.h"
#include "sync/version/record.h"
#include "tests/sim/cluster/hostile_state.h"

struct weir_sim;

/** Room for one record and all that hangs from it; good until it is made again. */
struct weir_sim_later {
    Weir__V1__Record msg;
    uint8_t key[16];
    uint8_t value[1024];
    uint8_t sig[WEIR_RECORD_SIG_LEN];
    ProtobufCMessageUnknownField fields[3];
    uint8_t bytes[3][40]; /* of the fields */
};

/** The record of its lane with this seq, without its lane. */
void weir_sim_later_make(const struct weir_sim_hostile *h, uint64_t seq, struct weir_sim_later *r);
/** The head of a batch of a lane. Borrows `lane` and the peer's incarnation. */
void weir_sim_hostile_batch(struct weir_sim *s, const uint8_t lane[WEIR_LANE_LEN], uint64_t first,
                            Weir__V1__Batch *ret);
/** A heartbeat. Borrows `own`, a list of one place. */
void weir_sim_hostile_heartbeat(struct weir_sim *s, Weir__V1__Lv *own, Weir__V1__Lv **list,
                                Weir__V1__Heartbeat *ret);
/** Send a Hello to the node behind a slot. @param vv, floor  what it claims to have; borrowed */
void weir_sim_hostile_hello(struct weir_sim *s, uint32_t slot, const struct weir_vector *vv,
                            const struct weir_vector *floor);
/** Send a message to one slot; UINT32_MAX: publish it. */
void weir_sim_hostile_send(struct weir_sim *s, uint32_t slot, enum weir_frame_topic topic,
                           const ProtobufCMessage *msg);
/** One record in a lane of its own. @return whether it may begin another lane */
bool weir_sim_hostile_alone(struct weir_sim *s, enum weir_class class, struct weir_span key,
                            uint64_t hlc, struct weir_span value);
/** A batch of one record in any lane. */
void weir_sim_hostile_forge(struct weir_sim *s, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                            uint64_t hlc);
/**
 * Raise lanes beyond what is true, but none that it writes itself.
 * @param slot  of the node that will be told  @param own_lanes  that node's lanes, or all others
 */
void weir_sim_hostile_raise(const struct weir_sim *s, uint32_t slot, bool own_lanes,
                            struct weir_vector *v);
/** The stamp of this moment. */
uint64_t weir_sim_hostile_now(const struct weir_sim *s);
/** It writes one record more, which the check notes. @return its seq; 0: it wrote enough */
uint64_t weir_sim_hostile_add(struct weir_sim *s);

#endif
