/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.h - a peer that is no engine: it has a valid certificate, so the nodes listen to it.
 * As a node of a later version it writes records with fields that nobody here knows, and keeps all
 * rules. As an enemy it sends frames that are cut short, replayed, wrong or far too many. Unless it
 * lies about what it has or has purged, honest nodes must stay as right as without it.
 * Owner: one thread.   Limits: WEIR_SIM_KEPT_MAX frames kept for replays, WEIR_SIM_LATER_MAX
 * records written.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_H

#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "tests/sim/cluster/sim_net.h"

#include <stdbool.h>
#include <stdint.h>

#define WEIR_SIM_KEPT_MAX  64
#define WEIR_SIM_LATER_MAX 4096

struct weir_sim;

/** What it does. Those from WEIR_SIM_ACT_LIE_VV on need WEIR_SIM_WITH_LIES. */
enum weir_sim_act {
    WEIR_SIM_ACT_GARBAGE,   /* random bytes */
    WEIR_SIM_ACT_SHORT,     /* a frame that ends too early */
    WEIR_SIM_ACT_FLIPPED,   /* a heartbeat with a bit turned over */
    WEIR_SIM_ACT_REPLAY,    /* a frame that somebody sent before */
    WEIR_SIM_ACT_SUMS,      /* sums of records that it does not have */
    WEIR_SIM_ACT_FLOOD,     /* very many requests */
    WEIR_SIM_ACT_GIANT,     /* a very large batch */
    WEIR_SIM_ACT_LANES,     /* lane after lane */
    WEIR_SIM_ACT_FUTURE,    /* a record stamped in a hundred years */
    WEIR_SIM_ACT_AHEAD,     /* batches far ahead of their lane */
    WEIR_SIM_ACT_LIE_VV,    /* it has all there is, and more */
    WEIR_SIM_ACT_LIE_DONE,  /* a pull is complete that brought nothing */
    WEIR_SIM_ACT_LIE_FLOOR, /* it has purged what nobody has seen */
    WEIR_SIM_ACT_FORGE,     /* records in the lanes of others */
    WEIR_SIM_ACTS,
};

struct weir_sim_hostile {
    bool is_there;
    bool lies_when_asked;
    uint32_t node; /* in the network */
    uint32_t num_links;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq;
    uint64_t num_heartbeats;
    uint32_t num_lanes; /* others that it began */
    struct weir_rng rng;
    uint64_t stamps[WEIR_SIM_LATER_MAX]; /* of its records, by seq - 1: the rest follows from seq */
    struct weir_vector vv;               /* owns; as the last node that greeted it said */
    struct weir_vector floor;            /* owns; likewise */
    uint64_t vv_hash;                    /* of the last heartbeat that came */
    uint8_t heard_lane[WEIR_LANE_LEN];   /* of the last batch that came, and where it ended */
    uint64_t heard_seq;
    struct weir_sim_parcel *stored_record[WEIR_SIM_KEPT_MAX]; /* owns; NULL: none yet */
    uint32_t num_kept;                                        /* ever */
};

/** Join it to all nodes, when the plan has a use for it. */
void weir_sim_hostile_init(struct weir_sim *s);
void weir_sim_hostile_deinit(struct weir_sim_hostile *h);
/** It hears of a link, or a frame, which is borrowed. */
void weir_sim_hostile_on_event(struct weir_sim *s, const struct weir_sim_net_event *news);
/** It writes a record with fields of a later version, and publishes it. */
void weir_sim_hostile_write(struct weir_sim *s);
/** It does something that an engine would not. */
void weir_sim_hostile_act(struct weir_sim *s);

/* -- between hostile.c and hostile_acts.c -- */

/** Room for one record and all that hangs from it; good until it is made again. */
struct weir_sim_later {
    Weir__V1__Record msg;
    uint8_t key[16];
    uint8_t value[1024];
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
/** Greet the node behind a slot. @param vv, floor  what is said of them; borrowed */
void weir_sim_hostile_hello(struct weir_sim *s, uint32_t slot, const struct weir_vector *vv,
                            const struct weir_vector *floor);
/** Send a message to one slot; UINT32_MAX: publish it. */
void weir_sim_hostile_send(struct weir_sim *s, uint32_t slot, enum weir_frame_topic topic,
                           const ProtobufCMessage *msg);
/** It writes one record more, and tells the check. @return its seq; 0: it wrote enough */
uint64_t weir_sim_hostile_add(struct weir_sim *s);

#endif
