/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_state.h - private to tests/sim/: what a simulated cluster is made of, for its parts. What can
 * be done with it as a whole: sim.h.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_STATE_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/hash.h"
#include "tests/sim/cluster/events.h"
#include "tests/sim/cluster/hostile_state.h"
#include "tests/sim/cluster/sim_net.h"
#include "tests/sim/cluster/sim_trace.h"
#include "tests/sim/cluster/swarm.h"
#include "tests/sim/oracle/check.h"

#define WEIR_SIM_SECOND_US UINT64_C(1000000)

/** Events, behind those of the network. */
enum weir_sim_event_kind {
    WEIR_SIM_EVENT_TURN = WEIR_SIM_NET_KINDS, /* of a node */
    WEIR_SIM_EVENT_DONE,                      /* its commit is; arg: life */
    WEIR_SIM_EVENT_START,                     /* its process; arg: life before */
    WEIR_SIM_EVENT_INPUT,                     /* arg: life << 8 | enum weir_sim_input_kind */
    WEIR_SIM_EVENT_OPERATOR,
    WEIR_SIM_EVENT_WORK,
    WEIR_SIM_EVENT_FAULT, /* subject: which */
    WEIR_SIM_EVENT_OVER,  /* subject: which fault; arg: of what */
    WEIR_SIM_EVENT_CHECK,
    WEIR_SIM_EVENT_PLANE,  /* of a node; arg: epoch << 32 | key */
    WEIR_SIM_EVENT_REPORT, /* of its data plane; arg: epoch << 40 | state << 32 | write */
};

/** What was done: shows that a run was not idle. */
struct weir_sim_tally {
    uint64_t num_events;
    uint64_t num_writes; /* acknowledged */
    uint64_t num_refused;
    uint64_t num_faults;
    uint64_t num_purged;
    uint64_t num_resets;
    uint64_t num_conflicts;
    uint64_t num_repaired;
    uint64_t healed_us; /* from the end of faults until all nodes were equal */
};

/** The longest turn of all nodes, and the most memory; for scenarios. */
struct weir_sim_turns {
    bool is_measured;
    uint64_t longest_ns; /* CPU */
    uint64_t num;
    size_t peak_bytes;   /* beyond the base and the records */
    size_t base_bytes;   /* set by the scenario, as record_bytes */
    size_t record_bytes; /* that one record takes in a store */
};

struct weir_sim {
    struct weir_sim_plan plan;
    struct weir_sim_events events;
    struct weir_sim_net net;
    struct weir_rng net_rng;
    struct weir_rng node_rng;
    struct weir_rng work_rng;
    struct weir_rng plane_rng;
    struct weir_rng fault_rng[WEIR_SIM_FAULTS];
    struct weir_sim_node *nodes; /* owns */
    uint32_t num_nodes;          /* with engines; the hostile peer, if any, is one more in `net` */
    struct weir_sim_hostile hostile;
    struct weir_sim_check check;
    struct weir_sim_trace trace;
    struct weir_siphash_key audit_key;
    uint64_t num_tokens;
    uint32_t checked_node; /* the last one */
    bool is_operator_called;
    bool is_floor_disputed; /* one peer alone states purges that a node missed (R15) */
    bool is_healing;
    bool checks; /* off in scenarios that only measure */
    struct weir_sim_tally tally;
    struct weir_sim_turns turns;
};

/** A number of a stream that the seed stands for; `of` names the stream. */
static inline uint64_t weir_sim_seed_of(const struct weir_sim *s, uint64_t of)
{
    return weir_mix64(s->plan.seed ^ weir_mix64(of));
}

#endif
