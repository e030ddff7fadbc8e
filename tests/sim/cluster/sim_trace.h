/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_trace.h - what happened in a run: a hash over all of it, the same on every host, and on
 * demand a line for each event.   Owner: one thread.   Limits: none.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_TRACE_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "node/base/span.h"

/** Kinds of lines. */
enum weir_sim_line {
    WEIR_SIM_LINE_START,   /* a node's process; value: its life */
    WEIR_SIM_LINE_CRASH,   /* value: the step it reached */
    WEIR_SIM_LINE_STATE,   /* of a node's engine changed; value: enum weir_engine_state */
    WEIR_SIM_LINE_UP,      /* a link; value: the peer */
    WEIR_SIM_LINE_DOWN,    /* a link; value: the peer */
    WEIR_SIM_LINE_FRAME,   /* came; value: its first byte and length */
    WEIR_SIM_LINE_WRITE,   /* asked of a node; value: enum weir_err of the response */
    WEIR_SIM_LINE_ACK,     /* value: seq, or the error */
    WEIR_SIM_LINE_PUT,     /* of a record; value: key << 32 | number of the write */
    WEIR_SIM_LINE_DROP,    /* likewise */
    WEIR_SIM_LINE_LANE,    /* the vector rose; value: number of the lane << 32 | seq */
    WEIR_SIM_LINE_WIPE,    /* of a store */
    WEIR_SIM_LINE_COMMIT,  /* of a turn; value: the error, or the hash of the store */
    WEIR_SIM_LINE_ALARM,   /* value: enum weir_alarm */
    WEIR_SIM_LINE_FAULT,   /* value: enum weir_sim_fault */
    WEIR_SIM_LINE_OVER,    /* a fault is; value: enum weir_sim_fault */
    WEIR_SIM_LINE_EXPORT,  /* a stale node saved its records */
    WEIR_SIM_LINE_HOSTILE, /* value: enum weir_sim_act */
    WEIR_SIM_LINE_HEAL,    /* faults end */
    WEIR_SIM_LINE_EQUAL,   /* all nodes are; value: us since the healing */
    WEIR_SIM_LINE_COUNT,
};

/** Zero state: a hash of nothing, no lines. */
struct weir_sim_trace {
    uint64_t hash;
    FILE *out; /* borrowed; NULL: no lines */
    uint64_t num;
};

/** One event. @param node  UINT32_MAX: of none */
void weir_sim_trace(struct weir_sim_trace *t, uint64_t at_us, enum weir_sim_line line,
                    uint32_t node, uint64_t value);
/** Bytes that belong to the last event; only hashed. */
void weir_sim_trace_bytes(struct weir_sim_trace *t, struct weir_span bytes);

#endif
