/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_state.h - private to tests/sim/cluster/: what the peer that is no engine knows. What it
 * is: hostile.h.   Owner: one thread.   Limits: here.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_STATE_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/sim_net.h"

#define WEIR_SIM_REPLAYS_MAX 64
#define WEIR_SIM_LATER_MAX   4096

struct weir_sim_hostile {
    bool is_there;
    unsigned
        lie; /* enum weir_sim_feature: what the next response to a pull lies about; 0: nothing */
    uint32_t node; /* in the network */
    uint32_t num_links;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint8_t incarnation[WEIR_INCARNATION_LEN];
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq;
    uint64_t num_heartbeats;
    uint32_t num_lanes;  /* others that it began */
    uint32_t num_faults; /* malformed frames that it came to; the next is chosen by it */
    struct weir_rng rng;
    uint64_t stamps[WEIR_SIM_LATER_MAX]; /* of its records, by seq - 1: the rest follows from seq */
    struct weir_vector vv;               /* owns; of the last Hello that came */
    struct weir_vector floor;            /* owns; likewise */
    uint64_t vv_hash;                    /* of the last heartbeat that came */
    uint8_t last_lane[WEIR_LANE_LEN];    /* of the last batch that came, and where it ended */
    uint64_t last_seq;
    struct weir_sim_parcel *replays[WEIR_SIM_REPLAYS_MAX]; /* owns; NULL: none yet */
    uint32_t num_replays;                                  /* ever */
};

#endif
