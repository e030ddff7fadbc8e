/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h - a simulated cluster: nodes with the real engine, a network, faults, work, and what is
 * checked; one thread, virtual time. The seed, the wish and the scenario determine all of it.
 * Private to tests/sim but for weir_sim_run.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_H

#include "tests/sim/oracle/check.h"
#include "tests/sim/cluster/events.h"
#include "tests/sim/cluster/hostile.h"
#include "tests/sim/cluster/sim_net.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/runner/swarm.h"
#include "tests/sim/cluster/trace.h"

#include <stdbool.h>
#include <stdint.h>

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
};

/** What was done, for those who want to know that a run was not idle. */
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

struct weir_sim {
    struct weir_sim_plan plan;
    struct weir_sim_events events;
    struct weir_sim_net net;
    struct weir_rng net_rng;
    struct weir_rng node_rng;
    struct weir_rng work_rng;
    struct weir_rng fault_rng[WEIR_SIM_FAULTS];
    struct weir_sim_node *nodes; /* owns */
    uint32_t num_nodes;          /* with engines; the hostile peer, if any, is one more in `net` */
    struct weir_sim_hostile hostile;
    struct weir_sim_check check;
    struct weir_sim_trace trace;
    struct weir_siphash_key audit_key;
    uint64_t num_tokens;
    uint32_t checked_node; /* the last one */
    bool is_operator_due;
    bool is_healing;
    bool checks; /* off in scenarios that only measure */
    struct weir_sim_tally tally;
};

/** The outcome of a run. */
struct weir_sim_result {
    struct weir_sim_finding finding;
    char where[160]; /* node, key and dot of it, in words; "" when all holds */
    uint64_t trace_hash;
    struct weir_sim_tally tally;
};

/** One run, from its seed to its finding. @param trace  NULL: no lines */
struct weir_sim_result weir_sim_run(const struct weir_sim_wish *wish, FILE *trace);

/* -- for scenarios -- */

/** A cluster as planned: stores, links, no process yet. @param s  zero, or deinit */
void weir_sim_init(struct weir_sim *s, const struct weir_sim_plan *plan, FILE *trace);
void weir_sim_deinit(struct weir_sim *s);
/** A link between two nodes, a != b; before they run. */
void weir_sim_join(struct weir_sim *s, uint32_t a, uint32_t b);
/** Links between all nodes, or with OVERLAY a ring with chords; and to the hostile peer. */
void weir_sim_join_all(struct weir_sim *s);
/** Play what is due until a time, or until something does not hold. */
void weir_sim_play(struct weir_sim *s, uint64_t until_us);
/** A number of a stream for which the seed stands; `of` names the stream. */
uint64_t weir_sim_seed_of(const struct weir_sim *s, uint64_t of);

/** Of nodes that are beyond one another's purges the operator picks the side of the first that is
 * live: all on the other side give up. */
void weir_sim_operate(struct weir_sim *s);

/** heal.c: end all faults, wait until the nodes are equal, judge the end. */
void weir_sim_heal(struct weir_sim *s);
/** heal.c: are all nodes LIVE, with equal vectors and equal live records? */
bool weir_sim_is_equal(const struct weir_sim *s);

#endif
