/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_acts.h - what the hostile peer does that an engine would not.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_ACTS_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_ACTS_H

struct weir_sim;

/** What it does, beside its lies (hostile_lies.h). */
enum weir_sim_act {
    WEIR_SIM_ACT_GARBAGE,   /* random bytes */
    WEIR_SIM_ACT_SHORT,     /* a frame that ends too early */
    WEIR_SIM_ACT_FLIPPED,   /* a heartbeat with a bit turned over */
    WEIR_SIM_ACT_REPLAY,    /* a frame that a node sent before */
    WEIR_SIM_ACT_SUMS,      /* sums of records that it does not have */
    WEIR_SIM_ACT_FLOOD,     /* very many requests */
    WEIR_SIM_ACT_GIANT,     /* a very large batch */
    WEIR_SIM_ACT_LANES,     /* lane after lane */
    WEIR_SIM_ACT_FUTURE,    /* a record stamped in a hundred years */
    WEIR_SIM_ACT_AHEAD,     /* batches far ahead of their lane */
    WEIR_SIM_ACT_STRANGER,  /* a Hello of another cluster, or of other versions of the wire */
    WEIR_SIM_ACT_STRANGE,   /* well-formed, and of no use to anybody */
    WEIR_SIM_ACT_ASKS,      /* requests with odd limits, groups and keys; audits from nowhere */
    WEIR_SIM_ACT_MALFORMED, /* frames with one fault each: hostile_faults.h */
    WEIR_SIM_ACTS,
};

/** It does something that an engine would not. */
void weir_sim_hostile_act(struct weir_sim *s);

#endif
